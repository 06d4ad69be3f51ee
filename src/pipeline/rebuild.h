/* Makes one file of a committed slot again from Kafka and writes the repair record. Blocking; a
 * thread of its own.
 *
 * The window is read with a consumer without a group, its records are placed by the slot's own cut
 * rules, and only the wanted file is written. Nothing is recorded unless the digest of the whole
 * window and the count of the file are those of the manifest, or Kafka has lost records of the
 * window and was found twice to have lost the same: what is recorded as lost stays so, and brokers
 * err for a moment.
 */
#ifndef SILT_PIPELINE_REBUILD_H
#define SILT_PIPELINE_REBUILD_H

#include "commit/manifest.h"
#include "pipeline/worker.h"

enum silt_loss_kind {
    SILT_LOSS_NONE,
    SILT_LOSS_GONE,      /* the offsets are no longer in the log */
    SILT_LOSS_CUT,       /* the log ends before them */
    SILT_LOSS_REPLACED,  /* others, of a later leader, stand there */
    SILT_LOSS_COMPACTED, /* some are missing, and none is damaged */
};

struct silt_loss {
    enum silt_loss_kind kind;
    int64_t found; /* records of the window that Kafka has */
};

struct silt_rebuild_opts {
    const struct silt_worker_opts *worker; /* store, consumer, decoder, codec */
    struct silt_manifest slot;
    unsigned file;
    unsigned k;
    struct silt_loss suspected; /* what an attempt before, with another client, found */
};

/* OK: a repair record k exists now, ours or somebody else's, possibly saying that the records are
 * lost. ret_loss: of kind NONE, or, after a failure too, what Kafka seems to have lost. */
SILT_RC silt_rebuild(const struct silt_rebuild_opts *opts, struct silt_loss *ret_loss,
                     struct silt_err *err);

#endif
