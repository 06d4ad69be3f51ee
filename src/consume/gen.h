/* Makes sensor readings as Avro bytes, good ones and broken ones, for `silt gen`, `silt demo` and
 * benchmarks.
 *
 * Pure and deterministic: the same options give the same bytes, on every machine; no clock. The
 * fields are those of schemas/avro/sensor_reading.v1.avsc and .v2.avsc, written here by hand in
 * their order. One owner; the views it returns live until the next call.
 */
#ifndef SILT_CONSUME_GEN_H
#define SILT_CONSUME_GEN_H

#include "base/buf.h"
#include "record/record.h"

#include <stdbool.h>
#include <stdint.h>

enum silt_gen_key { SILT_GEN_KEY_NONE, SILT_GEN_KEY_SENSOR_ID };
enum silt_gen_framing { SILT_GEN_NO_FRAMING, SILT_GEN_CONFLUENT, SILT_GEN_SINGLE_OBJECT };

#define SILT_GEN_VERSIONS 2 /* of the schema */

struct silt_gen_opts {
    uint64_t seed;
    uint64_t records; /* 0: without end */
    unsigned sensors; /* how many different ones; 0 = 1 */
    double bad_ratio; /* 0 … 1, of all records */
    double tombstone_ratio;
    unsigned schema_versions; /* 1: only the first; 2: they alternate */
    enum silt_gen_key key;
    enum silt_gen_framing framing;
    int32_t schema_ids[SILT_GEN_VERSIONS];    /* CONFLUENT */
    uint64_t fingerprints[SILT_GEN_VERSIONS]; /* SINGLE_OBJECT */
    int64_t start_ms;                         /* time of the first record */
    int64_t step_ms;                          /* between two records */
    size_t pad_bytes;                         /* more bytes in the field `raw` of every record */
};

struct silt_gen {
    struct silt_gen_opts opts;
    uint64_t random;
    uint64_t made;
    uint64_t bad; /* so many of them broken: the kinds take turns */
    struct silt_buf body;
    struct silt_buf value;
    char sensor_id[24];
};

struct silt_generated {
    struct silt_record rec; /* partition -1, offset: its number from 0 */
    unsigned version;       /* of the schema, from 1 */
    const char *sensor_id;
    enum silt_reason reason; /* what validation says; NONE for good records and tombstones */
};

void silt_gen_init(struct silt_gen *gen, const struct silt_gen_opts *opts);
void silt_gen_done(struct silt_gen *gen); /* NULL and zeroed are fine */
/* @return false when all records were made. */
bool silt_gen_next(struct silt_gen *gen, struct silt_generated *ret);

#endif
