/* Any bytes as an Avro container file, in chunks of any size: blocks are numbered, bounded and the
 * same whatever the chunks; the first error stays.
 *
 *   chunk size, whether a header of ours is given and its codec, then the file or its blocks
 */
#include "encode/container.h"

#include "fuzz.h"

#define BLOCK_MAX ((size_t)1 << 16)

static const uint8_t sync_marker[SILT_SYNC_LEN] = "0123456789abcde";

struct sum {
    uint64_t blocks;
    int64_t records;
    size_t bytes;
    bool is_whole;
};

static struct silt_slice header(enum silt_codec codec)
{
    static struct silt_buf made[SILT_CODEC_ZSTD + 1];
    if (made[codec].len) return silt_buf_slice(&made[codec]);
    silt_buf_init(&made[codec], BLOCK_MAX);
    FUZZ_CHECK(silt_ok(
        silt_container_header("\"bytes\"", codec, NULL, 0, sync_marker, &made[codec], NULL)));
    return silt_buf_slice(&made[codec]);
}

/* Takes what is there. @return false after an error. */
static bool take_blocks(struct silt_container_reader *reader, struct sum *sum)
{
    struct silt_block block;
    struct silt_err err;
    enum silt_block_status status;
    while ((status = silt_container_reader_next(reader, &block, &err)) == SILT_BLOCK_READY) {
        FUZZ_CHECK(block.number == sum->blocks && block.records >= 0);
        FUZZ_CHECK(block.raw.len <= BLOCK_MAX);
        sum->blocks++;
        sum->records ^= block.records;
        sum->bytes += block.raw.len;
    }
    if (status == SILT_BLOCK_MORE) return true;
    FUZZ_CHECK(err.text[0] && (err.code == SILT_E_CORRUPT || err.code == SILT_E_LIMIT));
    FUZZ_CHECK(silt_container_reader_next(reader, &block, NULL) == SILT_BLOCK_BAD);
    return false;
}

static bool feed(struct silt_container_reader *reader, struct silt_slice bytes, size_t chunk,
                 struct sum *sum)
{
    while (bytes.len) {
        size_t len = bytes.len < chunk ? bytes.len : chunk;
        FUZZ_CHECK(
            silt_ok(silt_container_reader_feed(reader, silt_slice_of(bytes.ptr, len), NULL)));
        if (!take_blocks(reader, sum)) return false;
        bytes = silt_slice_of(bytes.ptr + len, bytes.len - len);
    }
    return true;
}

static struct sum read_all(struct silt_slice given, struct silt_slice rest, size_t chunk)
{
    struct sum sum = {0};
    struct silt_container_reader *reader = silt_container_reader_new(BLOCK_MAX);
    sum.is_whole = feed(reader, given, chunk, &sum) && feed(reader, rest, chunk, &sum) &&
                   silt_ok(silt_container_reader_end(reader, NULL));
    if (sum.is_whole) FUZZ_CHECK(silt_container_reader_meta(reader, "avro.schema"));
    silt_container_reader_free(reader);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = fuzz_in(data, size);
    size_t chunk = 1 + (size_t)fuzz_byte(&in);
    unsigned what = fuzz_byte(&in);
    struct silt_slice given = {0};
    if (what & 1) given = header((enum silt_codec)(what >> 1 & 3));
    struct silt_slice rest = fuzz_rest(&in);
    struct sum a = read_all(given, rest, chunk);
    struct sum b = read_all(given, rest, size + 1000);
    FUZZ_CHECK(a.is_whole == b.is_whole && a.blocks == b.blocks);
    FUZZ_CHECK(a.records == b.records && a.bytes == b.bytes);
    return 0;
}
