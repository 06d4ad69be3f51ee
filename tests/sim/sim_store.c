/* The simulated S3. A request is a wire: it is carried out at one moment (or never, or twice) and
 * answered at another (or by a timeout), whatever has become of its sender meanwhile. */
#include "sim.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "store/store_int.h"

#include <stdlib.h>
#include <string.h>

#define WIRES_MAX 512u
#define OBJECTS_MAX 2048u
#define UPLOADS_MAX 8192u
#define NEVER INT64_MAX
#define TIMEOUT_MS (10 * SECOND_MS)
#define LATE_MAX_MS (30 * MINUTE_MS)

struct wire {
    struct sim_proc *proc;
    struct silt_store_req *req;  /* NULL: nobody waits */
    struct silt_store_req asked; /* with texts and bodies of its own */
    struct silt_slice body;
    int64_t apply_ms;        /* NEVER: not, or done */
    int64_t answer_ms;       /* NEVER: not before it is carried out */
    int64_t answer_after_ms; /* … and so long after that */
    int64_t dead_before_ms;  /* of a PUT: when those before it could land no more */
    bool twice;
    bool forced; /* the outcome is this one, whatever was done */
    enum silt_store_outcome outcome;
    bool done;
    /* what was found */
    struct sim_object *object;
    struct sim_upload *upload;
    struct silt_store_part *parts;
    unsigned parts_n;
    char etag[80];
    char **keys;
    struct sim_upload **uploads;
    unsigned keys_n;
    bool truncated;
};

static struct {
    struct wire *wires[WIRES_MAX];
    unsigned wires_n;
    struct sim_object *objects[OBJECTS_MAX];
    uint64_t object_hashes[OBJECTS_MAX];
    unsigned objects_n;
    struct sim_upload *uploads[UPLOADS_MAX];
    unsigned uploads_n;
    int64_t outage_until_ms;
    unsigned writes; /* tells ETags apart */
    unsigned changes;
    unsigned page_max;
} s3;

void sim_store_begin(void)
{
    memset(&s3, 0, sizeof s3);
    s3.page_max = sim_chance(500) ? 1000 : 1 + sim_below(4);
}

unsigned sim_store_changes(void)
{
    return s3.changes;
}

/* ---- what is kept ---- */

static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(1469598103934665603);
    for (; *text; text++) hash = (hash ^ (uint8_t)*text) * UINT64_C(1099511628211);
    return hash;
}

struct sim_object *sim_store_find(const char *key)
{
    uint64_t hash = hash_of(key);
    for (unsigned i = 0; i < s3.objects_n; i++)
        if (s3.object_hashes[i] == hash && strcmp(s3.objects[i]->key, key) == 0)
            return s3.objects[i];
    return NULL;
}

struct sim_upload *sim_store_upload(const char *id)
{
    for (unsigned i = 0; i < s3.uploads_n; i++)
        if (strcmp(s3.uploads[i]->id, id) == 0) return s3.uploads[i];
    return NULL;
}

struct sim_upload *sim_store_uploads(unsigned i)
{
    return i < s3.uploads_n ? s3.uploads[i] : NULL;
}

static struct sim_object *add_object(const char *key, const uint8_t *body, size_t len)
{
    s3.changes++;
    SILT_ASSERT(s3.objects_n < OBJECTS_MAX);
    struct sim_object *object = sim_take(sizeof *object);
    *object = (struct sim_object){.key = key,
                                  .body = body,
                                  .len = len,
                                  .crc32c = silt_crc32c(0, body, len),
                                  .at_ms = world.now_ms};
    s3.object_hashes[s3.objects_n] = hash_of(key);
    s3.objects[s3.objects_n++] = object;
    return object;
}

/* ---- carrying out ---- */

static enum silt_store_outcome put_new(struct wire *wire)
{
    int64_t age = sim_wall_ms() - wire->asked.date_ms;
    if (age > SIM_A6_MS || age < -SIM_A6_MS) return SILT_STORE_SKEWED;
    struct sim_object *object = sim_store_find(wire->asked.key);
    if (object && !object->deleted) return SILT_STORE_EXISTS;
    add_object(wire->asked.key, wire->body.ptr, wire->body.len);
    sim_trace("store has %s", wire->asked.key);
    sim_oracle_put(wire->asked.key, wire->body);
    return SILT_STORE_OK;
}

