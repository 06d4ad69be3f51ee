/* Signatures of requests given as lines of JSON, for comparing with other signers.
 *
 *   differ_sigv4 < REQUESTS      a line for each: canonical request as a JSON text, tab,
 * Authorization
 */
#include "base/jsonw.h"
#include "net/sigv4.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

struct request {
    struct silt_sigv4_pair query[SILT_SIGV4_PAIRS_MAX];
    struct silt_http_header headers[SILT_SIGV4_PAIRS_MAX];
    struct silt_sigv4_req req;
};

static const char *text(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

static const char *item(const json_t *pair, size_t i)
{
    return json_string_value(json_array_get(pair, i));
}

/* Views into `json`. */
static void read_request(const json_t *json, struct request *request)
{
    const json_t *query = json_object_get(json, "query");
    const json_t *headers = json_object_get(json, "headers");
    size_t i;
    const json_t *pair;
    json_array_foreach((json_t *)(uintptr_t)query, i, pair) request->query[i] =
        (struct silt_sigv4_pair){item(pair, 0), item(pair, 1)};
    json_array_foreach((json_t *)(uintptr_t)headers, i, pair) request->headers[i] =
        (struct silt_http_header){item(pair, 0), item(pair, 1)};
    request->req = (struct silt_sigv4_req){.access_key = text(json, "access_key"),
                                           .region = text(json, "region"),
                                           .service = text(json, "service"),
                                           .date = text(json, "date"),
                                           .method = text(json, "method"),
                                           .path = text(json, "path"),
                                           .query = request->query,
                                           .query_n = (unsigned)json_array_size(query),
                                           .headers = request->headers,
                                           .headers_n = (unsigned)json_array_size(headers),
                                           .payload_hash = text(json, "payload_hash")};
}

static void answer(const json_t *json)
{
    static struct request request;
    struct silt_sigv4_keys keys = {0};
    struct silt_secret secret = {0};
    struct silt_buf canonical;
    struct silt_buf line;
    struct silt_jsonw w;
    uint8_t key[SILT_SHA256_LEN];
    read_request(json, &request);
    silt_secret_set(&secret, text(json, "secret"));
    silt_sigv4_keys_get(&keys, &request.req, &secret, key);
    silt_buf_init(&canonical, SILT_BUF_MAX_DEFAULT);
    silt_buf_init(&line, SILT_BUF_MAX_DEFAULT);
    silt_sigv4_canonical(&canonical, &request.req);
    silt_jsonw_init(&w, &line);
    silt_jsonw_str(&w, silt_buf_str(&canonical));
    if (!silt_buf_append_char(&line, '\t')) abort();
    silt_sigv4_sign(&line, &request.req, key);
    puts(silt_buf_str(&line));
    silt_buf_done(&line);
    silt_buf_done(&canonical);
    silt_sigv4_keys_done(&keys);
    silt_secret_done(&secret);
}

int main(void)
{
    static char line[1 << 16];
    while (fgets(line, sizeof line, stdin)) {
        json_t *json = json_loads(line, 0, NULL);
        if (!json) return 2;
        answer(json);
        json_decref(json);
    }
    return fflush(stdout) == 0 ? 0 : 2;
}
