#include "record/key.h"

#include "harness.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

static struct silt_tp tp_of(const char *topic)
{
    struct silt_tp tp = {.cluster = "c1", .topic_id = "0123abcd00000000000000000000ffff"};
    snprintf(tp.topic, sizeof tp.topic, "%s", topic);
    tp.partition = 7;
    return tp;
}

static struct silt_data_key data_of(enum silt_bucket_unit unit, int64_t bucket)
{
    return (struct silt_data_key){
        .unit = unit,
        .bucket = bucket,
        .seq = 42,
        .start = 1000,
        .nonce = "00112233aabbccdd",
    };
}

static void log_keys_are_as_the_protocol_says(void)
{
    struct silt_tp tp = tp_of("sensors");
    char key[SILT_KEY_MAX];
    silt_key_log_prefix(&tp, key);
    CU_ASSERT_STRING_EQUAL(key, "_log/c1/sensors~0123abcd/00007/");
    silt_key_manifest(&tp, 42, key);
    CU_ASSERT_STRING_EQUAL(key, "_log/c1/sensors~0123abcd/00007/0000000000000042.json");
    silt_key_repair(&tp, 42, 3, 1, key);
    CU_ASSERT_STRING_EQUAL(key, "_log/c1/sensors~0123abcd/00007/0000000000000042.f3.r1.json");
}

#define NAME "0123abcd-p00007-s0000000000000042-o00000000000000001000-00112233aabbccdd"

static void data_keys_are_as_the_protocol_says(void)
{
    struct silt_tp tp = tp_of("sensors");
    char key[SILT_KEY_MAX];
    struct silt_data_key data = data_of(SILT_BUCKET_HOUR, 489096);
    silt_key_data(&tp, &data, key);
    CU_ASSERT_STRING_EQUAL(key, "data/topic=sensors/dt=2025-10-18/hh=00/" NAME ".avro");
    data.role = SILT_ROLE_REJECTED;
    silt_key_data(&tp, &data, key);
    CU_ASSERT_STRING_EQUAL(key, "data/topic=sensors/dt=2025-10-18/hh=00/" NAME "-rejected.avro");
    data = data_of(SILT_BUCKET_DAY, 0);
    data.role = SILT_ROLE_TOMBSTONE;
    silt_key_data(&tp, &data, key);
    CU_ASSERT_STRING_EQUAL(key, "data/topic=sensors/dt=1970-01-01/" NAME "-tombstone.avro");
}

static void the_mixed_bucket_and_no_bucket_have_their_folders(void)
{
    struct silt_tp tp = tp_of("sensors");
    char key[SILT_KEY_MAX];
    struct silt_data_key data = data_of(SILT_BUCKET_HOUR, SILT_BUCKET_MIXED);
    silt_key_data(&tp, &data, key);
    CU_ASSERT_STRING_EQUAL(key, "data/topic=sensors/dt=__mixed__/hh=00/" NAME ".avro");
    data.unit = SILT_BUCKET_DAY;
    silt_key_data(&tp, &data, key);
    CU_ASSERT_STRING_EQUAL(key, "data/topic=sensors/dt=__mixed__/" NAME ".avro");
    data.unit = SILT_BUCKET_NONE;
    silt_key_data(&tp, &data, key);
    CU_ASSERT_STRING_EQUAL(key, "data/topic=sensors/" NAME ".avro");
}

static void a_repair_key_names_file_and_attempt(void)
{
    struct silt_tp tp = tp_of("sensors");
    char key[SILT_KEY_MAX];
    struct silt_parsed_key parsed;
    struct silt_data_key data = data_of(SILT_BUCKET_NONE, 0);
    data.is_repair = true;
    data.repair_file = 2;
    data.repair_k = 10;
    silt_key_data(&tp, &data, key);
    CU_ASSERT_STRING_EQUAL(key, "data/topic=sensors/0123abcd-p00007-s0000000000000042f2r10-"
                                "o00000000000000001000-00112233aabbccdd.avro");
    CU_ASSERT(silt_key_parse_data(key, &parsed));
    CU_ASSERT(parsed.is_repair);
    CU_ASSERT_EQUAL(parsed.repair_file, 2);
    CU_ASSERT_EQUAL(parsed.repair_k, 10);
}

