/* Makes one file of a committed slot again from Kafka and writes the repair record. Blocking; a
 * thread of its own.
 *
 * The window is read with a consumer without a group, its records are placed by the slot's own cut
 * rules, and only the wanted file is written. Nothing is recorded unless the digest of the whole
 * window and the count of the file are those of the manifest.
 */
#ifndef SILT_PIPELINE_REBUILD_H
#define SILT_PIPELINE_REBUILD_H

#include "commit/manifest.h"
#include "pipeline/worker.h"

struct silt_rebuild_opts {
    const struct silt_worker_opts *worker; /* store, consumer, decoder, codec */
    struct silt_manifest slot;
    unsigned file;
    unsigned k;
};

/* OK: a repair record k exists now, ours or somebody else's, possibly saying that the records are
 * lost. */
SILT_RC silt_rebuild(const struct silt_rebuild_opts *opts, struct silt_err *err);

#endif
