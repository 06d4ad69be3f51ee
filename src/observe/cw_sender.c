#include "observe/cw_sender_int.h"

#include "base/alloc.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "net/credentials.h"
#include "net/sigv4.h"
#include "observe/cloudwatch_int.h"
#include "observe/spool_int.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#define REQUEST_MS 10000
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 60000
#define IDLE_MS 3600000
#define HEADERS_MAX 8

struct document {
    struct silt_spool_item spool;
    size_t len;
    uint8_t gzip[];
};

struct silt_cw_sender {
    struct silt_cw_sender_opts opts;
    char *url;
    char *host;
    char *region;
    char *ca_file;
    char *proxy;
    struct silt_spool *spool;
    struct silt_sigv4_keys keys;
    /* the document on its way: request, its headers and what they point to */
    struct document *open;
    struct silt_http_req req;
    struct silt_http_header headers[HEADERS_MAX];
    struct silt_slice body;
    struct silt_buf authorization;
    char date[SILT_SIGV4_DATE_LEN];
    char hash[SILT_SHA256_HEX];
    struct silt_creds *creds; /* it was signed with */
    unsigned attempt;
    int64_t next_attempt_ms;
    bool in_flight;
    struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool answered;
    } synced;
};

static void make_url(struct silt_cw_sender *sender)
{
    const char *region = sender->opts.region;
    const char *endpoint = sender->opts.endpoint;
    if (endpoint && endpoint[0])
        sender->url =
            silt_asprintf("%s%s", endpoint, endpoint[strlen(endpoint) - 1] == '/' ? "" : "/");
    else
        sender->url = silt_asprintf("https://monitoring.%s.amazonaws.com%s/", region,
                                    strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
    const char *scheme_end = strstr(sender->url, "://");
    const char *host = scheme_end ? scheme_end + 3 : sender->url;
    sender->host = silt_strndup(host, strcspn(host, "/"));
}

struct silt_cw_sender *silt_cw_sender_new(const struct silt_cw_sender_opts *opts)
{
    struct silt_cw_sender *sender = SILT_NEW(struct silt_cw_sender);
    sender->opts = *opts;
    sender->region = silt_strdup(opts->region);
    sender->ca_file = silt_strdup(opts->ca_file ? opts->ca_file : "");
    sender->proxy = silt_strdup(opts->proxy ? opts->proxy : "");
    make_url(sender);
    sender->spool = silt_spool_new(&opts->spool_bytes, 1);
    silt_buf_init(&sender->authorization, 4096);
    pthread_mutex_init(&sender->synced.lock, NULL);
    pthread_cond_init(&sender->synced.changed, NULL);
    return sender;
}

/* RFC 1952; CloudWatch's service model allows it for PutMetricData. @return bytes written. */
static size_t gzip(struct silt_slice from, uint8_t *to, size_t room)
{
    z_stream z = {0};
    int rc = deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    SILT_ASSERT(rc == Z_OK);
    z.next_in = from.ptr;
    z.avail_in = (uInt)from.len;
    z.next_out = to;
    z.avail_out = (uInt)room;
    rc = deflate(&z, Z_FINISH);
    SILT_ASSERT(rc == Z_STREAM_END);
    size_t len = z.total_out;
    deflateEnd(&z);
    return len;
}

static void count_dropped(struct silt_cw_sender *sender, unsigned documents)
{
    silt_metrics_add(sender->opts.metrics, SILT_GAUGE_SPOOL_DROPPED, documents);
    silt_output_dropped(sender->opts.output, documents);
}

void silt_cw_sender_push(struct silt_cw_sender *sender, struct silt_slice json)
{
    size_t room = compressBound((uLong)json.len) + 18; /* header and trailer of gzip */
    struct document *document = silt_alloc(sizeof *document + room);
    document->len = gzip(json, document->gzip, room);
    document = silt_realloc(document, sizeof *document + document->len);
    document->spool =
        (struct silt_spool_item){.bytes = sizeof *document + document->len, .rows = 1};
    count_dropped(sender, silt_spool_push(sender->spool, &document->spool));
}

static void answered(struct silt_http_req *req)
{
    struct silt_cw_sender *sender = req->ctx;
    /* the last touch: once `answered` is seen, the sender may be gone */
    void (*wake)(void *) = sender->opts.wake;
    void *wake_ctx = sender->opts.wake_ctx;
    pthread_mutex_lock(&sender->synced.lock);
    sender->synced.answered = true;
    pthread_cond_signal(&sender->synced.changed);
    wake(wake_ctx);
    pthread_mutex_unlock(&sender->synced.lock);
}

static void sign(struct silt_cw_sender *sender, unsigned headers_n)
{
    const struct silt_sigv4_req req = {.access_key = sender->creds->access_key,
                                       .region = sender->region,
                                       .service = "monitoring",
                                       .date = sender->date,
                                       .method = "POST",
                                       .path = "/",
                                       .headers = sender->headers,
                                       .headers_n = headers_n,
                                       .payload_hash = sender->hash};
    uint8_t key[SILT_SHA256_LEN];
    silt_sigv4_keys_get(&sender->keys, &req, &sender->creds->secret_key, key);
    silt_buf_clear(&sender->authorization);
    silt_sigv4_sign(&sender->authorization, &req, key);
    explicit_bzero(key, sizeof key);
}

static void add_header(struct silt_cw_sender *sender, unsigned *n, const char *name,
                       const char *value)
{
    sender->headers[(*n)++] = (struct silt_http_header){name, value};
}

static void start(struct silt_cw_sender *sender)
{
    unsigned n = 0;
    sender->body = silt_slice_of(sender->open->gzip, sender->open->len);
    silt_sigv4_date(silt_wall_ms(), sender->date);
    silt_sha256_hex(sender->body.ptr, sender->body.len, sender->hash);
    add_header(sender, &n, "Host", sender->host);
    add_header(sender, &n, "Content-Type", "application/x-amz-json-1.0");
    add_header(sender, &n, "Content-Encoding", "gzip");
    add_header(sender, &n, "X-Amz-Date", sender->date);
    add_header(sender, &n, "X-Amz-Target", "GraniteServiceVersion20100801.PutMetricData");
    if (silt_secret_is_set(&sender->creds->session_token))
        add_header(sender, &n, "X-Amz-Security-Token",
                   silt_secret_reveal(&sender->creds->session_token));
    sign(sender, n);
    pthread_mutex_lock(&sender->synced.lock);
    sender->synced.answered = false;
    pthread_mutex_unlock(&sender->synced.lock);
    add_header(sender, &n, "Authorization", silt_buf_str(&sender->authorization));
    sender->req = (struct silt_http_req){.method = "POST",
                                         .url = sender->url,
                                         .headers = sender->headers,
                                         .headers_n = n,
                                         .body = &sender->body,
                                         .body_n = 1,
                                         .response_max = 65536,
                                         .timeout_ms = REQUEST_MS,
                                         .owner = sender,
                                         .fresh = sender->attempt > 0,
                                         .ca_file = sender->ca_file,
                                         .proxy = sender->proxy,
                                         .done = answered,
                                         .ctx = sender};
    sender->in_flight = true;
    silt_http_submit(sender->opts.http, &sender->req);
}

static void forget(struct silt_cw_sender *sender)
{
    silt_free(sender->open);
    sender->open = NULL;
    sender->attempt = 0;
}

static void hold(struct silt_cw_sender *sender, const char *why, int64_t now_ms)
{
    const struct silt_backoff_opts backoff = {
        .first_ms = BACKOFF_FIRST_MS,
        .max_ms = sender->opts.backoff_max_ms ? sender->opts.backoff_max_ms : BACKOFF_MAX_MS,
    };
    int64_t wait_ms = silt_backoff_ms(&backoff, ++sender->attempt, 0, 0, silt_random_u64());
    sender->next_attempt_ms = now_ms + wait_ms;
    silt_output_state(sender->opts.output, SILT_OUTPUT_DOWN, why);
}

static void take_answer(struct silt_cw_sender *sender, int64_t now_ms)
{
    const struct silt_http_req *req = &sender->req;
    enum silt_cw_verdict verdict = SILT_CW_RETRY;
    char why[160];
    snprintf(why, sizeof why, "%s", req->text);
    if (req->outcome == SILT_HTTP_ANSWERED) {
        verdict = silt_cw_judge(req->status, silt_buf_slice(&req->ret_body));
        snprintf(why, sizeof why, "status %d: %.100s", req->status, silt_buf_str(&req->ret_body));
    }
    if (verdict == SILT_CW_RETRY && req->status >= 400 && req->status <= 403)
        (void)silt_credentials_refused(sender->opts.credentials, sender->creds);
    if (verdict == SILT_CW_RETRY) hold(sender, why, now_ms);
    if (verdict == SILT_CW_REFUSED) {
        count_dropped(sender, 1);
        silt_output_state(sender->opts.output, SILT_OUTPUT_DOWN, why);
        forget(sender);
    }
    if (verdict == SILT_CW_SENT) {
        silt_output_state(sender->opts.output, SILT_OUTPUT_OK, NULL);
        forget(sender);
    }
    silt_http_req_done(&sender->req);
}

static bool take_credentials(struct silt_cw_sender *sender)
{
    silt_credentials_give(sender->creds);
    sender->creds = silt_credentials_take(sender->opts.credentials);
    return sender->creds;
}

static bool is_answered(struct silt_cw_sender *sender)
{
    pthread_mutex_lock(&sender->synced.lock);
    bool is = sender->synced.answered;
    pthread_mutex_unlock(&sender->synced.lock);
    return is;
}

int64_t silt_cw_sender_step(struct silt_cw_sender *sender, int64_t now_ms)
{
    if (sender->in_flight && !is_answered(sender)) return IDLE_MS;
    if (sender->in_flight) {
        sender->in_flight = false;
        take_answer(sender, now_ms);
    }
    if (!sender->open) sender->open = (struct document *)silt_spool_take(sender->spool, 1);
    if (!sender->open) return IDLE_MS;
    if (sender->attempt && now_ms < sender->next_attempt_ms)
        return sender->next_attempt_ms - now_ms;
    if (take_credentials(sender)) {
        start(sender);
        return IDLE_MS;
    }
    char why[160];
    silt_credentials_why(sender->opts.credentials, why, sizeof why);
    hold(sender, why[0] ? why : "no credentials yet", now_ms);
    return sender->next_attempt_ms - now_ms;
}

bool silt_cw_sender_is_idle(struct silt_cw_sender *sender)
{
    return !sender->open && silt_spool_is_empty(sender->spool);
}

uint64_t silt_cw_sender_spooled(struct silt_cw_sender *sender)
{
    return silt_spool_rows(sender->spool);
}

static void end_request(struct silt_cw_sender *sender)
{
    if (!sender->in_flight) return;
    silt_http_cancel(sender->opts.http, sender);
    pthread_mutex_lock(&sender->synced.lock);
    while (!sender->synced.answered)
        pthread_cond_wait(&sender->synced.changed, &sender->synced.lock);
    pthread_mutex_unlock(&sender->synced.lock);
    silt_http_req_done(&sender->req);
}

void silt_cw_sender_free(struct silt_cw_sender *sender)
{
    if (!sender) return;
    end_request(sender);
    silt_free(sender->open);
    silt_spool_free(sender->spool);
    silt_sigv4_keys_done(&sender->keys);
    silt_buf_done(&sender->authorization);
    silt_credentials_give(sender->creds);
    pthread_cond_destroy(&sender->synced.changed);
    pthread_mutex_destroy(&sender->synced.lock);
    silt_free(sender->region);
    silt_free(sender->ca_file);
    silt_free(sender->proxy);
    silt_free(sender->host);
    silt_free(sender->url);
    silt_free(sender);
}
