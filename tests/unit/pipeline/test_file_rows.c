#include "pipeline/file_rows.h"

#include "base/alloc.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define STR(s) silt_slice_of(s, sizeof(s) - 1)

static const struct silt_decoded good = {.framing = {(const uint8_t *)"\xc3\x01", 2},
                                         .body = {(const uint8_t *)"body", 4},
                                         .schema_id = SILT_NO_SCHEMA_ID};

static struct silt_record record(void)
{
    return (struct silt_record){.partition = 1,
                                .offset = 5,
                                .timestamp_ms = 1700000000000,
                                .key = STR("k"),
                                .value = STR("\xc3\x01"
                                             "body")};
}

static struct silt_decoded rejected(int32_t schema_id)
{
    struct silt_decoded decoded = {
        .verdict = {.reason = SILT_REASON_TRUNCATED}, .detail = "at 4", .schema_id = schema_id};
    return decoded;
}

static void the_verdict_decides_the_role(void)
{
    struct silt_decoded bad = rejected(3);
    CU_ASSERT_EQUAL(silt_rows_role(NULL), SILT_ROLE_TOMBSTONE);
    CU_ASSERT_EQUAL(silt_rows_role(&good), SILT_ROLE_DATA);
    CU_ASSERT_EQUAL(silt_rows_role(&bad), SILT_ROLE_REJECTED);
}

/* The row is what encode/ makes of it, and fits its room. */
static void expect_row(const struct silt_decoded *decoded, const uint8_t *want, size_t want_len)
{
    struct silt_record rec = record();
    size_t room = silt_rows_room(&rec, decoded);
    uint8_t *out = malloc(room);
    struct silt_digest *digest = silt_digest_new();
    size_t len = silt_rows_write(out, &rec, decoded, digest);
    CU_ASSERT(len <= room);
    CU_ASSERT_EQUAL(len, want_len);
    CU_ASSERT(len == want_len && memcmp(out, want, len) == 0);
    silt_digest_free(digest);
    free(out);
}

static void rows_are_those_of_their_role(void)
{
    struct silt_record rec = record();
    uint8_t want[256];
    expect_row(&good, want, silt_row_data(want, &rec, good.framing, good.body, NULL));
    expect_row(NULL, want, silt_row_tombstone(want, &rec, NULL));
    struct silt_decoded bad = rejected(7);
    const struct silt_reject_row with = {"truncated", "at 4", true, 7};
    expect_row(&bad, want, silt_row_reject(want, &rec, &with, NULL));
    bad = rejected(SILT_NO_SCHEMA_ID);
    const struct silt_reject_row without = {"truncated", "at 4", false, 0};
    expect_row(&bad, want, silt_row_reject(want, &rec, &without, NULL));
}

static bool holds(const struct silt_buf *buf, const char *text)
{
    return memmem(buf->data, buf->len, text, strlen(text)) != NULL;
}

static struct silt_buf header(enum silt_role role, const struct silt_schema *schema)
{
    static const struct silt_worker_opts opts = {.framing = "confluent", .codec = SILT_CODEC_ZSTD};
    static const struct silt_tp tp = {.topic = "readings", .partition = 12};
    const uint8_t sync[SILT_SYNC_LEN] = "0123456789abcde";
    struct silt_buf out;
    struct silt_err err = {0};
    silt_buf_init(&out, SILT_BUF_MAX_DEFAULT);
    CU_ASSERT_OK(silt_rows_header(&opts, &tp, role, schema, sync, &out, &err));
    CU_ASSERT(holds(&out, "silt.topic") && holds(&out, "readings"));
    CU_ASSERT(holds(&out, "silt.framing") && holds(&out, "confluent"));
    CU_ASSERT(holds(&out, silt_role_name(role)));
    CU_ASSERT(out.len > 16 && memcmp(out.data + out.len - 16, sync, 16) == 0);
    return out;
}

static void a_data_file_names_its_schema(void)
{
    char *text = NULL;
    struct silt_err err = {0};
    CU_ASSERT_OK(silt_rows_prepare(
        STR("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}"),
        &text, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "RArchived"));
    struct silt_schema schema = {
        .id = 41, .fingerprint = UINT64_C(0x00ab00cd00ef0012), .prepared = text};
    struct silt_buf out = header(SILT_ROLE_DATA, &schema);
    CU_ASSERT(holds(&out, "RArchived"));
    CU_ASSERT(holds(&out, "00ab00cd00ef0012"));
    CU_ASSERT(holds(&out, "\x04"
                          "41"));
    silt_buf_done(&out);
    schema.id = SILT_NO_SCHEMA_ID;
    out = header(SILT_ROLE_DATA, &schema);
    CU_ASSERT_FALSE(holds(&out, "\x04"
                                "41"));
    silt_buf_done(&out);
    silt_free(text);
}

static void other_files_have_schemas_of_their_own(void)
{
    struct silt_buf out = header(SILT_ROLE_REJECTED, NULL);
    CU_ASSERT(holds(&out, "Rejected"));
    silt_buf_done(&out);
    out = header(SILT_ROLE_TOMBSTONE, NULL);
    CU_ASSERT(holds(&out, "Tombstone"));
    silt_buf_done(&out);
}

static void a_schema_that_is_none_cannot_be_prepared(void)
{
    char *text = NULL;
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_rows_prepare(STR("{"), &text, &err));
    CU_ASSERT_PTR_NULL(text);
}

SILT_TESTS("file_rows", {"the verdict decides the role", the_verdict_decides_the_role},
           {"rows are those of their role", rows_are_those_of_their_role},
           {"a data file names its schema", a_data_file_names_its_schema},
           {"other files have schemas of their own", other_files_have_schemas_of_their_own},
           {"a schema that is none cannot be prepared", a_schema_that_is_none_cannot_be_prepared})
