#include "consume/gen.h"

#include "base/err.h"

#include <endian.h>
#include <stdio.h>

/* The fields in the order of the schema; F_END is where a body ends. */
enum field {
    F_SENSOR_ID,
    F_TS,
    F_KIND,
    F_VALUE,
    F_UNIT,
    F_LOCATION,
    F_TAGS,
    F_SAMPLES,
    F_BATTERY,
    F_RAW,
    F_V2,
    F_END,
};

#define BAD_SCHEMA_ID 999999999
#define BAD_FINGERPRINT UINT64_C(0x0badc0de0badc0de)
#define BODY_MAX ((size_t)64 << 20)

/* The ways to break a body: the bytes of one field are replaced, and everything after them is left
 * out when `cut`. All but the last two kinds work without framing. */
struct breakage {
    enum silt_reason reason;
    enum field field;
    const char *bytes;
    size_t len;
    bool cut;
};
#define BREAK(why, field, bytes)                                 \
    {                                                            \
        SILT_REASON_##why, field, bytes, sizeof bytes - 1, false \
    }

static const struct breakage breakages[] = {
    {SILT_REASON_TRUNCATED, F_VALUE, "\1\2\3", 3, true}, /* inside a double */
    BREAK(TRAILING, F_END, "\0\1\2"),
    BREAK(UTF8, F_SENSOR_ID, "\x08s\xc3\x28\xff"),
    BREAK(ENUM, F_KIND, "\xc6\x01"),                        /* 99 */
    BREAK(UNION, F_BATTERY, "\x0e"),                        /* 7 */
    BREAK(LENGTH, F_SENSOR_ID, "\x09hello"),                /* -5 */
    BREAK(LENGTH, F_UNIT, "\x80\x80\x80\x80\x80\x40hello"), /* 2^40 */
    BREAK(VARINT, F_TS, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
    BREAK(BLOCK, F_SAMPLES, "\x80\x80\x80\x80\x80\x40"), /* 2^40 items */
    {SILT_REASON_EMPTY, F_END, "", 0, false},
    {SILT_REASON_FRAMING, F_END, "", 0, false},
    {SILT_REASON_UNKNOWN_SCHEMA, F_END, "", 0, false},
};
#define BREAKAGES_N (sizeof breakages / sizeof breakages[0])
#define NEEDS_FRAMING 2

static const struct {
    const char *unit;
    double mean;
    double spread;
} kinds[] = {
    {"Cel", 21, 8}, {"%", 55, 20}, {"hPa", 1013, 12}, {"m/s2", 0.2, 0.1}, {"V", 230, 3},
};
#define KINDS_N (sizeof kinds / sizeof kinds[0])
static const char *const sites[] = {"north", "south", "Z\xc3\xbcrich", "\xe5\x8c\x97\xe4\xba\xac",
                                    "quai-4"};
#define SITES_N (sizeof sites / sizeof sites[0])

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t draw(struct silt_gen *gen)
{
    gen->random += UINT64_C(0x9e3779b97f4a7c15);
    return mix(gen->random);
}

static double as_unit(uint64_t x) /* 0 … 1 */
{
    return (double)(x >> 11) * 0x1p-53;
}

/* --- Avro's encodings --- */

static void put(struct silt_buf *buf, const void *bytes, size_t len)
{
    bool room = silt_buf_append(buf, bytes, len);
    SILT_ASSERT(room);
}

static void put_long(struct silt_buf *buf, int64_t number)
{
    uint64_t left = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);
    uint8_t bytes[10];
    size_t n = 0;
    for (; left > 0x7f; left >>= 7) bytes[n++] = (uint8_t)(left | 0x80);
    bytes[n++] = (uint8_t)left;
    put(buf, bytes, n);
}

static void put_bytes(struct silt_buf *buf, const void *bytes, size_t len)
{
    put_long(buf, (int64_t)len);
    put(buf, bytes, len);
}

static void put_str(struct silt_buf *buf, const char *text)
{
    put_bytes(buf, text, strlen(text));
}

static void put_double(struct silt_buf *buf, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    bits = htole64(bits);
    put(buf, &bits, sizeof bits);
}

static void put_float(struct silt_buf *buf, double number)
{
    float single = (float)number;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    bits = htole32(bits);
    put(buf, &bits, sizeof bits);
}

/* --- one reading --- */

