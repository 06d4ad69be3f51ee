#include "observe/ledger_int.h"

#include "base/alloc.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/thread.h"
#include "observe/migrations_int.h"
#include "observe/rows_int.h"

#include <stdio.h>

#define BATCH_ROWS_MAX 1000
#define MAINTAIN_MS 3600000
#define BACKOFF_FIRST_MS 500
#define BACKOFF_MAX_MS 30000

struct silt_ledger {
    struct silt_ledger_opts opts;
    pthread_t thread;
    _Atomic int64_t give_up_at_ms; /* INT64_MAX until drained */
    /* the thread's own */
    struct silt_pg *pg;
    struct silt_spool_item *batch; /* taken, not yet written */
    unsigned attempt;
    int64_t next_attempt_ms;
    int64_t next_maintain_ms;
};

static bool is_draining(const struct silt_ledger *ledger)
{
    return atomic_load(&ledger->give_up_at_ms) != INT64_MAX;
}

static bool is_over(struct silt_ledger *ledger)
{
    if (!is_draining(ledger)) return false;
    if (!ledger->batch && silt_spool_is_empty(ledger->opts.spool)) return true;
    return silt_mono_ms() >= atomic_load(&ledger->give_up_at_ms);
}

static void disconnect(struct silt_ledger *ledger)
{
    silt_pg_free(ledger->pg);
    ledger->pg = NULL;
}

static void hold(struct silt_ledger *ledger, const struct silt_err *err)
{
    const struct silt_backoff_opts backoff = {
        .first_ms = BACKOFF_FIRST_MS,
        .max_ms = ledger->opts.backoff_max_ms ? ledger->opts.backoff_max_ms : BACKOFF_MAX_MS,
    };
    disconnect(ledger);
    if (err->code == SILT_E_STOPPED) return;
    int64_t wait_ms = silt_backoff_ms(&backoff, ++ledger->attempt, 0, 0, silt_random_u64());
    ledger->next_attempt_ms = silt_mono_ms() + wait_ms;
    char action[64];
    snprintf(action, sizeof action, "retry in %lld ms", (long long)wait_ms);
    silt_output_state(ledger->opts.output, SILT_OUTPUT_DOWN, err->text);
    ledger->opts.failed(ledger->opts.failed_ctx, err, action);
}

/* Partitions of the coming days, and retention. Without the right to do it rows go to the default
 * partitions. */
static SILT_RC maintain(struct silt_ledger *ledger, struct silt_err *err)
{
    if (silt_mono_ms() < ledger->next_maintain_ms) return SILT_OK;
    char days[16];
    snprintf(days, sizeof days, "%d", ledger->opts.retention_days);
    const char *const params[] = {days};
    struct silt_rc rc =
        silt_pg_exec(ledger->pg, "select silt.maintain($1::integer)", params, 1, NULL, err);
    if (!silt_ok(rc) && silt_pg_is_broken(ledger->pg)) return rc;
    if (!silt_ok(rc))
        SILT_LOG(WARN, "postgres_maintain_failed",
                 "daily partitions were not kept; tried again in an hour",
                 SILT_F_STR("why", err->text));
    ledger->next_maintain_ms = silt_mono_ms() + MAINTAIN_MS;
    return SILT_OK;
}

int silt_observe_schema_version(void)
{
    return silt_migrations[SILT_MIGRATIONS_N - 1].version;
}

static SILT_RC open_connection(struct silt_ledger *ledger, struct silt_err *err)
{
    const struct silt_pg_opts opts = {.dsn = ledger->opts.dsn,
                                      .give_up_at_ms = &ledger->give_up_at_ms};
    SILT_TRY(silt_pg_connect(&opts, &ledger->pg, err));
    SILT_TRY(silt_pg_migrate(ledger->pg, silt_migrations, SILT_MIGRATIONS_N, err));
    return maintain(ledger, err);
}

static void connect_step(struct silt_ledger *ledger)
{
    int64_t wait_ms = ledger->next_attempt_ms - silt_mono_ms();
    if (wait_ms > 0) {
        int64_t left_ms = atomic_load(&ledger->give_up_at_ms) - silt_mono_ms();
        silt_spool_wait(ledger->opts.spool, false, wait_ms < left_ms ? wait_ms : left_ms);
        return;
    }
    struct silt_err err;
    if (!silt_ok(open_connection(ledger, &err))) {
        hold(ledger, &err);
        return;
    }
    ledger->attempt = 0;
    silt_output_state(ledger->opts.output, SILT_OUTPUT_OK, NULL);
}

static SILT_RC insert(struct silt_ledger *ledger, enum silt_table table, const char *const *params,
                      unsigned rows_n, struct silt_err *err)
{
    if (rows_n == 0) return SILT_OK;
    int64_t from_ns = silt_mono_ns();
    SILT_TRY(silt_pg_insert(ledger->pg, &silt_table_inserts[table], params, rows_n, err));
    silt_metrics_latency(ledger->opts.metrics, SILT_STAGE_POSTGRES_WRITE,
                         (silt_mono_ns() - from_ns) / 1000);
    silt_metrics_success(ledger->opts.metrics, SILT_STAGE_POSTGRES_WRITE, 1);
    return SILT_OK;
}

