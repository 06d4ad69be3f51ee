/* The archive's store: reached, allowed, and as the commit protocol needs it. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "doctor_int.h"

#include <stdio.h>
#include <string.h>

#define SKEW_MAX_MS ((int64_t)5 * 60 * 1000)
#define PART "a part that is given up"

static bool is_directory(const struct silt_doctor *doctor)
{
    return strncmp(doctor->opts->store.root, "file:", 5) == 0;
}

static void ask(const struct silt_doctor *doctor, struct silt_store_req *req)
{
    req->attempts_max = 2;
    req->deadline_ms = SILT_DOCTOR_PATIENCE_MS;
    silt_store_call(doctor->store, req);
}

/* --- reached --------------------------------------------------------------------------------- */

/* S3's own names for what is wrong with who asks, where or when, and not with one right. */
static const struct {
    const char *code;
    enum silt_code kind;
    const char *mend;
} refusals[] = {
    {"InvalidAccessKeyId", SILT_E_AUTH,
     "this store does not know the access key: correct it, or "
     "s3.endpoint if the key belongs to another store"},
    {"XAdminUserNotFound", SILT_E_AUTH,
     "this store does not know the access key: correct it, or "
     "s3.endpoint if the key belongs to another store"},
    {"SignatureDoesNotMatch", SILT_E_AUTH,
     "the secret does not belong to the access key: correct s3.secret_access_key or its source"},
    {"ExpiredToken", SILT_E_AUTH,
     "the temporary credentials have expired: let their source issue new ones, and check the "
     "clock"},
    {"InvalidToken", SILT_E_AUTH,
     "the session token is not of this store: correct or remove s3.session_token"},
    {"InvalidTokenId", SILT_E_AUTH,
     "the session token is not of this store: correct or remove s3.session_token"},
    {"RequestTimeTooSkewed", SILT_E_CONFIG, "this machine's clock is wrong: set it (chrony, NTP)"},
    {"AuthorizationHeaderMalformed", SILT_E_CONFIG, "set s3.region to the bucket's"},
    {"PermanentRedirect", SILT_E_CONFIG, "set s3.region to the bucket's"},
    {"NoSuchBucket", SILT_E_NOT_FOUND,
     "create the bucket, or correct archive.root, s3.region or s3.path_style"},
};

static void judge_refusal(const struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    const struct silt_store_req *req = &doctor->listed;
    silt_found(result, "%s", req->text);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if (strcmp(refusals[i].code, req->code) == 0) {
            silt_fail(result, refusals[i].kind, refusals[i].mend);
            return;
        }
    if (req->outcome == SILT_STORE_DENIED) return; /* a right: store.list says so */
    enum silt_code code = silt_store_outcome_code(req->outcome);
    if (code == SILT_E_NETWORK && !req->http_status) {
        const char *endpoint = doctor->opts->store.s3.endpoint;
        silt_found(result, "%s: %s", endpoint && endpoint[0] ? endpoint : doctor->opts->store.root,
                   req->text);
        silt_fail(result, SILT_E_CONNECT,
                  "check s3.endpoint and s3.region, DNS and firewall, and s3.ca_file when the "
                  "certificate is not of a public authority");
        return;
    }
    silt_fail(result, code,
              req->outcome == SILT_STORE_REFUSED
                  ? "set s3.region, s3.endpoint and s3.path_style as the store "
                    "wants them"
                  : "look at the store's health");
}

void silt_check_bucket(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    struct silt_err err;
    struct silt_store_opts opts = doctor->opts->store;
    opts.http = doctor->http;
    opts.s3.credentials = doctor->credentials;
    if (!silt_ok(silt_store_open(&opts, &doctor->store, &err))) {
        silt_fail_err(result, &err, "correct archive.root and the options of section s3");
        return;
    }
    doctor->listed = (struct silt_store_req){.op = SILT_OP_LIST, .key = "", .limit = 1};
    ask(doctor, &doctor->listed);
    if (doctor->listed.outcome != SILT_STORE_OK) judge_refusal(doctor, result);
    if (result->state == SILT_DOCTOR_OK) silt_found(result, "%s answers", opts.root);
}

