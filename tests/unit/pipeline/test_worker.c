#include "rig.h"

/* ---- the books ---- */

static void every_record_is_in_the_books(void)
{
    struct rig rig;
    struct rig_made made[3];
    uint64_t n = 0;
    rig_open(&rig, 3);
    for (int32_t p = 0; p < 3; p++) {
        struct silt_gen_opts gen = rig_gen(&rig, 600);
        gen.bad_ratio = 0.05;
        gen.tombstone_ratio = 0.05;
        gen.schema_versions = 2;
        made[p] = rig_send_opts(&rig, p, &gen);
        n += made[p].n;
    }
    struct rig_worker w = rig_start(&rig);
    rig_await_settled(&w, n);
    RIG_AWAIT(silt_worker_is_caught_up(w.worker));
    CU_ASSERT_FALSE(silt_worker_has_ended(w.worker));
    CU_ASSERT_EQUAL(rig_gauge(&w, SILT_GAUGE_PARTITIONS_ASSIGNED), 3);
    rig_join(&w);
    for (int32_t p = 0; p < 3; p++) {
        struct rig_books books = rig_expect_all(&rig, p, made[p].n);
        CU_ASSERT_EQUAL(books.rejected, (int64_t)made[p].bad);
        CU_ASSERT_EQUAL(books.tombstones, (int64_t)made[p].tombstones);
        CU_ASSERT(books.rejected > 0 && books.tombstones > 0);
        CU_ASSERT(books.files_max >= 4); /* two schemas, rejected, tombstones */
        CU_ASSERT_STRING_EQUAL(books.unit, "hour");
        CU_ASSERT_STRING_EQUAL(books.time, "kafka");
    }
    rig_free(&w);
    rig_close(&rig);
}

static void stop_commits_what_is_in_hand(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig.opts.limits.age_max_ms = 3600000;
    rig_send(&rig, 0, 300);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(atomic_load(&w.metrics->stages[SILT_STAGE_KAFKA_CONSUME].success) >= 300);
    CU_ASSERT_EQUAL(rig_gauge(&w, SILT_GAUGE_SLOTS_COMMITTED), 0);
    rig_end(&w);
    struct rig_books books = rig_expect_all(&rig, 0, 300);
    CU_ASSERT_EQUAL(books.slots, 1);
    rig_close(&rig);
}

static void stopping_twice_or_at_once_is_fine(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    struct rig_worker w = rig_start(&rig);
    silt_worker_stop(w.worker);
    silt_worker_stop(w.worker);
    rig_end(&w);
    silt_worker_free(NULL);
    rig_close(&rig);
}

static void the_next_worker_goes_on_where_the_last_one_ended(void)
{
    struct rig rig;
    rig_open(&rig, 2);
    for (unsigned round = 1; round <= 3; round++) {
        for (int32_t p = 0; p < 2; p++) rig_send(&rig, p, 200);
        if (round == 3) rig_new_group(&rig); /* also without a hint */
        struct rig_worker w = rig_start(&rig);
        rig_await_settled(&w, 400);
        CU_ASSERT_EQUAL(rig_settled(&w), 400);
        rig_end(&w);
        for (int32_t p = 0; p < 2; p++) rig_expect_all(&rig, p, 200 * round);
    }
    rig_close(&rig);
}

static void genesis_latest_leaves_out_what_was_there(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig_send(&rig, 0, 50);
    rig.opts.genesis = SILT_GENESIS_LATEST;
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(silt_worker_is_caught_up(w.worker));
    rig_send(&rig, 0, 70);
    rig_await_settled(&w, 70);
    rig_end(&w);
    struct rig_books books = rig_audit(&rig, 0);
    CU_ASSERT_EQUAL(books.start, 50);
    CU_ASSERT_EQUAL(books.next, 120);
    rig_close(&rig);
}

/* ---- not alone ---- */

static void two_workers_of_a_group_share_the_partitions(void)
{
    struct rig rig;
    rig_open(&rig, 4);
    for (int32_t p = 0; p < 4; p++) rig_send(&rig, p, 100);
    struct rig_worker a = rig_start(&rig);
    rig_await_settled(&a, 400);
    struct rig_worker b = rig_start(&rig);
    RIG_AWAIT(rig_gauge(&a, SILT_GAUGE_PARTITIONS_ASSIGNED) == 2 &&
              rig_gauge(&b, SILT_GAUGE_PARTITIONS_ASSIGNED) == 2);
    for (int32_t p = 0; p < 4; p++) rig_send(&rig, p, 100);
    RIG_AWAIT(rig_settled(&a) + rig_settled(&b) >= 800);
    CU_ASSERT(rig_settled(&b) > 0);
    CU_ASSERT(rig_gauge(&a, SILT_GAUGE_REBALANCES) >= 2);
    rig_end(&a); /* its partitions go to the other one */
    RIG_AWAIT(rig_gauge(&b, SILT_GAUGE_PARTITIONS_ASSIGNED) == 4);
    for (int32_t p = 0; p < 4; p++) rig_send(&rig, p, 50);
    for (int32_t p = 0; p < 4; p++) RIG_AWAIT(rig_audit(&rig, p).next == 250);
    rig_end(&b);
    for (int32_t p = 0; p < 4; p++) rig_expect_all(&rig, p, 250);
    rig_close(&rig);
}

