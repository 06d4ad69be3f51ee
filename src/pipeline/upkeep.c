#include "pipeline/worker_int.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "commit/collector.h"
#include "pipeline/dead_letters.h"

#include <stdio.h>
#include <string.h>

#define TOPICS_INTERVAL_MS 60000
#define EMPTY_MS 60000
#define SQUEEZE_PERCENT 80
#define RESUME_PERCENT 70

/* ---- answers ---- */

static void deliver(struct silt_lane *lane, const struct silt_answer *answer)
{
    const struct silt_cpart *part = silt_lane_part(lane);
    if (strcmp(part->topic, answer->topic) != 0) return;
    if (answer->kind == SILT_ASK_TOPIC) {
        silt_lane_on_topic(lane, answer);
        return;
    }
    if (part->partition != answer->partition) return;
    if (answer->kind == SILT_ASK_OFFSETS)
        silt_lane_on_offsets(lane, answer);
    else
        silt_lane_on_committed(lane, answer);
}

void silt_worker_on_answer(struct silt_worker *worker, const struct silt_answer *answer)
{
    if (!answer->ok && answer->kind == SILT_ASK_TOPIC) {
        SILT_LOG(WARN, "topic_unknown", answer->err.text, SILT_F_STR("topic", answer->topic),
                 SILT_F_STR("action", "asked again in 2 s"));
        worker->next_topics_ms = silt_mono_ms() + 2000;
    }
    for (unsigned i = 0; i < worker->lanes_n; i++) deliver(worker->lanes[i], answer);
}

/* ---- memory: 80 % close the biggest windows, 100 % pause ---- */

static struct silt_lane *biggest_of(struct silt_worker *worker, int64_t *ret_bytes)
{
    struct silt_lane *biggest = NULL;
    *ret_bytes = 0;
    for (unsigned i = 0; i < worker->lanes_n; i++) {
        int64_t bytes = silt_lane_squeezable(worker->lanes[i]);
        if (bytes <= *ret_bytes) continue;
        *ret_bytes = bytes;
        biggest = worker->lanes[i];
    }
    return biggest;
}

/* Until what is in windows that are closed is enough to come down to where fetching resumes. */
static void squeeze(struct silt_worker *worker)
{
    struct silt_budget *budget = &worker->context.budget;
    int64_t excess = silt_budget_used(budget) - budget->limit / 100 * RESUME_PERCENT;
    for (unsigned i = 0; i < worker->lanes_n; i++)
        excess -= silt_lane_sealing_memory(worker->lanes[i]);
    while (excess > 0) {
        int64_t bytes;
        struct silt_lane *lane = biggest_of(worker, &bytes);
        if (!lane) return;
        silt_lane_squeeze(lane);
        excess -= bytes;
    }
}

static void pause_all(struct silt_worker *worker, bool pause)
{
    worker->memory_paused = pause;
    silt_metrics_add(worker->context.metrics, SILT_GAUGE_MEMORY_PAUSES, pause);
    SILT_LOG(INFO, pause ? "paused_for_memory" : "resumed",
             pause ? "the memory budget is used up: fetching stops until parts are uploaded"
                   : "memory is free again: fetching goes on",
             SILT_F_INT("used_bytes", silt_budget_used(&worker->context.budget)),
             SILT_F_INT("limit_bytes", worker->context.budget.limit));
    for (unsigned i = 0; i < worker->lanes_n; i++)
        silt_lane_pause(worker->lanes[i], SILT_PAUSE_MEMORY, pause);
}

void silt_worker_watch_memory(struct silt_worker *worker)
{
    unsigned percent = silt_budget_percent(&worker->context.budget);
    if (worker->memory_paused) silt_context_trim(&worker->context);
    /* while paused nothing grows any more, so closing has to go on down to where it resumes */
    if (percent >= SQUEEZE_PERCENT || worker->memory_paused) squeeze(worker);
    if (percent >= 100 && !worker->memory_paused) pause_all(worker, true);
    if (percent < RESUME_PERCENT && worker->memory_paused) pause_all(worker, false);
}

