/* A Kafka record as the stages see it: views into memory that somebody else keeps alive for the
 * call.
 *
 * Nothing here is owned. Offsets, partitions and timestamps as in Kafka (ms since 1970; -1: the
 * record has none).
 */
#ifndef SILT_RECORD_RECORD_H
#define SILT_RECORD_RECORD_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define SILT_NO_TIMESTAMP ((int64_t)-1)

struct silt_header {
    struct silt_slice key;
    struct silt_slice value;
    bool value_null;
};

struct silt_record {
    int32_t partition;
    int32_t leader_epoch; /* -1: unknown */
    int64_t offset;
    int64_t timestamp_ms; /* SILT_NO_TIMESTAMP: none */
    struct silt_slice key;
    struct silt_slice value; /* wire bytes, framing included */
    bool key_null;
    bool value_null; /* a tombstone */
    const struct silt_header *headers;
    unsigned headers_n;
};

#define SILT_CORRELATION_MAX 64
/* The id that the record's producer gave to what it belongs to, for logs: the value of its first
 * header named correlation_id, correlation-id or x-correlation-id in any case, cut, unprintable
 * bytes as '?'. @return false: it has none. */
bool silt_record_correlation(const struct silt_record *rec, char ret_id[SILT_CORRELATION_MAX + 1]);

/* Why a record was rejected. The names are contracts: they stand in rejected files, metrics and
 * `redrive`. */
enum silt_reason {
    SILT_REASON_NONE = 0,
#define SILT_REASON(code, name, text) SILT_REASON_##code,
#include "record/reason.def"
#undef SILT_REASON
    SILT_REASONS_N
};

const char *silt_reason_name(enum silt_reason reason); /* "truncated" */
const char *silt_reason_text(enum silt_reason reason);

#endif
