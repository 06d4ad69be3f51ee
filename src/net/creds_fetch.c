#include "net/creds_fetch_int.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/iso.h"
#include "net/xml.h"

#include <jansson.h>
#include <stdio.h>

#define REQUEST_MAX ((size_t)64 << 10)
#define STS_MS 10000
#define METADATA_MS 2000     /* on this machine: it answers at once, or there is none */
#define METADATA_TTL "21600" /* s, the longest there is */
#define METADATA_KEYS "/latest/meta-data/iam/security-credentials/"
#define ACCESS_KEY_MAX 128
#define SECRET_MAX 1024
#define TOKEN_MAX ((size_t)16 << 10)
#define ROLE_MAX 128

static void creds_clear(struct silt_creds *creds)
{
    silt_free(creds->access_key);
    creds->access_key = NULL;
    silt_secret_done(&creds->secret_key);
    silt_secret_done(&creds->session_token);
    creds->expires_ms = 0;
}

static void body_clear(struct silt_creds_fetch *fetch)
{
    if (fetch->body.data) explicit_bzero(fetch->body.data, fetch->body.cap);
    silt_buf_clear(&fetch->body);
}

void silt_creds_fetch_init(struct silt_creds_fetch *fetch, const struct silt_creds_plan *plan)
{
    *fetch = (struct silt_creds_fetch){.plan = plan, .hops_left = plan->hops_n};
    silt_buf_init(&fetch->url, REQUEST_MAX);
    silt_buf_init(&fetch->body, REQUEST_MAX);
    silt_buf_init(&fetch->signature, REQUEST_MAX);
}

void silt_creds_fetch_done(struct silt_creds_fetch *fetch)
{
    creds_clear(&fetch->creds);
    body_clear(fetch);
    silt_buf_done(&fetch->url);
    silt_buf_done(&fetch->body);
    silt_buf_done(&fetch->signature);
    silt_secret_done(&fetch->session);
    silt_secret_done(&fetch->shown);
    silt_free(fetch->host);
    *fetch = (struct silt_creds_fetch){0};
}

/* --- what may be used ------------------------------------------------------------------------ */

static bool is_word(const char *text, size_t max)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] > '~') return false;
    return len > 0 && len <= max;
}

static enum silt_creds_act fail(struct silt_err *err, const struct silt_creds_fetch *fetch,
                                const char *what)
{
    (void)silt_err_set(err, SILT_E_UNAVAILABLE, __FILE__, __LINE__, "%.80s: %s",
                       fetch->plan->origin, what);
    return SILT_CREDS_FAILED;
}

/* Takes what one answer says; an empty token is none, no expiry is never. */
static enum silt_creds_act take_creds(struct silt_creds_fetch *fetch, const char *access_key,
                                      const char *secret, const char *token, const char *expires,
                                      int64_t now_ms, struct silt_err *err)
{
    int64_t expires_ms = *expires ? silt_iso_parse(expires) : 0;
    if (!is_word(access_key, ACCESS_KEY_MAX) || !is_word(secret, SECRET_MAX) ||
        (*token && !is_word(token, TOKEN_MAX)))
        return fail(err, fetch, "no usable keys");
    if (expires_ms < 0) return fail(err, fetch, "its Expiration is no time");
    if (expires_ms && expires_ms <= now_ms)
        return fail(err, fetch, "its keys have expired already; is the clock right?");
    creds_clear(&fetch->creds);
    fetch->creds.access_key = silt_strdup(access_key);
    silt_secret_set(&fetch->creds.secret_key, secret);
    silt_secret_set(&fetch->creds.session_token, *token ? token : NULL);
    fetch->creds.expires_ms = expires_ms;
    return SILT_CREDS_DONE;
}

/* --- requests -------------------------------------------------------------------------------- */

static void add(struct silt_creds_fetch *fetch, const char *name, const char *value)
{
    SILT_ASSERT(fetch->headers_n < sizeof fetch->headers / sizeof fetch->headers[0]);
    fetch->headers[fetch->headers_n++] = (struct silt_http_header){name, value};
}

static void append(struct silt_buf *buf, const char *text)
{
    bool fits = silt_buf_append_str(buf, text);
    SILT_ASSERT(fits); /* everything that goes in is bounded */
}

