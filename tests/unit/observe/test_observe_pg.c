/* Against a real PostgreSQL: SILT_TEST_PG_DSN (tests/servers/up postgres). Works in the schema
 * silt, which it drops first. */
#include "observe/observe.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/thread.h"
#include "harness.h"
#include "observe/migrations_int.h"
#include "pg/dsn_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct silt_secret server; /* SILT_TEST_PG_DSN */
static struct silt_secret dsn;    /* the same server, our database */
static char database[32];

static struct silt_pg *open_at(const struct silt_secret *where)
{
    struct silt_pg *pg = NULL;
    struct silt_err err = {0};
    const struct silt_pg_opts opts = {.dsn = where};
    if (!silt_ok(silt_pg_connect(&opts, &pg, &err))) {
        printf("%s\n", err.text);
        abort();
    }
    return pg;
}

static struct silt_pg *open_pg(void)
{
    return open_at(&dsn);
}

static void run_sql(struct silt_pg *pg, const char *sql)
{
    struct silt_err err = {0};
    CU_ASSERT_OK(silt_pg_script(pg, sql, &err));
    if (err.code) printf("%s\n", err.text);
}

/* The only value a query returns, as text; "" when there is no row. */
static const char *value_of(struct silt_pg *pg, const char *sql)
{
    static char text[1000];
    struct pg_result *rows = NULL;
    struct silt_err err = {0};
    text[0] = 0;
    if (!silt_ok(silt_pg_exec(pg, sql, NULL, 0, &rows, &err))) {
        snprintf(text, sizeof text, "%s", err.text);
        return text;
    }
    if (silt_pg_rows_n(rows)) {
        const char *value = silt_pg_value(rows, 0, 0);
        snprintf(text, sizeof text, "%s", value ? value : "null");
    }
    silt_pg_rows_free(rows);
    return text;
}

static void fresh(struct silt_pg *pg)
{
    run_sql(pg, "set client_min_messages = warning; drop schema if exists silt cascade");
    struct silt_err err = {0};
    CU_ASSERT_OK(silt_pg_migrate(pg, silt_migrations, SILT_MIGRATIONS_N, &err));
    if (err.code) printf("%s\n", err.text);
}

static void *migrate(void *ctx)
{
    struct silt_pg *pg = open_pg();
    if (!silt_pg_migrate(pg, silt_migrations, SILT_MIGRATIONS_N, NULL).ok)
        atomic_fetch_add((_Atomic unsigned *)ctx, 1);
    silt_pg_free(pg);
    return NULL;
}

static void many_processes_may_migrate_at_once(void)
{
    struct silt_pg *pg = open_pg();
    pthread_t threads[6];
    _Atomic unsigned failures = 0;
    run_sql(pg, "drop schema if exists silt cascade");
    for (int i = 0; i < 6; i++)
        CU_ASSERT_OK(silt_thread_start(&threads[i], "migrator", migrate, &failures, NULL));
    for (int i = 0; i < 6; i++) silt_thread_join(threads[i]);
    CU_ASSERT_EQUAL(failures, 0);
    CU_ASSERT_STRING_EQUAL(value_of(pg, "select string_agg(name, ',') from silt.migration"),
                           "0001_observe");
    silt_pg_free(pg);
}

static void partitions_come_and_go_by_day(void)
{
    struct silt_pg *pg = open_pg();
    fresh(pg);
    run_sql(pg,
            "create table silt.lag_20010101 partition of silt.lag for values from"
            " ('2001-01-01 00:00+00') to ('2001-01-02 00:00+00');"
            "insert into silt.lag (ts, worker, boot, cluster, topic, topic_id, partition) values"
            " ('2001-01-01 12:00+00','w','b','c','t','i',0), ('2002-01-01 "
            "12:00+00','w','b','c','t','i',0),"
            " (now() - interval '2 days','w','b','c','t','i',0)");
    run_sql(pg, "select silt.maintain(30); select silt.maintain(30)");
    CU_ASSERT_STRING_EQUAL(
        value_of(pg, "select count(*) from pg_inherits where inhparent = 'silt.lag'::regclass"),
        "4");
    CU_ASSERT_STRING_EQUAL(
        value_of(pg, "select count(*) from pg_inherits where inhparent = 'silt.failure'::regclass"),
        "4");
    CU_ASSERT_STRING_EQUAL(value_of(pg, "select count(*) from silt.lag"), "1");
    run_sql(pg, "insert into silt.lag (ts, worker, boot, cluster, topic, topic_id, partition) "
                "values (now(),'w','b','c','t','i',0)");
    CU_ASSERT_STRING_EQUAL(value_of(pg, "select count(*) from silt.lag_default"), "1");
    CU_ASSERT_STRING_EQUAL(value_of(pg, "select to_regclass('silt.lag_' || to_char(now() at time "
                                        "zone 'UTC' + interval '1 day', 'YYYYMMDD')) is not null"),
                           "t");
    silt_pg_free(pg);
}