static SILT_RC insert_table(struct silt_ledger *ledger, const struct silt_spool_item *items,
                            enum silt_table table, struct silt_err *err)
{
    unsigned columns = silt_table_inserts[table].columns;
    unsigned rows_max = silt_pg_insert_rows_max(&silt_table_inserts[table]);
    const char **params = silt_calloc((size_t)rows_max * columns, sizeof *params);
    struct silt_rc rc = SILT_OK;
    unsigned rows_n = 0;
    for (; items && silt_ok(rc); items = items->next) {
        const struct silt_rows_item *item = (const struct silt_rows_item *)items;
        const char *row[SILT_COLUMNS_MAX];
        enum silt_table of;
        for (size_t pos = 0; silt_ok(rc) && silt_rows_next(item, &pos, &of, row);) {
            if (of != table) continue;
            for (unsigned i = 0; i < columns; i++) params[rows_n * columns + i] = row[i];
            if (++rows_n < rows_max) continue;
            rc = insert(ledger, table, params, rows_n, err);
            rows_n = 0;
        }
    }
    if (silt_ok(rc)) rc = insert(ledger, table, params, rows_n, err);
    silt_free(params);
    return rc;
}

static SILT_RC transaction(struct silt_ledger *ledger, const struct silt_spool_item *items,
                           struct silt_err *err)
{
    SILT_TRY(silt_pg_script(ledger->pg, "begin", err));
    for (unsigned i = 0; i < SILT_TABLES_N; i++)
        SILT_TRY(insert_table(ledger, items, (enum silt_table)i, err));
    return silt_pg_script(ledger->pg, "commit", err);
}

/* @return true when the items are out of the way: written, or refused for what is in them. */
static bool write_items(struct silt_ledger *ledger, const struct silt_spool_item *items,
                        bool *ret_refused)
{
    struct silt_err err;
    *ret_refused = false;
    if (silt_ok(transaction(ledger, items, &err))) return true;
    bool refused = !silt_pg_is_broken(ledger->pg) &&
                   (err.code == SILT_E_INVALID || err.code == SILT_E_PROTOCOL);
    if (refused) refused = silt_pg_script(ledger->pg, "rollback", &err).ok;
    if (!refused) {
        hold(ledger, &err);
        return false;
    }
    *ret_refused = true;
    if (!items->next) {
        silt_metrics_add(ledger->opts.metrics, SILT_GAUGE_SPOOL_DROPPED, items->rows);
        silt_output_dropped(ledger->opts.output, items->rows);
        ledger->opts.failed(ledger->opts.failed_ctx, &err, "row dropped");
    }
    return true;
}

static void forget_first(struct silt_ledger *ledger)
{
    struct silt_spool_item *first = ledger->batch;
    ledger->batch = first->next;
    silt_free(first);
}

static void write_singly(struct silt_ledger *ledger)
{
    while (ledger->batch) {
        struct silt_spool_item *rest = ledger->batch->next;
        bool refused;
        ledger->batch->next = NULL;
        bool gone = write_items(ledger, ledger->batch, &refused);
        ledger->batch->next = rest;
        if (!gone) return;
        forget_first(ledger);
    }
}

static void write_step(struct silt_ledger *ledger)
{
    struct silt_err err;
    bool refused;
    if (!silt_ok(maintain(ledger, &err))) {
        hold(ledger, &err);
        return;
    }
    if (!ledger->batch) {
        if (!is_draining(ledger)) silt_spool_wait(ledger->opts.spool, true, MAINTAIN_MS);
        ledger->batch = silt_spool_take(ledger->opts.spool, BATCH_ROWS_MAX);
    }
    if (!ledger->batch || !write_items(ledger, ledger->batch, &refused)) return;
    if (refused && ledger->batch->next) {
        write_singly(ledger);
        return;
    }
    while (ledger->batch) forget_first(ledger);
}

static void *run(void *ctx)
{
    struct silt_ledger *ledger = ctx;
    while (!is_over(ledger)) {
        if (ledger->pg)
            write_step(ledger);
        else
            connect_step(ledger);
    }
    disconnect(ledger);
    return NULL;
}

SILT_RC silt_ledger_start(const struct silt_ledger_opts *opts, struct silt_ledger **ret_ledger,
                          struct silt_err *err)
{
    struct silt_ledger *ledger = SILT_NEW(struct silt_ledger);
    ledger->opts = *opts;
    atomic_store(&ledger->give_up_at_ms, INT64_MAX);
    struct silt_rc rc = silt_thread_start(&ledger->thread, "ledger", run, ledger, err);
    if (!silt_ok(rc)) {
        silt_free(ledger);
        return rc;
    }
    *ret_ledger = ledger;
    return SILT_OK;
}

void silt_ledger_drain(struct silt_ledger *ledger, int64_t give_up_at_ms)
{
    atomic_store(&ledger->give_up_at_ms, give_up_at_ms);
    silt_spool_wake(ledger->opts.spool);
}

uint64_t silt_ledger_join(struct silt_ledger *ledger)
{
    if (!ledger) return 0;
    silt_thread_join(ledger->thread);
    uint64_t left = silt_spool_rows(ledger->opts.spool);
    while (ledger->batch) {
        left += ledger->batch->rows;
        forget_first(ledger);
    }
    silt_free(ledger);
    return left;
}
