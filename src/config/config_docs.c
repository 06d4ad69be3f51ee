/* What is generated from the option table: help, example, JSON schema, documentation. */
#include "config/config.h"

#include "base/alloc.h"
#include "base/jsonw.h"
#include "option_int.h"
#include "value_int.h"

#include <stdio.h>
#include <string.h>

#define LINE_WIDTH 100

/* Text, broken between words, each line behind `front`. */
static void write_wrapped(FILE *out, const char *front, const char *text)
{
    while (*text) {
        size_t len = strlen(text);
        size_t room = LINE_WIDTH - strlen(front);
        if (len > room) {
            while (room > 0 && text[room] != ' ') room--;
            len = room;
        }
        fprintf(out, "%s%.*s\n", front, (int)len, text);
        text += len;
        text += strspn(text, " ");
    }
}

static bool stands_alone(const struct silt_section *section)
{
    return silt_option_find(section->name).option != NULL;
}

/* --- silt help options --------------------------------------------------------------------- */

static void help_one(FILE *out, const struct silt_option *option)
{
    struct silt_buf expected silt_auto(silt_buf_done);
    silt_buf_init(&expected, SILT_BUF_MAX_DEFAULT);
    silt_value_expected(&expected, option);
    fprintf(out, "  %s: %s", option->name, silt_buf_str(&expected));
    if (*option->preset) fprintf(out, " (default %s)", option->preset);
    fputc('\n', out);
    write_wrapped(out, "      ", option->text);
}

void silt_config_help(FILE *out)
{
    fputs("Every option can be set in three ways; the first of them counts:\n"
          "  a flag       --archive.max_bytes=64MiB\n"
          "  a variable   SILT_ARCHIVE_MAX_BYTES=64MiB\n"
          "  the file     archive:\n"
          "                 max_bytes: 64MiB\n",
          out);
    for (unsigned s = 0; s < silt_sections_n; s++) {
        fprintf(out, "\n%s\n", silt_sections[s].text);
        for (unsigned i = 0; i < silt_options_n; i++)
            if (silt_option_in_section(&silt_options[i], silt_sections[s].name))
                help_one(out, &silt_options[i]);
    }
}

/* --- silt config --example ----------------------------------------------------------------- */

/* What nobody can do without, and what a first try on one machine would write there. */
static const char *example_of(const struct silt_option *option)
{
    static const char *const examples[][2] = {
        {"kafka.brokers", "localhost:9092"},
        {"kafka.topics", "[sensors]"},
        {"schema.registry", "http://localhost:8081"},
        {"archive.root", "file:///var/lib/silt"},
    };
    for (unsigned i = 0; i < sizeof examples / sizeof examples[0]; i++)
        if (strcmp(examples[i][0], option->name) == 0) return examples[i][1];
    return NULL;
}

static const char *preset_in_yaml(const struct silt_option *option)
{
    if (option->type == SILT_OPT_STRINGS) return "[]";
    if (option->type == SILT_OPT_PAIRS) return "{}";
    return *option->preset ? option->preset : "\"\"";
}

static void example_option(FILE *out, const struct silt_option *option, const char *indent)
{
    char front[8];
    snprintf(front, sizeof front, "%s# ", indent);
    write_wrapped(out, front, option->text);
    const char *example = example_of(option);
    if (example) fprintf(out, "%s%s: %s\n", indent, silt_option_leaf(option), example);
    if (!example)
        fprintf(out, "%s#%s: %s\n", indent, silt_option_leaf(option), preset_in_yaml(option));
    if (silt_option_has_file(option))
        fprintf(out, "%s#%s_file: /run/secrets/%s\n", indent, silt_option_leaf(option),
                silt_option_leaf(option));
}

static void example_section(FILE *out, const struct silt_section *section)
{
    const bool alone = stands_alone(section);
    fprintf(out, "\n# %s\n", section->text);
    if (!alone) fprintf(out, "%s:\n", section->name);
    for (unsigned i = 0; i < silt_options_n; i++)
        if (silt_option_in_section(&silt_options[i], section->name))
            example_option(out, &silt_options[i], alone ? "" : "  ");
}

void silt_config_example(FILE *out)
{
    fputs("# silt.yaml: lines that begin with #name show the defaults.\n", out);
    for (unsigned s = 0; s < silt_sections_n; s++) example_section(out, &silt_sections[s]);
}

/* --- silt config --schema ------------------------------------------------------------------ */

