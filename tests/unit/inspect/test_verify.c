#include "inspect/verify.h"

#include "archive_tools.h"

#define SAID_MAX 64

struct said {
    enum silt_fault_kind kinds[SAID_MAX];
    char keys[SAID_MAX][SILT_KEY_MAX];
    char texts[SAID_MAX][400];
    int64_t first[SAID_MAX];
    unsigned n;
    unsigned pending;
    unsigned progress;
    struct silt_verify_totals totals;
    struct silt_rc rc;
    struct silt_err err;
};
static struct said said;

static void on_fault(void *ctx, const struct silt_fault *fault)
{
    struct said *to = ctx;
    if (to->n == SAID_MAX) return;
    to->kinds[to->n] = fault->kind;
    to->first[to->n] = fault->first;
    snprintf(to->keys[to->n], SILT_KEY_MAX, "%s", fault->key);
    snprintf(to->texts[to->n++], 400, "%s", fault->text);
}

static void on_pending(void *ctx, const struct silt_fault *fault)
{
    struct said *to = ctx;
    CU_ASSERT(fault->kind == SILT_FAULT_ABSENT);
    to->pending++;
}

static void on_progress(void *ctx, const struct silt_verify_totals *totals)
{
    struct said *to = ctx;
    CU_ASSERT(totals->partitions <= 3);
    to->progress++;
}

static void verify_filtered(struct tool *tool, enum silt_verify_level level, const char *topic,
                            int32_t partition)
{
    memset(&said, 0, sizeof said);
    said.rc =
        silt_verify(&(struct silt_verify_opts){.store = &tool->mem->store,
                                               .level = level,
                                               .filter = {.topic = topic, .partition = partition},
                                               .on_fault = on_fault,
                                               .on_pending = on_pending,
                                               .on_progress = on_progress,
                                               .ctx = &said},
                    &said.totals, &said.err);
    CU_ASSERT_EQUAL(said.totals.faults, said.n);
}

static void verify(struct tool *tool, enum silt_verify_level level)
{
    verify_filtered(tool, level, NULL, -1);
}

/* At least one fault of this kind, about this object, with these words. */
static bool was_said(enum silt_fault_kind kind, const char *key, const char *words)
{
    for (unsigned i = 0; i < said.n; i++)
        if (said.kinds[i] == kind && strcmp(said.keys[i], key) == 0 && strstr(said.texts[i], words))
            return true;
    for (unsigned i = 0; i < said.n; i++)
        fprintf(stderr, "said %s %s: %s\n", silt_fault_name(said.kinds[i]), said.keys[i],
                said.texts[i]);
    return false;
}

static bool was_only_said(enum silt_fault_kind kind, const char *key, const char *words)
{
    return was_said(kind, key, words) && said.n == 1;
}

/* ---- good archives ---- */

static void a_clean_archive_has_no_fault(void)
{
    struct tool tool;
    tool_init(&tool);
    for (unsigned i = 0; i < 3; i++) tool_slot(&tool, NULL);
    tool_gap(&tool, 7);
    tool_slot(&tool, NULL);
    tool_partition(&tool, "sensors", 1);
    tool_slot(&tool, NULL);
    tool_partition(&tool, "trucks", 0);
    tool_slot(&tool, NULL);
    for (int level = SILT_VERIFY_LIST; level <= SILT_VERIFY_DEEP; level++) {
        verify(&tool, (enum silt_verify_level)level);
        CU_ASSERT_OK(said.rc);
        CU_ASSERT_EQUAL(said.n, 0);
        CU_ASSERT_EQUAL(said.totals.partitions, 3);
        CU_ASSERT_EQUAL(said.totals.slots, 7);
        CU_ASSERT_EQUAL(said.totals.files, 24);
        CU_ASSERT_EQUAL(said.totals.records + said.totals.rejected, 6 * 18);
        CU_ASSERT(said.progress > 0);
    }
    tool_done(&tool);
}

