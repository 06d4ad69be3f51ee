/* silt completion: scripts for bash and zsh, made from the tables of commands and options. */
#include "args_int.h"
#include "config/config.h"

#include <string.h>

/* A flag of a command or of the configuration, as the scripts see it. */
struct choice {
    const char *name;
    const char *text;
    const char *choices; /* "a|b", NULL: none to offer */
    bool takes_value;
    bool is_file;
    bool is_folder;
};
typedef void choice_fn(FILE *out, const struct choice *choice);

static struct choice of_command(const struct silt_flag *flag)
{
    const char *value = flag->value ? flag->value : "";
    return (struct choice){.name = flag->name,
                           .text = flag->text,
                           .takes_value = flag->type != SILT_FLAG_SWITCH,
                           .is_file = strcmp(value, "FILE") == 0,
                           .is_folder = strcmp(value, "DIR") == 0};
}

static void each_flag(FILE *out, const struct silt_flag *flags, choice_fn *fn)
{
    for (; flags && flags->name; flags++) {
        const struct choice choice = of_command(flags);
        fn(out, &choice);
    }
}

struct option_ctx {
    FILE *out;
    choice_fn *fn;
};

static void on_option(void *ctx, const struct silt_config_flag *flag)
{
    const struct option_ctx *to = ctx;
    const struct choice choice = {.name = flag->name,
                                  .text = flag->text,
                                  .choices = flag->choices,
                                  .takes_value = true,
                                  .is_file = flag->is_file};
    to->fn(to->out, &choice);
}

static void each_option(FILE *out, choice_fn *fn)
{
    silt_config_flags(on_option, &(struct option_ctx){.out = out, .fn = fn});
}

/* "a|b" as "a b"; an empty choice is none. */
static void write_choices(FILE *out, const char *choices, bool escape)
{
    for (; *choices; choices++) {
        if (escape && *choices == ':') fputc('\\', out);
        fputc(*choices == '|' ? ' ' : *choices, out);
    }
}

/* Words a command takes that are known beforehand. */
static void each_word(FILE *out, const struct silt_cli *cli, const struct silt_command *command)
{
    if (strcmp(command->name, "completion") == 0) fputs("bash zsh", out);
    if (strcmp(command->name, "help") != 0) return;
    for (unsigned i = 0; i < cli->commands_n; i++) fprintf(out, "%s ", cli->commands[i]->name);
    fputs("options man", out);
}

/* --- bash ------------------------------------------------------------------------------------ */

static void bash_name(FILE *out, const struct choice *choice)
{
    fprintf(out, " --%s", choice->name);
}

static void bash_value(FILE *out, const struct choice *choice)
{
    if (!choice->takes_value) return;
    fprintf(out, "    --%s) ", choice->name);
    if (choice->is_file) fputs("COMPREPLY=($(compgen -f -- \"$cur\")); ", out);
    if (choice->is_folder) fputs("COMPREPLY=($(compgen -d -- \"$cur\")); ", out);
    if (choice->choices) {
        fputs("COMPREPLY=($(compgen -W \"", out);
        write_choices(out, choice->choices, false);
        fputs("\" -- \"$cur\")); ", out);
    }
    fputs("return ;;\n", out);
}

static void bash_command(FILE *out, const struct silt_cli *cli, const struct silt_command *command)
{
    fprintf(out, "    %s)\n      words=\"", command->name);
    each_word(out, cli, command);
    fputs("\"\n      flags=\"", out);
    each_flag(out, command->flags, bash_name);
    fprintf(out, "\"\n%s      ;;\n",
            command->config_use == SILT_CONFIG_UNUSED ? "" : "      flags+=\" $options\"\n");
}

/* In bash "=" is a word of its own. */
static void write_bash(FILE *out, const struct silt_cli *cli)
{
    fputs("# bash completion for silt, made by: silt completion bash\n"
          "# shellcheck disable=SC2207,SC2221,SC2222 # words without blanks; some flags are of "
          "several commands\n"
          "_silt() {\n"
          "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words='' "
          "flags=''\n"
          "  if [ \"$cur\" = = ]; then cur=''; elif [ \"$prev\" = = ]; then "
          "prev=${COMP_WORDS[COMP_CWORD - 2]}; fi\n"
          "  if [ \"$COMP_CWORD\" = 1 ]; then\n"
          "    COMPREPLY=($(compgen -W \"",
          out);
    for (unsigned i = 0; i < cli->commands_n; i++) fprintf(out, "%s ", cli->commands[i]->name);
    fputs("\" -- \"$cur\"))\n    return\n  fi\n  local options=\"", out);
    each_option(out, bash_name);
    fputs("\"\n  case $prev in\n", out);
    each_flag(out, silt_common_flags, bash_value);
    each_option(out, bash_value);
    for (unsigned i = 0; i < cli->commands_n; i++)
        each_flag(out, cli->commands[i]->flags, bash_value);
    fputs("  esac\n  case ${COMP_WORDS[1]} in\n", out);
    for (unsigned i = 0; i < cli->commands_n; i++) bash_command(out, cli, cli->commands[i]);
    fputs("  esac\n  case $cur in\n    -*) words=\"$flags", out);
    each_flag(out, silt_common_flags, bash_name);
    fputs("\" ;;\n  esac\n"
          "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
          "}\n"
          "complete -F _silt silt\n",
          out);
}

