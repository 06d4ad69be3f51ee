/* Golden tables of wrong input and the exact words about it. */
#ifndef SILT_TEST_BAD_INPUT_H
#define SILT_TEST_BAD_INPUT_H

#include "config/config.h"
#include "harness.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct bad_file {
    const char *text;
    const char *message;
};

struct bad_words {
    const char *words[4];
    const char *message;
};

/* Writes NAME into the test's folder, which becomes the current one, so that messages show no path.
 */
static inline void write_file(const char *name, const char *text)
{
    if (chdir(silt_test_dir()) != 0) return;
    FILE *file = fopen(name, "wb");
    if (!file) return;
    fputs(text, file);
    fclose(file);
}

static inline void check_message(const struct silt_config_input *input, const char *message)
{
    struct silt_err err = {.text = "(accepted)"};
    struct silt_config *config = NULL;
    if (silt_ok(silt_config_load(input, &config, &err))) silt_config_free(config);
    CU_ASSERT_STRING_EQUAL(err.text, message);
    if (strcmp(err.text, message) != 0)
        fprintf(stderr, "\n  expected: %s\n  but got:  %s\n", message, err.text);
}

static inline void check_bad_files(const struct bad_file *rows, size_t rows_n)
{
    for (size_t i = 0; i < rows_n; i++) {
        write_file("silt.yaml", rows[i].text);
        check_message(&(struct silt_config_input){.file = "silt.yaml"}, rows[i].message);
    }
}

static inline void check_bad_words(const struct bad_words *row, bool is_env)
{
    char *env[5] = {0};
    unsigned n = 0;
    for (; n < 4 && row->words[n]; n++) env[n] = (char *)(uintptr_t)row->words[n];
    const struct silt_config_input input = {
        .environ = is_env ? env : NULL,
        .flags = is_env ? NULL : row->words,
        .flags_n = is_env ? 0 : n,
    };
    check_message(&input, row->message);
}

/* Loads what must be right. */
static inline struct silt_config *load(const struct silt_config_input *input)
{
    struct silt_err err = {0};
    struct silt_config *config = NULL;
    CU_ASSERT_OK(silt_config_load(input, &config, &err));
    if (!config) fprintf(stderr, "\n  %s\n", err.text);
    return config;
}

static inline struct silt_config *load_text(const char *text)
{
    write_file("silt.yaml", text);
    return load(&(struct silt_config_input){.file = "silt.yaml"});
}

#endif
