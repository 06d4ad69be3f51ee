/* A schema and what it refers to, any texts, cut at 0 bytes. What they become together, when it is
 * a schema, does not change again and can be read with itself. */
#include "registry_refs_int.h"
#include "schema_resolve_int.h"

#include "base/alloc.h"
#include "fuzz.h"

#include <string.h>

#define REFS_MAX 3u

/* The bytes up to the next 0, which is left out. */
static struct silt_slice next_text(struct fuzz_in *in)
{
    const uint8_t *end = in->left ? memchr(in->at, 0, in->left) : NULL;
    struct silt_slice text = fuzz_slice(in, end ? (size_t)(end - in->at) : in->left);
    (void)fuzz_byte(in);
    return text;
}

static void copy(struct silt_slice text, struct silt_buf *ret_buf)
{
    silt_buf_init(ret_buf, (size_t)1 << 20);
    FUZZ_CHECK(silt_buf_append(ret_buf, text.ptr, text.len));
}

static void fetch(struct fuzz_in *in, struct silt_refs *refs)
{
    while (fuzz_more(in) && refs->n < REFS_MAX) {
        const struct silt_reference one = {.subject = (char[]){"s"},
                                           .version = (int32_t)refs->n + 1};
        struct silt_buf text;
        copy(next_text(in), &text);
        FUZZ_CHECK(silt_ok(silt_refs_add(refs, &one, 1, NULL)));
        FUZZ_CHECK(silt_ok(silt_refs_fetched(refs, &text, NULL)));
    }
}

static void check_whole(const struct silt_refs *refs, const struct silt_buf *whole)
{
    struct silt_tree *tree;
    struct silt_buf again;
    struct silt_err err;
    if (!silt_ok(silt_tree_new(silt_buf_slice(whole), &tree, NULL))) return;
    FUZZ_CHECK(silt_ok(silt_schema_resolve(tree, tree, &err)) || strstr(err.text, " too "));
    silt_tree_free(tree);
    copy(silt_buf_slice(whole), &again);
    FUZZ_CHECK(silt_ok(silt_refs_compose(refs, &again, NULL)));
    FUZZ_CHECK(silt_slice_eq(silt_buf_slice(whole), silt_buf_slice(&again)));
    silt_buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = fuzz_in(data, size);
    struct silt_refs refs = {0};
    struct silt_buf schema;
    struct silt_err err;
    copy(next_text(&in), &schema);
    fetch(&in, &refs);
    if (silt_ok(silt_refs_compose(&refs, &schema, &err)))
        check_whole(&refs, &schema);
    else
        FUZZ_CHECK(err.code == SILT_E_SCHEMA && err.text[0]);
    silt_buf_done(&schema);
    silt_refs_done(&refs);
    return 0;
}
