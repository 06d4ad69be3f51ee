#include "consume/survey.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "consumer_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_AGAIN_MS 200
#define OTHERS_MS 3000 /* for brokers that were not tried yet */

struct silt_survey {
    const struct silt_consumer_opts *opts;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue; /* answers and error events alike */
    struct silt_survey_cluster cluster;
    bool all_down;
    int64_t give_up_ms; /* monotonic; 0: as long as a question may take */
};

/* On a thread of librdkafka. */
static void on_token(rd_kafka_t *rk, const char *config, void *opaque)
{
    (void)config;
    const struct silt_survey *survey = opaque;
    silt_token_give(rk, survey->opts->token);
}

SILT_RC silt_survey_open(const struct silt_consumer_opts *opts, struct silt_survey **ret_survey,
                         struct silt_err *err)
{
    rd_kafka_conf_t *conf;
    SILT_TRY(silt_consumer_conf(opts, &conf, err));
    rd_kafka_conf_set_log_cb(conf, silt_kafka_log);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR);
    if (opts->token) rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, on_token);
    struct silt_survey *survey = SILT_NEW(struct silt_survey);
    survey->opts = opts;
    rd_kafka_conf_set_opaque(conf, survey);
    if (!silt_ok(silt_kafka_new(RD_KAFKA_CONSUMER, conf, &survey->rk, err))) {
        silt_free(survey);
        return (struct silt_rc){false};
    }
    silt_token_begin(opts->token, survey->rk);
    survey->queue = rd_kafka_queue_get_main(survey->rk);
    *ret_survey = survey;
    return SILT_OK;
}

void silt_survey_close(struct silt_survey *survey)
{
    if (!survey) return;
    rd_kafka_queue_destroy(survey->queue);
    rd_kafka_destroy_flags(survey->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    silt_free(survey);
}

/* --- one question ---------------------------------------------------------------------------- */

/* A handshake that is cut off has the code of any lost connection; brokers are named in lower case.
 */
static enum silt_survey_fault fault_of(rd_kafka_resp_err_t kafka, const char *text)
{
    switch (kafka) {
    case RD_KAFKA_RESP_ERR__RESOLVE: return SILT_SURVEY_NAME;
    case RD_KAFKA_RESP_ERR__SSL: return SILT_SURVEY_TLS;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED: return SILT_SURVEY_AUTH;
    case RD_KAFKA_RESP_ERR__TIMED_OUT: return SILT_SURVEY_SILENT;
    default: return strstr(text, "SSL") ? SILT_SURVEY_TLS : SILT_SURVEY_CONNECT;
    }
}

/* Of several brokers librdkafka says so as well before it has tried the last one. */
static void note_all_down(struct silt_survey *survey)
{
    const bool several = strchr(survey->opts->brokers, ',') != NULL;
    if (!survey->all_down) survey->give_up_ms = silt_mono_ms() + (several ? OTHERS_MS : 0);
    survey->all_down = true;
}

static void note_error(struct silt_survey *survey, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t kafka = rd_kafka_event_error(event);
    const char *text = rd_kafka_event_error_string(event);
    if (kafka == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        note_all_down(survey);
        return;
    }
    if (survey->cluster.fault) return;
    survey->cluster.fault = fault_of(kafka, text);
    snprintf(survey->cluster.text, sizeof survey->cluster.text, "%s", text);
}

/* @return the answer, NULL when none comes: in time, or at all. The caller destroys it. */
static rd_kafka_event_t *await(struct silt_survey *survey, rd_kafka_event_type_t type,
                               int64_t timeout_ms)
{
    const int64_t until_ms = silt_mono_ms() + timeout_ms;
    for (;;) {
        const bool cut = survey->all_down && survey->give_up_ms < until_ms;
        const int64_t left_ms = (cut ? survey->give_up_ms : until_ms) - silt_mono_ms();
        if (left_ms <= 0) return NULL;
        rd_kafka_event_t *event = rd_kafka_queue_poll(survey->queue, (int)left_ms);
        if (!event) continue;
        if (rd_kafka_event_type(event) == type) return event;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) note_error(survey, event);
        rd_kafka_event_destroy(event);
    }
}

