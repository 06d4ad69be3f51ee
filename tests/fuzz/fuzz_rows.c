/* Any records, written as an archived file and read again: the same records, and the same bytes
 * when they are written once more.
 *
 *   role, codec, level, chunk size, then up to 8 records
 */
#include "encode/row.h"

#include "base/alloc.h"
#include "base/jsonw.h"
#include "bytes_store.h"
#include "encode/container.h"
#include "encode/file_schema.h"
#include "schemas.h"

#define RECORDS_MAX 8
#define HEADERS_MAX 4
#define FRAMING silt_slice_of("\0\0\0\0\x11", 5)

struct records {
    enum silt_role role;
    unsigned n;
    struct silt_record recs[RECORDS_MAX];
    struct silt_header headers[RECORDS_MAX][HEADERS_MAX];
    struct silt_slice bodies[RECORDS_MAX];
    struct silt_buf values[RECORDS_MAX]; /* framing and body */
    struct silt_reject_row whys[RECORDS_MAX];
    struct silt_buf rows[RECORDS_MAX];
};

static const char *const words[] = {"", "truncated", "at byte 3", "\xe2\x82\xac"};

/* One datum of FUZZ_BYTES. */
static void take_value(struct fuzz_in *in, struct records *all, unsigned i)
{
    uint8_t len[10];
    struct silt_slice bytes = fuzz_slice(in, fuzz_below(in, 40));
    struct silt_buf *value = &all->values[i];
    silt_buf_init(value, SILT_BUF_MAX_DEFAULT);
    FUZZ_CHECK(silt_buf_append(value, FRAMING.ptr, FRAMING.len));
    FUZZ_CHECK(silt_buf_append(value, len, silt_varint_write(len, (int64_t)bytes.len)));
    FUZZ_CHECK(silt_buf_append(value, bytes.ptr, bytes.len));
    all->bodies[i] = silt_slice_of(value->data + FRAMING.len, value->len - FRAMING.len);
    all->recs[i].value = silt_buf_slice(value);
    all->whys[i] = (struct silt_reject_row){.reason = words[fuzz_below(in, 4)],
                                            .detail = words[fuzz_below(in, 4)],
                                            .has_schema_id = fuzz_byte(in) & 1};
    if (all->whys[i].has_schema_id) all->whys[i].schema_id = (int32_t)fuzz_bits(in, 4);
}

static void take_record(struct fuzz_in *in, struct records *all, unsigned i)
{
    struct silt_record *rec = &all->recs[i];
    *rec = (struct silt_record){.partition = (int32_t)(fuzz_bits(in, 4) & INT32_MAX),
                                .offset = fuzz_long(in) & INT64_MAX,
                                .timestamp_ms = fuzz_one_in(in, 4) ? SILT_NO_TIMESTAMP
                                                                   : fuzz_long(in) & INT64_MAX,
                                .key_null = fuzz_byte(in) & 1,
                                .headers = all->headers[i],
                                .headers_n = fuzz_below(in, HEADERS_MAX + 1)};
    if (!rec->key_null) rec->key = fuzz_slice(in, fuzz_below(in, 20));
    for (unsigned k = 0; k < rec->headers_n; k++) {
        struct silt_header *header = &all->headers[i][k];
        *header = (struct silt_header){.key = fuzz_slice(in, fuzz_below(in, 8)),
                                       .value_null = fuzz_byte(in) & 1};
        if (!header->value_null) header->value = fuzz_slice(in, fuzz_below(in, 8));
    }
    take_value(in, all, i);
}

static size_t write_row(const struct records *all, unsigned i, const struct silt_record *rec,
                        uint8_t *out, struct silt_digest *digest)
{
    switch (all->role) {
    case SILT_ROLE_DATA: return silt_row_data(out, rec, FRAMING, all->bodies[i], digest);
    case SILT_ROLE_TOMBSTONE: return silt_row_tombstone(out, rec, digest);
    default: return silt_row_reject(out, rec, &all->whys[i], digest);
    }
}

/* Into room of exactly the promised size, so that a sanitizer sees each byte too many. */
static void make_row(struct records *all, unsigned i, const struct silt_record *rec,
                     struct silt_buf *ret_row, struct silt_digest *digest)
{
    size_t max = all->role == SILT_ROLE_REJECTED ? silt_row_reject_size_max(rec, &all->whys[i])
                                                 : silt_row_size_max(rec, all->bodies[i]);
    uint8_t *out = silt_alloc(max);
    size_t len = write_row(all, i, rec, out, digest);
    FUZZ_CHECK(len <= max);
    silt_buf_init(ret_row, max);
    FUZZ_CHECK(silt_buf_append(ret_row, out, len));
    silt_free(out);
}

static void write_header(enum silt_role role, enum silt_codec codec, const uint8_t *sync,
                         struct silt_buf *file)
{
    static const struct silt_meta meta[] = {{"silt.framing", "confluent"},
                                            {"silt.schema_id", "17"}};
    struct silt_buf json;
    silt_buf_init(&json, SILT_BUF_MAX_DEFAULT);
    if (role == SILT_ROLE_DATA)
        FUZZ_CHECK(silt_ok(silt_file_schema_data(silt_slice_str(FUZZ_BYTES), &json, NULL)));
    else
        FUZZ_CHECK(silt_buf_append_str(&json, role == SILT_ROLE_REJECTED
                                                  ? silt_file_schema_rejected()
                                                  : silt_file_schema_tombstone()));
    FUZZ_CHECK(
        silt_ok(silt_container_header(silt_buf_str(&json), codec, meta, 2, sync, file, NULL)));
    silt_buf_done(&json);
}