static void a_part_of_it_can_be_asked_for(void)
{
    struct tool tool;
    tool_init(&tool);
    tool_slot(&tool, NULL);
    tool_partition(&tool, "sensors", 1);
    tool_slot(&tool, NULL);
    silt_memory_delete(tool.mem, tool.last.files[0].key);
    tool_gap(&tool, 1);
    tool_partition(&tool, "trucks", 0);
    tool_slot(&tool, NULL);
    tool_put(&tool, "data/topic=trucks/x", "x");
    verify_filtered(&tool, SILT_VERIFY_DEEP, "sensors", 0);
    CU_ASSERT_EQUAL(said.n, 0);
    CU_ASSERT_EQUAL(said.totals.partitions, 1);
    verify_filtered(&tool, SILT_VERIFY_DEEP, "sensors", -1);
    CU_ASSERT_EQUAL(said.n, 1);
    CU_ASSERT_EQUAL(said.totals.partitions, 2);
    verify_filtered(&tool, SILT_VERIFY_DEEP, "trucks", -1);
    CU_ASSERT(was_only_said(SILT_FAULT_FOREIGN, "data/topic=trucks/x", ""));
    verify_filtered(&tool, SILT_VERIFY_DEEP, "ships", -1);
    CU_ASSERT_FAILS(said.rc);
    CU_ASSERT_EQUAL(said.err.code, SILT_E_NOT_FOUND);
    verify_filtered(&tool, SILT_VERIFY_DEEP, "trucks", 5);
    CU_ASSERT_FAILS(said.rc);
    tool_done(&tool);
}

static void many_slots_are_read_page_by_page(void)
{
    struct tool tool;
    tool_init(&tool);
    const struct tool_slot small = {.offsets = 8};
    for (unsigned i = 0; i < 40; i++) tool_slot(&tool, &small);
    tool.mem->page_max = 7;
    verify(&tool, SILT_VERIFY_HEAD);
    CU_ASSERT_OK(said.rc);
    CU_ASSERT_EQUAL(said.n, 0);
    CU_ASSERT_EQUAL(said.totals.slots, 40);
    tool_done(&tool);
}

static void the_newest_slot_may_be_pending(void)
{
    const struct tool_slot pending = {.no_objects = true};
    struct tool tool;
    tool_init(&tool);
    tool_slot(&tool, NULL);
    tool_slot(&tool, &pending);
    for (int level = SILT_VERIFY_LIST; level <= SILT_VERIFY_DEEP; level++) {
        verify(&tool, (enum silt_verify_level)level);
        CU_ASSERT_EQUAL(said.n, 0);
        CU_ASSERT_EQUAL(said.pending, 4);
        CU_ASSERT_EQUAL(said.totals.pending, 4);
    }
    tool_gap(&tool, 1);
    verify(&tool, SILT_VERIFY_LIST);
    CU_ASSERT_EQUAL(said.n, 4);
    CU_ASSERT_EQUAL(said.pending, 0);
    tool_done(&tool);
}

static void an_object_of_the_newest_slot_is_not_pending_without_its_upload(void)
{
    struct tool tool;
    tool_init(&tool);
    tool_slot(&tool, NULL);
    silt_memory_delete(tool.mem, tool.last.files[0].key);
    verify(&tool, SILT_VERIFY_HEAD);
    CU_ASSERT(was_only_said(SILT_FAULT_ABSENT, tool.last.files[0].key, "upload"));
    CU_ASSERT_EQUAL(said.pending, 0);
    silt_memory_add_fault(tool.mem,
                          &(struct silt_memory_fault){SILT_OP_MPU_PARTS, "", SILT_FAULT_REFUSED,
                                                      SILT_STORE_DENIED, 1});
    verify(&tool, SILT_VERIFY_HEAD);
    CU_ASSERT_EQUAL(said.n, 0);
    CU_ASSERT_EQUAL(said.pending, 1);
    tool_repair(&tool, 1, 1, false, NULL); /* of another file */
    tool_repair(&tool, 0, 1, false, NULL);
    verify(&tool, SILT_VERIFY_HEAD);
    CU_ASSERT_EQUAL(said.n, 1);
    tool_done(&tool);
}

static void other_framings_are_put_back_for_the_digest(void)
{
    const struct tool_slot single = {.framing = "single_object", .fingerprint = "0102030405060708"};
    const struct tool_slot none = {.framing = "none"};
    struct tool tool;
    tool_init(&tool);
    tool_slot(&tool, &single);
    tool_slot(&tool, &none);
    verify(&tool, SILT_VERIFY_DEEP);
    CU_ASSERT_EQUAL(said.n, 0);
    tool_done(&tool);
}

