#include "observe/admin_int.h"

#include "base/alloc.h"

#include <microhttpd.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 64
#define REQUEST_BYTES_MAX 8192
#define TIMEOUT_S 5
#define ANSWER_BYTES_MAX ((size_t)64 << 20)

struct silt_admin {
    struct MHD_Daemon *daemon;
    silt_look_fn *look;
    void *ctx;
};

void silt_look_done(struct silt_look *look)
{
    silt_free(look->metrics);
    silt_free(look->lags);
    silt_free(look->rejects);
    *look = (struct silt_look){0};
}

typedef unsigned answer_fn(const struct silt_view *view, struct silt_buf *ret);

static unsigned live(const struct silt_view *view, struct silt_buf *ret)
{
    (void)silt_buf_append_str(ret, view->live ? "ok\n" : "the consume loop stands still\n");
    return view->live ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned ready(const struct silt_view *view, struct silt_buf *ret)
{
    (void)silt_buf_printf(ret, "%s%s%s\n", view->ready ? "ready" : "not ready",
                          view->ready_why[0] ? ": " : "", view->ready_why);
    return view->ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned metrics(const struct silt_view *view, struct silt_buf *ret)
{
    silt_prometheus_text(view, ret);
    return MHD_HTTP_OK;
}

static unsigned status(const struct silt_view *view, struct silt_buf *ret)
{
    silt_status_json(view, ret);
    return MHD_HTTP_OK;
}

static unsigned lag(const struct silt_view *view, struct silt_buf *ret)
{
    silt_lag_json(view, ret);
    return MHD_HTTP_OK;
}

static unsigned rejects(const struct silt_view *view, struct silt_buf *ret)
{
    silt_rejects_json(view, ret);
    return MHD_HTTP_OK;
}

static unsigned page(const struct silt_view *view, struct silt_buf *ret)
{
    (void)view;
    (void)silt_buf_append_str(ret, silt_admin_page);
    return MHD_HTTP_OK;
}

static const char text_type[] = "text/plain; charset=utf-8";
static const char json_type[] = "application/json";
static const struct {
    const char *path;
    const char *type;
    answer_fn *answer;
} routes[] = {
    {"/", "text/html; charset=utf-8", page},
    {"/livez", text_type, live},
    {"/readyz", text_type, ready},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics},
    {"/api/v1/status", json_type, status},
    {"/api/v1/lag", json_type, lag},
    {"/api/v1/rejects", json_type, rejects},
};

static enum MHD_Result send_buf(struct MHD_Connection *connection, unsigned code, const char *type,
                                struct silt_buf *body)
{
    static const struct {
        const char *name;
        const char *value;
    } fixed[] = {
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; "
                                    "script-src 'unsafe-inline'; connect-src 'self'"},
        {"Allow", "GET, HEAD"},
    };
    size_t len;
    uint8_t *bytes = silt_buf_take(body, &len);
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback(len, bytes, silt_free);
    if (!response) {
        silt_free(bytes);
        return MHD_NO;
    }
    for (unsigned i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        (void)MHD_add_response_header(response, fixed[i].name, fixed[i].value);
    (void)MHD_add_response_header(response, "Content-Type", type);
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned code, const char *text)
{
    struct silt_buf body;
    silt_buf_init(&body, ANSWER_BYTES_MAX);
    (void)silt_buf_append_str(&body, text);
    return send_buf(connection, code, text_type, &body);
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload_data,
                              size_t *upload_data_size, void **state)
{
    (void)version;
    (void)upload_data;
    (void)upload_data_size;
    (void)state;
    const struct silt_admin *admin = ctx;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return send_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    for (unsigned i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(url, routes[i].path) != 0) continue;
        struct silt_look look;
        struct silt_buf body;
        silt_buf_init(&body, ANSWER_BYTES_MAX);
        admin->look(admin->ctx, &look);
        unsigned code = routes[i].answer(&look.view, &body);
        silt_look_done(&look);
        return send_buf(connection, code, routes[i].type, &body);
    }
    return send_text(connection, MHD_HTTP_NOT_FOUND,
                     "not found; try / /metrics /livez /readyz /api/v1/status\n");
}

static SILT_RC resolve(const char *listen, struct addrinfo **ret_address, struct silt_err *err)
{
    const char *colon = strrchr(listen, ':');
    if (!colon || !colon[1])
        SILT_FAIL(err, CONFIG, "metrics.listen %s: write ADDRESS:PORT", listen);
    bool bracketed = listen[0] == '[' && colon > listen + 1 && colon[-1] == ']';
    size_t skip = bracketed ? 1 : 0;
    char *host = silt_strndup(listen + skip, (size_t)(colon - listen) - 2 * skip);
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    int failed = getaddrinfo(host, colon + 1, &hints, ret_address);
    silt_free(host);
    if (failed)
        SILT_FAIL(err, CONFIG, "metrics.listen %s: %s; write an address such as 127.0.0.1:9464",
                  listen, gai_strerror(failed));
    return SILT_OK;
}

/* The daemon's thread inherits the mask: signals are waited for in one place, elsewhere. */
static struct MHD_Daemon *start_daemon(struct silt_admin *admin, const struct addrinfo *address)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;
    if (address->ai_family == AF_INET6) flags |= MHD_USE_IPv6;
    struct MHD_Daemon *daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, handle, admin, MHD_OPTION_SOCK_ADDR, address->ai_addr,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)REQUEST_BYTES_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return daemon;
}

SILT_RC silt_admin_start(const char *listen, silt_look_fn *look, void *ctx,
                         struct silt_admin **ret_admin, struct silt_err *err)
{
    struct addrinfo *address = NULL;
    SILT_TRY(resolve(listen, &address, err));
    SILT_ASSERT(address);
    struct silt_admin *admin = SILT_NEW(struct silt_admin);
    admin->look = look;
    admin->ctx = ctx;
    admin->daemon = start_daemon(admin, address);
    freeaddrinfo(address);
    if (!admin->daemon) {
        silt_free(admin);
        SILT_FAIL(err, CONFIG, "metrics.listen %s: cannot listen there; is the port taken?",
                  listen);
    }
    *ret_admin = admin;
    return SILT_OK;
}

void silt_admin_stop(struct silt_admin *admin)
{
    if (!admin) return;
    MHD_stop_daemon(admin->daemon);
    silt_free(admin);
}

int silt_admin_port(const struct silt_admin *admin)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(admin->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}
