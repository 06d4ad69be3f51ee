#include "config/config.h"

#include "bad_input.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

static void the_defaults_are_those_of_the_table(void)
{
    struct silt_config *config = load(&(struct silt_config_input){0});
    if (!config) return;
    CU_ASSERT_STRING_EQUAL(config->kafka.group, "silt");
    CU_ASSERT_STRING_EQUAL(config->kafka.start, "earliest");
    CU_ASSERT_EQUAL(config->kafka.topics.n, 0);
    CU_ASSERT_STRING_EQUAL(config->schema.framing, "confluent");
    CU_ASSERT_EQUAL(config->schema.value_max, 16 << 20);
    CU_ASSERT_STRING_EQUAL(config->archive.codec, "zstd");
    CU_ASSERT_EQUAL(config->archive.max_bytes, 128 << 20);
    CU_ASSERT_EQUAL(config->archive.max_records, 1000000);
    CU_ASSERT_EQUAL(config->archive.max_age_ms, 600000);
    CU_ASSERT_EQUAL(config->archive.max_upload_age_ms, 4 * 3600000);
    CU_ASSERT_EQUAL(config->s3.part_size, 8 << 20);
    CU_ASSERT_STRING_EQUAL(config->s3.region, "");
    CU_ASSERT_EQUAL(config->memory, 256 << 20);
    CU_ASSERT_STRING_EQUAL(config->metrics.listen, "0.0.0.0:9464");
    CU_ASSERT(*config->metrics.worker != '\0');
    CU_ASSERT_EQUAL(config->worker.grace_ms, 30000);
    CU_ASSERT_FALSE(silt_secret_is_set(&config->metrics.postgres));
    silt_config_free(config);
}

static void nothing_can_be_freed(void)
{
    silt_config_free(NULL);
}

/* One option set in the file, a variable and a flag; each place is taken away in turn. */
static void check_precedence(bool flag, bool env, bool file, const char *want)
{
    static const char *const flags[] = {"--kafka.group=by-flag"};
    char variable[] = "SILT_KAFKA_GROUP=by-env";
    char *environment[] = {variable, NULL};
    write_file("silt.yaml", "kafka:\n  group: by-file\n");
    struct silt_config *config = load(&(struct silt_config_input){
        .file = file ? "silt.yaml" : NULL,
        .environ = env ? environment : NULL,
        .flags = flags,
        .flags_n = flag ? 1 : 0,
    });
    if (!config) return;
    CU_ASSERT_STRING_EQUAL(config->kafka.group, want);
    silt_config_free(config);
}

static void a_flag_beats_the_environment_beats_the_file_beats_the_default(void)
{
    check_precedence(true, true, true, "by-flag");
    check_precedence(false, true, true, "by-env");
    check_precedence(false, false, true, "by-file");
    check_precedence(false, false, false, "silt");
}

static void lists_are_replaced_and_properties_are_merged(void)
{
    static const char *const flags[] = {"--kafka.topics=c", "--kafka.properties=y=9"};
    write_file("silt.yaml",
               "kafka:\n  topics: [a, b]\n  properties:\n    x: 1\n    y: 2\n    z: 3\n");
    struct silt_config *config =
        load(&(struct silt_config_input){.file = "silt.yaml", .flags = flags, .flags_n = 2});
    if (!config) return;
    CU_ASSERT_EQUAL(config->kafka.topics.n, 1);
    CU_ASSERT_STRING_EQUAL(config->kafka.topics.items[0], "c");
    CU_ASSERT_EQUAL(config->kafka.properties.n, 3);
    CU_ASSERT_STRING_EQUAL(config->kafka.properties.values[0], "1");
    CU_ASSERT_STRING_EQUAL(config->kafka.properties.values[1], "9");
    silt_config_free(config);
}

static void a_secret_is_read_from_its_file_without_the_line_end(void)
{
    write_file("dsn", "postgresql://u:pw@h/d\r\n");
    struct silt_config *config = load_text("metrics:\n  postgres_file: dsn\n");
    if (!config) return;
    CU_ASSERT_STRING_EQUAL(silt_secret_reveal(&config->metrics.postgres), "postgresql://u:pw@h/d");
    silt_config_free(config);
}

static void a_secret_file_that_was_overridden_need_not_exist(void)
{
    static const char *const flags[] = {"--metrics.postgres=x"};
    write_file("silt.yaml", "metrics:\n  postgres_file: /nowhere\n");
    struct silt_config *config =
        load(&(struct silt_config_input){.file = "silt.yaml", .flags = flags, .flags_n = 1});
    if (!config) return;
    CU_ASSERT_STRING_EQUAL(silt_secret_reveal(&config->metrics.postgres), "x");
    silt_config_free(config);
}

static void a_secret_file_replaces_a_weaker_secret(void)
{
    static const char *const flags[] = {"--metrics.postgres_file", "dsn"};
    write_file("dsn", "strong");
    write_file("silt.yaml", "metrics:\n  postgres: weak\n");
    struct silt_config *config =
        load(&(struct silt_config_input){.file = "silt.yaml", .flags = flags, .flags_n = 2});
    if (!config) return;
    CU_ASSERT_STRING_EQUAL(silt_secret_reveal(&config->metrics.postgres), "strong");
    silt_config_free(config);
}

