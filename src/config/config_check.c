/* Rules over more than one option, and the form of addresses. Pure. Each failure names the place,
 * the options and the way out. */
#include "base/address.h"
#include "base/alloc.h"
#include "config/quantity.h"
#include "config_int.h"

#include <stdlib.h>
#include <string.h>

/* Puts the place in front of the text where the first of the options was set that was set at all.
 */
static struct silt_rc blame(const struct silt_config *config, const char *first, const char *second,
                            struct silt_err *err)
{
    const char *where = silt_config_origin(config, first)->where;
    if (!where && second) where = silt_config_origin(config, second)->where;
    if (where) silt_err_context(err, "%s", where);
    return (struct silt_rc){false};
}

#define FAIL_BY(config, first, second, err, ...)                             \
    do {                                                                     \
        silt_err_set((err), SILT_E_CONFIG, __FILE__, __LINE__, __VA_ARGS__); \
        return blame((config), (first), (second), (err));                    \
    } while (0)

static bool starts_with(const char *text, const char *front)
{
    return strncmp(text, front, strlen(front)) == 0;
}

static struct silt_rc check_s3_root(const struct silt_config *config, struct silt_err *err)
{
    const char *root = config->archive.root;
    if (root[5] == '\0' || root[5] == '/')
        FAIL_BY(config, "archive.root", NULL, err,
                "archive.root is \"%.80s\", but the bucket is missing: s3://bucket/prefix", root);
    if (!*config->s3.region)
        FAIL_BY(config, "archive.root", NULL, err,
                "archive.root is on AWS, but s3.region is not set; set it, AWS_REGION, or "
                "s3.endpoint for another store");
    return SILT_OK;
}

static struct silt_rc check_root(const struct silt_config *config, struct silt_err *err)
{
    const char *root = config->archive.root;
    if (!*root || starts_with(root, "file:///")) return SILT_OK;
    if (starts_with(root, "s3://")) return check_s3_root(config, err);
    if (starts_with(root, "file:"))
        FAIL_BY(config, "archive.root", NULL, err,
                "archive.root is \"%.80s\", but a directory needs three slashes and its whole "
                "path: file:///var/lib/silt",
                root);
    FAIL_BY(config, "archive.root", NULL, err,
            "archive.root is \"%.80s\", but must begin with s3:// or file:///", root);
}

/* User and password inside a URL would end up in logs; they have options of their own. */
static struct silt_rc check_url(const struct silt_config *config, const char *option,
                                const char *url, struct silt_err *err)
{
    if (!*url) return SILT_OK;
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    const size_t len = strcspn(host, "/?#");
    if (memchr(host, '@', len))
        FAIL_BY(config, option, NULL, err,
                "%s holds a user or password; remove them and set the options for them, such as "
                "schema.registry_user or s3.access_key_id",
                option);
    if (!starts_with(url, "http://") && !starts_with(url, "https://"))
        FAIL_BY(config, option, NULL, err,
                "%s is \"%.80s\", but must begin with http:// or https://", option, url);
    if (len == 0)
        FAIL_BY(config, option, NULL, err,
                "%s is \"%.80s\", but names no host; write http://host:port", option, url);
    /* Names are looked at when they are resolved (net/http_transfer.c). */
    if (silt_host_is_metadata(silt_host_of(url)))
        FAIL_BY(config, option, NULL, err,
                "%s is \"%.80s\", but that address hands out credentials and nothing else; name "
                "the server itself",
                option, url);
    return SILT_OK;
}

static bool is_port(const char *text)
{
    if (strlen(text) > 5 || !*text || strspn(text, "0123456789") != strlen(text)) return false;
    return strtol(text, NULL, 10) <= 65535;
}

static struct silt_rc check_listen(const struct silt_config *config, struct silt_err *err)
{
    const char *listen = config->metrics.listen;
    const char *colon = strrchr(listen, ':');
    if (!*listen || (colon && is_port(colon + 1))) return SILT_OK;
    FAIL_BY(config, "metrics.listen", NULL, err,
            "metrics.listen is \"%.80s\", but must be host:port, such as 127.0.0.1:9464", listen);
}

/* --- what leaves this machine is encrypted, or an option says otherwise --- */

