#include "utf8_int.h"

#include "harness.h"

#include <stdlib.h>

/* RFC 3629 section 4, rule by rule, as slow and plain as it can be. */
static size_t reference(const uint8_t *t, size_t len)
{
    size_t i = 0;
    while (i < len) {
        uint32_t point = t[i];
        size_t n = point < 0x80       ? 1
                   : point >> 5 == 6  ? 2
                   : point >> 4 == 14 ? 3
                   : point >> 3 == 30 ? 4
                                      : 0;
        if (n == 0 || i + n > len) return i;
        if (n > 1) point &= 0x7Fu >> n;
        for (size_t k = 1; k < n; k++) {
            if (t[i + k] >> 6 != 2) return i;
            point = point << 6 | (t[i + k] & 0x3Fu);
        }
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        if (n > 1 && point < least[n]) return i;
        if ((point >= 0xD800 && point < 0xE000) || point > 0x10FFFF) return i;
        i += n;
    }
    return i;
}

static void agrees(const uint8_t *bytes, size_t len)
{
    if (silt_utf8_valid_len(bytes, len) != reference(bytes, len)) CU_FAIL("valid length");
}

static void all_sequences_of_up_to_three_bytes(void)
{
    for (uint32_t n = 0; n < 1u << 24; n += n < 0xC00000 ? 251 : 1) {
        uint8_t bytes[3] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
        agrees(bytes, 1);
        agrees(bytes, 2);
        agrees(bytes, 3);
    }
}

static void sequences_of_four_bytes(void)
{
    static const uint8_t edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
    for (unsigned lead = 0xEF; lead <= 0xFF; lead++)
        for (unsigned second = 0; second < 256; second++)
            for (size_t k = 0; k < 100; k++) {
                uint8_t bytes[5] = {(uint8_t)lead, (uint8_t)second, edges[k / 10], edges[k % 10],
                                    'z'};
                agrees(bytes, 4);
                agrees(bytes, 5);
            }
}

static void text_of_any_length_and_alignment(void)
{
    static const char text[] =
        "plain text, Z\xc3\xbcrich, \xe5\x8c\x97\xe4\xba\xac, \xf0\x9f\x8c\xa1, end";
    for (size_t from = 0; from < sizeof text; from++)
        for (size_t len = 0; from + len < sizeof text; len++) {
            uint8_t *copy = malloc(len + 1);
            if (!copy) abort();
            memcpy(copy, text + from, len);
            uint8_t *exact = realloc(copy, len ? len : 1);
            agrees(exact, len);
            CU_ASSERT(!silt_utf8_is_ascii(exact, len) || reference(exact, len) == len);
            free(exact);
        }
}

static void one_high_byte_anywhere_is_seen(void)
{
    uint8_t bytes[40];
    for (size_t len = 0; len <= sizeof bytes; len++) {
        memset(bytes, 'a', sizeof bytes);
        CU_ASSERT(silt_utf8_is_ascii(bytes, len));
        for (size_t at = 0; at < len; at++) {
            bytes[at] = 0x80;
            CU_ASSERT_FALSE(silt_utf8_is_ascii(bytes, len));
            CU_ASSERT_EQUAL(silt_utf8_valid_len(bytes, len), at);
            bytes[at] = 'a';
        }
    }
}

SILT_TESTS("utf8", {"all sequences of up to three bytes", all_sequences_of_up_to_three_bytes},
           {"sequences of four bytes", sequences_of_four_bytes},
           {"text of any length and alignment", text_of_any_length_and_alignment},
           {"one high byte anywhere is seen", one_high_byte_anywhere_is_seen})
