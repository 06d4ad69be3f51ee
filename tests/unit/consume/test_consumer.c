#include "base/alloc.h"
#include "base/thread.h"
#include "consume/position.h"
#include "consume/producer.h"
#include "consumer_int.h"
#include "harness.h"
#include "mock_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bounds that only a hang reaches. */
#define LONG_MS 120000
#define TURNS 6000
#define TOPIC "readings"

static struct silt_mock *mock;

static void open_mock(int32_t partitions_n)
{
    struct silt_err err = {0};
    if (!silt_mock_new(1, &mock, &err).ok) abort();
    if (!silt_mock_add_topic(mock, TOPIC, partitions_n, &err).ok) abort();
}

static void close_mock(void)
{
    silt_mock_free(mock);
    mock = NULL;
}

/* The embedded broker lets a rebalance last until a second before the session timeout. */
static const struct silt_property quick[] = {
    {"session.timeout.ms", "2000"},
    {"heartbeat.interval.ms", "100"},
    {"fetch.wait.max.ms", "20"},
    {"topic.metadata.refresh.interval.ms", "200"},
};

static struct silt_consumer *open_with(const char *group, const char *topic,
                                       const struct silt_property *properties, unsigned n)
{
    const char *topics[] = {topic};
    struct silt_consumer_opts opts = {
        .brokers = silt_mock_brokers(mock),
        .group = group,
        .topics = topics,
        .topics_n = 1,
        .properties = properties,
        .properties_n = n,
    };
    struct silt_consumer *consumer = NULL;
    struct silt_err err = {0};
    if (!silt_consumer_new(&opts, &consumer, &err).ok) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return consumer;
}

static struct silt_consumer *open_consumer(const char *group)
{
    return open_with(group, TOPIC, quick, sizeof quick / sizeof quick[0]);
}

static struct silt_producer *open_producer(const char *transactional_id)
{
    struct silt_producer_opts opts = {
        .brokers = silt_mock_brokers(mock), .topic = TOPIC, .transactional_id = transactional_id};
    struct silt_producer *producer = NULL;
    struct silt_err err = {0};
    if (!silt_producer_new(&opts, &producer, &err).ok) abort();
    return producer;
}

static void send_n(struct silt_producer *producer, int32_t partition, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char text[16];
        snprintf(text, sizeof text, "value %u", i);
        struct silt_record rec = {.partition = partition,
                                  .timestamp_ms = 1700000000000 + i,
                                  .key_null = true,
                                  .value = silt_slice_str(text)};
        CU_ASSERT_OK(silt_producer_send(producer, &rec, NULL));
    }
    CU_ASSERT_OK(silt_producer_flush(producer, LONG_MS, NULL));
}

static void produce(int32_t partition, unsigned n)
{
    struct silt_producer *producer = open_producer(NULL);
    send_n(producer, partition, n);
    silt_producer_free(producer);
}

/* Polls until an event of the wanted kind; records on the way are dropped. */
static bool poll_for(struct silt_consumer *consumer, enum silt_polled_kind kind,
                     struct silt_polled *ret)
{
    for (unsigned turn = 0; turn < TURNS; turn++) {
        silt_consumer_poll(consumer, 20, ret);
        if (ret->kind == kind) return true;
        struct silt_cpart *part;
        struct silt_record rec;
        uint32_t epoch;
        while (ret->kind == SILT_POLL_RECORDS &&
               silt_consumer_next(consumer, &part, &rec, &epoch)) {}
    }
    return false;
}

/* The next record with the part's current epoch. */
static bool next_record(struct silt_consumer *consumer, struct silt_record *ret_rec)
{
    static struct silt_consumer *within;
    for (unsigned turn = 0; turn < TURNS; turn++) {
        struct silt_polled polled = {0};
        if (within != consumer) silt_consumer_poll(consumer, 20, &polled);
        within = polled.kind == SILT_POLL_RECORDS ? consumer : within;
        struct silt_cpart *part;
        uint32_t epoch;
        while (within == consumer && silt_consumer_next(consumer, &part, ret_rec, &epoch))
            if (epoch == part->epoch) return true;
        within = NULL;
    }
    return false;
}

/* Takes the rest of the batch that next_record began. */
static void drain(struct silt_consumer *consumer)
{
    struct silt_cpart *part;
    struct silt_record rec;
    uint32_t epoch;
    while (silt_consumer_next(consumer, &part, &rec, &epoch)) {}
}

static struct silt_cpart *assign(struct silt_consumer *consumer, int64_t offset)
{
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_ASSIGN, &polled));
    for (unsigned i = 0; i < polled.parts_n; i++)
        silt_consumer_assign_at(consumer, polled.parts[i], offset, -1);
    struct silt_cpart *part = polled.parts_n ? polled.parts[0] : NULL;
    CU_ASSERT_OK(silt_consumer_assign_done(consumer, NULL));
    return part;
}

static void close_consumer(struct silt_consumer *consumer)
{
    CU_ASSERT(silt_consumer_close(consumer, LONG_MS));
}

/* --- records --- */

