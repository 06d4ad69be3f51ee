/* Catches what is printed through a silt_out. */
#ifndef SILT_TEST_PRINT_TO_H
#define SILT_TEST_PRINT_TO_H

#include "cli/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct caught {
    struct silt_out out;
    char *text;
    size_t len;
};

static inline void catch_begin(struct caught *caught, bool terminal, bool color)
{
    caught->text = NULL;
    FILE *file = open_memstream(&caught->text, &caught->len);
    if (!file) abort();
    caught->out = (struct silt_out){.file = file, .terminal = terminal, .color = color};
}

#define CHECK_CAUGHT(caught, want)                    \
    do {                                              \
        fclose((caught)->out.file);                   \
        CU_ASSERT_STRING_EQUAL((caught)->text, want); \
        free((caught)->text);                         \
    } while (0)

#endif
