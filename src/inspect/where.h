/* What the archive says of one offset. Blocking.
 *
 * In a log that was truncated an offset may be in several slots: the newest one tells what Kafka's
 * log has there now.
 */
#ifndef SILT_INSPECT_WHERE_H
#define SILT_INSPECT_WHERE_H

#include "inspect/slots.h"

enum silt_where_kind {
    SILT_WHERE_ROW,        /* in an object, as a row: data, tombstone or reject */
    SILT_WHERE_UPLOADING,  /* committed; the object is still being completed */
    SILT_WHERE_LOST,       /* committed; the object is gone, and Kafka had the record no more */
    SILT_WHERE_MISSING,    /* committed; the object is gone */
    SILT_WHERE_HOLE,       /* Kafka had no record there: a marker, aborted, or compacted */
    SILT_WHERE_UNREADABLE, /* Kafka could not read it */
    SILT_WHERE_GAP,        /* deleted from Kafka before it was archived */
    SILT_WHERE_SKIPPED,    /* by an operator */
    SILT_WHERE_BEFORE,     /* the archive begins behind it */
    SILT_WHERE_BEHIND,     /* no slot has got so far */
};

struct silt_where {
    enum silt_where_kind kind;
    int64_t seq;        /* -1: no slot */
    int64_t start;      /* of the slot; BEFORE: of the archive */
    int64_t next;       /* of the slot; BEFORE, BEHIND: of the archive, -1: it has nothing */
    unsigned truncated; /* older slots that hold records of this offset which Kafka lost */
    /* the object that holds it, or, of those that are not there, the first that may; "" without */
    char object[SILT_KEY_MAX];
    /* ROW */
    enum silt_role role;
    uint64_t block;  /* of the object, from 0 */
    int64_t row;     /* of the block, from 0 */
    char reason[64]; /* of a reject */
    char detail[200];
};

/* CORRUPT: the log or an object on the way is damaged; silt verify says more. */
SILT_RC silt_where(struct silt_store *store, const struct silt_log_ref *log, int64_t offset,
                   struct silt_where *ret_where, struct silt_err *err);

#endif
