#include "fakepg.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RULES_MAX 32
#define SEEN_MAX 4096
#define MESSAGE_MAX (4 << 20)

struct rule {
    const char *part;
    enum silt_fakepg_does does;
    const char *text;
    unsigned times;
};

struct silt_fakepg {
    int listener;
    int stop[2]; /* closing the second end stops the thread */
    char dsn[96];
    pthread_t thread;
    pthread_mutex_t lock;
    struct rule rules[RULES_MAX];
    unsigned rules_n;
    char *seen[SEEN_MAX];
    unsigned seen_n;
};

static void must(bool good, const char *what)
{
    if (good) return;
    perror(what);
    abort();
}

/* @return false when the other side is gone or we are stopping. */
static bool read_all(struct silt_fakepg *pg, int fd, void *to, size_t len)
{
    for (size_t done = 0; done < len;) {
        struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = pg->stop[0], .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 || fds[1].revents) return false;
        ssize_t n = read(fd, (char *)to + done, len - done);
        if (n <= 0) return false;
        done += (size_t)n;
    }
    return true;
}

static void write_all(int fd, const void *from, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, (const char *)from + done, len - done, MSG_NOSIGNAL);
        if (n <= 0) return;
        done += (size_t)n;
    }
}

static uint32_t number_at(const void *at)
{
    uint32_t number;
    memcpy(&number, at, sizeof number);
    return ntohl(number);
}

static void answer(int fd, char type, const void *body, size_t len)
{
    char head[5] = {type};
    uint32_t size = htonl((uint32_t)len + 4);
    memcpy(head + 1, &size, sizeof size);
    write_all(fd, head, sizeof head);
    write_all(fd, body, len);
}

static void answer_error(int fd, const char *text)
{
    char body[300];
    int len = snprintf(body, sizeof body, "SERROR%cC%.5s%cM%s%cDnever shown: 4711%c", 0, text, 0,
                       text + 6, 0, 0);
    body[len] = 0;
    answer(fd, 'E', body, (size_t)len + 1);
}

static void answer_row(int fd, const char *text)
{
    static const char columns[] = "\0\1x\0\0\0\0\0\0\0\0\0\0\31\377\377\377\377\377\377\0";
    char body[300] = {0, 1};
    uint32_t len = text ? (uint32_t)strlen(text) : UINT32_MAX;
    uint32_t wire = htonl(len);
    memcpy(body + 2, &wire, sizeof wire);
    if (text) memcpy(body + 6, text, len);
    answer(fd, 'T', columns, 22);
    answer(fd, 'D', body, 6 + (text ? len : 0));
    answer(fd, 'C', "SELECT 1", 9);
}

static bool use_rule(struct silt_fakepg *pg, const char *statement, struct rule *ret_rule)
{
    bool found = false;
    pthread_mutex_lock(&pg->lock);
    for (unsigned i = 0; i < pg->rules_n && !found; i++) {
        if (!pg->rules[i].times || !strstr(statement, pg->rules[i].part)) continue;
        pg->rules[i].times--;
        *ret_rule = pg->rules[i];
        found = true;
    }
    if (pg->seen_n < SEEN_MAX) pg->seen[pg->seen_n++] = strdup(statement);
    pthread_mutex_unlock(&pg->lock);
    return found;
}

/* @return false when the connection is to end. */
static bool act(struct silt_fakepg *pg, int fd, const char *statement, bool extended, char *in_tx)
{
    struct rule rule;
    bool ruled = use_rule(pg, statement, &rule);
    char unused;
    if (ruled && rule.does == SILT_FAKEPG_CLOSE) return false;
    if (ruled && rule.does == SILT_FAKEPG_HANG) return read_all(pg, fd, &unused, 1) && false;
    if (strncmp(statement, "begin", 5) == 0) *in_tx = 'T';
    if (strncmp(statement, "commit", 6) == 0 || strncmp(statement, "rollback", 8) == 0)
        *in_tx = 'I';
    if (ruled && rule.does == SILT_FAKEPG_ERROR) {
        if (*in_tx == 'T') *in_tx = 'E';
        answer_error(fd, rule.text);
        return true;
    }
    if (extended) {
        answer(fd, '1', NULL, 0);
        answer(fd, '2', NULL, 0);
    }
    if (ruled) {
        answer_row(fd, rule.text);
        return true;
    }
    if (extended) answer(fd, 'n', NULL, 0);
    answer(fd, 'C', "OK 1", 5);
    return true;
}

/* Appends the parameters of a Bind message. */
static void bind_params(char *statement, const char *body)
{
    const char *at = body + strlen(body) + 1;
    at += strlen(at) + 1;
    unsigned formats = (unsigned)(((unsigned char)at[0] << 8) | (unsigned char)at[1]);
    at += 2 + 2 * formats;
    unsigned n = (unsigned)(((unsigned char)at[0] << 8) | (unsigned char)at[1]);
    at += 2;
    char *to = statement + strlen(statement);
    for (unsigned i = 0; i < n; i++) {
        uint32_t len = number_at(at);
        at += 4;
        *to++ = '\n';
        if (len == UINT32_MAX) {
            memcpy(to, "\\N", 2);
            to += 2;
            continue;
        }
        memcpy(to, at, len);
        to += len;
        at += len;
    }
    *to = 0;
}

