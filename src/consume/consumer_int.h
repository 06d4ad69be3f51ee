/* The consumer's insides, shared by its three files: consumer.c (poll, parts), consumer_conf.c
 * (settings), consumer_ask.c (questions). One owner thread; librdkafka runs our callbacks on that
 * thread, inside poll, but for log lines and the answer queue's wake-up.
 */
#ifndef SILT_CONSUME_CONSUMER_INT_H
#define SILT_CONSUME_CONSUMER_INT_H

#include "base/map.h"
#include "consume/consumer.h"

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

#define SILT_BATCH_MAX 4096
#define SILT_BATCH_MIN 16
#define SILT_NEVER UINT64_MAX

struct part {
    struct silt_cpart pub;
    uint64_t moved_at; /* number of the batch in hand at the last move: what was fetched up to it is
                          of an older epoch; SILT_NEVER: the move failed, everything is */
    int64_t start;     /* of the last assign_at or seek; -1: not known yet */
    int32_t start_epoch;
    uint64_t held_back_seen; /* batches held back when its last error was looked at */
    bool waiting;            /* assigned paused until a seek */
    bool paused;             /* by the owner */
};

/* What callbacks leave for poll. */
struct event {
    struct event *next;
    enum silt_polled_kind kind;
    rd_kafka_topic_partition_list_t *list; /* owned; ASSIGN, REVOKE */
    bool lost;
    struct silt_err err;
};

struct ask;

struct silt_consumer {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    rd_kafka_queue_t *replies;             /* of admin requests */
    char *group;                           /* NULL: none */
    const struct silt_token_source *token; /* NULL: none */
    char **topics;
    unsigned topics_n;
    int64_t queue_max_bytes;
    _Atomic bool closing;            /* the token's callback looks, too */
    bool agreed;                     /* to the end of the group, while closing */
    rd_kafka_resp_err_t rebalancing; /* what has not been answered yet, the newest; 0: nothing */
    bool asked; /* a rebalance was delivered and not answered: the next one waits for that */
    _Atomic bool woken;

    struct silt_map *parts;       /* "topic\0" + partition → struct part */
    rd_kafka_topic_t *cached_rkt; /* of the last lookup; only valid within one batch */
    int32_t cached_partition;
    struct part *cached_part;

    rd_kafka_message_t *batch[SILT_BATCH_MAX];
    unsigned batch_n;
    unsigned batch_at; /* the next to look at */
    uint64_t batch_no;
    uint64_t message_bytes;      /* running mean of a message's memory */
    rd_kafka_message_t *current; /* the views of the last record point into it */
    rd_kafka_message_t *bad_headers;
    bool delivering;
    struct silt_header *headers;
    size_t headers_cap;

    struct event *events; /* oldest first */
    struct event **events_end;
    struct silt_cpart **event_parts; /* of the event delivered last */
    unsigned event_parts_n;

    struct ask *asks; /* open ones */
    struct ask *answered;
    struct silt_consumer_stats stats;
};

/* Settings: ours, then the user's, then those that the protocol needs. */
SILT_RC silt_consumer_conf(const struct silt_consumer_opts *opts, rd_kafka_conf_t **ret_conf,
                           struct silt_err *err);
SILT_RC silt_kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                       struct silt_err *err);
/* token.c, nothing when source is NULL: what a log-in by token needs before the client is made, and
 * after that. Then its refresh callback comes on a thread of librdkafka. */
SILT_RC silt_token_conf(const struct silt_token_source *source, rd_kafka_conf_t *conf,
                        struct silt_err *err);
void silt_token_begin(const struct silt_token_source *source, rd_kafka_t *rk);
void silt_token_give(rd_kafka_t *rk, const struct silt_token_source *source);
void silt_kafka_err(struct silt_err *err, rd_kafka_resp_err_t kafka, const char *text);
/* librdkafka's log lines as ours; any thread. */
void silt_kafka_log(const rd_kafka_t *rk, int level, const char *facility, const char *text);
/* rd_kafka_new with all signals blocked, so that none of its threads takes one. Takes the conf. */
SILT_RC silt_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **ret_rk,
                       struct silt_err *err);

/* As librdkafka's subscription does it: a name that begins with ^ is a POSIX extended regex. */
bool silt_topic_matches(const char *pattern, const char *topic);
bool silt_consumer_has_answers(struct silt_consumer *consumer);
void silt_consumer_drop_asks(struct silt_consumer *consumer);

#endif
