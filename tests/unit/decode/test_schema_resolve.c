#include "schema_resolve_int.h"

#include "base/alloc.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

static struct silt_tree *tree_of(const char *json)
{
    struct silt_tree *tree;
    struct silt_err err;
    if (silt_ok(silt_tree_new(silt_slice_str(json), &tree, &err))) return tree;
    fprintf(stderr, "%s: %s\n", json, err.text);
    abort();
}

/* why NULL: readable. */
static void expect(const char *writer, const char *reader, const char *why)
{
    struct silt_tree *written = tree_of(writer);
    struct silt_tree *read = tree_of(reader);
    struct silt_err err = {0};
    const bool ok = silt_ok(silt_schema_resolve(written, read, &err));
    CU_ASSERT_EQUAL(ok, why == NULL);
    if (ok != (why == NULL)) fprintf(stderr, "%s as %s: %s\n", writer, reader, err.text);
    if (why && !ok) {
        CU_ASSERT_EQUAL(err.code, SILT_E_SCHEMA);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, why));
        if (!strstr(err.text, why)) fprintf(stderr, "%s\n", err.text);
    }
    silt_tree_free(written);
    silt_tree_free(read);
}

#define RECORD(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define ENUM(name, symbols) "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":[" symbols "]}"
#define FIXED(name, size) "{\"type\":\"fixed\",\"name\":\"" name "\",\"size\":" size "}"
#define ARRAY(items) "{\"type\":\"array\",\"items\":" items "}"
#define MAP(values) "{\"type\":\"map\",\"values\":" values "}"

static void primitives_are_promoted_and_nothing_else(void)
{
    static const char *const types[] = {"null",  "boolean", "int",   "long",
                                        "float", "double",  "bytes", "string"};
    /* reader by writer: what the specification lists */
    static const char *const reads[] = {"x.......", ".x......", "..xxxx..", "...xxx..",
                                        "....xx..", ".....x..", "......xx", "......xx"};
    for (unsigned w = 0; w < 8; w++) {
        for (unsigned r = 0; r < 8; r++) {
            char writer[16];
            char reader[16];
            char why[64];
            snprintf(writer, sizeof writer, "\"%s\"", types[w]);
            snprintf(reader, sizeof reader, "\"%s\"", types[r]);
            snprintf(why, sizeof why, "top: the reader's %s cannot read the writer's %s", types[r],
                     types[w]);
            expect(writer, reader, reads[w][r] == 'x' ? NULL : why);
        }
    }
}

static void fields_are_found_by_name_or_alias_or_have_a_default(void)
{
    const char *writer = RECORD("R", FIELD("a", "\"int\"") "," FIELD("b", "\"string\""));
    expect(writer, RECORD("R", FIELD("b", "\"string\"") "," FIELD("a", "\"long\"")), NULL);
    expect(writer, RECORD("R", FIELD("b", "\"bytes\"")), NULL);
    expect(writer, RECORD("R", FIELD("c", "\"int\"")),
           "c: the writer has no such field, the reader no default");
    expect(writer, RECORD("R", "{\"name\":\"c\",\"type\":\"int\",\"default\":0}"), NULL);
    expect(writer, RECORD("R", "{\"name\":\"c\",\"type\":\"long\",\"aliases\":[\"x\",\"a\"]}"),
           NULL);
    expect(writer, RECORD("R", "{\"name\":\"c\",\"type\":\"int\",\"aliases\":[7,\"x\"]}"),
           "c: the writer has no such field");
    expect(writer, RECORD("R", FIELD("a", "\"boolean\"")),
           "schema.reader: a: the reader's boolean cannot read the writer's int");
}

static void the_place_is_the_whole_path(void)
{
    expect(RECORD("R", FIELD("site", RECORD("S", FIELD("tags", ARRAY(MAP("\"int\"")))))),
           RECORD("R", FIELD("site", RECORD("S", FIELD("tags", ARRAY(MAP("\"string\"")))))),
           "site.tags.items.values: the reader's string cannot read the writer's int");
#define LONG "a_name_of_more_than_half_of_what_there_is_room_for_in_the_text"
    expect(RECORD("R", FIELD(LONG, RECORD("S", FIELD(LONG, "\"int\"")))),
           RECORD("R", FIELD(LONG, RECORD("S", FIELD(LONG, "\"string\"")))),
           ": " LONG ": the reader's string cannot read the writer's int");
#undef LONG
}

static void names_count_without_namespace_or_by_alias(void)
{
    const char *writer = RECORD("a.R", FIELD("x", "\"int\""));
    expect(writer, RECORD("b.c.R", FIELD("x", "\"int\"")), NULL);
    expect(writer, RECORD("a.S", FIELD("x", "\"int\"")),
           "top: the reader's a.S is not the writer's a.R");
    expect(writer, "{\"type\":\"record\",\"name\":\"a.S\",\"aliases\":[\"Q\",\"R\"],\"fields\":[]}",
           NULL);
    expect(writer, "{\"type\":\"record\",\"name\":\"b.S\",\"aliases\":[\"R\"],\"fields\":[]}",
           "the reader's b.S is not");
    expect(writer, "{\"type\":\"record\",\"name\":\"b.S\",\"aliases\":[\"a.R\"],\"fields\":[]}",
           NULL);
    expect(FIXED("F", "4"), FIXED("F", "4"), NULL);
    expect(FIXED("F", "4"), FIXED("G", "4"), "the reader's G is not the writer's F");
    expect(FIXED("F", "4"), FIXED("F", "5"), "the reader's fixed has 5 bytes, the writer's 4");
    expect(RECORD("R", ""), MAP("\"int\""), "the reader's map cannot read the writer's record");
}

