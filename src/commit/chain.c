#include "commit/chain.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "commit/roll.h"
#include "commit/search.h"

#include <stdio.h>
#include <string.h>

/* Roll-forward of one file of the tail: of the file itself, or of the repair that takes its place.
 */
struct rolling {
    struct silt_chain *chain;
    unsigned index;
    struct silt_roll roll;
    struct silt_repair repair;     /* k = 0: the original */
    struct silt_store_part *parts; /* owned: ETags from ListParts, NULL = those of the manifest */
    bool asking_repair;
    struct silt_timer timer;
};

struct silt_chain {
    struct silt_chain_opts opts;
    struct silt_tp tp;
    unsigned in_flight;  /* store requests */
    unsigned generation; /* bumped by recover: answers to older questions do not count */
    bool released;
    bool halted;
    bool ready; /* the tail is known */

    struct silt_search search;
    char last_key[SILT_KEY_MAX];
    struct silt_timer timer; /* search or slot: never both */

    struct silt_manifest tail; /* seq -1: none */
    char tail_sha256[SILT_SHA256_HEX];
    int64_t tail_read_ms;
    bool tail_own;
    struct rolling *rolling; /* one per file of the tail */
    unsigned rolling_n;
    unsigned rolling_open;

    struct silt_manifest next; /* the slot being committed */
    bool committing;
    bool put_begun; /* the slot machine runs */
    int64_t oldest_upload_ms;
    struct silt_slot slot;
    struct silt_buf body;
};

/* A request in flight with room for what it points to. */
struct asked {
    struct silt_store_req req;
    struct silt_chain *chain;
    unsigned generation;
    struct rolling *rolling;       /* roll requests */
    char *upload_id;               /* owned: the chain may have moved on before the store is done */
    struct silt_store_part *parts; /* owned */
    char key[SILT_KEY_MAX];
    char after[SILT_KEY_MAX];
    struct silt_slice body;
};

static void step_slot(struct silt_chain *chain, const struct silt_slot_event *event);
static void step_roll(struct rolling *rolling, const struct silt_roll_event *event);
static void do_search(struct silt_chain *chain, struct silt_search_action action);
static void tell_durable(struct silt_chain *chain);

/* ---- life ---- */

struct silt_chain *silt_chain_new(const struct silt_chain_opts *opts, const struct silt_tp *tp)
{
    struct silt_chain *chain = SILT_NEW(struct silt_chain);
    chain->opts = *opts;
    chain->tp = *tp;
    chain->tail.seq = -1;
    silt_buf_init(&chain->body, SILT_MANIFEST_MAX);
    return chain;
}

static void stop_rolling(struct silt_chain *chain)
{
    for (unsigned i = 0; i < chain->rolling_n; i++) {
        silt_timer_cancel(chain->opts.timers, &chain->rolling[i].timer);
        silt_repair_done(&chain->rolling[i].repair);
        silt_free(chain->rolling[i].parts);
    }
    silt_free(chain->rolling);
    chain->rolling = NULL;
    chain->rolling_n = chain->rolling_open = 0;
}

static void free_if_done(struct silt_chain *chain)
{
    if (!chain->released || chain->in_flight) return;
    stop_rolling(chain);
    silt_manifest_done(&chain->tail);
    silt_manifest_done(&chain->next);
    silt_buf_done(&chain->body);
    silt_free(chain);
}

void silt_chain_release(struct silt_chain *chain)
{
    if (!chain) return;
    chain->released = true;
    silt_timer_cancel(chain->opts.timers, &chain->timer);
    for (unsigned i = 0; i < chain->rolling_n; i++)
        silt_timer_cancel(chain->opts.timers, &chain->rolling[i].timer);
    free_if_done(chain);
}

static void halt(struct silt_chain *chain, const char *why)
{
    chain->halted = true;
    silt_timer_cancel(chain->opts.timers, &chain->timer);
    for (unsigned i = 0; i < chain->rolling_n; i++)
        silt_timer_cancel(chain->opts.timers, &chain->rolling[i].timer);
    chain->opts.events->on_halt(chain->opts.ctx, why);
}

/* ---- requests ---- */

static void on_reply(struct silt_store_req *req);

