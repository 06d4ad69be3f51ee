/* One run of silt_verify. */
#ifndef SILT_INSPECT_VERIFY_INT_H
#define SILT_INSPECT_VERIFY_INT_H

#include "base/map.h"
#include "inspect/files.h"
#include "inspect/verify.h"

struct silt_verifier {
    const struct silt_verify_opts *opts;
    struct silt_verify_totals totals;
    struct silt_map *keys; /* of data/ -> what LIST says; what no manifest lists is left */
};

/* What a fault is about: a slot, and a file of it or NULL. */
void silt_verify_say(struct silt_verifier *v, enum silt_fault_kind kind,
                     const struct silt_slot_seen *slot, const struct silt_manifest_file *file,
                     const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void silt_verify_say_key(struct silt_verifier *v, enum silt_fault_kind kind, const char *key,
                         const char *text);

/* The listing of data/. */
SILT_RC silt_verify_list(struct silt_verifier *v, struct silt_err *err);
/* @return the listed size (-1 unknown), or -2: not listed. Takes the key out. */
int64_t silt_verify_take_key(struct silt_verifier *v, const char *key);
void silt_verify_foreign(struct silt_verifier *v); /* what nobody took */
void silt_verify_keys_done(struct silt_verifier *v);

/* Reads the files of a slot; those that cannot be right by HEAD are left out. */
SILT_RC silt_verify_deep(struct silt_verifier *v, const struct silt_slot_seen *slot,
                         struct silt_err *err);
#endif
