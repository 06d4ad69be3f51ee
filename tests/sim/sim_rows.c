/* What a row and its share of the digest must be, from the formats' description, without the
 * product's code. */
#include "sim.h"

#include <string.h>

static uint8_t *put_long(uint8_t *at, int64_t value)
{
    uint64_t rest = value < 0 ? ((uint64_t)(-(value + 1)) << 1) + 1 : (uint64_t)value << 1;
    do {
        *at++ = (uint8_t)((rest & 127) | (rest > 127 ? 128 : 0));
        rest >>= 7;
    } while (rest);
    return at;
}

static uint8_t *put_bytes(uint8_t *at, struct silt_slice bytes)
{
    at = put_long(at, (int64_t)bytes.len);
    if (bytes.len) memcpy(at, bytes.ptr, bytes.len);
    return at + bytes.len;
}

static uint8_t *put_branch(uint8_t *at, bool is_null)
{
    *at = is_null ? 0 : 2;
    return at + 1;
}

static uint8_t *put_meta(uint8_t *at, const struct silt_record *rec)
{
    at = put_long(at, rec->offset);
    at = put_branch(at, rec->timestamp_ms == -1);
    if (rec->timestamp_ms != -1) at = put_long(at, rec->timestamp_ms);
    at = put_branch(at, rec->key_null);
    if (!rec->key_null) at = put_bytes(at, rec->key);
    if (rec->headers_n) at = put_long(at, rec->headers_n);
    for (unsigned i = 0; i < rec->headers_n; i++) {
        at = put_bytes(at, rec->headers[i].key);
        at = put_branch(at, false);
        at = put_bytes(at, rec->headers[i].value);
    }
    return put_long(at, 0);
}

size_t sim_row(const struct silt_record *rec, enum silt_role role, const struct sim_why *why,
               uint8_t *out)
{
    size_t framing = world.confluent ? 5 : 10;
    uint8_t *at = put_meta(put_long(out, rec->partition), rec);
    if (role == SILT_ROLE_DATA) {
        memcpy(at, rec->value.ptr + framing, rec->value.len - framing);
        at += rec->value.len - framing;
    }
    if (role == SILT_ROLE_REJECTED) {
        at = put_bytes(at, silt_slice_str(why->reason));
        at = put_bytes(at, why->detail);
        at = put_branch(at, why->schema_id < 0);
        if (why->schema_id >= 0) at = put_long(at, why->schema_id);
        at = put_bytes(at, rec->value);
    }
    return (size_t)(at - out);
}

size_t sim_digested(const struct silt_record *rec, uint8_t *out)
{
    uint8_t *at = put_branch(put_meta(out, rec), rec->value_null);
    if (!rec->value_null) at = put_bytes(at, rec->value);
    return (size_t)(at - out);
}

size_t sim_varint(struct silt_slice in, int64_t *ret)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < in.len && i < 10; i++) {
        bits |= (uint64_t)(in.ptr[i] & 127) << (7 * i);
        if (in.ptr[i] & 128) continue;
        *ret = bits & 1 ? -(int64_t)(bits >> 1) - 1 : (int64_t)(bits >> 1);
        return i + 1;
    }
    return 0;
}
