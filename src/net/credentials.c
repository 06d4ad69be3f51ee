/* One fetch at a time, on the io thread:
 *
 *   arm ─▶ on_timer ─due─▶ begin (files, plan) ─▶ step ─SEND─▶ HTTP ─on_answer─▶ step … ─▶ end
 *    ▲                                                                                  │
 *    └──────────────────────────────────────────────────────────────────────────────────┘
 *
 * The fetch and its request belong to the io thread while `busy`; everything others see is in
 * `synced`. `stopping` is read under the lock together with each hand-over to the loop, so a cancel
 * that is sent afterwards cannot miss it.
 */
#include "net/credentials.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/random.h"
#include "net/creds_fetch_int.h"
#include "net/creds_pace_int.h"
#include "net/creds_plan_int.h"
#include "net/http.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 20)
#define ANSWER_MAX ((size_t)64 << 10)
#define CONNECT_MS 1000 /* metadata services are next door; STS has its own default */
#define LOOK_MS 60000   /* wall time may jump: never sleep longer */
#define TRIES_AT_START 3

struct silt_credentials {
    struct silt_credentials_opts opts; /* strings and secrets are own */
    struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct silt_creds *current; /* NULL: none yet */
        struct silt_creds_pace pace;
        struct silt_err failure; /* of the last fetch; code NONE when it was good */
        unsigned timers;
        bool busy;
        bool stopping;
    } synced;
    /* while busy: the io thread's */
    struct silt_creds_plan plan;
    struct silt_creds_fetch fetch;
    struct silt_http_req req;
};

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* --- sets ------------------------------------------------------------------------------------ */

void silt_credentials_give(struct silt_creds *creds)
{
    if (!creds || atomic_fetch_sub(&creds->refs, 1) > 1) return;
    silt_free(creds->access_key);
    silt_secret_done(&creds->secret_key);
    silt_secret_done(&creds->session_token);
    silt_free(creds);
}

static bool same_keys(const struct silt_creds *a, const struct silt_creds *b)
{
    return a && strcmp(a->access_key, b->access_key) == 0 &&
           strcmp(silt_secret_reveal(&a->secret_key), silt_secret_reveal(&b->secret_key)) == 0 &&
           strcmp(silt_secret_reveal(&a->session_token), silt_secret_reveal(&b->session_token)) ==
               0;
}

static void publish_synced(struct silt_credentials *credentials)
{
    struct silt_creds *found = &credentials->fetch.creds;
    struct silt_creds *old = credentials->synced.current;
    struct silt_creds *new = SILT_NEW(struct silt_creds);
    new->access_key = found->access_key;
    new->secret_key = found->secret_key;
    new->session_token = found->session_token;
    new->expires_ms = found->expires_ms;
    new->fixed = credentials->plan.fixed;
    new->generation = old ? old->generation + !same_keys(old, new) : 1;
    atomic_init(&new->refs, 1);
    *found = (struct silt_creds){0};
    credentials->synced.current = new;
    silt_credentials_give(old);
}

struct silt_creds *silt_credentials_take(struct silt_credentials *credentials)
{
    pthread_mutex_lock(&credentials->synced.lock);
    struct silt_creds *creds = credentials->synced.current;
    if (creds && creds->expires_ms && creds->expires_ms <= silt_wall_ms()) creds = NULL;
    if (creds) atomic_fetch_add(&creds->refs, 1);
    pthread_mutex_unlock(&credentials->synced.lock);
    return creds;
}

/* --- the loop -------------------------------------------------------------------------------- */

static void on_timer(void *ctx, bool stopped);

static void arm_synced(struct silt_credentials *credentials)
{
    int64_t due_ms = credentials->synced.pace.due_ms;
    if (credentials->synced.stopping || due_ms == SILT_CREDS_NEVER) return;
    int64_t wait_ms = due_ms - silt_wall_ms();
    if (wait_ms < 0) wait_ms = 0;
    credentials->synced.timers++;
    silt_http_timer(credentials->opts.http, wait_ms < LOOK_MS ? wait_ms : LOOK_MS, on_timer,
                    credentials);
}

static void tell(struct silt_credentials *credentials, const struct silt_credentials_news *news)
{
    if (credentials->opts.on_news) credentials->opts.on_news(credentials->opts.ctx, news);
}

