#include "inspect/object.h"

#include "base/alloc.h"
#include "decode/schema.h"
#include "encode/container.h"
#include "encode/row.h"
#include "parallel_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_DEFAULT ((size_t)8 << 20)
/* schema.value_max is 256 MiB at most; a block holds one record more than archive.block_bytes. */
#define BLOCK_MAX ((size_t)320 << 20)
#define HEADERS_FIRST 16u
#define HEADERS_MAX (1u << 20)

struct silt_object {
    struct silt_store *store;
    const struct silt_manifest_file *file;
    size_t chunk_bytes;

    /* what comes from the store */
    struct silt_queue *queue;
    struct silt_store_req req;
    bool asked;       /* a chunk is under way */
    int64_t received; /* bytes that came */
    uint32_t crc;
    unsigned part;      /* the one that is being received */
    int64_t part_bytes; /* of it, so far */
    uint32_t part_crc;
    unsigned bad_part; /* number of the first one with another CRC, 0: none */

    /* what is made of it */
    struct silt_container_reader *reader;
    struct silt_schema *schema;
    uint8_t framing[10];
    size_t framing_len;
    struct silt_block block;
    bool has_block;
    size_t at;   /* in the block */
    int64_t row; /* of the block, from 0 */
    struct silt_header *headers;
    unsigned headers_cap;
    bool ended;
    struct silt_err bad;
};

/* ---- bytes ---- */

static void came_back(struct silt_store_req *req)
{
    struct silt_object *object = req->ctx;
    object->asked = false;
}

static void ask(struct silt_object *object)
{
    int64_t left = object->file->size - object->received;
    if (left <= 0) return;
    int64_t len = left < (int64_t)object->chunk_bytes ? left : (int64_t)object->chunk_bytes;
    object->req = (struct silt_store_req){.op = SILT_OP_GET,
                                          .key = object->file->key,
                                          .range_first = object->received,
                                          .range_last = object->received + len - 1,
                                          .body_max = (size_t)len,
                                          .reply_to = object->queue,
                                          .on_reply = came_back,
                                          .ctx = object};
    object->asked = true;
    silt_store_submit(object->store, &object->req);
}

static void wait_for_reply(struct silt_object *object)
{
    if (!object->asked) return;
    struct silt_store_req *req = silt_queue_pop(object->queue, -1);
    SILT_ASSERT(req);
    silt_store_reply(req);
}

static void end_part(struct silt_object *object)
{
    const struct silt_store_part *part = &object->file->parts[object->part];
    if (object->part_crc != part->crc32c && !object->bad_part) object->bad_part = part->n;
    object->part++;
    object->part_bytes = 0;
    object->part_crc = 0;
}

static void checksum(struct silt_object *object, struct silt_slice bytes)
{
    object->crc = silt_crc32c(object->crc, bytes.ptr, bytes.len);
    while (bytes.len && object->part < object->file->parts_n) {
        int64_t left = object->file->parts[object->part].size - object->part_bytes;
        size_t len = (int64_t)bytes.len < left ? bytes.len : (size_t)left;
        object->part_crc = silt_crc32c(object->part_crc, bytes.ptr, len);
        object->part_bytes += (int64_t)len;
        if ((int64_t)len == left) end_part(object);
        bytes = silt_slice_of(bytes.ptr + len, bytes.len - len);
    }
}

static SILT_RC cut_short(struct silt_object *object, struct silt_err *err)
{
    SILT_FAIL(err, CORRUPT, "the object ends before byte %" PRId64 " of %" PRId64,
              object->req.range_last + 1, object->file->size);
}

/* Gone or shorter than it was a moment ago is damage; anything else is the store's trouble. */
static SILT_RC check_reply(struct silt_object *object, struct silt_err *err)
{
    const struct silt_store_req *req = &object->req;
    if (req->outcome == SILT_STORE_NOT_FOUND) SILT_FAIL(err, CORRUPT, "the object is gone");
    if (req->outcome == SILT_STORE_REFUSED) return cut_short(object, err);
    if (req->outcome != SILT_STORE_OK) return silt_parallel_fail(req, object->file->key, err);
    if ((int64_t)req->ret_body.len != req->range_last - req->range_first + 1)
        return cut_short(object, err);
    return SILT_OK;
}

/* The next chunk into `ret_body` (the caller's), and asks for the one behind it. At the end of the
 * file there is none: empty. */
static SILT_RC receive(struct silt_object *object, struct silt_buf *ret_body, struct silt_err *err)
{
    if (!object->asked) return SILT_OK;
    wait_for_reply(object);
    SILT_TRY(check_reply(object, err));
    *ret_body = object->req.ret_body;
    object->req.ret_body = (struct silt_buf){0};
    silt_store_req_done(&object->req);
    object->received += (int64_t)ret_body->len;
    checksum(object, silt_buf_slice(ret_body));
    ask(object);
    return SILT_OK;
}

