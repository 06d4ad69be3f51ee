/* Questions to the cluster. An ask is one or more admin requests ("legs") whose results fill the
 * same answers; when the last leg is in, the answers are handed out one by one.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "consumer_int.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_TIMEOUT_MS 10000
#define LEGS_MAX 3

enum leg_kind { LEG_TOPIC, LEG_CLUSTER, LEG_EARLIEST, LEG_STABLE, LEG_HIGH, LEG_COMMITTED };

struct leg {
    struct ask *ask;
    enum leg_kind kind;
};

struct ask {
    struct ask *next;
    struct leg legs[LEGS_MAX];
    unsigned legs_n;
    unsigned pending;
    struct silt_answer *answers;
    unsigned answers_n;
    unsigned given;
};

static struct ask *ask_new(struct silt_consumer *consumer, enum silt_ask_kind kind, unsigned n)
{
    struct ask *ask = SILT_NEW(struct ask);
    ask->answers = silt_calloc(n, sizeof *ask->answers);
    ask->answers_n = n;
    for (unsigned i = 0; i < n; i++) {
        ask->answers[i] = (struct silt_answer){.kind = kind,
                                               .ok = true,
                                               .asked_ms = silt_mono_ms(),
                                               .log_start = -1,
                                               .end = -1,
                                               .high_watermark = -1,
                                               .end_epoch = -1,
                                               .committed = -1};
    }
    ask->next = consumer->asks;
    consumer->asks = ask;
    return ask;
}

static void ask_free(struct ask *ask)
{
    silt_free(ask->answers);
    silt_free(ask);
}

static void free_list(struct ask **list)
{
    while (*list) {
        struct ask *ask = *list;
        *list = ask->next;
        ask_free(ask);
    }
}

void silt_consumer_drop_asks(struct silt_consumer *consumer)
{
    free_list(&consumer->asks);
    free_list(&consumer->answered);
}

static void set_topic(struct silt_answer *answer, const char *topic, int32_t partition)
{
    snprintf(answer->topic, sizeof answer->topic, "%s", topic);
    answer->partition = partition;
}

static rd_kafka_AdminOptions_t *leg_options(struct silt_consumer *consumer, struct ask *ask,
                                            enum leg_kind kind, rd_kafka_admin_op_t op)
{
    struct leg *leg = &ask->legs[ask->legs_n++];
    *leg = (struct leg){.ask = ask, .kind = kind};
    ask->pending++;
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(consumer->rk, op);
    rd_kafka_AdminOptions_set_opaque(options, leg);
    char text[100];
    rd_kafka_AdminOptions_set_request_timeout(options, ASK_TIMEOUT_MS, text, sizeof text);
    return options;
}

static void describe_topics(struct silt_consumer *consumer, const char **topics, size_t n,
                            const rd_kafka_AdminOptions_t *options, rd_kafka_queue_t *queue)
{
    rd_kafka_TopicCollection_t *names = rd_kafka_TopicCollection_of_topic_names(topics, n);
    rd_kafka_DescribeTopics(consumer->rk, names, options, queue);
    rd_kafka_TopicCollection_destroy(names);
}

void silt_consumer_ask_topic(struct silt_consumer *consumer, const char *topic)
{
    struct ask *ask = ask_new(consumer, SILT_ASK_TOPIC, 1);
    set_topic(&ask->answers[0], topic, -1);
    rd_kafka_AdminOptions_t *options =
        leg_options(consumer, ask, LEG_TOPIC, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    describe_topics(consumer, &topic, 1, options, consumer->replies);
    rd_kafka_AdminOptions_destroy(options);
    options = leg_options(consumer, ask, LEG_CLUSTER, RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER);
    rd_kafka_DescribeCluster(consumer->rk, options, consumer->replies);
    rd_kafka_AdminOptions_destroy(options);
}

static rd_kafka_topic_partition_list_t *list_of(const struct ask *ask, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)ask->answers_n);
    for (unsigned i = 0; i < ask->answers_n; i++)
        rd_kafka_topic_partition_list_add(list, ask->answers[i].topic, ask->answers[i].partition)
            ->offset = offset;
    return list;
}

static void send_offsets(struct silt_consumer *consumer, struct ask *ask, enum leg_kind kind,
                         int64_t spec, rd_kafka_IsolationLevel_t isolation)
{
    rd_kafka_AdminOptions_t *options =
        leg_options(consumer, ask, kind, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
    rd_kafka_error_t *error = rd_kafka_AdminOptions_set_isolation_level(options, isolation);
    SILT_ASSERT(!error);
    rd_kafka_topic_partition_list_t *list = list_of(ask, spec);
    rd_kafka_ListOffsets(consumer->rk, list, options, consumer->replies);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_AdminOptions_destroy(options);
}

static struct ask *partitions_ask(struct silt_consumer *consumer, enum silt_ask_kind kind,
                                  const char *const *topics, const int32_t *partitions, unsigned n)
{
    struct ask *ask = ask_new(consumer, kind, n);
    for (unsigned i = 0; i < n; i++) set_topic(&ask->answers[i], topics[i], partitions[i]);
    return ask;
}

void silt_consumer_ask_offsets(struct silt_consumer *consumer, const char *const *topics,
                               const int32_t *partitions, unsigned n)
{
    if (!n) return;
    struct ask *ask = partitions_ask(consumer, SILT_ASK_OFFSETS, topics, partitions, n);
    send_offsets(consumer, ask, LEG_EARLIEST, RD_KAFKA_OFFSET_SPEC_EARLIEST,
                 RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED);
    send_offsets(consumer, ask, LEG_STABLE, RD_KAFKA_OFFSET_SPEC_LATEST,
                 RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED);
    send_offsets(consumer, ask, LEG_HIGH, RD_KAFKA_OFFSET_SPEC_LATEST,
                 RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED);
}

static void finish_ask(struct silt_consumer *consumer, struct ask *ask);

void silt_consumer_ask_committed(struct silt_consumer *consumer, const char *const *topics,
                                 const int32_t *partitions, unsigned n)
{
    if (!n) return;
    struct ask *ask = partitions_ask(consumer, SILT_ASK_COMMITTED, topics, partitions, n);
    if (!consumer->group) { /* nothing was ever committed */
        finish_ask(consumer, ask);
        return;
    }
    rd_kafka_AdminOptions_t *options =
        leg_options(consumer, ask, LEG_COMMITTED, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    rd_kafka_topic_partition_list_t *list = list_of(ask, RD_KAFKA_OFFSET_INVALID);
    rd_kafka_ListConsumerGroupOffsets_t *request =
        rd_kafka_ListConsumerGroupOffsets_new(consumer->group, list);
    rd_kafka_ListConsumerGroupOffsets(consumer->rk, &request, 1, options, consumer->replies);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_AdminOptions_destroy(options);
}

