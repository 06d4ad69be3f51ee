/* What the fills and the chain tell a lane: a window is staged, its slot is won, lost, durable. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "pipeline/lane_int.h"
#include "pipeline/repairer.h"

#include <inttypes.h>
#include <stdio.h>

static void on_ready(void *ctx, const struct silt_manifest *tail)
{
    struct silt_lane *lane = ctx;
    if (lane->state == SILT_LANE_LEAVING) return;
    lane->durable = tail && silt_chain_is_rolled(lane->chain) ? tail->next : lane->durable;
    if (tail) lane->hint_seq = tail->seq;
    /* of what others archived behind that place nothing was told */
    if (tail && tail->next > lane->diverged_from) silt_lane_forget_truncation(lane);
    silt_lane_set_state(lane, SILT_LANE_BOUNDS, "tail known");
    silt_lane_ask_bounds(lane);
}

static void on_staged(void *ctx, struct silt_fill *fill)
{
    struct silt_lane *lane = ctx;
    SILT_ASSERT(fill == lane->sealing);
    lane->staged = silt_fill_window(fill)->next;
    silt_lane_commit_staged(lane);
}

static void begin_again(struct silt_lane *lane, const char *why, bool abort_sealing)
{
    SILT_LOG(WARN, "window_dropped", why, SILT_F_STR("topic", lane->tp.topic),
             SILT_F_INT("partition", lane->tp.partition),
             SILT_F_STR("action", "the records are read from Kafka again"));
    silt_lane_release_fills(lane, abort_sealing);
    if (lane->state != SILT_LANE_LEAVING && lane->state != SILT_LANE_HALTED)
        silt_lane_recover(lane, why);
}

static void on_spoiled(void *ctx, struct silt_fill *fill)
{
    (void)fill;
    struct silt_lane *lane = ctx;
    if (!silt_chain_is_committing(lane->chain)) {
        begin_again(lane, "a staged upload expired at the store", true);
        return;
    }
    silt_lane_drop_filling(lane); /* the one before it is being committed: start behind it */
    lane->restart = true;
    silt_lane_pause(lane, SILT_PAUSE_MEND, true);
}

const struct silt_fill_events silt_lane_fill_events = {.on_staged = on_staged,
                                                       .on_spoiled = on_spoiled};

static void on_won(void *ctx, const struct silt_manifest *slot)
{
    struct silt_lane *lane = ctx;
    silt_metrics_add(lane->context->metrics, SILT_GAUGE_SLOTS_COMMITTED, 1);
    lane->hint_seq = slot->seq;
    lane->committed = lane->sealing != NULL;
    if (lane->sealing) silt_fill_send_letters(lane->sealing);
    lane->pending_since_ms = silt_mono_ms();
}

static void tell_slot(struct silt_lane *lane, const struct silt_manifest *slot)
{
    if (!lane->context->observer) return;
    struct silt_slot_file_row *files = silt_calloc(slot->files_n, sizeof *files);
    for (unsigned i = 0; i < slot->files_n; i++) {
        const struct silt_manifest_file *file = &slot->files[i];
        files[i] = (struct silt_slot_file_row){.key = file->key,
                                               .role = silt_role_name(file->role),
                                               .codec = file->codec,
                                               .size = file->size,
                                               .records = file->records,
                                               .first = file->first,
                                               .last = file->last,
                                               .schema_id = file->schema_id};
    }
    int64_t delay = slot->ts[1] > 0 ? silt_wall_ms() - slot->ts[1] : 0;
    silt_observer_slot(lane->context->observer,
                       &(struct silt_slot_row){
                           .tp = slot->tp,
                           .seq = slot->seq,
                           .kind = silt_slot_kind_name(slot->kind),
                           .start = slot->start,
                           .next = slot->next,
                           .records = slot->records,
                           .tombstones = slot->tombstones,
                           .rejected = slot->rejected,
                           .holes = silt_offsets_sum(slot->holes, slot->holes_n),
                           .unreadable = silt_offsets_sum(slot->unreadable, slot->unreadable_n),
                           .ts_min = slot->ts[0],
                           .ts_max = slot->ts[1],
                           .delay_ms = delay > 0 ? delay : 0,
                           .uuid = slot->uuid,
                           .files = files,
                           .files_n = slot->files_n});
    silt_free(files);
}

