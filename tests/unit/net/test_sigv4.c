#include "net/sigv4.h"

#include "harness.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define VECTORS SILT_SOURCE_DIR "/tests/data/sigv4"
#define PAIRS 16

static char *vector_text(const char *folder, const char *file)
{
    char path[512];
    snprintf(path, sizeof path, VECTORS "/%s/%s", folder, file);
    return silt_test_read(path, NULL);
}

/* A request of the suite, cut in place. */
struct vector {
    char *text;
    char *canonical;
    json_t *context;
    char *path;
    char date[SILT_SIGV4_DATE_LEN];
    struct silt_sigv4_pair query[PAIRS];
    struct silt_http_header headers[PAIRS];
    char *body;
    char hash[SILT_SHA256_HEX];
    const char *token; /* NULL: none, or not signed */
    struct silt_secret secret;
    struct silt_sigv4_req req;
};

static void percent_decode(char *text)
{
    char *to = text;
    for (; *text; text++) {
        unsigned c = (unsigned char)*text;
        if (*text == '%' && sscanf(text + 1, "%2x", &c) == 1) text += 2;
        *to++ = (char)c;
    }
    *to = '\0';
}

static void read_query(struct vector *vector, char *query)
{
    for (char *pair; (pair = strsep(&query, "&"));) {
        char *name = strsep(&pair, "=");
        percent_decode(name);
        if (pair) percent_decode(pair);
        vector->query[vector->req.query_n++] = (struct silt_sigv4_pair){name, pair ? pair : ""};
    }
}

static void add_header(struct vector *vector, const char *name, const char *value)
{
    vector->headers[vector->req.headers_n++] = (struct silt_http_header){name, value};
}

