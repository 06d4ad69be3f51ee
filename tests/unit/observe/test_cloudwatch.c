#include "observe/cloudwatch_int.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "harness.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static struct silt_metrics_snapshot diff;

struct sent {
    unsigned documents_n;
    unsigned datums_n;
    unsigned datums_max;
    size_t bytes_max;
    struct silt_buf last;
    json_t *metrics; /* all datums */
};

static void collect(void *ctx, struct silt_slice json, unsigned datums_n)
{
    struct sent *sent = ctx;
    sent->documents_n++;
    sent->datums_n += datums_n;
    if (datums_n > sent->datums_max) sent->datums_max = datums_n;
    if (json.len > sent->bytes_max) sent->bytes_max = json.len;
    silt_buf_clear(&sent->last);
    CU_ASSERT(silt_buf_append(&sent->last, json.ptr, json.len));
    json_t *root = json_loadb((const char *)json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);
    CU_ASSERT_PTR_NOT_NULL(root);
    const json_t *data = json_object_get(root, "MetricData");
    CU_ASSERT_EQUAL(json_array_size(data), datums_n);
    for (size_t i = 0; i < json_array_size(data); i++) {
        const json_t *values = json_object_get(json_array_get(data, i), "Values");
        CU_ASSERT(json_array_size(values) <= SILT_VALUES_MAX);
        json_array_append(sent->metrics, json_array_get(data, i));
    }
    json_decref(root);
}

static struct sent build(const struct silt_cw_input *input)
{
    struct sent sent = {.metrics = json_array()};
    silt_buf_init(&sent.last, 4 << 20);
    silt_cw_build(input, collect, &sent);
    return sent;
}

static void done(struct sent *sent)
{
    silt_buf_done(&sent->last);
    json_decref(sent->metrics);
}

static struct silt_cw_input input_of(void)
{
    return (struct silt_cw_input){
        .name_space = "SensorBackend/DataPipeline", .time_ms = 1700000000123, .diff = &diff};
}

#define HEAD "{\"Namespace\":\"SensorBackend/DataPipeline\",\"MetricData\":["
#define TIME "\"Timestamp\":1700000000.123,"
#define STAGE "\"Dimensions\":[{\"Name\":\"Stage\",\"Value\":\"s3_upload\"}]," TIME
#define STAGE_TYPE                                                  \
    "\"Dimensions\":[{\"Name\":\"Stage\",\"Value\":\"s3_upload\"}," \
    "{\"Name\":\"FailureType\",\"Value\":\"timeout\"}]," TIME

static void nothing_done_sends_nothing(void)
{
    memset(&diff, 0, sizeof diff);
    const struct silt_cw_input input = input_of();
    struct sent sent = build(&input);
    CU_ASSERT_EQUAL(sent.documents_n, 0);
    done(&sent);
}

static void a_stage_sends_each_set_people_query(void)
{
    memset(&diff, 0, sizeof diff);
    struct silt_stage_snapshot *stage = &diff.stages[SILT_STAGE_S3_UPLOAD];
    stage->success = 5;
    stage->failure[SILT_FAIL_TIMEOUT] = 2;
    stage->failures = 2;
    stage->bytes = 4096;
    stage->retries = 1;
    stage->latency.count = 3;
    stage->latency.counts[silt_histogram_bucket(100)] = 2;
    stage->latency.counts[silt_histogram_bucket(1500)] = 1;
    const struct silt_cw_input input = input_of();
    struct sent sent = build(&input);
    CU_ASSERT_STRING_EQUAL(
        silt_buf_str(&sent.last),
        HEAD "{\"MetricName\":\"SuccessCount\"," STAGE "\"Value\":5,\"Unit\":\"Count\"},"
             "{\"MetricName\":\"FailureCount\"," STAGE "\"Value\":2,\"Unit\":\"Count\"},"
             "{\"MetricName\":\"RetryAttempts\"," STAGE "\"Value\":1,\"Unit\":\"Count\"},"
             "{\"MetricName\":\"DataSize\"," STAGE "\"Value\":4096,\"Unit\":\"Bytes\"},"
             "{\"MetricName\":\"ProcessingLatency\"," STAGE
             "\"Values\":[0.1,1.5],\"Counts\":[2,1],\"Unit\":\"Milliseconds\"},"
             "{\"MetricName\":\"FailureCount\"," STAGE_TYPE "\"Value\":2,\"Unit\":\"Count\"},"
             "{\"MetricName\":\"SuccessCount\"," TIME "\"Value\":5,\"Unit\":\"Count\"},"
             "{\"MetricName\":\"FailureCount\"," TIME "\"Value\":2,\"Unit\":\"Count\"}]}");
    done(&sent);
}

