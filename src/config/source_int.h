/* Where settings come from: the YAML file, the environment, the command line. Each source is read
 * in order and hands its settings, one by one, to a sink that knows the precedence.
 */
#ifndef SILT_CONFIG_SOURCE_INT_H
#define SILT_CONFIG_SOURCE_INT_H

#include "base/err.h"
#include "config/config.h"
#include "option_int.h"

/* How the text of a setting is to be read. */
enum silt_setting_form {
    SILT_SET_TEXT, /* a scalar; for a list, its entries separated by commas */
    SILT_SET_ITEM, /* one entry of a list */
    SILT_SET_PAIR, /* one pair: `pair` and `text` */
    SILT_SET_ARG,  /* a flag's argument: as TEXT, but a pair is "name=value", commas and all */
};

struct silt_setting {
    struct silt_option_ref ref;
    enum silt_setting_form form;
    enum silt_config_source source;
    bool foreign;      /* a variable of another program, standing in for the default */
    const char *where; /* "silt.yaml:12", "env AWS_REGION", "--s3.region" */
    const char *pair;
    const char *text;
};

typedef struct silt_rc silt_setting_fn(void *ctx, const struct silt_setting *setting,
                                       struct silt_err *err);
struct silt_sink {
    silt_setting_fn *set;
    void *ctx;
};

#define SILT_CONFIG_FILE_MAX ((size_t)1 << 20) /* bytes */

/* The text of a file of at most `max` bytes; `what` names it in the error. Free with silt_free. */
SILT_RC silt_config_read(const char *path, const char *what, size_t max, char **ret_text,
                         size_t *ret_len, struct silt_err *err);

SILT_RC silt_yaml_read(const char *path, const struct silt_sink *sink, struct silt_err *err);
SILT_RC silt_env_read_foreign(char *const *env, const struct silt_sink *sink, struct silt_err *err);
SILT_RC silt_env_read(char *const *env, const struct silt_sink *sink, struct silt_err *err);
SILT_RC silt_flags_read(const char *const *flags, unsigned flags_n, const struct silt_sink *sink,
                        struct silt_err *err);

#endif
