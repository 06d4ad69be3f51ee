#include "inspect/where.h"

#include "inspect/files.h"
#include "inspect/object.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct search {
    struct silt_store *store;
    int64_t offset;
    struct silt_slot_seen *found; /* the newest slot that has the offset; owned */
    unsigned older;               /* that have it, too */
    int64_t start;                /* of the first slot that was read, -1: none */
    struct silt_seek seek;
};

/* ---- the slot ---- */

/* Takes the slot. */
static void take_slot(struct search *search, struct silt_slot_seen *slot)
{
    const struct silt_manifest *m = &slot->manifest;
    bool has_it =
        m->kind != SILT_SLOT_LINEAGE && m->start <= search->offset && search->offset < m->next;
    if (search->start < 0) search->start = m->start;
    struct silt_slot_seen *left_over = slot;
    if (has_it) {
        search->older += search->found != NULL;
        left_over = search->found;
        search->found = slot;
    }
    silt_slot_free(left_over);
}

/* In a log that only went forward the first slot that ends behind the offset decides. */
static SILT_RC read_slots(struct search *search, struct silt_slots *slots, struct silt_err *err)
{
    do {
        struct silt_slot_seen *slot;
        SILT_TRY(silt_slots_next(slots, &slot, err));
        if (!slot) break;
        struct silt_rc rc = silt_slot_check(slot, err);
        if (!silt_ok(rc)) {
            silt_slot_free(slot);
            return rc;
        }
        take_slot(search, slot);
    } while (search->seek.truncated);
    return SILT_OK;
}

static SILT_RC find_slot(struct search *search, const struct silt_log_ref *log,
                         struct silt_err *err)
{
    SILT_TRY(silt_slots_seek(search->store, log, search->offset, &search->seek, err));
    struct silt_slots *slots = silt_slots_open_at(search->store, log, search->seek.seq);
    struct silt_rc rc = read_slots(search, slots, err);
    silt_slots_close(slots);
    return rc;
}

/* ---- the row ---- */

static void take_row(struct silt_where *where, const struct silt_object_row *row,
                     const struct silt_manifest_file *file)
{
    where->kind = SILT_WHERE_ROW;
    where->role = file->role;
    snprintf(where->object, sizeof where->object, "%s", file->key);
    where->block = row->block;
    where->row = row->number;
    snprintf(where->reason, sizeof where->reason, "%.*s", (int)row->reason.len,
             (const char *)row->reason.ptr);
    snprintf(where->detail, sizeof where->detail, "%.*s", (int)row->detail.len,
             (const char *)row->detail.ptr);
}

static SILT_RC read_file(const struct search *search, const struct silt_manifest_file *file,
                         bool *ret_found, struct silt_where *where, struct silt_err *err)
{
    struct silt_object *object =
        silt_object_open(&(struct silt_object_opts){.store = search->store, .file = file});
    struct silt_object_row row = {.rec.offset = -1};
    enum silt_object_status status = SILT_OBJECT_ROW;
    while (status == SILT_OBJECT_ROW && row.rec.offset < search->offset)
        status = silt_object_next(object, &row, err);
    *ret_found = status == SILT_OBJECT_ROW && row.rec.offset == search->offset;
    if (*ret_found) take_row(where, &row, file);
    silt_object_close(object);
    if (status == SILT_OBJECT_ROW || status == SILT_OBJECT_END) return SILT_OK;
    silt_err_context(err, "%s", file->key);
    return (struct silt_rc){false};
}

static enum silt_where_kind why_absent(const struct search *search, unsigned i)
{
    const struct silt_slot_seen *slot = search->found;
    if (slot->found[i].state == SILT_FOUND_LOST) return SILT_WHERE_LOST;
    bool staged = slot->is_newest && silt_files_is_staged(search->store, slot, i);
    return staged ? SILT_WHERE_UPLOADING : SILT_WHERE_MISSING;
}

/* Of several objects that are not there any may be the one: the hopeful word counts. */
static void take_absent(const struct search *search, unsigned i, struct silt_where *where)
{
    static const int hope[] = {
        [SILT_WHERE_UPLOADING] = 3, [SILT_WHERE_MISSING] = 2, [SILT_WHERE_LOST] = 1};
    enum silt_where_kind why = why_absent(search, i);
    if (where->object[0] && hope[why] <= hope[where->kind]) return;
    where->kind = why;
    snprintf(where->object, sizeof where->object, "%s", search->found->found[i].file->key);
}

/* The files of a window may all span the offset; one has it. */
static SILT_RC find_row(const struct search *search, struct silt_where *where, struct silt_err *err)
{
    struct silt_slot_seen *slot = search->found;
    bool found = false;
    SILT_TRY(silt_files_find(search->store, &slot, 1, err));
    for (unsigned i = 0; !found && i < slot->manifest.files_n; i++) {
        const struct silt_found *at = &slot->found[i];
        if (at->file->first > search->offset || at->file->last < search->offset) continue;
        if (at->state == SILT_FOUND_PRESENT)
            SILT_TRY(read_file(search, at->file, &found, where, err));
        else
            take_absent(search, i, where);
    }
    if (found || where->object[0]) return SILT_OK;
    SILT_FAIL(err, CORRUPT,
              "%s: no object of it has offset %" PRId64 "; silt verify --deep says more", slot->key,
              search->offset);
}

/* ---- both ---- */

static SILT_RC look_into(const struct search *search, struct silt_where *where,
                         struct silt_err *err)
{
    const struct silt_manifest *m = &search->found->manifest;
    *where = (struct silt_where){
        .seq = m->seq, .start = m->start, .next = m->next, .truncated = search->older};
    if (m->kind == SILT_SLOT_GAP)
        where->kind = SILT_WHERE_GAP;
    else if (m->kind == SILT_SLOT_SKIP)
        where->kind = SILT_WHERE_SKIPPED;
    else if (silt_offsets_have(m->holes, m->holes_n, search->offset))
        where->kind = SILT_WHERE_HOLE;
    else if (silt_offsets_have(m->unreadable, m->unreadable_n, search->offset))
        where->kind = SILT_WHERE_UNREADABLE;
    else
        return find_row(search, where, err);
    return SILT_OK;
}

SILT_RC silt_where(struct silt_store *store, const struct silt_log_ref *log, int64_t offset,
                   struct silt_where *ret_where, struct silt_err *err)
{
    struct search search = {.store = store, .offset = offset, .start = -1};
    struct silt_rc rc = find_slot(&search, log, err);
    if (silt_ok(rc) && search.found) rc = look_into(&search, ret_where, err);
    if (silt_ok(rc) && !search.found)
        *ret_where = (struct silt_where){.kind = search.seek.end > offset ? SILT_WHERE_BEFORE
                                                                          : SILT_WHERE_BEHIND,
                                         .seq = -1,
                                         .start = search.start,
                                         .next = search.seek.end};
    silt_slot_free(search.found);
    return rc;
}
