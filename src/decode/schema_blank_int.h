/* The datum of a type with as little content as there can be: null where that is allowed, else "",
 * 0, false, no items, the first symbol, a record of such fields. No side effects.
 */
#ifndef SILT_DECODE_SCHEMA_BLANK_INT_H
#define SILT_DECODE_SCHEMA_BLANK_INT_H

#include "base/buf.h"
#include "schema_tree_int.h"

/* Makes ret_blank; the caller's also after a failure. @return false when even that is larger than
 * 64 KiB, or made of more than 10,000 types. */
bool silt_schema_blank(const struct silt_type *type, struct silt_buf *ret_blank);

#endif
