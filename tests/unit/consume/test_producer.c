#include "consume/producer.h"

#include "harness.h"
#include "mock_int.h"

#include <stdlib.h>
#include <string.h>

#define TOPIC "out"
#define LONG_MS 120000

static struct silt_mock *mock;

static void open_mock(void)
{
    if (!silt_mock_new(1, &mock, NULL).ok) abort();
    if (!silt_mock_add_topic(mock, TOPIC, 2, NULL).ok) abort();
}

static struct silt_producer_opts options(void)
{
    return (struct silt_producer_opts){.brokers = silt_mock_brokers(mock), .topic = TOPIC};
}

static const struct silt_record record = {.partition = -1,
                                          .timestamp_ms = SILT_NO_TIMESTAMP,
                                          .key_null = true,
                                          .value = {(const uint8_t *)"abc", 3}};

static void counts_what_was_delivered(void)
{
    open_mock();
    struct silt_producer_opts opts = options();
    opts.rate = 10000;
    opts.compression = "none";
    struct silt_producer *producer = NULL;
    CU_ASSERT_OK(silt_producer_new(&opts, &producer, NULL));
    for (int i = 0; i < 50; i++) CU_ASSERT_OK(silt_producer_send(producer, &record, NULL));
    CU_ASSERT_OK(silt_producer_flush(producer, LONG_MS, NULL));
    struct silt_producer_stats stats;
    silt_producer_stats(producer, &stats);
    CU_ASSERT_EQUAL(stats.sent, 50);
    CU_ASSERT_EQUAL(stats.delivered, 50);
    CU_ASSERT_EQUAL(stats.failed, 0);
    CU_ASSERT_EQUAL(stats.bytes, 150);
    silt_producer_free(producer);
    silt_mock_free(mock);
}

static void a_full_queue_is_waited_for(void)
{
    open_mock();
    const struct silt_property small = {"queue.buffering.max.messages", "10"};
    struct silt_producer_opts opts = options();
    opts.properties = &small;
    opts.properties_n = 1;
    struct silt_producer *producer = NULL;
    CU_ASSERT_OK(silt_producer_new(&opts, &producer, NULL));
    for (int i = 0; i < 100; i++) CU_ASSERT_OK(silt_producer_send(producer, &record, NULL));
    CU_ASSERT_OK(silt_producer_flush(producer, LONG_MS, NULL));
    silt_producer_free(producer);
    silt_mock_free(mock);
}

