#include "args_int.h"
#include "harness.h"
#include "run_cli.h"

static int show(const struct silt_args *args)
{
    fprintf(args->cli->out, "%d %s %lld %g %lld %lld %lld", silt_args_switch(args, "watch"),
            silt_args_text(args, "text", "-"), (long long)silt_args_int(args, "number", -1),
            silt_args_double(args, "share", -1), (long long)silt_args_int(args, "size", -1),
            (long long)silt_args_int(args, "wait", -1), (long long)silt_args_int(args, "from", -1));
    return SILT_EXIT_DONE;
}

static const struct silt_flag flags[] = {
    {"watch", SILT_FLAG_SWITCH, NULL, "again and again"},
    {"text", SILT_FLAG_TEXT, "T", "some text"},
    {"number", SILT_FLAG_INT, "N", "a number"},
    {"share", SILT_FLAG_DOUBLE, "R", "a share"},
    {"size", SILT_FLAG_BYTES, "S", "a size"},
    {"wait", SILT_FLAG_DURATION, "D", "a duration"},
    {"from", SILT_FLAG_TIME, "TIME", "a time"},
    {0},
};
static const struct silt_command command = {.name = "show",
                                            .summary = "shows",
                                            .usage = "",
                                            .flags = flags,
                                            .config_use = SILT_CONFIG_UNUSED,
                                            .fn = show};

static struct ran run_show(const char *const *words, unsigned n)
{
    static const struct silt_command *const commands[] = {&command};
    return run_with(commands, 1, NULL, words, n);
}
#define SHOW(...)                                          \
    run_show((const char *const[]){"show", ##__VA_ARGS__}, \
             sizeof(const char *const[]){"show", ##__VA_ARGS__} / sizeof(char *))

static void flags_that_are_not_given_have_their_presets(void)
{
    check_ran(SHOW(), 0, "0 - -1 -1 -1 -1 -1", "");
}

static void each_type_is_read_in_both_spellings(void)
{
    check_ran(SHOW("--watch", "--text", "a b", "--number=7", "--share", "0.5", "--size=64KiB",
                   "--wait", "90s", "--from=1970-01-01T00:00:01Z"),
              0, "1 a b 7 0.5 65536 90000 1000", "");
    check_ran(SHOW("--text=", "--number", "0"), 0, "0  0 -1 -1 -1 -1", "");
}

static void a_value_that_does_not_fit_is_named(void)
{
    check_ran(SHOW("--number=many"), 2, "",
              "silt show: --number is \"many\", but must be a whole number\n");
    check_ran(SHOW("--number", "-1"), 2, "",
              "silt show: --number is \"-1\", but must be a whole number\n");
    check_ran(SHOW("--share=half"), 2, "",
              "silt show: --share is \"half\", but must be a number, like 0.01\n");
    check_ran(SHOW("--size=big"), 2, "",
              "silt show: --size is \"big\", but must be a size, like 64MiB\n");
    check_ran(SHOW("--wait=10"), 2, "",
              "silt show: --wait is \"10\", but must be a duration, like 10s\n");
    check_ran(SHOW("--from=today"), 2, "",
              "silt show: --from is \"today\", but must be a time in UTC, like "
              "2026-01-31T09:00:00Z\n");
    check_ran(SHOW("--watch=yes"), 2, "", "silt show: --watch takes no value\n");
    check_ran(SHOW("--text"), 2, "", "silt show: --text needs a value: --text T\n");
    check_ran(SHOW("--config"), 2, "", "silt show: --config needs a value: --config FILE\n");
}

static void an_unknown_flag_is_named_with_the_nearest(void)
{
    check_ran(SHOW("--wach"), 2, "", "silt show: unknown flag --wach; did you mean --watch?\n");
    check_ran(SHOW("--jsno"), 2, "", "silt show: unknown flag --jsno; did you mean --json?\n");
    check_ran(SHOW("--xyzzy=1"), 2, "", "silt show: unknown flag --xyzzy; see silt show --help\n");
    check_ran(SHOW("-w"), 2, "", "silt show: unknown flag -w; see silt show --help\n");
}

static void help_lists_the_flags(void)
{
    struct ran ran = SHOW("--help");
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "  --watch                  again and again\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "  --text T                 some text\n"));
    ran_done(&ran);
}

SILT_TESTS("args",
           {"flags that are not given have their presets",
            flags_that_are_not_given_have_their_presets},
           {"each type is read in both spellings", each_type_is_read_in_both_spellings},
           {"a value that does not fit is named", a_value_that_does_not_fit_is_named},
           {"an unknown flag is named with the nearest", an_unknown_flag_is_named_with_the_nearest},
           {"help lists the flags", help_lists_the_flags})
