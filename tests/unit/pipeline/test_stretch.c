/* Workers without a group that archive stretches of their partitions, and end. */
#include "rig.h"

struct stretched {
    struct rig rig;
    struct silt_consumer_part parts[2];
    struct silt_stretch stretches[2];
};

static void open_rig(struct stretched *s, int32_t partitions_n)
{
    rig_open(&s->rig, partitions_n);
    s->rig.opts.consumer.group = NULL;
    s->rig.opts.consumer.parts = s->parts;
    s->rig.opts.stretches = s->stretches;
    s->rig.opts.consumer.parts_n = s->rig.opts.stretches_n = (unsigned)partitions_n;
    s->rig.opts.halt_on_gap = true;
}

static void want(struct stretched *s, int32_t partition, int64_t from, int64_t until)
{
    s->parts[partition] = (struct silt_consumer_part){.topic = RIG_TOPIC, .partition = partition};
    s->stretches[partition] = (struct silt_stretch){
        .topic = RIG_TOPIC, .partition = partition, .from = from, .until = until};
}

/* It ends by itself, well or with these words. @return its progress. */
static int64_t run(struct stretched *s, const char *words)
{
    struct silt_err err = {0};
    struct rig_worker w = rig_start(&s->rig);
    RIG_AWAIT(silt_worker_has_ended(w.worker));
    int64_t progress = silt_worker_progress(w.worker);
    CU_ASSERT_EQUAL(silt_worker_join(w.worker, &err), !words);
    if (words) CU_ASSERT_PTR_NOT_NULL(strstr(err.text, words));
    rig_free(&w);
    return progress;
}

static void is(struct stretched *s, int32_t partition, int64_t from, int64_t until)
{
    struct rig_books books = rig_audit(&s->rig, partition);
    CU_ASSERT_EQUAL(books.start, from);
    CU_ASSERT_EQUAL(books.next, until);
    CU_ASSERT_EQUAL(books.records + books.rejected, until - from);
    CU_ASSERT_EQUAL(books.absent, 0);
}

static void exactly_what_is_wanted_is_archived(void)
{
    struct stretched s;
    open_rig(&s, 2);
    want(&s, 0, 20, 150);
    want(&s, 1, 0, 100);
    rig_send(&s.rig, 0, 200);
    rig_send(&s.rig, 1, 100);
    CU_ASSERT_EQUAL(run(&s, NULL), 230);
    is(&s, 0, 20, 150);
    is(&s, 1, 0, 100);
    rig_close(&s.rig);
}

static void a_second_run_has_nothing_to_do_or_goes_on(void)
{
    struct stretched s;
    open_rig(&s, 1);
    s.rig.opts.limits.records_max = 10;
    want(&s, 0, 30, 60);
    rig_send(&s.rig, 0, 100);
    CU_ASSERT_EQUAL(run(&s, NULL), 30);
    CU_ASSERT_EQUAL(run(&s, NULL), 30);
    CU_ASSERT_EQUAL(rig_audit(&s.rig, 0).slots, 3);
    want(&s, 0, 30, 95);
    CU_ASSERT_EQUAL(run(&s, NULL), 65);
    is(&s, 0, 30, 95);
    want(&s, 0, 30, 50); /* shorter than what is there */
    CU_ASSERT_EQUAL(run(&s, NULL), 20);
    rig_close(&s.rig);
}

/* The second window is full while the first one is still being committed. */
static void it_ends_behind_its_last_window(void)
{
    struct stretched s;
    open_rig(&s, 1);
    s.rig.opts.limits.records_max = 20;
    s.rig.opts.limits.age_max_ms = 3600000;
    want(&s, 0, 0, 40);
    rig_send(&s.rig, 0, 50);
    rig_fault(&s.rig, SILT_OP_PUT_NEW, "_log/", SILT_FAULT_HELD, SILT_STORE_OK, 1);
    struct rig_worker w = rig_start(&s.rig);
    RIG_AWAIT(rig_held(&s.rig) == 1 && rig_gauge(&w, SILT_GAUGE_PARTITIONS_PAUSED) == 1);
    CU_ASSERT_FALSE(silt_worker_has_ended(w.worker));
    silt_memory_let_go(s.rig.mem);
    RIG_AWAIT(silt_worker_has_ended(w.worker));
    rig_end(&w);
    is(&s, 0, 0, 40);
    rig_close(&s.rig);
}

static void an_empty_stretch_is_done_at_once(void)
{
    struct stretched s;
    open_rig(&s, 1);
    want(&s, 0, 50, 50);
    rig_send(&s.rig, 0, 50);
    CU_ASSERT_EQUAL(run(&s, NULL), 0);
    CU_ASSERT_EQUAL(rig_audit(&s.rig, 0).slots, 0);
    rig_close(&s.rig);
}

