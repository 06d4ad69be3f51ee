#include "base/alloc.h"
#include "harness.h"
#include "s3_int.h"

#include <stdio.h>

static const struct silt_s3_site site = {.prefix = (char *)(uintptr_t) "root/"};
static const struct silt_s3_site bare = {.prefix = (char *)(uintptr_t) ""};

/* An answer as the loop gives it. */
struct answer {
    struct silt_http_req http;
    struct silt_store_req req;
    char *marker;
    enum silt_store_outcome outcome;
};

static void header(struct silt_http_req *http, const char *name, const char *value)
{
    for (unsigned i = 0; silt_s3_want_headers[i]; i++)
        if (strcmp(silt_s3_want_headers[i], name) == 0) http->ret_headers[i] = silt_strdup(value);
}

static void answer_init(struct answer *answer, enum silt_store_op op, int status)
{
    *answer = (struct answer){.req = {.op = op, .key = "", .body_max = 1000},
                              .http = {.status = status, .want_headers = silt_s3_want_headers}};
    silt_buf_init(&answer->http.ret_body, 1 << 20);
}

static void read_body(struct answer *answer, const struct silt_s3_site *where, const char *body)
{
    silt_buf_clear(&answer->http.ret_body);
    CU_ASSERT(silt_buf_append_str(&answer->http.ret_body, body));
    silt_free(answer->marker);
    answer->marker = NULL;
    answer->outcome = silt_s3_read_answer(where, &answer->http, &answer->req, &answer->marker);
}

static void answer_done(struct answer *answer)
{
    silt_http_req_done(&answer->http);
    silt_store_req_done(&answer->req);
    silt_free(answer->marker);
}

static void reads_error_code_message_and_region(void)
{
    struct silt_s3_error error;
    silt_s3_read_error(silt_slice_str("<?xml version=\"1.0\"?><Error><Code>PermanentRedirect</Code>"
                                      "<Message>a &amp; b</Message><Region>eu-west-3</Region>"
                                      "<Other><Code>no</Code></Other></Error>"),
                       &error);
    CU_ASSERT_STRING_EQUAL(error.code, "PermanentRedirect");
    CU_ASSERT_STRING_EQUAL(error.message, "a & b");
    CU_ASSERT_STRING_EQUAL(error.region, "eu-west-3");
    silt_s3_read_error(silt_slice_str("<Error><Message>m</Message></Error>"), &error);
    CU_ASSERT_STRING_EQUAL(error.code, "?");
    silt_s3_read_error(silt_slice_str("<Result><Code>x</Code></Result>"), &error);
    CU_ASSERT_STRING_EQUAL(error.code, "");
    silt_s3_read_error(silt_slice_str("<Error><Code>x</Code>"), &error);
    CU_ASSERT_STRING_EQUAL(error.code, "");
    silt_s3_read_error(silt_slice_of(NULL, 0), &error);
    CU_ASSERT_STRING_EQUAL(error.code, "");
}

static void reads_keys_below_the_root(void)
{
    static const char page[] =
        "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
        "<Prefix>root/_log/</Prefix><IsTruncated>true</IsTruncated>"
        "<Contents><Key>root/_log/a&amp;b</Key><Size>12</Size><ETag>\"e\"</ETag>"
        "<Owner><ID>Key</ID></Owner></Contents>"
        "<Contents><Key>root/_log/c</Key><Size>0</Size></Contents>"
        "<Contents><Key>elsewhere/_log/d</Key></Contents>"
        "<Contents><Key>root/data/e</Key></Contents>"
        "<Contents><Size>1</Size></Contents></ListBucketResult>";
    struct answer answer;
    answer_init(&answer, SILT_OP_LIST, 200);
    answer.req.key = "_log/";
    read_body(&answer, &site, page);
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_OK);
    CU_ASSERT(answer.req.truncated);
    CU_ASSERT_PTR_NULL(answer.marker); /* paging a listing is the caller's */
    CU_ASSERT_EQUAL(answer.req.objects_n, 2);
    CU_ASSERT_STRING_EQUAL(answer.req.objects[0].key, "_log/a&b");
    CU_ASSERT_EQUAL(answer.req.objects[0].size, 12);
    CU_ASSERT_STRING_EQUAL(answer.req.objects[1].key, "_log/c");
    CU_ASSERT_EQUAL(answer.req.objects[1].size, 0);
    answer_done(&answer);
}