static struct asked *ask(struct silt_chain *chain, enum silt_store_op op)
{
    struct asked *asked = SILT_NEW(struct asked);
    asked->chain = chain;
    asked->generation = chain->generation;
    asked->req.op = op;
    asked->req.key = asked->key;
    asked->req.ctx = asked;
    asked->req.reply_to = chain->opts.inbox;
    asked->req.on_reply = on_reply;
    return asked;
}

static void submit(struct asked *asked)
{
    asked->chain->in_flight++;
    silt_store_submit(asked->chain->opts.store, &asked->req);
}

static void ask_list(struct silt_chain *chain, const struct silt_search_action *action)
{
    struct asked *asked = ask(chain, SILT_OP_LIST);
    silt_key_log_prefix(&chain->tp, asked->key);
    if (action->after_last_key)
        snprintf(asked->after, sizeof asked->after, "%s", chain->last_key);
    else if (action->after_seq >= 0)
        silt_key_manifest(&chain->tp, action->after_seq, asked->after);
    asked->req.start_after = asked->after;
    submit(asked);
}

/* What a GET is for is told by the state it was asked in. */
static void ask_get(struct silt_chain *chain, int64_t seq)
{
    struct asked *asked = ask(chain, SILT_OP_GET);
    silt_key_manifest(&chain->tp, seq, asked->key);
    asked->req.body_max = SILT_MANIFEST_MAX;
    submit(asked);
}

/* ---- recovery: search, read the tail, read the one before it, check, roll ---- */

static void on_search_timer(void *ctx)
{
    struct silt_chain *chain = ctx;
    do_search(chain, silt_search_again(&chain->search));
}

/* Is what the caller was about still so, after the owner was told something? */
static bool is_still(const struct silt_chain *chain, unsigned generation)
{
    return !chain->released && chain->generation == generation;
}

static void recovered(struct silt_chain *chain)
{
    unsigned generation = chain->generation;
    bool is_pending = chain->rolling_n > 0;
    chain->ready = true;
    chain->opts.events->on_ready(chain->opts.ctx, silt_chain_tail(chain));
    if (silt_chain_tail(chain) && !is_pending && is_still(chain, generation)) tell_durable(chain);
}

static void ask_tail(struct silt_chain *chain, int64_t seq)
{
    chain->tail_read_ms = silt_wall_ms(); /* R7: the time of the question */
    ask_get(chain, seq);
}

static void do_search(struct silt_chain *chain, struct silt_search_action action)
{
    if (action.page)
        chain->opts.events->on_page(
            chain->opts.ctx, "archive_not_readable",
            "the log of manifests cannot be listed; check credentials and bucket");
    switch (action.kind) {
    case SILT_SEARCH_DO_LIST: ask_list(chain, &action); return;
    case SILT_SEARCH_DO_WAIT:
        silt_timer_set(chain->opts.timers, &chain->timer, silt_mono_ms() + action.wait_ms,
                       on_search_timer, chain);
        return;
    case SILT_SEARCH_FORGET: return;
    case SILT_SEARCH_FOUND: break;
    }
    if (action.seq < 0)
        recovered(chain);
    else
        ask_tail(chain, action.seq);
}

static void on_listed(struct silt_chain *chain, const struct silt_store_req *req)
{
    struct silt_search_event event = {.outcome = req->outcome,
                                      .max_seq = -1,
                                      .truncated = req->truncated,
                                      .random = silt_random_u64()};
    size_t prefix = strlen(req->key);
    for (unsigned i = 0; i < req->objects_n; i++) {
        int64_t seq = silt_key_parse_seq(req->objects[i].key + prefix);
        if (seq > event.max_seq) event.max_seq = seq;
        if (i + 1 == req->objects_n)
            snprintf(chain->last_key, sizeof chain->last_key, "%s", req->objects[i].key);
    }
    do_search(chain, silt_search_listed(&chain->search, &event));
}

static void begin_roll(struct silt_chain *chain);

