#include "consume/position.h"

#include "harness.h"

static bool is_range(struct silt_position_verdict verdict, enum silt_verdict_kind kind,
                     int64_t first, int64_t last)
{
    return verdict.kind == kind && verdict.first == first && verdict.last == last;
}

static struct silt_position started(int64_t offset)
{
    struct silt_position pos = {0};
    silt_position_start(&pos, offset);
    return pos;
}

static void accepts_consecutive_messages(void)
{
    struct silt_position pos = started(10);
    CU_ASSERT_EQUAL(silt_position_message(&pos, 1, 10).kind, SILT_POS_ACCEPT);
    CU_ASSERT_EQUAL(silt_position_message(&pos, 1, 11).kind, SILT_POS_ACCEPT);
    CU_ASSERT_EQUAL(pos.expected, 12);
    CU_ASSERT_EQUAL(pos.dropped, 0);
}

static void drops_what_was_delivered_before(void)
{
    struct silt_position pos = started(10);
    CU_ASSERT_EQUAL(silt_position_message(&pos, 1, 9).kind, SILT_POS_DROP);
    silt_position_message(&pos, 1, 10);
    CU_ASSERT_EQUAL(silt_position_message(&pos, 1, 10).kind, SILT_POS_DROP);
    CU_ASSERT_EQUAL(pos.expected, 11);
    CU_ASSERT_EQUAL(pos.dropped, 2);
}

static void drops_an_old_epoch(void)
{
    struct silt_position pos = started(10);
    silt_position_start(&pos, 20);
    CU_ASSERT_EQUAL(silt_position_message(&pos, 1, 20).kind, SILT_POS_DROP);
    CU_ASSERT_EQUAL(silt_position_message(&pos, 3, 20).kind, SILT_POS_DROP);
    CU_ASSERT_EQUAL(silt_position_message(&pos, 2, 20).kind, SILT_POS_ACCEPT);
    CU_ASSERT_EQUAL(pos.dropped, 2);
}

static void drops_everything_while_the_position_is_unknown(void)
{
    struct silt_position pos = started(-1);
    CU_ASSERT_EQUAL(silt_position_message(&pos, 1, 0).kind, SILT_POS_DROP);
    CU_ASSERT_EQUAL(silt_position_end(&pos, 1, 5).kind, SILT_POS_DROP);
    CU_ASSERT_EQUAL(silt_position_error(&pos, 1, 3), SILT_POS_IGNORE);
    silt_position_start(&pos, 0);
    CU_ASSERT_EQUAL(silt_position_message(&pos, 2, 0).kind, SILT_POS_ACCEPT);
}

static void books_a_hole_as_a_closed_range(void)
{
    struct silt_position pos = started(10);
    CU_ASSERT(is_range(silt_position_message(&pos, 1, 13), SILT_POS_HOLE, 10, 12));
    CU_ASSERT_EQUAL(pos.expected, 14);
    CU_ASSERT(is_range(silt_position_message(&pos, 1, 15), SILT_POS_HOLE, 14, 14));
}

static void the_end_of_a_partition_closes_the_last_hole(void)
{
    struct silt_position pos = started(10);
    CU_ASSERT_EQUAL(silt_position_end(&pos, 1, 10).kind, SILT_POS_DROP);
    CU_ASSERT_EQUAL(silt_position_end(&pos, 1, 9).kind, SILT_POS_DROP);
    CU_ASSERT_EQUAL(silt_position_end(&pos, 0, 12).kind, SILT_POS_DROP);
    CU_ASSERT(is_range(silt_position_end(&pos, 1, 12), SILT_POS_HOLE, 10, 11));
    CU_ASSERT_EQUAL(silt_position_message(&pos, 1, 12).kind, SILT_POS_ACCEPT);
    CU_ASSERT_EQUAL(pos.dropped, 0);
}

/* What the owner does on SEEK. */
static void seek_back(struct silt_position *pos)
{
    silt_position_start(pos, pos->expected);
}

