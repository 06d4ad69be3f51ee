#include "store/s3.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "harness.h"
#include "http_server.h"
#include "net/credentials.h"
#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLOW "<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>"
#define INTERNAL "<Error><Code>InternalError</Code><Message>We are sorry</Message></Error>"
#define OLD_DATE "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"

/* A scripted server, a loop and an S3 store over them. */
struct bench {
    struct silt_http_server *server;
    struct silt_http *http;
    struct silt_credentials *credentials;
    struct silt_store *store;
};

static void bench_init_with(struct bench *bench, const struct silt_http_step *steps, size_t steps_n,
                            int concurrency)
{
    struct silt_secret secret = {0};
    silt_secret_set(&secret, "secret");
    bench->server = silt_http_server_start(steps, steps_n);
    struct silt_rc started = silt_http_start(&(struct silt_http_opts){0}, &bench->http, NULL);
    SILT_ASSERT(started.ok);
    bench->credentials = silt_credentials_new(&(struct silt_credentials_opts){
        .http = bench->http, .access_key = "key", .secret_key = secret});
    const struct silt_store_opts opts = {.root = "s3://bucket/prefix",
                                         .http = bench->http,
                                         .s3 = {.endpoint = silt_http_server_url(bench->server),
                                                .region = "eu-west-1",
                                                .path_style = true,
                                                .concurrency = concurrency,
                                                .credentials = bench->credentials}};
    struct silt_rc opened = silt_store_open(&opts, &bench->store, NULL);
    SILT_ASSERT(opened.ok);
    silt_secret_done(&secret);
}

static void bench_done(struct bench *bench)
{
    silt_store_free(bench->store);
    silt_credentials_free(bench->credentials);
    silt_http_stop(bench->http);
    silt_http_server_stop(bench->server);
}

/* Runs one request against a script. */
static void run(const struct silt_http_step *steps, size_t steps_n, struct silt_store_req *req,
                struct bench *ret_bench)
{
    bench_init_with(ret_bench, steps, steps_n, 0);
    silt_store_call(ret_bench->store, req);
}
#define RUN(steps, req, bench) run((steps), sizeof(steps) / sizeof(steps)[0], (req), (bench))

static char *seen_header(struct bench *bench, unsigned i, const char *name)
{
    const struct silt_http_seen *seen = silt_http_server_seen(bench->server, i);
    return seen ? silt_http_seen_header(seen, name) : NULL;
}

static void every_attempt_is_signed_anew_on_a_new_connection_after_5xx(void)
{
    static const struct silt_http_step steps[] = {{.status = 503, .body = SLOW},
                                                  {.status = 500, .body = INTERNAL},
                                                  {.fault = SILT_FAULT_RESET},
                                                  {.status = 200, .headers = "ETag: \"e\"\r\n"}};
    const struct silt_slice body = silt_slice_str("manifest");
    struct silt_store_req req = {.op = SILT_OP_PUT_NEW, .key = "k", .body = &body, .body_n = 1};
    struct bench bench;
    RUN(steps, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_OK);
    CU_ASSERT_EQUAL(req.attempts, 4);
    CU_ASSERT_EQUAL(req.http_status, 200);
    CU_ASSERT_STRING_EQUAL(req.etag, "\"e\"");
    CU_ASSERT_STRING_EQUAL(req.text, "");
    CU_ASSERT_EQUAL(silt_http_server_seen_n(bench.server), 4);
    for (unsigned i = 0; i < 4; i++) {
        const struct silt_http_seen *seen = silt_http_server_seen(bench.server, i);
        char *authorization = silt_http_seen_header(seen, "authorization");
        CU_ASSERT(authorization && strstr(authorization, "Credential=key/"));
        CU_ASSERT_STRING_EQUAL(seen->body, "manifest");
        CU_ASSERT_STRING_EQUAL(seen->target, "/bucket/prefix/k");
        CU_ASSERT_EQUAL(seen->connection, i + 1);
        free(authorization);
    }
    silt_store_req_done(&req);
    bench_done(&bench);
}

