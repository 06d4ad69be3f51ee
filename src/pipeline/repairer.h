/* Re-makes a committed file whose staged upload is gone, from Kafka (protocol section 5, "Repair").
 *
 * Runs on a thread of its own with its own consumer, because it reads a whole window again. It
 * replays the window's cut rules, checks the digest of the whole window and the file's count
 * against the manifest, stages the file under a new key and writes the repair record by
 * put-if-absent: of two repairers one wins. When Kafka was found twice to have lost the records the
 * record says `lost`.
 * The lane is told on the consume thread once a record exists; a repair that cannot be made now is
 * tried again until it can or the asker goes away.
 */
#ifndef SILT_PIPELINE_REPAIRER_H
#define SILT_PIPELINE_REPAIRER_H

#include "commit/manifest.h"
#include "pipeline/context_int.h"

typedef void silt_repaired_fn(void *ctx, unsigned file);

void silt_repairer_ask(struct silt_context *context, const struct silt_manifest *slot,
                       unsigned file, unsigned k, silt_repaired_fn *done, void *ctx);
/* The asker goes away: no answer any more. */
void silt_repairer_forget(struct silt_context *context, const void *ctx);
void silt_repairer_poll(struct silt_context *context); /* the loop: tells what is done */
void silt_repairer_stop(struct silt_context *context); /* ends the thread, at the next chance */
void silt_repairer_done(struct silt_context *context); /* frees; after the thread has ended */

#endif
