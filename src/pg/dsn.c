#include "pg/dsn_int.h"

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
static bool is_loopback(const char *hosts)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "::1"};
    for (const char *at = hosts ? hosts : ""; *at;) {
        size_t len = strcspn(at, ",");
        bool near = *at == '/' || *at == '@';
        for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
            near |= len == strlen(names[i]) && memcmp(at, names[i], len) == 0;
        if (!near) return false;
        at += len + (at[len] == ',');
    }
    return true;
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

static void put_ours(struct silt_pg_words *words, const struct silt_pg_opts *opts)
{
    bool near =
        is_loopback(given(words->parsed, "host")) && is_loopback(given(words->parsed, "hostaddr"));
    int64_t statement_ms = opts->statement_ms ? opts->statement_ms : STATEMENT_MS;
    snprintf(words->timeout, sizeof words->timeout, "%lld", (long long)statement_ms);
    snprintf(words->options, sizeof words->options, "-c statement_timeout=%lld",
             (long long)statement_ms);
    put_default(words, "dbname", given(words->parsed, "user"));
    put_default(words, "sslmode", near ? "prefer" : "verify-full");
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
