#include "encode/row.h"

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define STR(s) silt_slice_of(s, sizeof(s) - 1)

static const struct silt_header headers[] = {
    {.key = {(const uint8_t *)"trace", 5}, .value = {(const uint8_t *)"\x01\x00", 2}},
    {.key = {(const uint8_t *)"", 0}, .value_null = true},
};

static struct silt_record record(void)
{
    return (struct silt_record){
        .partition = 3,
        .offset = 1000,
        .timestamp_ms = 1700000000000,
        .key = STR("k1"),
        .value = STR("\0\0\0\0\x07"
                     "body"),
        .headers = headers,
        .headers_n = 2,
    };
}

/* partition 3 · offset 1000 · [1] 1700000000000 · [1] "k1" · 2 headers · end */
static const uint8_t meta_bytes[] = {
    0x06, 0xd0, 0x0f, 0x02, 0x80, 0xa0, 0xab, 0xfe, 0xf9, 0x62, 0x02, 0x04, 'k',  '1',
    0x04, 0x0a, 't',  'r',  'a',  'c',  'e',  0x02, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00,
};

static void expect_bytes(const uint8_t *got, size_t got_len, const void *want, size_t want_len)
{
    CU_ASSERT_EQUAL(got_len, want_len);
    if (got_len == want_len) CU_ASSERT(memcmp(got, want, want_len) == 0);
}

static void a_row_is_the_metadata_and_the_body(void)
{
    struct silt_record rec = record();
    uint8_t out[256];
    size_t len = silt_row_data(out, &rec, STR("\0\0\0\0\x07"), STR("body"), NULL);
    CU_ASSERT(len <= silt_row_size_max(&rec, STR("body")));
    CU_ASSERT_EQUAL(len, sizeof meta_bytes + 4);
    expect_bytes(out, sizeof meta_bytes, meta_bytes, sizeof meta_bytes);
    expect_bytes(out + sizeof meta_bytes, 4, "body", 4);
}

static void a_tombstone_is_the_metadata_alone(void)
{
    struct silt_record rec = record();
    uint8_t out[256];
    rec.value_null = true;
    rec.value = silt_slice_of(NULL, 0);
    size_t len = silt_row_tombstone(out, &rec, NULL);
    expect_bytes(out, len, meta_bytes, sizeof meta_bytes);
}

static void absent_values_are_null_branches(void)
{
    struct silt_record rec = {.offset = 0, .timestamp_ms = SILT_NO_TIMESTAMP, .key_null = true};
    uint8_t out[64];
    size_t len = silt_row_tombstone(out, &rec, NULL);
    expect_bytes(out, len, "\0\0\0\0\0", 5);
    rec.key_null = false; /* an empty key is no absent one */
    rec.timestamp_ms = 0;
    len = silt_row_tombstone(out, &rec, NULL);
    expect_bytes(out, len, "\0\0\x02\0\x02\0\0", 7);
}

static void a_reject_adds_why_and_the_wire_bytes(void)
{
    struct silt_record rec = record();
    struct silt_reject_row why = {"truncated", "at 4", true, 7};
    uint8_t out[256];
    size_t len = silt_row_reject(out, &rec, &why, NULL);
    CU_ASSERT(len <= silt_row_reject_size_max(&rec, &why));
    static const char tail[] = "\x12truncated\x08"
                               "at 4\x02\x0e\x12\0\0\0\0\x07"
                               "body";
    expect_bytes(out + sizeof meta_bytes, len - sizeof meta_bytes, tail, sizeof tail - 1);
    why.has_schema_id = false;
    len = silt_row_reject(out, &rec, &why, NULL);
    CU_ASSERT_EQUAL(out[sizeof meta_bytes + 10 + 5], 0);
    CU_ASSERT_EQUAL(len, sizeof meta_bytes + sizeof tail - 1 - 1);
}

