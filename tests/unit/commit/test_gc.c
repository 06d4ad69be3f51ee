#include "commit/gc.h"

#include "harness.h"

static struct silt_manifest_file files[] = {{.upload_id = (char[]){"u1"}},
                                            {.upload_id = (char[]){"u2"}}};

static void an_undecided_upload_is_kept(void)
{
    CU_ASSERT_EQUAL(silt_gc_decide_slot(NULL, "u1"), SILT_GC_KEEP);
    CU_ASSERT_EQUAL(silt_gc_decide_repair(NULL, "u1"), SILT_GC_KEEP);
}

static void a_slot_keeps_what_it_lists_and_nothing_else(void)
{
    struct silt_manifest slot = {.files = files, .files_n = 2};
    struct silt_manifest gap = {.kind = SILT_SLOT_GAP};
    CU_ASSERT_EQUAL(silt_gc_decide_slot(&slot, "u1"), SILT_GC_KEEP);
    CU_ASSERT_EQUAL(silt_gc_decide_slot(&slot, "u2"), SILT_GC_KEEP);
    CU_ASSERT_EQUAL(silt_gc_decide_slot(&slot, "u3"), SILT_GC_ABORT);
    CU_ASSERT_EQUAL(silt_gc_decide_slot(&gap, "u1"), SILT_GC_ABORT);
}

static void a_repair_keeps_its_own_upload_unless_the_file_is_lost(void)
{
    struct silt_repair repair = {.with = files[0]};
    CU_ASSERT_EQUAL(silt_gc_decide_repair(&repair, "u1"), SILT_GC_KEEP);
    CU_ASSERT_EQUAL(silt_gc_decide_repair(&repair, "u2"), SILT_GC_ABORT);
    repair = (struct silt_repair){.lost = true};
    CU_ASSERT_EQUAL(silt_gc_decide_repair(&repair, "u1"), SILT_GC_ABORT);
}

SILT_TESTS("gc", {"an undecided upload is kept", an_undecided_upload_is_kept},
           {"a slot keeps what it lists and nothing else",
            a_slot_keeps_what_it_lists_and_nothing_else},
           {"a repair keeps its own upload unless the file is lost",
            a_repair_keeps_its_own_upload_unless_the_file_is_lost})
