/* Validates Avro bytes in place against a program compiled from the writer schema.
 *
 * One pass, no allocation, no recursion: an explicit stack of at most 64 frames, every length
 * checked against what is left, item counts bounded by the bytes (or by 2^20 zero-width items), a
 * work budget for each record. On the way it picks out the sensor id and the time. Pure; a program
 * is immutable and may be used by any number of threads. (Avro 1.11 specification, "Binary
 * Encoding".)
 */
#ifndef SILT_DECODE_WALKER_H
#define SILT_DECODE_WALKER_H

#include "base/buf.h"
#include "decode/masks.h"
#include "decode/rules.h"
#include "record/record.h"

#include <stdbool.h>
#include <stdint.h>

struct silt_program;

struct silt_verdict {
    enum silt_reason reason;      /* NONE: valid */
    uint32_t at;                  /* byte position in the body where it failed */
    const struct silt_rule *rule; /* RULE: the one that was broken, and by which check */
    enum silt_check broken;
    struct silt_slice sensor_id; /* points into the body; len 0 when there is none */
    int64_t time_ms;             /* SILT_NO_TIMESTAMP when there is none */
};

/* @return true when the bytes are exactly one datum. masker (NULL: the program hides nothing): has
 * begun with the body; told what to hide. */
bool silt_walk(const struct silt_program *program, struct silt_slice body,
               struct silt_masker *masker, struct silt_verdict *ret_verdict);
/* The same for bytes that begin with a datum, others may follow, of a program that hides nothing:
 * where rows stand one after the other. */
bool silt_walk_prefix(const struct silt_program *program, struct silt_slice bytes, size_t *ret_len,
                      struct silt_verdict *ret_verdict);
void silt_program_free(struct silt_program *program);

#endif
