/* The lane's own state, for the files that make up its story: lane.c (windows, seeking, rebalance,
 * life), lane_start.c (which log this is and where to go on in it), lane_records.c (what is
 * fetched), lane_slot.c (what the fills and the chain tell). All of it belongs to the consume
 * thread.
 */
#ifndef SILT_PIPELINE_LANE_INT_H
#define SILT_PIPELINE_LANE_INT_H

#include "commit/chain.h"
#include "decode/breaker.h"
#include "pipeline/fill.h"
#include "pipeline/lag.h"
#include "pipeline/lane.h"

struct silt_lane {
    struct silt_context *context;
    struct silt_cpart *part;
    struct silt_tp tp;
    enum silt_lane_state state;
    enum silt_close_reason leaving;
    unsigned pauses; /* enum silt_pause bits */
    bool assigned;   /* the consumer knows it */
    int64_t from;    /* of the stretch, or -1 … */
    int64_t until;   /* … or INT64_MAX */

    /* before the start */
    bool hint_known;
    int64_t hint_seq;
    int64_t strange_offset; /* what somebody else set the group's offset to; -1 */
    bool bounds_wanted;
    int64_t bounds_asked_ms; /* monotonic: an older answer may be of an earlier incarnation */
    unsigned end_doubts;
    int64_t doubted_ms; /* monotonic: since when the log's bounds do not fit our tail; 0: they do */
    bool gap_doubted;   /* these bounds show a gap, if they are this topic's */
    int64_t id_asked_ms;
    int64_t id_known_ms; /* monotonic: when the question was asked that confirmed the topic's id */
    bool id_awaited;     /* the sealing window is staged and waits for that */
    int64_t diverged_at; /* -1 */
    int64_t diverged_from; /* where that was told */
    bool truncated;        /* Kafka said so; until a lineage slot is written */
    bool asked_where;      /* fetching at our tail shall tell where; until it was told */
    bool start_known;
    int64_t start_offset;

    struct silt_chain *chain;
    struct silt_position pos;
    int64_t back_offset; /* of the record that was put back last; -1: none */
    int32_t back_epoch;
    struct silt_fill *filling;
    struct silt_fill *sealing;
    bool committed; /* the sealing window's slot is won: its uploads are the archive's (R5) */
    enum silt_close_reason must_close; /* the filling window, as soon as the other is done */
    bool restart;                      /* ask for the bounds again once nothing is in work */
    int64_t seek_at_ms;                /* monotonic; 0: none wanted */
    int64_t ask_at_ms;                 /* the same for the bounds */
    int64_t schema_retry_ms;
    uint32_t sampled;
    struct silt_breaker breaker;
    char halted_why[160];

    /* for the lag */
    int64_t log_start;
    int64_t end;
    int64_t high;
    int64_t durable;
    int64_t cut;
    int64_t staged;
    int64_t oldest_ts[2]; /* of the filling and the sealing window; 0 none */
    int64_t pending_since_ms;
    struct silt_drain drain;
};

/* lane.c */
void silt_lane_set_state(struct silt_lane *lane, enum silt_lane_state state, const char *why);
void silt_lane_start_position(struct silt_lane *lane, int64_t offset);
void silt_lane_seek(struct silt_lane *lane, int64_t offset);
/* A failure is logged and a seek to where the lane stands is wanted in a second. */
void silt_lane_try_seek(struct silt_lane *lane, int64_t offset, int32_t epoch);
/* To where the lane is by then: records may go on coming meanwhile. */
void silt_lane_seek_later(struct silt_lane *lane, int64_t wait_ms);
void silt_lane_track(const struct silt_lane *lane, enum silt_stage stage,
                     enum silt_failure_type type, int64_t offset, const char *message,
                     const char *action);
void silt_lane_halt(struct silt_lane *lane, const char *why);
/* The window being filled, begun when there is none: at the end of the one before it (R1). */
struct silt_fill *silt_lane_filling(struct silt_lane *lane, int64_t start);
void silt_lane_close_filling(struct silt_lane *lane, enum silt_close_reason reason);
/* At once, or as soon as the window that is being sealed is done. */
void silt_lane_close_or_wait(struct silt_lane *lane, enum silt_close_reason reason);
void silt_lane_check_close(struct silt_lane *lane, int64_t now_ms);
void silt_lane_drop_filling(struct silt_lane *lane);
void silt_lane_release_fills(struct silt_lane *lane, bool abort_sealing);

/* Closes the window and fetches no more when all of the stretch was taken. */
void silt_lane_check_until(struct silt_lane *lane);

/* lane_start.c */
void silt_lane_recover(struct silt_lane *lane, const char *why);
void silt_lane_ask_bounds(struct silt_lane *lane);
/* Commits the sealing window, now or when the topic's id is confirmed. */
void silt_lane_commit_staged(struct silt_lane *lane);

/* The log's bounds fit our tail, or what was told of a truncation is of another one. */
void silt_lane_forget_truncation(struct silt_lane *lane);

/* lane_slot.c */
extern const struct silt_fill_events silt_lane_fill_events;
extern const struct silt_chain_events silt_lane_chain_events;

#endif
