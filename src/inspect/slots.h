/* The slots of one log in order, as reader M sees them (protocol section 8): each manifest is
 * parsed, its books and its link to the slot before it are checked.
 *
 * Blocking, one thread. Manifests are fetched a few ahead. A slot that is wrong is handed out all
 * the same, with what is wrong: who only wants to read stops there.
 *
 *   open → (next → … → slot_free)* → close
 *
 * silt_slots_seek finds where to open a long log for the sake of one offset.
 */
#ifndef SILT_INSPECT_SLOTS_H
#define SILT_INSPECT_SLOTS_H

#include "commit/manifest.h"
#include "inspect/archive.h"

struct silt_found;

struct silt_slot_seen {
    char key[SILT_KEY_MAX];
    int64_t seq;
    int64_t missing; /* slots that should stand between the one before and this one */
    bool is_newest;
    bool is_parsed;
    struct silt_manifest manifest; /* when parsed */
    struct silt_err bad;           /* code NONE: the manifest and its link are good */
    bool bad_link;                 /* it is the link */
    struct silt_repair *repairs;   /* owned; by file and k */
    unsigned repairs_n;
    struct silt_found *found; /* owned; by file, once silt_files_find looked */
};
void silt_slot_free(struct silt_slot_seen *slot); /* NULL is fine */
/* For who only wants to read: CORRUPT when the slot is wrong, or slots before it are missing. */
SILT_RC silt_slot_check(const struct silt_slot_seen *slot, struct silt_err *err);

struct silt_slots;
struct silt_slots *silt_slots_open(struct silt_store *store, const struct silt_log_ref *log);
/* From slot `seq` on; its link to the one before is not looked at. */
struct silt_slots *silt_slots_open_at(struct silt_store *store, const struct silt_log_ref *log,
                                      int64_t seq);
/* ret_slot: the caller's to free; NULL at the end. Fails when the store cannot be read. */
SILT_RC silt_slots_next(struct silt_slots *slots, struct silt_slot_seen **ret_slot,
                        struct silt_err *err);
/* What stands in the log and belongs to no slot, with the reason; complete at the end. */
struct silt_stray {
    char *key;
    char why[120];
};
const struct silt_stray *silt_slots_strays(const struct silt_slots *slots, unsigned *ret_n);
void silt_slots_close(struct silt_slots *slots); /* NULL is fine */

struct silt_seek {
    int64_t seq;    /* the first slot that ends behind the offset, or the one behind the newest */
    int64_t end;    /* next of the newest slot; -1: the log is empty */
    bool truncated; /* the log went back once: then seq is 0, and any slot may hold the offset */
};
/* Few requests, however long the log is. CORRUPT: a manifest on the way is none. */
SILT_RC silt_slots_seek(struct silt_store *store, const struct silt_log_ref *log, int64_t offset,
                        struct silt_seek *ret_seek, struct silt_err *err);

#endif
