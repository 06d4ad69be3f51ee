/* The configuration file. Of YAML it takes what the option table needs: sections, scalars, one list
 * and one map level. Anchors, aliases, tags and merge keys are refused: they make a file mean
 * something else than it shows.
 */
#include "source_int.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    const char *path;
    const char *text;
    size_t len;
    const struct silt_sink *sink;
    unsigned *option_lines;  /* by option: where it was set, 0 not yet */
    unsigned *section_lines; /* by section: where it began */
};

static unsigned line_of(const yaml_event_t *event)
{
    return (unsigned)event->start_mark.line + 1;
}

#define FAIL_AT(reader, line, err, fmt, ...) \
    SILT_FAIL((err), CONFIG, "%s:%u: " fmt, (reader)->path, (line), ##__VA_ARGS__)

/* libyaml's words, and ours for people who see YAML for the first time. */
static const char *explain(const struct reader *reader)
{
    static const struct {
        const char *theirs;
        const char *ours;
    } words[] = {
        {"mapping values are not allowed in this context",
         "a second \": \" on this line, or wrong indentation; put quotes around text with a colon"},
        {"could not find expected ':'", "a name without \": \" behind it"},
        {"did not find expected key", "wrong indentation, or text behind a closing quote"},
        {"did not find expected '-' indicator", "wrong indentation of a list"},
        {"found unexpected end of stream", "a quote or bracket is not closed"},
        {"did not find expected ',' or ']'", "a [ is not closed"},
        {"did not find expected ',' or '}'", "a { is not closed"},
        {"block sequence entries are not allowed in this context",
         "a list begins where none can stand; put it on the lines below its name"},
        {"control characters are not allowed", "a control character"},
    };
    const char *problem = reader->parser.problem;
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(problem, words[i].theirs) == 0) return words[i].ours;
    if (strstr(problem, "UTF-8")) return "the file is not UTF-8";
    const size_t at = reader->parser.problem_mark.index;
    if (strcmp(problem, "found character that cannot start any token") != 0) return problem;
    if (at < reader->len && reader->text[at] == '\t') return "a tab; indent with spaces";
    return "a value cannot begin with this character; put quotes around it";
}

static struct silt_rc fail_yaml(const struct reader *reader, struct silt_err *err)
{
    if (reader->parser.error == YAML_READER_ERROR)
        SILT_FAIL(err, CONFIG, "%s: %s (at byte %zu)", reader->path, explain(reader),
                  reader->parser.problem_offset);
    FAIL_AT(reader, (unsigned)reader->parser.problem_mark.line + 1, err, "not readable: %s",
            explain(reader));
}

static const char *fancy_part(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT: return "an alias (*name)";
    case YAML_SCALAR_EVENT:
        if (event->data.scalar.anchor) return "an anchor (&name)";
        return event->data.scalar.tag ? "a tag (!name)" : NULL;
    case YAML_SEQUENCE_START_EVENT:
        if (event->data.sequence_start.anchor) return "an anchor (&name)";
        return event->data.sequence_start.tag ? "a tag (!name)" : NULL;
    case YAML_MAPPING_START_EVENT:
        if (event->data.mapping_start.anchor) return "an anchor (&name)";
        return event->data.mapping_start.tag ? "a tag (!name)" : NULL;
    default: return NULL;
    }
}

static struct silt_rc next_event(struct reader *reader, yaml_event_t *ret_event,
                                 struct silt_err *err)
{
    if (!yaml_parser_parse(&reader->parser, ret_event)) return fail_yaml(reader, err);
    const char *fancy = fancy_part(ret_event);
    if (fancy)
        FAIL_AT(reader, line_of(ret_event), err, "%s is not for this file; write the value out",
                fancy);
    return SILT_OK;
}

static const char *scalar_of(const yaml_event_t *event)
{
    return (const char *)event->data.scalar.value;
}

