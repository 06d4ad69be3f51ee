/* Whether everything that one schema writes can be read with another one.
 *
 * The rules are those of the Avro 1.11 specification, "Schema Resolution", asked of the schemas
 * alone as Java Avro's SchemaCompatibility does: every branch of a writer's union must be readable,
 * and a writer's enum may not have a symbol that the reader neither has nor has a default for.
 * Names are compared without namespace, or by the reader's aliases. Bounded in depth and work:
 * schemas that take more are called unreadable. Pure.
 */
#ifndef SILT_DECODE_SCHEMA_RESOLVE_INT_H
#define SILT_DECODE_SCHEMA_RESOLVE_INT_H

#include "schema_tree_int.h"

#define SILT_RESOLVE_DEPTH_MAX 256
#define SILT_RESOLVE_STEPS_MAX 100000

/* Failure: SCHEMA; names the first field that cannot be read, and why. */
SILT_RC silt_schema_resolve(const struct silt_tree *writer, const struct silt_tree *reader,
                            struct silt_err *err);

#endif
