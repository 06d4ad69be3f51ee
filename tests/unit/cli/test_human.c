#include "cli/human.h"

#include "harness.h"

static void sizes_have_three_digits_or_so(void)
{
    char text[SILT_HUMAN_LEN];
    CU_ASSERT_STRING_EQUAL(silt_human_bytes(-1, text), "-");
    CU_ASSERT_STRING_EQUAL(silt_human_bytes(0, text), "0 B");
    CU_ASSERT_STRING_EQUAL(silt_human_bytes(1023, text), "1023 B");
    CU_ASSERT_STRING_EQUAL(silt_human_bytes(1024, text), "1.0 KiB");
    CU_ASSERT_STRING_EQUAL(silt_human_bytes(1024 * 1024 - 1, text), "1.0 MiB");
    CU_ASSERT_STRING_EQUAL(silt_human_bytes(1536 << 10, text), "1.5 MiB");
    CU_ASSERT_STRING_EQUAL(silt_human_bytes(128 << 20, text), "128 MiB");
    CU_ASSERT_STRING_EQUAL(silt_human_bytes(INT64_MAX, text), "8.0 EiB");
}

static void counts_have_commas(void)
{
    char text[SILT_HUMAN_LEN];
    CU_ASSERT_STRING_EQUAL(silt_human_count(-5, text), "-");
    CU_ASSERT_STRING_EQUAL(silt_human_count(0, text), "0");
    CU_ASSERT_STRING_EQUAL(silt_human_count(999, text), "999");
    CU_ASSERT_STRING_EQUAL(silt_human_count(1000, text), "1,000");
    CU_ASSERT_STRING_EQUAL(silt_human_count(1234567, text), "1,234,567");
    CU_ASSERT_STRING_EQUAL(silt_human_count(INT64_MAX, text), "9,223,372,036,854,775,807");
}

static void durations_have_two_units(void)
{
    char text[SILT_HUMAN_LEN];
    CU_ASSERT_STRING_EQUAL(silt_human_ms(-1, text), "-");
    CU_ASSERT_STRING_EQUAL(silt_human_ms(0, text), "0ms");
    CU_ASSERT_STRING_EQUAL(silt_human_ms(999, text), "999ms");
    CU_ASSERT_STRING_EQUAL(silt_human_ms(1000, text), "1.0s");
    CU_ASSERT_STRING_EQUAL(silt_human_ms(59999, text), "59.9s");
    CU_ASSERT_STRING_EQUAL(silt_human_ms(61000, text), "1m 1s");
    CU_ASSERT_STRING_EQUAL(silt_human_ms(7500000, text), "2h 5m");
    CU_ASSERT_STRING_EQUAL(silt_human_ms(90000000, text), "1d 1h");
}

SILT_TESTS("human", {"sizes have three digits or so", sizes_have_three_digits_or_so},
           {"counts have commas", counts_have_commas},
           {"durations have two units", durations_have_two_units})
