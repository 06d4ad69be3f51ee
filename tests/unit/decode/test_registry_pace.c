#include "registry_pace_int.h"

#include "harness.h"

static void fifty_at_once_then_one_each_20_ms(void)
{
    struct silt_pace pace = {0};
    for (int i = 0; i < SILT_PACE_BURST; i++) CU_ASSERT_EQUAL(silt_pace_delay(&pace, 1000), 0);
    CU_ASSERT_EQUAL(silt_pace_delay(&pace, 1000), 20);
    CU_ASSERT_EQUAL(silt_pace_delay(&pace, 1000), 40);
    CU_ASSERT_EQUAL(silt_pace_delay(&pace, 1060), 0);
    CU_ASSERT_EQUAL(silt_pace_delay(&pace, 1060), 20);
    for (int i = 0; i < SILT_PACE_BURST; i++) CU_ASSERT_EQUAL(silt_pace_delay(&pace, 9000), 0);
    CU_ASSERT_EQUAL(silt_pace_delay(&pace, 9000), 20);
}

static void failures_pause_longer_and_longer(void)
{
    struct silt_pace pace = {0};
    CU_ASSERT_EQUAL(silt_pace_failed(&pace, 1000, 0, 100), 1100);
    CU_ASSERT_EQUAL(silt_pace_delay(&pace, 1000), 100);
    CU_ASSERT_EQUAL(silt_pace_failed(&pace, 1050, 0, 9), 1100); /* one that was under way */
    CU_ASSERT_EQUAL(pace.failures, 1);
    CU_ASSERT_EQUAL(silt_pace_failed(&pace, 1100, 0, 500), 1600);
    CU_ASSERT_EQUAL(silt_pace_failed(&pace, 1600, 0, 0), 1650); /* never at once */
    CU_ASSERT_EQUAL(silt_pace_failed(&pace, 2000, 7000, 0), 9000);
    for (int i = 0; i < 100; i++) {
        int64_t now = pace.not_before_ms;
        CU_ASSERT(silt_pace_failed(&pace, now, 0, UINT64_MAX) <= now + SILT_PACE_PAUSE_MAX_MS);
    }
    silt_pace_answered(&pace);
    CU_ASSERT_EQUAL(silt_pace_delay(&pace, 10000), 0);
    CU_ASSERT_EQUAL(silt_pace_failed(&pace, 10000, 0, 100), 10100);
}

SILT_TESTS("registry_pace",
           {"fifty at once, then one each 20 ms", fifty_at_once_then_one_each_20_ms},
           {"failures pause longer and longer", failures_pause_longer_and_longer})
