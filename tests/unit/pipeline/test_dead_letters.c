#include "rig.h"

#include "base/clock.h"
#include "pipeline/dead_letters.h"

#define DEAD "dead"

static const struct silt_decoded truncated = {.verdict = {.reason = SILT_REASON_TRUNCATED},
                                              .detail = "the value ends inside a field"};
static const struct silt_record reject = {
    .offset = 7, .key_null = true, .value = {(const uint8_t *)"\0\0\0\0\1x", 6}};

static void open_rig(struct rig *rig)
{
    rig_open(rig, 1);
    rig->opts.dlq_topic = DEAD;
    if (!silt_mock_add_topic(rig->mock, DEAD, 1, NULL).ok) abort();
}

/* ---- the letters alone ---- */

struct alone {
    struct rig rig;
    struct silt_metrics *metrics;
    struct silt_dead_letters *letters;
    struct silt_letter_list list;
};

static void open_alone(struct alone *alone, int64_t memory)
{
    struct silt_err err = {0};
    *alone = (struct alone){.metrics = silt_metrics_new()};
    open_rig(&alone->rig);
    alone->rig.opts.metrics = alone->metrics;
    alone->rig.opts.memory = memory;
    CU_ASSERT_OK(silt_dead_letters_new(&alone->rig.opts, &alone->letters, &err));
}

static int64_t gauge(const struct alone *alone, enum silt_gauge gauge)
{
    return atomic_load(&alone->metrics->gauges[gauge]);
}

static void add(struct alone *alone, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        silt_dead_letters_add(alone->letters, &alone->list, RIG_TOPIC, &reject, &truncated);
}

static void close_alone(struct alone *alone)
{
    silt_metrics_free(alone->metrics);
    rig_close(&alone->rig);
}

static void nothing_is_sent_before_its_slot_is_won(void)
{
    struct alone alone;
    open_alone(&alone, 64 << 20);
    add(&alone, 3);
    silt_dead_letters_forget(alone.letters, &alone.list);
    CU_ASSERT_PTR_NULL(alone.list.first);
    add(&alone, 2);
    silt_dead_letters_send(alone.letters, &alone.list);
    CU_ASSERT_PTR_NULL(alone.list.first);
    silt_dead_letters_send(alone.letters, &alone.list);
    silt_dead_letters_close(alone.letters, RIG_LONG_MS);
    CU_ASSERT_EQUAL(gauge(&alone, SILT_GAUGE_DLQ_SENT), 2);
    CU_ASSERT_EQUAL(gauge(&alone, SILT_GAUGE_DLQ_DROPPED), 0);
    close_alone(&alone);
}

static void memory_is_bounded_and_the_rest_dropped(void)
{
    struct alone alone;
    open_alone(&alone, 16 * 4096); /* a few letters */
    add(&alone, 100);
    const int64_t dropped = gauge(&alone, SILT_GAUGE_DLQ_DROPPED);
    CU_ASSERT(dropped > 50 && dropped < 100);
    silt_dead_letters_send(alone.letters, &alone.list);
    add(&alone, 100); /* what is under way counts as well */
    CU_ASSERT_EQUAL(gauge(&alone, SILT_GAUGE_DLQ_DROPPED), dropped + 100);
    silt_dead_letters_close(alone.letters, RIG_LONG_MS);
    CU_ASSERT_EQUAL(gauge(&alone, SILT_GAUGE_DLQ_SENT), 100 - dropped);
    close_alone(&alone);
}

