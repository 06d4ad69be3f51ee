/* The port's contract, against every store that is there: the directory store always, versitygw
 * when SILT_TEST_S3_ENDPOINT is set, MinIO when SILT_TEST_MINIO_ENDPOINT is set (tests/servers/up).
 * Where the protocol allows two answers, both are accepted here and the one that came is printed.
 */
#include "store/store_open.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "harness.h"
#include "net/credentials.h"
#include "net/http.h"
#include "net/sigv4.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PART ((size_t)5 << 20)
#define TOKEN "5e1f7b1c-0000-4000-8000-000000000001"

struct place {
    const char *name;
    const char *endpoint; /* NULL: directory */
    const char *ca_file;  /* NULL: no TLS; else virtual-host style too */
};

struct bench {
    struct silt_http *http;
    struct silt_store *store;
    struct silt_credentials *credentials[4]; /* of each store opened */
    unsigned credentials_n;
    struct silt_secret secret;
    const char *name;
    char root[128];
};

static const char *env(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && value[0] ? value : otherwise;
}

static SILT_RC open_root(struct bench *bench, const struct place *place, const char *access_key,
                         struct silt_store **ret_store)
{
    struct silt_credentials *credentials = NULL;
    if (bench->http) {
        credentials = silt_credentials_new(&(struct silt_credentials_opts){
            .http = bench->http, .access_key = access_key, .secret_key = bench->secret});
        SILT_ASSERT(bench->credentials_n < 4);
        bench->credentials[bench->credentials_n++] = credentials;
    }
    const struct silt_store_opts opts = {.root = bench->root,
                                         .http = bench->http,
                                         .s3 = {.endpoint = place->endpoint,
                                                .region = "us-east-1",
                                                .path_style = !place->ca_file,
                                                .ca_file = place->ca_file,
                                                .checksum = "crc32c",
                                                .concurrency = 16,
                                                .credentials = credentials}};
    return silt_store_open(&opts, ret_store, NULL);
}

static void make_bucket(struct bench *bench, const struct place *place, const char *bucket)
{
    char date[SILT_SIGV4_DATE_LEN];
    char url[256];
    char path[80];
    uint8_t key[SILT_SHA256_LEN];
    struct silt_sigv4_keys keys = {0};
    struct silt_buf authorization;
    silt_buf_init(&authorization, 4096);
    silt_sigv4_date(silt_wall_ms(), date);
    snprintf(url, sizeof url, "%s/%s", place->endpoint, bucket);
    snprintf(path, sizeof path, "/%s", bucket);
    struct silt_http_header headers[4] = {{"host", strstr(place->endpoint, "//") + 2},
                                          {"x-amz-date", date},
                                          {"x-amz-content-sha256", SILT_SIGV4_EMPTY}};
    const struct silt_sigv4_req sign = {.access_key = env("SILT_TEST_S3_ACCESS_KEY", "testkey"),
                                        .region = "us-east-1",
                                        .service = "s3",
                                        .date = date,
                                        .method = "PUT",
                                        .path = path,
                                        .headers = headers,
                                        .headers_n = 3,
                                        .payload_hash = SILT_SIGV4_EMPTY};
    silt_sigv4_keys_get(&keys, &sign, &bench->secret, key);
    silt_sigv4_sign(&authorization, &sign, key);
    headers[3] = (struct silt_http_header){"authorization", silt_buf_str(&authorization)};
    struct silt_http_req req = {
        .method = "PUT", .url = url, .headers = headers, .headers_n = 4, .ca_file = place->ca_file};
    silt_http_call(bench->http, &req);
    CU_ASSERT_EQUAL(req.status, 200);
    silt_http_req_done(&req);
    silt_buf_done(&authorization);
    silt_sigv4_keys_done(&keys);
}

