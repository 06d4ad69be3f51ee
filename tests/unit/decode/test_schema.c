#include "decode/schema.h"

#include "decode_tools.h"

/* Canonical forms and fingerprints as fastavro 1.12 gives them; those of the primitive types are
 * also in the specification's own test data. */
static const struct {
    const char *json;
    const char *canonical;
    uint64_t fingerprint;
} vectors[] = {
    {"\"null\"", "\"null\"", 0x63dd24e7cc258f8aull},
    {"\"boolean\"", "\"boolean\"", 0x9f42fc78a4d4f764ull},
    {"\"int\"", "\"int\"", 0x7275d51a3f395c8full},
    {"\"long\"", "\"long\"", 0xd054e14493f41db7ull},
    {"\"float\"", "\"float\"", 0x4d7c02cb3ea8d790ull},
    {"\"double\"", "\"double\"", 0x8e7535c032ab957eull},
    {"\"bytes\"", "\"bytes\"", 0x4fc016dac3201965ull},
    {"\"string\"", "\"string\"", 0x8f014872634503c7ull},
    {" {\"type\" : \"int\"} ", "\"int\"", 0x7275d51a3f395c8full},
    {"[ \"null\",\"int\" ]", "[\"null\",\"int\"]", 0xd51cc0922b46b1d7ull},
    {"[\"int\", {\"type\":\"boolean\"} ]", "[\"int\",\"boolean\"]", 0x4ad63578080c1602ull},
    {"{\"fields\":[], \"type\":\"record\", \"name\":\"foo\"}",
     "{\"name\":\"foo\",\"type\":\"record\",\"fields\":[]}", 0xbd0c50c84319be7eull},
    {"{\"fields\":[], \"type\":\"record\", \"name\":\"foo\", \"namespace\":\"x.y\"}",
     "{\"name\":\"x.y.foo\",\"type\":\"record\",\"fields\":[]}", 0x521d1a6b830ec4abull},
    {"{\"fields\":[], \"type\":\"record\", \"name\":\"a.b.foo\", \"namespace\":\"x.y\"}",
     "{\"name\":\"a.b.foo\",\"type\":\"record\",\"fields\":[]}", 0xbfefe5be5021e2b2ull},
    {"{\"fields\":[{\"name\":\"f1\",\"type\":[\"null\",\"int\"],\"doc\":\"d\",\"default\":null}],"
     "\"type\":\"record\", \"name\":\"foo\",\"doc\":\"d\",\"aliases\":[\"x\"]}",
     "{\"name\":\"foo\",\"type\":\"record\",\"fields\":[{\"name\":\"f1\",\"type\":[\"null\","
     "\"int\"]}]}",
     0xca2b90c8464480dbull},
    {"{\"type\":\"enum\",\"name\":\"f\\u006fo\",\"symbols\":[\"A1\",\"A2\"],\"default\":\"A1\"}",
     "{\"name\":\"foo\",\"type\":\"enum\",\"symbols\":[\"A1\",\"A2\"]}", 0x68f03fe9040a9a04ull},
    {"{\"type\":\"fixed\",\"name\":\"foo\",\"size\":15,\"namespace\":\"x.y\"}",
     "{\"name\":\"x.y.foo\",\"type\":\"fixed\",\"size\":15}", 0x7c880d2890fb8ef1ull},
    {"{\"type\":\"array\",\"items\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}}",
     "{\"type\":\"array\",\"items\":\"long\"}", 0x5416c98ba22e5e71ull},
    {"{\"type\":\"map\",\"values\":[\"null\",{\"type\":\"array\",\"items\":\"string\"}]}",
     "{\"type\":\"map\",\"values\":[\"null\",{\"type\":\"array\",\"items\":\"string\"}]}",
     0x3ce9563a36daa53bull},
    {"{\"type\":\"record\",\"name\":\"PigValue\",\"namespace\":\"x\",\"fields\":[{\"name\":"
     "\"value\",\"type\":[\"null\",\"int\",\"long\",\"PigValue\"]}]}",
     "{\"name\":\"x.PigValue\",\"type\":\"record\",\"fields\":[{\"name\":\"value\",\"type\":["
     "\"null\",\"int\",\"long\",\"x.PigValue\"]}]}",
     0x3a15a0786a4fd926ull},
    {"{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"e\",\"type\":{\"type\":\"enum\","
     "\"name\":\"q.E\",\"symbols\":[\"A\"]}},{\"name\":\"g\",\"type\":{\"type\":\"q.E\"}},"
     "{\"name\":\"n\",\"type\":[\"null\",\"L\"]}]}",
     "{\"name\":\"L\",\"type\":\"record\",\"fields\":[{\"name\":\"e\",\"type\":{\"name\":\"q.E\","
     "\"type\":\"enum\",\"symbols\":[\"A\"]}},{\"name\":\"g\",\"type\":\"q.E\"},{\"name\":\"n\","
     "\"type\":[\"null\",\"L\"]}]}",
     0xc3e460917218961bull},
    {"{\"type\":\"record\",\"name\":\"n.R\",\"fields\":[{\"name\":\"d\",\"type\":{\"type\":"
     "\"bytes\",\"logicalType\":\"decimal\",\"precision\":4},\"default\":\"\\u0000\"},{\"name\":"
     "\"s\",\"type\":{\"type\":\"record\",\"name\":\"In\",\"fields\":[{\"name\":\"x\",\"type\":"
     "[\"n.R\"]}]}}]}",
     "{\"name\":\"n.R\",\"type\":\"record\",\"fields\":[{\"name\":\"d\",\"type\":\"bytes\"},{"
     "\"name\":\"s\",\"type\":{\"name\":\"n.In\",\"type\":\"record\",\"fields\":[{\"name\":\"x\","
     "\"type\":[\"n.R\"]}]}}]}",
     0},
    {"{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"\",\"fields\":[]}",
     "{\"name\":\"R\",\"type\":\"record\",\"fields\":[]}", 0},
    {"{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"a\",\"fields\":[{\"name\":\"e\",\"type\":"
     "{\"type\":\"enum\",\"name\":\"E\",\"namespace\":\"\",\"symbols\":[\"A\",\"B\"]}},{\"name\":"
     "\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"E\",\"size\":1}},{\"name\":\"u\",\"type\":"
     "[\"E\",{\"type\":\"array\",\"items\":\"E\"},{\"type\":\"map\",\"values\":\"E\"}]}]}",
     "{\"name\":\"a.R\",\"type\":\"record\",\"fields\":[{\"name\":\"e\",\"type\":{\"name\":\"E\","
     "\"type\":\"enum\",\"symbols\":[\"A\",\"B\"]}},{\"name\":\"f\",\"type\":{\"name\":\"a.E\","
     "\"type\":\"fixed\",\"size\":1}},{\"name\":\"u\",\"type\":[\"a.E\",{\"type\":\"array\","
     "\"items\":\"a.E\"},{\"type\":\"map\",\"values\":\"a.E\"}]}]}",
     0},
};

