#include "cli/registry.h"

#include "harness.h"
#include "http_server.h"
#include "net/http.h"

#include <stdlib.h>
#include <string.h>

static struct silt_http *io;

static SILT_RC ask(const char *url, const char *user, int32_t *ret_id, struct silt_err *err)
{
    struct silt_secret password = {0};
    silt_secret_set(&password, "pw");
    const struct silt_registry_opts opts = {
        .url = url, .user = user, .password = &password, .ca_file = "", .http = io};
    const struct silt_rc rc =
        silt_registry_register(&opts, "sensors", "{\"a\": \"b\"}", ret_id, err);
    silt_secret_done(&password);
    return rc;
}

static void posts_the_schema_and_reads_its_id(void)
{
    static const struct silt_http_step script[] = {
        {.status = 200, .body = "{\"id\": 17}", .repeat = 1}};
    struct silt_http_server *server = silt_http_server_start(script, 1);
    char url[80];
    int32_t id = -1;
    snprintf(url, sizeof url, "%s/base/", silt_http_server_url(server));
    CU_ASSERT_OK(ask(url, "", &id, NULL));
    CU_ASSERT_EQUAL(id, 17);
    CU_ASSERT_OK(ask(url, "u", &id, NULL));
    const struct silt_http_seen *seen = silt_http_server_seen(server, 0);
    CU_ASSERT_STRING_EQUAL(seen->method, "POST");
    CU_ASSERT_STRING_EQUAL(seen->target, "/base/subjects/sensors-value/versions");
    CU_ASSERT_STRING_EQUAL(seen->body, "{\"schema\":\"{\\\"a\\\": \\\"b\\\"}\"}");
    char *none = silt_http_seen_header(seen, "Authorization");
    char *basic = silt_http_seen_header(silt_http_server_seen(server, 1), "Authorization");
    CU_ASSERT_PTR_NULL(none);
    CU_ASSERT_STRING_EQUAL(basic, "Basic dTpwdw==");
    free(basic);
    silt_http_server_stop(server);
}

static void check_refused(struct silt_http_step step, enum silt_code code, const char *text)
{
    struct silt_http_server *server = silt_http_server_start(&step, 1);
    struct silt_err err = {0};
    int32_t id = -1;
    CU_ASSERT_FAILS(ask(silt_http_server_url(server), "", &id, &err));
    CU_ASSERT_EQUAL(err.code, code);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, text));
    CU_ASSERT_EQUAL(id, -1);
    silt_http_server_stop(server);
}

static void each_refusal_has_its_words(void)
{
    check_refused((struct silt_http_step){.status = 401}, SILT_E_DENIED,
                  "check schema.registry_user");
    check_refused((struct silt_http_step){.status = 403}, SILT_E_DENIED, "refused (403)");
    check_refused((struct silt_http_step){.status = 409}, SILT_E_CONFLICT, "not compatible");
    check_refused((struct silt_http_step){.status = 500}, SILT_E_PROTOCOL, "answered 500");
    check_refused((struct silt_http_step){.status = 200, .body = "<html>"}, SILT_E_PROTOCOL,
                  "no id");
    check_refused((struct silt_http_step){.status = 200, .body = "{}"}, SILT_E_PROTOCOL, "no id");
    check_refused((struct silt_http_step){.status = 200, .body = "{\"id\":4294967296}"},
                  SILT_E_PROTOCOL, "no id");
    check_refused((struct silt_http_step){.status = 200, .body = "{\"id\":-1}"}, SILT_E_PROTOCOL,
                  "no id");
    check_refused((struct silt_http_step){.fault = SILT_FAULT_CLOSE}, SILT_E_CONNECT,
                  "schema registry http://127.0.0.1");
}

static void with_io(void (*fn)(void))
{
    CU_ASSERT_OK(silt_http_start(&(struct silt_http_opts){0}, &io, NULL));
    fn();
    silt_http_stop(io);
}

static void posting(void)
{
    with_io(posts_the_schema_and_reads_its_id);
}

static void refusing(void)
{
    with_io(each_refusal_has_its_words);
}

SILT_TESTS("registry", {"posts the schema and reads its id", posting},
           {"each refusal has its words", refusing})
