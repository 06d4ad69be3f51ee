#include "observe/failure_log_int.h"

#include "harness.h"

#include <string.h>

static void a_failure_line_is_what_log_queries_look_for(void)
{
    char line[SILT_FAILURE_LINE_MAX];
    silt_failure_line(SILT_STAGE_S3_UPLOAD, SILT_FAIL_TIMEOUT, "no answer in 10 s", line);
    CU_ASSERT_STRING_EQUAL(line, "FAILURE_TRACKED Stage: s3_upload FailureType: timeout s3 Failed: "
                                 "no answer in 10 s");
    silt_failure_line(SILT_STAGE_AVRO_VALIDATE, SILT_FAIL_VALIDATION_ERROR, NULL, line);
    CU_ASSERT_STRING_EQUAL(line, "FAILURE_TRACKED Stage: avro_validate FailureType: "
                                 "validation_error avro Failed: no details");
}

static void each_stage_has_its_system_in_lower_case(void)
{
    static const char *const words[SILT_STAGES_N] = {
        [SILT_STAGE_INGESTION] = " ingestion Failed: ",
        [SILT_STAGE_POSTGRES_WRITE] = " postgres Failed: ",
        [SILT_STAGE_KAFKA_PUBLISH] = " kafka Failed: ",
        [SILT_STAGE_KAFKA_CONSUME] = " kafka Failed: ",
        [SILT_STAGE_AVRO_VALIDATE] = " avro Failed: ",
        [SILT_STAGE_ENCODE] = " encode Failed: ",
        [SILT_STAGE_S3_UPLOAD] = " s3 Failed: ",
        [SILT_STAGE_ARCHIVE_COMMIT] = " s3 Failed: ",
    };
    for (unsigned i = 0; i < SILT_STAGES_N; i++) {
        char line[SILT_FAILURE_LINE_MAX];
        silt_failure_line((enum silt_stage)i, SILT_FAIL_THROTTLED, "x", line);
        CU_ASSERT_PTR_NOT_NULL(strstr(line, words[i]));
    }
}

static void a_long_message_is_cut(void)
{
    char message[2000];
    char line[SILT_FAILURE_LINE_MAX];
    memset(message, 'x', sizeof message - 1);
    message[sizeof message - 1] = 0;
    silt_failure_line(SILT_STAGE_ENCODE, SILT_FAIL_CONFLICT, message, line);
    CU_ASSERT_EQUAL(strlen(line), SILT_FAILURE_LINE_MAX - 1);
}

static void suppressed_lines_and_durations_have_their_form(void)
{
    char line[SILT_FAILURE_LINE_MAX];
    silt_suppressed_line(SILT_STAGE_KAFKA_CONSUME, SILT_FAIL_NETWORK_ERROR, 120, line);
    CU_ASSERT_STRING_EQUAL(line, "FAILURE_SUPPRESSED Stage: kafka_consume FailureType: "
                                 "network_error kafka Failed: 120 more in 10 s");
    silt_latency_line(SILT_STAGE_S3_UPLOAD, 123999, line);
    CU_ASSERT_STRING_EQUAL(line, "ProcessingLatency Stage: s3_upload duration: 123");
}

static void lets_five_lines_pass_and_counts_the_rest(void)
{
    struct silt_log_limit limit = {0};
    CU_ASSERT_EQUAL(silt_log_limit_close(&limit, 99), 0);
    for (int i = 0; i < SILT_LOG_LINES_MAX; i++) CU_ASSERT(silt_log_limit_pass(&limit, 100 + i));
    CU_ASSERT_FALSE(silt_log_limit_pass(&limit, 200));
    CU_ASSERT_FALSE(silt_log_limit_pass(&limit, 300));
    CU_ASSERT_EQUAL(silt_log_limit_close(&limit, 100 + SILT_LOG_WINDOW_MS - 1), 0);
    CU_ASSERT_EQUAL(silt_log_limit_close(&limit, 100 + SILT_LOG_WINDOW_MS), 2);
    CU_ASSERT_EQUAL(silt_log_limit_close(&limit, 100 + SILT_LOG_WINDOW_MS), 0);
    CU_ASSERT(silt_log_limit_pass(&limit, 20000));
}

SILT_TESTS("failure_log",
           {"a failure line is what log queries look for",
            a_failure_line_is_what_log_queries_look_for},
           {"each stage has its system in lower case", each_stage_has_its_system_in_lower_case},
           {"a long message is cut", a_long_message_is_cut},
           {"suppressed lines and durations have their form",
            suppressed_lines_and_durations_have_their_form},
           {"lets five lines pass and counts the rest", lets_five_lines_pass_and_counts_the_rest})
