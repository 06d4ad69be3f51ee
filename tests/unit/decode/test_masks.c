#include "decode/masks.h"

#include "decode/decoder.h"
#include "decode_tools.h"
#include "field_path_int.h"

#include <unistd.h>

#define SECRET "0123456789abcdef"
#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define ARRAY(type) "{\"type\":\"array\",\"items\":" type "}"
#define MAP(type) "{\"type\":\"map\",\"values\":" type "}"
#define FIXED(size) "{\"type\":\"fixed\",\"name\":\"F\",\"size\":" size "}"
#define ENUM "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"X\",\"Y\"]}"
/* HMAC-SHA-256 under SECRET of "ab", as Python's hmac has it. */
#define TEXT_OF_AB \
    "\x80\x01"     \
    "092080d44ec56248bf9e87ef67d0d40e10c6ca52b5f178d63bd1e7b3438489f1"
#define BYTES_OF_AB                                                                                \
    "\x40\x09\x20\x80\xd4\x4e\xc5\x62\x48\xbf\x9e\x87\xef\x67\xd0\xd4\x0e\x10\xc6\xca\x52\xb5\xf1" \
    "\x78"                                                                                         \
    "\xd6\x3b\xd1\xe7\xb3\x43\x84\x89\xf1"

static struct silt_mask_opts one(const char *const *path, enum silt_mask how)
{
    struct silt_mask_opts opts = {0};
    if (how == SILT_MASK_DROP) {
        opts.drop = path;
        opts.drop_n = 1;
    } else {
        opts.hash = path;
        opts.hash_n = 1;
        silt_secret_set(&opts.secret, SECRET);
    }
    return opts;
}

/* ---- the set ---- */

static void wrong_options_are_named(void)
{
    static const char *const nested[] = {"a", "a.b"};
    static const char *const same[] = {"a.b", "a.b"};
    static const char *const empty[] = {""};
    static const char *const good[] = {"a.b", "a.bc", "ab"};
    char text[SILT_FIELD_PATH_MAX + 1];
    memset(text, 'n', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    const char *const endless[] = {text};
    struct silt_secret short_one = {0};
    silt_secret_set(&short_one, "0123456789abcde");
    const struct {
        struct silt_mask_opts opts;
        const char *words;
    } cases[] = {
        {{.drop = nested, .drop_n = 2}, "privacy.drop: a.b and a of privacy.drop are one inside"},
        {{.drop = &nested[1], .drop_n = 1, .hash = nested, .hash_n = 1}, "privacy.hash_secret"},
        {{.drop = same, .drop_n = 2}, "privacy.drop: a.b and a.b"},
        {{.drop = empty, .drop_n = 1}, "privacy.drop: \"\" is no path of a field"},
        {{.drop = endless, .drop_n = 1}, "privacy.drop: \"nnn"},
        {{.hash = good, .hash_n = 1}, "privacy.hash needs privacy.hash_secret, 16 characters"},
        {{.hash = good, .hash_n = 1, .secret = short_one},
         "privacy.hash needs privacy.hash_secret"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct silt_masks *masks;
        struct silt_err err = {0};
        CU_ASSERT_FAILS(silt_masks_new(&cases[i].opts, &masks, &err));
        CU_ASSERT_EQUAL(err.code, SILT_E_CONFIG);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].words));
    }
    silt_secret_done(&short_one);
    struct silt_masks *masks;
    struct silt_mask_opts over = one(nested, SILT_MASK_HASH);
    struct silt_err err = {0};
    over.drop = &nested[1];
    over.drop_n = 1;
    CU_ASSERT_FAILS(silt_masks_new(&over, &masks, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "privacy.hash: a and a.b of privacy.drop"));
    silt_secret_done(&over.secret);
    CU_ASSERT_OK(silt_masks_new(&(struct silt_mask_opts){.drop = good, .drop_n = 3}, &masks, NULL));
    CU_ASSERT_EQUAL(silt_masks_at(masks, "a.bc"), SILT_MASK_DROP);
    CU_ASSERT_EQUAL(silt_masks_at(masks, "a"), SILT_MASK_NONE);
    CU_ASSERT(silt_masks_reach(masks, "a"));
    CU_ASSERT_FALSE(silt_masks_reach(masks, "abc"));
    silt_masks_free(masks);
    CU_ASSERT_OK(silt_masks_new(&(struct silt_mask_opts){0}, &masks, NULL));
    CU_ASSERT_PTR_NULL(masks);
    CU_ASSERT_EQUAL(silt_masks_at(NULL, "a"), SILT_MASK_NONE);
    CU_ASSERT_FALSE(silt_masks_reach(NULL, "a"));
    silt_masks_free(NULL);
}

