#include "rig.h"

/* ---- how windows close ---- */

/* Runs one worker over n records of partition 0 until all are archived. */
static struct rig_books archived(struct rig *rig, uint64_t n)
{
    struct rig_worker w = rig_start(rig);
    rig_await_settled(&w, n);
    rig_end(&w);
    return rig_expect_all(rig, 0, n);
}

static void windows_close_by_records(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig.opts.limits.age_max_ms = 3600000;
    rig.opts.limits.records_max = 50;
    rig_send(&rig, 0, 200);
    struct rig_books books = archived(&rig, 200);
    CU_ASSERT_EQUAL(books.slots, 4);
    CU_ASSERT_EQUAL(books.records_max, 50);
    rig_close(&rig);
}

static void windows_close_by_bytes(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig.opts.limits.age_max_ms = 3600000;
    rig.opts.limits.bytes_max = 10000;
    struct silt_gen_opts gen = rig_gen(&rig, 100);
    gen.pad_bytes = 900;
    rig_send_opts(&rig, 0, &gen);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(atomic_load(&w.metrics->stages[SILT_STAGE_KAFKA_CONSUME].success) == 100);
    rig_end(&w);
    struct rig_books books = rig_expect_all(&rig, 0, 100);
    CU_ASSERT(books.slots >= 8 && books.slots <= 12);
    rig_close(&rig);
}

static void windows_close_by_age(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig_send(&rig, 0, 30);
    struct rig_worker w = rig_start(&rig);
    rig_await_settled(&w, 30); /* nothing else would close it */
    rig_end(&w);
    rig_expect_all(&rig, 0, 30);
    rig_close(&rig);
}

/* Every hour has its file, then the mixed one takes the rest. */
static void hours_beyond_the_bound_go_to_the_mixed_file(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig.opts.cut.max_files = 2;
    rig.opts.limits.age_max_ms = 1000;
    struct silt_gen_opts gen = rig_gen(&rig, 20);
    gen.step_ms = 3600000;
    rig_send_opts(&rig, 0, &gen);
    struct rig_books books = archived(&rig, 20);
    CU_ASSERT_EQUAL(books.files_max, 3);
    rig_close(&rig);
}

static struct rig_books cut_by(enum silt_bucket_unit unit, bool field)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig.opts.cut.unit = unit;
    rig.opts.cut.time_from_field = field;
    rig.opts.limits.age_max_ms = 1000;
    struct silt_gen_opts gen = rig_gen(&rig, 48);
    gen.start_ms = INT64_C(1700006400000); /* midnight */
    gen.step_ms = 3600000;
    rig_send_opts(&rig, 0, &gen);
    struct rig_books books = archived(&rig, 48);
    rig_close(&rig);
    return books;
}

static void files_are_cut_by_the_unit(void)
{
    struct rig_books hours = cut_by(SILT_BUCKET_HOUR, false);
    struct rig_books days = cut_by(SILT_BUCKET_DAY, false);
    struct rig_books none = cut_by(SILT_BUCKET_NONE, false);
    CU_ASSERT_STRING_EQUAL(hours.unit, "hour");
    CU_ASSERT_STRING_EQUAL(days.unit, "day");
    CU_ASSERT_STRING_EQUAL(none.unit, "none");
    CU_ASSERT(hours.files > days.files);
    CU_ASSERT_EQUAL(days.files, days.slots + 1);
    CU_ASSERT_EQUAL(none.files, none.slots);
}

static void files_are_cut_by_the_record_s_own_time(void)
{
    struct rig_books books = cut_by(SILT_BUCKET_DAY, true);
    CU_ASSERT_STRING_EQUAL(books.time, "field");
    CU_ASSERT_EQUAL(books.files, books.slots + 1);
}

/* ---- many blocks ---- */

static void an_encoder_without_room_is_waited_for(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig.opts.block_bytes = 1; /* every record a block */
    rig.opts.level = 9;
    struct silt_gen_opts gen = rig_gen(&rig, 1500);
    gen.pad_bytes = 1500;
    rig_send_opts(&rig, 0, &gen);
    struct rig_worker w = rig_start(&rig);
    rig_await_settled(&w, 1500);
    RIG_AWAIT(rig_gauge(&w, SILT_GAUGE_ENCODE_QUEUE_FULL) > 0);
    rig_end(&w);
    rig_expect_all(&rig, 0, 1500);
    rig_close(&rig);
}

static void blocks_of_several_encoders_keep_their_order(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig.opts.block_bytes = 512;
    rig.opts.encode_workers = 3;
    rig_send(&rig, 0, 2000);
    archived(&rig, 2000);
    rig_close(&rig);
}

/* ---- a store in trouble ---- */

