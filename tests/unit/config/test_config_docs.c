#include "bad_input.h"
#include "config/config.h"
#include "config/roff.h"
#include "harness.h"
#include "option_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *written(void (*write)(FILE *out))
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out) abort();
    write(out);
    fclose(out);
    return text;
}

static void check_committed(const char *path, void (*write)(FILE *out), const char *command)
{
    char *made = written(write);
    char *kept = silt_test_read(path, NULL);
    CU_ASSERT_STRING_EQUAL(made, kept);
    if (strcmp(made, kept) != 0)
        fprintf(stderr, "\n  out of date: silt config %s > %s\n", command, path);
    free(made);
    free(kept);
}

static void the_committed_schema_is_the_generated_one(void)
{
    check_committed(SILT_SOURCE_DIR "/schemas/config.schema.json", silt_config_schema, "--schema");
}

static void the_committed_documentation_is_the_generated_one(void)
{
    check_committed(SILT_SOURCE_DIR "/docs/configuration.md", silt_config_markdown, "--markdown");
}

static void the_committed_manual_page_is_the_generated_one(void)
{
    check_committed(SILT_SOURCE_DIR "/docs/man/silt.yaml.5", silt_config_man, "--man");
}

/* What would be a request or an escape of roff is text. */
static void text_of_a_manual_page_is_text(void)
{
    size_t len;
    char *text = NULL;
    FILE *out = open_memstream(&text, &len);
    if (!out) abort();
    silt_roff_text(out, ".a 'b' c\\d -e\n'f\n.g");
    fclose(out);
    CU_ASSERT_STRING_EQUAL(text, "\\&.a 'b' c\\ed \\-e\n\\&'f\n\\&.g");
    free(text);
}

static void flags_for_completion_have_their_choices(void *ctx, const struct silt_config_flag *flag)
{
    unsigned *seen = ctx;
    if (strcmp(flag->name, "archive.codec") == 0)
        *seen += strcmp(flag->choices, "zstd|deflate|snappy|null") == 0 && !flag->is_file;
    if (strcmp(flag->name, "s3.path_style") == 0) *seen += strcmp(flag->choices, "true|false") == 0;
    if (strcmp(flag->name, "s3.ca_file") == 0) *seen += flag->is_file && !flag->choices;
    if (strcmp(flag->name, "metrics.postgres_file") == 0) *seen += flag->is_file;
    if (strcmp(flag->name, "kafka.brokers") == 0) *seen += !flag->is_file && !flag->choices;
}

static void completion_knows_every_flag(void)
{
    unsigned seen = 0;
    silt_config_flags(flags_for_completion_have_their_choices, &seen);
    CU_ASSERT_EQUAL(seen, 5);
}

static void the_example_is_all_that_a_worker_needs(void)
{
    char *text = written(silt_config_example);
    struct silt_config *config = load_text(text);
    if (config) CU_ASSERT_OK(silt_config_check_run(config, NULL));
    silt_config_free(config);
    free(text);
}

/* "#name: value" lines are the defaults: without their mark they must be readable. Those that name
 * files of secrets stay comments. */
static void the_defaults_of_the_example_can_be_uncommented(void)
{
    char *text = written(silt_config_example);
    for (size_t at = 0; text[at]; at++) {
        if (text[at] != '\n') continue;
        char *mark = text + at + 1 + strspn(text + at + 1, " ");
        const size_t len = strcspn(mark, "\n");
        const bool file = memmem(mark, len, "_file:", 6) && !memmem(mark, len, "ca_file:", 8);
        if (mark[0] == '#' && mark[1] != ' ' && !file) memmove(mark, mark + 1, strlen(mark));
    }
    struct silt_config *config = load_text(text);
    CU_ASSERT_PTR_NOT_NULL(config);
    silt_config_free(config);
    free(text);
}

static void help_names_every_option(void)
{
    char *text = written(silt_config_help);
    for (unsigned i = 0; i < silt_options_n; i++)
        CU_ASSERT_PTR_NOT_NULL(strstr(text, silt_options[i].name));
    free(text);
}