static void a_repair_takes_the_place_of_a_lost_object(void)
{
    struct tool tool;
    tool_init(&tool);
    tool_slot(&tool, NULL);
    const struct silt_memory_object *object = tool_object(&tool, 1);
    char *copy = silt_memdup(object->body, object->len);
    struct silt_slice body = silt_slice_of(copy, object->len);
    tool_repair(&tool, 1, 1, false, NULL);
    tool_repair(&tool, 1, 2, false, &body);
    silt_memory_delete(tool.mem, tool.last.files[1].key);
    tool_gap(&tool, 1);
    for (int level = SILT_VERIFY_LIST; level <= SILT_VERIFY_DEEP; level++) {
        verify(&tool, (enum silt_verify_level)level);
        CU_ASSERT_EQUAL(said.n, 0);
    }
    silt_free(copy);
    tool_done(&tool);
}

/* ---- what is wrong with manifests ---- */

static void a_removed_manifest_is_named(void)
{
    char key[SILT_KEY_MAX];
    struct tool tool;
    tool_init(&tool);
    for (unsigned i = 0; i < 4; i++) tool_slot(&tool, NULL);
    tool_manifest_key(&tool, 1, key);
    silt_memory_delete(tool.mem, key);
    verify(&tool, SILT_VERIFY_LIST);
    tool_manifest_key(&tool, 2, key);
    CU_ASSERT(was_said(SILT_FAULT_SLOT_MISSING, key, "slot 1 before it"));
    CU_ASSERT_EQUAL(said.n, 5); /* and its objects are nobody's */
    silt_memory_delete(tool.mem, key);
    verify(&tool, SILT_VERIFY_LIST);
    tool_manifest_key(&tool, 3, key);
    CU_ASSERT(was_said(SILT_FAULT_SLOT_MISSING, key, "slots 1 to 2 before it"));
    tool_done(&tool);
}

static void an_edited_manifest_is_named_by_the_next_one(void)
{
    char key[SILT_KEY_MAX];
    struct tool tool;
    tool_init(&tool);
    for (unsigned i = 0; i < 3; i++) tool_slot(&tool, NULL);
    tool_manifest_key(&tool, 1, key);
    struct silt_memory_object *object = silt_memory_find(tool.mem, key);
    memcpy(strstr(object->body, "2026"), "2027", 4);
    verify(&tool, SILT_VERIFY_LIST);
    tool_manifest_key(&tool, 2, key);
    CU_ASSERT(was_only_said(SILT_FAULT_LINK_BROKEN, key, ""));
    tool_done(&tool);
}

static void damage(struct tool *tool, int64_t seq, const char *text)
{
    char key[SILT_KEY_MAX];
    tool_manifest_key(tool, seq, key);
    silt_memory_delete(tool->mem, key);
    tool_put(tool, key, text);
}

static void a_manifest_that_is_none_is_named(void)
{
    char key[SILT_KEY_MAX];
    struct tool tool;
    tool_init(&tool);
    for (unsigned i = 0; i < 3; i++) tool_slot(&tool, NULL);
    damage(&tool, 1, "{\"v\":1");
    tool_manifest_key(&tool, 1, key);
    verify(&tool, SILT_VERIFY_HEAD);
    CU_ASSERT(was_said(SILT_FAULT_SLOT_DAMAGED, key, "JSON"));
    CU_ASSERT_EQUAL(said.n, 5);
    tool_done(&tool);
}

static void a_manifest_of_a_megabyte_and_more_is_not_read(void)
{
    char key[SILT_KEY_MAX];
    struct tool tool;
    tool_init(&tool);
    tool_slot(&tool, NULL);
    size_t len = SILT_MANIFEST_MAX + 1;
    char *text = silt_zalloc(len + 1);
    memset(text, ' ', len);
    damage(&tool, 1, text);
    tool_manifest_key(&tool, 1, key);
    verify(&tool, SILT_VERIFY_HEAD);
    CU_ASSERT(was_only_said(SILT_FAULT_SLOT_DAMAGED, key, "1048577 bytes"));
    silt_free(text);
    tool_done(&tool);
}

static void a_manifest_in_the_wrong_place_is_named(void)
{
    char key[SILT_KEY_MAX];
    char other[SILT_KEY_MAX];
    struct tool tool;
    tool_init(&tool);
    tool_slot(&tool, NULL);
    tool_manifest_key(&tool, 0, key);
    tool_partition(&tool, "sensors", 1);
    tool_manifest_key(&tool, 0, other);
    const struct silt_memory_object *object = silt_memory_find(tool.mem, key);
    char *copy = silt_memdup(object->body, object->len);
    silt_memory_put(tool.mem, other, silt_slice_of(copy, object->len));
    verify(&tool, SILT_VERIFY_LIST);
    CU_ASSERT(was_only_said(SILT_FAULT_SLOT_DAMAGED, other, key));
    silt_free(copy);
    tool_done(&tool);
}

