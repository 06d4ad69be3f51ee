#include "upload/upload.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "harness.h"

#include <stdio.h>

/* A store that only collects requests; the test answers them when it wants. */
static struct silt_store_req *asked[64];
static unsigned asked_n;

static void collect(struct silt_store *store, struct silt_store_req *req)
{
    (void)store;
    asked[asked_n++] = req;
}

static const struct silt_store_vtable collecting = {.submit = collect};
static struct silt_store store = {.vtable = &collecting, .url = "test://"};

static struct silt_queue *inbox; /* only named: the test hands the replies over itself */
static struct silt_budget budget;
static int staged;
static int failed;
static enum { KEEP, RELEASE, RETRY } on_failure;

static void note(void *ctx, struct silt_upload *upload, enum silt_upload_event event)
{
    CU_ASSERT_PTR_EQUAL(ctx, &staged);
    staged += event == SILT_UPLOAD_STAGED;
    failed += event == SILT_UPLOAD_FAILED;
    if (event != SILT_UPLOAD_FAILED) return;
    if (on_failure == RELEASE) silt_upload_release(upload, true);
    if (on_failure == RETRY) silt_upload_retry(upload);
}

static struct silt_upload *begin(unsigned parallel)
{
    asked_n = 0;
    staged = failed = 0;
    on_failure = KEEP;
    silt_budget_init(&budget, 0);
    if (!inbox) inbox = silt_queue_new(1, NULL, NULL);
    return silt_upload_new(&(struct silt_upload_opts){.store = &store,
                                                      .inbox = inbox,
                                                      .budget = &budget,
                                                      .key = "data/x.avro",
                                                      .part_size = 100,
                                                      .parallel = parallel,
                                                      .on_event = note,
                                                      .ctx = &staged});
}

static void add(struct silt_upload *upload, const char *text)
{
    struct silt_buf block;
    silt_buf_init(&block, 1000);
    silt_buf_append_str(&block, text);
    silt_budget_force(&budget, (int64_t)block.len);
    silt_upload_add(upload, &block, silt_crc32c(0, text, strlen(text)));
    CU_ASSERT_EQUAL(block.len, 0);
}

/* A block of n bytes. */
static void add_n(struct silt_upload *upload, size_t n)
{
    char text[256];
    memset(text, 'a' + (char)(n % 26), n);
    text[n] = '\0';
    add(upload, text);
}

static struct silt_store_req *take(enum silt_store_op op)
{
    for (unsigned i = 0; i < asked_n; i++) {
        if (asked[i]->op != op) continue;
        struct silt_store_req *req = asked[i];
        memmove(&asked[i], &asked[i + 1], (--asked_n - i) * sizeof asked[0]);
        return req;
    }
    return NULL;
}

static void answer(struct silt_store_req *req, enum silt_store_outcome outcome)
{
    CU_ASSERT_PTR_NOT_NULL(req);
    if (!req) return;
    req->outcome = outcome;
    snprintf(req->etag, sizeof req->etag, "etag%u", req->part_number);
    if (req->op == SILT_OP_MPU_CREATE && outcome == SILT_STORE_OK)
        req->ret_upload_id = silt_strdup("id7");
    req->on_reply(req);
}

static void stages_blocks_as_parts(void)
{
    struct silt_upload *upload = begin(2);
    CU_ASSERT_STRING_EQUAL(silt_upload_key(upload), "data/x.avro");
    CU_ASSERT_STRING_EQUAL(silt_upload_id(upload), "");
    CU_ASSERT_EQUAL(strlen(silt_upload_token(upload)), 32);
    CU_ASSERT_EQUAL(silt_upload_created_ms(upload), 0);
    add_n(upload, 60);
    CU_ASSERT_EQUAL(asked_n, 0);
    add_n(upload, 60);
    CU_ASSERT(silt_upload_created_ms(upload) > 0);
    struct silt_store_req *create = take(SILT_OP_MPU_CREATE);
    CU_ASSERT_STRING_EQUAL(create->token, silt_upload_token(upload));
    answer(create, SILT_STORE_OK);
    CU_ASSERT_STRING_EQUAL(silt_upload_id(upload), "id7");
    struct silt_store_req *part = take(SILT_OP_MPU_PART);
    CU_ASSERT_EQUAL(part->part_number, 1);
    CU_ASSERT_EQUAL(part->body_n, 2);
    CU_ASSERT_EQUAL(part->body[1].len, 60);
    CU_ASSERT_STRING_EQUAL(part->upload_id, "id7");
    char whole[121];
    memset(whole, 'a' + 60 % 26, 120);
    CU_ASSERT_EQUAL(part->crc32c, silt_crc32c(0, whole, 120));
    add(upload, "tail");
    silt_upload_finish(upload);
    CU_ASSERT_EQUAL(silt_budget_used(&budget), 124);
    CU_ASSERT_EQUAL(silt_upload_held(upload), 124);
    answer(part, SILT_STORE_OK);
    CU_ASSERT_EQUAL(silt_budget_used(&budget), 4);
    CU_ASSERT_EQUAL(staged, 0);
    answer(take(SILT_OP_MPU_PART), SILT_STORE_OK);
    CU_ASSERT_EQUAL(staged, 1);
    CU_ASSERT_EQUAL(silt_budget_used(&budget), 0);
    CU_ASSERT_EQUAL(silt_upload_size(upload), 124);
    CU_ASSERT_EQUAL(silt_upload_held(upload), 0);
    CU_ASSERT_EQUAL(silt_upload_crc32c(upload), silt_crc32c(silt_crc32c(0, whole, 120), "tail", 4));
    unsigned n = 0;
    const struct silt_store_part *parts = silt_upload_parts(upload, &n);
    CU_ASSERT_EQUAL(n, 2);
    CU_ASSERT_EQUAL(parts[0].size, 120);
    CU_ASSERT_EQUAL(parts[1].n, 2);
    CU_ASSERT_EQUAL(parts[1].size, 4);
    CU_ASSERT_EQUAL(parts[1].crc32c, silt_crc32c(0, "tail", 4));
    CU_ASSERT_STRING_EQUAL(parts[1].etag, "etag2");
    silt_upload_release(upload, false);
    CU_ASSERT_EQUAL(asked_n, 0);
}

