#include "observe/view_int.h"

#include "harness.h"
#include "record/record.h"

#include <jansson.h>
#include <string.h>

static struct silt_metrics_snapshot metrics;

static const struct silt_lag lags[] = {
    {.tp = {.cluster = "c", .topic = "t", .topic_id = "id", .partition = 0},
     .log_start = 1,
     .durable = 5,
     .position = 6,
     .cut = 7,
     .staged = 8,
     .high = 10,
     .lag = 5,
     .lag_ms = 1500,
     .retention_ms_left = -1,
     .drain_per_s = 3,
     .state = "fill"},
    {.tp = {.cluster = "c", .topic = "t", .topic_id = "id", .partition = 1},
     .log_start = -1,
     .durable = -1,
     .position = -1,
     .cut = -1,
     .staged = -1,
     .high = -1,
     .lag = -1,
     .lag_ms = -1,
     .retention_ms_left = -1,
     .drain_per_s = -1,
     .state = "recover"},
};
static const struct silt_output_view outputs[] = {
    {.name = "postgres",
     .state = SILT_OUTPUT_DOWN,
     .since_ms = 1000,
     .error = "refused",
     .spooled = 3,
     .dropped = 4},
    {.name = "cloudwatch", .state = SILT_OUTPUT_OFF},
    {.name = "third", .state = SILT_OUTPUT_OK},
};
static const struct silt_reject_view rejects[] = {
    {.ts_ms = 2000,
     .topic = "t",
     .partition = 1,
     .offset = 42,
     .reason = "truncated",
     .detail = "at field \"x\"",
     .sensor_id = "s-1"},
    {.ts_ms = 1000, .topic = "t", .partition = 0, .offset = 41, .reason = "empty"},
};

static struct silt_view view_of(unsigned lags_n)
{
    memset(&metrics, 0, sizeof metrics);
    metrics.gauges[SILT_GAUGE_RECORDS_ARCHIVED] = 100;
    metrics.gauges[SILT_GAUGE_RECORDS_REJECTED] = 2;
    metrics.gauges[SILT_GAUGE_PENDING_TAIL_AGE_MS] = 2500;
    struct silt_stage_snapshot *stage = &metrics.stages[SILT_STAGE_S3_UPLOAD];
    stage->success = 7;
    stage->failure[SILT_FAIL_TIMEOUT] = 1;
    stage->failures = 1;
    stage->bytes = 64;
    stage->retries = 2;
    stage->latency =
        (struct silt_histogram_snapshot){.count = 3, .sum = 400000300, .max = 400000000};
    stage->latency.counts[100] = 1;
    stage->latency.counts[silt_histogram_bucket(200)] = 1;
    stage->latency.counts[silt_histogram_bucket(400000000)] = 1;
    metrics.rejects[SILT_REASON_TRUNCATED] = 2;
    return (struct silt_view){.worker = "pod\"1\\\n",
                              .boot = "b00t",
                              .version = "1.2.3",
                              .uptime_ms = 61500,
                              .ready = true,
                              .live = true,
                              .metrics = &metrics,
                              .lags = lags,
                              .lags_n = lags_n,
                              .outputs = outputs,
                              .outputs_n = 3,
                              .rejects = rejects,
                              .rejects_n = 2};
}

static json_t *parse(const struct silt_buf *buf)
{
    json_t *root = json_loads(silt_buf_str(buf), JSON_REJECT_DUPLICATES, NULL);
    CU_ASSERT_PTR_NOT_NULL(root);
    return root;
}

static void the_total_lag_is_unknown_while_any_part_is(void)
{
    struct silt_view view = view_of(0);
    CU_ASSERT_EQUAL(silt_view_lag_total(&view), -1);
    view = view_of(1);
    CU_ASSERT_EQUAL(silt_view_lag_total(&view), 5);
    metrics.gauges[SILT_GAUGE_PARTITIONS_ASSIGNED] = 2;
    CU_ASSERT_EQUAL(silt_view_lag_total(&view), -1);
    view = view_of(2);
    CU_ASSERT_EQUAL(silt_view_lag_total(&view), -1);
}

static json_int_t int_of(const json_t *object, const char *key)
{
    CU_ASSERT(json_is_integer(json_object_get(object, key)));
    return json_integer_value(json_object_get(object, key));
}

