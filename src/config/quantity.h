/* Numbers with units as people write them, and back. Pure, any thread.
 *
 * Readers take digits and a unit, nothing else: no sign, no space but one before the unit of a
 * size, no hexadecimal; false for anything else and for what does not fit.
 */
#ifndef SILT_CONFIG_QUANTITY_H
#define SILT_CONFIG_QUANTITY_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

bool silt_quantity_int(const char *text, int64_t *ret_number);
bool silt_quantity_double(const char *text, double *ret_number);
bool silt_quantity_bytes(const char *text, int64_t *ret_bytes); /* "256MiB" "8MB" "64Ki" "4096" */
bool silt_quantity_duration(const char *text, int64_t *ret_ms); /* "500ms" "1h30m" "7d" "0" */

/* Appends the exact form with the largest unit: "128MiB", "10m", "90s". Not negative. */
void silt_quantity_write_bytes(struct silt_buf *out, int64_t bytes);
void silt_quantity_write_duration(struct silt_buf *out, int64_t ms);

#endif
