/* Before the records: which log this is (the topic's id), where its archive ends (the chain) and
 * where Kafka's log can be read on from (its bounds). */
#include "base/clock.h"
#include "base/log.h"
#include "commit/start.h"
#include "pipeline/lane_int.h"
#include "pipeline/repairer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define END_CONFIRMATIONS 3 /* a log end below our tail is asked again before it is believed */
#define TOPIC_RETRY_MS 2000
/* Its id is asked once a minute. Nobody deletes a topic, makes it again, fills it beyond where the
 * old one ended and deletes it again within two. */
#define GONE_MS 120000

void silt_lane_ask_bounds(struct silt_lane *lane)
{
    const char *topic = lane->part->topic;
    lane->bounds_wanted = true;
    lane->bounds_asked_ms = silt_mono_ms();
    silt_consumer_ask_offsets(lane->context->consumer, &topic, &lane->part->partition, 1);
}

void silt_lane_recover(struct silt_lane *lane, const char *why)
{
    silt_lane_set_state(lane, SILT_LANE_RECOVER, why);
    lane->start_known = false;
    lane->back_offset = -1;
    lane->restart = lane->gap_doubted = false;
    if (lane->assigned)
        silt_lane_start_position(lane, INT64_MAX); /* nothing fetched so far counts */
    silt_lane_pause(lane, SILT_PAUSE_MEND, true);
    silt_lane_pause(lane, SILT_PAUSE_BUSY, false); /* no window is in work any more */
    silt_chain_recover(lane->chain, lane->hint_seq);
}

static void begin_chain(struct silt_lane *lane)
{
    if (lane->chain || !lane->tp.topic_id[0] || !lane->hint_known) return;
    if (lane->state == SILT_LANE_LEAVING) return;
    lane->chain =
        silt_chain_new(&(struct silt_chain_opts){.store = lane->context->store,
                                                 .inbox = lane->context->store_inbox,
                                                 .timers = &lane->context->timers,
                                                 .limits = lane->context->opts->slot_limits,
                                                 .events = &silt_lane_chain_events,
                                                 .ctx = lane},
                       &lane->tp);
    silt_lane_recover(lane, "topic known");
}

void silt_lane_forget_truncation(struct silt_lane *lane)
{
    lane->diverged_at = -1;
    lane->diverged_from = INT64_MAX;
    lane->truncated = lane->asked_where = false;
    lane->end_doubts = 0;
    lane->doubted_ms = 0;
}

/* The topic was deleted and made again: another log, another chain. What is in hand belongs to the
 * old one, which ends where it is. */
static void topic_changed(struct silt_lane *lane)
{
    SILT_LOG(WARN, "topic_recreated", "the topic has a new id: its archive begins anew",
             SILT_F_STR("topic", lane->tp.topic), SILT_F_INT("partition", lane->tp.partition),
             SILT_F_STR("was", lane->tp.topic_id));
    silt_lane_release_fills(lane, !silt_chain_put_sent(lane->chain));
    silt_repairer_forget(lane->context, lane);
    silt_chain_release(lane->chain);
    lane->chain = NULL;
    lane->hint_seq = 0;
    lane->durable = -1;
    lane->gap_doubted = false;
    silt_lane_forget_truncation(lane);
    silt_lane_pause(lane, SILT_PAUSE_HALT, false); /* what an operator should look at is over */
}

static void put_staged(struct silt_lane *lane)
{
    struct silt_manifest manifest;
    lane->id_awaited = false;
    silt_fill_manifest(lane->sealing, &manifest);
    silt_chain_commit(lane->chain, &manifest, silt_fill_oldest_upload_ms(lane->sealing));
}

void silt_lane_commit_staged(struct silt_lane *lane)
{
    lane->id_awaited = lane->id_known_ms < silt_fill_closed_ms(lane->sealing);
    if (!lane->id_awaited) put_staged(lane);
}

static void decide_start(struct silt_lane *lane);

