/* The two ways to a CRC-32C, so that a test can compare them on one machine. `crc` goes in and
 * comes out as the register holds it: inverting at both ends is the caller's part.
 */
#ifndef SILT_BASE_HASH_INT_H
#define SILT_BASE_HASH_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool silt_crc32c_has_sse(void);
uint32_t silt_crc32c_sse(uint32_t crc, const uint8_t *at, size_t len); /* only where has_sse */
uint32_t silt_crc32c_tables(uint32_t crc, const uint8_t *at, size_t len);

#endif
