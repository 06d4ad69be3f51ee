/* PutMetricData documents from one interval's numbers (design 4.5). Pure.
 *
 * CloudWatch does not add up over dimensions, so a number is sent once per set people query:
 *   SuccessCount, FailureCount   {}  {Stage}  and FailureCount {Stage,FailureType}
 *   RetryAttempts, DataSize, ProcessingLatency   {Stage}
 *   QueueDepth   {Queue} and, by option, {Queue,Partition};   ArchiveDelay   {Queue}
 *   by sensor_dimension: FailureCount {Stage,SensorId} {Stage,FailureType,SensorId}, then also
 *   SuccessCount and ProcessingLatency {Stage,SensorId}
 * A stage that did anything sends all its counts, so FailureCount has a datapoint of 0 to be found.
 * QueueDepth is this worker's share, sent once a minute: at a period of 60 s the statistic Sum is
 * the lag of the whole topic. A topic of which any lag is unknown sends none.
 *
 * A document has at most 1,000 datums and 1,000,000 bytes before compression; a datum has at most
 * 150 values, a larger distribution becomes several datums, losing nothing.
 * Source: CloudWatch API reference, PutMetricData and MetricDatum (2010-08-01).
 */
#ifndef SILT_OBSERVE_CLOUDWATCH_INT_H
#define SILT_OBSERVE_CLOUDWATCH_INT_H

#include "base/buf.h"
#include "metrics/metrics.h"
#include "observe/values_int.h"

#include <stdbool.h>
#include <stdint.h>

#define SILT_CW_DATUMS_MAX 1000
#define SILT_CW_BYTES_MAX 1000000

struct silt_cw_depth {
    const char *topic;
    int32_t partition; /* -1: the topic's sum */
    int64_t lag;
};
struct silt_cw_delay {
    char *topic;
    struct silt_values ms;
};
struct silt_cw_sensor {
    enum silt_stage stage;
    char *sensor_id;
    bool all; /* success and latency too */
    uint64_t success;
    uint64_t failure[SILT_FAIL_TYPES_N];
    struct silt_values latency_us;
};
struct silt_cw_input {
    const char *name_space;
    int64_t time_ms; /* when the interval began */
    const struct silt_metrics_snapshot *diff;
    const struct silt_cw_depth *depths;
    unsigned depths_n;
    const struct silt_cw_delay *delays;
    unsigned delays_n;
    struct silt_cw_sensor *const *sensors;
    unsigned sensors_n;
};
/* Called once per document; json is valid during the call. */
typedef void silt_cw_emit_fn(void *ctx, struct silt_slice json, unsigned datums_n);
void silt_cw_build(const struct silt_cw_input *input, silt_cw_emit_fn *emit, void *ctx);

/* What an answer means for the document that was sent. JSON protocol: errors have status 400 or 500
 * and a "__type". */
enum silt_cw_verdict { SILT_CW_SENT, SILT_CW_RETRY, SILT_CW_REFUSED };
enum silt_cw_verdict silt_cw_judge(int status, struct silt_slice body);

#endif
