#include "base/hash.h"

#include "base/alloc.h"
#include "base/err.h"
#include "base/hash_int.h"
#include "base/random.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <string.h>

#define CRC32C_POLY 0x82f63b78u /* reflected 0x1EDC6F41, RFC 3720 appendix B.4 */
#define CRC64_AVRO_EMPTY 0xc15d213aa4d7a795ull

typedef uint32_t crc32c_fn(uint32_t crc, const uint8_t *at, size_t len);

static uint32_t table32[8][256];
static uint64_t table64[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_table32(void)
{
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t crc = n;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ CRC32C_POLY : crc >> 1;
        table32[0][n] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (uint32_t n = 0; n < 256; n++)
            table32[k][n] = table32[k - 1][n] >> 8 ^ table32[0][table32[k - 1][n] & 255];
}

static void make_tables(void)
{
    make_table32();
    for (uint64_t n = 0; n < 256; n++) {
        uint64_t fp = n;
        for (int bit = 0; bit < 8; bit++) fp = fp >> 1 ^ (CRC64_AVRO_EMPTY & (0 - (fp & 1)));
        table64[n] = fp;
    }
}

static uint64_t load64(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Slicing by 8 (Kounavis and Berry, 2005); little-endian like every machine we build for. */
uint32_t silt_crc32c_tables(uint32_t crc, const uint8_t *at, size_t len)
{
    pthread_once(&once, make_tables);
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word = load64(at) ^ crc;
        crc = 0;
        for (int k = 0; k < 8; k++) crc ^= table32[7 - k][word >> (8 * k) & 255];
    }
    for (; len; at++, len--) crc = crc >> 8 ^ table32[0][(crc ^ *at) & 255];
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t silt_crc32c_sse(uint32_t crc, const uint8_t *at,
                                                           size_t len)
{
    uint64_t wide = crc;
    for (; len >= 8; at += 8, len -= 8) wide = __builtin_ia32_crc32di(wide, load64(at));
    crc = (uint32_t)wide;
    for (; len; at++, len--) crc = __builtin_ia32_crc32qi(crc, *at);
    return crc;
}

bool silt_crc32c_has_sse(void)
{
    return __builtin_cpu_supports("sse4.2");
}
#else
uint32_t silt_crc32c_sse(uint32_t crc, const uint8_t *at, size_t len)
{
    return silt_crc32c_tables(crc, at, len);
}

bool silt_crc32c_has_sse(void)
{
    return false;
}
#endif

uint32_t silt_crc32c(uint32_t crc, const void *bytes, size_t len)
{
    crc32c_fn *way = silt_crc32c_has_sse() ? silt_crc32c_sse : silt_crc32c_tables;
    return ~way(~crc, bytes, len);
}

/* Product of two polynomials modulo the CRC's, both reflected (bit 31 is x^0). */
static uint32_t multiply_mod(uint32_t a, uint32_t b)
{
    uint32_t product = 0;
    for (uint32_t bit = 1u << 31; bit; bit >>= 1) {
        if (a & bit) product ^= b;
        b = b & 1 ? b >> 1 ^ CRC32C_POLY : b >> 1;
    }
    return product;
}

uint32_t silt_crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b)
{
    uint32_t shift = 1u << 31;  /* x^0 */
    uint32_t square = 1u << 23; /* x^8: one byte */
    for (uint64_t n = len_b; n; n >>= 1) {
        if (n & 1) shift = multiply_mod(shift, square);
        square = multiply_mod(square, square);
    }
    return multiply_mod(shift, crc_a) ^ crc_b;
}

uint64_t silt_crc64_avro(const void *bytes, size_t len)
{
    pthread_once(&once, make_tables);
    const uint8_t *at = bytes;
    uint64_t fp = CRC64_AVRO_EMPTY;
    for (size_t i = 0; i < len; i++) fp = fp >> 8 ^ table64[(fp ^ at[i]) & 255];
    return fp;
}

#define OPENSSL "OpenSSL" /* whose digests fail only without memory */

void silt_sha256(const void *bytes, size_t len, uint8_t ret_digest[SILT_SHA256_LEN])
{
    unsigned digest_len = 0;
    silt_alloc_expect(EVP_Digest(bytes, len, ret_digest, &digest_len, EVP_sha256(), NULL), OPENSSL);
}

void silt_sha256_hex(const void *bytes, size_t len, char ret_text[SILT_SHA256_HEX])
{
    uint8_t digest[SILT_SHA256_LEN];
    silt_sha256(bytes, len, digest);
    silt_hex(digest, sizeof digest, ret_text);
}

void silt_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                      uint8_t ret_digest[SILT_SHA256_LEN])
{
    unsigned digest_len = 0;
    silt_alloc_expect(HMAC(EVP_sha256(), key, (int)key_len, bytes, len, ret_digest, &digest_len),
                      OPENSSL);
}

void silt_hash_outlives_exit(void)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}
