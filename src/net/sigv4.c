#include "net/sigv4.h"

#include "base/alloc.h"
#include "base/err.h"
#include "base/iso.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define CANONICAL_MAX ((size_t)256 << 10) /* far above any request of ours */

void silt_sigv4_date(int64_t wall_ms, char ret_date[SILT_SIGV4_DATE_LEN])
{
    char iso[SILT_ISO_LEN];
    silt_iso_seconds(wall_ms, iso);
    size_t n = 0;
    /* "2015-08-30T12:36:00Z" without what separates. */
    for (const char *at = iso; *at; at++)
        if (*at != '-' && *at != ':') ret_date[n++] = *at;
    SILT_ASSERT(n == SILT_SIGV4_DATE_LEN - 1);
    ret_date[n] = '\0';
}

static void write_scope(const struct silt_sigv4_req *req, char *ret_scope, size_t room)
{
    int len = snprintf(ret_scope, room, "%.8s/%s/%s", req->date, req->region, req->service);
    SILT_ASSERT(len > 0 && (size_t)len < room);
}

void silt_sigv4_keys_get(struct silt_sigv4_keys *keys, const struct silt_sigv4_req *req,
                         const struct silt_secret *secret, uint8_t ret_key[SILT_SHA256_LEN])
{
    char scope[sizeof keys->scope];
    write_scope(req, scope, sizeof scope);
    const char *value = silt_secret_reveal(secret);
    if (strcmp(scope, keys->scope) != 0 || strcmp(value, silt_secret_reveal(&keys->secret)) != 0) {
        char *first = silt_asprintf("AWS4%s", value);
        uint8_t *key = keys->key;
        silt_hmac_sha256(first, strlen(first), req->date, 8, key);
        silt_hmac_sha256(key, SILT_SHA256_LEN, req->region, strlen(req->region), key);
        silt_hmac_sha256(key, SILT_SHA256_LEN, req->service, strlen(req->service), key);
        silt_hmac_sha256(key, SILT_SHA256_LEN, "aws4_request", 12, key);
        explicit_bzero(first, strlen(first));
        silt_free(first);
        silt_secret_set(&keys->secret, value);
        memcpy(keys->scope, scope, sizeof scope);
    }
    memcpy(ret_key, keys->key, SILT_SHA256_LEN);
}

void silt_sigv4_keys_done(struct silt_sigv4_keys *keys)
{
    if (!keys) return;
    silt_secret_done(&keys->secret);
    explicit_bzero(keys, sizeof *keys);
}

static bool unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void append(struct silt_buf *buf, const void *bytes, size_t len)
{
    bool fits = silt_buf_append(buf, bytes, len);
    SILT_ASSERT(fits);
}

static void append_str(struct silt_buf *buf, const char *text)
{
    append(buf, text, strlen(text));
}

void silt_sigv4_encode(struct silt_buf *buf, const char *text, bool path)
{
    static const char digits[] = "0123456789ABCDEF";
    for (const char *at = text; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if (unreserved(c) || (path && c == '/'))
            append(buf, at, 1);
        else
            append(buf, (char[3]){'%', digits[c >> 4], digits[c & 15]}, 3);
    }
}

/* --- query ----------------------------------------------------------------------------------- */

struct encoded {
    const char *text; /* name '=' value */
    size_t name_len;
};

/* By encoded name, then by encoded value. */
static int by_name_then_value(const void *va, const void *vb)
{
    const struct encoded *a = va;
    const struct encoded *b = vb;
    size_t shorter = a->name_len < b->name_len ? a->name_len : b->name_len;
    int order = memcmp(a->text, b->text, shorter);
    if (order) return order;
    if (a->name_len != b->name_len) return a->name_len < b->name_len ? -1 : 1;
    return strcmp(a->text + a->name_len, b->text + b->name_len);
}