static void a_day_with_rows_in_the_default_partition_stays_there(void)
{
    struct silt_pg *pg = open_pg();
    fresh(pg);
    run_sql(pg, "insert into silt.lag (ts, worker, boot, cluster, topic, topic_id, partition) "
                "values (now(),'w','b','c','t','i',0);"
                "select silt.maintain(30)");
    CU_ASSERT_STRING_EQUAL(
        value_of(pg, "select count(*) from pg_inherits where inhparent = 'silt.lag'::regclass"),
        "3");
    CU_ASSERT_STRING_EQUAL(value_of(pg, "select count(*) from silt.lag"), "1");
    silt_pg_free(pg);
}

#define SLOT(topic, seq, kind, start, next, records, rejected, holes)                         \
    "insert into silt.slot values ('c','" topic "','" topic "',0," #seq ",'" kind "'," #start \
    "," #next "," #records ",0," #rejected "," #holes ",0,null,null,null,'u','w',now());"
#define FILE_OF(topic, seq, records)                                                       \
    "insert into silt.file values ('" topic "',0," #seq ",0,'k','data','zstd',1," #records \
    ",0,0,null);"

static void faults_are(const char *sql, const char *expected)
{
    struct silt_pg *pg = open_pg();
    run_sql(pg, "truncate silt.slot, silt.file");
    run_sql(pg, sql);
    CU_ASSERT_STRING_EQUAL(
        value_of(pg, "select string_agg(fault || ' ' || seq || ' ' || counted || '/' || expected, "
                     "', ' order by fault, seq) from silt.balance"),
        expected);
    silt_pg_free(pg);
}

static void balance_shows_what_does_not_balance_and_nothing_else(void)
{
    struct silt_pg *pg = open_pg();
    fresh(pg);
    silt_pg_free(pg);
    faults_are(SLOT("t", 0, "data", 0, 10, 8, 1, 1) FILE_OF("t", 0, 9)
                   SLOT("t", 1, "data", 10, 20, 10, 0, 0) FILE_OF("t", 1, 10)
                       SLOT("t", 2, "gap", 20, 50, 0, 0, 0) SLOT("t", 3, "lineage", 50, 30, 0, 0, 0)
                           SLOT("t", 4, "data", 30, 31, 1, 0, 0) FILE_OF("t", 4, 1)
                               SLOT("other", 7, "data", 5, 6, 0, 0, 1),
               "null");
    faults_are(SLOT("t", 0, "data", 0, 10, 8, 1, 0) FILE_OF("t", 0, 9), "offsets 0 9/10");
    faults_are(SLOT("t", 0, "gap", 0, 10, 0, 0, 9), "offsets 0 9/10");
    faults_are(SLOT("t", 0, "data", 0, 10, 9, 1, 0) FILE_OF("t", 0, 9), "files 0 9/10");
    faults_are(SLOT("t", 0, "data", 0, 10, 10, 0, 0), "files 0 0/10");
    faults_are(SLOT("t", 0, "skip", 0, 10, 0, 0, 0) SLOT("t", 2, "skip", 10, 20, 0, 0, 0),
               "sequence 2 2/1");
    faults_are(SLOT("t", 0, "skip", 0, 10, 0, 0, 0) SLOT("t", 1, "skip", 11, 20, 0, 0, 0),
               "start 1 11/10");
}

