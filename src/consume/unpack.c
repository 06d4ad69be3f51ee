#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "unpack_int.h"

#include <librdkafka/rdkafka.h>
#include <malloc.h>
#include <pthread.h>
#define ZLIB_CONST
#include <zlib.h>
#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_decompressBound */
#include <zstd.h>

#define PATIENCE_MS 200 /* as long as the records in hand may take */
#define LZ4_MAGIC 0x184d2204u
#define GZIP_OR_ZLIB (15 + 32)

/* ---- the room ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t given_back; /* of the monotonic clock: see make_cond */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct { /* under the lock */
    int64_t held_max;
    int64_t one_max;
    int64_t held;
    uint64_t held_back;
    uint64_t too_large;
} room;
/* What this thread was let have and has not handed on yet. */
static _Thread_local int64_t reserved;

static void make_cond(void)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&given_back, &attr);
    pthread_condattr_destroy(&attr);
}

void silt_unpack_limit(int64_t held_max, int64_t one_max)
{
    pthread_mutex_lock(&lock);
    room.held_max = held_max;
    room.one_max = one_max;
    pthread_mutex_unlock(&lock);
}

void silt_unpack_stats(struct silt_unpack_stats *ret)
{
    pthread_mutex_lock(&lock);
    *ret = (struct silt_unpack_stats){
        .held = room.held, .held_back = room.held_back, .too_large = room.too_large};
    pthread_mutex_unlock(&lock);
}

static void hold_locked(int64_t bytes)
{
    room.held += bytes;
    if (bytes < 0) pthread_cond_broadcast(&given_back);
}

static void hold(int64_t bytes)
{
    pthread_mutex_lock(&lock);
    hold_locked(bytes);
    pthread_mutex_unlock(&lock);
}

/* A batch that is too large for the room beside others is let in when little is held. */
static bool has_room_locked(int64_t bytes)
{
    return !room.held_max || room.held + bytes <= room.held_max || room.held <= room.held_max / 4;
}

static bool await_room_locked(int64_t bytes)
{
    struct timespec deadline = silt_mono_deadline(PATIENCE_MS);
    while (!has_room_locked(bytes))
        if (pthread_cond_timedwait(&given_back, &lock, &deadline)) return has_room_locked(bytes);
    return true;
}

/* @return false: the batch is not to be unpacked now, or never. */
static bool reserve(size_t size)
{
    int64_t bytes = (int64_t)size;
    pthread_once(&once, make_cond);
    pthread_mutex_lock(&lock);
    hold_locked(-reserved); /* left over when a batch turned out to be damaged */
    reserved = 0;
    bool over = room.one_max && bytes > room.one_max;
    bool fits = !over && await_room_locked(bytes);
    room.too_large += over;
    room.held_back += !over && !fits;
    if (fits) hold_locked(reserved = bytes);
    int64_t one_max = room.one_max;
    pthread_mutex_unlock(&lock);
    if (over)
        SILT_LOG(WARN, "batch_too_large", "a batch unpacks to more than one batch may",
                 SILT_F_INT("bytes", bytes), SILT_F_INT("limit_bytes", one_max),
                 SILT_F_STR("action", "the error of its partition follows"),
                 SILT_F_STR("hint", "raise receive.message.max.bytes in kafka.properties"));
    return fits;
}

static void unreserve(void)
{
    hold(-reserved);
    reserved = 0;
}

static void give_back(void *unpacked)
{
    hold(-(int64_t)malloc_usable_size(unpacked));
    silt_free(unpacked);
}

/* ---- sizes ---- */

static uint32_t little32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t big32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

/* LZ4 frame format 1.6.4: magic, flags, block size code, content size (8, by flag 3), dictionary id
 * (4, by flag 0), checksum of that; blocks of a size (high bit: stored) and, by flag 4, a checksum;
 * a size of 0 ends them. A block holds at most 64 KiB << 2 * (code - 4). */
