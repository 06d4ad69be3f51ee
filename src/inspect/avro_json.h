/* Avro values as JSON for people: enums by name, unions without the branch's name, bytes and fixed
 * as base64, numbers as they are (timestamps too), NaN and infinities as null.
 *
 * Made once from a writer schema that decode/schema.h has accepted; immutable then. Bytes are
 * bounded by themselves: damage ends the call. Any thread.
 */
#ifndef SILT_INSPECT_AVRO_JSON_H
#define SILT_INSPECT_AVRO_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "base/jsonw.h"

struct silt_avro_json;

SILT_RC silt_avro_json_new(const char *schema_json, struct silt_avro_json **ret_schema,
                           struct silt_err *err);
void silt_avro_json_free(struct silt_avro_json *schema); /* NULL is fine */

/* Writes the fields of a record from `first_field` on as one object. `in` holds exactly these.
 * @return false for damage; what was written is then incomplete. */
bool silt_avro_json_fields(const struct silt_avro_json *schema, unsigned first_field,
                           struct silt_slice in, struct silt_jsonw *w);

/* Bytes as a JSON string. */
void silt_avro_json_base64(struct silt_slice bytes, struct silt_jsonw *w);

#endif
