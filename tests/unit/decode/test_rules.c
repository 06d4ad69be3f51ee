#include "decode/rules.h"

#include "decode/decoder.h"
#include "decode_tools.h"
#include "field_path_int.h"

#include <math.h>

/* ---- texts ---- */

static struct silt_rules *rules_of(const char *path, const char *text)
{
    struct silt_rules *rules = NULL;
    struct silt_err err = {0};
    if (!silt_ok(silt_rules_new(&path, &text, 1, &rules, &err))) fprintf(stderr, "%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rules);
    return rules;
}

static void a_text_that_is_no_rule_names_path_and_word(void)
{
    static const char *const cases[][2] = {
        {"", "f: there is no rule"},
        {" , ", "f: there is no rule"},
        {"minimum 3", "f: \"minimum\" is no rule; there are min N"},
        {"mi 3", "\"mi\" is no rule"},
        {"a_word_of_more_than_eighty_characters_is_cut_so_that_the_message_still_fits_on_one_line_"
         "x",
         "\"a_word_of_more_than_eighty_characters_is_cut_so_that_the_message_still_fits_on_o\" is "
         "no "
         "rule"},
        {"min", "f: min needs a number, not \"\""},
        {"min x", "f: min needs a number, not \"x\""},
        {"min 3x", "min needs a number, not \"3x\""},
        {"max nan", "f: max needs a number, not \"nan\""},
        {"max inf", "max needs a number"},
        {"max 11111111111111111111111111111111111111111", "max needs a number"},
        {"min 1 min 2", "f: min stands there twice"},
        {"min 2 max 1", "f: min 2 is above max 1"},
        {"matches", "f: matches needs an expression"},
        {"matches (", "f: \"(\" is no regular expression: "},
        {"matches (a)\\1", "f: \"(a)\\1\" refers back to a group"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *path = "f";
        struct silt_rules *rules = NULL;
        struct silt_err err = {0};
        CU_ASSERT_FAILS(silt_rules_new(&path, &cases[i][0], 1, &rules, &err));
        CU_ASSERT_EQUAL(err.code, SILT_E_CONFIG);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "schema.rules: "));
        if (!strstr(err.text, cases[i][1])) {
            fprintf(stderr, "%s: %s\n", cases[i][0], err.text);
            CU_FAIL("text");
        }
    }
}

static void escapes_that_refer_to_nothing_are_fine(void)
{
    silt_rules_free(rules_of("f", "matches a\\.b\\\\1"));
    const char *path = "f";
    const char *text = "matches a\\";
    struct silt_rules *rules;
    struct silt_err err;
    CU_ASSERT_FAILS(silt_rules_new(&path, &text, 1, &rules, &err)); /* regcomp's word */
}

static void paths_are_found_whole_and_reached_by_their_parts(void)
{
    const char *const paths[] = {"a.b", "c", "longer"};
    const char *const texts[] = {"not_null", "finite", "finite"};
    struct silt_rules *rules;
    CU_ASSERT_OK(silt_rules_new(paths, texts, 3, &rules, NULL));
    CU_ASSERT_PTR_NOT_NULL(silt_rules_at(rules, "a.b"));
    CU_ASSERT_PTR_NOT_NULL(silt_rules_at(rules, "c"));
    CU_ASSERT_PTR_NULL(silt_rules_at(rules, "a"));
    CU_ASSERT(silt_rules_reach(rules, ""));
    CU_ASSERT(silt_rules_reach(rules, "a"));
    CU_ASSERT(silt_rules_reach(rules, "a.b"));
    CU_ASSERT_FALSE(silt_rules_reach(rules, "a.bc"));
    CU_ASSERT_FALSE(silt_rules_reach(rules, "a.b.c"));
    CU_ASSERT_FALSE(silt_rules_reach(rules, "cc"));
    CU_ASSERT_FALSE(silt_rules_reach(rules, "lon"));
    CU_ASSERT_PTR_NULL(silt_rules_at(NULL, "c"));
    CU_ASSERT_FALSE(silt_rules_reach(NULL, ""));
    CU_ASSERT_FALSE(silt_rule_has_any(NULL, SILT_CHECK_MIN));
    silt_rules_free(rules);
    silt_rules_free(NULL);
}

/* ---- values ---- */

