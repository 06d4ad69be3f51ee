#include "decode/decoder.h"

#include "base/alloc.h"
#include "base/random.h"
#include "base/thread.h"
#include "decode_tools.h"
#include "registry_client_int.h"
#include "registry_pace_int.h"

#include <pthread.h>

/* The io loop as the decoder sees it, played by the test: what was submitted waits until answer(),
 * timers until tick(). */
#define OPEN_MAX 600

struct silt_http {
    struct silt_http_req *reqs[OPEN_MAX];
    unsigned reqs_n;
    struct {
        void (*fn)(void *ctx, bool stopped);
        void *ctx;
        int64_t due_ms;
    } timers[OPEN_MAX];
    unsigned timers_n;
    /* what call() answers */
    enum silt_http_outcome outcome;
    int status;
    const char *body;
};

static int64_t clock_ms;

static int64_t now(void)
{
    return clock_ms;
}

static void submit(struct silt_http *http, struct silt_http_req *req)
{
    if (http->reqs_n == OPEN_MAX) abort();
    http->reqs[http->reqs_n++] = req;
}

static void timer(struct silt_http *http, int64_t delay_ms, void (*fn)(void *ctx, bool stopped),
                  void *ctx)
{
    if (http->timers_n == OPEN_MAX) abort();
    http->timers[http->timers_n].fn = fn;
    http->timers[http->timers_n].ctx = ctx;
    http->timers[http->timers_n++].due_ms = clock_ms + delay_ms;
}

static void fill_answer(struct silt_http_req *req, enum silt_http_outcome outcome, int status,
                        const char *body)
{
    req->outcome = outcome;
    req->status = status;
    silt_buf_init(&req->ret_body, SILT_BUF_MAX_DEFAULT);
    silt_buf_append_str(&req->ret_body, body);
    snprintf(req->text, sizeof req->text, "curl says so");
}

static void call(struct silt_http *http, struct silt_http_req *req)
{
    fill_answer(req, http->outcome, http->status, http->body);
}

static void fire(struct silt_http *http, unsigned i, bool stopped)
{
    void (*fn)(void *ctx, bool stopped) = http->timers[i].fn;
    void *ctx = http->timers[i].ctx;
    http->timers[i] = http->timers[--http->timers_n];
    fn(ctx, stopped);
}

static void cancel(struct silt_http *http, const void *owner)
{
    for (unsigned i = http->timers_n; i-- > 0;)
        if (http->timers[i].ctx == owner) fire(http, i, true);
    for (unsigned i = http->reqs_n; i-- > 0;) {
        struct silt_http_req *req = http->reqs[i];
        if (req->owner != owner) continue;
        http->reqs[i] = http->reqs[--http->reqs_n];
        fill_answer(req, SILT_HTTP_STOPPED, 0, "");
        req->done(req);
    }
}

static const struct silt_registry_port port = {
    .submit = submit, .call = call, .timer = timer, .cancel = cancel, .now_ms = now};

static void tick(struct silt_http *http, int64_t ms)
{
    clock_ms += ms;
    for (unsigned i = http->timers_n; i-- > 0;)
        if (http->timers[i].due_ms <= clock_ms) fire(http, i, false);
}

/* Answers the oldest request. */
static void answer(struct silt_http *http, enum silt_http_outcome outcome, int status,
                   const char *body)
{
    CU_ASSERT(http->reqs_n > 0);
    if (!http->reqs_n) return;
    struct silt_http_req *req = http->reqs[0];
    memmove(http->reqs, http->reqs + 1, --http->reqs_n * sizeof http->reqs[0]);
    fill_answer(req, outcome, status, body);
    req->done(req);
}

struct bench {
    struct silt_http http;
    struct silt_queue *queue;
    struct silt_decoder *decoder;
};

static void bench_init(struct bench *bench, struct silt_decoder_opts opts, size_t queue_len)
{
    memset(bench, 0, sizeof *bench);
    clock_ms = 1000000;
    bench->queue = silt_queue_new(queue_len, NULL, NULL);
    opts.reply_to = bench->queue;
    opts.http = &bench->http;
    if (!opts.registry_url) opts.registry_url = "http://registry:8081/apis/ccompat/v7/";
    CU_ASSERT_OK(silt_decoder_new_port(&opts, &port, &bench->decoder, NULL));
}

static void bench_done(struct bench *bench)
{
    silt_decoder_free(bench->decoder);
    while (silt_queue_pop(bench->queue, 0)) continue;
    silt_queue_free(bench->queue);
    CU_ASSERT_EQUAL(bench->http.reqs_n, 0);
    CU_ASSERT_EQUAL(bench->http.timers_n, 0);
}

static int64_t reply(struct bench *bench)
{
    struct silt_decoder_reply *popped = silt_queue_pop(bench->queue, 0);
    CU_ASSERT_PTR_NOT_NULL(popped);
    return popped ? silt_decoder_reply(bench->decoder, popped) : -1;
}

static enum silt_decode_status decode(struct silt_decoder *decoder, const void *bytes, size_t len,
                                      struct silt_decoded *ret)
{
    const struct silt_record rec = {.value = silt_slice_of(bytes, len)};
    return silt_decoder_decode(decoder, &rec, ret);
}

static const char *write_file(const char *name, const char *text, size_t len)
{
    static char path[3][200];
    static int turn;
    char *here = path[turn++ % 3];
    snprintf(here, sizeof path[0], "%s/%s", silt_test_dir(), name);
    FILE *file = fopen(here, "wb");
    if (!file || fwrite(text, 1, len, file) != len || fclose(file)) abort();
    return here;
}

