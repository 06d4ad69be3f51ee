/* 1. LIST data/, so that whatever stands there has its manifest already
 * 2. each log, slot by slot; objects that the listing did not have yet are asked for one by one
 * 3. what no manifest claimed is foreign
 *
 * Slots are looked at in bunches, because their HEADs are asked for together.
 */
#include "inspect/verify.h"

#include "base/alloc.h"
#include "inspect/files.h"
#include "verify_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BUNCH_SLOTS 32u
#define BUNCH_FILES 64u

static const struct {
    const char *name;
    const char *way_out;
} faults[] = {
#define SILT_FAULT(code, name, way_out) {name, way_out},
#include "inspect/faults.def"
#undef SILT_FAULT
};

const char *silt_fault_name(enum silt_fault_kind kind)
{
    return faults[kind].name;
}

const char *silt_fault_way_out(enum silt_fault_kind kind)
{
    return faults[kind].way_out;
}

/* ---- saying ---- */

static void describe(struct silt_fault *fault, const struct silt_slot_seen *slot,
                     const struct silt_manifest_file *file)
{
    fault->key = file ? file->key : slot->key;
    fault->seq = slot->seq;
    if (!slot->is_parsed) return;
    fault->topic = slot->manifest.tp.topic;
    fault->partition = slot->manifest.tp.partition;
    fault->first = file ? file->first : slot->manifest.start;
    fault->last = file ? file->last : slot->manifest.next - 1;
}

static struct silt_fault nothing_known(enum silt_fault_kind kind, const char *text)
{
    return (struct silt_fault){.kind = kind,
                               .topic = "",
                               .partition = -1,
                               .seq = -1,
                               .first = -1,
                               .last = -1,
                               .text = text};
}

void silt_verify_say(struct silt_verifier *v, enum silt_fault_kind kind,
                     const struct silt_slot_seen *slot, const struct silt_manifest_file *file,
                     const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct silt_fault fault = nothing_known(kind, text);
    describe(&fault, slot, file);
    v->totals.faults++;
    v->opts->on_fault(v->opts->ctx, &fault);
}

void silt_verify_say_key(struct silt_verifier *v, enum silt_fault_kind kind, const char *key,
                         const char *text)
{
    struct silt_fault fault = nothing_known(kind, text);
    fault.key = key;
    v->totals.faults++;
    v->opts->on_fault(v->opts->ctx, &fault);
}

static void say_pending(struct silt_verifier *v, const struct silt_slot_seen *slot,
                        const struct silt_manifest_file *file)
{
    struct silt_fault fault =
        nothing_known(SILT_FAULT_ABSENT, "committed, and still being completed");
    describe(&fault, slot, file);
    v->totals.pending++;
    v->opts->on_pending(v->opts->ctx, &fault);
}

/* ---- manifests ---- */

static void check_manifest(struct silt_verifier *v, const struct silt_slot_seen *slot)
{
    if (slot->missing == 1)
        silt_verify_say(v, SILT_FAULT_SLOT_MISSING, slot, NULL,
                        "slot %" PRId64 " before it is not there", slot->seq - 1);
    if (slot->missing > 1)
        silt_verify_say(v, SILT_FAULT_SLOT_MISSING, slot, NULL,
                        "slots %" PRId64 " to %" PRId64 " before it are not there",
                        slot->seq - slot->missing, slot->seq - 1);
    if (slot->bad.code)
        silt_verify_say(v, slot->bad_link ? SILT_FAULT_LINK_BROKEN : SILT_FAULT_SLOT_DAMAGED, slot,
                        NULL, "%s", slot->bad.text);
}

static void count(struct silt_verifier *v, const struct silt_slot_seen *slot)
{
    const struct silt_manifest *m = &slot->manifest;
    v->totals.slots++;
    if (!slot->is_parsed) return;
    v->totals.files += m->files_n;
    v->totals.records += (uint64_t)m->records;
    v->totals.rejected += (uint64_t)m->rejected;
    for (unsigned i = 0; i < m->files_n; i++) v->totals.bytes += (uint64_t)m->files[i].size;
}

