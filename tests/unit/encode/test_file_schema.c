#include "encode/file_schema.h"

#include "harness.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* Our fields as they come out; the header record's name, then fields behind. */
#define META(header)                                                                           \
    "{\"name\":\"kafka_partition\",\"type\":\"int\"},{\"name\":\"kafka_offset\",\"type\":"     \
    "\"long\"},"                                                                               \
    "{\"name\":\"kafka_timestamp\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":"     \
    "\"timestamp-millis\"}]},{\"name\":\"kafka_key\",\"type\":[\"null\",\"bytes\"]},"          \
    "{\"name\":\"kafka_headers\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\"," \
    "\"name\":\"" header "\",\"namespace\":\"silt.archive\",\"fields\":[{\"name\":\"key\","    \
    "\"type\":\"string\"},{\"name\":\"value\",\"type\":[\"null\",\"bytes\"]}]}}}"

static struct silt_rc make(const char *schema, struct silt_buf *out, struct silt_err *err)
{
    silt_buf_init(out, SILT_BUF_MAX_DEFAULT);
    return silt_file_schema_data(silt_slice_str(schema), out, err);
}

static void expect_schema(const char *schema, const char *want)
{
    struct silt_buf out;
    CU_ASSERT_OK(make(schema, &out, NULL));
    bool is_same = strcmp(silt_buf_str(&out), want) == 0;
    if (!is_same) printf("got  %s\nwant %s\n", silt_buf_str(&out), want);
    CU_ASSERT(is_same);
    silt_buf_done(&out);
}

static void a_records_fields_follow_ours_untouched(void)
{
    expect_schema(
        "{\"type\": \"record\", \"name\": \"R\", \"namespace\": \"a.b\", \"doc\": \"d\\u00e9\",\n"
        " \"x-unit\": [1, {\"y\": null}], \"aliases\": [\"Q\"], \"fields\": [\n"
        " {\"name\": \"t\", \"type\": {\"type\": \"bytes\", \"logicalType\": \"decimal\","
        " \"precision\": 9, \"scale\": 2}, \"doc\": \"money\"},\n"
        " {\"name\": \"r\", \"type\": \"double\", \"default\": 1.0, \"order\": \"ignore\"},\n"
        " {\"name\": \"n\", \"type\": \"long\", \"default\": -9223372036854775808}]}",
        "{\"type\":\"record\",\"name\":\"RArchived\",\"namespace\":\"a.b\",\"doc\":\"d\xc3\xa9\","
        "\"x-unit\":[1,{\"y\":null}],\"aliases\":[\"Q\"],\"fields\":[" META(
            "KafkaHeader") ","
                           "{\"name\":\"t\",\"type\":{\"type\":\"bytes\",\"logicalType\":"
                           "\"decimal\","
                           "\"precision\":9,\"scale\":2},\"doc\":\"money\"},"
                           "{\"name\":\"r\",\"type\":\"double\",\"default\":1.0,\"order\":"
                           "\"ignore\"},"
                           "{\"name\":\"n\",\"type\":\"long\",\"default\":-9223372036854775808}]}");
}

static void numbers_keep_their_value(void)
{
    static const double values[] = {0.1, 1e300, 4.9406564584124654e-324, -0.0, 1.0 / 3, 100.0};
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        char schema[256];
        struct silt_buf out;
        snprintf(schema, sizeof schema,
                 "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"r\","
                 "\"type\":\"double\",\"default\":%.17e}]}",
                 values[i]);
        CU_ASSERT_OK(make(schema, &out, NULL));
        json_t *made = json_loads(silt_buf_str(&out), 0, NULL);
        json_t *field = json_array_get(json_object_get(made, "fields"), 5);
        json_t *number = json_object_get(field, "default");
        double got = json_real_value(number);
        CU_ASSERT(json_is_real(number));
        CU_ASSERT(memcmp(&got, &values[i], sizeof got) == 0);
        json_decref(made);
        silt_buf_done(&out);
    }
}

#define RECORD(head, fields) "{\"type\":\"record\"," head ",\"fields\":[" fields "]}"
#define NAMED(name) "\"name\":\"" name "\""
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define ARCHIVED(head, value) RECORD(head, META("KafkaHeader") "," FIELD("value", value))

