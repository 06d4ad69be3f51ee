#include "cli/progress.h"

#include "harness.h"
#include "print_to.h"

static struct silt_progress begin(const struct silt_out *out, int64_t total)
{
    struct silt_progress progress = {
        .out = out, .label = "verify", .unit = "slots", .total = total};
    silt_progress_start(&progress, 1000);
    return progress;
}

static void what_is_over_within_a_second_shows_nothing(void)
{
    struct caught caught;
    catch_begin(&caught, true, false);
    struct silt_progress progress = begin(&caught.out, 10);
    silt_progress_update(&progress, 5, 1500);
    silt_progress_update(&progress, 9, 1999);
    silt_progress_end(&progress, 10, 2500);
    fflush(caught.out.file);
    CHECK_CAUGHT(&caught, "");
}

static void a_terminal_sees_one_line_that_changes(void)
{
    struct caught caught;
    catch_begin(&caught, true, false);
    struct silt_progress progress = begin(&caught.out, 4000);
    silt_progress_update(&progress, 1000, 2000);
    silt_progress_update(&progress, 1500, 2099);
    silt_progress_update(&progress, 4000, 2100);
    silt_progress_end(&progress, 4000, 2200);
    CHECK_CAUGHT(&caught,
                 "\r\033[Kverify [######..................] 1,000 of 4,000 slots, 3.0s left"
                 "\r\033[Kverify [########################] 4,000 of 4,000 slots"
                 "\r\033[K");
}

static void a_pipe_sees_a_line_every_five_seconds(void)
{
    struct caught caught;
    catch_begin(&caught, false, false);
    struct silt_progress progress = begin(&caught.out, 4000);
    silt_progress_update(&progress, 1000, 5999);
    silt_progress_update(&progress, 1000, 6000);
    silt_progress_update(&progress, 1001, 7000);
    silt_progress_end(&progress, 4000, 9000);
    CHECK_CAUGHT(&caught, "verify 1,000 of 4,000 slots, 15.0s left\n"
                          "verify 4,000 of 4,000 slots\n");
}

static void an_unknown_total_is_left_out(void)
{
    struct caught caught;
    catch_begin(&caught, true, false);
    struct silt_progress progress = begin(&caught.out, 0);
    silt_progress_update(&progress, 0, 2000);
    silt_progress_update(&progress, 12345, 3000);
    CHECK_CAUGHT(&caught, "\r\033[Kverify 0 slots\r\033[Kverify 12,345 slots");
}

static void more_than_the_total_does_not_break_the_bar(void)
{
    struct caught caught;
    catch_begin(&caught, true, false);
    struct silt_progress progress = begin(&caught.out, 2);
    silt_progress_update(&progress, 0, 2000);
    silt_progress_update(&progress, 3, 3000);
    CHECK_CAUGHT(&caught, "\r\033[Kverify [........................] 0 of 2 slots"
                          "\r\033[Kverify [########################] 3 of 2 slots");
}

SILT_TESTS("progress",
           {"what is over within a second shows nothing",
            what_is_over_within_a_second_shows_nothing},
           {"a terminal sees one line that changes", a_terminal_sees_one_line_that_changes},
           {"a pipe sees a line every five seconds", a_pipe_sees_a_line_every_five_seconds},
           {"an unknown total is left out", an_unknown_total_is_left_out},
           {"more than the total does not break the bar",
            more_than_the_total_does_not_break_the_bar})
