#include "store/dir.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/thread.h"
#include "store/dir_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct dir {
    struct silt_store store;
    struct silt_dir_root root;
    char *url;
    pthread_t thread;
    struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct silt_store_req *first; /* linked through priv */
        struct silt_store_req *last;
        bool stop;
    } synced;
};

/* --- requests about one object --------------------------------------------------------------- */

static void put_new(const struct silt_dir_root *root, struct silt_store_req *req)
{
    char *temp = silt_dir_temp_path(root);
    if (silt_dir_write(temp, req->body, req->body_n))
        silt_dir_publish(root, temp, req->key, req);
    else
        silt_dir_fail_errno(req, "write object");
    unlink(temp);
    silt_free(temp);
}

static bool read_range(int fd, struct silt_store_req *req, off_t from, size_t len)
{
    silt_buf_init(&req->ret_body, req->body_max);
    uint8_t *to = silt_buf_reserve(&req->ret_body, len);
    while (len) {
        ssize_t n = pread(fd, to, len, from);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        req->ret_body.len += (size_t)n;
        to += n;
        from += n;
        len -= (size_t)n;
    }
    return true;
}

static void get_from(int fd, struct silt_store_req *req, int64_t size)
{
    int64_t from = req->range_last ? req->range_first : 0;
    int64_t end = req->range_last && req->range_last < size ? req->range_last + 1 : size;
    if (from >= end && size > 0)
        silt_dir_fail(req, SILT_STORE_REFUSED, "the object ends before byte %lld", (long long)from);
    else if ((uint64_t)(end - from) > req->body_max)
        silt_dir_fail(req, SILT_STORE_REFUSED, "the object is longer than %zu bytes",
                      req->body_max);
    else if (!read_range(fd, req, from, (size_t)(end - from)))
        silt_dir_fail_errno(req, "read object");
    req->size = (int64_t)req->ret_body.len;
}

/* GET and HEAD. */
static void look(const struct silt_dir_root *root, struct silt_store_req *req)
{
    char *path = silt_dir_path(root, "", req->key);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st = {0};
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        req->size = st.st_size;
        silt_dir_get_token(root, req->key, req->ret_token, sizeof req->ret_token);
        if (req->op == SILT_OP_GET) get_from(fd, req, st.st_size);
    } else if (fd >= 0 || errno == ENOENT || errno == ENOTDIR) {
        silt_dir_fail(req, SILT_STORE_NOT_FOUND, "no such object");
    } else {
        silt_dir_fail_errno(req, "open object");
    }
    if (fd >= 0) close(fd);
    silt_free(path);
}

static bool of_one_key(enum silt_store_op op)
{
    return op != SILT_OP_LIST && op != SILT_OP_MPU_LIST && op != SILT_OP_LIFECYCLE;
}

void silt_dir_do(const struct silt_dir_root *root, struct silt_store_req *req)
{
    req->outcome = SILT_STORE_OK;
    if (of_one_key(req->op) && !silt_dir_key_ok(req->key)) {
        silt_dir_fail(req, SILT_STORE_REFUSED,
                      "not a key: no empty component, none that begins with a dot");
        return;
    }
    switch (req->op) {
    case SILT_OP_PUT_NEW: put_new(root, req); break;
    case SILT_OP_GET:
    case SILT_OP_HEAD: look(root, req); break;
    case SILT_OP_LIST: silt_dir_list(root, req); break;
    case SILT_OP_MPU_CREATE:
    case SILT_OP_MPU_PART:
    case SILT_OP_MPU_COMPLETE:
    case SILT_OP_MPU_ABORT:
    case SILT_OP_MPU_PARTS:
    case SILT_OP_MPU_LIST: silt_dir_mpu(root, req); break;
    default:
        SILT_ASSERT(req->op == SILT_OP_LIFECYCLE);
        snprintf(req->text, sizeof req->text, "a directory has no lifecycle rules");
    }
}

/* --- the thread ------------------------------------------------------------------------------ */

static struct silt_store_req *next_synced(struct dir *dir)
{
    struct silt_store_req *req = dir->synced.first;
    if (!req) return NULL;
    dir->synced.first = req->priv;
    if (!dir->synced.first) dir->synced.last = NULL;
    return req;
}

/* @return NULL when the store is freed and nothing is left. */
static struct silt_store_req *next_req(struct dir *dir, bool *ret_stop)
{
    pthread_mutex_lock(&dir->synced.lock);
    while (!dir->synced.first && !dir->synced.stop)
        pthread_cond_wait(&dir->synced.changed, &dir->synced.lock);
    struct silt_store_req *req = next_synced(dir);
    *ret_stop = dir->synced.stop;
    pthread_mutex_unlock(&dir->synced.lock);
    return req;
}

static void *work(void *ctx)
{
    struct dir *dir = ctx;
    bool stop;
    for (struct silt_store_req *req; (req = next_req(dir, &stop));) {
        int64_t start_ns = silt_mono_ns();
        if (stop)
            silt_dir_fail(req, SILT_STORE_STOPPED, "the store was stopped");
        else
            silt_dir_do(&dir->root, req);
        req->attempts = !stop;
        req->server_time_ms = silt_wall_ms();
        req->elapsed_us = (silt_mono_ns() - start_ns) / 1000;
        silt_store_deliver(req);
    }
    return NULL;
}

static void dir_submit(struct silt_store *store, struct silt_store_req *req)
{
    struct dir *dir = (struct dir *)store;
    req->priv = NULL;
    pthread_mutex_lock(&dir->synced.lock);
    if (dir->synced.last)
        dir->synced.last->priv = req;
    else
        dir->synced.first = req;
    dir->synced.last = req;
    pthread_cond_signal(&dir->synced.changed);
    pthread_mutex_unlock(&dir->synced.lock);
}

static void dir_done(struct dir *dir)
{
    pthread_cond_destroy(&dir->synced.changed);
    pthread_mutex_destroy(&dir->synced.lock);
    silt_dir_root_done(&dir->root);
    silt_free(dir->url);
    silt_store_drop(&dir->store);
}

static void dir_free(struct silt_store *store)
{
    struct dir *dir = (struct dir *)store;
    pthread_mutex_lock(&dir->synced.lock);
    dir->synced.stop = true;
    pthread_cond_signal(&dir->synced.changed);
    pthread_mutex_unlock(&dir->synced.lock);
    silt_thread_join(dir->thread);
    dir_done(dir);
}

SILT_RC silt_dir_open(const struct silt_store_opts *opts, struct silt_store **ret_store,
                      struct silt_err *err)
{
    static const struct silt_store_vtable vtable = {.submit = dir_submit, .free = dir_free};
    struct silt_dir_root root;
    SILT_TRY(silt_dir_root_init(&root, opts->root + strlen("file://"), err));
    struct dir *dir = SILT_NEW(struct dir);
    dir->root = root;
    dir->url = silt_strdup(opts->root);
    dir->store = (struct silt_store){.vtable = &vtable, .url = dir->url};
    pthread_mutex_init(&dir->synced.lock, NULL);
    pthread_cond_init(&dir->synced.changed, NULL);
    struct silt_rc started = silt_thread_start(&dir->thread, "silt-dir", work, dir, err);
    if (!started.ok) {
        dir_done(dir);
        return started;
    }
    *ret_store = &dir->store;
    return SILT_OK;
}