static void explain_on(const struct silt_config *config, bool json, char **ret_text)
{
    size_t len;
    FILE *out = open_memstream(ret_text, &len);
    if (!out) abort();
    if (json) silt_config_explain_json(config, out);
    if (!json) silt_config_explain(config, out);
    fclose(out);
}

static struct silt_config *load_secrets(void)
{
    static const char *const flags[] = {"--memory=64MiB"};
    static char variable[] = "AWS_REGION=eu-west-1";
    static char *environment[] = {variable, NULL};
    write_file("token", "canary-token");
    write_file("silt.yaml", "kafka:\n"
                            "  topics: [a, b]\n"
                            "  properties:\n"
                            "    sasl.username: me\n"
                            "    sasl.password: canary-password\n"
                            "    client.id: \"a\\x1b[31m\"\n"
                            "schema: {registry_user: u, registry_password: canary-registry}\n"
                            "metrics: {postgres_file: token}\n");
    return load(&(struct silt_config_input){
        .file = "silt.yaml", .environ = environment, .flags = flags, .flags_n = 1});
}

static void note_change(void *ctx, const char *option)
{
    char *names = ctx;
    snprintf(names + strlen(names), 200 - strlen(names), "%s ", option);
}

static void a_change_is_named_by_option(void)
{
    static const char *const flags[] = {"--memory=65536KiB", "--schema.registry_password=canary",
                                        "--kafka.properties=sasl.password=canary",
                                        "--kafka.topics=a,b"};
    char names[200] = "";
    struct silt_config *before = load_secrets();
    struct silt_config *after =
        load(&(struct silt_config_input){.file = "silt.yaml", .flags = flags, .flags_n = 4});
    if (!before || !after) return;
    silt_config_changes(before, before, note_change, names);
    CU_ASSERT_STRING_EQUAL(names, "");
    silt_config_changes(before, after, note_change, names);
    CU_ASSERT_STRING_EQUAL(names, "kafka.properties schema.registry_password s3.region ");
    silt_config_free(before);
    silt_config_free(after);
}

static void explain_names_the_place_and_hides_secrets(void)
{
    struct silt_config *config = load_secrets();
    char *text;
    if (!config) return;
    explain_on(config, false, &text);
    CU_ASSERT_PTR_NULL(strstr(text, "canary"));
    CU_ASSERT_PTR_NULL(strchr(text, '\033'));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "a,b                           silt.yaml:2\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "sasl.username=me,sasl.password=(set),client.id=a?[31m  silt.yaml:6\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "eu-west-1                     env AWS_REGION\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "64MiB                         --memory\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "(set)                         silt.yaml:8 (token)\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "10m                           default\n"));
    free(text);
    silt_config_free(config);
}

static void explain_as_json_hides_secrets_too(void)
{
    struct silt_config *config = load_secrets();
    char *text;
    if (!config) return;
    explain_on(config, true, &text);
    CU_ASSERT_PTR_NULL(strstr(text, "canary"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "\"memory\":{\"value\":\"64MiB\",\"set_by\":\"--memory\"}"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"metrics.postgres\":{\"value\":\"(set)\",\"set_by\":"
                                        "\"silt.yaml:8\",\"file\":\"token\"}"));
    free(text);
    silt_config_free(config);
}

SILT_TESTS("config_docs",
           {"the committed schema is the generated one", the_committed_schema_is_the_generated_one},
           {"the committed documentation is the generated one",
            the_committed_documentation_is_the_generated_one},
           {"the committed manual page is the generated one",
            the_committed_manual_page_is_the_generated_one},
           {"text of a manual page is text", text_of_a_manual_page_is_text},
           {"a change is named by option", a_change_is_named_by_option},
           {"completion knows every flag", completion_knows_every_flag},
           {"the example is all that a worker needs", the_example_is_all_that_a_worker_needs},
           {"the defaults of the example can be uncommented",
            the_defaults_of_the_example_can_be_uncommented},
           {"help names every option", help_names_every_option},
           {"explain names the place and hides secrets", explain_names_the_place_and_hides_secrets},
           {"explain as JSON hides secrets too", explain_as_json_hides_secrets_too})
