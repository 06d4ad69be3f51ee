#include "observe/ledger_int.h"

#include "base/clock.h"
#include "base/log.h"
#include "fakepg.h"
#include "harness.h"
#include "observe/rows_int.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const struct silt_origin origin = {.worker = "w", .boot = "b"};
static const size_t lanes[SILT_LANES_N] = {1 << 20, 1 << 20, 1 << 20, 1 << 20};

struct setting {
    struct silt_fakepg *fake;
    struct silt_secret dsn;
    struct silt_metrics *metrics;
    struct silt_spool *spool;
    struct silt_output output;
    struct silt_ledger *ledger;
    _Atomic unsigned failures;
};

static void failed(void *ctx, const struct silt_err *err, const char *action)
{
    (void)err;
    (void)action;
    atomic_fetch_add((_Atomic unsigned *)ctx, 1);
}

static void set_up_with(struct setting *s, const char *part, enum silt_fakepg_does does,
                        const char *text, unsigned times)
{
    *s = (struct setting){.fake = silt_fakepg_start()};
    silt_fakepg_on(s->fake, part, does, text, times);
    silt_fakepg_on(s->fake, "to_regclass", SILT_FAKEPG_ROW, "1", 99);
    silt_fakepg_on(s->fake, "max(version)", SILT_FAKEPG_ROW, "1", 99);
    silt_secret_set(&s->dsn, silt_fakepg_dsn(s->fake));
    s->metrics = silt_metrics_new();
    s->spool = silt_spool_new(lanes, SILT_LANES_N);
    silt_output_init(&s->output, "postgres", true);
}

static void set_up(struct setting *s)
{
    set_up_with(s, "", SILT_FAKEPG_ROW, NULL, 0);
}

static void start(struct setting *s)
{
    const struct silt_ledger_opts opts = {.dsn = &s->dsn,
                                          .retention_days = 30,
                                          .metrics = s->metrics,
                                          .spool = s->spool,
                                          .output = &s->output,
                                          .failed = failed,
                                          .failed_ctx = &s->failures,
                                          .backoff_max_ms = 1};
    CU_ASSERT_OK(silt_ledger_start(&opts, &s->ledger, NULL));
}

static uint64_t stop(struct setting *s, int64_t in_ms)
{
    silt_ledger_drain(s->ledger, silt_mono_ms() + in_ms);
    return silt_ledger_join(s->ledger);
}

static void tear_down(struct setting *s)
{
    silt_spool_free(s->spool);
    silt_output_done(&s->output);
    silt_metrics_free(s->metrics);
    silt_secret_done(&s->dsn);
    silt_fakepg_stop(s->fake);
}

static void push_failure(struct setting *s, uint64_t number, const char *message)
{
    const struct silt_failure failure = {.partition = -1, .offset = -1, .message = message};
    (void)silt_spool_push(s->spool, silt_rows_failure(&origin, 0, number, &failure));
}

static struct silt_output_view view_of(struct setting *s)
{
    struct silt_output_view view;
    silt_output_view(&s->output, &view);
    return view;
}

static void rows_are_written_in_one_transaction_by_table(void)
{
    struct setting s;
    set_up(&s);
    const struct silt_slot_file_row file = {.key = "k", .role = "data", .codec = "zstd"};
    const struct silt_slot_row slot = {.kind = "data", .uuid = "u", .files = &file, .files_n = 1};
    push_failure(&s, 1, "one");
    push_failure(&s, 2, "two");
    (void)silt_spool_push(s.spool, silt_rows_slot(&origin, 0, &slot));
    start(&s);
    CU_ASSERT_EQUAL(stop(&s, 20000), 0);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "silt.maintain($1::integer)\n30"), 1);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "begin"), 1);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "insert into silt.failure"), 1);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "($14,$15"), 1);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "insert into silt.slot"), 1);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "insert into silt.file"), 1);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "commit"), 1);
    CU_ASSERT_EQUAL(atomic_load(&s.metrics->stages[SILT_STAGE_POSTGRES_WRITE].success), 3);
    CU_ASSERT_EQUAL(view_of(&s).state, SILT_OUTPUT_OK);
    CU_ASSERT_EQUAL(atomic_load(&s.failures), 0);
    tear_down(&s);
}

static void many_rows_take_several_statements(void)
{
    struct setting s;
    set_up(&s);
    static struct silt_lag many[1001];
    for (int i = 0; i < 1001; i++) many[i].tp.partition = i;
    (void)silt_spool_push(s.spool, silt_rows_lag(&origin, 0, many, 1001));
    start(&s);
    CU_ASSERT_EQUAL(stop(&s, 20000), 0);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "insert into silt.lag"), 2);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "commit"), 1);
    tear_down(&s);
}

static void survives(const char *part, enum silt_fakepg_does does, const char *text,
                     unsigned inserts_n)
{
    struct setting s;
    set_up_with(&s, part, does, text, 2);
    push_failure(&s, 1, "kept");
    start(&s);
    CU_ASSERT_EQUAL(stop(&s, 20000), 0);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "insert into silt.failure"), inserts_n);
    CU_ASSERT_EQUAL(atomic_load(&s.failures), 2);
    CU_ASSERT_EQUAL(view_of(&s).state, SILT_OUTPUT_OK);
    CU_ASSERT_EQUAL(view_of(&s).dropped, 0);
    tear_down(&s);
}

