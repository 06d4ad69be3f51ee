/* An archive made by hand in a store in memory, good or with one mistake planted. A record of every
 * kind: offset 3 of ten is rejected, 5 is a hole, 7 a tombstone; the others are data, in two files.
 */
#ifndef SILT_TEST_ARCHIVE_TOOLS_H
#define SILT_TEST_ARCHIVE_TOOLS_H

#include "base/alloc.h"
#include "encode/container.h"
#include "encode/file_schema.h"
#include "encode/row.h"
#include "harness.h"
#include "inspect/slots.h"
#include "memory_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TOOL_FILES 4u /* even data, odd data, rejected, tombstone */
#define TOOL_BLOCK_ROWS 4
#define TOOL_SCHEMA                                                                   \
    "{\"type\":\"record\",\"name\":\"Reading\",\"namespace\":\"plant\",\"fields\":[{" \
    "\"name\":\"id\",\"type\":\"string\"},{\"name\":\"n\",\"type\":[\"null\",\"long\"]}]}"
#define TOOL_TEXT(s) silt_slice_of(s, sizeof(s) - 1)

/* What is planted; zeroed is a good slot. */
struct tool_slot {
    int64_t offsets; /* 0: 20 */
    int block_count_more;
    const char *framing; /* NULL: confluent */
    const char *schema_id;
    const char *fingerprint;
    const char *topic_meta;
    const char *schema_json; /* of data files */
    bool flip_sync;
    bool no_objects;
    void (*edit_row)(struct silt_record *rec);
    void (*edit_manifest)(struct silt_manifest *m);
};

struct tool {
    struct silt_memory_store *mem;
    struct silt_tp tp;
    int64_t seq;
    int64_t next;
    int64_t lineage;
    char prev[SILT_SHA256_HEX];
    struct silt_manifest last; /* the newest slot */
};

struct tool_file {
    struct silt_buf rows;
    struct silt_buf object;
    int64_t rows_n; /* in `rows` */
    int64_t records;
    int64_t first;
    int64_t last;
};

static inline void tool_put(struct tool *tool, const char *key, const char *text)
{
    silt_memory_put(tool->mem, key, silt_slice_str(text));
}

static inline void tool_partition(struct tool *tool, const char *topic, int32_t partition)
{
    silt_manifest_done(&tool->last);
    tool->tp = (struct silt_tp){
        .cluster = "lkc-1", .topic_id = "0123456789abcdef0123456789abcdef", .partition = partition};
    snprintf(tool->tp.topic, sizeof tool->tp.topic, "%s", topic);
    snprintf(tool->prev, sizeof tool->prev, "%s", SILT_NO_PREV);
    tool->seq = tool->next = tool->lineage = 0;
}

static inline void tool_init(struct tool *tool)
{
    *tool = (struct tool){.mem = silt_memory_store_new()};
    tool_put(tool, "_format.json", "{}");
    tool_partition(tool, "sensors", 0);
}

static inline void tool_done(struct tool *tool)
{
    silt_manifest_done(&tool->last);
    silt_store_free(&tool->mem->store);
}

static inline unsigned tool_file_of(int64_t offset)
{
    if (offset % 10 == 3) return 2;
    if (offset % 10 == 7) return 3;
    return (unsigned)(offset % 2);
}

static inline enum silt_role tool_role(unsigned file)
{
    static const enum silt_role roles[] = {SILT_ROLE_DATA, SILT_ROLE_DATA, SILT_ROLE_REJECTED,
                                           SILT_ROLE_TOMBSTONE};
    return roles[file];
}

static inline void tool_end_block(struct tool_file *file, const struct tool_slot *what, bool last)
{
    static const uint8_t sync[SILT_SYNC_LEN] = "abcdefghijklmno";
    static const uint8_t other[SILT_SYNC_LEN] = "abcdefghijklmnO";
    if (file->rows_n == 0) return;
    struct silt_codec_ctx *ctx = silt_codec_ctx_new();
    CU_ASSERT_OK(silt_container_block(
        ctx, SILT_CODEC_ZSTD, 0, file->rows_n + (last ? what->block_count_more : 0),
        silt_buf_slice(&file->rows), what->flip_sync && last ? other : sync, &file->object, NULL));
    silt_codec_ctx_free(ctx);
    silt_buf_clear(&file->rows);
    file->rows_n = 0;
}