/* The definition in row.h, computed in the plainest way. */
static void expect_digest(const struct silt_digest *digest, const void *bytes, size_t len)
{
    XXH128_hash_t want = XXH3_128bits(bytes, len);
    char text[SILT_DIGEST_HEX];
    char want_text[64];
    silt_digest_hex(digest, text);
    snprintf(want_text, sizeof want_text, "%016llx%016llx", (unsigned long long)want.high64,
             (unsigned long long)want.low64);
    CU_ASSERT_STRING_EQUAL(text, want_text);
}

static void the_digest_is_as_defined(void)
{
    struct silt_digest *digest = silt_digest_new();
    struct silt_record rec = record();
    struct silt_reject_row why = {"truncated", "", false, 0};
    uint8_t out[256];
    uint8_t want[256];
    size_t len = 0;
    expect_digest(digest, want, 0);
    silt_row_data(out, &rec, STR("\0\0\0\0\x07"), STR("body"), digest);
    silt_row_tombstone(out, &rec, digest);
    silt_row_reject(out, &rec, &why, digest);
    static const char value[] = "\x02\x12\0\0\0\0\x07"
                                "body";
    for (int i = 0; i < 3; i++) {
        memcpy(want + len, meta_bytes + 1, sizeof meta_bytes - 1); /* without partition */
        len += sizeof meta_bytes - 1;
        if (i == 1) {
            want[len++] = 0;
            continue;
        }
        memcpy(want + len, value, sizeof value - 1);
        len += sizeof value - 1;
    }
    expect_digest(digest, want, len);
    silt_digest_reset(digest);
    expect_digest(digest, want, 0);
    silt_digest_free(digest);
    silt_digest_free(NULL);
}

/* The digest's detour over the row's end must not show in the row. */
static void the_digest_leaves_the_row_alone(void)
{
    struct silt_digest *digest = silt_digest_new();
    struct silt_record rec = record();
    struct silt_reject_row why = {"rule", "x", true, -1};
    uint8_t with[256];
    uint8_t without[256];
    size_t len = silt_row_data(with, &rec, STR("0123456789abcdef"), STR(""), digest);
    CU_ASSERT_EQUAL(silt_row_data(without, &rec, STR("0123456789abcdef"), STR(""), NULL), len);
    expect_bytes(with, len, without, len);
    len = silt_row_reject(with, &rec, &why, digest);
    CU_ASSERT_EQUAL(silt_row_reject(without, &rec, &why, NULL), len);
    expect_bytes(with, len, without, len);
    silt_digest_free(digest);
}

/* Rows at their largest, each into exactly the room asked for: a sanitizer sees one byte more. */
static void a_header_key_that_is_no_text_is_made_text(void)
{
    const struct {
        struct silt_slice key;
        struct silt_slice stored;
    } cases[] = {
        {STR("gr\xc3\xbc\xc3\x9f"), STR("gr\xc3\xbc\xc3\x9f")},
        {STR("\xff"), STR("\xef\xbf\xbd")},
        {STR("a\xc3"), STR("a\xef\xbf\xbd")}, /* cut off */
        {STR("\xc0\xaf"
             "b"),
         STR("\xef\xbf\xbd\xef\xbf\xbd"
             "b")},                                                         /* overlong */
        {STR("\xed\xa0\x80"), STR("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd")}, /* a surrogate */
        {STR("\xfe\xe2\x82\xac\xfe"), STR("\xef\xbf\xbd\xe2\x82\xac\xef\xbf\xbd")},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct silt_header sent = {.key = cases[i].key, .value_null = true};
        const struct silt_header stored = {.key = cases[i].stored, .value_null = true};
        struct silt_record rec = {.key_null = true, .headers = &sent, .headers_n = 1};
        struct silt_digest *digests[2] = {silt_digest_new(), silt_digest_new()};
        char hex[2][SILT_DIGEST_HEX];
        uint8_t out[2][256];
        size_t max = silt_row_size_max(&rec, STR(""));
        size_t len = silt_row_tombstone(out[0], &rec, digests[0]);
        rec.headers = &stored;
        size_t want = silt_row_tombstone(out[1], &rec, digests[1]);
        CU_ASSERT(len <= max);
        expect_bytes(out[0], len, out[1], want);
        for (int d = 0; d < 2; d++) {
            silt_digest_hex(digests[d], hex[d]);
            silt_digest_free(digests[d]);
        }
        CU_ASSERT_STRING_EQUAL(hex[0], hex[1]);
    }
}

