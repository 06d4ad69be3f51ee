#include "run_cli.h"

#include "harness.h"

extern const struct silt_command silt_command_doctor;

static struct ran doctor(const char *const *words, unsigned words_n)
{
    static const struct silt_command *const commands[] = {&silt_command_doctor};
    if (chdir(silt_test_dir()) != 0) abort();
    return run_with(commands, 1, NULL, words, words_n);
}
#define DOCTOR(...)                                      \
    doctor((const char *const[]){"doctor", __VA_ARGS__}, \
           sizeof(const char *const[]){"doctor", __VA_ARGS__} / sizeof(char *))

static void a_configuration_that_cannot_be_used_ends_it(void)
{
    check_ran(DOCTOR("--json"), 2,
              "{\"check\":\"config\",\"state\":\"failed\",\"finding\":\"kafka.brokers is not set; "
              "put it into the file, SILT_KAFKA_BROKERS or --kafka.brokers=localhost:9092\","
              "\"mend\":\"correct this first, nothing else was tried; silt config --explain shows "
              "who set what\"}\n",
              "");
}

static void one_check_alone(void)
{
    char root[300];
    snprintf(root, sizeof root, "--archive.root=file://%s/b", silt_test_dir());
    struct ran ran = DOCTOR("--kafka.brokers=127.0.0.1:1", "--kafka.topics=t", root,
                            "--schema.registry=http://127.0.0.1:1", "store.list");
    CU_ASSERT_EQUAL(ran.code, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "doctor: OK (4 ok, "));
    ran_done(&ran);
    ran = DOCTOR("--kafka.brokers=127.0.0.1:1", "--kafka.topics=t", root,
                 "--schema.registry=http://127.0.0.1:1", "stroe");
    CU_ASSERT_EQUAL(ran.code, 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.err, "no check is called \"stroe\""));
    ran_done(&ran);
}

static void only_what_cannot_be_reached_is_a_code_of_its_own(void)
{
    char root[300];
    snprintf(root, sizeof root, "--archive.root=file://%s/a", silt_test_dir());
    struct ran ran = DOCTOR("--kafka.brokers=127.0.0.1:1", "--kafka.topics=t", root,
                            "--schema.registry=http://127.0.0.1:1");
    CU_ASSERT_EQUAL(ran.code, 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "failed   kafka.brokers"));
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "to mend: check host and port in kafka.brokers"));
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "\ndoctor: FAILED ("));
    ran_done(&ran);
    ran = DOCTOR("--kafka.brokers=127.0.0.1:1", "--kafka.topics=t", root, "--json",
                 "--schema.framing=none", "--schema.files=/nowhere.avsc");
    CU_ASSERT_EQUAL(ran.code, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "{\"check\":\"store.write\",\"state\":\"ok\""));
    CU_ASSERT_PTR_NULL(strstr(ran.out, "doctor: "));
    ran_done(&ran);
}

SILT_TESTS("cmd_doctor",
           {"a configuration that cannot be used ends it",
            a_configuration_that_cannot_be_used_ends_it},
           {"one check alone", one_check_alone},
           {"only what cannot be reached is a code of its own",
            only_what_cannot_be_reached_is_a_code_of_its_own})
