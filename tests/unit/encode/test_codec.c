#include "encode/codec.h"

#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define CODECS_N 4
#define STR(s) silt_slice_of(s, sizeof(s) - 1)

/* Half of it compresses. */
static struct silt_buf text_of(size_t len)
{
    struct silt_buf buf;
    uint32_t seed = 1;
    silt_buf_init(&buf, SILT_BUF_MAX_DEFAULT);
    while (buf.len < len) {
        seed = seed * 1664525u + 1013904223u;
        silt_buf_append_char(&buf, seed & 0x10000 ? 'x' : (char)(seed >> 24));
    }
    return buf;
}

static struct silt_rc unpack(struct silt_codec_ctx *ctx, enum silt_codec codec,
                             struct silt_slice packed, size_t raw_max, struct silt_buf *out,
                             struct silt_err *err)
{
    silt_buf_done(out);
    silt_buf_init(out, SILT_BUF_MAX_DEFAULT);
    return silt_codec_decompress(ctx, codec, packed, raw_max, out, err);
}

static void check_round_trip(struct silt_codec_ctx *ctx, enum silt_codec codec, int level,
                             size_t len)
{
    struct silt_buf raw = text_of(len);
    struct silt_buf packed;
    struct silt_buf again;
    struct silt_buf back = {0};
    struct silt_err err;
    silt_buf_init(&packed, SILT_BUF_MAX_DEFAULT);
    silt_buf_init(&again, SILT_BUF_MAX_DEFAULT);
    silt_buf_append_str(&packed, "before");
    CU_ASSERT_OK(silt_codec_compress(ctx, codec, level, silt_buf_slice(&raw), &packed, &err));
    CU_ASSERT_OK(silt_codec_compress(ctx, codec, level, silt_buf_slice(&raw), &again, &err));
    struct silt_slice bytes = silt_slice_of(packed.data + 6, packed.len - 6);
    CU_ASSERT(memcmp(packed.data, "before", 6) == 0);
    CU_ASSERT(silt_slice_eq(bytes, silt_buf_slice(&again)));
    CU_ASSERT_OK(unpack(ctx, codec, bytes, len, &back, &err));
    CU_ASSERT(silt_slice_eq(silt_buf_slice(&raw), silt_buf_slice(&back)));
    if (len > 0) {
        CU_ASSERT_FAILS(unpack(ctx, codec, bytes, len - 1, &back, &err));
        CU_ASSERT_EQUAL(err.code, SILT_E_LIMIT);
        CU_ASSERT_EQUAL(back.len, 0);
    }
    silt_buf_done(&raw);
    silt_buf_done(&packed);
    silt_buf_done(&again);
    silt_buf_done(&back);
}

static void all_codecs_give_back_what_they_got(void)
{
    static const size_t lens[] = {0, 1, 100, 65536, 300000, 1000000};
    struct silt_codec_ctx *ctx = silt_codec_ctx_new();
    for (unsigned i = 0; i < sizeof lens / sizeof lens[0]; i++)
        for (int codec = 0; codec < CODECS_N; codec++)
            check_round_trip(ctx, (enum silt_codec)codec, 0, lens[i]);
    silt_codec_ctx_free(ctx);
}

static void levels_may_change_and_end_at_the_codecs_range(void)
{
    static const int levels[] = {1, 9, 9, 6, 0, -3, 1000};
    struct silt_codec_ctx *ctx = silt_codec_ctx_new();
    for (unsigned i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        check_round_trip(ctx, SILT_CODEC_DEFLATE, levels[i], 5000);
        check_round_trip(ctx, SILT_CODEC_ZSTD, levels[i], 5000);
    }
    silt_codec_ctx_free(ctx);
    silt_codec_ctx_free(NULL);
}

static void a_context_tells_what_it_holds(void)
{
    struct silt_codec_ctx *ctx = silt_codec_ctx_new();
    size_t before = silt_codec_ctx_bytes(ctx);
    CU_ASSERT(before < 1000);
    check_round_trip(ctx, SILT_CODEC_DEFLATE, 0, 100);
    size_t between = silt_codec_ctx_bytes(ctx);
    CU_ASSERT(between >= before + 300000);
    check_round_trip(ctx, SILT_CODEC_ZSTD, 0, 300000);
    CU_ASSERT(silt_codec_ctx_bytes(ctx) > between + 100000);
    silt_codec_ctx_free(ctx);
}

static void names_are_the_avro_ones_or_ours(void)
{
    enum silt_codec codec = SILT_CODEC_NULL;
    CU_ASSERT_STRING_EQUAL(silt_codec_avro_name(SILT_CODEC_ZSTD), "zstandard");
    CU_ASSERT_STRING_EQUAL(silt_codec_name(SILT_CODEC_ZSTD), "zstd");
    CU_ASSERT(silt_codec_parse("zstandard", &codec));
    CU_ASSERT_EQUAL(codec, SILT_CODEC_ZSTD);
    CU_ASSERT(silt_codec_parse("snappy", &codec));
    CU_ASSERT_EQUAL(codec, SILT_CODEC_SNAPPY);
    CU_ASSERT(silt_codec_parse("zstd", &codec));
    CU_ASSERT_FALSE(silt_codec_parse("Zstd", &codec));
    CU_ASSERT_EQUAL(codec, SILT_CODEC_ZSTD);
}

