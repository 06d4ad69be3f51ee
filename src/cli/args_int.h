/* Arguments of one command: its flags, its words, and what belongs to the configuration. */
#ifndef SILT_CLI_ARGS_INT_H
#define SILT_CLI_ARGS_INT_H

#include "cli/cli.h"

struct silt_args_rest {
    const char *config_file; /* --config; NULL: not given */
    bool help;
    const char **flags; /* for silt_config_load; owned */
    unsigned flags_n;
    const char **words; /* owned; args->words points here */
};

/* Fills args from argv[0..argc) (behind the command's name). The strings stay argv's. */
SILT_RC silt_args_parse(struct silt_args *args, struct silt_args_rest *ret_rest,
                        const char *const *argv, unsigned argc, struct silt_err *err);
void silt_args_rest_done(struct silt_args_rest *rest);

/* `silt help`, `silt help COMMAND`; commands that nobody knows. */
void silt_help_all(const struct silt_cli *cli, FILE *out);
void silt_help_command(const struct silt_command *command, FILE *out);
void silt_help_man(const struct silt_cli *cli, FILE *out); /* silt(1), as roff */
/* Flags that every command takes; ends with a row without name. */
extern const struct silt_flag silt_common_flags[];
const struct silt_command *silt_command_find(const struct silt_cli *cli, const char *name);
int silt_command_unknown(const struct silt_cli *cli, const char *name);

#endif
