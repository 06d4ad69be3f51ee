#include "consume/gen.h"

#include "base/hash.h"
#include "harness.h"

static const struct silt_gen_opts usual = {
    .seed = 42,
    .records = 2000,
    .sensors = 50,
    .bad_ratio = 0.1,
    .tombstone_ratio = 0.05,
    .schema_versions = 2,
    .key = SILT_GEN_KEY_SENSOR_ID,
    .framing = SILT_GEN_CONFLUENT,
    .schema_ids = {7, 8},
    .fingerprints = {UINT64_C(0x0102030405060708), 9},
    .start_ms = 1700000000000,
    .step_ms = 10,
};

/* CRC over everything that comes out. */
static uint32_t run(const struct silt_gen_opts *opts, unsigned counts[SILT_REASONS_N],
                    unsigned *ret_tombstones)
{
    struct silt_gen gen;
    struct silt_generated made;
    uint32_t crc = 0;
    silt_gen_init(&gen, opts);
    while (silt_gen_next(&gen, &made)) {
        counts[made.reason]++;
        *ret_tombstones += made.rec.value_null;
        crc = silt_crc32c(crc, made.rec.key.ptr, made.rec.key.len);
        crc = silt_crc32c(crc, made.rec.value.ptr, made.rec.value.len);
    }
    silt_gen_done(&gen);
    return crc;
}

static void the_same_seed_gives_the_same_bytes(void)
{
    unsigned counts[SILT_REASONS_N] = {0};
    unsigned tombstones = 0;
    uint32_t first = run(&usual, counts, &tombstones);
    CU_ASSERT_EQUAL(run(&usual, counts, &tombstones), first);
    struct silt_gen_opts other = usual;
    other.seed++;
    CU_ASSERT_NOT_EQUAL(run(&other, counts, &tombstones), first);
}

static void breaks_the_asked_share_in_every_way(void)
{
    unsigned counts[SILT_REASONS_N] = {0};
    unsigned tombstones = 0;
    run(&usual, counts, &tombstones);
    unsigned bad = 0;
    unsigned kinds = 0;
    for (int reason = 1; reason < SILT_REASONS_N; reason++) {
        bad += counts[reason];
        kinds += counts[reason] > 0;
    }
    CU_ASSERT_EQUAL(counts[SILT_REASON_NONE] + bad, 2000);
    CU_ASSERT(bad > 150 && bad < 250);
    CU_ASSERT(tombstones > 60 && tombstones < 140);
    CU_ASSERT_EQUAL(kinds, 11);
}

static void without_framing_none_is_broken(void)
{
    struct silt_gen_opts opts = usual;
    opts.framing = SILT_GEN_NO_FRAMING;
    unsigned counts[SILT_REASONS_N] = {0};
    unsigned tombstones = 0;
    run(&opts, counts, &tombstones);
    CU_ASSERT_EQUAL(counts[SILT_REASON_FRAMING], 0);
    CU_ASSERT_EQUAL(counts[SILT_REASON_UNKNOWN_SCHEMA], 0);
    CU_ASSERT(counts[SILT_REASON_TRUNCATED] > 10);
}

/* --- a reader that shares nothing with the writer --- */

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool ok;
};

static int64_t read_long(struct cursor *c)
{
    uint64_t n = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (c->at >= c->end) break;
        uint8_t byte = *c->at++;
        n |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
    }
    c->ok = false;
    return 0;
}

static void skip(struct cursor *c, int64_t n)
{
    c->ok = c->ok && n >= 0 && n <= c->end - c->at;
    if (c->ok) c->at += n;
}

static void skip_bytes(struct cursor *c)
{
    skip(c, read_long(c));
}

static void read_body(struct cursor *c, const struct silt_generated *made)
{
    int64_t len = read_long(c);
    CU_ASSERT_EQUAL(len, (int64_t)strlen(made->sensor_id));
    CU_ASSERT_EQUAL(memcmp(c->at, made->sensor_id, (size_t)len), 0);
    skip(c, len);
    CU_ASSERT_EQUAL(read_long(c), made->rec.timestamp_ms);
    CU_ASSERT(read_long(c) < 5);
    skip(c, 8);
    skip_bytes(c);
    skip(c, 16);
    skip_bytes(c);
    for (int64_t n; c->ok && (n = read_long(c));)
        for (; n > 0; n--) skip_bytes(c), skip_bytes(c);
    for (int64_t n; c->ok && (n = read_long(c));) skip(c, 4 * n);
    if (read_long(c)) skip(c, 4);
    skip_bytes(c);
    if (made->version == 1) return;
    if (read_long(c)) skip_bytes(c);
    int64_t quality = read_long(c);
    CU_ASSERT(quality >= 0 && quality <= 100);
    skip_bytes(c);
}

