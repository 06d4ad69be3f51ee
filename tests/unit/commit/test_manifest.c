#include "commit/manifest.h"

#include "base/alloc.h"
#include "harness.h"
#include "sample_manifest.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDE_N 40000u

/* A slot with one of everything: two roles, a hole, an unreadable range, a tombstone. */
static struct silt_manifest full_slot(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_tp tp = silt_sample_tp();
    struct silt_manifest m = silt_sample_slot(&tp, 'a', 3, 1000, 3);
    m.lineage = 1;
    m.next += 5;
    m.files[1].role = SILT_ROLE_REJECTED;
    m.files[1].schema_id = -1;
    m.files[2].role = SILT_ROLE_TOMBSTONE;
    m.records = 20;
    m.tombstones = 10;
    m.rejected = 10;
    m.holes = silt_calloc(1, sizeof *m.holes);
    m.holes[0] = (struct silt_offsets){1030, 1031};
    m.unreadable = silt_calloc(1, sizeof *m.unreadable);
    m.unreadable[0] = (struct silt_offsets){1032, 1034};
    m.holes_n = m.unreadable_n = 1;
    memset(m.prev, '5', 64);
    silt_sample_stage_all(mem, &m);
    silt_store_free(&mem->store);
    return m;
}

static struct silt_repair full_repair(bool lost)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_tp tp = silt_sample_tp();
    struct silt_repair repair = {.seq = 3, .file = 1, .k = 2, .lost = lost};
    if (!lost) {
        repair.with = silt_sample_file(&tp, 'e', 3, 1, 2);
        silt_sample_stage(mem, &repair.with);
    }
    silt_store_free(&mem->store);
    return repair;
}

static char *write_text(const struct silt_manifest *m)
{
    struct silt_buf body;
    silt_buf_init(&body, SILT_MANIFEST_MAX);
    CU_ASSERT_OK(silt_manifest_write(m, &body, NULL));
    return (char *)silt_buf_take(&body, &(size_t){0});
}

static char *write_repair_text(const struct silt_repair *repair)
{
    struct silt_tp tp = silt_sample_tp();
    struct silt_buf body;
    silt_buf_init(&body, SILT_MANIFEST_MAX);
    CU_ASSERT_OK(silt_repair_write(repair, &tp, &body, NULL));
    return (char *)silt_buf_take(&body, &(size_t){0});
}

/* ---- writing and reading ---- */

