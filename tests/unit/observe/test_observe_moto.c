/* Against moto's CloudWatch: SILT_TEST_MOTO_ENDPOINT (tests/servers/up moto). */
#include "observe/observe.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "harness.h"
#include "net/credentials.h"
#include "net/http.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *endpoint;
static struct silt_http *http;

/* moto checks no signature, but finds the service in it. */
static json_t *call(const char *action, const char *body)
{
    char target[80];
    snprintf(target, sizeof target, "GraniteServiceVersion20100801.%s", action);
    const struct silt_http_header headers[] = {
        {"Content-Type", "application/x-amz-json-1.0"},
        {"X-Amz-Target", target},
        {"Authorization",
         "AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/monitoring/aws4_request, "
         "SignedHeaders=host, Signature=0"}};
    const struct silt_slice slice = silt_slice_str(body);
    struct silt_http_req req = {.method = "POST",
                                .url = endpoint,
                                .headers = headers,
                                .headers_n = 3,
                                .body = &slice,
                                .body_n = 1};
    silt_http_call(http, &req);
    CU_ASSERT_EQUAL(req.status, 200);
    if (req.status != 200) printf("%d %s %s\n", req.status, req.text, silt_buf_str(&req.ret_body));
    json_t *root = json_loads(silt_buf_str(&req.ret_body), 0, NULL);
    silt_http_req_done(&req);
    return root;
}

static double statistic(const char *name_space, const char *metric, const char *dimensions,
                        const char *statistic_name)
{
    char body[1024];
    double sum = 0;
    int64_t now = silt_wall_ms() / 1000;
    snprintf(body, sizeof body,
             "{\"Namespace\":\"%s\",\"MetricName\":\"%s\",\"Dimensions\":[%s],\"StartTime\":%lld,"
             "\"EndTime\":%lld,\"Period\":60,\"Statistics\":[\"%s\"]}",
             name_space, metric, dimensions, (long long)now - 600, (long long)now + 600,
             statistic_name);
    json_t *root = call("GetMetricStatistics", body);
    size_t i;
    json_t *point;
    json_array_foreach(json_object_get(root, "Datapoints"), i, point)
    {
        sum += json_number_value(json_object_get(point, statistic_name));
    }
    json_decref(root);
    return sum;
}

#define STAGE(name) "{\"Name\":\"Stage\",\"Value\":\"" name "\"}"

static void a_run_leaves_its_numbers(void)
{
    char digits[9];
    char name_space[32];
    silt_random_hex(digits, 8);
    snprintf(name_space, sizeof name_space, "silt-test-%s", digits);
    struct silt_observer *observer;
    struct silt_observe_opts opts = {.metrics = silt_metrics_new(),
                                     .interval_ms = 50,
                                     .http = http,
                                     .cloudwatch_region = "eu-west-1",
                                     .cloudwatch_endpoint = endpoint,
                                     .cloudwatch_namespace = name_space};
    struct silt_secret secret = {0};
    silt_secret_set(&secret, "b");
    opts.credentials = silt_credentials_new(
        &(struct silt_credentials_opts){.http = http, .access_key = "a", .secret_key = secret});
    silt_secret_done(&secret);
    CU_ASSERT_OK(silt_observer_start(&opts, &observer, NULL));
    const struct silt_failure failure = {
        .stage = SILT_STAGE_S3_UPLOAD, .type = SILT_FAIL_TIMEOUT, .partition = -1, .offset = -1};
    const struct silt_lag lag = {
        .tp = {.topic = "sensors", .partition = 1}, .lag = 7, .state = "fill"};
    silt_observer_lag(observer, &lag, 1);
    for (int i = 0; i < 6; i++) {
        silt_metrics_success(opts.metrics, SILT_STAGE_S3_UPLOAD, 5);
        silt_metrics_success(opts.metrics, SILT_STAGE_ENCODE, 2);
        silt_observer_latency(observer, SILT_STAGE_S3_UPLOAD, 2000);
        silt_observer_failure(observer, &failure);
        nanosleep(&(struct timespec){.tv_nsec = 40000000}, NULL);
    }
    silt_metrics_success(opts.metrics, SILT_STAGE_S3_UPLOAD, 70);
    silt_observer_stop(observer, 30000);
    CU_ASSERT_EQUAL(statistic(name_space, "SuccessCount", STAGE("s3_upload"), "Sum"), 100);
    /* moto, unlike CloudWatch, also adds the sets that have more dimensions than were asked for:
     * the sum over all stages is there as 112 + 100 + 12, the failures as 6 + 6 */
    CU_ASSERT_EQUAL(statistic(name_space, "SuccessCount", "", "Sum"), 224);
    CU_ASSERT_EQUAL(statistic(name_space, "FailureCount", STAGE("s3_upload"), "Sum"), 12);
    CU_ASSERT_EQUAL(
        statistic(name_space, "FailureCount",
                  STAGE("s3_upload") ",{\"Name\":\"FailureType\",\"Value\":\"timeout\"}", "Sum"),
        6);
    CU_ASSERT(statistic(name_space, "FailureCount", STAGE("encode"), "SampleCount") >= 1);
    CU_ASSERT_EQUAL(statistic(name_space, "ProcessingLatency", STAGE("s3_upload"), "SampleCount"),
                    6);
    CU_ASSERT(statistic(name_space, "QueueDepth", "{\"Name\":\"Queue\",\"Value\":\"sensors\"}",
                        "Maximum") >= 7);
    CU_ASSERT_EQUAL(atomic_load(&opts.metrics->gauges[SILT_GAUGE_SPOOL_DROPPED]), 0);
    silt_credentials_free(opts.credentials);
    silt_metrics_free(opts.metrics);
}

static const struct silt_test tests[] = {{"a run leaves its numbers", a_run_leaves_its_numbers}};

int main(void)
{
    endpoint = getenv("SILT_TEST_MOTO_ENDPOINT");
    if (!endpoint) {
        printf("skipped: SILT_TEST_MOTO_ENDPOINT is not set (tests/servers/up moto)\n");
        return 0;
    }
    silt_log_init(SILT_WARN, SILT_LOG_JSON, open("/dev/null", O_WRONLY));
    if (!silt_ok(silt_http_start(&(struct silt_http_opts){0}, &http, NULL))) abort();
    int rc = silt_test_main("observe_moto", tests, sizeof tests / sizeof tests[0]);
    silt_http_stop(http);
    return rc;
}
