#include "base/log.h"
#include "consumer_int.h"
#include "harness.h"

#include <string.h>

static struct silt_rc conf_with(const char *name, const char *value, rd_kafka_conf_t **ret_conf,
                                struct silt_err *err)
{
    const struct silt_property property = {name, value};
    const struct silt_consumer_opts opts = {.brokers = "localhost:1",
                                            .group = "g",
                                            .properties = &property,
                                            .properties_n = name ? 1 : 0};
    return silt_consumer_conf(&opts, ret_conf, err);
}

static const char *value_of(const rd_kafka_conf_t *conf, const char *name)
{
    static char text[512];
    size_t len = sizeof text;
    return rd_kafka_conf_get(conf, name, text, &len) == RD_KAFKA_CONF_OK ? text : "";
}

static void forces_what_the_protocol_needs(void)
{
    rd_kafka_conf_t *conf = NULL;
    CU_ASSERT_OK(conf_with(NULL, NULL, &conf, NULL));
    CU_ASSERT_STRING_EQUAL(value_of(conf, "enable.auto.commit"), "false");
    CU_ASSERT_STRING_EQUAL(value_of(conf, "enable.auto.offset.store"), "false");
    CU_ASSERT_STRING_EQUAL(value_of(conf, "auto.offset.reset"), "error");
    CU_ASSERT_STRING_EQUAL(value_of(conf, "isolation.level"), "read_committed");
    CU_ASSERT_STRING_EQUAL(value_of(conf, "check.crcs"), "true");
    CU_ASSERT_STRING_EQUAL(value_of(conf, "enable.partition.eof"), "true");
    CU_ASSERT_STRING_EQUAL(value_of(conf, "allow.auto.create.topics"), "false");
    CU_ASSERT_STRING_EQUAL(value_of(conf, "partition.assignment.strategy"), "cooperative-sticky");
    CU_ASSERT_STRING_EQUAL(value_of(conf, "queued.max.messages.kbytes"), "32768");
    CU_ASSERT_STRING_EQUAL(value_of(conf, "group.id"), "g");
    rd_kafka_conf_destroy(conf);
}

static void refuses_what_would_break_it_with_the_reason(void)
{
    static const char *const refused[][2] = {
        {"enable.auto.commit", "true"},
        {"auto.commit.enable", "false"},
        {"enable.auto.offset.store", "true"},
        {"auto.offset.reset", "earliest"},
        {"check.crcs", "false"},
        {"isolation.level", "read_uncommitted"},
        {"enable.partition.eof", "false"},
        {"allow.auto.create.topics", "true"},
        {"bootstrap.servers", "x"},
        {"group.id", "x"},
        {"group.protocol", "classic"},
        {"group.instance.id", "x"},
        {"client.rack", "x"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        rd_kafka_conf_t *conf = NULL;
        struct silt_err err = {0};
        CU_ASSERT_FAILS(conf_with(refused[i][0], refused[i][1], &conf, &err));
        CU_ASSERT_EQUAL(err.code, SILT_E_CONFIG);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, refused[i][0]));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "remove it"));
    }
}

static void takes_the_same_value_and_any_other_option(void)
{
    rd_kafka_conf_t *conf = NULL;
    CU_ASSERT_OK(conf_with("auto.offset.reset", "error", &conf, NULL));
    rd_kafka_conf_destroy(conf);
    CU_ASSERT_OK(conf_with("fetch.wait.max.ms", "123", &conf, NULL));
    CU_ASSERT_STRING_EQUAL(value_of(conf, "fetch.wait.max.ms"), "123");
    rd_kafka_conf_destroy(conf);
}

static void names_an_option_that_does_not_exist(void)
{
    rd_kafka_conf_t *conf = NULL;
    struct silt_err err = {0};
    CU_ASSERT_FAILS(conf_with("no.such.option", "1", &conf, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no.such.option"));
}

static void names_no_strategy_where_the_broker_assigns(void)
{
    rd_kafka_conf_t *conf = NULL;
    struct silt_consumer_opts opts = {
        .brokers = "localhost:1", .group = "g", .group_protocol = "consumer"};
    CU_ASSERT_OK(silt_consumer_conf(&opts, &conf, NULL));
    CU_ASSERT_STRING_EQUAL(value_of(conf, "group.protocol"), "consumer");
    CU_ASSERT_STRING_NOT_EQUAL(value_of(conf, "partition.assignment.strategy"),
                               "cooperative-sticky");
    rd_kafka_conf_destroy(conf);
    opts.group_protocol = "classic";
    CU_ASSERT_OK(silt_consumer_conf(&opts, &conf, NULL));
    CU_ASSERT_STRING_EQUAL(value_of(conf, "group.protocol"), "classic");
    CU_ASSERT_STRING_EQUAL(value_of(conf, "partition.assignment.strategy"), "cooperative-sticky");
    rd_kafka_conf_destroy(conf);
}

static void refuses_what_the_broker_decides(void)
{
    static const char *const classic[] = {"partition.assignment.strategy", "session.timeout.ms",
                                          "heartbeat.interval.ms", "group.protocol.type"};
    for (size_t i = 0; i < sizeof classic / sizeof classic[0]; i++) {
        const struct silt_property property = {classic[i], "6000"};
        const struct silt_consumer_opts opts = {.brokers = "localhost:1",
                                                .group = "g",
                                                .group_protocol = "consumer",
                                                .properties = &property,
                                                .properties_n = 1};
        rd_kafka_conf_t *conf = NULL;
        struct silt_err err = {0};
        CU_ASSERT_FAILS(silt_consumer_conf(&opts, &conf, &err));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, classic[i]));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "the broker decides it; remove it"));
    }
}

