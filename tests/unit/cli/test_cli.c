#include "cli/cli.h"

#include "config/config.h"
#include "harness.h"
#include "run_cli.h"

static int report(const struct silt_args *args)
{
    FILE *out = args->cli->out;
    fprintf(out, "group %s json %d", args->config ? args->config->kafka.group : "-", args->json);
    for (unsigned i = 0; i < args->words_n; i++) fprintf(out, " [%s]", args->words[i]);
    return SILT_EXIT_DONE;
}

static const struct silt_command loaded = {.name = "report",
                                           .summary = "reports",
                                           .usage = "A [B]",
                                           .words_min = 1,
                                           .words_max = 2,
                                           .details = "More about it.",
                                           .fn = report};
static const struct silt_command unused = {.name = "alone",
                                           .summary = "stands alone",
                                           .usage = "",
                                           .config_use = SILT_CONFIG_UNUSED,
                                           .fn = report};
static const struct silt_command *const commands[] = {&loaded, &unused, &silt_command_help,
                                                      &silt_command_version};

static struct ran run_in(char **env, const char *const *words, unsigned n)
{
    if (chdir(silt_test_dir()) != 0) abort();
    unlink("silt.yaml");
    return run_with(commands, 4, env, words, n);
}
#define RUN_IN(env, ...)                              \
    run_in((env), (const char *const[]){__VA_ARGS__}, \
           sizeof(const char *const[]){__VA_ARGS__} / sizeof(char *))

static void write_yaml(const char *name, const char *group)
{
    if (chdir(silt_test_dir()) != 0) abort();
    FILE *file = fopen(name, "w");
    if (!file) abort();
    fprintf(file, "kafka:\n  group: %s\n", group);
    fclose(file);
}

static void words_flags_and_options_reach_the_command(void)
{
    check_ran(RUN_IN(NULL, "report", "a", "--kafka.group", "g", "--json", "b"), 0,
              "group g json 1 [a] [b]", "");
    check_ran(RUN_IN(NULL, "report", "--", "--x", "-y"), 0, "group silt json 0 [--x] [-y]", "");
    check_ran(RUN_IN(NULL, "report", "-"), 0, "group silt json 0 [-]", "");
    check_ran(RUN_IN(NULL, "alone"), 0, "group - json 0", "");
}

static void the_file_is_that_of_the_flag_or_the_variable_or_the_folder(void)
{
    char variable[] = "SILT_CONFIG=by-variable.yaml";
    char empty[] = "SILT_CONFIG=";
    char *env[] = {variable, NULL};
    char *empty_env[] = {empty, NULL};
    write_yaml("by-flag.yaml", "by-flag");
    write_yaml("by-variable.yaml", "by-variable");
    check_ran(RUN_IN(env, "report", "a", "--config", "by-flag.yaml"), 0, "group by-flag json 0 [a]",
              "");
    check_ran(RUN_IN(env, "report", "a"), 0, "group by-variable json 0 [a]", "");
    write_yaml("silt.yaml", "by-folder");
    static const char *const words[] = {"report", "a"};
    check_ran(run_with(commands, 4, empty_env, words, 2), 0, "group by-folder json 0 [a]", "");
    check_ran(RUN_IN(empty_env, "report", "a"), 0, "group silt json 0 [a]", "");
}

static void wrong_usage_exits_with_2_and_says_what_is_wrong(void)
{
    check_ran(RUN_IN(NULL, "repord"), 2, "",
              "silt: there is no command \"repord\"; did you mean report?\n");
    check_ran(RUN_IN(NULL, "xyzzy"), 2, "",
              "silt: there is no command \"xyzzy\"; silt help lists them all\n");
    check_ran(RUN_IN(NULL, "--json", "report"), 2, "",
              "silt: the command comes first: silt <command> --json\n");
    check_ran(RUN_IN(NULL, "report"), 2, "",
              "silt report: something is missing; usage: silt report A [B]\n");
    check_ran(RUN_IN(NULL, "report", "a", "b", "c"), 2, "",
              "silt report: \"c\" is one word too many; see silt report --help\n");
    check_ran(RUN_IN(NULL, "report", "a", "--archive.codec=gzip"), 2, "",
              "silt report: --archive.codec: archive.codec is \"gzip\", but must be one of zstd, "
              "deflate, snappy, null\n");
    check_ran(RUN_IN(NULL, "alone", "--memory=64MiB"), 2, "",
              "silt alone: --memory=64MiB has no effect on this command\n");
    check_ran(RUN_IN(NULL, "report", "a", "--config", "/nowhere.yaml"), 2, "",
              "silt report: cannot open configuration file /nowhere.yaml: No such file or "
              "directory\n");
}

