/* silt replay: a stretch of Kafka into another root, by a worker that has no group. */
#include "cli/cli.h"

#include "app/daemon.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "cli/output.h"
#include "cli/reach.h"
#include "cli/replay_plan.h"
#include "config/config.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

struct replay {
    const struct silt_args *args;
    const char *into;
    struct silt_config *config; /* with that root */
    struct silt_replay_plan plan;
    struct silt_daemon *daemon;
    struct silt_out out;
    struct silt_progress progress;
};

/* ---- what is wanted ---- */

static SILT_RC read_wish(const struct silt_args *args, struct silt_replay_wish *ret_wish,
                         struct silt_err *err)
{
    *ret_wish = (struct silt_replay_wish){
        .topic = silt_args_text(args, "topic", NULL),
        .partition = (int32_t)silt_args_int(args, "partition", -1),
        .from_offset = silt_args_int(args, "from-offset", -1),
        .to_offset = silt_args_int(args, "to-offset", -1),
        .from_time = silt_args_int(args, "from-time", -1),
        .to_time = silt_args_int(args, "to-time", -1),
    };
    if (!ret_wish->topic) SILT_FAIL(err, USAGE, "which topic? --topic NAME");
    if (ret_wish->from_offset >= 0 && ret_wish->from_time >= 0)
        SILT_FAIL(err, USAGE, "--from-offset and --from-time exclude each other");
    if (ret_wish->to_offset >= 0 && ret_wish->to_time >= 0)
        SILT_FAIL(err, USAGE, "--to-offset and --to-time exclude each other");
    return SILT_OK;
}

static size_t length_without_slashes(const char *root)
{
    size_t len = strlen(root);
    while (len && root[len - 1] == '/') len--;
    return len;
}

static SILT_RC check_root(const struct replay *replay, struct silt_err *err)
{
    const char *live = replay->args->config->archive.root;
    size_t len = replay->into ? length_without_slashes(replay->into) : 0;
    if (!len) SILT_FAIL(err, USAGE, "into which root? --into s3://bucket/prefix");
    if (live && len == length_without_slashes(live) && strncmp(live, replay->into, len) == 0)
        SILT_FAIL(err, USAGE,
                  "--into %s is archive.root, where every offset is already; take another root",
                  replay->into);
    return SILT_OK;
}

static SILT_RC load_config(struct replay *replay, const char *topic, struct silt_err *err)
{
    char *root silt_auto(silt_free_auto) = silt_asprintf("--archive.root=%s", replay->into);
    char *topics silt_auto(silt_free_auto) = silt_asprintf("--kafka.topics=%s", topic);
    const char *const more[] = {root, topics};
    SILT_TRY(silt_args_load_with(replay->args, more, 2, &replay->config, err));
    return silt_config_check_run(replay->config, err);
}

/* ---- before and behind it ---- */

static SILT_RC make_plan(struct replay *replay, const struct silt_replay_wish *wish,
                         struct silt_err *err)
{
    struct silt_reach reach;
    struct silt_brokers brokers = {0};
    SILT_TRY(silt_reach_open(replay->config, &reach, err));
    struct silt_rc rc =
        silt_brokers_open(&brokers, replay->config, reach.credentials, wish->topic, err);
    if (silt_ok(rc)) rc = silt_replay_plan(wish, &brokers, reach.store, &replay->plan, err);
    silt_brokers_done(&brokers);
    silt_reach_done(&reach);
    return rc;
}

static SILT_RC look(const struct replay *replay, int64_t *ret_done, struct silt_err *err)
{
    struct silt_reach reach;
    SILT_TRY(silt_reach_open(replay->config, &reach, err));
    struct silt_rc rc = silt_replay_look(&replay->plan, reach.store, ret_done, err);
    silt_reach_done(&reach);
    return rc;
}

/* ---- saying it ---- */

static void part_json(const struct silt_replay_part *part, FILE *out)
{
    struct silt_buf line;
    struct silt_jsonw w;
    silt_buf_init(&line, SILT_BUF_MAX_DEFAULT);
    silt_jsonw_init(&w, &line);
    silt_jsonw_open(&w, '{');
    silt_jsonw_kstr(&w, "topic", part->bounds.tp.topic);
    silt_jsonw_kint(&w, "partition", part->bounds.tp.partition);
    silt_jsonw_kint(&w, "first", part->from);
    silt_jsonw_kint(&w, "last", part->until - 1);
    silt_jsonw_kint(&w, "done", part->durable > part->from ? part->durable - part->from : 0);
    silt_jsonw_close(&w, '}');
    fprintf(out, "%s\n", silt_buf_str(&line));
    silt_buf_done(&line);
}

static void print_plan(const struct replay *replay)
{
    static const struct silt_column columns[] = {{"topic", false},
                                                 {"partition", true},
                                                 {"first", true},
                                                 {"last", true},
                                                 {"archived already", true}};
    struct silt_table *table = silt_table_new(columns, sizeof columns / sizeof columns[0]);
    for (unsigned i = 0; i < replay->plan.parts_n; i++) {
        const struct silt_replay_part *part = &replay->plan.parts[i];
        if (replay->args->json) part_json(part, replay->args->cli->out);
        silt_table_cell(table, "%s", part->bounds.tp.topic);
        silt_table_cell(table, "%" PRId32, part->bounds.tp.partition);
        silt_table_cell(table, "%" PRId64, part->from);
        silt_table_cell(table, "%" PRId64, part->until - 1);
        silt_table_cell(table, "%" PRId64,
                        part->durable > part->from ? part->durable - part->from : 0);
    }
    if (!replay->args->json) silt_table_print(table, &replay->out);
    silt_table_free(table);
}

