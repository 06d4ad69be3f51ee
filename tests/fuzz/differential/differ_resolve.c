/* Whether schemas can be read with others, for comparing with other implementations.
 *
 *   differ_resolve < PAIRS > VERDICTS
 *
 * PAIRS: a line for each, the writer's schema, a tab, the reader's. VERDICTS: a line for each,
 * "readable" or why it is not.
 */
#include "schema_resolve_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct silt_tree *tree_of(const char *json, size_t len)
{
    struct silt_tree *tree;
    struct silt_err err;
    if (silt_ok(silt_tree_new(silt_slice_of(json, len), &tree, &err))) return tree;
    fprintf(stderr, "differ_resolve: %.*s: %s\n", (int)len, json, err.text);
    exit(2);
}

static void judge(const char *line, size_t len)
{
    const char *tab = memchr(line, '\t', len);
    if (!tab) exit(2);
    struct silt_err err;
    struct silt_tree *writer = tree_of(line, (size_t)(tab - line));
    struct silt_tree *reader = tree_of(tab + 1, len - (size_t)(tab + 1 - line));
    puts(silt_ok(silt_schema_resolve(writer, reader, &err)) ? "readable" : err.text);
    silt_tree_free(writer);
    silt_tree_free(reader);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    for (ssize_t len; (len = getline(&line, &room, stdin)) > 0;) judge(line, (size_t)len);
    free(line); /* lint: getline's */
    return fflush(stdout) == 0 ? 0 : 2;
}
