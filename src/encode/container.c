#include "encode/container.h"

#include "base/alloc.h"
#include "base/map.h"
#include "encode/row.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAGIC_LEN 4
static const uint8_t magic[MAGIC_LEN] = {'O', 'b', 'j', 1};

#define VARINT_MAX 10u
/* Of a header that is read: a schema of 1 MiB, everything escaped that can be, fits. */
#define HEADER_MAX ((size_t)4 << 20)
#define BLOCK_FRAME_MAX (2 * VARINT_MAX + SILT_SYNC_LEN)

/* -- writing -- */

static bool append_varint(struct silt_buf *out, int64_t value)
{
    uint8_t bytes[VARINT_MAX];
    return silt_buf_append(out, bytes, silt_varint_write(bytes, value));
}

static bool append_text(struct silt_buf *out, const char *text)
{
    size_t len = strlen(text);
    return append_varint(out, (int64_t)len) && silt_buf_append(out, text, len);
}

static bool append_pair(struct silt_buf *out, const char *key, const char *value)
{
    return append_text(out, key) && append_text(out, value);
}

static bool append_header(const char *schema_json, enum silt_codec codec,
                          const struct silt_meta *meta, unsigned meta_n, struct silt_buf *out)
{
    if (!silt_buf_append(out, magic, MAGIC_LEN) || !append_varint(out, (int64_t)meta_n + 2))
        return false;
    if (!append_pair(out, "avro.codec", silt_codec_avro_name(codec))) return false;
    if (!append_pair(out, "avro.schema", schema_json)) return false;
    for (unsigned i = 0; i < meta_n; i++)
        if (!append_pair(out, meta[i].key, meta[i].value)) return false;
    return append_varint(out, 0);
}

struct silt_rc silt_container_header(const char *schema_json, enum silt_codec codec,
                                     const struct silt_meta *meta, unsigned meta_n,
                                     const uint8_t sync[SILT_SYNC_LEN], struct silt_buf *out,
                                     struct silt_err *err)
{
    size_t start = out->len;
    if (append_header(schema_json, codec, meta, meta_n, out) &&
        silt_buf_append(out, sync, SILT_SYNC_LEN))
        return SILT_OK;
    out->len = start;
    SILT_FAIL(err, LIMIT, "the file's header does not fit into a buffer of at most %zu bytes",
              out->max);
}

/* The size stands before the bytes that it counts. Three bytes are kept for it, right for 8 KiB to
 * 1 MiB; else the bytes move. */
#define SIZE_GUESS 3u

static bool put_size(struct silt_buf *out, size_t size_at)
{
    uint8_t size[VARINT_MAX];
    size_t packed_at = size_at + SIZE_GUESS;
    size_t packed_len = out->len - packed_at;
    size_t len = silt_varint_write(size, (int64_t)packed_len);
    if (!silt_buf_reserve(out, VARINT_MAX)) return false;
    if (len != SIZE_GUESS) memmove(out->data + size_at + len, out->data + packed_at, packed_len);
    memcpy(out->data + size_at, size, len);
    out->len = size_at + len + packed_len;
    return true;
}

static struct silt_rc append_block(struct silt_codec_ctx *ctx, enum silt_codec codec, int level,
                                   int64_t records, struct silt_slice raw,
                                   const uint8_t sync[SILT_SYNC_LEN], struct silt_buf *out,
                                   struct silt_err *err)
{
    static const uint8_t no_size[SIZE_GUESS];
    bool fits = append_varint(out, records);
    size_t size_at = out->len;
    fits = fits && silt_buf_append(out, no_size, sizeof no_size);
    if (fits) SILT_TRY(silt_codec_compress(ctx, codec, level, raw, out, err));
    if (!fits || !put_size(out, size_at) || !silt_buf_append(out, sync, SILT_SYNC_LEN))
        SILT_FAIL(err, LIMIT, "the block does not fit into a buffer of at most %zu bytes",
                  out->max);
    return SILT_OK;
}

struct silt_rc silt_container_block(struct silt_codec_ctx *ctx, enum silt_codec codec, int level,
                                    int64_t records, struct silt_slice raw,
                                    const uint8_t sync[SILT_SYNC_LEN], struct silt_buf *out,
                                    struct silt_err *err)
{
    SILT_ASSERT(records > 0);
    size_t start = out->len;
    struct silt_rc rc = append_block(ctx, codec, level, records, raw, sync, out, err);
    if (!silt_ok(rc)) out->len = start;
    return rc;
}