static void delivers_records_as_they_were_sent(void)
{
    open_mock(1);
    const struct silt_header headers[] = {
        {.key = silt_slice_str("trace"), .value = silt_slice_str("abc")},
        {.key = silt_slice_str("empty"), .value = silt_slice_of("", 0)},
        {.key = silt_slice_str("none"), .value_null = true},
    };
    const struct silt_record sent[] = {
        {.key = silt_slice_str("k"),
         .value = silt_slice_str("v"),
         .timestamp_ms = 1700000000123,
         .headers = headers,
         .headers_n = 3},
        {.key = silt_slice_of("", 0), .value_null = true, .timestamp_ms = 1700000000124},
        {.key_null = true, .value = silt_slice_of("", 0), .timestamp_ms = 1700000000125},
    };
    struct silt_producer *producer = open_producer(NULL);
    for (int i = 0; i < 3; i++) CU_ASSERT_OK(silt_producer_send(producer, &sent[i], NULL));
    CU_ASSERT_OK(silt_producer_flush(producer, LONG_MS, NULL));
    silt_producer_free(producer);

    struct silt_consumer *consumer = open_consumer("g");
    assign(consumer, 0);
    for (int i = 0; i < 3; i++) {
        struct silt_record rec = {0};
        CU_ASSERT(next_record(consumer, &rec));
        CU_ASSERT_EQUAL(rec.offset, i);
        CU_ASSERT_EQUAL(rec.timestamp_ms, sent[i].timestamp_ms);
        CU_ASSERT_EQUAL(rec.key_null, sent[i].key_null);
        CU_ASSERT_EQUAL(rec.value_null, sent[i].value_null);
        CU_ASSERT(silt_slice_eq(rec.key, sent[i].key));
        CU_ASSERT(silt_slice_eq(rec.value, sent[i].value));
        CU_ASSERT_EQUAL(rec.headers_n, sent[i].headers_n);
        for (unsigned h = 0; h < rec.headers_n && h < 3; h++) {
            CU_ASSERT(silt_slice_eq(rec.headers[h].key, headers[h].key));
            CU_ASSERT(silt_slice_eq(rec.headers[h].value, headers[h].value));
            CU_ASSERT_EQUAL(rec.headers[h].value_null, headers[h].value_null);
        }
    }
    drain(consumer);
    struct silt_consumer_stats stats;
    silt_consumer_stats(consumer, &stats);
    CU_ASSERT_EQUAL(stats.messages, 3);
    CU_ASSERT_EQUAL(stats.bytes, 2);
    CU_ASSERT_EQUAL(stats.rebalances, 1);
    close_consumer(consumer);
    close_mock();
}

static void starts_where_the_owner_says(void)
{
    open_mock(1);
    produce(0, 10);
    struct silt_consumer *consumer = open_consumer("g");
    assign(consumer, 7);
    struct silt_record rec;
    CU_ASSERT(next_record(consumer, &rec));
    CU_ASSERT_EQUAL(rec.offset, 7);
    drain(consumer);
    close_consumer(consumer);
    close_mock();
}

static void tells_the_end_of_a_partition(void)
{
    open_mock(1);
    produce(0, 5);
    struct silt_consumer *consumer = open_consumer("g");
    struct silt_cpart *part = assign(consumer, 0);
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_PART_EOF, &polled));
    CU_ASSERT_EQUAL(polled.offset, 5);
    CU_ASSERT_PTR_EQUAL(polled.part, part);
    CU_ASSERT_EQUAL(polled.epoch, part->epoch);
    close_consumer(consumer);
    close_mock();
}

/* What an owner does with one poll, as far as positions go. */
struct books {
    struct silt_position pos;
    unsigned accepted;
    unsigned seeks;
    unsigned given_up;
    int64_t unreadable; /* offsets */
    int64_t holes;
};

static void book(struct books *books, struct silt_position_verdict verdict)
{
    if (verdict.kind == SILT_POS_UNREADABLE) books->unreadable += verdict.last - verdict.first + 1;
    if (verdict.kind == SILT_POS_HOLE) books->holes += verdict.last - verdict.first + 1;
}

static void keep_books(struct silt_consumer *consumer, struct books *books)
{
    struct silt_polled polled;
    struct silt_cpart *part;
    struct silt_record rec;
    uint32_t epoch;
    silt_consumer_poll(consumer, 20, &polled);
    while (polled.kind == SILT_POLL_RECORDS && silt_consumer_next(consumer, &part, &rec, &epoch)) {
        struct silt_position_verdict verdict =
            silt_position_message(&books->pos, epoch, rec.offset);
        books->accepted += verdict.kind != SILT_POS_DROP;
        book(books, verdict);
    }
    if (polled.kind == SILT_POLL_PART_EOF)
        book(books, silt_position_end(&books->pos, polled.epoch, polled.offset));
    if (polled.kind != SILT_POLL_PART_ERROR) return;
    CU_ASSERT_EQUAL(polled.err.code, SILT_E_CORRUPT);
    enum silt_error_verdict verdict = silt_position_error(&books->pos, polled.epoch, 1);
    books->given_up += verdict == SILT_POS_GIVE_UP;
    if (verdict == SILT_POS_SKIP)
        CU_ASSERT_OK(
            silt_consumer_seek(consumer, polled.part, silt_position_skip(&books->pos), -1, NULL));
    if (verdict != SILT_POS_SEEK) return;
    CU_ASSERT_EQUAL(polled.offset, books->pos.expected);
    books->seeks++;
    CU_ASSERT_OK(silt_consumer_seek(consumer, polled.part, books->pos.expected, -1, NULL));
    silt_position_start(&books->pos, books->pos.expected);
}

/* The embedded broker's transaction markers carry no checksum: each is a damaged batch. */
static void damaged_batches_are_retried_and_then_booked_as_unreadable(void)
{
    open_mock(1);
    struct silt_producer *producer = open_producer("tx");
    CU_ASSERT_OK(silt_producer_begin(producer, NULL));
    send_n(producer, 0, 3);
    CU_ASSERT_OK(silt_producer_commit(producer, NULL));
    CU_ASSERT_OK(silt_producer_begin(producer, NULL));
    send_n(producer, 0, 2);
    CU_ASSERT_OK(silt_producer_commit(producer, NULL));
    silt_producer_free(producer);

    struct silt_consumer *consumer = open_consumer("g");
    assign(consumer, 0);
    struct books books = {0};
    silt_position_start(&books.pos, 0);
    for (unsigned turn = 0; turn < TURNS && books.pos.expected < 7; turn++)
        keep_books(consumer, &books);
    CU_ASSERT_EQUAL(books.pos.expected, 7);
    CU_ASSERT_EQUAL(books.accepted, 5);
    CU_ASSERT_EQUAL(books.seeks, 2);
    CU_ASSERT_EQUAL(books.given_up, 2);
    CU_ASSERT_EQUAL(books.unreadable, 2);
    CU_ASSERT_EQUAL(books.holes, 0);
    close_consumer(consumer);
    close_mock();
}

/* --- moving --- */