static void schema_enum(struct silt_jsonw *w, const char *allowed)
{
    silt_jsonw_key(w, "enum");
    silt_jsonw_open(w, '[');
    for (const char *at = allowed; at;) {
        const size_t len = strcspn(at, "|");
        silt_jsonw_bytes(w, silt_slice_of(at, len));
        /* what YAML's own readers make of the codec's name */
        if (len == 4 && strncmp(at, "null", 4) == 0) silt_jsonw_null(w);
        at = at[len] ? at + len + 1 : NULL;
    }
    silt_jsonw_close(w, ']');
}

static void schema_range(struct silt_jsonw *w, const struct silt_option *option)
{
    silt_jsonw_kint(w, "minimum", option->min);
    silt_jsonw_kint(w, "maximum", option->max);
}

static void schema_type(struct silt_jsonw *w, const struct silt_option *option)
{
    static const char *const types[] = {
        [SILT_OPT_STRING] = "\"string\"",
        [SILT_OPT_SECRET] = "\"string\"",
        [SILT_OPT_BOOL] = "\"boolean\"",
        [SILT_OPT_INT] = "\"integer\"",
        [SILT_OPT_BYTES] = "[\"string\",\"integer\"]",
        [SILT_OPT_DURATION] = "\"string\"",
        [SILT_OPT_DOUBLE] = "\"number\"",
        [SILT_OPT_ENUM] = NULL,
        [SILT_OPT_STRINGS] =
            "[\"string\",\"array\"],\"items\":{\"type\":\"string\",\"minLength\":1}",
        [SILT_OPT_PAIRS] = "\"object\",\"additionalProperties\":{\"type\":[\"string\",\"number\","
                           "\"boolean\"]}",
    };
    if (option->type == SILT_OPT_ENUM) {
        schema_enum(w, option->allowed);
        return;
    }
    silt_jsonw_key(w, "type");
    silt_jsonw_raw(w, types[option->type]);
    if (option->type == SILT_OPT_BYTES)
        silt_jsonw_kstr(w, "pattern", "^[0-9]+ ?([KMGT](iB|B|i)|B)?$");
    if (option->type == SILT_OPT_DURATION)
        silt_jsonw_kstr(w, "pattern", "^(0|([0-9]+(d|h|m|s|ms))+)$");
    if (option->type == SILT_OPT_BYTES || option->type == SILT_OPT_INT ||
        option->type == SILT_OPT_DOUBLE)
        schema_range(w, option);
}

static void schema_default(struct silt_jsonw *w, const struct silt_option *option)
{
    if (option->type == SILT_OPT_STRINGS || option->type == SILT_OPT_PAIRS) return;
    silt_jsonw_key(w, "default");
    if (option->type == SILT_OPT_BOOL || option->type == SILT_OPT_INT ||
        option->type == SILT_OPT_DOUBLE) {
        silt_jsonw_raw(w, option->preset);
        return;
    }
    silt_jsonw_str(w, option->preset);
}

static void schema_line(FILE *out, const char *indent, const char *name,
                        const struct silt_buf *json)
{
    fprintf(out, "%s\"%s\": %s", indent, name, silt_buf_str(json));
}

static void schema_option(FILE *out, const struct silt_option *option, const char *indent)
{
    struct silt_buf json silt_auto(silt_buf_done);
    silt_buf_init(&json, SILT_BUF_MAX_DEFAULT);
    struct silt_jsonw w;
    silt_jsonw_init(&w, &json);
    silt_jsonw_open(&w, '{');
    silt_jsonw_kstr(&w, "description", option->text);
    schema_type(&w, option);
    schema_default(&w, option);
    silt_jsonw_close(&w, '}');
    schema_line(out, indent, silt_option_leaf(option), &json);
    if (!silt_option_has_file(option)) return;
    fprintf(out, ",\n%s\"%s_file\": {\"description\":\"File that holds %s.\",\"type\":\"string\"}",
            indent, silt_option_leaf(option), option->name);
}

static void schema_section(FILE *out, const struct silt_section *section)
{
    if (stands_alone(section)) {
        schema_option(out, silt_option_find(section->name).option, "    ");
        return;
    }
    fprintf(out,
            "    \"%s\": {\n      \"description\": \"%s\",\n      \"type\": [\"object\", \"null\"],"
            "\n      \"additionalProperties\": false,\n      \"properties\": {\n",
            section->name, section->text);
    bool first = true;
    for (unsigned i = 0; i < silt_options_n; i++) {
        if (!silt_option_in_section(&silt_options[i], section->name)) continue;
        if (!first) fputs(",\n", out);
        schema_option(out, &silt_options[i], "        ");
        first = false;
    }
    fputs("\n      }\n    }", out);
}

