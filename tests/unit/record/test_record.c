#include "record/record.h"

#include "harness.h"

#include <string.h>

static void every_reason_has_its_name_and_text(void)
{
    CU_ASSERT_STRING_EQUAL(silt_reason_name(SILT_REASON_NONE), "none");
    CU_ASSERT_STRING_EQUAL(silt_reason_name(SILT_REASON_TRUNCATED), "truncated");
    CU_ASSERT_STRING_EQUAL(silt_reason_text(SILT_REASON_TRAILING),
                           "bytes follow the end of the record");
    for (int a = 0; a < SILT_REASONS_N; a++)
        for (int b = 0; b < a; b++)
            CU_ASSERT(strcmp(silt_reason_name((enum silt_reason)a),
                             silt_reason_name((enum silt_reason)b)) != 0);
}

static struct silt_header header(const char *key, const char *value)
{
    return (struct silt_header){.key = silt_slice_str(key), .value = silt_slice_str(value)};
}

static void a_correlation_id_is_found_by_the_name_of_its_header(void)
{
    const struct silt_header headers[] = {header("trace", "no"), header("correlation_id", ""),
                                          header("X-Correlation-ID", "or\001der 7"),
                                          header("correlation-id", "later")};
    const struct silt_record rec = {.headers = headers, .headers_n = 4};
    const struct silt_record none = {.headers = headers, .headers_n = 2};
    char id[SILT_CORRELATION_MAX + 1] = "untouched";
    CU_ASSERT(!silt_record_correlation(&none, id));
    CU_ASSERT_STRING_EQUAL(id, "untouched");
    CU_ASSERT(silt_record_correlation(&rec, id));
    CU_ASSERT_STRING_EQUAL(id, "or?der 7");
}

static void a_long_correlation_id_is_cut(void)
{
    char value[200];
    char id[SILT_CORRELATION_MAX + 1];
    memset(value, 'x', sizeof value);
    value[sizeof value - 1] = '\0';
    const struct silt_header headers[] = {header("CORRELATION_ID", value)};
    const struct silt_record rec = {.headers = headers, .headers_n = 1};
    CU_ASSERT(silt_record_correlation(&rec, id));
    CU_ASSERT_EQUAL(strlen(id), SILT_CORRELATION_MAX);
}

SILT_TESTS("record", {"every reason has its name and text", every_reason_has_its_name_and_text},
           {"a correlation id is found by the name of its header",
            a_correlation_id_is_found_by_the_name_of_its_header},
           {"a long correlation id is cut", a_long_correlation_id_is_cut})
