#include "base/budget.h"

#include "base/err.h"

void silt_budget_init(struct silt_budget *budget, int64_t limit_bytes)
{
    atomic_init(&budget->used, 0);
    atomic_init(&budget->peak, 0);
    atomic_init(&budget->denied, 0);
    budget->limit = limit_bytes;
}

static void note_peak(struct silt_budget *budget, int64_t used)
{
    int64_t peak = atomic_load_explicit(&budget->peak, memory_order_relaxed);
    while (used > peak && !atomic_compare_exchange_weak(&budget->peak, &peak, used)) {}
}

bool silt_budget_take(struct silt_budget *budget, int64_t bytes)
{
    int64_t used = atomic_fetch_add(&budget->used, bytes) + bytes;
    if (budget->limit && used > budget->limit) {
        atomic_fetch_sub(&budget->used, bytes);
        atomic_fetch_add_explicit(&budget->denied, 1, memory_order_relaxed);
        return false;
    }
    note_peak(budget, used);
    return true;
}

void silt_budget_force(struct silt_budget *budget, int64_t bytes)
{
    note_peak(budget, atomic_fetch_add(&budget->used, bytes) + bytes);
}

void silt_budget_give(struct silt_budget *budget, int64_t bytes)
{
    int64_t before = atomic_fetch_sub(&budget->used, bytes);
    SILT_ASSERT(before >= bytes);
}

int64_t silt_budget_used(struct silt_budget *budget)
{
    return atomic_load_explicit(&budget->used, memory_order_relaxed);
}

unsigned silt_budget_percent(struct silt_budget *budget)
{
    if (!budget->limit) return 0;
    return (unsigned)(silt_budget_used(budget) * 100 / budget->limit);
}
