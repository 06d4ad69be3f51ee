#include "decode/rules.h"

#include "base/alloc.h"
#include "field_path_int.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 40u /* characters of a bound, as it was written */
#define BLANKS " \t\n,"

struct silt_rule {
    char *path;
    unsigned checks; /* enum silt_check */
    /* Wide enough for every long and every double. */
    long double min;
    long double max;
    char min_text[NUMBER_MAX];
    char max_text[NUMBER_MAX];
    char *pattern;
    regex_t *regex; /* with MATCHES; apart, because matching fills its caches */
};

struct silt_rules {
    struct silt_rule *rules;
    unsigned n;
};

/* ---- reading ---- */

static SILT_RC read_number(const char **at, const char *path, const char *word,
                           char ret_text[NUMBER_MAX], long double *ret_number, struct silt_err *err)
{
    const char *begin = *at + strspn(*at, BLANKS);
    size_t len = strcspn(begin, BLANKS);
    char *end = NULL;
    if (len > 0 && len < NUMBER_MAX) {
        memcpy(ret_text, begin, len);
        ret_text[len] = '\0';
        *ret_number = strtold(ret_text, &end);
    }
    if (!end || *end || !isfinite(*ret_number))
        SILT_FAIL(err, CONFIG, "schema.rules: %s: %s needs a number, not \"%.*s\"", path, word,
                  len < NUMBER_MAX ? (int)len : (int)NUMBER_MAX, begin);
    *at = begin + len;
    return SILT_OK;
}

/* \1 … \9: glibc takes them in extended expressions, and matching them has no bound. */
static bool has_back_reference(const char *pattern)
{
    for (; *pattern; pattern++) {
        if (*pattern != '\\') continue;
        pattern++;
        if (*pattern >= '1' && *pattern <= '9') return true;
        if (!*pattern) return false;
    }
    return false;
}

static SILT_RC read_pattern(struct silt_rule *rule, const char **at, struct silt_err *err)
{
    const char *pattern = *at + strspn(*at, BLANKS);
    *at += strlen(*at);
    if (!*pattern)
        SILT_FAIL(err, CONFIG, "schema.rules: %s: matches needs an expression", rule->path);
    if (has_back_reference(pattern))
        SILT_FAIL(err, CONFIG,
                  "schema.rules: %s: \"%s\" refers back to a group; such expressions can take for "
                  "ever and are refused",
                  rule->path, pattern);
    rule->regex = SILT_NEW(regex_t);
    int failed = regcomp(rule->regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (failed) {
        char text[100];
        regerror(failed, rule->regex, text, sizeof text);
        SILT_FAIL(err, CONFIG, "schema.rules: %s: \"%s\" is no regular expression: %s", rule->path,
                  pattern, text);
    }
    rule->pattern = silt_strdup(pattern);
    return SILT_OK;
}

static const struct {
    const char *word;
    enum silt_check check;
} words[] = {{"min", SILT_CHECK_MIN},
             {"max", SILT_CHECK_MAX},
             {"finite", SILT_CHECK_FINITE},
             {"not_null", SILT_CHECK_NOT_NULL},
             {"not_empty", SILT_CHECK_NOT_EMPTY},
             {"matches", SILT_CHECK_MATCHES}};
#define WORDS_N (sizeof words / sizeof words[0])

static enum silt_check check_of(const char *word, size_t len)
{
    for (size_t i = 0; i < WORDS_N; i++)
        if (strlen(words[i].word) == len && memcmp(words[i].word, word, len) == 0)
            return words[i].check;
    return SILT_CHECK_NONE;
}

static const char *word_of(enum silt_check check)
{
    size_t i = 0;
    while (words[i].check != check) i++;
    return words[i].word;
}

static SILT_RC read_word(struct silt_rule *rule, const char **at, struct silt_err *err)
{
    size_t len = strcspn(*at, BLANKS);
    enum silt_check check = check_of(*at, len);
    if (!check)
        SILT_FAIL(
            err, CONFIG,
            "schema.rules: %s: \"%.*s\" is no rule; there are min N, max N, finite, not_null, "
            "not_empty and matches REGEX",
            rule->path, len < 80 ? (int)len : 80, *at);
    if (rule->checks & check)
        SILT_FAIL(err, CONFIG, "schema.rules: %s: %s stands there twice", rule->path,
                  word_of(check));
    *at += len;
    if (check == SILT_CHECK_MIN)
        SILT_TRY(read_number(at, rule->path, "min", rule->min_text, &rule->min, err));
    if (check == SILT_CHECK_MAX)
        SILT_TRY(read_number(at, rule->path, "max", rule->max_text, &rule->max, err));
    if (check == SILT_CHECK_MATCHES) SILT_TRY(read_pattern(rule, at, err));
    rule->checks |= check;
    return SILT_OK;
}

static SILT_RC read_rule(struct silt_rule *rule, const char *text, struct silt_err *err)
{
    for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS))
        SILT_TRY(read_word(rule, &text, err));
    if (!rule->checks) SILT_FAIL(err, CONFIG, "schema.rules: %s: there is no rule", rule->path);
    const unsigned both = SILT_CHECK_MIN | SILT_CHECK_MAX;
    if ((rule->checks & both) == both && rule->min > rule->max)
        SILT_FAIL(err, CONFIG, "schema.rules: %s: min %s is above max %s", rule->path,
                  rule->min_text, rule->max_text);
    return SILT_OK;
}

