/* A slot without records that an operator writes: archiving goes on behind it (protocol section 6).
 *
 * Blocking, any thread; safe beside running workers, by the same put-if-absent as theirs: the
 * worker that loses the slot goes on behind it.
 */
#ifndef SILT_PIPELINE_SKIP_H
#define SILT_PIPELINE_SKIP_H

#include "commit/slot.h"
#include "record/topic.h"
#include "store/store.h"

struct silt_skip_opts {
    struct silt_store *store;
    struct silt_tp tp;
    int64_t until;        /* the first offset that is archived again */
    int32_t leader_epoch; /* of what lies before it; -1: unknown */
    const char *archive_id;
    const char *name; /* of whoever writes */
    struct silt_slot_limits limits;
    int64_t timeout_ms;
};

struct silt_skipped {
    int64_t seq;
    int64_t first; /* closed */
    int64_t last;
};

/* NOT_FOUND: nothing is archived yet. INVALID: the archive is there already. CONFLICT: the newest
 * slot lacks an object, or the log is damaged. TIMEOUT: it is not known whether it was written. */
SILT_RC silt_skip_offsets(const struct silt_skip_opts *opts, struct silt_skipped *ret_skipped,
                          struct silt_err *err);

#endif
