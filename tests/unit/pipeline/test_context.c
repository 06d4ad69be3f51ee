#include "context_int.h"

#include "base/alloc.h"
#include "harness.h"

/* Only what these functions touch. */
static struct silt_worker_opts opts;
static struct silt_context context;

static void open_context(int64_t limit)
{
    opts = (struct silt_worker_opts){.block_bytes = 1000, .decoder = {.value_max = 1000}};
    context = (struct silt_context){.opts = &opts, .metrics = silt_metrics_new()};
    context.backlog_end = &context.backlog;
    silt_budget_init(&context.budget, limit);
}

static void close_context(void)
{
    while (context.spare_jobs) {
        struct silt_encode_job *job = context.spare_jobs;
        context.spare_jobs = job->next;
        silt_encode_job_free(job);
    }
    silt_metrics_free(context.metrics);
}

static void a_job_is_used_again_with_its_buffer(void)
{
    open_context(0);
    struct silt_encode_job *job = silt_context_job(&context);
    CU_ASSERT_PTR_NOT_NULL(silt_context_reserve(&context, &job->raw, 500));
    int64_t used = silt_budget_used(&context.budget);
    CU_ASSERT_EQUAL(used, (int64_t)job->raw.cap);
    job->raw.len = 500;
    job->records = 3;
    silt_context_job_back(&context, job);
    CU_ASSERT_EQUAL(silt_budget_used(&context.budget), used); /* the buffer is still there */
    CU_ASSERT_PTR_EQUAL(silt_context_job(&context), job);
    CU_ASSERT_EQUAL(job->raw.len, 0);
    CU_ASSERT_EQUAL(job->records, 0);
    CU_ASSERT_EQUAL(context.spare_jobs_n, 0);
    silt_context_job_back(&context, job);
    close_context();
}

static void a_swollen_block_is_not_kept(void)
{
    open_context(0);
    struct silt_encode_job *job = silt_context_job(&context);
    opts.block_bytes = 4 << 20;
    silt_encode_job_free(job);
    job = silt_context_job(&context);
    CU_ASSERT_PTR_NOT_NULL(silt_context_reserve(&context, &job->raw, 2 << 20));
    CU_ASSERT(silt_budget_used(&context.budget) >= 2 << 20);
    silt_context_job_back(&context, job);
    CU_ASSERT_EQUAL(context.spare_jobs_n, 0);
    CU_ASSERT_EQUAL(silt_budget_used(&context.budget), 0);
    close_context();
}

static void only_so_many_spare_jobs_are_kept(void)
{
    struct silt_encode_job *jobs[20];
    open_context(0);
    for (int i = 0; i < 20; i++) jobs[i] = silt_context_job(&context);
    for (int i = 0; i < 20; i++) silt_context_job_back(&context, jobs[i]);
    CU_ASSERT_EQUAL(context.spare_jobs_n, 16);
    close_context();
}

/* More blocks than the queue takes: they wait, and come back in their order. */
static void blocks_wait_for_the_encoder_in_order(void)
{
    enum { BLOCKS = 12 };
    struct silt_err err = {0};
    open_context(0);
    context.encode_inbox = silt_queue_new(BLOCKS, NULL, NULL);
    CU_ASSERT_OK(silt_encoder_start(1, 1, context.encode_inbox, &context.encoder, &err));
    for (uint64_t i = 0; i < BLOCKS; i++) {
        struct silt_encode_job *job = silt_context_job(&context);
        uint8_t *at = silt_context_reserve(&context, &job->raw, 1000);
        memset(at, (int)i, 1000);
        job->raw.len = 1000;
        job->records = 1;
        job->codec = SILT_CODEC_DEFLATE;
        job->level = 9;
        job->seq = i;
        silt_context_encode(&context, job);
    }
    for (uint64_t i = 0; i < BLOCKS; i++) {
        struct silt_encode_job *job = silt_queue_pop(context.encode_inbox, 30000);
        CU_ASSERT_EQUAL(job->seq, i);
        silt_buf_done(&job->packed);
        silt_context_job_back(&context, job);
        silt_context_feed_encoder(&context);
    }
    CU_ASSERT(context.encoder_full > 0);
    CU_ASSERT(silt_context_feed_encoder(&context));
    CU_ASSERT_PTR_EQUAL(context.backlog_end, &context.backlog);
    silt_encoder_stop(context.encoder);
    silt_queue_free(context.encode_inbox);
    close_context();
}

static void a_failure_without_observer_is_counted(void)
{
    open_context(0);
    silt_context_failure(
        &context, &(struct silt_failure){.stage = SILT_STAGE_S3_UPLOAD, .type = SILT_FAIL_TIMEOUT});
    CU_ASSERT_EQUAL(
        atomic_load(&context.metrics->stages[SILT_STAGE_S3_UPLOAD].failure[SILT_FAIL_TIMEOUT]), 1);
    close_context();
}

SILT_TESTS("context", {"a job is used again with its buffer", a_job_is_used_again_with_its_buffer},
           {"a swollen block is not kept", a_swollen_block_is_not_kept},
           {"only so many spare jobs are kept", only_so_many_spare_jobs_are_kept},
           {"blocks wait for the encoder in order", blocks_wait_for_the_encoder_in_order},
           {"a failure without observer is counted", a_failure_without_observer_is_counted})
