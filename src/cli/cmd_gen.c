/* silt gen: sensor readings into a topic. Reading the options, learning schema ids, sending. */
#include "cli/cli.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/output.h"
#include "cli/registry.h"
#include "cli/sensor_schema.h"
#include "config/config.h"
#include "consume/gen.h"
#include "consume/producer.h"
#include "net/http.h"

#include <string.h>
#include <unistd.h>

#define FLUSH_MS 30000
#define CREATE_MS 10000

struct job {
    const struct silt_args *args;
    const struct silt_config *config;
    const char *brokers;
    const char *topic;
    unsigned partitions_n; /* 0: the topic is there, or the broker makes it */
    struct silt_gen_opts gen;
    struct silt_producer *producer;
    uint64_t bad;
    uint64_t tombstones;
};

/* --- options ------------------------------------------------------------------------------- */

static SILT_RC read_key(const struct silt_args *args, enum silt_gen_key *ret_key,
                        struct silt_err *err)
{
    const char *key = silt_args_text(args, "key", "sensor_id");
    *ret_key = strcmp(key, "none") == 0 ? SILT_GEN_KEY_NONE : SILT_GEN_KEY_SENSOR_ID;
    if (*ret_key == SILT_GEN_KEY_NONE || strcmp(key, "sensor_id") == 0) return SILT_OK;
    SILT_FAIL(err, USAGE, "--key is \"%.40s\", but must be sensor_id or none", key);
}

static SILT_RC check_ratio(const struct silt_args *args, const char *name, double *ret_ratio,
                           struct silt_err *err)
{
    *ret_ratio = silt_args_double(args, name, 0);
    if (*ret_ratio > 1) SILT_FAIL(err, USAGE, "--%s is more than 1, which is all of them", name);
    return SILT_OK;
}

static SILT_RC check_count(const struct silt_args *args, const char *name, int64_t preset,
                           int64_t max, unsigned *ret_n, struct silt_err *err)
{
    const int64_t n = silt_args_int(args, name, preset);
    if (n < 1 || n > max)
        SILT_FAIL(err, USAGE, "--%s must be from 1 to %lld", name, (long long)max);
    *ret_n = (unsigned)n;
    return SILT_OK;
}

static enum silt_gen_framing framing_of(const struct silt_config *config)
{
    if (strcmp(config->schema.framing, "confluent") == 0) return SILT_GEN_CONFLUENT;
    const bool single = strcmp(config->schema.framing, "single_object") == 0;
    return single ? SILT_GEN_SINGLE_OBJECT : SILT_GEN_NO_FRAMING;
}

/* Readings are a millisecond apart, or as far as the rate says. */
static void set_times(struct job *job, double rate)
{
    job->gen.step_ms = rate > 0 && rate < 1000 ? (int64_t)(1000 / rate) : 1;
    job->gen.start_ms = silt_args_int(job->args, "start", silt_wall_ms());
}

static SILT_RC read_gen_opts(struct job *job, struct silt_err *err)
{
    const struct silt_args *args = job->args;
    struct silt_gen_opts *gen = &job->gen;
    gen->seed = (uint64_t)silt_args_int(args, "seed", 1);
    gen->records = (uint64_t)silt_args_int(args, "records", 1000);
    gen->framing = framing_of(job->config);
    SILT_TRY(check_count(args, "sensors", 100, 1000000, &gen->sensors, err));
    SILT_TRY(
        check_count(args, "schema-versions", 1, SILT_GEN_VERSIONS, &gen->schema_versions, err));
    SILT_TRY(check_ratio(args, "bad-ratio", &gen->bad_ratio, err));
    SILT_TRY(check_ratio(args, "tombstone-ratio", &gen->tombstone_ratio, err));
    SILT_TRY(read_key(args, &gen->key, err));
    if (gen->framing == SILT_GEN_NO_FRAMING && gen->schema_versions > 1)
        SILT_FAIL(
            err, USAGE,
            "--schema-versions needs a framing that tells them apart; schema.framing is none");
    set_times(job, silt_args_double(args, "rate", 0));
    return SILT_OK;
}

