#include "rate.h"

#include "harness.h"

/* Sends as often as it may for so long. @return how many. */
static unsigned send_for(struct silt_rate *rate, int64_t *now_ms, int64_t for_ms)
{
    unsigned sent = 0;
    for (int64_t end_ms = *now_ms + for_ms; *now_ms < end_ms;) {
        int64_t wait_ms = silt_rate_take(rate, *now_ms);
        if (wait_ms)
            *now_ms += wait_ms;
        else
            sent++;
        if (!wait_ms && rate->limit <= 0) *now_ms += 10; /* as fast as the client is */
    }
    return sent;
}

static void nothing_is_held_back_without_a_complaint(void)
{
    struct silt_rate rate = {0};
    int64_t now_ms = 1000;
    for (int i = 0; i < 100000; i++) CU_ASSERT_EQUAL(silt_rate_take(&rate, now_ms), 0);
    CU_ASSERT_EQUAL(rate.limit, 0);
}

static void a_complaint_slows_down_to_seven_tenths(void)
{
    struct silt_rate rate = {0};
    int64_t now_ms = 1000;
    CU_ASSERT_EQUAL(send_for(&rate, &now_ms, 2000), 200);
    silt_rate_throttled(&rate, now_ms);
    CU_ASSERT_DOUBLE_EQUAL(rate.limit, 70, 0.001);
    silt_rate_throttled(&rate, now_ms + 999); /* was in flight */
    CU_ASSERT_DOUBLE_EQUAL(rate.limit, 70, 0.001);
    unsigned sent = send_for(&rate, &now_ms, 1000);
    CU_ASSERT(sent >= 60 && sent <= 75);
    silt_rate_throttled(&rate, now_ms);
    CU_ASSERT(rate.limit < 60);
}

static void there_is_always_a_little(void)
{
    struct silt_rate rate = {0};
    int64_t now_ms = 1000;
    silt_rate_throttled(&rate, now_ms); /* before anything was counted */
    for (int i = 0; i < 50; i++) silt_rate_throttled(&rate, now_ms += 1000);
    CU_ASSERT_EQUAL(rate.limit, SILT_RATE_MIN);
    CU_ASSERT(send_for(&rate, &now_ms, 10000) >= 200);
}

static void what_was_sent_long_ago_does_not_count(void)
{
    struct silt_rate rate = {0};
    int64_t now_ms = 1000;
    (void)send_for(&rate, &now_ms, 2000);
    now_ms += 60000;
    (void)silt_rate_take(&rate, now_ms);
    silt_rate_throttled(&rate, now_ms);
    CU_ASSERT_EQUAL(rate.limit, SILT_RATE_MIN);
}

static void a_pause_does_not_end_in_a_burst(void)
{
    struct silt_rate rate = {0};
    int64_t now_ms = 1000;
    (void)send_for(&rate, &now_ms, 2000);
    silt_rate_throttled(&rate, now_ms);
    now_ms += 900;
    unsigned at_once = 0;
    while (!silt_rate_take(&rate, now_ms)) at_once++;
    CU_ASSERT_EQUAL(at_once, 7);
}

static void the_limit_grows_and_is_lifted(void)
{
    struct silt_rate rate = {0};
    int64_t now_ms = 1000;
    (void)send_for(&rate, &now_ms, 2000);
    silt_rate_throttled(&rate, now_ms);
    (void)silt_rate_take(&rate, now_ms + 10000);
    CU_ASSERT(rate.limit > 175 && rate.limit < 190);
    (void)silt_rate_take(&rate, now_ms + 200000);
    CU_ASSERT_EQUAL(rate.limit, 0);
}

static void a_limit_that_is_not_used_falls_to_what_is_sent(void)
{
    struct silt_rate rate = {0};
    int64_t now_ms = 1000;
    (void)send_for(&rate, &now_ms, 2000);
    silt_rate_throttled(&rate, now_ms);
    for (int i = 0; i < 30; i++) (void)silt_rate_take(&rate, now_ms += 100);
    silt_rate_throttled(&rate, now_ms + 1000);
    CU_ASSERT_EQUAL(rate.limit, SILT_RATE_MIN);
}

SILT_TESTS("rate",
           {"nothing is held back without a complaint", nothing_is_held_back_without_a_complaint},
           {"a complaint slows down to seven tenths", a_complaint_slows_down_to_seven_tenths},
           {"there is always a little", there_is_always_a_little},
           {"what was sent long ago does not count", what_was_sent_long_ago_does_not_count},
           {"a pause does not end in a burst", a_pause_does_not_end_in_a_burst},
           {"the limit grows and is lifted", the_limit_grows_and_is_lifted},
           {"a limit that is not used falls to what is sent",
            a_limit_that_is_not_used_falls_to_what_is_sent})
