#include "bench.h"

/* Kafka has 25 offsets of partition 0 and 5 of partition 1; ten of partition 0 are archived. */
#define SKIP(bench, ...) READ("skip", (bench).brokers, (bench).archive.flag, __VA_ARGS__)

static void begin(struct bench *bench, const char *name)
{
    static const char format[] = "{\"archive_id\":\"0123456789abcdef0123456789abcdef\","
                                 "\"created\":\"2026-01-01T00:00:00Z\",\"format\":\"silt-1\"}";
    bench_begin(bench, name);
    char *path = silt_asprintf("%s/_format.json", bench->archive.root);
    archive_write_file(path, silt_slice_str(format));
    silt_free(path);
}

static void offsets_are_left_out_for_good(void)
{
    struct bench bench;
    begin(&bench, "skip");
    check_ran(SKIP(bench, "sensors", "0", "--to=20", "--dry-run"), 0,
              "would skip offsets 10 to 19 of sensors [0] (slot 1); archiving goes on at 20\n", "");
    check_ran(SKIP(bench, "sensors", "0", "--to=20"), 0,
              "skipped offsets 10 to 19 of sensors [0] (slot 1); archiving goes on at 20\n", "");
    check_ran(SKIP(bench, "sensors", "0", "--to=25", "--json"), 0,
              "{\"topic\":\"sensors\",\"partition\":0,\"seq\":2,\"first\":20,\"last\":24,"
              "\"dry_run\":false}\n",
              "");
    struct ran ran = READ("where", bench.brokers, bench.archive.flag, "sensors", "0", "15");
    CU_ASSERT_EQUAL(ran.code, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "skipped by an operator, with offsets 10 to 19"));
    ran_done(&ran);
    ran = READ("verify", "--deep", bench.archive.flag);
    CU_ASSERT_EQUAL(ran.code, 0);
    ran_done(&ran);
    bench_end(&bench);
}

static void what_cannot_be_skipped_is_refused(void)
{
    struct bench bench;
    begin(&bench, "refused");
    refuses(SKIP(bench, "sensors", "0"), 2, "--to OFFSET");
    refuses(SKIP(bench, "sensors", "x", "--to=5"), 2, "no partition number");
    refuses(SKIP(bench, "sensors", "0", "--to=10"), 1, "already at offset 10");
    refuses(SKIP(bench, "sensors", "0", "--to=10", "--dry-run"), 1, "already at offset 10");
    refuses(SKIP(bench, "sensors", "0", "--to=26"), 1, "ends before offset 25; what is not there");
    refuses(SKIP(bench, "sensors", "1", "--to=2"), 1, "nothing of the partition is archived yet");
    refuses(SKIP(bench, "sensors", "1", "--to=2", "--dry-run"), 1, "is archived yet");
    refuses(SKIP(bench, "sensors", "2", "--to=2"), 1, "has no partition 2");
    refuses(SKIP(bench, "ships", "0", "--to=2"), 1, "no topic ships");
    refuses(SKIP(bench, "sensors", "0", "--to=20", "--kafka.properties=no.such=1"), 2, "no.such");
    refuses(READ("skip", "--archive.root=file:///dev/null/x", "t", "0", "--to=1"), 2, "make it");
    archive_spoil_slot(&bench.archive, 0, "x");
    refuses(SKIP(bench, "sensors", "0", "--to=20", "--dry-run"), 1, "silt verify says more");
    refuses(SKIP(bench, "sensors", "0", "--to=20"), 1, "");
    bench_end(&bench);
}

SILT_TESTS("cmd_skip", {"offsets are left out for good", offsets_are_left_out_for_good},
           {"what cannot be skipped is refused", what_cannot_be_skipped_is_refused})
