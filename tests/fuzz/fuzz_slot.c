/* The commit of one slot between a store that tells the truth when it answers and a network that
 * loses answers, delays requests and pauses the process for hours. Another writer may take the slot
 * at any moment, clocks may differ.
 *
 * Checked: R4 and R7 (no PUT without a fresh tail and fresh uploads, dated before the checks), R5
 * (uploads are given up only when no PUT of ours can land any more), R6 (WON is our bytes in the
 * slot, LOST another's), no BROKEN while nothing is broken, and an end once the network is calm.
 */
#include "commit/slot.h"

#include "fuzz.h"

#define MINUTE INT64_C(60000)
#define SKEW_MAX (15 * MINUTE) /* A6: what S3 takes of a request's date */
#define LATE_MAX 64
#define STEPS_MAX 400
#define CALM_STEPS_MAX 64

enum holder { NOBODY, OURS, OTHERS };

struct world {
    struct fuzz_in in;
    struct silt_slot slot;
    int64_t now;  /* our clock */
    int64_t skew; /* the store's clock - ours */
    enum holder holder;
    int64_t late[LATE_MAX]; /* dates of PUTs without an answer, which may still arrive */
    unsigned late_n;
    unsigned puts;
    int64_t oldest_upload;
    int64_t tail_read; /* when the question was asked that the last good answer belongs to */
    bool stopped;
};

static const struct silt_slot_limits limits = {.max_upload_age_ms = 240 * MINUTE,
                                               .max_tail_age_ms = 5 * MINUTE};

static bool in_time(const struct world *w, int64_t date)
{
    int64_t apart = w->now + w->skew - date;
    return apart <= SKEW_MAX && apart >= -SKEW_MAX;
}

static void arrive(struct world *w, int64_t date)
{
    if (w->holder == NOBODY && in_time(w, date)) w->holder = OURS;
}

static void put_clock_right(struct world *w)
{
    w->now += w->skew;
    w->skew = 0;
}

/* Time passes, others write, what was late arrives. */
static void pass(struct world *w)
{
    static const int64_t steps[] = {0,          1,           200,         31000,
                                    6 * MINUTE, 20 * MINUTE, 61 * MINUTE, 300 * MINUTE};
    if (!fuzz_more(&w->in)) return;
    unsigned what = fuzz_byte(&w->in);
    w->now += steps[what % 8];
    if (what >> 3 & 1 && w->late_n) arrive(w, w->late[(what >> 5) % w->late_n]);
    if ((what >> 3 & 7) == 6 && w->holder == NOBODY) w->holder = OTHERS;
    if ((what >> 3 & 7) == 4) put_clock_right(w);
}

static bool network_fails(struct world *w)
{
    return fuzz_more(&w->in) && fuzz_one_in(&w->in, 2);
}

/* An outcome that says nothing about the object. */
static enum silt_store_outcome no_answer(struct world *w)
{
    static const enum silt_store_outcome outcomes[] = {
        SILT_STORE_DOUBT,     SILT_STORE_THROTTLED,  SILT_STORE_DENIED,  SILT_STORE_REFUSED,
        SILT_STORE_NO_BUCKET, SILT_STORE_BAD_DIGEST, SILT_STORE_STOPPED, SILT_STORE_CONFLICT};
    enum silt_store_outcome outcome = outcomes[fuzz_below(&w->in, 8)];
    if (outcome == SILT_STORE_STOPPED) w->stopped = true;
    return outcome;
}

static void check_put(const struct world *w, const struct silt_slot_action *action)
{
    FUZZ_CHECK(action->date_ms == w->now + w->slot.clock_offset_ms);
    FUZZ_CHECK(w->now - w->oldest_upload < limits.max_upload_age_ms);
    FUZZ_CHECK(!w->slot.has_tail || w->now - w->tail_read < limits.max_tail_age_ms);
}

static struct silt_slot_event answer_put(struct world *w, int64_t date)
{
    struct silt_slot_event event = {.kind = SILT_SLOT_EV_PUT};
    bool lost = network_fails(w);
    w->puts++;
    if (lost && fuzz_one_in(&w->in, 2)) { /* refused for another reason, certainly not done */
        event.outcome = no_answer(w);
        if (event.outcome != SILT_STORE_DOUBT && event.outcome != SILT_STORE_STOPPED) return event;
    }
    if (lost) {
        if (w->late_n < LATE_MAX) w->late[w->late_n++] = date;
        if (event.outcome == SILT_STORE_OK) event.outcome = SILT_STORE_DOUBT;
        return event;
    }
    event.server_ms = w->now + w->skew;
    if (!in_time(w, date))
        event.outcome = SILT_STORE_SKEWED;
    else if (w->holder != NOBODY)
        event.outcome = SILT_STORE_EXISTS;
    arrive(w, date);
    return event;
}

