#include "consume/mock.h"

#include "base/alloc.h"
#include "mock_int.h"

SILT_RC silt_mock_new(unsigned brokers_n, struct silt_mock **ret_mock, struct silt_err *err)
{
    rd_kafka_t *rk = NULL;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "4", NULL, 0); /* it says that it has no brokers */
    rd_kafka_conf_set_log_cb(conf, silt_kafka_log);
    SILT_TRY(silt_kafka_new(RD_KAFKA_PRODUCER, conf, &rk, err));
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(rk, (int)brokers_n);
    if (!cluster) {
        rd_kafka_destroy(rk);
        SILT_FAIL(err, UNAVAILABLE, "the embedded broker cannot listen on localhost");
    }
    /* The cluster calls broker 0 its controller and counts its brokers from 1; without a controller
     * no admin request is answered. */
    rd_kafka_mock_broker_add(cluster, 0);
    /* Members come one by one here; waiting 3 s for more would only be waiting. */
    rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 50);
    struct silt_mock *mock = SILT_NEW(struct silt_mock);
    *mock = (struct silt_mock){.rk = rk, .cluster = cluster};
    *ret_mock = mock;
    return SILT_OK;
}

void silt_mock_free(struct silt_mock *mock)
{
    if (!mock) return;
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->rk);
    silt_free(mock);
}

SILT_RC silt_mock_add_topic(struct silt_mock *mock, const char *topic, int32_t partitions_n,
                            struct silt_err *err)
{
    rd_kafka_resp_err_t result = rd_kafka_mock_topic_create(mock->cluster, topic, partitions_n, 1);
    if (!result) return SILT_OK;
    silt_kafka_err(err, result, NULL);
    silt_err_context(err, "topic %s", topic);
    return (struct silt_rc){false};
}

const char *silt_mock_brokers(const struct silt_mock *mock)
{
    return rd_kafka_mock_cluster_bootstraps(mock->cluster);
}
