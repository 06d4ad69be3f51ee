/* Parsing canonical form: full names, only the attributes that parsing needs, in a fixed order, no
 * white space. Names and symbols are plain ASCII by then, so no text needs escapes. (Avro 1.11
 * specification, "Transforming into Parsing Canonical Form".) Pure. */
#include "schema_tree_int.h"

struct out {
    struct silt_buf text;
    const char *prefix; /* of all type names */
};

static void put(struct out *out, const char *text)
{
    silt_buf_append_str(&out->text, text);
}

static void put_char(struct out *out, char c)
{
    silt_buf_append_char(&out->text, c);
}

static void write_child(struct out *out, const struct silt_child *child);

static void write_children(struct out *out, const struct silt_type *type)
{
    for (unsigned i = 0; i < type->children_n; i++) {
        if (i > 0) put_char(out, ',');
        write_child(out, &type->children[i]);
    }
}

static void write_fields(struct out *out, const struct silt_type *type)
{
    put(out, ",\"fields\":[");
    for (unsigned i = 0; i < type->children_n; i++) {
        put(out, i > 0 ? ",{\"name\":\"" : "{\"name\":\"");
        put(out, type->children[i].name);
        put(out, "\",\"type\":");
        write_child(out, &type->children[i]);
        put_char(out, '}');
    }
    put_char(out, ']');
}

static void write_symbols(struct out *out, const struct silt_type *type)
{
    put(out, ",\"symbols\":[");
    for (unsigned i = 0; i < type->symbols_n; i++) {
        put(out, i > 0 ? ",\"" : "\"");
        put(out, type->symbols[i]);
        put_char(out, '"');
    }
    put_char(out, ']');
}

static void write_named(struct out *out, const struct silt_type *type)
{
    put(out, "{\"name\":\"");
    put(out, out->prefix);
    put(out, type->name);
    put(out, "\",\"type\":\"");
    put(out, silt_type_kind_name(type->kind));
    put_char(out, '"');
    if (type->kind == SILT_TYPE_RECORD) write_fields(out, type);
    if (type->kind == SILT_TYPE_ENUM) write_symbols(out, type);
    if (type->kind == SILT_TYPE_FIXED)
        silt_buf_printf(&out->text, ",\"size\":%lld", (long long)type->size);
    put_char(out, '}');
}

static void write_quoted(struct out *out, const char *text)
{
    put_char(out, '"');
    put(out, text);
    put_char(out, '"');
}

static void write_type(struct out *out, const struct silt_type *type)
{
    switch (type->kind) {
    case SILT_TYPE_RECORD:
    case SILT_TYPE_ENUM:
    case SILT_TYPE_FIXED: write_named(out, type); return;
    case SILT_TYPE_ARRAY:
        put(out, "{\"type\":\"array\",\"items\":");
        write_children(out, type);
        put_char(out, '}');
        return;
    case SILT_TYPE_MAP:
        put(out, "{\"type\":\"map\",\"values\":");
        write_children(out, type);
        put_char(out, '}');
        return;
    case SILT_TYPE_UNION:
        put_char(out, '[');
        write_children(out, type);
        put_char(out, ']');
        return;
    default: write_quoted(out, silt_type_kind_name(type->kind));
    }
}

static void write_child(struct out *out, const struct silt_child *child)
{
    if (child->by_name) {
        put_char(out, '"');
        put(out, out->prefix);
        put(out, child->type->name);
        put_char(out, '"');
        return;
    }
    write_type(out, child->type);
}

/* The bound is out of reach: SILT_SCHEMA_VALUES_MAX names of twice SILT_SCHEMA_NAME_MAX and the
 * text itself. */
#define CANONICAL_MAX \
    ((size_t)SILT_SCHEMA_VALUES_MAX * 2 * (SILT_SCHEMA_NAME_MAX + 16) + SILT_SCHEMA_BYTES_MAX)

SILT_RC silt_tree_write(const struct silt_tree *tree, const char *prefix, struct silt_buf *ret_text,
                        struct silt_err *err)
{
    struct out out = {.prefix = prefix};
    silt_buf_init(&out.text, CANONICAL_MAX);
    write_child(&out, silt_tree_root(tree));
    bool fits = silt_buf_append(ret_text, out.text.data, out.text.len);
    silt_buf_done(&out.text);
    if (!fits) SILT_FAIL(err, SCHEMA, "the canonical form is longer than %zu bytes", ret_text->max);
    return SILT_OK;
}
