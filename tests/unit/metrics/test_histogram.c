#include "metrics/histogram.h"

#include "base/alloc.h"
#include "base/thread.h"
#include "harness.h"

#include <stdlib.h>

static uint64_t seed = 1;

/* xorshift64*: the same values in every run */
static uint64_t next_random(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * 0x2545f4914f6cdd1dull;
}

static void every_bucket_holds_its_own_middle(void)
{
    for (unsigned i = 0; i < SILT_HISTOGRAM_BUCKETS; i++)
        CU_ASSERT_EQUAL(silt_histogram_bucket(silt_histogram_value(i)), i);
}

static void buckets_grow_with_values(void)
{
    CU_ASSERT_EQUAL(silt_histogram_bucket(0), 0);
    CU_ASSERT_EQUAL(silt_histogram_bucket(127), 127);
    CU_ASSERT_EQUAL(silt_histogram_bucket(128), 128);
    CU_ASSERT_EQUAL(silt_histogram_bucket(255), 255);
    CU_ASSERT_EQUAL(silt_histogram_bucket(256), 256);
    CU_ASSERT_EQUAL(silt_histogram_bucket(257), 256);
    CU_ASSERT_EQUAL(silt_histogram_bucket((1ull << 37) - 1), SILT_HISTOGRAM_BUCKETS - 1);
    CU_ASSERT_EQUAL(silt_histogram_bucket(1ull << 37), SILT_HISTOGRAM_BUCKETS - 1);
    CU_ASSERT_EQUAL(silt_histogram_bucket(UINT64_MAX), SILT_HISTOGRAM_BUCKETS - 1);
}

static void any_value_is_at_most_one_percent_off(void)
{
    unsigned wrong = 0;
    for (int i = 0; i < 1000000; i++) {
        uint64_t value = next_random() >> (27 + next_random() % 37);
        uint64_t kept = silt_histogram_value(silt_histogram_bucket(value));
        uint64_t off = kept > value ? kept - value : value - kept;
        wrong += off * 100 > value;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return (*x > *y) - (*x < *y);
}

#define VALUES 20000

static void quantiles_are_at_most_one_percent_off(void)
{
    static uint64_t values[VALUES];
    static struct silt_histogram h;
    static struct silt_histogram_snapshot snapshot;
    for (int i = 0; i < VALUES; i++) {
        values[i] = next_random() >> (30 + next_random() % 34);
        silt_histogram_record(&h, values[i]);
    }
    qsort(values, VALUES, sizeof values[0], by_value);
    silt_histogram_snapshot(&h, &snapshot);
    CU_ASSERT_EQUAL(snapshot.count, VALUES);
    CU_ASSERT_EQUAL(snapshot.max, values[VALUES - 1]);
    for (int percent = 1; percent <= 100; percent++) {
        uint64_t truth = values[(VALUES * percent + 99) / 100 - 1];
        uint64_t got = silt_histogram_quantile(&snapshot, percent / 100.0);
        uint64_t off = got > truth ? got - truth : truth - got;
        CU_ASSERT(off * 100 <= truth);
    }
}

static void an_empty_histogram_has_no_quantiles(void)
{
    static const struct silt_histogram_snapshot empty;
    CU_ASSERT_EQUAL(silt_histogram_quantile(&empty, 0.5), 0);
}

static void quantiles_outside_the_range_are_the_ends(void)
{
    static struct silt_histogram h;
    static struct silt_histogram_snapshot snapshot;
    silt_histogram_record(&h, 3);
    silt_histogram_record(&h, 1001);
    silt_histogram_snapshot(&h, &snapshot);
    CU_ASSERT_EQUAL(silt_histogram_quantile(&snapshot, -1), 3);
    CU_ASSERT_EQUAL(silt_histogram_quantile(&snapshot, 0), 3);
    CU_ASSERT_EQUAL(silt_histogram_quantile(&snapshot, 0.5), 3);
    CU_ASSERT_EQUAL(silt_histogram_quantile(&snapshot, 1), 1001);
    CU_ASSERT_EQUAL(silt_histogram_quantile(&snapshot, 2), 1001);
}

static void a_difference_holds_what_came_between(void)
{
    static struct silt_histogram h;
    static struct silt_histogram_snapshot earlier;
    static struct silt_histogram_snapshot later;
    static struct silt_histogram_snapshot diff;
    silt_histogram_record(&h, 5000000);
    silt_histogram_snapshot(&h, &earlier);
    silt_histogram_record(&h, 100);
    silt_histogram_record(&h, 70000);
    silt_histogram_snapshot(&h, &later);
    silt_histogram_diff(&later, &earlier, &diff);
    CU_ASSERT_EQUAL(diff.count, 2);
    CU_ASSERT_EQUAL(diff.sum, 70100);
    CU_ASSERT_EQUAL(diff.max, silt_histogram_value(silt_histogram_bucket(70000)));
    silt_histogram_diff(&later, &later, &diff);
    CU_ASSERT_EQUAL(diff.count, 0);
    CU_ASSERT_EQUAL(diff.max, 0);
}

static void a_difference_never_exceeds_the_known_maximum(void)
{
    static struct silt_histogram h;
    static struct silt_histogram_snapshot later;
    static const struct silt_histogram_snapshot nothing;
    static struct silt_histogram_snapshot diff;
    silt_histogram_record(&h, 1ull << 20);
    silt_histogram_snapshot(&h, &later);
    silt_histogram_diff(&later, &nothing, &diff);
    CU_ASSERT_EQUAL(diff.max, 1ull << 20);
}

static void a_count_that_wrapped_still_subtracts(void)
{
    static struct silt_histogram_snapshot earlier;
    static struct silt_histogram_snapshot later;
    static struct silt_histogram_snapshot diff;
    earlier.counts[7] = UINT32_MAX - 1;
    later.counts[7] = 3;
    later.max = 7;
    silt_histogram_diff(&later, &earlier, &diff);
    CU_ASSERT_EQUAL(diff.count, 5);
}

#define EACH 50000

static void *record_many(void *ctx)
{
    for (uint64_t i = 1; i <= EACH; i++) silt_histogram_record(ctx, i);
    return NULL;
}

static void loses_nothing_between_threads(void)
{
    static struct silt_histogram h;
    static struct silt_histogram_snapshot snapshot;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        CU_ASSERT_OK(silt_thread_start(&threads[i], "recorder", record_many, &h, NULL));
    for (int i = 0; i < 4; i++) silt_thread_join(threads[i]);
    silt_histogram_snapshot(&h, &snapshot);
    CU_ASSERT_EQUAL(snapshot.count, 4 * EACH);
    CU_ASSERT_EQUAL(snapshot.sum, 4ull * EACH * (EACH + 1) / 2);
    CU_ASSERT_EQUAL(snapshot.max, EACH);
}

SILT_TESTS("histogram", {"every bucket holds its own middle", every_bucket_holds_its_own_middle},
           {"buckets grow with values, and the last takes all beyond", buckets_grow_with_values},
           {"any value is at most one percent off", any_value_is_at_most_one_percent_off},
           {"quantiles are at most one percent off", quantiles_are_at_most_one_percent_off},
           {"an empty histogram has no quantiles", an_empty_histogram_has_no_quantiles},
           {"quantiles outside the range are the ends", quantiles_outside_the_range_are_the_ends},
           {"a difference holds what came between", a_difference_holds_what_came_between},
           {"a difference never exceeds the known maximum",
            a_difference_never_exceeds_the_known_maximum},
           {"a count that wrapped still subtracts", a_count_that_wrapped_still_subtracts},
           {"loses nothing between threads", loses_nothing_between_threads})
