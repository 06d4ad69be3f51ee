/* The group's coordinator: cooperative, one rebalance event at a time for each member. */
#include "sim.h"

#include <string.h>

#define NOBODY UINT32_MAX
#define SESSION_MIN_MS INT64_C(6000)
#define SESSION_MAX_MS INT64_C(45000)

struct member {
    struct sim_proc *proc;          /* NULL: no member */
    struct silt_consumer *consumer; /* NULL: died, nobody knows */
    int64_t dead_at_ms;             /* then it is known */
};

static struct {
    struct member members[SIM_PROCS_MAX]; /* by worker */
    unsigned owner[SIM_PARTS_MAX];        /* index of a member or NOBODY */
    bool moving[SIM_PARTS_MAX];           /* told, not answered yet */
    unsigned salt;
} group;

void sim_group_begin(void)
{
    memset(&group, 0, sizeof group);
    for (unsigned p = 0; p < SIM_PARTS_MAX; p++) group.owner[p] = NOBODY;
}

static void forget_member(unsigned m)
{
    for (unsigned p = 0; p < SIM_PARTS_MAX; p++) {
        if (group.owner[p] != m) continue;
        group.owner[p] = NOBODY;
        group.moving[p] = false;
    }
    group.members[m] = (struct member){0};
}

void sim_group_join(struct silt_consumer *consumer, struct sim_proc *proc)
{
    unsigned m = proc->no - 1;
    forget_member(m);
    group.members[m] = (struct member){.proc = proc, .consumer = consumer};
}

void sim_group_leave(const struct sim_proc *proc)
{
    forget_member(proc->no - 1);
}

void sim_group_died(const struct sim_proc *proc)
{
    struct member *member = &group.members[proc->no - 1];
    member->consumer = NULL;
    member->dead_at_ms = world.now_ms + sim_between(SESSION_MIN_MS, SESSION_MAX_MS);
}

/* The others may have its partitions from now on; it is told when it polls again. */
void sim_group_expel(struct sim_proc *proc)
{
    unsigned m = proc->no - 1;
    struct silt_consumer *consumer = group.members[m].consumer;
    int32_t parts[SIM_PARTS_MAX];
    unsigned n = 0;
    if (!consumer || !sim_consumer_is_free(consumer)) return;
    for (int32_t p = 0; p < SIM_PARTS_MAX; p++)
        if (group.owner[p] == m) parts[n++] = p;
    if (!n) return;
    forget_member(m);
    group.members[m] = (struct member){.proc = proc, .consumer = consumer};
    sim_trace("worker %u is expelled from the group", proc->no);
    sim_consumer_tell(consumer, SILT_POLL_REVOKE, parts, n, true);
}

void sim_group_answered(struct silt_consumer *consumer, bool assigned, const int32_t *parts,
                        unsigned parts_n)
{
    for (unsigned i = 0; i < parts_n; i++) {
        unsigned p = (unsigned)parts[i];
        unsigned owner = group.owner[p];
        if (owner == NOBODY || group.members[owner].consumer != consumer) continue;
        group.moving[p] = false;
        if (!assigned) group.owner[p] = NOBODY;
    }
}

static void declare_dead(void)
{
    for (unsigned m = 0; m < SIM_PROCS_MAX; m++) {
        const struct member *member = &group.members[m];
        if (member->proc && !member->consumer && world.now_ms >= member->dead_at_ms)
            forget_member(m);
    }
}

/* Who should have partition p. */
static unsigned wanted_owner(unsigned p)
{
    unsigned alive[SIM_PROCS_MAX];
    unsigned n = 0;
    for (unsigned m = 0; m < SIM_PROCS_MAX; m++) {
        const struct silt_consumer *consumer = group.members[m].consumer;
        if (consumer && !sim_consumer_is_out(consumer)) alive[n++] = m;
    }
    bool exists = !sim_cluster.absent && (int32_t)p < sim_cluster.topic->parts_n;
    return n && exists ? alive[(p + group.salt) % n] : NOBODY;
}

static void tell(unsigned m, enum silt_polled_kind kind, bool (*fits)(unsigned p, unsigned m))
{
    struct silt_consumer *consumer = group.members[m].consumer;
    int32_t parts[SIM_PARTS_MAX];
    unsigned n = 0;
    for (unsigned p = 0; p < SIM_PARTS_MAX; p++) {
        if (group.moving[p] || !fits(p, m)) continue;
        parts[n++] = (int32_t)p;
    }
    if (!n) return;
    for (unsigned i = 0; i < n; i++) {
        group.moving[parts[i]] = true;
        group.owner[parts[i]] = m;
    }
    sim_consumer_tell(consumer, kind, parts, n, false);
}

static bool is_to_revoke(unsigned p, unsigned m)
{
    return group.owner[p] == m && wanted_owner(p) != m && !sim_cluster.absent;
}

static bool is_to_assign(unsigned p, unsigned m)
{
    return group.owner[p] == NOBODY && wanted_owner(p) == m;
}

void sim_group_event(void)
{
    declare_dead();
    if (sim_fault(SIM_GROUP_REBALANCE)) group.salt++;
    if (sim_fault(SIM_GROUP_EXPELLED)) sim_group_expel(&sim_procs[sim_below(SIM_PROCS_MAX)]);
    for (unsigned m = 0; m < SIM_PROCS_MAX; m++) {
        const struct member *member = &group.members[m];
        if (!member->consumer || !sim_consumer_is_free(member->consumer)) continue;
        tell(m, SILT_POLL_REVOKE, is_to_revoke);
        if (sim_consumer_is_free(member->consumer)) tell(m, SILT_POLL_ASSIGN, is_to_assign);
    }
}

bool sim_group_settled(void)
{
    for (unsigned p = 0; p < SIM_PARTS_MAX; p++)
        if (group.moving[p] || group.owner[p] != wanted_owner(p)) return false;
    return true;
}
