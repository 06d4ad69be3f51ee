/* The one registry of counters: write side. All outputs (Postgres, CloudWatch, /metrics) read the
 * same numbers.
 *
 * Counting is lock-free (relaxed atomics) and allocation-free. Readers take snapshots and subtract.
 * Stages and failure types: design 4.4.
 */
#ifndef SILT_METRICS_METRICS_H
#define SILT_METRICS_METRICS_H

#include "metrics/histogram.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum silt_stage {
    SILT_STAGE_INGESTION,
    SILT_STAGE_POSTGRES_WRITE,
    SILT_STAGE_KAFKA_PUBLISH,
    SILT_STAGE_KAFKA_CONSUME,
    SILT_STAGE_AVRO_VALIDATE,
    SILT_STAGE_ENCODE,
    SILT_STAGE_S3_UPLOAD,
    SILT_STAGE_ARCHIVE_COMMIT,
    SILT_STAGES_N
};
enum silt_failure_type {
    SILT_FAIL_CONNECTION_ERROR,
    SILT_FAIL_TIMEOUT,
    SILT_FAIL_VALIDATION_ERROR,
    SILT_FAIL_SCHEMA_ERROR,
    SILT_FAIL_NETWORK_ERROR,
    SILT_FAIL_THROTTLED,
    SILT_FAIL_AUTH_ERROR,
    SILT_FAIL_CONFLICT,
    SILT_FAIL_UNKNOWN_ERROR,
    SILT_FAIL_TYPES_N
};
const char *silt_stage_name(enum silt_stage stage);               /* "s3_upload" */
const char *silt_failure_type_name(enum silt_failure_type type);  /* "timeout" */
enum silt_failure_type silt_failure_type_parse(const char *name); /* unknown_error when unknown */

struct silt_stage_counters {
    _Atomic uint64_t success;
    _Atomic uint64_t failure[SILT_FAIL_TYPES_N];
    _Atomic uint64_t bytes;
    _Atomic uint64_t retries;
    struct silt_histogram latency; /* microseconds */
};

/* Plain named numbers beside the stages: gauges and counters. X-macro table in metrics/gauges.def.
 */
enum silt_gauge {
#define SILT_GAUGE(code, name, kind, help) SILT_GAUGE_##code,
#include "metrics/gauges.def"
#undef SILT_GAUGE
    SILT_GAUGES_N
};

struct silt_metrics {
    struct silt_stage_counters stages[SILT_STAGES_N];
    _Atomic int64_t gauges[SILT_GAUGES_N];
    _Atomic uint64_t rejects[32]; /* by enum silt_reason of record/ */
};

struct silt_metrics *silt_metrics_new(void);
void silt_metrics_free(struct silt_metrics *metrics);

void silt_metrics_success(struct silt_metrics *m, enum silt_stage stage, uint64_t n);
void silt_metrics_failure(struct silt_metrics *m, enum silt_stage stage,
                          enum silt_failure_type type, uint64_t n);
void silt_metrics_bytes(struct silt_metrics *m, enum silt_stage stage, uint64_t bytes);
void silt_metrics_retry(struct silt_metrics *m, enum silt_stage stage, uint64_t n);
void silt_metrics_latency(struct silt_metrics *m, enum silt_stage stage, int64_t us);
void silt_metrics_set(struct silt_metrics *m, enum silt_gauge gauge, int64_t value);
void silt_metrics_add(struct silt_metrics *m, enum silt_gauge gauge, int64_t delta);

/* A plain copy and the difference of two copies (later − earlier); gauges keep the later value. */
struct silt_stage_snapshot {
    uint64_t success;
    uint64_t failure[SILT_FAIL_TYPES_N];
    uint64_t failures; /* sum */
    uint64_t bytes;
    uint64_t retries;
    struct silt_histogram_snapshot latency;
};
struct silt_metrics_snapshot {
    struct silt_stage_snapshot stages[SILT_STAGES_N];
    int64_t gauges[SILT_GAUGES_N];
    uint64_t rejects[32];
};
/* Has anything been counted? */
bool silt_stage_is_active(const struct silt_stage_snapshot *stage);
void silt_metrics_snapshot(const struct silt_metrics *m, struct silt_metrics_snapshot *ret);
void silt_metrics_diff(const struct silt_metrics_snapshot *later,
                       const struct silt_metrics_snapshot *earlier,
                       struct silt_metrics_snapshot *ret);

#endif