static void what_kafka_does_not_have_halts_it(void)
{
    struct stretched s;
    open_rig(&s, 2);
    want(&s, 0, 10, 80);
    want(&s, 1, 0, 50);
    rig_send(&s.rig, 0, 40); /* whole batches are deleted */
    rig_send(&s.rig, 0, 60);
    rig_send(&s.rig, 1, 50);
    rig_delete_before(&s.rig, 0, 40);
    CU_ASSERT_EQUAL(run(&s, "offsets 10 to 39 were deleted from Kafka"), 50);
    CU_ASSERT_EQUAL(rig_audit(&s.rig, 0).slots, 0);
    is(&s, 1, 0, 50);
    want(&s, 0, 500, 600);
    CU_ASSERT_EQUAL(run(&s, "log ends before the offsets"), 50);
    rig_close(&s.rig);
}

/* The offsets that were asked for are of another topic then. */
static void a_topic_made_again_halts_it(void)
{
    struct stretched s;
    struct silt_err err = {0};
    open_rig(&s, 1);
    want(&s, 0, 0, 1000);
    rig_send(&s.rig, 0, 20);
    struct rig_worker w = rig_start(&s.rig);
    rig_await_settled(&w, 20);
    CU_ASSERT_EQUAL(rd_kafka_mock_topic_delete(s.rig.mock->cluster, RIG_TOPIC), 0);
    CU_ASSERT_OK(silt_mock_add_topic(s.rig.mock, RIG_TOPIC, 1, &err));
    rig_send(&s.rig, 0, 30);
    RIG_AWAIT(silt_worker_has_ended(w.worker));
    CU_ASSERT_FALSE(silt_worker_join(w.worker, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "the topic was made again"));
    rig_free(&w);
    is(&s, 0, 0, 20);
    rig_close(&s.rig);
}

/* Uploads of a worker that died before its slot was won. */
static void what_earlier_runs_left_behind_is_collected(void)
{
    struct stretched s;
    open_rig(&s, 1);
    want(&s, 0, 0, 30);
    rig_send(&s.rig, 0, 30);
    CU_ASSERT_EQUAL(run(&s, NULL), 30);
    const struct silt_memory_object *slot = rig_find(&s.rig, 0, "0000000000000000");
    struct silt_manifest m = {0};
    CU_ASSERT_OK(silt_manifest_parse(silt_slice_of(slot->body, slot->len), &m, NULL));
    char *key = silt_strdup(m.files[0].key);
    char *nonce = strstr(key, "-o0");
    CU_ASSERT_PTR_NOT_NULL(nonce);
    nonce = strrchr(key, '-') + 1;
    memset(nonce, 'e', 16);
    silt_memory_stage(s.rig.mem, key, "left", "token", (const char *[]){"x"}, 1);
    unsigned aborts = rig_calls(&s.rig, SILT_OP_MPU_ABORT);
    CU_ASSERT_EQUAL(run(&s, NULL), 30);
    CU_ASSERT_EQUAL(rig_calls(&s.rig, SILT_OP_MPU_ABORT), aborts + 1);
    silt_manifest_done(&m);
    silt_free(key);
    rig_close(&s.rig);
}

static void it_can_be_stopped(void)
{
    struct stretched s;
    open_rig(&s, 1);
    s.rig.opts.limits.records_max = 10;
    want(&s, 0, 0, 100);
    rig_send(&s.rig, 0, 100);
    rig_fault(&s.rig, SILT_OP_MPU_CREATE, "", SILT_FAULT_REFUSED, SILT_STORE_THROTTLED, 1000);
    struct rig_worker w = rig_start(&s.rig);
    RIG_AWAIT(rig_gauge(&w, SILT_GAUGE_PARTITIONS_ASSIGNED) == 1);
    silt_worker_stop(w.worker);
    silt_memory_lock(s.rig.mem);
    silt_memory_clear_faults(s.rig.mem);
    silt_memory_unlock(s.rig.mem);
    rig_end(&w);
    CU_ASSERT_EQUAL(run(&s, NULL), 100);
    is(&s, 0, 0, 100);
    rig_close(&s.rig);
}

SILT_TESTS("stretch", {"exactly what is wanted is archived", exactly_what_is_wanted_is_archived},
           {"a second run has nothing to do, or goes on",
            a_second_run_has_nothing_to_do_or_goes_on},
           {"it ends behind its last window", it_ends_behind_its_last_window},
           {"an empty stretch is done at once", an_empty_stretch_is_done_at_once},
           {"what Kafka does not have halts it", what_kafka_does_not_have_halts_it},
           {"a topic made again halts it", a_topic_made_again_halts_it},
           {"what earlier runs left behind is collected",
            what_earlier_runs_left_behind_is_collected},
           {"it can be stopped", it_can_be_stopped})
