#include "pipeline/skip.h"

#include "rig.h"

/* A partition of which 40 offsets are archived, and 60 more are in Kafka. */
static void open_rig(struct rig *rig)
{
    rig_open(rig, 1);
    rig_send(rig, 0, 40);
    struct rig_worker w = rig_start(rig);
    rig_await_settled(&w, 40);
    rig_end(&w);
    rig_send(rig, 0, 60);
    rig_new_group(rig);
}

/* The topic, as its own manifest names it. */
static struct silt_tp tp_of(const struct rig *rig)
{
    const struct silt_memory_object *slot = rig_find(rig, 0, "0000000000000000");
    struct silt_manifest m = {0};
    CU_ASSERT_OK(silt_manifest_parse(silt_slice_of(slot->body, slot->len), &m, NULL));
    struct silt_tp tp = m.tp;
    silt_manifest_done(&m);
    return tp;
}

static struct silt_rc skip(struct rig *rig, const struct silt_tp *tp, int64_t until,
                           struct silt_skipped *ret, struct silt_err *err)
{
    return silt_skip_offsets(
        &(struct silt_skip_opts){.store = &rig->mem->store,
                                 .tp = *tp,
                                 .until = until,
                                 .leader_epoch = -1,
                                 .archive_id = "0123456789abcdef0123456789abcdef",
                                 .name = "operator",
                                 .limits = rig->opts.slot_limits,
                                 .timeout_ms = 3000},
        ret, err);
}

static void a_worker_goes_on_behind_it(void)
{
    struct rig rig;
    struct silt_skipped skipped;
    open_rig(&rig);
    struct silt_tp tp = tp_of(&rig);
    CU_ASSERT_OK(skip(&rig, &tp, 70, &skipped, NULL));
    CU_ASSERT_EQUAL(skipped.first, 40);
    CU_ASSERT_EQUAL(skipped.last, 69);
    CU_ASSERT_EQUAL(skipped.seq, 1);
    struct rig_worker w = rig_start(&rig);
    rig_await_settled(&w, 30);
    rig_end(&w);
    struct rig_books books = rig_audit(&rig, 0);
    CU_ASSERT_EQUAL(books.kinds[SILT_SLOT_SKIP], 1);
    CU_ASSERT_EQUAL(books.next, 100);
    CU_ASSERT_EQUAL(books.records, 70);
    rig_close(&rig);
}

/* The worker's window is filled from 40 on when the operator writes the slot it wants. */
static void a_running_worker_gives_way(void)
{
    struct rig rig;
    struct silt_skipped skipped;
    open_rig(&rig);
    struct silt_tp tp = tp_of(&rig);
    rig.opts.limits.age_max_ms = 3600000;
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(atomic_load(&w.metrics->stages[SILT_STAGE_KAFKA_CONSUME].success) >= 60);
    CU_ASSERT_OK(skip(&rig, &tp, 90, &skipped, NULL));
    rig_end(&w); /* it cuts what is in hand, and loses the slot */
    rig_new_group(&rig);
    rig.opts.limits.age_max_ms = 100;
    w = rig_start(&rig);
    rig_await_settled(&w, 10);
    rig_end(&w);
    struct rig_books books = rig_audit(&rig, 0);
    CU_ASSERT_EQUAL(books.kinds[SILT_SLOT_SKIP], 1);
    CU_ASSERT_EQUAL(books.records, 50);
    CU_ASSERT_EQUAL(books.next, 100);
    rig_close(&rig);
}

/* A PUT of the operator is held while a worker commits: he comes behind its slot. */
static void a_worker_may_be_faster(void)
{
    struct rig rig;
    struct silt_skipped skipped;
    open_rig(&rig);
    struct silt_tp tp = tp_of(&rig);
    rig_fault(&rig, SILT_OP_PUT_NEW, "_log/", SILT_FAULT_REFUSED, SILT_STORE_DOUBT, 1);
    rig.opts.limits.records_max = 10;
    struct rig_worker w = rig_start(&rig);
    CU_ASSERT_OK(skip(&rig, &tp, 1000, &skipped, NULL));
    rig_end(&w);
    struct rig_books books = rig_audit(&rig, 0);
    CU_ASSERT_EQUAL(books.kinds[SILT_SLOT_SKIP], 1);
    CU_ASSERT_EQUAL(skipped.last, 999);
    rig_close(&rig);
}

static void fails(struct rig *rig, const struct silt_tp *tp, int64_t until, enum silt_code code,
                  const char *words)
{
    struct silt_skipped skipped;
    struct silt_err err = {0};
    CU_ASSERT_FAILS(skip(rig, tp, until, &skipped, &err));
    CU_ASSERT_EQUAL(err.code, code);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, words));
    if (!strstr(err.text, words)) fprintf(stderr, "%s\n", err.text);
}

static void what_cannot_be_skipped_is_refused(void)
{
    struct rig rig;
    open_rig(&rig);
    struct silt_tp tp = tp_of(&rig);
    fails(&rig, &tp, 40, SILT_E_INVALID, "already at offset 40");
    fails(&rig, &tp, 3, SILT_E_INVALID, "already at offset 40");
    struct silt_tp other = tp;
    other.partition = 1;
    fails(&rig, &other, 40, SILT_E_NOT_FOUND, "nothing of the partition is archived yet");
    rig_fault(&rig, SILT_OP_PUT_NEW, "_log/", SILT_FAULT_REFUSED, SILT_STORE_DENIED, 1);
    fails(&rig, &tp, 50, SILT_E_TIMEOUT, "");
    silt_memory_clear_faults(rig.mem);
    rig_fault(&rig, SILT_OP_LIST, "_log/", SILT_FAULT_REFUSED, SILT_STORE_DOUBT, 1000);
    fails(&rig, &tp, 50, SILT_E_TIMEOUT, "");
    CU_ASSERT_EQUAL(rig_audit(&rig, 0).slots, 1);
    rig_close(&rig);
}

SILT_TESTS("skip", {"a worker goes on behind it", a_worker_goes_on_behind_it},
           {"a running worker gives way", a_running_worker_gives_way},
           {"a worker may be faster", a_worker_may_be_faster},
           {"what cannot be skipped is refused", what_cannot_be_skipped_is_refused})