/* --- results --- */

static void fail_answer(struct silt_answer *answer, rd_kafka_resp_err_t result, const char *text)
{
    if (!result || !answer->ok) return;
    answer->ok = false;
    silt_kafka_err(&answer->err, result, text);
}

static void fail_ask(struct ask *ask, rd_kafka_resp_err_t result, const char *text)
{
    for (unsigned i = 0; i < ask->answers_n; i++) fail_answer(&ask->answers[i], result, text);
}

static void take_topic_id(const rd_kafka_TopicDescription_t *topic, char ret_id[SILT_TOPIC_ID_LEN])
{
    const rd_kafka_Uuid_t *uuid = rd_kafka_TopicDescription_topic_id(topic);
    ret_id[0] = '\0';
    if (!uuid) return;
    uint64_t halves[2] = {(uint64_t)rd_kafka_Uuid_most_significant_bits(uuid),
                          (uint64_t)rd_kafka_Uuid_least_significant_bits(uuid)};
    if (!halves[0] && !halves[1]) return;
    snprintf(ret_id, SILT_TOPIC_ID_LEN, "%016llx%016llx", (unsigned long long)halves[0],
             (unsigned long long)halves[1]);
}

static void take_topic(struct ask *ask, rd_kafka_event_t *event)
{
    size_t n = 0;
    const rd_kafka_TopicDescription_t **topics =
        rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event), &n);
    struct silt_answer *answer = &ask->answers[0];
    for (size_t i = 0; i < n; i++) {
        const rd_kafka_error_t *error = rd_kafka_TopicDescription_error(topics[i]);
        fail_answer(answer, rd_kafka_error_code(error), rd_kafka_error_string(error));
        size_t partitions_n = 0;
        rd_kafka_TopicDescription_partitions(topics[i], &partitions_n);
        answer->partitions_n = (int32_t)partitions_n;
        take_topic_id(topics[i], answer->topic_id);
    }
}

static void take_cluster(struct ask *ask, rd_kafka_event_t *event)
{
    const char *cluster =
        rd_kafka_DescribeCluster_result_cluster_id(rd_kafka_event_DescribeCluster_result(event));
    snprintf(ask->answers[0].cluster, SILT_CLUSTER_MAX, "%s", cluster ? cluster : "");
}

static struct silt_answer *answer_for(struct ask *ask, const rd_kafka_topic_partition_t *tp)
{
    for (unsigned i = 0; i < ask->answers_n; i++) {
        struct silt_answer *answer = &ask->answers[i];
        if (answer->partition == tp->partition && strcmp(answer->topic, tp->topic) == 0)
            return answer;
    }
    return NULL;
}

