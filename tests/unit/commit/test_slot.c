#include "commit/slot.h"

#include "harness.h"

#include <string.h>

#define MINUTE ((int64_t)60000)
#define T0 ((int64_t)1700000000000)

static const struct silt_slot_limits limits = {.max_upload_age_ms = 240 * MINUTE,
                                               .max_tail_age_ms = 10 * MINUTE};

static struct silt_slot_action step(struct silt_slot *slot, enum silt_slot_event_kind kind,
                                    enum silt_store_outcome outcome, bool same, int64_t now_ms)
{
    struct silt_slot_event event = {
        .kind = kind, .outcome = outcome, .same = same, .now_ms = now_ms, .random = UINT64_MAX};
    return silt_slot_step(slot, &event);
}

static struct silt_slot putting(void)
{
    struct silt_slot slot;
    silt_slot_init(&slot, &limits, true, T0, T0);
    struct silt_slot_action action = step(&slot, SILT_SLOT_EV_BEGIN, SILT_STORE_OK, false, T0 + 5);
    CU_ASSERT_EQUAL(action.kind, SILT_SLOT_DO_PUT);
    CU_ASSERT_EQUAL(action.date_ms, T0 + 5);
    CU_ASSERT_FALSE(silt_slot_may_abort(&slot));
    return slot;
}

struct row {
    enum silt_store_outcome outcome;
    bool same;
    enum silt_slot_action_kind action;
    enum silt_slot_state state;
    bool page;
};

static void check_rows(struct silt_slot at, enum silt_slot_event_kind kind, const struct row *rows,
                       size_t rows_n)
{
    for (size_t i = 0; i < rows_n; i++) {
        struct silt_slot slot = at;
        struct silt_slot_action action =
            step(&slot, kind, rows[i].outcome, rows[i].same, T0 + MINUTE);
        CU_ASSERT_EQUAL(action.kind, rows[i].action);
        CU_ASSERT_EQUAL(slot.state, rows[i].state);
        CU_ASSERT_EQUAL(action.page, rows[i].page);
    }
}
#define ROWS(rows) rows, sizeof(rows) / sizeof(rows)[0]

static void every_answer_to_put_has_its_way(void)
{
    static const struct row rows[] = {
        {SILT_STORE_OK, false, SILT_SLOT_WON, SILT_SLOT_ENDED, false},
        {SILT_STORE_EXISTS, false, SILT_SLOT_DO_GET, SILT_SLOT_READ, false},
        {SILT_STORE_CONFLICT, false, SILT_SLOT_DO_WAIT, SILT_SLOT_WAIT, false},
        {SILT_STORE_BAD_DIGEST, false, SILT_SLOT_DO_WAIT, SILT_SLOT_WAIT, false},
        {SILT_STORE_SKEWED, false, SILT_SLOT_DO_WAIT, SILT_SLOT_WAIT, true},
        {SILT_STORE_DENIED, false, SILT_SLOT_DO_WAIT, SILT_SLOT_WAIT, true},
        {SILT_STORE_REFUSED, false, SILT_SLOT_DO_WAIT, SILT_SLOT_WAIT, true},
        {SILT_STORE_NO_BUCKET, false, SILT_SLOT_DO_WAIT, SILT_SLOT_WAIT, true},
        {SILT_STORE_NOT_FOUND, false, SILT_SLOT_DO_WAIT, SILT_SLOT_WAIT, true},
        {SILT_STORE_STOPPED, false, SILT_SLOT_FORGET, SILT_SLOT_ENDED, false},
        {SILT_STORE_DOUBT, false, SILT_SLOT_DO_GET, SILT_SLOT_DOUBT, false},
        {SILT_STORE_THROTTLED, false, SILT_SLOT_DO_GET, SILT_SLOT_DOUBT, false},
        {SILT_STORE_INVALID_PART, false, SILT_SLOT_DO_GET, SILT_SLOT_DOUBT, false},
    };
    check_rows(putting(), SILT_SLOT_EV_PUT, ROWS(rows));
}

