/* A Kafka cluster inside the process (librdkafka's mock cluster), for `silt demo` and tests: real
 * sockets on localhost, everything in memory.
 *
 * It keeps only the newest SILT_MOCK_LOG_BYTES (as compressed by the producer) and
 * SILT_MOCK_LOG_BATCHES of a partition: whoever produces more ahead of the slowest reader loses the
 * oldest records, as retention does. One owner thread; lives longer than its clients.
 */
#ifndef SILT_CONSUME_MOCK_H
#define SILT_CONSUME_MOCK_H

#include "base/err.h"

#include <stdint.h>

#define SILT_MOCK_LOG_BYTES ((int64_t)5 << 20)
#define SILT_MOCK_LOG_BATCHES 100000

struct silt_mock;

/* With brokers_n brokers and one more that is the controller. */
SILT_RC silt_mock_new(unsigned brokers_n, struct silt_mock **ret_mock, struct silt_err *err);
void silt_mock_free(struct silt_mock *mock); /* NULL is fine */
SILT_RC silt_mock_add_topic(struct silt_mock *mock, const char *topic, int32_t partitions_n,
                            struct silt_err *err);
/* The bootstrap servers, owned by the mock. */
const char *silt_mock_brokers(const struct silt_mock *mock);

#endif
