/* The loop: what is handed over waits in `synced` until the io thread takes it; everything below
 * "io thread only" is never touched by another one.
 *
 *   submit ─▶ synced.reqs ─take─▶ waiting ─start─▶ active (curl multi) ─finish─▶ done(req)
 *   timer  ─▶ synced.timers ─take─▶ timers (by due time) ─fire─▶ fn(ctx, stopped)
 *   cancel ─▶ synced.cancels ─take─▶ ends what its owner has in waiting, active and timers
 *
 * Requests wait here and not inside libcurl, because there the waiting would count against their
 * timeouts. Lists are bounded by what their owners keep open: a request is its owner's memory.
 */
#include "net/http.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/thread.h"
#include "net/http_int.h"
#include "net/waiter.h"

#include <stdio.h>
#include <string.h>

#define CONNECTIONS_MAX_DEFAULT 64
#define HOST_CONNECTIONS_MAX_DEFAULT 32
#define HANDLES_KEPT 64
#define IDLE_POLL_MS 1000 /* also what a lost wake-up costs */

struct timer {
    struct timer *next;
    int64_t due_ms;
    void (*fn)(void *ctx, bool stopped);
    void *ctx;
};

struct cancel { /* on the stack of who waits for it */
    struct cancel *next;
    const void *owner;
    struct silt_waiter waiter;
};

/* A queue of requests, linked through their `priv`. */
struct req_list {
    struct silt_http_req *first;
    struct silt_http_req *last;
};

struct silt_http {
    CURLM *multi;
    pthread_t thread;
    int active_max;
    struct {
        pthread_mutex_t lock;
        struct req_list reqs;
        struct timer *timers;
        struct cancel *cancels;
        bool stop;
    } synced;
    /* io thread only */
    struct req_list waiting;
    struct silt_http_transfer active; /* head of a ring */
    int active_n;
    struct timer *timers;
    CURL *handles[HANDLES_KEPT];
    int handles_n;
};

static void list_push(struct req_list *list, struct silt_http_req *req)
{
    req->priv = NULL;
    if (list->last)
        list->last->priv = req;
    else
        list->first = req;
    list->last = req;
}

static struct silt_http_req *list_pop(struct req_list *list)
{
    struct silt_http_req *req = list->first;
    if (!req) return NULL;
    list->first = req->priv;
    if (!list->first) list->last = NULL;
    req->priv = NULL;
    return req;
}

/* --- handles and transfers ------------------------------------------------------------------- */

static CURL *handle_take(struct silt_http *http)
{
    if (http->handles_n) return http->handles[--http->handles_n];
    CURL *easy = curl_easy_init();
    silt_alloc_expect(easy, "libcurl");
    return easy;
}

/* A handle whose transfer failed is not used again: some of its state survives a reset (the rewind
 * flag, curl issues 18206 and 17139; its receive buffer). The connections belong to the multi
 * handle and are kept either way. */
static void handle_give(struct silt_http *http, CURL *easy, bool failed)
{
    if (!failed && http->handles_n < HANDLES_KEPT)
        http->handles[http->handles_n++] = easy;
    else
        curl_easy_cleanup(easy);
}

static void answer_stopped(struct silt_http_req *req)
{
    req->outcome = SILT_HTTP_STOPPED;
    snprintf(req->text, sizeof req->text, "stopped");
    req->done(req);
}

static void transfer_start(struct silt_http *http, struct silt_http_req *req)
{
    struct silt_http_transfer *transfer = SILT_NEW(struct silt_http_transfer);
    silt_http_transfer_prepare(transfer, handle_take(http), req);
    transfer->next = &http->active;
    transfer->prev = http->active.prev;
    transfer->prev->next = transfer;
    http->active.prev = transfer;
    http->active_n++;
    silt_alloc_expect(curl_multi_add_handle(http->multi, transfer->easy) == CURLM_OK, "libcurl");
}

static struct silt_http_req *transfer_end(struct silt_http *http,
                                          struct silt_http_transfer *transfer, bool failed)
{
    struct silt_http_req *req = transfer->req;
    curl_multi_remove_handle(http->multi, transfer->easy);
    handle_give(http, transfer->easy, failed);
    transfer->prev->next = transfer->next;
    transfer->next->prev = transfer->prev;
    http->active_n--;
    silt_http_transfer_done(transfer);
    return req;
}

static void start_waiting(struct silt_http *http)
{
    while (http->waiting.first && http->active_n < http->active_max)
        transfer_start(http, list_pop(&http->waiting));
}

static void finish_answered(struct silt_http *http)
{
    int left;
    for (CURLMsg *msg; (msg = curl_multi_info_read(http->multi, &left));) {
        if (msg->msg != CURLMSG_DONE) continue;
        struct silt_http_transfer *transfer;
        CURLcode result = msg->data.result; /* msg dies with the removal of its handle */
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &transfer);
        silt_http_transfer_answer(transfer, result);
        struct silt_http_req *req = transfer_end(http, transfer, result != CURLE_OK);
        req->done(req);
    }
}