static struct silt_rc check_https(const struct silt_config *config, const char *option,
                                  const char *url, bool allowed, struct silt_err *err)
{
    if (allowed || !starts_with(url, "http://") || silt_host_is_local(silt_host_of(url)))
        return SILT_OK;
    FAIL_BY(config, option, NULL, err,
            "%s is \"%.80s\", which is not on this machine and would not be encrypted; use "
            "https://, or set %.*s.allow_plaintext: true",
            option, url, (int)strcspn(option, "."), option);
}

static struct silt_rc check_registries(const struct silt_config *config, struct silt_err *err)
{
    const char *rest = config->schema.registry;
    while (*rest) {
        const size_t len = strcspn(rest, ",");
        char *url silt_auto(silt_free_auto) = silt_strndup(rest, len);
        SILT_TRY(check_url(config, "schema.registry", url, err));
        SILT_TRY(check_https(config, "schema.registry", url, config->schema.allow_plaintext, err));
        rest += len + (rest[len] == ',');
    }
    return SILT_OK;
}

static const char *property(const struct silt_config *config, const char *name)
{
    for (unsigned i = 0; i < config->kafka.properties.n; i++)
        if (strcmp(config->kafka.properties.names[i], name) == 0)
            return config->kafka.properties.values[i];
    return NULL;
}

static struct silt_rc check_brokers(const struct silt_config *config, struct silt_err *err)
{
    const char *protocol = property(config, "security.protocol");
    const bool encrypted =
        protocol ? strcasestr(protocol, "ssl") != NULL : config->kafka.sasl_aws_msk_iam;
    if (config->kafka.allow_plaintext || encrypted) return SILT_OK;
    const char *brokers = config->kafka.brokers;
    while (*brokers) {
        size_t len = strcspn(brokers, ",");
        if (!silt_host_is_local(silt_host_of(brokers)))
            FAIL_BY(config, "kafka.brokers", NULL, err,
                    "kafka.brokers: %.*s is not on this machine and would not be encrypted; set "
                    "security.protocol: SSL (or SASL_SSL) in kafka.properties, or "
                    "kafka.allow_plaintext: true",
                    (int)(len < 80 ? len : 80), brokers);
        brokers += len + (brokers[len] == ',');
    }
    return SILT_OK;
}

/* PostgreSQL's address is libpq's to read: silt_pg_check. */
static struct silt_rc check_encryption(const struct silt_config *config, struct silt_err *err)
{
    SILT_TRY(check_brokers(config, err));
    SILT_TRY(
        check_https(config, "s3.endpoint", config->s3.endpoint, config->s3.allow_plaintext, err));
    SILT_TRY(check_registries(config, err));
    return check_https(config, "metrics.cloudwatch_endpoint", config->metrics.cloudwatch_endpoint,
                       config->metrics.allow_plaintext, err);
}

static struct silt_rc check_addresses(const struct silt_config *config, struct silt_err *err)
{
    SILT_TRY(check_root(config, err));
    SILT_TRY(check_url(config, "s3.endpoint", config->s3.endpoint, err));
    SILT_TRY(check_url(config, "s3.sts_endpoint", config->s3.sts_endpoint, err));
    SILT_TRY(check_url(config, "s3.proxy", config->s3.proxy, err));
    SILT_TRY(
        check_url(config, "metrics.cloudwatch_endpoint", config->metrics.cloudwatch_endpoint, err));
    return check_listen(config, err);
}

static struct silt_rc check_credentials(const struct silt_config *config, struct silt_err *err)
{
    const bool secret = silt_secret_is_set(&config->s3.secret_access_key);
    if (*config->s3.access_key_id && !secret)
        FAIL_BY(config, "s3.access_key_id", NULL, err,
                "s3.access_key_id is set, but s3.secret_access_key is not; set both or neither");
    if (secret && !*config->s3.access_key_id)
        FAIL_BY(config, "s3.secret_access_key", NULL, err,
                "s3.secret_access_key is set, but s3.access_key_id is not; set both or neither");
    if (silt_secret_is_set(&config->s3.session_token) && !secret)
        FAIL_BY(
            config, "s3.session_token", NULL, err,
            "s3.session_token is set, but s3.access_key_id is not; set the key it belongs to, or "
            "remove it");
    if (*config->s3.profile && *config->s3.access_key_id)
        FAIL_BY(config, "s3.profile", "s3.access_key_id", err,
                "s3.profile and s3.access_key_id are both set; keep one of them");
    if (*config->s3.external_id && !*config->s3.role_arn)
        FAIL_BY(config, "s3.external_id", NULL, err,
                "s3.external_id is set, but s3.role_arn is not; name the role, or remove "
                "s3.external_id");
    if (silt_secret_is_set(&config->schema.registry_password) && !*config->schema.registry_user)
        FAIL_BY(config, "schema.registry_password", NULL, err,
                "schema.registry_password is set, but schema.registry_user is not; set both or "
                "neither");
    return SILT_OK;
}

