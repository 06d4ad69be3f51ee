/* Makes the walker's program from a checked tree. Pure.
 *
 * The two field paths ("a", "a.b") are followed through records and through optional values (unions
 * with null); a path that does not lead to a string or a long reports nothing. Rules and masks
 * (NULL: none) stand behind the values of their paths, which also lead into the items of arrays and
 * maps; they must outlive the program's use.
 */
#ifndef SILT_DECODE_SCHEMA_COMPILE_INT_H
#define SILT_DECODE_SCHEMA_COMPILE_INT_H

#include "decode/schema.h"
#include "program_int.h"
#include "schema_tree_int.h"

/* Failure: SCHEMA, names the field that cannot be masked as it should. */
SILT_RC silt_schema_compile(const struct silt_tree *tree, const struct silt_schema_opts *opts,
                            struct silt_program **ret_program, struct silt_err *err);

#endif
