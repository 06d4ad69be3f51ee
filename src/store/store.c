#include "store/store.h"

#include "base/alloc.h"
#include "net/waiter.h"
#include "store/store_int.h"

#include <string.h>

/* In `open`: the store was freed, its memory waits for the last reply. */
#define DROPPED (1u << 31)

const char *silt_store_op_name(enum silt_store_op op)
{
    static const char *const names[SILT_OPS_N] = {
        [SILT_OP_PUT_NEW] = "put_new",
        [SILT_OP_GET] = "get",
        [SILT_OP_HEAD] = "head",
        [SILT_OP_LIST] = "list",
        [SILT_OP_MPU_CREATE] = "mpu_create",
        [SILT_OP_MPU_PART] = "mpu_part",
        [SILT_OP_MPU_COMPLETE] = "mpu_complete",
        [SILT_OP_MPU_ABORT] = "mpu_abort",
        [SILT_OP_MPU_PARTS] = "mpu_parts",
        [SILT_OP_MPU_LIST] = "mpu_list",
        [SILT_OP_LIFECYCLE] = "lifecycle",
    };
    SILT_ASSERT((unsigned)op < SILT_OPS_N);
    return names[op];
}

/* What an outcome is called, and the error code that stands for it. */
static const struct {
    const char *name;
    enum silt_code code;
} outcomes[SILT_STORE_OUTCOMES_N] = {
    [SILT_STORE_OK] = {"ok", SILT_E_NONE},
    [SILT_STORE_EXISTS] = {"exists", SILT_E_EXISTS},
    [SILT_STORE_CONFLICT] = {"conflict", SILT_E_CONFLICT},
    [SILT_STORE_NOT_FOUND] = {"not_found", SILT_E_NOT_FOUND},
    [SILT_STORE_NO_UPLOAD] = {"no_upload", SILT_E_NOT_FOUND},
    [SILT_STORE_NO_BUCKET] = {"no_bucket", SILT_E_NOT_FOUND},
    [SILT_STORE_INVALID_PART] = {"invalid_part", SILT_E_PROTOCOL},
    [SILT_STORE_BAD_PARTS] = {"bad_parts", SILT_E_PROTOCOL},
    [SILT_STORE_BAD_DIGEST] = {"bad_digest", SILT_E_NETWORK},
    [SILT_STORE_DENIED] = {"denied", SILT_E_DENIED},
    [SILT_STORE_SKEWED] = {"skewed", SILT_E_AUTH},
    [SILT_STORE_REFUSED] = {"refused", SILT_E_UNSUPPORTED},
    [SILT_STORE_THROTTLED] = {"throttled", SILT_E_THROTTLED},
    [SILT_STORE_DOUBT] = {"doubt", SILT_E_NETWORK},
    [SILT_STORE_STOPPED] = {"stopped", SILT_E_STOPPED},
};

const char *silt_store_outcome_name(enum silt_store_outcome outcome)
{
    SILT_ASSERT((unsigned)outcome < SILT_STORE_OUTCOMES_N);
    return outcomes[outcome].name;
}

enum silt_code silt_store_outcome_code(enum silt_store_outcome outcome)
{
    SILT_ASSERT((unsigned)outcome < SILT_STORE_OUTCOMES_N);
    return outcomes[outcome].code;
}

void silt_store_req_done(struct silt_store_req *req)
{
    if (!req) return;
    for (unsigned i = 0; i < req->objects_n; i++) {
        silt_free(req->objects[i].key);
        silt_free(req->objects[i].upload_id);
    }
    silt_free(req->objects);
    silt_free(req->ret_parts);
    silt_free(req->ret_upload_id);
    silt_buf_done(&req->ret_body);
    memset(req, 0, sizeof *req);
}

void silt_store_submit(struct silt_store *store, struct silt_store_req *req)
{
    SILT_ASSERT(req->reply_to && req->on_reply);
    SILT_ASSERT((unsigned)req->op < SILT_OPS_N);
    req->store = store;
    atomic_fetch_add(&store->open, 1);
    store->vtable->submit(store, req);
}

void silt_store_deliver(struct silt_store_req *req)
{
    req->priv = NULL;
    atomic_fetch_add(&req->store->requests, req->attempts);
    if (!req->reply_to) {
        req->on_reply(req); /* silt_store_call */
        return;
    }
    bool pushed = silt_queue_push(req->reply_to, req);
    SILT_ASSERT(pushed); /* the owner closed its queue before everything was back */
}

void silt_store_reply(struct silt_store_req *req)
{
    struct silt_store *store = req->store;
    if (atomic_fetch_sub(&store->open, 1) == (DROPPED | 1)) silt_free(store);
    req->on_reply(req);
}

void silt_store_drop(struct silt_store *store)
{
    store->url = "";
    if (atomic_fetch_or(&store->open, DROPPED) == 0) silt_free(store);
}

static void wake_caller(struct silt_store_req *req)
{
    silt_waiter_wake(req->ctx);
}

void silt_store_call(struct silt_store *store, struct silt_store_req *req)
{
    struct silt_waiter waiter;
    void *ctx = req->ctx;
    silt_waiter_init(&waiter);
    req->reply_to = NULL;
    req->on_reply = wake_caller;
    req->ctx = &waiter;
    req->store = store;
    store->vtable->submit(store, req);
    silt_waiter_wait(&waiter);
    req->ctx = ctx;
}

void silt_store_free(struct silt_store *store)
{
    if (store) store->vtable->free(store);
}
