#include "encode/encoder.h"

#include "base/hash.h"
#include "harness.h"

#include <string.h>

#define QUEUE_MAX 4
#define JOBS 200

static struct silt_encode_job *job_of(uint64_t seq)
{
    struct silt_encode_job *job = silt_encode_job_new(100000);
    job->seq = seq;
    job->records = 1 + (int64_t)seq;
    job->codec = (enum silt_codec)(seq % 4);
    memset(job->sync, (int)seq, SILT_SYNC_LEN);
    for (uint64_t i = 0; i < 100 * (seq % 50 + 1); i++) silt_buf_append_char(&job->raw, (char)i);
    return job;
}

/* The block is what the container writes, whoever made it. */
static void check_answer(const struct silt_encode_job *job)
{
    struct silt_encode_job *same = job_of(job->seq);
    struct silt_codec_ctx *ctx = silt_codec_ctx_new();
    struct silt_buf want;
    silt_buf_init(&want, SILT_BUF_MAX_DEFAULT);
    CU_ASSERT_OK(silt_container_block(ctx, same->codec, 0, same->records,
                                      silt_buf_slice(&same->raw), same->sync, &want, NULL));
    CU_ASSERT(silt_slice_eq(silt_buf_slice(&want), silt_buf_slice(&job->packed)));
    CU_ASSERT_EQUAL(job->crc32c, silt_crc32c(0, want.data, want.len));
    CU_ASSERT_EQUAL(job->raw.len, 0);
    CU_ASSERT(job->raw.cap >= same->raw.len); /* kept for the next rows */
    CU_ASSERT(job->packed.cap <= job->packed.len + 64);
    CU_ASSERT(job->elapsed_us >= 0);
    silt_buf_done(&want);
    silt_codec_ctx_free(ctx);
    silt_encode_job_free(same);
}

static void check_all_come_back(unsigned workers)
{
    struct silt_queue *replies = silt_queue_new(QUEUE_MAX + workers, NULL, NULL);
    struct silt_encoder *encoder = NULL;
    bool seen[JOBS] = {false};
    unsigned back = 0;
    CU_ASSERT_OK(silt_encoder_start(workers, QUEUE_MAX, replies, &encoder, NULL));
    for (uint64_t seq = 0; back < JOBS;) {
        struct silt_encode_job *job = seq < JOBS ? job_of(seq) : NULL;
        if (job && silt_encoder_submit(encoder, job)) {
            seq++;
            continue;
        }
        silt_encode_job_free(job);
        struct silt_encode_job *done = silt_queue_pop(replies, -1);
        check_answer(done);
        CU_ASSERT_FALSE(seen[done->seq]);
        seen[done->seq] = true;
        back++;
        silt_encode_job_free(done);
    }
    CU_ASSERT_EQUAL(silt_encoder_queued(encoder), 0);
    silt_encoder_stop(encoder);
    silt_queue_free(replies);
}

static void every_job_comes_back_once(void)
{
    check_all_come_back(1);
    check_all_come_back(3);
}

static void without_workers_the_caller_compresses(void)
{
    check_all_come_back(0);
    struct silt_queue *replies = silt_queue_new(1, NULL, NULL);
    struct silt_encoder *encoder;
    CU_ASSERT_OK(silt_encoder_start(0, 1, replies, &encoder, NULL));
    struct silt_encode_job *job = job_of(1);
    struct silt_encode_job *more = job_of(2);
    CU_ASSERT(silt_encoder_submit(encoder, job));
    CU_ASSERT_FALSE(silt_encoder_submit(encoder, more)); /* full: the caller keeps it */
    CU_ASSERT_EQUAL(more->packed.len, 0);
    CU_ASSERT_PTR_EQUAL(silt_queue_pop(replies, 0), job);
    CU_ASSERT(silt_encoder_submit(encoder, more));
    CU_ASSERT_PTR_EQUAL(silt_queue_pop(replies, 0), more);
    silt_encode_job_free(job);
    silt_encode_job_free(more);
    silt_encoder_stop(encoder);
    silt_queue_free(replies);
}

/* As the upload leaves it: the bytes taken, or the whole buffer zeroed. */
static void a_job_is_used_again_after_its_block_was_taken(void)
{
    struct silt_queue *replies = silt_queue_new(2, NULL, NULL);
    struct silt_encoder *encoder;
    CU_ASSERT_OK(silt_encoder_start(1, 1, replies, &encoder, NULL));
    struct silt_encode_job *job = job_of(1);
    for (int round = 0; round < 3; round++) {
        CU_ASSERT(silt_encoder_submit(encoder, job));
        CU_ASSERT_PTR_EQUAL(silt_queue_pop(replies, -1), job);
        CU_ASSERT(job->packed.len > SILT_SYNC_LEN);
        if (round == 0) silt_buf_done(&job->packed);
        silt_buf_append_str(&job->raw, "more rows");
    }
    silt_encode_job_free(job);
    silt_encoder_stop(encoder);
    silt_queue_free(replies);
}

static void stopping_finishes_what_was_submitted(void)
{
    struct silt_queue *replies = silt_queue_new(QUEUE_MAX + 2, NULL, NULL);
    struct silt_encoder *encoder;
    unsigned submitted = 0;
    CU_ASSERT_OK(silt_encoder_start(2, QUEUE_MAX, replies, &encoder, NULL));
    for (; submitted < QUEUE_MAX; submitted++)
        CU_ASSERT(silt_encoder_submit(encoder, job_of(submitted)));
    silt_encoder_stop(encoder);
    for (struct silt_encode_job *job; (job = silt_queue_pop(replies, 0)); submitted--) {
        check_answer(job);
        silt_encode_job_free(job);
    }
    CU_ASSERT_EQUAL(submitted, 0);
    silt_queue_free(replies);
    silt_encoder_stop(NULL);
}

static void a_job_that_finds_the_replies_closed_is_freed(void)
{
    struct silt_queue *replies = silt_queue_new(1, NULL, NULL);
    struct silt_encoder *encoder;
    CU_ASSERT_OK(silt_encoder_start(0, 1, replies, &encoder, NULL));
    silt_queue_close(replies);
    CU_ASSERT(silt_encoder_submit(encoder, job_of(1))); /* a leak would be reported */
    silt_encoder_stop(encoder);
    silt_queue_free(replies);
    silt_encode_job_free(NULL);
}

SILT_TESTS("encoder", {"every job comes back once", every_job_comes_back_once},
           {"without workers the caller compresses", without_workers_the_caller_compresses},
           {"a job is used again after its block was taken",
            a_job_is_used_again_after_its_block_was_taken},
           {"stopping finishes what was submitted", stopping_finishes_what_was_submitted},
           {"a job that finds the replies closed is freed",
            a_job_that_finds_the_replies_closed_is_freed})