static void the_bytes_are_canonical(void)
{
    struct silt_manifest m = full_slot();
    char *text = write_text(&m);
    CU_ASSERT_STRING_EQUAL(
        text, "{\"archive\":\"00112233445566778899aabbccddeeff\",\"cluster\":\"c1\","
              "\"created\":\"2026-01-01T00:00:00Z\",\"cut\":{\"max_files\":8,\"time\":\"kafka\","
              "\"unit\":\"hour\"},\"digest\":\"d1d2\",\"files\":[{\"codec\":\"zstd\","
              "\"crc32c\":\"00000000\",\"first\":1000,"
              "\"key\":\"data/topic=sensors/dt=2026-01-05/hh=08/"
              "01234567-p00007-s0000000000000003-o00000000000000000000-aaaaaaaaaaaaaaaa.avro\","
              "\"last\":1009,\"parts\":[{\"crc32c\":\"a3736187\","
              "\"etag\":\"\\\"etag-1-a3736187\\\"\",\"n\":1,\"size\":14},{\"crc32c\":\"523c1ec4\","
              "\"etag\":\"\\\"etag-2-523c1ec4\\\"\",\"n\":2,\"size\":10}],\"records\":10,"
              "\"role\":\"data\",\"schemas\":[17],\"size\":24,\"token\":\"token-a-s3-f0-r0\","
              "\"upload\":\"a-s3-f0-r0\"},{\"codec\":\"zstd\",\"crc32c\":\"00000000\","
              "\"first\":1010,"
              "\"key\":\"data/topic=sensors/dt=2026-01-05/hh=09/"
              "01234567-p00007-s0000000000000003-o00000000000000000000-aaaaaaaaaaaaaaaa.avro\","
              "\"last\":1019,\"parts\":[{\"crc32c\":\"a3736187\","
              "\"etag\":\"\\\"etag-1-a3736187\\\"\",\"n\":1,\"size\":14},{\"crc32c\":\"8f79b47c\","
              "\"etag\":\"\\\"etag-2-8f79b47c\\\"\",\"n\":2,\"size\":10}],\"records\":10,"
              "\"role\":\"rejected\",\"schemas\":[],\"size\":24,\"token\":\"token-a-s3-f1-r0\","
              "\"upload\":\"a-s3-f1-r0\"},{\"codec\":\"zstd\",\"crc32c\":\"00000000\","
              "\"first\":1020,"
              "\"key\":\"data/topic=sensors/dt=2026-01-05/hh=10/"
              "01234567-p00007-s0000000000000003-o00000000000000000000-aaaaaaaaaaaaaaaa.avro\","
              "\"last\":1029,\"parts\":[{\"crc32c\":\"a3736187\","
              "\"etag\":\"\\\"etag-1-a3736187\\\"\",\"n\":1,\"size\":14},{\"crc32c\":\"ed5b3d45\","
              "\"etag\":\"\\\"etag-2-ed5b3d45\\\"\",\"n\":2,\"size\":10}],\"records\":10,"
              "\"role\":\"tombstone\",\"schemas\":[17],\"size\":24,"
              "\"token\":\"token-a-s3-f2-r0\",\"upload\":\"a-s3-f2-r0\"}],"
              "\"holes\":[[1030,1031]],\"kind\":\"data\",\"leader_epoch\":[12,13],"
              "\"lineage\":1,\"next\":1035,\"partition\":7,"
              "\"prev\":\"5555555555555555555555555555555555555555555555555555555555555555\","
              "\"records\":20,\"rejected\":10,\"seq\":3,\"start\":1000,\"tombstones\":10,"
              "\"topic\":\"sensors\",\"topic_id\":\"0123456789abcdef0123456789abcdef\","
              "\"ts\":[1700000000000,1700000123456],\"unreadable\":[[1032,1034]],"
              "\"uuid\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"v\":1,"
              "\"writer\":{\"boot\":\"b007\",\"pod\":\"silt-0\",\"version\":\"0.1.0\"}}");
    silt_free(text);
    silt_manifest_done(&m);
}

static void what_was_written_is_read_back(void)
{
    struct silt_manifest m = full_slot();
    struct silt_manifest read = {0};
    struct silt_err err = {0};
    char *text = write_text(&m);
    CU_ASSERT_OK(silt_manifest_check(&m, NULL));
    CU_ASSERT_OK(silt_manifest_parse(silt_slice_str(text), &read, &err));
    CU_ASSERT_OK(silt_manifest_check(&read, &err));
    char *again = write_text(&read);
    CU_ASSERT_STRING_EQUAL(text, again);
    CU_ASSERT_EQUAL(read.files_n, 3);
    CU_ASSERT_EQUAL(read.files[1].schema_id, -1);
    CU_ASSERT_EQUAL(read.files[2].parts_n, 2);
    CU_ASSERT_EQUAL(read.files[2].parts[1].crc32c, m.files[2].parts[1].crc32c);
    CU_ASSERT_EQUAL(read.leader_epoch[1], 13);
    silt_free(text);
    silt_free(again);
    silt_manifest_done(&read);
    silt_manifest_done(&m);
    silt_manifest_done(&m);
    silt_manifest_done(NULL);
}

static void every_kind_has_its_name(void)
{
    static const char *const names[] = {"data", "gap", "skip", "lineage"};
    for (unsigned kind = 0; kind < 4; kind++) {
        struct silt_manifest m = full_slot();
        struct silt_manifest read = {0};
        m.kind = (enum silt_slot_kind)kind;
        CU_ASSERT_STRING_EQUAL(silt_slot_kind_name(m.kind), names[kind]);
        char *text = write_text(&m);
        CU_ASSERT_OK(silt_manifest_parse(silt_slice_str(text), &read, NULL));
        CU_ASSERT_EQUAL(read.kind, m.kind);
        silt_free(text);
        silt_manifest_done(&read);
        silt_manifest_done(&m);
    }
}

