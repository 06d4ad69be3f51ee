#include "value_int.h"

#include "base/alloc.h"
#include "config/quantity.h"

#include <string.h>
#include <strings.h>

static void write_number(struct silt_buf *out, const struct silt_option *option, int64_t number)
{
    if (option->type == SILT_OPT_BYTES) silt_quantity_write_bytes(out, number);
    if (option->type == SILT_OPT_DURATION) silt_quantity_write_duration(out, number);
    if (option->type == SILT_OPT_INT || option->type == SILT_OPT_DOUBLE)
        (void)silt_buf_printf(out, "%lld", (long long)number);
}

static void write_allowed(struct silt_buf *out, const char *allowed)
{
    (void)silt_buf_append_str(out, "one of ");
    for (;;) {
        const size_t len = strcspn(allowed, "|");
        (void)silt_buf_printf(out, len ? "%.*s" : "\"\"", (int)len, allowed);
        if (!allowed[len]) return;
        (void)silt_buf_append_str(out, ", ");
        allowed += len + 1;
    }
}

static void write_range(struct silt_buf *out, const struct silt_option *option)
{
    (void)silt_buf_append_str(out, " from ");
    write_number(out, option, option->min);
    (void)silt_buf_append_str(out, " to ");
    write_number(out, option, option->max);
}

void silt_value_expected(struct silt_buf *out, const struct silt_option *option)
{
    static const char *const nouns[] = {
        [SILT_OPT_STRING] = "text",        [SILT_OPT_SECRET] = "text",
        [SILT_OPT_BOOL] = "true or false", [SILT_OPT_INT] = "a whole number",
        [SILT_OPT_BYTES] = "a size",       [SILT_OPT_DURATION] = "a duration",
        [SILT_OPT_DOUBLE] = "a number",    [SILT_OPT_ENUM] = "",
        [SILT_OPT_STRINGS] = "a list",     [SILT_OPT_PAIRS] = "a map of names and values",
    };
    (void)silt_buf_append_str(out, nouns[option->type]);
    if (option->type == SILT_OPT_ENUM) write_allowed(out, option->allowed);
    if (option->max > 0) write_range(out, option);
}

static bool is_allowed(const char *allowed, const char *text)
{
    const size_t len = strlen(text);
    for (;;) {
        const size_t word = strcspn(allowed, "|");
        if (word == len && strncmp(allowed, text, len) == 0) return true;
        if (!allowed[word]) return false;
        allowed += word + 1;
    }
}

/* Control bytes have no place in any value, and would let it forge log lines. */
static bool is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f) return false;
    return true;
}

static struct silt_rc fail_value(const struct silt_option *option, const char *text,
                                 struct silt_err *err)
{
    struct silt_buf expected silt_auto(silt_buf_done);
    silt_buf_init(&expected, SILT_BUF_MAX_DEFAULT);
    silt_value_expected(&expected, option);
    const char *example = "";
    if (option->type == SILT_OPT_BYTES || option->type == SILT_OPT_DURATION)
        example = option->preset;
    SILT_FAIL(err, CONFIG, "%s is \"%.40s%s\", but must be %s%s%s", option->name, text,
              strlen(text) > 40 ? "…" : "", silt_buf_str(&expected), *example ? ", like " : "",
              example);
}

static struct silt_rc set_number(int64_t *member, const struct silt_option *option,
                                 const char *text, struct silt_err *err)
{
    int64_t number = 0;
    bool read = false;
    if (option->type == SILT_OPT_INT) read = silt_quantity_int(text, &number);
    if (option->type == SILT_OPT_BYTES) read = silt_quantity_bytes(text, &number);
    if (option->type == SILT_OPT_DURATION) read = silt_quantity_duration(text, &number);
    if (!read || number < option->min || number > option->max) return fail_value(option, text, err);
    *member = number;
    return SILT_OK;
}

