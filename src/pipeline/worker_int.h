/* The worker's own state, for the files that make up its loop: worker.c (the thread), worker_loop.c
 * (one turn, its tools), rebalance.c (who owns what), upkeep.c (memory, lag, topics, collection).
 * All of it belongs to the consume thread but the flags marked atomic. */
#ifndef SILT_PIPELINE_WORKER_INT_H
#define SILT_PIPELINE_WORKER_INT_H

#include "pipeline/context_int.h"
#include "pipeline/lane.h"

#include <pthread.h>
#include <stdatomic.h>

struct silt_collector;

/* Parts of a rebalance that is being worked on. */
struct silt_move {
    struct silt_cpart **parts; /* owned array */
    unsigned parts_n;
    int64_t deadline_ms; /* monotonic */
    bool open;
};

struct silt_worker {
    struct silt_worker_opts opts;
    struct silt_context context;
    pthread_t thread;
    _Atomic bool stop_asked;
    _Atomic double reject_ratio; /* wanted; opts.max_reject_ratio is what is in force */
    _Atomic bool ended;
    _Atomic bool caught_up;
    _Atomic int64_t progress;
    bool stretches_done; /* … and what earlier runs left behind was collected */
    bool collected_last;
    bool failed;
    struct silt_err failure;

    bool joined;            /* the group has told what is ours, if only that it is nothing */
    int64_t empty_since_ms; /* monotonic; without a partition since; 0: it has some */
    bool empty_told;

    struct silt_lane **lanes; /* owned; every partition this worker has */
    unsigned lanes_n;
    struct silt_move assign;
    struct silt_move revoke;
    bool stopping;
    int64_t stop_deadline_ms;

    bool memory_paused;
    int64_t next_tick_ms;
    int64_t next_lag_ms;
    int64_t next_topics_ms;
    int64_t next_gc_ms;
    struct silt_collector *collector; /* NULL: none running */
};

/* worker_loop.c; order of calls: build, turn while it says so, close, silt_worker_free. The
 * simulator calls them without a thread. */
SILT_RC silt_worker_build(const struct silt_worker_opts *opts, struct silt_worker **ret_worker,
                          struct silt_err *err);
/* Once round; waits at most a tick for something to happen. @return false: it has ended. */
bool silt_worker_turn(struct silt_worker *worker);
void silt_worker_close(struct silt_worker *worker); /* leaves the group, lets go of the lanes */

/* rebalance.c */
void silt_worker_on_assign(struct silt_worker *worker, const struct silt_polled *polled);
void silt_worker_on_revoke(struct silt_worker *worker, const struct silt_polled *polled);
void silt_worker_move_on(struct silt_worker *worker,
                         int64_t now_ms); /* answers what is ready or late */
void silt_worker_drop_lanes(struct silt_worker *worker);

/* upkeep.c */
void silt_worker_on_answer(struct silt_worker *worker, const struct silt_answer *answer);
/* At each tick and behind each batch of records: one may be a good part of the budget. */
void silt_worker_watch_memory(struct silt_worker *worker);
void silt_worker_upkeep(struct silt_worker *worker, int64_t now_ms);
void silt_worker_report(struct silt_worker *worker,
                        int64_t now_ms); /* lag and gauges to the observer */

#endif
