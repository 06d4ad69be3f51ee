/* What a file of a window begins with and what a record becomes in it: the same for the first
 * writing and for a repair. Pure glue between decode/ and encode/.
 */
#ifndef SILT_PIPELINE_FILE_ROWS_H
#define SILT_PIPELINE_FILE_ROWS_H

#include "decode/decoder.h"
#include "encode/container.h"
#include "encode/row.h"
#include "pipeline/worker.h"
#include "record/key.h"

/* decoded NULL: a tombstone. */
enum silt_role silt_rows_role(const struct silt_decoded *decoded);
size_t silt_rows_room(const struct silt_record *rec, const struct silt_decoded *decoded);
/* Writes the row at `out` (room for silt_rows_room) and feeds the digest. @return its bytes. */
size_t silt_rows_write(uint8_t *out, const struct silt_record *rec,
                       const struct silt_decoded *decoded, struct silt_digest *digest);

/* The decoder's hook: makes the writer schema of the files that hold records of a schema. */
struct silt_rc silt_rows_prepare(struct silt_slice json, char **ret_text, struct silt_err *err);

/* Appends the container header of a file. schema: prepared; NULL for rejected and tombstone files.
 */
SILT_RC silt_rows_header(const struct silt_worker_opts *opts, const struct silt_tp *tp,
                         enum silt_role role, const struct silt_schema *schema,
                         const uint8_t sync[SILT_SYNC_LEN], struct silt_buf *out,
                         struct silt_err *err);

#endif
