#include "base/log.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/jsonw.h"

#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define LINE_MAX_BYTES 8192

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

static void write_field(struct silt_jsonw *w, const struct silt_field *field)
{
    switch (field->kind) {
    case SILT_FIELD_STR:
        if (field->v.str) silt_jsonw_kstr(w, field->key, field->v.str);
        return;
    case SILT_FIELD_INT: silt_jsonw_kint(w, field->key, field->v.i64); return;
    case SILT_FIELD_DOUBLE: silt_jsonw_kdouble(w, field->key, field->v.f64); return;
    }
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
    silt_jsonw_kstr(&w, "msg", msg);
    for (unsigned i = 0; i < fields_n; i++) write_field(&w, &fields[i]);
    silt_jsonw_close(&w, '}');
}

static void format_text(struct silt_buf *line, const char *level, const char *event,
                        const char *msg, const struct silt_field *fields, unsigned fields_n)
{
    char now[SILT_ISO_LEN];
    silt_iso_time(silt_wall_ms(), now);
    (void)silt_buf_printf(line, "%s %-5s %s: %s", now, level, event, msg);
    for (unsigned i = 0; i < fields_n; i++) {
        if (fields[i].kind == SILT_FIELD_STR && !fields[i].v.str) continue;
        (void)silt_buf_printf(line, " %s=", fields[i].key);
        struct silt_jsonw w;
        silt_jsonw_init(&w, line);
        switch (fields[i].kind) {
        case SILT_FIELD_STR: silt_jsonw_str(&w, fields[i].v.str); break;
        case SILT_FIELD_INT: silt_jsonw_int(&w, fields[i].v.i64); break;
        case SILT_FIELD_DOUBLE: silt_jsonw_double(&w, fields[i].v.f64); break;
        }
    }
}

void silt_log_write(enum silt_log_level level, const char *event, const char *msg,
                    const struct silt_field *fields, unsigned fields_n)
{
    if (!silt_log_enabled(level)) return;
    struct silt_buf line;
    silt_buf_init(&line, LINE_MAX_BYTES);
    if (atomic_load(&log_format) == SILT_LOG_JSON)
        format_json(&line, level_names[level], event, msg, fields, fields_n);
    else
        format_text(&line, level_names[level], event, msg, fields, fields_n);
    line.max++;
    (void)silt_buf_append_char(&line, '\n');
    size_t done = 0;
    while (done < line.len) {
        ssize_t n = write(atomic_load(&log_fd), line.data + done, line.len - done);
        if (n <= 0) break; /* a closed log must not stop the archive */
        done += (size_t)n;
    }
    silt_buf_done(&line);
}
