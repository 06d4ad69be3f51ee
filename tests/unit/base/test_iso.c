#include "base/iso.h"

#include "harness.h"

#include <string.h>

static void writes_times_with_and_without_milliseconds(void)
{
    char text[SILT_ISO_LEN];
    silt_iso_time(0, text);
    CU_ASSERT_STRING_EQUAL(text, "1970-01-01T00:00:00.000Z");
    silt_iso_time(1767225599999, text);
    CU_ASSERT_STRING_EQUAL(text, "2025-12-31T23:59:59.999Z");
    silt_iso_seconds(1767225599999, text);
    CU_ASSERT_STRING_EQUAL(text, "2025-12-31T23:59:59Z");
    silt_iso_time(-1, text);
    CU_ASSERT_STRING_EQUAL(text, "1969-12-31T23:59:59.999Z");
    silt_iso_time(-1000, text);
    CU_ASSERT_STRING_EQUAL(text, "1969-12-31T23:59:59.000Z");
}

static void any_number_can_be_written(void)
{
    static const int64_t extremes[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX, 253402300800000};
    for (size_t i = 0; i < sizeof extremes / sizeof extremes[0]; i++) {
        char text[SILT_ISO_LEN];
        memset(text, 'x', sizeof text);
        silt_iso_time(extremes[i], text);
        CU_ASSERT_PTR_NOT_NULL(memchr(text, '\0', sizeof text));
    }
}

static void reads_what_it_writes(void)
{
    static const int64_t times[] = {
        0, 1, 951782400000, 1709164800123, 4102444799999, 253402300799999};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char text[SILT_ISO_LEN];
        silt_iso_time(times[i], text);
        CU_ASSERT_EQUAL(silt_iso_parse(text), times[i]);
        silt_iso_seconds(times[i], text);
        CU_ASSERT_EQUAL(silt_iso_parse(text), times[i] / 1000 * 1000);
    }
}

static void reads_any_number_of_digits_after_the_point(void)
{
    CU_ASSERT_EQUAL(silt_iso_parse("1970-01-01T00:00:01.5Z"), 1500);
    CU_ASSERT_EQUAL(silt_iso_parse("1970-01-01T00:00:01.05Z"), 1050);
    CU_ASSERT_EQUAL(silt_iso_parse("1970-01-01T00:00:01.123999999Z"), 1123);
}

static void refuses_what_is_no_time(void)
{
    static const char *const wrong[] = {
        "",
        "yesterday",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.-1Z",
        "2026-01-01T00:00:00. 1Z",
        "2026-01-01T00:00:00.123",
        "2026-01-01T00:00:00.123Zulu",
        "2026-01-01T00:00:00ZZ",
        "2026-02-30T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-1-1T0:0:0Z",
        " 2026-01-01T00:00:00Z",
        "2026-01-01T 0:00:00Z",
        "2026-01-01T00:00:60Z",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CU_ASSERT_EQUAL(silt_iso_parse(wrong[i]), -1);
}

SILT_TESTS("iso",
           {"writes times with and without milliseconds",
            writes_times_with_and_without_milliseconds},
           {"any number can be written", any_number_can_be_written},
           {"reads what it writes", reads_what_it_writes},
           {"reads any number of digits after the point",
            reads_any_number_of_digits_after_the_point},
           {"refuses what is no time", refuses_what_is_no_time})
