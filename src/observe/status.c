#include "observe/view_int.h"

#include "base/iso.h"
#include "base/jsonw.h"

static const char *const state_names[] = {"off", "connecting", "ok", "down"};

int64_t silt_view_lag_total(const struct silt_view *view)
{
    int64_t assigned = view->metrics->gauges[SILT_GAUGE_PARTITIONS_ASSIGNED];
    if (view->lags_n == 0 || assigned > (int64_t)view->lags_n) return -1;
    int64_t total = 0;
    for (unsigned i = 0; i < view->lags_n; i++) {
        if (view->lags[i].lag < 0) return -1;
        total += view->lags[i].lag;
    }
    return total;
}

/* Negative means unknown, and unknown is never 0. */
static void known(struct silt_jsonw *w, const char *key, int64_t value)
{
    silt_jsonw_key(w, key);
    if (value < 0)
        silt_jsonw_null(w);
    else
        silt_jsonw_int(w, value);
}

static void time_of(struct silt_jsonw *w, const char *key, int64_t ms)
{
    char iso[SILT_ISO_LEN];
    silt_iso_time(ms, iso);
    silt_jsonw_kstr(w, key, iso);
}

static void partitions(struct silt_jsonw *w, const struct silt_view *view)
{
    known(w, "lag_total", silt_view_lag_total(view));
    silt_jsonw_key(w, "partitions");
    silt_jsonw_open(w, '[');
    for (unsigned i = 0; i < view->lags_n; i++) {
        const struct silt_lag *lag = &view->lags[i];
        silt_jsonw_open(w, '{');
        silt_jsonw_kstr(w, "cluster", lag->tp.cluster);
        silt_jsonw_kstr(w, "topic", lag->tp.topic);
        silt_jsonw_kstr(w, "topic_id", lag->tp.topic_id);
        silt_jsonw_kint(w, "partition", lag->tp.partition);
        known(w, "log_start", lag->log_start);
        known(w, "durable", lag->durable);
        known(w, "position", lag->position);
        known(w, "cut", lag->cut);
        known(w, "staged", lag->staged);
        known(w, "high", lag->high);
        known(w, "lag", lag->lag);
        known(w, "lag_ms", lag->lag_ms);
        known(w, "retention_ms_left", lag->retention_ms_left);
        known(w, "drain_per_s", lag->drain_per_s);
        silt_jsonw_kstr(w, "state", lag->state);
        silt_jsonw_close(w, '}');
    }
    silt_jsonw_close(w, ']');
}

static void latency(struct silt_jsonw *w, const struct silt_histogram_snapshot *h)
{
    silt_jsonw_key(w, "latency_us");
    silt_jsonw_open(w, '{');
    silt_jsonw_kuint(w, "count", h->count);
    silt_jsonw_kuint(w, "sum", h->sum);
    silt_jsonw_kuint(w, "p50", silt_histogram_quantile(h, 0.50));
    silt_jsonw_kuint(w, "p95", silt_histogram_quantile(h, 0.95));
    silt_jsonw_kuint(w, "p99", silt_histogram_quantile(h, 0.99));
    silt_jsonw_kuint(w, "max", h->max);
    silt_jsonw_close(w, '}');
}

static void stages(struct silt_jsonw *w, const struct silt_metrics_snapshot *metrics)
{
    silt_jsonw_key(w, "stages");
    silt_jsonw_open(w, '{');
    for (unsigned i = 0; i < SILT_STAGES_N; i++) {
        const struct silt_stage_snapshot *stage = &metrics->stages[i];
        silt_jsonw_key(w, silt_stage_name((enum silt_stage)i));
        silt_jsonw_open(w, '{');
        silt_jsonw_kuint(w, "success", stage->success);
        silt_jsonw_kuint(w, "failure", stage->failures);
        silt_jsonw_key(w, "failure_types");
        silt_jsonw_open(w, '{');
        for (unsigned type = 0; type < SILT_FAIL_TYPES_N; type++)
            if (stage->failure[type])
                silt_jsonw_kuint(w, silt_failure_type_name((enum silt_failure_type)type),
                                 stage->failure[type]);
        silt_jsonw_close(w, '}');
        silt_jsonw_kuint(w, "bytes", stage->bytes);
        silt_jsonw_kuint(w, "retries", stage->retries);
        latency(w, &stage->latency);
        silt_jsonw_close(w, '}');
    }
    silt_jsonw_close(w, '}');
}

