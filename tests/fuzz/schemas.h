/* The writer schemas that several targets choose from: each shape the walker has steps for. */
#ifndef SILT_TEST_FUZZ_SCHEMAS_H
#define SILT_TEST_FUZZ_SCHEMAS_H

#include "decode/schema.h"

#include <stdlib.h>

#define FUZZ_SENSOR                                                                                \
    "{\"type\":\"record\",\"name\":\"Reading\",\"fields\":[{\"name\":\"sensor_id\",\"type\":"      \
    "\"string\"},{\"name\":\"ts\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-"        \
    "micros\"}},{\"name\":\"value\",\"type\":\"double\"},{\"name\":\"status\",\"type\":{\"type\":" \
    "\"enum\",\"name\":\"S\",\"symbols\":[\"OK\",\"BAD\",\"LOST\"]}},{\"name\":\"unit\",\"type\":" \
    "[\"null\",\"string\"]},{\"name\":\"tags\",\"type\":{\"type\":\"map\",\"values\":\"string\"}}" \
    ",{\"name\":\"samples\",\"type\":{\"type\":\"array\",\"items\":\"float\"}}]}"
#define FUZZ_TREE                                                                             \
    "{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"sensor_id\",\"type\":"       \
    "\"string\"},{\"name\":\"next\",\"type\":[\"null\",\"L\"]},{\"name\":\"kids\",\"type\":{" \
    "\"type\":\"array\",\"items\":\"L\"}},{\"name\":\"ok\",\"type\":\"boolean\"}]}"
#define FUZZ_MIXED                                                                                 \
    "{\"type\":\"record\",\"name\":\"M\",\"fields\":[{\"name\":\"u\",\"type\":[\"int\",\"null\","  \
    "\"string\",{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\",\"C\"]},{\"type\":"     \
    "\"fixed\",\"name\":\"F\",\"size\":5},{\"type\":\"map\",\"values\":[\"double\",\"bytes\"]}]}," \
    "{\"name\":\"e\",\"type\":\"E\"},{\"name\":\"f\",\"type\":{\"type\":\"array\",\"items\":"      \
    "\"F\"}},{\"name\":\"l\",\"type\":\"long\"},{\"name\":\"n\",\"type\":\"null\"},{\"name\":"     \
    "\"p\",\"type\":{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"a\",\"type\":"     \
    "\"float\"},{\"name\":\"ts\",\"type\":[\"null\",\"long\"]}]}},{\"name\":\"ps\",\"type\":{"     \
    "\"type\":\"array\",\"items\":\"P\"}},{\"name\":\"mm\",\"type\":{\"type\":\"map\",\"values\":" \
    "{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":\"boolean\"}}}},{\"name\":\"i\","  \
    "\"type\":\"int\"}]}"
#define FUZZ_NOTHING                                                                              \
    "{\"type\":\"record\",\"name\":\"Z\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":"         \
    "\"array\",\"items\":\"null\"}},{\"name\":\"b\",\"type\":{\"type\":\"array\",\"items\":{"     \
    "\"type\":\"record\",\"name\":\"Y\",\"fields\":[]}}},{\"name\":\"c\",\"type\":{\"type\":"     \
    "\"array\",\"items\":{\"type\":\"array\",\"items\":\"null\"}}},{\"name\":\"d\",\"type\":{"    \
    "\"type\":\"map\",\"values\":\"null\"}},{\"name\":\"u\",\"type\":[\"null\"]},{\"name\":\"w\"" \
    ",\"type\":{\"type\":\"array\",\"items\":\"double\"}}]}"
#define FUZZ_BYTES \
    "{\"type\":\"record\",\"name\":\"B\",\"fields\":[{\"name\":\"b\",\"type\":\"bytes\"}]}"

static const char *const fuzz_schemas[] = {FUZZ_SENSOR, FUZZ_TREE, FUZZ_MIXED, FUZZ_BYTES,
                                           FUZZ_NOTHING};
#define FUZZ_SCHEMAS_N ((unsigned)(sizeof fuzz_schemas / sizeof fuzz_schemas[0]))

/* Compiled at the first use, then kept. */
static inline const struct silt_schema *fuzz_schema(unsigned i)
{
    static struct silt_schema *made[FUZZ_SCHEMAS_N];
    const struct silt_schema_opts opts = {.id = SILT_NO_SCHEMA_ID,
                                          .sensor_id_field = "sensor_id",
                                          .time_field = i == 2 ? "p.ts" : "ts"};
    if (!made[i] &&
        !silt_ok(silt_schema_new(silt_slice_str(fuzz_schemas[i]), &opts, &made[i], NULL)))
        abort();
    return made[i];
}

#endif
