#include "observe/observe.h"

#include "base/log.h"
#include "base/thread.h"
#include "fakepg.h"
#include "harness.h"
#include "net/credentials.h"
#include "net/http.h"
#include "webserver.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>

static char log_path[256];
static int log_fd;

static void log_anew(enum silt_log_level level)
{
    CU_ASSERT_EQUAL(ftruncate(log_fd, 0), 0);
    silt_log_set_level(level);
}

static unsigned count_in(const char *text, const char *part)
{
    unsigned n = 0;
    while ((text = strstr(text, part))) n++, text++;
    return n;
}

static unsigned logged(const char *part)
{
    char *text = silt_test_read(log_path, NULL);
    unsigned n = count_in(text, part);
    free(text);
    return n;
}

static char answer[1 << 20];

static const char *get(const struct silt_observer *observer, const char *path)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                        .sin_port = htons((uint16_t)silt_observer_port(observer))};
    char request[256];
    size_t len = 0;
    ssize_t n;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
             path);
    CU_ASSERT_EQUAL(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    CU_ASSERT(send(fd, request, strlen(request), MSG_NOSIGNAL) > 0);
    while ((n = read(fd, answer + len, sizeof answer - 1 - len)) > 0) len += (size_t)n;
    answer[len] = 0;
    close(fd);
    return answer;
}

static const struct silt_failure timeout = {.stage = SILT_STAGE_S3_UPLOAD,
                                            .type = SILT_FAIL_TIMEOUT,
                                            .sensor_id = "s-1",
                                            .topic = "sensors",
                                            .partition = 3,
                                            .offset = 42,
                                            .correlation_id = "c-1",
                                            .message = "no answer in 10 s",
                                            .action = "retry in 800 ms",
                                            .bucket = "b",
                                            .key = "data/k",
                                            .retry_count = 1};

static void a_failure_is_counted_and_logged_once(void)
{
    struct silt_observer *observer;
    const struct silt_observe_opts opts = {.metrics = silt_metrics_new()};
    log_anew(SILT_INFO);
    CU_ASSERT_OK(silt_observer_start(&opts, &observer, NULL));
    silt_observer_failure(observer, &timeout);
    CU_ASSERT_EQUAL(
        atomic_load(&opts.metrics->stages[SILT_STAGE_S3_UPLOAD].failure[SILT_FAIL_TIMEOUT]), 1);
    CU_ASSERT_EQUAL(
        logged("\"level\":\"ERROR\",\"event\":\"failure_tracked\",\"msg\":\"FAILURE_TRACKED Stage: "
               "s3_upload FailureType: timeout s3 Failed: no answer in 10 s\","
               "\"stage\":\"s3_upload\",\"failure_type\":\"timeout\",\"correlation_id\":\"c-1\","
               "\"sensor_id\":\"s-1\",\"topic\":\"sensors\",\"action\":\"retry in 800 ms\","
               "\"bucket\":\"b\",\"key\":\"data/k\",\"retry_count\":1,\"partition\":3,"
               "\"offset\":42}\n"),
        1);
    CU_ASSERT_EQUAL(silt_observer_port(observer), 0);
    silt_observer_stop(observer, 1000);
    silt_metrics_free(opts.metrics);
}

static void a_flood_is_counted_in_full_and_logged_in_part(void)
{
    struct silt_observer *observer;
    const struct silt_observe_opts opts = {.metrics = silt_metrics_new()};
    const struct silt_failure nowhere = {
        .stage = SILT_STAGE_ENCODE, .type = SILT_FAIL_CONFLICT, .partition = -1, .offset = -1};
    log_anew(SILT_INFO);
    CU_ASSERT_OK(silt_observer_start(&opts, &observer, NULL));
    for (int i = 0; i < 100; i++) silt_observer_failure(observer, &nowhere);
    silt_observer_stop(observer, 1000);
    CU_ASSERT_EQUAL(
        atomic_load(&opts.metrics->stages[SILT_STAGE_ENCODE].failure[SILT_FAIL_CONFLICT]), 100);
    CU_ASSERT_EQUAL(logged("FAILURE_TRACKED"), 5);
    CU_ASSERT_EQUAL(
        logged("FAILURE_SUPPRESSED Stage: encode FailureType: conflict encode Failed: 95 more"), 1);
    CU_ASSERT_EQUAL(logged("\"offset\""), 0);
    silt_metrics_free(opts.metrics);
}

