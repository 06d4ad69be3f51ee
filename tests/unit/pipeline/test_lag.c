#include "pipeline/lag.h"

#include "harness.h"

/* ---- drain ---- */

static void the_drain_rate_is_unknown_at_first(void)
{
    struct silt_drain drain;
    silt_drain_init(&drain);
    CU_ASSERT_EQUAL(drain.per_s, -1);
    silt_drain_sample(&drain, 0, -1); /* nothing durable is known */
    silt_drain_sample(&drain, 5000, 100);
    CU_ASSERT_EQUAL(drain.per_s, -1);
    silt_drain_sample(&drain, 5999, 200); /* less than a second */
    CU_ASSERT_EQUAL(drain.per_s, -1);
    silt_drain_sample(&drain, 6000, 200);
    CU_ASSERT_EQUAL(drain.per_s, 100);
}

static void the_drain_rate_is_an_average_of_a_minute(void)
{
    struct silt_drain drain;
    silt_drain_init(&drain);
    silt_drain_sample(&drain, 1000, 0);
    silt_drain_sample(&drain, 60999, 59999);
    CU_ASSERT_EQUAL(drain.per_s, 1000);
    CU_ASSERT_EQUAL(drain.first_offset, 0);
    silt_drain_sample(&drain, 61000, 120000);
    CU_ASSERT_EQUAL(drain.per_s, 2000);
    CU_ASSERT_EQUAL(drain.first_offset, 120000); /* the next minute */
    silt_drain_sample(&drain, 63000, 120000);
    CU_ASSERT_EQUAL(drain.per_s, 0);
}

static void a_durable_offset_that_goes_back_begins_anew(void)
{
    struct silt_drain drain;
    silt_drain_init(&drain);
    silt_drain_sample(&drain, 0, 1000);
    silt_drain_sample(&drain, 1000, 1500);
    silt_drain_sample(&drain, 2000, 400); /* a lineage slot */
    CU_ASSERT_EQUAL(drain.per_s, 500);
    CU_ASSERT_EQUAL(drain.first_offset, 400);
    silt_drain_sample(&drain, 3000, 410);
    CU_ASSERT_EQUAL(drain.per_s, 10);
}

/* ---- lag ---- */

static struct silt_lag derived(int64_t log_start, int64_t durable, int64_t high, int64_t oldest_ms)
{
    struct silt_drain drain;
    struct silt_lag lag = {.log_start = log_start, .durable = durable, .high = high};
    silt_drain_init(&drain);
    drain.per_s = 7;
    silt_lag_derive(&lag, &drain, oldest_ms, 10000);
    return lag;
}

static void unknown_is_never_zero(void)
{
    CU_ASSERT_EQUAL(derived(-1, 5, 5, 0).lag, -1);
    CU_ASSERT_EQUAL(derived(0, -1, 5, 0).lag, -1);
    CU_ASSERT_EQUAL(derived(0, 5, -1, 0).lag, -1);
    CU_ASSERT_EQUAL(derived(0, 5, -1, 0).lag_ms, -1);
    CU_ASSERT_EQUAL(derived(0, 5, -1, 0).drain_per_s, 7);
    CU_ASSERT_EQUAL(derived(0, 5, 8, 0).retention_ms_left, -1);
}

static void lag_is_what_kafka_has_and_the_archive_has_not(void)
{
    CU_ASSERT_EQUAL(derived(0, 60, 100, 0).lag, 40);
    CU_ASSERT_EQUAL(derived(90, 60, 100, 0).lag, 10); /* the rest is gone from Kafka */
    CU_ASSERT_EQUAL(derived(0, 100, 100, 0).lag, 0);
    CU_ASSERT_EQUAL(derived(0, 101, 100, 0).lag, 0); /* the watermark is older than the slot */
}

static void its_age_is_that_of_the_oldest_record_in_hand(void)
{
    CU_ASSERT_EQUAL(derived(0, 60, 100, 9000).lag_ms, 1000);
    CU_ASSERT_EQUAL(derived(0, 60, 100, 11000).lag_ms, 0); /* another clock */
    CU_ASSERT_EQUAL(derived(0, 60, 100, 0).lag_ms, -1);    /* nothing fetched yet */
    CU_ASSERT_EQUAL(derived(0, 100, 100, 9000).lag_ms, 0);
}

SILT_TESTS("lag", {"the drain rate is unknown at first", the_drain_rate_is_unknown_at_first},
           {"the drain rate is an average of a minute", the_drain_rate_is_an_average_of_a_minute},
           {"a durable offset that goes back begins anew",
            a_durable_offset_that_goes_back_begins_anew},
           {"unknown is never zero", unknown_is_never_zero},
           {"lag is what Kafka has and the archive has not",
            lag_is_what_kafka_has_and_the_archive_has_not},
           {"its age is that of the oldest record in hand",
            its_age_is_that_of_the_oldest_record_in_hand})