static const char *schema_file(const char *name, const char *text)
{
    return write_file(name, text, strlen(text));
}

/* A Confluent value of schema `id` whose body is a short string. */
static enum silt_decode_status decode_id(struct bench *bench, int32_t id, struct silt_decoded *ret)
{
    static uint8_t value[] = {0, 0, 0, 0, 0, 4, 'o', 'k'};
    for (unsigned i = 0; i < 4; i++) value[1 + i] = (uint8_t)((uint32_t)id >> (24 - 8 * i));
    return decode(bench->decoder, value, sizeof value, ret);
}

#define STRING_SCHEMA "{\"schema\":\"\\\"string\\\"\"}"

static void asks_once_and_remembers(void)
{
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){0}, 10);
    struct silt_decoded decoded;
    CU_ASSERT_EQUAL(decode_id(&bench, 258, &decoded), SILT_DECODE_WANT_SCHEMA);
    CU_ASSERT_EQUAL(decode_id(&bench, 258, &decoded), SILT_DECODE_WANT_SCHEMA);
    CU_ASSERT_EQUAL(decoded.verdict.reason, SILT_REASON_NONE);
    CU_ASSERT_EQUAL(bench.http.reqs_n, 1);
    CU_ASSERT_STRING_EQUAL(bench.http.reqs[0]->url,
                           "http://registry:8081/apis/ccompat/v7/schemas/ids/258");
    CU_ASSERT_STRING_EQUAL(bench.http.reqs[0]->method, "GET");
    CU_ASSERT_EQUAL(bench.http.reqs[0]->headers_n, 1);
    CU_ASSERT_STRING_EQUAL(bench.http.reqs[0]->headers[0].value,
                           "application/vnd.schemaregistry.v1+json");
    answer(&bench.http, SILT_HTTP_ANSWERED, 200, STRING_SCHEMA);
    CU_ASSERT_EQUAL(reply(&bench), 0);
    CU_ASSERT_EQUAL(decode_id(&bench, 258, &decoded), SILT_DECODE_OK);
    CU_ASSERT_EQUAL(decoded.schema->id, 258);
    CU_ASSERT_EQUAL(decoded.schema_id, 258);
    CU_ASSERT_EQUAL(decoded.framing.len, 5);
    CU_ASSERT_EQUAL(decoded.body.len, 3);
    struct silt_decoder_stats stats;
    silt_decoder_stats(bench.decoder, &stats);
    CU_ASSERT(stats.registry_requests == 1 && stats.registry_failures == 0 && stats.cached == 1);
    bench_done(&bench);
}

static void sends_user_and_password(void)
{
    struct silt_decoder_opts opts = {.registry_url = "https://r", .registry_user = "me"};
    silt_secret_set(&opts.registry_password, "pass");
    struct bench bench;
    bench_init(&bench, opts, 10);
    silt_secret_done(&opts.registry_password);
    struct silt_decoded decoded;
    decode_id(&bench, 1, &decoded);
    CU_ASSERT_EQUAL(bench.http.reqs[0]->headers_n, 2);
    CU_ASSERT_STRING_EQUAL(bench.http.reqs[0]->url, "https://r/schemas/ids/1");
    CU_ASSERT_STRING_EQUAL(bench.http.reqs[0]->headers[1].name, "Authorization");
    CU_ASSERT_STRING_EQUAL(bench.http.reqs[0]->headers[1].value, "Basic bWU6cGFzcw==");
    bench_done(&bench);
}

static void reports_the_configured_fields(void)
{
    const char *json = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":"
                       "\"string\"},{\"name\":\"at\",\"type\":\"long\"}]}";
    const char *const files[] = {schema_file("r.avsc", json)};
    const struct silt_decoder_opts opts = {.framing = SILT_FRAMING_NONE,
                                           .schema_files = files,
                                           .schema_files_n = 1,
                                           .sensor_id_field = "id",
                                           .time_field = "at"};
    struct silt_decoder *decoder;
    CU_ASSERT_OK(silt_decoder_new(&opts, &decoder, NULL));
    struct silt_decoded decoded;
    CU_ASSERT_EQUAL(decode(decoder, "\4s1\6", 4, &decoded), SILT_DECODE_OK);
    CU_ASSERT(silt_slice_eq(decoded.verdict.sensor_id, silt_slice_str("s1")));
    CU_ASSERT_EQUAL(decoded.verdict.time_ms, 3);
    silt_decoder_free(decoder);
}

static void rejects_what_the_walker_refuses(void)
{
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){0}, 10);
    struct silt_decoded decoded;
    decode_id(&bench, 7, &decoded);
    answer(&bench.http, SILT_HTTP_ANSWERED, 200, STRING_SCHEMA);
    reply(&bench);
    CU_ASSERT_EQUAL(decode(bench.decoder, "\0\0\0\0\7\4z\xff", 8, &decoded), SILT_DECODE_REJECT);
    CU_ASSERT_EQUAL(decoded.verdict.reason, SILT_REASON_UTF8);
    CU_ASSERT_EQUAL(decoded.verdict.at, 2);
    CU_ASSERT_STRING_EQUAL(decoded.detail,
                           "a string is not UTF-8: byte 2 of 3, after 5 bytes of framing");
    CU_ASSERT_PTR_NOT_NULL(decoded.schema);
    bench_done(&bench);
}

