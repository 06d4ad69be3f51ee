#include "encode/file_schema.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* With its namespace and end. */
#define NAME_LEN 512
/* Types inside each other; the schemas that get here have at most 64. */
#define DEPTH_MAX 128
/* Of the value's own name: room for "Archived" and for underscores. */
#define OWN_NAME_LEN (NAME_LEN - 64)

#define META_FIELDS                                                                  \
    "{\"name\":\"kafka_partition\",\"type\":\"int\"},"                               \
    "{\"name\":\"kafka_offset\",\"type\":\"long\"},"                                 \
    "{\"name\":\"kafka_timestamp\","                                                 \
    "\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}]}," \
    "{\"name\":\"kafka_key\",\"type\":[\"null\",\"bytes\"]},"                        \
    "{\"name\":\"kafka_headers\",\"type\":{\"type\":\"array\",\"items\":"            \
    "{\"type\":\"record\",\"name\":\"KafkaHeader\",\"namespace\":\"silt.archive\","  \
    "\"fields\":[{\"name\":\"key\",\"type\":\"string\"},"                            \
    "{\"name\":\"value\",\"type\":[\"null\",\"bytes\"]}]}}}"

#define OUR_RECORD(name, more_fields)                                            \
    "{\"type\":\"record\",\"name\":\"" name "\",\"namespace\":\"silt.archive\"," \
    "\"fields\":[" META_FIELDS more_fields "]}"

const char *silt_file_schema_rejected(void)
{
    return OUR_RECORD("Rejected", ",{\"name\":\"reason\",\"type\":\"string\"},"
                                  "{\"name\":\"detail\",\"type\":\"string\"},"
                                  "{\"name\":\"schema_id\",\"type\":[\"null\",\"int\"]},"
                                  "{\"name\":\"value\",\"type\":\"bytes\"}");
}

const char *silt_file_schema_tombstone(void)
{
    return OUR_RECORD("Tombstone", "");
}

/* -- names (Avro 1.11 specification, "Names") -- */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool is_type(const json_t *type, const char *name)
{
    const char *text = text_of(type, "type");
    return text && strcmp(text, name) == 0;
}

static bool is_record(const json_t *type)
{
    return is_type(type, "record") || is_type(type, "error");
}

static bool is_named(const json_t *type)
{
    return is_record(type) || is_type(type, "enum") || is_type(type, "fixed");
}

/* name may have its namespace in front; else it is in `space`. */
static void full_name(const char *name, const char *space, char ret_name[NAME_LEN])
{
    bool is_full = strchr(name, '.') || !*space;
    snprintf(ret_name, NAME_LEN, "%s%s%s", is_full ? "" : space, is_full ? "" : ".", name);
}

/* Full name of a named type that is defined where `space` is the enclosing namespace. */
static void defined_name(const json_t *type, const char *space, char ret_name[NAME_LEN])
{
    const char *own = text_of(type, "namespace");
    const char *name = text_of(type, "name");
    full_name(name ? name : "", own ? own : space, ret_name);
}

static void space_of(const char *name, char ret_space[NAME_LEN])
{
    const char *dot = strrchr(name, '.');
    snprintf(ret_space, NAME_LEN, "%.*s", dot ? (int)(dot - name) : 0, name);
}

/* -- one walk over all types of a schema -- */

struct use {
    const char *name; /* wanted, full */
    bool is_defined;
    bool is_referred;
    bool is_too_deep;
};

static void walk(const json_t *type, const char *space, unsigned depth, struct use *use);

/* Some readers look a short name up without namespace, too, when the namespace does not have it. */
static void walk_reference(const char *name, const char *space, struct use *use)
{
    char full[NAME_LEN];
    full_name(name, space, full);
    use->is_referred |= strcmp(full, use->name) == 0 || strcmp(name, use->name) == 0;
}

static void walk_union(const json_t *types, const char *space, unsigned depth, struct use *use)
{
    size_t i;
    json_t *type;
    json_array_foreach(types, i, type) walk(type, space, depth, use);
}

static void walk_named(const json_t *type, const char *space, unsigned depth, struct use *use)
{
    char name[NAME_LEN];
    char inner[NAME_LEN];
    size_t i;
    json_t *field;
    defined_name(type, space, name);
    space_of(name, inner);
    use->is_defined |= strcmp(name, use->name) == 0;
    json_array_foreach(json_object_get(type, "fields"), i, field)
        walk(json_object_get(field, "type"), inner, depth, use);
}

static void walk(const json_t *type, const char *space, unsigned depth, struct use *use)
{
    use->is_too_deep |= depth > DEPTH_MAX;
    if (!type || use->is_too_deep) return;
    if (json_is_string(type)) {
        walk_reference(json_string_value(type), space, use);
        return;
    }
    if (json_is_array(type)) {
        walk_union(type, space, depth + 1, use);
        return;
    }
    if (is_named(type)) {
        walk_named(type, space, depth + 1, use);
        return;
    }
    walk(json_object_get(type, "items"), space, depth + 1, use);
    walk(json_object_get(type, "values"), space, depth + 1, use);
    walk(json_object_get(type, "type"), space, depth + 1, use);
}

static struct use use_of(const json_t *schema, const char *name)
{
    struct use use = {.name = name};
    walk(schema, "", 0, &use);
    return use;
}

/* Puts underscores behind a full name until the schema knows no type of that name. They find their
 * end in NAME_LEN: a schema with that many such names is left to the readers. */
