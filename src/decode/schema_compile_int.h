/* Makes the walker's program from a checked tree. Pure.
 *
 * The two field paths ("a", "a.b") are followed through records and through optional values (unions
 * with null); a path that does not lead to a string or a long reports nothing. Rules (NULL: none)
 * stand behind the values of their paths, which are followed in the same way; they must outlive the
 * program's use. Below arrays and maps there are no paths.
 */
#ifndef SILT_DECODE_SCHEMA_COMPILE_INT_H
#define SILT_DECODE_SCHEMA_COMPILE_INT_H

#include "program_int.h"
#include "schema_tree_int.h"

struct silt_program *silt_schema_compile(const struct silt_tree *tree, const char *sensor_id_field,
                                         const char *time_field, const struct silt_rules *rules);

#endif
