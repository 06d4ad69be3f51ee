/* Rules over the values of fields, beyond what the schema says: "value" must lie between -50 and
 * 150, "sensor_id" must match an expression.
 *
 * Written by an operator as one text for each field path:
 *
 *   min N          max N        numbers, both ends allowed; NaN breaks either
 *   finite                      float, double: neither NaN nor infinite
 *   not_null                    the path is a union with null, and null is not taken
 *   not_empty                   string, bytes: at least one byte
 *   matches REGEX               string: POSIX extended, over bytes; takes the rest of the text
 *
 * A rule binds in every schema that has its field (the null of an optional field breaks only
 * not_null) and is no word about schemas without it. A path leads through arrays and maps too: the
 * rule binds each item. Immutable but for the caches of its
 * expressions (which lock themselves). The text of the rules is trusted, the values are not:
 * back-references, which make matching exponential, are refused. Pure.
 */
#ifndef SILT_DECODE_RULES_H
#define SILT_DECODE_RULES_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

/* What a value may break; a rule is a set of them. */
enum silt_check {
    SILT_CHECK_NONE = 0,
    SILT_CHECK_MIN = 1,
    SILT_CHECK_MAX = 2,
    SILT_CHECK_FINITE = 4,
    SILT_CHECK_NOT_NULL = 8,
    SILT_CHECK_NOT_EMPTY = 16,
    SILT_CHECK_MATCHES = 32,
};

struct silt_rule;
struct silt_rules;

/* paths and texts: n each, copied. Failure: CONFIG, names the path and the word. */
SILT_RC silt_rules_new(const char *const *paths, const char *const *texts, unsigned n,
                       struct silt_rules **ret_rules, struct silt_err *err);
void silt_rules_free(struct silt_rules *rules); /* NULL is fine */

/* The rule of exactly this path; NULL when there is none (or no rules at all). */
const struct silt_rule *silt_rules_at(const struct silt_rules *rules, const char *path);
/* Some rule's path goes through this one or ends here. */
bool silt_rules_reach(const struct silt_rules *rules, const char *path);
/* One of these checks (enum silt_check, or-ed) is part of the rule; false for NULL. */
bool silt_rule_has_any(const struct silt_rule *rule, unsigned checks);

/* @return the first check that the value breaks. */
enum silt_check silt_rule_check_long(const struct silt_rule *rule, int64_t value);
enum silt_check silt_rule_check_double(const struct silt_rule *rule, double value);
enum silt_check silt_rule_check_bytes(const struct silt_rule *rule, struct silt_slice bytes,
                                      bool is_text);

/* "value: max 150": for people; never the value itself. */
void silt_rule_describe(const struct silt_rule *rule, enum silt_check broken, char *ret_text,
                        size_t size);

#endif
