/* Listing in the byte order of whole keys, as S3 does: "a-b" comes before "a/b", because '-' is
 * below '/'. So a folder is compared with a slash behind its name, and then the order within each
 * folder is the order of the keys. */
#include "base/alloc.h"
#include "store/dir_int.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define LIMIT_DEFAULT 1000
#define DEPTH_MAX 32

struct walk {
    const struct silt_dir_root *root;
    struct silt_store_req *req;
    const char *prefix;
    const char *after;
    unsigned limit;
};

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_folder(const struct silt_dir_root *root, const char *base,
                      const struct dirent *entry)
{
    if (entry->d_type != DT_UNKNOWN) return entry->d_type == DT_DIR;
    char *path = silt_asprintf("%s/%s%s", root->path, base, entry->d_name);
    struct stat st;
    bool folder = lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
    silt_free(path);
    return folder;
}

/* Names in a folder (base ends with '/' or is ""), folders with a slash, sorted. */
static char **names_of(const struct silt_dir_root *root, const char *base, size_t *ret_n)
{
    char **names = NULL;
    size_t n = 0;
    char *path = silt_dir_path(root, base, "");
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.') continue;
        if ((n & (n - 1)) == 0) names = silt_realloc_array(names, n ? n * 2 : 1, sizeof *names);
        names[n++] = silt_asprintf("%s%s", entry->d_name, is_folder(root, base, entry) ? "/" : "");
    }
    if (dir) closedir(dir);
    if (n) qsort(names, n, sizeof *names, by_bytes);
    silt_free(path);
    *ret_n = n;
    return names;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* A folder is of interest when keys below it can match and come after the start. */
static bool worth(const struct walk *walk, const char *folder)
{
    if (!begins(folder, walk->prefix) && !begins(walk->prefix, folder)) return false;
    return strcmp(folder, walk->after) > 0 || begins(walk->after, folder);
}

static void take(struct walk *walk, const char *key)
{
    struct silt_store_req *req = walk->req;
    if (!begins(key, walk->prefix) || strcmp(key, walk->after) <= 0) return;
    req->truncated = req->objects_n == walk->limit;
    if (req->truncated) return;
    char *path = silt_dir_path(walk->root, "", key);
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        if (!req->objects) req->objects = silt_calloc(walk->limit, sizeof req->objects[0]);
        req->objects[req->objects_n++] =
            (struct silt_store_object){.key = silt_strdup(key), .size = st.st_size};
    }
    silt_free(path);
}

/* Bounded recursion: keys of ours have a handful of levels. */
static void walk_folder(struct walk *walk, const char *base, unsigned depth)
{
    size_t n;
    char **names = names_of(walk->root, base, &n);
    for (size_t i = 0; i < n; i++) {
        char *key = silt_asprintf("%s%s", base, names[i]);
        bool folder = key[strlen(key) - 1] == '/';
        if (!walk->req->truncated && !folder) take(walk, key);
        if (!walk->req->truncated && folder && depth < DEPTH_MAX && worth(walk, key))
            walk_folder(walk, key, depth + 1);
        silt_free(key);
        silt_free(names[i]);
    }
    silt_free(names);
}

void silt_dir_list(const struct silt_dir_root *root, struct silt_store_req *req)
{
    struct walk walk = {.root = root,
                        .req = req,
                        .prefix = req->key,
                        .after = req->start_after ? req->start_after : "",
                        .limit = req->limit ? req->limit : LIMIT_DEFAULT};
    walk_folder(&walk, "", 0);
}