static void status_has_every_documented_member(void)
{
    struct silt_buf buf;
    silt_buf_init(&buf, 1 << 20);
    const struct silt_view view = view_of(2);
    silt_status_json(&view, &buf);
    json_t *root = parse(&buf);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(root, "worker")), "pod\"1\\\n");
    CU_ASSERT(json_is_true(json_object_get(root, "ready")));
    CU_ASSERT(json_is_null(json_object_get(root, "lag_total")));
    CU_ASSERT_EQUAL(int_of(root, "records_archived"), 100);
    CU_ASSERT_EQUAL(int_of(root, "records_rejected"), 2);
    CU_ASSERT_EQUAL(int_of(root, "uptime_ms"), 61500);
    CU_ASSERT_EQUAL(int_of(root, "memory_limit"), 0);
    const json_t *partitions = json_object_get(root, "partitions");
    CU_ASSERT_EQUAL(json_array_size(partitions), 2);
    CU_ASSERT_EQUAL(int_of(json_array_get(partitions, 0), "lag"), 5);
    CU_ASSERT(json_is_null(json_object_get(json_array_get(partitions, 0), "retention_ms_left")));
    CU_ASSERT(json_is_null(json_object_get(json_array_get(partitions, 1), "lag")));
    const json_t *stage = json_object_get(json_object_get(root, "stages"), "s3_upload");
    CU_ASSERT_EQUAL(int_of(stage, "success"), 7);
    CU_ASSERT_EQUAL(int_of(json_object_get(stage, "failure_types"), "timeout"), 1);
    CU_ASSERT_EQUAL(int_of(json_object_get(stage, "latency_us"), "p50"), 200);
    const json_t *postgres = json_object_get(json_object_get(root, "outputs"), "postgres");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(postgres, "state")), "down");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(postgres, "since")),
                           "1970-01-01T00:00:01.000Z");
    CU_ASSERT_EQUAL(int_of(postgres, "dropped"), 4);
    json_decref(root);
    silt_buf_done(&buf);
}

static void lag_and_rejects_have_their_own_documents(void)
{
    struct silt_buf buf;
    silt_buf_init(&buf, 1 << 20);
    const struct silt_view view = view_of(1);
    silt_lag_json(&view, &buf);
    CU_ASSERT_STRING_EQUAL(
        silt_buf_str(&buf),
        "{\"lag_total\":5,\"partitions\":[{\"cluster\":\"c\",\"topic\":\"t\",\"topic_id\":\"id\","
        "\"partition\":0,\"log_start\":1,\"durable\":5,\"position\":6,\"cut\":7,\"staged\":8,"
        "\"high\":10,\"lag\":5,\"lag_ms\":1500,\"retention_ms_left\":null,\"drain_per_s\":3,"
        "\"state\":\"fill\"}]}");
    silt_buf_clear(&buf);
    silt_rejects_json(&view, &buf);
    CU_ASSERT_STRING_EQUAL(
        silt_buf_str(&buf),
        "{\"records_rejected\":2,\"rejects\":[{\"ts\":\"1970-01-01T00:00:02.000Z\",\"topic\":\"t\","
        "\"partition\":1,\"offset\":42,\"reason\":\"truncated\",\"detail\":\"at field \\\"x\\\"\","
        "\"sensor_id\":\"s-1\"},{\"ts\":\"1970-01-01T00:00:01.000Z\",\"topic\":\"t\","
        "\"partition\":0,\"offset\":41,\"reason\":\"empty\",\"detail\":\"\",\"sensor_id\":null}]}");
    silt_buf_done(&buf);
}

static void has_line(const struct silt_buf *buf, const char *line)
{
    const char *at = strstr(silt_buf_str(buf), line);
    CU_ASSERT_PTR_NOT_NULL(at);
    if (!at) printf("missing: %s\n", line);
}