static void rejects_before_any_schema(void)
{
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){.value_max = 8}, 10);
    struct silt_decoded decoded;
    CU_ASSERT_EQUAL(decode(bench.decoder, "", 0, &decoded), SILT_DECODE_REJECT);
    CU_ASSERT_EQUAL(decoded.verdict.reason, SILT_REASON_EMPTY);
    CU_ASSERT_EQUAL(decode(bench.decoder, "\0\0\0\0\7", 4, &decoded), SILT_DECODE_REJECT);
    CU_ASSERT_EQUAL(decoded.verdict.reason, SILT_REASON_FRAMING);
    CU_ASSERT_EQUAL(decode(bench.decoder, "\7\0\0\0\7", 5, &decoded), SILT_DECODE_REJECT);
    CU_ASSERT_EQUAL(decoded.verdict.reason, SILT_REASON_FRAMING);
    CU_ASSERT_EQUAL(decoded.schema_id, SILT_NO_SCHEMA_ID);
    CU_ASSERT_EQUAL(decoded.body.len, 5);
    CU_ASSERT_EQUAL(decode(bench.decoder, "\0\0\0\0\7zzzz", 9, &decoded), SILT_DECODE_REJECT);
    CU_ASSERT_EQUAL(decoded.verdict.reason, SILT_REASON_TOO_LARGE);
    CU_ASSERT_EQUAL(decoded.verdict.time_ms, SILT_NO_TIMESTAMP);
    CU_ASSERT_EQUAL(decode_id(&bench, -2, &decoded), SILT_DECODE_REJECT);
    CU_ASSERT_EQUAL(decoded.verdict.reason, SILT_REASON_UNKNOWN_SCHEMA);
    CU_ASSERT_EQUAL(bench.http.reqs_n, 0);
    CU_ASSERT_EQUAL(decode_id(&bench, 7, &decoded), SILT_DECODE_WANT_SCHEMA); /* 8 bytes */
    bench_done(&bench);
}

static void unknown_ids_stay_unknown_for_a_while(void)
{
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){.negative_ms = 5000}, 10);
    struct silt_decoded decoded;
    decode_id(&bench, 7, &decoded);
    answer(&bench.http, SILT_HTTP_ANSWERED, 404, "{\"error_code\":40403}");
    CU_ASSERT_EQUAL(reply(&bench), 0);
    CU_ASSERT_EQUAL(decode_id(&bench, 7, &decoded), SILT_DECODE_REJECT);
    CU_ASSERT_EQUAL(decoded.verdict.reason, SILT_REASON_UNKNOWN_SCHEMA);
    CU_ASSERT_STRING_EQUAL(decoded.detail, "schema 7: the registry does not know the schema id");
    CU_ASSERT_EQUAL(decoded.schema_id, 7);
    CU_ASSERT_PTR_NULL(decoded.schema);
    tick(&bench.http, 4999);
    CU_ASSERT_EQUAL(decode_id(&bench, 7, &decoded), SILT_DECODE_REJECT);
    CU_ASSERT_EQUAL(bench.http.reqs_n, 0);
    tick(&bench.http, 1);
    CU_ASSERT_EQUAL(decode_id(&bench, 7, &decoded), SILT_DECODE_WANT_SCHEMA);
    CU_ASSERT_EQUAL(bench.http.reqs_n, 1);
    bench_done(&bench);
}

static void unusable_schemas_make_bad_records(void)
{
    static const char *const bodies[] = {
        "{\"schema\":\"x\",\"schemaType\":\"JSON\"}",
        "{\"schema\":\"\\\"string\\\"\",\"references\":[{\"name\":\"common\"}]}",
        "{\"schema\":\"{}\"}"};
    static const char *const words[] = {"JSON", "a reference without", "without a \"type\""};
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){0}, 10);
    for (int32_t i = 0; i < 3; i++) {
        struct silt_decoded decoded;
        decode_id(&bench, i, &decoded);
        answer(&bench.http, SILT_HTTP_ANSWERED, 200, bodies[i]);
        CU_ASSERT_EQUAL(reply(&bench), 0);
        CU_ASSERT_EQUAL(decode_id(&bench, i, &decoded), SILT_DECODE_REJECT);
        CU_ASSERT_EQUAL(decoded.verdict.reason, SILT_REASON_BAD_SCHEMA);
        CU_ASSERT_PTR_NOT_NULL(strstr(decoded.detail, words[i]));
    }
    bench_done(&bench);
}

#define REFERS                                                                                     \
    "{\"schema\":\"[\\\"null\\\",\\\"a.F\\\",\\\"string\\\"]\",\"references\":[{\"name\":\"a.F\"," \
    "\"subject\":\"a/F value\",\"version\":3}]}"
#define REFERRED                                                                                  \
    "{\"subject\":\"a/F value\",\"version\":3,\"id\":9,\"schema\":\"{\\\"type\\\":\\\"fixed\\\"," \
    "\\\"name\\\":\\\"a.F\\\",\\\"size\\\":2}\"}"

static void what_a_schema_refers_to_is_fetched_too(void)
{
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){.registry_url = "http://r"}, 10);
    struct silt_decoded decoded;
    const struct silt_record rec = {.value = silt_slice_of("\0\0\0\0\7\2xy", 8)};
    CU_ASSERT_EQUAL(silt_decoder_decode(bench.decoder, &rec, &decoded), SILT_DECODE_WANT_SCHEMA);
    answer(&bench.http, SILT_HTTP_ANSWERED, 200, REFERS);
    CU_ASSERT_EQUAL(reply(&bench), 0);
    CU_ASSERT_EQUAL(silt_decoder_decode(bench.decoder, &rec, &decoded), SILT_DECODE_WANT_SCHEMA);
    CU_ASSERT_EQUAL(bench.http.reqs_n, 1);
    CU_ASSERT_STRING_EQUAL(bench.http.reqs[0]->url, "http://r/subjects/a%2FF%20value/versions/3");
    answer(&bench.http, SILT_HTTP_ANSWERED, 200, REFERRED);
    CU_ASSERT_EQUAL(reply(&bench), 0);
    CU_ASSERT_EQUAL(silt_decoder_decode(bench.decoder, &rec, &decoded), SILT_DECODE_OK);
    CU_ASSERT_STRING_EQUAL(decoded.schema->json,
                           "[\"null\",{\"type\":\"fixed\",\"name\":\"F\",\"size\":2,"
                           "\"namespace\":\"a\"},\"string\"]");
    bench_done(&bench);
}

