#include "base/log.h"
#include "consumer_int.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_MIN ((int64_t)1 << 20)
#define FETCH_MAX ((int64_t)16 << 20)
#define QUEUE_DEFAULT ((int64_t)32 << 20)

/* What the protocol needs. A property of the user may say the same, nothing else; value NULL: it is
 * set elsewhere and may not be given as a property at all. */
static const struct {
    const char *name;
    const char *value;
    const char *why;
} forced[] = {
    {"enable.auto.commit", "false", "an offset is committed only when its slot is durable"},
    {"auto.commit.enable", NULL, "an offset is committed only when its slot is durable"},
    {"enable.auto.offset.store", "false", "an offset is committed only when its slot is durable"},
    {"auto.offset.reset", "error",
     "the archive knows where to go on; a reset would lose or repeat records"},
    {"isolation.level", "read_committed", "aborted records must not be archived"},
    {"check.crcs", "true", "a damaged batch must be noticed"},
    {"enable.partition.eof", "true", "it tells where the records of a partition end"},
    {"allow.auto.create.topics", "false", "reading must not create topics"},
    {"log.queue", "false", "log lines are written where they happen"},
    {"bootstrap.servers", NULL, "set kafka.brokers"},
    {"metadata.broker.list", NULL, "set kafka.brokers"},
    {"group.id", NULL, "set kafka.group"},
    {"group.protocol", NULL, "set kafka.group_protocol"},
    {"group.instance.id", NULL, "set kafka.instance_id"},
    {"client.rack", NULL, "set kafka.rack"},
    {"queued.max.messages.kbytes", NULL, "it is a share of the memory budget: set memory"},
};
#define FORCED_N (sizeof forced / sizeof forced[0])

static const struct silt_property defaults[] = {
    {"client.id", "silt"},
    {"queued.min.messages", "10000"},
    {"fetch.queue.backoff.ms", "5"},
    {"fetch.error.backoff.ms", "50"}, /* what stepping over a damaged batch costs per offset */
    {"topic.metadata.refresh.interval.ms", "30000"}, /* new topics and partitions are seen then */
    {"socket.keepalive.enable", "true"},
    {"enable.metrics.push", "false"},
};

static const char *property(const struct silt_consumer_opts *opts, const char *name)
{
    for (unsigned i = 0; i < opts->properties_n; i++)
        if (strcmp(opts->properties[i].name, name) == 0) return opts->properties[i].value;
    return NULL;
}

static bool is_classic(const struct silt_consumer_opts *opts)
{
    return !opts->group_protocol || strcmp(opts->group_protocol, "classic") == 0;
}

static SILT_RC check_forced(const struct silt_consumer_opts *opts, struct silt_err *err)
{
    for (size_t i = 0; i < FORCED_N; i++) {
        const char *given = property(opts, forced[i].name);
        if (!given || (forced[i].value && strcmp(given, forced[i].value) == 0)) continue;
        SILT_FAIL(err, CONFIG, "kafka.properties: %s cannot be %s: %s; remove it", forced[i].name,
                  forced[i].value ? "changed" : "given", forced[i].why);
    }
    return SILT_OK;
}

SILT_RC silt_kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                       struct silt_err *err)
{
    char text[200];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK) return SILT_OK;
    SILT_FAIL(err, CONFIG, "kafka.properties: %s: %s", name, text);
}

static SILT_RC set_int(rd_kafka_conf_t *conf, const char *name, int64_t value, struct silt_err *err)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return silt_kafka_set(conf, name, text, err);
}

/* A response may overshoot the queue by its size, so the two go together. */
static SILT_RC set_sizes(rd_kafka_conf_t *conf, int64_t queue_max_bytes, struct silt_err *err)
{
    int64_t queue = queue_max_bytes ? queue_max_bytes : QUEUE_DEFAULT;
    int64_t fetch = queue / 2;
    if (fetch < FETCH_MIN) fetch = FETCH_MIN;
    if (fetch > FETCH_MAX) fetch = FETCH_MAX;
    SILT_TRY(set_int(conf, "queued.max.messages.kbytes", queue < 1024 ? 1 : queue / 1024, err));
    SILT_TRY(set_int(conf, "fetch.max.bytes", fetch, err));
    return set_int(conf, "fetch.message.max.bytes", FETCH_MIN, err);
}

