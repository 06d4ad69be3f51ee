/* The rows of a slot's files in offset order, as Kafka had them. Blocking, one thread.
 *
 * A damaged file is said once and left out from then on. Rows are valid until the next call.
 */
#ifndef SILT_INSPECT_MERGE_H
#define SILT_INSPECT_MERGE_H

#include "inspect/object.h"

struct silt_merge;

/* The files must live longer. Chunks get smaller when there are many. */
struct silt_merge *silt_merge_open(struct silt_store *store,
                                   const struct silt_manifest_file *const *files, unsigned files_n);
void silt_merge_close(struct silt_merge *merge); /* NULL is fine */

/* ROW and DAMAGED: ret_index is the file's. */
enum silt_object_status silt_merge_next(struct silt_merge *merge,
                                        const struct silt_object_row **ret_row, unsigned *ret_index,
                                        struct silt_err *err);
struct silt_object *silt_merge_object(const struct silt_merge *merge, unsigned index);

#endif
