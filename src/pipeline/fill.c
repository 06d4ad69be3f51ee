#include "pipeline/fill.h"

#include "base/alloc.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"
#include "base/version.h"
#include "encode/container.h"
#include "pipeline/dead_letters.h"
#include "pipeline/file_rows.h"
#include "upload/upload.h"

#include <stdio.h>
#include <string.h>

#define HEADER_MAX ((size_t)16 << 20)

enum fill_state { FILLING, SEALING, STAGED };

static const struct silt_backoff_opts upload_wait = {.first_ms = 200, .max_ms = 20000};

struct fill_file {
    struct silt_fill *fill;
    struct silt_upload *upload;
    struct silt_schema *schema;   /* a reference; NULL for rejected and tombstone */
    struct silt_encode_job *job;  /* the block being filled; NULL: none begun */
    struct silt_encode_job *done; /* blocks that came back before their turn, by seq */
    uint64_t blocks;              /* handed to the encoder */
    uint64_t appended;            /* came back and were added to the upload */
    uint8_t sync[SILT_SYNC_LEN];
    bool finished; /* silt_upload_finish was called */
    unsigned attempts;
    struct silt_timer retry;
};

struct silt_fill {
    struct silt_context *context;
    const struct silt_fill_events *events;
    void *ctx;
    struct silt_tp tp;
    int64_t seq;
    enum fill_state state;
    enum silt_close_reason reason;
    struct silt_window window;
    struct silt_digest *digest;
    struct silt_letter_list letters;
    struct fill_file files[SILT_WINDOW_FILES_MAX]; /* same index as window.files */
    unsigned staged_n;
    unsigned jobs_out; /* at the encoder */
    bool released;
    int64_t closed_ms;
};

/* ---- life ---- */

struct silt_fill *silt_fill_new(struct silt_context *context, const struct silt_tp *tp, int64_t seq,
                                int64_t start, const struct silt_fill_events *events, void *ctx)
{
    struct silt_fill *fill = SILT_NEW(struct silt_fill);
    fill->context = context;
    fill->events = events;
    fill->ctx = ctx;
    fill->tp = *tp;
    fill->seq = seq;
    fill->digest = silt_digest_new();
    silt_window_init(&fill->window, &context->opts->cut, &context->opts->limits, start);
    return fill;
}

static void free_if_done(struct silt_fill *fill)
{
    if (!fill->released || fill->jobs_out) return;
    silt_window_done(&fill->window);
    silt_digest_free(fill->digest);
    silt_free(fill);
}

static void drop_packed(struct silt_context *context, struct silt_encode_job *job)
{
    silt_buf_done(&job->packed);
    silt_context_job_back(context, job);
}

static void release_file(struct fill_file *file, bool abort)
{
    struct silt_context *context = file->fill->context;
    silt_timer_cancel(&context->timers, &file->retry);
    if (file->upload) silt_upload_release(file->upload, abort);
    file->upload = NULL;
    silt_schema_unref(file->schema);
    file->schema = NULL;
    if (file->job) silt_context_job_back(context, file->job);
    file->job = NULL;
    while (file->done) {
        struct silt_encode_job *job = file->done;
        file->done = job->next;
        drop_packed(context, job);
    }
}

void silt_fill_release(struct silt_fill *fill, bool abort)
{
    if (!fill) return;
    fill->released = true;
    silt_dead_letters_forget(fill->context->letters, &fill->letters);
    for (unsigned i = 0; i < fill->window.files_n; i++)
        if (fill->files[i].fill) release_file(&fill->files[i], abort);
    free_if_done(fill);
}

/* ---- opening a file ---- */

static void on_upload(void *ctx, struct silt_upload *upload, enum silt_upload_event event);

static void make_key(const struct silt_fill *fill, const struct silt_window_file *entry,
                     char ret_key[SILT_KEY_MAX])
{
    struct silt_data_key data = {.unit = fill->window.cut.unit,
                                 .bucket = entry->bucket,
                                 .seq = fill->seq,
                                 .start = fill->window.start,
                                 .role = entry->role};
    silt_random_hex(data.nonce, SILT_NONCE_LEN - 1);
    silt_key_data(&fill->tp, &data, ret_key);
}

static void add_to_upload(struct fill_file *file, struct silt_buf *bytes, uint32_t crc32c)
{
    silt_budget_force(&file->fill->context->budget, (int64_t)bytes->len);
    silt_upload_add(file->upload, bytes, crc32c);
}

static void write_header(struct fill_file *file, const struct silt_window_file *entry)
{
    const struct silt_fill *fill = file->fill;
    struct silt_buf header;
    struct silt_err err;
    silt_buf_init(&header, HEADER_MAX);
    bool made = silt_ok(silt_rows_header(fill->context->opts, &fill->tp, entry->role, file->schema,
                                         file->sync, &header, &err));
    SILT_ASSERT(made); /* fits: the schema was bounded and prepared */
    add_to_upload(file, &header, silt_crc32c(0, header.data, header.len));
    silt_buf_done(&header);
}

