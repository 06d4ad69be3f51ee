#include "app/options.h"

#include "base/alloc.h"
#include "harness.h"

#include <string.h>

static struct silt_config *load(const char *const *flags, unsigned flags_n)
{
    struct silt_config *config = NULL;
    struct silt_err err = {0};
    const struct silt_config_input input = {.flags = flags, .flags_n = flags_n};
    CU_ASSERT_OK(silt_config_load(&input, &config, &err));
    return config;
}

#define LOAD(...)                       \
    load((const char *[]){__VA_ARGS__}, \
         sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *))

static struct silt_worker_opts worker_with(const char *flag)
{
    struct silt_worker_opts opts;
    struct silt_config *config = LOAD(flag);
    silt_options_worker(config, &opts);
    silt_config_free(config);
    return opts; /* its strings are dead */
}

/* ---- the worker ---- */

static void names_become_values(void)
{
    CU_ASSERT_EQUAL(worker_with("--kafka.start=earliest").genesis, SILT_GENESIS_EARLIEST);
    CU_ASSERT_EQUAL(worker_with("--kafka.start=latest").genesis, SILT_GENESIS_LATEST);
    CU_ASSERT_EQUAL(worker_with("--archive.bucket_by=hour").cut.unit, SILT_BUCKET_HOUR);
    CU_ASSERT_EQUAL(worker_with("--archive.bucket_by=day").cut.unit, SILT_BUCKET_DAY);
    CU_ASSERT_EQUAL(worker_with("--archive.bucket_by=none").cut.unit, SILT_BUCKET_NONE);
    CU_ASSERT_FALSE(worker_with("--archive.time=kafka").cut.time_from_field);
    CU_ASSERT(worker_with("--archive.time=field").cut.time_from_field);
    CU_ASSERT_EQUAL(worker_with("--archive.codec=zstd").codec, SILT_CODEC_ZSTD);
    CU_ASSERT_EQUAL(worker_with("--archive.codec=deflate").codec, SILT_CODEC_DEFLATE);
    CU_ASSERT_EQUAL(worker_with("--archive.codec=snappy").codec, SILT_CODEC_SNAPPY);
    CU_ASSERT_EQUAL(worker_with("--archive.codec=null").codec, SILT_CODEC_NULL);
}

static void what_halts_is_told_apart(void)
{
    CU_ASSERT_FALSE(worker_with("--archive.on_gap=record").halt_on_gap);
    CU_ASSERT(worker_with("--archive.on_gap=halt").halt_on_gap);
    CU_ASSERT_FALSE(worker_with("--archive.on_unreadable=record").halt_on_unreadable);
    CU_ASSERT(worker_with("--archive.on_unreadable=halt").halt_on_unreadable);
    CU_ASSERT_FALSE(worker_with("--schema.on_invalid=reject").halt_on_invalid);
    CU_ASSERT(worker_with("--schema.on_invalid=halt").halt_on_invalid);
    CU_ASSERT_EQUAL(worker_with("--schema.max_reject_ratio=0.25").max_reject_ratio, 0.25);
}

static void numbers_arrive_where_they_belong(void)
{
    struct silt_worker_opts opts;
    struct silt_config *config =
        LOAD("--archive.max_bytes=64MiB", "--archive.max_records=1234", "--archive.max_age=7s",
             "--archive.max_files=3", "--archive.block_bytes=32KiB", "--archive.level=5",
             "--archive.max_upload_age=3h", "--archive.max_tail_age=9m", "--archive.gc_interval=2h",
             "--s3.part_size=6MiB", "--memory=99MiB", "--metrics.lag_interval=11s",
             "--worker.grace=13s", "--worker.revoke=8s", "--schema.framing=single_object");
    silt_options_worker(config, &opts);
    CU_ASSERT_EQUAL(opts.limits.bytes_max, INT64_C(64) << 20);
    CU_ASSERT_EQUAL(opts.limits.records_max, 1234);
    CU_ASSERT_EQUAL(opts.limits.age_max_ms, 7000);
    CU_ASSERT_EQUAL(opts.cut.max_files, 3);
    CU_ASSERT_EQUAL(opts.block_bytes, 32768);
    CU_ASSERT_EQUAL(opts.level, 5);
    CU_ASSERT_EQUAL(opts.slot_limits.max_upload_age_ms, 3 * 3600000);
    CU_ASSERT_EQUAL(opts.slot_limits.max_tail_age_ms, 9 * 60000);
    CU_ASSERT_EQUAL(opts.gc_interval_ms, 2 * 3600000);
    CU_ASSERT_EQUAL(opts.part_size, 6 << 20);
    CU_ASSERT_EQUAL(opts.memory, 99 << 20);
    CU_ASSERT_EQUAL(opts.lag_interval_ms, 11000);
    CU_ASSERT_EQUAL(opts.grace_ms, 13000);
    CU_ASSERT_EQUAL(opts.revoke_ms, 8000);
    CU_ASSERT_STRING_EQUAL(opts.framing, "single_object");
    CU_ASSERT(opts.part_parallel >= 1);
    silt_config_free(config);
}

