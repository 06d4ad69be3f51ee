#include "consume/producer.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "consumer_int.h"

#include <stdio.h>

#define TXN_TIMEOUT_MS 60000
#define QUEUE_WAIT_MS 100

struct silt_producer {
    rd_kafka_t *rk;
    char *topic;
    double rate;
    int64_t began_ns; /* of the rate */
    struct silt_producer_stats stats;
    struct silt_err failure;               /* the first one */
    const struct silt_token_source *token; /* NULL: none */
};

static void note_failure(struct silt_producer *producer, rd_kafka_resp_err_t result,
                         const char *text)
{
    struct silt_err err;
    silt_kafka_err(&err, result, text);
    snprintf(producer->stats.last_failure, sizeof producer->stats.last_failure, "%s", err.text);
    if (producer->failure.code == SILT_E_NONE) producer->failure = err;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    struct silt_producer *producer = opaque;
    producer->stats.pending_cost -= (uintptr_t)message->_private;
    if (!message->err) {
        producer->stats.delivered++;
        return;
    }
    producer->stats.failed++;
    note_failure(producer, message->err, NULL);
}

static SILT_RC set_all(rd_kafka_conf_t *conf, const struct silt_producer_opts *opts,
                       struct silt_err *err)
{
    char linger[24];
    snprintf(linger, sizeof linger, "%lld", (long long)opts->linger_ms);
    const struct silt_property ours[] = {
        {"client.id", "silt"},
        {"bootstrap.servers", opts->brokers},
        {"enable.idempotence", "true"},
        {"partitioner", "murmur2_random"},
        {"linger.ms", linger},
        {"compression.type", opts->compression ? opts->compression : "lz4"},
        {"enable.metrics.push", "false"},
    };
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        SILT_TRY(silt_kafka_set(conf, ours[i].name, ours[i].value, err));
    SILT_TRY(silt_token_conf(opts->token, conf, err));
    if (opts->transactional_id)
        SILT_TRY(silt_kafka_set(conf, "transactional.id", opts->transactional_id, err));
    for (unsigned i = 0; i < opts->properties_n; i++)
        SILT_TRY(silt_kafka_set(conf, opts->properties[i].name, opts->properties[i].value, err));
    return SILT_OK;
}

static void on_token(rd_kafka_t *rk, const char *config, void *opaque)
{
    (void)config;
    const struct silt_producer *producer = opaque;
    silt_token_give(rk, producer->token);
}

static SILT_RC open_client(struct silt_producer *producer, const struct silt_producer_opts *opts,
                           struct silt_err *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, producer);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_log_cb(conf, silt_kafka_log);
    if (producer->token) rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, on_token);
    if (!silt_ok(set_all(conf, opts, err))) {
        rd_kafka_conf_destroy(conf);
        return (struct silt_rc){false};
    }
    return silt_kafka_new(RD_KAFKA_PRODUCER, conf, &producer->rk, err);
}