static void retry_recovery(struct silt_chain *chain, const struct silt_store_req *req)
{
    if (req->outcome == SILT_STORE_DENIED || req->outcome == SILT_STORE_SKEWED)
        chain->opts.events->on_page(
            chain->opts.ctx, "archive_not_readable",
            "a manifest cannot be read; check the clock and the right s3:GetObject");
    silt_timer_set(chain->opts.timers, &chain->timer, silt_mono_ms() + 1000, on_search_timer,
                   chain);
}

/* The key holds only the front of the topic id. */
static SILT_RC check_place(const struct silt_chain *chain, const struct silt_manifest *m,
                           struct silt_err *err)
{
    if (m->seq != chain->search.best || m->tp.partition != chain->tp.partition ||
        strcmp(m->tp.topic, chain->tp.topic) != 0 || strcmp(m->tp.cluster, chain->tp.cluster) != 0)
        SILT_FAIL(err, CORRUPT, "the manifest is slot %lld of %s/%d: it does not belong here",
                  (long long)m->seq, m->tp.topic, m->tp.partition);
    if (strcmp(m->tp.topic_id, chain->tp.topic_id) != 0)
        SILT_FAIL(err, CORRUPT,
                  "the manifest is of topic id %s, the topic's is %s and begins alike; use another "
                  "archive root",
                  m->tp.topic_id, chain->tp.topic_id);
    if (m->seq == 0) return silt_manifest_check_link(m, NULL, NULL, err);
    return SILT_OK;
}

/* The tail was read: keep it, then read the slot before it to check the link. */
static void on_tail_read(struct silt_chain *chain, struct silt_store_req *req)
{
    struct silt_err err;
    silt_manifest_done(&chain->tail);
    struct silt_slice bytes = silt_buf_slice(&req->ret_body);
    if (!silt_ok(silt_manifest_parse(bytes, &chain->tail, &err)) ||
        !silt_ok(silt_manifest_check(&chain->tail, &err)) ||
        !silt_ok(check_place(chain, &chain->tail, &err))) {
        chain->tail.seq = -1;
        silt_err_context(&err, "%s", strrchr(req->key, '/') + 1);
        halt(chain, err.text);
        return;
    }
    silt_sha256_hex(bytes.ptr, bytes.len, chain->tail_sha256);
    chain->tail_own = false;
    if (chain->tail.seq > 0) {
        ask_get(chain, chain->tail.seq - 1);
        return;
    }
    begin_roll(chain);
    recovered(chain);
}

static void on_before_read(struct silt_chain *chain, struct silt_store_req *req)
{
    struct silt_err err;
    struct silt_manifest before = {0};
    char sha256[SILT_SHA256_HEX];
    struct silt_slice bytes = silt_buf_slice(&req->ret_body);
    silt_sha256_hex(bytes.ptr, bytes.len, sha256);
    bool good = silt_ok(silt_manifest_parse(bytes, &before, &err)) &&
                silt_ok(silt_manifest_check_link(&chain->tail, &before, sha256, &err));
    silt_manifest_done(&before);
    if (!good) {
        halt(chain, err.text);
        return;
    }
    begin_roll(chain);
    recovered(chain);
}

static void on_recovery_get(struct silt_chain *chain, struct silt_store_req *req, bool is_before)
{
    if (req->outcome == SILT_STORE_STOPPED) return;
    if (req->outcome == SILT_STORE_NOT_FOUND) {
        char why[SILT_KEY_MAX + 80];
        snprintf(why, sizeof why, "%s is gone: manifests must never be deleted or expire",
                 req->key);
        halt(chain, why);
        return;
    }
    if (req->outcome != SILT_STORE_OK) {
        chain->tail.seq = is_before ? -1 : chain->tail.seq;
        retry_recovery(chain, req);
        return;
    }
    if (is_before)
        on_before_read(chain, req);
    else
        on_tail_read(chain, req);
}

void silt_chain_recover(struct silt_chain *chain, int64_t hint_seq)
{
    SILT_ASSERT(!chain->put_begun);
    chain->generation++;
    chain->halted = chain->ready = false;
    silt_timer_cancel(chain->opts.timers, &chain->timer);
    stop_rolling(chain);
    silt_manifest_done(&chain->tail);
    silt_manifest_done(&chain->next);
    chain->tail.seq = -1;
    chain->committing = false;
    do_search(chain, silt_search_begin(&chain->search, hint_seq));
}

