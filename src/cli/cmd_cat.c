/* silt cat: archived records as JSON lines, in the order that Kafka had them. */
#include "cli/cli.h"

#include "base/alloc.h"
#include "cli/reach.h"
#include "inspect/files.h"
#include "inspect/merge.h"
#include "inspect/record_json.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct reading {
    const struct silt_args *args;
    struct silt_store *store;
    int64_t from_offset;
    int64_t to_offset; /* included */
    int64_t from_time;
    int64_t to_time; /* not included */
    int64_t left;    /* of --limit */
    bool rejected;
    bool closed; /* nobody reads any more */
    struct silt_buf line;
};

/* The files of a slot that are read, and their schemas once needed. */
struct picked {
    const struct silt_manifest_file **files;
    struct silt_avro_json **schemas;
    unsigned n;
};

static bool has_enough(const struct reading *reading)
{
    return reading->left == 0 || reading->closed;
}

/* `silt cat | head` is no failure: what is left in the buffer goes nowhere. */
static void reader_left(struct reading *reading)
{
    FILE *out = reading->args->cli->out;
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0) return;
    dup2(nowhere, fileno(out));
    close(nowhere);
    clearerr(out);
    reading->closed = true;
}

static void print_row(struct reading *reading, const char *topic, const struct silt_object_row *row,
                      const struct silt_avro_json *schema)
{
    FILE *out = reading->args->cli->out;
    silt_buf_clear(&reading->line);
    silt_record_json(topic, row, schema, &reading->line);
    silt_buf_append_char(&reading->line, '\n');
    errno = 0;
    size_t written = fwrite(reading->line.data, 1, reading->line.len, out);
    if (written < reading->line.len && errno == EPIPE) reader_left(reading);
    reading->left--;
}

static bool is_wanted(const struct reading *reading, const struct silt_record *rec)
{
    if (rec->offset < reading->from_offset || rec->offset > reading->to_offset) return false;
    if (reading->from_time < 0 && reading->to_time < 0) return true;
    if (rec->timestamp_ms == SILT_NO_TIMESTAMP) return false;
    return rec->timestamp_ms >= reading->from_time &&
           (reading->to_time < 0 || rec->timestamp_ms < reading->to_time);
}

static SILT_RC schema_of(struct picked *picked, const struct silt_merge *merge, unsigned i,
                         struct silt_err *err)
{
    if (picked->schemas[i] || picked->files[i]->role != SILT_ROLE_DATA) return SILT_OK;
    const struct silt_object *object = silt_merge_object(merge, i);
    return silt_avro_json_new(silt_object_meta(object, "avro.schema"), &picked->schemas[i], err);
}

static SILT_RC read_rows(struct reading *reading, const struct silt_manifest *m,
                         struct picked *picked, struct silt_merge *merge, struct silt_err *err)
{
    const struct silt_object_row *row;
    unsigned i = 0;
    while (!has_enough(reading)) {
        enum silt_object_status status = silt_merge_next(merge, &row, &i, err);
        if (status == SILT_OBJECT_END) return SILT_OK;
        if (status != SILT_OBJECT_ROW) {
            silt_err_context(err, "%s", picked->files[i]->key);
            return (struct silt_rc){false};
        }
        if (row->rec.offset > reading->to_offset) return SILT_OK;
        if (!is_wanted(reading, &row->rec)) continue;
        SILT_TRY(schema_of(picked, merge, i, err));
        print_row(reading, m->tp.topic, row, picked->schemas[i]);
    }
    return SILT_OK;
}

static void pick(const struct reading *reading, const struct silt_slot_seen *slot,
                 struct picked *picked)
{
    unsigned n = slot->manifest.files_n;
    picked->files = silt_calloc(n, sizeof *picked->files);
    picked->schemas = silt_calloc(n, sizeof *picked->schemas);
    for (unsigned i = 0; i < n; i++) {
        const struct silt_found *found = &slot->found[i];
        bool is_reject = slot->manifest.files[i].role == SILT_ROLE_REJECTED;
        if (is_reject != reading->rejected || found->state != SILT_FOUND_PRESENT) continue;
        if (found->file->last < reading->from_offset || found->file->first > reading->to_offset)
            continue;
        picked->files[picked->n++] = found->file;
    }
}

static SILT_RC read_slot(struct reading *reading, const struct silt_slot_seen *slot,
                         struct silt_err *err)
{
    struct picked picked = {0};
    pick(reading, slot, &picked);
    struct silt_merge *merge = silt_merge_open(reading->store, picked.files, picked.n);
    struct silt_rc rc = read_rows(reading, &slot->manifest, &picked, merge, err);
    silt_merge_close(merge);
    for (unsigned i = 0; i < picked.n; i++) silt_avro_json_free(picked.schemas[i]);
    silt_free(picked.schemas);
    silt_free(picked.files);
    return rc;
}

/* Can it hold what is asked for? */
static bool overlaps(const struct reading *reading, const struct silt_manifest *m)
{
    if (m->kind != SILT_SLOT_DATA) return false;
    if (m->next <= reading->from_offset || m->start > reading->to_offset) return false;
    if (reading->rejected) return m->rejected > 0; /* its times are not in the manifest */
    if (reading->from_time >= 0 && m->ts[1] < reading->from_time) return false;
    return reading->to_time < 0 || m->ts[0] < reading->to_time;
}