static struct silt_rc check_privacy(const struct silt_config *config, struct silt_err *err)
{
    if (config->privacy.hash.n && !silt_secret_is_set(&config->privacy.hash_secret))
        FAIL_BY(config, "privacy.hash", NULL, err,
                "privacy.hash is set, but privacy.hash_secret is not; set both, or use "
                "privacy.drop");
    return SILT_OK;
}

static struct silt_rc check_level(const struct silt_config *config, struct silt_err *err)
{
    const char *codec = config->archive.codec;
    const int64_t level = config->archive.level;
    if (level == 0 || strcmp(codec, "zstd") == 0) return SILT_OK;
    if (strcmp(codec, "deflate") != 0)
        FAIL_BY(config, "archive.level", NULL, err,
                "archive.level is %lld, but archive.codec %s has no levels; "
                "remove archive.level",
                (long long)level, codec);
    if (level > 9)
        FAIL_BY(config, "archive.level", NULL, err,
                "archive.level is %lld, but archive.codec deflate has 1 to 9", (long long)level);
    return SILT_OK;
}

struct size_pair {
    const char *small; /* option */
    int64_t small_is;
    const char *large; /* for people */
    int64_t large_is;
    const char *large_option;
    void (*write)(struct silt_buf *out, int64_t number);
};

static struct silt_rc check_smaller(const struct silt_config *config, const struct size_pair *pair,
                                    struct silt_err *err)
{
    if (pair->small_is <= pair->large_is) return SILT_OK;
    struct silt_buf small silt_auto(silt_buf_done);
    struct silt_buf large silt_auto(silt_buf_done);
    silt_buf_init(&small, SILT_BUF_MAX_DEFAULT);
    silt_buf_init(&large, SILT_BUF_MAX_DEFAULT);
    pair->write(&small, pair->small_is);
    pair->write(&large, pair->large_is);
    FAIL_BY(config, pair->small, pair->large_option, err,
            "%s (%s) is larger than %s (%s); lower the first or raise the second", pair->small,
            silt_buf_str(&small), pair->large, silt_buf_str(&large));
}

static int64_t property_ms(const struct silt_config *config, const char *name, int64_t preset)
{
    const char *value = property(config, name);
    return value ? strtoll(value, NULL, 10) : preset;
}

