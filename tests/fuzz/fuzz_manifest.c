/* Any text as a manifest and as a repair record: what is accepted, written again, is the same. */
#include "commit/manifest.h"

#include "commit/gc.h"
#include "fuzz.h"

static void check_err(const struct silt_err *err)
{
    FUZZ_CHECK(err->code == SILT_E_CORRUPT || err->code == SILT_E_UNSUPPORTED);
    FUZZ_CHECK(err->text[0]);
}

/* Nothing that a committed slot lists may ever be collected. */
static void check_kept(const struct silt_manifest *m)
{
    for (unsigned i = 0; i < m->files_n; i++)
        FUZZ_CHECK(silt_gc_decide_slot(m, m->files[i].upload_id) == SILT_GC_KEEP);
}

static void check_books(const struct silt_manifest *m)
{
    if (!silt_ok(silt_manifest_check(m, NULL))) return;
    int64_t missing =
        silt_offsets_sum(m->holes, m->holes_n) + silt_offsets_sum(m->unreadable, m->unreadable_n);
    int64_t files = 0;
    for (unsigned i = 0; i < m->files_n; i++) files += m->files[i].records;
    if (m->kind != SILT_SLOT_DATA) return;
    FUZZ_CHECK(m->records + m->rejected + missing == m->next - m->start);
    FUZZ_CHECK(files == m->records + m->rejected);
}

/* Slot 0 follows nothing, and no slot follows itself. */
static void check_link(const struct silt_manifest *m)
{
    bool is_first = m->seq == 0 && strcmp(m->prev, SILT_NO_PREV) == 0;
    FUZZ_CHECK(silt_ok(silt_manifest_check_link(m, NULL, NULL, NULL)) == is_first);
    FUZZ_CHECK(m->seq == INT64_MAX || !silt_ok(silt_manifest_check_link(m, m, m->prev, NULL)));
}

static void manifest(struct silt_slice bytes)
{
    struct silt_manifest first;
    struct silt_manifest second;
    struct silt_buf once;
    struct silt_buf twice;
    struct silt_err err;
    if (!silt_ok(silt_manifest_parse(bytes, &first, &err))) {
        check_err(&err);
        return;
    }
    silt_buf_init(&once, SILT_MANIFEST_MAX);
    silt_buf_init(&twice, SILT_MANIFEST_MAX);
    FUZZ_CHECK(silt_ok(silt_manifest_write(&first, &once, NULL)));
    FUZZ_CHECK(silt_ok(silt_manifest_parse(silt_buf_slice(&once), &second, NULL)));
    FUZZ_CHECK(silt_ok(silt_manifest_write(&second, &twice, NULL)));
    FUZZ_CHECK(silt_slice_eq(silt_buf_slice(&once), silt_buf_slice(&twice)));
    check_books(&first);
    check_link(&first);
    check_kept(&first);
    silt_buf_done(&once);
    silt_buf_done(&twice);
    silt_manifest_done(&first);
    silt_manifest_done(&second);
}

static void repair(struct silt_slice bytes)
{
    static const struct silt_tp tp = {.topic = "t", .topic_id = "0123456789abcdef"};
    struct silt_repair first;
    struct silt_repair second;
    struct silt_buf once;
    struct silt_buf twice;
    struct silt_err err;
    if (!silt_ok(silt_repair_parse(bytes, &first, &err))) {
        check_err(&err);
        return;
    }
    silt_buf_init(&once, SILT_MANIFEST_MAX);
    silt_buf_init(&twice, SILT_MANIFEST_MAX);
    FUZZ_CHECK(silt_ok(silt_repair_write(&first, &tp, &once, NULL)));
    FUZZ_CHECK(silt_ok(silt_repair_parse(silt_buf_slice(&once), &second, NULL)));
    FUZZ_CHECK(silt_ok(silt_repair_write(&second, &tp, &twice, NULL)));
    FUZZ_CHECK(silt_slice_eq(silt_buf_slice(&once), silt_buf_slice(&twice)));
    if (!first.lost)
        FUZZ_CHECK(silt_gc_decide_repair(&first, first.with.upload_id) == SILT_GC_KEEP);
    silt_buf_done(&once);
    silt_buf_done(&twice);
    silt_repair_done(&first);
    silt_repair_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    manifest(silt_slice_of(data, size));
    repair(silt_slice_of(data, size));
    return 0;
}