static void what_was_fetched_before_a_seek_has_an_older_epoch(void)
{
    open_mock(1);
    produce(0, 100);
    struct silt_consumer *consumer = open_consumer("g");
    struct silt_cpart *part = assign(consumer, 0);
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_RECORDS, &polled));
    struct silt_record rec;
    uint32_t epoch = 0;
    CU_ASSERT(silt_consumer_next(consumer, &part, &rec, &epoch));
    CU_ASSERT_EQUAL(epoch, part->epoch);
    CU_ASSERT_OK(silt_consumer_seek(consumer, part, 50, -1, NULL));
    while (silt_consumer_next(consumer, &part, &rec, &epoch))
        CU_ASSERT_NOT_EQUAL(epoch, part->epoch);
    CU_ASSERT(next_record(consumer, &rec));
    CU_ASSERT_EQUAL(rec.offset, 50);
    drain(consumer);
    close_consumer(consumer);
    close_mock();
}

static void a_part_without_a_start_waits_for_a_seek(void)
{
    open_mock(1);
    produce(0, 10);
    struct silt_consumer *consumer = open_consumer("g");
    struct silt_cpart *part = assign(consumer, -1);
    produce(0, 5);
    struct silt_polled polled;
    for (unsigned turn = 0; turn < 10; turn++) {
        silt_consumer_poll(consumer, 20, &polled);
        CU_ASSERT_NOT_EQUAL(polled.kind, SILT_POLL_RECORDS);
        if (polled.kind == SILT_POLL_RECORDS) drain(consumer);
    }
    struct silt_rc rc = {false};
    for (unsigned turn = 0; turn < TURNS && !rc.ok; turn++) {
        silt_consumer_poll(consumer, 10, &polled);
        rc = silt_consumer_seek(consumer, part, 3, -1, NULL);
    }
    CU_ASSERT(rc.ok);
    struct silt_record rec;
    CU_ASSERT(next_record(consumer, &rec));
    CU_ASSERT_EQUAL(rec.offset, 3);
    drain(consumer);
    close_consumer(consumer);
    close_mock();
}

static void a_paused_part_goes_on_where_it_was_without_a_gap(void)
{
    open_mock(1);
    produce(0, 200);
    struct silt_consumer *consumer = open_consumer("g");
    struct silt_cpart *part = assign(consumer, 0);
    struct silt_position pos = {0};
    silt_position_start(&pos, 0);
    for (unsigned turn = 0; turn < TURNS && pos.expected < 400; turn++) {
        struct silt_polled polled;
        silt_consumer_poll(consumer, 20, &polled);
        struct silt_record rec;
        uint32_t epoch;
        while (polled.kind == SILT_POLL_RECORDS &&
               silt_consumer_next(consumer, &part, &rec, &epoch)) {
            enum silt_verdict_kind kind = silt_position_message(&pos, epoch, rec.offset).kind;
            CU_ASSERT(kind == SILT_POS_ACCEPT || kind == SILT_POS_DROP);
        }
        if (turn == 0) produce(0, 200);
        silt_consumer_pause(consumer, part, turn % 2 == 0);
        silt_consumer_pause(consumer, part, turn % 2 == 0);
    }
    CU_ASSERT_EQUAL(pos.expected, 400);
    close_consumer(consumer);
    close_mock();
}

static void pausing_a_waiting_part_keeps_it_paused_after_the_seek(void)
{
    open_mock(1);
    produce(0, 10);
    struct silt_consumer *consumer = open_consumer("g");
    struct silt_cpart *part = assign(consumer, -1);
    silt_consumer_pause(consumer, part, true);
    struct silt_rc rc = {false};
    struct silt_polled polled;
    for (unsigned turn = 0; turn < TURNS && !rc.ok; turn++) {
        silt_consumer_poll(consumer, 10, &polled);
        rc = silt_consumer_seek(consumer, part, 0, -1, NULL);
    }
    CU_ASSERT(rc.ok);
    for (unsigned turn = 0; turn < 10; turn++) {
        silt_consumer_poll(consumer, 20, &polled);
        CU_ASSERT_NOT_EQUAL(polled.kind, SILT_POLL_RECORDS);
        if (polled.kind == SILT_POLL_RECORDS) drain(consumer);
    }
    silt_consumer_pause(consumer, part, false);
    struct silt_record rec;
    CU_ASSERT(next_record(consumer, &rec));
    CU_ASSERT_EQUAL(rec.offset, 0);
    drain(consumer);
    close_consumer(consumer);
    close_mock();
}

static void a_seek_of_a_part_that_is_gone_fails_and_silences_it(void)
{
    open_mock(1);
    produce(0, 10);
    struct silt_consumer *consumer = open_consumer("g");
    struct silt_cpart *part = assign(consumer, 0);
    struct silt_record rec;
    CU_ASSERT(next_record(consumer, &rec));
    drain(consumer);
    rd_kafka_topic_partition_list_t *list = NULL;
    rd_kafka_assignment(consumer->rk, &list);
    CU_ASSERT_PTR_NULL(rd_kafka_incremental_unassign(consumer->rk, list));
    rd_kafka_topic_partition_list_destroy(list);
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_consumer_seek(consumer, part, 5, -1, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "seek"));
    CU_ASSERT_EQUAL(((struct part *)part)->moved_at, SILT_NEVER);
    close_consumer(consumer);
    close_mock();
}

/* --- rebalances --- */

static void serve_turn(struct silt_consumer *consumer, unsigned *parts_n)
{
    struct silt_polled polled;
    silt_consumer_poll(consumer, 20, &polled);
    if (polled.kind == SILT_POLL_RECORDS) drain(consumer);
    if (polled.kind == SILT_POLL_ASSIGN) {
        *parts_n += polled.parts_n;
        for (unsigned i = 0; i < polled.parts_n; i++)
            silt_consumer_assign_at(consumer, polled.parts[i], 0, -1);
        CU_ASSERT_OK(silt_consumer_assign_done(consumer, NULL));
    }
    if (polled.kind == SILT_POLL_REVOKE) {
        *parts_n -= polled.parts_n;
        CU_ASSERT_FALSE(polled.lost);
        CU_ASSERT_OK(silt_consumer_revoke_done(consumer, NULL));
    }
}