/* Only what the registry says makes records bad. */
static void a_reference_that_is_not_there_is_told_from_an_outage(void)
{
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){0}, 10);
    struct silt_decoded decoded;
    decode_id(&bench, 7, &decoded);
    answer(&bench.http, SILT_HTTP_ANSWERED, 200, REFERS);
    CU_ASSERT_EQUAL(reply(&bench), 0);
    answer(&bench.http, SILT_HTTP_ANSWERED, 500, "");
    CU_ASSERT(reply(&bench) > 0);
    CU_ASSERT_EQUAL(decode_id(&bench, 7, &decoded), SILT_DECODE_WANT_SCHEMA);
    tick(&bench.http, 1000);
    answer(&bench.http, SILT_HTTP_ANSWERED, 200, REFERS);
    CU_ASSERT_EQUAL(reply(&bench), 0);
    answer(&bench.http, SILT_HTTP_ANSWERED, 404, "{\"error_code\":40402}");
    CU_ASSERT_EQUAL(reply(&bench), 0);
    CU_ASSERT_EQUAL(decode_id(&bench, 7, &decoded), SILT_DECODE_REJECT);
    CU_ASSERT_EQUAL(decoded.verdict.reason, SILT_REASON_BAD_SCHEMA);
    CU_ASSERT_STRING_EQUAL(
        decoded.detail,
        "schema 7: it refers to a/F value version 3, which the registry does not know");
    decode_id(&bench, 8, &decoded);
    answer(&bench.http, SILT_HTTP_ANSWERED, 200, REFERS);
    CU_ASSERT_EQUAL(reply(&bench), 0);
    answer(&bench.http, SILT_HTTP_ANSWERED, 200, "{\"schema\":\"{\"}");
    CU_ASSERT_EQUAL(reply(&bench), 0);
    CU_ASSERT_EQUAL(decode_id(&bench, 8, &decoded), SILT_DECODE_REJECT);
    CU_ASSERT_PTR_NOT_NULL(strstr(decoded.detail, "subject a/F value version 3: "));
    bench_done(&bench);
}

/* The same answer to every question: a schema that refers to itself ends there. */
static void references_are_waited_for_too(void)
{
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){0}, 10);
    struct silt_schema *schema;
    struct silt_err err = {0};
    bench.http.outcome = SILT_HTTP_ANSWERED;
    bench.http.status = 200;
    bench.http.body = REFERS;
    CU_ASSERT_FAILS(silt_decoder_fetch(bench.decoder, 5, &schema, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "a.F"));
    struct silt_decoder_stats stats;
    silt_decoder_stats(bench.decoder, &stats);
    CU_ASSERT_EQUAL(stats.registry_requests, 2);
    bench_done(&bench);
}

static void what_the_reader_cannot_read_is_rejected(void)
{
    const char *reader =
        schema_file("reader.avsc", "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{"
                                   "\"name\":\"x\",\"type\":\"string\"}]}");
    static const char *const bodies[] = {
        "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"R\\\",\\\"fields\\\":[{"
        "\\\"name\\\":\\\"x\\\",\\\"type\\\":\\\"int\\\"}]}\"}",
        "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"R\\\",\\\"fields\\\":[{"
        "\\\"name\\\":\\\"x\\\",\\\"type\\\":\\\"bytes\\\"}]}\"}"};
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){.reader_file = reader}, 10);
    struct silt_decoded decoded;
    for (int32_t i = 0; i < 2; i++) {
        decode_id(&bench, i, &decoded);
        answer(&bench.http, SILT_HTTP_ANSWERED, 200, bodies[i]);
        CU_ASSERT_EQUAL(reply(&bench), 0);
    }
    CU_ASSERT_EQUAL(decode_id(&bench, 0, &decoded), SILT_DECODE_REJECT);
    CU_ASSERT_EQUAL(decoded.verdict.reason, SILT_REASON_INCOMPATIBLE);
    CU_ASSERT_STRING_EQUAL(
        decoded.detail,
        "schema 0: schema.reader: x: the reader's string cannot read the writer's int");
    CU_ASSERT_EQUAL(decode_id(&bench, 1, &decoded), SILT_DECODE_OK);
    struct silt_schema *schema;
    struct silt_err err;
    bench.http.outcome = SILT_HTTP_ANSWERED;
    bench.http.status = 200;
    bench.http.body = bodies[0];
    CU_ASSERT_FAILS(silt_decoder_fetch(bench.decoder, 2, &schema, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_SCHEMA);
    bench_done(&bench);
}

