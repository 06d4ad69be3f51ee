/* The ledger thread: rows from a spool into Postgres, best effort.
 *
 *   connect, migrate ─▶ take up to 1,000 rows ─▶ one transaction of multi-row inserts ─▶ forget
 * them ▲ backoff 0.5 … 30 s                        │ failed: kept and sent again
 *        └───────────────────────────────────────────┘
 *
 * A transaction that the server refuses for what is in it is repeated item by item, and only the
 * refused item is dropped. Rows carry their own times and keys, so a repetition changes nothing.
 */
#ifndef SILT_OBSERVE_LEDGER_INT_H
#define SILT_OBSERVE_LEDGER_INT_H

#include "base/err.h"
#include "base/secret.h"
#include "metrics/metrics.h"
#include "observe/output_int.h"
#include "observe/spool_int.h"

struct silt_ledger;
typedef void silt_ledger_failed_fn(void *ctx, const struct silt_err *err, const char *action);

struct silt_ledger_opts {
    const struct silt_secret *dsn; /* not copied */
    int retention_days;
    struct silt_metrics *metrics; /* stage postgres_write: statements */
    struct silt_spool *spool;     /* of silt_rows_item */
    struct silt_output *output;
    silt_ledger_failed_fn *failed; /* ledger thread */
    void *failed_ctx;
    int64_t backoff_max_ms; /* 0 = 30 s */
};

SILT_RC silt_ledger_start(const struct silt_ledger_opts *opts, struct silt_ledger **ret_ledger,
                          struct silt_err *err);
/* Nothing more will be pushed: end when all is written, at the latest at give_up_at_ms (monotonic).
 * Does not wait. */
void silt_ledger_drain(struct silt_ledger *ledger, int64_t give_up_at_ms);
/* Waits for the end (drain first) and frees. @return rows that were not written. NULL is fine. */
uint64_t silt_ledger_join(struct silt_ledger *ledger);

#endif
