/* Slots for tests: small, whole, and balanced. */
#ifndef SILT_TEST_SAMPLE_MANIFEST_H
#define SILT_TEST_SAMPLE_MANIFEST_H

#include "commit/manifest.h"
#include "memory_store.h"

#define SILT_SAMPLE_RECORDS 10

struct silt_tp silt_sample_tp(void);
/* A data slot of files_n files with SILT_SAMPLE_RECORDS records each, offsets from start on.
 * `nonce` (one hex digit) tells the attempts of one slot apart. Without parts until it is staged.
 */
struct silt_manifest silt_sample_slot(const struct silt_tp *tp, char nonce, int64_t seq,
                                      int64_t start, unsigned files_n);
/* A file as such a slot holds it; repair_k 0: of the slot itself. */
struct silt_manifest_file silt_sample_file(const struct silt_tp *tp, char nonce, int64_t seq,
                                           unsigned file, unsigned repair_k);
/* Opens the file's upload with two parts, which the file names then. */
void silt_sample_stage(struct silt_memory_store *mem, struct silt_manifest_file *file);
void silt_sample_stage_all(struct silt_memory_store *mem, struct silt_manifest *manifest);

#endif
