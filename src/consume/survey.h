/* What a cluster says about itself to somebody who wants to archive from it: brokers, topics, the
 * group, and what this user may do there. Reads only: joins no group, creates and writes nothing.
 *
 *   open ─▶ reach ─▶ topics, settings, group, in any order ─▶ close
 *
 * One thread; every call waits, at most timeout_ms per question. Rights are those that brokers tell
 * (KIP-430); retention needs the right to describe a topic's configuration.
 */
#ifndef SILT_CONSUME_SURVEY_H
#define SILT_CONSUME_SURVEY_H

#include "consume/consumer.h"

struct silt_survey;

/* CONFIG: librdkafka does not take the options. They must live as long as the survey. */
SILT_RC silt_survey_open(const struct silt_consumer_opts *opts, struct silt_survey **ret_survey,
                         struct silt_err *err);
void silt_survey_close(struct silt_survey *survey); /* NULL is fine */

enum silt_survey_fault {
    SILT_SURVEY_NONE,
    SILT_SURVEY_NAME,      /* the host's name is not known */
    SILT_SURVEY_CONNECT,   /* refused, reset, no way */
    SILT_SURVEY_SILENT,    /* no answer in time */
    SILT_SURVEY_PLAINTEXT, /* we speak plain text and are hung up on: the listener wants TLS */
    SILT_SURVEY_TLS,       /* the handshake fails: certificate, authority, no TLS there */
    SILT_SURVEY_AUTH,      /* user, password or token are not accepted */
};
struct silt_survey_cluster {
    bool reached;                 /* a broker answered us */
    enum silt_survey_fault fault; /* the first one met, also when another broker answered */
    char text[200];               /* of the fault, in librdkafka's words */
    char cluster[SILT_CLUSTER_MAX];
    unsigned brokers_n;
};
void silt_survey_reach(struct silt_survey *survey, int64_t timeout_ms,
                       struct silt_survey_cluster *ret_cluster);

enum silt_survey_right { SILT_RIGHT_UNKNOWN, SILT_RIGHT_GRANTED, SILT_RIGHT_MISSING };

struct silt_survey_topic {
    char topic[SILT_TOPIC_MAX];
    enum silt_code code; /* NONE, NOT_FOUND, DENIED … */
    int32_t partitions_n;
    enum silt_survey_right read;
    enum silt_survey_right write;
    /* by silt_survey_settings */
    bool settings_known;
    bool compacted;
    int64_t retention_ms; /* -1: unlimited */
    int64_t retention_bytes;
};
/* The names of the options, whether they exist or not, and what their patterns match; sorted. The
 * caller frees the array (silt_free). */
SILT_RC silt_survey_topics(struct silt_survey *survey, int64_t timeout_ms,
                           struct silt_survey_topic **ret_topics, unsigned *ret_topics_n,
                           struct silt_err *err);
/* One topic by its name, whether it exists or not. */
SILT_RC silt_survey_topic(struct silt_survey *survey, int64_t timeout_ms, const char *name,
                          struct silt_survey_topic *ret_topic, struct silt_err *err);
/* Fills in the settings of the topics without an error; those that may not be described stay
 * unknown. */
SILT_RC silt_survey_settings(struct silt_survey *survey, int64_t timeout_ms,
                             struct silt_survey_topic *topics, unsigned topics_n,
                             struct silt_err *err);

struct silt_survey_group {
    enum silt_survey_right read; /* what joining and committing take */
    unsigned members_n;
};
/* DENIED: the group may not even be described. */
SILT_RC silt_survey_group(struct silt_survey *survey, int64_t timeout_ms,
                          struct silt_survey_group *ret_group, struct silt_err *err);

#endif
