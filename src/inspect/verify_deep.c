/* Every byte and every row of a slot, in one pass over its files. */
#include "verify_int.h"

#include "base/alloc.h"
#include "encode/codec.h"
#include "encode/row.h"
#include "inspect/merge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct file_state {
    const struct silt_manifest_file *file;
    int64_t rows;
    int64_t first;
    int64_t last;
    bool spoiled; /* a fault of its rows was said: no further ones are */
};

struct deep {
    struct silt_verifier *v;
    const struct silt_slot_seen *slot;
    const struct silt_manifest_file **list;
    struct file_state *files;
    unsigned files_n;
    struct silt_merge *merge;
    struct silt_digest *digest;
    struct silt_buf room; /* for the row that the digest is fed from */
    int64_t last;         /* offset of the row before, in any file */
    bool whole;           /* every file of the slot is there and good */
};

static void spoil(struct deep *deep, unsigned i, enum silt_fault_kind kind, const char *text)
{
    deep->whole = false;
    if (deep->files[i].spoiled) return;
    deep->files[i].spoiled = true;
    silt_verify_say(deep->v, kind, deep->slot, deep->files[i].file, "%s", text);
}

/* ---- header ---- */

static bool meta_is(const struct silt_object *object, const char *key, const char *wanted)
{
    const char *value = silt_object_meta(object, key);
    return value && strcmp(value, wanted) == 0;
}

static const char *wrong_meta(const struct deep *deep, const struct silt_object *object)
{
    const struct silt_manifest_file *file = silt_object_file(object);
    char partition[16];
    char schema_id[16] = "";
    enum silt_codec codec;
    snprintf(partition, sizeof partition, "%" PRId32, deep->slot->manifest.tp.partition);
    if (file->schema_id >= 0) snprintf(schema_id, sizeof schema_id, "%" PRId32, file->schema_id);
    if (!silt_codec_parse(file->codec, &codec)) return "codec";
    if (!meta_is(object, "silt.topic", deep->slot->manifest.tp.topic)) return "silt.topic";
    if (!meta_is(object, "silt.partition", partition)) return "silt.partition";
    if (!meta_is(object, "silt.role", silt_role_name(file->role))) return "silt.role";
    if (!meta_is(object, "silt.schema_id", schema_id)) return "silt.schema_id";
    return meta_is(object, "avro.codec", silt_codec_avro_name(codec)) ? NULL : "avro.codec";
}

static void check_meta(struct deep *deep, unsigned i)
{
    const struct silt_object *object = silt_merge_object(deep->merge, i);
    const char *name = wrong_meta(deep, object);
    const char *value = name ? silt_object_meta(object, name) : NULL;
    char text[200];
    if (!name) return;
    snprintf(text, sizeof text, "the header's %s is %.80s, the manifest says otherwise", name,
             value ? value : "missing");
    spoil(deep, i, SILT_FAULT_HEADER, text);
}

/* ---- rows ---- */

static bool is_inside(const struct silt_offsets *ranges, unsigned n, int64_t offset)
{
    for (unsigned i = 0; i < n; i++)
        if (offset >= ranges[i].first && offset <= ranges[i].last) return true;
    return false;
}

static const char *wrong_row(const struct deep *deep, const struct file_state *state,
                             const struct silt_record *rec)
{
    const struct silt_manifest *m = &deep->slot->manifest;
    if (rec->partition != m->tp.partition) return "is of another partition";
    if (state->rows && rec->offset <= state->last) return "does not come after the row before it";
    if (rec->offset < state->file->first || rec->offset > state->file->last)
        return "is outside of what the manifest says of the file";
    if (is_inside(m->holes, m->holes_n, rec->offset)) return "stands in a hole of the manifest";
    if (is_inside(m->unreadable, m->unreadable_n, rec->offset))
        return "stands in an unreadable range of the manifest";
    return rec->offset == deep->last ? "is in another file of the slot, too" : NULL;
}

static void feed_digest(struct deep *deep, const struct silt_object_row *row)
{
    size_t size = silt_row_size_max(&row->rec, row->body);
    silt_buf_clear(&deep->room);
    uint8_t *out = silt_buf_reserve(&deep->room, size);
    SILT_ASSERT(out);
    if (row->rec.value_null)
        silt_row_tombstone(out, &row->rec, deep->digest);
    else
        silt_row_data(out, &row->rec, row->framing, row->body, deep->digest);
}

