/* Waiting times between attempts: exponential with full jitter, bounded by count and by time.
 * (Full jitter: AWS Architecture Blog, "Exponential Backoff And Jitter".) Pure: the caller brings
 * the random number and the clock.
 */
#ifndef SILT_BASE_BACKOFF_H
#define SILT_BASE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct silt_backoff_opts {
    int64_t first_ms;      /* upper bound of the first wait */
    int64_t max_ms;        /* upper bound of any wait */
    unsigned attempts_max; /* 0 = no bound by count */
    int64_t total_max_ms;  /* 0 = no bound by time */
};

/* How long to wait before attempt `attempt` + 1 (attempts count from 1). retry_after_ms is what the
 * server asked for (0: nothing) and is obeyed up to max_ms. @return -1 when the bounds are used up.
 */
int64_t silt_backoff_ms(const struct silt_backoff_opts *opts, unsigned attempt, int64_t elapsed_ms,
                        int64_t retry_after_ms, uint64_t random);

#endif
