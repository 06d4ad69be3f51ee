#include "observe/values_int.h"

#include "harness.h"

static void keeps_values_sorted_and_counts_repeats(void)
{
    struct silt_values values = {0};
    silt_values_add(&values, 30, 1);
    silt_values_add(&values, 10, 2);
    silt_values_add(&values, 20, 1);
    silt_values_add(&values, 10, 3);
    CU_ASSERT_EQUAL(values.n, 3);
    CU_ASSERT_EQUAL(values.values[0], 10);
    CU_ASSERT_EQUAL(values.counts[0], 5);
    CU_ASSERT_EQUAL(values.values[1], 20);
    CU_ASSERT_EQUAL(values.values[2], 30);
}

static void a_full_set_counts_at_the_nearest_value(void)
{
    struct silt_values values = {0};
    for (uint64_t i = 0; i < SILT_VALUES_MAX; i++) silt_values_add(&values, 100 + i * 10, 1);
    silt_values_add(&values, 50, 1);
    silt_values_add(&values, 104, 1);
    silt_values_add(&values, 116, 1);
    silt_values_add(&values, 9999999, 1);
    CU_ASSERT_EQUAL(values.n, SILT_VALUES_MAX);
    CU_ASSERT_EQUAL(values.counts[0], 3);
    CU_ASSERT_EQUAL(values.counts[1], 1);
    CU_ASSERT_EQUAL(values.counts[2], 2);
    CU_ASSERT_EQUAL(values.counts[SILT_VALUES_MAX - 1], 2);
    uint64_t total = 0;
    for (unsigned i = 0; i < values.n; i++) total += values.counts[i];
    CU_ASSERT_EQUAL(total, SILT_VALUES_MAX + 4);
}

SILT_TESTS("values",
           {"keeps values sorted and counts repeats", keeps_values_sorted_and_counts_repeats},
           {"a full set counts at the nearest value", a_full_set_counts_at_the_nearest_value})
