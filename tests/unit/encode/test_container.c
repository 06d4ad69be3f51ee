#include "encode/container.h"

#include "encode/row.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define CODECS_N 4
#define BLOCK_MAX 65536
#define STR(s) silt_slice_of(s, sizeof(s) - 1)

static const uint8_t sync_marker[SILT_SYNC_LEN] = "0123456789abcde";
static const struct silt_meta meta[] = {{"silt.topic", "sensors"}, {"silt.partition", "3"}};
static const char schema[] = "{\"type\":\"record\",\"name\":\"T\",\"fields\":[]}";

/* Rows of tombstones: what a block holds can be checked by reading it. */
static struct silt_buf rows_of(int64_t first, int64_t records)
{
    struct silt_buf raw;
    silt_buf_init(&raw, BLOCK_MAX);
    for (int64_t i = 0; i < records; i++) {
        struct silt_record rec = {.offset = first + i, .timestamp_ms = 7, .key = STR("sensor")};
        uint8_t *at = silt_buf_reserve(&raw, silt_row_size_max(&rec, silt_slice_of(NULL, 0)));
        raw.len += silt_row_tombstone(at, &rec, NULL);
    }
    return raw;
}

/* A file of three blocks with 3, 4 and 5 records, and where its blocks begin. */
static struct silt_buf file_of(enum silt_codec codec, size_t ret_at[4])
{
    struct silt_codec_ctx *ctx = silt_codec_ctx_new();
    struct silt_buf file;
    int64_t first = 0;
    silt_buf_init(&file, SILT_BUF_MAX_DEFAULT);
    CU_ASSERT_OK(silt_container_header(schema, codec, meta, 2, sync_marker, &file, NULL));
    for (int64_t i = 0; i < 3; i++) {
        struct silt_buf raw = rows_of(first, 3 + i);
        ret_at[i] = file.len;
        CU_ASSERT_OK(silt_container_block(ctx, codec, 0, 3 + i, silt_buf_slice(&raw), sync_marker,
                                          &file, NULL));
        first += 3 + i;
        silt_buf_done(&raw);
    }
    ret_at[3] = file.len;
    silt_codec_ctx_free(ctx);
    return file;
}

/* What a reader of rows sees, block for block. */
static bool is_as_written(const struct silt_block *block)
{
    static const int64_t first_of[] = {0, 3, 7};
    struct silt_slice rest = block->raw;
    if (block->number > 2 || block->records != 3 + (int64_t)block->number) return false;
    for (int64_t i = 0; i < block->records; i++) {
        struct silt_record rec;
        struct silt_header none;
        size_t len = silt_row_read(rest, &rec, &none, 0);
        if (len == 0 || rec.offset != first_of[block->number] + i || rec.timestamp_ms != 7)
            return false;
        if (rec.partition != 0 || !silt_slice_eq(rec.key, STR("sensor"))) return false;
        rest = silt_slice_of(rest.ptr + len, rest.len - len);
    }
    return rest.len == 0;
}

static bool is_header_as_written(const struct silt_container_reader *reader)
{
    const char *topic = silt_container_reader_meta(reader, "silt.topic");
    const char *partition = silt_container_reader_meta(reader, "silt.partition");
    const char *avro = silt_container_reader_meta(reader, "avro.schema");
    if (!silt_container_reader_meta(reader, "avro.codec")) return false;
    return topic && strcmp(topic, "sensors") == 0 && partition && strcmp(partition, "3") == 0 &&
           avro && strcmp(avro, schema) == 0;
}

struct result {
    bool is_ok;     /* read to the end without an error */
    bool is_intact; /* and everything is as it was written */
    uint64_t blocks;
    struct silt_err err;
};

static void read_blocks(struct silt_container_reader *reader, struct result *result)
{
    struct silt_block block;
    enum silt_block_status status;
    while ((status = silt_container_reader_next(reader, &block, &result->err)) ==
           SILT_BLOCK_READY) {
        if (!is_as_written(&block)) result->is_intact = false;
        result->blocks++;
    }
    if (status == SILT_BLOCK_BAD) result->is_ok = false;
}

