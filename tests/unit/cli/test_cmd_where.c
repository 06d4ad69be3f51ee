#include "bench.h"

#define WHERE(bench, ...) \
    READ("where", (bench).brokers, (bench).archive.flag, "--kafka.group=g", "sensors", __VA_ARGS__)

static void says(struct ran ran, int code, const char *words)
{
    CU_ASSERT_EQUAL(ran.code, code);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, words));
    CU_ASSERT_STRING_EQUAL(ran.err, "");
    if (ran.code != code || !strstr(ran.out, words) || ran.err[0])
        fprintf(stderr, "\n  code %d\n  out: %s  err: %s\n", ran.code, ran.out, ran.err);
    ran_done(&ran);
}

/* Ten offsets are archived: 3 is a reject, 5 a hole, 7 a tombstone. Kafka has 25 of partition 0 and
 * 5 of partition 1, and takes back none: at the hole there is a record. */
static void what_is_archived_has_a_place(void)
{
    struct bench bench;
    bench_begin(&bench, "archived");
    says(WHERE(bench, "0", "8"), 0, "archived: data/topic=sensors/dt=2024-10-04/");
    says(WHERE(bench, "0", "8"), 0, ".avro, block 1, row 0 (slot 0)\n");
    says(WHERE(bench, "0", "7"), 0, "archived (a tombstone): data/");
    says(WHERE(bench, "0", "3"), 0, "rejected: truncated, at byte 3; kept in data/");
    says(WHERE(bench, "0", "5"), 0,
         "aborted: a record of a transaction that was aborted (slot 0)\n");
    struct ran ran = WHERE(bench, "0", "3", "--json");
    CU_ASSERT_EQUAL(ran.code, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "{\"topic\":\"sensors\",\"partition\":0,\"offset\":3,"
                                           "\"state\":\"rejected\",\"seq\":0,\"object\":\"data/"));
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "\"role\":\"rejected\",\"block\":0,\"row\":0,"
                                           "\"reason\":\"truncated\",\"truncated\":0,"));
    ran_done(&ran);
    bench_end(&bench);
}

static void what_is_not_archived_may_be_in_kafka(void)
{
    struct bench bench;
    bench_begin(&bench, "buffered");
    says(WHERE(bench, "0", "10"), 0,
         "buffered: Kafka has it, and no slot yet; the archive ends before offset 10\n");
    says(WHERE(bench, "0", "25"), 0, "not written yet: Kafka's log ends before offset 25\n");
    says(WHERE(bench, "1", "4"), 0, "no slot yet; the archive has nothing of this partition\n");
    says(WHERE(bench, "2", "4"), 1,
         "lost: the archive has nothing of this partition, and Kafka has the partition no more\n");
    says(WHERE(bench, "0", "10", "--topic-id=01234567"), 1, "Kafka has the partition no more\n");
    archive_write_pending(&bench.archive);
    says(WHERE(bench, "0", "10"), 0, "uploading: committed; data/");
    says(WHERE(bench, "0", "10", "--json"), 0, "\"state\":\"uploading\",\"seq\":1,\"object\"");
    bench_end(&bench);
}

static void make_unreadable(struct silt_manifest *m)
{
    m->unreadable = m->holes;
    m->unreadable_n = m->holes_n;
    m->holes = NULL;
    m->holes_n = 0;
}

static void what_will_never_be_archived_is_a_problem(void)
{
    struct bench bench;
    bench_begin(&bench, "never");
    struct tool *tool = &bench.archive.tool;
    tool_gap(tool, 10);
    struct silt_manifest m = tool_manifest(tool, 10);
    m.kind = SILT_SLOT_SKIP;
    tool_commit(tool, &m);
    tool_slot(tool, &(struct tool_slot){.offsets = 10, .edit_manifest = make_unreadable});
    tool_slot(tool, &(struct tool_slot){.offsets = 10, .no_objects = true});
    tool_repair(tool, 0, 1, true, NULL);
    tool_slot(tool, &(struct tool_slot){.offsets = 10, .no_objects = true});
    tool_gap(tool, 1);
    archive_write(&bench.archive);
    says(WHERE(bench, "0", "12"), 1,
         "gap: deleted from Kafka before it was archived, with offsets 10 to 19 (slot 1)\n");
    says(WHERE(bench, "0", "29"), 1, "skipped by an operator, with offsets 20 to 29 (slot 2)\n");
    says(WHERE(bench, "0", "35"), 1, "unreadable: damaged in Kafka (slot 3)\n");
    says(WHERE(bench, "0", "40"), 1, "expired before it was completed, and Kafka had the records");
    says(WHERE(bench, "0", "50"), 1, "missing: data/");
    tool_lineage(tool, 55);
    tool_slot(tool, &(struct tool_slot){.offsets = 10});
    archive_write(&bench.archive);
    says(WHERE(bench, "0", "56"), 0,
         "(slot 8); 1 older slot has a record of this offset that "
         "Kafka lost\n");
    bench_end(&bench);
}

