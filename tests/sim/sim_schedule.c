/* Which event comes next, and a seed from its beginning to its verdict. */
#include "sim.h"

#include <string.h>

#define CALM_ROUNDS_MAX 1500u /* without any progress */
#define CALM_STEP_MS INT64_C(20)
#define CALM_STEP_MAX_MS (10 * MINUTE_MS)

/* ---- what happens to workers ---- */

static struct sim_proc *pick(bool (*can)(const struct sim_proc *))
{
    struct sim_proc *picked = NULL;
    unsigned n = 0;
    for (unsigned i = 0; i < SIM_PROCS_MAX; i++)
        if (can(&sim_procs[i]) && sim_below(++n) == 0) picked = &sim_procs[i];
    return picked;
}

static bool is_alive(const struct sim_proc *proc)
{
    return proc->alive;
}

static bool is_startable(const struct sim_proc *proc)
{
    return !proc->alive && !proc->in_turn && !proc->in_repair;
}

static int64_t draw_sleep(void)
{
    return sim_between(MINUTE_MS, MINUTE_MS << sim_below(13)); /* up to nearly 3 days */
}

static void all_down(void)
{
    for (unsigned i = 0; i < SIM_PROCS_MAX; i++)
        if (sim_procs[i].alive) sim_proc_kill(&sim_procs[i]);
    if (world.depth == 0) world.now_ms += draw_sleep();
}

static void trouble(void)
{
    struct sim_proc *idle = pick(is_startable);
    if (idle && sim_chance(150)) sim_proc_start(idle);
    struct sim_proc *proc = pick(is_alive);
    if (proc && sim_fault(SIM_WORKER_KILL)) {
        sim_proc_kill(proc);
        return;
    }
    if (proc && sim_fault(SIM_WORKER_STOP)) {
        sim_trace("worker %u is told to stop", proc->no);
        silt_worker_stop(proc->worker);
    }
    if (proc && sim_fault(SIM_WORKER_SLEEP)) {
        proc->asleep_until_ms = world.now_ms + draw_sleep();
        sim_trace("worker %u sleeps for %lld s", proc->no,
                  (long long)(proc->asleep_until_ms - world.now_ms) / 1000);
        sim_group_expel(proc);
    }
    if (sim_fault(SIM_ALL_DOWN)) all_down();
}

/* ---- one event ---- */

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Of store or registry. */
static int64_t next_answer_ms(void)
{
    return min64(sim_store_next_ms(), sim_registry_next_ms());
}

static bool answer_is_due(void)
{
    return next_answer_ms() <= world.now_ms;
}

static void answer_event(void)
{
    if (sim_registry_next_ms() <= world.now_ms)
        sim_registry_event();
    else
        sim_store_event();
}

static void pass_time(void)
{
    int64_t next = next_answer_ms();
    int64_t step = sim_between(1, sim_chance(30) ? 20 * SECOND_MS : 80);
    if (next > world.now_ms && next - world.now_ms < step && sim_chance(700))
        step = next - world.now_ms;
    if (sim_chance(2)) step = sim_between(1, 30 * MINUTE_MS << sim_below(6)); /* up to 16 h */
    world.now_ms += step;
}

void sim_event(void)
{
    world.events++;
    unsigned what = sim_below(100);
    struct sim_proc *proc;
    if (what < 40 && answer_is_due())
        answer_event();
    else if (what < 72 && (proc = pick(sim_proc_can_turn)))
        sim_proc_turn(proc);
    else if (what < 75 && (proc = pick(sim_proc_can_repair)))
        sim_proc_repair(proc);
    else if (what < 80 && !world.calm)
        sim_kafka_event();
    else if (what < 83)
        sim_group_event();
    else if (what < 86 && !world.calm) {
        trouble();
        sim_store_fault();
    } else
        pass_time();
}

/* ---- the end: no faults any more ---- */

static void calm_down(void)
{
    world.calm = true;
    sim_trace("no faults any more");
    sim_kafka_calm();
    for (unsigned i = 0; i < SIM_PROCS_MAX; i++) {
        sim_procs[i].asleep_until_ms = 0;
        sim_procs[i].seams = 0;
        if (sim_procs[i].alive && sim_procs[i].clock_ms) sim_proc_kill(&sim_procs[i]);
    }
    if (!pick(is_alive)) sim_proc_start(&sim_procs[0]);
}

static void everybody(void)
{
    sim_group_event();
    while (answer_is_due()) answer_event();
    for (unsigned i = 0; i < SIM_PROCS_MAX; i++) {
        if (sim_proc_can_turn(&sim_procs[i])) sim_proc_turn(&sim_procs[i]);
        if (sim_proc_can_repair(&sim_procs[i])) sim_proc_repair(&sim_procs[i]);
    }
    if (!pick(is_alive)) sim_proc_start(&sim_procs[0]); /* the last one was told to stop */
}

/* The next moment something may happen: soon after progress, later and later without. */
static void go_on(int64_t *step)
{
    int64_t next = next_answer_ms();
    *step = min64(*step + *step / 4, CALM_STEP_MAX_MS);
    world.now_ms = next > world.now_ms && next - world.now_ms < *step ? next : world.now_ms + *step;
}

static void wait_for_all(void)
{
    int64_t step = CALM_STEP_MS;
    unsigned changes = 0;
    unsigned idle = 0;
    while (!sim_oracle_is_done() || !sim_group_settled()) {
        if (++idle == CALM_ROUNDS_MAX) {
            sim_oracle_show();
            sim_fail("not everything is archived, though there are no faults any more");
        }
        world.events++;
        everybody();
        if (sim_store_changes() != changes) {
            changes = sim_store_changes();
            step = CALM_STEP_MS;
            idle = 0;
        }
        go_on(&step);
    }
}

static void stop_all(void)
{
    for (unsigned i = 0; i < SIM_PROCS_MAX; i++)
        if (sim_procs[i].alive) silt_worker_stop(sim_procs[i].worker);
    for (unsigned round = 0; pick(is_alive); round++) {
        if (round == CALM_ROUNDS_MAX) sim_fail("a worker does not stop");
        sim_group_event();
        while (answer_is_due()) answer_event();
        for (unsigned i = 0; i < SIM_PROCS_MAX; i++)
            if (sim_proc_can_turn(&sim_procs[i])) sim_proc_turn(&sim_procs[i]);
        for (unsigned i = 0; i < SIM_PROCS_MAX; i++)
            if (sim_proc_can_repair(&sim_procs[i])) sim_proc_repair(&sim_procs[i]);
        world.now_ms += 100;
    }
}

static void run(const struct sim_plan *plan)
{
    unsigned steps = 300 + sim_below(1200);
    unsigned procs = 1 + sim_below(SIM_PROCS_MAX);
    if (plan->steps) steps = plan->steps;
    for (unsigned i = 0; i < procs; i++) sim_proc_start(&sim_procs[i]);
    while (world.events < steps) sim_event();
    calm_down();
    wait_for_all();
    stop_all();
}

void sim_run(const struct sim_plan *plan)
{
    sim_begin(plan);
    for (unsigned i = 0; i < SIM_PROCS_MAX; i++) sim_count_forget(&sim_procs[i]);
    if (!setjmp(world.over)) run(plan);
    sim_current = NULL;
    if (world.failed) sim_trace("FAILED: %s", world.why);
    sim_count_seed();
}
