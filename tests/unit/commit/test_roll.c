#include "commit/roll.h"

#include "harness.h"

#include <string.h>

static struct silt_roll begun(void)
{
    struct silt_roll roll;
    struct silt_roll_event event = {.kind = SILT_ROLL_EV_BEGIN};
    silt_roll_init(&roll);
    CU_ASSERT_EQUAL(silt_roll_step(&roll, &event).kind, SILT_ROLL_DO_COMPLETE);
    return roll;
}

static struct silt_roll_action step(struct silt_roll *roll, enum silt_roll_event_kind kind,
                                    enum silt_store_outcome outcome, bool same)
{
    struct silt_roll_event event = {
        .kind = kind, .outcome = outcome, .same = same, .random = UINT64_MAX};
    return silt_roll_step(roll, &event);
}

struct row {
    enum silt_store_outcome outcome;
    bool same;
    enum silt_roll_action_kind action;
    enum silt_roll_state state;
    bool page;
};

static void check_rows(struct silt_roll at, enum silt_roll_event_kind kind, const struct row *rows,
                       size_t rows_n)
{
    for (size_t i = 0; i < rows_n; i++) {
        struct silt_roll roll = at;
        struct silt_roll_action action = step(&roll, kind, rows[i].outcome, rows[i].same);
        CU_ASSERT_EQUAL(action.kind, rows[i].action);
        CU_ASSERT_EQUAL(roll.state, rows[i].state);
        CU_ASSERT_EQUAL(action.page, rows[i].page);
    }
}
#define ROWS(rows) rows, sizeof(rows) / sizeof(rows)[0]

static void every_answer_to_complete_has_its_way(void)
{
    static const struct row rows[] = {
        {SILT_STORE_OK, false, SILT_ROLL_IS_DONE, SILT_ROLL_DONE, false},
        {SILT_STORE_NO_UPLOAD, false, SILT_ROLL_DO_HEAD, SILT_ROLL_HEAD, false},
        {SILT_STORE_NOT_FOUND, false, SILT_ROLL_DO_HEAD, SILT_ROLL_HEAD, false},
        {SILT_STORE_EXISTS, false, SILT_ROLL_DO_HEAD, SILT_ROLL_HEAD, false},
        {SILT_STORE_INVALID_PART, false, SILT_ROLL_DO_PARTS, SILT_ROLL_PARTS, false},
        {SILT_STORE_BAD_PARTS, false, SILT_ROLL_IS_MISSING, SILT_ROLL_MISSING, true},
        {SILT_STORE_STOPPED, false, SILT_ROLL_FORGET, SILT_ROLL_FORGOTTEN, false},
        {SILT_STORE_DENIED, false, SILT_ROLL_DO_WAIT, SILT_ROLL_WAIT, true},
        {SILT_STORE_REFUSED, false, SILT_ROLL_DO_WAIT, SILT_ROLL_WAIT, true},
        {SILT_STORE_NO_BUCKET, false, SILT_ROLL_DO_WAIT, SILT_ROLL_WAIT, true},
        {SILT_STORE_SKEWED, false, SILT_ROLL_DO_WAIT, SILT_ROLL_WAIT, true},
        {SILT_STORE_DOUBT, false, SILT_ROLL_DO_WAIT, SILT_ROLL_WAIT, false},
        {SILT_STORE_CONFLICT, false, SILT_ROLL_DO_WAIT, SILT_ROLL_WAIT, false},
        {SILT_STORE_THROTTLED, false, SILT_ROLL_DO_WAIT, SILT_ROLL_WAIT, false},
    };
    check_rows(begun(), SILT_ROLL_EV_COMPLETE, ROWS(rows));
}

static void every_answer_to_head_has_its_way(void)
{
    static const struct row rows[] = {
        {SILT_STORE_OK, true, SILT_ROLL_IS_DONE, SILT_ROLL_DONE, false},
        {SILT_STORE_OK, false, SILT_ROLL_IS_BROKEN, SILT_ROLL_BROKEN, true},
        {SILT_STORE_STOPPED, false, SILT_ROLL_FORGET, SILT_ROLL_FORGOTTEN, false},
        {SILT_STORE_NOT_FOUND, false, SILT_ROLL_DO_WAIT, SILT_ROLL_WAIT, false},
        {SILT_STORE_DENIED, false, SILT_ROLL_DO_WAIT, SILT_ROLL_WAIT_HEAD, true},
        {SILT_STORE_DOUBT, false, SILT_ROLL_DO_WAIT, SILT_ROLL_WAIT_HEAD, false},
    };
    struct silt_roll roll = begun();
    step(&roll, SILT_ROLL_EV_COMPLETE, SILT_STORE_NO_UPLOAD, false);
    check_rows(roll, SILT_ROLL_EV_HEAD, ROWS(rows));
}