static void unbalance(struct silt_manifest *m)
{
    m->records++;
}

static void books_that_do_not_balance_are_named(void)
{
    const struct tool_slot wrong = {.edit_manifest = unbalance};
    char key[SILT_KEY_MAX];
    struct tool tool;
    tool_init(&tool);
    tool_slot(&tool, &wrong);
    tool_manifest_key(&tool, 0, key);
    verify(&tool, SILT_VERIFY_LIST);
    CU_ASSERT(was_only_said(SILT_FAULT_SLOT_DAMAGED, key, "balance"));
    CU_ASSERT_EQUAL(said.first[0], 0);
    tool_done(&tool);
}

static void what_is_no_part_of_a_log_is_named(void)
{
    static const char *const keys[] = {
        "_log/lkc-1",
        "_log/lkc-1/sensors~01234567",
        "_log/lkc-1/sensors~0123456X/00000/0000000000000000.json",
        "_log/lkc-1/sensors-01234567/00000/0000000000000000.json",
        "_log/lkc-1/~234567/00000/0000000000000000.json",
        "_log/lkc-1/sensors~01234567/0/0000000000000000.json",
        "_log/lkc-1/sensors~01234567/000001/0000000000000000.json",
        "_log/lkc-1/sensors~01234567/9999999999/0000000000000000.json",
        "_log/lkc-1/sensors~01234567/00000/0.json",
        "_log/lkc-1/sensors~01234567/00000/0000000000000000.f0.r01.json",
        "_log/lkc-1/sensors~01234567/00000/0000000000000000.f0.r1.json",
        "_log/lkc-1/sensors~01234567/00000/zzz",
    };
    struct tool tool;
    tool_init(&tool);
    tool_slot(&tool, NULL);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) tool_put(&tool, keys[i], "x");
    verify(&tool, SILT_VERIFY_LIST);
    CU_ASSERT_EQUAL(said.n, sizeof keys / sizeof keys[0]);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        CU_ASSERT(was_said(SILT_FAULT_STRAY, keys[i], ""));
    tool_done(&tool);
}

static void a_repair_for_nobody_is_named(void)
{
    char from[SILT_KEY_MAX];
    char to[SILT_KEY_MAX];
    struct tool tool;
    tool_init(&tool);
    tool_slot(&tool, NULL);
    tool_repair(&tool, 0, 1, true, NULL);
    silt_key_repair(&tool.tp, 0, 0, 1, from);
    struct silt_memory_object *object = silt_memory_find(tool.mem, from);
    char *copy = silt_memdup(object->body, object->len);
    struct silt_slice body = silt_slice_of(copy, object->len);
    silt_key_repair(&tool.tp, 0, 0, 2, to); /* says it is repair 1 */
    silt_memory_put(tool.mem, to, body);
    verify(&tool, SILT_VERIFY_LIST);
    CU_ASSERT(was_only_said(SILT_FAULT_STRAY, to, "another file"));
    silt_memory_delete(tool.mem, to);
    tool_slot(&tool, NULL); /* a slot whose manifest is gone */
    tool_repair(&tool, 0, 1, true, NULL);
    tool_manifest_key(&tool, 1, to);
    silt_memory_delete(tool.mem, to);
    silt_key_repair(&tool.tp, 1, 0, 1, to);
    verify(&tool, SILT_VERIFY_LIST);
    CU_ASSERT(was_said(SILT_FAULT_STRAY, to, "does not exist"));
    silt_free(copy);
    tool_done(&tool);
}

/* ---- what is wrong with objects ---- */

static void init_two(struct tool *tool)
{
    tool_init(tool);
    tool_slot(tool, NULL);
}

static void a_deleted_object_is_named(void)
{
    struct tool tool;
    char key[SILT_KEY_MAX];
    init_two(&tool);
    snprintf(key, sizeof key, "%s", tool.last.files[2].key);
    silt_memory_delete(tool.mem, key);
    tool_slot(&tool, NULL);
    for (int level = SILT_VERIFY_LIST; level <= SILT_VERIFY_DEEP; level++) {
        verify(&tool, (enum silt_verify_level)level);
        CU_ASSERT(was_only_said(SILT_FAULT_ABSENT, key, "not there"));
        CU_ASSERT_EQUAL(said.first[0], 3);
    }
    tool_done(&tool);
}