static SILT_RC set_defaults(rd_kafka_conf_t *conf, const struct silt_consumer_opts *opts,
                            struct silt_err *err)
{
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        SILT_TRY(silt_kafka_set(conf, defaults[i].name, defaults[i].value, err));
    SILT_TRY(set_sizes(conf, opts->queue_max_bytes, err));
    if (is_classic(opts))
        SILT_TRY(silt_kafka_set(conf, "partition.assignment.strategy", "cooperative-sticky", err));
    return SILT_OK;
}

/* What the classic protocol lets a client choose, the broker decides with KIP-848. librdkafka only
 * says that a value is invalid. */
static SILT_RC check_protocol(const struct silt_consumer_opts *opts, struct silt_err *err)
{
    static const char *const classic[] = {"partition.assignment.strategy", "session.timeout.ms",
                                          "heartbeat.interval.ms", "group.protocol.type"};
    if (is_classic(opts)) return SILT_OK;
    for (size_t i = 0; i < sizeof classic / sizeof classic[0]; i++)
        if (property(opts, classic[i]))
            SILT_FAIL(err, CONFIG,
                      "kafka.properties: %s cannot be set with kafka.group_protocol consumer: the "
                      "broker decides it; remove it",
                      classic[i]);
    return SILT_OK;
}

static SILT_RC set_member(rd_kafka_conf_t *conf, const struct silt_consumer_opts *opts,
                          struct silt_err *err)
{
    const struct silt_property member[] = {
        {"group.protocol", is_classic(opts) ? "classic" : "consumer"},
        {"group.instance.id", opts->instance_id},
        {"client.rack", opts->rack},
    };
    for (size_t i = 0; i < sizeof member / sizeof member[0]; i++)
        if (member[i].value && *member[i].value)
            SILT_TRY(silt_kafka_set(conf, member[i].name, member[i].value, err));
    /* librdkafka assigns by hand only with a group id; without a subscription it is never joined.
     */
    return silt_kafka_set(conf, "group.id", opts->group ? opts->group : "silt-no-group", err);
}

static SILT_RC set_all(rd_kafka_conf_t *conf, const struct silt_consumer_opts *opts,
                       struct silt_err *err)
{
    SILT_TRY(set_defaults(conf, opts, err));
    SILT_TRY(silt_token_conf(opts->token, conf, err));
    for (unsigned i = 0; i < opts->properties_n; i++)
        SILT_TRY(silt_kafka_set(conf, opts->properties[i].name, opts->properties[i].value, err));
    for (size_t i = 0; i < FORCED_N; i++)
        if (forced[i].value) SILT_TRY(silt_kafka_set(conf, forced[i].name, forced[i].value, err));
    if (opts->sees_aborted)
        SILT_TRY(silt_kafka_set(conf, "isolation.level", "read_uncommitted", err));
    SILT_TRY(silt_kafka_set(conf, "bootstrap.servers", opts->brokers, err));
    return set_member(conf, opts, err);
}

SILT_RC silt_consumer_conf(const struct silt_consumer_opts *opts, rd_kafka_conf_t **ret_conf,
                           struct silt_err *err)
{
    SILT_TRY(check_forced(opts, err));
    SILT_TRY(check_protocol(opts, err));
    if (opts->needs_token && !opts->token)
        SILT_FAIL(err, UNSUPPORTED,
                  "kafka.sasl_aws_msk_iam: this command cannot log in by IAM; run, lag, where, "
                  "replay and doctor can");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!silt_ok(set_all(conf, opts, err))) {
        rd_kafka_conf_destroy(conf);
        return (struct silt_rc){false};
    }
    *ret_conf = conf;
    return SILT_OK;
}