static void open_file(struct silt_fill *fill, unsigned index, struct silt_schema *schema)
{
    struct fill_file *file = &fill->files[index];
    const struct silt_window_file *entry = &fill->window.files[index];
    const struct silt_worker_opts *opts = fill->context->opts;
    char key[SILT_KEY_MAX];
    make_key(fill, entry, key);
    *file = (struct fill_file){.fill = fill, .schema = schema ? silt_schema_ref(schema) : NULL};
    silt_random_bytes(file->sync, sizeof file->sync);
    file->upload = silt_upload_new(&(struct silt_upload_opts){.store = fill->context->store,
                                                              .inbox = fill->context->store_inbox,
                                                              .budget = &fill->context->budget,
                                                              .key = key,
                                                              .part_size = opts->part_size,
                                                              .parallel = opts->part_parallel,
                                                              .on_event = on_upload,
                                                              .ctx = file});
    write_header(file, entry);
}

/* ---- rows ---- */

static void flush_block(struct fill_file *file)
{
    struct silt_encode_job *job = file->job;
    const struct silt_worker_opts *opts = file->fill->context->opts;
    if (!job) return;
    file->job = NULL;
    job->codec = opts->codec;
    job->level = opts->level;
    memcpy(job->sync, file->sync, sizeof job->sync);
    job->file = file;
    job->seq = file->blocks++;
    file->fill->jobs_out++;
    silt_metrics_bytes(file->fill->context->metrics, SILT_STAGE_ENCODE, job->raw.len);
    silt_context_encode(file->fill->context, job);
}

static size_t write_row(struct silt_fill *fill, struct silt_buf *raw, const struct silt_record *rec,
                        const struct silt_decoded *decoded)
{
    uint8_t *at = silt_context_reserve(fill->context, raw, silt_rows_room(rec, decoded));
    SILT_ASSERT(at); /* a block has room for the largest value the decoder lets pass */
    size_t bytes = silt_rows_write(at, rec, decoded, fill->digest);
    raw->len += bytes;
    return bytes;
}

bool silt_fill_record(struct silt_fill *fill, const struct silt_record *rec,
                      const struct silt_decoded *decoded, int64_t now_ms)
{
    SILT_ASSERT(fill->state == FILLING);
    enum silt_role role = silt_rows_role(decoded);
    struct silt_schema *schema = role == SILT_ROLE_DATA ? decoded->schema : NULL;
    int64_t field_ms = role == SILT_ROLE_DATA ? decoded->verdict.time_ms : SILT_NO_TIMESTAMP;
    int64_t time_ms = silt_cut_time(&fill->window.cut, rec->timestamp_ms, field_ms);
    int index = silt_window_place(&fill->window, role, time_ms, schema);
    if (index < 0) return false;
    struct fill_file *file = &fill->files[index];
    if (!file->fill) open_file(fill, (unsigned)index, schema);
    if (!file->job) file->job = silt_context_job(fill->context);
    size_t bytes = write_row(fill, &file->job->raw, rec, decoded);
    file->job->records++;
    silt_window_add(&fill->window, index, rec, (int64_t)bytes, now_ms);
    if ((int64_t)file->job->raw.len >= fill->context->opts->block_bytes) flush_block(file);
    return true;
}

void silt_fill_letter(struct silt_fill *fill, const struct silt_record *rec,
                      const struct silt_decoded *decoded)
{
    silt_dead_letters_add(fill->context->letters, &fill->letters, fill->tp.topic, rec, decoded);
}

void silt_fill_send_letters(struct silt_fill *fill)
{
    silt_dead_letters_send(fill->context->letters, &fill->letters);
}

struct silt_window *silt_fill_window(struct silt_fill *fill)
{
    return &fill->window;
}

int64_t silt_fill_memory(const struct silt_fill *fill)
{
    int64_t bytes = 0;
    for (unsigned i = 0; i < fill->window.files_n; i++) {
        const struct fill_file *file = &fill->files[i];
        if (file->upload) bytes += silt_upload_held(file->upload);
        if (file->job) bytes += (int64_t)file->job->raw.cap;
    }
    return bytes;
}

/* ---- blocks that come back ---- */

static void finish_if_complete(struct fill_file *file)
{
    if (file->fill->state != SEALING || file->finished || file->appended != file->blocks) return;
    file->finished = true;
    silt_upload_finish(file->upload);
}