static void every_symbol_must_be_known_or_have_a_default(void)
{
    const char *writer = ENUM("E", "\"A\",\"B\"");
    expect(writer, ENUM("E", "\"B\",\"C\",\"A\""), NULL);
    expect(writer, ENUM("E", "\"A\""), "top: the reader has no symbol B and no default for it");
    expect(writer, "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"A\"}",
           NULL);
    expect(writer, ENUM("F", "\"A\",\"B\""), "the reader's F is not the writer's E");
}

static void every_branch_must_be_readable(void)
{
    expect("[\"null\",\"int\"]", "[\"null\",\"long\"]", NULL);
    expect("[\"null\",\"int\"]", "\"int\"", "top: the reader's int cannot read the writer's null");
    expect("[\"int\",\"long\"]", "\"double\"", NULL);
    expect("\"int\"", "[\"null\",\"string\"]",
           "top: no branch of the reader's union reads the writer's int");
    expect(RECORD("n.R", ""), "[\"null\"]",
           "no branch of the reader's union reads the writer's n.R");
    expect("[\"null\",\"boolean\"]", "[\"null\",\"int\"]",
           "no branch of the reader's union reads the writer's boolean");
}

static void records_may_contain_themselves(void)
{
    const char *writer = RECORD(
        "A", FIELD("b", RECORD("B", FIELD("a", "[\"null\",\"A\"]"))) "," FIELD("x", "\"int\""));
    expect(writer, writer, NULL);
    expect(writer,
           RECORD("A", FIELD("b", RECORD("B", FIELD("a", "[\"null\",\"A\"]"))) "," FIELD(
                           "x", "\"string\"")),
           "x: the reader's string cannot read the writer's int");
}

/* p: A cannot be read as the reader's A, whose hopes are given up, but as C, which has no x. */
static void a_record_that_failed_in_a_union_fails_again(void)
{
    const char *writer =
        RECORD("T", FIELD("p", RECORD("A", FIELD("a", "[\"null\",\"A\"]") "," FIELD(
                                               "x", "\"int\""))) "," FIELD("q", "\"A\""));
#define READER(q)                                                                                 \
    RECORD("T", FIELD("p", "[" RECORD(                                                            \
                               "A", FIELD("a", "[\"null\",\"A\"]") "," FIELD(                     \
                                        "x", "\"string\"")) ",{\"type\":\"record\","              \
                                                            "\"name\":\"C\",\"aliases\":[\"A\"]," \
                                                            "\"fields\":[]}]") "," FIELD("q", q))
    expect(writer, READER("\"C\""), NULL);
    expect(writer, READER("\"A\""), "q: the reader's A cannot read the writer's A");
#undef READER
}

static void append(char **at, const char *text)
{
    *at += snprintf(*at, 100, "%s", text);
}

/* {T: [R0, R1 with an R0, …], v: the last}; `named` is a field that the other schema does not have.
 */
static char *chain_of(unsigned n, const char *named)
{
    char *text = silt_alloc(n * 100u + 400);
    char *at = text;
    at += snprintf(at, 200,
                   "{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":\"%s\",\"default\":"
                   "null,\"type\":[\"null\"",
                   named);
    for (unsigned i = 0; i < n; i++) {
        at += snprintf(at, 60, ",{\"type\":\"record\",\"name\":\"R%u\",\"fields\":[", i);
        if (i > 0) at += snprintf(at, 40, "{\"name\":\"f\",\"type\":\"R%u\"}", i - 1);
        append(&at, "]}");
    }
    snprintf(at, 60, "]},{\"name\":\"v\",\"type\":\"R%u\"}]}", n - 1);
    return text;
}

static void depth_is_bounded(void)
{
    for (unsigned n = SILT_RESOLVE_DEPTH_MAX; n <= SILT_RESOLVE_DEPTH_MAX + 1; n++) {
        char *writer = chain_of(n, "w");
        char *reader = chain_of(n, "r");
        expect(writer, reader,
               n <= SILT_RESOLVE_DEPTH_MAX ? NULL : ": the schemas are too deep to be compared");
        silt_free(writer);
        silt_free(reader);
    }
}

static char *union_of(unsigned n, char letter)
{
    char *text = silt_alloc(n * 80u + 40);
    char *at = text;
    append(&at, "[\"null\"");
    for (unsigned i = 0; i < n; i++)
        at += snprintf(at, 80, ",{\"type\":\"fixed\",\"name\":\"%c%u\",\"size\":1}", letter, i);
    append(&at, "]");
    return text;
}

static void work_is_bounded(void)
{
    char *writer = union_of(400, 'a');
    char *reader = union_of(400, 'a');
    expect(writer, reader, NULL); /* 80,000 steps: in the middle on average */
    silt_free(reader);
    silt_free(writer);
    writer = union_of(600, 'a');
    reader = union_of(600, 'a');
    expect(writer, reader, "schema.reader: the schemas are too large to be compared");
    silt_free(reader);
    silt_free(writer);
}

SILT_TESTS("schema_resolve",
           {"primitives are promoted and nothing else", primitives_are_promoted_and_nothing_else},
           {"fields are found by name or alias, or have a default",
            fields_are_found_by_name_or_alias_or_have_a_default},
           {"the place is the whole path", the_place_is_the_whole_path},
           {"names count without namespace or by alias", names_count_without_namespace_or_by_alias},
           {"every symbol must be known or have a default",
            every_symbol_must_be_known_or_have_a_default},
           {"every branch must be readable", every_branch_must_be_readable},
           {"records may contain themselves", records_may_contain_themselves},
           {"a record that failed in a union fails again",
            a_record_that_failed_in_a_union_fails_again},
           {"depth is bounded", depth_is_bounded}, {"work is bounded", work_is_bounded})