size_t silt_unpacked_lz4(const uint8_t *packed, size_t len)
{
    if (len < 7 || little32(packed) != LZ4_MAGIC) return 0;
    unsigned flags = packed[4];
    unsigned code = packed[5] >> 4 & 7;
    if (code < 4) return 0;
    size_t block_max = (size_t)65536 << 2 * (code - 4);
    size_t at = 7 + (flags & 8 ? 8u : 0u) + (flags & 1 ? 4u : 0u);
    size_t size = 0;
    while (at + 4 <= len) {
        size_t block = little32(packed + at) & 0x7fffffff;
        if (!block) break;
        at += 4 + block + (flags & 16 ? 4u : 0u);
        size += block_max;
    }
    return size;
}

/* Chunks of a length and a raw block, which begins with the unpacked length as a varint. */
size_t silt_unpacked_snappy_java(const uint8_t *packed, size_t len)
{
    size_t size = 0;
    for (size_t at = 0; at + 4 < len; at += 4 + (size_t)big32(packed + at)) {
        size_t unpacked = 0;
        for (size_t i = 0; i < 5 && at + 4 + i < len; i++) {
            unpacked |= (size_t)(packed[at + 4 + i] & 0x7f) << 7 * i;
            if (!(packed[at + 4 + i] & 0x80)) break;
        }
        size += unpacked;
    }
    return size;
}

/* ---- in the place of librdkafka's; a batch of nothing would end the process there ---- */

struct rd_kafka_broker_s;
struct rd_kafka_buf_s;
typedef void free_fn(void *);

struct rd_kafka_buf_s *__real_rd_kafka_buf_new_shadow(const void *at, size_t size,
                                                      free_fn *free_cb);
struct rd_kafka_buf_s *__wrap_rd_kafka_buf_new_shadow(const void *at, size_t size,
                                                      free_fn *free_cb);
struct rd_kafka_buf_s *__wrap_rd_kafka_buf_new_shadow(const void *at, size_t size, free_fn *free_cb)
{
    if (!free_cb) return __real_rd_kafka_buf_new_shadow(at, size, NULL);
    hold((int64_t)malloc_usable_size((void *)(uintptr_t)at) - reserved);
    reserved = 0;
    return __real_rd_kafka_buf_new_shadow(at, size, give_back);
}

/* What a producer that means well says at the end is right; else it grows by half, up to what one
 * batch may take. */
static size_t next_room(const uint8_t *packed, size_t len, size_t cap)
{
    size_t told = len > 4 ? (size_t)little32(packed + len - 4) + 1 : 0;
    if (!cap && told > len && told / 1032 <= len) return told;
    size_t next = cap ? cap + cap / 2 : len * 4 + 64;
    pthread_mutex_lock(&lock);
    size_t one_max = (size_t)room.one_max;
    pthread_mutex_unlock(&lock);
    return cap < one_max && next > one_max ? one_max : next;
}

/* One pass where librdkafka makes two, and no further than there is room. */
void *__wrap_rd_gz_decompress(const void *packed, int len, uint64_t *ret_len);
void *__wrap_rd_gz_decompress(const void *packed, int len, uint64_t *ret_len)
{
    z_stream z = {.next_in = packed, .avail_in = (uInt)len};
    if (inflateInit2(&z, GZIP_OR_ZLIB) != Z_OK) return NULL;
    uint8_t *to = NULL;
    size_t cap = 0;
    int rc = Z_OK;
    while (rc == Z_OK && z.avail_out == 0) {
        size_t next = next_room(packed, (size_t)len, cap);
        rc = reserve(next) ? Z_OK : Z_MEM_ERROR;
        if (rc) break;
        to = silt_realloc(to, next);
        z.next_out = to + cap;
        z.avail_out = (uInt)(next - cap);
        cap = next;
        rc = inflate(&z, Z_NO_FLUSH);
    }
    *ret_len = z.total_out;
    bool ended = rc == Z_STREAM_END || rc == Z_OK || rc == Z_BUF_ERROR; /* some write no trailer */
    inflateEnd(&z);
    if (ended && z.total_out) return silt_realloc(to, z.total_out + 1);
    unreserve();
    silt_free(to);
    return NULL;
}

