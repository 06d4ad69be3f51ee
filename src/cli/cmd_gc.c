/* silt gc: what every worker does now and then: aborts the open uploads that can never be
 * committed. */
#include "cli/cli.h"

#include "base/alloc.h"
#include "base/jsonw.h"
#include "cli/reach.h"
#include "commit/collector.h"
#include "inspect/slots.h"

#include <inttypes.h>
#include <string.h>

struct topics {
    struct silt_tp *list; /* one partition of each stands for all */
    unsigned n;
};

/* The name of a topic, and of the cluster, as Kafka has it, stands in its manifests only. */
static SILT_RC add_topic(struct topics *topics, struct silt_store *store,
                         const struct silt_log_ref *log, struct silt_err *err)
{
    struct silt_slot_seen *slot = NULL;
    struct silt_slots *slots = silt_slots_open(store, log);
    struct silt_rc rc = silt_slots_next(slots, &slot, err);
    silt_slots_close(slots);
    if (silt_ok(rc) && (!slot || !slot->is_parsed))
        rc = silt_err_set(err, SILT_E_CORRUPT, __FILE__, __LINE__,
                          "%s: its first slot cannot be read; silt verify says more", log->prefix);
    if (silt_ok(rc)) {
        topics->list = silt_realloc_array(topics->list, topics->n + 1, sizeof *topics->list);
        topics->list[topics->n++] = slot->manifest.tp;
    }
    silt_slot_free(slot);
    return rc;
}

/* Logs are in the order of their keys: those of one topic follow each other. */
static SILT_RC find_topics(struct topics *topics, struct silt_store *store,
                           const struct silt_archive *archive, struct silt_err *err)
{
    for (unsigned i = 0; i < archive->logs_n; i++) {
        bool seen = i && strcmp(archive->logs[i - 1].topic, archive->logs[i].topic) == 0;
        if (!seen) SILT_TRY(add_topic(topics, store, &archive->logs[i], err));
    }
    return SILT_OK;
}

static SILT_RC collect(const struct silt_args *args, struct silt_store *store, unsigned *ret_topics,
                       struct silt_collect_counts *ret_counts, struct silt_err *err)
{
    struct topics topics = {0};
    struct silt_archive archive = {0};
    struct silt_archive_filter filter;
    SILT_TRY(silt_reach_filter(args, &filter, err));
    SILT_TRY(silt_archive_read(store, &filter, &archive, err));
    struct silt_rc rc = find_topics(&topics, store, &archive, err);
    if (silt_ok(rc))
        rc = silt_collect(store, topics.list, topics.n, silt_args_switch(args, "dry-run"),
                          ret_counts, err);
    *ret_topics = topics.n;
    silt_archive_done(&archive);
    silt_free(topics.list);
    return rc;
}

static void print_json(FILE *out, const struct silt_collect_counts *counts)
{
    struct silt_buf line;
    struct silt_jsonw w;
    silt_buf_init(&line, SILT_BUF_MAX_DEFAULT);
    silt_jsonw_init(&w, &line);
    silt_jsonw_open(&w, '{');
    silt_jsonw_kint(&w, "seen", (int64_t)counts->seen);
    silt_jsonw_kint(&w, "aborted", (int64_t)counts->aborted);
    silt_jsonw_kint(&w, "kept", (int64_t)counts->kept);
    silt_jsonw_kint(&w, "completed", (int64_t)counts->completed);
    silt_jsonw_kint(&w, "failed", (int64_t)counts->failed);
    silt_jsonw_close(&w, '}');
    fprintf(out, "%s\n", silt_buf_str(&line));
    silt_buf_done(&line);
}

static void print_text(const struct silt_args *args, unsigned topics_n,
                       const struct silt_collect_counts *counts)
{
    FILE *out = args->cli->out;
    fprintf(out, "%" PRIu64 " open uploads of %u topic%s: %" PRIu64 " %s, %" PRIu64 " kept",
            counts->seen, topics_n, topics_n == 1 ? "" : "s", counts->aborted,
            silt_args_switch(args, "dry-run") ? "would be aborted" : "aborted", counts->kept);
    if (counts->completed) fprintf(out, " (%" PRIu64 " of them completed)", counts->completed);
    if (counts->failed) fprintf(out, ", %" PRIu64 " could not be judged", counts->failed);
    fputc('\n', out);
}

static int run_gc(const struct silt_args *args)
{
    struct silt_err err;
    struct silt_reach reach;
    struct silt_collect_counts counts = {0};
    unsigned topics_n = 0;
    if (!silt_ok(silt_reach_open(args->config, &reach, &err))) return silt_cli_fail(args, &err);
    struct silt_rc rc = collect(args, reach.store, &topics_n, &counts, &err);
    silt_reach_done(&reach);
    if (!silt_ok(rc)) return silt_cli_fail(args, &err);
    if (args->json)
        print_json(args->cli->out, &counts);
    else
        print_text(args, topics_n, &counts);
    return counts.failed ? SILT_EXIT_FAILED : SILT_EXIT_DONE;
}

static const struct silt_flag flags[] = {
    {"dry-run", SILT_FLAG_SWITCH, NULL, "says what it would do"},
    {0},
};

extern const struct silt_command silt_command_gc;
const struct silt_command silt_command_gc = {
    .name = "gc",
    .summary = "aborts open uploads that can never be committed",
    .usage = "[TOPIC]",
    .details =
        "What workers that died had staged, and their slots were decided otherwise. Workers do\n"
        "it by themselves (archive.gc_interval); safe beside them. An upload whose slot is not\n"
        "decided yet is kept, however old, and so is everything that is not silt's.",
    .flags = flags,
    .words_max = 1,
    .config_use = SILT_CONFIG_LOADED,
    .fn = run_gc,
};
