#include "archive_dir.h"

static void a_good_archive_is_proved(void)
{
    struct archive archive;
    archive_sensors(&archive, "good");
    check_ran(READ("verify", archive.flag), 0,
              "verify: OK (2 partitions, 3 slots, 16 records, 2 rejected, 6474 bytes)\n", "");
    check_ran(READ("verify", archive.flag, "--list-only"), 0,
              "verify: OK (2 partitions, 3 slots, 16 records, 2 rejected, 6474 bytes)\n", "");
    check_ran(READ("verify", archive.flag, "--deep"), 0,
              "verify: OK (2 partitions, 3 slots, 16 records, 2 rejected, 6474 bytes)\n", "");
    check_ran(READ("verify", archive.flag, "--json", "valves", "3"), 0,
              "{\"ok\":true,\"partitions\":1,\"slots\":1,\"files\":4,\"records\":8,\"rejected\":1,"
              "\"bytes\":3235,\"pending\":0,\"faults\":0}\n",
              "");
    archive_end(&archive);
}

static void each_fault_is_named_with_a_way_out(void)
{
    struct archive archive;
    archive_sensors(&archive, "faulty");
    tool_gap(&archive.tool, 5);
    archive_write(&archive);
    tool_partition(&archive.tool, "sensors", 0);
    tool_slot(&archive.tool, &(struct tool_slot){.offsets = 10});
    archive_remove(&archive, archive.tool.last.files[0].key);
    check_ran(READ("verify", archive.flag, "sensors"), 1,
              "absent "
              "data/topic=sensors/dt=2024-10-04/"
              "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000000.avro "
              "(offsets 0 to 8): the object is not there\n"
              "    bring the object back from a bucket version or a replica, or, for the newest "
              "slot, start a worker: it makes the file again while Kafka has the offsets\n"
              "verify: 1 fault (1 partitions, 2 slots, 8 records, 1 rejected, 3239 bytes)\n",
              "");
    check_ran(
        READ("verify", archive.flag, "sensors", "--json"), 1,
        "{\"fault\":\"absent\",\"key\":\"data/topic=sensors/dt=2024-10-04/"
        "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000000.avro\",\"topic\":"
        "\"sensors\",\"partition\":0,\"seq\":0,\"first\":0,\"last\":8,\"text\":\"the object is not "
        "there\",\"way_out\":\"bring the object back from a bucket version or a replica, or, for "
        "the newest slot, start a worker: it makes the file again while Kafka has the offsets\"}\n"
        "{\"ok\":false,\"partitions\":1,\"slots\":2,\"files\":4,\"records\":8,\"rejected\":1,"
        "\"bytes\":3239,\"pending\":0,\"faults\":1}\n",
        "");
    archive_remove(&archive, archive.tool.last.files[1].key);
    check_ran(READ("verify", archive.flag, "sensors"), 1,
              "absent "
              "data/topic=sensors/dt=2024-10-04/"
              "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000000.avro "
              "(offsets 0 to 8): the object is not there\n"
              "    bring the object back from a bucket version or a replica, or, for the newest "
              "slot, start a worker: it makes the file again while Kafka has the offsets\n"
              "absent "
              "data/topic=sensors/dt=2024-10-05/"
              "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000001.avro "
              "(offsets 1 to 9): the object is not there\n"
              "    bring the object back from a bucket version or a replica, or, for the newest "
              "slot, start a worker: it makes the file again while Kafka has the offsets\n"
              "verify: 2 faults (1 partitions, 2 slots, 8 records, 1 rejected, 3239 bytes)\n",
              "");
    archive_end(&archive);
}

static void what_is_being_completed_is_pending(void)
{
    struct archive archive;
    archive_begin(&archive, "pending");
    archive_write_pending(&archive);
    check_ran(
        READ("verify", archive.flag), 0,
        "pending "
        "data/topic=sensors/dt=2024-10-04/"
        "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000000.avro (offsets 0 "
        "to 8): committed, and still being completed\n"
        "pending "
        "data/topic=sensors/dt=2024-10-05/"
        "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000001.avro (offsets 1 "
        "to 9): committed, and still being completed\n"
        "pending "
        "data/topic=sensors/dt=2024-10-06/"
        "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000002-rejected.avro "
        "(offsets 3 to 3): committed, and still being completed\n"
        "pending "
        "data/topic=sensors/dt=2024-10-07/"
        "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000003-tombstone.avro "
        "(offsets 7 to 7): committed, and still being completed\n"
        "verify: OK (1 partitions, 1 slots, 8 records, 1 rejected, 3239 bytes, 4 files pending)\n",
        "");
    check_ran(READ("verify", archive.flag, "--json"), 0,
              "{\"pending\":\"absent\",\"key\":\"data/topic=sensors/dt=2024-10-04/"
              "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000000.avro\","
              "\"topic\":\"sensors\",\"partition\":0,\"seq\":0,\"first\":0,\"last\":8,\"text\":"
              "\"committed, and still being completed\"}\n"
              "{\"pending\":\"absent\",\"key\":\"data/topic=sensors/dt=2024-10-05/"
              "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000001.avro\","
              "\"topic\":\"sensors\",\"partition\":0,\"seq\":0,\"first\":1,\"last\":9,\"text\":"
              "\"committed, and still being completed\"}\n"
              "{\"pending\":\"absent\",\"key\":\"data/topic=sensors/dt=2024-10-06/"
              "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000002-rejected."
              "avro\",\"topic\":\"sensors\",\"partition\":0,\"seq\":0,\"first\":3,\"last\":3,"
              "\"text\":\"committed, and still being completed\"}\n"
              "{\"pending\":\"absent\",\"key\":\"data/topic=sensors/dt=2024-10-07/"
              "01234567-p00000-s0000000000000000-o00000000000000000000-0000000000000003-tombstone."
              "avro\",\"topic\":\"sensors\",\"partition\":0,\"seq\":0,\"first\":7,\"last\":7,"
              "\"text\":\"committed, and still being completed\"}\n"
              "{\"ok\":true,\"partitions\":1,\"slots\":1,\"files\":4,\"records\":8,\"rejected\":1,"
              "\"bytes\":3239,\"pending\":4,\"faults\":0}\n",
              "");
    archive_end(&archive);
}

static void what_cannot_be_verified_is_named(void)
{
    struct archive archive;
    archive_sensors(&archive, "none");
    check_ran(READ("verify", archive.flag, "--deep", "--list-only"), 2, "",
              "silt verify: --deep and --list-only exclude each other\n");
    check_ran(READ("verify", archive.flag, "pumps"), 1, "",
              "silt verify: the archive has no topic pumps\n");
    check_ran(READ("verify", archive.flag, "valves", "third"), 2, "",
              "silt verify: \"third\" is no partition number\n");
    check_ran(READ("verify", "--archive.root=file:///dev/null/x"), 2, "",
              "silt verify: archive.root file:///dev/null/x: cannot make it: Not a directory\n");
    archive_end(&archive);
}

SILT_TESTS("cmd_verify", {"a good archive is proved", a_good_archive_is_proved},
           {"each fault is named, with a way out", each_fault_is_named_with_a_way_out},
           {"what is being completed is pending", what_is_being_completed_is_pending},
           {"what cannot be verified is named", what_cannot_be_verified_is_named})
