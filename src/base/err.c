#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    enum silt_action action;
    const char *failure;
    const char *text;
} codes[] = {
    [SILT_E_NONE] = {"NONE", SILT_ACT_BUG, "unknown_error", "no error"},
#define SILT_E(code, action, failure, text) \
    [SILT_E_##code] = {#code, SILT_ACT_##action, #failure, text},
#include "base/err.def"
#undef SILT_E
};

struct silt_rc silt_err_set(struct silt_err *err, enum silt_code code, const char *file, int line,
                            const char *fmt, ...)
{
    if (err) {
        /* Formatted aside first: an argument may be err->text itself. */
        struct silt_err made = {.code = code, .file = file, .line = line};
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(made.text, sizeof made.text, fmt, ap);
        va_end(ap);
        if (!made.text[0]) snprintf(made.text, sizeof made.text, "%s", codes[code].text);
        *err = made;
    }
    return (struct silt_rc){false};
}

void silt_err_context(struct silt_err *err, const char *fmt, ...)
{
    if (!err) return;
    char front[sizeof err->text];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(front, sizeof front, fmt, ap);
    va_end(ap);
    char text[2 * sizeof err->text + 3];
    snprintf(text, sizeof text, "%s: %s", front, err->text);
    snprintf(err->text, sizeof err->text, "%s", text);
}

const char *silt_code_name(enum silt_code code)
{
    return codes[code].name;
}

const char *silt_code_failure_type(enum silt_code code)
{
    return codes[code].failure;
}

enum silt_action silt_code_action(enum silt_code code)
{
    return codes[code].action;
}

_Noreturn void silt_assert_failed(const char *cond, const char *file, int line)
{
    /* lint: the log may be what is broken */
    fprintf(stderr, "silt: internal error: %s does not hold at %s:%d\n", cond, file, line);
    abort();
}