/* Two deployments on one root: every slot has one winner (F28). */
static void two_groups_on_one_root_archive_each_record_once(void)
{
    struct rig rig;
    rig_open(&rig, 2);
    for (int32_t p = 0; p < 2; p++) rig_send(&rig, p, 500);
    rig.opts.limits.records_max = 20;
    struct rig_worker a = rig_start(&rig);
    rig.opts.consumer.group = "another";
    struct rig_worker b = rig_start(&rig);
    RIG_AWAIT(rig_settled(&a) + rig_settled(&b) >= 1000);
    rig_join(&a);
    rig_join(&b);
    CU_ASSERT_EQUAL(rig_settled(&a) + rig_settled(&b), 1000);
    for (int32_t p = 0; p < 2; p++) rig_expect_all(&rig, p, 500);
    rig_free(&a);
    rig_free(&b);
    rig_close(&rig);
}

/* What the stopping worker gives up at its deadline is archived by the next one. */
static void a_store_in_trouble_does_not_keep_a_worker_from_ending(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig_send(&rig, 0, 100);
    rig.opts.grace_ms = 300;
    rig_fault(&rig, SILT_OP_PUT_NEW, "_log/", SILT_FAULT_REFUSED, SILT_STORE_DENIED, 1000);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(rig_failures(&w, SILT_STAGE_ARCHIVE_COMMIT) > 0); /* the operator is paged */
    rig_end(&w);
    CU_ASSERT_EQUAL(rig_audit(&rig, 0).slots, 0);
    silt_memory_clear_faults(rig.mem);
    rig_new_group(&rig);
    w = rig_start(&rig);
    rig_await_settled(&w, 100);
    rig_end(&w);
    rig_expect_all(&rig, 0, 100);
    rig_close(&rig);
}

/* Its answer comes when store and io loop are freed, after the loop has ended. */
static void an_answer_that_never_came_is_taken_back_at_the_end(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig_send(&rig, 0, 100);
    rig.opts.grace_ms = 100;
    rig_fault(&rig, SILT_OP_PUT_NEW, "_log/", SILT_FAULT_HELD, SILT_STORE_OK, 1);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(rig_held(&rig) == 1);
    rig_join(&w);
    silt_store_free(&rig.mem->store);
    rig.mem = NULL;
    rig_free(&w);
    rig_close(&rig);
}

/* ---- what cannot start ---- */

static void expect_no_start(struct rig *rig, const char *text)
{
    struct silt_worker *worker = NULL;
    struct silt_err err = {0};
    rig->opts.metrics = silt_metrics_new();
    CU_ASSERT_FAILS(silt_worker_start(&rig->opts, &worker, &err));
    CU_ASSERT_PTR_NULL(worker);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, text));
    silt_metrics_free(rig->opts.metrics);
}

static void a_forbidden_property_ends_the_start(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    static const struct silt_property commits[] = {{"enable.auto.commit", "true"}};
    rig.opts.consumer.properties = commits;
    rig.opts.consumer.properties_n = 1;
    expect_no_start(&rig, "enable.auto.commit");
    rig_close(&rig);
}

static void a_schema_that_is_not_there_ends_the_start(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    static const char *const files[] = {"/nowhere/at-all.avsc"};
    rig.opts.decoder.schema_files = files;
    rig.opts.decoder.schema_files_n = 1;
    expect_no_start(&rig, "/nowhere/at-all.avsc");
    rig_close(&rig);
}

/* ---- with observers ---- */

static void the_observer_is_told_of_it_all(void)
{
    struct rig rig;
    struct silt_err err = {0};
    struct silt_observer *observer = NULL;
    struct rig_worker w = {.metrics = silt_metrics_new()};
    rig_open(&rig, 2);
    const struct silt_observe_opts observe = {.metrics = w.metrics,
                                              .worker = "w",
                                              .interval_ms = 50,
                                              .cloudwatch_region = "",
                                              .listen = ""};
    CU_ASSERT_OK(silt_observer_start(&observe, &observer, &err));
    struct silt_gen_opts gen = rig_gen(&rig, 200);
    gen.bad_ratio = 0.1;
    struct rig_made made = rig_send_opts(&rig, 0, &gen);
    rig.opts.observer = observer;
    rig.opts.metrics = w.metrics;
    if (!silt_worker_start(&rig.opts, &w.worker, &err).ok) abort();
    rig_await_settled(&w, 200);
    RIG_AWAIT(silt_worker_is_caught_up(w.worker));
    CU_ASSERT_EQUAL(rig_failures(&w, SILT_STAGE_AVRO_VALIDATE), made.bad); /* counted once */
    rig_join(&w);
    silt_observer_stop(observer, 1000);
    rig_free(&w);
    rig_expect_all(&rig, 0, 200);
    rig_close(&rig);
}

SILT_TESTS("worker", {"every record is in the books", every_record_is_in_the_books},
           {"stop commits what is in hand", stop_commits_what_is_in_hand},
           {"stopping twice or at once is fine", stopping_twice_or_at_once_is_fine},
           {"the next worker goes on where the last one ended",
            the_next_worker_goes_on_where_the_last_one_ended},
           {"genesis latest leaves out what was there", genesis_latest_leaves_out_what_was_there},
           {"two workers of a group share the partitions",
            two_workers_of_a_group_share_the_partitions},
           {"two groups on one root archive each record once",
            two_groups_on_one_root_archive_each_record_once},
           {"a store in trouble does not keep a worker from ending",
            a_store_in_trouble_does_not_keep_a_worker_from_ending},
           {"an answer that never came is taken back at the end",
            an_answer_that_never_came_is_taken_back_at_the_end},
           {"a forbidden property ends the start", a_forbidden_property_ends_the_start},
           {"a schema that is not there ends the start", a_schema_that_is_not_there_ends_the_start},
           {"the observer is told of it all", the_observer_is_told_of_it_all})
