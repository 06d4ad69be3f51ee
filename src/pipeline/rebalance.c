#include "pipeline/worker_int.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

#include <string.h>

#define ASSIGN_WAIT_MS 5000 /* then parts whose tail is not known yet are assigned paused */
#define LOST_WAIT_MS 5000

static void move_begin(struct silt_move *move, const struct silt_polled *polled, int64_t wait_ms)
{
    silt_free(move->parts);
    move->parts = silt_memdup(polled->parts, polled->parts_n * sizeof *polled->parts);
    move->parts_n = polled->parts_n;
    move->deadline_ms = silt_mono_ms() + wait_ms;
    move->open = true;
}

static void move_end(struct silt_move *move)
{
    silt_free(move->parts);
    *move = (struct silt_move){0};
}

/* ---- assigned ---- */

static void add_lane(struct silt_worker *worker, struct silt_cpart *part)
{
    struct silt_lane *lane = silt_lane_new(&worker->context, part);
    part->lane = lane;
    worker->lanes =
        silt_realloc_array(worker->lanes, worker->lanes_n + 1, sizeof(struct silt_lane *));
    worker->lanes[worker->lanes_n++] = lane;
}

/* Topic ids are asked at every assignment: a topic of the same name may be another topic now. */
static void ask_topics(struct silt_worker *worker, const struct silt_polled *polled)
{
    for (unsigned i = 0; i < polled->parts_n; i++) {
        bool asked = false;
        for (unsigned k = 0; k < i && !asked; k++)
            asked = strcmp(polled->parts[k]->topic, polled->parts[i]->topic) == 0;
        if (!asked) silt_consumer_ask_topic(worker->context.consumer, polled->parts[i]->topic);
    }
}

static void ask_hints(struct silt_worker *worker, const struct silt_polled *polled)
{
    const char **topics = silt_calloc(polled->parts_n, sizeof *topics);
    int32_t *partitions = silt_calloc(polled->parts_n, sizeof *partitions);
    for (unsigned i = 0; i < polled->parts_n; i++) {
        topics[i] = polled->parts[i]->topic;
        partitions[i] = polled->parts[i]->partition;
    }
    silt_consumer_ask_committed(worker->context.consumer, topics, partitions, polled->parts_n);
    silt_free(topics);
    silt_free(partitions);
}

void silt_worker_on_assign(struct silt_worker *worker, const struct silt_polled *polled)
{
    worker->joined = true;
    silt_metrics_add(worker->context.metrics, SILT_GAUGE_REBALANCES, 1);
    SILT_LOG(INFO, "assigned", "partitions assigned; reading where their archives end",
             SILT_F_INT("partitions", polled->parts_n));
    for (unsigned i = 0; i < polled->parts_n; i++) add_lane(worker, polled->parts[i]);
    move_begin(&worker->assign, polled, ASSIGN_WAIT_MS);
    if (polled->parts_n) {
        ask_topics(worker, polled);
        ask_hints(worker, polled);
    }
}

static bool starts_known(const struct silt_move *move)
{
    int64_t offset;
    int32_t epoch;
    for (unsigned i = 0; i < move->parts_n; i++)
        if (!silt_lane_start_known(move->parts[i]->lane, &offset, &epoch)) return false;
    return true;
}

static void answer_assign(struct silt_worker *worker)
{
    struct silt_consumer *consumer = worker->context.consumer;
    struct silt_move *move = &worker->assign;
    struct silt_err err;
    for (unsigned i = 0; i < move->parts_n; i++) {
        int64_t offset;
        int32_t epoch;
        silt_lane_start_known(move->parts[i]->lane, &offset, &epoch);
        silt_consumer_assign_at(consumer, move->parts[i], offset, epoch);
    }
    if (!silt_ok(silt_consumer_assign_done(consumer, &err)))
        SILT_LOG(WARN, "assign_failed", err.text,
                 SILT_F_STR("action", "waiting for the next rebalance"));
    for (unsigned i = 0; i < move->parts_n; i++) {
        int64_t offset;
        int32_t epoch;
        silt_lane_start_known(move->parts[i]->lane, &offset, &epoch);
        silt_lane_assigned(move->parts[i]->lane, offset >= 0);
        if (worker->memory_paused) silt_lane_pause(move->parts[i]->lane, SILT_PAUSE_MEMORY, true);
    }
    move_end(move);
}

/* ---- revoked ---- */

static void remove_lane(struct silt_worker *worker, struct silt_lane *lane)
{
    for (unsigned i = 0; i < worker->lanes_n; i++) {
        if (worker->lanes[i] != lane) continue;
        worker->lanes[i] = worker->lanes[--worker->lanes_n];
        break;
    }
    if (worker->context.observer)
        silt_observer_unassigned(worker->context.observer, silt_lane_tp(lane));
    silt_lane_free(lane);
}

void silt_worker_on_revoke(struct silt_worker *worker, const struct silt_polled *polled)
{
    silt_metrics_add(worker->context.metrics, SILT_GAUGE_REBALANCES, 1);
    SILT_LOG(INFO, polled->lost ? "lost" : "revoked",
             "partitions go to other workers; committing what is in hand",
             SILT_F_INT("partitions", polled->parts_n));
    for (unsigned i = 0; i < polled->parts_n; i++)
        silt_lane_leave(polled->parts[i]->lane, SILT_CLOSE_REVOKE, false);
    move_begin(&worker->revoke, polled, polled->lost ? LOST_WAIT_MS : worker->opts.revoke_ms);
}

static bool all_idle(const struct silt_move *move)
{
    for (unsigned i = 0; i < move->parts_n; i++)
        if (!silt_lane_is_idle(move->parts[i]->lane)) return false;
    return true;
}

/* What is in doubt at the deadline is forgotten, nothing is touched (R5). */
static void answer_revoke(struct silt_worker *worker)
{
    struct silt_move *move = &worker->revoke;
    struct silt_err err;
    for (unsigned i = 0; i < move->parts_n; i++) {
        remove_lane(worker, move->parts[i]->lane);
        move->parts[i]->lane = NULL;
    }
    if (!silt_ok(silt_consumer_revoke_done(worker->context.consumer, &err)))
        SILT_LOG(WARN, "revoke_failed", err.text,
                 SILT_F_STR("action", "waiting for the next rebalance"));
    move_end(move);
}

void silt_worker_move_on(struct silt_worker *worker, int64_t now_ms)
{
    if (worker->assign.open &&
        (starts_known(&worker->assign) || worker->stopping || now_ms >= worker->assign.deadline_ms))
        answer_assign(worker);
    if (worker->revoke.open && (all_idle(&worker->revoke) || now_ms >= worker->revoke.deadline_ms))
        answer_revoke(worker);
}

void silt_worker_drop_lanes(struct silt_worker *worker)
{
    while (worker->lanes_n) remove_lane(worker, worker->lanes[0]);
    silt_free(worker->lanes);
    worker->lanes = NULL;
    move_end(&worker->assign);
    move_end(&worker->revoke);
}
