#include "base/budget.h"

#include "base/thread.h"
#include "harness.h"

static void takes_up_to_the_limit(void)
{
    struct silt_budget budget;
    silt_budget_init(&budget, 100);
    CU_ASSERT(silt_budget_take(&budget, 60));
    CU_ASSERT(silt_budget_take(&budget, 40));
    CU_ASSERT_FALSE(silt_budget_take(&budget, 1));
    CU_ASSERT_EQUAL(silt_budget_used(&budget), 100);
    CU_ASSERT_EQUAL(atomic_load(&budget.denied), 1);
    silt_budget_give(&budget, 40);
    CU_ASSERT(silt_budget_take(&budget, 1));
    CU_ASSERT_EQUAL(silt_budget_used(&budget), 61);
    CU_ASSERT_EQUAL(atomic_load(&budget.peak), 100);
}

static void what_exists_already_may_overshoot(void)
{
    struct silt_budget budget;
    silt_budget_init(&budget, 100);
    silt_budget_force(&budget, 150);
    CU_ASSERT_EQUAL(silt_budget_used(&budget), 150);
    CU_ASSERT_EQUAL(silt_budget_percent(&budget), 150);
    CU_ASSERT_EQUAL(atomic_load(&budget.peak), 150);
    CU_ASSERT_FALSE(silt_budget_take(&budget, 1));
    silt_budget_give(&budget, 150);
    CU_ASSERT_EQUAL(silt_budget_used(&budget), 0);
    CU_ASSERT_EQUAL(atomic_load(&budget.peak), 150);
}

static void no_limit_means_everything_fits(void)
{
    struct silt_budget budget;
    silt_budget_init(&budget, 0);
    CU_ASSERT(silt_budget_take(&budget, INT64_MAX / 2));
    CU_ASSERT_EQUAL(silt_budget_percent(&budget), 0);
    CU_ASSERT_EQUAL(atomic_load(&budget.denied), 0);
}

static void percent_is_of_the_limit(void)
{
    struct silt_budget budget;
    silt_budget_init(&budget, 200);
    CU_ASSERT_EQUAL(silt_budget_percent(&budget), 0);
    CU_ASSERT(silt_budget_take(&budget, 159));
    CU_ASSERT_EQUAL(silt_budget_percent(&budget), 79);
    CU_ASSERT(silt_budget_take(&budget, 1));
    CU_ASSERT_EQUAL(silt_budget_percent(&budget), 80);
}

static void *take_and_give(void *ctx)
{
    struct silt_budget *budget = ctx;
    for (int i = 0; i < 20000; i++) {
        if (!silt_budget_take(budget, 7)) continue;
        silt_budget_give(budget, 7);
    }
    return NULL;
}

static void tickets_balance_between_threads(void)
{
    struct silt_budget budget;
    silt_budget_init(&budget, 10);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        CU_ASSERT_OK(silt_thread_start(&threads[i], "taker", take_and_give, &budget, NULL));
    for (int i = 0; i < 3; i++) silt_thread_join(threads[i]);
    CU_ASSERT_EQUAL(silt_budget_used(&budget), 0);
    CU_ASSERT_EQUAL(atomic_load(&budget.peak), 7);
}

SILT_TESTS("budget", {"takes up to the limit", takes_up_to_the_limit},
           {"what exists already may overshoot", what_exists_already_may_overshoot},
           {"no limit means everything fits", no_limit_means_everything_fits},
           {"percent is of the limit", percent_is_of_the_limit},
           {"tickets balance between threads", tickets_balance_between_threads})
