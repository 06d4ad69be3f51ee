/* Output for people: colours only on a terminal and without NO_COLOR, tables with aligned columns,
 * one progress line that a pipe sees as plain lines. Whatever comes from outside (keys, ids, texts)
 * goes through silt_out_text or a table cell, so that it cannot steer the terminal. One thread.
 */
#ifndef SILT_CLI_OUTPUT_H
#define SILT_CLI_OUTPUT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct silt_cli;

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

/* Writes text from outside: control bytes and broken UTF-8 become '?'. */
void silt_out_text(const struct silt_out *out, const char *text);

/* A table: cells from left to right, row by row, printed at the end. */
struct silt_column {
    const char *title;
    bool right; /* numbers */
};
struct silt_table;
struct silt_table *silt_table_new(const struct silt_column *columns, unsigned columns_n);
void silt_table_free(struct silt_table *table); /* NULL is fine */
void silt_table_cell(struct silt_table *table, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void silt_table_cell_color(struct silt_table *table, enum silt_color color, const char *text);
void silt_table_print(const struct silt_table *table, const struct silt_out *out);

/* Progress of anything that takes more than a second. The caller brings the clock (silt_mono_ms).
 * On a terminal one line is rewritten at most ten times a second, else a line comes every five. */
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
