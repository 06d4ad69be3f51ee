/* What the product finds in the place of base/clock.c, log.c, queue.c and thread.c. */
#include "sim.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/queue.h"
#include "base/thread.h"
#include "decode/schema.h"

#include <string.h>

#define SCHEMAS_MAX 8u

/* ---- clock: a worker's own may be wrong ---- */

int64_t silt_wall_ms(void)
{
    return sim_wall_ms() + (sim_current ? sim_current->clock_ms : 0);
}

int64_t silt_mono_ms(void)
{
    return 1000 * HOUR_MS + world.now_ms;
}

int64_t silt_mono_ns(void)
{
    return silt_mono_ms() * 1000000;
}

struct timespec silt_mono_deadline(int64_t in_ms)
{
    int64_t at = silt_mono_ms() + in_ms;
    return (struct timespec){.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000};
}

/* ---- schemas: compiled once for all workers ---- */

struct silt_rc __real_silt_schema_new(struct silt_slice, const struct silt_schema_opts *,
                                      struct silt_schema **, struct silt_err *);
struct silt_rc __wrap_silt_schema_new(struct silt_slice, const struct silt_schema_opts *,
                                      struct silt_schema **, struct silt_err *);

struct silt_rc __wrap_silt_schema_new(struct silt_slice json,
                                      const struct silt_schema_opts *schema_opts,
                                      struct silt_schema **ret_schema, struct silt_err *err)
{
    static struct silt_schema *known[SCHEMAS_MAX];
    unsigned i = 0;
    for (; i < SCHEMAS_MAX && known[i]; i++)
        if (known[i]->id == schema_opts->id && silt_slice_eq(silt_slice_str(known[i]->json), json))
            break;
    SILT_ASSERT(i < SCHEMAS_MAX);
    if (!known[i]) {
        sim_keep_memory(true);
        struct silt_rc rc = __real_silt_schema_new(json, schema_opts, &known[i], err);
        sim_keep_memory(false);
        SILT_TRY(rc);
    }
    *ret_schema = silt_schema_ref(known[i]);
    return SILT_OK;
}

/* ---- log: states and halts are looked at, the rest is for --trace ---- */

bool silt_log_enabled(enum silt_log_level level)
{
    (void)level;
    return true;
}

static const char *field_of(const struct silt_field *fields, unsigned n, const char *key)
{
    for (unsigned i = 0; i < n; i++)
        if (strcmp(fields[i].key, key) == 0 && fields[i].kind == SILT_FIELD_STR)
            return fields[i].v.str;
    return "";
}

static int64_t number_of(const struct silt_field *fields, unsigned n, const char *key)
{
    for (unsigned i = 0; i < n; i++)
        if (strcmp(fields[i].key, key) == 0 && fields[i].kind == SILT_FIELD_INT)
            return fields[i].v.i64;
    return -1;
}

static void trace_line(const char *event, const char *msg, const struct silt_field *fields,
                       unsigned n)
{
    char text[600];
    int at = snprintf(text, sizeof text, "log %s: %.200s", event, msg);
    for (unsigned i = 0; i < n && at > 0 && (size_t)at < sizeof text; i++) {
        size_t room = sizeof text - (size_t)at;
        if (fields[i].kind == SILT_FIELD_STR && fields[i].v.str)
            at += snprintf(text + at, room, " %s=%s", fields[i].key, fields[i].v.str);
        if (fields[i].kind == SILT_FIELD_INT)
            at += snprintf(text + at, room, " %s=%lld", fields[i].key, (long long)fields[i].v.i64);
    }
    sim_trace("%s", text);
}

void silt_log_write(enum silt_log_level level, const char *event, const char *msg,
                    const struct silt_field *fields, unsigned n)
{
    (void)level;
    if (world.plan.trace) trace_line(event, msg, fields, n);
    if (strcmp(event, "lane_state") == 0)
        sim_count_lane(field_of(fields, n, "from"), field_of(fields, n, "to"));
    if (strcmp(event, "partition_halted") == 0)
        sim_oracle_halted((int32_t)number_of(fields, n, "partition"), msg);
}

