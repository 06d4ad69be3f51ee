/* The option table as data, and finding things in it. Pure, any thread. */
#ifndef SILT_CONFIG_OPTION_INT_H
#define SILT_CONFIG_OPTION_INT_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum silt_option_type {
    SILT_OPT_STRING,
    SILT_OPT_SECRET,
    SILT_OPT_BOOL,
    SILT_OPT_INT,
    SILT_OPT_BYTES,
    SILT_OPT_DURATION,
    SILT_OPT_DOUBLE,
    SILT_OPT_ENUM,
    SILT_OPT_STRINGS,
    SILT_OPT_PAIRS,
};

struct silt_option {
    const char *name; /* "archive.max_bytes"; one without a section has no dot */
    enum silt_option_type type;
    size_t offset;    /* of the member in struct silt_config */
    const char *unit; /* of an INT, for people; may be NULL */
    const char *preset;
    int64_t min; /* bytes, ms or the number itself */
    int64_t max;
    const char *allowed; /* ENUM: "a|b|c" */
    const char *since;
    const char *text;
};

struct silt_section {
    const char *name;
    const char *text;
};

struct silt_option_env {
    const char *option;
    const char *variable;
};

extern const struct silt_option silt_options[];
extern const unsigned silt_options_n;
extern const struct silt_section silt_sections[];
extern const unsigned silt_sections_n;
extern const struct silt_option_env silt_option_envs[];
extern const unsigned silt_option_envs_n;

#define SILT_OPTION_NAME_MAX 64 /* longest name, "_file" and the end included */

/* What a name stands for: an option, or with the suffix "_file" the file that holds its value. */
struct silt_option_ref {
    const struct silt_option *option; /* NULL: unknown */
    bool in_file;
};
struct silt_option_ref silt_option_find(const char *name);
/* A secret or a map of properties may be kept in a file of its own. */
bool silt_option_has_file(const struct silt_option *option);
unsigned silt_option_index(const struct silt_option *option);
bool silt_option_in_section(const struct silt_option *option, const char *section);
/* The name behind its section: "max_bytes". */
const char *silt_option_leaf(const struct silt_option *option);

/* "SILT_ARCHIVE_MAX_BYTES" for "archive.max_bytes". */
void silt_option_env_name(const char *name, char ret_env[SILT_OPTION_NAME_MAX]);

/* The option that was probably meant: the same word in another section, else the nearest spelling.
 * @return NULL when nothing is near. */
const char *silt_option_nearest(const char *name);
const char *silt_section_nearest(const char *name);

#endif
