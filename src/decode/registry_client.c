/* The way of a look-up:
 *
 *   ask ─▶ [timer: start_delayed] ─▶ submit ─▶ answered ─▶ reply_to ─▶ take
 *          when the pace says so                └─ queue full: timer, again
 *          └─ it refers to others: again, for the next of them
 *
 * `busy` counts the look-ups the io thread may still touch; free waits until it is 0.
 */
#include "registry_client_int.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/random.h"
#include "net/sigv4.h"
#include "registry_pace_int.h"
#include "registry_refs_int.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MAX ((size_t)4 << 20) /* 1 MiB of schema, escaped, and company */
#define TIMEOUT_MS 10000
#define QUEUE_FULL_MS 10

struct silt_decoder_reply {
    struct silt_http_req req;
    struct silt_registry *registry;
    int32_t id;
    char *url;
    unsigned base;   /* that was asked */
    bool has_schema; /* from here on references are fetched */
    struct silt_buf schema;
    struct silt_refs refs;
};

struct silt_registry {
    const struct silt_registry_port *port;
    struct silt_http *http;
    struct silt_queue *reply_to;
    char *bases[SILT_REGISTRY_URLS_MAX]; /* without slash at their ends */
    unsigned bases_n;
    unsigned base;   /* the one that is asked now: it stays until it fails */
    unsigned failed; /* how many failed one after the other */
    char *ca_file;
    struct silt_secret authorization;
    struct silt_http_header headers[2];
    unsigned headers_n;
    struct silt_map *open; /* id -> silt_decoder_reply, owned */
    struct silt_pace pace;
    uint64_t requests;
    uint64_t failures;
    enum silt_code last_code;
    char last_failure[160];
    struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        unsigned busy;
        bool closing;
    } synced;
};

/* --- making ---------------------------------------------------------------------------------- */

static SILT_RC check_url(const char *url, struct silt_err *err)
{
    if (!url || !url[0])
        SILT_FAIL(err, CONFIG, "the confluent framing needs the address of a schema registry");
    const char *host = NULL;
    if (strncmp(url, "http://", 7) == 0) host = url + 7;
    if (strncmp(url, "https://", 8) == 0) host = url + 8;
    if (!host || !host[0] || host[0] == '/')
        SILT_FAIL(err, CONFIG, "the schema registry's address is not http://HOST or https://HOST");
    if (strpbrk(host, "@?#"))
        SILT_FAIL(err, CONFIG,
                  "the schema registry's address may have a host, a port and a path; "
                  "user and password have options of their own");
    return SILT_OK;
}

static SILT_RC read_urls(struct silt_registry *registry, const char *urls, struct silt_err *err)
{
    if (!urls) urls = "";
    do {
        const size_t len = strcspn(urls, ",");
        if (registry->bases_n == SILT_REGISTRY_URLS_MAX)
            SILT_FAIL(err, CONFIG, "more than %d addresses of schema registries",
                      SILT_REGISTRY_URLS_MAX);
        char *url = silt_strndup(urls, len);
        registry->bases[registry->bases_n++] = url;
        SILT_TRY(check_url(url, err));
        for (size_t n = len; url[n - 1] == '/';) url[--n] = '\0';
        urls = urls[len] ? urls + len + 1 : NULL;
    } while (urls);
    return SILT_OK;
}

static void free_urls(struct silt_registry *registry)
{
    for (unsigned i = 0; i < registry->bases_n; i++) silt_free(registry->bases[i]);
}

static void set_authorization(struct silt_registry *registry, const struct silt_decoder_opts *opts)
{
    if (!opts->registry_user || !opts->registry_user[0]) return;
    char *pair =
        silt_asprintf("%s:%s", opts->registry_user, silt_secret_reveal(&opts->registry_password));
    size_t len = strlen(pair);
    char *encoded = silt_alloc(SILT_BASE64_LEN(len));
    silt_base64(pair, len, encoded);
    char *value = silt_asprintf("Basic %s", encoded);
    silt_secret_set(&registry->authorization, value);
    explicit_bzero(pair, len);
    explicit_bzero(encoded, strlen(encoded));
    explicit_bzero(value, strlen(value));
    silt_free(pair);
    silt_free(encoded);
    silt_free(value);
    registry->headers[registry->headers_n++] =
        (struct silt_http_header){"Authorization", silt_secret_reveal(&registry->authorization)};
}