static void expect_component(const char *raw, const char *want)
{
    char text[SILT_COMPONENT_MAX];
    silt_key_component(raw, text);
    CU_ASSERT_STRING_EQUAL(text, want);
}

static void components_pass_an_allow_list(void)
{
    expect_component("Az09_=-", "Az09_=-");
    expect_component("a.b.c", "a.b.c");
    expect_component("", "__empty__");
    expect_component(".", "%2E");
    expect_component("..", "%2E%2E");
    expect_component(".a..b...", "%2Ea.%2Eb.%2E%2E");
    expect_component("../../etc", "%2E%2E%2F.%2E%2Fetc");
    expect_component("a~b/c d%\n\xff", "a%7Eb%2Fc%20d%25%0A%FF");
    expect_component("[`{@:^", "%5B%60%7B%40%3A%5E");
}

static void a_long_component_ends_in_its_checksum(void)
{
    char raw[250];
    char text[SILT_COMPONENT_MAX];
    memset(raw, 'x', sizeof raw);
    raw[200] = 0;
    expect_component(raw, raw); /* just fits */
    raw[200] = 'x';
    raw[201] = 0;
    silt_key_component(raw, text);
    CU_ASSERT_EQUAL(strlen(text), 239);
    CU_ASSERT_EQUAL(strspn(text, "x"), 174);
    CU_ASSERT_STRING_EQUAL(text + 174,
                           "-84a0678c90937f5dcf9994d5866668da6b995109c8ad845410559b48a4ecafed");
}

static void a_long_component_is_not_cut_inside_an_escape(void)
{
    char raw[250];
    char text[SILT_COMPONENT_MAX];
    for (unsigned shift = 0; shift < 3; shift++) {
        memset(raw, '/', sizeof raw);
        memset(raw, 'a', shift);
        raw[249] = 0;
        silt_key_component(raw, text);
        size_t prefix = strlen(text) - 65;
        CU_ASSERT(prefix >= 172 && prefix <= 174);
        CU_ASSERT_EQUAL((prefix - shift) % 3, 0);
        CU_ASSERT_EQUAL(text[prefix], '-');
    }
}

/* -- the property: what is made is read back, whatever the topic is called -- */

static uint64_t seed = 88172645463325252ull;

static uint64_t draw(void) /* xorshift64 (Marsaglia 2003) */
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void draw_topic(struct silt_tp *tp)
{
    static const char hostile[] = "./~%\\-=_a0 \n\x01\x7f\xc3\xff";
    size_t len = draw() % 8 ? draw() % 40 : draw() % SILT_TOPIC_MAX;
    uint64_t kind = draw() % 3;
    memset(tp->topic, 0, sizeof tp->topic);
    for (size_t i = 0; i < len; i++) {
        if (kind == 0) tp->topic[i] = hostile[draw() % (sizeof hostile - 1)];
        if (kind == 1) tp->topic[i] = (char)(1 + draw() % 255);
        if (kind == 2) tp->topic[i] = "sensors.-"[draw() % 9];
    }
}

static struct silt_data_key draw_data(void)
{
    struct silt_data_key data = {
        .unit = (enum silt_bucket_unit)(draw() % 3),
        .seq = (int64_t)(draw() >> (1 + draw() % 60)),
        .start = (int64_t)(draw() >> (1 + draw() % 60)),
        .role = (enum silt_role)(draw() % 3),
        .is_repair = draw() % 2,
        .repair_file = (unsigned)(draw() >> 32) >> draw() % 32,
        .repair_k = (unsigned)(draw() >> 32) >> draw() % 32,
    };
    int64_t time_ms = (int64_t)(draw() % (uint64_t)(84100 * DAY_MS));
    data.bucket = silt_bucket_of(draw() % 8 ? time_ms : -1, data.unit);
    snprintf(data.nonce, sizeof data.nonce, "%016llx", (unsigned long long)draw());
    return data;
}

