#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "pipeline/lane_int.h"
#include "pipeline/repairer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define START_MS 100 /* by then librdkafka has begun with a new part and can seek */
#define MIN_COMMIT_BYTES ((int64_t)1 << 20)

static const char *const state_names[] = {
    [SILT_LANE_NAMED] = "named",   [SILT_LANE_RECOVER] = "recover", [SILT_LANE_BOUNDS] = "bounds",
    [SILT_LANE_MEND] = "mend",     [SILT_LANE_RUN] = "run",         [SILT_LANE_LEAVING] = "leaving",
    [SILT_LANE_HALTED] = "halted",
};

const char *silt_lane_state_name(enum silt_lane_state state)
{
    return state_names[state];
}

void silt_lane_set_state(struct silt_lane *lane, enum silt_lane_state state, const char *why)
{
    if (lane->state == state) return;
    SILT_LOG(DEBUG, "lane_state", why, SILT_F_STR("topic", lane->part->topic),
             SILT_F_INT("partition", lane->part->partition),
             SILT_F_STR("from", state_names[lane->state]), SILT_F_STR("to", state_names[state]));
    lane->state = state;
}

/* ---- pausing and seeking ---- */

void silt_lane_pause(struct silt_lane *lane, enum silt_pause why, bool pause)
{
    unsigned before = lane->pauses;
    lane->pauses = pause ? before | (unsigned)why : before & ~(unsigned)why;
    if (lane->assigned && !before != !lane->pauses)
        silt_consumer_pause(lane->context->consumer, lane->part, lane->pauses != 0);
}

void silt_lane_start_position(struct silt_lane *lane, int64_t offset)
{
    silt_position_start(&lane->pos, offset);
    lane->pos.epoch = lane->part->epoch;
}

/* The leader epoch of what lies before an offset: with it Kafka can tell whether its log still
 * holds that, or was truncated and grew anew. A record that was seen there tells more than the one
 * before it, which may lie behind a hole and a change of leaders. -1: unknown. */
static int32_t epoch_before(const struct silt_lane *lane, int64_t offset)
{
    if (lane->back_offset == offset) return lane->back_epoch;
    struct silt_fill *const fills[] = {lane->filling, lane->sealing};
    for (unsigned i = 0; i < 2; i++) {
        const struct silt_window *window = fills[i] ? silt_fill_window(fills[i]) : NULL;
        if (window && window->next == offset && window->epoch_last >= 0) return window->epoch_last;
    }
    const struct silt_manifest *tail = lane->chain ? silt_chain_tail(lane->chain) : NULL;
    return tail && tail->next == offset ? tail->leader_epoch[1] : -1;
}

void silt_lane_seek_later(struct silt_lane *lane, int64_t wait_ms)
{
    lane->seek_at_ms = silt_mono_ms() + wait_ms;
}

void silt_lane_try_seek(struct silt_lane *lane, int64_t offset, int32_t epoch)
{
    struct silt_err err;
    if (silt_ok(silt_consumer_seek(lane->context->consumer, lane->part, offset, epoch, &err)))
        return;
    SILT_LOG(WARN, "seek_failed", err.text, SILT_F_STR("topic", lane->part->topic),
             SILT_F_INT("partition", lane->part->partition), SILT_F_INT("offset", offset),
             SILT_F_STR("action", "again in 1 s"));
    silt_lane_seek_later(lane, 1000);
}

void silt_lane_seek(struct silt_lane *lane, int64_t offset)
{
    lane->seek_at_ms = 0;
    silt_lane_try_seek(lane, offset, epoch_before(lane, offset));
    silt_lane_start_position(lane,
                             offset); /* also after a failure: what is fetched now must not count */
    if (lane->pauses) silt_consumer_pause(lane->context->consumer, lane->part, true);
}

/* ---- operators ---- */

void silt_lane_track(const struct silt_lane *lane, enum silt_stage stage,
                     enum silt_failure_type type, int64_t offset, const char *message,
                     const char *action)
{
    silt_context_failure(lane->context, &(struct silt_failure){.stage = stage,
                                                               .type = type,
                                                               .topic = lane->part->topic,
                                                               .partition = lane->part->partition,
                                                               .offset = offset,
                                                               .message = message,
                                                               .action = action});
}