static void a_broken_listing_leaves_nothing_behind(void)
{
    static const char *const broken[] = {
        "<ListBucketResult><Contents><Key>root/a</Key></Contents>",
        "<ListBucketResult><Contents><Key>root/a</Key></Contents><Contents><Size>x</Size>"
        "</Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Size></Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Size>-1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Size>99999999999999999999</Size></Contents>"
        "</ListBucketResult>",
        "<ListPartsResult/>",
        "<html><body>Bad gateway</body></html>",
        "",
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct answer answer;
        answer_init(&answer, SILT_OP_LIST, 200);
        read_body(&answer, &site, broken[i]);
        CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_DOUBT);
        CU_ASSERT_EQUAL(answer.req.objects_n, 0);
        CU_ASSERT(answer.req.text[0] != '\0');
        answer_done(&answer);
    }
    struct answer answer;
    answer_init(&answer, SILT_OP_LIST, 200);
    char *text = silt_zalloc(6000);
    memset(text, 'k', 5000);
    char *page = silt_asprintf(
        "<ListBucketResult><Contents><Key>%s</Key></Contents></ListBucketResult>", text);
    read_body(&answer, &site, page);
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_DOUBT); /* half a key is none */
    silt_free(text);
    silt_free(page);
    answer_done(&answer);
}

static void reads_parts_page_by_page(void)
{
    struct answer answer;
    answer_init(&answer, SILT_OP_MPU_PARTS, 200);
    read_body(&answer, &site,
              "<ListPartsResult><PartNumberMarker>0</PartNumberMarker>"
              "<NextPartNumberMarker>2</NextPartNumberMarker><IsTruncated>true</IsTruncated>"
              "<Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag><Size>5</Size>"
              "<ChecksumCRC32C>4waSgw==</ChecksumCRC32C></Part>"
              "<Part><PartNumber>2</PartNumber><ETag>b</ETag><Size>6</Size></Part>"
              "</ListPartsResult>");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_OK);
    CU_ASSERT_STRING_EQUAL(answer.marker, "2");
    read_body(&answer, &site, "<ListPartsResult><Part><PartNumber>3</PartNumber>");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_DOUBT);
    CU_ASSERT_EQUAL(answer.req.ret_parts_n, 2);
    read_body(&answer, &site,
              "<ListPartsResult><IsTruncated>false</IsTruncated><NextPartNumberMarker>3"
              "</NextPartNumberMarker><Part><PartNumber>3</PartNumber></Part></ListPartsResult>");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_OK);
    CU_ASSERT_PTR_NULL(answer.marker);
    CU_ASSERT_EQUAL(answer.req.ret_parts_n, 3);
    CU_ASSERT_EQUAL(answer.req.ret_parts[0].n, 1);
    CU_ASSERT_EQUAL(answer.req.ret_parts[0].size, 5);
    CU_ASSERT_EQUAL(answer.req.ret_parts[0].crc32c, 0xE3069283);
    CU_ASSERT_STRING_EQUAL(answer.req.ret_parts[0].etag, "\"a\"");
    CU_ASSERT_EQUAL(answer.req.ret_parts[2].n, 3);
    answer_done(&answer);

    static const char *const wrong[] = {
        "<PartNumber>0</PartNumber>",
        "<PartNumber>10001</PartNumber>",
        "<PartNumber>1x</PartNumber>",
        "<ChecksumCRC32C>4waSgw</ChecksumCRC32C>",
        "<ChecksumCRC32C>4waSg4waSg4waSg=</ChecksumCRC32C>",
        "<ChecksumCRC32C>-_-_</ChecksumCRC32C>",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        answer_init(&answer, SILT_OP_MPU_PARTS, 200);
        char *page = silt_asprintf("<ListPartsResult><Part>%s</Part></ListPartsResult>", wrong[i]);
        read_body(&answer, &site, page);
        CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_DOUBT);
        silt_free(page);
        answer_done(&answer);
    }
}

