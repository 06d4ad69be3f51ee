#include "inspect/slots.h"

#include "base/alloc.h"
#include "inspect/files.h"
#include "parallel_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An object of the current page. */
struct item {
    char *key; /* owned */
    int64_t seq;
    int64_t size; /* as listed; -1 unknown */
    bool is_repair;
    bool is_back;
    struct silt_store_req req;
};

struct silt_slots {
    struct silt_store *store;
    struct silt_queue *queue;
    char *prefix;
    char *after; /* where the next page begins */
    bool ended;  /* no page follows */
    struct item *items;
    unsigned items_n;
    unsigned at;                 /* next to be handed out */
    unsigned sent;               /* next to be asked for */
    struct silt_repair *repairs; /* of the slot to come */
    unsigned repairs_n;
    struct silt_stray *strays;
    unsigned strays_n;
    int64_t next_seq;
    bool has_before;             /* the slot before was parsed */
    struct silt_manifest before; /* without what it owns */
    char before_sha256[SILT_SHA256_HEX];
};

void silt_slot_free(struct silt_slot_seen *slot)
{
    if (!slot) return;
    for (unsigned i = 0; i < slot->repairs_n; i++) silt_repair_done(&slot->repairs[i]);
    silt_free(slot->repairs);
    silt_free(slot->found);
    silt_manifest_done(&slot->manifest);
    silt_free(slot);
}

SILT_RC silt_slot_check(const struct silt_slot_seen *slot, struct silt_err *err)
{
    if (slot->missing)
        SILT_FAIL(err, CORRUPT, "%s: slots before it are missing; silt verify says more",
                  slot->key);
    if (slot->bad.code)
        SILT_FAIL(err, CORRUPT, "%s: %s; silt verify says more", slot->key, slot->bad.text);
    return SILT_OK;
}

struct silt_slots *silt_slots_open_at(struct silt_store *store, const struct silt_log_ref *log,
                                      int64_t seq)
{
    struct silt_slots *slots = SILT_NEW(struct silt_slots);
    slots->store = store;
    slots->queue = silt_queue_new(SILT_PARALLEL_MAX, NULL, NULL);
    slots->prefix = silt_strdup(log->prefix);
    /* what repairs a slot stands before it */
    slots->after = seq ? silt_asprintf("%s%016" PRId64, log->prefix, seq) : silt_strdup("");
    slots->next_seq = seq;
    return slots;
}

struct silt_slots *silt_slots_open(struct silt_store *store, const struct silt_log_ref *log)
{
    return silt_slots_open_at(store, log, 0);
}

static void take_reply(struct silt_slots *slots)
{
    struct silt_store_req *req = silt_queue_pop(slots->queue, -1);
    SILT_ASSERT(req);
    silt_store_reply(req);
}

static void wait_for(struct silt_slots *slots, const struct item *item)
{
    while (!item->is_back) take_reply(slots);
}

static void drop_items(struct silt_slots *slots)
{
    for (unsigned i = 0; i < slots->items_n; i++) {
        if (i < slots->sent) wait_for(slots, &slots->items[i]);
        silt_store_req_done(&slots->items[i].req);
        silt_free(slots->items[i].key);
    }
    silt_free(slots->items);
    slots->items = NULL;
    slots->items_n = slots->at = slots->sent = 0;
}

void silt_slots_close(struct silt_slots *slots)
{
    if (!slots) return;
    drop_items(slots);
    for (unsigned i = 0; i < slots->repairs_n; i++) silt_repair_done(&slots->repairs[i]);
    for (unsigned i = 0; i < slots->strays_n; i++) silt_free(slots->strays[i].key);
    silt_free(slots->repairs);
    silt_free(slots->strays);
    silt_queue_free(slots->queue);
    silt_free(slots->prefix);
    silt_free(slots->after);
    silt_free(slots);
}

const struct silt_stray *silt_slots_strays(const struct silt_slots *slots, unsigned *ret_n)
{
    *ret_n = slots->strays_n;
    return slots->strays;
}

static void add_stray(struct silt_slots *slots, const char *key, const char *why)
{
    slots->strays = silt_realloc_array(slots->strays, slots->strays_n + 1, sizeof *slots->strays);
    struct silt_stray *stray = &slots->strays[slots->strays_n++];
    *stray = (struct silt_stray){.key = silt_strdup(key)};
    snprintf(stray->why, sizeof stray->why, "%s", why);
}

/* ---- pages ---- */

/* Repair record names are read by writing them again: nothing else is ours. */
static int64_t repair_seq(const char *name)
{
    int64_t seq;
    unsigned file;
    unsigned k;
    char again[80];
    if (sscanf(name, "%" SCNd64 ".f%u.r%u.json", &seq, &file, &k) != 3) return -1;
    snprintf(again, sizeof again, "%016" PRId64 ".f%u.r%u.json", seq, file, k);
    return strcmp(again, name) == 0 ? seq : -1;
}

