#include "app/options.h"

#include "base/err.h"
#include "pg/pg.h"

#include <string.h>
#include <unistd.h>

#define ENCODE_WORKERS_MAX 4
#define PART_PARALLEL 4

static bool is_on_s3(const struct silt_config *config)
{
    return strncmp(config->archive.root, "s3://", 5) == 0;
}

bool silt_options_need_credentials(const struct silt_config *config)
{
    return is_on_s3(config) || config->metrics.cloudwatch || config->kafka.sasl_aws_msk_iam;
}

void silt_options_credentials(const struct silt_config *config, struct silt_http *http,
                              struct silt_credentials_opts *ret_opts)
{
    const char *session = config->s3.role_session_name;
    const char *region = config->s3.region;
    *ret_opts = (struct silt_credentials_opts){
        .http = http,
        .access_key = config->s3.access_key_id,
        .secret_key = config->s3.secret_access_key,
        .session_token = config->s3.session_token,
        .profile = config->s3.profile,
        .role_arn = config->s3.role_arn,
        .session_name = session[0] ? session : config->metrics.worker,
        .external_id = config->s3.external_id,
        .sts_endpoint = config->s3.sts_endpoint,
        .fips = config->s3.fips,
        .proxy = config->s3.proxy,
        .region = region[0] ? region : config->metrics.cloudwatch_region,
        .ca_file = config->s3.ca_file,
        .environ = (const char *const *)environ};
}

void silt_options_store(const struct silt_config *config, struct silt_http *http,
                        struct silt_credentials *credentials, struct silt_store_opts *ret_opts)
{
    *ret_opts =
        (struct silt_store_opts){.root = config->archive.root,
                                 .http = http,
                                 .s3 = {.endpoint = config->s3.endpoint,
                                        .region = config->s3.region,
                                        .path_style = config->s3.path_style,
                                        .concurrency = (int)config->s3.concurrency,
                                        .ca_file = config->s3.ca_file,
                                        .checksum = config->s3.checksum,
                                        .sse = config->s3.sse,
                                        .kms_key_id = config->s3.kms_key_id,
                                        .storage_class = config->s3.storage_class,
                                        .tag_names = (const char *const *)config->s3.tags.names,
                                        .tag_values = (const char *const *)config->s3.tags.values,
                                        .tags_n = config->s3.tags.n,
                                        .requester_pays = config->s3.requester_pays,
                                        .dualstack = config->s3.dualstack,
                                        .fips = config->s3.fips,
                                        .accelerate = config->s3.accelerate,
                                        .proxy = config->s3.proxy,
                                        .credentials = credentials}};
}

static int sensor_dimension(const char *name)
{
    if (strcmp(name, "failures") == 0) return 1;
    return strcmp(name, "all") == 0 ? 2 : 0;
}

void silt_options_observe(const struct silt_config *config, struct silt_http *http,
                          struct silt_observe_opts *ret_opts)
{
    const char *region = config->metrics.cloudwatch_region;
    if (!region || !region[0]) region = config->s3.region;
    *ret_opts = (struct silt_observe_opts){
        .interval_ms = config->metrics.interval_ms,
        .memory = config->memory,
        .postgres_dsn = config->metrics.postgres,
        .retention_days = (int)config->metrics.postgres_retention_days,
        .cloudwatch_region = config->metrics.cloudwatch ? region : "",
        .cloudwatch_endpoint = config->metrics.cloudwatch_endpoint,
        .cloudwatch_namespace = config->metrics.cloudwatch_namespace,
        .cloudwatch_partitions = config->metrics.cloudwatch_partitions,
        .sensor_dimension = sensor_dimension(config->metrics.sensor_dimension),
        .sensor_cap = (unsigned)config->metrics.sensor_cap,
        .http = http,
        .ca_file = config->s3.ca_file,
        .proxy = config->s3.proxy,
        .listen = config->metrics.listen};
}

static enum silt_framing framing_of(const char *name)
{
    if (strcmp(name, "single_object") == 0) return SILT_FRAMING_SINGLE_OBJECT;
    return strcmp(name, "none") == 0 ? SILT_FRAMING_NONE : SILT_FRAMING_CONFLUENT;
}