static void numbers_are_compared_exactly(void)
{
    struct silt_rules *rules = rules_of("f", "min -50, max 9223372036854775806");
    const struct silt_rule *rule = silt_rules_at(rules, "f");
    CU_ASSERT_EQUAL(silt_rule_check_long(rule, -50), SILT_CHECK_NONE);
    CU_ASSERT_EQUAL(silt_rule_check_long(rule, -51), SILT_CHECK_MIN);
    CU_ASSERT_EQUAL(silt_rule_check_long(rule, INT64_MAX - 1), SILT_CHECK_NONE);
    CU_ASSERT_EQUAL(silt_rule_check_long(rule, INT64_MAX), SILT_CHECK_MAX);
    CU_ASSERT_EQUAL(silt_rule_check_double(rule, -50.0), SILT_CHECK_NONE);
    CU_ASSERT_EQUAL(silt_rule_check_double(rule, nextafter(-50, -51)), SILT_CHECK_MIN);
    CU_ASSERT_EQUAL(silt_rule_check_double(rule, NAN), SILT_CHECK_MIN);
    CU_ASSERT_EQUAL(silt_rule_check_double(rule, INFINITY), SILT_CHECK_MAX);
    silt_rules_free(rules);
    rules = rules_of("f", "max 1");
    CU_ASSERT_EQUAL(silt_rule_check_double(silt_rules_at(rules, "f"), NAN), SILT_CHECK_MAX);
    silt_rules_free(rules);
    rules = rules_of("f", "finite");
    CU_ASSERT_EQUAL(silt_rule_check_double(silt_rules_at(rules, "f"), NAN), SILT_CHECK_FINITE);
    CU_ASSERT_EQUAL(silt_rule_check_double(silt_rules_at(rules, "f"), -INFINITY),
                    SILT_CHECK_FINITE);
    CU_ASSERT_EQUAL(silt_rule_check_double(silt_rules_at(rules, "f"), 1e308), SILT_CHECK_NONE);
    silt_rules_free(rules);
}

static enum silt_check check_text(const char *rule, const char *bytes, size_t len, bool is_text)
{
    struct silt_rules *rules = rules_of("f", rule);
    enum silt_check broken =
        silt_rule_check_bytes(silt_rules_at(rules, "f"), silt_slice_of(bytes, len), is_text);
    silt_rules_free(rules);
    return broken;
}

static void text_matches_over_all_its_bytes(void)
{
    CU_ASSERT_EQUAL(check_text("matches ^s-[0-9]+$", "s-12", 4, true), SILT_CHECK_NONE);
    CU_ASSERT_EQUAL(check_text("matches ^s-[0-9]+$", "s-12x", 5, true), SILT_CHECK_MATCHES);
    CU_ASSERT_EQUAL(check_text("matches ^s-[0-9]+$", "s-12x", 4, true), SILT_CHECK_NONE);
    CU_ASSERT_EQUAL(check_text("matches ^s-[0-9]+$", "s-12\0x", 6, true), SILT_CHECK_MATCHES);
    CU_ASSERT_EQUAL(check_text("matches ^$", "", 0, true), SILT_CHECK_NONE);
    CU_ASSERT_EQUAL(check_text("matches x", "", 0, false), SILT_CHECK_NONE); /* bytes are no text */
    CU_ASSERT_EQUAL(check_text("not_empty", "", 0, false), SILT_CHECK_NOT_EMPTY);
    CU_ASSERT_EQUAL(check_text("not_empty", "a", 1, false), SILT_CHECK_NONE);
    CU_ASSERT_EQUAL(check_text("not_empty", "a", 1, true), SILT_CHECK_NONE);
    CU_ASSERT_EQUAL(check_text("not_empty, matches a, max", "a, max", 6, true), SILT_CHECK_NONE);
    CU_ASSERT_EQUAL(check_text("not_empty, matches a, max", "a max", 5, true), SILT_CHECK_MATCHES);
}

/* ---- in a schema ---- */

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"

struct row {
    const char *schema;
    const char *path;
    const char *rule;
    const char *bytes;
    size_t len;
    const char *broken; /* "": valid */
    uint32_t at;
};

#define ROW(schema, path, rule, bytes, broken, at)               \
    {                                                            \
        schema, path, rule, bytes, sizeof(bytes) - 1, broken, at \
    }