SILT_RC silt_registry_new(const struct silt_decoder_opts *opts,
                          const struct silt_registry_port *port,
                          struct silt_registry **ret_registry, struct silt_err *err)
{
    struct silt_registry *registry = SILT_NEW(struct silt_registry);
    if (!silt_ok(read_urls(registry, opts->registry_url, err))) {
        free_urls(registry);
        silt_free(registry);
        return (struct silt_rc){false};
    }
    registry->port = port;
    registry->http = opts->http;
    registry->reply_to = opts->reply_to;
    registry->ca_file = opts->ca_file ? silt_strdup(opts->ca_file) : NULL;
    registry->headers[registry->headers_n++] =
        (struct silt_http_header){"Accept", "application/vnd.schemaregistry.v1+json"};
    set_authorization(registry, opts);
    registry->open = silt_map_new();
    pthread_mutex_init(&registry->synced.lock, NULL);
    pthread_cond_init(&registry->synced.changed, NULL);
    *ret_registry = registry;
    return SILT_OK;
}

static void answered(struct silt_http_req *req);

/* Takes the url. */
static void prepare(struct silt_registry *registry, char *url, struct silt_decoder_reply *lookup)
{
    static const char *const want_headers[] = {"retry-after", NULL};
    silt_http_req_done(&lookup->req);
    silt_free(lookup->url);
    lookup->registry = registry;
    lookup->base = registry->base;
    lookup->url = url;
    lookup->req = (struct silt_http_req){.method = "GET",
                                         .url = lookup->url,
                                         .headers = registry->headers,
                                         .headers_n = registry->headers_n,
                                         .response_max = ANSWER_MAX,
                                         .timeout_ms = TIMEOUT_MS,
                                         .owner = lookup,
                                         .fresh = registry->pace.failures > 0,
                                         .ca_file = registry->ca_file,
                                         .want_headers = want_headers,
                                         .done = answered,
                                         .ctx = lookup};
}

static char *subject_url(const struct silt_registry *registry, const char *subject,
                         const char *version)
{
    struct silt_buf url;
    size_t len;
    silt_buf_init(&url, SILT_BUF_MAX_DEFAULT);
    (void)silt_buf_printf(&url, "%s/subjects/", registry->bases[registry->base]);
    silt_sigv4_encode(&url, subject, false);
    (void)silt_buf_printf(&url, "/versions/%s", version);
    return (char *)silt_buf_take(&url, &len);
}

/* The next request of a look-up: for its schema, or for what that refers to. */
static void prepare_next(struct silt_registry *registry, struct silt_decoder_reply *lookup)
{
    const struct silt_reference *wanted = silt_refs_wanted(&lookup->refs);
    char version[12];
    registry->requests++;
    if (!wanted) {
        const char *base = registry->bases[registry->base];
        prepare(registry, silt_asprintf("%s/schemas/ids/%d", base, lookup->id), lookup);
        return;
    }
    snprintf(version, sizeof version, "%d", wanted->version);
    prepare(registry, subject_url(registry, wanted->subject, version), lookup);
}

static void lookup_done(struct silt_decoder_reply *lookup)
{
    silt_http_req_done(&lookup->req);
    silt_free(lookup->url);
    silt_buf_done(&lookup->schema);
    silt_refs_done(&lookup->refs);
}

static void lookup_free(struct silt_decoder_reply *lookup)
{
    lookup_done(lookup);
    silt_free(lookup);
}

/* --- io thread ------------------------------------------------------------------------------- */

static void finish_synced(struct silt_registry *registry)
{
    registry->synced.busy--;
    pthread_cond_signal(&registry->synced.changed);
}

/* The last touch of the io thread: after a successful push the owner thread may free the look-up,
 * after finish_synced it may free the registry. @return false when the queue is full. */
static bool hand_over(struct silt_decoder_reply *lookup, bool stopped)
{
    struct silt_registry *registry = lookup->registry;
    pthread_mutex_lock(&registry->synced.lock);
    bool done =
        stopped || registry->synced.closing || silt_queue_try_push(registry->reply_to, lookup);
    if (done) finish_synced(registry);
    pthread_mutex_unlock(&registry->synced.lock);
    return done;
}

static void hand_over_later(void *ctx, bool stopped)
{
    struct silt_decoder_reply *lookup = ctx;
    struct silt_registry *registry = lookup->registry;
    if (hand_over(lookup, stopped)) return;
    registry->port->timer(registry->http, QUEUE_FULL_MS, hand_over_later, lookup);
}

static void answered(struct silt_http_req *req)
{
    hand_over_later(req->ctx, false);
}

static void start_delayed(void *ctx, bool stopped)
{
    struct silt_decoder_reply *lookup = ctx;
    if (!stopped) {
        lookup->registry->port->submit(lookup->registry->http, &lookup->req);
        return;
    }
    lookup->req.outcome = SILT_HTTP_STOPPED;
    answered(&lookup->req);
}

/* --- owner thread ---------------------------------------------------------------------------- */