void silt_lane_drop_filling(struct silt_lane *lane)
{
    silt_fill_release(lane->filling, true); /* no PUT of its slot was ever sent (R5a) */
    lane->filling = NULL;
    lane->must_close = SILT_CLOSE_NONE;
}

/* What is being filled would only keep memory from the partitions that go on. */
void silt_lane_halt(struct silt_lane *lane, const char *why)
{
    snprintf(lane->halted_why, sizeof lane->halted_why, "%s", why);
    silt_lane_drop_filling(lane);
    SILT_LOG(ERROR, "partition_halted", why, SILT_F_STR("topic", lane->part->topic),
             SILT_F_INT("partition", lane->part->partition),
             SILT_F_STR("action", "this partition waits for an operator; the others go on"),
             SILT_F_STR("hint", "run silt verify on the archive and see docs/operations.md"));
    silt_lane_track(lane, SILT_STAGE_ARCHIVE_COMMIT, SILT_FAIL_UNKNOWN_ERROR, lane->pos.expected,
                    why, "partition halted");
    silt_lane_set_state(lane, SILT_LANE_HALTED, why);
    silt_lane_pause(lane, SILT_PAUSE_HALT, true);
}

/* ---- windows ---- */

static int64_t next_seq(const struct silt_lane *lane)
{
    bool ahead = lane->sealing && !lane->committed && !silt_chain_is_committing(lane->chain);
    return silt_chain_next_seq(lane->chain) + (ahead ? 1 : 0);
}

/* The window being filled, begun when there is none: at the end of the one before it (R1). */
struct silt_fill *silt_lane_filling(struct silt_lane *lane, int64_t start)
{
    if (!lane->filling)
        lane->filling = silt_fill_new(lane->context, &lane->tp, next_seq(lane), start,
                                      &silt_lane_fill_events, lane);
    return lane->filling;
}

void silt_lane_release_fills(struct silt_lane *lane, bool abort_sealing)
{
    silt_fill_release(lane->sealing, abort_sealing && !lane->committed);
    lane->sealing = NULL;
    silt_lane_drop_filling(lane);
    lane->committed = false;
    lane->oldest_ts[0] = lane->oldest_ts[1] = 0;
    lane->id_awaited = false;
}

static void count_close(const struct silt_lane *lane, enum silt_close_reason reason)
{
    static const enum silt_gauge counters[] = {
        [SILT_CLOSE_BYTES] = SILT_GAUGE_CLOSED_BYTES,
        [SILT_CLOSE_RECORDS] = SILT_GAUGE_CLOSED_RECORDS,
        [SILT_CLOSE_AGE] = SILT_GAUGE_CLOSED_AGE,
        [SILT_CLOSE_FILES] = SILT_GAUGE_CLOSED_FILES,
        [SILT_CLOSE_HOLES] = SILT_GAUGE_CLOSED_HOLES,
        [SILT_CLOSE_MEMORY] = SILT_GAUGE_CLOSED_MEMORY,
        [SILT_CLOSE_REVOKE] = SILT_GAUGE_CLOSED_REVOKE,
        [SILT_CLOSE_STOP] = SILT_GAUGE_CLOSED_STOP,
    };
    SILT_ASSERT(reason != SILT_CLOSE_NONE);
    silt_metrics_add(lane->context->metrics, counters[reason], 1);
}

void silt_lane_close_filling(struct silt_lane *lane, enum silt_close_reason reason)
{
    SILT_ASSERT(!lane->sealing);
    struct silt_fill *fill = lane->filling;
    lane->sealing = fill;
    lane->filling = NULL;
    lane->oldest_ts[1] = lane->oldest_ts[0];
    lane->oldest_ts[0] = 0;
    lane->must_close = SILT_CLOSE_NONE;
    lane->cut = silt_fill_window(fill)->next;
    count_close(lane, reason);
    SILT_LOG(DEBUG, "window_closed", silt_close_reason_name(reason),
             SILT_F_STR("topic", lane->tp.topic), SILT_F_INT("partition", lane->tp.partition),
             SILT_F_INT("start", silt_fill_window(fill)->start), SILT_F_INT("next", lane->cut));
    silt_fill_close(fill, reason);
}