struct silt_object *silt_object_open(const struct silt_object_opts *opts)
{
    SILT_ASSERT(opts->chunk_bytes != 1); /* the range 0 to 0 would be the whole object */
    struct silt_object *object = SILT_NEW(struct silt_object);
    object->store = opts->store;
    object->file = opts->file;
    object->chunk_bytes = opts->chunk_bytes ? opts->chunk_bytes : CHUNK_DEFAULT;
    object->queue = silt_queue_new(1, NULL, NULL);
    object->reader = silt_container_reader_new(BLOCK_MAX);
    object->headers_cap = HEADERS_FIRST;
    object->headers = silt_calloc(HEADERS_FIRST, sizeof *object->headers);
    ask(object);
    return object;
}

void silt_object_close(struct silt_object *object)
{
    if (!object) return;
    wait_for_reply(object);
    silt_store_req_done(&object->req);
    silt_queue_free(object->queue);
    silt_container_reader_free(object->reader);
    silt_schema_unref(object->schema);
    silt_free(object->headers);
    silt_free(object);
}

SILT_RC silt_object_drain(struct silt_object *object, struct silt_err *err)
{
    while (object->asked) {
        struct silt_buf body = {0};
        SILT_TRY(receive(object, &body, err));
        silt_buf_done(&body);
    }
    return SILT_OK;
}

SILT_RC silt_object_checksums(const struct silt_object *object, struct silt_err *err)
{
    if (object->bad_part)
        SILT_FAIL(err, CORRUPT, "part %u has another CRC-32C than the manifest", object->bad_part);
    if (object->crc != object->file->crc32c)
        SILT_FAIL(err, CORRUPT, "its CRC-32C is %08x, the manifest says %08x", object->crc,
                  object->file->crc32c);
    return SILT_OK;
}

const char *silt_object_meta(const struct silt_object *object, const char *key)
{
    return silt_container_reader_meta(object->reader, key);
}

const struct silt_manifest_file *silt_object_file(const struct silt_object *object)
{
    return object->file;
}

/* ---- header ---- */

static SILT_RC confluent_framing(struct silt_object *object, struct silt_err *err)
{
    const char *text = silt_object_meta(object, "silt.schema_id");
    char *end;
    unsigned long long id = text ? strtoull(text, &end, 10) : 0;
    if (!text || !*text || *end || id > INT32_MAX)
        SILT_FAIL(err, CORRUPT, "header: silt.schema_id is missing or no number");
    object->framing_len = 5;
    for (unsigned i = 0; i < 4; i++) object->framing[1 + i] = (uint8_t)(id >> (24 - 8 * i));
    return SILT_OK;
}