rd_kafka_resp_err_t __real_rd_kafka_lz4_decompress(struct rd_kafka_broker_s *rkb, int proper_hc,
                                                   int64_t offset, char *packed, size_t len,
                                                   void **ret, size_t *ret_len);
rd_kafka_resp_err_t __wrap_rd_kafka_lz4_decompress(struct rd_kafka_broker_s *rkb, int proper_hc,
                                                   int64_t offset, char *packed, size_t len,
                                                   void **ret, size_t *ret_len);
rd_kafka_resp_err_t __wrap_rd_kafka_lz4_decompress(struct rd_kafka_broker_s *rkb, int proper_hc,
                                                   int64_t offset, char *packed, size_t len,
                                                   void **ret, size_t *ret_len)
{
    if (!reserve(silt_unpacked_lz4((const uint8_t *)packed, len)))
        return RD_KAFKA_RESP_ERR__BAD_COMPRESSION;
    rd_kafka_resp_err_t rc =
        __real_rd_kafka_lz4_decompress(rkb, proper_hc, offset, packed, len, ret, ret_len);
    if (!rc && !*ret_len) {
        silt_free(*ret);
        rc = RD_KAFKA_RESP_ERR__BAD_COMPRESSION;
    }
    if (rc) unreserve();
    return rc;
}

/* librdkafka guesses a size that is not told and triples it, past its own limit: batches of a third
 * of that are refused by chance. */
rd_kafka_resp_err_t __wrap_rd_kafka_zstd_decompress(struct rd_kafka_broker_s *rkb, char *packed,
                                                    size_t len, void **ret, size_t *ret_len);
rd_kafka_resp_err_t __wrap_rd_kafka_zstd_decompress(struct rd_kafka_broker_s *rkb, char *packed,
                                                    size_t len, void **ret, size_t *ret_len)
{
    (void)rkb;
    unsigned long long bound = ZSTD_decompressBound(packed, len);
    if (bound == ZSTD_CONTENTSIZE_ERROR || !reserve((size_t)bound))
        return RD_KAFKA_RESP_ERR__BAD_COMPRESSION;
    void *to = silt_alloc((size_t)bound);
    size_t size = ZSTD_decompress(to, (size_t)bound, packed, len);
    if (ZSTD_isError(size) || !size) {
        unreserve();
        silt_free(to);
        return RD_KAFKA_RESP_ERR__BAD_COMPRESSION;
    }
    *ret = silt_realloc(to, size);
    *ret_len = size;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

char *__real_rd_kafka_snappy_java_uncompress(const char *packed, size_t len, size_t *ret_len,
                                             char *why, size_t why_size);
char *__wrap_rd_kafka_snappy_java_uncompress(const char *packed, size_t len, size_t *ret_len,
                                             char *why, size_t why_size);
char *__wrap_rd_kafka_snappy_java_uncompress(const char *packed, size_t len, size_t *ret_len,
                                             char *why, size_t why_size)
{
    if (!reserve(silt_unpacked_snappy_java((const uint8_t *)packed, len))) return NULL;
    char *unpacked = __real_rd_kafka_snappy_java_uncompress(packed, len, ret_len, why, why_size);
    if (!unpacked) unreserve();
    return unpacked;
}

/* What is asked before a raw block is unpacked; the caller does that itself. */
bool __real_rd_kafka_snappy_uncompressed_length(const char *packed, size_t len, size_t *ret_len);
bool __wrap_rd_kafka_snappy_uncompressed_length(const char *packed, size_t len, size_t *ret_len);
bool __wrap_rd_kafka_snappy_uncompressed_length(const char *packed, size_t len, size_t *ret_len)
{
    if (!__real_rd_kafka_snappy_uncompressed_length(packed, len, ret_len)) return false;
    return *ret_len && reserve(*ret_len);
}
