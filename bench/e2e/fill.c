/* Fills a topic for the benchmark: sensor readings in turn over the partitions, each partition with
 * the same number of them, so that windows cut by count leave no rest.
 *
 *   bench_fill BROKERS TOPIC PARTITIONS RECORDS SCHEMA_ID COMPRESSION PAD_BYTES
 *
 * PAD_BYTES of every value (the end of its last field, `raw`) are text as a device would send it,
 * so that the values can be compressed about as well as real ones. The topic must exist. All event
 * times lie within one hour that is over. Prints the bytes of all values as JSON.
 */
#include "base/clock.h"
#include "consume/gen.h"
#include "consume/producer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define SENSORS 10000
#define FLUSH_MS 120000
#define VALUE_MAX 65536

struct totals {
    uint64_t records;
    uint64_t bytes;
};

static int failed(const struct silt_err *err)
{
    fprintf(stderr, "bench_fill: %s\n", err->text);
    return EXIT_FAILURE;
}

static struct silt_gen_opts readings(uint64_t records, int32_t schema_id, size_t pad_bytes)
{
    int64_t now_ms = silt_wall_ms();
    return (struct silt_gen_opts){
        .seed = 1,
        .records = records,
        .sensors = SENSORS,
        .schema_versions = 1,
        .key = SILT_GEN_KEY_SENSOR_ID,
        .framing = SILT_GEN_CONFLUENT,
        .schema_ids = {schema_id},
        .start_ms = now_ms - now_ms % HOUR_MS - HOUR_MS,
        .step_ms = 0,
        .pad_bytes = pad_bytes,
    };
}

/* The end of the value as a line of text: most of it the same from record to record. */
static struct silt_slice with_frame(struct silt_slice value, size_t pad_bytes, uint64_t number)
{
    static uint8_t room[VALUE_MAX];
    char line[VALUE_MAX / 2];
    uint64_t noise = number * UINT64_C(0x9e3779b97f4a7c15);
    snprintf(line, sizeof line,
             "seq=%010" PRIu64 ";rssi=-%u;up=%" PRIu64 ";fw=2.1.0;st=ok;crc=%04x;%0*d", number,
             40 + (unsigned)(noise >> 59), 86400 + number / SENSORS,
             (unsigned)(noise >> 40 & 0xffff), (int)pad_bytes, 0);
    memcpy(room, value.ptr, value.len);
    memcpy(room + value.len - pad_bytes, line, pad_bytes);
    return silt_slice_of(room, value.len);
}

static struct silt_rc fill(struct silt_producer *producer, const struct silt_gen_opts *opts,
                           int32_t partitions, struct totals *ret, struct silt_err *err)
{
    struct silt_gen gen;
    struct silt_generated made;
    struct silt_rc rc = SILT_OK;
    silt_gen_init(&gen, opts);
    while (silt_ok(rc) && silt_gen_next(&gen, &made)) {
        /* Spread over the hour without ever leaving it. */
        made.rec.timestamp_ms =
            opts->start_ms + (int64_t)(ret->records * (uint64_t)HOUR_MS / opts->records);
        made.rec.value = with_frame(made.rec.value, opts->pad_bytes, ret->records);
        made.rec.partition = (int32_t)(ret->records % (uint64_t)partitions);
        ret->records++;
        ret->bytes += made.rec.value.len;
        rc = silt_producer_send(producer, &made.rec, err);
    }
    silt_gen_done(&gen);
    return silt_ok(rc) ? silt_producer_flush(producer, FLUSH_MS, err) : rc;
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr, "usage: bench_fill BROKERS TOPIC PARTITIONS RECORDS SCHEMA_ID COMPRESSION "
                        "PAD_BYTES\n");
        return 2;
    }
    const struct silt_producer_opts to = {
        .brokers = argv[1], .topic = argv[2], .compression = argv[6], .linger_ms = 50};
    struct silt_gen_opts opts =
        readings(strtoull(argv[4], NULL, 10), atoi(argv[5]), (size_t)strtoull(argv[7], NULL, 10));
    if (opts.pad_bytes > VALUE_MAX / 4) return 2;
    struct silt_producer *producer = NULL;
    struct silt_err err;
    struct totals totals = {0, 0};
    if (!silt_ok(silt_producer_new(&to, &producer, &err))) return failed(&err);
    struct silt_rc rc = fill(producer, &opts, atoi(argv[3]), &totals, &err);
    silt_producer_free(producer);
    if (!silt_ok(rc)) return failed(&err);
    printf("{\"records\": %" PRIu64 ", \"bytes\": %" PRIu64 "}\n", totals.records, totals.bytes);
    return EXIT_SUCCESS;
}
