/* An archived record as one line of JSON: Kafka's metadata, and the value decoded with the file's
 * schema. Text that is no UTF-8 stands in base64 under <name>_base64. Pure.
 */
#ifndef SILT_INSPECT_RECORD_JSON_H
#define SILT_INSPECT_RECORD_JSON_H

#include "base/buf.h"
#include "inspect/avro_json.h"
#include "inspect/object.h"

/* schema: of data files, else NULL. Appends without line feed. @return false when the value cannot
 * be decoded; the line then has value_base64 (the body without its framing). */
bool silt_record_json(const char *topic, const struct silt_object_row *row,
                      const struct silt_avro_json *schema, struct silt_buf *out);

#endif
