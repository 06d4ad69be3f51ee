/* The configuration: one struct, filled from one option table (config/options.def) with precedence
 * flag > environment > file > default. Only app/ and cli/ read it; each module gets its own options
 * struct. Values are final before the first thread starts.
 */
#ifndef SILT_CONFIG_CONFIG_H
#define SILT_CONFIG_CONFIG_H

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct silt_strings {
    char **items; /* owned */
    unsigned n;
};
struct silt_pairs { /* librdkafka properties, tags */
    char **names;
    char **values;
    unsigned n;
};

struct silt_config {
    struct {
        char *brokers;
        struct silt_strings topics;
        char *group;
        char *group_protocol; /* classic | consumer */
        char *instance_id;
        char *rack;
        bool sasl_aws_msk_iam;
        char *aws_region; /* of MSK; "": s3.region */
        struct silt_pairs properties;
        bool allow_plaintext;
        char *start; /* earliest | latest: genesis policy (R1) */
    } kafka;
    struct {
        char *framing; /* confluent | single_object | none */
        char *registry;
        char *registry_user;
        struct silt_secret registry_password;
        bool allow_plaintext;
        struct silt_strings files;
        char *reader;
        char *sensor_id_field;
        char *time_field;
        char *on_invalid; /* reject | halt */
        double max_reject_ratio;
        struct silt_pairs rules; /* field path: decode/rules.h */
        int64_t time_max_age_ms;
        int64_t time_max_future_ms;
        int64_t value_max; /* bytes */
    } schema;
    struct {
        struct silt_strings drop; /* field paths: decode/masks.h */
        struct silt_strings hash;
        struct silt_secret hash_secret;
    } privacy;
    struct {
        char *topic;
    } dlq;
    struct {
        char *root;
        char *codec; /* zstd | deflate | snappy | null */
        int64_t level;
        char *bucket_by; /* hour | day | none */
        char *time;      /* kafka | field */
        int64_t max_bytes;
        int64_t max_records;
        int64_t max_age_ms;
        int64_t max_files;
        int64_t block_bytes;
        int64_t encode_workers; /* 0 = cores, at most 4 */
        char *on_gap;           /* record | halt */
        char *on_unreadable;    /* record | halt */
        int64_t max_upload_age_ms;
        int64_t max_tail_age_ms;
        int64_t gc_interval_ms;
    } archive;
    struct {
        char *endpoint;
        char *region;
        bool path_style;
        int64_t part_size;
        int64_t concurrency;
        char *ca_file;
        bool allow_plaintext;
        char *checksum;
        char *sse;
        char *kms_key_id;
        char *storage_class;
        char *access_key_id;
        struct silt_secret secret_access_key;
        struct silt_secret session_token;
        char *profile;
        char *role_arn;
        char *role_session_name;
        char *external_id;
        char *sts_endpoint;
        struct silt_pairs tags; /* of data objects */
        bool requester_pays;
        bool dualstack;
        bool fips;
        bool accelerate;
        char *proxy;
    } s3;
    int64_t memory;
    struct {
        struct silt_secret postgres; /* DSN */
        int64_t postgres_retention_days;
        bool allow_plaintext;
        bool cloudwatch;
        char *cloudwatch_endpoint;
        char *cloudwatch_region;
        char *cloudwatch_namespace;
        bool cloudwatch_partitions;
        char *listen;
        char *worker; /* name of this worker; default: host name */
        int64_t interval_ms;
        int64_t lag_interval_ms;
        char *sensor_dimension; /* off | failures | all */
        int64_t sensor_cap;
    } metrics;
    struct {
        char *level;
        char *format; /* json | text */
    } log;
    struct {
        int64_t grace_ms; /* SIGTERM: time to cut and commit */
        int64_t revoke_ms;
    } worker;
};

enum silt_config_source { SILT_FROM_DEFAULT, SILT_FROM_FILE, SILT_FROM_ENV, SILT_FROM_FLAG };

struct silt_config_input {
    const char *file;         /* NULL: none */
    const char *const *flags; /* "--section.name=value" or "--section.name", "value"; only options,
                                 no command words */
    unsigned flags_n;
    char **environ; /* NULL: none; SILT_SECTION_NAME=value */
};

/* Loads, checks types, ranges and contradictions. The error names source (file:line, variable,
 * flag), option, value and what is allowed, or the nearest known name. */
SILT_RC silt_config_load(const struct silt_config_input *input, struct silt_config **ret_config,
                         struct silt_err *err);
/* What `run` needs beyond types: brokers, topics, root … each missing one named with the way out.
 */
SILT_RC silt_config_check_run(const struct silt_config *config, struct silt_err *err);
void silt_config_free(struct silt_config *config);

/* Names each option whose value differs; secrets count, and are not shown. */
typedef void silt_config_change_fn(void *ctx, const char *option);
void silt_config_changes(const struct silt_config *before, const struct silt_config *after,
                         silt_config_change_fn *fn, void *ctx);

/* The flags that set options, for completion: each option's, and that of a file that holds it. */
struct silt_config_flag {
    const char *name;    /* without dashes; valid during the call */
    const char *choices; /* "zstd|deflate", NULL: anything */
    bool is_file;        /* its value names one */
    const char *text;
};
typedef void silt_config_flag_fn(void *ctx, const struct silt_config_flag *flag);
void silt_config_flags(silt_config_flag_fn *fn, void *ctx);

/* How many of args[0..n) belong to a flag "--section.name" at args[0]: 0 (it is none of ours), 1 or
 * 2. */
unsigned silt_config_flag_args(const char *const *args, unsigned n);

void silt_config_explain(const struct silt_config *config,
                         FILE *out); /* effective values and their sources; no secrets */
void silt_config_explain_json(const struct silt_config *config, FILE *out);
void silt_config_example(FILE *out);  /* commented YAML */
void silt_config_schema(FILE *out);   /* JSON schema */
void silt_config_markdown(FILE *out); /* docs/configuration.md */
void silt_config_man(FILE *out);      /* silt.yaml(5), as roff */

void silt_config_help(FILE *out); /* all options in short, for `silt help options` */

#endif
