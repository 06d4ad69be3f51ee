/* A table with aligned columns: cells from left to right, row by row, cleaned, printed at the end.
 */
#ifndef SILT_CLI_TABLE_H
#define SILT_CLI_TABLE_H

#include "cli/terminal.h"

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

#endif
