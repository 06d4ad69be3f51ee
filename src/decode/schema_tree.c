#include "schema_tree_int.h"

#include "base/alloc.h"
#include "base/map.h"
#include "schema_scan_int.h"

#include <jansson.h>
#include <stdio.h>

struct silt_tree {
    json_t *json; /* field names and symbols point into it */
    struct silt_map *named;
    struct silt_type **types; /* all of them, for freeing */
    unsigned types_n;
    struct silt_child root;
};

/* Where the reader is: for messages, and for names without namespace. */
struct place {
    const struct place *up;
    const char *name;  /* checked by regex before it gets here */
    const char *space; /* enclosing namespace, "" for none */
};

static const char *const kind_names[] = {
    [SILT_TYPE_NULL] = "null",   [SILT_TYPE_BOOLEAN] = "boolean", [SILT_TYPE_INT] = "int",
    [SILT_TYPE_LONG] = "long",   [SILT_TYPE_FLOAT] = "float",     [SILT_TYPE_DOUBLE] = "double",
    [SILT_TYPE_BYTES] = "bytes", [SILT_TYPE_STRING] = "string",   [SILT_TYPE_RECORD] = "record",
    [SILT_TYPE_ENUM] = "enum",   [SILT_TYPE_FIXED] = "fixed",     [SILT_TYPE_ARRAY] = "array",
    [SILT_TYPE_MAP] = "map",     [SILT_TYPE_UNION] = "union",
};

#define PRIMITIVES_N (SILT_TYPE_STRING + 1)
#define WRITABLE_N (SILT_TYPE_MAP + 1) /* kinds that have a name in "type" */

const char *silt_type_kind_name(enum silt_type_kind kind)
{
    return kind_names[kind];
}

const struct silt_child *silt_tree_root(const struct silt_tree *tree)
{
    return &tree->root;
}

static int kind_of(const char *name, int kinds_n)
{
    for (int i = 0; i < kinds_n; i++)
        if (strcmp(kind_names[i], name) == 0) return i;
    return -1;
}

/* "Reading.location.lat", cut in front when it is long: the end says most. */
static void place_text(const struct place *place, char *ret_text, size_t size)
{
    size_t at = size - 1;
    ret_text[at] = '\0';
    for (const char *dot = ""; place && place->name[0]; place = place->up, dot = ".") {
        size_t len = strlen(place->name) + strlen(dot);
        if (len > at) break;
        at -= len;
        memcpy(ret_text + at, place->name, strlen(place->name));
        memcpy(ret_text + at + strlen(place->name), dot, strlen(dot));
    }
    memmove(ret_text, ret_text + at, size - at);
}

#define FAIL_AT(place, err, fmt, ...)                                               \
    do {                                                                            \
        char where_[100];                                                           \
        place_text((place), where_, sizeof where_);                                 \
        SILT_FAIL((err), SCHEMA, "schema, at %s: " fmt, where_[0] ? where_ : "top", \
                  ##__VA_ARGS__);                                                   \
    } while (0)

/* @return NULL for what is no string or holds a 0 byte (only defaults may). */
static const char *text_of(json_t *json)
{
    const char *text = json_string_value(json);
    return text && strlen(text) == json_string_length(json) ? text : NULL;
}

static bool is_short_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool letter = (text[i] >= 'A' && text[i] <= 'Z') || (text[i] >= 'a' && text[i] <= 'z') ||
                      text[i] == '_';
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (!letter && !(digit && i > 0)) return false;
    }
    return len > 0;
}

static bool is_name(const char *text)
{
    return text && strlen(text) <= SILT_SCHEMA_NAME_MAX && is_short_name(text, strlen(text));
}

/* Names joined by dots. */
static bool is_full_name(const char *text)
{
    if (!text || strlen(text) > SILT_SCHEMA_NAME_MAX) return false;
    for (const char *dot; (dot = strchr(text, '.')); text = dot + 1)
        if (!is_short_name(text, (size_t)(dot - text))) return false;
    return is_short_name(text, strlen(text));
}

static struct silt_type *new_type(struct silt_tree *tree, enum silt_type_kind kind)
{
    struct silt_type *type = SILT_NEW(struct silt_type);
    type->kind = kind;
    type->time_per_ms = 1;
    tree->types = silt_realloc_array(tree->types, tree->types_n + 1, sizeof(struct silt_type *));
    tree->types[tree->types_n++] = type;
    return type;
}

static SILT_RC read_type(struct silt_tree *tree, const struct place *place, json_t *json,
                         struct silt_child *ret_child, struct silt_err *err);