static void check_round_trip(const struct silt_tp *tp, const struct silt_data_key *data)
{
    char key[SILT_KEY_MAX];
    char component[SILT_COMPONENT_MAX];
    struct silt_parsed_key parsed;
    silt_key_data(tp, data, key);
    silt_key_component(tp->topic, component);
    bool is_read = silt_key_parse_data(key, &parsed);
    if (!is_read || strcmp(parsed.topic, component) != 0) CU_FAIL_FATAL("a key is not read back");
    bool is_same = parsed.partition == tp->partition && parsed.seq == data->seq &&
                   parsed.start == data->start && strcmp(parsed.tid8, "0123abcd") == 0 &&
                   parsed.is_repair == data->is_repair;
    if (data->is_repair)
        is_same =
            is_same && parsed.repair_file == data->repair_file && parsed.repair_k == data->repair_k;
    CU_ASSERT(is_same);
    CU_ASSERT(strlen(key) <= 1024 && strlen(component) < 240);
    CU_ASSERT(key[0] != '/' && !strstr(key, "..") && !strstr(key, "/.") && !strchr(key, '~'));
}

static void every_key_made_is_read_back_and_stays_below_its_prefix(void)
{
    for (int i = 0; i < 20000; i++) {
        struct silt_tp tp = tp_of("");
        draw_topic(&tp);
        tp.partition = (int32_t)((draw() >> 33) >> draw() % 31);
        struct silt_data_key data = draw_data();
        check_round_trip(&tp, &data);
    }
}

static void log_keys_stay_below_their_prefix_too(void)
{
    for (int i = 0; i < 2000; i++) {
        struct silt_tp tp = tp_of("");
        draw_topic(&tp);
        memcpy(tp.cluster, tp.topic, 64);
        tp.cluster[64] = 0;
        char key[SILT_KEY_MAX];
        silt_key_repair(&tp, (int64_t)(draw() >> 1), (unsigned)draw(), (unsigned)draw(), key);
        CU_ASSERT(strlen(key) <= 1024 && strncmp(key, "_log/", 5) == 0);
        CU_ASSERT(!strstr(key, "..") && strchr(key, '~') == strrchr(key, '~'));
    }
}

/* A changed byte gives a foreign key, or a key that says something else and would be made so. */
static void a_key_with_one_byte_changed_is_refused_or_another_key(void)
{
    struct silt_tp tp = tp_of("s.e~n");
    struct silt_data_key data = data_of(SILT_BUCKET_HOUR, 489096);
    char key[SILT_KEY_MAX];
    silt_key_data(&tp, &data, key);
    size_t len = strlen(key);
    for (size_t i = 0; i < len; i++) {
        char changed[SILT_KEY_MAX];
        struct silt_parsed_key parsed;
        memcpy(changed, key, len + 1);
        changed[i] = '/';
        CU_ASSERT_EQUAL(silt_key_parse_data(changed, &parsed), key[i] == '/');
        changed[i] = 'G';
        bool in_topic = i >= 11 && i < 11 + strlen("s.e%7En") && key[i] != '7' && key[i] != 'E';
        CU_ASSERT_EQUAL(silt_key_parse_data(changed, &parsed), in_topic);
        changed[i] = 0;
        CU_ASSERT_FALSE(silt_key_parse_data(changed, &parsed));
    }
}

#define REST "0123abcd-p00007-s0000000000000042-o00000000000000001000-00112233aabbccdd.avro"

