#include "memory_store.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "store/store_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void silt_memory_lock(struct silt_memory_store *mem)
{
    pthread_mutex_lock(&mem->lock);
}

void silt_memory_unlock(struct silt_memory_store *mem)
{
    pthread_mutex_unlock(&mem->lock);
}

static void answer(struct silt_memory_store *mem, struct silt_store_req *req,
                   enum silt_store_outcome outcome)
{
    req->outcome = outcome;
    req->attempts = 1;
    req->server_time_ms = mem->has_clock ? silt_wall_ms() + mem->skew_ms : 0;
    if (!req->reply_to) {
        req->on_reply(req);
        return;
    }
    if (!silt_queue_push(req->reply_to, req)) abort();
}

/* ---- by hand ---- */

struct silt_memory_object *silt_memory_find(struct silt_memory_store *mem, const char *key)
{
    for (unsigned i = 0; i < mem->objects_n; i++)
        if (strcmp(mem->objects[i].key, key) == 0) return &mem->objects[i];
    return NULL;
}

static void set_body(struct silt_memory_object *object, const void *bytes, size_t len)
{
    silt_free(object->body);
    object->body = silt_alloc(len + 1);
    memcpy(object->body, len ? bytes : "", len);
    object->len = len;
}

static struct silt_memory_object *add_object(struct silt_memory_store *mem, const char *key)
{
    mem->objects = silt_realloc_array(mem->objects, mem->objects_n + 1, sizeof *mem->objects);
    struct silt_memory_object *object = &mem->objects[mem->objects_n++];
    *object = (struct silt_memory_object){.key = silt_strdup(key)};
    return object;
}

void silt_memory_put(struct silt_memory_store *mem, const char *key, struct silt_slice body)
{
    silt_memory_lock(mem);
    struct silt_memory_object *object = silt_memory_find(mem, key);
    set_body(object ? object : add_object(mem, key), body.ptr, body.len);
    silt_memory_unlock(mem);
}

static void free_object(struct silt_memory_object *object)
{
    silt_free(object->key);
    silt_free(object->body);
}

void silt_memory_delete(struct silt_memory_store *mem, const char *key)
{
    struct silt_memory_object *object = silt_memory_find(mem, key);
    if (!object) return;
    free_object(object);
    *object = mem->objects[--mem->objects_n];
}

struct silt_memory_upload *silt_memory_find_upload(struct silt_memory_store *mem, const char *id)
{
    for (unsigned i = 0; i < mem->uploads_n; i++)
        if (strcmp(mem->uploads[i].id, id) == 0) return &mem->uploads[i];
    return NULL;
}

static struct silt_memory_upload *add_upload(struct silt_memory_store *mem, const char *key,
                                             const char *id, const char *token)
{
    mem->uploads = silt_realloc_array(mem->uploads, mem->uploads_n + 1, sizeof *mem->uploads);
    struct silt_memory_upload *upload = &mem->uploads[mem->uploads_n++];
    *upload =
        (struct silt_memory_upload){.key = silt_strdup(key), .id = silt_strdup(id), .open = true};
    snprintf(upload->token, sizeof upload->token, "%s", token ? token : "");
    return upload;
}

static void set_part(struct silt_memory_upload *upload, unsigned n, const char *bytes, size_t len)
{
    unsigned parts_n = n > upload->parts_n ? n : upload->parts_n;
    upload->parts = silt_realloc_array(upload->parts, parts_n, sizeof *upload->parts);
    upload->bodies = silt_realloc_array(upload->bodies, parts_n, sizeof *upload->bodies);
    for (; upload->parts_n < parts_n; upload->parts_n++) {
        upload->parts[upload->parts_n] = (struct silt_store_part){.n = upload->parts_n + 1};
        upload->bodies[upload->parts_n] = NULL;
    }
    struct silt_store_part *part = &upload->parts[n - 1];
    part->size = (int64_t)len;
    part->crc32c = silt_crc32c(0, bytes, len);
    snprintf(part->etag, sizeof part->etag, "\"etag-%u-%08x\"", n, part->crc32c);
    silt_free(upload->bodies[n - 1]);
    upload->bodies[n - 1] = silt_memdup(bytes, len); /* any bytes */
}

