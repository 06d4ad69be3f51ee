/* silt verify: proves the archive or names each fault in it. */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/jsonw.h"
#include "cli/output.h"
#include "cli/reach.h"
#include "cli/verify_json.h"
#include "inspect/verify.h"

#include <inttypes.h>

struct report {
    const struct silt_args *args;
    struct silt_out out;
    struct silt_out err;
    struct silt_progress progress;
};

/* What is pending needs no way out. */
static void print_json(const struct report *report, const struct silt_fault *fault, bool is_pending)
{
    struct silt_buf line;
    struct silt_jsonw w;
    silt_buf_init(&line, SILT_BUF_MAX_DEFAULT);
    silt_jsonw_init(&w, &line);
    silt_jsonw_open(&w, '{');
    silt_jsonw_kstr(&w, is_pending ? "pending" : "fault", silt_fault_name(fault->kind));
    silt_jsonw_kstr(&w, "key", fault->key);
    silt_jsonw_kstr(&w, "topic", fault->topic);
    silt_jsonw_kint(&w, "partition", fault->partition);
    silt_jsonw_kint(&w, "seq", fault->seq);
    silt_jsonw_kint(&w, "first", fault->first);
    silt_jsonw_kint(&w, "last", fault->last);
    silt_jsonw_kstr(&w, "text", fault->text);
    if (!is_pending) silt_jsonw_kstr(&w, "way_out", silt_fault_way_out(fault->kind));
    silt_jsonw_close(&w, '}');
    fprintf(report->args->cli->out, "%s\n", silt_buf_str(&line));
    silt_buf_done(&line);
}

static void print_place(const struct report *report, const struct silt_fault *fault)
{
    FILE *out = report->args->cli->out;
    silt_out_text(&report->out, fault->key);
    if (fault->last >= fault->first && fault->first >= 0)
        fprintf(out, " (offsets %" PRId64 " to %" PRId64 ")", fault->first, fault->last);
    fputs(": ", out);
    silt_out_text(&report->out, fault->text);
}

static void on_fault(void *ctx, const struct silt_fault *fault)
{
    const struct report *report = ctx;
    FILE *out = report->args->cli->out;
    if (report->args->json) {
        print_json(report, fault, false);
        return;
    }
    fprintf(out, "%s%s%s ", silt_out_color(&report->out, SILT_RED), silt_fault_name(fault->kind),
            silt_out_color(&report->out, SILT_PLAIN));
    print_place(report, fault);
    fprintf(out, "\n    %s\n", silt_fault_way_out(fault->kind));
}

static void on_pending(void *ctx, const struct silt_fault *fault)
{
    const struct report *report = ctx;
    if (report->args->json) {
        print_json(report, fault, true);
        return;
    }
    fputs("pending ", report->args->cli->out);
    print_place(report, fault);
    fputc('\n', report->args->cli->out);
}

static void on_progress(void *ctx, const struct silt_verify_totals *totals)
{
    struct report *report = ctx;
    silt_progress_update(&report->progress, (int64_t)totals->files, silt_mono_ms());
}

static void print_summary(const struct report *report, const struct silt_verify_totals *t)
{
    FILE *out = report->args->cli->out;
    if (report->args->json) {
        silt_verify_totals_json(out, t);
        return;
    }
    if (t->faults)
        fprintf(out, "verify: %" PRIu64 " fault%s (", t->faults, t->faults == 1 ? "" : "s");
    else
        fputs("verify: OK (", out);
    fprintf(out,
            "%" PRIu64 " partitions, %" PRIu64 " slots, %" PRIu64 " records, %" PRIu64
            " rejected, %" PRIu64 " bytes",
            t->partitions, t->slots, t->records, t->rejected, t->bytes);
    if (t->pending) fprintf(out, ", %" PRIu64 " files pending", t->pending);
    fputs(")\n", out);
}

static enum silt_verify_level level_of(const struct silt_args *args)
{
    if (silt_args_switch(args, "deep")) return SILT_VERIFY_DEEP;
    return silt_args_switch(args, "list-only") ? SILT_VERIFY_LIST : SILT_VERIFY_HEAD;
}

static SILT_RC verify(struct report *report, struct silt_verify_totals *ret_totals,
                      struct silt_err *err)
{
    const struct silt_args *args = report->args;
    struct silt_reach reach;
    struct silt_verify_opts opts = {.level = level_of(args),
                                    .on_fault = on_fault,
                                    .on_pending = on_pending,
                                    .on_progress = on_progress,
                                    .ctx = report};
    SILT_TRY(silt_reach_filter(args, &opts.filter, err));
    SILT_TRY(silt_reach_open(args->config, &reach, err));
    opts.store = reach.store;
    silt_progress_start(&report->progress, silt_mono_ms());
    struct silt_rc rc = silt_verify(&opts, ret_totals, err);
    silt_progress_end(&report->progress, (int64_t)ret_totals->files, silt_mono_ms());
    silt_reach_done(&reach);
    return rc;
}

static int run_verify(const struct silt_args *args)
{
    struct silt_err err;
    struct silt_verify_totals totals = {0};
    struct report report = {.args = args};
    if (silt_args_switch(args, "deep") && silt_args_switch(args, "list-only")) {
        fputs("silt verify: --deep and --list-only exclude each other\n", args->cli->err);
        return SILT_EXIT_USAGE;
    }
    silt_out_init(&report.out, args->cli->out, args->cli->environ);
    silt_out_init(&report.err, args->cli->err, args->cli->environ);
    report.progress =
        (struct silt_progress){.out = &report.err, .label = "verify", .unit = "files"};
    if (!silt_ok(verify(&report, &totals, &err))) return silt_cli_fail(args, &err);
    print_summary(&report, &totals);
    return totals.faults ? SILT_EXIT_FAILED : SILT_EXIT_DONE;
}

static const struct silt_flag flags[] = {
    {"list-only", SILT_FLAG_SWITCH, NULL, "manifests and listings only: the least requests"},
    {"deep", SILT_FLAG_SWITCH, NULL, "reads every byte: checksums, every record, digests"},
    {0},
};

extern const struct silt_command silt_command_verify;
const struct silt_command silt_command_verify = {
    .name = "verify",
    .summary = "proves the archive, or names each fault in it",
    .usage = "[TOPIC [PARTITION]]",
    .details =
        "Without a flag: manifests, their links and books, and each object's size, token and\n"
        "checksum. Safe beside running workers: a slot that is being completed is pending,\n"
        "not a fault. The exit code is 1 when there is a fault.",
    .flags = flags,
    .words_max = 2,
    .config_use = SILT_CONFIG_LOADED,
    .fn = run_verify,
};
