#include "bad_input.h"
#include "config/config.h"
#include "harness.h"

#include <string.h>

static const struct bad_words bad_variables[] = {
    {{"SILT_KAFKA_BROKER=a"},
     "unknown environment variable SILT_KAFKA_BROKER; did you mean SILT_KAFKA_BROKERS?"},
    {{"SILT_MEMROY=1GiB"}, "unknown environment variable SILT_MEMROY; did you mean SILT_MEMORY?"},
    {{"SILT_ARCHIVE_CODEC=gzip"},
     "env SILT_ARCHIVE_CODEC: archive.codec is \"gzip\", but must be one of zstd, deflate, snappy, "
     "null"},
    {{"SILT_MEMORY="},
     "env SILT_MEMORY: memory is \"\", but must be a size from 32MiB to 1TiB, like 256MiB"},
    {{"SILT_KAFKA_PROPERTIES=ssl"},
     "env SILT_KAFKA_PROPERTIES: kafka.properties takes name=value, such as security.protocol=ssl"},
    {{"SILT_S3_PATH_STYLE=1"},
     "env SILT_S3_PATH_STYLE: s3.path_style is \"1\", but must be true or false"},
    {{"SILT_METRICS_POSTGRES=x", "SILT_METRICS_POSTGRES_FILE=y"},
     "env SILT_METRICS_POSTGRES_FILE: metrics.postgres and metrics.postgres_file are both set; "
     "keep one"},
    {{"AWS_ACCESS_KEY_ID=k"},
     "env AWS_ACCESS_KEY_ID: s3.access_key_id is set, but s3.secret_access_key is not; set both or "
     "neither"},
};

static const struct bad_words bad_flags[] = {
    {{"--kafka.broker=a"}, "unknown option --kafka.broker; did you mean --kafka.brokers?"},
    {{"--kafka.group"}, "--kafka.group needs a value: --kafka.group=VALUE"},
    {{"--archive.codec=gzip"},
     "--archive.codec: archive.codec is \"gzip\", but must be one of zstd, deflate, snappy, null"},
    {{"--colour=blue"}, "unknown option --colour; silt help options lists them all"},
    {{"kafka.group=a"}, "kafka.group=a is no option; options begin with --"},
    {{"--kafka.properties", "ssl"},
     "--kafka.properties: kafka.properties takes name=value, such as security.protocol=ssl"},
    {{"--kafka.properties==x"},
     "--kafka.properties: kafka.properties takes name=value, such as security.protocol=ssl"},
    {{"--memory", "1"},
     "--memory: memory is \"1\", but must be a size from 32MiB to 1TiB, like 256MiB"},
    {{"--s3.path_style=maybe"},
     "--s3.path_style: s3.path_style is \"maybe\", but must be true or false"},
    {{"--metrics.postgres", "x", "--metrics.postgres_file", "y"},
     "--metrics.postgres_file: metrics.postgres and metrics.postgres_file are both set; keep one"},
};

static void a_wrong_variable_is_named(void)
{
    for (size_t i = 0; i < sizeof bad_variables / sizeof bad_variables[0]; i++)
        check_bad_words(&bad_variables[i], true);
}

static void a_wrong_flag_is_named(void)
{
    for (size_t i = 0; i < sizeof bad_flags / sizeof bad_flags[0]; i++)
        check_bad_words(&bad_flags[i], false);
}

static struct silt_config *load_env(const char *const *words, unsigned n)
{
    char *env[8] = {0};
    for (unsigned i = 0; i < n; i++) env[i] = (char *)(uintptr_t)words[i];
    return load(&(struct silt_config_input){.environ = env});
}

static void variables_of_all_types_are_taken(void)
{
    static const char *const words[] = {
        "SILT_KAFKA_TOPICS=a,b", "SILT_KAFKA_PROPERTIES=x=1,y=2=3,z=4\\,5",
        "SILT_S3_PATH_STYLE=true", "SILT_MEMORY=1GiB", "SILT_METRICS_LISTEN="};
    struct silt_config *config = load_env(words, 5);
    if (!config) return;
    CU_ASSERT_EQUAL(config->kafka.topics.n, 2);
    CU_ASSERT_EQUAL(config->kafka.properties.n, 3);
    CU_ASSERT_STRING_EQUAL(config->kafka.properties.values[1], "2=3");
    CU_ASSERT_STRING_EQUAL(config->kafka.properties.values[2], "4,5");
    CU_ASSERT(config->s3.path_style);
    CU_ASSERT_EQUAL(config->memory, 1 << 30);
    CU_ASSERT_STRING_EQUAL(config->metrics.listen, "");
    silt_config_free(config);
}

