#define ZLIB_CONST /* next_in points to const */

#include "encode/codec.h"

#include "base/alloc.h"

#include <limits.h>
#include <snappy-c.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define ZSTD_LEVEL 1
#define DEFLATE_LEVEL 6
#define DEFLATE_RAW (-15) /* no zlib header, 32 KiB window */
#define DEFLATE_MEM 8     /* zlib's default */
/* zlib's own figures (zconf.h): deflate (1 << (15 + 2)) + (1 << (8 + 9)), inflate 1 << 15; and a
 * few KiB. */
#define DEFLATE_BYTES ((size_t)268 << 10)
#define INFLATE_BYTES ((size_t)44 << 10)
#define SNAPPY_CRC_LEN 4
#define GUESS_MIN ((size_t)64 << 10)

static const struct {
    const char *name;
    const char *avro_name;
} names[] = {
    [SILT_CODEC_NULL] = {"null", "null"},
    [SILT_CODEC_DEFLATE] = {"deflate", "deflate"},
    [SILT_CODEC_SNAPPY] = {"snappy", "snappy"},
    [SILT_CODEC_ZSTD] = {"zstd", "zstandard"},
};

#define CODECS_N (sizeof names / sizeof names[0])

/* Each library's context is made when it is first needed. */
struct silt_codec_ctx {
    ZSTD_CCtx *zstd_c;
    ZSTD_DCtx *zstd_d;
    z_stream deflate;
    z_stream inflate;
    int deflate_level; /* 0: no stream yet */
    bool has_inflate;
};

const char *silt_codec_avro_name(enum silt_codec codec)
{
    SILT_ASSERT(codec < CODECS_N);
    return names[codec].avro_name;
}

const char *silt_codec_name(enum silt_codec codec)
{
    SILT_ASSERT(codec < CODECS_N);
    return names[codec].name;
}

bool silt_codec_parse(const char *name, enum silt_codec *ret_codec)
{
    for (unsigned codec = 0; codec < CODECS_N; codec++) {
        if (strcmp(name, names[codec].name) != 0 && strcmp(name, names[codec].avro_name) != 0)
            continue;
        *ret_codec = (enum silt_codec)codec;
        return true;
    }
    return false;
}

struct silt_codec_ctx *silt_codec_ctx_new(void)
{
    return SILT_NEW(struct silt_codec_ctx);
}

void silt_codec_ctx_free(struct silt_codec_ctx *ctx)
{
    if (!ctx) return;
    ZSTD_freeCCtx(ctx->zstd_c);
    ZSTD_freeDCtx(ctx->zstd_d);
    if (ctx->deflate_level) (void)deflateEnd(&ctx->deflate);
    if (ctx->has_inflate) (void)inflateEnd(&ctx->inflate);
    silt_free(ctx);
}

size_t silt_codec_ctx_bytes(const struct silt_codec_ctx *ctx)
{
    return sizeof *ctx + ZSTD_sizeof_CCtx(ctx->zstd_c) + ZSTD_sizeof_DCtx(ctx->zstd_d) +
           (ctx->deflate_level ? DEFLATE_BYTES : 0) + (ctx->has_inflate ? INFLATE_BYTES : 0);
}

/* Room for `len` bytes behind the buffer's content. */
static struct silt_rc make_room(struct silt_buf *out, size_t len, uint8_t **ret_room,
                                struct silt_err *err)
{
    *ret_room = silt_buf_reserve(out, len);
    if (!*ret_room)
        SILT_FAIL(err, LIMIT, "%zu bytes do not fit into a buffer of at most %zu", len, out->max);
    return SILT_OK;
}

static void book_room(struct silt_buf *out, size_t used)
{
    out->len += used;
    out->data[out->len] = 0;
}

static struct silt_rc copy(struct silt_slice from, struct silt_buf *out, struct silt_err *err)
{
    uint8_t *room;
    SILT_TRY(make_room(out, from.len, &room, err));
    if (from.len) memcpy(room, from.ptr, from.len);
    book_room(out, from.len);
    return SILT_OK;
}

