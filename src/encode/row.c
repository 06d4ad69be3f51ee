#define XXH_INLINE_ALL /* two short updates a record: a tenth of the row is saved */
#include <xxhash.h>

#include "encode/row.h"

#include "base/alloc.h"
#include "base/err.h"
#include "base/jsonw.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define VARINT_MAX 10u
/* Framing bytes of a value: 5 (Confluent) or 10 (single object). */
#define FRAMING_MAX 16u
/* partition; offset; timestamp and its branch; key's length and branch; headers' count and end */
#define META_MAX (VARINT_MAX + VARINT_MAX + (1 + VARINT_MAX) + (1 + VARINT_MAX) + VARINT_MAX + 1)
/* a header's key length, value length and branch */
#define HEADER_MAX (VARINT_MAX + 1 + VARINT_MAX)
/* What stands before the body in the digest: branch, length, framing */
#define VALUE_HEAD_MAX (1 + VARINT_MAX + FRAMING_MAX)

/* U+FFFD, in the place of a byte that is no UTF-8 */
#define REPLACEMENT "\xef\xbf\xbd"
#define REPLACEMENT_LEN (sizeof REPLACEMENT - 1)

#define BRANCH_NULL 0x00  /* zig-zag of 0 */
#define BRANCH_VALUE 0x02 /* zig-zag of 1 */

/* -- digest -- */

#define STATE_ALIGN 64u /* of XXH3_state_t; silt_alloc gives 16 */

struct silt_digest {
    XXH3_state_t *state; /* inside room */
    uint8_t room[sizeof(XXH3_state_t) + STATE_ALIGN];
};

struct silt_digest *silt_digest_new(void)
{
    struct silt_digest *digest = SILT_NEW(struct silt_digest);
    void *aligned = digest->room + (STATE_ALIGN - (uintptr_t)digest->room % STATE_ALIGN);
    digest->state = aligned;
    silt_digest_reset(digest);
    return digest;
}

void silt_digest_free(struct silt_digest *digest)
{
    silt_free(digest);
}

void silt_digest_reset(struct silt_digest *digest)
{
    XXH3_INITSTATE(digest->state);
    SILT_ASSERT(XXH3_128bits_reset(digest->state) == XXH_OK);
}

void silt_digest_hex(const struct silt_digest *digest, char ret_text[SILT_DIGEST_HEX])
{
    XXH128_hash_t hash = XXH3_128bits_digest(digest->state);
    snprintf(ret_text, SILT_DIGEST_HEX, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64,
             (uint64_t)hash.low64);
}

/* Fails only for a NULL state. */
static void feed(struct silt_digest *digest, const uint8_t *from, size_t len)
{
    (void)XXH3_128bits_update(digest->state, from, len);
}

/* -- varints -- */

size_t silt_varint_write(uint8_t *out, int64_t value)
{
    uint64_t rest = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    size_t len = 0;
    for (; rest >= 0x80; rest >>= 7) out[len++] = (uint8_t)(rest | 0x80);
    out[len++] = (uint8_t)rest;
    return len;
}

size_t silt_varint_read(struct silt_slice in, int64_t *ret_value)
{
    uint64_t bits = 0;
    size_t max = in.len < VARINT_MAX ? in.len : VARINT_MAX;
    for (size_t i = 0; i < max; i++) {
        uint8_t byte = in.ptr[i];
        if (i == VARINT_MAX - 1 && byte > 1) return 0; /* more than 64 bits */
        bits |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80) continue;
        *ret_value = (int64_t)(bits >> 1 ^ (0 - (bits & 1)));
        return i + 1;
    }
    return 0;
}

/* -- writing: each put_… returns the end of what it wrote -- */

static uint8_t *put_varint(uint8_t *at, int64_t value)
{
    return at + silt_varint_write(at, value);
}

static uint8_t *put_raw(uint8_t *at, struct silt_slice bytes)
{
    if (bytes.len) memcpy(at, bytes.ptr, bytes.len);
    return at + bytes.len;
}

static uint8_t *put_bytes(uint8_t *at, struct silt_slice bytes)
{
    return put_raw(put_varint(at, (int64_t)bytes.len), bytes);
}

