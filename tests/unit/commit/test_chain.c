#include "commit/chain.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "harness.h"
#include "sample_manifest.h"

#include <stdio.h>
#include <string.h>

#define FAR_MS ((int64_t)24 * 3600 * 1000)
#define NO_UPLOAD_MS INT64_MAX

/* The loop of one worker, and all that its chain told it. */
struct worker {
    struct silt_memory_store *mem;
    struct silt_queue *inbox;
    struct silt_timers timers;
    struct silt_chain *chain;
    char nonce;
    unsigned ready_n, won_n, durable_n, lost_n, abandoned_n, halted_n, missing_n, paged_n;
    bool durable_own;
    int64_t tail_seq; /* told by the last on_ready; -1: empty */
    unsigned missing_file, missing_k;
    char why[400];
    char page[400];
    bool recover_when_lost;
    bool commit_when_won; /* hands in the next slot from within on_won */
    bool release_when_won;
};

static void on_ready(void *ctx, const struct silt_manifest *tail)
{
    struct worker *worker = ctx;
    worker->ready_n++;
    worker->tail_seq = tail ? tail->seq : -1;
}

static void commit_next(struct worker *worker, unsigned files_n);

static void on_won(void *ctx, const struct silt_manifest *slot)
{
    struct worker *worker = ctx;
    (void)slot;
    worker->won_n++;
    if (worker->release_when_won) {
        silt_chain_release(worker->chain);
        worker->chain = NULL;
    }
    if (!worker->commit_when_won) return;
    worker->commit_when_won = false;
    commit_next(worker, 1);
}

static void on_durable(void *ctx, const struct silt_manifest *slot, bool own)
{
    struct worker *worker = ctx;
    (void)slot;
    worker->durable_n++;
    worker->durable_own = own;
}

static void on_lost(void *ctx, int64_t seq)
{
    struct worker *worker = ctx;
    worker->lost_n++;
    if (worker->recover_when_lost) silt_chain_recover(worker->chain, seq);
}

static void on_abandon(void *ctx, int64_t seq)
{
    (void)seq;
    ((struct worker *)ctx)->abandoned_n++;
}

static void on_halt(void *ctx, const char *why)
{
    struct worker *worker = ctx;
    worker->halted_n++;
    snprintf(worker->why, sizeof worker->why, "%s", why);
}

static void on_missing(void *ctx, const struct silt_manifest *slot, unsigned file, unsigned k)
{
    struct worker *worker = ctx;
    (void)slot;
    worker->missing_n++;
    worker->missing_file = file;
    worker->missing_k = k;
}

static void on_page(void *ctx, const char *what, const char *text)
{
    struct worker *worker = ctx;
    worker->paged_n++;
    snprintf(worker->page, sizeof worker->page, "%s: %s", what, text);
}

static struct worker *new_careful_worker(struct silt_memory_store *mem, char nonce,
                                         int64_t max_tail_age_ms)
{
    static const struct silt_chain_events events = {.on_ready = on_ready,
                                                    .on_won = on_won,
                                                    .on_durable = on_durable,
                                                    .on_lost = on_lost,
                                                    .on_abandon = on_abandon,
                                                    .on_halt = on_halt,
                                                    .on_missing = on_missing,
                                                    .on_page = on_page};
    struct worker *worker = SILT_NEW(struct worker);
    struct silt_tp tp = silt_sample_tp();
    worker->mem = mem;
    worker->nonce = nonce;
    worker->tail_seq = -2;
    worker->inbox = silt_queue_new(64, NULL, NULL);
    silt_timers_init(&worker->timers);
    struct silt_chain_opts opts = {
        .store = &mem->store,
        .inbox = worker->inbox,
        .timers = &worker->timers,
        .limits = {.max_upload_age_ms = 4 * 3600 * 1000, .max_tail_age_ms = max_tail_age_ms},
        .events = &events,
        .ctx = worker};
    worker->chain = silt_chain_new(&opts, &tp);
    return worker;
}

static struct worker *new_worker(struct silt_memory_store *mem, char nonce)
{
    return new_careful_worker(mem, nonce, 600 * 1000);
}

static void pump(struct worker *worker)
{
    for (struct silt_store_req *req; (req = silt_queue_pop(worker->inbox, 0));)
        silt_store_reply(req);
}

/* Lets everything happen, waits included. */
static void settle(struct worker *worker)
{
    for (unsigned i = 0; i < 200; i++) {
        pump(worker);
        if (!worker->timers.len) return;
        silt_timers_run(&worker->timers, silt_mono_ms() + FAR_MS);
    }
    CU_FAIL("the chain does not come to rest");
}

static void end_worker(struct worker *worker)
{
    silt_chain_release(worker->chain);
    pump(worker);
    CU_ASSERT_EQUAL(worker->timers.len, 0);
    silt_timers_done(&worker->timers);
    silt_queue_free(worker->inbox);
    silt_free(worker);
}

