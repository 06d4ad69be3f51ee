#include "registry_refs_int.h"

#include "base/alloc.h"
#include "base/map.h"
#include "schema_tree_int.h"

#include <jansson.h>
#include <string.h>

#define DEPTH_MAX 256 /* of types inside each other; what comes out is judged by schema_scan.h */

/* ---- what is wanted ---- */

static bool is_known(const struct silt_refs *refs, const struct silt_reference *reference)
{
    for (unsigned i = 0; i < refs->n; i++)
        if (refs->items[i].version == reference->version &&
            strcmp(refs->items[i].subject, reference->subject) == 0)
            return true;
    return false;
}

SILT_RC silt_refs_add(struct silt_refs *refs, const struct silt_reference *references, unsigned n,
                      struct silt_err *err)
{
    for (unsigned i = 0; i < n; i++) {
        if (is_known(refs, &references[i])) continue;
        if (refs->n == SILT_REFS_MAX)
            SILT_FAIL(err, LIMIT, "the schema refers to more than %d others", SILT_REFS_MAX);
        refs->items[refs->n++] = (struct silt_reference){
            .subject = silt_strdup(references[i].subject), .version = references[i].version};
    }
    return SILT_OK;
}

const struct silt_reference *silt_refs_wanted(const struct silt_refs *refs)
{
    return refs->fetched < refs->n ? &refs->items[refs->fetched] : NULL;
}

SILT_RC silt_refs_fetched(struct silt_refs *refs, struct silt_buf *text, struct silt_err *err)
{
    SILT_ASSERT(refs->fetched < refs->n);
    refs->bytes += text->len;
    if (refs->bytes > SILT_REFS_BYTES_MAX)
        SILT_FAIL(err, LIMIT, "what the schema refers to has more than %zu bytes",
                  SILT_REFS_BYTES_MAX);
    refs->texts[refs->fetched++] = *text;
    *text = (struct silt_buf){0};
    return SILT_OK;
}

void silt_refs_done(struct silt_refs *refs)
{
    for (unsigned i = 0; i < refs->fetched; i++) silt_buf_done(&refs->texts[i]);
    for (unsigned i = 0; i < refs->n; i++) silt_free(refs->items[i].subject);
    *refs = (struct silt_refs){0};
}

/* ---- names ---- */

/* A named type of a reference, and where it stands. */
struct definition {
    json_t *json;
    char *name; /* full */
};

struct composer {
    struct silt_map *known;   /* full name → definition, owned */
    struct silt_map *defined; /* full names that the new text defines already */
    bool too_deep;
};

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static char *full_name(const char *name, const char *space)
{
    bool alone = strchr(name, '.') || !*space;
    return silt_asprintf("%s%s%s", alone ? "" : space, alone ? "" : ".", name);
}

/* NULL: it defines no name. */
static char *defined_name(const json_t *type, const char *space)
{
    const char *kind = text_of(type, "type");
    const char *name = text_of(type, "name");
    const char *own = text_of(type, "namespace");
    bool named =
        kind && name &&
        (strcmp(kind, "record") == 0 || strcmp(kind, "enum") == 0 || strcmp(kind, "fixed") == 0);
    return named ? full_name(name, own ? own : space) : NULL;
}

static char *space_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    return silt_strndup(name, dot ? (size_t)(dot - name) : 0);
}

/* ---- collecting what the references define ---- */

static void collect(struct composer *composer, json_t *type, const char *space, unsigned depth);

static void keep(struct composer *composer, json_t *json, const char *name)
{
    if (silt_map_get(composer->known, name, strlen(name))) return;
    struct definition *definition = SILT_NEW(struct definition);
    definition->json = json;
    definition->name = silt_strdup(name);
    silt_map_put(composer->known, name, strlen(name), definition);
}

static void collect_object(struct composer *composer, json_t *type, const char *space,
                           unsigned depth)
{
    char *name = defined_name(type, space);
    char *inner = name ? space_of(name) : silt_strdup(space);
    if (name) keep(composer, type, name);
    size_t i;
    json_t *field;
    json_array_foreach(json_object_get(type, "fields"), i, field)
        collect(composer, json_object_get(field, "type"), inner, depth + 1);
    collect(composer, json_object_get(type, "items"), inner, depth + 1);
    collect(composer, json_object_get(type, "values"), inner, depth + 1);
    if (!name) collect(composer, json_object_get(type, "type"), inner, depth + 1);
    silt_free(inner);
    silt_free(name);
}

/* A text's depth is bounded by its scan. */
static void collect(struct composer *composer, json_t *type, const char *space, unsigned depth)
{
    size_t i;
    json_t *branch;
    if (json_is_object(type)) collect_object(composer, type, space, depth);
    json_array_foreach(type, i, branch) collect(composer, branch, space, depth + 1);
}

/* ---- putting definitions where they are used first ---- */

static json_t *expanded(struct composer *composer, json_t *type, const char *space, unsigned depth);

static void set(json_t *object, const char *key, json_t *value)
{
    silt_alloc_expect(value && json_object_set_new(object, key, value) == 0, "jansson");
}

