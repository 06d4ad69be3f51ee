#include "encode/encoder.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/thread.h"

#include <stdio.h>
#include <string.h>

/* What one thread needs to compress: the consume thread's own when there are no workers. A block is
 * made in `scratch` and copied, so that what is handed on takes no more memory than it says. */
struct worker {
    struct silt_encoder *encoder; /* not owned */
    pthread_t thread;
    struct silt_codec_ctx *ctx;
    struct silt_buf scratch;
};

struct silt_encoder {
    struct silt_queue *todo;
    struct silt_queue *reply_to; /* not owned */
    size_t queue_max;
    unsigned workers_n; /* threads running */
    unsigned rooms_n;
    struct worker *workers; /* rooms_n of them */
};

struct silt_encode_job *silt_encode_job_new(size_t raw_max)
{
    struct silt_encode_job *job = SILT_NEW(struct silt_encode_job);
    silt_buf_init(&job->raw, raw_max);
    silt_buf_init(&job->packed, SILT_BUF_MAX_DEFAULT);
    return job;
}

void silt_encode_job_free(struct silt_encode_job *job)
{
    if (!job) return;
    silt_buf_done(&job->raw);
    silt_buf_done(&job->packed);
    silt_free(job);
}

/* Compression of a block in memory fails only by our own mistake. */
static void make_block(struct worker *worker, struct silt_encode_job *job)
{
    struct silt_err err = {0};
    silt_buf_clear(&worker->scratch);
    struct silt_rc rc =
        silt_container_block(worker->ctx, job->codec, job->level, job->records,
                             silt_buf_slice(&job->raw), job->sync, &worker->scratch, &err);
    if (!silt_ok(rc)) silt_assert_failed(err.text, __FILE__, __LINE__);
}

/* The owner may have taken the buffer of `packed` away, with its maximum. */
static void answer(struct worker *worker, struct silt_encode_job *job)
{
    int64_t started_ns = silt_mono_ns();
    make_block(worker, job);
    struct silt_slice block = silt_buf_slice(&worker->scratch);
    job->packed.max = SILT_BUF_MAX_DEFAULT;
    silt_buf_clear(&job->packed);
    SILT_ASSERT(silt_buf_append(&job->packed, block.ptr, block.len));
    job->crc32c = silt_crc32c(0, block.ptr, block.len);
    silt_buf_clear(&job->raw);
    job->elapsed_us = (silt_mono_ns() - started_ns) / 1000;
    if (!silt_queue_push(worker->encoder->reply_to, job)) silt_encode_job_free(job);
}

static void *run(void *ctx)
{
    struct worker *worker = ctx;
    struct silt_encode_job *job;
    while ((job = silt_queue_pop(worker->encoder->todo, -1))) answer(worker, job);
    return NULL;
}

static struct silt_rc start_threads(struct silt_encoder *encoder, unsigned workers,
                                    struct silt_err *err)
{
    for (; encoder->workers_n < workers; encoder->workers_n++) {
        struct worker *worker = &encoder->workers[encoder->workers_n];
        char name[16];
        snprintf(name, sizeof name, "encode%u", encoder->workers_n);
        SILT_TRY(silt_thread_start(&worker->thread, name, run, worker, err));
    }
    return SILT_OK;
}

struct silt_rc silt_encoder_start(unsigned workers, size_t queue_max, struct silt_queue *reply_to,
                                  struct silt_encoder **ret_encoder, struct silt_err *err)
{
    SILT_ASSERT(queue_max > 0);
    struct silt_encoder *encoder = SILT_NEW(struct silt_encoder);
    encoder->todo = silt_queue_new(queue_max, NULL, NULL);
    encoder->reply_to = reply_to;
    encoder->queue_max = queue_max;
    encoder->rooms_n = workers ? workers : 1;
    encoder->workers = silt_calloc(encoder->rooms_n, sizeof *encoder->workers);
    for (unsigned i = 0; i < encoder->rooms_n; i++) {
        encoder->workers[i].encoder = encoder;
        encoder->workers[i].ctx = silt_codec_ctx_new();
        silt_buf_init(&encoder->workers[i].scratch, SILT_BUF_MAX_DEFAULT);
    }
    struct silt_rc rc = start_threads(encoder, workers, err);
    if (silt_ok(rc)) *ret_encoder = encoder;
    if (!silt_ok(rc)) silt_encoder_stop(encoder);
    return rc;
}

bool silt_encoder_submit(struct silt_encoder *encoder, struct silt_encode_job *job)
{
    if (encoder->workers_n) return silt_queue_try_push(encoder->todo, job);
    /* The caller is the one who empties the replies: it must not wait for room here. */
    if (silt_queue_len(encoder->reply_to) >= encoder->queue_max) return false;
    answer(&encoder->workers[0], job);
    return true;
}

void silt_encoder_stop(struct silt_encoder *encoder)
{
    if (!encoder) return;
    silt_queue_close(encoder->todo);
    for (unsigned i = 0; i < encoder->workers_n; i++) silt_thread_join(encoder->workers[i].thread);
    for (unsigned i = 0; i < encoder->rooms_n; i++) {
        silt_codec_ctx_free(encoder->workers[i].ctx);
        silt_buf_done(&encoder->workers[i].scratch);
    }
    silt_queue_free(encoder->todo);
    silt_free(encoder->workers);
    silt_free(encoder);
}

size_t silt_encoder_queued(struct silt_encoder *encoder)
{
    return silt_queue_len(encoder->todo);
}