static void repairs_are_read_back(void)
{
    for (unsigned lost = 0; lost < 2; lost++) {
        struct silt_repair repair = full_repair(lost);
        struct silt_repair read = {0};
        struct silt_err err = {0};
        char *text = write_repair_text(&repair);
        CU_ASSERT_OK(silt_repair_parse(silt_slice_str(text), &read, &err));
        char *again = write_repair_text(&read);
        CU_ASSERT_STRING_EQUAL(text, again);
        CU_ASSERT(read.seq == 3 && read.file == 1 && read.k == 2 && read.lost == lost);
        CU_ASSERT_EQUAL(read.with.parts_n, lost ? 0 : 2);
        silt_free(text);
        silt_free(again);
        silt_repair_done(&read);
        silt_repair_done(&repair);
        silt_repair_done(NULL);
    }
}

static void a_file_that_was_never_staged_has_an_empty_upload(void)
{
    struct silt_tp tp = silt_sample_tp();
    struct silt_manifest m = silt_sample_slot(&tp, 'a', 0, 10, 1);
    struct silt_manifest read = {0};
    silt_free(m.files[0].upload_id);
    m.files[0].upload_id = NULL;
    char *text = write_text(&m);
    CU_ASSERT_OK(silt_manifest_parse(silt_slice_str(text), &read, NULL));
    CU_ASSERT_STRING_EQUAL(read.files[0].upload_id, "");
    silt_free(text);
    silt_manifest_done(&read);
    silt_manifest_done(&m);
}