static void share(const char *strategy)
{
    struct silt_property properties[5];
    memcpy(properties, quick, sizeof quick);
    properties[4] = (struct silt_property){"partition.assignment.strategy", strategy};
    open_mock(4);
    produce(0, 50);
    struct silt_consumer *a = open_with("g", TOPIC, properties, 5);
    unsigned a_n = 0;
    for (unsigned turn = 0; turn < TURNS && a_n < 4; turn++) serve_turn(a, &a_n);
    CU_ASSERT_EQUAL(a_n, 4);
    struct silt_consumer *b = open_with("g", TOPIC, properties, 5);
    unsigned b_n = 0;
    for (unsigned turn = 0; turn < TURNS && (a_n != 2 || b_n != 2); turn++) {
        serve_turn(a, &a_n);
        serve_turn(b, &b_n);
    }
    CU_ASSERT_EQUAL(a_n, 2);
    CU_ASSERT_EQUAL(b_n, 2);
    close_consumer(a);
    for (unsigned turn = 0; turn < TURNS && b_n < 4; turn++) serve_turn(b, &b_n);
    CU_ASSERT_EQUAL(b_n, 4);
    close_consumer(b);
    close_mock();
}

static void two_consumers_share_the_partitions_cooperatively(void)
{
    share("cooperative-sticky");
}

static void an_eager_strategy_works_too(void)
{
    share("range");
}

static void records_of_revoked_partitions_are_skipped(void)
{
    open_mock(1);
    produce(0, 50);
    struct silt_consumer *consumer = open_consumer("g");
    struct silt_cpart *part = assign(consumer, 0);
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_RECORDS, &polled));
    struct silt_record rec;
    uint32_t epoch;
    CU_ASSERT(silt_consumer_next(consumer, &part, &rec, &epoch));
    CU_ASSERT_OK(silt_consumer_revoke_done(consumer, NULL));
    CU_ASSERT_FALSE(silt_consumer_next(consumer, &part, &rec, &epoch));
    close_consumer(consumer);
    close_mock();
}

/* A worker pauses what it gives up; librdkafka remembers that of a partition, not of an assignment.
 */
static void a_lost_assignment_says_so_and_comes_back_awake(void)
{
    open_mock(1);
    produce(0, 5);
    struct silt_consumer *consumer = open_consumer("g");
    silt_consumer_pause(consumer, assign(consumer, 0), true);
    rd_kafka_mock_push_request_errors(mock->cluster, 12 /* Heartbeat */, 1,
                                      RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_REVOKE, &polled));
    CU_ASSERT(polled.lost);
    CU_ASSERT_EQUAL(polled.parts_n, 1);
    CU_ASSERT_OK(silt_consumer_revoke_done(consumer, NULL));
    assign(consumer, 2);
    struct silt_record rec;
    CU_ASSERT(next_record(consumer, &rec));
    CU_ASSERT_EQUAL(rec.offset, 2);
    drain(consumer);
    close_consumer(consumer);
    close_mock();
}

/* As the client's callback leaves it. */
static void leave_event(struct silt_consumer *consumer, enum silt_polled_kind kind)
{
    struct event *event = SILT_NEW(struct event);
    event->kind = kind;
    event->list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(event->list, TOPIC, 0);
    *consumer->events_end = event;
    consumer->events_end = &event->next;
}

/* A group that was lost may be joined again without waiting for the owner: what it assigns then
 * must not be mixed up with what is still to be answered. */
static void a_rebalance_waits_until_the_one_before_is_answered(void)
{
    open_mock(1);
    struct silt_consumer *consumer = open_consumer(NULL);
    struct silt_polled polled;
    leave_event(consumer, SILT_POLL_ASSIGN);
    leave_event(consumer, SILT_POLL_REVOKE);
    CU_ASSERT(poll_for(consumer, SILT_POLL_ASSIGN, &polled));
    struct silt_cpart *part = polled.parts[0];
    for (unsigned turn = 0; turn < 3; turn++) {
        silt_consumer_poll(consumer, 20, &polled);
        CU_ASSERT_EQUAL(polled.kind, SILT_POLL_NOTHING);
    }
    silt_consumer_assign_at(consumer, part, 0, -1);
    CU_ASSERT_OK(silt_consumer_assign_done(consumer, NULL));
    CU_ASSERT_EQUAL(consumer->rebalancing, RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS);
    CU_ASSERT(poll_for(consumer, SILT_POLL_REVOKE, &polled));
    CU_ASSERT_PTR_EQUAL(polled.parts[0], part);
    leave_event(consumer, SILT_POLL_ASSIGN);
    silt_consumer_poll(consumer, 20, &polled);
    CU_ASSERT_EQUAL(polled.kind, SILT_POLL_NOTHING);
    CU_ASSERT_OK(silt_consumer_revoke_done(consumer, NULL));
    CU_ASSERT_EQUAL(consumer->rebalancing, RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS);
    CU_ASSERT(poll_for(consumer, SILT_POLL_ASSIGN, &polled));
    CU_ASSERT_OK(silt_consumer_assign_done(consumer, NULL));
    CU_ASSERT_EQUAL(consumer->rebalancing, RD_KAFKA_RESP_ERR_NO_ERROR);
    close_consumer(consumer);
    close_mock();
}

static void without_a_group_parts_are_assigned_by_hand(void)
{
    open_mock(2);
    produce(0, 5);
    produce(1, 5);
    struct silt_consumer *consumer = open_consumer(NULL);
    struct silt_cpart *parts[2] = {NULL, NULL};
    CU_ASSERT_OK(silt_consumer_assign_manual(consumer, TOPIC, 0, 3, &parts[0], NULL));
    CU_ASSERT_OK(silt_consumer_assign_manual(consumer, TOPIC, 1, 1, &parts[1], NULL));
    CU_ASSERT_EQUAL(parts[0]->epoch, 1);
    int64_t sum[2] = {0, 0};
    for (unsigned i = 0; i < 6; i++) {
        struct silt_record rec;
        CU_ASSERT(next_record(consumer, &rec));
        sum[rec.partition & 1] += rec.offset;
    }
    CU_ASSERT_EQUAL(sum[0], 3 + 4);
    CU_ASSERT_EQUAL(sum[1], 1 + 2 + 3 + 4);
    drain(consumer);
    struct silt_cpart *again = NULL;
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_consumer_assign_manual(consumer, TOPIC, 0, 3, &again, &err));
    CU_ASSERT_PTR_NULL(again);
    close_consumer(consumer);
    close_mock();
}

