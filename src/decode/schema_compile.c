#include "schema_compile_int.h"

#include "base/alloc.h"
#include "base/map.h"

#include "field_path_int.h"
#include "schema_blank_int.h"

#include <stdio.h>

#define NO_CODE UINT32_MAX /* a union branch without code: it goes on behind the union */
#define NOT_FIXED ((int64_t)-1)
#define WIDTH_MAX ((int64_t)1 << 40) /* more than any record has; sums stay far from overflow */

/* What is left of the two field paths: NULL off the path, "" at its end; and where we are, for the
 * rules and masks: NULL where none of their paths leads. */
struct paths {
    const char *sensor_id;
    const char *time;
    const char *here;
    bool dropped; /* all of it is */
};

/* A record compiled on its own, because it is used by name. */
struct routine {
    const struct silt_type *type;
    uint32_t entry;
};

struct compiler {
    struct silt_op *ops;
    unsigned ops_n, ops_cap;
    uint32_t *jumps;
    unsigned jumps_n, jumps_cap;
    unsigned label; /* code jumps here: what comes next must not be merged with what is before */
    struct routine *routines;
    unsigned routines_n, routines_cap;
    const struct silt_rules *rules;
    const struct silt_masks *masks;
    bool *found; /* for each path of the masks: the schema has it */
    struct silt_buf *blanks;
    unsigned blanks_n, blanks_cap;
    struct silt_rc rc;
    struct silt_err *err;          /* why not */
    const struct silt_rule **used; /* rules that stand in the code */
    unsigned used_n, used_cap;
    struct silt_map *routine_of; /* type -> index + 1 */
    struct silt_map *width_of;   /* record -> width + 3; 1 while it is being worked out */
};

static void *room(void *array, unsigned n, unsigned *cap, size_t each)
{
    if (n < *cap) return array;
    *cap = *cap ? *cap * 2 : 32;
    return silt_realloc_array(array, *cap, each);
}

static unsigned emit(struct compiler *c, enum silt_op_kind kind, uint64_t n, uint32_t next)
{
    c->ops = room(c->ops, c->ops_n, &c->ops_cap, sizeof *c->ops);
    c->ops[c->ops_n] = (struct silt_op){.kind = kind, .next = next, .n = n};
    return c->ops_n++;
}

static uint32_t put_label(struct compiler *c)
{
    return c->label = c->ops_n;
}

static void emit_skip(struct compiler *c, int64_t bytes)
{
    if (bytes == 0) return;
    if (c->ops_n > c->label && c->ops[c->ops_n - 1].kind == SILT_OP_SKIP) {
        c->ops[c->ops_n - 1].n += (uint64_t)bytes;
        return;
    }
    emit(c, SILT_OP_SKIP, (uint64_t)bytes, 0);
}

/* Bytes of every value of the type when they are always the same number. */
static int64_t width(struct compiler *c, const struct silt_type *type);

static int64_t fields_width(struct compiler *c, const struct silt_type *record)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < record->children_n; i++) {
        int64_t one = width(c, record->children[i].type);
        if (one == NOT_FIXED) return NOT_FIXED;
        sum = sum + one < WIDTH_MAX ? sum + one : WIDTH_MAX;
    }
    return sum;
}

/* A record met again inside itself is not fixed; remembered, or a chain of records that use each
 * other twice would take for ever. */
static int64_t record_width(struct compiler *c, const struct silt_type *record)
{
    uint64_t key = (uintptr_t)record;
    intptr_t known = (intptr_t)silt_map_get_u64(c->width_of, key);
    if (known) return known == 1 ? NOT_FIXED : (int64_t)known - 3;
    silt_map_put_u64(c->width_of, key, (void *)(intptr_t)1);
    int64_t bytes = fields_width(c, record);
    silt_map_put_u64(c->width_of, key, (void *)(intptr_t)(bytes + 3));
    return bytes;
}

static int64_t width(struct compiler *c, const struct silt_type *type)
{
    switch (type->kind) {
    case SILT_TYPE_NULL: return 0;
    case SILT_TYPE_FLOAT: return 4;
    case SILT_TYPE_DOUBLE: return 8;
    case SILT_TYPE_FIXED: return type->size;
    case SILT_TYPE_RECORD: return record_width(c, type);
    default: return NOT_FIXED;
    }
}