void silt_memory_stage(struct silt_memory_store *mem, const char *key, const char *id,
                       const char *token, const char *const *bodies, unsigned bodies_n)
{
    struct silt_memory_upload *upload = add_upload(mem, key, id, token);
    for (unsigned i = 0; i < bodies_n; i++) set_part(upload, i + 1, bodies[i], strlen(bodies[i]));
}

/* ---- objects ---- */

static void join_body(const struct silt_store_req *req, struct silt_buf *out)
{
    silt_buf_init(out, SILT_BUF_MAX_DEFAULT);
    for (unsigned i = 0; i < req->body_n; i++)
        if (!silt_buf_append(out, req->body[i].ptr, req->body[i].len)) abort();
}

static enum silt_store_outcome put_new(struct silt_memory_store *mem, struct silt_store_req *req)
{
    mem->last_date_ms = req->date_ms;
    if (mem->loses_puts) return SILT_STORE_OK;
    struct silt_memory_object *object = silt_memory_find(mem, req->key);
    if (object && object->puts >= mem->puts_per_key) return SILT_STORE_EXISTS;
    if (object && object->puts == 0) return SILT_STORE_EXISTS; /* put there by hand */
    bool keep = object && !mem->keeps_last_put;
    struct silt_buf body;
    join_body(req, &body);
    if (!object) object = add_object(mem, req->key);
    if (!keep) set_body(object, body.data, body.len);
    object->puts++;
    silt_buf_done(&body);
    return SILT_STORE_OK;
}

static enum silt_store_outcome read_object(struct silt_memory_store *mem,
                                           struct silt_store_req *req)
{
    const struct silt_memory_object *object = silt_memory_find(mem, req->key);
    silt_buf_init(&req->ret_body, SILT_BUF_MAX_DEFAULT);
    if (!object && mem->invents) {
        silt_buf_append_str(&req->ret_body, mem->invents);
        return SILT_STORE_OK;
    }
    req->delete_marker = object && object->delete_marker;
    if (!object || object->delete_marker)
        return mem->forbids_absent ? SILT_STORE_DENIED : SILT_STORE_NOT_FOUND;
    req->size = (int64_t)object->len;
    snprintf(req->ret_token, sizeof req->ret_token, "%s", object->token);
    if (req->op == SILT_OP_HEAD) return SILT_STORE_OK;
    if (object->len > req->body_max) return SILT_STORE_REFUSED;
    silt_buf_append(&req->ret_body, object->body, object->len);
    return SILT_STORE_OK;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct silt_store_object *)a)->key,
                  ((const struct silt_store_object *)b)->key);
}

static struct silt_store_object *add_listed(struct silt_store_req *req, const char *key)
{
    req->objects = silt_realloc_array(req->objects, req->objects_n + 1, sizeof *req->objects);
    struct silt_store_object *listed = &req->objects[req->objects_n++];
    *listed = (struct silt_store_object){.key = silt_strdup(key), .size = -1};
    return listed;
}

static enum silt_store_outcome list_objects(struct silt_memory_store *mem,
                                            struct silt_store_req *req)
{
    const char *after = req->start_after ? req->start_after : "";
    for (unsigned i = 0; i < mem->objects_n; i++) {
        const char *key = mem->objects[i].key;
        if (strncmp(key, req->key, strlen(req->key)) == 0 && strcmp(key, after) > 0)
            add_listed(req, key)->size = (int64_t)mem->objects[i].len;
    }
    if (req->objects_n) qsort(req->objects, req->objects_n, sizeof *req->objects, by_key);
    unsigned limit = mem->page_max ? mem->page_max : req->limit ? req->limit : 1000;
    req->truncated = req->objects_n > limit;
    while (req->objects_n > limit) silt_free(req->objects[--req->objects_n].key);
    return SILT_STORE_OK;
}

/* ---- uploads ---- */

