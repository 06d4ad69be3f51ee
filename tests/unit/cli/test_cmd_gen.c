#include "consume/mock.h"
#include "harness.h"
#include "http_server.h"
#include "run_cli.h"

static struct silt_mock *mock;

static struct silt_mock *open_mock(void)
{
    CU_ASSERT_OK(silt_mock_new(1, &mock, NULL));
    CU_ASSERT_OK(silt_mock_add_topic(mock, "sensors", 2, NULL));
    return mock;
}

static void check_sums(struct ran ran, const char *records, const char *rest)
{
    CU_ASSERT_EQUAL(ran.code, 0);
    CU_ASSERT_STRING_EQUAL(ran.err, "");
    CU_ASSERT_EQUAL(strncmp(ran.out, records, strlen(records)), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, rest));
    if (ran.code != 0) fprintf(stderr, "\n  %s\n", ran.err);
    ran_done(&ran);
}

static void without_framing_it_needs_brokers_and_a_topic_only(void)
{
    const char *brokers = silt_mock_brokers(open_mock());
    check_sums(RUN("gen", "--brokers", brokers, "--topic", "sensors", "--records", "200",
                   "--bad-ratio", "0.1", "--tombstone-ratio", "0.05", "--schema.framing", "none"),
               "200 records in topic sensors (", " of them broken, ");
    check_sums(
        RUN("gen", "--kafka.brokers", brokers, "--kafka.topics", "sensors", "--records=50",
            "--key=none", "--rate=100000", "--kafka.properties=client.id=x", "--json",
            "--schema.framing=single_object", "--schema-versions=2",
            "--start=2026-01-01T00:00:00Z"),
        "{\"topic\":\"sensors\",\"records\":50,\"bad\":0,\"tombstones\":0,\"bytes\":", "}\n");
    silt_mock_free(mock);
}

static void confluent_framing_registers_each_version(void)
{
    static const struct silt_http_step script[] = {{.status = 200, .body = "{\"id\":4}"},
                                                   {.status = 200, .body = "{\"id\":5}"}};
    struct silt_http_server *server = silt_http_server_start(script, 2);
    const char *brokers = silt_mock_brokers(open_mock());
    check_sums(RUN("gen", "--brokers", brokers, "--topic", "sensors", "--records", "20",
                   "--schema-versions", "2", "--schema.registry", silt_http_server_url(server)),
               "20 records in topic sensors (", "), 0 of them broken, 0 tombstones\n");
    CU_ASSERT_EQUAL(silt_http_server_seen_n(server), 2);
    CU_ASSERT_STRING_EQUAL(silt_http_server_seen(server, 1)->target,
                           "/subjects/sensors-value/versions");
    silt_http_server_stop(server);
    silt_mock_free(mock);
}

static void a_registry_that_refuses_ends_it(void)
{
    static const struct silt_http_step script[] = {{.status = 500, .repeat = -1}};
    struct silt_http_server *server = silt_http_server_start(script, 1);
    struct ran ran = RUN("gen", "--brokers=127.0.0.1:1", "--topic=t", "--schema.registry",
                         silt_http_server_url(server));
    CU_ASSERT_EQUAL(ran.code, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.err, "answered 500"));
    ran_done(&ran);
    silt_http_server_stop(server);
}

static void wrong_flags_are_named(void)
{
    check_ran(RUN("gen"), 2, "", "silt gen: no brokers; give --brokers host:port\n");
    check_ran(RUN("gen", "--brokers=b"), 2, "", "silt gen: no topic; give --topic NAME\n");
    check_ran(RUN("gen", "--brokers=b", "--kafka.topics=^s.*"), 2, "",
              "silt gen: no topic; give --topic NAME\n");
    check_ran(RUN("gen", "--brokers=b", "--topic=t"), 2, "",
              "silt gen: schema.framing confluent needs --schema.registry URL (or --schema.framing "
              "none)\n");
    check_ran(RUN("gen", "--brokers=b", "--topic=t", "--key=value"), 2, "",
              "silt gen: --key is \"value\", but must be sensor_id or none\n");
    check_ran(RUN("gen", "--brokers=b", "--topic=t", "--bad-ratio=2"), 2, "",
              "silt gen: --bad-ratio is more than 1, which is all of them\n");
    check_ran(RUN("gen", "--brokers=b", "--topic=t", "--sensors=0"), 2, "",
              "silt gen: --sensors must be from 1 to 1000000\n");
    check_ran(RUN("gen", "--brokers=b", "--topic=t", "--schema-versions=3"), 2, "",
              "silt gen: --schema-versions must be from 1 to 2\n");
    check_ran(
        RUN("gen", "--brokers=b", "--topic=t", "--schema-versions=2", "--schema.framing=none"), 2,
        "",
        "silt gen: --schema-versions needs a framing that tells them apart; schema.framing is "
        "none\n");
    check_ran(
        RUN("gen", "--brokers=b", "--topic=t", "--partitions=100001", "--schema.framing=none"), 2,
        "", "silt gen: --partitions must be from 1 to 100000\n");
    struct ran ran = RUN("gen", "--brokers=b", "--topic=t", "--schema.framing=none",
                         "--kafka.properties=no.such=1");
    CU_ASSERT_EQUAL(ran.code, 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.err, "no.such"));
    ran_done(&ran);
}

SILT_TESTS("cmd_gen",
           {"without framing it needs brokers and a topic only",
            without_framing_it_needs_brokers_and_a_topic_only},
           {"confluent framing registers each version", confluent_framing_registers_each_version},
           {"a registry that refuses ends it", a_registry_that_refuses_ends_it},
           {"wrong flags are named", wrong_flags_are_named})