static void a_name_keeps_its_namespace(void)
{
    expect_schema(RECORD(NAMED("R"), ""), RECORD(NAMED("RArchived"), META("KafkaHeader")));
    expect_schema(RECORD(NAMED("a.b.R"), ""), RECORD(NAMED("a.b.RArchived"), META("KafkaHeader")));
    expect_schema(RECORD(NAMED("R") ",\"namespace\":\"\"", ""),
                  RECORD(NAMED("RArchived") ",\"namespace\":\"\"", META("KafkaHeader")));
    expect_schema(RECORD(NAMED("a.R") ",\"namespace\":\"b\"", ""),
                  RECORD(NAMED("a.RArchived") ",\"namespace\":\"b\"", META("KafkaHeader")));
    expect_schema(
        "{\"type\":\"error\",\"name\":\"E\",\"fields\":[]}",
        "{\"type\":\"error\",\"name\":\"EArchived\",\"fields\":[" META("KafkaHeader") "]}");
}

static void our_field_gives_way_to_a_field_of_the_value(void)
{
    struct silt_buf out;
    CU_ASSERT_OK(make(
        RECORD(NAMED("R"), FIELD("kafka_key", "\"int\"") "," FIELD(
                               "kafka_offset", "\"int\"") "," FIELD("kafka_offset_", "\"int\"")),
        &out, NULL));
    CU_ASSERT_PTR_NOT_NULL(strstr(silt_buf_str(&out), FIELD("kafka_offset__", "\"long\"") ","));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(silt_buf_str(&out), "{\"name\":\"kafka_key_\",\"type\":[\"null\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(silt_buf_str(&out), FIELD("kafka_partition", "\"int\"")));
    CU_ASSERT_PTR_NOT_NULL(strstr(silt_buf_str(&out), FIELD("kafka_offset", "\"int\"")));
    silt_buf_done(&out);
}

static void our_type_gives_way_to_a_type_of_the_value(void)
{
#define INNER(name, space) \
    "{\"type\":\"enum\",\"name\":\"" name "\",\"namespace\":\"" space "\",\"symbols\":[\"A\"]}"
    expect_schema(RECORD(NAMED("R"), FIELD("e", INNER("KafkaHeader", "silt.archive"))),
                  RECORD(NAMED("RArchived"), META("KafkaHeader_") "," FIELD(
                                                 "e", INNER("KafkaHeader", "silt.archive"))));
    expect_schema(RECORD(NAMED("R"), FIELD("e", INNER("KafkaHeader", "other"))),
                  RECORD(NAMED("RArchived"),
                         META("KafkaHeader") "," FIELD("e", INNER("KafkaHeader", "other"))));
    expect_schema(
        RECORD(NAMED("x.R"), FIELD("e", INNER("RArchived", "x"))),
        RECORD(NAMED("x.RArchived_"), META("KafkaHeader") "," FIELD("e", INNER("RArchived", "x"))));
}

static void a_value_that_is_no_record_becomes_a_field(void)
{
    static const char *const unnamed[] = {
        "\"string\"",
        "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4}",
        "[\"null\",\"long\"]",
        "{\"type\":\"array\",\"items\":\"int\"}",
        "{\"type\":\"map\",\"values\":[\"null\",\"int\"]}",
        "{\"type\":{\"type\":\"array\",\"items\":\"int\"}}",
    };
    for (unsigned i = 0; i < sizeof unnamed / sizeof unnamed[0]; i++) {
        char want[2000];
        snprintf(want, sizeof want, ARCHIVED(NAMED("ValueArchived"), "%s"), unnamed[i]);
        expect_schema(unnamed[i], want);
    }
    expect_schema(INNER("E", "a.b"),
                  ARCHIVED(NAMED("EArchived") ",\"namespace\":\"a.b\"", INNER("E", "a.b")));
    expect_schema("{\"type\":\"fixed\",\"name\":\"c.F\",\"size\":4}",
                  ARCHIVED(NAMED("FArchived") ",\"namespace\":\"c\"",
                           "{\"type\":\"fixed\",\"name\":\"c.F\",\"size\":4}"));
}

static void expect_wrapped(const char *schema, bool is_wrapped)
{
    struct silt_buf out;
    CU_ASSERT_OK(make(schema, &out, NULL));
    CU_ASSERT_EQUAL(strstr(silt_buf_str(&out), schema) != NULL, is_wrapped);
    silt_buf_done(&out);
}