static void a_store_that_refuses_for_a_while_is_asked_again(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig_fault(&rig, SILT_OP_MPU_CREATE, "data/", SILT_FAULT_REFUSED, SILT_STORE_THROTTLED, 1);
    rig_fault(&rig, SILT_OP_MPU_PART, "data/", SILT_FAULT_REFUSED, SILT_STORE_DOUBT, 2);
    rig_fault(&rig, SILT_OP_MPU_COMPLETE, "data/", SILT_FAULT_ANSWERED, SILT_STORE_DOUBT, 1);
    rig_fault(&rig, SILT_OP_PUT_NEW, "_log/", SILT_FAULT_ANSWERED, SILT_STORE_DOUBT, 1);
    rig_send(&rig, 0, 100);
    struct rig_worker w = rig_start(&rig);
    rig_await_settled(&w, 100);
    CU_ASSERT(rig_failures(&w, SILT_STAGE_S3_UPLOAD) >= 3);
    CU_ASSERT(atomic_load(&w.metrics->stages[SILT_STAGE_S3_UPLOAD].retries) >= 3);
    rig_end(&w);
    CU_ASSERT_EQUAL(rig_expect_all(&rig, 0, 100).slots, 1);
    rig_close(&rig);
}

static void a_window_whose_upload_expired_is_read_again(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig_fault(&rig, SILT_OP_MPU_PART, "data/", SILT_FAULT_REFUSED, SILT_STORE_NO_UPLOAD, 1);
    rig_send(&rig, 0, 100);
    archived(&rig, 100);
    CU_ASSERT(rig_calls(&rig, SILT_OP_MPU_ABORT) > 0);
    rig_close(&rig);
}

/* The window behind the one that is being committed is lost: that one is kept. */
static void an_expired_upload_does_not_touch_the_slot_before(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig.opts.limits.records_max = 100;
    rig.opts.limits.age_max_ms = 3600000;
    rig.opts.part_size = 1024;
    rig_fault(&rig, SILT_OP_PUT_NEW, "_log/", SILT_FAULT_HELD, SILT_STORE_OK, 1);
    struct rig_worker w = rig_start(&rig);
    rig_send(&rig, 0, 100);
    RIG_AWAIT(rig_held(&rig) == 1);
    rig_fault(&rig, SILT_OP_MPU_PART, "data/", SILT_FAULT_REFUSED, SILT_STORE_NO_UPLOAD, 1);
    struct silt_gen_opts gen = rig_gen(&rig, 99);
    gen.pad_bytes = 500;
    rig_send_opts(&rig, 0, &gen);
    RIG_AWAIT(rig_failures(&w, SILT_STAGE_S3_UPLOAD) > 0);
    silt_memory_let_go(rig.mem);
    rig_send(&rig, 0, 1);
    rig_await_settled(&w, 200);
    rig_end(&w);
    CU_ASSERT_EQUAL(rig_expect_all(&rig, 0, 200).slots, 2);
    rig_close(&rig);
}

static void uploads_that_became_too_old_are_made_again(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig.opts.slot_limits.max_upload_age_ms = 800;
    rig_fault(&rig, SILT_OP_MPU_PART, "data/", SILT_FAULT_HELD, SILT_STORE_OK, 1);
    rig_send(&rig, 0, 100);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(rig_held(&rig) == 1);
    for (int i = 0; i < 100; i++) rig_look(); /* longer than uploads may wait */
    silt_memory_let_go(rig.mem);
    rig_await_settled(&w, 100);
    rig_end(&w);
    CU_ASSERT_EQUAL(rig_expect_all(&rig, 0, 100).slots, 1);
    CU_ASSERT(rig_calls(&rig, SILT_OP_MPU_CREATE) >= 2);
    rig_close(&rig);
}

SILT_TESTS(
    "fill", {"windows close by records", windows_close_by_records},
    {"windows close by bytes", windows_close_by_bytes},
    {"windows close by age", windows_close_by_age},
    {"hours beyond the bound go to the mixed file", hours_beyond_the_bound_go_to_the_mixed_file},
    {"files are cut by the unit", files_are_cut_by_the_unit},
    {"files are cut by the record's own time", files_are_cut_by_the_record_s_own_time},
    {"an encoder without room is waited for", an_encoder_without_room_is_waited_for},
    {"blocks of several encoders keep their order", blocks_of_several_encoders_keep_their_order},
    {"a store that refuses for a while is asked again",
     a_store_that_refuses_for_a_while_is_asked_again},
    {"a window whose upload expired is read again", a_window_whose_upload_expired_is_read_again},
    {"an expired upload does not touch the slot before",
     an_expired_upload_does_not_touch_the_slot_before},
    {"uploads that became too old are made again", uploads_that_became_too_old_are_made_again})