static void an_object_with_a_delete_marker_is_never_pending(void)
{
    struct tool tool;
    init_two(&tool);
    tool_object(&tool, 0)->delete_marker = true;
    verify(&tool, SILT_VERIFY_HEAD);
    CU_ASSERT(was_only_said(SILT_FAULT_ABSENT, tool.last.files[0].key, "deleted"));
    tool_done(&tool);
}

static void a_lost_file_is_named(void)
{
    struct tool tool;
    init_two(&tool);
    tool_repair(&tool, 0, 1, true, NULL);
    silt_memory_delete(tool.mem, tool.last.files[0].key);
    verify(&tool, SILT_VERIFY_DEEP);
    CU_ASSERT(was_only_said(SILT_FAULT_LOST, tool.last.files[0].key, ""));
    tool_done(&tool);
}

static void a_cut_object_is_named(void)
{
    struct tool tool;
    init_two(&tool);
    tool_object(&tool, 0)->len -= 1;
    for (int level = SILT_VERIFY_LIST; level <= SILT_VERIFY_DEEP; level++) {
        verify(&tool, (enum silt_verify_level)level);
        CU_ASSERT(was_only_said(SILT_FAULT_SIZE, tool.last.files[0].key, "bytes"));
    }
    tool_done(&tool);
}

static void two_swapped_objects_are_named(void)
{
    struct tool tool;
    init_two(&tool);
    struct silt_memory_object *a = tool_object(&tool, 0);
    struct silt_memory_object *b = tool_object(&tool, 1);
    struct silt_memory_object swapped = *a;
    char *key = a->key;
    *a = *b;
    a->key = key;
    key = b->key;
    *b = swapped;
    b->key = key;
    verify(&tool, SILT_VERIFY_HEAD);
    CU_ASSERT(was_said(SILT_FAULT_TOKEN, tool.last.files[0].key, "token-0-1"));
    CU_ASSERT(was_said(SILT_FAULT_TOKEN, tool.last.files[1].key, "token-0-0"));
    tool_done(&tool);
}

static void a_foreign_object_is_named(void)
{
    struct tool tool;
    init_two(&tool);
    char *key = silt_strdup(tool.last.files[0].key);
    *strrchr(key, '.') = 0;
    key[strlen(key) - 1] = 'e';
    char *again = silt_asprintf("%s.avro", key);
    tool_put(&tool, again, "x");
    tool_put(&tool, "data/readme", "x");
    verify(&tool, SILT_VERIFY_LIST);
    CU_ASSERT(was_said(SILT_FAULT_FOREIGN, again, ""));
    CU_ASSERT(was_said(SILT_FAULT_FOREIGN, "data/readme", ""));
    CU_ASSERT_EQUAL(said.n, 2);
    verify_filtered(&tool, SILT_VERIFY_LIST, "sensors", 0);
    CU_ASSERT(was_only_said(SILT_FAULT_FOREIGN, again, ""));
    silt_free(again);
    silt_free(key);
    tool_done(&tool);
}

/* Every single bit of a file: something is said of this file and of nothing else. */
static void any_flipped_bit_is_found(void)
{
    struct tool tool;
    const struct tool_slot small = {.offsets = 8};
    tool_init(&tool);
    tool_slot(&tool, &small);
    const char *key = tool.last.files[0].key;
    struct silt_memory_object *object = tool_object(&tool, 0);
    unsigned missed = 0;
    for (size_t at = 0; at < object->len; at++) {
        object->body[at] = (char)(object->body[at] ^ 1 << at % 8);
        verify(&tool, SILT_VERIFY_DEEP);
        bool found = false;
        for (unsigned i = 0; i < said.n; i++) {
            found |= said.kinds[i] == SILT_FAULT_CHECKSUM;
            missed += strcmp(said.keys[i], key) != 0;
        }
        missed += !found || !said.rc.ok;
        object->body[at] = (char)(object->body[at] ^ 1 << at % 8);
    }
    CU_ASSERT_EQUAL(missed, 0);
    tool_done(&tool);
}

static void flip(struct tool *tool, unsigned file, size_t at)
{
    struct silt_memory_object *object = tool_object(tool, file);
    object->body[at] = (char)(object->body[at] ^ 1);
}

static void damage_is_told_apart_by_place(void)
{
    struct tool tool;
    init_two(&tool);
    const char *key = tool.last.files[0].key;
    size_t len = tool_object(&tool, 0)->len;
    flip(&tool, 0, 0);
    verify(&tool, SILT_VERIFY_DEEP);
    CU_ASSERT(was_said(SILT_FAULT_DAMAGED, key, "header"));
    CU_ASSERT(was_said(SILT_FAULT_CHECKSUM, key, "part 1"));
    flip(&tool, 0, 0);
    flip(&tool, 0, len - 1);
    verify(&tool, SILT_VERIFY_DEEP);
    CU_ASSERT(was_said(SILT_FAULT_DAMAGED, key, "sync"));
    CU_ASSERT(was_said(SILT_FAULT_CHECKSUM, key, "part 2"));
    tool_done(&tool);
}

