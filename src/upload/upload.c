#include "upload/upload.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"

#define TOKEN_DIGITS 32

enum part_state { PART_WAITING, PART_FLYING, PART_FAILED, PART_ANSWERED };

/* A part is a list of blocks that go out as they are. Its request needs an address that stays. */
struct part {
    struct silt_upload *upload;
    enum part_state state;
    unsigned n;
    struct silt_slice *blocks; /* owned bytes */
    unsigned blocks_n;
    unsigned blocks_cap;
    int64_t bytes;
    uint32_t crc32c;
    struct silt_store_req req;
};

struct silt_upload {
    struct silt_upload_opts opts;
    char *key;
    char token[TOKEN_DIGITS + 1];
    char *id; /* NULL until it was created */
    struct silt_mpu mpu;
    struct part *filling;            /* NULL between parts */
    struct part **parts;             /* those that were cut; parts[n - 1] */
    struct silt_store_part *answers; /* same order */
    unsigned parts_cap;
    int64_t size;
    uint32_t crc32c;
    int64_t created_ms;
    unsigned flying;               /* requests at the store, whatever their kind */
    struct silt_store_req control; /* create, later abort */
    struct silt_store_req failure; /* plain values of the last failed answer, owns nothing */
    bool released;
    bool abort;
};

struct silt_upload *silt_upload_new(const struct silt_upload_opts *opts)
{
    struct silt_upload *upload = SILT_NEW(struct silt_upload);
    upload->opts = *opts;
    upload->key = silt_strdup(opts->key);
    upload->opts.key = upload->key;
    silt_random_hex(upload->token, TOKEN_DIGITS);
    silt_mpu_init(&upload->mpu, opts->part_size, opts->parallel);
    return upload;
}

static void drop_bytes(struct silt_upload *upload, struct part *part)
{
    for (unsigned i = 0; i < part->blocks_n; i++) silt_free((void *)(uintptr_t)part->blocks[i].ptr);
    silt_free(part->blocks);
    part->blocks = NULL;
    part->blocks_n = 0;
    silt_budget_give(upload->opts.budget, part->bytes);
    part->bytes = 0;
}

static void part_free(struct silt_upload *upload, struct part *part)
{
    if (!part) return;
    drop_bytes(upload, part);
    silt_store_req_done(&part->req);
    silt_free(part);
}

static void upload_free(struct silt_upload *upload)
{
    part_free(upload, upload->filling);
    for (unsigned i = 0; i < upload->mpu.cut; i++) part_free(upload, upload->parts[i]);
    silt_store_req_done(&upload->control);
    silt_free(upload->parts);
    silt_free(upload->answers);
    silt_free(upload->id);
    silt_free(upload->key);
    silt_free(upload);
}

static void submit(struct silt_upload *upload, struct silt_store_req *req)
{
    upload->flying++;
    silt_store_submit(upload->opts.store, req);
}

static void abort_answered(struct silt_store_req *req)
{
    struct silt_upload *upload = req->ctx;
    upload->flying--;
    upload_free(upload);
}

static void send_abort(struct silt_upload *upload)
{
    silt_store_req_done(&upload->control);
    upload->control = (struct silt_store_req){
        .op = SILT_OP_MPU_ABORT,
        .key = upload->key,
        .upload_id = upload->id,
        .reply_to = upload->opts.inbox,
        .on_reply = abort_answered,
        .ctx = upload,
    };
    submit(upload, &upload->control);
}

/* A request has come back to an upload that was released. An abort is sent only behind the last: a
 * part that is in flight may land after an abort, and would stay. A store that was stopped takes
 * none any more. */
static void let_go(struct silt_upload *upload, enum silt_store_outcome outcome)
{
    if (outcome == SILT_STORE_STOPPED) upload->abort = false;
    if (upload->flying) return;
    if (upload->abort && upload->id) {
        send_abort(upload);
        return;
    }
    upload_free(upload);
}

static void act(struct silt_upload *upload, enum silt_mpu_event event);

