#include "pipeline/context_int.h"

#include "base/err.h"

#define SPARE_JOBS_MAX 16
#define SPARE_BYTES_MAX ((size_t)1 << 20) /* a block swollen by huge records is not kept */

struct silt_encode_job *silt_context_job(struct silt_context *context)
{
    struct silt_encode_job *job = context->spare_jobs;
    if (!job) {
        const struct silt_worker_opts *opts = context->opts;
        return silt_encode_job_new((size_t)opts->block_bytes + opts->decoder.value_max +
                                   ((size_t)1 << 20));
    }
    context->spare_jobs = job->next;
    context->spare_jobs_n--;
    job->next = NULL;
    return job;
}

void silt_context_job_back(struct silt_context *context, struct silt_encode_job *job)
{
    silt_buf_clear(&job->raw);
    job->records = 0;
    if (context->spare_jobs_n < SPARE_JOBS_MAX && job->raw.cap <= SPARE_BYTES_MAX) {
        job->next = context->spare_jobs;
        context->spare_jobs = job;
        context->spare_jobs_n++;
        return;
    }
    silt_budget_give(&context->budget, (int64_t)job->raw.cap);
    silt_encode_job_free(job);
}

void silt_context_trim(struct silt_context *context)
{
    while (context->spare_jobs) {
        struct silt_encode_job *job = context->spare_jobs;
        context->spare_jobs = job->next;
        silt_budget_give(&context->budget, (int64_t)job->raw.cap);
        silt_encode_job_free(job);
    }
    context->spare_jobs_n = 0;
}

uint8_t *silt_context_reserve(struct silt_context *context, struct silt_buf *buf, size_t len)
{
    size_t before = buf->cap;
    uint8_t *at = silt_buf_reserve(buf, len);
    if (buf->cap != before) silt_budget_force(&context->budget, (int64_t)(buf->cap - before));
    return at;
}

void silt_context_encode(struct silt_context *context, struct silt_encode_job *job)
{
    job->next = NULL;
    *context->backlog_end = job;
    context->backlog_end = &job->next;
    silt_context_feed_encoder(context);
}

bool silt_context_feed_encoder(struct silt_context *context)
{
    while (context->backlog) {
        struct silt_encode_job *job = context->backlog;
        struct silt_encode_job *next = job->next;
        job->next = NULL;
        if (!silt_encoder_submit(context->encoder, job)) {
            job->next = next;
            context->encoder_full++;
            return false;
        }
        context->backlog = next;
        if (!next) context->backlog_end = &context->backlog;
    }
    return true;
}

void silt_context_failure(struct silt_context *context, const struct silt_failure *failure)
{
    if (context->observer)
        silt_observer_failure(context->observer, failure); /* counts it too */
    else
        silt_metrics_failure(context->metrics, failure->stage, failure->type, 1);
}
