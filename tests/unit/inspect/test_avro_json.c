#include "inspect/avro_json.h"

#include "harness.h"
#include "inspect/record_json.h"

#include <stdio.h>
#include <string.h>

#define BYTES(s) silt_slice_of(s, sizeof(s) - 1)
#define FIELD(type)                                                                        \
    "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"a\",\"fields\":[{\"name\":\"f\"," \
    "\"type\":" type "}]}"

/* What the field of this type prints for these bytes; NULL: damage. */
static void check(const char *schema_json, struct silt_slice bytes, const char *wanted)
{
    struct silt_avro_json *schema;
    struct silt_err err;
    struct silt_buf out;
    struct silt_jsonw w;
    char text[400];
    silt_buf_init(&out, 1 << 20);
    silt_jsonw_init(&w, &out);
    struct silt_rc rc = silt_avro_json_new(schema_json, &schema, &err);
    CU_ASSERT_OK(rc);
    if (!rc.ok) return;
    bool good = silt_avro_json_fields(schema, 0, bytes, &w);
    CU_ASSERT_EQUAL(good, wanted != NULL);
    snprintf(text, sizeof text, "{\"f\":%s}", wanted ? wanted : "");
    if (good && strcmp(text, silt_buf_str(&out)) != 0)
        fprintf(stderr, "%s: %s\n", text, silt_buf_str(&out));
    CU_ASSERT(!good || strcmp(text, silt_buf_str(&out)) == 0);
    silt_avro_json_free(schema);
    silt_buf_done(&out);
}

static void plain_types_are_printed(void)
{
    check(FIELD("\"null\""), BYTES(""), "null");
    check(FIELD("\"boolean\""), BYTES("\x01"), "true");
    check(FIELD("\"int\""), BYTES("\x03"), "-2");
    check(FIELD("{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}"), BYTES("\x80\x01"),
          "64");
    check(FIELD("\"string\""),
          BYTES("\x06"
                "a\"b"),
          "\"a\\\"b\"");
    check(FIELD("\"bytes\""),
          BYTES("\x08"
                "\x00\x01\xff\xfe"),
          "\"AAH//g==\"");
    check(FIELD("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}"), BYTES("ab"), "\"YWI=\"");
}

static void numbers_have_the_digits_they_need(void)
{
    check(FIELD("\"float\""), BYTES("\xcd\xcc\xcc\x3d"), "0.1");
    check(FIELD("\"float\""), BYTES("\x00\x00\x80\x7f"), "null");
    check(FIELD("\"float\""), BYTES("\x00\x00\x80\x4b"), "16777216");
    check(FIELD("\"double\""), BYTES("\x9a\x99\x99\x99\x99\x99\xb9\x3f"), "0.1");
    check(FIELD("\"double\""), BYTES("\x33\x33\x33\x33\x33\x33\xd3\x3f"), "0.3");
    check(FIELD("\"double\""), BYTES("\x34\x33\x33\x33\x33\x33\xd3\x3f"), "0.30000000000000004");
    check(FIELD("\"double\""), BYTES("\x00\x00\x00\x00\x00\x00\xf8\x7f"), "null");
}

static void compound_types_are_printed(void)
{
    check(FIELD("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}"), BYTES("\x02"),
          "\"B\"");
    check(FIELD("[\"null\",\"int\"]"), BYTES("\x00"), "null");
    check(FIELD("[\"null\",\"int\"]"), BYTES("\x02\x02"), "1");
    check(FIELD("{\"type\":\"array\",\"items\":\"int\"}"), BYTES("\x04\x02\x04\x00"), "[1,2]");
    check(FIELD("{\"type\":\"array\",\"items\":\"int\"}"), BYTES("\x03\x04\x02\x04\x00"), "[1,2]");
    check(FIELD("{\"type\":\"map\",\"values\":\"int\"}"),
          BYTES("\x02\x02"
                "k\x02\x00"),
          "{\"k\":1}");
    check(FIELD("{\"type\":{\"type\":\"array\",\"items\":\"int\"}}"), BYTES("\x00"), "[]");
    check(
        FIELD("{\"type\":\"error\",\"name\":\"Q\",\"fields\":[{\"name\":\"q\",\"type\":\"int\"}]}"),
        BYTES("\x02"), "{\"q\":1}");
}

