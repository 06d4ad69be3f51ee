/* What the pipeline last said: lag by partition, rejects, readiness, and what has gathered since
 * the last sample for CloudWatch. Everything is copied in and out under one lock; any thread.
 */
#ifndef SILT_OBSERVE_BOARD_INT_H
#define SILT_OBSERVE_BOARD_INT_H

#include "observe/cloudwatch_int.h"
#include "observe/view_int.h"

#define SILT_REJECTS_KEPT 100
#define SILT_SENSORS_OTHER "(other)" /* sensors beyond the cap */
#define SILT_SENSORS_PERIOD_MS 3600000
#define SILT_LAG_REPEAT_MS 60000

struct silt_board;
/* sensor_dimension: 0 off, 1 failures, 2 all. sensor_cap: series (stage and sensor) an hour. */
struct silt_board *silt_board_new(int sensor_dimension, unsigned sensor_cap);
void silt_board_free(struct silt_board *board); /* NULL is fine */

void silt_board_lag(struct silt_board *board, const struct silt_lag *lag);
void silt_board_unassigned(struct silt_board *board, const struct silt_tp *tp);
void silt_board_reject(struct silt_board *board, const struct silt_reject_note *note,
                       int64_t ts_ms);
void silt_board_ready(struct silt_board *board, bool ready, const char *why);
void silt_board_delay(struct silt_board *board, const char *topic, int64_t delay_ms);
void silt_board_sensor_failed(struct silt_board *board, enum silt_stage stage,
                              enum silt_failure_type type, const char *sensor_id);
void silt_board_sensor_ok(struct silt_board *board, enum silt_stage stage, const char *sensor_id,
                          uint64_t n, int64_t us);

/* Copies; free with silt_free. Sorted by topic, then partition. */
void silt_board_lags(struct silt_board *board, struct silt_lag **ret_lags, unsigned *ret_lags_n);
/* Those that changed since they were last asked for, or were not asked for in a minute. */
void silt_board_lags_news(struct silt_board *board, int64_t now_ms, struct silt_lag **ret_lags,
                          unsigned *ret_lags_n);
void silt_board_rejects(struct silt_board *board, struct silt_reject_view **ret_rejects,
                        unsigned *ret_rejects_n);
bool silt_board_is_ready(struct silt_board *board, char ret_why[160]);

/* What gathered since the last call; the board starts anew. */
struct silt_gathered {
    struct silt_cw_delay *delays; /* topics are owned */
    unsigned delays_n;
    struct silt_cw_sensor **sensors; /* each and its id are owned */
    unsigned sensors_n;
};
void silt_board_gathered(struct silt_board *board, int64_t now_ms, struct silt_gathered *ret);
void silt_gathered_done(struct silt_gathered *gathered);

/* Sums by topic of lags in sorted order. Topics with an unknown lag are left out. Pure; free with
 * silt_free. The topics point into lags. */
void silt_depths(const struct silt_lag *lags, unsigned lags_n, bool by_partition,
                 struct silt_cw_depth **ret_depths, unsigned *ret_depths_n);

#endif
