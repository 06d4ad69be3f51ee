/* Text to value and back, for every type of the option table. Pure, any thread. */
#ifndef SILT_CONFIG_VALUE_INT_H
#define SILT_CONFIG_VALUE_INT_H

#include "base/buf.h"
#include "base/err.h"
#include "option_int.h"

/* What a value of this option looks like: "a whole number from 1 to 16". */
void silt_value_expected(struct silt_buf *out, const struct silt_option *option);

/* Sets the member of any type but STRINGS and PAIRS. The error names option, value and what is
 * allowed, but no secret. */
SILT_RC silt_value_set(struct silt_config *config, const struct silt_option *option,
                       const char *text, struct silt_err *err);
/* Adds one string, or one pair (replacing the value of a name that is there already). */
SILT_RC silt_value_add(struct silt_config *config, const struct silt_option *option,
                       const char *name, const char *text, struct silt_err *err);
/* Adds "a,b" or "x=1,y=2"; a comma inside a value is written \, */
SILT_RC silt_value_add_list(struct silt_config *config, const struct silt_option *option,
                            const char *text, struct silt_err *err);
/* Adds "name=value", commas and all. */
SILT_RC silt_value_add_pair(struct silt_config *config, const struct silt_option *option,
                            const char *text, struct silt_err *err);
/* The member of the option's type. */
const void *silt_value_member(const struct silt_config *config, const struct silt_option *option);
/* Frees the member and leaves it empty. */
void silt_value_clear(struct silt_config *config, const struct silt_option *option);

/* Appends the value as a user would write it; secrets as "(set)" or nothing. */
void silt_value_write(struct silt_buf *out, const struct silt_config *config,
                      const struct silt_option *option);
/* A property whose value is not for showing: a password, a token, a private key. */
bool silt_property_is_secret(const char *name);

#endif