static void take_offset(struct silt_answer *answer, enum leg_kind kind,
                        const rd_kafka_topic_partition_t *tp)
{
    if (kind == LEG_EARLIEST) answer->log_start = tp->offset;
    if (kind == LEG_HIGH) answer->high_watermark = tp->offset;
    if (kind != LEG_STABLE) return;
    answer->end = tp->offset;
    answer->end_epoch = rd_kafka_topic_partition_get_leader_epoch(tp);
}

static void take_offsets(struct ask *ask, enum leg_kind kind, rd_kafka_event_t *event)
{
    size_t n = 0;
    const rd_kafka_ListOffsetsResultInfo_t **infos =
        rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event), &n);
    for (size_t i = 0; i < n; i++) {
        const rd_kafka_topic_partition_t *tp =
            rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
        struct silt_answer *answer = answer_for(ask, tp);
        if (!answer) continue;
        /* Of a leader that could not be asked there is no error either, only no offset. */
        bool unasked = !tp->err && tp->offset < 0;
        fail_answer(answer, unasked ? RD_KAFKA_RESP_ERR__TRANSPORT : tp->err, NULL);
        if (!tp->err && !unasked) take_offset(answer, kind, tp);
    }
}

static void take_committed_of(struct ask *ask, const rd_kafka_topic_partition_t *tp)
{
    struct silt_answer *answer = answer_for(ask, tp);
    if (!answer) return;
    fail_answer(answer, tp->err, NULL);
    if (tp->err || tp->offset < 0) return;
    answer->committed = tp->offset;
    size_t len = tp->metadata_size < sizeof answer->metadata ? tp->metadata_size
                                                             : sizeof answer->metadata - 1;
    if (len) memcpy(answer->metadata, tp->metadata, len);
}

static void take_committed(struct ask *ask, rd_kafka_event_t *event)
{
    size_t n = 0;
    const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event), &n);
    for (size_t i = 0; i < n; i++) {
        const rd_kafka_error_t *error = rd_kafka_group_result_error(groups[i]);
        fail_ask(ask, rd_kafka_error_code(error), rd_kafka_error_string(error));
        const rd_kafka_topic_partition_list_t *list = rd_kafka_group_result_partitions(groups[i]);
        for (int k = 0; list && k < list->cnt; k++) take_committed_of(ask, &list->elems[k]);
    }
}

static void take_result(const struct leg *leg, rd_kafka_event_t *event)
{
    if (leg->kind == LEG_TOPIC) take_topic(leg->ask, event);
    if (leg->kind == LEG_CLUSTER) take_cluster(leg->ask, event);
    if (leg->kind == LEG_COMMITTED) take_committed(leg->ask, event);
    if (leg->kind == LEG_EARLIEST || leg->kind == LEG_STABLE || leg->kind == LEG_HIGH)
        take_offsets(leg->ask, leg->kind, event);
}

/* From the open asks to the end of the answered ones. */
static void finish_ask(struct silt_consumer *consumer, struct ask *ask)
{
    struct ask **at = &consumer->asks;
    while (*at != ask) at = &(*at)->next;
    *at = ask->next;
    ask->next = NULL;
    for (at = &consumer->answered; *at; at = &(*at)->next) {}
    *at = ask;
}

static void take_reply(struct silt_consumer *consumer, rd_kafka_event_t *event)
{
    const struct leg *leg = rd_kafka_event_opaque(event);
    rd_kafka_resp_err_t result = rd_kafka_event_error(event);
    if (result) fail_ask(leg->ask, result, rd_kafka_event_error_string(event));
    if (!result) take_result(leg, event);
    if (--leg->ask->pending == 0) finish_ask(consumer, leg->ask);
}

static void take_replies(struct silt_consumer *consumer)
{
    for (rd_kafka_event_t *event; (event = rd_kafka_queue_poll(consumer->replies, 0));) {
        take_reply(consumer, event);
        rd_kafka_event_destroy(event);
    }
}

bool silt_consumer_has_answers(struct silt_consumer *consumer)
{
    if (consumer->asks) take_replies(consumer);
    return consumer->answered != NULL;
}

bool silt_consumer_answer(struct silt_consumer *consumer, struct silt_answer *ret_answer)
{
    if (!silt_consumer_has_answers(consumer)) return false;
    struct ask *ask = consumer->answered;
    *ret_answer = ask->answers[ask->given++];
    if (ask->given == ask->answers_n) {
        consumer->answered = ask->next;
        ask_free(ask);
    }
    return true;
}

/* --- the blocking list --- */