static void names_are_found_in_their_namespace(void)
{
    check(
        FIELD(
            "{\"type\":\"record\",\"name\":\"b.S\",\"fields\":[{\"name\":\"x\",\"type\":{\"type\":"
            "\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}},{\"name\":\"y\",\"type\":\"E\"},"
            "{\"name\":\"z\",\"type\":\"b.E\"}]}"),
        BYTES("\x00\x00\x00"), "{\"x\":\"A\",\"y\":\"A\",\"z\":\"A\"}");
    check(FIELD("[\"null\",\"R\"]"), BYTES("\x02\x02\x00"), "{\"f\":{\"f\":null}}");
}

static void damage_ends_the_value(void)
{
    check(FIELD("\"boolean\""), BYTES(""), NULL);
    check(FIELD("\"int\""), BYTES(""), NULL);
    check(FIELD("\"float\""), BYTES("abc"), NULL);
    check(FIELD("\"double\""), BYTES("abcdefg"), NULL);
    check(FIELD("\"string\""),
          BYTES("\x06"
                "ab"),
          NULL);
    check(FIELD("\"bytes\""), BYTES("\x05"), NULL);
    check(FIELD("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}"), BYTES("a"), NULL);
    check(FIELD("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}"), BYTES("\x02"), NULL);
    check(FIELD("[\"null\"]"), BYTES("\x01"), NULL);
    check(FIELD("{\"type\":\"array\",\"items\":\"int\"}"), BYTES("\x04\x02"), NULL);
    check(FIELD("{\"type\":\"array\",\"items\":\"int\"}"), BYTES("\x02\x02"), NULL);
    check(FIELD("{\"type\":\"array\",\"items\":\"int\"}"), BYTES("\x01"), NULL);
    check(FIELD("{\"type\":\"array\",\"items\":\"int\"}"),
          BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"), NULL);
    check(FIELD("{\"type\":\"map\",\"values\":\"int\"}"), BYTES("\x02\x09"), NULL);
    check(FIELD("\"int\""), BYTES("\x02\x02"), NULL);
}

static void values_too_deep_are_not_printed(void)
{
    char bytes[400];
    memset(bytes, 2, sizeof bytes);
    check(FIELD("[\"null\",\"R\"]"), silt_slice_of(bytes, sizeof bytes), NULL);
}

static void what_is_no_record_is_refused(void)
{
    static const char *const schemas[] = {
        "",
        "1",
        "\"int\"",
        "\"nobody\"",
        "{}",
        FIELD("\"nobody\""),
        FIELD("7"),
        FIELD("[\"null\",\"nobody\"]"),
        FIELD("{\"type\":\"array\"}"),
        FIELD("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[1]}"),
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"type\":\"int\"}]}",
    };
    struct silt_avro_json *schema;
    struct silt_err err;
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++) {
        CU_ASSERT_FAILS(silt_avro_json_new(schemas[i], &schema, &err));
        CU_ASSERT_EQUAL(err.code, SILT_E_SCHEMA);
    }
    char deep[2000] = "";
    memset(deep, 91, 140); /* [ */
    memset(deep + 140, 93, 140);
    CU_ASSERT_FAILS(silt_avro_json_new(deep, &schema, &err));
    silt_avro_json_free(NULL);
}

/* ---- whole records ---- */

#define META                                                                               \
    "{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"b\",\"type\":\"int\"},{\"name\":\"c\"," \
    "\"type\":\"int\"},{\"name\":\"d\",\"type\":\"int\"},{\"name\":\"e\",\"type\":\"int\"},"
