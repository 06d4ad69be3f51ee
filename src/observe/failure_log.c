#include "observe/failure_log_int.h"

#include <stdio.h>

bool silt_log_limit_pass(struct silt_log_limit *limit, int64_t now_ms)
{
    if (!limit->open) *limit = (struct silt_log_limit){.open = true, .opened_ms = now_ms};
    if (limit->lines == SILT_LOG_LINES_MAX) {
        limit->suppressed++;
        return false;
    }
    limit->lines++;
    return true;
}

uint64_t silt_log_limit_close(struct silt_log_limit *limit, int64_t now_ms)
{
    if (!limit->open || now_ms - limit->opened_ms < SILT_LOG_WINDOW_MS) return 0;
    limit->open = false;
    return limit->suppressed;
}

/* Log queries look for these words in lines of a kind. */
static const char *const systems[SILT_STAGES_N] = {
    [SILT_STAGE_INGESTION] = "ingestion", [SILT_STAGE_POSTGRES_WRITE] = "postgres",
    [SILT_STAGE_KAFKA_PUBLISH] = "kafka", [SILT_STAGE_KAFKA_CONSUME] = "kafka",
    [SILT_STAGE_AVRO_VALIDATE] = "avro",  [SILT_STAGE_ENCODE] = "encode",
    [SILT_STAGE_S3_UPLOAD] = "s3",        [SILT_STAGE_ARCHIVE_COMMIT] = "s3",
};

void silt_failure_line(enum silt_stage stage, enum silt_failure_type type, const char *message,
                       char ret_line[SILT_FAILURE_LINE_MAX])
{
    snprintf(ret_line, SILT_FAILURE_LINE_MAX,
             "FAILURE_TRACKED Stage: %s FailureType: %s %s Failed: %s", silt_stage_name(stage),
             silt_failure_type_name(type), systems[stage], message ? message : "no details");
}

void silt_suppressed_line(enum silt_stage stage, enum silt_failure_type type, uint64_t suppressed,
                          char ret_line[SILT_FAILURE_LINE_MAX])
{
    snprintf(ret_line, SILT_FAILURE_LINE_MAX,
             "FAILURE_SUPPRESSED Stage: %s FailureType: %s %s Failed: %llu more in %d s",
             silt_stage_name(stage), silt_failure_type_name(type), systems[stage],
             (unsigned long long)suppressed, SILT_LOG_WINDOW_MS / 1000);
}

void silt_latency_line(enum silt_stage stage, int64_t us, char ret_line[SILT_FAILURE_LINE_MAX])
{
    snprintf(ret_line, SILT_FAILURE_LINE_MAX, "ProcessingLatency Stage: %s duration: %lld",
             silt_stage_name(stage), (long long)(us / 1000));
}
