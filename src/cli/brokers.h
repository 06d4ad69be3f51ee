/* Kafka as a command asks it: a consumer without a group, and answers that are waited for. */
#ifndef SILT_CLI_BROKERS_H
#define SILT_CLI_BROKERS_H

#include "app/msk.h"
#include "consume/consumer.h"

struct silt_brokers {
    struct silt_consumer *consumer;
    struct silt_msk msk;
    int64_t patience_ms; /* for each answer; set by open, the owner may change it */
};

/* topic NULL: those of kafka.topics. The brokers are not asked anything yet. */
SILT_RC silt_brokers_open(struct silt_brokers *brokers, const struct silt_config *config,
                          struct silt_credentials *credentials, const char *topic,
                          struct silt_err *err);
void silt_brokers_done(struct silt_brokers *brokers); /* zeroed is fine */

struct silt_bounds {
    struct silt_tp tp;
    bool known; /* log_start and high are */
    int64_t log_start;
    int64_t stable; /* what a consumer can read ends here: behind it are open transactions */
    int64_t high;
};
/* The partitions of the topics; their bounds are not known yet. The array is the caller's. */
SILT_RC silt_brokers_partitions(struct silt_brokers *brokers, struct silt_bounds **ret_bounds,
                                unsigned *ret_n, struct silt_err *err);
/* One partition of a topic that the brokers were opened for. NOT_FOUND: there is none. */
SILT_RC silt_brokers_partition(struct silt_brokers *brokers, const char *topic, int32_t partition,
                               struct silt_bounds *ret_bounds, struct silt_err *err);
/* Fails when a partition's bounds did not become known; the others' did. */
SILT_RC silt_brokers_bounds(struct silt_brokers *brokers, struct silt_bounds *bounds, unsigned n,
                            struct silt_err *err);
/* Each partition's first offset that is not older, -1 without any; all are of one topic. */
SILT_RC silt_brokers_offsets_at(struct silt_brokers *brokers, const struct silt_bounds *bounds,
                                unsigned n, int64_t time_ms, int64_t *ret_offsets,
                                struct silt_err *err);
/* The first record from an offset on, be it of an aborted transaction. */
struct silt_peek {
    int64_t offset;       /* -1: there is none */
    int32_t leader_epoch; /* -1: unknown */
};
SILT_RC silt_brokers_peek(struct silt_brokers *brokers, const struct silt_tp *tp, int64_t offset,
                          struct silt_peek *ret_peek, struct silt_err *err);

#endif
