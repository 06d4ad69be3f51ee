#include "net/http_int.h"

#include "base/address.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/version.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define CONNECT_MS_DEFAULT 5000
#define TIMEOUT_MS_DEFAULT 30000
#define STALL_MS_DEFAULT 15000
#define STALL_BYTES_PER_SECOND 1024
#define RESPONSE_MAX_DEFAULT ((size_t)1 << 20)
#define DNS_CACHE_SECONDS 30
#define CONNECTION_IDLE_SECONDS 60
/* Above this a request is a part: bigger pieces save system calls, and the buffers last as long as
 * the transfer. */
#define BIG_BODY ((size_t)1 << 20)
#define BIG_UPLOAD_BUFFER (1L << 20)
#define DOWNLOAD_BUFFER (64L << 10)

enum silt_http_outcome silt_http_outcome_of(CURLcode result, long sent_bytes)
{
    static const struct {
        CURLcode result;
        enum silt_http_outcome outcome;
    } table[] = {
        {CURLE_OK, SILT_HTTP_ANSWERED},
        {CURLE_OPERATION_TIMEDOUT, SILT_HTTP_TIMEOUT},
        {CURLE_UNSUPPORTED_PROTOCOL, SILT_HTTP_NO_CONNECT},
        {CURLE_URL_MALFORMAT, SILT_HTTP_NO_CONNECT},
        {CURLE_COULDNT_RESOLVE_PROXY, SILT_HTTP_NO_CONNECT},
        {CURLE_COULDNT_RESOLVE_HOST, SILT_HTTP_NO_CONNECT},
        {CURLE_COULDNT_CONNECT, SILT_HTTP_NO_CONNECT},
        {CURLE_SSL_CONNECT_ERROR, SILT_HTTP_NO_CONNECT},
        {CURLE_SSL_CERTPROBLEM, SILT_HTTP_NO_CONNECT},
        {CURLE_SSL_CIPHER, SILT_HTTP_NO_CONNECT},
        {CURLE_PEER_FAILED_VERIFICATION, SILT_HTTP_NO_CONNECT},
        {CURLE_SSL_CACERT_BADFILE, SILT_HTTP_NO_CONNECT},
        {CURLE_SSL_ISSUER_ERROR, SILT_HTTP_NO_CONNECT},
        {CURLE_SSL_INVALIDCERTSTATUS, SILT_HTTP_NO_CONNECT},
    };
    enum silt_http_outcome outcome = SILT_HTTP_CUT;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].result == result) outcome = table[i].outcome;
    /* libcurl repeats a request by itself when a pooled connection turns out dead. When the repeat
     * cannot connect, the first one may still have arrived. */
    if (outcome == SILT_HTTP_NO_CONNECT && sent_bytes > 0) return SILT_HTTP_CUT;
    if (outcome == SILT_HTTP_TIMEOUT && sent_bytes == 0) return SILT_HTTP_NO_CONNECT;
    return outcome;
}

static size_t body_bytes(const struct silt_http_req *req)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < req->body_n; i++) bytes += req->body[i].len;
    return bytes;
}

static size_t on_read(char *to, size_t size, size_t n, void *ctx)
{
    struct silt_http_transfer *transfer = ctx;
    const struct silt_http_req *req = transfer->req;
    size_t room = size * n;
    size_t given = 0;
    while (given < room && transfer->sent_slice < req->body_n) {
        struct silt_slice slice = req->body[transfer->sent_slice];
        size_t left = slice.len - transfer->sent_bytes;
        size_t take = left < room - given ? left : room - given;
        if (take) memcpy(to + given, slice.ptr + transfer->sent_bytes, take);
        given += take;
        transfer->sent_bytes += take;
        if (take < left) break;
        transfer->sent_slice++;
        transfer->sent_bytes = 0;
    }
    return given;
}

/* libcurl rewinds the body when it repeats a request on a new connection; without this it fails
 * with CURLE_SEND_FAIL_REWIND, which sticks to the handle (curl issue 18206). */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct silt_http_transfer *transfer = ctx;
    const struct silt_http_req *req = transfer->req;
    if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_FAIL;
    size_t skip = (size_t)offset;
    transfer->sent_slice = 0;
    while (transfer->sent_slice < req->body_n && skip >= req->body[transfer->sent_slice].len)
        skip -= req->body[transfer->sent_slice++].len;
    transfer->sent_bytes = skip;
    return CURL_SEEKFUNC_OK;
}