/* --- errors --- */

static void out_of_range(struct silt_consumer *consumer)
{
    struct silt_cpart *part = assign(consumer, 1000);
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_PART_ERROR, &polled));
    CU_ASSERT(polled.out_of_range);
    CU_ASSERT_FALSE(polled.truncated);
    CU_ASSERT_EQUAL(polled.offset, 1000);
    CU_ASSERT_PTR_EQUAL(polled.part, part);
    CU_ASSERT_OK(silt_consumer_seek(consumer, part, 4, -1, NULL));
    struct silt_record rec;
    CU_ASSERT(next_record(consumer, &rec));
    CU_ASSERT_EQUAL(rec.offset, 4);
    drain(consumer);
}

static void an_offset_that_is_not_in_the_log_is_out_of_range(void)
{
    open_mock(1);
    produce(0, 5);
    struct silt_consumer *consumer = open_consumer("g");
    out_of_range(consumer);
    close_consumer(consumer);
    close_mock();
}

static void an_eager_consumer_seeks_out_of_it_too(void)
{
    struct silt_property properties[5];
    memcpy(properties, quick, sizeof quick);
    properties[4] = (struct silt_property){"partition.assignment.strategy", "range"};
    open_mock(1);
    produce(0, 5);
    struct silt_consumer *consumer = open_with("g", TOPIC, properties, 5);
    out_of_range(consumer);
    close_consumer(consumer);
    close_mock();
}

static void a_stopped_part_is_not_restarted_during_a_rebalance(void)
{
    open_mock(1);
    produce(0, 5);
    struct silt_consumer *consumer = open_consumer("g");
    struct silt_cpart *part = assign(consumer, 1000);
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_PART_ERROR, &polled));
    consumer->rebalancing = RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_consumer_seek(consumer, part, 4, -1, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_CONFLICT);
    consumer->rebalancing = RD_KAFKA_RESP_ERR_NO_ERROR;
    silt_consumer_pause(consumer, part, true);
    CU_ASSERT_OK(silt_consumer_seek(consumer, part, 4, -1, &err));
    silt_consumer_pause(consumer, part, false);
    struct silt_record rec;
    CU_ASSERT(next_record(consumer, &rec));
    CU_ASSERT_EQUAL(rec.offset, 4);
    drain(consumer);
    close_consumer(consumer);
    close_mock();
}

static void an_offset_lost_to_retention_is_out_of_range(void)
{
    open_mock(1);
    produce(0, 5);
    produce(0, 5);
    CU_ASSERT_EQUAL(rd_kafka_mock_partition_delete_records(mock->cluster, TOPIC, 0, 6), 0);
    struct silt_consumer *consumer = open_consumer("g");
    assign(consumer, 2);
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_PART_ERROR, &polled));
    CU_ASSERT(polled.out_of_range);
    CU_ASSERT_EQUAL(polled.offset, 2);
    close_consumer(consumer);
    close_mock();
}

static void log_truncation_is_told_apart(void)
{
    open_mock(1);
    produce(0, 5);
    /* An epoch that the log knows, at an offset beyond its end. The consumer knows the newest epoch
     * from the start, or it would not compare. */
    rd_kafka_mock_partition_set_leader(mock->cluster, TOPIC, 0, 1);
    rd_kafka_mock_partition_set_leader(mock->cluster, TOPIC, 0, 0);
    struct silt_consumer *consumer = open_consumer("g");
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_ASSIGN, &polled));
    struct silt_cpart *part = polled.parts[0];
    silt_consumer_assign_at(consumer, part, 0, -1);
    CU_ASSERT_OK(silt_consumer_assign_done(consumer, NULL));
    CU_ASSERT(poll_for(consumer, SILT_POLL_PART_EOF, &polled));
    CU_ASSERT_OK(silt_consumer_seek(consumer, part, 1000, 0, NULL));
    CU_ASSERT(poll_for(consumer, SILT_POLL_PART_ERROR, &polled));
    CU_ASSERT(polled.truncated);
    CU_ASSERT_EQUAL(polled.offset, 5); /* all it has is from before */
    CU_ASSERT_FALSE(polled.out_of_range);
    close_consumer(consumer);
    close_mock();
}

static void an_error_of_one_partition_names_it(void)
{
    open_mock(1);
    produce(0, 5);
    rd_kafka_mock_push_request_errors(mock->cluster, 1 /* Fetch */, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    struct silt_consumer *consumer = open_consumer("g");
    struct silt_cpart *part = assign(consumer, 0);
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_PART_ERROR, &polled));
    CU_ASSERT_PTR_EQUAL(polled.part, part);
    CU_ASSERT_EQUAL(polled.err.code, SILT_E_DENIED);
    CU_ASSERT_FALSE(polled.out_of_range);
    close_consumer(consumer);
    close_mock();
}

static void a_fatal_error_ends_it(void)
{
    open_mock(1);
    struct silt_consumer *consumer = open_consumer("g");
    assign(consumer, 0);
    rd_kafka_test_fatal_error(consumer->rk, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "fenced");
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_FATAL, &polled));
    CU_ASSERT_PTR_NOT_NULL(strstr(polled.err.text, "FENCED_INSTANCE_ID"));
    close_consumer(consumer);
    close_mock();
}

static void a_topic_that_does_not_exist_is_an_error_for_the_log(void)
{
    open_mock(1);
    struct silt_consumer *consumer = open_with("g", "nosuch", quick, 4);
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_ERROR, &polled));
    CU_ASSERT_EQUAL(polled.err.code, SILT_E_NOT_FOUND);
    close_consumer(consumer);
    close_mock();
}