static bool is_nothing(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 &&
           event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* A scalar as a C string; NUL bytes would cut it short unseen. */
static struct silt_rc check_scalar(const struct reader *reader, const yaml_event_t *event,
                                   const char *what, struct silt_err *err)
{
    if (event->type != YAML_SCALAR_EVENT)
        FAIL_AT(reader, line_of(event), err, "%s must be plain text, not a list or map", what);
    if (strlen(scalar_of(event)) != event->data.scalar.length)
        FAIL_AT(reader, line_of(event), err, "%s holds a NUL byte", what);
    return SILT_OK;
}

static struct silt_rc give(const struct reader *reader, struct silt_setting setting, unsigned line,
                           struct silt_err *err)
{
    char *where silt_auto(silt_free_auto) = silt_asprintf("%s:%u", reader->path, line);
    setting.source = SILT_FROM_FILE;
    setting.where = where;
    return reader->sink->set(reader->sink->ctx, &setting, err);
}

static struct silt_rc read_list(struct reader *reader, struct silt_option_ref ref,
                                struct silt_err *err)
{
    for (;;) {
        yaml_event_t event silt_auto(yaml_event_delete) = {0};
        SILT_TRY(next_event(reader, &event, err));
        if (event.type == YAML_SEQUENCE_END_EVENT) return SILT_OK;
        SILT_TRY(check_scalar(reader, &event, "a list entry", err));
        const struct silt_setting setting = {
            .ref = ref, .form = SILT_SET_ITEM, .text = scalar_of(&event)};
        SILT_TRY(give(reader, setting, line_of(&event), err));
    }
}

static bool already_seen(struct silt_strings *seen, const char *name)
{
    for (unsigned i = 0; i < seen->n; i++)
        if (strcmp(seen->items[i], name) == 0) return true;
    seen->items = silt_realloc_array(seen->items, seen->n + 1, sizeof(char *));
    seen->items[seen->n++] = silt_strdup(name);
    return false;
}

static void free_seen(struct silt_strings *seen)
{
    for (unsigned i = 0; i < seen->n; i++) silt_free(seen->items[i]);
    silt_free(seen->items);
}

static struct silt_rc read_pair(struct reader *reader, struct silt_option_ref ref,
                                const yaml_event_t *key, struct silt_err *err)
{
    yaml_event_t value silt_auto(yaml_event_delete) = {0};
    SILT_TRY(next_event(reader, &value, err));
    SILT_TRY(check_scalar(reader, &value, "a property's value", err));
    if (is_nothing(&value))
        FAIL_AT(reader, line_of(key), err, "%.60s has no value; remove the line or write \"\"",
                scalar_of(key));
    const struct silt_setting setting = {
        .ref = ref, .form = SILT_SET_PAIR, .pair = scalar_of(key), .text = scalar_of(&value)};
    return give(reader, setting, line_of(key), err);
}

static struct silt_rc read_pairs(struct reader *reader, struct silt_option_ref ref,
                                 struct silt_err *err)
{
    struct silt_strings seen silt_auto(free_seen) = {0};
    for (;;) {
        yaml_event_t key silt_auto(yaml_event_delete) = {0};
        SILT_TRY(next_event(reader, &key, err));
        if (key.type == YAML_MAPPING_END_EVENT) return SILT_OK;
        SILT_TRY(check_scalar(reader, &key, "a property's name", err));
        if (already_seen(&seen, scalar_of(&key)))
            FAIL_AT(reader, line_of(&key), err, "%.60s is set twice; remove one", scalar_of(&key));
        SILT_TRY(read_pair(reader, ref, &key, err));
    }
}

static struct silt_rc read_text(struct reader *reader, struct silt_option_ref ref,
                                const yaml_event_t *event, struct silt_err *err)
{
    const char *name = ref.option->name;
    if (is_nothing(event))
        FAIL_AT(reader, line_of(event), err, "%s%s has no value; remove the line or write \"\"",
                name, ref.in_file ? "_file" : "");
    if (ref.option->type == SILT_OPT_PAIRS && !ref.in_file)
        FAIL_AT(reader, line_of(event), err, "%s is a map; write name: value on the lines below it",
                name);
    SILT_TRY(check_scalar(reader, event, name, err));
    const struct silt_setting setting = {
        .ref = ref, .form = SILT_SET_TEXT, .text = scalar_of(event)};
    return give(reader, setting, line_of(event), err);
}

static struct silt_rc read_value(struct reader *reader, struct silt_option_ref ref,
                                 struct silt_err *err)
{
    yaml_event_t event silt_auto(yaml_event_delete) = {0};
    SILT_TRY(next_event(reader, &event, err));
    const enum silt_option_type type = ref.in_file ? SILT_OPT_STRING : ref.option->type;
    if (event.type == YAML_SCALAR_EVENT) return read_text(reader, ref, &event, err);
    if (event.type == YAML_SEQUENCE_START_EVENT && type == SILT_OPT_STRINGS)
        return read_list(reader, ref, err);
    if (event.type == YAML_MAPPING_START_EVENT && type == SILT_OPT_PAIRS)
        return read_pairs(reader, ref, err);
    FAIL_AT(reader, line_of(&event), err, "%s%s is %s, but must be %s", ref.option->name,
            ref.in_file ? "_file" : "",
            event.type == YAML_SEQUENCE_START_EVENT ? "a list" : "a map",
            type == SILT_OPT_PAIRS     ? "a map of names and values"
            : type == SILT_OPT_STRINGS ? "a list or text"
                                       : "one value");
}

static struct silt_rc read_option(struct reader *reader, const char *name, unsigned line,
                                  struct silt_err *err)
{
    const struct silt_option_ref ref = silt_option_find(name);
    if (!ref.option) {
        const char *nearest = silt_option_nearest(name);
        FAIL_AT(reader, line, err, "unknown option %.60s%s%s%s", name,
                nearest ? "; did you mean " : "; silt help options lists them all",
                nearest ? nearest : "", nearest ? "?" : "");
    }
    unsigned *seen = &reader->option_lines[2 * silt_option_index(ref.option) + ref.in_file];
    if (*seen)
        FAIL_AT(reader, line, err, "%s is set twice, first in line %u; remove one", name, *seen);
    *seen = line;
    return read_value(reader, ref, err);
}

static struct silt_rc read_section_body(struct reader *reader, const char *section,
                                        struct silt_err *err)
{
    for (;;) {
        yaml_event_t key silt_auto(yaml_event_delete) = {0};
        SILT_TRY(next_event(reader, &key, err));
        if (key.type == YAML_MAPPING_END_EVENT) return SILT_OK;
        SILT_TRY(check_scalar(reader, &key, "the name of an option", err));
        char *name silt_auto(silt_free_auto) = silt_asprintf("%s.%s", section, scalar_of(&key));
        SILT_TRY(read_option(reader, name, line_of(&key), err));
    }
}

static struct silt_rc fail_unknown_section(const struct reader *reader, const char *name,
                                           unsigned line, struct silt_err *err)
{
    if (silt_option_find(name).option)
        FAIL_AT(reader, line, err, "write %.*s: and below it, indented, %s: …",
                (int)strcspn(name, "."), name, strchr(name, '.') + 1);
    const char *nearest = silt_section_nearest(name);
    if (nearest)
        FAIL_AT(reader, line, err, "unknown section %.60s; did you mean %s?", name, nearest);
    const char *option = silt_option_nearest(name);
    if (option)
        FAIL_AT(reader, line, err, "%.60s stands outside its section; did you mean %s?", name,
                option);
    FAIL_AT(reader, line, err, "unknown section %.60s; silt help options lists them all", name);
}

static struct silt_rc read_section(struct reader *reader, const char *name, unsigned line,
                                   struct silt_err *err)
{
    unsigned i = 0;
    while (i < silt_sections_n && strcmp(name, silt_sections[i].name) != 0) i++;
    if (i == silt_sections_n) return fail_unknown_section(reader, name, line, err);
    if (reader->section_lines[i])
        FAIL_AT(reader, line, err, "section %s stands twice, first in line %u; join them", name,
                reader->section_lines[i]);
    reader->section_lines[i] = line;
    yaml_event_t event silt_auto(yaml_event_delete) = {0};
    SILT_TRY(next_event(reader, &event, err));
    if (is_nothing(&event)) return SILT_OK; /* all of its lines may be comments */
    if (event.type != YAML_MAPPING_START_EVENT)
        FAIL_AT(reader, line_of(&event), err,
                "%s is a section; write its options on the lines below it, indented", name);
    return read_section_body(reader, name, err);
}

static struct silt_rc read_root_key(struct reader *reader, const yaml_event_t *key,
                                    struct silt_err *err)
{
    SILT_TRY(check_scalar(reader, key, "the name of a section", err));
    const char *name = scalar_of(key);
    const bool alone = silt_option_find(name).option && !strchr(name, '.');
    if (alone) return read_option(reader, name, line_of(key), err);
    return read_section(reader, name, line_of(key), err);
}

static struct silt_rc read_root(struct reader *reader, struct silt_err *err)
{
    for (;;) {
        yaml_event_t key silt_auto(yaml_event_delete) = {0};
        SILT_TRY(next_event(reader, &key, err));
        if (key.type == YAML_MAPPING_END_EVENT) return SILT_OK;
        SILT_TRY(read_root_key(reader, &key, err));
    }
}

static struct silt_rc read_document(struct reader *reader, struct silt_err *err)
{
    yaml_event_t root silt_auto(yaml_event_delete) = {0};
    SILT_TRY(next_event(reader, &root, err));
    if (is_nothing(&root)) return SILT_OK;
    if (root.type != YAML_MAPPING_START_EVENT)
        FAIL_AT(reader, line_of(&root), err,
                "the file must hold sections, such as kafka: with options indented below it");
    return read_root(reader, err);
}

static struct silt_rc read_stream(struct reader *reader, struct silt_err *err)
{
    for (unsigned documents = 0;;) {
        yaml_event_t event silt_auto(yaml_event_delete) = {0};
        SILT_TRY(next_event(reader, &event, err));
        if (event.type == YAML_STREAM_END_EVENT) return SILT_OK;
        if (event.type != YAML_DOCUMENT_START_EVENT) continue;
        if (documents++)
            FAIL_AT(reader, line_of(&event), err, "a second document begins (---); keep one");
        SILT_TRY(read_document(reader, err));
    }
}

struct silt_rc silt_yaml_read(const char *path, const struct silt_sink *sink, struct silt_err *err)
{
    char *text silt_auto(silt_free_auto) = NULL;
    size_t len;
    SILT_TRY(silt_config_read(path, "configuration file", SILT_CONFIG_FILE_MAX, &text, &len, err));
    unsigned *option_lines silt_auto(silt_free_auto) =
        silt_calloc(2 * silt_options_n, sizeof(unsigned));
    unsigned *section_lines silt_auto(silt_free_auto) =
        silt_calloc(silt_sections_n, sizeof(unsigned));
    struct reader reader = {.path = path,
                            .text = text,
                            .len = len,
                            .sink = sink,
                            .option_lines = option_lines,
                            .section_lines = section_lines};
    if (!yaml_parser_initialize(&reader.parser))
        SILT_FAIL(err, CONFIG, "no memory for reading %s", path);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
    const struct silt_rc rc = read_stream(&reader, err);
    yaml_parser_delete(&reader.parser);
    return rc;
}
