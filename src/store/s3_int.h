/* Private to store: S3 requests and answers as pure functions; s3.c carries them out.
 *
 *   silt_s3_build (once per page) ─▶ silt_s3_sign (once per attempt) ─▶ HTTP ─▶ silt_s3_read_error,
 *   silt_store_judge, silt_s3_read_answer
 *
 * Payload integrity: a PUT signs the SHA-256 of its body and sends it as the checksum too. A part
 * is sent as UNSIGNED-PAYLOAD, always together with its CRC-32C, which versitygw, MinIO and S3
 * verify: the checksum detects damage, TLS keeps others from tampering, and hashing every byte with
 * SHA-256 as well would cost more CPU than compressing it. Sources: Amazon S3 API Reference 2026;
 * differences seen from versitygw and MinIO are named where they matter.
 */
#ifndef SILT_STORE_S3_INT_H
#define SILT_STORE_S3_INT_H

#include "base/hash.h"
#include "net/sigv4.h"
#include "store/store_int.h"

#define SILT_S3_UPLOADS_MAX 10000 /* MPU_LIST stops there */
#define SILT_S3_ROWS_MAX 1000     /* per page, S3's own bound */

/* Where and how: fixed when the store is opened. */
struct silt_s3_site {
    char *base;   /* "https://bucket.s3.eu-west-1.amazonaws.com": scheme and host */
    char *host;   /* with the port when it is not the scheme's own */
    char *bucket; /* in the path, "" for virtual-host style */
    char *prefix; /* of every key: "" or "a/b/" */
    char *region;
    char *sse;
    char *kms_key_id;
    char *storage_class;
    char *tags; /* "a=b&c=d", encoded; "" = none */
    bool requester_pays;
};
/* @return an error text when the root or the options cannot be used. */
SILT_RC silt_s3_site_init(struct silt_s3_site *site, const char *root,
                          const struct silt_s3_opts *opts, struct silt_err *err);
void silt_s3_site_done(struct silt_s3_site *site);

#define SILT_S3_QUERY_MAX 8
#define SILT_S3_HEADERS_MAX 20

/* One request as it goes out. Points into itself: it must not be moved or copied. */
struct silt_s3_wire {
    const char *method;
    struct silt_buf path;
    struct silt_sigv4_pair query[SILT_S3_QUERY_MAX];
    unsigned query_n;
    struct silt_http_header headers[SILT_S3_HEADERS_MAX];
    unsigned headers_n;
    unsigned built_n; /* headers of the build; those of the signature follow */
    char *owned[SILT_S3_HEADERS_MAX + SILT_S3_QUERY_MAX];
    unsigned owned_n;
    unsigned owned_built_n;
    char payload_hash[SILT_SHA256_HEX];
    struct silt_buf text; /* MPU_COMPLETE: the list of parts */
    struct silt_slice text_slice;
    const struct silt_slice *body;
    unsigned body_n;
    struct silt_buf url;
    size_t response_max;
    int64_t timeout_ms;
    int64_t stall_ms;
};

/* marker: where the next page begins, NULL on the first one. */
void silt_s3_build(struct silt_s3_wire *wire, const struct silt_s3_site *site,
                   const struct silt_store_req *req, const char *marker);

struct silt_s3_creds {
    const char *access_key;
    const struct silt_secret *session_token;
    const uint8_t *signing_key;
};
/* What the signing key depends on. `date` must outlive the result. */
struct silt_sigv4_req silt_s3_scope(const struct silt_s3_site *site, const char *access_key,
                                    const char *date);
/* Adds date, host and signature, replacing those of an earlier attempt. */
void silt_s3_sign(struct silt_s3_wire *wire, const struct silt_s3_site *site,
                  const struct silt_s3_creds *creds, const char *date);
void silt_s3_wire_done(struct silt_s3_wire *wire);

/* --- answers --------------------------------------------------------------------------------- */

extern const char *const silt_s3_want_headers[];

struct silt_s3_error {
    char code[64]; /* "" when the body is no <Error>; "?" when it is one without a code */
    char message[120];
    char region[40];
};
void silt_s3_read_error(struct silt_slice body, struct silt_s3_error *ret_error);

/* What an answer that was judged OK says, written into `req`; *ret_marker (owned by the caller)
 * is set when another page follows. @return the outcome: OK, or what is wrong with the answer after
 * all; then req->text says what. */
enum silt_store_outcome silt_s3_read_answer(const struct silt_s3_site *site,
                                            const struct silt_http_req *http,
                                            struct silt_store_req *req, char **ret_marker);

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7). @return ms, 0 when it is none. */
int64_t silt_s3_http_date(const char *text);

#endif
