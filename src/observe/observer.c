#include "observe/observe.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/thread.h"
#include "base/version.h"
#include "observe/admin_int.h"
#include "observe/board_int.h"
#include "observe/cw_sender_int.h"
#include "observe/failure_log_int.h"
#include "observe/ledger_int.h"
#include "observe/output_int.h"
#include "observe/rows_int.h"

#include <stdio.h>

#define INTERVAL_MS 10000
#define RETENTION_DAYS 30
#define LIVE_MS 60000
#define SLOW_US 5000000
#define DEBUG_EVERY 100 /* one latency line of so many */
#define MINUTE_MS 60000
#define BOOT_DIGITS 8

/* Bytes an outage of Postgres may hold, by kind, so that a flood of one does not push out another.
 */
static const size_t lane_bytes[SILT_LANES_N] = {
    [SILT_LANE_STAGE] = (size_t)8 << 20,
    [SILT_LANE_FAILURE] = (size_t)2 << 20,
    [SILT_LANE_LAG] = (size_t)4 << 20,
    [SILT_LANE_SLOT] = (size_t)8 << 20,
};
#define CLOUDWATCH_BYTES ((size_t)8 << 20) /* compressed: some 4,000 intervals */
#define SPOOLS_BYTES ((int64_t)30 << 20)   /* all of the above */
#define SPOOLS_SHARE 8                     /* one part of so many of the memory */
enum { OUTPUT_POSTGRES, OUTPUT_CLOUDWATCH, OUTPUTS_N };

struct silt_observer {
    struct silt_metrics *metrics;
    char *worker;
    char boot[BOOT_DIGITS + 1];
    int64_t interval_ms;
    int64_t started_ms; /* monotonic */
    bool by_partition;
    char *name_space;
    struct silt_secret dsn;
    struct silt_board *board;
    struct silt_output outputs[OUTPUTS_N];
    struct silt_spool *rows;    /* NULL: no Postgres */
    struct silt_ledger *ledger; /* NULL: no Postgres */
    struct silt_cw_sender *cw;  /* NULL: no CloudWatch */
    struct silt_admin *admin;   /* NULL: no listener */
    _Atomic int64_t heartbeat_ms;
    _Atomic uint64_t failures_n;
    _Atomic uint64_t latency_lines_n;
    pthread_t sampler;
    struct {
        pthread_mutex_t lock;
        struct silt_log_limit failures[SILT_STAGES_N][SILT_FAIL_TYPES_N];
        struct silt_log_limit slow[SILT_STAGES_N];
    } limits;
    struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool woken;
        bool stopping;
        int64_t give_up_at_ms;
    } synced;
    /* the sampler's own */
    struct silt_metrics_snapshot *before;
    int64_t bucket_ms; /* wall time of `before` */
    int64_t depth_minute;
};

static struct silt_origin origin_of(const struct silt_observer *observer)
{
    return (struct silt_origin){.worker = observer->worker, .boot = observer->boot};
}

static void push_rows(struct silt_observer *observer, struct silt_spool_item *item)
{
    if (!item) return;
    unsigned dropped = silt_spool_push(observer->rows, item);
    if (!dropped) return;
    silt_metrics_add(observer->metrics, SILT_GAUGE_SPOOL_DROPPED, dropped);
    silt_output_dropped(&observer->outputs[OUTPUT_POSTGRES], dropped);
}

/* --- failures and latency -------------------------------------------------------------------- */

static void log_suppressed(enum silt_stage stage, enum silt_failure_type type, uint64_t suppressed)
{
    if (!suppressed) return;
    char line[SILT_FAILURE_LINE_MAX];
    silt_suppressed_line(stage, type, suppressed, line);
    SILT_LOG(ERROR, "failure_suppressed", line, SILT_F_STR("stage", silt_stage_name(stage)),
             SILT_F_STR("failure_type", silt_failure_type_name(type)),
             SILT_F_INT("suppressed", suppressed));
}

