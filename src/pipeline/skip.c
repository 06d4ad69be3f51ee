#include "pipeline/skip.h"

#include "base/clock.h"
#include "base/random.h"
#include "commit/chain.h"
#include "pipeline/fill.h"

#include <inttypes.h>
#include <stdio.h>

#define INBOX_MAX 64
#define LOOK_MS 100

struct skip {
    const struct silt_skip_opts *opts;
    struct silt_context context; /* for the manifest's origin alone */
    struct silt_worker_opts origin;
    struct silt_chain *chain;
    struct silt_queue *inbox;
    struct silt_timers timers;
    bool done;
    bool won;
    struct silt_skipped skipped;
    struct silt_err err; /* code NONE: it was written */
};

static void fail(struct skip *skip, enum silt_code code, const char *text)
{
    (void)silt_err_set(&skip->err, code, __FILE__, __LINE__, "%s", text);
    skip->done = true;
}

static void commit(struct skip *skip, const struct silt_manifest *tail)
{
    struct silt_manifest m;
    silt_fill_bare_manifest(&skip->context, &skip->opts->tp, SILT_SLOT_SKIP, &m);
    m.start = tail->next;
    m.next = skip->opts->until;
    m.leader_epoch[0] = m.leader_epoch[1] = skip->opts->leader_epoch;
    silt_chain_commit(skip->chain, &m, INT64_MAX);
}

static void on_ready(void *ctx, const struct silt_manifest *tail)
{
    struct skip *skip = ctx;
    char text[160];
    if (!tail) {
        fail(skip, SILT_E_NOT_FOUND, "nothing of the partition is archived yet");
        return;
    }
    if (skip->opts->until > tail->next) {
        commit(skip, tail);
        return;
    }
    snprintf(text, sizeof text, "the archive is already at offset %" PRId64, tail->next);
    fail(skip, SILT_E_INVALID, text);
}

static void on_won(void *ctx, const struct silt_manifest *slot)
{
    struct skip *skip = ctx;
    skip->skipped =
        (struct silt_skipped){.seq = slot->seq, .first = slot->start, .last = slot->next - 1};
    skip->done = skip->won = true;
}

static void on_durable(void *ctx, const struct silt_manifest *slot, bool own)
{
    (void)ctx, (void)slot, (void)own;
}

static void on_lost(void *ctx, int64_t seq)
{
    struct skip *skip = ctx;
    silt_chain_recover(skip->chain, seq); /* a worker was faster: behind its slot, then */
}

static void on_abandon(void *ctx, int64_t seq)
{
    on_lost(ctx, seq);
}

static void on_halt(void *ctx, const char *why)
{
    fail(ctx, SILT_E_CONFLICT, why);
}

static void on_missing(void *ctx, const struct silt_manifest *slot, unsigned file, unsigned k)
{
    (void)slot, (void)file, (void)k;
    fail(ctx, SILT_E_CONFLICT,
         "the newest slot lacks an object; a running worker repairs it, then try again");
}

static void on_page(void *ctx, const char *what, const char *text)
{
    (void)what;
    struct skip *skip = ctx;
    (void)silt_err_set(&skip->err, SILT_E_TIMEOUT, __FILE__, __LINE__, "%s", text);
}

static const struct silt_chain_events events = {
    .on_ready = on_ready,
    .on_won = on_won,
    .on_durable = on_durable,
    .on_lost = on_lost,
    .on_abandon = on_abandon,
    .on_halt = on_halt,
    .on_missing = on_missing,
    .on_page = on_page,
};

static void turn(struct skip *skip)
{
    int64_t now_ms = silt_mono_ms();
    silt_timers_run(&skip->timers, now_ms);
    if (skip->done) return;
    int64_t wait_ms = silt_timers_wait(&skip->timers, now_ms, LOOK_MS);
    struct silt_store_req *req = silt_queue_pop(skip->inbox, wait_ms);
    if (req) silt_store_reply(req);
}

/* What is under way comes back (the store bounds it) before the inbox goes. */
static void settle(struct skip *skip)
{
    silt_chain_release(skip->chain);
    while (atomic_load(&skip->opts->store->open)) {
        struct silt_store_req *req = silt_queue_pop(skip->inbox, LOOK_MS);
        if (req) silt_store_reply(req);
    }
    silt_timers_done(&skip->timers);
    silt_queue_free(skip->inbox);
}

static void open_chain(struct skip *skip)
{
    const struct silt_skip_opts *opts = skip->opts;
    skip->origin.name = opts->name;
    snprintf(skip->origin.archive_id, sizeof skip->origin.archive_id, "%s", opts->archive_id);
    skip->context.opts = &skip->origin;
    silt_random_hex(skip->context.boot, sizeof skip->context.boot - 1);
    silt_timers_init(&skip->timers);
    skip->inbox = silt_queue_new(INBOX_MAX, NULL, NULL);
    skip->chain = silt_chain_new(&(struct silt_chain_opts){.store = opts->store,
                                                           .inbox = skip->inbox,
                                                           .timers = &skip->timers,
                                                           .limits = opts->limits,
                                                           .events = &events,
                                                           .ctx = skip},
                                 &opts->tp);
}

SILT_RC silt_skip_offsets(const struct silt_skip_opts *opts, struct silt_skipped *ret_skipped,
                          struct silt_err *err)
{
    struct skip skip = {.opts = opts};
    open_chain(&skip);
    silt_chain_recover(skip.chain, 0);
    int64_t until_ms = silt_mono_ms() + opts->timeout_ms;
    while (!skip.done && silt_mono_ms() < until_ms) turn(&skip);
    if (!skip.done && !skip.err.code)
        fail(&skip, SILT_E_TIMEOUT, "the store did not answer in time");
    settle(&skip);
    *ret_skipped = skip.skipped;
    if (skip.won) return SILT_OK;
    *err = skip.err;
    return (struct silt_rc){false};
}
