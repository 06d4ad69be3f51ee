#include "record/record.h"

#include "base/err.h"

static const struct {
    const char *name;
    const char *text;
} reasons[] = {
    [SILT_REASON_NONE] = {"none", "no reason"},
#define SILT_REASON(code, name, text) [SILT_REASON_##code] = {name, text},
#include "record/reason.def"
#undef SILT_REASON
};

const char *silt_reason_name(enum silt_reason reason)
{
    SILT_ASSERT(reason < SILT_REASONS_N);
    return reasons[reason].name;
}

const char *silt_reason_text(enum silt_reason reason)
{
    SILT_ASSERT(reason < SILT_REASONS_N);
    return reasons[reason].text;
}