static void commit_aged(struct worker *worker, unsigned files_n, int64_t oldest_upload_ms)
{
    struct silt_tp tp = silt_sample_tp();
    const struct silt_manifest *tail = silt_chain_tail(worker->chain);
    int64_t start = tail ? tail->next : 1000;
    struct silt_manifest m =
        silt_sample_slot(&tp, worker->nonce, silt_chain_next_seq(worker->chain), start, files_n);
    if (!files_n) {
        m.kind = SILT_SLOT_GAP;
        m.next = m.start + 5;
        m.leader_epoch[0] = m.leader_epoch[1] = -1;
    }
    silt_sample_stage_all(worker->mem, &m);
    silt_chain_commit(worker->chain, &m, oldest_upload_ms);
    CU_ASSERT_PTR_NULL(m.files); /* taken */
}

static void commit_next(struct worker *worker, unsigned files_n)
{
    commit_aged(worker, files_n, files_n ? silt_wall_ms() : NO_UPLOAD_MS);
}

static void recover(struct worker *worker)
{
    silt_chain_recover(worker->chain, 0);
    settle(worker);
}

/* A log of n slots, all durable, written by somebody who is gone. */
static void write_log(struct silt_memory_store *mem, unsigned slots_n)
{
    struct worker *worker = new_worker(mem, 'a');
    recover(worker);
    for (unsigned i = 0; i < slots_n; i++) {
        commit_next(worker, 2);
        settle(worker);
    }
    CU_ASSERT_EQUAL(worker->durable_n, slots_n);
    end_worker(worker);
}

static void fault(struct silt_memory_store *mem, enum silt_store_op op, const char *key_part,
                  enum silt_memory_fault_kind kind, enum silt_store_outcome outcome, unsigned times)
{
    struct silt_memory_fault made = {
        .op = op, .key_part = key_part, .kind = kind, .outcome = outcome, .times = times};
    silt_memory_add_fault(mem, &made);
}

static struct silt_memory_object *find_slot(struct silt_memory_store *mem, int64_t seq)
{
    struct silt_tp tp = silt_sample_tp();
    char key[SILT_KEY_MAX];
    silt_key_manifest(&tp, seq, key);
    return silt_memory_find(mem, key);
}

static void replace_slot(struct silt_memory_store *mem, struct silt_manifest *m, int64_t at_seq)
{
    struct silt_buf body;
    struct silt_tp tp = silt_sample_tp();
    char key[SILT_KEY_MAX];
    silt_buf_init(&body, SILT_MANIFEST_MAX);
    CU_ASSERT_OK(silt_manifest_write(m, &body, NULL));
    silt_key_manifest(&tp, at_seq, key);
    silt_memory_put(mem, key, silt_buf_slice(&body));
    silt_buf_done(&body);
}

/* Every slot stands, is linked, and all its files are there: what a reader would check. */
static void check_log(struct silt_memory_store *mem, unsigned slots_n)
{
    struct silt_manifest before = {0};
    char sha256[SILT_SHA256_HEX] = "";
    for (unsigned seq = 0; seq < slots_n; seq++) {
        struct silt_manifest m = {0};
        const struct silt_memory_object *object = find_slot(mem, seq);
        CU_ASSERT_PTR_NOT_NULL(object);
        if (!object) break;
        CU_ASSERT_OK(silt_manifest_parse(silt_slice_of(object->body, object->len), &m, NULL));
        CU_ASSERT_OK(silt_manifest_check(&m, NULL));
        CU_ASSERT_OK(silt_manifest_check_link(&m, seq ? &before : NULL, sha256, NULL));
        for (unsigned i = 0; i < m.files_n; i++)
            CU_ASSERT_PTR_NOT_NULL(silt_memory_find(mem, m.files[i].key));
        silt_sha256_hex(object->body, object->len, sha256);
        silt_manifest_done(&before);
        before = m;
    }
    silt_manifest_done(&before);
    CU_ASSERT_PTR_NULL(find_slot(mem, slots_n));
}

static void an_empty_log_begins_with_slot_0(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct worker *worker = new_worker(mem, 'a');
    recover(worker);
    CU_ASSERT_EQUAL(worker->ready_n, 1);
    CU_ASSERT_EQUAL(worker->tail_seq, -1);
    CU_ASSERT_EQUAL(worker->durable_n, 0);
    CU_ASSERT_PTR_NULL(silt_chain_tail(worker->chain));
    CU_ASSERT_EQUAL(silt_chain_next_seq(worker->chain), 0);
    end_worker(worker);
    silt_store_free(&mem->store);
}

static void slots_are_committed_one_after_the_other(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct worker *worker = new_worker(mem, 'a');
    recover(worker);
    for (unsigned i = 0; i < 3; i++) {
        int64_t before_ms = silt_wall_ms();
        commit_next(worker, i == 1 ? 0 : 2); /* the middle one is a gap */
        CU_ASSERT(silt_chain_is_committing(worker->chain));
        CU_ASSERT(silt_chain_put_sent(worker->chain));
        CU_ASSERT_EQUAL(silt_chain_next_seq(worker->chain), i + 1);
        settle(worker);
        CU_ASSERT(mem->last_date_ms >= before_ms); /* R7: signed with the date of the checks */
        CU_ASSERT_EQUAL(worker->won_n, i + 1);
        CU_ASSERT_EQUAL(worker->durable_n, i + 1);
        CU_ASSERT(worker->durable_own);
        CU_ASSERT(silt_chain_is_rolled(worker->chain));
        CU_ASSERT_FALSE(silt_chain_put_sent(worker->chain));
        CU_ASSERT_EQUAL(strlen(silt_chain_tail_sha256(worker->chain)), 64);
    }
    CU_ASSERT_EQUAL(worker->lost_n + worker->halted_n + worker->paged_n, 0);
    check_log(mem, 3);
    end_worker(worker);
    silt_store_free(&mem->store);
}