static void foreign_keys_are_refused(void)
{
    static const char *const foreign[] = {
        "",
        "data/",
        "/data/topic=a/" REST,
        "data/topic=/" REST,
        "data/topic=a" REST,
        "data/topic=a//" REST,
        "data/topic=../" REST,
        "data/topic=a..b/" REST,
        "data/topic=.a/" REST,
        "data/topic=a%/" REST,
        "data/topic=a%2/" REST,
        "data/topic=a%2f/" REST, /* lower case */
        "data/topic=a%G0/" REST,
        "data/topic=a%0G/" REST,
        "data/topic=a%00/" REST, /* no C string holds it */
        "data/topic=%61/" REST,  /* needs no escape */
        "data/topic=a%2E/" REST,
        "data/topic=a b/" REST,
        "data/topic=a/dt=2025-10-18/hh=24/" REST,
        "data/topic=a/dt=2025-10-18/hh=1/" REST,
        "data/topic=a/dt=2025-10-18/hh=001/" REST,
        "data/topic=a/dt=2025-10-18/hh=00" REST,
        "data/topic=a/dt=2025-10-18/HH=00/" REST,
        "data/topic=a/dt=2025-10-18" REST,
        "data/topic=a/dt=1969-12-31/" REST,
        "data/topic=a/dt=2200-01-01/" REST,
        "data/topic=a/dt=2025-13-01/" REST,
        "data/topic=a/dt=2025-00-01/" REST,
        "data/topic=a/dt=2025-01-00/" REST,
        "data/topic=a/dt=2025-01-32/" REST,
        "data/topic=a/dt=2025-04-31/" REST,
        "data/topic=a/dt=2025-02-29/" REST,
        "data/topic=a/dt=2100-02-29/" REST,
        "data/topic=a/dt=2025-1-01/" REST,
        "data/topic=a/dt=2025-01-1/" REST,
        "data/topic=a/dt=2025/01-01/" REST,
        "data/topic=a/dt=2025-01/01/" REST,
        "data/topic=a/dt=__mixed__/hh=01/" REST,
        "data/topic=a/dt=__mixed__" REST,
        "data/topic=a/hh=00/" REST,
        "data/topic=a/" REST "x",
        "data/topic=a/x" REST,
        "data/topic=a/"
        "0123ABCD-p00007-s0000000000000042-o00000000000000001000-00112233aabbccdd.avro",
        "data/topic=a/0123abcd-p0007-s0000000000000042-o00000000000000001000-00112233aabbccdd.avro",
        "data/topic=a/"
        "0123abcd-p000007-s0000000000000042-o00000000000000001000-00112233aabbccdd.avro",
        "data/topic=a/0123abcd-p2147483648-s0000000000000042-o00000000000000001000-"
        "00112233aabbccdd.avro",
        "data/topic=a/0123abcd-p00007-s42-o00000000000000001000-00112233aabbccdd.avro",
        "data/topic=a/0123abcd-p00007-s9223372036854775808-o00000000000000001000-"
        "00112233aabbccdd.avro",
        "data/topic=a/0123abcd-p00007-s0000000000000042-o1000-00112233aabbccdd.avro",
        "data/topic=a/0123abcd-p00007-s0000000000000042-o09223372036854775808-"
        "00112233aabbccdd.avro",
        "data/topic=a/0123abcd-p00007-s0000000000000042f1-o00000000000000001000-"
        "00112233aabbccdd.avro",
        "data/topic=a/0123abcd-p00007-s0000000000000042f01r1-o00000000000000001000-"
        "00112233aabbccdd.avro",
        "data/topic=a/0123abcd-p00007-s0000000000000042f1r4294967296-o00000000000000001000-"
        "00112233aabbccdd.avro",
        "data/topic=a/0123abcd-p00007-s0000000000000042fr-o00000000000000001000-"
        "00112233aabbccdd.avro",
        "data/topic=a/0123abcd-p00007-s0000000000000042-o00000000000000001000-00112233aabbccd.avro",
        "data/topic=a/0123abcd-p00007-s0000000000000042-o00000000000000001000.avro",
        "data/topic=a/0123abcd-p00007-s0000000000000042-o00000000000000001000-00112233aabbccdd-"
        "data.avro",
        "data/topic=a/0123abcd-p00007-s0000000000000042-o00000000000000001000-00112233aabbccdd-"
        "rejected-tombstone.avro",
    };
    for (unsigned i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        struct silt_parsed_key parsed = {.seq = 77};
        bool is_taken = silt_key_parse_data(foreign[i], &parsed);
        if (is_taken) printf("taken: %s\n", foreign[i]);
        CU_ASSERT_FALSE(is_taken);
        CU_ASSERT_EQUAL(parsed.seq, 77);
    }
}

