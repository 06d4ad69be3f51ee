#include "cli/table.h"

#include "base/alloc.h"
#include "base/err.h"

#include <stdarg.h>
#include <string.h>

struct cell {
    char *text; /* owned */
    enum silt_color color;
};

struct silt_table {
    const struct silt_column *columns;
    unsigned columns_n;
    struct cell *cells;
    unsigned cells_n;
    unsigned cells_cap;
};

/* Characters, which is what a terminal aligns by; wide ones are rare in keys and ids. */
static unsigned width_of(const char *text)
{
    unsigned width = 0;
    for (; *text; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

struct silt_table *silt_table_new(const struct silt_column *columns, unsigned columns_n)
{
    struct silt_table *table = SILT_NEW(struct silt_table);
    table->columns = columns;
    table->columns_n = columns_n;
    return table;
}

void silt_table_free(struct silt_table *table)
{
    if (!table) return;
    for (unsigned i = 0; i < table->cells_n; i++) silt_free(table->cells[i].text);
    silt_free(table->cells);
    silt_free(table);
}

void silt_table_cell_color(struct silt_table *table, enum silt_color color, const char *text)
{
    if (table->cells_n == table->cells_cap) {
        table->cells_cap = table->cells_cap ? 2 * table->cells_cap : 64;
        table->cells = silt_realloc_array(table->cells, table->cells_cap, sizeof(struct cell));
    }
    struct silt_buf clean;
    size_t len;
    silt_buf_init(&clean, SILT_BUF_MAX_DEFAULT);
    silt_out_clean(&clean, text);
    table->cells[table->cells_n++] =
        (struct cell){.text = (char *)silt_buf_take(&clean, &len), .color = color};
}

void silt_table_cell(struct silt_table *table, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    SILT_ASSERT(len >= 0);
    char *text silt_auto(silt_free_auto) = silt_alloc((size_t)len + 1);
    va_start(ap, fmt);
    vsnprintf(text, (size_t)len + 1, fmt, ap);
    va_end(ap);
    silt_table_cell_color(table, SILT_PLAIN, text);
}

static unsigned column_width(const struct silt_table *table, unsigned column)
{
    unsigned width = width_of(table->columns[column].title);
    for (unsigned i = column; i < table->cells_n; i += table->columns_n) {
        const unsigned cell = width_of(table->cells[i].text);
        if (cell > width) width = cell;
    }
    return width;
}

static void print_cell(const struct silt_table *table, const struct silt_out *out, unsigned column,
                       const struct cell *cell, unsigned width)
{
    const int pad = (int)(width - width_of(cell->text));
    const bool right = table->columns[column].right;
    const bool last = column + 1 == table->columns_n;
    const bool colored = cell->color != SILT_PLAIN;
    fprintf(out->file, "%*s%s%s%s%*s%s", right ? pad : 0, "",
            colored ? silt_out_color(out, cell->color) : "", cell->text,
            colored ? silt_out_color(out, SILT_PLAIN) : "", right || last ? 0 : pad, "",
            last ? "\n" : "  ");
}

void silt_table_print(const struct silt_table *table, const struct silt_out *out)
{
    SILT_ASSERT(table->cells_n % table->columns_n == 0);
    unsigned *widths silt_auto(silt_free_auto) = silt_calloc(table->columns_n, sizeof(unsigned));
    for (unsigned c = 0; c < table->columns_n; c++) {
        char *title silt_auto(silt_free_auto) = silt_strdup(table->columns[c].title);
        widths[c] = column_width(table, c);
        print_cell(table, out, c, &(struct cell){.text = title, .color = SILT_BOLD}, widths[c]);
    }
    for (unsigned i = 0; i < table->cells_n; i++) {
        const unsigned column = i % table->columns_n;
        print_cell(table, out, column, &table->cells[i], widths[column]);
    }
}