static SILT_RC await_good(struct silt_survey *survey, rd_kafka_event_type_t type,
                          int64_t timeout_ms, rd_kafka_event_t **ret_event, struct silt_err *err)
{
    rd_kafka_event_t *event = await(survey, type, timeout_ms);
    rd_kafka_resp_err_t result = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (!result) {
        *ret_event = event;
        return SILT_OK;
    }
    silt_kafka_err(err, result, event ? rd_kafka_event_error_string(event) : NULL);
    if (event) rd_kafka_event_destroy(event);
    return (struct silt_rc){false};
}

/* Tells how long to wait, and that rights are wanted. Each request takes its own. */
static rd_kafka_AdminOptions_t *question(struct silt_survey *survey, rd_kafka_admin_op_t op,
                                         int64_t timeout_ms, bool rights)
{
    char text[100];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(survey->rk, op);
    rd_kafka_AdminOptions_set_request_timeout(options, (int)timeout_ms, text, sizeof text);
    if (rights) {
        rd_kafka_error_t *error =
            rd_kafka_AdminOptions_set_include_authorized_operations(options, 1);
        SILT_ASSERT(!error);
    }
    return options;
}

static enum silt_survey_right right_to(rd_kafka_AclOperation_t operation,
                                       const rd_kafka_AclOperation_t *allowed, size_t allowed_n)
{
    if (!allowed || !allowed_n) return SILT_RIGHT_UNKNOWN;
    for (size_t i = 0; i < allowed_n; i++)
        if (allowed[i] == operation) return SILT_RIGHT_GRANTED;
    return SILT_RIGHT_MISSING;
}

static enum silt_code code_of(const rd_kafka_error_t *error)
{
    struct silt_err err;
    if (!rd_kafka_error_code(error)) return SILT_E_NONE;
    silt_kafka_err(&err, rd_kafka_error_code(error), NULL);
    return err.code;
}

/* --- brokers --------------------------------------------------------------------------------- */

static bool is_plaintext(const struct silt_consumer_opts *opts)
{
    for (unsigned i = 0; i < opts->properties_n; i++)
        if (strcmp(opts->properties[i].name, "security.protocol") == 0)
            return strcasestr(opts->properties[i].value, "plaintext") != NULL;
    return true;
}

/* librdkafka has no error for a broker that hangs up before it says anything, which is what one
 * does that waits for a TLS handshake (seen from Kafka 4.4); only that all are down. */
static void note_silence(struct silt_survey *survey, int64_t timeout_ms)
{
    struct silt_survey_cluster *cluster = &survey->cluster;
    if (!survey->all_down) {
        cluster->fault = SILT_SURVEY_SILENT;
        snprintf(cluster->text, sizeof cluster->text, "no broker answered within %lld s",
                 (long long)timeout_ms / 1000);
        return;
    }
    cluster->fault = is_plaintext(survey->opts) ? SILT_SURVEY_PLAINTEXT : SILT_SURVEY_CONNECT;
    snprintf(cluster->text, sizeof cluster->text, "the brokers hang up before they say anything");
}

