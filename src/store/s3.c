/* One request's way:
 *
 *   submit ─▶ waiting ─pump─▶ send ─▶ HTTP ─on_answer─▶ settle ─┬─▶ finish ─▶ reply_to
 *                              ▲                                ├─▶ next page: send
 *                              └──── on_timer ◀── retries ◀─────┴─▶ worth another attempt
 *
 * A call is owned by exactly one of: the waiting list, libcurl's loop, the retry list, or the
 * function that settles it. `stopping` is read under the lock together with the hand-over to the
 * loop, so a cancel that is sent afterwards cannot miss it.
 */
#include "store/s3.h"

#include "base/alloc.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/random.h"
#include "net/credentials.h"
#include "store/outcome.h"
#include "store/rate.h"
#include "store/s3_int.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define CONCURRENCY_DEFAULT 16
#define ATTEMPTS_DEFAULT 5
#define DEADLINE_MS_DEFAULT (5 * 60 * 1000)
#define COMPLETE_DEADLINE_MS (15 * 60 * 1000)
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 20000
#define PAGES_MAX 100
#define FETCH_MS 1000 /* while other credentials are being fetched */

struct call {
    struct call *next;
    struct s3 *s3;
    struct silt_store_req *req;
    struct silt_s3_wire wire;
    struct silt_http_req http;
    struct silt_creds *creds; /* the last attempt was signed with; its headers point into it */
    char *marker;             /* of the page that is being asked for */
    unsigned pages;
    unsigned attempts; /* of this page */
    bool fresh;        /* the last attempt failed on its way: use another connection */
    bool doubted;      /* an attempt may have taken effect */
    int64_t start_ms;
    int64_t due_ms; /* in the retry list */
};

struct call_list {
    struct call *first;
    struct call *last;
};

struct s3 {
    struct silt_store store;
    struct silt_http *http;
    struct silt_s3_site site;
    char *root;
    char *ca_file;
    char *proxy;
    struct silt_credentials *credentials;
    unsigned in_flight_max;
    struct {
        pthread_mutex_t lock;
        pthread_cond_t idle;
        struct silt_sigv4_keys keys;
        struct silt_rate rate;
        struct call_list small;
        struct call_list parts;
        struct call *retries;
        unsigned in_flight;
        unsigned open;
        unsigned timers;
        bool stopping;
    } synced;
};

static void list_push(struct call_list *list, struct call *call)
{
    call->next = NULL;
    if (list->last)
        list->last->next = call;
    else
        list->first = call;
    list->last = call;
}

static struct call *list_pop(struct call_list *list)
{
    struct call *call = list->first;
    if (!call) return NULL;
    list->first = call->next;
    if (!list->first) list->last = NULL;
    call->next = NULL;
    return call;
}

static void send_or_stop(struct call *call);

/* --- the end of a call ----------------------------------------------------------------------- */

static void call_free(struct call *call)
{
    silt_s3_wire_done(&call->wire);
    silt_http_req_done(&call->http);
    silt_credentials_give(call->creds);
    silt_free(call->marker);
    silt_free(call);
}

static struct call *take_waiting_synced(struct s3 *s3)
{
    if (s3->synced.in_flight >= s3->in_flight_max) return NULL;
    struct call *call = list_pop(&s3->synced.small);
    if (!call) call = list_pop(&s3->synced.parts);
    if (call) s3->synced.in_flight++;
    return call;
}

/* Gives the request back, and the place to whoever waits. Does not touch the store after its last
 * call is gone: silt_store_free may be waiting for just that. */
static void finish(struct call *call, enum silt_store_outcome outcome, bool had_place)
{
    struct s3 *s3 = call->s3;
    struct silt_store_req *req = call->req;
    req->outcome = outcome;
    req->elapsed_us = (silt_mono_ms() - call->start_ms) * 1000;
    call_free(call);
    silt_store_deliver(req);

    pthread_mutex_lock(&s3->synced.lock);
    if (had_place) s3->synced.in_flight--;
    struct call *next = take_waiting_synced(s3);
    if (--s3->synced.open == 0) pthread_cond_signal(&s3->synced.idle);
    pthread_mutex_unlock(&s3->synced.lock);
    if (next) send_or_stop(next);
}

static void finish_stopped(struct call *call, bool had_place)
{
    snprintf(call->req->text, sizeof call->req->text, "the store was stopped");
    finish(call, SILT_STORE_STOPPED, had_place);
}

/* --- retries --------------------------------------------------------------------------------- */