/* ---- files that were written wrong: checksums are right ---- */

static void expect(const struct tool_slot *what, enum silt_fault_kind kind, const char *words)
{
    struct tool tool;
    tool_init(&tool);
    tool_slot(&tool, what);
    verify(&tool, SILT_VERIFY_HEAD);
    CU_ASSERT_EQUAL(said.n, 0);
    verify(&tool, SILT_VERIFY_DEEP);
    CU_ASSERT(was_said(kind, tool.last.files[0].key, words));
    tool_done(&tool);
}

static void a_block_with_a_wrong_count_is_named(void)
{
    expect(&(struct tool_slot){.block_count_more = 1, .offsets = 19}, SILT_FAULT_DAMAGED, "holds");
    expect(&(struct tool_slot){.block_count_more = -1, .offsets = 19}, SILT_FAULT_DAMAGED,
           "behind its");
}

static void a_wrong_sync_marker_is_named(void)
{
    expect(&(struct tool_slot){.flip_sync = true, .offsets = 19}, SILT_FAULT_DAMAGED, "sync");
}

static void a_wrong_header_is_named(void)
{
    static const char none[] = "{\"type\":\"record\",\"name\":\"A\",\"fields\":[]}";
    static const char other[] = "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"a\","
                                "\"type\":{\"type\":\"array\",\"items\":\"string\"}}]}";
    expect(&(struct tool_slot){.topic_meta = "trucks"}, SILT_FAULT_HEADER, "silt.topic");
    expect(&(struct tool_slot){.schema_id = "18"}, SILT_FAULT_HEADER, "silt.schema_id");
    expect(&(struct tool_slot){.schema_id = "x"}, SILT_FAULT_DAMAGED, "silt.schema_id");
    expect(&(struct tool_slot){.schema_id = "3000000000"}, SILT_FAULT_DAMAGED, "silt.schema_id");
    expect(&(struct tool_slot){.framing = "morse"}, SILT_FAULT_DAMAGED, "silt.framing");
    expect(&(struct tool_slot){.framing = "single_object", .fingerprint = "12"}, SILT_FAULT_DAMAGED,
           "silt.fingerprint");
    expect(&(struct tool_slot){.schema_json = "{}"}, SILT_FAULT_DAMAGED, "avro.schema");
    expect(&(struct tool_slot){.schema_json = none}, SILT_FAULT_DAMAGED, "lacks");
    expect(&(struct tool_slot){.schema_json = other}, SILT_FAULT_DAMAGED, "block 0, row 0");
}

static void move_partition(struct silt_record *rec)
{
    if (rec->offset == 4) rec->partition = 9;
}
static void stand_still(struct silt_record *rec)
{
    if (rec->offset == 4) rec->offset = 2;
}
static void leave_range(struct silt_record *rec)
{
    if (rec->offset == 18) rec->offset = 40;
}
static void fall_into_hole(struct silt_record *rec)
{
    if (rec->offset == 4) rec->offset = 5;
}
static void be_twice(struct silt_record *rec)
{
    if (rec->offset == 10) rec->offset = 9;
}
static void change_key(struct silt_record *rec)
{
    if (rec->offset == 9) rec->key = TOOL_TEXT("q");
}
static void end_early(struct silt_record *rec)
{
    if (rec->offset == 18) rec->offset = 17;
}

static void a_row_in_the_wrong_place_is_named(void)
{
    expect(&(struct tool_slot){.edit_row = move_partition}, SILT_FAULT_ROW, "another partition");
    expect(&(struct tool_slot){.edit_row = stand_still}, SILT_FAULT_ROW, "come after");
    expect(&(struct tool_slot){.edit_row = leave_range}, SILT_FAULT_ROW, "outside");
    expect(&(struct tool_slot){.edit_row = fall_into_hole}, SILT_FAULT_ROW, "hole");
}

static void to_unreadable(struct silt_manifest *m)
{
    m->unreadable = m->holes;
    m->unreadable_n = m->holes_n;
    m->holes = NULL;
    m->holes_n = 0;
}