static void keep_in_order(struct fill_file *file, struct silt_encode_job *job)
{
    struct silt_encode_job **at = &file->done;
    while (*at && (*at)->seq < job->seq) at = &(*at)->next;
    job->next = *at;
    *at = job;
}

static void append_in_order(struct fill_file *file)
{
    while (file->done && file->done->seq == file->appended) {
        struct silt_encode_job *job = file->done;
        file->done = job->next;
        file->appended++;
        add_to_upload(file, &job->packed, job->crc32c);
        silt_context_job_back(file->fill->context, job);
    }
}

void silt_fill_encoded(struct silt_context *context, struct silt_encode_job *job)
{
    struct fill_file *file = job->file;
    struct silt_fill *fill = file->fill;
    fill->jobs_out--;
    if (fill->released) {
        drop_packed(context, job);
        free_if_done(fill);
        return;
    }
    silt_metrics_success(context->metrics, SILT_STAGE_ENCODE, (uint64_t)job->records);
    silt_metrics_latency(context->metrics, SILT_STAGE_ENCODE, job->elapsed_us);
    keep_in_order(file, job);
    append_in_order(file);
    finish_if_complete(file);
}

/* ---- uploads ---- */

static void check_staged(struct silt_fill *fill)
{
    if (fill->state != SEALING || fill->staged_n != fill->window.files_n) return;
    fill->state = STAGED;
    fill->events->on_staged(fill->ctx, fill);
}

static void on_retry(void *ctx)
{
    struct fill_file *file = ctx;
    silt_metrics_retry(file->fill->context->metrics, SILT_STAGE_S3_UPLOAD, 1);
    silt_upload_retry(file->upload);
}

static void track_failure(const struct fill_file *file, int64_t wait_ms)
{
    const struct silt_fill *fill = file->fill;
    const struct silt_store_req *why = silt_upload_failure(file->upload);
    const char *type = silt_code_failure_type(silt_store_outcome_code(why->outcome));
    char action[48] = "read the window again";
    if (wait_ms >= 0) snprintf(action, sizeof action, "retry in %lld ms", (long long)wait_ms);
    silt_context_failure(fill->context,
                         &(struct silt_failure){.stage = SILT_STAGE_S3_UPLOAD,
                                                .type = silt_failure_type_parse(type),
                                                .topic = fill->tp.topic,
                                                .partition = fill->tp.partition,
                                                .offset = fill->window.start,
                                                .message = why->text,
                                                .action = action,
                                                .key = silt_upload_key(file->upload),
                                                .retry_count = (int)file->attempts});
}

static void upload_failed(struct fill_file *file)
{
    struct silt_fill *fill = file->fill;
    const struct silt_store_req *why = silt_upload_failure(file->upload);
    if (why->outcome == SILT_STORE_STOPPED) return;
    if (why->outcome == SILT_STORE_NO_UPLOAD) {
        track_failure(file, -1);
        fill->events->on_spoiled(fill->ctx, fill);
        return;
    }
    int64_t wait = silt_backoff_ms(&upload_wait, ++file->attempts, 0, 0, silt_random_u64());
    track_failure(file, wait);
    silt_timer_set(&fill->context->timers, &file->retry, silt_mono_ms() + wait, on_retry, file);
}

static void on_upload(void *ctx, struct silt_upload *upload, enum silt_upload_event event)
{
    struct fill_file *file = ctx;
    struct silt_fill *fill = file->fill;
    if (event == SILT_UPLOAD_FAILED) {
        upload_failed(file);
        return;
    }
    struct silt_metrics *metrics = fill->context->metrics;
    silt_metrics_success(metrics, SILT_STAGE_S3_UPLOAD, 1);
    silt_metrics_bytes(metrics, SILT_STAGE_S3_UPLOAD, (uint64_t)silt_upload_size(upload));
    silt_metrics_latency(metrics, SILT_STAGE_S3_UPLOAD, (silt_mono_ms() - fill->closed_ms) * 1000);
    fill->staged_n++;
    check_staged(fill);
}

/* ---- closing ---- */

void silt_fill_close(struct silt_fill *fill, enum silt_close_reason reason)
{
    SILT_ASSERT(fill->state == FILLING);
    fill->state = SEALING;
    fill->reason = reason;
    fill->closed_ms = silt_mono_ms();
    for (unsigned i = 0; i < fill->window.files_n; i++) flush_block(&fill->files[i]);
    for (unsigned i = 0; i < fill->window.files_n; i++) finish_if_complete(&fill->files[i]);
    check_staged(fill); /* a window of holes has no file */
}

bool silt_fill_is_closed(const struct silt_fill *fill)
{
    return fill->state != FILLING;
}

int64_t silt_fill_closed_ms(const struct silt_fill *fill)
{
    return fill->closed_ms;
}

