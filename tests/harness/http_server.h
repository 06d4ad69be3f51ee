/* A scripted HTTP server on loopback: each request that arrives takes the next step of the script
 * and is answered, or mistreated, as the step says. Everything seen is kept for the test to look
 * at. A request that the script has no step for is answered 500 "unscripted".
 *
 *   static const struct silt_http_step script[] = {{.status = 503}, {.status = 200, .body = "x"}};
 *   struct silt_http_server *server = silt_http_server_start(script, 2);
 *   … silt_http_server_url(server) … silt_http_server_stop(server);
 */
#ifndef SILT_TEST_HTTP_SERVER_H
#define SILT_TEST_HTTP_SERVER_H

#include <stddef.h>

enum silt_http_fault {
    SILT_FAULT_NONE,
    SILT_FAULT_CLOSE,     /* reads the request, closes without a word */
    SILT_FAULT_RESET,     /* the same with RST */
    SILT_FAULT_RESET_MID, /* RST after the request's headers, body unread */
    SILT_FAULT_CUT,       /* sends the first half of the body, then closes */
    SILT_FAULT_HANG,      /* never answers; ends when the client leaves */
    SILT_FAULT_TRICKLE,   /* one byte of the answer's body every 20 ms */
    SILT_FAULT_GARBAGE,   /* answers with what is no HTTP */
    SILT_FAULT_LAST,      /* answers properly, then closes without having said so */
};

struct silt_http_step {
    int status;
    const char *headers; /* lines, each with \r\n; Content-Length is added unless it is here */
    const char *body;
    size_t body_len; /* 0: strlen */
    enum silt_http_fault fault;
    int repeat; /* for how many more requests; < 0: for all */
};

struct silt_http_seen {
    char method[16];
    char *target;
    char *headers; /* as sent */
    char *body;
    size_t body_len;
    unsigned connection; /* from 1 */
};

struct silt_http_server;
/* The steps are not copied. */
struct silt_http_server *silt_http_server_start(const struct silt_http_step *steps, size_t steps_n);
void silt_http_server_stop(struct silt_http_server *server); /* frees what was seen */

const char *silt_http_server_url(const struct silt_http_server *server); /* http://127.0.0.1:PORT */
unsigned silt_http_server_seen_n(struct silt_http_server *server);
/* Valid until the stop. NULL when fewer were seen. */
const struct silt_http_seen *silt_http_server_seen(struct silt_http_server *server, unsigned i);
/* Waits until n requests were seen whole. */
void silt_http_server_await(struct silt_http_server *server, unsigned n);
/* The value of a request header as a new string (free()), NULL when it was not sent. */
char *silt_http_seen_header(const struct silt_http_seen *seen, const char *name);

#endif