static void the_largest_row_fits_its_bound(void)
{
    static const uint8_t bytes[300];
    struct silt_header many[40];
    for (int i = 0; i < 40; i++)
        many[i] = (struct silt_header){.key = {bytes, 300}, .value = {bytes, 300}};
    struct silt_record rec = {
        .partition = INT32_MAX,
        .offset = INT64_MAX,
        .timestamp_ms = INT64_MIN,
        .key = {bytes, 300},
        .value = {bytes, 16},
        .headers = many,
        .headers_n = 40,
    };
    struct silt_reject_row why = {"", "", true, INT32_MIN};
    struct silt_slice none = {NULL, 0};
    struct silt_digest *digest = silt_digest_new();
    size_t max = silt_row_size_max(&rec, none);
    uint8_t *out = malloc(max);
    CU_ASSERT(silt_row_data(out, &rec, rec.value, none, digest) <= max);
    CU_ASSERT(silt_row_tombstone(out, &rec, digest) <= max);
    free(out);
    max = silt_row_reject_size_max(&rec, &why);
    out = malloc(max);
    CU_ASSERT(silt_row_reject(out, &rec, &why, digest) <= max);
    free(out);
    silt_digest_free(digest);
}

static void a_row_is_read_back(void)
{
    struct silt_record rec = record();
    struct silt_record got;
    struct silt_header got_headers[2];
    uint8_t out[256];
    size_t len = silt_row_data(out, &rec, STR(""), STR("body"), NULL);
    CU_ASSERT_EQUAL(silt_row_read(silt_slice_of(out, len), &got, got_headers, 2), len - 4);
    CU_ASSERT_EQUAL(got.partition, 3);
    CU_ASSERT_EQUAL(got.offset, 1000);
    CU_ASSERT_EQUAL(got.timestamp_ms, 1700000000000);
    CU_ASSERT_EQUAL(got.leader_epoch, -1);
    CU_ASSERT(silt_slice_eq(got.key, rec.key) && !got.key_null);
    CU_ASSERT(got.value_null);
    CU_ASSERT_EQUAL(got.headers_n, 2);
    CU_ASSERT_PTR_EQUAL(got.headers, got_headers);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT(silt_slice_eq(got_headers[i].key, headers[i].key));
        CU_ASSERT(silt_slice_eq(got_headers[i].value, headers[i].value));
        CU_ASSERT_EQUAL(got_headers[i].value_null, headers[i].value_null);
    }
    CU_ASSERT_EQUAL(silt_row_read(silt_slice_of(out, len), &got, got_headers, 1), 0);
}

static size_t read_text(const void *row, size_t len, struct silt_record *ret_rec)
{
    static struct silt_header room[4];
    return silt_row_read(silt_slice_of(row, len), ret_rec, room, 4);
}

static void arrays_of_other_writers_are_read(void)
{
    struct silt_record rec;
    /* one block of one, then a block of -1 with its size */
    CU_ASSERT_EQUAL(read_text("\0\0\0\0\x02\x02"
                              "a\0\x01\x06\x02"
                              "b\0\0",
                              14, &rec),
                    14);
    CU_ASSERT_EQUAL(rec.headers_n, 2);
    CU_ASSERT_EQUAL(rec.headers[1].key.ptr[0], 'b');
    CU_ASSERT(rec.key_null);
    CU_ASSERT_EQUAL(rec.timestamp_ms, SILT_NO_TIMESTAMP);
}

