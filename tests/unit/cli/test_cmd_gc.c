#include "archive_dir.h"

/* An upload for a slot of valves [3], of which slot 0 is there. */
static void stage(const struct archive *archive, int64_t seq, const char *id)
{
    char key[SILT_KEY_MAX];
    struct silt_data_key data = {.unit = SILT_BUCKET_DAY, .bucket = 20000, .seq = seq};
    memcpy(data.nonce, "00000000000000ee", sizeof data.nonce);
    silt_key_data(&archive->tool.tp, &data, key);
    archive_stage(archive, key, id, "token");
}

static bool is_open(const struct archive *archive, const char *id)
{
    char *path = silt_asprintf("%s/.uploads/%s", archive->root, id);
    bool there = access(path, F_OK) == 0;
    silt_free(path);
    return there;
}

#define DEAD "000000000000000000000000000000d0"
#define LIVE "000000000000000000000000000000a0"
#define ALIEN "000000000000000000000000000000f0"

static void begin(struct archive *archive, const char *name)
{
    archive_sensors(archive, name);
    stage(archive, 0, DEAD);
    stage(archive, 7, LIVE);
    archive_stage(archive, "data/topic=valves/somebody-else", ALIEN, "token");
}

static void what_can_never_be_committed_is_aborted(void)
{
    struct archive archive;
    begin(&archive, "gc");
    check_ran(READ("gc", archive.flag, "--dry-run"), 0,
              "2 open uploads of 2 topics: 1 would be aborted, 1 kept\n", "");
    CU_ASSERT(is_open(&archive, DEAD));
    check_ran(READ("gc", archive.flag, "sensors"), 0,
              "0 open uploads of 1 topic: 0 aborted, 0 kept\n", "");
    check_ran(READ("gc", archive.flag), 0, "2 open uploads of 2 topics: 1 aborted, 1 kept\n", "");
    CU_ASSERT_FALSE(is_open(&archive, DEAD));
    CU_ASSERT(is_open(&archive, LIVE) && is_open(&archive, ALIEN));
    check_ran(READ("gc", archive.flag, "valves", "--json"), 0,
              "{\"seen\":1,\"aborted\":0,\"kept\":1,\"completed\":0,\"failed\":0}\n", "");
    archive_end(&archive);
}

/* What a manifest lists is completed by its worker, or by anybody when the topic was made again. */
static void what_is_committed_is_kept(void)
{
    struct archive archive;
    archive_sensors(&archive, "kept");
    archive_write_pending(&archive);
    check_ran(READ("gc", archive.flag), 0, "4 open uploads of 2 topics: 0 aborted, 4 kept\n", "");
    archive_end(&archive);
}

static void what_cannot_be_judged_is_said(void)
{
    struct archive archive;
    begin(&archive, "judged");
    archive_spoil_slot(&archive, 0, "x");
    check_ran(READ("gc", archive.flag), 1, "",
              "silt gc: _log/lkc-1/valves~01234567/00003/: its first slot cannot be read; silt "
              "verify says more\n");
    CU_ASSERT(is_open(&archive, DEAD));
    check_ran(READ("gc", archive.flag, "ships"), 1, "",
              "silt gc: the archive has no topic ships\n");
    check_ran(READ("gc", "--archive.root=file:///dev/null/x"), 2, "",
              "silt gc: archive.root file:///dev/null/x: cannot make it: Not a directory\n");
    archive_end(&archive);
}

SILT_TESTS("cmd_gc",
           {"what can never be committed is aborted", what_can_never_be_committed_is_aborted},
           {"what is committed is kept", what_is_committed_is_kept},
           {"what cannot be judged is said", what_cannot_be_judged_is_said})