static uint32_t routine_of(struct compiler *c, const struct silt_type *record)
{
    uint64_t key = (uintptr_t)record;
    uintptr_t known = (uintptr_t)silt_map_get_u64(c->routine_of, key);
    if (known) return (uint32_t)known - 1;
    c->routines = room(c->routines, c->routines_n, &c->routines_cap, sizeof *c->routines);
    c->routines[c->routines_n] = (struct routine){.type = record};
    silt_map_put_u64(c->routine_of, key, (void *)(uintptr_t)(c->routines_n + 1));
    return c->routines_n++;
}

/* "b.c" when the path is "a.b.c" and the field "a"; "" when the field ends it. */
static const char *path_into(const char *path, const char *field)
{
    size_t len = strlen(field);
    if (!path || strncmp(path, field, len) != 0) return NULL;
    if (path[len] == '\0') return path + len;
    return path[len] == '.' ? path + len + 1 : NULL;
}

static bool ends_here(const char *path)
{
    return path && path[0] == '\0';
}

static void emit_type(struct compiler *c, const struct silt_type *type, struct paths paths);

/* Some rule or mask is about this value or about something in it. */
static bool is_ruled(const struct compiler *c, struct paths paths)
{
    return paths.here &&
           (silt_rules_reach(c->rules, paths.here) || silt_masks_reach(c->masks, paths.here));
}

/* @return the path of a field, in room; NULL when there is none or it is too long for one. */
static const char *join(const char *here, const char *field, char room[SILT_FIELD_PATH_MAX])
{
    if (!here) return NULL;
    int len = snprintf(room, SILT_FIELD_PATH_MAX, "%s%s%s", here, *here ? "." : "", field);
    return len < (int)SILT_FIELD_PATH_MAX ? room : NULL;
}

static void emit_fields(struct compiler *c, const struct silt_type *record, struct paths paths)
{
    for (unsigned i = 0; i < record->children_n; i++) {
        const struct silt_child *field = &record->children[i];
        char here[SILT_FIELD_PATH_MAX];
        emit_type(
            c, field->type,
            (struct paths){.sensor_id = path_into(paths.sensor_id, field->name),
                           .time = path_into(paths.time, field->name),
                           .here = join(is_ruled(c, paths) ? paths.here : NULL, field->name, here),
                           .dropped = paths.dropped});
    }
}

/* On a path a record stands inline: its other uses must not report. Each step uses up a name of the
 * path, so that this ends for recursive records too. */
static void emit_record(struct compiler *c, const struct silt_type *record, struct paths paths)
{
    if (record->named_uses == 0 || paths.sensor_id || paths.time || is_ruled(c, paths)) {
        emit_fields(c, record, paths);
        return;
    }
    emit(c, SILT_OP_CALL, routine_of(c, record), 0);
}

static bool has_no_code(struct compiler *c, const struct silt_type *type, struct paths paths)
{
    return width(c, type) == 0 && !is_ruled(c, paths);
}

/* Jumps from the ends of the branches to behind the union are chained through `next` until that
 * place is known. */
static void emit_union(struct compiler *c, const struct silt_type *type, struct paths paths)
{
    unsigned first = c->jumps_n;
    emit(c, SILT_OP_UNION, type->children_n, first);
    for (unsigned i = 0; i < type->children_n; i++) {
        c->jumps = room(c->jumps, c->jumps_n, &c->jumps_cap, sizeof *c->jumps);
        c->jumps[c->jumps_n++] = NO_CODE;
    }
    unsigned with_code = type->children_n;
    while (with_code > 0 && has_no_code(c, type->children[with_code - 1].type, paths)) with_code--;
    uint32_t chain = NO_CODE;
    for (unsigned i = 0; i < with_code; i++) {
        if (has_no_code(c, type->children[i].type, paths)) continue;
        c->jumps[first + i] = put_label(c);
        emit_type(c, type->children[i].type, paths);
        if (i + 1 < with_code) chain = emit(c, SILT_OP_JUMP, 0, chain);
    }
    uint32_t behind = put_label(c);
    for (uint32_t next; chain != NO_CODE; chain = next) {
        next = c->ops[chain].next;
        c->ops[chain].next = behind;
    }
    for (unsigned i = 0; i < type->children_n; i++)
        if (c->jumps[first + i] == NO_CODE) c->jumps[first + i] = behind;
}

