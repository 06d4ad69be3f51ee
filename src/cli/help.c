/* What the program says about itself. */
#include "args_int.h"

#include "config/config.h"
#include "config/nearest.h"

#include <string.h>

const struct silt_command *silt_command_find(const struct silt_cli *cli, const char *name)
{
    for (unsigned i = 0; i < cli->commands_n; i++)
        if (strcmp(cli->commands[i]->name, name) == 0) return cli->commands[i];
    return NULL;
}

int silt_command_unknown(const struct silt_cli *cli, const char *name)
{
    struct silt_nearest nearest = {.word = name};
    for (unsigned i = 0; i < cli->commands_n; i++)
        silt_nearest_offer(&nearest, cli->commands[i]->name);
    fprintf(cli->err, "silt: there is no command \"%.60s\"; ", name);
    if (nearest.best) fprintf(cli->err, "did you mean %s?\n", nearest.best);
    if (!nearest.best) fputs("silt help lists them all\n", cli->err);
    return SILT_EXIT_USAGE;
}

void silt_help_all(const struct silt_cli *cli, FILE *out)
{
    fputs("silt archives Kafka topics of Avro records to S3, each record exactly once.\n\n"
          "usage: silt <command> [--config FILE] [--json] [--section.name VALUE ...]\n\n",
          out);
    for (unsigned i = 0; i < cli->commands_n; i++)
        fprintf(out, "  %-10s %s\n", cli->commands[i]->name, cli->commands[i]->summary);
    fputs("\n  silt <command> --help   its arguments\n"
          "  silt help options       every option of the configuration\n"
          "\nexit code: 0 done, 1 found a problem or failed, 2 wrong usage or configuration,\n"
          "           3 a dependency cannot be reached\n",
          out);
}

static void help_flag(const struct silt_flag *flag, FILE *out)
{
    char left[48];
    snprintf(left, sizeof left, "--%s %s", flag->name, flag->value ? flag->value : "");
    fprintf(out, "  %-24s %s\n", left, flag->text);
}

void silt_help_command(const struct silt_command *command, FILE *out)
{
    fprintf(out, "usage: silt %s%s%s [flags]\n\n%s\n", command->name, *command->usage ? " " : "",
            command->usage, command->summary);
    if (command->details) fprintf(out, "\n%s\n", command->details);
    fputc('\n', out);
    for (const struct silt_flag *flag = command->flags; flag && flag->name; flag++)
        help_flag(flag, out);
    if (command->config_use != SILT_CONFIG_UNUSED)
        fputs(
            "  --config FILE            configuration file (else $SILT_CONFIG, else ./silt.yaml)\n"
            "  --section.name VALUE     any option of it (silt help options)\n",
            out);
    fputs("  --json                   print JSON for machines\n"
          "  --help                   print this help\n",
          out);
}

static int run_help(const struct silt_args *args)
{
    const struct silt_cli *cli = args->cli;
    if (args->words_n == 0) {
        silt_help_all(cli, cli->out);
        return SILT_EXIT_DONE;
    }
    if (strcmp(args->words[0], "options") == 0) {
        silt_config_help(cli->out);
        return SILT_EXIT_DONE;
    }
    if (strcmp(args->words[0], "man") == 0) {
        silt_help_man(cli, cli->out);
        return SILT_EXIT_DONE;
    }
    const struct silt_command *command = silt_command_find(cli, args->words[0]);
    if (!command) return silt_command_unknown(cli, args->words[0]);
    silt_help_command(command, cli->out);
    return SILT_EXIT_DONE;
}

extern const struct silt_command silt_command_help;
const struct silt_command silt_command_help = {
    .name = "help",
    .summary = "explains a command, or every option of the configuration",
    .usage = "[COMMAND | options | man]",
    .words_max = 1,
    .config_use = SILT_CONFIG_UNUSED,
    .fn = run_help,
};
