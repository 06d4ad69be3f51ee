/* Validation speed: ns per record and per byte for both sensor schemas, best of several rounds. */
#include "base/alloc.h"
#include "base/clock.h"
#include "decode/schema.h"

#include <stdio.h>
#include <stdlib.h>

#define RECORDS 1024
#define PASSES 400
#define ROUNDS 7

struct corpus {
    struct silt_buf bytes;
    struct silt_slice records[RECORDS];
};

static void put_long(struct silt_buf *buf, int64_t value)
{
    uint64_t n = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    for (; n > 0x7F; n >>= 7) silt_buf_append_char(buf, (char)(n | 0x80));
    silt_buf_append_char(buf, (char)n);
}

static void put_string(struct silt_buf *buf, const char *text)
{
    put_long(buf, (int64_t)strlen(text));
    silt_buf_append_str(buf, text);
}

static void put_noise(struct silt_buf *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) silt_buf_append_char(buf, (char)random());
}

/* Fields in the order of schemas/avro/sensor_reading.v1.avsc, then those version 2 adds. */
static void put_reading(struct silt_buf *buf, int version)
{
    static const char *const units[] = {"Cel", "%", "hPa", "m/s2", "V"};
    char text[32];
    int kind = (int)(random() % 5);
    snprintf(text, sizeof text, "sensor-%05ld", random() % 20000);
    put_string(buf, text);
    put_long(buf, 1780000000000 + random());
    put_long(buf, kind);
    put_noise(buf, 8);
    put_string(buf, units[kind]);
    put_noise(buf, 16);
    put_string(buf, random() % 8 ? "plant-west-hall-3" : "Zürich, Halle 3");
    put_long(buf, 2);
    put_string(buf, "line");
    put_string(buf, "packaging");
    put_string(buf, "owner");
    put_string(buf, "maintenance");
    put_long(buf, 0);
    put_long(buf, 8);
    put_noise(buf, 8 * 4);
    put_long(buf, 0);
    put_long(buf, random() % 2);
    if (buf->data[buf->len - 1]) put_noise(buf, 4);
    put_long(buf, 48);
    put_noise(buf, 48);
    if (version < 2) return;
    put_long(buf, 1);
    put_string(buf, "4.11.2-rc1");
    put_long(buf, 95 + random() % 6);
    put_long(buf, 2);
    put_noise(buf, 2);
}

static void make_corpus(struct corpus *corpus, int version)
{
    static uint32_t ends[RECORDS];
    silt_buf_init(&corpus->bytes, SILT_BUF_MAX_DEFAULT);
    for (int i = 0; i < RECORDS; i++) {
        put_reading(&corpus->bytes, version);
        ends[i] = (uint32_t)corpus->bytes.len;
    }
    for (int i = 0; i < RECORDS; i++) {
        uint32_t start = i ? ends[i - 1] : 0;
        corpus->records[i] = silt_slice_of(corpus->bytes.data + start, ends[i] - start);
    }
}

static struct silt_schema *load_schema(int version)
{
    char path[512];
    snprintf(path, sizeof path, SILT_SOURCE_DIR "/schemas/avro/sensor_reading.v%d.avsc", version);
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    char text[16384];
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    const struct silt_schema_opts opts = {.sensor_id_field = "sensor_id", .time_field = "ts"};
    struct silt_schema *schema;
    struct silt_err err;
    if (silt_ok(silt_schema_new(silt_slice_of(text, len), &opts, &schema, &err))) return schema;
    fprintf(stderr, "%s: %s\n", path, err.text);
    exit(1);
}

static int64_t one_round(const struct silt_schema *schema, const struct corpus *corpus)
{
    int64_t start = silt_mono_ns();
    for (int pass = 0; pass < PASSES; pass++)
        for (int i = 0; i < RECORDS; i++) {
            struct silt_verdict verdict;
            if (silt_walk(schema->program, corpus->records[i], NULL, &verdict)) continue;
            fprintf(stderr, "record %d refused at byte %u\n", i, verdict.at);
            exit(1);
        }
    return silt_mono_ns() - start;
}

int main(void)
{
    for (int version = 1; version <= 2; version++) {
        struct corpus corpus;
        make_corpus(&corpus, version);
        struct silt_schema *schema = load_schema(version);
        int64_t best = INT64_MAX;
        for (int round = 0; round < ROUNDS; round++) {
            int64_t ns = one_round(schema, &corpus);
            if (ns < best) best = ns;
        }
        double per_record = (double)best / PASSES / RECORDS;
        double bytes = (double)corpus.bytes.len / RECORDS;
        printf("walker sensor_reading.v%d: %.1f bytes, %.1f ns/record, %.3f ns/byte\n", version,
               bytes, per_record, per_record / bytes);
        silt_schema_unref(schema);
        silt_buf_done(&corpus.bytes);
    }
    return 0;
}
