#include "pipeline/worker_int.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/thread.h"
#include "commit/collector.h"
#include "pipeline/dead_letters.h"
#include "pipeline/file_rows.h"
#include "pipeline/fill.h"
#include "pipeline/repairer.h"

#include <stdio.h>
#include <string.h>

#define TICK_MS 100
#define INBOX_MAX 65536
#define ENCODE_QUEUE_MAX 64
#define CLOSE_WAIT_MS 10000
#define SETTLE_MS 3000
#define LETTERS_WAIT_MS 5000
#define OVERHEAD_BYTES \
    ((int64_t)24 << 20) /* codec contexts, connections, program: outside the budget */

/* ---- inboxes ---- */

static void wake(void *ctx)
{
    struct silt_context *context = ctx;
    pthread_mutex_lock(&context->synced.lock);
    if (context->synced.consumer) silt_consumer_wake(context->synced.consumer);
    pthread_mutex_unlock(&context->synced.lock);
}

static void wake_consumer(struct silt_context *context, struct silt_consumer *consumer)
{
    pthread_mutex_lock(&context->synced.lock);
    context->synced.consumer = consumer;
    pthread_mutex_unlock(&context->synced.lock);
}

/* @return false when it is still being closed and left to the end of the process. */
static bool close_consumer(struct silt_context *context)
{
    wake_consumer(context, NULL);
    return silt_consumer_close(context->consumer, CLOSE_WAIT_MS);
}

static void track_registry(struct silt_context *context)
{
    struct silt_decoder_stats stats;
    char message[200];
    silt_decoder_stats(context->decoder, &stats);
    snprintf(message, sizeof message, "schema registry: %s", stats.last_failure);
    silt_context_failure(
        context, &(struct silt_failure){
                     .stage = SILT_STAGE_AVRO_VALIDATE,
                     .type = silt_failure_type_parse(silt_code_failure_type(stats.last_code)),
                     .partition = -1,
                     .offset = -1,
                     .message = message,
                     .action = "records that need the schema wait; asked again soon"});
}

static void take_schema(struct silt_worker *worker, void *reply)
{
    int64_t retry_at = silt_decoder_reply(worker->context.decoder, reply);
    if (retry_at) track_registry(&worker->context);
    for (unsigned i = 0; i < worker->lanes_n; i++)
        silt_lane_schema_arrived(worker->lanes[i], retry_at);
}

static void drain_inboxes(struct silt_worker *worker)
{
    struct silt_context *context = &worker->context;
    void *item;
    while ((item = silt_queue_pop(context->store_inbox, 0))) silt_store_reply(item);
    while ((item = silt_queue_pop(context->encode_inbox, 0))) silt_fill_encoded(context, item);
    silt_repairer_poll(context);
    while ((item = silt_queue_pop(context->decode_inbox, 0))) take_schema(worker, item);
}

/* ---- records ---- */

static void take_records(struct silt_worker *worker)
{
    struct silt_cpart *part;
    struct silt_record rec;
    uint32_t epoch;
    uint64_t n = 0;
    uint64_t bytes = 0;
    int64_t began = silt_mono_ns();
    int64_t now_ms = began / 1000000;
    while (silt_consumer_next(worker->context.consumer, &part, &rec, &epoch)) {
        if (!part->lane || !silt_lane_on_record(part->lane, &rec, epoch, now_ms)) continue;
        n++;
        bytes += rec.value.len + rec.key.len;
    }
    silt_metrics_success(worker->context.metrics, SILT_STAGE_KAFKA_CONSUME, n);
    silt_metrics_bytes(worker->context.metrics, SILT_STAGE_KAFKA_CONSUME, bytes);
    silt_metrics_latency(worker->context.metrics, SILT_STAGE_KAFKA_CONSUME,
                         (silt_mono_ns() - began) / 1000);
    silt_worker_watch_memory(worker);
}

static const char *advice(enum silt_code code)
{
    if (code == SILT_E_AUTH)
        return "check security.protocol, sasl.* and ssl.* in kafka.properties; tried again "
               "meanwhile";
    if (code == SILT_E_DENIED)
        return "let this user read the topics and the group; tried again meanwhile";
    if (code == SILT_E_NOT_FOUND)
        return "create the topic, or correct kafka.topics; looked for again meanwhile";
    return "the client reconnects by itself";
}