static struct silt_rc set_double(double *member, const struct silt_option *option, const char *text,
                                 struct silt_err *err)
{
    double number;
    if (!silt_quantity_double(text, &number) || number < (double)option->min ||
        number > (double)option->max)
        return fail_value(option, text, err);
    *member = number;
    return SILT_OK;
}

static struct silt_rc set_bool(bool *member, const struct silt_option *option, const char *text,
                               struct silt_err *err)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return fail_value(option, text, err);
    *member = text[0] == 't';
    return SILT_OK;
}

static void set_string(char **member, const char *text)
{
    silt_free(*member);
    *member = silt_strdup(text);
}

static void *member_of(struct silt_config *config, const struct silt_option *option)
{
    return (char *)config + option->offset;
}

const void *silt_value_member(const struct silt_config *config, const struct silt_option *option)
{
    return (const char *)config + option->offset;
}

struct silt_rc silt_value_set(struct silt_config *config, const struct silt_option *option,
                              const char *text, struct silt_err *err)
{
    void *member = member_of(config, option);
    if (!is_printable(text))
        SILT_FAIL(err, CONFIG, "%s holds a control character, such as the end of a line",
                  option->name);
    switch (option->type) {
    case SILT_OPT_STRING: set_string(member, text); return SILT_OK;
    case SILT_OPT_SECRET: silt_secret_set(member, text); return SILT_OK;
    case SILT_OPT_BOOL: return set_bool(member, option, text, err);
    case SILT_OPT_INT:
    case SILT_OPT_BYTES:
    case SILT_OPT_DURATION: return set_number(member, option, text, err);
    case SILT_OPT_DOUBLE: return set_double(member, option, text, err);
    case SILT_OPT_ENUM:
        if (!is_allowed(option->allowed, text)) return fail_value(option, text, err);
        set_string(member, text);
        return SILT_OK;
    case SILT_OPT_STRINGS:
    case SILT_OPT_PAIRS: break;
    }
    silt_assert_failed("a list is set by adding to it", __FILE__, __LINE__);
}

static void add_string(struct silt_strings *strings, const char *text)
{
    strings->items = silt_realloc_array(strings->items, strings->n + 1, sizeof(char *));
    strings->items[strings->n++] = silt_strdup(text);
}

static void add_pair(struct silt_pairs *pairs, const char *name, const char *value)
{
    for (unsigned i = 0; i < pairs->n; i++) {
        if (strcmp(pairs->names[i], name) != 0) continue;
        set_string(&pairs->values[i], value);
        return;
    }
    pairs->names = silt_realloc_array(pairs->names, pairs->n + 1, sizeof(char *));
    pairs->values = silt_realloc_array(pairs->values, pairs->n + 1, sizeof(char *));
    pairs->names[pairs->n] = silt_strdup(name);
    pairs->values[pairs->n++] = silt_strdup(value);
}

struct silt_rc silt_value_add(struct silt_config *config, const struct silt_option *option,
                              const char *name, const char *text, struct silt_err *err)
{
    if (option->type == SILT_OPT_PAIRS) {
        add_pair(member_of(config, option), name, text);
        return SILT_OK;
    }
    if (!*text) SILT_FAIL(err, CONFIG, "%s has an empty entry; remove it", option->name);
    if (!is_printable(text))
        SILT_FAIL(err, CONFIG, "%s holds a control character, such as the end of a line",
                  option->name);
    add_string(member_of(config, option), text);
    return SILT_OK;
}

struct silt_rc silt_value_add_pair(struct silt_config *config, const struct silt_option *option,
                                   const char *text, struct silt_err *err)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        SILT_FAIL(err, CONFIG, "%s takes name=value, such as security.protocol=ssl", option->name);
    size_t len = (size_t)(equals - text);
    while (len > 1 && text[len - 1] == ' ') len--;
    char *name silt_auto(silt_free_auto) = silt_strndup(text, len);
    const char *value = equals + 1;
    return silt_value_add(config, option, name, value + strspn(value, " "), err);
}

/* Copies up to the next comma that has no backslash before it. @return what follows, NULL at the
 * end. */