static void canonical_forms_follow_the_specification(void)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct silt_buf text;
        silt_buf_init(&text, 1 << 16);
        CU_ASSERT_OK(silt_schema_canonical(silt_slice_str(vectors[i].json), &text, NULL));
        CU_ASSERT_STRING_EQUAL(silt_buf_str(&text), vectors[i].canonical);
        silt_buf_done(&text);
        if (!vectors[i].fingerprint) continue;
        struct silt_schema *schema = tool_schema(vectors[i].json, NULL, NULL);
        CU_ASSERT_EQUAL(schema->fingerprint, vectors[i].fingerprint);
        silt_schema_unref(schema);
    }
}

static void sensor_schemas_have_their_fingerprints(void)
{
    static const uint64_t fingerprints[] = {0x8da2c14dc2d6dd9cull, 0xad4b912e81a5bf87ull};
    for (int version = 1; version <= 2; version++) {
        struct silt_schema *schema = tool_sensor_schema(version);
        CU_ASSERT_EQUAL(schema->fingerprint, fingerprints[version - 1]);
        CU_ASSERT_EQUAL(schema->id, 7);
        silt_schema_unref(schema);
    }
}

static void the_text_is_kept_as_it_was(void)
{
    static const char json[] = "{ \"type\" : \"long\", \"logicalType\":\"timestamp-millis\" }";
    struct silt_schema *schema = tool_schema(json, "", "");
    CU_ASSERT_STRING_EQUAL(schema->json, json);
    CU_ASSERT_PTR_EQUAL(silt_schema_ref(schema), schema);
    silt_schema_unref(schema);
    CU_ASSERT_STRING_EQUAL(schema->json, json);
    silt_schema_unref(schema);
}