static void unreachable_brokers_are_an_error_for_the_log(void)
{
    open_mock(1);
    struct silt_consumer *consumer = open_consumer("g");
    assign(consumer, 0);
    rd_kafka_mock_broker_set_down(mock->cluster, 0);
    rd_kafka_mock_broker_set_down(mock->cluster, 1);
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_ERROR, &polled));
    CU_ASSERT_NOT_EQUAL(polled.err.code, SILT_E_NONE);
    close_consumer(consumer);
    close_mock();
}

static void a_failed_commit_is_only_counted(void)
{
    open_mock(1);
    produce(0, 5);
    struct silt_consumer *consumer = open_consumer("g");
    struct silt_cpart *part = assign(consumer, 0);
    rd_kafka_mock_push_request_errors(mock->cluster, 8 /* OffsetCommit */, 1,
                                      RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
    silt_consumer_commit(consumer, part, 2, -1, NULL);
    struct silt_consumer_stats stats = {0};
    for (unsigned turn = 0; turn < TURNS && !stats.commits_failed; turn++) {
        struct silt_polled polled;
        silt_consumer_poll(consumer, 20, &polled);
        if (polled.kind == SILT_POLL_RECORDS) drain(consumer);
        silt_consumer_stats(consumer, &stats);
    }
    CU_ASSERT_EQUAL(stats.commits_failed, 1);
    close_consumer(consumer);
    close_mock();
}

/* --- waking --- */

static void *wake_later(void *ctx)
{
    usleep(20000);
    silt_consumer_wake(ctx);
    return NULL;
}

static void a_wake_ends_a_waiting_poll(void)
{
    open_mock(1);
    struct silt_consumer *consumer = open_consumer("g");
    assign(consumer, 0);
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_PART_EOF, &polled));
    pthread_t thread;
    CU_ASSERT_OK(silt_thread_start(&thread, "waker", wake_later, consumer, NULL));
    silt_consumer_poll(consumer, INT64_MAX, &polled); /* hangs if it does not work */
    silt_thread_join(thread);
    CU_ASSERT_EQUAL(polled.kind, SILT_POLL_NOTHING);
    close_consumer(consumer);
    close_mock();
}

static void a_wake_before_the_poll_is_not_lost(void)
{
    open_mock(1);
    struct silt_consumer *consumer = open_consumer("g");
    assign(consumer, 0);
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_PART_EOF, &polled));
    for (int i = 0; i < 3; i++) {
        silt_consumer_wake(consumer);
        silt_consumer_poll(consumer, INT64_MAX, &polled);
        CU_ASSERT_EQUAL(polled.kind, SILT_POLL_NOTHING);
    }
    close_consumer(consumer);
    close_mock();
}

/* --- questions --- */

static bool answer_of(struct silt_consumer *consumer, struct silt_answer *ret)
{
    for (unsigned turn = 0; turn < TURNS; turn++) {
        struct silt_polled polled;
        if (silt_consumer_answer(consumer, ret)) return true;
        silt_consumer_poll(consumer, LONG_MS, &polled); /* an answer ends it */
        if (polled.kind == SILT_POLL_RECORDS) drain(consumer);
    }
    return false;
}

static void tells_id_and_partitions_of_a_topic(void)
{
    open_mock(3);
    struct silt_consumer *consumer = open_consumer(NULL);
    silt_consumer_ask_topic(consumer, TOPIC);
    struct silt_answer answer;
    CU_ASSERT(answer_of(consumer, &answer));
    CU_ASSERT_EQUAL(answer.kind, SILT_ASK_TOPIC);
    CU_ASSERT(answer.ok);
    CU_ASSERT_STRING_EQUAL(answer.topic, TOPIC);
    CU_ASSERT_EQUAL(answer.partitions_n, 3);
    CU_ASSERT_EQUAL(strlen(answer.topic_id), 32);
    CU_ASSERT_EQUAL(strspn(answer.topic_id, "0123456789abcdef"), 32);
    CU_ASSERT_EQUAL(strncmp(answer.cluster, "mockCluster", 11), 0);
    silt_consumer_ask_topic(consumer, "nosuch");
    CU_ASSERT(answer_of(consumer, &answer));
    CU_ASSERT_FALSE(answer.ok);
    CU_ASSERT_STRING_EQUAL(answer.topic, "nosuch");
    CU_ASSERT_EQUAL(answer.err.code, SILT_E_NOT_FOUND);
    close_consumer(consumer);
    close_mock();
}

static void tells_the_watermarks_of_partitions(void)
{
    open_mock(2);
    produce(0, 5);
    produce(0, 5);
    produce(1, 3);
    rd_kafka_mock_partition_delete_records(mock->cluster, TOPIC, 0, 6);
    struct silt_consumer *consumer = open_consumer(NULL);
    const char *topics[] = {TOPIC, TOPIC, TOPIC};
    const int32_t partitions[] = {1, 0, 9};
    silt_consumer_ask_offsets(consumer, topics, partitions, 3);
    struct silt_answer answers[3];
    for (int i = 0; i < 3; i++) CU_ASSERT(answer_of(consumer, &answers[i]));
    CU_ASSERT(answers[0].ok && answers[1].ok);
    CU_ASSERT_EQUAL(answers[0].partition, 1);
    CU_ASSERT_EQUAL(answers[0].log_start, 0);
    CU_ASSERT_EQUAL(answers[0].end, 3);
    CU_ASSERT_EQUAL(answers[0].high_watermark, 3);
    CU_ASSERT_EQUAL(answers[1].log_start, 6);
    CU_ASSERT_EQUAL(answers[1].end, 10);
    CU_ASSERT_FALSE(answers[2].ok);
    CU_ASSERT_EQUAL(answers[2].log_start, -1);
    struct silt_answer none;
    CU_ASSERT_FALSE(silt_consumer_answer(consumer, &none));
    close_consumer(consumer);
    close_mock();
}

/* librdkafka's result has no error then, and no offset either. */
static void a_leader_that_does_not_answer_has_no_watermarks(void)
{
    open_mock(1);
    produce(0, 5);
    struct silt_consumer *consumer = open_consumer(NULL);
    const char *topics[] = {TOPIC};
    const int32_t partitions[] = {0};
    rd_kafka_mock_push_request_errors(mock->cluster, 2 /* ListOffsets */, 1,
                                      RD_KAFKA_RESP_ERR__TRANSPORT);
    silt_consumer_ask_offsets(consumer, topics, partitions, 1);
    struct silt_answer answer;
    CU_ASSERT(answer_of(consumer, &answer));
    CU_ASSERT_FALSE(answer.ok);
    CU_ASSERT_EQUAL(answer.err.code, SILT_E_CONNECT);
    CU_ASSERT(answer.log_start >= -1 && answer.end >= -1 && answer.high_watermark >= -1);
    close_consumer(consumer);
    close_mock();
}

