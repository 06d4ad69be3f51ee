/* A schema that refers to others in the registry ("references"): what has to be fetched, and how it
 * becomes one text that stands alone.
 *
 * Fetched one after the other, each once, those that references refer to as well. Then every name
 * that the schema uses and does not define is replaced, where it is used first, by its definition,
 * with name and namespace written out; later uses stay names. So the text defines each type once,
 * before its use, and can be written into a file. Bounded in number, bytes and depth.
 * (Confluent Schema Registry, "Schema references", 2025.)
 */
#ifndef SILT_DECODE_REGISTRY_REFS_INT_H
#define SILT_DECODE_REGISTRY_REFS_INT_H

#include "registry_json_int.h"

#define SILT_REFS_MAX 64
#define SILT_REFS_BYTES_MAX ((size_t)4 << 20)

struct silt_refs {
    struct silt_reference items[SILT_REFS_MAX]; /* owned */
    struct silt_buf texts[SILT_REFS_MAX];       /* of the first `fetched`; owned */
    unsigned n;
    unsigned fetched;
    size_t bytes;
};

/* Takes over references that are not known yet. Failure: LIMIT. */
SILT_RC silt_refs_add(struct silt_refs *refs, const struct silt_reference *references, unsigned n,
                      struct silt_err *err);
/* The one to fetch now; NULL: all are there. */
const struct silt_reference *silt_refs_wanted(const struct silt_refs *refs);
/* Its schema; the buffer is taken. Failure: LIMIT. */
SILT_RC silt_refs_fetched(struct silt_refs *refs, struct silt_buf *text, struct silt_err *err);
/* Replaces the schema's text by one that stands alone. Failure: SCHEMA. */
SILT_RC silt_refs_compose(const struct silt_refs *refs, struct silt_buf *schema,
                          struct silt_err *err);
void silt_refs_done(struct silt_refs *refs);

#endif
