/* What differs between two configurations, by option. */
#include "base/alloc.h"
#include "base/buf.h"
#include "option_int.h"
#include "value_int.h"

#include <string.h>

static bool same_secret(const struct silt_secret *a, const struct silt_secret *b)
{
    return strcmp(silt_secret_reveal(a), silt_secret_reveal(b)) == 0;
}

/* Some properties are secrets, which would all be written as "(set)". */
static bool same_pairs(const struct silt_pairs *a, const struct silt_pairs *b)
{
    if (a->n != b->n) return false;
    for (unsigned i = 0; i < a->n; i++)
        if (strcmp(a->names[i], b->names[i]) != 0 || strcmp(a->values[i], b->values[i]) != 0)
            return false;
    return true;
}

static bool same(const struct silt_config *a, const struct silt_config *b,
                 const struct silt_option *option)
{
    struct silt_buf x silt_auto(silt_buf_done);
    struct silt_buf y silt_auto(silt_buf_done);
    silt_buf_init(&x, SILT_BUF_MAX_DEFAULT);
    silt_buf_init(&y, SILT_BUF_MAX_DEFAULT);
    if (option->type == SILT_OPT_SECRET)
        return same_secret(silt_value_member(a, option), silt_value_member(b, option));
    if (option->type == SILT_OPT_PAIRS)
        return same_pairs(silt_value_member(a, option), silt_value_member(b, option));
    silt_value_write(&x, a, option);
    silt_value_write(&y, b, option);
    return silt_slice_eq(silt_buf_slice(&x), silt_buf_slice(&y));
}

void silt_config_changes(const struct silt_config *before, const struct silt_config *after,
                         silt_config_change_fn *fn, void *ctx)
{
    for (unsigned i = 0; i < silt_options_n; i++)
        if (!same(before, after, &silt_options[i])) fn(ctx, silt_options[i].name);
}
