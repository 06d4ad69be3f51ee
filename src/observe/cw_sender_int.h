/* Sends PutMetricData documents to CloudWatch: one at a time over the io loop, signed at each
 * attempt, retried with backoff, spooled while it does not answer. Documents carry their own times,
 * so what was spooled is back-filled (AWS accepts two weeks).
 *
 * One thread (the sampler) calls everything but _spooled; `wake` is called on the io thread when an
 * answer is there.
 *   push … step … step (returns when to come back) … free
 */
#ifndef SILT_OBSERVE_CW_SENDER_INT_H
#define SILT_OBSERVE_CW_SENDER_INT_H

#include "observe/output_int.h"

struct silt_cw_sender;
struct silt_cw_sender_opts {
    struct silt_http *http;
    struct silt_credentials *credentials; /* outlives it */
    const char *region;
    const char *endpoint; /* "" or NULL: AWS */
    const char *ca_file;
    const char *proxy;
    struct silt_metrics *metrics; /* SPOOL_DROPPED: documents */
    struct silt_output *output;
    void (*wake)(void *ctx);
    void *wake_ctx;
    size_t spool_bytes;     /* compressed documents that may wait */
    int64_t backoff_max_ms; /* 0 = 60 s */
};
struct silt_cw_sender *silt_cw_sender_new(const struct silt_cw_sender_opts *opts);
/* Ends an open request and frees; what is spooled is lost. NULL is fine. */
void silt_cw_sender_free(struct silt_cw_sender *sender);
void silt_cw_sender_push(struct silt_cw_sender *sender, struct silt_slice json);
/* Takes an answer, starts the next request. @return ms until there is something to do without a
 * wake. */
int64_t silt_cw_sender_step(struct silt_cw_sender *sender, int64_t now_ms);
bool silt_cw_sender_is_idle(struct silt_cw_sender *sender);     /* nothing open, nothing spooled */
uint64_t silt_cw_sender_spooled(struct silt_cw_sender *sender); /* any thread */

#endif