static void an_outage_holds_and_never_rejects(void)
{
    static const struct {
        enum silt_http_outcome outcome;
        int status;
        const char *body;
    } outages[] = {{SILT_HTTP_NO_CONNECT, 0, ""}, {SILT_HTTP_TIMEOUT, 0, ""},
                   {SILT_HTTP_CUT, 0, ""},        {SILT_HTTP_STOPPED, 0, ""},
                   {SILT_HTTP_ANSWERED, 503, ""}, {SILT_HTTP_ANSWERED, 401, ""},
                   {SILT_HTTP_ANSWERED, 404, ""}, {SILT_HTTP_ANSWERED, 200, "<html>"}};
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){0}, 10);
    struct silt_decoded decoded;
    for (size_t i = 0; i < sizeof outages / sizeof outages[0]; i++) {
        CU_ASSERT_EQUAL(decode_id(&bench, 7, &decoded), SILT_DECODE_WANT_SCHEMA);
        CU_ASSERT_EQUAL(bench.http.reqs[0]->fresh, i > 0);
        answer(&bench.http, outages[i].outcome, outages[i].status, outages[i].body);
        int64_t wait = reply(&bench);
        CU_ASSERT(wait > clock_ms && wait <= clock_ms + SILT_PACE_PAUSE_MAX_MS);
        tick(&bench.http, wait - clock_ms);
    }
    struct silt_decoder_stats stats;
    silt_decoder_stats(bench.decoder, &stats);
    CU_ASSERT_EQUAL(stats.registry_failures, 8);
    CU_ASSERT_PTR_NOT_NULL(strstr(stats.last_failure, "schema 7: HTTP 200 without"));
    CU_ASSERT_EQUAL(stats.last_code, SILT_E_PROTOCOL);
    decode_id(&bench, 7, &decoded);
    answer(&bench.http, SILT_HTTP_ANSWERED, 200, STRING_SCHEMA);
    CU_ASSERT_EQUAL(reply(&bench), 0);
    CU_ASSERT_EQUAL(decode_id(&bench, 7, &decoded), SILT_DECODE_OK);
    bench_done(&bench);
}

static void each_address_is_asked_before_the_pause(void)
{
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){.registry_url = "http://a/,http://b/p//"}, 10);
    struct silt_decoded decoded;
    decode_id(&bench, 7, &decoded);
    decode_id(&bench, 8, &decoded);
    CU_ASSERT_STRING_EQUAL(bench.http.reqs[0]->url, "http://a/schemas/ids/7");
    answer(&bench.http, SILT_HTTP_NO_CONNECT, 0, "");
    answer(&bench.http, SILT_HTTP_ANSWERED, 503, "");
    CU_ASSERT_EQUAL(reply(&bench), 0); /* the next one may be asked at once */
    CU_ASSERT_EQUAL(reply(&bench), 0);
    decode_id(&bench, 7, &decoded);
    CU_ASSERT_STRING_EQUAL(bench.http.reqs[0]->url, "http://b/p/schemas/ids/7");
    answer(&bench.http, SILT_HTTP_ANSWERED, 200, STRING_SCHEMA);
    CU_ASSERT_EQUAL(reply(&bench), 0);
    CU_ASSERT_EQUAL(decode_id(&bench, 7, &decoded), SILT_DECODE_OK);
    decode_id(&bench, 9, &decoded); /* stays with the one that answers */
    CU_ASSERT_STRING_EQUAL(bench.http.reqs[0]->url, "http://b/p/schemas/ids/9");
    answer(&bench.http, SILT_HTTP_TIMEOUT, 0, "");
    CU_ASSERT_EQUAL(reply(&bench), 0);
    decode_id(&bench, 9, &decoded);
    CU_ASSERT_STRING_EQUAL(bench.http.reqs[0]->url, "http://a/schemas/ids/9");
    answer(&bench.http, SILT_HTTP_TIMEOUT, 0, "");
    CU_ASSERT(reply(&bench) > clock_ms); /* now all have failed */
    struct silt_decoder_stats stats;
    silt_decoder_stats(bench.decoder, &stats);
    CU_ASSERT_EQUAL(stats.registry_failures, 4);
    bench_done(&bench);
}

static void a_fetch_asks_each_address_once(void)
{
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){.registry_url = "http://a,http://b"}, 10);
    struct silt_schema *schema;
    struct silt_err err = {0};
    struct silt_decoder_stats stats;
    bench.http.outcome = SILT_HTTP_NO_CONNECT;
    bench.http.body = "";
    CU_ASSERT_FAILS(silt_decoder_fetch(bench.decoder, 5, &schema, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_CONNECT);
    silt_decoder_stats(bench.decoder, &stats);
    CU_ASSERT_EQUAL(stats.registry_requests, 2);
    bench_done(&bench);
}

static void asking_too_early_waits_for_the_pause_to_end(void)
{
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){0}, 10);
    struct silt_decoded decoded;
    decode_id(&bench, 7, &decoded);
    struct silt_http_req *req = bench.http.reqs[0];
    req->ret_headers[0] = silt_strdup("7");
    answer(&bench.http, SILT_HTTP_ANSWERED, 429, "");
    CU_ASSERT_EQUAL(reply(&bench), clock_ms + 7000);
    CU_ASSERT_EQUAL(decode_id(&bench, 7, &decoded), SILT_DECODE_WANT_SCHEMA);
    CU_ASSERT_EQUAL(decode_id(&bench, 8, &decoded), SILT_DECODE_WANT_SCHEMA);
    tick(&bench.http, 6999);
    CU_ASSERT_EQUAL(bench.http.reqs_n, 0);
    tick(&bench.http, 1);
    CU_ASSERT_EQUAL(bench.http.reqs_n, 2);
    bench_done(&bench);
}

