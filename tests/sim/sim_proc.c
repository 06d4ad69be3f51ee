/* Workers as processes: started, turned, frozen, stopped, killed. */
#include "sim.h"

#include "base/alloc.h"

#include <string.h>

#define DEPTH_MAX 3u
#define OTHERS_EVENTS_MAX 60u
#define SESSION_MS (45 * SECOND_MS) /* silent for longer: out of the group */

struct sim_proc sim_procs[SIM_PROCS_MAX];
struct sim_proc *sim_current;

static const char *const schema_files[] = {SILT_SOURCE_DIR "/tests/sim/v1.avsc",
                                           SILT_SOURCE_DIR "/tests/sim/v2.avsc"};
static const char *const topics[] = {SIM_TOPIC};
static struct silt_worker_opts opts;
static struct silt_metrics metrics; /* of all: nobody looks */

/* Some seeds have limits so low that what waits for an answer often is behind them. */
static struct silt_slot_limits draw_slot_limits(int64_t window_age_max_ms)
{
    world.upload_age_max_ms = 4 * HOUR_MS;
    if (sim_chance(250))
        world.upload_age_max_ms = 2 * window_age_max_ms + sim_between(MINUTE_MS, 3 * MINUTE_MS);
    world.lifecycle_ms = 6 * world.upload_age_max_ms;
    if (world.lifecycle_ms < 2 * HOUR_MS) world.lifecycle_ms = 2 * HOUR_MS;
    return (struct silt_slot_limits){
        .max_upload_age_ms = world.upload_age_max_ms,
        .max_tail_age_ms = sim_chance(250) ? sim_between(100, MINUTE_MS) : 10 * MINUTE_MS,
    };
}

static struct silt_worker_opts draw_opts(void)
{
    bool by_age = sim_chance(500);
    int64_t age_max_ms = sim_between(100, by_age ? 3000 : 60000);
    return (struct silt_worker_opts){
        .consumer = {.brokers = "sim", .group = "g", .topics = topics, .topics_n = 1},
        .decoder = {.framing =
                        world.confluent ? SILT_FRAMING_CONFLUENT : SILT_FRAMING_SINGLE_OBJECT,
                    .schema_files = schema_files,
                    .schema_files_n = 2,
                    .registry_url = "http://registry",
                    .http = (struct silt_http *)&opts, /* nobody looks into it */
                    .sensor_id_field = "",
                    .time_field = "ts",
                    .value_max = 200},
        .framing = world.confluent ? "confluent" : "single_object",
        .metrics = &metrics,
        .archive_id = "0123456789abcdef0123456789abcdef",
        .name = "w",
        .genesis = SILT_GENESIS_EARLIEST,
        .cut = {.unit = (enum silt_bucket_unit)sim_below(3),
                .max_files = 1 + sim_below(3),
                .time_from_field = sim_chance(500)},
        .limits = {.bytes_max = sim_between(200, 4000),
                   .records_max = sim_between(1, by_age ? 1000 : 20),
                   .age_max_ms = age_max_ms},
        .slot_limits = draw_slot_limits(age_max_ms),
        .codec = SILT_CODEC_NULL,
        .block_bytes = sim_between(50, 1500),
        .part_size = sim_between(300, 3000),
        .part_parallel = 1 + sim_below(3),
        .memory = sim_chance(100) ? sim_between(20000, 200000) : INT64_C(64) << 20,
        .max_reject_ratio = 1.0,
        .lag_interval_ms = 1000,
        .gc_interval_ms = sim_chance(500) ? 2 * SECOND_MS : HOUR_MS,
        .grace_ms = sim_between(100, 30000),
        .revoke_ms = sim_between(100, 20000),
    };
}

void sim_procs_begin(void)
{
    sim_current = NULL;
    for (unsigned i = 0; i < SIM_PROCS_MAX; i++) {
        sim_drop_memory(&sim_procs[i]);
        sim_procs[i] = (struct sim_proc){.no = i + 1, .life = sim_procs[i].life + 1};
        sim_drop_memory(&sim_procs[i]); /* an empty list */
    }
    world.confluent = sim_chance(300);
    opts = draw_opts();
}

/* ---- life ---- */

void sim_proc_start(struct sim_proc *proc)
{
    struct silt_err err = {0};
    unsigned no = proc->no;
    SILT_ASSERT(!proc->alive && !proc->in_turn && !proc->in_repair);
    unsigned life = proc->life + 1;
    *proc = (struct sim_proc){.no = no, .life = life, .alive = true};
    sim_drop_memory(proc);
    proc->store = (struct silt_store){.vtable = &sim_store_vtable, .url = "sim"};
    if (sim_has(SIM_WORKER_CLOCK) && sim_chance(500)) {
        (void)sim_fault(SIM_WORKER_CLOCK);
        proc->clock_ms = sim_between(-HOUR_MS, HOUR_MS);
    }
    sim_current = proc;
    struct silt_worker_opts mine = opts;
    mine.store = &proc->store;
    bool built = silt_worker_build(&mine, &proc->worker, &err).ok;
    sim_current = NULL;
    sim_trace("worker %u starts, clock %+lld ms", no, (long long)proc->clock_ms);
    if (!built) sim_fail("a worker cannot be built: %s", err.text);
}

