#include "pipeline/worker_int.h"

#include "base/thread.h"

static void *run(void *ctx)
{
    struct silt_worker *worker = ctx;
    while (silt_worker_turn(worker)) continue;
    silt_worker_close(worker);
    atomic_store(&worker->ended, true);
    return NULL;
}

SILT_RC silt_worker_start(const struct silt_worker_opts *opts, struct silt_worker **ret_worker,
                          struct silt_err *err)
{
    struct silt_worker *worker;
    SILT_TRY(silt_worker_build(opts, &worker, err));
    struct silt_rc rc = silt_thread_start(&worker->thread, "consume", run, worker, err);
    if (silt_ok(rc)) {
        *ret_worker = worker;
        return rc;
    }
    silt_worker_close(worker);
    silt_worker_free(worker);
    return rc;
}

void silt_worker_stop(struct silt_worker *worker)
{
    atomic_store(&worker->stop_asked, true);
}

void silt_worker_set_reject_ratio(struct silt_worker *worker, double ratio)
{
    atomic_store(&worker->reject_ratio, ratio);
}

bool silt_worker_has_ended(struct silt_worker *worker)
{
    return atomic_load(&worker->ended);
}

int64_t silt_worker_progress(struct silt_worker *worker)
{
    return atomic_load(&worker->progress);
}

bool silt_worker_is_caught_up(struct silt_worker *worker)
{
    return atomic_load(&worker->caught_up);
}

bool silt_worker_join(struct silt_worker *worker, struct silt_err *ret_err)
{
    silt_thread_join(worker->thread);
    if (worker->failed) *ret_err = worker->failure;
    return !worker->failed;
}
