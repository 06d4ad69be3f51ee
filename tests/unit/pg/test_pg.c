#include "pg/pg.h"

#include "base/clock.h"
#include "fakepg.h"
#include "harness.h"
#include "pg/dsn_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct silt_pg *connect_to(struct silt_fakepg *fake)
{
    struct silt_secret dsn = {0};
    struct silt_pg *pg = NULL;
    silt_secret_set(&dsn, silt_fakepg_dsn(fake));
    const struct silt_pg_opts opts = {.dsn = &dsn};
    struct silt_err err = {0};
    CU_ASSERT_OK(silt_pg_connect(&opts, &pg, &err));
    if (!pg) printf("%s\n", err.text);
    silt_secret_done(&dsn);
    return pg;
}

static void fails_to_connect(const char *text, const char *expected, enum silt_code code)
{
    struct silt_secret dsn = {0};
    struct silt_err err = {0};
    struct silt_pg *pg = NULL;
    silt_secret_set(&dsn, text);
    const struct silt_pg_opts opts = {.dsn = &dsn, .connect_ms = 300};
    CU_ASSERT_FAILS(silt_pg_connect(&opts, &pg, &err));
    CU_ASSERT_EQUAL(err.code, code);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, expected));
    CU_ASSERT_PTR_NULL(strstr(err.text, "canary"));
    silt_secret_done(&dsn);
}

static void words_are(const char *text, const char *key, const char *value)
{
    struct silt_secret dsn = {0};
    struct silt_pg_words words;
    silt_secret_set(&dsn, text);
    const struct silt_pg_opts opts = {.dsn = &dsn};
    CU_ASSERT_OK(silt_pg_words_parse(&opts, &words, NULL));
    const char *got = silt_pg_words_get(&words, key);
    if (value) CU_ASSERT_STRING_EQUAL(got ? got : "(null)", value);
    if (!value) CU_ASSERT_PTR_NULL(got);
    silt_pg_words_done(&words);
    silt_secret_done(&dsn);
}

static void verifies_certificates_beyond_the_machine(void)
{
    words_are("host=db.example user=u", "sslmode", "verify-full");
    words_are("host=localhost user=u", "sslmode", "prefer");
    words_are("host=127.0.0.1,::1 user=u", "sslmode", "prefer");
    words_are("host=/run/postgresql user=u", "sslmode", "prefer");
    words_are("host=@abstract user=u", "sslmode", "prefer");
    words_are("host=localhost,db.example user=u", "sslmode", "verify-full");
    words_are("host=localhost hostaddr=192.0.2.1 user=u", "sslmode", "verify-full");
    words_are("host=localhost.example user=u", "sslmode", "verify-full");
    words_are("hostaddr=127.0.0.1 user=u", "sslmode", "prefer");
    words_are("postgresql://u@db.example/x?sslmode=require", "sslmode", "require");
    words_are("host=db.example user=u", "gssencmode", "disable");
    words_are("host=db.example user=u gssencmode=require", "gssencmode", "require");
}

static void check_says(const char *text, bool allow_plaintext, const char *expected)
{
    struct silt_secret dsn = {0};
    struct silt_err err = {.text = "(accepted)"};
    silt_secret_set(&dsn, text);
    if (silt_ok(silt_pg_check(&dsn, allow_plaintext, &err))) CU_ASSERT_PTR_NULL(expected);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, expected ? expected : "(accepted)"));
    silt_secret_done(&dsn);
}

static void plaintext_off_the_machine_needs_a_word(void)
{
    check_says("host=db.example user=u", false, NULL);
    check_says("host=db.example user=u sslmode=require", false, NULL);
    check_says("host=db.example user=u sslmode=disable", false, "sslmode=disable may go");
    check_says("host=db.example user=u sslmode=allow", false, "metrics.allow_plaintext");
    check_says("host=localhost,db.example user=u sslmode=prefer", false, "sslmode=prefer may go");
    check_says("host=db.example user=u sslmode=disable", true, NULL);
    check_says("host=localhost user=u sslmode=disable", false, NULL);
    check_says("host=/run/postgresql user=u", false, NULL);
    check_says("canary", true, "malformed");
}

static void bounds_and_names_every_connection(void)
{
    words_are("host=h user=u", "application_name", "silt");
    words_are("host=h user=u", "options", "-c statement_timeout=5000");
    words_are("host=h user=u", "tcp_user_timeout", "5000");
    words_are("host=h user=u", "keepalives_idle", "30");
    words_are("host=h user=u", "client_encoding", "UTF8");
    words_are("host=h user=u", "dbname", "u");
    words_are("host=h user=u dbname=d keepalives_idle=9", "dbname", "d");
    words_are("host=h user=u dbname=d keepalives_idle=9", "keepalives_idle", "9");
    words_are("host=h user=u", "password", NULL);
}

static void the_environment_says_nothing(void)
{
    CU_ASSERT_PTR_NULL(getenv("PGPASSWORD"));
    CU_ASSERT_PTR_NULL(getenv("PGHOSTADDR"));
    CU_ASSERT_PTR_NULL(getenv("PGSERVICE"));
    CU_ASSERT_PTR_NULL(getenv("PGTZ"));
}