/* ---- in a schema ---- */

struct row {
    const char *schema;
    enum silt_mask how;
    const char *path;
    const char *bytes;
    size_t len;
    const char *masked;
    size_t masked_len;
};

#define ROW(schema, how, path, bytes, masked)                                               \
    {                                                                                       \
        schema, SILT_MASK_##how, path, bytes, sizeof(bytes) - 1, masked, sizeof(masked) - 1 \
    }

static struct silt_schema *masked_schema(const char *json, const struct silt_masks *masks)
{
    const struct silt_schema_opts opts = {
        .id = 1, .sensor_id_field = "s", .time_field = "t", .masks = masks};
    struct silt_schema *schema;
    struct silt_err err = {0};
    if (!silt_ok(silt_schema_new(silt_slice_str(json), &opts, &schema, &err))) {
        fprintf(stderr, "%s: %s\n", json, err.text);
        abort();
    }
    return schema;
}

static void expect_row(const struct row *row)
{
    struct silt_mask_opts opts = one(&row->path, row->how);
    struct silt_masks *masks;
    struct silt_masker masker;
    struct silt_verdict verdict;
    struct silt_slice body = silt_slice_of(row->bytes, row->len);
    struct silt_slice masked;
    CU_ASSERT_OK(silt_masks_new(&opts, &masks, NULL));
    struct silt_schema *schema = masked_schema(row->schema, masks);
    silt_masker_init(&masker, masks, 1000);
    silt_masker_begin(&masker, body);
    CU_ASSERT(silt_walk(schema->program, body, &masker, &verdict));
    CU_ASSERT(silt_masker_end(&masker, body, &masked));
    if (!silt_slice_eq(masked, silt_slice_of(row->masked, row->masked_len))) {
        fprintf(stderr, "%s of %s:", row->path, row->schema);
        for (size_t i = 0; i < masked.len; i++) fprintf(stderr, " %02x", masked.ptr[i]);
        CU_FAIL("masked");
    }
    silt_masker_done(&masker);
    silt_schema_unref(schema);
    silt_masks_free(masks);
    silt_secret_done(&opts.secret);
}

#define AROUND(type) RECORD(FIELD("a", "\"int\"") "," FIELD("f", type) "," FIELD("z", "\"int\""))
#define PERSON                                                                                \
    "{\"type\":\"record\",\"name\":\"P\",\"fields\":[" FIELD("name", "\"string\"") "," FIELD( \
        "born", "\"int\"") "," FIELD("pad", "\"double\"") "]}"