static void add_item(struct silt_slots *slots, const struct silt_store_object *object)
{
    const char *name = object->key + strlen(slots->prefix);
    int64_t seq = silt_key_parse_seq(name);
    bool is_repair = seq < 0;
    if (is_repair) seq = repair_seq(name);
    if (seq < 0) {
        add_stray(slots, object->key, "neither a manifest nor a repair record");
        return;
    }
    slots->items[slots->items_n++] = (struct item){
        .key = silt_strdup(object->key), .seq = seq, .size = object->size, .is_repair = is_repair};
}

static void take_page(struct silt_slots *slots, const struct silt_store_req *page)
{
    drop_items(slots);
    slots->ended = !page->truncated || page->objects_n == 0;
    slots->items = silt_calloc(page->objects_n, sizeof *slots->items);
    for (unsigned i = 0; i < page->objects_n; i++) add_item(slots, &page->objects[i]);
    if (page->objects_n == 0) return;
    silt_free(slots->after);
    slots->after = silt_strdup(page->objects[page->objects_n - 1].key);
}

static SILT_RC list_page(struct silt_slots *slots, struct silt_err *err)
{
    struct silt_store_req page = {
        .op = SILT_OP_LIST, .key = slots->prefix, .start_after = slots->after};
    struct silt_rc rc = SILT_OK;
    silt_store_call(slots->store, &page);
    if (page.outcome == SILT_STORE_OK)
        take_page(slots, &page);
    else
        rc = silt_parallel_fail(&page, slots->prefix, err);
    silt_store_req_done(&page);
    return rc;
}

/* ---- items ---- */

static void item_came_back(struct silt_store_req *req)
{
    struct item *item = req->ctx;
    item->is_back = true;
}

static void ask_ahead(struct silt_slots *slots)
{
    for (; slots->sent < slots->items_n && slots->sent - slots->at < SILT_PARALLEL_MAX;
         slots->sent++) {
        struct item *item = &slots->items[slots->sent];
        item->is_back = item->size > (int64_t)SILT_MANIFEST_MAX;
        if (item->is_back) continue;
        item->req = (struct silt_store_req){.op = SILT_OP_GET,
                                            .key = item->key,
                                            .body_max = SILT_MANIFEST_MAX,
                                            .reply_to = slots->queue,
                                            .on_reply = item_came_back,
                                            .ctx = item};
        silt_store_submit(slots->store, &item->req);
    }
}

static SILT_RC check_size(const struct item *item, struct silt_err *err)
{
    if (item->size > (int64_t)SILT_MANIFEST_MAX)
        SILT_FAIL(err, CORRUPT, "%" PRId64 " bytes cannot be a manifest", item->size);
    return SILT_OK;
}

/* A repair record for nobody is a stray. */
static void keep_repair(struct silt_slots *slots, const struct item *item)
{
    struct silt_err err;
    struct silt_repair repair;
    char wanted[80];
    struct silt_rc rc = check_size(item, &err);
    if (silt_ok(rc)) rc = silt_repair_parse(silt_buf_slice(&item->req.ret_body), &repair, &err);
    if (!silt_ok(rc)) {
        add_stray(slots, item->key, err.text);
        return;
    }
    snprintf(wanted, sizeof wanted, "%016" PRId64 ".f%u.r%u.json", repair.seq, repair.file,
             repair.k);
    if (strcmp(wanted, item->key + strlen(slots->prefix)) != 0) {
        silt_repair_done(&repair);
        add_stray(slots, item->key, "the repair record is for another file");
        return;
    }
    slots->repairs =
        silt_realloc_array(slots->repairs, slots->repairs_n + 1, sizeof *slots->repairs);
    slots->repairs[slots->repairs_n++] = repair;
}

static int by_file_and_k(const void *a, const void *b)
{
    const struct silt_repair *x = a;
    const struct silt_repair *y = b;
    if (x->file != y->file) return x->file < y->file ? -1 : 1;
    return x->k < y->k ? -1 : x->k > y->k;
}

static void stray_repair(struct silt_slots *slots, struct silt_repair *repair)
{
    char *key = silt_asprintf("%s%016" PRId64 ".f%u.r%u.json", slots->prefix, repair->seq,
                              repair->file, repair->k);
    add_stray(slots, key, "the slot or the file that it repairs does not exist");
    silt_repair_done(repair);
    silt_free(key);
}

