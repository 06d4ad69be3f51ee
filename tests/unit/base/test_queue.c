#include "base/queue.h"

#include "base/thread.h"
#include "harness.h"

static void hands_over_in_order(void)
{
    struct silt_queue *queue = silt_queue_new(2, NULL, NULL);
    int a;
    int b;
    CU_ASSERT(silt_queue_try_push(queue, &a));
    CU_ASSERT(silt_queue_push(queue, &b));
    CU_ASSERT_EQUAL(silt_queue_len(queue), 2);
    CU_ASSERT_PTR_EQUAL(silt_queue_pop(queue, 0), &a);
    CU_ASSERT_PTR_EQUAL(silt_queue_pop(queue, -1), &b);
    CU_ASSERT_PTR_NULL(silt_queue_pop(queue, 0));
    CU_ASSERT_PTR_NULL(silt_queue_pop(queue, 1));
    silt_queue_free(queue);
}

static void refuses_when_full_and_counts_it(void)
{
    struct silt_queue *queue = silt_queue_new(1, NULL, NULL);
    int item;
    CU_ASSERT(silt_queue_try_push(queue, &item));
    CU_ASSERT_FALSE(silt_queue_try_push(queue, &item));
    CU_ASSERT_EQUAL(silt_queue_full_count(queue), 1);
    silt_queue_pop(queue, 0);
    silt_queue_free(queue);
}

static void drains_after_close(void)
{
    struct silt_queue *queue = silt_queue_new(2, NULL, NULL);
    int item;
    CU_ASSERT(silt_queue_try_push(queue, &item));
    silt_queue_close(queue);
    CU_ASSERT_FALSE(silt_queue_push(queue, &item));
    CU_ASSERT_PTR_EQUAL(silt_queue_pop(queue, -1), &item);
    CU_ASSERT_PTR_NULL(silt_queue_pop(queue, -1));
    silt_queue_free(queue);
}

static void count_wakes(void *ctx)
{
    (*(int *)ctx)++;
}

static void wakes_the_loop_after_each_push(void)
{
    int wakes = 0;
    struct silt_queue *queue = silt_queue_new(2, count_wakes, &wakes);
    int item;
    CU_ASSERT(silt_queue_try_push(queue, &item));
    CU_ASSERT_EQUAL(wakes, 1);
    silt_queue_pop(queue, 0);
    silt_queue_free(queue);
}

#define MANY 20000

static void *push_many(void *ctx)
{
    static char item;
    for (int i = 0; i < MANY; i++)
        if (!silt_queue_push(ctx, &item)) break;
    silt_queue_close(ctx);
    return NULL;
}

static void loses_nothing_between_threads(void)
{
    struct silt_queue *queue = silt_queue_new(3, NULL, NULL);
    pthread_t thread;
    CU_ASSERT_OK(silt_thread_start(&thread, "pusher", push_many, queue, NULL));
    int n = 0;
    while (silt_queue_pop(queue, -1)) n++;
    CU_ASSERT_EQUAL(n, MANY);
    silt_thread_join(thread);
    silt_queue_free(queue);
}

SILT_TESTS("queue", {"hands objects over in order", hands_over_in_order},
           {"refuses when full and counts it", refuses_when_full_and_counts_it},
           {"drains after close", drains_after_close},
           {"wakes the loop after each push", wakes_the_loop_after_each_push},
           {"loses nothing between threads", loses_nothing_between_threads})