static void a_stage_without_failures_sends_a_zero(void)
{
    memset(&diff, 0, sizeof diff);
    diff.stages[SILT_STAGE_S3_UPLOAD].success = 1;
    const struct silt_cw_input input = input_of();
    struct sent sent = build(&input);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(silt_buf_str(&sent.last), "{\"MetricName\":\"FailureCount\"," STAGE "\"Value\":0,"));
    CU_ASSERT_PTR_NULL(strstr(silt_buf_str(&sent.last), "DataSize"));
    CU_ASSERT_PTR_NULL(strstr(silt_buf_str(&sent.last), "FailureType"));
    done(&sent);
}

static void queues_send_depth_and_delay(void)
{
    memset(&diff, 0, sizeof diff);
    const struct silt_cw_depth depths[] = {{"sensors", -1, 30}, {"sensors", 2, 30}};
    char topic[] = "sensors";
    struct silt_cw_delay delay = {.topic = topic};
    silt_values_add(&delay.ms, 2500, 4);
    struct silt_cw_input input = input_of();
    input.depths = depths;
    input.depths_n = 2;
    input.delays = &delay;
    input.delays_n = 1;
    struct sent sent = build(&input);
    CU_ASSERT_STRING_EQUAL(
        silt_buf_str(&sent.last),
        HEAD "{\"MetricName\":\"QueueDepth\",\"Dimensions\":[{\"Name\":\"Queue\",\"Value\":"
             "\"sensors\"}]," TIME "\"Value\":30,\"Unit\":\"Count\"},"
             "{\"MetricName\":\"QueueDepth\",\"Dimensions\":[{\"Name\":\"Queue\",\"Value\":"
             "\"sensors\"},{\"Name\":\"Partition\",\"Value\":\"2\"}]," TIME
             "\"Value\":30,\"Unit\":\"Count\"},"
             "{\"MetricName\":\"ArchiveDelay\",\"Dimensions\":[{\"Name\":\"Queue\",\"Value\":"
             "\"sensors\"}]," TIME "\"Values\":[2.5],\"Counts\":[4],\"Unit\":\"Seconds\"}]}");
    done(&sent);
}

#define BY_SENSOR(id)                                            \
    "\"Dimensions\":[{\"Name\":\"Stage\",\"Value\":\"encode\"}," \
    "{\"Name\":\"SensorId\",\"Value\":\"" id "\"}]," TIME
#define BY_TYPE_SENSOR(id)                                                                     \
    "\"Dimensions\":[{\"Name\":\"Stage\",\"Value\":\"encode\"},"                               \
    "{\"Name\":\"FailureType\",\"Value\":\"conflict\"},{\"Name\":\"SensorId\",\"Value\":\"" id \
    "\"}]," TIME

static void sensors_send_failures_and_all_else_when_asked(void)
{
    memset(&diff, 0, sizeof diff);
    char first[] = "s-1";
    char second[] = "\xc3\x7f";
    char third[] = "  ";
    struct silt_cw_sensor sensors[] = {
        {.stage = SILT_STAGE_ENCODE, .sensor_id = first, .failure[SILT_FAIL_CONFLICT] = 2},
        {.stage = SILT_STAGE_ENCODE, .sensor_id = second, .all = true, .success = 7},
        {.stage = SILT_STAGE_ENCODE, .sensor_id = third, .failure[SILT_FAIL_CONFLICT] = 1},
    };
    silt_values_add(&sensors[1].latency_us, 3000, 1);
    struct silt_cw_sensor *const all[] = {&sensors[0], &sensors[1], &sensors[2]};
    struct silt_cw_input input = input_of();
    input.sensors = all;
    input.sensors_n = 3;
    struct sent sent = build(&input);
    CU_ASSERT_STRING_EQUAL(
        silt_buf_str(&sent.last),
        HEAD "{\"MetricName\":\"FailureCount\"," BY_SENSOR(
            "s-1") "\"Value\":2,\"Unit\":\"Count\"},"
                   "{\"MetricName\":\"FailureCount\"," BY_TYPE_SENSOR(
                       "s-1") "\"Value\":2,\"Unit\":\"Count\"},"
                              "{\"MetricName\":\"SuccessCount\"," BY_SENSOR(
                                  "??") "\"Value\":7,\"Unit\":\"Count\"},"
                                        "{\"MetricName\":\"ProcessingLatency\"," BY_SENSOR(
                                            "??") "\"Values\":[3],\"Counts\":[1],\"Unit\":"
                                                  "\"Milliseconds\"},"
                                                  "{\"MetricName\":\"FailureCount\"," BY_SENSOR(
                                                      "??") "\"Value\":0,\"Unit\":\"Count\"},"
                                                            "{\"MetricName\":"
                                                            "\"FailureCount\"," BY_SENSOR(
                                                                "(blank)") "\"Value\":1,\"Unit\":"
                                                                           "\"Count\"},"
                                                                           "{\"MetricName\":"
                                                                           "\"FailureCount\""
                                                                           "," BY_TYPE_SENSOR(
                                                                               "(blank)") "\"Value"
                                                                                          "\":1,"
                                                                                          "\"Unit\""
                                                                                          ":\"Count"
                                                                                          "\"}]}");
    done(&sent);
}

