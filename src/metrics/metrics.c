#include "metrics/metrics.h"

#include "base/alloc.h"
#include "base/err.h"

#include <string.h>

static const char *const stage_names[SILT_STAGES_N] = {
    [SILT_STAGE_INGESTION] = "ingestion",         [SILT_STAGE_POSTGRES_WRITE] = "postgres_write",
    [SILT_STAGE_KAFKA_PUBLISH] = "kafka_publish", [SILT_STAGE_KAFKA_CONSUME] = "kafka_consume",
    [SILT_STAGE_AVRO_VALIDATE] = "avro_validate", [SILT_STAGE_ENCODE] = "encode",
    [SILT_STAGE_S3_UPLOAD] = "s3_upload",         [SILT_STAGE_ARCHIVE_COMMIT] = "archive_commit",
};
static const char *const failure_names[SILT_FAIL_TYPES_N] = {
    [SILT_FAIL_CONNECTION_ERROR] = "connection_error",
    [SILT_FAIL_TIMEOUT] = "timeout",
    [SILT_FAIL_VALIDATION_ERROR] = "validation_error",
    [SILT_FAIL_SCHEMA_ERROR] = "schema_error",
    [SILT_FAIL_NETWORK_ERROR] = "network_error",
    [SILT_FAIL_THROTTLED] = "throttled",
    [SILT_FAIL_AUTH_ERROR] = "auth_error",
    [SILT_FAIL_CONFLICT] = "conflict",
    [SILT_FAIL_UNKNOWN_ERROR] = "unknown_error",
};

#define REJECTS_N (sizeof((struct silt_metrics *)0)->rejects / sizeof(uint64_t))

const char *silt_stage_name(enum silt_stage stage)
{
    SILT_ASSERT((unsigned)stage < SILT_STAGES_N);
    return stage_names[stage];
}

const char *silt_failure_type_name(enum silt_failure_type type)
{
    SILT_ASSERT((unsigned)type < SILT_FAIL_TYPES_N);
    return failure_names[type];
}

enum silt_failure_type silt_failure_type_parse(const char *name)
{
    for (unsigned i = 0; i < SILT_FAIL_TYPES_N; i++)
        if (strcmp(name, failure_names[i]) == 0) return (enum silt_failure_type)i;
    return SILT_FAIL_UNKNOWN_ERROR;
}

struct silt_metrics *silt_metrics_new(void)
{
    return SILT_NEW(struct silt_metrics);
}

void silt_metrics_free(struct silt_metrics *metrics)
{
    silt_free(metrics);
}

static void count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t read_of(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void silt_metrics_success(struct silt_metrics *m, enum silt_stage stage, uint64_t n)
{
    count(&m->stages[stage].success, n);
}

void silt_metrics_failure(struct silt_metrics *m, enum silt_stage stage,
                          enum silt_failure_type type, uint64_t n)
{
    count(&m->stages[stage].failure[type], n);
}

void silt_metrics_bytes(struct silt_metrics *m, enum silt_stage stage, uint64_t bytes)
{
    count(&m->stages[stage].bytes, bytes);
}

void silt_metrics_retry(struct silt_metrics *m, enum silt_stage stage, uint64_t n)
{
    count(&m->stages[stage].retries, n);
}

void silt_metrics_latency(struct silt_metrics *m, enum silt_stage stage, int64_t us)
{
    silt_histogram_record(&m->stages[stage].latency, us > 0 ? (uint64_t)us : 0);
}

void silt_metrics_set(struct silt_metrics *m, enum silt_gauge gauge, int64_t value)
{
    atomic_store_explicit(&m->gauges[gauge], value, memory_order_relaxed);
}

void silt_metrics_add(struct silt_metrics *m, enum silt_gauge gauge, int64_t delta)
{
    atomic_fetch_add_explicit(&m->gauges[gauge], delta, memory_order_relaxed);
}

static void snapshot_stage(const struct silt_stage_counters *stage, struct silt_stage_snapshot *ret)
{
    ret->success = read_of(&stage->success);
    ret->failures = 0;
    for (unsigned i = 0; i < SILT_FAIL_TYPES_N; i++) {
        ret->failure[i] = read_of(&stage->failure[i]);
        ret->failures += ret->failure[i];
    }
    ret->bytes = read_of(&stage->bytes);
    ret->retries = read_of(&stage->retries);
    silt_histogram_snapshot(&stage->latency, &ret->latency);
}

bool silt_stage_is_active(const struct silt_stage_snapshot *stage)
{
    return stage->success || stage->failures || stage->bytes || stage->retries ||
           stage->latency.count;
}

void silt_metrics_snapshot(const struct silt_metrics *m, struct silt_metrics_snapshot *ret)
{
    for (unsigned i = 0; i < SILT_STAGES_N; i++) snapshot_stage(&m->stages[i], &ret->stages[i]);
    for (unsigned i = 0; i < SILT_GAUGES_N; i++)
        ret->gauges[i] = atomic_load_explicit(&m->gauges[i], memory_order_relaxed);
    for (unsigned i = 0; i < REJECTS_N; i++) ret->rejects[i] = read_of(&m->rejects[i]);
}

static void diff_stage(const struct silt_stage_snapshot *later,
                       const struct silt_stage_snapshot *earlier, struct silt_stage_snapshot *ret)
{
    ret->success = later->success - earlier->success;
    for (unsigned i = 0; i < SILT_FAIL_TYPES_N; i++)
        ret->failure[i] = later->failure[i] - earlier->failure[i];
    ret->failures = later->failures - earlier->failures;
    ret->bytes = later->bytes - earlier->bytes;
    ret->retries = later->retries - earlier->retries;
    silt_histogram_diff(&later->latency, &earlier->latency, &ret->latency);
}

void silt_metrics_diff(const struct silt_metrics_snapshot *later,
                       const struct silt_metrics_snapshot *earlier,
                       struct silt_metrics_snapshot *ret)
{
    for (unsigned i = 0; i < SILT_STAGES_N; i++)
        diff_stage(&later->stages[i], &earlier->stages[i], &ret->stages[i]);
    memcpy(ret->gauges, later->gauges, sizeof ret->gauges);
    for (unsigned i = 0; i < REJECTS_N; i++)
        ret->rejects[i] = later->rejects[i] - earlier->rejects[i];
}
