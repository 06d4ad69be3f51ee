/* A value that must not be shown.
 *
 * No formatter takes a silt_secret; the bytes come out only through silt_secret_reveal, which a
 * reviewer can search for. Wiped when freed. One owner.
 */
#ifndef SILT_BASE_SECRET_H
#define SILT_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

struct silt_secret {
    char *hidden;
};

void silt_secret_set(struct silt_secret *secret, const char *value); /* copies; NULL clears */
void silt_secret_copy(struct silt_secret *to, const struct silt_secret *from);
void silt_secret_done(struct silt_secret *secret);
bool silt_secret_is_set(const struct silt_secret *secret);
const char *silt_secret_reveal(const struct silt_secret *secret); /* "" when unset */

#endif
