#include "rig.h"

/* ---- memory ---- */

/* Partitions pause for a moment while they start, too; with memory taken it is for memory, and
 * stays so until the store takes parts. */
static bool is_paused_for_memory(const struct rig_worker *w)
{
    return rig_gauge(w, SILT_GAUGE_PARTITIONS_PAUSED) == 2 &&
           rig_gauge(w, SILT_GAUGE_MEMORY_USED) * 10 >= rig_gauge(w, SILT_GAUGE_MEMORY_LIMIT) * 7;
}

/* Parts that the store does not take fill the budget: fetching stops until it takes them. */
static void fetching_pauses_while_memory_is_used_up(void)
{
    struct rig rig;
    rig_open(&rig, 2);
    rig.opts.memory = 1 << 20;
    rig.opts.part_size = 16384;
    rig.opts.codec = SILT_CODEC_NULL;
    rig.opts.limits.age_max_ms = 3600000;
    rig_fault(&rig, SILT_OP_MPU_PART, "data/", SILT_FAULT_REFUSED, SILT_STORE_THROTTLED, 1000000);
    for (int32_t p = 0; p < 2; p++) {
        struct silt_gen_opts gen = rig_gen(&rig, 2000);
        gen.pad_bytes = 600;
        rig_send_opts(&rig, p, &gen);
    }
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(rig_gauge(&w, SILT_GAUGE_MEMORY_LIMIT) > 0);
    RIG_AWAIT(is_paused_for_memory(&w));
    CU_ASSERT(rig_gauge(&w, SILT_GAUGE_MEMORY_LIMIT) <= 1 << 20);
    for (int32_t p = 0; p < 2; p++) rig_send(&rig, p, 100);
    silt_memory_clear_faults(rig.mem);
    RIG_AWAIT(rig_gauge(&w, SILT_GAUGE_PARTITIONS_PAUSED) == 0);
    RIG_AWAIT(atomic_load(&w.metrics->stages[SILT_STAGE_KAFKA_CONSUME].success) >= 4200);
    CU_ASSERT(rig_gauge(&w, SILT_GAUGE_MEMORY_PAUSES) > 0);
    CU_ASSERT(rig_gauge(&w, SILT_GAUGE_CLOSED_MEMORY) > 0);
    CU_ASSERT(rig_gauge(&w, SILT_GAUGE_MEMORY_PEAK) >= rig_gauge(&w, SILT_GAUGE_MEMORY_LIMIT));
    rig_end(&w);
    unsigned slots = 0;
    for (int32_t p = 0; p < 2; p++) slots += rig_expect_all(&rig, p, 2100).slots;
    CU_ASSERT(slots >= 3); /* a window at least was closed to make room, the others by the end */
    rig_close(&rig);
}

/* ---- orphan uploads ---- */

static void orphans_of_dead_workers_are_collected(void)
{
    struct rig rig;
    rig_open(&rig, 2);
    for (int32_t p = 0; p < 2; p++) rig_send(&rig, p, 50);
    struct rig_worker w = rig_start(&rig);
    rig_await_settled(&w, 100);
    rig_end(&w);
    char key[SILT_KEY_MAX] = "";
    for (unsigned i = 0; i < rig.mem->objects_n && !key[0]; i++)
        if (strncmp(rig.mem->objects[i].key, "data/", 5) == 0)
            snprintf(key, sizeof key, "%s", rig.mem->objects[i].key);
    CU_ASSERT(key[0] != '\0');
    const char *const bodies[] = {"orphan"};
    silt_memory_stage(rig.mem, key, "of-the-dead", "token", bodies, 1);
    rig.opts.gc_interval_ms = 200;
    rig_new_group(&rig);
    w = rig_start(&rig);
    RIG_AWAIT(rig_gauge(&w, SILT_GAUGE_ORPHANS_ABORTED) == 1);
    rig_end(&w);
    CU_ASSERT_FALSE(silt_memory_find_upload(rig.mem, "of-the-dead")->open);
    for (int32_t p = 0; p < 2; p++) rig_expect_all(&rig, p, 50);
    rig_close(&rig);
}

/* ---- gauges ---- */

static void a_tail_that_stays_incomplete_has_an_age(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig_send(&rig, 0, 50);
    rig_fault(&rig, SILT_OP_MPU_COMPLETE, "data/", SILT_FAULT_HELD, SILT_STORE_OK, 1);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(rig_gauge(&w, SILT_GAUGE_PENDING_TAIL_AGE_MS) > 0);
    CU_ASSERT_FALSE(silt_worker_is_caught_up(w.worker));
    silt_memory_let_go(rig.mem);
    RIG_AWAIT(rig_gauge(&w, SILT_GAUGE_PENDING_TAIL_AGE_MS) == 0);
    RIG_AWAIT(silt_worker_is_caught_up(w.worker));
    int64_t slots = rig_gauge(&w, SILT_GAUGE_SLOTS_COMMITTED);
    rig_end(&w);
    CU_ASSERT_EQUAL(rig_expect_all(&rig, 0, 50).slots, slots);
    rig_close(&rig);
}

SILT_TESTS("upkeep",
           {"fetching pauses while memory is used up", fetching_pauses_while_memory_is_used_up},
           {"orphans of dead workers are collected", orphans_of_dead_workers_are_collected},
           {"a tail that stays incomplete has an age", a_tail_that_stays_incomplete_has_an_age})
