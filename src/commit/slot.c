#include "commit/slot.h"

#include "base/backoff.h"
#include "base/err.h"

static const struct silt_backoff_opts retry_wait = {.first_ms = 100, .max_ms = 20000};

static const char *const state_names[] = {
    [SILT_SLOT_IDLE] = "idle",
    [SILT_SLOT_TAIL] = "tail",
    [SILT_SLOT_PUT] = "put",
    [SILT_SLOT_READ] = "read",
    [SILT_SLOT_DOUBT] = "doubt",
    [SILT_SLOT_WAIT] = "wait",
    [SILT_SLOT_FENCE_WAIT] = "fence_wait",
    [SILT_SLOT_FENCE_READ] = "fence_read",
    [SILT_SLOT_ENDED] = "ended",
};

const char *silt_slot_state_name(enum silt_slot_state state)
{
    return state_names[state];
}

void silt_slot_init(struct silt_slot *slot, const struct silt_slot_limits *limits, bool has_tail,
                    int64_t oldest_upload_ms, int64_t tail_read_ms)
{
    *slot = (struct silt_slot){.limits = *limits,
                               .has_tail = has_tail,
                               .oldest_upload_ms = oldest_upload_ms,
                               .tail_read_ms = tail_read_ms};
}

bool silt_slot_may_abort(const struct silt_slot *slot)
{
    return slot->puts_sent == 0;
}

static struct silt_slot_action go(struct silt_slot *slot, enum silt_slot_state state,
                                  enum silt_slot_action_kind kind)
{
    slot->state = state;
    return (struct silt_slot_action){.kind = kind};
}

static struct silt_slot_action end(struct silt_slot *slot, enum silt_slot_action_kind kind)
{
    struct silt_slot_action action = go(slot, SILT_SLOT_ENDED, kind);
    action.page = kind == SILT_SLOT_BROKEN;
    return action;
}

static struct silt_slot_action wait_in(struct silt_slot *slot, enum silt_slot_state state,
                                       int64_t wait_ms, bool page)
{
    slot->state = state;
    return (struct silt_slot_action){.kind = SILT_SLOT_DO_WAIT, .wait_ms = wait_ms, .page = page};
}

static struct silt_slot_action back_off(struct silt_slot *slot, uint64_t random)
{
    int64_t wait = silt_backoff_ms(&retry_wait, ++slot->attempts, 0, 0, random);
    return wait_in(slot, SILT_SLOT_WAIT, wait, false);
}

/* Dates may go back: once the store's clock is learnt, an older PUT that nobody answered may carry
 * the later date, and until then the store would still take it. */
static int64_t fence_ends(const struct silt_slot *slot)
{
    int64_t latest =
        slot->open_date_ms > slot->last_date_ms ? slot->open_date_ms : slot->last_date_ms;
    return latest + SILT_FENCE_MS;
}

static struct silt_slot_action fence(struct silt_slot *slot, int64_t date)
{
    if (silt_slot_may_abort(slot)) return end(slot, SILT_SLOT_ABANDON);
    int64_t until = fence_ends(slot);
    if (date >= until) return go(slot, SILT_SLOT_FENCE_READ, SILT_SLOT_DO_GET);
    return wait_in(slot, SILT_SLOT_FENCE_WAIT, until - date, true);
}

/* R7: the date first, then the checks, then the request that carries this date. */
static struct silt_slot_action attempt(struct silt_slot *slot, int64_t now_ms)
{
    int64_t date = now_ms + slot->clock_offset_ms;
    if (slot->oldest_upload_ms != INT64_MAX &&
        now_ms - slot->oldest_upload_ms >= slot->limits.max_upload_age_ms)
        return fence(slot, date);
    if (slot->has_tail && now_ms - slot->tail_read_ms >= slot->limits.max_tail_age_ms) {
        slot->tail_asked_ms = now_ms;
        return go(slot, SILT_SLOT_TAIL, SILT_SLOT_DO_TAIL);
    }
    struct silt_slot_action action = go(slot, SILT_SLOT_PUT, SILT_SLOT_DO_PUT);
    action.date_ms = slot->last_date_ms = date;
    slot->puts_sent++;
    return action;
}

static struct silt_slot_action on_begin(struct silt_slot *slot, const struct silt_slot_event *event)
{
    return attempt(slot, event->now_ms);
}

/* What was learnt is learnt anew: our clock may be put right at any time. Only the first time is
 * worth a quick retry. */
static struct silt_slot_action learn_clock(struct silt_slot *slot,
                                           const struct silt_slot_event *event)
{
    bool is_news = slot->clock_offset_ms == 0 && event->server_ms;
    if (event->server_ms) slot->clock_offset_ms = event->server_ms - event->now_ms;
    return is_news ? back_off(slot, event->random)
                   : wait_in(slot, SILT_SLOT_WAIT, SILT_DENIED_WAIT_MS, true);
}