static void a_given_date_is_signed_and_nothing_retried(void)
{
    static const struct silt_http_step steps[] = {{.status = 503, .body = SLOW}};
    struct silt_store_req req = {.op = SILT_OP_PUT_NEW, .key = "k", .date_ms = 1767225600000};
    struct bench bench;
    RUN(steps, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_THROTTLED);
    CU_ASSERT_EQUAL(req.attempts, 1);
    char *date = seen_header(&bench, 0, "x-amz-date");
    CU_ASSERT_STRING_EQUAL(date, "20260101T000000Z");
    free(date);
    silt_store_req_done(&req);
    bench_done(&bench);
}

static void attempts_are_bounded(void)
{
    static const struct silt_http_step steps[] = {{.status = 503, .body = SLOW, .repeat = -1}};
    struct silt_store_req req = {.op = SILT_OP_GET, .key = "k", .attempts_max = 3};
    struct bench bench;
    RUN(steps, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_THROTTLED);
    CU_ASSERT_EQUAL(req.attempts, 3);
    CU_ASSERT_EQUAL(req.http_status, 503);
    CU_ASSERT_STRING_EQUAL(req.text, "503 SlowDown: Reduce your rate");
    silt_store_req_done(&req);
    bench_done(&bench);
}

static void a_deadline_ends_the_attempts(void)
{
    static const struct silt_http_step steps[] = {{.fault = SILT_FAULT_HANG, .repeat = -1}};
    struct silt_store_req req = {
        .op = SILT_OP_GET, .key = "k", .attempts_max = 1000, .deadline_ms = 200};
    struct bench bench;
    RUN(steps, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_DOUBT);
    CU_ASSERT_EQUAL(req.http_status, 0);
    CU_ASSERT(req.text[0] != '\0');
    silt_store_req_done(&req);
    bench_done(&bench);
}

static void throttling_after_doubt_is_still_doubt(void)
{
    static const struct silt_http_step steps[] = {{.fault = SILT_FAULT_CLOSE},
                                                  {.status = 503, .body = SLOW}};
    struct silt_store_req req = {.op = SILT_OP_PUT_NEW, .key = "k", .attempts_max = 2};
    struct bench bench;
    RUN(steps, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_DOUBT);
    silt_store_req_done(&req);
    bench_done(&bench);
}

static void an_error_below_a_200_is_an_error(void)
{
    static const struct silt_http_step steps[] = {
        {.status = 200, .body = "\n   " INTERNAL},
        {.status = 200, .body = "      "},
        {.status = 200, .body = "<CompleteMultipartUploadResult>", .fault = SILT_FAULT_CUT},
        {.status = 200,
         .body = "<CompleteMultipartUploadResult><ETag>x</ETag>"
                 "</CompleteMultipartUploadResult>"}};
    const struct silt_store_part part = {.n = 1, .etag = "e"};
    struct silt_store_req req = {
        .op = SILT_OP_MPU_COMPLETE, .key = "k", .upload_id = "u", .parts = &part, .parts_n = 1};
    struct bench bench;
    RUN(steps, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_OK);
    CU_ASSERT_EQUAL(req.attempts, 4);
    CU_ASSERT_STRING_EQUAL(req.etag, "x");
    silt_store_req_done(&req);
    bench_done(&bench);
}

static void an_object_that_looks_like_an_error_is_an_object(void)
{
    static const struct silt_http_step steps[] = {{.status = 200, .body = INTERNAL}};
    struct silt_store_req req = {.op = SILT_OP_GET, .key = "k", .body_max = 1000};
    struct bench bench;
    RUN(steps, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_OK);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&req.ret_body), INTERNAL);
    silt_store_req_done(&req);
    bench_done(&bench);
}

