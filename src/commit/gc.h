/* Which orphan uploads may be aborted (protocol section 9, R5). Pure.
 *
 * The key of an upload names the object that decides about it: `<seq>.json`, or
 * `<seq>.f<i>.r<k>.json` for a repair. An upload is dead exactly when that object exists and does
 * not list it. No clock: live writers hold undecided slots.
 */
#ifndef SILT_COMMIT_GC_H
#define SILT_COMMIT_GC_H

#include "commit/manifest.h"

enum silt_gc_verdict { SILT_GC_KEEP, SILT_GC_ABORT };

/* decided: the deciding object was read (outcome OK and parsed); else the upload is kept. */
enum silt_gc_verdict silt_gc_decide_slot(const struct silt_manifest *decided,
                                         const char *upload_id);
enum silt_gc_verdict silt_gc_decide_repair(const struct silt_repair *decided,
                                           const char *upload_id);

#endif
