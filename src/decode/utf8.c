#include "utf8_int.h"

/* Table 3-7 of the Unicode standard: what may follow a lead byte. */
struct lead {
    uint8_t len;         /* of the sequence; 0: no lead byte */
    uint8_t first, last; /* range of the second byte */
};

static struct lead lead_of(uint8_t byte)
{
    if (byte < 0xC2) return (struct lead){0, 0, 0};
    if (byte < 0xE0) return (struct lead){2, 0x80, 0xBF};
    if (byte == 0xE0) return (struct lead){3, 0xA0, 0xBF};
    if (byte == 0xED) return (struct lead){3, 0x80, 0x9F};
    if (byte < 0xF0) return (struct lead){3, 0x80, 0xBF};
    if (byte == 0xF0) return (struct lead){4, 0x90, 0xBF};
    if (byte < 0xF4) return (struct lead){4, 0x80, 0xBF};
    if (byte == 0xF4) return (struct lead){4, 0x80, 0x8F};
    return (struct lead){0, 0, 0};
}

static size_t ascii_len(const uint8_t *text, size_t len)
{
    size_t i = 0;
    for (uint64_t word; len - i >= sizeof word; i += sizeof word) {
        memcpy(&word, text + i, sizeof word);
        if (word & SILT_HIGH_BITS) break;
    }
    while (i < len && text[i] < 0x80) i++;
    return i;
}

size_t silt_utf8_valid_len(const uint8_t *text, size_t len)
{
    size_t i = ascii_len(text, len);
    while (i < len) {
        struct lead lead = lead_of(text[i]);
        if (!lead.len || len - i < lead.len) return i;
        if (text[i + 1] < lead.first || text[i + 1] > lead.last) return i;
        for (size_t k = 2; k < lead.len; k++)
            if ((text[i + k] & 0xC0) != 0x80) return i;
        i += lead.len;
        i += ascii_len(text + i, len - i);
    }
    return i;
}