static void an_error_seeks_back_until_retries_are_used_up(void)
{
    struct silt_position pos = started(10);
    CU_ASSERT_EQUAL(silt_position_error(&pos, pos.epoch, 2), SILT_POS_SEEK);
    seek_back(&pos);
    CU_ASSERT_EQUAL(silt_position_message(&pos, 1, 20).kind, SILT_POS_DROP);
    CU_ASSERT_EQUAL(silt_position_error(&pos, 1, 2), SILT_POS_IGNORE);
    CU_ASSERT_EQUAL(silt_position_error(&pos, pos.epoch, 2), SILT_POS_SEEK);
    seek_back(&pos);
    CU_ASSERT_EQUAL(silt_position_error(&pos, pos.epoch, 2), SILT_POS_GIVE_UP);
    CU_ASSERT_EQUAL(silt_position_error(&pos, pos.epoch, 2), SILT_POS_SKIP);
    CU_ASSERT(is_range(silt_position_message(&pos, pos.epoch, 20), SILT_POS_UNREADABLE, 10, 19));
    CU_ASSERT(is_range(silt_position_message(&pos, pos.epoch, 22), SILT_POS_HOLE, 21, 21));
}

/* The batches behind a damaged one are in the same answer of the broker. */
static void what_follows_damage_does_not_count_before_the_seek(void)
{
    struct silt_position pos = started(10);
    CU_ASSERT_EQUAL(silt_position_error(&pos, pos.epoch, 2), SILT_POS_SEEK);
    CU_ASSERT_EQUAL(silt_position_message(&pos, pos.epoch, 12).kind, SILT_POS_DROP);
    CU_ASSERT_EQUAL(silt_position_end(&pos, pos.epoch, 13).kind, SILT_POS_DROP);
    CU_ASSERT_EQUAL(silt_position_error(&pos, pos.epoch, 2), SILT_POS_IGNORE);
    CU_ASSERT_EQUAL(pos.expected, 10);
    CU_ASSERT_EQUAL(pos.errors, 1);
    seek_back(&pos);
    CU_ASSERT_EQUAL(silt_position_message(&pos, pos.epoch, 10).kind, SILT_POS_ACCEPT);
}

static void behind_damage_one_offset_after_the_other_is_tried(void)
{
    struct silt_position pos = started(10);
    silt_position_error(&pos, 1, 0);
    CU_ASSERT_EQUAL(silt_position_skip(&pos), 11);
    CU_ASSERT_EQUAL(silt_position_message(&pos, 1, 12).kind, SILT_POS_DROP);
    CU_ASSERT_EQUAL(silt_position_error(&pos, 2, 0), SILT_POS_SKIP);
    CU_ASSERT_EQUAL(silt_position_skip(&pos), 12);
    CU_ASSERT_EQUAL(pos.expected, 10);
    CU_ASSERT(is_range(silt_position_message(&pos, 3, 12), SILT_POS_UNREADABLE, 10, 11));
    CU_ASSERT_EQUAL(silt_position_error(&pos, 3, 0), SILT_POS_GIVE_UP);
    CU_ASSERT_EQUAL(silt_position_skip(&pos), 14);
}

/* Whatever sends it back to the damage (a seek that failed, another error of the partition), the
 * offset that was to be looked at has not been. */
static void an_offset_behind_damage_that_was_not_looked_at_is_the_next_one_again(void)
{
    struct silt_position pos = started(10);
    silt_position_error(&pos, 1, 0);
    CU_ASSERT_EQUAL(silt_position_skip(&pos), 11);
    CU_ASSERT_EQUAL(silt_position_error(&pos, 2, 0), SILT_POS_SKIP);
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(silt_position_skip(&pos), 12);
        silt_position_start(&pos, 10);
        CU_ASSERT_EQUAL(silt_position_error(&pos, pos.epoch, 0), SILT_POS_SKIP);
    }
    CU_ASSERT_EQUAL(silt_position_skip(&pos), 12);
    CU_ASSERT(is_range(silt_position_message(&pos, pos.epoch, 12), SILT_POS_UNREADABLE, 10, 11));
}