void silt_lane_close_or_wait(struct silt_lane *lane, enum silt_close_reason reason)
{
    if (!lane->sealing) {
        silt_lane_close_filling(lane, reason);
        return;
    }
    lane->must_close = reason;
    silt_lane_pause(lane, SILT_PAUSE_BUSY, true);
}

void silt_lane_check_close(struct silt_lane *lane, int64_t now_ms)
{
    if (!lane->filling || lane->must_close) return;
    enum silt_close_reason reason =
        silt_window_should_close(silt_fill_window(lane->filling), now_ms);
    if (reason != SILT_CLOSE_NONE) silt_lane_close_or_wait(lane, reason);
}

/* ---- time ---- */

/* @return true once when the time has come. */
static bool is_due(int64_t *at_ms, int64_t now_ms)
{
    if (!*at_ms || now_ms < *at_ms) return false;
    *at_ms = 0;
    return true;
}

void silt_lane_tick(struct silt_lane *lane, int64_t now_ms)
{
    if (is_due(&lane->seek_at_ms, now_ms) && lane->state == SILT_LANE_RUN && lane->assigned)
        silt_lane_seek(lane, lane->pos.expected);
    if (is_due(&lane->ask_at_ms, now_ms)) silt_lane_ask_bounds(lane);
    if (is_due(&lane->schema_retry_ms, now_ms)) silt_lane_pause(lane, SILT_PAUSE_SCHEMA, false);
    if (lane->state == SILT_LANE_RUN) silt_lane_check_close(lane, now_ms);
    silt_drain_sample(&lane->drain, now_ms, lane->durable);
}

/* ---- rebalance ---- */

/* Only a seek compares epochs: an archive that knows its last one is not started from in the
 * assignment itself. */
bool silt_lane_start_known(const struct silt_lane *lane, int64_t *ret_offset, int32_t *ret_epoch)
{
    *ret_epoch = epoch_before(lane, lane->start_offset);
    *ret_offset = lane->start_known && *ret_epoch < 0 ? lane->start_offset : -1;
    return lane->start_known || lane->state == SILT_LANE_HALTED;
}

void silt_lane_assigned(struct silt_lane *lane, bool started)
{
    lane->assigned = true;
    if (started || lane->start_known) silt_lane_start_position(lane, lane->start_offset);
    if (!started && lane->start_known) silt_lane_seek_later(lane, START_MS);
    if (lane->pauses) silt_consumer_pause(lane->context->consumer, lane->part, true);
}

static bool is_worth_committing(const struct silt_lane *lane, bool everything)
{
    const struct silt_window *window = silt_fill_window(lane->filling);
    if (silt_window_is_empty(window)) return false;
    int64_t age = silt_mono_ms() - window->opened_ms;
    return everything || window->bytes >= MIN_COMMIT_BYTES || age * 2 >= window->limits.age_max_ms;
}

void silt_lane_leave(struct silt_lane *lane, enum silt_close_reason reason, bool everything)
{
    bool was_running = lane->state == SILT_LANE_RUN;
    silt_lane_set_state(lane, SILT_LANE_LEAVING, silt_close_reason_name(reason));
    silt_lane_pause(lane, SILT_PAUSE_STOP, true);
    if (!lane->filling) return;
    if (was_running && is_worth_committing(lane, everything)) {
        silt_lane_close_or_wait(lane, reason);
        return;
    }
    silt_lane_drop_filling(lane);
}

void silt_lane_check_until(struct silt_lane *lane)
{
    if (lane->pos.expected < lane->until) return;
    silt_lane_pause(lane, SILT_PAUSE_END, true);
    if (lane->filling) silt_lane_close_or_wait(lane, SILT_CLOSE_STOP);
}

bool silt_lane_is_done(const struct silt_lane *lane)
{
    if (lane->state == SILT_LANE_HALTED) return true;
    return lane->state == SILT_LANE_RUN && lane->durable >= lane->until && !lane->sealing;
}

bool silt_lane_is_idle(const struct silt_lane *lane)
{
    if (lane->state != SILT_LANE_LEAVING) return lane->state == SILT_LANE_HALTED;
    if (lane->filling || lane->sealing) return false;
    return !lane->chain ||
           (silt_chain_is_rolled(lane->chain) && !silt_chain_is_committing(lane->chain));
}

