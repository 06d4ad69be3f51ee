#include "consume/letter.h"

#include "base/alloc.h"
#include "harness.h"

#include <string.h>

static const struct silt_letter_origin origin = {.topic = "readings",
                                                 .group = "silt",
                                                 .worker = "pod-1",
                                                 .reason = SILT_REASON_TRUNCATED,
                                                 .detail = "the value ends inside a field: byte 7"};

static bool is(struct silt_slice slice, const char *text)
{
    return slice.len == strlen(text) && memcmp(slice.ptr, text, slice.len) == 0;
}

static void the_record_stays_what_it_was(void)
{
    char key[] = "k1";
    char value[] = "\0\0\0\0\7half";
    const struct silt_header headers[] = {
        {.key = silt_slice_str("trace"), .value = silt_slice_str("x")},
        {.key = silt_slice_str("none"), .value_null = true}};
    const struct silt_record rec = {.partition = 3,
                                    .offset = 41,
                                    .timestamp_ms = 1700000000000,
                                    .key = silt_slice_of(key, 2),
                                    .value = silt_slice_of(value, 9),
                                    .headers = headers,
                                    .headers_n = 2};
    struct silt_letter *letter = silt_letter_new(&rec, &origin);
    memset(key, 0, sizeof key);
    memset(value, 1, sizeof value);
    CU_ASSERT(is(letter->rec.key, "k1"));
    CU_ASSERT_EQUAL(letter->rec.value.len, 9);
    CU_ASSERT_EQUAL(memcmp(letter->rec.value.ptr, "\0\0\0\0\7half", 9), 0);
    CU_ASSERT_EQUAL(letter->rec.timestamp_ms, 1700000000000);
    CU_ASSERT_EQUAL(letter->rec.partition, -1);
    CU_ASSERT(is(letter->rec.headers[0].key, "trace"));
    CU_ASSERT(is(letter->rec.headers[0].value, "x"));
    CU_ASSERT(letter->rec.headers[1].value_null);
    CU_ASSERT(letter->bytes > sizeof *letter + 2 + 9);
    silt_free(letter);
}

static void the_reasons_stand_in_connects_headers(void)
{
    static const char *const wanted[][2] = {
        {"topic", "readings"},
        {"partition", "3"},
        {"offset", "9007199254740993"},
        {"connector.name", "silt"},
        {"task.id", "pod-1"},
        {"stage", "VALUE_CONVERTER"},
        {"class.name", "silt"},
        {"exception.class.name", "silt.truncated"},
        {"exception.message", "the value ends inside a field: byte 7"},
    };
    const struct silt_record rec = {.partition = 3, .offset = 9007199254740993, .key_null = true};
    struct silt_letter *letter = silt_letter_new(&rec, &origin);
    CU_ASSERT(letter->rec.key_null);
    CU_ASSERT_EQUAL(letter->rec.headers_n, sizeof wanted / sizeof wanted[0]);
    for (unsigned i = 0; i < letter->rec.headers_n; i++) {
        struct silt_slice key = letter->rec.headers[i].key;
        const size_t front = strlen("__connect.errors.");
        CU_ASSERT_EQUAL(memcmp(key.ptr, "__connect.errors.", front), 0);
        CU_ASSERT(is(silt_slice_of(key.ptr + front, key.len - front), wanted[i][0]));
        CU_ASSERT(is(letter->rec.headers[i].value, wanted[i][1]));
    }
    silt_free(letter);
}

SILT_TESTS("letter", {"the record stays what it was", the_record_stays_what_it_was},
           {"the reasons stand in Connect's headers", the_reasons_stand_in_connects_headers})