static void good_records_follow_the_schema_to_the_last_byte(void)
{
    struct silt_gen_opts opts = usual;
    opts.bad_ratio = opts.tombstone_ratio = 0;
    opts.framing = SILT_GEN_NO_FRAMING;
    struct silt_gen gen;
    struct silt_generated made;
    silt_gen_init(&gen, &opts);
    for (int64_t i = 0; silt_gen_next(&gen, &made); i++) {
        struct cursor c = {made.rec.value.ptr, made.rec.value.ptr + made.rec.value.len, true};
        read_body(&c, &made);
        CU_ASSERT(c.ok && c.at == c.end);
        CU_ASSERT_EQUAL(made.version, 1 + i % 2);
        CU_ASSERT_EQUAL(made.rec.offset, i);
        CU_ASSERT_EQUAL(made.rec.timestamp_ms, opts.start_ms + 10 * i);
    }
    silt_gen_done(&gen);
    silt_gen_done(NULL);
}

static void framings_carry_the_schema_of_the_version(void)
{
    struct silt_gen_opts opts = usual;
    opts.bad_ratio = opts.tombstone_ratio = 0;
    struct silt_gen gen;
    struct silt_generated made;
    silt_gen_init(&gen, &opts);
    CU_ASSERT(silt_gen_next(&gen, &made));
    CU_ASSERT_EQUAL(memcmp(made.rec.value.ptr, "\0\0\0\0\7", 5), 0);
    CU_ASSERT(silt_gen_next(&gen, &made));
    CU_ASSERT_EQUAL(memcmp(made.rec.value.ptr, "\0\0\0\0\10", 5), 0);
    silt_gen_done(&gen);
    opts.framing = SILT_GEN_SINGLE_OBJECT;
    silt_gen_init(&gen, &opts);
    CU_ASSERT(silt_gen_next(&gen, &made));
    CU_ASSERT_EQUAL(memcmp(made.rec.value.ptr, "\xc3\x01\x08\x07\x06\x05\x04\x03\x02\x01", 10), 0);
    silt_gen_done(&gen);
}

static void unknown_schemas_are_unknown_in_both_framings(void)
{
    for (int framing = SILT_GEN_CONFLUENT; framing <= SILT_GEN_SINGLE_OBJECT; framing++) {
        struct silt_gen_opts opts = usual;
        opts.framing = (enum silt_gen_framing)framing;
        opts.bad_ratio = 1;
        struct silt_gen gen;
        struct silt_generated made = {0};
        silt_gen_init(&gen, &opts);
        while (made.reason != SILT_REASON_UNKNOWN_SCHEMA) CU_ASSERT(silt_gen_next(&gen, &made));
        const char *wanted =
            framing == SILT_GEN_CONFLUENT ? "\0\x3b\x9a\xc9\xff" : "\xc3\x01\xde\xc0\xad";
        CU_ASSERT_EQUAL(memcmp(made.rec.value.ptr, wanted, 5), 0);
        silt_gen_done(&gen);
    }
}

static void keys_padding_and_defaults_are_as_asked(void)
{
    struct silt_gen_opts opts = {.pad_bytes = 1000};
    struct silt_gen gen;
    struct silt_generated made;
    silt_gen_init(&gen, &opts);
    for (int i = 0; i < 100; i++) {
        CU_ASSERT(silt_gen_next(&gen, &made)); /* without end */
        CU_ASSERT(made.rec.key_null);
        CU_ASSERT(made.rec.value.len > 1000);
        CU_ASSERT_STRING_EQUAL(made.sensor_id, "sensor-00000");
        CU_ASSERT_EQUAL(made.version, 1);
    }
    silt_gen_done(&gen);
}

SILT_TESTS("gen", {"the same seed gives the same bytes", the_same_seed_gives_the_same_bytes},
           {"breaks the asked share in every way", breaks_the_asked_share_in_every_way},
           {"without framing none is broken", without_framing_none_is_broken},
           {"good records follow the schema to the last byte",
            good_records_follow_the_schema_to_the_last_byte},
           {"framings carry the schema of the version", framings_carry_the_schema_of_the_version},
           {"unknown schemas are unknown in both framings",
            unknown_schemas_are_unknown_in_both_framings},
           {"keys, padding and defaults are as asked", keys_padding_and_defaults_are_as_asked})
