/* Brokers, topics, retention, the group. */
#include "base/alloc.h"
#include "doctor_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS ((int64_t)24 * 3600 * 1000)
#define NAMES_MAX 200

/* --- brokers --------------------------------------------------------------------------------- */

static const struct {
    enum silt_code code;
    const char *mend;
} faults[] = {
    [SILT_SURVEY_NAME] = {SILT_E_CONNECT, "correct the host in kafka.brokers, or the DNS that this "
                                          "machine asks"},
    [SILT_SURVEY_CONNECT] = {SILT_E_CONNECT,
                             "check host and port in kafka.brokers, that the broker runs, and that "
                             "a firewall lets this machine through"},
    [SILT_SURVEY_SILENT] = {SILT_E_TIMEOUT,
                            "check that a firewall or network policy lets this machine reach every "
                            "broker, also under its advertised name"},
    [SILT_SURVEY_PLAINTEXT] =
        {SILT_E_CONFIG, "if this listener speaks TLS, set kafka.properties security.protocol to "
                        "SSL or SASL_SSL"},
    [SILT_SURVEY_TLS] = {SILT_E_CONFIG,
                         "set kafka.properties ssl.ca.location to the authority of the brokers' "
                         "certificates, or choose a listener and security.protocol that fit"},
    [SILT_SURVEY_AUTH] = {SILT_E_AUTH, "correct sasl.username, sasl.password and sasl.mechanism in "
                                       "kafka.properties or kafka.properties_file"},
};

void silt_check_brokers(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    struct silt_err err;
    struct silt_survey_cluster cluster;
    if (!silt_ok(silt_survey_open(&doctor->opts->consumer, &doctor->survey, &err))) {
        silt_fail_err(result, &err, "correct kafka.properties");
        return;
    }
    silt_survey_reach(doctor->survey, SILT_DOCTOR_PATIENCE_MS, &cluster);
    if (!cluster.reached) {
        silt_found(result, "%s", cluster.text);
        silt_fail(result, faults[cluster.fault].code, faults[cluster.fault].mend);
        return;
    }
    silt_found(result, "%u broker%s of cluster %s", cluster.brokers_n,
               cluster.brokers_n == 1 ? "" : "s", cluster.cluster);
    if (!cluster.fault) return;
    silt_found(result, "a broker answered, another one did not: %s", cluster.text);
    silt_warn(result, faults[cluster.fault].mend);
}

/* --- topics ---------------------------------------------------------------------------------- */

/* Appends a name to a list for people; what does not fit is left out. */
static void add_name(char *list, size_t room, const char *name)
{
    const size_t len = strlen(list);
    snprintf(list + len, room - len, "%s%s", len ? ", " : "", name);
}

static bool is_unreadable(const struct silt_survey_topic *topic)
{
    return topic->code == SILT_E_DENIED || (!topic->code && topic->read == SILT_RIGHT_MISSING);
}

void silt_judge_topics(const struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    char absent[NAMES_MAX] = "";
    char denied[NAMES_MAX] = "";
    char other[NAMES_MAX] = "";
    int64_t partitions_n = 0;
    for (unsigned i = 0; i < doctor->topics_n; i++) {
        const struct silt_survey_topic *topic = &doctor->topics[i];
        const bool unreadable = is_unreadable(topic);
        if (topic->code == SILT_E_NOT_FOUND) add_name(absent, sizeof absent, topic->topic);
        if (unreadable) add_name(denied, sizeof denied, topic->topic);
        if (topic->code && topic->code != SILT_E_NOT_FOUND && !unreadable)
            add_name(other, sizeof other, topic->topic);
        partitions_n += topic->partitions_n;
    }
    silt_found(result, "%u topic%s, %" PRId64 " partition%s", doctor->topics_n,
               doctor->topics_n == 1 ? "" : "s", partitions_n, partitions_n == 1 ? "" : "s");
    if (!doctor->topics_n) {
        silt_found(result, "no topic matches kafka.topics, or none that this user may see");
        silt_warn(result,
                  "correct the pattern, or let the user DESCRIBE the topics; topics that come "
                  "later are archived from their beginning");
    }
    if (*other) {
        silt_found(result, "the brokers cannot describe: %s", other);
        silt_fail(result, SILT_E_UNAVAILABLE, "look at the health of the brokers");
    }
    if (*absent) {
        silt_found(result, "not there: %s", absent);
        silt_fail(result, SILT_E_NOT_FOUND, "create the topic, or correct kafka.topics");
    }
    if (*denied) {
        silt_found(result, "this user may not read: %s", denied);
        silt_fail(
            result, SILT_E_DENIED,
            "let it READ and DESCRIBE the topic: kafka-acls --add --allow-principal User:NAME "
            "--operation Read --operation Describe --topic TOPIC");
    }
}

void silt_check_topics(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    struct silt_err err;
    if (!silt_ok(silt_survey_topics(doctor->survey, SILT_DOCTOR_PATIENCE_MS, &doctor->topics,
                                    &doctor->topics_n, &err))) {
        silt_fail_err(result, &err, "look at the health of the brokers");
        return;
    }
    silt_judge_topics(doctor, result);
}

/* --- retention ------------------------------------------------------------------------------- */

