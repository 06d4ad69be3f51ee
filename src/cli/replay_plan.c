#include "cli/replay_plan.h"

#include "base/alloc.h"
#include "inspect/slots.h"
#include "inspect/tails.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct planning {
    const struct silt_replay_wish *wish;
    struct silt_brokers *brokers;
    struct silt_store *into;
    struct silt_bounds *bounds; /* of the partitions that are wanted */
    unsigned n;
    int64_t *from; /* by the wish; -1: it says nothing */
    int64_t *until;
    struct silt_archive archive;
    struct silt_replay_plan plan;
};

/* ---- Kafka ---- */

static SILT_RC find_partitions(struct planning *p, struct silt_err *err)
{
    if (p->wish->partition < 0) return silt_brokers_partitions(p->brokers, &p->bounds, &p->n, err);
    p->bounds = SILT_NEW(struct silt_bounds);
    p->n = 1;
    return silt_brokers_partition(p->brokers, p->wish->topic, p->wish->partition, p->bounds, err);
}

static SILT_RC ask_bounds(struct planning *p, struct silt_err *err)
{
    SILT_TRY(find_partitions(p, err));
    if (p->n == 0) SILT_FAIL(err, NOT_FOUND, "Kafka has no topic %.100s", p->wish->topic);
    return silt_brokers_bounds(p->brokers, p->bounds, p->n, err);
}

static void limit(int64_t *value, int64_t max)
{
    if (*value > max) *value = max;
}

/* Records of a transaction that is open now may come or not: they are left out. */
static SILT_RC ask_until(struct planning *p, struct silt_err *err)
{
    p->until = silt_calloc(p->n, sizeof *p->until);
    for (unsigned i = 0; i < p->n; i++) p->until[i] = -1;
    if (p->wish->to_time >= 0)
        SILT_TRY(
            silt_brokers_offsets_at(p->brokers, p->bounds, p->n, p->wish->to_time, p->until, err));
    for (unsigned i = 0; i < p->n; i++) {
        if (p->wish->to_offset >= 0) p->until[i] = p->wish->to_offset + 1;
        if (p->until[i] < 0) p->until[i] = p->bounds[i].stable;
        limit(&p->until[i], p->bounds[i].stable);
    }
    return SILT_OK;
}

static SILT_RC ask_from(struct planning *p, struct silt_err *err)
{
    p->from = silt_calloc(p->n, sizeof *p->from);
    for (unsigned i = 0; i < p->n; i++) p->from[i] = p->wish->from_offset;
    if (p->wish->from_time < 0) return SILT_OK;
    SILT_TRY(
        silt_brokers_offsets_at(p->brokers, p->bounds, p->n, p->wish->from_time, p->from, err));
    for (unsigned i = 0; i < p->n; i++)
        if (p->from[i] < 0) p->from[i] = p->until[i];
    return SILT_OK;
}

/* ---- the root ---- */

static const struct silt_log_ref *log_of(const struct planning *p, const struct silt_tp *tp)
{
    for (unsigned i = 0; i < p->archive.logs_n; i++) {
        const struct silt_log_ref *log = &p->archive.logs[i];
        bool same = strncmp(log->tid8, tp->topic_id, strlen(log->tid8)) == 0;
        if (same && log->partition == tp->partition) return log;
    }
    return NULL;
}

static SILT_RC read_start(struct silt_store *into, const struct silt_log_ref *log,
                          int64_t *ret_start, struct silt_err *err)
{
    struct silt_slot_seen *slot = NULL;
    struct silt_slots *slots = silt_slots_open(into, log);
    struct silt_rc rc = silt_slots_next(slots, &slot, err);
    silt_slots_close(slots);
    if (silt_ok(rc) && !slot)
        rc = silt_err_set(err, SILT_E_CORRUPT, __FILE__, __LINE__,
                          "%s has no slots any more; silt verify says more", log->prefix);
    if (silt_ok(rc)) rc = silt_slot_check(slot, err);
    if (silt_ok(rc)) *ret_start = slot->manifest.start;
    silt_slot_free(slot);
    return rc;
}

static SILT_RC read_tail(struct silt_store *into, const struct silt_tp *tp, int64_t *ret_durable,
                         struct silt_err *err)
{
    struct silt_tail tail;
    silt_tails_read(into, tp, 1, &tail);
    *ret_durable = tail.durable;
    if (tail.known) return SILT_OK;
    *err = tail.err;
    return (struct silt_rc){false};
}

static SILT_RC go_on(struct planning *p, unsigned i, struct silt_replay_part *part,
                     struct silt_err *err)
{
    const struct silt_tp *tp = &part->bounds.tp;
    const struct silt_log_ref *log = log_of(p, tp);
    int64_t start;
    if (!log) return SILT_OK;
    SILT_TRY(read_start(p->into, log, &start, err));
    if (p->from[i] >= 0 && p->from[i] != start)
        SILT_FAIL(err, INVALID,
                  "%s already has %.100s [%" PRId32 "] from offset %" PRId64
                  " on, and not from %" PRId64
                  "; leave --from-… out to go on there, or take another root",
                  p->into->url, tp->topic, tp->partition, start, p->from[i]);
    part->from = start;
    SILT_TRY(read_tail(p->into, tp, &part->durable, err));
    if (part->durable < start) part->durable = start; /* the first slot is being completed */
    return SILT_OK;
}

