/* UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF. Pure. */
#ifndef SILT_DECODE_UTF8_INT_H
#define SILT_DECODE_UTF8_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SILT_HIGH_BITS 0x8080808080808080u

/* Most strings are short ASCII: eight bytes at a time, the last eight overlap those before. */
static inline bool silt_utf8_is_ascii(const uint8_t *text, size_t len)
{
    uint64_t word;
    if (len >= sizeof word) {
        uint64_t seen = 0;
        for (size_t i = 0; i < len - sizeof word; i += sizeof word) {
            memcpy(&word, text + i, sizeof word);
            seen |= word;
        }
        memcpy(&word, text + len - sizeof word, sizeof word);
        return ((seen | word) & SILT_HIGH_BITS) == 0;
    }
    uint32_t first;
    if (len >= sizeof first) {
        uint32_t last;
        memcpy(&first, text, sizeof first);
        memcpy(&last, text + len - sizeof last, sizeof last);
        return ((first | last) & (uint32_t)SILT_HIGH_BITS) == 0;
    }
    return len == 0 || (text[0] | text[len / 2] | text[len - 1]) < 0x80;
}

/* @return length of the longest valid prefix: `len` when all of it is valid. */
size_t silt_utf8_valid_len(const uint8_t *text, size_t len);

#endif