static void an_unusable_dsn_is_refused_without_being_quoted(void)
{
    fails_to_connect("", "no host", SILT_E_CONFIG);
    fails_to_connect("user=u", "no host", SILT_E_CONFIG);
    fails_to_connect("host=h", "no user", SILT_E_CONFIG);
    fails_to_connect("host=h user=u service=s", "service", SILT_E_CONFIG);
    fails_to_connect("canary", "malformed", SILT_E_CONFIG);
    fails_to_connect("host=127.0.0.1 port=1 user=u password=canary", "refused", SILT_E_CONNECT);
    fails_to_connect("host=127.0.0.1 port=1 user=u sslmode=none password=canary", "sslmode",
                     SILT_E_CONNECT);
}

static void a_silent_server_is_given_up(void)
{
    struct silt_fakepg *fake = silt_fakepg_start();
    silt_fakepg_on(fake, "connect", SILT_FAKEPG_HANG, NULL, 1);
    fails_to_connect(silt_fakepg_dsn(fake), "in time", SILT_E_TIMEOUT);
    silt_fakepg_stop(fake);
}

static void a_refused_login_says_why(void)
{
    struct silt_fakepg *fake = silt_fakepg_start();
    silt_fakepg_on(fake, "connect", SILT_FAKEPG_ERROR, "28000 no such role", 1);
    fails_to_connect(silt_fakepg_dsn(fake), "no such role", SILT_E_CONNECT);
    silt_fakepg_stop(fake);
}

