/* silt ls: slots, or the objects they are made of. */
#include "cli/cli.h"

#include "base/jsonw.h"
#include "cli/output.h"
#include "cli/reach.h"
#include "inspect/slots.h"

#include <inttypes.h>

struct listing {
    const struct silt_args *args;
    struct silt_out out;
    struct silt_table *table; /* NULL with --json */
    bool files;
};

static const struct silt_column slot_columns[] = {
    {"topic", false}, {"partition", true}, {"seq", true},     {"kind", false},
    {"first", true},  {"last", true},      {"records", true}, {"rejected", true},
    {"files", true},  {"size", true},      {"codec", false},  {"created", false}};
static const struct silt_column file_columns[] = {
    {"topic", false}, {"partition", true}, {"seq", true},  {"role", false},  {"first", true},
    {"last", true},   {"records", true},   {"size", true}, {"codec", false}, {"key", false}};

static int64_t bytes_of(const struct silt_manifest *m)
{
    int64_t bytes = 0;
    for (unsigned i = 0; i < m->files_n; i++) bytes += m->files[i].size;
    return bytes;
}

static const char *codec_of(const struct silt_manifest *m)
{
    return m->files_n ? m->files[0].codec : "-";
}

static void print_line(const struct listing *listing, struct silt_buf *line)
{
    fprintf(listing->args->cli->out, "%s\n", silt_buf_str(line));
    silt_buf_done(line);
}

static void open_json(struct silt_jsonw *w, struct silt_buf *line, const struct silt_manifest *m)
{
    silt_buf_init(line, SILT_BUF_MAX_DEFAULT);
    silt_jsonw_init(w, line);
    silt_jsonw_open(w, '{');
    silt_jsonw_kstr(w, "topic", m->tp.topic);
    silt_jsonw_kstr(w, "topic_id", m->tp.topic_id);
    silt_jsonw_kint(w, "partition", m->tp.partition);
    silt_jsonw_kint(w, "seq", m->seq);
}

static void slot_json(const struct listing *listing, const struct silt_manifest *m)
{
    struct silt_buf line;
    struct silt_jsonw w;
    open_json(&w, &line, m);
    silt_jsonw_kstr(&w, "kind", silt_slot_kind_name(m->kind));
    silt_jsonw_kint(&w, "start", m->start);
    silt_jsonw_kint(&w, "next", m->next);
    silt_jsonw_kint(&w, "records", m->records);
    silt_jsonw_kint(&w, "tombstones", m->tombstones);
    silt_jsonw_kint(&w, "rejected", m->rejected);
    silt_jsonw_kint(&w, "holes", silt_offsets_sum(m->holes, m->holes_n));
    silt_jsonw_kint(&w, "unreadable", silt_offsets_sum(m->unreadable, m->unreadable_n));
    silt_jsonw_kint(&w, "files", m->files_n);
    silt_jsonw_kint(&w, "bytes", bytes_of(m));
    silt_jsonw_kstr(&w, "created", m->created);
    silt_jsonw_close(&w, '}');
    print_line(listing, &line);
}

static void file_json(const struct listing *listing, const struct silt_manifest *m,
                      const struct silt_manifest_file *file)
{
    struct silt_buf line;
    struct silt_jsonw w;
    open_json(&w, &line, m);
    silt_jsonw_kstr(&w, "key", file->key);
    silt_jsonw_kstr(&w, "role", silt_role_name(file->role));
    silt_jsonw_kint(&w, "first", file->first);
    silt_jsonw_kint(&w, "last", file->last);
    silt_jsonw_kint(&w, "records", file->records);
    silt_jsonw_kint(&w, "bytes", file->size);
    silt_jsonw_kstr(&w, "codec", file->codec);
    silt_jsonw_key(&w, "schema_id");
    if (file->schema_id >= 0) silt_jsonw_int(&w, file->schema_id);
    if (file->schema_id < 0) silt_jsonw_null(&w);
    silt_jsonw_close(&w, '}');
    print_line(listing, &line);
}

static void where_cells(struct silt_table *table, const struct silt_manifest *m)
{
    silt_table_cell(table, "%s", m->tp.topic);
    silt_table_cell(table, "%" PRId32, m->tp.partition);
    silt_table_cell(table, "%" PRId64, m->seq);
}

