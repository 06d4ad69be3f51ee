#include "inspect/object.h"

#include "archive_tools.h"
#include "inspect/merge.h"
#include "store/store_open.h"

#include <stdlib.h>

/* The files of one good slot in a directory: ranges are real there. */
struct place {
    struct tool tool;
    struct silt_store *store;
};

static void put_object(struct place *place, const struct silt_manifest_file *file)
{
    const struct silt_memory_object *object = silt_memory_find(place->tool.mem, file->key);
    const struct silt_slice body = silt_slice_of(object->body, object->len);
    struct silt_store_req req = {
        .op = SILT_OP_PUT_NEW, .key = file->key, .body = &body, .body_n = 1};
    silt_store_call(place->store, &req);
    CU_ASSERT_EQUAL(req.outcome, SILT_STORE_OK);
    silt_store_req_done(&req);
}

static void init(struct place *place, const struct tool_slot *what)
{
    static unsigned roots;
    char root[300];
    tool_init(&place->tool);
    tool_slot(&place->tool, what);
    snprintf(root, sizeof root, "file://%s/%u", silt_test_dir(), roots++);
    CU_ASSERT_OK(silt_store_open(&(struct silt_store_opts){.root = root}, &place->store, NULL));
    for (unsigned i = 0; i < place->tool.last.files_n; i++)
        put_object(place, &place->tool.last.files[i]);
}

static void done(struct place *place)
{
    silt_store_free(place->store);
    tool_done(&place->tool);
}

static struct silt_object *open_file(struct place *place, unsigned i, size_t chunk_bytes)
{
    return silt_object_open(&(struct silt_object_opts){
        .store = place->store, .file = &place->tool.last.files[i], .chunk_bytes = chunk_bytes});
}

static void chunks_of_any_size_give_the_same_rows(void)
{
    struct place place;
    struct silt_object_row row;
    struct silt_err err;
    init(&place, NULL);
    for (size_t chunk = 2; chunk < 2000; chunk = chunk * 3 + 1) {
        struct silt_object *object = open_file(&place, 0, chunk);
        int64_t rows = 0;
        while (silt_object_next(object, &row, &err) == SILT_OBJECT_ROW) {
            rows++;
            CU_ASSERT_EQUAL(row.rec.offset % 2, 0);
            CU_ASSERT(silt_slice_eq(row.body, TOOL_BODY));
            CU_ASSERT_EQUAL(row.framing.len, 5);
            CU_ASSERT_EQUAL(row.rec.headers_n, row.rec.offset % 10 == 4 ? 20u : 0u);
        }
        CU_ASSERT_EQUAL(rows, 10);
        CU_ASSERT_EQUAL(silt_object_next(object, &row, &err), SILT_OBJECT_END);
        CU_ASSERT_OK(silt_object_checksums(object, &err));
        CU_ASSERT_STRING_EQUAL(silt_object_meta(object, "silt.role"), "data");
        CU_ASSERT_PTR_EQUAL(silt_object_file(object), &place.tool.last.files[0]);
        silt_object_close(object);
    }
    done(&place);
}

static void a_reject_comes_with_its_reason(void)
{
    struct place place;
    struct silt_object_row row;
    struct silt_err err;
    init(&place, NULL);
    struct silt_object *object = open_file(&place, 2, 0);
    CU_ASSERT_EQUAL(silt_object_next(object, &row, &err), SILT_OBJECT_ROW);
    CU_ASSERT(silt_slice_eq(row.reason, TOOL_TEXT("truncated")));
    CU_ASSERT(silt_slice_eq(row.detail, TOOL_TEXT("at byte 3")));
    CU_ASSERT(silt_slice_eq(row.body, TOOL_WIRE));
    CU_ASSERT(row.has_schema_id);
    CU_ASSERT_EQUAL(row.schema_id, 17);
    CU_ASSERT_EQUAL(silt_object_next(object, &row, &err), SILT_OBJECT_ROW);
    CU_ASSERT(silt_slice_eq(row.reason, TOOL_TEXT("framing")));
    CU_ASSERT(!row.has_schema_id);
    CU_ASSERT_EQUAL(silt_object_next(object, &row, &err), SILT_OBJECT_END);
    silt_object_close(object);
    done(&place);
}

static void it_may_be_closed_at_any_time(void)
{
    struct place place;
    struct silt_object_row row;
    struct silt_err err;
    init(&place, NULL);
    silt_object_close(open_file(&place, 0, 10));
    struct silt_object *object = open_file(&place, 0, 10);
    CU_ASSERT_EQUAL(silt_object_next(object, &row, &err), SILT_OBJECT_ROW);
    silt_object_close(object);
    silt_object_close(NULL);
    silt_merge_close(NULL);
    done(&place);
}