static void waiting_ends_when_told_to_give_up(void)
{
    struct silt_fakepg *fake = silt_fakepg_start();
    struct silt_secret dsn = {0};
    struct silt_pg *pg = NULL;
    struct silt_err err = {0};
    _Atomic int64_t give_up_at_ms = INT64_MAX;
    silt_secret_set(&dsn, silt_fakepg_dsn(fake));
    const struct silt_pg_opts opts = {.dsn = &dsn, .give_up_at_ms = &give_up_at_ms};
    CU_ASSERT_OK(silt_pg_connect(&opts, &pg, NULL));
    silt_fakepg_on(fake, "slow", SILT_FAKEPG_HANG, NULL, 1);
    atomic_store(&give_up_at_ms, silt_mono_ms());
    CU_ASSERT_FAILS(silt_pg_script(pg, "slow", &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_STOPPED);
    CU_ASSERT(silt_pg_is_broken(pg));
    silt_pg_free(pg);
    silt_secret_done(&dsn);
    silt_fakepg_stop(fake);
}

static void parameters_go_and_rows_come(void)
{
    struct silt_fakepg *fake = silt_fakepg_start();
    struct silt_pg *pg = connect_to(fake);
    struct pg_result *rows = NULL;
    const char *const params[] = {"7", NULL};
    silt_fakepg_on(fake, "select", SILT_FAKEPG_ROW, "42", 1);
    silt_fakepg_on(fake, "select", SILT_FAKEPG_ROW, NULL, 1);
    CU_ASSERT_OK(silt_pg_exec(pg, "select $1, $2", params, 2, &rows, NULL));
    CU_ASSERT_EQUAL(silt_pg_rows_n(rows), 1);
    CU_ASSERT_STRING_EQUAL(silt_pg_value(rows, 0, 0), "42");
    silt_pg_rows_free(rows);
    CU_ASSERT_EQUAL(silt_fakepg_seen(fake, "select $1, $2\n7\n\\N"), 1);
    CU_ASSERT_OK(silt_pg_exec(pg, "select null", NULL, 0, &rows, NULL));
    CU_ASSERT_PTR_NULL(silt_pg_value(rows, 0, 0));
    silt_pg_rows_free(rows);
    CU_ASSERT_FALSE(silt_pg_is_broken(pg));
    silt_pg_free(pg);
    silt_fakepg_stop(fake);
}

static void an_error_names_state_and_message_but_no_value(void)
{
    struct silt_fakepg *fake = silt_fakepg_start();
    struct silt_pg *pg = connect_to(fake);
    struct silt_err err = {0};
    silt_fakepg_on(fake, "insert", SILT_FAKEPG_ERROR, "23505 duplicate key", 1);
    silt_fakepg_on(fake, "insert", SILT_FAKEPG_ERROR, "22P02 invalid integer: \"canary\"", 1);
    CU_ASSERT_FAILS(silt_pg_exec(pg, "insert", NULL, 0, NULL, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_INVALID);
    CU_ASSERT_STRING_EQUAL(err.text, "PostgreSQL 23505: duplicate key");
    CU_ASSERT_FAILS(silt_pg_exec(pg, "insert", NULL, 0, NULL, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "PostgreSQL 22P02: invalid integer");
    CU_ASSERT_FALSE(silt_pg_is_broken(pg));
    silt_pg_free(pg);
    silt_fakepg_stop(fake);
}

static void a_lost_connection_is_broken(void)
{
    struct silt_fakepg *fake = silt_fakepg_start();
    struct silt_pg *pg = connect_to(fake);
    struct silt_err err = {0};
    silt_fakepg_on(fake, "begin", SILT_FAKEPG_CLOSE, NULL, 1);
    CU_ASSERT_FAILS(silt_pg_script(pg, "begin", &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_NETWORK);
    CU_ASSERT(silt_pg_is_broken(pg));
    CU_ASSERT_FAILS(silt_pg_script(pg, "begin", &err));
    CU_ASSERT_FAILS(silt_pg_exec(pg, "select 1", NULL, 0, NULL, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_NETWORK);
    silt_pg_free(pg);
    silt_pg_free(NULL);
    silt_fakepg_stop(fake);
}

static void a_statement_without_an_answer_times_out(void)
{
    struct silt_fakepg *fake = silt_fakepg_start();
    struct silt_pg *pg = connect_to(fake);
    struct silt_err err = {0};
    silt_fakepg_on(fake, "slow", SILT_FAKEPG_HANG, NULL, 1);
    silt_pg_patience(pg, -900);
    CU_ASSERT_FAILS(silt_pg_script(pg, "slow", &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_TIMEOUT);
    CU_ASSERT(silt_pg_is_broken(pg));
    silt_pg_free(pg);
    silt_fakepg_stop(fake);
}

static void rows_are_inserted_many_at_a_time(void)
{
    struct silt_fakepg *fake = silt_fakepg_start();
    struct silt_pg *pg = connect_to(fake);
    const struct silt_pg_insert insert = {"insert into t (a, b)", "on conflict do nothing", 2};
    const char *const params[] = {"1", "x", "2", NULL};
    CU_ASSERT_OK(silt_pg_insert(pg, &insert, params, 2, NULL));
    CU_ASSERT_EQUAL(silt_fakepg_seen(fake,
                                     "insert into t (a, b) values ($1,$2),($3,$4) on conflict "
                                     "do nothing\n1\nx\n2\n\\N"),
                    1);
    CU_ASSERT_EQUAL(silt_pg_insert_rows_max(&insert), 1000);
    const struct silt_pg_insert wide = {"", "", 100};
    CU_ASSERT_EQUAL(silt_pg_insert_rows_max(&wide), 655);
    silt_pg_free(pg);
    silt_fakepg_stop(fake);
}

static void states_tell_what_to_do(void)
{
    CU_ASSERT_EQUAL(silt_pg_code("08006"), SILT_E_NETWORK);
    CU_ASSERT_EQUAL(silt_pg_code("28P01"), SILT_E_AUTH);
    CU_ASSERT_EQUAL(silt_pg_code("42501"), SILT_E_DENIED);
    CU_ASSERT_EQUAL(silt_pg_code("42P01"), SILT_E_UNSUPPORTED);
    CU_ASSERT_EQUAL(silt_pg_code("57014"), SILT_E_TIMEOUT);
    CU_ASSERT_EQUAL(silt_pg_code("57P01"), SILT_E_UNAVAILABLE);
    CU_ASSERT_EQUAL(silt_pg_code("53300"), SILT_E_UNAVAILABLE);
    CU_ASSERT_EQUAL(silt_pg_code("40001"), SILT_E_CONFLICT);
    CU_ASSERT_EQUAL(silt_pg_code("55P03"), SILT_E_CONFLICT);
    CU_ASSERT_EQUAL(silt_pg_code("22021"), SILT_E_INVALID);
    CU_ASSERT_EQUAL(silt_pg_code("23505"), SILT_E_INVALID);
    CU_ASSERT_EQUAL(silt_pg_code("XX000"), SILT_E_PROTOCOL);
}

static const struct silt_test tests[] = {
    {"certificates are verified beyond the machine", verifies_certificates_beyond_the_machine},
    {"plaintext off the machine needs a word", plaintext_off_the_machine_needs_a_word},
    {"every connection is bounded and named", bounds_and_names_every_connection},
    {"the environment says nothing", the_environment_says_nothing},
    {"an unusable DSN is refused without being quoted",
     an_unusable_dsn_is_refused_without_being_quoted},
    {"a silent server is given up", a_silent_server_is_given_up},
    {"a refused login says why", a_refused_login_says_why},
    {"waiting ends when told to give up", waiting_ends_when_told_to_give_up},
    {"parameters go and rows come", parameters_go_and_rows_come},
    {"an error names state and message but no value",
     an_error_names_state_and_message_but_no_value},
    {"a lost connection is broken", a_lost_connection_is_broken},
    {"a statement without an answer times out", a_statement_without_an_answer_times_out},
    {"rows are inserted many at a time", rows_are_inserted_many_at_a_time},
    {"states tell what to do", states_tell_what_to_do},
};

int main(void)
{
    static const char *const names[] = {"PGPASSWORD", "PGHOSTADDR", "PGSERVICE", "PGTZ"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) setenv(names[i], "192.0.2.1", 1);
    return silt_test_main("pg", tests, sizeof tests / sizeof tests[0]);
}
