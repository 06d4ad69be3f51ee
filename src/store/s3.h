/* The S3 store: requests over silt_http, with the store's own queue, retries and paging.
 *
 * Any thread submits; answers are read on the io thread. At most `concurrency` requests are in
 * flight, small ones before parts; a request that waits for its retry keeps its place, so a
 * throttling store is asked less. The io loop must outlive the store, or have been stopped before
 * it is freed.
 */
#ifndef SILT_STORE_S3_H
#define SILT_STORE_S3_H

#include "store/store_open.h"

SILT_RC silt_s3_open(const struct silt_store_opts *opts, struct silt_store **ret_store,
                     struct silt_err *err);

#endif