/* Incomplete is fine for the newest slot: it comes later. */
static SILT_RC check_files(const struct reading *reading, const struct silt_slot_seen *slot,
                           struct silt_err *err)
{
    if (silt_files_complete(slot)) return SILT_OK;
    if (!slot->is_newest)
        SILT_FAIL(err, CORRUPT, "%s: objects of it are missing; silt verify says more", slot->key);
    fprintf(reading->args->cli->err, "silt cat: %s is still being completed\n", slot->key);
    return SILT_OK;
}

static SILT_RC take_slot(struct reading *reading, struct silt_slot_seen *slot, struct silt_err *err)
{
    SILT_TRY(silt_slot_check(slot, err));
    if (!overlaps(reading, &slot->manifest)) return SILT_OK;
    SILT_TRY(silt_files_find(reading->store, &slot, 1, err));
    SILT_TRY(check_files(reading, slot, err));
    return silt_files_complete(slot) ? read_slot(reading, slot, err) : SILT_OK;
}

/* end_seq: the slot behind all that can hold what is asked for. */
static SILT_RC read_slots(struct reading *reading, struct silt_slots *slots, int64_t end_seq,
                          struct silt_err *err)
{
    bool at_end = false;
    while (!at_end && !has_enough(reading)) {
        struct silt_slot_seen *slot;
        SILT_TRY(silt_slots_next(slots, &slot, err));
        if (!slot) return SILT_OK;
        at_end = slot->seq >= end_seq;
        struct silt_rc rc = at_end ? SILT_OK : take_slot(reading, slot, err);
        silt_slot_free(slot);
        if (!silt_ok(rc)) return rc;
    }
    return SILT_OK;
}

static SILT_RC find_end(const struct reading *reading, const struct silt_log_ref *log,
                        int64_t *ret_seq, struct silt_err *err)
{
    struct silt_seek seek;
    *ret_seq = INT64_MAX;
    if (reading->to_offset == INT64_MAX) return SILT_OK;
    SILT_TRY(silt_slots_seek(reading->store, log, reading->to_offset, &seek, err));
    if (!seek.truncated) *ret_seq = seek.seq + 1;
    return SILT_OK;
}

static SILT_RC read_log(struct reading *reading, const struct silt_log_ref *log,
                        struct silt_err *err)
{
    struct silt_seek seek = {0};
    int64_t end_seq;
    if (reading->from_offset > 0)
        SILT_TRY(silt_slots_seek(reading->store, log, reading->from_offset, &seek, err));
    SILT_TRY(find_end(reading, log, &end_seq, err));
    struct silt_slots *slots = silt_slots_open_at(reading->store, log, seek.seq);
    struct silt_rc rc = read_slots(reading, slots, end_seq, err);
    silt_slots_close(slots);
    return rc;
}

static SILT_RC read_logs(struct reading *reading, struct silt_err *err)
{
    struct silt_archive_filter filter;
    struct silt_archive archive;
    struct silt_rc rc = SILT_OK;
    SILT_TRY(silt_reach_filter(reading->args, &filter, err));
    SILT_TRY(silt_archive_read(reading->store, &filter, &archive, err));
    for (unsigned i = 0; silt_ok(rc) && !has_enough(reading) && i < archive.logs_n; i++)
        rc = read_log(reading, &archive.logs[i], err);
    silt_archive_done(&archive);
    return rc;
}

static void flush(struct reading *reading)
{
    errno = 0;
    if (fflush(reading->args->cli->out) != 0 && errno == EPIPE) reader_left(reading);
}

static int run_cat(const struct silt_args *args)
{
    struct silt_err err;
    struct silt_reach reach;
    struct reading reading = {
        .args = args,
        .from_offset = silt_args_int(args, "from-offset", 0),
        .to_offset = silt_args_int(args, "to-offset", INT64_MAX),
        .from_time = silt_args_int(args, "from-time", -1),
        .to_time = silt_args_int(args, "to-time", -1),
        .left = silt_args_int(args, "limit", -1),
        .rejected = silt_args_switch(args, "rejected"),
    };
    if (!silt_ok(silt_reach_open(args->config, &reach, &err))) return silt_cli_fail(args, &err);
    signal(SIGPIPE, SIG_IGN);
    reading.store = reach.store;
    silt_buf_init(&reading.line, SILT_BUF_MAX_DEFAULT);
    struct silt_rc rc = read_logs(&reading, &err);
    flush(&reading);
    silt_buf_done(&reading.line);
    silt_reach_done(&reach);
    return silt_ok(rc) ? SILT_EXIT_DONE : silt_cli_fail(args, &err);
}

static const struct silt_flag flags[] = {
    {"from-offset", SILT_FLAG_INT, "N", "from this offset on"},
    {"to-offset", SILT_FLAG_INT, "N", "up to and with this offset"},
    {"from-time", SILT_FLAG_TIME, "TIME", "Kafka timestamp, from it on: 2026-01-01T00:00:00Z"},
    {"to-time", SILT_FLAG_TIME, "TIME", "Kafka timestamp, before it"},
    {"limit", SILT_FLAG_INT, "N", "at most so many records"},
    {"rejected", SILT_FLAG_SWITCH, NULL, "those that failed validation, with the reason"},
    {0},
};

extern const struct silt_command silt_command_cat;
const struct silt_command silt_command_cat = {
    .name = "cat",
    .summary = "prints archived records as JSON lines",
    .usage = "[TOPIC [PARTITION]]",
    .details =
        "Partition by partition, in offset order. Bytes are base64; keys, headers and values\n"
        "that are no text stand under key_base64, value_base64.",
    .flags = flags,
    .words_max = 2,
    .config_use = SILT_CONFIG_LOADED,
    .fn = run_cat,
};
