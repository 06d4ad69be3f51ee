#include "base/timers.h"

#include "harness.h"

#include <stdlib.h>

static int64_t fired[1000];
static size_t fired_n;

static void note(void *ctx)
{
    fired[fired_n++] = ((struct silt_timer *)ctx)->at_ms;
}

static void fires_in_order_of_time(void)
{
    enum { N = 300 };
    static struct silt_timer timers_of[N];
    struct silt_timers timers;
    silt_timers_init(&timers);
    fired_n = 0;
    srandom(7);
    for (int i = 0; i < N; i++)
        silt_timer_set(&timers, &timers_of[i], random() % 1000, note, &timers_of[i]);
    for (int i = 0; i < N; i += 3) silt_timer_cancel(&timers, &timers_of[i]);
    for (int i = 1; i < N; i += 3)
        silt_timer_set(&timers, &timers_of[i], random() % 1000, note, &timers_of[i]);
    silt_timers_run(&timers, 1000);
    CU_ASSERT_EQUAL(fired_n, 200);
    for (size_t i = 1; i < fired_n; i++) CU_ASSERT(fired[i - 1] <= fired[i]);
    silt_timers_done(&timers);
}

static void runs_only_what_is_due(void)
{
    struct silt_timers timers;
    struct silt_timer a = {0};
    struct silt_timer b = {0};
    silt_timers_init(&timers);
    CU_ASSERT_EQUAL(silt_timers_wait(&timers, 0, 77), 77);
    silt_timer_set(&timers, &a, 10, note, &a);
    silt_timer_set(&timers, &b, 20, note, &b);
    fired_n = 0;
    CU_ASSERT_EQUAL(silt_timers_wait(&timers, 4, 77), 6);
    CU_ASSERT_EQUAL(silt_timers_wait(&timers, 4, 3), 3);
    CU_ASSERT_EQUAL(silt_timers_wait(&timers, 15, 77), 0);
    silt_timers_run(&timers, 15);
    CU_ASSERT_EQUAL(fired_n, 1);
    CU_ASSERT_EQUAL(a.place, 0);
    silt_timer_cancel(&timers, &a);
    silt_timers_done(&timers);
    CU_ASSERT_EQUAL(b.place, 0);
    silt_timers_done(NULL);
}

SILT_TESTS("timers", {"fires in order of time", fires_in_order_of_time},
           {"runs only what is due", runs_only_what_is_due})