/* --- zsh ------------------------------------------------------------------------------------- */

/* Inside single quotes, and inside the brackets and between the colons of _arguments. */
static void zsh_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'') fputs("'\\'", out);
        if (strchr("[]:\\", *text)) fputc('\\', out);
        fputc(*text, out);
    }
}

static void zsh_flag(FILE *out, const struct choice *choice)
{
    fprintf(out, "      '*--%s%s[", choice->name, choice->takes_value ? "=" : "");
    zsh_text(out, choice->text);
    fputc(']', out);
    if (choice->takes_value) fputs(":value:", out);
    if (choice->is_file) fputs("_files", out);
    if (choice->is_folder) fputs("_files -/", out);
    if (choice->choices) {
        fputc('(', out);
        write_choices(out, choice->choices, true);
        fputc(')', out);
    }
    fputs("'\n", out);
}

static void zsh_command(FILE *out, const struct silt_cli *cli, const struct silt_command *command)
{
    fprintf(out, "    %s) args+=(\n", command->name);
    each_flag(out, command->flags, zsh_flag);
    fputs("      '*:word:(", out);
    each_word(out, cli, command);
    fprintf(out, ")'\n      %s) ;;\n",
            command->config_use == SILT_CONFIG_UNUSED ? "" : "$options\n     ");
}

static void write_zsh(FILE *out, const struct silt_cli *cli)
{
    fputs("#compdef silt\n# zsh completion for silt, made by: silt completion zsh\n"
          "_silt() {\n"
          "  local -a commands options args\n"
          "  commands=(\n",
          out);
    for (unsigned i = 0; i < cli->commands_n; i++) {
        fprintf(out, "    '%s:", cli->commands[i]->name);
        zsh_text(out, cli->commands[i]->summary);
        fputs("'\n", out);
    }
    fputs("  )\n"
          "  if (( CURRENT == 2 )); then\n"
          "    _describe command commands\n"
          "    return\n"
          "  fi\n"
          "  options=(\n",
          out);
    each_option(out, zsh_flag);
    fputs("  )\n  args=(\n", out);
    each_flag(out, silt_common_flags, zsh_flag);
    fputs("  )\n  case $words[2] in\n", out);
    for (unsigned i = 0; i < cli->commands_n; i++) zsh_command(out, cli, cli->commands[i]);
    fputs("  esac\n"
          "  shift words\n"
          "  (( CURRENT-- ))\n"
          "  _arguments -s $args\n"
          "}\n"
          "_silt \"$@\"\n",
          out);
}

/* --- the command ----------------------------------------------------------------------------- */

static int run_completion(const struct silt_args *args)
{
    const char *shell = args->words[0];
    if (strcmp(shell, "bash") == 0) write_bash(args->cli->out, args->cli);
    if (strcmp(shell, "zsh") == 0) write_zsh(args->cli->out, args->cli);
    if (strcmp(shell, "bash") == 0 || strcmp(shell, "zsh") == 0) return SILT_EXIT_DONE;
    fprintf(args->cli->err, "silt completion: \"%.40s\" is neither bash nor zsh\n", shell);
    return SILT_EXIT_USAGE;
}

extern const struct silt_command silt_command_completion;
const struct silt_command silt_command_completion = {
    .name = "completion",
    .summary = "prints a completion script for bash or zsh",
    .usage = "bash | zsh",
    .details = "bash: source <(silt completion bash), in ~/.bashrc for good.\n"
               "zsh:  silt completion zsh > \"${fpath[1]}/_silt\", then start a new shell.",
    .words_min = 1,
    .words_max = 1,
    .config_use = SILT_CONFIG_UNUSED,
    .fn = run_completion,
};
