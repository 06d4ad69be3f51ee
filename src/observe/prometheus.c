#include "observe/view_int.h"

#include "record/record.h"

#include <stdio.h>
#include <string.h>

/* Text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats): in label values \, " and
 * newline are escaped. */
static void label_value(struct silt_buf *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\n') {
            (void)silt_buf_append_str(out, "\\n");
            continue;
        }
        if (*value == '\\' || *value == '"') (void)silt_buf_append_char(out, '\\');
        (void)silt_buf_append_char(out, *value);
    }
}

static void head(struct silt_buf *out, const char *name, const char *kind, const char *help)
{
    (void)silt_buf_printf(out, "# HELP silt_%s %s\n# TYPE silt_%s %s\n", name, help, name, kind);
}

static void series(struct silt_buf *out, const char *name, const char *label, const char *value)
{
    (void)silt_buf_printf(out, "silt_%s{%s=\"", name, label);
    label_value(out, value);
}

static void plain(struct silt_buf *out, const char *name, const char *kind, const char *help,
                  double value)
{
    head(out, name, kind, help);
    (void)silt_buf_printf(out, "silt_%s %.15g\n", name, value);
}

static void gauges(struct silt_buf *out, const int64_t *values)
{
    static const struct {
        const char *name;
        const char *kind;
        const char *help;
    } table[SILT_GAUGES_N] = {
#define SILT_GAUGE(code, name, kind, help) {name, kind, help},
#include "metrics/gauges.def"
#undef SILT_GAUGE
    };
    static const char ms[] = "_milliseconds";
    for (unsigned i = 0; i < SILT_GAUGES_N; i++) {
        size_t len = strlen(table[i].name);
        size_t stem = len > sizeof ms - 1 ? len - (sizeof ms - 1) : len;
        bool is_ms = strcmp(table[i].name + stem, ms) == 0;
        char name[80];
        snprintf(name, sizeof name, "%.*s%s", (int)(is_ms ? stem : len), table[i].name,
                 is_ms ? "_seconds" : "");
        plain(out, name, table[i].kind, table[i].help, (double)values[i] / (is_ms ? 1000 : 1));
    }
}

typedef uint64_t number_fn(const struct silt_stage_snapshot *stage);
static uint64_t success_of(const struct silt_stage_snapshot *stage)
{
    return stage->success;
}
static uint64_t bytes_of(const struct silt_stage_snapshot *stage)
{
    return stage->bytes;
}
static uint64_t retries_of(const struct silt_stage_snapshot *stage)
{
    return stage->retries;
}

static void by_stage(struct silt_buf *out, const struct silt_view *view, const char *name,
                     const char *help, number_fn *number_of)
{
    head(out, name, "counter", help);
    for (unsigned i = 0; i < SILT_STAGES_N; i++) {
        series(out, name, "stage", silt_stage_name((enum silt_stage)i));
        (void)silt_buf_printf(out, "\"} %llu\n",
                              (unsigned long long)number_of(&view->metrics->stages[i]));
    }
}

static void failures(struct silt_buf *out, const struct silt_view *view)
{
    head(out, "stage_failures_total", "counter", "operations of a stage that failed");
    for (unsigned i = 0; i < SILT_STAGES_N; i++)
        for (unsigned type = 0; type < SILT_FAIL_TYPES_N; type++) {
            series(out, "stage_failures_total", "stage", silt_stage_name((enum silt_stage)i));
            (void)silt_buf_printf(out, "\",failure_type=\"%s\"} %llu\n",
                                  silt_failure_type_name((enum silt_failure_type)type),
                                  (unsigned long long)view->metrics->stages[i].failure[type]);
        }
}

/* Bounds of the exported histogram. A bucket of ours counts below the bound that its middle does
 * not exceed. */
