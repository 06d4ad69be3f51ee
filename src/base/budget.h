/* One memory budget as tickets: take before the work, give back at its end.
 *
 * Lock-free, any thread. Taking never waits, so it cannot deadlock: whoever is refused closes
 * something or pauses. `force` is for memory that exists already (bytes of a batch in hand); it may
 * overshoot and is counted.
 */
#ifndef SILT_BASE_BUDGET_H
#define SILT_BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct silt_budget {
    _Atomic int64_t used;    /* bytes */
    _Atomic int64_t peak;    /* bytes, highest ever */
    _Atomic uint64_t denied; /* how often a ticket was refused */
    int64_t limit;           /* bytes; 0 = no limit */
};

void silt_budget_init(struct silt_budget *budget, int64_t limit_bytes);
bool silt_budget_take(struct silt_budget *budget,
                      int64_t bytes); /* false: no room, nothing taken */
void silt_budget_force(struct silt_budget *budget, int64_t bytes); /* always taken */
void silt_budget_give(struct silt_budget *budget, int64_t bytes);
int64_t silt_budget_used(struct silt_budget *budget);
unsigned silt_budget_percent(struct silt_budget *budget); /* of the limit; 0 without limit */

#endif