static void more_than_a_mebibyte_is_refused(void)
{
    struct silt_manifest m = full_slot();
    struct silt_buf body;
    struct silt_err err = {0};
    silt_free(m.holes);
    m.holes_n = WIDE_N;
    m.holes = silt_calloc(WIDE_N, sizeof *m.holes);
    for (unsigned i = 0; i < WIDE_N; i++)
        m.holes[i] = (struct silt_offsets){INT64_C(1) << 50, INT64_C(1) << 50};
    silt_buf_init(&body, SILT_BUF_MAX_DEFAULT);
    CU_ASSERT_FAILS(silt_manifest_write(&m, &body, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_LIMIT);
    silt_buf_done(&body);
    m.holes_n = 1;
    silt_buf_init(&body, 10); /* the buffer's own bound */
    CU_ASSERT_FAILS(silt_manifest_write(&m, &body, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_LIMIT);
    silt_buf_done(&body);
    silt_manifest_done(&m);
}

/* Nothing is left out silently. */
static void text_that_is_not_utf8_is_refused(void)
{
    struct silt_manifest m = full_slot();
    char *const places[] = {m.archive,    m.digest,         m.cut.unit,
                            m.writer_pod, m.files[0].codec, m.files[2].key,
                            m.tp.cluster, m.files[1].token, m.files[1].parts[1].etag};
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct silt_buf body;
        struct silt_err err = {0};
        char kept = places[i][0];
        silt_buf_init(&body, SILT_MANIFEST_MAX);
        places[i][0] = (char)0xFF;
        CU_ASSERT_FAILS(silt_manifest_write(&m, &body, &err));
        CU_ASSERT_EQUAL(err.code, SILT_E_INTERNAL);
        CU_ASSERT_EQUAL(body.len, 0);
        places[i][0] = kept;
        silt_buf_done(&body);
    }
    silt_manifest_done(&m);
}

static void a_repair_that_is_not_utf8_is_refused(void)
{
    for (unsigned lost = 0; lost < 2; lost++) {
        struct silt_repair repair = full_repair(lost);
        struct silt_tp tp = silt_sample_tp();
        struct silt_buf body;
        silt_buf_init(&body, SILT_MANIFEST_MAX);
        if (lost)
            tp.topic[0] = (char)0xFF;
        else
            repair.with.token[0] = (char)0xFF;
        CU_ASSERT_FAILS(silt_repair_write(&repair, &tp, &body, NULL));
        silt_buf_done(&body);
        silt_repair_done(&repair);
    }
}

/* ---- strict reading: one member at a time is damaged ---- */

/* Where a member lives: at the top, in an object, or in the first element of a list. */
struct member {
    const char *in;
    const char *in2;
    const char *name;
};

static json_t *reach(json_t *object, const char *name)
{
    if (!name) return object;
    json_t *inner = json_object_get(object, name);
    return json_is_array(inner) ? json_array_get(inner, 0) : inner;
}

static void names_member(const char *text, const char *name, bool is_repair)
{
    struct silt_err err = {0};
    struct silt_manifest m = {.seq = 77};
    struct silt_repair repair = {.seq = 77};
    char quoted[40];
    if (is_repair) CU_ASSERT_FAILS(silt_repair_parse(silt_slice_str(text), &repair, &err));
    if (!is_repair) CU_ASSERT_FAILS(silt_manifest_parse(silt_slice_str(text), &m, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_CORRUPT);
    CU_ASSERT(m.seq == 77 && repair.seq == 77); /* written only on success */
    snprintf(quoted, sizeof quoted, "\"%s\"", name);
    if (!strstr(err.text, quoted)) CU_FAIL(err.text);
}

/* bad NULL: the member is taken away. Takes `bad`. */
static void damage(const char *text, const struct member *member, json_t *bad, bool is_repair)
{
    json_t *object = json_loads(text, 0, NULL);
    json_t *place = reach(reach(object, member->in), member->in2);
    CU_ASSERT_PTR_NOT_NULL(json_object_get(place, member->name));
    if (bad)
        json_object_set_new(place, member->name, bad);
    else
        json_object_del(place, member->name);
    char *damaged = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    names_member(damaged, member->name, is_repair);
    free(damaged);
}

static const struct member members[] = {
    {NULL, NULL, "v"},
    {NULL, NULL, "kind"},
    {NULL, NULL, "archive"},
    {NULL, NULL, "cluster"},
    {NULL, NULL, "topic"},
    {NULL, NULL, "topic_id"},
    {NULL, NULL, "partition"},
    {NULL, NULL, "seq"},
    {NULL, NULL, "prev"},
    {NULL, NULL, "start"},
    {NULL, NULL, "next"},
    {NULL, NULL, "lineage"},
    {NULL, NULL, "records"},
    {NULL, NULL, "tombstones"},
    {NULL, NULL, "rejected"},
    {NULL, NULL, "holes"},
    {NULL, NULL, "unreadable"},
    {NULL, NULL, "digest"},
    {NULL, NULL, "leader_epoch"},
    {NULL, NULL, "ts"},
    {"cut", NULL, "time"},
    {"cut", NULL, "unit"},
    {"cut", NULL, "max_files"},
    {NULL, NULL, "uuid"},
    {"writer", NULL, "pod"},
    {"writer", NULL, "boot"},
    {"writer", NULL, "version"},
    {NULL, NULL, "created"},
    {NULL, NULL, "files"},
    {"files", NULL, "key"},
    {"files", NULL, "role"},
    {"files", NULL, "upload"},
    {"files", NULL, "token"},
    {"files", NULL, "size"},
    {"files", NULL, "crc32c"},
    {"files", NULL, "codec"},
    {"files", NULL, "schemas"},
    {"files", NULL, "records"},
    {"files", NULL, "first"},
    {"files", NULL, "last"},
    {"files", NULL, "parts"},
    {"files", "parts", "size"},
    {"files", "parts", "etag"},
    {"files", "parts", "crc32c"},
};

static void a_missing_or_wrong_member_is_named(void)
{
    struct silt_manifest m = full_slot();
    char *text = write_text(&m);
    for (unsigned i = 0; i < sizeof members / sizeof members[0]; i++) {
        damage(text, &members[i], NULL, false);
        damage(text, &members[i], json_true(), false);
    }
    silt_free(text);
    silt_manifest_done(&m);
}

static void values_out_of_range_are_named(void)
{
    struct silt_manifest m = full_slot();
    char *text = write_text(&m);
    char *wide = silt_alloc(2000);
    memset(wide, 'x', 1999);
    wide[1999] = 0;
    const struct {
        struct member member;
        json_t *bad;
    } cases[] = {
        {{NULL, NULL, "partition"}, json_integer(-1)},
        {{NULL, NULL, "partition"}, json_integer(INT64_C(1) << 32)},
        {{NULL, NULL, "partition"}, json_integer(INT64_MIN)},
        {{NULL, NULL, "kind"}, json_string("date")},
        {{NULL, NULL, "v"}, json_integer(0)},
        {{NULL, NULL, "archive"}, json_string(wide)},
        {{NULL, NULL, "holes"}, json_pack("[[i,i,i]]", 1, 2, 3)},
        {{NULL, NULL, "holes"}, json_pack("[[s,i]]", "1", 2)},
        {{NULL, NULL, "unreadable"}, json_pack("[[i,s]]", 1, "2")},
        {{NULL, NULL, "leader_epoch"}, json_pack("[i,i]", -2, 1)},
        {{NULL, NULL, "leader_epoch"}, json_pack("[i,I]", 1, INT64_C(1) << 31)},
        {{NULL, NULL, "ts"}, json_pack("[i]", 1)},
        {{"files", NULL, "role"}, json_string("data2")},
        {{"files", NULL, "crc32c"}, json_string("0012345")},
        {{"files", NULL, "crc32c"}, json_string("0012345G")},
        {{"files", NULL, "schemas"}, json_pack("[s]", "17")},
        {{"files", NULL, "schemas"}, json_pack("[i]", -1)},
        {{"files", NULL, "schemas"}, json_pack("[I]", INT64_C(1) << 31)},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        damage(text, &cases[i].member, cases[i].bad, false);
    silt_free(wide);
    silt_free(text);
    silt_manifest_done(&m);
}

static void parts_are_numbered_without_a_gap(void)
{
    struct silt_manifest m = full_slot();
    struct silt_manifest read;
    struct silt_err err = {0};
    m.files[0].parts[1].n = 3;
    char *text = write_text(&m);
    CU_ASSERT_FAILS(silt_manifest_parse(silt_slice_str(text), &read, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "parts.n"));
    silt_free(text);
    silt_manifest_done(&m);
}

static void damaged_repairs_name_their_member(void)
{
    static const struct member names[] = {
        {NULL, NULL, "v"}, {NULL, NULL, "kind"},  {NULL, NULL, "seq"},    {NULL, NULL, "file"},
        {NULL, NULL, "k"}, {"with", NULL, "key"}, {"with", NULL, "parts"}};
    static const struct member lost = {NULL, NULL, "lost"};
    static const struct member kind = {NULL, NULL, "kind"};
    struct silt_repair repair = full_repair(false);
    char *text = write_repair_text(&repair);
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        damage(text, &names[i], NULL, true);
        damage(text, &names[i], json_true(), true);
    }
    damage(text, &lost, NULL, true);
    damage(text, &lost, json_integer(1), true);
    damage(text, &kind, json_string("data"), true);
    silt_free(text);
    silt_repair_done(&repair);
}

static void what_is_no_manifest_is_told_apart(void)
{
    static const struct {
        const char *text;
        enum silt_code code;
        const char *word;
    } cases[] = {
        {"", SILT_E_CORRUPT, "no JSON"},
        {"{\"v\":1,\"v\":1}", SILT_E_CORRUPT, "no JSON"},
        {"[1]", SILT_E_CORRUPT, "\"v\""},
        {"{\"v\":2}", SILT_E_UNSUPPORTED, "version 2 is newer"}, /* R9 */
        {"{\"v\":1}", SILT_E_CORRUPT, "missing or wrong"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct silt_manifest m;
        struct silt_repair repair;
        struct silt_err err = {0};
        struct silt_slice bytes = silt_slice_str(cases[i].text);
        CU_ASSERT_FAILS(silt_manifest_parse(bytes, &m, &err));
        CU_ASSERT_EQUAL(err.code, cases[i].code);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].word));
        CU_ASSERT_FAILS(silt_repair_parse(bytes, &repair, &err));
        CU_ASSERT_EQUAL(err.code, cases[i].code);
    }
}