static struct call *take_due_synced(struct s3 *s3, int64_t now_ms, bool all)
{
    struct call_list due = {0};
    struct call **at = &s3->synced.retries;
    while (*at) {
        struct call *call = *at;
        if (!all && call->due_ms > now_ms) {
            at = &call->next;
            continue;
        }
        *at = call->next;
        list_push(&due, call);
    }
    return due.first;
}

static void on_timer(void *ctx, bool stopped)
{
    struct s3 *s3 = ctx;
    pthread_mutex_lock(&s3->synced.lock);
    struct call *due = take_due_synced(s3, silt_mono_ms(), stopped);
    pthread_mutex_unlock(&s3->synced.lock);
    while (due) {
        struct call *call = due;
        due = call->next;
        if (stopped)
            finish_stopped(call, true);
        else
            send_or_stop(call);
    }
    pthread_mutex_lock(&s3->synced.lock);
    s3->synced.timers--;
    pthread_cond_signal(&s3->synced.idle);
    pthread_mutex_unlock(&s3->synced.lock);
}

static void retry_in(struct call *call, int64_t wait_ms)
{
    struct s3 *s3 = call->s3;
    call->due_ms = silt_mono_ms() + wait_ms;
    pthread_mutex_lock(&s3->synced.lock);
    bool stopping = s3->synced.stopping;
    if (!stopping) {
        call->next = s3->synced.retries;
        s3->synced.retries = call;
        s3->synced.timers++;
        silt_http_timer(s3->http, wait_ms, on_timer, s3);
    }
    pthread_mutex_unlock(&s3->synced.lock);
    if (stopping) finish_stopped(call, true);
}

static int64_t deadline_ms(const struct silt_store_req *req)
{
    if (req->deadline_ms) return req->deadline_ms;
    return req->op == SILT_OP_MPU_COMPLETE ? COMPLETE_DEADLINE_MS : DEADLINE_MS_DEFAULT;
}

/* @return ms to wait before another attempt, -1 when there is to be none. */
static int64_t next_attempt_ms(const struct call *call)
{
    const struct silt_store_req *req = call->req;
    if (req->date_ms) return -1;
    const char *asked = silt_http_answer_header(&call->http, "retry-after");
    int64_t asked_ms = asked ? strtol(asked, NULL, 10) * 1000 : 0;
    const struct silt_backoff_opts opts = {.first_ms = BACKOFF_FIRST_MS,
                                           .max_ms = BACKOFF_MAX_MS,
                                           .attempts_max = req->attempts_max ? req->attempts_max
                                                                             : ATTEMPTS_DEFAULT,
                                           .total_max_ms = deadline_ms(req)};
    return silt_backoff_ms(&opts, call->attempts, silt_mono_ms() - call->start_ms, asked_ms,
                           silt_random_u64());
}

/* The same for an attempt that failed for its credentials and so did nothing. When others are there
 * already, at once. */
static int64_t next_credentials_ms(const struct call *call)
{
    const struct silt_store_req *req = call->req;
    unsigned attempts_max = req->attempts_max ? req->attempts_max : ATTEMPTS_DEFAULT;
    if (req->date_ms || call->attempts >= attempts_max ||
        silt_mono_ms() - call->start_ms >= deadline_ms(req))
        return -1;
    struct silt_creds *now = silt_credentials_take(call->s3->credentials);
    bool others = now && call->creds && now->generation != call->creds->generation;
    silt_credentials_give(now);
    return others ? 0 : FETCH_MS;
}

/* --- answers --------------------------------------------------------------------------------- */

