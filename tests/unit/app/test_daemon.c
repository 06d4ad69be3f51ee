#include "app/daemon.h"

#include "base/alloc.h"
#include "base/log.h"
#include "consume/mock.h"
#include "consume/producer.h"
#include "harness.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TOPIC "readings"
#define LOOKS 12000 /* of 10 ms */
#define LONG_MS 120000

static struct silt_config *load(const char *const *flags, unsigned flags_n)
{
    struct silt_config *config = NULL;
    struct silt_err err = {0};
    const struct silt_config_input input = {.flags = flags, .flags_n = flags_n};
    if (!silt_config_load(&input, &config, &err).ok) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return config;
}

static void silence(void)
{
    silt_log_init(SILT_DEBUG, SILT_LOG_JSON, open("/dev/null", O_WRONLY | O_CLOEXEC));
}

/* ---- what cannot start ---- */

static void expect_no_start(const char *const *flags, unsigned flags_n, const char *text)
{
    struct silt_config *config = load(flags, flags_n);
    struct silt_daemon *daemon = NULL;
    struct silt_err err = {0};
    silence();
    CU_ASSERT_FAILS(silt_daemon_start(config, &daemon, &err));
    CU_ASSERT_PTR_NULL(daemon);
    if (!strstr(err.text, text)) fprintf(stderr, "%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, text));
    silt_config_free(config);
}

#define NO_START(text, ...)                        \
    expect_no_start((const char *[]){__VA_ARGS__}, \
                    sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), text)

static void a_root_that_is_none_is_named(void)
{
    NO_START("/dev/null/archive", "--kafka.brokers=127.0.0.1:1", "--kafka.topics=t",
             "--archive.root=file:///dev/null/archive");
}

static void a_store_that_nobody_serves_is_named(void)
{
    NO_START("127.0.0.1 port 1", "--kafka.brokers=127.0.0.1:1", "--kafka.topics=t",
             "--archive.root=s3://bucket/prefix", "--s3.endpoint=http://127.0.0.1:1",
             "--s3.region=us-east-1", "--s3.path_style=true", "--s3.access_key_id=a",
             "--s3.secret_access_key=b");
}

static void a_listener_that_cannot_listen_ends_the_start(void)
{
    char *root = silt_asprintf("--archive.root=file://%s/taken", silt_test_dir());
    NO_START("listen", root, "--kafka.brokers=127.0.0.1:1", "--kafka.topics=t",
             "--schema.registry=http://127.0.0.1:1", "--metrics.listen=203.0.113.1:1");
    silt_free(root);
}

static void a_property_that_breaks_the_protocol_ends_the_start(void)
{
    char *root = silt_asprintf("--archive.root=file://%s/property", silt_test_dir());
    NO_START("enable.auto.commit", root, "--kafka.brokers=127.0.0.1:1", "--kafka.topics=t",
             "--schema.registry=http://127.0.0.1:1",
             "--metrics.listen=", "--kafka.properties=enable.auto.commit=true");
    silt_free(root);
}

/* ---- a life ---- */

struct life {
    struct silt_mock *mock;
    struct silt_config *config;
    struct silt_daemon *daemon;
};

static void mask_signals(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(how, &set, NULL);
}

static void begin(struct life *life, const char *name, const char *worker)
{
    struct silt_err err = {0};
    *life = (struct life){0};
    mask_signals(SIG_BLOCK); /* the embedded broker's threads are there before the daemon */
    if (!silt_mock_new(1, &life->mock, &err).ok) abort();
    if (!silt_mock_add_topic(life->mock, TOPIC, 1, &err).ok) abort();
    char *brokers = silt_asprintf("--kafka.brokers=%s", silt_mock_brokers(life->mock));
    char *root = silt_asprintf("--archive.root=file://%s/%s", silt_test_dir(), name);
    char *schemas =
        silt_asprintf("--schema.files=%s/schemas/avro/sensor_reading.v1.avsc", SILT_SOURCE_DIR);
    const char *const flags[] = {brokers,
                                 root,
                                 schemas,
                                 worker,
                                 "--kafka.topics=" TOPIC,
                                 "--schema.framing=single_object",
                                 "--archive.max_age=1s",
                                 "--metrics.listen=127.0.0.1:0",
                                 "--metrics.lag_interval=100ms",
                                 "--log.level=debug"};
    life->config = load(flags, sizeof flags / sizeof flags[0]);
    silt_daemon_prepare(life->config);
    silence();
    CU_ASSERT_OK(silt_daemon_start(life->config, &life->daemon, &err));
    if (!life->daemon) fprintf(stderr, "%s\n", err.text);
    silt_free(brokers);
    silt_free(root);
    silt_free(schemas);
}

static void end(struct life *life)
{
    struct silt_err err = {0};
    CU_ASSERT_OK(silt_daemon_stop(life->daemon, &err));
    silt_config_free(life->config);
    silt_mock_free(life->mock);
    mask_signals(SIG_UNBLOCK);
}

