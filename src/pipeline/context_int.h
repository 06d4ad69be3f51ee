/* What the lanes of one worker share: the tools of the consume thread. Built and owned by worker.c.
 */
#ifndef SILT_PIPELINE_CONTEXT_INT_H
#define SILT_PIPELINE_CONTEXT_INT_H

#include "base/budget.h"
#include "base/queue.h"
#include "base/timers.h"
#include "consume/consumer.h"
#include "decode/decoder.h"
#include "encode/encoder.h"
#include "observe/observe.h"
#include "pipeline/worker.h"
#include "store/store.h"

#include <pthread.h>

struct silt_dead_letters;

struct silt_context {
    const struct silt_worker_opts *opts;
    struct silt_consumer *consumer;
    struct { /* answers come from other threads, also after the consumer was closed */
        pthread_mutex_t lock;
        struct silt_consumer *consumer; /* NULL: nobody to wake */
    } synced;
    struct silt_decoder *decoder;
    struct silt_encoder *encoder;
    struct silt_store *store;
    struct silt_metrics *metrics;
    struct silt_observer *observer; /* NULL: nobody watches */
    struct silt_timers timers;
    struct silt_budget budget; /* raw blocks, packed blocks and parts */
    struct silt_queue *store_inbox;
    struct silt_queue *encode_inbox;
    struct silt_queue *decode_inbox;
    struct silt_encode_job *spare_jobs; /* with their buffers, for reuse */
    unsigned spare_jobs_n;
    struct silt_encode_job *backlog; /* blocks the encoder had no room for, oldest first */
    struct silt_encode_job **backlog_end;
    uint64_t encoder_full;             /* how often it had none */
    struct silt_repairer *repairer;    /* NULL: nothing was ever missing */
    struct silt_dead_letters *letters; /* NULL: there is no topic for them */
    char boot[33];                     /* random: tells two runs of one pod apart */
};

/* A job with an empty block, from the spare ones or new; its capacity is in the budget. */
struct silt_encode_job *silt_context_job(struct silt_context *context);
void silt_context_job_back(struct silt_context *context, struct silt_encode_job *job);
void silt_context_trim(struct silt_context *context); /* frees the spare jobs */
/* Hands a full block to the encode workers, or to the backlog while their queue is full. */
void silt_context_encode(struct silt_context *context, struct silt_encode_job *job);
/* Feeds the backlog. @return true when it is empty. */
bool silt_context_feed_encoder(struct silt_context *context);
/* Reserves room in a growing buffer and keeps the budget in step with its capacity. */
uint8_t *silt_context_reserve(struct silt_context *context, struct silt_buf *buf, size_t len);

/* Counts a failure and tells the observer, when there is one. */
void silt_context_failure(struct silt_context *context, const struct silt_failure *failure);

#endif
