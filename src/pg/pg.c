#include "pg/pg.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "pg/dsn_int.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <string.h>

#define CONNECT_MS 5000
#define STATEMENT_MS 5000
#define GRACE_MS 1000    /* the server's own timeout answers first */
#define LOOK_UP_MS 100   /* how often a wait looks whether it should give up */
#define PARAMS_MAX 65535 /* Bind message: Int16 count */
#define ROWS_MAX 1000

struct silt_pg {
    PGconn *conn;
    int64_t patience_ms;
    int64_t statement_ms;
    const _Atomic int64_t *give_up_at_ms;
    bool broken;
};

enum silt_code silt_pg_code(const char *sqlstate)
{
    static const struct {
        const char *prefix;
        enum silt_code code;
    } table[] = {
        {"08", SILT_E_NETWORK},     {"28", SILT_E_AUTH},         {"42501", SILT_E_DENIED},
        {"42", SILT_E_UNSUPPORTED}, {"57014", SILT_E_TIMEOUT},   {"40", SILT_E_CONFLICT},
        {"55P03", SILT_E_CONFLICT}, {"22", SILT_E_INVALID},      {"23", SILT_E_INVALID},
        {"53", SILT_E_UNAVAILABLE}, {"57P", SILT_E_UNAVAILABLE},
    };
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strncmp(sqlstate, table[i].prefix, strlen(table[i].prefix)) == 0) return table[i].code;
    return SILT_E_PROTOCOL;
}

/* Class 22 quotes the value that was refused: what stands before it is enough. */
static int words_of(const char *sqlstate, const char *message)
{
    bool quotes = strncmp(sqlstate, "22", 2) == 0;
    return (int)strcspn(message, quotes ? ":\"\n" : "\n");
}

static SILT_RC fail_result(const PGresult *result, struct silt_err *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!state || !message) SILT_FAIL(err, NETWORK, "PostgreSQL: the connection was lost");
    return silt_err_set(err, silt_pg_code(state), __FILE__, __LINE__, "PostgreSQL %s: %.*s", state,
                        words_of(state, message), message);
}

static bool gives_up(const struct silt_pg *pg)
{
    return pg->give_up_at_ms && silt_mono_ms() >= atomic_load(pg->give_up_at_ms);
}

static SILT_RC wait_for(struct silt_pg *pg, short events, int64_t until_ms, struct silt_err *err)
{
    struct pollfd fd = {.fd = PQsocket(pg->conn), .events = events};
    for (;;) {
        int64_t left_ms = until_ms - silt_mono_ms();
        if (left_ms <= 0) SILT_FAIL(err, TIMEOUT, "PostgreSQL: no answer in time");
        if (gives_up(pg))
            SILT_FAIL(err, STOPPED, "PostgreSQL: stopped while waiting for an answer");
        int n = poll(&fd, 1, (int)(left_ms < LOOK_UP_MS ? left_ms : LOOK_UP_MS));
        if (n > 0) return SILT_OK;
        if (n < 0 && errno != EINTR) SILT_FAIL(err, NETWORK, "PostgreSQL: poll failed");
    }
}

/* libpq's message names host and reason, no password; only its first line helps. */
static SILT_RC fail_connect(const struct silt_pg *pg, struct silt_err *err)
{
    const char *message = PQerrorMessage(pg->conn);
    bool refused = PQconnectionNeedsPassword(pg->conn) || PQconnectionUsedPassword(pg->conn);
    enum silt_code code = refused ? SILT_E_AUTH : SILT_E_CONNECT;
    return silt_err_set(err, code, __FILE__, __LINE__, "PostgreSQL: %.*s",
                        (int)strcspn(message, "\n"), message);
}

static SILT_RC connect_loop(struct silt_pg *pg, int64_t until_ms, struct silt_err *err)
{
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (status != PGRES_POLLING_OK) {
        if (status == PGRES_POLLING_FAILED || PQstatus(pg->conn) == CONNECTION_BAD)
            return fail_connect(pg, err);
        SILT_TRY(wait_for(pg, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_ms, err));
        status = PQconnectPoll(pg->conn);
    }
    if (PQsetnonblocking(pg->conn, 1)) return fail_connect(pg, err);
    return SILT_OK;
}

static void ignore_notice(void *ctx, const PGresult *result)
{
    (void)ctx;
    (void)result;
}

SILT_RC silt_pg_connect(const struct silt_pg_opts *opts, struct silt_pg **ret_pg,
                        struct silt_err *err)
{
    struct silt_pg_words words;
    SILT_TRY(silt_pg_words_parse(opts, &words, err));
    struct silt_pg *pg = SILT_NEW(struct silt_pg);
    pg->statement_ms = opts->statement_ms ? opts->statement_ms : STATEMENT_MS;
    pg->patience_ms = pg->statement_ms;
    pg->give_up_at_ms = opts->give_up_at_ms;
    int64_t until_ms = silt_mono_ms() + (opts->connect_ms ? opts->connect_ms : CONNECT_MS);
    pg->conn = PQconnectStartParams(words.keys, words.values, 0);
    silt_pg_words_done(&words);
    silt_alloc_expect(pg->conn, "libpq");
    PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
    struct silt_rc rc = connect_loop(pg, until_ms, err);
    if (!silt_ok(rc)) {
        silt_pg_free(pg);
        return rc;
    }
    *ret_pg = pg;
    return SILT_OK;
}

