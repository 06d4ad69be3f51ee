#include "consume/consumer.h"

#include "base/alloc.h"
#include "base/queue.h"
#include "base/thread.h"
#include "consumer_int.h"
#include "unpack_int.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEK_TIMEOUT_MS 5000
#define MESSAGE_OVERHEAD 200 /* bytes librdkafka spends on a message besides its content */

/* --- events left by callbacks --- */

static struct event *add_event(struct silt_consumer *consumer, enum silt_polled_kind kind)
{
    struct event *event = SILT_NEW(struct event);
    event->kind = kind;
    *consumer->events_end = event;
    consumer->events_end = &event->next;
    /* librdkafka goes on waiting for messages after it ran a callback. */
    silt_consumer_wake(consumer);
    return event;
}

static void event_free(struct event *event)
{
    if (event->list) rd_kafka_topic_partition_list_destroy(event->list);
    silt_free(event);
}

static bool is_eager(const struct silt_consumer *consumer)
{
    return strcmp(rd_kafka_rebalance_protocol(consumer->rk), "EAGER") == 0;
}

static void drop_error(rd_kafka_error_t *error)
{
    if (error) rd_kafka_error_destroy(error);
}

/* While closing nobody polls any more. A group that is told to end takes any answer for giving up
 * everything and may be over after the first one; asked again it answers NULL or never. */
static void agree_to_end(struct silt_consumer *consumer)
{
    if (!consumer->agreed) rd_kafka_assign(consumer->rk, NULL);
    consumer->agreed = true;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t what,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct silt_consumer *consumer = opaque;
    consumer->stats.rebalances++;
    bool known = what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ||
                 what == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS;
    if (consumer->closing) {
        agree_to_end(consumer);
        return;
    }
    if (!known) {
        rd_kafka_assign(rk, NULL);
        silt_kafka_err(&add_event(consumer, SILT_POLL_ERROR)->err, what, NULL);
        return;
    }
    consumer->rebalancing = what;
    bool assign = what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    struct event *event = add_event(consumer, assign ? SILT_POLL_ASSIGN : SILT_POLL_REVOKE);
    event->list = rd_kafka_topic_partition_list_copy(list);
    event->lost = !assign && rd_kafka_assignment_lost(rk);
}

static void fatal_text(rd_kafka_t *rk, struct silt_err *err)
{
    char text[200] = "";
    rd_kafka_resp_err_t cause = rd_kafka_fatal_error(rk, text, sizeof text);
    silt_err_set(err, SILT_E_FENCED, __FILE__, __LINE__, "kafka: fatal: %s (%s)", text,
                 rd_kafka_err2name(cause));
}

static void on_error(rd_kafka_t *rk, int what, const char *text, void *opaque)
{
    struct silt_consumer *consumer = opaque;
    if (consumer->closing) return;
    if (what == RD_KAFKA_RESP_ERR__FATAL) {
        fatal_text(rk, &add_event(consumer, SILT_POLL_FATAL)->err);
        return;
    }
    silt_kafka_err(&add_event(consumer, SILT_POLL_ERROR)->err, what, text);
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t result,
                      rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    (void)rk, (void)offsets;
    struct silt_consumer *consumer = opaque;
    if (result) consumer->stats.commits_failed++;
}

/* While closing the source may be gone; what was given before lasts. */
static void on_token(rd_kafka_t *rk, const char *config, void *opaque)
{
    (void)config;
    const struct silt_consumer *consumer = opaque;
    if (!consumer->closing) silt_token_give(rk, consumer->token);
}

static void on_reply(rd_kafka_t *rk, void *opaque)
{
    (void)rk;
    silt_consumer_wake(opaque);
}

/* --- life --- */

static void assign_parts(struct silt_consumer *consumer, const struct silt_consumer_opts *opts)
{
    if (!opts->parts_n) return;
    struct event *event = add_event(consumer, SILT_POLL_ASSIGN);
    event->list = rd_kafka_topic_partition_list_new((int)opts->parts_n);
    for (unsigned i = 0; i < opts->parts_n; i++)
        rd_kafka_topic_partition_list_add(event->list, opts->parts[i].topic,
                                          opts->parts[i].partition);
}

