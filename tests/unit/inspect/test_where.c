#include "inspect/where.h"

#include "archive_tools.h"

#include <stdlib.h>

static struct silt_log_ref log_of(const struct tool *tool)
{
    struct silt_log_ref log;
    char key[SILT_KEY_MAX];
    tool_manifest_key(tool, 0, key);
    if (!silt_log_ref_parse(key, &log)) abort();
    return log;
}

static struct silt_where where_is(struct tool *tool, int64_t offset)
{
    struct silt_where where = {0};
    struct silt_err err;
    struct silt_log_ref log = log_of(tool);
    struct silt_rc rc = silt_where(&tool->mem->store, &log, offset, &where, &err);
    CU_ASSERT_OK(rc);
    if (!silt_ok(rc)) fprintf(stderr, "%s\n", err.text);
    silt_free(log.prefix);
    return where;
}

static void fails(struct tool *tool, int64_t offset, enum silt_code code, const char *words)
{
    struct silt_where where;
    struct silt_err err = {0};
    struct silt_log_ref log = log_of(tool);
    CU_ASSERT_FAILS(silt_where(&tool->mem->store, &log, offset, &where, &err));
    CU_ASSERT_EQUAL(err.code, code);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, words));
    if (!strstr(err.text, words)) fprintf(stderr, "%s\n", err.text);
    silt_free(log.prefix);
}

static int64_t slot_for(struct tool *tool, int64_t offset)
{
    struct silt_seek seek;
    struct silt_log_ref log = log_of(tool);
    CU_ASSERT_OK(silt_slots_seek(&tool->mem->store, &log, offset, &seek, NULL));
    CU_ASSERT(!seek.truncated);
    silt_free(log.prefix);
    return seek.seq;
}

/* Slot n ends before offset (n + 1)². */
static void a_long_log_is_searched_with_few_requests(void)
{
    struct tool tool;
    tool_init(&tool);
    CU_ASSERT_EQUAL(slot_for(&tool, 0), 0);
    for (int64_t n = 0; n < 300; n++) tool_gap(&tool, 2 * n + 1);
    for (int64_t n = 0; n < 300; n++) {
        CU_ASSERT_EQUAL(slot_for(&tool, n * n), n);
        CU_ASSERT_EQUAL(slot_for(&tool, (n + 1) * (n + 1) - 1), n);
    }
    CU_ASSERT_EQUAL(slot_for(&tool, 300 * 300), 300);
    unsigned before = tool.mem->calls[SILT_OP_GET];
    (void)slot_for(&tool, 4711);
    CU_ASSERT(tool.mem->calls[SILT_OP_GET] - before <= 10);
    tool_done(&tool);
}

static void row_is(struct tool *tool, int64_t offset, enum silt_role role, uint64_t block,
                   int64_t row)
{
    struct silt_where where = where_is(tool, offset);
    CU_ASSERT_EQUAL(where.kind, SILT_WHERE_ROW);
    CU_ASSERT_EQUAL(where.role, role);
    CU_ASSERT_EQUAL(where.block, block);
    CU_ASSERT_EQUAL(where.row, row);
    CU_ASSERT_PTR_NOT_NULL(silt_memory_find(tool->mem, where.object));
}

/* Four rows a block: 20 is the eleventh of the even offsets. Of ten 3 is a reject, 5 a hole and 7 a
 * tombstone. */
static void a_row_has_an_object_a_block_and_a_number(void)
{
    struct tool tool;
    tool_init(&tool);
    tool_gap(&tool, 10);
    tool_slot(&tool, &(struct tool_slot){.offsets = 30});
    row_is(&tool, 10, SILT_ROLE_DATA, 0, 0);
    row_is(&tool, 20, SILT_ROLE_DATA, 1, 1);
    row_is(&tool, 39, SILT_ROLE_DATA, 1, 1);
    row_is(&tool, 17, SILT_ROLE_TOMBSTONE, 0, 0);
    row_is(&tool, 33, SILT_ROLE_REJECTED, 0, 2);
    struct silt_where where = where_is(&tool, 23);
    CU_ASSERT_STRING_EQUAL(where.reason, "truncated");
    CU_ASSERT_STRING_EQUAL(where.detail, "at byte 3");
    CU_ASSERT_EQUAL(where.seq, 1);
    CU_ASSERT_EQUAL(where.start, 10);
    CU_ASSERT_EQUAL(where.next, 40);
    tool_done(&tool);
}