static void slot_row(struct silt_table *table, const struct silt_manifest *m)
{
    char size[SILT_HUMAN_LEN];
    where_cells(table, m);
    silt_table_cell(table, "%s", silt_slot_kind_name(m->kind));
    silt_table_cell(table, "%" PRId64, m->start);
    silt_table_cell(table, "%" PRId64, m->next - 1);
    silt_table_cell(table, "%" PRId64, m->records);
    silt_table_cell(table, "%" PRId64, m->rejected);
    silt_table_cell(table, "%u", m->files_n);
    silt_table_cell(table, "%s", silt_human_bytes(bytes_of(m), size));
    silt_table_cell(table, "%s", codec_of(m));
    silt_table_cell(table, "%s", m->created);
}

static void file_row(struct silt_table *table, const struct silt_manifest *m,
                     const struct silt_manifest_file *file)
{
    char size[SILT_HUMAN_LEN];
    where_cells(table, m);
    silt_table_cell(table, "%s", silt_role_name(file->role));
    silt_table_cell(table, "%" PRId64, file->first);
    silt_table_cell(table, "%" PRId64, file->last);
    silt_table_cell(table, "%" PRId64, file->records);
    silt_table_cell(table, "%s", silt_human_bytes(file->size, size));
    silt_table_cell(table, "%s", file->codec);
    silt_table_cell(table, "%s", file->key);
}

static void list_files(const struct listing *listing, const struct silt_manifest *m)
{
    for (unsigned i = 0; i < m->files_n; i++) {
        if (listing->table) file_row(listing->table, m, &m->files[i]);
        if (!listing->table) file_json(listing, m, &m->files[i]);
    }
}

static void list_slot(const struct listing *listing, const struct silt_manifest *m)
{
    if (listing->files)
        list_files(listing, m);
    else if (listing->table)
        slot_row(listing->table, m);
    else
        slot_json(listing, m);
}

/* What a listing cannot show is an error: it must not look as if there were less. */
static SILT_RC take(const struct listing *listing, const struct silt_slot_seen *slot,
                    struct silt_err *err)
{
    if (slot->is_parsed) list_slot(listing, &slot->manifest);
    return silt_slot_check(slot, err);
}

static SILT_RC list_log(const struct listing *listing, struct silt_slots *slots,
                        struct silt_err *err)
{
    struct silt_slot_seen *slot;
    for (;;) {
        SILT_TRY(silt_slots_next(slots, &slot, err));
        if (!slot) return SILT_OK;
        struct silt_rc rc = take(listing, slot, err);
        silt_slot_free(slot);
        if (!silt_ok(rc)) return rc;
    }
}

static SILT_RC list_logs(const struct listing *listing, struct silt_store *store,
                         struct silt_err *err)
{
    struct silt_archive_filter filter;
    struct silt_archive archive;
    struct silt_rc rc = SILT_OK;
    SILT_TRY(silt_reach_filter(listing->args, &filter, err));
    SILT_TRY(silt_archive_read(store, &filter, &archive, err));
    for (unsigned i = 0; silt_ok(rc) && i < archive.logs_n; i++) {
        struct silt_slots *slots = silt_slots_open(store, &archive.logs[i]);
        rc = list_log(listing, slots, err);
        silt_slots_close(slots);
    }
    silt_archive_done(&archive);
    return rc;
}

static int run_ls(const struct silt_args *args)
{
    struct silt_err err;
    struct silt_reach reach;
    struct listing listing = {.args = args, .files = silt_args_switch(args, "files")};
    if (!silt_ok(silt_reach_open(args->config, &reach, &err))) return silt_cli_fail(args, &err);
    silt_out_init(&listing.out, args->cli->out, args->cli->environ);
    if (!args->json && listing.files)
        listing.table = silt_table_new(file_columns, sizeof file_columns / sizeof *file_columns);
    if (!args->json && !listing.files)
        listing.table = silt_table_new(slot_columns, sizeof slot_columns / sizeof *slot_columns);
    struct silt_rc rc = list_logs(&listing, reach.store, &err);
    if (listing.table) silt_table_print(listing.table, &listing.out);
    silt_table_free(listing.table);
    silt_reach_done(&reach);
    return silt_ok(rc) ? SILT_EXIT_DONE : silt_cli_fail(args, &err);
}

static const struct silt_flag flags[] = {
    {"files", SILT_FLAG_SWITCH, NULL, "one line for each object instead of each slot"},
    {0},
};

extern const struct silt_command silt_command_ls;
const struct silt_command silt_command_ls = {
    .name = "ls",
    .summary = "lists the slots of the archive, or its objects",
    .usage = "[TOPIC [PARTITION]]",
    .details =
        "A slot is a committed range of offsets. With --json one object a line, as it is read.",
    .flags = flags,
    .words_max = 2,
    .config_use = SILT_CONFIG_LOADED,
    .fn = run_ls,
};