static SILT_RC single_object_framing(struct silt_object *object, struct silt_err *err)
{
    const char *text = silt_object_meta(object, "silt.fingerprint");
    if (!text || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
        SILT_FAIL(err, CORRUPT, "header: silt.fingerprint is missing or not 16 hex digits");
    unsigned long long fingerprint = strtoull(text, NULL, 16);
    object->framing_len = 10;
    object->framing[0] = 0xC3;
    object->framing[1] = 0x01;
    for (unsigned i = 0; i < 8; i++) object->framing[2 + i] = (uint8_t)(fingerprint >> 8 * i);
    return SILT_OK;
}

static SILT_RC read_framing(struct silt_object *object, struct silt_err *err)
{
    const char *name = silt_object_meta(object, "silt.framing");
    if (object->file->role != SILT_ROLE_DATA) return SILT_OK;
    if (name && strcmp(name, "confluent") == 0) return confluent_framing(object, err);
    if (name && strcmp(name, "single_object") == 0) return single_object_framing(object, err);
    if (name && strcmp(name, "none") == 0) return SILT_OK;
    SILT_FAIL(err, CORRUPT, "header: silt.framing is missing or unknown");
}

static SILT_RC read_header(struct silt_object *object, struct silt_err *err)
{
    const struct silt_schema_opts opts = {
        .id = SILT_NO_SCHEMA_ID, .sensor_id_field = "", .time_field = ""};
    struct silt_slice json = silt_slice_str(silt_object_meta(object, "avro.schema"));
    SILT_TRY(read_framing(object, err));
    struct silt_rc rc = silt_schema_new(json, &opts, &object->schema, err);
    if (!silt_ok(rc)) silt_err_context(err, "header: avro.schema");
    return rc;
}

/* ---- rows: each take_… moves `in` behind what it read ---- */

static bool take_long(struct silt_slice *in, int64_t *ret_value)
{
    size_t len = silt_varint_read(*in, ret_value);
    *in = silt_slice_of(in->ptr + len, in->len - len);
    return len != 0;
}

static bool take_bytes(struct silt_slice *in, struct silt_slice *ret_bytes)
{
    int64_t len;
    if (!take_long(in, &len) || len < 0 || (uint64_t)len > in->len) return false;
    *ret_bytes = silt_slice_of(in->ptr, (size_t)len);
    *in = silt_slice_of(in->ptr + len, in->len - (size_t)len);
    return true;
}

static bool take_schema_id(struct silt_slice *in, struct silt_object_row *row)
{
    int64_t branch;
    int64_t id = 0;
    if (!take_long(in, &branch) || (branch && !take_long(in, &id))) return false;
    row->has_schema_id = branch != 0;
    row->schema_id = (int32_t)id;
    return true;
}

static bool take_reject(struct silt_slice in, struct silt_object_row *row)
{
    return take_bytes(&in, &row->reason) && take_bytes(&in, &row->detail) &&
           take_schema_id(&in, row) && take_bytes(&in, &row->body) && in.len == 0;
}

/* The row's bytes are good Avro; what is read of them here are the columns that every file has. */
static bool split(struct silt_object *object, struct silt_slice bytes, struct silt_object_row *row)
{
    size_t meta;
    while ((meta = silt_row_read(bytes, &row->rec, object->headers, object->headers_cap)) == 0) {
        if (object->headers_cap > bytes.len || object->headers_cap >= HEADERS_MAX) return false;
        object->headers_cap *= 4;
        object->headers =
            silt_realloc_array(object->headers, object->headers_cap, sizeof *object->headers);
    }
    struct silt_slice rest = silt_slice_of(bytes.ptr + meta, bytes.len - meta);
    row->bytes = bytes;
    row->rec.value_null = object->file->role == SILT_ROLE_TOMBSTONE;
    if (object->file->role == SILT_ROLE_TOMBSTONE) return rest.len == 0;
    if (object->file->role == SILT_ROLE_REJECTED) return take_reject(rest, row);
    row->framing = silt_slice_of(object->framing, object->framing_len);
    row->body = rest;
    return true;
}

static SILT_RC read_row(struct silt_object *object, struct silt_object_row *ret_row,
                        struct silt_err *err)
{
    struct silt_verdict verdict;
    size_t len = 0;
    struct silt_slice rest =
        silt_slice_of(object->block.raw.ptr + object->at, object->block.raw.len - object->at);
    if (rest.len == 0)
        SILT_FAIL(err, CORRUPT, "block %" PRIu64 " says %" PRId64 " records and holds %" PRId64,
                  object->block.number, object->block.records, object->row);
    if (!silt_walk_prefix(object->schema->program, rest, &len, &verdict))
        SILT_FAIL(err, CORRUPT, "block %" PRIu64 ", row %" PRId64 ", byte %" PRIu32 ": %s",
                  object->block.number, object->row, verdict.at, silt_reason_text(verdict.reason));
    *ret_row = (struct silt_object_row){.block = object->block.number, .number = object->row};
    if (!split(object, silt_slice_of(rest.ptr, len), ret_row))
        SILT_FAIL(err, CORRUPT, "block %" PRIu64 ", row %" PRId64 " lacks the columns of a %s file",
                  object->block.number, object->row, silt_role_name(object->file->role));
    object->at += len;
    object->row++;
    return SILT_OK;
}

static SILT_RC end_block(struct silt_object *object, struct silt_err *err)
{
    object->has_block = false;
    if (object->at == object->block.raw.len) return SILT_OK;
    SILT_FAIL(err, CORRUPT, "block %" PRIu64 " has %zu bytes behind its %" PRId64 " records",
              object->block.number, object->block.raw.len - object->at, object->block.records);
}

/* ---- blocks ---- */

/* MORE: the next chunk, or the end of the file. */
static SILT_RC feed(struct silt_object *object, struct silt_err *err)
{
    struct silt_buf body = {0};
    if (!object->asked) {
        object->ended = true;
        return silt_container_reader_end(object->reader, err);
    }
    SILT_TRY(receive(object, &body, err));
    struct silt_rc rc = silt_container_reader_feed(object->reader, silt_buf_slice(&body), err);
    silt_buf_done(&body);
    return rc;
}

static SILT_RC next_block(struct silt_object *object, struct silt_err *err)
{
    enum silt_block_status status = silt_container_reader_next(object->reader, &object->block, err);
    if (status == SILT_BLOCK_BAD) return (struct silt_rc){false};
    if (status == SILT_BLOCK_MORE) return feed(object, err);
    if (!object->schema) SILT_TRY(read_header(object, err));
    object->has_block = true;
    object->at = 0;
    object->row = 0;
    return SILT_OK;
}

/* ret_is_row: else it is the end of the file. */
static SILT_RC step(struct silt_object *object, struct silt_object_row *ret_row, bool *ret_is_row,
                    struct silt_err *err)
{
    while (!object->ended) {
        if (object->has_block && object->row < object->block.records) {
            *ret_is_row = true;
            return read_row(object, ret_row, err);
        }
        if (object->has_block) SILT_TRY(end_block(object, err));
        SILT_TRY(next_block(object, err));
    }
    *ret_is_row = false;
    return SILT_OK;
}

static bool is_damage(enum silt_code code)
{
    return code == SILT_E_CORRUPT || code == SILT_E_SCHEMA || code == SILT_E_LIMIT;
}

enum silt_object_status silt_object_next(struct silt_object *object,
                                         struct silt_object_row *ret_row, struct silt_err *err)
{
    bool is_row = false;
    if (!object->bad.code && silt_ok(step(object, ret_row, &is_row, &object->bad)))
        return is_row ? SILT_OBJECT_ROW : SILT_OBJECT_END;
    *err = object->bad;
    return is_damage(object->bad.code) ? SILT_OBJECT_DAMAGED : SILT_OBJECT_FAILED;
}