static void make_unreadable(struct silt_manifest *m)
{
    m->unreadable = m->holes;
    m->unreadable_n = m->holes_n;
    m->holes = NULL;
    m->holes_n = 0;
}

static void kind_is(struct tool *tool, int64_t offset, enum silt_where_kind kind)
{
    CU_ASSERT_EQUAL(where_is(tool, offset).kind, kind);
}

static void what_is_no_row_has_its_reason(void)
{
    struct tool tool;
    tool_init(&tool);
    kind_is(&tool, 0, SILT_WHERE_BEHIND);
    CU_ASSERT_EQUAL(where_is(&tool, 0).next, -1);
    tool.next = 100;
    tool_slot(&tool, NULL);
    kind_is(&tool, 0, SILT_WHERE_BEFORE);
    kind_is(&tool, 99, SILT_WHERE_BEFORE);
    CU_ASSERT_EQUAL(where_is(&tool, 99).start, 100);
    kind_is(&tool, 105, SILT_WHERE_HOLE);
    kind_is(&tool, 120, SILT_WHERE_BEHIND);
    CU_ASSERT_EQUAL(where_is(&tool, 4711).next, 120);
    tool_gap(&tool, 10);
    kind_is(&tool, 120, SILT_WHERE_GAP);
    kind_is(&tool, 129, SILT_WHERE_GAP);
    struct silt_manifest m = tool_manifest(&tool, 10);
    m.kind = SILT_SLOT_SKIP;
    tool_commit(&tool, &m);
    kind_is(&tool, 139, SILT_WHERE_SKIPPED);
    tool_slot(&tool, &(struct tool_slot){.edit_manifest = make_unreadable});
    kind_is(&tool, 145, SILT_WHERE_UNREADABLE);
    tool_done(&tool);
}

static void an_absent_object_is_on_its_way_lost_or_missing(void)
{
    struct tool tool;
    tool_init(&tool);
    tool_slot(&tool, &(struct tool_slot){.no_objects = true});
    kind_is(&tool, 0, SILT_WHERE_UPLOADING);
    CU_ASSERT_STRING_EQUAL(where_is(&tool, 0).object, tool.last.files[0].key);
    tool_repair(&tool, 0, 1, true, NULL);
    kind_is(&tool, 0, SILT_WHERE_LOST); /* the first odd offset is 1 */
    kind_is(&tool, 1, SILT_WHERE_UPLOADING);
    CU_ASSERT_STRING_EQUAL(where_is(&tool, 1).object, tool.last.files[1].key);
    tool_slot(&tool, NULL);
    kind_is(&tool, 1, SILT_WHERE_MISSING);
    kind_is(&tool, 21, SILT_WHERE_ROW);
    silt_memory_delete(tool.mem, tool.last.files[1].key);
    kind_is(&tool, 21, SILT_WHERE_MISSING);
    kind_is(&tool, 22, SILT_WHERE_ROW);
    tool_done(&tool);
}

/* Slots 0 … 2 have offsets 0 to 60, 3 goes back to 30, 4 has 30 to 50. */
static void in_a_truncated_log_the_newest_slot_counts(void)
{
    struct tool tool;
    tool_init(&tool);
    for (int i = 0; i < 3; i++) tool_slot(&tool, NULL);
    tool_lineage(&tool, 30);
    kind_is(&tool, 31, SILT_WHERE_ROW);
    CU_ASSERT_EQUAL(where_is(&tool, 31).seq, 1);
    CU_ASSERT_EQUAL(where_is(&tool, 31).truncated, 0);
    tool_slot(&tool, NULL);
    CU_ASSERT_EQUAL(where_is(&tool, 31).seq, 4);
    CU_ASSERT_EQUAL(where_is(&tool, 31).truncated, 1);
    CU_ASSERT_EQUAL(where_is(&tool, 2).seq, 0);
    CU_ASSERT_EQUAL(where_is(&tool, 52).seq, 2);
    kind_is(&tool, 60, SILT_WHERE_BEHIND);
    CU_ASSERT_EQUAL(where_is(&tool, 60).next, 50);
    tool_done(&tool);
}

