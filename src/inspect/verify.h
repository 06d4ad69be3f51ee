/* Proves an archive, or names what is wrong with it (docs/formats.md, "Readers").
 *
 *   LIST   manifests: numbers without gaps, links, books; every listed object is in the listing of
 *          data/, and nothing else is
 *   HEAD   and each object has the size, the token and (where the store keeps one) the checksum
 *   DEEP   and each object is read: checksums of parts and whole, strict container, every row with
 *          its schema; offsets, counts, holes; the digest of each slot
 *
 * Blocking, one thread. Memory: one entry for each object below data/, and for DEEP 64 MiB of
 * chunks and the blocks of one slot's files. The newest slot of a log may still be completed: that
 * is pending, not a fault. Safe beside live writers.
 */
#ifndef SILT_INSPECT_VERIFY_H
#define SILT_INSPECT_VERIFY_H

#include "inspect/archive.h"

enum silt_fault_kind {
#define SILT_FAULT(code, name, way_out) SILT_FAULT_##code,
#include "inspect/faults.def"
#undef SILT_FAULT
    SILT_FAULTS_N
};
const char *silt_fault_name(enum silt_fault_kind kind);
const char *silt_fault_way_out(enum silt_fault_kind kind);

struct silt_fault { /* valid during the call */
    enum silt_fault_kind kind;
    const char *key;   /* the object */
    const char *topic; /* "": not known */
    int32_t partition;
    int64_t seq;   /* -1: of no slot */
    int64_t first; /* offsets that are concerned, closed; -1: not known */
    int64_t last;
    const char *text;
};

struct silt_verify_totals {
    uint64_t partitions;
    uint64_t slots;
    uint64_t files;
    uint64_t records; /* tombstones included, rejected ones not */
    uint64_t rejected;
    uint64_t bytes;
    uint64_t pending; /* files that are still being completed */
    uint64_t faults;
};

enum silt_verify_level { SILT_VERIFY_LIST, SILT_VERIFY_HEAD, SILT_VERIFY_DEEP };

struct silt_verify_opts {
    struct silt_store *store;
    enum silt_verify_level level;
    struct silt_archive_filter filter;
    void (*on_fault)(void *ctx, const struct silt_fault *fault);
    void (*on_pending)(void *ctx, const struct silt_fault *fault);           /* kind is ABSENT */
    void (*on_progress)(void *ctx, const struct silt_verify_totals *totals); /* may be NULL */
    void *ctx;
};

/* Fails when the archive cannot be read; what is wrong with it comes through on_fault. */
SILT_RC silt_verify(const struct silt_verify_opts *opts, struct silt_verify_totals *ret_totals,
                    struct silt_err *err);

#endif