static void totals(struct silt_jsonw *w, const int64_t *gauges)
{
    silt_jsonw_kint(w, "records_archived", gauges[SILT_GAUGE_RECORDS_ARCHIVED]);
    silt_jsonw_kint(w, "records_rejected", gauges[SILT_GAUGE_RECORDS_REJECTED]);
    silt_jsonw_kint(w, "records_holes", gauges[SILT_GAUGE_RECORDS_HOLES]);
    silt_jsonw_kint(w, "records_redelivered", gauges[SILT_GAUGE_RECORDS_DROPPED]);
    silt_jsonw_kint(w, "slots_committed", gauges[SILT_GAUGE_SLOTS_COMMITTED]);
    silt_jsonw_kint(w, "slots_lost", gauges[SILT_GAUGE_SLOTS_LOST]);
    silt_jsonw_kint(w, "partitions_assigned", gauges[SILT_GAUGE_PARTITIONS_ASSIGNED]);
    silt_jsonw_kint(w, "partitions_paused", gauges[SILT_GAUGE_PARTITIONS_PAUSED]);
    silt_jsonw_kint(w, "partitions_halted", gauges[SILT_GAUGE_PARTITIONS_HALTED]);
    silt_jsonw_kint(w, "windows_open", gauges[SILT_GAUGE_WINDOWS_OPEN]);
    silt_jsonw_kint(w, "memory_used", gauges[SILT_GAUGE_MEMORY_USED]);
    silt_jsonw_kint(w, "memory_limit", gauges[SILT_GAUGE_MEMORY_LIMIT]);
}

static void outputs(struct silt_jsonw *w, const struct silt_view *view)
{
    silt_jsonw_key(w, "outputs");
    silt_jsonw_open(w, '{');
    for (unsigned i = 0; i < view->outputs_n; i++) {
        const struct silt_output_view *output = &view->outputs[i];
        silt_jsonw_key(w, output->name);
        silt_jsonw_open(w, '{');
        silt_jsonw_kstr(w, "state", state_names[output->state]);
        if (output->state != SILT_OUTPUT_OFF) {
            time_of(w, "since", output->since_ms);
            silt_jsonw_kstr(w, "error", output->error[0] ? output->error : NULL);
            silt_jsonw_kuint(w, "spooled", output->spooled);
            silt_jsonw_kuint(w, "dropped", output->dropped);
        }
        silt_jsonw_close(w, '}');
    }
    silt_jsonw_close(w, '}');
}

void silt_status_json(const struct silt_view *view, struct silt_buf *ret)
{
    struct silt_jsonw w;
    silt_jsonw_init(&w, ret);
    silt_jsonw_open(&w, '{');
    silt_jsonw_kstr(&w, "worker", view->worker);
    silt_jsonw_kstr(&w, "boot", view->boot);
    silt_jsonw_kstr(&w, "version", view->version);
    silt_jsonw_kint(&w, "uptime_ms", view->uptime_ms);
    silt_jsonw_kbool(&w, "ready", view->ready);
    silt_jsonw_kstr(&w, "ready_why", view->ready_why);
    silt_jsonw_kbool(&w, "live", view->live);
    totals(&w, view->metrics->gauges);
    partitions(&w, view);
    stages(&w, view->metrics);
    outputs(&w, view);
    silt_jsonw_close(&w, '}');
}

void silt_lag_json(const struct silt_view *view, struct silt_buf *ret)
{
    struct silt_jsonw w;
    silt_jsonw_init(&w, ret);
    silt_jsonw_open(&w, '{');
    partitions(&w, view);
    silt_jsonw_close(&w, '}');
}

void silt_rejects_json(const struct silt_view *view, struct silt_buf *ret)
{
    struct silt_jsonw w;
    silt_jsonw_init(&w, ret);
    silt_jsonw_open(&w, '{');
    silt_jsonw_kint(&w, "records_rejected", view->metrics->gauges[SILT_GAUGE_RECORDS_REJECTED]);
    silt_jsonw_key(&w, "rejects");
    silt_jsonw_open(&w, '[');
    for (unsigned i = 0; i < view->rejects_n; i++) {
        const struct silt_reject_view *reject = &view->rejects[i];
        silt_jsonw_open(&w, '{');
        time_of(&w, "ts", reject->ts_ms);
        silt_jsonw_kstr(&w, "topic", reject->topic);
        silt_jsonw_kint(&w, "partition", reject->partition);
        silt_jsonw_kint(&w, "offset", reject->offset);
        silt_jsonw_kstr(&w, "reason", reject->reason);
        silt_jsonw_kstr(&w, "detail", reject->detail);
        silt_jsonw_kstr(&w, "sensor_id", reject->sensor_id[0] ? reject->sensor_id : NULL);
        silt_jsonw_close(&w, '}');
    }
    silt_jsonw_close(&w, ']');
    silt_jsonw_close(&w, '}');
}
