#include "inspect/merge.h"

#include "base/alloc.h"

#define CHUNKS_BYTES ((size_t)64 << 20) /* of all files together */
#define CHUNK_MAX ((size_t)8 << 20)
#define CHUNK_MIN ((size_t)256 << 10)

struct lane {
    struct silt_object *object;
    struct silt_object_row row;
    bool has_row;
    bool is_done;
};

struct silt_merge {
    struct lane *lanes;
    unsigned lanes_n;
};

static size_t chunk_bytes(unsigned files_n)
{
    size_t bytes = files_n ? CHUNKS_BYTES / files_n : CHUNK_MAX;
    if (bytes > CHUNK_MAX) return CHUNK_MAX;
    return bytes < CHUNK_MIN ? CHUNK_MIN : bytes;
}

struct silt_merge *silt_merge_open(struct silt_store *store,
                                   const struct silt_manifest_file *const *files, unsigned files_n)
{
    struct silt_merge *merge = SILT_NEW(struct silt_merge);
    merge->lanes = silt_calloc(files_n, sizeof *merge->lanes);
    merge->lanes_n = files_n;
    for (unsigned i = 0; i < files_n; i++)
        merge->lanes[i].object = silt_object_open(&(struct silt_object_opts){
            .store = store, .file = files[i], .chunk_bytes = chunk_bytes(files_n)});
    return merge;
}

void silt_merge_close(struct silt_merge *merge)
{
    if (!merge) return;
    for (unsigned i = 0; i < merge->lanes_n; i++) silt_object_close(merge->lanes[i].object);
    silt_free(merge->lanes);
    silt_free(merge);
}

struct silt_object *silt_merge_object(const struct silt_merge *merge, unsigned index)
{
    return merge->lanes[index].object;
}

/* ROW: every file that is not done has its next row. */
static enum silt_object_status fill(struct silt_merge *merge, unsigned *ret_index,
                                    struct silt_err *err)
{
    for (unsigned i = 0; i < merge->lanes_n; i++) {
        struct lane *lane = &merge->lanes[i];
        if (lane->has_row || lane->is_done) continue;
        enum silt_object_status status = silt_object_next(lane->object, &lane->row, err);
        lane->has_row = status == SILT_OBJECT_ROW;
        lane->is_done = !lane->has_row;
        *ret_index = i;
        if (status == SILT_OBJECT_DAMAGED || status == SILT_OBJECT_FAILED) return status;
    }
    return SILT_OBJECT_ROW;
}

static struct lane *lowest(struct silt_merge *merge)
{
    struct lane *best = NULL;
    for (unsigned i = 0; i < merge->lanes_n; i++) {
        struct lane *lane = &merge->lanes[i];
        if (lane->has_row && (!best || lane->row.rec.offset < best->row.rec.offset)) best = lane;
    }
    return best;
}

enum silt_object_status silt_merge_next(struct silt_merge *merge,
                                        const struct silt_object_row **ret_row, unsigned *ret_index,
                                        struct silt_err *err)
{
    enum silt_object_status status = fill(merge, ret_index, err);
    if (status != SILT_OBJECT_ROW) return status;
    struct lane *lane = lowest(merge);
    if (!lane) return SILT_OBJECT_END;
    lane->has_row = false;
    *ret_row = &lane->row;
    *ret_index = (unsigned)(lane - merge->lanes);
    return SILT_OBJECT_ROW;
}