/* ---- the books ---- */

static void unbalanced(struct silt_manifest *m, const char *word)
{
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_manifest_check(m, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_CORRUPT);
    if (!strstr(err.text, word)) CU_FAIL(err.text);
    silt_manifest_done(m);
}

#define UNBALANCED(word, change)              \
    do {                                      \
        struct silt_manifest m = full_slot(); \
        change;                               \
        unbalanced(&m, word);                 \
    } while (0)

static void each_fault_of_the_books_is_named(void)
{
    UNBALANCED("cannot cover", m.seq = -1);
    UNBALANCED("cannot cover", m.start = -1);
    UNBALANCED("cannot cover", m.next = -1);
    UNBALANCED("cannot cover", m.next = m.start);
    UNBALANCED("cannot cover", m.seq = INT64_MAX);
    UNBALANCED("cannot cover", m.start = INT64_MAX - 1; m.next = INT64_MAX);
    UNBALANCED("cannot cover", m.next = INT64_MAX);
    UNBALANCED("hole [999", m.holes[0].first = 999);
    UNBALANCED("hole [1031, 1030]", m.holes[0] = ((struct silt_offsets){1031, 1030}));
    UNBALANCED("unreadable range", m.unreadable[0].last = 1035);
    UNBALANCED("cannot hold 0 bytes", m.files[0].parts[0].size = 0);
    UNBALANCED("part 2 cannot hold", m.files[0].parts[1].size = INT64_MAX);
    UNBALANCED("parts hold", m.files[0].size++);
    UNBALANCED("0 records", m.files[0].records = 0);
    UNBALANCED("in offsets [999", m.files[0].first = 999);
    UNBALANCED("1035] of a slot", m.files[2].last = 1035);
    UNBALANCED("11 records", m.files[0].records = 11);
    UNBALANCED("cannot be counts", m.records = -1);
    UNBALANCED("cannot be counts", m.rejected = -1);
    UNBALANCED("cannot be counts", m.records = INT64_MAX);
    UNBALANCED("cannot be counts", m.rejected = INT64_MAX);
    UNBALANCED("do not balance", m.records++);
    UNBALANCED("do not balance", m.holes[0].last--);
    UNBALANCED("do not hold the records", m.records++; m.rejected--);
    UNBALANCED("do not hold the records", m.tombstones++);
    UNBALANCED("do not hold the records", m.records++; m.holes[0].last--);
    UNBALANCED(
        "more records than", for (unsigned i = 0; i < 3; i++) {
            m.files[i].role = SILT_ROLE_DATA;
            m.files[i].first = 1000;
            m.files[i].last = 1034;
            m.files[i].records = 20;
        });
}