static void start(struct silt_registry *registry, struct silt_decoder_reply *lookup)
{
    prepare_next(registry, lookup);
    pthread_mutex_lock(&registry->synced.lock);
    registry->synced.busy++;
    pthread_mutex_unlock(&registry->synced.lock);
    int64_t delay = silt_pace_delay(&registry->pace, registry->port->now_ms());
    if (delay > 0) {
        registry->port->timer(registry->http, delay, start_delayed, lookup);
        return;
    }
    registry->port->submit(registry->http, &lookup->req);
}

void silt_registry_ask(struct silt_registry *registry, int32_t id)
{
    if (silt_map_get(registry->open, &id, sizeof id)) return;
    if (silt_map_len(registry->open) >= SILT_LOOKUPS_MAX) return;
    struct silt_decoder_reply *lookup = SILT_NEW(struct silt_decoder_reply);
    lookup->id = id;
    silt_map_put(registry->open, &id, sizeof id, lookup);
    start(registry, lookup);
}

static void read_answer(const struct silt_http_req *req, struct silt_registry_answer *ret_answer)
{
    static const enum silt_code codes[] = {[SILT_HTTP_NO_CONNECT] = SILT_E_CONNECT,
                                           [SILT_HTTP_TIMEOUT] = SILT_E_TIMEOUT,
                                           [SILT_HTTP_CUT] = SILT_E_NETWORK,
                                           [SILT_HTTP_STOPPED] = SILT_E_STOPPED};
    if (req->outcome == SILT_HTTP_ANSWERED) {
        silt_registry_read(req->status, silt_buf_slice(&req->ret_body), ret_answer);
        return;
    }
    *ret_answer =
        (struct silt_registry_answer){.kind = SILT_REGISTRY_OUTAGE, .code = codes[req->outcome]};
    snprintf(ret_answer->text, sizeof ret_answer->text, "%s", req->text);
}

static int64_t retry_after_ms(const struct silt_http_req *req)
{
    const char *text = silt_http_answer_header(req, "retry-after");
    long seconds = text ? strtol(text, NULL, 10) : 0; /* a date reads as its day or as 0 */
    return seconds > 0 && seconds < 3600 ? seconds * 1000 : 0;
}

/* @return false when all have failed. */
static bool turn_to_the_next(struct silt_registry *registry,
                             const struct silt_decoder_reply *lookup)
{
    if (lookup->base != registry->base) return true; /* somebody else did */
    registry->base = (registry->base + 1) % registry->bases_n;
    registry->failed = (registry->failed + 1) % registry->bases_n;
    return registry->failed != 0;
}

/* @return 0: ask again when needed; or the end of the pause. */
static int64_t note(struct silt_registry *registry, const struct silt_decoder_reply *lookup,
                    const struct silt_registry_answer *answer)
{
    if (answer->kind != SILT_REGISTRY_OUTAGE) {
        silt_pace_answered(&registry->pace);
        registry->failed = 0;
        return 0;
    }
    registry->failures++;
    registry->last_code = answer->code;
    snprintf(registry->last_failure, sizeof registry->last_failure, "schema %d: %s", lookup->id,
             answer->text);
    if (turn_to_the_next(registry, lookup)) return 0;
    return silt_pace_failed(&registry->pace, registry->port->now_ms(), retry_after_ms(&lookup->req),
                            silt_random_u64());
}

/* Keeps what was found, and what it refers to. */
static SILT_RC keep(struct silt_decoder_reply *lookup, struct silt_registry_answer *found,
                    struct silt_err *err)
{
    if (lookup->has_schema)
        SILT_TRY(silt_refs_fetched(&lookup->refs, &found->schema, err));
    else
        lookup->schema = found->schema;
    lookup->has_schema = true;
    found->schema = (struct silt_buf){0};
    return silt_refs_add(&lookup->refs, found->references, found->references_n, err);
}

static SILT_RC put_together(struct silt_decoder_reply *lookup, struct silt_registry_answer *answer,
                            struct silt_err *err)
{
    SILT_TRY(keep(lookup, answer, err));
    silt_registry_answer_done(answer);
    if (silt_refs_wanted(&lookup->refs)) {
        answer->kind = SILT_REGISTRY_MORE;
        return SILT_OK;
    }
    if (lookup->refs.n) SILT_TRY(silt_refs_compose(&lookup->refs, &lookup->schema, err));
    answer->schema = lookup->schema;
    lookup->schema = (struct silt_buf){0};
    return SILT_OK;
}

/* From what one request found to what the look-up has found. */
static void gather(struct silt_decoder_reply *lookup, struct silt_registry_answer *answer)
{
    struct silt_err err;
    const struct silt_reference *wanted = silt_refs_wanted(&lookup->refs);
    if (answer->kind == SILT_REGISTRY_UNKNOWN && wanted) {
        char why[120];
        snprintf(why, sizeof why, "it refers to %.60s version %d, which the registry does not know",
                 wanted->subject, wanted->version);
        silt_registry_refuse(answer, why);
    }
    if (answer->kind == SILT_REGISTRY_FOUND && !silt_ok(put_together(lookup, answer, &err)))
        silt_registry_refuse(answer, err.text);
}

