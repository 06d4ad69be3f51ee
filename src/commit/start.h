/* Where a partition goes on after its tail was read and the broker told its bounds (protocol
 * sections 6, 7). Pure. */
#ifndef SILT_COMMIT_START_H
#define SILT_COMMIT_START_H

#include <stdbool.h>
#include <stdint.h>

enum silt_start_kind {
    SILT_START_AT,      /* fetch from `offset` */
    SILT_START_GAP,     /* first commit a gap slot [from, offset), then fetch from `offset` */
    SILT_START_LINEAGE, /* first commit a lineage slot from `from` back to `offset`, then fetch from
                           there */
};
struct silt_start {
    enum silt_start_kind kind;
    int64_t from;
    int64_t offset;
};

enum silt_genesis { SILT_GENESIS_EARLIEST, SILT_GENESIS_LATEST };

/* tail_next: -1 without a slot. [log_start, end): what the broker has (end = last stable offset).
 * diverged_at: where the log was truncated below the tail, -1 when not known to be. */
struct silt_start silt_start_decide(int64_t tail_next, int64_t log_start, int64_t end,
                                    int64_t diverged_at, enum silt_genesis genesis);

#endif
