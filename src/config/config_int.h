/* The loaded configuration with the origin of each value, and its checks. */
#ifndef SILT_CONFIG_CONFIG_INT_H
#define SILT_CONFIG_CONFIG_INT_H

#include "config/config.h"
#include "option_int.h"

enum {
    SILT_OPTIONS_COUNT = 0
#define SILT_OPTION(...) +1
#include "config/options.def"
};

struct silt_origin {
    enum silt_config_source source;
    bool foreign; /* a variable of another program stands in for the default */
    char *where;  /* owned; NULL: the default itself */
    char *file;   /* owned; the file a secret is read from */
};

/* What silt_config_load hands out is the first member of this. */
struct silt_loaded {
    struct silt_config config;
    struct silt_origin origins[SILT_OPTIONS_COUNT];
};

/* `config` must come from silt_config_load. */
const struct silt_origin *silt_config_origin(const struct silt_config *config, const char *option);

/* Values that are right alone and wrong together. */
SILT_RC silt_config_check(const struct silt_config *config, struct silt_err *err);

#endif
