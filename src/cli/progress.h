/* Progress of anything that takes more than a second. The caller brings the clock (silt_mono_ms).
 * On a terminal one line is rewritten at most ten times a second, else a line comes every five.
 */
#ifndef SILT_CLI_PROGRESS_H
#define SILT_CLI_PROGRESS_H

#include "cli/terminal.h"

#include <stdint.h>

struct silt_progress {
    const struct silt_out *out;
    const char *label; /* "verify" */
    const char *unit;  /* "objects" */
    int64_t total;     /* 0: not known */
    int64_t started_ms;
    int64_t shown_ms;
    bool shown;
};
void silt_progress_start(struct silt_progress *progress, int64_t now_ms);
void silt_progress_update(struct silt_progress *progress, int64_t done, int64_t now_ms);
/* Clears the line, or prints the last state where lines stay. */
void silt_progress_end(struct silt_progress *progress, int64_t done, int64_t now_ms);

#endif