static void bench_init(struct bench *bench, const struct place *place)
{
    *bench = (struct bench){.name = place->name};
    char nonce[17];
    silt_random_hex(nonce, 16);
    silt_secret_set(&bench->secret, env("SILT_TEST_S3_SECRET_KEY", "testsecret"));
    if (place->endpoint) {
        char bucket[40];
        snprintf(bucket, sizeof bucket, "silt-%s", nonce);
        snprintf(bench->root, sizeof bench->root, "s3://%s/some/root", bucket);
        struct silt_rc started = silt_http_start(&(struct silt_http_opts){0}, &bench->http, NULL);
        SILT_ASSERT(started.ok);
        make_bucket(bench, place, bucket);
    } else {
        snprintf(bench->root, sizeof bench->root, "file://%s/%s", silt_test_dir(), nonce);
    }
    struct silt_rc opened =
        open_root(bench, place, env("SILT_TEST_S3_ACCESS_KEY", "testkey"), &bench->store);
    SILT_ASSERT(opened.ok);
}

static void bench_done(struct bench *bench)
{
    silt_store_free(bench->store);
    while (bench->credentials_n) silt_credentials_free(bench->credentials[--bench->credentials_n]);
    silt_http_stop(bench->http);
    silt_secret_done(&bench->secret);
}

/* --- shorthand ------------------------------------------------------------------------------- */

static enum silt_store_outcome call(struct bench *bench, struct silt_store_req *req)
{
    silt_store_call(bench->store, req);
    return req->outcome;
}

static enum silt_store_outcome put_new(struct bench *bench, const char *key, const char *text)
{
    const struct silt_slice body = silt_slice_str(text);
    struct silt_store_req req = {.op = SILT_OP_PUT_NEW, .key = key, .body = &body, .body_n = 1};
    enum silt_store_outcome outcome = call(bench, &req);
    silt_store_req_done(&req);
    return outcome;
}

static void told(const struct bench *bench, const char *what, const struct silt_store_req *req)
{
    printf("\n    %s: %s: %s (%d) %s", bench->name, what, silt_store_outcome_name(req->outcome),
           req->http_status, req->text);
}

/* --- objects --------------------------------------------------------------------------------- */

static void check_objects(struct bench *bench)
{
    CU_ASSERT_EQUAL(put_new(bench, "_log/a/0.json", "first"), SILT_STORE_OK);
    CU_ASSERT_EQUAL(put_new(bench, "_log/a/0.json", "second"), SILT_STORE_EXISTS);

    struct silt_store_req get = {.op = SILT_OP_GET, .key = "_log/a/0.json", .body_max = 5};
    CU_ASSERT_EQUAL(call(bench, &get), SILT_STORE_OK);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&get.ret_body), "first");
    CU_ASSERT_EQUAL(get.size, 5);
    CU_ASSERT(get.server_time_ms > 0);
    CU_ASSERT_EQUAL(get.attempts, 1);
    silt_store_req_done(&get);

    struct silt_store_req small = {.op = SILT_OP_GET, .key = "_log/a/0.json", .body_max = 4};
    CU_ASSERT_EQUAL(call(bench, &small), SILT_STORE_REFUSED);
    silt_store_req_done(&small);

    struct silt_store_req range = {.op = SILT_OP_GET,
                                   .key = "_log/a/0.json",
                                   .body_max = 100,
                                   .range_first = 1,
                                   .range_last = 3};
    CU_ASSERT_EQUAL(call(bench, &range), SILT_STORE_OK);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&range.ret_body), "irs");
    silt_store_req_done(&range);

    struct silt_store_req beyond = {.op = SILT_OP_GET,
                                    .key = "_log/a/0.json",
                                    .body_max = 100,
                                    .range_first = 10,
                                    .range_last = 20};
    CU_ASSERT_EQUAL(call(bench, &beyond), SILT_STORE_REFUSED);
    silt_store_req_done(&beyond);

    struct silt_store_req head = {.op = SILT_OP_HEAD, .key = "_log/a/0.json"};
    CU_ASSERT_EQUAL(call(bench, &head), SILT_STORE_OK);
    CU_ASSERT_EQUAL(head.size, 5);
    CU_ASSERT_STRING_EQUAL(head.ret_token, "");
    silt_store_req_done(&head);

    for (int i = 0; i < 2; i++) {
        struct silt_store_req absent = {.op = i ? SILT_OP_HEAD : SILT_OP_GET, .key = "_log/none"};
        CU_ASSERT_EQUAL(call(bench, &absent), SILT_STORE_NOT_FOUND);
        CU_ASSERT_FALSE(absent.delete_marker);
        silt_store_req_done(&absent);
    }
    /* Hive folders: '=' is what curl's own signing gets wrong. */
    CU_ASSERT_EQUAL(put_new(bench, "data/topic=t/dt=2026-01-01/hh=00/x~y.avro", ""), SILT_STORE_OK);
}