static void a_dropped_value_leaves_an_empty_one_of_its_type(void)
{
    static const struct row rows[] = {
        ROW(AROUND("\"string\""), DROP, "f",
            "\x02\x04"
            "ab\x06",
            "\x02\0\x06"),
        ROW(AROUND("\"bytes\""), DROP, "f",
            "\x02\x04"
            "ab\x06",
            "\x02\0\x06"),
        ROW(AROUND("\"boolean\""), DROP, "f", "\x02\x01\x06", "\x02\0\x06"),
        ROW(AROUND("\"long\""), DROP, "f", "\x02\x80\x01\x06", "\x02\0\x06"),
        ROW(AROUND("\"float\""), DROP, "f",
            "\x02"
            "abcd\x06",
            "\x02\0\0\0\0\x06"),
        ROW(AROUND("\"double\""), DROP, "f",
            "\x02"
            "abcdefgh\x06",
            "\x02\0\0\0\0\0\0\0\0\x06"),
        ROW(AROUND(FIXED("3")), DROP, "f",
            "\x02"
            "abc\x06",
            "\x02\0\0\0\x06"),
        ROW(AROUND(ENUM), DROP, "f", "\x02\x02\x06", "\x02\0\x06"),
        ROW(AROUND("\"null\""), DROP, "f", "\x02\x06", "\x02\x06"),
        ROW(AROUND(ARRAY("\"string\"")), DROP, "f",
            "\x02\x02\x02"
            "a\0\x06",
            "\x02\0\x06"),
        ROW(AROUND("[\"null\",\"string\"]"), DROP, "f",
            "\x02\x02\x02"
            "a\x06",
            "\x02\0\x06"),
        ROW(AROUND("[\"null\",\"string\"]"), DROP, "f", "\x02\0\x06", "\x02\0\x06"),
        ROW(AROUND("[\"string\",\"null\"]"), DROP, "f",
            "\x02\0\x02"
            "a\x06",
            "\x02\x02\x06"),
        ROW(AROUND("[\"string\",\"int\"]"), DROP, "f", "\x02\x02\x04\x06", "\x02\0\0\x06"),
        ROW(AROUND(PERSON), DROP, "f",
            "\x02\x02"
            "a\x04"
            "abcdefgh\x06",
            "\x02\0\0\0\0\0\0\0\0\0\0\x06"),
        ROW(AROUND(PERSON), DROP, "f.name",
            "\x02\x02"
            "a\x04"
            "abcdefgh\x06",
            "\x02\0\x04"
            "abcdefgh\x06"),
        ROW(AROUND(PERSON), DROP, "f.pad",
            "\x02\x02"
            "a\x04"
            "abcdefgh\x06",
            "\x02\x02"
            "a\x04\0\0\0\0\0\0\0\0\x06"),
        ROW(AROUND("\"string\""), DROP, "other",
            "\x02\x04"
            "ab\x06",
            "\x02\x04"
            "ab\x06"),
        ROW("\"string\"", DROP, "f",
            "\x04"
            "ab",
            "\x04"
            "ab"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) expect_row(&rows[i]);
}

static void a_hashed_value_leaves_its_hash(void)
{
    static const struct row rows[] = {
        ROW(AROUND("\"string\""), HASH, "f",
            "\x02\x04"
            "ab\x06",
            "\x02" TEXT_OF_AB "\x06"),
        ROW(AROUND("\"bytes\""), HASH, "f",
            "\x02\x04"
            "ab\x06",
            "\x02" BYTES_OF_AB "\x06"),
        ROW(AROUND("[\"null\",\"string\"]"), HASH, "f",
            "\x02\x02\x04"
            "ab\x06",
            "\x02\x02" TEXT_OF_AB "\x06"),
        ROW(AROUND("[\"null\",\"string\"]"), HASH, "f", "\x02\0\x06", "\x02\0\x06"),
        ROW(AROUND("[\"string\",\"null\"]"), HASH, "f", "\x02\x02\x06", "\x02\x02\x06"),
        ROW(AROUND(ARRAY("\"string\"")), HASH, "f",
            "\x02\x04\x04"
            "ab\x04"
            "ab\0\x06",
            "\x02\x04" TEXT_OF_AB TEXT_OF_AB "\0\x06"),
        ROW(AROUND(MAP("\"string\"")), HASH, "f",
            "\x02\x02\x02"
            "k\x04"
            "ab\0\x06",
            "\x02\x02\x02"
            "k" TEXT_OF_AB "\0\x06"),
        ROW(AROUND(ARRAY(PERSON)), HASH, "f.name",
            "\x02\x02\x04"
            "ab\x04"
            "abcdefgh\x02\x04"
            "ab\x04"
            "abcdefgh\0\x06",
            "\x02\x02" TEXT_OF_AB "\x04"
            "abcdefgh\x02" TEXT_OF_AB "\x04"
            "abcdefgh\0\x06"),
        ROW(AROUND(ARRAY("\"double\"")), HASH, "other",
            "\x02\x02"
            "abcdefgh\0\x06",
            "\x02\x02"
            "abcdefgh\0\x06"),
        ROW(RECORD(FIELD("f", "\"string\"")), HASH, "f",
            "\x04"
            "ab",
            TEXT_OF_AB),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) expect_row(&rows[i]);
}

static void a_path_that_leads_nowhere_is_told(void)
{
    static const char *const paths[] = {"a", "f.nmae", "f.name"};
    const struct silt_mask_opts opts = {.drop = paths, .drop_n = 3};
    struct silt_masks *masks;
    CU_ASSERT_OK(silt_masks_new(&opts, &masks, NULL));
    struct silt_schema *schema = masked_schema(AROUND(PERSON), masks);
    CU_ASSERT_STRING_EQUAL(silt_schema_unmasked(schema), "f.nmae");
    silt_schema_unref(schema);
    schema = masked_schema(AROUND("\"string\""), NULL);
    CU_ASSERT_PTR_NULL(silt_schema_unmasked(schema));
    silt_schema_unref(schema);
    silt_masks_free(masks);
}

static void refused(const char *json, enum silt_mask how, const char *path, const char *words)
{
    struct silt_mask_opts opts = one(&path, how);
    struct silt_masks *masks;
    CU_ASSERT_OK(silt_masks_new(&opts, &masks, NULL));
    const struct silt_schema_opts schema_opts = {.id = 1, .masks = masks};
    struct silt_schema *schema;
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_schema_new(silt_slice_str(json), &schema_opts, &schema, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_SCHEMA);
    if (!strstr(err.text, words)) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL("text");
    }
    silt_masks_free(masks);
    silt_secret_done(&opts.secret);
}

