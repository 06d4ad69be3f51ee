#include "observe/cw_sender_int.h"

#include "base/clock.h"
#include "base/log.h"
#include "harness.h"
#include "net/credentials.h"
#include "net/http.h"
#include "webserver.h"

#include <fcntl.h>
#include <stdio.h>

struct setting {
    struct web web;
    struct silt_http *http;
    struct silt_metrics *metrics;
    struct silt_output output;
    struct silt_credentials *credentials;
    struct silt_cw_sender *sender;
    _Atomic unsigned wakes;
    char endpoint[64];
};

static void wake(void *ctx)
{
    atomic_fetch_add((_Atomic unsigned *)ctx, 1);
}

static void set_up(struct setting *s, const int *statuses, const char *token)
{
    *s = (struct setting){0};
    struct silt_secret secret = {0};
    struct silt_secret session = {0};
    web_start(&s->web, statuses);
    snprintf(s->endpoint, sizeof s->endpoint, "http://127.0.0.1:%u", web_port(&s->web));
    CU_ASSERT_OK(silt_http_start(&(struct silt_http_opts){0}, &s->http, NULL));
    silt_secret_set(&secret, "secret");
    silt_secret_set(&session, token);
    s->credentials = silt_credentials_new(&(struct silt_credentials_opts){
        .http = s->http, .access_key = "AKID", .secret_key = secret, .session_token = session});
    CU_ASSERT_OK(silt_credentials_await(s->credentials, NULL));
    s->metrics = silt_metrics_new();
    silt_output_init(&s->output, "cloudwatch", true);
    const struct silt_cw_sender_opts opts = {.http = s->http,
                                             .credentials = s->credentials,
                                             .region = "eu-west-1",
                                             .endpoint = s->endpoint,
                                             .metrics = s->metrics,
                                             .output = &s->output,
                                             .wake = wake,
                                             .wake_ctx = &s->wakes,
                                             .spool_bytes = 1 << 20,
                                             .backoff_max_ms = 1};
    s->sender = silt_cw_sender_new(&opts);
    silt_secret_done(&secret);
    silt_secret_done(&session);
}

static void tear_down(struct setting *s)
{
    silt_cw_sender_free(s->sender);
    silt_credentials_free(s->credentials);
    silt_http_stop(s->http);
    web_stop(&s->web);
    silt_output_done(&s->output);
    silt_metrics_free(s->metrics);
}

/* Steps until everything is sent (up to 120 s). */
static bool run_until_idle(struct setting *s)
{
    for (int i = 0; i < 12000 && !silt_cw_sender_is_idle(s->sender); i++) {
        (void)silt_cw_sender_step(s->sender, silt_mono_ms());
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return silt_cw_sender_is_idle(s->sender);
}

static struct silt_output_view view_of(struct setting *s)
{
    struct silt_output_view view;
    silt_output_view(&s->output, &view);
    return view;
}

static void a_document_goes_out_signed_and_compressed(void)
{
    static const int ok[] = {200, 0};
    struct setting s;
    set_up(&s, ok, "session");
    CU_ASSERT(silt_cw_sender_is_idle(s.sender));
    silt_cw_sender_push(s.sender, silt_slice_str("{\"first\":1}"));
    silt_cw_sender_push(s.sender, silt_slice_str("{\"second\":2}"));
    CU_ASSERT_EQUAL(silt_cw_sender_spooled(s.sender), 2);
    CU_ASSERT(run_until_idle(&s));
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&s.web.bodies), "{\"first\":1}{\"second\":2}");
    CU_ASSERT_STRING_EQUAL(s.web.target, "GraniteServiceVersion20100801.PutMetricData");
    CU_ASSERT_PTR_NOT_NULL(strstr(s.web.authorization, "AWS4-HMAC-SHA256 Credential=AKID/"));
    CU_ASSERT_PTR_NOT_NULL(strstr(s.web.authorization, "/eu-west-1/monitoring/aws4_request"));
    CU_ASSERT_STRING_EQUAL(s.web.token, "session");
    CU_ASSERT_EQUAL(view_of(&s).state, SILT_OUTPUT_OK);
    CU_ASSERT(atomic_load(&s.wakes) >= 2);
    tear_down(&s);
}