static void topic_confirmed(struct silt_lane *lane, int64_t asked_ms)
{
    lane->id_known_ms = asked_ms;
    if (lane->id_awaited) silt_lane_commit_staged(lane);
    if (lane->gap_doubted && lane->state == SILT_LANE_BOUNDS && asked_ms >= lane->doubted_ms)
        decide_start(lane);
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
        if (lane->chain && !silt_chain_is_committing(lane->chain))
            silt_lane_release_fills(lane, true);
        return;
    }
    if (lane->chain && lane->from >= 0) {
        silt_lane_halt(lane, "the topic was made again: its offsets are other records now");
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

void silt_lane_on_committed(struct silt_lane *lane, const struct silt_answer *answer)
{
    long long seq = 0;
    bool is_ours = answer->ok && sscanf(answer->metadata, "a1:%lld:", &seq) == 1;
    lane->hint_seq = is_ours && seq > 0 ? seq : 0;
    lane->strange_offset = answer->ok && !is_ours ? answer->committed : -1;
    lane->hint_known = true;
    begin_chain(lane);
}

/* Somebody who resets a group's offset wants something: it is not had that way. */
static void tell_strange_offset(struct silt_lane *lane, int64_t offset)
{
    char text[200];
    int64_t set_to = lane->strange_offset;
    lane->strange_offset = -1;
    if (set_to < 0 || set_to == offset || !silt_chain_tail(lane->chain)) return;
    snprintf(text, sizeof text,
             "the group's offset was set to %" PRId64 ", not by silt; that changes nothing: "
             "archiving goes on at %" PRId64 ", where the archive ends",
             set_to, offset);
    SILT_LOG(WARN, "offset_set_by_hand", text, SILT_F_STR("topic", lane->tp.topic),
             SILT_F_INT("partition", lane->tp.partition),
             SILT_F_STR("hint", set_to < offset
                                    ? "silt replay archives offsets again, into another root"
                                    : "silt skip leaves offsets out"));
}

/* The start is known: tell the consumer, now or when the rebalance is answered. */
static void run_from(struct silt_lane *lane, int64_t offset)
{
    tell_strange_offset(lane, offset);
    lane->start_known = true;
    lane->start_offset = offset;
    lane->cut = lane->staged = offset;
    silt_breaker_init(&lane->breaker, lane->context->opts->max_reject_ratio);
    if (!silt_chain_tail(lane->chain)) lane->durable = offset;
    silt_lane_set_state(lane, SILT_LANE_RUN, "start known");
    silt_lane_pause(lane, SILT_PAUSE_MEND, false);
    if (lane->assigned) silt_lane_seek(lane, offset);
    silt_lane_pause(lane, SILT_PAUSE_END, offset >= lane->until);
}

static void commit_without_files(struct silt_lane *lane, enum silt_slot_kind kind, int64_t start,
                                 int64_t next)
{
    struct silt_manifest manifest;
    silt_fill_bare_manifest(lane->context, &lane->tp, kind, &manifest);
    manifest.start = start;
    manifest.next = next;
    silt_lane_set_state(lane, SILT_LANE_MEND, silt_slot_kind_name(kind));
    silt_chain_commit(lane->chain, &manifest, INT64_MAX);
}

/* Bounds do not say of which topic they are: the id is asked after they were told, and confirms
 * them. */
static bool gap_is_certain(struct silt_lane *lane)
{
    bool is_certain = lane->gap_doubted && lane->id_known_ms >= lane->doubted_ms;
    lane->gap_doubted = !is_certain;
    lane->doubted_ms = is_certain ? 0 : silt_mono_ms() + 1;
    return is_certain;
}

static void record_gap(struct silt_lane *lane, const struct silt_start *start)
{
    char text[200];
    if (!gap_is_certain(lane)) return;
    snprintf(text, sizeof text,
             "offsets %" PRId64 " to %" PRId64 " were deleted from Kafka before they were archived",
             start->from, start->offset - 1);
    SILT_LOG(ERROR, "gap", text, SILT_F_STR("topic", lane->tp.topic),
             SILT_F_INT("partition", lane->tp.partition),
             SILT_F_STR("action",
                        lane->context->opts->halt_on_gap ? "halted" : "recorded as a gap slot"),
             SILT_F_STR("hint",
                        "retention is shorter than the archive's lag: lengthen it or add workers"));
    silt_lane_track(lane, SILT_STAGE_KAFKA_CONSUME, SILT_FAIL_UNKNOWN_ERROR, start->from, text,
                    "recorded as a gap");
    if (lane->context->opts->halt_on_gap)
        silt_lane_halt(lane, text);
    else
        commit_without_files(lane, SILT_SLOT_GAP, start->from, start->offset);
}

static void halt_truncated(struct silt_lane *lane)
{
    silt_lane_halt(lane,
                   "Kafka says its log was truncated below what the archive holds, but not where");
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

/* From the offset on the tail has holes only: nothing archived is taken back. */
static bool is_hole_from(const struct silt_manifest *tail, int64_t offset)
{
    const struct silt_offsets *last = tail->holes_n ? &tail->holes[tail->holes_n - 1] : NULL;
    return last && last->first <= offset && last->last == tail->next - 1;
}

/* Of which leader a hole is nobody knows: a change of leaders behind the last record looks the same
 * as a truncation. */
static void tell_lineage(const struct silt_lane *lane, const struct silt_start *start)
{
    static const char action[] = "a lineage slot is written; archiving goes on behind it";
    char text[200];
    bool takes_back = !is_hole_from(silt_chain_tail(lane->chain), start->offset);
    snprintf(text, sizeof text, "the log was truncated from %" PRId64 " to %" PRId64 ": %s",
             start->from, start->offset,
             takes_back ? "the archive holds records that Kafka lost (unclean leader election?)"
                        : "no record of it was archived");
    if (!takes_back) {
        SILT_LOG(INFO, "lineage", text, SILT_F_STR("topic", lane->tp.topic),
                 SILT_F_INT("partition", lane->tp.partition), SILT_F_STR("action", action));
        return;
    }
    SILT_LOG(ERROR, "lineage", text, SILT_F_STR("topic", lane->tp.topic),
             SILT_F_INT("partition", lane->tp.partition), SILT_F_STR("action", action));
    silt_lane_track(lane, SILT_STAGE_KAFKA_CONSUME, SILT_FAIL_CONFLICT, start->offset, text,
                    "recorded as a lineage change");
}

static void record_lineage(struct silt_lane *lane, const struct silt_start *start)
{
    if (!lane->doubted_ms) lane->doubted_ms = silt_mono_ms() + 1; /* asked later than told */
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
    tell_lineage(lane, start);
    silt_lane_forget_truncation(lane);
    commit_without_files(lane, SILT_SLOT_LINEAGE, start->from, start->offset);
}

/* Only of a stretch: its log is not what it was when the stretch was chosen. */
static bool ends_too_early(const struct silt_lane *lane)
{
    return !silt_chain_tail(lane->chain) && lane->from > lane->end;
}

static void decide_start(struct silt_lane *lane)
{
    if (ends_too_early(lane)) {
        silt_lane_halt(lane, "Kafka's log ends before the offsets that are to be archived");
        return;
    }
    const struct silt_manifest *tail = silt_chain_tail(lane->chain);
    struct silt_start start =
        silt_start_decide(tail ? tail->next : lane->from, lane->log_start, lane->end,
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
    silt_lane_forget_truncation(lane); /* what Kafka lost is not in the archive */
    run_from(lane, start.offset);
}

void silt_lane_on_offsets(struct silt_lane *lane, const struct silt_answer *answer)
{
    if (!answer->ok) {
        if (lane->bounds_wanted) lane->ask_at_ms = silt_mono_ms() + 1000;
        return;
    }
    if (lane->gap_doubted) return; /* what is being confirmed stays as it is */
    lane->log_start = answer->log_start;
    lane->end = answer->end;
    lane->high = answer->high_watermark >= 0 ? answer->high_watermark : answer->end;
    if (!lane->bounds_wanted || lane->state != SILT_LANE_BOUNDS) return;
    if (answer->asked_ms < lane->bounds_asked_ms) return;
    lane->bounds_wanted = false;
    decide_start(lane);
}