static void take_row(struct deep *deep, unsigned i, const struct silt_object_row *row)
{
    struct file_state *state = &deep->files[i];
    if (state->rows == 0) check_meta(deep, i);
    if (state->spoiled) return;
    const char *wrong = wrong_row(deep, state, &row->rec);
    if (wrong) {
        char text[160];
        snprintf(text, sizeof text, "row %" PRId64 ", offset %" PRId64 ": %s", state->rows,
                 row->rec.offset, wrong);
        spoil(deep, i, SILT_FAULT_ROW, text);
        return;
    }
    if (state->rows++ == 0) state->first = row->rec.offset;
    state->last = deep->last = row->rec.offset;
    if (deep->whole) feed_digest(deep, row);
}

static SILT_RC read_rows(struct deep *deep, struct silt_err *err)
{
    const struct silt_object_row *row;
    unsigned i = 0;
    for (;;) {
        switch (silt_merge_next(deep->merge, &row, &i, err)) {
        case SILT_OBJECT_ROW: take_row(deep, i, row); break;
        case SILT_OBJECT_DAMAGED: spoil(deep, i, SILT_FAULT_DAMAGED, err->text); break;
        case SILT_OBJECT_FAILED: return (struct silt_rc){false};
        default: return SILT_OK; /* END */
        }
    }
}

/* ---- the end of a file, the end of the slot ---- */

static void check_count(struct deep *deep, unsigned i)
{
    const struct file_state *state = &deep->files[i];
    const struct silt_manifest_file *file = state->file;
    char text[160];
    if (state->spoiled) return;
    if (state->rows == file->records && state->first == file->first && state->last == file->last)
        return;
    snprintf(text, sizeof text,
             "%" PRId64 " rows from offset %" PRId64 " to %" PRId64 ", the manifest says %" PRId64
             " from %" PRId64 " to %" PRId64,
             state->rows, state->first, state->last, file->records, file->first, file->last);
    spoil(deep, i, SILT_FAULT_COUNT, text);
}

/* Said beside what was said of the rows: it is the one that tells damage from a mistake. */
static SILT_RC check_bytes(struct deep *deep, unsigned i, struct silt_err *err)
{
    struct silt_err wrong;
    struct silt_object *object = silt_merge_object(deep->merge, i);
    SILT_TRY(silt_object_drain(object, err));
    if (silt_ok(silt_object_checksums(object, &wrong))) return SILT_OK;
    deep->whole = false;
    silt_verify_say(deep->v, SILT_FAULT_CHECKSUM, deep->slot, deep->files[i].file, "%s",
                    wrong.text);
    return SILT_OK;
}

static void check_digest(struct deep *deep)
{
    char hex[SILT_DIGEST_HEX];
    if (!deep->whole) return;
    silt_digest_hex(deep->digest, hex);
    if (strcmp(hex, deep->slot->manifest.digest) == 0) return;
    silt_verify_say(deep->v, SILT_FAULT_DIGEST, deep->slot, NULL,
                    "the records' digest is %s, the manifest says %s", hex,
                    deep->slot->manifest.digest);
}

static void pick_files(struct deep *deep)
{
    const struct silt_manifest *m = &deep->slot->manifest;
    deep->list = silt_calloc(m->files_n, sizeof *deep->list);
    deep->files = silt_calloc(m->files_n, sizeof *deep->files);
    for (unsigned i = 0; i < m->files_n; i++) {
        const struct silt_found *found = &deep->slot->found[i];
        bool readable = found->state == SILT_FOUND_PRESENT && found->size == found->file->size;
        deep->whole &= readable;
        if (!readable) continue;
        deep->files[deep->files_n].file = found->file;
        deep->list[deep->files_n++] = found->file;
    }
}

static SILT_RC read_all(struct deep *deep, struct silt_err *err)
{
    SILT_TRY(read_rows(deep, err));
    for (unsigned i = 0; i < deep->files_n; i++) {
        check_count(deep, i);
        SILT_TRY(check_bytes(deep, i, err));
    }
    check_digest(deep);
    return SILT_OK;
}

struct silt_rc silt_verify_deep(struct silt_verifier *v, const struct silt_slot_seen *slot,
                                struct silt_err *err)
{
    if (slot->manifest.kind != SILT_SLOT_DATA) return SILT_OK;
    struct deep deep = {.v = v, .slot = slot, .whole = true, .last = -1};
    pick_files(&deep);
    deep.digest = silt_digest_new();
    silt_buf_init(&deep.room, SILT_BUF_MAX_DEFAULT);
    deep.merge = silt_merge_open(v->opts->store, deep.list, deep.files_n);
    struct silt_rc rc = read_all(&deep, err);
    silt_merge_close(deep.merge);
    silt_buf_done(&deep.room);
    silt_digest_free(deep.digest);
    silt_free(deep.files);
    silt_free(deep.list);
    return rc;
}