static void an_archive_may_begin_later(void)
{
    struct bench bench;
    bench_begin(&bench, "later");
    struct tool *tool = &bench.archive.tool;
    tool_partition(tool, "sensors", 1);
    bench_name_partition(&bench);
    tool->next = 3;
    tool_slot(tool, &(struct tool_slot){.offsets = 10});
    archive_write(&bench.archive);
    says(WHERE(bench, "1", "2"), 1, "before the archive, which begins at offset 3\n");
    says(WHERE(bench, "1", "5"), 0,
         "no record: a transaction's marker, or one that was compacted away (slot 0)\n");
    bench_end(&bench);
}

static void without_kafka_the_archive_answers(void)
{
    struct archive archive;
    archive_sensors(&archive, "alone");
#define ALONE(...)                                                                \
    READ("where", archive.flag, "--kafka.brokers=127.0.0.1:1", "--kafka.group=g", \
         "--timeout=500ms", __VA_ARGS__)
    struct ran ran = ALONE("sensors", "0", "0");
    CU_ASSERT_EQUAL(ran.code, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "archived: data/"));
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.err, "silt where: Kafka could not be asked: "));
    ran_done(&ran);
    ran = ALONE("sensors", "0", "5");
    CU_ASSERT_EQUAL(ran.code, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "compacted away; Kafka cannot say any more which"));
    ran_done(&ran);
    ran = ALONE("sensors", "0", "15");
    CU_ASSERT_EQUAL(ran.code, 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(
        ran.out, "unknown: the archive ends before offset 15, and Kafka could not be asked: "));
    CU_ASSERT_STRING_EQUAL(ran.err, "");
    ran_done(&ran);
    memset(archive.tool.tp.topic_id, 'f', 8);
    tool_partition(&archive.tool, "sensors", 0);
    memset(archive.tool.tp.topic_id, 'f', 8);
    tool_gap(&archive.tool, 7);
    archive_write(&archive);
    refuses(ALONE("sensors", "0", "0"), 2, "the topic was made 2 times");
    ran = ALONE("sensors", "0", "0", "--topic-id=ffffffff89abcdef0123456789abcdef");
    CU_ASSERT_EQUAL(ran.code, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "gap: "));
    ran_done(&ran);
    archive_end(&archive);
}

static void what_cannot_be_asked_is_named(void)
{
    struct bench bench;
    bench_begin(&bench, "named");
    refuses(WHERE(bench, "0"), 2, "OFFSET");
    refuses(WHERE(bench, "x", "0"), 2, "\"x\" is no partition number");
    refuses(WHERE(bench, "0", "x"), 2, "\"x\" is no offset");
    refuses(WHERE(bench, "0", "1x"), 2, "\"1x\" is no offset");
    refuses(WHERE(bench, "0", "1234567890123456789"), 2, "is no offset");
    refuses(READ("where", "--archive.root=file:///dev/null/x", "t", "0", "0"), 2, "cannot make it");
    archive_spoil_slot(&bench.archive, 0, "x");
    refuses(WHERE(bench, "0", "0"), 1, "silt verify says more");
    char *flag = silt_asprintf("--archive.root=file://%s/nothing", silt_test_dir());
    refuses(READ("where", flag, bench.brokers, "sensors", "0", "0"), 1, "holds no archive");
    silt_free(flag);
    bench_end(&bench);
}

SILT_TESTS("cmd_where", {"what is archived has a place", what_is_archived_has_a_place},
           {"what is not archived may be in Kafka", what_is_not_archived_may_be_in_kafka},
           {"what will never be archived is a problem", what_will_never_be_archived_is_a_problem},
           {"an archive may begin later", an_archive_may_begin_later},
           {"without Kafka the archive answers", without_kafka_the_archive_answers},
           {"what cannot be asked is named", what_cannot_be_asked_is_named})
