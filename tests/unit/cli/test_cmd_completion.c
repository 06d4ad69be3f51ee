#include "run_cli.h"

#define SILT_COMMAND(name) extern const struct silt_command silt_command_##name;
#include "cli/commands.def"
#undef SILT_COMMAND

static const struct silt_command *const all[] = {
#define SILT_COMMAND(name) &silt_command_##name,
#include "cli/commands.def"
#undef SILT_COMMAND
};

static struct ran run_all(const char *command, const char *word)
{
    const char *const words[] = {command, word};
    return run_with(all, sizeof all / sizeof all[0], NULL, words, 2);
}

static void the_committed_manual_page_is_the_generated_one(void)
{
    struct ran ran = run_all("help", "man");
    char *kept = silt_test_read(SILT_SOURCE_DIR "/docs/man/silt.1", NULL);
    CU_ASSERT_EQUAL(ran.code, 0);
    CU_ASSERT_STRING_EQUAL(ran.out, kept);
    if (strcmp(ran.out, kept) != 0)
        fputs("\n  out of date: silt help man > docs/man/silt.1\n", stderr);
    free(kept);
    ran_done(&ran);
}

/* What bash offers for the last of the words, as its shell function says it. */
static void completes(const char *words, const char *offers)
{
    char line[2048];
    char said[8192] = "";
    snprintf(
        line, sizeof line,
        "bash -c 'source %s/silt.bash; COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
        "_silt; echo \"${COMPREPLY[*]}\"'",
        silt_test_dir(), words);
    FILE *shell = popen(line, "r");
    if (!shell || !fgets(said, sizeof said, shell)) CU_FAIL("bash says nothing");
    if (shell) pclose(shell);
    said[strcspn(said, "\n")] = '\0';
    CU_ASSERT_STRING_EQUAL(said, offers);
    if (strcmp(said, offers) != 0) fprintf(stderr, "\n  %s: %s\n", words, said);
}

static void bash_completes_commands_flags_and_values(void)
{
    struct ran ran = run_all("completion", "bash");
    char path[300];
    snprintf(path, sizeof path, "%s/silt.bash", silt_test_dir());
    FILE *script = fopen(path, "w");
    if (!script) abort();
    fputs(ran.out, script);
    fclose(script);
    ran_done(&ran);
    char words[400];
    snprintf(words, sizeof words, "silt run --config %.*s", (int)strlen(path) - 3, path);
    completes(words, path);
    completes("silt ve", "verify version");
    completes("silt verify --de", "--deep");
    completes("silt run --archive.co", "--archive.codec");
    completes("silt run --archive.codec = s", "snappy");
    completes("silt run --s3.path_style t", "true");
    completes("silt demo --archive.co", "");
    completes("silt demo --dir /et", "/etc");
    completes("silt help opt", "options");
    completes("silt completion \"\"", "bash zsh");
}

static void zsh_gets_flags_with_their_texts(void)
{
    struct ran ran = run_all("completion", "zsh");
    CU_ASSERT_EQUAL(ran.code, 0);
    CU_ASSERT_EQUAL(strncmp(ran.out, "#compdef silt\n", 14), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "    'doctor:tries everything"));
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "      '*--deep[reads every byte\\: checksums"));
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "'*--s3.sse=[Server-side encryption to ask for"));
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, ":value:( AES256 aws\\:kms)'\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "the registry'\\''s five bytes"));
    ran_done(&ran);
}

static void another_shell_is_refused(void)
{
    check_ran(run_all("completion", "fish"), 2, "",
              "silt completion: \"fish\" is neither bash nor zsh\n");
}

SILT_TESTS("cmd_completion",
           {"the committed manual page is the generated one",
            the_committed_manual_page_is_the_generated_one},
           {"bash completes commands, flags and values", bash_completes_commands_flags_and_values},
           {"zsh gets flags with their texts", zsh_gets_flags_with_their_texts},
           {"another shell is refused", another_shell_is_refused})
