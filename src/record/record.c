#include "record/record.h"

#include "base/err.h"

#include <string.h>
#include <strings.h>

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

static bool is_correlation(struct silt_slice key)
{
    static const char *const names[] = {"correlation_id", "correlation-id", "x-correlation-id"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == key.len &&
            strncasecmp(names[i], (const char *)key.ptr, key.len) == 0)
            return true;
    return false;
}

static void copy_printable(char *to, struct silt_slice from)
{
    size_t len = from.len < SILT_CORRELATION_MAX ? from.len : SILT_CORRELATION_MAX;
    for (size_t i = 0; i < len; i++)
        to[i] = from.ptr[i] >= ' ' && from.ptr[i] <= '~' ? (char)from.ptr[i] : '?';
    to[len] = '\0';
}

bool silt_record_correlation(const struct silt_record *rec, char ret_id[SILT_CORRELATION_MAX + 1])
{
    for (unsigned i = 0; i < rec->headers_n; i++) {
        const struct silt_header *header = &rec->headers[i];
        if (!header->value.len || !is_correlation(header->key)) continue;
        copy_printable(ret_id, header->value);
        return true;
    }
    return false;
}
