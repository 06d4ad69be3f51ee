/* A writer schema, ready for use: its JSON, its fingerprint and the validation program compiled
 * from it.
 *
 * Immutable and shared: reference-counted (atomic), because files outlive the cache entry they came
 * from. Bounded before avro-c sees it: JSON ≤ 1 MiB, depth ≤ 64, ≤ 10,000 nodes, names by regex;
 * hostile schemas fail with SILT_E_SCHEMA and a text that names the place.
 */
#ifndef SILT_DECODE_SCHEMA_H
#define SILT_DECODE_SCHEMA_H

#include "base/buf.h"
#include "base/err.h"
#include "decode/walker.h"

#include <stdint.h>

#define SILT_NO_SCHEMA_ID ((int32_t)-1)

/* The owner's own form of a schema, kept beside it (the pipeline: the writer schema of its files).
 * A schema that has none cannot be used: it fails like any other bad schema. */
typedef struct silt_rc silt_schema_prepare_fn(struct silt_slice json, char **ret_text,
                                              struct silt_err *err);

struct silt_schema {
    int32_t id;           /* registry id, SILT_NO_SCHEMA_ID for other framings */
    uint64_t fingerprint; /* CRC-64-AVRO of the parsing canonical form */
    const char *json;     /* as registered, never re-serialised */
    char *prepared;       /* NULL: nobody asked for it */
    struct silt_program *program;
    _Atomic int refs;
};

struct silt_schema_opts {
    int32_t id;
    silt_schema_prepare_fn *prepare; /* NULL: none */
    const struct silt_rules *rules;  /* NULL: none; must outlive the use of the program */
    const struct silt_masks *masks;  /* the same */
    const char *sensor_id_field;     /* "" = none; a top-level field or path a.b of string type */
    const char *
        time_field; /* "" = none; long with logical type timestamp-millis or -micros, or plain ms */
};

SILT_RC silt_schema_new(struct silt_slice json, const struct silt_schema_opts *opts,
                        struct silt_schema **ret_schema, struct silt_err *err);
/* A path of opts->masks, theirs, that leads nowhere in the schema; NULL when each of them leads
 * somewhere. */
const char *silt_schema_unmasked(const struct silt_schema *schema);
struct silt_schema *silt_schema_ref(struct silt_schema *schema);
void silt_schema_unref(struct silt_schema *schema); /* NULL is fine */

/* Parsing canonical form (Avro specification, "Transforming into Parsing Canonical Form"). */
SILT_RC silt_schema_canonical(struct silt_slice json, struct silt_buf *ret_text,
                              struct silt_err *err);

#endif