static void many_small_blocks_make_one_part(void)
{
    struct silt_upload *upload = begin(1);
    for (int i = 0; i < 20; i++) add(upload, "12345");
    answer(take(SILT_OP_MPU_CREATE), SILT_STORE_OK);
    struct silt_store_req *part = take(SILT_OP_MPU_PART);
    CU_ASSERT_EQUAL(part->body_n, 20);
    silt_upload_finish(upload); /* nothing is left for a last part */
    answer(part, SILT_STORE_OK);
    CU_ASSERT_EQUAL(staged, 1);
    silt_upload_release(upload, false);
}

static void many_parts_keep_their_numbers(void)
{
    struct silt_upload *upload = begin(3);
    for (int i = 0; i < 40; i++) add_n(upload, 100);
    answer(take(SILT_OP_MPU_CREATE), SILT_STORE_OK);
    CU_ASSERT_EQUAL(asked_n, 3);
    silt_upload_finish(upload);
    for (struct silt_store_req *part; (part = take(SILT_OP_MPU_PART));) answer(part, SILT_STORE_OK);
    CU_ASSERT_EQUAL(staged, 1);
    unsigned n = 0;
    const struct silt_store_part *parts = silt_upload_parts(upload, &n);
    CU_ASSERT_EQUAL(n, 40);
    CU_ASSERT_EQUAL(parts[39].n, 40);
    CU_ASSERT_STRING_EQUAL(parts[39].etag, "etag40");
    silt_upload_release(upload, false);
}

static void a_failed_part_keeps_its_bytes_and_is_sent_again(void)
{
    struct silt_upload *upload = begin(2);
    add_n(upload, 100);
    add_n(upload, 100);
    answer(take(SILT_OP_MPU_CREATE), SILT_STORE_OK);
    struct silt_store_req *first = take(SILT_OP_MPU_PART);
    answer(first, SILT_STORE_THROTTLED);
    CU_ASSERT_EQUAL(failed, 1);
    CU_ASSERT_EQUAL(silt_upload_failure(upload)->outcome, SILT_STORE_THROTTLED);
    CU_ASSERT_EQUAL(silt_upload_failure(upload)->part_number, 1);
    CU_ASSERT_EQUAL(silt_budget_used(&budget), 200);
    add_n(upload, 100); /* still taken */
    answer(take(SILT_OP_MPU_PART), SILT_STORE_DOUBT);
    CU_ASSERT_EQUAL(failed, 1); /* told once */
    CU_ASSERT_EQUAL(asked_n, 0);
    silt_upload_retry(upload);
    silt_upload_finish(upload);
    CU_ASSERT_EQUAL(asked_n, 2);
    for (struct silt_store_req *part; (part = take(SILT_OP_MPU_PART));) {
        CU_ASSERT_EQUAL(part->body_n, 1);
        answer(part, SILT_STORE_OK);
    }
    CU_ASSERT_EQUAL(staged, 1);
    CU_ASSERT_EQUAL(silt_budget_used(&budget), 0);
    silt_upload_release(upload, false);
}

static void creating_may_be_tried_again_from_within_the_event(void)
{
    struct silt_upload *upload = begin(1);
    on_failure = RETRY;
    add_n(upload, 100);
    answer(take(SILT_OP_MPU_CREATE), SILT_STORE_DENIED);
    CU_ASSERT_EQUAL(failed, 1);
    answer(take(SILT_OP_MPU_CREATE), SILT_STORE_OK);
    silt_upload_finish(upload);
    answer(take(SILT_OP_MPU_PART), SILT_STORE_OK);
    CU_ASSERT_EQUAL(staged, 1);
    silt_upload_release(upload, false);
}

