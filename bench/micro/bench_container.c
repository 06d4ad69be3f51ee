/* What a record costs from validated bytes to a finished block: row and digest (ns a record), then
 * a block of 256 KiB of such rows through each codec (MB/s of raw bytes, one thread). The figures
 * are those of the best round, so that other work on the machine hardly shows.
 *
 *   bench_container [seconds per line, default 0.5]
 */
#include "base/clock.h"
#include "encode/container.h"
#include "encode/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_LEN ((size_t)256 << 10)
#define BODIES_N 4096 /* more than a block holds */
#define BODY_MAX 256

static uint8_t bodies[BODIES_N][BODY_MAX];
static size_t body_lens[BODIES_N];

static uint32_t draw(void)
{
    static uint32_t seed = 1;
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

static size_t put_text(uint8_t *at, const char *text)
{
    size_t len = strlen(text);
    size_t head = silt_varint_write(at, (int64_t)len);
    memcpy(at + head, text, len);
    return head + len;
}

/* Like a sensor reading: id, time, kind, value, unit, place, some samples. */
static size_t make_body(uint8_t *out)
{
    char id[32];
    uint8_t *at = out;
    snprintf(id, sizeof id, "sensor-%06u", draw() % 10000);
    at += put_text(at, id);
    at += silt_varint_write(at, 1700000000000 + draw() % 100000);
    *at++ = (uint8_t)(2 * (draw() % 5));
    double value = (double)draw() / 1000;
    memcpy(at, &value, sizeof value);
    at += sizeof value;
    at += put_text(at, "celsius");
    at += put_text(at, "hall-3/line-7");
    for (int i = 0; i < 8; i++) {
        float sample = (float)(draw() % 1000) / 10;
        memcpy(at, &sample, sizeof sample);
        at += sizeof sample;
    }
    return (size_t)(at - out);
}

static struct silt_record record_of(int64_t offset)
{
    const uint8_t *body = bodies[offset % BODIES_N];
    return (struct silt_record){
        .partition = 3,
        .offset = 1000000 + offset,
        .timestamp_ms = 1700000000000 + offset,
        .key = {body + 1, 13},
        .value = {body, body_lens[offset % BODIES_N]},
    };
}

struct bench {
    struct silt_digest *digest; /* rows; NULL: without */
    struct silt_codec_ctx *ctx; /* blocks */
    enum silt_codec codec;
    int level;
    struct silt_slice raw;
    int64_t records; /* of one round */
    struct silt_buf out;
};

static void make_rows(struct bench *bench)
{
    struct silt_slice framing = silt_slice_of("\0\0\0\0\7", 5);
    uint8_t *at = silt_buf_reserve(&bench->out, BLOCK_LEN);
    size_t len = 0;
    for (bench->records = 0; len + 1024 < BLOCK_LEN; bench->records++) {
        struct silt_record rec = record_of(bench->records);
        len += silt_row_data(at + len, &rec, framing, rec.value, bench->digest);
    }
    bench->out.len = len;
}

static void make_block(struct bench *bench)
{
    static const uint8_t sync[SILT_SYNC_LEN];
    if (!silt_ok(silt_container_block(bench->ctx, bench->codec, bench->level, bench->records,
                                      bench->raw, sync, &bench->out, NULL)))
        abort();
}

/* ns of the best round */
static double best_round(struct bench *bench, void (*round)(struct bench *), int64_t budget_ns)
{
    int64_t best_ns = INT64_MAX;
    for (int64_t end_ns = silt_mono_ns() + budget_ns; silt_mono_ns() < end_ns;) {
        silt_buf_clear(&bench->out);
        int64_t started_ns = silt_mono_ns();
        round(bench);
        int64_t elapsed_ns = silt_mono_ns() - started_ns;
        if (elapsed_ns < best_ns) best_ns = elapsed_ns;
    }
    return (double)best_ns;
}

static void print_line(const char *name, double ns, double bytes, const struct bench *bench)
{
    printf("%-16s %8.1f ns/record %8.0f MB/s", name, ns / (double)bench->records, bytes * 1e3 / ns);
}

static void bench_rows(const char *name, struct silt_digest *digest, int64_t budget_ns)
{
    struct bench bench = {.digest = digest};
    silt_buf_init(&bench.out, BLOCK_LEN);
    double ns = best_round(&bench, make_rows, budget_ns);
    print_line(name, ns, (double)bench.out.len, &bench);
    printf(" %8.1f bytes/row\n", (double)bench.out.len / (double)bench.records);
    silt_buf_done(&bench.out);
}

static void bench_codec(enum silt_codec codec, int level, int64_t budget_ns)
{
    struct bench rows = {0};
    silt_buf_init(&rows.out, BLOCK_LEN);
    make_rows(&rows);
    struct bench bench = {
        .ctx = silt_codec_ctx_new(),
        .codec = codec,
        .level = level,
        .raw = silt_buf_slice(&rows.out),
        .records = rows.records,
    };
    char name[32];
    snprintf(name, sizeof name, "%s level %d", silt_codec_name(codec), level);
    silt_buf_init(&bench.out, 4 * BLOCK_LEN);
    double ns = best_round(&bench, make_block, budget_ns);
    print_line(name, ns, (double)bench.raw.len, &bench);
    printf(" %8.2f : 1\n", (double)bench.raw.len / (double)bench.out.len);
    silt_buf_done(&rows.out);
    silt_buf_done(&bench.out);
    silt_codec_ctx_free(bench.ctx);
}

int main(int argc, char **argv)
{
    int64_t budget_ns = (int64_t)((argc > 1 ? strtod(argv[1], NULL) : 0.5) * 1e9);
    for (int i = 0; i < BODIES_N; i++) body_lens[i] = make_body(bodies[i]);
    struct silt_digest *digest = silt_digest_new();
    bench_rows("row", NULL, budget_ns);
    bench_rows("row and digest", digest, budget_ns);
    silt_digest_free(digest);
    bench_codec(SILT_CODEC_NULL, 0, budget_ns);
    bench_codec(SILT_CODEC_SNAPPY, 0, budget_ns);
    bench_codec(SILT_CODEC_DEFLATE, 1, budget_ns);
    bench_codec(SILT_CODEC_DEFLATE, 6, budget_ns);
    bench_codec(SILT_CODEC_ZSTD, 1, budget_ns);
    bench_codec(SILT_CODEC_ZSTD, 3, budget_ns);
    return 0;
}
