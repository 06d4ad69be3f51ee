/* AWS credentials: where they come from, kept fresh, shared by everything that signs.
 *
 * One provider serves the S3 store and the CloudWatch sender. It fetches on the io thread
 * (asynchronously; small local files are read there too) and renews before they expire
 * (net/creds_pace_int.h). What is handed out is an immutable set with a reference count: take it
 * for one request, give it back when that request is over. take, give, refused, why: any thread;
 * they never wait.
 *
 * The first source that is set up decides; when it fails, the next one is not tried in its place,
 * because that could be somebody else's identity:
 *   1. keys of the options (the configuration puts AWS_ACCESS_KEY_ID … there when it has no own)
 *   2. web identity: AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN (EKS service accounts)
 *   3. shared files: profile of the options, else AWS_PROFILE, else "default"
 *   4. container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI (ECS, EKS Pod Identity)
 *   5. instance metadata, version 2 only
 * A profile or keys in the options come before anything in the environment. Then the role of the
 * options, if any, is assumed with them. This is the order of the AWS SDKs that look for a web
 * identity before the files (AWS SDK for Java 2.x and for PHP 3, "default credential provider
 * chain"; AWS SDKs and Tools Reference Guide, "Standardized credential providers", 2026).
 *
 *   new ─▶ await (at start-up) ─▶ take … give, refused ─▶ free (after all who take)
 */
#ifndef SILT_NET_CREDENTIALS_H
#define SILT_NET_CREDENTIALS_H

#include "base/err.h"
#include "base/secret.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct silt_http;
struct silt_credentials;

struct silt_creds {
    char *access_key;
    struct silt_secret secret_key;
    struct silt_secret session_token; /* unset for long-lived keys */
    int64_t expires_ms;               /* wall time; 0 = never */
    uint64_t generation;              /* another one when the keys are others */
    bool fixed;                       /* the options' own: a fetch brings the same */
    _Atomic unsigned refs;
};

/* What became of a fetch. */
struct silt_credentials_news {
    const char *origin; /* "web identity" …, "" when it was not even clear where to look */
    const char *why;    /* NULL: obtained */
    int64_t expires_ms; /* obtained: 0 = never */
    int64_t again_ms;   /* failed: until the next attempt */
};
typedef void silt_credentials_news_fn(void *ctx, const struct silt_credentials_news *news);

struct silt_credentials_opts {
    struct silt_http *http;
    /* strings may be NULL or ""; copied */
    const char *access_key;
    struct silt_secret secret_key;
    struct silt_secret session_token;
    const char *profile;
    const char *role_arn; /* to assume with what was found */
    const char *session_name;
    const char *external_id;
    const char *sts_endpoint; /* "" = AWS_ENDPOINT_URL_STS, else AWS in `region` */
    const char *region;
    bool fips;
    const char *proxy;                 /* to STS only */
    const char *ca_file;               /* for STS and https container endpoints */
    const char *const *environ;        /* NAME=value, NULL-terminated, borrowed; NULL = none */
    silt_credentials_news_fn *on_news; /* io thread; NULL = nobody */
    void *ctx;
};

/* Begins to fetch. */
struct silt_credentials *silt_credentials_new(const struct silt_credentials_opts *opts);
/* Waits for the first ones: until they are there, what is set up cannot work, or three fetches
 * failed. @return CONFIG, AUTH or UNAVAILABLE with where it looked and the way out. */
SILT_RC silt_credentials_await(struct silt_credentials *credentials, struct silt_err *err);
void silt_credentials_free(struct silt_credentials *credentials); /* NULL is fine */

/* @return NULL while there are none that are valid. */
struct silt_creds *silt_credentials_take(struct silt_credentials *credentials);
void silt_credentials_give(struct silt_creds *creds); /* NULL is fine */
/* A service does not accept those (expired, revoked, unknown key): fetches new ones. @return false
 * when there is nothing to hope for, because they are fixed. */
bool silt_credentials_refused(struct silt_credentials *credentials, const struct silt_creds *creds);
/* Why there are none, for people; "" when there is nothing to say. */
void silt_credentials_why(struct silt_credentials *credentials, char *ret_text, size_t room);

#endif