bool silt_topic_matches(const char *pattern, const char *topic)
{
    if (pattern[0] != '^') return strcmp(pattern, topic) == 0;
    regex_t regex;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB)) return false;
    bool found = regexec(&regex, topic, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

static bool is_wanted(const struct silt_consumer *consumer, const rd_kafka_metadata_topic_t *topic)
{
    for (unsigned i = 0; i < consumer->topics_n; i++)
        if (!topic->err && silt_topic_matches(consumer->topics[i], topic->topic)) return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    const struct silt_topic_info *x = a;
    const struct silt_topic_info *y = b;
    return strcmp(x->topic, y->topic);
}

static unsigned wanted_topics(const struct silt_consumer *consumer,
                              const rd_kafka_metadata_t *metadata, struct silt_topic_info *topics)
{
    unsigned n = 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *topic = &metadata->topics[i];
        if (!is_wanted(consumer, topic)) continue;
        snprintf(topics[n].topic, sizeof topics[n].topic, "%s", topic->topic);
        topics[n++].partitions_n = topic->partition_cnt;
    }
    qsort(topics, n, sizeof *topics, by_name);
    return n;
}

static void take_ids(rd_kafka_event_t *event, struct silt_topic_info *topics, unsigned n)
{
    size_t described_n = 0;
    const rd_kafka_TopicDescription_t **described = rd_kafka_DescribeTopics_result_topics(
        rd_kafka_event_DescribeTopics_result(event), &described_n);
    for (size_t i = 0; i < described_n; i++) {
        struct silt_topic_info key = {0};
        snprintf(key.topic, sizeof key.topic, "%s", rd_kafka_TopicDescription_name(described[i]));
        struct silt_topic_info *topic = bsearch(&key, topics, n, sizeof *topics, by_name);
        if (topic) take_topic_id(described[i], topic->topic_id);
    }
}

static SILT_RC ask_ids(struct silt_consumer *consumer, int64_t timeout_ms,
                       struct silt_topic_info *topics, unsigned n, struct silt_err *err)
{
    const char **names = silt_calloc(n + 1, sizeof *names);
    for (unsigned i = 0; i < n; i++) names[i] = topics[i].topic;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer->rk);
    describe_topics(consumer, names, n, NULL, queue);
    silt_free(names);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, (int)timeout_ms);
    rd_kafka_resp_err_t result = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (result) silt_kafka_err(err, result, event ? rd_kafka_event_error_string(event) : NULL);
    if (!result) take_ids(event, topics, n);
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    return (struct silt_rc){!result};
}

static void take_cluster_id(struct silt_consumer *consumer, int64_t timeout_ms,
                            char ret_cluster[SILT_CLUSTER_MAX])
{
    char *cluster = rd_kafka_clusterid(consumer->rk, (int)timeout_ms);
    snprintf(ret_cluster, SILT_CLUSTER_MAX, "%s", cluster ? cluster : "");
    if (cluster) rd_kafka_mem_free(consumer->rk, cluster);
}

SILT_RC silt_consumer_list_topics(struct silt_consumer *consumer, int64_t timeout_ms,
                                  struct silt_topic_info **ret_topics, unsigned *ret_topics_n,
                                  char ret_cluster[SILT_CLUSTER_MAX], struct silt_err *err)
{
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t result =
        rd_kafka_metadata(consumer->rk, 1, NULL, &metadata, (int)timeout_ms);
    if (result) {
        silt_kafka_err(err, result, NULL);
        return (struct silt_rc){false};
    }
    struct silt_topic_info *topics = silt_calloc((size_t)metadata->topic_cnt + 1, sizeof *topics);
    unsigned n = wanted_topics(consumer, metadata, topics);
    rd_kafka_metadata_destroy(metadata);
    if (n && !silt_ok(ask_ids(consumer, timeout_ms, topics, n, err))) {
        silt_free(topics);
        return (struct silt_rc){false};
    }
    take_cluster_id(consumer, timeout_ms, ret_cluster);
    *ret_topics = topics;
    *ret_topics_n = n;
    return SILT_OK;
}

static SILT_RC take_times(const rd_kafka_topic_partition_list_t *list, int64_t *ret_offsets,
                          struct silt_err *err)
{
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *tp = &list->elems[i];
        if (tp->err) {
            silt_kafka_err(err, tp->err, NULL);
            return (struct silt_rc){false};
        }
        ret_offsets[i] = tp->offset >= 0 ? tp->offset : -1;
    }
    return SILT_OK;
}

SILT_RC silt_consumer_offsets_at(struct silt_consumer *consumer, const char *topic,
                                 const int32_t *partitions, unsigned n, int64_t time_ms,
                                 int64_t timeout_ms, int64_t *ret_offsets, struct silt_err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (unsigned i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, topic, partitions[i])->offset = time_ms;
    rd_kafka_resp_err_t result = rd_kafka_offsets_for_times(consumer->rk, list, (int)timeout_ms);
    struct silt_rc rc = {false};
    if (result)
        silt_kafka_err(err, result, NULL);
    else
        rc = take_times(list, ret_offsets, err);
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}