/* secret_header NULL, or a secret that is not set: without it. */
static enum silt_creds_act metadata(struct silt_creds_fetch *fetch, enum silt_creds_stage stage,
                                    const char *path, const char *secret_header,
                                    const struct silt_secret *secret)
{
    fetch->stage = stage;
    fetch->method = "GET";
    fetch->headers_n = 0;
    fetch->timeout_ms = METADATA_MS;
    body_clear(fetch);
    fetch->body_slice = (struct silt_slice){0};
    silt_buf_clear(&fetch->url);
    append(&fetch->url, fetch->plan->url);
    append(&fetch->url, path);
    if (!silt_secret_is_set(secret)) return SILT_CREDS_SEND;
    silt_secret_copy(&fetch->shown, secret);
    add(fetch, secret_header, silt_secret_reveal(&fetch->shown));
    return SILT_CREDS_SEND;
}

static enum silt_creds_act ask_session(struct silt_creds_fetch *fetch)
{
    const struct silt_secret none = {0};
    enum silt_creds_act act =
        metadata(fetch, SILT_CREDS_AT_SESSION, "/latest/api/token", NULL, &none);
    fetch->method = "PUT";
    add(fetch, "X-aws-ec2-metadata-token-ttl-seconds", METADATA_TTL);
    return act;
}

static void form(struct silt_creds_fetch *fetch, const char *name, const char *value)
{
    if (fetch->body.len) append(&fetch->body, "&");
    append(&fetch->body, name);
    append(&fetch->body, "=");
    silt_sigv4_encode(&fetch->body, value, false);
}

static void sts_begin(struct silt_creds_fetch *fetch, const char *action,
                      const struct silt_creds_role *role)
{
    const char *url = fetch->plan->sts_url;
    fetch->method = "POST";
    fetch->timeout_ms = STS_MS;
    fetch->headers_n = 0;
    silt_buf_clear(&fetch->url);
    append(&fetch->url, url);
    append(&fetch->url, "/");
    silt_free(fetch->host);
    fetch->host = silt_strdup(strstr(url, "://") + 3);
    body_clear(fetch);
    form(fetch, "Action", action);
    form(fetch, "Version", "2011-06-15");
    form(fetch, "RoleArn", role->arn);
    form(fetch, "RoleSessionName", role->session_name);
    add(fetch, "Host", fetch->host);
    add(fetch, "Content-Type", "application/x-www-form-urlencoded");
}

static enum silt_creds_act ask_web(struct silt_creds_fetch *fetch, const char *token)
{
    fetch->stage = SILT_CREDS_AT_WEB;
    sts_begin(fetch, "AssumeRoleWithWebIdentity", &fetch->plan->web_role);
    form(fetch, "WebIdentityToken", token);
    fetch->body_slice = silt_buf_slice(&fetch->body);
    return SILT_CREDS_SEND;
}

/* Signed with the credentials so far. */
static void sign(struct silt_creds_fetch *fetch, int64_t now_ms)
{
    char hash[SILT_SHA256_HEX];
    uint8_t key[SILT_SHA256_LEN];
    struct silt_sigv4_keys keys = {0};
    silt_sha256_hex(fetch->body.data, fetch->body.len, hash);
    silt_sigv4_date(now_ms, fetch->date);
    add(fetch, "X-Amz-Date", fetch->date);
    if (silt_secret_is_set(&fetch->creds.session_token)) {
        silt_secret_copy(&fetch->shown, &fetch->creds.session_token);
        add(fetch, "X-Amz-Security-Token", silt_secret_reveal(&fetch->shown));
    }
    const struct silt_sigv4_req req = {.access_key = fetch->creds.access_key,
                                       .region = fetch->plan->region,
                                       .service = "sts",
                                       .date = fetch->date,
                                       .method = "POST",
                                       .path = "/",
                                       .headers = fetch->headers,
                                       .headers_n = fetch->headers_n,
                                       .payload_hash = hash};
    silt_sigv4_keys_get(&keys, &req, &fetch->creds.secret_key, key);
    silt_buf_clear(&fetch->signature);
    silt_sigv4_sign(&fetch->signature, &req, key);
    silt_sigv4_keys_done(&keys);
    explicit_bzero(key, sizeof key);
    add(fetch, "Authorization", silt_buf_str(&fetch->signature));
}

static enum silt_creds_act next_hop(struct silt_creds_fetch *fetch, int64_t now_ms)
{
    if (!fetch->hops_left) return SILT_CREDS_DONE;
    const struct silt_creds_role *role = &fetch->plan->hops[--fetch->hops_left];
    fetch->stage = SILT_CREDS_AT_HOP;
    sts_begin(fetch, "AssumeRole", role);
    if (*role->external_id) form(fetch, "ExternalId", role->external_id);
    fetch->body_slice = silt_buf_slice(&fetch->body);
    sign(fetch, now_ms);
    return SILT_CREDS_SEND;
}

/* --- the way --------------------------------------------------------------------------------- */

