#include "registry_refs_int.h"

#include "base/alloc.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

static void put(struct silt_buf *buf, const char *text)
{
    silt_buf_init(buf, (size_t)1 << 20);
    silt_buf_append_str(buf, text);
}

/* Fetches these texts in order, each a reference of its own. */
static void fetch(struct silt_refs *refs, const char *const *texts, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct silt_reference reference = {.subject = (char[]){"s"}, .version = (int32_t)i + 1};
        struct silt_buf text;
        put(&text, texts[i]);
        CU_ASSERT_OK(silt_refs_add(refs, &reference, 1, NULL));
        CU_ASSERT_OK(silt_refs_fetched(refs, &text, NULL));
    }
}

static struct silt_rc compose(const char *schema, const char *const *texts, unsigned n,
                              struct silt_buf *ret_text, struct silt_err *err)
{
    struct silt_refs refs = {0};
    fetch(&refs, texts, n);
    put(ret_text, schema);
    struct silt_rc rc = silt_refs_compose(&refs, ret_text, err);
    silt_refs_done(&refs);
    return rc;
}

static void becomes(const char *schema, const char *a, const char *b, const char *wanted)
{
    const char *const texts[] = {a, b};
    struct silt_buf text;
    CU_ASSERT_OK(compose(schema, texts, b ? 2 : 1, &text, NULL));
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&text), wanted);
    if (strcmp(silt_buf_str(&text), wanted) != 0) fprintf(stderr, "%s\n", silt_buf_str(&text));
    silt_buf_done(&text);
}

static void fails(const char *schema, const char *a, const char *word)
{
    const char *const texts[] = {a};
    struct silt_buf text;
    struct silt_err err = {0};
    CU_ASSERT_FAILS(compose(schema, texts, 1, &text, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_SCHEMA);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, word));
    if (!strstr(err.text, word)) fprintf(stderr, "%s\n", err.text);
    silt_buf_done(&text);
}

#define SITE                                                                      \
    "{\"type\":\"record\",\"name\":\"Site\",\"namespace\":\"acme\",\"fields\":[{" \
    "\"name\":\"lat\",\"type\":\"double\",\"default\":0.10000000000000001}]}"

static void a_definition_stands_where_it_is_used_first(void)
{
    becomes(
        "{\"type\":\"record\",\"name\":\"acme.R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
        "{\"name\":\"b\",\"type\":\"acme.Site\"},{\"name\":\"c\",\"type\":[\"null\",\"Site\"]}]}",
        SITE, NULL,
        "{\"type\":\"record\",\"name\":\"acme.R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
        "{\"name\":\"b\",\"type\":" SITE "},{\"name\":\"c\",\"type\":[\"null\",\"Site\"]}]}");
    becomes("{\"type\":\"array\",\"items\":{\"type\":\"map\",\"values\":{\"type\":\"acme.Site\"}}}",
            SITE, NULL, "{\"type\":\"array\",\"items\":{\"type\":\"map\",\"values\":" SITE "}}");
    becomes("\"acme.Site\"", SITE, NULL, SITE);
    becomes("[\"null\",\"Other\",{\"type\":\"string\"},{\"type\":7}]", SITE, NULL,
            "[\"null\",\"Other\",{\"type\":\"string\"},{\"type\":7}]");
}

static void references_may_refer_to_others(void)
{
    becomes("\"acme.Plant\"",
            "{\"type\":\"record\",\"name\":\"Plant\",\"namespace\":\"acme\",\"fields\":[{\"name\":"
            "\"s\",\"type\":{\"type\":\"array\",\"items\":\"Site\"}},{\"name\":\"up\",\"type\":["
            "\"null\",\"Plant\"]}]}",
            SITE,
            "{\"type\":\"record\",\"name\":\"Plant\",\"namespace\":\"acme\",\"fields\":[{\"name\":"
            "\"s\",\"type\":{\"type\":\"array\",\"items\":" SITE
            "}},{\"name\":\"up\",\"type\":[\"null\",\"Plant\"]}]}");
}