static struct silt_slot_event answer_get(struct world *w)
{
    struct silt_slot_event event = {
        .kind = SILT_SLOT_EV_GET, .same = w->holder == OURS, .server_ms = w->now + w->skew};
    if (w->holder == NOBODY) event.outcome = SILT_STORE_NOT_FOUND;
    if (!in_time(w, w->now)) event.outcome = SILT_STORE_SKEWED;
    if (network_fails(w)) event.outcome = no_answer(w);
    return event;
}

static struct silt_slot_event answer_tail(struct world *w)
{
    struct silt_slot_event event = {.kind = SILT_SLOT_EV_TAIL, .same = true};
    int64_t asked = w->now;
    pass(w);
    if (!in_time(w, w->now)) event.outcome = SILT_STORE_SKEWED;
    if (network_fails(w)) event.outcome = no_answer(w);
    if (event.outcome == SILT_STORE_OK) w->tail_read = asked;
    return event;
}

static struct silt_slot_event carry_out(struct world *w, const struct silt_slot_action *action)
{
    switch (action->kind) {
    case SILT_SLOT_DO_PUT:
        check_put(w, action);
        pass(w);
        return answer_put(w, action->date_ms);
    case SILT_SLOT_DO_GET: pass(w); return answer_get(w);
    case SILT_SLOT_DO_TAIL: return answer_tail(w);
    default:
        FUZZ_CHECK(action->kind == SILT_SLOT_DO_WAIT && action->wait_ms >= 0);
        w->now += action->wait_ms;
        return (struct silt_slot_event){.kind = SILT_SLOT_EV_TIMER};
    }
}

static void check_nothing_can_land(const struct world *w)
{
    FUZZ_CHECK(w->holder != OURS);
    if (w->holder == OTHERS) return;
    for (unsigned i = 0; i < w->late_n; i++) FUZZ_CHECK(w->now + w->skew > w->late[i] + SKEW_MAX);
}

static void check_end(const struct world *w, const struct silt_slot_action *action)
{
    FUZZ_CHECK(w->slot.state == SILT_SLOT_ENDED);
    switch (action->kind) {
    case SILT_SLOT_WON: FUZZ_CHECK(w->holder == OURS); return;
    case SILT_SLOT_LOST: FUZZ_CHECK(w->holder == OTHERS); return;
    case SILT_SLOT_ABANDON: check_nothing_can_land(w); return;
    default: FUZZ_CHECK(action->kind == SILT_SLOT_FORGET && w->stopped);
    }
}

static void init(struct world *w, const uint8_t *data, size_t size)
{
    static const int64_t skews[] = {0, 5, -5, 14, -14, 20, -20, 300, -300};
    *w = (struct world){.in = fuzz_in(data, size), .now = 1700000000000};
    w->skew = skews[fuzz_below(&w->in, 9)] * MINUTE;
    w->oldest_upload = w->now - (int64_t)fuzz_below(&w->in, 250) * MINUTE;
    w->tail_read = w->now - (int64_t)fuzz_below(&w->in, 8) * MINUTE;
    silt_slot_init(&w->slot, &limits, fuzz_byte(&w->in) & 1, w->oldest_upload, w->tail_read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w;
    struct silt_slot_event event = {.kind = SILT_SLOT_EV_BEGIN};
    unsigned calm = 0;
    init(&w, data, size);
    for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
        event.now_ms = w.now;
        event.random = fuzz_bits(&w.in, 1) << 56;
        struct silt_slot_action action = silt_slot_step(&w.slot, &event);
        FUZZ_CHECK(silt_slot_may_abort(&w.slot) ==
                   (w.puts == 0 && action.kind != SILT_SLOT_DO_PUT));
        if (action.kind >= SILT_SLOT_WON) {
            check_end(&w, &action);
            return 0;
        }
        event = carry_out(&w, &action);
        if (!fuzz_more(&w.in)) put_clock_right(&w);
        FUZZ_CHECK(fuzz_more(&w.in) || calm++ < CALM_STEPS_MAX);
    }
    return 0;
}