static void wait_for(struct silt_pg *pg, const char *sql, const char *expected)
{
    for (int i = 0; i < 6000 && strcmp(value_of(pg, sql), expected) != 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    CU_ASSERT_STRING_EQUAL(value_of(pg, sql), expected);
}

static void a_run_leaves_its_numbers(void)
{
    struct silt_pg *pg = open_pg();
    struct silt_observer *observer;
    struct silt_err err = {0};
    struct silt_observe_opts opts = {
        .metrics = silt_metrics_new(), .worker = "pod-1", .interval_ms = 30, .postgres_dsn = dsn};
    fresh(pg);
    CU_ASSERT_OK(silt_observer_start(&opts, &observer, &err));
    const struct silt_failure failure = {.stage = SILT_STAGE_S3_UPLOAD,
                                         .type = SILT_FAIL_THROTTLED,
                                         .sensor_id = "caf\xe9",
                                         .partition = -1,
                                         .offset = 7,
                                         .message = "slow down",
                                         .key = "\x01"};
    const struct silt_lag lag = {
        .tp = {.cluster = "c", .topic = "t", .topic_id = "i", .partition = 3},
        .lag = 5,
        .lag_ms = 1500,
        .high = -1};
    const struct silt_slot_file_row files[] = {
        {.key = "k", .role = "data", .codec = "zstd", .size = 10, .records = 4, .schema_id = -1}};
    struct silt_slot_row slot = {.tp = lag.tp,
                                 .kind = "data",
                                 .start = 0,
                                 .next = 5,
                                 .records = 4,
                                 .holes = 1,
                                 .ts_min = 0,
                                 .ts_max = INT64_MAX,
                                 .uuid = "u",
                                 .files = files,
                                 .files_n = 1};
    silt_observer_lag(observer, &lag, 1);
    silt_observer_slot(observer, &slot);
    for (int i = 0; i < 10; i++) {
        silt_metrics_success(opts.metrics, SILT_STAGE_S3_UPLOAD, 3);
        silt_observer_latency(observer, SILT_STAGE_S3_UPLOAD, 1000);
        silt_observer_failure(observer, &failure);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    wait_for(pg, "select count(*) from silt.slot", "1");
    silt_observer_slot(observer, &slot); /* told twice, kept once */
    silt_observer_slot(observer, &slot); /* and twice in one statement */
    silt_metrics_success(opts.metrics, SILT_STAGE_S3_UPLOAD, 70);
    silt_observer_stop(observer, 20000);
    CU_ASSERT_STRING_EQUAL(
        value_of(pg, "select sum(success) || ' ' || sum(failure) || ' ' || sum(latency_count) || ' "
                     "' || sum(latency_sum_us) || ' ' || max(latency_p99_us) from "
                     "silt.stage_metric where stage = 's3_upload'"),
        "100 10 10 10000 1000");
    CU_ASSERT_STRING_EQUAL(
        value_of(pg, "select sum((failure_types->>'throttled')::int) from silt.stage_metric"),
        "10");
    CU_ASSERT_STRING_EQUAL(
        value_of(pg, "select sum((pair->>1)::int) from silt.stage_metric, "
                     "jsonb_array_elements(histogram) pair where stage = 's3_upload'"),
        "10");
    CU_ASSERT_STRING_EQUAL(value_of(pg, "select count(*) || ' ' || min(sensor_id) || ' ' || "
                                        "min(metadata->>'retry_count') from silt.failure"),
                           "10 caf? 0");
    CU_ASSERT_STRING_EQUAL(
        value_of(pg,
                 "select lag || ' ' || lag_seconds || ' ' || (high is null) from silt.lag limit 1"),
        "5 1.5 true");
    CU_ASSERT_STRING_EQUAL(
        value_of(pg,
                 "select count(*) || ' ' || count(ts_max) || ' ' || count(ts_min) from silt.slot"),
        "1 0 1");
    CU_ASSERT_STRING_EQUAL(value_of(pg, "select count(*) || ' ' || sum(records) from silt.file"),
                           "1 4");
    CU_ASSERT_STRING_EQUAL(value_of(pg, "select count(*) from silt.balance"), "0");
    CU_ASSERT_STRING_EQUAL(value_of(pg, "select count(*) from silt.stage_metric_default"), "0");
    silt_metrics_free(opts.metrics);
    silt_pg_free(pg);
}

/* The server ends our connections again and again; nothing is lost, nothing counts twice. */
static void an_outage_is_back_filled(void)
{
    struct silt_pg *pg = open_pg();
    struct silt_observer *observer;
    struct silt_observe_opts opts = {
        .metrics = silt_metrics_new(), .worker = "pod-2", .interval_ms = 10, .postgres_dsn = dsn};
    fresh(pg);
    CU_ASSERT_OK(silt_observer_start(&opts, &observer, NULL));
    for (int i = 0; i < 60; i++) {
        silt_metrics_success(opts.metrics, SILT_STAGE_ENCODE, 1);
        if (i % 20 == 10)
            (void)value_of(pg, "select count(pg_terminate_backend(pid)) from pg_stat_activity "
                               "where application_name = 'silt' and pid <> "
                               "pg_backend_pid() and datname = current_database()");
        nanosleep(&(struct timespec){.tv_nsec = 15000000}, NULL);
    }
    silt_observer_stop(observer, 30000);
    CU_ASSERT_STRING_EQUAL(
        value_of(pg, "select sum(success) from silt.stage_metric where stage = 'encode'"), "60");
    CU_ASSERT_STRING_EQUAL(
        value_of(
            pg, "select count(distinct bucket) > 20 from silt.stage_metric where stage = 'encode'"),
        "t");
    CU_ASSERT_STRING_NOT_EQUAL(
        value_of(pg, "select sum(failure) from silt.stage_metric where stage = 'postgres_write'"),
        "0");
    silt_metrics_free(opts.metrics);
    silt_pg_free(pg);
}

static void a_server_error_names_no_value(void)
{
    struct silt_pg *pg = open_pg();
    const char *const params[] = {"canary"};
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_pg_exec(pg, "select $1::integer", params, 1, NULL, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_INVALID);
    CU_ASSERT_PTR_NULL(strstr(err.text, "canary"));
    CU_ASSERT_FAILS(silt_pg_script(pg, "set statement_timeout = 50; select pg_sleep(5)", &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_TIMEOUT);
    CU_ASSERT_STRING_EQUAL(value_of(pg, "show application_name"), "silt");
    silt_pg_free(pg);
}

static const struct silt_test tests[] = {
    {"many processes may migrate at once", many_processes_may_migrate_at_once},
    {"partitions come and go by day", partitions_come_and_go_by_day},
    {"a day with rows in the default partition stays there",
     a_day_with_rows_in_the_default_partition_stays_there},
    {"balance shows what does not balance, and nothing else",
     balance_shows_what_does_not_balance_and_nothing_else},
    {"a run leaves its numbers", a_run_leaves_its_numbers},
    {"an outage is back-filled", an_outage_is_back_filled},
    {"a server error names no value", a_server_error_names_no_value},
};

static void on_server(const char *verb)
{
    char sql[64];
    struct silt_err err;
    struct silt_pg *pg = open_at(&server);
    snprintf(sql, sizeof sql, "%s %s", verb, database);
    if (!silt_ok(silt_pg_script(pg, sql, &err))) printf("%s: %s\n", sql, err.text);
    silt_pg_free(pg);
}

static void name_database(void)
{
    struct silt_pg_words words;
    const struct silt_pg_opts opts = {.dsn = &server};
    char text[512];
    size_t n = 0;
    snprintf(database, sizeof database, "silt_unit_%d", (int)getpid());
    if (!silt_ok(silt_pg_words_parse(&opts, &words, NULL))) abort();
    for (unsigned i = 0; i < words.n; i++) {
        if (strcmp(words.keys[i], "dbname") == 0 || strcmp(words.keys[i], "options") == 0) continue;
        n +=
            (size_t)snprintf(text + n, sizeof text - n, "%s='%s' ", words.keys[i], words.values[i]);
    }
    snprintf(text + n, sizeof text - n, "dbname=%s", database);
    silt_secret_set(&dsn, text);
    silt_pg_words_done(&words);
}

int main(void)
{
    const char *text = getenv("SILT_TEST_PG_DSN");
    if (!text) {
        printf("skipped: SILT_TEST_PG_DSN is not set (tests/servers/up postgres)\n");
        return 0;
    }
    silt_log_init(SILT_INFO, SILT_LOG_JSON, open("/dev/null", O_WRONLY));
    silt_secret_set(&server, text);
    name_database();
    on_server("create database");
    int rc = silt_test_main("observe_pg", tests, sizeof tests / sizeof tests[0]);
    on_server("drop database");
    silt_secret_done(&dsn);
    silt_secret_done(&server);
    return rc;
}
