/* Object store port: what the archive needs of a store, with two stores behind it (S3 and a
 * directory).
 *
 * Requests are asynchronous. The caller fills a silt_store_req, submits it, and must not touch it
 * until it comes back on `reply_to`; then the caller's loop calls silt_store_reply(), which runs
 * `on_reply` on the caller's thread. Every submitted request comes back exactly once, also at
 * shutdown (outcome STOPPED). Retries for requests that may be repeated blindly happen inside,
 * above signing, with full jitter, bounded by `attempts_max` and `deadline_ms`. After such a retry
 * EXISTS, NO_UPLOAD and NOT_FOUND may be the work of an earlier attempt of the same request.
 * `reply_to` must have room for every request its owner has open, and stay open until they are
 * back.
 *
 * Outcomes are decided by one table (store/outcome.h), never by text.
 */
#ifndef SILT_STORE_STORE_H
#define SILT_STORE_STORE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/queue.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum silt_store_op {
    SILT_OP_PUT_NEW,      /* PUT with If-None-Match: *, body in `body`, sha256 checksum sent */
    SILT_OP_GET,          /* whole object or [range_first, range_last] into `ret_body` */
    SILT_OP_HEAD,         /* size, token, checksum */
    SILT_OP_LIST,         /* keys below prefix after start_after, one page per request */
    SILT_OP_MPU_CREATE,   /* with token as user metadata, and CRC-32C as checksum algorithm */
    SILT_OP_MPU_PART,     /* part_number, chunks, crc32c */
    SILT_OP_MPU_COMPLETE, /* parts, object_size, crc32c of the whole */
    SILT_OP_MPU_ABORT,
    SILT_OP_MPU_PARTS, /* ListParts, all pages */
    SILT_OP_MPU_LIST,  /* ListMultipartUploads, without prefix where a store needs it, all pages up
                          to a bound */
    SILT_OP_LIFECYCLE, /* smallest DaysAfterInitiation that would abort uploads, expiration rules on
                          a prefix */
    SILT_OPS_N
};
const char *silt_store_op_name(enum silt_store_op op); /* "put_new" … */

enum silt_store_outcome {
    SILT_STORE_OK,
    SILT_STORE_EXISTS,       /* 412: the key is taken */
    SILT_STORE_CONFLICT,     /* 409 ConditionalRequestConflict */
    SILT_STORE_NOT_FOUND,    /* 404 NoSuchKey; see delete_marker */
    SILT_STORE_NO_UPLOAD,    /* 404 NoSuchUpload */
    SILT_STORE_NO_BUCKET,    /* 404 NoSuchBucket */
    SILT_STORE_INVALID_PART, /* 400 InvalidPart */
    SILT_STORE_BAD_PARTS,    /* 400 EntityTooSmall, InvalidPartOrder: our own mistake */
    SILT_STORE_BAD_DIGEST,   /* 400: the body was damaged on its way */
    SILT_STORE_DENIED,       /* 401, 403, expired or wrong credentials */
    SILT_STORE_SKEWED,       /* 403 RequestTimeTooSkewed; server_time_ms is set */
    SILT_STORE_REFUSED,      /* 400, 301, 405, 501 …: retrying the same cannot help */
    SILT_STORE_THROTTLED,    /* 429, 503 SlowDown, attempts used up */
    SILT_STORE_DOUBT,   /* 5xx, timeout, reset, cut answer, garbage: it may or may not have happened
                         */
    SILT_STORE_STOPPED, /* the store was stopped first; it may or may not have happened */
    SILT_STORE_OUTCOMES_N
};
const char *silt_store_outcome_name(enum silt_store_outcome outcome);
/* The error code that stands for an outcome other than OK. */
enum silt_code silt_store_outcome_code(enum silt_store_outcome outcome);

struct silt_store_part {
    unsigned n; /* from 1, without gaps */
    int64_t size;
    uint32_t crc32c;
    char etag[80]; /* opaque, as received */
};

struct silt_store_object { /* of a listing */
    char *key;             /* relative to the root; owned by the request */
    char *upload_id;       /* MPU_LIST only */
    int64_t size;          /* -1 unknown */
    int64_t initiated_ms;  /* MPU_LIST only */
};

struct silt_store_req;
typedef void silt_store_reply_fn(struct silt_store_req *req);