static void a_slot_without_records_has_the_leader_epoch_of_the_one_before(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct worker *worker = new_worker(mem, 'a');
    recover(worker);
    for (unsigned i = 0; i < 3; i++) {
        commit_next(worker, i ? 0 : 2); /* gaps behind a slot of records */
        settle(worker);
    }
    int32_t epoch = silt_chain_tail(worker->chain)->leader_epoch[1];
    CU_ASSERT_EQUAL(silt_chain_tail(worker->chain)->seq, 2);
    CU_ASSERT(epoch > 0);
    end_worker(worker);

    struct worker *next = new_worker(mem, 'b');
    recover(next);
    CU_ASSERT_EQUAL(silt_chain_tail(next->chain)->leader_epoch[0], epoch);
    CU_ASSERT_EQUAL(silt_chain_tail(next->chain)->leader_epoch[1], epoch);
    end_worker(next);
    silt_store_free(&mem->store);
}

static void recovery_rolls_a_pending_tail_forward(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    write_log(mem, 1);
    struct worker *dying = new_worker(mem, 'b');
    recover(dying);
    fault(mem, SILT_OP_MPU_COMPLETE, "", SILT_FAULT_REFUSED, SILT_STORE_STOPPED, 2);
    commit_next(dying, 2);
    settle(dying);
    CU_ASSERT_EQUAL(dying->won_n, 1);
    CU_ASSERT_FALSE(silt_chain_is_rolled(dying->chain));
    end_worker(dying);
    struct worker *worker = new_worker(mem, 'c');
    recover(worker);
    CU_ASSERT_EQUAL(worker->tail_seq, 1);
    CU_ASSERT_EQUAL(worker->durable_n, 1);
    CU_ASSERT_FALSE(worker->durable_own);
    check_log(mem, 2);
    end_worker(worker);
    silt_store_free(&mem->store);
}

static void any_hint_finds_the_tail(void)
{
    static const int64_t hints[] = {-5, 0, 1, 3, 4, 99, INT64_MAX};
    struct silt_memory_store *mem = silt_memory_store_new();
    write_log(mem, 4);
    mem->page_max = 2;
    struct worker *worker = new_worker(mem, 'b');
    for (unsigned i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        silt_chain_recover(worker->chain, hints[i]);
        settle(worker);
        CU_ASSERT_EQUAL(worker->tail_seq, 3);
    }
    end_worker(worker);
    silt_store_free(&mem->store);
}

static void a_lost_answer_to_the_put_is_cleared_up_by_reading(void)
{
    static const struct {
        enum silt_memory_fault_kind kind;
        enum silt_store_outcome outcome;
    } cases[] = {
        {SILT_FAULT_ANSWERED, SILT_STORE_DOUBT},  {SILT_FAULT_REFUSED, SILT_STORE_DOUBT},
        {SILT_FAULT_ANSWERED, SILT_STORE_EXISTS}, {SILT_FAULT_REFUSED, SILT_STORE_CONFLICT},
        {SILT_FAULT_REFUSED, SILT_STORE_DENIED},  {SILT_FAULT_REFUSED, SILT_STORE_THROTTLED},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct silt_memory_store *mem = silt_memory_store_new();
        struct worker *worker = new_worker(mem, 'a');
        recover(worker);
        fault(mem, SILT_OP_PUT_NEW, "", cases[i].kind, cases[i].outcome, 1);
        commit_next(worker, 1);
        settle(worker);
        CU_ASSERT_EQUAL(worker->won_n, 1);
        CU_ASSERT_EQUAL(worker->durable_n, 1);
        CU_ASSERT_EQUAL(worker->lost_n, 0);
        CU_ASSERT_EQUAL(worker->paged_n, cases[i].outcome == SILT_STORE_DENIED);
        check_log(mem, 1);
        end_worker(worker);
        silt_store_free(&mem->store);
    }
}

static void a_refused_clock_is_corrected_once(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct worker *worker = new_worker(mem, 'a');
    mem->has_clock = true;
    mem->skew_ms = 3600 * 1000;
    recover(worker);
    fault(mem, SILT_OP_PUT_NEW, "", SILT_FAULT_REFUSED, SILT_STORE_SKEWED, 1);
    commit_next(worker, 1);
    settle(worker);
    CU_ASSERT_EQUAL(worker->won_n, 1);
    CU_ASSERT(mem->last_date_ms > silt_wall_ms() + 3000 * 1000);
    end_worker(worker);
    silt_store_free(&mem->store);
}

