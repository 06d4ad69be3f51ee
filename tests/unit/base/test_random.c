#include "base/random.h"

#include "harness.h"

#include <ctype.h>
#include <string.h>

static void two_numbers_differ(void)
{
    CU_ASSERT(silt_random_u64() != silt_random_u64());
}

static void fills_every_byte_and_no_more(void)
{
    static uint8_t bytes[1000];
    unsigned untouched = 0;
    silt_random_bytes(bytes, 999);
    for (size_t i = 0; i < 999; i++) untouched += bytes[i] == 0;
    CU_ASSERT(untouched < 100);
    CU_ASSERT_EQUAL(bytes[999], 0);
    silt_random_bytes(bytes, 0);
}

static void writes_hex_in_lower_case(void)
{
    char text[9];
    silt_hex("\x00\x9f\xAB\xff", 4, text);
    CU_ASSERT_STRING_EQUAL(text, "009fabff");
    silt_hex("", 0, text);
    CU_ASSERT_STRING_EQUAL(text, "");
}

static void random_hex_has_the_wanted_length(void)
{
    char text[129];
    silt_random_hex(text, 16);
    CU_ASSERT_EQUAL(strlen(text), 16);
    for (size_t i = 0; i < 16; i++) CU_ASSERT(isxdigit((unsigned char)text[i]));
    silt_random_hex(text, 128);
    CU_ASSERT_EQUAL(strlen(text), 128);
    silt_random_hex(text, 0);
    CU_ASSERT_STRING_EQUAL(text, "");
}

/* RFC 4648, section 10. */
static const struct {
    const char *plain;
    const char *coded;
} base64[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static void writes_base64_as_the_rfc_says(void)
{
    for (size_t i = 0; i < sizeof base64 / sizeof base64[0]; i++) {
        char text[SILT_BASE64_LEN(6)];
        silt_base64(base64[i].plain, strlen(base64[i].plain), text);
        CU_ASSERT_STRING_EQUAL(text, base64[i].coded);
    }
}

static void reads_base64_as_the_rfc_says(void)
{
    for (size_t i = 0; i < sizeof base64 / sizeof base64[0]; i++) {
        char bytes[8] = {0};
        CU_ASSERT_EQUAL(silt_base64_decode(base64[i].coded, bytes), (long)strlen(base64[i].plain));
        CU_ASSERT_STRING_EQUAL(bytes, base64[i].plain);
    }
}

static void every_byte_survives_base64(void)
{
    uint8_t bytes[256];
    uint8_t again[256];
    char text[SILT_BASE64_LEN(256)];
    for (unsigned i = 0; i < 256; i++) bytes[i] = (uint8_t)i;
    silt_base64(bytes, sizeof bytes, text);
    CU_ASSERT_PTR_NOT_NULL(strchr(text, '+'));
    CU_ASSERT_PTR_NOT_NULL(strchr(text, '/'));
    CU_ASSERT_EQUAL(silt_base64_decode(text, again), 256);
    CU_ASSERT_EQUAL(memcmp(bytes, again, sizeof bytes), 0);
}

static void refuses_what_is_no_base64(void)
{
    static const char *const wrong[] = {
        "Z", "Zg", "Zg=", "Z===", "====", "=Zg=", "Zg==Zg==", "Zm9-", "Zm 9", "Zm9\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char bytes[16];
        CU_ASSERT_EQUAL(silt_base64_decode(wrong[i], bytes), -1);
    }
}

SILT_TESTS("random", {"two numbers differ", two_numbers_differ},
           {"fills every byte and no more", fills_every_byte_and_no_more},
           {"writes hex in lower case", writes_hex_in_lower_case},
           {"random hex has the wanted length", random_hex_has_the_wanted_length},
           {"writes base64 as the RFC says", writes_base64_as_the_rfc_says},
           {"reads base64 as the RFC says", reads_base64_as_the_rfc_says},
           {"every byte survives base64", every_byte_survives_base64},
           {"refuses what is no base64", refuses_what_is_no_base64})