static void check_listing(struct bench *bench)
{
    static const char *const keys[] = {"l/a-b", "l/a/1", "l/a/2", "l/a0", "l/b"};
    for (size_t i = 5; i > 0; i--) CU_ASSERT_EQUAL(put_new(bench, keys[i - 1], "x"), SILT_STORE_OK);
    struct silt_store_req all = {.op = SILT_OP_LIST, .key = "l/"};
    CU_ASSERT_EQUAL(call(bench, &all), SILT_STORE_OK);
    CU_ASSERT_EQUAL(all.objects_n, 5);
    CU_ASSERT_FALSE(all.truncated);
    for (unsigned i = 0; i < all.objects_n && i < 5; i++)
        CU_ASSERT_STRING_EQUAL(all.objects[i].key, keys[i]);
    silt_store_req_done(&all);

    struct silt_store_req page = {
        .op = SILT_OP_LIST, .key = "l/a", .start_after = "l/a-b", .limit = 2};
    CU_ASSERT_EQUAL(call(bench, &page), SILT_STORE_OK);
    CU_ASSERT_EQUAL(page.objects_n, 2);
    CU_ASSERT(page.truncated);
    if (page.objects_n == 2) {
        CU_ASSERT_STRING_EQUAL(page.objects[0].key, "l/a/1");
        CU_ASSERT_STRING_EQUAL(page.objects[1].key, "l/a/2");
        CU_ASSERT_EQUAL(page.objects[0].size, 1);
    }
    silt_store_req_done(&page);

    struct silt_store_req none = {.op = SILT_OP_LIST, .key = "nothing/"};
    CU_ASSERT_EQUAL(call(bench, &none), SILT_STORE_OK);
    CU_ASSERT_EQUAL(none.objects_n, 0);
    silt_store_req_done(&none);
}

/* A1: of 16 parallel PUTs of one key exactly one wins, in 8 rounds. */
static void check_race(struct bench *bench)
{
    enum { RACERS = 16 };
    struct silt_queue *back = silt_queue_new(RACERS, NULL, NULL);
    static struct silt_store_req reqs[RACERS];
    for (int round = 0; round < 8; round++) {
        char key[40];
        snprintf(key, sizeof key, "_probe/%d", round);
        int won = 0;
        int lost = 0;
        const struct silt_slice body = silt_slice_str("race");
        for (int i = 0; i < RACERS; i++) {
            reqs[i] = (struct silt_store_req){.op = SILT_OP_PUT_NEW,
                                              .key = key,
                                              .body = &body,
                                              .body_n = 1,
                                              .attempts_max = 1,
                                              .reply_to = back,
                                              .on_reply = silt_store_req_done};
            silt_store_submit(bench->store, &reqs[i]);
        }
        for (int i = 0; i < RACERS; i++) {
            struct silt_store_req *req = silt_queue_pop(back, -1);
            won += req->outcome == SILT_STORE_OK;
            lost += req->outcome == SILT_STORE_EXISTS || req->outcome == SILT_STORE_CONFLICT;
            silt_store_reply(req);
        }
        CU_ASSERT_EQUAL(won, 1);
        CU_ASSERT_EQUAL(lost, RACERS - 1);
    }
    silt_queue_free(back);
}

/* --- multipart ------------------------------------------------------------------------------- */

struct upload {
    const char *key;
    char *id;
    uint8_t *bytes;
    size_t sizes[2];
    struct silt_store_part parts[2];
    uint32_t crc;
};