/* 15 record types, each with two fields of the next one: 2^15 of the last. */
static void endless_schema(struct silt_buf *json)
{
    for (unsigned i = 0; i < 15; i++)
        silt_buf_printf(
            json, "{\"type\":\"record\",\"name\":\"R%u\",\"fields\":[{\"name\":\"f\",\"type\":", i);
    silt_buf_append_str(json, "\"null\"");
    for (unsigned i = 15; i-- > 0;)
        silt_buf_printf(json, "},{\"name\":\"g\",\"type\":\"%s%.0u\"}]}", i == 14 ? "null" : "R",
                        i == 14 ? 0 : i + 1);
}

static void what_cannot_be_masked_makes_its_schema_unusable(void)
{
    refused(AROUND("\"long\""), SILT_MASK_HASH, "f",
            "privacy.hash: f is of type long, only string and bytes are hashed: use privacy.drop");
    refused(AROUND("[\"null\",\"string\",\"int\"]"), SILT_MASK_HASH, "f", "f is of type int");
    refused(AROUND(ARRAY("\"double\"")), SILT_MASK_HASH, "f", "f is of type double");
    refused(AROUND(PERSON), SILT_MASK_HASH, "f", "f is of type record");
    refused(AROUND("\"long\""), SILT_MASK_HASH, "z", "z is of type int");
    refused(RECORD(FIELD("f", "\"int\"") "," FIELD("g", ARRAY("\"int\""))), SILT_MASK_HASH, "g",
            "g is of type int");
    refused(AROUND(FIXED("70000")), SILT_MASK_DROP, "f",
            "privacy.drop: f is of type fixed, whose empty value is too large");
    struct silt_buf json;
    silt_buf_init(&json, 100000);
    silt_buf_append_str(
        &json, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"f\",\"type\":");
    endless_schema(&json);
    silt_buf_append_str(&json, "}]}");
    refused(silt_buf_str(&json), SILT_MASK_DROP, "f", "f is of type record, whose empty value");
    silt_buf_done(&json);
}

/* ---- in the decoder ---- */

struct patient {
    char file[40];
    struct silt_decoder *decoder;
};

