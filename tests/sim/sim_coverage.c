/* What a run has been through: transitions of the product's machines (seen at the calls between its
 * files), each also together with a SIGKILL right behind it, and every class of fault. */
#include "sim.h"

#include "commit/roll.h"
#include "commit/search.h"
#include "commit/slot.h"
#include "upload/mpu.h"

#include <string.h>

#define LAST_MAX 64u

/* The transitions that can happen; one that is not here fails the run. T: so does one that is never
 * seen in it, or never followed by a SIGKILL; S: one that is never seen. R happens, but not in
 * every 100,000 seeds: it takes a topic made again or a question unanswered in the moment of a
 * lineage slot, a limit of age that is passed in the milliseconds between two attempts, a commit by
 * another worker in the hour behind the fence, or two faults within one roll-forward. */
#define TRANSITIONS                     \
    T(LANE, "named", "recover")         \
    T(LANE, "named", "leaving")         \
    T(LANE, "recover", "bounds")        \
    T(LANE, "recover", "leaving")       \
    T(LANE, "bounds", "run")            \
    T(LANE, "bounds", "mend")           \
    T(LANE, "bounds", "recover")        \
    T(LANE, "bounds", "leaving")        \
    T(LANE, "mend", "bounds")           \
    R(LANE, "mend", "recover")          \
    T(LANE, "mend", "leaving")          \
    T(LANE, "run", "recover")           \
    T(LANE, "run", "leaving")           \
    T(LANE, "bounds", "halted")         \
    R(LANE, "halted", "recover")        \
    S(LANE, "halted", "leaving")        \
    T(SLOT, "idle", "put")              \
    T(SLOT, "idle", "tail")             \
    T(SLOT, "idle", "abandon")          \
    T(SLOT, "tail", "put")              \
    T(SLOT, "tail", "tail")             \
    S(SLOT, "tail", "wait")             \
    S(SLOT, "tail", "abandon")          \
    R(SLOT, "tail", "fence_wait")       \
    R(SLOT, "tail", "fence_read")       \
    T(SLOT, "put", "won")               \
    T(SLOT, "put", "read")              \
    T(SLOT, "put", "doubt")             \
    T(SLOT, "put", "wait")              \
    T(SLOT, "read", "won")              \
    T(SLOT, "read", "lost")             \
    S(SLOT, "read", "wait")             \
    T(SLOT, "doubt", "won")             \
    S(SLOT, "doubt", "lost")            \
    T(SLOT, "doubt", "wait")            \
    T(SLOT, "wait", "put")              \
    T(SLOT, "wait", "tail")             \
    R(SLOT, "wait", "abandon")          \
    T(SLOT, "wait", "fence_wait")       \
    T(SLOT, "wait", "fence_read")       \
    S(SLOT, "fence_wait", "fence_read") \
    T(SLOT, "fence_read", "abandon")    \
    R(SLOT, "fence_read", "lost")       \
    R(SLOT, "fence_read", "won")        \
    S(SLOT, "fence_read", "fence_wait") \
    T(ROLL, "idle", "complete")         \
    T(ROLL, "complete", "done")         \
    T(ROLL, "complete", "head")         \
    T(ROLL, "complete", "parts")        \
    T(ROLL, "complete", "wait")         \
    T(ROLL, "head", "done")             \
    T(ROLL, "head", "missing")          \
    T(ROLL, "head", "wait")             \
    T(ROLL, "head", "wait_head")        \
    T(ROLL, "wait_head", "head")        \
    T(ROLL, "parts", "complete")        \
    R(ROLL, "parts", "wait")            \
    R(ROLL, "parts", "head")            \
    T(ROLL, "wait", "complete")         \
    T(SEARCH, "page", "page")           \
    T(SEARCH, "page", "wait")           \
    T(SEARCH, "page", "found")          \
    T(UPLOAD, "new", "creating")        \
    T(UPLOAD, "creating", "open")       \
    T(UPLOAD, "creating", "draining")   \
    T(UPLOAD, "creating", "failed")     \
    T(UPLOAD, "open", "draining")       \
    T(UPLOAD, "open", "failed")         \
    T(UPLOAD, "open", "staged")         \
    T(UPLOAD, "draining", "staged")     \
    T(UPLOAD, "draining", "failed")     \
    T(UPLOAD, "failed", "creating")     \
    T(UPLOAD, "failed", "open")         \
    T(UPLOAD, "failed", "draining")