static struct result read_file(struct silt_slice file, size_t step, size_t block_max)
{
    struct silt_container_reader *reader = silt_container_reader_new(block_max);
    struct result result = {.is_ok = true, .is_intact = true};
    for (size_t at = 0; at < file.len && result.is_ok; at += step) {
        size_t len = file.len - at < step ? file.len - at : step;
        uint8_t *exact = malloc(len); /* so that a sanitizer sees a byte too far */
        memcpy(exact, file.ptr + at, len);
        CU_ASSERT_OK(silt_container_reader_feed(reader, silt_slice_of(exact, len), NULL));
        free(exact);
        read_blocks(reader, &result);
    }
    result.is_ok = silt_container_reader_end(reader, &result.err).ok && result.is_ok;
    if (result.is_ok && !is_header_as_written(reader)) result.is_intact = false;
    silt_container_reader_free(reader);
    return result;
}

static void all_codecs_give_back_what_was_written(void)
{
    for (int i = 0; i < CODECS_N; i++) {
        size_t at[4];
        struct silt_buf file = file_of((enum silt_codec)i, at);
        for (size_t step = 1; step <= file.len; step += step < 40 ? 1 : 37) {
            struct result result = read_file(silt_buf_slice(&file), step, BLOCK_MAX);
            CU_ASSERT(result.is_ok && result.is_intact);
            CU_ASSERT_EQUAL(result.blocks, 3);
        }
        silt_buf_done(&file);
    }
}

static void equal_input_gives_equal_bytes(void)
{
    for (int i = 0; i < CODECS_N; i++) {
        size_t at[4];
        struct silt_buf one = file_of((enum silt_codec)i, at);
        struct silt_buf two = file_of((enum silt_codec)i, at);
        CU_ASSERT(silt_slice_eq(silt_buf_slice(&one), silt_buf_slice(&two)));
        silt_buf_done(&one);
        silt_buf_done(&two);
    }
}

static void the_header_is_as_avro_says(void)
{
    struct silt_buf out;
    silt_buf_init(&out, 1000);
    CU_ASSERT_OK(
        silt_container_header("\"int\"", SILT_CODEC_ZSTD, meta, 1, sync_marker, &out, NULL));
    static const char want[] = "Obj\x01\x06\x14"
                               "avro.codec\x12"
                               "zstandard\x16"
                               "avro.schema\x0a\"int\"\x14"
                               "silt.topic\x0e"
                               "sensors\0"
                               "0123456789abcde";
    CU_ASSERT(silt_slice_eq(silt_buf_slice(&out), silt_slice_of(want, sizeof want)));
    silt_buf_done(&out);
}

static void a_file_without_blocks_is_a_file(void)
{
    size_t at[4];
    struct silt_buf file = file_of(SILT_CODEC_ZSTD, at);
    struct result result = read_file(silt_slice_of(file.data, at[0]), 7, BLOCK_MAX);
    CU_ASSERT(result.is_ok && result.is_intact);
    CU_ASSERT_EQUAL(result.blocks, 0);
    silt_buf_done(&file);
}

static void a_size_of_any_length_stands_before_its_bytes(void)
{
    static const size_t lens[] = {1, 63, 64, 8191, 8192, 1048575, 1048576};
    struct silt_codec_ctx *ctx = silt_codec_ctx_new();
    uint8_t *bytes = calloc(1, 1048576);
    for (unsigned i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct silt_buf out;
        silt_buf_init(&out, SILT_BUF_MAX_DEFAULT);
        CU_ASSERT_OK(silt_container_header("1", SILT_CODEC_NULL, NULL, 0, sync_marker, &out, NULL));
        CU_ASSERT_OK(silt_container_block(ctx, SILT_CODEC_NULL, 0, 1, silt_slice_of(bytes, lens[i]),
                                          sync_marker, &out, NULL));
        struct silt_container_reader *reader = silt_container_reader_new(1048576);
        struct silt_block block;
        CU_ASSERT_OK(silt_container_reader_feed(reader, silt_buf_slice(&out), NULL));
        CU_ASSERT_EQUAL(silt_container_reader_next(reader, &block, NULL), SILT_BLOCK_READY);
        CU_ASSERT_EQUAL(block.raw.len, lens[i]);
        CU_ASSERT_OK(silt_container_reader_end(reader, NULL));
        silt_container_reader_free(reader);
        silt_buf_done(&out);
    }
    free(bytes);
    silt_codec_ctx_free(ctx);
}