static void reads_uploads_and_where_the_next_page_begins(void)
{
    struct answer answer;
    answer_init(&answer, SILT_OP_MPU_LIST, 200);
    answer.req.key = "data/";
    read_body(&answer, &site,
              "<ListMultipartUploadsResult><KeyMarker></KeyMarker><IsTruncated>true</IsTruncated>"
              "<NextKeyMarker>first</NextKeyMarker><NextKeyMarker>zzz</NextKeyMarker>"
              "<Upload><Key>root/data/x</Key><UploadId>first</UploadId><UploadId>u1</UploadId>"
              "<Key>root/data/y</Key>"
              "<Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>"
              "<Upload><Key>other</Key><UploadId>u2</UploadId></Upload>"
              "</ListMultipartUploadsResult>");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_OK);
    CU_ASSERT_STRING_EQUAL(answer.marker, "zzz");
    CU_ASSERT_EQUAL(answer.req.objects_n, 1);
    CU_ASSERT_STRING_EQUAL(answer.req.objects[0].key, "data/y");
    CU_ASSERT_STRING_EQUAL(answer.req.objects[0].upload_id, "u1");
    CU_ASSERT_EQUAL(answer.req.objects[0].initiated_ms, 1767225600000);
    CU_ASSERT_EQUAL(answer.req.objects[0].size, -1);
    /* Truncated without a marker: nowhere to go on. */
    read_body(&answer, &site,
              "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
              "</ListMultipartUploadsResult>");
    CU_ASSERT_PTR_NULL(answer.marker);
    read_body(&answer, &site,
              "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker/>"
              "</ListMultipartUploadsResult>");
    CU_ASSERT_PTR_NULL(answer.marker);
    CU_ASSERT(answer.req.truncated);
    answer_done(&answer);
}

static void stops_at_ten_thousand_uploads(void)
{
    struct answer answer;
    answer_init(&answer, SILT_OP_MPU_LIST, 200);
    struct silt_buf page;
    silt_buf_init(&page, 1 << 20);
    CU_ASSERT(silt_buf_append_str(&page, "<ListMultipartUploadsResult><IsTruncated>true"
                                         "</IsTruncated><NextKeyMarker>n</NextKeyMarker>"));
    for (int i = 0; i < 2500; i++)
        CU_ASSERT(
            silt_buf_append_str(&page, "<Upload><Key>k</Key><UploadId>u</UploadId></Upload>"));
    CU_ASSERT(silt_buf_append_str(&page, "</ListMultipartUploadsResult>"));
    for (int i = 1; i <= 4; i++) {
        read_body(&answer, &bare, silt_buf_str(&page));
        CU_ASSERT_EQUAL(answer.marker != NULL, i < 4);
    }
    CU_ASSERT_EQUAL(answer.req.objects_n, 10000);
    CU_ASSERT(answer.req.truncated);
    silt_buf_done(&page);
    answer_done(&answer);
}