static void a_cut_body_is_fetched_again(void)
{
    static const struct silt_http_step steps[] = {
        {.status = 200, .body = "0123456789", .fault = SILT_FAULT_CUT},
        {.status = 200, .body = "0123456789"}};
    struct silt_store_req req = {.op = SILT_OP_GET, .key = "k", .body_max = 10};
    struct bench bench;
    RUN(steps, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_OK);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&req.ret_body), "0123456789");
    CU_ASSERT_EQUAL(req.attempts, 2);
    silt_store_req_done(&req);
    bench_done(&bench);
}

static void a_longer_object_is_refused_not_retried(void)
{
    enum { LONG = 100000 };
    char *body = silt_zalloc(LONG + 1);
    memset(body, 'x', LONG);
    const struct silt_http_step steps[] = {{.status = 200, .body = body}};
    struct silt_store_req req = {.op = SILT_OP_GET, .key = "k", .body_max = 10};
    struct bench bench;
    RUN(steps, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_REFUSED);
    CU_ASSERT_EQUAL(req.attempts, 1);
    CU_ASSERT_EQUAL(req.ret_body.len, 0);
    silt_store_req_done(&req);
    bench_done(&bench);
    silt_free(body);
}

static void a_part_with_another_checksum_is_sent_again(void)
{
    static const struct silt_http_step steps[] = {
        {.status = 200, .headers = "ETag: e\r\nx-amz-checksum-crc32c: AAAAAA==\r\n"},
        {.status = 400, .body = "<Error><Code>XAmzContentChecksumMismatch</Code></Error>"},
        {.status = 200, .headers = "ETag: e\r\nx-amz-checksum-crc32c: 4waSgw==\r\n"}};
    const struct silt_slice body = silt_slice_str("123456789");
    struct silt_store_req req = {.op = SILT_OP_MPU_PART,
                                 .key = "k",
                                 .upload_id = "u",
                                 .part_number = 1,
                                 .body = &body,
                                 .body_n = 1,
                                 .crc32c = 0xE3069283};
    struct bench bench;
    RUN(steps, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_OK);
    CU_ASSERT_EQUAL(req.attempts, 3);
    silt_store_req_done(&req);
    bench_done(&bench);
}

static void a_wrong_clock_tells_the_servers_time(void)
{
    static const struct silt_http_step steps[] = {
        {.status = 403,
         .headers = OLD_DATE,
         .body = "<Error><Code>RequestTimeTooSkewed</Code></Error>"}};
    struct silt_store_req req = {.op = SILT_OP_PUT_NEW, .key = "k"};
    struct bench bench;
    RUN(steps, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_SKEWED);
    CU_ASSERT_EQUAL(req.server_time_ms, 1767225600000);
    CU_ASSERT_EQUAL(req.attempts, 1);
    silt_store_req_done(&req);
    bench_done(&bench);
}

static void the_wrong_region_is_named(void)
{
    static const struct silt_http_step redirect[] = {
        {.status = 301, .headers = "x-amz-bucket-region: us-west-2\r\n"}};
    static const struct silt_http_step malformed[] = {
        {.status = 400,
         .body = "<Error><Code>AuthorizationHeaderMalformed</Code>"
                 "<Region>us-west-2</Region></Error>"}};
    static const struct silt_http_step right[] = {
        {.status = 403,
         .headers = "x-amz-bucket-region: eu-west-1\r\n",
         .body = "<Error><Code>AccessDenied</Code></Error>"}};
    struct bench bench;
    struct silt_store_req req = {.op = SILT_OP_HEAD, .key = "k"};
    RUN(redirect, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_REFUSED);
    CU_ASSERT(strstr(req.text, "us-west-2; set s3.region") != NULL);
    bench_done(&bench);
    req = (struct silt_store_req){.op = SILT_OP_LIST, .key = ""};
    RUN(malformed, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_REFUSED);
    CU_ASSERT(strstr(req.text, "us-west-2; set s3.region") != NULL);
    bench_done(&bench);
    req = (struct silt_store_req){.op = SILT_OP_GET, .key = "k"};
    RUN(right, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_DENIED);
    CU_ASSERT_STRING_EQUAL(req.text, "403 AccessDenied");
    bench_done(&bench);
}