static void what_was_not_taken_is_sent_again(void)
{
    static const int later[] = {503, 400, 403, 200, 0};
    struct setting s;
    set_up(&s, later, NULL);
    silt_cw_sender_push(s.sender, silt_slice_str("{}"));
    CU_ASSERT(run_until_idle(&s));
    CU_ASSERT_EQUAL(s.web.requests_n, 4);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&s.web.bodies), "{}");
    CU_ASSERT_STRING_EQUAL(s.web.token, "");
    CU_ASSERT_EQUAL(view_of(&s).state, SILT_OUTPUT_OK);
    CU_ASSERT_EQUAL(view_of(&s).dropped, 0);
    tear_down(&s);
}

static void what_is_refused_is_dropped_and_counted(void)
{
    static const int refused[] = {413, 0};
    struct setting s;
    set_up(&s, refused, NULL);
    silt_cw_sender_push(s.sender, silt_slice_str("{}"));
    CU_ASSERT(run_until_idle(&s));
    CU_ASSERT_EQUAL(view_of(&s).dropped, 1);
    CU_ASSERT_EQUAL(view_of(&s).state, SILT_OUTPUT_DOWN);
    CU_ASSERT_PTR_NOT_NULL(strstr(view_of(&s).error, "status 413"));
    CU_ASSERT_EQUAL(atomic_load(&s.metrics->gauges[SILT_GAUGE_SPOOL_DROPPED]), 1);
    tear_down(&s);
}

static void an_unreachable_service_is_tried_again_later(void)
{
    static const int ok[] = {200, 0};
    struct setting s;
    set_up(&s, ok, NULL);
    MHD_stop_daemon(s.web.daemon);
    s.web.daemon = NULL;
    silt_cw_sender_push(s.sender, silt_slice_str("{}"));
    CU_ASSERT(silt_cw_sender_step(s.sender, 0) > 0);
    for (int i = 0; i < 12000 && view_of(&s).state != SILT_OUTPUT_DOWN; i++) {
        (void)silt_cw_sender_step(s.sender, 0);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    CU_ASSERT_EQUAL(view_of(&s).state, SILT_OUTPUT_DOWN);
    CU_ASSERT_FALSE(silt_cw_sender_is_idle(s.sender));
    CU_ASSERT_EQUAL(silt_cw_sender_spooled(s.sender), 0);
    tear_down(&s);
}

static void an_open_request_does_not_hold_up_the_end(void)
{
    static const int never[] = {1, 0};
    struct setting s;
    set_up(&s, never, NULL);
    silt_cw_sender_push(s.sender, silt_slice_str("{}"));
    (void)silt_cw_sender_step(s.sender, silt_mono_ms());
    CU_ASSERT(web_wait(&s.web, 1));
    (void)silt_cw_sender_step(s.sender, silt_mono_ms());
    CU_ASSERT_FALSE(silt_cw_sender_is_idle(s.sender));
    silt_cw_sender_free(s.sender);
    s.sender = NULL;
    tear_down(&s);
}

static void the_region_names_the_host(void)
{
    static const char *const regions[] = {"eu-west-1", "cn-north-1"};
    static const char *const endpoints[] = {NULL, "", "localhost"};
    struct silt_output output;
    silt_output_init(&output, "cloudwatch", true);
    for (unsigned i = 0; i < 2; i++)
        for (unsigned e = 0; e < 3; e++) {
            const struct silt_cw_sender_opts opts = {
                .region = regions[i], .endpoint = endpoints[e], .output = &output, .wake = wake};
            struct silt_cw_sender *sender = silt_cw_sender_new(&opts);
            CU_ASSERT(silt_cw_sender_step(sender, 0) > 0);
            silt_cw_sender_free(sender);
        }
    silt_output_done(&output);
    silt_cw_sender_free(NULL);
}

static const struct silt_test tests[] = {
    {"a document goes out signed and compressed", a_document_goes_out_signed_and_compressed},
    {"what was not taken is sent again", what_was_not_taken_is_sent_again},
    {"what is refused is dropped and counted", what_is_refused_is_dropped_and_counted},
    {"an unreachable service is tried again later", an_unreachable_service_is_tried_again_later},
    {"an open request does not hold up the end", an_open_request_does_not_hold_up_the_end},
    {"the region names the host", the_region_names_the_host}};

int main(void)
{
    silt_log_init(SILT_INFO, SILT_LOG_JSON, open("/dev/null", O_WRONLY));
    return silt_test_main("cw_sender", tests, sizeof tests / sizeof tests[0]);
}
