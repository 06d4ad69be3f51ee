#include "base/alloc.h"
#include "harness.h"
#include "s3_int.h"

#include <stdlib.h>

#define DATE "20260101T000000Z"

static struct silt_s3_site site;
static struct silt_s3_site plain;

static void sites_init(void)
{
    const struct silt_s3_opts opts = {.endpoint = "http://h:9000",
                                      .region = "r",
                                      .sse = "aws:kms",
                                      .kms_key_id = "kms",
                                      .storage_class = "STANDARD_IA",
                                      .tag_names = (const char *const[]){"team"},
                                      .tag_values = (const char *const[]){"x"},
                                      .tags_n = 1,
                                      .requester_pays = true,
                                      .path_style = true};
    const struct silt_s3_opts bare = {.endpoint = "http://h", .region = "r"};
    CU_ASSERT_OK(silt_s3_site_init(&site, "s3://bucket/pre/fix", &opts, NULL));
    CU_ASSERT_OK(silt_s3_site_init(&plain, "s3://bucket", &bare, NULL));
}

static void sites_done(void)
{
    silt_s3_site_done(&site);
    silt_s3_site_done(&plain);
}

/* Builds and signs; the caller ends the wire. */
static void wire_into(struct silt_s3_wire *wire, const struct silt_s3_site *where,
                      const struct silt_store_req *req, const char *marker)
{
    static const uint8_t key[SILT_SHA256_LEN] = {1};
    static const struct silt_secret none;
    const struct silt_s3_creds creds = {
        .access_key = "key", .session_token = &none, .signing_key = key};
    silt_s3_build(wire, where, req, marker);
    silt_s3_sign(wire, where, &creds, DATE);
}

static const char *header_of(const struct silt_s3_wire *wire, const char *name)
{
    for (unsigned i = 0; i < wire->headers_n; i++)
        if (strcmp(wire->headers[i].name, name) == 0) return wire->headers[i].value;
    return "(none)";
}

static bool url_is(struct silt_s3_wire *wire, const char *method, const char *url)
{
    return strcmp(wire->method, method) == 0 && strcmp(silt_buf_str(&wire->url), url) == 0;
}

static void puts_with_condition_and_both_hashes(void)
{
    const struct silt_slice body[] = {silt_slice_str("he"), silt_slice_str("llo")};
    const struct silt_store_req req = {.op = SILT_OP_PUT_NEW,
                                       .key = "_log/dt=1/a b.json",
                                       .body = body,
                                       .body_n = 2,
                                       .content_type = "text/x"};
    struct silt_s3_wire wire;
    wire_into(&wire, &site, &req, NULL);
    CU_ASSERT(url_is(&wire, "PUT", "http://h:9000/bucket/pre/fix/_log/dt%3D1/a%20b.json"));
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "if-none-match"), "*");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "content-type"), "text/x");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-content-sha256"),
                           "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-checksum-sha256"),
                           "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-server-side-encryption"), "aws:kms");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-server-side-encryption-aws-kms-key-id"), "kms");
    /* Manifests are read again and again: not in the cold. */
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-storage-class"), "(none)");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-tagging"), "(none)");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-request-payer"), "requester");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "host"), "h:9000");
    CU_ASSERT(strstr(header_of(&wire, "authorization"), "if-none-match;") != NULL);
    CU_ASSERT_EQUAL(wire.body_n, 2);
    silt_s3_wire_done(&wire);
}

static void an_empty_body_has_a_hash_too(void)
{
    const struct silt_store_req req = {.op = SILT_OP_PUT_NEW, .key = "k"};
    struct silt_s3_wire wire;
    wire_into(&wire, &plain, &req, NULL);
    CU_ASSERT(url_is(&wire, "PUT", "http://bucket.h/k"));
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-content-sha256"), SILT_SIGV4_EMPTY);
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "content-type"), "application/octet-stream");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-server-side-encryption"), "(none)");
    silt_s3_wire_done(&wire);
    struct silt_s3_site simple = plain;
    simple.sse = site.storage_class; /* any text */
    wire_into(&wire, &simple, &req, NULL);
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-server-side-encryption"), "STANDARD_IA");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-server-side-encryption-aws-kms-key-id"),
                           "(none)");
    silt_s3_wire_done(&wire);
}

static void gets_whole_or_a_range(void)
{
    struct silt_store_req req = {.op = SILT_OP_GET, .key = "k", .body_max = 10};
    struct silt_s3_wire wire;
    wire_into(&wire, &site, &req, NULL);
    CU_ASSERT(url_is(&wire, "GET", "http://h:9000/bucket/pre/fix/k"));
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "range"), "(none)");
    CU_ASSERT(wire.response_max > 10); /* room for an error's text */
    int64_t small_ms = wire.timeout_ms;
    silt_s3_wire_done(&wire);
    req.range_last = 99;
    req.range_first = 5;
    req.body_max = (size_t)100 << 20;
    wire_into(&wire, &site, &req, NULL);
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "range"), "bytes=5-99");
    CU_ASSERT_EQUAL(wire.response_max, req.body_max);
    CU_ASSERT(wire.timeout_ms > small_ms);
    silt_s3_wire_done(&wire);
}