static void every_answer_to_list_parts_has_its_way(void)
{
    static const struct row rows[] = {
        {SILT_STORE_OK, true, SILT_ROLL_DO_COMPLETE, SILT_ROLL_COMPLETE, false},
        {SILT_STORE_OK, false, SILT_ROLL_IS_MISSING, SILT_ROLL_MISSING, true},
        {SILT_STORE_NO_UPLOAD, false, SILT_ROLL_DO_HEAD, SILT_ROLL_HEAD, false},
        {SILT_STORE_NOT_FOUND, false, SILT_ROLL_DO_HEAD, SILT_ROLL_HEAD, false},
        {SILT_STORE_STOPPED, false, SILT_ROLL_FORGET, SILT_ROLL_FORGOTTEN, false},
        {SILT_STORE_DENIED, false, SILT_ROLL_DO_WAIT, SILT_ROLL_WAIT, true},
        {SILT_STORE_DOUBT, false, SILT_ROLL_DO_WAIT, SILT_ROLL_WAIT, false},
    };
    struct silt_roll roll = begun();
    step(&roll, SILT_ROLL_EV_COMPLETE, SILT_STORE_INVALID_PART, false);
    check_rows(roll, SILT_ROLL_EV_PARTS, ROWS(rows));
}

static void absent_is_believed_only_after_several_looks(void)
{
    struct silt_roll roll = begun();
    for (unsigned i = 1; i < SILT_ROLL_HEADS_MAX; i++) {
        step(&roll, SILT_ROLL_EV_COMPLETE, SILT_STORE_NO_UPLOAD, false);
        struct silt_roll_action action =
            step(&roll, SILT_ROLL_EV_HEAD, SILT_STORE_NOT_FOUND, false);
        CU_ASSERT_EQUAL(action.kind, SILT_ROLL_DO_WAIT);
        CU_ASSERT_EQUAL(action.wait_ms, 500 * (int64_t)i);
        CU_ASSERT_EQUAL(step(&roll, SILT_ROLL_EV_TIMER, SILT_STORE_OK, false).kind,
                        SILT_ROLL_DO_COMPLETE);
    }
    step(&roll, SILT_ROLL_EV_COMPLETE, SILT_STORE_NO_UPLOAD, false);
    struct silt_roll_action action = step(&roll, SILT_ROLL_EV_HEAD, SILT_STORE_NOT_FOUND, false);
    CU_ASSERT_EQUAL(action.kind, SILT_ROLL_IS_MISSING);
    CU_ASSERT(action.page);
}

/* versitygw answers HEAD with 404 when it does not know the key: the next Complete says so. */
static void absent_is_not_believed_of_a_store_that_refuses(void)
{
    struct silt_roll roll = begun();
    step(&roll, SILT_ROLL_EV_COMPLETE, SILT_STORE_NO_UPLOAD, false);
    step(&roll, SILT_ROLL_EV_HEAD, SILT_STORE_NOT_FOUND, false);
    for (unsigned i = 0; i < SILT_ROLL_HEADS_MAX; i++) {
        step(&roll, SILT_ROLL_EV_TIMER, SILT_STORE_OK, false);
        struct silt_roll_action action =
            step(&roll, SILT_ROLL_EV_COMPLETE, SILT_STORE_DENIED, false);
        CU_ASSERT_EQUAL(action.kind, SILT_ROLL_DO_WAIT);
    }
    CU_ASSERT_EQUAL(roll.heads_missed, 1);
}

static void a_delete_marker_is_somebodys_decision(void)
{
    struct silt_roll roll = begun();
    step(&roll, SILT_ROLL_EV_COMPLETE, SILT_STORE_NO_UPLOAD, false);
    struct silt_roll_event event = {
        .kind = SILT_ROLL_EV_HEAD, .outcome = SILT_STORE_NOT_FOUND, .delete_marker = true};
    struct silt_roll_action action = silt_roll_step(&roll, &event);
    CU_ASSERT_EQUAL(action.kind, SILT_ROLL_IS_DONE);
    CU_ASSERT(action.page);
}

static void waits_grow_and_end_in_the_same_request(void)
{
    struct silt_roll roll = begun();
    int64_t longest = 0;
    for (unsigned i = 0; i < 30; i++) {
        int64_t wait = step(&roll, SILT_ROLL_EV_COMPLETE, SILT_STORE_DOUBT, false).wait_ms;
        CU_ASSERT(wait >= 0 && wait <= 20000);
        longest = wait > longest ? wait : longest;
        CU_ASSERT_EQUAL(step(&roll, SILT_ROLL_EV_TIMER, SILT_STORE_OK, false).kind,
                        SILT_ROLL_DO_COMPLETE);
    }
    CU_ASSERT(longest > 100);
}

static void states_have_names(void)
{
    for (unsigned i = 0; i < SILT_ROLL_STATES_N; i++)
        CU_ASSERT(strlen(silt_roll_state_name((enum silt_roll_state)i)) > 0);
}

SILT_TESTS("roll", {"every answer to Complete has its way", every_answer_to_complete_has_its_way},
           {"every answer to HEAD has its way", every_answer_to_head_has_its_way},
           {"absent is not believed of a store that refuses",
            absent_is_not_believed_of_a_store_that_refuses},
           {"every answer to ListParts has its way", every_answer_to_list_parts_has_its_way},
           {"absent is believed only after several looks",
            absent_is_believed_only_after_several_looks},
           {"a delete marker is somebody's decision", a_delete_marker_is_somebodys_decision},
           {"waits grow and end in the same request", waits_grow_and_end_in_the_same_request},
           {"states have names", states_have_names})