/* A line that begins with a blank continues the value before it. */
static void read_headers(struct vector *vector, char *text)
{
    char *end = strstr(text, "\n\n");
    vector->body = end ? end + 2 : text + strlen(text);
    if (end) *end = '\0';
    char *name = NULL;
    for (char *line = text; line && *line;) {
        char *next = strchr(line, '\n');
        while (next && next[1] == ' ') next = strchr(next + 1, '\n');
        if (next) *next++ = '\0';
        name = line;
        char *value = strchr(line, ':');
        *value++ = '\0';
        add_header(vector, name, value);
        line = next;
    }
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void read_context(struct vector *vector, const char *folder)
{
    char *text = vector_text(folder, "context.json");
    vector->context = json_loads(text, 0, NULL);
    free(text);
    const json_t *credentials = json_object_get(vector->context, "credentials");
    silt_secret_set(&vector->secret, text_of(credentials, "secret_access_key"));
    vector->req.access_key = text_of(credentials, "access_key_id");
    vector->req.region = text_of(vector->context, "region");
    vector->req.service = text_of(vector->context, "service");
    if (!json_is_true(json_object_get(vector->context, "omit_session_token")))
        vector->token = text_of(credentials, "token");
}

static void vector_init(struct vector *vector, const char *folder)
{
    *vector = (struct vector){0};
    vector->text = vector_text(folder, "request.txt");
    vector->canonical = vector_text(folder, "header-canonical-request.txt");
    read_context(vector, folder);
    silt_sigv4_date(1440938160000, vector->date);

    char *rest = vector->text;
    char *line = strsep(&rest, "\n");
    vector->req.method = strsep(&line, " ");
    *strstr(line, " HTTP/1.1") = '\0';
    char *query = strchr(line, '?');
    if (query) read_query(vector, query + 1);
    char *canonical = vector->canonical;
    strsep(&canonical, "\n");
    vector->path = strsep(&canonical, "\n");
    read_headers(vector, rest);

    silt_sha256_hex(vector->body, strlen(vector->body), vector->hash);
    vector->req.path = vector->path;
    vector->req.query = vector->query;
    vector->req.headers = vector->headers;
    vector->req.date = vector->date;
    vector->req.payload_hash = vector->hash;
}

static void vector_done(struct vector *vector)
{
    free(vector->text);
    free(vector->canonical);
    json_decref(vector->context);
    silt_secret_done(&vector->secret);
}

static bool same(struct silt_buf *buf, const char *folder, const char *file, const char *what)
{
    char *wanted = vector_text(folder, file);
    bool equal = strcmp(silt_buf_str(buf), wanted) == 0;
    if (!equal) printf("\n%s %s:\n%s\nwanted:\n%s\n", folder, what, silt_buf_str(buf), wanted);
    free(wanted);
    return equal;
}

static bool ends_with_signature(const struct silt_buf *buf, const char *folder, const char *file)
{
    char *wanted = vector_text(folder, file);
    const char *text = silt_buf_str(buf);
    bool equal = strcmp(text + strlen(text) - strlen(wanted), wanted) == 0;
    if (!equal) printf("\n%s: %s\nwanted %s\n", folder, text, wanted);
    free(wanted);
    return equal;
}

static void signs_in_headers(const char *folder)
{
    struct vector vector;
    struct silt_sigv4_keys keys = {0};
    uint8_t key[SILT_SHA256_LEN];
    struct silt_buf buf;
    silt_buf_init(&buf, 65536);
    vector_init(&vector, folder);
    add_header(&vector, "X-Amz-Date", vector.date);
    if (vector.token) add_header(&vector, "X-Amz-Security-Token", vector.token);
    if (json_is_true(json_object_get(vector.context, "sign_body")))
        add_header(&vector, "x-amz-content-sha256", vector.hash);
    silt_sigv4_keys_get(&keys, &vector.req, &vector.secret, key);

    silt_sigv4_canonical(&buf, &vector.req);
    CU_ASSERT(same(&buf, folder, "header-canonical-request.txt", "canonical request"));
    silt_buf_clear(&buf);
    silt_sigv4_string_to_sign(&buf, &vector.req);
    CU_ASSERT(same(&buf, folder, "header-string-to-sign.txt", "string to sign"));
    silt_buf_clear(&buf);
    silt_sigv4_sign(&buf, &vector.req, key);
    CU_ASSERT(ends_with_signature(&buf, folder, "header-signature.txt"));
    silt_buf_done(&buf);
    silt_sigv4_keys_done(&keys);
    vector_done(&vector);
}

/* The canonical request's query is the presigned one without its signature. */
static void signs_in_the_query(const char *folder)
{
    struct vector vector;
    struct silt_sigv4_keys keys = {0};
    uint8_t key[SILT_SHA256_LEN];
    struct silt_buf buf;
    silt_buf_init(&buf, 65536);
    vector_init(&vector, folder);
    silt_sigv4_keys_get(&keys, &vector.req, &vector.secret, key);
    char *canonical = vector_text(folder, "query-canonical-request.txt");
    char *rest = canonical;
    strsep(&rest, "\n");
    strsep(&rest, "\n");
    const char *query = strsep(&rest, "\n");
    unsigned expires =
        (unsigned)json_integer_value(json_object_get(vector.context, "expiration_in_seconds"));
    silt_sigv4_presign(&buf, &vector.req, key, expires, vector.token);
    bool begins = strncmp(silt_buf_str(&buf), query, strlen(query)) == 0;
    if (!begins) printf("\n%s:\n%s\nwanted:\n%s\n", folder, silt_buf_str(&buf), query);
    CU_ASSERT(begins);
    CU_ASSERT(ends_with_signature(&buf, folder, "query-signature.txt"));
    free(canonical);
    silt_buf_done(&buf);
    silt_sigv4_keys_done(&keys);
    vector_done(&vector);
}

static int for_all_vectors(void (*check)(const char *folder))
{
    int n = 0;
    DIR *dir = opendir(VECTORS);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[512];
        snprintf(path, sizeof path, VECTORS "/%s/request.txt", entry->d_name);
        if (entry->d_name[0] == '.' || access(path, R_OK) != 0) continue;
        check(entry->d_name);
        n++;
    }
    closedir(dir);
    return n;
}

static void gives_the_signatures_of_the_suite(void)
{
    CU_ASSERT_EQUAL(for_all_vectors(signs_in_headers), 38);
}

static void gives_the_presigned_queries_of_the_suite(void)
{
    CU_ASSERT_EQUAL(for_all_vectors(signs_in_the_query), 38);
}