static void after_412_the_slot_is_read(void)
{
    static const struct row rows[] = {
        {SILT_STORE_OK, true, SILT_SLOT_WON, SILT_SLOT_ENDED, false},
        {SILT_STORE_OK, false, SILT_SLOT_LOST, SILT_SLOT_ENDED, false},
        {SILT_STORE_NOT_FOUND, false, SILT_SLOT_BROKEN, SILT_SLOT_ENDED, true},
        {SILT_STORE_STOPPED, false, SILT_SLOT_FORGET, SILT_SLOT_ENDED, false},
        {SILT_STORE_DOUBT, false, SILT_SLOT_DO_WAIT, SILT_SLOT_WAIT, false},
    };
    struct silt_slot slot = putting();
    step(&slot, SILT_SLOT_EV_PUT, SILT_STORE_EXISTS, false, T0 + 6);
    check_rows(slot, SILT_SLOT_EV_GET, ROWS(rows));
}

static void in_doubt_the_slot_is_read(void)
{
    static const struct row rows[] = {
        {SILT_STORE_OK, true, SILT_SLOT_WON, SILT_SLOT_ENDED, false},
        {SILT_STORE_OK, false, SILT_SLOT_LOST, SILT_SLOT_ENDED, false},
        {SILT_STORE_NOT_FOUND, false, SILT_SLOT_DO_WAIT, SILT_SLOT_WAIT, false},
        {SILT_STORE_DENIED, false, SILT_SLOT_DO_WAIT, SILT_SLOT_WAIT, false},
        {SILT_STORE_STOPPED, false, SILT_SLOT_FORGET, SILT_SLOT_ENDED, false},
    };
    struct silt_slot slot = putting();
    step(&slot, SILT_SLOT_EV_PUT, SILT_STORE_DOUBT, false, T0 + 6);
    check_rows(slot, SILT_SLOT_EV_GET, ROWS(rows));
}

static void after_a_wait_the_same_is_put_again(void)
{
    struct silt_slot slot = putting();
    step(&slot, SILT_SLOT_EV_PUT, SILT_STORE_CONFLICT, false, T0 + 6);
    struct silt_slot_action action = step(&slot, SILT_SLOT_EV_TIMER, SILT_STORE_OK, false, T0 + 99);
    CU_ASSERT_EQUAL(action.kind, SILT_SLOT_DO_PUT);
    CU_ASSERT_EQUAL(action.date_ms, T0 + 99);
    CU_ASSERT_EQUAL(slot.puts_sent, 2);
}

static void an_old_tail_is_read_again_before_a_put(void)
{
    static const struct row rows[] = {
        {SILT_STORE_OK, true, SILT_SLOT_DO_PUT, SILT_SLOT_PUT, false},
        {SILT_STORE_OK, false, SILT_SLOT_BROKEN, SILT_SLOT_ENDED, true},
        {SILT_STORE_NOT_FOUND, false, SILT_SLOT_BROKEN, SILT_SLOT_ENDED, true},
        {SILT_STORE_DOUBT, false, SILT_SLOT_DO_WAIT, SILT_SLOT_WAIT, false},
        {SILT_STORE_STOPPED, false, SILT_SLOT_FORGET, SILT_SLOT_ENDED, false},
    };
    struct silt_slot slot;
    silt_slot_init(&slot, &limits, true, T0, T0 - 10 * MINUTE);
    CU_ASSERT_EQUAL(step(&slot, SILT_SLOT_EV_BEGIN, SILT_STORE_OK, false, T0).kind,
                    SILT_SLOT_DO_TAIL);
    CU_ASSERT(silt_slot_may_abort(&slot));
    check_rows(slot, SILT_SLOT_EV_TAIL, ROWS(rows));
}

static void a_tail_is_as_old_as_its_question(void)
{
    struct silt_slot slot;
    silt_slot_init(&slot, &limits, true, T0, T0 - 10 * MINUTE);
    step(&slot, SILT_SLOT_EV_BEGIN, SILT_STORE_OK, false, T0);
    /* The process slept for ten minutes with the answer in its inbox. */
    CU_ASSERT_EQUAL(step(&slot, SILT_SLOT_EV_TAIL, SILT_STORE_OK, true, T0 + 10 * MINUTE).kind,
                    SILT_SLOT_DO_TAIL);
    CU_ASSERT_EQUAL(step(&slot, SILT_SLOT_EV_TAIL, SILT_STORE_OK, true, T0 + 20 * MINUTE - 1).kind,
                    SILT_SLOT_DO_PUT);
}