static void variables_of_others_are_let_through(void)
{
    static const char *const words[] = {"SILT_CONFIG=x.yaml",
                                        "SILT_BUILD_NUMBER=7",
                                        "SILT_METRICS_SERVICE_HOST=10.0.0.1",
                                        "SILT_METRICS_PORT_9464_TCP=tcp://10.0.0.1:9464",
                                        "SILT_S3_SERVICE_PORT_HTTP=80",
                                        "SILT_LOG_PORT=1",
                                        "SILT_WITHOUT_VALUE"};
    struct silt_config *config = load_env(words, 7);
    CU_ASSERT_PTR_NOT_NULL(config);
    silt_config_free(config);
}

static void a_word_that_only_looks_like_a_service_link_is_refused(void)
{
    static const struct bad_words row = {
        {"SILT_METRICS_PORTAL=x"},
        "unknown environment variable SILT_METRICS_PORTAL; did you mean SILT_METRICS_WORKER?"};
    check_bad_words(&row, true);
}

static void flags_come_in_both_spellings_and_may_be_repeated(void)
{
    static const char *const flags[] = {"--kafka.topics",
                                        "a,b",
                                        "--kafka.topics=c",
                                        "--kafka.properties",
                                        "x=1,2",
                                        "--s3.path_style",
                                        "--metrics.cloudwatch",
                                        "false",
                                        "--memory=64MiB",
                                        "--memory",
                                        "65MiB"};
    struct silt_config *config = load(&(struct silt_config_input){.flags = flags, .flags_n = 11});
    if (!config) return;
    CU_ASSERT_EQUAL(config->kafka.topics.n, 3);
    CU_ASSERT_EQUAL(config->kafka.properties.n, 1);
    CU_ASSERT_STRING_EQUAL(config->kafka.properties.values[0], "1,2");
    CU_ASSERT(config->s3.path_style);
    CU_ASSERT_FALSE(config->metrics.cloudwatch);
    CU_ASSERT_EQUAL(config->memory, 65 << 20);
    silt_config_free(config);
}

static unsigned args_of(const char *first, const char *second)
{
    const char *const args[] = {first, second};
    return silt_config_flag_args(args, second ? 2 : 1);
}

static void a_flag_knows_how_many_arguments_it_takes(void)
{
    CU_ASSERT_EQUAL(args_of("--kafka.group", "x"), 2);
    CU_ASSERT_EQUAL(args_of("--kafka.group", NULL), 1);
    CU_ASSERT_EQUAL(args_of("--kafka.group=x", "y"), 1);
    CU_ASSERT_EQUAL(args_of("--memory", "64MiB"), 2);
    CU_ASSERT_EQUAL(args_of("--s3.path_style", "true"), 2);
    CU_ASSERT_EQUAL(args_of("--s3.path_style", "word"), 1);
    CU_ASSERT_EQUAL(args_of("--kafka.unknown", "x"), 2);
    CU_ASSERT_EQUAL(args_of("--watch", "x"), 0);
    CU_ASSERT_EQUAL(args_of("word", "x"), 0);
    CU_ASSERT_EQUAL(silt_config_flag_args(NULL, 0), 0);
}

SILT_TESTS("source", {"a wrong variable is named", a_wrong_variable_is_named},
           {"a wrong flag is named", a_wrong_flag_is_named},
           {"variables of all types are taken", variables_of_all_types_are_taken},
           {"variables of others are let through", variables_of_others_are_let_through},
           {"a word that only looks like a service link is refused",
            a_word_that_only_looks_like_a_service_link_is_refused},
           {"flags come in both spellings and may be repeated",
            flags_come_in_both_spellings_and_may_be_repeated},
           {"a flag knows how many arguments it takes", a_flag_knows_how_many_arguments_it_takes})
