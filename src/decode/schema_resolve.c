/* Records may contain themselves, so a pair of records is taken to be readable while it is being
 * looked at. Pairs found readable meanwhile may rest on that: when it turns out wrong they are
 * forgotten. What is unreadable under such a hope is unreadable for good. */
#include "schema_resolve_int.h"

#include "base/alloc.h"
#include "base/map.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct pair {
    const struct silt_type *writer;
    const struct silt_type *reader;
};

struct resolver {
    struct silt_map *verdicts; /* pair of records → readable or unreadable */
    struct pair *hopes;        /* those called readable, in order */
    unsigned hopes_n;
    unsigned steps;
    unsigned trying; /* inside so many unions of the reader: a failure is no news */
    char readable;   /* for their addresses: the verdicts */
    char unreadable;
    char why[200]; /* the first failure outside of unions */
};

/* Where the look is, for the message. */
struct place {
    const struct place *up;
    const char *name;
    unsigned depth;
};

static bool reads(struct resolver *resolver, const struct place *place,
                  const struct silt_type *writer, const struct silt_type *reader);

/* ---- saying why ---- */

static size_t write_place(const struct place *place, char *ret_text, size_t size)
{
    if (!place->up) return 0;
    size_t len = write_place(place->up, ret_text, size);
    if (len + strlen(place->name) + 2 > size) return len;
    return len + (size_t)snprintf(ret_text + len, size - len, "%s%s", len ? "." : "", place->name);
}

static __attribute__((format(printf, 3, 4))) bool
no(struct resolver *resolver, const struct place *place, const char *fmt, ...)
{
    if (resolver->trying) return false;
    char where[80] = "top";
    char what[120];
    write_place(place, where, sizeof where);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    snprintf(resolver->why, sizeof resolver->why, "%s: %s", where, what);
    return false;
}

/* ---- names ---- */

static const char *short_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

static bool has_name(const struct silt_names *names, const char *wanted)
{
    for (unsigned i = 0; i < names->n; i++)
        if (strcmp(names->items[i], wanted) == 0) return true;
    return false;
}

static bool same_name(struct resolver *resolver, const struct place *place,
                      const struct silt_type *writer, const struct silt_type *reader)
{
    if (strcmp(short_name(writer->name), short_name(reader->name)) == 0 ||
        has_name(&reader->aliases, writer->name))
        return true;
    return no(resolver, place, "the reader's %.40s is not the writer's %.40s", reader->name,
              writer->name);
}

/* ---- records ---- */

static const struct silt_child *writers_field(const struct silt_type *writer,
                                              const struct silt_child *field)
{
    for (unsigned i = 0; i < writer->children_n; i++)
        if (strcmp(writer->children[i].name, field->name) == 0) return &writer->children[i];
    for (unsigned i = 0; i < writer->children_n; i++)
        if (has_name(&field->aliases, writer->children[i].name)) return &writer->children[i];
    return NULL;
}

static bool reads_fields(struct resolver *resolver, const struct place *place,
                         const struct silt_type *writer, const struct silt_type *reader)
{
    for (unsigned i = 0; i < reader->children_n; i++) {
        const struct silt_child *field = &reader->children[i];
        const struct silt_child *written = writers_field(writer, field);
        const struct place inner = {place, field->name, place->depth + 1};
        if (!written && !field->has_default)
            return no(resolver, &inner, "the writer has no such field, the reader no default");
        if (written && !reads(resolver, &inner, written->type, field->type)) return false;
    }
    return true;
}

static void forget_hopes(struct resolver *resolver, unsigned n)
{
    while (resolver->hopes_n > n) {
        const struct pair *hope = &resolver->hopes[--resolver->hopes_n];
        silt_map_remove(resolver->verdicts, hope, sizeof *hope);
    }
}

static bool reads_record(struct resolver *resolver, const struct place *place,
                         const struct silt_type *writer, const struct silt_type *reader)
{
    if (!same_name(resolver, place, writer, reader)) return false;
    const struct pair pair = {writer, reader};
    const void *known = silt_map_get(resolver->verdicts, &pair, sizeof pair);
    if (known == &resolver->readable) return true;
    if (known)
        return no(resolver, place, "the reader's %.40s cannot read the writer's %.40s",
                  reader->name, writer->name);
    const unsigned before = resolver->hopes_n;
    resolver->hopes =
        silt_realloc_array(resolver->hopes, resolver->hopes_n + 1, sizeof *resolver->hopes);
    resolver->hopes[resolver->hopes_n++] = pair;
    silt_map_put(resolver->verdicts, &pair, sizeof pair, &resolver->readable);
    if (reads_fields(resolver, place, writer, reader)) return true;
    forget_hopes(resolver, before);
    silt_map_put(resolver->verdicts, &pair, sizeof pair, &resolver->unreadable);
    return false;
}

/* ---- other types ---- */

static bool has_symbol(const struct silt_type *type, const char *symbol)
{
    for (unsigned i = 0; i < type->symbols_n; i++)
        if (strcmp(type->symbols[i], symbol) == 0) return true;
    return false;
}

