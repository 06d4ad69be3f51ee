/* Compressed batches as a broker hands them on: what they unpack to stays within the bound, and
 * everything that was held is given back. (Snappy and LZ4: librdkafka's and its lz4's own code; the
 * sizes that are read from them are ours.) */
#include "unpack_int.h"

#include "base/log.h"
#include "fuzz.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>

#define ONE_MAX 100000

struct rd_kafka_buf_s;
struct rd_kafka_broker_s;
void *rd_gz_decompress(const void *packed, int len, uint64_t *ret_len);
rd_kafka_resp_err_t rd_kafka_zstd_decompress(struct rd_kafka_broker_s *rkb, char *packed,
                                             size_t len, void **ret, size_t *ret_len);
struct rd_kafka_buf_s *rd_kafka_buf_new_shadow(const void *at, size_t size,
                                               void (*free_cb)(void *));
void rd_kafka_buf_destroy_final(struct rd_kafka_buf_s *buf);

static int64_t held(void)
{
    struct silt_unpack_stats stats;
    silt_unpack_stats(&stats);
    return stats.held;
}

static void check_unpacked(const void *unpacked, size_t len)
{
    FUZZ_CHECK(len > 0 && len <= ONE_MAX);
    struct rd_kafka_buf_s *buf = rd_kafka_buf_new_shadow(unpacked, len, free);
    FUZZ_CHECK(held() >= (int64_t)len);
    rd_kafka_buf_destroy_final(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    silt_log_set_level(SILT_FATAL);
    silt_unpack_limit(0, ONE_MAX);
    uint64_t gzip_len = 0;
    void *unpacked = rd_gz_decompress(data, (int)size, &gzip_len);
    if (unpacked) check_unpacked(unpacked, gzip_len);
    FUZZ_CHECK(held() == 0);
    size_t len = 0;
    rd_kafka_resp_err_t rc =
        rd_kafka_zstd_decompress(NULL, (char *)(uintptr_t)data, size, &unpacked, &len);
    if (!rc) check_unpacked(unpacked, len);
    FUZZ_CHECK(held() == 0);
    FUZZ_CHECK(silt_unpacked_lz4(data, size) <= size / 4 * ((size_t)4 << 20));
    FUZZ_CHECK(silt_unpacked_snappy_java(data, size) <= size * ((size_t)1 << 35));
    return 0;
}