static void a_created_upload_has_an_id(void)
{
    struct answer answer;
    answer_init(&answer, SILT_OP_MPU_CREATE, 200);
    read_body(&answer, &site,
              "<InitiateMultipartUploadResult><Key>k</Key><UploadId>old</UploadId><UploadId>u/1"
              "</UploadId></InitiateMultipartUploadResult>");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_OK);
    CU_ASSERT_STRING_EQUAL(answer.req.ret_upload_id, "u/1");
    static const char *const broken[] = {
        "<InitiateMultipartUploadResult><UploadId></UploadId></InitiateMultipartUploadResult>",
        "<InitiateMultipartUploadResult><UploadId>u</UploadId>",
        "<InitiateMultipartUploadResult/>",
        "",
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        silt_free(answer.req.ret_upload_id);
        answer.req.ret_upload_id = NULL;
        read_body(&answer, &site, broken[i]);
        CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_DOUBT);
        CU_ASSERT_PTR_NULL(answer.req.ret_upload_id);
    }
    silt_buf_done(&answer.http.ret_body);
    silt_buf_init(&answer.http.ret_body, 1 << 20);
    char *text = silt_zalloc(6000);
    memset(text, 'u', 5000);
    char *page = silt_asprintf("<InitiateMultipartUploadResult><UploadId>%s</UploadId>"
                               "</InitiateMultipartUploadResult>",
                               text);
    read_body(&answer, &site, page);
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_DOUBT);
    silt_free(text);
    silt_free(page);
    answer_done(&answer);
}

static void a_stored_part_has_an_etag_and_the_same_checksum(void)
{
    struct answer answer;
    answer_init(&answer, SILT_OP_MPU_PART, 200);
    answer.req.crc32c = 0xE3069283;
    read_body(&answer, &site, "");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_DOUBT);
    header(&answer.http, "etag", "\"e\"");
    read_body(&answer, &site, "");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_OK);
    CU_ASSERT_STRING_EQUAL(answer.req.etag, "\"e\"");
    header(&answer.http, "x-amz-checksum-crc32c", "4waSgw==");
    read_body(&answer, &site, "");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_OK);
    answer.req.crc32c ^= 1;
    read_body(&answer, &site, "");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_BAD_DIGEST);
    answer_done(&answer);
    answer_init(&answer, SILT_OP_MPU_PART, 200);
    header(&answer.http, "etag", "\"e\"");
    header(&answer.http, "x-amz-checksum-crc32c", "nonsense!");
    read_body(&answer, &site, "");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_BAD_DIGEST);
    answer_done(&answer);
}

static void a_put_without_an_etag_is_doubt(void)
{
    struct answer answer;
    answer_init(&answer, SILT_OP_PUT_NEW, 200);
    read_body(&answer, &site, "");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_DOUBT);
    header(&answer.http, "etag", "e");
    read_body(&answer, &site, "");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_OK);
    answer_done(&answer);
}

static void a_complete_needs_its_result(void)
{
    struct answer answer;
    answer_init(&answer, SILT_OP_MPU_COMPLETE, 200);
    read_body(&answer, &site,
              "\n  \n<CompleteMultipartUploadResult><Key>k</Key><ETag>\"e-2\"</ETag>"
              "</CompleteMultipartUploadResult>");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_OK);
    CU_ASSERT_STRING_EQUAL(answer.req.etag, "\"e-2\"");
    read_body(&answer, &site, "   \n");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_DOUBT);
    read_body(&answer, &site, "<CompleteMultipartUploadResult>");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_DOUBT);
    answer_done(&answer);
}

static void a_head_tells_size_token_and_checksum(void)
{
    struct answer answer;
    answer_init(&answer, SILT_OP_HEAD, 200);
    read_body(&answer, &site, "");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_DOUBT);
    header(&answer.http, "content-length", "8123456789");
    header(&answer.http, "x-amz-meta-as-token", "tok");
    header(&answer.http, "x-amz-checksum-crc32c", "4waSgw==");
    read_body(&answer, &site, "");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_OK);
    CU_ASSERT_EQUAL(answer.req.size, 8123456789);
    CU_ASSERT_STRING_EQUAL(answer.req.ret_token, "tok");
    CU_ASSERT_FALSE(answer.req.ret_has_crc32c);
    header(&answer.http, "x-amz-checksum-type", "FULL_OBJECT");
    read_body(&answer, &site, "");
    CU_ASSERT(answer.req.ret_has_crc32c);
    CU_ASSERT_EQUAL(answer.req.ret_crc32c, 0xE3069283);
    answer_done(&answer);
    answer_init(&answer, SILT_OP_HEAD, 200);
    header(&answer.http, "content-length", "12x");
    header(&answer.http, "x-amz-checksum-crc32c", "4waSgw==-2");
    header(&answer.http, "x-amz-checksum-type", "COMPOSITE");
    read_body(&answer, &site, "");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_DOUBT);
    CU_ASSERT_FALSE(answer.req.ret_has_crc32c);
    answer_done(&answer);
}

