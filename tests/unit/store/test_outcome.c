#include "store/outcome.h"

#include "harness.h"

#include <stdio.h>
#include <string.h>

struct expectation {
    enum silt_store_op op;
    int status;
    const char *code;
    enum silt_store_outcome outcome;
    bool retry;
};

static void holds(const struct expectation *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct silt_store_answer answer = {.op = cases[i].op,
                                                 .http = SILT_HTTP_ANSWERED,
                                                 .status = cases[i].status,
                                                 .code = cases[i].code};
        struct silt_store_verdict verdict = silt_store_judge(&answer);
        bool as_wanted = verdict.outcome == cases[i].outcome && verdict.retry == cases[i].retry;
        if (!as_wanted)
            printf("\n%s %d %s: %s%s\n", silt_store_op_name(cases[i].op), cases[i].status,
                   cases[i].code, silt_store_outcome_name(verdict.outcome),
                   verdict.retry ? ", again" : "");
        CU_ASSERT(as_wanted);
    }
}
#define HOLDS(cases) holds((cases), sizeof(cases) / sizeof(cases)[0])

static void no_answer_is_doubt(void)
{
    static const struct {
        enum silt_http_outcome http;
        enum silt_store_outcome outcome;
        bool retry;
    } cases[] = {{SILT_HTTP_NO_CONNECT, SILT_STORE_DOUBT, true},
                 {SILT_HTTP_TIMEOUT, SILT_STORE_DOUBT, true},
                 {SILT_HTTP_CUT, SILT_STORE_DOUBT, true},
                 {SILT_HTTP_STOPPED, SILT_STORE_STOPPED, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        /* A status that arrived before the cut says nothing. */
        const struct silt_store_answer answer = {
            .op = SILT_OP_GET, .http = cases[i].http, .status = 200, .code = ""};
        CU_ASSERT_EQUAL(silt_store_judge(&answer).outcome, cases[i].outcome);
        CU_ASSERT_EQUAL(silt_store_judge(&answer).retry, cases[i].retry);
    }
}

static void success_needs_a_status_and_no_error(void)
{
    static const struct expectation cases[] = {
        {SILT_OP_PUT_NEW, 200, "", SILT_STORE_OK, false},
        {SILT_OP_GET, 206, "", SILT_STORE_OK, false},
        {SILT_OP_MPU_ABORT, 204, "", SILT_STORE_OK, false},
        {SILT_OP_MPU_COMPLETE, 200, "InternalError", SILT_STORE_DOUBT, true},
        {SILT_OP_MPU_COMPLETE, 200, "SlowDown", SILT_STORE_THROTTLED, true},
        {SILT_OP_MPU_COMPLETE, 200, "NoSuchUpload", SILT_STORE_NO_UPLOAD, false},
        {SILT_OP_MPU_COMPLETE, 200, "?", SILT_STORE_DOUBT, true},
        {SILT_OP_MPU_COMPLETE, 200, "NeverHeardOf", SILT_STORE_DOUBT, true},
        {SILT_OP_PUT_NEW, 202, "", SILT_STORE_DOUBT, true},
        {SILT_OP_PUT_NEW, 0, "", SILT_STORE_DOUBT, true},
        {SILT_OP_PUT_NEW, 100, "", SILT_STORE_DOUBT, true},
    };
    HOLDS(cases);
}

static void a_taken_key_is_told_from_a_conflict(void)
{
    static const struct expectation cases[] = {
        {SILT_OP_PUT_NEW, 412, "PreconditionFailed", SILT_STORE_EXISTS, false},
        {SILT_OP_PUT_NEW, 412, "", SILT_STORE_EXISTS, false},
        {SILT_OP_GET, 412, "", SILT_STORE_REFUSED, false},
        {SILT_OP_PUT_NEW, 409, "ConditionalRequestConflict", SILT_STORE_CONFLICT, false},
        {SILT_OP_PUT_NEW, 409, "", SILT_STORE_CONFLICT, false},
        {SILT_OP_PUT_NEW, 409, "OperationAborted", SILT_STORE_CONFLICT, true},
        {SILT_OP_MPU_COMPLETE, 409, "ConditionalRequestConflict", SILT_STORE_CONFLICT, true},
        {SILT_OP_MPU_COMPLETE, 409, "", SILT_STORE_CONFLICT, true},
    };
    HOLDS(cases);
}

static void absence_must_be_said_by_the_store(void)
{
    static const struct expectation cases[] = {
        {SILT_OP_GET, 404, "NoSuchKey", SILT_STORE_NOT_FOUND, false},
        {SILT_OP_HEAD, 404, "", SILT_STORE_NOT_FOUND, false},
        {SILT_OP_GET, 404, "", SILT_STORE_REFUSED, false},
        {SILT_OP_PUT_NEW, 404, "", SILT_STORE_REFUSED, false},
        {SILT_OP_MPU_COMPLETE, 404, "", SILT_STORE_REFUSED, false},
        {SILT_OP_MPU_PART, 404, "NoSuchUpload", SILT_STORE_NO_UPLOAD, false},
        {SILT_OP_MPU_COMPLETE, 404, "NoSuchUpload", SILT_STORE_NO_UPLOAD, false},
        {SILT_OP_GET, 404, "NoSuchBucket", SILT_STORE_NO_BUCKET, false},
        {SILT_OP_GET, 404, "XAdminUserNotFound", SILT_STORE_DENIED, false},
        {SILT_OP_GET, 403, "", SILT_STORE_DENIED, false},
        {SILT_OP_HEAD, 403, "", SILT_STORE_DENIED, false},
    };
    HOLDS(cases);
}

static void credentials_and_clock_are_told_apart(void)
{
    static const struct expectation cases[] = {
        {SILT_OP_GET, 401, "", SILT_STORE_DENIED, false},
        {SILT_OP_GET, 403, "AccessDenied", SILT_STORE_DENIED, false},
        {SILT_OP_GET, 403, "SignatureDoesNotMatch", SILT_STORE_DENIED, false},
        {SILT_OP_GET, 403, "InvalidAccessKeyId", SILT_STORE_DENIED, false},
        {SILT_OP_GET, 403, "InvalidTokenId", SILT_STORE_DENIED, false},
        {SILT_OP_GET, 400, "ExpiredToken", SILT_STORE_DENIED, false},
        {SILT_OP_GET, 400, "InvalidToken", SILT_STORE_DENIED, false},
        {SILT_OP_GET, 400, "TokenRefreshRequired", SILT_STORE_DENIED, false},
        {SILT_OP_GET, 403, "RequestTimeTooSkewed", SILT_STORE_SKEWED, false},
        {SILT_OP_PUT_NEW, 403, "RequestTimeTooSkewed", SILT_STORE_SKEWED, false},
    };
    HOLDS(cases);
}

static void keys_that_are_not_known_may_be_exchanged(void)
{
    static const struct {
        enum silt_store_op op;
        int status;
        const char *code;
        bool stale;
    } cases[] = {{SILT_OP_GET, 400, "ExpiredToken", true},
                 {SILT_OP_PUT_NEW, 403, "InvalidAccessKeyId", true},
                 {SILT_OP_GET, 403, "InvalidTokenId", true},
                 {SILT_OP_GET, 404, "XAdminUserNotFound", true},
                 {SILT_OP_HEAD, 400, "", true}, /* ExpiredToken without a body */
                 {SILT_OP_GET, 400, "", false},
                 {SILT_OP_GET, 403, "AccessDenied", false},
                 {SILT_OP_HEAD, 403, "", false},
                 {SILT_OP_GET, 403, "SignatureDoesNotMatch", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct silt_store_answer answer = {
            .op = cases[i].op, .status = cases[i].status, .code = cases[i].code};
        struct silt_store_verdict verdict = silt_store_judge(&answer);
        CU_ASSERT_EQUAL(verdict.stale, cases[i].stale);
        CU_ASSERT_FALSE(verdict.retry);
    }
}

static void damage_on_the_way_is_sent_again(void)
{
    static const struct expectation cases[] = {
        {SILT_OP_MPU_PART, 400, "BadDigest", SILT_STORE_BAD_DIGEST, true},
        {SILT_OP_MPU_PART, 400, "XAmzContentChecksumMismatch", SILT_STORE_BAD_DIGEST, true},
        {SILT_OP_PUT_NEW, 400, "XAmzContentSHA256Mismatch", SILT_STORE_BAD_DIGEST, true},
        {SILT_OP_PUT_NEW, 400, "InvalidDigest", SILT_STORE_BAD_DIGEST, true},
        {SILT_OP_PUT_NEW, 400, "IncompleteBody", SILT_STORE_BAD_DIGEST, true},
        {SILT_OP_MPU_COMPLETE, 400, "BadDigest", SILT_STORE_BAD_DIGEST, false},
        {SILT_OP_MPU_COMPLETE, 400, "XAmzContentChecksumMismatch", SILT_STORE_BAD_DIGEST, false},
        {SILT_OP_MPU_PART, 400, "RequestTimeout", SILT_STORE_DOUBT, true},
        {SILT_OP_MPU_PART, 408, "", SILT_STORE_DOUBT, true},
    };
    HOLDS(cases);
}

static void wrong_parts_are_not_sent_again(void)
{
    static const struct expectation cases[] = {
        {SILT_OP_MPU_COMPLETE, 400, "InvalidPart", SILT_STORE_INVALID_PART, false},
        {SILT_OP_MPU_COMPLETE, 400, "InvalidPartOrder", SILT_STORE_BAD_PARTS, false},
        {SILT_OP_MPU_COMPLETE, 400, "EntityTooSmall", SILT_STORE_BAD_PARTS, false},
        {SILT_OP_MPU_COMPLETE, 400, "InvalidRequest", SILT_STORE_REFUSED, false},
    };
    HOLDS(cases);
}

static void what_the_server_cannot_do_now_is_asked_again(void)
{
    static const struct expectation cases[] = {
        {SILT_OP_GET, 429, "", SILT_STORE_THROTTLED, true},
        {SILT_OP_GET, 429, "TooManyRequests", SILT_STORE_THROTTLED, true},
        {SILT_OP_GET, 503, "SlowDown", SILT_STORE_THROTTLED, true},
        {SILT_OP_GET, 503, "SlowDownRead", SILT_STORE_THROTTLED, true},
        {SILT_OP_PUT_NEW, 503, "SlowDownWrite", SILT_STORE_THROTTLED, true},
        {SILT_OP_GET, 503, "ServiceUnavailable", SILT_STORE_DOUBT, true},
        {SILT_OP_GET, 503, "", SILT_STORE_DOUBT, true},
        {SILT_OP_GET, 500, "InternalError", SILT_STORE_DOUBT, true},
        {SILT_OP_GET, 502, "", SILT_STORE_DOUBT, true},
        {SILT_OP_GET, 599, "", SILT_STORE_DOUBT, true},
        {SILT_OP_PUT_NEW, 501, "NotImplemented", SILT_STORE_REFUSED, false},
        {SILT_OP_PUT_NEW, 501, "", SILT_STORE_REFUSED, false},
    };
    HOLDS(cases);
}

static void the_wrong_place_is_refused(void)
{
    static const struct expectation cases[] = {
        {SILT_OP_GET, 301, "PermanentRedirect", SILT_STORE_REFUSED, false},
        {SILT_OP_GET, 307, "TemporaryRedirect", SILT_STORE_REFUSED, false},
        {SILT_OP_GET, 300, "", SILT_STORE_REFUSED, false},
        {SILT_OP_GET, 400, "AuthorizationHeaderMalformed", SILT_STORE_REFUSED, false},
        {SILT_OP_HEAD, 400, "", SILT_STORE_REFUSED, false},
        {SILT_OP_GET, 405, "", SILT_STORE_REFUSED, false},
        {SILT_OP_GET, 416, "InvalidRange", SILT_STORE_REFUSED, false},
        {SILT_OP_GET, 499, "", SILT_STORE_REFUSED, false},
    };
    HOLDS(cases);
}

static void a_store_without_lifecycle_rules_says_so(void)
{
    static const struct expectation cases[] = {
        {SILT_OP_LIFECYCLE, 404, "NoSuchLifecycleConfiguration", SILT_STORE_OK, false},
        {SILT_OP_LIFECYCLE, 501, "NotImplemented", SILT_STORE_OK, false},
        {SILT_OP_LIFECYCLE, 501, "", SILT_STORE_OK, false},
        {SILT_OP_LIFECYCLE, 405, "MethodNotAllowed", SILT_STORE_OK, false},
        {SILT_OP_LIFECYCLE, 400, "NotImplemented", SILT_STORE_OK, false},
        {SILT_OP_LIFECYCLE, 400, "", SILT_STORE_OK, false},
        {SILT_OP_LIFECYCLE, 400, "ExpiredToken", SILT_STORE_DENIED, false},
        {SILT_OP_LIFECYCLE, 403, "AccessDenied", SILT_STORE_DENIED, false},
        {SILT_OP_LIFECYCLE, 404, "NoSuchBucket", SILT_STORE_NO_BUCKET, false},
        {SILT_OP_GET, 404, "NoSuchLifecycleConfiguration", SILT_STORE_REFUSED, false},
    };
    HOLDS(cases);
}

SILT_TESTS("outcome", {"no answer is doubt", no_answer_is_doubt},
           {"success needs a status and no error", success_needs_a_status_and_no_error},
           {"a taken key is told from a conflict", a_taken_key_is_told_from_a_conflict},
           {"absence must be said by the store", absence_must_be_said_by_the_store},
           {"credentials and clock are told apart", credentials_and_clock_are_told_apart},
           {"keys that are not known may be exchanged", keys_that_are_not_known_may_be_exchanged},
           {"damage on the way is sent again", damage_on_the_way_is_sent_again},
           {"wrong parts are not sent again", wrong_parts_are_not_sent_again},
           {"what the server cannot do now is asked again",
            what_the_server_cannot_do_now_is_asked_again},
           {"the wrong place is refused", the_wrong_place_is_refused},
           {"a store without lifecycle rules says so", a_store_without_lifecycle_rules_says_so})