static void begin(struct patient *patient, const char *json, const char *path, enum silt_mask how,
                  uint32_t value_max)
{
    snprintf(patient->file, sizeof patient->file, "/tmp/silt-test-masks-XXXXXX");
    int fd = mkstemp(patient->file);
    CU_ASSERT_FATAL(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fputs(json, file);
    fclose(file);
    const char *const files[] = {patient->file};
    struct silt_decoder_opts opts = {.framing = SILT_FRAMING_NONE,
                                     .schema_files = files,
                                     .schema_files_n = 1,
                                     .sensor_id_field = "s",
                                     .time_field = "t",
                                     .masks = one(&path, how),
                                     .value_max = value_max};
    CU_ASSERT_OK(silt_decoder_new(&opts, &patient->decoder, NULL));
    silt_secret_done(&opts.masks.secret);
}

static enum silt_decode_status decode(struct patient *patient, const char *value,
                                      struct silt_decoded *ret)
{
    const struct silt_record rec = {.value = silt_slice_str(value),
                                    .timestamp_ms = SILT_NO_TIMESTAMP};
    return silt_decoder_decode(patient->decoder, &rec, ret);
}

static void end(struct patient *patient)
{
    silt_decoder_free(patient->decoder);
    unlink(patient->file);
}

static void masked_fields_are_told_to_nobody(void)
{
    struct patient patient;
    struct silt_decoded decoded;
    const char *json = RECORD(FIELD("s", "\"string\"") "," FIELD("t", "\"long\""));
    begin(&patient, json, "s", SILT_MASK_HASH, 0);
    CU_ASSERT_EQUAL(decode(&patient,
                           "\x04"
                           "ab\x06",
                           &decoded),
                    SILT_DECODE_OK);
    CU_ASSERT(silt_slice_eq(decoded.body, silt_slice_str(TEXT_OF_AB "\x06")));
    CU_ASSERT_EQUAL(decoded.verdict.sensor_id.len, 0);
    CU_ASSERT_EQUAL(decoded.verdict.time_ms, 3);
    CU_ASSERT_FALSE(decoded.withheld);
    end(&patient);
    begin(&patient, json, "t", SILT_MASK_DROP, 0);
    CU_ASSERT_EQUAL(decode(&patient,
                           "\x04"
                           "ab\x06",
                           &decoded),
                    SILT_DECODE_OK);
    CU_ASSERT_EQUAL(decoded.body.len, 4);
    CU_ASSERT_EQUAL(decoded.body.ptr[3], 0);
    CU_ASSERT_EQUAL(decoded.verdict.sensor_id.len, 2);
    CU_ASSERT_EQUAL(decoded.verdict.time_ms, SILT_NO_TIMESTAMP);
    end(&patient);
}

static void rejects_are_withheld(void)
{
    struct patient patient;
    struct silt_decoded decoded;
    begin(&patient, RECORD(FIELD("s", "\"string\"")), "s", SILT_MASK_HASH, 60);
    CU_ASSERT_EQUAL(decode(&patient,
                           "\x04"
                           "a",
                           &decoded),
                    SILT_DECODE_REJECT);
    CU_ASSERT(decoded.withheld);
    CU_ASSERT_EQUAL(decode(&patient, "", &decoded), SILT_DECODE_REJECT);
    CU_ASSERT(decoded.withheld);
    /* the hash makes it larger than the limit */
    CU_ASSERT_EQUAL(decode(&patient,
                           "\x04"
                           "ab",
                           &decoded),
                    SILT_DECODE_REJECT);
    CU_ASSERT_EQUAL(decoded.verdict.reason, SILT_REASON_TOO_LARGE);
    CU_ASSERT_STRING_EQUAL(decoded.detail, "with its hashes it is larger than 60 bytes");
    CU_ASSERT(decoded.withheld);
    end(&patient);
    begin(&patient, RECORD(FIELD("s", "\"string\"")), "s", SILT_MASK_DROP, 0);
    CU_ASSERT_EQUAL(decode(&patient,
                           "\x04"
                           "ab",
                           &decoded),
                    SILT_DECODE_OK);
    silt_decoder_reject_unknown(patient.decoder, &decoded);
    CU_ASSERT_EQUAL(decoded.verdict.reason, SILT_REASON_UNKNOWN_SCHEMA);
    CU_ASSERT(decoded.withheld);
    end(&patient);
}

SILT_TESTS("masks", {"wrong options are named", wrong_options_are_named},
           {"a dropped value leaves an empty one of its type",
            a_dropped_value_leaves_an_empty_one_of_its_type},
           {"a hashed value leaves its hash", a_hashed_value_leaves_its_hash},
           {"a path that leads nowhere is told", a_path_that_leads_nowhere_is_told},
           {"what cannot be masked makes its schema unusable",
            what_cannot_be_masked_makes_its_schema_unusable},
           {"masked fields are told to nobody", masked_fields_are_told_to_nobody},
           {"rejects are withheld", rejects_are_withheld})
