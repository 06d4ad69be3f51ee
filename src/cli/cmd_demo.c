/* silt demo: everything in one process. An embedded broker, a generator, the worker, and an archive
 * in a folder. */
#include "cli/cli.h"

#include "app/daemon.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/demo_report.h"
#include "cli/output.h"
#include "cli/sensor_schema.h"
#include "cli/verify_json.h"
#include "config/config.h"
#include "consume/gen.h"
#include "consume/mock.h"
#include "consume/producer.h"
#include "record/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOPIC "sensors"
#define PARTITIONS 4
#define SENSORS 50
#define BAD_RATIO 0.01
#define TOMBSTONE_RATIO 0.005
#define STALL_MS 60000 /* no progress for so long: something is wrong */
#define FLUSH_MS 30000

struct demo {
    const struct silt_args *args;
    char *dir; /* absolute */
    int64_t records;
    int64_t seconds;
    struct silt_mock *mock;
    struct silt_config *config;
    struct silt_daemon *daemon;
    struct silt_producer *producer;
    int64_t start_ms;
};

/* ---- the folder ---- */

static SILT_RC make_dir(const char *path, struct silt_err *err)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return SILT_OK;
    SILT_FAIL(err, CONFIG, "cannot make the folder %s: %s", path, strerror(errno));
}

static SILT_RC write_file(const char *path, const char *text, struct silt_err *err)
{
    FILE *file = fopen(path, "w");
    bool good = file && fputs(text, file) >= 0;
    if (file) good = fclose(file) == 0 && good;
    if (!good) SILT_FAIL(err, CONFIG, "cannot write %s: %s", path, strerror(errno));
    return SILT_OK;
}

static SILT_RC prepare_dir(struct demo *demo, struct silt_err *err)
{
    const char *dir = silt_args_text(demo->args, "dir", "silt-demo");
    SILT_TRY(make_dir(dir, err));
    char *absolute = realpath(dir, NULL);
    if (!absolute) SILT_FAIL(err, CONFIG, "cannot use the folder %s: %s", dir, strerror(errno));
    demo->dir = silt_strdup(absolute);
    free(absolute); /* library memory */
    for (unsigned v = 1; v <= SILT_GEN_VERSIONS; v++) {
        char *path silt_auto(silt_free_auto) =
            silt_asprintf("%s/sensor_reading.v%u.avsc", demo->dir, v);
        SILT_TRY(write_file(path, silt_sensor_schema(v), err));
    }
    return SILT_OK;
}

/* ---- the worker ---- */

static SILT_RC load_config(struct demo *demo, struct silt_err *err)
{
    char *brokers silt_auto(silt_free_auto) =
        silt_asprintf("--kafka.brokers=%s", silt_mock_brokers(demo->mock));
    char *root silt_auto(silt_free_auto) =
        silt_asprintf("--archive.root=file://%s/archive", demo->dir);
    char *schemas silt_auto(silt_free_auto) = silt_asprintf(
        "--schema.files=%s/sensor_reading.v1.avsc,%s/sensor_reading.v2.avsc", demo->dir, demo->dir);
    const char *const flags[] = {brokers,
                                 root,
                                 schemas,
                                 "--kafka.topics=" TOPIC,
                                 "--kafka.group=silt-demo",
                                 "--schema.framing=single_object",
                                 "--archive.max_age=3s",
                                 "--metrics.listen=127.0.0.1:0",
                                 "--metrics.lag_interval=500ms",
                                 "--metrics.interval=1s"};
    const struct silt_config_input input = {.flags = flags,
                                            .flags_n = sizeof flags / sizeof flags[0]};
    return silt_config_load(&input, &demo->config, err);
}

/* The log would bury the demo: it goes to a file beside the archive. */
static SILT_RC log_to_file(const struct demo *demo, struct silt_err *err)
{
    char *path silt_auto(silt_free_auto) = silt_asprintf("%s/silt.log", demo->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) SILT_FAIL(err, CONFIG, "cannot write %s: %s", path, strerror(errno));
    silt_log_init(SILT_INFO, SILT_LOG_JSON, fd);
    return SILT_OK;
}

static SILT_RC start(struct demo *demo, struct silt_err *err)
{
    SILT_TRY(prepare_dir(demo, err));
    SILT_TRY(silt_mock_new(1, &demo->mock, err));
    SILT_TRY(silt_mock_add_topic(demo->mock, TOPIC, PARTITIONS, err));
    SILT_TRY(load_config(demo, err));
    silt_daemon_prepare(demo->config);
    SILT_TRY(log_to_file(demo, err));
    return silt_daemon_start(demo->config, &demo->daemon, err);
}

/* ---- the readings ---- */

static int64_t settled(const struct demo *demo)
{
    const struct silt_metrics *m = silt_daemon_metrics(demo->daemon);
    return atomic_load(&m->gauges[SILT_GAUGE_RECORDS_ARCHIVED]) +
           atomic_load(&m->gauges[SILT_GAUGE_RECORDS_REJECTED]);
}

static SILT_RC produce(struct demo *demo, struct silt_progress *progress, struct silt_err *err)
{
    struct silt_gen gen;
    struct silt_generated made;
    struct silt_gen_opts opts = {.seed = (uint64_t)demo->start_ms,
                                 .records = (uint64_t)demo->records,
                                 .sensors = SENSORS,
                                 .bad_ratio = BAD_RATIO,
                                 .tombstone_ratio = TOMBSTONE_RATIO,
                                 .schema_versions = SILT_GEN_VERSIONS,
                                 .key = SILT_GEN_KEY_SENSOR_ID,
                                 .framing = SILT_GEN_SINGLE_OBJECT,
                                 .start_ms = demo->start_ms - 3600000,
                                 .step_ms = 1 + 3600000 / demo->records};
    SILT_TRY(silt_sensor_fingerprints(opts.fingerprints, SILT_GEN_VERSIONS, err));
    silt_gen_init(&gen, &opts);
    struct silt_rc rc = SILT_OK;
    while (silt_ok(rc) && silt_gen_next(&gen, &made)) {
        rc = silt_producer_send(demo->producer, &made.rec, err);
        if (made.rec.offset % 256 == 0)
            silt_progress_update(progress, settled(demo), silt_mono_ms());
    }
    silt_gen_done(&gen);
    return silt_ok(rc) ? silt_producer_flush(demo->producer, FLUSH_MS, err) : rc;
}