static void damage_at_the_end_is_unreadable_too(void)
{
    struct silt_position pos = started(10);
    CU_ASSERT_EQUAL(silt_position_error(&pos, 1, 0), SILT_POS_GIVE_UP);
    CU_ASSERT(is_range(silt_position_end(&pos, 1, 15), SILT_POS_UNREADABLE, 10, 14));
}

static void a_message_that_comes_after_all_clears_the_errors(void)
{
    struct silt_position pos = started(10);
    silt_position_error(&pos, 1, 1);
    seek_back(&pos);
    CU_ASSERT_EQUAL(silt_position_message(&pos, 2, 10).kind, SILT_POS_ACCEPT);
    CU_ASSERT_EQUAL(silt_position_error(&pos, 2, 1), SILT_POS_SEEK);
    CU_ASSERT_EQUAL(pos.errors, 1);
}

static void starting_elsewhere_forgets_the_errors(void)
{
    struct silt_position pos = started(10);
    silt_position_error(&pos, 1, 0);
    CU_ASSERT(pos.suspect);
    silt_position_start(&pos, 30);
    CU_ASSERT_FALSE(pos.suspect);
    CU_ASSERT_EQUAL(pos.errors, 0);
    CU_ASSERT(is_range(silt_position_message(&pos, 2, 31), SILT_POS_HOLE, 30, 30));
}

static void a_batch_that_is_held_back_is_waited_for_without_counting_a_try(void)
{
    struct silt_position pos = started(10);
    CU_ASSERT_FALSE(silt_position_hold(&pos, 0));
    for (unsigned i = 0; i < 9; i++) {
        CU_ASSERT(silt_position_hold(&pos, pos.epoch));
        CU_ASSERT_EQUAL(silt_position_message(&pos, pos.epoch, 15).kind, SILT_POS_DROP);
        silt_position_start(&pos, 10);
    }
    CU_ASSERT_EQUAL(silt_position_error(&pos, pos.epoch, 1), SILT_POS_SEEK);
}

static void a_batch_that_is_held_back_behind_damage_is_not_skipped(void)
{
    struct silt_position pos = started(10);
    CU_ASSERT_EQUAL(silt_position_error(&pos, 1, 0), SILT_POS_GIVE_UP);
    CU_ASSERT_EQUAL(silt_position_skip(&pos), 11);
    CU_ASSERT(silt_position_hold(&pos, pos.epoch));
    silt_position_start(&pos, 10);
    CU_ASSERT_EQUAL(silt_position_error(&pos, pos.epoch, 0), SILT_POS_SKIP);
    CU_ASSERT_EQUAL(silt_position_skip(&pos), 11);
    CU_ASSERT(is_range(silt_position_message(&pos, pos.epoch, 11), SILT_POS_UNREADABLE, 10, 10));
}

SILT_TESTS("position",
           {"a batch that is held back is waited for without counting a try",
            a_batch_that_is_held_back_is_waited_for_without_counting_a_try},
           {"an offset behind damage that was not looked at is the next one again",
            an_offset_behind_damage_that_was_not_looked_at_is_the_next_one_again},
           {"a batch that is held back behind damage is not skipped",
            a_batch_that_is_held_back_behind_damage_is_not_skipped},
           {"accepts consecutive messages", accepts_consecutive_messages},
           {"drops what was delivered before", drops_what_was_delivered_before},
           {"drops an old epoch", drops_an_old_epoch},
           {"drops everything while the position is unknown",
            drops_everything_while_the_position_is_unknown},
           {"books a hole as a closed range", books_a_hole_as_a_closed_range},
           {"the end of a partition closes the last hole",
            the_end_of_a_partition_closes_the_last_hole},
           {"an error seeks back until retries are used up",
            an_error_seeks_back_until_retries_are_used_up},
           {"what follows damage does not count before the seek",
            what_follows_damage_does_not_count_before_the_seek},
           {"behind damage one offset after the other is tried",
            behind_damage_one_offset_after_the_other_is_tried},
           {"damage at the end is unreadable too", damage_at_the_end_is_unreadable_too},
           {"a message that comes after all clears the errors",
            a_message_that_comes_after_all_clears_the_errors},
           {"starting elsewhere forgets the errors", starting_elsewhere_forgets_the_errors})