static void latency_is_logged_when_slow_or_at_debug(void)
{
    struct silt_observer *observer;
    const struct silt_observe_opts opts = {.metrics = silt_metrics_new()};
    log_anew(SILT_INFO);
    CU_ASSERT_OK(silt_observer_start(&opts, &observer, NULL));
    silt_observer_latency(observer, SILT_STAGE_S3_UPLOAD, 5000000);
    CU_ASSERT_EQUAL(logged("ProcessingLatency"), 0);
    for (int i = 0; i < 9; i++) silt_observer_latency(observer, SILT_STAGE_S3_UPLOAD, 5000001);
    CU_ASSERT_EQUAL(logged("\"level\":\"INFO\",\"event\":\"slow_operation\",\"msg\":"
                           "\"ProcessingLatency Stage: s3_upload duration: 5000\""),
                    5);
    log_anew(SILT_DEBUG);
    for (int i = 0; i < 200; i++) silt_observer_latency(observer, SILT_STAGE_ENCODE, 1000);
    CU_ASSERT_EQUAL(logged("ProcessingLatency Stage: encode duration: 1\""), 2);
    silt_log_set_level(SILT_INFO);
    silt_observer_stop(observer, 1000);
    silt_metrics_free(opts.metrics);
}

static void status_shows_what_the_pipeline_said(void)
{
    struct silt_observer *observer;
    const struct silt_observe_opts opts = {
        .metrics = silt_metrics_new(), .worker = "pod-1", .listen = "127.0.0.1:0"};
    const struct silt_lag lag = {
        .tp = {.topic = "sensors", .partition = 1}, .lag = 7, .state = "fill"};
    const struct silt_reject_note note = {.tp = lag.tp, .offset = 9, .reason = "truncated"};
    CU_ASSERT_OK(silt_observer_start(&opts, &observer, NULL));
    CU_ASSERT(silt_observer_port(observer) > 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(get(observer, "/readyz"), "503"));
    silt_observer_ready(observer, true, "assigned");
    silt_observer_heartbeat(observer);
    silt_observer_lag(observer, &lag, 1);
    silt_observer_reject(observer, &note);
    CU_ASSERT_PTR_NOT_NULL(strstr(get(observer, "/readyz"), "200"));
    CU_ASSERT_PTR_NOT_NULL(strstr(get(observer, "/livez"), "200"));
    CU_ASSERT_PTR_NOT_NULL(strstr(get(observer, "/api/v1/status"), "\"lag_total\":7"));
    CU_ASSERT_PTR_NOT_NULL(strstr(answer, "\"worker\":\"pod-1\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(
        answer,
        "\"outputs\":{\"postgres\":{\"state\":\"off\"},\"cloudwatch\":{\"state\":\"off\"}}"));
    CU_ASSERT_PTR_NOT_NULL(strstr(get(observer, "/api/v1/rejects"), "\"reason\":\"truncated\""));
    silt_observer_unassigned(observer, &lag.tp);
    CU_ASSERT_PTR_NOT_NULL(strstr(get(observer, "/api/v1/lag"), "\"lag_total\":null"));
    silt_observer_stop(observer, 1000);
    silt_observer_stop(NULL, 0);
    silt_metrics_free(opts.metrics);
}