static uint8_t *put_optional(uint8_t *at, bool is_null, struct silt_slice bytes)
{
    *at++ = is_null ? BRANCH_NULL : BRANCH_VALUE;
    return is_null ? at : put_bytes(at, bytes);
}

/* Length of the text that `at` begins with as one piece, 0 for a byte that is no UTF-8. */
static unsigned text_step(const uint8_t *at, size_t len)
{
    return *at < 0x80 ? 1 : silt_utf8_sequence(at, len);
}

static size_t count_bad_bytes(struct silt_slice text)
{
    size_t bad = 0;
    for (size_t i = 0; i < text.len;) {
        unsigned step = text_step(text.ptr + i, text.len - i);
        if (!step) bad++;
        i += step ? step : 1;
    }
    return bad;
}

/* Kafka lets a header's key be any bytes, an Avro string is UTF-8: strict readers would refuse the
 * whole file. */
static uint8_t *put_text(uint8_t *at, struct silt_slice text)
{
    size_t bad = count_bad_bytes(text);
    if (!bad) return put_bytes(at, text);
    at = put_varint(at, (int64_t)(text.len + bad * (REPLACEMENT_LEN - 1)));
    for (size_t i = 0; i < text.len;) {
        unsigned step = text_step(text.ptr + i, text.len - i);
        at = step ? put_raw(at, silt_slice_of(text.ptr + i, step))
                  : put_raw(at, silt_slice_of(REPLACEMENT, REPLACEMENT_LEN));
        i += step ? step : 1;
    }
    return at;
}

static uint8_t *put_headers(uint8_t *at, const struct silt_record *rec)
{
    if (rec->headers_n) {
        at = put_varint(at, rec->headers_n);
        for (unsigned i = 0; i < rec->headers_n; i++) {
            const struct silt_header *header = &rec->headers[i];
            at = put_text(at, header->key);
            at = put_optional(at, header->value_null, header->value);
        }
    }
    *at++ = 0; /* the end of the array */
    return at;
}

/* The metadata columns; *ret_digested is where the digest's share of them begins. */
static uint8_t *put_meta(uint8_t *at, const struct silt_record *rec, const uint8_t **ret_digested)
{
    at = put_varint(at, rec->partition);
    *ret_digested = at;
    at = put_varint(at, rec->offset);
    *at++ = rec->timestamp_ms == SILT_NO_TIMESTAMP ? BRANCH_NULL : BRANCH_VALUE;
    if (rec->timestamp_ms != SILT_NO_TIMESTAMP) at = put_varint(at, rec->timestamp_ms);
    at = put_optional(at, rec->key_null, rec->key);
    return put_headers(at, rec);
}

/* The digest wants the value's head between the metadata and the body, the row does not. So the
 * head is written behind the metadata, hashed with it in one go, and then overwritten by the body:
 * two calls of the hash for a record, each of which costs more than the bytes it hashes. */
static void feed_record(struct silt_digest *digest, const uint8_t *meta, uint8_t *meta_end,
                        struct silt_slice framing, struct silt_slice body)
{
    SILT_ASSERT(framing.len <= FRAMING_MAX);
    *meta_end = BRANCH_VALUE;
    uint8_t *end = put_varint(meta_end + 1, (int64_t)(framing.len + body.len));
    end = put_raw(end, framing);
    feed(digest, meta, (size_t)(end - meta));
    feed(digest, body.ptr, body.len);
}

size_t silt_row_data(uint8_t *out, const struct silt_record *rec, struct silt_slice framing,
                     struct silt_slice body, struct silt_digest *digest)
{
    const uint8_t *meta;
    uint8_t *end = put_meta(out, rec, &meta);
    if (digest) feed_record(digest, meta, end, framing, body);
    end = put_raw(end, body);
    return (size_t)(end - out);
}

size_t silt_row_tombstone(uint8_t *out, const struct silt_record *rec, struct silt_digest *digest)
{
    const uint8_t *meta;
    uint8_t *end = put_meta(out, rec, &meta);
    *end = BRANCH_NULL;
    if (digest) feed(digest, meta, (size_t)(end - meta) + 1);
    return (size_t)(end - out);
}