static void remembers_the_committed_hint(void)
{
    open_mock(2);
    produce(0, 5);
    struct silt_consumer *consumer = open_consumer("g");
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_ASSIGN, &polled));
    struct silt_cpart *first = polled.parts[0];
    for (unsigned i = 0; i < polled.parts_n; i++) {
        silt_consumer_assign_at(consumer, polled.parts[i], 0, -1);
        if (polled.parts[i]->partition == 0) first = polled.parts[i];
    }
    CU_ASSERT_OK(silt_consumer_assign_done(consumer, NULL));
    silt_consumer_commit(consumer, first, 4, 0, "a1:7:0123456789ab");
    const char *topics[] = {TOPIC, TOPIC};
    const int32_t partitions[] = {0, 1};
    struct silt_answer answers[2] = {{.committed = -1}, {.committed = -1}};
    for (unsigned turn = 0; turn < TURNS && answers[0].committed < 0; turn++) {
        silt_consumer_ask_committed(consumer, topics, partitions, 2);
        for (int i = 0; i < 2; i++) CU_ASSERT(answer_of(consumer, &answers[i]));
    }
    CU_ASSERT(answers[0].ok && answers[1].ok);
    CU_ASSERT_EQUAL(answers[0].committed, 4);
    CU_ASSERT_STRING_EQUAL(answers[0].metadata, "a1:7:0123456789ab");
    CU_ASSERT_EQUAL(answers[1].committed, -1);
    CU_ASSERT_STRING_EQUAL(answers[1].metadata, "");
    close_consumer(consumer);
    close_mock();
}

static void without_a_group_nothing_is_committed(void)
{
    open_mock(1);
    struct silt_consumer *consumer = open_consumer(NULL);
    const char *topics[] = {TOPIC};
    const int32_t partitions[] = {0};
    silt_consumer_ask_committed(consumer, topics, partitions, 0);
    silt_consumer_ask_offsets(consumer, topics, partitions, 0);
    struct silt_answer answer;
    CU_ASSERT_FALSE(silt_consumer_answer(consumer, &answer));
    silt_consumer_ask_committed(consumer, topics, partitions, 1);
    CU_ASSERT(answer_of(consumer, &answer));
    CU_ASSERT(answer.ok);
    CU_ASSERT_EQUAL(answer.committed, -1);
    close_consumer(consumer);
    close_mock();
}

static void a_question_that_fails_says_why(void)
{
    open_mock(1);
    struct silt_consumer *consumer = open_consumer("g");
    for (int i = 0; i < 10; i++)
        rd_kafka_mock_push_request_errors(mock->cluster, 9 /* OffsetFetch */, 1,
                                          RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    const char *topics[] = {TOPIC};
    const int32_t partitions[] = {0};
    silt_consumer_ask_committed(consumer, topics, partitions, 1);
    struct silt_answer answer;
    CU_ASSERT(answer_of(consumer, &answer));
    CU_ASSERT_FALSE(answer.ok);
    CU_ASSERT_EQUAL(answer.err.code, SILT_E_DENIED);
    close_consumer(consumer);
    close_mock();
}

static void questions_may_be_open_at_the_end(void)
{
    open_mock(1);
    struct silt_consumer *consumer = open_consumer("g");
    const char *topics[] = {TOPIC};
    const int32_t partitions[] = {0};
    silt_consumer_ask_topic(consumer, TOPIC);
    silt_consumer_ask_offsets(consumer, topics, partitions, 1);
    close_consumer(consumer);
    close_mock();
}

static void lists_topics_of_a_pattern(void)
{
    open_mock(2);
    CU_ASSERT_OK(silt_mock_add_topic(mock, "readings.b", 1, NULL));
    CU_ASSERT_OK(silt_mock_add_topic(mock, "other", 1, NULL));
    struct silt_consumer *consumer = open_with("g", "^read.*", quick, 4);
    struct silt_topic_info *topics = NULL;
    unsigned n = 0;
    char cluster[SILT_CLUSTER_MAX] = "";
    struct silt_err err = {0};
    CU_ASSERT_OK(silt_consumer_list_topics(consumer, LONG_MS, &topics, &n, cluster, &err));
    CU_ASSERT_EQUAL(n, 2);
    if (n == 2) {
        CU_ASSERT_STRING_EQUAL(topics[0].topic, "readings");
        CU_ASSERT_EQUAL(topics[0].partitions_n, 2);
        CU_ASSERT_EQUAL(strlen(topics[0].topic_id), 32);
        CU_ASSERT_STRING_EQUAL(topics[1].topic, "readings.b");
        CU_ASSERT_NOT_EQUAL(strcmp(topics[0].topic_id, topics[1].topic_id), 0);
    }
    CU_ASSERT_EQUAL(strncmp(cluster, "mockCluster", 11), 0);
    silt_free(topics);
    close_consumer(consumer);
    consumer = open_with("g", "nosuch", quick, 4);
    CU_ASSERT_OK(silt_consumer_list_topics(consumer, LONG_MS, &topics, &n, cluster, &err));
    CU_ASSERT_EQUAL(n, 0);
    silt_free(topics);
    close_consumer(consumer);
    close_mock();
}

static void listing_topics_of_nobody_fails(void)
{
    open_mock(1);
    rd_kafka_mock_broker_set_down(mock->cluster, 0);
    rd_kafka_mock_broker_set_down(mock->cluster, 1);
    struct silt_consumer *consumer = open_consumer(NULL);
    struct silt_topic_info *topics = NULL;
    unsigned n = 0;
    char cluster[SILT_CLUSTER_MAX];
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_consumer_list_topics(consumer, 200, &topics, &n, cluster, &err));
    CU_ASSERT_NOT_EQUAL(err.code, SILT_E_NONE);
    close_consumer(consumer);
    close_mock();
}