static void truncation_at_every_byte_is_noticed(void)
{
    for (int i = 0; i < CODECS_N; i++) {
        size_t at[4];
        struct silt_buf file = file_of((enum silt_codec)i, at);
        for (size_t cut = 0; cut < file.len; cut++) {
            bool is_border = cut == at[0] || cut == at[1] || cut == at[2];
            struct result result = read_file(silt_slice_of(file.data, cut), 1000, BLOCK_MAX);
            CU_ASSERT_EQUAL(result.is_ok, is_border); /* the manifest knows the size */
            CU_ASSERT(is_border || result.err.code == SILT_E_CORRUPT);
        }
        silt_buf_done(&file);
    }
}

/* A count is for whoever reads the rows. Values are watched over by the checksums of zstd and
 * snappy; in `null` and `deflate` files only the manifest's checksums see a changed one. Deflate
 * and zstd have a few bits that mean nothing (padding, reserved fields): then every row is true. */
static void every_flipped_bit_is_noticed(void)
{
    for (int i = 0; i < CODECS_N; i++) {
        enum silt_codec codec = (enum silt_codec)i;
        size_t at[4];
        struct silt_buf file = file_of(codec, at);
        bool has_checksum = codec == SILT_CODEC_ZSTD || codec == SILT_CODEC_SNAPPY;
        bool has_idle_bits = codec == SILT_CODEC_ZSTD || codec == SILT_CODEC_DEFLATE;
        for (size_t bit = at[0] * 8; bit < file.len * 8; bit++) {
            size_t byte = bit / 8;
            bool in_count = byte == at[0] || byte == at[1] || byte == at[2];
            file.data[byte] ^= (uint8_t)(1u << bit % 8);
            struct result result = read_file(silt_buf_slice(&file), 1000, BLOCK_MAX);
            CU_ASSERT(!result.is_ok || !result.is_intact || has_idle_bits);
            CU_ASSERT(!result.is_ok || result.is_intact || in_count || !has_checksum);
            CU_ASSERT(result.is_ok || result.err.code == SILT_E_CORRUPT);
            file.data[byte] ^= (uint8_t)(1u << bit % 8);
        }
        silt_buf_done(&file);
    }
}