static bool may_log(struct silt_observer *observer, const struct silt_failure *failure,
                    uint64_t *ret_suppressed)
{
    struct silt_log_limit *limit = &observer->limits.failures[failure->stage][failure->type];
    int64_t now_ms = silt_mono_ms();
    pthread_mutex_lock(&observer->limits.lock);
    *ret_suppressed = silt_log_limit_close(limit, now_ms);
    bool may = silt_log_limit_pass(limit, now_ms);
    pthread_mutex_unlock(&observer->limits.lock);
    return may;
}

static void log_failure(struct silt_observer *observer, const struct silt_failure *failure)
{
    uint64_t suppressed;
    bool may = may_log(observer, failure, &suppressed);
    log_suppressed(failure->stage, failure->type, suppressed);
    if (!may) return;
    char line[SILT_FAILURE_LINE_MAX];
    silt_failure_line(failure->stage, failure->type, failure->message, line);
    struct silt_field fields[12] = {
        SILT_F_STR("stage", silt_stage_name(failure->stage)),
        SILT_F_STR("failure_type", silt_failure_type_name(failure->type)),
        SILT_F_STR("correlation_id", failure->correlation_id),
        SILT_F_STR("sensor_id", failure->sensor_id),
        SILT_F_STR("topic", failure->topic),
        SILT_F_STR("action", failure->action),
        SILT_F_STR("bucket", failure->bucket),
        SILT_F_STR("key", failure->key),
        SILT_F_INT("retry_count", failure->retry_count),
    };
    unsigned n = 9;
    if (failure->partition >= 0) fields[n++] = SILT_F_INT("partition", failure->partition);
    if (failure->offset >= 0) fields[n++] = SILT_F_INT("offset", failure->offset);
    silt_log_write(SILT_ERROR, "failure_tracked", line, fields, n);
}

void silt_observer_failure(struct silt_observer *observer, const struct silt_failure *failure)
{
    silt_metrics_failure(observer->metrics, failure->stage, failure->type, 1);
    log_failure(observer, failure);
    silt_board_sensor_failed(observer->board, failure->stage, failure->type, failure->sensor_id);
    if (!observer->rows) return;
    const struct silt_origin origin = origin_of(observer);
    uint64_t number = atomic_fetch_add(&observer->failures_n, 1);
    push_rows(observer, silt_rows_failure(&origin, silt_wall_ms(), number, failure));
}

/* Lines of slow operations are limited like failures. */
static bool may_log_slow(struct silt_observer *observer, enum silt_stage stage)
{
    int64_t now_ms = silt_mono_ms();
    pthread_mutex_lock(&observer->limits.lock);
    (void)silt_log_limit_close(&observer->limits.slow[stage], now_ms);
    bool may = silt_log_limit_pass(&observer->limits.slow[stage], now_ms);
    pthread_mutex_unlock(&observer->limits.lock);
    return may;
}

void silt_observer_latency(struct silt_observer *observer, enum silt_stage stage, int64_t us)
{
    silt_metrics_latency(observer->metrics, stage, us);
    bool slow = us > SLOW_US && may_log_slow(observer, stage);
    bool sampled = silt_log_enabled(SILT_DEBUG) &&
                   atomic_fetch_add(&observer->latency_lines_n, 1) % DEBUG_EVERY == 0;
    if (!slow && !sampled) return;
    char line[SILT_FAILURE_LINE_MAX];
    silt_latency_line(stage, us, line);
    const struct silt_field fields[] = {SILT_F_STR("stage", silt_stage_name(stage)),
                                        SILT_F_INT("duration_ms", us / 1000)};
    silt_log_write(slow ? SILT_INFO : SILT_DEBUG, slow ? "slow_operation" : "processing_latency",
                   line, fields, 2);
}

void silt_observer_sensor(struct silt_observer *observer, enum silt_stage stage,
                          const char *sensor_id, uint64_t n, int64_t us)
{
    silt_board_sensor_ok(observer->board, stage, sensor_id, n, us);
}

