/* Runs the command line inside the test: a line of words in, exit code and both outputs out. */
#ifndef SILT_TEST_RUN_CLI_H
#define SILT_TEST_RUN_CLI_H

#include "cli/cli.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ran {
    int code;
    char *out; /* free both with ran_done */
    char *err;
};

extern const struct silt_command silt_command_config;
extern const struct silt_command silt_command_gen;
extern const struct silt_command silt_command_help;
extern const struct silt_command silt_command_version;

static inline struct ran run_with(const struct silt_command *const *commands, unsigned commands_n,
                                  char **env, const char *const *words, unsigned words_n)
{
    struct ran ran = {0};
    size_t out_len;
    size_t err_len;
    char *argv[32] = {(char *)(uintptr_t) "silt"};
    for (unsigned i = 0; i < words_n; i++) argv[i + 1] = (char *)(uintptr_t)words[i];
    const struct silt_cli cli = {
        .commands = commands,
        .commands_n = commands_n,
        .out = open_memstream(&ran.out, &out_len),
        .err = open_memstream(&ran.err, &err_len),
        .environ = env,
    };
    if (!cli.out || !cli.err) abort();
    ran.code = silt_cli_run(&cli, (int)words_n + 1, argv);
    fclose(cli.out);
    fclose(cli.err);
    return ran;
}

static inline void ran_done(struct ran *ran)
{
    free(ran->out);
    free(ran->err);
}

static inline struct ran run_words(const char *const *words, unsigned words_n)
{
    static const struct silt_command *const commands[] = {
        &silt_command_config, &silt_command_version, &silt_command_gen, &silt_command_help};
    if (chdir(silt_test_dir()) != 0) abort();
    return run_with(commands, 4, NULL, words, words_n);
}

#define RUN(...)                                  \
    run_words((const char *const[]){__VA_ARGS__}, \
              sizeof(const char *const[]){__VA_ARGS__} / sizeof(char *))

static inline void check_ran(struct ran ran, int code, const char *out, const char *err)
{
    CU_ASSERT_EQUAL(ran.code, code);
    CU_ASSERT_STRING_EQUAL(ran.out, out);
    CU_ASSERT_STRING_EQUAL(ran.err, err);
    if (strcmp(ran.out, out) != 0 || strcmp(ran.err, err) != 0)
        fprintf(stderr, "\n  code %d\n  out: %s\n  err: %s\n", ran.code, ran.out, ran.err);
    ran_done(&ran);
}

/* It printed nothing, and said so with these words. */
static inline void refuses(struct ran ran, int code, const char *words)
{
    CU_ASSERT_EQUAL(ran.code, code);
    CU_ASSERT_STRING_EQUAL(ran.out, "");
    bool said = ran.err && strstr(ran.err, words);
    CU_ASSERT(said);
    if (!said) fprintf(stderr, "\n  code %d\n  err: %s\n", ran.code, ran.err ? ran.err : "");
    ran_done(&ran);
}

#endif
