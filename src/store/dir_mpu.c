/* Multipart uploads of the directory store. An upload is a folder; it ends by leaving .uploads in
 * one rename, so nobody sees it half removed. */
#include "base/alloc.h"
#include "base/hash.h"
#include "base/random.h"
#include "store/dir_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_DIGITS 32
#define PARTS_MAX 10000
#define UPLOADS_MAX 10000
#define COPY_BYTES ((size_t)1 << 20)

struct meta {
    struct silt_buf text; /* token '\n' key */
    const char *token;
    const char *key;
};

static bool id_ok(const char *id)
{
    return id && strlen(id) == ID_DIGITS && strspn(id, "0123456789abcdef") == ID_DIGITS;
}

static char *upload_path(const struct silt_dir_root *root, const char *id)
{
    return silt_dir_path(root, ".uploads/", id);
}

static char *part_path(const struct silt_dir_root *root, const char *id, unsigned n)
{
    return silt_asprintf("%s/.uploads/%s/part.%u", root->path, id, n);
}

/* @return false when there is no such upload. */
static bool meta_load(const struct silt_dir_root *root, const char *id, struct meta *ret_meta)
{
    char *path = silt_asprintf("%s/.uploads/%s/meta", root->path, id);
    silt_dir_read_small(path, &ret_meta->text);
    silt_free(path);
    char *newline = ret_meta->text.len ? strchr((char *)ret_meta->text.data, '\n') : NULL;
    if (!newline) {
        silt_buf_done(&ret_meta->text);
        return false;
    }
    *newline = '\0';
    ret_meta->token = (char *)ret_meta->text.data;
    ret_meta->key = newline + 1;
    return true;
}

static void no_upload(struct silt_store_req *req)
{
    silt_dir_fail(req, SILT_STORE_NO_UPLOAD, "no such upload");
}

/* The upload that the request names, of the key that it names. Answers it otherwise. */
static bool meta_of(const struct silt_dir_root *root, struct silt_store_req *req,
                    struct meta *ret_meta)
{
    if (id_ok(req->upload_id) && meta_load(root, req->upload_id, ret_meta)) {
        if (strcmp(ret_meta->key, req->key) == 0) return true;
        silt_buf_done(&ret_meta->text);
    }
    no_upload(req);
    return false;
}

static void write_etag(char ret_etag[80], uint32_t crc, int64_t size)
{
    snprintf(ret_etag, 80, "\"%08x-%lld\"", crc, (long long)size);
}

/* --- create, part, abort --------------------------------------------------------------------- */

static void mpu_create(const struct silt_dir_root *root, struct silt_store_req *req)
{
    const char *token = req->token ? req->token : "";
    if (strchr(token, '\n') || strlen(token) >= sizeof req->ret_token) {
        silt_dir_fail(req, SILT_STORE_REFUSED, "the token is too long or has a line end");
        return;
    }
    char id[ID_DIGITS + 1];
    silt_random_hex(id, ID_DIGITS);
    char *path = upload_path(root, id);
    char *temp = silt_dir_temp_path(root);
    char *meta = silt_asprintf("%s/meta", path);
    char *uploads = silt_dir_path(root, ".uploads", "");
    const struct silt_slice body[] = {silt_slice_str(token), silt_slice_str("\n"),
                                      silt_slice_str(req->key)};
    if (silt_dir_write(temp, body, 3) && mkdir(path, 0755) == 0 && rename(temp, meta) == 0 &&
        silt_dir_sync(path) && silt_dir_sync(uploads))
        req->ret_upload_id = silt_strdup(id);
    else
        silt_dir_fail_errno(req, "create upload");
    silt_free(path);
    silt_free(temp);
    silt_free(meta);
    silt_free(uploads);
}

static void put_part(const struct silt_dir_root *root, struct silt_store_req *req, int64_t size)
{
    char *temp = silt_dir_temp_path(root);
    char *path = part_path(root, req->upload_id, req->part_number);
    char *folder = upload_path(root, req->upload_id);
    if (!silt_dir_write(temp, req->body, req->body_n))
        silt_dir_fail_errno(req, "write part");
    else if (rename(temp, path) != 0 || !silt_dir_sync(folder))
        errno == ENOENT ? no_upload(req) : silt_dir_fail_errno(req, "place part");
    else
        write_etag(req->etag, req->crc32c, size);
    if (req->outcome != SILT_STORE_OK) unlink(temp);
    silt_free(temp);
    silt_free(path);
    silt_free(folder);
}

