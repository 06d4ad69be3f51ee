#include "sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#define ROOM ((size_t)1 << 30) /* of addresses; a page costs memory once it is touched */

struct sim_world world;

static uint8_t *room;
static size_t used;

static const struct {
    const char *name;
    unsigned rate;
} faults[SIM_FAULTS_N] = {
#define SIM_FAULT(code, name, rate, text) [SIM_##code] = {name, rate},
#include "sim_faults.def"
#undef SIM_FAULT
};

/* ---- chance: SplitMix64 (Steele, Lea, Flood 2014) ---- */

static uint64_t mix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t sim_draw(void)
{
    return mix(&world.rng);
}

unsigned sim_below(unsigned n)
{
    return (unsigned)((sim_draw() >> 32) * n >> 32);
}

int64_t sim_between(int64_t low, int64_t high)
{
    return low + (int64_t)(sim_draw() % (uint64_t)(high - low + 1));
}

bool sim_chance(unsigned per_mille)
{
    return sim_below(1000) < per_mille;
}

/* Drawn also when the class is off: the rest of the seed changes as little as can be. */
bool sim_fault(enum sim_fault fault)
{
    bool drawn = sim_chance(faults[fault].rate);
    if (!drawn || !sim_has(fault)) return false;
    sim_count_fault(fault);
    sim_trace("fault %s", faults[fault].name);
    return true;
}

bool sim_has(enum sim_fault fault)
{
    return !world.calm && (world.faults >> fault & 1);
}

const char *sim_fault_name(enum sim_fault fault)
{
    return faults[fault].name;
}

bool sim_fault_parse(const char *name, enum sim_fault *ret_fault)
{
    for (unsigned i = 0; i < SIM_FAULTS_N; i++) {
        if (strcmp(name, faults[i].name) != 0) continue;
        *ret_fault = (enum sim_fault)i;
        return true;
    }
    return false;
}

int64_t sim_wall_ms(void)
{
    return SIM_EPOCH_MS + world.now_ms;
}

/* The product's randomness: of another stream, so that it can draw more without changing what
 * happens to it. */
ssize_t getrandom(void *ret_bytes, size_t len, unsigned flags)
{
    (void)flags;
    uint8_t *at = ret_bytes;
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = mix(&world.product_rng);
        memcpy(at + i, &word, len - i < 8 ? len - i : 8);
    }
    return (ssize_t)len;
}

/* ---- memory ---- */

void *sim_take(size_t bytes)
{
    size_t need = (bytes + 15) & ~(size_t)15;
    SILT_ASSERT(used + need <= ROOM);
    void *at = room + used;
    used += need;
    return at;
}

void *sim_grow(void *from, size_t old_bytes, size_t new_bytes)
{
    void *to = sim_take(new_bytes);
    if (old_bytes) memcpy(to, from, old_bytes);
    return to;
}

char *sim_text(const char *text)
{
    size_t len = strlen(text) + 1;
    return memcpy(sim_take(len), text, len);
}

static void forget(void)
{
    if (!room) {
        room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
        SILT_ASSERT(room != MAP_FAILED);
    }
    memset(room, 0, used);
    used = 0;
}

/* ---- verdict ---- */

_Noreturn void sim_fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(world.why, sizeof world.why, fmt, ap);
    va_end(ap);
    world.kind = fmt;
    world.failed = true;
    longjmp(world.over, 1); /* lint: frames of workers on the stack are dropped with the seed */
}

void sim_trace(const char *fmt, ...)
{
    if (!world.plan.trace) return;
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    printf("%6u %12.3f s  %s%u%*s%s\n", world.events, (double)world.now_ms / 1000,
           sim_current ? "w" : ".", sim_current ? sim_current->no : 0, (int)(2 * world.depth + 2),
           "", text);
}

/* ---- a seed begins ---- */

static uint64_t draw_faults(void)
{
    uint64_t drawn = sim_draw() >> (64 - SIM_FAULTS_N);
    if (sim_chance(100)) drawn |= sim_draw() >> (64 - SIM_FAULTS_N); /* nearly everything */
    if (sim_chance(100)) drawn &= sim_draw() >> (64 - SIM_FAULTS_N); /* hardly anything */
    return drawn & ~world.plan.off;
}

void sim_begin(const struct sim_plan *plan)
{
    forget();
    sim_drop_memory(NULL);
    world.plan = *plan;
    world.rng = plan->seed * UINT64_C(0xd1342543de82ef95) + 1;
    world.product_rng = ~world.rng;
    world.now_ms = 0;
    world.calm = world.failed = false;
    world.events = world.depth = 0;
    world.why[0] = '\0';
    world.kind = NULL;
    world.faults = draw_faults();
    sim_procs_begin();
    sim_kafka_begin();
    sim_group_begin();
    sim_store_begin();
    sim_registry_begin();
    sim_oracle_begin();
}
