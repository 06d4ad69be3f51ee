#include "cli/output.h"

#include "base/alloc.h"
#include "base/err.h"
#include "base/jsonw.h"
#include "cli/human.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static const char *find_variable(char *const *env, const char *name)
{
    const size_t len = strlen(name);
    for (; env && *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=') return *env + len + 1;
    return "";
}

void silt_out_init(struct silt_out *out, FILE *file, char *const *env)
{
    const int fd = fileno(file);
    const bool terminal = fd >= 0 && isatty(fd);
    const bool wanted = !*find_variable(env, "NO_COLOR");
    const bool able = strcmp(find_variable(env, "TERM"), "dumb") != 0;
    *out = (struct silt_out){
        .file = file, .terminal = terminal && able, .color = terminal && wanted && able};
}

const char *silt_out_color(const struct silt_out *out, enum silt_color color)
{
    static const char *const sequences[] = {
        [SILT_PLAIN] = "\033[0m", [SILT_BOLD] = "\033[1m",   [SILT_DIM] = "\033[2m",
        [SILT_RED] = "\033[31m",  [SILT_GREEN] = "\033[32m", [SILT_YELLOW] = "\033[33m",
    };
    return out->color ? sequences[color] : "";
}

/* Length of the character at `at` that a terminal may show; 0: none. C1 controls (U+0080 to U+009F)
 * steer terminals just as ESC does. */
static unsigned showable(const char *at)
{
    const unsigned char first = (unsigned char)at[0];
    const unsigned len = silt_utf8_sequence((const uint8_t *)at, strlen(at));
    const bool control =
        first < ' ' || first == 0x7f || (first == 0xc2 && (unsigned char)at[1] < 0xa0);
    return control ? 0 : len;
}

static void append_clean(struct silt_buf *to, const char *text)
{
    while (*text) {
        const unsigned len = showable(text);
        if (len > 0) (void)silt_buf_append(to, text, len);
        if (len == 0) (void)silt_buf_append_char(to, '?');
        text += len > 0 ? len : 1;
    }
}

void silt_out_text(const struct silt_out *out, const char *text)
{
    struct silt_buf clean silt_auto(silt_buf_done);
    silt_buf_init(&clean, SILT_BUF_MAX_DEFAULT);
    append_clean(&clean, text);
    fputs(silt_buf_str(&clean), out->file);
}

/* --- tables -------------------------------------------------------------------------------- */

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
    append_clean(&clean, text);
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

/* --- progress ------------------------------------------------------------------------------ */

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