static inline void tool_header(const struct tool *tool, const struct tool_slot *what, unsigned i,
                               struct tool_file *file)
{
    static const uint8_t sync[SILT_SYNC_LEN] = "abcdefghijklmno";
    struct silt_buf json;
    char partition[16];
    bool is_data = tool_role(i) == SILT_ROLE_DATA;
    silt_buf_init(&json, SILT_BUF_MAX_DEFAULT);
    silt_buf_init(&file->rows, SILT_BUF_MAX_DEFAULT);
    silt_buf_init(&file->object, SILT_BUF_MAX_DEFAULT);
    if (tool_role(i) == SILT_ROLE_REJECTED)
        silt_buf_append_str(&json, silt_file_schema_rejected());
    else if (!is_data)
        silt_buf_append_str(&json, silt_file_schema_tombstone());
    else if (what->schema_json)
        silt_buf_append_str(&json, what->schema_json);
    else
        CU_ASSERT_OK(silt_file_schema_data(silt_slice_str(TOOL_SCHEMA), &json, NULL));
    snprintf(partition, sizeof partition, "%d", tool->tp.partition);
    const struct silt_meta meta[] = {
        {"silt.topic", what->topic_meta ? what->topic_meta : tool->tp.topic},
        {"silt.partition", partition},
        {"silt.schema_id", what->schema_id ? what->schema_id
                           : is_data       ? "17"
                                           : ""},
        {"silt.fingerprint", what->fingerprint ? what->fingerprint : ""},
        {"silt.framing", what->framing ? what->framing : "confluent"},
        {"silt.role", silt_role_name(tool_role(i))},
    };
    CU_ASSERT_OK(silt_container_header(silt_buf_str(&json), SILT_CODEC_ZSTD, meta,
                                       sizeof meta / sizeof meta[0], sync, &file->object, NULL));
    silt_buf_done(&json);
}

static const struct silt_header tool_headers[20] = {
    {.key = {(const uint8_t *)"trace", 5}, .value = {(const uint8_t *)"\xff", 1}},
    {.key = {(const uint8_t *)"empty", 5}, .value_null = true},
};

/* id "s", n null */
#define TOOL_BODY TOOL_TEXT("\x02s\x00")
#define TOOL_WIRE TOOL_TEXT("\x00\x00\x00\x00\x11\x02s\x00")

static inline struct silt_slice tool_framing(const struct tool_slot *what)
{
    if (!what->framing || strcmp(what->framing, "confluent") == 0)
        return TOOL_TEXT("\x00\x00\x00\x00\x11");
    if (strcmp(what->framing, "single_object") == 0)
        return TOOL_TEXT("\xC3\x01\x08\x07\x06\x05\x04\x03\x02\x01");
    return silt_slice_of(NULL, 0);
}

static inline size_t tool_row(uint8_t *out, unsigned file, const struct silt_record *rec,
                              const struct tool_slot *what, struct silt_digest *digest)
{
    static const struct silt_reject_row why = {
        .reason = "truncated", .detail = "at byte 3", .has_schema_id = true, .schema_id = 17};
    static const struct silt_reject_row bare = {.reason = "framing", .detail = ""};
    if (tool_role(file) == SILT_ROLE_TOMBSTONE) return silt_row_tombstone(out, rec, digest);
    if (tool_role(file) == SILT_ROLE_REJECTED)
        return silt_row_reject(out, rec, rec->offset % 20 == 3 ? &why : &bare, digest);
    return silt_row_data(out, rec, tool_framing(what), TOOL_BODY, digest);
}

static inline void tool_record(const struct tool *tool, const struct tool_slot *what,
                               int64_t offset, struct tool_file *files, struct silt_digest *digest)
{
    uint8_t room[4096];
    unsigned i = tool_file_of(offset);
    struct tool_file *file = &files[i];
    struct silt_record rec = {.partition = tool->tp.partition,
                              .offset = offset,
                              .timestamp_ms = offset % 10 == 8 ? SILT_NO_TIMESTAMP : 1000 + offset,
                              .key = TOOL_TEXT("k"),
                              .value = TOOL_WIRE,
                              .key_null = offset % 2 == 0,
                              .headers = tool_headers,
                              .headers_n = offset % 10 == 4   ? 20
                                           : offset % 10 == 1 ? 2
                                                              : 0};
    if (rec.key_null) rec.key = silt_slice_of(NULL, 0);
    (void)tool_row(room, i, &rec, what, digest);
    if (file->records++ == 0) file->first = offset;
    file->last = offset;
    if (what->edit_row) what->edit_row(&rec);
    silt_buf_append(&file->rows, room, tool_row(room, i, &rec, what, NULL));
    if (++file->rows_n == TOOL_BLOCK_ROWS) tool_end_block(file, what, false);
}

