#include "pipeline/lane.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "commit/chain.h"
#include "commit/start.h"
#include "decode/breaker.h"
#include "pipeline/fill.h"
#include "pipeline/lag.h"
#include "pipeline/repairer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_RETRIES 5
#define START_MS 100        /* by then librdkafka has begun with a new part and can seek */
#define END_CONFIRMATIONS 3 /* a log end below our tail is asked again before it is believed */
#define MIN_COMMIT_BYTES ((int64_t)1 << 20)
#define TOPIC_RETRY_MS 2000
/* Its id is asked once a minute. Nobody deletes a topic, makes it again, fills it beyond where the
 * old one ended and deletes it again within two. */
#define GONE_MS 120000
#define LATENCY_SAMPLE 64 /* every how many records validation is timed */

struct silt_lane {
    struct silt_context *context;
    struct silt_cpart *part;
    struct silt_tp tp;
    enum silt_lane_state state;
    enum silt_close_reason leaving;
    unsigned pauses; /* enum silt_pause bits */
    bool assigned;   /* the consumer knows it */

    /* before the start */
    bool hint_known;
    int64_t hint_seq;
    bool bounds_wanted;
    int64_t bounds_asked_ms; /* monotonic: an older answer may be of an earlier incarnation */
    unsigned end_doubts;
    int64_t doubted_ms; /* monotonic: since when the log's end is below our tail; 0: it is not */
    int64_t id_asked_ms;
    int64_t id_known_ms; /* monotonic: when the question was asked that confirmed the topic's id */
    bool id_awaited;     /* the sealing window is staged and waits for that */
    int64_t diverged_at; /* -1 */
    bool truncated;      /* Kafka said so; until a lineage slot is written */
    bool asked_where;    /* fetching at our tail shall tell where; until it was told */
    bool start_known;
    int64_t start_offset;

    struct silt_chain *chain;
    struct silt_position pos;
    struct silt_fill *filling;
    struct silt_fill *sealing;
    bool committed; /* the sealing window's slot is won: its uploads are the archive's (R5) */
    enum silt_close_reason must_close; /* the filling window, as soon as the other is done */
    bool restart;                      /* ask for the bounds again once nothing is in work */
    int64_t seek_at_ms;                /* monotonic; 0: none wanted */
    int64_t ask_at_ms;                 /* the same for the bounds */
    int64_t schema_retry_ms;
    uint32_t sampled;
    struct silt_breaker breaker;
    char halted_why[160];

    /* for the lag */
    int64_t log_start;
    int64_t end;
    int64_t high;
    int64_t durable;
    int64_t cut;
    int64_t staged;
    int64_t oldest_ts[2]; /* of the filling and the sealing window; 0 none */
    int64_t pending_since_ms;
    struct silt_drain drain;
};

static const char *const state_names[] = {
    [SILT_LANE_NAMED] = "named",   [SILT_LANE_RECOVER] = "recover", [SILT_LANE_BOUNDS] = "bounds",
    [SILT_LANE_MEND] = "mend",     [SILT_LANE_RUN] = "run",         [SILT_LANE_LEAVING] = "leaving",
    [SILT_LANE_HALTED] = "halted",
};

const char *silt_lane_state_name(enum silt_lane_state state)
{
    return state_names[state];
}

static void set_state(struct silt_lane *lane, enum silt_lane_state state, const char *why)
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

static void start_position(struct silt_lane *lane, int64_t offset)
{
    silt_position_start(&lane->pos, offset);
    lane->pos.epoch = lane->part->epoch;
}

/* The leader epoch of what lies before an offset: with it Kafka can tell whether its log still
 * holds that, or was truncated and grew anew. -1: unknown. */
static int32_t epoch_before(const struct silt_lane *lane, int64_t offset)
{
    struct silt_fill *const fills[] = {lane->filling, lane->sealing};
    for (unsigned i = 0; i < 2; i++) {
        const struct silt_window *window = fills[i] ? silt_fill_window(fills[i]) : NULL;
        if (window && window->next == offset && window->epoch_last >= 0) return window->epoch_last;
    }
    const struct silt_manifest *tail = lane->chain ? silt_chain_tail(lane->chain) : NULL;
    return tail && tail->next == offset ? tail->leader_epoch[1] : -1;
}

static void seek(struct silt_lane *lane, int64_t offset)
{
    struct silt_err err;
    int32_t epoch = epoch_before(lane, offset);
    lane->seek_at_ms = 0;
    if (!silt_ok(silt_consumer_seek(lane->context->consumer, lane->part, offset, epoch, &err))) {
        SILT_LOG(WARN, "seek_failed", err.text, SILT_F_STR("topic", lane->part->topic),
                 SILT_F_INT("partition", lane->part->partition), SILT_F_INT("offset", offset),
                 SILT_F_STR("action", "again in 1 s"));
        lane->seek_at_ms = silt_mono_ms() + 1000;
    }
    start_position(lane, offset); /* also after a failure: what is fetched now must not count */
    if (lane->pauses) silt_consumer_pause(lane->context->consumer, lane->part, true);
}