int64_t silt_lane_squeezable(const struct silt_lane *lane)
{
    bool may = lane->state == SILT_LANE_RUN && lane->filling && !lane->sealing && !lane->must_close;
    return may ? silt_fill_memory(lane->filling) : 0;
}

int64_t silt_lane_sealing_memory(const struct silt_lane *lane)
{
    return lane->sealing ? silt_fill_memory(lane->sealing) : 0;
}

void silt_lane_squeeze(struct silt_lane *lane)
{
    silt_lane_close_filling(lane, SILT_CLOSE_MEMORY);
}

/* ---- life ---- */

static void find_stretch(struct silt_lane *lane)
{
    const struct silt_worker_opts *opts = lane->context->opts;
    lane->from = -1;
    lane->until = INT64_MAX;
    for (unsigned i = 0; i < opts->stretches_n; i++) {
        const struct silt_stretch *stretch = &opts->stretches[i];
        if (stretch->partition != lane->part->partition) continue;
        if (strcmp(stretch->topic, lane->part->topic) != 0) continue;
        lane->from = stretch->from;
        lane->until = stretch->until;
    }
}

struct silt_lane *silt_lane_new(struct silt_context *context, struct silt_cpart *part)
{
    struct silt_lane *lane = SILT_NEW(struct silt_lane);
    lane->context = context;
    lane->part = part;
    snprintf(lane->tp.topic, sizeof lane->tp.topic, "%s", part->topic);
    lane->tp.partition = part->partition;
    lane->back_offset = lane->strange_offset = -1;
    find_stretch(lane);
    silt_lane_forget_truncation(lane);
    lane->log_start = lane->end = lane->high = lane->durable = lane->cut = lane->staged = -1;
    lane->pos.expected = -1;
    silt_drain_init(&lane->drain);
    return lane;
}

void silt_lane_free(struct silt_lane *lane)
{
    if (!lane) return;
    bool may_abort = !lane->chain || !silt_chain_put_sent(lane->chain);
    silt_lane_release_fills(lane, may_abort);
    silt_repairer_forget(lane->context, lane);
    silt_chain_release(lane->chain);
    silt_free(lane);
}

/* ---- questions ---- */

enum silt_lane_state silt_lane_state(const struct silt_lane *lane)
{
    return lane->state;
}

const struct silt_cpart *silt_lane_part(const struct silt_lane *lane)
{
    return lane->part;
}

const struct silt_tp *silt_lane_tp(const struct silt_lane *lane)
{
    return &lane->tp;
}

const char *silt_lane_halted_why(const struct silt_lane *lane)
{
    return lane->state == SILT_LANE_HALTED ? lane->halted_why : NULL;
}

bool silt_lane_is_paused(const struct silt_lane *lane)
{
    return lane->pauses != 0;
}

int64_t silt_lane_progress(const struct silt_lane *lane)
{
    int64_t durable = lane->durable < lane->until ? lane->durable : lane->until;
    return durable > lane->from ? durable - lane->from : 0;
}

int64_t silt_lane_pending_since_ms(const struct silt_lane *lane)
{
    return lane->pending_since_ms;
}

static const char *state_text(const struct silt_lane *lane)
{
    if (lane->state != SILT_LANE_RUN) return state_names[lane->state];
    if (lane->pauses & SILT_PAUSE_MEMORY) return "paused:memory";
    if (lane->pauses & SILT_PAUSE_SCHEMA) return "paused:schema";
    if (lane->pauses & SILT_PAUSE_BUSY) return "paused:busy";
    if (lane->pauses) return "paused";
    return lane->sealing ? "commit" : "fill";
}

void silt_lane_lag(const struct silt_lane *lane, int64_t wall_ms, struct silt_lag *ret_lag)
{
    *ret_lag =
        (struct silt_lag){.tp = lane->tp,
                          .log_start = lane->log_start,
                          .durable = lane->durable,
                          .position = lane->pos.expected == INT64_MAX ? -1 : lane->pos.expected,
                          .cut = lane->cut,
                          .staged = lane->staged,
                          .high = lane->high,
                          .state = state_text(lane)};
    int64_t oldest = lane->oldest_ts[1] ? lane->oldest_ts[1] : lane->oldest_ts[0];
    silt_lag_derive(ret_lag, &lane->drain, oldest, wall_ms);
}
