#include "cli/terminal.h"

#include "harness.h"
#include "print_to.h"

#include <fcntl.h>
#include <unistd.h>

static void a_pipe_gets_no_colours(void)
{
    struct silt_out out;
    char *env[] = {NULL};
    FILE *file = fopen("/dev/null", "w");
    if (!file) abort();
    silt_out_init(&out, file, env);
    CU_ASSERT_FALSE(out.terminal);
    CU_ASSERT_FALSE(out.color);
    CU_ASSERT_STRING_EQUAL(silt_out_color(&out, SILT_RED), "");
    fclose(file);
}

static struct silt_out on_terminal(char *variable)
{
    struct silt_out out = {0};
    char *env[] = {variable, NULL};
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) abort();
    FILE *file = fopen(ptsname(master), "w");
    if (!file) abort();
    silt_out_init(&out, file, variable ? env : NULL);
    fclose(file);
    close(master);
    return out;
}

static void a_terminal_gets_colours_unless_they_are_not_wanted(void)
{
    char none[] = "NO_COLOR=1";
    char empty[] = "NO_COLOR=";
    char dumb[] = "TERM=dumb";
    struct silt_out out = on_terminal(NULL);
    CU_ASSERT(out.terminal && out.color);
    CU_ASSERT_STRING_EQUAL(silt_out_color(&out, SILT_RED), "\033[31m");
    out = on_terminal(none);
    CU_ASSERT(out.terminal && !out.color);
    out = on_terminal(empty);
    CU_ASSERT(out.terminal && out.color);
    out = on_terminal(dumb);
    CU_ASSERT(!out.terminal && !out.color);
}

static void text_from_outside_cannot_steer_the_terminal(void)
{
    struct caught caught;
    catch_begin(&caught, true, true);
    silt_out_text(&caught.out, "a\033[31mb\nc\x7f Zürich 北京 \xff \xc2\x9b"
                               "31m \xc2\xa0.");
    CHECK_CAUGHT(&caught, "a?[31mb?c? Zürich 北京 ? ??31m \xc2\xa0.");
    catch_begin(&caught, true, true);
    silt_out_text(&caught.out, "\xc2");
    CHECK_CAUGHT(&caught, "?");
}

SILT_TESTS("terminal", {"a pipe gets no colours", a_pipe_gets_no_colours},
           {"a terminal gets colours unless they are not wanted",
            a_terminal_gets_colours_unless_they_are_not_wanted},
           {"text from outside cannot steer the terminal",
            text_from_outside_cannot_steer_the_terminal})