/* To where the lane is by then: records may go on coming meanwhile. */
static void seek_later(struct silt_lane *lane, int64_t wait_ms)
{
    lane->seek_at_ms = silt_mono_ms() + wait_ms;
}

/* ---- operators ---- */

static void track(const struct silt_lane *lane, enum silt_stage stage, enum silt_failure_type type,
                  int64_t offset, const char *message, const char *action)
{
    silt_context_failure(lane->context, &(struct silt_failure){.stage = stage,
                                                               .type = type,
                                                               .topic = lane->part->topic,
                                                               .partition = lane->part->partition,
                                                               .offset = offset,
                                                               .message = message,
                                                               .action = action});
}

static void drop_filling(struct silt_lane *lane)
{
    silt_fill_release(lane->filling, true); /* no PUT of its slot was ever sent (R5a) */
    lane->filling = NULL;
    lane->must_close = SILT_CLOSE_NONE;
}

/* What is being filled would only keep memory from the partitions that go on. */
static void halt(struct silt_lane *lane, const char *why)
{
    snprintf(lane->halted_why, sizeof lane->halted_why, "%s", why);
    drop_filling(lane);
    SILT_LOG(ERROR, "partition_halted", why, SILT_F_STR("topic", lane->part->topic),
             SILT_F_INT("partition", lane->part->partition),
             SILT_F_STR("action", "this partition waits for an operator; the others go on"),
             SILT_F_STR("hint", "run silt verify on the archive and see docs/operations.md"));
    track(lane, SILT_STAGE_ARCHIVE_COMMIT, SILT_FAIL_UNKNOWN_ERROR, lane->pos.expected, why,
          "partition halted");
    set_state(lane, SILT_LANE_HALTED, why);
    silt_lane_pause(lane, SILT_PAUSE_HALT, true);
}

/* ---- windows ---- */

static const struct silt_fill_events fill_events;

static int64_t next_seq(const struct silt_lane *lane)
{
    bool ahead = lane->sealing && !lane->committed && !silt_chain_is_committing(lane->chain);
    return silt_chain_next_seq(lane->chain) + (ahead ? 1 : 0);
}

/* The window being filled, begun when there is none: at the end of the one before it (R1). */
static struct silt_fill *filling(struct silt_lane *lane, int64_t start)
{
    if (!lane->filling)
        lane->filling =
            silt_fill_new(lane->context, &lane->tp, next_seq(lane), start, &fill_events, lane);
    return lane->filling;
}

static void release_fills(struct silt_lane *lane, bool abort_sealing)
{
    silt_fill_release(lane->sealing, abort_sealing && !lane->committed);
    lane->sealing = NULL;
    drop_filling(lane);
    lane->committed = false;
    lane->oldest_ts[0] = lane->oldest_ts[1] = 0;
    lane->id_awaited = false;
}

static void close_filling(struct silt_lane *lane, enum silt_close_reason reason)
{
    SILT_ASSERT(!lane->sealing);
    struct silt_fill *fill = lane->filling;
    lane->sealing = fill;
    lane->filling = NULL;
    lane->oldest_ts[1] = lane->oldest_ts[0];
    lane->oldest_ts[0] = 0;
    lane->must_close = SILT_CLOSE_NONE;
    lane->cut = silt_fill_window(fill)->next;
    SILT_LOG(DEBUG, "window_closed", silt_close_reason_name(reason),
             SILT_F_STR("topic", lane->tp.topic), SILT_F_INT("partition", lane->tp.partition),
             SILT_F_INT("start", silt_fill_window(fill)->start), SILT_F_INT("next", lane->cut));
    silt_fill_close(fill, reason);
}

static void close_or_wait(struct silt_lane *lane, enum silt_close_reason reason)
{
    if (!lane->sealing) {
        close_filling(lane, reason);
        return;
    }
    lane->must_close = reason;
    silt_lane_pause(lane, SILT_PAUSE_BUSY, true);
}

static void check_close(struct silt_lane *lane, int64_t now_ms)
{
    if (!lane->filling || lane->must_close) return;
    enum silt_close_reason reason =
        silt_window_should_close(silt_fill_window(lane->filling), now_ms);
    if (reason != SILT_CLOSE_NONE) close_or_wait(lane, reason);
}

/* ---- recovering ---- */

static void ask_bounds(struct silt_lane *lane)
{
    const char *topic = lane->part->topic;
    lane->bounds_wanted = true;
    lane->bounds_asked_ms = silt_mono_ms();
    silt_consumer_ask_offsets(lane->context->consumer, &topic, &lane->part->partition, 1);
}