static void forget_answer(struct silt_http_req *req)
{
    silt_buf_clear(&req->ret_body);
    for (unsigned i = 0; i < SILT_HTTP_HEADERS_KEPT; i++) {
        silt_free(req->ret_headers[i]);
        req->ret_headers[i] = NULL;
    }
}

static void keep_header(struct silt_http_req *req, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (!colon) return;
    size_t name_len = (size_t)(colon - line);
    for (unsigned i = 0; i < SILT_HTTP_HEADERS_KEPT && req->want_headers[i]; i++) {
        const char *want = req->want_headers[i];
        if (strlen(want) != name_len || strncasecmp(want, line, name_len) != 0) continue;
        const char *value = colon + 1;
        const char *end = line + len;
        while (value < end && (*value == ' ' || *value == '\t')) value++;
        while (end > value && strchr(" \t\r\n", end[-1])) end--;
        size_t value_len = (size_t)(end - value);
        if (value_len > SILT_HTTP_HEADER_MAX) value_len = SILT_HTTP_HEADER_MAX;
        silt_free(req->ret_headers[i]);
        req->ret_headers[i] = silt_strndup(value, value_len);
    }
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct silt_http_transfer *transfer = ctx;
    size_t len = size * n;
    /* A status line begins another answer: after 100 Continue, or when libcurl repeated. */
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
        forget_answer(transfer->req);
    else if (transfer->req->want_headers)
        keep_header(transfer->req, line, len);
    return len;
}

static size_t on_write(char *bytes, size_t size, size_t n, void *ctx)
{
    struct silt_http_transfer *transfer = ctx;
    if (silt_buf_append(&transfer->req->ret_body, bytes, size * n)) return size * n;
    transfer->oversized = true;
    return 0; /* CURLE_WRITE_ERROR */
}

/* All values are set at start-up or are constants: a refusal means another libcurl than the one
 * that was tested. */
static void must_set(CURLcode result)
{
    silt_alloc_expect(result != CURLE_OUT_OF_MEMORY, "libcurl");
    SILT_ASSERT(result == CURLE_OK);
}

#define SET(easy, option, value) must_set(curl_easy_setopt((easy), CURLOPT_##option, (value)))

static struct curl_slist *add_line(struct curl_slist *list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(list, line);
    silt_alloc_expect(longer, "libcurl");
    return longer;
}

/* Judged by the address that is about to be connected to, so neither a name that resolves to it nor
 * one that resolves anew a moment later gets around it. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct silt_http_transfer *transfer = ctx;
    if (silt_address_is_metadata(&address->addr)) {
        transfer->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void set_connection(CURL *easy, const struct silt_http_req *req)
{
    SET(easy, HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(easy, PROTOCOLS_STR, "http,https");
    SET(easy, FOLLOWLOCATION, 0L);
    SET(easy, NETRC, (long)CURL_NETRC_IGNORED);
    /* Else https_proxy and no_proxy of the environment count. */
    SET(easy, PROXY, req->proxy ? req->proxy : "");
    SET(easy, NOPROXY, "");
    SET(easy, NOSIGNAL, 1L);
    SET(easy, TCP_NODELAY, 1L);
    SET(easy, TCP_KEEPALIVE, 1L);
    SET(easy, DNS_SHUFFLE_ADDRESSES, 1L);
    SET(easy, DNS_CACHE_TIMEOUT, req->fresh ? 0L : (long)DNS_CACHE_SECONDS);
    SET(easy, MAXAGE_CONN, (long)CONNECTION_IDLE_SECONDS);
    SET(easy, FRESH_CONNECT, req->fresh ? 1L : 0L);
    SET(easy, SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(easy, SSL_VERIFYPEER, 1L);
    SET(easy, SSL_VERIFYHOST, 2L);
    if (req->ca_file && req->ca_file[0]) SET(easy, CAINFO, req->ca_file);
}

static void set_limits(CURL *easy, const struct silt_http_req *req)
{
    int64_t stall_ms = req->stall_ms ? req->stall_ms : STALL_MS_DEFAULT;
    SET(easy, CONNECTTIMEOUT_MS, (long)(req->connect_ms ? req->connect_ms : CONNECT_MS_DEFAULT));
    SET(easy, TIMEOUT_MS, (long)(req->timeout_ms ? req->timeout_ms : TIMEOUT_MS_DEFAULT));
    if (stall_ms < 0) return;
    SET(easy, LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_SECOND);
    SET(easy, LOW_SPEED_TIME, (long)((stall_ms + 999) / 1000));
}

