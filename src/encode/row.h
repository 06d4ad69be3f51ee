/* One record as bytes of an archived row (design 4.3), and its share of the window's digest.
 *
 * Avro concatenates fields, so a row is the metadata columns followed by the value's own bytes:
 *   kafka_partition int · kafka_offset long · kafka_timestamp [null,long] · kafka_key [null,bytes]
 * · kafka_headers array<{key string, value [null,bytes]}> · body A tombstone's row is the metadata
 * alone. A reject's row appends reason string, detail string, schema_id [null,int], value bytes
 * (wire bytes; a record without value is a tombstone, never a reject).
 *
 * A header's key that is not UTF-8 has U+FFFD in the place of each offending byte, because an Avro
 * string is UTF-8; the digest is over what is written, and such a key cannot be restored byte for
 * byte.
 *
 * Digest, "silt-digest-1": XXH3-128 (seed 0) over, for every archived, tombstone or rejected record
 * in offset order: the row's metadata columns without kafka_partition, then the value as Avro
 * [null,bytes] of its *wire* bytes (02, zig-zag length, bytes; 00 for a tombstone). Printed as 32
 * hex digits, high word first.
 */
#ifndef SILT_ENCODE_ROW_H
#define SILT_ENCODE_ROW_H

#include "base/buf.h"
#include "record/record.h"

#include <stddef.h>

struct silt_digest; /* XXH3 state */
struct silt_digest *silt_digest_new(void);
void silt_digest_free(struct silt_digest *digest);
void silt_digest_reset(struct silt_digest *digest);
#define SILT_DIGEST_HEX 33 /* with its end */
void silt_digest_hex(const struct silt_digest *digest, char ret_text[SILT_DIGEST_HEX]);

/* Upper bound of the row's size, to find room first. */
size_t silt_row_size_max(const struct silt_record *rec, struct silt_slice body);

struct silt_reject_row {
    const char *reason;
    const char *detail;
    bool has_schema_id;
    int32_t schema_id;
};

/* Write the row at `out` (room for silt_row_size_max, whose end may be overwritten too) and feed
 * `digest` (may be NULL). framing: at most 16 bytes, with body the record's value. @return bytes
 * written. */
size_t silt_row_data(uint8_t *out, const struct silt_record *rec, struct silt_slice framing,
                     struct silt_slice body, struct silt_digest *digest);
size_t silt_row_tombstone(uint8_t *out, const struct silt_record *rec, struct silt_digest *digest);
size_t silt_row_reject_size_max(const struct silt_record *rec, const struct silt_reject_row *why);
size_t silt_row_reject(uint8_t *out, const struct silt_record *rec,
                       const struct silt_reject_row *why, struct silt_digest *digest);

/* Reads the metadata columns of a row. Views point into `row`; headers go to a caller's array (at
 * most headers_max; more is an error). The value stays NULL: it is what follows. @return bytes
 * consumed, 0 when the row is damaged. */
size_t silt_row_read(struct silt_slice row, struct silt_record *ret_rec,
                     struct silt_header *headers, unsigned headers_max);

/* Zig-zag varints (Avro int and long). write: room for 10 bytes, returns bytes written. read:
 * returns bytes consumed, 0 when truncated or too long. */
size_t silt_varint_write(uint8_t *out, int64_t value);
size_t silt_varint_read(struct silt_slice in, int64_t *ret_value);

#endif