/* ---- rolling the tail forward ---- */

static const struct silt_manifest_file *rolled_file(const struct rolling *rolling)
{
    return rolling->repair.k ? &rolling->repair.with : &rolling->chain->tail.files[rolling->index];
}

static void begin_slot(struct silt_chain *chain);

static void tell_durable(struct silt_chain *chain)
{
    chain->opts.events->on_durable(chain->opts.ctx, &chain->tail, chain->tail_own);
}

static void file_rolled(struct rolling *rolling)
{
    struct silt_chain *chain = rolling->chain;
    unsigned generation = chain->generation;
    SILT_ASSERT(chain->rolling_open > 0);
    if (--chain->rolling_open) return;
    tell_durable(chain);
    if (is_still(chain, generation) && chain->committing && !chain->put_begun) begin_slot(chain);
}

static void ask_repair(struct rolling *rolling)
{
    struct silt_chain *chain = rolling->chain;
    struct asked *asked = ask(chain, SILT_OP_GET);
    rolling->asking_repair = true;
    asked->rolling = rolling;
    silt_key_repair(&chain->tp, chain->tail.seq, rolling->index, rolling->repair.k + 1, asked->key);
    asked->req.body_max = SILT_MANIFEST_MAX;
    submit(asked);
}

static void ask_roll(struct rolling *rolling, enum silt_store_op op)
{
    const struct silt_manifest_file *file = rolled_file(rolling);
    struct asked *asked = ask(rolling->chain, op);
    asked->rolling = rolling;
    snprintf(asked->key, sizeof asked->key, "%s", file->key);
    asked->upload_id = silt_strdup(file->upload_id ? file->upload_id : "");
    asked->parts = silt_memdup(rolling->parts ? rolling->parts : file->parts,
                               file->parts_n * sizeof *file->parts);
    asked->req.upload_id = asked->upload_id;
    asked->req.parts = asked->parts;
    asked->req.parts_n = file->parts_n;
    asked->req.object_size = file->size;
    asked->req.crc32c = file->crc32c;
    submit(asked);
}

static void on_roll_timer(void *ctx)
{
    struct silt_roll_event event = {.kind = SILT_ROLL_EV_TIMER};
    step_roll(ctx, &event);
}

static void page_roll(const struct rolling *rolling)
{
    char text[SILT_KEY_MAX + 100];
    snprintf(text, sizeof text, "file %s of slot %lld cannot be completed now (%s)",
             rolled_file(rolling)->key, (long long)rolling->chain->tail.seq,
             silt_roll_state_name(rolling->roll.state));
    rolling->chain->opts.events->on_page(rolling->chain->opts.ctx, "file_pending", text);
}

static void step_roll(struct rolling *rolling, const struct silt_roll_event *event)
{
    struct silt_chain *chain = rolling->chain;
    struct silt_roll_action action = silt_roll_step(&rolling->roll, event);
    if (action.page) page_roll(rolling);
    switch (action.kind) {
    case SILT_ROLL_DO_COMPLETE: ask_roll(rolling, SILT_OP_MPU_COMPLETE); return;
    case SILT_ROLL_DO_HEAD: ask_roll(rolling, SILT_OP_HEAD); return;
    case SILT_ROLL_DO_PARTS: ask_roll(rolling, SILT_OP_MPU_PARTS); return;
    case SILT_ROLL_DO_WAIT:
        silt_timer_set(chain->opts.timers, &rolling->timer, silt_mono_ms() + action.wait_ms,
                       on_roll_timer, rolling);
        return;
    case SILT_ROLL_IS_DONE: file_rolled(rolling); return;
    case SILT_ROLL_IS_MISSING: ask_repair(rolling); return;
    case SILT_ROLL_IS_BROKEN: halt(chain, "an archived object differs from its manifest"); return;
    case SILT_ROLL_DO_NOTHING:
    case SILT_ROLL_FORGET: return;
    }
}

static void begin_file(struct rolling *rolling)
{
    silt_roll_init(&rolling->roll);
    silt_free(rolling->parts);
    rolling->parts = NULL;
    struct silt_roll_event event = {.kind = SILT_ROLL_EV_BEGIN};
    step_roll(rolling, &event);
}

