/* Bounds of a schema's text, checked before a JSON parser may spend memory or stack on it. Pure. */
#ifndef SILT_DECODE_SCHEMA_SCAN_INT_H
#define SILT_DECODE_SCHEMA_SCAN_INT_H

#include "base/buf.h"
#include "base/err.h"

SILT_RC silt_schema_scan(struct silt_slice json, struct silt_err *err);

#endif