/* A string: a primitive type, or a name that is known already. */
static SILT_RC read_reference(struct silt_tree *tree, const struct place *place, json_t *json,
                              struct silt_child *ret_child, struct silt_err *err)
{
    const char *name = text_of(json);
    if (!is_full_name(name)) FAIL_AT(place, err, "the type's name is none by the Avro rules");
    int kind = kind_of(name, PRIMITIVES_N);
    if (kind >= 0) {
        ret_child->type = new_type(tree, (enum silt_type_kind)kind);
        return SILT_OK;
    }
    const char *space = strchr(name, '.') ? "" : place->space;
    char *full = silt_asprintf("%s%s%s", space, space[0] ? "." : "", name);
    ret_child->type = silt_map_get(tree->named, full, strlen(full));
    silt_free(full);
    if (!ret_child->type) FAIL_AT(place, err, "type \"%.60s\" is not defined before its use", name);
    ret_child->type->named_uses++;
    ret_child->by_name = true;
    return SILT_OK;
}

/* What is no name is left out: aliases only ever help. */
static void read_aliases(json_t *json, const char *space, struct silt_names *ret_aliases)
{
    json_t *aliases = json_object_get(json, "aliases");
    if (!json_array_size(aliases)) return;
    ret_aliases->items = silt_calloc(json_array_size(aliases), sizeof *ret_aliases->items);
    size_t i;
    json_t *alias;
    json_array_foreach(aliases, i, alias)
    {
        const char *name = text_of(alias);
        if (!is_full_name(name)) continue;
        const char *front = strchr(name, '.') ? "" : space;
        ret_aliases->items[ret_aliases->n++] =
            silt_asprintf("%s%s%s", front, front[0] ? "." : "", name);
    }
}

static void free_names(struct silt_names *names)
{
    for (unsigned i = 0; i < names->n; i++) silt_free(names->items[i]);
    silt_free(names->items);
}

/* Registers the full name: "name" alone when it has dots, else with "namespace" or the enclosing
 * one. */
static SILT_RC define_name(struct silt_tree *tree, const struct place *place, json_t *json,
                           struct silt_type *type, struct silt_err *err)
{
    const char *name = text_of(json_object_get(json, "name"));
    if (!is_full_name(name))
        FAIL_AT(place, err, "a %s without a name by the Avro rules", kind_names[type->kind]);
    json_t *space_json = json_object_get(json, "namespace");
    const char *space = space_json ? text_of(space_json) : place->space;
    if (strchr(name, '.')) space = "";
    if (!space || (space[0] && !is_full_name(space)))
        FAIL_AT(place, err, "the namespace of \"%.60s\" is none by the Avro rules", name);
    type->name = silt_asprintf("%s%s%s", space, space[0] ? "." : "", name);
    if (kind_of(strrchr(name, '.') ? strrchr(name, '.') + 1 : name, PRIMITIVES_N) >= 0)
        FAIL_AT(place, err, "\"%s\" is the name of a primitive type", name);
    if (silt_map_get(tree->named, type->name, strlen(type->name)))
        FAIL_AT(place, err, "type \"%.60s\" is defined twice", type->name);
    silt_map_put(tree->named, type->name, strlen(type->name), type);
    const char *dot = strrchr(type->name, '.');
    char *own = silt_strndup(type->name, dot ? (size_t)(dot - type->name) : 0);
    read_aliases(json, own, &type->aliases);
    silt_free(own);
    return SILT_OK;
}

static SILT_RC read_field(struct silt_tree *tree, const struct place *record, json_t *json,
                          struct silt_map *seen, struct silt_child *field, struct silt_err *err)
{
    const char *name = text_of(json_object_get(json, "name"));
    if (!is_name(name)) FAIL_AT(record, err, "a field without a name by the Avro rules");
    if (silt_map_put(seen, name, strlen(name), field))
        FAIL_AT(record, err, "field \"%.60s\" stands twice", name);
    json_t *type = json_object_get(json, "type");
    if (!type) FAIL_AT(record, err, "field \"%.60s\" has no type", name);
    field->name = name;
    field->has_default = json_object_get(json, "default") != NULL;
    read_aliases(json, "", &field->aliases);
    struct place place = {.up = record, .name = name, .space = record->space};
    return read_type(tree, &place, type, field, err);
}

static SILT_RC read_fields(struct silt_tree *tree, const struct place *record, json_t *fields,
                           struct silt_type *type, struct silt_err *err)
{
    type->children = silt_calloc(json_array_size(fields) + 1, sizeof *type->children);
    struct silt_map *seen = silt_map_new();
    struct silt_rc rc = SILT_OK;
    size_t i;
    json_t *field;
    json_array_foreach(fields, i, field)
    {
        rc = read_field(tree, record, field, seen, &type->children[type->children_n++], err);
        if (!rc.ok) break;
    }
    silt_map_free(seen);
    return rc;
}

