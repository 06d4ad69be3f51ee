#include "cli/registry.h"

#include "base/alloc.h"
#include "base/jsonw.h"
#include "base/random.h"
#include "net/http.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static void wipe(char **text)
{
    if (*text) explicit_bzero(*text, strlen(*text));
    silt_free(*text);
}

static char *authorization(const struct silt_registry_opts *opts)
{
    char *plain silt_auto(wipe) =
        silt_asprintf("%s:%s", opts->user, silt_secret_reveal(opts->password));
    const size_t len = strlen(plain);
    char *header = silt_alloc(strlen("Basic ") + SILT_BASE64_LEN(len));
    memcpy(header, "Basic ", strlen("Basic "));
    silt_base64(plain, len, header + strlen("Basic "));
    return header;
}

static char *url_of(const struct silt_registry_opts *opts, const char *topic)
{
    size_t len = strcspn(opts->url, ","); /* the first one */
    while (len > 0 && opts->url[len - 1] == '/') len--;
    return silt_asprintf("%.*s/subjects/%s-value/versions", (int)len, opts->url, topic);
}

static SILT_RC read_id(const struct silt_http_req *req, int32_t *ret_id, struct silt_err *err)
{
    json_t *root = json_loadb((const char *)req->ret_body.data, req->ret_body.len, 0, NULL);
    const json_t *id = json_object_get(root, "id");
    const bool good =
        json_is_integer(id) && json_integer_value(id) >= 0 && json_integer_value(id) <= INT32_MAX;
    if (good) *ret_id = (int32_t)json_integer_value(id);
    json_decref(root);
    if (!good) SILT_FAIL(err, PROTOCOL, "schema registry %s: the answer has no id", req->url);
    return SILT_OK;
}

static SILT_RC read_answer(const struct silt_http_req *req, int32_t *ret_id, struct silt_err *err)
{
    if (req->outcome != SILT_HTTP_ANSWERED)
        SILT_FAIL(err, CONNECT, "schema registry %s: %s", req->url, req->text);
    if (req->status == 200) return read_id(req, ret_id, err);
    if (req->status == 401 || req->status == 403)
        SILT_FAIL(err, DENIED,
                  "schema registry %s: refused (%d); check schema.registry_user and its password",
                  req->url, req->status);
    if (req->status == 409)
        SILT_FAIL(err, CONFLICT,
                  "schema registry %s: another schema is there and not compatible; use a new topic",
                  req->url);
    SILT_FAIL(err, PROTOCOL, "schema registry %s: answered %d", req->url, req->status);
}

static void write_body(struct silt_buf *body, const char *schema)
{
    struct silt_jsonw w;
    silt_jsonw_init(&w, body);
    silt_jsonw_open(&w, '{');
    silt_jsonw_kstr(&w, "schema", schema);
    silt_jsonw_close(&w, '}');
}

SILT_RC silt_registry_register(const struct silt_registry_opts *opts, const char *topic,
                               const char *schema, int32_t *ret_id, struct silt_err *err)
{
    char *url silt_auto(silt_free_auto) = url_of(opts, topic);
    char *basic silt_auto(wipe) = *opts->user ? authorization(opts) : NULL;
    struct silt_buf body silt_auto(silt_buf_done);
    silt_buf_init(&body, SILT_BUF_MAX_DEFAULT);
    write_body(&body, schema);
    const struct silt_slice slice = silt_buf_slice(&body);
    const struct silt_http_header headers[] = {
        {"Content-Type", "application/vnd.schemaregistry.v1+json"}, {"Authorization", basic}};
    struct silt_http_req req silt_auto(silt_http_req_done) = {
        .method = "POST",
        .url = url,
        .headers = headers,
        .headers_n = basic ? 2 : 1,
        .body = &slice,
        .body_n = 1,
        .ca_file = opts->ca_file,
    };
    silt_http_call(opts->http, &req);
    return read_answer(&req, ret_id, err);
}