static struct silt_memory_upload *find_open(struct silt_memory_store *mem,
                                            const struct silt_store_req *req)
{
    struct silt_memory_upload *upload = silt_memory_find_upload(mem, req->upload_id);
    return upload && upload->open && strcmp(upload->key, req->key) == 0 ? upload : NULL;
}

static enum silt_store_outcome create(struct silt_memory_store *mem, struct silt_store_req *req)
{
    req->ret_upload_id = silt_asprintf("upload-%u", mem->uploads_n);
    add_upload(mem, req->key, req->ret_upload_id, req->token);
    return SILT_STORE_OK;
}

static enum silt_store_outcome put_part(struct silt_memory_upload *upload,
                                        struct silt_store_req *req)
{
    struct silt_buf body;
    join_body(req, &body);
    set_part(upload, req->part_number, silt_buf_str(&body), body.len);
    silt_buf_done(&body);
    memcpy(req->etag, upload->parts[req->part_number - 1].etag, sizeof req->etag);
    return upload->parts[req->part_number - 1].crc32c == req->crc32c ? SILT_STORE_OK
                                                                     : SILT_STORE_BAD_DIGEST;
}

static enum silt_store_outcome complete(struct silt_memory_store *mem,
                                        struct silt_memory_upload *upload,
                                        const struct silt_store_req *req)
{
    if (req->parts_n > upload->parts_n) return SILT_STORE_INVALID_PART;
    for (unsigned i = 0; i < req->parts_n; i++)
        if (strcmp(req->parts[i].etag, upload->parts[i].etag) != 0) return SILT_STORE_INVALID_PART;
    struct silt_memory_object *object = add_object(mem, upload->key);
    struct silt_buf body;
    silt_buf_init(&body, SILT_BUF_MAX_DEFAULT);
    for (unsigned i = 0; i < req->parts_n; i++)
        silt_buf_append(&body, upload->bodies[i], (size_t)upload->parts[i].size);
    set_body(object, body.data, body.len);
    silt_buf_done(&body);
    memcpy(object->token, upload->token, sizeof object->token);
    upload->open = false;
    return SILT_STORE_OK;
}

static enum silt_store_outcome list_parts(const struct silt_memory_upload *upload,
                                          struct silt_store_req *req)
{
    req->ret_parts_n = upload->parts_n;
    req->ret_parts = silt_memdup(upload->parts, upload->parts_n * sizeof *upload->parts);
    return SILT_STORE_OK;
}

static enum silt_store_outcome list_uploads(struct silt_memory_store *mem,
                                            struct silt_store_req *req)
{
    size_t prefix_len = mem->lists_all_uploads ? 0 : strlen(req->key);
    for (unsigned i = 0; i < mem->uploads_n; i++)
        if (mem->uploads[i].open && strncmp(mem->uploads[i].key, req->key, prefix_len) == 0)
            add_listed(req, mem->uploads[i].key)->upload_id = silt_strdup(mem->uploads[i].id);
    return SILT_STORE_OK;
}

static enum silt_store_outcome on_upload(struct silt_memory_store *mem, struct silt_store_req *req)
{
    struct silt_memory_upload *upload = find_open(mem, req);
    if (!upload) return SILT_STORE_NO_UPLOAD;
    switch (req->op) {
    case SILT_OP_MPU_PART: return put_part(upload, req);
    case SILT_OP_MPU_COMPLETE: return complete(mem, upload, req);
    case SILT_OP_MPU_PARTS: return list_parts(upload, req);
    default: upload->open = false; return SILT_STORE_OK;
    }
}

/* ---- requests ---- */

static enum silt_store_outcome carry_out(struct silt_memory_store *mem, struct silt_store_req *req)
{
    switch (req->op) {
    case SILT_OP_PUT_NEW: return put_new(mem, req);
    case SILT_OP_GET:
    case SILT_OP_HEAD: return read_object(mem, req);
    case SILT_OP_LIST: return list_objects(mem, req);
    case SILT_OP_MPU_CREATE: return create(mem, req);
    case SILT_OP_MPU_LIST: return list_uploads(mem, req);
    case SILT_OP_LIFECYCLE:
        req->lifecycle_abort_days = mem->lifecycle_abort_days;
        req->lifecycle_expires_log = mem->lifecycle_expires_log;
        return SILT_STORE_OK;
    default: return on_upload(mem, req);
    }
}

