#include "archive_dir.h"
#include "consume/consumer.h"
#include "consume/mock.h"
#include "consume/producer.h"

/* Kafka has a topic of two partitions with 25 and 5 records; the archive has ten of the first. */
struct bench {
    struct silt_mock *mock;
    struct archive archive;
    char *brokers; /* --kafka.brokers=… */
};

static void send(const struct bench *bench, int32_t partition, int n)
{
    struct silt_producer *producer = NULL;
    const struct silt_record rec = {
        .partition = partition, .timestamp_ms = 1, .key_null = true, .value_null = true};
    const struct silt_producer_opts opts = {.brokers = silt_mock_brokers(bench->mock),
                                            .topic = "sensors"};
    CU_ASSERT_OK(silt_producer_new(&opts, &producer, NULL));
    for (int i = 0; i < n; i++) CU_ASSERT_OK(silt_producer_send(producer, &rec, NULL));
    CU_ASSERT_OK(silt_producer_flush(producer, 120000, NULL));
    silt_producer_free(producer);
}

/* The archive is of this very topic. */
static void name_partition(struct bench *bench)
{
    static const char *const topics[] = {"sensors"};
    const struct silt_consumer_opts opts = {
        .brokers = silt_mock_brokers(bench->mock), .topics = topics, .topics_n = 1};
    struct silt_consumer *consumer = NULL;
    struct silt_topic_info *infos = NULL;
    unsigned n = 0;
    struct silt_tp *tp = &bench->archive.tool.tp;
    CU_ASSERT_OK(silt_consumer_new(&opts, &consumer, NULL));
    CU_ASSERT_OK(silt_consumer_list_topics(consumer, 120000, &infos, &n, tp->cluster, NULL));
    CU_ASSERT_EQUAL(n, 1);
    if (n) memcpy(tp->topic_id, infos[0].topic_id, sizeof tp->topic_id);
    silt_free(infos);
    CU_ASSERT(silt_consumer_close(consumer, 120000));
}

static void begin(struct bench *bench, const char *name)
{
    if (!silt_mock_new(1, &bench->mock, NULL).ok) abort();
    if (!silt_mock_add_topic(bench->mock, "sensors", 2, NULL).ok) abort();
    bench->brokers = silt_asprintf("--kafka.brokers=%s", silt_mock_brokers(bench->mock));
    send(bench, 0, 25);
    send(bench, 1, 5);
    archive_begin(&bench->archive, name);
    name_partition(bench);
    tool_slot(&bench->archive.tool, &(struct tool_slot){.offsets = 10});
    archive_write(&bench->archive);
}

static void end(struct bench *bench)
{
    archive_end(&bench->archive);
    silt_free(bench->brokers);
    silt_mock_free(bench->mock);
}

#define LAG(bench, ...) \
    READ("lag", "--kafka.topics=sensors", (bench).brokers, (bench).archive.flag, __VA_ARGS__)

static void each_partition_has_its_lag(void)
{
    struct bench bench;
    begin(&bench, "lag");
    check_ran(LAG(bench, "--kafka.group=g"), 0,
              "topic    partition  log start  durable  high  lag\n"
              "sensors          0          0       10    25   15\n"
              "sensors          1          0       -1     5    5\n",
              "");
    check_ran(LAG(bench, "--json"), 0,
              "{\"topic\":\"sensors\",\"partition\":0,\"log_start\":0,\"durable\":10,"
              "\"high_watermark\":25,\"lag\":15,\"pending\":false}\n"
              "{\"topic\":\"sensors\",\"partition\":1,\"log_start\":0,\"durable\":-1,"
              "\"high_watermark\":5,\"lag\":5,\"pending\":false}\n",
              "");
    end(&bench);
}

/* Not 0: nobody knows. */
static void what_is_not_known_is_no_number(void)
{
    struct bench bench;
    begin(&bench, "unknown");
    archive_spoil_slot(&bench.archive, 0, "no manifest");
    struct ran ran = LAG(bench, "--kafka.group=g");
    CU_ASSERT_EQUAL(ran.code, 1);
    CU_ASSERT_STRING_EQUAL(ran.out, "topic    partition  log start  durable  high  lag\n"
                                    "sensors          0          0        ?    25    ?\n"
                                    "sensors          1          0       -1     5    5\n");
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.err, "no JSON"));
    ran_done(&ran);
    ran = LAG(bench, "--json");
    CU_ASSERT_EQUAL(ran.code, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "\"durable\":null,\"high_watermark\":25,\"lag\":null"));
    ran_done(&ran);
    end(&bench);
}

static void a_slot_on_its_way_does_not_count_yet(void)
{
    struct bench bench;
    begin(&bench, "pending");
    archive_write_pending(&bench.archive);
    struct ran ran = LAG(bench, "--json");
    CU_ASSERT_EQUAL(ran.code, 0);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(ran.out, "\"durable\":10,\"high_watermark\":25,\"lag\":15,\"pending\":true}"));
    ran_done(&ran);
    end(&bench);
}

static void what_cannot_be_asked_is_named(void)
{
    struct bench bench;
    begin(&bench, "named");
    check_ran(READ("lag", "--archive.root=file:///dev/null/x"), 2, "",
              "silt lag: archive.root file:///dev/null/x: cannot make it: Not a directory\n");
    struct ran ran = LAG(bench, "--kafka.properties=no.such=1");
    CU_ASSERT_EQUAL(ran.code, 2);
    CU_ASSERT_STRING_EQUAL(ran.out, "");
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.err, "no.such"));
    ran_done(&ran);
    end(&bench);
}

SILT_TESTS("cmd_lag", {"each partition has its lag", each_partition_has_its_lag},
           {"what is not known is no number", what_is_not_known_is_no_number},
           {"a slot on its way does not count yet", a_slot_on_its_way_does_not_count_yet},
           {"what cannot be asked is named", what_cannot_be_asked_is_named})
