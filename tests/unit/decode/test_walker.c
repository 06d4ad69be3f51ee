#include "decode/walker.h"

#include "decode_tools.h"
#include "program_int.h"

/* One case: a schema, bytes as a literal, and what the walker says. */
struct row {
    const char *schema;
    const char *bytes;
    size_t len;
    enum silt_reason reason;
    uint32_t at;
};

#define ROW(schema, bytes, reason, at)                               \
    {                                                                \
        schema, bytes, sizeof(bytes) - 1, SILT_REASON_##reason, (at) \
    }

static void check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct silt_schema *schema = tool_schema(rows[i].schema, "", "");
        struct silt_verdict verdict;
        bool ok = tool_walk(schema, rows[i].bytes, rows[i].len, &verdict);
        if (verdict.reason != rows[i].reason || verdict.at != rows[i].at ||
            ok != (rows[i].reason == SILT_REASON_NONE)) {
            fprintf(stderr, "row %zu %s: %s at %u\n", i, rows[i].schema,
                    silt_reason_name(verdict.reason), verdict.at);
            CU_FAIL("verdict");
        }
        silt_schema_unref(schema);
    }
}

#define CHECK(...)                                       \
    do {                                                 \
        static const struct row rows_[] = {__VA_ARGS__}; \
        check(rows_, sizeof rows_ / sizeof rows_[0]);    \
    } while (0)

static void takes_exactly_one_datum(void)
{
    CHECK(ROW("\"null\"", "", NONE, 0), ROW("\"null\"", "\0", TRAILING, 0),
          ROW("\"int\"", "\x02\x02", TRAILING, 1), ROW("\"int\"", "", TRUNCATED, 0));
}

static void a_boolean_is_0_or_1(void)
{
    CHECK(ROW("\"boolean\"", "\0", NONE, 0), ROW("\"boolean\"", "\1", NONE, 0),
          ROW("\"boolean\"", "\2", BOOLEAN, 0), ROW("\"boolean\"", "", TRUNCATED, 0));
}

static void an_int_has_32_bits(void)
{
    CHECK(ROW("\"int\"", "\xff\xff\xff\xff\x0f", NONE, 0),
          ROW("\"int\"", "\xff\xff\xff\xff\x1f", VARINT, 0),
          ROW("\"int\"", "\x80\x80\x80\x80\x00", NONE, 0),
          ROW("\"int\"", "\x80\x80\x80\x80\x80\x00", VARINT, 0),
          ROW("\"int\"", "\x80\x80\x80\x80", TRUNCATED, 0),
          /* the same with eight bytes and more in sight */
          ROW("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
              "{\"name\":\"b\",\"type\":\"double\"}]}",
              "\xff\xff\xff\xff\x0f"
              "12345678",
              NONE, 0),
          ROW("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
              "{\"name\":\"b\",\"type\":\"double\"}]}",
              "\xff\xff\xff\xff\x1f"
              "12345678",
              VARINT, 0),
          ROW("\"int\"", "\x80\x80\x80\x80\x80\x00\x00\x00\x00", VARINT, 0),
          ROW("\"int\"", "\x80\x80\x80\x80\x80\x80\x80\x80\x80", TRUNCATED, 0));
}

static void a_long_has_64_bits(void)
{
    CHECK(ROW("\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", NONE, 0),
          ROW("\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", VARINT, 0),
          ROW("\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x80\x00", VARINT, 0),
          ROW("\"long\"", "\x80\x80\x80\x80\x80\x80\x80\x01", NONE, 0),
          ROW("\"long\"", "\x80\x80\x80\x80\x80\x80\x80\x80\x01", NONE, 0),
          ROW("\"long\"", "\x80\x80\x80\x80\x80\x80\x80\x80\x80", TRUNCATED, 0));
}

static void fixed_widths_must_be_there(void)
{
    CHECK(ROW("\"float\"", "1234", NONE, 0), ROW("\"float\"", "123", TRUNCATED, 0),
          ROW("\"double\"", "12345678", NONE, 0), ROW("\"double\"", "1234567", TRUNCATED, 0),
          ROW("{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", "123", NONE, 0),
          ROW("{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", "12", TRUNCATED, 0),
          ROW("{\"type\":\"fixed\",\"name\":\"F\",\"size\":0}", "", NONE, 0));
}