struct silt_store_req {
    /* asked: owned by the caller until the reply */
    enum silt_store_op op;
    const char *key;         /* relative to the root; LIST and MPU_LIST: prefix */
    const char *start_after; /* LIST; "" or NULL: from the beginning */
    unsigned limit;          /* LIST: page size, 0 = 1000 */
    const char *upload_id;
    const char *token;        /* MPU_CREATE */
    const char *content_type; /* NULL: application/octet-stream */
    const struct silt_slice
        *body; /* PUT_NEW: one chunk or more; MPU_PART: the compressed blocks in order */
    unsigned body_n;
    unsigned part_number;
    uint32_t crc32c;                     /* MPU_PART: of the part; MPU_COMPLETE: of the whole */
    const struct silt_store_part *parts; /* MPU_COMPLETE */
    unsigned parts_n;
    int64_t object_size; /* MPU_COMPLETE */
    int64_t range_first; /* GET; range_last 0 = whole object */
    int64_t range_last;
    size_t body_max;       /* GET: refuse more than this */
    int64_t date_ms;       /* sign with this date (R7); 0 = now. Then nothing is retried inside. */
    unsigned attempts_max; /* 0 = the default of the store (5); 1 = no retry inside */
    int64_t deadline_ms;   /* for all attempts, relative; 0 = default */
    struct silt_queue *reply_to;
    silt_store_reply_fn *on_reply;
    void *ctx;

    /* answered */
    enum silt_store_outcome outcome;
    int http_status;        /* 0: no answer (or the directory store) */
    char text[200];         /* what the store said, for people; no secrets */
    char code[48];          /* S3's name for its refusal ("AccessDenied"); "" when there is none */
    int64_t server_time_ms; /* Date header; 0 unknown */
    unsigned attempts;      /* how many were made */
    int64_t elapsed_us;
    bool delete_marker;
    int64_t size; /* HEAD, GET */
    char etag[80];
    char ret_token[80];  /* HEAD: our token from the metadata, "" when none */
    bool ret_has_crc32c; /* HEAD: the store keeps a CRC-32C of the whole object */
    uint32_t ret_crc32c;
    char *ret_upload_id;               /* MPU_CREATE; owned by the request */
    struct silt_buf ret_body;          /* GET; owned by the request */
    struct silt_store_object *objects; /* LIST, MPU_LIST; owned by the request */
    unsigned objects_n;
    bool truncated;                    /* LIST: more keys follow the last one */
    struct silt_store_part *ret_parts; /* MPU_PARTS; owned by the request */
    unsigned ret_parts_n;
    int lifecycle_abort_days;   /* LIFECYCLE: smallest rule for incomplete uploads, 0 = none */
    bool lifecycle_expires_log; /* LIFECYCLE: a rule would expire manifests */

    void *priv;               /* the store's own state while it is submitted */
    struct silt_store *store; /* set by submit */
};

/* Frees what the answer owns and zeroes the struct; NULL and zeroed are fine. */
void silt_store_req_done(struct silt_store_req *req);

struct silt_store;
struct silt_store_vtable {
    void (*submit)(struct silt_store *store, struct silt_store_req *req);
    void (*free)(struct silt_store *store);
};
struct silt_store {
    const struct silt_store_vtable *vtable;
    const char *url;           /* as configured: "s3://bucket/prefix" or "file:///dir" */
    _Atomic uint64_t requests; /* attempts made, for the metrics */
    _Atomic unsigned rate;     /* requests a second that the store is asked at most; 0 = no limit */
    _Atomic unsigned open;     /* requests submitted and not yet replied to; valid until the free */
};

/* Hands the request over to the store's io thread. Any thread. */
void silt_store_submit(struct silt_store *store, struct silt_store_req *req);
/* What the owner's loop does with a request it popped from its queue. */
void silt_store_reply(struct silt_store_req *req);
/* Submits and waits: for commands, tests and start-up. reply_to and on_reply are used by it. */
void silt_store_call(struct silt_store *store, struct silt_store_req *req);
/* Stops taking requests, answers all open ones (STOPPED), frees. What was answered and lies in a
 * queue may still be given to silt_store_reply afterwards. */
void silt_store_free(struct silt_store *store);

#endif