static void an_offer_does_not_wait_for_room(void)
{
    open_mock();
    const struct silt_property small = {"queue.buffering.max.messages", "10"};
    struct silt_producer_opts opts = options();
    opts.properties = &small;
    opts.properties_n = 1;
    opts.linger_ms = 100000;
    struct silt_producer *producer = NULL;
    struct silt_err err = {0};
    CU_ASSERT_OK(silt_producer_new(&opts, &producer, NULL));
    for (int i = 0; i < 10; i++) CU_ASSERT_OK(silt_producer_offer(producer, &record, 7, &err));
    CU_ASSERT_FAILS(silt_producer_offer(producer, &record, 7, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_THROTTLED);
    struct silt_producer_stats stats;
    silt_producer_stats(producer, &stats);
    CU_ASSERT_EQUAL(stats.sent, 10);
    CU_ASSERT_EQUAL(stats.pending_cost, 70);
    CU_ASSERT_OK(silt_producer_flush(producer, LONG_MS, NULL));
    silt_producer_poll(producer);
    silt_producer_stats(producer, &stats);
    CU_ASSERT_EQUAL(stats.delivered, 10);
    CU_ASSERT_EQUAL(stats.pending_cost, 0);
    silt_producer_free(producer);
    silt_mock_free(mock);
}

static void the_first_failed_delivery_fails_the_flush(void)
{
    open_mock();
    const struct silt_property none[] = {{"enable.idempotence", "false"}, {"retries", "0"}};
    struct silt_producer_opts opts = options();
    opts.properties = none;
    opts.properties_n = 2;
    struct silt_producer *producer = NULL;
    CU_ASSERT_OK(silt_producer_new(&opts, &producer, NULL));
    rd_kafka_mock_push_request_errors(mock->cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    CU_ASSERT_OK(silt_producer_send(producer, &record, NULL));
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_producer_flush(producer, LONG_MS, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_DENIED);
    struct silt_producer_stats stats;
    silt_producer_stats(producer, &stats);
    CU_ASSERT_EQUAL(stats.failed, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(stats.last_failure, "TOPIC_AUTHORIZATION_FAILED"));
    silt_producer_free(producer);
    silt_mock_free(mock);
}

static void a_flush_that_takes_too_long_fails(void)
{
    open_mock();
    struct silt_producer_opts opts = options();
    struct silt_producer *producer = NULL;
    CU_ASSERT_OK(silt_producer_new(&opts, &producer, NULL));
    rd_kafka_mock_broker_set_down(mock->cluster, 0);
    rd_kafka_mock_broker_set_down(mock->cluster, 1);
    CU_ASSERT_OK(silt_producer_send(producer, &record, NULL));
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_producer_flush(producer, 50, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_TIMEOUT);
    silt_producer_free(producer);
    silt_producer_free(NULL);
    silt_mock_free(mock);
}

static void what_cannot_be_sent_is_refused(void)
{
    open_mock();
    struct silt_producer_opts opts = options();
    struct silt_producer *producer = NULL;
    CU_ASSERT_OK(silt_producer_new(&opts, &producer, NULL));
    size_t len = (size_t)2 << 20;
    uint8_t *much = calloc(1, len);
    const struct silt_header header = {.key = silt_slice_str("h"), .value_null = true};
    const struct silt_record big = {.partition = 0,
                                    .key_null = true,
                                    .value = silt_slice_of(much, len),
                                    .headers = &header,
                                    .headers_n = 1};
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_producer_send(producer, &big, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_LIMIT);
    free(much);
    silt_producer_free(producer);
    silt_mock_free(mock);
}

static void transactions_need_an_id(void)
{
    open_mock();
    struct silt_producer_opts opts = options();
    struct silt_producer *producer = NULL;
    struct silt_err err = {0};
    CU_ASSERT_OK(silt_producer_new(&opts, &producer, NULL));
    CU_ASSERT_FAILS(silt_producer_begin(producer, &err));
    CU_ASSERT_FAILS(silt_producer_commit(producer, &err));
    CU_ASSERT_FAILS(silt_producer_abort(producer, &err));
    silt_producer_free(producer);
    opts.transactional_id = "tx";
    CU_ASSERT_OK(silt_producer_new(&opts, &producer, NULL));
    CU_ASSERT_OK(silt_producer_begin(producer, NULL));
    CU_ASSERT_OK(silt_producer_send(producer, &record, NULL));
    CU_ASSERT_OK(silt_producer_commit(producer, NULL));
    CU_ASSERT_OK(silt_producer_begin(producer, NULL));
    CU_ASSERT_OK(silt_producer_abort(producer, NULL));
    silt_producer_free(producer);
    silt_mock_free(mock);
}

/* The embedded broker makes no topics on request. */
static void a_topic_that_cannot_be_made_says_why(void)
{
    open_mock();
    struct silt_producer_opts opts = options();
    struct silt_producer *producer = NULL;
    struct silt_err err = {0};
    CU_ASSERT_OK(silt_producer_new(&opts, &producer, NULL));
    CU_ASSERT_FAILS(silt_producer_create_topic(producer, 3, LONG_MS, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_UNSUPPORTED);
    CU_ASSERT_FAILS(silt_producer_create_topic(producer, -7, LONG_MS, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_USAGE);
    silt_producer_free(producer);
    silt_mock_free(mock);
}

static void wrong_options_are_named(void)
{
    open_mock();
    const struct silt_property wrong = {"no.such.option", "1"};
    struct silt_producer_opts opts = options();
    opts.properties = &wrong;
    opts.properties_n = 1;
    struct silt_producer *producer = NULL;
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_producer_new(&opts, &producer, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no.such.option"));
    CU_ASSERT_FAILS(silt_mock_add_topic(mock, TOPIC, 1, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, TOPIC));
    silt_mock_free(mock);
    silt_mock_free(NULL);
}

SILT_TESTS("producer", {"counts what was delivered", counts_what_was_delivered},
           {"a full queue is waited for", a_full_queue_is_waited_for},
           {"an offer does not wait for room", an_offer_does_not_wait_for_room},
           {"the first failed delivery fails the flush", the_first_failed_delivery_fails_the_flush},
           {"a flush that takes too long fails", a_flush_that_takes_too_long_fails},
           {"what cannot be sent is refused", what_cannot_be_sent_is_refused},
           {"transactions need an id", transactions_need_an_id},
           {"a topic that cannot be made says why", a_topic_that_cannot_be_made_says_why},
           {"wrong options are named", wrong_options_are_named})