static void heads_with_checksum(void)
{
    const struct silt_store_req req = {.op = SILT_OP_HEAD, .key = "k"};
    struct silt_s3_wire wire;
    wire_into(&wire, &site, &req, NULL);
    CU_ASSERT(url_is(&wire, "HEAD", "http://h:9000/bucket/pre/fix/k"));
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-checksum-mode"), "ENABLED");
    silt_s3_wire_done(&wire);
}

static void lists_below_the_root(void)
{
    struct silt_store_req req = {.op = SILT_OP_LIST, .key = "_log/a=b/"};
    struct silt_s3_wire wire;
    wire_into(&wire, &site, &req, NULL);
    CU_ASSERT(url_is(&wire, "GET",
                     "http://h:9000/bucket?list-type=2&max-keys=1000&"
                     "prefix=pre%2Ffix%2F_log%2Fa%3Db%2F"));
    silt_s3_wire_done(&wire);
    req.start_after = "_log/a=b/1";
    req.limit = 7;
    wire_into(&wire, &plain, &req, NULL);
    CU_ASSERT(url_is(&wire, "GET",
                     "http://bucket.h/?list-type=2&max-keys=7&prefix=_log%2Fa%3Db%2F"
                     "&start-after=_log%2Fa%3Db%2F1"));
    silt_s3_wire_done(&wire);
    req.start_after = "";
    req.limit = 5000;
    wire_into(&wire, &plain, &req, NULL);
    CU_ASSERT(url_is(&wire, "GET",
                     "http://bucket.h/?list-type=2&max-keys=1000&"
                     "prefix=_log%2Fa%3Db%2F"));
    silt_s3_wire_done(&wire);
}

static void creates_uploads_with_token_and_checksum_of_the_whole(void)
{
    struct silt_store_req req = {.op = SILT_OP_MPU_CREATE, .key = "data/x", .token = "tok"};
    struct silt_s3_wire wire;
    wire_into(&wire, &site, &req, NULL);
    CU_ASSERT(url_is(&wire, "POST", "http://h:9000/bucket/pre/fix/data/x?uploads="));
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-checksum-algorithm"), "CRC32C");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-checksum-type"), "FULL_OBJECT");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-meta-as-token"), "tok");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-storage-class"), "STANDARD_IA");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-tagging"), "team=x");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-request-payer"), "requester");
    silt_s3_wire_done(&wire);
    req.token = NULL;
    wire_into(&wire, &plain, &req, NULL);
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-meta-as-token"), "(none)");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-storage-class"), "(none)");
    silt_s3_wire_done(&wire);
}

static void never_sends_a_part_without_a_checksum(void)
{
    const struct silt_slice body = silt_slice_str("123456789");
    const struct silt_store_req req = {.op = SILT_OP_MPU_PART,
                                       .key = "k",
                                       .upload_id = "u+/=",
                                       .part_number = 12,
                                       .body = &body,
                                       .body_n = 1,
                                       .crc32c = 0xE3069283};
    struct silt_s3_wire wire;
    wire_into(&wire, &site, &req, NULL);
    CU_ASSERT(
        url_is(&wire, "PUT", "http://h:9000/bucket/pre/fix/k?partNumber=12&uploadId=u%2B%2F%3D"));
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-checksum-crc32c"), "4waSgw==");
    CU_ASSERT(strstr(header_of(&wire, "authorization"), "x-amz-checksum-crc32c") != NULL);
    silt_s3_wire_done(&wire);
}

static void completes_with_every_checksum(void)
{
    const struct silt_store_part parts[] = {{.n = 1, .crc32c = 0xE3069283, .etag = "\"a\""},
                                            {.n = 2, .etag = "b<&"}};
    const struct silt_store_req req = {.op = SILT_OP_MPU_COMPLETE,
                                       .key = "k",
                                       .upload_id = "u",
                                       .parts = parts,
                                       .parts_n = 2,
                                       .object_size = 12345678901,
                                       .crc32c = 0xE3069283};
    struct silt_s3_wire wire;
    wire_into(&wire, &site, &req, NULL);
    CU_ASSERT(url_is(&wire, "POST", "http://h:9000/bucket/pre/fix/k?uploadId=u"));
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-checksum-crc32c"), "4waSgw==");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-checksum-type"), "FULL_OBJECT");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-mp-object-size"), "12345678901");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "if-none-match"), "(none)");
    CU_ASSERT_STRING_EQUAL(
        silt_buf_str(&wire.text),
        "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<Part><ChecksumCRC32C>4waSgw==</ChecksumCRC32C><ETag>&quot;a&quot;</ETag>"
        "<PartNumber>1</PartNumber></Part>"
        "<Part><ChecksumCRC32C>AAAAAA==</ChecksumCRC32C><ETag>b&lt;&amp;</ETag>"
        "<PartNumber>2</PartNumber></Part></CompleteMultipartUpload>");
    char hash[SILT_SHA256_HEX];
    silt_sha256_hex(wire.text.data, wire.text.len, hash);
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-content-sha256"), hash);
    CU_ASSERT(wire.stall_ms < 0);
    silt_s3_wire_done(&wire);
}