static bool reads_enum(struct resolver *resolver, const struct place *place,
                       const struct silt_type *writer, const struct silt_type *reader)
{
    if (!same_name(resolver, place, writer, reader)) return false;
    for (unsigned i = 0; i < writer->symbols_n && !reader->has_default; i++)
        if (!has_symbol(reader, writer->symbols[i]))
            return no(resolver, place, "the reader has no symbol %.60s and no default for it",
                      writer->symbols[i]);
    return true;
}

static bool reads_fixed(struct resolver *resolver, const struct place *place,
                        const struct silt_type *writer, const struct silt_type *reader)
{
    if (!same_name(resolver, place, writer, reader)) return false;
    if (writer->size == reader->size) return true;
    return no(resolver, place, "the reader's fixed has %lld bytes, the writer's %lld",
              (long long)reader->size, (long long)writer->size);
}

static bool reads_items(struct resolver *resolver, const struct place *place,
                        const struct silt_type *writer, const struct silt_type *reader)
{
    const struct place inner = {place, reader->kind == SILT_TYPE_ARRAY ? "items" : "values",
                                place->depth + 1};
    return reads(resolver, &inner, writer->children->type, reader->children->type);
}

/* A value of one type read as another one. */
static bool promotes(enum silt_type_kind from, enum silt_type_kind to)
{
    switch (to) {
    case SILT_TYPE_LONG: return from == SILT_TYPE_INT;
    case SILT_TYPE_FLOAT: return from == SILT_TYPE_INT || from == SILT_TYPE_LONG;
    case SILT_TYPE_DOUBLE:
        return from == SILT_TYPE_INT || from == SILT_TYPE_LONG || from == SILT_TYPE_FLOAT;
    case SILT_TYPE_BYTES: return from == SILT_TYPE_STRING;
    case SILT_TYPE_STRING: return from == SILT_TYPE_BYTES;
    default: return false;
    }
}

static bool reads_same_kind(struct resolver *resolver, const struct place *place,
                            const struct silt_type *writer, const struct silt_type *reader)
{
    switch (reader->kind) {
    case SILT_TYPE_RECORD: return reads_record(resolver, place, writer, reader);
    case SILT_TYPE_ENUM: return reads_enum(resolver, place, writer, reader);
    case SILT_TYPE_FIXED: return reads_fixed(resolver, place, writer, reader);
    case SILT_TYPE_ARRAY:
    case SILT_TYPE_MAP: return reads_items(resolver, place, writer, reader);
    default: return true;
    }
}

/* ---- unions ---- */

static bool reads_every_branch(struct resolver *resolver, const struct place *place,
                               const struct silt_type *writer, const struct silt_type *reader)
{
    for (unsigned i = 0; i < writer->children_n; i++)
        if (!reads(resolver, place, writer->children[i].type, reader)) return false;
    return true;
}

static bool reads_as_a_branch(struct resolver *resolver, const struct place *place,
                              const struct silt_type *writer, const struct silt_type *reader)
{
    bool found = false;
    resolver->trying++;
    for (unsigned i = 0; i < reader->children_n && !found; i++)
        found = reads(resolver, place, writer, reader->children[i].type);
    resolver->trying--;
    if (found) return true;
    return no(resolver, place, "no branch of the reader's union reads the writer's %.60s",
              writer->name ? writer->name : silt_type_kind_name(writer->kind));
}

static bool reads(struct resolver *resolver, const struct place *place,
                  const struct silt_type *writer, const struct silt_type *reader)
{
    if (++resolver->steps > SILT_RESOLVE_STEPS_MAX) return false;
    if (place->depth > SILT_RESOLVE_DEPTH_MAX)
        return no(resolver, place, "the schemas are too deep to be compared");
    if (writer->kind == SILT_TYPE_UNION) return reads_every_branch(resolver, place, writer, reader);
    if (reader->kind == SILT_TYPE_UNION) return reads_as_a_branch(resolver, place, writer, reader);
    if (writer->kind == reader->kind) return reads_same_kind(resolver, place, writer, reader);
    if (promotes(writer->kind, reader->kind)) return true;
    return no(resolver, place, "the reader's %s cannot read the writer's %s",
              silt_type_kind_name(reader->kind), silt_type_kind_name(writer->kind));
}

SILT_RC silt_schema_resolve(const struct silt_tree *writer, const struct silt_tree *reader,
                            struct silt_err *err)
{
    struct resolver resolver = {.verdicts = silt_map_new()};
    const struct place top = {0};
    const bool ok =
        reads(&resolver, &top, silt_tree_root(writer)->type, silt_tree_root(reader)->type);
    silt_map_free(resolver.verdicts);
    silt_free(resolver.hopes);
    if (resolver.steps > SILT_RESOLVE_STEPS_MAX)
        SILT_FAIL(err, SCHEMA, "schema.reader: the schemas are too large to be compared");
    if (!ok) SILT_FAIL(err, SCHEMA, "schema.reader: %s", resolver.why);
    return SILT_OK;
}