int64_t silt_registry_take(struct silt_registry *registry, struct silt_decoder_reply *reply,
                           int32_t *ret_id, struct silt_registry_answer *ret_answer)
{
    *ret_id = reply->id;
    read_answer(&reply->req, ret_answer);
    int64_t wait = note(registry, reply, ret_answer);
    gather(reply, ret_answer);
    if (ret_answer->kind == SILT_REGISTRY_MORE) {
        start(registry, reply);
        return wait;
    }
    silt_map_remove(registry->open, &reply->id, sizeof reply->id);
    lookup_free(reply);
    return wait;
}

SILT_RC silt_registry_call(struct silt_registry *registry, int32_t id,
                           struct silt_registry_answer *ret_answer, struct silt_err *err)
{
    struct silt_decoder_reply lookup = {.id = id};
    unsigned failures = 0;
    do {
        prepare_next(registry, &lookup);
        registry->port->call(registry->http, &lookup.req);
        read_answer(&lookup.req, ret_answer);
        note(registry, &lookup, ret_answer);
        gather(&lookup, ret_answer);
        failures += ret_answer->kind == SILT_REGISTRY_OUTAGE;
    } while (ret_answer->kind == SILT_REGISTRY_MORE ||
             (ret_answer->kind == SILT_REGISTRY_OUTAGE && failures < registry->bases_n));
    int64_t asked_ms = retry_after_ms(&lookup.req);
    lookup_done(&lookup);
    if (ret_answer->kind == SILT_REGISTRY_FOUND) return SILT_OK;
    struct silt_rc rc = silt_err_set(err, ret_answer->code, __FILE__, __LINE__, "schema %d: %s", id,
                                     ret_answer->text);
    if (err) err->retry_after_ms = asked_ms;
    return rc;
}

SILT_RC silt_registry_latest(struct silt_registry *registry, const char *subject, int32_t *ret_id,
                             struct silt_err *err)
{
    struct silt_decoder_reply lookup = {0};
    struct silt_registry_answer answer;
    prepare(registry, subject_url(registry, subject, "latest"), &lookup);
    registry->port->call(registry->http, &lookup.req);
    read_answer(&lookup.req, &answer);
    lookup_done(&lookup);
    const int32_t id = answer.id;
    silt_registry_answer_done(&answer);
    if (answer.kind == SILT_REGISTRY_UNKNOWN)
        SILT_FAIL(err, NOT_FOUND, "the registry does not know the subject %s", subject);
    if (answer.kind != SILT_REGISTRY_FOUND)
        return silt_err_set(err, answer.code, __FILE__, __LINE__, "subject %s: %s", subject,
                            answer.text);
    if (id < 0) SILT_FAIL(err, PROTOCOL, "subject %s: the answer names no id", subject);
    *ret_id = id;
    return SILT_OK;
}

void silt_registry_stats(const struct silt_registry *registry, struct silt_decoder_stats *ret)
{
    ret->registry_requests = registry->requests;
    ret->registry_failures = registry->failures;
    ret->last_code = registry->last_code;
    memcpy(ret->last_failure, registry->last_failure, sizeof ret->last_failure);
}

static struct silt_decoder_reply *next_open(struct silt_registry *registry, size_t *pos)
{
    return silt_map_next(registry->open, pos, NULL, NULL);
}

/* Nothing busy means that the io loop may be gone already: it is not called then. */
static void close_open(struct silt_registry *registry)
{
    pthread_mutex_lock(&registry->synced.lock);
    registry->synced.closing = true;
    bool busy = registry->synced.busy > 0;
    pthread_mutex_unlock(&registry->synced.lock);
    size_t pos = 0;
    for (struct silt_decoder_reply *lookup; busy && (lookup = next_open(registry, &pos));)
        registry->port->cancel(registry->http, lookup);
    pthread_mutex_lock(&registry->synced.lock);
    while (registry->synced.busy > 0)
        pthread_cond_wait(&registry->synced.changed, &registry->synced.lock);
    pthread_mutex_unlock(&registry->synced.lock);
}

void silt_registry_free(struct silt_registry *registry)
{
    if (!registry) return;
    close_open(registry);
    size_t pos = 0;
    for (struct silt_decoder_reply *lookup; (lookup = next_open(registry, &pos));)
        lookup_free(lookup);
    silt_map_free(registry->open);
    pthread_cond_destroy(&registry->synced.changed);
    pthread_mutex_destroy(&registry->synced.lock);
    silt_secret_done(&registry->authorization);
    free_urls(registry);
    silt_free(registry->ca_file);
    silt_free(registry);
}