int64_t silt_fill_oldest_upload_ms(const struct silt_fill *fill)
{
    int64_t oldest = INT64_MAX;
    for (unsigned i = 0; i < fill->window.files_n; i++) {
        int64_t created = silt_upload_created_ms(fill->files[i].upload);
        if (created && created < oldest) oldest = created;
    }
    return oldest;
}

/* ---- the manifest ---- */

static struct silt_offsets *copy_ranges(const struct silt_range *ranges, unsigned n)
{
    struct silt_offsets *copy = silt_calloc(n, sizeof *copy);
    for (unsigned i = 0; i < n; i++)
        copy[i] = (struct silt_offsets){.first = ranges[i].first, .last = ranges[i].last};
    return copy;
}

static void describe_file(const struct silt_fill *fill, unsigned index,
                          struct silt_manifest_file *ret)
{
    const struct silt_window_file *entry = &fill->window.files[index];
    const struct fill_file *file = &fill->files[index];
    snprintf(ret->key, sizeof ret->key, "%s", silt_upload_key(file->upload));
    ret->role = entry->role;
    ret->upload_id = silt_strdup(silt_upload_id(file->upload));
    snprintf(ret->token, sizeof ret->token, "%s", silt_upload_token(file->upload));
    ret->size = silt_upload_size(file->upload);
    ret->crc32c = silt_upload_crc32c(file->upload);
    snprintf(ret->codec, sizeof ret->codec, "%s", silt_codec_name(fill->context->opts->codec));
    ret->schema_id = file->schema ? file->schema->id : SILT_NO_SCHEMA_ID;
    ret->records = entry->records;
    ret->first = entry->first;
    ret->last = entry->last;
    const struct silt_store_part *parts = silt_upload_parts(file->upload, &ret->parts_n);
    ret->parts = silt_memdup(parts, ret->parts_n * sizeof *parts);
}

/* What every slot says: who wrote it, when, cut by which rules. */
static void describe_origin(const struct silt_context *context, struct silt_manifest *m)
{
    const struct silt_worker_opts *opts = context->opts;
    const struct silt_cut *cut = &opts->cut;
    snprintf(m->archive, sizeof m->archive, "%s", opts->archive_id);
    snprintf(m->cut.time, sizeof m->cut.time, "%s", cut->time_from_field ? "field" : "kafka");
    snprintf(m->cut.unit, sizeof m->cut.unit, "%s", silt_bucket_unit_name(cut->unit));
    m->cut.max_files = cut->max_files;
    snprintf(m->writer_pod, sizeof m->writer_pod, "%s", opts->name);
    snprintf(m->writer_boot, sizeof m->writer_boot, "%s", context->boot);
    snprintf(m->writer_version, sizeof m->writer_version, "%s", SILT_VERSION);
    silt_random_hex(m->uuid, SILT_UUID_LEN - 1);
    char now[SILT_ISO_LEN];
    silt_iso_seconds(silt_wall_ms(), now);
    snprintf(m->created, sizeof m->created, "%s", now);
}

void silt_fill_bare_manifest(const struct silt_context *context, const struct silt_tp *tp,
                             enum silt_slot_kind kind, struct silt_manifest *ret_manifest)
{
    struct silt_manifest m = {.kind = kind, .tp = *tp, .leader_epoch = {-1, -1}};
    describe_origin(context, &m);
    struct silt_digest *nothing = silt_digest_new();
    silt_digest_hex(nothing, m.digest);
    silt_digest_free(nothing);
    *ret_manifest = m;
}

void silt_fill_manifest(const struct silt_fill *fill, struct silt_manifest *ret_manifest)
{
    const struct silt_window *window = &fill->window;
    struct silt_manifest m = {.kind = SILT_SLOT_DATA, .tp = fill->tp};
    describe_origin(fill->context, &m);
    m.start = window->start;
    m.next = window->next;
    m.records = window->records;
    m.rejected = window->rejected;
    m.holes = copy_ranges(window->holes, window->holes_n);
    m.holes_n = window->holes_n;
    m.unreadable = copy_ranges(window->unreadable, window->unreadable_n);
    m.unreadable_n = window->unreadable_n;
    silt_digest_hex(fill->digest, m.digest);
    m.leader_epoch[0] = window->epoch_first;
    m.leader_epoch[1] = window->epoch_last;
    if (window->ts_min <= window->ts_max) {
        m.ts[0] = window->ts_min;
        m.ts[1] = window->ts_max;
    }
    m.files_n = window->files_n;
    m.files = silt_calloc(m.files_n, sizeof *m.files);
    for (unsigned i = 0; i < m.files_n; i++) {
        describe_file(fill, i, &m.files[i]);
        if (m.files[i].role == SILT_ROLE_TOMBSTONE) m.tombstones += m.files[i].records;
    }
    *ret_manifest = m;
}