static SILT_RC read_record(struct silt_tree *tree, const struct place *place, json_t *json,
                           struct silt_type *type, struct silt_err *err)
{
    SILT_TRY(define_name(tree, place, json, type, err));
    json_t *fields = json_object_get(json, "fields");
    if (!json_is_array(fields))
        FAIL_AT(place, err, "record \"%.60s\" has no array of fields", type->name);
    const char *dot = strrchr(type->name, '.');
    char *space = silt_strndup(type->name, dot ? (size_t)(dot - type->name) : 0);
    struct place record = {.up = place, .name = dot ? dot + 1 : type->name, .space = space};
    struct silt_rc rc = read_fields(tree, &record, fields, type, err);
    silt_free(space);
    return rc;
}

static SILT_RC read_symbols(const struct place *place, json_t *symbols, struct silt_type *type,
                            struct silt_map *seen, struct silt_err *err)
{
    size_t i;
    json_t *symbol;
    json_array_foreach(symbols, i, symbol)
    {
        const char *text = text_of(symbol);
        if (!is_name(text))
            FAIL_AT(place, err, "symbol %zu of enum \"%.60s\" is no name", i, type->name);
        if (silt_map_put(seen, text, strlen(text), type))
            FAIL_AT(place, err, "symbol \"%.60s\" stands twice", text);
        type->symbols[type->symbols_n++] = text;
    }
    return SILT_OK;
}

static SILT_RC read_enum(struct silt_tree *tree, const struct place *place, json_t *json,
                         struct silt_type *type, struct silt_err *err)
{
    SILT_TRY(define_name(tree, place, json, type, err));
    json_t *symbols = json_object_get(json, "symbols");
    if (json_array_size(symbols) == 0)
        FAIL_AT(place, err, "enum \"%.60s\" has no symbols", type->name);
    type->has_default = json_object_get(json, "default") != NULL;
    type->symbols = silt_calloc(json_array_size(symbols), sizeof *type->symbols);
    struct silt_map *seen = silt_map_new();
    struct silt_rc rc = read_symbols(place, symbols, type, seen, err);
    silt_map_free(seen);
    return rc;
}

static SILT_RC read_fixed(struct silt_tree *tree, const struct place *place, json_t *json,
                          struct silt_type *type, struct silt_err *err)
{
    SILT_TRY(define_name(tree, place, json, type, err));
    json_t *size = json_object_get(json, "size");
    type->size = json_integer_value(size);
    if (!json_is_integer(size) || type->size < 0 || type->size > SILT_SCHEMA_FIXED_MAX)
        FAIL_AT(place, err, "fixed \"%.60s\" needs a size from 0 to %lld", type->name,
                (long long)SILT_SCHEMA_FIXED_MAX);
    return SILT_OK;
}

static SILT_RC read_items(struct silt_tree *tree, const struct place *place, json_t *json,
                          struct silt_type *type, struct silt_err *err)
{
    const char *key = type->kind == SILT_TYPE_ARRAY ? "items" : "values";
    json_t *items = json_object_get(json, key);
    if (!items) FAIL_AT(place, err, "%s without \"%s\"", kind_names[type->kind], key);
    type->children = silt_calloc(1, sizeof *type->children);
    type->children_n = 1;
    struct place inner = {.up = place, .name = key, .space = place->space};
    return read_type(tree, &inner, items, type->children, err);
}

/* Counts of a timestamp in one millisecond; what is no timestamp counts milliseconds. */
static int64_t time_per_ms(json_t *json)
{
    const char *logical = text_of(json_object_get(json, "logicalType"));
    if (!logical) return 1;
    if (strncmp(logical, "local-", 6) == 0) logical += 6;
    if (strcmp(logical, "timestamp-micros") == 0) return 1000;
    if (strcmp(logical, "timestamp-nanos") == 0) return 1000000;
    return 1;
}

static SILT_RC read_complex(struct silt_tree *tree, const struct place *place, json_t *json,
                            struct silt_type *type, struct silt_err *err)
{
    switch (type->kind) {
    case SILT_TYPE_RECORD: return read_record(tree, place, json, type, err);
    case SILT_TYPE_ENUM: return read_enum(tree, place, json, type, err);
    case SILT_TYPE_FIXED: return read_fixed(tree, place, json, type, err);
    case SILT_TYPE_ARRAY:
    case SILT_TYPE_MAP: return read_items(tree, place, json, type, err);
    default: type->time_per_ms = time_per_ms(json); return SILT_OK;
    }
}