struct reading {
    unsigned sensor;
    unsigned version;
    int64_t ts;
    uint64_t trait; /* the same for all readings of a sensor */
    double value;
};

static void put_location(struct silt_buf *buf, const struct reading *reading)
{
    put_double(buf, 45 + 10 * as_unit(mix(reading->trait + 1)));
    put_double(buf, 5 + 15 * as_unit(mix(reading->trait + 2)));
    put_str(buf, sites[reading->trait % SITES_N]);
}

static void put_tags(struct silt_buf *buf, const struct reading *reading)
{
    static const char *const names[] = {"line", "floor", "owner"};
    unsigned n = (unsigned)(reading->trait >> 8) % 4;
    if (n) put_long(buf, n);
    for (unsigned i = 0; i < n; i++) {
        char text[16];
        snprintf(text, sizeof text, "%c%u", 'a' + (char)i, reading->sensor % 10);
        put_str(buf, names[i]);
        put_str(buf, text);
    }
    put_long(buf, 0);
}

static void put_samples(struct silt_gen *gen, const struct reading *reading)
{
    unsigned n = (unsigned)(draw(gen) % 9);
    if (n) put_long(&gen->body, n);
    for (unsigned i = 0; i < n; i++)
        put_float(&gen->body, reading->value + as_unit(draw(gen)) - 0.5);
    put_long(&gen->body, 0);
}

static void put_battery(struct silt_buf *buf, const struct reading *reading)
{
    bool mains = reading->trait % 3 == 0;
    put_long(buf, !mains);
    if (!mains) put_float(buf, as_unit(mix(reading->trait ^ (uint64_t)reading->ts >> 20)));
}

static void put_raw(struct silt_gen *gen)
{
    size_t len = (size_t)(draw(gen) % 17) + gen->opts.pad_bytes;
    put_long(&gen->body, (int64_t)len);
    for (; len >= sizeof(uint64_t); len -= sizeof(uint64_t)) {
        uint64_t noise = htole64(draw(gen));
        put(&gen->body, &noise, sizeof noise);
    }
    uint64_t noise = htole64(draw(gen));
    put(&gen->body, &noise, len);
}

static void put_v2(struct silt_gen *gen, const struct reading *reading)
{
    bool tells = reading->trait % 4 != 0;
    put_long(&gen->body, tells);
    if (tells) put_str(&gen->body, reading->trait % 2 ? "2.1.0" : "2.0.7-rc1");
    put_long(&gen->body, (int64_t)(draw(gen) % 101));
    uint8_t hundredths[2] = {(uint8_t)(reading->trait >> 16 & 1), (uint8_t)(reading->trait >> 24)};
    put_bytes(&gen->body, hundredths, sizeof hundredths);
}

static void put_field(struct silt_gen *gen, const struct reading *reading, enum field field)
{
    struct silt_buf *buf = &gen->body;
    size_t kind = reading->trait % KINDS_N;
    switch (field) {
    case F_SENSOR_ID: put_str(buf, gen->sensor_id); break;
    case F_TS: put_long(buf, reading->ts); break;
    case F_KIND: put_long(buf, (int64_t)kind); break;
    case F_VALUE: put_double(buf, reading->value); break;
    case F_UNIT: put_str(buf, kinds[kind].unit); break;
    case F_LOCATION: put_location(buf, reading); break;
    case F_TAGS: put_tags(buf, reading); break;
    case F_SAMPLES: put_samples(gen, reading); break;
    case F_BATTERY: put_battery(buf, reading); break;
    case F_RAW: put_raw(gen); break;
    case F_V2:
        if (reading->version > 1) put_v2(gen, reading);
        break;
    case F_END: break;
    }
}

/* All fields, or one of them broken. */
static void put_body(struct silt_gen *gen, const struct reading *reading,
                     const struct breakage *breakage)
{
    silt_buf_clear(&gen->body);
    for (enum field field = F_SENSOR_ID; field <= F_END; field++) {
        if (!breakage || breakage->field != field) {
            put_field(gen, reading, field);
            continue;
        }
        put(&gen->body, breakage->bytes, breakage->len);
        if (breakage->cut) return;
    }
}

