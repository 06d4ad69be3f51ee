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

/* A window is smaller than the number of records that the share is judged by. */
static void rejects_are_counted_across_windows(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig.opts.max_reject_ratio = 0.5;
    rig.opts.limits.records_max = 40;
    struct silt_gen_opts gen = rig_gen(&rig, 400);
    gen.bad_ratio = 0.9;
    rig_send_opts(&rig, 0, &gen);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(rig_gauge(&w, SILT_GAUGE_PARTITIONS_HALTED) == 1);
    RIG_AWAIT(rig_audit(&rig, 0).next == 80); /* what was closed before is still committed */
    rig_end(&w);
    CU_ASSERT_EQUAL(rig_audit(&rig, 0).next, 80);
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
    struct rig_made made = rig_send_opts(&rig, 0, &gen);
    rig_send(&rig, 1, 200);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(rig_gauge(&w, SILT_GAUGE_PARTITIONS_HALTED) == 1);
    CU_ASSERT_EQUAL(rig_gauge(&w, SILT_GAUGE_REJECT_HALTS), 1);
    rig_end(&w);
    CU_ASSERT_EQUAL(rig_audit(&rig, 0).slots, 0);
    rig.opts.max_reject_ratio = 1;
    rig.opts.limits.age_max_ms = 100;
    rig_new_group(&rig);
    w = rig_start(&rig);
    rig_await_settled(&w, 400);
    rig_end(&w);
    CU_ASSERT_EQUAL(rig_expect_all(&rig, 0, 400).rejected, (int64_t)made.bad);
    rig_close(&rig);
}

/* ---- letting go ---- */