static enum silt_store_outcome look(struct wire *wire)
{
    wire->object = sim_store_find(wire->asked.key);
    return wire->object && !wire->object->deleted ? SILT_STORE_OK : SILT_STORE_NOT_FOUND;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum silt_store_outcome list(struct wire *wire)
{
    const char *after = wire->asked.start_after ? wire->asked.start_after : "";
    size_t prefix_len = strlen(wire->asked.key);
    wire->keys = sim_take((s3.objects_n + 1) * sizeof *wire->keys);
    for (unsigned i = 0; i < s3.objects_n; i++) {
        const char *key = s3.objects[i]->key;
        bool fits = strncmp(key, wire->asked.key, prefix_len) == 0 && strcmp(key, after) > 0;
        if (fits && !s3.objects[i]->deleted) wire->keys[wire->keys_n++] = sim_text(key);
    }
    qsort(wire->keys, wire->keys_n, sizeof *wire->keys, by_text);
    wire->truncated = wire->keys_n > s3.page_max;
    if (wire->truncated) wire->keys_n = s3.page_max;
    return SILT_STORE_OK;
}

static enum silt_store_outcome create(struct wire *wire)
{
    s3.changes++;
    SILT_ASSERT(s3.uploads_n < UPLOADS_MAX);
    struct sim_upload *upload = sim_take(sizeof *upload);
    *upload = (struct sim_upload){.key = wire->asked.key,
                                  .token = wire->asked.token,
                                  .created_ms = world.now_ms,
                                  .parts = sim_take(SIM_FILE_PARTS_MAX * sizeof *upload->parts),
                                  .bodies = sim_take(SIM_FILE_PARTS_MAX * sizeof *upload->bodies)};
    snprintf(upload->id, sizeof upload->id, "u%u", s3.uploads_n);
    s3.uploads[s3.uploads_n++] = upload;
    wire->upload = upload;
    return SILT_STORE_OK;
}

static struct sim_upload *find_open(const struct wire *wire)
{
    struct sim_upload *upload = sim_store_upload(wire->asked.upload_id);
    return upload && upload->state == SIM_OPEN ? upload : NULL;
}

static enum silt_store_outcome put_part(struct wire *wire)
{
    struct sim_upload *upload = find_open(wire);
    unsigned n = wire->asked.part_number;
    if (!upload) return SILT_STORE_NO_UPLOAD;
    SILT_ASSERT(n >= 1 && n <= SIM_FILE_PARTS_MAX);
    uint32_t crc = silt_crc32c(0, wire->body.ptr, wire->body.len);
    if (crc != wire->asked.crc32c) return SILT_STORE_BAD_DIGEST;
    bool again = upload->bodies[n - 1] != NULL;
    struct silt_store_part *part = &upload->parts[n - 1];
    *part = (struct silt_store_part){.n = n, .size = (int64_t)wire->body.len, .crc32c = crc};
    unsigned nonce = again && sim_fault(SIM_STORE_ETAGS) ? ++s3.writes : 0;
    snprintf(part->etag, sizeof part->etag, "\"%08x-%u\"", crc, nonce);
    upload->bodies[n - 1] = wire->body.ptr;
    if (n > upload->parts_n) upload->parts_n = n;
    memcpy(wire->etag, part->etag, sizeof wire->etag);
    return SILT_STORE_OK;
}

static void join_parts(struct sim_upload *upload, unsigned parts_n)
{
    size_t len = 0;
    for (unsigned i = 0; i < parts_n; i++) len += (size_t)upload->parts[i].size;
    uint8_t *body = sim_take(len + 1);
    size_t at = 0;
    for (unsigned i = 0; i < parts_n; i++) {
        memcpy(body + at, upload->bodies[i], (size_t)upload->parts[i].size);
        at += (size_t)upload->parts[i].size;
    }
    struct sim_object *object = add_object(upload->key, body, len);
    object->token = upload->token;
    upload->state = SIM_COMPLETED;
    sim_trace("store has %s", upload->key);
    sim_oracle_completed(upload, object);
}

static enum silt_store_outcome complete(struct wire *wire)
{
    struct sim_upload *upload = sim_store_upload(wire->asked.upload_id);
    if (upload && upload->state == SIM_COMPLETED && sim_chance(500)) return SILT_STORE_OK;
    if (!upload || upload->state != SIM_OPEN) return SILT_STORE_NO_UPLOAD;
    if (wire->asked.parts_n > upload->parts_n) return SILT_STORE_INVALID_PART;
    for (unsigned i = 0; i < wire->asked.parts_n; i++)
        if (strcmp(wire->asked.parts[i].etag, upload->parts[i].etag) != 0)
            return SILT_STORE_INVALID_PART;
    join_parts(upload, wire->asked.parts_n);
    return SILT_STORE_OK;
}

static enum silt_store_outcome abort_upload(struct wire *wire)
{
    struct sim_upload *upload = find_open(wire);
    if (!upload) return SILT_STORE_NO_UPLOAD;
    sim_store_abort_now(upload);
    return SILT_STORE_OK;
}

static enum silt_store_outcome list_parts(struct wire *wire)
{
    struct sim_upload *upload = find_open(wire);
    if (!upload) return SILT_STORE_NO_UPLOAD;
    wire->parts_n = upload->parts_n;
    wire->parts = sim_take(upload->parts_n * sizeof *wire->parts + 1);
    memcpy(wire->parts, upload->parts, upload->parts_n * sizeof *wire->parts);
    return SILT_STORE_OK;
}

static enum silt_store_outcome list_uploads(struct wire *wire)
{
    size_t prefix_len = strlen(wire->asked.key);
    wire->uploads = sim_take((s3.uploads_n + 1) * sizeof(struct sim_upload *));
    for (unsigned i = 0; i < s3.uploads_n; i++) {
        struct sim_upload *upload = s3.uploads[i];
        if (upload->state == SIM_OPEN && strncmp(upload->key, wire->asked.key, prefix_len) == 0)
            wire->uploads[wire->keys_n++] = upload;
    }
    return SILT_STORE_OK;
}

static enum silt_store_outcome carry_out(struct wire *wire)
{
    wire->keys_n = 0;
    switch (wire->asked.op) {
    case SILT_OP_PUT_NEW: return put_new(wire);
    case SILT_OP_GET:
    case SILT_OP_HEAD: return look(wire);
    case SILT_OP_LIST: return list(wire);
    case SILT_OP_MPU_CREATE: return create(wire);
    case SILT_OP_MPU_PART: return put_part(wire);
    case SILT_OP_MPU_COMPLETE: return complete(wire);
    case SILT_OP_MPU_ABORT: return abort_upload(wire);
    case SILT_OP_MPU_PARTS: return list_parts(wire);
    case SILT_OP_MPU_LIST: return list_uploads(wire);
    case SILT_OP_LIFECYCLE:
    case SILT_OPS_N: break;
    }
    return SILT_STORE_REFUSED;
}

/* ---- answering ---- */

static void fill_keys(const struct wire *wire, struct silt_store_req *req)
{
    req->objects_n = wire->keys_n;
    req->objects = silt_calloc(wire->keys_n, sizeof *req->objects);
    req->truncated = wire->truncated;
    for (unsigned i = 0; i < wire->keys_n; i++) {
        struct silt_store_object *object = &req->objects[i];
        object->size = -1;
        object->key = silt_strdup(wire->uploads ? wire->uploads[i]->key : wire->keys[i]);
        if (wire->uploads) object->upload_id = silt_strdup(wire->uploads[i]->id);
        if (wire->uploads) object->initiated_ms = SIM_EPOCH_MS + wire->uploads[i]->created_ms;
    }
}

static void fill_object(const struct wire *wire, struct silt_store_req *req)
{
    const struct sim_object *object = wire->object;
    req->delete_marker = object && object->deleted;
    if (wire->outcome != SILT_STORE_OK) return;
    req->size = (int64_t)object->len;
    if (object->token) snprintf(req->ret_token, sizeof req->ret_token, "%s", object->token);
    if (req->op == SILT_OP_HEAD) return;
    silt_buf_init(&req->ret_body, SILT_BUF_MAX_DEFAULT);
    bool fits =
        object->len <= req->body_max && silt_buf_append(&req->ret_body, object->body, object->len);
    SILT_ASSERT(fits);
}

static void fill_answer(const struct wire *wire, struct silt_store_req *req)
{
    req->outcome = wire->outcome;
    req->attempts = 1;
    req->server_time_ms = sim_wall_ms();
    if (req->op == SILT_OP_GET || req->op == SILT_OP_HEAD) fill_object(wire, req);
    if (wire->outcome != SILT_STORE_OK) return;
    if (req->op == SILT_OP_LIST || req->op == SILT_OP_MPU_LIST) fill_keys(wire, req);
    if (req->op == SILT_OP_MPU_CREATE) req->ret_upload_id = silt_strdup(wire->upload->id);
    memcpy(req->etag, wire->etag, sizeof req->etag);
    req->ret_parts_n = wire->parts_n;
    if (wire->parts) req->ret_parts = silt_memdup(wire->parts, wire->parts_n * sizeof *wire->parts);
}

static void answer(struct wire *wire)
{
    struct silt_store_req *req = wire->req;
    struct sim_proc *before = sim_current;
    wire->answer_ms = NEVER;
    wire->done = true;
    if (!req) return;
    wire->req = NULL;
    sim_current = wire->proc;
    sim_trace("%s %s: %s", silt_store_op_name(req->op), req->key,
              silt_store_outcome_name(wire->outcome));
    if (req->op == SILT_OP_PUT_NEW && wire->outcome == SILT_STORE_SKEWED)
        sim_oracle_refused(wire->body, wire->dead_before_ms);
    fill_answer(wire, req);
    silt_store_deliver(req);
    sim_current = before;
}

/* ---- wires ---- */

static void remove_wire(unsigned i)
{
    s3.wires[i] = s3.wires[--s3.wires_n];
}

static int64_t due_ms(const struct wire *wire)
{
    return wire->apply_ms < wire->answer_ms ? wire->apply_ms : wire->answer_ms;
}

static void apply(struct wire *wire)
{
    struct sim_proc *before = sim_current;
    sim_current = NULL; /* what the oracle takes is no worker's */
    wire->apply_ms = NEVER;
    enum silt_store_outcome outcome = carry_out(wire);
    if (wire->twice) outcome = carry_out(wire);
    if (!wire->forced) wire->outcome = outcome;
    if (wire->answer_ms == NEVER && wire->req)
        wire->answer_ms = world.now_ms + wire->answer_after_ms;
    sim_current = before;
}

static void step(struct wire *wire)
{
    if (wire->apply_ms <= wire->answer_ms)
        apply(wire);
    else
        answer(wire);
}

static void drop_finished(void)
{
    for (unsigned i = 0; i < s3.wires_n;) {
        if (due_ms(s3.wires[i]) == NEVER)
            remove_wire(i);
        else
            i++;
    }
}

static struct wire *pick_due(void)
{
    struct wire *picked = NULL;
    unsigned n = 0;
    for (unsigned i = 0; i < s3.wires_n; i++)
        if (due_ms(s3.wires[i]) <= world.now_ms && sim_below(++n) == 0) picked = s3.wires[i];
    return picked;
}

int64_t sim_store_next_ms(void)
{
    int64_t next = NEVER;
    for (unsigned i = 0; i < s3.wires_n; i++)
        if (due_ms(s3.wires[i]) < next) next = due_ms(s3.wires[i]);
    return next;
}

void sim_store_event(void)
{
    struct wire *wire = pick_due();
    if (!wire) return;
    step(wire);
    drop_finished();
}

static const char *copy_text(const char *text)
{
    return text ? sim_text(text) : NULL;
}

static struct wire *copy_request(struct sim_proc *proc, struct silt_store_req *req)
{
    struct wire *wire = sim_take(sizeof *wire);
    *wire = (struct wire){.proc = proc, .req = req, .asked = *req};
    struct silt_store_req *asked = &wire->asked;
    asked->key = copy_text(req->key);
    asked->start_after = copy_text(req->start_after);
    asked->upload_id = copy_text(req->upload_id);
    asked->token = copy_text(req->token);
    if (!req->date_ms) asked->date_ms = sim_wall_ms(); /* the real store corrects its own dates */
    size_t len = 0;
    for (unsigned i = 0; i < req->body_n; i++) len += req->body[i].len;
    uint8_t *body = sim_take(len + 1);
    wire->body = silt_slice_of(body, len);
    for (unsigned i = 0; i < req->body_n; i++) {
        memcpy(body, req->body[i].ptr, req->body[i].len);
        body += req->body[i].len;
    }
    struct silt_store_part *parts = sim_take(req->parts_n * sizeof *parts + 1);
    if (req->parts_n) memcpy(parts, req->parts, req->parts_n * sizeof *parts);
    asked->parts = parts;
    return wire;
}

static void force(struct wire *wire, enum silt_store_outcome outcome, int64_t answer_ms)
{
    wire->forced = true;
    wire->outcome = outcome;
    wire->answer_ms = answer_ms;
}

/* Not carried out. */
static void refuse(struct wire *wire, enum silt_store_outcome outcome, int64_t answer_ms)
{
    force(wire, outcome, answer_ms);
    wire->apply_ms = NEVER;
}

static void add_wire(struct wire *wire)
{
    SILT_ASSERT(s3.wires_n < WIRES_MAX);
    s3.wires[s3.wires_n++] = wire;
}

static void add_ghost(const struct wire *wire)
{
    struct wire *ghost = sim_take(sizeof *ghost);
    *ghost = *wire;
    ghost->req = NULL;
    ghost->apply_ms =
        world.now_ms + (sim_chance(500) ? sim_between(1, 5000) : sim_between(1, LATE_MAX_MS));
    ghost->answer_ms = NEVER;
    add_wire(ghost);
}

static void draw_fate(struct wire *wire)
{
    int64_t soon = world.now_ms + sim_between(1, sim_chance(50) ? 2000 : 30);
    bool conditional = wire->asked.op == SILT_OP_PUT_NEW;
    wire->apply_ms = soon;
    wire->answer_ms = NEVER;
    wire->answer_after_ms = sim_between(0, sim_chance(50) ? 2000 : 20);
    if (world.now_ms < s3.outage_until_ms && !world.calm) {
        refuse(wire, SILT_STORE_DOUBT, world.now_ms + TIMEOUT_MS);
        return;
    }
    if (sim_fault(SIM_STORE_LOST)) refuse(wire, SILT_STORE_DOUBT, world.now_ms + TIMEOUT_MS);
    if (sim_fault(SIM_STORE_DOUBT)) refuse(wire, SILT_STORE_DOUBT, soon);
    if (sim_fault(SIM_STORE_THROTTLED)) refuse(wire, SILT_STORE_THROTTLED, soon);
    if (sim_fault(SIM_STORE_DENIED)) refuse(wire, SILT_STORE_DENIED, soon);
    if (conditional && sim_fault(SIM_STORE_CONFLICT)) refuse(wire, SILT_STORE_CONFLICT, soon);
    if (wire->forced) return;
    if (sim_fault(SIM_STORE_UNANSWERED)) {
        int64_t after = sim_chance(500) ? TIMEOUT_MS : sim_between(0, 100);
        force(wire, SILT_STORE_DOUBT, soon + after);
    }
    if (sim_fault(SIM_STORE_LATE)) {
        force(wire, SILT_STORE_DOUBT, world.now_ms + TIMEOUT_MS);
        wire->apply_ms = world.now_ms + sim_between(TIMEOUT_MS, LATE_MAX_MS);
    }
    wire->twice = sim_fault(SIM_STORE_TWICE);
    if (sim_fault(SIM_STORE_GHOST)) add_ghost(wire);
}

/* silt_store_call: the caller stands still until it is answered. */
static void wait_for(struct wire *wire)
{
    while (!wire->done) {
        int64_t due = due_ms(wire);
        sim_others(due > world.now_ms ? due - world.now_ms : 1);
        if (!wire->done && due_ms(wire) <= world.now_ms) step(wire);
    }
    drop_finished();
}

static void submit(struct silt_store *store, struct silt_store_req *req)
{
    struct sim_proc *proc = (struct sim_proc *)store;
    if (req->op == SILT_OP_PUT_NEW) sim_oracle_dated(req->key, req->body[0]);
    sim_seam(); /* before it leaves */
    struct wire *wire = copy_request(proc, req);
    sim_trace("asks %s %s", silt_store_op_name(req->op), req->key);
    draw_fate(wire);
    add_wire(wire);
    if (req->op == SILT_OP_PUT_NEW)
        wire->dead_before_ms =
            sim_oracle_sent(wire->body, wire->asked.date_ms - SIM_EPOCH_MS + SIM_A6_MS);
    sim_seam(); /* on its way */
    if (!req->reply_to) wait_for(wire);
}

static void free_store(struct silt_store *store)
{
    (void)store; /* belongs to the process */
}

const struct silt_store_vtable sim_store_vtable = {.submit = submit, .free = free_store};

/* Of what was on its way some leaves the dead host, some does not. */
void sim_store_forget(const struct sim_proc *proc)
{
    for (unsigned i = 0; i < s3.wires_n; i++) {
        struct wire *wire = s3.wires[i];
        if (wire->proc != proc || !wire->req) continue;
        wire->req = NULL;
        wire->done = true;
        wire->answer_ms = NEVER;
        if (sim_chance(300)) wire->apply_ms = NEVER;
    }
    drop_finished();
}

void sim_store_stop(struct sim_proc *proc)
{
    for (unsigned i = 0; i < s3.wires_n; i++) {
        struct wire *wire = s3.wires[i];
        if (wire->proc != proc || !wire->req) continue;
        wire->outcome = SILT_STORE_STOPPED;
        answer(wire);
    }
    drop_finished();
}

/* ---- what happens to the store by itself ---- */

void sim_store_abort_now(struct sim_upload *upload)
{
    upload->state = SIM_ABORTED;
    sim_trace("upload %s of %s is aborted", upload->id, upload->key);
    sim_oracle_aborted(upload);
}

void sim_store_expire(struct sim_upload *upload)
{
    upload->state = SIM_EXPIRED;
    sim_trace("upload %s of %s expires", upload->id, upload->key);
}

static void expire_old(void)
{
    for (unsigned i = 0; i < s3.uploads_n; i++) {
        struct sim_upload *upload = s3.uploads[i];
        if (upload->state != SIM_OPEN || world.now_ms - upload->created_ms < world.lifecycle_ms)
            continue;
        if (sim_fault(SIM_STORE_LIFECYCLE)) sim_store_expire(upload);
    }
}

static void delete_something(void)
{
    unsigned i = sim_below(s3.objects_n);
    struct sim_object *object = s3.objects[i];
    bool is_manifest = strncmp(object->key, "_log/", 5) == 0;
    if (is_manifest != (world.plan.bug == SIM_B9)) return;
    sim_trace("somebody deletes %s", object->key);
    object->deleted = true;
    if (!is_manifest) return;
    object->key = ""; /* without versions it leaves nothing behind */
    s3.object_hashes[i] = 0;
}

void sim_store_fault(void)
{
    if (sim_fault(SIM_STORE_OUTAGE))
        s3.outage_until_ms = world.now_ms + sim_between(1, SECOND_MS << sim_below(13));
    expire_old();
    if (s3.uploads_n && sim_fault(SIM_STORE_EXPIRY)) {
        struct sim_upload *upload = s3.uploads[sim_below(s3.uploads_n)];
        if (upload->state == SIM_OPEN) sim_store_expire(upload);
    }
    if (s3.objects_n && sim_fault(SIM_STORE_DELETED)) delete_something();
}

/* ---- seeded bugs ---- */

void sim_store_complete_later(struct sim_upload *upload, const struct silt_manifest_file *file)
{
    struct wire *wire = sim_take(sizeof *wire);
    *wire = (struct wire){.apply_ms = world.now_ms + sim_between(1, 20000), .answer_ms = NEVER};
    wire->asked = (struct silt_store_req){.op = SILT_OP_MPU_COMPLETE,
                                          .key = upload->key,
                                          .upload_id = upload->id,
                                          .parts_n = file->parts_n};
    wire->asked.parts = memcpy(sim_take(file->parts_n * sizeof *file->parts + 1), file->parts,
                               file->parts_n * sizeof *file->parts);
    add_wire(wire);
}

void sim_store_complete_now(const struct silt_manifest_file *file)
{
    struct sim_upload *upload = sim_store_upload(file->upload_id);
    if (upload && upload->state == SIM_OPEN) join_parts(upload, file->parts_n);
}
