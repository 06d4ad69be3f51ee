/* The walker on any bytes: it stays inside, names a place, and both of its ways in agree. */
#include "decode/walker.h"

#include "fuzz.h"
#include "schemas.h"

static void check_refusal(const struct silt_verdict *verdict, size_t len)
{
    FUZZ_CHECK(verdict->reason != SILT_REASON_NONE && verdict->reason < SILT_REASONS_N);
    FUZZ_CHECK(verdict->at <= len);
}

/* What is reported lies in the body. */
static void check_datum(const struct silt_verdict *verdict, struct silt_slice body)
{
    FUZZ_CHECK(verdict->reason == SILT_REASON_NONE);
    if (verdict->sensor_id.len == 0) return;
    FUZZ_CHECK(verdict->sensor_id.ptr >= body.ptr);
    FUZZ_CHECK(verdict->sensor_id.ptr + verdict->sensor_id.len <= body.ptr + body.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = fuzz_in(data, size);
    const struct silt_schema *schema = fuzz_schema(fuzz_below(&in, FUZZ_SCHEMAS_N));
    struct silt_slice body = fuzz_rest(&in);
    struct silt_verdict whole;
    struct silt_verdict first;
    size_t len = 0;
    bool is_whole = silt_walk(schema->program, body, NULL, &whole);
    bool is_prefix = silt_walk_prefix(schema->program, body, &len, &first);
    if (!is_whole) check_refusal(&whole, body.len);
    if (!is_prefix) {
        check_refusal(&first, body.len);
        FUZZ_CHECK(!is_whole && whole.reason == first.reason && whole.at == first.at);
        return 0;
    }
    FUZZ_CHECK(len <= body.len && is_whole == (len == body.len));
    if (!is_whole) FUZZ_CHECK(whole.reason == SILT_REASON_TRAILING && whole.at == len);
    check_datum(&first, body);
    /* Items without bytes are paid for by the bytes there are: fewer of them may be too few. */
    bool alone = silt_walk(schema->program, silt_slice_of(body.ptr, len), NULL, &whole);
    FUZZ_CHECK(alone || whole.reason == SILT_REASON_WORK);
    return 0;
}