static void a_store_without_whole_checksums_is_told(void)
{
    static const struct silt_http_step refuses[] = {
        {.status = 400, .body = "<Error><Code>InvalidRequest</Code><Message>no</Message></Error>"}};
    static const struct silt_http_step else_wrong[] = {
        {.status = 400, .body = "<Error><Code>InvalidStorageClass</Code></Error>"}};
    struct bench bench;
    struct silt_store_req req = {.op = SILT_OP_MPU_CREATE, .key = "k"};
    RUN(refuses, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_REFUSED);
    CU_ASSERT(strstr(req.text, "CRC-32C of the whole object: InvalidRequest: no") != NULL);
    bench_done(&bench);
    req = (struct silt_store_req){.op = SILT_OP_MPU_CREATE, .key = "k"};
    RUN(else_wrong, &req, &bench);
    CU_ASSERT_STRING_EQUAL(req.text, "400 InvalidStorageClass");
    bench_done(&bench);
}

static void a_delete_marker_is_told_from_absence(void)
{
    static const struct silt_http_step steps[] = {
        {.status = 404, .headers = "x-amz-delete-marker: true\r\n"}};
    struct silt_store_req req = {.op = SILT_OP_HEAD, .key = "k"};
    struct bench bench;
    RUN(steps, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_NOT_FOUND);
    CU_ASSERT(req.delete_marker);
    bench_done(&bench);
}

static void pages_are_fetched_until_the_last(void)
{
    static const struct silt_http_step steps[] = {
        {.status = 200,
         .body = "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
                 "<NextKeyMarker>prefix/b</NextKeyMarker><Upload><Key>prefix/a</Key>"
                 "<UploadId>1</UploadId></Upload></ListMultipartUploadsResult>"},
        {.status = 200, .body = "<ListMultipartUploadsResult><Upload>"},
        {.status = 200,
         .body = "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>"
                 "<Upload><Key>prefix/c</Key><UploadId>2</UploadId></Upload>"
                 "</ListMultipartUploadsResult>"}};
    struct silt_store_req req = {.op = SILT_OP_MPU_LIST, .key = ""};
    struct bench bench;
    RUN(steps, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_OK);
    CU_ASSERT_EQUAL(req.attempts, 3);
    CU_ASSERT_EQUAL(req.objects_n, 2);
    CU_ASSERT_FALSE(req.truncated);
    CU_ASSERT_STRING_EQUAL(silt_http_server_seen(bench.server, 1)->target,
                           "/bucket?key-marker=prefix%2Fb&max-uploads=1000&uploads=");
    silt_store_req_done(&req);
    bench_done(&bench);
}

static void pages_that_never_end_are_left(void)
{
    static const struct silt_http_step steps[] = {
        {.status = 200,
         .repeat = -1,
         .body = "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
                 "<NextKeyMarker>same</NextKeyMarker></ListMultipartUploadsResult>"}};
    struct silt_store_req req = {.op = SILT_OP_MPU_LIST, .key = ""};
    struct bench bench;
    RUN(steps, &req, &bench);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_OK);
    CU_ASSERT(req.truncated);
    CU_ASSERT_EQUAL(silt_http_server_seen_n(bench.server), 100);
    silt_store_req_done(&req);
    bench_done(&bench);
}

/* --- many at once ---------------------------------------------------------------------------- */

