/* One connection to PostgreSQL, for best-effort writers: nothing here waits longer than it was
 * told.
 *
 * A connection belongs to one thread. Every call is bounded (connect_ms, statement_ms,
 * give_up_at_ms) but for the look-up of the host's name, which the resolver bounds. Errors carry
 * the SQLSTATE and the server's primary message, never a value of a row or of the DSN. A connection
 * that failed below SQL says so in silt_pg_is_broken: free it and connect anew.
 *
 * What the environment says is ignored (PGHOST, PGPASSWORD, PGSSLMODE …): the DSN is all there is.
 * TLS: sslmode is verify-full unless the DSN names another or every host is loopback or a socket;
 * Kerberos encryption (gssencmode), which libpq would prefer to it, is used when the DSN asks.
 * Sources: libpq documentation for PostgreSQL 15, chapters 34.1 (connection control) and 34.4
 * (asynchronous commands).
 */
#ifndef SILT_PG_PG_H
#define SILT_PG_PG_H

#include "base/err.h"
#include "base/secret.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct silt_pg;
struct pg_result; /* libpq's PGresult */

struct silt_pg_opts {
    const struct silt_secret
        *dsn; /* key=value words or a postgresql:// URI; must name host and user */
    const char *application_name; /* NULL: "silt" */
    int64_t connect_ms;           /* 0 = 5 s */
    int64_t statement_ms;         /* 0 = 5 s: statement_timeout; one second later we hang up */
    const _Atomic int64_t
        *give_up_at_ms; /* silt_mono_ms after which every wait fails STOPPED; or NULL */
};

/* Before anything connects. CONFIG: the DSN is unusable, or names a host that is not on this
 * machine together with an sslmode that may go unencrypted (disable, allow, prefer). */
SILT_RC silt_pg_check(const struct silt_secret *dsn, bool allow_plaintext, struct silt_err *err);

/* CONFIG: the DSN is unusable. CONNECT, TIMEOUT, STOPPED: as they say. */
SILT_RC silt_pg_connect(const struct silt_pg_opts *opts, struct silt_pg **ret_pg,
                        struct silt_err *err);
void silt_pg_free(struct silt_pg *pg); /* NULL is fine */
bool silt_pg_is_broken(const struct silt_pg *pg);

/* One statement with text parameters (NULL: SQL null). ret_rows may be NULL; free the rows. */
SILT_RC silt_pg_exec(struct silt_pg *pg, const char *sql, const char *const *params,
                     unsigned params_n, struct pg_result **ret_rows, struct silt_err *err);
/* Statements without parameters, separated by ';'. */
SILT_RC silt_pg_script(struct silt_pg *pg, const char *sql, struct silt_err *err);
/* How long statements may take from now on; 0: as given at the connect. The server's own limit is
 * not changed: a script says `set local statement_timeout`. */
void silt_pg_patience(struct silt_pg *pg, int64_t statement_ms);

/* head VALUES (…),(…) tail, as one statement. */
struct silt_pg_insert {
    const char *head; /* "insert into silt.lag (ts, topic)" */
    const char *tail; /* "on conflict do nothing", or "" */
    unsigned columns;
};
/* Rows one statement can take: the protocol counts parameters in 16 bits. */
unsigned silt_pg_insert_rows_max(const struct silt_pg_insert *insert);
/* params: rows_n × columns texts. */
SILT_RC silt_pg_insert(struct silt_pg *pg, const struct silt_pg_insert *insert,
                       const char *const *params, unsigned rows_n, struct silt_err *err);

unsigned silt_pg_rows_n(const struct pg_result *rows);
const char *silt_pg_value(const struct pg_result *rows, unsigned row,
                          unsigned column);     /* NULL: null */
void silt_pg_rows_free(struct pg_result *rows); /* NULL is fine */

/* What a SQLSTATE means for us: 08 NETWORK, 28 AUTH, 42501 DENIED, 42 UNSUPPORTED, 57014 TIMEOUT,
 * 40 and 55P03 CONFLICT, 22 and 23 INVALID (this row is refused), 53 and 57P UNAVAILABLE, else
 * PROTOCOL. Pure.
 */
enum silt_code silt_pg_code(const char *sqlstate);

#endif