static SILT_RC subscribe(struct silt_consumer *consumer, struct silt_err *err)
{
    if (!consumer->group || !consumer->topics_n) return SILT_OK;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)consumer->topics_n);
    for (unsigned i = 0; i < consumer->topics_n; i++)
        rd_kafka_topic_partition_list_add(list, consumer->topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t result = rd_kafka_subscribe(consumer->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (result)
        SILT_FAIL(err, CONFIG, "kafka.topics: cannot subscribe: %s", rd_kafka_err2str(result));
    return SILT_OK;
}

static void copy_opts(struct silt_consumer *consumer, const struct silt_consumer_opts *opts)
{
    consumer->group = opts->group ? silt_strdup(opts->group) : NULL;
    consumer->token = opts->token;
    consumer->queue_max_bytes = opts->queue_max_bytes ? opts->queue_max_bytes : 32 << 20;
    consumer->topics_n = opts->topics_n;
    consumer->topics = silt_calloc(opts->topics_n + 1, sizeof(char *));
    for (unsigned i = 0; i < opts->topics_n; i++)
        consumer->topics[i] = silt_strdup(opts->topics[i]);
}

static struct silt_consumer *consumer_alloc(const struct silt_consumer_opts *opts)
{
    struct silt_consumer *consumer = SILT_NEW(struct silt_consumer);
    consumer->events_end = &consumer->events;
    consumer->parts = silt_map_new();
    consumer->message_bytes = 1024;
    copy_opts(consumer, opts);
    return consumer;
}

static void forget_parts(struct silt_consumer *consumer)
{
    const void *key;
    size_t key_len;
    size_t pos = 0;
    for (void *part; (part = silt_map_next(consumer->parts, &pos, &key, &key_len));)
        silt_free(part);
    silt_map_free(consumer->parts);
}

static void consumer_free(struct silt_consumer *consumer)
{
    forget_parts(consumer);
    while (consumer->events) {
        struct event *event = consumer->events;
        consumer->events = event->next;
        event_free(event);
    }
    silt_consumer_drop_asks(consumer);
    for (unsigned i = 0; i < consumer->topics_n; i++) silt_free(consumer->topics[i]);
    silt_free(consumer->topics);
    silt_free(consumer->group);
    silt_free(consumer->headers);
    silt_free(consumer->event_parts);
    silt_free(consumer);
}

/* No batch may unpack to more than librdkafka itself lets one of zstd. */
static void limit_unpacking(const struct silt_consumer *consumer, const rd_kafka_conf_t *conf)
{
    char text[24] = "";
    size_t size = sizeof text;
    rd_kafka_conf_get(conf, "receive.message.max.bytes", text, &size);
    silt_unpack_limit(consumer->queue_max_bytes, strtoll(text, NULL, 10));
}

static SILT_RC open_client(struct silt_consumer *consumer, const struct silt_consumer_opts *opts,
                           struct silt_err *err)
{
    rd_kafka_conf_t *conf = NULL;
    SILT_TRY(silt_consumer_conf(opts, &conf, err));
    limit_unpacking(consumer, conf);
    rd_kafka_conf_set_opaque(conf, consumer);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
    rd_kafka_conf_set_log_cb(conf, silt_kafka_log);
    if (opts->token) rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, on_token);
    return silt_kafka_new(RD_KAFKA_CONSUMER, conf, &consumer->rk, err);
}

SILT_RC silt_consumer_new(const struct silt_consumer_opts *opts,
                          struct silt_consumer **ret_consumer, struct silt_err *err)
{
    struct silt_consumer *consumer = consumer_alloc(opts);
    if (!silt_ok(open_client(consumer, opts, err))) {
        consumer_free(consumer);
        return (struct silt_rc){false};
    }
    silt_token_begin(opts->token, consumer->rk);
    rd_kafka_poll_set_consumer(consumer->rk);
    consumer->queue = rd_kafka_queue_get_consumer(consumer->rk);
    consumer->replies = rd_kafka_queue_new(consumer->rk);
    rd_kafka_queue_cb_event_enable(consumer->replies, on_reply, consumer);
    if (!silt_ok(subscribe(consumer, err))) {
        silt_consumer_close(consumer, -1);
        return (struct silt_rc){false};
    }
    assign_parts(consumer, opts);
    *ret_consumer = consumer;
    return SILT_OK;
}

static void drop_current(struct silt_consumer *consumer)
{
    if (consumer->current) rd_kafka_message_destroy(consumer->current);
    consumer->current = NULL;
}

struct closing {
    struct silt_consumer *consumer;
    struct silt_queue *done;
};

