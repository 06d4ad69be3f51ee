#include "base/log.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/jsonw.h"

#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define LINE_MAX_BYTES ((size_t)8192)
/* Of a message or a value: written as escapes it still leaves room in the line. */
#define TEXT_MAX_BYTES 1000
#define SILT_LOG_FIELDS_MAX 16
#define LINE_END_BYTES 16 /* ,"cut":true} and the line feed */

static const char *const level_names[] = {"DEBUG", "INFO", "WARN", "ERROR", "FATAL"};

static _Atomic int log_level = SILT_INFO;
static _Atomic int log_format = SILT_LOG_JSON;
static _Atomic int log_fd = STDOUT_FILENO;

void silt_log_init(enum silt_log_level level, enum silt_log_format format, int fd)
{
    atomic_store(&log_level, (int)level);
    atomic_store(&log_format, (int)format);
    atomic_store(&log_fd, fd);
}

void silt_log_set_level(enum silt_log_level level)
{
    atomic_store(&log_level, (int)level);
}

bool silt_log_level_parse(const char *name, enum silt_log_level *ret_level)
{
    for (unsigned i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcasecmp(name, level_names[i]) != 0) continue;
        *ret_level = (enum silt_log_level)i;
        return true;
    }
    return false;
}

bool silt_log_enabled(enum silt_log_level level)
{
    return (int)level >= atomic_load_explicit(&log_level, memory_order_relaxed);
}

static void write_text(struct silt_jsonw *w, const char *text)
{
    silt_jsonw_bytes(w, silt_slice_of(text, strnlen(text, TEXT_MAX_BYTES)));
}

static void write_value(struct silt_jsonw *w, const struct silt_field *field)
{
    switch (field->kind) {
    case SILT_FIELD_STR: write_text(w, field->v.str); return;
    case SILT_FIELD_INT: silt_jsonw_int(w, field->v.i64); return;
    case SILT_FIELD_DOUBLE: silt_jsonw_double(w, field->v.f64); return;
    }
}

static bool is_left_out(const struct silt_field *field)
{
    return field->kind == SILT_FIELD_STR && !field->v.str;
}

static void format_json(struct silt_buf *line, const char *level, const char *event,
                        const char *msg, const struct silt_field *fields, unsigned fields_n)
{
    char now[SILT_ISO_LEN];
    silt_iso_time(silt_wall_ms(), now);
    struct silt_jsonw w;
    silt_jsonw_init(&w, line);
    silt_jsonw_open(&w, '{');
    silt_jsonw_kstr(&w, "ts", now);
    silt_jsonw_kstr(&w, "level", level);
    silt_jsonw_kstr(&w, "event", event);
    silt_jsonw_key(&w, "msg");
    write_text(&w, msg);
    for (unsigned i = 0; i < fields_n; i++) {
        if (is_left_out(&fields[i])) continue;
        size_t before = line->len;
        silt_jsonw_key(&w, fields[i].key);
        write_value(&w, &fields[i]);
        if (line->len <= LINE_MAX_BYTES - LINE_END_BYTES) continue;
        line->len = before; /* half a field would be no JSON */
        silt_jsonw_kbool(&w, "cut", true);
        break;
    }
    silt_jsonw_close(&w, '}');
}

static void format_text(struct silt_buf *line, const char *level, const char *event,
                        const char *msg, const struct silt_field *fields, unsigned fields_n)
{
    char now[SILT_ISO_LEN];
    silt_iso_time(silt_wall_ms(), now);
    (void)silt_buf_printf(line, "%s %-5s %s: %.*s", now, level, event, TEXT_MAX_BYTES, msg);
    for (unsigned i = 0; i < fields_n; i++) {
        if (is_left_out(&fields[i])) continue;
        (void)silt_buf_printf(line, " %s=", fields[i].key);
        struct silt_jsonw w;
        silt_jsonw_init(&w, line);
        write_value(&w, &fields[i]);
    }
    /* A message may quote foreign text: no second line, nothing a terminal would obey. */
    for (size_t i = 0; i < line->len; i++)
        if (line->data[i] < 0x20 || line->data[i] == 0x7f) line->data[i] = ' ';
}

bool silt_log_site_pass(struct silt_log_site *site, int64_t now_ms, unsigned *ret_suppressed)
{
    int64_t opened_ms = atomic_load(&site->opened_ms);
    *ret_suppressed = 0;
    if ((!opened_ms || now_ms - opened_ms >= SILT_LOG_SITE_MS) &&
        atomic_compare_exchange_strong(&site->opened_ms, &opened_ms, now_ms)) {
        atomic_store(&site->lines, 0);
        *ret_suppressed = atomic_exchange(&site->suppressed, 0);
    }
    if (atomic_fetch_add(&site->lines, 1) < SILT_LOG_SITE_LINES) return true;
    atomic_fetch_add(&site->suppressed, 1);
    return false;
}

void silt_log_at(struct silt_log_site *site, enum silt_log_level level, const char *event,
                 const char *msg, const struct silt_field *fields, unsigned fields_n)
{
    unsigned suppressed = 0;
    struct silt_field more[SILT_LOG_FIELDS_MAX + 1];
    if (level > SILT_DEBUG && !silt_log_site_pass(site, silt_mono_ms(), &suppressed)) return;
    if (!suppressed) {
        silt_log_write(level, event, msg, fields, fields_n);
        return;
    }
    SILT_ASSERT(fields_n <= SILT_LOG_FIELDS_MAX);
    memcpy(more, fields, fields_n * sizeof *fields);
    more[fields_n] = SILT_F_INT("suppressed", suppressed);
    silt_log_write(level, event, msg, more, fields_n + 1);
}

void silt_log_write(enum silt_log_level level, const char *event, const char *msg,
                    const struct silt_field *fields, unsigned fields_n)
{
    if (!silt_log_enabled(level)) return;
    struct silt_buf line;
    silt_buf_init(&line, 2 * LINE_MAX_BYTES);
    if (atomic_load(&log_format) == SILT_LOG_JSON)
        format_json(&line, level_names[level], event, msg, fields, fields_n);
    else
        format_text(&line, level_names[level], event, msg, fields, fields_n);
    if (line.len >= LINE_MAX_BYTES) line.len = LINE_MAX_BYTES - 1; /* only text can be this long */
    (void)silt_buf_append_char(&line, '\n');
    size_t done = 0;
    while (done < line.len) {
        ssize_t n = write(atomic_load(&log_fd), line.data + done, line.len - done);
        if (n <= 0) break; /* a closed log must not stop the archive */
        done += (size_t)n;
    }
    silt_buf_done(&line);
}