static void close_limits(struct silt_observer *observer, int64_t now_ms)
{
    for (unsigned stage = 0; stage < SILT_STAGES_N; stage++)
        for (unsigned type = 0; type < SILT_FAIL_TYPES_N; type++) {
            pthread_mutex_lock(&observer->limits.lock);
            uint64_t suppressed =
                silt_log_limit_close(&observer->limits.failures[stage][type], now_ms);
            pthread_mutex_unlock(&observer->limits.lock);
            log_suppressed((enum silt_stage)stage, (enum silt_failure_type)type, suppressed);
        }
}

/* --- what the pipeline says ------------------------------------------------------------------ */

void silt_observer_lag(struct silt_observer *observer, const struct silt_lag *lags, unsigned lags_n)
{
    for (unsigned i = 0; i < lags_n; i++) silt_board_lag(observer->board, &lags[i]);
}

void silt_observer_unassigned(struct silt_observer *observer, const struct silt_tp *tp)
{
    silt_board_unassigned(observer->board, tp);
}

void silt_observer_slot(struct silt_observer *observer, const struct silt_slot_row *slot)
{
    if (observer->cw && slot->ts_max >= 0)
        silt_board_delay(observer->board, slot->tp.topic, slot->delay_ms);
    if (!observer->rows) return;
    const struct silt_origin origin = origin_of(observer);
    push_rows(observer, silt_rows_slot(&origin, silt_wall_ms(), slot));
}

void silt_observer_reject(struct silt_observer *observer, const struct silt_reject_note *note)
{
    silt_board_reject(observer->board, note, silt_wall_ms());
}

void silt_observer_ready(struct silt_observer *observer, bool ready, const char *why)
{
    silt_board_ready(observer->board, ready, why);
}

void silt_observer_heartbeat(struct silt_observer *observer)
{
    atomic_store(&observer->heartbeat_ms, silt_mono_ms());
}

int silt_observer_port(const struct silt_observer *observer)
{
    return observer->admin ? silt_admin_port(observer->admin) : 0;
}

static void look(void *ctx, struct silt_look *ret)
{
    struct silt_observer *observer = ctx;
    *ret = (struct silt_look){.metrics = silt_alloc(sizeof *ret->metrics)};
    struct silt_view *view = &ret->view;
    int64_t now_ms = silt_mono_ms();
    silt_metrics_snapshot(observer->metrics, ret->metrics);
    silt_board_lags(observer->board, &ret->lags, &view->lags_n);
    silt_board_rejects(observer->board, &ret->rejects, &view->rejects_n);
    for (unsigned i = 0; i < OUTPUTS_N; i++)
        silt_output_view(&observer->outputs[i], &ret->outputs[i]);
    if (observer->rows) ret->outputs[OUTPUT_POSTGRES].spooled = silt_spool_rows(observer->rows);
    if (observer->cw)
        ret->outputs[OUTPUT_CLOUDWATCH].spooled = silt_cw_sender_spooled(observer->cw);
    view->worker = observer->worker;
    view->boot = observer->boot;
    view->version = SILT_VERSION;
    view->uptime_ms = now_ms - observer->started_ms;
    view->ready = silt_board_is_ready(observer->board, view->ready_why);
    view->live = now_ms - atomic_load(&observer->heartbeat_ms) < LIVE_MS;
    view->metrics = ret->metrics;
    view->lags = ret->lags;
    view->outputs = ret->outputs;
    view->outputs_n = OUTPUTS_N;
    view->rejects = ret->rejects;
}

/* --- the sampler ----------------------------------------------------------------------------- */

static void wake(void *ctx)
{
    struct silt_observer *observer = ctx;
    pthread_mutex_lock(&observer->synced.lock);
    observer->synced.woken = true;
    pthread_cond_signal(&observer->synced.changed);
    pthread_mutex_unlock(&observer->synced.lock);
}