size_t silt_row_reject(uint8_t *out, const struct silt_record *rec,
                       const struct silt_reject_row *why, struct silt_digest *digest)
{
    const uint8_t *meta;
    uint8_t *end = put_meta(out, rec, &meta);
    if (digest) feed_record(digest, meta, end, silt_slice_of(NULL, 0), rec->value);
    end = put_bytes(end, silt_slice_str(why->reason));
    end = put_bytes(end, silt_slice_str(why->detail));
    *end++ = why->has_schema_id ? BRANCH_VALUE : BRANCH_NULL;
    if (why->has_schema_id) end = put_varint(end, why->schema_id);
    end = put_bytes(end, rec->value);
    return (size_t)(end - out);
}

size_t silt_row_size_max(const struct silt_record *rec, struct silt_slice body)
{
    size_t size = META_MAX + VALUE_HEAD_MAX + rec->key.len + body.len;
    for (unsigned i = 0; i < rec->headers_n; i++)
        size += HEADER_MAX + REPLACEMENT_LEN * rec->headers[i].key.len + rec->headers[i].value.len;
    return size;
}

size_t silt_row_reject_size_max(const struct silt_record *rec, const struct silt_reject_row *why)
{
    return silt_row_size_max(rec, rec->value) + 4 * VARINT_MAX + 1 + strlen(why->reason) +
           strlen(why->detail);
}

/* -- reading: each take_… moves `in` behind what it read and returns false for damage -- */

static bool take_varint(struct silt_slice *in, int64_t *ret_value)
{
    size_t len = silt_varint_read(*in, ret_value);
    *in = silt_slice_of(in->ptr + len, in->len - len);
    return len != 0;
}

static bool take_bytes(struct silt_slice *in, struct silt_slice *ret_bytes)
{
    int64_t len;
    if (!take_varint(in, &len) || len < 0 || (uint64_t)len > in->len) return false;
    *ret_bytes = silt_slice_of(in->ptr, (size_t)len);
    *in = silt_slice_of(in->ptr + len, in->len - (size_t)len);
    return true;
}

static bool take_branch(struct silt_slice *in, bool *ret_null)
{
    int64_t branch;
    if (!take_varint(in, &branch) || branch < 0 || branch > 1) return false;
    *ret_null = branch == 0;
    return true;
}

static bool take_optional(struct silt_slice *in, bool *ret_null, struct silt_slice *ret_bytes)
{
    *ret_bytes = silt_slice_of(NULL, 0);
    return take_branch(in, ret_null) && (*ret_null || take_bytes(in, ret_bytes));
}

static bool take_timestamp(struct silt_slice *in, int64_t *ret_timestamp_ms)
{
    bool is_null;
    *ret_timestamp_ms = SILT_NO_TIMESTAMP;
    return take_branch(in, &is_null) && (is_null || take_varint(in, ret_timestamp_ms));
}

/* An array comes in blocks up to an empty one; a negative count has the block's size behind it.
 * (Avro 1.11 specification, "Arrays") */
static bool take_headers(struct silt_slice *in, struct silt_header *headers, unsigned headers_max,
                         unsigned *ret_n)
{
    unsigned n = 0;
    for (;;) {
        int64_t count;
        int64_t size;
        if (!take_varint(in, &count)) return false;
        if (count == 0) break;
        if (count < 0 && !take_varint(in, &size)) return false;
        uint64_t more = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
        if (more > headers_max - n) return false;
        for (; more; more--, n++) {
            if (!take_bytes(in, &headers[n].key)) return false;
            if (!take_optional(in, &headers[n].value_null, &headers[n].value)) return false;
        }
    }
    *ret_n = n;
    return true;
}

size_t silt_row_read(struct silt_slice row, struct silt_record *ret_rec,
                     struct silt_header *headers, unsigned headers_max)
{
    struct silt_slice in = row;
    struct silt_record rec = {.leader_epoch = -1, .value_null = true, .headers = headers};
    int64_t partition;
    if (!take_varint(&in, &partition) || partition < 0 || partition > INT32_MAX) return 0;
    rec.partition = (int32_t)partition;
    if (!take_varint(&in, &rec.offset) || rec.offset < 0) return 0;
    if (!take_timestamp(&in, &rec.timestamp_ms)) return 0;
    if (!take_optional(&in, &rec.key_null, &rec.key)) return 0;
    if (!take_headers(&in, headers, headers_max, &rec.headers_n)) return 0;
    *ret_rec = rec;
    return row.len - in.len;
}