/* A distribution of every bucket: nothing is lost and no datum is too large. */
static void a_large_distribution_becomes_several_datums(void)
{
    memset(&diff, 0, sizeof diff);
    struct silt_histogram_snapshot *latency = &diff.stages[SILT_STAGE_ENCODE].latency;
    for (unsigned i = 0; i < SILT_HISTOGRAM_BUCKETS; i++) latency->counts[i] = i % 3 + 1;
    latency->count = 1;
    const struct silt_cw_input input = input_of();
    struct sent sent = build(&input);
    double counted = 0;
    double expected = 0;
    double sum = 0;
    double expected_sum = 0;
    for (unsigned i = 0; i < SILT_HISTOGRAM_BUCKETS; i++) {
        expected += latency->counts[i];
        expected_sum += (double)silt_histogram_value(i) / 1000 * latency->counts[i];
    }
    for (size_t i = 0; i < json_array_size(sent.metrics); i++) {
        const json_t *datum = json_array_get(sent.metrics, i);
        const json_t *values = json_object_get(datum, "Values");
        for (size_t v = 0; v < json_array_size(values); v++) {
            double n = json_number_value(json_array_get(json_object_get(datum, "Counts"), v));
            counted += n;
            sum += n * json_number_value(json_array_get(values, v));
        }
    }
    CU_ASSERT_EQUAL(counted, expected);
    CU_ASSERT_DOUBLE_EQUAL(sum / expected_sum, 1, 1e-9);
    done(&sent);
}

static void documents_keep_both_limits(void)
{
    enum { MANY = 2501 };
    memset(&diff, 0, sizeof diff);
    static struct silt_cw_delay delays[MANY];
    static char names[MANY][300];
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "%0260u", i);
        delays[i] = (struct silt_cw_delay){.topic = names[i]};
        for (uint64_t v = 0; v < (i < 1200 ? SILT_VALUES_MAX : 1); v++)
            silt_values_add(&delays[i].ms, 123456789012345 + v, 1);
    }
    struct silt_cw_input input = input_of();
    input.delays = delays;
    input.delays_n = MANY;
    struct sent sent = build(&input);
    CU_ASSERT_EQUAL(sent.datums_n, MANY);
    CU_ASSERT_EQUAL(sent.datums_max, SILT_CW_DATUMS_MAX);
    CU_ASSERT(sent.bytes_max <= SILT_CW_BYTES_MAX);
    CU_ASSERT(sent.documents_n > 4);
    done(&sent);
}

static void an_answer_says_whether_to_send_again(void)
{
    const struct silt_slice none = {0};
    const struct silt_slice throttled = silt_slice_str("{\"__type\":\"ThrottlingException\"}");
    const struct silt_slice expired = silt_slice_str("{\"__type\":\"ExpiredTokenException\"}");
    const struct silt_slice invalid = silt_slice_str("{\"__type\":\"InvalidParameterValue\"}");
    CU_ASSERT_EQUAL(silt_cw_judge(200, none), SILT_CW_SENT);
    CU_ASSERT_EQUAL(silt_cw_judge(299, none), SILT_CW_SENT);
    CU_ASSERT_EQUAL(silt_cw_judge(300, none), SILT_CW_RETRY);
    CU_ASSERT_EQUAL(silt_cw_judge(100, none), SILT_CW_RETRY);
    CU_ASSERT_EQUAL(silt_cw_judge(503, none), SILT_CW_RETRY);
    CU_ASSERT_EQUAL(silt_cw_judge(403, invalid), SILT_CW_RETRY);
    CU_ASSERT_EQUAL(silt_cw_judge(400, throttled), SILT_CW_RETRY);
    CU_ASSERT_EQUAL(silt_cw_judge(400, expired), SILT_CW_RETRY);
    CU_ASSERT_EQUAL(silt_cw_judge(400, invalid), SILT_CW_REFUSED);
    CU_ASSERT_EQUAL(silt_cw_judge(400, none), SILT_CW_REFUSED);
    CU_ASSERT_EQUAL(silt_cw_judge(413, none), SILT_CW_REFUSED);
}

SILT_TESTS("cloudwatch", {"nothing done sends nothing", nothing_done_sends_nothing},
           {"a stage sends each set people query", a_stage_sends_each_set_people_query},
           {"a stage without failures sends a zero", a_stage_without_failures_sends_a_zero},
           {"queues send depth and delay", queues_send_depth_and_delay},
           {"sensors send failures, and all else when asked",
            sensors_send_failures_and_all_else_when_asked},
           {"a large distribution becomes several datums",
            a_large_distribution_becomes_several_datums},
           {"documents keep both limits", documents_keep_both_limits},
           {"an answer says whether to send again", an_answer_says_whether_to_send_again})