static void a_get_stays_within_its_bound(void)
{
    struct answer answer;
    answer_init(&answer, SILT_OP_GET, 200);
    answer.req.body_max = 3;
    read_body(&answer, &site, "abc");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_OK);
    CU_ASSERT_EQUAL(answer.req.size, 3);
    read_body(&answer, &site, "abcd");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_REFUSED);
    answer.req.range_last = 1;
    read_body(&answer, &site, "ab");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_REFUSED); /* 200 to a range */
    answer.http.status = 206;
    read_body(&answer, &site, "ab");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_OK);
    answer_done(&answer);
    answer_init(&answer, SILT_OP_MPU_ABORT, 204);
    read_body(&answer, &site, "");
    CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_OK);
    answer_done(&answer);
}

/* --- lifecycle ------------------------------------------------------------------------------- */

#define RULE(inner) "<Rule><ID>r</ID><Status>Enabled</Status>" inner "</Rule>"
#define ABORT(days)                                              \
    "<AbortIncompleteMultipartUpload><DaysAfterInitiation>" days \
    "</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
#define EXPIRE "<Expiration><Days>30</Days></Expiration>"

static bool lifecycle_is(const char *rules, int abort_days, bool expires_log)
{
    struct answer answer;
    answer_init(&answer, SILT_OP_LIFECYCLE, 200);
    char *text = silt_asprintf("<LifecycleConfiguration>%s</LifecycleConfiguration>", rules);
    read_body(&answer, &site, text);
    bool same = answer.outcome == SILT_STORE_OK && answer.req.lifecycle_abort_days == abort_days &&
                answer.req.lifecycle_expires_log == expires_log;
    silt_free(text);
    answer_done(&answer);
    return same;
}

static void finds_the_shortest_rule_for_uploads_of_ours(void)
{
    CU_ASSERT(lifecycle_is("", 0, false));
    CU_ASSERT(lifecycle_is(RULE(ABORT("7")), 7, false));
    CU_ASSERT(lifecycle_is(RULE("<Filter><Prefix></Prefix></Filter>" ABORT("7"))
                               RULE("<Filter><Prefix>root/data/</Prefix></Filter>" ABORT("3"))
                                   RULE("<Prefix>root/</Prefix>" ABORT("9")),
                           3, false));
    CU_ASSERT(lifecycle_is(RULE("<Filter><Prefix>root/data/topic=x/</Prefix></Filter>" ABORT("1")),
                           1, false));
    CU_ASSERT(lifecycle_is(RULE("<Filter><Prefix>other/</Prefix></Filter>" ABORT("1")), 0, false));
    CU_ASSERT(
        lifecycle_is(RULE("<Filter><Prefix>root/_log/</Prefix></Filter>" ABORT("1")), 0, false));
    CU_ASSERT(
        lifecycle_is("<Rule><Status>Disabled</Status>" ABORT("1") EXPIRE "</Rule>", 0, false));
    CU_ASSERT(lifecycle_is(RULE(ABORT("99999999999")), 2147483647, false));
    CU_ASSERT(lifecycle_is(RULE("<Prefix>a</Prefix><Prefix>root/</Prefix>" ABORT("5")), 5, false));
}