static int64_t shortest_retention(const struct silt_doctor *doctor,
                                  const struct silt_survey_topic **ret_topic)
{
    int64_t shortest = -1;
    for (unsigned i = 0; i < doctor->topics_n; i++) {
        const struct silt_survey_topic *topic = &doctor->topics[i];
        if (!topic->settings_known || topic->retention_ms < 0) continue;
        if (shortest >= 0 && topic->retention_ms >= shortest) continue;
        shortest = topic->retention_ms;
        *ret_topic = topic;
    }
    return shortest;
}

static void judge_age(const struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    const struct silt_survey_topic *topic = NULL;
    const int64_t shortest = shortest_retention(doctor, &topic);
    silt_found(result, "nothing is deleted by age");
    if (shortest < 0) return;
    silt_found(result,
               "%s keeps records for %" PRId64 " min, a window is open for at most %" PRId64 " min",
               topic->topic, shortest / 60000, doctor->opts->max_age_ms / 60000);
    if (shortest <= doctor->opts->max_age_ms) {
        silt_fail(result, SILT_E_CONFIG,
                  "records go before they are archived: raise the topic's retention.ms well above "
                  "archive.max_age, or lower archive.max_age");
        return;
    }
    if (shortest < DAY_MS)
        silt_warn(result, "an outage of the store or of the workers that lasts longer loses "
                          "records: raise the topic's retention.ms to days");
}

static const struct silt_survey_topic *find_compacted(const struct silt_doctor *doctor)
{
    for (unsigned i = 0; i < doctor->topics_n; i++)
        if (doctor->topics[i].compacted) return &doctor->topics[i];
    return NULL;
}

static bool are_settings_known(const struct silt_doctor *doctor)
{
    for (unsigned i = 0; i < doctor->topics_n; i++)
        if (!doctor->topics[i].settings_known) return false;
    return true;
}

void silt_judge_retention(const struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    judge_age(doctor, result);
    if (result->state != SILT_DOCTOR_OK) return;
    const struct silt_survey_topic *compacted = find_compacted(doctor);
    if (compacted) {
        silt_found(result, "%s is compacted", compacted->topic);
        silt_warn(result, "records that compaction removes before they are read become holes: use "
                          "cleanup.policy=delete, or a long min.compaction.lag.ms");
    }
    if (are_settings_known(doctor)) return;
    silt_found(result, "unknown for some topics: this user may not describe their settings");
    silt_warn(result, "let it DESCRIBE_CONFIGS of the topics to have it checked");
}

void silt_check_retention(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    struct silt_err err;
    if (!doctor->topics_n) {
        silt_skip(result, "there is no topic yet");
        return;
    }
    if (!silt_ok(silt_survey_settings(doctor->survey, SILT_DOCTOR_PATIENCE_MS, doctor->topics,
                                      doctor->topics_n, &err))) {
        silt_found(result, "unknown: %s", err.text);
        silt_warn(result, "let this user DESCRIBE_CONFIGS of the topics to have it checked");
        return;
    }
    silt_judge_retention(doctor, result);
}

/* --- group ----------------------------------------------------------------------------------- */

void silt_check_group(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    static const char grant[] =
        "let this user READ the group: kafka-acls --add --allow-principal User:NAME --operation "
        "Read --group GROUP";
    const char *name = doctor->opts->consumer.group;
    struct silt_survey_group group = {0};
    struct silt_err err;
    struct silt_rc rc = silt_survey_group(doctor->survey, SILT_DOCTOR_PATIENCE_MS, &group, &err);
    if (!silt_ok(rc) && err.code != SILT_E_NOT_FOUND) {
        silt_fail_err(result, &err,
                      err.code == SILT_E_DENIED
                          ? grant
                          : "look at the health of the brokers; the group's "
                            "coordinator must be one that this machine reaches");
        return;
    }
    if (!silt_ok(rc)) {
        silt_found(result, "%s may be joined; nobody did yet", name);
        return;
    }
    silt_found(result, "%s may be joined; %u member%s now", name, group.members_n,
               group.members_n == 1 ? "" : "s");
    if (group.read != SILT_RIGHT_MISSING) return;
    silt_found(result, "%s can be seen, but this user may not join it", name);
    silt_fail(result, SILT_E_DENIED, grant);
}

/* --- dead letters ---------------------------------------------------------------------------- */

void silt_check_dead_letters(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    const char *name = doctor->opts->dlq_topic;
    struct silt_survey_topic topic;
    struct silt_err err;
    if (!name || !name[0]) {
        silt_skip(result, "dlq.topic is not set");
        return;
    }
    if (!silt_ok(silt_survey_topic(doctor->survey, SILT_DOCTOR_PATIENCE_MS, name, &topic, &err))) {
        silt_fail_err(result, &err, "look at the health of the brokers");
        return;
    }
    silt_found(result, "%s may be written", name);
    if (topic.code == SILT_E_NOT_FOUND) {
        silt_found(result, "%s is not there: copies of rejects would be dropped", name);
        silt_fail(result, SILT_E_NOT_FOUND, "create the topic, or correct dlq.topic");
    }
    if (topic.code == SILT_E_DENIED || (!topic.code && topic.write == SILT_RIGHT_MISSING)) {
        silt_found(result, "this user may not write %s: copies of rejects would be dropped", name);
        silt_fail(
            result, SILT_E_DENIED,
            "let it WRITE the topic: kafka-acls --add --allow-principal User:NAME --operation "
            "Write --topic TOPIC");
    }
}
