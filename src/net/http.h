/* The io loop: one thread, one curl multi handle, timers. Everything that speaks HTTP goes through
 * it.
 *
 * silt_http_submit hands a request over; `done` is called once on the io thread and must only
 * enqueue. No retries here: a request is one attempt, so that whoever retries signs anew. Redirects
 * are never followed, addresses that hand out cloud credentials (base/address.h) never connected
 * to; bodies are sent from memory and can be rewound; the response body is bounded. Success is
 * outcome OK *and* a status the caller likes. Header names are given without colon. libcurl:
 * reliability notes 3.3.
 */
#ifndef SILT_NET_HTTP_H
#define SILT_NET_HTTP_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct silt_http_header {
    const char *name;
    const char *value;
};

enum silt_http_outcome {
    SILT_HTTP_ANSWERED,   /* a complete answer: look at status */
    SILT_HTTP_NO_CONNECT, /* DNS, refused, TLS: the request was certainly not processed */
    SILT_HTTP_TIMEOUT,
    SILT_HTTP_CUT,     /* reset, cut or oversized answer, garbage */
    SILT_HTTP_STOPPED, /* the loop was stopped */
};

struct silt_http_req;
typedef void silt_http_done_fn(struct silt_http_req *req); /* io thread; only enqueue */

struct silt_http_req {
    /* asked: owned by the caller until done; pointers stay valid until then */
    const char *method;
    const char *url; /* complete and encoded */
    const struct silt_http_header *headers;
    unsigned headers_n;
    const struct silt_slice *body;
    unsigned body_n;
    size_t response_max; /* bytes; 0 = 1 MiB */
    int64_t connect_ms;  /* 0 = 5 s */
    int64_t timeout_ms;  /* 0 = 30 s, whole request */
    int64_t stall_ms;    /* less than 1 KiB/s for this long is a TIMEOUT; 0 = 15 s, < 0 = never */
    const void *owner;   /* whose requests silt_http_cancel ends together; NULL = nobody's */
    bool fresh;          /* new connection with a fresh look-up (after a timeout or 5xx) */
    const char *ca_file; /* NULL or "": system */
    const char *proxy;   /* NULL or "": none, whatever the environment says */
    const char *const
        *want_headers; /* answer headers to keep, lower case, NULL-terminated; NULL = none */
    silt_http_done_fn *done;
    void *ctx;

    /* answered */
    enum silt_http_outcome outcome;
    int status;
    struct silt_buf ret_body;
    char *ret_headers[12]; /* values by index of want_headers, NULL when absent; owned */
    char text[160];        /* curl's words on failure */
    int64_t elapsed_us;

    void *priv;
};

void silt_http_req_done(struct silt_http_req *req); /* frees what the answer owns */
const char *silt_http_answer_header(const struct silt_http_req *req,
                                    const char *name); /* or NULL */

struct silt_http;
struct silt_http_opts {
    int connections_max;      /* in all; 0 = 64 */
    int host_connections_max; /* 0 = 32 */
};
SILT_RC silt_http_start(const struct silt_http_opts *opts, struct silt_http **ret_http,
                        struct silt_err *err);
void silt_http_submit(struct silt_http *http, struct silt_http_req *req); /* any thread */
void silt_http_call(struct silt_http *http, struct silt_http_req *req);   /* submits and waits */
/* Calls fn(ctx) on the io thread once after delay_ms (or at stop, with stopped = true). Any thread.
 */
void silt_http_timer(struct silt_http *http, int64_t delay_ms, void (*fn)(void *ctx, bool stopped),
                     void *ctx);
/* Ends what one owner has open: answers its requests (STOPPED) and fires the timers whose ctx is
 * `owner` (stopped = true), all on the io thread. Returns when that is done, so that the owner's
 * address may be used again at once. Not on the io thread, and without a lock that `done` takes. */
void silt_http_cancel(struct silt_http *http, const void *owner);
void silt_http_stop(struct silt_http *http); /* answers everything open (STOPPED), joins, frees */

#endif
