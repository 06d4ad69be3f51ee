/* The bytes in front of an Avro body. Pure.
 *
 * Confluent wire format (Confluent Platform documentation, "Wire format"): 0, schema id as
 * big-endian int32. Single-object encoding (Avro 1.11 specification): C3 01, CRC-64-AVRO
 * little-endian.
 */
#ifndef SILT_DECODE_FRAMING_INT_H
#define SILT_DECODE_FRAMING_INT_H

#include "decode/decoder.h"

struct silt_framed {
    struct silt_slice framing;
    struct silt_slice body;
    int32_t schema_id;    /* confluent */
    uint64_t fingerprint; /* single_object */
};

/* @return NULL, or in words what is missing. */
const char *silt_framing_read(enum silt_framing framing, struct silt_slice value,
                              struct silt_framed *ret_framed);

#endif
