/* Where the files of a slot really are: the listed object, or the repair that takes its place
 * (protocol section 5). Blocking.
 */
#ifndef SILT_INSPECT_FILES_H
#define SILT_INSPECT_FILES_H

#include "inspect/slots.h"

enum silt_found_state {
    SILT_FOUND_ABSENT, /* neither the object nor a repair of it */
    SILT_FOUND_PRESENT,
    SILT_FOUND_LOST, /* a repair says that Kafka had the records no more */
};

struct silt_found {
    enum silt_found_state state;
    const struct silt_manifest_file *file; /* what should be there: the manifest's, or a repair's */
    bool deleted;                          /* absent with a delete marker: somebody's will */
    /* what HEAD says of it, when present */
    int64_t size;
    char token[80];
    bool has_crc32c;
    uint32_t crc32c;
};

/* Asks for all files of these slots and fills slot->found. Fails when the store cannot be read. */
SILT_RC silt_files_find(struct silt_store *store, struct silt_slot_seen *const *slots,
                        unsigned slots_n, struct silt_err *err);
/* Can the absent file still appear: is its upload, or that of a repair, still open? Also true when
 * the store does not tell (a reader may lack the right). */
bool silt_files_is_staged(struct silt_store *store, const struct silt_slot_seen *slot,
                          unsigned index);
bool silt_files_complete(const struct silt_slot_seen *slot); /* all are present; after find */

#endif