static void ranges_must_not_overlap(void)
{
    struct silt_manifest m = full_slot();
    silt_free(m.holes);
    m.holes_n = 2;
    m.holes = silt_calloc(2, sizeof *m.holes);
    m.holes[0] = (struct silt_offsets){1030, 1031};
    m.holes[1] = (struct silt_offsets){1031, 1031};
    CU_ASSERT_EQUAL(silt_offsets_sum(m.holes, 2), 3);
    unbalanced(&m, "hole [1031, 1031] is out of order");
}

static void only_data_slots_hold_records(void)
{
    struct silt_tp tp = silt_sample_tp();
    struct silt_manifest gap = silt_sample_slot(&tp, 'a', 0, 10, 0);
    gap.kind = SILT_SLOT_GAP;
    gap.next = 20;
    CU_ASSERT_OK(silt_manifest_check(&gap, NULL));
    gap.kind = SILT_SLOT_LINEAGE; /* goes back, or stays */
    CU_ASSERT_FAILS(silt_manifest_check(&gap, NULL));
    gap.next = 10;
    CU_ASSERT_OK(silt_manifest_check(&gap, NULL));
    gap.next = 0;
    CU_ASSERT_OK(silt_manifest_check(&gap, NULL));
    silt_manifest_done(&gap);
    UNBALANCED("must not hold records", m.kind = SILT_SLOT_SKIP);
    static const struct silt_manifest counts[] = {
        {.records = 1}, {.rejected = 1}, {.tombstones = 1}};
    for (unsigned i = 0; i < 3; i++) {
        struct silt_manifest m = counts[i];
        m.kind = SILT_SLOT_GAP;
        m.next = 1;
        unbalanced(&m, "must not hold records");
    }
}

