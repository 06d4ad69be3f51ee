/* Checksums: CRC-32C (Castagnoli; SSE4.2 where the CPU has it), CRC-64-AVRO (Avro specification,
 * "Single-object encoding"), SHA-256 (OpenSSL). Pure, any thread.
 */
#ifndef SILT_BASE_HASH_H
#define SILT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* CRC of `bytes` appended to data whose CRC is `crc` (0 at the beginning). */
uint32_t silt_crc32c(uint32_t crc, const void *bytes, size_t len);
/* CRC of A followed by B, from their CRCs and B's length. */
uint32_t silt_crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b);

/* Rabin fingerprint of a schema's parsing canonical form. */
uint64_t silt_crc64_avro(const void *bytes, size_t len);

#define SILT_SHA256_LEN 32
#define SILT_SHA256_HEX 65 /* with its end */
void silt_sha256(const void *bytes, size_t len, uint8_t ret_digest[SILT_SHA256_LEN]);
void silt_sha256_hex(const void *bytes, size_t len, char ret_text[SILT_SHA256_HEX]);
void silt_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                      uint8_t ret_digest[SILT_SHA256_LEN]);

/* To be called before anything else: OpenSSL then keeps its tables when the process exits. Threads
 * of the Kafka client and of name look-ups may outlive main, and would find them gone. */
void silt_hash_outlives_exit(void);

#endif
