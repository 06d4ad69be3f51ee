/* Timers of one loop: what to call, and when. Not thread-safe: they belong to the loop's thread.
 *
 * A binary heap by time (silt_mono_ms). A timer is owned by whoever embeds it and must be cancelled
 * before its memory goes away.
 */
#ifndef SILT_BASE_TIMERS_H
#define SILT_BASE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void silt_timer_fn(void *ctx);

struct silt_timer {
    int64_t at_ms;
    silt_timer_fn *fn;
    void *ctx;
    size_t place; /* in the heap + 1; 0: not armed */
};

struct silt_timers {
    struct silt_timer **heap;
    size_t len;
    size_t cap;
};

void silt_timers_init(struct silt_timers *timers);
void silt_timers_done(struct silt_timers *timers);
/* Arms, or moves when armed already. */
void silt_timer_set(struct silt_timers *timers, struct silt_timer *timer, int64_t at_ms,
                    silt_timer_fn *fn, void *ctx);
void silt_timer_cancel(struct silt_timers *timers,
                       struct silt_timer *timer); /* fine when not armed */
/* Calls everything that is due. */
void silt_timers_run(struct silt_timers *timers, int64_t now_ms);
/* How long until the next one, at most max_ms. */
int64_t silt_timers_wait(const struct silt_timers *timers, int64_t now_ms, int64_t max_ms);

#endif