static void recover(struct silt_lane *lane, const char *why)
{
    set_state(lane, SILT_LANE_RECOVER, why);
    lane->start_known = false;
    lane->restart = false;
    if (lane->assigned) start_position(lane, INT64_MAX); /* nothing fetched so far counts */
    silt_lane_pause(lane, SILT_PAUSE_MEND, true);
    silt_lane_pause(lane, SILT_PAUSE_BUSY, false); /* no window is in work any more */
    silt_chain_recover(lane->chain, lane->hint_seq);
}

static const struct silt_chain_events chain_events;

static void begin_chain(struct silt_lane *lane)
{
    if (lane->chain || !lane->tp.topic_id[0] || !lane->hint_known) return;
    if (lane->state == SILT_LANE_LEAVING) return;
    lane->chain =
        silt_chain_new(&(struct silt_chain_opts){.store = lane->context->store,
                                                 .inbox = lane->context->store_inbox,
                                                 .timers = &lane->context->timers,
                                                 .limits = lane->context->opts->slot_limits,
                                                 .events = &chain_events,
                                                 .ctx = lane},
                       &lane->tp);
    recover(lane, "topic known");
}

/* The topic was deleted and made again: another log, another chain. What is in hand belongs to the
 * old one, which ends where it is. */
static void topic_changed(struct silt_lane *lane)
{
    SILT_LOG(WARN, "topic_recreated", "the topic has a new id: its archive begins anew",
             SILT_F_STR("topic", lane->tp.topic), SILT_F_INT("partition", lane->tp.partition),
             SILT_F_STR("was", lane->tp.topic_id));
    release_fills(lane, !silt_chain_put_sent(lane->chain));
    silt_repairer_forget(lane->context, lane);
    silt_chain_release(lane->chain);
    lane->chain = NULL;
    lane->hint_seq = 0;
    lane->durable = -1;
    lane->diverged_at = -1;
    lane->end_doubts = 0;
    lane->doubted_ms = 0;
    lane->truncated = lane->asked_where = false;
    silt_lane_pause(lane, SILT_PAUSE_HALT, false); /* what an operator should look at is over */
}

static void put_staged(struct silt_lane *lane)
{
    struct silt_manifest manifest;
    lane->id_awaited = false;
    silt_fill_manifest(lane->sealing, &manifest);
    silt_chain_commit(lane->chain, &manifest, silt_fill_oldest_upload_ms(lane->sealing));
}

static void commit_staged(struct silt_lane *lane)
{
    lane->id_awaited = lane->id_known_ms < silt_fill_closed_ms(lane->sealing);
    if (!lane->id_awaited) put_staged(lane);
}

static void topic_confirmed(struct silt_lane *lane, int64_t asked_ms)
{
    lane->id_known_ms = asked_ms;
    if (lane->id_awaited) commit_staged(lane);
}

/* A topic that was ours a moment ago and is gone now was not another one meanwhile: what is in hand
 * is of ours, and the archive may be the only place left for it. */
static bool has_gone(const struct silt_lane *lane, const struct silt_answer *answer)
{
    return lane->chain && !answer->ok && answer->err.code == SILT_E_NOT_FOUND &&
           silt_mono_ms() - lane->id_known_ms <= GONE_MS;
}

void silt_lane_on_topic(struct silt_lane *lane, const struct silt_answer *answer)
{
    bool outdated = lane->chain && answer->asked_ms < lane->id_known_ms;
    if (outdated) return;
    if (has_gone(lane, answer) && lane->id_awaited &&
        answer->asked_ms >= silt_fill_closed_ms(lane->sealing))
        put_staged(lane);
    if (!answer->ok) return;
    if (lane->chain && strcmp(answer->topic_id, lane->tp.topic_id) == 0) {
        topic_confirmed(lane, answer->asked_ms);
        return;
    }
    if (lane->state == SILT_LANE_LEAVING) {
        if (lane->chain && !silt_chain_is_committing(lane->chain)) release_fills(lane, true);
        return;
    }
    if (lane->chain) topic_changed(lane);
    lane->id_known_ms = answer->asked_ms;
    snprintf(lane->tp.cluster, sizeof lane->tp.cluster, "%s", answer->cluster);
    snprintf(lane->tp.topic_id, sizeof lane->tp.topic_id, "%s", answer->topic_id);
    begin_chain(lane);
}

bool silt_lane_wants_topic(const struct silt_lane *lane, int64_t now_ms)
{
    int64_t since = lane->sealing ? silt_fill_closed_ms(lane->sealing) : lane->doubted_ms;
    if (lane->id_known_ms >= since) return false;
    return lane->id_asked_ms < since || now_ms - lane->id_asked_ms >= TOPIC_RETRY_MS;
}

