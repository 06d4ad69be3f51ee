#include "store/outcome.h"

#include <string.h>

#define OP(name) (1u << SILT_OP_##name)
#define ANY ((1u << SILT_OPS_N) - 1)

struct row {
    int status;       /* 0: any */
    const char *code; /* NULL: any, also none */
    unsigned ops;
    enum silt_store_outcome outcome;
    enum { NEVER, AGAIN, OTHER_KEYS } retry;
};

/* The first row that fits decides. Codes come first: the same code arrives under several statuses,
 * and below a 200 (CompleteMultipartUpload) it is all there is. */
static const struct row rows[] = {
    {0, "PreconditionFailed", ANY, SILT_STORE_EXISTS, NEVER},
    /* A PUT is dated anew by its caller (protocol R7). A Complete of ours carries no condition, so
     * the same request may be sent again. */
    {0, "ConditionalRequestConflict", OP(PUT_NEW), SILT_STORE_CONFLICT, NEVER},
    {0, "ConditionalRequestConflict", ANY, SILT_STORE_CONFLICT, AGAIN},
    {0, "OperationAborted", ANY, SILT_STORE_CONFLICT, AGAIN},
    {0, "NoSuchUpload", ANY, SILT_STORE_NO_UPLOAD, NEVER},
    {0, "NoSuchKey", ANY, SILT_STORE_NOT_FOUND, NEVER},
    {0, "NoSuchBucket", ANY, SILT_STORE_NO_BUCKET, NEVER},
    {0, "InvalidPart", ANY, SILT_STORE_INVALID_PART, NEVER},
    {0, "InvalidPartOrder", ANY, SILT_STORE_BAD_PARTS, NEVER},
    {0, "EntityTooSmall", ANY, SILT_STORE_BAD_PARTS, NEVER},
    /* At Complete the checksum is one of ours over parts that arrived: the same again is as wrong.
     */
    {0, "BadDigest", OP(MPU_COMPLETE), SILT_STORE_BAD_DIGEST, NEVER},
    {0, "XAmzContentChecksumMismatch", OP(MPU_COMPLETE), SILT_STORE_BAD_DIGEST, NEVER}, /* MinIO */
    {0, "BadDigest", ANY, SILT_STORE_BAD_DIGEST, AGAIN},
    {0, "XAmzContentChecksumMismatch", ANY, SILT_STORE_BAD_DIGEST, AGAIN}, /* MinIO */
    {0, "XAmzContentSHA256Mismatch", ANY, SILT_STORE_BAD_DIGEST, AGAIN},
    {0, "InvalidDigest", ANY, SILT_STORE_BAD_DIGEST, AGAIN},
    {0, "IncompleteBody", ANY, SILT_STORE_BAD_DIGEST, AGAIN},
    {0, "RequestTimeTooSkewed", ANY, SILT_STORE_SKEWED, NEVER},
    {0, "RequestTimeout", ANY, SILT_STORE_DOUBT, AGAIN},
    {0, "InternalError", ANY, SILT_STORE_DOUBT, AGAIN},
    {0, "ServiceUnavailable", ANY, SILT_STORE_DOUBT, AGAIN},
    {0, "SlowDown", ANY, SILT_STORE_THROTTLED, AGAIN},
    {0, "SlowDownRead", ANY, SILT_STORE_THROTTLED, AGAIN},  /* MinIO */
    {0, "SlowDownWrite", ANY, SILT_STORE_THROTTLED, AGAIN}, /* MinIO */
    {0, "TooManyRequests", ANY, SILT_STORE_THROTTLED, AGAIN},
    {0, "AccessDenied", ANY, SILT_STORE_DENIED, NEVER},
    {0, "ExpiredToken", ANY, SILT_STORE_DENIED, OTHER_KEYS},
    {0, "InvalidToken", ANY, SILT_STORE_DENIED, OTHER_KEYS},
    {0, "InvalidTokenId", ANY, SILT_STORE_DENIED, OTHER_KEYS}, /* MinIO */
    {0, "TokenRefreshRequired", ANY, SILT_STORE_DENIED, OTHER_KEYS},
    {0, "InvalidAccessKeyId", ANY, SILT_STORE_DENIED, OTHER_KEYS},
    {0, "XAdminUserNotFound", ANY, SILT_STORE_DENIED, OTHER_KEYS}, /* versitygw, 404 */
    {0, "SignatureDoesNotMatch", ANY, SILT_STORE_DENIED, NEVER},
    /* No rules, or a store that has no rules: both are an answer to the question. */
    {0, "NoSuchLifecycleConfiguration", OP(LIFECYCLE), SILT_STORE_OK, NEVER},
    {0, "NotImplemented", OP(LIFECYCLE), SILT_STORE_OK, NEVER},
    {501, NULL, OP(LIFECYCLE), SILT_STORE_OK, NEVER},
    {405, NULL, OP(LIFECYCLE), SILT_STORE_OK, NEVER},
    {400, NULL, OP(LIFECYCLE), SILT_STORE_OK, NEVER},
    {0, "NotImplemented", ANY, SILT_STORE_REFUSED, NEVER},

    {200, "", ANY, SILT_STORE_OK, NEVER},
    {204, "", ANY, SILT_STORE_OK, NEVER},
    {206, "", ANY, SILT_STORE_OK, NEVER},
    {401, NULL, ANY, SILT_STORE_DENIED, NEVER},
    {403, NULL, ANY, SILT_STORE_DENIED, NEVER},
    /* A HEAD has no body. Anywhere else a 404 without a code that we know was not said by S3 about
     * the key (a proxy, a wrong endpoint): never read it as "absent". */
    {404, "", OP(HEAD), SILT_STORE_NOT_FOUND, NEVER},
    /* ExpiredToken without its body. A wrong region is a 400 too, and then says so in a header. */
    {400, "", OP(HEAD), SILT_STORE_REFUSED, OTHER_KEYS},
    {409, NULL, OP(PUT_NEW), SILT_STORE_CONFLICT, NEVER},
    {409, NULL, ANY, SILT_STORE_CONFLICT, AGAIN},
    {412, NULL, OP(PUT_NEW), SILT_STORE_EXISTS, NEVER},
    {408, NULL, ANY, SILT_STORE_DOUBT, AGAIN},
    {429, NULL, ANY, SILT_STORE_THROTTLED, AGAIN},
    {501, NULL, ANY, SILT_STORE_REFUSED, NEVER},
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
        return (struct silt_store_verdict){.outcome = SILT_STORE_STOPPED};
    if (answer->http != SILT_HTTP_ANSWERED)
        return (struct silt_store_verdict){.outcome = SILT_STORE_DOUBT, .retry = true};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (fits(&rows[i], answer))
            return (struct silt_store_verdict){.outcome = rows[i].outcome,
                                               .retry = rows[i].retry == AGAIN,
                                               .stale = rows[i].retry == OTHER_KEYS};
    if (answer->status >= 300 && answer->status < 500)
        return (struct silt_store_verdict){.outcome = SILT_STORE_REFUSED};
    /* Any 5xx, a 200 with an error nobody knows, and what is no HTTP status. */
    return (struct silt_store_verdict){.outcome = SILT_STORE_DOUBT, .retry = true};
}
