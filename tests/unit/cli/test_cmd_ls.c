#include "archive_dir.h"

#define NOTHING \
    "topic  partition  seq  kind  first  last  records  rejected  files  size  codec  created\n"

static void slots_are_a_table(void)
{
    struct archive archive;
    archive_sensors(&archive, "slots");
    check_ran(READ("ls", archive.flag), 0,
              "topic    partition  seq  kind  first  last  records  rejected  files     size  "
              "codec  created\n"
              "sensors          0    0  data      0     9        8         1      4  3.2 KiB  zstd "
              "  2026-01-01T00:00:00Z\n"
              "sensors          0    1  gap      10    14        0         0      0      0 B  -    "
              "  2026-01-01T00:00:00Z\n"
              "valves           3    0  data      0     9        8         1      4  3.2 KiB  zstd "
              "  2026-01-01T00:00:00Z\n",
              "");
    check_ran(READ("ls", archive.flag, "valves", "3"), 0,
              "topic   partition  seq  kind  first  last  records  rejected  files     size  codec "
              " created\n"
              "valves          3    0  data      0     9        8         1      4  3.2 KiB  zstd  "
              " 2026-01-01T00:00:00Z\n",
              "");
    archive_end(&archive);
}

static void objects_are_a_table_too(void)
{
    struct archive archive;
    archive_sensors(&archive, "objects");
    check_ran(
        READ("ls", archive.flag, "--files", "sensors"), 0,
        "topic    partition  seq  role       first  last  records   size  codec  key\n"
        "sensors          0    0  data           0     8        5  858 B  zstd   "
        "data/topic=sensors/dt=2024-10-04/"
        "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000000.avro\n"
        "sensors          0    0  data           1     9        2  799 B  zstd   "
        "data/topic=sensors/dt=2024-10-05/"
        "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000001.avro\n"
        "sensors          0    0  rejected       3     3        1  877 B  zstd   "
        "data/topic=sensors/dt=2024-10-06/"
        "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000002-rejected.avro\n"
        "sensors          0    0  tombstone      7     7        1  705 B  zstd   "
        "data/topic=sensors/dt=2024-10-07/"
        "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000003-tombstone.avro\n",
        "");
    archive_end(&archive);
}

static void with_json_each_is_a_line(void)
{
    struct archive archive;
    archive_sensors(&archive, "lines");
    check_ran(READ("ls", archive.flag, "--json", "sensors"), 0,
              "{\"topic\":\"sensors\",\"topic_id\":\"0123456789abcdef0123456789abcdef\","
              "\"partition\":0,\"seq\":0,\"kind\":\"data\",\"start\":0,\"next\":10,\"records\":8,"
              "\"tombstones\":1,\"rejected\":1,\"holes\":1,\"unreadable\":0,\"files\":4,\"bytes\":"
              "3239,\"created\":\"2026-01-01T00:00:00Z\"}\n"
              "{\"topic\":\"sensors\",\"topic_id\":\"0123456789abcdef0123456789abcdef\","
              "\"partition\":0,\"seq\":1,\"kind\":\"gap\",\"start\":10,\"next\":15,\"records\":0,"
              "\"tombstones\":0,\"rejected\":0,\"holes\":0,\"unreadable\":0,\"files\":0,\"bytes\":"
              "0,\"created\":\"2026-01-01T00:00:00Z\"}\n",
              "");
    check_ran(READ("ls", archive.flag, "--json", "--files", "sensors"), 0,
              "{\"topic\":\"sensors\",\"topic_id\":\"0123456789abcdef0123456789abcdef\","
              "\"partition\":0,\"seq\":0,\"key\":\"data/topic=sensors/dt=2024-10-04/"
              "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000000.avro\","
              "\"role\":\"data\",\"first\":0,\"last\":8,\"records\":5,\"bytes\":858,\"codec\":"
              "\"zstd\",\"schema_id\":17}\n"
              "{\"topic\":\"sensors\",\"topic_id\":\"0123456789abcdef0123456789abcdef\","
              "\"partition\":0,\"seq\":0,\"key\":\"data/topic=sensors/dt=2024-10-05/"
              "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000001.avro\","
              "\"role\":\"data\",\"first\":1,\"last\":9,\"records\":2,\"bytes\":799,\"codec\":"
              "\"zstd\",\"schema_id\":17}\n"
              "{\"topic\":\"sensors\",\"topic_id\":\"0123456789abcdef0123456789abcdef\","
              "\"partition\":0,\"seq\":0,\"key\":\"data/topic=sensors/dt=2024-10-06/"
              "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000002-rejected."
              "avro\",\"role\":\"rejected\",\"first\":3,\"last\":3,\"records\":1,\"bytes\":877,"
              "\"codec\":\"zstd\",\"schema_id\":null}\n"
              "{\"topic\":\"sensors\",\"topic_id\":\"0123456789abcdef0123456789abcdef\","
              "\"partition\":0,\"seq\":0,\"key\":\"data/topic=sensors/dt=2024-10-07/"
              "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000003-tombstone."
              "avro\",\"role\":\"tombstone\",\"first\":7,\"last\":7,\"records\":1,\"bytes\":705,"
              "\"codec\":\"zstd\",\"schema_id\":null}\n",
              "");
    archive_end(&archive);
}