static void begin_roll(struct silt_chain *chain)
{
    stop_rolling(chain);
    chain->rolling_n = chain->rolling_open = chain->tail.files_n;
    chain->rolling = silt_calloc(chain->rolling_n, sizeof *chain->rolling);
    for (unsigned i = 0; i < chain->rolling_n; i++) {
        chain->rolling[i].chain = chain;
        chain->rolling[i].index = i;
        begin_file(&chain->rolling[i]);
    }
}

static void on_repair_timer(void *ctx)
{
    ask_repair(ctx);
}

static bool is_repair_of(const struct rolling *rolling, const struct silt_repair *repair)
{
    return repair->seq == rolling->chain->tail.seq && repair->file == rolling->index &&
           repair->k == rolling->repair.k + 1;
}

/* Is there a repair of the missing file already? */
static void on_repair_read(struct rolling *rolling, struct silt_store_req *req)
{
    struct silt_chain *chain = rolling->chain;
    struct silt_repair repair;
    struct silt_err err;
    rolling->asking_repair = false;
    if (req->outcome == SILT_STORE_STOPPED) return;
    if (req->outcome == SILT_STORE_NOT_FOUND) {
        chain->opts.events->on_missing(chain->opts.ctx, &chain->tail, rolling->index,
                                       rolling->repair.k + 1);
        return;
    }
    if (req->outcome != SILT_STORE_OK) {
        rolling->asking_repair = true;
        silt_timer_set(chain->opts.timers, &rolling->timer, silt_mono_ms() + 1000, on_repair_timer,
                       rolling);
        return;
    }
    if (!silt_ok(silt_repair_parse(silt_buf_slice(&req->ret_body), &repair, &err))) {
        halt(chain, err.text);
        return;
    }
    if (!is_repair_of(rolling, &repair)) {
        silt_repair_done(&repair);
        halt(chain, "a repair record names another file than its key");
        return;
    }
    silt_repair_done(&rolling->repair);
    rolling->repair = repair;
    if (repair.lost)
        file_rolled(rolling);
    else
        begin_file(rolling);
}

void silt_chain_look_again(struct silt_chain *chain, unsigned file)
{
    struct rolling *rolling = file < chain->rolling_n ? &chain->rolling[file] : NULL;
    bool waits = rolling && rolling->roll.state == SILT_ROLL_MISSING && !rolling->repair.lost;
    if (chain->released || chain->halted || !waits || rolling->asking_repair) return;
    ask_repair(rolling);
}

static bool same_object(const struct silt_manifest_file *file, const struct silt_store_req *req)
{
    return req->size == file->size && strcmp(req->ret_token, file->token) == 0;
}

static void on_roll_reply(struct rolling *rolling, struct silt_store_req *req)
{
    struct silt_roll_event event = {.outcome = req->outcome, .random = silt_random_u64()};
    const struct silt_manifest_file *file = rolled_file(rolling);
    switch (req->op) {
    case SILT_OP_GET: on_repair_read(rolling, req); return;
    case SILT_OP_MPU_COMPLETE: event.kind = SILT_ROLL_EV_COMPLETE; break;
    case SILT_OP_HEAD:
        event.kind = SILT_ROLL_EV_HEAD;
        event.same = same_object(file, req);
        event.delete_marker = req->delete_marker;
        break;
    default:
        event.kind = SILT_ROLL_EV_PARTS;
        event.same = req->outcome == SILT_STORE_OK &&
                     silt_manifest_same_parts(file, req->ret_parts, req->ret_parts_n);
        if (event.same) {
            silt_free(rolling->parts);
            rolling->parts = silt_memdup(req->ret_parts, file->parts_n * sizeof *req->ret_parts);
        }
        break;
    }
    step_roll(rolling, &event);
}

/* ---- committing ---- */

static void on_slot_timer(void *ctx)
{
    struct silt_slot_event event = {
        .kind = SILT_SLOT_EV_TIMER, .now_ms = silt_wall_ms(), .random = silt_random_u64()};
    step_slot(ctx, &event);
}

