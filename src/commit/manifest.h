/* The manifest of a slot (protocol section 2): what a committed window holds, as data and as
 * canonical JSON.
 *
 * Canonical: sorted keys, no white space, one line without a newline; the SHA-256 of exactly these
 * bytes is the next slot's `prev`. Parsing is strict: a member of the wrong type, an unknown
 * version or kind, or arithmetic that does not hold is an error. Pure; a manifest owns its arrays.
 * At most 1 MiB.
 */
#ifndef SILT_COMMIT_MANIFEST_H
#define SILT_COMMIT_MANIFEST_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "record/key.h"
#include "record/topic.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

#define SILT_MANIFEST_VERSION 1
#define SILT_MANIFEST_MAX ((size_t)1 << 20)
#define SILT_UUID_LEN 33
#define SILT_NO_PREV "0000000000000000000000000000000000000000000000000000000000000000"

enum silt_slot_kind {
    SILT_SLOT_DATA,
    SILT_SLOT_GAP,     /* offsets lost upstream (retention) */
    SILT_SLOT_SKIP,    /* an operator's decision */
    SILT_SLOT_LINEAGE, /* the log was truncated: `next` goes back to where it diverged */
};
const char *silt_slot_kind_name(enum silt_slot_kind kind);

struct silt_offsets { /* closed range */
    int64_t first;
    int64_t last;
};

struct silt_manifest_file {
    char key[SILT_KEY_MAX];
    enum silt_role role;
    char *upload_id; /* owned */
    char token[33];
    int64_t size;
    uint32_t crc32c;   /* of the whole object */
    char codec[16];    /* "zstd" … */
    int32_t schema_id; /* -1: none */
    int64_t records;
    int64_t first; /* offsets, closed */
    int64_t last;
    struct silt_store_part *parts; /* owned */
    unsigned parts_n;
};

struct silt_manifest {
    enum silt_slot_kind kind;
    char archive[SILT_UUID_LEN];
    struct silt_tp tp;
    int64_t seq;
    char prev[SILT_SHA256_HEX];
    int64_t start;
    int64_t next;
    int64_t lineage;    /* how often the log was truncated before this slot */
    int64_t records;    /* archived, tombstones included */
    int64_t tombstones; /* part of records */
    int64_t rejected;
    struct silt_offsets *holes; /* owned */
    unsigned holes_n;
    struct silt_offsets *unreadable; /* owned */
    unsigned unreadable_n;
    char digest[33];
    int32_t leader_epoch[2]; /* first and last; -1 unknown */
    int64_t ts[2];           /* lowest and highest record time, ms; 0 0 without records */
    struct {
        char time[8]; /* "kafka" or "field" */
        char unit[8]; /* "hour", "day" or "none" */
        unsigned max_files;
    } cut;
    char uuid[SILT_UUID_LEN]; /* drawn at SEAL */
    char writer_pod[64];
    char writer_boot[SILT_UUID_LEN];
    char writer_version[24];
    char created[25];
    struct silt_manifest_file *files; /* owned */
    unsigned files_n;
};

void silt_manifest_done(struct silt_manifest *manifest); /* NULL and zeroed are fine */

/* Appends the canonical bytes. Fails with LIMIT beyond 1 MiB. */
SILT_RC silt_manifest_write(const struct silt_manifest *manifest, struct silt_buf *out,
                            struct silt_err *err);
/* UNSUPPORTED: made by a newer silt (R9). CORRUPT: anything else that is not a manifest of ours. */
SILT_RC silt_manifest_parse(struct silt_slice bytes, struct silt_manifest *ret_manifest,
                            struct silt_err *err);

/* The books: records + rejected + holes + unreadable = next − start, files agree, ranges are
 * ordered and inside. */
SILT_RC silt_manifest_check(const struct silt_manifest *manifest, struct silt_err *err);
/* `manifest` follows the slot before it: same partition, seq + 1, prev = its hash, start = its
 * next. before NULL: manifest must be slot 0. */
SILT_RC silt_manifest_check_link(const struct silt_manifest *manifest,
                                 const struct silt_manifest *before,
                                 const char before_sha256[SILT_SHA256_HEX], struct silt_err *err);
int64_t silt_offsets_sum(const struct silt_offsets *ranges, unsigned n);
bool silt_offsets_have(const struct silt_offsets *ranges, unsigned n, int64_t offset);
/* Do the parts that the store has hold what the file's do? Their ETags may differ: a part that was
 * stored twice. */
bool silt_manifest_same_parts(const struct silt_manifest_file *file,
                              const struct silt_store_part *have, unsigned have_n);

/* A repair record of file `file` of slot `seq` (protocol section 5): the file that takes its place,
 * or `lost`. */
struct silt_repair {
    int64_t seq;
    unsigned file;
    unsigned k;
    bool lost;
    struct silt_manifest_file with; /* owned; empty when lost */
};
void silt_repair_done(struct silt_repair *repair);
SILT_RC silt_repair_write(const struct silt_repair *repair, const struct silt_tp *tp,
                          struct silt_buf *out, struct silt_err *err);
SILT_RC silt_repair_parse(struct silt_slice bytes, struct silt_repair *ret_repair,
                          struct silt_err *err);

#endif
