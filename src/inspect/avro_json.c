#include "inspect/avro_json.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/random.h"
#include "encode/row.h"

#include <endian.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* decode/schema.h accepts 64 levels of JSON; values of recursive types may be deeper. */
#define BUILD_DEPTH_MAX 128
#define VALUE_DEPTH_MAX 128
#define NAME_LEN 1100

enum kind {
    KIND_NULL,
    KIND_BOOLEAN,
    KIND_INT, /* and long */
    KIND_FLOAT,
    KIND_DOUBLE,
    KIND_BYTES,
    KIND_STRING,
    KIND_RECORD,
    KIND_ENUM,
    KIND_FIXED,
    KIND_ARRAY,
    KIND_MAP,
    KIND_UNION,
};

struct node {
    enum kind kind;
    int64_t size;          /* FIXED */
    struct node **parts;   /* fields, branches, items, values */
    const char **names;    /* fields, symbols; the JSON's */
    unsigned parts_n;      /* ENUM: symbols */
    struct node *all_next; /* of the schema, for freeing */
};

struct silt_avro_json {
    json_t *json;
    struct node *all;
    struct node *root;
    struct silt_map *named; /* full name -> node */
};

/* ---- from the schema ---- */

struct build {
    struct silt_avro_json *schema;
    unsigned depth;
};

static struct node *build(struct build *b, const json_t *type, const char *space);

