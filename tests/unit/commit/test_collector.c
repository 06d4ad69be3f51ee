#include "commit/collector.h"

#include "base/alloc.h"
#include "harness.h"
#include "sample_manifest.h"

#include <string.h>

struct seen {
    unsigned done_n;
    struct silt_collect_counts counts;
};

static void note_done(void *ctx, const struct silt_collect_counts *counts)
{
    struct seen *seen = ctx;
    seen->done_n++;
    seen->counts = *counts;
}

static void put_slot(struct silt_memory_store *mem, struct silt_manifest *m)
{
    struct silt_buf body;
    char key[SILT_KEY_MAX];
    silt_buf_init(&body, SILT_MANIFEST_MAX);
    CU_ASSERT_OK(silt_manifest_write(m, &body, NULL));
    silt_key_manifest(&m->tp, m->seq, key);
    silt_memory_put(mem, key, silt_buf_slice(&body));
    silt_buf_done(&body);
}

/* Slot seq is decided in favour of attempt 'a'; 'b' lost. */
static void decide_slot(struct silt_memory_store *mem, int64_t seq, unsigned files_n)
{
    struct silt_tp tp = silt_sample_tp();
    struct silt_manifest won = silt_sample_slot(&tp, 'a', seq, seq * 100, files_n);
    struct silt_manifest lost = silt_sample_slot(&tp, 'b', seq, seq * 100, files_n);
    silt_sample_stage_all(mem, &won);
    silt_sample_stage_all(mem, &lost);
    put_slot(mem, &won);
    silt_manifest_done(&won);
    silt_manifest_done(&lost);
}

/* Stages a repair upload and, with `decided`, a record that names this upload or another one. */
static void stage_repair(struct silt_memory_store *mem, char nonce, unsigned k, bool decided,
                         const char *named, bool lost)
{
    struct silt_tp tp = silt_sample_tp();
    struct silt_repair repair = {.seq = 5, .file = 0, .k = k, .lost = lost};
    repair.with = silt_sample_file(&tp, nonce, 5, 0, k);
    silt_sample_stage(mem, &repair.with);
    if (named) {
        silt_free(repair.with.upload_id);
        repair.with.upload_id = silt_strdup(named);
    }
    struct silt_buf body;
    char key[SILT_KEY_MAX];
    silt_buf_init(&body, SILT_MANIFEST_MAX);
    CU_ASSERT_OK(silt_repair_write(&repair, &tp, &body, NULL));
    silt_key_repair(&tp, 5, 0, k, key);
    if (decided) silt_memory_put(mem, key, silt_buf_slice(&body));
    silt_buf_done(&body);
    silt_repair_done(&repair);
}

static bool is_open(struct silt_memory_store *mem, const char *id)
{
    return silt_memory_find_upload(mem, id)->open;
}

static struct silt_collect_counts collect(struct silt_memory_store *mem, bool dry_run)
{
    struct silt_tp tp = silt_sample_tp();
    struct silt_collect_counts counts = {0};
    struct silt_err err = {0};
    CU_ASSERT_OK(silt_collect(&mem->store, &tp, 1, dry_run, &counts, &err));
    return counts;
}

static void aborts_what_its_slot_does_not_list(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_tp tp = silt_sample_tp();
    decide_slot(mem, 3, 2);
    struct silt_manifest open = silt_sample_slot(&tp, 'c', 4, 400, 1);
    silt_sample_stage_all(mem, &open);
    struct silt_collect_counts counts = collect(mem, false);
    CU_ASSERT_EQUAL(counts.seen, 5);
    CU_ASSERT_EQUAL(counts.aborted, 2);
    CU_ASSERT_EQUAL(counts.kept, 3);
    CU_ASSERT_EQUAL(counts.failed, 0);
    CU_ASSERT(is_open(mem, "a-s3-f0-r0") && is_open(mem, "a-s3-f1-r0"));
    CU_ASSERT(!is_open(mem, "b-s3-f0-r0") && !is_open(mem, "b-s3-f1-r0"));
    CU_ASSERT(is_open(mem, "c-s4-f0-r0"));
    CU_ASSERT_EQUAL(mem->calls[SILT_OP_GET], 2); /* one for each slot */
    silt_manifest_done(&open);
    silt_store_free(&mem->store);
}