/* -- reading -- */

struct silt_container_reader {
    struct silt_buf in; /* fed, not yet consumed from `at` on */
    size_t at;
    uint64_t in_pos; /* of in.data[0] in the file */
    size_t block_max;
    bool has_header;
    enum silt_codec codec;
    uint8_t sync[SILT_SYNC_LEN];
    struct silt_map *meta; /* to owned strings; NULL before the header */
    uint64_t blocks;
    struct silt_codec_ctx *ctx;
    struct silt_buf raw;
    struct silt_err bad; /* the first damage; it stays */
};

static size_t unit_max(size_t block_max)
{
    return block_max + BLOCK_FRAME_MAX > HEADER_MAX ? block_max + BLOCK_FRAME_MAX : HEADER_MAX;
}

struct silt_container_reader *silt_container_reader_new(size_t block_max)
{
    SILT_ASSERT(block_max <= SIZE_MAX / 4);
    struct silt_container_reader *reader = SILT_NEW(struct silt_container_reader);
    reader->block_max = block_max;
    reader->ctx = silt_codec_ctx_new();
    silt_buf_init(&reader->in, 2 * unit_max(block_max));
    silt_buf_init(&reader->raw, block_max);
    return reader;
}

static void free_meta(struct silt_map *meta)
{
    size_t pos = 0;
    const void *key;
    size_t key_len;
    if (!meta) return;
    for (void *value; (value = silt_map_next(meta, &pos, &key, &key_len));) silt_free(value);
    silt_map_free(meta);
}

void silt_container_reader_free(struct silt_container_reader *reader)
{
    if (!reader) return;
    free_meta(reader->meta);
    silt_codec_ctx_free(reader->ctx);
    silt_buf_done(&reader->in);
    silt_buf_done(&reader->raw);
    silt_free(reader);
}

struct silt_rc silt_container_reader_feed(struct silt_container_reader *reader,
                                          struct silt_slice bytes, struct silt_err *err)
{
    struct silt_buf *in = &reader->in;
    if (reader->at) {
        memmove(in->data, in->data + reader->at, in->len - reader->at);
        in->len -= reader->at;
        reader->in_pos += reader->at;
        reader->at = 0;
    }
    if (!silt_buf_append(in, bytes.ptr, bytes.len))
        SILT_FAIL(err, LIMIT, "%zu bytes are waiting, no room for %zu more: read blocks first",
                  in->len, bytes.len);
    return SILT_OK;
}

/* A place in what was fed. Each take_… moves it behind what was read; after MORE and BAD it stands
 * where that began. */
struct cursor {
    struct silt_slice in;
    size_t at;
};

enum take { TAKE_OK, TAKE_MORE, TAKE_BAD };

static struct silt_slice rest_of(const struct cursor *cursor)
{
    return silt_slice_of(cursor->in.ptr + cursor->at, cursor->in.len - cursor->at);
}

static enum take take_long(struct cursor *cursor, int64_t *ret_value)
{
    struct silt_slice rest = rest_of(cursor);
    if (rest.len == 0) return TAKE_MORE;
    size_t len = silt_varint_read(rest, ret_value);
    if (len == 0) return rest.len < VARINT_MAX ? TAKE_MORE : TAKE_BAD;
    cursor->at += len;
    return TAKE_OK;
}

static enum take take_raw(struct cursor *cursor, size_t len, struct silt_slice *ret_bytes)
{
    if (rest_of(cursor).len < len) return TAKE_MORE;
    *ret_bytes = silt_slice_of(cursor->in.ptr + cursor->at, len);
    cursor->at += len;
    return TAKE_OK;
}

static enum take take_bytes(struct cursor *cursor, struct silt_slice *ret_bytes)
{
    size_t start = cursor->at;
    int64_t len;
    enum take took = take_long(cursor, &len);
    if (took == TAKE_OK && (len < 0 || len > (int64_t)HEADER_MAX)) took = TAKE_BAD;
    if (took == TAKE_OK) took = take_raw(cursor, (size_t)len, ret_bytes);
    if (took != TAKE_OK) cursor->at = start;
    return took;
}

static char *text_of(struct silt_slice bytes)
{
    char *text = silt_alloc(bytes.len + 1);
    if (bytes.len) memcpy(text, bytes.ptr, bytes.len);
    text[bytes.len] = 0;
    return text;
}

