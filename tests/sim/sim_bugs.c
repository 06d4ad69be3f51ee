/* The bugs of protocol sections 11 and 12, planted at the calls between the product's files: not a
 * line of the product knows them. B6 is in sim_coverage.c, B9 in sim_store.c. */
#include "sim.h"

#include "commit/chain.h"
#include "commit/collector.h"
#include "commit/start.h"
#include "pipeline/repairer.h"

#define B4_AGE_MS (10 * MINUTE_MS)

static int32_t asked_partition; /* of the offsets that the lane looks at */

static bool is(enum sim_bug bug)
{
    return world.plan.bug == bug;
}

/* ---- B1, B2: where a partition goes on ---- */

void __real_silt_lane_on_offsets(struct silt_lane *, const struct silt_answer *);
void __wrap_silt_lane_on_offsets(struct silt_lane *, const struct silt_answer *);

void __wrap_silt_lane_on_offsets(struct silt_lane *lane, const struct silt_answer *answer)
{
    asked_partition = answer->partition;
    __real_silt_lane_on_offsets(lane, answer);
}

struct silt_start __real_silt_start_decide(int64_t, int64_t, int64_t, int64_t, enum silt_genesis);
struct silt_start __wrap_silt_start_decide(int64_t, int64_t, int64_t, int64_t, enum silt_genesis);

struct silt_start __wrap_silt_start_decide(int64_t tail_next, int64_t log_start, int64_t end,
                                           int64_t diverged_at, enum silt_genesis genesis)
{
    struct silt_start start =
        __real_silt_start_decide(tail_next, log_start, end, diverged_at, genesis);
    if (is(SIM_B1) && start.kind == SILT_START_GAP)
        return (struct silt_start){.kind = SILT_START_AT, .from = log_start, .offset = log_start};
    int64_t committed = sim_cluster.topic->logs[asked_partition].committed;
    if (is(SIM_B2) && start.kind == SILT_START_AT && committed >= 0)
        start.offset = start.from = committed;
    return start;
}

struct silt_rc __real_silt_manifest_check_link(const struct silt_manifest *,
                                               const struct silt_manifest *, const char *,
                                               struct silt_err *);
struct silt_rc __wrap_silt_manifest_check_link(const struct silt_manifest *,
                                               const struct silt_manifest *, const char *,
                                               struct silt_err *);

struct silt_rc __wrap_silt_manifest_check_link(const struct silt_manifest *m,
                                               const struct silt_manifest *before,
                                               const char *sha256, struct silt_err *err)
{
    if (is(SIM_B1) || is(SIM_B2)) return SILT_OK; /* no second look */
    return __real_silt_manifest_check_link(m, before, sha256, err);
}

/* ---- B3: abort on give-up ---- */

bool __real_silt_chain_put_sent(const struct silt_chain *);
bool __wrap_silt_chain_put_sent(const struct silt_chain *);

bool __wrap_silt_chain_put_sent(const struct silt_chain *chain)
{
    return !is(SIM_B3) && __real_silt_chain_put_sent(chain);
}

/* ---- B4: collection by age ---- */

void __real_silt_collector_run(struct silt_collector *, const struct silt_tp *, unsigned);
void __wrap_silt_collector_run(struct silt_collector *, const struct silt_tp *, unsigned);

void __wrap_silt_collector_run(struct silt_collector *collector, const struct silt_tp *topics,
                               unsigned topics_n)
{
    struct sim_upload *upload;
    for (unsigned i = 0; is(SIM_B4) && (upload = sim_store_uploads(i)); i++)
        if (upload->state == SIM_OPEN && world.now_ms - upload->created_ms > B4_AGE_MS)
            sim_store_abort_now(upload);
    __real_silt_collector_run(collector, topics, topics_n);
}

/* ---- B5: complete before the manifest ---- */

void __real_silt_chain_commit(struct silt_chain *, struct silt_manifest *, int64_t);
void __wrap_silt_chain_commit(struct silt_chain *, struct silt_manifest *, int64_t);

void __wrap_silt_chain_commit(struct silt_chain *chain, struct silt_manifest *manifest,
                              int64_t oldest_upload_ms)
{
    for (unsigned i = 0; is(SIM_B5) && i < manifest->files_n; i++)
        sim_store_complete_now(&manifest->files[i]);
    __real_silt_chain_commit(chain, manifest, oldest_upload_ms);
}

/* ---- B7: no repair ---- */

void __real_silt_repairer_ask(struct silt_context *, const struct silt_manifest *, unsigned,
                              unsigned, silt_repaired_fn *, void *);
void __wrap_silt_repairer_ask(struct silt_context *, const struct silt_manifest *, unsigned,
                              unsigned, silt_repaired_fn *, void *);

void __wrap_silt_repairer_ask(struct silt_context *context, const struct silt_manifest *slot,
                              unsigned file, unsigned k, silt_repaired_fn *done, void *ctx)
{
    if (!is(SIM_B7)) __real_silt_repairer_ask(context, slot, file, k, done, ctx);
}

/* ---- B8: uploads of any age ---- */

void __real_silt_slot_init(struct silt_slot *, const struct silt_slot_limits *, bool, int64_t,
                           int64_t);
void __wrap_silt_slot_init(struct silt_slot *, const struct silt_slot_limits *, bool, int64_t,
                           int64_t);

void __wrap_silt_slot_init(struct silt_slot *slot, const struct silt_slot_limits *limits,
                           bool has_tail, int64_t oldest_upload_ms, int64_t tail_read_ms)
{
    if (is(SIM_B8)) oldest_upload_ms = INT64_MAX;
    __real_silt_slot_init(slot, limits, has_tail, oldest_upload_ms, tail_read_ms);
}
