/* Parsing canonical form: full names, only the attributes that parsing needs, in a fixed order, no
 * white space. Names and symbols are plain ASCII by then, so no text needs escapes. (Avro 1.11
 * specification, "Transforming into Parsing Canonical Form".) Pure. */
#include "schema_tree_int.h"

static void write_child(struct silt_buf *buf, const struct silt_child *child);

static void write_children(struct silt_buf *buf, const struct silt_type *type)
{
    for (unsigned i = 0; i < type->children_n; i++) {
        if (i > 0) silt_buf_append_char(buf, ',');
        write_child(buf, &type->children[i]);
    }
}

static void write_fields(struct silt_buf *buf, const struct silt_type *type)
{
    silt_buf_append_str(buf, ",\"fields\":[");
    for (unsigned i = 0; i < type->children_n; i++) {
        silt_buf_append_str(buf, i > 0 ? ",{\"name\":\"" : "{\"name\":\"");
        silt_buf_append_str(buf, type->children[i].name);
        silt_buf_append_str(buf, "\",\"type\":");
        write_child(buf, &type->children[i]);
        silt_buf_append_char(buf, '}');
    }
    silt_buf_append_char(buf, ']');
}

static void write_symbols(struct silt_buf *buf, const struct silt_type *type)
{
    silt_buf_append_str(buf, ",\"symbols\":[");
    for (unsigned i = 0; i < type->symbols_n; i++) {
        silt_buf_append_str(buf, i > 0 ? ",\"" : "\"");
        silt_buf_append_str(buf, type->symbols[i]);
        silt_buf_append_char(buf, '"');
    }
    silt_buf_append_char(buf, ']');
}

static void write_named(struct silt_buf *buf, const struct silt_type *type)
{
    silt_buf_append_str(buf, "{\"name\":\"");
    silt_buf_append_str(buf, type->name);
    silt_buf_append_str(buf, "\",\"type\":\"");
    silt_buf_append_str(buf, silt_type_kind_name(type->kind));
    silt_buf_append_char(buf, '"');
    if (type->kind == SILT_TYPE_RECORD) write_fields(buf, type);
    if (type->kind == SILT_TYPE_ENUM) write_symbols(buf, type);
    if (type->kind == SILT_TYPE_FIXED)
        silt_buf_printf(buf, ",\"size\":%lld", (long long)type->size);
    silt_buf_append_char(buf, '}');
}

static void write_quoted(struct silt_buf *buf, const char *text)
{
    silt_buf_append_char(buf, '"');
    silt_buf_append_str(buf, text);
    silt_buf_append_char(buf, '"');
}

static void write_type(struct silt_buf *buf, const struct silt_type *type)
{
    switch (type->kind) {
    case SILT_TYPE_RECORD:
    case SILT_TYPE_ENUM:
    case SILT_TYPE_FIXED: write_named(buf, type); return;
    case SILT_TYPE_ARRAY:
        silt_buf_append_str(buf, "{\"type\":\"array\",\"items\":");
        write_children(buf, type);
        silt_buf_append_char(buf, '}');
        return;
    case SILT_TYPE_MAP:
        silt_buf_append_str(buf, "{\"type\":\"map\",\"values\":");
        write_children(buf, type);
        silt_buf_append_char(buf, '}');
        return;
    case SILT_TYPE_UNION:
        silt_buf_append_char(buf, '[');
        write_children(buf, type);
        silt_buf_append_char(buf, ']');
        return;
    default: write_quoted(buf, silt_type_kind_name(type->kind));
    }
}

static void write_child(struct silt_buf *buf, const struct silt_child *child)
{
    if (child->by_name) {
        write_quoted(buf, child->type->name);
        return;
    }
    write_type(buf, child->type);
}

/* The bound is out of reach: SILT_SCHEMA_VALUES_MAX names of twice SILT_SCHEMA_NAME_MAX and the
 * text itself. */
#define CANONICAL_MAX \
    ((size_t)SILT_SCHEMA_VALUES_MAX * 2 * (SILT_SCHEMA_NAME_MAX + 16) + SILT_SCHEMA_BYTES_MAX)

SILT_RC silt_tree_canonical(const struct silt_tree *tree, struct silt_buf *ret_text,
                            struct silt_err *err)
{
    struct silt_buf text;
    silt_buf_init(&text, CANONICAL_MAX);
    write_child(&text, silt_tree_root(tree));
    bool fits = silt_buf_append(ret_text, text.data, text.len);
    silt_buf_done(&text);
    if (!fits) SILT_FAIL(err, SCHEMA, "the canonical form is longer than %zu bytes", ret_text->max);
    return SILT_OK;
}