static void a_dry_run_counts_and_aborts_nothing(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    decide_slot(mem, 3, 2);
    struct silt_collect_counts counts = collect(mem, true);
    CU_ASSERT_EQUAL(counts.aborted, 2);
    CU_ASSERT_EQUAL(counts.kept, 2);
    CU_ASSERT_EQUAL(mem->calls[SILT_OP_MPU_ABORT], 0);
    CU_ASSERT(is_open(mem, "b-s3-f0-r0"));
    silt_store_free(&mem->store);
}

static void repairs_are_decided_by_their_own_record(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    decide_slot(mem, 5, 1); /* the slot lists none of these */
    stage_repair(mem, 'c', 1, true, "the-other-repairer", false);
    stage_repair(mem, 'd', 2, true, NULL, false);
    stage_repair(mem, 'e', 3, false, NULL, false);
    stage_repair(mem, 'f', 4, true, NULL, true);
    struct silt_collect_counts counts = collect(mem, false);
    CU_ASSERT_EQUAL(counts.seen, 6);
    CU_ASSERT(!is_open(mem, "c-s5-f0-r1"));
    CU_ASSERT(is_open(mem, "d-s5-f0-r2"));
    CU_ASSERT(is_open(mem, "e-s5-f0-r3"));
    CU_ASSERT(!is_open(mem, "f-s5-f0-r4"));
    CU_ASSERT(is_open(mem, "a-s5-f0-r0"));
    silt_store_free(&mem->store);
}

static void foreign_keys_and_other_topics_are_not_touched(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_tp other = silt_sample_tp();
    strcpy(other.topic, "sensors2");
    decide_slot(mem, 3, 1);
    struct silt_manifest theirs = silt_sample_slot(&other, 'e', 3, 300, 1);
    silt_sample_stage_all(mem, &theirs);
    silt_memory_stage(mem, "data/topic=sensors/somebody's.avro", "foreign", "", NULL, 0);
    mem->lists_all_uploads = true;
    struct silt_collect_counts counts = collect(mem, false);
    CU_ASSERT_EQUAL(counts.seen, 2); /* ours only */
    CU_ASSERT_EQUAL(counts.aborted, 1);
    CU_ASSERT(is_open(mem, "foreign") && is_open(mem, "e-s3-f0-r0"));
    silt_manifest_done(&theirs);
    silt_store_free(&mem->store);
}

static void uploads_of_an_older_incarnation_are_decided_by_its_log(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    decide_slot(mem, 3, 1);
    struct silt_tp newer = silt_sample_tp();
    memset(newer.topic_id, 'f', 32);
    struct silt_collect_counts counts;
    CU_ASSERT_OK(silt_collect(&mem->store, &newer, 1, false, &counts, NULL));
    CU_ASSERT_EQUAL(counts.aborted, 1);
    silt_store_free(&mem->store);
}

/* Its parts were stored again under other ETags. What holds something else stays as it is. */
static void a_pending_file_of_an_older_incarnation_is_completed(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_tp newer = silt_sample_tp();
    struct silt_collect_counts counts;
    decide_slot(mem, 3, 3);
    strcpy(silt_memory_find_upload(mem, "a-s3-f1-r0")->parts[0].etag, "\"kms\"");
    struct silt_store_part *other = silt_memory_find_upload(mem, "a-s3-f2-r0")->parts;
    strcpy(other->etag, "\"other\"");
    other->crc32c++;
    memset(newer.topic_id, 'f', 32);
    CU_ASSERT_OK(silt_collect(&mem->store, &newer, 1, false, &counts, NULL));
    CU_ASSERT_EQUAL(counts.completed, 2);
    CU_ASSERT(!is_open(mem, "a-s3-f0-r0") && !is_open(mem, "a-s3-f1-r0"));
    CU_ASSERT(is_open(mem, "a-s3-f2-r0"));
    silt_store_free(&mem->store);
}