static const struct {
    uint64_t us;
    const char *text;
} bounds[] = {
    {100, "0.0001"},  {250, "0.00025"}, {500, "0.0005"},  {1000, "0.001"},    {2500, "0.0025"},
    {5000, "0.005"},  {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},    {100000, "0.1"},
    {250000, "0.25"}, {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"},   {5000000, "5"},
    {10000000, "10"}, {30000000, "30"}, {60000000, "60"}, {300000000, "300"},
};
static const char latency_name[] = "stage_latency_seconds";

static void latency(struct silt_buf *out, enum silt_stage stage,
                    const struct silt_histogram_snapshot *h)
{
    const char *name = silt_stage_name(stage);
    unsigned bucket = 0;
    uint64_t seen = 0;
    for (unsigned i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        while (silt_histogram_value(bucket) <= bounds[i].us) seen += h->counts[bucket++];
        (void)silt_buf_printf(out, "silt_%s_bucket{stage=\"%s\",le=\"%s\"} %llu\n", latency_name,
                              name, bounds[i].text, (unsigned long long)seen);
    }
    (void)silt_buf_printf(out,
                          "silt_%s_bucket{stage=\"%s\",le=\"+Inf\"} %llu\n"
                          "silt_%s_sum{stage=\"%s\"} %llu.%06llu\n"
                          "silt_%s_count{stage=\"%s\"} %llu\n",
                          latency_name, name, (unsigned long long)h->count, latency_name, name,
                          (unsigned long long)(h->sum / 1000000),
                          (unsigned long long)(h->sum % 1000000), latency_name, name,
                          (unsigned long long)h->count);
}

static void latencies(struct silt_buf *out, const struct silt_view *view)
{
    head(out, latency_name, "histogram", "time of one operation of a stage");
    for (unsigned i = 0; i < SILT_STAGES_N; i++)
        latency(out, (enum silt_stage)i, &view->metrics->stages[i].latency);
}

static void rejects(struct silt_buf *out, const struct silt_view *view)
{
    head(out, "rejected_by_reason_total", "counter", "rejected records by reason");
    for (unsigned i = 1; i < SILT_REASONS_N; i++) {
        series(out, "rejected_by_reason_total", "reason", silt_reason_name((enum silt_reason)i));
        (void)silt_buf_printf(out, "\"} %llu\n", (unsigned long long)view->metrics->rejects[i]);
    }
}

/* Unknown values are left out: a gap in a graph is honest, a 0 is not. */
static void by_partition(struct silt_buf *out, const struct silt_view *view, const char *name,
                         const char *help, size_t member, double unit)
{
    head(out, name, "gauge", help);
    for (const struct silt_lag *lag = view->lags; lag < view->lags + view->lags_n; lag++) {
        int64_t value;
        memcpy(&value, (const char *)lag + member, sizeof value);
        if (value < 0) continue;
        series(out, name, "topic", lag->tp.topic);
        (void)silt_buf_printf(out, "\",partition=\"%d\"} %.15g\n", lag->tp.partition,
                              (double)value / unit);
    }
}

static void partitions(struct silt_buf *out, const struct silt_view *view)
{
    by_partition(out, view, "partition_lag", "records that are not durable yet",
                 offsetof(struct silt_lag, lag), 1);
    by_partition(out, view, "partition_lag_seconds", "age of the oldest record that is not durable",
                 offsetof(struct silt_lag, lag_ms), 1000);
    by_partition(out, view, "partition_retention_left_seconds",
                 "time until retention reaches the durable offset",
                 offsetof(struct silt_lag, retention_ms_left), 1000);
    by_partition(out, view, "partition_durable_offset", "end of the newest complete slot",
                 offsetof(struct silt_lag, durable), 1);
    by_partition(out, view, "partition_high_watermark", "end of the partition in Kafka",
                 offsetof(struct silt_lag, high), 1);
}

static void outputs(struct silt_buf *out, const struct silt_view *view)
{
    head(out, "output_up", "gauge", "1 when the output answers");
    for (unsigned i = 0; i < view->outputs_n; i++) {
        if (view->outputs[i].state == SILT_OUTPUT_OFF) continue;
        series(out, "output_up", "output", view->outputs[i].name);
        (void)silt_buf_printf(out, "\"} %d\n", view->outputs[i].state == SILT_OUTPUT_OK);
    }
    head(out, "output_spooled", "gauge", "rows or calls that wait for the output");
    for (unsigned i = 0; i < view->outputs_n; i++) {
        series(out, "output_spooled", "output", view->outputs[i].name);
        (void)silt_buf_printf(out, "\"} %llu\n", (unsigned long long)view->outputs[i].spooled);
    }
}

static void info(struct silt_buf *out, const struct silt_view *view)
{
    head(out, "info", "gauge", "version and worker");
    series(out, "info", "version", view->version);
    (void)silt_buf_append_str(out, "\",worker=\"");
    label_value(out, view->worker);
    (void)silt_buf_append_str(out, "\"} 1\n");
    plain(out, "ready", "gauge",
          "1 when the worker is assigned or legitimately idle and no partition is halted",
          view->ready);
    plain(out, "uptime_seconds", "gauge", "time since the start", (double)view->uptime_ms / 1000);
}

void silt_prometheus_text(const struct silt_view *view, struct silt_buf *ret)
{
    info(ret, view);
    by_stage(ret, view, "stage_success_total", "operations of a stage that succeeded", success_of);
    failures(ret, view);
    by_stage(ret, view, "stage_bytes_total", "bytes a stage handled", bytes_of);
    by_stage(ret, view, "stage_retries_total", "operations of a stage that were tried again",
             retries_of);
    latencies(ret, view);
    gauges(ret, view->metrics->gauges);
    rejects(ret, view);
    partitions(ret, view);
    outputs(ret, view);
}
