/* Moments as text: ISO 8601 in UTC, years 1970 to 9999 (other numbers are written somehow, never
 * beyond the array). Pure: knows no clock. Any thread.
 */
#ifndef SILT_BASE_ISO_H
#define SILT_BASE_ISO_H

#include <stdint.h>

#define SILT_ISO_LEN 25 /* "2026-01-01T00:00:00.000Z" and its end */
/* Writes wall_ms as ISO 8601 UTC with milliseconds, or without when they are not wanted (20
 * characters). */
void silt_iso_time(int64_t wall_ms, char ret_text[SILT_ISO_LEN]);
void silt_iso_seconds(int64_t wall_ms, char ret_text[SILT_ISO_LEN]);
/* Parses "2026-01-01T00:00:00[.fff]Z"; digits after the third are dropped. @return -1 when it is
 * none. */
int64_t silt_iso_parse(const char *text);

#endif