static const char *next_item(const char *text, struct silt_buf *ret_item)
{
    silt_buf_clear(ret_item);
    for (; *text && *text != ','; text++) {
        if (text[0] == '\\' && text[1] == ',') text++;
        (void)silt_buf_append_char(ret_item, *text);
    }
    return *text ? text + 1 : NULL;
}

struct silt_rc silt_value_add_list(struct silt_config *config, const struct silt_option *option,
                                   const char *text, struct silt_err *err)
{
    struct silt_buf item silt_auto(silt_buf_done);
    silt_buf_init(&item, SILT_BUF_MAX_DEFAULT);
    while (text && *text) {
        text = next_item(text, &item);
        const char *word = silt_buf_str(&item);
        word += strspn(word, " ");
        if (option->type == SILT_OPT_PAIRS)
            SILT_TRY(silt_value_add_pair(config, option, word, err));
        if (option->type == SILT_OPT_STRINGS)
            SILT_TRY(silt_value_add(config, option, NULL, word, err));
    }
    return SILT_OK;
}

static void clear_items(char ***items, unsigned n)
{
    for (unsigned i = 0; i < n; i++) silt_free((*items)[i]);
    silt_free(*items);
    *items = NULL;
}

void silt_value_clear(struct silt_config *config, const struct silt_option *option)
{
    void *member = member_of(config, option);
    if (option->type == SILT_OPT_STRING || option->type == SILT_OPT_ENUM) {
        silt_free(*(char **)member);
        *(char **)member = NULL;
    }
    if (option->type == SILT_OPT_SECRET) silt_secret_done(member);
    if (option->type == SILT_OPT_STRINGS) {
        struct silt_strings *strings = member;
        clear_items(&strings->items, strings->n);
        strings->n = 0;
    }
    if (option->type == SILT_OPT_PAIRS) {
        struct silt_pairs *pairs = member;
        clear_items(&pairs->names, pairs->n);
        clear_items(&pairs->values, pairs->n);
        pairs->n = 0;
    }
}

bool silt_property_is_secret(const char *name)
{
    static const char *const words[] = {"password", "secret", "token",
                                        "jaas",     "pem",    "oauthbearer"};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasestr(name, words[i])) return true;
    return false;
}

static void write_strings(struct silt_buf *out, const struct silt_strings *strings)
{
    for (unsigned i = 0; i < strings->n; i++)
        (void)silt_buf_printf(out, "%s%s", i ? "," : "", strings->items[i]);
}

static void write_pairs(struct silt_buf *out, const struct silt_pairs *pairs)
{
    for (unsigned i = 0; i < pairs->n; i++) {
        const bool hide = silt_property_is_secret(pairs->names[i]);
        (void)silt_buf_printf(out, "%s%s=%s", i ? "," : "", pairs->names[i],
                              hide ? "(set)" : pairs->values[i]);
    }
}

void silt_value_write(struct silt_buf *out, const struct silt_config *config,
                      const struct silt_option *option)
{
    const void *member = silt_value_member(config, option);
    switch (option->type) {
    case SILT_OPT_STRING:
    case SILT_OPT_ENUM: (void)silt_buf_append_str(out, *(char *const *)member); break;
    case SILT_OPT_SECRET:
        if (silt_secret_is_set(member)) (void)silt_buf_append_str(out, "(set)");
        break;
    case SILT_OPT_BOOL:
        (void)silt_buf_append_str(out, *(const bool *)member ? "true" : "false");
        break;
    case SILT_OPT_INT:
    case SILT_OPT_BYTES:
    case SILT_OPT_DURATION: write_number(out, option, *(const int64_t *)member); break;
    case SILT_OPT_DOUBLE: (void)silt_buf_printf(out, "%g", *(const double *)member); break;
    case SILT_OPT_STRINGS: write_strings(out, member); break;
    case SILT_OPT_PAIRS: write_pairs(out, member); break;
    }
}