void silt_pg_free(struct silt_pg *pg)
{
    if (!pg) return;
    PQfinish(pg->conn);
    silt_free(pg);
}

bool silt_pg_is_broken(const struct silt_pg *pg)
{
    return pg->broken || PQstatus(pg->conn) == CONNECTION_BAD;
}

void silt_pg_patience(struct silt_pg *pg, int64_t statement_ms)
{
    pg->patience_ms = statement_ms ? statement_ms : pg->statement_ms;
}

static SILT_RC flush(struct silt_pg *pg, int64_t until_ms, struct silt_err *err)
{
    int left;
    while ((left = PQflush(pg->conn)) == 1) {
        SILT_TRY(wait_for(pg, POLLIN | POLLOUT, until_ms, err));
        if (!PQconsumeInput(pg->conn))
            SILT_FAIL(err, NETWORK, "PostgreSQL: the connection was lost");
    }
    if (left) SILT_FAIL(err, NETWORK, "PostgreSQL: the connection was lost");
    return SILT_OK;
}

static SILT_RC next_result(struct silt_pg *pg, int64_t until_ms, PGresult **ret_result,
                           struct silt_err *err)
{
    while (PQisBusy(pg->conn)) {
        SILT_TRY(wait_for(pg, POLLIN, until_ms, err));
        if (!PQconsumeInput(pg->conn))
            SILT_FAIL(err, NETWORK, "PostgreSQL: the connection was lost");
    }
    *ret_result = PQgetResult(pg->conn);
    return SILT_OK;
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

/* Reads all results of what was sent; the last one with rows, or the first failure, stays. */
static SILT_RC finish(struct silt_pg *pg, struct pg_result **ret_rows, struct silt_err *err)
{
    int64_t until_ms = silt_mono_ms() + pg->patience_ms + GRACE_MS;
    PGresult *kept = NULL;
    struct silt_rc rc = flush(pg, until_ms, err);
    for (PGresult *result = NULL; silt_ok(rc);) {
        rc = next_result(pg, until_ms, &result, err);
        if (!silt_ok(rc) || !result) break;
        bool keep = !kept || is_good(kept);
        PQclear(keep ? kept : result);
        if (keep) kept = result;
    }
    if (!silt_ok(rc)) pg->broken = true;
    if (silt_ok(rc) && kept && !is_good(kept)) rc = fail_result(kept, err);
    if (silt_ok(rc) && ret_rows) {
        *ret_rows = kept;
        return rc;
    }
    PQclear(kept);
    return rc;
}

SILT_RC silt_pg_exec(struct silt_pg *pg, const char *sql, const char *const *params,
                     unsigned params_n, struct pg_result **ret_rows, struct silt_err *err)
{
    if (!PQsendQueryParams(pg->conn, sql, (int)params_n, NULL, params, NULL, NULL, 0)) {
        pg->broken = true;
        SILT_FAIL(err, NETWORK, "PostgreSQL: the connection was lost");
    }
    return finish(pg, ret_rows, err);
}

SILT_RC silt_pg_script(struct silt_pg *pg, const char *sql, struct silt_err *err)
{
    if (!PQsendQuery(pg->conn, sql)) {
        pg->broken = true;
        SILT_FAIL(err, NETWORK, "PostgreSQL: the connection was lost");
    }
    return finish(pg, NULL, err);
}

unsigned silt_pg_insert_rows_max(const struct silt_pg_insert *insert)
{
    unsigned fit = PARAMS_MAX / insert->columns;
    return fit < ROWS_MAX ? fit : ROWS_MAX;
}

SILT_RC silt_pg_insert(struct silt_pg *pg, const struct silt_pg_insert *insert,
                       const char *const *params, unsigned rows_n, struct silt_err *err)
{
    SILT_ASSERT(rows_n > 0 && rows_n <= silt_pg_insert_rows_max(insert));
    struct silt_buf sql;
    silt_buf_init(&sql, SILT_BUF_MAX_DEFAULT);
    (void)silt_buf_printf(&sql, "%s values ", insert->head);
    for (unsigned i = 0; i < rows_n * insert->columns; i++) {
        bool first = i % insert->columns == 0;
        bool last = (i + 1) % insert->columns == 0;
        (void)silt_buf_printf(&sql, "%s$%u%s", first ? (i ? ",(" : "(") : ",", i + 1,
                              last ? ")" : "");
    }
    (void)silt_buf_printf(&sql, " %s", insert->tail);
    struct silt_rc rc =
        silt_pg_exec(pg, silt_buf_str(&sql), params, rows_n * insert->columns, NULL, err);
    silt_buf_done(&sql);
    return rc;
}

unsigned silt_pg_rows_n(const struct pg_result *rows)
{
    return (unsigned)PQntuples(rows);
}

const char *silt_pg_value(const struct pg_result *rows, unsigned row, unsigned column)
{
    if (PQgetisnull(rows, (int)row, (int)column)) return NULL;
    return PQgetvalue(rows, (int)row, (int)column);
}

void silt_pg_rows_free(struct pg_result *rows)
{
    PQclear(rows);
}
