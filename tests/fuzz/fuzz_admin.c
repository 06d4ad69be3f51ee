/* Any bytes sent to the admin listener: an answer that is HTTP or none, 200 to GET and HEAD only,
 * and the next request is served.
 */
#include "admin_int.h"

#include "base/alloc.h"
#include "fuzz.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void look(void *ctx, struct silt_look *ret)
{
    (void)ctx;
    *ret = (struct silt_look){.metrics = silt_zalloc(sizeof *ret->metrics)};
    ret->view = (struct silt_view){.worker = "w",
                                   .boot = "b",
                                   .version = "1",
                                   .ready = true,
                                   .live = true,
                                   .metrics = ret->metrics};
}

static int connected(void)
{
    static struct silt_admin *admin;
    if (!admin && !silt_ok(silt_admin_start("127.0.0.1:0", look, NULL, &admin, NULL))) abort();
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                        .sin_port = htons((uint16_t)silt_admin_port(admin))};
    /* No port is kept waiting: there will be millions. */
    const struct linger at_once = {.l_onoff = 1};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    FUZZ_CHECK(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    FUZZ_CHECK(connect(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static void check_answer(const char *answer, size_t len, const uint8_t *data, size_t size)
{
    if (len == 0) return;
    FUZZ_CHECK(len > 12 && memcmp(answer, "HTTP/1.", 7) == 0);
    if (memcmp(answer + 9, "200", 3) != 0) return;
    /* libmicrohttpd skips what it takes for empty lines, so the method may stand anywhere. */
    FUZZ_CHECK(memmem(data, size, "GET", 3) || memmem(data, size, "HEAD", 4));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char answer[1 << 16];
    size_t len = 0;
    ssize_t n;
    int fd = connected();
    if (size) (void)!send(fd, data, size, MSG_NOSIGNAL);
    (void)shutdown(fd, SHUT_WR); /* no more will come */
    while (len < sizeof answer && (n = read(fd, answer + len, sizeof answer - len)) > 0)
        len += (size_t)n;
    close(fd);
    check_answer(answer, len, data, size);
    return 0;
}