static void slot_0_has_no_tail(void)
{
    struct silt_slot slot;
    silt_slot_init(&slot, &limits, false, INT64_MAX, 0);
    CU_ASSERT_EQUAL(step(&slot, SILT_SLOT_EV_BEGIN, SILT_STORE_OK, false, T0).kind,
                    SILT_SLOT_DO_PUT);
}

static void old_uploads_are_given_up_when_no_put_was_sent(void)
{
    struct silt_slot slot;
    silt_slot_init(&slot, &limits, true, T0, T0 + 240 * MINUTE - 1);
    CU_ASSERT_EQUAL(step(&slot, SILT_SLOT_EV_BEGIN, SILT_STORE_OK, false, T0 + 240 * MINUTE).kind,
                    SILT_SLOT_ABANDON);
    silt_slot_init(&slot, &limits, true, T0, T0 + 240 * MINUTE - 1);
    CU_ASSERT_EQUAL(
        step(&slot, SILT_SLOT_EV_BEGIN, SILT_STORE_OK, false, T0 + 240 * MINUTE - 1).kind,
        SILT_SLOT_DO_PUT);
}

/* A PUT was sent, is in doubt, and the uploads grew too old meanwhile. */
static struct silt_slot fenced(void)
{
    struct silt_slot slot = putting(); /* dated T0 + 5 */
    step(&slot, SILT_SLOT_EV_PUT, SILT_STORE_CONFLICT, false, T0 + 6);
    slot.oldest_upload_ms = T0 - 240 * MINUTE;
    struct silt_slot_action action =
        step(&slot, SILT_SLOT_EV_TIMER, SILT_STORE_OK, false, T0 + MINUTE);
    CU_ASSERT_EQUAL(action.kind, SILT_SLOT_DO_WAIT);
    CU_ASSERT_EQUAL(action.wait_ms, 59 * MINUTE + 5);
    CU_ASSERT(action.page);
    CU_ASSERT_EQUAL(
        step(&slot, SILT_SLOT_EV_TIMER, SILT_STORE_OK, false, T0 + 60 * MINUTE + 5).kind,
        SILT_SLOT_DO_GET);
    return slot;
}

static void behind_the_fence_the_slot_is_read(void)
{
    static const struct row rows[] = {
        {SILT_STORE_OK, true, SILT_SLOT_WON, SILT_SLOT_ENDED, false},
        {SILT_STORE_OK, false, SILT_SLOT_LOST, SILT_SLOT_ENDED, false},
        {SILT_STORE_NOT_FOUND, false, SILT_SLOT_ABANDON, SILT_SLOT_ENDED, false},
        {SILT_STORE_DOUBT, false, SILT_SLOT_DO_WAIT, SILT_SLOT_FENCE_WAIT, true},
        {SILT_STORE_DENIED, false, SILT_SLOT_DO_WAIT, SILT_SLOT_FENCE_WAIT, true},
        {SILT_STORE_STOPPED, false, SILT_SLOT_FORGET, SILT_SLOT_ENDED, false},
    };
    check_rows(fenced(), SILT_SLOT_EV_GET, ROWS(rows));
}

/* Our clock was wrong when the PUT was dated and is right now, or the other way round. */
static void behind_the_fence_the_stores_own_clock_decides(void)
{
    struct silt_slot slot = fenced(); /* until T0 + 60 min + 5 */
    struct silt_slot_event absent = {.kind = SILT_SLOT_EV_GET,
                                     .outcome = SILT_STORE_NOT_FOUND,
                                     .now_ms = T0 + 500 * MINUTE,
                                     .server_ms = T0 + 2 * MINUTE};
    struct silt_slot_action action = silt_slot_step(&slot, &absent);
    CU_ASSERT_EQUAL(action.kind, SILT_SLOT_DO_WAIT);
    CU_ASSERT_EQUAL(action.wait_ms, 58 * MINUTE + 5);
    CU_ASSERT(action.page);
    CU_ASSERT_EQUAL(step(&slot, SILT_SLOT_EV_TIMER, SILT_STORE_OK, false, T0 + 600 * MINUTE).kind,
                    SILT_SLOT_DO_GET);
    absent.server_ms = T0 + 60 * MINUTE + 5;
    CU_ASSERT_EQUAL(silt_slot_step(&slot, &absent).kind, SILT_SLOT_ABANDON);
}

