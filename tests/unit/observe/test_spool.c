#include "observe/spool_int.h"

#include "base/alloc.h"
#include "base/thread.h"
#include "harness.h"

static struct silt_spool_item *item_of(size_t bytes, unsigned rows, unsigned lane)
{
    struct silt_spool_item *item = silt_zalloc(sizeof *item);
    *item = (struct silt_spool_item){.bytes = bytes, .rows = rows, .lane = lane};
    return item;
}

static void free_all(struct silt_spool_item *item)
{
    while (item) {
        struct silt_spool_item *next = item->next;
        silt_free(item);
        item = next;
    }
}

static const size_t two_lanes[] = {100, 1000};

static void hands_on_the_oldest_first(void)
{
    struct silt_spool *spool = silt_spool_new(two_lanes, 2);
    CU_ASSERT(silt_spool_is_empty(spool));
    CU_ASSERT_PTR_NULL(silt_spool_take(spool, 10));
    CU_ASSERT_EQUAL(silt_spool_push(spool, item_of(10, 1, 0)), 0);
    CU_ASSERT_EQUAL(silt_spool_push(spool, item_of(10, 2, 0)), 0);
    CU_ASSERT_EQUAL(silt_spool_push(spool, item_of(10, 3, 1)), 0);
    CU_ASSERT_EQUAL(silt_spool_rows(spool), 6);
    struct silt_spool_item *taken = silt_spool_take(spool, 10);
    CU_ASSERT_EQUAL(taken->rows, 1);
    CU_ASSERT_EQUAL(taken->next->rows, 2);
    CU_ASSERT_EQUAL(taken->next->next->rows, 3);
    CU_ASSERT_PTR_NULL(taken->next->next->next);
    CU_ASSERT(silt_spool_is_empty(spool));
    CU_ASSERT_EQUAL(silt_spool_rows(spool), 0);
    free_all(taken);
    silt_spool_free(spool);
}

static void takes_no_more_rows_than_asked_but_at_least_one_item(void)
{
    struct silt_spool *spool = silt_spool_new(two_lanes, 2);
    (void)silt_spool_push(spool, item_of(10, 5, 0));
    (void)silt_spool_push(spool, item_of(10, 5, 0));
    struct silt_spool_item *taken = silt_spool_take(spool, 3);
    CU_ASSERT_EQUAL(taken->rows, 5);
    CU_ASSERT_PTR_NULL(taken->next);
    free_all(taken);
    CU_ASSERT_EQUAL(silt_spool_rows(spool), 5);
    silt_spool_free(spool);
    silt_spool_free(NULL);
}

static void drops_the_oldest_of_the_lane_when_there_is_no_room(void)
{
    struct silt_spool *spool = silt_spool_new(two_lanes, 2);
    (void)silt_spool_push(spool, item_of(100, 7, 1));
    CU_ASSERT_EQUAL(silt_spool_push(spool, item_of(40, 1, 0)), 0);
    CU_ASSERT_EQUAL(silt_spool_push(spool, item_of(60, 2, 0)), 0);
    CU_ASSERT_EQUAL(silt_spool_push(spool, item_of(41, 4, 0)), 3);
    CU_ASSERT_EQUAL(silt_spool_rows(spool), 11);
    silt_spool_free(spool);
}

static void an_item_larger_than_its_lane_pushes_nothing_out(void)
{
    struct silt_spool *spool = silt_spool_new(two_lanes, 2);
    (void)silt_spool_push(spool, item_of(100, 1, 0));
    CU_ASSERT_EQUAL(silt_spool_push(spool, item_of(101, 9, 0)), 9);
    CU_ASSERT_EQUAL(silt_spool_rows(spool), 1);
    silt_spool_free(spool);
}

static void *push_one(void *ctx)
{
    (void)silt_spool_push(ctx, item_of(1, 1, 0));
    return NULL;
}

static void *wake(void *ctx)
{
    silt_spool_wake(ctx);
    return NULL;
}

static void waiting_ends_with_an_item_a_wake_or_the_time(void)
{
    pthread_t thread;
    struct silt_spool *spool = silt_spool_new(two_lanes, 2);
    silt_spool_wait(spool, true, 1);
    CU_ASSERT_OK(silt_thread_start(&thread, "pusher", push_one, spool, NULL));
    silt_spool_wait(spool, true, 3600000);
    silt_thread_join(thread);
    CU_ASSERT_EQUAL(silt_spool_rows(spool), 1);
    CU_ASSERT_OK(silt_thread_start(&thread, "waker", wake, spool, NULL));
    silt_spool_wait(spool, false, 3600000);
    silt_thread_join(thread);
    silt_spool_free(spool);
}

SILT_TESTS("spool", {"hands on the oldest first", hands_on_the_oldest_first},
           {"takes no more rows than asked, but at least one item",
            takes_no_more_rows_than_asked_but_at_least_one_item},
           {"drops the oldest of the lane when there is no room",
            drops_the_oldest_of_the_lane_when_there_is_no_room},
           {"an item larger than its lane pushes nothing out",
            an_item_larger_than_its_lane_pushes_nothing_out},
           {"waiting ends with an item, a wake or the time",
            waiting_ends_with_an_item_a_wake_or_the_time})