static void a_bad_secret_file_is_named_without_its_content(void)
{
    static const struct bad_file rows[] = {
        {"metrics:\n  postgres_file: empty\n",
         "silt.yaml:2: metrics.postgres_file: secret file empty is empty"},
        {"metrics:\n  postgres_file: lines\n",
         "silt.yaml:2: metrics.postgres_file: metrics.postgres holds a control character, such as "
         "the end of a line"},
    };
    write_file("empty", "\n");
    write_file("lines", "canary\ncanary\n");
    check_bad_files(rows, 2);
}

static void properties_are_read_from_a_file_of_lines(void)
{
    write_file("props", "# comment\n\n  sasl.username=u\nsasl.password = p=w \r\n");
    struct silt_config *config =
        load_text("kafka:\n  properties_file: props\n  properties:\n    x: 1\n");
    if (!config) return;
    CU_ASSERT_EQUAL(config->kafka.properties.n, 3);
    CU_ASSERT_STRING_EQUAL(config->kafka.properties.names[1], "sasl.password");
    CU_ASSERT_STRING_EQUAL(config->kafka.properties.values[1], "p=w");
    silt_config_free(config);
}

static void a_bad_line_of_a_properties_file_is_named(void)
{
    static const struct bad_file row = {
        "kafka:\n  properties_file: props\n",
        "silt.yaml:2: props:2: kafka.properties takes name=value, such as security.protocol=ssl"};
    write_file("props", "a=1\nnonsense\n");
    check_bad_files(&row, 1);
}

static struct silt_config *load_with_aws(const char *text)
{
    static char key[] = "AWS_ACCESS_KEY_ID=env-key";
    static char secret[] = "AWS_SECRET_ACCESS_KEY=env-secret";
    static char token[] = "AWS_SESSION_TOKEN=env-token";
    static char region[] = "AWS_REGION=eu-west-1";
    static char other[] = "AWS_DEFAULT_REGION=us-west-2";
    static char *environment[] = {key, secret, token, other, region, NULL};
    write_file("silt.yaml", text);
    return load(&(struct silt_config_input){.file = "silt.yaml", .environ = environment});
}

static void aws_variables_stand_in_for_defaults(void)
{
    struct silt_config *config = load_with_aws("");
    if (!config) return;
    CU_ASSERT_STRING_EQUAL(config->s3.access_key_id, "env-key");
    CU_ASSERT_STRING_EQUAL(silt_secret_reveal(&config->s3.secret_access_key), "env-secret");
    CU_ASSERT_STRING_EQUAL(silt_secret_reveal(&config->s3.session_token), "env-token");
    CU_ASSERT_STRING_EQUAL(config->s3.region, "eu-west-1");
    silt_config_free(config);
}

static void keys_of_the_file_are_not_mixed_with_those_of_the_environment(void)
{
    struct silt_config *config = load_with_aws(
        "s3:\n  access_key_id: file-key\n  secret_access_key: file-secret\n  region: x\n");
    if (!config) return;
    CU_ASSERT_STRING_EQUAL(config->s3.access_key_id, "file-key");
    CU_ASSERT_STRING_EQUAL(silt_secret_reveal(&config->s3.secret_access_key), "file-secret");
    CU_ASSERT_FALSE(silt_secret_is_set(&config->s3.session_token));
    CU_ASSERT_STRING_EQUAL(config->s3.region, "x");
    silt_config_free(config);
}

static void a_profile_asked_for_drops_the_keys_of_the_environment(void)
{
    struct silt_config *config = load_with_aws("s3:\n  profile: team\n");
    if (!config) return;
    CU_ASSERT_STRING_EQUAL(config->s3.profile, "team");
    CU_ASSERT_STRING_EQUAL(config->s3.access_key_id, "");
    CU_ASSERT_FALSE(silt_secret_is_set(&config->s3.secret_access_key));
    CU_ASSERT_FALSE(silt_secret_is_set(&config->s3.session_token));
    silt_config_free(config);
}

static void regions_follow_from_what_else_is_set(void)
{
    struct silt_config *config =
        load_text("s3:\n  endpoint: https://h\nmetrics:\n  cloudwatch: true\n");
    if (!config) return;
    CU_ASSERT_STRING_EQUAL(config->s3.region, "us-east-1");
    CU_ASSERT_STRING_EQUAL(config->metrics.cloudwatch_region, "us-east-1");
    silt_config_free(config);
}

SILT_TESTS("config", {"the defaults are those of the table", the_defaults_are_those_of_the_table},
           {"nothing can be freed", nothing_can_be_freed},
           {"a flag beats the environment beats the file beats the default",
            a_flag_beats_the_environment_beats_the_file_beats_the_default},
           {"lists are replaced and properties are merged",
            lists_are_replaced_and_properties_are_merged},
           {"a secret is read from its file without the line end",
            a_secret_is_read_from_its_file_without_the_line_end},
           {"a secret file that was overridden need not exist",
            a_secret_file_that_was_overridden_need_not_exist},
           {"a secret file replaces a weaker secret", a_secret_file_replaces_a_weaker_secret},
           {"a bad secret file is named without its content",
            a_bad_secret_file_is_named_without_its_content},
           {"properties are read from a file of lines", properties_are_read_from_a_file_of_lines},
           {"a bad line of a properties file is named", a_bad_line_of_a_properties_file_is_named},
           {"AWS variables stand in for defaults", aws_variables_stand_in_for_defaults},
           {"keys of the file are not mixed with those of the environment",
            keys_of_the_file_are_not_mixed_with_those_of_the_environment},
           {"a profile asked for drops the keys of the environment",
            a_profile_asked_for_drops_the_keys_of_the_environment},
           {"regions follow from what else is set", regions_follow_from_what_else_is_set})
