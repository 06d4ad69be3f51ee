#include "harness.h"
#include "run_cli.h"

static void check_contains(struct ran ran, const char *text)
{
    CU_ASSERT_EQUAL(ran.code, 0);
    CU_ASSERT_STRING_EQUAL(ran.err, "");
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, text));
    ran_done(&ran);
}

static void each_form_is_printed(void)
{
    check_contains(RUN("config"), "archive.codec                     zstd");
    check_contains(
        RUN("config", "--explain", "--archive.codec", "null"),
        "archive.codec                     null                          --archive.codec");
    check_contains(RUN("config", "--json"), "\"archive.codec\":{\"value\":\"zstd\"");
    check_contains(RUN("config", "--example"), "  #codec: zstd\n");
    check_contains(RUN("config", "--schema"), "\"additionalProperties\": false");
    check_contains(RUN("config", "--markdown"), "# Configuration\n");
}

static void a_broken_configuration_is_refused_but_the_example_is_printed(void)
{
    check_ran(RUN("config", "--memory=1"), 2, "",
              "silt config: --memory: memory is \"1\", but must be a size from 32MiB to 1TiB, like "
              "256MiB\n");
    check_contains(RUN("config", "--example", "--memory=1"), "kafka:\n");
}

SILT_TESTS("cmd_config", {"each form is printed", each_form_is_printed},
           {"a broken configuration is refused, but the example is printed",
            a_broken_configuration_is_refused_but_the_example_is_printed})
