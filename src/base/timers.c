#include "base/timers.h"

#include "base/alloc.h"
#include "base/err.h"

void silt_timers_init(struct silt_timers *timers)
{
    *timers = (struct silt_timers){0};
}

void silt_timers_done(struct silt_timers *timers)
{
    if (!timers) return;
    for (size_t i = 0; i < timers->len; i++) timers->heap[i]->place = 0;
    silt_free(timers->heap);
    *timers = (struct silt_timers){0};
}

static void put(struct silt_timers *timers, size_t at, struct silt_timer *timer)
{
    timers->heap[at] = timer;
    timer->place = at + 1;
}

static void sift_up(struct silt_timers *timers, size_t at)
{
    struct silt_timer *timer = timers->heap[at];
    while (at > 0 && timers->heap[(at - 1) / 2]->at_ms > timer->at_ms) {
        put(timers, at, timers->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(timers, at, timer);
}

static void sift_down(struct silt_timers *timers, size_t at)
{
    struct silt_timer *timer = timers->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= timers->len) break;
        if (child + 1 < timers->len && timers->heap[child + 1]->at_ms < timers->heap[child]->at_ms)
            child++;
        if (timers->heap[child]->at_ms >= timer->at_ms) break;
        put(timers, at, timers->heap[child]);
        at = child;
    }
    put(timers, at, timer);
}

void silt_timer_cancel(struct silt_timers *timers, struct silt_timer *timer)
{
    if (!timer->place) return;
    size_t at = timer->place - 1;
    SILT_ASSERT(timers->heap[at] == timer);
    timer->place = 0;
    struct silt_timer *last = timers->heap[--timers->len];
    if (last == timer) return;
    put(timers, at, last);
    sift_up(timers, at);
    sift_down(timers, last->place - 1);
}

void silt_timer_set(struct silt_timers *timers, struct silt_timer *timer, int64_t at_ms,
                    silt_timer_fn *fn, void *ctx)
{
    silt_timer_cancel(timers, timer);
    timer->at_ms = at_ms;
    timer->fn = fn;
    timer->ctx = ctx;
    if (timers->len == timers->cap) {
        timers->cap = timers->cap ? 2 * timers->cap : 16;
        timers->heap = silt_realloc_array(timers->heap, timers->cap, sizeof(struct silt_timer *));
    }
    timers->heap[timers->len++] = timer;
    sift_up(timers, timers->len - 1);
}

void silt_timers_run(struct silt_timers *timers, int64_t now_ms)
{
    while (timers->len && timers->heap[0]->at_ms <= now_ms) {
        struct silt_timer *timer = timers->heap[0];
        silt_timer_cancel(timers, timer);
        timer->fn(timer->ctx);
    }
}

int64_t silt_timers_wait(const struct silt_timers *timers, int64_t now_ms, int64_t max_ms)
{
    if (!timers->len) return max_ms;
    int64_t wait = timers->heap[0]->at_ms - now_ms;
    if (wait < 0) return 0;
    return wait < max_ms ? wait : max_ms;
}