/* meta NULL: only looks whether all of it is there. */
static enum take take_pair(struct cursor *cursor, struct silt_map *meta)
{
    struct silt_slice key;
    struct silt_slice value;
    enum take took = take_bytes(cursor, &key);
    if (took == TAKE_OK) took = take_bytes(cursor, &value);
    if (took != TAKE_OK || !meta) return took;
    if (silt_map_get(meta, key.ptr, key.len)) return TAKE_BAD; /* twice */
    silt_map_put(meta, key.ptr, key.len, text_of(value));
    return TAKE_OK;
}

static enum take take_pairs(struct cursor *cursor, uint64_t count, struct silt_map *meta)
{
    enum take took = TAKE_OK;
    for (; count && took == TAKE_OK; count--) took = take_pair(cursor, meta);
    return took;
}

/* One block of the map; a negative count has the block's size in bytes behind it. (Avro 1.11
 * specification, "Maps") */
static enum take take_map_block(struct cursor *cursor, struct silt_map *meta, bool *ret_end)
{
    int64_t count;
    int64_t size = 0;
    enum take took = take_long(cursor, &count);
    if (took != TAKE_OK) return took;
    *ret_end = count == 0;
    if (count >= 0) return take_pairs(cursor, (uint64_t)count, meta);
    took = take_long(cursor, &size);
    if (took != TAKE_OK) return took;
    size_t start = cursor->at;
    took = take_pairs(cursor, 0 - (uint64_t)count, meta);
    if (took == TAKE_OK && (int64_t)(cursor->at - start) != size) took = TAKE_BAD;
    return took;
}

static enum take take_header(struct cursor *cursor, struct silt_map *meta,
                             struct silt_slice *ret_sync)
{
    struct silt_slice rest = rest_of(cursor);
    size_t len = rest.len < MAGIC_LEN ? rest.len : MAGIC_LEN;
    if (len && memcmp(rest.ptr, magic, len) != 0) return TAKE_BAD;
    if (len < MAGIC_LEN) return TAKE_MORE;
    cursor->at += MAGIC_LEN;
    enum take took = TAKE_OK;
    for (bool is_end = false; took == TAKE_OK && !is_end;)
        took = take_map_block(cursor, meta, &is_end);
    return took == TAKE_OK ? take_raw(cursor, SILT_SYNC_LEN, ret_sync) : took;
}

static struct cursor cursor_of(const struct silt_container_reader *reader)
{
    return (struct cursor){.in = silt_buf_slice(&reader->in), .at = reader->at};
}

/* Remembers the damage found `at` bytes into what was fed. */
static enum silt_block_status __attribute__((format(printf, 3, 4)))
damaged(struct silt_container_reader *reader, size_t at, const char *fmt, ...)
{
    char what[160];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    uint64_t pos = reader->in_pos + at;
    if (reader->has_header)
        (void)silt_err_set(&reader->bad, SILT_E_CORRUPT, __FILE__, __LINE__,
                           "block %" PRIu64 " at byte %" PRIu64 ": %s", reader->blocks, pos, what);
    if (!reader->has_header)
        (void)silt_err_set(&reader->bad, SILT_E_CORRUPT, __FILE__, __LINE__,
                           "header at byte %" PRIu64 ": %s", pos, what);
    return SILT_BLOCK_BAD;
}

/* A file without avro.codec is not compressed. */
static bool find_codec(struct silt_container_reader *reader)
{
    const char *name = silt_container_reader_meta(reader, "avro.codec");
    return silt_codec_parse(name ? name : "null", &reader->codec) &&
           (!name || strcmp(name, silt_codec_avro_name(reader->codec)) == 0);
}

static enum silt_block_status header_incomplete(struct silt_container_reader *reader,
                                                const struct cursor *cursor, enum take took)
{
    if (took == TAKE_BAD) return damaged(reader, cursor->at, "not as Avro writes it");
    if (rest_of(cursor).len + cursor->at - reader->at >= HEADER_MAX)
        return damaged(reader, reader->at, "longer than %zu bytes", HEADER_MAX);
    return SILT_BLOCK_MORE;
}