static void small_requests_overtake_parts(void)
{
    static const struct silt_http_step steps[] = {
        {.status = 200, .headers = "ETag: e\r\n", .repeat = -1}};
    struct bench bench;
    bench_init_with(&bench, steps, 1, 1);
    enum { N = 12 };
    struct silt_queue *back = silt_queue_new(N, NULL, NULL);
    struct silt_store_req reqs[N];
    const struct silt_slice body = silt_slice_str("x");
    for (unsigned i = 0; i < N; i++) {
        bool small = i == N - 1;
        reqs[i] = (struct silt_store_req){.op = small ? SILT_OP_PUT_NEW : SILT_OP_MPU_PART,
                                          .key = "k",
                                          .upload_id = "u",
                                          .part_number = i + 1,
                                          .body = &body,
                                          .body_n = 1,
                                          .reply_to = back,
                                          .on_reply = silt_store_req_done};
        silt_store_submit(bench.store, &reqs[i]);
    }
    unsigned position = N;
    for (unsigned i = 0; i < N; i++) {
        struct silt_store_req *req = silt_queue_pop(back, -1);
        CU_ASSERT_EQUAL(req->outcome, SILT_STORE_OK);
        if (req == &reqs[N - 1]) position = i;
        silt_store_reply(req);
    }
    CU_ASSERT(position < N - 1);
    /* One at a time: one connection. */
    CU_ASSERT_EQUAL(silt_http_server_seen(bench.server, N - 1)->connection, 1);
    silt_queue_free(back);
    bench_done(&bench);
}

enum { OPEN = 6 };

static void submit_open(struct bench *bench, struct silt_store_req *reqs, struct silt_queue *back)
{
    static const struct silt_slice body = {(const uint8_t *)"x", 1};
    for (unsigned i = 0; i < OPEN; i++) {
        reqs[i] = (struct silt_store_req){.op = i % 2 ? SILT_OP_MPU_PART : SILT_OP_PUT_NEW,
                                          .key = "k",
                                          .upload_id = "u",
                                          .part_number = 1,
                                          .body = &body,
                                          .body_n = 1,
                                          .reply_to = back,
                                          .on_reply = silt_store_req_done};
        silt_store_submit(bench->store, &reqs[i]);
    }
}

static unsigned stopped_n(struct silt_queue *back)
{
    unsigned n = 0;
    for (struct silt_store_req *req; (req = silt_queue_pop(back, 0));) {
        n += req->outcome == SILT_STORE_STOPPED;
        silt_store_reply(req);
    }
    return n;
}

static void freeing_answers_all_that_is_open(void)
{
    static const struct silt_http_step hangs[] = {{.fault = SILT_FAULT_HANG, .repeat = -1}};
    struct bench bench;
    struct silt_store_req reqs[OPEN];
    struct silt_queue *back = silt_queue_new(OPEN, NULL, NULL);
    bench_init_with(&bench, hangs, 1, 2); /* two in flight, the rest waits */
    submit_open(&bench, reqs, back);
    silt_http_server_await(bench.server, 2);
    silt_store_free(bench.store);
    silt_credentials_free(bench.credentials);
    CU_ASSERT_EQUAL(stopped_n(back), OPEN);
    silt_queue_free(back);
    silt_http_stop(bench.http);
    silt_http_server_stop(bench.server);
}

static void freeing_ends_a_long_wait_for_the_next_attempt(void)
{
    static const struct silt_http_step slow[] = {
        {.status = 503, .headers = "Retry-After: 20\r\n", .body = SLOW, .repeat = -1}};
    struct bench bench;
    struct silt_store_req reqs[OPEN];
    struct silt_queue *back = silt_queue_new(OPEN, NULL, NULL);
    bench_init_with(&bench, slow, 1, OPEN);
    submit_open(&bench, reqs, back);
    silt_http_server_await(bench.server, OPEN);
    silt_store_free(bench.store);
    silt_credentials_free(bench.credentials);
    CU_ASSERT_EQUAL(stopped_n(back), OPEN);
    CU_ASSERT_EQUAL(silt_http_server_seen_n(bench.server), OPEN); /* Retry-After was obeyed */
    silt_queue_free(back);
    silt_http_stop(bench.http);
    silt_http_server_stop(bench.server);
}