SILT_RC silt_rules_new(const char *const *paths, const char *const *texts, unsigned n,
                       struct silt_rules **ret_rules, struct silt_err *err)
{
    struct silt_rules *rules = SILT_NEW(struct silt_rules);
    rules->rules = silt_calloc(n, sizeof *rules->rules);
    struct silt_rc rc = SILT_OK;
    while (silt_ok(rc) && rules->n < n) {
        struct silt_rule *rule = &rules->rules[rules->n];
        rule->path = silt_strdup(paths[rules->n]);
        rc = read_rule(rule, texts[rules->n++], err);
    }
    if (silt_ok(rc))
        *ret_rules = rules;
    else
        silt_rules_free(rules);
    return rc;
}

void silt_rules_free(struct silt_rules *rules)
{
    if (!rules) return;
    for (unsigned i = 0; i < rules->n; i++) {
        struct silt_rule *rule = &rules->rules[i];
        if (rule->checks & SILT_CHECK_MATCHES) regfree(rule->regex);
        silt_free(rule->regex);
        silt_free(rule->pattern);
        silt_free(rule->path);
    }
    silt_free(rules->rules);
    silt_free(rules);
}

/* ---- finding ---- */

const struct silt_rule *silt_rules_at(const struct silt_rules *rules, const char *path)
{
    for (unsigned i = 0; rules && i < rules->n; i++)
        if (strcmp(rules->rules[i].path, path) == 0) return &rules->rules[i];
    return NULL;
}

bool silt_rules_reach(const struct silt_rules *rules, const char *path)
{
    for (unsigned i = 0; rules && i < rules->n; i++)
        if (silt_field_path_leads(path, rules->rules[i].path)) return true;
    return false;
}

bool silt_rule_has_any(const struct silt_rule *rule, unsigned checks)
{
    return rule && (rule->checks & checks) != 0;
}

/* ---- checking ---- */

static enum silt_check check_bounds(const struct silt_rule *rule, long double value)
{
    if (silt_rule_has_any(rule, SILT_CHECK_MIN) && !(value >= rule->min)) return SILT_CHECK_MIN;
    if (silt_rule_has_any(rule, SILT_CHECK_MAX) && !(value <= rule->max)) return SILT_CHECK_MAX;
    return SILT_CHECK_NONE;
}

enum silt_check silt_rule_check_long(const struct silt_rule *rule, int64_t value)
{
    return check_bounds(rule, (long double)value);
}

enum silt_check silt_rule_check_double(const struct silt_rule *rule, double value)
{
    if (silt_rule_has_any(rule, SILT_CHECK_FINITE) && !isfinite(value)) return SILT_CHECK_FINITE;
    return check_bounds(rule, (long double)value);
}

enum silt_check silt_rule_check_bytes(const struct silt_rule *rule, struct silt_slice bytes,
                                      bool is_text)
{
    if (silt_rule_has_any(rule, SILT_CHECK_NOT_EMPTY) && bytes.len == 0)
        return SILT_CHECK_NOT_EMPTY;
    if (!is_text || !silt_rule_has_any(rule, SILT_CHECK_MATCHES)) return SILT_CHECK_NONE;
    /* not regexec: its strings end at a 0, and ours hold one or do not */
    bool matches = re_search(rule->regex, (const char *)bytes.ptr, (regoff_t)bytes.len, 0,
                             (regoff_t)bytes.len, NULL) >= 0;
    return matches ? SILT_CHECK_NONE : SILT_CHECK_MATCHES;
}

void silt_rule_describe(const struct silt_rule *rule, enum silt_check broken, char *ret_text,
                        size_t size)
{
    const char *than = "";
    if (broken == SILT_CHECK_MIN) than = rule->min_text;
    if (broken == SILT_CHECK_MAX) than = rule->max_text;
    if (broken == SILT_CHECK_MATCHES) than = rule->pattern;
    snprintf(ret_text, size, "%s: %s%s%s", rule->path, word_of(broken), *than ? " " : "", than);
}
