/* The one error type.
 *
 * A function that can fail returns SILT_RC and takes `struct silt_err *err` last; `err` is written
 * only on failure and may be NULL when the caller does not care why. The code decides what happens
 * next (its action); nobody decides by text. Works on any thread; a silt_err belongs to its caller.
 */
#ifndef SILT_BASE_ERR_H
#define SILT_BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

enum silt_code {
    SILT_E_NONE = 0,
#define SILT_E(code, action, failure, text) SILT_E_##code,
#include "base/err.def"
#undef SILT_E
};

enum silt_action {
    SILT_ACT_RETRY,
    SILT_ACT_HOLD,
    SILT_ACT_REJECT,
    SILT_ACT_FENCED,
    SILT_ACT_FATAL,
    SILT_ACT_BUG,
};

struct silt_err {
    enum silt_code code;
    int sys;                /* errno, 0 when none applies */
    int64_t retry_after_ms; /* what the other side asked for, 0 when it did not */
    const char *file;
    int line;
    char text[240];
};

/* Result of a fallible call: cannot be mixed with int, may not be dropped. */
struct silt_rc {
    bool ok;
};
#define SILT_RC __attribute__((warn_unused_result)) struct silt_rc
#define SILT_OK ((struct silt_rc){true})

static inline bool silt_ok(struct silt_rc rc)
{
    return rc.ok;
}

/* Forwards a failure to the caller. */
#define SILT_TRY(expr)                                      \
    do {                                                    \
        if (!silt_ok(expr)) return (struct silt_rc){false}; \
    } while (0)

/* Makes a failure: SILT_FAIL(err, CONFIG, "%s:%d: …", file, line). */
#define SILT_FAIL(err, code, ...) \
    return silt_err_set((err), SILT_E_##code, __FILE__, __LINE__, __VA_ARGS__)

/* Writes `err` (may be NULL) and returns the failed result. */
struct silt_rc silt_err_set(struct silt_err *err, enum silt_code code, const char *file, int line,
                            const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Puts "what: " in front of the text of an error that is being passed on. */
void silt_err_context(struct silt_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

const char *silt_code_name(enum silt_code code);         /* "TIMEOUT" */
const char *silt_code_failure_type(enum silt_code code); /* "timeout" (design: FailureType) */
enum silt_action silt_code_action(enum silt_code code);

/* An assertion that stays on in release: for our own mistakes, never for what the outside can
 * cause. */
#define SILT_ASSERT(cond)                                           \
    do {                                                            \
        if (!(cond)) silt_assert_failed(#cond, __FILE__, __LINE__); \
    } while (0)

_Noreturn void silt_assert_failed(const char *cond, const char *file, int line);

#endif
