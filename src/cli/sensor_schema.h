/* The schemas of the sensor readings that gen and demo make: the text of
 * schemas/avro/sensor_reading.v<version>.avsc, so that the program needs no files (a test keeps
 * them the same). */
#ifndef SILT_CLI_SENSOR_SCHEMA_H
#define SILT_CLI_SENSOR_SCHEMA_H

#include "base/err.h"

#include <stdint.h>

const char *silt_sensor_schema(unsigned version); /* from 1 to SILT_GEN_VERSIONS */
/* Avro's CRC-64 of each version's canonical form, as single-object framing wants it. */
SILT_RC silt_sensor_fingerprints(uint64_t *ret_fingerprints, unsigned versions_n,
                                 struct silt_err *err);

#endif
