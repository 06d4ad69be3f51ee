#include "observe/admin_int.h"

#include "base/alloc.h"
#include "harness.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_ready = true;
static bool is_live = true;

static void look(void *ctx, struct silt_look *ret)
{
    (void)ctx;
    *ret = (struct silt_look){.metrics = silt_zalloc(sizeof *ret->metrics)};
    ret->view = (struct silt_view){.worker = "w",
                                   .boot = "b",
                                   .version = "1",
                                   .ready = is_ready,
                                   .live = is_live,
                                   .metrics = ret->metrics};
    if (!is_ready) strcpy(ret->view.ready_why, "no partitions yet");
}

static struct silt_admin *start(void)
{
    struct silt_admin *admin = NULL;
    CU_ASSERT_OK(silt_admin_start("127.0.0.1:0", look, NULL, &admin, NULL));
    return admin;
}

static char answer[1 << 20];

static int dial(const struct silt_admin *admin)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                        .sin_port = htons((uint16_t)silt_admin_port(admin))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends bytes, returns everything that comes back. */
static const char *talk(const struct silt_admin *admin, const char *request)
{
    size_t len = 0;
    ssize_t n;
    int fd = dial(admin);
    CU_ASSERT(send(fd, request, strlen(request), MSG_NOSIGNAL) > 0);
    while ((n = read(fd, answer + len, sizeof answer - 1 - len)) > 0) len += (size_t)n;
    answer[len] = 0;
    close(fd);
    return answer;
}

static const char *get(const struct silt_admin *admin, const char *path)
{
    char request[256];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
             path);
    return talk(admin, request);
}

static void says(const char *text, const char *part)
{
    CU_ASSERT_PTR_NOT_NULL(strstr(text, part));
}

static void every_path_answers_with_its_type(void)
{
    struct silt_admin *admin = start();
    says(get(admin, "/"), "HTTP/1.1 200");
    says(answer, "Content-Type: text/html");
    says(answer, "Content-Security-Policy: default-src 'none'");
    says(answer, "Cache-Control: no-store");
    says(answer, "api/v1/status");
    says(get(admin, "/metrics"), "silt_info{");
    says(answer, "Content-Type: text/plain; version=0.0.4");
    says(get(admin, "/api/v1/status"), "\"worker\":\"w\"");
    says(answer, "Content-Type: application/json");
    says(get(admin, "/api/v1/lag?x=1"), "\"lag_total\":null");
    says(get(admin, "/api/v1/rejects"), "\"rejects\":[]");
    says(get(admin, "/nowhere"), "HTTP/1.1 404");
    silt_admin_stop(admin);
}

static void health_follows_the_worker(void)
{
    struct silt_admin *admin = start();
    says(get(admin, "/livez"), "HTTP/1.1 200");
    says(get(admin, "/readyz"), "HTTP/1.1 200");
    is_ready = false;
    is_live = false;
    says(get(admin, "/livez"), "HTTP/1.1 503");
    says(get(admin, "/readyz"), "HTTP/1.1 503");
    says(answer, "not ready: no partitions yet\n");
    is_ready = true;
    is_live = true;
    silt_admin_stop(admin);
}

static void only_reading_is_possible(void)
{
    struct silt_admin *admin = start();
    says(talk(admin, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: "
                     "close\r\n\r\n{}"),
         "HTTP/1.1 405");
    says(answer, "Allow: GET, HEAD");
    says(talk(admin, "DELETE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "HTTP/1.1 405");
    says(talk(admin, "HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
         "HTTP/1.1 200");
    CU_ASSERT_STRING_EQUAL(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    silt_admin_stop(admin);
    silt_admin_stop(NULL);
}

static void a_large_request_is_refused(void)
{
    static char request[20000];
    struct silt_admin *admin = start();
    strcpy(request, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
    memset(request + strlen(request), 'a', sizeof request - strlen(request) - 1);
    strcpy(request + sizeof request - 5, "\r\n\r\n");
    CU_ASSERT_PTR_NULL(strstr(talk(admin, request), "HTTP/1.1 200"));
    silt_admin_stop(admin);
}

/* Whoever connects and says nothing is hung up on, and then there is room for others again. */
static void silent_connections_are_few_and_short(void)
{
    enum { ALL = 64, MORE_THAN_ALL = 80 };
    int fds[MORE_THAN_ALL];
    char byte;
    struct silt_admin *admin = start();
    for (unsigned i = 0; i < MORE_THAN_ALL; i++) {
        fds[i] = dial(admin);
        (void)!send(fds[i], "GET / HTTP/1.1\r\n", 16, MSG_NOSIGNAL);
    }
    for (unsigned i = 0; i < MORE_THAN_ALL; i++) { /* answered with nothing, or 408, or a reset */
        while (i < ALL && read(fds[i], &byte, 1) > 0) {}
        close(fds[i]);
    }
    says(get(admin, "/livez"), "HTTP/1.1 200");
    silt_admin_stop(admin);
}

static void refuses(const char *listen, const char *why)
{
    struct silt_admin *admin;
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_admin_start(listen, look, NULL, &admin, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_CONFIG);
    says(err.text, why);
}

static void a_wrong_address_is_refused(void)
{
    struct silt_admin *admin = start();
    refuses("9464", "ADDRESS:PORT");
    refuses("127.0.0.1:", "ADDRESS:PORT");
    refuses("example.org:9464", "write an address");
    refuses("[::1:9464", "write an address");
    refuses("192.0.2.1:9464", "cannot listen");
    silt_admin_stop(admin);
}

static void listens_on_version_6_too(void)
{
    struct silt_admin *admin = NULL;
    struct silt_err err;
    if (!silt_ok(silt_admin_start("[::1]:0", look, NULL, &admin, &err))) {
        printf("skipped: no IPv6 here (%s)\n", err.text);
        return;
    }
    CU_ASSERT(silt_admin_port(admin) > 0);
    silt_admin_stop(admin);
}

SILT_TESTS("admin", {"every path answers with its type", every_path_answers_with_its_type},
           {"health follows the worker", health_follows_the_worker},
           {"only reading is possible", only_reading_is_possible},
           {"a large request is refused", a_large_request_is_refused},
           {"silent connections are few and short", silent_connections_are_few_and_short},
           {"a wrong address is refused", a_wrong_address_is_refused},
           {"listens on version 6 too", listens_on_version_6_too})
