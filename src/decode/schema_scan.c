#include "schema_scan_int.h"

#include "schema_tree_int.h"

/* @return position of the closing quote, or of the last byte when there is none. */
static size_t string_end(struct silt_slice json, size_t at)
{
    for (at++; at < json.len && json.ptr[at] != '"'; at++)
        if (json.ptr[at] == '\\') at++;
    return at;
}

SILT_RC silt_schema_scan(struct silt_slice json, struct silt_err *err)
{
    if (json.len > SILT_SCHEMA_BYTES_MAX)
        SILT_FAIL(err, SCHEMA, "the schema has %zu bytes; the limit is %zu", json.len,
                  SILT_SCHEMA_BYTES_MAX);
    int depth = 0;
    int values = 1;
    for (size_t at = 0; at < json.len; at++) {
        switch (json.ptr[at]) {
        case '"': at = string_end(json, at); break;
        case '{':
        case '[': depth++, values++; break;
        case '}':
        case ']': depth--; break;
        case ',': values++; break;
        case '\0': SILT_FAIL(err, SCHEMA, "byte %zu of the schema is 0: no JSON", at);
        default: break;
        }
        if (depth > SILT_SCHEMA_DEPTH_MAX)
            SILT_FAIL(err, SCHEMA, "byte %zu of the schema: nested deeper than %d levels", at,
                      SILT_SCHEMA_DEPTH_MAX);
        if (values > SILT_SCHEMA_VALUES_MAX)
            SILT_FAIL(err, SCHEMA, "byte %zu of the schema: more than %d values", at,
                      SILT_SCHEMA_VALUES_MAX);
    }
    return SILT_OK;
}