/* Renaming it would take the name away from those who refer to it. */
static void a_record_that_names_itself_becomes_a_field(void)
{
    expect_schema(
        RECORD(NAMED("N") ",\"namespace\":\"a\"", FIELD("n", "[\"null\",\"N\"]")),
        ARCHIVED(NAMED("NArchived") ",\"namespace\":\"a\"",
                 RECORD(NAMED("N") ",\"namespace\":\"a\"", FIELD("n", "[\"null\",\"N\"]"))));
    expect_wrapped(RECORD(NAMED("a.N"), FIELD("n", "[\"null\",\"a.N\"]")), true);
    expect_wrapped(RECORD(NAMED("N"), FIELD("n", "{\"type\":\"array\",\"items\":\"N\"}")), true);
    expect_wrapped(RECORD(NAMED("N"), FIELD("n", "{\"type\":\"map\",\"values\":\"N\"}")), true);
    expect_wrapped(RECORD(NAMED("N"), FIELD("n", "{\"type\":\"N\"}")), true);
    expect_wrapped(RECORD(NAMED("a.N"), FIELD("i", RECORD(NAMED("I"), FIELD("n", "\"N\"")))), true);
    expect_wrapped(RECORD(NAMED("N"), FIELD("i", RECORD(NAMED("b.I"), FIELD("n", "\"N\"")))), true);
}

static void a_type_of_the_same_short_name_elsewhere_is_another(void)
{
    expect_wrapped(
        RECORD(NAMED("a.N"),
               FIELD("i", RECORD(NAMED("b.N"), FIELD("n", "\"int\""))) "," FIELD("j", "\"b.N\"")),
        false);
    expect_wrapped(RECORD(NAMED("a.N"),
                          FIELD("i", RECORD(NAMED("b.I"),
                                            FIELD("e", INNER("N", "b")) "," FIELD("n", "\"N\"")))),
                   false);
}