static void emit_blocks(struct compiler *c, const struct silt_type *type, struct paths paths)
{
    const struct paths inside = {.here = is_ruled(c, paths) ? paths.here : NULL,
                                 .dropped = paths.dropped};
    const struct silt_type *items = type->children[0].type;
    bool map = type->kind == SILT_TYPE_MAP;
    int64_t item_bytes = map ? NOT_FIXED : width(c, items);
    if (item_bytes == 0 || (item_bytes != NOT_FIXED && !inside.here)) {
        emit(c, SILT_OP_FIXED_ITEMS, (uint64_t)item_bytes, 0);
        return;
    }
    unsigned head = emit(c, SILT_OP_BLOCKS, 0, 0);
    put_label(c);
    if (map) emit(c, SILT_OP_STRING, 0, 0);
    emit_type(c, items, inside);
    emit(c, SILT_OP_AGAIN, 0, head);
    c->ops[head].next = put_label(c);
}

static void emit_value(struct compiler *c, const struct silt_type *type, struct paths paths)
{
    bool holds_rules = type->kind == SILT_TYPE_RECORD && is_ruled(c, paths);
    if (!holds_rules && width(c, type) != NOT_FIXED) {
        emit_skip(c, width(c, type));
        return;
    }
    switch (type->kind) {
    case SILT_TYPE_BOOLEAN: emit(c, SILT_OP_BOOLEAN, 0, 0); return;
    case SILT_TYPE_INT: emit(c, SILT_OP_INT, 0, 0); return;
    case SILT_TYPE_LONG:
        emit(c, ends_here(paths.time) ? SILT_OP_TIME : SILT_OP_LONG, (uint64_t)type->time_per_ms,
             0);
        return;
    case SILT_TYPE_BYTES: emit(c, SILT_OP_BYTES, 0, 0); return;
    case SILT_TYPE_STRING:
        emit(c, ends_here(paths.sensor_id) ? SILT_OP_SENSOR_ID : SILT_OP_STRING, 0, 0);
        return;
    case SILT_TYPE_ENUM: emit(c, SILT_OP_ENUM, type->symbols_n, 0); return;
    case SILT_TYPE_RECORD: emit_record(c, type, paths); return;
    case SILT_TYPE_UNION: emit_union(c, type, paths); return;
    default: emit_blocks(c, type, paths);
    }
}

static const unsigned checks_of[] = {
    [SILT_TYPE_NULL] = SILT_CHECK_NOT_NULL,
    [SILT_TYPE_INT] = SILT_CHECK_MIN | SILT_CHECK_MAX,
    [SILT_TYPE_LONG] = SILT_CHECK_MIN | SILT_CHECK_MAX,
    [SILT_TYPE_FLOAT] = SILT_CHECK_MIN | SILT_CHECK_MAX | SILT_CHECK_FINITE,
    [SILT_TYPE_DOUBLE] = SILT_CHECK_MIN | SILT_CHECK_MAX | SILT_CHECK_FINITE,
    [SILT_TYPE_BYTES] = SILT_CHECK_NOT_EMPTY,
    [SILT_TYPE_STRING] = SILT_CHECK_NOT_EMPTY | SILT_CHECK_MATCHES,
    [SILT_TYPE_UNION] = 0, /* the last kind: those not named have no checks */
};

/* The rule of this place, when it has something to say about values of the type. */
static const struct silt_rule *rule_for(const struct compiler *c, const struct silt_type *type,
                                        struct paths paths)
{
    const struct silt_rule *rule = paths.here ? silt_rules_at(c->rules, paths.here) : NULL;
    return silt_rule_has_any(rule, checks_of[type->kind]) ? rule : NULL;
}

static void emit_rule(struct compiler *c, const struct silt_rule *rule,
                      const struct silt_type *type)
{
    c->used = room(c->used, c->used_n, &c->used_cap, sizeof *c->used);
    c->used[c->used_n] = rule;
    emit(c, SILT_OP_RULE, c->used_n++, type->kind);
}

/* ---- masks ---- */

static void refuse(struct compiler *c, const char *option, const char *path, const char *type,
                   const char *why)
{
    if (c->rc.ok)
        c->rc = silt_err_set(c->err, SILT_E_SCHEMA, __FILE__, __LINE__, "%s: %s is of type %s, %s",
                             option, path, type, why);
}

static void emit_drop(struct compiler *c, const struct silt_type *type, const char *path)
{
    c->blanks = room(c->blanks, c->blanks_n, &c->blanks_cap, sizeof *c->blanks);
    struct silt_buf *blank = &c->blanks[c->blanks_n];
    emit(c, SILT_OP_DROP, c->blanks_n++, 0);
    if (!silt_schema_blank(type, blank))
        refuse(c, "privacy.drop", path, silt_type_kind_name(type->kind),
               "whose empty value is too large");
}

