#include "rig.h"

/* ---- a committed file whose upload is gone ---- */

/* Commits records [0, n) and ends before the files are complete; then the uploads are gone. */
static void leave_a_dead_upload(struct rig *rig, const struct silt_gen_opts *gen)
{
    rig_send_opts(rig, 0, gen);
    rig->opts.grace_ms = 100;
    rig_fault(rig, SILT_OP_MPU_COMPLETE, "data/", SILT_FAULT_REFUSED, SILT_STORE_DENIED, 1000);
    struct rig_worker w = rig_start(rig);
    RIG_AWAIT(rig_audit(rig, 0).next == (int64_t)gen->records);
    rig_end(&w);
    rig->opts.grace_ms = 30000;
    silt_memory_clear_faults(rig->mem);
    for (unsigned i = 0; i < rig->mem->uploads_n; i++) rig->mem->uploads[i].open = false;
    rig_new_group(rig);
}

static struct silt_gen_opts mixed(struct rig *rig)
{
    struct silt_gen_opts gen = rig_gen(rig, 400);
    gen.bad_ratio = 0.05;
    gen.tombstone_ratio = 0.05;
    gen.schema_versions = 2;
    gen.pad_bytes = 200;
    return gen;
}

static void a_missing_file_is_made_again_from_kafka(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig.opts.part_size = 4096;
    struct silt_gen_opts gen = mixed(&rig);
    leave_a_dead_upload(&rig, &gen);
    struct rig_books before = rig_audit(&rig, 0);
    CU_ASSERT(before.files >= 4);
    CU_ASSERT_EQUAL(before.absent, before.files);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(rig_audit(&rig, 0).repaired == before.files);
    RIG_AWAIT(silt_worker_is_caught_up(w.worker));
    rig_send(&rig, 0, 20); /* and the log goes on */
    rig_await_settled(&w, 20);
    rig_end(&w);
    struct rig_books after = rig_audit(&rig, 0);
    CU_ASSERT_EQUAL(after.next, 420);
    CU_ASSERT_EQUAL(after.lost, 0);
    rig_close(&rig);
}

static void files_cut_by_day_or_not_at_all_are_made_again_too(void)
{
    static const enum silt_bucket_unit units[] = {SILT_BUCKET_DAY, SILT_BUCKET_NONE};
    for (int i = 0; i < 2; i++) {
        struct rig rig;
        rig_open(&rig, 1);
        rig.opts.cut.unit = units[i];
        rig.opts.cut.time_from_field = true;
        struct silt_gen_opts gen = rig_gen(&rig, 50);
        gen.step_ms = 3600000;
        leave_a_dead_upload(&rig, &gen);
        unsigned files = rig_audit(&rig, 0).files;
        struct rig_worker w = rig_start(&rig);
        RIG_AWAIT(rig_audit(&rig, 0).repaired == files);
        rig_end(&w);
        rig_close(&rig);
    }
}

static void a_file_that_vanishes_while_it_is_completed_is_made_again(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig_send(&rig, 0, 100);
    rig_fault(&rig, SILT_OP_MPU_COMPLETE, "data/", SILT_FAULT_HELD, SILT_STORE_OK, 1);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(rig_held(&rig) == 1);
    silt_memory_lock(rig.mem);
    for (unsigned i = 0; i < rig.mem->uploads_n; i++) rig.mem->uploads[i].open = false;
    silt_memory_unlock(rig.mem);
    silt_memory_let_go(rig.mem);
    rig_await_settled(&w, 100);
    rig_end(&w);
    CU_ASSERT_EQUAL(rig_audit(&rig, 0).repaired, 1);
    rig_close(&rig);
}

static void records_that_kafka_lost_too_are_said_to_be_lost(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    struct silt_gen_opts gen = rig_gen(&rig, 100);
    leave_a_dead_upload(&rig, &gen);
    rig_send(&rig, 0, 10);
    rig_delete_before(&rig, 0, 100);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(rig_audit(&rig, 0).lost == 1);
    rig_await_settled(&w, 10); /* the partition is not held up by it */
    rig_end(&w);
    struct rig_books books = rig_audit(&rig, 0);
    CU_ASSERT_EQUAL(books.next, 110);
    CU_ASSERT_EQUAL(books.repaired, 0);
    rig_close(&rig);
}

/* ---- a repair that cannot be made now ---- */

static void await_attempt(struct rig *rig, enum silt_store_op op, unsigned calls)
{
    RIG_AWAIT(rig_calls(rig, op) > calls);
}

static void a_repair_that_fails_is_left_to_the_next_worker(void)
{
    static const struct {
        enum silt_store_op op;
        const char *key_part;
    } faults[] = {
        {SILT_OP_MPU_CREATE, "f0r1"}, {SILT_OP_MPU_PART, "f0r1"}, {SILT_OP_PUT_NEW, "r1"}};
    struct rig rig;
    rig_open(&rig, 1);
    struct silt_gen_opts gen = rig_gen(&rig, 100);
    leave_a_dead_upload(&rig, &gen);
    rig.opts.grace_ms = 100; /* the tail is not complete: nothing to wait for */
    for (int i = 0; i < 3; i++) {
        rig_fault(&rig, faults[i].op, faults[i].key_part, SILT_FAULT_REFUSED, SILT_STORE_DENIED, 1);
        unsigned calls = rig_calls(&rig, faults[i].op);
        struct rig_worker w = rig_start(&rig);
        await_attempt(&rig, faults[i].op, calls);
        rig_end(&w);
        CU_ASSERT_EQUAL(rig_audit(&rig, 0).repaired, 0);
        rig_new_group(&rig);
    }
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(rig_audit(&rig, 0).repaired == 1);
    rig_end(&w);
    rig_close(&rig);
}

/* Without the schema the records would become rejects: another file than was committed. */
static void a_file_that_comes_out_differently_is_not_recorded(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    struct silt_gen_opts gen = rig_gen(&rig, 100);
    leave_a_dead_upload(&rig, &gen);
    rig.opts.grace_ms = 100;
    rig.opts.decoder.schema_files = (const char *const *)rig.schema_files + 1;
    rig.opts.decoder.schema_files_n = 1;
    unsigned calls = rig_calls(&rig, SILT_OP_HEAD);
    struct rig_worker w = rig_start(&rig);
    await_attempt(&rig, SILT_OP_HEAD, calls);
    for (int i = 0; i < 50; i++) rig_look(); /* the attempt has no trace at the store */
    rig_end(&w);
    CU_ASSERT_EQUAL(rig_audit(&rig, 0).repaired, 0);
    CU_ASSERT_EQUAL(rig_audit(&rig, 0).absent, 1);
    rig_close(&rig);
}

SILT_TESTS("repairer",
           {"a missing file is made again from Kafka", a_missing_file_is_made_again_from_kafka},
           {"files cut by day or not at all are made again too",
            files_cut_by_day_or_not_at_all_are_made_again_too},
           {"a file that vanishes while it is completed is made again",
            a_file_that_vanishes_while_it_is_completed_is_made_again},
           {"records that Kafka lost too are said to be lost",
            records_that_kafka_lost_too_are_said_to_be_lost},
           {"a repair that fails is left to the next worker",
            a_repair_that_fails_is_left_to_the_next_worker},
           {"a file that comes out differently is not recorded",
            a_file_that_comes_out_differently_is_not_recorded})