/* What is refused, and a word that the message must have. */
static const struct {
    const char *json;
    const char *word;
} hostile[] = {
    {"", "no JSON"},
    {"{", "no JSON"},
    {"\"int\" x", "no JSON"},
    {"\"int", "no JSON"},
    {"{\"type\":\"int\",\"type\":\"long\"}", "no JSON"},
    {"7", "a type is a string"},
    {"null", "a type is a string"},
    {"{}", "without a \"type\""},
    {"{\"type\":[\"int\"]}", "without a \"type\""},
    {"{\"type\":{\"type\":\"int\"}}", "without a \"type\""},
    {"{\"type\":\"int\\u0000\"}", "without a \"type\""},
    {"\"int\\u0000\"", "none by the Avro rules"},
    {"\"strin\"", "\"strin\" is not defined"},
    {"\"a b\"", "none by the Avro rules"},
    {"\"a..b\"", "none by the Avro rules"},
    {"\"a.\"", "none by the Avro rules"},
    {"[]", "without branches"},
    {"[\"int\",[\"null\"]]", "inside a union"},
    {"[\"int\",\"null\",\"int\"]", "two branches of type int"},
    {"[{\"type\":\"array\",\"items\":\"int\"},{\"type\":\"array\",\"items\":\"long\"}]",
     "two branches of type array"},
    {"[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},\"F\"]", "two branches of type F"},
    {"[\"int\",\"what\"]", "not defined"},
    {"{\"type\":\"array\"}", "without \"items\""},
    {"{\"type\":\"map\"}", "without \"values\""},
    {"{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":1}}", "at values.items"},
    {"{\"type\":\"fixed\",\"name\":\"F\"}", "needs a size"},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}", "needs a size"},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":\"1\"}", "needs a size"},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":1073741825}", "needs a size"},
    {"{\"type\":\"fixed\",\"size\":1}", "fixed without a name"},
    {"{\"type\":\"fixed\",\"name\":7,\"size\":1}", "fixed without a name"},
    {"{\"type\":\"fixed\",\"name\":\"1F\",\"size\":1}", "fixed without a name"},
    {"{\"type\":\"fixed\",\"name\":\"F-\",\"size\":1}", "fixed without a name"},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"namespace\":7,\"size\":1}", "namespace"},
    {"{\"type\":\"fixed\",\"name\":\"F\",\"namespace\":\"a..b\",\"size\":1}", "namespace"},
    {"{\"type\":\"fixed\",\"name\":\"int\",\"size\":1}", "primitive"},
    {"{\"type\":\"fixed\",\"name\":\"a.string\",\"size\":1}", "primitive"},
    {"[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},{\"type\":\"fixed\",\"name\":\"F\",\"size\":"
     "2}]",
     "defined twice"},
    {"{\"type\":\"enum\",\"symbols\":[\"A\"]}", "enum without a name"},
    {"{\"type\":\"enum\",\"name\":\"E\"}", "no symbols"},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[]}", "no symbols"},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":{\"A\":1}}", "no symbols"},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\",\"A\"]}", "\"A\" stands twice"},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",7]}", "symbol 1"},
    {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"\"]}", "symbol 0"},
    {"{\"type\":\"record\",\"fields\":[]}", "record without a name"},
    {"{\"type\":\"record\",\"name\":\"R\"}", "no array of fields"},
    {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[7]}", "field without a name"},
    {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a.b\",\"type\":\"int\"}]}",
     "field without a name"},
    {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\"}]}",
     "at R: field \"a\" has no"},
    {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":"
     "\"a\",\"type\":\"int\"}]}",
     "\"a\" stands twice"},
    {"{\"type\":\"record\",\"name\":\"x.R\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":"
     "\"record\","
     "\"name\":\"S\",\"fields\":[{\"name\":\"b\",\"type\":\"T\"}]}}]}",
     "at R.a.S.b: type \"T\""},
    {"{\"type\":\"error\",\"name\":\"R\",\"fields\":[]}", "\"error\" is not defined"},
};

static void fails(struct silt_slice json, const char *word)
{
    const struct silt_schema_opts opts = {.id = 1};
    struct silt_schema *schema = NULL;
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_schema_new(json, &opts, &schema, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_SCHEMA);
    CU_ASSERT_PTR_NULL(schema);
    if (strstr(err.text, word)) return;
    fprintf(stderr, "%.60s: \"%s\" lacks \"%s\"\n", (const char *)json.ptr, err.text, word);
    CU_FAIL("message");
    silt_schema_unref(schema);
}