/* ---- the plan ---- */

static SILT_RC plan_part(struct planning *p, unsigned i, struct silt_err *err)
{
    struct silt_replay_part part = {
        .bounds = p->bounds[i], .from = p->from[i], .until = p->until[i], .durable = -1};
    SILT_TRY(go_on(p, i, &part, err));
    if (part.from < 0) part.from = part.bounds.log_start;
    if (part.from >= part.until) return SILT_OK;
    struct silt_replay_plan *plan = &p->plan;
    plan->parts = silt_realloc_array(plan->parts, plan->parts_n + 1, sizeof *plan->parts);
    plan->parts[plan->parts_n++] = part;
    plan->total += part.until - part.from;
    return SILT_OK;
}

static int64_t reached(const struct silt_replay_part *part)
{
    if (part->durable < part->from) return part->from;
    return part->durable < part->until ? part->durable : part->until;
}

static void name_missing(const struct silt_replay_part *part, char *text, size_t size)
{
    size_t len = strlen(text);
    int64_t first = reached(part);
    int64_t last = part->bounds.log_start < part->until ? part->bounds.log_start : part->until;
    if (first >= last) return;
    snprintf(text + len, size - len, "%s[%" PRId32 "] %" PRId64 " to %" PRId64, len ? ", " : "",
             part->bounds.tp.partition, first, last - 1);
}

static SILT_RC check_retention(const struct silt_replay_plan *plan, const char *topic,
                               struct silt_err *err)
{
    char missing[300] = "";
    for (unsigned i = 0; i < plan->parts_n; i++)
        name_missing(&plan->parts[i], missing, sizeof missing);
    if (!missing[0]) return SILT_OK;
    SILT_FAIL(err, INVALID,
              "Kafka no longer has these offsets of %.100s: %s; begin behind them with "
              "--from-offset, one --partition at a time",
              topic, missing);
}

static void make_stretches(struct silt_replay_plan *plan)
{
    plan->stretches = silt_calloc(plan->parts_n, sizeof *plan->stretches);
    for (unsigned i = 0; i < plan->parts_n; i++) {
        const struct silt_replay_part *part = &plan->parts[i];
        plan->stretches[i] = (struct silt_stretch){.topic = part->bounds.tp.topic,
                                                   .partition = part->bounds.tp.partition,
                                                   .from = part->from,
                                                   .until = part->until};
        plan->done += reached(part) - part->from;
    }
}

/* A root that does not exist yet has nothing. */
static SILT_RC read_root(struct planning *p, struct silt_err *err)
{
    const struct silt_archive_filter filter = {
        .topic = p->wish->topic, .partition = -1, .may_lack_it = true};
    struct silt_rc rc = silt_archive_read(p->into, &filter, &p->archive, err);
    return !silt_ok(rc) && err->code == SILT_E_NOT_FOUND ? SILT_OK : rc;
}

static SILT_RC plan_all(struct planning *p, struct silt_err *err)
{
    SILT_TRY(ask_bounds(p, err));
    SILT_TRY(ask_until(p, err));
    SILT_TRY(ask_from(p, err));
    SILT_TRY(read_root(p, err));
    for (unsigned i = 0; i < p->n; i++) SILT_TRY(plan_part(p, i, err));
    SILT_TRY(check_retention(&p->plan, p->wish->topic, err));
    make_stretches(&p->plan);
    return SILT_OK;
}

SILT_RC silt_replay_plan(const struct silt_replay_wish *wish, struct silt_brokers *brokers,
                         struct silt_store *into, struct silt_replay_plan *ret_plan,
                         struct silt_err *err)
{
    struct planning p = {.wish = wish, .brokers = brokers, .into = into};
    struct silt_rc rc = plan_all(&p, err);
    silt_archive_done(&p.archive);
    silt_free(p.bounds);
    silt_free(p.from);
    silt_free(p.until);
    *ret_plan = p.plan;
    if (!silt_ok(rc)) silt_replay_plan_done(ret_plan);
    return rc;
}

void silt_replay_plan_done(struct silt_replay_plan *plan)
{
    silt_free(plan->parts);
    silt_free(plan->stretches);
    *plan = (struct silt_replay_plan){0};
}

SILT_RC silt_replay_look(const struct silt_replay_plan *plan, struct silt_store *into,
                         int64_t *ret_done, struct silt_err *err)
{
    *ret_done = 0;
    for (unsigned i = 0; i < plan->parts_n; i++) {
        struct silt_replay_part part = plan->parts[i];
        SILT_TRY(read_tail(into, &part.bounds.tp, &part.durable, err));
        *ret_done += reached(&part) - part.from;
    }
    return SILT_OK;
}
