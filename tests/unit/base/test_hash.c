#include "base/hash.h"

#include "base/hash_int.h"
#include "base/random.h"
#include "harness.h"

#include <string.h>

/* The data of RFC 3720, appendix B.4, and the usual check word. */
static void crc32c_vectors(uint32_t (*crc32c)(uint32_t crc, const uint8_t *at, size_t len))
{
    uint8_t bytes[32] = {0};
    CU_ASSERT_EQUAL(~crc32c(~0u, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    CU_ASSERT_EQUAL(~crc32c(~0u, bytes, 32), 0x62a8ab43);
    for (unsigned i = 0; i < 32; i++) bytes[i] = (uint8_t)i;
    CU_ASSERT_EQUAL(~crc32c(~0u, bytes, 32), 0x46dd794e);
    for (unsigned i = 0; i < 32; i++) bytes[i] = (uint8_t)(31 - i);
    CU_ASSERT_EQUAL(~crc32c(~0u, bytes, 32), 0x113fdb5c);
    static const uint8_t read_command[48] = {
        0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
        0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    };
    CU_ASSERT_EQUAL(~crc32c(~0u, read_command, sizeof read_command), 0xd9963a56);
    CU_ASSERT_EQUAL(~crc32c(~0u, (const uint8_t *)"123456789", 9), 0xe3069283);
    CU_ASSERT_EQUAL(~crc32c(~0u, bytes, 0), 0);
}

static void the_tables_give_the_known_crcs(void)
{
    crc32c_vectors(silt_crc32c_tables);
}

static void the_cpu_gives_the_known_crcs(void)
{
    if (silt_crc32c_has_sse()) crc32c_vectors(silt_crc32c_sse);
}

static void both_ways_agree_at_every_length_and_alignment(void)
{
    uint8_t bytes[200];
    silt_random_bytes(bytes, sizeof bytes);
    for (size_t start = 0; start < 8; start++)
        for (size_t len = 0; len + start <= sizeof bytes; len++) {
            uint32_t crc = silt_crc32c(0, bytes + start, len);
            CU_ASSERT_EQUAL(crc, ~silt_crc32c_tables(~0u, bytes + start, len));
        }
}

static void crc32c_goes_on_where_it_stopped(void)
{
    CU_ASSERT_EQUAL(silt_crc32c(0, "123456789", 9), 0xe3069283);
    CU_ASSERT_EQUAL(silt_crc32c(silt_crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
    CU_ASSERT_EQUAL(silt_crc32c(0xe3069283, "", 0), 0xe3069283);
    CU_ASSERT_EQUAL(silt_crc32c(0, NULL, 0), 0);
}

static void combining_is_the_crc_of_both_together(void)
{
    static uint8_t bytes[70000];
    silt_random_bytes(bytes, sizeof bytes);
    uint32_t whole = silt_crc32c(0, bytes, sizeof bytes);
    static const size_t cuts[] = {0, 1, 7, 8, 255, 256, 4096, 65535, 65536, 69999, 70000};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        uint32_t a = silt_crc32c(0, bytes, cuts[i]);
        uint32_t b = silt_crc32c(0, bytes + cuts[i], sizeof bytes - cuts[i]);
        CU_ASSERT_EQUAL(silt_crc32c_combine(a, b, sizeof bytes - cuts[i]), whole);
    }
}

static void combining_reaches_beyond_four_gigabytes(void)
{
    /* Five parts of 2^31 zero bytes, put together in two ways. */
    uint8_t zeros[1024] = {0};
    uint32_t crc = silt_crc32c(0, zeros, sizeof zeros);
    uint64_t len = sizeof zeros;
    for (; len < 1ull << 31; len *= 2) crc = silt_crc32c_combine(crc, crc, len);
    uint32_t left = crc;
    for (int i = 0; i < 4; i++) left = silt_crc32c_combine(left, crc, len);
    uint32_t right = crc;
    for (uint64_t i = 1; i < 5; i++) right = silt_crc32c_combine(crc, right, i * len);
    CU_ASSERT_EQUAL(left, right);
}

/* Avro 1.11 specification, "Schema Fingerprints"; the numbers of the Java library's test data. */
static void crc64_avro_gives_the_known_fingerprints(void)
{
    CU_ASSERT_EQUAL(silt_crc64_avro("\"int\"", 5), 0x7275d51a3f395c8full);
    CU_ASSERT_EQUAL(silt_crc64_avro("\"null\"", 6), 0x63dd24e7cc258f8aull);
    CU_ASSERT_EQUAL(silt_crc64_avro("\"string\"", 8), 0x8f014872634503c7ull);
    CU_ASSERT_EQUAL(silt_crc64_avro("", 0), 0xc15d213aa4d7a795ull);
}

/* FIPS 180-4 examples. */
static void sha256_gives_the_known_digests(void)
{
    char text[SILT_SHA256_HEX];
    silt_sha256_hex("", 0, text);
    CU_ASSERT_STRING_EQUAL(text,
                           "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    silt_sha256_hex("abc", 3, text);
    CU_ASSERT_STRING_EQUAL(text,
                           "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    silt_sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, text);
    CU_ASSERT_STRING_EQUAL(text,
                           "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void check_hmac(const void *key, size_t key_len, const char *message, const char *digest)
{
    uint8_t bytes[SILT_SHA256_LEN];
    char text[SILT_SHA256_HEX];
    silt_hmac_sha256(key, key_len, message, strlen(message), bytes);
    silt_hex(bytes, sizeof bytes, text);
    CU_ASSERT_STRING_EQUAL(text, digest);
}

/* RFC 4231, test cases 1, 2 and 6. */
static void hmac_gives_the_known_digests(void)
{
    uint8_t key[131];
    memset(key, 0x0b, 20);
    check_hmac(key, 20, "Hi There",
               "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    check_hmac("Jefe", 4, "what do ya want for nothing?",
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, 131);
    check_hmac(key, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

SILT_TESTS("hash", {"the tables give the known CRCs", the_tables_give_the_known_crcs},
           {"the CPU gives the known CRCs", the_cpu_gives_the_known_crcs},
           {"both ways agree at every length and alignment",
            both_ways_agree_at_every_length_and_alignment},
           {"CRC-32C goes on where it stopped", crc32c_goes_on_where_it_stopped},
           {"combining is the CRC of both together", combining_is_the_crc_of_both_together},
           {"combining reaches beyond four gigabytes", combining_reaches_beyond_four_gigabytes},
           {"CRC-64-AVRO gives the known fingerprints", crc64_avro_gives_the_known_fingerprints},
           {"SHA-256 gives the known digests", sha256_gives_the_known_digests},
           {"HMAC-SHA-256 gives the known digests", hmac_gives_the_known_digests})