/* A revocation that was not answered would keep close waiting for its answer. */
static void answer_revoke(struct silt_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    if (consumer->rebalancing != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) return;
    if (rd_kafka_assignment(consumer->rk, &list)) return;
    if (is_eager(consumer))
        rd_kafka_assign(consumer->rk, NULL);
    else
        drop_error(rd_kafka_incremental_unassign(consumer->rk, list));
    rd_kafka_topic_partition_list_destroy(list);
}

static void *close_client(void *ctx)
{
    struct closing *closing = ctx;
    struct silt_consumer *consumer = closing->consumer;
    answer_revoke(consumer);
    /* After a fatal error it refuses to close, and destroying it would try that again. */
    bool closed = !rd_kafka_consumer_close(consumer->rk);
    rd_kafka_queue_destroy(consumer->replies);
    rd_kafka_queue_destroy(consumer->queue);
    rd_kafka_destroy_flags(consumer->rk, closed ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    silt_queue_try_push(closing->done, closing);
    return NULL;
}

/* librdkafka may hang in close and in destroy (a coordinator that is gone, a reference that is
 * left), so a thread does both and we wait as long as we may. */
bool silt_consumer_close(struct silt_consumer *consumer, int64_t timeout_ms)
{
    if (!consumer) return true;
    consumer->closing = true;
    drop_current(consumer);
    while (consumer->batch_at < consumer->batch_n)
        rd_kafka_message_destroy(consumer->batch[consumer->batch_at++]);
    rd_kafka_queue_cb_event_enable(consumer->replies, NULL, NULL);
    struct closing *closing = SILT_NEW(struct closing);
    closing->consumer = consumer;
    closing->done = silt_queue_new(1, NULL, NULL);
    pthread_t thread;
    if (!silt_ok(silt_thread_start(&thread, "kafka-close", close_client, closing, NULL))) {
        silt_queue_free(closing->done);
        silt_free(closing);
        return false;
    }
    if (!silt_queue_pop(closing->done, timeout_ms)) return false;
    silt_thread_join(thread);
    silt_queue_free(closing->done);
    silt_free(closing);
    consumer_free(consumer);
    return true;
}

void silt_consumer_wake(struct silt_consumer *consumer)
{
    /* Both: a look at an empty queue without waiting eats librdkafka's own flag. */
    atomic_store(&consumer->woken, true);
    rd_kafka_queue_yield(consumer->queue);
}

/* --- parts --- */

struct part_key {
    char bytes[SILT_TOPIC_MAX + sizeof(int32_t)];
    size_t len;
};

static struct part_key key_of(const char *topic, int32_t partition)
{
    struct part_key key;
    size_t len = strnlen(topic, SILT_TOPIC_MAX - 1);
    memcpy(key.bytes, topic, len);
    key.bytes[len] = '\0';
    memcpy(key.bytes + len + 1, &partition, sizeof partition);
    key.len = len + 1 + sizeof partition;
    return key;
}

static struct part *find_part(const struct silt_consumer *consumer, const char *topic,
                              int32_t partition)
{
    struct part_key key = key_of(topic, partition);
    return silt_map_get(consumer->parts, key.bytes, key.len);
}

static uint64_t held_back(void)
{
    struct silt_unpack_stats stats;
    silt_unpack_stats(&stats);
    return stats.held_back;
}

static struct part *need_part(struct silt_consumer *consumer, const char *topic, int32_t partition)
{
    struct part *part = find_part(consumer, topic, partition);
    if (part) return part;
    part = SILT_NEW(struct part);
    snprintf(part->pub.topic, sizeof part->pub.topic, "%s", topic);
    part->pub.partition = partition;
    part->start = -1;
    part->start_epoch = -1;
    part->held_back_seen = held_back();
    struct part_key key = key_of(topic, partition);
    silt_map_put(consumer->parts, key.bytes, key.len, part);
    return part;
}

static void remove_part(struct silt_consumer *consumer, struct part *part)
{
    struct part_key key = key_of(part->pub.topic, part->pub.partition);
    silt_map_remove(consumer->parts, key.bytes, key.len);
    consumer->cached_rkt = NULL;
    silt_free(part);
}

static struct part *part_of(struct silt_consumer *consumer, const rd_kafka_message_t *message)
{
    if (!message->rkt) return NULL;
    if (message->rkt == consumer->cached_rkt && message->partition == consumer->cached_partition)
        return consumer->cached_part;
    consumer->cached_rkt = message->rkt;
    consumer->cached_partition = message->partition;
    consumer->cached_part =
        find_part(consumer, rd_kafka_topic_name(message->rkt), message->partition);
    return consumer->cached_part;
}

static uint32_t epoch_in_batch(const struct silt_consumer *consumer, const struct part *part)
{
    return consumer->batch_no > part->moved_at ? part->pub.epoch : part->pub.epoch - 1;
}

static void move_epoch(const struct silt_consumer *consumer, struct part *part)
{
    part->pub.epoch++;
    part->moved_at = consumer->batch_no;
}

static rd_kafka_topic_partition_t *list_add(rd_kafka_topic_partition_list_t *list,
                                            const struct part *part, int64_t offset,
                                            int32_t leader_epoch)
{
    rd_kafka_topic_partition_t *tp =
        rd_kafka_topic_partition_list_add(list, part->pub.topic, part->pub.partition);
    tp->offset = offset;
    rd_kafka_topic_partition_set_leader_epoch(tp, leader_epoch);
    return tp;
}

/* --- polling --- */

static int clamp_ms(int64_t timeout_ms)
{
    return timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
}

/* So many messages that the batch stays under a quarter of the queue's bytes. */
static size_t batch_room(const struct silt_consumer *consumer)
{
    uint64_t room = (uint64_t)consumer->queue_max_bytes / 4 / consumer->message_bytes;
    if (room < SILT_BATCH_MIN) return SILT_BATCH_MIN;
    return room > SILT_BATCH_MAX ? SILT_BATCH_MAX : (size_t)room;
}

static unsigned consume(struct silt_consumer *consumer, unsigned at, size_t room, int timeout_ms)
{
    ssize_t n =
        rd_kafka_consume_batch_queue(consumer->queue, timeout_ms, consumer->batch + at, room - at);
    return n > 0 ? at + (unsigned)n : at;
}

static bool is_rebalance(const struct event *event)
{
    return event->kind == SILT_POLL_ASSIGN || event->kind == SILT_POLL_REVOKE;
}

/* An assignment that gets lost while its owner still thinks about it is followed by a revocation at
 * once; its parts must not go before the first answer. */
static bool has_event(const struct silt_consumer *consumer)
{
    return consumer->events && !(consumer->asked && is_rebalance(consumer->events));
}

static bool has_news(struct silt_consumer *consumer)
{
    return has_event(consumer) || silt_consumer_has_answers(consumer);
}

/* A batch call with a timeout waits until the batch is full. So: take what is there; when that is
 * nothing, wait for the first message alone and take the rest after it. */
static void fetch(struct silt_consumer *consumer, int64_t timeout_ms)
{
    size_t room = batch_room(consumer);
    consumer->batch_no++;
    consumer->batch_at = 0;
    consumer->cached_rkt = NULL; /* a topic handle may be another one by now */
    consumer->batch_n = consume(consumer, 0, room, 0);
    if (consumer->batch_n || has_news(consumer)) return;
    if (atomic_exchange(&consumer->woken, false) || timeout_ms == 0) return;
    consumer->batch_n = consume(consumer, 0, 1, clamp_ms(timeout_ms));
    if (consumer->batch_n) consumer->batch_n = consume(consumer, 1, room, 0);
    atomic_store(&consumer->woken, false);
}

/* auto.offset.reset=error reports every reason with one code, the reason itself only as text. */
static bool tells(const rd_kafka_message_t *message, rd_kafka_resp_err_t what)
{
    if (message->err == what) return true;
    if (message->err != RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) return false;
    const char *text = rd_kafka_message_errstr(message);
    return text && strstr(text, rd_kafka_err2str(what)) != NULL;
}

/* Where a log parted from what was fetched stands in the text alone. */
static int64_t parted_at(const char *text)
{
    static const char mark[] = "broker end offset is ";
    const char *at = text ? strstr(text, mark) : NULL;
    if (!at || !isdigit((unsigned char)at[sizeof mark - 1])) return -1;
    return strtoll(at + sizeof mark - 1, NULL, 10);
}

/* Nothing tells the error of a batch that was held back from that of a damaged one. It is damage
 * only when no batch of any partition was held back since the part's last error: records that can
 * be read must never be booked as damaged, and asking once too often costs nothing. */
static bool may_be_held_back(struct part *part)
{
    uint64_t seen = part->held_back_seen;
    part->held_back_seen = held_back();
    return part->held_back_seen != seen;
}

static void describe_damage(struct silt_consumer *consumer, struct part *part,
                            const rd_kafka_message_t *message, struct silt_polled *ret)
{
    if (message == consumer->bad_headers) {
        silt_kafka_err(&ret->err, message->err, "the headers of a record cannot be read");
        return;
    }
    silt_kafka_err(&ret->err, message->err, rd_kafka_message_errstr(message));
    ret->held_back = message->err == RD_KAFKA_RESP_ERR__BAD_COMPRESSION && may_be_held_back(part);
    ret->truncated = tells(message, RD_KAFKA_RESP_ERR__LOG_TRUNCATION);
    if (ret->truncated) ret->offset = parted_at(rd_kafka_message_errstr(message));
    ret->out_of_range = tells(message, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
}

static void describe_part_event(struct silt_consumer *consumer, struct part *part,
                                const rd_kafka_message_t *message, struct silt_polled *ret)
{
    ret->part = &part->pub;
    ret->epoch = epoch_in_batch(consumer, part);
    ret->offset = message->offset >= 0 ? message->offset : -1;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        ret->kind = SILT_POLL_PART_EOF;
        return;
    }
    ret->kind = SILT_POLL_PART_ERROR;
    describe_damage(consumer, part, message, ret);
}

static void describe_error(struct silt_consumer *consumer, const rd_kafka_message_t *message,
                           struct silt_polled *ret)
{
    struct part *part = part_of(consumer, message);
    if (part) {
        describe_part_event(consumer, part, message, ret);
        return;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return;
    ret->kind = SILT_POLL_ERROR;
    silt_kafka_err(&ret->err, message->err, rd_kafka_message_errstr(message));
    if (message->err != RD_KAFKA_RESP_ERR__FATAL) return;
    ret->kind = SILT_POLL_FATAL;
    fatal_text(consumer->rk, &ret->err);
}

/* What is next in the batch: a run of records, or one event. */
static void deliver_batch(struct silt_consumer *consumer, struct silt_polled *ret)
{
    while (consumer->batch_at < consumer->batch_n && ret->kind == SILT_POLL_NOTHING) {
        rd_kafka_message_t *message = consumer->batch[consumer->batch_at];
        if (!message->err) {
            ret->kind = SILT_POLL_RECORDS;
            consumer->delivering = true;
            return;
        }
        describe_error(consumer, message, ret);
        rd_kafka_message_destroy(message);
        consumer->batch_at++;
    }
}

static void event_parts(struct silt_consumer *consumer, const struct event *event,
                        struct silt_polled *ret)
{
    unsigned n = (unsigned)event->list->cnt;
    consumer->event_parts =
        silt_realloc_array(consumer->event_parts, n + 1, sizeof *consumer->event_parts);
    consumer->event_parts_n = 0;
    for (unsigned i = 0; i < n; i++) {
        const rd_kafka_topic_partition_t *tp = &event->list->elems[i];
        struct part *part = event->kind == SILT_POLL_ASSIGN
                                ? need_part(consumer, tp->topic, tp->partition)
                                : find_part(consumer, tp->topic, tp->partition);
        if (part) consumer->event_parts[consumer->event_parts_n++] = &part->pub;
    }
    ret->parts = consumer->event_parts;
    ret->parts_n = consumer->event_parts_n;
}

static void deliver_event(struct silt_consumer *consumer, struct silt_polled *ret)
{
    struct event *event = consumer->events;
    consumer->events = event->next;
    if (!consumer->events) consumer->events_end = &consumer->events;
    ret->kind = event->kind;
    ret->lost = event->lost;
    ret->err = event->err;
    if (is_rebalance(event)) consumer->asked = true;
    if (event->list) event_parts(consumer, event, ret);
    event_free(event);
}

void silt_consumer_poll(struct silt_consumer *consumer, int64_t timeout_ms,
                        struct silt_polled *ret_polled)
{
    SILT_ASSERT(!consumer->delivering);
    struct silt_polled polled = {.kind = SILT_POLL_NOTHING, .offset = -1};
    if (consumer->batch_at == consumer->batch_n && !has_event(consumer))
        fetch(consumer, timeout_ms);
    deliver_batch(consumer, &polled);
    if (polled.kind == SILT_POLL_NOTHING && has_event(consumer)) deliver_event(consumer, &polled);
    *ret_polled = polled;
}

/* --- records --- */

static bool fill_headers(struct silt_consumer *consumer, const rd_kafka_message_t *message,
                         struct silt_record *rec)
{
    rd_kafka_headers_t *headers = NULL;
    rd_kafka_resp_err_t result = rd_kafka_message_headers(message, &headers);
    if (result == RD_KAFKA_RESP_ERR__NOENT) return true;
    if (result) return false;
    size_t n = rd_kafka_header_cnt(headers);
    if (n > consumer->headers_cap) {
        consumer->headers_cap = 2 * n;
        consumer->headers =
            silt_realloc_array(consumer->headers, consumer->headers_cap, sizeof *consumer->headers);
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = NULL;
        const void *value = NULL;
        size_t len = 0;
        if (rd_kafka_header_get_all(headers, i, &name, &value, &len)) return false;
        consumer->headers[i] = (struct silt_header){
            .key = silt_slice_str(name), .value = silt_slice_of(value, len), .value_null = !value};
    }
    rec->headers = consumer->headers;
    rec->headers_n = (unsigned)n;
    return true;
}

static bool fill_record(struct silt_consumer *consumer, const rd_kafka_message_t *message,
                        struct silt_record *ret_rec)
{
    struct silt_record rec = {
        .partition = message->partition,
        .leader_epoch = rd_kafka_message_leader_epoch(message),
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
        .key = silt_slice_of(message->key, message->key_len),
        .value = silt_slice_of(message->payload, message->len),
        .key_null = !message->key,
        .value_null = !message->payload,
    };
    if (!fill_headers(consumer, message, &rec)) return false;
    *ret_rec = rec;
    return true;
}

static void count(struct silt_consumer *consumer, const rd_kafka_message_t *message)
{
    uint64_t bytes = message->len + message->key_len;
    consumer->stats.messages++;
    consumer->stats.bytes += bytes;
    consumer->message_bytes = (consumer->message_bytes * 15 + bytes + MESSAGE_OVERHEAD + 15) / 16;
}

/* A batch's messages lie all over the heap: fetched ahead, they do not stall the loop one by one.
 */
static void prefetch_ahead(const struct silt_consumer *consumer)
{
    size_t at = (size_t)consumer->batch_at;
    size_t n = (size_t)consumer->batch_n;
    if (at + 8 < n) __builtin_prefetch(consumer->batch[at + 8]);
    if (at + 3 < n) __builtin_prefetch(consumer->batch[at + 3]->payload);
}

bool silt_consumer_next(struct silt_consumer *consumer, struct silt_cpart **ret_part,
                        struct silt_record *ret_rec, uint32_t *ret_epoch)
{
    while (consumer->batch_at < consumer->batch_n) {
        drop_current(consumer);
        rd_kafka_message_t *message = consumer->batch[consumer->batch_at];
        if (message->err) break;
        prefetch_ahead(consumer);
        struct part *part = part_of(consumer, message);
        if (part && !fill_record(consumer, message, ret_rec)) {
            /* An event from here on: the next poll tells it. */
            message->err = RD_KAFKA_RESP_ERR__BAD_MSG;
            consumer->bad_headers = message;
            break;
        }
        consumer->batch_at++;
        consumer->current = message;
        count(consumer, message);
        if (!part) continue;
        *ret_part = &part->pub;
        *ret_epoch = epoch_in_batch(consumer, part);
        return true;
    }
    drop_current(consumer);
    consumer->delivering = false;
    return false;
}

/* --- assigning --- */

void silt_consumer_assign_at(struct silt_consumer *consumer, struct silt_cpart *cpart,
                             int64_t offset, int32_t leader_epoch)
{
    struct part *part = (struct part *)cpart;
    move_epoch(consumer, part);
    part->start = offset;
    part->start_epoch = leader_epoch;
}

static SILT_RC take_error(rd_kafka_error_t *error, const char *what, struct silt_err *err)
{
    if (!error) return SILT_OK;
    silt_kafka_err(err, rd_kafka_error_code(error), rd_kafka_error_string(error));
    silt_err_context(err, "%s", what);
    rd_kafka_error_destroy(error);
    return (struct silt_rc){false};
}

static SILT_RC take_result(rd_kafka_resp_err_t result, const char *what, struct silt_err *err)
{
    if (!result) return SILT_OK;
    silt_kafka_err(err, result, NULL);
    silt_err_context(err, "%s", what);
    return (struct silt_rc){false};
}

static SILT_RC assign_list(struct silt_consumer *consumer,
                           const rd_kafka_topic_partition_list_t *list, struct silt_err *err)
{
    if (is_eager(consumer)) return take_result(rd_kafka_assign(consumer->rk, list), "assign", err);
    return take_error(rd_kafka_incremental_assign(consumer->rk, list), "assign", err);
}

static SILT_RC unassign_list(struct silt_consumer *consumer,
                             const rd_kafka_topic_partition_list_t *list, struct silt_err *err)
{
    if (is_eager(consumer))
        return take_result(rd_kafka_assign(consumer->rk, NULL), "unassign", err);
    return take_error(rd_kafka_incremental_unassign(consumer->rk, list), "unassign", err);
}

static void set_paused(struct silt_consumer *consumer, const struct part *part, bool pause)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    list_add(list, part, RD_KAFKA_OFFSET_INVALID, -1);
    if (pause) rd_kafka_pause_partitions(consumer->rk, list);
    if (!pause) rd_kafka_resume_partitions(consumer->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* A part without a start waits at the beginning of its log, paused. Not at the end: librdkafka asks
 * again for a logical offset whose answer was overtaken by a seek, and goes there after all. From
 * the beginning all records come once more and are dropped; from the end what lies before it would
 * look like a hole. One that has a start is woken: librdkafka keeps a partition paused that was so
 * when it was given up. */
static void start_part(struct silt_consumer *consumer, struct part *part)
{
    part->waiting = part->start < 0;
    if (part->waiting) part->moved_at = SILT_NEVER;
    set_paused(consumer, part, part->waiting || part->paused);
}

static void answered(struct silt_consumer *consumer)
{
    const struct event *next = consumer->events;
    while (next && !is_rebalance(next)) next = next->next;
    consumer->asked = false;
    consumer->rebalancing = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (next)
        consumer->rebalancing = next->kind == SILT_POLL_ASSIGN
                                    ? RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS
                                    : RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS;
}

SILT_RC silt_consumer_assign_done(struct silt_consumer *consumer, struct silt_err *err)
{
    unsigned n = consumer->event_parts_n;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (unsigned i = 0; i < n; i++) {
        const struct part *part = (const struct part *)consumer->event_parts[i];
        int64_t start = part->start < 0 ? RD_KAFKA_OFFSET_BEGINNING : part->start;
        list_add(list, part, start, part->start_epoch);
    }
    answered(consumer);
    struct silt_rc rc = assign_list(consumer, list, err);
    rd_kafka_topic_partition_list_destroy(list);
    for (unsigned i = 0; i < n && rc.ok; i++)
        start_part(consumer, (struct part *)consumer->event_parts[i]);
    return rc;
}

SILT_RC silt_consumer_revoke_done(struct silt_consumer *consumer, struct silt_err *err)
{
    unsigned n = consumer->event_parts_n;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (unsigned i = 0; i < n; i++) {
        struct part *part = (struct part *)consumer->event_parts[i];
        list_add(list, part, RD_KAFKA_OFFSET_INVALID, -1);
        remove_part(consumer, part);
    }
    consumer->event_parts_n = 0;
    answered(consumer);
    struct silt_rc rc = unassign_list(consumer, list, err);
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

SILT_RC silt_consumer_assign_manual(struct silt_consumer *consumer, const char *topic,
                                    int32_t partition, int64_t offset, struct silt_cpart **ret_part,
                                    struct silt_err *err)
{
    struct part *part = need_part(consumer, topic, partition);
    silt_consumer_assign_at(consumer, &part->pub, offset, -1);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    list_add(list, part, offset, -1);
    struct silt_rc rc = take_error(rd_kafka_incremental_assign(consumer->rk, list), "assign", err);
    rd_kafka_topic_partition_list_destroy(list);
    if (!rc.ok) {
        remove_part(consumer, part);
        return rc;
    }
    *ret_part = &part->pub;
    return SILT_OK;
}

/* --- moving --- */

static struct part *part_of_list(struct silt_consumer *consumer,
                                 const rd_kafka_topic_partition_t *tp)
{
    return find_part(consumer, tp->topic, tp->partition);
}

/* Where the assignment is replaced as a whole: all parts of it from where they are. */
static SILT_RC reassign_all(struct silt_consumer *consumer, const struct part *moved,
                            struct silt_err *err)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    SILT_TRY(take_result(rd_kafka_assignment(consumer->rk, &list), "seek", err));
    rd_kafka_position(consumer->rk, list);
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *tp = &list->elems[i];
        const struct part *part = part_of_list(consumer, tp);
        if (!part || (part != moved && tp->offset >= 0)) continue;
        tp->offset = part->start < 0 ? RD_KAFKA_OFFSET_BEGINNING : part->start;
        rd_kafka_topic_partition_set_leader_epoch(tp, part->start_epoch);
    }
    struct silt_rc rc = take_result(rd_kafka_assign(consumer->rk, list), "seek", err);
    for (int i = 0; i < list->cnt; i++) {
        const struct part *part = part_of_list(consumer, &list->elems[i]);
        if (part && (part->paused || part->waiting)) set_paused(consumer, part, true);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

/* A part that librdkafka has stopped (any offset error does) or not started yet cannot seek: it is
 * taken out of the assignment and put in again. Not during a rebalance, which would take that for
 * its answer. */
static SILT_RC restart(struct silt_consumer *consumer, const struct part *part,
                       const rd_kafka_topic_partition_list_t *list, struct silt_err *err)
{
    if (consumer->rebalancing)
        SILT_FAIL(err, CONFLICT, "seek: %s [%d] is stopped and a rebalance is going on",
                  part->pub.topic, (int)part->pub.partition);
    if (is_eager(consumer)) return reassign_all(consumer, part, err);
    SILT_TRY(take_error(rd_kafka_incremental_unassign(consumer->rk, list), "seek", err));
    SILT_TRY(take_error(rd_kafka_incremental_assign(consumer->rk, list), "seek", err));
    if (part->paused) set_paused(consumer, part, true);
    return SILT_OK;
}

static SILT_RC seek(struct silt_consumer *consumer, const struct part *part, struct silt_err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    const rd_kafka_topic_partition_t *tp = list_add(list, part, part->start, part->start_epoch);
    struct silt_rc rc =
        take_error(rd_kafka_seek_partitions(consumer->rk, list, SEEK_TIMEOUT_MS), "seek", err);
    if (rc.ok)
        rc = tp->err == RD_KAFKA_RESP_ERR__STATE ? restart(consumer, part, list, err)
                                                 : take_result(tp->err, "seek", err);
    if (rc.ok && tp->err && part->start_epoch >= 0) {
        silt_err_set(err, SILT_E_CONFLICT, __FILE__, __LINE__,
                     "seek: %s [%d] was started anew, which does not compare epochs",
                     part->pub.topic, (int)part->pub.partition);
        rc.ok = false;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

SILT_RC silt_consumer_seek(struct silt_consumer *consumer, struct silt_cpart *cpart, int64_t offset,
                           int32_t leader_epoch, struct silt_err *err)
{
    struct part *part = (struct part *)cpart;
    silt_consumer_assign_at(consumer, cpart, offset, leader_epoch);
    struct silt_rc rc = seek(consumer, part, err);
    if (!rc.ok) {
        part->moved_at = SILT_NEVER;
        return rc;
    }
    bool resume = part->waiting && !part->paused;
    part->waiting = false;
    if (resume) set_paused(consumer, part, false);
    return SILT_OK;
}

void silt_consumer_pause(struct silt_consumer *consumer, struct silt_cpart *cpart, bool pause)
{
    struct part *part = (struct part *)cpart;
    if (part->paused == pause) return;
    part->paused = pause;
    if (!part->waiting) set_paused(consumer, part, pause);
}

static void set_metadata(struct silt_consumer *consumer, rd_kafka_topic_partition_t *tp,
                         const char *metadata)
{
    size_t len = strlen(metadata) + 1;
    tp->metadata = rd_kafka_mem_malloc(consumer->rk, len); /* librdkafka frees it */
    tp->metadata_size = len - 1;
    memcpy(tp->metadata, metadata, len);
}

void silt_consumer_commit(struct silt_consumer *consumer, struct silt_cpart *cpart, int64_t offset,
                          int32_t leader_epoch, const char *metadata)
{
    if (!consumer->group) return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *tp =
        list_add(list, (const struct part *)cpart, offset, leader_epoch);
    if (metadata) set_metadata(consumer, tp, metadata);
    if (rd_kafka_commit(consumer->rk, list, 1)) consumer->stats.commits_failed++;
    rd_kafka_topic_partition_list_destroy(list);
}

void silt_consumer_stats(struct silt_consumer *consumer, struct silt_consumer_stats *ret)
{
    *ret = consumer->stats;
    ret->queue_bytes = (int64_t)(rd_kafka_queue_length(consumer->queue) * consumer->message_bytes);
    struct silt_unpack_stats unpack;
    silt_unpack_stats(&unpack);
    ret->unpacked_bytes = unpack.held;
    ret->batches_held_back = unpack.held_back;
    ret->batches_too_large = unpack.too_large;
}

const char *silt_consumer_version(void)
{
    return rd_kafka_version_str();
}