/* ---- links ---- */

static void broken_link(struct silt_manifest *m, const struct silt_manifest *before,
                        const char *word)
{
    struct silt_err err = {0};
    char sha256[SILT_SHA256_HEX];
    memset(sha256, '5', 64);
    sha256[64] = 0;
    CU_ASSERT_FAILS(silt_manifest_check_link(m, before, sha256, &err));
    if (!strstr(err.text, word)) CU_FAIL(err.text);
}

static void a_slot_follows_the_one_before_it(void)
{
    struct silt_tp tp = silt_sample_tp();
    struct silt_manifest before = silt_sample_slot(&tp, 'a', 4, 10, 0);
    struct silt_manifest good = silt_sample_slot(&tp, 'b', 5, 10, 0);
    struct silt_manifest m;
    memset(good.prev, '5', 64);
    CU_ASSERT_OK(silt_manifest_check_link(&good, &before, good.prev, NULL));
#define BROKEN(word, change) m = good, change, broken_link(&m, &before, word)
    BROKEN("does not follow", m.seq = 6);
    BROKEN("does not follow", m.tp.topic_id[0] = 'f');
    BROKEN("does not follow", m.tp.topic[0] = 'S');
    BROKEN("does not follow", m.tp.cluster[0] = 'C');
    BROKEN("does not follow", m.tp.partition = 8);
    BROKEN("prev differs", m.prev[63] = '4');
    BROKEN("starts at 11", m.start = 11);
    BROKEN("has lineage 1 instead of 0", m.lineage = 1);
    BROKEN("has lineage 0 instead of 1", m.kind = SILT_SLOT_LINEAGE);
    m = good;
    m.kind = SILT_SLOT_LINEAGE;
    m.lineage = 1;
    CU_ASSERT_OK(silt_manifest_check_link(&m, &before, good.prev, NULL));
    silt_manifest_done(&before);
    silt_manifest_done(&good);
}

static void slot_0_follows_nothing(void)
{
    struct silt_tp tp = silt_sample_tp();
    struct silt_manifest m = silt_sample_slot(&tp, 'a', 0, 10, 0);
    CU_ASSERT_OK(silt_manifest_check_link(&m, NULL, NULL, NULL));
    m.prev[0] = '1';
    broken_link(&m, NULL, "no slot before it");
    m.prev[0] = '0';
    m.seq = 1;
    broken_link(&m, NULL, "no slot before it");
    silt_manifest_done(&m);
}

SILT_TESTS("manifest", {"the bytes are canonical", the_bytes_are_canonical},
           {"what was written is read back", what_was_written_is_read_back},
           {"every kind has its name", every_kind_has_its_name},
           {"repairs are read back", repairs_are_read_back},
           {"a file that was never staged has an empty upload",
            a_file_that_was_never_staged_has_an_empty_upload},
           {"more than a mebibyte is refused", more_than_a_mebibyte_is_refused},
           {"text that is not UTF-8 is refused", text_that_is_not_utf8_is_refused},
           {"a repair that is not UTF-8 is refused", a_repair_that_is_not_utf8_is_refused},
           {"a missing or wrong member is named", a_missing_or_wrong_member_is_named},
           {"values out of range are named", values_out_of_range_are_named},
           {"parts are numbered without a gap", parts_are_numbered_without_a_gap},
           {"damaged repairs name their member", damaged_repairs_name_their_member},
           {"what is no manifest is told apart", what_is_no_manifest_is_told_apart},
           {"each fault of the books is named", each_fault_of_the_books_is_named},
           {"ranges must not overlap", ranges_must_not_overlap},
           {"only data slots hold records", only_data_slots_hold_records},
           {"a slot follows the one before it", a_slot_follows_the_one_before_it},
           {"slot 0 follows nothing", slot_0_follows_nothing})
