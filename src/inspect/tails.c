/* LIST of all logs together, then the manifests, then their files. A log of more than a page is
 * searched by numbers: they are dense, so "is there anything behind slot x" halves what is left. */
#include "inspect/tails.h"

#include "base/alloc.h"
#include "inspect/files.h"
#include "parallel_int.h"

#include <stdio.h>
#include <string.h>

#define STEP_MIN 1000

/* Highest slot of a page, -1 without any. */
static int64_t highest(const struct silt_store_req *page, const char *prefix)
{
    int64_t best = -1;
    for (unsigned i = 0; i < page->objects_n; i++) {
        int64_t seq = silt_key_parse_seq(page->objects[i].key + strlen(prefix));
        if (seq > best) best = seq;
    }
    return best;
}

/* What follows slot `after` (-1: all). ret_seq: -1 when nothing does. */
static SILT_RC look_behind(struct silt_store *store, const char *prefix, int64_t after,
                           int64_t *ret_seq, bool *ret_more, struct silt_err *err)
{
    char start[SILT_KEY_MAX];
    silt_key_slot(prefix, after, start);
    struct silt_store_req page = {
        .op = SILT_OP_LIST, .key = prefix, .start_after = after < 0 ? NULL : start};
    struct silt_rc rc = SILT_OK;
    silt_store_call(store, &page);
    if (page.outcome != SILT_STORE_OK) rc = silt_parallel_fail(&page, prefix, err);
    if (silt_ok(rc)) {
        *ret_seq = highest(&page, prefix);
        *ret_more = page.truncated;
    }
    silt_store_req_done(&page);
    return rc;
}

/* `seq` is there, and something behind it. */
static SILT_RC search(struct silt_store *store, const char *prefix, int64_t *seq,
                      struct silt_err *err)
{
    bool more = true;
    for (int64_t step = STEP_MIN; more;) {
        int64_t found;
        bool found_more;
        SILT_TRY(look_behind(store, prefix, *seq + step, &found, &found_more, err));
        bool too_far = found < 0;
        if (too_far && step == STEP_MIN)
            SILT_TRY(look_behind(store, prefix, *seq, &found, &found_more, err));
        if (found >= 0) *seq = found;
        more = found >= 0 ? found_more : step > STEP_MIN;
        step = too_far ? step / 2 : step * 2;
        if (step < STEP_MIN) step = STEP_MIN;
    }
    return SILT_OK;
}

SILT_RC silt_log_newest(struct silt_store *store, const char *prefix, int64_t *ret_seq,
                        struct silt_err *err)
{
    bool more;
    SILT_TRY(look_behind(store, prefix, -1, ret_seq, &more, err));
    return more ? search(store, prefix, ret_seq, err) : SILT_OK;
}

/* ---- all partitions ---- */

struct run {
    struct silt_store *store;
    const struct silt_tp *tps;
    struct silt_tail *tails;
    unsigned n;
    char (*keys)[SILT_KEY_MAX];
    struct silt_store_req *reqs;
};

static void fail(struct silt_tail *tail, const struct silt_store_req *req, const char *key)
{
    tail->known = false;
    (void)silt_parallel_fail(req, key, &tail->err);
}

static void take_page(struct run *run, unsigned i)
{
    const struct silt_store_req *page = &run->reqs[i];
    struct silt_tail *tail = &run->tails[i];
    *tail = (struct silt_tail){.known = true, .seq = -1, .durable = -1};
    if (page->outcome != SILT_STORE_OK) {
        fail(tail, page, run->keys[i]);
        return;
    }
    tail->seq = highest(page, run->keys[i]);
    if (!page->truncated || tail->seq < 0) return;
    tail->known = silt_ok(search(run->store, run->keys[i], &tail->seq, &tail->err));
}

static void find_slots(struct run *run)
{
    for (unsigned i = 0; i < run->n; i++) {
        silt_key_log_prefix(&run->tps[i], run->keys[i]);
        run->reqs[i] = (struct silt_store_req){.op = SILT_OP_LIST, .key = run->keys[i]};
    }
    silt_parallel(run->store, run->reqs, run->n);
    for (unsigned i = 0; i < run->n; i++) {
        take_page(run, i);
        silt_store_req_done(&run->reqs[i]);
    }
}

static SILT_RC parse(const struct silt_store_req *get, struct silt_slot_seen *slot,
                     struct silt_err *err)
{
    struct silt_rc rc = silt_manifest_parse(silt_buf_slice(&get->ret_body), &slot->manifest, err);
    slot->is_parsed = silt_ok(rc);
    if (silt_ok(rc)) rc = silt_manifest_check(&slot->manifest, err);
    if (!silt_ok(rc)) silt_err_context(err, "%s (silt verify says more)", slot->key);
    return rc;
}

static SILT_RC read_slot(const struct silt_store_req *get, struct silt_slot_seen *slot,
                         struct silt_err *err)
{
    if (get->outcome != SILT_STORE_OK) return silt_parallel_fail(get, slot->key, err);
    return parse(get, slot, err);
}

/* Of an incomplete slot nothing counts; what was before it is complete (protocol, R4). */
static void judge(struct run *run, unsigned i, struct silt_slot_seen *slot)
{
    struct silt_tail *tail = &run->tails[i];
    tail->known = silt_ok(silt_files_find(run->store, &slot, 1, &tail->err));
    if (!tail->known) return;
    tail->pending = !silt_files_complete(slot);
    tail->durable = slot->manifest.next;
    if (tail->pending) tail->durable = slot->seq > 0 ? slot->manifest.start : -1;
}

static void take_slot(struct run *run, unsigned i, const struct silt_store_req *get)
{
    struct silt_slot_seen *slot = SILT_NEW(struct silt_slot_seen);
    snprintf(slot->key, sizeof slot->key, "%s", run->keys[i]);
    slot->seq = run->tails[i].seq;
    run->tails[i].known = silt_ok(read_slot(get, slot, &run->tails[i].err));
    if (run->tails[i].known) judge(run, i, slot);
    silt_slot_free(slot);
}

static bool has_slot(const struct silt_tail *tail)
{
    return tail->known && tail->seq >= 0;
}

static void read_slots(struct run *run)
{
    unsigned n = 0;
    for (unsigned i = 0; i < run->n; i++) {
        if (!has_slot(&run->tails[i])) continue;
        silt_key_manifest(&run->tps[i], run->tails[i].seq, run->keys[i]);
        run->reqs[n++] = (struct silt_store_req){
            .op = SILT_OP_GET, .key = run->keys[i], .body_max = SILT_MANIFEST_MAX};
    }
    silt_parallel(run->store, run->reqs, n);
    n = 0;
    for (unsigned i = 0; i < run->n; i++) {
        if (!has_slot(&run->tails[i])) continue;
        take_slot(run, i, &run->reqs[n]);
        silt_store_req_done(&run->reqs[n++]);
    }
}

void silt_tails_read(struct silt_store *store, const struct silt_tp *tps, unsigned tps_n,
                     struct silt_tail *ret_tails)
{
    struct run run = {.store = store, .tps = tps, .tails = ret_tails, .n = tps_n};
    run.keys = silt_calloc(tps_n, sizeof *run.keys);
    run.reqs = silt_calloc(tps_n, sizeof *run.reqs);
    find_slots(&run);
    read_slots(&run);
    silt_free(run.keys);
    silt_free(run.reqs);
}