/* ---- lag and gauges ---- */

static void ask_offsets(struct silt_worker *worker)
{
    const char **topics = silt_calloc(worker->lanes_n, sizeof *topics);
    int32_t *partitions = silt_calloc(worker->lanes_n, sizeof *partitions);
    for (unsigned i = 0; i < worker->lanes_n; i++) {
        topics[i] = silt_lane_part(worker->lanes[i])->topic;
        partitions[i] = silt_lane_part(worker->lanes[i])->partition;
    }
    silt_consumer_ask_offsets(worker->context.consumer, topics, partitions, worker->lanes_n);
    silt_free(topics);
    silt_free(partitions);
}

static void count_lanes(struct silt_worker *worker, int64_t now_ms)
{
    struct silt_metrics *m = worker->context.metrics;
    int64_t paused = 0;
    int64_t halted = 0;
    int64_t pending = 0;
    for (unsigned i = 0; i < worker->lanes_n; i++) {
        const struct silt_lane *lane = worker->lanes[i];
        paused += silt_lane_is_paused(lane);
        halted += silt_lane_state(lane) == SILT_LANE_HALTED;
        int64_t since = silt_lane_pending_since_ms(lane);
        if (since && now_ms - since > pending) pending = now_ms - since;
    }
    silt_metrics_set(m, SILT_GAUGE_PARTITIONS_ASSIGNED, worker->lanes_n);
    silt_metrics_set(m, SILT_GAUGE_PARTITIONS_PAUSED, paused);
    silt_metrics_set(m, SILT_GAUGE_PARTITIONS_HALTED, halted);
    silt_metrics_set(m, SILT_GAUGE_PENDING_TAIL_AGE_MS, pending);
}

static void count_memory(struct silt_worker *worker)
{
    struct silt_metrics *m = worker->context.metrics;
    struct silt_budget *budget = &worker->context.budget;
    struct silt_decoder_stats decoder;
    struct silt_consumer_stats consumer;
    silt_decoder_stats(worker->context.decoder, &decoder);
    silt_consumer_stats(worker->context.consumer, &consumer);
    silt_metrics_set(m, SILT_GAUGE_MEMORY_USED, silt_budget_used(budget));
    silt_metrics_set(m, SILT_GAUGE_MEMORY_LIMIT, budget->limit);
    silt_metrics_set(m, SILT_GAUGE_MEMORY_PEAK, atomic_load(&budget->peak));
    silt_metrics_set(m, SILT_GAUGE_MEMORY_DENIED, (int64_t)atomic_load(&budget->denied));
    silt_metrics_set(m, SILT_GAUGE_UNPACKED_BYTES, consumer.unpacked_bytes);
    silt_metrics_set(m, SILT_GAUGE_BATCHES_HELD_BACK, (int64_t)consumer.batches_held_back);
    silt_metrics_set(m, SILT_GAUGE_BATCHES_TOO_LARGE, (int64_t)consumer.batches_too_large);
    silt_metrics_set(m, SILT_GAUGE_S3_REQUESTS,
                     (int64_t)atomic_load(&worker->context.store->requests));
    silt_metrics_set(m, SILT_GAUGE_S3_RATE_LIMIT, atomic_load(&worker->context.store->rate));
    silt_metrics_set(m, SILT_GAUGE_ENCODE_QUEUE_FULL, (int64_t)worker->context.encoder_full);
    silt_metrics_set(m, SILT_GAUGE_REGISTRY_FAILURES, (int64_t)decoder.registry_failures);
}

/* By KIP-848 a member that gets nothing is told nothing. */
static bool may_be_idle(const struct silt_worker *worker)
{
    const char *protocol = worker->opts.consumer.group_protocol;
    return worker->joined || (protocol && strcmp(protocol, "consumer") == 0);
}