/* One block for each bit of `cuts` that is set, and one for what is left. */
static void write_file(const struct records *all, enum silt_codec codec, int level, unsigned cuts,
                       struct silt_buf *file)
{
    static const uint8_t sync[SILT_SYNC_LEN] = "0123456789abcde";
    static struct silt_codec_ctx *ctx;
    struct silt_buf raw;
    int64_t rows_n = 0;
    if (!ctx) ctx = silt_codec_ctx_new();
    silt_buf_init(&raw, SILT_BUF_MAX_DEFAULT);
    silt_buf_init(file, SILT_BUF_MAX_DEFAULT);
    write_header(all->role, codec, sync, file);
    for (unsigned i = 0; i < all->n; i++) {
        FUZZ_CHECK(silt_buf_append(&raw, all->rows[i].data, all->rows[i].len));
        rows_n++;
        if (!(cuts >> i & 1) && i + 1 < all->n) continue;
        FUZZ_CHECK(silt_ok(silt_container_block(ctx, codec, level, rows_n, silt_buf_slice(&raw),
                                                sync, file, NULL)));
        silt_buf_clear(&raw);
        rows_n = 0;
    }
    silt_buf_done(&raw);
}

static bool is_utf8(struct silt_slice text)
{
    for (size_t at = 0, len = 0; at < text.len; at += len)
        if ((len = silt_utf8_sequence(text.ptr + at, text.len - at)) == 0) return false;
    return true;
}

static void check_headers(const struct silt_record *wrote, const struct silt_record *read)
{
    FUZZ_CHECK(read->headers_n == wrote->headers_n);
    for (unsigned i = 0; i < wrote->headers_n; i++) {
        const struct silt_header *a = &wrote->headers[i];
        const struct silt_header *b = &read->headers[i];
        FUZZ_CHECK(is_utf8(b->key) && (!is_utf8(a->key) || silt_slice_eq(a->key, b->key)));
        FUZZ_CHECK(a->value_null == b->value_null && silt_slice_eq(a->value, b->value));
    }
}

static void check_record(const struct silt_record *wrote, const struct silt_record *read)
{
    FUZZ_CHECK(read->partition == wrote->partition && read->offset == wrote->offset);
    FUZZ_CHECK(read->timestamp_ms == wrote->timestamp_ms);
    FUZZ_CHECK(read->key_null == wrote->key_null && silt_slice_eq(read->key, wrote->key));
    check_headers(wrote, read);
}

static void check_value(const struct records *all, unsigned i, const struct silt_object_row *row)
{
    if (all->role == SILT_ROLE_TOMBSTONE) return;
    if (all->role == SILT_ROLE_DATA) {
        FUZZ_CHECK(silt_slice_eq(row->framing, FRAMING) &&
                   silt_slice_eq(row->body, all->bodies[i]));
        return;
    }
    const struct silt_reject_row *why = &all->whys[i];
    FUZZ_CHECK(silt_slice_eq(row->body, all->recs[i].value));
    FUZZ_CHECK(silt_slice_eq(row->reason, silt_slice_str(why->reason)));
    FUZZ_CHECK(silt_slice_eq(row->detail, silt_slice_str(why->detail)));
    FUZZ_CHECK(row->has_schema_id == why->has_schema_id && row->schema_id == why->schema_id);
}

static void read_back(struct records *all, struct silt_slice file, size_t chunk_bytes,
                      struct silt_digest *digest)
{
    struct bytes_store store;
    struct silt_object_row row;
    struct silt_buf again;
    struct silt_err err;
    bytes_store_init(&store, file, all->role);
    struct silt_object *object = silt_object_open(&(struct silt_object_opts){
        .store = &store.store, .file = &store.file, .chunk_bytes = chunk_bytes});
    for (unsigned i = 0; i < all->n; i++) {
        FUZZ_CHECK(silt_object_next(object, &row, &err) == SILT_OBJECT_ROW);
        check_record(&all->recs[i], &row.rec);
        check_value(all, i, &row);
        row.rec.value = all->recs[i].value;
        make_row(all, i, &row.rec, &again, digest);
        FUZZ_CHECK(silt_slice_eq(silt_buf_slice(&again), row.bytes));
        silt_buf_done(&again);
    }
    FUZZ_CHECK(silt_object_next(object, &row, &err) == SILT_OBJECT_END);
    silt_object_close(object);
}

static void round_trip(struct records *all, struct fuzz_in *in)
{
    char wrote[SILT_DIGEST_HEX];
    char read[SILT_DIGEST_HEX];
    struct silt_buf file;
    struct silt_digest *digest = silt_digest_new();
    enum silt_codec codec = (enum silt_codec)fuzz_below(in, SILT_CODEC_ZSTD + 1);
    int level = (int8_t)fuzz_byte(in) % 4;
    unsigned cuts = fuzz_byte(in);
    size_t chunk_bytes = (size_t)fuzz_below(in, 4) * 50;
    while (fuzz_more(in) && all->n < RECORDS_MAX) take_record(in, all, all->n++);
    for (unsigned i = 0; i < all->n; i++) make_row(all, i, &all->recs[i], &all->rows[i], digest);
    silt_digest_hex(digest, wrote);
    silt_digest_reset(digest);
    write_file(all, codec, level, cuts, &file);
    read_back(all, silt_buf_slice(&file), chunk_bytes, digest);
    silt_digest_hex(digest, read);
    FUZZ_CHECK(strcmp(wrote, read) == 0);
    silt_digest_free(digest);
    silt_buf_done(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct records all;
    struct fuzz_in in = fuzz_in(data, size);
    memset(&all, 0, sizeof all);
    all.role = (enum silt_role)fuzz_below(&in, 3);
    round_trip(&all, &in);
    for (unsigned i = 0; i < all.n; i++) {
        silt_buf_done(&all.rows[i]);
        silt_buf_done(&all.values[i]);
    }
    return 0;
}