static void of_two_workers_on_one_log_exactly_one_wins_a_slot(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct worker *a = new_worker(mem, 'a');
    struct worker *b = new_worker(mem, 'b');
    a->recover_when_lost = b->recover_when_lost = true;
    recover(a);
    recover(b);
    for (unsigned round = 0; round < 4; round++) {
        struct worker *first = round % 2 ? a : b;
        struct worker *second = round % 2 ? b : a;
        commit_next(first, 1);
        commit_next(second, 1);
        settle(second); /* also its roll-forward of the other one's slot */
        settle(first);
        CU_ASSERT_EQUAL(a->won_n + b->won_n, round + 1);
        CU_ASSERT_EQUAL(a->lost_n + b->lost_n, round + 1);
        recover(first);
        recover(second);
        CU_ASSERT_EQUAL(second->tail_seq, round);
    }
    CU_ASSERT_EQUAL(a->won_n, 2);
    CU_ASSERT_EQUAL(a->halted_n + b->halted_n, 0);
    check_log(mem, 4);
    end_worker(a);
    end_worker(b);
    silt_store_free(&mem->store);
}

/* R4 */
static void the_next_slot_waits_until_the_one_before_is_complete(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct worker *worker = new_worker(mem, 'a');
    recover(worker);
    fault(mem, SILT_OP_MPU_COMPLETE, "", SILT_FAULT_HELD, SILT_STORE_OK, 2);
    worker->commit_when_won = true;
    commit_next(worker, 2);
    settle(worker);
    CU_ASSERT_EQUAL(worker->won_n, 1);
    CU_ASSERT_EQUAL(mem->held_n, 2);
    CU_ASSERT_EQUAL(mem->calls[SILT_OP_PUT_NEW], 1);
    CU_ASSERT(silt_chain_is_committing(worker->chain));
    CU_ASSERT_FALSE(silt_chain_put_sent(worker->chain));
    CU_ASSERT_EQUAL(silt_chain_next_seq(worker->chain), 2);
    silt_memory_let_go(mem);
    settle(worker);
    CU_ASSERT_EQUAL(worker->won_n, 2);
    CU_ASSERT_EQUAL(worker->durable_n, 2);
    check_log(mem, 2);
    end_worker(worker);
    silt_store_free(&mem->store);
}

/* The log was damaged in one way: recovery stops and says so, and nothing is committed any more. */
static void halts(struct silt_memory_store *mem, const char *word)
{
    struct worker *worker = new_worker(mem, 'd');
    recover(worker);
    CU_ASSERT_EQUAL(worker->halted_n, 1);
    CU_ASSERT_EQUAL(worker->ready_n, 0);
    if (!strstr(worker->why, word)) CU_FAIL(worker->why);
    unsigned puts = mem->calls[SILT_OP_PUT_NEW];
    struct silt_tp tp = silt_sample_tp();
    struct silt_manifest m = silt_sample_slot(&tp, 'd', 0, 0, 1);
    silt_chain_commit(worker->chain, &m, NO_UPLOAD_MS);
    settle(worker);
    CU_ASSERT_EQUAL(mem->calls[SILT_OP_PUT_NEW], puts);
    CU_ASSERT_EQUAL(worker->durable_n, 0);
    end_worker(worker);
    silt_store_free(&mem->store);
}

static struct silt_memory_store *new_log(unsigned slots_n)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    write_log(mem, slots_n);
    return mem;
}

static void a_broken_log_halts(void)
{
    struct silt_tp tp = silt_sample_tp();
    struct silt_memory_store *mem = new_log(2);
    struct silt_manifest m = silt_sample_slot(&tp, '9', 0, 1000, 2);
    silt_sample_stage_all(mem, &m);
    replace_slot(mem, &m, 0); /* another slot 0 than the one slot 1 was built on */
    silt_manifest_done(&m);
    halts(mem, "prev differs");

    mem = new_log(2);
    silt_memory_delete(mem, find_slot(mem, 0)->key);
    halts(mem, "is gone");

    mem = new_log(2);
    fault(mem, SILT_OP_GET, "0000000000000001.json", SILT_FAULT_REFUSED, SILT_STORE_NOT_FOUND, 1);
    halts(mem, "is gone");

    mem = new_log(1);
    silt_memory_put(mem, find_slot(mem, 0)->key, silt_slice_str("{\"v\":2}"));
    halts(mem, "newer");

    mem = new_log(1);
    silt_memory_put(mem, find_slot(mem, 0)->key, silt_slice_str("rubbish"));
    halts(mem, "0000000000000000.json: no JSON");

    mem = new_log(2);
    silt_memory_put(mem, find_slot(mem, 0)->key, silt_slice_str("rubbish"));
    halts(mem, "no JSON");

    mem = new_log(0);
    m = silt_sample_slot(&tp, '9', 0, 1000, 1);
    silt_sample_stage_all(mem, &m);
    m.records++;
    replace_slot(mem, &m, 0);
    silt_manifest_done(&m);
    halts(mem, "do not balance");
}

static void a_tail_out_of_place_halts(void)
{
    struct silt_tp tp = silt_sample_tp();
    struct silt_tp twin = tp; /* another incarnation whose id begins alike */
    twin.topic_id[31] = '0';
    struct silt_memory_store *mem = new_log(0);
    struct silt_manifest m = silt_sample_slot(&twin, '9', 0, 1000, 1);
    silt_sample_stage_all(mem, &m);
    replace_slot(mem, &m, 0);
    halts(mem, "begins alike");

    mem = new_log(0);
    m.tp = tp;
    replace_slot(mem, &m, 3); /* says that it is slot 0 */
    halts(mem, "does not belong here");

    mem = new_log(0);
    memset(m.prev, '1', 64);
    replace_slot(mem, &m, 0);
    halts(mem, "no slot before it");
    silt_manifest_done(&m);
}

