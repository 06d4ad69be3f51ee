#include "observe/rows_int.h"

#include "base/alloc.h"
#include "base/iso.h"
#include "base/jsonw.h"

#include <stdio.h>
#include <string.h>

#define YEAR_9999_MS 253402300799999
#define TEXT_MAX 2048 /* of one column, but for documents of ours */

/* A repeated row, after a commit whose answer was lost, changes nothing. */
const struct silt_pg_insert silt_table_inserts[SILT_TABLES_N] = {
    [SILT_TABLE_STAGE_METRIC] =
        {"insert into silt.stage_metric (bucket, interval_ms, worker, boot, stage, success, "
         "failure,"
         " bytes, retries, latency_count, latency_sum_us, latency_p50_us, latency_p95_us,"
         " latency_p99_us, latency_max_us, histogram, failure_types)",
         "on conflict do nothing", 17},
    [SILT_TABLE_FAILURE] = {"insert into silt.failure (ts, worker, boot, number, stage, "
                            "failure_type, sensor_id, topic,"
                            " partition, kafka_offset, correlation_id, message, metadata)",
                            "on conflict do nothing", 13},
    [SILT_TABLE_LAG] =
        {"insert into silt.lag (ts, worker, boot, cluster, topic, topic_id, partition, log_start,"
         " durable, position, cut, staged, high, lag, lag_seconds, retention_seconds_left,"
         " drain_per_s, state)",
         "on conflict do nothing", 18},
    [SILT_TABLE_SLOT] =
        {"insert into silt.slot as t (cluster, topic, topic_id, partition, seq, kind, start, next,"
         " records, tombstones, rejected, holes, unreadable, ts_min, ts_max, delay_ms, uuid, "
         "worker,"
         " durable_at)",
         "on conflict (topic_id, partition, seq) do update set (cluster, topic, kind, start, next,"
         " records, tombstones, rejected, holes, unreadable, ts_min, ts_max, delay_ms, uuid, "
         "worker,"
         " durable_at) = (excluded.cluster, excluded.topic, excluded.kind, excluded.start,"
         " excluded.next, excluded.records, excluded.tombstones, excluded.rejected, excluded.holes,"
         " excluded.unreadable, excluded.ts_min, excluded.ts_max, excluded.delay_ms, excluded.uuid,"
         " excluded.worker, excluded.durable_at)",
         19},
    [SILT_TABLE_FILE] =
        {"insert into silt.file (topic_id, partition, seq, number, key, role, codec, bytes, "
         "records,"
         " first_offset, last_offset, schema_id)",
         "on conflict (topic_id, partition, seq, number) do update set (key, role, codec, bytes,"
         " records, first_offset, last_offset, schema_id) = (excluded.key, excluded.role,"
         " excluded.codec, excluded.bytes, excluded.records, excluded.first_offset,"
         " excluded.last_offset, excluded.schema_id)",
         12},
};

struct maker {
    struct silt_buf buf;
    unsigned rows;
};

static void make(struct maker *m)
{
    *m = (struct maker){0};
    silt_buf_init(&m->buf, SILT_BUF_MAX_DEFAULT);
}

static void row(struct maker *m, enum silt_table table)
{
    (void)silt_buf_append_char(&m->buf, (char)table);
    m->rows++;
}

static void null(struct maker *m)
{
    (void)silt_buf_append_char(&m->buf, 0);
}

static void text(struct maker *m, const char *value)
{
    if (!value) {
        null(m);
        return;
    }
    (void)silt_buf_append_char(&m->buf, 1);
    const uint8_t *at = (const uint8_t *)value;
    size_t len = strnlen(value, TEXT_MAX);
    for (size_t i = 0; i < len;) {
        unsigned n = silt_utf8_sequence(at + i, len - i);
        (void)silt_buf_append(&m->buf, n ? (const char *)at + i : "?", n ? n : 1);
        i += n ? n : 1;
    }
    (void)silt_buf_append_char(&m->buf, 0);
}

static void number(struct maker *m, int64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)value);
    text(m, digits);
}

/* Negative means unknown. */
static void known(struct maker *m, int64_t value)
{
    if (value < 0)
        null(m);
    else
        number(m, value);
}

static void seconds(struct maker *m, int64_t ms)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000));
    text(m, ms < 0 ? NULL : digits);
}