static void upload_create(struct bench *bench, struct upload *upload)
{
    struct silt_store_req create = {.op = SILT_OP_MPU_CREATE, .key = upload->key, .token = TOKEN};
    CU_ASSERT_EQUAL(call(bench, &create), SILT_STORE_OK);
    if (create.outcome != SILT_STORE_OK) told(bench, "create", &create);
    upload->id = silt_strdup(create.ret_upload_id ? create.ret_upload_id : "none");
    silt_store_req_done(&create);
}

static enum silt_store_outcome upload_part(struct bench *bench, struct upload *upload, unsigned n,
                                           uint32_t wrong)
{
    const uint8_t *start = upload->bytes + (n == 2 ? upload->sizes[0] : 0);
    size_t size = upload->sizes[n - 1];
    const struct silt_slice body[] = {silt_slice_of(start, size / 3),
                                      silt_slice_of(start + size / 3, size - size / 3)};
    struct silt_store_part *part = &upload->parts[n - 1];
    *part = (struct silt_store_part){
        .n = n, .size = (int64_t)size, .crc32c = silt_crc32c(0, start, size)};
    struct silt_store_req req = {.op = SILT_OP_MPU_PART,
                                 .key = upload->key,
                                 .upload_id = upload->id,
                                 .part_number = n,
                                 .body = body,
                                 .body_n = 2,
                                 .crc32c = part->crc32c ^ wrong,
                                 .attempts_max = 2};
    enum silt_store_outcome outcome = call(bench, &req);
    if (wrong)
        told(bench, "part with a wrong checksum", &req);
    else if (outcome != SILT_STORE_OK)
        told(bench, "part", &req);
    snprintf(part->etag, sizeof part->etag, "%s", req.etag);
    silt_store_req_done(&req);
    return outcome;
}

static void upload_init(struct bench *bench, struct upload *upload, const char *key)
{
    *upload = (struct upload){.key = key, .sizes = {PART, 1000}};
    upload->bytes = silt_alloc(PART + 1000);
    silt_random_bytes(upload->bytes, PART + 1000);
    upload->crc = silt_crc32c(0, upload->bytes, PART + 1000);
    upload_create(bench, upload);
}

static void upload_done(struct upload *upload)
{
    silt_free(upload->id);
    silt_free(upload->bytes);
}

static enum silt_store_outcome upload_complete(struct bench *bench, const struct upload *upload,
                                               const char *what, uint32_t wrong)
{
    struct silt_store_req req = {.op = SILT_OP_MPU_COMPLETE,
                                 .key = upload->key,
                                 .upload_id = upload->id,
                                 .parts = upload->parts,
                                 .parts_n = 2,
                                 .object_size = (int64_t)(PART + 1000),
                                 .crc32c = upload->crc ^ wrong,
                                 .attempts_max = 2};
    enum silt_store_outcome outcome = call(bench, &req);
    told(bench, what, &req);
    silt_store_req_done(&req);
    return outcome;
}

static void check_parts_of(struct bench *bench, const struct upload *upload)
{
    struct silt_store_req list = {
        .op = SILT_OP_MPU_PARTS, .key = upload->key, .upload_id = upload->id};
    CU_ASSERT_EQUAL(call(bench, &list), SILT_STORE_OK);
    CU_ASSERT_EQUAL(list.ret_parts_n, 2);
    for (unsigned i = 0; i < list.ret_parts_n && i < 2; i++) {
        CU_ASSERT_EQUAL(list.ret_parts[i].n, i + 1);
        CU_ASSERT_EQUAL(list.ret_parts[i].size, upload->parts[i].size);
        CU_ASSERT_EQUAL(list.ret_parts[i].crc32c, upload->parts[i].crc32c);
        CU_ASSERT_STRING_EQUAL(list.ret_parts[i].etag, upload->parts[i].etag);
    }
    silt_store_req_done(&list);
}

