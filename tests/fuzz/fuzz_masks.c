/* Masks on any datum: they change no verdict, and what they make is a datum of the same schema, of
 * which they leave as much again. */
#include "decode/masks.h"

#include "base/secret.h"
#include "fuzz.h"
#include "schemas.h"

#define BODY_MAX 100000u

static const struct silt_masks *the_masks(void)
{
    static const char *const drop[] = {"unit", "samples", "next", "kids.ok", "u", "p",
                                       "ps.a", "mm",      "e",    "b",       "a", "w"};
    static const char *const hash[] = {"sensor_id", "tags", "kids.sensor_id"};
    static struct silt_masks *masks;
    struct silt_mask_opts opts = {.drop = drop,
                                  .drop_n = sizeof drop / sizeof drop[0],
                                  .hash = hash,
                                  .hash_n = sizeof hash / sizeof hash[0]};
    if (masks) return masks;
    silt_secret_set(&opts.secret, "a secret of the fuzzer");
    if (!silt_ok(silt_masks_new(&opts, &masks, NULL))) abort();
    silt_secret_done(&opts.secret);
    return masks;
}

static const struct silt_schema *masked_schema(unsigned i)
{
    static struct silt_schema *made[FUZZ_SCHEMAS_N];
    const struct silt_schema_opts opts = {.id = SILT_NO_SCHEMA_ID, .masks = the_masks()};
    if (!made[i] &&
        !silt_ok(silt_schema_new(silt_slice_str(fuzz_schemas[i]), &opts, &made[i], NULL)))
        abort();
    return made[i];
}

static bool mask(struct silt_masker *masker, const struct silt_schema *schema,
                 struct silt_slice body, struct silt_verdict *ret_verdict)
{
    silt_masker_begin(masker, body);
    return silt_walk(schema->program, body, masker, ret_verdict);
}

/* Fewer bytes pay for fewer items without any. */
static void check_again(const struct silt_schema *schema, struct silt_slice body)
{
    struct silt_masker masker;
    struct silt_verdict verdict;
    struct silt_slice again;
    silt_masker_init(&masker, the_masks(), BODY_MAX);
    bool valid = mask(&masker, schema, body, &verdict);
    FUZZ_CHECK(valid || verdict.reason == SILT_REASON_WORK);
    if (valid) FUZZ_CHECK(silt_masker_end(&masker, body, &again) && again.len == body.len);
    silt_masker_done(&masker);
}

/* What stands on a path stands inline, and its items are walked one by one: other frames, other
 * work. */
static bool is_deep(const struct silt_verdict *verdict)
{
    return verdict->reason == SILT_REASON_DEPTH || verdict->reason == SILT_REASON_WORK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = fuzz_in(data, size);
    unsigned i = fuzz_below(&in, FUZZ_SCHEMAS_N);
    struct silt_slice body = fuzz_rest(&in);
    struct silt_verdict plain;
    struct silt_verdict verdict;
    struct silt_masker masker;
    struct silt_slice masked;
    silt_masker_init(&masker, the_masks(), BODY_MAX);
    bool is_valid = silt_walk(fuzz_schema(i)->program, body, NULL, &plain);
    bool is_masked = mask(&masker, masked_schema(i), body, &verdict);
    FUZZ_CHECK(is_valid == is_masked || is_deep(&plain) || is_deep(&verdict));
    if (is_masked && silt_masker_end(&masker, body, &masked)) check_again(masked_schema(i), masked);
    silt_masker_done(&masker);
    return 0;
}