static void expect_failure(enum silt_codec codec, struct silt_slice packed, size_t raw_max,
                           enum silt_code code)
{
    struct silt_codec_ctx *ctx = silt_codec_ctx_new();
    struct silt_buf out = {0};
    struct silt_err err = {0};
    CU_ASSERT_FAILS(unpack(ctx, codec, packed, raw_max, &out, &err));
    CU_ASSERT_EQUAL(err.code, code);
    CU_ASSERT_EQUAL(out.len, 0);
    silt_buf_done(&out);
    silt_codec_ctx_free(ctx);
}

static void what_is_no_such_codec_is_corrupt(void)
{
    for (int codec = SILT_CODEC_DEFLATE; codec < CODECS_N; codec++) {
        expect_failure((enum silt_codec)codec, STR(""), 100, SILT_E_CORRUPT);
        expect_failure((enum silt_codec)codec, STR("\xff\xff\xff\xff\xff\xff\xff"), 100,
                       SILT_E_CORRUPT);
    }
    expect_failure(SILT_CODEC_SNAPPY,
                   STR("\x03\x08"
                       "abc\0\0\0\0"),
                   100, SILT_E_CORRUPT); /* wrong checksum */
    expect_failure(SILT_CODEC_SNAPPY,
                   STR("\x05\x08"
                       "abc\0\0\0\0"),
                   100, SILT_E_CORRUPT); /* wrong length */
    expect_failure(SILT_CODEC_SNAPPY, STR("\xff\xff\xff\xff\x0f\0\0\0\0"), 100, SILT_E_LIMIT);
}

static struct silt_buf pack(enum silt_codec codec, size_t len)
{
    struct silt_codec_ctx *ctx = silt_codec_ctx_new();
    struct silt_buf raw = text_of(len);
    struct silt_buf packed;
    silt_buf_init(&packed, SILT_BUF_MAX_DEFAULT);
    CU_ASSERT_OK(silt_codec_compress(ctx, codec, 0, silt_buf_slice(&raw), &packed, NULL));
    silt_buf_done(&raw);
    silt_codec_ctx_free(ctx);
    return packed;
}

static void cut_off_or_continued_is_corrupt(void)
{
    for (int i = SILT_CODEC_DEFLATE; i < CODECS_N; i++) {
        enum silt_codec codec = (enum silt_codec)i;
        struct silt_buf packed = pack(codec, 1000);
        for (size_t cut = 0; cut < packed.len; cut++) {
            uint8_t *exact = malloc(cut + 1);
            memcpy(exact, packed.data, cut);
            expect_failure(codec, silt_slice_of(exact, cut), 5000, SILT_E_CORRUPT);
            free(exact);
        }
        silt_buf_append_char(&packed, 'x');
        expect_failure(codec, silt_buf_slice(&packed), 5000, SILT_E_CORRUPT);
        silt_buf_done(&packed);
    }
}

