#include "base/random.h"

#include "base/err.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

void silt_random_bytes(void *ret_bytes, size_t len)
{
    uint8_t *at = ret_bytes;
    while (len) {
        ssize_t n = getrandom(at, len, 0);
        SILT_ASSERT(n > 0 || errno == EINTR);
        if (n <= 0) continue;
        at += n;
        len -= (size_t)n;
    }
}

uint64_t silt_random_u64(void)
{
    uint64_t value;
    silt_random_bytes(&value, sizeof value);
    return value;
}

void silt_hex(const void *bytes, size_t len, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = bytes;
    for (size_t i = 0; i < len; i++) {
        *ret_text++ = digits[at[i] >> 4];
        *ret_text++ = digits[at[i] & 15];
    }
    *ret_text = '\0';
}

void silt_random_hex(char *ret_text, size_t digits)
{
    uint8_t bytes[64];
    SILT_ASSERT(digits % 2 == 0 && digits / 2 <= sizeof bytes);
    silt_random_bytes(bytes, digits / 2);
    silt_hex(bytes, digits / 2, ret_text);
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void silt_base64(const void *bytes, size_t len, char *ret_text)
{
    const uint8_t *in = bytes;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t group = (uint32_t)in[i] << 16;
        if (i + 1 < len) group |= (uint32_t)in[i + 1] << 8;
        if (i + 2 < len) group |= in[i + 2];
        *ret_text++ = base64_digits[group >> 18];
        *ret_text++ = base64_digits[group >> 12 & 63];
        *ret_text++ = i + 1 < len ? base64_digits[group >> 6 & 63] : '=';
        *ret_text++ = i + 2 < len ? base64_digits[group & 63] : '=';
    }
    *ret_text = '\0';
}

long silt_base64_decode(const char *text, void *ret_bytes)
{
    size_t len = strlen(text);
    if (len % 4) return -1;
    uint8_t *out = ret_bytes;
    while (len && text[len - 1] == '=' && len + 2 > strlen(text)) len--;
    uint32_t group = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < len; i++) {
        const char *digit = strchr(base64_digits, text[i]);
        if (!digit) return -1;
        group = group << 6 | (uint32_t)(digit - base64_digits);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            *out++ = (uint8_t)(group >> bits);
        }
    }
    return (long)(out - (uint8_t *)ret_bytes);
}
