#include "base/thread.h"

#include <signal.h>
#include <string.h>

SILT_RC silt_thread_start(pthread_t *ret_thread, const char *name, silt_thread_fn *fn, void *ctx,
                          struct silt_err *err)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(ret_thread, NULL, fn, ctx);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) SILT_FAIL(err, UNAVAILABLE, "cannot start thread %s: %s", name, strerror(failed));
    pthread_setname_np(*ret_thread, name);
    return SILT_OK;
}

void silt_thread_join(pthread_t thread)
{
    int failed = pthread_join(thread, NULL);
    SILT_ASSERT(!failed);
}