static SILT_RC take_error(rd_kafka_error_t *error, struct silt_err *err)
{
    if (!error) return SILT_OK;
    silt_kafka_err(err, rd_kafka_error_code(error), rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return (struct silt_rc){false};
}

static SILT_RC start(struct silt_producer *producer, const struct silt_producer_opts *opts,
                     struct silt_err *err)
{
    SILT_TRY(open_client(producer, opts, err));
    silt_token_begin(opts->token, producer->rk);
    if (!opts->transactional_id) return SILT_OK;
    return take_error(rd_kafka_init_transactions(producer->rk, TXN_TIMEOUT_MS), err);
}

SILT_RC silt_producer_new(const struct silt_producer_opts *opts,
                          struct silt_producer **ret_producer, struct silt_err *err)
{
    struct silt_producer *producer = SILT_NEW(struct silt_producer);
    producer->topic = silt_strdup(opts->topic);
    producer->rate = opts->rate;
    producer->token = opts->token;
    if (!silt_ok(start(producer, opts, err))) {
        silt_producer_free(producer);
        return (struct silt_rc){false};
    }
    *ret_producer = producer;
    return SILT_OK;
}

void silt_producer_free(struct silt_producer *producer)
{
    if (!producer) return;
    if (producer->rk) {
        rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(producer->rk);
    }
    silt_free(producer->topic);
    silt_free(producer);
}

static SILT_RC created(rd_kafka_event_t *event, struct silt_err *err)
{
    size_t n;
    if (rd_kafka_event_error(event)) {
        silt_kafka_err(err, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
        return (struct silt_rc){false};
    }
    const rd_kafka_topic_result_t **topics =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
    SILT_ASSERT(n == 1);
    const rd_kafka_resp_err_t result = rd_kafka_topic_result_error(topics[0]);
    if (!result || result == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return SILT_OK;
    silt_kafka_err(err, result, rd_kafka_topic_result_error_string(topics[0]));
    return (struct silt_rc){false};
}

/* The admin request ends by itself after its timeout, so the poll needs none. */
static SILT_RC ask_for_topic(struct silt_producer *producer, rd_kafka_NewTopic_t *topic,
                             int64_t timeout_ms, struct silt_err *err)
{
    char text[200];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(producer->rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(producer->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, (int)timeout_ms, text, sizeof text);
    rd_kafka_CreateTopics(producer->rk, &topic, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, -1);
    const struct silt_rc rc = created(event, err);
    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return rc;
}

SILT_RC silt_producer_create_topic(struct silt_producer *producer, int32_t partitions_n,
                                   int64_t timeout_ms, struct silt_err *err)
{
    char text[200];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(producer->topic, partitions_n, -1, text, sizeof text);
    if (!topic) SILT_FAIL(err, USAGE, "topic %s: %s", producer->topic, text);
    const struct silt_rc rc = ask_for_topic(producer, topic, timeout_ms, err);
    rd_kafka_NewTopic_destroy(topic);
    return rc;
}

/* Serves deliveries until the next record is due. */
static void keep_rate(struct silt_producer *producer)
{
    if (producer->rate <= 0) {
        rd_kafka_poll(producer->rk, 0);
        return;
    }
    if (!producer->began_ns) producer->began_ns = silt_mono_ns();
    double due_ns = (double)producer->stats.sent / producer->rate * 1e9;
    for (;;) {
        double left_ms = (due_ns - (double)(silt_mono_ns() - producer->began_ns)) / 1e6;
        rd_kafka_poll(producer->rk, left_ms < 1 ? 0 : left_ms > 1000 ? 1000 : (int)left_ms);
        if (left_ms < 1) return;
    }
}

static rd_kafka_headers_t *headers_of(const struct silt_record *rec)
{
    if (!rec->headers_n) return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(rec->headers_n);
    for (unsigned i = 0; i < rec->headers_n; i++) {
        const struct silt_header *header = &rec->headers[i];
        const void *value = header->value.len ? (const void *)header->value.ptr : "";
        rd_kafka_header_add(headers, (const char *)header->key.ptr, (ssize_t)header->key.len,
                            header->value_null ? NULL : value, (ssize_t)header->value.len);
    }
    return headers;
}

static void *bytes_of(struct silt_slice slice, bool null)
{
    if (null) return NULL;
    return slice.len ? (void *)(uintptr_t)slice.ptr : (void *)(uintptr_t) "";
}

static rd_kafka_resp_err_t produce(struct silt_producer *producer, const struct silt_record *rec,
                                   rd_kafka_headers_t *headers, size_t cost)
{
    int64_t timestamp = rec->timestamp_ms == SILT_NO_TIMESTAMP ? 0 : rec->timestamp_ms;
    return rd_kafka_producev(
        producer->rk, RD_KAFKA_V_TOPIC(producer->topic), RD_KAFKA_V_PARTITION(rec->partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_TIMESTAMP(timestamp),
        RD_KAFKA_V_KEY(bytes_of(rec->key, rec->key_null), rec->key.len),
        RD_KAFKA_V_VALUE(bytes_of(rec->value, rec->value_null), rec->value.len),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE((void *)(uintptr_t)cost), RD_KAFKA_V_END);
}

SILT_RC silt_producer_offer(struct silt_producer *producer, const struct silt_record *rec,
                            size_t cost, struct silt_err *err)
{
    rd_kafka_headers_t *headers = headers_of(rec);
    rd_kafka_resp_err_t result = produce(producer, rec, headers, cost);
    if (result) {
        if (headers) rd_kafka_headers_destroy(headers);
        silt_kafka_err(err, result, NULL);
        return (struct silt_rc){false};
    }
    producer->stats.sent++;
    producer->stats.bytes += rec->key.len + rec->value.len;
    producer->stats.pending_cost += cost;
    return SILT_OK;
}

SILT_RC silt_producer_send(struct silt_producer *producer, const struct silt_record *rec,
                           struct silt_err *err)
{
    struct silt_err refused;
    keep_rate(producer);
    struct silt_rc rc = silt_producer_offer(producer, rec, 0, &refused);
    /* Ends: a message that cannot be delivered leaves the queue after message.timeout.ms. */
    while (!silt_ok(rc) && refused.code == SILT_E_THROTTLED) {
        rd_kafka_poll(producer->rk, QUEUE_WAIT_MS);
        rc = silt_producer_offer(producer, rec, 0, &refused);
    }
    if (!silt_ok(rc) && err) *err = refused;
    return rc;
}

void silt_producer_poll(struct silt_producer *producer)
{
    rd_kafka_poll(producer->rk, 0);
}

static SILT_RC delivered(const struct silt_producer *producer, struct silt_err *err)
{
    if (producer->failure.code == SILT_E_NONE) return SILT_OK;
    if (err) *err = producer->failure;
    return (struct silt_rc){false};
}

SILT_RC silt_producer_flush(struct silt_producer *producer, int64_t timeout_ms,
                            struct silt_err *err)
{
    rd_kafka_resp_err_t result = rd_kafka_flush(producer->rk, (int)timeout_ms);
    SILT_TRY(delivered(producer, err));
    if (!result) return SILT_OK;
    silt_kafka_err(err, result, NULL);
    return (struct silt_rc){false};
}

SILT_RC silt_producer_begin(struct silt_producer *producer, struct silt_err *err)
{
    return take_error(rd_kafka_begin_transaction(producer->rk), err);
}

/* A commit whose answer is late may be asked again; any other failure ends the transaction. */
SILT_RC silt_producer_commit(struct silt_producer *producer, struct silt_err *err)
{
    for (;;) {
        rd_kafka_error_t *error = rd_kafka_commit_transaction(producer->rk, TXN_TIMEOUT_MS);
        if (!error || !rd_kafka_error_is_retriable(error)) return take_error(error, err);
        rd_kafka_error_destroy(error);
    }
}

SILT_RC silt_producer_abort(struct silt_producer *producer, struct silt_err *err)
{
    return take_error(rd_kafka_abort_transaction(producer->rk, TXN_TIMEOUT_MS), err);
}

void silt_producer_stats(const struct silt_producer *producer, struct silt_producer_stats *ret)
{
    *ret = producer->stats;
}
