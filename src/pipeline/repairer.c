#include "pipeline/repairer.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "pipeline/rebuild.h"

#define RETRY_MS 30000
#define CONFIRM_MS 10000 /* between two looks at what Kafka seems to have lost */
#define JOBS_MAX 1024    /* files of all tails of one worker that may be missing at once */

struct repair_job {
    struct silt_rebuild_opts opts; /* with a manifest of its own */
    bool failed;
    struct silt_err failure;
    /* consume thread only */
    struct silt_context *context;
    silt_repaired_fn *done;
    void *ctx; /* NULL: forgotten */
    struct silt_timer retry;
    struct repair_job *next;
};

struct silt_repairer {
    struct silt_queue *todo;
    struct silt_queue *finished;
    struct repair_job *jobs; /* all that were asked and are not done; consume thread only */
    pthread_t thread;
    bool stopped;
};

static void *run(void *ctx)
{
    struct silt_repairer *repairer = ctx;
    struct repair_job *job;
    while ((job = silt_queue_pop(repairer->todo, -1))) {
        struct silt_loss loss;
        job->failed = !silt_ok(silt_rebuild(&job->opts, &loss, &job->failure));
        job->opts.suspected = loss;
        if (!silt_queue_push(repairer->finished, job)) break;
    }
    return NULL;
}

static void copy_manifest(const struct silt_manifest *from, struct silt_manifest *to)
{
    struct silt_buf text;
    struct silt_err err;
    silt_buf_init(&text, SILT_MANIFEST_MAX);
    bool copied = silt_ok(silt_manifest_write(from, &text, &err)) &&
                  silt_ok(silt_manifest_parse(silt_buf_slice(&text), to, &err));
    SILT_ASSERT(copied); /* it was read from such bytes */
    silt_buf_done(&text);
}

static struct silt_repairer *started(struct silt_context *context)
{
    if (context->repairer) return context->repairer;
    struct silt_repairer *repairer = SILT_NEW(struct silt_repairer);
    repairer->todo = silt_queue_new(JOBS_MAX, NULL, NULL);
    repairer->finished = silt_queue_new(JOBS_MAX, NULL, NULL);
    struct silt_err err;
    if (!silt_ok(silt_thread_start(&repairer->thread, "repair", run, repairer, &err))) {
        SILT_LOG(
            ERROR, "repair_unavailable", err.text,
            SILT_F_STR("action", "the file is repaired by the next worker that reads the slot"));
        repairer->stopped = true;
    }
    context->repairer = repairer;
    return repairer;
}

void silt_repairer_ask(struct silt_context *context, const struct silt_manifest *slot,
                       unsigned file, unsigned k, silt_repaired_fn *done, void *ctx)
{
    struct silt_repairer *repairer = started(context);
    if (repairer->stopped) return;
    struct repair_job *job = SILT_NEW(struct repair_job);
    job->opts = (struct silt_rebuild_opts){.worker = context->opts, .file = file, .k = k};
    copy_manifest(slot, &job->opts.slot);
    job->context = context;
    job->done = done;
    job->ctx = ctx;
    job->next = repairer->jobs;
    repairer->jobs = job;
    bool pushed = silt_queue_try_push(repairer->todo, job);
    SILT_ASSERT(
        pushed); /* a slot has at most 32 files; a worker fewer tails than that bound allows */
}

void silt_repairer_forget(struct silt_context *context, const void *ctx)
{
    if (!context->repairer) return;
    for (struct repair_job *job = context->repairer->jobs; job; job = job->next)
        if (job->ctx == ctx) job->ctx = NULL;
}

static void free_job(struct silt_repairer *repairer, struct repair_job *job)
{
    struct repair_job **at = &repairer->jobs;
    while (*at != job) at = &(*at)->next;
    *at = job->next;
    silt_timer_cancel(&job->context->timers, &job->retry);
    silt_manifest_done(&job->opts.slot);
    silt_free(job);
}

static void on_retry(void *ctx)
{
    struct repair_job *job = ctx;
    struct silt_repairer *repairer = job->context->repairer;
    if (!job->ctx)
        free_job(repairer, job);
    else if (!silt_queue_try_push(repairer->todo, job))
        silt_timer_set(&job->context->timers, &job->retry, silt_mono_ms() + RETRY_MS, on_retry,
                       job);
}

static void try_again(struct silt_context *context, struct repair_job *job)
{
    bool is_suspicion = job->opts.suspected.kind != SILT_LOSS_NONE;
    SILT_LOG(ERROR, is_suspicion ? "loss_suspected" : "repair_failed", job->failure.text,
             SILT_F_STR("topic", job->opts.slot.tp.topic),
             SILT_F_INT("partition", job->opts.slot.tp.partition),
             SILT_F_INT("seq", job->opts.slot.seq), SILT_F_INT("file", job->opts.file),
             SILT_F_STR("action", is_suspicion ? "again in 10 s" : "again in 30 s"));
    int64_t wait_ms = is_suspicion ? CONFIRM_MS : RETRY_MS;
    silt_timer_set(&context->timers, &job->retry, silt_mono_ms() + wait_ms, on_retry, job);
}

static void finished(struct silt_context *context, struct repair_job *job)
{
    if (job->failed && job->ctx) {
        try_again(context, job);
        return;
    }
    silt_repaired_fn *done = job->done;
    void *ctx = job->ctx;
    unsigned file = job->opts.file;
    free_job(context->repairer, job);
    if (ctx) done(ctx, file);
}

void silt_repairer_poll(struct silt_context *context)
{
    struct repair_job *job;
    if (!context->repairer) return;
    while ((job = silt_queue_pop(context->repairer->finished, 0))) finished(context, job);
}

void silt_repairer_stop(struct silt_context *context)
{
    struct silt_repairer *repairer = context->repairer;
    if (!repairer || repairer->stopped) return;
    while (silt_queue_pop(repairer->todo, 0)) {}
    silt_queue_close(repairer->todo);
    silt_thread_join(repairer->thread);
    repairer->stopped = true;
}

void silt_repairer_done(struct silt_context *context)
{
    struct silt_repairer *repairer = context->repairer;
    if (!repairer) return;
    while (repairer->jobs) free_job(repairer, repairer->jobs);
    while (silt_queue_pop(repairer->finished, 0)) {}
    silt_queue_free(repairer->todo);
    silt_queue_free(repairer->finished);
    silt_free(repairer);
    context->repairer = NULL;
}