void silt_lane_topic_asked(struct silt_lane *lane, int64_t now_ms)
{
    lane->id_asked_ms = now_ms;
}

void silt_lane_on_committed(struct silt_lane *lane, const char *metadata)
{
    long long seq = 0;
    if (metadata && sscanf(metadata, "a1:%lld:", &seq) != 1) seq = 0;
    lane->hint_seq = seq > 0 ? seq : 0;
    lane->hint_known = true;
    begin_chain(lane);
}

static void on_ready(void *ctx, const struct silt_manifest *tail)
{
    struct silt_lane *lane = ctx;
    if (lane->state == SILT_LANE_LEAVING) return;
    lane->durable = tail && silt_chain_is_rolled(lane->chain) ? tail->next : lane->durable;
    if (tail) lane->hint_seq = tail->seq;
    set_state(lane, SILT_LANE_BOUNDS, "tail known");
    ask_bounds(lane);
}

/* The start is known: tell the consumer, now or when the rebalance is answered. */
static void run_from(struct silt_lane *lane, int64_t offset)
{
    lane->start_known = true;
    lane->start_offset = offset;
    lane->cut = lane->staged = offset;
    silt_breaker_init(&lane->breaker, lane->context->opts->max_reject_ratio);
    if (!silt_chain_tail(lane->chain)) lane->durable = offset;
    set_state(lane, SILT_LANE_RUN, "start known");
    silt_lane_pause(lane, SILT_PAUSE_MEND, false);
    if (lane->assigned) seek(lane, offset);
}

static void commit_without_files(struct silt_lane *lane, enum silt_slot_kind kind, int64_t start,
                                 int64_t next)
{
    struct silt_fill *origin =
        silt_fill_new(lane->context, &lane->tp, 0, start, &fill_events, lane);
    struct silt_manifest manifest;
    silt_fill_manifest(origin, &manifest);
    silt_fill_release(origin, false);
    manifest.kind = kind;
    manifest.next = next;
    if (kind == SILT_SLOT_LINEAGE) { /* what lies before `next` is not of a later leader */
        const struct silt_manifest *tail = silt_chain_tail(lane->chain);
        manifest.leader_epoch[0] = manifest.leader_epoch[1] = tail->leader_epoch[1];
    }
    set_state(lane, SILT_LANE_MEND, silt_slot_kind_name(kind));
    silt_chain_commit(lane->chain, &manifest, INT64_MAX);
}

static void record_gap(struct silt_lane *lane, const struct silt_start *start)
{
    char text[200];
    snprintf(text, sizeof text,
             "offsets %" PRId64 " to %" PRId64 " were deleted from Kafka before they were archived",
             start->from, start->offset - 1);
    SILT_LOG(ERROR, "gap", text, SILT_F_STR("topic", lane->tp.topic),
             SILT_F_INT("partition", lane->tp.partition),
             SILT_F_STR("action",
                        lane->context->opts->halt_on_gap ? "halted" : "recorded as a gap slot"),
             SILT_F_STR("hint",
                        "retention is shorter than the archive's lag: lengthen it or add workers"));
    track(lane, SILT_STAGE_KAFKA_CONSUME, SILT_FAIL_UNKNOWN_ERROR, start->from, text,
          "recorded as a gap");
    if (lane->context->opts->halt_on_gap)
        halt(lane, text);
    else
        commit_without_files(lane, SILT_SLOT_GAP, start->from, start->offset);
}

static void run_from(struct silt_lane *lane, int64_t offset);

static void halt_truncated(struct silt_lane *lane)
{
    halt(lane, "Kafka says its log was truncated below what the archive holds, but not where");
}

/* The log ends before the archive does, and may have grown since it was truncated: its end is not
 * where it parted from ours. The client finds out when it is to fetch behind our last record.
 * @return false when it cannot. */
static bool ask_where(struct silt_lane *lane)
{
    const struct silt_manifest *tail = silt_chain_tail(lane->chain);
    if (lane->asked_where || tail->leader_epoch[1] < 0) return false;
    lane->asked_where = true;
    run_from(lane, tail->next);
    return true;
}