/* ---- files ---- */

/* A repair leaves the first object's key to nobody. */
static bool take_listed(struct silt_verifier *v, struct silt_slot_seen *slot)
{
    bool all = true;
    for (unsigned i = 0; i < slot->manifest.files_n; i++) {
        const struct silt_manifest_file *file = &slot->manifest.files[i];
        int64_t size = silt_verify_take_key(v, file->key);
        all &= size != -2;
        if (size >= 0 && size != file->size && v->opts->level == SILT_VERIFY_LIST)
            silt_verify_say(v, SILT_FAULT_SIZE, slot, file,
                            "%" PRId64 " bytes, the manifest says %" PRId64, size, file->size);
    }
    for (unsigned i = 0; i < slot->repairs_n; i++)
        if (!slot->repairs[i].lost) silt_verify_take_key(v, slot->repairs[i].with.key);
    return all;
}

static void check_present(struct silt_verifier *v, const struct silt_slot_seen *slot,
                          const struct silt_found *found)
{
    const struct silt_manifest_file *file = found->file;
    if (v->opts->level == SILT_VERIFY_LIST) return;
    if (found->size != file->size)
        silt_verify_say(v, SILT_FAULT_SIZE, slot, file,
                        "%" PRId64 " bytes, the manifest says %" PRId64, found->size, file->size);
    if (strcmp(found->token, file->token) != 0)
        silt_verify_say(v, SILT_FAULT_TOKEN, slot, file,
                        "as-token is \"%s\", the manifest says \"%s\"", found->token, file->token);
    if (found->has_crc32c && found->crc32c != file->crc32c)
        silt_verify_say(v, SILT_FAULT_CHECKSUM, slot, file,
                        "the store's CRC-32C is %08x, the manifest says %08x", found->crc32c,
                        file->crc32c);
}

/* Only the newest slot may be incomplete (protocol, R4), and only while its bytes are staged. */
static void check_absent(struct silt_verifier *v, const struct silt_slot_seen *slot, unsigned i)
{
    const struct silt_found *found = &slot->found[i];
    const char *what = found->deleted ? "the object was deleted" : "the object is not there";
    if (slot->is_newest && !found->deleted) {
        if (silt_files_is_staged(v->opts->store, slot, i)) {
            say_pending(v, slot, found->file);
            return;
        }
        what = "neither the object nor its upload is there";
    }
    silt_verify_say(v, SILT_FAULT_ABSENT, slot, found->file, "%s", what);
}

static void check_file(struct silt_verifier *v, const struct silt_slot_seen *slot, unsigned i)
{
    const struct silt_found *found = &slot->found[i];
    switch (found->state) {
    case SILT_FOUND_PRESENT: check_present(v, slot, found); break;
    case SILT_FOUND_ABSENT: check_absent(v, slot, i); break;
    case SILT_FOUND_LOST:
        silt_verify_say(v, SILT_FAULT_LOST, slot, found->file,
                        "the object was lost, and the repair found no records in Kafka any more");
        break;
    }
}

/* ---- bunches ---- */

struct bunch {
    struct silt_slot_seen *slots[BUNCH_SLOTS];
    unsigned n;
    unsigned files_n;
};

static void empty(struct bunch *bunch)
{
    for (unsigned i = 0; i < bunch->n; i++) silt_slot_free(bunch->slots[i]);
    *bunch = (struct bunch){0};
}

static SILT_RC check_slot_files(struct silt_verifier *v, const struct silt_slot_seen *slot,
                                struct silt_err *err)
{
    for (unsigned i = 0; i < slot->manifest.files_n; i++) check_file(v, slot, i);
    if (v->opts->level != SILT_VERIFY_DEEP) return SILT_OK;
    SILT_TRY(silt_verify_deep(v, slot, err));
    if (v->opts->on_progress) v->opts->on_progress(v->opts->ctx, &v->totals);
    return SILT_OK;
}

