/* AWS Signature Version 4: signs a request in its headers or in its query (presigned).
 *
 * Pure: the caller brings date, credentials and the request exactly as it will go out; nothing is
 * normalised. Every header given is signed, so give host, x-amz-date, x-amz-content-sha256 and
 * x-amz-security-token among them. The signing key depends on day, region and service only and is
 * kept in a silt_sigv4_keys: one owner, no locking.
 * Source: AWS General Reference, "Create a signed AWS API request"; S3 user guide, "Authenticating
 * requests" (path encoded once, slashes kept).
 */
#ifndef SILT_NET_SIGV4_H
#define SILT_NET_SIGV4_H

#include "base/buf.h"
#include "base/hash.h"
#include "base/secret.h"
#include "net/http.h"

#define SILT_SIGV4_DATE_LEN 17 /* "20150830T123600Z" and its end */
#define SILT_SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"
#define SILT_SIGV4_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SILT_SIGV4_PAIRS_MAX 48 /* headers, and query parameters */

struct silt_sigv4_pair {
    const char *name;
    const char *value;
};

struct silt_sigv4_req {
    const char *access_key;
    const char *region;
    const char *service;
    const char *date; /* of silt_sigv4_date */
    const char *method;
    const char *path;                    /* percent-encoded, as in the URL */
    const struct silt_sigv4_pair *query; /* not encoded, any order */
    unsigned query_n;
    const struct silt_http_header *headers; /* any case and order; repeated names are joined */
    unsigned headers_n;
    const char *payload_hash; /* 64 hex digits or SILT_SIGV4_UNSIGNED */
};

/* Signing keys derived lately. */
struct silt_sigv4_keys {
    char scope[160]; /* day/region/service */
    struct silt_secret secret;
    uint8_t key[SILT_SHA256_LEN];
};

/* x-amz-date of a moment. */
void silt_sigv4_date(int64_t wall_ms, char ret_date[SILT_SIGV4_DATE_LEN]);

void silt_sigv4_keys_get(struct silt_sigv4_keys *keys, const struct silt_sigv4_req *req,
                         const struct silt_secret *secret, uint8_t ret_key[SILT_SHA256_LEN]);
void silt_sigv4_keys_done(struct silt_sigv4_keys *keys); /* wipes; NULL and zeroed are fine */

/* Appends text percent-encoded (RFC 3986 unreserved characters stay; '/' too when it is a path). */
void silt_sigv4_encode(struct silt_buf *buf, const char *text, bool path);
/* Appends the query string in canonical order, without '?': the one to put into the URL. */
void silt_sigv4_query(struct silt_buf *buf, const struct silt_sigv4_pair *query, unsigned query_n);

/* Appends what is hashed; for tests and for comparing with a server's complaint. */
void silt_sigv4_canonical(struct silt_buf *buf, const struct silt_sigv4_req *req);
void silt_sigv4_string_to_sign(struct silt_buf *buf, const struct silt_sigv4_req *req);

/* Appends the value of the Authorization header. */
void silt_sigv4_sign(struct silt_buf *buf, const struct silt_sigv4_req *req,
                     const uint8_t key[SILT_SHA256_LEN]);
/* Appends the whole query of a presigned URL, valid for expires_s. session_token may be NULL. */
void silt_sigv4_presign(struct silt_buf *buf, const struct silt_sigv4_req *req,
                        const uint8_t key[SILT_SHA256_LEN], unsigned expires_s,
                        const char *session_token);

#endif