/* Only S3 and its equals know a CRC-32C over a whole multipart object. */
static const char *refusal_hint(const struct silt_store_req *req, const char *code)
{
    static const char *const codes[] = {"InvalidRequest", "InvalidArgument", "NotImplemented"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (req->op == SILT_OP_MPU_CREATE && strcmp(code, codes[i]) == 0)
            return "the store refuses uploads with a CRC-32C of the whole object: ";
    return "";
}

/* @return the region that the bucket is in when it is another one than ours, else NULL. */
static const char *other_region(const struct call *call, const struct silt_s3_error *error)
{
    const char *region = silt_http_answer_header(&call->http, "x-amz-bucket-region");
    if (!region) region = error->region;
    return region[0] && strcmp(region, call->s3->site.region) != 0 ? region : NULL;
}

static void write_refusal(const struct call *call, const struct silt_s3_error *error)
{
    struct silt_store_req *req = call->req;
    const struct silt_http_req *http = &call->http;
    const char *region = other_region(call, error);
    if (region) {
        snprintf(req->text, sizeof req->text,
                 "%d %s: the bucket is in region %s; set s3.region (and s3.endpoint) to it",
                 http->status, error->code, region);
        return;
    }
    snprintf(req->text, sizeof req->text, "%d %s%s%s%s", http->status,
             refusal_hint(req, error->code), error->code, error->message[0] ? ": " : "",
             error->message);
}

/* A GET whose answer was longer than allowed broke off here, not on the way. */
static bool too_long(const struct call *call)
{
    const char *length = silt_http_answer_header(&call->http, "content-length");
    return call->req->op == SILT_OP_GET && call->http.outcome == SILT_HTTP_CUT && length &&
           strtoull(length, NULL, 10) > call->wire.response_max;
}

static struct silt_store_verdict judge(struct call *call)
{
    struct silt_store_req *req = call->req;
    const struct silt_http_req *http = &call->http;
    struct silt_s3_error error = {0};
    if (too_long(call)) {
        snprintf(req->text, sizeof req->text, "the object is longer than %zu bytes", req->body_max);
        return (struct silt_store_verdict){.outcome = SILT_STORE_REFUSED};
    }
    /* The body of a GET is data, whatever it looks like; any other 2xx may hide an error. */
    bool data = req->op == SILT_OP_GET && http->status < 300;
    if (http->outcome == SILT_HTTP_ANSWERED && !data)
        silt_s3_read_error(silt_buf_slice(&http->ret_body), &error);
    const struct silt_store_answer answer = {
        .op = req->op, .http = http->outcome, .status = http->status, .code = error.code};
    struct silt_store_verdict verdict = silt_store_judge(&answer);
    req->text[0] = '\0';
    snprintf(req->code, sizeof req->code, "%s", error.code);
    if (verdict.outcome == SILT_STORE_OK) return verdict;
    verdict.stale &= !other_region(call, &error);
    if (http->outcome == SILT_HTTP_ANSWERED)
        write_refusal(call, &error);
    else
        snprintf(req->text, sizeof req->text, "%s", http->text);
    return verdict;
}

static void note_answer(struct call *call)
{
    struct silt_store_req *req = call->req;
    const char *date = silt_http_answer_header(&call->http, "date");
    const char *marker = silt_http_answer_header(&call->http, "x-amz-delete-marker");
    req->http_status = call->http.outcome == SILT_HTTP_ANSWERED ? call->http.status : 0;
    req->server_time_ms = date ? silt_s3_http_date(date) : 0;
    req->delete_marker = marker && strcmp(marker, "true") == 0;
}

/* GET: the bytes change hands instead of being copied. */
static void take_body(struct call *call)
{
    if (call->req->op != SILT_OP_GET) return;
    silt_buf_done(&call->req->ret_body);
    call->req->ret_body = call->http.ret_body;
    call->http.ret_body = (struct silt_buf){0};
}

static void next_page(struct call *call, char *marker)
{
    silt_free(call->marker);
    call->marker = marker;
    call->pages++;
    call->attempts = 0;
    silt_s3_wire_done(&call->wire);
    silt_s3_build(&call->wire, &call->s3->site, call->req, marker);
    send_or_stop(call);
}

static void slow_down(struct s3 *s3)
{
    pthread_mutex_lock(&s3->synced.lock);
    silt_rate_throttled(&s3->synced.rate, silt_mono_ms());
    atomic_store(&s3->store.rate, (unsigned)s3->synced.rate.limit);
    pthread_mutex_unlock(&s3->synced.lock);
}

static void settle(struct call *call)
{
    struct silt_store_req *req = call->req;
    note_answer(call);
    struct silt_store_verdict verdict = judge(call);
    char *marker = NULL;
    if (verdict.outcome == SILT_STORE_OK) {
        verdict.outcome = silt_s3_read_answer(&call->s3->site, &call->http, req, &marker);
        verdict.retry =
            verdict.outcome == SILT_STORE_DOUBT || verdict.outcome == SILT_STORE_BAD_DIGEST;
    }
    if (marker && call->pages + 1 < PAGES_MAX) {
        next_page(call, marker);
        return;
    }
    silt_free(marker);
    if (verdict.outcome == SILT_STORE_OK) take_body(call);
    call->doubted |= verdict.outcome == SILT_STORE_DOUBT;
    call->fresh = call->http.outcome != SILT_HTTP_ANSWERED || call->http.status >= 500;
    verdict.stale = verdict.stale && silt_credentials_refused(call->s3->credentials, call->creds);
    if (verdict.outcome == SILT_STORE_THROTTLED) slow_down(call->s3);
    int64_t wait_ms = verdict.stale   ? next_credentials_ms(call)
                      : verdict.retry ? next_attempt_ms(call)
                                      : -1;
    if (wait_ms >= 0) {
        retry_in(call, wait_ms);
        return;
    }
    /* "Slow down" says that this attempt did nothing; an earlier one may have. */
    if (verdict.outcome == SILT_STORE_THROTTLED && call->doubted)
        verdict.outcome = SILT_STORE_DOUBT;
    finish(call, verdict.outcome, true);
}

static void on_answer(struct silt_http_req *http)
{
    struct call *call = http->ctx;
    if (http->outcome == SILT_HTTP_STOPPED)
        finish_stopped(call, true);
    else
        settle(call);
}

/* --- sending --------------------------------------------------------------------------------- */

/* @return false while there are no credentials. */
static bool sign(struct call *call)
{
    struct s3 *s3 = call->s3;
    char date[SILT_SIGV4_DATE_LEN];
    uint8_t key[SILT_SHA256_LEN];
    silt_credentials_give(call->creds);
    call->creds = silt_credentials_take(s3->credentials);
    if (!call->creds) return false;
    silt_sigv4_date(call->req->date_ms ? call->req->date_ms : silt_wall_ms(), date);
    const struct silt_sigv4_req scope = silt_s3_scope(&s3->site, call->creds->access_key, date);
    pthread_mutex_lock(&s3->synced.lock);
    silt_sigv4_keys_get(&s3->synced.keys, &scope, &call->creds->secret_key, key);
    pthread_mutex_unlock(&s3->synced.lock);
    const struct silt_s3_creds creds = {.access_key = call->creds->access_key,
                                        .session_token = &call->creds->session_token,
                                        .signing_key = key};
    silt_s3_sign(&call->wire, &s3->site, &creds, date);
    explicit_bzero(key, sizeof key);
    return true;
}

/* The old ones expired before new ones could be had. */
static void wait_for_credentials(struct call *call)
{
    struct silt_store_req *req = call->req;
    char why[120];
    silt_credentials_why(call->s3->credentials, why, sizeof why);
    snprintf(req->text, sizeof req->text, "the credentials have expired; %s",
             why[0] ? why : "others are being fetched");
    int64_t wait_ms = next_credentials_ms(call);
    if (wait_ms >= 0)
        retry_in(call, wait_ms);
    else
        finish(call, SILT_STORE_DENIED, true);
}

static int64_t attempt_ms(const struct call *call)
{
    int64_t left_ms = deadline_ms(call->req) - (silt_mono_ms() - call->start_ms);
    if (left_ms < 1) left_ms = 1;
    return left_ms < call->wire.timeout_ms ? left_ms : call->wire.timeout_ms;
}

/* @return ms to wait first. A dated request goes at once: its date must not grow old (R7). */
static int64_t take_turn(struct call *call)
{
    struct s3 *s3 = call->s3;
    pthread_mutex_lock(&s3->synced.lock);
    int64_t wait_ms = silt_rate_take(&s3->synced.rate, silt_mono_ms());
    atomic_store(&s3->store.rate, (unsigned)s3->synced.rate.limit);
    pthread_mutex_unlock(&s3->synced.lock);
    return call->req->date_ms ? 0 : wait_ms;
}

static void send_or_stop(struct call *call)
{
    struct s3 *s3 = call->s3;
    int64_t turn_ms = take_turn(call);
    if (turn_ms > 0) {
        retry_in(call, turn_ms);
        return;
    }
    call->attempts++;
    if (!sign(call)) {
        wait_for_credentials(call);
        return;
    }
    call->req->attempts++;
    silt_http_req_done(&call->http);
    call->http = (struct silt_http_req){.method = call->wire.method,
                                        .url = silt_buf_str(&call->wire.url),
                                        .headers = call->wire.headers,
                                        .headers_n = call->wire.headers_n,
                                        .body = call->wire.body,
                                        .body_n = call->wire.body_n,
                                        .response_max = call->wire.response_max,
                                        .timeout_ms = attempt_ms(call),
                                        .stall_ms = call->wire.stall_ms,
                                        .fresh = call->fresh,
                                        .ca_file = s3->ca_file,
                                        .proxy = s3->proxy,
                                        .want_headers = silt_s3_want_headers,
                                        .owner = s3,
                                        .done = on_answer,
                                        .ctx = call};
    pthread_mutex_lock(&s3->synced.lock);
    bool stopping = s3->synced.stopping;
    if (!stopping) silt_http_submit(s3->http, &call->http);
    pthread_mutex_unlock(&s3->synced.lock);
    if (stopping) finish_stopped(call, true);
}

static void s3_submit(struct silt_store *store, struct silt_store_req *req)
{
    struct s3 *s3 = (struct s3 *)store;
    struct call *call = SILT_NEW(struct call);
    call->s3 = s3;
    call->req = req;
    call->start_ms = silt_mono_ms();
    silt_s3_build(&call->wire, &s3->site, req, NULL);
    req->priv = call;
    pthread_mutex_lock(&s3->synced.lock);
    bool stopping = s3->synced.stopping;
    s3->synced.open++;
    if (!stopping)
        list_push(req->op == SILT_OP_MPU_PART ? &s3->synced.parts : &s3->synced.small, call);
    struct call *first = stopping ? NULL : take_waiting_synced(s3);
    pthread_mutex_unlock(&s3->synced.lock);
    if (stopping) finish_stopped(call, false);
    if (first) send_or_stop(first);
}

/* --- opening and freeing --------------------------------------------------------------------- */

static void stop_waiting(struct s3 *s3)
{
    pthread_mutex_lock(&s3->synced.lock);
    s3->synced.stopping = true;
    struct call_list waiting = s3->synced.small;
    struct call_list parts = s3->synced.parts;
    s3->synced.small = s3->synced.parts = (struct call_list){0};
    pthread_mutex_unlock(&s3->synced.lock);
    for (struct call *call; (call = list_pop(&waiting));) finish_stopped(call, false);
    for (struct call *call; (call = list_pop(&parts));) finish_stopped(call, false);
}

/* Nothing is handed to the loop any more, so one cancel reaches everything. */
static void wait_idle(struct s3 *s3)
{
    pthread_mutex_lock(&s3->synced.lock);
    bool busy = s3->synced.open || s3->synced.timers;
    pthread_mutex_unlock(&s3->synced.lock);
    if (busy) silt_http_cancel(s3->http, s3);
    pthread_mutex_lock(&s3->synced.lock);
    while (s3->synced.open || s3->synced.timers)
        pthread_cond_wait(&s3->synced.idle, &s3->synced.lock);
    pthread_mutex_unlock(&s3->synced.lock);
}

static void s3_free(struct silt_store *store)
{
    struct s3 *s3 = (struct s3 *)store;
    stop_waiting(s3);
    wait_idle(s3);
    silt_sigv4_keys_done(&s3->synced.keys);
    pthread_cond_destroy(&s3->synced.idle);
    pthread_mutex_destroy(&s3->synced.lock);
    silt_s3_site_done(&s3->site);
    silt_free(s3->root);
    silt_free(s3->ca_file);
    silt_free(s3->proxy);
    silt_store_drop(&s3->store);
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

SILT_RC silt_s3_open(const struct silt_store_opts *opts, struct silt_store **ret_store,
                     struct silt_err *err)
{
    static const struct silt_store_vtable vtable = {.submit = s3_submit, .free = s3_free};
    struct silt_s3_site site;
    SILT_TRY(silt_s3_site_init(&site, opts->root, &opts->s3, err));
    SILT_ASSERT(opts->http && opts->s3.credentials);
    struct silt_rc found = silt_credentials_await(opts->s3.credentials, err);
    if (!found.ok) {
        silt_s3_site_done(&site);
        return found;
    }
    struct s3 *s3 = SILT_NEW(struct s3);
    s3->site = site;
    s3->http = opts->http;
    s3->root = silt_strdup(opts->root);
    s3->store = (struct silt_store){.vtable = &vtable, .url = s3->root};
    s3->credentials = opts->s3.credentials;
    s3->ca_file = silt_strdup(or_empty(opts->s3.ca_file));
    s3->proxy = silt_strdup(or_empty(opts->s3.proxy));
    s3->in_flight_max =
        opts->s3.concurrency > 0 ? (unsigned)opts->s3.concurrency : CONCURRENCY_DEFAULT;
    pthread_mutex_init(&s3->synced.lock, NULL);
    pthread_cond_init(&s3->synced.idle, NULL);
    *ret_store = &s3->store;
    return SILT_OK;
}