static bool start_up(struct silt_fakepg *pg, int fd, char *body)
{
    uint32_t code = 0;
    while (code != 196608) {
        char size[4];
        if (!read_all(pg, fd, size, 4)) return false;
        uint32_t len = number_at(size) - 4;
        if (len > 10000 || !read_all(pg, fd, body, len)) return false;
        code = number_at(body);
        if (code != 196608) write_all(fd, "N", 1);
    }
    struct rule rule;
    if (use_rule(pg, "connect", &rule)) {
        char unused;
        if (rule.does == SILT_FAKEPG_ERROR) answer_error(fd, rule.text);
        if (rule.does == SILT_FAKEPG_HANG) (void)read_all(pg, fd, &unused, 1);
        return false;
    }
    answer(fd, 'R', "\0\0\0", 4);
    answer(fd, 'S', "server_version\00015.0", 20);
    answer(fd, 'S', "client_encoding\0UTF8", 21);
    answer(fd, 'N', "SNOTICE\0C00000\0Mwelcome\0", 25);
    answer(fd, 'Z', "I", 1);
    return true;
}

static void serve(struct silt_fakepg *pg, int fd, char *body, char *statement)
{
    char in_tx = 'I';
    if (!start_up(pg, fd, body)) return;
    for (;;) {
        char head[5];
        if (!read_all(pg, fd, head, sizeof head)) return;
        uint32_t len = number_at(head + 1) - 4;
        if (len >= MESSAGE_MAX || !read_all(pg, fd, body, len)) return;
        body[len] = 0;
        bool ends = head[0] == 'Q' || head[0] == 'S';
        if (head[0] == 'X') return;
        if (head[0] == 'Q') strcpy(statement, body);
        if (head[0] == 'P') strcpy(statement, body + strlen(body) + 1);
        if (head[0] == 'B') bind_params(statement, body);
        if (!ends) continue;
        if (!act(pg, fd, statement, head[0] == 'S', &in_tx)) return;
        answer(fd, 'Z', &in_tx, 1);
    }
}

static void *run(void *ctx)
{
    struct silt_fakepg *pg = ctx;
    char *body = malloc(MESSAGE_MAX);
    char *statement = malloc(2 * MESSAGE_MAX);
    for (;;) {
        struct pollfd fds[] = {{.fd = pg->listener, .events = POLLIN},
                               {.fd = pg->stop[0], .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 || fds[1].revents) break;
        int fd = accept(pg->listener, NULL, NULL);
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        serve(pg, fd, body, statement);
        close(fd);
    }
    free(body);
    free(statement);
    return NULL;
}

struct silt_fakepg *silt_fakepg_start(void)
{
    struct silt_fakepg *pg = calloc(1, sizeof *pg);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    pthread_mutex_init(&pg->lock, NULL);
    pg->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(pg->listener >= 0, "socket");
    must(bind(pg->listener, (struct sockaddr *)&address, len) == 0, "bind");
    must(listen(pg->listener, 8) == 0, "listen");
    must(getsockname(pg->listener, (struct sockaddr *)&address, &len) == 0, "getsockname");
    must(pipe(pg->stop) == 0, "pipe");
    snprintf(pg->dsn, sizeof pg->dsn, "host=127.0.0.1 port=%d user=tester password=canary dbname=x",
             ntohs(address.sin_port));
    must(pthread_create(&pg->thread, NULL, run, pg) == 0, "pthread_create");
    return pg;
}

void silt_fakepg_stop(struct silt_fakepg *pg)
{
    close(pg->stop[1]);
    pthread_join(pg->thread, NULL);
    close(pg->stop[0]);
    close(pg->listener);
    for (unsigned i = 0; i < pg->seen_n; i++) free(pg->seen[i]);
    pthread_mutex_destroy(&pg->lock);
    free(pg);
}

const char *silt_fakepg_dsn(const struct silt_fakepg *pg)
{
    return pg->dsn;
}

void silt_fakepg_on(struct silt_fakepg *pg, const char *part, enum silt_fakepg_does does,
                    const char *text, unsigned times)
{
    pthread_mutex_lock(&pg->lock);
    must(pg->rules_n < RULES_MAX, "too many rules");
    pg->rules[pg->rules_n++] = (struct rule){part, does, text, times};
    pthread_mutex_unlock(&pg->lock);
}

unsigned silt_fakepg_seen(struct silt_fakepg *pg, const char *part)
{
    unsigned n = 0;
    pthread_mutex_lock(&pg->lock);
    for (unsigned i = 0; i < pg->seen_n; i++) n += strstr(pg->seen[i], part) != NULL;
    pthread_mutex_unlock(&pg->lock);
    return n;
}

int silt_fakepg_wait(struct silt_fakepg *pg, const char *part, unsigned times)
{
    for (int i = 0; i < 12000; i++) {
        if (silt_fakepg_seen(pg, part) >= times) return 1;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return 0;
}
