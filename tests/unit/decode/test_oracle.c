/* The walker against avro-c: what avro-c writes is valid, what the walker takes avro-c can read,
 * and both see the same sensor and time. avro-c is asked about refused bytes only where it is right
 * and safe: it takes enums out of range, trailing bytes and bad UTF-8, and leaks on lengths that
 * lie. */
#include "decode/walker.h"

#include "decode_tools.h"

#include <avro.h>

#define LIST                                                                                 \
    "{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"}," \
    "{\"name\":\"next\",\"type\":[\"null\",\"L\"]},{\"name\":\"kids\",\"type\":{\"type\":"   \
    "\"array\","                                                                             \
    "\"items\":\"L\"}},{\"name\":\"ok\",\"type\":\"boolean\"}]}"
#define MIXED                                                                                      \
    "{\"type\":\"record\",\"name\":\"M\",\"fields\":[{\"name\":\"u\",\"type\":[\"int\",\"null\","  \
    "\"string\",{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\",\"C\"]},{\"type\":"     \
    "\"fixed\",\"name\":\"F\",\"size\":5},{\"type\":\"map\",\"values\":[\"double\",\"bytes\"]}]}," \
    "{\"name\":\"e\",\"type\":\"E\"},{\"name\":\"f\",\"type\":{\"type\":\"array\",\"items\":"      \
    "\"F\"}},"                                                                                     \
    "{\"name\":\"l\",\"type\":\"long\"},{\"name\":\"n\",\"type\":\"null\"},{\"name\":\"p\","       \
    "\"type\":"                                                                                    \
    "{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"a\",\"type\":\"float\"},{"        \
    "\"name\":"                                                                                    \
    "\"b\",\"type\":\"double\"}]}},{\"name\":\"ps\",\"type\":{\"type\":\"array\",\"items\":\"P\"}" \
    "},"                                                                                           \
    "{\"name\":\"mm\",\"type\":{\"type\":\"map\",\"values\":{\"type\":\"map\",\"values\":{"        \
    "\"type\":"                                                                                    \
    "\"array\",\"items\":\"boolean\"}}}},{\"name\":\"i\",\"type\":\"int\"}]}"

struct oracle {
    struct silt_schema *schema;
    avro_schema_t avro;
    avro_value_iface_t *iface;
    avro_value_t value;
    bool sensor; /* has sensor_id and ts */
};

static void oracle_init(struct oracle *oracle, const char *json)
{
    *oracle = (struct oracle){.schema = tool_schema(json, "sensor_id", "ts")};
    oracle->sensor = strstr(json, "sensor_id") != NULL;
    struct silt_buf canonical; /* avro-c refuses \u0000 in a default */
    silt_buf_init(&canonical, 1 << 20);
    if (!silt_ok(silt_schema_canonical(silt_slice_str(json), &canonical, NULL)) ||
        avro_schema_from_json_length(silt_buf_str(&canonical), canonical.len, &oracle->avro))
        abort();
    silt_buf_done(&canonical);
    oracle->iface = avro_generic_class_from_schema(oracle->avro);
    if (avro_generic_value_new(oracle->iface, &oracle->value)) abort();
}

static void oracle_done(struct oracle *oracle)
{
    avro_value_decref(&oracle->value);
    avro_value_iface_decref(oracle->iface);
    avro_schema_decref(oracle->avro);
    silt_schema_unref(oracle->schema);
}

static int64_t any_long(void)
{
    uint64_t n = (uint64_t)random() << 33 ^ (uint64_t)random() << 11 ^ (uint64_t)random();
    return (int64_t)n >> random() % 64;
}

static char *any_text(void)
{
    static char text[64];
    static const char *const pieces[] = {
        "a", "sensor-", "0123456789", "\xc3\xbc", "\xe5\x8c\x97", "\xf0\x9f\x8c\xa1", ""};
    text[0] = '\0';
    for (long n = random() % 5; n > 0; n--) strcat(text, pieces[random() % 7]);
    return text;
}

static void fill(avro_value_t *value, int depth);

static void fill_many(avro_value_t *value, int depth)
{
    bool map = avro_value_get_type(value) == AVRO_MAP;
    for (long n = depth < 5 ? random() % 4 : 0; n > 0; n--) {
        avro_value_t item;
        if (map)
            avro_value_add(value, any_text(), &item, NULL, NULL);
        else
            avro_value_append(value, &item, NULL);
        fill(&item, depth + 1);
    }
}

static void fill_record(avro_value_t *value, int depth)
{
    size_t fields = 0;
    avro_value_get_size(value, &fields);
    for (size_t i = 0; i < fields; i++) {
        avro_value_t field;
        avro_value_get_by_index(value, i, &field, NULL);
        fill(&field, depth);
    }
}

static void fill_union(avro_value_t *value, int depth)
{
    size_t branches = avro_schema_union_size(avro_value_get_schema(value));
    avro_value_t branch;
    avro_value_set_branch(value, depth < 5 ? (int)(random() % (long)branches) : 0, &branch);
    fill(&branch, depth + 1);
}

static void fill(avro_value_t *value, int depth)
{
    static char noise[64] = "noise\0 and more\xff\x80 of it";
    switch (avro_value_get_type(value)) {
    case AVRO_NULL: avro_value_set_null(value); return;
    case AVRO_BOOLEAN: avro_value_set_boolean(value, random() & 1); return;
    case AVRO_INT32: avro_value_set_int(value, (int32_t)any_long()); return;
    case AVRO_INT64: avro_value_set_long(value, any_long()); return;
    case AVRO_FLOAT: avro_value_set_float(value, (float)random()); return;
    case AVRO_DOUBLE: avro_value_set_double(value, (double)random()); return;
    case AVRO_BYTES: avro_value_set_bytes(value, noise, (size_t)random() % sizeof noise); return;
    case AVRO_STRING: avro_value_set_string(value, any_text()); return;
    case AVRO_FIXED: avro_value_set_fixed(value, noise, 5); return;
    case AVRO_ENUM: avro_value_set_enum(value, (int)(random() % 3)); return;
    case AVRO_RECORD: fill_record(value, depth); return;
    case AVRO_UNION: fill_union(value, depth); return;
    default: fill_many(value, depth);
    }
}

static size_t encode(struct oracle *oracle, uint8_t *room, size_t size)
{
    avro_value_reset(&oracle->value);
    fill(&oracle->value, 0);
    avro_writer_t writer = avro_writer_memory((const char *)room, (int64_t)size);
    if (avro_value_write(writer, &oracle->value)) abort();
    size_t len = (size_t)avro_writer_tell(writer);
    avro_writer_free(writer);
    return len;
}

static bool avro_reads(struct oracle *oracle, const uint8_t *bytes, size_t len)
{
    avro_reader_t reader = avro_reader_memory((const char *)bytes, (int64_t)len);
    avro_value_reset(&oracle->value);
    bool ok = avro_value_read(reader, &oracle->value) == 0;
    avro_reader_free(reader);
    return ok;
}

static void same_sensor_and_time(struct oracle *oracle, const struct silt_verdict *verdict)
{
    avro_value_t field;
    const char *id = "";
    size_t id_size = 1;
    int64_t time = 0;
    avro_value_get_by_name(&oracle->value, "sensor_id", &field, NULL);
    avro_value_get_string(&field, &id, &id_size);
    CU_ASSERT(silt_slice_eq(verdict->sensor_id, silt_slice_of(id, id_size - 1)));
    avro_value_get_by_name(&oracle->value, "ts", &field, NULL);
    avro_value_get_long(&field, &time);
    CU_ASSERT_EQUAL(verdict->time_ms, time);
}

static bool takes(struct oracle *oracle, const uint8_t *bytes, size_t len)
{
    struct silt_verdict verdict;
    if (!silt_walk(oracle->schema->program, silt_slice_of(bytes, len), NULL, &verdict)) {
        CU_ASSERT(verdict.at <= len && verdict.reason != SILT_REASON_NONE);
        bool sure = verdict.reason == SILT_REASON_TRUNCATED || verdict.reason == SILT_REASON_UNION;
        if (sure && avro_reads(oracle, bytes, len)) CU_FAIL("avro-c reads what the walker refuses");
        return false;
    }
    if (!avro_reads(oracle, bytes, len)) {
        CU_FAIL("avro-c cannot read what the walker takes");
        return true;
    }
    if (oracle->sensor) same_sensor_and_time(oracle, &verdict);
    return true;
}

/* Every beginning of a good record is refused, from memory that ends where it ends. */
static void refuses_beginnings(struct oracle *oracle, const uint8_t *bytes, size_t len)
{
    struct silt_verdict verdict;
    for (size_t cut = 0; cut < len; cut++)
        if (tool_walk(oracle->schema, bytes, cut, &verdict)) CU_FAIL("a cut record was taken");
    CU_ASSERT(tool_walk(oracle->schema, bytes, len, &verdict));
}

static void mutate(struct oracle *oracle, const uint8_t *bytes, size_t len, int rounds, int *taken)
{
    uint8_t *copy = malloc(len + 8);
    if (!copy) abort();
    for (int round = 0; round < rounds; round++) {
        memcpy(copy, bytes, len);
        size_t used = len + (round % 16 == 0 ? (size_t)random() % 8 : 0);
        memset(copy + len, 0, 8);
        for (long n = 1 + random() % 3; n > 0; n--) {
            uint8_t *at = &copy[(size_t)random() % used];
            *at = (uint8_t)(random() % 2 ? random() : *at ^ 1 << random() % 8);
        }
        uint8_t *exact = malloc(used);
        if (!exact) abort();
        memcpy(exact, copy, used);
        *taken += takes(oracle, exact, used);
        free(exact);
    }
    free(copy);
}

static void compare(const char *json, int records, int rounds)
{
    struct oracle oracle;
    oracle_init(&oracle, json);
    static uint8_t room[1 << 20];
    int taken = 0;
    for (int i = 0; i < records; i++) {
        size_t len = encode(&oracle, room, sizeof room);
        CU_ASSERT(takes(&oracle, room, len));
        if (len < 2000) refuses_beginnings(&oracle, room, len);
        if (len) mutate(&oracle, room, len, rounds, &taken);
    }
    CU_ASSERT(taken > 0 && taken < records * rounds);
    oracle_done(&oracle);
}

static void compare_sensor(int version)
{
    struct silt_schema *schema = tool_sensor_schema(version);
    compare(schema->json, 300, 400);
    silt_schema_unref(schema);
}

static void readings_of_version_1(void)
{
    compare_sensor(1);
}

static void readings_of_version_2(void)
{
    compare_sensor(2);
}

static void recursive_records(void)
{
    compare(LIST, 300, 200);
}

static void every_type_in_every_other(void)
{
    compare(MIXED, 300, 300);
}

SILT_TESTS("walker and avro-c agree on", {"readings of version 1", readings_of_version_1},
           {"readings of version 2", readings_of_version_2},
           {"recursive records", recursive_records},
           {"every type in every other", every_type_in_every_other})
