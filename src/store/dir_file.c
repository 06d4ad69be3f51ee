/* Files that are whole or absent: written aside, synced, then linked or renamed into place. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "store/dir_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define TOKEN_XATTR "user.silt.token"
#define SMALL_FILE_MAX ((size_t)8 << 10)
#define LEFTOVER_MS ((int64_t)24 * 3600 * 1000)

void silt_dir_fail(struct silt_store_req *req, enum silt_store_outcome outcome, const char *fmt,
                   ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(req->text, sizeof req->text, fmt, args);
    va_end(args);
    req->outcome = outcome;
}

void silt_dir_fail_errno(struct silt_store_req *req, const char *what)
{
    bool denied = errno == EACCES || errno == EPERM || errno == EROFS;
    silt_dir_fail(req, denied ? SILT_STORE_DENIED : SILT_STORE_DOUBT, "%s: %s", what,
                  strerror(errno));
}

char *silt_dir_path(const struct silt_dir_root *root, const char *folder, const char *name)
{
    return silt_asprintf("%s/%s%s", root->path, folder, name);
}

char *silt_dir_temp_path(const struct silt_dir_root *root)
{
    char name[33];
    silt_random_hex(name, 32);
    return silt_dir_path(root, ".tmp/", name);
}

bool silt_dir_key_ok(const char *key)
{
    if (!key || !key[0] || strlen(key) > 1024) return false;
    for (const char *at = key; *at; at++) {
        bool first = at == key || at[-1] == '/';
        if (first && (*at == '/' || *at == '.')) return false;
        if ((unsigned char)*at < ' ') return false;
    }
    return key[strlen(key) - 1] != '/';
}

bool silt_dir_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    /* EINVAL: a file system whose directories need no sync. */
    bool synced = fsync(fd) == 0 || errno == EINVAL;
    close(fd);
    return synced;
}

static bool write_all(int fd, struct silt_slice bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        bytes = silt_slice_of(bytes.ptr + n, bytes.len - (size_t)n);
    }
    return true;
}

bool silt_dir_write(const char *path, const struct silt_slice *body, unsigned body_n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) return false;
    bool fine = true;
    for (unsigned i = 0; i < body_n && fine; i++) fine = write_all(fd, body[i]);
    fine = fine && fsync(fd) == 0;
    close(fd);
    return fine;
}

void silt_dir_read_small(const char *path, struct silt_buf *ret_text)
{
    silt_buf_init(ret_text, SMALL_FILE_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return;
    char bytes[1024];
    for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0;)
        if (!silt_buf_append(ret_text, bytes, (size_t)n)) break;
    close(fd);
}

/* --- tokens ---------------------------------------------------------------------------------- */

static char *sidecar_path(const struct silt_dir_root *root, const char *key)
{
    char hash[SILT_SHA256_HEX];
    silt_sha256_hex(key, strlen(key), hash);
    return silt_dir_path(root, ".tokens/", hash);
}

static bool write_sidecar(const struct silt_dir_root *root, const char *key, const char *token)
{
    char *temp = silt_dir_temp_path(root);
    char *path = sidecar_path(root, key);
    char *folder = silt_dir_path(root, ".tokens", "");
    const struct silt_slice body = silt_slice_str(token);
    bool fine = silt_dir_write(temp, &body, 1) && rename(temp, path) == 0 && silt_dir_sync(folder);
    silt_free(temp);
    silt_free(path);
    silt_free(folder);
    return fine;
}

bool silt_dir_set_token(const struct silt_dir_root *root, const char *path, const char *key,
                        const char *token)
{
    if (root->sidecars) return write_sidecar(root, key, token);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool fine = fsetxattr(fd, TOKEN_XATTR, token, strlen(token), 0) == 0 && fsync(fd) == 0;
    close(fd);
    return fine;
}

void silt_dir_get_token(const struct silt_dir_root *root, const char *key, char *ret_token,
                        size_t room)
{
    ret_token[0] = '\0';
    char *path = root->sidecars ? sidecar_path(root, key) : silt_dir_path(root, "", key);
    if (root->sidecars) {
        struct silt_buf text;
        silt_dir_read_small(path, &text);
        snprintf(ret_token, room, "%s", silt_buf_str(&text));
        silt_buf_done(&text);
    } else {
        ssize_t n = getxattr(path, TOKEN_XATTR, ret_token, room - 1);
        ret_token[n > 0 ? n : 0] = '\0';
    }
    silt_free(path);
}