#define ARCHIVED \
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" META "{\"name\":\"v\",\"type\":\"int\"}]}"

static void expect(const struct silt_object_row *row, const char *schema_json, bool good,
                   const char *wanted)
{
    struct silt_avro_json *schema = NULL;
    struct silt_err err;
    struct silt_buf out;
    silt_buf_init(&out, 1 << 20);
    if (schema_json) CU_ASSERT_OK(silt_avro_json_new(schema_json, &schema, &err));
    CU_ASSERT_EQUAL(silt_record_json("t", row, schema, &out), good);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&out), wanted);
    silt_avro_json_free(schema);
    silt_buf_done(&out);
}

static void a_record_is_one_line(void)
{
    const struct silt_header headers[] = {{.key = BYTES("h"), .value = BYTES("x")},
                                          {.key = BYTES("n"), .value_null = true},
                                          {.key = BYTES("b"), .value = BYTES("\xff")}};
    struct silt_object_row row = {.rec = {.partition = 1,
                                          .offset = 2,
                                          .timestamp_ms = 3,
                                          .key = BYTES("k\n"),
                                          .headers = headers,
                                          .headers_n = 3},
                                  .body = BYTES("\x02")};
    expect(&row, ARCHIVED, true,
           "{\"topic\":\"t\",\"partition\":1,\"offset\":2,\"timestamp\":3,\"key\":\"k\\n\","
           "\"headers\":[{\"key\":"
           "\"h\",\"value\":\"x\"},{\"key\":\"n\",\"value\":null},{\"key\":\"b\",\"value_base64\":"
           "\"/w==\"}],"
           "\"value\":{\"v\":1}}");
}

static void a_value_that_cannot_be_decoded_stays_as_it_is(void)
{
    struct silt_object_row row = {.rec = {.timestamp_ms = SILT_NO_TIMESTAMP, .key_null = true},
                                  .body = BYTES("\x02\x02")};
    expect(&row, ARCHIVED, false,
           "{\"topic\":\"t\",\"partition\":0,\"offset\":0,\"timestamp\":null,\"key\":null,"
           "\"headers\":[],"
           "\"value_base64\":\"AgI=\"}");
}

static void tombstones_and_rejects_have_no_schema(void)
{
    struct silt_object_row row = {.rec = {.key = BYTES("\xc3"), .value_null = true}};
    expect(&row, NULL, true,
           "{\"topic\":\"t\",\"partition\":0,\"offset\":0,\"timestamp\":0,\"key_base64\":\"ww==\","
           "\"headers\":[],"
           "\"value\":null}");
    row = (struct silt_object_row){.reason = BYTES("utf8"),
                                   .detail = BYTES("d"),
                                   .body = BYTES("x"),
                                   .has_schema_id = true,
                                   .schema_id = 4};
    expect(&row, NULL, true,
           "{\"topic\":\"t\",\"partition\":0,\"offset\":0,\"timestamp\":0,\"key\":\"\",\"headers\":"
           "[],\"reason\":\"utf8\","
           "\"detail\":\"d\",\"schema_id\":4,\"value_base64\":\"eA==\"}");
    row.has_schema_id = false;
    expect(&row, NULL, true,
           "{\"topic\":\"t\",\"partition\":0,\"offset\":0,\"timestamp\":0,\"key\":\"\",\"headers\":"
           "[],\"reason\":\"utf8\","
           "\"detail\":\"d\",\"schema_id\":null,\"value_base64\":\"eA==\"}");
}

SILT_TESTS("avro_json", {"plain types are printed", plain_types_are_printed},
           {"numbers have the digits they need", numbers_have_the_digits_they_need},
           {"compound types are printed", compound_types_are_printed},
           {"names are found in their namespace", names_are_found_in_their_namespace},
           {"damage ends the value", damage_ends_the_value},
           {"values too deep are not printed", values_too_deep_are_not_printed},
           {"what is no record is refused", what_is_no_record_is_refused},
           {"a record is one line", a_record_is_one_line},
           {"a value that cannot be decoded stays as it is",
            a_value_that_cannot_be_decoded_stays_as_it_is},
           {"tombstones and rejects have no schema", tombstones_and_rejects_have_no_schema})
