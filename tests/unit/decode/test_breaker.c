#include "decode/breaker.h"

#include "harness.h"

static bool note(struct silt_breaker *breaker, unsigned n, bool rejected)
{
    bool trips = false;
    for (unsigned i = 0; i < n; i++) trips |= silt_breaker_trips(breaker, rejected);
    return trips;
}

static void a_few_records_say_nothing(void)
{
    struct silt_breaker breaker;
    silt_breaker_init(&breaker, 0);
    CU_ASSERT(!note(&breaker, SILT_BREAKER_MIN - 1, true));
    CU_ASSERT(silt_breaker_trips(&breaker, false));
}

static void the_share_itself_is_allowed_and_one_more_is_not(void)
{
    struct silt_breaker breaker;
    silt_breaker_init(&breaker, .1);
    CU_ASSERT(!note(&breaker, 900, false));
    CU_ASSERT(!note(&breaker, 100, true));
    CU_ASSERT(silt_breaker_trips(&breaker, true));
    CU_ASSERT_EQUAL(breaker.rejected, 101);
}

/* 50 rejects in a burst are 5 % of the last 1000 and less than 1 % of all. */
static void what_is_long_past_does_not_count(void)
{
    struct silt_breaker breaker;
    silt_breaker_init(&breaker, .04);
    CU_ASSERT(!note(&breaker, 10000, false));
    CU_ASSERT(!note(&breaker, 40, true));
    CU_ASSERT(!note(&breaker, SILT_BREAKER_RECORDS, false));
    CU_ASSERT_EQUAL(breaker.rejected, 0);
    CU_ASSERT(!note(&breaker, 40, true));
    CU_ASSERT(silt_breaker_trips(&breaker, true));
    CU_ASSERT_EQUAL(breaker.records, SILT_BREAKER_RECORDS);
}

static void a_share_of_one_never_trips(void)
{
    struct silt_breaker breaker;
    silt_breaker_init(&breaker, 1);
    CU_ASSERT(!note(&breaker, 3 * SILT_BREAKER_RECORDS, true));
}

SILT_TESTS("breaker", {"a few records say nothing", a_few_records_say_nothing},
           {"the share itself is allowed and one more is not",
            the_share_itself_is_allowed_and_one_more_is_not},
           {"what is long past does not count", what_is_long_past_does_not_count},
           {"a share of one never trips", a_share_of_one_never_trips})
