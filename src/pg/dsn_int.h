/* The DSN as libpq keywords. */
#ifndef SILT_PG_DSN_INT_H
#define SILT_PG_DSN_INT_H

#include "pg/pg.h"

#define SILT_PG_WORDS_MAX 64

struct pg_conn;
struct silt_pg_words {
    const char *keys[SILT_PG_WORDS_MAX + 1]; /* NULL-terminated */
    const char *values[SILT_PG_WORDS_MAX + 1];
    unsigned n;
    char timeout[32]; /* texts of ours that values point to */
    char options[64];
    void *parsed; /* PQconninfoOption array: owns the rest */
};

SILT_RC silt_pg_words_parse(const struct silt_pg_opts *opts, struct silt_pg_words *ret,
                            struct silt_err *err);
void silt_pg_words_done(struct silt_pg_words *words);
const char *silt_pg_words_get(const struct silt_pg_words *words, const char *key); /* or NULL */

#endif
