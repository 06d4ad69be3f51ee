/* Any text as a writer schema. One that is accepted has a canonical form that means the same and
 * does not change again, and its archived form can be read back. */
#include "decode/schema.h"

#include "encode/file_schema.h"
#include "fuzz.h"
#include "inspect/avro_json.h"

static struct silt_rc make(struct silt_slice json, struct silt_schema **ret_schema,
                           struct silt_err *err)
{
    const struct silt_schema_opts opts = {.id = 1, .sensor_id_field = "a.b", .time_field = "ts"};
    return silt_schema_new(json, &opts, ret_schema, err);
}

static void check_canonical(struct silt_slice json, const struct silt_schema *schema)
{
    struct silt_buf once;
    struct silt_buf twice;
    struct silt_schema *again;
    silt_buf_init(&once, SILT_BUF_MAX_DEFAULT);
    silt_buf_init(&twice, SILT_BUF_MAX_DEFAULT);
    FUZZ_CHECK(silt_ok(silt_schema_canonical(json, &once, NULL)));
    FUZZ_CHECK(silt_ok(make(silt_buf_slice(&once), &again, NULL)));
    FUZZ_CHECK(again->fingerprint == schema->fingerprint);
    FUZZ_CHECK(silt_ok(silt_schema_canonical(silt_buf_slice(&once), &twice, NULL)));
    FUZZ_CHECK(silt_slice_eq(silt_buf_slice(&once), silt_buf_slice(&twice)));
    silt_schema_unref(again);
    silt_buf_done(&once);
    silt_buf_done(&twice);
}

/* A schema that the archive cannot be made with fails like a bad one; one that it can, is good. */
static void check_archived(struct silt_slice json)
{
    struct silt_buf text;
    struct silt_schema *archived;
    struct silt_avro_json *printer;
    silt_buf_init(&text, SILT_BUF_MAX_DEFAULT);
    if (silt_ok(silt_file_schema_data(json, &text, NULL))) {
        FUZZ_CHECK(silt_ok(make(silt_buf_slice(&text), &archived, NULL)));
        FUZZ_CHECK(silt_ok(silt_avro_json_new(archived->json, &printer, NULL)));
        silt_avro_json_free(printer);
        silt_schema_unref(archived);
    }
    silt_buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct silt_slice json = silt_slice_of(data, size);
    struct silt_schema *schema;
    struct silt_err err;
    struct silt_verdict verdict;
    if (!silt_ok(make(json, &schema, &err))) {
        FUZZ_CHECK(err.code == SILT_E_SCHEMA && err.text[0]);
        return 0;
    }
    (void)silt_walk(schema->program, json, NULL, &verdict); /* any bytes will do */
    check_canonical(json, schema);
    check_archived(json);
    silt_schema_unref(schema);
    return 0;
}