static void ten_thousand_parts_fit(void)
{
    enum { MANY = 10000 };
    struct silt_store_part *parts = silt_calloc(MANY, sizeof *parts);
    for (unsigned i = 0; i < MANY; i++) {
        parts[i].n = i + 1;
        memset(parts[i].etag, '"', sizeof parts[i].etag - 1);
    }
    const struct silt_store_req req = {
        .op = SILT_OP_MPU_COMPLETE, .key = "k", .upload_id = "u", .parts = parts, .parts_n = MANY};
    struct silt_s3_wire wire;
    wire_into(&wire, &site, &req, NULL);
    CU_ASSERT(wire.text.len > 5000000);
    silt_s3_wire_done(&wire);
    silt_free(parts);
}

static void lists_parts_and_uploads_page_by_page(void)
{
    struct silt_store_req req = {.op = SILT_OP_MPU_PARTS, .key = "k", .upload_id = "u"};
    struct silt_s3_wire wire;
    wire_into(&wire, &site, &req, NULL);
    CU_ASSERT(url_is(&wire, "GET", "http://h:9000/bucket/pre/fix/k?max-parts=1000&uploadId=u"));
    silt_s3_wire_done(&wire);
    wire_into(&wire, &site, &req, "1000");
    CU_ASSERT(url_is(&wire, "GET",
                     "http://h:9000/bucket/pre/fix/k?max-parts=1000&"
                     "part-number-marker=1000&uploadId=u"));
    silt_s3_wire_done(&wire);
    req = (struct silt_store_req){.op = SILT_OP_MPU_LIST, .key = "data/"};
    wire_into(&wire, &site, &req, NULL);
    CU_ASSERT(url_is(&wire, "GET", "http://h:9000/bucket?max-uploads=1000&uploads="));
    silt_s3_wire_done(&wire);
    wire_into(&wire, &site, &req, "a/b");
    CU_ASSERT(url_is(&wire, "GET",
                     "http://h:9000/bucket?key-marker=a%2Fb&max-uploads=1000&"
                     "uploads="));
    silt_s3_wire_done(&wire);
}

static void aborts_and_asks_for_lifecycle_rules(void)
{
    struct silt_store_req req = {.op = SILT_OP_MPU_ABORT, .key = "k", .upload_id = "u"};
    struct silt_s3_wire wire;
    wire_into(&wire, &site, &req, NULL);
    CU_ASSERT(url_is(&wire, "DELETE", "http://h:9000/bucket/pre/fix/k?uploadId=u"));
    silt_s3_wire_done(&wire);
    req = (struct silt_store_req){.op = SILT_OP_LIFECYCLE};
    wire_into(&wire, &site, &req, NULL);
    CU_ASSERT(url_is(&wire, "GET", "http://h:9000/bucket?lifecycle="));
    silt_s3_wire_done(&wire);
}

static void signs_anew_with_another_date_or_token(void)
{
    const struct silt_store_req req = {.op = SILT_OP_HEAD, .key = "k"};
    static const uint8_t key[SILT_SHA256_LEN] = {1};
    struct silt_secret token = {0};
    silt_secret_set(&token, "session");
    const struct silt_s3_creds creds = {
        .access_key = "key", .session_token = &token, .signing_key = key};
    struct silt_s3_wire wire;
    wire_into(&wire, &site, &req, NULL);
    unsigned headers_n = wire.headers_n;
    char *first = silt_strdup(header_of(&wire, "authorization"));
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-security-token"), "(none)");
    silt_s3_sign(&wire, &site, &creds, "20260101T000001Z");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-date"), "20260101T000001Z");
    CU_ASSERT_STRING_EQUAL(header_of(&wire, "x-amz-security-token"), "session");
    CU_ASSERT_STRING_NOT_EQUAL(header_of(&wire, "authorization"), first);
    CU_ASSERT_EQUAL(wire.headers_n, headers_n + 1);
    CU_ASSERT(url_is(&wire, "HEAD", "http://h:9000/bucket/pre/fix/k"));
    silt_free(first);
    silt_s3_wire_done(&wire);
    silt_secret_done(&token);
}

SILT_TESTS("s3_request", {"(sites)", sites_init},
           {"puts with condition and both hashes", puts_with_condition_and_both_hashes},
           {"an empty body has a hash too", an_empty_body_has_a_hash_too},
           {"gets whole or a range", gets_whole_or_a_range},
           {"heads with checksum", heads_with_checksum},
           {"lists below the root", lists_below_the_root},
           {"creates uploads with token and checksum of the whole",
            creates_uploads_with_token_and_checksum_of_the_whole},
           {"never sends a part without a checksum", never_sends_a_part_without_a_checksum},
           {"completes with every checksum", completes_with_every_checksum},
           {"ten thousand parts fit", ten_thousand_parts_fit},
           {"lists parts and uploads page by page", lists_parts_and_uploads_page_by_page},
           {"aborts and asks for lifecycle rules", aborts_and_asks_for_lifecycle_rules},
           {"signs anew with another date or token", signs_anew_with_another_date_or_token},
           {"(sites end)", sites_done})