const char *silt_consumer_features(void)
{
    static char text[256];
    size_t len = sizeof text;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_get(conf, "builtin.features", text, &len) != RD_KAFKA_CONF_OK) text[0] = '\0';
    rd_kafka_conf_destroy(conf);
    return text;
}

static const struct {
    rd_kafka_resp_err_t kafka;
    enum silt_code code;
} codes[] = {
    {RD_KAFKA_RESP_ERR__BAD_MSG, SILT_E_CORRUPT},
    {RD_KAFKA_RESP_ERR__BAD_COMPRESSION, SILT_E_CORRUPT},
    {RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED, SILT_E_CORRUPT},
    {RD_KAFKA_RESP_ERR__UNDERFLOW, SILT_E_CORRUPT},
    {RD_KAFKA_RESP_ERR_INVALID_MSG, SILT_E_CORRUPT},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, SILT_E_LIMIT},
    {RD_KAFKA_RESP_ERR__QUEUE_FULL, SILT_E_THROTTLED},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, SILT_E_TIMEOUT},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, SILT_E_TIMEOUT},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, SILT_E_UNAVAILABLE},
    {RD_KAFKA_RESP_ERR__TRANSPORT, SILT_E_CONNECT},
    {RD_KAFKA_RESP_ERR__RESOLVE, SILT_E_CONNECT},
    {RD_KAFKA_RESP_ERR__SSL, SILT_E_CONNECT},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, SILT_E_AUTH},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, SILT_E_AUTH},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, SILT_E_DENIED},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, SILT_E_DENIED},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, SILT_E_DENIED},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, SILT_E_NOT_FOUND},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, SILT_E_NOT_FOUND},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, SILT_E_NOT_FOUND},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID, SILT_E_NOT_FOUND},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, SILT_E_UNSUPPORTED},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, SILT_E_UNSUPPORTED},
    {RD_KAFKA_RESP_ERR__INVALID_ARG, SILT_E_CONFIG},
    {RD_KAFKA_RESP_ERR__FATAL, SILT_E_FENCED},
};

static enum silt_code code_of(rd_kafka_resp_err_t kafka)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].kafka == kafka) return codes[i].code;
    return SILT_E_NETWORK;
}

void silt_kafka_err(struct silt_err *err, rd_kafka_resp_err_t kafka, const char *text)
{
    silt_err_set(err, code_of(kafka), __FILE__, __LINE__, "kafka: %s (%s)",
                 text && text[0] ? text : rd_kafka_err2str(kafka), rd_kafka_err2name(kafka));
}

void silt_kafka_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    static const enum silt_log_level levels[] = {
        SILT_ERROR, SILT_ERROR, SILT_ERROR, SILT_ERROR, SILT_WARN, SILT_INFO, SILT_INFO, SILT_DEBUG,
    };
    enum silt_log_level ours = level >= 0 && level < 8 ? levels[level] : SILT_DEBUG;
    if (strcmp(facility, "FAIL") == 0) ours = SILT_DEBUG; /* comes as an error event, too */
    /* one set of properties serves consumer and producer, and each names what is the other's */
    if (strcmp(facility, "CONFWARN") == 0 && rk && rd_kafka_type(rk) == RD_KAFKA_PRODUCER)
        ours = SILT_DEBUG;
    if (!silt_log_enabled(ours)) return;
    static struct silt_log_site site;
    const struct silt_field fields[] = {SILT_F_STR("facility", facility)};
    silt_log_at(&site, ours, "kafka_client", text, fields, 1);
}

SILT_RC silt_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **ret_rk,
                       struct silt_err *err)
{
    char text[200];
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof text);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        SILT_FAIL(err, CONFIG, "kafka: %s", text);
    }
    *ret_rk = rk;
    return SILT_OK;
}