static void ask_put(struct silt_chain *chain, int64_t date_ms)
{
    struct asked *asked = ask(chain, SILT_OP_PUT_NEW);
    silt_key_manifest(&chain->tp, chain->next.seq, asked->key);
    asked->body = silt_buf_slice(&chain->body);
    asked->req.body = &asked->body;
    asked->req.body_n = 1;
    asked->req.content_type = "application/json";
    asked->req.date_ms = date_ms;
    asked->req.attempts_max = 1;
    asked->req.deadline_ms = 10000;
    submit(asked);
}

static void slot_ended(struct silt_chain *chain)
{
    chain->committing = chain->put_begun = false;
}

static void slot_won(struct silt_chain *chain)
{
    unsigned generation = chain->generation;
    slot_ended(chain);
    silt_manifest_done(&chain->tail);
    chain->tail = chain->next;
    chain->next = (struct silt_manifest){0};
    silt_sha256_hex(chain->body.data, chain->body.len, chain->tail_sha256);
    chain->tail_read_ms = chain->slot.last_date_ms - chain->slot.clock_offset_ms;
    chain->tail_own = true;
    begin_roll(chain);
    bool is_pending = chain->rolling_n > 0;
    chain->opts.events->on_won(chain->opts.ctx, &chain->tail);
    if (!is_pending && is_still(chain, generation)) tell_durable(chain);
}

static void page_slot(struct silt_chain *chain)
{
    char text[200];
    snprintf(text, sizeof text, "slot %lld of %s/%d cannot be committed now (%s)",
             (long long)chain->next.seq, chain->tp.topic, chain->tp.partition,
             silt_slot_state_name(chain->slot.state));
    chain->opts.events->on_page(chain->opts.ctx, "commit_delayed", text);
}

static void step_slot(struct silt_chain *chain, const struct silt_slot_event *event)
{
    struct silt_slot_action action = silt_slot_step(&chain->slot, event);
    int64_t seq = chain->next.seq;
    if (action.page) page_slot(chain);
    switch (action.kind) {
    case SILT_SLOT_DO_PUT: ask_put(chain, action.date_ms); return;
    case SILT_SLOT_DO_GET: ask_get(chain, seq); return;
    case SILT_SLOT_DO_TAIL: ask_get(chain, seq - 1); return;
    case SILT_SLOT_DO_WAIT:
        silt_timer_set(chain->opts.timers, &chain->timer, silt_mono_ms() + action.wait_ms,
                       on_slot_timer, chain);
        return;
    case SILT_SLOT_WON: slot_won(chain); return;
    case SILT_SLOT_LOST:
        slot_ended(chain);
        chain->opts.events->on_lost(chain->opts.ctx, seq);
        return;
    case SILT_SLOT_ABANDON:
        slot_ended(chain);
        chain->opts.events->on_abandon(chain->opts.ctx, seq);
        return;
    case SILT_SLOT_BROKEN:
        slot_ended(chain);
        halt(chain, "a manifest is gone: manifests must never be deleted or expire");
        return;
    case SILT_SLOT_DO_NOTHING:
    case SILT_SLOT_FORGET: return;
    }
}

/* Where no record tells a leader's epoch (holes alone, a gap), that of what lies before stands:
 * only with one can the next owner find out that Kafka's log was truncated below this slot. */
static void inherit_epoch(struct silt_manifest *next, const struct silt_manifest *tail)
{
    if (!tail || next->leader_epoch[1] >= 0) return;
    next->leader_epoch[0] = next->leader_epoch[1] = tail->leader_epoch[1];
}