static SILT_RC check_bunch(struct silt_verifier *v, struct bunch *bunch, struct silt_err *err)
{
    SILT_TRY(silt_files_find(v->opts->store, bunch->slots, bunch->n, err));
    for (unsigned i = 0; i < bunch->n; i++) SILT_TRY(check_slot_files(v, bunch->slots[i], err));
    empty(bunch);
    if (v->opts->on_progress) v->opts->on_progress(v->opts->ctx, &v->totals);
    return SILT_OK;
}

/* Takes the slot. Only those whose files have to be asked for go into the bunch. */
static SILT_RC take_slot(struct silt_verifier *v, struct bunch *bunch, struct silt_slot_seen *slot,
                         struct silt_err *err)
{
    check_manifest(v, slot);
    count(v, slot);
    bool listed = take_listed(v, slot);
    if (!slot->is_parsed || (listed && v->opts->level == SILT_VERIFY_LIST)) {
        silt_slot_free(slot);
        return SILT_OK;
    }
    bunch->slots[bunch->n++] = slot;
    bunch->files_n += slot->manifest.files_n;
    if (bunch->n < BUNCH_SLOTS && bunch->files_n < BUNCH_FILES) return SILT_OK;
    return check_bunch(v, bunch, err);
}

static SILT_RC check_slots(struct silt_verifier *v, struct silt_slots *slots, struct bunch *bunch,
                           struct silt_err *err)
{
    struct silt_slot_seen *slot;
    for (;;) {
        SILT_TRY(silt_slots_next(slots, &slot, err));
        if (!slot) return check_bunch(v, bunch, err);
        SILT_TRY(take_slot(v, bunch, slot, err));
    }
}

static void say_strays(struct silt_verifier *v, const struct silt_slots *slots)
{
    unsigned n;
    const struct silt_stray *strays = silt_slots_strays(slots, &n);
    for (unsigned i = 0; i < n; i++)
        silt_verify_say_key(v, SILT_FAULT_STRAY, strays[i].key, strays[i].why);
}

static SILT_RC check_log(struct silt_verifier *v, const struct silt_log_ref *log,
                         struct silt_err *err)
{
    struct bunch bunch = {0};
    struct silt_slots *slots = silt_slots_open(v->opts->store, log);
    struct silt_rc rc = check_slots(v, slots, &bunch, err);
    say_strays(v, slots);
    empty(&bunch);
    silt_slots_close(slots);
    v->totals.partitions++;
    return rc;
}

static SILT_RC check_logs(struct silt_verifier *v, const struct silt_archive *archive,
                          struct silt_err *err)
{
    for (unsigned i = 0; i < archive->strays_n; i++)
        silt_verify_say_key(v, SILT_FAULT_STRAY, archive->strays[i], "it is in no partition's log");
    for (unsigned i = 0; i < archive->logs_n; i++) SILT_TRY(check_log(v, &archive->logs[i], err));
    silt_verify_foreign(v);
    return SILT_OK;
}

static SILT_RC check_archive(struct silt_verifier *v, struct silt_err *err)
{
    struct silt_archive archive = {0};
    SILT_TRY(silt_verify_list(v, err));
    SILT_TRY(silt_archive_read(v->opts->store, &v->opts->filter, &archive, err));
    struct silt_rc rc = check_logs(v, &archive, err);
    silt_archive_done(&archive);
    return rc;
}

SILT_RC silt_verify(const struct silt_verify_opts *opts, struct silt_verify_totals *ret_totals,
                    struct silt_err *err)
{
    struct silt_verifier v = {.opts = opts};
    struct silt_rc rc = check_archive(&v, err);
    silt_verify_keys_done(&v);
    *ret_totals = v.totals;
    return rc;
}