/* Whether the upload is among those below the prefix. */
static bool listed(struct bench *bench, const char *prefix, const struct upload *upload)
{
    struct silt_store_req list = {.op = SILT_OP_MPU_LIST, .key = prefix};
    CU_ASSERT_EQUAL(call(bench, &list), SILT_STORE_OK);
    if (list.outcome != SILT_STORE_OK) told(bench, "list uploads", &list);
    bool found = false;
    for (unsigned i = 0; i < list.objects_n; i++) {
        bool same = strcmp(list.objects[i].upload_id, upload->id) == 0;
        if (same) CU_ASSERT(list.objects[i].initiated_ms > silt_wall_ms() - 3600000);
        if (same) CU_ASSERT_STRING_EQUAL(list.objects[i].key, upload->key);
        found |= same;
    }
    silt_store_req_done(&list);
    return found;
}

static void check_completed(struct bench *bench, const struct upload *upload)
{
    struct silt_store_req head = {.op = SILT_OP_HEAD, .key = upload->key};
    CU_ASSERT_EQUAL(call(bench, &head), SILT_STORE_OK);
    CU_ASSERT_EQUAL(head.size, (int64_t)(PART + 1000));
    CU_ASSERT_STRING_EQUAL(head.ret_token, TOKEN);
    if (head.ret_has_crc32c) CU_ASSERT_EQUAL(head.ret_crc32c, upload->crc);
    printf("\n    %s: HEAD %s", bench->name,
           head.ret_has_crc32c ? "knows the CRC-32C of the whole" : "knows no CRC-32C");
    silt_store_req_done(&head);
    struct silt_store_req get = {.op = SILT_OP_GET, .key = upload->key, .body_max = PART * 2};
    CU_ASSERT_EQUAL(call(bench, &get), SILT_STORE_OK);
    CU_ASSERT_EQUAL(get.ret_body.len, PART + 1000);
    CU_ASSERT_EQUAL(silt_crc32c(0, get.ret_body.data, get.ret_body.len), upload->crc);
    silt_store_req_done(&get);
}

static void check_multipart(struct bench *bench)
{
    struct upload upload;
    upload_init(bench, &upload, "data/topic=t/dt=2026-01-01/m.avro");
    CU_ASSERT_EQUAL(upload_part(bench, &upload, 2, 0), SILT_STORE_OK);
    CU_ASSERT_EQUAL(upload_part(bench, &upload, 1, 0xff), SILT_STORE_BAD_DIGEST);
    CU_ASSERT_EQUAL(upload_part(bench, &upload, 1, 0), SILT_STORE_OK);
    CU_ASSERT_EQUAL(upload_part(bench, &upload, 1, 0), SILT_STORE_OK); /* the same again */
    check_parts_of(bench, &upload);
    CU_ASSERT(listed(bench, "data/topic=t/", &upload));
    CU_ASSERT_FALSE(listed(bench, "data/topic=other/", &upload));

    struct silt_store_req absent = {.op = SILT_OP_HEAD, .key = upload.key};
    CU_ASSERT_EQUAL(call(bench, &absent), SILT_STORE_NOT_FOUND);
    silt_store_req_done(&absent);

    char right[80];
    snprintf(right, sizeof right, "%s", upload.parts[1].etag);
    snprintf(upload.parts[1].etag, sizeof right, "\"00000000000000000000000000000000\"");
    CU_ASSERT_EQUAL(upload_complete(bench, &upload, "complete with a wrong ETag", 0),
                    SILT_STORE_INVALID_PART);
    snprintf(upload.parts[1].etag, sizeof right, "%s", right);
    enum silt_store_outcome damaged =
        upload_complete(bench, &upload, "complete with a wrong checksum", 1);
    CU_ASSERT(damaged == SILT_STORE_BAD_DIGEST || damaged == SILT_STORE_REFUSED);

    CU_ASSERT_EQUAL(upload_complete(bench, &upload, "complete", 0), SILT_STORE_OK);
    check_completed(bench, &upload);
    enum silt_store_outcome again = upload_complete(bench, &upload, "complete again", 0);
    CU_ASSERT(again == SILT_STORE_OK || again == SILT_STORE_NO_UPLOAD);
    check_completed(bench, &upload);
    CU_ASSERT_EQUAL(upload_part(bench, &upload, 2, 0), SILT_STORE_NO_UPLOAD);
    CU_ASSERT_FALSE(listed(bench, "", &upload));
    upload_done(&upload);
}

