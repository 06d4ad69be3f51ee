/* Named threads. All signals are blocked in them; one place in app/ waits for signals. */
#ifndef SILT_BASE_THREAD_H
#define SILT_BASE_THREAD_H

#include "base/err.h"

#include <pthread.h>

typedef void *silt_thread_fn(void *ctx);

/* name: at most 15 characters. */
SILT_RC silt_thread_start(pthread_t *ret_thread, const char *name, silt_thread_fn *fn, void *ctx,
                          struct silt_err *err);
void silt_thread_join(pthread_t thread);

#endif