static void a_halted_chain_recovers_when_asked(void)
{
    struct silt_memory_store *mem = new_log(2);
    fault(mem, SILT_OP_GET, "0000000000000001.json", SILT_FAULT_REFUSED, SILT_STORE_NOT_FOUND, 1);
    struct worker *worker = new_worker(mem, 'b');
    recover(worker);
    CU_ASSERT_EQUAL(worker->halted_n, 1);
    recover(worker);
    CU_ASSERT_EQUAL(worker->tail_seq, 1);
    commit_next(worker, 1);
    settle(worker);
    CU_ASSERT_EQUAL(worker->won_n, 1);
    check_log(mem, 3);
    end_worker(worker);
    silt_store_free(&mem->store);
}

static void recovery_goes_on_when_the_store_comes_back(void)
{
    struct silt_memory_store *mem = new_log(2);
    fault(mem, SILT_OP_LIST, "", SILT_FAULT_REFUSED, SILT_STORE_DOUBT, 2);
    fault(mem, SILT_OP_LIST, "", SILT_FAULT_REFUSED, SILT_STORE_DENIED, 1);
    fault(mem, SILT_OP_GET, "0000000000000001.json", SILT_FAULT_REFUSED, SILT_STORE_DOUBT, 1);
    fault(mem, SILT_OP_GET, "0000000000000000.json", SILT_FAULT_REFUSED, SILT_STORE_DENIED, 1);
    struct worker *worker = new_worker(mem, 'b');
    recover(worker);
    CU_ASSERT_EQUAL(worker->tail_seq, 1);
    CU_ASSERT_EQUAL(worker->ready_n, 1);
    CU_ASSERT_EQUAL(worker->durable_n, 1);
    CU_ASSERT_EQUAL(worker->paged_n, 2);
    end_worker(worker);
    silt_store_free(&mem->store);
}

static void a_stopped_store_says_nothing(void)
{
    static const enum silt_store_op ops[] = {SILT_OP_LIST, SILT_OP_GET, SILT_OP_PUT_NEW,
                                             SILT_OP_MPU_COMPLETE};
    for (unsigned i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        struct silt_memory_store *mem = new_log(1);
        struct worker *worker = new_worker(mem, 'b');
        fault(mem, ops[i], "", SILT_FAULT_REFUSED, SILT_STORE_STOPPED, 9);
        recover(worker);
        if (worker->ready_n && silt_chain_is_rolled(worker->chain)) commit_next(worker, 1);
        settle(worker);
        CU_ASSERT_EQUAL(worker->lost_n + worker->abandoned_n + worker->halted_n, 0);
        CU_ASSERT_EQUAL(worker->won_n, 0);
        end_worker(worker);
        silt_store_free(&mem->store);
    }
}

static void uploads_too_old_are_given_up_before_a_put(void)
{
    struct silt_memory_store *mem = new_log(1);
    struct worker *worker = new_worker(mem, 'b');
    recover(worker);
    unsigned puts = mem->calls[SILT_OP_PUT_NEW];
    commit_aged(worker, 1, silt_wall_ms() - 5 * 3600 * 1000);
    settle(worker);
    CU_ASSERT_EQUAL(worker->abandoned_n, 1);
    CU_ASSERT_EQUAL(mem->calls[SILT_OP_PUT_NEW], puts);
    CU_ASSERT_FALSE(silt_chain_is_committing(worker->chain));
    end_worker(worker);
    silt_store_free(&mem->store);
}

static void wait_ms(int64_t ms)
{
    struct silt_queue *queue = silt_queue_new(1, NULL, NULL);
    (void)silt_queue_pop(queue, ms);
    silt_queue_free(queue);
}

/* R7 */
static void a_tail_read_long_ago_is_read_again_before_the_put(void)
{
    struct silt_memory_store *mem = new_log(1);
    struct worker *worker = new_careful_worker(mem, 'b', 50);
    recover(worker);
    wait_ms(60);
    unsigned gets = mem->calls[SILT_OP_GET];
    commit_next(worker, 1);
    settle(worker);
    CU_ASSERT(mem->calls[SILT_OP_GET] > gets);
    CU_ASSERT_EQUAL(worker->won_n, 1);
    wait_ms(60);
    silt_memory_put(mem, find_slot(mem, 1)->key, silt_slice_str("another slot 1"));
    unsigned puts = mem->calls[SILT_OP_PUT_NEW];
    commit_next(worker, 1);
    settle(worker);
    CU_ASSERT_EQUAL(worker->halted_n, 1);
    CU_ASSERT_EQUAL(mem->calls[SILT_OP_PUT_NEW], puts);
    end_worker(worker);
    silt_store_free(&mem->store);
}

static void a_slot_that_vanished_after_412_halts(void)
{
    struct silt_memory_store *mem = new_log(1);
    struct worker *worker = new_worker(mem, 'b');
    recover(worker);
    fault(mem, SILT_OP_PUT_NEW, "", SILT_FAULT_REFUSED, SILT_STORE_EXISTS, 1);
    commit_next(worker, 1);
    settle(worker);
    CU_ASSERT_EQUAL(worker->halted_n, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(worker->why, "gone"));
    end_worker(worker);
    silt_store_free(&mem->store);
}

