#include "inspect/files.h"

#include "base/alloc.h"
#include "parallel_int.h"

#include <stdio.h>
#include <string.h>

/* An object that may hold file `index` of a slot. */
struct candidate {
    struct silt_slot_seen *slot;
    unsigned index;
    const struct silt_manifest_file *file; /* NULL: a repair that says "lost" */
};

struct candidates {
    struct candidate *list;
    struct silt_store_req *reqs;
    unsigned n;
};

static void add(struct candidates *all, struct silt_slot_seen *slot, unsigned index,
                const struct silt_manifest_file *file)
{
    all->list = silt_realloc_array(all->list, all->n + 1, sizeof *all->list);
    all->list[all->n++] = (struct candidate){.slot = slot, .index = index, .file = file};
}

static void add_slot(struct candidates *all, struct silt_slot_seen *slot)
{
    const struct silt_manifest *m = &slot->manifest;
    silt_free(slot->found);
    slot->found = silt_calloc(m->files_n, sizeof *slot->found);
    for (unsigned i = 0; i < m->files_n; i++) {
        slot->found[i].file = &m->files[i];
        add(all, slot, i, &m->files[i]);
        for (unsigned r = 0; r < slot->repairs_n; r++)
            if (slot->repairs[r].file == i)
                add(all, slot, i, slot->repairs[r].lost ? NULL : &slot->repairs[r].with);
    }
}

static void ask(struct silt_store *store, struct candidates *all)
{
    unsigned n = 0;
    all->reqs = silt_calloc(all->n, sizeof *all->reqs);
    for (unsigned i = 0; i < all->n; i++)
        if (all->list[i].file)
            all->reqs[n++] =
                (struct silt_store_req){.op = SILT_OP_HEAD, .key = all->list[i].file->key};
    silt_parallel(store, all->reqs, n);
}

static void note_present(struct silt_found *found, const struct candidate *candidate,
                         const struct silt_store_req *head)
{
    *found = (struct silt_found){.state = SILT_FOUND_PRESENT,
                                 .file = candidate->file,
                                 .size = head->size,
                                 .has_crc32c = head->ret_has_crc32c,
                                 .crc32c = head->ret_crc32c};
    snprintf(found->token, sizeof found->token, "%s", head->ret_token);
}

/* head NULL: a repair that says "lost". The first present candidate counts. */
static SILT_RC take(const struct candidate *candidate, const struct silt_store_req *head,
                    struct silt_err *err)
{
    struct silt_found *found = &candidate->slot->found[candidate->index];
    if (found->state == SILT_FOUND_PRESENT) return SILT_OK;
    if (!head) {
        found->state = SILT_FOUND_LOST;
        return SILT_OK;
    }
    if (head->outcome == SILT_STORE_OK) {
        note_present(found, candidate, head);
        return SILT_OK;
    }
    if (head->outcome != SILT_STORE_NOT_FOUND)
        return silt_parallel_fail(head, candidate->file->key, err);
    found->deleted |= head->delete_marker;
    return SILT_OK;
}

static SILT_RC take_all(const struct candidates *all, struct silt_err *err)
{
    unsigned asked = 0;
    for (unsigned i = 0; i < all->n; i++) {
        const struct silt_store_req *head = all->list[i].file ? &all->reqs[asked++] : NULL;
        SILT_TRY(take(&all->list[i], head, err));
    }
    return SILT_OK;
}

SILT_RC silt_files_find(struct silt_store *store, struct silt_slot_seen *const *slots,
                        unsigned slots_n, struct silt_err *err)
{
    struct candidates all = {0};
    for (unsigned i = 0; i < slots_n; i++) add_slot(&all, slots[i]);
    ask(store, &all);
    struct silt_rc rc = take_all(&all, err);
    for (unsigned i = 0; i < all.n; i++) silt_store_req_done(&all.reqs[i]);
    silt_free(all.reqs);
    silt_free(all.list);
    return rc;
}

static bool is_open(struct silt_store *store, const struct silt_manifest_file *file)
{
    struct silt_store_req req = {
        .op = SILT_OP_MPU_PARTS, .key = file->key, .upload_id = file->upload_id};
    silt_store_call(store, &req);
    bool gone = req.outcome == SILT_STORE_NO_UPLOAD;
    silt_store_req_done(&req);
    return !gone;
}

/* The upload may have been completed between the two questions. */
static bool is_there_now(struct silt_store *store, const struct silt_manifest_file *file)
{
    struct silt_store_req req = {.op = SILT_OP_HEAD, .key = file->key};
    silt_store_call(store, &req);
    bool there = req.outcome == SILT_STORE_OK;
    silt_store_req_done(&req);
    return there;
}

bool silt_files_is_staged(struct silt_store *store, const struct silt_slot_seen *slot,
                          unsigned index)
{
    const struct silt_manifest_file *file = &slot->manifest.files[index];
    bool staged = is_open(store, file) || is_there_now(store, file);
    for (unsigned i = 0; !staged && i < slot->repairs_n; i++) {
        const struct silt_repair *repair = &slot->repairs[i];
        if (repair->file != index || repair->lost) continue;
        staged = is_open(store, &repair->with) || is_there_now(store, &repair->with);
    }
    return staged;
}

bool silt_files_complete(const struct silt_slot_seen *slot)
{
    for (unsigned i = 0; i < slot->manifest.files_n; i++)
        if (slot->found[i].state != SILT_FOUND_PRESENT) return false;
    return true;
}