static void expect_row(const struct row *row)
{
    struct silt_rules *rules = rules_of(row->path, row->rule);
    const struct silt_schema_opts opts = {.id = 1, .time_field = "t", .rules = rules};
    struct silt_schema *schema;
    struct silt_verdict verdict;
    char text[200] = "";
    CU_ASSERT_OK(silt_schema_new(silt_slice_str(row->schema), &opts, &schema, NULL));
    bool valid = tool_walk(schema, row->bytes, row->len, &verdict);
    CU_ASSERT_EQUAL(valid, !*row->broken);
    if (verdict.reason == SILT_REASON_RULE)
        silt_rule_describe(verdict.rule, verdict.broken, text, sizeof text);
    if (strcmp(text, row->broken) != 0 || (!valid && verdict.at != row->at)) {
        fprintf(stderr, "%s: %s: %s at %u\n", row->rule, silt_reason_name(verdict.reason), text,
                verdict.at);
        CU_FAIL("verdict");
    }
    silt_schema_unref(schema);
    silt_rules_free(rules);
}

static void every_type_is_read_where_it_stands(void)
{
    static const struct row rows[] = {
        ROW(RECORD(FIELD("a", "\"int\"") "," FIELD("f", "\"int\"")), "f", "max 3", "\x02\x06", "",
            0),
        ROW(RECORD(FIELD("a", "\"int\"") "," FIELD("f", "\"int\"")), "f", "max 3", "\x02\x08",
            "f: max 3", 1),
        ROW(RECORD(FIELD("f", "\"long\"")), "f", "min -1", "\x03", "f: min -1", 0),
        ROW(RECORD(FIELD("t", "\"long\"")), "t", "min 0", "\x01", "t: min 0", 0),
        ROW(RECORD(
                FIELD("a", "\"double\"") "," FIELD("f", "\"float\"") "," FIELD("b", "\"float\"")),
            "f", "max 1",
            "abcdefgh\0\0\x80\x3f"
            "xxxx",
            "", 0),
        ROW(RECORD(
                FIELD("a", "\"double\"") "," FIELD("f", "\"float\"") "," FIELD("b", "\"float\"")),
            "f", "max 1",
            "abcdefgh\0\0\0\x40"
            "xxxx",
            "f: max 1", 8),
        ROW(RECORD(FIELD("f", "\"double\"")), "f", "finite", "\0\0\0\0\0\0\xf8\x7f", "f: finite",
            0),
        ROW(RECORD(FIELD("f", "\"double\"")), "f", "finite", "\0\0\0\0\0\0\xf0\x3f", "", 0),
        ROW(RECORD(FIELD("f", "\"string\"")), "f", "matches ^ab$",
            "\x04"
            "ab",
            "", 0),
        ROW(RECORD(FIELD("f", "\"string\"")), "f", "matches ^ab$",
            "\x04"
            "ac",
            "f: matches ^ab$", 0),
        ROW(RECORD(FIELD("f", "\"bytes\"")), "f", "not_empty", "\0", "f: not_empty", 0),
        ROW(RECORD(FIELD("f", "\"boolean\"")), "f", "min 5", "\1", "", 0), /* says nothing of it */
        ROW(RECORD(FIELD("f", "\"int\"")), "g", "max 3", "\x08", "", 0),
        ROW("\"int\"", "f", "max 3", "\x08", "", 0),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) expect_row(&rows[i]);
}

#define OPTIONAL "[\"null\",\"int\"]"
#define BEHIND "[\"int\",\"null\"]"
#define INNER "{\"type\":\"record\",\"name\":\"I\",\"fields\":[" FIELD("x", "\"int\"") "]}"
#define FLAT "{\"type\":\"record\",\"name\":\"I\",\"fields\":[" FIELD("x", "\"float\"") "]}"
#define NOTHING "{\"type\":\"record\",\"name\":\"I\",\"fields\":[" FIELD("x", "\"null\"") "]}"
#define LIST                                                                            \
    "{\"type\":\"record\",\"name\":\"L\",\"fields\":[" FIELD("v", "\"int\"") "," FIELD( \
        "next", "[\"null\",\"L\"]") "]}"

