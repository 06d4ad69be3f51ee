#include "pg/migrate.h"

#include "fakepg.h"
#include "harness.h"

#include <string.h>

static const struct silt_pg_migration migrations[] = {
    {1, "0001_first", "create table first ()"},
    {2, "0002_second", "create table second ()"},
};

struct setting {
    struct silt_fakepg *fake;
    struct silt_pg *pg;
};

static struct setting set_up(const char *exists, const char *version)
{
    struct setting s = {.fake = silt_fakepg_start()};
    struct silt_secret dsn = {0};
    silt_secret_set(&dsn, silt_fakepg_dsn(s.fake));
    const struct silt_pg_opts opts = {.dsn = &dsn};
    CU_ASSERT_OK(silt_pg_connect(&opts, &s.pg, NULL));
    silt_secret_done(&dsn);
    silt_fakepg_on(s.fake, "to_regclass", SILT_FAKEPG_ROW, exists, 1);
    silt_fakepg_on(s.fake, "max(version)", SILT_FAKEPG_ROW, version, 1);
    return s;
}

static void tear_down(struct setting *s)
{
    silt_pg_free(s->pg);
    silt_fakepg_stop(s->fake);
}

static void an_empty_database_gets_everything_in_one_transaction(void)
{
    struct setting s = set_up("0", "0");
    silt_fakepg_on(s.fake, "to_regclass", SILT_FAKEPG_ROW, "1", 1);
    CU_ASSERT_OK(silt_pg_migrate(s.pg, migrations, 2, NULL));
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "pg_advisory_xact_lock"), 1);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "create table first"), 1);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "insert into silt.migration"), 2);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "\n2\n0002_second"), 1);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "commit"), 1);
    tear_down(&s);
}

static void only_what_is_missing_is_applied(void)
{
    struct setting s = set_up("1", "1");
    silt_fakepg_on(s.fake, "to_regclass", SILT_FAKEPG_ROW, "1", 1);
    silt_fakepg_on(s.fake, "max(version)", SILT_FAKEPG_ROW, "1", 1);
    CU_ASSERT_OK(silt_pg_migrate(s.pg, migrations, 2, NULL));
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "create table first"), 0);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "create table second"), 1);
    tear_down(&s);
}

static void another_process_may_have_been_faster(void)
{
    struct setting s = set_up("0", "2");
    silt_fakepg_on(s.fake, "to_regclass", SILT_FAKEPG_ROW, "1", 1);
    CU_ASSERT_OK(silt_pg_migrate(s.pg, migrations, 2, NULL));
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "create table first"), 0);
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "commit"), 1);
    tear_down(&s);
}

static void a_database_that_is_up_to_date_or_ahead_is_only_read(void)
{
    struct setting s = set_up("1", "3");
    CU_ASSERT_OK(silt_pg_migrate(s.pg, migrations, 2, NULL));
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "begin"), 0);
    tear_down(&s);
}

static void fails_at(const char *part, const char *expected)
{
    struct setting s = set_up("0", "0");
    struct silt_err err = {0};
    silt_fakepg_on(s.fake, part, SILT_FAKEPG_ERROR, "42501 not allowed", 1);
    CU_ASSERT_FAILS(silt_pg_migrate(s.pg, migrations, 2, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_DENIED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, expected));
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "rollback"), 1);
    tear_down(&s);
}

static void a_failure_leaves_nothing_behind_and_names_the_migration(void)
{
    fails_at("create table first", "migration 0001_first: PostgreSQL 42501");
    fails_at("pg_advisory_xact_lock", "PostgreSQL 42501");
    fails_at("create schema", "PostgreSQL 42501");
    fails_at("insert into silt.migration", "PostgreSQL 42501");
    fails_at("commit", "PostgreSQL 42501");
}

static void a_failed_look_is_reported(void)
{
    struct setting s = set_up("1", "1");
    silt_fakepg_on(s.fake, "begin", SILT_FAKEPG_CLOSE, NULL, 1);
    CU_ASSERT_FAILS(silt_pg_migrate(s.pg, migrations, 2, NULL));
    CU_ASSERT_FAILS(silt_pg_migrate(s.pg, migrations, 2, NULL));
    CU_ASSERT_EQUAL(silt_fakepg_seen(s.fake, "rollback"), 0);
    tear_down(&s);
}

SILT_TESTS("migrate",
           {"an empty database gets everything in one transaction",
            an_empty_database_gets_everything_in_one_transaction},
           {"only what is missing is applied", only_what_is_missing_is_applied},
           {"another process may have been faster", another_process_may_have_been_faster},
           {"a database that is up to date or ahead is only read",
            a_database_that_is_up_to_date_or_ahead_is_only_read},
           {"a failure leaves nothing behind and names the migration",
            a_failure_leaves_nothing_behind_and_names_the_migration},
           {"a failed look is reported", a_failed_look_is_reported})