static void record_lineage(struct silt_lane *lane, const struct silt_start *start)
{
    char text[200];
    if (!lane->doubted_ms) lane->doubted_ms = silt_mono_ms();
    bool is_believed = ++lane->end_doubts >= END_CONFIRMATIONS || lane->diverged_at >= 0;
    if (!is_believed || lane->id_known_ms < lane->doubted_ms) {
        lane->ask_at_ms = silt_mono_ms() + 2000; /* tick asks for the bounds again */
        return;
    }
    if (lane->diverged_at < 0 && ask_where(lane)) return;
    if (lane->diverged_at < 0 && lane->asked_where) {
        halt_truncated(lane);
        return;
    }
    snprintf(text, sizeof text,
             "the log was truncated from %" PRId64 " to %" PRId64
             ": the archive holds records that "
             "Kafka lost (unclean leader election?)",
             start->from, start->offset);
    SILT_LOG(ERROR, "lineage", text, SILT_F_STR("topic", lane->tp.topic),
             SILT_F_INT("partition", lane->tp.partition),
             SILT_F_STR("action", "a lineage slot is written; archiving goes on behind it"));
    track(lane, SILT_STAGE_KAFKA_CONSUME, SILT_FAIL_CONFLICT, start->offset, text,
          "recorded as a lineage change");
    lane->diverged_at = -1;
    lane->truncated = lane->asked_where = false;
    commit_without_files(lane, SILT_SLOT_LINEAGE, start->from, start->offset);
}

static void decide_start(struct silt_lane *lane)
{
    const struct silt_manifest *tail = silt_chain_tail(lane->chain);
    struct silt_start start = silt_start_decide(tail ? tail->next : -1, lane->log_start, lane->end,
                                                lane->diverged_at, lane->context->opts->genesis);
    switch (start.kind) {
    case SILT_START_GAP: record_gap(lane, &start); return;
    case SILT_START_LINEAGE: record_lineage(lane, &start); return;
    case SILT_START_AT: break;
    }
    if (lane->truncated && lane->diverged_at < 0) {
        halt_truncated(lane);
        return;
    }
    lane->diverged_at = -1; /* what Kafka lost is not in the archive */
    lane->truncated = lane->asked_where = false;
    lane->end_doubts = 0;
    lane->doubted_ms = 0;
    run_from(lane, start.offset);
}

void silt_lane_on_offsets(struct silt_lane *lane, const struct silt_answer *answer)
{
    if (!answer->ok) {
        if (lane->bounds_wanted) lane->ask_at_ms = silt_mono_ms() + 1000;
        return;
    }
    lane->log_start = answer->log_start;
    lane->end = answer->end;
    lane->high = answer->high_watermark >= 0 ? answer->high_watermark : answer->end;
    if (!lane->bounds_wanted || lane->state != SILT_LANE_BOUNDS) return;
    if (answer->asked_ms < lane->bounds_asked_ms) return;
    lane->bounds_wanted = false;
    decide_start(lane);
}

/* ---- what the fills and the chain tell ---- */

static void on_staged(void *ctx, struct silt_fill *fill)
{
    struct silt_lane *lane = ctx;
    SILT_ASSERT(fill == lane->sealing);
    lane->staged = silt_fill_window(fill)->next;
    commit_staged(lane);
}

static void begin_again(struct silt_lane *lane, const char *why, bool abort_sealing)
{
    SILT_LOG(WARN, "window_dropped", why, SILT_F_STR("topic", lane->tp.topic),
             SILT_F_INT("partition", lane->tp.partition),
             SILT_F_STR("action", "the records are read from Kafka again"));
    release_fills(lane, abort_sealing);
    if (lane->state != SILT_LANE_LEAVING && lane->state != SILT_LANE_HALTED) recover(lane, why);
}

static void on_spoiled(void *ctx, struct silt_fill *fill)
{
    (void)fill;
    struct silt_lane *lane = ctx;
    if (!silt_chain_is_committing(lane->chain)) {
        begin_again(lane, "a staged upload expired at the store", true);
        return;
    }
    drop_filling(lane); /* the one before it is being committed: start behind it */
    lane->restart = true;
    silt_lane_pause(lane, SILT_PAUSE_MEND, true);
}

static const struct silt_fill_events fill_events = {.on_staged = on_staged,
                                                    .on_spoiled = on_spoiled};

static void on_won(void *ctx, const struct silt_manifest *slot)
{
    struct silt_lane *lane = ctx;
    silt_metrics_add(lane->context->metrics, SILT_GAUGE_SLOTS_COMMITTED, 1);
    lane->hint_seq = slot->seq;
    lane->committed = lane->sealing != NULL;
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
    if (lane->state == SILT_LANE_LEAVING) {
        if (lane->filling && lane->must_close) close_filling(lane, lane->must_close);
        return;
    }
    if (lane->filling && lane->must_close) close_filling(lane, lane->must_close);
    silt_lane_pause(lane, SILT_PAUSE_BUSY, false);
    if (lane->restart && !lane->filling && !lane->sealing)
        recover(lane, "reading the bounds again");
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
        set_state(lane, SILT_LANE_BOUNDS, "slot written");
        ask_bounds(lane);
        return;
    }
    if (own) after_slot(lane);
}

