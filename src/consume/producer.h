/* The producer behind `silt gen`, `silt demo` and the dead letters: idempotent, with a rate limit
 * and counted deliveries; transactional when it has a transactional id.
 *
 * One owner thread. Records are copied by send, in the order of the calls per partition. What was
 * sent is known to be in Kafka only after a flush that succeeded (or a commit).
 */
#ifndef SILT_CONSUME_PRODUCER_H
#define SILT_CONSUME_PRODUCER_H

#include "base/err.h"
#include "consume/consumer.h"
#include "record/record.h"

#include <stdint.h>

struct silt_producer;

struct silt_producer_opts {
    const char *brokers;
    const char *topic;
    const char *compression;      /* none|gzip|snappy|lz4|zstd; NULL: lz4 */
    const char *transactional_id; /* NULL: no transactions */
    int64_t linger_ms;
    double rate;                           /* records per second at most; 0: no limit */
    const struct silt_token_source *token; /* NULL: none */
    const struct silt_property *properties;
    unsigned properties_n;
};

/* With a transactional id: waits until earlier producers of it are fenced. */
SILT_RC silt_producer_new(const struct silt_producer_opts *opts,
                          struct silt_producer **ret_producer, struct silt_err *err);
/* Throws away what was not delivered. NULL is fine. */
void silt_producer_free(struct silt_producer *producer);

/* Makes the topic, with the replication factor of the broker. One that exists stays as it is,
 * whatever its number of partitions. Waits at most timeout_ms. */
SILT_RC silt_producer_create_topic(struct silt_producer *producer, int32_t partitions_n,
                                   int64_t timeout_ms, struct silt_err *err);

/* Sends key, value, headers and timestamp of `rec` to rec->partition (-1: by key, as Java does);
 * SILT_NO_TIMESTAMP: now. Waits for the rate and for room in the queue. */
SILT_RC silt_producer_send(struct silt_producer *producer, const struct silt_record *rec,
                           struct silt_err *err);
/* The same without waiting, whatever the rate: THROTTLED while the queue is full. The cost is the
 * caller's own measure and counts as pending until the record is delivered or has failed. */
SILT_RC silt_producer_offer(struct silt_producer *producer, const struct silt_record *rec,
                            size_t cost, struct silt_err *err);
void silt_producer_poll(struct silt_producer *producer); /* serves deliveries, waits for nothing */
/* Fails when anything sent so far was not delivered: the first failure. */
SILT_RC silt_producer_flush(struct silt_producer *producer, int64_t timeout_ms,
                            struct silt_err *err);

/* Transactions: begin, send…, then one of the two. A failed commit was aborted or is unknown:
 * free the producer, and look into the topic before sending again. */
SILT_RC silt_producer_begin(struct silt_producer *producer, struct silt_err *err);
SILT_RC silt_producer_commit(struct silt_producer *producer, struct silt_err *err);
SILT_RC silt_producer_abort(struct silt_producer *producer, struct silt_err *err);

struct silt_producer_stats {
    uint64_t sent;
    uint64_t delivered;
    uint64_t failed;
    uint64_t bytes; /* keys and values sent */
    uint64_t pending_cost;
    char last_failure[160];
};
void silt_producer_stats(const struct silt_producer *producer, struct silt_producer_stats *ret);

#endif