static void what_cannot_be_read_or_is_out_of_place_stays(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_tp tp = silt_sample_tp();
    char key[SILT_KEY_MAX];
    decide_slot(mem, 1, 1);
    decide_slot(mem, 2, 1);
    decide_slot(mem, 3, 1);
    silt_key_manifest(&tp, 1, key);
    silt_memory_put(mem, key, silt_slice_str("{}"));
    struct silt_manifest misplaced = silt_sample_slot(&tp, 'f', 9, 300, 1);
    silt_sample_stage_all(mem, &misplaced);
    misplaced.tp = tp;
    struct silt_buf body;
    silt_buf_init(&body, SILT_MANIFEST_MAX);
    CU_ASSERT_OK(silt_manifest_write(&misplaced, &body, NULL));
    silt_key_manifest(&tp, 2, key);
    silt_memory_put(mem, key, silt_buf_slice(&body)); /* says it is slot 9 */
    silt_buf_done(&body);
    struct silt_memory_fault fault = {.op = SILT_OP_GET,
                                      .key_part = "0000000000000003.json",
                                      .outcome = SILT_STORE_DENIED,
                                      .times = 1};
    silt_memory_add_fault(mem, &fault);
    struct silt_collect_counts counts = collect(mem, false);
    CU_ASSERT_EQUAL(counts.seen, 7);
    CU_ASSERT_EQUAL(counts.failed, 6);
    CU_ASSERT_EQUAL(counts.kept, 1); /* slot 9 itself is undecided */
    CU_ASSERT_EQUAL(mem->calls[SILT_OP_MPU_ABORT], 0);
    silt_manifest_done(&misplaced);
    silt_store_free(&mem->store);
}

static void an_abort_that_was_done_before_counts_and_one_that_fails_does_not(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    decide_slot(mem, 3, 3);
    struct silt_memory_fault fault = {
        .op = SILT_OP_MPU_ABORT, .key_part = "", .outcome = SILT_STORE_NO_UPLOAD, .times = 1};
    silt_memory_add_fault(mem, &fault);
    fault.outcome = SILT_STORE_DENIED;
    silt_memory_add_fault(mem, &fault);
    struct silt_collect_counts counts = collect(mem, false);
    CU_ASSERT_EQUAL(counts.aborted, 2);
    CU_ASSERT_EQUAL(counts.failed, 1);
    silt_store_free(&mem->store);
}

static void a_topic_that_cannot_be_listed_fails_the_command(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_tp topics[2] = {silt_sample_tp(), silt_sample_tp()};
    struct silt_collect_counts counts;
    struct silt_err err = {0};
    struct silt_memory_fault fault = {
        .op = SILT_OP_MPU_LIST, .key_part = "", .outcome = SILT_STORE_DENIED, .times = 1};
    silt_memory_add_fault(mem, &fault);
    CU_ASSERT_FAILS(silt_collect(&mem->store, topics, 2, false, &counts, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_DENIED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "data/topic=sensors/"));
    fault.times = 1;
    silt_memory_add_fault(mem, &fault);
    CU_ASSERT_FAILS(silt_collect(&mem->store, topics, 2, false, &counts, NULL));
    CU_ASSERT_EQUAL(mem->calls[SILT_OP_MPU_LIST], 4); /* the other topic was listed */
    CU_ASSERT_OK(silt_collect(&mem->store, NULL, 0, false, &counts, NULL));
    CU_ASSERT_EQUAL(counts.seen, 0);
    silt_store_free(&mem->store);
}

static void pump(struct silt_queue *inbox)
{
    for (struct silt_store_req *req; (req = silt_queue_pop(inbox, 0));) silt_store_reply(req);
}

static void no_more_than_eight_requests_are_open(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_queue *inbox = silt_queue_new(8, NULL, NULL);
    struct seen seen = {0};
    struct silt_tp tp = silt_sample_tp();
    for (int64_t seq = 0; seq < 20; seq++) decide_slot(mem, seq, 1);
    struct silt_memory_fault fault = {
        .op = SILT_OP_GET, .key_part = "", .kind = SILT_FAULT_HELD, .times = 1000};
    silt_memory_add_fault(mem, &fault);
    fault.op = SILT_OP_MPU_ABORT;
    silt_memory_add_fault(mem, &fault);
    struct silt_collector *collector = silt_collector_new(&(struct silt_collector_opts){
        .store = &mem->store, .inbox = inbox, .on_done = note_done, .ctx = &seen});
    silt_collector_run(collector, &tp, 1);
    pump(inbox);
    while (mem->held_n) {
        silt_memory_let_go(mem);
        pump(inbox);
    }
    CU_ASSERT_EQUAL(mem->open_max, SILT_COLLECTOR_REQUESTS);
    CU_ASSERT_EQUAL(seen.done_n, 1);
    CU_ASSERT_EQUAL(seen.counts.aborted, 20);
    CU_ASSERT_EQUAL(seen.counts.kept, 20);
    silt_collector_release(collector);
    silt_collector_release(NULL);
    silt_queue_free(inbox);
    silt_store_free(&mem->store);
}

