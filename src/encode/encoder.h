/* The encode workers: raw blocks in, container blocks out, in any order; the owner puts them in
 * order by `seq`.
 *
 * A job is handed over by submit and comes back on `reply_to`; until then nobody else touches it.
 * Give `reply_to` room for queue_max + workers jobs: then no worker ever waits for its owner, and
 * the owner can call stop without emptying it first. Jobs that find it closed are freed.
 * Workers hold one codec context each. With 0 workers the block is compressed inside submit (tests,
 * one-core machines).
 */
#ifndef SILT_ENCODE_ENCODER_H
#define SILT_ENCODE_ENCODER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/queue.h"
#include "encode/codec.h"
#include "encode/container.h"

#include <stdint.h>

struct silt_encode_job {
    struct silt_encode_job *next; /* the owner's, to keep jobs in lists */
    /* asked */
    struct silt_buf raw; /* rows; emptied and kept for reuse when the job comes back */
    int64_t records;
    enum silt_codec codec;
    int level;
    uint8_t sync[SILT_SYNC_LEN];
    void *file;   /* whose block it is; opaque */
    uint64_t seq; /* block number within the file */
    /* answered */
    struct silt_buf packed; /* the finished container block */
    uint32_t crc32c;        /* of packed */
    int64_t elapsed_us;
};

struct silt_encoder;
SILT_RC silt_encoder_start(unsigned workers, size_t queue_max, struct silt_queue *reply_to,
                           struct silt_encoder **ret_encoder, struct silt_err *err);
/* @return false when the queue is full: the caller keeps the job and tries again after a reply. */
bool silt_encoder_submit(struct silt_encoder *encoder, struct silt_encode_job *job);
void silt_encoder_stop(
    struct silt_encoder *encoder); /* finishes what was submitted, joins, frees */
size_t silt_encoder_queued(struct silt_encoder *encoder);

struct silt_encode_job *silt_encode_job_new(size_t raw_max);
void silt_encode_job_free(struct silt_encode_job *job);

#endif
