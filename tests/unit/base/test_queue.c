#include "base/queue.h"

#include "base/thread.h"
#include "harness.h"

#include <sched.h>

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

static void *pop_until_closed(void *ctx)
{
    return silt_queue_pop(ctx, -1);
}

static void closing_wakes_who_waits(void)
{
    struct silt_queue *queue = silt_queue_new(1, NULL, NULL);
    pthread_t thread;
    CU_ASSERT_OK(silt_thread_start(&thread, "popper", pop_until_closed, queue, NULL));
    silt_queue_close(queue);
    silt_thread_join(thread);
    CU_ASSERT_FALSE(silt_queue_try_push(queue, &thread));
    silt_queue_free(queue);
    silt_queue_free(NULL);
}

static void *push_one(void *ctx)
{
    static char item;
    return silt_queue_push(ctx, &item) ? &item : NULL;
}

static void a_full_queue_holds_the_pusher_until_it_is_closed(void)
{
    struct silt_queue *queue = silt_queue_new(1, NULL, NULL);
    int item;
    CU_ASSERT(silt_queue_push(queue, &item));
    pthread_t thread;
    CU_ASSERT_OK(silt_thread_start(&thread, "pusher", push_one, queue, NULL));
    while (silt_queue_full_count(queue) == 0) sched_yield();
    silt_queue_close(queue);
    void *pushed = &item;
    pthread_join(thread, &pushed);
    CU_ASSERT_PTR_NULL(pushed);
    CU_ASSERT_EQUAL(silt_queue_len(queue), 1);
    CU_ASSERT_PTR_EQUAL(silt_queue_pop(queue, 0), &item);
    silt_queue_free(queue);
}

static void *push_later(void *ctx)
{
    static char item;
    for (int i = 0; i < 1000; i++) sched_yield();
    return silt_queue_push(ctx, &item) ? ctx : NULL;
}

static void waits_for_what_comes_in_time(void)
{
    struct silt_queue *queue = silt_queue_new(1, NULL, NULL);
    pthread_t thread;
    CU_ASSERT_OK(silt_thread_start(&thread, "pusher", push_later, queue, NULL));
    CU_ASSERT_PTR_NOT_NULL(silt_queue_pop(queue, 600000));
    silt_thread_join(thread);
    silt_queue_free(queue);
}

SILT_TESTS("queue", {"hands objects over in order", hands_over_in_order},
           {"refuses when full and counts it", refuses_when_full_and_counts_it},
           {"drains after close", drains_after_close},
           {"wakes the loop after each push", wakes_the_loop_after_each_push},
           {"closing wakes who waits", closing_wakes_who_waits},
           {"a full queue holds the pusher until it is closed",
            a_full_queue_holds_the_pusher_until_it_is_closed},
           {"waits for what comes in time", waits_for_what_comes_in_time},
           {"loses nothing between threads", loses_nothing_between_threads})