static struct silt_slot_action on_put(struct silt_slot *slot, const struct silt_slot_event *event)
{
    if (event->outcome != SILT_STORE_SKEWED && slot->last_date_ms > slot->open_date_ms)
        slot->open_date_ms = slot->last_date_ms;
    switch (event->outcome) {
    case SILT_STORE_OK: return end(slot, SILT_SLOT_WON);
    case SILT_STORE_EXISTS: return go(slot, SILT_SLOT_READ, SILT_SLOT_DO_GET);
    case SILT_STORE_CONFLICT:
    case SILT_STORE_BAD_DIGEST: return back_off(slot, event->random);
    case SILT_STORE_SKEWED: return learn_clock(slot, event);
    case SILT_STORE_DENIED:
    case SILT_STORE_REFUSED:
    case SILT_STORE_NO_BUCKET:
    case SILT_STORE_NOT_FOUND: return wait_in(slot, SILT_SLOT_WAIT, SILT_DENIED_WAIT_MS, true);
    case SILT_STORE_STOPPED: return end(slot, SILT_SLOT_FORGET);
    default: return go(slot, SILT_SLOT_DOUBT, SILT_SLOT_DO_GET);
    }
}

/* Nothing of ours is there. Whether anything can still come is for the clock that will judge it. */
static struct silt_slot_action behind_fence(struct silt_slot *slot,
                                            const struct silt_slot_event *event)
{
    int64_t early = event->server_ms ? fence_ends(slot) - event->server_ms : 0;
    if (early > 0) return wait_in(slot, SILT_SLOT_FENCE_WAIT, early, true);
    return end(slot, SILT_SLOT_ABANDON);
}

/* What slot n holds, asked after a 412, in doubt, or after the fence. */
static struct silt_slot_action on_get(struct silt_slot *slot, const struct silt_slot_event *event)
{
    if (event->outcome == SILT_STORE_OK)
        return end(slot, event->same ? SILT_SLOT_WON : SILT_SLOT_LOST);
    if (event->outcome == SILT_STORE_STOPPED) return end(slot, SILT_SLOT_FORGET);
    if (event->outcome == SILT_STORE_NOT_FOUND) {
        if (slot->state == SILT_SLOT_READ) return end(slot, SILT_SLOT_BROKEN);
        if (slot->state == SILT_SLOT_FENCE_READ) return behind_fence(slot, event);
    }
    if (slot->state == SILT_SLOT_FENCE_READ)
        return wait_in(slot, SILT_SLOT_FENCE_WAIT, SILT_DENIED_WAIT_MS, true);
    return back_off(slot, event->random);
}

static struct silt_slot_action on_tail(struct silt_slot *slot, const struct silt_slot_event *event)
{
    if (event->outcome == SILT_STORE_STOPPED) return end(slot, SILT_SLOT_FORGET);
    if (event->outcome == SILT_STORE_NOT_FOUND || (event->outcome == SILT_STORE_OK && !event->same))
        return end(slot, SILT_SLOT_BROKEN);
    if (event->outcome != SILT_STORE_OK) return back_off(slot, event->random);
    slot->tail_read_ms = slot->tail_asked_ms; /* the answer may have lain unread for hours */
    return attempt(slot, event->now_ms);
}

static struct silt_slot_action on_timer(struct silt_slot *slot, const struct silt_slot_event *event)
{
    if (slot->state == SILT_SLOT_FENCE_WAIT)
        return go(slot, SILT_SLOT_FENCE_READ, SILT_SLOT_DO_GET);
    return attempt(slot, event->now_ms);
}

/* Which event each state waits for; anything else is our own mistake. */
static bool is_expected(enum silt_slot_state state, enum silt_slot_event_kind kind)
{
    static const enum silt_slot_event_kind waits_for[] = {
        [SILT_SLOT_IDLE] = SILT_SLOT_EV_BEGIN,       [SILT_SLOT_TAIL] = SILT_SLOT_EV_TAIL,
        [SILT_SLOT_PUT] = SILT_SLOT_EV_PUT,          [SILT_SLOT_READ] = SILT_SLOT_EV_GET,
        [SILT_SLOT_DOUBT] = SILT_SLOT_EV_GET,        [SILT_SLOT_WAIT] = SILT_SLOT_EV_TIMER,
        [SILT_SLOT_FENCE_WAIT] = SILT_SLOT_EV_TIMER, [SILT_SLOT_FENCE_READ] = SILT_SLOT_EV_GET,
    };
    return state < SILT_SLOT_ENDED && waits_for[state] == kind; /* no: SILT_ASSERT ends it */
}

struct silt_slot_action silt_slot_step(struct silt_slot *slot, const struct silt_slot_event *event)
{
    static struct silt_slot_action (*const handlers[])(struct silt_slot *,
                                                       const struct silt_slot_event *) = {
        [SILT_SLOT_EV_BEGIN] = on_begin, [SILT_SLOT_EV_PUT] = on_put,
        [SILT_SLOT_EV_GET] = on_get,     [SILT_SLOT_EV_TAIL] = on_tail,
        [SILT_SLOT_EV_TIMER] = on_timer,
    };
    SILT_ASSERT(is_expected(slot->state, event->kind));
    return handlers[event->kind](slot, event);
}
