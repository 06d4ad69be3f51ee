#include "base/alloc.h"
#include "consume/mock.h"
#include "run_cli.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

extern const struct silt_command silt_command_demo;
extern const struct silt_command silt_command_run;

/* The log goes where the process prints, which is not what is looked at here. */
static struct ran run_quietly(const char *const *words, unsigned words_n)
{
    static const struct silt_command *const commands[] = {&silt_command_run, &silt_command_demo};
    if (chdir(silt_test_dir()) != 0) abort();
    int out = dup(STDOUT_FILENO);
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, STDOUT_FILENO);
    struct ran ran = run_with(commands, 2, NULL, words, words_n);
    dup2(out, STDOUT_FILENO);
    close(nowhere);
    close(out);
    return ran;
}

#define QUIETLY(...)                                \
    run_quietly((const char *const[]){__VA_ARGS__}, \
                sizeof(const char *const[]){__VA_ARGS__} / sizeof(char *))

static void check_refused(struct ran ran, int code, const char *part)
{
    CU_ASSERT_EQUAL(ran.code, code);
    CU_ASSERT_STRING_EQUAL(ran.out, "");
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.err, part));
    if (!strstr(ran.err, part)) fprintf(stderr, "\n  %d %s\n", ran.code, ran.err);
    ran_done(&ran);
}

static void a_worker_without_its_options_does_not_start(void)
{
    check_refused(QUIETLY("run"), 2, "kafka.");
    check_refused(QUIETLY("run", "--kafka.brokers=127.0.0.1:1", "--kafka.topics=t",
                          "--archive.root=file:///dev/null/x",
                          "--schema.registry=http://127.0.0.1:1"),
                  2, "file:///dev/null/x");
}

/* Blocked, a signal that came before the start waits for the worker. */
static void a_signal_ends_the_worker_well(void)
{
    struct silt_mock *mock = NULL;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL); /* the embedded broker's threads too */
    if (!silt_mock_new(1, &mock, NULL).ok) abort();
    CU_ASSERT_OK(silt_mock_add_topic(mock, "sensors", 1, NULL));
    char *brokers = silt_asprintf("--kafka.brokers=%s", silt_mock_brokers(mock));
    char *root = silt_asprintf("--archive.root=file://%s/run", silt_test_dir());
    CU_ASSERT_EQUAL(kill(getpid(), SIGTERM), 0);
    struct ran ran =
        QUIETLY("run", brokers, root, "--kafka.topics=sensors",
                "--schema.registry=http://127.0.0.1:1", "--metrics.listen=127.0.0.1:0");
    CU_ASSERT_EQUAL(ran.code, 0);
    CU_ASSERT_STRING_EQUAL(ran.out, "");
    CU_ASSERT_STRING_EQUAL(ran.err, "");
    ran_done(&ran);
    silt_free(brokers);
    silt_free(root);
    silt_mock_free(mock);
}

/* ---- demo ---- */

static void the_demo_ends_with_a_proof(void)
{
    for (int again = 0; again < 2; again++) { /* in the same folder: the archive goes on */
        struct ran ran = QUIETLY("demo", "--records=300", "--seconds=1", "--dir=demo");
        CU_ASSERT_EQUAL(ran.code, 0);
        CU_ASSERT_EQUAL(strncmp(ran.out, "silt demo: 300 readings of 50 sensors into topic ", 49),
                        0);
        CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "verify: OK ("));
        CU_ASSERT_STRING_EQUAL(ran.err, "");
        if (ran.code) fprintf(stderr, "\n%s\n%s\n", ran.out, ran.err);
        ran_done(&ran);
    }
}

static void for_machines_the_demo_is_its_verdict(void)
{
    struct ran ran = QUIETLY("demo", "--records=100", "--seconds=1", "--dir=machine", "--json");
    CU_ASSERT_EQUAL(ran.code, 0);
    CU_ASSERT_EQUAL(strncmp(ran.out, "{\"ok\":true,\"partitions\":4,", 26), 0);
    CU_ASSERT_PTR_EQUAL(strchr(ran.out, '\n'), ran.out + strlen(ran.out) - 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.err, "verify: OK ("));
    ran_done(&ran);
}

static void a_demo_without_its_folder_says_so(void)
{
    check_refused(QUIETLY("demo", "--dir=/dev/null/x"), 2, "cannot make the folder /dev/null/x");
    CU_ASSERT_EQUAL(mkdir("taken", 0755), 0);
    CU_ASSERT_EQUAL(mkdir("taken/silt.log", 0755), 0);
    check_refused(QUIETLY("demo", "--dir=taken"), 2, "silt.log: Is a directory");
    CU_ASSERT_EQUAL(mkdir("full", 0755), 0);
    CU_ASSERT_EQUAL(mkdir("full/sensor_reading.v1.avsc", 0755), 0);
    check_refused(QUIETLY("demo", "--dir=full"), 2, "sensor_reading.v1.avsc: Is a directory");
}

SILT_TESTS("cmd_run",
           {"a worker without its options does not start",
            a_worker_without_its_options_does_not_start},
           {"a signal ends the worker well", a_signal_ends_the_worker_well},
           {"the demo ends with a proof", the_demo_ends_with_a_proof},
           {"for machines the demo is its verdict", for_machines_the_demo_is_its_verdict},
           {"a demo without its folder says so", a_demo_without_its_folder_says_so})
