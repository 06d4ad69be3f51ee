#include "base/alloc.h"
#include "base/buf.h"
#include "consume/producer.h"
#include "consumer_int.h"
#include "harness.h"
#include "mock_int.h"
#include "unpack_int.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define TURNS 6000
#define LONG_MS 120000
#define TOPIC "readings"
#define BATCH 100      /* records */
#define VALUE_LEN 1000 /* bytes, all the same */

/* ---- sizes ---- */

static void the_size_of_lz4_is_known_from_its_blocks(void)
{
    const uint8_t two[] = {4,   0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 2, 0, 0, 0x80,
                           'a', 'b',  1,    0,    0,    0x80, 'c',  0, 0, 0, 0};
    CU_ASSERT_EQUAL(silt_unpacked_lz4(two, sizeof two), 2 * 65536);
    CU_ASSERT_EQUAL(silt_unpacked_lz4(two, sizeof two - 4), 2 * 65536); /* no end mark */
    CU_ASSERT_EQUAL(silt_unpacked_lz4(two, 6), 0);
    /* 4 MiB a block; content size, dictionary and block checksum present */
    const uint8_t all[] = {4, 0x22, 0x4d, 0x18, 0x79, 0x70, 9,    0,   0, 0, 0, 0, 0, 0, 5, 5,
                           5, 5,    0,    1,    0,    0,    0x80, 'a', 7, 7, 7, 7, 0, 0, 0, 0};
    CU_ASSERT_EQUAL(silt_unpacked_lz4(all, sizeof all), 4 << 20);
    const uint8_t small_blocks[] = {4, 0x22, 0x4d, 0x18, 0x60, 0x30, 0, 0};
    CU_ASSERT_EQUAL(silt_unpacked_lz4(small_blocks, sizeof small_blocks), 0);
    const uint8_t other[] = {4, 0x22, 0x4d, 0x19, 0x60, 0x40, 0x82};
    CU_ASSERT_EQUAL(silt_unpacked_lz4(other, sizeof other), 0);
}