static void paths_lead_through_records_unions_and_items(void)
{
    static const struct row rows[] = {
        ROW(RECORD(FIELD("f", OPTIONAL)), "f", "max 3", "\0", "", 0),
        ROW(RECORD(FIELD("f", OPTIONAL)), "f", "max 3", "\x02\x08", "f: max 3", 1),
        ROW(RECORD(FIELD("f", OPTIONAL)), "f", "not_null", "\0", "f: not_null", 1),
        ROW(RECORD(FIELD("f", OPTIONAL)), "f", "not_null", "\x02\x08", "", 0),
        ROW(RECORD(FIELD("f", BEHIND)), "f", "not_null", "\x02", "f: not_null", 1),
        ROW(RECORD(FIELD("f", BEHIND) "," FIELD("g", "\"int\"")), "f", "not_null max 4",
            "\0\x08\x02", "", 0),
        ROW(RECORD(FIELD("f", BEHIND) "," FIELD("g", "\"int\"")), "f", "not_null max 4",
            "\0\x0a\x02", "f: max 4", 1),
        ROW(RECORD(FIELD("a", INNER) "," FIELD("b", "\"I\"")), "b.x", "max 3", "\x08\x06", "", 0),
        ROW(RECORD(FIELD("a", INNER) "," FIELD("b", "\"I\"")), "b.x", "max 3", "\x06\x08",
            "b.x: max 3", 1),
        ROW(RECORD(FIELD("a", FLAT)), "a.x", "max 0", "\0\0\x80\x3f", "a.x: max 0", 0),
        ROW(RECORD(FIELD("a", "[" FLAT ",\"null\"]")), "a.x", "max 0", "\0\0\0\x80\x3f",
            "a.x: max 0", 1),
        ROW(RECORD(FIELD("a", NOTHING)), "a.x", "not_null", "", "a.x: not_null", 0),
        ROW(RECORD(FIELD("a", "[" NOTHING ",\"int\"]")), "a.x", "max 9", "\0", "", 0),
        ROW(RECORD(FIELD("a", LIST)), "a.next.v", "max 3", "\x08\x02\x06\0", "", 0),
        ROW(RECORD(FIELD("a", LIST)), "a.next.v", "max 3", "\x02\x02\x08\0", "a.next.v: max 3", 2),
        ROW(RECORD(FIELD("a", LIST)), "a.next.v", "max 3", "\x02\x02\x06\x02\x08\0", "", 0),
        ROW(RECORD(FIELD("a", "{\"type\":\"array\",\"items\":" INNER "}")), "a.x", "max 3",
            "\x04\x06\x08\0", "a.x: max 3", 2),
        ROW(RECORD(FIELD("a", "{\"type\":\"array\",\"items\":\"double\"}")), "a", "finite",
            "\x02\0\0\0\0\0\0\xf8\x7f\0", "a: finite", 1),
        ROW(RECORD(FIELD("a", "{\"type\":\"map\",\"values\":\"int\"}")), "a", "max 3",
            "\x02\x02k\x08\0", "a: max 3", 3),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) expect_row(&rows[i]);
}

static void a_path_longer_than_any_rule_leads_nowhere(void)
{
    char name[SILT_FIELD_PATH_MAX + 1];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    char schema[2 * sizeof name + 200];
    snprintf(schema, sizeof schema, RECORD(FIELD("%s", "\"int\"")), name);
    expect_row(&(struct row){schema, name, "max 3", "\x08", 1, "", 0});
    name[SILT_FIELD_PATH_MAX - 1] = '\0';
    snprintf(schema, sizeof schema, RECORD(FIELD("%s", "\"int\"")), name);
    struct silt_rules *rules = rules_of(name, "max 3");
    const struct silt_schema_opts opts = {.id = 1, .rules = rules};
    struct silt_schema *built;
    struct silt_verdict verdict;
    CU_ASSERT_OK(silt_schema_new(silt_slice_str(schema), &opts, &built, NULL));
    CU_ASSERT_FALSE(tool_walk(built, "\x08", 1, &verdict));
    CU_ASSERT_EQUAL(verdict.reason, SILT_REASON_RULE);
    silt_schema_unref(built);
    silt_rules_free(rules);
}

/* ---- in the decoder ---- */