static void draining_reads_for_the_checksums_alone(void)
{
    struct place place;
    struct silt_err err;
    init(&place, NULL);
    struct silt_object *object = open_file(&place, 0, 100);
    CU_ASSERT_OK(silt_object_drain(object, &err));
    CU_ASSERT_OK(silt_object_checksums(object, &err));
    silt_object_close(object);
    place.tool.last.files[0].parts[1].crc32c ^= 1;
    object = open_file(&place, 0, 100);
    CU_ASSERT_OK(silt_object_drain(object, &err));
    CU_ASSERT_FAILS(silt_object_checksums(object, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "part 2"));
    silt_object_close(object);
    done(&place);
}

static void a_file_that_is_shorter_than_said_is_damaged(void)
{
    struct place place;
    struct silt_object_row row;
    struct silt_err err;
    init(&place, NULL);
    place.tool.last.files[3].size += 100;
    struct silt_object *object = open_file(&place, 3, 0);
    CU_ASSERT_EQUAL(silt_object_next(object, &row, &err), SILT_OBJECT_DAMAGED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "ends before"));
    CU_ASSERT_EQUAL(silt_object_next(object, &row, &err), SILT_OBJECT_DAMAGED);
    silt_object_close(object);
    place.tool.last.files[3].size -= 120;
    object = open_file(&place, 3, 0);
    enum silt_object_status status;
    do status = silt_object_next(object, &row, &err);
    while (status == SILT_OBJECT_ROW);
    CU_ASSERT_EQUAL(status, SILT_OBJECT_DAMAGED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cut off"));
    silt_object_close(object);
    done(&place);
}

static void merged_rows_come_in_offset_order(void)
{
    struct place place;
    const struct silt_object_row *row;
    struct silt_err err;
    unsigned index;
    init(&place, NULL);
    const struct silt_manifest_file *files[TOOL_FILES];
    for (unsigned i = 0; i < TOOL_FILES; i++) files[i] = &place.tool.last.files[i];
    struct silt_merge *merge = silt_merge_open(place.store, files, TOOL_FILES);
    int64_t wanted = 0;
    while (silt_merge_next(merge, &row, &index, &err) == SILT_OBJECT_ROW) {
        wanted += wanted % 10 == 5;
        CU_ASSERT_EQUAL(row->rec.offset, wanted);
        CU_ASSERT_EQUAL(index, tool_file_of(wanted));
        CU_ASSERT_EQUAL(row->rec.value_null, index == 3);
        wanted++;
    }
    CU_ASSERT_EQUAL(wanted, 20);
    silt_merge_close(merge);
    done(&place);
}

static void many_files_share_the_memory(void)
{
    struct place place;
    const struct silt_object_row *row;
    struct silt_err err;
    unsigned index;
    unsigned rows = 0;
    init(&place, NULL);
    const struct silt_manifest_file *files[300];
    for (unsigned i = 0; i < 300; i++) files[i] = &place.tool.last.files[0];
    struct silt_merge *merge = silt_merge_open(place.store, files, 300);
    while (silt_merge_next(merge, &row, &index, &err) == SILT_OBJECT_ROW) rows++;
    CU_ASSERT_EQUAL(rows, 3000);
    silt_merge_close(merge);
    merge = silt_merge_open(place.store, files, 20);
    CU_ASSERT_EQUAL(silt_merge_next(merge, &row, &index, &err), SILT_OBJECT_ROW);
    silt_merge_close(merge);
    merge = silt_merge_open(place.store, files, 0);
    CU_ASSERT_EQUAL(silt_merge_next(merge, &row, &index, &err), SILT_OBJECT_END);
    silt_merge_close(merge);
    done(&place);
}

static void a_role_that_the_file_does_not_have_is_damage(void)
{
    struct place place;
    struct silt_object_row row;
    struct silt_err err;
    init(&place, NULL);
    place.tool.last.files[0].role = SILT_ROLE_TOMBSTONE;
    struct silt_object *object = open_file(&place, 0, 0);
    CU_ASSERT_EQUAL(silt_object_next(object, &row, &err), SILT_OBJECT_DAMAGED);
    silt_object_close(object);
    place.tool.last.files[0].role = SILT_ROLE_REJECTED;
    object = open_file(&place, 0, 0);
    CU_ASSERT_EQUAL(silt_object_next(object, &row, &err), SILT_OBJECT_DAMAGED);
    silt_object_close(object);
    done(&place);
}

SILT_TESTS(
    "object", {"chunks of any size give the same rows", chunks_of_any_size_give_the_same_rows},
    {"a reject comes with its reason", a_reject_comes_with_its_reason},
    {"it may be closed at any time", it_may_be_closed_at_any_time},
    {"draining reads for the checksums alone", draining_reads_for_the_checksums_alone},
    {"a file that is shorter than said is damaged", a_file_that_is_shorter_than_said_is_damaged},
    {"merged rows come in offset order", merged_rows_come_in_offset_order},
    {"many files share the memory", many_files_share_the_memory},
    {"a role that the file does not have is damage", a_role_that_the_file_does_not_have_is_damage})