/* Released at each of its requests in turn: no event, nothing leaks (ASan). */
static void it_may_be_released_with_requests_in_flight(void)
{
    static const enum silt_store_op ops[] = {SILT_OP_MPU_LIST, SILT_OP_GET, SILT_OP_MPU_ABORT};
    for (unsigned i = 0; i < 3; i++) {
        struct silt_memory_store *mem = silt_memory_store_new();
        struct silt_queue *inbox = silt_queue_new(8, NULL, NULL);
        struct seen seen = {0};
        struct silt_tp tp = silt_sample_tp();
        decide_slot(mem, 3, 2);
        struct silt_memory_fault fault = {
            .op = ops[i], .key_part = "", .kind = SILT_FAULT_HELD, .times = 8};
        silt_memory_add_fault(mem, &fault);
        struct silt_collector *collector = silt_collector_new(&(struct silt_collector_opts){
            .store = &mem->store, .inbox = inbox, .on_done = note_done, .ctx = &seen});
        silt_collector_run(collector, &tp, 1);
        pump(inbox);
        CU_ASSERT(mem->held_n > 0);
        silt_collector_release(collector);
        silt_memory_let_go(mem);
        pump(inbox);
        CU_ASSERT_EQUAL(seen.done_n, 0);
        silt_queue_free(inbox);
        silt_store_free(&mem->store);
    }
}

static void a_stopped_store_ends_the_run(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_tp topics[2] = {silt_sample_tp(), silt_sample_tp()};
    struct silt_collect_counts counts;
    decide_slot(mem, 3, 2);
    decide_slot(mem, 4, 2);
    struct silt_memory_fault fault = {
        .op = SILT_OP_GET, .key_part = "", .outcome = SILT_STORE_STOPPED, .times = 1};
    silt_memory_add_fault(mem, &fault);
    CU_ASSERT_OK(silt_collect(&mem->store, topics, 2, false, &counts, NULL));
    CU_ASSERT_EQUAL(counts.seen, 8);
    CU_ASSERT_EQUAL(counts.seen, counts.kept + counts.aborted + counts.failed);
    CU_ASSERT_EQUAL(mem->calls[SILT_OP_MPU_LIST], 1);
    CU_ASSERT_EQUAL(mem->calls[SILT_OP_MPU_ABORT], 0);
    silt_store_free(&mem->store);
}

SILT_TESTS("collector", {"aborts what its slot does not list", aborts_what_its_slot_does_not_list},
           {"a dry run counts and aborts nothing", a_dry_run_counts_and_aborts_nothing},
           {"repairs are decided by their own record", repairs_are_decided_by_their_own_record},
           {"foreign keys and other topics are not touched",
            foreign_keys_and_other_topics_are_not_touched},
           {"uploads of an older incarnation are decided by its log",
            uploads_of_an_older_incarnation_are_decided_by_its_log},
           {"a pending file of an older incarnation is completed",
            a_pending_file_of_an_older_incarnation_is_completed},
           {"what cannot be read or is out of place stays",
            what_cannot_be_read_or_is_out_of_place_stays},
           {"an abort done before counts, one that fails does not",
            an_abort_that_was_done_before_counts_and_one_that_fails_does_not},
           {"a topic that cannot be listed fails the command",
            a_topic_that_cannot_be_listed_fails_the_command},
           {"no more than eight requests are open", no_more_than_eight_requests_are_open},
           {"it may be released with requests in flight",
            it_may_be_released_with_requests_in_flight},
           {"a stopped store ends the run", a_stopped_store_ends_the_run})