static void hostile_schemas_are_refused_with_their_place(void)
{
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++)
        fails(silt_slice_str(hostile[i].json), hostile[i].word);
    fails(silt_slice_of("\"int\"\0", 6), "is 0");
    fails(silt_slice_of(NULL, 0), "no JSON");
    CU_ASSERT_FAILS(silt_schema_canonical(silt_slice_str("7"), NULL, NULL));
}

/* The canonical form cannot say "no namespace" inside a namespace: E is not a.E. */
static void names_without_namespace_are_names_of_their_own(void)
{
    struct silt_schema *schema =
        tool_schema("{\"type\":\"record\",\"name\":\"a.R\",\"fields\":[{\"name\":\"e\",\"type\":{"
                    "\"type\":\"fixed\","
                    "\"name\":\"E\",\"namespace\":\"\",\"size\":1}},{\"name\":\"f\",\"type\":{"
                    "\"type\":\"fixed\","
                    "\"name\":\"E\",\"size\":2}},{\"name\":\"g\",\"type\":\"E\"}]}",
                    "", "");
    struct silt_verdict verdict;
    CU_ASSERT(tool_walk(schema, "12345", 5, &verdict));
    silt_schema_unref(schema);
}

static void long_names_are_refused(void)
{
    char name[600];
    memset(name, 'n', sizeof name);
    char json[700];
    for (int len = 512; len <= 513; len++) {
        snprintf(json, sizeof json, "{\"type\":\"fixed\",\"name\":\"%.*s\",\"size\":1}", len, name);
        if (len > 512) {
            fails(silt_slice_str(json), "without a name");
            continue;
        }
        silt_schema_unref(tool_schema(json, "", ""));
        snprintf(json, sizeof json,
                 "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"%.*s\",\"type\":7}]}",
                 len, name);
        fails(silt_slice_str(json), "at top: a type is"); /* a place too long to show */
    }
}

static void repeat(struct silt_buf *buf, const char *text, int n)
{
    for (int i = 0; i < n; i++) silt_buf_append_str(buf, text);
}

static struct silt_slice nested(struct silt_buf *buf, int levels)
{
    silt_buf_clear(buf);
    repeat(buf, "{\"type\":\"array\",\"items\":", levels);
    silt_buf_append_str(buf, "\"int\"");
    repeat(buf, "}", levels);
    return silt_buf_slice(buf);
}

