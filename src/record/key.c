#include "record/key.h"

#include "base/err.h"
#include "base/hash.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define YEAR_2200_MS INT64_C(7258118400000)
#define MIXED_DAY "__mixed__"
#define EMPTY_COMPONENT "__empty__"

/* A component of more than PLAIN_MAX bytes is cut at or before CUT_MAX bytes (never inside an
 * escape) and "-<sha256>" takes the rest. So its length alone tells a cut one, nothing else can
 * look like it, and "topic=…" and "…~<tid8>" stay names that a file system takes (255 bytes). */
#define PLAIN_MAX 200u
#define CUT_MAX 174u
#define CUT_MIN (CUT_MAX - 2)
#define SUFFIX_LEN 65u

static const char *const role_names[] = {
    [SILT_ROLE_DATA] = "data",
    [SILT_ROLE_REJECTED] = "rejected",
    [SILT_ROLE_TOMBSTONE] = "tombstone",
};
static const char *const unit_names[] = {
    [SILT_BUCKET_HOUR] = "hour",
    [SILT_BUCKET_DAY] = "day",
    [SILT_BUCKET_NONE] = "none",
};

#define ROLES_N (sizeof role_names / sizeof role_names[0])
#define UNITS_N (sizeof unit_names / sizeof unit_names[0])

/* @return n when none of the n names is that one. */
static unsigned find_name(const char *const *names, unsigned n, const char *name)
{
    unsigned i = 0;
    while (i < n && strcmp(name, names[i]) != 0) i++;
    return i;
}

const char *silt_role_name(enum silt_role role)
{
    SILT_ASSERT(role < ROLES_N);
    return role_names[role];
}

bool silt_role_parse(const char *name, enum silt_role *ret_role)
{
    unsigned role = find_name(role_names, ROLES_N, name);
    if (role < ROLES_N) *ret_role = (enum silt_role)role;
    return role < ROLES_N;
}

const char *silt_bucket_unit_name(enum silt_bucket_unit unit)
{
    SILT_ASSERT(unit < UNITS_N);
    return unit_names[unit];
}

bool silt_bucket_unit_parse(const char *name, enum silt_bucket_unit *ret_unit)
{
    unsigned unit = find_name(unit_names, UNITS_N, name);
    if (unit < UNITS_N) *ret_unit = (enum silt_bucket_unit)unit;
    return unit < UNITS_N;
}

/* -- components -- */

/* A dot stands for itself only behind something that is no dot: neither "..", nor a name that hides
 * itself. */
static bool stands_for_itself(char c, char before)
{
    if (c == '.') return before && before != '.';
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_letter || (c >= '0' && c <= '9') || c == '_' || c == '=' || c == '-';
}

void silt_key_component(const char *raw, char ret_text[SILT_COMPONENT_MAX])
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;
    size_t cut = 0;
    char before = 0;
    for (const char *at = raw; *at && len <= PLAIN_MAX; before = *at++) {
        if (stands_for_itself(*at, before)) {
            ret_text[len++] = *at;
        } else {
            ret_text[len++] = '%';
            ret_text[len++] = digits[(uint8_t)*at >> 4];
            ret_text[len++] = digits[(uint8_t)*at & 15];
        }
        if (len <= CUT_MAX) cut = len;
    }
    ret_text[len] = 0;
    if (len == 0) memcpy(ret_text, EMPTY_COMPONENT, sizeof EMPTY_COMPONENT);
    if (len <= PLAIN_MAX) return;
    ret_text[cut] = '-';
    silt_sha256_hex(raw, strlen(raw), ret_text + cut + 1);
}

/* -- making keys -- */

/* What is not encoded must be harmless by itself. */
static bool is_hex(const char *text, unsigned digits)
{
    while (digits && ((*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'f'))) {
        digits--;
        text++;
    }
    return digits == 0;
}

static const char *tid8_of(const struct silt_tp *tp)
{
    SILT_ASSERT(is_hex(tp->topic_id, 8) && tp->partition >= 0);
    return tp->topic_id;
}

/* The longest key has some 600 bytes: components are at most 239 bytes each. */
#define PRINT(key, ...)                                          \
    do {                                                         \
        int printed_ = snprintf(key, SILT_KEY_MAX, __VA_ARGS__); \
        SILT_ASSERT(printed_ > 0 && printed_ < SILT_KEY_MAX);    \
    } while (0)

void silt_key_log_prefix(const struct silt_tp *tp, char ret_key[SILT_KEY_MAX])
{
    char cluster[SILT_COMPONENT_MAX];
    char topic[SILT_COMPONENT_MAX];
    silt_key_component(tp->cluster, cluster);
    silt_key_component(tp->topic, topic);
    PRINT(ret_key, "_log/%s/%s~%.8s/%05" PRId32 "/", cluster, topic, tid8_of(tp), tp->partition);
}

void silt_key_slot(const char *log_prefix, int64_t seq, char ret_key[SILT_KEY_MAX])
{
    PRINT(ret_key, "%s%016" PRId64 ".json", log_prefix, seq);
}