static void send_one(const struct life *life)
{
    struct silt_producer *producer = NULL;
    struct silt_err err = {0};
    const struct silt_producer_opts opts = {.brokers = silt_mock_brokers(life->mock),
                                            .topic = TOPIC};
    const struct silt_record rec = {
        .partition = 0, .timestamp_ms = 1700000000000, .key_null = true, .value_null = true};
    CU_ASSERT_OK(silt_producer_new(&opts, &producer, &err));
    CU_ASSERT_OK(silt_producer_send(producer, &rec, &err));
    CU_ASSERT_OK(silt_producer_flush(producer, LONG_MS, &err));
    silt_producer_free(producer);
}

static void a_daemon_archives_and_stops(void)
{
    struct life life;
    begin(&life, "life", "--metrics.worker=me");
    send_one(&life);
    const struct silt_metrics *metrics = silt_daemon_metrics(life.daemon);
    unsigned looks = 0;
    while (looks < LOOKS && (atomic_load(&metrics->gauges[SILT_GAUGE_RECORDS_ARCHIVED]) < 1 ||
                             !silt_daemon_is_caught_up(life.daemon))) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        looks++;
    }
    CU_ASSERT(looks < LOOKS);
    CU_ASSERT(silt_daemon_port(life.daemon) > 0);
    CU_ASSERT_FALSE(silt_daemon_has_ended(life.daemon));
    end(&life);
}

/* ---- what changes while it runs ---- */

struct again {
    const char *flags[2];
    unsigned loads;
};

/* The wait ends after the second load, as after a signal. */
static SILT_RC load_again(void *ctx, struct silt_config **ret_config, struct silt_err *err)
{
    struct again *again = ctx;
    const struct silt_config_input input = {.flags = again->flags, .flags_n = 2};
    if (++again->loads == 2) CU_ASSERT_EQUAL(kill(getpid(), SIGTERM), 0);
    if (again->loads == 1) CU_ASSERT_EQUAL(kill(getpid(), SIGHUP), 0);
    if (again->loads == 1) SILT_FAIL(err, CONFIG, "silt.yaml:1: broken");
    return silt_config_load(&input, ret_config, err);
}

static const struct silt_daemon_care no_care;

static void a_hangup_reads_the_configuration_again(void)
{
    struct life life;
    struct again again = {.flags = {"--log.level=error", "--memory=64MiB"}};
    const struct silt_reload reload = {.load = load_again, .ctx = &again};
    char path[300];
    begin(&life, "hangup", "--metrics.worker=me");
    snprintf(path, sizeof path, "%s/hangup.log", silt_test_dir());
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    silt_log_init(SILT_DEBUG, SILT_LOG_JSON, fd);
    CU_ASSERT_EQUAL(kill(getpid(), SIGHUP), 0);
    silt_daemon_wait(life.daemon, &(struct silt_daemon_care){.reload = &reload});
    CU_ASSERT_EQUAL(again.loads, 2);
    CU_ASSERT(!silt_log_enabled(SILT_WARN));
    silence();
    close(fd);
    char *log = silt_test_read(path, NULL);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(log, "\"event\":\"reload_failed\",\"msg\":\"silt.yaml:1: broken\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(log, "\"option\":\"memory\""));
    CU_ASSERT_PTR_NULL(strstr(log, "\"option\":\"log.level\""));
    free(log);
    end(&life);
}

static void a_signal_ends_the_wait_and_the_worker(void)
{
    static const int signals[] = {SIGTERM, SIGINT};
    for (int i = 0; i < 2; i++) {
        struct life life;
        begin(&life, i ? "int" : "term", "--metrics.worker="); /* named after the host */
        CU_ASSERT_EQUAL(kill(getpid(), signals[i]), 0);
        CU_ASSERT_EQUAL(kill(getpid(), signals[i]), 0); /* at once: the same wish */
        silt_daemon_wait(life.daemon, &no_care);
        end(&life);
    }
}

static void a_wait_for_one_that_has_ended_returns(void)
{
    struct life life;
    begin(&life, "ended", "--metrics.worker=me");
    CU_ASSERT_EQUAL(kill(getpid(), SIGTERM), 0);
    silt_daemon_wait(life.daemon, &no_care);
    unsigned looks = 0;
    while (looks++ < LOOKS && !silt_daemon_has_ended(life.daemon))
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    CU_ASSERT(silt_daemon_has_ended(life.daemon));
    silt_daemon_wait(life.daemon, &no_care);
    end(&life);
}

SILT_TESTS("daemon", {"a root that is none is named", a_root_that_is_none_is_named},
           {"a store that nobody serves is named", a_store_that_nobody_serves_is_named},
           {"a listener that cannot listen ends the start",
            a_listener_that_cannot_listen_ends_the_start},
           {"a property that breaks the protocol ends the start",
            a_property_that_breaks_the_protocol_ends_the_start},
           {"a daemon archives and stops", a_daemon_archives_and_stops},
           {"a hangup reads the configuration again", a_hangup_reads_the_configuration_again},
           {"a signal ends the wait and the worker", a_signal_ends_the_wait_and_the_worker},
           {"a wait for one that has ended returns", a_wait_for_one_that_has_ended_returns})
