/* Lag arithmetic (design section 2). Pure. Unknown is -1, never 0. */
#ifndef SILT_PIPELINE_LAG_H
#define SILT_PIPELINE_LAG_H

#include "observe/observe.h"

#include <stdint.h>

/* How fast the durable offset moves: an average over the last samples. */
struct silt_drain {
    int64_t first_ms; /* of the sampling window; monotonic */
    int64_t first_offset;
    int64_t last_ms;
    int64_t per_s; /* records; -1 unknown */
};

void silt_drain_init(struct silt_drain *drain);
void silt_drain_sample(struct silt_drain *drain, int64_t now_ms, int64_t durable);

/* Fills lag, lag_ms, drain_per_s and retention_ms_left from the offsets in `lag`. oldest_ms:
 * timestamp of the oldest record in hand that is not durable, 0 when none is in hand. */
void silt_lag_derive(struct silt_lag *lag, const struct silt_drain *drain, int64_t oldest_ms,
                     int64_t wall_ms);

#endif