static enum silt_decode_status decode(const struct silt_decoder_opts *opts, const char *value,
                                      int64_t timestamp_ms, char ret_detail[120])
{
    struct silt_decoder *decoder;
    struct silt_decoded decoded;
    struct silt_err err = {0};
    if (!silt_ok(silt_decoder_new(opts, &decoder, &err))) fprintf(stderr, "%s\n", err.text);
    const struct silt_record rec = {.value = silt_slice_str(value), .timestamp_ms = timestamp_ms};
    enum silt_decode_status status = silt_decoder_decode(decoder, &rec, &decoded);
    CU_ASSERT_EQUAL(status == SILT_DECODE_REJECT, decoded.verdict.reason == SILT_REASON_RULE);
    snprintf(ret_detail, 120, "%s", decoded.detail);
    silt_decoder_free(decoder);
    return status;
}

static void the_decoder_says_which_rule_and_never_the_value(void)
{
    char path[] = "/tmp/silt-test-rules-XXXXXX";
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fputs(RECORD(FIELD("t", "\"long\"") "," FIELD("s", "\"string\"")), file);
    fclose(file);
    const char *const files[] = {path};
    const char *const paths[] = {"s"};
    const char *const texts[] = {"matches ^a+$"};
    struct silt_decoder_opts opts = {.framing = SILT_FRAMING_NONE,
                                     .schema_files = files,
                                     .schema_files_n = 1,
                                     .time_field = "t",
                                     .rule_paths = paths,
                                     .rule_texts = texts,
                                     .rules_n = 1};
    char detail[120];
    CU_ASSERT_EQUAL(decode(&opts,
                           "\x0e\x04"
                           "aa",
                           7, detail),
                    SILT_DECODE_OK);
    CU_ASSERT_EQUAL(decode(&opts,
                           "\x0e\x04"
                           "zz",
                           7, detail),
                    SILT_DECODE_REJECT);
    CU_ASSERT_STRING_EQUAL(detail, "s: matches ^a+$");
    opts.time_max_age_ms = 10;
    opts.time_max_future_ms = 5;
    CU_ASSERT_EQUAL(decode(&opts,
                           "\x0e\x04"
                           "aa",
                           17, detail),
                    SILT_DECODE_OK);
    CU_ASSERT_EQUAL(decode(&opts,
                           "\x0e\x04"
                           "aa",
                           18, detail),
                    SILT_DECODE_REJECT);
    CU_ASSERT_STRING_EQUAL(detail, "t: older than schema.time_max_age allows");
    CU_ASSERT_EQUAL(decode(&opts,
                           "\x0e\x04"
                           "aa",
                           2, detail),
                    SILT_DECODE_OK);
    CU_ASSERT_EQUAL(decode(&opts,
                           "\x0e\x04"
                           "aa",
                           1, detail),
                    SILT_DECODE_REJECT);
    CU_ASSERT_STRING_EQUAL(detail, "t: further ahead than schema.time_max_future allows");
    CU_ASSERT_EQUAL(decode(&opts,
                           "\x0e\x04"
                           "aa",
                           SILT_NO_TIMESTAMP, detail),
                    SILT_DECODE_OK);
    opts.time_field = "";
    CU_ASSERT_EQUAL(decode(&opts,
                           "\x0e\x04"
                           "aa",
                           1000, detail),
                    SILT_DECODE_OK);
    remove(path);
}

static void a_bad_rule_ends_the_start(void)
{
    const char *const paths[] = {"s"};
    const char *const texts[] = {"matches ("};
    const struct silt_decoder_opts opts = {
        .framing = SILT_FRAMING_NONE, .rule_paths = paths, .rule_texts = texts, .rules_n = 1};
    struct silt_decoder *decoder;
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_decoder_new(&opts, &decoder, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "schema.rules: s: "));
}

SILT_TESTS("rules",
           {"a text that is no rule names path and word",
            a_text_that_is_no_rule_names_path_and_word},
           {"escapes that refer to nothing are fine", escapes_that_refer_to_nothing_are_fine},
           {"paths are found whole and reached by their parts",
            paths_are_found_whole_and_reached_by_their_parts},
           {"numbers are compared exactly", numbers_are_compared_exactly},
           {"text matches over all its bytes", text_matches_over_all_its_bytes},
           {"every type is read where it stands", every_type_is_read_where_it_stands},
           {"paths lead through records, unions and items",
            paths_lead_through_records_unions_and_items},
           {"a path longer than any rule leads nowhere", a_path_longer_than_any_rule_leads_nowhere},
           {"the decoder says which rule and never the value",
            the_decoder_says_which_rule_and_never_the_value},
           {"a bad rule ends the start", a_bad_rule_ends_the_start})