static void a_fence_long_over_is_not_waited_for(void)
{
    struct silt_slot slot = putting();
    step(&slot, SILT_SLOT_EV_PUT, SILT_STORE_CONFLICT, false, T0 + 6);
    CU_ASSERT_EQUAL(step(&slot, SILT_SLOT_EV_TIMER, SILT_STORE_OK, false, T0 + 300 * MINUTE).kind,
                    SILT_SLOT_DO_GET);
    CU_ASSERT_EQUAL(slot.state, SILT_SLOT_FENCE_READ);
}

static void the_stores_clock_is_learnt(void)
{
    struct silt_slot slot = putting();
    struct silt_slot_event skewed = {.kind = SILT_SLOT_EV_PUT,
                                     .outcome = SILT_STORE_SKEWED,
                                     .now_ms = T0 + 10,
                                     .server_ms = T0 + 10 + 20 * MINUTE};
    CU_ASSERT_FALSE(silt_slot_step(&slot, &skewed).page);
    struct silt_slot_action action = step(&slot, SILT_SLOT_EV_TIMER, SILT_STORE_OK, false, T0 + 20);
    CU_ASSERT_EQUAL(action.date_ms, T0 + 20 + 20 * MINUTE);
    skewed.server_ms += MINUTE;
    action = silt_slot_step(&slot, &skewed);
    CU_ASSERT(action.page);
    CU_ASSERT_EQUAL(action.wait_ms, SILT_DENIED_WAIT_MS);
    /* Our clock was put right meanwhile: what was learnt is wrong now. */
    skewed.now_ms = skewed.server_ms = T0 + 40 * MINUTE;
    CU_ASSERT_EQUAL(step(&slot, SILT_SLOT_EV_TIMER, SILT_STORE_OK, false, T0 + 5 * MINUTE).kind,
                    SILT_SLOT_DO_PUT);
    (void)silt_slot_step(&slot, &skewed);
    slot.tail_read_ms = T0 + 40 * MINUTE;
    action = step(&slot, SILT_SLOT_EV_TIMER, SILT_STORE_OK, false, T0 + 41 * MINUTE);
    CU_ASSERT_EQUAL(action.date_ms, T0 + 41 * MINUTE);
}

/* Our clock was three hours ahead when a PUT went out whose answer never came. The store took us
 * for what we said: it would accept this PUT when its own clock comes to that date. */
static void a_put_dated_ahead_is_waited_for_until_its_date_is_over(void)
{
    struct silt_slot slot = putting(); /* dated T0 + 5 */
    step(&slot, SILT_SLOT_EV_PUT, SILT_STORE_DOUBT, false, T0 + 6);
    step(&slot, SILT_SLOT_EV_GET, SILT_STORE_NOT_FOUND, false, T0 + 7);
    step(&slot, SILT_SLOT_EV_TIMER, SILT_STORE_OK, false, T0 + 8);
    struct silt_slot_event skewed = {.kind = SILT_SLOT_EV_PUT,
                                     .outcome = SILT_STORE_SKEWED,
                                     .now_ms = T0 + 10,
                                     .server_ms = T0 + 10 - 180 * MINUTE};
    CU_ASSERT_EQUAL(silt_slot_step(&slot, &skewed).kind, SILT_SLOT_DO_WAIT);
    struct silt_slot_action action = step(&slot, SILT_SLOT_EV_TIMER, SILT_STORE_OK, false, T0 + 11);
    CU_ASSERT_EQUAL(action.date_ms, T0 + 11 - 180 * MINUTE);
    step(&slot, SILT_SLOT_EV_PUT, SILT_STORE_DOUBT, false, T0 + 12);
    step(&slot, SILT_SLOT_EV_GET, SILT_STORE_NOT_FOUND, false, T0 + 13);
    slot.oldest_upload_ms = T0 - 240 * MINUTE;
    action = step(&slot, SILT_SLOT_EV_TIMER, SILT_STORE_OK, false, T0 + 14);
    CU_ASSERT_EQUAL(action.kind, SILT_SLOT_DO_WAIT);
    CU_ASSERT_EQUAL(action.wait_ms, T0 + 5 + SILT_FENCE_MS - (T0 + 14 - 180 * MINUTE));
}