enum silt_creds_act silt_creds_fetch_read(struct silt_creds_fetch *fetch, const char *text,
                                          struct silt_err *err)
{
    size_t len = strlen(text);
    while (len && strchr(" \t\r\n", text[len - 1])) len--;
    struct silt_secret token silt_auto(silt_secret_done) = {silt_strndup(text, len)};
    const char *word = silt_secret_reveal(&token);
    if ((len || fetch->plan->token_file) && !is_word(word, SILT_CREDS_FILE_MAX))
        return fail(err, fetch, "its token is empty or holds more than one line");
    if (fetch->plan->source == SILT_CREDS_WEB_IDENTITY) return ask_web(fetch, word);
    return metadata(fetch, SILT_CREDS_AT_CONTAINER, "", "Authorization", &token);
}

enum silt_creds_act silt_creds_fetch_begin(struct silt_creds_fetch *fetch, int64_t now_ms,
                                           struct silt_err *err)
{
    const struct silt_creds_plan *plan = fetch->plan;
    if (plan->source == SILT_CREDS_INSTANCE) return ask_session(fetch);
    if (plan->token_file) return SILT_CREDS_READ;
    if (plan->source == SILT_CREDS_CONTAINER)
        return silt_creds_fetch_read(fetch, silt_secret_reveal(&plan->authorization), err);
    SILT_ASSERT(plan->source == SILT_CREDS_KEYS);
    enum silt_creds_act act =
        take_creds(fetch, plan->access_key, silt_secret_reveal(&plan->secret_key),
                   silt_secret_reveal(&plan->session_token), "", now_ms, err);
    if (act == SILT_CREDS_DONE) return next_hop(fetch, now_ms);
    err->code = SILT_E_CONFIG; /* asking again gives the same */
    return act;
}

/* --- answers --------------------------------------------------------------------------------- */

struct sts_answer {
    char access_key[ACCESS_KEY_MAX + 2]; /* one more than is usable, so that too long shows */
    char secret[SECRET_MAX + 2];
    char token[SILT_XML_TEXT_MAX + 1];
    char expires[40];
    char code[64];
    char message[120];
};

static void take_element(struct sts_answer *answer, const struct silt_xml *xml)
{
    const struct {
        const char *parent;
        const char *name;
        char *to;
        size_t room;
    } fields[] = {
        {"Credentials", "AccessKeyId", answer->access_key, sizeof answer->access_key},
        {"Credentials", "SecretAccessKey", answer->secret, sizeof answer->secret},
        {"Credentials", "SessionToken", answer->token, sizeof answer->token},
        {"Credentials", "Expiration", answer->expires, sizeof answer->expires},
        {"Error", "Code", answer->code, sizeof answer->code},
        {"Error", "Message", answer->message, sizeof answer->message},
    };
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (silt_xml_is(xml->closed, fields[i].name) && silt_xml_inside(xml, fields[i].parent))
            snprintf(fields[i].to, fields[i].room, "%s", xml->text);
}

/* @return false when it is no XML, or a text in it is too long. */
static bool read_sts(struct silt_slice body, struct sts_answer *answer)
{
    struct silt_xml xml;
    silt_xml_init(&xml, body);
    for (;;) {
        enum silt_xml_event event = silt_xml_next(&xml);
        if (event == SILT_XML_END) return true;
        if (event == SILT_XML_BAD) return false;
        if (event != SILT_XML_CLOSE) continue;
        if (xml.text_cut) return false;
        take_element(answer, &xml);
    }
}

/* A refusal that asking again cannot change is AUTH. */
static enum silt_creds_act refuse(struct silt_err *err, const struct silt_creds_fetch *fetch,
                                  int status, const char *code, const char *message)
{
    enum silt_code sort =
        status >= 400 && status < 500 && status != 429 ? SILT_E_AUTH : SILT_E_UNAVAILABLE;
    (void)silt_err_set(err, sort, __FILE__, __LINE__, "%.60s: %s answered %d %.60s%s%.100s",
                       fetch->plan->origin, silt_buf_str(&fetch->url), status, code,
                       *message ? ": " : "", message);
    return SILT_CREDS_FAILED;
}