static void begin_slot(struct silt_chain *chain)
{
    struct silt_err err;
    struct silt_manifest *next = &chain->next;
    inherit_epoch(next, silt_chain_tail(chain));
    next->seq = chain->tail.seq + 1;
    next->lineage = next->seq ? chain->tail.lineage + (next->kind == SILT_SLOT_LINEAGE) : 0;
    snprintf(next->prev, sizeof next->prev, "%s", next->seq ? chain->tail_sha256 : SILT_NO_PREV);
    silt_buf_clear(&chain->body);
    if (!silt_ok(silt_manifest_check(next, &err)) ||
        !silt_ok(
            silt_manifest_check_link(next, silt_chain_tail(chain), chain->tail_sha256, &err)) ||
        !silt_ok(silt_manifest_write(next, &chain->body, &err))) {
        slot_ended(chain);
        halt(chain, err.text);
        return;
    }
    chain->put_begun = true;
    silt_slot_init(&chain->slot, &chain->opts.limits, next->seq > 0, chain->oldest_upload_ms,
                   chain->tail_read_ms);
    struct silt_slot_event event = {
        .kind = SILT_SLOT_EV_BEGIN, .now_ms = silt_wall_ms(), .random = silt_random_u64()};
    step_slot(chain, &event);
}

void silt_chain_commit(struct silt_chain *chain, struct silt_manifest *manifest,
                       int64_t oldest_upload_ms)
{
    struct silt_manifest taken = *manifest;
    *manifest = (struct silt_manifest){0};
    if (chain->halted) {
        silt_manifest_done(&taken);
        return;
    }
    SILT_ASSERT(chain->ready && !chain->committing && !chain->released);
    silt_manifest_done(&chain->next);
    chain->next = taken;
    chain->next.tp = chain->tp;
    chain->oldest_upload_ms = oldest_upload_ms;
    chain->committing = true;
    if (silt_chain_is_rolled(chain)) begin_slot(chain); /* else file_rolled does (R4) */
}

/* A reply to the slot machine: its state tells what was asked. */
static void on_slot_reply(struct silt_chain *chain, struct silt_store_req *req)
{
    struct silt_slot_event event = {.now_ms = silt_wall_ms(),
                                    .outcome = req->outcome,
                                    .server_ms = req->server_time_ms,
                                    .random = silt_random_u64()};
    struct silt_slice got = silt_buf_slice(&req->ret_body);
    char sha256[SILT_SHA256_HEX];
    if (req->op == SILT_OP_PUT_NEW) {
        event.kind = SILT_SLOT_EV_PUT;
    } else if (chain->slot.state == SILT_SLOT_TAIL) {
        event.kind = SILT_SLOT_EV_TAIL;
        silt_sha256_hex(got.ptr, got.len, sha256);
        event.same = strcmp(sha256, chain->tail_sha256) == 0;
    } else {
        event.kind = SILT_SLOT_EV_GET;
        event.same = silt_slice_eq(got, silt_buf_slice(&chain->body));
    }
    step_slot(chain, &event);
}

/* ---- replies ---- */

static void dispatch(struct asked *asked)
{
    struct silt_chain *chain = asked->chain;
    struct silt_store_req *req = &asked->req;
    if (asked->rolling)
        on_roll_reply(asked->rolling, req);
    else if (req->op == SILT_OP_LIST)
        on_listed(chain, req);
    else if (chain->put_begun)
        on_slot_reply(chain, req);
    else
        on_recovery_get(chain, req, chain->tail.seq >= 0);
}

static void on_reply(struct silt_store_req *req)
{
    struct asked *asked = req->ctx;
    struct silt_chain *chain = asked->chain;
    bool counts = asked->generation == chain->generation && !chain->released && !chain->halted;
    if (counts) dispatch(asked);
    silt_store_req_done(req);
    silt_free(asked->upload_id);
    silt_free(asked->parts);
    silt_free(asked);
    chain->in_flight--;
    free_if_done(chain);
}

/* ---- questions ---- */

const struct silt_manifest *silt_chain_tail(const struct silt_chain *chain)
{
    return chain->tail.seq >= 0 ? &chain->tail : NULL;
}

int64_t silt_chain_next_seq(const struct silt_chain *chain)
{
    return chain->tail.seq + 1 + (chain->committing ? 1 : 0);
}

bool silt_chain_is_rolled(const struct silt_chain *chain)
{
    return chain->rolling_open == 0;
}

bool silt_chain_is_committing(const struct silt_chain *chain)
{
    return chain->committing;
}

bool silt_chain_put_sent(const struct silt_chain *chain)
{
    return chain->put_begun && !silt_slot_may_abort(&chain->slot);
}

const char *silt_chain_tail_sha256(const struct silt_chain *chain)
{
    return chain->tail_sha256;
}