static void states_have_names(void)
{
    for (unsigned i = 0; i < SILT_SLOT_STATES_N; i++)
        CU_ASSERT(strlen(silt_slot_state_name((enum silt_slot_state)i)) > 0);
}

/* ---- the property: what may be sent, and when giving up is allowed ----
 *
 * A model of the world answers whatever it likes, out of a generator, and lets any time pass. It
 * keeps the books of what was promised: the date of every PUT, and when the last look that found
 * nothing was asked for.
 */

static uint64_t next_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

struct model {
    uint64_t random;
    int64_t now;
    int64_t oldest_upload;
    int64_t tail_asked;    /* when the newest good reading of the tail was asked for */
    int64_t asked;         /* when the open question was */
    int64_t skew;          /* of the store's clock */
    int64_t put_date;      /* of the newest PUT */
    int64_t last_put_date; /* the latest of those not refused for their date */
    unsigned puts_n;
    bool found_nothing; /* the newest GET */
    int64_t looked;     /* when it was asked for */
    bool ok;
};

static void expect(struct model *model, bool condition)
{
    model->ok = model->ok && condition;
}

static void let_time_pass(struct model *model, int64_t at_least)
{
    static const int64_t steps[] = {1, 1000, 30000, 300000, 3600000, 5 * 3600000};
    model->now += at_least + steps[next_random(&model->random) % 6];
}

static void check_put(struct model *model, const struct silt_slot_action *action, int64_t event_now,
                      int64_t offset)
{
    expect(model, action->date_ms == event_now + offset); /* R7: dated before the checks */
    expect(model, event_now - model->oldest_upload < limits.max_upload_age_ms);
    expect(model, event_now - model->tail_asked < limits.max_tail_age_ms);
    model->put_date = action->date_ms;
    model->puts_n++;
    model->found_nothing = false;
}

static void check_end(struct model *model, const struct silt_slot *slot,
                      const struct silt_slot_action *action, const struct silt_slot_event *event)
{
    if (action->kind == SILT_SLOT_ABANDON && model->puts_n)
        expect(model, model->found_nothing && model->looked + slot->clock_offset_ms >=
                                                  model->last_put_date + SILT_FENCE_MS);
    if (action->kind == SILT_SLOT_WON)
        expect(model, (event->kind == SILT_SLOT_EV_PUT && event->outcome == SILT_STORE_OK) ||
                          (event->kind == SILT_SLOT_EV_GET && event->same));
    if (action->kind == SILT_SLOT_LOST)
        expect(model,
               event->kind == SILT_SLOT_EV_GET && event->outcome == SILT_STORE_OK && !event->same);
    expect(model, silt_slot_may_abort(slot) == (model->puts_n == 0));
}

static void draw_answer(struct model *model, struct silt_slot_event *event)
{
    static const enum silt_store_outcome put[] = {
        SILT_STORE_OK,     SILT_STORE_EXISTS, SILT_STORE_CONFLICT,  SILT_STORE_DOUBT,
        SILT_STORE_DENIED, SILT_STORE_SKEWED, SILT_STORE_THROTTLED, SILT_STORE_DOUBT,
        SILT_STORE_DOUBT,  SILT_STORE_DOUBT};
    static const enum silt_store_outcome get[] = {SILT_STORE_NOT_FOUND, SILT_STORE_NOT_FOUND,
                                                  SILT_STORE_NOT_FOUND, SILT_STORE_DOUBT,
                                                  SILT_STORE_OK,        SILT_STORE_DENIED};
    uint64_t random = next_random(&model->random);
    event->same = random >> 32 & 1;
    event->outcome = event->kind == SILT_SLOT_EV_PUT ? put[random % 10] : get[random % 6];
    if (event->kind == SILT_SLOT_EV_TAIL && random % 4) {
        event->outcome = SILT_STORE_OK;
        event->same = true;
    }
    if (event->outcome == SILT_STORE_SKEWED) event->server_ms = model->now + model->skew;
}

