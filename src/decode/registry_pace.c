#include "registry_pace_int.h"

#include "base/backoff.h"

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Generic cell rate algorithm (ITU-T I.371): one number instead of a level and its clock. */
int64_t silt_pace_delay(struct silt_pace *pace, int64_t now_ms)
{
    int64_t start = later(now_ms, pace->not_before_ms);
    int64_t spent = later(pace->spent_until_ms, start);
    start = later(start, spent - (SILT_PACE_BURST - 1) * SILT_PACE_INTERVAL_MS);
    pace->spent_until_ms = spent + SILT_PACE_INTERVAL_MS;
    return start - now_ms;
}

int64_t silt_pace_failed(struct silt_pace *pace, int64_t now_ms, int64_t retry_after_ms,
                         uint64_t random)
{
    static const struct silt_backoff_opts opts = {.first_ms = SILT_PACE_PAUSE_FIRST_MS,
                                                  .max_ms = SILT_PACE_PAUSE_MAX_MS};
    if (now_ms < pace->not_before_ms) return pace->not_before_ms;
    pace->failures++;
    int64_t pause = silt_backoff_ms(&opts, pace->failures, 0, retry_after_ms, random);
    pace->not_before_ms = now_ms + later(pause, SILT_PACE_PAUSE_MIN_MS);
    return pace->not_before_ms;
}

void silt_pace_answered(struct silt_pace *pace)
{
    pace->failures = 0;
    pace->not_before_ms = 0;
}