static void set_headers(struct silt_http_transfer *transfer)
{
    const struct silt_http_req *req = transfer->req;
    /* Empty: not sent. "Expect: 100-continue" stalls bodies above 1 MiB (curl issue 11678). */
    struct curl_slist *list = add_line(NULL, "Expect:");
    for (unsigned i = 0; i < req->headers_n; i++) {
        const char *value = req->headers[i].value;
        const char *separator = value[0] ? ": " : ";"; /* libcurl's way to send an empty value */
        char *line = silt_asprintf("%s%s%s", req->headers[i].name, separator, value);
        list = add_line(list, line);
        silt_free(line);
    }
    transfer->headers = list;
    SET(transfer->easy, HTTPHEADER, list);
}

static void set_method(struct silt_http_transfer *transfer)
{
    const struct silt_http_req *req = transfer->req;
    CURL *easy = transfer->easy;
    size_t bytes = body_bytes(req);
    if (strcmp(req->method, "HEAD") == 0) {
        SET(easy, NOBODY, 1L);
        return;
    }
    SET(easy, CUSTOMREQUEST, req->method);
    if (strcmp(req->method, "PUT") != 0 && strcmp(req->method, "POST") != 0 && bytes == 0) return;
    SET(easy, UPLOAD, 1L);
    SET(easy, INFILESIZE_LARGE, (curl_off_t)bytes);
    SET(easy, READFUNCTION, on_read);
    SET(easy, READDATA, transfer);
    SET(easy, SEEKFUNCTION, on_seek);
    SET(easy, SEEKDATA, transfer);
    if (bytes >= BIG_BODY) curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, BIG_UPLOAD_BUFFER);
}

void silt_http_transfer_prepare(struct silt_http_transfer *transfer, CURL *easy,
                                struct silt_http_req *req)
{
    transfer->easy = easy;
    transfer->req = req;
    transfer->start_ns = silt_mono_ns();
    silt_buf_init(&req->ret_body, req->response_max ? req->response_max : RESPONSE_MAX_DEFAULT);
    curl_easy_reset(easy);
    SET(easy, URL, req->url);
    SET(easy, PATH_AS_IS, 1L); /* the path is signed as it stands */
    SET(easy, USERAGENT, "silt/" SILT_VERSION);
    set_connection(easy, req);
    set_limits(easy, req);
    set_headers(transfer);
    set_method(transfer);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, DOWNLOAD_BUFFER); /* a wish */
    SET(easy, HEADERFUNCTION, on_header);
    SET(easy, HEADERDATA, transfer);
    SET(easy, WRITEFUNCTION, on_write);
    SET(easy, WRITEDATA, transfer);
    SET(easy, OPENSOCKETFUNCTION, on_open);
    SET(easy, OPENSOCKETDATA, transfer);
    SET(easy, ERRORBUFFER, transfer->error);
    SET(easy, PRIVATE, transfer);
}

static void write_text(struct silt_http_transfer *transfer, CURLcode result)
{
    struct silt_http_req *req = transfer->req;
    if (transfer->oversized) {
        snprintf(req->text, sizeof req->text, "the answer is longer than %zu bytes",
                 req->ret_body.max);
        return;
    }
    if (transfer->refused) {
        snprintf(req->text, sizeof req->text,
                 "refused: the host's address is one that hands out cloud credentials");
        return;
    }
    const char *words = transfer->error[0] ? transfer->error : curl_easy_strerror(result);
    snprintf(req->text, sizeof req->text, "%s", words);
}

void silt_http_transfer_answer(struct silt_http_transfer *transfer, CURLcode result)
{
    struct silt_http_req *req = transfer->req;
    long status = 0;
    long sent_bytes = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
    /* Some versions said OK without any answer (curl issue 2801). */
    if (result == CURLE_OK && status == 0) result = CURLE_GOT_NOTHING;
    req->outcome = silt_http_outcome_of(result, sent_bytes);
    req->status = (int)status;
    req->elapsed_us = (silt_mono_ns() - transfer->start_ns) / 1000;
    if (result != CURLE_OK) write_text(transfer, result);
}

void silt_http_transfer_done(struct silt_http_transfer *transfer)
{
    curl_slist_free_all(transfer->headers);
    silt_free(transfer);
}
