/* Private to store: the requests of the directory store, one at a time, on the caller's thread. */
#ifndef SILT_STORE_DIR_INT_H
#define SILT_STORE_DIR_INT_H

#include "store/store_int.h"

struct silt_dir_root {
    char *path;    /* without a slash at its end */
    bool sidecars; /* no user xattrs here: tokens are files */
};

SILT_RC silt_dir_root_init(struct silt_dir_root *root, const char *path, struct silt_err *err);
void silt_dir_root_done(struct silt_dir_root *root);

/* Does the request and writes its answer. */
void silt_dir_do(const struct silt_dir_root *root, struct silt_store_req *req);

/* Whether a key stays inside of the root and apart from the store's own files. */
bool silt_dir_key_ok(const char *key);

/* --- shared by the files of the directory store ---------------------------------------------- */

void silt_dir_fail(struct silt_store_req *req, enum silt_store_outcome outcome, const char *fmt,
                   ...) __attribute__((format(printf, 3, 4)));
/* From errno; `what` is the step that failed. */
void silt_dir_fail_errno(struct silt_store_req *req, const char *what);

char *silt_dir_path(const struct silt_dir_root *root, const char *folder, const char *name);
char *silt_dir_temp_path(const struct silt_dir_root *root);
bool silt_dir_sync(const char *path); /* a directory */
bool silt_dir_write(const char *path, const struct silt_slice *body, unsigned body_n);
bool silt_dir_set_token(const struct silt_dir_root *root, const char *path, const char *key,
                        const char *token);
void silt_dir_get_token(const struct silt_dir_root *root, const char *key, char *ret_token,
                        size_t room);
/* Makes the file `from` appear as the object `key`. @return OK, EXISTS, or what went wrong (then
 * req->text says it). */
enum silt_store_outcome silt_dir_publish(const struct silt_dir_root *root, const char *from,
                                         const char *key, struct silt_store_req *req);
/* A file or a folder of files. */
void silt_dir_remove(const char *path);
/* The whole of a small file, "" when it cannot be read. */
void silt_dir_read_small(const char *path, struct silt_buf *ret_text);

void silt_dir_list(const struct silt_dir_root *root, struct silt_store_req *req);
void silt_dir_mpu(const struct silt_dir_root *root, struct silt_store_req *req);

#endif
