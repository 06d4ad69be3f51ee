/* silt config: what is in force and who said so, or what could be written. */
#include "cli/cli.h"

#include "config/config.h"

static int explain(const struct silt_args *args)
{
    struct silt_err err;
    struct silt_config *config;
    if (!silt_ok(silt_args_load(args, &config, &err))) return silt_cli_fail(args, &err);
    if (args->json) silt_config_explain_json(config, args->cli->out);
    if (!args->json) silt_config_explain(config, args->cli->out);
    silt_config_free(config);
    return SILT_EXIT_DONE;
}

/* What is printed from the option table alone, also while the file is broken. */
static const struct {
    const char *flag;
    void (*print)(FILE *out);
} generated[] = {
    {"example", silt_config_example},
    {"schema", silt_config_schema},
    {"markdown", silt_config_markdown},
    {"man", silt_config_man},
};

static int run_config(const struct silt_args *args)
{
    for (unsigned i = 0; i < sizeof generated / sizeof generated[0]; i++) {
        if (!silt_args_switch(args, generated[i].flag)) continue;
        generated[i].print(args->cli->out);
        return SILT_EXIT_DONE;
    }
    return explain(args);
}

static const struct silt_flag flags[] = {
    {"explain", SILT_FLAG_SWITCH, NULL, "every value in force and who set it (the default)"},
    {"example", SILT_FLAG_SWITCH, NULL, "a commented configuration file to start from"},
    {"schema", SILT_FLAG_SWITCH, NULL, "a JSON schema of the file, for editors"},
    {"markdown", SILT_FLAG_SWITCH, NULL, "the documentation of all options"},
    {"man", SILT_FLAG_SWITCH, NULL, "the same as a manual page, silt.yaml(5)"},
    {0},
};

extern const struct silt_command silt_command_config;
const struct silt_command silt_command_config = {
    .name = "config",
    .summary = "shows the configuration in force, an example, its schema",
    .usage = "",
    .details = "The exit code is 2 when the configuration is wrong.",
    .flags = flags,
    .config_use = SILT_CONFIG_LATER,
    .fn = run_config,
};
