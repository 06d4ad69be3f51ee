/* Collects orphan uploads (protocol section 9): lists the open uploads of some topics, reads the
 * object that decides about each, and aborts those that are decided against (commit/gc.h).
 *
 * An upload that its slot lists, but of an earlier incarnation of the topic, has no worker any more
 * that would complete it: it is completed here (anybody may, section 5).
 *
 * Any worker may run it at any time, also against live writers: an upload of an undecided slot
 * stays. Keys that are not exactly ours, or of another topic, are never touched. What cannot be
 * read or understood stays. Lives on the thread that owns the inbox; at most
 * SILT_COLLECTOR_REQUESTS requests are open at once. One run after the other: new → (run →
 * on_done)… → release.
 */
#ifndef SILT_COMMIT_COLLECTOR_H
#define SILT_COMMIT_COLLECTOR_H

#include "base/err.h"
#include "base/queue.h"
#include "record/topic.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

#define SILT_COLLECTOR_REQUESTS 8u

struct silt_collector;

/* seen = kept + aborted + what could not be decided or aborted; `failed` counts these, and a topic
 * that could not be listed. */
struct silt_collect_counts {
    uint64_t seen;
    uint64_t kept;
    uint64_t completed; /* part of kept: left pending by workers of an earlier incarnation */
    uint64_t aborted;   /* dry run: would have been */
    uint64_t failed;
};

typedef void silt_collected_fn(void *ctx, const struct silt_collect_counts *counts);

struct silt_collector_opts {
    struct silt_store *store;
    struct silt_queue *inbox;
    silt_collected_fn *on_done; /* may release the collector, or run it again */
    void *ctx;
    bool dry_run; /* aborts nothing */
};

struct silt_collector *silt_collector_new(const struct silt_collector_opts *opts);
/* Cluster, topic and topic_id of each are used; they are copied. Without topics on_done is called
 * at once. */
void silt_collector_run(struct silt_collector *collector, const struct silt_tp *topics,
                        unsigned topics_n);
/* Lets go: no event any more; frees itself when the requests in flight have come back. */
void silt_collector_release(struct silt_collector *collector);

/* The same, waiting for the end: for commands. Fails when a topic cannot be listed. */
SILT_RC silt_collect(struct silt_store *store, const struct silt_tp *topics, unsigned topics_n,
                     bool dry_run, struct silt_collect_counts *ret_counts, struct silt_err *err);

#endif