static bool takes_long_topic(size_t prefix, const char *suffix)
{
    char key[SILT_KEY_MAX] = "data/topic=";
    struct silt_parsed_key parsed;
    memset(key + strlen(key), 'x', prefix);
    strcat(key, suffix);
    strcat(key, "/" REST);
    return silt_key_parse_data(key, &parsed);
}

static void a_long_topic_must_end_in_a_checksum(void)
{
#define SUM "-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    CU_ASSERT(takes_long_topic(200, ""));
    CU_ASSERT_FALSE(takes_long_topic(201, ""));
    CU_ASSERT_FALSE(takes_long_topic(171, SUM));
    CU_ASSERT(takes_long_topic(172, SUM));
    CU_ASSERT(takes_long_topic(174, SUM));
    CU_ASSERT_FALSE(takes_long_topic(175, SUM));
    CU_ASSERT_FALSE(takes_long_topic(239, ""));
    CU_ASSERT_FALSE(
        takes_long_topic(174, "x0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
    CU_ASSERT_FALSE(takes_long_topic(
        173, "~-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
    CU_ASSERT_FALSE(takes_long_topic(
        172, "%2-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
    CU_ASSERT_FALSE(takes_long_topic(
        172, "%2F123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"));
    CU_ASSERT_FALSE(
        takes_long_topic(174, "-g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
    CU_ASSERT_FALSE(takes_long_topic(700, ""));
}

static void leap_days_are_days(void)
{
    struct silt_parsed_key parsed;
    CU_ASSERT(silt_key_parse_data("data/topic=a/dt=2024-02-29/hh=23/" REST, &parsed));
    CU_ASSERT(silt_key_parse_data("data/topic=a/dt=2000-02-29/" REST, &parsed));
    CU_ASSERT(silt_key_parse_data("data/topic=a/dt=2199-12-31/" REST, &parsed));
    struct silt_tp tp = tp_of("a");
    char key[SILT_KEY_MAX];
    struct silt_data_key data = data_of(SILT_BUCKET_DAY, silt_bucket_of(951782400000, 1));
    silt_key_data(&tp, &data, key);
    CU_ASSERT_STRING_EQUAL(key, "data/topic=a/dt=2000-02-29/" REST);
    data.bucket = silt_bucket_of(7258118400000 - 1, SILT_BUCKET_DAY);
    silt_key_data(&tp, &data, key);
    CU_ASSERT_STRING_EQUAL(key, "data/topic=a/dt=2199-12-31/" REST);
}

static void units_have_names(void)
{
    static const char *const names[] = {"hour", "day", "none"};
    enum silt_bucket_unit unit;
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_STRING_EQUAL(silt_bucket_unit_name((enum silt_bucket_unit)i), names[i]);
        CU_ASSERT(silt_bucket_unit_parse(names[i], &unit));
        CU_ASSERT_EQUAL(unit, i);
    }
    CU_ASSERT_FALSE(silt_bucket_unit_parse("", &unit));
    CU_ASSERT_FALSE(silt_bucket_unit_parse("hours", &unit));
}

static void buckets_end_where_their_hour_or_day_ends(void)
{
    CU_ASSERT_EQUAL(silt_bucket_of(0, SILT_BUCKET_HOUR), 0);
    CU_ASSERT_EQUAL(silt_bucket_of(3599999, SILT_BUCKET_HOUR), 0);
    CU_ASSERT_EQUAL(silt_bucket_of(3600000, SILT_BUCKET_HOUR), 1);
    CU_ASSERT_EQUAL(silt_bucket_of(DAY_MS - 1, SILT_BUCKET_DAY), 0);
    CU_ASSERT_EQUAL(silt_bucket_of(DAY_MS, SILT_BUCKET_DAY), 1);
    CU_ASSERT_EQUAL(silt_bucket_of(-1, SILT_BUCKET_HOUR), SILT_BUCKET_MIXED);
    CU_ASSERT_EQUAL(silt_bucket_of(INT64_MIN, SILT_BUCKET_DAY), SILT_BUCKET_MIXED);
    CU_ASSERT_EQUAL(silt_bucket_of(7258118400000, SILT_BUCKET_DAY), SILT_BUCKET_MIXED);
    CU_ASSERT_EQUAL(silt_bucket_of(7258118399999, SILT_BUCKET_HOUR), 2016143);
    CU_ASSERT_EQUAL(silt_bucket_of(-1, SILT_BUCKET_NONE), 0);
    CU_ASSERT_EQUAL(silt_bucket_of(INT64_MAX, SILT_BUCKET_NONE), 0);
}

static void manifest_names_tell_their_seq(void)
{
    CU_ASSERT_EQUAL(silt_key_parse_seq("0000000000000042.json"), 42);
    CU_ASSERT_EQUAL(silt_key_parse_seq("9223372036854775807.json"), INT64_MAX);
    CU_ASSERT_EQUAL(silt_key_parse_seq("9223372036854775808.json"), -1);
    CU_ASSERT_EQUAL(silt_key_parse_seq("0000000000000042.f1.r1.json"), -1);
    CU_ASSERT_EQUAL(silt_key_parse_seq("0000000000000042.json.tmp"), -1);
    CU_ASSERT_EQUAL(silt_key_parse_seq("00000000000000042.json"), -1);
    CU_ASSERT_EQUAL(silt_key_parse_seq("42.json"), -1);
    CU_ASSERT_EQUAL(silt_key_parse_seq(""), -1);
}

static void roles_have_names(void)
{
    enum silt_role role = SILT_ROLE_DATA;
    CU_ASSERT(silt_role_parse("tombstone", &role));
    CU_ASSERT_EQUAL(role, SILT_ROLE_TOMBSTONE);
    CU_ASSERT(silt_role_parse(silt_role_name(SILT_ROLE_REJECTED), &role));
    CU_ASSERT_EQUAL(role, SILT_ROLE_REJECTED);
    CU_ASSERT_FALSE(silt_role_parse("Data", &role));
    CU_ASSERT_EQUAL(role, SILT_ROLE_REJECTED);
}

SILT_TESTS("key", {"log keys are as the protocol says", log_keys_are_as_the_protocol_says},
           {"data keys are as the protocol says", data_keys_are_as_the_protocol_says},
           {"the mixed bucket and no bucket have their folders",
            the_mixed_bucket_and_no_bucket_have_their_folders},
           {"a repair key names file and attempt", a_repair_key_names_file_and_attempt},
           {"components pass an allow-list", components_pass_an_allow_list},
           {"a long component ends in its checksum", a_long_component_ends_in_its_checksum},
           {"a long component is not cut inside an escape",
            a_long_component_is_not_cut_inside_an_escape},
           {"every key made is read back and stays below its prefix",
            every_key_made_is_read_back_and_stays_below_its_prefix},
           {"log keys stay below their prefix, too", log_keys_stay_below_their_prefix_too},
           {"a key with one byte changed is refused, or another key",
            a_key_with_one_byte_changed_is_refused_or_another_key},
           {"foreign keys are refused", foreign_keys_are_refused},
           {"a long topic must end in a checksum", a_long_topic_must_end_in_a_checksum},
           {"leap days are days", leap_days_are_days}, {"units have names", units_have_names},
           {"buckets end where their hour or day ends", buckets_end_where_their_hour_or_day_ends},
           {"manifest names tell their seq", manifest_names_tell_their_seq},
           {"roles have names", roles_have_names})
