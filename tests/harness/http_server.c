#include "http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SEEN_MAX 4096
#define CONNECTIONS_MAX 512
#define HEAD_MAX 65536

struct connection {
    struct silt_http_server *server;
    pthread_t thread;
    int fd;
    unsigned number;
};

struct silt_http_server {
    const struct silt_http_step *steps;
    size_t steps_n;
    int listener;
    pthread_t thread;
    char url[64];
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t changed;
    size_t step;
    int step_used;
    struct silt_http_seen seen[SEEN_MAX];
    unsigned seen_n;
    struct connection connections[CONNECTIONS_MAX];
    unsigned connections_n;
};

static void check(bool fine, const char *what)
{
    if (fine) return;
    perror(what);
    abort();
}

/* --- one request ----------------------------------------------------------------------------- */

/* Reads up to the empty line. @return bytes read, *ret_head of them the head; 0 at the end. */
static size_t read_head(int fd, char *bytes, size_t *ret_head)
{
    size_t len = 0;
    while (len < HEAD_MAX) {
        ssize_t n = recv(fd, bytes + len, HEAD_MAX - len, 0);
        if (n <= 0) return 0;
        len += (size_t)n;
        bytes[len] = '\0';
        char *end = strstr(bytes, "\r\n\r\n");
        if (!end) continue;
        *ret_head = (size_t)(end - bytes) + 4;
        return len;
    }
    return 0;
}

char *silt_http_seen_header(const struct silt_http_seen *seen, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = seen->headers; line && *line;) {
        const char *end = strstr(line, "\r\n");
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            const char *value = line + len + 1;
            while (*value == ' ') value++;
            return strndup(value, (size_t)(end - value));
        }
        line = end ? end + 2 : NULL;
    }
    return NULL;
}

static size_t announced(const struct silt_http_seen *seen)
{
    char *text = silt_http_seen_header(seen, "content-length");
    size_t len = text ? strtoul(text, NULL, 10) : 0;
    free(text);
    return len;
}

/* @return false when the connection ended first. */
static bool read_body(int fd, struct silt_http_seen *seen, const char *rest, size_t rest_len)
{
    size_t want = announced(seen);
    seen->body = malloc(want + 1);
    check(seen->body, "malloc");
    memcpy(seen->body, rest, rest_len < want ? rest_len : want);
    seen->body_len = rest_len;
    while (seen->body_len < want) {
        ssize_t n = recv(fd, seen->body + seen->body_len, want - seen->body_len, 0);
        if (n <= 0) return false;
        seen->body_len += (size_t)n;
    }
    seen->body[want] = '\0';
    return true;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static void reset(int fd)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static void hang(int fd)
{
    char byte;
    while (recv(fd, &byte, 1, 0) > 0) {}
}

static void trickle(int fd, const char *body, size_t len)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    for (size_t i = 0; i < len && send_all(fd, body + i, 1); i++) nanosleep(&pause, NULL);
}

/* @return whether the connection goes on. */
static bool answer(int fd, const struct silt_http_step *step, const char *method)
{
    static const char garbage[] = "this is not the server that you look for\r\n\r\n";
    const char *headers = step->headers ? step->headers : "";
    const char *body = step->body ? step->body : "";
    size_t len = step->body_len ? step->body_len : strlen(body);
    char head[8192];
    int head_len = snprintf(head, sizeof head, "HTTP/1.1 %d Scripted\r\n%s", step->status, headers);
    if (!strcasestr(headers, "content-length:"))
        head_len += snprintf(head + head_len, sizeof head - (size_t)head_len,
                             "Content-Length: %zu\r\n", len);
    head_len += snprintf(head + head_len, sizeof head - (size_t)head_len, "\r\n");

    switch (step->fault) {
    case SILT_FAULT_RESET:
    case SILT_FAULT_RESET_MID: reset(fd); return false;
    case SILT_FAULT_CLOSE: return false;
    case SILT_FAULT_HANG: hang(fd); return false;
    case SILT_FAULT_GARBAGE: send_all(fd, garbage, strlen(garbage)); return false;
    default: break;
    }
    if (!send_all(fd, head, (size_t)head_len)) return false;
    if (step->fault == SILT_FAULT_TRICKLE) {
        trickle(fd, body, len);
        return false;
    }
    if (strcmp(method, "HEAD") == 0 || step->status == 204) return true;
    if (step->fault == SILT_FAULT_CUT) {
        send_all(fd, body, len / 2);
        return false;
    }
    return send_all(fd, body, len) && step->fault != SILT_FAULT_LAST;
}

/* --- the script ------------------------------------------------------------------------------ */