static void nonsense_to_wait_for_is_ignored(void)
{
    static const char *const texts[] = {"Wed, 21 Oct 2026 07:28:00 GMT", "-5", "999999"};
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){0}, 10);
    for (int32_t i = 0; i < 3; i++) {
        struct silt_decoded decoded;
        decode_id(&bench, 7, &decoded);
        bench.http.reqs[0]->ret_headers[0] = silt_strdup(texts[i]);
        answer(&bench.http, SILT_HTTP_ANSWERED, 503, "");
        int64_t wait = reply(&bench) - clock_ms;
        CU_ASSERT(wait >= SILT_PACE_PAUSE_MIN_MS && wait <= SILT_PACE_PAUSE_FIRST_MS << i);
        tick(&bench.http, wait);
    }
    bench_done(&bench);
}

static void invented_ids_are_asked_for_slowly(void)
{
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){0}, OPEN_MAX);
    struct silt_decoded decoded;
    for (int32_t id = 0; id < 300; id++)
        CU_ASSERT_EQUAL(decode_id(&bench, id, &decoded), SILT_DECODE_WANT_SCHEMA);
    CU_ASSERT_EQUAL(bench.http.reqs_n, SILT_PACE_BURST);
    CU_ASSERT_EQUAL(bench.http.timers_n, SILT_LOOKUPS_MAX - SILT_PACE_BURST);
    tick(&bench.http, 1000);
    CU_ASSERT_EQUAL(bench.http.reqs_n, SILT_PACE_BURST + 50);
    while (bench.http.reqs_n)
        answer(&bench.http, SILT_HTTP_ANSWERED, 404, "{\"error_code\":40403}");
    for (int i = 0; i < 100; i++) CU_ASSERT_EQUAL(reply(&bench), 0);
    CU_ASSERT_EQUAL(decode_id(&bench, 0, &decoded), SILT_DECODE_REJECT);
    CU_ASSERT_EQUAL(decode_id(&bench, 299, &decoded), SILT_DECODE_WANT_SCHEMA);
    CU_ASSERT_EQUAL(bench.http.timers_n, SILT_LOOKUPS_MAX - SILT_PACE_BURST - 50 + 1);
    bench_done(&bench);
}

static void invented_ids_drop_no_schema(void)
{
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){.cache_max = 2}, 10);
    struct silt_decoded decoded;
    decode_id(&bench, 1, &decoded);
    answer(&bench.http, SILT_HTTP_ANSWERED, 200, STRING_SCHEMA);
    reply(&bench);
    for (int32_t id = 100; id < 120; id++) {
        decode_id(&bench, id, &decoded);
        answer(&bench.http, SILT_HTTP_ANSWERED, 404, "{\"error_code\":40403}");
        reply(&bench);
    }
    CU_ASSERT_EQUAL(decode_id(&bench, 1, &decoded), SILT_DECODE_OK);
    CU_ASSERT_EQUAL(decode_id(&bench, 119, &decoded), SILT_DECODE_REJECT);
    bench_done(&bench);
}

static void a_full_queue_delays_the_answer(void)
{
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){0}, 1);
    struct silt_decoded decoded;
    decode_id(&bench, 1, &decoded);
    decode_id(&bench, 2, &decoded);
    answer(&bench.http, SILT_HTTP_ANSWERED, 200, STRING_SCHEMA);
    answer(&bench.http, SILT_HTTP_ANSWERED, 200, STRING_SCHEMA);
    CU_ASSERT_EQUAL(bench.http.timers_n, 1);
    tick(&bench.http, 10);
    CU_ASSERT_EQUAL(bench.http.timers_n, 1);
    CU_ASSERT_EQUAL(reply(&bench), 0);
    tick(&bench.http, 10);
    CU_ASSERT_EQUAL(reply(&bench), 0);
    CU_ASSERT_EQUAL(decode_id(&bench, 2, &decoded), SILT_DECODE_OK);
    bench_done(&bench);
}

/* At the end answers may lie in the queue, hang before it, wait for a timer or for the network. */
static void ends_with_look_ups_at_every_stage(void)
{
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){0}, 1);
    struct silt_decoded decoded;
    for (int32_t id = 0; id < 60; id++) decode_id(&bench, id, &decoded);
    answer(&bench.http, SILT_HTTP_ANSWERED, 200, STRING_SCHEMA);
    answer(&bench.http, SILT_HTTP_ANSWERED, 200, STRING_SCHEMA);
    bench_done(&bench);
}

