#include "commit/roll.h"

#include "base/backoff.h"
#include "base/err.h"

static const struct silt_backoff_opts retry_wait = {.first_ms = 100, .max_ms = 20000};
#define DENIED_WAIT_MS ((int64_t)30 * 1000)

static const char *const state_names[] = {
    [SILT_ROLL_IDLE] = "idle",     [SILT_ROLL_COMPLETE] = "complete",
    [SILT_ROLL_HEAD] = "head",     [SILT_ROLL_PARTS] = "parts",
    [SILT_ROLL_WAIT] = "wait",     [SILT_ROLL_WAIT_HEAD] = "wait_head",
    [SILT_ROLL_DONE] = "done",     [SILT_ROLL_MISSING] = "missing",
    [SILT_ROLL_BROKEN] = "broken", [SILT_ROLL_FORGOTTEN] = "forgotten",
};

const char *silt_roll_state_name(enum silt_roll_state state)
{
    return state_names[state];
}

void silt_roll_init(struct silt_roll *roll)
{
    *roll = (struct silt_roll){0};
}

static struct silt_roll_action go(struct silt_roll *roll, enum silt_roll_state state,
                                  enum silt_roll_action_kind kind, bool page)
{
    roll->state = state;
    return (struct silt_roll_action){.kind = kind, .page = page};
}

static struct silt_roll_action wait_in(struct silt_roll *roll, enum silt_roll_state state,
                                       int64_t wait_ms, bool page)
{
    struct silt_roll_action action = go(roll, state, SILT_ROLL_DO_WAIT, page);
    action.wait_ms = wait_ms;
    return action;
}

static struct silt_roll_action back_off(struct silt_roll *roll, enum silt_roll_state state,
                                        uint64_t random)
{
    return wait_in(roll, state, silt_backoff_ms(&retry_wait, ++roll->attempts, 0, 0, random),
                   false);
}

static bool is_permission(enum silt_store_outcome outcome)
{
    return outcome == SILT_STORE_DENIED || outcome == SILT_STORE_REFUSED ||
           outcome == SILT_STORE_NO_BUCKET || outcome == SILT_STORE_SKEWED;
}

static struct silt_roll_action on_complete(struct silt_roll *roll,
                                           const struct silt_roll_event *event)
{
    switch (event->outcome) {
    case SILT_STORE_OK: return go(roll, SILT_ROLL_DONE, SILT_ROLL_IS_DONE, false);
    case SILT_STORE_NO_UPLOAD:
    case SILT_STORE_NOT_FOUND:
    case SILT_STORE_EXISTS: return go(roll, SILT_ROLL_HEAD, SILT_ROLL_DO_HEAD, false);
    case SILT_STORE_INVALID_PART: return go(roll, SILT_ROLL_PARTS, SILT_ROLL_DO_PARTS, false);
    case SILT_STORE_BAD_PARTS: return go(roll, SILT_ROLL_MISSING, SILT_ROLL_IS_MISSING, true);
    case SILT_STORE_STOPPED: return go(roll, SILT_ROLL_FORGOTTEN, SILT_ROLL_FORGET, false);
    default: break;
    }
    if (is_permission(event->outcome)) return wait_in(roll, SILT_ROLL_WAIT, DENIED_WAIT_MS, true);
    return back_off(roll, SILT_ROLL_WAIT, event->random);
}

static struct silt_roll_action on_head(struct silt_roll *roll, const struct silt_roll_event *event)
{
    if (event->outcome == SILT_STORE_OK)
        return event->same ? go(roll, SILT_ROLL_DONE, SILT_ROLL_IS_DONE, false)
                           : go(roll, SILT_ROLL_BROKEN, SILT_ROLL_IS_BROKEN, true);
    if (event->outcome == SILT_STORE_STOPPED)
        return go(roll, SILT_ROLL_FORGOTTEN, SILT_ROLL_FORGET, false);
    if (event->outcome == SILT_STORE_NOT_FOUND) {
        if (event->delete_marker) return go(roll, SILT_ROLL_DONE, SILT_ROLL_IS_DONE, true);
        if (++roll->heads_missed >= SILT_ROLL_HEADS_MAX)
            return go(roll, SILT_ROLL_MISSING, SILT_ROLL_IS_MISSING, true);
        return wait_in(roll, SILT_ROLL_WAIT, 500 * (int64_t)roll->heads_missed, false);
    }
    if (is_permission(event->outcome))
        return wait_in(roll, SILT_ROLL_WAIT_HEAD, DENIED_WAIT_MS, true);
    return back_off(roll, SILT_ROLL_WAIT_HEAD, event->random);
}

static struct silt_roll_action on_parts(struct silt_roll *roll, const struct silt_roll_event *event)
{
    switch (event->outcome) {
    case SILT_STORE_OK:
        return event->same ? go(roll, SILT_ROLL_COMPLETE, SILT_ROLL_DO_COMPLETE, false)
                           : go(roll, SILT_ROLL_MISSING, SILT_ROLL_IS_MISSING, true);
    case SILT_STORE_NO_UPLOAD:
    case SILT_STORE_NOT_FOUND: return go(roll, SILT_ROLL_HEAD, SILT_ROLL_DO_HEAD, false);
    case SILT_STORE_STOPPED: return go(roll, SILT_ROLL_FORGOTTEN, SILT_ROLL_FORGET, false);
    default: break;
    }
    if (is_permission(event->outcome)) return wait_in(roll, SILT_ROLL_WAIT, DENIED_WAIT_MS, true);
    return back_off(roll, SILT_ROLL_WAIT, event->random);
}

/* Begins, or goes on after a wait. */
static struct silt_roll_action on_timer(struct silt_roll *roll, const struct silt_roll_event *event)
{
    (void)event;
    if (roll->state == SILT_ROLL_WAIT_HEAD)
        return go(roll, SILT_ROLL_HEAD, SILT_ROLL_DO_HEAD, false);
    return go(roll, SILT_ROLL_COMPLETE, SILT_ROLL_DO_COMPLETE, false);
}

static bool is_expected(enum silt_roll_state state, enum silt_roll_event_kind kind)
{
    static const enum silt_roll_event_kind waits_for[] = {
        [SILT_ROLL_IDLE] = SILT_ROLL_EV_BEGIN, [SILT_ROLL_COMPLETE] = SILT_ROLL_EV_COMPLETE,
        [SILT_ROLL_HEAD] = SILT_ROLL_EV_HEAD,  [SILT_ROLL_PARTS] = SILT_ROLL_EV_PARTS,
        [SILT_ROLL_WAIT] = SILT_ROLL_EV_TIMER, [SILT_ROLL_WAIT_HEAD] = SILT_ROLL_EV_TIMER,
    };
    return state < SILT_ROLL_DONE && waits_for[state] == kind; /* no: SILT_ASSERT ends it */
}

struct silt_roll_action silt_roll_step(struct silt_roll *roll, const struct silt_roll_event *event)
{
    static struct silt_roll_action (*const handlers[])(struct silt_roll *,
                                                       const struct silt_roll_event *) = {
        [SILT_ROLL_EV_BEGIN] = on_timer, [SILT_ROLL_EV_COMPLETE] = on_complete,
        [SILT_ROLL_EV_HEAD] = on_head,   [SILT_ROLL_EV_PARTS] = on_parts,
        [SILT_ROLL_EV_TIMER] = on_timer,
    };
    SILT_ASSERT(is_expected(roll->state, event->kind));
    return handlers[event->kind](roll, event);
}