void silt_key_manifest(const struct silt_tp *tp, int64_t seq, char ret_key[SILT_KEY_MAX])
{
    char prefix[SILT_KEY_MAX];
    silt_key_log_prefix(tp, prefix);
    silt_key_slot(prefix, seq, ret_key);
}

void silt_key_repair(const struct silt_tp *tp, int64_t seq, unsigned file, unsigned k,
                     char ret_key[SILT_KEY_MAX])
{
    char prefix[SILT_KEY_MAX];
    silt_key_log_prefix(tp, prefix);
    PRINT(ret_key, "%s%016" PRId64 ".f%u.r%u.json", prefix, seq, file, k);
}

struct date {
    int64_t year;
    unsigned month;
    unsigned day;
};

/* Days since 1970-01-01 to the proleptic Gregorian calendar and back, in eras of 400 years that
 * begin on 1 March (Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2013). Not before
 * 1970. */
static struct date date_of(int64_t days)
{
    int64_t shifted = days + 719468;
    int64_t era = shifted / 146097;
    int64_t day_of_era = shifted % 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
    struct date date = {
        .year = year_of_era + era * 400 + (month >= 10),
        .month = (unsigned)(month < 10 ? month + 3 : month - 9),
        .day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1),
    };
    return date;
}

#define FOLDER_MAX 40
static void print_folder(enum silt_bucket_unit unit, int64_t bucket, char ret_text[FOLDER_MAX])
{
    ret_text[0] = 0;
    if (unit == SILT_BUCKET_NONE) return;
    bool is_hour = unit == SILT_BUCKET_HOUR;
    if (bucket == SILT_BUCKET_MIXED) {
        snprintf(ret_text, FOLDER_MAX, "dt=" MIXED_DAY "/%s", is_hour ? "hh=00/" : "");
        return;
    }
    SILT_ASSERT(bucket >= 0 && bucket < YEAR_2200_MS / (is_hour ? HOUR_MS : DAY_MS));
    struct date date = date_of(is_hour ? bucket / 24 : bucket);
    int len = snprintf(ret_text, FOLDER_MAX, "dt=%04" PRId64 "-%02u-%02u/", date.year, date.month,
                       date.day);
    if (is_hour)
        snprintf(ret_text + len, FOLDER_MAX - (size_t)len, "hh=%02" PRId64 "/", bucket % 24);
}

void silt_key_data(const struct silt_tp *tp, const struct silt_data_key *data,
                   char ret_key[SILT_KEY_MAX])
{
    SILT_ASSERT(data->seq >= 0 && data->start >= 0 && is_hex(data->nonce, 16));
    char topic[SILT_COMPONENT_MAX];
    char folder[FOLDER_MAX];
    char repair[32] = "";
    char role[16] = "";
    silt_key_component(tp->topic, topic);
    print_folder(data->unit, data->bucket, folder);
    if (data->is_repair)
        snprintf(repair, sizeof repair, "f%ur%u", data->repair_file, data->repair_k);
    if (data->role != SILT_ROLE_DATA)
        snprintf(role, sizeof role, "-%s", silt_role_name(data->role));
    PRINT(ret_key,
          "data/topic=%s/%s%.8s-p%05" PRId32 "-s%016" PRId64 "%s-o%020" PRId64 "-%.16s%s.avro",
          topic, folder, tid8_of(tp), tp->partition, data->seq, repair, data->start, data->nonce,
          role);
}

/* -- reading keys: exactly what is made above, nothing else --
 *
 * Each take_… reads from *at and moves it behind what was read; *at is undefined after a failure.
 */

static bool take_text(const char **at, const char *text)
{
    size_t len = strlen(text);
    if (strncmp(*at, text, len) != 0) return false;
    *at += len;
    return true;
}

/* Decimal digits, `width` or more; zeros in front only as far as the width asks for them.
 * max: 9 or more. */
static bool take_number(const char **at, unsigned width, uint64_t max, uint64_t *ret_number)
{
    uint64_t number = 0;
    unsigned len = 0;
    for (; (*at)[len] >= '0' && (*at)[len] <= '9'; len++) {
        uint64_t digit = (uint64_t)((*at)[len] - '0');
        if (number > (max - digit) / 10) return false;
        number = number * 10 + digit;
    }
    if (len < width || (len > width && **at == '0')) return false;
    *at += len;
    *ret_number = number;
    return true;
}

static bool take_offset(const char **at, unsigned width, int64_t *ret_number)
{
    uint64_t number;
    if (!take_number(at, width, INT64_MAX, &number)) return false;
    *ret_number = (int64_t)number;
    return true;
}

static bool take_unsigned(const char **at, unsigned *ret_number)
{
    uint64_t number;
    if (!take_number(at, 1, UINT_MAX, &number)) return false;
    *ret_number = (unsigned)number;
    return true;
}

