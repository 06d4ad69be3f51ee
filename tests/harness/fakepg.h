/* A scripted PostgreSQL: speaks enough of protocol 3.0 to answer libpq, and does as it is told.
 *
 *   struct silt_fakepg *pg = silt_fakepg_start();
 *   silt_fakepg_on(pg, "insert into silt.lag", SILT_FAKEPG_ERROR, "23514 no partition", 1);
 *
 * A statement that no rule matches succeeds. Serves one connection at a time on 127.0.0.1.
 * Source: PostgreSQL 15 documentation, chapter 55 (frontend/backend protocol).
 */
#ifndef SILT_TEST_FAKEPG_H
#define SILT_TEST_FAKEPG_H

enum silt_fakepg_does {
    SILT_FAKEPG_ROW,   /* one row, one column: text (NULL: a null) */
    SILT_FAKEPG_ERROR, /* "SQLSTATE message" */
    SILT_FAKEPG_CLOSE, /* hangs up instead of answering */
    SILT_FAKEPG_HANG,  /* never answers */
};

struct silt_fakepg;
struct silt_fakepg *silt_fakepg_start(void);
void silt_fakepg_stop(struct silt_fakepg *pg);
const char *silt_fakepg_dsn(const struct silt_fakepg *pg);
/* The next `times` statements that contain `part` are answered so; the oldest rule that matches
 * counts. "connect" matches the start of a connection. Texts must stay valid. */
void silt_fakepg_on(struct silt_fakepg *pg, const char *part, enum silt_fakepg_does does,
                    const char *text, unsigned times);
/* How many statements contained `part` so far ("statement\nparameter\nparameter…"; null: \N). */
unsigned silt_fakepg_seen(struct silt_fakepg *pg, const char *part);
/* Waits (up to 120 s) until that many did. @return whether they did. */
int silt_fakepg_wait(struct silt_fakepg *pg, const char *part, unsigned times);

#endif
