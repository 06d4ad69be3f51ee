#include "archive_dir.h"

static void records_are_lines_in_the_order_of_their_offsets(void)
{
    struct archive archive;
    archive_sensors(&archive, "all");
    check_ran(
        READ("cat", archive.flag, "sensors"), 0,
        "{\"topic\":\"sensors\",\"partition\":0,\"offset\":0,\"timestamp\":1000,\"key\":null,"
        "\"headers\":[],\"value\":{\"id\":\"s\",\"n\":null}}\n"
        "{\"topic\":\"sensors\",\"partition\":0,\"offset\":1,\"timestamp\":1001,\"key\":\"k\","
        "\"headers\":[{\"key\":\"trace\",\"value_base64\":\"/"
        "w==\"},{\"key\":\"empty\",\"value\":null}],\"value\":{\"id\":\"s\",\"n\":null}}\n"
        "{\"topic\":\"sensors\",\"partition\":0,\"offset\":2,\"timestamp\":1002,\"key\":null,"
        "\"headers\":[],\"value\":{\"id\":\"s\",\"n\":null}}\n"
        "{\"topic\":\"sensors\",\"partition\":0,\"offset\":4,\"timestamp\":1004,\"key\":null,"
        "\"headers\":[{\"key\":\"trace\",\"value_base64\":\"/"
        "w==\"},{\"key\":\"empty\",\"value\":null},{\"key\":\"\",\"value\":\"\"},{\"key\":\"\","
        "\"value\":\"\"},{\"key\":\"\",\"value\":\"\"},{\"key\":\"\",\"value\":\"\"},{\"key\":\"\","
        "\"value\":\"\"},{\"key\":\"\",\"value\":\"\"},{\"key\":\"\",\"value\":\"\"},{\"key\":\"\","
        "\"value\":\"\"},{\"key\":\"\",\"value\":\"\"},{\"key\":\"\",\"value\":\"\"},{\"key\":\"\","
        "\"value\":\"\"},{\"key\":\"\",\"value\":\"\"},{\"key\":\"\",\"value\":\"\"},{\"key\":\"\","
        "\"value\":\"\"},{\"key\":\"\",\"value\":\"\"},{\"key\":\"\",\"value\":\"\"},{\"key\":\"\","
        "\"value\":\"\"},{\"key\":\"\",\"value\":\"\"}],\"value\":{\"id\":\"s\",\"n\":null}}\n"
        "{\"topic\":\"sensors\",\"partition\":0,\"offset\":6,\"timestamp\":1006,\"key\":null,"
        "\"headers\":[],\"value\":{\"id\":\"s\",\"n\":null}}\n"
        "{\"topic\":\"sensors\",\"partition\":0,\"offset\":7,\"timestamp\":1007,\"key\":\"k\","
        "\"headers\":[],\"value\":null}\n"
        "{\"topic\":\"sensors\",\"partition\":0,\"offset\":8,\"timestamp\":null,\"key\":null,"
        "\"headers\":[],\"value\":{\"id\":\"s\",\"n\":null}}\n"
        "{\"topic\":\"sensors\",\"partition\":0,\"offset\":9,\"timestamp\":1009,\"key\":\"k\","
        "\"headers\":[],\"value\":{\"id\":\"s\",\"n\":null}}\n",
        "");
    check_ran(READ("cat", archive.flag, "--rejected", "sensors"), 0,
              "{\"topic\":\"sensors\",\"partition\":0,\"offset\":3,\"timestamp\":1003,\"key\":"
              "\"k\",\"headers\":[],\"reason\":\"truncated\",\"detail\":\"at byte "
              "3\",\"schema_id\":17,\"value_base64\":\"AAAAABECcwA=\"}\n",
              "");
    archive_end(&archive);
}

static unsigned lines_of(struct ran ran)
{
    unsigned n = 0;
    CU_ASSERT_EQUAL(ran.code, 0);
    CU_ASSERT_STRING_EQUAL(ran.err, "");
    for (const char *at = ran.out; (at = strchr(at, '\n')); at++) n++;
    ran_done(&ran);
    return n;
}

/* Of ten offsets 3 is rejected and 5 a hole; 8 has no time, the others 1 s and their offset in ms.
 */
static void it_reads_what_is_asked_for_only(void)
{
    struct archive archive;
    const char *flag;
    archive_sensors(&archive, "some");
    flag = archive.flag;
    CU_ASSERT_EQUAL(lines_of(READ("cat", flag)), 16);
    CU_ASSERT_EQUAL(lines_of(READ("cat", flag, "valves", "3")), 8);
    CU_ASSERT_EQUAL(lines_of(READ("cat", flag, "valves", "--from-offset=4")), 5);
    CU_ASSERT_EQUAL(lines_of(READ("cat", flag, "valves", "--to-offset=4")), 4);
    CU_ASSERT_EQUAL(lines_of(READ("cat", flag, "valves", "--from-offset=9", "--to-offset=9")), 1);
    CU_ASSERT_EQUAL(lines_of(READ("cat", flag, "valves", "--from-offset=10")), 0);
    CU_ASSERT_EQUAL(lines_of(READ("cat", flag, "valves", "--from-offset=15", "--rejected")), 0);
    CU_ASSERT_EQUAL(lines_of(READ("cat", flag, "valves", "--from-time=1970-01-01T00:00:01Z")), 7);
    CU_ASSERT_EQUAL(lines_of(READ("cat", flag, "valves", "--to-time=1970-01-01T00:00:01Z")), 0);
    CU_ASSERT_EQUAL(lines_of(READ("cat", flag, "valves", "--to-time=1970-01-01T00:00:02Z")), 7);
    CU_ASSERT_EQUAL(lines_of(READ("cat", flag, "valves", "--from-time=1970-01-01T00:00:02Z")), 0);
    CU_ASSERT_EQUAL(lines_of(READ("cat", flag, "--limit=3")), 3);
    CU_ASSERT_EQUAL(lines_of(READ("cat", flag, "--limit=9")), 9);
    CU_ASSERT_EQUAL(lines_of(READ("cat", flag, "--limit=0")), 0);
    archive_end(&archive);
}