void silt_check_clock(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    const int64_t server_ms = doctor->listed.server_time_ms;
    if (!server_ms) {
        silt_skip(result, "the store tells no time");
        return;
    }
    const int64_t skew_ms = server_ms - silt_wall_ms();
    const long long off_s = (long long)(skew_ms < 0 ? -skew_ms : skew_ms) / 1000;
    silt_found(result, "%lld s off the store's", off_s);
    if (off_s * 1000 <= SKEW_MAX_MS) return;
    silt_found(result, "this clock is %lld s %s the store's, %lld s are allowed", off_s,
               skew_ms > 0 ? "behind" : "ahead of", (long long)SKEW_MAX_MS / 1000);
    silt_fail(result, SILT_E_CONFIG, "set this machine's clock (chrony, NTP)");
}

/* --- rights ---------------------------------------------------------------------------------- */

void silt_check_list(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    silt_found(result, "keys can be listed");
    if (doctor->listed.outcome == SILT_STORE_OK) return;
    silt_found(result, "%s", doctor->listed.text);
    silt_fail(result, SILT_E_DENIED,
              "grant s3:ListBucket on the bucket; without it absent and forbidden look the same");
}

static const char *mend_write(const struct silt_doctor *doctor)
{
    if (doctor->opts->store.s3.sse && doctor->opts->store.s3.sse[0])
        return "grant s3:PutObject below the root, and kms:GenerateDataKey and kms:Decrypt on the "
               "key of s3.sse";
    if (doctor->opts->store.s3.tags_n)
        return "grant s3:PutObject and s3:PutObjectTagging below the root";
    return "grant s3:PutObject below the root";
}

void silt_check_write(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    struct silt_err err;
    struct silt_rc rc = silt_probe_second_put(doctor->store, doctor->probe_key, &err);
    if (silt_ok(rc)) {
        silt_found(result, "a second PUT to one key is refused (small objects stay below _probe/, "
                           "they may be deleted)");
        return;
    }
    silt_found(result, "%s", err.text);
    if (err.code == SILT_E_DENIED)
        silt_fail(result, err.code, mend_write(doctor));
    else if (err.code == SILT_E_UNSUPPORTED)
        silt_fail(result, err.code,
                  "use a store with conditional writes; this one would lose or "
                  "repeat records");
    else
        silt_fail(result, err.code, "look at the store's health");
}

/* First an object that is there, so that a missing right is not read as an absent key. */
void silt_check_read(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    struct silt_err err;
    const bool known = doctor->probe_key[0];
    struct silt_store_req req = {
        .op = SILT_OP_GET, .key = known ? doctor->probe_key : "_format.json", .body_max = 4096};
    ask(doctor, &req);
    const bool denied = req.outcome == SILT_STORE_DENIED;
    const bool good =
        req.outcome == SILT_STORE_OK || (!known && req.outcome == SILT_STORE_NOT_FOUND);
    const enum silt_code code = silt_store_outcome_code(req.outcome);
    silt_found(result, "GET of %s: %s", req.key, req.text);
    silt_store_req_done(&req);
    if (!good) {
        silt_fail(result, code,
                  denied ? "grant s3:GetObject below the root (kms:Decrypt too when a key of yours "
                           "encrypts the bucket)"
                         : "look at the store's health");
        return;
    }
    if (silt_ok(silt_probe_absent(doctor->store, &err))) {
        silt_found(result, "objects can be read, and an absent one is told from a forbidden one");
        return;
    }
    silt_fail_err(result, &err,
                  "grant s3:ListBucket on the bucket, or use a store that answers 404 "
                  "for an absent key");
}

void silt_check_races(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    struct silt_err err;
    silt_found(result, "of many PUTs at once to one key only one was accepted");
    if (!silt_ok(silt_probe_races(doctor->store, &err)))
        silt_fail_err(result, &err,
                      err.code == SILT_E_UNSUPPORTED
                          ? "use a store whose conditional writes are atomic"
                          : "look at the store's health");
}

/* --- multipart uploads ----------------------------------------------------------------------- */

