/* Helpers of this room's tests: schemas from literals, Avro bytes by hand. */
#ifndef SILT_TEST_DECODE_TOOLS_H
#define SILT_TEST_DECODE_TOOLS_H

#include "decode/schema.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

static inline struct silt_schema *tool_schema(const char *json, const char *id, const char *time)
{
    const struct silt_schema_opts opts = {.id = 7, .sensor_id_field = id, .time_field = time};
    struct silt_schema *schema;
    struct silt_err err;
    if (silt_ok(silt_schema_new(silt_slice_str(json), &opts, &schema, &err))) return schema;
    fprintf(stderr, "%s: %s\n", json, err.text);
    abort();
}

static inline struct silt_schema *tool_sensor_schema(int version)
{
    char path[512];
    snprintf(path, sizeof path, SILT_SOURCE_DIR "/schemas/avro/sensor_reading.v%d.avsc", version);
    char *json = silt_test_read(path, NULL);
    struct silt_schema *schema = tool_schema(json, "sensor_id", "ts");
    free(json);
    return schema;
}

static inline void tool_long(struct silt_buf *buf, int64_t value)
{
    uint64_t n = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    for (; n > 0x7F; n >>= 7) silt_buf_append_char(buf, (char)(n | 0x80));
    silt_buf_append_char(buf, (char)n);
}

static inline void tool_string(struct silt_buf *buf, const char *text)
{
    tool_long(buf, (int64_t)strlen(text));
    silt_buf_append_str(buf, text);
}

/* Walks a copy that ends where its memory ends, so that a sanitizer sees a read behind it. */
static inline bool tool_walk(const struct silt_schema *schema, const void *bytes, size_t len,
                             struct silt_verdict *ret_verdict)
{
    uint8_t *copy = malloc(len ? len : 1);
    if (!copy) abort();
    if (len) memcpy(copy, bytes, len);
    bool ok = silt_walk(schema->program, silt_slice_of(copy, len), NULL, ret_verdict);
    ret_verdict->sensor_id.ptr = NULL; /* went with the copy */
    free(copy);
    return ok;
}

#endif
