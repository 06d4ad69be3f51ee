#include "store/outcome.h"

#include <string.h>

#define OP(name) (1u << SILT_OP_##name)
#define ANY ((1u << SILT_OPS_N) - 1)

struct row {
    int status;       /* 0: any */
    const char *code; /* NULL: any, also none */
    unsigned ops;
    enum silt_store_outcome outcome;
    bool retry;
};

/* The first row that fits decides. Codes come first: the same code arrives under several statuses,
 * and below a 200 (CompleteMultipartUpload) it is all there is. */
static const struct row rows[] = {
    {0, "PreconditionFailed", ANY, SILT_STORE_EXISTS, false},
    /* A PUT is dated anew by its caller (protocol R7). A Complete of ours carries no condition, so
     * the same request may be sent again. */
    {0, "ConditionalRequestConflict", OP(PUT_NEW), SILT_STORE_CONFLICT, false},
    {0, "ConditionalRequestConflict", ANY, SILT_STORE_CONFLICT, true},
    {0, "OperationAborted", ANY, SILT_STORE_CONFLICT, true},
    {0, "NoSuchUpload", ANY, SILT_STORE_NO_UPLOAD, false},
    {0, "NoSuchKey", ANY, SILT_STORE_NOT_FOUND, false},
    {0, "NoSuchBucket", ANY, SILT_STORE_NO_BUCKET, false},
    {0, "InvalidPart", ANY, SILT_STORE_INVALID_PART, false},
    {0, "InvalidPartOrder", ANY, SILT_STORE_BAD_PARTS, false},
    {0, "EntityTooSmall", ANY, SILT_STORE_BAD_PARTS, false},
    /* At Complete the checksum is one of ours over parts that arrived: the same again is as wrong.
     */
    {0, "BadDigest", OP(MPU_COMPLETE), SILT_STORE_BAD_DIGEST, false},
    {0, "XAmzContentChecksumMismatch", OP(MPU_COMPLETE), SILT_STORE_BAD_DIGEST, false}, /* MinIO */
    {0, "BadDigest", ANY, SILT_STORE_BAD_DIGEST, true},
    {0, "XAmzContentChecksumMismatch", ANY, SILT_STORE_BAD_DIGEST, true}, /* MinIO */
    {0, "XAmzContentSHA256Mismatch", ANY, SILT_STORE_BAD_DIGEST, true},
    {0, "InvalidDigest", ANY, SILT_STORE_BAD_DIGEST, true},
    {0, "IncompleteBody", ANY, SILT_STORE_BAD_DIGEST, true},
    {0, "RequestTimeTooSkewed", ANY, SILT_STORE_SKEWED, false},
    {0, "RequestTimeout", ANY, SILT_STORE_DOUBT, true},
    {0, "InternalError", ANY, SILT_STORE_DOUBT, true},
    {0, "ServiceUnavailable", ANY, SILT_STORE_DOUBT, true},
    {0, "SlowDown", ANY, SILT_STORE_THROTTLED, true},
    {0, "SlowDownRead", ANY, SILT_STORE_THROTTLED, true},  /* MinIO */
    {0, "SlowDownWrite", ANY, SILT_STORE_THROTTLED, true}, /* MinIO */
    {0, "TooManyRequests", ANY, SILT_STORE_THROTTLED, true},
    {0, "AccessDenied", ANY, SILT_STORE_DENIED, false},
    {0, "ExpiredToken", ANY, SILT_STORE_DENIED, false},
    {0, "InvalidToken", ANY, SILT_STORE_DENIED, false},
    {0, "InvalidTokenId", ANY, SILT_STORE_DENIED, false}, /* MinIO */
    {0, "TokenRefreshRequired", ANY, SILT_STORE_DENIED, false},
    {0, "InvalidAccessKeyId", ANY, SILT_STORE_DENIED, false},
    {0, "XAdminUserNotFound", ANY, SILT_STORE_DENIED, false}, /* versitygw, 404 */
    {0, "SignatureDoesNotMatch", ANY, SILT_STORE_DENIED, false},
    /* No rules, or a store that has no rules: both are an answer to the question. */
    {0, "NoSuchLifecycleConfiguration", OP(LIFECYCLE), SILT_STORE_OK, false},
    {0, "NotImplemented", OP(LIFECYCLE), SILT_STORE_OK, false},
    {501, NULL, OP(LIFECYCLE), SILT_STORE_OK, false},
    {405, NULL, OP(LIFECYCLE), SILT_STORE_OK, false},
    {400, NULL, OP(LIFECYCLE), SILT_STORE_OK, false},
    {0, "NotImplemented", ANY, SILT_STORE_REFUSED, false},

    {200, "", ANY, SILT_STORE_OK, false},
    {204, "", ANY, SILT_STORE_OK, false},
    {206, "", ANY, SILT_STORE_OK, false},
    {401, NULL, ANY, SILT_STORE_DENIED, false},
    {403, NULL, ANY, SILT_STORE_DENIED, false},
    /* A HEAD has no body. Anywhere else a 404 without a code that we know was not said by S3 about
     * the key (a proxy, a wrong endpoint): never read it as "absent". */
    {404, "", OP(HEAD), SILT_STORE_NOT_FOUND, false},
    {409, NULL, OP(PUT_NEW), SILT_STORE_CONFLICT, false},
    {409, NULL, ANY, SILT_STORE_CONFLICT, true},
    {412, NULL, OP(PUT_NEW), SILT_STORE_EXISTS, false},
    {408, NULL, ANY, SILT_STORE_DOUBT, true},
    {429, NULL, ANY, SILT_STORE_THROTTLED, true},
    {501, NULL, ANY, SILT_STORE_REFUSED, false},
};

static bool fits(const struct row *row, const struct silt_store_answer *answer)
{
    if (row->status && row->status != answer->status) return false;
    if (row->code && strcmp(row->code, answer->code) != 0) return false;
    return row->ops & 1u << answer->op;
}

struct silt_store_verdict silt_store_judge(const struct silt_store_answer *answer)
{
    if (answer->http == SILT_HTTP_STOPPED)
        return (struct silt_store_verdict){SILT_STORE_STOPPED, false};
    if (answer->http != SILT_HTTP_ANSWERED)
        return (struct silt_store_verdict){SILT_STORE_DOUBT, true};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (fits(&rows[i], answer))
            return (struct silt_store_verdict){rows[i].outcome, rows[i].retry};
    if (answer->status >= 300 && answer->status < 500)
        return (struct silt_store_verdict){SILT_STORE_REFUSED, false};
    /* Any 5xx, a 200 with an error nobody knows, and what is no HTTP status. */
    return (struct silt_store_verdict){SILT_STORE_DOUBT, true};
}
