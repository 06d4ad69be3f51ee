#include "base/backoff.h"

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t silt_backoff_ms(const struct silt_backoff_opts *opts, unsigned attempt, int64_t elapsed_ms,
                        int64_t retry_after_ms, uint64_t random)
{
    if (opts->attempts_max && attempt >= opts->attempts_max) return -1;
    if (opts->total_max_ms && elapsed_ms >= opts->total_max_ms) return -1;
    unsigned doublings = attempt > 1 ? attempt - 1 : 0;
    int64_t cap = doublings > 30 ? opts->max_ms : min64(opts->first_ms << doublings, opts->max_ms);
    int64_t wait = cap > 0 ? (int64_t)(random % (uint64_t)(cap + 1)) : 0;
    int64_t asked = min64(retry_after_ms, opts->max_ms);
    return wait > asked ? wait : asked;
}
