/* What is tried at a store before anything is archived into it, and the archive's own name.
 *
 * The commit protocol rests on assumptions about the store (protocol section 1: A1, A2, A6, A7 and
 * the lifecycle rules). Each is tried with requests of the store's own kind; a store that fails one
 * is refused with what it did, why that is unsafe and the way out. Probe objects stay below
 * `_probe/`: silt never deletes. Both calls wait; they belong to start-up and to commands.
 */
#ifndef SILT_COMMIT_PROBE_H
#define SILT_COMMIT_PROBE_H

#include "base/err.h"
#include "commit/manifest.h"
#include "store/store.h"

#include <stdint.h>

struct silt_probe_opts {
    int64_t max_upload_age_ms; /* a lifecycle rule may abort uploads after 4 times this at most */
};

#define SILT_PROBE_KEY_MAX 48

/* All of the following, in this order. UNSUPPORTED: the store breaks an assumption. CONFIG: a
 * lifecycle rule or a clock does. DENIED: a permission is missing. Else the store could not be
 * asked. */
SILT_RC silt_probe_store(struct silt_store *store, const struct silt_probe_opts *opts,
                         struct silt_err *err);

/* One assumption each, for `silt doctor`. */
/* A7: an absent key is 404, not 403; A6: the store's clock is near ours. */
SILT_RC silt_probe_absent(struct silt_store *store, struct silt_err *err);
/* Judges the answer to a LIFECYCLE request; a store that does not tell has no rules. */
SILT_RC silt_probe_lifecycle(const struct silt_store_req *req, const struct silt_probe_opts *opts,
                             struct silt_err *err);
/* A1: the second PUT to one key is refused. ret_key: where the first one went, "" when it was not
 * written. */
SILT_RC silt_probe_second_put(struct silt_store *store, char ret_key[SILT_PROBE_KEY_MAX],
                              struct silt_err *err);
/* A1, A2: of many PUTs at once one is accepted, and a GET finds it. */
SILT_RC silt_probe_races(struct silt_store *store, struct silt_err *err);

/* Names the archive at its first use, reads its name ever after (`_format.json`). UNSUPPORTED: the
 * root holds an archive of another format. */
SILT_RC silt_archive_open(struct silt_store *store, char ret_archive_id[SILT_UUID_LEN],
                          struct silt_err *err);

#endif