/* The reference defines an enum inside a record; the schema uses the enum alone first. */
static void types_inside_a_reference_count_too(void)
{
    becomes(
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"k\",\"type\":\"a.b.Kind\"},"
        "{\"name\":\"w\",\"type\":\"a.b.Whole\"}]}",
        "{\"type\":\"record\",\"name\":\"a.b.Whole\",\"fields\":[{\"name\":\"k\",\"type\":{"
        "\"type\":\"enum\",\"name\":\"Kind\",\"symbols\":[\"A\"]}},{\"name\":\"m\",\"type\":{"
        "\"type\":\"map\",\"values\":[{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}]}}]}",
        NULL,
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"k\",\"type\":{\"type\":"
        "\"enum\",\"name\":\"Kind\",\"symbols\":[\"A\"],\"namespace\":\"a.b\"}},{\"name\":"
        "\"w\",\"type\":{\"type\":\"record\",\"name\":\"Whole\",\"fields\":[{\"name\":\"k\","
        "\"type\":\"a.b.Kind\"},{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":[{"
        "\"type\":\"fixed\",\"name\":\"F\",\"size\":2}]}}],\"namespace\":\"a.b\"}}]}");
}

/* Two references define it, or the schema does as well. */
static void a_name_is_defined_once(void)
{
    becomes("[\"F\",{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}]",
            "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}",
            "{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}",
            "[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1,\"namespace\":\"\"},\"F\"]");
}

static void what_is_no_schema_is_named(void)
{
    fails("\"int\"", "{", "subject s version 1: the schema is no JSON");
    fails("{", SITE, "the schema is no JSON");
}

static void many_references_of_one_another_are_too_deep(void)
{
    struct silt_refs refs = {0};
    struct silt_err err = {0};
    char text[8000];
    for (unsigned i = 0; i < SILT_REFS_MAX; i++) { /* Ri: six arrays around a record of Ri+1 */
        char *at = text;
        at += snprintf(
            at, 100,
            "{\"type\":\"record\",\"name\":\"R%u\",\"fields\":[{\"name\":\"f\",\"type\":", i);
        for (unsigned k = 0; k < 6; k++) at += snprintf(at, 40, "{\"type\":\"array\",\"items\":");
        at += snprintf(at, 40, "\"R%u\"", i + 1);
        for (unsigned k = 0; k < 6; k++) at += snprintf(at, 40, "}");
        snprintf(at, 40, "}]}");
        const char *const texts[] = {text};
        struct silt_reference reference = {.subject = (char[]){"s"}, .version = (int32_t)i + 1};
        struct silt_buf one;
        put(&one, texts[0]);
        CU_ASSERT_OK(silt_refs_add(&refs, &reference, 1, NULL));
        CU_ASSERT_OK(silt_refs_fetched(&refs, &one, NULL));
    }
    struct silt_buf schema;
    put(&schema, "\"R0\"");
    CU_ASSERT_FAILS(silt_refs_compose(&refs, &schema, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "too deeply"));
    silt_buf_done(&schema);
    put(&schema, "\"R40\"");
    CU_ASSERT_OK(silt_refs_compose(&refs, &schema, &err));
    silt_buf_done(&schema);
    silt_buf_init(&schema, 1000);
    silt_buf_append_str(&schema, "\"R40\"");
    CU_ASSERT_FAILS(silt_refs_compose(&refs, &schema, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "too large"));
    silt_buf_done(&schema);
    silt_refs_done(&refs);
}

static void each_is_fetched_once_and_not_too_many(void)
{
    struct silt_refs refs = {0};
    struct silt_err err = {0};
    const struct silt_reference two[] = {{(char[]){"a"}, 1}, {(char[]){"a"}, 2}};
    const struct silt_reference other = {(char[]){"b"}, 1};
    CU_ASSERT_PTR_NULL(silt_refs_wanted(&refs));
    CU_ASSERT_OK(silt_refs_add(&refs, two, 2, &err));
    CU_ASSERT_OK(silt_refs_add(&refs, two, 2, &err));
    CU_ASSERT_OK(silt_refs_add(&refs, &other, 1, &err));
    CU_ASSERT_EQUAL(refs.n, 3);
    struct silt_buf text;
    put(&text, "\"int\"");
    CU_ASSERT_STRING_EQUAL(silt_refs_wanted(&refs)->subject, "a");
    CU_ASSERT_EQUAL(silt_refs_wanted(&refs)->version, 1);
    CU_ASSERT_OK(silt_refs_fetched(&refs, &text, &err));
    CU_ASSERT_PTR_NULL(text.data);
    CU_ASSERT_EQUAL(silt_refs_wanted(&refs)->version, 2);
    for (int32_t i = 3; i < SILT_REFS_MAX; i++) {
        const struct silt_reference more = {(char[]){"a"}, i};
        CU_ASSERT_OK(silt_refs_add(&refs, &more, 1, &err));
    }
    const struct silt_reference last = {(char[]){"z"}, 1};
    CU_ASSERT_FAILS(silt_refs_add(&refs, &last, 1, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_LIMIT);
    silt_buf_init(&text, SILT_BUF_MAX_DEFAULT);
    memset(silt_buf_reserve(&text, SILT_REFS_BYTES_MAX), ' ', SILT_REFS_BYTES_MAX);
    text.len = SILT_REFS_BYTES_MAX;
    CU_ASSERT_FAILS(silt_refs_fetched(&refs, &text, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_LIMIT);
    silt_buf_done(&text);
    silt_refs_done(&refs);
}

SILT_TESTS("registry_refs",
           {"a definition stands where it is used first",
            a_definition_stands_where_it_is_used_first},
           {"references may refer to others", references_may_refer_to_others},
           {"types inside a reference count too", types_inside_a_reference_count_too},
           {"a name is defined once", a_name_is_defined_once},
           {"what is no schema is named", what_is_no_schema_is_named},
           {"many references of one another are too deep",
            many_references_of_one_another_are_too_deep},
           {"each is fetched once, and not too many", each_is_fetched_once_and_not_too_many})
