/* One partition in one worker, from assignment to revocation: the wiring of position, window, files
 * and chain.
 *
 *   NAMED ─topic id, hint─▶ RECOVER ─tail─▶ BOUNDS ─offsets─▶ RUN ◀─▶ (fills, slots)
 *                             ▲                  └ gap or lineage ─▶ MEND ─durable─▶ BOUNDS
 *                             └── lost, abandoned, spoiled ───────── RUN
 *   any ─an operator must look─▶ HALTED        any ─revoke, stop─▶ LEAVING ─▶ (released)
 *
 * At most two windows are in work: one being filled, one being sealed and committed. A partition is
 * paused for any of several reasons and fetched while there is none. Lives on the consume thread.
 *
 * With a stretch (struct silt_stretch) a log that has no slot begins at its `from`, and nothing is
 * taken from its `until` on.
 *
 * A window is committed only after the topic's id was asked again behind its closing and is still
 * the chain's: a topic that was deleted and made again in between would continue the old chain.
 */
#ifndef SILT_PIPELINE_LANE_H
#define SILT_PIPELINE_LANE_H

#include "consume/position.h"
#include "pipeline/context_int.h"
#include "record/topic.h"

struct silt_lane;

enum silt_lane_state {
    SILT_LANE_NAMED,
    SILT_LANE_RECOVER,
    SILT_LANE_BOUNDS,
    SILT_LANE_MEND,
    SILT_LANE_RUN,
    SILT_LANE_LEAVING,
    SILT_LANE_HALTED,
    SILT_LANE_STATES_N
};
const char *silt_lane_state_name(enum silt_lane_state state);

enum silt_pause {
    SILT_PAUSE_BUSY = 1,   /* both windows are in work */
    SILT_PAUSE_SCHEMA = 2, /* a schema is not known yet */
    SILT_PAUSE_MEMORY = 4,
    SILT_PAUSE_MEND = 8, /* between losing a slot and starting again */
    SILT_PAUSE_HALT = 16,
    SILT_PAUSE_STOP = 32,
    SILT_PAUSE_END = 64, /* of its stretch */
};

struct silt_lane *silt_lane_new(struct silt_context *context, struct silt_cpart *part);
/* Lets go of everything; uploads are aborted where R5 allows it. */
void silt_lane_free(struct silt_lane *lane);

/* Answers and events, brought by the loop. */
void silt_lane_on_topic(struct silt_lane *lane, const struct silt_answer *answer);
void silt_lane_on_committed(struct silt_lane *lane, const struct silt_answer *answer);
void silt_lane_on_offsets(struct silt_lane *lane, const struct silt_answer *answer);
/* @return true when the record was taken: archived, rejected or a tombstone. */
bool silt_lane_on_record(struct silt_lane *lane, const struct silt_record *rec, uint32_t epoch,
                         int64_t now_ms);
void silt_lane_on_end(struct silt_lane *lane, uint32_t epoch, int64_t offset, int64_t now_ms);
void silt_lane_on_error(struct silt_lane *lane, const struct silt_polled *polled);
void silt_lane_schema_arrived(struct silt_lane *lane, int64_t retry_at_ms);
void silt_lane_tick(struct silt_lane *lane, int64_t now_ms);
void silt_lane_set_reject_ratio(struct silt_lane *lane, double ratio); /* a halted one stays so */

/* The topic's id has to be asked now; the loop says so to every lane of the topic when it did. */
bool silt_lane_wants_topic(const struct silt_lane *lane, int64_t now_ms);
void silt_lane_topic_asked(struct silt_lane *lane, int64_t now_ms);

/* Rebalance: told to the consumer by the loop once it is known or time is up. */
bool silt_lane_start_known(const struct silt_lane *lane, int64_t *ret_offset, int32_t *ret_epoch);
void silt_lane_assigned(struct silt_lane *lane, bool started);
/* Cuts what is worth it (`everything`: any record) and takes no more. */
void silt_lane_leave(struct silt_lane *lane, enum silt_close_reason reason, bool everything);
bool silt_lane_is_idle(const struct silt_lane *lane); /* nothing in work any more */

/* Of a stretch: how many of its offsets are durable; is nothing left to do (all are, or it is
 * halted)? */
int64_t silt_lane_progress(const struct silt_lane *lane);
bool silt_lane_is_done(const struct silt_lane *lane);

void silt_lane_pause(struct silt_lane *lane, enum silt_pause why, bool pause);
/* Memory of a window that may be closed to free it, 0 when none may, and of one that is closed. */
int64_t silt_lane_squeezable(const struct silt_lane *lane);
int64_t silt_lane_sealing_memory(const struct silt_lane *lane);
void silt_lane_squeeze(struct silt_lane *lane); /* closes it */

enum silt_lane_state silt_lane_state(const struct silt_lane *lane);
const struct silt_cpart *silt_lane_part(const struct silt_lane *lane);
const struct silt_tp *silt_lane_tp(const struct silt_lane *lane);
const char *silt_lane_halted_why(const struct silt_lane *lane); /* NULL: it is not */
bool silt_lane_is_paused(const struct silt_lane *lane);
/* Committed slot whose files are not complete: since when (monotonic), 0 = none. */
int64_t silt_lane_pending_since_ms(const struct silt_lane *lane);
/* What is known now; ages against wall_ms. */
void silt_lane_lag(const struct silt_lane *lane, int64_t wall_ms, struct silt_lag *ret_lag);

#endif