void silt_survey_reach(struct silt_survey *survey, int64_t timeout_ms,
                       struct silt_survey_cluster *ret_cluster)
{
    struct silt_survey_cluster *cluster = &survey->cluster;
    rd_kafka_AdminOptions_t *options =
        question(survey, RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER, timeout_ms, false);
    rd_kafka_DescribeCluster(survey->rk, options, survey->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_event_t *event = await(survey, RD_KAFKA_EVENT_DESCRIBECLUSTER_RESULT, timeout_ms);
    cluster->reached = event && !rd_kafka_event_error(event);
    if (cluster->reached) {
        survey->all_down = false;
        const rd_kafka_DescribeCluster_result_t *result =
            rd_kafka_event_DescribeCluster_result(event);
        const char *id = rd_kafka_DescribeCluster_result_cluster_id(result);
        size_t n = 0;
        rd_kafka_DescribeCluster_result_nodes(result, &n);
        cluster->brokers_n = (unsigned)n;
        snprintf(cluster->cluster, sizeof cluster->cluster, "%s", id ? id : "");
    } else if (!cluster->fault) {
        note_silence(survey, timeout_ms);
    }
    if (event) rd_kafka_event_destroy(event);
    *ret_cluster = *cluster;
}

/* --- topics ---------------------------------------------------------------------------------- */

static void add_topic(struct silt_survey_topic *topics, unsigned *n, const char *name)
{
    for (unsigned i = 0; i < *n; i++)
        if (strcmp(topics[i].topic, name) == 0) return;
    snprintf(topics[(*n)++].topic, SILT_TOPIC_MAX, "%s", name);
}

static bool is_pattern(const char *topic)
{
    return topic[0] == '^';
}

static void add_matches(const struct silt_survey *survey, const rd_kafka_metadata_t *metadata,
                        struct silt_survey_topic *topics, unsigned *n)
{
    for (int t = 0; t < metadata->topic_cnt; t++)
        for (unsigned i = 0; i < survey->opts->topics_n; i++)
            if (is_pattern(survey->opts->topics[i]) &&
                silt_topic_matches(survey->opts->topics[i], metadata->topics[t].topic))
                add_topic(topics, n, metadata->topics[t].topic);
}

/* Names are taken as they are: a list of all topics leaves out what this user may not see. */
static SILT_RC name_topics(struct silt_survey *survey, int64_t timeout_ms,
                           struct silt_survey_topic **ret_topics, unsigned *ret_n,
                           struct silt_err *err)
{
    const rd_kafka_metadata_t *metadata;
    rd_kafka_resp_err_t result = rd_kafka_metadata(survey->rk, 1, NULL, &metadata, (int)timeout_ms);
    if (result) {
        silt_kafka_err(err, result, NULL);
        return (struct silt_rc){false};
    }
    unsigned n = 0;
    struct silt_survey_topic *topics =
        silt_calloc((size_t)metadata->topic_cnt + survey->opts->topics_n + 1, sizeof *topics);
    for (unsigned i = 0; i < survey->opts->topics_n; i++)
        if (!is_pattern(survey->opts->topics[i])) add_topic(topics, &n, survey->opts->topics[i]);
    add_matches(survey, metadata, topics, &n);
    rd_kafka_metadata_destroy(metadata);
    *ret_topics = topics;
    *ret_n = n;
    return SILT_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct silt_survey_topic *)a)->topic,
                  ((const struct silt_survey_topic *)b)->topic);
}

static struct silt_survey_topic *find_topic(struct silt_survey_topic *topics, unsigned n,
                                            const char *name)
{
    struct silt_survey_topic key = {0};
    snprintf(key.topic, sizeof key.topic, "%s", name);
    return bsearch(&key, topics, n, sizeof *topics, by_name);
}

static void take_topics(rd_kafka_event_t *event, struct silt_survey_topic *topics, unsigned n)
{
    size_t described_n = 0;
    const rd_kafka_TopicDescription_t **described = rd_kafka_DescribeTopics_result_topics(
        rd_kafka_event_DescribeTopics_result(event), &described_n);
    for (size_t i = 0; i < described_n; i++) {
        struct silt_survey_topic *topic =
            find_topic(topics, n, rd_kafka_TopicDescription_name(described[i]));
        if (!topic) continue;
        size_t partitions_n = 0;
        size_t allowed_n = 0;
        topic->code = code_of(rd_kafka_TopicDescription_error(described[i]));
        rd_kafka_TopicDescription_partitions(described[i], &partitions_n);
        topic->partitions_n = (int32_t)partitions_n;
        const rd_kafka_AclOperation_t *allowed =
            rd_kafka_TopicDescription_authorized_operations(described[i], &allowed_n);
        topic->read = right_to(RD_KAFKA_ACL_OPERATION_READ, allowed, allowed_n);
        topic->write = right_to(RD_KAFKA_ACL_OPERATION_WRITE, allowed, allowed_n);
    }
}