static struct silt_rc check_sizes(const struct silt_config *config, struct silt_err *err)
{
    const struct size_pair pairs[] = {
        {"archive.block_bytes", config->archive.block_bytes, "archive.max_bytes",
         config->archive.max_bytes, "archive.max_bytes", silt_quantity_write_bytes},
        {"s3.part_size", config->s3.part_size, "half of memory", config->memory / 2, "memory",
         silt_quantity_write_bytes},
        {"schema.value_max", config->schema.value_max, "half of memory", config->memory / 2,
         "memory", silt_quantity_write_bytes},
        {"archive.max_age", config->archive.max_age_ms, "archive.max_upload_age",
         config->archive.max_upload_age_ms, "archive.max_upload_age", silt_quantity_write_duration},
        /* librdkafka's default is five minutes */
        {"worker.revoke", config->worker.revoke_ms, "kafka.properties max.poll.interval.ms",
         property_ms(config, "max.poll.interval.ms", 300000), "kafka.properties",
         silt_quantity_write_duration},
    };
    for (unsigned i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        SILT_TRY(check_smaller(config, &pairs[i], err));
    return SILT_OK;
}

static struct silt_rc check_properties(const struct silt_config *config, struct silt_err *err)
{
    static const struct {
        const char *property;
        const char *option;
    } own[] = {{"bootstrap.servers", "kafka.brokers"},
               {"metadata.broker.list", "kafka.brokers"},
               {"group.id", "kafka.group"},
               {"group.protocol", "kafka.group_protocol"},
               {"group.instance.id", "kafka.instance_id"},
               {"client.rack", "kafka.rack"}};
    for (unsigned i = 0; i < config->kafka.properties.n; i++)
        for (unsigned k = 0; k < sizeof own / sizeof own[0]; k++)
            if (strcmp(config->kafka.properties.names[i], own[k].property) == 0)
                FAIL_BY(config, "kafka.properties", NULL, err,
                        "kafka.properties sets %s; remove it and set %s", own[k].property,
                        own[k].option);
    return SILT_OK;
}

static struct silt_rc check_partners(const struct silt_config *config, struct silt_err *err)
{
    if (*config->s3.kms_key_id && strcmp(config->s3.sse, "aws:kms") != 0)
        FAIL_BY(
            config, "s3.kms_key_id", NULL, err,
            "s3.kms_key_id is set, but s3.sse is not aws:kms; set it so, or remove s3.kms_key_id");
    if (config->kafka.sasl_aws_msk_iam && !*config->kafka.aws_region && !*config->s3.region)
        FAIL_BY(
            config, "kafka.sasl_aws_msk_iam", NULL, err,
            "kafka.sasl_aws_msk_iam is true, but neither kafka.aws_region nor s3.region is set");
    if (strcmp(config->archive.time, "field") == 0 && !*config->schema.time_field)
        FAIL_BY(config, "archive.time", NULL, err,
                "archive.time is field, but schema.time_field is empty; name the field, or set "
                "archive.time: kafka");
    if (strcmp(config->metrics.sensor_dimension, "off") != 0 && !*config->schema.sensor_id_field)
        FAIL_BY(config, "metrics.sensor_dimension", NULL, err,
                "metrics.sensor_dimension is %s, but schema.sensor_id_field is empty; name the "
                "field, or "
                "set metrics.sensor_dimension: off",
                config->metrics.sensor_dimension);
    if (config->metrics.cloudwatch && !*config->metrics.cloudwatch_region)
        FAIL_BY(config, "metrics.cloudwatch", NULL, err,
                "metrics.cloudwatch is true, but neither "
                "metrics.cloudwatch_region nor s3.region is set; set one of them");
    for (unsigned i = 0; i < config->kafka.topics.n; i++)
        if (strcmp(config->dlq.topic, config->kafka.topics.items[i]) == 0)
            FAIL_BY(
                config, "dlq.topic", NULL, err,
                "dlq.topic is \"%.80s\", which is among kafka.topics; give it a name of its own",
                config->dlq.topic);
    if (strcmp(config->schema.framing, "none") == 0 && config->schema.files.n > 1)
        FAIL_BY(config, "schema.framing", NULL, err,
                "schema.framing is none, but schema.files has %u entries; "
                "such values can have one schema only",
                config->schema.files.n);
    return SILT_OK;
}

struct silt_rc silt_config_check(const struct silt_config *config, struct silt_err *err)
{
    SILT_TRY(check_addresses(config, err));
    SILT_TRY(check_encryption(config, err));
    SILT_TRY(check_credentials(config, err));
    SILT_TRY(check_privacy(config, err));
    SILT_TRY(check_level(config, err));
    SILT_TRY(check_sizes(config, err));
    SILT_TRY(check_properties(config, err));
    return check_partners(config, err);
}

/* --- what `run` needs ---------------------------------------------------------------------- */

static struct silt_rc need(bool is_set, const char *option, const char *variable,
                           const char *example, struct silt_err *err)
{
    if (is_set) return SILT_OK;
    SILT_FAIL(err, CONFIG, "%s is not set; put it into the file, %s or --%s=%s", option, variable,
              option, example);
}

struct silt_rc silt_config_check_run(const struct silt_config *config, struct silt_err *err)
{
    SILT_TRY(
        need(*config->kafka.brokers, "kafka.brokers", "SILT_KAFKA_BROKERS", "localhost:9092", err));
    SILT_TRY(need(config->kafka.topics.n, "kafka.topics", "SILT_KAFKA_TOPICS", "sensors", err));
    SILT_TRY(need(*config->kafka.group, "kafka.group", "SILT_KAFKA_GROUP", "silt", err));
    SILT_TRY(need(*config->archive.root, "archive.root", "SILT_ARCHIVE_ROOT", "s3://bucket/prefix",
                  err));
    if (strcmp(config->schema.framing, "confluent") == 0)
        return need(*config->schema.registry, "schema.registry", "SILT_SCHEMA_REGISTRY",
                    "http://localhost:8081", err);
    return need(config->schema.files.n, "schema.files", "SILT_SCHEMA_FILES", "reading.avsc", err);
}