/* Wakes who waits; the last touch of the provider, which may be freed after it. */
static void end(struct silt_credentials *credentials)
{
    silt_creds_fetch_done(&credentials->fetch);
    silt_creds_plan_done(&credentials->plan);
    pthread_mutex_lock(&credentials->synced.lock);
    credentials->synced.busy = false;
    arm_synced(credentials);
    pthread_cond_broadcast(&credentials->synced.changed);
    pthread_mutex_unlock(&credentials->synced.lock);
}

static void end_stopped(struct silt_credentials *credentials)
{
    pthread_mutex_lock(&credentials->synced.lock);
    credentials->synced.stopping = true; /* also when it was the loop that stopped */
    pthread_mutex_unlock(&credentials->synced.lock);
    end(credentials);
}

static void end_failed(struct silt_credentials *credentials, const struct silt_err *err)
{
    int64_t now_ms = silt_wall_ms();
    pthread_mutex_lock(&credentials->synced.lock);
    silt_creds_pace_failed(&credentials->synced.pace, now_ms, silt_random_u64());
    credentials->synced.failure = *err;
    int64_t again_ms = credentials->synced.pace.due_ms - now_ms;
    pthread_mutex_unlock(&credentials->synced.lock);
    tell(credentials, &(struct silt_credentials_news){.origin = or_empty(credentials->plan.origin),
                                                      .why = err->text,
                                                      .again_ms = again_ms});
    end(credentials);
}

static void end_obtained(struct silt_credentials *credentials)
{
    int64_t expires_ms = credentials->fetch.creds.expires_ms;
    pthread_mutex_lock(&credentials->synced.lock);
    silt_creds_pace_obtained(&credentials->synced.pace, silt_wall_ms(), expires_ms,
                             silt_random_u64());
    credentials->synced.failure = (struct silt_err){0};
    publish_synced(credentials);
    pthread_mutex_unlock(&credentials->synced.lock);
    tell(credentials, &(struct silt_credentials_news){.origin = credentials->plan.origin,
                                                      .expires_ms = expires_ms});
    end(credentials);
}

/* @return a new string, NULL when the file cannot be read or is longer than max. */
static char *read_file(const char *path, size_t max)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    char *text = silt_alloc(max + 1);
    size_t len = 0;
    ssize_t got;
    while (len <= max && (got = read(fd, text + len, max + 1 - len)) > 0) len += (size_t)got;
    close(fd);
    if (len <= max) {
        text[len] = '\0';
        return text;
    }
    silt_free(text);
    return NULL;
}

static void wipe(char **text)
{
    if (*text) explicit_bzero(*text, strlen(*text));
    silt_free(*text);
}

static void step(struct silt_credentials *credentials, enum silt_creds_act act,
                 struct silt_err *err);

static void on_answer(struct silt_http_req *req)
{
    struct silt_credentials *credentials = req->ctx;
    struct silt_err err = {0};
    enum silt_creds_act act = SILT_CREDS_FAILED;
    enum silt_http_outcome outcome = req->outcome;
    if (outcome == SILT_HTTP_ANSWERED)
        act = silt_creds_fetch_answer(
            &credentials->fetch, req->status,
            silt_slice_of(silt_buf_str(&req->ret_body), req->ret_body.len), silt_wall_ms(), &err);
    else
        act = silt_creds_fetch_unanswered(&credentials->fetch, req->text, &err);
    if (req->ret_body.data) explicit_bzero(req->ret_body.data, req->ret_body.cap);
    silt_http_req_done(req);
    if (outcome == SILT_HTTP_STOPPED)
        end_stopped(credentials);
    else
        step(credentials, act, &err);
}

static void submit(struct silt_credentials *credentials)
{
    const struct silt_creds_fetch *fetch = &credentials->fetch;
    bool next_door = fetch->stage != SILT_CREDS_AT_WEB && fetch->stage != SILT_CREDS_AT_HOP;
    credentials->req = (struct silt_http_req){.method = fetch->method,
                                              .url = silt_buf_str(&fetch->url),
                                              .headers = fetch->headers,
                                              .headers_n = fetch->headers_n,
                                              .body = &fetch->body_slice,
                                              .body_n = fetch->body_slice.len ? 1 : 0,
                                              .response_max = ANSWER_MAX,
                                              .connect_ms = next_door ? CONNECT_MS : 0,
                                              .timeout_ms = fetch->timeout_ms,
                                              .owner = credentials,
                                              .fresh = true,
                                              .ca_file = credentials->opts.ca_file,
                                              .proxy = next_door ? "" : credentials->opts.proxy,
                                              .done = on_answer,
                                              .ctx = credentials};
    pthread_mutex_lock(&credentials->synced.lock);
    bool stopping = credentials->synced.stopping;
    if (!stopping) silt_http_submit(credentials->opts.http, &credentials->req);
    pthread_mutex_unlock(&credentials->synced.lock);
    if (stopping) end(credentials);
}

