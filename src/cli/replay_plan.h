/* What `silt replay` has to do: a stretch for each partition, fitted to what Kafka still has and to
 * what an earlier run left in the root. */
#ifndef SILT_CLI_REPLAY_PLAN_H
#define SILT_CLI_REPLAY_PLAN_H

#include "cli/brokers.h"
#include "pipeline/worker.h"
#include "store/store.h"

struct silt_replay_wish {
    const char *topic;
    int32_t partition;   /* -1: all */
    int64_t from_offset; /* -1: not given, as the others */
    int64_t to_offset;   /* included */
    int64_t from_time;   /* ms, Kafka's timestamps */
    int64_t to_time;     /* not included */
};

struct silt_replay_part {
    struct silt_bounds bounds;
    int64_t from;
    int64_t until;
    int64_t durable; /* how far an earlier run got; -1: there was none */
};

struct silt_replay_plan {
    struct silt_replay_part *parts; /* those with something to do, or done by an earlier run */
    unsigned parts_n;
    struct silt_stretch *stretches; /* the same, for the worker */
    int64_t total;                  /* offsets */
    int64_t done;                   /* of them, by earlier runs */
};

/* NOT_FOUND: no such topic or partition. INVALID: retention has taken some of it (all missing
 * ranges are named), or the root holds another stretch. */
SILT_RC silt_replay_plan(const struct silt_replay_wish *wish, struct silt_brokers *brokers,
                         struct silt_store *into, struct silt_replay_plan *ret_plan,
                         struct silt_err *err);
void silt_replay_plan_done(struct silt_replay_plan *plan); /* zeroed is fine */
/* What of the plan is durable in the root now. */
SILT_RC silt_replay_look(const struct silt_replay_plan *plan, struct silt_store *into,
                         int64_t *ret_done, struct silt_err *err);

#endif