static void sorts_the_query_by_name_then_value(void)
{
    static const struct silt_sigv4_pair query[] = {
        {"aa", ""},   {"uploads", ""},       {"b", "2"}, {"b", "1"},
        {"a-b", "x"}, {"a", "=&/ \xC3\xA9"}, {"b", "1"}, {"B", "~"}};
    struct silt_buf buf;
    silt_buf_init(&buf, 4096);
    silt_sigv4_query(&buf, query, 8);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&buf),
                           "B=~&a=%3D%26%2F%20%C3%A9&a-b=x&aa=&b=1&b=1&b=2&uploads=");
    silt_buf_clear(&buf);
    silt_sigv4_query(&buf, NULL, 0);
    CU_ASSERT_EQUAL(buf.len, 0);
    static const struct silt_sigv4_pair sorted[] = {{"a", "2"}, {"aa", "1"}};
    silt_sigv4_query(&buf, sorted, 2);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&buf), "a=2&aa=1");
    silt_buf_done(&buf);
}

static void keeps_slashes_in_a_path_only(void)
{
    struct silt_buf buf;
    silt_buf_init(&buf, 4096);
    silt_sigv4_encode(&buf, "dt=2026/a b+%.~_-", true);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&buf), "dt%3D2026/a%20b%2B%25.~_-");
    silt_buf_clear(&buf);
    silt_sigv4_encode(&buf, "a/b", false);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&buf), "a%2Fb");
    silt_buf_done(&buf);
}

static void derives_a_new_key_when_day_place_or_secret_change(void)
{
    struct silt_sigv4_keys keys = {0};
    struct silt_secret secret = {0};
    struct silt_secret other = {0};
    silt_secret_set(&secret, "one");
    silt_secret_set(&other, "two");
    struct silt_sigv4_req req = {
        .region = "eu-west-1", .service = "s3", .date = "20260101T000000Z"};
    uint8_t first[SILT_SHA256_LEN];
    uint8_t next[SILT_SHA256_LEN];
    silt_sigv4_keys_get(&keys, &req, &secret, first);
    req.date = "20260101T235959Z";
    silt_sigv4_keys_get(&keys, &req, &secret, next);
    CU_ASSERT(memcmp(first, next, sizeof first) == 0);
    req.date = "20260102T000000Z";
    silt_sigv4_keys_get(&keys, &req, &secret, next);
    CU_ASSERT(memcmp(first, next, sizeof first) != 0);
    req.date = "20260101T000000Z";
    silt_sigv4_keys_get(&keys, &req, &other, next);
    CU_ASSERT(memcmp(first, next, sizeof first) != 0);
    silt_sigv4_keys_get(&keys, &req, &secret, next);
    CU_ASSERT(memcmp(first, next, sizeof first) == 0);
    req.region = "eu-west-2";
    silt_sigv4_keys_get(&keys, &req, &secret, next);
    CU_ASSERT(memcmp(first, next, sizeof first) != 0);
    req.region = "eu-west-1";
    silt_sigv4_keys_get(&keys, &req, &secret, next);
    CU_ASSERT(memcmp(first, next, sizeof first) == 0);
    silt_sigv4_keys_done(&keys);
    CU_ASSERT_PTR_NULL(keys.secret.hidden);
    silt_sigv4_keys_done(NULL);
    silt_secret_done(&secret);
    silt_secret_done(&other);
}

static void trims_header_values(void)
{
    static const struct silt_http_header headers[] = {
        {"B", " \t x \t\r\n y\r"}, {"a", ""}, {"A", "z"}, {"[", "@"}};
    const struct silt_sigv4_req req = {
        .method = "GET", .path = "/", .headers = headers, .headers_n = 4, .payload_hash = "h"};
    struct silt_buf buf;
    silt_buf_init(&buf, 4096);
    silt_sigv4_canonical(&buf, &req);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&buf), "GET\n/\n\n[:@\na:,z\nb:x y\n\n[;a;b\nh");
    silt_buf_done(&buf);
}

static void writes_dates_as_amazon_wants_them(void)
{
    char date[SILT_SIGV4_DATE_LEN];
    silt_sigv4_date(1440938160999, date);
    CU_ASSERT_STRING_EQUAL(date, "20150830T123600Z");
}

SILT_TESTS("sigv4", {"gives the signatures of the suite", gives_the_signatures_of_the_suite},
           {"gives the presigned queries of the suite", gives_the_presigned_queries_of_the_suite},
           {"sorts the query by name, then value", sorts_the_query_by_name_then_value},
           {"keeps slashes in a path only", keeps_slashes_in_a_path_only},
           {"derives a new key when day, place or secret change",
            derives_a_new_key_when_day_place_or_secret_change},
           {"trims header values", trims_header_values},
           {"writes dates as Amazon wants them", writes_dates_as_amazon_wants_them})
