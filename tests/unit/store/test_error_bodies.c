/* Every error code that S3 documents, in every shape a body can arrive in, under every status: what
 * is no error document has no code, and nothing is ever taken for success or for absence.
 * (Amazon S3 API Reference, "Error responses", 2026.) */
#include "base/alloc.h"
#include "harness.h"
#include "s3_int.h"
#include "store/outcome.h"

#include <stdio.h>

static const char *const codes[] = {
    "AccessControlListNotSupported",
    "AccessDenied",
    "AccessPointAlreadyOwnedByYou",
    "AccountProblem",
    "AllAccessDisabled",
    "AmbiguousGrantByEmailAddress",
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "BadDigest",
    "BucketAlreadyExists",
    "BucketAlreadyOwnedByYou",
    "BucketHasAccessPointsAttached",
    "BucketNotEmpty",
    "ClientTokenConflict",
    "ConditionalRequestConflict",
    "ConnectionClosedByRequester",
    "CredentialsNotSupported",
    "CrossLocationLoggingProhibited",
    "DeviceNotActiveError",
    "EndpointNotFound",
    "EntityTooLarge",
    "EntityTooSmall",
    "ExpiredToken",
    "IllegalLocationConstraintException",
    "IllegalVersioningConfigurationException",
    "IncompleteBody",
    "IncorrectEndpoint",
    "IncorrectNumberOfFilesInPostRequest",
    "InlineDataTooLarge",
    "InternalError",
    "InvalidAccessKeyId",
    "InvalidAccessPoint",
    "InvalidAccessPointAliasError",
    "InvalidAddressingHeader",
    "InvalidArgument",
    "InvalidBucketAclWithObjectOwnership",
    "InvalidBucketName",
    "InvalidBucketOwnerAWSAccountID",
    "InvalidBucketState",
    "InvalidDigest",
    "InvalidEncryptionAlgorithmError",
    "InvalidHostHeader",
    "InvalidHttpMethod",
    "InvalidLocationConstraint",
    "InvalidObjectState",
    "InvalidPart",
    "InvalidPartOrder",
    "InvalidPayer",
    "InvalidPolicyDocument",
    "InvalidRange",
    "InvalidRegion",
    "InvalidRequest",
    "InvalidSOAPRequest",
    "InvalidSecurity",
    "InvalidSessionException",
    "InvalidSignature",
    "InvalidStorageClass",
    "InvalidTag",
    "InvalidTargetBucketForLogging",
    "InvalidToken",
    "InvalidURI",
    "KMS.DisabledException",
    "KMS.InvalidKeyUsageException",
    "KMS.KMSInvalidStateException",
    "KMS.NotFoundException",
    "KeyTooLongError",
    "MalformedACLError",
    "MalformedPOSTRequest",
    "MalformedPolicy",
    "MalformedXML",
    "MaxMessageLengthExceeded",
    "MaxPostPreDataLengthExceededError",
    "MetadataTooLarge",
    "MethodNotAllowed",
    "MissingAttachment",
    "MissingAuthenticationToken",
    "MissingContentLength",
    "MissingRequestBodyError",
    "MissingSecurityElement",
    "MissingSecurityHeader",
    "NoLoggingStatusForKey",
    "NoSuchAccessPoint",
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchCORSConfiguration",
    "NoSuchKey",
    "NoSuchLifecycleConfiguration",
    "NoSuchMultiRegionAccessPoint",
    "NoSuchObjectLockConfiguration",
    "NoSuchTagSet",
    "NoSuchUpload",
    "NoSuchVersion",
    "NoSuchWebsiteConfiguration",
    "NotDeviceOwnerError",
    "NotImplemented",
    "NotModified",
    "NotSignedUp",
    "ObjectLockConfigurationNotFoundError",
    "OperationAborted",
    "OwnershipControlsNotFoundError",
    "PermanentRedirect",
    "PreconditionFailed",
    "Redirect",
    "RequestExpired",
    "RequestHeaderSectionTooLarge",
    "RequestIsNotMultiPartContent",
    "RequestTimeTooSkewed",
    "RequestTimeout",
    "RequestTorrentOfBucketError",
    "ResponseInterrupted",
    "RestoreAlreadyInProgress",
    "ServerSideEncryptionConfigurationNotFoundError",
    "ServiceUnavailable",
    "SignatureDoesNotMatch",
    "SlowDown",
    "TagPolicyException",
    "TemporaryRedirect",
    "TokenCodeInvalidError",
    "TokenRefreshRequired",
    "TooManyAccessPoints",
    "TooManyBuckets",
    "TooManyMultiRegionAccessPointregionsError",
    "TooManyMultiRegionAccessPoints",
    "UnauthorizedAccessError",
    "UnexpectedContent",
    "UnexpectedIPError",
    "UnresolvableGrantByEmailAddress",
    "UnsupportedArgument",
    "UnsupportedSignature",
    "UserKeyMustBeSpecified",
    "XAmzContentSHA256Mismatch",
};
#define CODES_N (sizeof codes / sizeof codes[0])

