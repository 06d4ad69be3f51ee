#include "creds_pace_int.h"

#include "harness.h"

#define NOW ((int64_t)1000000000000)
#define MINUTE ((int64_t)60000)

static int64_t due_after(int64_t life_ms, uint64_t random)
{
    struct silt_creds_pace pace = {0};
    silt_creds_pace_begun(&pace, NOW);
    silt_creds_pace_obtained(&pace, NOW, NOW + life_ms, random);
    return pace.due_ms - NOW;
}

static void a_fetch_is_due_at_once_and_keys_for_ever_never_again(void)
{
    struct silt_creds_pace pace = {0};
    CU_ASSERT(pace.due_ms <= NOW);
    silt_creds_pace_obtained(&pace, NOW, 0, 7);
    CU_ASSERT_EQUAL(pace.due_ms, SILT_CREDS_NEVER);
}

static void an_hour_is_renewed_ten_to_fifteen_minutes_before_its_end(void)
{
    CU_ASSERT_EQUAL(due_after(60 * MINUTE, 0), 50 * MINUTE);
    CU_ASSERT_EQUAL(due_after(60 * MINUTE, (uint64_t)(5 * MINUTE)), 45 * MINUTE);
    for (uint64_t random = 0; random < 2000000; random += 77777) {
        CU_ASSERT(due_after(60 * MINUTE, random) >= 45 * MINUTE);
        CU_ASSERT(due_after(60 * MINUTE, random) <= 50 * MINUTE);
    }
}

static void short_lives_are_renewed_in_time_too(void)
{
    CU_ASSERT_EQUAL(due_after(8 * MINUTE, 0), 6 * MINUTE);
    CU_ASSERT_EQUAL(due_after(8 * MINUTE, (uint64_t)MINUTE), 5 * MINUTE);
    CU_ASSERT_EQUAL(due_after(100, 0), 1000); /* no spinning */
}

static void a_failure_backs_off_up_to_a_minute(void)
{
    struct silt_creds_pace pace = {0};
    silt_creds_pace_failed(&pace, NOW, 1000);
    CU_ASSERT_EQUAL(pace.due_ms, NOW + 1000);
    for (int i = 0; i < 20; i++) silt_creds_pace_failed(&pace, NOW, 60000);
    CU_ASSERT_EQUAL(pace.due_ms, NOW + 60000);
    CU_ASSERT_EQUAL(pace.failures, 21);
    silt_creds_pace_obtained(&pace, NOW, NOW + MINUTE, 0);
    CU_ASSERT_EQUAL(pace.failures, 0);
}

static void a_refusal_fetches_at_once_but_not_all_the_time(void)
{
    struct silt_creds_pace pace = {0};
    silt_creds_pace_begun(&pace, NOW);
    silt_creds_pace_obtained(&pace, NOW, NOW + 60 * MINUTE, 0);
    silt_creds_pace_refused(&pace, NOW + 2000);
    CU_ASSERT_EQUAL(pace.due_ms, NOW + 5000);
    silt_creds_pace_refused(&pace, NOW + MINUTE);
    CU_ASSERT_EQUAL(pace.due_ms, NOW + 5000); /* it is due already */
    silt_creds_pace_obtained(&pace, NOW, 0, 0);
    silt_creds_pace_refused(&pace, NOW + MINUTE);
    CU_ASSERT_EQUAL(pace.due_ms, NOW + MINUTE);
}

static void a_refusal_does_not_shorten_the_backoff(void)
{
    struct silt_creds_pace pace = {0};
    silt_creds_pace_failed(&pace, NOW, 900);
    silt_creds_pace_refused(&pace, NOW + 1);
    CU_ASSERT_EQUAL(pace.due_ms, NOW + 900);
}

SILT_TESTS("creds_pace",
           {"a fetch is due at once, and keys for ever never again",
            a_fetch_is_due_at_once_and_keys_for_ever_never_again},
           {"an hour is renewed ten to fifteen minutes before its end",
            an_hour_is_renewed_ten_to_fifteen_minutes_before_its_end},
           {"short lives are renewed in time too", short_lives_are_renewed_in_time_too},
           {"a failure backs off up to a minute", a_failure_backs_off_up_to_a_minute},
           {"a refusal fetches at once, but not all the time",
            a_refusal_fetches_at_once_but_not_all_the_time},
           {"a refusal does not shorten the backoff", a_refusal_does_not_shorten_the_backoff})
