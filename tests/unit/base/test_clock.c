#include "base/clock.h"

#include "harness.h"

#include <string.h>

static void monotonic_time_never_goes_back(void)
{
    int64_t before = silt_mono_ns();
    for (int i = 0; i < 1000; i++) {
        int64_t now = silt_mono_ns();
        CU_ASSERT(now >= before);
        before = now;
    }
    CU_ASSERT(silt_mono_ms() >= before / 1000000);
}

static void wall_time_is_of_this_century(void)
{
    CU_ASSERT(silt_wall_ms() > silt_iso_parse("2020-01-01T00:00:00Z"));
    CU_ASSERT(silt_wall_ms() < silt_iso_parse("2200-01-01T00:00:00Z"));
}

static void a_deadline_lies_ahead_by_what_was_asked(void)
{
    int64_t before = silt_mono_ns();
    struct timespec until = silt_mono_deadline(61500);
    int64_t ns = (int64_t)until.tv_sec * 1000000000 + until.tv_nsec;
    CU_ASSERT(until.tv_nsec >= 0 && until.tv_nsec < 1000000000);
    CU_ASSERT(ns - before >= (int64_t)61500 * 1000000);
}

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

SILT_TESTS("clock", {"monotonic time never goes back", monotonic_time_never_goes_back},
           {"wall time is of this century", wall_time_is_of_this_century},
           {"a deadline lies ahead by what was asked", a_deadline_lies_ahead_by_what_was_asked},
           {"writes times with and without milliseconds",
            writes_times_with_and_without_milliseconds},
           {"any number can be written", any_number_can_be_written},
           {"reads what it writes", reads_what_it_writes},
           {"reads any number of digits after the point",
            reads_any_number_of_digits_after_the_point},
           {"refuses what is no time", refuses_what_is_no_time})
