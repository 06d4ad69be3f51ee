#include "base/version.h"
#include "harness.h"
#include "run_cli.h"

static void the_version_is_one_line(void)
{
    check_ran(RUN("version"), 0, "silt " SILT_VERSION "\n", "");
    check_ran(RUN("--version"), 0, "silt " SILT_VERSION "\n", "");
    check_ran(RUN("-V"), 0, "silt " SILT_VERSION "\n", "");
    check_ran(RUN("version", "--json"), 0, "{\"silt\":\"" SILT_VERSION "\"}\n", "");
}

static void verbose_adds_the_libraries(void)
{
    static const char *const names[] = {"librdkafka", "curl",    "zstd",    "openssl",      "libpq",
                                        "zlib",       "jansson", "libyaml", "libmicrohttpd"};
    struct ran text = RUN("version", "--verbose");
    struct ran json = RUN("version", "--verbose", "--json");
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *line = strstr(text.out, names[i]);
        CU_ASSERT_PTR_NOT_NULL(line);
        CU_ASSERT_PTR_NOT_NULL(strstr(json.out, names[i]));
        if (!line) continue;
        line += strlen(names[i]);
        line += strspn(line, " ");
        CU_ASSERT(*line >= '0' && *line <= '9');
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(text.out, "kafka_features "));
    CU_ASSERT_PTR_NOT_NULL(strstr(json.out, "sasl_scram"));
    ran_done(&text);
    ran_done(&json);
}

SILT_TESTS("cmd_version", {"the version is one line", the_version_is_one_line},
           {"verbose adds the libraries", verbose_adds_the_libraries})
