/* Log lines about failures and latency (design 4.7), and how many of them. Pure.
 *
 *   FAILURE_TRACKED Stage: s3_upload FailureType: timeout s3 Failed: <message>
 *   FAILURE_SUPPRESSED Stage: s3_upload FailureType: timeout s3 Failed: 120 more in 10 s
 *   ProcessingLatency Stage: s3_upload duration: 123
 */
#ifndef SILT_OBSERVE_FAILURE_LOG_INT_H
#define SILT_OBSERVE_FAILURE_LOG_INT_H

#include "metrics/metrics.h"

#include <stdbool.h>
#include <stdint.h>

#define SILT_LOG_WINDOW_MS 10000
#define SILT_LOG_LINES_MAX 5 /* in a window */
#define SILT_FAILURE_LINE_MAX 512

/* All zero at the beginning. */
struct silt_log_limit {
    bool open;
    int64_t opened_ms;
    unsigned lines;
    uint64_t suppressed;
};
/* One more line: may it be written? */
bool silt_log_limit_pass(struct silt_log_limit *limit, int64_t now_ms);
/* Closes a window that is over. @return how many lines it suppressed. Call before _pass and now and
 * then. */
uint64_t silt_log_limit_close(struct silt_log_limit *limit, int64_t now_ms);

void silt_failure_line(enum silt_stage stage, enum silt_failure_type type, const char *message,
                       char ret_line[SILT_FAILURE_LINE_MAX]);
void silt_suppressed_line(enum silt_stage stage, enum silt_failure_type type, uint64_t suppressed,
                          char ret_line[SILT_FAILURE_LINE_MAX]);
void silt_latency_line(enum silt_stage stage, int64_t us, char ret_line[SILT_FAILURE_LINE_MAX]);

#endif
