/* Clocks: wall time for dates and timestamps, monotonic time for durations. Any thread. */
#ifndef SILT_BASE_CLOCK_H
#define SILT_BASE_CLOCK_H

#include "base/iso.h"

#include <stdint.h>
#include <time.h>

int64_t silt_wall_ms(void); /* ms since 1970-01-01 UTC */
int64_t silt_mono_ms(void); /* ms since some fixed moment; never jumps */
int64_t silt_mono_ns(void);
struct timespec silt_mono_deadline(int64_t in_ms); /* CLOCK_MONOTONIC moment for timed waits */

#endif
