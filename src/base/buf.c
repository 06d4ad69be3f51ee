#include "base/buf.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>

void silt_buf_init(struct silt_buf *buf, size_t max)
{
    /* Room for the final 0 byte and for growing by half, so that no sum below overflows. */
    *buf = (struct silt_buf){.max = max < SIZE_MAX / 4 ? max : SIZE_MAX / 4};
}

void silt_buf_done(struct silt_buf *buf)
{
    if (!buf) return;
    silt_free(buf->data);
    *buf = (struct silt_buf){0};
}

void silt_buf_clear(struct silt_buf *buf)
{
    buf->len = 0;
    if (buf->data) buf->data[0] = 0;
}

uint8_t *silt_buf_reserve(struct silt_buf *buf, size_t len)
{
    if (len > buf->max || buf->len > buf->max - len) return NULL;
    size_t need = buf->len + len + 1;
    if (need > buf->cap) {
        size_t cap = buf->cap ? buf->cap + buf->cap / 2 : 64;
        if (cap < need) cap = need;
        if (cap > buf->max + 1) cap = buf->max + 1;
        buf->data = silt_realloc(buf->data, cap);
        buf->cap = cap;
    }
    return buf->data + buf->len;
}

bool silt_buf_append(struct silt_buf *buf, const void *bytes, size_t len)
{
    uint8_t *at = silt_buf_reserve(buf, len);
    if (!at) return false;
    if (len) memcpy(at, bytes, len);
    buf->len += len;
    buf->data[buf->len] = 0;
    return true;
}

bool silt_buf_append_str(struct silt_buf *buf, const char *s)
{
    return silt_buf_append(buf, s, strlen(s));
}

bool silt_buf_append_char(struct silt_buf *buf, char c)
{
    return silt_buf_append(buf, &c, 1);
}

bool silt_buf_printf(struct silt_buf *buf, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) return false;
    uint8_t *at = silt_buf_reserve(buf, (size_t)n);
    if (!at) return false;
    va_start(ap, fmt);
    vsnprintf((char *)at, (size_t)n + 1, fmt, ap);
    va_end(ap);
    buf->len += (size_t)n;
    return true;
}

const char *silt_buf_str(const struct silt_buf *buf)
{
    if (!buf->len) return "";
    buf->data[buf->len] = 0; /* who wrote into reserved room has not done it */
    return (const char *)buf->data;
}

struct silt_slice silt_buf_slice(const struct silt_buf *buf)
{
    return silt_slice_of(buf->data, buf->len);
}

uint8_t *silt_buf_take(struct silt_buf *buf, size_t *ret_len)
{
    uint8_t *data = buf->data ? buf->data : silt_zalloc(1);
    data[buf->len] = 0;
    *ret_len = buf->len;
    *buf = (struct silt_buf){.max = buf->max};
    return data;
}