/* zstd and snappy carry a checksum of the raw bytes. */
static void a_flipped_bit_is_noticed_where_there_is_a_checksum(void)
{
    struct silt_codec_ctx *ctx = silt_codec_ctx_new();
    struct silt_buf raw = text_of(400);
    for (int i = SILT_CODEC_SNAPPY; i < CODECS_N; i++) {
        enum silt_codec codec = (enum silt_codec)i;
        struct silt_buf packed = pack(codec, 400);
        struct silt_buf out = {0};
        for (size_t bit = 0; bit < packed.len * 8; bit++) {
            packed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            struct silt_rc rc = unpack(ctx, codec, silt_buf_slice(&packed), 5000, &out, NULL);
            /* An unused bit in the frame may flip, the bytes that come out may not. */
            CU_ASSERT(!rc.ok || silt_slice_eq(silt_buf_slice(&out), silt_buf_slice(&raw)));
            packed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        silt_buf_done(&packed);
        silt_buf_done(&out);
    }
    silt_buf_done(&raw);
    silt_codec_ctx_free(ctx);
}

/* As other writers make it: the frame does not tell its content's size. */
static struct silt_buf zstd_stream(size_t len)
{
    struct silt_buf packed;
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    uint8_t *zeros = calloc(1, len + 1);
    silt_buf_init(&packed, SILT_BUF_MAX_DEFAULT);
    ZSTD_outBuffer out = {silt_buf_reserve(&packed, 200000), 200000, 0};
    for (size_t at = 0; at < len; at += 1000) {
        ZSTD_inBuffer in = {zeros, 1000, 0};
        (void)ZSTD_compressStream2(zstd, &out, &in, ZSTD_e_continue);
    }
    ZSTD_inBuffer end = {zeros, 0, 0};
    (void)ZSTD_compressStream2(zstd, &out, &end, ZSTD_e_end);
    packed.len = out.pos;
    ZSTD_freeCCtx(zstd);
    free(zeros);
    return packed;
}

static void a_frame_without_content_size_is_read_within_the_limit(void)
{
    struct silt_codec_ctx *ctx = silt_codec_ctx_new();
    struct silt_buf packed = zstd_stream(3000000);
    struct silt_buf out = {0};
    CU_ASSERT(packed.len < 1000);
    CU_ASSERT_OK(unpack(ctx, SILT_CODEC_ZSTD, silt_buf_slice(&packed), 3000000, &out, NULL));
    CU_ASSERT_EQUAL(out.len, 3000000);
    CU_ASSERT_OK(unpack(ctx, SILT_CODEC_ZSTD, silt_buf_slice(&packed), 100000000, &out, NULL));
    CU_ASSERT_EQUAL(out.len, 3000000);
    expect_failure(SILT_CODEC_ZSTD, silt_buf_slice(&packed), 2999999, SILT_E_LIMIT);
    silt_buf_done(&packed);
    silt_buf_done(&out);
    silt_codec_ctx_free(ctx);
}

static void a_bomb_stops_at_the_limit(void)
{
    struct silt_codec_ctx *ctx = silt_codec_ctx_new();
    uint8_t *zeros = calloc(1, 5000000);
    for (int i = 0; i < CODECS_N; i++) {
        struct silt_buf packed;
        struct silt_buf out = {0};
        silt_buf_init(&packed, SILT_BUF_MAX_DEFAULT);
        CU_ASSERT_OK(silt_codec_compress(ctx, (enum silt_codec)i, 0, silt_slice_of(zeros, 5000000),
                                         &packed, NULL));
        struct silt_err err;
        CU_ASSERT_FAILS(
            unpack(ctx, (enum silt_codec)i, silt_buf_slice(&packed), 100000, &out, &err));
        CU_ASSERT_EQUAL(err.code, SILT_E_LIMIT);
        CU_ASSERT(out.cap <= 100001);
        silt_buf_done(&packed);
        silt_buf_done(&out);
    }
    free(zeros);
    silt_codec_ctx_free(ctx);
}

static void a_buffer_without_room_is_a_limit(void)
{
    struct silt_codec_ctx *ctx = silt_codec_ctx_new();
    for (int i = 0; i < CODECS_N; i++) {
        enum silt_codec codec = (enum silt_codec)i;
        struct silt_buf packed = pack(codec, 1000);
        struct silt_buf out;
        struct silt_err err = {0};
        silt_buf_init(&out, 10);
        CU_ASSERT_FAILS(silt_codec_compress(ctx, codec, 0, silt_buf_slice(&packed), &out, &err));
        CU_ASSERT_EQUAL(err.code, SILT_E_LIMIT);
        err.code = SILT_E_NONE;
        CU_ASSERT_FAILS(
            silt_codec_decompress(ctx, codec, silt_buf_slice(&packed), 5000, &out, &err));
        CU_ASSERT_EQUAL(err.code, SILT_E_LIMIT);
        CU_ASSERT_EQUAL(out.len, 0);
        silt_buf_done(&out);
        silt_buf_done(&packed);
    }
    silt_codec_ctx_free(ctx);
}

/* No memory is touched: the lengths alone are refused. */
static void more_than_zlib_can_count_is_refused(void)
{
    if (sizeof(size_t) < 8) return;
    struct silt_codec_ctx *ctx = silt_codec_ctx_new();
    struct silt_slice huge = silt_slice_of("", (size_t)1 << 33);
    struct silt_buf out;
    struct silt_err err = {0};
    silt_buf_init(&out, 100);
    CU_ASSERT_FAILS(silt_codec_compress(ctx, SILT_CODEC_DEFLATE, 0, huge, &out, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_LIMIT);
    err.code = SILT_E_NONE;
    CU_ASSERT_FAILS(silt_codec_decompress(ctx, SILT_CODEC_DEFLATE, huge, 100, &out, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_LIMIT);
    silt_codec_ctx_free(ctx);
}

SILT_TESTS("codec", {"all codecs give back what they got", all_codecs_give_back_what_they_got},
           {"levels may change and end at the codec's range",
            levels_may_change_and_end_at_the_codecs_range},
           {"a context tells what it holds", a_context_tells_what_it_holds},
           {"names are the Avro ones or ours", names_are_the_avro_ones_or_ours},
           {"what is no such codec is corrupt", what_is_no_such_codec_is_corrupt},
           {"cut off or continued is corrupt", cut_off_or_continued_is_corrupt},
           {"a flipped bit is noticed where there is a checksum",
            a_flipped_bit_is_noticed_where_there_is_a_checksum},
           {"a frame without content size is read within the limit",
            a_frame_without_content_size_is_read_within_the_limit},
           {"a bomb stops at the limit", a_bomb_stops_at_the_limit},
           {"a buffer without room is a limit", a_buffer_without_room_is_a_limit},
           {"more than zlib can count is refused", more_than_zlib_can_count_is_refused})