static void fetches_and_waits(void)
{
    struct bench bench;
    bench_init(&bench, (struct silt_decoder_opts){.ca_file = "/ca.pem", .registry_user = ""}, 10);
    struct silt_schema *schema = NULL;
    struct silt_err err = {0};
    bench.http.outcome = SILT_HTTP_TIMEOUT;
    bench.http.body = "";
    CU_ASSERT_FAILS(silt_decoder_fetch(bench.decoder, 5, &schema, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_TIMEOUT);
    CU_ASSERT_STRING_EQUAL(err.text, "schema 5: curl says so");
    bench.http.outcome = SILT_HTTP_ANSWERED;
    bench.http.status = 404;
    bench.http.body = "{\"error_code\":40403}";
    CU_ASSERT_FAILS(silt_decoder_fetch(bench.decoder, 5, &schema, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_NOT_FOUND);
    CU_ASSERT_FAILS(silt_decoder_fetch(bench.decoder, 5, &schema, NULL));
    bench.http.status = 200;
    bench.http.body = "{\"schema\":\"7\"}";
    CU_ASSERT_FAILS(silt_decoder_fetch(bench.decoder, 5, &schema, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_SCHEMA);
    CU_ASSERT_PTR_NULL(schema);
    bench.http.body = STRING_SCHEMA;
    CU_ASSERT_OK(silt_decoder_fetch(bench.decoder, 5, &schema, &err));
    struct silt_schema *again;
    bench.http.status = 500;
    CU_ASSERT_OK(silt_decoder_fetch(bench.decoder, 5, &again, &err));
    CU_ASSERT_PTR_EQUAL(schema, again);
    silt_schema_unref(again);
    bench_done(&bench);
    CU_ASSERT_STRING_EQUAL(schema->json, "\"string\"");
    silt_schema_unref(schema);
}

/* --- without a registry ---------------------------------------------------------------------- */

static void no_framing_has_one_schema(void)
{
    const char *const files[] = {schema_file("string.avsc", "\"string\"")};
    const struct silt_decoder_opts opts = {
        .framing = SILT_FRAMING_NONE, .schema_files = files, .schema_files_n = 1};
    struct silt_decoder *decoder;
    CU_ASSERT_OK(silt_decoder_new(&opts, &decoder, NULL));
    struct silt_decoded decoded;
    CU_ASSERT_EQUAL(decode(decoder, "\4ok", 3, &decoded), SILT_DECODE_OK);
    CU_ASSERT_EQUAL(decoded.framing.len, 0);
    CU_ASSERT_EQUAL(decoded.schema_id, SILT_NO_SCHEMA_ID);
    CU_ASSERT_EQUAL(decode(decoder, "\4ok!", 4, &decoded), SILT_DECODE_REJECT);
    CU_ASSERT_EQUAL(decoded.verdict.reason, SILT_REASON_TRAILING);
    struct silt_schema *schema;
    CU_ASSERT_OK(silt_decoder_fetch(decoder, SILT_NO_SCHEMA_ID, &schema, NULL));
    silt_schema_unref(schema);
    struct silt_err err;
    CU_ASSERT_FAILS(silt_decoder_fetch(decoder, 1, &schema, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_NOT_FOUND);
    struct silt_decoder_stats stats;
    silt_decoder_stats(decoder, &stats);
    CU_ASSERT_EQUAL(stats.cached, 1);
    silt_decoder_free(decoder);
    silt_decoder_free(NULL);
}

static void single_object_finds_by_fingerprint(void)
{
    const char *const files[] = {schema_file("string.avsc", "\"string\""),
                                 schema_file("int.avsc", "{\"type\":\"int\"}")};
    const struct silt_decoder_opts opts = {
        .framing = SILT_FRAMING_SINGLE_OBJECT, .schema_files = files, .schema_files_n = 2};
    struct silt_decoder *decoder;
    CU_ASSERT_OK(silt_decoder_new(&opts, &decoder, NULL));
    struct silt_decoded decoded;
    /* 0x7275d51a3f395c8f */
    CU_ASSERT_EQUAL(decode(decoder, "\xc3\x01\x8f\x5c\x39\x3f\x1a\xd5\x75\x72\x02", 11, &decoded),
                    SILT_DECODE_OK);
    CU_ASSERT_STRING_EQUAL(decoded.schema->json, "{\"type\":\"int\"}");
    CU_ASSERT_EQUAL(decoded.framing.len, 10);
    CU_ASSERT_EQUAL(decode(decoder, "\xc3\x01\x8e\x5c\x39\x3f\x1a\xd5\x75\x72\x02", 11, &decoded),
                    SILT_DECODE_REJECT);
    CU_ASSERT_EQUAL(decoded.verdict.reason, SILT_REASON_UNKNOWN_SCHEMA);
    CU_ASSERT_STRING_EQUAL(decoded.detail,
                           "schema fingerprint 7275d51a3f395c8e is not among the 2 schema files");
    struct silt_schema *schema;
    CU_ASSERT_FAILS(silt_decoder_fetch(decoder, SILT_NO_SCHEMA_ID, &schema, NULL));
    silt_decoder_free(decoder);
}

static void refused(const struct silt_decoder_opts *opts, enum silt_code code, const char *word)
{
    struct silt_decoder *decoder = NULL;
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_decoder_new_port(opts, &port, &decoder, &err));
    CU_ASSERT_PTR_NULL(decoder);
    CU_ASSERT_EQUAL(err.code, code);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, word));
}

static void refused_files(enum silt_framing framing, const char *a, const char *b, unsigned n,
                          enum silt_code code, const char *word)
{
    const char *const files[] = {a, b};
    const struct silt_decoder_opts opts = {
        .framing = framing, .schema_files = files, .schema_files_n = n};
    refused(&opts, code, word);
}

static void unusable_files_are_named(void)
{
    const char *string = schema_file("string.avsc", "\"string\"");
    const char *same = schema_file("same.avsc", "{\"type\":\"string\",\"doc\":\"d\"}");
    refused_files(SILT_FRAMING_NONE, NULL, NULL, 0, SILT_E_CONFIG, "needs a schema file");
    refused_files(SILT_FRAMING_NONE, string, same, 2, SILT_E_CONFIG, "exactly one");
    refused_files(SILT_FRAMING_SINGLE_OBJECT, string, same, 2, SILT_E_CONFIG, "same.avsc");
    refused_files(SILT_FRAMING_NONE, "/nowhere/x.avsc", NULL, 1, SILT_E_CONFIG, "/nowhere/x.avsc");
    refused_files(SILT_FRAMING_NONE, silt_test_dir(), NULL, 1, SILT_E_CONFIG, silt_test_dir());
    const char *const files[] = {string};
    struct silt_decoder_opts opts = {.framing = SILT_FRAMING_NONE,
                                     .schema_files = files,
                                     .schema_files_n = 1,
                                     .reader_file = schema_file("int.avsc", "\"int\"")};
    refused(&opts, SILT_E_SCHEMA, "string.avsc: schema.reader: top: the reader's int");
    opts.reader_file = schema_file("bad.avsc", "{");
    refused(&opts, SILT_E_SCHEMA, "schema.reader");
    opts.reader_file = "/nowhere/x.avsc";
    refused(&opts, SILT_E_CONFIG, "/nowhere/x.avsc");
    refused_files(SILT_FRAMING_NONE, schema_file("bad.avsc", "{"), NULL, 1, SILT_E_SCHEMA,
                  "bad.avsc");
    size_t large = (1 << 20) + 1;
    char *text = malloc(large);
    if (!text) abort();
    memset(text, ' ', large);
    refused_files(SILT_FRAMING_NONE, write_file("large.avsc", text, large), NULL, 1, SILT_E_SCHEMA,
                  "large.avsc");
    free(text);
}

static void unusable_addresses_are_refused(void)
{
    static const struct {
        const char *url;
        const char *word;
    } urls[] = {{NULL, "needs the address"},
                {"", "needs the address"},
                {"registry:8081", "http://HOST"},
                {"ftp://registry", "http://HOST"},
                {"http://", "http://HOST"},
                {"http:///path", "http://HOST"},
                {"http://me:pw@host", "user"},
                {"https://host/?x=1", "path"},
                {"http://a,b", "http://HOST"},
                {"http://a,", "needs the address"},
                {"http://1,http://2,http://3,http://4,http://5,http://6,http://7,http://8,http://9",
                 "more than 8"}};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        const struct silt_decoder_opts opts = {.registry_url = urls[i].url};
        refused(&opts, SILT_E_CONFIG, urls[i].word);
    }
}