static void encode_workers_are_the_cores_unless_told(void)
{
    CU_ASSERT_EQUAL(worker_with("--archive.encode_workers=3").encode_workers, 3);
    unsigned n = worker_with("--archive.encode_workers=0").encode_workers;
    CU_ASSERT(n >= 1 && n <= 4);
}

/* ---- the others ---- */

static enum silt_framing framing_with(const char *flag)
{
    struct silt_decoder_opts opts;
    struct silt_config *config = LOAD(flag);
    silt_options_decoder(config, NULL, &opts);
    silt_config_free(config);
    return opts.framing;
}

static void the_decoder_gets_framing_and_schemas(void)
{
    struct silt_decoder_opts opts;
    CU_ASSERT_EQUAL(framing_with("--schema.framing=confluent"), SILT_FRAMING_CONFLUENT);
    CU_ASSERT_EQUAL(framing_with("--schema.framing=single_object"), SILT_FRAMING_SINGLE_OBJECT);
    CU_ASSERT_EQUAL(framing_with("--schema.framing=none"), SILT_FRAMING_NONE);
    struct silt_config *config =
        LOAD("--schema.framing=single_object", "--schema.files=a.avsc,b.avsc",
             "--schema.registry=https://registry:8081", "--schema.registry_user=me",
             "--schema.sensor_id_field=id", "--schema.time_field=at", "--schema.value_max=2MiB");
    silt_options_decoder(config, NULL, &opts);
    CU_ASSERT_EQUAL(opts.schema_files_n, 2);
    CU_ASSERT_STRING_EQUAL(opts.schema_files[1], "b.avsc");
    CU_ASSERT_STRING_EQUAL(opts.registry_url, "https://registry:8081");
    CU_ASSERT_STRING_EQUAL(opts.registry_user, "me");
    CU_ASSERT_STRING_EQUAL(opts.sensor_id_field, "id");
    CU_ASSERT_STRING_EQUAL(opts.time_field, "at");
    CU_ASSERT_EQUAL(opts.value_max, 2u << 20);
    silt_config_free(config);
}

static void the_store_gets_root_and_s3(void)
{
    struct silt_store_opts opts;
    struct silt_config *config =
        LOAD("--archive.root=s3://bucket/prefix", "--s3.endpoint=http://127.0.0.1:9000",
             "--s3.region=eu-central-1", "--s3.path_style=true", "--s3.concurrency=9",
             "--s3.sse=aws:kms", "--s3.kms_key_id=k", "--s3.storage_class=STANDARD_IA",
             "--s3.tags=team=x", "--s3.requester_pays=true", "--s3.proxy=http://p:3128");
    silt_options_store(config, NULL, NULL, &opts);
    CU_ASSERT_STRING_EQUAL(opts.root, "s3://bucket/prefix");
    CU_ASSERT_STRING_EQUAL(opts.s3.endpoint, "http://127.0.0.1:9000");
    CU_ASSERT_STRING_EQUAL(opts.s3.region, "eu-central-1");
    CU_ASSERT(opts.s3.path_style);
    CU_ASSERT_EQUAL(opts.s3.concurrency, 9);
    CU_ASSERT_STRING_EQUAL(opts.s3.sse, "aws:kms");
    CU_ASSERT_STRING_EQUAL(opts.s3.kms_key_id, "k");
    CU_ASSERT_STRING_EQUAL(opts.s3.storage_class, "STANDARD_IA");
    CU_ASSERT_EQUAL(opts.s3.tags_n, 1);
    CU_ASSERT_STRING_EQUAL(opts.s3.tag_names[0], "team");
    CU_ASSERT_STRING_EQUAL(opts.s3.tag_values[0], "x");
    CU_ASSERT(opts.s3.requester_pays);
    CU_ASSERT_STRING_EQUAL(opts.s3.proxy, "http://p:3128");
    silt_config_free(config);
}

