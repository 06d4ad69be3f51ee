/* AWS: who we are, and CloudWatch. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/iso.h"
#include "base/jsonw.h"
#include "doctor_int.h"
#include "net/sigv4.h"
#include "net/xml.h"

#include <stdio.h>
#include <string.h>

#define HEADERS_MAX 8

/* --- one signed request ---------------------------------------------------------------------- */

struct call {
    const char *service;
    const char *region;
    char *url; /* scheme, host and "/"; owned */
    const char *content_type;
    const char *target; /* of the JSON protocol; NULL: none */
    struct silt_slice body;
    const char *ca_file;
    const char *proxy;
    /* kept for the request */
    char *host;
    char date[SILT_SIGV4_DATE_LEN];
    char hash[SILT_SHA256_HEX];
    struct silt_buf authorization;
    struct silt_http_header headers[HEADERS_MAX];
    unsigned headers_n;
    struct silt_http_req http;
};

static void header(struct call *call, const char *name, const char *value)
{
    SILT_ASSERT(call->headers_n < HEADERS_MAX);
    call->headers[call->headers_n++] = (struct silt_http_header){name, value};
}

static void sign(struct call *call, const struct silt_creds *creds)
{
    struct silt_sigv4_keys keys = {0};
    uint8_t key[SILT_SHA256_LEN];
    const struct silt_sigv4_req req = {.access_key = creds->access_key,
                                       .region = call->region,
                                       .service = call->service,
                                       .date = call->date,
                                       .method = "POST",
                                       .path = "/",
                                       .headers = call->headers,
                                       .headers_n = call->headers_n,
                                       .payload_hash = call->hash};
    silt_sigv4_keys_get(&keys, &req, &creds->secret_key, key);
    silt_sigv4_sign(&call->authorization, &req, key);
    silt_sigv4_keys_done(&keys);
    explicit_bzero(key, sizeof key);
}

static void send(struct silt_doctor *doctor, struct call *call, const struct silt_creds *creds)
{
    const char *host = strstr(call->url, "://") + 3;
    call->host = silt_strndup(host, strcspn(host, "/"));
    silt_buf_init(&call->authorization, 4096);
    silt_sigv4_date(silt_wall_ms(), call->date);
    silt_sha256_hex(call->body.ptr, call->body.len, call->hash);
    header(call, "Host", call->host);
    header(call, "Content-Type", call->content_type);
    header(call, "X-Amz-Date", call->date);
    if (call->target) header(call, "X-Amz-Target", call->target);
    if (silt_secret_is_set(&creds->session_token))
        header(call, "X-Amz-Security-Token", silt_secret_reveal(&creds->session_token));
    sign(call, creds);
    header(call, "Authorization", silt_buf_str(&call->authorization));
    call->http = (struct silt_http_req){.method = "POST",
                                        .url = call->url,
                                        .headers = call->headers,
                                        .headers_n = call->headers_n,
                                        .body = &call->body,
                                        .body_n = 1,
                                        .response_max = 65536,
                                        .timeout_ms = SILT_DOCTOR_PATIENCE_MS,
                                        .ca_file = call->ca_file,
                                        .proxy = call->proxy};
    silt_http_call(doctor->http, &call->http);
}

static void call_done(struct call *call)
{
    silt_http_req_done(&call->http);
    silt_buf_done(&call->authorization);
    silt_free(call->host);
    silt_free(call->url);
}

