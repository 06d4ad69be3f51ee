#include "cli/brokers.h"

#include "app/options.h"
#include "base/alloc.h"
#include "base/clock.h"

#include <string.h>

#define PATIENCE_MS 15000
#define POLL_MS 200
#define CLOSE_MS 5000

SILT_RC silt_brokers_open(struct silt_brokers *brokers, const struct silt_config *config,
                          struct silt_credentials *credentials, const char *topic,
                          struct silt_err *err)
{
    struct silt_consumer_opts opts;
    brokers->patience_ms = PATIENCE_MS;
    if (config->kafka.sasl_aws_msk_iam) SILT_TRY(silt_credentials_await(credentials, err));
    struct silt_property *properties = silt_calloc(config->kafka.properties.n, sizeof *properties);
    silt_options_consumer(config, false, properties, &opts);
    opts.token = silt_msk_source(&brokers->msk, config, credentials);
    opts.sees_aborted = true;
    if (topic) opts.topics = &topic;
    if (topic) opts.topics_n = 1;
    struct silt_rc rc = silt_consumer_new(&opts, &brokers->consumer, err);
    silt_free(properties);
    return rc;
}

void silt_brokers_done(struct silt_brokers *brokers)
{
    silt_consumer_close(brokers->consumer, CLOSE_MS);
    *brokers = (struct silt_brokers){0};
}

static void add_topic(const struct silt_topic_info *topic, const char *cluster,
                      struct silt_bounds **bounds, unsigned *n)
{
    unsigned more = (unsigned)topic->partitions_n;
    *bounds = silt_realloc_array(*bounds, *n + more, sizeof **bounds);
    for (unsigned p = 0; p < more; p++) {
        struct silt_bounds *to = &(*bounds)[(*n)++];
        *to = (struct silt_bounds){.tp = {.partition = (int32_t)p}};
        memcpy(to->tp.cluster, cluster, sizeof to->tp.cluster);
        memcpy(to->tp.topic, topic->topic, sizeof to->tp.topic);
        memcpy(to->tp.topic_id, topic->topic_id, sizeof to->tp.topic_id);
    }
}

SILT_RC silt_brokers_partitions(struct silt_brokers *brokers, struct silt_bounds **ret_bounds,
                                unsigned *ret_n, struct silt_err *err)
{
    struct silt_topic_info *topics;
    unsigned topics_n;
    char cluster[SILT_CLUSTER_MAX];
    SILT_TRY(silt_consumer_list_topics(brokers->consumer, brokers->patience_ms, &topics, &topics_n,
                                       cluster, err));
    *ret_bounds = NULL;
    *ret_n = 0;
    for (unsigned i = 0; i < topics_n; i++) add_topic(&topics[i], cluster, ret_bounds, ret_n);
    silt_free(topics);
    return SILT_OK;
}

SILT_RC silt_brokers_partition(struct silt_brokers *brokers, const char *topic, int32_t partition,
                               struct silt_bounds *ret_bounds, struct silt_err *err)
{
    struct silt_bounds *all = NULL;
    unsigned n = 0;
    SILT_TRY(silt_brokers_partitions(brokers, &all, &n, err));
    bool exists = (unsigned)partition < n;
    if (exists) *ret_bounds = all[partition];
    silt_free(all);
    if (exists) return SILT_OK;
    if (n == 0) SILT_FAIL(err, NOT_FOUND, "Kafka has no topic %.100s", topic);
    SILT_FAIL(err, NOT_FOUND, "topic %.100s has no partition %d", topic, partition);
}

/* ---- bounds ---- */

static void ask(struct silt_brokers *brokers, const struct silt_bounds *bounds, unsigned n)
{
    const char **topics = silt_calloc(n, sizeof *topics);
    int32_t *partitions = silt_calloc(n, sizeof *partitions);
    for (unsigned i = 0; i < n; i++) {
        topics[i] = bounds[i].tp.topic;
        partitions[i] = bounds[i].tp.partition;
    }
    silt_consumer_ask_offsets(brokers->consumer, topics, partitions, n);
    silt_free(partitions);
    silt_free(topics);
}

