/* A growable byte buffer that carries its own maximum, and a read-only view of bytes.
 *
 * One owner, no locking. Appending beyond `max` fails and leaves the buffer unchanged, so whoever
 * fills a buffer from outside input has a named bound by construction.
 */
#ifndef SILT_BASE_BUF_H
#define SILT_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes owned by somebody else; `ptr` may be NULL when `len` is 0. */
struct silt_slice {
    const uint8_t *ptr;
    size_t len;
};

static inline struct silt_slice silt_slice_of(const void *ptr, size_t len)
{
    return (struct silt_slice){.ptr = ptr, .len = len};
}

static inline struct silt_slice silt_slice_str(const char *s)
{
    return silt_slice_of(s, strlen(s));
}

static inline bool silt_slice_eq(struct silt_slice a, struct silt_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

struct silt_buf {
    uint8_t *data; /* owned; a 0 byte follows what was appended */
    size_t len;
    size_t cap;
    size_t max;
};

#define SILT_BUF_MAX_DEFAULT ((size_t)1 << 30)

void silt_buf_init(struct silt_buf *buf, size_t max);
void silt_buf_done(struct silt_buf *buf); /* NULL and zeroed are fine; leaves it zeroed */
void silt_buf_clear(struct silt_buf *buf);

/* @return false when it would exceed `max`; nothing was appended then. */
bool silt_buf_append(struct silt_buf *buf, const void *bytes, size_t len);
bool silt_buf_append_str(struct silt_buf *buf, const char *s);
bool silt_buf_append_char(struct silt_buf *buf, char c);
bool silt_buf_printf(struct silt_buf *buf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes room for `len` more bytes. @return where to write them (then add to `len`), NULL beyond
 * `max`. silt_buf_str and silt_buf_take put the 0 byte behind it. */
uint8_t *silt_buf_reserve(struct silt_buf *buf, size_t len);

/* The content as a C string, "" when empty. Valid until the next change. */
const char *silt_buf_str(const struct silt_buf *buf);
struct silt_slice silt_buf_slice(const struct silt_buf *buf);

/* Hands the bytes over to the caller (silt_free) and leaves the buffer empty. */
uint8_t *silt_buf_take(struct silt_buf *buf, size_t *ret_len);

#endif