static bool take_hex(const char **at, unsigned digits)
{
    if (!is_hex(*at, digits)) return false;
    *at += digits;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Length of the encoded byte at `at` that follows `before`; 0 when the encoder would not have
 * written it so. */
static unsigned encoded_len(const char *at, char *before)
{
    if (*at != '%') {
        if (!stands_for_itself(*at, *before)) return 0;
        *before = *at;
        return 1;
    }
    int high = hex_digit(at[1]);
    int low = high < 0 ? -1 : hex_digit(at[2]);
    if (low < 0) return 0;
    char c = (char)(high << 4 | low);
    if (!c || stands_for_itself(c, *before)) return 0;
    *before = c;
    return 3;
}

static size_t encoded_span(const char *text, size_t len)
{
    char before = 0;
    size_t done = 0;
    while (done < len) {
        unsigned n = encoded_len(text + done, &before);
        if (n == 0 || n > len - done) break;
        done += n;
    }
    return done;
}

static bool is_component(const char *text, size_t len)
{
    if (len == 0) return false;
    if (len <= PLAIN_MAX) return encoded_span(text, len) == len;
    if (len < CUT_MIN + SUFFIX_LEN || len > CUT_MAX + SUFFIX_LEN) return false;
    const char *suffix = text + len - SUFFIX_LEN;
    return encoded_span(text, len - SUFFIX_LEN) == len - SUFFIX_LEN && take_text(&suffix, "-") &&
           take_hex(&suffix, 64);
}

static bool take_component(const char **at, char ret_text[SILT_COMPONENT_MAX])
{
    size_t len = strcspn(*at, "/");
    if (!is_component(*at, len)) return false;
    memcpy(ret_text, *at, len);
    ret_text[len] = 0;
    *at += len;
    return true;
}

static bool take_date(const char **at)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint64_t year;
    uint64_t month;
    uint64_t day;
    if (!take_number(at, 4, 2199, &year) || !take_text(at, "-")) return false;
    if (!take_number(at, 2, 12, &month) || !take_text(at, "-")) return false;
    if (!take_number(at, 2, 31, &day)) return false;
    if (year < 1970 || month == 0 || day == 0) return false;
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= days[month - 1] + (month == 2 && is_leap);
}

static bool take_hour(const char **at)
{
    const char *behind = *at;
    uint64_t hour;
    if (!take_text(&behind, "hh=")) return true; /* bucketed by day */
    if (!take_number(&behind, 2, 23, &hour) || !take_text(&behind, "/")) return false;
    *at = behind;
    return true;
}

static bool take_folder(const char **at)
{
    if (!take_text(at, "dt=")) return true; /* not bucketed */
    if (take_text(at, MIXED_DAY "/")) {
        (void)take_text(at, "hh=00/");
        return true;
    }
    return take_date(at) && take_text(at, "/") && take_hour(at);
}

static bool take_repair(const char **at, struct silt_parsed_key *ret)
{
    ret->is_repair = take_text(at, "f");
    if (!ret->is_repair) return true;
    return take_unsigned(at, &ret->repair_file) && take_text(at, "r") &&
           take_unsigned(at, &ret->repair_k);
}

static bool take_file_name(const char **at, struct silt_parsed_key *ret)
{
    uint64_t partition;
    const char *tid8 = *at;
    if (!take_hex(at, 8) || !take_text(at, "-p")) return false;
    if (!take_number(at, 5, INT32_MAX, &partition) || !take_text(at, "-s")) return false;
    if (!take_offset(at, 16, &ret->seq) || !take_repair(at, ret)) return false;
    if (!take_text(at, "-o") || !take_offset(at, 20, &ret->start)) return false;
    if (!take_text(at, "-") || !take_hex(at, 16)) return false;
    memcpy(ret->tid8, tid8, 8);
    ret->partition = (int32_t)partition;
    if (!take_text(at, "-rejected")) (void)take_text(at, "-tombstone");
    return take_text(at, ".avro") && **at == 0;
}

bool silt_key_parse_data(const char *key, struct silt_parsed_key *ret)
{
    struct silt_parsed_key parsed = {0};
    if (!take_text(&key, "data/topic=") || !take_component(&key, parsed.topic)) return false;
    if (!take_text(&key, "/") || !take_folder(&key)) return false;
    if (!take_file_name(&key, &parsed)) return false;
    *ret = parsed;
    return true;
}

int64_t silt_key_parse_seq(const char *name)
{
    int64_t seq;
    if (!take_offset(&name, 16, &seq)) return -1;
    return take_text(&name, ".json") && *name == 0 ? seq : -1;
}

int64_t silt_bucket_of(int64_t timestamp_ms, enum silt_bucket_unit unit)
{
    if (unit == SILT_BUCKET_NONE) return 0;
    if (timestamp_ms < 0 || timestamp_ms >= YEAR_2200_MS) return SILT_BUCKET_MIXED;
    return timestamp_ms / (unit == SILT_BUCKET_HOUR ? HOUR_MS : DAY_MS);
}