static void what_is_not_there_is_named(void)
{
    struct archive archive;
    archive_sensors(&archive, "absent");
    check_ran(READ("ls", archive.flag, "pumps"), 1, NOTHING,
              "silt ls: the archive has no topic pumps\n");
    check_ran(READ("ls", archive.flag, "valves", "4"), 1, NOTHING,
              "silt ls: the archive has no partition 4 of topic valves\n");
    check_ran(READ("ls", archive.flag, "valves", "x"), 2, NOTHING,
              "silt ls: \"x\" is no partition number\n");
    check_ran(READ("ls", archive.flag, "valves", "3x"), 2, NOTHING,
              "silt ls: \"3x\" is no partition number\n");
    check_ran(READ("ls", archive.flag, "valves", "1234567890"), 2, NOTHING,
              "silt ls: \"1234567890\" is no partition number\n");
    check_ran(READ("ls", "--archive.root=file:///dev/null/x"), 2, "",
              "silt ls: archive.root file:///dev/null/x: cannot make it: Not a directory\n");
    archive_end(&archive);
}

/* It must not look as if there were less. */
static void what_cannot_be_listed_is_an_error(void)
{
    struct archive archive;
    archive_sensors(&archive, "damaged");
    archive_spoil_slot(&archive, 0, "no manifest");
    check_ran(READ("ls", archive.flag, "valves"), 1, NOTHING,
              "silt ls: _log/lkc-1/valves~01234567/00003/0000000000000000.json: no JSON at byte 2: "
              "'[' or '{' expected near 'no'; silt verify says more\n");
    tool_partition(&archive.tool, "sensors", 0);
    archive_remove_slot(&archive, 0);
    check_ran(READ("ls", archive.flag, "sensors"), 1,
              "topic    partition  seq  kind  first  last  records  rejected  files  size  codec  "
              "created\n"
              "sensors          0    1  gap      10    14        0         0      0   0 B  -      "
              "2026-01-01T00:00:00Z\n",
              "silt ls: _log/lkc-1/sensors~01234567/00000/0000000000000001.json: slots before it "
              "are missing; silt verify says more\n");
    archive_end(&archive);
}

SILT_TESTS("cmd_ls", {"slots are a table", slots_are_a_table},
           {"objects are a table too", objects_are_a_table_too},
           {"with --json each is a line", with_json_each_is_a_line},
           {"what is not there is named", what_is_not_there_is_named},
           {"what cannot be listed is an error", what_cannot_be_listed_is_an_error})