static SILT_RC read_opts(struct job *job, struct silt_err *err)
{
    const struct silt_strings *topics = &job->config->kafka.topics;
    const bool one_topic = topics->n == 1 && topics->items[0][0] != '^';
    job->brokers = silt_args_text(job->args, "brokers", job->config->kafka.brokers);
    job->topic = silt_args_text(job->args, "topic", one_topic ? topics->items[0] : "");
    if (!*job->brokers) SILT_FAIL(err, USAGE, "no brokers; give --brokers host:port");
    if (!*job->topic) SILT_FAIL(err, USAGE, "no topic; give --topic NAME");
    if (silt_args_int(job->args, "partitions", 0) > 0)
        SILT_TRY(check_count(job->args, "partitions", 0, 100000, &job->partitions_n, err));
    return read_gen_opts(job, err);
}

/* --- framing ------------------------------------------------------------------------------- */

static SILT_RC register_schemas(struct job *job, struct silt_http *http, struct silt_err *err)
{
    const struct silt_config *config = job->config;
    const struct silt_registry_opts opts = {
        .url = config->schema.registry,
        .user = config->schema.registry_user,
        .password = &config->schema.registry_password,
        .ca_file = config->s3.ca_file,
        .http = http,
    };
    for (unsigned v = 0; v < job->gen.schema_versions; v++)
        SILT_TRY(silt_registry_register(&opts, job->topic, silt_sensor_schema(v + 1),
                                        &job->gen.schema_ids[v], err));
    return SILT_OK;
}

static SILT_RC ask_registry(struct job *job, struct silt_err *err)
{
    struct silt_http *http;
    if (!*job->config->schema.registry)
        SILT_FAIL(
            err, USAGE,
            "schema.framing confluent needs --schema.registry URL (or --schema.framing none)");
    SILT_TRY(silt_http_start(&(struct silt_http_opts){0}, &http, err));
    const struct silt_rc rc = register_schemas(job, http, err);
    silt_http_stop(http);
    return rc;
}

static SILT_RC prepare_framing(struct job *job, struct silt_err *err)
{
    if (job->gen.framing == SILT_GEN_CONFLUENT) return ask_registry(job, err);
    if (job->gen.framing == SILT_GEN_SINGLE_OBJECT)
        return silt_sensor_fingerprints(job->gen.fingerprints, job->gen.schema_versions, err);
    return SILT_OK;
}

/* --- sending ------------------------------------------------------------------------------- */

static SILT_RC send_all(struct job *job, struct silt_gen *gen, struct silt_progress *progress,
                        struct silt_err *err)
{
    struct silt_generated made;
    while (silt_gen_next(gen, &made)) {
        SILT_TRY(silt_producer_send(job->producer, &made.rec, err));
        job->bad += made.reason != SILT_REASON_NONE;
        job->tombstones += made.rec.value_null;
        silt_progress_update(progress, made.rec.offset + 1, silt_mono_ms());
    }
    return silt_producer_flush(job->producer, FLUSH_MS, err);
}

static void print_sums(const struct job *job)
{
    FILE *out = job->args->cli->out;
    struct silt_producer_stats stats;
    silt_producer_stats(job->producer, &stats);
    if (job->args->json) {
        fprintf(out,
                "{\"topic\":\"%s\",\"records\":%llu,\"bad\":%llu,\"tombstones\":%llu,"
                "\"bytes\":%llu}\n",
                job->topic, (unsigned long long)stats.delivered, (unsigned long long)job->bad,
                (unsigned long long)job->tombstones, (unsigned long long)stats.bytes);
        return;
    }
    char count[SILT_HUMAN_LEN];
    char bytes[SILT_HUMAN_LEN];
    fprintf(out, "%s records in topic %s (%s), %llu of them broken, %llu tombstones\n",
            silt_human_count((int64_t)stats.delivered, count), job->topic,
            silt_human_bytes((int64_t)stats.bytes, bytes), (unsigned long long)job->bad,
            (unsigned long long)job->tombstones);
}

static SILT_RC generate(struct job *job, struct silt_err *err)
{
    struct silt_out out;
    silt_out_init(&out, job->args->cli->err, job->args->cli->environ);
    struct silt_progress progress = {
        .out = &out, .label = "gen", .unit = "records", .total = (int64_t)job->gen.records};
    struct silt_gen gen;
    silt_gen_init(&gen, &job->gen);
    silt_progress_start(&progress, silt_mono_ms());
    const struct silt_rc rc = send_all(job, &gen, &progress, err);
    silt_progress_end(&progress, (int64_t)gen.made, silt_mono_ms());
    silt_gen_done(&gen);
    return rc;
}

