/* silt version: the program, and on request what it is made of. */
#include "cli/cli.h"

#include "base/version.h"
#include "consume/consumer.h"

#include <string.h>

/* The libraries stay in their rooms; only the functions that tell their version are called here. */
const char *curl_version(void);
const char *ZSTD_versionString(void);
const char *OpenSSL_version(int what); /* 0: the name and version of the library in use */
int PQlibVersion(void);
const char *zlibVersion(void);
const char *jansson_version_str(void);
const char *yaml_get_version_string(void);
const char *MHD_get_version(void);

/* "libcurl/7.88.1 OpenSSL/3.0.22 …" and "OpenSSL 3.0.22 25 Aug 2026": what lies between `front` and
 * the next space. */
static const char *between(const char *text, size_t front, char *ret_text, size_t size)
{
    SILT_ASSERT(strlen(text) > front);
    snprintf(ret_text, size, "%.*s", (int)strcspn(text + front, " "), text + front);
    return ret_text;
}

static const char *curl(void)
{
    static char text[32];
    return between(curl_version(), strlen("libcurl/"), text, sizeof text);
}

static const char *openssl(void)
{
    static char text[32];
    return between(OpenSSL_version(0), strlen("OpenSSL "), text, sizeof text);
}

static const char *libpq(void)
{
    static char text[24]; /* 150004 is 15.4 */
    snprintf(text, sizeof text, "%d.%d", PQlibVersion() / 10000, PQlibVersion() % 10000);
    return text;
}

static const struct {
    const char *name;
    const char *(*version)(void);
} libraries[] = {
    {"librdkafka", silt_consumer_version},
    {"curl", curl},
    {"zstd", ZSTD_versionString},
    {"openssl", openssl},
    {"libpq", libpq},
    {"zlib", zlibVersion},
    {"jansson", jansson_version_str},
    {"libyaml", yaml_get_version_string},
    {"libmicrohttpd", MHD_get_version},
    {"kafka_features", silt_consumer_features},
};
enum { LIBRARIES_N = sizeof libraries / sizeof libraries[0] };

static void print_json(FILE *out, bool verbose)
{
    fprintf(out, "{\"silt\":\"%s\"", SILT_VERSION);
    for (unsigned i = 0; verbose && i < LIBRARIES_N; i++)
        fprintf(out, ",\"%s\":\"%s\"", libraries[i].name, libraries[i].version());
    fputs("}\n", out);
}

static void print_text(FILE *out, bool verbose)
{
    fprintf(out, "silt %s\n", SILT_VERSION);
    for (unsigned i = 0; verbose && i < LIBRARIES_N; i++)
        fprintf(out, "%-14s %s\n", libraries[i].name, libraries[i].version());
}

static int run_version(const struct silt_args *args)
{
    const bool verbose = silt_args_switch(args, "verbose");
    if (args->json) print_json(args->cli->out, verbose);
    if (!args->json) print_text(args->cli->out, verbose);
    return SILT_EXIT_DONE;
}

static const struct silt_flag flags[] = {
    {"verbose", SILT_FLAG_SWITCH, NULL,
     "also the libraries in use, and what the Kafka client can do"},
    {0},
};

extern const struct silt_command silt_command_version;
const struct silt_command silt_command_version = {
    .name = "version",
    .summary = "prints the version, and with --verbose those of its libraries",
    .usage = "",
    .flags = flags,
    .config_use = SILT_CONFIG_UNUSED,
    .fn = run_version,
};