static void the_newest_slot_may_still_be_on_its_way(void)
{
    struct archive archive;
    archive_sensors(&archive, "newest");
    archive_write_pending(&archive);
    struct ran ran = READ("cat", archive.flag, "valves", "--from-offset=9");
    CU_ASSERT_EQUAL(ran.code, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(ran.out, "\"offset\":9,"));
    CU_ASSERT_PTR_NULL(strstr(ran.out, "\"offset\":10,"));
    CU_ASSERT_STRING_EQUAL(ran.err,
                           "silt cat: _log/lkc-1/valves~01234567/00003/0000000000000001.json is "
                           "still being completed\n");
    ran_done(&ran);
    archive_end(&archive);
}

static void what_is_missing_or_damaged_is_an_error(void)
{
    struct archive archive;
    archive_sensors(&archive, "missing");
    archive_spoil_slot(&archive, 0, "no manifest");
    check_ran(READ("cat", archive.flag, "valves"), 1, "",
              "silt cat: _log/lkc-1/valves~01234567/00003/0000000000000000.json: no JSON at byte "
              "2: '[' or '{' expected near 'no'; silt verify says more\n");
    tool_partition(&archive.tool, "valves", 3);
    tool_slot(&archive.tool, &(struct tool_slot){.offsets = 10});
    archive_write(&archive);
    char key[SILT_KEY_MAX];
    snprintf(key, sizeof key, "%s", archive.tool.last.files[0].key);
    char *path = silt_asprintf("%s/%s", archive.root, key);
    archive_write_file(path, silt_slice_str("no container"));
    struct ran ran = READ("cat", archive.flag, "valves");
    CU_ASSERT_EQUAL(ran.code, 1);
    CU_ASSERT_STRING_EQUAL(ran.err,
                           "silt cat: "
                           "data/topic=valves/dt=2024-10-04/"
                           "01234567-p00003-s0000000000000000-o00000000000000000000-"
                           "0000000000000000.avro: the object ends before byte 857 of 857\n");
    ran_done(&ran);
    archive_remove(&archive, key);
    tool_gap(&archive.tool, 5);
    archive_spoil_slot(&archive, 0, "");
    archive_write(&archive);
    archive_remove(&archive, key);
    check_ran(READ("cat", archive.flag, "valves"), 1, "",
              "silt cat: _log/lkc-1/valves~01234567/00003/0000000000000000.json: objects of it are "
              "missing; silt verify says more\n");
    archive_remove_slot(&archive, 0);
    check_ran(READ("cat", archive.flag, "valves"), 1, "",
              "silt cat: _log/lkc-1/valves~01234567/00003/0000000000000001.json: slots before it "
              "are missing; silt verify says more\n");
    silt_free(path);
    archive_end(&archive);
}

static void bad_words_are_named(void)
{
    struct archive archive;
    archive_sensors(&archive, "words");
    check_ran(READ("cat", archive.flag, "valves", "1a"), 2, "",
              "silt cat: \"1a\" is no partition number\n");
    check_ran(READ("cat", archive.flag, "pumps"), 1, "",
              "silt cat: the archive has no topic pumps\n");
    check_ran(READ("cat", "--archive.root=file:///dev/null/x"), 2, "",
              "silt cat: archive.root file:///dev/null/x: cannot make it: Not a directory\n");
    archive_end(&archive);
}

/* As in `silt cat | head`. */
static void a_reader_that_leaves_is_no_failure(void)
{
    static const struct silt_command *const commands[] = {&silt_command_cat};
    struct archive archive;
    int ends[2];
    archive_sensors(&archive, "pipe");
    const char *const argv[] = {"silt", "cat", archive.flag};
    for (int buffered = 0; buffered < 2; buffered++) {
        CU_ASSERT_EQUAL(pipe(ends), 0);
        close(ends[0]);
        FILE *out = fdopen(ends[1], "w");
        if (!buffered) setvbuf(out, NULL, _IONBF, 0);
        const struct silt_cli cli = {
            .commands = commands, .commands_n = 1, .out = out, .err = stderr};
        CU_ASSERT_EQUAL(silt_cli_run(&cli, 3, (char **)(uintptr_t)argv), 0);
        fclose(out);
    }
    archive_end(&archive);
}

SILT_TESTS("cmd_cat",
           {"records are lines in the order of their offsets",
            records_are_lines_in_the_order_of_their_offsets},
           {"it reads what is asked for only", it_reads_what_is_asked_for_only},
           {"the newest slot may still be on its way", the_newest_slot_may_still_be_on_its_way},
           {"what is missing or damaged is an error", what_is_missing_or_damaged_is_an_error},
           {"bad words are named", bad_words_are_named},
           {"a reader that leaves is no failure", a_reader_that_leaves_is_no_failure})
