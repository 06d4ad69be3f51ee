#include "commit/start.h"

#include "harness.h"

static void check(struct silt_start got, enum silt_start_kind kind, int64_t from, int64_t offset)
{
    CU_ASSERT_EQUAL(got.kind, kind);
    CU_ASSERT_EQUAL(got.from, from);
    CU_ASSERT_EQUAL(got.offset, offset);
}

static void an_empty_log_starts_where_the_policy_says(void)
{
    check(silt_start_decide(-1, 10, 90, -1, SILT_GENESIS_EARLIEST), SILT_START_AT, 10, 10);
    check(silt_start_decide(-1, 10, 90, -1, SILT_GENESIS_LATEST), SILT_START_AT, 90, 90);
}

static void a_tail_inside_the_topic_goes_on_where_it_ended(void)
{
    check(silt_start_decide(10, 10, 90, -1, SILT_GENESIS_LATEST), SILT_START_AT, 10, 10);
    check(silt_start_decide(50, 10, 90, -1, SILT_GENESIS_LATEST), SILT_START_AT, 50, 50);
    check(silt_start_decide(90, 10, 90, -1, SILT_GENESIS_LATEST), SILT_START_AT, 90, 90);
    check(silt_start_decide(50, 10, 90, 50, SILT_GENESIS_EARLIEST), SILT_START_AT, 50, 50);
}

static void what_retention_took_becomes_a_gap(void)
{
    check(silt_start_decide(9, 10, 90, -1, SILT_GENESIS_EARLIEST), SILT_START_GAP, 9, 10);
    check(silt_start_decide(0, 90, 90, -1, SILT_GENESIS_LATEST), SILT_START_GAP, 0, 90);
}

static void a_truncated_log_begins_a_new_lineage(void)
{
    check(silt_start_decide(91, 10, 90, -1, SILT_GENESIS_EARLIEST), SILT_START_LINEAGE, 91, 90);
    check(silt_start_decide(50, 10, 90, 49, SILT_GENESIS_EARLIEST), SILT_START_LINEAGE, 50, 49);
    check(silt_start_decide(50, 10, 90, 0, SILT_GENESIS_EARLIEST), SILT_START_LINEAGE, 50, 0);
}

SILT_TESTS("start",
           {"an empty log starts where the policy says", an_empty_log_starts_where_the_policy_says},
           {"a tail inside the topic goes on where it ended",
            a_tail_inside_the_topic_goes_on_where_it_ended},
           {"what retention took becomes a gap", what_retention_took_becomes_a_gap},
           {"a truncated log begins a new lineage", a_truncated_log_begins_a_new_lineage})