static int tell_end(const struct replay *replay, int64_t done)
{
    const struct silt_cli *cli = replay->args->cli;
    int64_t total = replay->plan.total;
    if (!total) {
        fputs("silt replay: Kafka has nothing in that stretch\n", cli->err);
        return SILT_EXIT_DONE;
    }
    if (done < total) {
        fprintf(cli->err,
                "silt replay: %" PRId64 " of %" PRId64 " offsets are archived; the same command "
                "goes on with the rest\n",
                done, total);
        return SILT_EXIT_FAILED;
    }
    if (replay->args->json)
        print_plan(replay);
    else
        fprintf(cli->out,
                "replayed %" PRId64 " offsets of %u partition%s into %s; silt verify "
                "--archive.root=%s proves it\n",
                total, replay->plan.parts_n, replay->plan.parts_n == 1 ? "" : "s", replay->into,
                replay->into);
    return SILT_EXIT_DONE;
}

/* ---- doing it ---- */

static void show(void *ctx)
{
    struct replay *replay = ctx;
    silt_progress_update(&replay->progress, silt_daemon_progress(replay->daemon), silt_mono_ms());
}

static SILT_RC work(struct replay *replay, struct silt_err *err)
{
    struct silt_out lines;
    silt_out_init(&lines, replay->args->cli->err, replay->args->cli->environ);
    silt_daemon_prepare(replay->config);
    silt_log_init(SILT_WARN, SILT_LOG_TEXT, STDERR_FILENO);
    replay->progress = (struct silt_progress){
        .out = &lines, .label = "replayed", .unit = "offsets", .total = replay->plan.total};
    SILT_TRY(silt_daemon_start_stretches(replay->config, replay->plan.stretches,
                                         replay->plan.parts_n, &replay->daemon, err));
    silt_progress_start(&replay->progress, silt_mono_ms());
    silt_daemon_wait(replay->daemon, &(struct silt_daemon_care){.look = show, .ctx = replay});
    silt_progress_end(&replay->progress, silt_daemon_progress(replay->daemon), silt_mono_ms());
    return silt_daemon_stop(replay->daemon, err);
}

static int carry_out(struct replay *replay)
{
    struct silt_err err;
    int64_t done = replay->plan.done;
    bool finished = done == replay->plan.total;
    if (silt_args_switch(replay->args, "dry-run")) {
        print_plan(replay);
        return SILT_EXIT_DONE;
    }
    if (!finished && !silt_ok(work(replay, &err))) return silt_cli_fail(replay->args, &err);
    if (!finished && !silt_ok(look(replay, &done, &err))) return silt_cli_fail(replay->args, &err);
    return tell_end(replay, done);
}

static int run_replay(const struct silt_args *args)
{
    struct silt_err err;
    struct silt_replay_wish wish;
    struct replay replay = {.args = args, .into = silt_args_text(args, "into", NULL)};
    silt_out_init(&replay.out, args->cli->out, args->cli->environ);
    struct silt_rc rc = read_wish(args, &wish, &err);
    if (silt_ok(rc)) rc = check_root(&replay, &err);
    if (silt_ok(rc)) rc = load_config(&replay, wish.topic, &err);
    if (silt_ok(rc)) rc = make_plan(&replay, &wish, &err);
    int code = silt_ok(rc) ? carry_out(&replay) : silt_cli_fail(args, &err);
    silt_replay_plan_done(&replay.plan);
    silt_config_free(replay.config);
    return code;
}

static const struct silt_flag flags[] = {
    {"topic", SILT_FLAG_TEXT, "NAME", "of which topic"},
    {"partition", SILT_FLAG_INT, "N", "of this partition; else of all"},
    {"from-offset", SILT_FLAG_INT, "N", "from this offset on; else from where Kafka's log begins"},
    {"to-offset", SILT_FLAG_INT, "N", "up to and with this offset; else to where the log ends now"},
    {"from-time", SILT_FLAG_TIME, "TIME", "Kafka timestamp, from it on: 2026-01-01T00:00:00Z"},
    {"to-time", SILT_FLAG_TIME, "TIME", "Kafka timestamp, before it"},
    {"into", SILT_FLAG_TEXT, "ROOT", "s3://bucket/prefix or file:///dir, not archive.root"},
    {"dry-run", SILT_FLAG_SWITCH, NULL, "says what it would do"},
    {0},
};

extern const struct silt_command silt_command_replay;
const struct silt_command silt_command_replay = {
    .name = "replay",
    .summary = "archives a stretch of Kafka again, into another root",
    .usage = "",
    .details =
        "Everything else is as configured; the live archive, its group and its metrics stay\n"
        "untouched. Exactly once there, too: when it is interrupted, the same command goes on.\n"
        "What retention has taken is refused, and named.",
    .flags = flags,
    .config_use = SILT_CONFIG_LOADED,
    .fn = run_replay,
};