/* --- timers ---------------------------------------------------------------------------------- */

static void timer_insert(struct silt_http *http, struct timer *timer)
{
    struct timer **at = &http->timers;
    while (*at && (*at)->due_ms <= timer->due_ms) at = &(*at)->next;
    timer->next = *at;
    *at = timer;
}

static void timer_fire(struct timer *timer, bool stopped)
{
    timer->fn(timer->ctx, stopped);
    silt_free(timer);
}

static void fire_due(struct silt_http *http, int64_t now_ms)
{
    while (http->timers && http->timers->due_ms <= now_ms) {
        struct timer *timer = http->timers;
        http->timers = timer->next;
        timer_fire(timer, false);
    }
}

static int poll_ms(const struct silt_http *http)
{
    if (!http->timers) return IDLE_POLL_MS;
    int64_t in_ms = http->timers->due_ms - silt_mono_ms();
    if (in_ms <= 0) return 0;
    return in_ms < IDLE_POLL_MS ? (int)in_ms : IDLE_POLL_MS;
}

/* --- cancelling: owner NULL means everybody -------------------------------------------------- */

static void cancel_waiting(struct silt_http *http, const void *owner)
{
    struct req_list all = http->waiting;
    struct req_list hit = {0};
    http->waiting = (struct req_list){0};
    for (struct silt_http_req *req; (req = list_pop(&all));)
        list_push(!owner || req->owner == owner ? &hit : &http->waiting, req);
    for (struct silt_http_req *req; (req = list_pop(&hit));) answer_stopped(req);
}

static void cancel_active(struct silt_http *http, const void *owner)
{
    struct silt_http_transfer *next;
    for (struct silt_http_transfer *it = http->active.next; it != &http->active; it = next) {
        next = it->next;
        if (owner && it->req->owner != owner) continue;
        answer_stopped(transfer_end(http, it, true));
    }
}

static void cancel_timers(struct silt_http *http, const void *owner)
{
    struct timer *hit = NULL;
    for (struct timer **at = &http->timers; *at;) {
        struct timer *timer = *at;
        if (owner && timer->ctx != owner) {
            at = &timer->next;
            continue;
        }
        *at = timer->next;
        timer->next = hit;
        hit = timer;
    }
    while (hit) {
        struct timer *timer = hit;
        hit = timer->next;
        timer_fire(timer, true);
    }
}

static void cancel_owner(struct silt_http *http, const void *owner)
{
    cancel_waiting(http, owner);
    cancel_active(http, owner);
    cancel_timers(http, owner);
}

/* --- the loop -------------------------------------------------------------------------------- */

static struct silt_http_req *take_reqs_synced(struct silt_http *http)
{
    struct silt_http_req *first = http->synced.reqs.first;
    http->synced.reqs = (struct req_list){0};
    return first;
}

/* @return whether the loop is to stop. */
static bool take_handed_over(struct silt_http *http, bool *ret_any)
{
    pthread_mutex_lock(&http->synced.lock);
    struct req_list reqs = {.first = take_reqs_synced(http)};
    struct timer *timers = http->synced.timers;
    struct cancel *cancels = http->synced.cancels;
    http->synced.timers = NULL;
    http->synced.cancels = NULL;
    bool stop = http->synced.stop;
    pthread_mutex_unlock(&http->synced.lock);

    *ret_any = reqs.first || timers || cancels;
    for (struct silt_http_req *req; (req = list_pop(&reqs));) list_push(&http->waiting, req);
    while (timers) {
        struct timer *timer = timers;
        timers = timer->next;
        timer_insert(http, timer);
    }
    while (cancels) {
        struct cancel *cancel = cancels;
        cancels = cancel->next;
        cancel_owner(http, cancel->owner);
        silt_waiter_wake(&cancel->waiter);
    }
    return stop;
}

static void *loop(void *ctx)
{
    struct silt_http *http = ctx;
    int running;
    bool any;
    while (!take_handed_over(http, &any)) {
        fire_due(http, silt_mono_ms());
        start_waiting(http);
        silt_alloc_expect(curl_multi_perform(http->multi, &running) == CURLM_OK, "libcurl");
        finish_answered(http);
        /* Finishing may have freed places, and what waits must not sleep with the poll. */
        bool ready = http->waiting.first && http->active_n < http->active_max;
        CURLMcode polled = curl_multi_poll(http->multi, NULL, 0, ready ? 0 : poll_ms(http), NULL);
        silt_alloc_expect(polled == CURLM_OK, "libcurl");
    }
    /* Whoever is answered may hand over again: until nothing comes. */
    do {
        cancel_owner(http, NULL);
        take_handed_over(http, &any);
    } while (any);
    return NULL;
}

