/* Object keys made of any names: inside their prefix, harmless, and readable again.
 *
 *   topic and cluster up to a 0 byte each, then numbers
 */
#include "record/key.h"

#include "fuzz.h"

#include <inttypes.h>
#include <stdio.h>

static void check_harmless(const char *key, const char *prefix)
{
    size_t len = strlen(key);
    FUZZ_CHECK(strncmp(key, prefix, strlen(prefix)) == 0 && len < SILT_KEY_MAX);
    FUZZ_CHECK(!strstr(key, "..") && !strstr(key, "//") && !strstr(key, "/."));
    for (size_t i = 0; i < len; i++) FUZZ_CHECK(key[i] > ' ' && key[i] < 0x7F);
}

static unsigned slashes(const char *key)
{
    unsigned n = 0;
    for (; *key; key++) n += *key == '/';
    return n;
}

/* An encoded component that was not cut decodes to what it was made of. */
static void check_decodes(const char *component, const char *raw)
{
    char text[SILT_COMPONENT_MAX];
    size_t len = 0;
    FUZZ_CHECK(strlen(component) < 240 && !strchr(component, '/'));
    if (strlen(component) > 200 || !*raw) return;
    for (const char *at = component; *at; at++) {
        unsigned byte = (uint8_t)*at;
        if (*at == '%') {
            FUZZ_CHECK(sscanf(at + 1, "%2X", &byte) == 1);
            at += 2;
        }
        text[len++] = (char)byte;
    }
    text[len] = '\0';
    FUZZ_CHECK(strcmp(text, raw) == 0);
}

static void check_data(const struct silt_tp *tp, struct fuzz_in *in, const char *component)
{
    char key[SILT_KEY_MAX];
    struct silt_parsed_key parsed;
    struct silt_data_key data = {.unit = (enum silt_bucket_unit)fuzz_below(in, 3),
                                 .seq = fuzz_long(in) & INT64_MAX,
                                 .start = fuzz_long(in) & INT64_MAX,
                                 .role = (enum silt_role)fuzz_below(in, 3),
                                 .is_repair = fuzz_byte(in) & 1,
                                 .repair_file = (unsigned)fuzz_bits(in, 4),
                                 .repair_k = (unsigned)fuzz_bits(in, 4)};
    data.bucket = silt_bucket_of(fuzz_long(in) >> fuzz_below(in, 64), data.unit);
    snprintf(data.nonce, sizeof data.nonce, "%016" PRIx64, fuzz_bits(in, 8));
    silt_key_data(tp, &data, key);
    check_harmless(key, "data/topic=");
    FUZZ_CHECK(slashes(key) == (data.unit == SILT_BUCKET_HOUR  ? 4u
                                : data.unit == SILT_BUCKET_DAY ? 3u
                                                               : 2u));
    FUZZ_CHECK(silt_key_parse_data(key, &parsed));
    FUZZ_CHECK(strcmp(parsed.topic, component) == 0 && parsed.partition == tp->partition);
    FUZZ_CHECK(parsed.seq == data.seq && parsed.start == data.start);
    FUZZ_CHECK(parsed.is_repair == data.is_repair);
    if (!data.is_repair) return;
    FUZZ_CHECK(parsed.repair_file == data.repair_file && parsed.repair_k == data.repair_k);
}

static void check_log(const struct silt_tp *tp, struct fuzz_in *in)
{
    char key[SILT_KEY_MAX];
    char prefix[SILT_KEY_MAX];
    int64_t seq = fuzz_long(in) & INT64_MAX;
    silt_key_log_prefix(tp, prefix);
    check_harmless(prefix, "_log/");
    FUZZ_CHECK(slashes(prefix) == 4);
    silt_key_manifest(tp, seq, key);
    check_harmless(key, prefix);
    FUZZ_CHECK(silt_key_parse_seq(key + strlen(prefix)) == seq);
    silt_key_repair(tp, seq, (unsigned)fuzz_bits(in, 4), (unsigned)fuzz_bits(in, 4), key);
    check_harmless(key, prefix);
    FUZZ_CHECK(silt_key_parse_seq(key + strlen(prefix)) == -1);
}

/* Foreign keys: whatever is taken for one of ours says the same as ours would. */
static void check_foreign(const uint8_t *data, size_t size)
{
    char text[SILT_KEY_MAX];
    char name[40];
    struct silt_parsed_key parsed;
    struct fuzz_in in = fuzz_in(data, size);
    fuzz_text(&in, text, sizeof text);
    if (silt_key_parse_data(text, &parsed)) {
        check_harmless(text, "data/topic=");
        FUZZ_CHECK(parsed.seq >= 0 && parsed.start >= 0 && parsed.partition >= 0);
    }
    int64_t seq = silt_key_parse_seq(text);
    if (seq < 0) return;
    snprintf(name, sizeof name, "%016" PRId64 ".json", seq);
    FUZZ_CHECK(strcmp(name, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = fuzz_in(data, size);
    struct silt_tp tp = {0};
    char component[SILT_COMPONENT_MAX];
    check_foreign(data, size);
    fuzz_text(&in, tp.topic, sizeof tp.topic);
    fuzz_text(&in, tp.cluster, sizeof tp.cluster);
    snprintf(tp.topic_id, sizeof tp.topic_id, "%08x%024x", (unsigned)fuzz_bits(&in, 4), 0u);
    tp.partition = (int32_t)(fuzz_bits(&in, 4) & INT32_MAX);
    silt_key_component(tp.cluster, component);
    check_decodes(component, tp.cluster);
    silt_key_component(tp.topic, component);
    check_decodes(component, tp.topic);
    check_data(&tp, &in, component);
    check_log(&tp, &in);
    return 0;
}
