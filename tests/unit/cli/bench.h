/* Kafka and an archive of it side by side, for the commands that ask both. */
#ifndef SILT_TEST_BENCH_H
#define SILT_TEST_BENCH_H

#include "archive_dir.h"
#include "consume/consumer.h"
#include "consume/mock_int.h"
#include "consume/producer.h"

/* Kafka has a topic of two partitions with 25 and 5 records; the archive has ten of the first. */
struct bench {
    struct silt_mock *mock;
    struct archive archive;
    char *brokers; /* --kafka.brokers=… */
};

static inline void bench_send(const struct bench *bench, int32_t partition, int n)
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
static inline void bench_name_partition(struct bench *bench)
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

static inline void bench_begin(struct bench *bench, const char *name)
{
    if (!silt_mock_new(1, &bench->mock, NULL).ok) abort();
    if (!silt_mock_add_topic(bench->mock, "sensors", 2, NULL).ok) abort();
    bench->brokers = silt_asprintf("--kafka.brokers=%s", silt_mock_brokers(bench->mock));
    bench_send(bench, 0, 25);
    bench_send(bench, 1, 5);
    archive_begin(&bench->archive, name);
    bench_name_partition(bench);
    tool_slot(&bench->archive.tool, &(struct tool_slot){.offsets = 10});
    archive_write(&bench->archive);
}

static inline void bench_delete_before(struct bench *bench, int32_t partition, int64_t offset)
{
    CU_ASSERT_EQUAL(
        rd_kafka_mock_partition_delete_records(bench->mock->cluster, "sensors", partition, offset),
        0);
}

static inline void bench_end(struct bench *bench)
{
    archive_end(&bench->archive);
    silt_free(bench->brokers);
    silt_mock_free(bench->mock);
}

#endif