static void a_length_fits_what_is_left(void)
{
    CHECK(ROW("\"bytes\"", "\x00", NONE, 0), ROW("\"bytes\"", "\x04\xff\x00", NONE, 0),
          ROW("\"bytes\"", "\x06\xff\x00", LENGTH, 0), ROW("\"bytes\"", "\x01", LENGTH, 0),
          ROW("\"bytes\"", "", TRUNCATED, 0),
          ROW("\"bytes\"", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", LENGTH, 0),
          ROW("\"bytes\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", LENGTH, 0));
}

static void a_string_is_utf8(void)
{
    CHECK(ROW("\"string\"", "\x00", NONE, 0), ROW("\"string\"", "\x02z", NONE, 0),
          ROW("\"string\"", "\x04\xc3\xbc", NONE, 0), ROW("\"string\"", "\x04\xc3(", UTF8, 1),
          ROW("\"string\"", "\x06zz\xc3", UTF8, 3),
          ROW("\"string\"", "\x14 abcdefgh\xff", UTF8, 10), ROW("\"string\"", "\x04z", LENGTH, 0));
}

#define ENUM "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}"

static void an_enum_index_is_in_range(void)
{
    CHECK(ROW(ENUM, "\x00", NONE, 0), ROW(ENUM, "\x02", NONE, 0), ROW(ENUM, "\x04", ENUM, 0),
          ROW(ENUM, "\x01", ENUM, 0), ROW(ENUM, "", TRUNCATED, 0),
          ROW(ENUM, "\x80\x80\x80\x80\x10", VARINT, 0),
          ROW(ENUM, "\x80\x80\x80\x80\x80\x00", VARINT, 0),
          ROW("{\"type\":\"array\",\"items\":" ENUM "}",
              "\x10\x80\x80\x80\x80\x80\x80\x80\x80\x01\x00", VARINT, 1),
          ROW("{\"type\":\"array\",\"items\":" ENUM "}",
              "\x0e\x80\x00\x80\x80\x80\x00\x00\x00\x00\x00\x00\x00", NONE, 0));
}

static void a_union_index_is_in_range(void)
{
    CHECK(ROW("[\"null\",\"int\"]", "\x00", NONE, 0),
          ROW("[\"null\",\"int\"]", "\x02\x08", NONE, 0),
          ROW("[\"null\",\"int\"]", "\x04", UNION, 0), ROW("[\"null\",\"int\"]", "\x01", UNION, 0),
          ROW("[\"null\",\"int\"]", "\x02", TRUNCATED, 1),
          ROW("[\"null\",\"int\"]", "", TRUNCATED, 0), ROW("[\"int\",\"null\"]", "\x02", NONE, 0),
          ROW("[\"null\"]", "\x80\x80\x80\x80\x10", VARINT, 0),
          ROW("[\"null\"]", "\x80\x80\x80\x80\x80\x00", VARINT, 0),
          ROW("[\"null\",\"double\"]",
              "\x82\x00"
              "12345678",
              NONE, 0),
          ROW("[\"null\",\"double\"]", "\x82\x80\x80\x80\x80\x80\x80\x80\x80", TRUNCATED, 0),
          ROW("[\"null\"]", "\x00", NONE, 0), ROW("[\"null\"]", "\x00\x00", TRAILING, 1),
          ROW("[\"int\",\"null\",\"float\",\"boolean\"]", "\x00\x02", NONE, 0),
          ROW("[\"int\",\"null\",\"float\",\"boolean\"]", "\x02", NONE, 0),
          ROW("[\"int\",\"null\",\"float\",\"boolean\"]",
              "\x04"
              "1234",
              NONE, 0),
          ROW("[\"int\",\"null\",\"float\",\"boolean\"]", "\x06\x01", NONE, 0));
}

/* What stands in front of a place that is jumped to is not merged with what stands behind. */
static void fixed_widths_around_a_union_stay_apart(void)
{
    static const char schema[] =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"float\"},"
        "{\"name\":\"b\",\"type\":\"double\"},{\"name\":\"u\",\"type\":[\"null\",\"float\"]},"
        "{\"name\":\"c\",\"type\":\"float\"},{\"name\":\"n\",\"type\":\"null\"}]}";
    CHECK(ROW(schema,
              "aaaabbbbbbbb\x00"
              "cccc",
              NONE, 0),
          ROW(schema,
              "aaaabbbbbbbb\x02"
              "uuuucccc",
              NONE, 0),
          ROW(schema,
              "aaaabbbbbbbb\x02"
              "uuuuccc",
              TRUNCATED, 17));
    struct silt_schema *compiled = tool_schema(schema, "", "");
    CU_ASSERT_EQUAL(compiled->program->ops_n, 5); /* skip 12, union, skip 4, skip 4, end */
    silt_schema_unref(compiled);
}

#define STRINGS "{\"type\":\"array\",\"items\":\"string\"}"

static void blocks_of_both_signs_are_counted(void)
{
    CHECK(ROW(STRINGS, "\x00", NONE, 0), ROW(STRINGS, "\x04\x02z\x02y\x00", NONE, 0),
          ROW(STRINGS, "\x02\x02z\x02\x02y\x00", NONE, 0),
          ROW(STRINGS, "\x03\x08\x02z\x02y\x00", NONE, 0),
          ROW(STRINGS, "\x03\x08\x02z\x02y\x02\x00\x00", NONE, 0),
          ROW(STRINGS, "\x03\x06\x02z\x02y\x00", BLOCK, 6), /* a size too small */
          ROW(STRINGS, "\x03\x0a\x02z\x02y\x00", BLOCK, 6), /* a size too large */
          ROW(STRINGS, "\x03\x0c\x02z\x02y\x00", BLOCK, 0), /* larger than what is left */
          ROW(STRINGS, "\x03\x01\x02z\x02y\x00", BLOCK, 0), /* negative */
          ROW(STRINGS, "\x03\x02\x00\x00", BLOCK, 0),       /* more items than bytes */
          ROW(STRINGS, "\x03", TRUNCATED, 1), ROW(STRINGS, "", TRUNCATED, 0),
          ROW(STRINGS, "\x02\x02z", TRUNCATED, 3), ROW(STRINGS, "\x0a\x02z\x00", BLOCK, 0),
          ROW(STRINGS, "\x02\x02\xff\x00", UTF8, 2),
          ROW(STRINGS, "\x02\x02z\x0a\x00", BLOCK, 3), /* in the second block */
          ROW(STRINGS, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x00", BLOCK, 0));
}

#define FLOATS "{\"type\":\"array\",\"items\":\"float\"}"

static void arrays_of_fixed_items_are_stepped_over(void)
{
    CHECK(ROW(FLOATS, "\x00", NONE, 0),
          ROW(FLOATS,
              "\x04"
              "aaaabbbb\x00",
              NONE, 0),
          ROW(FLOATS,
              "\x02"
              "aaaa\x02"
              "bbbb\x00",
              NONE, 0),
          ROW(FLOATS,
              "\x03\x10"
              "aaaabbbb\x00",
              NONE, 0),
          ROW(FLOATS,
              "\x03\x0e"
              "aaaabbbb\x00",
              BLOCK, 0),
          ROW(FLOATS,
              "\x04"
              "aaaabbb",
              BLOCK, 1),
          ROW(FLOATS,
              "\x03\x20"
              "aaaabbbb\x00",
              BLOCK, 0),
          ROW(FLOATS,
              "\x02"
              "aaaa",
              TRUNCATED, 5),
          ROW(FLOATS, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00", BLOCK, 11));
}

#define MAP "{\"type\":\"map\",\"values\":[\"null\",\"int\"]}"

static void map_entries_have_a_key(void)
{
    CHECK(ROW(MAP, "\x00", NONE, 0), ROW(MAP, "\x04\x02k\x00\x02l\x02\x08\x00", NONE, 0),
          ROW(MAP, "\x02\x02\xff\x00\x00", UTF8, 2), ROW(MAP, "\x02\x02k\x04\x00", UNION, 3),
          ROW("{\"type\":\"map\",\"values\":\"null\"}", "\x04\x02k\x02l\x00", NONE, 0),
          ROW("{\"type\":\"map\",\"values\":\"null\"}", "\x0a\x02k\x02l", BLOCK, 0));
}

#define NULLS "{\"type\":\"array\",\"items\":\"null\"}"

static void items_without_bytes_are_bounded(void)
{
    CHECK(ROW(NULLS, "\x04\x00", NONE, 0), ROW(NULLS, "\x80\x80\x80\x01\x00", NONE, 0), /* 2^20 */
          ROW(NULLS, "\x82\x80\x80\x01\x00", WORK, 4),                                  /* + 1 */
          ROW(NULLS, "\x03\x00\x00", NONE, 0), ROW(NULLS, "\x03\x02\x00\x00", BLOCK, 0),
          /* two blocks of 2^20: more than one record may ask for */
          ROW(NULLS, "\x80\x80\x80\x01\x80\x80\x80\x01\x00", WORK, 8));
}

#define LIST                                                                             \
    "{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"v\",\"type\":\"int\"}," \
    "{\"name\":\"next\",\"type\":[\"null\",\"L\"]}]}"

static enum silt_reason walk_list(int links)
{
    struct silt_schema *schema = tool_schema(LIST, "", "");
    struct silt_buf body;
    silt_buf_init(&body, SILT_BUF_MAX_DEFAULT);
    for (int i = 1; i < links; i++) silt_buf_append(&body, "\x02\x02", 2);
    silt_buf_append(&body, "\x02\x00", 2);
    struct silt_verdict verdict;
    tool_walk(schema, body.data, body.len, &verdict);
    silt_buf_done(&body);
    silt_schema_unref(schema);
    return verdict.reason;
}

static void recursion_ends_at_64(void)
{
    CU_ASSERT_EQUAL(walk_list(1), SILT_REASON_NONE);
    CU_ASSERT_EQUAL(walk_list(64), SILT_REASON_NONE);
    CU_ASSERT_EQUAL(walk_list(65), SILT_REASON_DEPTH);
    CU_ASSERT_EQUAL(walk_list(100000), SILT_REASON_DEPTH);
    /* no value can exist of a record that always holds itself */
    CHECK(ROW("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"r\",\"type\":\"R\"}]}",
              "", DEPTH, 0));
}

#define TREE                                                              \
    "{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":\"kids\"," \
    "\"type\":{\"type\":\"array\",\"items\":\"T\"}}]}"

static void nested_arrays_count_too(void)
{
    struct silt_schema *schema = tool_schema(TREE, "", "");
    struct silt_verdict verdict;
    uint8_t deep[200];
    for (size_t levels = 31; levels <= 32; levels++) {
        memset(deep, 2, levels);
        memset(deep + levels, 0, levels + 1);
        CU_ASSERT_EQUAL(tool_walk(schema, deep, 2 * levels + 1, &verdict), levels < 32);
        CU_ASSERT_EQUAL(verdict.reason, levels < 32 ? SILT_REASON_NONE : SILT_REASON_DEPTH);
    }
    silt_schema_unref(schema);
    schema = tool_schema("{\"type\":\"array\",\"items\":" TREE "}", "", "");
    memset(deep, 2, 40); /* here it is the array that comes too deep, not the record */
    CU_ASSERT_FALSE(tool_walk(schema, deep, 40, &verdict));
    CU_ASSERT_EQUAL(verdict.reason, SILT_REASON_DEPTH);
    silt_schema_unref(schema);
}

/* Sixty calls for each byte: a record can be valid and still cost too much. */
static void work_is_bounded_by_the_bytes(void)
{
    struct silt_buf json;
    silt_buf_init(&json, 1 << 20);
    silt_buf_append_str(&json, "[{\"type\":\"record\",\"name\":\"R0\",\"fields\":[{\"name\":\"a\","
                               "\"type\":\"boolean\"}]}");
    for (int i = 1; i < 60; i++)
        silt_buf_printf(&json,
                        ",{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[{\"name\":\"a\","
                        "\"type\":\"R%d\"}]}",
                        i, i - 1);
    silt_buf_append_str(&json, ",{\"type\":\"array\",\"items\":\"R59\"}]");
    struct silt_schema *schema = tool_schema(silt_buf_str(&json), "", "");
    struct silt_buf body;
    silt_buf_init(&body, 1 << 20);
    tool_long(&body, 60);
    tool_long(&body, 100000);
    memset(silt_buf_reserve(&body, 100001), 0, 100001);
    body.len += 100001;
    struct silt_verdict verdict;
    CU_ASSERT_FALSE(tool_walk(schema, body.data, body.len, &verdict));
    CU_ASSERT_EQUAL(verdict.reason, SILT_REASON_WORK);
    CU_ASSERT(verdict.at > 40000 && verdict.at < 50000);
    body.len = 0;
    tool_long(&body, 60);
    tool_long(&body, 10000);
    memset(silt_buf_reserve(&body, 10001), 0, 10001);
    body.len += 10001;
    CU_ASSERT(tool_walk(schema, body.data, body.len, &verdict));
    silt_buf_done(&body);
    silt_buf_done(&json);
    silt_schema_unref(schema);
}

static void a_datum_ends_where_the_next_one_begins(void)
{
    struct silt_schema *schema = tool_schema("\"string\"", "", "");
    struct silt_verdict verdict;
    size_t len = 0;
    CU_ASSERT(silt_walk_prefix(schema->program, silt_slice_str("\4ok\2z"), &len, &verdict));
    CU_ASSERT_EQUAL(len, 3);
    CU_ASSERT(silt_walk_prefix(schema->program, silt_slice_str("\4ok"), &len, &verdict));
    CU_ASSERT_EQUAL(len, 3);
    CU_ASSERT_FALSE(silt_walk_prefix(schema->program, silt_slice_str("\6ok"), &len, &verdict));
    CU_ASSERT_EQUAL(verdict.reason, SILT_REASON_LENGTH);
    silt_schema_unref(schema);
}

static void reports_sensor_and_time(void)
{
    struct silt_schema *schema = tool_sensor_schema(1);
    struct silt_buf body;
    silt_buf_init(&body, 1000);
    tool_string(&body, "s-1");
    tool_long(&body, 1780000000123);
    struct silt_verdict verdict;
    CU_ASSERT_FALSE(silt_walk(schema->program, silt_buf_slice(&body), NULL, &verdict));
    CU_ASSERT_EQUAL(verdict.reason, SILT_REASON_TRUNCATED);
    CU_ASSERT_EQUAL(verdict.time_ms, 1780000000123);
    CU_ASSERT(silt_slice_eq(verdict.sensor_id, silt_slice_str("s-1")));
    CU_ASSERT_PTR_EQUAL(verdict.sensor_id.ptr, body.data + 1);
    CU_ASSERT_FALSE(silt_walk(schema->program, silt_slice_str("\x02\xff"), NULL, &verdict));
    CU_ASSERT_EQUAL(verdict.sensor_id.len, 0);
    CU_ASSERT_FALSE(silt_walk(schema->program, silt_slice_str("\x02z\x80"), NULL, &verdict));
    CU_ASSERT_EQUAL(verdict.time_ms, SILT_NO_TIMESTAMP);
    silt_buf_done(&body);
    silt_schema_unref(schema);
}

static int64_t time_of(const char *type, int64_t value)
{
    char json[200];
    snprintf(json, sizeof json,
             "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"t\",\"type\":%s}]}",
             type);
    struct silt_schema *schema = tool_schema(json, "t", "t");
    struct silt_buf body;
    silt_buf_init(&body, 100);
    if (type[0] == '[') tool_long(&body, 1);
    tool_long(&body, value);
    struct silt_verdict verdict;
    CU_ASSERT(tool_walk(schema, body.data, body.len, &verdict));
    silt_buf_done(&body);
    silt_schema_unref(schema);
    return verdict.time_ms;
}

static void all_units_of_time_become_ms(void)
{
    CU_ASSERT_EQUAL(time_of("\"long\"", 1234), 1234);
    CU_ASSERT_EQUAL(time_of("[\"null\",\"long\"]", 1234), 1234);
    CU_ASSERT_EQUAL(time_of("{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}", -5), -5);
    CU_ASSERT_EQUAL(time_of("{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", 1999), 1);
    CU_ASSERT_EQUAL(time_of("{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", -2001), -3);
    CU_ASSERT_EQUAL(time_of("{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", -2000), -2);
    CU_ASSERT_EQUAL(time_of("{\"type\":\"long\",\"logicalType\":\"local-timestamp-micros\"}", 5000),
                    5);
    CU_ASSERT_EQUAL(time_of("{\"type\":\"long\",\"logicalType\":\"timestamp-nanos\"}", 7000001), 7);
    CU_ASSERT_EQUAL(time_of("\"int\"", 1234), SILT_NO_TIMESTAMP); /* wrong type: no time */
}

/* Paths go through records and optional values, and only the field on the path reports. */
static void paths_lead_to_nested_fields(void)
{
    static const char json[] =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"x\",\"type\":{"
        "\"type\":\"record\",\"name\":\"D\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"},"
        "{\"name\":\"idx\",\"type\":\"string\"},{\"name\":\"at\",\"type\":\"long\"}]}},"
        "{\"name\":\"dev\",\"type\":[\"null\",\"D\"]},{\"name\":\"y\",\"type\":\"D\"}]}";
    static const char body[] = "\x02"
                               "a\x00\x02"
                               "\x02\x02"
                               "b\x00\x04"
                               "\x02"
                               "c\x00\x06";
    struct silt_schema *schema = tool_schema(json, "dev.id", "dev.at");
    struct silt_verdict verdict;
    CU_ASSERT(silt_walk(schema->program, silt_slice_of(body, sizeof body - 1), NULL, &verdict));
    CU_ASSERT(silt_slice_eq(verdict.sensor_id, silt_slice_str("b")));
    CU_ASSERT_EQUAL(verdict.time_ms, 2);
    silt_schema_unref(schema);
    static const char *const nowhere[] = {"dev", "dev.",    "dev.i", "dev.id.x",
                                          "de",  "devx.id", "x.at"};
    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
        schema = tool_schema(json, nowhere[i], NULL);
        CU_ASSERT(silt_walk(schema->program, silt_slice_of(body, sizeof body - 1), NULL, &verdict));
        CU_ASSERT_EQUAL(verdict.sensor_id.len, 0);
        silt_schema_unref(schema);
    }
}

static void a_path_through_a_recursive_record_ends(void)
{
    struct silt_schema *schema = tool_schema(LIST, "next.v", "next.next.v");
    struct silt_verdict verdict;
    CU_ASSERT(tool_walk(schema, "\x02\x02\x04\x02\x06\x00", 6, &verdict));
    silt_schema_unref(schema);
    schema = tool_schema("{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"v\",\"type\":"
                         "\"long\"},{\"name\":\"next\",\"type\":[\"null\",\"L\"]}]}",
                         "", "next.v");
    CU_ASSERT(tool_walk(schema, "\x02\x02\x04\x02\x06\x00", 6, &verdict));
    CU_ASSERT_EQUAL(verdict.time_ms, 2);
    silt_schema_unref(schema);
}

static void freeing_no_program_is_fine(void)
{
    silt_program_free(NULL);
    silt_schema_unref(NULL);
}

SILT_TESTS("walker", {"takes exactly one datum", takes_exactly_one_datum},
           {"a boolean is 0 or 1", a_boolean_is_0_or_1}, {"an int has 32 bits", an_int_has_32_bits},
           {"a long has 64 bits", a_long_has_64_bits},
           {"fixed widths must be there", fixed_widths_must_be_there},
           {"a length fits what is left", a_length_fits_what_is_left},
           {"a string is UTF-8", a_string_is_utf8},
           {"an enum index is in range", an_enum_index_is_in_range},
           {"a union index is in range", a_union_index_is_in_range},
           {"fixed widths around a union stay apart", fixed_widths_around_a_union_stay_apart},
           {"blocks of both signs are counted", blocks_of_both_signs_are_counted},
           {"arrays of fixed items are stepped over", arrays_of_fixed_items_are_stepped_over},
           {"map entries have a key", map_entries_have_a_key},
           {"items without bytes are bounded", items_without_bytes_are_bounded},
           {"recursion ends at 64", recursion_ends_at_64},
           {"nested arrays count too", nested_arrays_count_too},
           {"work is bounded by the bytes", work_is_bounded_by_the_bytes},
           {"a datum ends where the next one begins", a_datum_ends_where_the_next_one_begins},
           {"reports sensor and time", reports_sensor_and_time},
           {"all units of time become ms", all_units_of_time_become_ms},
           {"paths lead to nested fields", paths_lead_to_nested_fields},
           {"a path through a recursive record ends", a_path_through_a_recursive_record_ends},
           {"freeing no program is fine", freeing_no_program_is_fine})