/* Beyond the year 9999 a producer did not mean it. */
static void time_of(struct maker *m, int64_t ms)
{
    char iso[SILT_ISO_LEN];
    bool sane = ms >= 0 && ms <= YEAR_9999_MS;
    if (sane) silt_iso_time(ms, iso);
    text(m, sane ? iso : NULL);
}

static void document(struct maker *m, const struct silt_buf *json)
{
    (void)silt_buf_append_char(&m->buf, 1);
    (void)silt_buf_append_str(&m->buf, silt_buf_str(json));
    (void)silt_buf_append_char(&m->buf, 0);
}

static struct silt_spool_item *finish(struct maker *m, enum silt_lane lane)
{
    struct silt_rows_item *item = NULL;
    if (m->rows) {
        size_t bytes = sizeof *item + m->buf.len;
        item = silt_alloc(bytes);
        item->spool =
            (struct silt_spool_item){.bytes = bytes, .rows = m->rows, .lane = (unsigned)lane};
        memcpy(item->data, m->buf.data, m->buf.len);
    }
    silt_buf_done(&m->buf);
    return item ? &item->spool : NULL;
}

bool silt_rows_next(const struct silt_rows_item *item, size_t *pos, enum silt_table *ret_table,
                    const char *ret_columns[SILT_COLUMNS_MAX])
{
    if (*pos == item->spool.bytes - sizeof *item) return false;
    const uint8_t *at = item->data + *pos;
    *ret_table = (enum silt_table) * at++;
    for (unsigned i = 0; i < silt_table_inserts[*ret_table].columns; i++) {
        ret_columns[i] = *at ? (const char *)at + 1 : NULL;
        at += *at ? strlen((const char *)at) + 1 : 1;
    }
    *pos = (size_t)(at - item->data);
    return true;
}

static void histogram(struct maker *m, const struct silt_histogram_snapshot *latency)
{
    struct silt_buf json;
    silt_buf_init(&json, SILT_BUF_MAX_DEFAULT);
    struct silt_jsonw w;
    silt_jsonw_init(&w, &json);
    silt_jsonw_open(&w, '[');
    for (unsigned i = 0; i < SILT_HISTOGRAM_BUCKETS; i++) {
        if (!latency->counts[i]) continue;
        silt_jsonw_open(&w, '[');
        silt_jsonw_uint(&w, silt_histogram_value(i));
        silt_jsonw_uint(&w, latency->counts[i]);
        silt_jsonw_close(&w, ']');
    }
    silt_jsonw_close(&w, ']');
    document(m, &json);
    silt_buf_done(&json);
}

static void failure_types(struct maker *m, const struct silt_stage_snapshot *stage)
{
    struct silt_buf json;
    silt_buf_init(&json, SILT_BUF_MAX_DEFAULT);
    struct silt_jsonw w;
    silt_jsonw_init(&w, &json);
    silt_jsonw_open(&w, '{');
    for (unsigned i = 0; i < SILT_FAIL_TYPES_N; i++)
        if (stage->failure[i])
            silt_jsonw_kuint(&w, silt_failure_type_name((enum silt_failure_type)i),
                             stage->failure[i]);
    silt_jsonw_close(&w, '}');
    document(m, &json);
    silt_buf_done(&json);
}

static void quantile(struct maker *m, const struct silt_histogram_snapshot *latency, double q)
{
    known(m, latency->count ? (int64_t)silt_histogram_quantile(latency, q) : -1);
}

struct silt_spool_item *silt_rows_stages(const struct silt_origin *origin, int64_t bucket_ms,
                                         int64_t interval_ms,
                                         const struct silt_metrics_snapshot *diff)
{
    struct maker m;
    make(&m);
    for (unsigned i = 0; i < SILT_STAGES_N; i++) {
        const struct silt_stage_snapshot *stage = &diff->stages[i];
        if (!silt_stage_is_active(stage)) continue;
        row(&m, SILT_TABLE_STAGE_METRIC);
        time_of(&m, bucket_ms);
        number(&m, interval_ms);
        text(&m, origin->worker);
        text(&m, origin->boot);
        text(&m, silt_stage_name((enum silt_stage)i));
        number(&m, (int64_t)stage->success);
        number(&m, (int64_t)stage->failures);
        number(&m, (int64_t)stage->bytes);
        number(&m, (int64_t)stage->retries);
        number(&m, (int64_t)stage->latency.count);
        number(&m, (int64_t)stage->latency.sum);
        quantile(&m, &stage->latency, 0.50);
        quantile(&m, &stage->latency, 0.95);
        quantile(&m, &stage->latency, 0.99);
        quantile(&m, &stage->latency, 1);
        histogram(&m, &stage->latency);
        failure_types(&m, stage);
    }
    return finish(&m, SILT_LANE_STAGE);
}