/* Every line counts here, however many there are. */
void silt_log_at(struct silt_log_site *site, enum silt_log_level level, const char *event,
                 const char *msg, const struct silt_field *fields, unsigned n)
{
    (void)site;
    silt_log_write(level, event, msg, fields, n);
}

/* ---- queues: nobody else is there to push while one waits, but the world goes on ---- */

struct silt_queue {
    silt_queue_wake_fn *wake;
    void *wake_ctx;
    size_t capacity;
    void **items; /* ring of `room` */
    size_t room;
    size_t head;
    size_t len;
    bool closed;
};

struct silt_queue *silt_queue_new(size_t capacity, silt_queue_wake_fn *wake, void *wake_ctx)
{
    struct silt_queue *queue = SILT_NEW(struct silt_queue);
    *queue = (struct silt_queue){.wake = wake, .wake_ctx = wake_ctx, .capacity = capacity};
    return queue;
}

void silt_queue_free(struct silt_queue *queue)
{
    if (!queue) return;
    silt_free(queue->items);
    silt_free(queue);
}

static void make_room(struct silt_queue *queue)
{
    if (queue->len < queue->room) return;
    size_t room = queue->room ? 2 * queue->room : 16;
    void **items = silt_calloc(room, sizeof *items);
    for (size_t i = 0; i < queue->len; i++)
        items[i] = queue->items[(queue->head + i) % queue->room];
    silt_free(queue->items);
    queue->items = items;
    queue->room = room;
    queue->head = 0;
}

bool silt_queue_try_push(struct silt_queue *queue, void *item)
{
    if (queue->closed || queue->len == queue->capacity) return false;
    make_room(queue);
    queue->items[(queue->head + queue->len++) % queue->room] = item;
    if (queue->wake) queue->wake(queue->wake_ctx);
    return true;
}

bool silt_queue_push(struct silt_queue *queue, void *item)
{
    return silt_queue_try_push(queue, item);
}

static void wait_for_item(struct silt_queue *queue, int64_t timeout_ms)
{
    struct sim_proc *proc = sim_current;
    SILT_ASSERT(proc);
    if (timeout_ms < 0) {
        SILT_ASSERT(proc->in_repair);
        longjmp(proc->parked, 1); /* the thread begins its loop again when there is work */
    }
    int64_t until = world.now_ms + timeout_ms;
    while (queue->len == 0 && !queue->closed && world.now_ms < until)
        sim_others(until - world.now_ms);
}

void *silt_queue_pop(struct silt_queue *queue, int64_t timeout_ms)
{
    if (queue->len == 0 && !queue->closed && timeout_ms) wait_for_item(queue, timeout_ms);
    if (queue->len == 0) return NULL;
    void *item = queue->items[queue->head];
    queue->head = (queue->head + 1) % queue->room;
    queue->len--;
    return item;
}

void silt_queue_close(struct silt_queue *queue)
{
    queue->closed = true;
}

size_t silt_queue_len(struct silt_queue *queue)
{
    return queue->len;
}

uint64_t silt_queue_full_count(struct silt_queue *queue)
{
    (void)queue;
    return 0;
}

/* ---- threads: only the repair has one, and goes on when it is its turn ---- */

SILT_RC silt_thread_start(pthread_t *ret_thread, const char *name, silt_thread_fn *fn, void *ctx,
                          struct silt_err *err)
{
    (void)err;
    SILT_ASSERT(sim_current && strcmp(name, "repair") == 0);
    *ret_thread = (pthread_t){0};
    sim_current->repair = fn;
    sim_current->repair_ctx = ctx;
    return SILT_OK;
}

void silt_thread_join(pthread_t thread)
{
    (void)thread;
    SILT_ASSERT(sim_current && !sim_current->in_repair);
    sim_current->repair = NULL;
}