static void on_lost(void *ctx, int64_t seq)
{
    struct silt_lane *lane = ctx;
    silt_metrics_add(lane->context->metrics, SILT_GAUGE_SLOTS_LOST, 1);
    track(lane, SILT_STAGE_ARCHIVE_COMMIT, SILT_FAIL_CONFLICT, lane->durable,
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
    halt(ctx, why);
}

static void on_page(void *ctx, const char *what, const char *text)
{
    const struct silt_lane *lane = ctx;
    SILT_LOG(ERROR, what, text, SILT_F_STR("topic", lane->tp.topic),
             SILT_F_INT("partition", lane->tp.partition), SILT_F_STR("action", "tried again"));
    track(lane, SILT_STAGE_ARCHIVE_COMMIT, SILT_FAIL_UNKNOWN_ERROR, lane->durable, text,
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

static const struct silt_chain_events chain_events = {
    .on_ready = on_ready,
    .on_won = on_won,
    .on_durable = on_durable,
    .on_lost = on_lost,
    .on_abandon = on_abandon,
    .on_halt = on_chain_halt,
    .on_missing = on_missing,
    .on_page = on_page,
};

/* ---- records ---- */

static void book_range(struct silt_lane *lane, const struct silt_position_verdict *v,
                       int64_t now_ms)
{
    struct silt_window *window = silt_fill_window(filling(lane, v->first));
    if (v->kind == SILT_POS_HOLE) {
        silt_window_hole(window, v->first, v->last, now_ms);
        return;
    }
    char text[120];
    snprintf(text, sizeof text, "offsets %" PRId64 " to %" PRId64 " cannot be read", v->first,
             v->last);
    track(lane, SILT_STAGE_KAFKA_CONSUME, SILT_FAIL_UNKNOWN_ERROR, v->first, text,
          "recorded as unreadable");
    silt_window_unreadable(window, v->first, v->last, now_ms);
}

/* The record cannot be taken now: it is fetched again when the reason is gone. */
static void put_back(struct silt_lane *lane, int64_t offset, enum silt_pause why)
{
    silt_lane_pause(lane, why, true);
    seek(lane, offset);
}

static void note_reject(struct silt_lane *lane, const struct silt_record *rec,
                        const struct silt_decoded *decoded)
{
    enum silt_reason reason = decoded->verdict.reason;
    bool schema = reason == SILT_REASON_UNKNOWN_SCHEMA || reason == SILT_REASON_BAD_SCHEMA;
    atomic_fetch_add_explicit(&lane->context->metrics->rejects[reason], 1, memory_order_relaxed);
    char sensor[64];
    char message[200];
    snprintf(sensor, sizeof sensor, "%.*s", (int)decoded->verdict.sensor_id.len,
             (const char *)decoded->verdict.sensor_id.ptr);
    snprintf(message, sizeof message, "%s: %s", silt_reason_name(reason), decoded->detail);
    silt_context_failure(
        lane->context,
        &(struct silt_failure){.stage = SILT_STAGE_AVRO_VALIDATE,
                               .type = schema ? SILT_FAIL_SCHEMA_ERROR : SILT_FAIL_VALIDATION_ERROR,
                               .sensor_id = sensor[0] ? sensor : NULL,
                               .topic = lane->part->topic,
                               .partition = rec->partition,
                               .offset = rec->offset,
                               .message = message,
                               .action = "to rejects"});
    if (lane->context->observer)
        silt_observer_reject(lane->context->observer,
                             &(struct silt_reject_note){.tp = lane->tp,
                                                        .offset = rec->offset,
                                                        .reason = silt_reason_name(reason),
                                                        .detail = decoded->detail,
                                                        .sensor_id = sensor[0] ? sensor : NULL});
}

static enum silt_decode_status decode(struct silt_lane *lane, const struct silt_record *rec,
                                      struct silt_decoded *ret)
{
    if (++lane->sampled % LATENCY_SAMPLE)
        return silt_decoder_decode(lane->context->decoder, rec, ret);
    int64_t began = silt_mono_ns();
    enum silt_decode_status status = silt_decoder_decode(lane->context->decoder, rec, ret);
    silt_metrics_latency(lane->context->metrics, SILT_STAGE_AVRO_VALIDATE,
                         (silt_mono_ns() - began) / 1000);
    return status;
}

/* @return false when the record could not be taken. */
static bool take(struct silt_lane *lane, const struct silt_record *rec,
                 const struct silt_decoded *decoded, int64_t now_ms)
{
    if (silt_fill_record(filling(lane, rec->offset), rec, decoded, now_ms)) return true;
    if (lane->sealing) {
        lane->must_close = SILT_CLOSE_FILES;
        put_back(lane, rec->offset, SILT_PAUSE_BUSY);
        return false;
    }
    close_filling(lane, SILT_CLOSE_FILES);
    bool taken = silt_fill_record(filling(lane, rec->offset), rec, decoded, now_ms);
    SILT_ASSERT(taken); /* an empty window has room for any record */
    return true;
}

/* @return false when the partition was halted: then its window is read again one day. */
static bool bears(struct silt_lane *lane, const struct silt_decoded *decoded)
{
    char why[sizeof lane->halted_why];
    struct silt_breaker *breaker = &lane->breaker;
    enum silt_reason reason = decoded->verdict.reason;
    if (!silt_breaker_trips(breaker, reason != SILT_REASON_NONE)) return true;
    snprintf(why, sizeof why,
             "%u of the last %u records are rejects, more than schema.max_reject_ratio allows; %s: "
             "%s",
             breaker->rejected, breaker->records, silt_reason_name(reason), decoded->detail);
    silt_metrics_add(lane->context->metrics, SILT_GAUGE_REJECT_HALTS, 1);
    halt(lane, why);
    return false;
}

static bool archive(struct silt_lane *lane, const struct silt_record *rec, int64_t now_ms)
{
    if (rec->value_null) return take(lane, rec, NULL, now_ms);
    struct silt_decoded decoded;
    switch (decode(lane, rec, &decoded)) {
    case SILT_DECODE_WANT_SCHEMA: put_back(lane, rec->offset, SILT_PAUSE_SCHEMA); return false;
    case SILT_DECODE_REJECT:
        if (lane->context->opts->halt_on_invalid) {
            halt(lane, decoded.detail);
            return false;
        }
        if (!take(lane, rec, &decoded, now_ms)) return false;
        note_reject(lane, rec, &decoded);
        return bears(lane, &decoded);
    case SILT_DECODE_OK: break;
    }
    if (!take(lane, rec, &decoded, now_ms)) return false;
    silt_metrics_success(lane->context->metrics, SILT_STAGE_AVRO_VALIDATE, 1);
    silt_metrics_bytes(lane->context->metrics, SILT_STAGE_AVRO_VALIDATE, rec->value.len);
    return bears(lane, &decoded);
}

/* While stopping, restarting or waiting for a window nothing is taken: it is fetched again later.
 */
static bool takes_records(const struct silt_lane *lane)
{
    return lane->state == SILT_LANE_RUN && !lane->restart && lane->must_close == SILT_CLOSE_NONE;
}

bool silt_lane_on_record(struct silt_lane *lane, const struct silt_record *rec, uint32_t epoch,
                         int64_t now_ms)
{
    if (!takes_records(lane)) {
        if (lane->state == SILT_LANE_RUN && lane->pos.epoch == epoch && !lane->restart)
            put_back(lane, lane->pos.expected, SILT_PAUSE_BUSY);
        return false;
    }
    struct silt_position_verdict v = silt_position_message(&lane->pos, epoch, rec->offset);
    if (v.kind == SILT_POS_DROP) {
        silt_metrics_add(lane->context->metrics, SILT_GAUGE_RECORDS_DROPPED, 1);
        return false;
    }
    if (v.kind != SILT_POS_ACCEPT) book_range(lane, &v, now_ms);
    if (!archive(lane, rec, now_ms)) return false;
    if (!lane->oldest_ts[0]) lane->oldest_ts[0] = rec->timestamp_ms;
    check_close(lane, now_ms);
    return true;
}

void silt_lane_on_end(struct silt_lane *lane, uint32_t epoch, int64_t offset, int64_t now_ms)
{
    if (!takes_records(lane)) return;
    struct silt_position_verdict v = silt_position_end(&lane->pos, epoch, offset);
    if (v.kind != SILT_POS_HOLE && v.kind != SILT_POS_UNREADABLE) return;
    book_range(lane, &v, now_ms);
    check_close(lane, now_ms);
}

void silt_lane_schema_arrived(struct silt_lane *lane, int64_t retry_at_ms)
{
    if (!(lane->pauses & SILT_PAUSE_SCHEMA)) return;
    lane->schema_retry_ms = retry_at_ms ? retry_at_ms : silt_mono_ms();
}

/* ---- errors ---- */

/* Kafka no longer has what we want next: finish what is in hand, then look at the bounds again. */
static void begin_restart(struct silt_lane *lane, const char *why)
{
    lane->restart = true;
    silt_lane_pause(lane, SILT_PAUSE_MEND, true);
    SILT_LOG(WARN, "partition_restart", why, SILT_F_STR("topic", lane->tp.topic),
             SILT_F_INT("partition", lane->tp.partition), SILT_F_INT("offset", lane->pos.expected));
    if (lane->filling) close_or_wait(lane, SILT_CLOSE_HOLES);
    if (!lane->filling && !lane->sealing) recover(lane, why);
}

/* Nothing came with the damage, so nothing follows by itself: look behind it, offset by offset. */
static void skip_damage(struct silt_lane *lane)
{
    struct silt_err err;
    int64_t next = silt_position_skip(&lane->pos);
    if (!silt_ok(silt_consumer_seek(lane->context->consumer, lane->part, next, -1, &err))) {
        SILT_LOG(WARN, "seek_failed", err.text, SILT_F_STR("topic", lane->part->topic),
                 SILT_F_INT("partition", lane->part->partition), SILT_F_INT("offset", next),
                 SILT_F_STR("action", "again in 1 s"));
        silt_position_skip_failed(&lane->pos);
        seek_later(lane, 1000); /* back to the damage, which is told again then */
    }
    lane->pos.epoch = lane->part->epoch;
}

static void on_damage(struct silt_lane *lane, const struct silt_polled *polled)
{
    track(lane, SILT_STAGE_KAFKA_CONSUME, SILT_FAIL_UNKNOWN_ERROR, lane->pos.expected,
          polled->err.text, "read again");
    enum silt_error_verdict verdict = silt_position_error(&lane->pos, polled->epoch, ERROR_RETRIES);
    switch (verdict) {
    case SILT_POS_IGNORE: return;
    case SILT_POS_SEEK: seek_later(lane, 200); return;
    case SILT_POS_GIVE_UP:
    case SILT_POS_SKIP: break;
    }
    if (lane->context->opts->halt_on_unreadable) {
        halt(lane, polled->err.text);
        return;
    }
    if (verdict == SILT_POS_SKIP) skip_damage(lane);
}

void silt_lane_on_error(struct silt_lane *lane, const struct silt_polled *polled)
{
    if (lane->state != SILT_LANE_RUN || polled->epoch != lane->pos.epoch) return;
    if (polled->truncated || polled->out_of_range) {
        lane->truncated |= polled->truncated; /* what follows it may look like anything */
        if (polled->truncated && polled->offset >= 0) lane->diverged_at = polled->offset;
        if (!lane->restart) begin_restart(lane, polled->err.text);
        return;
    }
    if (polled->err.code == SILT_E_CORRUPT) {
        on_damage(lane, polled);
        return;
    }
    track(lane, SILT_STAGE_KAFKA_CONSUME,
          silt_failure_type_parse(silt_code_failure_type(polled->err.code)), lane->pos.expected,
          polled->err.text, "read again in 1 s");
    seek_later(lane, 1000);
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
        seek(lane, lane->pos.expected);
    if (is_due(&lane->ask_at_ms, now_ms)) ask_bounds(lane);
    if (is_due(&lane->schema_retry_ms, now_ms)) silt_lane_pause(lane, SILT_PAUSE_SCHEMA, false);
    if (lane->state == SILT_LANE_RUN) check_close(lane, now_ms);
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
    if (started || lane->start_known) start_position(lane, lane->start_offset);
    if (!started && lane->start_known) seek_later(lane, START_MS);
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
    set_state(lane, SILT_LANE_LEAVING, silt_close_reason_name(reason));
    silt_lane_pause(lane, SILT_PAUSE_STOP, true);
    if (!lane->filling) return;
    if (was_running && is_worth_committing(lane, everything)) {
        close_or_wait(lane, reason);
        return;
    }
    drop_filling(lane);
}

bool silt_lane_is_idle(const struct silt_lane *lane)
{
    if (lane->state != SILT_LANE_LEAVING) return lane->state == SILT_LANE_HALTED;
    if (lane->filling || lane->sealing) return false;
    return !lane->chain ||
           (silt_chain_is_rolled(lane->chain) && !silt_chain_is_committing(lane->chain));
}

bool silt_lane_squeeze(struct silt_lane *lane)
{
    if (lane->state != SILT_LANE_RUN || !lane->filling || lane->sealing || lane->must_close)
        return false;
    close_filling(lane, SILT_CLOSE_MEMORY);
    return true;
}

int64_t silt_lane_fill_bytes(const struct silt_lane *lane)
{
    return lane->filling && lane->state == SILT_LANE_RUN ? silt_fill_bytes(lane->filling) : 0;
}

/* ---- life ---- */

struct silt_lane *silt_lane_new(struct silt_context *context, struct silt_cpart *part)
{
    struct silt_lane *lane = SILT_NEW(struct silt_lane);
    lane->context = context;
    lane->part = part;
    snprintf(lane->tp.topic, sizeof lane->tp.topic, "%s", part->topic);
    lane->tp.partition = part->partition;
    lane->diverged_at = -1;
    lane->log_start = lane->end = lane->high = lane->durable = lane->cut = lane->staged = -1;
    lane->pos.expected = -1;
    silt_drain_init(&lane->drain);
    return lane;
}

void silt_lane_free(struct silt_lane *lane)
{
    if (!lane) return;
    bool may_abort = !lane->chain || !silt_chain_put_sent(lane->chain);
    release_fills(lane, may_abort);
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