static void note_answer(struct model *model, const struct silt_slot_event *event)
{
    if (event->kind == SILT_SLOT_EV_PUT && event->outcome != SILT_STORE_SKEWED &&
        model->put_date > model->last_put_date)
        model->last_put_date = model->put_date;
    if (event->kind == SILT_SLOT_EV_GET) {
        model->found_nothing = event->outcome == SILT_STORE_NOT_FOUND;
        model->looked = model->asked;
    }
    if (event->kind == SILT_SLOT_EV_TAIL && event->outcome == SILT_STORE_OK && event->same)
        model->tail_asked = model->asked;
}

/* @return the kind of event that answers the action; the model's clock has moved on. */
static enum silt_slot_event_kind carry_out(struct model *model,
                                           const struct silt_slot_action *action)
{
    model->asked = model->now;
    let_time_pass(model, action->kind == SILT_SLOT_DO_WAIT ? action->wait_ms : 0);
    switch (action->kind) {
    case SILT_SLOT_DO_PUT: return SILT_SLOT_EV_PUT;
    case SILT_SLOT_DO_GET: return SILT_SLOT_EV_GET;
    case SILT_SLOT_DO_TAIL: return SILT_SLOT_EV_TAIL;
    default: return SILT_SLOT_EV_TIMER;
    }
}

static bool run_model(uint64_t seed)
{
    static const int64_t skews[] = {20 * MINUTE, -20 * MINUTE, -300 * MINUTE};
    struct model model = {.random = seed, .now = T0, .skew = skews[seed % 3], .ok = true};
    struct silt_slot slot;
    model.oldest_upload = T0 - (int64_t)(next_random(&model.random) % (uint64_t)(250 * MINUTE));
    model.tail_asked = T0 - (int64_t)(next_random(&model.random) % (uint64_t)(20 * MINUTE));
    silt_slot_init(&slot, &limits, true, model.oldest_upload, model.tail_asked);
    struct silt_slot_event event = {.kind = SILT_SLOT_EV_BEGIN, .now_ms = model.now};
    for (unsigned i = 0; i < 500 && model.ok; i++) {
        int64_t offset = slot.clock_offset_ms;
        struct silt_slot_action action = silt_slot_step(&slot, &event);
        if (action.kind == SILT_SLOT_DO_PUT) check_put(&model, &action, event.now_ms, offset);
        check_end(&model, &slot, &action, &event);
        if (slot.state == SILT_SLOT_ENDED) return model.ok;
        event = (struct silt_slot_event){.kind = carry_out(&model, &action)};
        event.random = next_random(&model.random);
        event.now_ms = model.now;
        if (event.kind == SILT_SLOT_EV_TIMER) continue;
        draw_answer(&model, &event);
        note_answer(&model, &event);
    }
    return model.ok;
}

static void no_stream_of_events_makes_it_unsafe(void)
{
    unsigned bad = 0;
    for (uint64_t seed = 1; seed <= 100000; seed++) bad += !run_model(seed);
    CU_ASSERT_EQUAL(bad, 0);
}

SILT_TESTS("slot", {"every answer to PUT has its way", every_answer_to_put_has_its_way},
           {"after 412 the slot is read", after_412_the_slot_is_read},
           {"in doubt the slot is read", in_doubt_the_slot_is_read},
           {"after a wait the same is put again", after_a_wait_the_same_is_put_again},
           {"an old tail is read again before a PUT", an_old_tail_is_read_again_before_a_put},
           {"a tail is as old as its question", a_tail_is_as_old_as_its_question},
           {"slot 0 has no tail", slot_0_has_no_tail},
           {"old uploads are given up when no PUT was sent",
            old_uploads_are_given_up_when_no_put_was_sent},
           {"behind the fence the slot is read", behind_the_fence_the_slot_is_read},
           {"behind the fence the store's own clock decides",
            behind_the_fence_the_stores_own_clock_decides},
           {"a fence long over is not waited for", a_fence_long_over_is_not_waited_for},
           {"the store's clock is learnt", the_stores_clock_is_learnt},
           {"a PUT dated ahead is waited for until its date is over",
            a_put_dated_ahead_is_waited_for_until_its_date_is_over},
           {"states have names", states_have_names},
           {"no stream of events makes it unsafe", no_stream_of_events_makes_it_unsafe})