static SILT_RC read_object(struct silt_tree *tree, const struct place *place, json_t *json,
                           struct silt_child *ret_child, struct silt_err *err)
{
    json_t *type = json_object_get(json, "type");
    if (!text_of(type)) FAIL_AT(place, err, "a type object without a \"type\" string");
    int kind = kind_of(text_of(type), WRITABLE_N);
    if (kind < 0) return read_reference(tree, place, type, ret_child, err);
    ret_child->type = new_type(tree, (enum silt_type_kind)kind);
    return read_complex(tree, place, json, ret_child->type, err);
}

/* Branches must be told apart by their type, named types by their name. */
static SILT_RC check_branch(const struct place *place, const struct silt_type *type,
                            struct silt_map *seen, struct silt_err *err)
{
    static char any;
    if (type->kind == SILT_TYPE_UNION) FAIL_AT(place, err, "a union directly inside a union");
    char *key = silt_asprintf("%s%s", type->name ? "=" : "",
                              type->name ? type->name : kind_names[type->kind]);
    bool twice = silt_map_put(seen, key, strlen(key), &any);
    silt_free(key);
    if (twice)
        FAIL_AT(place, err, "the union has two branches of type %.60s",
                type->name ? type->name : kind_names[type->kind]);
    return SILT_OK;
}

static SILT_RC read_branches(struct silt_tree *tree, const struct place *place, json_t *json,
                             struct silt_type *type, struct silt_map *seen, struct silt_err *err)
{
    size_t i;
    json_t *branch;
    json_array_foreach(json, i, branch)
    {
        struct silt_child *child = &type->children[type->children_n++];
        SILT_TRY(read_type(tree, place, branch, child, err));
        SILT_TRY(check_branch(place, child->type, seen, err));
    }
    return SILT_OK;
}

static SILT_RC read_union(struct silt_tree *tree, const struct place *place, json_t *json,
                          struct silt_child *ret_child, struct silt_err *err)
{
    size_t branches = json_array_size(json);
    if (branches == 0) FAIL_AT(place, err, "a union without branches");
    struct silt_type *type = new_type(tree, SILT_TYPE_UNION);
    ret_child->type = type;
    type->children = silt_calloc(branches, sizeof *type->children);
    struct silt_map *seen = silt_map_new();
    struct silt_rc rc = read_branches(tree, place, json, type, seen, err);
    silt_map_free(seen);
    return rc;
}

/* Recursion is bounded by the depth of the text (schema_scan.c). */
static SILT_RC read_type(struct silt_tree *tree, const struct place *place, json_t *json,
                         struct silt_child *ret_child, struct silt_err *err)
{
    switch (json_typeof(json)) {
    case JSON_STRING: return read_reference(tree, place, json, ret_child, err);
    case JSON_ARRAY: return read_union(tree, place, json, ret_child, err);
    case JSON_OBJECT: return read_object(tree, place, json, ret_child, err);
    default: FAIL_AT(place, err, "a type is a string, an object or an array");
    }
}

/* A default of bytes may hold \u0000: valid Avro, refused by jansson unless allowed. */
SILT_RC silt_schema_parse(struct silt_slice text, json_t **ret_json, struct silt_err *err)
{
    SILT_TRY(silt_schema_scan(text, err));
    json_error_t why;
    *ret_json = json_loadb((const char *)text.ptr, text.len,
                           JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &why);
    if (!*ret_json)
        SILT_FAIL(err, SCHEMA, "the schema is no JSON: line %d, column %d", why.line, why.column);
    return SILT_OK;
}

SILT_RC silt_tree_new(struct silt_slice json, struct silt_tree **ret_tree, struct silt_err *err)
{
    json_t *parsed;
    SILT_TRY(silt_schema_parse(json, &parsed, err));
    struct silt_tree *tree = SILT_NEW(struct silt_tree);
    tree->json = parsed;
    tree->named = silt_map_new();
    const struct place top = {.name = "", .space = ""};
    struct silt_rc rc = read_type(tree, &top, parsed, &tree->root, err);
    if (!rc.ok) {
        silt_tree_free(tree);
        return rc;
    }
    *ret_tree = tree;
    return rc;
}

static void free_type(struct silt_type *type)
{
    for (unsigned i = 0; i < type->children_n; i++) free_names(&type->children[i].aliases);
    free_names(&type->aliases);
    silt_free(type->name);
    silt_free(type->children);
    silt_free(type->symbols);
    silt_free(type);
}

void silt_tree_free(struct silt_tree *tree)
{
    if (!tree) return;
    for (unsigned i = 0; i < tree->types_n; i++) free_type(tree->types[i]);
    silt_free(tree->types);
    silt_map_free(tree->named);
    json_decref(tree->json);
    silt_free(tree);
}
