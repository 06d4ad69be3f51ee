#include "cli/demo_report.h"

#include "app/options.h"
#include "base/clock.h"
#include "cli/output.h"
#include "inspect/archive.h"
#include "inspect/slots.h"
#include "inspect/verify.h"
#include "record/record.h"

#include <inttypes.h>

#define LISTED_MAX 12 /* objects; the rest is counted */

/* ---- the objects ---- */

static void list_slot(struct silt_table *table, const struct silt_manifest *slot, unsigned *listed)
{
    char size[SILT_HUMAN_LEN];
    for (unsigned i = 0; i < slot->files_n; i++) {
        if (++*listed > LISTED_MAX) continue;
        const struct silt_manifest_file *file = &slot->files[i];
        silt_table_cell(table, "%d", slot->tp.partition);
        silt_table_cell(table, "%" PRId64, slot->seq);
        silt_table_cell(table, "%s", silt_role_name(file->role));
        silt_table_cell(table, "%" PRId64, file->records);
        silt_table_cell(table, "%s", silt_human_bytes(file->size, size));
        silt_table_cell(table, "%s", file->key);
    }
}

static SILT_RC list_log(struct silt_store *store, const struct silt_log_ref *log, int64_t start_ms,
                        struct silt_table *table, unsigned *listed, struct silt_err *err)
{
    struct silt_slots *slots = silt_slots_open(store, log);
    struct silt_slot_seen *slot = NULL;
    struct silt_rc rc;
    while (silt_ok(rc = silt_slots_next(slots, &slot, err)) && slot) {
        bool ours = slot->is_parsed && silt_iso_parse(slot->manifest.created) + 1000 > start_ms;
        if (ours) list_slot(table, &slot->manifest, listed);
        silt_slot_free(slot);
    }
    silt_slots_close(slots);
    return rc;
}

static SILT_RC list_objects(struct silt_store *store, int64_t start_ms, const struct silt_out *out,
                            struct silt_err *err)
{
    static const struct silt_column columns[] = {{"partition", true}, {"slot", true},
                                                 {"holds", false},    {"records", true},
                                                 {"size", true},      {"object", false}};
    const struct silt_archive_filter all = {.partition = -1};
    struct silt_archive archive;
    SILT_TRY(silt_archive_read(store, &all, &archive, err));
    struct silt_table *table = silt_table_new(columns, sizeof columns / sizeof columns[0]);
    unsigned listed = 0;
    struct silt_rc rc = SILT_OK;
    for (unsigned i = 0; i < archive.logs_n && silt_ok(rc); i++)
        rc = list_log(store, &archive.logs[i], start_ms, table, &listed, err);
    if (silt_ok(rc)) silt_table_print(table, out);
    if (listed > LISTED_MAX) fprintf(out->file, "and %u objects more\n", listed - LISTED_MAX);
    silt_table_free(table);
    silt_archive_done(&archive);
    return rc;
}

/* ---- the rejects ---- */

static void list_rejects(const struct silt_metrics_snapshot *counts, const struct silt_out *out)
{
    static const struct silt_column columns[] = {{"rejects", true}, {"reason", false}, {"", false}};
    struct silt_table *table = silt_table_new(columns, sizeof columns / sizeof columns[0]);
    for (unsigned reason = 1; reason < SILT_REASONS_N; reason++) {
        if (!counts->rejects[reason]) continue;
        silt_table_cell(table, "%" PRIu64, counts->rejects[reason]);
        silt_table_cell(table, "%s", silt_reason_name((enum silt_reason)reason));
        silt_table_cell(table, "%s", silt_reason_text((enum silt_reason)reason));
    }
    silt_table_print(table, out);
    silt_table_free(table);
}

/* ---- the verdict ---- */

static void on_fault(void *ctx, const struct silt_fault *fault)
{
    FILE *out = ctx;
    fprintf(out, "%s: %s: %s\n  way out: %s\n", silt_fault_name(fault->kind), fault->key,
            fault->text, silt_fault_way_out(fault->kind));
}

static SILT_RC verify(struct silt_store *store, FILE *out, struct silt_verify_totals *ret_totals,
                      struct silt_err *err)
{
    const struct silt_verify_opts opts = {.store = store,
                                          .level = SILT_VERIFY_DEEP,
                                          .filter = {.partition = -1},
                                          .on_fault = on_fault,
                                          .on_pending = on_fault,
                                          .ctx = out};
    char bytes[SILT_HUMAN_LEN];
    SILT_TRY(silt_verify(&opts, ret_totals, err));
    const struct silt_verify_totals *t = ret_totals;
    fprintf(out,
            "verify: %s (%" PRIu64 " partitions, %" PRIu64 " slots, %" PRIu64 " files, %" PRIu64
            " records, %" PRIu64 " rejected, %s)\n",
            t->faults || t->pending ? "FAILED" : "OK", t->partitions, t->slots, t->files,
            t->records, t->rejected, silt_human_bytes((int64_t)t->bytes, bytes));
    return SILT_OK;
}

SILT_RC silt_demo_report(const struct silt_config *config,
                         const struct silt_metrics_snapshot *counts, int64_t start_ms,
                         const struct silt_cli *cli, struct silt_verify_totals *ret_totals,
                         struct silt_err *err)
{
    struct silt_store_opts opts;
    struct silt_store *store;
    struct silt_out out;
    silt_out_init(&out, cli->out, cli->environ);
    silt_options_store(config, NULL, NULL, &opts);
    SILT_TRY(silt_store_open(&opts, &store, err));
    fputs("\n", cli->out);
    struct silt_rc rc = list_objects(store, start_ms, &out, err);
    fputs("\n", cli->out);
    list_rejects(counts, &out);
    fputs("\n", cli->out);
    if (silt_ok(rc)) rc = verify(store, cli->out, ret_totals, err);
    silt_store_free(store);
    return rc;
}