static void an_outage_at_any_step_loses_nothing(void)
{
    survives("connect", SILT_FAKEPG_ERROR, "57P03 starting up", 1);
    survives("to_regclass", SILT_FAKEPG_ERROR, "57P01 going down", 1);
    survives("to_regclass", SILT_FAKEPG_CLOSE, NULL, 1);
    survives("silt.maintain", SILT_FAKEPG_CLOSE, NULL, 1);
    survives("begin", SILT_FAKEPG_CLOSE, NULL, 1);
    survives("insert into silt.failure", SILT_FAKEPG_CLOSE, NULL, 3);
    survives("insert into silt.failure", SILT_FAKEPG_ERROR, "40001 serialize", 3);
    survives("insert into silt.failure", SILT_FAKEPG_ERROR, "42P01 no table", 3);
    survives("commit", SILT_FAKEPG_CLOSE, NULL, 3);
}

static void only_the_refused_item_is_dropped(void)
{
    struct setting s;
    set_up(&s);
    silt_fakepg_on(s.fake, "poison", SILT_FAKEPG_ERROR, "22P05 untranslatable", 99);
    push_failure(&s, 1, "first");
    push_failure(&s, 2, "poison");
    push_failure(&s, 3, "last");
    start(&s);
    CU_ASSERT_EQUAL(stop(&s, 20000), 0);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "commit"), 2);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "rollback"), 2);
    CU_ASSERT_EQUAL(view_of(&s).dropped, 1);
    CU_ASSERT_EQUAL(atomic_load(&s.metrics->gauges[SILT_GAUGE_SPOOL_DROPPED]), 1);
    CU_ASSERT_EQUAL(atomic_load(&s.failures), 1);
    tear_down(&s);
}

static void a_single_refused_item_is_dropped_at_once(void)
{
    struct setting s;
    set_up(&s);
    silt_fakepg_on(s.fake, "poison", SILT_FAKEPG_ERROR, "XX000 odd", 99);
    push_failure(&s, 1, "poison");
    start(&s);
    CU_ASSERT_EQUAL(stop(&s, 20000), 0);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "poison"), 1);
    CU_ASSERT_EQUAL(view_of(&s).dropped, 1);
    tear_down(&s);
}

static void an_outage_while_writing_singly_keeps_the_rest(void)
{
    struct setting s;
    set_up(&s);
    silt_fakepg_on(s.fake, "first", SILT_FAKEPG_ERROR, "23514 no", 1);
    silt_fakepg_on(s.fake, "rollback", SILT_FAKEPG_CLOSE, NULL, 1);
    silt_fakepg_on(s.fake, "first", SILT_FAKEPG_ERROR, "23514 no", 1);
    silt_fakepg_on(s.fake, "first", SILT_FAKEPG_CLOSE, NULL, 1);
    push_failure(&s, 1, "first");
    push_failure(&s, 2, "last");
    start(&s);
    CU_ASSERT_EQUAL(stop(&s, 20000), 0);
    CU_ASSERT_EQUAL(view_of(&s).dropped, 0);
    CU_ASSERT(silt_fakepg_seen(s.fake, "last") >= 1);
    tear_down(&s);
}

static void without_the_right_to_maintain_rows_are_written_all_the_same(void)
{
    struct setting s;
    set_up(&s);
    silt_fakepg_on(s.fake, "silt.maintain", SILT_FAKEPG_ERROR, "42501 not owner", 99);
    push_failure(&s, 1, "kept");
    start(&s);
    CU_ASSERT_EQUAL(stop(&s, 20000), 0);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "commit"), 1);
    CU_ASSERT_EQUAL(atomic_load(&s.failures), 0);
    tear_down(&s);
}

static void waits_for_rows_and_writes_them_when_they_come(void)
{
    struct setting s;
    set_up(&s);
    start(&s);
    CU_ASSERT(silt_fakepg_wait(s.fake, "silt.maintain", 1));
    push_failure(&s, 1, "later");
    CU_ASSERT(silt_fakepg_wait(s.fake, "commit", 1));
    CU_ASSERT_EQUAL(stop(&s, 20000), 0);
    tear_down(&s);
}

static void what_cannot_be_written_in_time_is_counted(void)
{
    struct setting s;
    set_up(&s);
    silt_fakepg_on(s.fake, "insert into silt.failure", SILT_FAKEPG_HANG, NULL, 99);
    push_failure(&s, 1, "stuck");
    start(&s);
    CU_ASSERT(silt_fakepg_wait(s.fake, "insert into silt.failure", 1));
    push_failure(&s, 2, "waiting");
    CU_ASSERT_EQUAL(stop(&s, 0), 2);
    CU_ASSERT_EQUAL(atomic_load(&s.failures), 0);
    CU_ASSERT_EQUAL(silt_ledger_join(NULL), 0);
    tear_down(&s);
}

static const struct silt_test tests[] = {
    {"rows are written in one transaction by table", rows_are_written_in_one_transaction_by_table},
    {"many rows take several statements", many_rows_take_several_statements},
    {"an outage at any step loses nothing", an_outage_at_any_step_loses_nothing},
    {"only the refused item is dropped", only_the_refused_item_is_dropped},
    {"a single refused item is dropped at once", a_single_refused_item_is_dropped_at_once},
    {"an outage while writing singly keeps the rest",
     an_outage_while_writing_singly_keeps_the_rest},
    {"without the right to maintain, rows are written all the same",
     without_the_right_to_maintain_rows_are_written_all_the_same},
    {"waits for rows and writes them when they come",
     waits_for_rows_and_writes_them_when_they_come},
    {"what cannot be written in time is counted", what_cannot_be_written_in_time_is_counted},
};

int main(void)
{
    silt_log_init(SILT_INFO, SILT_LOG_JSON, open("/dev/null", O_WRONLY));
    return silt_test_main("ledger", tests, sizeof tests / sizeof tests[0]);
}