static const struct silt_http_step *next_step(struct silt_http_server *server)
{
    static const struct silt_http_step unscripted = {.status = 500, .body = "unscripted"};
    pthread_mutex_lock(&server->lock);
    const struct silt_http_step *step = &unscripted;
    if (server->step < server->steps_n) {
        step = &server->steps[server->step];
        if (step->repeat >= 0 && server->step_used++ == step->repeat) {
            server->step++;
            server->step_used = 0;
        }
    }
    pthread_mutex_unlock(&server->lock);
    return step;
}

static void note(struct silt_http_server *server, struct silt_http_seen *seen)
{
    pthread_mutex_lock(&server->lock);
    check(server->seen_n < SEEN_MAX, "too many requests for the scripted server");
    server->seen[server->seen_n++] = *seen;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

/* @return whether the connection goes on. */
static bool serve(struct connection *connection, char *bytes)
{
    struct silt_http_seen seen = {.connection = connection->number};
    size_t head = 0;
    size_t len = read_head(connection->fd, bytes, &head);
    if (!len) return false;
    char target[HEAD_MAX / 4];
    check(sscanf(bytes, "%15s %16383s", seen.method, target) == 2, "request line");
    seen.target = strdup(target);
    char *line_end = strstr(bytes, "\r\n");
    seen.headers = strndup(line_end + 2, head - (size_t)(line_end + 2 - bytes));
    const struct silt_http_step *step = next_step(connection->server);
    if (step->fault == SILT_FAULT_RESET_MID) {
        note(connection->server, &seen);
        return answer(connection->fd, step, seen.method);
    }
    if (!read_body(connection->fd, &seen, bytes + head, len - head)) {
        free(seen.target);
        free(seen.headers);
        free(seen.body);
        return false;
    }
    note(connection->server, &seen);
    return answer(connection->fd, step, seen.method);
}

static void *serve_connection(void *ctx)
{
    struct connection *connection = ctx;
    char *bytes = malloc(HEAD_MAX + 1);
    check(bytes, "malloc");
    while (serve(connection, bytes)) {}
    free(bytes);
    /* The number of an fd may be used again at once: nobody else may shut it down from here on. */
    pthread_mutex_lock(&connection->server->lock);
    close(connection->fd);
    connection->fd = -1;
    pthread_mutex_unlock(&connection->server->lock);
    return NULL;
}

static void *accept_connections(void *ctx)
{
    struct silt_http_server *server = ctx;
    for (;;) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0) return NULL;
        pthread_mutex_lock(&server->lock);
        check(server->connections_n < CONNECTIONS_MAX, "too many connections");
        struct connection *connection = &server->connections[server->connections_n++];
        *connection =
            (struct connection){.server = server, .fd = fd, .number = server->connections_n};
        check(pthread_create(&connection->thread, NULL, serve_connection, connection) == 0,
              "thread");
        pthread_mutex_unlock(&server->lock);
    }
}

/* --- for the test ---------------------------------------------------------------------------- */

struct silt_http_server *silt_http_server_start(const struct silt_http_step *steps, size_t steps_n)
{
    struct silt_http_server *server = calloc(1, sizeof *server);
    check(server, "calloc");
    server->steps = steps;
    server->steps_n = steps_n;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(bind(server->listener, (struct sockaddr *)&address, len) == 0, "bind");
    check(listen(server->listener, 64) == 0, "listen");
    getsockname(server->listener, (struct sockaddr *)&address, &len);
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u",
             (unsigned)ntohs(address.sin_port));
    check(pthread_create(&server->thread, NULL, accept_connections, server) == 0, "thread");
    return server;
}

void silt_http_server_stop(struct silt_http_server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    pthread_mutex_lock(&server->lock);
    for (unsigned i = 0; i < server->connections_n; i++)
        if (server->connections[i].fd >= 0) shutdown(server->connections[i].fd, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
    for (unsigned i = 0; i < server->connections_n; i++)
        pthread_join(server->connections[i].thread, NULL);
    for (unsigned i = 0; i < server->seen_n; i++) {
        free(server->seen[i].target);
        free(server->seen[i].headers);
        free(server->seen[i].body);
    }
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

const char *silt_http_server_url(const struct silt_http_server *server)
{
    return server->url;
}

unsigned silt_http_server_seen_n(struct silt_http_server *server)
{
    pthread_mutex_lock(&server->lock);
    unsigned n = server->seen_n;
    pthread_mutex_unlock(&server->lock);
    return n;
}

const struct silt_http_seen *silt_http_server_seen(struct silt_http_server *server, unsigned i)
{
    return i < silt_http_server_seen_n(server) ? &server->seen[i] : NULL;
}

void silt_http_server_await(struct silt_http_server *server, unsigned n)
{
    pthread_mutex_lock(&server->lock);
    while (server->seen_n < n) pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
}
