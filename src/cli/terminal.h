/* Where output for people goes: colours only on a terminal and without NO_COLOR; text from outside
 * (keys, ids, messages) is cleaned, so that it cannot steer the terminal. One thread.
 */
#ifndef SILT_CLI_TERMINAL_H
#define SILT_CLI_TERMINAL_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdio.h>

struct silt_out {
    FILE *file; /* not owned */
    bool terminal;
    bool color;
};
/* What a file is, and what $NO_COLOR and $TERM of the environment say (https://no-color.org). */
void silt_out_init(struct silt_out *out, FILE *file, char *const *env);

enum silt_color { SILT_PLAIN, SILT_BOLD, SILT_DIM, SILT_RED, SILT_GREEN, SILT_YELLOW };
/* The sequence that switches to the colour, "" where there are none. SILT_PLAIN switches back. */
const char *silt_out_color(const struct silt_out *out, enum silt_color color);

/* Text from outside: control characters and broken UTF-8 become '?'. */
void silt_out_clean(struct silt_buf *to, const char *text);
void silt_out_text(const struct silt_out *out, const char *text);

#endif
