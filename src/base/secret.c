#include "base/secret.h"

#include "base/alloc.h"

#include <string.h>

void silt_secret_done(struct silt_secret *secret)
{
    if (!secret || !secret->hidden) return;
    explicit_bzero(secret->hidden, strlen(secret->hidden));
    silt_free(secret->hidden);
    secret->hidden = NULL;
}

void silt_secret_set(struct silt_secret *secret, const char *value)
{
    char *copy = value ? silt_strdup(value) : NULL;
    silt_secret_done(secret);
    secret->hidden = copy;
}

void silt_secret_copy(struct silt_secret *to, const struct silt_secret *from)
{
    silt_secret_set(to, from->hidden);
}

bool silt_secret_is_set(const struct silt_secret *secret)
{
    return secret->hidden && secret->hidden[0];
}

const char *silt_secret_reveal(const struct silt_secret *secret)
{
    return secret->hidden ? secret->hidden : "";
}