/* "https://host" or "https://host/" of the options, else AWS's own. New string. */
static char *url_of(const char *endpoint, const char *aws_name, const char *region)
{
    if (endpoint && endpoint[0])
        return silt_asprintf("%s%s", endpoint, endpoint[strlen(endpoint) - 1] == '/' ? "" : "/");
    return silt_asprintf("https://%s.%s.amazonaws.com%s/", aws_name, region,
                         strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
}

/* --- who we are ------------------------------------------------------------------------------ */

struct identity {
    char arn[160];
};

static void read_arn(struct silt_slice body, struct identity *ret)
{
    struct silt_xml xml;
    silt_xml_init(&xml, body);
    for (;;) {
        enum silt_xml_event event = silt_xml_next(&xml);
        if (event == SILT_XML_BAD || event == SILT_XML_END) return;
        if (event == SILT_XML_CLOSE && silt_xml_is(xml.closed, "Arn"))
            snprintf(ret->arn, sizeof ret->arn, "%s", xml.text);
    }
}

/* STS tells everybody who they are, no right is needed. A store of somebody else has none, and AWS
 * is not asked about its keys. */
static void ask_identity(struct silt_doctor *doctor, const struct silt_creds *creds,
                         struct identity *ret)
{
    static const char body[] = "Action=GetCallerIdentity&Version=2011-06-15";
    const struct silt_credentials_opts *opts = &doctor->opts->credentials;
    const bool elsewhere = doctor->opts->store.s3.endpoint && doctor->opts->store.s3.endpoint[0];
    const bool named = opts->sts_endpoint && opts->sts_endpoint[0];
    *ret = (struct identity){0};
    if ((elsewhere && !named) || !opts->region || !opts->region[0]) return;
    struct call call = {.service = "sts",
                        .region = opts->region,
                        .url = url_of(opts->sts_endpoint, "sts", opts->region),
                        .content_type = "application/x-www-form-urlencoded",
                        .body = silt_slice_str(body),
                        .ca_file = opts->ca_file,
                        .proxy = opts->proxy};
    send(doctor, &call, creds);
    if (call.http.outcome == SILT_HTTP_ANSWERED && call.http.status == 200)
        read_arn(silt_buf_slice(&call.http.ret_body), ret);
    call_done(&call);
}

/* --- credentials ----------------------------------------------------------------------------- */

/* On the io thread. */
static void note_source(void *ctx, const struct silt_credentials_news *news)
{
    struct silt_doctor *doctor = ctx;
    pthread_mutex_lock(&doctor->synced.lock);
    snprintf(doctor->synced.source, sizeof doctor->synced.source, "%s", news->origin);
    pthread_mutex_unlock(&doctor->synced.lock);
}

static void tell_credentials(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    char source[SILT_DOCTOR_SOURCE_MAX];
    pthread_mutex_lock(&doctor->synced.lock);
    memcpy(source, doctor->synced.source, sizeof source);
    pthread_mutex_unlock(&doctor->synced.lock);
    struct silt_creds *creds = silt_credentials_take(doctor->credentials);
    struct identity identity;
    char until[SILT_ISO_LEN] = "revoked"; /* long-lived keys */
    SILT_ASSERT(creds);                   /* they were awaited a moment ago */
    if (creds->expires_ms) silt_iso_seconds(creds->expires_ms, until);
    ask_identity(doctor, creds, &identity);
    silt_found(result, "%s, key %.4s…, until %s%s%s", source, creds->access_key, until,
               identity.arn[0] ? ", " : "", identity.arn);
    silt_credentials_give(creds);
}

void silt_check_credentials(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    struct silt_err err;
    if (!doctor->opts->needs_credentials) {
        silt_found(result, "none needed: neither the archive nor CloudWatch is AWS's");
        return;
    }
    struct silt_credentials_opts opts = doctor->opts->credentials;
    opts.http = doctor->http;
    opts.on_news = note_source;
    opts.ctx = doctor;
    doctor->credentials = silt_credentials_new(&opts);
    if (doctor->opts->token_credentials) *doctor->opts->token_credentials = doctor->credentials;
    if (!silt_ok(silt_credentials_await(doctor->credentials, &err))) {
        silt_fail_err(result, &err,
                      "set up one source: s3.access_key_id, AWS_ACCESS_KEY_ID, a profile, a web "
                      "identity, or a container's or instance's role");
        return;
    }
    tell_credentials(doctor, result);
}

/* --- CloudWatch ------------------------------------------------------------------------------ */

static void write_datum(struct silt_buf *body, const char *name_space)
{
    struct silt_jsonw w;
    silt_jsonw_init(&w, body);
    silt_jsonw_open(&w, '{');
    silt_jsonw_kstr(&w, "Namespace", name_space);
    silt_jsonw_key(&w, "MetricData");
    silt_jsonw_open(&w, '[');
    silt_jsonw_open(&w, '{');
    silt_jsonw_kstr(&w, "MetricName", "DoctorCheck");
    silt_jsonw_kint(&w, "Timestamp", silt_wall_ms() / 1000);
    silt_jsonw_kint(&w, "Value", 1);
    silt_jsonw_kstr(&w, "Unit", "Count");
    silt_jsonw_close(&w, '}');
    silt_jsonw_close(&w, ']');
    silt_jsonw_close(&w, '}');
}

static void judge_cloudwatch(const struct call *call, struct silt_doctor_result *result)
{
    const struct silt_http_req *http = &call->http;
    if (http->outcome != SILT_HTTP_ANSWERED) {
        silt_found(result, "%s: %s", call->url, http->text);
        silt_fail(result, http->outcome == SILT_HTTP_TIMEOUT ? SILT_E_TIMEOUT : SILT_E_CONNECT,
                  "check metrics.cloudwatch_endpoint and metrics.cloudwatch_region, and that "
                  "CloudWatch (or its VPC endpoint) can be reached");
        return;
    }
    silt_found(result, "a datum named DoctorCheck was accepted at %s", call->url);
    if (http->status >= 200 && http->status < 300) return;
    silt_found(result, "%s answered %d: %.200s", call->url, http->status,
               silt_buf_str(&http->ret_body));
    const bool ours = http->status >= 400 && http->status < 500;
    silt_fail(result, ours ? SILT_E_DENIED : SILT_E_UNAVAILABLE,
              ours ? "grant cloudwatch:PutMetricData for the namespace, and check key, token and "
                     "clock"
                   : "look at the health of CloudWatch");
}

void silt_check_cloudwatch(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    const struct silt_observe_opts *opts = &doctor->opts->observe;
    if (!opts->cloudwatch_region || !opts->cloudwatch_region[0]) {
        silt_skip(result, "metrics.cloudwatch is off");
        return;
    }
    struct silt_creds *creds = silt_credentials_take(doctor->credentials);
    if (!creds) {
        silt_skip(result, "the credentials have expired meanwhile");
        return;
    }
    struct silt_buf body silt_auto(silt_buf_done);
    silt_buf_init(&body, SILT_BUF_MAX_DEFAULT);
    write_datum(&body, opts->cloudwatch_namespace);
    struct call call = {
        .service = "monitoring",
        .region = opts->cloudwatch_region,
        .url = url_of(opts->cloudwatch_endpoint, "monitoring", opts->cloudwatch_region),
        .content_type = "application/x-amz-json-1.0",
        .target = "GraniteServiceVersion20100801.PutMetricData",
        .body = silt_buf_slice(&body),
        .ca_file = opts->ca_file,
        .proxy = opts->proxy};
    send(doctor, &call, creds);
    judge_cloudwatch(&call, result);
    call_done(&call);
    silt_credentials_give(creds);
}
