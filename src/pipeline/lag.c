#include "pipeline/lag.h"

#define DRAIN_WINDOW_MS 60000

void silt_drain_init(struct silt_drain *drain)
{
    *drain = (struct silt_drain){.first_offset = -1, .per_s = -1};
}

void silt_drain_sample(struct silt_drain *drain, int64_t now_ms, int64_t durable)
{
    if (durable < 0) return;
    if (drain->first_offset < 0 || durable < drain->first_offset) {
        drain->first_ms = now_ms;
        drain->first_offset = durable;
        return;
    }
    int64_t span = now_ms - drain->first_ms;
    if (span < 1000) return;
    drain->per_s = (durable - drain->first_offset) * 1000 / span;
    if (span < DRAIN_WINDOW_MS) return;
    drain->first_ms = now_ms;
    drain->first_offset = durable;
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void silt_lag_derive(struct silt_lag *lag, const struct silt_drain *drain, int64_t oldest_ms,
                     int64_t wall_ms)
{
    lag->lag = lag->lag_ms = lag->retention_ms_left = -1;
    lag->drain_per_s = drain->per_s;
    if (lag->high < 0 || lag->durable < 0 || lag->log_start < 0) return;
    lag->lag = max64(0, lag->high - max64(lag->durable, lag->log_start));
    if (lag->lag == 0)
        lag->lag_ms = 0;
    else if (oldest_ms > 0)
        lag->lag_ms = max64(0, wall_ms - oldest_ms);
}