void silt_sigv4_query(struct silt_buf *buf, const struct silt_sigv4_pair *query, unsigned query_n)
{
    SILT_ASSERT(query_n <= SILT_SIGV4_PAIRS_MAX);
    struct encoded sorted[SILT_SIGV4_PAIRS_MAX];
    size_t starts[SILT_SIGV4_PAIRS_MAX];
    struct silt_buf text;
    silt_buf_init(&text, CANONICAL_MAX);
    for (unsigned i = 0; i < query_n; i++) {
        starts[i] = text.len;
        silt_sigv4_encode(&text, query[i].name, false);
        sorted[i].name_len = text.len - starts[i];
        append(&text, "=", 1);
        silt_sigv4_encode(&text, query[i].value, false);
        append(&text, "", 1);
    }
    for (unsigned i = 0; i < query_n; i++) sorted[i].text = (const char *)text.data + starts[i];
    if (query_n) qsort(sorted, query_n, sizeof sorted[0], by_name_then_value);
    for (unsigned i = 0; i < query_n; i++) {
        if (i) append(buf, "&", 1);
        append_str(buf, sorted[i].text);
    }
    silt_buf_done(&text);
}

/* --- headers --------------------------------------------------------------------------------- */

/* Stable, so that repeated names keep the order of their values. */
static void sort_headers(const struct silt_sigv4_req *req, const struct silt_http_header **sorted)
{
    SILT_ASSERT(req->headers_n <= SILT_SIGV4_PAIRS_MAX);
    for (unsigned i = 0; i < req->headers_n; i++) {
        unsigned at = i;
        for (; at > 0 && strcasecmp(sorted[at - 1]->name, req->headers[i].name) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = &req->headers[i];
    }
}

static void append_lower(struct silt_buf *buf, const char *text)
{
    for (; *text; text++) {
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
        append(buf, &c, 1);
    }
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Without blanks at the ends, runs of them become one space. */
static void append_trimmed(struct silt_buf *buf, const char *value)
{
    bool begun = false;
    bool gap = false;
    for (; *value; value++) {
        if (blank(*value)) {
            gap = begun;
            continue;
        }
        if (gap) append(buf, " ", 1);
        append(buf, value, 1);
        begun = true;
        gap = false;
    }
}

static void append_headers(struct silt_buf *buf, const struct silt_sigv4_req *req)
{
    const struct silt_http_header *sorted[SILT_SIGV4_PAIRS_MAX];
    sort_headers(req, sorted);
    for (unsigned i = 0; i < req->headers_n; i++) {
        bool repeated = i > 0 && strcasecmp(sorted[i - 1]->name, sorted[i]->name) == 0;
        if (repeated) {
            buf->len--; /* the end of the line */
            append(buf, ",", 1);
        } else {
            append_lower(buf, sorted[i]->name);
            append(buf, ":", 1);
        }
        append_trimmed(buf, sorted[i]->value);
        append(buf, "\n", 1);
    }
}

static void append_signed_names(struct silt_buf *buf, const struct silt_sigv4_req *req)
{
    const struct silt_http_header *sorted[SILT_SIGV4_PAIRS_MAX];
    sort_headers(req, sorted);
    for (unsigned i = 0; i < req->headers_n; i++) {
        if (i > 0 && strcasecmp(sorted[i - 1]->name, sorted[i]->name) == 0) continue;
        if (i > 0) append(buf, ";", 1);
        append_lower(buf, sorted[i]->name);
    }
}

/* --- signing --------------------------------------------------------------------------------- */

static void append_canonical(struct silt_buf *buf, const struct silt_sigv4_req *req,
                             const char *query)
{
    append_str(buf, req->method);
    append(buf, "\n", 1);
    append_str(buf, req->path);
    append(buf, "\n", 1);
    append_str(buf, query);
    append(buf, "\n", 1);
    append_headers(buf, req);
    append(buf, "\n", 1);
    append_signed_names(buf, req);
    append(buf, "\n", 1);
    append_str(buf, req->payload_hash);
}

static void append_string_to_sign(struct silt_buf *buf, const struct silt_sigv4_req *req,
                                  const char *query)
{
    struct silt_buf canonical;
    silt_buf_init(&canonical, CANONICAL_MAX);
    append_canonical(&canonical, req, query);
    char hash[SILT_SHA256_HEX];
    silt_sha256_hex(canonical.data, canonical.len, hash);
    silt_buf_done(&canonical);

    append_str(buf, ALGORITHM "\n");
    append_str(buf, req->date);
    append(buf, "\n", 1);
    append(buf, req->date, 8);
    append(buf, "/", 1);
    append_str(buf, req->region);
    append(buf, "/", 1);
    append_str(buf, req->service);
    append_str(buf, "/aws4_request\n");
    append_str(buf, hash);
}

static void append_signature(struct silt_buf *buf, const struct silt_sigv4_req *req,
                             const char *query, const uint8_t key[SILT_SHA256_LEN])
{
    struct silt_buf text;
    silt_buf_init(&text, CANONICAL_MAX);
    append_string_to_sign(&text, req, query);
    uint8_t digest[SILT_SHA256_LEN];
    char hex[SILT_SHA256_HEX];
    silt_hmac_sha256(key, SILT_SHA256_LEN, text.data, text.len, digest);
    silt_hex(digest, sizeof digest, hex);
    append_str(buf, hex);
    silt_buf_done(&text);
}

static void own_query(struct silt_buf *ret_query, const struct silt_sigv4_req *req)
{
    silt_buf_init(ret_query, CANONICAL_MAX);
    silt_sigv4_query(ret_query, req->query, req->query_n);
}

void silt_sigv4_canonical(struct silt_buf *buf, const struct silt_sigv4_req *req)
{
    struct silt_buf query;
    own_query(&query, req);
    append_canonical(buf, req, silt_buf_str(&query));
    silt_buf_done(&query);
}

void silt_sigv4_string_to_sign(struct silt_buf *buf, const struct silt_sigv4_req *req)
{
    struct silt_buf query;
    own_query(&query, req);
    append_string_to_sign(buf, req, silt_buf_str(&query));
    silt_buf_done(&query);
}

static void append_credential(struct silt_buf *buf, const struct silt_sigv4_req *req)
{
    char scope[sizeof((struct silt_sigv4_keys *)0)->scope];
    write_scope(req, scope, sizeof scope);
    append_str(buf, req->access_key);
    append(buf, "/", 1);
    append_str(buf, scope);
    append_str(buf, "/aws4_request");
}

void silt_sigv4_sign(struct silt_buf *buf, const struct silt_sigv4_req *req,
                     const uint8_t key[SILT_SHA256_LEN])
{
    struct silt_buf query;
    own_query(&query, req);
    append_str(buf, ALGORITHM " Credential=");
    append_credential(buf, req);
    append_str(buf, ", SignedHeaders=");
    append_signed_names(buf, req);
    append_str(buf, ", Signature=");
    append_signature(buf, req, silt_buf_str(&query), key);
    silt_buf_done(&query);
}

void silt_sigv4_presign(struct silt_buf *buf, const struct silt_sigv4_req *req,
                        const uint8_t key[SILT_SHA256_LEN], unsigned expires_s,
                        const char *session_token)
{
    SILT_ASSERT(req->query_n + 6 <= SILT_SIGV4_PAIRS_MAX);
    struct silt_buf credential;
    struct silt_buf names;
    struct silt_buf query;
    silt_buf_init(&credential, CANONICAL_MAX);
    silt_buf_init(&names, CANONICAL_MAX);
    silt_buf_init(&query, CANONICAL_MAX);
    append_credential(&credential, req);
    append_signed_names(&names, req);
    char expires[12];
    snprintf(expires, sizeof expires, "%u", expires_s);

    struct silt_sigv4_pair pairs[SILT_SIGV4_PAIRS_MAX];
    unsigned n = req->query_n;
    if (n) memcpy(pairs, req->query, n * sizeof pairs[0]);
    pairs[n++] = (struct silt_sigv4_pair){"X-Amz-Algorithm", ALGORITHM};
    pairs[n++] = (struct silt_sigv4_pair){"X-Amz-Credential", silt_buf_str(&credential)};
    pairs[n++] = (struct silt_sigv4_pair){"X-Amz-Date", req->date};
    pairs[n++] = (struct silt_sigv4_pair){"X-Amz-Expires", expires};
    pairs[n++] = (struct silt_sigv4_pair){"X-Amz-SignedHeaders", silt_buf_str(&names)};
    if (session_token) pairs[n++] = (struct silt_sigv4_pair){"X-Amz-Security-Token", session_token};
    silt_sigv4_query(&query, pairs, n);

    append_str(buf, silt_buf_str(&query));
    append_str(buf, "&X-Amz-Signature=");
    append_signature(buf, req, silt_buf_str(&query), key);
    silt_buf_done(&credential);
    silt_buf_done(&names);
    silt_buf_done(&query);
}
