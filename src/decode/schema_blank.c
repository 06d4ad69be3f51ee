#include "schema_blank_int.h"

#define BLANK_MAX ((size_t)64 << 10)
#define TYPES_MAX 10000u

static bool put_blank(const struct silt_type *type, unsigned *types_left, struct silt_buf *out);

/* The index as a zig-zag varint, and the branch: null, or else the first. */
static bool put_blank_union(const struct silt_type *type, unsigned *types_left,
                            struct silt_buf *out)
{
    unsigned index = 0;
    for (unsigned i = 0; i < type->children_n; i++)
        if (type->children[i].type->kind == SILT_TYPE_NULL) index = i;
    const struct silt_type *branch = type->children[index].type;
    for (index *= 2; index >= 0x80; index >>= 7)
        if (!silt_buf_append_char(out, (char)(0x80 | (index & 0x7F)))) return false;
    return silt_buf_append_char(out, (char)index) && put_blank(branch, types_left, out);
}

/* Appends a datum of the type with as little content as there can be. */
static bool put_blank(const struct silt_type *type, unsigned *types_left, struct silt_buf *out)
{
    static const uint8_t zeros[8];
    if (--*types_left == 0) return false;
    uint8_t *room;
    switch (type->kind) {
    case SILT_TYPE_NULL: return true;
    case SILT_TYPE_FLOAT: return silt_buf_append(out, zeros, 4);
    case SILT_TYPE_DOUBLE: return silt_buf_append(out, zeros, 8);
    case SILT_TYPE_FIXED:
        room = silt_buf_reserve(out, (size_t)type->size);
        if (room) memset(room, 0, (size_t)type->size);
        if (room) out->len += (size_t)type->size;
        return room != NULL;
    case SILT_TYPE_RECORD:
        for (unsigned i = 0; i < type->children_n; i++)
            if (!put_blank(type->children[i].type, types_left, out)) return false;
        return true;
    case SILT_TYPE_UNION: return put_blank_union(type, types_left, out);
    default: return silt_buf_append(out, zeros, 1); /* false, 0, "", no items, the first symbol */
    }
}

bool silt_schema_blank(const struct silt_type *type, struct silt_buf *ret_blank)
{
    unsigned types_left = TYPES_MAX;
    silt_buf_init(ret_blank, BLANK_MAX);
    return put_blank(type, &types_left, ret_blank);
}
