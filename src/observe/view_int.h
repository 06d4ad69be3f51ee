/* Everything the outside may see at one moment, as plain values, and the texts made of it. Pure:
 * the admin thread copies a view under the lock and writes documents from the copy.
 */
#ifndef SILT_OBSERVE_VIEW_INT_H
#define SILT_OBSERVE_VIEW_INT_H

#include "base/buf.h"
#include "observe/observe.h"

enum silt_output_state {
    SILT_OUTPUT_OFF,
    SILT_OUTPUT_CONNECTING,
    SILT_OUTPUT_OK,
    SILT_OUTPUT_DOWN
};

struct silt_output_view {
    const char *name; /* "postgres" */
    enum silt_output_state state;
    int64_t since_ms; /* wall time of the last change */
    char error[200];  /* why it is down */
    uint64_t spooled; /* rows or calls waiting */
    uint64_t dropped; /* ever */
};

struct silt_reject_view {
    int64_t ts_ms;
    char topic[SILT_TOPIC_MAX];
    int32_t partition;
    int64_t offset;
    char reason[40];
    char detail[200];
    char sensor_id[128];
};

struct silt_view {
    const char *worker;
    const char *boot;
    const char *version;
    int64_t uptime_ms;
    bool ready;
    bool live;
    char ready_why[160];
    const struct silt_metrics_snapshot *metrics;
    const struct silt_lag *lags;
    unsigned lags_n;
    const struct silt_output_view *outputs;
    unsigned outputs_n;
    const struct silt_reject_view *rejects; /* newest first */
    unsigned rejects_n;
};

/* The sum over partitions; -1 while any of it is unknown or nothing is assigned. */
int64_t silt_view_lag_total(const struct silt_view *view);

void silt_status_json(const struct silt_view *view, struct silt_buf *ret);     /* /api/v1/status */
void silt_lag_json(const struct silt_view *view, struct silt_buf *ret);        /* /api/v1/lag */
void silt_rejects_json(const struct silt_view *view, struct silt_buf *ret);    /* /api/v1/rejects */
void silt_prometheus_text(const struct silt_view *view, struct silt_buf *ret); /* /metrics */

#endif