enum machine { LANE, SLOT, ROLL, SEARCH, UPLOAD };
static const char *const machine_names[] = {"lane", "slot", "roll", "search", "upload"};

static const struct transition {
    enum machine machine;
    const char *from;
    const char *to;
    unsigned must; /* of the two counts: how many may not be 0 */
} transitions[] = {
#define T(machine, from, to) {machine, from, to, 2},
#define S(machine, from, to) {machine, from, to, 1},
#define R(machine, from, to) {machine, from, to, 0},
    TRANSITIONS
#undef T
#undef S
#undef R
};
#define TRANSITIONS_N (sizeof transitions / sizeof transitions[0])

struct sim_counts {
    uint64_t seeds;
    uint64_t events;
    uint64_t slots;
    uint64_t virtual_ms;
    uint64_t seen[TRANSITIONS_N];
    uint64_t killed[TRANSITIONS_N];
    uint64_t faults[SIM_FAULTS_N];
};
struct sim_counts *sim_counts;

/* The last transition of each machine of a worker. */
static struct {
    const void *machine;
    unsigned transition;
} last[SIM_PROCS_MAX][LAST_MAX];
static unsigned last_n[SIM_PROCS_MAX];

size_t sim_counts_size(void)
{
    return sizeof *sim_counts;
}

void sim_counts_add(struct sim_counts *to, const struct sim_counts *from)
{
    uint64_t *sums = (uint64_t *)to;
    const uint64_t *more = (const uint64_t *)from;
    for (size_t i = 0; i < sizeof *to / sizeof *sums; i++) sums[i] += more[i];
}

void sim_count_fault(enum sim_fault fault)
{
    sim_counts->faults[fault]++;
}

void sim_count_seed(void)
{
    sim_counts->seeds++;
    sim_counts->events += world.events;
    sim_counts->slots += sim_oracle_slots();
    sim_counts->virtual_ms += (uint64_t)world.now_ms;
}

static void keep_last(const void *machine, unsigned transition)
{
    if (!sim_current) return;
    unsigned p = sim_current->no - 1;
    unsigned i = 0;
    while (i < last_n[p] && last[p][i].machine != machine) i++;
    if (i == LAST_MAX) return;
    if (i == last_n[p]) last_n[p]++;
    last[p][i].machine = machine;
    last[p][i].transition = transition;
}

static void count(enum machine machine, const void *object, const char *from, const char *to)
{
    for (unsigned i = 0; i < TRANSITIONS_N; i++) {
        const struct transition *t = &transitions[i];
        if (t->machine != machine || strcmp(t->from, from) != 0 || strcmp(t->to, to) != 0) continue;
        sim_counts->seen[i]++;
        keep_last(object, i);
        return;
    }
    if (world.plan.bug == SIM_B9) return; /* halts wherever it finds out */
    sim_fail("%s: %s to %s is in no table", machine_names[machine], from, to);
}

void sim_count_lane(const char *from, const char *to)
{
    count(LANE, from, from, to);
}

void sim_count_kill(const struct sim_proc *proc)
{
    unsigned p = proc->no - 1;
    for (unsigned i = 0; i < last_n[p]; i++) sim_counts->killed[last[p][i].transition]++;
}

void sim_count_forget(const struct sim_proc *proc)
{
    last_n[proc->no - 1] = 0;
}

/* ---- at the calls ---- */

#define WRAPPED(name) __real_##name

struct silt_slot_action WRAPPED(silt_slot_step)(struct silt_slot *, const struct silt_slot_event *);
struct silt_slot_action __wrap_silt_slot_step(struct silt_slot *, const struct silt_slot_event *);

static const char *slot_name(const struct silt_slot *slot, enum silt_slot_action_kind kind)
{
    switch (kind) {
    case SILT_SLOT_WON: return "won";
    case SILT_SLOT_LOST: return "lost";
    case SILT_SLOT_ABANDON: return "abandon";
    case SILT_SLOT_BROKEN: return "broken";
    case SILT_SLOT_FORGET: return "forget";
    default: return silt_slot_state_name(slot->state);
    }
}

