/* Commit of one slot as a pure state machine (protocol section 4): events in, one action out.
 *
 *            ┌───────────── tail too old ──────────────┐
 *   IDLE ─begin─▶ (checks, R7) ──▶ PUT ──200──▶ WON     ▼
 *                    ▲   │          │ 412          TAIL (re-read slot n-1) ─same─▶ (checks)
 *                    │   │          ├────▶ READ ─same bytes─▶ WON, other ─▶ LOST, 404 ─▶ BROKEN
 *                    │   │          ├ doubt ▶ DOUBT ─same─▶ WON, other ─▶ LOST, 404 ─▶ WAIT
 *                    │   │          └ denied ▶ WAIT (30 s, page)
 *                  WAIT ◀┴── upload too old: no PUT sent ─▶ ABANDON; else FENCE (latest date + 60
 * min) ─▶ READ-like
 *
 * The manifest's bytes are fixed before BEGIN and resent unchanged (R6). The date is taken before
 * the checks (R7). Whoever runs it carries out the action and comes back with its event; nothing
 * here knows a clock.
 */
#ifndef SILT_COMMIT_SLOT_H
#define SILT_COMMIT_SLOT_H

#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

#define SILT_FENCE_MS ((int64_t)60 * 60 * 1000) /* A6: 15 min, and a margin of 45 */
#define SILT_DENIED_WAIT_MS ((int64_t)30 * 1000)

enum silt_slot_state {
    SILT_SLOT_IDLE,
    SILT_SLOT_TAIL,
    SILT_SLOT_PUT,
    SILT_SLOT_READ,
    SILT_SLOT_DOUBT,
    SILT_SLOT_WAIT,
    SILT_SLOT_FENCE_WAIT,
    SILT_SLOT_FENCE_READ,
    SILT_SLOT_ENDED,
    SILT_SLOT_STATES_N
};
const char *silt_slot_state_name(enum silt_slot_state state);

enum silt_slot_event_kind {
    SILT_SLOT_EV_BEGIN,
    SILT_SLOT_EV_PUT,   /* answer to DO_PUT: outcome, server_ms */
    SILT_SLOT_EV_GET,   /* answer to DO_GET: outcome; same: the bytes are ours */
    SILT_SLOT_EV_TAIL,  /* answer to DO_TAIL: outcome; same: slot n-1 is what we built on */
    SILT_SLOT_EV_TIMER, /* the wait is over */
};

struct silt_slot_event {
    enum silt_slot_event_kind kind;
    int64_t now_ms; /* wall clock, as read before anything else (R7) */
    enum silt_store_outcome outcome;
    bool same;
    int64_t server_ms; /* PUT, GET: the store's clock, 0 when it did not say */
    uint64_t random;   /* for jitter */
};

enum silt_slot_action_kind {
    SILT_SLOT_DO_NOTHING,
    SILT_SLOT_DO_PUT,  /* with date_ms */
    SILT_SLOT_DO_GET,  /* slot n */
    SILT_SLOT_DO_TAIL, /* slot n-1 */
    SILT_SLOT_DO_WAIT, /* wait_ms, then TIMER */
    /* ends */
    SILT_SLOT_WON,
    SILT_SLOT_LOST,    /* own uploads may be aborted (R5b) */
    SILT_SLOT_ABANDON, /* nothing of ours can ever land: own uploads may be aborted (R5a), then
                          recover */
    SILT_SLOT_BROKEN,  /* a manifest is gone: halt and page (A4) */
    SILT_SLOT_FORGET,  /* the store was stopped: touch nothing (R5) */
};

struct silt_slot_action {
    enum silt_slot_action_kind kind;
    int64_t date_ms;
    int64_t wait_ms;
    bool page; /* tell the operator */
};

struct silt_slot_limits {
    int64_t max_upload_age_ms; /* ≤ ¼ of the store's lifecycle for incomplete uploads */
    int64_t max_tail_age_ms;
};

struct silt_slot {
    enum silt_slot_state state;
    struct silt_slot_limits limits;
    bool has_tail;            /* false for slot 0 */
    int64_t oldest_upload_ms; /* wall clock; INT64_MAX without uploads */
    int64_t tail_read_ms;     /* when slot n-1 was last read: the time of the question */
    int64_t tail_asked_ms;
    int64_t clock_offset_ms; /* store's clock − ours, learnt from a refusal (F26) */
    int64_t last_date_ms;    /* of the newest PUT */
    int64_t open_date_ms;    /* the latest date of a PUT that was not refused for its date */
    unsigned puts_sent;      /* "sent" means handed to the store */
    unsigned attempts;       /* for backoff */
};

void silt_slot_init(struct silt_slot *slot, const struct silt_slot_limits *limits, bool has_tail,
                    int64_t oldest_upload_ms, int64_t tail_read_ms);
struct silt_slot_action silt_slot_step(struct silt_slot *slot, const struct silt_slot_event *event);
/* R5a: no PUT of this slot was ever sent. */
bool silt_slot_may_abort(const struct silt_slot *slot);

#endif