/* --- life --- */

static void new_partitions_of_a_pattern_are_assigned(void)
{
    open_mock(1);
    struct silt_consumer *consumer = open_with("g", "^read.*", quick, 4);
    unsigned parts_n = 0;
    for (unsigned turn = 0; turn < TURNS && parts_n < 1; turn++) serve_turn(consumer, &parts_n);
    CU_ASSERT_OK(silt_mock_add_topic(mock, "readings.new", 2, NULL));
    for (unsigned turn = 0; turn < TURNS && parts_n < 3; turn++) serve_turn(consumer, &parts_n);
    CU_ASSERT_EQUAL(parts_n, 3);
    close_consumer(consumer);
    close_mock();
}

static void closing_in_the_middle_of_a_batch_frees_it(void)
{
    open_mock(1);
    produce(0, 50);
    struct silt_consumer *consumer = open_consumer("g");
    assign(consumer, 0);
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_RECORDS, &polled));
    struct silt_cpart *part;
    struct silt_record rec;
    uint32_t epoch;
    CU_ASSERT(silt_consumer_next(consumer, &part, &rec, &epoch));
    close_consumer(consumer);
    CU_ASSERT(silt_consumer_close(NULL, 0));
    close_mock();
}

static void closing_before_the_assignment_is_answered_works(void)
{
    open_mock(1);
    struct silt_consumer *consumer = open_consumer("g");
    struct silt_polled polled;
    CU_ASSERT(poll_for(consumer, SILT_POLL_ASSIGN, &polled));
    close_consumer(consumer);
    close_mock();
}

/* The end adds a revocation behind it: two callbacks wait for a group that is over after one. */
static void closing_with_an_assignment_still_in_the_queue_works(void)
{
    open_mock(1);
    for (int i = 0; i < 10; i++) {
        char group[16];
        snprintf(group, sizeof group, "g%d", i);
        struct silt_consumer *consumer = open_consumer(group);
        for (unsigned look = 0; look < TURNS && !rd_kafka_queue_length(consumer->queue); look++)
            usleep(1000);
        CU_ASSERT(rd_kafka_queue_length(consumer->queue) > 0);
        close_consumer(consumer);
    }
    close_mock();
}

static void versions_are_told(void)
{
    CU_ASSERT(silt_consumer_version()[0] >= '2');
}

SILT_TESTS(
    "consumer", {"delivers records as they were sent", delivers_records_as_they_were_sent},
    {"starts where the owner says", starts_where_the_owner_says},
    {"tells the end of a partition", tells_the_end_of_a_partition},
    {"damaged batches are retried and then booked as unreadable",
     damaged_batches_are_retried_and_then_booked_as_unreadable},
    {"what was fetched before a seek has an older epoch",
     what_was_fetched_before_a_seek_has_an_older_epoch},
    {"a part without a start waits for a seek", a_part_without_a_start_waits_for_a_seek},
    {"a paused part goes on where it was without a gap",
     a_paused_part_goes_on_where_it_was_without_a_gap},
    {"pausing a waiting part keeps it paused after the seek",
     pausing_a_waiting_part_keeps_it_paused_after_the_seek},
    {"a seek of a part that is gone fails and silences it",
     a_seek_of_a_part_that_is_gone_fails_and_silences_it},
    {"two consumers share the partitions cooperatively",
     two_consumers_share_the_partitions_cooperatively},
    {"an eager strategy works too", an_eager_strategy_works_too},
    {"records of revoked partitions are skipped", records_of_revoked_partitions_are_skipped},
    {"a lost assignment says so and comes back awake",
     a_lost_assignment_says_so_and_comes_back_awake},
    {"a rebalance waits until the one before is answered",
     a_rebalance_waits_until_the_one_before_is_answered},
    {"without a group parts are assigned by hand", without_a_group_parts_are_assigned_by_hand},
    {"an offset that is not in the log is out of range",
     an_offset_that_is_not_in_the_log_is_out_of_range},
    {"an eager consumer seeks out of it too", an_eager_consumer_seeks_out_of_it_too},
    {"a stopped part is not restarted during a rebalance",
     a_stopped_part_is_not_restarted_during_a_rebalance},
    {"an offset lost to retention is out of range", an_offset_lost_to_retention_is_out_of_range},
    {"log truncation is told apart", log_truncation_is_told_apart},
    {"an error of one partition names it", an_error_of_one_partition_names_it},
    {"a fatal error ends it", a_fatal_error_ends_it},
    {"a topic that does not exist is an error for the log",
     a_topic_that_does_not_exist_is_an_error_for_the_log},
    {"unreachable brokers are an error for the log", unreachable_brokers_are_an_error_for_the_log},
    {"a failed commit is only counted", a_failed_commit_is_only_counted},
    {"a wake ends a waiting poll", a_wake_ends_a_waiting_poll},
    {"a wake before the poll is not lost", a_wake_before_the_poll_is_not_lost},
    {"tells id and partitions of a topic", tells_id_and_partitions_of_a_topic},
    {"tells the watermarks of partitions", tells_the_watermarks_of_partitions},
    {"a leader that does not answer has no watermarks",
     a_leader_that_does_not_answer_has_no_watermarks},
    {"remembers the committed hint", remembers_the_committed_hint},
    {"without a group nothing is committed", without_a_group_nothing_is_committed},
    {"a question that fails says why", a_question_that_fails_says_why},
    {"questions may be open at the end", questions_may_be_open_at_the_end},
    {"lists topics of a pattern", lists_topics_of_a_pattern},
    {"listing topics of nobody fails", listing_topics_of_nobody_fails},
    {"new partitions of a pattern are assigned", new_partitions_of_a_pattern_are_assigned},
    {"closing in the middle of a batch frees it", closing_in_the_middle_of_a_batch_frees_it},
    {"closing before the assignment is answered works",
     closing_before_the_assignment_is_answered_works},
    {"closing with an assignment still in the queue works",
     closing_with_an_assignment_still_in_the_queue_works},
    {"versions are told", versions_are_told})