/* Of a union, an array or a map the values inside are hashed. */
static bool is_hashed_inside(const struct silt_type *type)
{
    return type->kind == SILT_TYPE_NULL || type->kind == SILT_TYPE_UNION ||
           type->kind == SILT_TYPE_ARRAY || type->kind == SILT_TYPE_MAP;
}

static void note_found(struct compiler *c, const char *path)
{
    for (unsigned i = 0; i < silt_masks_n(c->masks); i++)
        c->found[i] |= strcmp(silt_masks_path(c->masks, i), path) == 0;
}

static const char *first_not_found(const struct compiler *c)
{
    for (unsigned i = 0; i < silt_masks_n(c->masks); i++)
        if (!c->found[i]) return silt_masks_path(c->masks, i);
    return NULL;
}

static enum silt_mask mask_for(struct compiler *c, const struct silt_type *type, struct paths paths)
{
    if (!paths.here || paths.dropped) return SILT_MASK_NONE;
    enum silt_mask mask = silt_masks_at(c->masks, paths.here);
    note_found(c, paths.here);
    if (mask != SILT_MASK_HASH || type->kind == SILT_TYPE_STRING || type->kind == SILT_TYPE_BYTES)
        return mask;
    if (!is_hashed_inside(type))
        refuse(c, "privacy.hash", paths.here, silt_type_kind_name(type->kind),
               "only string and bytes are hashed: use privacy.drop");
    return SILT_MASK_NONE;
}

/* What is masked is told to nobody else either. */
static void emit_type(struct compiler *c, const struct silt_type *type, struct paths paths)
{
    const struct silt_rule *rule = rule_for(c, type, paths);
    enum silt_mask mask = mask_for(c, type, paths);
    if (mask != SILT_MASK_NONE) {
        emit(c, SILT_OP_HIDE, 0, 0);
        paths.sensor_id = paths.time = NULL;
        paths.dropped = mask == SILT_MASK_DROP;
    }
    if (rule && type->kind != SILT_TYPE_NULL) emit(c, SILT_OP_MARK, 0, 0);
    emit_value(c, type, paths);
    if (rule) emit_rule(c, rule, type);
    if (mask == SILT_MASK_DROP) emit_drop(c, type, paths.here);
    if (mask == SILT_MASK_HASH) emit(c, SILT_OP_HASH, 0, type->kind);
}

static void emit_routines(struct compiler *c)
{
    for (unsigned i = 0; i < c->routines_n; i++) {
        uint32_t entry = put_label(c);
        emit_fields(c, c->routines[i].type, (struct paths){0});
        emit(c, SILT_OP_RETURN, 0, 0);
        c->routines[i].entry = entry;
    }
    for (unsigned i = 0; i < c->ops_n; i++)
        if (c->ops[i].kind == SILT_OP_CALL) c->ops[i].next = c->routines[c->ops[i].n].entry;
}

static const char *path_or_null(const char *path)
{
    return path && path[0] ? path : NULL;
}

SILT_RC silt_schema_compile(const struct silt_tree *tree, const struct silt_schema_opts *opts,
                            struct silt_program **ret_program, struct silt_err *err)
{
    struct compiler c = {.rules = opts->rules,
                         .masks = opts->masks,
                         .found = silt_calloc(silt_masks_n(opts->masks) + 1, sizeof(bool)),
                         .rc = SILT_OK,
                         .err = err,
                         .routine_of = silt_map_new(),
                         .width_of = silt_map_new()};
    emit_type(&c, silt_tree_root(tree)->type,
              (struct paths){.sensor_id = path_or_null(opts->sensor_id_field),
                             .time = path_or_null(opts->time_field),
                             .here = ""});
    emit(&c, SILT_OP_END, 0, 0);
    emit_routines(&c);
    silt_map_free(c.routine_of);
    silt_map_free(c.width_of);
    silt_free(c.routines);
    struct silt_program *program = SILT_NEW(struct silt_program);
    *program = (struct silt_program){.ops = c.ops,
                                     .ops_n = c.ops_n,
                                     .jumps = c.jumps,
                                     .jumps_n = c.jumps_n,
                                     .rules = c.used,
                                     .rules_n = c.used_n,
                                     .blanks = c.blanks,
                                     .blanks_n = c.blanks_n,
                                     .unmasked = first_not_found(&c)};
    silt_free(c.found);
    if (c.rc.ok)
        *ret_program = program;
    else
        silt_program_free(program);
    return c.rc;
}
