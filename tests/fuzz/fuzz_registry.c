/* Any answer of a schema registry: found with a schema, or refused with a reason that can be read.
 */
#include "registry_json_int.h"

#include "decode/schema.h"
#include "fuzz.h"

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F) return false;
    return true;
}

/* What the registry calls a schema may be anything. */
static void use_schema(struct silt_slice json)
{
    const struct silt_schema_opts opts = {.id = 1, .sensor_id_field = "", .time_field = ""};
    struct silt_schema *schema;
    if (silt_ok(silt_schema_new(json, &opts, &schema, NULL))) silt_schema_unref(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 404, 400, 401, 403, 422, 429, 500, 503, 0, 204, 302};
    struct fuzz_in in = fuzz_in(data, size);
    int status = statuses[fuzz_below(&in, sizeof statuses / sizeof statuses[0])];
    struct silt_registry_answer answer;
    silt_registry_read(status, fuzz_rest(&in), &answer);
    if (answer.kind == SILT_REGISTRY_FOUND) {
        FUZZ_CHECK(status == 200);
        use_schema(silt_buf_slice(&answer.schema));
    } else {
        FUZZ_CHECK(answer.kind <= SILT_REGISTRY_OUTAGE && answer.code != SILT_E_NONE);
        FUZZ_CHECK(answer.text[0] && is_printable(answer.text));
        FUZZ_CHECK(answer.kind != SILT_REGISTRY_UNKNOWN || status == 404);
    }
    silt_registry_answer_done(&answer);
    return 0;
}