static SILT_RC wait_settled(struct demo *demo, struct silt_progress *progress, struct silt_err *err)
{
    int64_t before = -1;
    int64_t moved_ms = silt_mono_ms();
    for (int64_t now = settled(demo); now < demo->records; now = settled(demo)) {
        int64_t now_ms = silt_mono_ms();
        if (now != before) moved_ms = now_ms;
        before = now;
        if (silt_daemon_has_ended(demo->daemon) || now_ms - moved_ms > STALL_MS)
            SILT_FAIL(err, TIMEOUT, "only %lld of %lld readings were archived; see %s/silt.log",
                      (long long)now, (long long)demo->records, demo->dir);
        silt_progress_update(progress, now, now_ms);
        const struct timespec look = {.tv_nsec = 50000000};
        nanosleep(&look, NULL); /* lint: the demo watches from outside */
    }
    return SILT_OK;
}

static SILT_RC run_readings(struct demo *demo, struct silt_err *err)
{
    struct silt_out out;
    struct silt_progress progress = {
        .out = &out, .label = "archived", .unit = "readings", .total = demo->records};
    const struct silt_producer_opts opts = {.brokers = silt_mock_brokers(demo->mock),
                                            .topic = TOPIC,
                                            .linger_ms = 20,
                                            .rate = (double)demo->records / (double)demo->seconds};
    silt_out_init(&out, demo->args->cli->out, demo->args->cli->environ);
    SILT_TRY(silt_producer_new(&opts, &demo->producer, err));
    silt_progress_start(&progress, silt_mono_ms());
    SILT_TRY(produce(demo, &progress, err));
    SILT_TRY(wait_settled(demo, &progress, err));
    silt_progress_end(&progress, settled(demo), silt_mono_ms());
    return SILT_OK;
}

/* ---- the story ---- */

static SILT_RC tell(struct demo *demo, struct silt_verify_totals *ret_totals, struct silt_err *err)
{
    FILE *out = demo->args->cli->out;
    SILT_TRY(start(demo, err));
    fprintf(out,
            "silt demo: %lld readings of %d sensors into topic " TOPIC
            " (%d partitions), about one in "
            "a hundred broken\n"
            "  archive  %s/archive\n"
            "  log      %s/silt.log\n"
            "  live     http://127.0.0.1:%d/\n",
            (long long)demo->records, SENSORS, PARTITIONS, demo->dir, demo->dir,
            silt_daemon_port(demo->daemon));
    fflush(out);
    SILT_TRY(run_readings(demo, err));
    struct silt_daemon *daemon = demo->daemon;
    struct silt_metrics_snapshot *counts silt_auto(silt_free_auto) =
        SILT_NEW(struct silt_metrics_snapshot);
    silt_metrics_snapshot(silt_daemon_metrics(daemon), counts);
    demo->daemon = NULL;
    SILT_TRY(silt_daemon_stop(daemon, err));
    return silt_demo_report(demo->config, counts, demo->start_ms, demo->args->cli, ret_totals, err);
}

static void release(struct demo *demo)
{
    struct silt_err ignored;
    if (demo->daemon && !silt_ok(silt_daemon_stop(demo->daemon, &ignored)))
        fprintf(demo->args->cli->err, "silt demo: %s\n", ignored.text);
    silt_producer_free(demo->producer);
    silt_config_free(demo->config);
    silt_mock_free(demo->mock);
    silt_free(demo->dir);
}

/* For machines the story goes to stderr and the verdict alone to stdout. */
static int run(const struct silt_args *args)
{
    struct silt_err err;
    struct silt_verify_totals totals = {0};
    struct silt_cli people = *args->cli;
    struct silt_args told = *args;
    told.cli = &people;
    if (args->json) people.out = people.err;
    struct demo demo = {.args = &told,
                        .records = silt_args_int(args, "records", 20000),
                        .seconds = silt_args_int(args, "seconds", 5),
                        .start_ms = silt_wall_ms()};
    if (demo.records < 1) demo.records = 1;
    if (demo.seconds < 1) demo.seconds = 1;
    struct silt_rc rc = tell(&demo, &totals, &err);
    release(&demo);
    if (!silt_ok(rc)) return silt_cli_fail(args, &err);
    if (args->json) silt_verify_totals_json(args->cli->out, &totals);
    return totals.faults || totals.pending ? SILT_EXIT_FAILED : SILT_EXIT_DONE;
}

static const struct silt_flag flags[] = {
    {"dir", SILT_FLAG_TEXT, "DIR", "folder of the archive (silt-demo); used again when it exists"},
    {"seconds", SILT_FLAG_INT, "N", "how long the readings take to arrive (5)"},
    {"records", SILT_FLAG_INT, "N", "how many readings (20000)"},
    {0},
};

extern const struct silt_command silt_command_demo;
const struct silt_command silt_command_demo = {
    .name = "demo",
    .summary = "shows it all in one process: broker, readings, archive, verify",
    .usage = "",
    .flags = flags,
    .config_use = SILT_CONFIG_UNUSED,
    .fn = run,
};