/* Each step with the right it takes. @return whether the upload's own steps can go on. */
static bool step(struct silt_doctor *doctor, struct silt_store_req *req, const char *right,
                 struct silt_doctor_result *result)
{
    ask(doctor, req);
    if (req->outcome == SILT_STORE_OK) return true;
    silt_found(result, "%s: %s", silt_store_op_name(req->op), req->text);
    silt_fail(result, silt_store_outcome_code(req->outcome), "");
    if (req->outcome == SILT_STORE_DENIED)
        silt_mend(result, "grant %s", right);
    else
        silt_mend(result, "look at what the store says to %s", silt_store_op_name(req->op));
    return false;
}

static void use_upload(struct silt_doctor *doctor, const char *key, const char *id,
                       struct silt_doctor_result *result)
{
    const struct silt_slice body = silt_slice_str(PART);
    struct silt_store_req part = {.op = SILT_OP_MPU_PART,
                                  .key = key,
                                  .upload_id = id,
                                  .part_number = 1,
                                  .body = &body,
                                  .body_n = 1,
                                  .crc32c = silt_crc32c(0, PART, strlen(PART))};
    struct silt_store_req parts = {.op = SILT_OP_MPU_PARTS, .key = key, .upload_id = id};
    struct silt_store_req uploads = {.op = SILT_OP_MPU_LIST, .key = ""};
    struct silt_store_req abort = {.op = SILT_OP_MPU_ABORT, .key = key, .upload_id = id};
    step(doctor, &uploads, "s3:ListBucketMultipartUploads on the bucket", result);
    step(doctor, &part, mend_write(doctor) + strlen("grant "), result);
    step(doctor, &parts, "s3:ListMultipartUploadParts below the root", result);
    if (!step(doctor, &abort, "s3:AbortMultipartUpload below the root", result))
        silt_found(result, "%.200s; the upload of %s stays until a lifecycle rule ends it",
                   abort.text, key);
    silt_store_req_done(&part);
    silt_store_req_done(&parts);
    silt_store_req_done(&uploads);
    silt_store_req_done(&abort);
}

void silt_check_uploads(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    char key[SILT_PROBE_KEY_MAX] = "_probe/";
    silt_random_hex(key + strlen(key), 32);
    struct silt_store_req create = {
        .op = SILT_OP_MPU_CREATE, .key = key, .token = "doctor", .content_type = "text/plain"};
    silt_found(result, "an upload was begun, listed and aborted");
    if (step(doctor, &create, mend_write(doctor) + strlen("grant "), result))
        use_upload(doctor, key, create.ret_upload_id, result);
    silt_store_req_done(&create);
}

/* --- lifecycle ------------------------------------------------------------------------------- */

static void judge_rules(const struct silt_doctor *doctor, const struct silt_store_req *req,
                        struct silt_doctor_result *result)
{
    struct silt_err err;
    const struct silt_probe_opts opts = {.max_upload_age_ms = doctor->opts->max_upload_age_ms};
    if (!silt_ok(silt_probe_lifecycle(req, &opts, &err))) {
        silt_fail_err(result, &err,
                      req->lifecycle_expires_log
                          ? "limit the rule to prefixes outside _log/"
                          : "let the rule for incomplete uploads wait 7 days, or lower "
                            "archive.max_upload_age");
        return;
    }
    silt_found(result, "incomplete uploads are removed after %d days", req->lifecycle_abort_days);
    if (req->lifecycle_abort_days) return;
    silt_found(result, "%s", req->text[0] ? req->text : "no rule removes incomplete uploads");
    silt_warn(result, "add a rule that aborts incomplete uploads below data/ after 7 days: "
                      "leftovers cost storage");
}

void silt_check_lifecycle(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    struct silt_store_req req = {.op = SILT_OP_LIFECYCLE, .key = ""};
    if (is_directory(doctor)) {
        silt_skip(result, "a directory has no rules");
        return;
    }
    ask(doctor, &req);
    if (req.outcome == SILT_STORE_OK) {
        judge_rules(doctor, &req, result);
    } else {
        silt_found(result, "the rules cannot be read: %s", req.text);
        silt_warn(result, "grant s3:GetLifecycleConfiguration on the bucket; a rule that is too "
                          "short or expires _log/ would go unseen");
    }
    silt_store_req_done(&req);
}
