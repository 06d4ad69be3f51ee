#include "rig.h"

#include "base/jsonw.h"
#include "http_server.h"
#include "net/http.h"

/* ---- halts: one partition waits for an operator, nothing is lost ---- */

/* A worker whose partition 0 halts while partition 1 goes on; then one that does not halt. */
static void expect_halt(struct rig *rig, uint64_t n0, uint64_t n1)
{
    struct rig_worker w = rig_start(rig);
    RIG_AWAIT(rig_gauge(&w, SILT_GAUGE_PARTITIONS_HALTED) == 1);
    rig_await_settled(&w, n1);
    RIG_AWAIT(rig_audit(rig, 1).next == (int64_t)n1);
    CU_ASSERT(rig_audit(rig, 0).next < (int64_t)n0);
    rig_end(&w);
    CU_ASSERT(rig_audit(rig, 0).next < (int64_t)n0);
}

static void an_invalid_record_halts_its_partition_when_told_so(void)
{
    struct rig rig;
    rig_open(&rig, 2);
    rig.opts.halt_on_invalid = true;
    rig_send(&rig, 0, 50);
    rig_send_value(&rig, 0, silt_slice_str("not a reading"));
    rig_send(&rig, 0, 50);
    rig_send(&rig, 1, 60);
    expect_halt(&rig, 101, 60);
    rig.opts.halt_on_invalid = false;
    rig_new_group(&rig);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(rig_audit(&rig, 0).next == 101);
    rig_end(&w);
    CU_ASSERT_EQUAL(rig_expect_all(&rig, 0, 101).rejected, 1);
    rig_close(&rig);
}

static void too_many_rejects_halt_their_partition(void)
{
    struct rig rig;
    rig_open(&rig, 2);
    rig.opts.max_reject_ratio = 0.1;
    rig.opts.limits.age_max_ms = 3600000;
    struct silt_gen_opts gen = rig_gen(&rig, 400);
    gen.bad_ratio = 0.9;
    rig_send_opts(&rig, 0, &gen);
    rig_send(&rig, 1, 200);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(rig_gauge(&w, SILT_GAUGE_PARTITIONS_HALTED) == 1);
    rig_end(&w);
    CU_ASSERT_EQUAL(rig_audit(&rig, 0).slots, 0);
    rig_close(&rig);
}

/* ---- gaps ---- */

/* A first worker archives 40, then retention takes what came behind. */
static void leave_a_gap(struct rig *rig)
{
    rig_open(rig, 1);
    rig_send(rig, 0, 40);
    struct rig_worker w = rig_start(rig);
    rig_await_settled(&w, 40);
    rig_end(&w);
    rig_send(rig, 0, 30);
    rig_send(rig, 0, 50);
    rig_delete_before(rig, 0, 70);
    rig_new_group(rig);
}

static void what_retention_took_is_a_gap_slot(void)
{
    struct rig rig;
    leave_a_gap(&rig);
    struct rig_worker w = rig_start(&rig);
    rig_await_settled(&w, 50);
    rig_end(&w);
    struct rig_books books = rig_audit(&rig, 0);
    CU_ASSERT_EQUAL(books.kinds[SILT_SLOT_GAP], 1);
    CU_ASSERT_EQUAL(books.next, 120);
    CU_ASSERT_EQUAL(books.records, 90);
    rig_close(&rig);
}

static void a_gap_halts_when_told_so(void)
{
    struct rig rig;
    leave_a_gap(&rig);
    rig.opts.halt_on_gap = true;
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(rig_gauge(&w, SILT_GAUGE_PARTITIONS_HALTED) == 1);
    rig_end(&w);
    CU_ASSERT_EQUAL(rig_audit(&rig, 0).next, 40);
    rig_close(&rig);
}

/* The window in hand is committed, then the gap. */
static void retention_that_overtakes_a_running_worker_is_a_gap_too(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig.opts.limits.records_max = 20;
    rig.opts.limits.age_max_ms = 3600000;
    rig_send(&rig, 0, 10);
    rig_fault(&rig, SILT_OP_PUT_NEW, "_log/", SILT_FAULT_HELD, SILT_STORE_OK, 1);
    struct rig_worker w = rig_start(&rig);
    rig_send(&rig, 0, 30); /* one window held, one full: paused */
    RIG_AWAIT(rig_held(&rig) == 1 && rig_gauge(&w, SILT_GAUGE_PARTITIONS_PAUSED) == 1);
    rig_send(&rig, 0, 40);
    rig_send(&rig, 0, 40);
    rig_delete_before(&rig, 0, 80);
    silt_memory_let_go(rig.mem);
    RIG_AWAIT(rig_audit(&rig, 0).next == 120);
    rig_end(&w);
    struct rig_books books = rig_audit(&rig, 0);
    CU_ASSERT_EQUAL(books.next, 120);
    CU_ASSERT_EQUAL(books.absent, 0);
    rig_close(&rig);
}

/* ---- schemas that come from a registry ---- */

static char *registry_answer(const struct rig *rig)
{
    size_t len;
    char *schema = silt_test_read(rig->schema_files[0], &len);
    struct silt_buf text;
    struct silt_jsonw w;
    silt_buf_init(&text, SILT_BUF_MAX_DEFAULT);
    silt_jsonw_init(&w, &text);
    silt_jsonw_open(&w, '{');
    silt_jsonw_kstr(&w, "schema", schema);
    silt_jsonw_close(&w, '}');
    free(schema);
    return (char *)silt_buf_take(&text, &len);
}

static void a_partition_waits_for_its_schema(void)
{
    struct rig rig;
    struct silt_err err = {0};
    struct silt_http *http = NULL;
    rig_open(&rig, 1);
    char *answer = registry_answer(&rig);
    const struct silt_http_step steps[] = {{.status = 503, .body = "{}"},
                                           {.status = 200, .body = answer, .repeat = -1}};
    struct silt_http_server *server = silt_http_server_start(steps, 2);
    CU_ASSERT_OK(silt_http_start(&(struct silt_http_opts){0}, &http, &err));
    rig.opts.decoder.framing = SILT_FRAMING_CONFLUENT;
    rig.opts.decoder.schema_files_n = 0;
    rig.opts.decoder.registry_url = silt_http_server_url(server);
    rig.opts.decoder.http = http;
    rig.opts.framing = "confluent";
    struct silt_gen_opts gen = rig_gen(&rig, 100);
    gen.framing = SILT_GEN_CONFLUENT;
    gen.schema_ids[0] = 7;
    rig_send_opts(&rig, 0, &gen);
    struct rig_worker w = rig_start(&rig);
    rig_await_settled(&w, 100);
    rig_join(&w);
    CU_ASSERT_EQUAL(rig_expect_all(&rig, 0, 100).rejected, 0);
    silt_http_stop(http);
    rig_free(&w);
    rig_close(&rig);
    silt_http_server_stop(server);
    silt_free(answer);
}

SILT_TESTS("lane",
           {"an invalid record halts its partition when told so",
            an_invalid_record_halts_its_partition_when_told_so},
           {"too many rejects halt their partition", too_many_rejects_halt_their_partition},
           {"what retention took is a gap slot", what_retention_took_is_a_gap_slot},
           {"a gap halts when told so", a_gap_halts_when_told_so},
           {"retention that overtakes a running worker is a gap too",
            retention_that_overtakes_a_running_worker_is_a_gap_too},
           {"a partition waits for its schema", a_partition_waits_for_its_schema})