/* --- objects --------------------------------------------------------------------------------- */

/* The folders above path, below the root; each new one is synced into its parent. */
static bool make_folders(const struct silt_dir_root *root, char *path)
{
    size_t root_len = strlen(root->path);
    size_t parent = root_len;
    for (size_t i = root_len + 1; path[i]; i++) {
        if (path[i] != '/') continue;
        path[i] = '\0';
        bool made = mkdir(path, 0755) == 0;
        bool fine = made || errno == EEXIST;
        path[parent] = '\0';
        fine = fine && (!made || silt_dir_sync(path));
        path[parent] = '/';
        path[i] = '/';
        if (!fine) return false;
        parent = i;
    }
    return true;
}

static bool sync_parent(char *path)
{
    char *slash = strrchr(path, '/');
    *slash = '\0';
    bool synced = silt_dir_sync(path);
    *slash = '/';
    return synced;
}

enum silt_store_outcome silt_dir_publish(const struct silt_dir_root *root, const char *from,
                                         const char *key, struct silt_store_req *req)
{
    char *path = silt_dir_path(root, "", key);
    req->outcome = SILT_STORE_OK;
    if (!make_folders(root, path))
        silt_dir_fail_errno(req, "make folders");
    else if (link(from, path) != 0)
        errno == EEXIST ? silt_dir_fail(req, SILT_STORE_EXISTS, "%s exists", key)
                        : silt_dir_fail_errno(req, "link");
    else if (!sync_parent(path))
        silt_dir_fail_errno(req, "sync folder");
    silt_free(path);
    return req->outcome;
}

void silt_dir_remove(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir) {
        unlink(path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir));) unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    rmdir(path);
}

/* --- the root -------------------------------------------------------------------------------- */

static SILT_RC make_root(const char *path, struct silt_err *err)
{
    static const char *const folders[] = {"", "/.tmp", "/.uploads", "/.tokens"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char *folder = silt_asprintf("%s%s", path, folders[i]);
        bool made = mkdir(folder, 0755) == 0 || errno == EEXIST;
        int sys = errno;
        silt_free(folder);
        if (!made)
            SILT_FAIL(err, CONFIG, "archive.root file://%s: cannot make it: %s", path,
                      strerror(sys));
    }
    return SILT_OK;
}

/* What a process that died was writing. */
static void sweep(const struct silt_dir_root *root)
{
    char *folder = silt_dir_path(root, ".tmp", "");
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct stat st;
        if (entry->d_name[0] == '.' || fstatat(dirfd(dir), entry->d_name, &st, 0) != 0) continue;
        if (silt_wall_ms() - (int64_t)st.st_mtime * 1000 < LEFTOVER_MS) continue;
        char *path = silt_dir_path(root, ".tmp/", entry->d_name);
        silt_dir_remove(path);
        silt_free(path);
    }
    if (dir) closedir(dir);
    silt_free(folder);
}

/* Tries what every commit needs, so that a read-only folder is told at the start. */
static SILT_RC probe(struct silt_dir_root *root, struct silt_err *err)
{
    char *path = silt_dir_temp_path(root);
    bool written = silt_dir_write(path, NULL, 0);
    int sys = errno;
    root->sidecars = !silt_dir_set_token(root, path, "", "probe");
    unlink(path);
    silt_free(path);
    if (!written)
        SILT_FAIL(err, CONFIG, "archive.root file://%s: cannot write there: %s", root->path,
                  strerror(sys));
    return SILT_OK;
}

SILT_RC silt_dir_root_init(struct silt_dir_root *root, const char *path, struct silt_err *err)
{
    *root = (struct silt_dir_root){0};
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') len--;
    if (path[0] != '/' || len < 2)
        SILT_FAIL(err, CONFIG,
                  "archive.root file://%s: give an absolute directory, as in file:///var/archive",
                  path);
    root->path = silt_strndup(path, len);
    struct silt_rc rc = make_root(root->path, err);
    if (rc.ok) rc = probe(root, err);
    if (rc.ok)
        sweep(root);
    else
        silt_dir_root_done(root);
    return rc;
}

void silt_dir_root_done(struct silt_dir_root *root)
{
    silt_free(root->path);
    root->path = NULL;
}