static void report_ready(struct silt_worker *worker)
{
    char why[240] = "";
    for (unsigned i = 0; i < worker->lanes_n && !why[0]; i++) {
        const char *halted = silt_lane_halted_why(worker->lanes[i]);
        const struct silt_cpart *part = silt_lane_part(worker->lanes[i]);
        if (halted)
            snprintf(why, sizeof why, "halted: %.80s[%d]: %s", part->topic, part->partition,
                     halted);
    }
    if (!may_be_idle(worker)) snprintf(why, sizeof why, "not in the consumer group yet");
    if (worker->assign.open) snprintf(why, sizeof why, "reading where the archive ends");
    if (worker->stopping) snprintf(why, sizeof why, "stopping");
    silt_observer_ready(worker->context.observer, !why[0], why);
}

void silt_worker_report(struct silt_worker *worker, int64_t now_ms)
{
    struct silt_lag *lags = silt_calloc(worker->lanes_n, sizeof *lags);
    int64_t wall_ms = silt_wall_ms();
    bool caught_up = worker->lanes_n > 0 && !worker->assign.open;
    for (unsigned i = 0; i < worker->lanes_n; i++) {
        silt_lane_lag(worker->lanes[i], wall_ms, &lags[i]);
        caught_up = caught_up && lags[i].lag == 0;
    }
    atomic_store(&worker->caught_up, caught_up);
    count_lanes(worker, now_ms);
    count_memory(worker);
    if (worker->context.observer)
        silt_observer_lag(worker->context.observer, lags, worker->lanes_n);
    silt_free(lags);
}

/* ---- topics: one of the same name may be another topic by now ---- */

static void ask_topics(struct silt_worker *worker)
{
    const char *last = "";
    for (unsigned i = 0; i < worker->lanes_n; i++) {
        const char *topic = silt_lane_part(worker->lanes[i])->topic;
        if (strcmp(topic, last) != 0) silt_consumer_ask_topic(worker->context.consumer, topic);
        last = topic;
    }
}

static void confirm_topics(struct silt_worker *worker, int64_t now_ms)
{
    for (unsigned i = 0; i < worker->lanes_n; i++) {
        if (!silt_lane_wants_topic(worker->lanes[i], now_ms)) continue;
        const char *topic = silt_lane_part(worker->lanes[i])->topic;
        silt_consumer_ask_topic(worker->context.consumer, topic);
        for (unsigned k = i; k < worker->lanes_n; k++)
            if (strcmp(silt_lane_part(worker->lanes[k])->topic, topic) == 0)
                silt_lane_topic_asked(worker->lanes[k], now_ms);
    }
}

/* ---- orphan uploads of dead workers ---- */

static void on_collected(void *ctx, const struct silt_collect_counts *counts)
{
    struct silt_worker *worker = ctx;
    silt_collector_release(worker->collector);
    worker->collector = NULL;
    silt_metrics_add(worker->context.metrics, SILT_GAUGE_ORPHANS_ABORTED, (int64_t)counts->aborted);
    if (!counts->aborted && !counts->completed && !counts->failed) return;
    SILT_LOG(INFO, "collected", "orphan uploads of decided slots were aborted",
             SILT_F_INT("seen", counts->seen), SILT_F_INT("kept", counts->kept),
             SILT_F_INT("completed", counts->completed), SILT_F_INT("aborted", counts->aborted),
             SILT_F_INT("failed", counts->failed));
}

static void collect(struct silt_worker *worker)
{
    struct silt_tp *topics = silt_calloc(worker->lanes_n, sizeof *topics);
    unsigned n = 0;
    for (unsigned i = 0; i < worker->lanes_n; i++) {
        const struct silt_tp *tp = silt_lane_tp(worker->lanes[i]);
        if (!tp->topic_id[0] || (n && strcmp(topics[n - 1].topic, tp->topic) == 0)) continue;
        topics[n++] = *tp;
    }
    worker->collector =
        silt_collector_new(&(struct silt_collector_opts){.store = worker->context.store,
                                                         .inbox = worker->context.store_inbox,
                                                         .on_done = on_collected,
                                                         .ctx = worker});
    silt_collector_run(worker->collector, topics, n);
    silt_free(topics);
}