void silt_config_schema(FILE *out)
{
    fputs("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
          "  \"title\": \"silt configuration\",\n"
          "  \"type\": [\"object\", \"null\"],\n  \"additionalProperties\": false,\n"
          "  \"properties\": {\n",
          out);
    for (unsigned s = 0; s < silt_sections_n; s++) {
        schema_section(out, &silt_sections[s]);
        fputs(s + 1 < silt_sections_n ? ",\n" : "\n", out);
    }
    fputs("  }\n}\n", out);
}

/* --- silt config --markdown ---------------------------------------------------------------- */

static const char markdown_intro[] =
    "# Configuration\n"
    "\n"
    "<!-- generated by: silt config --markdown -->\n"
    "\n"
    "Every option can be given in four places. The first one that sets it counts:\n"
    "\n"
    "1. a flag: `--archive.max_bytes=64MiB`, or `--archive.max_bytes 64MiB`\n"
    "2. an environment variable: `SILT_ARCHIVE_MAX_BYTES=64MiB`\n"
    "3. the file: `--config FILE`, else `$SILT_CONFIG`, else `./silt.yaml` when there is one\n"
    "4. its default\n"
    "\n"
    "`silt config --explain` prints each value in force and who set it, `silt config --example` a\n"
    "file to start from, and `silt config --schema` a JSON schema for editors. A misspelt name is "
    "an\n"
    "error, never ignored. A change takes a restart, but for `log.level` and\n"
    "`schema.max_reject_ratio`: SIGHUP has them read again.\n"
    "\n"
    "| kind | how it is written |\n"
    "|---|---|\n"
    "| size | a number of bytes with or without a unit: `256MiB`, `8MB`, `64Ki`, `4096` |\n"
    "| duration | a number with a unit, or several: `500ms`, `10s`, `10m`, `4h`, `7d`, `1h30m` |\n"
    "| list | in the file a YAML list; as flag or variable `a,b`, with `\\,` for a comma inside an "
    "entry. A flag may be repeated. |\n"
    "| map | in the file `name: value` lines below the option; as flag `--kafka.properties "
    "name=value`, repeated; as variable `name=value,name=value`. Names that a weaker place set "
    "stay "
    "unless they are set again. |\n"
    "| secret | text that is never printed, or the path of a file that holds it, as "
    "`<option>_file`. Flags can be seen in the process list: prefer files. |\n"
    "\n"
    "`kafka.properties_file` names a file of `name=value` lines, such as one mounted from a "
    "secret.\n"
    "The file takes plain YAML: anchors, aliases, tags and several documents are refused.\n";

static void markdown_default(FILE *out, const struct silt_option *option)
{
    if (*option->preset) fprintf(out, "`%s`", option->preset);
    for (unsigned i = 0; i < silt_option_envs_n; i++)
        if (strcmp(silt_option_envs[i].option, option->name) == 0)
            fprintf(out, " `$%s`", silt_option_envs[i].variable);
}

static void markdown_value(FILE *out, const struct silt_option *option)
{
    struct silt_buf expected silt_auto(silt_buf_done);
    silt_buf_init(&expected, SILT_BUF_MAX_DEFAULT);
    silt_value_expected(&expected, option);
    if (option->type == SILT_OPT_SECRET) fputs("secret ", out);
    fputs(silt_buf_str(&expected), out);
    if (option->unit) fprintf(out, " (%s)", option->unit);
}

static void markdown_option(FILE *out, const struct silt_option *option)
{
    fprintf(out, "| `%s` | ", option->name);
    markdown_value(out, option);
    fputs(" | ", out);
    markdown_default(out, option);
    fprintf(out, " | %s | %s |\n", option->text, option->since);
}

void silt_config_markdown(FILE *out)
{
    fputs(markdown_intro, out);
    for (unsigned s = 0; s < silt_sections_n; s++) {
        fprintf(out, "\n## %s\n\n%s\n\n", silt_sections[s].name, silt_sections[s].text);
        fputs("| option | value | default | what it does | since |\n|---|---|---|---|---|\n", out);
        for (unsigned i = 0; i < silt_options_n; i++)
            if (silt_option_in_section(&silt_options[i], silt_sections[s].name))
                markdown_option(out, &silt_options[i]);
    }
}