/* --- with a real io thread ------------------------------------------------------------------- */

struct loop {
    struct silt_queue *work;
};

static struct loop loop;

static void loop_submit(struct silt_http *http, struct silt_http_req *req)
{
    (void)http;
    if (!silt_queue_push(loop.work, req)) abort();
}

static void loop_cancel(struct silt_http *http, const void *owner)
{
    (void)http, (void)owner; /* all requests are answered anyway */
}

static void *loop_run(void *ctx)
{
    (void)ctx;
    for (struct silt_http_req *req; (req = silt_queue_pop(loop.work, -1));) {
        fill_answer(req, SILT_HTTP_ANSWERED, 200, STRING_SCHEMA);
        req->done(req);
    }
    return NULL;
}

static void answers_cross_threads(void)
{
    static const struct silt_registry_port threaded = {
        .submit = loop_submit, .call = call, .timer = timer, .cancel = loop_cancel, .now_ms = now};
    loop.work = silt_queue_new(100, NULL, NULL);
    struct silt_queue *queue = silt_queue_new(100, NULL, NULL);
    pthread_t thread;
    CU_ASSERT_OK(silt_thread_start(&thread, "io", loop_run, NULL, NULL));
    for (int round = 0; round < 50; round++) {
        clock_ms += 100000;
        const struct silt_decoder_opts opts = {.registry_url = "http://r", .reply_to = queue};
        struct bench bench = {.queue = queue};
        CU_ASSERT_OK(silt_decoder_new_port(&opts, &threaded, &bench.decoder, NULL));
        struct silt_decoded decoded;
        for (int32_t id = 0; id < 40; id++) decode_id(&bench, id, &decoded);
        for (int i = 0; i < round % 41; i++) {
            struct silt_decoder_reply *popped = silt_queue_pop(queue, -1);
            CU_ASSERT_EQUAL(silt_decoder_reply(bench.decoder, popped), 0);
        }
        silt_decoder_free(bench.decoder);
        while (silt_queue_pop(queue, 0)) continue;
    }
    silt_queue_close(loop.work);
    silt_thread_join(thread);
    silt_queue_free(loop.work);
    silt_queue_free(queue);
}

SILT_TESTS("decoder", {"asks once and remembers", asks_once_and_remembers},
           {"sends user and password", sends_user_and_password},
           {"reports the configured fields", reports_the_configured_fields},
           {"rejects what the walker refuses", rejects_what_the_walker_refuses},
           {"rejects before any schema", rejects_before_any_schema},
           {"unknown ids stay unknown for a while", unknown_ids_stay_unknown_for_a_while},
           {"unusable schemas make bad records", unusable_schemas_make_bad_records},
           {"each address is asked before the pause", each_address_is_asked_before_the_pause},
           {"a fetch asks each address once", a_fetch_asks_each_address_once},
           {"what a schema refers to is fetched too", what_a_schema_refers_to_is_fetched_too},
           {"a reference that is not there is told from an outage",
            a_reference_that_is_not_there_is_told_from_an_outage},
           {"references are waited for too", references_are_waited_for_too},
           {"what the reader cannot read is rejected", what_the_reader_cannot_read_is_rejected},
           {"an outage holds and never rejects", an_outage_holds_and_never_rejects},
           {"asking too early waits for the pause to end",
            asking_too_early_waits_for_the_pause_to_end},
           {"nonsense to wait for is ignored", nonsense_to_wait_for_is_ignored},
           {"invented ids are asked for slowly", invented_ids_are_asked_for_slowly},
           {"invented ids drop no schema", invented_ids_drop_no_schema},
           {"a full queue delays the answer", a_full_queue_delays_the_answer},
           {"ends with look-ups at every stage", ends_with_look_ups_at_every_stage},
           {"fetches and waits", fetches_and_waits},
           {"no framing has one schema", no_framing_has_one_schema},
           {"single-object finds by fingerprint", single_object_finds_by_fingerprint},
           {"unusable files are named", unusable_files_are_named},
           {"unusable addresses are refused", unusable_addresses_are_refused},
           {"answers cross threads", answers_cross_threads})