static double sum_of(const char *bodies, const char *metric, const char *stage)
{
    double sum = 0;
    json_error_t error;
    size_t len = strlen(bodies);
    for (size_t at = 0; at < len;) {
        json_t *root = json_loadb(bodies + at, len - at, JSON_DISABLE_EOF_CHECK, &error);
        if (!root) break;
        at += (size_t)error.position;
        size_t i;
        json_t *datum;
        json_array_foreach(json_object_get(root, "MetricData"), i, datum)
        {
            const json_t *dimensions = json_object_get(datum, "Dimensions");
            if (strcmp(json_string_value(json_object_get(datum, "MetricName")), metric) != 0)
                continue;
            if (json_array_size(dimensions) != 1) continue;
            const json_t *value = json_object_get(json_array_get(dimensions, 0), "Value");
            if (strcmp(json_string_value(value), stage) == 0)
                sum += json_number_value(json_object_get(datum, "Value"));
        }
        json_decref(root);
    }
    return sum;
}

/* Waits (up to 120 s) until that much has come. */
static bool wait_for_sum(struct web *web, const char *metric, const char *stage, double sum)
{
    for (int i = 0; i < 12000; i++) {
        pthread_mutex_lock(&web->lock);
        bool there = sum_of(silt_buf_str(&web->bodies), metric, stage) >= sum;
        pthread_mutex_unlock(&web->lock);
        if (there) return true;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return false;
}

static bool wait_for_status(const struct silt_observer *observer, const char *part)
{
    for (int i = 0; i < 12000; i++) {
        if (strstr(get(observer, "/api/v1/status"), part)) return true;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return false;
}

struct everything {
    struct silt_fakepg *fake;
    struct web web;
    char endpoint[64];
    struct silt_observe_opts opts;
    struct silt_observer *observer;
};

static void start_everything(struct everything *all, const int *statuses)
{
    *all = (struct everything){.fake = silt_fakepg_start()};
    silt_fakepg_on(all->fake, "to_regclass", SILT_FAKEPG_ROW, "1", 99);
    silt_fakepg_on(all->fake, "max(version)", SILT_FAKEPG_ROW, "1", 99);
    web_start(&all->web, statuses);
    snprintf(all->endpoint, sizeof all->endpoint, "http://127.0.0.1:%u", web_port(&all->web));
    all->opts = (struct silt_observe_opts){.metrics = silt_metrics_new(),
                                           .worker = "pod-1",
                                           .interval_ms = 20,
                                           .cloudwatch_region = "eu-west-1",
                                           .cloudwatch_endpoint = all->endpoint,
                                           .cloudwatch_partitions = true,
                                           .sensor_dimension = 2,
                                           .listen = "127.0.0.1:0"};
    silt_secret_set(&all->opts.postgres_dsn, silt_fakepg_dsn(all->fake));
    struct silt_secret secret = {0};
    silt_secret_set(&secret, "secret");
    CU_ASSERT_OK(silt_http_start(&(struct silt_http_opts){0}, &all->opts.http, NULL));
    all->opts.credentials = silt_credentials_new(&(struct silt_credentials_opts){
        .http = all->opts.http, .access_key = "AKID", .secret_key = secret});
    CU_ASSERT_OK(silt_credentials_await(all->opts.credentials, NULL));
    silt_secret_done(&secret);
    CU_ASSERT_OK(silt_observer_start(&all->opts, &all->observer, NULL));
}

static void stop_everything(struct everything *all)
{
    silt_credentials_free(all->opts.credentials);
    silt_http_stop(all->opts.http);
    silt_secret_done(&all->opts.postgres_dsn);
    silt_metrics_free(all->opts.metrics);
    silt_fakepg_stop(all->fake);
    web_stop(&all->web);
}

static void the_same_numbers_reach_every_output_and_the_last_ones_too(void)
{
    static const int ok[] = {200, 0};
    struct everything all;
    log_anew(SILT_INFO);
    start_everything(&all, ok);
    const struct silt_lag lag = {
        .tp = {.topic = "sensors", .partition = 1}, .lag = 7, .state = "fill"};
    const struct silt_slot_row slot = {
        .tp = lag.tp, .kind = "data", .uuid = "u", .delay_ms = 900, .ts_max = 1};
    silt_observer_lag(all.observer, &lag, 1);
    silt_observer_slot(all.observer, &slot);
    silt_observer_sensor(all.observer, SILT_STAGE_AVRO_VALIDATE, "s-1", 3, 20);
    silt_observer_failure(all.observer, &timeout);
    for (unsigned i = 1; i <= 5; i++) {
        silt_metrics_success(all.opts.metrics, SILT_STAGE_S3_UPLOAD, 1);
        silt_observer_latency(all.observer, SILT_STAGE_S3_UPLOAD, 1000);
        CU_ASSERT(web_wait(&all.web, i));
    }
    CU_ASSERT(silt_fakepg_wait(all.fake, "insert into silt.stage_metric", 1));
    CU_ASSERT(wait_for_status(all.observer, "\"postgres\":{\"state\":\"ok\""));
    CU_ASSERT(wait_for_sum(&all.web, "SuccessCount", "s3_upload", 5)); /* then 100 are the last */
    silt_metrics_success(all.opts.metrics, SILT_STAGE_S3_UPLOAD, 100);
    CU_ASSERT_PTR_NOT_NULL(strstr(get(all.observer, "/metrics"),
                                  "silt_stage_success_total{stage=\"s3_upload\"} 105\n"));
    silt_observer_stop(all.observer, 20000);
    const char *bodies = silt_buf_str(&all.web.bodies);
    CU_ASSERT_EQUAL(sum_of(bodies, "SuccessCount", "s3_upload"), 105);
    CU_ASSERT_EQUAL(sum_of(bodies, "FailureCount", "s3_upload"), 1);
    CU_ASSERT_EQUAL(count_in(bodies, "\"ArchiveDelay\""), 1);
    CU_ASSERT_EQUAL(count_in(bodies, "\"SensorId\",\"Value\":\"s-1\"") > 0, true);
    CU_ASSERT(count_in(bodies, "\"QueueDepth\"") >= 2);
    CU_ASSERT(silt_fakepg_seen(all.fake, "\ns3_upload\n100\n") >= 1);
    CU_ASSERT_EQUAL(silt_fakepg_seen(all.fake, "insert into silt.slot"), 1);
    CU_ASSERT_EQUAL(silt_fakepg_seen(all.fake, "insert into silt.failure"), 1);
    CU_ASSERT_EQUAL(silt_fakepg_seen(all.fake, "insert into silt.lag"), 1);
    CU_ASSERT_EQUAL(logged("observer_incomplete"), 0);
    stop_everything(&all);
}

static void outputs_that_are_down_do_not_hold_up_the_end(void)
{
    static const int never[] = {1, 0};
    struct everything all;
    log_anew(SILT_INFO);
    start_everything(&all, never);
    silt_fakepg_on(all.fake, "begin", SILT_FAKEPG_HANG, NULL, 99);
    silt_metrics_success(all.opts.metrics, SILT_STAGE_S3_UPLOAD, 1);
    CU_ASSERT(web_wait(&all.web, 1));
    CU_ASSERT(silt_fakepg_wait(all.fake, "begin", 1));
    silt_observer_stop(all.observer, 10);
    CU_ASSERT_EQUAL(logged("observer_incomplete"), 1);
    stop_everything(&all);
}

/* @return rows of 1500 large failures that a worker with so much memory does not keep. */
static int64_t dropped_with(int64_t memory)
{
    struct silt_observer *observer;
    struct silt_observe_opts opts = {
        .metrics = silt_metrics_new(), .interval_ms = 3600000, .memory = memory};
    static char message[2000];
    memset(message, 'x', sizeof message - 1);
    const struct silt_failure large = {.partition = -1, .offset = -1, .message = message};
    log_anew(SILT_FATAL);
    silt_secret_set(&opts.postgres_dsn, "host=127.0.0.1 port=1 user=u");
    CU_ASSERT_OK(silt_observer_start(&opts, &observer, NULL));
    for (int i = 0; i < 1500; i++) silt_observer_failure(observer, &large);
    int64_t dropped = atomic_load(&opts.metrics->gauges[SILT_GAUGE_SPOOL_DROPPED]);
    silt_observer_stop(observer, 0);
    silt_secret_done(&opts.postgres_dsn);
    silt_metrics_free(opts.metrics);
    return dropped;
}

static void what_does_not_fit_is_dropped_and_counted(void)
{
    static const int64_t enough[] = {0, (int64_t)1 << 30};
    for (unsigned i = 0; i < 2; i++) {
        int64_t dropped = dropped_with(enough[i]);
        CU_ASSERT(dropped > 0 && dropped < 1000);
    }
    CU_ASSERT(dropped_with((int64_t)16 << 20) > 1400);
}

static void a_wrong_listen_address_is_refused_at_start(void)
{
    struct silt_observer *observer;
    struct silt_err err;
    struct silt_observe_opts opts = {.metrics = silt_metrics_new(), .listen = "nowhere"};
    CU_ASSERT_FAILS(silt_observer_start(&opts, &observer, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_CONFIG);
    silt_secret_set(&opts.postgres_dsn, "host=127.0.0.1 port=1 user=u");
    CU_ASSERT_FAILS(silt_observer_start(&opts, &observer, &err));
    silt_secret_done(&opts.postgres_dsn);
    silt_metrics_free(opts.metrics);
}

static void *use(void *ctx)
{
    const struct silt_lag lag = {.tp = {.topic = "sensors"}, .state = "fill"};
    const struct silt_reject_note note = {.tp = lag.tp, .reason = "empty"};
    const struct silt_slot_row slot = {.tp = lag.tp, .kind = "data", .uuid = "u"};
    for (int i = 0; i < 200; i++) {
        silt_observer_failure(ctx, &timeout);
        silt_observer_lag(ctx, &lag, 1);
        silt_observer_reject(ctx, &note);
        silt_observer_slot(ctx, &slot);
        silt_observer_latency(ctx, SILT_STAGE_ENCODE, i);
        silt_observer_ready(ctx, i % 2, "because");
        silt_observer_heartbeat(ctx);
    }
    silt_observer_unassigned(ctx, &lag.tp);
    return NULL;
}

static void any_thread_may_speak(void)
{
    static const int ok[] = {200, 0};
    struct everything all;
    pthread_t threads[3];
    log_anew(SILT_FATAL);
    start_everything(&all, ok);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_OK(silt_thread_start(&threads[i], "speaker", use, all.observer, NULL));
    for (int i = 0; i < 5; i++)
        CU_ASSERT_PTR_NOT_NULL(strstr(get(all.observer, "/api/v1/status"), "200"));
    for (int i = 0; i < 3; i++) silt_thread_join(threads[i]);
    silt_observer_stop(all.observer, 20000);
    CU_ASSERT_EQUAL(sum_of(silt_buf_str(&all.web.bodies), "FailureCount", "s3_upload"), 600);
    stop_everything(&all);
}

static const struct silt_test tests[] = {
    {"a failure is counted and logged once", a_failure_is_counted_and_logged_once},
    {"a flood is counted in full and logged in part",
     a_flood_is_counted_in_full_and_logged_in_part},
    {"latency is logged when slow, or at debug", latency_is_logged_when_slow_or_at_debug},
    {"status shows what the pipeline said", status_shows_what_the_pipeline_said},
    {"the same numbers reach every output, and the last ones too",
     the_same_numbers_reach_every_output_and_the_last_ones_too},
    {"outputs that are down do not hold up the end", outputs_that_are_down_do_not_hold_up_the_end},
    {"what does not fit is dropped and counted", what_does_not_fit_is_dropped_and_counted},
    {"a wrong listen address is refused at start", a_wrong_listen_address_is_refused_at_start},
    {"any thread may speak", any_thread_may_speak},
};

int main(void)
{
    snprintf(log_path, sizeof log_path, "%s/log", silt_test_dir());
    log_fd = open(log_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    silt_log_init(SILT_INFO, SILT_LOG_JSON, log_fd);
    return silt_test_main("observer", tests, sizeof tests / sizeof tests[0]);
}
