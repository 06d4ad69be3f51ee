/* A web server for these tests: answers every POST with the next scripted status (the last one goes
 * on), keeps the gunzipped bodies; and a plain client for the admin listener. Include once. */
#ifndef SILT_TEST_OBSERVE_WEBSERVER_H
#define SILT_TEST_OBSERVE_WEBSERVER_H

#include "base/buf.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

struct web {
    struct MHD_Daemon *daemon;
    pthread_mutex_t lock;
    const int *statuses;   /* 0-terminated; 1: never answer */
    const char *refusal;   /* body of answers that are not 200 */
    _Atomic bool released; /* ends what is never answered */
    unsigned requests_n;
    struct silt_buf bodies;
    char target[96];
    char authorization[512];
    char token[96];
};

struct web_upload {
    size_t len;
    char body[1 << 20];
};

static void web_keep(struct web *web, struct web_upload *upload)
{
    static char text[4 << 20];
    z_stream z = {.next_in = (Bytef *)upload->body,
                  .avail_in = (uInt)upload->len,
                  .next_out = (Bytef *)text,
                  .avail_out = sizeof text};
    if (inflateInit2(&z, 15 + 16) != Z_OK || inflate(&z, Z_FINISH) != Z_STREAM_END) abort();
    (void)silt_buf_append(&web->bodies, text, z.total_out);
    inflateEnd(&z);
}

static void web_header(struct MHD_Connection *connection, const char *name, char *to, size_t room)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    to[0] = 0;
    if (value) strncat(to, value, room - 1);
}

static enum MHD_Result web_handle(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **state)
{
    (void)url;
    (void)method;
    (void)version;
    struct web *web = ctx;
    struct web_upload *upload = *state;
    if (!upload) {
        *state = calloc(1, sizeof *upload);
        return MHD_YES;
    }
    if (*data_len) {
        memcpy(upload->body + upload->len, data, *data_len);
        upload->len += *data_len;
        *data_len = 0;
        return MHD_YES;
    }
    pthread_mutex_lock(&web->lock);
    int status = *web->statuses;
    if (web->statuses[1]) web->statuses++;
    if (status == 200) web_keep(web, upload);
    web->requests_n++;
    web_header(connection, "X-Amz-Target", web->target, sizeof web->target);
    web_header(connection, "Authorization", web->authorization, sizeof web->authorization);
    web_header(connection, "X-Amz-Security-Token", web->token, sizeof web->token);
    pthread_mutex_unlock(&web->lock);
    free(upload);
    *state = NULL;
    while (status == 1 && !atomic_load(&web->released))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (status == 1) return MHD_NO;
    const char *body = status == 200 ? "{}" : web->refusal;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(body), (void *)(uintptr_t)body, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

static void web_start(struct web *web, const int *statuses)
{
    *web = (struct web){.statuses = statuses, .refusal = "{\"__type\":\"Throttling\"}"};
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    silt_buf_init(&web->bodies, 16 << 20);
    pthread_mutex_init(&web->lock, NULL);
    web->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, web_handle, web,
                                   MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END);
    if (!web->daemon) abort();
}

static unsigned web_port(const struct web *web)
{
    return MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

static unsigned web_requests(struct web *web)
{
    pthread_mutex_lock(&web->lock);
    unsigned n = web->requests_n;
    pthread_mutex_unlock(&web->lock);
    return n;
}

/* Waits up to 120 s. */
static bool web_wait(struct web *web, unsigned requests_n)
{
    for (int i = 0; i < 12000 && web_requests(web) < requests_n; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    return web_requests(web) >= requests_n;
}

static void web_stop(struct web *web)
{
    atomic_store(&web->released, true);
    if (web->daemon) MHD_stop_daemon(web->daemon);
    silt_buf_done(&web->bodies);
    pthread_mutex_destroy(&web->lock);
}

#endif
