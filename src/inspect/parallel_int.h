/* Many requests to a store, a few at a time, for one who waits for all of them. */
#ifndef SILT_INSPECT_PARALLEL_INT_H
#define SILT_INSPECT_PARALLEL_INT_H

#include "base/err.h"
#include "store/store.h"

#define SILT_PARALLEL_MAX 8u /* in flight */

/* Submits and waits. The answers stay in the requests; reply_to and on_reply are used by it. */
void silt_parallel(struct silt_store *store, struct silt_store_req *reqs, unsigned n);

/* What a request that was not answered as hoped means for a command: names op, key and way out. */
struct silt_rc silt_parallel_fail(const struct silt_store_req *req, const char *key,
                                  struct silt_err *err);

#endif
