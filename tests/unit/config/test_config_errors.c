/* tests/data/config_errors.txt: what a newcomer writes, and the exact words about it. */
#include "bad_input.h"

#include <stdlib.h>

#define WORDS_MAX 4

struct wrong {
    const char *title;
    char file[1024];
    const char *flags[WORDS_MAX];
    unsigned flags_n;
    char *env[WORDS_MAX + 1];
    unsigned env_n;
    const char *config; /* a file that is not there */
};

/* Loads it, and asks what a worker asks. @return whether the message is the one expected. */
static bool is_said(const struct wrong *wrong, const char *message)
{
    struct silt_err err = {.text = "(accepted)"};
    struct silt_config *config = NULL;
    write_file("silt.yaml", wrong->file);
    const struct silt_config_input input = {.file = wrong->config ? wrong->config : "silt.yaml",
                                            .flags = wrong->flags,
                                            .flags_n = wrong->flags_n,
                                            .environ = (char **)(uintptr_t)wrong->env};
    if (silt_ok(silt_config_load(&input, &config, &err))) {
        (void)silt_config_check_run(config, &err).ok;
        silt_config_free(config);
    }
    if (strcmp(err.text, message) == 0) return true;
    fprintf(stderr, "\n  %s\n  expected: %s\n  but got:  %s\n", wrong->title, message, err.text);
    return false;
}

static void take_line(struct wrong *wrong, char *line)
{
    const size_t len = strlen(wrong->file);
    if (strncmp(line, "--config=", 9) == 0)
        wrong->config = line + 9;
    else if (strncmp(line, "--", 2) == 0 && line[2] != '-')
        wrong->flags[wrong->flags_n++] = line;
    else if (strncmp(line, "SILT_", 5) == 0)
        wrong->env[wrong->env_n++] = line;
    else
        snprintf(wrong->file + len, sizeof wrong->file - len, "%s\n", line);
}

static void each_mistake_is_answered_in_these_words(void)
{
    char *text = silt_test_read(SILT_SOURCE_DIR "/tests/data/config_errors.txt", NULL);
    char *rest = text;
    struct wrong wrong = {0};
    unsigned n = 0;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        if (strncmp(line, "## ", 3) == 0) {
            wrong = (struct wrong){.title = line + 3};
        } else if (strncmp(line, "=> ", 3) == 0) {
            CU_ASSERT(is_said(&wrong, line + 3));
            n++;
        } else if (wrong.title && *line) {
            take_line(&wrong, line);
        }
    }
    CU_ASSERT(n > 70);
    free(text);
}

SILT_TESTS("config errors",
           {"each mistake is answered in these words", each_mistake_is_answered_in_these_words})