static void take_answer(const struct silt_answer *answer, struct silt_bounds *bounds, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct silt_bounds *to = &bounds[i];
        if (to->tp.partition != answer->partition || strcmp(to->tp.topic, answer->topic) != 0)
            continue;
        to->known = answer->high_watermark >= 0;
        to->log_start = answer->log_start;
        to->stable = answer->end;
        to->high = answer->high_watermark;
    }
}

SILT_RC silt_brokers_bounds(struct silt_brokers *brokers, struct silt_bounds *bounds, unsigned n,
                            struct silt_err *err)
{
    struct silt_polled polled;
    struct silt_answer answer;
    struct silt_err first = {0};
    unsigned left = n;
    ask(brokers, bounds, n);
    for (int64_t end = silt_mono_ms() + brokers->patience_ms; left && silt_mono_ms() < end;) {
        silt_consumer_poll(brokers->consumer, POLL_MS, &polled);
        for (; left && silt_consumer_answer(brokers->consumer, &answer); left--) {
            if (answer.ok) take_answer(&answer, bounds, n);
            if (!answer.ok && !first.code) first = answer.err;
        }
    }
    if (first.code) {
        *err = first;
        return (struct silt_rc){false};
    }
    if (left)
        SILT_FAIL(err, TIMEOUT, "the brokers did not tell the offsets of %u partitions in time",
                  left);
    return SILT_OK;
}

SILT_RC silt_brokers_offsets_at(struct silt_brokers *brokers, const struct silt_bounds *bounds,
                                unsigned n, int64_t time_ms, int64_t *ret_offsets,
                                struct silt_err *err)
{
    int32_t *partitions = silt_calloc(n, sizeof *partitions);
    for (unsigned i = 0; i < n; i++) partitions[i] = bounds[i].tp.partition;
    struct silt_rc rc = SILT_OK;
    if (n)
        rc = silt_consumer_offsets_at(brokers->consumer, bounds[0].tp.topic, partitions, n, time_ms,
                                      brokers->patience_ms, ret_offsets, err);
    silt_free(partitions);
    return rc;
}

/* ---- one record ---- */

/* @return whether the question is answered. */
static bool look(struct silt_brokers *brokers, const struct silt_polled *polled,
                 struct silt_peek *ret_peek)
{
    struct silt_cpart *part;
    struct silt_record rec;
    uint32_t epoch;
    bool over = polled->kind == SILT_POLL_PART_EOF;
    while (polled->kind == SILT_POLL_RECORDS &&
           silt_consumer_next(brokers->consumer, &part, &rec, &epoch)) {
        if (!over) *ret_peek = (struct silt_peek){rec.offset, rec.leader_epoch};
        over = true;
    }
    return over;
}

SILT_RC silt_brokers_peek(struct silt_brokers *brokers, const struct silt_tp *tp, int64_t offset,
                          struct silt_peek *ret_peek, struct silt_err *err)
{
    struct silt_cpart *part;
    struct silt_polled polled;
    *ret_peek = (struct silt_peek){.offset = -1, .leader_epoch = -1};
    SILT_TRY(silt_consumer_assign_manual(brokers->consumer, tp->topic, tp->partition, offset, &part,
                                         err));
    for (int64_t end = silt_mono_ms() + brokers->patience_ms; silt_mono_ms() < end;) {
        silt_consumer_poll(brokers->consumer, POLL_MS, &polled);
        if (look(brokers, &polled, ret_peek)) return SILT_OK;
        if (polled.kind == SILT_POLL_PART_ERROR) {
            *err = polled.err;
            return (struct silt_rc){false};
        }
    }
    SILT_FAIL(err, TIMEOUT, "the brokers did not give the record at offset %lld in time",
              (long long)offset);
}
