/* A writer schema as a checked tree: what the canonical form and the compiler work on.
 *
 * The text is scanned before any parser sees it (size, depth, number of values), then read with
 * jansson and checked: names by regex, no name defined twice, no field or symbol twice, unions as
 * the specification wants them, every name defined before it is used. A failure is SILT_E_SCHEMA
 * and names the place. (Avro 1.11 specification, "Schema Declaration", "Names".) Not shared between
 * threads; everything belongs to the tree.
 */
#ifndef SILT_DECODE_SCHEMA_TREE_INT_H
#define SILT_DECODE_SCHEMA_TREE_INT_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define SILT_SCHEMA_BYTES_MAX ((size_t)1 << 20)
#define SILT_SCHEMA_DEPTH_MAX 64
#define SILT_SCHEMA_VALUES_MAX 10000
#define SILT_SCHEMA_NAME_MAX 512 /* bytes of one name or namespace */
#define SILT_SCHEMA_FIXED_MAX ((int64_t)1 << 30)

enum silt_type_kind {
    SILT_TYPE_NULL,
    SILT_TYPE_BOOLEAN,
    SILT_TYPE_INT,
    SILT_TYPE_LONG,
    SILT_TYPE_FLOAT,
    SILT_TYPE_DOUBLE,
    SILT_TYPE_BYTES,
    SILT_TYPE_STRING,
    SILT_TYPE_RECORD,
    SILT_TYPE_ENUM,
    SILT_TYPE_FIXED,
    SILT_TYPE_ARRAY,
    SILT_TYPE_MAP,
    SILT_TYPE_UNION,
};

struct silt_type;

struct silt_names {
    char **items;
    unsigned n;
};

/* A field, a branch, the items of an array or the values of a map. */
struct silt_child {
    const char *name; /* fields only */
    struct silt_type *type;
    bool by_name; /* refers to a type defined elsewhere */
    bool has_default;
    struct silt_names aliases;
};

struct silt_type {
    enum silt_type_kind kind;
    char *name;                /* full name of records, enums and fixed */
    struct silt_names aliases; /* full ones */
    bool has_default;          /* ENUM: for symbols that a reader does not have */
    int64_t size;              /* FIXED: bytes */
    int64_t time_per_ms; /* LONG: counts per millisecond, 1 unless a logical type says otherwise */
    unsigned named_uses; /* how often it is referred to by name */
    struct silt_child *children;
    unsigned children_n;
    const char **symbols; /* ENUM */
    unsigned symbols_n;
};

struct silt_tree;
struct json_t; /* jansson's */

/* Scans and parses; the caller owns the result. */
SILT_RC silt_schema_parse(struct silt_slice text, struct json_t **ret_json, struct silt_err *err);

SILT_RC silt_tree_new(struct silt_slice json, struct silt_tree **ret_tree, struct silt_err *err);
void silt_tree_free(struct silt_tree *tree); /* NULL is fine */
const struct silt_child *silt_tree_root(const struct silt_tree *tree);
const char *silt_type_kind_name(enum silt_type_kind kind);

/* Appends the parsing canonical form, with `prefix` in front of every type name ("" for the form of
 * the specification). */
SILT_RC silt_tree_write(const struct silt_tree *tree, const char *prefix, struct silt_buf *ret_text,
                        struct silt_err *err);

#endif