static void give_repairs(struct silt_slots *slots, struct silt_slot_seen *slot)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < slots->repairs_n; i++) {
        struct silt_repair *repair = &slots->repairs[i];
        bool fits = slot && repair->seq == slot->seq &&
                    (!slot->is_parsed || repair->file < slot->manifest.files_n);
        if (fits) slots->repairs[kept++] = *repair;
        if (!fits) stray_repair(slots, repair);
    }
    if (kept) qsort(slots->repairs, kept, sizeof *slots->repairs, by_file_and_k);
    if (slot) {
        slot->repairs = slots->repairs;
        slot->repairs_n = kept;
        slots->repairs = NULL;
    }
    slots->repairs_n = 0;
}

/* ---- slots ---- */

/* A good manifest in the wrong place is none. */
static SILT_RC check_place(const struct silt_slot_seen *slot, struct silt_err *err)
{
    char key[SILT_KEY_MAX];
    silt_key_manifest(&slot->manifest.tp, slot->manifest.seq, key);
    if (strcmp(key, slot->key) != 0) SILT_FAIL(err, CORRUPT, "this is the manifest of %s", key);
    return SILT_OK;
}

static SILT_RC check_content(const struct silt_slot_seen *slot, struct silt_err *err)
{
    SILT_TRY(check_place(slot, err));
    return silt_manifest_check(&slot->manifest, err);
}

static SILT_RC read_manifest(const struct item *item, struct silt_slot_seen *slot,
                             struct silt_err *err)
{
    SILT_TRY(check_size(item, err));
    if (item->req.outcome == SILT_STORE_NOT_FOUND)
        SILT_FAIL(err, NOT_FOUND, "listed, but it cannot be read any more");
    SILT_TRY(silt_manifest_parse(silt_buf_slice(&item->req.ret_body), &slot->manifest, err));
    slot->is_parsed = true;
    return check_content(slot, err);
}

static SILT_RC check_link(const struct silt_slots *slots, const struct silt_slot_seen *slot,
                          struct silt_err *err)
{
    if (slot->seq == 0) return silt_manifest_check_link(&slot->manifest, NULL, SILT_NO_PREV, err);
    if (!slots->has_before || slot->missing) return SILT_OK; /* reported there */
    return silt_manifest_check_link(&slot->manifest, &slots->before, slots->before_sha256, err);
}

static void remember(struct silt_slots *slots, const struct item *item,
                     const struct silt_slot_seen *slot)
{
    slots->next_seq = slot->seq + 1;
    slots->has_before = slot->is_parsed;
    if (!slot->is_parsed) return;
    slots->before = slot->manifest;
    slots->before.files = NULL;
    slots->before.holes = slots->before.unreadable = NULL;
    slots->before.files_n = slots->before.holes_n = slots->before.unreadable_n = 0;
    silt_sha256_hex(item->req.ret_body.data, item->req.ret_body.len, slots->before_sha256);
}

static bool is_newest(const struct silt_slots *slots)
{
    for (unsigned i = slots->at; i < slots->items_n; i++)
        if (!slots->items[i].is_repair) return false;
    return slots->ended;
}

static struct silt_slot_seen *make_slot(struct silt_slots *slots, const struct item *item)
{
    struct silt_slot_seen *slot = SILT_NEW(struct silt_slot_seen);
    snprintf(slot->key, sizeof slot->key, "%s", item->key);
    slot->seq = item->seq;
    slot->missing = item->seq - slots->next_seq;
    slot->is_newest = is_newest(slots);
    struct silt_rc rc = read_manifest(item, slot, &slot->bad);
    if (silt_ok(rc)) slot->bad_link = !silt_ok(check_link(slots, slot, &slot->bad));
    remember(slots, item, slot);
    give_repairs(slots, slot);
    return slot;
}

static bool could_be_read(const struct item *item)
{
    return item->req.outcome == SILT_STORE_OK || item->req.outcome == SILT_STORE_NOT_FOUND;
}

/* One item more. ret_slot stays NULL when it was no manifest. */
static SILT_RC take_item(struct silt_slots *slots, struct silt_slot_seen **ret_slot,
                         struct silt_err *err)
{
    ask_ahead(slots);
    struct item *item = &slots->items[slots->at];
    wait_for(slots, item);
    slots->at++;
    if (!could_be_read(item)) return silt_parallel_fail(&item->req, item->key, err);
    if (item->is_repair) keep_repair(slots, item);
    if (!item->is_repair) *ret_slot = make_slot(slots, item);
    silt_store_req_done(&item->req);
    return SILT_OK;
}

SILT_RC silt_slots_next(struct silt_slots *slots, struct silt_slot_seen **ret_slot,
                        struct silt_err *err)
{
    struct silt_slot_seen *slot = NULL;
    while (!slot) {
        if (slots->at < slots->items_n) {
            SILT_TRY(take_item(slots, &slot, err));
            continue;
        }
        if (slots->ended) break;
        SILT_TRY(list_page(slots, err));
    }
    if (!slot) give_repairs(slots, NULL);
    *ret_slot = slot;
    return SILT_OK;
}
