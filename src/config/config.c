/* Loading, in the order of precedence: each source overwrites what the one before it set.
 *
 *   1. defaults of the table          4. SILT_… variables
 *   2. AWS_… variables                5. flags
 *   3. the file                       6. files that secrets are kept in
 *
 * Secret files come last, so that one that was overridden need not exist.
 */
#include "config/config.h"

#include "base/alloc.h"
#include "config_int.h"
#include "source_int.h"
#include "value_int.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECRET_FILE_MAX ((size_t)64 << 10) /* bytes */

static struct silt_loaded *loaded_of(struct silt_config *config)
{
    return (struct silt_loaded *)(void *)config;
}

const struct silt_origin *silt_config_origin(const struct silt_config *config, const char *option)
{
    const struct silt_option_ref ref = silt_option_find(option);
    SILT_ASSERT(ref.option);
    const struct silt_loaded *loaded = (const struct silt_loaded *)(const void *)config;
    return &loaded->origins[silt_option_index(ref.option)];
}

static void done_origin(struct silt_origin *origin)
{
    silt_free(origin->where);
    silt_free(origin->file);
    *origin = (struct silt_origin){0};
}

void silt_config_free(struct silt_config *config)
{
    if (!config) return;
    struct silt_loaded *loaded = loaded_of(config);
    for (unsigned i = 0; i < silt_options_n; i++) {
        silt_value_clear(config, &silt_options[i]);
        done_origin(&loaded->origins[i]);
    }
    silt_free(loaded);
}

static bool is_list(const struct silt_option *option)
{
    return option->type == SILT_OPT_STRINGS || option->type == SILT_OPT_PAIRS;
}

static void set_presets(struct silt_config *config)
{
    for (unsigned i = 0; i < silt_options_n; i++) {
        const struct silt_option *option = &silt_options[i];
        if (is_list(option)) continue;
        const struct silt_rc rc = silt_value_set(config, option, option->preset, NULL);
        SILT_ASSERT(silt_ok(rc));
    }
}

/* --- one setting --------------------------------------------------------------------------- */

static void trim_end(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && strchr("\r\n \t", text[len - 1])) text[--len] = '\0';
}

static struct silt_rc add_property_line(struct silt_config *config,
                                        const struct silt_option *option, char *line,
                                        struct silt_err *err)
{
    trim_end(line);
    line += strspn(line, " \t");
    if (!*line || *line == '#') return SILT_OK;
    return silt_value_add_pair(config, option, line, err);
}

static struct silt_rc add_property_lines(struct silt_config *config,
                                         const struct silt_option *option, const char *path,
                                         char *text, struct silt_err *err)
{
    unsigned line_n = 0;
    for (char *line = strsep(&text, "\n"); line; line = strsep(&text, "\n")) {
        line_n++;
        if (silt_ok(add_property_line(config, option, line, err))) continue;
        silt_err_context(err, "%s:%u", path, line_n);
        return (struct silt_rc){false};
    }
    return SILT_OK;
}

static void wipe(char **text)
{
    if (*text) explicit_bzero(*text, strlen(*text));
    silt_free(*text);
}

/* Lines of name=value, as in the properties files of Kafka's own tools. */
static struct silt_rc add_properties_file(struct silt_config *config,
                                          const struct silt_option *option, const char *path,
                                          struct silt_err *err)
{
    char *text silt_auto(wipe) = NULL;
    size_t len;
    SILT_TRY(silt_config_read(path, "properties file", SECRET_FILE_MAX, &text, &len, err));
    return add_property_lines(config, option, path, text, err);
}

static struct silt_rc apply_file(struct silt_config *config, struct silt_origin *origin,
                                 const struct silt_setting *setting, struct silt_err *err)
{
    const struct silt_option *option = setting->ref.option;
    if (!*setting->text) SILT_FAIL(err, CONFIG, "%s_file is empty", option->name);
    if (option->type == SILT_OPT_PAIRS)
        return add_properties_file(config, option, setting->text, err);
    silt_value_clear(config, option);
    origin->file = silt_strdup(setting->text);
    return SILT_OK;
}

static struct silt_rc apply_text(struct silt_config *config, const struct silt_setting *setting,
                                 struct silt_err *err)
{
    const struct silt_option *option = setting->ref.option;
    if (!is_list(option)) return silt_value_set(config, option, setting->text, err);
    if (setting->form == SILT_SET_ARG && option->type == SILT_OPT_PAIRS)
        return silt_value_add_pair(config, option, setting->text, err);
    if (setting->form == SILT_SET_ITEM || setting->form == SILT_SET_PAIR)
        return silt_value_add(config, option, setting->pair, setting->text, err);
    return silt_value_add_list(config, option, setting->text, err);
}

static bool set_before_by(const struct silt_origin *origin, const struct silt_setting *setting)
{
    return origin->where && origin->source == setting->source &&
           origin->foreign == setting->foreign;
}

