#include "parallel_int.h"

#include <stdio.h>

static void came_back(struct silt_store_req *req)
{
    (void)req;
}

static void wait_for_one(struct silt_queue *queue)
{
    struct silt_store_req *req = silt_queue_pop(queue, -1);
    SILT_ASSERT(req);
    silt_store_reply(req);
}

void silt_parallel(struct silt_store *store, struct silt_store_req *reqs, unsigned n)
{
    struct silt_queue *queue = silt_queue_new(SILT_PARALLEL_MAX, NULL, NULL);
    unsigned back = 0;
    for (unsigned i = 0; i < n; i++) {
        if (i - back == SILT_PARALLEL_MAX) {
            wait_for_one(queue);
            back++;
        }
        reqs[i].reply_to = queue;
        reqs[i].on_reply = came_back;
        silt_store_submit(store, &reqs[i]);
    }
    for (; back < n; back++) wait_for_one(queue);
    silt_queue_free(queue);
}

static const char *way_out(enum silt_store_outcome outcome)
{
    switch (outcome) {
    case SILT_STORE_DENIED: return "; give the role s3:GetObject and s3:ListBucket";
    case SILT_STORE_NO_BUCKET: return "; check archive.root";
    case SILT_STORE_SKEWED: return "; set the clock";
    default: return "";
    }
}

struct silt_rc silt_parallel_fail(const struct silt_store_req *req, const char *key,
                                  struct silt_err *err)
{
    char what[sizeof req->text + 8] = "";
    if (req->text[0]) snprintf(what, sizeof what, ": %s", req->text);
    struct silt_rc rc =
        silt_err_set(err, silt_store_outcome_code(req->outcome), __FILE__, __LINE__,
                     "%s %s: %s%s%s", silt_store_op_name(req->op), key,
                     silt_store_outcome_name(req->outcome), what, way_out(req->outcome));
    return rc;
}