struct silt_slot_action __wrap_silt_slot_step(struct silt_slot *slot,
                                              const struct silt_slot_event *event)
{
    const char *from = silt_slot_state_name(slot->state);
    struct silt_slot_action action = WRAPPED(silt_slot_step)(slot, event);
    if (action.kind != SILT_SLOT_FORGET && world.plan.bug != SIM_B9)
        count(SLOT, slot, from, slot_name(slot, action.kind));
    return action;
}

struct silt_roll_action WRAPPED(silt_roll_step)(struct silt_roll *, const struct silt_roll_event *);
struct silt_roll_action __wrap_silt_roll_step(struct silt_roll *, const struct silt_roll_event *);

struct silt_roll_action __wrap_silt_roll_step(struct silt_roll *roll,
                                              const struct silt_roll_event *event)
{
    const char *from = silt_roll_state_name(roll->state);
    struct silt_roll_action action = WRAPPED(silt_roll_step)(roll, event);
    if (action.kind == SILT_ROLL_FORGET) return action;
    count(ROLL, roll, from, silt_roll_state_name(roll->state));
    if (world.plan.bug == SIM_B6 && event->kind == SILT_ROLL_EV_BEGIN) {
        roll->state = SILT_ROLL_DONE; /* somebody completes it, some time */
        return (struct silt_roll_action){.kind = SILT_ROLL_IS_DONE};
    }
    return action;
}

struct silt_search_action WRAPPED(silt_search_listed)(struct silt_search *,
                                                      const struct silt_search_event *);
struct silt_search_action __wrap_silt_search_listed(struct silt_search *,
                                                    const struct silt_search_event *);

struct silt_search_action __wrap_silt_search_listed(struct silt_search *search,
                                                    const struct silt_search_event *event)
{
    struct silt_search_action action = WRAPPED(silt_search_listed)(search, event);
    if (action.kind == SILT_SEARCH_FORGET) return action;
    const char *to = action.kind == SILT_SEARCH_DO_LIST   ? "page"
                     : action.kind == SILT_SEARCH_DO_WAIT ? "wait"
                                                          : "found";
    count(SEARCH, search, "page", to);
    return action;
}

unsigned WRAPPED(silt_mpu_step)(struct silt_mpu *, enum silt_mpu_event);
unsigned __wrap_silt_mpu_step(struct silt_mpu *, enum silt_mpu_event);

unsigned __wrap_silt_mpu_step(struct silt_mpu *mpu, enum silt_mpu_event event)
{
    enum silt_mpu_state from = mpu->state;
    unsigned todo = WRAPPED(silt_mpu_step)(mpu, event);
    if (mpu->state != from)
        count(UPLOAD, mpu, silt_mpu_state_name(from), silt_mpu_state_name(mpu->state));
    return todo;
}

/* ---- the table ---- */

static unsigned print_transitions(const struct sim_counts *counts)
{
    unsigned missing = 0;
    printf("%-10s %-12s %-12s %14s %14s\n", "machine", "from", "to", "times", "then killed");
    for (unsigned i = 0; i < TRANSITIONS_N; i++) {
        const struct transition *t = &transitions[i];
        printf("%-10s %-12s %-12s %14llu %14llu\n", machine_names[t->machine], t->from, t->to,
               (unsigned long long)counts->seen[i], (unsigned long long)counts->killed[i]);
        missing += t->must > 0 && counts->seen[i] == 0;
        missing += t->must > 1 && counts->killed[i] == 0;
    }
    return missing;
}

static unsigned print_faults(const struct sim_counts *counts)
{
    unsigned missing = 0;
    printf("%-36s %14s\n", "fault", "times");
    for (unsigned i = 0; i < SIM_FAULTS_N; i++) {
        printf("%-36s %14llu\n", sim_fault_name((enum sim_fault)i),
               (unsigned long long)counts->faults[i]);
        missing += counts->faults[i] == 0;
    }
    return missing;
}

unsigned sim_counts_print(const struct sim_counts *counts)
{
    unsigned missing = print_transitions(counts) + print_faults(counts);
    printf("%llu seeds, %llu events, %llu slots, %llu years of virtual time; %u rows at 0\n",
           (unsigned long long)counts->seeds, (unsigned long long)counts->events,
           (unsigned long long)counts->slots,
           (unsigned long long)(counts->virtual_ms / (uint64_t)(365 * 24 * HOUR_MS)), missing);
    return missing;
}
