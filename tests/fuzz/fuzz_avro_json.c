/* Readers of the same bytes agree: what the walker takes as a value it takes again as an archived
 * row, and both can be written as JSON and are JSON then.
 */
#include "inspect/avro_json.h"

#include "encode/file_schema.h"
#include "fuzz.h"
#include "schemas.h"

#include <jansson.h>

/* A value schema or the archived form of it, with its printer. */
struct reader {
    struct silt_schema *schema;
    struct silt_avro_json *printer;
};

/* Five columns of metadata: numbers 0, nothing else there. */
#define META "\0\0\0\0\0"
#define META_N 5u

static void open_reader(struct reader *reader, struct silt_slice json)
{
    const struct silt_schema_opts opts = {
        .id = SILT_NO_SCHEMA_ID, .sensor_id_field = "", .time_field = ""};
    FUZZ_CHECK(silt_ok(silt_schema_new(json, &opts, &reader->schema, NULL)));
    FUZZ_CHECK(silt_ok(silt_avro_json_new(reader->schema->json, &reader->printer, NULL)));
}

static const struct reader *value_reader(unsigned i)
{
    static struct reader made[FUZZ_SCHEMAS_N];
    if (!made[i].schema) open_reader(&made[i], silt_slice_str(fuzz_schemas[i]));
    return &made[i];
}

static const struct reader *row_reader(unsigned i)
{
    static struct reader made[FUZZ_SCHEMAS_N];
    if (made[i].schema) return &made[i];
    struct silt_buf json;
    silt_buf_init(&json, SILT_BUF_MAX_DEFAULT);
    FUZZ_CHECK(silt_ok(silt_file_schema_data(silt_slice_str(fuzz_schemas[i]), &json, NULL)));
    open_reader(&made[i], silt_buf_slice(&json));
    silt_buf_done(&json);
    return &made[i];
}

/* Names of a map may repeat, and a text may hold U+0000. */
static void check_json(const struct silt_buf *text)
{
    json_t *json = json_loadb(silt_buf_str(text), text->len, JSON_ALLOW_NUL, NULL);
    FUZZ_CHECK(json_is_object(json));
    json_decref(json);
}

static void print(const struct reader *reader, unsigned first_field, struct silt_slice bytes,
                  bool is_valid)
{
    struct silt_jsonw w;
    struct silt_buf text;
    silt_buf_init(&text, SILT_BUF_MAX_DEFAULT);
    silt_jsonw_init(&w, &text);
    bool written = silt_avro_json_fields(reader->printer, first_field, bytes, &w);
    FUZZ_CHECK(written || !is_valid);
    if (is_valid) check_json(&text);
    silt_buf_done(&text);
}

static void check_row(const struct reader *reader, struct silt_slice body)
{
    struct silt_verdict verdict;
    struct silt_buf row;
    silt_buf_init(&row, SILT_BUF_MAX_DEFAULT);
    FUZZ_CHECK(silt_buf_append(&row, META, META_N) && silt_buf_append(&row, body.ptr, body.len));
    FUZZ_CHECK(silt_walk(reader->schema->program, silt_buf_slice(&row), NULL, &verdict));
    print(reader, META_N, body, true);
    silt_buf_done(&row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = fuzz_in(data, size);
    /* Not the last one: a million items without bytes are a million words. */
    unsigned i = fuzz_below(&in, FUZZ_SCHEMAS_N - 1);
    struct silt_slice body = fuzz_rest(&in);
    struct silt_verdict verdict;
    bool is_valid = silt_walk(value_reader(i)->schema->program, body, NULL, &verdict);
    print(value_reader(i), 0, body, is_valid);
    if (is_valid) check_row(row_reader(i), body);
    return 0;
}