static inline void tool_describe(struct tool *tool, const struct tool_file *file, unsigned i,
                                 struct silt_manifest_file *to)
{
    struct silt_data_key key = {.unit = SILT_BUCKET_DAY,
                                .bucket = 20000 + i,
                                .seq = tool->seq,
                                .start = tool->next,
                                .role = tool_role(i)};
    size_t half = file->object.len / 2;
    snprintf(key.nonce, sizeof key.nonce, "%016x", i);
    silt_key_data(&tool->tp, &key, to->key);
    to->role = tool_role(i);
    to->upload_id = silt_asprintf("upload-%" PRId64 "-%u", tool->seq, i);
    snprintf(to->token, sizeof to->token, "token-%" PRId64 "-%u", tool->seq, i);
    snprintf(to->codec, sizeof to->codec, "zstd");
    to->schema_id = to->role == SILT_ROLE_DATA ? 17 : -1;
    to->size = (int64_t)file->object.len;
    to->crc32c = silt_crc32c(0, file->object.data, file->object.len);
    to->records = file->records;
    to->first = file->first;
    to->last = file->last;
    to->parts_n = 2;
    to->parts = silt_calloc(2, sizeof *to->parts);
    to->parts[0] = (struct silt_store_part){
        .n = 1, .size = (int64_t)half, .crc32c = silt_crc32c(0, file->object.data, half)};
    to->parts[1] = (struct silt_store_part){
        .n = 2,
        .size = to->size - (int64_t)half,
        .crc32c = silt_crc32c(0, file->object.data + half, file->object.len - half)};
}

static inline void tool_store(struct tool *tool, const struct silt_manifest_file *file,
                              struct silt_slice body)
{
    silt_memory_put(tool->mem, file->key, body);
    struct silt_memory_object *object = silt_memory_find(tool->mem, file->key);
    snprintf(object->token, sizeof object->token, "%s", file->token);
}

static inline void tool_commit(struct tool *tool, struct silt_manifest *m)
{
    char key[SILT_KEY_MAX];
    struct silt_buf text;
    silt_buf_init(&text, SILT_MANIFEST_MAX);
    CU_ASSERT_OK(silt_manifest_write(m, &text, NULL));
    silt_key_manifest(&tool->tp, tool->seq, key);
    silt_memory_put(tool->mem, key, silt_buf_slice(&text));
    silt_sha256_hex(text.data, text.len, tool->prev);
    silt_buf_done(&text);
    silt_manifest_done(&tool->last);
    tool->last = *m;
    tool->seq++;
    tool->next = m->next;
}

static inline struct silt_manifest tool_manifest(const struct tool *tool, int64_t offsets)
{
    struct silt_manifest m = {.kind = SILT_SLOT_DATA,
                              .archive = "0123456789abcdef0123456789abcdef",
                              .tp = tool->tp,
                              .seq = tool->seq,
                              .start = tool->next,
                              .next = tool->next + offsets,
                              .lineage = tool->lineage,
                              .cut = {.time = "kafka", .unit = "day", .max_files = 8},
                              .uuid = "0123456789abcdef0123456789abcdef",
                              .digest = "00000000000000000000000000000000",
                              .created = "2026-01-01T00:00:00Z",
                              .writer_pod = "pod",
                              .writer_boot = "boot",
                              .writer_version = "0"};
    memcpy(m.prev, tool->prev, sizeof m.prev);
    return m;
}

