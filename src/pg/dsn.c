#include "pg/dsn_int.h"

#include "base/address.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENT_MS 5000

/* libpq fills every unset option from the environment and gives no way to refuse, so the variables
 * go, once. glibc's unsetenv moves pointers and frees nothing: a getenv in another thread sees the
 * variable or does not. */
static void forget_environment(void)
{
    static const char *const more[] = {"PGSERVICEFILE", "PGSYSCONFDIR", "PGTZ",
                                       "PGDATESTYLE",   "PGGEQO",       "PGREQUIRESSL"};
    for (unsigned i = 0; i < sizeof more / sizeof more[0]; i++) unsetenv(more[i]);
    PQconninfoOption *all = PQconndefaults();
    for (const PQconninfoOption *option = all; option && option->keyword; option++)
        if (option->envvar) unsetenv(option->envvar);
    PQconninfoFree(all);
}

static const char *given(const PQconninfoOption *options, const char *key)
{
    for (; options->keyword; options++)
        if (strcmp(options->keyword, key) == 0)
            return options->val && options->val[0] ? options->val : NULL;
    return NULL;
}

/* host is a list "a,b", NULL when not given; an entry that begins with '/' or '@' is a socket. */
static bool is_near(const char *hosts)
{
    for (const char *at = hosts ? hosts : ""; *at;) {
        size_t len = strcspn(at, ",");
        bool is_socket = *at == '/' || *at == '@';
        if (!is_socket && !silt_host_is_local(silt_slice_of(at, len))) return false;
        at += len + (at[len] == ',');
    }
    return true;
}

static bool all_near(const PQconninfoOption *options)
{
    return is_near(given(options, "host")) && is_near(given(options, "hostaddr"));
}

static void put(struct silt_pg_words *words, const char *key, const char *value)
{
    SILT_ASSERT(words->n < SILT_PG_WORDS_MAX);
    words->keys[words->n] = key;
    words->values[words->n++] = value;
}

static void put_default(struct silt_pg_words *words, const char *key, const char *value)
{
    if (!given(words->parsed, key)) put(words, key, value);
}

static SILT_RC check(const PQconninfoOption *options, struct silt_err *err)
{
    const char *host = given(options, "host");
    if (!host && !given(options, "hostaddr"))
        SILT_FAIL(err, CONFIG, "the PostgreSQL DSN names no host; add host=NAME");
    if (!given(options, "user"))
        SILT_FAIL(err, CONFIG, "the PostgreSQL DSN names no user; add user=NAME");
    if (given(options, "service"))
        SILT_FAIL(err, CONFIG, "the PostgreSQL DSN must not name a service file entry");
    return SILT_OK;
}

/* gssencmode: libpq would try Kerberos first, which comes before TLS and its checks, and whose
 * library follows a null pointer when it has no memory. */
static void put_ours(struct silt_pg_words *words, const struct silt_pg_opts *opts)
{
    int64_t statement_ms = opts->statement_ms ? opts->statement_ms : STATEMENT_MS;
    snprintf(words->timeout, sizeof words->timeout, "%lld", (long long)statement_ms);
    snprintf(words->options, sizeof words->options, "-c statement_timeout=%lld",
             (long long)statement_ms);
    put_default(words, "dbname", given(words->parsed, "user"));
    put_default(words, "sslmode", all_near(words->parsed) ? "prefer" : "verify-full");
    put_default(words, "gssencmode", "disable");
    put_default(words, "application_name",
                opts->application_name ? opts->application_name : "silt");
    put_default(words, "client_encoding", "UTF8");
    put_default(words, "options", words->options);
    put_default(words, "tcp_user_timeout", words->timeout);
    put_default(words, "keepalives", "1");
    put_default(words, "keepalives_idle", "30");
    put_default(words, "keepalives_interval", "5");
    put_default(words, "keepalives_count", "3");
}

SILT_RC silt_pg_words_parse(const struct silt_pg_opts *opts, struct silt_pg_words *ret,
                            struct silt_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, forget_environment);
    /* libpq's own words on a bad DSN quote it, password and all */
    PQconninfoOption *options = PQconninfoParse(silt_secret_reveal(opts->dsn), NULL);
    if (!options)
        SILT_FAIL(
            err, CONFIG,
            "the PostgreSQL DSN is malformed; write host=… user=… dbname=… or postgresql://…");
    struct silt_rc rc = check(options, err);
    if (!silt_ok(rc)) {
        PQconninfoFree(options);
        return rc;
    }
    *ret = (struct silt_pg_words){.parsed = options};
    for (const PQconninfoOption *option = options; option->keyword; option++)
        if (option->val && option->val[0]) put(ret, option->keyword, option->val);
    put_ours(ret, opts);
    return SILT_OK;
}

static SILT_RC check_mode(const struct silt_pg_words *words, struct silt_err *err)
{
    static const char *const open[] = {"disable", "allow", "prefer"};
    const char *mode = silt_pg_words_get(words, "sslmode");
    if (all_near(words->parsed)) return SILT_OK;
    for (unsigned i = 0; i < sizeof open / sizeof open[0]; i++)
        if (strcmp(mode, open[i]) == 0)
            SILT_FAIL(err, CONFIG,
                      "metrics.postgres names a host that is not on this machine, and sslmode=%s "
                      "may go unencrypted; remove sslmode (verify-full is the default), or set "
                      "metrics.allow_plaintext: true",
                      mode);
    return SILT_OK;
}

SILT_RC silt_pg_check(const struct silt_secret *dsn, bool allow_plaintext, struct silt_err *err)
{
    struct silt_pg_words words;
    const struct silt_pg_opts opts = {.dsn = dsn};
    SILT_TRY(silt_pg_words_parse(&opts, &words, err));
    struct silt_rc rc = allow_plaintext ? SILT_OK : check_mode(&words, err);
    silt_pg_words_done(&words);
    return rc;
}

void silt_pg_words_done(struct silt_pg_words *words)
{
    for (PQconninfoOption *option = words->parsed; option && option->keyword; option++)
        if (option->val && strcmp(option->keyword, "password") == 0)
            explicit_bzero(option->val, strlen(option->val));
    PQconninfoFree(words->parsed);
    *words = (struct silt_pg_words){0};
}

const char *silt_pg_words_get(const struct silt_pg_words *words, const char *key)
{
    for (unsigned i = 0; i < words->n; i++)
        if (strcmp(words->keys[i], key) == 0) return words->values[i];
    return NULL;
}