static struct node *new_node(struct build *b, enum kind kind, size_t parts_n)
{
    struct node *node = SILT_NEW(struct node);
    node->kind = kind;
    node->parts_n = (unsigned)parts_n;
    node->parts = silt_calloc(parts_n, sizeof *node->parts);
    node->names = silt_calloc(parts_n, sizeof *node->names);
    node->all_next = b->schema->all;
    b->schema->all = node;
    return node;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* (Avro 1.11 specification, "Names") ret_space: of what is inside. */
static void full_name(const json_t *type, const char *space, char ret_name[NAME_LEN],
                      char ret_space[NAME_LEN])
{
    const char *name = text_of(type, "name");
    const char *own = text_of(type, "namespace");
    if (!name) name = "";
    if (!own) own = space;
    bool is_full = strchr(name, '.') || !own[0];
    snprintf(ret_name, NAME_LEN, "%s%s%s", is_full ? "" : own, is_full ? "" : ".", name);
    const char *dot = strrchr(ret_name, '.');
    snprintf(ret_space, NAME_LEN, "%.*s", dot ? (int)(dot - ret_name) : 0, ret_name);
}

static void define(struct build *b, const char *name, struct node *node)
{
    silt_map_put(b->schema->named, name, strlen(name), node);
}

static struct node *build_record(struct build *b, const json_t *type, const char *space)
{
    char name[NAME_LEN];
    char inner[NAME_LEN];
    const json_t *fields = json_object_get(type, "fields");
    struct node *node = new_node(b, KIND_RECORD, json_array_size(fields));
    full_name(type, space, name, inner);
    define(b, name, node);
    for (unsigned i = 0; i < node->parts_n; i++) {
        const json_t *field = json_array_get(fields, i);
        node->names[i] = text_of(field, "name");
        node->parts[i] = build(b, json_object_get(field, "type"), inner);
        if (!node->names[i] || !node->parts[i]) return NULL;
    }
    return node;
}

static struct node *build_enum(struct build *b, const json_t *type, const char *space)
{
    char name[NAME_LEN];
    char inner[NAME_LEN];
    const json_t *symbols = json_object_get(type, "symbols");
    struct node *node = new_node(b, KIND_ENUM, json_array_size(symbols));
    full_name(type, space, name, inner);
    define(b, name, node);
    for (unsigned i = 0; i < node->parts_n; i++) {
        node->names[i] = json_string_value(json_array_get(symbols, i));
        if (!node->names[i]) return NULL;
    }
    return node;
}

static struct node *build_fixed(struct build *b, const json_t *type, const char *space)
{
    char name[NAME_LEN];
    char inner[NAME_LEN];
    struct node *node = new_node(b, KIND_FIXED, 0);
    full_name(type, space, name, inner);
    define(b, name, node);
    node->size = json_integer_value(json_object_get(type, "size"));
    return node;
}

static struct node *build_of(struct build *b, enum kind kind, const json_t *type,
                             const char *member, const char *space)
{
    struct node *node = new_node(b, kind, 1);
    node->parts[0] = build(b, json_object_get(type, member), space);
    return node->parts[0] ? node : NULL;
}

static struct node *build_union(struct build *b, const json_t *branches, const char *space)
{
    struct node *node = new_node(b, KIND_UNION, json_array_size(branches));
    for (unsigned i = 0; i < node->parts_n; i++) {
        node->parts[i] = build(b, json_array_get(branches, i), space);
        if (!node->parts[i]) return NULL;
    }
    return node;
}

static struct node *build_name(struct build *b, const char *name, const char *space)
{
    static const struct {
        const char *name;
        enum kind kind;
    } plain[] = {{"null", KIND_NULL},   {"boolean", KIND_BOOLEAN}, {"int", KIND_INT},
                 {"long", KIND_INT},    {"float", KIND_FLOAT},     {"double", KIND_DOUBLE},
                 {"bytes", KIND_BYTES}, {"string", KIND_STRING}};
    char full[NAME_LEN];
    for (unsigned i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (strcmp(name, plain[i].name) == 0) return new_node(b, plain[i].kind, 0);
    bool is_full = strchr(name, '.') || !space[0];
    snprintf(full, sizeof full, "%s%s%s", is_full ? "" : space, is_full ? "" : ".", name);
    struct node *node = silt_map_get(b->schema->named, full, strlen(full));
    return node ? node : silt_map_get(b->schema->named, name, strlen(name));
}

static struct node *build_object(struct build *b, const json_t *type, const char *space)
{
    const char *name = text_of(type, "type");
    if (!name) return build(b, json_object_get(type, "type"), space);
    if (strcmp(name, "record") == 0 || strcmp(name, "error") == 0)
        return build_record(b, type, space);
    if (strcmp(name, "enum") == 0) return build_enum(b, type, space);
    if (strcmp(name, "fixed") == 0) return build_fixed(b, type, space);
    if (strcmp(name, "array") == 0) return build_of(b, KIND_ARRAY, type, "items", space);
    if (strcmp(name, "map") == 0) return build_of(b, KIND_MAP, type, "values", space);
    return build_name(b, name, space);
}

/* @return NULL for what is no schema. */
static struct node *build(struct build *b, const json_t *type, const char *space)
{
    struct node *node = NULL;
    if (++b->depth > BUILD_DEPTH_MAX) return NULL;
    if (json_is_string(type)) node = build_name(b, json_string_value(type), space);
    if (json_is_array(type)) node = build_union(b, type, space);
    if (json_is_object(type)) node = build_object(b, type, space);
    b->depth--;
    return node;
}

void silt_avro_json_free(struct silt_avro_json *schema)
{
    if (!schema) return;
    for (struct node *node = schema->all; node;) {
        struct node *next = node->all_next;
        silt_free(node->parts);
        silt_free(node->names);
        silt_free(node);
        node = next;
    }
    json_decref(schema->json);
    silt_map_free(schema->named);
    silt_free(schema);
}

struct silt_rc silt_avro_json_new(const char *schema_json, struct silt_avro_json **ret_schema,
                                  struct silt_err *err)
{
    json_error_t why;
    struct silt_avro_json *schema = SILT_NEW(struct silt_avro_json);
    struct build b = {.schema = schema};
    schema->named = silt_map_new();
    schema->json = json_loads(schema_json, JSON_ALLOW_NUL, &why);
    schema->root = schema->json ? build(&b, schema->json, "") : NULL;
    if (schema->root && schema->root->kind == KIND_RECORD) {
        *ret_schema = schema;
        return SILT_OK;
    }
    silt_avro_json_free(schema);
    SILT_FAIL(err, SCHEMA, "this is no schema of a record");
}

/* ---- values: each take_… moves `in` behind what it read ---- */

static bool take_long(struct silt_slice *in, int64_t *ret_value)
{
    size_t len = silt_varint_read(*in, ret_value);
    *in = silt_slice_of(in->ptr + len, in->len - len);
    return len != 0;
}

static bool take_raw(struct silt_slice *in, int64_t len, struct silt_slice *ret_bytes)
{
    if (len < 0 || (uint64_t)len > in->len) return false;
    *ret_bytes = silt_slice_of(in->ptr, (size_t)len);
    *in = silt_slice_of(in->ptr + len, in->len - (size_t)len);
    return true;
}

static bool take_bytes(struct silt_slice *in, struct silt_slice *ret_bytes)
{
    int64_t len;
    return take_long(in, &len) && take_raw(in, len, ret_bytes);
}

void silt_avro_json_base64(struct silt_slice bytes, struct silt_jsonw *w)
{
    char *text = silt_alloc(SILT_BASE64_LEN(bytes.len));
    silt_base64(bytes.ptr, bytes.len, text);
    silt_jsonw_str(w, text);
    silt_free(text);
}

static bool print(const struct node *node, struct silt_slice *in, struct silt_jsonw *w,
                  unsigned depth);

static bool print_boolean(struct silt_slice *in, struct silt_jsonw *w)
{
    struct silt_slice byte;
    if (!take_raw(in, 1, &byte)) return false;
    silt_jsonw_bool(w, byte.ptr[0] != 0);
    return true;
}

static bool print_int(struct silt_slice *in, struct silt_jsonw *w)
{
    int64_t value;
    if (!take_long(in, &value)) return false;
    silt_jsonw_int(w, value);
    return true;
}

/* As few digits as lead back to the value: 0.1 as a float is not 0.100000001. */
static void print_number(double value, bool is_float, struct silt_jsonw *w)
{
    char text[32];
    const int digits_max = is_float ? 9 : 17;
    if (!isfinite(value)) {
        silt_jsonw_null(w);
        return;
    }
    for (int digits = is_float ? 6 : 15; digits <= digits_max; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        double back = is_float ? (double)strtof(text, NULL) : strtod(text, NULL);
        if (back <= value && back >= value) break;
    }
    silt_jsonw_raw(w, text);
}

static bool print_float(struct silt_slice *in, struct silt_jsonw *w)
{
    struct silt_slice bytes;
    uint32_t bits;
    float value;
    if (!take_raw(in, sizeof bits, &bytes)) return false;
    memcpy(&bits, bytes.ptr, sizeof bits);
    bits = le32toh(bits);
    memcpy(&value, &bits, sizeof value);
    print_number((double)value, true, w);
    return true;
}

static bool print_double(struct silt_slice *in, struct silt_jsonw *w)
{
    struct silt_slice bytes;
    uint64_t bits;
    double value;
    if (!take_raw(in, sizeof bits, &bytes)) return false;
    memcpy(&bits, bytes.ptr, sizeof bits);
    bits = le64toh(bits);
    memcpy(&value, &bits, sizeof value);
    print_number(value, false, w);
    return true;
}

static bool print_bytes(struct silt_slice *in, struct silt_jsonw *w)
{
    struct silt_slice bytes;
    if (!take_bytes(in, &bytes)) return false;
    silt_avro_json_base64(bytes, w);
    return true;
}

static bool print_string(struct silt_slice *in, struct silt_jsonw *w)
{
    struct silt_slice bytes;
    if (!take_bytes(in, &bytes)) return false;
    silt_jsonw_bytes(w, bytes);
    return true;
}

static bool print_fixed(const struct node *node, struct silt_slice *in, struct silt_jsonw *w)
{
    struct silt_slice bytes;
    if (!take_raw(in, node->size, &bytes)) return false;
    silt_avro_json_base64(bytes, w);
    return true;
}

static bool take_index(const struct node *node, struct silt_slice *in, int64_t *ret_index)
{
    return take_long(in, ret_index) && *ret_index >= 0 && *ret_index < (int64_t)node->parts_n;
}

static bool print_enum(const struct node *node, struct silt_slice *in, struct silt_jsonw *w)
{
    int64_t index;
    if (!take_index(node, in, &index)) return false;
    silt_jsonw_str(w, node->names[index]);
    return true;
}

static bool print_union(const struct node *node, struct silt_slice *in, struct silt_jsonw *w,
                        unsigned depth)
{
    int64_t index;
    return take_index(node, in, &index) && print(node->parts[index], in, w, depth);
}

static bool print_fields(const struct node *node, unsigned first, struct silt_slice *in,
                         struct silt_jsonw *w, unsigned depth)
{
    silt_jsonw_open(w, '{');
    for (unsigned i = first; i < node->parts_n; i++) {
        silt_jsonw_key(w, node->names[i]);
        if (!print(node->parts[i], in, w, depth)) return false;
    }
    silt_jsonw_close(w, '}');
    return true;
}

static bool print_key(struct silt_slice *in, struct silt_jsonw *w)
{
    struct silt_slice key;
    if (!take_bytes(in, &key)) return false;
    char *text = silt_strndup((const char *)key.ptr, key.len);
    silt_jsonw_key(w, text);
    silt_free(text);
    return true;
}

/* Items without bytes cannot be more than the walker let through. */
static bool print_items(const struct node *node, int64_t n, struct silt_slice *in,
                        struct silt_jsonw *w, unsigned depth)
{
    for (; n > 0; n--) {
        if (node->kind == KIND_MAP && !print_key(in, w)) return false;
        if (!print(node->parts[0], in, w, depth)) return false;
    }
    return true;
}

static bool print_blocks(const struct node *node, struct silt_slice *in, struct silt_jsonw *w,
                         unsigned depth)
{
    bool is_map = node->kind == KIND_MAP;
    int64_t count;
    int64_t size;
    silt_jsonw_open(w, is_map ? '{' : '[');
    for (;;) {
        if (!take_long(in, &count)) return false;
        if (count == 0) break;
        if (count < 0 && (count == INT64_MIN || !take_long(in, &size))) return false;
        if (!print_items(node, count < 0 ? -count : count, in, w, depth)) return false;
    }
    silt_jsonw_close(w, is_map ? '}' : ']');
    return true;
}

static bool print(const struct node *node, struct silt_slice *in, struct silt_jsonw *w,
                  unsigned depth)
{
    if (depth > VALUE_DEPTH_MAX) return false;
    switch (node->kind) {
    case KIND_NULL: silt_jsonw_null(w); return true;
    case KIND_BOOLEAN: return print_boolean(in, w);
    case KIND_INT: return print_int(in, w);
    case KIND_FLOAT: return print_float(in, w);
    case KIND_DOUBLE: return print_double(in, w);
    case KIND_BYTES: return print_bytes(in, w);
    case KIND_STRING: return print_string(in, w);
    case KIND_RECORD: return print_fields(node, 0, in, w, depth + 1);
    case KIND_ENUM: return print_enum(node, in, w);
    case KIND_FIXED: return print_fixed(node, in, w);
    case KIND_UNION: return print_union(node, in, w, depth + 1);
    default: return print_blocks(node, in, w, depth + 1); /* array, map */
    }
}

bool silt_avro_json_fields(const struct silt_avro_json *schema, unsigned first_field,
                           struct silt_slice in, struct silt_jsonw *w)
{
    return print_fields(schema->root, first_field, &in, w, 0) && in.len == 0;
}