static enum silt_creds_act read_token(struct silt_credentials *credentials, struct silt_err *err)
{
    const char *path = credentials->plan.token_file;
    char *text silt_auto(wipe) = read_file(path, SILT_CREDS_FILE_MAX);
    if (text) return silt_creds_fetch_read(&credentials->fetch, text, err);
    (void)silt_err_set(err, SILT_E_UNAVAILABLE, __FILE__, __LINE__,
                       "%.60s: %.100s cannot be read, or is longer than a token",
                       credentials->plan.origin, path);
    return SILT_CREDS_FAILED;
}

static void step(struct silt_credentials *credentials, enum silt_creds_act act,
                 struct silt_err *err)
{
    if (act == SILT_CREDS_READ) act = read_token(credentials, err);
    switch (act) {
    case SILT_CREDS_SEND: submit(credentials); break;
    case SILT_CREDS_DONE: end_obtained(credentials); break;
    default: end_failed(credentials, err);
    }
}

/* A shared file that is not there is an empty one. */
static char *read_shared(const struct silt_credentials *credentials, const char *variable,
                         const char *below_home)
{
    char *path silt_auto(silt_free_auto) =
        silt_creds_path(credentials->opts.environ, variable, below_home);
    char *text = *path ? read_file(path, FILE_MAX) : NULL;
    return text ? text : silt_strdup("");
}