static SILT_RC open_producer(struct job *job, struct silt_err *err)
{
    const struct silt_pairs *pairs = &job->config->kafka.properties;
    if (job->config->kafka.sasl_aws_msk_iam)
        SILT_FAIL(
            err, UNSUPPORTED,
            "kafka.sasl_aws_msk_iam: this command cannot log in by IAM; run, lag and doctor can");
    struct silt_property *properties silt_auto(silt_free_auto) =
        silt_calloc(pairs->n + 1, sizeof(struct silt_property));
    for (unsigned i = 0; i < pairs->n; i++)
        properties[i] = (struct silt_property){pairs->names[i], pairs->values[i]};
    const struct silt_producer_opts opts = {
        .brokers = job->brokers,
        .topic = job->topic,
        .linger_ms = 5,
        .rate = silt_args_double(job->args, "rate", 0),
        .properties = properties,
        .properties_n = pairs->n,
    };
    return silt_producer_new(&opts, &job->producer, err);
}

static SILT_RC make_topic(struct job *job, struct silt_err *err)
{
    if (job->partitions_n == 0) return SILT_OK;
    return silt_producer_create_topic(job->producer, (int32_t)job->partitions_n, CREATE_MS, err);
}

static SILT_RC produce(struct job *job, struct silt_err *err)
{
    SILT_TRY(open_producer(job, err));
    SILT_TRY(make_topic(job, err));
    return generate(job, err);
}

static SILT_RC work(struct job *job, struct silt_err *err)
{
    SILT_TRY(read_opts(job, err));
    SILT_TRY(prepare_framing(job, err));
    if (!silt_ok(produce(job, err))) {
        silt_err_context(err, "brokers %.80s", job->brokers);
        return (struct silt_rc){false};
    }
    print_sums(job);
    return SILT_OK;
}

static int run_gen(const struct silt_args *args)
{
    struct silt_err err;
    struct job job = {.args = args, .config = args->config};
    /* the client repeats "brokers are down" many times a second; what failed is told once at the
     * end */
    silt_log_init(SILT_FATAL, SILT_LOG_TEXT, STDERR_FILENO);
    const struct silt_rc rc = work(&job, &err);
    silt_producer_free(job.producer);
    return silt_ok(rc) ? SILT_EXIT_DONE : silt_cli_fail(args, &err);
}

static const struct silt_flag flags[] = {
    {"brokers", SILT_FLAG_TEXT, "HOSTS", "brokers to start from (else kafka.brokers)"},
    {"topic", SILT_FLAG_TEXT, "NAME", "topic to write to (else kafka.topics when it is one)"},
    {"partitions", SILT_FLAG_INT, "N", "make the topic with N partitions when it is not there"},
    {"records", SILT_FLAG_INT, "N", "how many records (1000); 0 never ends"},
    {"rate", SILT_FLAG_DOUBLE, "N", "records a second at most (no limit)"},
    {"sensors", SILT_FLAG_INT, "N", "how many different sensors (100)"},
    {"bad-ratio", SILT_FLAG_DOUBLE, "R", "share of broken records, 0 to 1 (0)"},
    {"tombstone-ratio", SILT_FLAG_DOUBLE, "R", "share of records without a value (0)"},
    {"schema-versions", SILT_FLAG_INT, "N", "1, or 2 that take turns (1)"},
    {"key", SILT_FLAG_TEXT, "KIND", "sensor_id or none (sensor_id)"},
    {"seed", SILT_FLAG_INT, "N", "same seed and start, same bytes (1)"},
    {"start", SILT_FLAG_TIME, "TIME", "time of the first reading (now)"},
    {0},
};

extern const struct silt_command silt_command_gen;
const struct silt_command silt_command_gen = {
    .name = "gen",
    .summary = "writes sensor readings to a topic",
    .usage = "",
    .details =
        "Values are framed as schema.framing says; for confluent the schemas are registered\n"
        "at schema.registry under the subject <topic>-value.",
    .flags = flags,
    .config_use = SILT_CONFIG_LOADED,
    .fn = run_gen,
};