#define ALL                                                                               \
    "silt archives Kafka topics of Avro records to S3, each record exactly once.\n\n"     \
    "usage: silt <command> [--config FILE] [--json] [--section.name VALUE ...]\n\n"       \
    "  report     reports\n"                                                              \
    "  alone      stands alone\n"                                                         \
    "  help       explains a command, or every option of the configuration\n"             \
    "  version    prints the version, and with --verbose those of its libraries\n"        \
    "\n  silt <command> --help   its arguments\n"                                         \
    "  silt help options       every option of the configuration\n"                       \
    "\nexit code: 0 done, 1 found a problem or failed, 2 wrong usage or configuration,\n" \
    "           3 a dependency cannot be reached\n"
#define REPORT                                                                              \
    "usage: silt report A [B] [flags]\n\nreports\n\nMore about it.\n\n"                     \
    "  --config FILE            configuration file (else $SILT_CONFIG, else ./silt.yaml)\n" \
    "  --section.name VALUE     any option of it (silt help options)\n"                     \
    "  --json                   print JSON for machines\n"                                  \
    "  --help                   print this help\n"

static void help_is_everywhere(void)
{
    check_ran(RUN_IN(NULL, "help"), 0, ALL, "");
    check_ran(RUN_IN(NULL, "--help"), 0, ALL, "");
    check_ran(RUN_IN(NULL, "-h"), 0, ALL, "");
    check_ran(run_with(commands, 4, NULL, NULL, 0), 2, "", ALL);
    check_ran(RUN_IN(NULL, "help", "report"), 0, REPORT, "");
    check_ran(RUN_IN(NULL, "report", "--help"), 0, REPORT, "");
    check_ran(RUN_IN(NULL, "report", "-h", "x", "y", "z"), 0, REPORT, "");
    check_ran(RUN_IN(NULL, "help", "alone"), 0,
              "usage: silt alone [flags]\n\nstands alone\n\n"
              "  --json                   print JSON for machines\n"
              "  --help                   print this help\n",
              "");
    check_ran(RUN_IN(NULL, "help", "alon"), 2, "",
              "silt: there is no command \"alon\"; did you mean alone?\n");
    struct ran ran = RUN_IN(NULL, "help", "options");
    CU_ASSERT_EQUAL(ran.code, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "archive.max_bytes: a size from 1KiB to 1TiB"));
    ran_done(&ran);
}

static void errors_have_their_exit_codes(void)
{
    CU_ASSERT_EQUAL(silt_exit_of(SILT_E_NONE), 0);
    CU_ASSERT_EQUAL(silt_exit_of(SILT_E_CORRUPT), 1);
    CU_ASSERT_EQUAL(silt_exit_of(SILT_E_DENIED), 1);
    CU_ASSERT_EQUAL(silt_exit_of(SILT_E_USAGE), 2);
    CU_ASSERT_EQUAL(silt_exit_of(SILT_E_CONFIG), 2);
    CU_ASSERT_EQUAL(silt_exit_of(SILT_E_CONNECT), 3);
    CU_ASSERT_EQUAL(silt_exit_of(SILT_E_TIMEOUT), 3);
}

static void output_that_cannot_be_written_is_a_failure(void)
{
    char *argv[] = {(char *)(uintptr_t) "silt", (char *)(uintptr_t) "help"};
    struct ran ran = {0};
    size_t len;
    struct silt_cli cli = {.commands = commands,
                           .commands_n = 4,
                           .out = fopen("/dev/full", "w"),
                           .err = open_memstream(&ran.err, &len)};
    if (!cli.out || !cli.err) abort();
    CU_ASSERT_EQUAL(silt_cli_run(&cli, 2, argv), 1);
    fclose(cli.out);
    fclose(cli.err);
    CU_ASSERT_STRING_EQUAL(ran.err, "silt: cannot write the output\n");
    free(ran.err);
}

static void the_program_knows_its_commands(void)
{
    static const char *const names[] = {"config", "version", "gen", "help"};
    for (unsigned i = 0; i < 4; i++) {
        char *argv[] = {(char *)(uintptr_t) "silt", (char *)(uintptr_t)names[i],
                        (char *)(uintptr_t) "--help"};
        CU_ASSERT_EQUAL(silt_cli_main(3, argv), 0);
    }
}

SILT_TESTS("cli",
           {"words, flags and options reach the command",
            words_flags_and_options_reach_the_command},
           {"the file is that of the flag, the variable or the folder",
            the_file_is_that_of_the_flag_or_the_variable_or_the_folder},
           {"wrong usage exits with 2 and says what is wrong",
            wrong_usage_exits_with_2_and_says_what_is_wrong},
           {"help is everywhere", help_is_everywhere},
           {"errors have their exit codes", errors_have_their_exit_codes},
           {"output that cannot be written is a failure",
            output_that_cannot_be_written_is_a_failure},
           {"the program knows its commands", the_program_knows_its_commands})