static void mpu_part(const struct silt_dir_root *root, struct silt_store_req *req)
{
    struct meta meta;
    uint32_t crc = 0;
    int64_t size = 0;
    for (unsigned i = 0; i < req->body_n; i++) {
        crc = silt_crc32c(crc, req->body[i].ptr, req->body[i].len);
        size += (int64_t)req->body[i].len;
    }
    if (req->part_number < 1 || req->part_number > PARTS_MAX) {
        silt_dir_fail(req, SILT_STORE_REFUSED, "part numbers are 1 to %d", PARTS_MAX);
        return;
    }
    if (crc != req->crc32c) {
        silt_dir_fail(req, SILT_STORE_BAD_DIGEST, "the part has CRC-32C %08x, not %08x", crc,
                      req->crc32c);
        return;
    }
    if (!meta_of(root, req, &meta)) return;
    silt_buf_done(&meta.text);
    put_part(root, req, size);
}

/* @return whether it was there. */
static bool drop_upload(const struct silt_dir_root *root, const char *id)
{
    char *path = upload_path(root, id);
    char *temp = silt_dir_temp_path(root);
    bool moved = rename(path, temp) == 0;
    if (moved) silt_dir_remove(temp);
    silt_free(path);
    silt_free(temp);
    return moved;
}

static void mpu_abort(const struct silt_dir_root *root, struct silt_store_req *req)
{
    struct meta meta;
    if (!meta_of(root, req, &meta)) return;
    silt_buf_done(&meta.text);
    if (!drop_upload(root, req->upload_id)) no_upload(req);
}

/* --- lists ----------------------------------------------------------------------------------- */

/* Reads a part to its end, writing it to fd_to (-1: nowhere). @return false on an error. */
static bool copy_part(int fd_to, const char *path, uint32_t *ret_crc, int64_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return false;
    uint8_t *bytes = silt_alloc(COPY_BYTES);
    ssize_t n;
    *ret_crc = 0;
    *ret_size = 0;
    while ((n = read(fd, bytes, COPY_BYTES)) > 0) {
        *ret_crc = silt_crc32c(*ret_crc, bytes, (size_t)n);
        *ret_size += n;
        if (fd_to >= 0 && write(fd_to, bytes, (size_t)n) != n) break;
    }
    silt_free(bytes);
    close(fd);
    return n == 0;
}

static int by_number(const void *va, const void *vb)
{
    const struct silt_store_part *a = va;
    const struct silt_store_part *b = vb;
    return (a->n > b->n) - (a->n < b->n);
}

static void take_part(const struct silt_dir_root *root, struct silt_store_req *req, unsigned n)
{
    struct silt_store_part part = {.n = n};
    char *path = part_path(root, req->upload_id, n);
    if (copy_part(-1, path, &part.crc32c, &part.size)) {
        write_etag(part.etag, part.crc32c, part.size);
        req->ret_parts = silt_realloc_array(req->ret_parts, req->ret_parts_n + 1, sizeof part);
        req->ret_parts[req->ret_parts_n++] = part;
    }
    silt_free(path);
}

static void mpu_parts(const struct silt_dir_root *root, struct silt_store_req *req)
{
    struct meta meta;
    if (!meta_of(root, req, &meta)) return;
    silt_buf_done(&meta.text);
    char *path = upload_path(root, req->upload_id);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (strncmp(entry->d_name, "part.", 5) == 0)
            take_part(root, req, (unsigned)strtoul(entry->d_name + 5, NULL, 10));
    if (dir) closedir(dir);
    if (req->ret_parts_n)
        qsort(req->ret_parts, req->ret_parts_n, sizeof req->ret_parts[0], by_number);
    silt_free(path);
}

static int by_key(const void *va, const void *vb)
{
    const struct silt_store_object *a = va;
    const struct silt_store_object *b = vb;
    int order = strcmp(a->key, b->key);
    return order ? order : strcmp(a->upload_id, b->upload_id);
}

static void take_upload(const struct silt_dir_root *root, struct silt_store_req *req,
                        const char *id)
{
    struct meta meta;
    if (!id_ok(id) || !meta_load(root, id, &meta)) return;
    char *path = upload_path(root, id);
    struct stat st;
    if (strncmp(meta.key, req->key, strlen(req->key)) == 0 && stat(path, &st) == 0) {
        req->objects = silt_realloc_array(req->objects, req->objects_n + 1, sizeof req->objects[0]);
        req->objects[req->objects_n++] =
            (struct silt_store_object){.key = silt_strdup(meta.key),
                                       .upload_id = silt_strdup(id),
                                       .size = -1,
                                       .initiated_ms = (int64_t)st.st_mtime * 1000};
    }
    silt_free(path);
    silt_buf_done(&meta.text);
}

static void mpu_list(const struct silt_dir_root *root, struct silt_store_req *req)
{
    char *path = silt_dir_path(root, ".uploads", "");
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        req->truncated = req->objects_n == UPLOADS_MAX;
        if (req->truncated) break;
        take_upload(root, req, entry->d_name);
    }
    if (dir) closedir(dir);
    if (req->objects_n) qsort(req->objects, req->objects_n, sizeof req->objects[0], by_key);
    silt_free(path);
}

