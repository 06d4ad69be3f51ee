/* A worker: one consume thread that owns every partition's life, with its encode workers.
 *
 * The only room that knows all stages; it has no rules of its own: what to do is decided by the
 * pure files of the stages. start checks nothing about the archive (app/ probes the store first).
 * stop may be called from any thread, also twice; join waits until everything that can be committed
 * in the grace time is committed and the group was left.
 */
#ifndef SILT_PIPELINE_WORKER_H
#define SILT_PIPELINE_WORKER_H

#include "batch/window.h"
#include "commit/slot.h"
#include "commit/start.h"
#include "consume/consumer.h"
#include "decode/decoder.h"
#include "encode/codec.h"
#include "metrics/metrics.h"
#include "observe/observe.h"
#include "store/store.h"

/* Offsets [from, until) of a partition, instead of all that comes. */
struct silt_stretch {
    const char *topic;
    int32_t partition;
    int64_t from;
    int64_t until;
};

struct silt_worker_opts {
    struct silt_consumer_opts consumer;
    struct silt_decoder_opts decoder; /* reply_to is set by the worker */
    const char *framing;              /* its name, for file headers */
    struct silt_store *store;         /* not owned */
    struct silt_metrics *metrics;     /* not owned */
    struct silt_observer *observer;   /* not owned; NULL: none */
    char archive_id[33];
    const char *name; /* of this worker: pod or host */
    enum silt_genesis genesis;
    struct silt_cut cut;
    struct silt_window_limits limits;
    struct silt_slot_limits slot_limits;
    enum silt_codec codec;
    int level;
    int64_t block_bytes;
    unsigned encode_workers;
    int64_t part_size;
    unsigned part_parallel; /* parts in flight per file */
    int64_t memory;         /* bytes, all of it */
    bool halt_on_gap;
    bool halt_on_unreadable;
    bool halt_on_invalid;
    double max_reject_ratio; /* decode/breaker.h */
    const char *dlq_topic;   /* pipeline/dead_letters.h; NULL or "": none */
    int64_t lag_interval_ms;
    int64_t gc_interval_ms;
    int64_t grace_ms;  /* stop: time to cut and commit */
    int64_t revoke_ms; /* rebalance: the same */
    /* one for each part of consumer.parts: the worker ends by itself when all are archived, or
     * halted; none: it goes on until it is stopped */
    const struct silt_stretch *stretches;
    unsigned stretches_n;
};

struct silt_worker;
SILT_RC silt_worker_start(const struct silt_worker_opts *opts, struct silt_worker **ret_worker,
                          struct silt_err *err);
void silt_worker_stop(struct silt_worker *worker);
/* schema.max_reject_ratio from now on; any thread. Partitions that were halted stay so. */
void silt_worker_set_reject_ratio(struct silt_worker *worker, double ratio);
/* Waits for the thread. @return false when the worker ended by itself because of `err` (a fatal
 * client error, or a stretch that was halted). */
bool silt_worker_join(struct silt_worker *worker, struct silt_err *ret_err);
/* After join, and after the store and the io loop were freed: their last answers are in our
 * inboxes. */
void silt_worker_free(struct silt_worker *worker);
/* True once the worker ended by itself or was stopped and is done; any thread. */
bool silt_worker_has_ended(struct silt_worker *worker);
/* How many offsets of the stretches are durable; any thread. */
int64_t silt_worker_progress(struct silt_worker *worker);
/* Everything that exists now in the topics is durable (for demo and tests); any thread. */
bool silt_worker_is_caught_up(struct silt_worker *worker);

#endif
