/* `silt help man`: silt(1), from the table of commands. */
#include "args_int.h"
#include "config/roff.h"

#include <string.h>

static const char head[] =
    ".SH NAME\n"
    "silt \\- archives Kafka topics of Avro records to S3, each record exactly once\n"
    ".SH SYNOPSIS\n"
    ".B silt\n"
    ".I command\n"
    "[\\-\\-config FILE] [\\-\\-json] [\\-\\-section.name VALUE ...]\n"
    ".SH DESCRIPTION\n"
    "A consumer-group worker and the tools around it. Every option of\n"
    ".BR silt.yaml (5)\n"
    "is a flag of every command that reads it.\n"
    ".SH COMMANDS\n";

static const char tail[] =
    ".SH EXIT STATUS\n"
    ".TP\n.B 0\ndone\n"
    ".TP\n.B 1\nfound a problem, or failed\n"
    ".TP\n.B 2\nwrong usage or configuration\n"
    ".TP\n.B 3\na dependency cannot be reached\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B SILT_CONFIG\nconfiguration file, when \\-\\-config names none\n"
    ".TP\n.B SILT_SECTION_NAME\nthe option section.name\n"
    ".TP\n.BR AWS_REGION ,\\  AWS_PROFILE ,\\  AWS_ACCESS_KEY_ID\nand their like: as for AWS's own "
    "tools\n"
    ".TP\n.B NO_COLOR\nno colours, whatever the terminal\n"
    ".SH FILES\n"
    ".TP\n.I silt.yaml\nin the current folder, when nothing names another one\n"
    ".SH SEE ALSO\n"
    ".BR silt.yaml (5)\n";

static void write_flag(FILE *out, const struct silt_flag *flag)
{
    fputs(".TP\n.B ", out);
    silt_roff_text(out, "--");
    silt_roff_text(out, flag->name);
    if (flag->value) fprintf(out, " %s", flag->value);
    fputc('\n', out);
    silt_roff_text(out, flag->text);
    fputc('\n', out);
}

static void write_command(FILE *out, const struct silt_command *command)
{
    fprintf(out, ".SS silt %s", command->name);
    if (*command->usage) fprintf(out, " %s", command->usage);
    fputc('\n', out);
    silt_roff_text(out, command->summary);
    fputs(".\n", out);
    if (command->details) silt_roff_text(out, command->details);
    if (command->details) fputc('\n', out);
    for (const struct silt_flag *flag = command->flags; flag && flag->name; flag++)
        write_flag(out, flag);
}

void silt_help_man(const struct silt_cli *cli, FILE *out)
{
    silt_roff_title(out, "SILT", "1");
    fputs(head, out);
    for (unsigned i = 0; i < cli->commands_n; i++) write_command(out, cli->commands[i]);
    fputs(".SH FLAGS OF EVERY COMMAND\n", out);
    for (const struct silt_flag *flag = silt_common_flags; flag->name; flag++)
        write_flag(out, flag);
    fputs(tail, out);
}
