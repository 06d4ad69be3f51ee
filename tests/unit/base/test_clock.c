#include "base/clock.h"

#include "harness.h"

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

SILT_TESTS("clock", {"monotonic time never goes back", monotonic_time_never_goes_back},
           {"wall time is of this century", wall_time_is_of_this_century},
           {"a deadline lies ahead by what was asked", a_deadline_lies_ahead_by_what_was_asked})