/* --- any thread ------------------------------------------------------------------------------ */

static void global_init(void)
{
    silt_alloc_expect(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "libcurl");
}

static void set_multi(CURLM *multi, const struct silt_http_opts *opts, int connections_max)
{
    int host =
        opts->host_connections_max ? opts->host_connections_max : HOST_CONNECTIONS_MAX_DEFAULT;
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)host);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)connections_max);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
}

static void http_free(struct silt_http *http)
{
    while (http->handles_n) curl_easy_cleanup(http->handles[--http->handles_n]);
    curl_multi_cleanup(http->multi);
    pthread_mutex_destroy(&http->synced.lock);
    silt_free(http);
}

/* A multi handle that found no descriptor for its wake-ups lives on without: nobody would be heard.
 */
static SILT_RC start_loop(struct silt_http *http, struct silt_err *err)
{
    if (curl_multi_wakeup(http->multi) != CURLM_OK)
        SILT_FAIL(err, UNAVAILABLE,
                  "the io thread cannot be woken; raise the limit of open files (ulimit -n)");
    return silt_thread_start(&http->thread, "silt-io", loop, http, err);
}

SILT_RC silt_http_start(const struct silt_http_opts *opts, struct silt_http **ret_http,
                        struct silt_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, global_init);
    struct silt_http *http = SILT_NEW(struct silt_http);
    http->active_max = opts->connections_max ? opts->connections_max : CONNECTIONS_MAX_DEFAULT;
    http->active.next = http->active.prev = &http->active;
    http->multi = curl_multi_init();
    silt_alloc_expect(http->multi, "libcurl");
    set_multi(http->multi, opts, http->active_max);
    pthread_mutex_init(&http->synced.lock, NULL);
    struct silt_rc rc = start_loop(http, err);
    if (rc.ok)
        *ret_http = http;
    else
        http_free(http);
    return rc;
}

void silt_http_submit(struct silt_http *http, struct silt_http_req *req)
{
    SILT_ASSERT(req->method && req->url && req->done);
    pthread_mutex_lock(&http->synced.lock);
    list_push(&http->synced.reqs, req);
    pthread_mutex_unlock(&http->synced.lock);
    curl_multi_wakeup(http->multi);
}

static void wake_caller(struct silt_http_req *req)
{
    silt_waiter_wake(req->ctx);
}

void silt_http_call(struct silt_http *http, struct silt_http_req *req)
{
    struct silt_waiter waiter;
    void *ctx = req->ctx;
    silt_waiter_init(&waiter);
    req->done = wake_caller;
    req->ctx = &waiter;
    silt_http_submit(http, req);
    silt_waiter_wait(&waiter);
    req->ctx = ctx;
}

void silt_http_timer(struct silt_http *http, int64_t delay_ms, void (*fn)(void *ctx, bool stopped),
                     void *ctx)
{
    struct timer *timer = SILT_NEW(struct timer);
    *timer = (struct timer){.due_ms = silt_mono_ms() + delay_ms, .fn = fn, .ctx = ctx};
    pthread_mutex_lock(&http->synced.lock);
    timer->next = http->synced.timers;
    http->synced.timers = timer;
    pthread_mutex_unlock(&http->synced.lock);
    curl_multi_wakeup(http->multi);
}

void silt_http_cancel(struct silt_http *http, const void *owner)
{
    SILT_ASSERT(owner && !pthread_equal(pthread_self(), http->thread));
    struct cancel cancel = {.owner = owner};
    silt_waiter_init(&cancel.waiter);
    pthread_mutex_lock(&http->synced.lock);
    cancel.next = http->synced.cancels;
    http->synced.cancels = &cancel;
    pthread_mutex_unlock(&http->synced.lock);
    curl_multi_wakeup(http->multi);
    silt_waiter_wait(&cancel.waiter);
}

void silt_http_stop(struct silt_http *http)
{
    if (!http) return;
    pthread_mutex_lock(&http->synced.lock);
    http->synced.stop = true;
    pthread_mutex_unlock(&http->synced.lock);
    curl_multi_wakeup(http->multi);
    silt_thread_join(http->thread);
    http_free(http);
}

void silt_http_req_done(struct silt_http_req *req)
{
    if (!req) return;
    silt_buf_done(&req->ret_body);
    for (unsigned i = 0; i < SILT_HTTP_HEADERS_KEPT; i++) {
        silt_free(req->ret_headers[i]);
        req->ret_headers[i] = NULL;
    }
}

const char *silt_http_answer_header(const struct silt_http_req *req, const char *name)
{
    if (!req->want_headers) return NULL;
    for (unsigned i = 0; i < SILT_HTTP_HEADERS_KEPT && req->want_headers[i]; i++)
        if (strcmp(req->want_headers[i], name) == 0) return req->ret_headers[i];
    return NULL;
}
