#include "base/clock.h"

static int64_t now_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t silt_wall_ms(void)
{
    return now_ns(CLOCK_REALTIME) / 1000000;
}

int64_t silt_mono_ms(void)
{
    return now_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t silt_mono_ns(void)
{
    return now_ns(CLOCK_MONOTONIC);
}

struct timespec silt_mono_deadline(int64_t in_ms)
{
    int64_t at = now_ns(CLOCK_MONOTONIC) + in_ms * 1000000;
    return (struct timespec){.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
}
