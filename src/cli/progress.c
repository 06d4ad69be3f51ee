#include "cli/progress.h"

#include "cli/human.h"

#define TERMINAL_EVERY_MS 100
#define LINES_EVERY_MS 5000
#define BAR_WIDTH 24

void silt_progress_start(struct silt_progress *progress, int64_t now_ms)
{
    progress->started_ms = now_ms;
    progress->shown_ms = now_ms;
    progress->shown = false;
}

static void write_bar(FILE *file, int64_t done, int64_t total)
{
    const int full = (int)((double)done / (double)total * BAR_WIDTH);
    fputs(" [", file);
    for (int i = 0; i < BAR_WIDTH; i++) fputc(i < full ? '#' : '.', file);
    fputc(']', file);
}

/* Time to the end at the pace so far. */
static void write_left(FILE *file, const struct silt_progress *progress, int64_t done,
                       int64_t now_ms)
{
    char text[SILT_HUMAN_LEN];
    if (done <= 0 || done >= progress->total) return;
    const double each_ms = (double)(now_ms - progress->started_ms) / (double)done;
    const int64_t left_ms = (int64_t)(each_ms * (double)(progress->total - done));
    fprintf(file, ", %s left", silt_human_ms(left_ms / 1000 * 1000, text));
}

static void write_state(const struct silt_progress *progress, int64_t done, int64_t now_ms)
{
    FILE *file = progress->out->file;
    char text[SILT_HUMAN_LEN];
    const int64_t total = progress->total;
    fputs(progress->label, file);
    if (total > 0 && progress->out->terminal) write_bar(file, done < total ? done : total, total);
    fprintf(file, " %s", silt_human_count(done, text));
    if (total > 0) fprintf(file, " of %s", silt_human_count(total, text));
    fprintf(file, " %s", progress->unit);
    if (total > 0) write_left(file, progress, done, now_ms);
}

static void show(struct silt_progress *progress, int64_t done, int64_t now_ms)
{
    const bool terminal = progress->out->terminal;
    if (terminal) fputs("\r\033[K", progress->out->file);
    write_state(progress, done, now_ms);
    if (!terminal) fputc('\n', progress->out->file);
    fflush(progress->out->file);
    progress->shown_ms = now_ms;
    progress->shown = true;
}

void silt_progress_update(struct silt_progress *progress, int64_t done, int64_t now_ms)
{
    const int64_t every_ms = progress->out->terminal ? TERMINAL_EVERY_MS : LINES_EVERY_MS;
    /* what is over within a second needs no bar */
    if (now_ms - progress->started_ms < 1000 || now_ms - progress->shown_ms < every_ms) return;
    show(progress, done, now_ms);
}

void silt_progress_end(struct silt_progress *progress, int64_t done, int64_t now_ms)
{
    if (!progress->shown) return;
    if (!progress->out->terminal) {
        show(progress, done, now_ms);
        return;
    }
    fputs("\r\033[K", progress->out->file);
    fflush(progress->out->file);
}