static void count_slot(struct silt_lane *lane, const struct silt_manifest *slot)
{
    struct silt_metrics *m = lane->context->metrics;
    silt_metrics_success(m, SILT_STAGE_ARCHIVE_COMMIT, 1);
    silt_metrics_add(m, SILT_GAUGE_RECORDS_ARCHIVED, slot->records);
    silt_metrics_add(m, SILT_GAUGE_RECORDS_REJECTED, slot->rejected);
    silt_metrics_add(m, SILT_GAUGE_RECORDS_HOLES, silt_offsets_sum(slot->holes, slot->holes_n));
    if (lane->sealing)
        silt_metrics_latency(m, SILT_STAGE_ARCHIVE_COMMIT,
                             (silt_mono_ms() - silt_fill_closed_ms(lane->sealing)) * 1000);
}

static void commit_hint(struct silt_lane *lane, const struct silt_manifest *slot)
{
    char metadata[64];
    if (!lane->assigned) return;
    snprintf(metadata, sizeof metadata, "a1:%" PRId64 ":%.12s", slot->seq,
             silt_chain_tail_sha256(lane->chain));
    silt_consumer_commit(lane->context->consumer, lane->part, slot->next, slot->leader_epoch[1],
                         metadata);
}

/* The slot in work is done: the window behind it may be closed, and fetching goes on. */
static void after_slot(struct silt_lane *lane)
{
    silt_fill_release(lane->sealing, false);
    lane->sealing = NULL;
    lane->committed = false;
    lane->oldest_ts[1] = 0;
    if (lane->filling && lane->must_close) silt_lane_close_filling(lane, lane->must_close);
    if (lane->state == SILT_LANE_LEAVING) return;
    silt_lane_pause(lane, SILT_PAUSE_BUSY, false);
    if (lane->restart && !lane->filling && !lane->sealing)
        silt_lane_recover(lane, "reading the bounds again");
}

static void on_durable(void *ctx, const struct silt_manifest *slot, bool own)
{
    struct silt_lane *lane = ctx;
    lane->durable = slot->next;
    lane->pending_since_ms = 0;
    if (own) count_slot(lane, slot);
    tell_slot(lane, slot);
    commit_hint(lane, slot);
    if (own && lane->state == SILT_LANE_MEND) {
        silt_lane_set_state(lane, SILT_LANE_BOUNDS, "slot written");
        silt_lane_ask_bounds(lane);
        return;
    }
    if (own) after_slot(lane);
}

static void on_lost(void *ctx, int64_t seq)
{
    struct silt_lane *lane = ctx;
    silt_metrics_add(lane->context->metrics, SILT_GAUGE_SLOTS_LOST, 1);
    silt_lane_track(lane, SILT_STAGE_ARCHIVE_COMMIT, SILT_FAIL_CONFLICT, lane->durable,
                    "another worker committed this slot", "its window is kept, ours is dropped");
    lane->hint_seq = seq;
    begin_again(lane, "another worker committed this slot", true);
}

static void on_abandon(void *ctx, int64_t seq)
{
    struct silt_lane *lane = ctx;
    lane->hint_seq = seq > 0 ? seq - 1 : 0;
    begin_again(lane, "the staged uploads became too old to be committed safely", true);
}

static void on_chain_halt(void *ctx, const char *why)
{
    silt_lane_halt(ctx, why);
}

static void on_page(void *ctx, const char *what, const char *text)
{
    const struct silt_lane *lane = ctx;
    SILT_LOG(ERROR, what, text, SILT_F_STR("topic", lane->tp.topic),
             SILT_F_INT("partition", lane->tp.partition), SILT_F_STR("action", "tried again"));
    silt_lane_track(lane, SILT_STAGE_ARCHIVE_COMMIT, SILT_FAIL_UNKNOWN_ERROR, lane->durable, text,
                    "tried again");
}

static void on_repaired(void *ctx, unsigned file)
{
    struct silt_lane *lane = ctx;
    silt_chain_look_again(lane->chain, file);
}

static void on_missing(void *ctx, const struct silt_manifest *slot, unsigned file, unsigned k)
{
    struct silt_lane *lane = ctx;
    SILT_LOG(ERROR, "file_missing", "a committed file is gone; it is made again from Kafka",
             SILT_F_STR("topic", lane->tp.topic), SILT_F_INT("partition", lane->tp.partition),
             SILT_F_INT("seq", slot->seq), SILT_F_STR("key", slot->files[file].key));
    silt_repairer_ask(lane->context, slot, file, k, on_repaired, lane);
}

const struct silt_chain_events silt_lane_chain_events = {
    .on_ready = on_ready,
    .on_won = on_won,
    .on_durable = on_durable,
    .on_lost = on_lost,
    .on_abandon = on_abandon,
    .on_halt = on_chain_halt,
    .on_missing = on_missing,
    .on_page = on_page,
};