static struct silt_rc too_large(size_t raw_max, struct silt_err *err)
{
    SILT_FAIL(err, LIMIT, "the block has more than %zu bytes when decompressed", raw_max);
}

/* -- zstd (RFC 8878) --
 *
 * The frame carries its content's size (readers allocate once) and its checksum: 4 bytes that let
 * every reader notice damage without the manifest, for 0.08 ns a byte (3 % of level 1). */

static ZSTD_CCtx *zstd_compressor(struct silt_codec_ctx *ctx, int level)
{
    if (!ctx->zstd_c) ctx->zstd_c = ZSTD_createCCtx();
    silt_alloc_expect(ctx->zstd_c, "libzstd");
    ZSTD_CCtx_reset(ctx->zstd_c, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(ctx->zstd_c, ZSTD_c_compressionLevel, level ? level : ZSTD_LEVEL);
    ZSTD_CCtx_setParameter(ctx->zstd_c, ZSTD_c_contentSizeFlag, 1);
    ZSTD_CCtx_setParameter(ctx->zstd_c, ZSTD_c_checksumFlag, 1);
    return ctx->zstd_c;
}

static struct silt_rc zstd_pack(struct silt_codec_ctx *ctx, int level, struct silt_slice raw,
                                struct silt_buf *out, struct silt_err *err)
{
    uint8_t *room;
    size_t bound = ZSTD_compressBound(raw.len);
    SILT_TRY(make_room(out, bound, &room, err));
    size_t len = ZSTD_compress2(zstd_compressor(ctx, level), room, bound, raw.ptr, raw.len);
    silt_alloc_expect(ZSTD_getErrorCode(len) != ZSTD_error_memory_allocation, "libzstd");
    if (ZSTD_isError(len)) SILT_FAIL(err, INTERNAL, "zstd: %s", ZSTD_getErrorName(len));
    book_room(out, len);
    return SILT_OK;
}

/* What to try first: the size that the frame claims, else a guess. */
static size_t zstd_guess(struct silt_slice packed, size_t raw_max)
{
    unsigned long long claimed = ZSTD_getFrameContentSize(packed.ptr, packed.len);
    size_t guess = packed.len > raw_max / 4 ? raw_max : 4 * packed.len;
    if (claimed != ZSTD_CONTENTSIZE_UNKNOWN && claimed != ZSTD_CONTENTSIZE_ERROR)
        guess = claimed > raw_max ? raw_max : (size_t)claimed;
    if (guess < GUESS_MIN) guess = GUESS_MIN;
    return guess > raw_max ? raw_max : guess;
}

/* In one shot into memory, because a streaming decoder would allocate whatever window (up to 128
 * MiB) a frame asks for. A frame that does not tell its size is tried again with twice the room. */
static struct silt_rc zstd_unpack(struct silt_codec_ctx *ctx, struct silt_slice packed,
                                  size_t raw_max, struct silt_buf *out, struct silt_err *err)
{
    if (packed.len == 0) SILT_FAIL(err, CORRUPT, "zstd: no frame");
    if (!ctx->zstd_d) ctx->zstd_d = ZSTD_createDCtx();
    silt_alloc_expect(ctx->zstd_d, "libzstd");
    for (size_t room_len = zstd_guess(packed, raw_max);;) {
        uint8_t *room;
        SILT_TRY(make_room(out, room_len, &room, err));
        size_t len = ZSTD_decompressDCtx(ctx->zstd_d, room, room_len, packed.ptr, packed.len);
        if (!ZSTD_isError(len)) {
            book_room(out, len);
            return SILT_OK;
        }
        if (ZSTD_getErrorCode(len) != ZSTD_error_dstSize_tooSmall)
            SILT_FAIL(err, CORRUPT, "zstd: %s", ZSTD_getErrorName(len));
        if (room_len == raw_max) return too_large(raw_max, err);
        room_len = room_len > raw_max / 2 ? raw_max : 2 * room_len;
    }
}

/* -- deflate (RFC 1951) -- */

static void *zlib_alloc(void *opaque, uInt n, uInt bytes)
{
    (void)opaque;
    return silt_calloc(n, bytes);
}

static void zlib_free(void *opaque, void *p)
{
    (void)opaque;
    silt_free(p);
}

static uInt zlib_len(size_t len)
{
    return len > UINT_MAX ? UINT_MAX : (uInt)len;
}

static z_stream *deflater(struct silt_codec_ctx *ctx, int level)
{
    if (level < 1) level = DEFLATE_LEVEL;
    if (level > Z_BEST_COMPRESSION) level = Z_BEST_COMPRESSION;
    z_stream *z = &ctx->deflate;
    if (ctx->deflate_level == level) {
        (void)deflateReset(z);
        return z;
    }
    if (ctx->deflate_level) (void)deflateEnd(z);
    *z = (z_stream){.zalloc = zlib_alloc, .zfree = zlib_free};
    SILT_ASSERT(deflateInit2(z, level, Z_DEFLATED, DEFLATE_RAW, DEFLATE_MEM, Z_DEFAULT_STRATEGY) ==
                Z_OK);
    ctx->deflate_level = level;
    return z;
}

static struct silt_rc deflate_pack(struct silt_codec_ctx *ctx, int level, struct silt_slice raw,
                                   struct silt_buf *out, struct silt_err *err)
{
    z_stream *z = deflater(ctx, level);
    size_t bound = deflateBound(z, raw.len);
    if (bound > UINT_MAX) SILT_FAIL(err, LIMIT, "deflate: %zu bytes are too many", raw.len);
    uint8_t *room;
    SILT_TRY(make_room(out, bound, &room, err));
    z->next_in = raw.ptr;
    z->avail_in = (uInt)raw.len;
    z->next_out = room;
    z->avail_out = (uInt)bound;
    SILT_ASSERT(deflate(z, Z_FINISH) == Z_STREAM_END);
    book_room(out, bound - z->avail_out);
    return SILT_OK;
}

static z_stream *inflater(struct silt_codec_ctx *ctx)
{
    z_stream *z = &ctx->inflate;
    if (ctx->has_inflate) {
        (void)inflateReset(z);
        return z;
    }
    *z = (z_stream){.zalloc = zlib_alloc, .zfree = zlib_free};
    SILT_ASSERT(inflateInit2(z, DEFLATE_RAW) == Z_OK);
    ctx->has_inflate = true;
    return z;
}

/* One call's worth of output; *left is what may still come. */
static struct silt_rc inflate_some(z_stream *z, size_t step, size_t *left, struct silt_buf *out,
                                   int *ret_status, struct silt_err *err)
{
    uint8_t *room;
    if (step > *left) step = *left;
    SILT_TRY(make_room(out, step, &room, err));
    z->next_out = room;
    z->avail_out = zlib_len(step);
    step = z->avail_out;
    *ret_status = inflate(z, Z_NO_FLUSH);
    *left -= step - z->avail_out;
    book_room(out, step - z->avail_out);
    return SILT_OK;
}

static struct silt_rc inflate_all(z_stream *z, size_t step, size_t left, struct silt_buf *out,
                                  struct silt_err *err)
{
    size_t raw_max = left;
    for (;;) {
        int status;
        bool is_full = left == 0;
        SILT_TRY(inflate_some(z, step, &left, out, &status, err));
        if (status == Z_DATA_ERROR) SILT_FAIL(err, CORRUPT, "deflate: %s", z->msg);
        if (status == Z_STREAM_END) break;
        if (is_full) return too_large(raw_max, err);
        if (z->avail_in == 0 && z->avail_out > 0) SILT_FAIL(err, CORRUPT, "deflate: cut off");
        step = 2 * step;
    }
    if (z->avail_in > 0) SILT_FAIL(err, CORRUPT, "deflate: bytes follow the end");
    return SILT_OK;
}

static struct silt_rc deflate_unpack(struct silt_codec_ctx *ctx, struct silt_slice packed,
                                     size_t raw_max, struct silt_buf *out, struct silt_err *err)
{
    if (packed.len > UINT_MAX) SILT_FAIL(err, LIMIT, "deflate: %zu bytes are too many", packed.len);
    z_stream *z = inflater(ctx);
    z->next_in = packed.ptr;
    z->avail_in = (uInt)packed.len;
    size_t step = packed.len > raw_max / 4 ? raw_max : 4 * packed.len;
    return inflate_all(z, step < GUESS_MIN ? GUESS_MIN : step, raw_max, out, err);
}

/* -- snappy, with the CRC-32 of the raw bytes behind it -- */

static uint32_t crc32_of(const uint8_t *bytes, size_t len)
{
    return (uint32_t)crc32_z(0, bytes, len);
}

static struct silt_rc snappy_pack(struct silt_slice raw, struct silt_buf *out, struct silt_err *err)
{
    uint8_t *room;
    size_t len = snappy_max_compressed_length(raw.len);
    SILT_TRY(make_room(out, len + SNAPPY_CRC_LEN, &room, err));
    SILT_ASSERT(snappy_compress((const char *)raw.ptr, raw.len, (char *)room, &len) == SNAPPY_OK);
    uint32_t crc = __builtin_bswap32(crc32_of(raw.ptr, raw.len));
    memcpy(room + len, &crc, SNAPPY_CRC_LEN);
    book_room(out, len + SNAPPY_CRC_LEN);
    return SILT_OK;
}

static struct silt_rc snappy_unpack(struct silt_slice packed, size_t raw_max, struct silt_buf *out,
                                    struct silt_err *err)
{
    if (packed.len < SNAPPY_CRC_LEN) SILT_FAIL(err, CORRUPT, "snappy: no checksum");
    const char *from = (const char *)packed.ptr;
    size_t from_len = packed.len - SNAPPY_CRC_LEN;
    size_t len;
    if (snappy_uncompressed_length(from, from_len, &len) != SNAPPY_OK)
        SILT_FAIL(err, CORRUPT, "snappy: no length");
    if (len > raw_max) return too_large(raw_max, err);
    uint8_t *room;
    SILT_TRY(make_room(out, len, &room, err));
    if (snappy_uncompress(from, from_len, (char *)room, &len) != SNAPPY_OK)
        SILT_FAIL(err, CORRUPT, "snappy: damaged");
    uint32_t crc;
    memcpy(&crc, packed.ptr + from_len, SNAPPY_CRC_LEN);
    if (__builtin_bswap32(crc) != crc32_of(room, len))
        SILT_FAIL(err, CORRUPT, "snappy: wrong checksum");
    book_room(out, len);
    return SILT_OK;
}

/* -- all -- */

struct silt_rc silt_codec_compress(struct silt_codec_ctx *ctx, enum silt_codec codec, int level,
                                   struct silt_slice raw, struct silt_buf *out,
                                   struct silt_err *err)
{
    switch (codec) {
    case SILT_CODEC_NULL: return copy(raw, out, err);
    case SILT_CODEC_DEFLATE: return deflate_pack(ctx, level, raw, out, err);
    case SILT_CODEC_SNAPPY: return snappy_pack(raw, out, err);
    case SILT_CODEC_ZSTD: break;
    }
    return zstd_pack(ctx, level, raw, out, err);
}

static struct silt_rc unpack(struct silt_codec_ctx *ctx, enum silt_codec codec,
                             struct silt_slice packed, size_t raw_max, struct silt_buf *out,
                             struct silt_err *err)
{
    switch (codec) {
    case SILT_CODEC_NULL:
        return packed.len > raw_max ? too_large(raw_max, err) : copy(packed, out, err);
    case SILT_CODEC_DEFLATE: return deflate_unpack(ctx, packed, raw_max, out, err);
    case SILT_CODEC_SNAPPY: return snappy_unpack(packed, raw_max, out, err);
    case SILT_CODEC_ZSTD: break;
    }
    return zstd_unpack(ctx, packed, raw_max, out, err);
}

struct silt_rc silt_codec_decompress(struct silt_codec_ctx *ctx, enum silt_codec codec,
                                     struct silt_slice packed, size_t raw_max, struct silt_buf *out,
                                     struct silt_err *err)
{
    size_t len = out->len;
    struct silt_rc rc = unpack(ctx, codec, packed, raw_max, out, err);
    if (!silt_ok(rc)) out->len = len;
    return rc;
}