/* @return true when stopping. */
static bool wait_for(struct silt_observer *observer, int64_t wait_ms)
{
    struct timespec deadline = silt_mono_deadline(wait_ms);
    pthread_mutex_lock(&observer->synced.lock);
    while (!observer->synced.woken)
        if (pthread_cond_timedwait(&observer->synced.changed, &observer->synced.lock, &deadline))
            break;
    observer->synced.woken = false;
    bool stopping = observer->synced.stopping;
    pthread_mutex_unlock(&observer->synced.lock);
    return stopping;
}

static void emit(void *ctx, struct silt_slice json, unsigned datums_n)
{
    (void)datums_n;
    silt_cw_sender_push(ctx, json);
}

/* QueueDepth goes out once a minute: see cloudwatch_int.h. */
static void take_depths(struct silt_observer *observer, struct silt_lag **ret_lags,
                        struct silt_cw_input *input, struct silt_cw_depth **ret_depths)
{
    unsigned lags_n = 0;
    int64_t minute = silt_wall_ms() / MINUTE_MS;
    *ret_lags = NULL;
    if (minute != observer->depth_minute) silt_board_lags(observer->board, ret_lags, &lags_n);
    silt_depths(*ret_lags, lags_n, observer->by_partition, ret_depths, &input->depths_n);
    input->depths = *ret_depths;
    if (input->depths_n) observer->depth_minute = minute;
}

static void sample_cloudwatch(struct silt_observer *observer,
                              const struct silt_metrics_snapshot *diff)
{
    struct silt_lag *lags;
    struct silt_cw_depth *depths;
    struct silt_gathered gathered;
    struct silt_cw_input input = {
        .name_space = observer->name_space, .time_ms = observer->bucket_ms, .diff = diff};
    take_depths(observer, &lags, &input, &depths);
    silt_board_gathered(observer->board, silt_mono_ms(), &gathered);
    input.delays = gathered.delays;
    input.delays_n = gathered.delays_n;
    input.sensors = gathered.sensors;
    input.sensors_n = gathered.sensors_n;
    silt_cw_build(&input, emit, observer->cw);
    silt_gathered_done(&gathered);
    silt_free(depths);
    silt_free(lags);
}

static void sample_postgres(struct silt_observer *observer, int64_t now_ms,
                            const struct silt_metrics_snapshot *diff)
{
    const struct silt_origin origin = origin_of(observer);
    struct silt_lag *lags;
    unsigned lags_n;
    push_rows(observer,
              silt_rows_stages(&origin, observer->bucket_ms, now_ms - observer->bucket_ms, diff));
    silt_board_lags_news(observer->board, now_ms, &lags, &lags_n);
    push_rows(observer, silt_rows_lag(&origin, now_ms, lags, lags_n));
    silt_free(lags);
}

static void sample(struct silt_observer *observer)
{
    struct silt_metrics_snapshot *now = silt_alloc(sizeof *now);
    struct silt_metrics_snapshot *diff = silt_alloc(sizeof *diff);
    silt_metrics_snapshot(observer->metrics, now);
    silt_metrics_diff(now, observer->before, diff);
    int64_t now_ms = silt_wall_ms();
    /* the bucket is a key: it must grow even when the clock is set back */
    if (now_ms <= observer->bucket_ms) now_ms = observer->bucket_ms + 1;
    if (observer->rows) sample_postgres(observer, now_ms, diff);
    if (observer->cw) sample_cloudwatch(observer, diff);
    silt_free(observer->before);
    silt_free(diff);
    observer->before = now;
    observer->bucket_ms = now_ms;
}