static SILT_RC describe_topics(struct silt_survey *survey, int64_t timeout_ms,
                               struct silt_survey_topic *topics, unsigned n, struct silt_err *err)
{
    rd_kafka_event_t *event;
    const char **names = silt_calloc(n, sizeof *names);
    for (unsigned i = 0; i < n; i++) names[i] = topics[i].topic;
    rd_kafka_TopicCollection_t *collection = rd_kafka_TopicCollection_of_topic_names(names, n);
    rd_kafka_AdminOptions_t *options =
        question(survey, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout_ms, true);
    rd_kafka_DescribeTopics(survey->rk, collection, options, survey->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_TopicCollection_destroy(collection);
    silt_free(names);
    SILT_TRY(await_good(survey, RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT, timeout_ms, &event, err));
    take_topics(event, topics, n);
    rd_kafka_event_destroy(event);
    return SILT_OK;
}

SILT_RC silt_survey_topics(struct silt_survey *survey, int64_t timeout_ms,
                           struct silt_survey_topic **ret_topics, unsigned *ret_topics_n,
                           struct silt_err *err)
{
    struct silt_survey_topic *topics;
    unsigned n;
    SILT_TRY(name_topics(survey, timeout_ms, &topics, &n, err));
    qsort(topics, n, sizeof *topics, by_name);
    if (n && !silt_ok(describe_topics(survey, timeout_ms, topics, n, err))) {
        silt_free(topics);
        return (struct silt_rc){false};
    }
    *ret_topics = topics;
    *ret_topics_n = n;
    return SILT_OK;
}

SILT_RC silt_survey_topic(struct silt_survey *survey, int64_t timeout_ms, const char *name,
                          struct silt_survey_topic *ret_topic, struct silt_err *err)
{
    struct silt_survey_topic topic = {0};
    snprintf(topic.topic, sizeof topic.topic, "%s", name);
    SILT_TRY(describe_topics(survey, timeout_ms, &topic, 1, err));
    *ret_topic = topic;
    return SILT_OK;
}

/* --- their settings -------------------------------------------------------------------------- */

static void take_setting(struct silt_survey_topic *topic, const char *name, const char *value)
{
    if (strcmp(name, "retention.ms") == 0) topic->retention_ms = strtoll(value, NULL, 10);
    if (strcmp(name, "retention.bytes") == 0) topic->retention_bytes = strtoll(value, NULL, 10);
    if (strcmp(name, "cleanup.policy") == 0) topic->compacted = strstr(value, "compact") != NULL;
}

static void take_settings(rd_kafka_event_t *event, struct silt_survey_topic *topics, unsigned n)
{
    size_t resources_n = 0;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &resources_n);
    for (size_t i = 0; i < resources_n; i++) {
        struct silt_survey_topic *topic =
            find_topic(topics, n, rd_kafka_ConfigResource_name(resources[i]));
        if (!topic || rd_kafka_ConfigResource_error(resources[i])) continue;
        size_t entries_n = 0;
        const rd_kafka_ConfigEntry_t **entries =
            rd_kafka_ConfigResource_configs(resources[i], &entries_n);
        for (size_t k = 0; k < entries_n; k++) {
            const char *value = rd_kafka_ConfigEntry_value(entries[k]);
            if (value) take_setting(topic, rd_kafka_ConfigEntry_name(entries[k]), value);
        }
        topic->settings_known = entries_n > 0;
    }
}

