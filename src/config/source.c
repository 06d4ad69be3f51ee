#include "source_int.h"

#include "base/alloc.h"
#include "config/nearest.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct silt_rc silt_config_read(const char *path, const char *what, size_t max, char **ret_text,
                                size_t *ret_len, struct silt_err *err)
{
    FILE *file = fopen(path, "rb");
    if (!file) SILT_FAIL(err, CONFIG, "cannot open %s %s: %s", what, path, strerror(errno));
    struct silt_buf text silt_auto(silt_buf_done);
    silt_buf_init(&text, max);
    char piece[4096];
    size_t n;
    bool fits = true;
    while (fits && (n = fread(piece, 1, sizeof piece, file)) > 0)
        fits = silt_buf_append(&text, piece, n);
    const bool broken = ferror(file);
    const int why = errno;
    fclose(file);
    explicit_bzero(piece, sizeof piece);
    if (broken) SILT_FAIL(err, CONFIG, "cannot read %s %s: %s", what, path, strerror(why));
    if (!fits) SILT_FAIL(err, CONFIG, "%s %s is larger than %zu bytes", what, path, max);
    *ret_text = (char *)silt_buf_take(&text, ret_len);
    return SILT_OK;
}

/* --- environment --------------------------------------------------------------------------- */

static const char *value_of(const char *entry, const char *name)
{
    const size_t len = strlen(name);
    return strncmp(entry, name, len) == 0 && entry[len] == '=' ? entry + len + 1 : NULL;
}

static const char *find_variable(char *const *env, const char *name)
{
    for (; env && *env; env++) {
        const char *value = value_of(*env, name);
        if (value) return value;
    }
    return NULL;
}

static struct silt_rc give_variable(const struct silt_sink *sink, const char *variable,
                                    struct silt_option_ref ref, bool foreign, const char *text,
                                    struct silt_err *err)
{
    char where[SILT_OPTION_NAME_MAX + 8];
    snprintf(where, sizeof where, "env %s", variable);
    const struct silt_setting setting = {
        .ref = ref,
        .form = SILT_SET_TEXT,
        .source = foreign ? SILT_FROM_DEFAULT : SILT_FROM_ENV,
        .foreign = foreign,
        .where = where,
        .text = text,
    };
    return sink->set(sink->ctx, &setting, err);
}

struct silt_rc silt_env_read_foreign(char *const *env, const struct silt_sink *sink,
                                     struct silt_err *err)
{
    /* from last to first, so that the first of several for one option stays */
    for (unsigned i = silt_option_envs_n; i-- > 0;) {
        const struct silt_option_env *row = &silt_option_envs[i];
        const char *text = find_variable(env, row->variable);
        if (!text || !*text) continue;
        SILT_TRY(
            give_variable(sink, row->variable, silt_option_find(row->option), true, text, err));
    }
    return SILT_OK;
}

static bool matches(const char *variable, const char *option_name)
{
    char env[SILT_OPTION_NAME_MAX];
    silt_option_env_name(option_name, env);
    return strcmp(variable, env) == 0;
}

static struct silt_option_ref find_by_variable(const char *variable)
{
    for (unsigned i = 0; i < silt_options_n; i++) {
        const struct silt_option *option = &silt_options[i];
        if (matches(variable, option->name)) return (struct silt_option_ref){.option = option};
        if (!silt_option_has_file(option)) continue;
        char with_file[SILT_OPTION_NAME_MAX];
        snprintf(with_file, sizeof with_file, "%s_file", option->name);
        if (matches(variable, with_file))
            return (struct silt_option_ref){.option = option, .in_file = true};
    }
    return (struct silt_option_ref){0};
}

/* Kubernetes sets such variables for every service of the namespace: SILT_METRICS_SERVICE_HOST is
 * there when a service is called silt-metrics, and means nothing to us. */
static bool is_service_link(const char *variable)
{
    static const char *const marks[] = {"_SERVICE_HOST", "_SERVICE_PORT", "_PORT"};
    for (unsigned i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        const char *at = strstr(variable, marks[i]);
        if (!at) continue;
        at += strlen(marks[i]);
        if (*at == '\0' || *at == '_') return true;
    }
    return false;
}

static bool names_a_section(const char *variable)
{
    for (unsigned i = 0; i < silt_sections_n; i++) {
        char env[SILT_OPTION_NAME_MAX];
        silt_option_env_name(silt_sections[i].name, env);
        const size_t len = strlen(env);
        if (strncmp(variable, env, len) == 0 && variable[len] == '_') return true;
    }
    return false;
}