static void expect_refused(const char *schema, const char *text)
{
    struct silt_buf out;
    struct silt_err err = {0};
    CU_ASSERT_FAILS(make(schema, &out, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_SCHEMA);
    CU_ASSERT_STRING_EQUAL(err.text, text);
    CU_ASSERT_EQUAL(out.len, 0);
    silt_buf_done(&out);
}

static void what_is_no_schema_is_refused(void)
{
    struct silt_buf out;
    struct silt_err err = {0};
    CU_ASSERT_FAILS(make("{\"type\":", &out, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_SCHEMA);
    CU_ASSERT(strncmp(err.text, "the schema is no JSON: line 1 column 8", 38) == 0);
    silt_buf_done(&out);
    expect_refused("7", "a schema is an object, a union or a type's name");
    expect_refused("{\"type\":\"record\",\"fields\":[]}", "a named type has no name");
    expect_refused(RECORD(NAMED(""), ""), "a named type has no name");
    expect_refused("{\"type\":\"enum\",\"name\":7}", "a named type has no name");
    expect_refused("{\"type\":\"record\",\"name\":\"R\"}", "record R has no fields");
    expect_refused("{\"type\":\"record\",\"name\":\"R\",\"fields\":{}}", "record R has no fields");
}

static void a_name_has_a_largest_length(void)
{
    char schema[1000];
    char name[600];
    struct silt_buf out;
    memset(name, 'n', sizeof name);
    snprintf(schema, sizeof schema, "{\"type\":\"record\",\"name\":\"%.447s\",\"fields\":[]}",
             name);
    CU_ASSERT_OK(make(schema, &out, NULL));
    silt_buf_done(&out);
    snprintf(schema, sizeof schema, "{\"type\":\"record\",\"name\":\"%.448s\",\"fields\":[]}",
             name);
    CU_ASSERT_FAILS(make(schema, &out, NULL));
    silt_buf_done(&out);
    snprintf(schema, sizeof schema,
             "{\"type\":\"record\",\"namespace\":\"x\",\"name\":\"%.447s\",\"fields\":[]}", name);
    CU_ASSERT_FAILS(make(schema, &out, NULL));
    silt_buf_done(&out);
}

static struct silt_rc make_nested(unsigned depth, struct silt_buf *out)
{
    struct silt_buf schema;
    silt_buf_init(&schema, SILT_BUF_MAX_DEFAULT);
    for (unsigned i = 0; i < depth; i++)
        silt_buf_append_str(&schema, "{\"type\":\"array\",\"items\":");
    silt_buf_append_str(&schema, "\"int\"");
    for (unsigned i = 0; i < depth; i++) silt_buf_append_char(&schema, '}');
    struct silt_rc rc = make(silt_buf_str(&schema), out, NULL);
    silt_buf_done(&schema);
    return rc;
}

static void types_are_nested_to_a_limit(void)
{
    struct silt_buf out;
    CU_ASSERT_OK(make_nested(128, &out));
    silt_buf_done(&out);
    CU_ASSERT_FAILS(make_nested(129, &out));
    CU_ASSERT_FAILS(make_nested(100000, &out));
    silt_buf_done(&out);
}

static void a_buffer_without_room_is_left_as_it_was(void)
{
    struct silt_buf out;
    struct silt_err err = {0};
    silt_buf_init(&out, 300);
    silt_buf_append_str(&out, "before");
    CU_ASSERT_FAILS(silt_file_schema_data(silt_slice_str("\"int\""), &out, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_LIMIT);
    CU_ASSERT_EQUAL(out.len, 6);
    silt_buf_done(&out);
}

/* All names from the one taken up to the room's end: an answer, whatever it is worth. */
static void many_taken_names_come_to_an_end(void)
{
    struct silt_buf schema;
    struct silt_buf out;
    silt_buf_init(&schema, SILT_BUF_MAX_DEFAULT);
    silt_buf_append_str(&schema, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[");
    for (int i = 0; i < 600; i++) {
        silt_buf_printf(&schema, "%s{\"name\":\"f%d\",\"type\":\"silt.archive.KafkaHeader",
                        i ? "," : "", i);
        for (int k = 0; k < i; k++) silt_buf_append_char(&schema, '_');
        silt_buf_append_str(&schema, "\"}");
    }
    silt_buf_append_str(&schema, "]}");
    CU_ASSERT_OK(make(silt_buf_str(&schema), &out, NULL));
    silt_buf_done(&schema);
    silt_buf_done(&out);
}

static void our_own_schemas_are_as_designed(void)
{
    char want[2000];
    snprintf(want, sizeof want, RECORD("%s", "%s"),
             NAMED("Tombstone") ",\"namespace\":\"silt.archive\"", META("KafkaHeader"));
    CU_ASSERT_STRING_EQUAL(silt_file_schema_tombstone(), want);
    snprintf(want, sizeof want, RECORD("%s", "%s,%s"),
             NAMED("Rejected") ",\"namespace\":\"silt.archive\"", META("KafkaHeader"),
             FIELD("reason", "\"string\"") "," FIELD("detail", "\"string\"") "," FIELD(
                 "schema_id", "[\"null\",\"int\"]") "," FIELD("value", "\"bytes\""));
    CU_ASSERT_STRING_EQUAL(silt_file_schema_rejected(), want);
}

SILT_TESTS("file_schema",
           {"a record's fields follow ours untouched", a_records_fields_follow_ours_untouched},
           {"numbers keep their value", numbers_keep_their_value},
           {"a name keeps its namespace", a_name_keeps_its_namespace},
           {"our field gives way to a field of the value",
            our_field_gives_way_to_a_field_of_the_value},
           {"our type gives way to a type of the value", our_type_gives_way_to_a_type_of_the_value},
           {"a value that is no record becomes a field", a_value_that_is_no_record_becomes_a_field},
           {"a record that names itself becomes a field",
            a_record_that_names_itself_becomes_a_field},
           {"a type of the same short name elsewhere is another",
            a_type_of_the_same_short_name_elsewhere_is_another},
           {"what is no schema is refused", what_is_no_schema_is_refused},
           {"a name has a largest length", a_name_has_a_largest_length},
           {"types are nested to a limit", types_are_nested_to_a_limit},
           {"a buffer without room is left as it was", a_buffer_without_room_is_left_as_it_was},
           {"many taken names come to an end", many_taken_names_come_to_an_end},
           {"our own schemas are as designed", our_own_schemas_are_as_designed})