struct form {
    const char *before;
    const char *behind;
};
static const struct form good[] = {
    {"<Error><Code>", "</Code><Message>m</Message></Error>"},
    {"<?xml version=\"1.0\"?>\n<Error>\n <Message/>\n <Code>", "</Code>\n</Error>\n"},
    {"<s:Error xmlns:s=\"x\"><s:Resource a=\"&lt;\">/k</s:Resource><s:Code>",
     "</s:Code></s:Error>"},
    {"\xEF\xBB\xBF<!-- c --><Error><Code><![CDATA[", "]]></Code><Region>r</Region></Error>"},
};
static const struct form broken[] = {
    {"<Error><Code>", "</Code><Message>cut"},   {"<Error><Code>", "</Message></Error>"},
    {"<html><Code>", "</Code></html>"},         {"<!DOCTYPE x><Error><Code>", "</Code></Error>"},
    {"<Error><Code>", "&nbsp;</Code></Error>"}, {"{\"Code\":\"", "\"}"},
};

static struct silt_s3_error read_body(const struct form *form, const char *code)
{
    char *body = silt_asprintf("%s%s%s", form->before, code, form->behind);
    struct silt_s3_error error;
    silt_s3_read_error(silt_slice_str(body), &error);
    silt_free(body);
    return error;
}

static void a_code_is_read_from_every_good_body(void)
{
    for (size_t i = 0; i < CODES_N; i++)
        for (size_t k = 0; k < sizeof good / sizeof good[0]; k++)
            CU_ASSERT_STRING_EQUAL(read_body(&good[k], codes[i]).code, codes[i]);
}

static void no_code_is_read_from_a_broken_body(void)
{
    for (size_t i = 0; i < CODES_N; i++)
        for (size_t k = 0; k < sizeof broken / sizeof broken[0]; k++)
            CU_ASSERT_STRING_EQUAL(read_body(&broken[k], codes[i]).code, "");
}

/* Whether an outcome may follow from this code for a PUT of a manifest. */
static bool is_said_by(enum silt_store_outcome outcome, const char *code, int status)
{
    switch (outcome) {
    case SILT_STORE_OK: return false;
    case SILT_STORE_EXISTS: return strcmp(code, "PreconditionFailed") == 0 || status == 412;
    case SILT_STORE_NOT_FOUND: return strcmp(code, "NoSuchKey") == 0;
    case SILT_STORE_NO_BUCKET: return strcmp(code, "NoSuchBucket") == 0;
    case SILT_STORE_NO_UPLOAD: return strcmp(code, "NoSuchUpload") == 0;
    default: return outcome < SILT_STORE_STOPPED;
    }
}

static void no_code_under_any_status_is_taken_for_success_or_absence(void)
{
    static const int statuses[] = {200, 204, 301, 307, 400, 401, 403, 404,
                                   405, 409, 411, 412, 416, 429, 500, 503};
    for (size_t i = 0; i < CODES_N; i++) {
        for (size_t k = 0; k < sizeof statuses / sizeof statuses[0]; k++) {
            const struct silt_store_answer answer = {.op = SILT_OP_PUT_NEW,
                                                     .http = SILT_HTTP_ANSWERED,
                                                     .status = statuses[k],
                                                     .code = codes[i]};
            enum silt_store_outcome outcome = silt_store_judge(&answer).outcome;
            CU_ASSERT(is_said_by(outcome, codes[i], statuses[k]));
        }
    }
}

SILT_TESTS("error bodies",
           {"a code is read from every good body", a_code_is_read_from_every_good_body},
           {"no code is read from a broken body", no_code_is_read_from_a_broken_body},
           {"no code under any status is taken for success or absence",
            no_code_under_any_status_is_taken_for_success_or_absence})
