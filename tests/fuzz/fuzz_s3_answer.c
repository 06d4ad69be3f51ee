/* Any answer of an S3 store to any request: judged, read, and nothing half taken when refused.
 *
 *   operation, status, which headers, their texts up to a 0 byte, the body
 */
#include "s3_int.h"

#include "base/alloc.h"
#include "fuzz.h"
#include "store/outcome.h"

static const struct silt_s3_site site = {.prefix = (char *)(uintptr_t) "root/"};
static const int statuses[] = {200, 204, 206, 301, 400, 403, 404, 405,
                               409, 412, 429, 500, 501, 503, 0,   100};

static void take_headers(struct fuzz_in *in, struct silt_http_req *http)
{
    char text[300];
    uint64_t which = fuzz_bits(in, 2);
    for (unsigned i = 0; silt_s3_want_headers[i]; i++) {
        if (!(which >> i & 1)) continue;
        fuzz_text(in, text, sizeof text);
        http->ret_headers[i] = silt_strdup(text);
        (void)silt_s3_http_date(text);
    }
}

static void check_refused(const struct silt_store_req *req)
{
    FUZZ_CHECK(req->text[0]);
    FUZZ_CHECK(req->objects_n == 0 && req->ret_parts_n == 0 && !req->ret_upload_id);
}

static void check_taken(const struct silt_store_req *req)
{
    for (unsigned i = 0; i < req->objects_n; i++)
        FUZZ_CHECK(strncmp(req->objects[i].key, req->key, strlen(req->key)) == 0);
    for (unsigned i = 0; i < req->ret_parts_n; i++)
        FUZZ_CHECK(req->ret_parts[i].n <= 10000 && req->ret_parts[i].size >= 0);
    FUZZ_CHECK(req->size >= 0 && req->lifecycle_abort_days >= 0);
    FUZZ_CHECK(req->op != SILT_OP_MPU_CREATE || req->ret_upload_id[0]);
    FUZZ_CHECK((req->op != SILT_OP_PUT_NEW && req->op != SILT_OP_MPU_PART) || req->etag[0]);
}

static void read_answer(const struct silt_http_req *http, struct silt_store_req *req)
{
    struct silt_s3_error error;
    char *marker = NULL;
    silt_s3_read_error(silt_buf_slice(&http->ret_body), &error);
    const struct silt_store_answer answer = {
        .op = req->op, .http = SILT_HTTP_ANSWERED, .status = http->status, .code = error.code};
    struct silt_store_verdict verdict = silt_store_judge(&answer);
    FUZZ_CHECK(verdict.outcome < SILT_STORE_OUTCOMES_N);
    if (verdict.outcome != SILT_STORE_OK) return;
    FUZZ_CHECK(!error.code[0] || req->op == SILT_OP_LIFECYCLE);
    enum silt_store_outcome outcome = silt_s3_read_answer(&site, http, req, &marker);
    if (outcome == SILT_STORE_OK)
        check_taken(req);
    else
        check_refused(req);
    FUZZ_CHECK(!marker || (outcome == SILT_STORE_OK && marker[0]));
    silt_free(marker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = fuzz_in(data, size);
    struct silt_http_req http = {.want_headers = silt_s3_want_headers};
    struct silt_store_req req = {.key = "d", .body_max = 100, .crc32c = 0x01020304};
    req.op = (enum silt_store_op)fuzz_below(&in, SILT_OPS_N);
    http.status = statuses[fuzz_below(&in, sizeof statuses / sizeof statuses[0])];
    take_headers(&in, &http);
    struct silt_slice body = fuzz_rest(&in);
    silt_buf_init(&http.ret_body, SILT_BUF_MAX_DEFAULT);
    FUZZ_CHECK(silt_buf_append(&http.ret_body, body.ptr, body.len));
    read_answer(&http, &req);
    silt_http_req_done(&http);
    silt_store_req_done(&req);
    return 0;
}
