/* Any configuration file, variables and flags: accepted and explained as JSON, or refused in words.
 *
 *   the YAML up to a 0 byte, then texts with a 0 byte at their ends: flags begin with "-", the
 *   others are variables
 */
#include "config/config.h"

#include "fuzz.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORDS_MAX 8
#define TEXT_MAX 4096

struct words {
    char texts[WORDS_MAX][200];
    const char *flags[WORDS_MAX];
    char *variables[WORDS_MAX + 1];
    unsigned flags_n;
    unsigned variables_n;
};

/* A file without a disk; the same one for ever. */
static const char *yaml_file(const char *text)
{
    static char path[32];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("silt.yaml", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    size_t len = strlen(text);
    FUZZ_CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, text, len, 0) == (ssize_t)len);
    return path;
}

static void take_words(struct fuzz_in *in, struct words *words)
{
    *words = (struct words){0};
    for (unsigned i = 0; i < WORDS_MAX && fuzz_more(in); i++) {
        char *text = words->texts[i];
        fuzz_text(in, text, sizeof words->texts[i]);
        if (text[0] == '-')
            words->flags[words->flags_n++] = text;
        else
            words->variables[words->variables_n++] = text;
    }
}

static void explain(const struct silt_config *config)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    FUZZ_CHECK(out);
    silt_config_explain(config, out);
    silt_config_explain_json(config, out);
    fclose(out);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char yaml[TEXT_MAX];
    static struct words words;
    struct fuzz_in in = fuzz_in(data, size);
    struct silt_config *config = NULL;
    struct silt_err err = {0};
    fuzz_text(&in, yaml, sizeof yaml);
    take_words(&in, &words);
    const struct silt_config_input input = {.file = yaml[0] ? yaml_file(yaml) : NULL,
                                            .flags = words.flags,
                                            .flags_n = words.flags_n,
                                            .environ = words.variables};
    if (!silt_ok(silt_config_load(&input, &config, &err))) {
        FUZZ_CHECK(err.code == SILT_E_CONFIG && err.text[0] && !config);
        return 0;
    }
    if (!silt_ok(silt_config_check_run(config, &err))) FUZZ_CHECK(err.text[0]);
    if (size % 8 == 0) explain(config); /* the whole table is printed: slow */
    silt_config_free(config);
    return 0;
}
