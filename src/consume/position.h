/* Rule R8 as a pure tracker: which messages of a partition count, and what is missing between them.
 *
 *   offset <  expected  → drop (delivered again), count
 *   offset == expected  → accept
 *   offset >  expected  → the range between is a hole; accept after it is booked
 *   old epoch           → drop: fetched before the last assign or seek
 *   error event         → never progress: seek back, and after `retries` the range becomes
 * unreadable
 */
#ifndef SILT_CONSUME_POSITION_H
#define SILT_CONSUME_POSITION_H

#include <stdbool.h>
#include <stdint.h>

struct silt_position {
    int64_t expected; /* next offset wanted; -1 while unknown */
    uint32_t epoch;   /* application's assign epoch, bumped at every assign and seek */
    unsigned errors;  /* consecutive error events at `expected` */
    bool suspect; /* an error was seen and retries are used up: what lies before the next message is
                     unreadable */
    uint64_t dropped; /* messages delivered again or from an old epoch */
};

enum silt_verdict_kind { SILT_POS_ACCEPT, SILT_POS_DROP, SILT_POS_HOLE, SILT_POS_UNREADABLE };
struct silt_position_verdict {
    enum silt_verdict_kind kind;
    int64_t first; /* HOLE, UNREADABLE: closed range before the message, which is then accepted */
    int64_t last;
};

void silt_position_start(struct silt_position *pos,
                         int64_t offset); /* assign or seek: bumps the epoch */
struct silt_position_verdict silt_position_message(struct silt_position *pos, uint32_t epoch,
                                                   int64_t offset);
/* Moves past an offset range without a message (the end of the partition was reached behind holes).
 */
struct silt_position_verdict silt_position_end(struct silt_position *pos, uint32_t epoch,
                                               int64_t end);
enum silt_error_verdict { SILT_POS_IGNORE, SILT_POS_SEEK, SILT_POS_GIVE_UP };
/* A per-partition error event. SEEK: seek to `expected` and try again. GIVE_UP: retries are used
 * up; the caller seeks past the damage or halts, by policy. */
enum silt_error_verdict silt_position_error(struct silt_position *pos, uint32_t epoch,
                                            unsigned retries);

#endif
