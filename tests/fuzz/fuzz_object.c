/* Archived files that may be anything: each row that is handed out is whole, can be shown as one
 * line of JSON, and the checksums are right whatever the rows are.
 *
 *   role, what of the file is given, chunk size, then the file, or its blocks, or the rows of a
 * block
 */
#include "inspect/object.h"

#include "bytes_store.h"
#include "encode/container.h"
#include "encode/file_schema.h"
#include "encode/row.h"
#include "inspect/record_json.h"

#include <jansson.h>
#include <stdlib.h>

enum given { NOTHING, HEADER, BLOCK, GIVEN_N };

static const uint8_t sync_marker[SILT_SYNC_LEN] = "0123456789abcde";
static const char value_schema[] =
    "{\"type\":\"record\",\"name\":\"V\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"},"
    "{\"name\":\"n\",\"type\":[\"null\",\"long\",\"float\"]},{\"name\":\"a\",\"type\":{\"type\":"
    "\"array\",\"items\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}}}]}";

static void write_schema(enum silt_role role, struct silt_buf *json)
{
    if (role == SILT_ROLE_DATA)
        FUZZ_CHECK(silt_ok(silt_file_schema_data(silt_slice_str(value_schema), json, NULL)));
    if (role == SILT_ROLE_REJECTED)
        FUZZ_CHECK(silt_buf_append_str(json, silt_file_schema_rejected()));
    if (role == SILT_ROLE_TOMBSTONE)
        FUZZ_CHECK(silt_buf_append_str(json, silt_file_schema_tombstone()));
}

/* Made at the first use, then kept. */
static struct silt_slice header(enum silt_role role)
{
    static struct silt_buf made[3];
    static const struct silt_meta meta[] = {
        {"silt.topic", "t"}, {"silt.framing", "confluent"}, {"silt.schema_id", "17"}};
    if (made[role].len) return silt_buf_slice(&made[role]);
    struct silt_buf json;
    silt_buf_init(&json, SILT_BUF_MAX_DEFAULT);
    silt_buf_init(&made[role], SILT_BUF_MAX_DEFAULT);
    write_schema(role, &json);
    FUZZ_CHECK(silt_ok(silt_container_header(silt_buf_str(&json), SILT_CODEC_NULL, meta, 3,
                                             sync_marker, &made[role], NULL)));
    silt_buf_done(&json);
    return silt_buf_slice(&made[role]);
}

static void append(struct silt_buf *file, struct silt_slice bytes)
{
    FUZZ_CHECK(silt_buf_append(file, bytes.ptr, bytes.len));
}

static void append_block(struct silt_buf *file, int64_t records, struct silt_slice rows)
{
    uint8_t number[10];
    append(file, silt_slice_of(number, silt_varint_write(number, records)));
    append(file, silt_slice_of(number, silt_varint_write(number, (int64_t)rows.len)));
    append(file, rows);
    append(file, silt_slice_of(sync_marker, SILT_SYNC_LEN));
}

static void make_file(struct fuzz_in *in, enum silt_role role, enum given given,
                      struct silt_buf *file)
{
    silt_buf_init(file, SILT_BUF_MAX_DEFAULT);
    if (given != NOTHING) append(file, header(role));
    int64_t records = given == BLOCK ? fuzz_below(in, 6) : 0;
    struct silt_slice rest = fuzz_rest(in);
    if (given == BLOCK)
        append_block(file, records, rest);
    else
        append(file, rest);
}

/* must: the file has our columns, so what the walker took can be decoded. */
static void show(const struct silt_object_row *row, const struct silt_avro_json *schema, bool must)
{
    struct silt_buf line;
    silt_buf_init(&line, SILT_BUF_MAX_DEFAULT);
    bool decoded = silt_record_json("t", row, schema, &line);
    FUZZ_CHECK(decoded || !must);
    json_t *json = json_loadb(silt_buf_str(&line), line.len, JSON_ALLOW_NUL, NULL);
    FUZZ_CHECK(json_is_object(json) && !strchr(silt_buf_str(&line), '\n'));
    json_decref(json);
    silt_buf_done(&line);
}

struct wish {
    enum silt_role role;
    bool is_ours; /* the header is one of ours */
    bool shown;
};

static void read_rows(struct silt_object *object, const struct wish *wish)
{
    struct silt_avro_json *schema = NULL;
    struct silt_object_row row;
    struct silt_err err = {0};
    enum silt_object_status status;
    while ((status = silt_object_next(object, &row, &err)) == SILT_OBJECT_ROW) {
        FUZZ_CHECK(row.bytes.len > 0);
        FUZZ_CHECK(row.rec.value_null == (wish->role == SILT_ROLE_TOMBSTONE));
        if (!wish->shown) continue;
        if (!schema && wish->role == SILT_ROLE_DATA)
            FUZZ_CHECK(silt_ok(
                silt_avro_json_new(silt_object_meta(object, "avro.schema"), &schema, NULL)));
        show(&row, schema, wish->is_ours);
    }
    FUZZ_CHECK(status == SILT_OBJECT_END || (status == SILT_OBJECT_DAMAGED && err.text[0]));
    FUZZ_CHECK(silt_object_next(object, &row, &err) == status);
    silt_avro_json_free(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = fuzz_in(data, size);
    struct bytes_store store;
    struct silt_buf file;
    struct wish wish = {.role = (enum silt_role)fuzz_below(&in, 3)};
    enum given given = (enum given)fuzz_below(&in, GIVEN_N);
    unsigned how = fuzz_byte(&in);
    size_t chunk_bytes = (size_t)(how % 4) * 100;
    wish.is_ours = given != NOTHING;
    wish.shown = how >> 2 & 1;
    make_file(&in, wish.role, given, &file);
    bytes_store_init(&store, silt_buf_slice(&file), wish.role);
    struct silt_object *object = silt_object_open(&(struct silt_object_opts){
        .store = &store.store, .file = &store.file, .chunk_bytes = chunk_bytes});
    read_rows(object, &wish);
    FUZZ_CHECK(silt_ok(silt_object_drain(object, NULL)));
    FUZZ_CHECK(silt_ok(silt_object_checksums(object, NULL)));
    silt_object_close(object);
    silt_buf_done(&file);
    return 0;
}