/* Somebody else's SILT_… variables are let through, misspelt ones of ours are not. */
static struct silt_rc unknown_variable(const char *variable, struct silt_err *err)
{
    if (is_service_link(variable)) return SILT_OK;
    char best[SILT_OPTION_NAME_MAX] = "";
    unsigned distance = SILT_WORD_MAX;
    for (unsigned i = 0; i < silt_options_n; i++) {
        char env[SILT_OPTION_NAME_MAX];
        silt_option_env_name(silt_options[i].name, env);
        const unsigned d = silt_edit_distance(variable, env);
        if (d >= distance) continue;
        distance = d;
        memcpy(best, env, sizeof best);
    }
    if (distance > 2 && !names_a_section(variable)) return SILT_OK;
    SILT_FAIL(err, CONFIG, "unknown environment variable %.60s; did you mean %s?", variable, best);
}

struct silt_rc silt_env_read(char *const *env, const struct silt_sink *sink, struct silt_err *err)
{
    for (; env && *env; env++) {
        const char *equals = strchr(*env, '=');
        if (strncmp(*env, "SILT_", 5) != 0 || !equals) continue;
        char *name silt_auto(silt_free_auto) = silt_strndup(*env, (size_t)(equals - *env));
        const struct silt_option_ref ref = find_by_variable(name);
        if (ref.option) SILT_TRY(give_variable(sink, name, ref, false, equals + 1, err));
        if (!ref.option) SILT_TRY(unknown_variable(name, err));
    }
    return SILT_OK;
}

/* --- flags --------------------------------------------------------------------------------- */

struct flag {
    char *name;        /* owned; without the dashes */
    const char *value; /* NULL: it follows, or none is needed */
};

static struct flag split_flag(const char *arg)
{
    const char *name = arg + 2;
    const size_t len = strcspn(name, "=");
    return (struct flag){.name = silt_strndup(name, len),
                         .value = name[len] ? name + len + 1 : NULL};
}

static bool is_bool_text(const char *text)
{
    return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

/* How many arguments the flag at args[0] takes up; 0 when the value is missing. */
static unsigned flag_args(struct silt_option_ref ref, bool has_value, const char *const *args,
                          unsigned n)
{
    if (has_value) return 1;
    const bool is_bool = ref.option && ref.option->type == SILT_OPT_BOOL;
    if (is_bool) return n > 1 && is_bool_text(args[1]) ? 2 : 1;
    return n > 1 ? 2 : 0;
}

unsigned silt_config_flag_args(const char *const *args, unsigned n)
{
    if (n == 0 || strncmp(args[0], "--", 2) != 0) return 0;
    const struct flag flag = split_flag(args[0]);
    const struct silt_option_ref ref = silt_option_find(flag.name);
    const bool ours = ref.option || strchr(flag.name, '.');
    const unsigned args_n = flag_args(ref, flag.value, args, n);
    silt_free(flag.name);
    if (!ours) return 0;
    return args_n ? args_n : 1; /* the missing value is reported by silt_config_load */
}

static struct silt_rc fail_unknown_flag(const char *name, struct silt_err *err)
{
    const char *nearest = silt_option_nearest(name);
    SILT_FAIL(err, CONFIG, "unknown option --%.60s%s%s%s", name,
              nearest ? "; did you mean --" : "; silt help options lists them all",
              nearest ? nearest : "", nearest ? "?" : "");
}

static struct silt_rc read_flag(const struct flag *flag, const char *const *args, unsigned n,
                                unsigned *ret_args, const struct silt_sink *sink,
                                struct silt_err *err)
{
    const struct silt_option_ref ref = silt_option_find(flag->name);
    if (!ref.option) return fail_unknown_flag(flag->name, err);
    *ret_args = flag_args(ref, flag->value, args, n);
    if (!*ret_args)
        SILT_FAIL(err, CONFIG, "--%s needs a value: --%s=VALUE", flag->name, flag->name);
    char where[SILT_OPTION_NAME_MAX + 2];
    snprintf(where, sizeof where, "--%s", flag->name);
    const char *text = flag->value;
    if (!text) text = *ret_args == 2 ? args[1] : "true";
    const struct silt_setting setting = {
        .ref = ref,
        .form = SILT_SET_ARG,
        .source = SILT_FROM_FLAG,
        .where = where,
        .text = text,
    };
    return sink->set(sink->ctx, &setting, err);
}

struct silt_rc silt_flags_read(const char *const *flags, unsigned flags_n,
                               const struct silt_sink *sink, struct silt_err *err)
{
    unsigned args_n = 0;
    for (unsigned i = 0; i < flags_n; i += args_n) {
        if (strncmp(flags[i], "--", 2) != 0)
            SILT_FAIL(err, CONFIG, "%.60s is no option; options begin with --", flags[i]);
        const struct flag flag = split_flag(flags[i]);
        const struct silt_rc rc = read_flag(&flag, flags + i, flags_n - i, &args_n, sink, err);
        silt_free(flag.name);
        SILT_TRY(rc);
    }
    return SILT_OK;
}
