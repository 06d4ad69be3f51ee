/* Rule R8 as a pure tracker: which messages of a partition count, and what is missing between them.
 *
 *   offset <  expected  → drop (delivered again), count
 *   offset == expected  → accept
 *   offset >  expected  → the range between is a hole; accept after it is booked
 *   old epoch           → drop: fetched before the last assign or seek
 *   error event         → never progress: seek back, and after `retries` the range becomes
 * unreadable; good batches may follow a damaged one at once, so nothing counts before the seek
 *
 * A zeroed position is not started. Its epoch and that of struct silt_cpart go together: call
 * silt_position_start exactly where silt_consumer_assign_at or silt_consumer_seek is called, with
 * the same offset. No ownership, no thread: plain values.
 */
#ifndef SILT_CONSUME_POSITION_H
#define SILT_CONSUME_POSITION_H

#include <stdbool.h>
#include <stdint.h>

struct silt_position {
    int64_t expected; /* next offset wanted; -1 while unknown */
    uint32_t epoch;   /* application's assign epoch, bumped at every assign and seek */
    unsigned errors;  /* consecutive error events at `expected` */
    bool seeking;     /* after such an event: nothing counts until the next start */
    bool suspect; /* an error was seen and retries are used up: what lies before the next message is
                     unreadable */
    int64_t skipped;  /* offsets tried behind `expected` since it became suspect */
    uint64_t dropped; /* messages delivered again or from an old epoch */
};

enum silt_verdict_kind { SILT_POS_ACCEPT, SILT_POS_DROP, SILT_POS_HOLE, SILT_POS_UNREADABLE };
struct silt_position_verdict {
    enum silt_verdict_kind kind;
    int64_t first; /* HOLE, UNREADABLE: closed range before the message, which is then accepted */
    int64_t last;
};

/* Assign or seek: bumps the epoch. -1: nothing counts until the next start. Starting again at
 * `expected` keeps the count of errors there; when an offset behind the damage was to be looked at,
 * that look was interrupted, and the same offset is the next one again. */
void silt_position_start(struct silt_position *pos, int64_t offset);
struct silt_position_verdict silt_position_message(struct silt_position *pos, uint32_t epoch,
                                                   int64_t offset);
/* Moves past an offset range without a message (the end of the partition was reached behind holes).
 * HOLE or UNREADABLE: book the range, no message follows; DROP: nothing new. */
struct silt_position_verdict silt_position_end(struct silt_position *pos, uint32_t epoch,
                                               int64_t end);
enum silt_error_verdict { SILT_POS_IGNORE, SILT_POS_SEEK, SILT_POS_GIVE_UP, SILT_POS_SKIP };
/* A per-partition error event that tells of damage. SEEK: seek to `expected` and try again.
 * GIVE_UP: retries are used up: halt, or go on, by policy; to go on, do nothing: when good batches
 * came behind the damaged one, they follow, and what is missing before them is UNREADABLE. SKIP:
 * the same damage again, because nothing else came with it: librdkafka would fetch it for ever.
 * Seek to silt_position_skip(). IGNORE: of an old epoch. */
enum silt_error_verdict silt_position_error(struct silt_position *pos, uint32_t epoch,
                                            unsigned retries);
/* A batch could not be had although it is not damaged: what follows is dropped until the owner
 * seeks to `expected`. No try is counted. @return false: of an old epoch. */
bool silt_position_hold(struct silt_position *pos, uint32_t epoch);
/* Bumps the epoch. @return the next offset to try behind the damage, one further at each call,
 * since its end is not known; `expected` stays, so the range becomes UNREADABLE with the next
 * message. */
int64_t silt_position_skip(struct silt_position *pos);

#endif