static void failure_metadata(struct maker *m, const struct silt_failure *failure)
{
    struct silt_buf json;
    silt_buf_init(&json, SILT_BUF_MAX_DEFAULT);
    struct silt_jsonw w;
    silt_jsonw_init(&w, &json);
    silt_jsonw_open(&w, '{');
    if (failure->action) silt_jsonw_kstr(&w, "action", failure->action);
    if (failure->bucket) silt_jsonw_kstr(&w, "bucket", failure->bucket);
    if (failure->key) silt_jsonw_kstr(&w, "key", failure->key);
    silt_jsonw_kint(&w, "retry_count", failure->retry_count);
    silt_jsonw_close(&w, '}');
    document(m, &json);
    silt_buf_done(&json);
}

struct silt_spool_item *silt_rows_failure(const struct silt_origin *origin, int64_t ts_ms,
                                          uint64_t n, const struct silt_failure *failure)
{
    struct maker m;
    make(&m);
    row(&m, SILT_TABLE_FAILURE);
    time_of(&m, ts_ms);
    text(&m, origin->worker);
    text(&m, origin->boot);
    number(&m, (int64_t)n);
    text(&m, silt_stage_name(failure->stage));
    text(&m, silt_failure_type_name(failure->type));
    text(&m, failure->sensor_id);
    text(&m, failure->topic);
    known(&m, failure->partition);
    known(&m, failure->offset);
    text(&m, failure->correlation_id);
    text(&m, failure->message);
    failure_metadata(&m, failure);
    return finish(&m, SILT_LANE_FAILURE);
}

struct silt_spool_item *silt_rows_lag(const struct silt_origin *origin, int64_t ts_ms,
                                      const struct silt_lag *lags, unsigned lags_n)
{
    struct maker m;
    make(&m);
    for (const struct silt_lag *lag = lags; lag < lags + lags_n; lag++) {
        row(&m, SILT_TABLE_LAG);
        time_of(&m, ts_ms);
        text(&m, origin->worker);
        text(&m, origin->boot);
        text(&m, lag->tp.cluster);
        text(&m, lag->tp.topic);
        text(&m, lag->tp.topic_id);
        number(&m, lag->tp.partition);
        known(&m, lag->log_start);
        known(&m, lag->durable);
        known(&m, lag->position);
        known(&m, lag->cut);
        known(&m, lag->staged);
        known(&m, lag->high);
        known(&m, lag->lag);
        seconds(&m, lag->lag_ms);
        seconds(&m, lag->retention_ms_left);
        known(&m, lag->drain_per_s);
        text(&m, lag->state);
    }
    return finish(&m, SILT_LANE_LAG);
}

static void file_row(struct maker *m, const struct silt_slot_row *slot, unsigned n)
{
    const struct silt_slot_file_row *file = &slot->files[n];
    row(m, SILT_TABLE_FILE);
    text(m, slot->tp.topic_id);
    number(m, slot->tp.partition);
    number(m, slot->seq);
    number(m, n);
    text(m, file->key);
    text(m, file->role);
    text(m, file->codec);
    number(m, file->size);
    number(m, file->records);
    number(m, file->first);
    number(m, file->last);
    known(m, file->schema_id);
}

struct silt_spool_item *silt_rows_slot(const struct silt_origin *origin, int64_t ts_ms,
                                       const struct silt_slot_row *slot)
{
    struct maker m;
    make(&m);
    row(&m, SILT_TABLE_SLOT);
    text(&m, slot->tp.cluster);
    text(&m, slot->tp.topic);
    text(&m, slot->tp.topic_id);
    number(&m, slot->tp.partition);
    number(&m, slot->seq);
    text(&m, slot->kind);
    number(&m, slot->start);
    number(&m, slot->next);
    number(&m, slot->records);
    number(&m, slot->tombstones);
    number(&m, slot->rejected);
    number(&m, slot->holes);
    number(&m, slot->unreadable);
    time_of(&m, slot->ts_min);
    time_of(&m, slot->ts_max);
    known(&m, slot->delay_ms);
    text(&m, slot->uuid);
    text(&m, origin->worker);
    time_of(&m, ts_ms);
    for (unsigned i = 0; i < slot->files_n; i++) file_row(&m, slot, i);
    return finish(&m, SILT_LANE_SLOT);
}
