/* An archive made by hand (inspect/archive_tools.h) in a directory, for the commands that read one.
 */
#ifndef SILT_TEST_ARCHIVE_DIR_H
#define SILT_TEST_ARCHIVE_DIR_H

#include "../inspect/archive_tools.h"
#include "run_cli.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

extern const struct silt_command silt_command_cat;
extern const struct silt_command silt_command_gc;
extern const struct silt_command silt_command_lag;
extern const struct silt_command silt_command_ls;
extern const struct silt_command silt_command_replay;
extern const struct silt_command silt_command_skip;
extern const struct silt_command silt_command_verify;
extern const struct silt_command silt_command_where;

struct archive {
    struct tool tool;
    char *root;
    char *flag; /* --archive.root=… */
};

static inline void archive_begin(struct archive *archive, const char *name)
{
    tool_init(&archive->tool);
    archive->root = silt_asprintf("%s/%s", silt_test_dir(), name);
    archive->flag = silt_asprintf("--archive.root=file://%s", archive->root);
}

static inline void archive_write_file(const char *path, struct silt_slice body)
{
    char *folder = silt_strdup(path);
    for (char *at = folder + 1; (at = strchr(at, '/')); at++) {
        *at = 0;
        (void)mkdir(folder, 0755);
        *at = '/';
    }
    silt_free(folder);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(body.ptr, 1, body.len, file) != body.len) abort();
    fclose(file);
}

/* As the directory store keeps it (store/dir.h). */
static inline void archive_write_token(const struct archive *archive, const char *path,
                                       const char *key, const char *token)
{
    char sha[SILT_SHA256_HEX];
    if (setxattr(path, "user.silt.token", token, strlen(token), 0) == 0) return;
    silt_sha256_hex(key, strlen(key), sha);
    char *sidecar = silt_asprintf("%s/.tokens/%s", archive->root, sha);
    archive_write_file(sidecar, silt_slice_str(token));
    silt_free(sidecar);
}

/* Puts everything that was made so far into the directory. */
static inline void archive_write(const struct archive *archive)
{
    const struct silt_memory_store *mem = archive->tool.mem;
    for (unsigned i = 0; i < mem->objects_n; i++) {
        const struct silt_memory_object *object = &mem->objects[i];
        char *path = silt_asprintf("%s/%s", archive->root, object->key);
        archive_write_file(path, silt_slice_of(object->body, object->len));
        archive_write_token(archive, path, object->key, object->token);
        silt_free(path);
    }
}

static inline void archive_name_uploads(struct silt_manifest *m)
{
    for (unsigned i = 0; i < m->files_n; i++) {
        silt_free(m->files[i].upload_id);
        m->files[i].upload_id = silt_asprintf("%032x", i);
    }
}

/* An upload that was begun and not completed. */
static inline void archive_stage(const struct archive *archive, const char *key, const char *id,
                                 const char *token)
{
    char *path = silt_asprintf("%s/.uploads/%s/meta", archive->root, id);
    char *meta = silt_asprintf("%s\n%s", token, key);
    archive_write_file(path, silt_slice_str(meta));
    silt_free(meta);
    silt_free(path);
}

/* A slot of ten offsets whose uploads are not completed yet. */
static inline void archive_write_pending(struct archive *archive)
{
    tool_slot(&archive->tool, &(struct tool_slot){.offsets = 10,
                                                  .no_objects = true,
                                                  .edit_manifest = archive_name_uploads});
    archive_write(archive);
    for (unsigned i = 0; i < archive->tool.last.files_n; i++) {
        const struct silt_manifest_file *file = &archive->tool.last.files[i];
        archive_stage(archive, file->key, file->upload_id, file->token);
    }
}

static inline void archive_remove(const struct archive *archive, const char *key)
{
    char *path = silt_asprintf("%s/%s", archive->root, key);
    CU_ASSERT_EQUAL(unlink(path), 0);
    silt_free(path);
}

/* Slot 0 of the tool's partition, or another one, becomes this text. */
static inline void archive_spoil_slot(const struct archive *archive, int64_t seq, const char *text)
{
    char key[SILT_KEY_MAX];
    tool_manifest_key(&archive->tool, seq, key);
    char *path = silt_asprintf("%s/%s", archive->root, key);
    archive_write_file(path, silt_slice_str(text));
    silt_free(path);
}

static inline void archive_remove_slot(const struct archive *archive, int64_t seq)
{
    char key[SILT_KEY_MAX];
    tool_manifest_key(&archive->tool, seq, key);
    archive_remove(archive, key);
}

static inline void archive_end(struct archive *archive)
{
    tool_done(&archive->tool);
    silt_free(archive->root);
    silt_free(archive->flag);
}

static inline struct ran read_words(const char *const *words, unsigned words_n)
{
    static const struct silt_command *const commands[] = {
        &silt_command_ls,    &silt_command_cat,    &silt_command_verify, &silt_command_lag,
        &silt_command_where, &silt_command_replay, &silt_command_gc,     &silt_command_skip};
    if (chdir(silt_test_dir()) != 0) abort();
    return run_with(commands, 8, NULL, words, words_n);
}

#define READ(...)                                  \
    read_words((const char *const[]){__VA_ARGS__}, \
               sizeof(const char *const[]){__VA_ARGS__} / sizeof(char *))

/* What is in the archive of most tests: a slot of ten offsets, a gap of five behind it, and another
 * topic with one slot. */
static inline void archive_sensors(struct archive *archive, const char *name)
{
    archive_begin(archive, name);
    tool_slot(&archive->tool, &(struct tool_slot){.offsets = 10});
    tool_gap(&archive->tool, 5);
    tool_partition(&archive->tool, "valves", 3);
    tool_slot(&archive->tool, &(struct tool_slot){.offsets = 10});
    archive_write(archive);
}

#endif