static void a_slot_that_does_not_follow_its_tail_is_never_put(void)
{
    struct silt_memory_store *mem = new_log(1);
    struct worker *worker = new_worker(mem, 'b');
    struct silt_tp tp = silt_sample_tp();
    recover(worker);
    unsigned puts = mem->calls[SILT_OP_PUT_NEW];
    struct silt_manifest m = silt_sample_slot(&tp, 'b', 1, 5, 1); /* starts anywhere */
    silt_sample_stage_all(mem, &m);
    silt_chain_commit(worker->chain, &m, silt_wall_ms());
    settle(worker);
    CU_ASSERT_EQUAL(worker->halted_n, 1);
    CU_ASSERT_EQUAL(mem->calls[SILT_OP_PUT_NEW], puts);
    end_worker(worker);
    silt_store_free(&mem->store);
}

/* ---- rolling forward ---- */

static void completes_that_fail_are_sorted_out(void)
{
    static const struct {
        enum silt_memory_fault_kind kind;
        enum silt_store_outcome outcome;
    } cases[] = {
        {SILT_FAULT_ANSWERED, SILT_STORE_NO_UPLOAD}, /* completed by another roller */
        {SILT_FAULT_ANSWERED, SILT_STORE_DOUBT},     /* then NoSuchUpload, then HEAD */
        {SILT_FAULT_REFUSED, SILT_STORE_DOUBT},        {SILT_FAULT_REFUSED, SILT_STORE_CONFLICT},
        {SILT_FAULT_REFUSED, SILT_STORE_INVALID_PART}, /* the same ETags after all */
        {SILT_FAULT_REFUSED, SILT_STORE_DENIED},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct silt_memory_store *mem = new_log(1);
        struct worker *worker = new_worker(mem, 'b');
        recover(worker);
        fault(mem, SILT_OP_MPU_COMPLETE, "", cases[i].kind, cases[i].outcome, 1);
        commit_next(worker, 2);
        settle(worker);
        CU_ASSERT_EQUAL(worker->durable_n, 2);
        CU_ASSERT_EQUAL(worker->missing_n + worker->halted_n, 0);
        check_log(mem, 2);
        end_worker(worker);
        silt_store_free(&mem->store);
    }
}

/* A slot whose completes are held, so that a test can damage what was staged. */
static struct worker *new_pending(struct silt_memory_store *mem, unsigned files_n)
{
    struct worker *worker = new_worker(mem, 'a');
    recover(worker);
    fault(mem, SILT_OP_MPU_COMPLETE, "", SILT_FAULT_HELD, SILT_STORE_OK, files_n);
    commit_next(worker, files_n);
    settle(worker);
    CU_ASSERT_EQUAL(mem->held_n, files_n);
    return worker;
}

static void parts_sent_again_are_completed_under_their_new_etags(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct worker *worker = new_pending(mem, 1);
    struct silt_memory_upload *upload = silt_memory_find_upload(mem, "a-s0-f0-r0");
    strcpy(upload->parts[1].etag, "\"kms\"");
    silt_memory_let_go(mem);
    settle(worker);
    CU_ASSERT_EQUAL(worker->durable_n, 1);
    CU_ASSERT_EQUAL(mem->calls[SILT_OP_MPU_PARTS], 1);
    check_log(mem, 1);
    end_worker(worker);
    silt_store_free(&mem->store);
}

static void parts_of_other_content_are_missing(void)
{
    for (unsigned i = 0; i < 4; i++) {
        struct silt_memory_store *mem = silt_memory_store_new();
        struct worker *worker = new_pending(mem, 1);
        struct silt_memory_upload *upload = silt_memory_find_upload(mem, "a-s0-f0-r0");
        strcpy(upload->parts[0].etag, "\"other\"");
        if (i == 0) upload->parts[1].crc32c ^= 1;
        if (i == 1) upload->parts[1].size++;
        if (i == 2) upload->parts[1].n = 3;
        if (i == 3) silt_free(upload->bodies[--upload->parts_n]);
        silt_memory_let_go(mem);
        settle(worker);
        CU_ASSERT_EQUAL(worker->missing_n, 1);
        CU_ASSERT_EQUAL(worker->durable_n, 0);
        CU_ASSERT(worker->paged_n >= 1);
        end_worker(worker);
        silt_store_free(&mem->store);
    }
}

static void another_object_at_the_key_halts(void)
{
    for (unsigned i = 0; i < 2; i++) {
        struct silt_memory_store *mem = silt_memory_store_new();
        struct worker *worker = new_pending(mem, 1);
        struct silt_memory_upload *upload = silt_memory_find_upload(mem, "a-s0-f0-r0");
        upload->open = false;
        silt_memory_put(mem, upload->key, silt_slice_str("first part of a-s0-f0-rX"));
        struct silt_memory_object *object = silt_memory_find(mem, upload->key);
        if (i == 1) strcpy(object->token, upload->token), object->len--;
        silt_memory_let_go(mem);
        settle(worker);
        CU_ASSERT_EQUAL(worker->halted_n, 1);
        CU_ASSERT_EQUAL(worker->durable_n, 0);
        end_worker(worker);
        silt_store_free(&mem->store);
    }
}

