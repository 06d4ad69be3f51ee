/* The newest slot of each of some partitions, and up to where they are archived for good. Blocking;
 * the partitions are asked together.
 */
#ifndef SILT_INSPECT_TAILS_H
#define SILT_INSPECT_TAILS_H

#include "base/err.h"
#include "record/topic.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct silt_tail {
    bool known;      /* else the store or the manifest could not be read, see err */
    int64_t seq;     /* -1: nothing is archived */
    int64_t durable; /* next of the newest complete slot; -1: there is none */
    bool pending;    /* the newest slot is still being completed */
    struct silt_err err;
};

/* tps: cluster, topic, topic_id and partition. */
void silt_tails_read(struct silt_store *store, const struct silt_tp *tps, unsigned tps_n,
                     struct silt_tail *ret_tails);

/* The number of the newest slot below a log's prefix; -1: there is none. */
SILT_RC silt_log_newest(struct silt_store *store, const char *prefix, int64_t *ret_seq,
                        struct silt_err *err);

#endif