static void a_row_in_an_unreadable_range_is_named(void)
{
    expect(&(struct tool_slot){.edit_row = fall_into_hole, .edit_manifest = to_unreadable},
           SILT_FAULT_ROW, "unreadable");
}

static void a_row_in_two_files_is_named(void)
{
    struct tool tool;
    tool_init(&tool);
    tool_slot(&tool, &(struct tool_slot){.edit_row = be_twice});
    verify(&tool, SILT_VERIFY_DEEP);
    CU_ASSERT_EQUAL(said.n, 1);
    CU_ASSERT_EQUAL(said.kinds[0], SILT_FAULT_ROW);
    CU_ASSERT_PTR_NOT_NULL(strstr(said.texts[0], "another file"));
    tool_done(&tool);
}

static void one_record_less(struct silt_manifest *m)
{
    m->files[0].records--;
    m->files[1].records++;
}

static void a_wrong_count_is_named(void)
{
    expect(&(struct tool_slot){.edit_manifest = one_record_less}, SILT_FAULT_COUNT, "rows");
    expect(&(struct tool_slot){.edit_row = end_early}, SILT_FAULT_COUNT, "to 17");
}

static void a_changed_record_is_found_by_the_digest(void)
{
    char key[SILT_KEY_MAX];
    struct tool tool;
    tool_init(&tool);
    tool_slot(&tool, &(struct tool_slot){.edit_row = change_key});
    tool_manifest_key(&tool, 0, key);
    verify(&tool, SILT_VERIFY_DEEP);
    CU_ASSERT(was_only_said(SILT_FAULT_DIGEST, key, "digest"));
    tool_done(&tool);
}

static void other_crc(struct silt_manifest *m)
{
    m->files[0].crc32c ^= 1;
}
static void other_codec(struct silt_manifest *m)
{
    memcpy(m->files[0].codec, "null", 5);
}
static void unknown_codec(struct silt_manifest *m)
{
    memcpy(m->files[0].codec, "rar", 4);
}

static void a_manifest_that_lies_about_a_file_is_named(void)
{
    expect(&(struct tool_slot){.edit_manifest = other_crc}, SILT_FAULT_CHECKSUM,
           "the manifest says");
    expect(&(struct tool_slot){.edit_manifest = other_codec}, SILT_FAULT_HEADER, "avro.codec");
    expect(&(struct tool_slot){.edit_manifest = unknown_codec}, SILT_FAULT_HEADER, "codec");
}

/* ---- the store ---- */

static void a_store_that_cannot_be_read_is_an_error(void)
{
    static const struct silt_memory_fault faults[] = {
        {SILT_OP_LIST, "data/", SILT_FAULT_REFUSED, SILT_STORE_DENIED, 1},
        {SILT_OP_HEAD, "_format", SILT_FAULT_REFUSED, SILT_STORE_NO_BUCKET, 1},
        {SILT_OP_LIST, "_log/", SILT_FAULT_REFUSED, SILT_STORE_DOUBT, 1},
        {SILT_OP_LIST, "/00000/", SILT_FAULT_REFUSED, SILT_STORE_SKEWED, 1},
        {SILT_OP_GET, "_log/", SILT_FAULT_REFUSED, SILT_STORE_DENIED, 1},
        {SILT_OP_HEAD, "data/", SILT_FAULT_REFUSED, SILT_STORE_DENIED, 1},
        {SILT_OP_GET, "data/", SILT_FAULT_REFUSED, SILT_STORE_DOUBT, 1},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct tool tool;
        init_two(&tool);
        silt_memory_add_fault(tool.mem, &faults[i]);
        verify(&tool, SILT_VERIFY_DEEP);
        CU_ASSERT_FAILS(said.rc);
        CU_ASSERT_EQUAL(said.err.code, silt_store_outcome_code(faults[i].outcome));
        tool_done(&tool);
    }
}

static void objects_that_vanish_meanwhile_are_faults(void)
{
    struct tool tool;
    init_two(&tool);
    silt_memory_add_fault(tool.mem,
                          &(struct silt_memory_fault){SILT_OP_GET, "_log/", SILT_FAULT_REFUSED,
                                                      SILT_STORE_NOT_FOUND, 1});
    verify(&tool, SILT_VERIFY_HEAD);
    CU_ASSERT_OK(said.rc);
    CU_ASSERT_EQUAL(said.kinds[0], SILT_FAULT_SLOT_DAMAGED);
    silt_memory_add_fault(tool.mem,
                          &(struct silt_memory_fault){SILT_OP_GET, "data/", SILT_FAULT_REFUSED,
                                                      SILT_STORE_NOT_FOUND, 1});
    verify(&tool, SILT_VERIFY_DEEP);
    CU_ASSERT(was_said(SILT_FAULT_DAMAGED, tool.last.files[0].key, "gone"));
    silt_memory_add_fault(tool.mem,
                          &(struct silt_memory_fault){SILT_OP_GET, "data/", SILT_FAULT_REFUSED,
                                                      SILT_STORE_REFUSED, 1});
    verify(&tool, SILT_VERIFY_DEEP);
    CU_ASSERT(was_said(SILT_FAULT_DAMAGED, tool.last.files[0].key, "ends before"));
    tool_done(&tool);
}