static SILT_RC make_plan(struct silt_credentials *credentials, struct silt_err *err)
{
    const struct silt_credentials_opts *opts = &credentials->opts;
    char *keys silt_auto(wipe) =
        read_shared(credentials, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
    char *config silt_auto(wipe) = read_shared(credentials, "AWS_CONFIG_FILE", ".aws/config");
    const struct silt_creds_given given = {.access_key = opts->access_key,
                                           .secret_key = &opts->secret_key,
                                           .session_token = &opts->session_token,
                                           .profile = opts->profile,
                                           .role_arn = opts->role_arn,
                                           .session_name = opts->session_name,
                                           .external_id = opts->external_id,
                                           .sts_endpoint = opts->sts_endpoint,
                                           .region = opts->region,
                                           .fips = opts->fips,
                                           .environ = opts->environ,
                                           .credentials_text = keys,
                                           .config_text = config};
    return silt_creds_plan_make(&given, &credentials->plan, err);
}

/* Files and environment are read anew for every fetch, so rotated keys are found. */
static void begin(struct silt_credentials *credentials)
{
    struct silt_err err = {0};
    if (!silt_ok(make_plan(credentials, &err))) {
        end_failed(credentials, &err);
        return;
    }
    silt_creds_fetch_init(&credentials->fetch, &credentials->plan);
    step(credentials, silt_creds_fetch_begin(&credentials->fetch, silt_wall_ms(), &err), &err);
}

static void on_timer(void *ctx, bool stopped)
{
    struct silt_credentials *credentials = ctx;
    int64_t now_ms = silt_wall_ms();
    pthread_mutex_lock(&credentials->synced.lock);
    credentials->synced.timers--;
    bool idle = !stopped && !credentials->synced.stopping && !credentials->synced.busy;
    bool due = idle && credentials->synced.pace.due_ms <= now_ms;
    if (due) {
        credentials->synced.busy = true;
        silt_creds_pace_begun(&credentials->synced.pace, now_ms);
    }
    if (idle && !due && !credentials->synced.timers) arm_synced(credentials);
    pthread_cond_broadcast(&credentials->synced.changed);
    pthread_mutex_unlock(&credentials->synced.lock);
    if (due) begin(credentials);
}

bool silt_credentials_refused(struct silt_credentials *credentials, const struct silt_creds *creds)
{
    if (creds->fixed) return false;
    pthread_mutex_lock(&credentials->synced.lock);
    const struct silt_creds *current = credentials->synced.current;
    if (current && current->generation == creds->generation && !credentials->synced.busy) {
        int64_t due_ms = credentials->synced.pace.due_ms;
        silt_creds_pace_refused(&credentials->synced.pace, silt_wall_ms());
        if (credentials->synced.pace.due_ms < due_ms) arm_synced(credentials);
    }
    pthread_mutex_unlock(&credentials->synced.lock);
    return true;
}

void silt_credentials_why(struct silt_credentials *credentials, char *ret_text, size_t room)
{
    pthread_mutex_lock(&credentials->synced.lock);
    snprintf(ret_text, room, "%s", credentials->synced.failure.text);
    pthread_mutex_unlock(&credentials->synced.lock);
}

/* --- start and end --------------------------------------------------------------------------- */

static void keep(const char **text)
{
    *text = silt_strdup(or_empty(*text));
}

static void keep_opts(struct silt_credentials_opts *opts, const struct silt_credentials_opts *given)
{
    *opts = *given;
    opts->secret_key = opts->session_token = (struct silt_secret){0};
    silt_secret_copy(&opts->secret_key, &given->secret_key);
    silt_secret_copy(&opts->session_token, &given->session_token);
    keep(&opts->access_key);
    keep(&opts->profile);
    keep(&opts->role_arn);
    keep(&opts->session_name);
    keep(&opts->external_id);
    keep(&opts->sts_endpoint);
    keep(&opts->region);
    keep(&opts->ca_file);
    keep(&opts->proxy);
}

static void drop_opts(struct silt_credentials_opts *opts)
{
    const char *const texts[] = {opts->access_key,   opts->profile,     opts->role_arn,
                                 opts->session_name, opts->external_id, opts->sts_endpoint,
                                 opts->region,       opts->ca_file,     opts->proxy};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        silt_free((void *)(uintptr_t)texts[i]);
    silt_secret_done(&opts->secret_key);
    silt_secret_done(&opts->session_token);
}

struct silt_credentials *silt_credentials_new(const struct silt_credentials_opts *opts)
{
    SILT_ASSERT(opts->http);
    struct silt_credentials *credentials = SILT_NEW(struct silt_credentials);
    keep_opts(&credentials->opts, opts);
    pthread_mutex_init(&credentials->synced.lock, NULL);
    pthread_cond_init(&credentials->synced.changed, NULL);
    pthread_mutex_lock(&credentials->synced.lock);
    arm_synced(credentials);
    pthread_mutex_unlock(&credentials->synced.lock);
    return credentials;
}

static bool is_hopeless_synced(const struct silt_credentials *credentials)
{
    enum silt_code code = credentials->synced.failure.code;
    return code == SILT_E_CONFIG || code == SILT_E_AUTH ||
           credentials->synced.pace.failures >= TRIES_AT_START;
}

SILT_RC silt_credentials_await(struct silt_credentials *credentials, struct silt_err *err)
{
    pthread_mutex_lock(&credentials->synced.lock);
    while (!credentials->synced.current && !is_hopeless_synced(credentials))
        pthread_cond_wait(&credentials->synced.changed, &credentials->synced.lock);
    bool have = credentials->synced.current;
    struct silt_err failure = credentials->synced.failure;
    pthread_mutex_unlock(&credentials->synced.lock);
    if (have) return SILT_OK;
    if (err) *err = failure;
    return (struct silt_rc){false};
}

void silt_credentials_free(struct silt_credentials *credentials)
{
    if (!credentials) return;
    pthread_mutex_lock(&credentials->synced.lock);
    credentials->synced.stopping = true;
    bool active = credentials->synced.timers || credentials->synced.busy;
    pthread_mutex_unlock(&credentials->synced.lock);
    if (active) silt_http_cancel(credentials->opts.http, credentials);
    pthread_mutex_lock(&credentials->synced.lock);
    while (credentials->synced.timers || credentials->synced.busy)
        pthread_cond_wait(&credentials->synced.changed, &credentials->synced.lock);
    pthread_mutex_unlock(&credentials->synced.lock);
    silt_credentials_give(credentials->synced.current);
    pthread_cond_destroy(&credentials->synced.changed);
    pthread_mutex_destroy(&credentials->synced.lock);
    drop_opts(&credentials->opts);
    silt_free(credentials);
}