static void make_free(const json_t *schema, char name[NAME_LEN])
{
    for (size_t len = strlen(name); len + 1 < NAME_LEN; len++) {
        struct use use = use_of(schema, name);
        if (!use.is_defined && !use.is_referred) return;
        name[len] = '_';
        name[len + 1] = 0;
    }
}

/* -- making the schema of a file -- */

static bool has_field(const json_t *fields, const char *name)
{
    size_t i;
    json_t *field;
    json_array_foreach(fields, i, field)
    {
        const char *taken = text_of(field, "name");
        if (taken && strcmp(taken, name) == 0) return true;
    }
    return false;
}

static void make_field_free(const json_t *fields, json_t *ours)
{
    while (has_field(fields, text_of(ours, "name"))) {
        json_t *longer = json_sprintf("%s_", text_of(ours, "name"));
        SILT_ASSERT(json_object_set_new(ours, "name", longer) == 0);
    }
}

/* The metadata's fields followed by the value's. */
static json_t *all_fields(const json_t *schema, json_t *value_fields)
{
    json_t *fields = json_loads("[" META_FIELDS "]", 0, NULL);
    SILT_ASSERT(fields);
    size_t i;
    json_t *field;
    json_array_foreach(fields, i, field) make_field_free(value_fields, field);

    char name[NAME_LEN] = "silt.archive.KafkaHeader";
    make_free(schema, name);
    json_t *headers = json_object_get(json_array_get(fields, json_array_size(fields) - 1), "type");
    json_t *short_name = json_string(strrchr(name, '.') + 1);
    SILT_ASSERT(json_object_set_new(json_object_get(headers, "items"), "name", short_name) == 0);
    SILT_ASSERT(json_array_extend(fields, value_fields) == 0);
    return fields;
}

/* The value's own text stays as it is but for the name and the fields put in front. */
static json_t *archived_record(json_t *schema, const char *archived)
{
    json_t *fields = all_fields(schema, json_object_get(schema, "fields"));
    bool is_full = strchr(text_of(schema, "name"), '.') || !strchr(archived, '.');
    json_t *name = json_string(is_full ? archived : strrchr(archived, '.') + 1);
    SILT_ASSERT(json_object_set_new(schema, "fields", fields) == 0);
    SILT_ASSERT(json_object_set_new(schema, "name", name) == 0);
    return json_incref(schema);
}

static json_t *archived_value(json_t *schema, const char *archived)
{
    json_t *value_fields = json_pack("[{s:s,s:O}]", "name", "value", "type", schema);
    SILT_ASSERT(value_fields);
    json_t *fields = all_fields(schema, value_fields);
    json_decref(value_fields);
    char space[NAME_LEN];
    space_of(archived, space);
    json_t *record = json_pack("{s:s,s:s}", "type", "record", "name",
                               archived + strlen(space) + (*space ? 1 : 0));
    SILT_ASSERT(record);
    if (*space) SILT_ASSERT(json_object_set_new(record, "namespace", json_string(space)) == 0);
    SILT_ASSERT(json_object_set_new(record, "fields", fields) == 0);
    return record;
}

static struct silt_rc check(const json_t *schema, struct silt_err *err)
{
    if (!json_is_object(schema) && !json_is_array(schema) && !json_is_string(schema))
        SILT_FAIL(err, SCHEMA, "a schema is an object, a union or a type's name");
    if (use_of(schema, "").is_too_deep)
        SILT_FAIL(err, SCHEMA, "more than %d types inside each other", DEPTH_MAX);
    if (!is_named(schema)) return SILT_OK;
    const char *name = text_of(schema, "name");
    const char *space = text_of(schema, "namespace");
    if (!name || !*name) SILT_FAIL(err, SCHEMA, "a named type has no name");
    if (strlen(name) + (space ? strlen(space) : 0) >= OWN_NAME_LEN)
        SILT_FAIL(err, SCHEMA, "the name %.40s… is too long", name);
    if (is_record(schema) && !json_is_array(json_object_get(schema, "fields")))
        SILT_FAIL(err, SCHEMA, "record %s has no fields", name);
    return SILT_OK;
}

static json_t *make_archived(json_t *schema)
{
    char own[NAME_LEN] = "Value";
    char archived[NAME_LEN];
    if (is_named(schema)) defined_name(schema, "", own);
    snprintf(archived, sizeof archived, "%.*sArchived", (int)OWN_NAME_LEN, own);
    make_free(schema, archived);
    bool is_flat = is_record(schema) && !use_of(schema, own).is_referred;
    return is_flat ? archived_record(schema, archived) : archived_value(schema, archived);
}

static int append(const char *text, size_t len, void *out)
{
    return silt_buf_append(out, text, len) ? 0 : -1;
}

struct silt_rc silt_file_schema_data(struct silt_slice value_schema, struct silt_buf *ret_json,
                                     struct silt_err *err)
{
    json_error_t why;
    json_auto_t *schema = json_loadb((const char *)value_schema.ptr, value_schema.len,
                                     JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (!schema)
        SILT_FAIL(err, SCHEMA, "the schema is no JSON: line %d column %d: %s", why.line, why.column,
                  why.text);
    SILT_TRY(check(schema, err));
    json_auto_t *archived = make_archived(schema);
    size_t start = ret_json->len;
    /* 17 digits give every double back */
    if (json_dump_callback(archived, append, ret_json, JSON_COMPACT | JSON_REAL_PRECISION(17)) == 0)
        return SILT_OK;
    ret_json->len = start;
    SILT_FAIL(err, LIMIT, "the file's schema has more than %zu bytes", ret_json->max);
}
