#include "framing_int.h"

#include <endian.h>

#define CONFLUENT_LEN 5
#define SINGLE_OBJECT_LEN 10

static void split(struct silt_slice value, size_t at, struct silt_framed *ret_framed)
{
    ret_framed->framing = silt_slice_of(value.ptr, at);
    ret_framed->body = silt_slice_of(value.ptr + at, value.len - at);
}

static const char *read_confluent(struct silt_slice value, struct silt_framed *ret_framed)
{
    if (value.len < CONFLUENT_LEN) return "fewer than the 5 bytes of the Confluent framing";
    if (value.ptr[0] != 0) return "byte 0 is not the 0 of the Confluent framing";
    uint32_t id;
    memcpy(&id, value.ptr + 1, sizeof id);
    ret_framed->schema_id = (int32_t)be32toh(id);
    split(value, CONFLUENT_LEN, ret_framed);
    return NULL;
}

static const char *read_single_object(struct silt_slice value, struct silt_framed *ret_framed)
{
    if (value.len < SINGLE_OBJECT_LEN)
        return "fewer than the 10 bytes of the single-object framing";
    if (value.ptr[0] != 0xC3 || value.ptr[1] != 0x01)
        return "bytes 0 and 1 are not the C3 01 of the single-object framing";
    memcpy(&ret_framed->fingerprint, value.ptr + 2, sizeof ret_framed->fingerprint);
    ret_framed->fingerprint = le64toh(ret_framed->fingerprint);
    split(value, SINGLE_OBJECT_LEN, ret_framed);
    return NULL;
}

const char *silt_framing_read(enum silt_framing framing, struct silt_slice value,
                              struct silt_framed *ret_framed)
{
    *ret_framed = (struct silt_framed){.schema_id = SILT_NO_SCHEMA_ID};
    if (framing == SILT_FRAMING_CONFLUENT) return read_confluent(value, ret_framed);
    if (framing == SILT_FRAMING_SINGLE_OBJECT) return read_single_object(value, ret_framed);
    split(value, 0, ret_framed);
    return NULL;
}