static void take_reject_ratio(struct silt_worker *worker)
{
    worker->opts.max_reject_ratio = atomic_load(&worker->reject_ratio);
    for (unsigned i = 0; i < worker->lanes_n; i++)
        silt_lane_set_reject_ratio(worker->lanes[i], worker->opts.max_reject_ratio);
}

/* The Kafka client does not say that it waits for a topic, or for brokers that do not know the
 * group's protocol. */
static void watch_emptiness(struct silt_worker *worker, int64_t now_ms)
{
    if (worker->lanes_n) {
        worker->empty_since_ms = 0;
        worker->empty_told = false;
        return;
    }
    if (!worker->empty_since_ms) worker->empty_since_ms = now_ms;
    if (worker->empty_told || now_ms - worker->empty_since_ms < EMPTY_MS) return;
    worker->empty_told = true;
    SILT_LOG(WARN, "no_partitions",
             worker->joined ? "for a minute this worker has had no partition"
                            : "for a minute the consumer group has not given this worker anything",
             SILT_F_STR("hint",
                        "more workers than partitions, a topic that is not there, or brokers "
                        "that do not know kafka.group_protocol; silt doctor looks"));
}

/* ---- stretches ---- */

static void fail_halted(struct silt_worker *worker)
{
    for (unsigned i = 0; i < worker->lanes_n && !worker->failed; i++) {
        const char *why = silt_lane_halted_why(worker->lanes[i]);
        const struct silt_cpart *part = silt_lane_part(worker->lanes[i]);
        if (!why) continue;
        worker->failed = true;
        (void)silt_err_set(&worker->failure, SILT_E_INVALID, __FILE__, __LINE__, "%s [%d]: %s",
                           part->topic, part->partition, why);
    }
}

static void watch_stretches(struct silt_worker *worker)
{
    int64_t progress = 0;
    bool done = worker->lanes_n > 0;
    if (!worker->opts.stretches_n) return;
    for (unsigned i = 0; i < worker->lanes_n; i++) {
        progress += silt_lane_progress(worker->lanes[i]);
        done = done && silt_lane_is_done(worker->lanes[i]);
    }
    atomic_store(&worker->progress, progress);
    if (!done) return;
    if (!worker->collected_last && !worker->collector) {
        worker->collected_last = true;
        collect(worker);
        return;
    }
    worker->stretches_done = worker->collected_last && !worker->collector;
    if (worker->stretches_done) fail_halted(worker);
}

void silt_worker_upkeep(struct silt_worker *worker, int64_t now_ms)
{
    take_reject_ratio(worker);
    for (unsigned i = 0; i < worker->lanes_n; i++) silt_lane_tick(worker->lanes[i], now_ms);
    watch_emptiness(worker, now_ms);
    watch_stretches(worker);
    silt_worker_watch_memory(worker);
    silt_dead_letters_tick(worker->context.letters, now_ms);
    if (worker->context.observer) {
        silt_observer_heartbeat(worker->context.observer);
        report_ready(worker);
    }
    if (now_ms >= worker->next_lag_ms) {
        worker->next_lag_ms = now_ms + worker->opts.lag_interval_ms;
        silt_worker_report(worker, now_ms);
        if (worker->lanes_n) ask_offsets(worker);
    }
    if (now_ms >= worker->next_topics_ms) {
        worker->next_topics_ms = now_ms + TOPICS_INTERVAL_MS;
        ask_topics(worker);
    }
    confirm_topics(worker, now_ms);
    if (now_ms >= worker->next_gc_ms) {
        bool begun = worker->next_gc_ms > 0;
        worker->next_gc_ms = now_ms + worker->opts.gc_interval_ms;
        if (begun && !worker->collector && !worker->stopping) collect(worker);
    }
}