static void on_polled(struct silt_worker *worker, const struct silt_polled *polled)
{
    switch (polled->kind) {
    case SILT_POLL_NOTHING: return;
    case SILT_POLL_RECORDS: take_records(worker); return;
    case SILT_POLL_ASSIGN: silt_worker_on_assign(worker, polled); return;
    case SILT_POLL_REVOKE: silt_worker_on_revoke(worker, polled); return;
    case SILT_POLL_PART_ERROR:
        if (polled->part->lane) silt_lane_on_error(polled->part->lane, polled);
        return;
    case SILT_POLL_PART_EOF:
        if (polled->part->lane)
            silt_lane_on_end(polled->part->lane, polled->epoch, polled->offset, silt_mono_ms());
        return;
    case SILT_POLL_ERROR:
        SILT_LOG(WARN, "kafka_error", polled->err.text,
                 SILT_F_STR("action", advice(polled->err.code)));
        return;
    case SILT_POLL_FATAL: break;
    }
    SILT_LOG(FATAL, "kafka_fatal", polled->err.text, SILT_F_STR("action", "the worker ends"));
    worker->failed = true;
    worker->failure = polled->err;
}

static void poll_consumer(struct silt_worker *worker, int64_t now_ms)
{
    struct silt_context *context = &worker->context;
    struct silt_polled polled;
    struct silt_answer answer;
    int64_t wait = silt_timers_wait(&context->timers, now_ms, TICK_MS);
    silt_consumer_poll(context->consumer, wait, &polled);
    on_polled(worker, &polled);
    while (silt_consumer_answer(context->consumer, &answer)) silt_worker_on_answer(worker, &answer);
}

/* ---- the loop ---- */

static void begin_stop(struct silt_worker *worker, int64_t now_ms)
{
    worker->stopping = true;
    worker->stop_deadline_ms = now_ms + worker->opts.grace_ms;
    SILT_LOG(INFO, "stopping", "committing what is in hand, then leaving the group",
             SILT_F_INT("grace_ms", worker->opts.grace_ms));
    for (unsigned i = 0; i < worker->lanes_n; i++)
        silt_lane_leave(worker->lanes[i], SILT_CLOSE_STOP, true);
}

static unsigned busy_lanes(const struct silt_worker *worker)
{
    unsigned n = 0;
    for (unsigned i = 0; i < worker->lanes_n; i++) n += !silt_lane_is_idle(worker->lanes[i]);
    return n;
}

static bool stop_is_over(const struct silt_worker *worker, int64_t now_ms)
{
    if (!worker->stopping) return false;
    return now_ms >= worker->stop_deadline_ms || !busy_lanes(worker);
}

static void tell_unfinished(const struct silt_worker *worker)
{
    unsigned n = busy_lanes(worker);
    if (!n) return;
    SILT_LOG(WARN, "stop_unfinished", "partitions had work left when worker.grace was over",
             SILT_F_INT("partitions", n),
             SILT_F_STR("action", "their next owner commits it or reads it again"),
             SILT_F_STR("hint", "lengthen worker.grace if the store is well"));
}

/* While the encoder has no room nothing new is fetched; its next answer makes room. */
static void come_round(struct silt_worker *worker)
{
    int64_t now_ms = silt_mono_ms();
    silt_timers_run(&worker->context.timers, now_ms);
    drain_inboxes(worker);
    if (now_ms >= worker->next_tick_ms) {
        worker->next_tick_ms = now_ms + TICK_MS;
        silt_worker_upkeep(worker, now_ms);
    }
    silt_worker_move_on(worker, now_ms);
    if (silt_context_feed_encoder(&worker->context)) {
        poll_consumer(worker, now_ms);
        return;
    }
    struct silt_encode_job *job = silt_queue_pop(worker->context.encode_inbox, TICK_MS);
    if (job) silt_fill_encoded(&worker->context, job);
}

/* Lets requests that nobody waits for any more (aborts above all) come back before the store is
 * closed. */
static void settle(struct silt_worker *worker, int64_t until_ms)
{
    struct silt_context *context = &worker->context;
    while (atomic_load(&context->store->open) && silt_mono_ms() < until_ms) {
        struct silt_store_req *req = silt_queue_pop(context->store_inbox, TICK_MS);
        if (req) silt_store_reply(req);
    }
}

void silt_worker_close(struct silt_worker *worker)
{
    struct silt_context *context = &worker->context;
    silt_worker_report(worker, silt_mono_ms());
    silt_repairer_stop(&worker->context);
    silt_collector_release(worker->collector);
    if (!close_consumer(context))
        SILT_LOG(WARN, "close_timeout", "the Kafka client did not close in time",
                 SILT_F_STR("action", "left to the end of the process"));
    silt_worker_drop_lanes(worker);
    silt_dead_letters_close(context->letters, LETTERS_WAIT_MS);
    context->letters = NULL;
    settle(worker, silt_mono_ms() + SETTLE_MS);
}