/* Looks first, so that a header fed in small pieces is not built again with each of them. */
static enum silt_block_status read_header(struct silt_container_reader *reader)
{
    struct cursor cursor = cursor_of(reader);
    struct silt_slice sync = {0};
    enum take took = take_header(&cursor, NULL, &sync);
    if (took != TAKE_OK) return header_incomplete(reader, &cursor, took);
    reader->meta = silt_map_new();
    cursor = cursor_of(reader);
    if (take_header(&cursor, reader->meta, &sync) != TAKE_OK)
        return damaged(reader, cursor.at, "a metadata key stands there twice");
    if (!silt_container_reader_meta(reader, "avro.schema"))
        return damaged(reader, reader->at, "no avro.schema");
    if (!find_codec(reader))
        return damaged(reader, reader->at, "unknown codec %.80s",
                       silt_container_reader_meta(reader, "avro.codec"));
    memcpy(reader->sync, sync.ptr, SILT_SYNC_LEN);
    reader->at = cursor.at;
    reader->has_header = true;
    return SILT_BLOCK_READY;
}

/* A number of a block's head; min and max included. */
static enum silt_block_status read_number(struct silt_container_reader *reader,
                                          struct cursor *cursor, const char *what, int64_t min,
                                          int64_t max, int64_t *ret_number)
{
    size_t at = cursor->at;
    enum take took = take_long(cursor, ret_number);
    if (took == TAKE_MORE) return SILT_BLOCK_MORE;
    if (took == TAKE_BAD) return damaged(reader, at, "the %s is longer than a number", what);
    if (*ret_number < min || *ret_number > max)
        return damaged(reader, at, "the %s is %" PRId64 ", not %" PRId64 " to %" PRId64, what,
                       *ret_number, min, max);
    return SILT_BLOCK_READY;
}

static enum silt_block_status read_block(struct silt_container_reader *reader,
                                         struct silt_block *ret_block)
{
    struct cursor cursor = cursor_of(reader);
    struct silt_slice packed;
    struct silt_slice sync;
    int64_t records;
    int64_t size;
    enum silt_block_status status =
        read_number(reader, &cursor, "record count", 1, INT64_MAX, &records);
    if (status == SILT_BLOCK_READY)
        status = read_number(reader, &cursor, "size", 0, (int64_t)reader->block_max, &size);
    if (status != SILT_BLOCK_READY) return status;
    if (take_raw(&cursor, (size_t)size, &packed) != TAKE_OK) return SILT_BLOCK_MORE;
    size_t sync_at = cursor.at;
    if (take_raw(&cursor, SILT_SYNC_LEN, &sync) != TAKE_OK) return SILT_BLOCK_MORE;
    if (memcmp(sync.ptr, reader->sync, SILT_SYNC_LEN) != 0)
        return damaged(reader, sync_at, "no sync marker behind the block");
    struct silt_err err;
    silt_buf_clear(&reader->raw);
    if (!silt_ok(silt_codec_decompress(reader->ctx, reader->codec, packed, reader->block_max,
                                       &reader->raw, &err)))
        return damaged(reader, reader->at, "%s", err.text);
    reader->at = cursor.at;
    *ret_block = (struct silt_block){
        .number = reader->blocks++,
        .records = records,
        .raw = silt_buf_slice(&reader->raw),
    };
    return SILT_BLOCK_READY;
}

enum silt_block_status silt_container_reader_next(struct silt_container_reader *reader,
                                                  struct silt_block *ret_block,
                                                  struct silt_err *err)
{
    enum silt_block_status status = reader->bad.code ? SILT_BLOCK_BAD : SILT_BLOCK_READY;
    if (status == SILT_BLOCK_READY && !reader->has_header) status = read_header(reader);
    if (status == SILT_BLOCK_READY) status = read_block(reader, ret_block);
    if (status == SILT_BLOCK_BAD && err) *err = reader->bad;
    return status;
}

struct silt_rc silt_container_reader_end(struct silt_container_reader *reader, struct silt_err *err)
{
    size_t left = reader->in.len - reader->at;
    if (!reader->bad.code && (!reader->has_header || left > 0))
        damaged(reader, reader->at, "cut off after %zu bytes", left);
    if (!reader->bad.code) return SILT_OK;
    if (err) *err = reader->bad;
    return (struct silt_rc){false};
}

const char *silt_container_reader_meta(const struct silt_container_reader *reader, const char *key)
{
    return reader->meta ? silt_map_get(reader->meta, key, strlen(key)) : NULL;
}