void silt_options_decoder(const struct silt_config *config, struct silt_http *http,
                          struct silt_decoder_opts *ret_opts)
{
    *ret_opts = (struct silt_decoder_opts){
        .framing = framing_of(config->schema.framing),
        .schema_files = (const char *const *)config->schema.files.items,
        .schema_files_n = config->schema.files.n,
        .reader_file = config->schema.reader,
        .registry_url = config->schema.registry,
        .registry_user = config->schema.registry_user,
        .registry_password = config->schema.registry_password,
        .ca_file = config->s3.ca_file,
        .sensor_id_field = config->schema.sensor_id_field,
        .time_field = config->schema.time_field,
        .rule_paths = (const char *const *)config->schema.rules.names,
        .rule_texts = (const char *const *)config->schema.rules.values,
        .rules_n = config->schema.rules.n,
        .masks = {.drop = (const char *const *)config->privacy.drop.items,
                  .drop_n = config->privacy.drop.n,
                  .hash = (const char *const *)config->privacy.hash.items,
                  .hash_n = config->privacy.hash.n,
                  .secret = config->privacy.hash_secret},
        .time_max_age_ms = config->schema.time_max_age_ms,
        .time_max_future_ms = config->schema.time_max_future_ms,
        .value_max = (uint32_t)config->schema.value_max,
        .http = http};
}

void silt_options_consumer(const struct silt_config *config, bool group,
                           struct silt_property *properties, struct silt_consumer_opts *ret_opts)
{
    for (unsigned i = 0; i < config->kafka.properties.n; i++)
        properties[i] = (struct silt_property){.name = config->kafka.properties.names[i],
                                               .value = config->kafka.properties.values[i]};
    *ret_opts =
        (struct silt_consumer_opts){.brokers = config->kafka.brokers,
                                    .group = group ? config->kafka.group : NULL,
                                    .group_protocol = config->kafka.group_protocol,
                                    .instance_id = group ? config->kafka.instance_id : "",
                                    .rack = config->kafka.rack,
                                    .needs_token = config->kafka.sasl_aws_msk_iam,
                                    .topics = (const char *const *)config->kafka.topics.items,
                                    .topics_n = config->kafka.topics.n,
                                    .properties = properties,
                                    .properties_n = config->kafka.properties.n};
}

SILT_RC silt_options_check_security(const struct silt_config *config, struct silt_err *err)
{
    if (!silt_secret_is_set(&config->metrics.postgres)) return SILT_OK;
    return silt_pg_check(&config->metrics.postgres, config->metrics.allow_plaintext, err);
}

static unsigned encode_workers(int64_t configured)
{
    if (configured > 0) return (unsigned)configured;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (cores < 1) return 1;
    return cores < ENCODE_WORKERS_MAX ? (unsigned)cores : ENCODE_WORKERS_MAX;
}

void silt_options_worker(const struct silt_config *config, struct silt_worker_opts *ret_opts)
{
    enum silt_codec codec;
    enum silt_bucket_unit unit;
    bool known = silt_codec_parse(config->archive.codec, &codec) &&
                 silt_bucket_unit_parse(config->archive.bucket_by, &unit);
    SILT_ASSERT(known); /* the option table allows no others */
    *ret_opts = (struct silt_worker_opts){
        .framing = config->schema.framing,
        .genesis = strcmp(config->kafka.start, "latest") == 0 ? SILT_GENESIS_LATEST
                                                              : SILT_GENESIS_EARLIEST,
        .cut = {.unit = unit,
                .max_files = (unsigned)config->archive.max_files,
                .time_from_field = strcmp(config->archive.time, "field") == 0},
        .limits = {.bytes_max = config->archive.max_bytes,
                   .records_max = config->archive.max_records,
                   .age_max_ms = config->archive.max_age_ms},
        .slot_limits = {.max_upload_age_ms = config->archive.max_upload_age_ms,
                        .max_tail_age_ms = config->archive.max_tail_age_ms},
        .codec = codec,
        .level = (int)config->archive.level,
        .block_bytes = config->archive.block_bytes,
        .encode_workers = encode_workers(config->archive.encode_workers),
        .part_size = config->s3.part_size,
        .part_parallel = PART_PARALLEL,
        .memory = config->memory,
        .halt_on_gap = strcmp(config->archive.on_gap, "halt") == 0,
        .halt_on_unreadable = strcmp(config->archive.on_unreadable, "halt") == 0,
        .max_reject_ratio = config->schema.max_reject_ratio,
        .dlq_topic = config->dlq.topic,
        .halt_on_invalid = strcmp(config->schema.on_invalid, "halt") == 0,
        .lag_interval_ms = config->metrics.lag_interval_ms,
        .gc_interval_ms = config->archive.gc_interval_ms,
        .grace_ms = config->worker.grace_ms,
        .revoke_ms = config->worker.revoke_ms};
}