static void a_file_deleted_on_purpose_does_not_block_the_log(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct worker *worker = new_pending(mem, 1);
    struct silt_memory_upload *upload = silt_memory_find_upload(mem, "a-s0-f0-r0");
    upload->open = false;
    silt_memory_put(mem, upload->key, silt_slice_str(""));
    silt_memory_find(mem, upload->key)->delete_marker = true;
    silt_memory_let_go(mem);
    settle(worker);
    CU_ASSERT_EQUAL(worker->durable_n, 1);
    CU_ASSERT_EQUAL(worker->paged_n, 1);
    end_worker(worker);
    silt_store_free(&mem->store);
}

/* ---- repairs ---- */

static void put_repair(struct silt_memory_store *mem, unsigned file, unsigned k, unsigned says_k,
                       bool lost)
{
    struct silt_tp tp = silt_sample_tp();
    struct silt_repair repair = {.seq = 0, .file = file, .k = says_k, .lost = lost};
    char key[SILT_KEY_MAX];
    struct silt_buf body;
    repair.with = silt_sample_file(&tp, 'e', 0, file, k);
    silt_sample_stage(mem, &repair.with);
    silt_buf_init(&body, SILT_MANIFEST_MAX);
    CU_ASSERT_OK(silt_repair_write(&repair, &tp, &body, NULL));
    silt_key_repair(&tp, 0, file, k, key);
    silt_memory_put(mem, key, silt_buf_slice(&body));
    silt_buf_done(&body);
    silt_repair_done(&repair);
}

/* Slot 0 of two files, of which file 1 was aborted by a lifecycle rule. */
static struct worker *new_hole(struct silt_memory_store *mem)
{
    struct worker *worker = new_pending(mem, 2);
    silt_memory_find_upload(mem, "a-s0-f1-r0")->open = false;
    silt_memory_let_go(mem);
    settle(worker);
    CU_ASSERT_EQUAL(worker->missing_n, 1);
    CU_ASSERT_EQUAL(worker->missing_file, 1);
    CU_ASSERT_EQUAL(worker->missing_k, 1);
    CU_ASSERT_EQUAL(worker->durable_n, 0);
    return worker;
}

static void a_missing_file_is_repaired_and_looked_at_again(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct worker *worker = new_hole(mem);
    commit_next(worker, 1); /* waits for the repair */
    settle(worker);
    CU_ASSERT_EQUAL(mem->calls[SILT_OP_PUT_NEW], 1);
    put_repair(mem, 1, 1, 1, false);
    fault(mem, SILT_OP_GET, ".f1.r1.json", SILT_FAULT_REFUSED, SILT_STORE_DOUBT, 1);
    unsigned gets = mem->calls[SILT_OP_GET];
    silt_chain_look_again(worker->chain, 1);
    silt_chain_look_again(worker->chain, 1); /* asked twice: read once */
    CU_ASSERT_EQUAL(mem->calls[SILT_OP_GET], gets + 1);
    settle(worker);
    CU_ASSERT_EQUAL(worker->durable_n, 2);
    CU_ASSERT_EQUAL(worker->won_n, 2);
    CU_ASSERT_FALSE(silt_memory_find_upload(mem, "e-s0-f1-r1")->open);
    silt_chain_look_again(worker->chain, 0); /* nothing is missing any more */
    silt_chain_look_again(worker->chain, 9);
    settle(worker);
    CU_ASSERT_EQUAL(worker->missing_n, 1);
    end_worker(worker);
    silt_store_free(&mem->store);
}

static void a_repair_that_stands_already_is_taken(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct worker *worker = new_pending(mem, 2);
    silt_memory_find_upload(mem, "a-s0-f1-r0")->open = false;
    put_repair(mem, 1, 1, 1, false);
    silt_memory_find_upload(mem, "e-s0-f1-r1")->open = false; /* lost as well: k+1 */
    put_repair(mem, 1, 2, 2, false);
    silt_memory_let_go(mem);
    settle(worker);
    CU_ASSERT_EQUAL(worker->durable_n, 1);
    CU_ASSERT_EQUAL(worker->missing_n, 0);
    end_worker(worker);
    silt_store_free(&mem->store);
}

static void a_file_declared_lost_lets_the_log_go_on(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct worker *worker = new_hole(mem);
    put_repair(mem, 1, 1, 1, true);
    silt_chain_look_again(worker->chain, 1);
    settle(worker);
    CU_ASSERT_EQUAL(worker->durable_n, 1);
    silt_chain_look_again(worker->chain, 1);
    settle(worker);
    CU_ASSERT_EQUAL(worker->durable_n, 1);
    end_worker(worker);
    silt_store_free(&mem->store);
}

