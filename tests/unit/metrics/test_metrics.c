#include "metrics/metrics.h"

#include "harness.h"

#include <string.h>

static struct silt_metrics_snapshot earlier;
static struct silt_metrics_snapshot later;
static struct silt_metrics_snapshot diff;

static void every_stage_and_type_has_a_name(void)
{
    for (unsigned i = 0; i < SILT_STAGES_N; i++)
        CU_ASSERT(strlen(silt_stage_name((enum silt_stage)i)) > 0);
    CU_ASSERT_STRING_EQUAL(silt_stage_name(SILT_STAGE_S3_UPLOAD), "s3_upload");
    for (unsigned i = 0; i < SILT_FAIL_TYPES_N; i++) {
        enum silt_failure_type type = (enum silt_failure_type)i;
        CU_ASSERT_EQUAL(silt_failure_type_parse(silt_failure_type_name(type)), type);
    }
    CU_ASSERT_EQUAL(silt_failure_type_parse("flood"), SILT_FAIL_UNKNOWN_ERROR);
}

static void counts_land_where_they_belong(void)
{
    struct silt_metrics *m = silt_metrics_new();
    silt_metrics_success(m, SILT_STAGE_ENCODE, 3);
    silt_metrics_failure(m, SILT_STAGE_ENCODE, SILT_FAIL_TIMEOUT, 2);
    silt_metrics_failure(m, SILT_STAGE_ENCODE, SILT_FAIL_CONFLICT, 1);
    silt_metrics_bytes(m, SILT_STAGE_ENCODE, 4096);
    silt_metrics_retry(m, SILT_STAGE_ENCODE, 4);
    silt_metrics_latency(m, SILT_STAGE_ENCODE, 1500);
    silt_metrics_latency(m, SILT_STAGE_ENCODE, -7);
    silt_metrics_set(m, SILT_GAUGE_MEMORY_USED, 10);
    silt_metrics_add(m, SILT_GAUGE_MEMORY_USED, -3);
    atomic_fetch_add(&m->rejects[2], 5);
    silt_metrics_snapshot(m, &later);
    const struct silt_stage_snapshot *stage = &later.stages[SILT_STAGE_ENCODE];
    CU_ASSERT_EQUAL(stage->success, 3);
    CU_ASSERT_EQUAL(stage->failure[SILT_FAIL_TIMEOUT], 2);
    CU_ASSERT_EQUAL(stage->failures, 3);
    CU_ASSERT_EQUAL(stage->bytes, 4096);
    CU_ASSERT_EQUAL(stage->retries, 4);
    CU_ASSERT_EQUAL(stage->latency.count, 2);
    CU_ASSERT_EQUAL(stage->latency.sum, 1500);
    CU_ASSERT_EQUAL(stage->latency.counts[0], 1);
    CU_ASSERT_EQUAL(later.stages[SILT_STAGE_S3_UPLOAD].success, 0);
    CU_ASSERT_EQUAL(later.gauges[SILT_GAUGE_MEMORY_USED], 7);
    CU_ASSERT_EQUAL(later.rejects[2], 5);
    silt_metrics_free(m);
}

static void a_difference_subtracts_counters_and_keeps_gauges(void)
{
    struct silt_metrics *m = silt_metrics_new();
    silt_metrics_success(m, SILT_STAGE_S3_UPLOAD, 10);
    silt_metrics_set(m, SILT_GAUGE_WINDOWS_OPEN, 4);
    silt_metrics_snapshot(m, &earlier);
    silt_metrics_success(m, SILT_STAGE_S3_UPLOAD, 5);
    silt_metrics_failure(m, SILT_STAGE_S3_UPLOAD, SILT_FAIL_THROTTLED, 2);
    silt_metrics_bytes(m, SILT_STAGE_S3_UPLOAD, 100);
    silt_metrics_retry(m, SILT_STAGE_S3_UPLOAD, 1);
    silt_metrics_latency(m, SILT_STAGE_S3_UPLOAD, 90);
    silt_metrics_set(m, SILT_GAUGE_WINDOWS_OPEN, 6);
    atomic_fetch_add(&m->rejects[31], 1);
    silt_metrics_snapshot(m, &later);
    silt_metrics_diff(&later, &earlier, &diff);
    const struct silt_stage_snapshot *stage = &diff.stages[SILT_STAGE_S3_UPLOAD];
    CU_ASSERT_EQUAL(stage->success, 5);
    CU_ASSERT_EQUAL(stage->failure[SILT_FAIL_THROTTLED], 2);
    CU_ASSERT_EQUAL(stage->failures, 2);
    CU_ASSERT_EQUAL(stage->bytes, 100);
    CU_ASSERT_EQUAL(stage->retries, 1);
    CU_ASSERT_EQUAL(stage->latency.count, 1);
    CU_ASSERT_EQUAL(stage->latency.max, 90);
    CU_ASSERT_EQUAL(diff.gauges[SILT_GAUGE_WINDOWS_OPEN], 6);
    CU_ASSERT_EQUAL(diff.rejects[31], 1);
    silt_metrics_free(m);
}

static void a_stage_is_active_when_anything_was_counted(void)
{
    static struct silt_stage_snapshot stage;
    CU_ASSERT_FALSE(silt_stage_is_active(&stage));
    uint64_t *const counts[] = {&stage.success, &stage.failures, &stage.bytes, &stage.retries,
                                &stage.latency.count};
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        *counts[i] = 1;
        CU_ASSERT(silt_stage_is_active(&stage));
        *counts[i] = 0;
    }
}

SILT_TESTS("metrics", {"every stage and failure type has a name", every_stage_and_type_has_a_name},
           {"counts land where they belong", counts_land_where_they_belong},
           {"a stage is active when anything was counted",
            a_stage_is_active_when_anything_was_counted},
           {"a difference subtracts counters and keeps gauges",
            a_difference_subtracts_counters_and_keeps_gauges})