static enum silt_creds_act answer_of_sts(struct silt_creds_fetch *fetch, int status,
                                         struct silt_slice body, int64_t now_ms,
                                         struct silt_err *err)
{
    struct sts_answer answer = {0};
    bool whole = read_sts(body, &answer);
    enum silt_creds_act act = SILT_CREDS_FAILED;
    if (status != 200)
        act = refuse(err, fetch, status, answer.code, answer.message);
    else if (!whole)
        act = fail(err, fetch, "STS answered with what is no XML of its own");
    else if (!answer.expires[0])
        act = fail(err, fetch, "STS answered without an Expiration");
    else
        act = take_creds(fetch, answer.access_key, answer.secret, answer.token, answer.expires,
                         now_ms, err);
    explicit_bzero(&answer, sizeof answer);
    return act == SILT_CREDS_DONE ? next_hop(fetch, now_ms) : act;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static enum silt_creds_act take_json(struct silt_creds_fetch *fetch, const json_t *object,
                                     int status, int64_t now_ms, struct silt_err *err)
{
    const char *code = text_of(object, "Code");
    if (status != 200) return refuse(err, fetch, status, code, text_of(object, "Message"));
    if (*code && strcmp(code, "Success") != 0)
        return refuse(err, fetch, 503, code, text_of(object, "Message"));
    enum silt_creds_act act =
        take_creds(fetch, text_of(object, "AccessKeyId"), text_of(object, "SecretAccessKey"),
                   text_of(object, "Token"), text_of(object, "Expiration"), now_ms, err);
    return act == SILT_CREDS_DONE ? next_hop(fetch, now_ms) : act;
}

static enum silt_creds_act answer_of_keys(struct silt_creds_fetch *fetch, int status,
                                          struct silt_slice body, int64_t now_ms,
                                          struct silt_err *err)
{
    json_t *object = json_loadb((const char *)body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
    enum silt_creds_act act = take_json(fetch, object, status, now_ms, err);
    json_decref(object);
    return act;
}

static enum silt_creds_act answer_of_session(struct silt_creds_fetch *fetch, int status,
                                             struct silt_slice body, struct silt_err *err)
{
    if (status != 200) return refuse(err, fetch, status, "", "no session for IMDSv2");
    struct silt_secret token silt_auto(silt_secret_done) = {
        silt_strndup((const char *)body.ptr, body.len)};
    if (!is_word(silt_secret_reveal(&token), TOKEN_MAX))
        return fail(err, fetch, "the session token of IMDSv2 is no token");
    silt_secret_copy(&fetch->session, &token);
    return metadata(fetch, SILT_CREDS_AT_ROLE, METADATA_KEYS, "X-aws-ec2-metadata-token",
                    &fetch->session);
}

/* The name of the instance's role, on the first line. */
static enum silt_creds_act answer_of_role(struct silt_creds_fetch *fetch, int status,
                                          struct silt_slice body, struct silt_err *err)
{
    if (status == 404)
        return refuse(err, fetch, status, "",
                      "this instance has no role; attach one, or give keys");
    if (status != 200) return refuse(err, fetch, status, "", "");
    char *name silt_auto(silt_free_auto) = silt_strndup((const char *)body.ptr, body.len);
    name[strcspn(name, "\r\n")] = '\0';
    if (!is_word(name, ROLE_MAX) || strpbrk(name, "/?#"))
        return fail(err, fetch, "the name of the instance's role is no name");
    char *path silt_auto(silt_free_auto) = silt_asprintf(METADATA_KEYS "%s", name);
    return metadata(fetch, SILT_CREDS_AT_KEYS, path, "X-aws-ec2-metadata-token", &fetch->session);
}

enum silt_creds_act silt_creds_fetch_answer(struct silt_creds_fetch *fetch, int status,
                                            struct silt_slice body, int64_t now_ms,
                                            struct silt_err *err)
{
    switch (fetch->stage) {
    case SILT_CREDS_AT_SESSION: return answer_of_session(fetch, status, body, err);
    case SILT_CREDS_AT_ROLE: return answer_of_role(fetch, status, body, err);
    case SILT_CREDS_AT_CONTAINER:
    case SILT_CREDS_AT_KEYS: return answer_of_keys(fetch, status, body, now_ms, err);
    default: return answer_of_sts(fetch, status, body, now_ms, err);
    }
}

enum silt_creds_act silt_creds_fetch_unanswered(struct silt_creds_fetch *fetch, const char *why,
                                                struct silt_err *err)
{
    if (fetch->stage == SILT_CREDS_AT_SESSION) {
        /* The last resort: nothing else was set up. */
        (void)silt_err_set(
            err, SILT_E_AUTH, __FILE__, __LINE__,
            "no AWS credentials in s3.access_key_id, the AWS_* variables or the shared "
            "files, and no instance metadata (%.60s); in a container on EC2 set its "
            "hop limit to 2",
            why);
        return SILT_CREDS_FAILED;
    }
    (void)silt_err_set(err, SILT_E_UNAVAILABLE, __FILE__, __LINE__, "%.60s: %.80s: %.90s",
                       fetch->plan->origin, silt_buf_str(&fetch->url), why);
    return SILT_CREDS_FAILED;
}
