/* The consumer: librdkafka behind one poll call. The only room that knows librdkafka (with gen's
 * producer).
 *
 * One owner thread (consume) calls everything but wake. poll returns what happened as data; nothing
 * is decided in librdkafka's callbacks. Settings that the protocol needs (auto.offset.reset=error,
 * check.crcs, no auto commit, read_committed …) are forced; a property that would break it is
 * refused with the reason. Traps: reliability notes 3.1.
 *
 * Memory: librdkafka's queue (queue_max_bytes) plus one batch taken out of it, which is sized to
 * stay under a quarter of that. What compressed batches unpack to stays within queue_max_bytes,
 * too, but for a single large one: unpack_int.h.
 */
#ifndef SILT_CONSUME_CONSUMER_H
#define SILT_CONSUME_CONSUMER_H

#include "base/err.h"
#include "consume/token.h"
#include "record/record.h"
#include "record/topic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct silt_consumer;

struct silt_property {
    const char *name;
    const char *value;
};

struct silt_consumer_part {
    const char *topic;
    int32_t partition;
};

struct silt_consumer_opts {
    const char *brokers;
    const char *group;                     /* NULL: no group, assign by hand (repair, replay) */
    const char *group_protocol;            /* NULL: "classic"; "consumer": KIP-848 */
    const char *instance_id;               /* of a static member (KIP-345); NULL or "": none */
    const char *rack;                      /* KIP-392; NULL or "": none */
    bool needs_token;                      /* the log-in is by token … */
    const struct silt_token_source *token; /* … from here; NULL: none */
    const char *const *topics;             /* names, or "^regex"; none: does not join the group */
    unsigned topics_n;
    const struct silt_consumer_part *parts; /* without a group: assigned as if by one, for good */
    unsigned parts_n;
    const struct silt_property *properties; /* any librdkafka option */
    unsigned properties_n;
    bool sees_aborted;       /* records of aborted transactions, too: to look, never to archive */
    int64_t queue_max_bytes; /* librdkafka's queue, part of the memory budget; 0 = 32 MiB */
};

SILT_RC silt_consumer_new(const struct silt_consumer_opts *opts,
                          struct silt_consumer **ret_consumer, struct silt_err *err);
/* Leaves the group (when there is one) and frees; gives up after timeout_ms, @return false then: it
 * is still being closed by a thread of its own and the process should end. Views and parts are dead
 * afterwards. NULL is fine. */
bool silt_consumer_close(struct silt_consumer *consumer, int64_t timeout_ms);
void silt_consumer_wake(
    struct silt_consumer *consumer); /* any thread: makes a waiting poll return */

/* A partition this consumer knows, from ASSIGN until it was revoked. `lane` is the owner's. */
struct silt_cpart {
    char topic[SILT_TOPIC_MAX];
    int32_t partition;
    void *lane;
    uint32_t epoch; /* bumped by assign_at, assign_manual and seek, whether they succeed or not */
};

enum silt_polled_kind {
    SILT_POLL_NOTHING,
    SILT_POLL_RECORDS, /* iterate with silt_consumer_next */
    SILT_POLL_ASSIGN,  /* parts[] are new: recover, then silt_consumer_assign_at each, then
                          assign_done */
    SILT_POLL_REVOKE,  /* parts[]: finish, then silt_consumer_revoke_done; lost: others may own them
                          already */
    SILT_POLL_PART_ERROR, /* part, err, offset: an error event of one partition: a hole, never
                             progress. err.code CORRUPT: damage at `offset`; any other: transient,
                             seek again after a while */
    SILT_POLL_PART_EOF,   /* part, offset: there is nothing before `offset` that was not delivered:
                             what is missing up to there are control or aborted records */
    SILT_POLL_ERROR,      /* err: something for the log; the client goes on by itself */
    SILT_POLL_FATAL,      /* err: the handle is dead: exit and restart */
};

struct silt_polled {
    enum silt_polled_kind kind;
    struct silt_cpart **parts;
    unsigned parts_n;
    bool lost;
    struct silt_cpart *part;
    uint32_t epoch;    /* PART_ERROR, PART_EOF: the part's epoch when it was fetched */
    int64_t offset;    /* PART_ERROR (-1: unknown), PART_EOF */
    bool truncated;    /* PART_ERROR: the log was truncated below the fetch position, and `offset`
                          (-1: unknown) is where it parted from what was fetched */
    bool held_back;    /* PART_ERROR: perhaps no damage: there was no room to unpack a batch; what
                          follows it    may come before it is read again */
    bool out_of_range; /* PART_ERROR: the offset is not in the log: retention or a lie */
    struct silt_err err;
};

/* Waits at most timeout_ms for something to happen, then takes what is there. Valid until the next
 * poll. RECORDS: silt_consumer_next must be called until it returns false before it. */
void silt_consumer_poll(struct silt_consumer *consumer, int64_t timeout_ms,
                        struct silt_polled *ret_polled);
/* The next record of the batch. @return false at its end. The views are valid until the next call:
 * copy at once. ret_epoch: the part's epoch when it was fetched. Headers are parsed here. Records
 * of partitions that are not known any more are skipped. */
