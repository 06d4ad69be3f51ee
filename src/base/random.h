/* Random bytes from the kernel (getrandom), hex and base64 text. Any thread. */
#ifndef SILT_BASE_RANDOM_H
#define SILT_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void silt_random_bytes(void *ret_bytes, size_t len);
uint64_t silt_random_u64(void);

/* Lower-case hex of len bytes: writes 2*len characters and a 0 byte. */
void silt_hex(const void *bytes, size_t len, char *ret_text);
/* Random hex text of `digits` characters (even) and a 0 byte. */
void silt_random_hex(char *ret_text, size_t digits);

#define SILT_BASE64_LEN(n) (((n) + 2) / 3 * 4 + 1)
void silt_base64(const void *bytes, size_t len, char *ret_text); /* SILT_BASE64_LEN(len) bytes */
/* @return bytes written into ret_bytes (room for 3*strlen/4), or -1 when text is no base64. */
long silt_base64_decode(const char *text, void *ret_bytes);

#endif
