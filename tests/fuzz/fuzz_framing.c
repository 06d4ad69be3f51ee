/* The bytes in front of an Avro body: framing and body are the value, nothing more or less. */
#include "framing_int.h"

#include "fuzz.h"

static void check(enum silt_framing framing, struct silt_slice value)
{
    static const size_t lens[] = {[SILT_FRAMING_CONFLUENT] = 5, [SILT_FRAMING_SINGLE_OBJECT] = 10};
    struct silt_framed framed;
    const char *missing = silt_framing_read(framing, value, &framed);
    size_t len = framing == SILT_FRAMING_NONE ? 0 : lens[framing];
    if (missing) {
        FUZZ_CHECK(missing[0] && framing != SILT_FRAMING_NONE);
        FUZZ_CHECK(value.len < len || value.ptr[0] != 0 || framing != SILT_FRAMING_CONFLUENT);
        return;
    }
    FUZZ_CHECK(framed.framing.len == len && framed.framing.ptr == value.ptr);
    FUZZ_CHECK(framed.body.len == value.len - len);
    FUZZ_CHECK(framed.body.len == 0 || framed.body.ptr == value.ptr + len);
    if (framing == SILT_FRAMING_CONFLUENT)
        FUZZ_CHECK((uint8_t)framed.schema_id == value.ptr[4] && value.ptr[0] == 0);
    if (framing == SILT_FRAMING_SINGLE_OBJECT)
        FUZZ_CHECK((uint8_t)framed.fingerprint == value.ptr[2] && value.ptr[0] == 0xC3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(SILT_FRAMING_CONFLUENT, silt_slice_of(data, size));
    check(SILT_FRAMING_SINGLE_OBJECT, silt_slice_of(data, size));
    check(SILT_FRAMING_NONE, silt_slice_of(data, size));
    return 0;
}