bool silt_consumer_next(struct silt_consumer *consumer, struct silt_cpart **ret_part,
                        struct silt_record *ret_rec, uint32_t *ret_epoch);

/* Rebalance, in our own time after ASSIGN: where each new part starts (leader_epoch -1: unknown).
 * offset -1: not known yet, assigned paused, to be started by silt_consumer_seek later. assign_done
 * tells the group. */
void silt_consumer_assign_at(struct silt_consumer *consumer, struct silt_cpart *part,
                             int64_t offset, int32_t leader_epoch);
SILT_RC silt_consumer_assign_done(struct silt_consumer *consumer, struct silt_err *err);
/* After REVOKE: forgets the parts (their pointers are dead afterwards). */
SILT_RC silt_consumer_revoke_done(struct silt_consumer *consumer, struct silt_err *err);
/* Without a group: the parts to read. */
SILT_RC silt_consumer_assign_manual(struct silt_consumer *consumer, const char *topic,
                                    int32_t partition, int64_t offset, struct silt_cpart **ret_part,
                                    struct silt_err *err);

/* Moves the fetch position; nothing fetched before arrives with the new epoch. Also resumes a part
 * assigned paused. Waits for librdkafka, at most 5 s. On failure (code RETRY or HOLD, e.g. the part
 * is not started yet) nothing arrives with the new epoch either: seek again later. */
SILT_RC silt_consumer_seek(struct silt_consumer *consumer, struct silt_cpart *part, int64_t offset,
                           int32_t leader_epoch, struct silt_err *err);
void silt_consumer_pause(struct silt_consumer *consumer, struct silt_cpart *part, bool pause);
/* Commits the hint: offset and metadata. Asynchronous; failures are only counted. Without a group
 * nothing. */
void silt_consumer_commit(struct silt_consumer *consumer, struct silt_cpart *part, int64_t offset,
                          int32_t leader_epoch, const char *metadata);
/* The committed metadata of a part is asked with watermarks below. */

/* Asynchronous questions; answers come through silt_consumer_answer(). */
enum silt_ask_kind { SILT_ASK_TOPIC, SILT_ASK_OFFSETS, SILT_ASK_COMMITTED };
struct silt_answer {
    enum silt_ask_kind kind;
    bool ok;
    struct silt_err err;
    int64_t asked_ms; /* monotonic: the answer is not older */
    char topic[SILT_TOPIC_MAX];
    /* TOPIC; NOT_FOUND: it does not exist */
    char cluster[SILT_CLUSTER_MAX];
    char topic_id[SILT_TOPIC_ID_LEN]; /* "" when the broker has none */
    int32_t partitions_n;
    /* OFFSETS and COMMITTED: one partition */
    int32_t partition;
    int64_t log_start;
    int64_t end;            /* last stable offset (read_committed) */
    int64_t high_watermark; /* -1 unknown */
    int32_t end_epoch;      /* -1 unknown */
    int64_t committed;      /* -1 none */
    char metadata[128];
};
void silt_consumer_ask_topic(struct silt_consumer *consumer, const char *topic);
void silt_consumer_ask_offsets(struct silt_consumer *consumer, const char *const *topics,
                               const int32_t *partitions, unsigned n);
void silt_consumer_ask_committed(struct silt_consumer *consumer, const char *const *topics,
                                 const int32_t *partitions, unsigned n);
/* @return false when no answer is waiting. poll returns early when one arrives: take all then. A
 * failed answer names its topic (and partition) too. */
bool silt_consumer_answer(struct silt_consumer *consumer, struct silt_answer *ret_answer);

/* Topics of the options' patterns or list that exist now, and their partition counts: blocking, for
 * commands. Sorted by name; the caller frees the array (silt_free). */
struct silt_topic_info {
    char topic[SILT_TOPIC_MAX];
    char topic_id[SILT_TOPIC_ID_LEN];
    int32_t partitions_n;
};
SILT_RC silt_consumer_list_topics(struct silt_consumer *consumer, int64_t timeout_ms,
                                  struct silt_topic_info **ret_topics, unsigned *ret_topics_n,
                                  char ret_cluster[SILT_CLUSTER_MAX], struct silt_err *err);

/* The first offset of each partition whose record is not older, -1 when there is none: blocking,
 * for commands. All partitions are of one topic. */
SILT_RC silt_consumer_offsets_at(struct silt_consumer *consumer, const char *topic,
                                 const int32_t *partitions, unsigned n, int64_t time_ms,
                                 int64_t timeout_ms, int64_t *ret_offsets, struct silt_err *err);

struct silt_consumer_stats {
    uint64_t messages;
    uint64_t bytes;
    uint64_t rebalances;
    uint64_t commits_failed;
    int64_t queue_bytes; /* waiting in librdkafka: messages times their recent mean size */
    int64_t
        unpacked_bytes; /* of the whole process: compressed batches unpacked, not consumed yet */
    uint64_t batches_held_back;
    uint64_t batches_too_large;
};
void silt_consumer_stats(struct silt_consumer *consumer, struct silt_consumer_stats *ret);
const char *silt_consumer_version(void);
const char *
silt_consumer_features(void); /* "ssl,sasl_scram,zstd…", of the client as it was built */

#endif