static void an_expired_upload_is_told_as_such(void)
{
    struct silt_upload *upload = begin(1);
    on_failure = RELEASE; /* in the middle of the reply */
    add_n(upload, 100);
    answer(take(SILT_OP_MPU_CREATE), SILT_STORE_OK);
    answer(take(SILT_OP_MPU_PART), SILT_STORE_NO_UPLOAD);
    CU_ASSERT_EQUAL(failed, 1);
    CU_ASSERT_EQUAL(silt_budget_used(&budget), 0);
    answer(take(SILT_OP_MPU_ABORT), SILT_STORE_NO_UPLOAD);
}

static void release_before_anything_was_asked_frees_at_once(void)
{
    struct silt_upload *upload = begin(1);
    add_n(upload, 60);
    silt_upload_release(upload, true);
    CU_ASSERT_EQUAL(asked_n, 0);
    CU_ASSERT_EQUAL(silt_budget_used(&budget), 0);
    silt_upload_release(NULL, true);
}

static void release_while_creating_waits_and_aborts_what_was_created(void)
{
    struct silt_upload *upload = begin(1);
    add_n(upload, 100);
    silt_upload_release(upload, true);
    CU_ASSERT_EQUAL(silt_budget_used(&budget), 0);
    CU_ASSERT_PTR_NULL(take(SILT_OP_MPU_ABORT));
    answer(take(SILT_OP_MPU_CREATE), SILT_STORE_OK);
    CU_ASSERT_EQUAL(asked_n, 1);
    struct silt_store_req *abort = take(SILT_OP_MPU_ABORT);
    CU_ASSERT_STRING_EQUAL(abort->upload_id, "id7");
    answer(abort, SILT_STORE_OK);

    upload = begin(1);
    add_n(upload, 100);
    silt_upload_release(upload, true);
    answer(take(SILT_OP_MPU_CREATE), SILT_STORE_DOUBT);
    CU_ASSERT_EQUAL(asked_n, 0);
    CU_ASSERT_EQUAL(failed, 0);
}

static void an_abort_waits_for_the_parts_in_flight(void)
{
    struct silt_upload *upload = begin(2);
    add_n(upload, 100);
    add_n(upload, 100);
    add_n(upload, 100);
    answer(take(SILT_OP_MPU_CREATE), SILT_STORE_OK);
    silt_upload_release(upload, true);
    CU_ASSERT_EQUAL(silt_budget_used(&budget), 200);
    answer(take(SILT_OP_MPU_PART), SILT_STORE_OK);
    CU_ASSERT_PTR_NULL(take(SILT_OP_MPU_ABORT));
    answer(take(SILT_OP_MPU_PART), SILT_STORE_DOUBT);
    CU_ASSERT_EQUAL(silt_budget_used(&budget), 0);
    answer(take(SILT_OP_MPU_ABORT), SILT_STORE_STOPPED);
    CU_ASSERT_EQUAL(staged + failed, 0);
}

static void a_store_that_was_stopped_is_asked_nothing_more(void)
{
    struct silt_upload *upload = begin(1);
    add_n(upload, 100);
    answer(take(SILT_OP_MPU_CREATE), SILT_STORE_OK);
    silt_upload_release(upload, true);
    answer(take(SILT_OP_MPU_PART), SILT_STORE_STOPPED);
    CU_ASSERT_EQUAL(asked_n, 0);
    CU_ASSERT_EQUAL(silt_budget_used(&budget), 0);
}

static void without_leave_to_abort_it_is_left_at_the_store(void)
{
    struct silt_upload *upload = begin(1);
    add_n(upload, 100);
    answer(take(SILT_OP_MPU_CREATE), SILT_STORE_OK);
    silt_upload_release(upload, false);
    answer(take(SILT_OP_MPU_PART), SILT_STORE_OK);
    CU_ASSERT_EQUAL(asked_n, 0);
}

SILT_TESTS("upload", {"stages blocks as parts", stages_blocks_as_parts},
           {"many small blocks make one part", many_small_blocks_make_one_part},
           {"many parts keep their numbers", many_parts_keep_their_numbers},
           {"a failed part keeps its bytes and is sent again",
            a_failed_part_keeps_its_bytes_and_is_sent_again},
           {"creating may be tried again from within the event",
            creating_may_be_tried_again_from_within_the_event},
           {"an expired upload is told as such", an_expired_upload_is_told_as_such},
           {"release before anything was asked frees at once",
            release_before_anything_was_asked_frees_at_once},
           {"release while creating waits and aborts what was created",
            release_while_creating_waits_and_aborts_what_was_created},
           {"an abort waits for the parts in flight", an_abort_waits_for_the_parts_in_flight},
           {"a store that was stopped is asked nothing more",
            a_store_that_was_stopped_is_asked_nothing_more},
           {"without leave to abort it is left at the store",
            without_leave_to_abort_it_is_left_at_the_store})