static struct silt_memory_fault *find_fault(struct silt_memory_store *mem,
                                            const struct silt_store_req *req)
{
    for (unsigned i = 0; i < mem->faults_n; i++) {
        struct silt_memory_fault *fault = &mem->faults[i];
        if (fault->times && fault->op == req->op && strstr(req->key, fault->key_part)) return fault;
    }
    return NULL;
}

static void hold(struct silt_memory_store *mem, struct silt_store_req *req)
{
    if (mem->held_n == SILT_MEMORY_HELD_MAX) abort();
    mem->held[mem->held_n++] = req;
    if (mem->held_n > mem->open_max) mem->open_max = mem->held_n;
}

static void serve(struct silt_memory_store *mem, struct silt_store_req *req)
{
    struct silt_memory_fault *fault = find_fault(mem, req);
    mem->calls[req->op]++;
    if (!fault) {
        answer(mem, req, carry_out(mem, req));
        return;
    }
    fault->times--;
    if (fault->kind == SILT_FAULT_HELD) {
        hold(mem, req);
        return;
    }
    if (fault->kind == SILT_FAULT_ANSWERED) (void)carry_out(mem, req);
    answer(mem, req, fault->outcome);
}

static void submit(struct silt_store *store, struct silt_store_req *req)
{
    struct silt_memory_store *mem = (struct silt_memory_store *)store;
    silt_memory_lock(mem);
    serve(mem, req);
    silt_memory_unlock(mem);
}

void silt_memory_let_go(struct silt_memory_store *mem)
{
    silt_memory_lock(mem);
    unsigned n = mem->held_n;
    struct silt_store_req *held[SILT_MEMORY_HELD_MAX];
    memcpy(held, mem->held, sizeof held);
    mem->held_n = 0;
    for (unsigned i = 0; i < n; i++) answer(mem, held[i], carry_out(mem, held[i]));
    silt_memory_unlock(mem);
}

void silt_memory_add_fault(struct silt_memory_store *mem, const struct silt_memory_fault *fault)
{
    silt_memory_lock(mem);
    if (mem->faults_n == SILT_MEMORY_FAULTS_MAX) abort();
    mem->faults[mem->faults_n++] = *fault;
    silt_memory_unlock(mem);
}

void silt_memory_clear_faults(struct silt_memory_store *mem)
{
    silt_memory_lock(mem);
    mem->faults_n = 0;
    silt_memory_unlock(mem);
}

static void free_upload(struct silt_memory_upload *upload)
{
    for (unsigned i = 0; i < upload->parts_n; i++) silt_free(upload->bodies[i]);
    silt_free(upload->bodies);
    silt_free(upload->parts);
    silt_free(upload->key);
    silt_free(upload->id);
}

static void free_store(struct silt_store *store)
{
    struct silt_memory_store *mem = (struct silt_memory_store *)store;
    for (unsigned i = 0; i < mem->held_n; i++) answer(mem, mem->held[i], SILT_STORE_STOPPED);
    for (unsigned i = 0; i < mem->objects_n; i++) free_object(&mem->objects[i]);
    for (unsigned i = 0; i < mem->uploads_n; i++) free_upload(&mem->uploads[i]);
    silt_free(mem->objects);
    silt_free(mem->uploads);
    pthread_mutex_destroy(&mem->lock);
    silt_store_drop(&mem->store); /* frees it once the last answer was taken */
}

struct silt_memory_store *silt_memory_store_new(void)
{
    static const struct silt_store_vtable vtable = {.submit = submit, .free = free_store};
    struct silt_memory_store *mem = SILT_NEW(struct silt_memory_store);
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&mem->lock, &recursive);
    pthread_mutexattr_destroy(&recursive);
    mem->store.vtable = &vtable;
    mem->store.url = "memory://test";
    mem->puts_per_key = 1;
    return mem;
}
