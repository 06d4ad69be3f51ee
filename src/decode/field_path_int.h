/* Paths of fields as an operator writes them: "a", "a.b" for a field of a field. Pure. */
#ifndef SILT_DECODE_FIELD_PATH_INT_H
#define SILT_DECODE_FIELD_PATH_INT_H

#include <stdbool.h>

#define SILT_FIELD_PATH_MAX 256u /* with its end; longer ones are no field's */

/* The path `whole` is `path` or leads on from it; "" is the beginning of all. */
bool silt_field_path_leads(const char *path, const char *whole);

#endif