static void the_loop_may_be_stopped_before_the_store_is_freed(void)
{
    static const struct silt_http_step slow[] = {
        {.status = 503, .headers = "Retry-After: 20\r\n", .body = SLOW, .repeat = 2},
        {.fault = SILT_FAULT_HANG, .repeat = -1}};
    struct bench bench;
    struct silt_store_req reqs[OPEN];
    struct silt_queue *back = silt_queue_new(OPEN, NULL, NULL);
    bench_init_with(&bench, slow, 2, 4);
    submit_open(&bench, reqs, back);
    silt_http_server_await(bench.server, 4);
    silt_http_stop(bench.http);
    CU_ASSERT_EQUAL(stopped_n(back), OPEN);
    silt_store_free(bench.store);
    silt_credentials_free(bench.credentials);
    silt_queue_free(back);
    silt_http_server_stop(bench.server);
}

static void a_store_that_complains_is_asked_more_slowly(void)
{
    static const struct silt_http_step steps[] = {{.status = 503, .body = SLOW},
                                                  {.status = 200, .body = "x"}};
    struct silt_store_req req = {.op = SILT_OP_GET, .key = "k", .body_max = 9};
    struct bench bench;
    bench_init_with(&bench, steps, 2, 0);
    CU_ASSERT_EQUAL(atomic_load(&bench.store->rate), 0);
    silt_store_call(bench.store, &req);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_OK);
    CU_ASSERT_EQUAL(req.attempts, 2);
    CU_ASSERT(atomic_load(&bench.store->rate) > 0);
    silt_store_req_done(&req);
    bench_done(&bench);
}

static void a_proxy_is_used_when_it_is_configured(void)
{
    static const struct silt_http_step steps[] = {{.status = 200, .body = "x"}};
    struct bench bench = {.server = silt_http_server_start(steps, 1)};
    struct silt_secret secret = {0};
    silt_secret_set(&secret, "s");
    CU_ASSERT_OK(silt_http_start(&(struct silt_http_opts){0}, &bench.http, NULL));
    bench.credentials = silt_credentials_new(&(struct silt_credentials_opts){
        .http = bench.http, .access_key = "a", .secret_key = secret});
    silt_secret_done(&secret);
    const struct silt_store_opts opts = {.root = "s3://bucket/prefix",
                                         .http = bench.http,
                                         .s3 = {.endpoint = "http://s3.invalid",
                                                .region = "r",
                                                .path_style = true,
                                                .proxy = silt_http_server_url(bench.server),
                                                .credentials = bench.credentials}};
    CU_ASSERT_OK(silt_store_open(&opts, &bench.store, NULL));
    struct silt_store_req req = {.op = SILT_OP_GET, .key = "k", .body_max = 9};
    silt_store_call(bench.store, &req);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_OK);
    CU_ASSERT_STRING_EQUAL(silt_http_server_seen(bench.server, 0)->target,
                           "http://s3.invalid/bucket/prefix/k");
    silt_store_req_done(&req);
    bench_done(&bench);
}

/* --- credentials that change ----------------------------------------------------------------- */

#define EXPIRED "<Error><Code>ExpiredToken</Code><Message>The token has expired.</Message></Error>"
#define KEYS(key, life) \
    "{\"AccessKeyId\":\"" key "\",\"SecretAccessKey\":\"s\",\"Token\":\"t" key "\"" life "}"

/* A store whose keys come from a container's endpoint. */
struct vault {
    struct silt_http_server *keys;
    struct silt_http_server *server;
    struct silt_http *http;
    struct silt_credentials *credentials;
    struct silt_store *store;
    char *environ[2];
};

static void vault_open(struct vault *vault, const struct silt_http_step *keys, size_t keys_n,
                       const struct silt_http_step *steps, size_t steps_n)
{
    vault->keys = silt_http_server_start(keys, keys_n);
    vault->server = silt_http_server_start(steps, steps_n);
    vault->environ[0] =
        silt_asprintf("AWS_CONTAINER_CREDENTIALS_FULL_URI=%s/", silt_http_server_url(vault->keys));
    vault->environ[1] = NULL;
    struct silt_rc started = silt_http_start(&(struct silt_http_opts){0}, &vault->http, NULL);
    SILT_ASSERT(started.ok);
    vault->credentials = silt_credentials_new(&(struct silt_credentials_opts){
        .http = vault->http, .environ = (const char *const *)vault->environ});
    const struct silt_store_opts opts = {.root = "s3://bucket/prefix",
                                         .http = vault->http,
                                         .s3 = {.endpoint = silt_http_server_url(vault->server),
                                                .region = "eu-west-1",
                                                .path_style = true,
                                                .credentials = vault->credentials}};
    struct silt_rc opened = silt_store_open(&opts, &vault->store, NULL);
    SILT_ASSERT(opened.ok);
}

