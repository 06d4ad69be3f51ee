/* Against librdkafka's mock cluster, which knows topics but neither rights, settings nor groups. */
#include "consume/mock.h"
#include "doctor_tool.h"

static void kafka(struct patient *patient, const char *brokers, const char *const *topics,
                  unsigned topics_n)
{
    patient_init(patient);
    patient->opts.consumer = (struct silt_consumer_opts){
        .brokers = brokers, .group = "g", .topics = topics, .topics_n = topics_n};
    patient->opts.max_age_ms = 600000;
}

static void kafka_done(struct patient *patient)
{
    silt_free(patient->doctor.topics);
    silt_survey_close(patient->doctor.survey);
    patient_done(patient);
}

static void topics_are_counted_and_missing_ones_named(void)
{
    static const char *const there[] = {"sensors", "^sens.*"};
    static const char *const not_all[] = {"sensors", "nowhere"};
    static const char *const nothing[] = {"^nothing"};
    struct silt_mock *mock;
    struct patient patient;
    if (!silt_mock_new(1, &mock, NULL).ok || !silt_mock_add_topic(mock, "sensors", 3, NULL).ok)
        abort();
    kafka(&patient, silt_mock_brokers(mock), there, 2);
    says(&patient, silt_check_brokers, SILT_DOCTOR_OK, "of cluster", "");
    says(&patient, silt_check_retention, SILT_DOCTOR_SKIPPED, "no topic yet", "");
    says(&patient, silt_check_topics, SILT_DOCTOR_OK, "1 topic, 3 partitions", "");
    says(&patient, silt_check_dead_letters, SILT_DOCTOR_SKIPPED, "not set", "");
    patient.opts.dlq_topic = "sensors";
    says(&patient, silt_check_dead_letters, SILT_DOCTOR_OK, "may be written", "");
    patient.opts.dlq_topic = "nowhere";
    says(&patient, silt_check_dead_letters, SILT_DOCTOR_FAILED, "not there", "dlq.topic");
    kafka_done(&patient);
    kafka(&patient, silt_mock_brokers(mock), not_all, 2);
    says(&patient, silt_check_brokers, SILT_DOCTOR_OK, "of cluster", "");
    says(&patient, silt_check_topics, SILT_DOCTOR_FAILED, "not there: nowhere", "create");
    kafka_done(&patient);
    kafka(&patient, silt_mock_brokers(mock), nothing, 1);
    says(&patient, silt_check_brokers, SILT_DOCTOR_OK, "of cluster", "");
    says(&patient, silt_check_topics, SILT_DOCTOR_WARNING, "no topic matches", "pattern");
    kafka_done(&patient);
    silt_mock_free(mock);
}

/* --- what brokers with rights and settings say ----------------------------------------------- */

typedef void judge_fn(const struct silt_doctor *doctor, struct silt_doctor_result *result);

static void judges(judge_fn *judge, struct silt_survey_topic topic, enum silt_doctor_state state,
                   const char *finding, const char *mend)
{
    struct silt_survey_topic topics[] = {
        topic, {.topic = "other", .settings_known = true, .retention_ms = -1}};
    const struct silt_doctor_opts opts = {.max_age_ms = 600000};
    const struct silt_doctor doctor = {.opts = &opts, .topics = topics, .topics_n = 2};
    struct silt_doctor_result result = {.name = "check"};
    judge(&doctor, &result);
    CU_ASSERT_EQUAL(result.state, state);
    if (!strstr(result.finding, finding)) CU_FAIL(result.finding);
    if (!strstr(result.mend, mend)) CU_FAIL(result.mend);
}

static struct silt_survey_topic topic_of(enum silt_code code, enum silt_survey_right read)
{
    return (struct silt_survey_topic){.topic = "t", .code = code, .read = read};
}

static void a_topic_is_there_and_may_be_read_or_not(void)
{
    judges(silt_judge_topics, topic_of(SILT_E_NONE, SILT_RIGHT_GRANTED), SILT_DOCTOR_OK, "2 topics",
           "");
    judges(silt_judge_topics, topic_of(SILT_E_NONE, SILT_RIGHT_UNKNOWN), SILT_DOCTOR_OK, "2 topics",
           "");
    judges(silt_judge_topics, topic_of(SILT_E_NONE, SILT_RIGHT_MISSING), SILT_DOCTOR_FAILED,
           "may not read: t", "kafka-acls");
    judges(silt_judge_topics, topic_of(SILT_E_DENIED, SILT_RIGHT_UNKNOWN), SILT_DOCTOR_FAILED,
           "may not read: t", "kafka-acls");
    judges(silt_judge_topics, topic_of(SILT_E_NOT_FOUND, SILT_RIGHT_UNKNOWN), SILT_DOCTOR_FAILED,
           "not there: t", "create");
    judges(silt_judge_topics, topic_of(SILT_E_NETWORK, SILT_RIGHT_UNKNOWN), SILT_DOCTOR_FAILED,
           "cannot describe: t", "health");
}

