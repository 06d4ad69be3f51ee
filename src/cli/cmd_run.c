/* silt run: the worker. */
#include "cli/cli.h"

#include "app/daemon.h"
#include "config/config.h"

/* For SIGHUP. */
static SILT_RC load(void *ctx, struct silt_config **ret_config, struct silt_err *err)
{
    return silt_args_load(ctx, ret_config, err);
}

static int run(const struct silt_args *args)
{
    struct silt_args again = *args;
    const struct silt_reload reload = {.load = load, .ctx = &again};
    struct silt_err err;
    struct silt_daemon *daemon;
    if (!silt_ok(silt_config_check_run(args->config, &err))) return silt_cli_fail(args, &err);
    silt_daemon_prepare(args->config);
    if (!silt_ok(silt_daemon_start(args->config, &daemon, &err))) return silt_cli_fail(args, &err);
    silt_daemon_wait(daemon, &(struct silt_daemon_care){.reload = &reload});
    if (!silt_ok(silt_daemon_stop(daemon, &err))) return silt_cli_fail(args, &err);
    return SILT_EXIT_DONE;
}

extern const struct silt_command silt_command_run;
const struct silt_command silt_command_run = {
    .name = "run",
    .summary = "archives the topics until it is told to stop",
    .usage = "",
    .details =
        "SIGTERM cuts and commits what is in hand within worker.grace and leaves the group "
        "(exit 0);\n"
        "a second signal ends at once, which is always safe. SIGHUP reads the configuration\n"
        "again: log.level and schema.max_reject_ratio change, the log names what needs a restart.",
    .config_use = SILT_CONFIG_LOADED,
    .fn = run,
};