static void a_repair_record_that_lies_halts(void)
{
    struct silt_tp tp = silt_sample_tp();
    char key[SILT_KEY_MAX];
    silt_key_repair(&tp, 0, 1, 1, key);
    for (unsigned i = 0; i < 2; i++) {
        struct silt_memory_store *mem = silt_memory_store_new();
        struct worker *worker = new_hole(mem);
        put_repair(mem, 1, 1, 7, false);
        if (i == 1) silt_memory_put(mem, key, silt_slice_str("{}"));
        silt_chain_look_again(worker->chain, 1);
        settle(worker);
        CU_ASSERT_EQUAL(worker->halted_n, 1);
        CU_ASSERT_EQUAL(worker->durable_n, 0);
        end_worker(worker);
        silt_store_free(&mem->store);
    }
}

/* ---- letting go ---- */

static void it_may_be_released_with_requests_in_flight(void)
{
    static const enum silt_store_op ops[] = {SILT_OP_LIST, SILT_OP_GET, SILT_OP_PUT_NEW,
                                             SILT_OP_MPU_COMPLETE};
    for (unsigned i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        struct silt_memory_store *mem = new_log(2);
        struct worker *worker = new_worker(mem, 'b');
        fault(mem, ops[i], "", SILT_FAULT_HELD, SILT_STORE_OK, 2);
        recover(worker);
        if (worker->ready_n && silt_chain_is_rolled(worker->chain)) commit_next(worker, 2);
        settle(worker);
        unsigned told = worker->ready_n + worker->won_n + worker->durable_n;
        CU_ASSERT(mem->held_n > 0);
        silt_chain_release(worker->chain);
        worker->chain = NULL;
        silt_memory_let_go(mem);
        settle(worker);
        CU_ASSERT_EQUAL(worker->ready_n + worker->won_n + worker->durable_n, told);
        end_worker(worker);
        silt_store_free(&mem->store);
    }
}

static void it_may_be_released_from_within_an_event(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct worker *worker = new_worker(mem, 'a');
    recover(worker);
    worker->release_when_won = true;
    commit_next(worker, 0);
    settle(worker);
    CU_ASSERT_EQUAL(worker->won_n, 1);
    CU_ASSERT_EQUAL(worker->durable_n, 0);
    end_worker(worker);
    silt_chain_release(NULL);
    silt_store_free(&mem->store);
}

static void answers_to_older_questions_do_not_count(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct worker *worker = new_pending(mem, 2);
    silt_chain_recover(worker->chain, 0); /* while two completes are under way */
    settle(worker);
    silt_memory_let_go(mem);
    settle(worker);
    CU_ASSERT_EQUAL(worker->durable_n, 1);
    CU_ASSERT_FALSE(worker->durable_own);
    check_log(mem, 1);
    end_worker(worker);
    silt_store_free(&mem->store);
}

SILT_TESTS("chain", {"an empty log begins with slot 0", an_empty_log_begins_with_slot_0},
           {"slots are committed one after the other", slots_are_committed_one_after_the_other},
           {"a slot without records has the leader epoch of the one before",
            a_slot_without_records_has_the_leader_epoch_of_the_one_before},
           {"recovery rolls a pending tail forward", recovery_rolls_a_pending_tail_forward},
           {"any hint finds the tail", any_hint_finds_the_tail},
           {"a lost answer to the PUT is cleared up by reading",
            a_lost_answer_to_the_put_is_cleared_up_by_reading},
           {"a refused clock is corrected once", a_refused_clock_is_corrected_once},
           {"of two workers on one log exactly one wins a slot",
            of_two_workers_on_one_log_exactly_one_wins_a_slot},
           {"the next slot waits until the one before is complete",
            the_next_slot_waits_until_the_one_before_is_complete},
           {"a broken log halts", a_broken_log_halts},
           {"a tail out of place halts", a_tail_out_of_place_halts},
           {"a halted chain recovers when asked", a_halted_chain_recovers_when_asked},
           {"recovery goes on when the store comes back",
            recovery_goes_on_when_the_store_comes_back},
           {"a stopped store says nothing", a_stopped_store_says_nothing},
           {"uploads too old are given up before a PUT", uploads_too_old_are_given_up_before_a_put},
           {"a tail read long ago is read again before the PUT",
            a_tail_read_long_ago_is_read_again_before_the_put},
           {"a slot that vanished after 412 halts", a_slot_that_vanished_after_412_halts},
           {"a slot that does not follow its tail is never put",
            a_slot_that_does_not_follow_its_tail_is_never_put},
           {"completes that fail are sorted out", completes_that_fail_are_sorted_out},
           {"parts sent again are completed under their new ETags",
            parts_sent_again_are_completed_under_their_new_etags},
           {"parts of other content are missing", parts_of_other_content_are_missing},
           {"another object at the key halts", another_object_at_the_key_halts},
           {"a file deleted on purpose does not block the log",
            a_file_deleted_on_purpose_does_not_block_the_log},
           {"a missing file is repaired and looked at again",
            a_missing_file_is_repaired_and_looked_at_again},
           {"a repair that stands already is taken", a_repair_that_stands_already_is_taken},
           {"a file declared lost lets the log go on", a_file_declared_lost_lets_the_log_go_on},
           {"a repair record that lies halts", a_repair_record_that_lies_halts},
           {"it may be released with requests in flight",
            it_may_be_released_with_requests_in_flight},
           {"it may be released from within an event", it_may_be_released_from_within_an_event},
           {"answers to older questions do not count", answers_to_older_questions_do_not_count})
