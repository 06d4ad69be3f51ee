#include "cli/cli.h"

#include "args_int.h"
#include "base/alloc.h"
#include "config/config.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SILT_COMMAND(name) extern const struct silt_command silt_command_##name;
#include "cli/commands.def"
#undef SILT_COMMAND

static const struct silt_command *const commands[] = {
#define SILT_COMMAND(name) &silt_command_##name,
#include "cli/commands.def"
#undef SILT_COMMAND
};

enum silt_exit silt_exit_of(enum silt_code code)
{
    switch (code) {
    case SILT_E_NONE: return SILT_EXIT_DONE;
    case SILT_E_USAGE:
    case SILT_E_CONFIG: return SILT_EXIT_USAGE;
    case SILT_E_TIMEOUT:
    case SILT_E_CONNECT:
    case SILT_E_NETWORK:
    case SILT_E_THROTTLED:
    case SILT_E_UNAVAILABLE: return SILT_EXIT_UNREACHABLE;
    default: return SILT_EXIT_FAILED;
    }
}

int silt_cli_fail(const struct silt_args *args, const struct silt_err *err)
{
    fprintf(args->cli->err, "silt %s: %s\n", args->command->name, err->text);
    return (int)silt_exit_of(err->code);
}

static const char *find_variable(char *const *env, const char *name)
{
    const size_t len = strlen(name);
    for (; env && *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=') return *env + len + 1;
    return NULL;
}

/* --config, else $SILT_CONFIG, else ./silt.yaml when it is there. */
static const char *config_file(const struct silt_cli *cli, const struct silt_args_rest *rest)
{
    if (rest->config_file) return rest->config_file;
    const char *variable = find_variable(cli->environ, "SILT_CONFIG");
    if (variable && *variable) return variable;
    return access("silt.yaml", F_OK) == 0 ? "silt.yaml" : NULL;
}

struct silt_rc silt_args_load(const struct silt_args *args, struct silt_config **ret_config,
                              struct silt_err *err)
{
    return silt_args_load_with(args, NULL, 0, ret_config, err);
}

struct silt_rc silt_args_load_with(const struct silt_args *args, const char *const *more,
                                   unsigned more_n, struct silt_config **ret_config,
                                   struct silt_err *err)
{
    const unsigned n = args->rest->flags_n;
    const char **flags = silt_calloc(n + more_n, sizeof *flags);
    for (unsigned i = 0; i < n; i++) flags[i] = args->rest->flags[i];
    for (unsigned i = 0; i < more_n; i++) flags[n + i] = more[i];
    const struct silt_config_input input = {
        .file = config_file(args->cli, args->rest),
        .flags = flags,
        .flags_n = n + more_n,
        .environ = args->cli->environ,
    };
    const struct silt_rc rc = silt_config_load(&input, ret_config, err);
    silt_free(flags);
    return rc;
}

static int run_loaded(struct silt_args *args)
{
    struct silt_err err;
    struct silt_config *config;
    if (!silt_ok(silt_args_load(args, &config, &err))) return silt_cli_fail(args, &err);
    args->config = config;
    const int code = args->command->fn(args);
    silt_config_free(config);
    return code;
}

static int run_parsed(struct silt_args *args, const struct silt_args_rest *rest)
{
    const enum silt_config_use use = args->command->config_use;
    args->rest = rest;
    if (rest->help) {
        silt_help_command(args->command, args->cli->out);
        return SILT_EXIT_DONE;
    }
    if (use == SILT_CONFIG_LOADED) return run_loaded(args);
    if (use == SILT_CONFIG_LATER || rest->flags_n == 0) return args->command->fn(args);
    fprintf(args->cli->err, "silt %s: %.60s has no effect on this command\n", args->command->name,
            rest->flags[0]);
    return SILT_EXIT_USAGE;
}

static int run_command(const struct silt_cli *cli, const struct silt_command *command,
                       const char *const *argv, unsigned argc)
{
    struct silt_err err;
    struct silt_args args = {.cli = cli, .command = command};
    struct silt_args_rest rest;
    const struct silt_rc rc = silt_args_parse(&args, &rest, argv, argc, &err);
    const int code = silt_ok(rc) ? run_parsed(&args, &rest) : silt_cli_fail(&args, &err);
    silt_args_rest_done(&rest);
    return code;
}

/* Spellings of the program's own flags, as if they were commands. */
static const char *command_name(const char *word)
{
    static const char *const spellings[][2] = {
        {"--help", "help"}, {"-h", "help"}, {"--version", "version"}, {"-V", "version"}};
    for (unsigned i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
        if (strcmp(word, spellings[i][0]) == 0) return spellings[i][1];
    return word;
}

/* A full disk or closed pipe must not look like success. */
static int flush(const struct silt_cli *cli, int code)
{
    const bool good = fflush(cli->out) == 0 && !ferror(cli->out);
    if (good || code != SILT_EXIT_DONE) return code;
    fputs("silt: cannot write the output\n", cli->err);
    return SILT_EXIT_FAILED;
}

int silt_cli_run(const struct silt_cli *cli, int argc, char *const *argv)
{
    if (argc < 2) {
        silt_help_all(cli, cli->err);
        return SILT_EXIT_USAGE;
    }
    const char *name = command_name(argv[1]);
    const struct silt_command *command = silt_command_find(cli, name);
    if (!command && name[0] == '-') {
        fprintf(cli->err, "silt: the command comes first: silt <command> %.60s\n", name);
        return SILT_EXIT_USAGE;
    }
    if (!command) return silt_command_unknown(cli, name);
    const char *const *rest = (const char *const *)(argv + 2);
    return flush(cli, run_command(cli, command, rest, (unsigned)argc - 2));
}

int silt_cli_main(int argc, char **argv)
{
    json_set_alloc_funcs(silt_alloc, silt_free); /* without memory it ends like all of us */
    const struct silt_cli cli = {
        .commands = commands,
        .commands_n = sizeof commands / sizeof commands[0],
        .out = stdout,
        .err = stderr,
        .environ = environ,
    };
    return silt_cli_run(&cli, argc, argv);
}