static void expand_member(struct composer *composer, json_t *object, const char *key,
                          const char *space, unsigned depth)
{
    json_t *type = json_object_get(object, key);
    if (type) set(object, key, expanded(composer, type, space, depth + 1));
}

static json_t *expanded_named(struct composer *composer, json_t *type, const char *name,
                              unsigned depth)
{
    static char any;
    if (silt_map_put(composer->defined, name, strlen(name), &any)) return json_string(name);
    char *space = space_of(name);
    size_t i;
    json_t *field;
    json_array_foreach(json_object_get(type, "fields"), i, field)
        expand_member(composer, field, "type", space, depth);
    silt_free(space);
    return json_incref(type);
}

/* @return NULL when no reference defines it, or the text does already. */
static json_t *definition_of(struct composer *composer, const char *name, unsigned depth)
{
    const struct definition *known = silt_map_get(composer->known, name, strlen(name));
    if (!known || silt_map_get(composer->defined, name, strlen(name))) return NULL;
    json_auto_t *copy = json_deep_copy(known->json);
    silt_alloc_expect(copy, "jansson");
    char *space = space_of(name);
    set(copy, "name", json_string(*space ? name + strlen(space) + 1 : name));
    set(copy, "namespace", json_string(space));
    silt_free(space);
    return expanded_named(composer, copy, name, depth);
}

static json_t *expanded_reference(struct composer *composer, json_t *type, const char *space,
                                  unsigned depth)
{
    char *name = full_name(json_string_value(type), space);
    json_t *found = definition_of(composer, name, depth);
    silt_free(name);
    return found ? found : json_incref(type);
}

static json_t *expanded_object(struct composer *composer, json_t *type, const char *space,
                               unsigned depth)
{
    char *name = defined_name(type, space);
    if (name) {
        json_t *found = expanded_named(composer, type, name, depth);
        silt_free(name);
        return found;
    }
    expand_member(composer, type, "items", space, depth);
    expand_member(composer, type, "values", space, depth);
    json_t *inner = json_object_get(type, "type");
    if (!json_is_string(inner)) return json_incref(type);
    /* {"type": "acme.Site"}: the definition itself takes its place */
    json_t *found = expanded_reference(composer, inner, space, depth);
    if (found != inner) return found;
    json_decref(found);
    return json_incref(type);
}

/* @return a reference to what takes the type's place, maybe the type itself. */
static json_t *expanded(struct composer *composer, json_t *type, const char *space, unsigned depth)
{
    composer->too_deep |= depth > DEPTH_MAX;
    if (composer->too_deep) return json_incref(type);
    if (json_is_string(type)) return expanded_reference(composer, type, space, depth);
    if (json_is_object(type)) return expanded_object(composer, type, space, depth);
    for (size_t i = 0; i < json_array_size(type); i++)
        silt_alloc_expect(
            json_array_set_new(type, i,
                               expanded(composer, json_array_get(type, i), space, depth + 1)) == 0,
            "jansson");
    return json_incref(type);
}

/* ---- one text ---- */

static int append(const char *text, size_t len, void *out)
{
    return silt_buf_append(out, text, len) ? 0 : -1;
}

/* 17 digits give every double back. */
static SILT_RC write(const json_t *json, struct silt_buf *ret_text, struct silt_err *err)
{
    silt_buf_clear(ret_text);
    const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(17) | JSON_ENCODE_ANY;
    if (json_dump_callback(json, append, ret_text, flags) == 0) return SILT_OK;
    SILT_FAIL(err, SCHEMA, "the schema and what it refers to are too large together");
}

static SILT_RC compose(struct composer *composer, json_t *schema, struct silt_buf *ret_text,
                       struct silt_err *err)
{
    json_auto_t *whole = expanded(composer, schema, "", 0);
    if (composer->too_deep)
        SILT_FAIL(err, SCHEMA, "the schema and what it refers to are nested too deeply");
    return write(whole, ret_text, err);
}

static void composer_done(struct composer *composer)
{
    size_t pos = 0;
    for (struct definition *one; (one = silt_map_next(composer->known, &pos, NULL, NULL));) {
        silt_free(one->name);
        silt_free(one);
    }
    silt_map_free(composer->known);
    silt_map_free(composer->defined);
}

SILT_RC silt_refs_compose(const struct silt_refs *refs, struct silt_buf *schema,
                          struct silt_err *err)
{
    json_t *parsed[SILT_REFS_MAX + 1] = {0};
    struct composer composer = {.known = silt_map_new(), .defined = silt_map_new()};
    struct silt_rc rc = silt_schema_parse(silt_buf_slice(schema), &parsed[refs->n], err);
    for (unsigned i = 0; rc.ok && i < refs->fetched; i++) {
        rc = silt_schema_parse(silt_buf_slice(&refs->texts[i]), &parsed[i], err);
        if (rc.ok)
            collect(&composer, parsed[i], "", 0);
        else
            silt_err_context(err, "subject %.60s version %d", refs->items[i].subject,
                             refs->items[i].version);
    }
    if (rc.ok) rc = compose(&composer, parsed[refs->n], schema, err);
    for (unsigned i = 0; i <= refs->n; i++) json_decref(parsed[i]);
    composer_done(&composer);
    return rc;
}