static void vault_close(struct vault *vault)
{
    silt_store_free(vault->store);
    silt_credentials_free(vault->credentials);
    silt_http_stop(vault->http);
    silt_http_server_stop(vault->server);
    silt_http_server_stop(vault->keys);
    silt_free(vault->environ[0]);
}
#define VAULT(vault, keys, steps)                                        \
    vault_open((vault), (keys), sizeof(keys) / sizeof(keys)[0], (steps), \
               sizeof(steps) / sizeof(steps)[0])

static void an_expired_token_is_renewed_and_the_request_sent_again(void)
{
    static const struct silt_http_step keys[] = {{.status = 200, .body = KEYS("OLD", "")},
                                                 {.status = 200, .body = KEYS("NEW", "")}};
    static const struct silt_http_step steps[] = {
        {.status = 400, .body = EXPIRED}, {.status = 400, .body = EXPIRED},
        {.status = 400, .body = EXPIRED}, {.status = 400, .body = EXPIRED},
        {.status = 400, .body = EXPIRED}, {.status = 400, .body = EXPIRED},
        {.status = 200, .body = "x"}};
    struct vault vault;
    VAULT(&vault, keys, steps);
    struct silt_store_req req = {.op = SILT_OP_GET, .key = "k", .body_max = 9, .attempts_max = 20};
    silt_store_call(vault.store, &req);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_OK);
    CU_ASSERT_EQUAL(silt_http_server_seen_n(vault.keys), 2);
    const struct silt_http_seen *last = silt_http_server_seen(vault.server, 6);
    char *authorization = silt_http_seen_header(last, "authorization");
    char *token = silt_http_seen_header(last, "x-amz-security-token");
    CU_ASSERT(authorization && strstr(authorization, "Credential=NEW/"));
    CU_ASSERT(token && strcmp(token, "tNEW") == 0);
    free(authorization);
    free(token);
    silt_store_req_done(&req);
    vault_close(&vault);
}

static void attempts_with_refused_keys_are_bounded(void)
{
    static const struct silt_http_step keys[] = {
        {.status = 200, .body = KEYS("SAME", ""), .repeat = -1}};
    static const struct silt_http_step steps[] = {{.status = 400, .body = EXPIRED, .repeat = -1}};
    struct vault vault;
    VAULT(&vault, keys, steps);
    struct silt_store_req req = {.op = SILT_OP_GET, .key = "k", .attempts_max = 2};
    silt_store_call(vault.store, &req);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_DENIED);
    CU_ASSERT_EQUAL(req.attempts, 2);
    CU_ASSERT(strstr(req.text, "ExpiredToken") != NULL);
    silt_store_req_done(&req);
    struct silt_store_req dated = {.op = SILT_OP_GET, .key = "k", .date_ms = 1767225600000};
    silt_store_call(vault.store, &dated);
    CU_ASSERT_EQUAL(dated.outcome, SILT_STORE_DENIED);
    CU_ASSERT_EQUAL(dated.attempts, 1);
    silt_store_req_done(&dated);
    vault_close(&vault);
}

