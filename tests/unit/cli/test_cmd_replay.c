#include "bench.h"

/* Kafka has 25 tombstones in partition 0 and 5 in partition 1. */
#define REPLAY(bench, ...)                                                   \
    READ("replay", (bench).brokers, (bench).archive.flag, "--topic=sensors", \
         "--schema.framing=single_object",                                   \
         "--schema.files=" SILT_SOURCE_DIR "/schemas/avro/sensor_reading.v1.avsc", __VA_ARGS__)

static char *into_of(const char *name)
{
    return silt_asprintf("--into=file://%s/%s", silt_test_dir(), name);
}

static void says(struct ran ran, int code, const char *out, const char *err)
{
    CU_ASSERT_EQUAL(ran.code, code);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, out));
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.err, err));
    if (ran.code != code || !strstr(ran.out, out) || !strstr(ran.err, err))
        fprintf(stderr, "\n  code %d\n  out: %s\n  err: %s\n", ran.code, ran.out, ran.err);
    ran_done(&ran);
}

static unsigned rows_of(const char *name)
{
    char *root = silt_asprintf("--archive.root=file://%s/%s", silt_test_dir(), name);
    struct ran ran = READ("cat", root);
    unsigned n = 0;
    CU_ASSERT_EQUAL(ran.code, 0);
    for (const char *at = ran.out; (at = strchr(at, '\n')); at++) n++;
    ran_done(&ran);
    silt_free(root);
    return n;
}

static void a_topic_goes_into_another_root(void)
{
    struct bench bench;
    bench_begin(&bench, "replay");
    char *into = into_of("replay-2");
    check_ran(REPLAY(bench, into, "--dry-run"), 0,
              "topic    partition  first  last  archived already\n"
              "sensors          0      0    24                 0\n"
              "sensors          1      0     4                 0\n",
              "");
    says(REPLAY(bench, into), 0, "replayed 30 offsets of 2 partitions into file://", "");
    CU_ASSERT_EQUAL(rows_of("replay-2"), 30);
    check_ran(REPLAY(bench, into, "--json"), 0,
              "{\"topic\":\"sensors\",\"partition\":0,\"first\":0,\"last\":24,\"done\":25}\n"
              "{\"topic\":\"sensors\",\"partition\":1,\"first\":0,\"last\":4,\"done\":5}\n",
              "");
    says(REPLAY(bench, into, "--from-offset=3"), 1, "",
         "replay-2 already has sensors [0] from offset 0 on, and not from 3; leave --from-");
    silt_free(into);
    bench_end(&bench);
}

static void a_stretch_is_what_is_asked_for(void)
{
    struct bench bench;
    bench_begin(&bench, "stretch");
    char *into = into_of("stretch-2");
    says(REPLAY(bench, into, "--partition=0", "--from-offset=5", "--to-offset=9"), 0,
         "replayed 5 offsets of 1 partition into", "");
    CU_ASSERT_EQUAL(rows_of("stretch-2"), 5);
    says(REPLAY(bench, into, "--partition=0", "--to-offset=1000"), 0, "replayed 20 offsets", "");
    CU_ASSERT_EQUAL(rows_of("stretch-2"), 20);
    silt_free(into);
    into = into_of("stretch-3");
    says(REPLAY(bench, into, "--from-offset=1000"), 0, "", "nothing in that stretch");
    says(REPLAY(bench, into, "--from-time=2100-01-01T00:00:00Z"), 0, "", "nothing in that stretch");
    says(REPLAY(bench, into, "--to-time=2100-01-01T00:00:00Z", "--dry-run"), 0, "24", "");
    silt_free(into);
    bench_end(&bench);
}

static void what_cannot_be_is_refused(void)
{
    struct bench bench;
    bench_begin(&bench, "refused");
    char *into = into_of("refused-2");
    char *live = silt_asprintf("--into=file://%s//", bench.archive.root);
    says(READ("replay", bench.archive.flag), 2, "", "--topic NAME");
    says(REPLAY(bench, "--dry-run"), 2, "", "--into s3://");
    says(REPLAY(bench, live), 2, "", "is archive.root, where every offset is already");
    says(REPLAY(bench, into, "--from-offset=1", "--from-time=2026-01-01T00:00:00Z"), 2, "",
         "--from-offset and --from-time exclude each other");
    says(REPLAY(bench, into, "--to-offset=1", "--to-time=2026-01-01T00:00:00Z"), 2, "",
         "--to-offset and --to-time exclude each other");
    says(REPLAY(bench, into, "--topic=ships"), 1, "", "Kafka has no topic ships");
    says(REPLAY(bench, into, "--partition=2"), 1, "", "topic sensors has no partition 2");
    says(REPLAY(bench, into, "--kafka.properties=no.such=1"), 2, "", "no.such");
    says(REPLAY(bench, "--into=file:///dev/null/x"), 2, "", "cannot make it");
    says(READ("replay", bench.brokers, bench.archive.flag, "--topic=sensors", into), 2, "",
         "schema.registry");
    silt_free(into);
    silt_free(live);
    bench_end(&bench);
}

static void what_retention_took_is_named(void)
{
    struct bench bench;
    bench_begin(&bench, "retention");
    char *into = into_of("retention-2");
    bench_send(&bench, 0, 10);
    bench_send(&bench, 1, 5);
    bench_delete_before(&bench, 0, 25); /* whole batches are deleted */
    says(REPLAY(bench, into, "--from-offset=7"), 1, "",
         "Kafka no longer has these offsets of sensors: [0] 7 to 24; begin behind them");
    bench_delete_before(&bench, 1, 5);
    says(REPLAY(bench, into, "--from-offset=1"), 1, "", "[0] 1 to 24, [1] 1 to 4;");
    says(REPLAY(bench, into, "--from-offset=1", "--to-offset=3"), 1, "", "[0] 1 to 3, [1] 1 to 3;");
    says(REPLAY(bench, into), 0, "replayed 15 offsets of 2 partitions", "");
    silt_free(into);
    bench_end(&bench);
}

/* What an earlier run left is not what it was. */
static void a_damaged_root_is_named(void)
{
    struct bench bench;
    bench_begin(&bench, "damaged");
    char *live = silt_asprintf("--into=%s/../damaged", strchr(bench.archive.flag, '=') + 1);
    archive_spoil_slot(&bench.archive, 0, "x");
    says(REPLAY(bench, live), 1, "", "silt verify says more");
    silt_free(live);
    bench_end(&bench);
}

SILT_TESTS("cmd_replay", {"a topic goes into another root", a_topic_goes_into_another_root},
           {"a stretch is what is asked for", a_stretch_is_what_is_asked_for},
           {"what cannot be is refused", what_cannot_be_is_refused},
           {"what retention took is named", what_retention_took_is_named},
           {"a damaged root is named", a_damaged_root_is_named})