static void drop(struct sim_proc *proc)
{
    proc->worker = NULL;
    proc->repair = NULL;
    sim_drop_memory(proc);
}

/* Out of its innermost frame. */
static _Noreturn void leave_frame(struct sim_proc *proc)
{
    longjmp(proc->in_turn ? proc->turn_top : proc->repair_top, 1);
}

void sim_proc_kill(struct sim_proc *proc)
{
    sim_trace("SIGKILL of worker %u", proc->no);
    sim_count_kill(proc);
    sim_count_forget(proc);
    proc->alive = false;
    sim_store_forget(proc);
    sim_registry_forget(proc);
    sim_group_died(proc);
    proc->doomed = proc->in_turn || proc->in_repair;
    if (!proc->doomed)
        drop(proc);
    else if (sim_current == proc)
        leave_frame(proc);
}

static void frame_left(struct sim_proc *proc)
{
    sim_current = NULL;
    if (!proc->doomed || proc->in_turn || proc->in_repair) return;
    proc->doomed = false;
    drop(proc);
}

/* It let go of everything: whatever it still holds would never be freed. */
static void ended(struct sim_proc *proc)
{
    silt_worker_close(proc->worker);
    sim_store_stop(proc);
    silt_worker_free(proc->worker);
    proc->alive = false;
    proc->worker = NULL;
    sim_trace("worker %u has ended", proc->no);
    if (proc->blocks.next != &proc->blocks) {
        const char *bytes = (const char *)(proc->blocks.next + 1);
        sim_fail("a worker that was stopped leaks memory (\"%.20s\")", bytes);
    }
}

/* ---- going on ---- */

bool sim_proc_can_turn(const struct sim_proc *proc)
{
    return proc->alive && !proc->in_turn && world.now_ms >= proc->asleep_until_ms;
}

bool sim_proc_can_repair(const struct sim_proc *proc)
{
    return sim_proc_can_turn(proc) && proc->repair && !proc->in_repair;
}

static void arm_seam(struct sim_proc *proc)
{
    proc->seams = 0;
    bool kills = sim_fault(SIM_WORKER_KILL_INSIDE);
    bool pauses = sim_fault(SIM_WORKER_PAUSE);
    if (!kills && !pauses) return;
    proc->seams = 1 + sim_below(12);
    proc->seam_kills = kills;
}

static void turn(struct sim_proc *proc)
{
    if (silt_worker_turn(proc->worker)) return;
    if (proc->in_repair) return; /* closing joins that thread */
    ended(proc);
    sim_count_forget(proc);
}

void sim_proc_turn(struct sim_proc *proc)
{
    arm_seam(proc);
    sim_current = proc;
    proc->in_turn = true;
    proc->turned_ms = world.now_ms;
    if (!setjmp(proc->turn_top)) turn(proc);
    proc->in_turn = false;
    frame_left(proc);
}

static void repair(struct sim_proc *proc)
{
    if (setjmp(proc->parked)) return;
    proc->repair(proc->repair_ctx);
    proc->repair = NULL;
}

void sim_proc_repair(struct sim_proc *proc)
{
    sim_current = proc;
    proc->in_repair = true;
    if (!setjmp(proc->repair_top)) repair(proc);
    proc->in_repair = false;
    frame_left(proc);
}

/* ---- while it stands still ---- */

static void pass_time(int64_t until_ms)
{
    for (unsigned i = 0; i < OTHERS_EVENTS_MAX && world.now_ms < until_ms; i++) {
        sim_current = NULL;
        sim_event();
        if (sim_chance(200) && world.now_ms < until_ms)
            world.now_ms += sim_between(0, (until_ms - world.now_ms) / 4);
    }
    if (world.now_ms < until_ms) world.now_ms = until_ms;
}

void sim_others(int64_t ms)
{
    struct sim_proc *proc = sim_current;
    if (world.depth == DEPTH_MAX) {
        world.now_ms += ms;
        return;
    }
    world.depth++;
    pass_time(world.now_ms + ms);
    world.depth--;
    sim_current = proc;
    if (proc && proc->doomed) leave_frame(proc);
}

static int64_t draw_pause(void)
{
    int64_t most = SECOND_MS << sim_below(14); /* up to 2 h and a half */
    return sim_between(1, most);
}

void sim_seam(void)
{
    struct sim_proc *proc = sim_current;
    if (!proc || world.calm || !proc->seams || --proc->seams) return;
    if (proc->seam_kills) sim_proc_kill(proc);
    int64_t ms = draw_pause();
    sim_trace("worker %u stands still for %lld ms", proc->no, (long long)ms);
    if (ms > SESSION_MS) sim_group_expel(proc);
    sim_others(ms);
}
