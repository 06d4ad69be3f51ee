/* Avro object container files (Avro 1.11 specification, "Object Container Files"): our own strict,
 * streaming writer and reader. A file is a header followed by independently compressed blocks; so
 * blocks can be compressed in parallel and the file is their concatenation in order. Equal input,
 * sync marker, codec and level give equal bytes.
 */
#ifndef SILT_ENCODE_CONTAINER_H
#define SILT_ENCODE_CONTAINER_H

#include "base/buf.h"
#include "base/err.h"
#include "encode/codec.h"

#include <stdint.h>

#define SILT_SYNC_LEN 16

struct silt_meta {
    const char *key; /* e.g. "silt.topic" */
    const char *value;
};

/* Appends the file header: magic, avro.codec, avro.schema, the given pairs (in the given order),
 * sync. */
SILT_RC silt_container_header(const char *schema_json, enum silt_codec codec,
                              const struct silt_meta *meta, unsigned meta_n,
                              const uint8_t sync[SILT_SYNC_LEN], struct silt_buf *out,
                              struct silt_err *err);
/* Appends one block: count, size, compressed bytes, sync. */
SILT_RC silt_container_block(struct silt_codec_ctx *ctx, enum silt_codec codec, int level,
                             int64_t records, struct silt_slice raw,
                             const uint8_t sync[SILT_SYNC_LEN], struct silt_buf *out,
                             struct silt_err *err);

/* Reader: push bytes in, take blocks out until it wants MORE, push again; at the file's end ask
 * reader_end. Truncation, a wrong sync marker, count, size or codec are errors (CORRUPT) that name
 * the block number and the byte position; the first one stays. That a block holds as many records
 * as it says is for whoever knows the schema. A block has at most block_max bytes, packed and raw;
 * memory is bounded by five times that (or 4 MiB, for which a header is good). Feeding fails with
 * LIMIT when blocks are left unread; after MORE it takes block_max bytes (or 4 MiB). */
struct silt_container_reader;
struct silt_container_reader *silt_container_reader_new(size_t block_max);
void silt_container_reader_free(struct silt_container_reader *reader);
SILT_RC silt_container_reader_feed(struct silt_container_reader *reader, struct silt_slice bytes,
                                   struct silt_err *err);

struct silt_block {
    uint64_t number;       /* from 0 */
    int64_t records;       /* as the block says */
    struct silt_slice raw; /* decompressed; valid until the next call */
};
enum silt_block_status { SILT_BLOCK_READY, SILT_BLOCK_MORE, SILT_BLOCK_BAD };
/* MORE: feed more bytes first. BAD: err is set. */
enum silt_block_status silt_container_reader_next(struct silt_container_reader *reader,
                                                  struct silt_block *ret_block,
                                                  struct silt_err *err);
/* Fails when bytes are left over or the header never came. */
SILT_RC silt_container_reader_end(struct silt_container_reader *reader, struct silt_err *err);
/* Available once the header was read; NULL before, or when the key is absent. */
const char *silt_container_reader_meta(const struct silt_container_reader *reader, const char *key);

#endif
