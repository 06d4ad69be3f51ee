/* Avro block codecs: null, deflate (raw RFC 1951), snappy (with CRC-32, big endian), zstandard.
 * A context belongs to one thread. Avro 1.11 specification, "Required Codecs" and "Optional
 * Codecs".
 */
#ifndef SILT_ENCODE_CODEC_H
#define SILT_ENCODE_CODEC_H

#include "base/buf.h"
#include "base/err.h"

enum silt_codec { SILT_CODEC_NULL, SILT_CODEC_DEFLATE, SILT_CODEC_SNAPPY, SILT_CODEC_ZSTD };
const char *silt_codec_avro_name(enum silt_codec codec); /* "zstandard": as in avro.codec */
const char *
silt_codec_name(enum silt_codec codec); /* "zstd": as in the configuration and manifest */
bool silt_codec_parse(const char *name, enum silt_codec *ret_codec); /* either name */

struct silt_codec_ctx;
struct silt_codec_ctx *silt_codec_ctx_new(void);
void silt_codec_ctx_free(struct silt_codec_ctx *ctx);

/* Appends the compressed form of `raw` to `out`. level 0 = the codec's default (zstd 1, deflate 6);
 * one out of the codec's range becomes the nearest in it. Same input, codec, level and library give
 * the same bytes. zstd frames carry content size and checksum. Fails with LIMIT when `out` has no
 * room. */
SILT_RC silt_codec_compress(struct silt_codec_ctx *ctx, enum silt_codec codec, int level,
                            struct silt_slice raw, struct silt_buf *out, struct silt_err *err);
/* Appends at most raw_max decompressed bytes; more is an error (LIMIT), damage is CORRUPT. */
SILT_RC silt_codec_decompress(struct silt_codec_ctx *ctx, enum silt_codec codec,
                              struct silt_slice packed, size_t raw_max, struct silt_buf *out,
                              struct silt_err *err);
size_t silt_codec_ctx_bytes(const struct silt_codec_ctx *ctx); /* memory held, for the budget */

#endif