static void note_failure(struct silt_upload *upload, const struct silt_store_req *req)
{
    upload->failure = *req;
    /* What the request owns or borrows does not outlive it. */
    upload->failure.ret_upload_id = NULL;
    upload->failure.ret_body = (struct silt_buf){0};
    upload->failure.objects = NULL;
    upload->failure.ret_parts = NULL;
    upload->failure.body = NULL;
    upload->failure.priv = NULL;
    act(upload, SILT_MPU_EV_FAIL);
}

static void create_answered(struct silt_store_req *req)
{
    struct silt_upload *upload = req->ctx;
    upload->flying--;
    bool created = req->outcome == SILT_STORE_OK;
    if (created) upload->id = silt_strdup(req->ret_upload_id);
    if (upload->released) {
        let_go(upload, req->outcome);
        return;
    }
    if (!created) {
        note_failure(upload, req);
        return;
    }
    act(upload, SILT_MPU_EV_CREATED);
}

static void send_create(struct silt_upload *upload)
{
    upload->created_ms = silt_wall_ms();
    silt_store_req_done(&upload->control);
    upload->control = (struct silt_store_req){
        .op = SILT_OP_MPU_CREATE,
        .key = upload->key,
        .token = upload->token,
        .reply_to = upload->opts.inbox,
        .on_reply = create_answered,
        .ctx = upload,
    };
    submit(upload, &upload->control);
}

static void part_stored(struct silt_upload *upload, struct part *part)
{
    struct silt_store_part *answer = &upload->answers[part->n - 1];
    memcpy(answer->etag, part->req.etag, sizeof answer->etag);
    part->state = PART_ANSWERED;
    drop_bytes(upload, part);
    act(upload, SILT_MPU_EV_PART_OK);
}

static void part_answered(struct silt_store_req *req)
{
    struct part *part = req->ctx;
    struct silt_upload *upload = part->upload;
    upload->flying--;
    if (upload->released) {
        drop_bytes(upload, part);
        let_go(upload, req->outcome);
        return;
    }
    if (req->outcome != SILT_STORE_OK) {
        part->state = PART_FAILED;
        note_failure(upload, req);
        return;
    }
    part_stored(upload, part);
}

static void send_part(struct silt_upload *upload, struct part *part)
{
    part->state = PART_FLYING;
    silt_store_req_done(&part->req);
    part->req = (struct silt_store_req){
        .op = SILT_OP_MPU_PART,
        .key = upload->key,
        .upload_id = upload->id,
        .part_number = part->n,
        .body = part->blocks,
        .body_n = part->blocks_n,
        .crc32c = part->crc32c,
        .reply_to = upload->opts.inbox,
        .on_reply = part_answered,
        .ctx = part,
    };
    submit(upload, &part->req);
}

/* The owner may release the upload in on_event: nothing touches it afterwards. */
static void act(struct silt_upload *upload, enum silt_mpu_event event)
{
    unsigned todo = silt_mpu_step(&upload->mpu, event);
    if (todo & SILT_MPU_DO_CREATE) send_create(upload);
    if (todo & SILT_MPU_DO_SEND) {
        for (unsigned n; (n = silt_mpu_next_send(&upload->mpu));)
            send_part(upload, upload->parts[n - 1]);
    }
    if (todo & SILT_MPU_DO_STAGED)
        upload->opts.on_event(upload->opts.ctx, upload, SILT_UPLOAD_STAGED);
    if (todo & SILT_MPU_DO_FAILED)
        upload->opts.on_event(upload->opts.ctx, upload, SILT_UPLOAD_FAILED);
}

static void cut_part(struct silt_upload *upload)
{
    struct part *part = upload->filling;
    if (upload->mpu.cut == upload->parts_cap) {
        upload->parts_cap = upload->parts_cap ? 2 * upload->parts_cap : 16;
        upload->parts = silt_realloc_array(upload->parts, upload->parts_cap, sizeof *upload->parts);
        upload->answers =
            silt_realloc_array(upload->answers, upload->parts_cap, sizeof *upload->answers);
    }
    upload->parts[part->n - 1] = part;
    upload->answers[part->n - 1] =
        (struct silt_store_part){.n = part->n, .size = part->bytes, .crc32c = part->crc32c};
    upload->filling = NULL;
    act(upload, SILT_MPU_EV_PART_CUT);
}

