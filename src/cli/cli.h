/* The frame of the command line: one table of commands, one parser for all of their flags.
 *
 * A command is one file with one `const struct silt_command silt_command_<name>`, listed in
 * cli/commands.def. The frame parses its arguments, loads the configuration and calls `fn` with
 * what it needs; whatever `fn` returns is the exit code. Main thread only.
 *
 *   silt <command> [words] [--flags of the command] [--section.name VALUE …] [--config FILE]
 * [--json]
 */
#ifndef SILT_CLI_CLI_H
#define SILT_CLI_CLI_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct silt_config;

enum silt_exit {
    SILT_EXIT_DONE = 0,
    SILT_EXIT_FAILED = 1,      /* found a problem, or failed */
    SILT_EXIT_USAGE = 2,       /* wrong usage or configuration */
    SILT_EXIT_UNREACHABLE = 3, /* a dependency cannot be reached */
};

enum silt_flag_type {
    SILT_FLAG_SWITCH, /* no value */
    SILT_FLAG_TEXT,
    SILT_FLAG_INT,      /* whole number from 0 on */
    SILT_FLAG_DOUBLE,   /* from 0 on */
    SILT_FLAG_BYTES,    /* 64MiB */
    SILT_FLAG_DURATION, /* 10s; in ms */
    SILT_FLAG_TIME,     /* 2026-01-01T00:00:00Z; in ms since 1970 */
};

struct silt_flag {
    const char *name; /* without dashes */
    enum silt_flag_type type;
    const char *value; /* what --help calls it: "N"; NULL for a switch */
    const char *text;
};

#define SILT_FLAGS_MAX 24 /* of one command */

enum silt_config_use {
    SILT_CONFIG_LOADED, /* loaded before fn is called: args->config */
    SILT_CONFIG_LATER,  /* fn calls silt_args_load when it wants it */
    SILT_CONFIG_UNUSED, /* its flags are refused */
};

struct silt_args;
struct silt_command {
    const char *name;
    const char *summary;           /* one line */
    const char *usage;             /* words after the name: "TOPIC PARTITION OFFSET", or "" */
    const char *details;           /* further lines of --help; may be NULL */
    const struct silt_flag *flags; /* ends with a row without name; NULL: none */
    unsigned words_min;
    unsigned words_max;
    enum silt_config_use config_use;
    int (*fn)(const struct silt_args *args);
};

struct silt_cli;
struct silt_args_rest;
struct silt_args {
    const struct silt_cli *cli; /* where to write: cli->out, cli->err */
    const struct silt_command *command;
    const struct silt_config *config; /* NULL unless LOADED */
    const char *const *words;         /* what is no flag, in order */
    unsigned words_n;
    bool json;
    struct {
        bool set;
        const char *text;
        int64_t number;
        double real;
    } flags[SILT_FLAGS_MAX];           /* by the row of command->flags */
    const struct silt_args_rest *rest; /* the frame's own */
};

/* What was given for a flag of the command's table, or `preset`. A name that is not in the table,
 * or has another type, is our own mistake. */
bool silt_args_switch(const struct silt_args *args, const char *name);
const char *silt_args_text(const struct silt_args *args, const char *name, const char *preset);
int64_t silt_args_int(const struct silt_args *args, const char *name,
                      int64_t preset); /* INT, BYTES, DURATION, TIME */
double silt_args_double(const struct silt_args *args, const char *name, double preset);

/* SILT_CONFIG_LATER: from the file, the environment and the flags, as the frame would have done.
 * Free with silt_config_free. */
SILT_RC silt_args_load(const struct silt_args *args, struct silt_config **ret_config,
                       struct silt_err *err);
/* The same with flags of the command's own making ("--archive.root=…") behind those that were
 * given. */
SILT_RC silt_args_load_with(const struct silt_args *args, const char *const *more, unsigned more_n,
                            struct silt_config **ret_config, struct silt_err *err);

/* Where a run of the program reads and writes; tests bring their own. */
struct silt_cli {
    const struct silt_command *const *commands;
    unsigned commands_n;
    FILE *out;
    FILE *err;
    char **environ;
};
int silt_cli_run(const struct silt_cli *cli, int argc, char *const *argv);

/* The program: all commands, stdout, stderr, the process's environment. @return the exit code. */
int silt_cli_main(int argc, char **argv);

/* Says "silt <command>: text" on stderr. @return the exit code that fits the error. */
int silt_cli_fail(const struct silt_args *args, const struct silt_err *err);
enum silt_exit silt_exit_of(enum silt_code code);

#endif