/* --- complete -------------------------------------------------------------------------------- */

/* A part that is missing because somebody else just completed or aborted the upload is no fault of
 * the list of parts. */
static void bad_part(const struct silt_dir_root *root, struct silt_store_req *req, unsigned n)
{
    struct meta meta;
    if (!meta_of(root, req, &meta)) return;
    silt_buf_done(&meta.text);
    silt_dir_fail(req, SILT_STORE_INVALID_PART, "part %u is missing or another one", n);
}

static bool check_list(struct silt_store_req *req)
{
    int64_t size = 0;
    for (unsigned i = 0; i < req->parts_n; i++) {
        size += req->parts[i].size;
        if (i == 0 || req->parts[i].n > req->parts[i - 1].n) continue;
        silt_dir_fail(req, SILT_STORE_BAD_PARTS, "parts are not in ascending order");
        return false;
    }
    if (req->parts_n && size == req->object_size) return true;
    silt_dir_fail(req, SILT_STORE_REFUSED, "the parts have %lld bytes, not %lld", (long long)size,
                  (long long)req->object_size);
    return false;
}

/* Puts the parts one behind the other into fd (-1: only checks them). @return whether they are what
 * the request says; answers it otherwise. */
static bool assemble(const struct silt_dir_root *root, struct silt_store_req *req, int fd)
{
    uint32_t whole = 0;
    for (unsigned i = 0; i < req->parts_n; i++) {
        const struct silt_store_part *part = &req->parts[i];
        uint32_t crc;
        int64_t size;
        char etag[80];
        char *path = part_path(root, req->upload_id, part->n);
        bool read = copy_part(fd, path, &crc, &size);
        silt_free(path);
        if (read) write_etag(etag, crc, size);
        if (!read || strcmp(etag, part->etag) != 0) {
            bad_part(root, req, part->n);
            return false;
        }
        whole = silt_crc32c_combine(whole, crc, (uint64_t)size);
    }
    if (whole == req->crc32c) return true;
    silt_dir_fail(req, SILT_STORE_BAD_DIGEST, "the object has CRC-32C %08x, not %08x", whole,
                  req->crc32c);
    return false;
}

/* The finished file: the only part itself, or a new one. NULL when the request is answered. */
static char *finished_file(const struct silt_dir_root *root, struct silt_store_req *req)
{
    if (req->parts_n == 1)
        return assemble(root, req, -1) ? part_path(root, req->upload_id, req->parts[0].n) : NULL;
    char *temp = silt_dir_temp_path(root);
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool fine = fd >= 0;
    if (!fine) silt_dir_fail_errno(req, "write object");
    fine = fine && assemble(root, req, fd);
    if (fine && fsync(fd) != 0) {
        silt_dir_fail_errno(req, "sync object");
        fine = false;
    }
    if (fd >= 0) close(fd);
    if (fine) return temp;
    unlink(temp);
    silt_free(temp);
    return NULL;
}

static void publish(const struct silt_dir_root *root, struct silt_store_req *req,
                    const struct meta *meta, const char *file)
{
    if (!silt_dir_set_token(root, file, req->key, meta->token)) {
        silt_dir_fail_errno(req, "set token");
        return;
    }
    char theirs[sizeof req->ret_token];
    if (silt_dir_publish(root, file, req->key, req) == SILT_STORE_EXISTS) {
        /* Linked before, and the process ended before the upload was removed. */
        silt_dir_get_token(root, req->key, theirs, sizeof theirs);
        if (strcmp(theirs, meta->token) == 0) req->outcome = SILT_STORE_OK;
    }
    if (req->outcome == SILT_STORE_OK) {
        req->text[0] = '\0';
        drop_upload(root, req->upload_id);
    }
}

static void mpu_complete(const struct silt_dir_root *root, struct silt_store_req *req)
{
    struct meta meta;
    if (!meta_of(root, req, &meta)) return;
    char *file = check_list(req) ? finished_file(root, req) : NULL;
    if (file) publish(root, req, &meta, file);
    if (file && req->parts_n > 1) unlink(file);
    silt_free(file);
    silt_buf_done(&meta.text);
}

void silt_dir_mpu(const struct silt_dir_root *root, struct silt_store_req *req)
{
    if (req->op == SILT_OP_MPU_CREATE) mpu_create(root, req);
    if (req->op == SILT_OP_MPU_PART) mpu_part(root, req);
    if (req->op == SILT_OP_MPU_ABORT) mpu_abort(root, req);
    if (req->op == SILT_OP_MPU_PARTS) mpu_parts(root, req);
    if (req->op == SILT_OP_MPU_LIST) mpu_list(root, req);
    if (req->op == SILT_OP_MPU_COMPLETE) mpu_complete(root, req);
}
