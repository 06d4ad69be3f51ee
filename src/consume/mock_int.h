#ifndef SILT_CONSUME_MOCK_INT_H
#define SILT_CONSUME_MOCK_INT_H

#include "consume/mock.h"
#include "consumer_int.h"

#include <librdkafka/rdkafka_mock.h>

struct silt_mock {
    rd_kafka_t *rk; /* only carries the cluster */
    rd_kafka_mock_cluster_t *cluster;
};

#endif