static void a_flipped_bit_in_the_header_is_noticed(void)
{
    size_t at[4];
    struct silt_buf file = file_of(SILT_CODEC_NULL, at);
    for (size_t bit = 0; bit < at[0] * 8; bit++) {
        file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct result result = read_file(silt_buf_slice(&file), 1000, BLOCK_MAX);
        CU_ASSERT(!result.is_ok || !result.is_intact);
        file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    silt_buf_done(&file);
}

static void expect_damage(const void *file, size_t len, const char *text)
{
    struct result result = read_file(silt_slice_of(file, len), len ? len : 1, 100);
    CU_ASSERT_FALSE(result.is_ok);
    CU_ASSERT_EQUAL(result.err.code, SILT_E_CORRUPT);
    CU_ASSERT_STRING_EQUAL(result.err.text, text);
}
#define DAMAGED(file, text) expect_damage(file, sizeof(file) - 1, text)

#define SYNC "0123456789abcdef"
#define HEAD          \
    "Obj\x01\x02\x16" \
    "avro.schema\x02" \
    "1\0" SYNC /* 36 bytes */

static void damage_is_named_with_its_place(void)
{
    DAMAGED("", "header at byte 0: cut off after 0 bytes");
    DAMAGED("Ob", "header at byte 0: cut off after 2 bytes");
    DAMAGED("Obx", "header at byte 0: not as Avro writes it");
    DAMAGED("Obj\x02", "header at byte 0: not as Avro writes it");
    DAMAGED("Obj\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            "header at byte 4: not as Avro writes it");
    DAMAGED("Obj\x01\x02\x01", "header at byte 5: not as Avro writes it");
    DAMAGED("Obj\x01\x02\x82\x80\x80\x04", "header at byte 5: not as Avro writes it");
    DAMAGED("Obj\x01\x02\x02k\x02v\0" SYNC, "header at byte 0: no avro.schema");
    DAMAGED("Obj\x01\x04\x02k\x02v\x02k\x02v\0" SYNC,
            "header at byte 13: a metadata key stands there twice");
    DAMAGED("Obj\x01\x04\x16"
            "avro.schema\x02"
            "1\x14"
            "avro.codec\x06"
            "xyz\0" SYNC,
            "header at byte 0: unknown codec xyz");
    DAMAGED("Obj\x01\x04\x16"
            "avro.schema\x02"
            "1\x14"
            "avro.codec\x08"
            "zstd\0" SYNC,
            "header at byte 0: unknown codec zstd");
    DAMAGED(HEAD "\0", "block 0 at byte 36: the record count is 0, not 1 to 9223372036854775807");
    DAMAGED(HEAD "\x01",
            "block 0 at byte 36: the record count is -1, not 1 to 9223372036854775807");
    DAMAGED(HEAD "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            "block 0 at byte 36: the record count is longer than a number");
    DAMAGED(HEAD "\x02\x01", "block 0 at byte 37: the size is -1, not 0 to 100");
    DAMAGED(HEAD "\x02\xca\x01", "block 0 at byte 37: the size is 101, not 0 to 100");
    DAMAGED(HEAD "\x02\x02x" SYNC "\x02\x02x"
                 "0123456789abcdeF",
            "block 1 at byte 58: no sync marker behind the block");
    DAMAGED(HEAD "\x02\x02x" SYNC "\x02\x02x", "block 1 at byte 55: cut off after 3 bytes");
    DAMAGED("Obj\x01\x04\x16"
            "avro.schema\x02"
            "1\x14"
            "avro.codec\x12"
            "zstandard\0" SYNC "\x02\x02x" SYNC,
            "block 0 at byte 57: zstd: Src size is incorrect");
}

static void the_first_damage_stays(void)
{
    struct silt_container_reader *reader = silt_container_reader_new(100);
    struct silt_block block;
    struct silt_err err;
    CU_ASSERT_OK(silt_container_reader_feed(reader, STR("nonsense"), NULL));
    CU_ASSERT_EQUAL(silt_container_reader_next(reader, &block, NULL), SILT_BLOCK_BAD);
    CU_ASSERT_OK(silt_container_reader_feed(reader, STR(HEAD), NULL));
    CU_ASSERT_EQUAL(silt_container_reader_next(reader, &block, &err), SILT_BLOCK_BAD);
    CU_ASSERT_STRING_EQUAL(err.text, "header at byte 0: not as Avro writes it");
    CU_ASSERT_FAILS(silt_container_reader_end(reader, NULL));
    silt_container_reader_free(reader);
    silt_container_reader_free(NULL);
}

static void a_map_in_several_blocks_is_read(void)
{
    static const char file[] = "Obj\x01\x02\x16"
                               "avro.schema\x02"
                               "1"
                               "\x01\x08\x02k\x02v" /* one pair of 4 bytes */
                               "\x02\0\x02w\0" SYNC "\x02\x02x" SYNC;
    struct silt_container_reader *reader = silt_container_reader_new(100);
    struct silt_block block;
    CU_ASSERT_PTR_NULL(silt_container_reader_meta(reader, "k"));
    CU_ASSERT_OK(silt_container_reader_feed(reader, STR(file), NULL));
    CU_ASSERT_EQUAL(silt_container_reader_next(reader, &block, NULL), SILT_BLOCK_READY);
    CU_ASSERT(silt_slice_eq(block.raw, STR("x")));
    CU_ASSERT_EQUAL(block.records, 1);
    CU_ASSERT_STRING_EQUAL(silt_container_reader_meta(reader, "k"), "v");
    CU_ASSERT_STRING_EQUAL(silt_container_reader_meta(reader, ""), "w");
    CU_ASSERT_PTR_NULL(silt_container_reader_meta(reader, "avro.codec"));
    CU_ASSERT_OK(silt_container_reader_end(reader, NULL));
    silt_container_reader_free(reader);
    DAMAGED("Obj\x01\x01\x06\x02k\x02v\0" SYNC, "header at byte 10: not as Avro writes it");
    DAMAGED("Obj\x01\x01", "header at byte 0: cut off after 5 bytes");
}

static void a_block_may_be_as_large_as_allowed_and_no_larger(void)
{
    struct silt_codec_ctx *ctx = silt_codec_ctx_new();
    for (int i = 0; i < CODECS_N; i++) {
        struct silt_buf file;
        uint8_t zeros[1000] = {0};
        silt_buf_init(&file, BLOCK_MAX);
        CU_ASSERT_OK(
            silt_container_header("1", (enum silt_codec)i, NULL, 0, sync_marker, &file, NULL));
        CU_ASSERT_OK(silt_container_block(ctx, (enum silt_codec)i, 0, 1,
                                          silt_slice_of(zeros, sizeof zeros), sync_marker, &file,
                                          NULL));
        for (size_t block_max = 999; block_max <= 1000; block_max++) {
            struct silt_container_reader *reader = silt_container_reader_new(block_max);
            struct silt_block block;
            struct silt_err err;
            CU_ASSERT_OK(silt_container_reader_feed(reader, silt_buf_slice(&file), NULL));
            CU_ASSERT_EQUAL(silt_container_reader_next(reader, &block, &err),
                            block_max < 1000 ? SILT_BLOCK_BAD : SILT_BLOCK_READY);
            CU_ASSERT(block_max == 1000 || err.code == SILT_E_CORRUPT);
            silt_container_reader_free(reader);
        }
        silt_buf_done(&file);
    }
    silt_codec_ctx_free(ctx);
}

static void a_reader_that_is_not_emptied_takes_no_more(void)
{
    struct silt_container_reader *reader = silt_container_reader_new(100);
    struct silt_err err = {0};
    uint8_t *zeros = calloc(1, 4 << 20);
    unsigned fed = 0;
    while (silt_ok(silt_container_reader_feed(reader, silt_slice_of(zeros, 4 << 20), &err))) fed++;
    CU_ASSERT_EQUAL(fed, 2);
    CU_ASSERT_EQUAL(err.code, SILT_E_LIMIT);
    free(zeros);
    silt_container_reader_free(reader);
}

static void a_header_has_a_largest_length(void)
{
    struct silt_container_reader *reader = silt_container_reader_new(100);
    struct silt_block block;
    struct silt_err err = {0};
    uint8_t *zeros = calloc(1, 4 << 20);
    /* two values of 4 MiB each */
    static const char head[] = "Obj\x01\x04\x02"
                               "a\x80\x80\x80\x04";
    CU_ASSERT_OK(silt_container_reader_feed(reader, STR(head), NULL));
    CU_ASSERT_EQUAL(silt_container_reader_next(reader, &block, &err), SILT_BLOCK_MORE);
    CU_ASSERT_OK(silt_container_reader_feed(reader, silt_slice_of(zeros, 4 << 20), NULL));
    CU_ASSERT_EQUAL(silt_container_reader_next(reader, &block, &err), SILT_BLOCK_BAD);
    CU_ASSERT_STRING_EQUAL(err.text, "header at byte 0: longer than 4194304 bytes");
    free(zeros);
    silt_container_reader_free(reader);
}

static void a_buffer_without_room_is_left_as_it_was(void)
{
    struct silt_codec_ctx *ctx = silt_codec_ctx_new();
    for (int i = 0; i < CODECS_N; i++) {
        struct silt_buf raw = rows_of(0, 100);
        struct silt_buf out;
        struct silt_err err = {0};
        bool is_done = false;
        for (size_t max = 1; max < 5000 && !is_done; max++) {
            silt_buf_init(&out, max);
            silt_buf_append_char(&out, 'x');
            is_done =
                silt_container_header(schema, (enum silt_codec)i, meta, 2, sync_marker, &out, &err)
                    .ok;
            size_t len = out.len;
            is_done = is_done && silt_container_block(ctx, (enum silt_codec)i, 0, 100,
                                                      silt_buf_slice(&raw), sync_marker, &out, &err)
                                     .ok;
            CU_ASSERT(is_done || err.code == SILT_E_LIMIT);
            CU_ASSERT(is_done || out.len == len);
            silt_buf_done(&out);
        }
        CU_ASSERT(is_done);
        silt_buf_done(&raw);
    }
    silt_codec_ctx_free(ctx);
}

/* Bytes changed, moved, doubled and cut at random: an answer, never a crash, and no row but a true
 * one behind an untouched checksum. */
static void hostile_bytes_are_survived(void)
{
    uint64_t seed = 20240229;
    for (unsigned run = 0; run < 4000; run++) {
        size_t at[4];
        struct silt_buf file = file_of((enum silt_codec)(run % CODECS_N), at);
        for (unsigned i = 0; i <= run % 4; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            size_t where = (size_t)(seed >> 33) % file.len;
            size_t from = (size_t)(seed >> 20) % file.len;
            size_t len = (size_t)(seed >> 8) % 12;
            if (len > file.len - where) len = file.len - where;
            if (len > file.len - from) len = file.len - from;
            if (run % 3 == 0) file.data[where] = (uint8_t)(seed >> 40);
            if (run % 3 == 1) memmove(file.data + where, file.data + from, len);
            if (run % 3 == 2) memset(file.data + where, seed & 1 ? 0xff : 0, len);
        }
        struct result result =
            read_file(silt_buf_slice(&file), 1 + (size_t)(seed >> 50) % 200, 4096);
        CU_ASSERT(result.is_ok || result.err.code == SILT_E_CORRUPT);
        silt_buf_done(&file);
    }
}

SILT_TESTS(
    "container", {"all codecs give back what was written", all_codecs_give_back_what_was_written},
    {"equal input gives equal bytes", equal_input_gives_equal_bytes},
    {"the header is as Avro says", the_header_is_as_avro_says},
    {"a file without blocks is a file", a_file_without_blocks_is_a_file},
    {"a size of any length stands before its bytes", a_size_of_any_length_stands_before_its_bytes},
    {"truncation at every byte is noticed", truncation_at_every_byte_is_noticed},
    {"every flipped bit is noticed", every_flipped_bit_is_noticed},
    {"a flipped bit in the header is noticed", a_flipped_bit_in_the_header_is_noticed},
    {"damage is named with its place", damage_is_named_with_its_place},
    {"the first damage stays", the_first_damage_stays},
    {"a map in several blocks is read", a_map_in_several_blocks_is_read},
    {"a block may be as large as allowed and no larger",
     a_block_may_be_as_large_as_allowed_and_no_larger},
    {"a reader that is not emptied takes no more", a_reader_that_is_not_emptied_takes_no_more},
    {"a header has a largest length", a_header_has_a_largest_length},
    {"a buffer without room is left as it was", a_buffer_without_room_is_left_as_it_was},
    {"hostile bytes are survived", hostile_bytes_are_survived})