static void check_abort(struct bench *bench)
{
    struct upload upload;
    upload_init(bench, &upload, "data/topic=t/aborted.avro");
    CU_ASSERT_EQUAL(upload_part(bench, &upload, 1, 0), SILT_STORE_OK);
    CU_ASSERT_EQUAL(upload_part(bench, &upload, 2, 0), SILT_STORE_OK);
    for (int i = 0; i < 2; i++) {
        struct silt_store_req abort = {
            .op = SILT_OP_MPU_ABORT, .key = upload.key, .upload_id = upload.id};
        enum silt_store_outcome outcome = call(bench, &abort);
        CU_ASSERT(outcome == SILT_STORE_OK || (i == 1 && outcome == SILT_STORE_NO_UPLOAD));
        told(bench, i ? "abort again" : "abort", &abort);
        silt_store_req_done(&abort);
    }
    CU_ASSERT_EQUAL(upload_complete(bench, &upload, "complete after abort", 0),
                    SILT_STORE_NO_UPLOAD);
    struct silt_store_req list = {
        .op = SILT_OP_MPU_PARTS, .key = upload.key, .upload_id = upload.id};
    CU_ASSERT_EQUAL(call(bench, &list), SILT_STORE_NO_UPLOAD);
    silt_store_req_done(&list);
    upload_done(&upload);
}

/* More than a page: every one is listed once, and again after every other was aborted. */
static void check_many_uploads(struct bench *bench)
{
    unsigned many = (unsigned)strtoul(env("SILT_TEST_UPLOADS", "0"), NULL, 10);
    if (!many) return;
    for (unsigned i = 0; i < many; i++) {
        char key[40];
        snprintf(key, sizeof key, "many/%06u", i);
        struct silt_store_req create = {.op = SILT_OP_MPU_CREATE, .key = key};
        CU_ASSERT_EQUAL(call(bench, &create), SILT_STORE_OK);
        if (i % 2) {
            struct silt_store_req abort = {
                .op = SILT_OP_MPU_ABORT, .key = key, .upload_id = create.ret_upload_id};
            CU_ASSERT_EQUAL(call(bench, &abort), SILT_STORE_OK);
        }
        silt_store_req_done(&create);
    }
    struct silt_store_req list = {.op = SILT_OP_MPU_LIST, .key = "many/"};
    CU_ASSERT_EQUAL(call(bench, &list), SILT_STORE_OK);
    CU_ASSERT_EQUAL(list.objects_n, (many + 1) / 2);
    for (unsigned i = 1; i < list.objects_n; i++)
        CU_ASSERT(strcmp(list.objects[i - 1].key, list.objects[i].key) < 0);
    printf("\n    %s: %u uploads listed with %u requests", bench->name, list.objects_n,
           list.attempts);
    silt_store_req_done(&list);
}

static void check_lifecycle(struct bench *bench)
{
    struct silt_store_req req = {.op = SILT_OP_LIFECYCLE};
    CU_ASSERT_EQUAL(call(bench, &req), SILT_STORE_OK);
    CU_ASSERT_EQUAL(req.lifecycle_abort_days, 0);
    CU_ASSERT_FALSE(req.lifecycle_expires_log);
    told(bench, "lifecycle", &req);
    silt_store_req_done(&req);
}

/* --- only over HTTP -------------------------------------------------------------------------- */

static void check_wrong_user(struct bench *bench, const struct place *place)
{
    struct silt_store *other;
    CU_ASSERT_OK(open_root(bench, place, "nobody", &other));
    for (int i = 0; i < 2; i++) {
        struct silt_store_req req = {.op = i ? SILT_OP_PUT_NEW : SILT_OP_GET, .key = "_log/none"};
        silt_store_call(other, &req);
        CU_ASSERT_EQUAL(req.outcome, SILT_STORE_DENIED);
        told(bench, "unknown user", &req);
        silt_store_req_done(&req);
    }
    silt_store_free(other);
    struct silt_secret right = bench->secret;
    bench->secret = (struct silt_secret){0};
    silt_secret_set(&bench->secret, "wrong");
    CU_ASSERT_OK(open_root(bench, place, env("SILT_TEST_S3_ACCESS_KEY", "testkey"), &other));
    struct silt_store_req req = {.op = SILT_OP_LIST, .key = ""};
    silt_store_call(other, &req);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_DENIED);
    told(bench, "wrong secret", &req);
    silt_store_req_done(&req);
    silt_store_free(other);
    silt_secret_done(&bench->secret);
    bench->secret = right;
}

