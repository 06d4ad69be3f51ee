/* One archived file, row by row, straight from the store: ranged GETs (the next one is under way
 * while the rows of the last are read), strict container reading, every row walked with the file's
 * own schema. What it reads of the object it also checksums.
 *
 * Blocking, one thread. Memory: two chunks, and what one block needs. Rows are views, valid until
 * the next call.
 *
 *   open → next* → (END → checksums | DAMAGED → drain → checksums) → close
 */
#ifndef SILT_INSPECT_OBJECT_H
#define SILT_INSPECT_OBJECT_H

#include "commit/manifest.h"
#include "record/record.h"

/* A row as what it was made from. Data: framing and body make the value. Rejected: body is the
 * whole value, and the reason stands beside it. Tombstone: rec.value_null. */
struct silt_object_row {
    struct silt_record rec;
    struct silt_slice framing;
    struct silt_slice body;
    struct silt_slice reason;
    struct silt_slice detail;
    bool has_schema_id; /* rejected */
    int32_t schema_id;
    struct silt_slice bytes; /* the row as it stands in the file … */
    uint64_t block;          /* … in this block, as the row of this number; both from 0 */
    int64_t number;
};

enum silt_object_status {
    SILT_OBJECT_ROW,
    SILT_OBJECT_END,
    SILT_OBJECT_DAMAGED, /* err says where; it stays so */
    SILT_OBJECT_FAILED,  /* the store could not be read */
};

struct silt_object_opts {
    struct silt_store *store;
    const struct silt_manifest_file *file; /* must live longer */
    size_t chunk_bytes;                    /* 2 or more; 0: 8 MiB */
};

struct silt_object;
struct silt_object *silt_object_open(const struct silt_object_opts *opts);
void silt_object_close(struct silt_object *object); /* NULL is fine */

enum silt_object_status silt_object_next(struct silt_object *object,
                                         struct silt_object_row *ret_row, struct silt_err *err);
/* Reads what is left for the checksums alone. */
SILT_RC silt_object_drain(struct silt_object *object, struct silt_err *err);
/* Of the parts and of the whole, after all was read. Fails with CORRUPT and names the part. */
SILT_RC silt_object_checksums(const struct silt_object *object, struct silt_err *err);

/* Once a row was read or the end came: the header. NULL: no such key. */
const char *silt_object_meta(const struct silt_object *object, const char *key);
const struct silt_manifest_file *silt_object_file(const struct silt_object *object);

#endif
