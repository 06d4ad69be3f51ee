/* What goes to Postgres, as finished rows: the texts of the parameters, one after the other.
 *
 * Rows are made where the facts are, so that the ledger thread knows tables and nothing else. Rows
 * of one item are written in one transaction. Text that is no UTF-8 is mended here: one broken
 * sensor id must not block a table. Pure but for the allocation of the finished item.
 */
#ifndef SILT_OBSERVE_ROWS_INT_H
#define SILT_OBSERVE_ROWS_INT_H

#include "base/buf.h"
#include "observe/observe.h"
#include "observe/spool_int.h"
#include "pg/pg.h"

enum silt_table {
    SILT_TABLE_STAGE_METRIC,
    SILT_TABLE_FAILURE,
    SILT_TABLE_LAG,
    SILT_TABLE_SLOT,
    SILT_TABLE_FILE,
    SILT_TABLES_N
};
enum silt_lane { SILT_LANE_STAGE, SILT_LANE_FAILURE, SILT_LANE_LAG, SILT_LANE_SLOT, SILT_LANES_N };

#define SILT_COLUMNS_MAX 20
extern const struct silt_pg_insert silt_table_inserts[SILT_TABLES_N];

/* Which run of which worker says so. */
struct silt_origin {
    const char *worker;
    const char *boot;
};

struct silt_rows_item {
    struct silt_spool_item spool;
    uint8_t data[]; /* per row: table, then per column 0 (null) or 1 text 0 */
};

/* Walks the rows of an item: start with *pos = 0. @return false at the end. */
bool silt_rows_next(const struct silt_rows_item *item, size_t *pos, enum silt_table *ret_table,
                    const char *ret_columns[SILT_COLUMNS_MAX]);

/* One row per stage that did anything. @return NULL when none did. */
struct silt_spool_item *silt_rows_stages(const struct silt_origin *origin, int64_t bucket_ms,
                                         int64_t interval_ms,
                                         const struct silt_metrics_snapshot *diff);
struct silt_spool_item *silt_rows_failure(const struct silt_origin *origin, int64_t ts_ms,
                                          uint64_t number, const struct silt_failure *failure);
struct silt_spool_item *silt_rows_lag(const struct silt_origin *origin, int64_t ts_ms,
                                      const struct silt_lag *lags, unsigned lags_n);
struct silt_spool_item *silt_rows_slot(const struct silt_origin *origin, int64_t ts_ms,
                                       const struct silt_slot_row *slot);

#endif
