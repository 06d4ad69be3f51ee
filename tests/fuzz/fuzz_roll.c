/* Roll-forward of one file while others complete the same upload, answers are lost and rights come
 * and go. Checked: DONE is an object that is there (or was deleted on purpose, told), MISSING only
 * what can never appear, BROKEN only another's object, and an end once the store is calm.
 */
#include "commit/roll.h"

#include "fuzz.h"

#define STEPS_MAX 400
#define CALM_STEPS_MAX 64

enum upload { OPEN, COMPLETED, GONE }; /* GONE: aborted or expired */

struct world {
    struct fuzz_in in;
    struct silt_roll roll;
    enum upload upload;
    bool foreign;      /* another object is at the key */
    bool deleted;      /* by hand, with a delete marker */
    bool other_parts;  /* the staged parts are not the manifest's */
    bool other_etags;  /* the same content under other ETags, until they are asked for */
    bool too_small;    /* the store finds the parts wrong */
    unsigned unseen_n; /* HEADs that do not see a completed object yet */
    bool stopped;
};

static void others_work(struct world *w)
{
    if (!fuzz_more(&w->in)) return;
    unsigned what = fuzz_byte(&w->in);
    if ((what & 7) == 1 && w->upload == OPEN) {
        w->upload = COMPLETED;
        w->unseen_n = (what >> 3) % SILT_ROLL_HEADS_MAX;
    }
    if ((what & 15) == 2 && w->upload == OPEN) w->upload = GONE;
    if (what == 3 && w->upload == COMPLETED) w->deleted = true;
}

static bool network_fails(struct world *w)
{
    return fuzz_more(&w->in) && fuzz_one_in(&w->in, 2);
}

static enum silt_store_outcome no_answer(struct world *w)
{
    static const enum silt_store_outcome outcomes[] = {
        SILT_STORE_DOUBT,   SILT_STORE_THROTTLED, SILT_STORE_DENIED,
        SILT_STORE_REFUSED, SILT_STORE_NO_BUCKET, SILT_STORE_BAD_DIGEST,
        SILT_STORE_STOPPED, SILT_STORE_CONFLICT,  SILT_STORE_SKEWED};
    enum silt_store_outcome outcome = outcomes[fuzz_below(&w->in, 9)];
    if (outcome == SILT_STORE_STOPPED) w->stopped = true;
    return outcome;
}

static enum silt_store_outcome complete(struct world *w)
{
    if (w->upload != OPEN) return SILT_STORE_NO_UPLOAD;
    if (w->too_small) return SILT_STORE_BAD_PARTS;
    if (w->other_parts || w->other_etags) return SILT_STORE_INVALID_PART;
    w->upload = COMPLETED;
    return SILT_STORE_OK;
}

static struct silt_roll_event answer_complete(struct world *w)
{
    struct silt_roll_event event = {.kind = SILT_ROLL_EV_COMPLETE};
    bool lost = network_fails(w);
    if (!lost || fuzz_one_in(&w->in, 2)) event.outcome = complete(w); /* done, but was it said? */
    if (lost) event.outcome = no_answer(w);
    return event;
}

static struct silt_roll_event answer_head(struct world *w)
{
    struct silt_roll_event event = {.kind = SILT_ROLL_EV_HEAD, .same = !w->foreign};
    bool there = w->foreign || (w->upload == COMPLETED && !w->deleted && w->unseen_n == 0);
    if (network_fails(w)) {
        event.outcome = no_answer(w);
        return event;
    }
    event.delete_marker = w->deleted;
    if (!there) event.outcome = SILT_STORE_NOT_FOUND;
    if (w->unseen_n && !w->deleted) w->unseen_n--;
    return event;
}

static struct silt_roll_event answer_parts(struct world *w)
{
    struct silt_roll_event event = {.kind = SILT_ROLL_EV_PARTS, .same = !w->other_parts};
    if (w->upload != OPEN) event.outcome = SILT_STORE_NO_UPLOAD;
    if (network_fails(w)) event.outcome = no_answer(w);
    if (event.outcome == SILT_STORE_OK) w->other_etags = false;
    return event;
}

static struct silt_roll_event carry_out(struct world *w, const struct silt_roll_action *action)
{
    others_work(w);
    switch (action->kind) {
    case SILT_ROLL_DO_COMPLETE: return answer_complete(w);
    case SILT_ROLL_DO_HEAD: return answer_head(w);
    case SILT_ROLL_DO_PARTS: return answer_parts(w);
    default:
        FUZZ_CHECK(action->kind == SILT_ROLL_DO_WAIT && action->wait_ms >= 0);
        return (struct silt_roll_event){.kind = SILT_ROLL_EV_TIMER};
    }
}

static void check_end(const struct world *w, const struct silt_roll_action *action)
{
    FUZZ_CHECK(w->roll.state >= SILT_ROLL_DONE);
    switch (action->kind) {
    case SILT_ROLL_IS_DONE: FUZZ_CHECK(w->upload == COMPLETED); return;
    case SILT_ROLL_IS_MISSING:
        FUZZ_CHECK(w->upload == GONE || w->other_parts || w->too_small);
        FUZZ_CHECK(w->upload != COMPLETED && action->page);
        return;
    case SILT_ROLL_IS_BROKEN: FUZZ_CHECK(w->foreign && action->page); return;
    default: FUZZ_CHECK(action->kind == SILT_ROLL_FORGET && w->stopped);
    }
}

static void init(struct world *w, const uint8_t *data, size_t size)
{
    *w = (struct world){.in = fuzz_in(data, size)};
    unsigned what = fuzz_byte(&w->in);
    w->upload = what % 8 == 7 ? GONE : what % 8 == 6 ? COMPLETED : OPEN;
    w->foreign = (what >> 3) % 8 == 7;
    w->other_etags = what >> 6 == 1;
    w->other_parts = what >> 6 == 2;
    w->too_small = what >> 6 == 3;
    silt_roll_init(&w->roll);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w;
    struct silt_roll_event event = {.kind = SILT_ROLL_EV_BEGIN};
    unsigned calm = 0;
    init(&w, data, size);
    for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
        event.random = fuzz_bits(&w.in, 1) << 56;
        struct silt_roll_action action = silt_roll_step(&w.roll, &event);
        if (action.kind >= SILT_ROLL_IS_DONE) {
            check_end(&w, &action);
            return 0;
        }
        event = carry_out(&w, &action);
        FUZZ_CHECK(fuzz_more(&w.in) || calm++ < CALM_STEPS_MAX);
    }
    return 0;
}