static void an_empty_root_is_no_archive(void)
{
    struct tool tool;
    tool_init(&tool);
    verify(&tool, SILT_VERIFY_LIST);
    CU_ASSERT_OK(said.rc);
    CU_ASSERT_EQUAL(said.totals.partitions, 0);
    silt_memory_delete(tool.mem, "_format.json");
    verify(&tool, SILT_VERIFY_LIST);
    CU_ASSERT_FAILS(said.rc);
    CU_ASSERT_EQUAL(said.err.code, SILT_E_NOT_FOUND);
    tool_done(&tool);
}

static void every_fault_has_a_name_and_a_way_out(void)
{
    for (int i = 0; i < SILT_FAULTS_N; i++) {
        CU_ASSERT(strlen(silt_fault_name((enum silt_fault_kind)i)) > 2);
        CU_ASSERT(strlen(silt_fault_way_out((enum silt_fault_kind)i)) > 10);
    }
}

SILT_TESTS(
    "verify", {"a clean archive has no fault", a_clean_archive_has_no_fault},
    {"a part of it can be asked for", a_part_of_it_can_be_asked_for},
    {"many slots are read page by page", many_slots_are_read_page_by_page},
    {"the newest slot may be pending", the_newest_slot_may_be_pending},
    {"an object of the newest slot is not pending without its upload",
     an_object_of_the_newest_slot_is_not_pending_without_its_upload},
    {"other framings are put back for the digest", other_framings_are_put_back_for_the_digest},
    {"a repair takes the place of a lost object", a_repair_takes_the_place_of_a_lost_object},
    {"a removed manifest is named", a_removed_manifest_is_named},
    {"an edited manifest is named by the next one", an_edited_manifest_is_named_by_the_next_one},
    {"a manifest that is none is named", a_manifest_that_is_none_is_named},
    {"a manifest of a megabyte and more is not read",
     a_manifest_of_a_megabyte_and_more_is_not_read},
    {"a manifest in the wrong place is named", a_manifest_in_the_wrong_place_is_named},
    {"books that do not balance are named", books_that_do_not_balance_are_named},
    {"what is no part of a log is named", what_is_no_part_of_a_log_is_named},
    {"a repair for nobody is named", a_repair_for_nobody_is_named},
    {"a deleted object is named", a_deleted_object_is_named},
    {"an object with a delete marker is never pending",
     an_object_with_a_delete_marker_is_never_pending},
    {"a lost file is named", a_lost_file_is_named},
    {"a cut object is named", a_cut_object_is_named},
    {"two swapped objects are named", two_swapped_objects_are_named},
    {"a foreign object is named", a_foreign_object_is_named},
    {"any flipped bit is found", any_flipped_bit_is_found},
    {"damage is told apart by place", damage_is_told_apart_by_place},
    {"a block with a wrong count is named", a_block_with_a_wrong_count_is_named},
    {"a wrong sync marker is named", a_wrong_sync_marker_is_named},
    {"a wrong header is named", a_wrong_header_is_named},
    {"a row in the wrong place is named", a_row_in_the_wrong_place_is_named},
    {"a row in an unreadable range is named", a_row_in_an_unreadable_range_is_named},
    {"a row in two files is named", a_row_in_two_files_is_named},
    {"a wrong count is named", a_wrong_count_is_named},
    {"a changed record is found by the digest", a_changed_record_is_found_by_the_digest},
    {"a manifest that lies about a file is named", a_manifest_that_lies_about_a_file_is_named},
    {"a store that cannot be read is an error", a_store_that_cannot_be_read_is_an_error},
    {"objects that vanish meanwhile are faults", objects_that_vanish_meanwhile_are_faults},
    {"an empty root is no archive", an_empty_root_is_no_archive},
    {"every fault has a name and a way out", every_fault_has_a_name_and_a_way_out})
