/* Private to net: carries out a plan, request by request, up to the credentials.
 *
 * Pure: says what to send or which file to read, and is given what came back.
 *
 * `err` is never NULL.
 *
 *   begin ─▶ READ ─read─▶ SEND ─answer─▶ SEND … ─▶ DONE: `creds`
 *                           └─ unanswered, or a refusal ─▶ FAILED: err
 *
 * Keys, tokens and answers are checked before use: bounded, printable, so that none can smuggle a
 * header. Sources: AWS STS API Reference 2011-06-15 (AssumeRole, AssumeRoleWithWebIdentity); Amazon
 * EC2 User Guide, "Retrieve security credentials from instance metadata" (IMDSv2); AWS SDKs and
 * Tools Reference Guide, "Container credential provider", 2026.
 */
#ifndef SILT_NET_CREDS_FETCH_INT_H
#define SILT_NET_CREDS_FETCH_INT_H

#include "base/buf.h"
#include "net/credentials.h"
#include "net/creds_plan_int.h"
#include "net/http.h"
#include "net/sigv4.h"

#define SILT_CREDS_FILE_MAX ((size_t)16 << 10) /* bytes of a token's file */

enum silt_creds_act { SILT_CREDS_READ, SILT_CREDS_SEND, SILT_CREDS_DONE, SILT_CREDS_FAILED };

enum silt_creds_stage {
    SILT_CREDS_AT_WEB,
    SILT_CREDS_AT_CONTAINER,
    SILT_CREDS_AT_SESSION, /* instance: the session token */
    SILT_CREDS_AT_ROLE,    /* instance: the role's name */
    SILT_CREDS_AT_KEYS,    /* instance: its keys */
    SILT_CREDS_AT_HOP,
};

struct silt_creds_fetch {
    const struct silt_creds_plan *plan; /* outlives it */
    enum silt_creds_stage stage;
    unsigned hops_left;
    struct silt_secret session; /* of the instance metadata */
    /* the request to send; its strings are the fetch's */
    const char *method;
    struct silt_buf url;
    struct silt_buf body;
    struct silt_slice body_slice;
    struct silt_http_header headers[6];
    unsigned headers_n;
    int64_t timeout_ms;
    char date[SILT_SIGV4_DATE_LEN];
    char *host;
    struct silt_secret shown; /* the secret among the headers */
    struct silt_buf signature;
    /* the result so far: references and generation are not used */
    struct silt_creds creds;
};

void silt_creds_fetch_init(struct silt_creds_fetch *fetch, const struct silt_creds_plan *plan);
void silt_creds_fetch_done(struct silt_creds_fetch *fetch); /* wipes; zeroed is fine */

enum silt_creds_act silt_creds_fetch_begin(struct silt_creds_fetch *fetch, int64_t now_ms,
                                           struct silt_err *err);
/* READ: the text of plan->token_file. */
enum silt_creds_act silt_creds_fetch_read(struct silt_creds_fetch *fetch, const char *text,
                                          struct silt_err *err);
/* SEND: an answer came. */
enum silt_creds_act silt_creds_fetch_answer(struct silt_creds_fetch *fetch, int status,
                                            struct silt_slice body, int64_t now_ms,
                                            struct silt_err *err);
/* SEND: none came; why in libcurl's words. */
enum silt_creds_act silt_creds_fetch_unanswered(struct silt_creds_fetch *fetch, const char *why,
                                                struct silt_err *err);

#endif