static void what_a_manifest_lists_is_not_aborted(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig.opts.grace_ms = 100;
    rig_send(&rig, 0, 20);
    rig_fault(&rig, SILT_OP_MPU_COMPLETE, "data/", SILT_FAULT_HELD, SILT_STORE_OK, 8);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(rig_held(&rig) > 0);
    rig_join(&w); /* the time to stop is over before the slot's files are complete */
    CU_ASSERT_EQUAL(rig_calls(&rig, SILT_OP_MPU_ABORT), 0);
    silt_memory_let_go(rig.mem);
    rig_free(&w);
    CU_ASSERT_EQUAL(rig_expect_all(&rig, 0, 20).absent, 0);
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

/* A registry that answers every id with the first schema, but the first question. */
struct registry {
    struct silt_http *http;
    struct silt_http_server *server;
    struct silt_http_step steps[2];
    char *answer;
};

static void open_registry(struct rig *rig, struct registry *registry)
{
    struct silt_err err = {0};
    *registry = (struct registry){.answer = registry_answer(rig)};
    registry->steps[0] = (struct silt_http_step){.status = 503, .body = "{}"};
    registry->steps[1] =
        (struct silt_http_step){.status = 200, .body = registry->answer, .repeat = -1};
    registry->server = silt_http_server_start(registry->steps, 2);
    CU_ASSERT_OK(silt_http_start(&(struct silt_http_opts){0}, &registry->http, &err));
    rig->opts.decoder.framing = SILT_FRAMING_CONFLUENT;
    rig->opts.decoder.schema_files_n = 0;
    rig->opts.decoder.registry_url = silt_http_server_url(registry->server);
    rig->opts.decoder.http = registry->http;
    rig->opts.framing = "confluent";
}

static void close_registry(struct registry *registry)
{
    silt_http_server_stop(registry->server);
    silt_free(registry->answer);
}

/* Two records of each schema of 1 … schemas_n. */
static void send_confluent(struct rig *rig, int32_t schemas_n)
{
    struct silt_producer *producer = rig_producer(rig);
    for (int32_t id = 1; id <= schemas_n; id++) {
        struct silt_gen_opts gen = rig_gen(rig, 2);
        gen.framing = SILT_GEN_CONFLUENT;
        gen.schema_ids[0] = id;
        rig_send_from(producer, 0, &gen);
    }
    silt_producer_free(producer);
}

static void a_partition_waits_for_its_schema(void)
{
    struct rig rig;
    struct registry registry;
    rig_open(&rig, 1);
    open_registry(&rig, &registry);
    send_confluent(&rig, 1);
    struct rig_worker w = rig_start(&rig);
    rig_await_settled(&w, 2);
    rig_join(&w);
    CU_ASSERT_EQUAL(rig_expect_all(&rig, 0, 2).rejected, 0);
    silt_http_stop(registry.http);
    rig_free(&w);
    rig_close(&rig);
    close_registry(&registry);
}

/* Each schema has a file of its own: the 33rd begins another window. */
static void a_window_without_a_file_left_is_closed(void)
{
    struct rig rig;
    struct registry registry;
    rig_open(&rig, 1);
    open_registry(&rig, &registry);
    rig.opts.limits.age_max_ms = 3600000;
    rig.opts.cut.max_files = 16;
    send_confluent(&rig, 40);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(atomic_load(&w.metrics->stages[SILT_STAGE_KAFKA_CONSUME].success) >= 80);
    rig_join(&w);
    struct rig_books books = rig_expect_all(&rig, 0, 80);
    CU_ASSERT(books.slots >= 2);
    CU_ASSERT(books.files >= 40);
    silt_http_stop(registry.http);
    rig_free(&w);
    rig_close(&rig);
    close_registry(&registry);
}

/* ---- what Kafka cannot deliver ---- */

/* The embedded broker's transaction markers carry no checksum: each is a damaged batch. */
static void send_damaged(struct rig *rig)
{
    struct silt_producer *producer = NULL;
    struct silt_err err = {0};
    const struct silt_producer_opts opts = {
        .brokers = silt_mock_brokers(rig->mock), .topic = RIG_TOPIC, .transactional_id = "t"};
    const struct silt_record rec = {
        .partition = 0, .timestamp_ms = RIG_START_MS, .key_null = true, .value_null = true};
    CU_ASSERT_OK(silt_producer_new(&opts, &producer, &err));
    CU_ASSERT_OK(silt_producer_begin(producer, &err));
    CU_ASSERT_OK(silt_producer_send(producer, &rec, &err));
    CU_ASSERT_OK(silt_producer_commit(producer, &err));
    silt_producer_free(producer);
}

static void what_cannot_be_read_is_booked(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig_send(&rig, 0, 20);
    send_damaged(&rig); /* offsets 20 and 21, the second one damaged */
    rig_send(&rig, 0, 30);
    struct rig_worker w = rig_start(&rig);
    rig_await_settled(&w, 51);
    rig_end(&w);
    struct rig_books books = rig_audit(&rig, 0);
    CU_ASSERT_EQUAL(books.next, 52);
    CU_ASSERT_EQUAL(books.records, 51);
    CU_ASSERT_EQUAL(books.unreadable, 1);
    rig_close(&rig);
}

static void damage_halts_when_told_so(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig.opts.halt_on_unreadable = true;
    rig_send(&rig, 0, 20);
    send_damaged(&rig);
    rig_send(&rig, 0, 30);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(rig_gauge(&w, SILT_GAUGE_PARTITIONS_HALTED) == 1);
    rig_end(&w);
    CU_ASSERT(rig_audit(&rig, 0).next <= 21);
    rig_close(&rig);
}

static void a_partition_that_is_forbidden_for_a_while_is_read_again(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig_send(&rig, 0, 40);
    rd_kafka_mock_push_request_errors(rig.mock->cluster, 1 /* Fetch */, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    struct rig_worker w = rig_start(&rig);
    rig_await_settled(&w, 40);
    CU_ASSERT(rig_failures(&w, SILT_STAGE_KAFKA_CONSUME) > 0);
    rig_end(&w);
    rig_expect_all(&rig, 0, 40);
    rig_close(&rig);
}

/* ---- logs that are not what they were ---- */

/* Puts a slot behind the last one that claims offsets Kafka does not have. */
static void claim_more(struct rig *rig, int64_t next, int32_t epoch)
{
    const struct silt_memory_object *object = rig_find(rig, 0, "0000000000000000");
    struct silt_slice bytes = silt_slice_of(object->body, object->len);
    struct silt_manifest m = {0};
    struct silt_err err = {0};
    struct silt_buf text;
    char key[SILT_KEY_MAX];
    CU_ASSERT_OK(silt_manifest_parse(bytes, &m, &err));
    struct silt_manifest more = {
        .kind = SILT_SLOT_GAP, .tp = m.tp, .seq = 1, .start = m.next, .next = next, .cut = m.cut};
    more.leader_epoch[0] = more.leader_epoch[1] = epoch;
    memcpy(more.archive, m.archive, sizeof more.archive);
    memcpy(more.uuid, m.uuid, sizeof more.uuid);
    memcpy(more.digest, m.digest, sizeof more.digest);
    memcpy(more.created, m.created, sizeof more.created);
    memcpy(more.writer_boot, m.writer_boot, sizeof more.writer_boot);
    silt_sha256_hex(bytes.ptr, bytes.len, more.prev);
    silt_buf_init(&text, SILT_MANIFEST_MAX);
    CU_ASSERT_OK(silt_manifest_write(&more, &text, &err));
    silt_key_manifest(&m.tp, 1, key);
    silt_memory_put(rig->mem, key, silt_buf_slice(&text));
    silt_buf_done(&text);
    silt_manifest_done(&m);
}

static void a_log_that_ends_before_the_archive_is_a_lineage_slot(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig_send(&rig, 0, 60);
    struct rig_worker w = rig_start(&rig);
    rig_await_settled(&w, 60);
    rig_end(&w);
    claim_more(&rig, 100, -1);
    rig_new_group(&rig);
    w = rig_start(&rig);
    RIG_AWAIT(rig_audit(&rig, 0).kinds[SILT_SLOT_LINEAGE] == 1); /* not at the first look */
    rig_send(&rig, 0, 10);
    rig_await_settled(&w, 10);
    rig_end(&w);
    struct rig_books books = rig_audit(&rig, 0);
    CU_ASSERT_EQUAL(books.next, 70);
    CU_ASSERT_EQUAL(books.slots, 4);
    rig_close(&rig);
}

/* The log was cut at 60, below the archive's 100, and has grown by `more` before anybody looked. */
static void expect_lineage_at_the_cut(uint64_t more)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig_send(&rig, 0, 60);
    struct rig_worker w = rig_start(&rig);
    rig_await_settled(&w, 60);
    rig_end(&w);
    claim_more(&rig, 100, 0);
    rig_new_group(&rig);
    rd_kafka_mock_partition_set_leader(rig.mock->cluster, RIG_TOPIC, 0, 1);
    rd_kafka_mock_partition_set_leader(rig.mock->cluster, RIG_TOPIC, 0, 0);
    rig_send(&rig, 0, more);
    w = rig_start(&rig);
    rig_await_settled(&w, more);
    rig_end(&w);
    struct rig_books books = rig_audit(&rig, 0);
    CU_ASSERT_EQUAL(books.kinds[SILT_SLOT_LINEAGE], 1);
    CU_ASSERT_EQUAL(books.next, 60 + (int64_t)more);
    CU_ASSERT_EQUAL(books.records, 60 + (int64_t)more);
    rig_close(&rig);
}

static void a_log_that_was_cut_and_grew_again_is_archived_from_the_cut(void)
{
    expect_lineage_at_the_cut(20);
}

static void a_log_that_was_cut_and_outgrew_the_archive_is_archived_from_the_cut(void)
{
    expect_lineage_at_the_cut(60);
}

static unsigned logs_of(struct rig *rig)
{
    unsigned n = 0;
    silt_memory_lock(rig->mem);
    for (unsigned i = 0; i < rig->mem->objects_n; i++)
        n += strstr(rig->mem->objects[i].key, "/0000000000000000.json") != NULL;
    silt_memory_unlock(rig->mem);
    return n;
}

static void a_topic_made_again_has_a_log_of_its_own(void)
{
    struct rig rig;
    struct silt_err err = {0};
    rig_open(&rig, 1);
    rig_send(&rig, 0, 20);
    struct rig_worker w = rig_start(&rig);
    rig_await_settled(&w, 20);
    CU_ASSERT_EQUAL(rd_kafka_mock_topic_delete(rig.mock->cluster, RIG_TOPIC), 0);
    CU_ASSERT_OK(silt_mock_add_topic(rig.mock, RIG_TOPIC, 1, &err));
    rig_send(&rig, 0, 30);
    RIG_AWAIT(logs_of(&rig) == 2);
    rig_end(&w);
    rig_close(&rig);
}

static void what_was_read_of_a_topic_that_is_gone_is_committed(void)
{
    struct rig rig;
    rig_open(&rig, 1);
    rig.opts.limits.age_max_ms = 3600000;
    rig_send(&rig, 0, 20);
    struct rig_worker w = rig_start(&rig);
    RIG_AWAIT(atomic_load(&w.metrics->stages[SILT_STAGE_KAFKA_CONSUME].success) == 20);
    CU_ASSERT_EQUAL(rd_kafka_mock_topic_delete(rig.mock->cluster, RIG_TOPIC), 0);
    rig_end(&w); /* closes its window only now */
    rig_expect_all(&rig, 0, 20);
    rig_close(&rig);
}

SILT_TESTS("lane",
           {"an invalid record halts its partition when told so",
            an_invalid_record_halts_its_partition_when_told_so},
           {"rejects are counted across windows", rejects_are_counted_across_windows},
           {"too many rejects halt their partition", too_many_rejects_halt_their_partition},
           {"what a manifest lists is not aborted", what_a_manifest_lists_is_not_aborted},
           {"what retention took is a gap slot", what_retention_took_is_a_gap_slot},
           {"a gap halts when told so", a_gap_halts_when_told_so},
           {"retention that overtakes a running worker is a gap too",
            retention_that_overtakes_a_running_worker_is_a_gap_too},
           {"a partition waits for its schema", a_partition_waits_for_its_schema},
           {"a window without a file left is closed", a_window_without_a_file_left_is_closed},
           {"what cannot be read is booked", what_cannot_be_read_is_booked},
           {"damage halts when told so", damage_halts_when_told_so},
           {"a partition that is forbidden for a while is read again",
            a_partition_that_is_forbidden_for_a_while_is_read_again},
           {"a log that ends before the archive is a lineage slot",
            a_log_that_ends_before_the_archive_is_a_lineage_slot},
           {"what was read of a topic that is gone is committed",
            what_was_read_of_a_topic_that_is_gone_is_committed},
           {"a log that was cut and grew again is archived from the cut",
            a_log_that_was_cut_and_grew_again_is_archived_from_the_cut},
           {"a log that was cut and outgrew the archive is archived from the cut",
            a_log_that_was_cut_and_outgrew_the_archive_is_archived_from_the_cut},
           {"a topic made again has a log of its own", a_topic_made_again_has_a_log_of_its_own})
