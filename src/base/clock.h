/* Clocks: wall time for dates and timestamps, monotonic time for durations. Any thread. */
#ifndef SILT_BASE_CLOCK_H
#define SILT_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

int64_t silt_wall_ms(void); /* ms since 1970-01-01 UTC */
int64_t silt_mono_ms(void); /* ms since some fixed moment; never jumps */
int64_t silt_mono_ns(void);
struct timespec silt_mono_deadline(int64_t in_ms); /* CLOCK_MONOTONIC moment for timed waits */

#define SILT_ISO_LEN 25 /* "2026-01-01T00:00:00.000Z" and its end */
/* Writes wall_ms as ISO 8601 UTC with milliseconds, or without when they are not wanted (20
 * characters). */
void silt_iso_time(int64_t wall_ms, char ret_text[SILT_ISO_LEN]);
void silt_iso_seconds(int64_t wall_ms, char ret_text[SILT_ISO_LEN]);
/* Parses "2026-01-01T00:00:00[.fff]Z"; digits after the third are dropped. @return -1 when it is
 * none. */
int64_t silt_iso_parse(const char *text);

#endif