static void damaged_rows_are_refused(void)
{
    struct silt_record rec;
#define REFUSED(row) CU_ASSERT_EQUAL(read_text(row, sizeof(row) - 1, &rec), 0)
    REFUSED("\x01\0\0\0\0");                                   /* partition -1 */
    REFUSED("\x80\x80\x80\x80\x10\0\0\0\0");                   /* partition 2^31 */
    REFUSED("\0\x01\0\0\0");                                   /* offset -1 */
    REFUSED("\0\0\x04\0\0");                                   /* branch 2 */
    REFUSED("\0\0\x01\0\0");                                   /* branch -1 */
    REFUSED("\0\0\0\x04\0");                                   /* branch 2 of the key */
    REFUSED("\0\0\0\x02\x01\0");                               /* length -1 */
    REFUSED("\0\0\0\x02\x04k\0");                              /* longer than what is left */
    REFUSED("\0\0\0\0\x0a\0\0\0\0\0\0\0\0\0\0\0");             /* more headers than fit */
    REFUSED("\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" /* -2^63 headers */
            "\0\0\0");
    REFUSED("\0\0\0\0\x01"); /* no size behind a count of -1 */
    REFUSED("\0\0\0\0\x02\x02"
            "a\x04\0"); /* branch 2 of a header's value */
    REFUSED("\0\0\0\0\x02\x02"
            "a\x02\x04\0\0"); /* header value cut off */
}

static void a_row_cut_anywhere_is_refused(void)
{
    struct silt_record rec = record();
    struct silt_record got;
    struct silt_header room[2];
    uint8_t out[256];
    size_t len = silt_row_tombstone(out, &rec, NULL);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *exact = malloc(cut + 1);
        memcpy(exact, out, cut);
        CU_ASSERT_EQUAL(silt_row_read(silt_slice_of(exact, cut), &got, room, 2), 0);
        free(exact);
    }
}

static void varints_are_as_avro_says(void)
{
    static const struct {
        int64_t value;
        const char *bytes;
        size_t len;
    } cases[] = {
        {0, "\0", 1},
        {-1, "\x01", 1},
        {1, "\x02", 1},
        {-64, "\x7f", 1},
        {63, "\x7e", 1},
        {64, "\x80\x01", 2},
        {INT64_MAX, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
        {INT64_MIN, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t out[10];
        int64_t value;
        size_t len = silt_varint_write(out, cases[i].value);
        expect_bytes(out, len, cases[i].bytes, cases[i].len);
        CU_ASSERT_EQUAL(silt_varint_read(silt_slice_of(out, len), &value), len);
        CU_ASSERT_EQUAL(value, cases[i].value);
        CU_ASSERT_EQUAL(silt_varint_read(silt_slice_of(out, len - 1), &value), 0);
    }
}

static void varints_that_are_too_long_are_refused(void)
{
    int64_t value;
    CU_ASSERT_EQUAL(silt_varint_read(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), &value), 0);
    CU_ASSERT_EQUAL(silt_varint_read(STR("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), &value),
                    0);
    CU_ASSERT_EQUAL(silt_varint_read(STR("\x80\x80"), &value), 0);
}

SILT_TESTS("row", {"a row is the metadata and the body", a_row_is_the_metadata_and_the_body},
           {"a tombstone is the metadata alone", a_tombstone_is_the_metadata_alone},
           {"absent values are null branches", absent_values_are_null_branches},
           {"a reject adds why and the wire bytes", a_reject_adds_why_and_the_wire_bytes},
           {"the digest is as defined", the_digest_is_as_defined},
           {"the digest leaves the row alone", the_digest_leaves_the_row_alone},
           {"a header key that is no text is made text", a_header_key_that_is_no_text_is_made_text},
           {"the largest row fits its bound", the_largest_row_fits_its_bound},
           {"a row is read back", a_row_is_read_back},
           {"arrays of other writers are read", arrays_of_other_writers_are_read},
           {"damaged rows are refused", damaged_rows_are_refused},
           {"a row cut anywhere is refused", a_row_cut_anywhere_is_refused},
           {"varints are as Avro says", varints_are_as_avro_says},
           {"varints that are too long are refused", varints_that_are_too_long_are_refused})
