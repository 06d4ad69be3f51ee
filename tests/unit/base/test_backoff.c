#include "base/backoff.h"

#include "harness.h"

static const struct silt_backoff_opts plain = {.first_ms = 100, .max_ms = 20000};

/* The longest wait of an attempt: the random number that gives the upper bound itself. */
static int64_t longest(const struct silt_backoff_opts *opts, unsigned attempt)
{
    int64_t best = 0;
    for (uint64_t random = 0; random <= 40000; random++) {
        int64_t wait = silt_backoff_ms(opts, attempt, 0, 0, random);
        if (wait > best) best = wait;
    }
    return best;
}

static void doubles_up_to_the_bound(void)
{
    CU_ASSERT_EQUAL(longest(&plain, 1), 100);
    CU_ASSERT_EQUAL(longest(&plain, 2), 200);
    CU_ASSERT_EQUAL(longest(&plain, 3), 400);
    CU_ASSERT_EQUAL(longest(&plain, 8), 12800);
    CU_ASSERT_EQUAL(longest(&plain, 9), 20000);
    CU_ASSERT_EQUAL(longest(&plain, 31), 20000);
    CU_ASSERT_EQUAL(longest(&plain, 32), 20000);
    CU_ASSERT_EQUAL(longest(&plain, 4000000000u), 20000);
    CU_ASSERT_EQUAL(longest(&plain, 0), 100);
}

static void jitter_reaches_down_to_nothing(void)
{
    CU_ASSERT_EQUAL(silt_backoff_ms(&plain, 5, 0, 0, 0), 0);
    CU_ASSERT_EQUAL(silt_backoff_ms(&plain, 1, 0, 0, 101), 0);
    CU_ASSERT_EQUAL(silt_backoff_ms(&plain, 1, 0, 0, 100), 100);
    CU_ASSERT(silt_backoff_ms(&plain, 1, 0, 0, UINT64_MAX) <= 100);
}

static void ends_after_the_last_attempt(void)
{
    struct silt_backoff_opts opts = {.first_ms = 100, .max_ms = 1000, .attempts_max = 3};
    CU_ASSERT(silt_backoff_ms(&opts, 2, 0, 0, 7) >= 0);
    CU_ASSERT_EQUAL(silt_backoff_ms(&opts, 3, 0, 0, 7), -1);
    CU_ASSERT_EQUAL(silt_backoff_ms(&opts, 4, 0, 9999, 7), -1);
}

static void ends_when_the_time_is_over(void)
{
    struct silt_backoff_opts opts = {.first_ms = 100, .max_ms = 1000, .total_max_ms = 5000};
    CU_ASSERT(silt_backoff_ms(&opts, 900, 4999, 0, 7) >= 0);
    CU_ASSERT_EQUAL(silt_backoff_ms(&opts, 1, 5000, 0, 7), -1);
}

static void obeys_what_the_server_asked_for(void)
{
    CU_ASSERT_EQUAL(silt_backoff_ms(&plain, 1, 0, 3000, 50), 3000);
    CU_ASSERT_EQUAL(silt_backoff_ms(&plain, 1, 0, 30, 50), 50);
    CU_ASSERT_EQUAL(silt_backoff_ms(&plain, 1, 0, 20000, 50), 20000);
    CU_ASSERT_EQUAL(silt_backoff_ms(&plain, 1, 0, 3600000, 50), 20000);
}

static void a_first_wait_of_nothing_is_nothing(void)
{
    struct silt_backoff_opts opts = {.first_ms = 0, .max_ms = 1000};
    CU_ASSERT_EQUAL(silt_backoff_ms(&opts, 5, 0, 0, 77), 0);
}

SILT_TESTS("backoff", {"doubles up to the bound", doubles_up_to_the_bound},
           {"jitter reaches down to nothing", jitter_reaches_down_to_nothing},
           {"ends after the last attempt", ends_after_the_last_attempt},
           {"ends when the time is over", ends_when_the_time_is_over},
           {"obeys what the server asked for, up to the bound", obeys_what_the_server_asked_for},
           {"a first wait of nothing is nothing", a_first_wait_of_nothing_is_nothing})