static struct silt_rc apply(struct silt_loaded *loaded, const struct silt_setting *setting,
                            struct silt_err *err)
{
    const struct silt_option *option = setting->ref.option;
    struct silt_origin *origin = &loaded->origins[silt_option_index(option)];
    const bool again = set_before_by(origin, setting);
    const bool was_file = origin->file;
    if (again && option->type == SILT_OPT_SECRET && was_file != setting->ref.in_file)
        SILT_FAIL(err, CONFIG, "%s and %s_file are both set; keep one", option->name, option->name);
    if (!again && option->type == SILT_OPT_STRINGS) silt_value_clear(&loaded->config, option);
    done_origin(origin);
    origin->source = setting->source;
    origin->foreign = setting->foreign;
    origin->where = silt_strdup(setting->where);
    if (setting->ref.in_file) return apply_file(&loaded->config, origin, setting, err);
    return apply_text(&loaded->config, setting, err);
}

static struct silt_rc set_one(void *ctx, const struct silt_setting *setting, struct silt_err *err)
{
    if (silt_ok(apply(ctx, setting, err))) return SILT_OK;
    silt_err_context(err, "%s", setting->where);
    return (struct silt_rc){false};
}

/* --- the whole ----------------------------------------------------------------------------- */

static struct silt_rc read_secret_file(struct silt_config *config, const struct silt_option *option,
                                       const struct silt_origin *origin, struct silt_err *err)
{
    char *text silt_auto(wipe) = NULL;
    size_t len;
    SILT_TRY(silt_config_read(origin->file, "secret file", SECRET_FILE_MAX, &text, &len, err));
    trim_end(text);
    if (!*text) SILT_FAIL(err, CONFIG, "secret file %s is empty", origin->file);
    return silt_value_set(config, option, text, err);
}

static struct silt_rc read_secret_files(struct silt_loaded *loaded, struct silt_err *err)
{
    for (unsigned i = 0; i < silt_options_n; i++) {
        const struct silt_origin *origin = &loaded->origins[i];
        if (!origin->file) continue;
        if (silt_ok(read_secret_file(&loaded->config, &silt_options[i], origin, err))) continue;
        silt_err_context(err, "%s: %s_file", origin->where, silt_options[i].name);
        return (struct silt_rc){false};
    }
    return SILT_OK;
}

static void forget(struct silt_loaded *loaded, const char *name)
{
    const struct silt_option *option = silt_option_find(name).option;
    struct silt_origin *origin = &loaded->origins[silt_option_index(option)];
    if (!origin->foreign) return;
    const struct silt_rc rc = silt_value_set(&loaded->config, option, "", NULL);
    SILT_ASSERT(silt_ok(rc));
    done_origin(origin);
}

/* Keys come as a set: a session token left in the environment must not be sent with a key from the
 * file. A profile that somebody asked for counts more than any. */
static void drop_foreign_keys(struct silt_loaded *loaded)
{
    static const char *const set[] = {"s3.access_key_id", "s3.secret_access_key",
                                      "s3.session_token"};
    bool own = false;
    for (unsigned i = 0; i < 3; i++) {
        const struct silt_origin *origin = silt_config_origin(&loaded->config, set[i]);
        own = own || (origin->where && !origin->foreign);
    }
    own = own || *loaded->config.s3.profile;
    for (unsigned i = 0; own && i < 3; i++) forget(loaded, set[i]);
}

static void replace_empty(char **member, const char *text)
{
    if (**member) return;
    silt_free(*member);
    *member = silt_strdup(text);
}

/* Defaults that depend on other options or on the machine. */
static void derive(struct silt_loaded *loaded)
{
    struct silt_config *config = &loaded->config;
    char host[256] = "silt";
    if (gethostname(host, sizeof host) != 0 || !host[0]) memcpy(host, "silt", sizeof "silt");
    host[sizeof host - 1] = '\0';
    replace_empty(&config->metrics.worker, host);
    /* S3-compatible servers sign with any region, but with one. */
    if (*config->s3.endpoint) replace_empty(&config->s3.region, "us-east-1");
    if (config->metrics.cloudwatch)
        replace_empty(&config->metrics.cloudwatch_region, config->s3.region);
    drop_foreign_keys(loaded);
}

static struct silt_rc fill(struct silt_loaded *loaded, const struct silt_config_input *input,
                           struct silt_err *err)
{
    const struct silt_sink sink = {.set = set_one, .ctx = loaded};
    set_presets(&loaded->config);
    SILT_TRY(silt_env_read_foreign(input->environ, &sink, err));
    if (input->file) SILT_TRY(silt_yaml_read(input->file, &sink, err));
    SILT_TRY(silt_env_read(input->environ, &sink, err));
    SILT_TRY(silt_flags_read(input->flags, input->flags_n, &sink, err));
    SILT_TRY(read_secret_files(loaded, err));
    derive(loaded);
    return silt_config_check(&loaded->config, err);
}

struct silt_rc silt_config_load(const struct silt_config_input *input,
                                struct silt_config **ret_config, struct silt_err *err)
{
    struct silt_loaded *loaded = SILT_NEW(struct silt_loaded);
    if (!silt_ok(fill(loaded, input, err))) {
        silt_config_free(&loaded->config);
        return (struct silt_rc){false};
    }
    *ret_config = &loaded->config;
    return SILT_OK;
}