static int64_t step_cloudwatch(struct silt_observer *observer)
{
    if (!observer->cw) return observer->interval_ms;
    return silt_cw_sender_step(observer->cw, silt_mono_ms());
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void finish(struct silt_observer *observer)
{
    sample(observer);
    int64_t give_up_at_ms = observer->synced.give_up_at_ms;
    if (observer->ledger) silt_ledger_drain(observer->ledger, give_up_at_ms);
    int64_t left_ms;
    while (observer->cw && (left_ms = give_up_at_ms - silt_mono_ms()) > 0) {
        int64_t due_ms = step_cloudwatch(observer);
        if (silt_cw_sender_is_idle(observer->cw)) return;
        (void)wait_for(observer, min64(due_ms, left_ms));
    }
}

static void *run(void *ctx)
{
    struct silt_observer *observer = ctx;
    int64_t next_ms = silt_mono_ms() + observer->interval_ms;
    int64_t due_ms = observer->interval_ms;
    while (!wait_for(observer, min64(next_ms - silt_mono_ms(), due_ms))) {
        if (silt_mono_ms() >= next_ms) {
            sample(observer);
            close_limits(observer, silt_mono_ms());
            next_ms = silt_mono_ms() + observer->interval_ms;
        }
        due_ms = step_cloudwatch(observer);
    }
    finish(observer);
    return NULL;
}

/* --- start and stop -------------------------------------------------------------------------- */

static void ledger_failed(void *ctx, const struct silt_err *err, const char *action)
{
    const struct silt_failure failure = {
        .stage = SILT_STAGE_POSTGRES_WRITE,
        .type = silt_failure_type_parse(silt_code_failure_type(err->code)),
        .partition = -1,
        .offset = -1,
        .message = err->text,
        .action = action,
    };
    silt_observer_failure(ctx, &failure);
}

/* Of a small worker the outages hold less, kind by kind. */
static size_t spool_bytes(const struct silt_observe_opts *opts, size_t bytes)
{
    int64_t all = opts->memory / SPOOLS_SHARE;
    return all && all < SPOOLS_BYTES ? bytes * (size_t)all / (size_t)SPOOLS_BYTES : bytes;
}

static SILT_RC start_postgres(struct silt_observer *observer, const struct silt_observe_opts *opts,
                              struct silt_err *err)
{
    if (!silt_secret_is_set(&opts->postgres_dsn)) return SILT_OK;
    silt_secret_copy(&observer->dsn, &opts->postgres_dsn);
    size_t lanes[SILT_LANES_N];
    for (unsigned i = 0; i < SILT_LANES_N; i++) lanes[i] = spool_bytes(opts, lane_bytes[i]);
    observer->rows = silt_spool_new(lanes, SILT_LANES_N);
    const struct silt_ledger_opts ledger = {
        .dsn = &observer->dsn,
        .retention_days = opts->retention_days ? opts->retention_days : RETENTION_DAYS,
        .metrics = observer->metrics,
        .spool = observer->rows,
        .output = &observer->outputs[OUTPUT_POSTGRES],
        .failed = ledger_failed,
        .failed_ctx = observer,
    };
    return silt_ledger_start(&ledger, &observer->ledger, err);
}

static bool is_set(const char *text)
{
    return text && text[0];
}

static void start_cloudwatch(struct silt_observer *observer, const struct silt_observe_opts *opts)
{
    if (!is_set(opts->cloudwatch_region)) return;
    SILT_ASSERT(opts->http && opts->credentials);
    const struct silt_cw_sender_opts sender = {
        .http = opts->http,
        .credentials = opts->credentials,
        .region = opts->cloudwatch_region,
        .endpoint = opts->cloudwatch_endpoint,
        .ca_file = opts->ca_file,
        .proxy = opts->proxy,
        .metrics = observer->metrics,
        .output = &observer->outputs[OUTPUT_CLOUDWATCH],
        .wake = wake,
        .wake_ctx = observer,
        .spool_bytes = spool_bytes(opts, CLOUDWATCH_BYTES),
    };
    observer->cw = silt_cw_sender_new(&sender);
}

static struct silt_observer *make(const struct silt_observe_opts *opts)
{
    struct silt_observer *observer = SILT_NEW(struct silt_observer);
    observer->metrics = opts->metrics;
    observer->worker = silt_strdup(is_set(opts->worker) ? opts->worker : "silt");
    silt_random_hex(observer->boot, BOOT_DIGITS);
    observer->interval_ms = opts->interval_ms ? opts->interval_ms : INTERVAL_MS;
    observer->started_ms = silt_mono_ms();
    observer->by_partition = opts->cloudwatch_partitions;
    observer->name_space =
        silt_strdup(is_set(opts->cloudwatch_namespace) ? opts->cloudwatch_namespace
                                                       : "SensorBackend/DataPipeline");
    observer->board = silt_board_new(is_set(opts->cloudwatch_region) ? opts->sensor_dimension : 0,
                                     opts->sensor_cap);
    silt_output_init(&observer->outputs[OUTPUT_POSTGRES], "postgres",
                     silt_secret_is_set(&opts->postgres_dsn));
    silt_output_init(&observer->outputs[OUTPUT_CLOUDWATCH], "cloudwatch",
                     is_set(opts->cloudwatch_region));
    atomic_store(&observer->heartbeat_ms, observer->started_ms);
    pthread_mutex_init(&observer->limits.lock, NULL);
    pthread_mutex_init(&observer->synced.lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&observer->synced.changed, &attr);
    pthread_condattr_destroy(&attr);
    observer->before = SILT_NEW(struct silt_metrics_snapshot);
    observer->bucket_ms = silt_wall_ms();
    observer->depth_minute = -1;
    return observer;
}

/* Threads have ended. */
static void destroy(struct silt_observer *observer)
{
    silt_admin_stop(observer->admin);
    silt_cw_sender_free(observer->cw);
    silt_spool_free(observer->rows);
    silt_board_free(observer->board);
    for (unsigned i = 0; i < OUTPUTS_N; i++) silt_output_done(&observer->outputs[i]);
    pthread_cond_destroy(&observer->synced.changed);
    pthread_mutex_destroy(&observer->synced.lock);
    pthread_mutex_destroy(&observer->limits.lock);
    silt_secret_done(&observer->dsn);
    silt_free(observer->before);
    silt_free(observer->name_space);
    silt_free(observer->worker);
    silt_free(observer);
}

static SILT_RC start_parts(struct silt_observer *observer, const struct silt_observe_opts *opts,
                           struct silt_err *err)
{
    SILT_TRY(start_postgres(observer, opts, err));
    if (is_set(opts->listen))
        SILT_TRY(silt_admin_start(opts->listen, look, observer, &observer->admin, err));
    return silt_thread_start(&observer->sampler, "observe", run, observer, err);
}

SILT_RC silt_observer_start(const struct silt_observe_opts *opts,
                            struct silt_observer **ret_observer, struct silt_err *err)
{
    struct silt_observer *observer = make(opts);
    start_cloudwatch(observer, opts);
    struct silt_rc rc = start_parts(observer, opts, err);
    if (!silt_ok(rc)) {
        if (observer->ledger) silt_ledger_drain(observer->ledger, silt_mono_ms());
        (void)silt_ledger_join(observer->ledger);
        destroy(observer);
        return rc;
    }
    *ret_observer = observer;
    return SILT_OK;
}

void silt_observer_stop(struct silt_observer *observer, int64_t timeout_ms)
{
    if (!observer) return;
    pthread_mutex_lock(&observer->synced.lock);
    observer->synced.stopping = true;
    observer->synced.woken = true;
    observer->synced.give_up_at_ms = silt_mono_ms() + timeout_ms;
    pthread_cond_signal(&observer->synced.changed);
    pthread_mutex_unlock(&observer->synced.lock);
    silt_thread_join(observer->sampler);
    uint64_t rows = silt_ledger_join(observer->ledger);
    bool unsent = observer->cw && !silt_cw_sender_is_idle(observer->cw);
    if (rows || unsent)
        SILT_LOG(WARN, "observer_incomplete", "stopped before all metrics were written",
                 SILT_F_INT("postgres_rows", rows),
                 SILT_F_STR("cloudwatch", unsent ? "unsent" : "sent"));
    close_limits(observer, INT64_MAX);
    destroy(observer);
}
