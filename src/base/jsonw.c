#include "base/jsonw.h"

#include <math.h>
#include <stdio.h>

void silt_jsonw_init(struct silt_jsonw *w, struct silt_buf *buf)
{
    *w = (struct silt_jsonw){.buf = buf};
}

/* A buffer at its maximum loses text, never memory: log lines are cut, documents carry a large
 * enough maximum. */
static void put(struct silt_jsonw *w, const char *text)
{
    (void)silt_buf_append_str(w->buf, text);
}

static void before_value(struct silt_jsonw *w)
{
    if (w->comma) put(w, ",");
    w->comma = true;
}

void silt_jsonw_open(struct silt_jsonw *w, char bracket)
{
    before_value(w);
    (void)silt_buf_append_char(w->buf, bracket);
    w->comma = false;
}

void silt_jsonw_close(struct silt_jsonw *w, char bracket)
{
    (void)silt_buf_append_char(w->buf, bracket);
    w->comma = true;
}

unsigned silt_utf8_sequence(const uint8_t *at, size_t len)
{
    if (len == 0) return 0;
    if (at[0] < 0x80) return 1;
    unsigned n = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || len < n) return 0;
    for (unsigned i = 1; i < n; i++)
        if ((at[i] & 0xc0) != 0x80) return 0;
    if (at[0] == 0xe0 && at[1] < 0xa0) return 0;
    if (at[0] == 0xed && at[1] > 0x9f) return 0;
    if (at[0] == 0xf0 && at[1] < 0x90) return 0;
    if (at[0] == 0xf4 && at[1] > 0x8f) return 0;
    return n;
}

static void escape(struct silt_jsonw *w, uint8_t byte)
{
    char text[8];
    switch (byte) {
    case '"': put(w, "\\\""); return;
    case '\\': put(w, "\\\\"); return;
    case '\n': put(w, "\\n"); return;
    case '\r': put(w, "\\r"); return;
    case '\t': put(w, "\\t"); return;
    default: break;
    }
    snprintf(text, sizeof text, "\\u%04x", byte >= 0x80 ? 0xfffdu : (unsigned)byte);
    put(w, text);
}

static bool is_plain(const uint8_t *at, unsigned sequence)
{
    return sequence > 1 ||
           (sequence == 1 && *at >= 0x20 && *at != '"' && *at != '\\' && *at != 0x7f);
}

static void quoted(struct silt_jsonw *w, struct silt_slice text)
{
    put(w, "\"");
    size_t i = 0;
    while (i < text.len) {
        size_t start = i;
        unsigned n = 0;
        while (i < text.len &&
               is_plain(text.ptr + i, n = silt_utf8_sequence(text.ptr + i, text.len - i)))
            i += n;
        (void)silt_buf_append(w->buf, text.ptr + start, i - start);
        if (i < text.len) escape(w, text.ptr[i++]);
    }
    put(w, "\"");
}

void silt_jsonw_key(struct silt_jsonw *w, const char *key)
{
    before_value(w);
    quoted(w, silt_slice_str(key));
    put(w, ":");
    w->comma = false;
}

void silt_jsonw_str(struct silt_jsonw *w, const char *value)
{
    if (value)
        silt_jsonw_bytes(w, silt_slice_str(value));
    else
        silt_jsonw_null(w);
}

void silt_jsonw_bytes(struct silt_jsonw *w, struct silt_slice value)
{
    before_value(w);
    quoted(w, value);
}

void silt_jsonw_int(struct silt_jsonw *w, int64_t value)
{
    before_value(w);
    (void)silt_buf_printf(w->buf, "%lld", (long long)value);
}

void silt_jsonw_uint(struct silt_jsonw *w, uint64_t value)
{
    before_value(w);
    (void)silt_buf_printf(w->buf, "%llu", (unsigned long long)value);
}

void silt_jsonw_double(struct silt_jsonw *w, double value)
{
    if (!isfinite(value)) {
        silt_jsonw_null(w);
        return;
    }
    before_value(w);
    (void)silt_buf_printf(w->buf, "%.15g", value);
}

void silt_jsonw_bool(struct silt_jsonw *w, bool value)
{
    silt_jsonw_raw(w, value ? "true" : "false");
}

void silt_jsonw_null(struct silt_jsonw *w)
{
    silt_jsonw_raw(w, "null");
}

void silt_jsonw_raw(struct silt_jsonw *w, const char *json)
{
    before_value(w);
    put(w, json);
}

void silt_jsonw_kstr(struct silt_jsonw *w, const char *key, const char *value)
{
    silt_jsonw_key(w, key);
    silt_jsonw_str(w, value);
}

void silt_jsonw_kint(struct silt_jsonw *w, const char *key, int64_t value)
{
    silt_jsonw_key(w, key);
    silt_jsonw_int(w, value);
}

void silt_jsonw_kuint(struct silt_jsonw *w, const char *key, uint64_t value)
{
    silt_jsonw_key(w, key);
    silt_jsonw_uint(w, value);
}

void silt_jsonw_kdouble(struct silt_jsonw *w, const char *key, double value)
{
    silt_jsonw_key(w, key);
    silt_jsonw_double(w, value);
}

void silt_jsonw_kbool(struct silt_jsonw *w, const char *key, bool value)
{
    silt_jsonw_key(w, key);
    silt_jsonw_bool(w, value);
}