static void finds_rules_that_would_expire_manifests(void)
{
    CU_ASSERT(lifecycle_is(RULE(EXPIRE), 0, true));
    CU_ASSERT(lifecycle_is(RULE("<Expiration><Date>2030-01-01</Date></Expiration>"), 0, true));
    CU_ASSERT(lifecycle_is(RULE("<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
                                "</NoncurrentVersionExpiration>"),
                           0, true));
    CU_ASSERT(lifecycle_is(RULE("<Filter><Prefix>root/_log/a</Prefix></Filter>" EXPIRE), 0, true));
    CU_ASSERT(lifecycle_is(RULE("<Filter><And><Prefix>root/</Prefix><ObjectSizeLessThan>9"
                                "</ObjectSizeLessThan></And></Filter>" EXPIRE),
                           0, true));
    CU_ASSERT(lifecycle_is(RULE("<Filter><Prefix>root/data/</Prefix></Filter>" EXPIRE), 0, false));
    CU_ASSERT(lifecycle_is(RULE("<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>" EXPIRE),
                           0, false));
    CU_ASSERT(lifecycle_is(RULE("<Expiration><ExpiredObjectDeleteMarker>true"
                                "</ExpiredObjectDeleteMarker></Expiration>"),
                           0, false));
}

static void no_lifecycle_rules_are_an_answer(void)
{
    struct answer answer;
    static const int statuses[] = {404, 501};
    for (size_t i = 0; i < 2; i++) {
        answer_init(&answer, SILT_OP_LIFECYCLE, statuses[i]);
        read_body(&answer, &site, "<Error/>");
        CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_OK);
        CU_ASSERT(answer.req.text[0] != '\0');
        answer_done(&answer);
    }
    static const char *const broken[] = {
        "", "<LifecycleConfiguration><Rule><Prefix>x</Prefix>",
        "<LifecycleConfiguration>" RULE(ABORT("soon")) "</LifecycleConfiguration>"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        answer_init(&answer, SILT_OP_LIFECYCLE, 200);
        read_body(&answer, &site, broken[i]);
        CU_ASSERT_EQUAL(answer.outcome, SILT_STORE_DOUBT);
        answer_done(&answer);
    }
}

static void reads_the_servers_clock(void)
{
    CU_ASSERT_EQUAL(silt_s3_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777000);
    CU_ASSERT_EQUAL(silt_s3_http_date("Thu, 01 Jan 2026 00:00:00 GMT"), 1767225600000);
    CU_ASSERT_EQUAL(silt_s3_http_date("Thu, 01 Jan 2026 00:00:00 CET"), 0);
    CU_ASSERT_EQUAL(silt_s3_http_date("Thu, 01 Jxx 2026 00:00:00 GMT"), 0);
    CU_ASSERT_EQUAL(silt_s3_http_date("Thu, 01 anF 2026 00:00:00 GMT"), 0);
    CU_ASSERT_EQUAL(silt_s3_http_date("Thu, 01 Ja 2026 00:00:00 GMT"), 0);
    CU_ASSERT_EQUAL(silt_s3_http_date("yesterday"), 0);
}

SILT_TESTS(
    "s3_answer", {"reads error code, message and region", reads_error_code_message_and_region},
    {"reads keys below the root", reads_keys_below_the_root},
    {"a broken listing leaves nothing behind", a_broken_listing_leaves_nothing_behind},
    {"reads parts page by page", reads_parts_page_by_page},
    {"reads uploads and where the next page begins", reads_uploads_and_where_the_next_page_begins},
    {"stops at ten thousand uploads", stops_at_ten_thousand_uploads},
    {"a created upload has an id", a_created_upload_has_an_id},
    {"a stored part has an ETag and the same checksum",
     a_stored_part_has_an_etag_and_the_same_checksum},
    {"a PUT without an ETag is doubt", a_put_without_an_etag_is_doubt},
    {"a Complete needs its result", a_complete_needs_its_result},
    {"a HEAD tells size, token and checksum", a_head_tells_size_token_and_checksum},
    {"a GET stays within its bound", a_get_stays_within_its_bound},
    {"finds the shortest rule for uploads of ours", finds_the_shortest_rule_for_uploads_of_ours},
    {"finds rules that would expire manifests", finds_rules_that_would_expire_manifests},
    {"no lifecycle rules are an answer", no_lifecycle_rules_are_an_answer},
    {"reads the server's clock", reads_the_servers_clock})
