/* Registers schemas at a Confluent-compatible schema registry, for gen and demo. Blocking. */
#ifndef SILT_CLI_REGISTRY_H
#define SILT_CLI_REGISTRY_H

#include "base/err.h"
#include "base/secret.h"

#include <stdint.h>

struct silt_http;
struct silt_registry_opts {
    const char *url;
    const char *user; /* "": none */
    const struct silt_secret *password;
    const char *ca_file;
    struct silt_http *http;
};

/* POST {url}/subjects/{topic}-value/versions: the id of the schema, which may have been there
 * before. */
SILT_RC silt_registry_register(const struct silt_registry_opts *opts, const char *topic,
                               const char *schema, int32_t *ret_id, struct silt_err *err);

#endif