static void what_kafka_refuses_is_dropped(void)
{
    struct alone alone;
    open_alone(&alone, 64 << 20);
    uint8_t *much = silt_zalloc((size_t)2 << 20);
    struct silt_record big = reject;
    big.value = silt_slice_of(much, (size_t)2 << 20);
    silt_dead_letters_add(alone.letters, &alone.list, RIG_TOPIC, &big, &truncated);
    silt_dead_letters_send(alone.letters, &alone.list);
    CU_ASSERT_EQUAL(gauge(&alone, SILT_GAUGE_DLQ_DROPPED), 1);
    rd_kafka_mock_push_request_errors(alone.rig.mock->cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    add(&alone, 1);
    silt_dead_letters_send(alone.letters, &alone.list);
    unsigned looks = 0;
    while (gauge(&alone, SILT_GAUGE_DLQ_DROPPED) < 2 && looks++ < RIG_LOOKS) {
        silt_dead_letters_tick(alone.letters, silt_mono_ms());
        rig_look();
    }
    CU_ASSERT_EQUAL(gauge(&alone, SILT_GAUGE_DLQ_DROPPED), 2);
    silt_dead_letters_close(alone.letters, RIG_LONG_MS);
    silt_free(much);
    close_alone(&alone);
}

static void what_is_left_at_the_end_is_dropped(void)
{
    static const struct silt_property small = {"queue.buffering.max.messages", "4"};
    struct alone alone;
    open_alone(&alone, 64 << 20);
    silt_dead_letters_close(alone.letters, 0);
    alone.rig.opts.consumer.properties = &small;
    alone.rig.opts.consumer.properties_n = 1;
    struct silt_err err = {0};
    CU_ASSERT_OK(silt_dead_letters_new(&alone.rig.opts, &alone.letters, &err));
    rd_kafka_mock_broker_set_down(alone.rig.mock->cluster, 0);
    rd_kafka_mock_broker_set_down(alone.rig.mock->cluster, 1);
    add(&alone, 6); /* four in the producer's queue, two before it */
    silt_dead_letters_send(alone.letters, &alone.list);
    silt_dead_letters_close(alone.letters, 10);
    CU_ASSERT_EQUAL(gauge(&alone, SILT_GAUGE_DLQ_DROPPED), 6);
    close_alone(&alone);
}

static void without_a_topic_there_are_no_letters(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    struct silt_err err = {0};
    struct silt_letter_list list = {0};
    struct silt_dead_letters *letters = NULL;
    rig.opts.dlq_topic = "";
    CU_ASSERT_OK(silt_dead_letters_new(&rig.opts, &letters, &err));
    CU_ASSERT_PTR_NULL(letters);
    silt_dead_letters_add(letters, &list, RIG_TOPIC, &reject, &truncated);
    CU_ASSERT_PTR_NULL(list.first);
    silt_dead_letters_send(letters, &list);
    silt_dead_letters_tick(letters, 0);
    silt_dead_letters_close(letters, 0);
    const struct silt_property wrong = {"no.such.option", "1"};
    rig.opts.dlq_topic = DEAD;
    rig.opts.consumer.properties = &wrong;
    rig.opts.consumer.properties_n = 1;
    CU_ASSERT_FAILS(silt_dead_letters_new(&rig.opts, &letters, &err));
    rig_close(&rig);
}

/* Else a rejected dead letter would be another dead letter, for ever. */
static void the_topic_of_letters_makes_none(void)
{
    struct alone alone;
    open_alone(&alone, 64 << 20);
    silt_dead_letters_add(alone.letters, &alone.list, DEAD, &reject, &truncated);
    CU_ASSERT_PTR_NULL(alone.list.first);
    silt_dead_letters_close(alone.letters, 0);
    close_alone(&alone);
}

/* ---- a worker with them ---- */

/* Also when its window is staged twice, because an upload is gone the first time. */
static void every_reject_becomes_one_letter_when_its_slot_is_won(void)
{
    struct rig rig;
    open_rig(&rig);
    struct silt_gen_opts gen = rig_gen(&rig, 300);
    gen.bad_ratio = 0.2;
    struct rig_made made = rig_send_opts(&rig, 0, &gen);
    rig_fault(&rig, SILT_OP_MPU_PART, "data/", SILT_FAULT_REFUSED, SILT_STORE_NO_UPLOAD, 1);
    struct rig_worker w = rig_start(&rig);
    rig_await_settled(&w, 300);
    RIG_AWAIT(rig_gauge(&w, SILT_GAUGE_DLQ_SENT) == (int64_t)made.bad);
    rig_end(&w);
    CU_ASSERT_EQUAL(rig_expect_all(&rig, 0, 300).rejected, (int64_t)made.bad);
    rig_close(&rig);
}

static void a_topic_that_takes_nothing_keeps_nothing_from_the_archive(void)
{
    static const struct silt_property soon[] = {{"session.timeout.ms", "2000"},
                                                {"heartbeat.interval.ms", "100"},
                                                {"fetch.wait.max.ms", "20"},
                                                {"message.timeout.ms", "500"}};
    struct rig rig;
    open_rig(&rig);
    rig.opts.consumer.properties = soon;
    rig.opts.consumer.properties_n = sizeof soon / sizeof soon[0];
    struct silt_gen_opts gen = rig_gen(&rig, 300);
    gen.bad_ratio = 0.2;
    struct rig_made made = rig_send_opts(&rig, 0, &gen);
    rd_kafka_mock_topic_set_error(rig.mock->cluster, DEAD, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
    struct rig_worker w = rig_start(&rig);
    rig_await_settled(&w, 300);
    RIG_AWAIT(rig_gauge(&w, SILT_GAUGE_DLQ_DROPPED) == (int64_t)made.bad);
    rig_end(&w);
    CU_ASSERT_EQUAL(rig_expect_all(&rig, 0, 300).rejected, (int64_t)made.bad);
    rig_close(&rig);
}

SILT_TESTS("dead_letters",
           {"nothing is sent before its slot is won", nothing_is_sent_before_its_slot_is_won},
           {"memory is bounded and the rest dropped", memory_is_bounded_and_the_rest_dropped},
           {"what Kafka refuses is dropped", what_kafka_refuses_is_dropped},
           {"what is left at the end is dropped", what_is_left_at_the_end_is_dropped},
           {"without a topic there are no letters", without_a_topic_there_are_no_letters},
           {"the topic of letters makes none", the_topic_of_letters_makes_none},
           {"every reject becomes one letter when its slot is won",
            every_reject_becomes_one_letter_when_its_slot_is_won},
           {"a topic that takes nothing keeps nothing from the archive",
            a_topic_that_takes_nothing_keeps_nothing_from_the_archive})