static void skip_an_offset(struct silt_record *rec)
{
    if (rec->offset >= 4 && rec->offset % 2 == 0) rec->offset += 2;
}

static void damage_is_named(void)
{
    struct tool tool;
    char key[SILT_KEY_MAX];
    tool_init(&tool);
    tool_slot(&tool, &(struct tool_slot){.edit_row = skip_an_offset});
    fails(&tool, 4, SILT_E_CORRUPT, "no object of it has offset 4");
    tool_slot(&tool, &(struct tool_slot){.flip_sync = true});
    fails(&tool, 38, SILT_E_CORRUPT, tool.last.files[0].key);
    for (int i = 0; i < 3; i++) tool_gap(&tool, 1);
    tool_manifest_key(&tool, 2, key);
    tool_put(&tool, key, "x");
    fails(&tool, 0, SILT_E_CORRUPT, key);
    fails(&tool, 40, SILT_E_CORRUPT, "silt verify says more");
    silt_memory_delete(tool.mem, key);
    fails(&tool, 0, SILT_E_NOT_FOUND, key);
    tool_done(&tool);
}

static void move_on(struct silt_manifest *m)
{
    m->start++;
}

static void a_truncated_log_is_read_from_its_beginning(void)
{
    struct tool tool;
    char key[SILT_KEY_MAX];
    tool_init(&tool);
    tool_slot(&tool, NULL);
    tool_lineage(&tool, 10);
    tool_slot(&tool, NULL);
    tool_manifest_key(&tool, 0, key);
    tool_put(&tool, key, "x");
    fails(&tool, 12, SILT_E_CORRUPT, key);
    silt_memory_delete(tool.mem, key);
    fails(&tool, 12, SILT_E_CORRUPT, "slots before it are missing");
    tool_partition(&tool, "sensors", 1);
    tool_slot(&tool, &(struct tool_slot){.edit_manifest = move_on});
    fails(&tool, 12, SILT_E_CORRUPT, "silt verify");
    tool_done(&tool);
}

static void a_store_that_refuses_is_named(void)
{
    static const struct silt_memory_fault faults[] = {
        {SILT_OP_LIST, "", SILT_FAULT_REFUSED, SILT_STORE_DENIED, 1},
        {SILT_OP_GET, "0002.json", SILT_FAULT_REFUSED, SILT_STORE_DENIED, 1}, /* the search … */
        {SILT_OP_GET, "0000.json", SILT_FAULT_REFUSED, SILT_STORE_DENIED, 1},
        {SILT_OP_HEAD, "", SILT_FAULT_REFUSED, SILT_STORE_DENIED, 1},
        {SILT_OP_GET, "data/", SILT_FAULT_REFUSED, SILT_STORE_DENIED, 1}, /* … and the row */
    };
    struct tool tool;
    tool_init(&tool);
    for (int i = 0; i < 3; i++) tool_slot(&tool, NULL);
    for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        silt_memory_add_fault(tool.mem, &faults[i]);
        fails(&tool, 4, SILT_E_DENIED, faults[i].key_part);
    }
    tool_done(&tool);
}

SILT_TESTS("where",
           {"a long log is searched with few requests", a_long_log_is_searched_with_few_requests},
           {"a row has an object, a block and a number", a_row_has_an_object_a_block_and_a_number},
           {"what is no row has its reason", what_is_no_row_has_its_reason},
           {"an absent object is on its way, lost or missing",
            an_absent_object_is_on_its_way_lost_or_missing},
           {"in a truncated log the newest slot counts", in_a_truncated_log_the_newest_slot_counts},
           {"damage is named", damage_is_named},
           {"a truncated log is read from its beginning",
            a_truncated_log_is_read_from_its_beginning},
           {"a store that refuses is named", a_store_that_refuses_is_named})