static void check_wrong_date(struct bench *bench)
{
    struct silt_store_req req = {
        .op = SILT_OP_GET, .key = "_log/none", .date_ms = silt_wall_ms() - 3600000};
    CU_ASSERT_EQUAL(call(bench, &req), SILT_STORE_SKEWED);
    CU_ASSERT(llabs(req.server_time_ms - silt_wall_ms()) < 60000);
    CU_ASSERT_EQUAL(req.attempts, 1);
    told(bench, "an hour late", &req);
    silt_store_req_done(&req);
    struct silt_store_req now = {.op = SILT_OP_GET, .key = "_log/none", .date_ms = silt_wall_ms()};
    CU_ASSERT_EQUAL(call(bench, &now), SILT_STORE_NOT_FOUND);
    silt_store_req_done(&now);
}

static void check_wrong_bucket(struct bench *bench, const struct place *place)
{
    char right[sizeof bench->root];
    memcpy(right, bench->root, sizeof right);
    snprintf(bench->root, sizeof bench->root, "s3://silt-no-such-bucket");
    struct silt_store *other;
    CU_ASSERT_OK(open_root(bench, place, env("SILT_TEST_S3_ACCESS_KEY", "testkey"), &other));
    static const enum silt_store_op ops[] = {SILT_OP_GET, SILT_OP_PUT_NEW, SILT_OP_LIST,
                                             SILT_OP_MPU_CREATE};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        struct silt_store_req req = {.op = ops[i], .key = "x"};
        silt_store_call(other, &req);
        CU_ASSERT_EQUAL(req.outcome, SILT_STORE_NO_BUCKET);
        silt_store_req_done(&req);
    }
    silt_store_free(other);
    memcpy(bench->root, right, sizeof right);
}

/* --------------------------------------------------------------------------------------------- */

static void check_contract(const struct place *place)
{
    struct bench bench;
    bench_init(&bench, place);
    check_objects(&bench);
    check_listing(&bench);
    check_race(&bench);
    check_multipart(&bench);
    check_abort(&bench);
    check_lifecycle(&bench);
    check_many_uploads(&bench);
    if (place->endpoint) {
        check_wrong_user(&bench, place);
        check_wrong_date(&bench);
        check_wrong_bucket(&bench, place);
    }
    bench_done(&bench);
}

static void check_server(const char *name, const char *variable)
{
    const struct place place = {.name = name, .endpoint = env(variable, NULL)};
    if (place.endpoint)
        check_contract(&place);
    else
        printf(" skipped: %s is not set (tests/servers/up)", variable);
}

static void holds_for_a_directory(void)
{
    const struct place place = {.name = "directory"};
    check_contract(&place);
}

static void holds_for_versitygw(void)
{
    check_server("versitygw", "SILT_TEST_S3_ENDPOINT");
}

static void holds_for_minio(void)
{
    check_server("MinIO", "SILT_TEST_MINIO_ENDPOINT");
}

static void holds_over_tls_with_a_private_ca(void)
{
    const struct place place = {.name = "TLS",
                                .endpoint = env("SILT_TEST_S3_TLS_ENDPOINT", NULL),
                                .ca_file = env("SILT_TEST_S3_CA_FILE", NULL)};
    if (place.endpoint && place.ca_file)
        check_contract(&place);
    else
        printf(" skipped: SILT_TEST_S3_TLS_ENDPOINT and SILT_TEST_S3_CA_FILE are not set");
}

SILT_TESTS("store contract", {"holds for a directory", holds_for_a_directory},
           {"holds for versitygw", holds_for_versitygw}, {"holds for MinIO", holds_for_minio},
           {"holds over TLS with a private CA", holds_over_tls_with_a_private_ca})