bool silt_worker_turn(struct silt_worker *worker)
{
    int64_t now_ms = silt_mono_ms();
    if (atomic_load(&worker->stop_asked) && !worker->stopping) begin_stop(worker, now_ms);
    if (!worker->failed && !worker->stretches_done && !stop_is_over(worker, now_ms)) {
        come_round(worker);
        return true;
    }
    if (worker->stopping) tell_unfinished(worker);
    return false;
}

/* ---- life ---- */

static int64_t consumer_bytes(int64_t memory)
{
    int64_t quarter = memory / 4;
    return quarter < (int64_t)64 << 20 ? quarter : (int64_t)64 << 20;
}

static void init_context(struct silt_worker *worker)
{
    struct silt_context *context = &worker->context;
    context->opts = &worker->opts;
    context->store = worker->opts.store;
    context->metrics = worker->opts.metrics;
    context->observer = worker->opts.observer;
    context->backlog_end = &context->backlog;
    silt_random_hex(context->boot, sizeof context->boot - 1);
    pthread_mutex_init(&context->synced.lock, NULL);
    silt_timers_init(&context->timers);
    int64_t memory = worker->opts.memory;
    int64_t limit = memory - worker->opts.consumer.queue_max_bytes -
                    silt_dead_letters_bytes_max(&worker->opts) - OVERHEAD_BYTES;
    silt_budget_init(&context->budget, limit > memory / 4 ? limit : memory / 4);
    context->store_inbox = silt_queue_new(INBOX_MAX, wake, context);
    context->encode_inbox = silt_queue_new(2 * ENCODE_QUEUE_MAX + 64, wake, context);
    context->decode_inbox = silt_queue_new(1024, wake, context);
}

static void done_context(struct silt_context *context)
{
    while (context->spare_jobs) {
        struct silt_encode_job *job = context->spare_jobs;
        context->spare_jobs = job->next;
        silt_encode_job_free(job);
    }
    silt_timers_done(&context->timers);
    silt_queue_free(context->store_inbox);
    silt_queue_free(context->encode_inbox);
    silt_queue_free(context->decode_inbox);
    pthread_mutex_destroy(&context->synced.lock);
}

static SILT_RC open_tools(struct silt_worker *worker, struct silt_err *err)
{
    struct silt_context *context = &worker->context;
    SILT_TRY(silt_consumer_new(&worker->opts.consumer, &context->consumer, err));
    wake_consumer(context, context->consumer);
    worker->opts.decoder.reply_to = context->decode_inbox;
    worker->opts.decoder.prepare = silt_rows_prepare;
    SILT_TRY(silt_decoder_new(&worker->opts.decoder, &context->decoder, err));
    SILT_TRY(silt_encoder_start(worker->opts.encode_workers, ENCODE_QUEUE_MAX,
                                context->encode_inbox, &context->encoder, err));
    return silt_dead_letters_new(&worker->opts, &context->letters, err);
}

SILT_RC silt_worker_build(const struct silt_worker_opts *opts, struct silt_worker **ret_worker,
                          struct silt_err *err)
{
    struct silt_worker *worker = SILT_NEW(struct silt_worker);
    worker->opts = *opts;
    atomic_init(&worker->reject_ratio, opts->max_reject_ratio);
    worker->opts.consumer.queue_max_bytes = consumer_bytes(opts->memory);
    init_context(worker);
    struct silt_rc rc = open_tools(worker, err);
    if (silt_ok(rc)) {
        *ret_worker = worker;
        return rc;
    }
    close_consumer(&worker->context);
    silt_worker_free(worker);
    return rc;
}

/* Blocks that never reached the encoder come back like those that did. */
static void drop_backlog(struct silt_context *context)
{
    while (context->backlog) {
        struct silt_encode_job *job = context->backlog;
        context->backlog = job->next;
        silt_fill_encoded(context, job);
    }
}

/* The store is gone: nobody may ask it anything because of an answer. */
static void drop_answers(struct silt_context *context)
{
    struct silt_store_req *req;
    while ((req = silt_queue_pop(context->store_inbox, 0))) {
        req->outcome = SILT_STORE_STOPPED;
        silt_store_reply(req);
    }
}

void silt_worker_free(struct silt_worker *worker)
{
    if (!worker) return;
    silt_encoder_stop(worker->context.encoder);
    drop_backlog(&worker->context);
    drop_answers(&worker->context);
    drain_inboxes(worker);
    silt_decoder_free(worker->context.decoder);
    silt_repairer_done(&worker->context);
    done_context(&worker->context);
    silt_free(worker);
}