static void only_what_signs_needs_credentials(void)
{
    struct silt_config *config = LOAD("--archive.root=file:///dir");
    CU_ASSERT_FALSE(silt_options_need_credentials(config));
    silt_config_free(config);
    config = LOAD("--archive.root=s3://bucket/prefix", "--s3.region=r");
    CU_ASSERT(silt_options_need_credentials(config));
    silt_config_free(config);
    config = LOAD("--metrics.cloudwatch=true", "--metrics.cloudwatch_region=r");
    CU_ASSERT(silt_options_need_credentials(config));
    silt_config_free(config);
}

static void credentials_are_looked_for_as_configured(void)
{
    struct silt_credentials_opts opts;
    struct silt_config *config =
        LOAD("--s3.profile=p", "--s3.role_arn=arn", "--s3.external_id=x",
             "--s3.sts_endpoint=http://127.0.0.1:1", "--metrics.cloudwatch=true",
             "--metrics.cloudwatch_region=eu-west-3", "--metrics.worker=pod-7");
    silt_options_credentials(config, NULL, &opts);
    CU_ASSERT_STRING_EQUAL(opts.profile, "p");
    CU_ASSERT_STRING_EQUAL(opts.role_arn, "arn");
    CU_ASSERT_STRING_EQUAL(opts.external_id, "x");
    CU_ASSERT_STRING_EQUAL(opts.sts_endpoint, "http://127.0.0.1:1");
    CU_ASSERT_STRING_EQUAL(opts.region, "eu-west-3"); /* there is no bucket's */
    CU_ASSERT_STRING_EQUAL(opts.session_name, "pod-7");
    CU_ASSERT_PTR_NOT_NULL(opts.environ);
    silt_config_free(config);
    config = LOAD("--s3.access_key_id=a", "--s3.secret_access_key=b", "--s3.region=eu-west-1",
                  "--s3.role_session_name=mine");
    silt_options_credentials(config, NULL, &opts);
    CU_ASSERT_STRING_EQUAL(opts.access_key, "a");
    CU_ASSERT_STRING_EQUAL(silt_secret_reveal(&opts.secret_key), "b");
    CU_ASSERT_STRING_EQUAL(opts.region, "eu-west-1");
    CU_ASSERT_STRING_EQUAL(opts.session_name, "mine");
    silt_config_free(config);
}

static struct silt_observe_opts observe_with(struct silt_config *config)
{
    struct silt_observe_opts opts;
    silt_options_observe(config, NULL, &opts);
    return opts;
}

static void the_observer_gets_its_outputs(void)
{
    struct silt_config *config =
        LOAD("--s3.region=eu-west-1", "--metrics.cloudwatch=true", "--metrics.sensor_dimension=all",
             "--metrics.listen=127.0.0.1:0", "--metrics.interval=3s");
    struct silt_observe_opts opts = observe_with(config);
    CU_ASSERT_STRING_EQUAL(opts.cloudwatch_region, "eu-west-1"); /* where the bucket is */
    CU_ASSERT_EQUAL(opts.sensor_dimension, 2);
    CU_ASSERT_EQUAL(opts.interval_ms, 3000);
    CU_ASSERT_STRING_EQUAL(opts.listen, "127.0.0.1:0");
    silt_config_free(config);
    config = LOAD("--s3.region=eu-west-1", "--metrics.cloudwatch=true",
                  "--metrics.cloudwatch_region=us-east-1", "--metrics.sensor_dimension=failures");
    opts = observe_with(config);
    CU_ASSERT_STRING_EQUAL(opts.cloudwatch_region, "us-east-1");
    CU_ASSERT_EQUAL(opts.sensor_dimension, 1);
    silt_config_free(config);
    config = LOAD("--s3.region=eu-west-1", "--metrics.sensor_dimension=off");
    opts = observe_with(config);
    CU_ASSERT_STRING_EQUAL(opts.cloudwatch_region, ""); /* off */
    CU_ASSERT_EQUAL(opts.sensor_dimension, 0);
    silt_config_free(config);
}

