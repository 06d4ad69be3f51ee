#include "option_int.h"

#include "base/err.h"
#include "config/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A row whose type does not fit its member would be written through the wrong type. */
#define C_STRING char *
#define C_SECRET struct silt_secret
#define C_BOOL bool
#define C_INT int64_t
#define C_BYTES int64_t
#define C_DURATION int64_t
#define C_DOUBLE double
#define C_ENUM char *
#define C_STRINGS struct silt_strings
#define C_PAIRS struct silt_pairs
#define SILT_OPTION(name, member, type, ...)                                                   \
    _Static_assert(                                                                            \
        __builtin_types_compatible_p(__typeof__(((struct silt_config *)0)->member), C_##type), \
        name " has another type in struct silt_config");                                       \
    _Static_assert(sizeof name + sizeof "SILT__file" <= SILT_OPTION_NAME_MAX, name " is long");
#include "config/options.def"

const struct silt_option silt_options[] = {
#define SILT_OPTION(n, m, ty, u, p, lo, hi, al, since_, tx) \
    {.name = (n),                                           \
     .type = SILT_OPT_##ty,                                 \
     .offset = offsetof(struct silt_config, m),             \
     .unit = (u),                                           \
     .preset = (p),                                         \
     .min = (lo),                                           \
     .max = (hi),                                           \
     .allowed = (al),                                       \
     .since = (since_),                                     \
     .text = (tx)},
#include "config/options.def"
};
const unsigned silt_options_n = sizeof silt_options / sizeof silt_options[0];

const struct silt_section silt_sections[] = {
#define SILT_SECTION(n, tx) {.name = (n), .text = (tx)},
#include "config/options.def"
};
const unsigned silt_sections_n = sizeof silt_sections / sizeof silt_sections[0];

const struct silt_option_env silt_option_envs[] = {
#define SILT_OPTION_ENV(o, v) {.option = (o), .variable = (v)},
#include "config/options.def"
};
const unsigned silt_option_envs_n = sizeof silt_option_envs / sizeof silt_option_envs[0];

bool silt_option_has_file(const struct silt_option *option)
{
    return option->type == SILT_OPT_SECRET || option->type == SILT_OPT_PAIRS;
}

unsigned silt_option_index(const struct silt_option *option)
{
    return (unsigned)(option - silt_options);
}

static bool is_file_of(const char *name, const struct silt_option *option)
{
    const size_t len = strlen(option->name);
    return silt_option_has_file(option) && strncmp(name, option->name, len) == 0 &&
           strcmp(name + len, "_file") == 0;
}

struct silt_option_ref silt_option_find(const char *name)
{
    for (unsigned i = 0; i < silt_options_n; i++) {
        if (strcmp(name, silt_options[i].name) == 0)
            return (struct silt_option_ref){.option = &silt_options[i]};
        if (is_file_of(name, &silt_options[i]))
            return (struct silt_option_ref){.option = &silt_options[i], .in_file = true};
    }
    return (struct silt_option_ref){0};
}

bool silt_option_in_section(const struct silt_option *option, const char *section)
{
    const size_t len = strlen(section);
    return strncmp(option->name, section, len) == 0 &&
           (option->name[len] == '.' || option->name[len] == '\0');
}

static const char *leaf_of(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot ? dot + 1 : name;
}

const char *silt_option_leaf(const struct silt_option *option)
{
    return leaf_of(option->name);
}

void silt_option_env_name(const char *name, char ret_env[SILT_OPTION_NAME_MAX])
{
    size_t len = 0;
    for (const char *c = "SILT_"; *c; c++) ret_env[len++] = *c;
    for (const char *c = name; *c && len + 1 < SILT_OPTION_NAME_MAX; c++)
        ret_env[len++] = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
    ret_env[len] = '\0';
}

static const struct silt_option *same_leaf(const char *leaf)
{
    for (unsigned i = 0; i < silt_options_n; i++)
        if (strcmp(leaf, silt_option_leaf(&silt_options[i])) == 0) return &silt_options[i];
    return NULL;
}

static bool same_section(const char *name, const struct silt_option *option)
{
    const size_t len = strcspn(name, ".");
    return strncmp(name, option->name, len) == 0 && option->name[len] == '.';
}

/* The whole name of the option whose leaf is `leaf` itself, not a copy. */
static const char *name_with_leaf(const char *leaf)
{
    for (unsigned i = 0; i < silt_options_n; i++)
        if (silt_option_leaf(&silt_options[i]) == leaf) return silt_options[i].name;
    return NULL;
}

const char *silt_option_nearest(const char *name)
{
    const struct silt_option *elsewhere = same_leaf(leaf_of(name));
    if (elsewhere) return elsewhere->name;
    struct silt_nearest leaf = {.word = leaf_of(name)};
    for (unsigned i = 0; i < silt_options_n; i++)
        if (same_section(name, &silt_options[i]))
            silt_nearest_offer(&leaf, silt_option_leaf(&silt_options[i]));
    if (leaf.best) return name_with_leaf(leaf.best);
    struct silt_nearest whole = {.word = name, .limit = 2};
    for (unsigned i = 0; i < silt_options_n; i++) silt_nearest_offer(&whole, silt_options[i].name);
    return whole.best;
}

const char *silt_section_nearest(const char *name)
{
    struct silt_nearest nearest = {.word = name};
    for (unsigned i = 0; i < silt_sections_n; i++)
        silt_nearest_offer(&nearest, silt_sections[i].name);
    return nearest.best;
}

/* --- for completion ------------------------------------------------------------------------ */

static bool ends_with(const char *text, const char *end)
{
    const size_t len = strlen(text);
    return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

void silt_config_flags(silt_config_flag_fn *fn, void *ctx)
{
    for (unsigned i = 0; i < silt_options_n; i++) {
        const struct silt_option *option = &silt_options[i];
        char in_file[SILT_OPTION_NAME_MAX];
        fn(ctx, &(struct silt_config_flag){
                    .name = option->name,
                    .choices = option->type == SILT_OPT_BOOL ? "true|false" : option->allowed,
                    .is_file = ends_with(option->name, "_file"),
                    .text = option->text});
        if (!silt_option_has_file(option)) continue;
        snprintf(in_file, sizeof in_file, "%s_file", option->name);
        fn(ctx, &(struct silt_config_flag){
                    .name = in_file, .is_file = true, .text = "file that holds it"});
    }
}
