#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
        *err = (struct silt_err){.code = code, .file = file, .line = line};
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->text, sizeof err->text, fmt, ap);
        va_end(ap);
        if (!err->text[0]) snprintf(err->text, sizeof err->text, "%s", codes[code].text);
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
    memcpy(err->text, text, sizeof err->text - 1);
    err->text[sizeof err->text - 1] = '\0';
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
    fprintf(stderr, "silt: internal error: %s does not hold at %s:%d\n", cond, file, line);
    abort();
}