static inline void tool_fill(struct tool *tool, const struct tool_slot *what,
                             struct tool_file *files, struct silt_manifest *m)
{
    struct silt_digest *digest = silt_digest_new();
    m->holes = silt_calloc((size_t)(m->next - m->start), sizeof *m->holes);
    for (int64_t offset = m->start; offset < m->next; offset++) {
        if (offset % 10 == 5)
            m->holes[m->holes_n++] = (struct silt_offsets){offset, offset};
        else
            tool_record(tool, what, offset, files, digest);
    }
    silt_digest_hex(digest, m->digest);
    silt_digest_free(digest);
    m->tombstones = files[3].records;
    m->rejected = files[2].records;
    m->records = files[0].records + files[1].records + files[3].records;
    m->ts[0] = 1000 + m->start;
    m->ts[1] = 1000 + m->next - 1;
}

/* Appends one slot; what NULL: a good one. Its manifest is tool->last then. */
static inline void tool_slot(struct tool *tool, const struct tool_slot *what)
{
    static const struct tool_slot good = {0};
    struct tool_file files[TOOL_FILES] = {0};
    if (!what) what = &good;
    struct silt_manifest m = tool_manifest(tool, what->offsets ? what->offsets : 20);
    for (unsigned i = 0; i < TOOL_FILES; i++) tool_header(tool, what, i, &files[i]);
    tool_fill(tool, what, files, &m);
    m.files = silt_calloc(TOOL_FILES, sizeof *m.files);
    for (unsigned i = 0; i < TOOL_FILES; i++) {
        tool_end_block(&files[i], what, true);
        struct silt_manifest_file *file = &m.files[m.files_n];
        if (files[i].records) tool_describe(tool, &files[i], i, file);
        if (files[i].records && !what->no_objects)
            tool_store(tool, file, silt_buf_slice(&files[i].object));
        if (files[i].records && what->no_objects)
            silt_memory_stage(tool->mem, file->key, file->upload_id, file->token,
                              (const char *[]){"x"}, 1);
        m.files_n += files[i].records > 0;
        silt_buf_done(&files[i].rows);
        silt_buf_done(&files[i].object);
    }
    if (what->edit_manifest) what->edit_manifest(&m);
    tool_commit(tool, &m);
}

static inline void tool_gap(struct tool *tool, int64_t offsets)
{
    struct silt_manifest m = tool_manifest(tool, offsets);
    m.kind = SILT_SLOT_GAP;
    tool_commit(tool, &m);
}

/* Kafka's log was truncated: from `back_to` on it has other records. */
static inline void tool_lineage(struct tool *tool, int64_t back_to)
{
    tool->lineage++;
    struct silt_manifest m = tool_manifest(tool, back_to - tool->next);
    m.kind = SILT_SLOT_LINEAGE;
    tool_commit(tool, &m);
}

static inline struct silt_memory_object *tool_object(struct tool *tool, unsigned file)
{
    return silt_memory_find(tool->mem, tool->last.files[file].key);
}

static inline void tool_manifest_key(const struct tool *tool, int64_t seq,
                                     char ret_key[SILT_KEY_MAX])
{
    silt_key_manifest(&tool->tp, seq, ret_key);
}

/* Writes repair k of a file of the last slot. body NULL: nothing was stored. */
static inline void tool_repair(struct tool *tool, unsigned file, unsigned k, bool lost,
                               const struct silt_slice *body)
{
    char key[SILT_KEY_MAX];
    struct silt_buf text;
    struct silt_repair repair = {
        .seq = tool->last.seq, .file = file, .k = k, .lost = lost, .with = tool->last.files[file]};
    struct silt_data_key data = {.unit = SILT_BUCKET_DAY,
                                 .bucket = 20000,
                                 .seq = tool->last.seq,
                                 .start = tool->last.start,
                                 .role = tool_role(file),
                                 .nonce = "00000000000000ff",
                                 .is_repair = true,
                                 .repair_file = file,
                                 .repair_k = k};
    silt_key_data(&tool->tp, &data, repair.with.key);
    snprintf(repair.with.token, sizeof repair.with.token, "repaired-%u", k);
    silt_buf_init(&text, SILT_MANIFEST_MAX);
    CU_ASSERT_OK(silt_repair_write(&repair, &tool->tp, &text, NULL));
    silt_key_repair(&tool->tp, tool->last.seq, file, k, key);
    silt_memory_put(tool->mem, key, silt_buf_slice(&text));
    silt_buf_done(&text);
    if (body) tool_store(tool, &repair.with, *body);
}

#endif
