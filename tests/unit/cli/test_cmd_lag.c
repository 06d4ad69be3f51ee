#include "bench.h"

#define LAG(bench, ...) \
    READ("lag", "--kafka.topics=sensors", (bench).brokers, (bench).archive.flag, __VA_ARGS__)

static void each_partition_has_its_lag(void)
{
    struct bench bench;
    bench_begin(&bench, "lag");
    check_ran(LAG(bench, "--kafka.group=g"), 0,
              "topic    partition  log start  durable  high  lag\n"
              "sensors          0          0       10    25   15\n"
              "sensors          1          0       -1     5    5\n",
              "");
    check_ran(LAG(bench, "--json"), 0,
              "{\"topic\":\"sensors\",\"partition\":0,\"log_start\":0,\"durable\":10,"
              "\"high_watermark\":25,\"lag\":15,\"pending\":false}\n"
              "{\"topic\":\"sensors\",\"partition\":1,\"log_start\":0,\"durable\":-1,"
              "\"high_watermark\":5,\"lag\":5,\"pending\":false}\n",
              "");
    bench_end(&bench);
}

/* Not 0: nobody knows. */
static void what_is_not_known_is_no_number(void)
{
    struct bench bench;
    bench_begin(&bench, "unknown");
    archive_spoil_slot(&bench.archive, 0, "no manifest");
    struct ran ran = LAG(bench, "--kafka.group=g");
    CU_ASSERT_EQUAL(ran.code, 1);
    CU_ASSERT_STRING_EQUAL(ran.out, "topic    partition  log start  durable  high  lag\n"
                                    "sensors          0          0        ?    25    ?\n"
                                    "sensors          1          0       -1     5    5\n");
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.err, "no JSON"));
    ran_done(&ran);
    ran = LAG(bench, "--json");
    CU_ASSERT_EQUAL(ran.code, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "\"durable\":null,\"high_watermark\":25,\"lag\":null"));
    ran_done(&ran);
    bench_end(&bench);
}

static void a_slot_on_its_way_does_not_count_yet(void)
{
    struct bench bench;
    bench_begin(&bench, "pending");
    archive_write_pending(&bench.archive);
    struct ran ran = LAG(bench, "--json");
    CU_ASSERT_EQUAL(ran.code, 0);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(ran.out, "\"durable\":10,\"high_watermark\":25,\"lag\":15,\"pending\":true}"));
    ran_done(&ran);
    bench_end(&bench);
}

static void what_cannot_be_asked_is_named(void)
{
    struct bench bench;
    bench_begin(&bench, "named");
    check_ran(READ("lag", "--archive.root=file:///dev/null/x"), 2, "",
              "silt lag: archive.root file:///dev/null/x: cannot make it: Not a directory\n");
    struct ran ran = LAG(bench, "--kafka.properties=no.such=1");
    CU_ASSERT_EQUAL(ran.code, 2);
    CU_ASSERT_STRING_EQUAL(ran.out, "");
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.err, "no.such"));
    ran_done(&ran);
    bench_end(&bench);
}

SILT_TESTS("cmd_lag", {"each partition has its lag", each_partition_has_its_lag},
           {"what is not known is no number", what_is_not_known_is_no_number},
           {"a slot on its way does not count yet", a_slot_on_its_way_does_not_count_yet},
           {"what cannot be asked is named", what_cannot_be_asked_is_named})