static struct silt_survey_topic kept_for(int64_t retention_ms, bool compacted, bool known)
{
    return (struct silt_survey_topic){.topic = "t",
                                      .settings_known = known,
                                      .retention_ms = retention_ms,
                                      .compacted = compacted};
}

static void records_must_stay_longer_than_a_window_is_open(void)
{
    const int64_t day_ms = 24 * (int64_t)3600000;
    judges(silt_judge_retention, kept_for(-1, false, true), SILT_DOCTOR_OK, "nothing is", "");
    judges(silt_judge_retention, kept_for(day_ms, false, true), SILT_DOCTOR_OK, "1440 min", "");
    judges(silt_judge_retention, kept_for(day_ms - 1, false, true), SILT_DOCTOR_WARNING, "t keeps",
           "outage");
    judges(silt_judge_retention, kept_for(600001, false, true), SILT_DOCTOR_WARNING, "t keeps",
           "outage");
    judges(silt_judge_retention, kept_for(600000, false, true), SILT_DOCTOR_FAILED, "10 min",
           "retention.ms");
    judges(silt_judge_retention, kept_for(-1, true, true), SILT_DOCTOR_WARNING, "compacted",
           "cleanup.policy");
    judges(silt_judge_retention, kept_for(-1, false, false), SILT_DOCTOR_WARNING, "unknown",
           "DESCRIBE_CONFIGS");
}

static void what_a_mock_cannot_answer_is_told(void)
{
    static const char *const topics[] = {"sensors"};
    struct silt_mock *mock;
    struct patient patient;
    if (!silt_mock_new(1, &mock, NULL).ok || !silt_mock_add_topic(mock, "sensors", 1, NULL).ok)
        abort();
    kafka(&patient, silt_mock_brokers(mock), topics, 1);
    says(&patient, silt_check_brokers, SILT_DOCTOR_OK, "of cluster", "");
    says(&patient, silt_check_topics, SILT_DOCTOR_OK, "1 topic, 1 partition", "");
    says(&patient, silt_check_retention, SILT_DOCTOR_WARNING, "unknown", "DESCRIBE_CONFIGS");
    says(&patient, silt_check_group, SILT_DOCTOR_FAILED, "", "coordinator");
    kafka_done(&patient);
    silt_mock_free(mock);
}

static void a_property_that_is_none(void)
{
    static const struct silt_property bad = {"no.such.property", "1"};
    struct patient patient;
    kafka(&patient, "127.0.0.1:1", NULL, 0);
    patient.opts.consumer.properties = &bad;
    patient.opts.consumer.properties_n = 1;
    says(&patient, silt_check_brokers, SILT_DOCTOR_FAILED, "no.such.property", "kafka.properties");
    kafka_done(&patient);
}

static void nobody_listens(void)
{
    struct patient patient;
    kafka(&patient, "127.0.0.1:1", NULL, 0);
    says(&patient, silt_check_brokers, SILT_DOCTOR_FAILED, "refused", "kafka.brokers");
    kafka_done(&patient);
}

static void one_of_two_brokers_is_down(void)
{
    struct silt_mock *mock;
    struct patient patient;
    char brokers[200];
    if (!silt_mock_new(1, &mock, NULL).ok) abort();
    snprintf(brokers, sizeof brokers, "127.0.0.1:1,%s", silt_mock_brokers(mock));
    kafka(&patient, brokers, NULL, 0);
    struct silt_doctor_result result = {.name = "kafka.brokers"};
    silt_check_brokers(&patient.doctor, &result);
    CU_ASSERT_NOT_EQUAL(result.state, SILT_DOCTOR_FAILED); /* the good one may be met first */
    kafka_done(&patient);
    silt_mock_free(mock);
}

SILT_TESTS("doctor_kafka",
           {"topics are counted and missing ones named", topics_are_counted_and_missing_ones_named},
           {"a topic is there and may be read, or not", a_topic_is_there_and_may_be_read_or_not},
           {"records must stay longer than a window is open",
            records_must_stay_longer_than_a_window_is_open},
           {"what a mock cannot answer is told", what_a_mock_cannot_answer_is_told},
           {"a property that is none", a_property_that_is_none}, {"nobody listens", nobody_listens},
           {"one of two brokers is down", one_of_two_brokers_is_down})