static void the_size_of_framed_snappy_is_what_its_chunks_say(void)
{
    const uint8_t two[] = {0, 0, 0, 3, 0xac, 0x02, 0, 0, 0, 0, 1, 7};
    CU_ASSERT_EQUAL(silt_unpacked_snappy_java(two, sizeof two), 300 + 7);
    CU_ASSERT_EQUAL(silt_unpacked_snappy_java(two, 4), 0);
    const uint8_t endless[] = {0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    CU_ASSERT(silt_unpacked_snappy_java(endless, sizeof endless) >= UINT32_MAX);
}

/* ---- gzip, which is unpacked here ---- */

struct rd_kafka_buf_s;
void *rd_gz_decompress(const void *packed, int len, uint64_t *ret_len);
struct rd_kafka_buf_s *rd_kafka_buf_new_shadow(const void *at, size_t size,
                                               void (*free_cb)(void *));
void rd_kafka_buf_destroy_final(struct rd_kafka_buf_s *buf);

static int pack(uint8_t *to, size_t room, size_t zeros)
{
    z_stream z = {0};
    uint8_t *from = silt_zalloc(zeros);
    CU_ASSERT_EQUAL(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = from;
    z.avail_in = (uInt)zeros;
    z.next_out = to;
    z.avail_out = (uInt)room;
    CU_ASSERT_EQUAL(deflate(&z, Z_FINISH), Z_STREAM_END);
    int len = (int)z.total_out;
    deflateEnd(&z);
    silt_free(from);
    return len;
}

/* @return the unpacked size; -1: refused. */
static int64_t gunzip(const uint8_t *packed, int len)
{
    uint64_t unpacked = 0;
    void *to = rd_gz_decompress(packed, len, &unpacked);
    if (!to) return -1;
    struct rd_kafka_buf_s *buf = rd_kafka_buf_new_shadow(to, unpacked, free);
    struct silt_unpack_stats stats;
    silt_unpack_stats(&stats);
    CU_ASSERT(stats.held >= (int64_t)unpacked);
    rd_kafka_buf_destroy_final(buf);
    silt_unpack_stats(&stats);
    CU_ASSERT_EQUAL(stats.held, 0);
    return (int64_t)unpacked;
}

static void gzip_is_unpacked_up_to_its_limit(void)
{
    uint8_t packed[4096];
    int len = pack(packed, sizeof packed, 1000000);
    silt_unpack_limit(0, 0);
    CU_ASSERT_EQUAL(gunzip(packed, len), 1000000);
    silt_unpack_limit(0, 1000001);
    CU_ASSERT_EQUAL(gunzip(packed, len), 1000000);
    silt_unpack_limit(0, 1000000);
    struct silt_unpack_stats before;
    struct silt_unpack_stats after;
    silt_unpack_stats(&before);
    CU_ASSERT_EQUAL(gunzip(packed, len), -1);
    silt_unpack_stats(&after);
    CU_ASSERT_EQUAL(after.too_large, before.too_large + 1);
}

/* The size at the end need not be true, and librdkafka takes a stream without an end. */
static void gzip_is_believed_only_in_part(void)
{
    uint8_t packed[4096];
    int len = pack(packed, sizeof packed, 1000000);
    silt_unpack_limit(0, 1200000);
    CU_ASSERT_EQUAL(gunzip(packed, len - 8), 1000000);
    uint8_t lying[4096];
    memcpy(lying, packed, (size_t)len);
    memset(lying + len, 0, 8);
    CU_ASSERT_EQUAL(gunzip(lying, len + 8), 1000000); /* as librdkafka: what follows is ignored */
    silt_unpack_limit(0, 900000);
    CU_ASSERT_EQUAL(gunzip(lying, len + 8), -1);
    CU_ASSERT_EQUAL(gunzip((const uint8_t *)"no gzip at all", 14), -1);
    CU_ASSERT_EQUAL(gunzip(packed, 3), -1);
}

/* ---- batches of an embedded broker ---- */

static const char *const codecs[] = {"gzip", "snappy", "lz4", "zstd"};
#define CODECS_N (sizeof codecs / sizeof codecs[0])

static struct silt_mock *mock;

static void send_batch(struct silt_producer *producer)
{
    char value[VALUE_LEN];
    memset(value, 'a', sizeof value);
    for (unsigned i = 0; i < BATCH; i++) {
        struct silt_record rec = {.timestamp_ms = 1700000000000,
                                  .key_null = true,
                                  .value = silt_slice_of(value, sizeof value)};
        CU_ASSERT_OK(silt_producer_send(producer, &rec, NULL));
    }
    CU_ASSERT_OK(silt_producer_flush(producer, LONG_MS, NULL));
}

static struct silt_consumer *open_topic(const char *codec, unsigned batches)
{
    struct silt_err err = {0};
    if (!silt_mock_new(1, &mock, &err).ok) abort();
    if (!silt_mock_add_topic(mock, TOPIC, 1, &err).ok) abort();
    struct silt_producer_opts sending = {.brokers = silt_mock_brokers(mock),
                                         .topic = TOPIC,
                                         .compression = codec,
                                         .linger_ms = 200}; /* one batch each time */
    struct silt_producer *producer = NULL;
    if (!silt_producer_new(&sending, &producer, &err).ok) abort();
    for (unsigned i = 0; i < batches; i++) send_batch(producer);
    silt_producer_free(producer);
    struct silt_consumer_opts opts = {.brokers = silt_mock_brokers(mock)};
    struct silt_consumer *consumer = NULL;
    if (!silt_consumer_new(&opts, &consumer, &err).ok) abort();
    return consumer;
}

static void close_topic(struct silt_consumer *consumer)
{
    CU_ASSERT(silt_consumer_close(consumer, LONG_MS));
    silt_mock_free(mock);
}

/* Reads until an error or `wanted` records. @return records. */
static unsigned read_some(struct silt_consumer *consumer, unsigned wanted,
                          struct silt_polled *ret_polled)
{
    unsigned n = 0;
    for (unsigned turn = 0; turn < TURNS && n < wanted; turn++) {
        silt_consumer_poll(consumer, 20, ret_polled);
        if (ret_polled->kind == SILT_POLL_PART_ERROR) return n;
        struct silt_cpart *part;
        struct silt_record rec;
        uint32_t epoch;
        while (ret_polled->kind == SILT_POLL_RECORDS &&
               silt_consumer_next(consumer, &part, &rec, &epoch))
            n += rec.value.len == VALUE_LEN && epoch == part->epoch;
    }
    return n;
}

static void every_compression_comes_through(void)
{
    for (unsigned i = 0; i < CODECS_N; i++) {
        struct silt_consumer *consumer = open_topic(codecs[i], 2);
        struct silt_cpart *part;
        struct silt_polled polled;
        struct silt_consumer_stats stats;
        CU_ASSERT_OK(silt_consumer_assign_manual(consumer, TOPIC, 0, 0, &part, NULL));
        CU_ASSERT_EQUAL(read_some(consumer, 2 * BATCH, &polled), 2 * BATCH);
        silt_consumer_stats(consumer, &stats);
        CU_ASSERT_EQUAL(stats.unpacked_bytes, 0); /* all of it was given back */
        close_topic(consumer);
    }
}

static void a_batch_that_is_too_large_is_damage(void)
{
    for (unsigned i = 0; i < CODECS_N; i++) {
        struct silt_consumer *consumer = open_topic(codecs[i], 1);
        struct silt_cpart *part;
        struct silt_polled polled;
        struct silt_consumer_stats stats;
        silt_unpack_limit(0, VALUE_LEN);
        CU_ASSERT_OK(silt_consumer_assign_manual(consumer, TOPIC, 0, 0, &part, NULL));
        CU_ASSERT_EQUAL(read_some(consumer, 1, &polled), 0);
        CU_ASSERT_EQUAL(polled.err.code, SILT_E_CORRUPT);
        CU_ASSERT_FALSE(polled.held_back);
        silt_consumer_stats(consumer, &stats);
        CU_ASSERT(stats.batches_too_large > i);
        CU_ASSERT_EQUAL(stats.unpacked_bytes, 0);
        close_topic(consumer);
    }
}

static bool await_held_back(struct silt_consumer *consumer, uint64_t n)
{
    struct silt_consumer_stats stats = {0};
    for (unsigned turn = 0; turn < TURNS && stats.batches_held_back < n; turn++) {
        usleep(10000);
        silt_consumer_stats(consumer, &stats);
    }
    return stats.batches_held_back == n;
}

static void a_batch_without_room_is_no_damage_and_comes_again(void)
{
    for (unsigned i = 0; i < CODECS_N; i++) {
        struct silt_consumer *consumer = open_topic(codecs[i], 2);
        struct silt_cpart *part;
        struct silt_polled polled;
        silt_unpack_limit(BATCH * VALUE_LEN, 1 << 30);
        CU_ASSERT_OK(silt_consumer_assign_manual(consumer, TOPIC, 0, 0, &part, NULL));
        CU_ASSERT(await_held_back(consumer, i + 1)); /* nobody reads what came before it */
        CU_ASSERT_EQUAL(read_some(consumer, 2 * BATCH, &polled), BATCH);
        CU_ASSERT(polled.held_back);
        CU_ASSERT_OK(silt_consumer_seek(consumer, part, BATCH, -1, NULL));
        CU_ASSERT_EQUAL(read_some(consumer, BATCH, &polled), BATCH);
        close_topic(consumer);
    }
}

/* An error is damage when nothing was held back since the one before, whoever had that. */
static void damage_beside_a_batch_without_room_is_found_later(void)
{
    struct silt_consumer *consumer = open_topic(codecs[0], 1);
    struct silt_cpart *part;
    struct silt_polled polled;
    CU_ASSERT_OK(silt_consumer_assign_manual(consumer, TOPIC, 0, 0, &part, NULL));
    ((struct part *)part)->held_back_seen--; /* as if another partition's batch just was */
    silt_unpack_limit(0, VALUE_LEN);
    for (unsigned round = 0; round < 2; round++) {
        CU_ASSERT_EQUAL(read_some(consumer, 1, &polled), 0);
        CU_ASSERT_EQUAL(polled.err.code, SILT_E_CORRUPT);
        CU_ASSERT_EQUAL(polled.held_back, round == 0);
        CU_ASSERT_OK(silt_consumer_seek(consumer, part, 0, -1, NULL));
    }
    close_topic(consumer);
}

SILT_TESTS("unpack",
           {"the size of lz4 is known from its blocks", the_size_of_lz4_is_known_from_its_blocks},
           {"the size of framed snappy is what its chunks say",
            the_size_of_framed_snappy_is_what_its_chunks_say},
           {"gzip is unpacked up to its limit", gzip_is_unpacked_up_to_its_limit},
           {"gzip is believed only in part", gzip_is_believed_only_in_part},
           {"every compression comes through", every_compression_comes_through},
           {"a batch that is too large is damage", a_batch_that_is_too_large_is_damage},
           {"a batch without room is no damage and comes again",
            a_batch_without_room_is_no_damage_and_comes_again},
           {"damage beside a batch without room is found later",
            damage_beside_a_batch_without_room_is_found_later})