static void put_framing(struct silt_gen *gen, unsigned version, bool unknown)
{
    const struct silt_gen_opts *opts = &gen->opts;
    if (opts->framing == SILT_GEN_CONFLUENT) {
        int32_t known = opts->schema_ids[version - 1];
        uint32_t id = htobe32(unknown ? BAD_SCHEMA_ID : (uint32_t)known);
        put(&gen->value, "\0", 1);
        put(&gen->value, &id, sizeof id);
    }
    if (opts->framing == SILT_GEN_SINGLE_OBJECT) {
        uint64_t known = opts->fingerprints[version - 1];
        uint64_t fingerprint = htole64(unknown ? BAD_FINGERPRINT : known);
        put(&gen->value, "\xc3\x01", 2);
        put(&gen->value, &fingerprint, sizeof fingerprint);
    }
}

static void put_value(struct silt_gen *gen, const struct reading *reading,
                      const struct breakage *breakage)
{
    enum silt_reason reason = breakage ? breakage->reason : SILT_REASON_NONE;
    silt_buf_clear(&gen->value);
    if (reason == SILT_REASON_EMPTY) return;
    put_body(gen, reading, breakage);
    put_framing(gen, reading->version, reason == SILT_REASON_UNKNOWN_SCHEMA);
    put(&gen->value, gen->body.data, gen->body.len);
    if (reason == SILT_REASON_FRAMING) gen->value.data[0] = 7;
}

static struct reading next_reading(struct silt_gen *gen)
{
    struct reading reading = {.sensor = (unsigned)(draw(gen) % gen->opts.sensors)};
    reading.trait = mix(gen->opts.seed ^ mix(reading.sensor));
    reading.version = gen->opts.schema_versions > 1 ? 1 + (unsigned)(gen->made % 2) : 1;
    reading.ts = gen->opts.start_ms + (int64_t)gen->made * gen->opts.step_ms;
    size_t kind = reading.trait % KINDS_N;
    reading.value = kinds[kind].mean + kinds[kind].spread * (2 * as_unit(draw(gen)) - 1);
    snprintf(gen->sensor_id, sizeof gen->sensor_id, "sensor-%05u", reading.sensor);
    return reading;
}

void silt_gen_init(struct silt_gen *gen, const struct silt_gen_opts *opts)
{
    *gen = (struct silt_gen){.opts = *opts, .random = mix(opts->seed)};
    if (!gen->opts.sensors) gen->opts.sensors = 1;
    silt_buf_init(&gen->body, BODY_MAX);
    silt_buf_init(&gen->value, BODY_MAX + 16);
}

void silt_gen_done(struct silt_gen *gen)
{
    if (!gen) return;
    silt_buf_done(&gen->body);
    silt_buf_done(&gen->value);
}

static const struct breakage *next_breakage(struct silt_gen *gen)
{
    size_t usable = BREAKAGES_N;
    if (gen->opts.framing == SILT_GEN_NO_FRAMING) usable -= NEEDS_FRAMING;
    return &breakages[gen->bad++ % usable];
}

static void fill(struct silt_gen *gen, const struct reading *reading, bool tombstone,
                 struct silt_generated *ret)
{
    bool keyed = gen->opts.key == SILT_GEN_KEY_SENSOR_ID;
    ret->version = reading->version;
    ret->sensor_id = gen->sensor_id;
    ret->rec = (struct silt_record){
        .partition = -1,
        .leader_epoch = -1,
        .offset = (int64_t)gen->made,
        .timestamp_ms = reading->ts,
        .key = keyed ? silt_slice_str(gen->sensor_id) : (struct silt_slice){0},
        .key_null = !keyed,
        .value = tombstone ? (struct silt_slice){0} : silt_buf_slice(&gen->value),
        .value_null = tombstone,
    };
}

bool silt_gen_next(struct silt_gen *gen, struct silt_generated *ret)
{
    if (gen->opts.records && gen->made == gen->opts.records) return false;
    struct reading reading = next_reading(gen);
    double lot = as_unit(draw(gen));
    bool bad = lot < gen->opts.bad_ratio;
    bool tombstone = !bad && lot < gen->opts.bad_ratio + gen->opts.tombstone_ratio;
    const struct breakage *breakage = bad ? next_breakage(gen) : NULL;
    put_value(gen, &reading, breakage);
    ret->reason = breakage ? breakage->reason : SILT_REASON_NONE;
    fill(gen, &reading, tombstone, ret);
    gen->made++;
    return true;
}