static void nothing_is_sent_with_keys_that_have_expired(void)
{
    char until[SILT_ISO_LEN];
    silt_iso_time(silt_wall_ms() + 1500, until);
    char *body = silt_asprintf(KEYS("SHORT", ",\"Expiration\":\"%s\""), until);
    const struct silt_http_step keys[] = {{.status = 200, .body = body},
                                          {.status = 500, .repeat = -1}};
    static const struct silt_http_step steps[] = {{.status = 200, .body = "x", .repeat = -1}};
    struct vault vault;
    VAULT(&vault, keys, steps);
    silt_http_server_await(vault.keys, 2);
    struct silt_creds *creds;
    while ((creds = silt_credentials_take(vault.credentials))) {
        silt_credentials_give(creds);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    struct silt_store_req req = {.op = SILT_OP_GET, .key = "k", .attempts_max = 2};
    silt_store_call(vault.store, &req);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_DENIED);
    CU_ASSERT_EQUAL(req.attempts, 0);
    CU_ASSERT(strstr(req.text, "the credentials have expired; container credentials: ") != NULL);
    CU_ASSERT_EQUAL(silt_http_server_seen_n(vault.server), 0);
    silt_store_req_done(&req);
    vault_close(&vault);
    silt_free(body);
}

static void without_credentials_a_store_does_not_open(void)
{
    struct silt_http *http = NULL;
    struct silt_store *store = NULL;
    struct silt_err err = {0};
    CU_ASSERT_OK(silt_http_start(&(struct silt_http_opts){0}, &http, NULL));
    struct silt_credentials *credentials = silt_credentials_new(&(struct silt_credentials_opts){
        .http = http, .environ = (const char *const[]){"AWS_EC2_METADATA_DISABLED=true", NULL}});
    const struct silt_store_opts opts = {.root = "s3://bucket/prefix",
                                         .http = http,
                                         .s3 = {.region = "r", .credentials = credentials}};
    CU_ASSERT_FAILS(silt_store_open(&opts, &store, &err));
    CU_ASSERT(strstr(err.text, "no AWS credentials") != NULL);
    silt_credentials_free(credentials);
    silt_http_stop(http);
}

SILT_TESTS(
    "s3",
    {"every attempt is signed anew, on a new connection after 5xx",
     every_attempt_is_signed_anew_on_a_new_connection_after_5xx},
    {"a given date is signed and nothing retried", a_given_date_is_signed_and_nothing_retried},
    {"attempts are bounded", attempts_are_bounded},
    {"a deadline ends the attempts", a_deadline_ends_the_attempts},
    {"throttling after doubt is still doubt", throttling_after_doubt_is_still_doubt},
    {"an error below a 200 is an error", an_error_below_a_200_is_an_error},
    {"an object that looks like an error is an object",
     an_object_that_looks_like_an_error_is_an_object},
    {"a cut body is fetched again", a_cut_body_is_fetched_again},
    {"a longer object is refused, not retried", a_longer_object_is_refused_not_retried},
    {"a part with another checksum is sent again", a_part_with_another_checksum_is_sent_again},
    {"an expired token is renewed and the request sent again",
     an_expired_token_is_renewed_and_the_request_sent_again},
    {"a store that complains is asked more slowly", a_store_that_complains_is_asked_more_slowly},
    {"a proxy is used when it is configured", a_proxy_is_used_when_it_is_configured},
    {"attempts with refused keys are bounded", attempts_with_refused_keys_are_bounded},
    {"nothing is sent with keys that have expired", nothing_is_sent_with_keys_that_have_expired},
    {"without credentials a store does not open", without_credentials_a_store_does_not_open},
    {"a wrong clock tells the server's time", a_wrong_clock_tells_the_servers_time},
    {"the wrong region is named", the_wrong_region_is_named},
    {"a store without whole checksums is told", a_store_without_whole_checksums_is_told},
    {"a delete marker is told from absence", a_delete_marker_is_told_from_absence},
    {"pages are fetched until the last", pages_are_fetched_until_the_last},
    {"pages that never end are left", pages_that_never_end_are_left},
    {"small requests overtake parts", small_requests_overtake_parts},
    {"freeing answers all that is open", freeing_answers_all_that_is_open},
    {"freeing ends a long wait for the next attempt",
     freeing_ends_a_long_wait_for_the_next_attempt},
    {"the loop may be stopped before the store is freed",
     the_loop_may_be_stopped_before_the_store_is_freed})