static void names_the_member_and_its_rack(void)
{
    struct silt_consumer_opts opts = {
        .brokers = "localhost:1", .group = "g", .instance_id = "pod-1", .rack = "zone-a"};
    rd_kafka_conf_t *conf = NULL;
    CU_ASSERT_OK(silt_consumer_conf(&opts, &conf, NULL));
    CU_ASSERT_STRING_EQUAL(value_of(conf, "group.instance.id"), "pod-1");
    CU_ASSERT_STRING_EQUAL(value_of(conf, "client.rack"), "zone-a");
    rd_kafka_conf_destroy(conf);
    opts.instance_id = opts.rack = "";
    CU_ASSERT_OK(silt_consumer_conf(&opts, &conf, NULL));
    CU_ASSERT_STRING_EQUAL(value_of(conf, "group.instance.id"), "");
    CU_ASSERT_STRING_EQUAL(value_of(conf, "client.rack"), "");
    rd_kafka_conf_destroy(conf);
}

static void sizes_follow_the_memory_they_may_use(void)
{
    const struct {
        int64_t queue;
        const char *kbytes;
        const char *fetch;
    } cases[] = {{100, "1", "1048576"},
                 {8 << 20, "8192", "4194304"},
                 {(int64_t)1 << 30, "1048576", "16777216"}};
    for (size_t i = 0; i < 3; i++) {
        const struct silt_consumer_opts opts = {.brokers = "x", .queue_max_bytes = cases[i].queue};
        rd_kafka_conf_t *conf = NULL;
        CU_ASSERT_OK(silt_consumer_conf(&opts, &conf, NULL));
        CU_ASSERT_STRING_EQUAL(value_of(conf, "queued.max.messages.kbytes"), cases[i].kbytes);
        CU_ASSERT_STRING_EQUAL(value_of(conf, "fetch.max.bytes"), cases[i].fetch);
        CU_ASSERT_STRING_EQUAL(value_of(conf, "group.id"), "silt-no-group");
        rd_kafka_conf_destroy(conf);
    }
}

static void a_consumer_that_cannot_be_made_says_why(void)
{
    const char *topics[] = {"^["};
    const struct silt_property bad = {"session.timeout.ms", "999999999"};
    struct silt_consumer_opts opts = {
        .brokers = "localhost:1", .group = "g", .properties = &bad, .properties_n = 1};
    struct silt_consumer *consumer = NULL;
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_consumer_new(&opts, &consumer, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_CONFIG);
    const struct silt_property late = {"security.protocol", "sasl_plaintext"};
    opts.properties = &late;
    CU_ASSERT_FAILS(silt_consumer_new(&opts, &consumer, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_CONFIG);
    opts.properties_n = 0;
    opts.topics = topics;
    opts.topics_n = 1;
    CU_ASSERT_FAILS(silt_consumer_new(&opts, &consumer, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "kafka.topics"));
    CU_ASSERT_PTR_NULL(consumer);
}

static void every_error_has_a_code_and_log_levels_are_mapped(void)
{
    struct silt_err err = {0};
    silt_kafka_err(&err, RD_KAFKA_RESP_ERR__BAD_MSG, "");
    CU_ASSERT_EQUAL(err.code, SILT_E_CORRUPT);
    silt_kafka_err(&err, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, NULL);
    CU_ASSERT_EQUAL(err.code, SILT_E_NETWORK);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "NOT_LEADER"));
    silt_log_init(SILT_FATAL, SILT_LOG_JSON, 1);
    for (int level = -1; level < 9; level++) silt_kafka_log(NULL, level, "TEST", "line");
}

SILT_TESTS("consumer_conf", {"forces what the protocol needs", forces_what_the_protocol_needs},
           {"refuses what would break it with the reason",
            refuses_what_would_break_it_with_the_reason},
           {"takes the same value and any other option", takes_the_same_value_and_any_other_option},
           {"names an option that does not exist", names_an_option_that_does_not_exist},
           {"names no strategy where the broker assigns",
            names_no_strategy_where_the_broker_assigns},
           {"refuses what the broker decides", refuses_what_the_broker_decides},
           {"names the member and its rack", names_the_member_and_its_rack},
           {"sizes follow the memory they may use", sizes_follow_the_memory_they_may_use},
           {"a consumer that cannot be made says why", a_consumer_that_cannot_be_made_says_why},
           {"every error has a code and log levels are mapped",
            every_error_has_a_code_and_log_levels_are_mapped})