static struct silt_slice many_fields(struct silt_buf *buf, int fields)
{
    silt_buf_clear(buf);
    silt_buf_append_str(buf, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[");
    for (int i = 0; i < fields; i++)
        silt_buf_printf(buf, "%s{\"name\":\"f%d\",\"type\":\"int\"}", i ? "," : "", i);
    silt_buf_append_str(buf, "]}");
    return silt_buf_slice(buf);
}

static void depth_size_and_number_are_bounded(void)
{
    const struct silt_schema_opts opts = {.id = 1};
    struct silt_schema *schema;
    struct silt_buf buf;
    silt_buf_init(&buf, 4 << 20);
    CU_ASSERT_OK(silt_schema_new(nested(&buf, 64), &opts, &schema, NULL));
    silt_schema_unref(schema);
    fails(nested(&buf, 65), "deeper than 64");
    fails(nested(&buf, 30000), "deeper than 64");
    CU_ASSERT_OK(silt_schema_new(many_fields(&buf, 3332), &opts, &schema, NULL));
    silt_schema_unref(schema);
    fails(many_fields(&buf, 3333), "more than 10000");
    silt_buf_clear(&buf);
    silt_buf_append_str(&buf, "\"int\"");
    repeat(&buf, "    ", (1 << 18) - 2);
    CU_ASSERT_OK(silt_schema_new(silt_buf_slice(&buf), &opts, &schema, NULL));
    silt_schema_unref(schema);
    repeat(&buf, "    ", 2);
    fails(silt_buf_slice(&buf), "the limit is");
    silt_buf_done(&buf);
}

/* Brackets and commas inside strings are no structure. */
static void text_is_not_structure(void)
{
    struct silt_buf buf;
    silt_buf_init(&buf, 1 << 20);
    silt_buf_append_str(&buf, "{\"type\":\"int\",\"doc\":\"\\\"");
    repeat(&buf, "[{,\\\\", 20000);
    silt_buf_append_str(&buf, "\"}");
    silt_schema_unref(tool_schema(silt_buf_str(&buf), "", ""));
    silt_buf_done(&buf);
}

/* Each record holds the one before twice: 2^200 fields for whoever writes them all out. */
static void records_that_double_stay_small(void)
{
    struct silt_buf json;
    silt_buf_init(&json, 1 << 20);
    silt_buf_append_str(&json, "[{\"type\":\"record\",\"name\":\"R0\",\"fields\":[{\"name\":\"a\","
                               "\"type\":\"long\"}]},{\"type\":\"record\",\"name\":\"S0\","
                               "\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"fixed\",\"name\":"
                               "\"F\",\"size\":1000000}}]}");
    for (int i = 1; i < 200; i++)
        for (int s = 0; s < 2; s++)
            silt_buf_printf(&json,
                            ",{\"type\":\"record\",\"name\":\"%c%d\",\"fields\":[{\"name\":\"a\","
                            "\"type\":\"%c%d\"},{\"name\":\"b\",\"type\":\"%c%d\"}]}",
                            "RS"[s], i, "RS"[s], i - 1, "RS"[s], i - 1);
    silt_buf_append_str(&json, ",{\"type\":\"array\",\"items\":\"S199\"}]");
    struct silt_schema *schema = tool_schema(silt_buf_str(&json), "a", "a.a.a.a.a.a");
    struct silt_verdict verdict;
    struct silt_buf body;
    silt_buf_init(&body, 1000);
    tool_long(&body, 398); /* R199 */
    CU_ASSERT_FALSE(tool_walk(schema, body.data, body.len, &verdict));
    CU_ASSERT_EQUAL(verdict.reason, SILT_REASON_DEPTH);
    silt_buf_clear(&body);
    tool_long(&body, 399); /* S199: wider than anything can be */
    tool_long(&body, 1);
    CU_ASSERT_FALSE(tool_walk(schema, body.data, body.len, &verdict));
    CU_ASSERT_EQUAL(verdict.reason, SILT_REASON_TRUNCATED);
    silt_buf_clear(&body);
    tool_long(&body, 400);
    tool_long(&body, 1);
    CU_ASSERT_FALSE(tool_walk(schema, body.data, body.len, &verdict));
    CU_ASSERT_EQUAL(verdict.reason, SILT_REASON_BLOCK);
    silt_buf_done(&body);
    silt_buf_done(&json);
    silt_schema_unref(schema);
}

static void a_form_that_does_not_fit_is_an_error(void)
{
    struct silt_buf text;
    silt_buf_init(&text, 4);
    struct silt_err err;
    CU_ASSERT_FAILS(silt_schema_canonical(silt_slice_str("\"int\""), &text, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_SCHEMA);
    CU_ASSERT_EQUAL(text.len, 0);
    silt_buf_done(&text);
}

/* Any change of a good schema is either a schema or an error. */
static void mutated_schemas_never_crash(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/schemas/avro/sensor_reading.v2.avsc", SILT_SOURCE_DIR);
    size_t len;
    char *json = silt_test_read(path, &len);
    char *copy = malloc(len);
    if (!copy) abort();
    srandom(1);
    int good = 0;
    for (int round = 0; round < 3000; round++) {
        memcpy(copy, json, len);
        size_t used = round % 4 ? len : (size_t)random() % len;
        for (long n = 1 + random() % 3; n > 0; n--)
            copy[(size_t)random() % len] =
                (char)(random() % 2 ? random() : "[]{}\",:0\\ar"[random() % 11]);
        const struct silt_schema_opts opts = {.sensor_id_field = "sensor_id", .time_field = "ts"};
        struct silt_schema *schema;
        struct silt_err err;
        if (!silt_ok(silt_schema_new(silt_slice_of(copy, used), &opts, &schema, &err))) continue;
        good++;
        silt_schema_unref(schema);
    }
    CU_ASSERT(good > 50);
    free(copy);
    free(json);
}

SILT_TESTS("schema",
           {"canonical forms follow the specification", canonical_forms_follow_the_specification},
           {"sensor schemas have their fingerprints", sensor_schemas_have_their_fingerprints},
           {"the text is kept as it was", the_text_is_kept_as_it_was},
           {"hostile schemas are refused with their place",
            hostile_schemas_are_refused_with_their_place},
           {"names without namespace are names of their own",
            names_without_namespace_are_names_of_their_own},
           {"long names are refused", long_names_are_refused},
           {"depth, size and number are bounded", depth_size_and_number_are_bounded},
           {"text is not structure", text_is_not_structure},
           {"records that double stay small", records_that_double_stay_small},
           {"a form that does not fit is an error", a_form_that_does_not_fit_is_an_error},
           {"mutated schemas never crash", mutated_schemas_never_crash})