SILT_RC silt_survey_settings(struct silt_survey *survey, int64_t timeout_ms,
                             struct silt_survey_topic *topics, unsigned topics_n,
                             struct silt_err *err)
{
    rd_kafka_event_t *event;
    rd_kafka_ConfigResource_t **resources = silt_calloc(topics_n + 1, sizeof *resources);
    size_t n = 0;
    for (unsigned i = 0; i < topics_n; i++)
        if (!topics[i].code)
            resources[n++] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topics[i].topic);
    rd_kafka_AdminOptions_t *options =
        question(survey, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms, false);
    rd_kafka_DescribeConfigs(survey->rk, resources, n, options, survey->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy_array(resources, n);
    silt_free(resources);
    SILT_TRY(await_good(survey, RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT, timeout_ms, &event, err));
    take_settings(event, topics, topics_n);
    rd_kafka_event_destroy(event);
    return SILT_OK;
}

/* --- the group ------------------------------------------------------------------------------- */

static SILT_RC take_group(rd_kafka_event_t *event, struct silt_survey_group *ret_group,
                          rd_kafka_resp_err_t *ret_kafka, struct silt_err *err)
{
    size_t n = 0;
    const rd_kafka_ConsumerGroupDescription_t **groups =
        rd_kafka_DescribeConsumerGroups_result_groups(
            rd_kafka_event_DescribeConsumerGroups_result(event), &n);
    if (n != 1) SILT_FAIL(err, PROTOCOL, "kafka: one group was asked for, %zu were described", n);
    const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(groups[0]);
    *ret_kafka = rd_kafka_error_code(error);
    if (*ret_kafka) {
        silt_kafka_err(err, rd_kafka_error_code(error), rd_kafka_error_string(error));
        return (struct silt_rc){false};
    }
    size_t allowed_n = 0;
    const rd_kafka_AclOperation_t *allowed =
        rd_kafka_ConsumerGroupDescription_authorized_operations(groups[0], &allowed_n);
    ret_group->read = right_to(RD_KAFKA_ACL_OPERATION_READ, allowed, allowed_n);
    ret_group->members_n = (unsigned)rd_kafka_ConsumerGroupDescription_member_count(groups[0]);
    return SILT_OK;
}

static SILT_RC ask_group(struct silt_survey *survey, int64_t timeout_ms,
                         struct silt_survey_group *ret_group, rd_kafka_resp_err_t *ret_kafka,
                         struct silt_err *err)
{
    rd_kafka_event_t *event;
    const char *names[] = {survey->opts->group};
    rd_kafka_AdminOptions_t *options =
        question(survey, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, timeout_ms, true);
    rd_kafka_DescribeConsumerGroups(survey->rk, names, 1, options, survey->queue);
    rd_kafka_AdminOptions_destroy(options);
    SILT_TRY(
        await_good(survey, RD_KAFKA_EVENT_DESCRIBECONSUMERGROUPS_RESULT, timeout_ms, &event, err));
    struct silt_rc rc = take_group(event, ret_group, ret_kafka, err);
    rd_kafka_event_destroy(event);
    return rc;
}

/* A coordinator that has just been chosen says so for a moment. */
static bool is_passing(rd_kafka_resp_err_t kafka)
{
    return kafka == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
           kafka == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
           kafka == RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
}

SILT_RC silt_survey_group(struct silt_survey *survey, int64_t timeout_ms,
                          struct silt_survey_group *ret_group, struct silt_err *err)
{
    const int64_t until_ms = silt_mono_ms() + timeout_ms;
    for (;;) {
        rd_kafka_resp_err_t kafka = RD_KAFKA_RESP_ERR_NO_ERROR;
        struct silt_rc rc = ask_group(survey, timeout_ms, ret_group, &kafka, err);
        if (silt_ok(rc) || !is_passing(kafka) || silt_mono_ms() >= until_ms) return rc;
        (void)await(survey, RD_KAFKA_EVENT_NONE, ASK_AGAIN_MS);
    }
}