static void metrics_are_prometheus_text_in_base_units(void)
{
    struct silt_buf buf;
    silt_buf_init(&buf, 1 << 20);
    const struct silt_view view = view_of(2);
    silt_prometheus_text(&view, &buf);
    has_line(&buf, "# HELP silt_info version and worker\n# TYPE silt_info gauge\n"
                   "silt_info{version=\"1.2.3\",worker=\"pod\\\"1\\\\\\n\"} 1\n");
    has_line(&buf, "\nsilt_ready 1\n");
    has_line(&buf, "\nsilt_uptime_seconds 61.5\n");
    has_line(&buf, "# TYPE silt_stage_success_total counter\n");
    has_line(&buf, "\nsilt_stage_success_total{stage=\"s3_upload\"} 7\n");
    has_line(&buf, "\nsilt_stage_success_total{stage=\"encode\"} 0\n");
    has_line(&buf, "\nsilt_stage_failures_total{stage=\"s3_upload\",failure_type=\"timeout\"} 1\n");
    has_line(&buf, "\nsilt_stage_bytes_total{stage=\"s3_upload\"} 64\n");
    has_line(&buf, "\nsilt_stage_retries_total{stage=\"s3_upload\"} 2\n");
    has_line(&buf, "# TYPE silt_stage_latency_seconds histogram\n");
    has_line(&buf, "\nsilt_stage_latency_seconds_bucket{stage=\"s3_upload\",le=\"0.0001\"} 1\n");
    has_line(&buf, "\nsilt_stage_latency_seconds_bucket{stage=\"s3_upload\",le=\"0.00025\"} 2\n");
    has_line(&buf, "\nsilt_stage_latency_seconds_bucket{stage=\"s3_upload\",le=\"300\"} 2\n");
    has_line(&buf, "\nsilt_stage_latency_seconds_bucket{stage=\"s3_upload\",le=\"+Inf\"} 3\n");
    has_line(&buf, "\nsilt_stage_latency_seconds_sum{stage=\"s3_upload\"} 400.000300\n");
    has_line(&buf, "\nsilt_stage_latency_seconds_count{stage=\"s3_upload\"} 3\n");
    has_line(&buf, "# TYPE silt_records_archived_total counter\nsilt_records_archived_total 100\n");
    has_line(&buf, "\nsilt_pending_tail_age_seconds 2.5\n");
    CU_ASSERT_PTR_NULL(strstr(silt_buf_str(&buf), "milliseconds"));
    has_line(&buf, "\nsilt_rejected_by_reason_total{reason=\"truncated\"} 2\n");
    has_line(&buf, "\nsilt_partition_lag{topic=\"t\",partition=\"0\"} 5\n");
    has_line(&buf, "\nsilt_partition_lag_seconds{topic=\"t\",partition=\"0\"} 1.5\n");
    CU_ASSERT_PTR_NULL(strstr(silt_buf_str(&buf), "partition=\"1\""));
    has_line(&buf, "\nsilt_output_up{output=\"postgres\"} 0\n");
    has_line(&buf, "\nsilt_output_up{output=\"third\"} 1\n");
    has_line(&buf, "\nsilt_output_spooled{output=\"postgres\"} 3\n");
    CU_ASSERT_PTR_NULL(strstr(silt_buf_str(&buf), "silt_output_up{output=\"cloudwatch\"}"));
    silt_buf_done(&buf);
}

/* Every series has its HELP and TYPE, once, and all lines of a metric stand together. */
static void every_metric_is_described_once(void)
{
    struct silt_buf buf;
    silt_buf_init(&buf, 1 << 20);
    const struct silt_view view = view_of(2);
    silt_prometheus_text(&view, &buf);
    char name[128] = "";
    for (char *line = strtok((char *)buf.data, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            char next[128];
            snprintf(next, sizeof next, "%.*s", (int)strcspn(line + 7, " "), line + 7);
            CU_ASSERT_STRING_NOT_EQUAL(next, name);
            strcpy(name, next);
            continue;
        }
        const char *at = strncmp(line, "# TYPE ", 7) == 0 ? line + 7 : line;
        CU_ASSERT_EQUAL(strncmp(at, name, strlen(name)), 0);
    }
    silt_buf_done(&buf);
}

SILT_TESTS("view",
           {"the total lag is unknown while any part is",
            the_total_lag_is_unknown_while_any_part_is},
           {"status has every documented member", status_has_every_documented_member},
           {"lag and rejects have their own documents", lag_and_rejects_have_their_own_documents},
           {"metrics are Prometheus text in base units", metrics_are_prometheus_text_in_base_units},
           {"every metric is described once", every_metric_is_described_once})
