/* The simulated schema registry, in the place of net/http: look-ups by id and the timers of its
 * client. It knows two schemas, and always the same two: a record's verdict may not depend on when
 * it is read. */
#include "sim.h"

#include "base/alloc.h"
#include "net/http.h"

#include <stdlib.h>
#include <string.h>

#define CALLS_MAX 256u
#define TIMEOUT_MS (10 * SECOND_MS)

struct call { /* a request or a timer */
    struct sim_proc *proc;
    struct silt_http_req *req; /* NULL: a timer */
    void (*fn)(void *ctx, bool stopped);
    void *ctx;
    int64_t due_ms;
    enum silt_http_outcome outcome;
    int status;
    const char *body;
    const char *retry_after;
};

static struct call calls[CALLS_MAX];
static unsigned calls_n;

void sim_registry_begin(void)
{
    calls_n = 0;
}

/* ---- what it says ---- */

static const char *schema_body(const char *url)
{
    int id = atoi(strrchr(url, '/') + 1);
    const char *schema = sim_schema_text(id);
    if (!schema) return NULL;
    char *body = sim_take(2 * strlen(schema) + 32);
    size_t len = (size_t)sprintf(body, "{\"schema\":\"");
    for (; *schema; schema++) {
        if (*schema == '"') body[len++] = '\\';
        body[len++] = *schema;
    }
    memcpy(body + len, "\"}", 3);
    return body;
}

static void draw_error(struct call *call)
{
    static const int statuses[] = {404, 401, 429, 500, 503};
    call->body = "<html>";
    call->status = statuses[sim_below(5)];
    if (call->status == 429 || call->status == 503) call->retry_after = "2";
    if (sim_chance(200)) call->outcome = SILT_HTTP_NO_CONNECT;
    if (sim_chance(200)) call->outcome = SILT_HTTP_CUT;
}

static void draw_answer(struct call *call)
{
    call->outcome = SILT_HTTP_ANSWERED;
    call->due_ms = world.now_ms + sim_between(1, sim_chance(100) ? 9000 : 50);
    if (sim_fault(SIM_REGISTRY_MUTE)) {
        call->outcome = SILT_HTTP_TIMEOUT;
        call->due_ms = world.now_ms + TIMEOUT_MS;
    } else if (sim_fault(SIM_REGISTRY_ERROR)) {
        draw_error(call);
    } else {
        call->body = schema_body(call->req->url);
        call->status = call->body ? 200 : 404;
        if (!call->body) call->body = "{\"error_code\":40403}";
    }
}

static void answer(const struct call *call)
{
    struct silt_http_req *req = call->req;
    req->outcome = call->outcome;
    req->status = call->status;
    if (call->outcome == SILT_HTTP_ANSWERED) {
        silt_buf_init(&req->ret_body, req->response_max);
        bool fits = silt_buf_append(&req->ret_body, call->body, strlen(call->body));
        SILT_ASSERT(fits);
        if (call->retry_after) req->ret_headers[0] = silt_strdup(call->retry_after);
    }
    sim_trace("registry: %s: %d", req->url, req->outcome == SILT_HTTP_ANSWERED ? req->status : -1);
    req->done(req);
}

static void end_call(unsigned i, bool stopped)
{
    struct call call = calls[i];
    struct sim_proc *before = sim_current;
    calls[i] = calls[--calls_n];
    sim_current = call.proc;
    if (stopped) call.outcome = SILT_HTTP_STOPPED;
    if (call.req)
        answer(&call);
    else
        call.fn(call.ctx, stopped);
    sim_current = before;
}

/* ---- events ---- */

int64_t sim_registry_next_ms(void)
{
    int64_t next = INT64_MAX;
    for (unsigned i = 0; i < calls_n; i++)
        if (calls[i].due_ms < next) next = calls[i].due_ms;
    return next;
}

void sim_registry_event(void)
{
    for (unsigned i = 0; i < calls_n; i++) {
        if (calls[i].due_ms > world.now_ms) continue;
        end_call(i, false);
        return;
    }
}

void sim_registry_forget(const struct sim_proc *proc)
{
    for (unsigned i = 0; i < calls_n;) {
        if (calls[i].proc == proc)
            calls[i] = calls[--calls_n];
        else
            i++;
    }
}

/* ---- net/http.h ---- */

void __wrap_silt_http_submit(struct silt_http *, struct silt_http_req *);
void __wrap_silt_http_timer(struct silt_http *, int64_t, void (*)(void *, bool), void *);
void __wrap_silt_http_cancel(struct silt_http *, const void *);

static struct call *add_call(void)
{
    SILT_ASSERT(calls_n < CALLS_MAX);
    struct call *call = &calls[calls_n++];
    *call = (struct call){.proc = sim_current};
    return call;
}

void __wrap_silt_http_submit(struct silt_http *http, struct silt_http_req *req)
{
    (void)http;
    struct call *call = add_call(); /* no seam: a timer may be calling */
    call->req = req;
    draw_answer(call);
}

void __wrap_silt_http_timer(struct silt_http *http, int64_t delay_ms,
                            void (*fn)(void *ctx, bool stopped), void *ctx)
{
    (void)http;
    struct call *call = add_call();
    call->fn = fn;
    call->ctx = ctx;
    call->due_ms = world.now_ms + delay_ms;
}

void __wrap_silt_http_cancel(struct silt_http *http, const void *owner)
{
    (void)http;
    for (unsigned i = 0; i < calls_n;) {
        const void *its = calls[i].req ? calls[i].req->owner : calls[i].ctx;
        if (its == owner)
            end_call(i, true);
        else
            i++;
    }
}
