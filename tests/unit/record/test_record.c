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

SILT_TESTS("record", {"every reason has its name and text", every_reason_has_its_name_and_text})