static struct part *filling_part(struct silt_upload *upload)
{
    if (!upload->filling) {
        upload->filling = SILT_NEW(struct part);
        upload->filling->upload = upload;
        upload->filling->n = upload->mpu.cut + 1;
    }
    return upload->filling;
}

void silt_upload_add(struct silt_upload *upload, struct silt_buf *block, uint32_t crc32c)
{
    SILT_ASSERT(!upload->released && !upload->mpu.finishing);
    struct part *part = filling_part(upload);
    if (part->blocks_n == part->blocks_cap) {
        part->blocks_cap = part->blocks_cap ? 2 * part->blocks_cap : 8;
        part->blocks = silt_realloc_array(part->blocks, part->blocks_cap, sizeof *part->blocks);
    }
    size_t len = 0;
    const uint8_t *bytes = silt_buf_take(block, &len);
    part->blocks[part->blocks_n++] = silt_slice_of(bytes, len);
    part->bytes += (int64_t)len;
    part->crc32c = silt_crc32c_combine(part->crc32c, crc32c, len);
    upload->crc32c = silt_crc32c_combine(upload->crc32c, crc32c, len);
    upload->size += (int64_t)len;
    if (part->bytes >= silt_mpu_part_target(upload->opts.part_size, part->n)) cut_part(upload);
}

void silt_upload_finish(struct silt_upload *upload)
{
    SILT_ASSERT(!upload->released && upload->size > 0);
    if (upload->filling) cut_part(upload);
    act(upload, SILT_MPU_EV_FINISH);
}

void silt_upload_retry(struct silt_upload *upload)
{
    SILT_ASSERT(!upload->released && upload->mpu.state == SILT_MPU_FAILED);
    for (unsigned i = 0; i < upload->mpu.sent; i++)
        if (upload->parts[i]->state == PART_FAILED) send_part(upload, upload->parts[i]);
    act(upload, SILT_MPU_EV_RETRY);
}

void silt_upload_release(struct silt_upload *upload, bool abort)
{
    if (!upload) return;
    SILT_ASSERT(!upload->released);
    upload->released = true;
    upload->abort = abort;
    part_free(upload, upload->filling);
    upload->filling = NULL;
    for (unsigned i = 0; i < upload->mpu.cut; i++)
        if (upload->parts[i]->state != PART_FLYING) drop_bytes(upload, upload->parts[i]);
    let_go(upload, SILT_STORE_OK);
}

const char *silt_upload_key(const struct silt_upload *upload)
{
    return upload->key;
}

const char *silt_upload_id(const struct silt_upload *upload)
{
    return upload->id ? upload->id : "";
}

const char *silt_upload_token(const struct silt_upload *upload)
{
    return upload->token;
}

int64_t silt_upload_size(const struct silt_upload *upload)
{
    return upload->size;
}

int64_t silt_upload_held(const struct silt_upload *upload)
{
    int64_t held = upload->filling ? upload->filling->bytes : 0;
    for (unsigned i = 0; i < upload->mpu.cut; i++) held += upload->parts[i]->bytes;
    return held;
}

uint32_t silt_upload_crc32c(const struct silt_upload *upload)
{
    return upload->crc32c;
}

const struct silt_store_part *silt_upload_parts(const struct silt_upload *upload,
                                                unsigned *ret_parts_n)
{
    *ret_parts_n = upload->mpu.cut;
    return upload->answers;
}

int64_t silt_upload_created_ms(const struct silt_upload *upload)
{
    return upload->created_ms;
}

const struct silt_store_req *silt_upload_failure(const struct silt_upload *upload)
{
    return &upload->failure;
}
