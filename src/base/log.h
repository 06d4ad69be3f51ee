/* Log lines: one JSON object a line on stdout (design 4.7), or plain text for people.
 *
 * `event` is a short snake_case name, `msg` a sentence; what varies goes into fields. A stage's
 * loop logs a failure once, with the action taken; pure files never log. Texts are cut at 1,000
 * bytes, fields beyond 8 KiB are left out and the line says "cut": it stays JSON. A line is written
 * with one write(2), so lines of several threads do not mix. Any thread after silt_log_init.
 *
 *   SILT_LOG(INFO, "slot_committed", "slot is durable", SILT_F_STR("topic", t), SILT_F_INT("seq",
 * n));
 */
#ifndef SILT_BASE_LOG_H
#define SILT_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum silt_log_level { SILT_DEBUG, SILT_INFO, SILT_WARN, SILT_ERROR, SILT_FATAL };
enum silt_log_format { SILT_LOG_JSON, SILT_LOG_TEXT };

enum silt_field_kind { SILT_FIELD_STR, SILT_FIELD_INT, SILT_FIELD_DOUBLE };
struct silt_field {
    const char *key;
    enum silt_field_kind kind;
    union {
        const char *str; /* NULL leaves the field out */
        int64_t i64;
        double f64;
    } v;
};

#define SILT_F_STR(k, s) ((struct silt_field){.key = (k), .kind = SILT_FIELD_STR, .v.str = (s)})
#define SILT_F_INT(k, n) \
    ((struct silt_field){.key = (k), .kind = SILT_FIELD_INT, .v.i64 = (int64_t)(n)})
#define SILT_F_DBL(k, x) ((struct silt_field){.key = (k), .kind = SILT_FIELD_DOUBLE, .v.f64 = (x)})

/* A place in the source that logs. Zeroed at the beginning. */
struct silt_log_site {
    _Atomic int64_t opened_ms;
    _Atomic unsigned lines;
    _Atomic unsigned suppressed;
};
#define SILT_LOG_SITE_MS 10000
#define SILT_LOG_SITE_LINES \
    100 /* in that time; the first line of the next says what was left out */

#define SILT_LOG(level, event, msg, ...)                                   \
    do {                                                                   \
        if (silt_log_enabled(SILT_##level)) {                              \
            static struct silt_log_site site_;                             \
            const struct silt_field fields_[] = {{0}, ##__VA_ARGS__};      \
            silt_log_at(&site_, SILT_##level, (event), (msg), fields_ + 1, \
                        sizeof fields_ / sizeof fields_[0] - 1);           \
        }                                                                  \
    } while (0)

void silt_log_init(enum silt_log_level level, enum silt_log_format format, int fd);
void silt_log_set_level(enum silt_log_level level); /* at run time */
bool silt_log_level_parse(const char *name, enum silt_log_level *ret_level);
bool silt_log_enabled(enum silt_log_level level);
/* One more line of a site: may it be written? ret_suppressed: how many were not in the time before.
 * Pure but for the site; threads that race may let a line more through. */
bool silt_log_site_pass(struct silt_log_site *site, int64_t now_ms, unsigned *ret_suppressed);
/* What SILT_LOG does: debug lines are never left out. */
void silt_log_at(struct silt_log_site *site, enum silt_log_level level, const char *event,
                 const char *msg, const struct silt_field *fields, unsigned fields_n);
void silt_log_write(enum silt_log_level level, const char *event, const char *msg,
                    const struct silt_field *fields, unsigned fields_n);

#endif