static void the_consumer_gets_brokers_topics_and_properties(void)
{
    struct silt_consumer_opts opts;
    struct silt_property properties[4];
    struct silt_config *config =
        LOAD("--kafka.brokers=localhost:9092", "--kafka.topics=t1,^t2.*", "--kafka.group=g",
             "--kafka.group_protocol=consumer", "--kafka.instance_id=pod-1", "--kafka.rack=a",
             "--kafka.properties=client.id=me", "--kafka.properties=fetch.wait.max.ms=7");
    CU_ASSERT_EQUAL(config->kafka.properties.n, 2);
    silt_options_consumer(config, true, properties, &opts);
    CU_ASSERT_STRING_EQUAL(opts.brokers, "localhost:9092");
    CU_ASSERT_STRING_EQUAL(opts.group, "g");
    CU_ASSERT_STRING_EQUAL(opts.group_protocol, "consumer");
    CU_ASSERT_STRING_EQUAL(opts.instance_id, "pod-1");
    CU_ASSERT_STRING_EQUAL(opts.rack, "a");
    CU_ASSERT_EQUAL(opts.topics_n, 2);
    CU_ASSERT_STRING_EQUAL(opts.topics[1], "^t2.*");
    bool found = false;
    for (unsigned i = 0; i < opts.properties_n; i++)
        found |= strcmp(opts.properties[i].name, "client.id") == 0 &&
                 strcmp(opts.properties[i].value, "me") == 0;
    CU_ASSERT(found);
    silt_options_consumer(config, false, properties, &opts);
    CU_ASSERT_PTR_NULL(opts.group);
    CU_ASSERT_STRING_EQUAL(opts.instance_id, ""); /* a reader on the side is no member */
    silt_config_free(config);
}

static void expect_secure(bool secure, const char *postgres, const char *flag)
{
    struct silt_err err = {0};
    struct silt_config *config = LOAD(postgres, flag);
    CU_ASSERT_EQUAL(silt_options_check_security(config, &err).ok, secure);
    if (!secure) CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "metrics.allow_plaintext: true"));
    silt_config_free(config);
}

static void plaintext_to_a_database_off_the_machine_needs_a_word(void)
{
    static const char none[] = "--kafka.group=g";
    expect_secure(true, none, none);
    expect_secure(true, "--metrics.postgres=host=db user=u", none);
    expect_secure(true, "--metrics.postgres=host=localhost user=u", none);
    expect_secure(false, "--metrics.postgres=host=db user=u sslmode=prefer", none);
    expect_secure(true, "--metrics.postgres=host=db user=u sslmode=prefer",
                  "--metrics.allow_plaintext=true");
}

SILT_TESTS("options", {"names become values", names_become_values},
           {"what halts is told apart", what_halts_is_told_apart},
           {"numbers arrive where they belong", numbers_arrive_where_they_belong},
           {"encode workers are the cores unless told", encode_workers_are_the_cores_unless_told},
           {"the decoder gets framing and schemas", the_decoder_gets_framing_and_schemas},
           {"the store gets root and S3", the_store_gets_root_and_s3},
           {"only what signs needs credentials", only_what_signs_needs_credentials},
           {"credentials are looked for as configured", credentials_are_looked_for_as_configured},
           {"the observer gets its outputs", the_observer_gets_its_outputs},
           {"the consumer gets brokers, topics and properties",
            the_consumer_gets_brokers_topics_and_properties},
           {"plaintext to a database off the machine needs a word",
            plaintext_to_a_database_off_the_machine_needs_a_word})
