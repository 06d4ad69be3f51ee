#include "store/store.h"

#include "base/alloc.h"
#include "harness.h"
#include "store_int.h"

#include <string.h>

/* A store that answers at once, on the submitter's thread. */
static void echo_submit(struct silt_store *store, struct silt_store_req *req)
{
    (void)store;
    req->outcome = SILT_STORE_CONFLICT;
    req->priv = req;
    silt_store_deliver(req);
}

static int freed;
static void echo_free(struct silt_store *store)
{
    (void)store;
    freed++;
}

static const struct silt_store_vtable echo_vtable = {echo_submit, echo_free};
static struct silt_store echo = {.vtable = &echo_vtable, .url = "echo"};

static void note_reply(struct silt_store_req *req)
{
    *(int *)req->ctx += 1;
}

static void comes_back_on_the_queue_and_replies_there(void)
{
    int replies = 0;
    struct silt_queue *back = silt_queue_new(1, NULL, NULL);
    struct silt_store_req req = {
        .op = SILT_OP_GET, .reply_to = back, .on_reply = note_reply, .ctx = &replies};
    silt_store_submit(&echo, &req);
    CU_ASSERT_EQUAL(replies, 0);
    CU_ASSERT_PTR_EQUAL(silt_queue_pop(back, 0), &req);
    silt_store_reply(&req);
    CU_ASSERT_EQUAL(replies, 1);
    CU_ASSERT_PTR_NULL(req.priv);
    silt_queue_free(back);
}

static void a_call_waits_and_keeps_the_context(void)
{
    int ctx = 0;
    struct silt_store_req req = {.op = SILT_OP_GET, .ctx = &ctx};
    silt_store_call(&echo, &req);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_CONFLICT);
    CU_ASSERT_PTR_EQUAL(req.ctx, &ctx);
    CU_ASSERT_EQUAL(ctx, 0);
}

static void freeing_nothing_is_fine(void)
{
    silt_store_free(NULL);
    CU_ASSERT_EQUAL(freed, 0);
    silt_store_free(&echo);
    CU_ASSERT_EQUAL(freed, 1);
    silt_store_req_done(NULL);
}

static void a_reply_may_come_after_the_store_was_freed(void)
{
    for (int replies_first = 0; replies_first < 2; replies_first++) {
        int replies = 0;
        struct silt_queue *back = silt_queue_new(2, NULL, NULL);
        struct silt_store *store = SILT_NEW(struct silt_store);
        struct silt_store_req reqs[2];
        store->vtable = &echo_vtable;
        for (int i = 0; i < 2; i++) {
            reqs[i] = (struct silt_store_req){
                .op = SILT_OP_GET, .reply_to = back, .on_reply = note_reply, .ctx = &replies};
            silt_store_submit(store, &reqs[i]);
        }
        CU_ASSERT_EQUAL(store->open, 2);
        if (!replies_first) silt_store_drop(store);
        for (int i = 0; i < 2; i++) silt_store_reply(silt_queue_pop(back, 0));
        if (replies_first) silt_store_drop(store);
        CU_ASSERT_EQUAL(replies, 2);
        silt_queue_free(back);
    }
}

static void an_answer_frees_what_it_owns(void)
{
    struct silt_store_req req = {.objects_n = 1};
    req.objects = silt_calloc(1, sizeof *req.objects);
    req.objects[0].key = silt_strdup("k");
    req.objects[0].upload_id = silt_strdup("u");
    req.ret_parts = silt_calloc(1, sizeof *req.ret_parts);
    req.ret_upload_id = silt_strdup("u");
    silt_buf_init(&req.ret_body, 10);
    CU_ASSERT(silt_buf_append_str(&req.ret_body, "x"));
    silt_store_req_done(&req);
    static const struct silt_store_req zero;
    CU_ASSERT(memcmp(&req, &zero, sizeof req) == 0);
    silt_store_req_done(&req);
}

static void every_operation_and_outcome_has_a_name(void)
{
    for (unsigned op = 0; op < SILT_OPS_N; op++)
        CU_ASSERT_PTR_NOT_NULL(silt_store_op_name((enum silt_store_op)op));
    for (unsigned outcome = 0; outcome < SILT_STORE_OUTCOMES_N; outcome++)
        CU_ASSERT_PTR_NOT_NULL(silt_store_outcome_name((enum silt_store_outcome)outcome));
    CU_ASSERT_STRING_EQUAL(silt_store_op_name(SILT_OP_PUT_NEW), "put_new");
    CU_ASSERT_STRING_EQUAL(silt_store_outcome_name(SILT_STORE_NO_UPLOAD), "no_upload");
}

static void only_success_has_no_error_code(void)
{
    for (unsigned outcome = 0; outcome < SILT_STORE_OUTCOMES_N; outcome++) {
        enum silt_code code = silt_store_outcome_code((enum silt_store_outcome)outcome);
        CU_ASSERT_EQUAL(code == SILT_E_NONE, outcome == SILT_STORE_OK);
    }
    CU_ASSERT_EQUAL(silt_store_outcome_code(SILT_STORE_DENIED), SILT_E_DENIED);
}

SILT_TESTS("store",
           {"comes back on the queue and replies there", comes_back_on_the_queue_and_replies_there},
           {"a call waits and keeps the context", a_call_waits_and_keeps_the_context},
           {"freeing nothing is fine", freeing_nothing_is_fine},
           {"a reply may come after the store was freed",
            a_reply_may_come_after_the_store_was_freed},
           {"an answer frees what it owns", an_answer_frees_what_it_owns},
           {"every operation and outcome has a name", every_operation_and_outcome_has_a_name},
           {"only success has no error code", only_success_has_no_error_code})
