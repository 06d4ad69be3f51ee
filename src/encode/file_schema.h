/* Writer schemas of archived files, made by editing the registered schema's own JSON text, so that
 * logical types, docs, defaults and attributes unknown to us survive (design 4.3). A value schema
 * that is no record, or a recursive one, becomes one field `value`; where a name of ours is taken,
 * ours gets a trailing underscore.
 */
#ifndef SILT_ENCODE_FILE_SCHEMA_H
#define SILT_ENCODE_FILE_SCHEMA_H

#include "base/buf.h"
#include "base/err.h"

/* Appends the JSON of record <Name>Archived to ret_json. */
SILT_RC silt_file_schema_data(struct silt_slice value_schema, struct silt_buf *ret_json,
                              struct silt_err *err);
const char *silt_file_schema_rejected(void);  /* metadata, reason, detail, schema_id, value */
const char *silt_file_schema_tombstone(void); /* metadata */

#endif
