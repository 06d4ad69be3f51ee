#include "pipeline/rebuild.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"
#include "batch/window.h"
#include "consume/position.h"
#include "encode/container.h"
#include "pipeline/file_rows.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STALL_MS 60000 /* no record for so long: try again later */
#define PROBE_MS 10000 /* for the answer to one fetch */

struct rebuild {
    const struct silt_rebuild_opts *opts;
    const struct silt_manifest_file *wanted;
    struct silt_consumer *consumer;
    struct silt_cpart *part;
    struct silt_decoder *decoder;
    struct silt_queue *registry_answers;
    struct silt_position pos;
    struct silt_window window;
    struct silt_digest *digest;
    struct silt_codec_ctx *codec_ctx;
    enum silt_codec codec;
    uint8_t sync[SILT_SYNC_LEN];
    struct silt_buf raw;   /* rows of the block being filled */
    struct silt_buf spill; /* rows of other files: only their digest counts */
    int64_t raw_records;
    struct silt_buf part_bytes; /* finished blocks of the part being filled */
    bool header_written;
    char key[SILT_KEY_MAX];
    struct silt_manifest_file made;
    struct silt_loss loss; /* Kafka no longer has the records */
    bool replaced;         /* some are of a later leader's log: the archived ones were truncated */
    bool damaged;          /* something could not be read this time */
    bool put_sent; /* the repair record may exist: its upload must not be aborted by us (R5) */
};

/* ---- the new file ---- */

static SILT_RC create(struct rebuild *r, struct silt_err *err)
{
    struct silt_store_req req = {.op = SILT_OP_MPU_CREATE, .key = r->key, .token = r->made.token};
    silt_store_call(r->opts->worker->store, &req);
    bool created = req.outcome == SILT_STORE_OK;
    if (created) r->made.upload_id = silt_strdup(req.ret_upload_id);
    enum silt_store_outcome outcome = req.outcome;
    silt_store_req_done(&req);
    if (!created)
        SILT_FAIL(err, NETWORK, "%s: no upload: %s", r->key, silt_store_outcome_name(outcome));
    return SILT_OK;
}

static SILT_RC send_part(struct rebuild *r, struct silt_err *err)
{
    if (!r->made.upload_id) SILT_TRY(create(r, err));
    struct silt_slice body = silt_buf_slice(&r->part_bytes);
    struct silt_store_part part = {.n = r->made.parts_n + 1,
                                   .size = (int64_t)body.len,
                                   .crc32c = silt_crc32c(0, body.ptr, body.len)};
    struct silt_store_req req = {.op = SILT_OP_MPU_PART,
                                 .key = r->key,
                                 .upload_id = r->made.upload_id,
                                 .part_number = part.n,
                                 .body = &body,
                                 .body_n = 1,
                                 .crc32c = part.crc32c};
    silt_store_call(r->opts->worker->store, &req);
    enum silt_store_outcome outcome = req.outcome;
    memcpy(part.etag, req.etag, sizeof part.etag);
    silt_store_req_done(&req);
    if (outcome != SILT_STORE_OK)
        SILT_FAIL(err, NETWORK, "%s: part %u: %s", r->key, part.n,
                  silt_store_outcome_name(outcome));
    r->made.parts = silt_realloc_array(r->made.parts, r->made.parts_n + 1, sizeof part);
    r->made.parts[r->made.parts_n++] = part;
    r->made.crc32c = silt_crc32c_combine(r->made.crc32c, part.crc32c, (uint64_t)part.size);
    r->made.size += part.size;
    silt_buf_clear(&r->part_bytes);
    return SILT_OK;
}

static SILT_RC flush_block(struct rebuild *r, struct silt_err *err)
{
    if (!r->raw_records) return SILT_OK;
    SILT_TRY(silt_container_block(r->codec_ctx, r->codec, r->opts->worker->level, r->raw_records,
                                  silt_buf_slice(&r->raw), r->sync, &r->part_bytes, err));
    silt_buf_clear(&r->raw);
    r->raw_records = 0;
    if ((int64_t)r->part_bytes.len < r->opts->worker->part_size) return SILT_OK;
    return send_part(r, err);
}

/* ---- the records ---- */

static SILT_RC place(struct rebuild *r, const struct silt_record *rec,
                     const struct silt_decoded *decoded, struct silt_err *err)
{
    enum silt_role role = silt_rows_role(decoded);
    const struct silt_schema *schema = role == SILT_ROLE_DATA ? decoded->schema : NULL;
    int64_t time_ms = silt_cut_time(&r->window.cut, rec->timestamp_ms,
                                    schema ? decoded->verdict.time_ms : SILT_NO_TIMESTAMP);
    int index = silt_window_place(&r->window, role, time_ms, schema);
    if (index < 0) SILT_FAIL(err, CONFLICT, "the slot's records do not fit its files any more");
    bool is_wanted = (unsigned)index == r->opts->file;
    if (is_wanted && !r->header_written) {
        r->header_written = true;
        SILT_TRY(silt_rows_header(r->opts->worker, &r->opts->slot.tp, role, schema, r->sync,
                                  &r->part_bytes, err));
    }
    struct silt_buf *out = is_wanted ? &r->raw : &r->spill;
    uint8_t *at = silt_buf_reserve(out, silt_rows_room(rec, decoded));
    SILT_ASSERT(at); /* sized for the largest value */
    size_t bytes = silt_rows_write(at, rec, decoded, r->digest);
    silt_window_add(&r->window, index, rec, (int64_t)bytes, 0);
    if (!is_wanted) return SILT_OK;
    out->len += bytes;
    r->raw_records++;
    return (int64_t)out->len >= r->opts->worker->block_bytes ? flush_block(r, err) : SILT_OK;
}

static SILT_RC decode(struct rebuild *r, const struct silt_record *rec, struct silt_decoded *ret,
                      struct silt_err *err)
{
    enum silt_decode_status status = silt_decoder_decode(r->decoder, rec, ret);
    for (int i = 0; status == SILT_DECODE_WANT_SCHEMA; i++) {
        void *answer = silt_queue_pop(r->registry_answers, 10000);
        if (!answer || i > 10) SILT_FAIL(err, UNAVAILABLE, "the schema registry does not answer");
        silt_decoder_reply(r->decoder, answer);
        status = silt_decoder_decode(r->decoder, rec, ret);
    }
    return SILT_OK;
}

/* Damage may heal (another replica answers): what the slot calls unreadable stays so. */
static bool was_unreadable(const struct silt_manifest *slot, int64_t offset)
{
    return silt_offsets_have(slot->unreadable, slot->unreadable_n, offset);
}

/* Is the error about something else than what the slot could not read either? Below 0: nobody
 * knows where. */
static bool is_new_damage(const struct silt_manifest *slot, int64_t offset)
{
    int64_t inside = offset < slot->start ? slot->start : offset; /* a batch may begin before */
    return offset < 0 || (inside < slot->next && !was_unreadable(slot, inside));
}

/* A valid record outside of every file of its schema was a reject when the slot was cut: the
 * registry did not know the schema then. */
static bool was_accepted(const struct silt_manifest *slot, int32_t schema_id, int64_t offset)
{
    for (unsigned i = 0; i < slot->files_n; i++) {
        const struct silt_manifest_file *file = &slot->files[i];
        if (file->role == SILT_ROLE_DATA && file->schema_id == schema_id && file->first <= offset &&
            offset <= file->last)
            return true;
    }
    return false;
}

static SILT_RC take_value(struct rebuild *r, const struct silt_record *rec, struct silt_err *err)
{
    struct silt_decoded decoded;
    SILT_TRY(decode(r, rec, &decoded, err));
    bool is_valid = decoded.verdict.reason == SILT_REASON_NONE;
    if (is_valid && !was_accepted(&r->opts->slot, decoded.schema->id, rec->offset))
        silt_decoder_reject_unknown(r->decoder, &decoded);
    return place(r, rec, &decoded, err);
}

static SILT_RC take(struct rebuild *r, const struct silt_record *rec, uint32_t epoch,
                    struct silt_err *err)
{
    if (rec->offset >= r->opts->slot.next) return SILT_OK;
    struct silt_position_verdict v = silt_position_message(&r->pos, epoch, rec->offset);
    if (v.kind == SILT_POS_DROP) return SILT_OK;
    if (v.kind != SILT_POS_ACCEPT) silt_window_hole(&r->window, v.first, v.last, 0);
    if (was_unreadable(&r->opts->slot, rec->offset)) {
        silt_window_hole(&r->window, rec->offset, rec->offset, 0);
        return SILT_OK;
    }
    int32_t newest = r->opts->slot.leader_epoch[1];
    if (newest >= 0 && rec->leader_epoch > newest) r->replaced = true;
    return rec->value_null ? place(r, rec, NULL, err) : take_value(r, rec, err);
}

static SILT_RC take_batch(struct rebuild *r, struct silt_err *err)
{
    struct silt_cpart *part;
    struct silt_record rec;
    uint32_t epoch;
    struct silt_rc rc = SILT_OK;
    while (silt_consumer_next(r->consumer, &part, &rec, &epoch))
        if (silt_ok(rc)) rc = take(r, &rec, epoch, err);
    return rc;
}

/* Nothing more comes: was the log cut off below the slot's end, and no producer has filled it
 * since? Its end as consumers are told it says nothing (it may lag behind after a change of
 * leaders), but a fetch at the slot's end, with the epoch of what lay before, has an answer. Leaves
 * the window. */
static bool is_cut_off(struct rebuild *r)
{
    const struct silt_manifest *slot = &r->opts->slot;
    struct silt_err err;
    struct silt_polled polled;
    int64_t until_ms = silt_mono_ms() + PROBE_MS;
    if (!silt_ok(silt_consumer_seek(r->consumer, r->part, slot->next, slot->leader_epoch[1], &err)))
        return false;
    while (silt_mono_ms() < until_ms) {
        silt_consumer_poll(r->consumer, 1000, &polled);
        if (polled.epoch != r->part->epoch) continue;
        if (polled.kind == SILT_POLL_PART_EOF) return false;
        if (polled.kind == SILT_POLL_PART_ERROR) return polled.out_of_range || polled.truncated;
    }
    return false;
}

/* A broker that refuses an offset may be wrong for a moment; the log's bounds must say the same. */
static bool is_outside(struct rebuild *r, int64_t offset)
{
    const char *topic = r->opts->slot.tp.topic;
    struct silt_answer answer;
    struct silt_polled polled;
    int64_t until_ms = silt_mono_ms() + PROBE_MS;
    silt_consumer_ask_offsets(r->consumer, &topic, &r->opts->slot.tp.partition, 1);
    while (silt_mono_ms() < until_ms) {
        if (silt_consumer_answer(r->consumer, &answer))
            return answer.ok && (offset < answer.log_start || offset > answer.end);
        silt_consumer_poll(r->consumer, 1000, &polled);
        if (polled.kind == SILT_POLL_RECORDS) return false;
    }
    return false;
}

/* The window cannot be read to its end, because its records are lost, or so it seemed. */
static SILT_RC leave(struct rebuild *r, enum silt_loss_kind kind, int64_t offset,
                     struct silt_err *err)
{
    if (!is_outside(r, offset))
        SILT_FAIL(err, UNAVAILABLE,
                  "a broker calls offset %" PRId64
                  " out of range, but the log's bounds do not say so",
                  offset);
    r->loss.kind = kind;
    return SILT_OK;
}

static SILT_RC read_window(struct rebuild *r, struct silt_err *err)
{
    int64_t next = r->opts->slot.next;
    int64_t moved_ms = silt_mono_ms();
    struct silt_polled polled;
    while (r->pos.expected < next) {
        int64_t before = r->pos.expected;
        silt_consumer_poll(r->consumer, 1000, &polled);
        if (polled.kind == SILT_POLL_RECORDS) SILT_TRY(take_batch(r, err));
        if (polled.kind == SILT_POLL_PART_EOF && polled.offset >= next) r->pos.expected = next;
        if (polled.kind == SILT_POLL_PART_ERROR && polled.out_of_range)
            return leave(r, SILT_LOSS_GONE, r->pos.expected, err);
        if (polled.kind == SILT_POLL_PART_ERROR)
            r->damaged |= is_new_damage(&r->opts->slot, polled.offset);
        if (polled.kind == SILT_POLL_FATAL) SILT_FAIL(err, CONNECT, "%s", polled.err.text);
        if (r->pos.expected != before) moved_ms = silt_mono_ms();
        if (silt_mono_ms() - moved_ms <= STALL_MS) continue;
        if (is_cut_off(r)) return leave(r, SILT_LOSS_CUT, next, err);
        SILT_FAIL(err, TIMEOUT, "Kafka delivered nothing behind offset %" PRId64 " for 60 s",
                  r->pos.expected);
    }
    return SILT_OK;
}

/* ---- the record of the repair ---- */

static int64_t found(const struct rebuild *r)
{
    return r->window.records + r->window.rejected;
}

/* Records that compaction or an unclean election took do not come back; a slot that waits for them
 * would stop its partition. */
static void judge(struct rebuild *r)
{
    const struct silt_manifest *slot = &r->opts->slot;
    bool fewer = found(r) < slot->records + slot->rejected;
    if (!r->loss.kind && r->replaced) r->loss.kind = SILT_LOSS_REPLACED;
    if (!r->loss.kind && fewer && !r->damaged) r->loss.kind = SILT_LOSS_COMPACTED;
    r->loss.found = found(r);
}

static SILT_RC confirm_loss(const struct rebuild *r, struct silt_err *err)
{
    static const char *const names[] = {[SILT_LOSS_GONE] = "its offsets are no longer in the log",
                                        [SILT_LOSS_CUT] = "the log ends before it",
                                        [SILT_LOSS_REPLACED] = "a later leader's records are there",
                                        [SILT_LOSS_COMPACTED] = "records are missing"};
    const struct silt_manifest *slot = &r->opts->slot;
    char text[200];
    snprintf(text, sizeof text, "Kafka lost slot %" PRId64 ": %s; %" PRId64 " of %" PRId64 " found",
             slot->seq, names[r->loss.kind], r->loss.found, slot->records + slot->rejected);
    if (r->loss.kind != r->opts->suspected.kind || r->loss.found != r->opts->suspected.found)
        SILT_FAIL(err, CONFLICT, "%s; looked at once more before that is written down", text);
    SILT_LOG(ERROR, "file_lost", text, SILT_F_STR("topic", slot->tp.topic),
             SILT_F_INT("partition", slot->tp.partition), SILT_F_INT("seq", slot->seq),
             SILT_F_STR("key", r->wanted->key), SILT_F_STR("action", "recorded as lost"));
    return SILT_OK;
}

static SILT_RC check(struct rebuild *r, struct silt_err *err)
{
    char digest[SILT_DIGEST_HEX];
    const struct silt_window_file *file = &r->window.files[r->opts->file];
    silt_digest_hex(r->digest, digest);
    if (strcmp(digest, r->opts->slot.digest) != 0)
        SILT_FAIL(err, CONFLICT,
                  "Kafka's records of slot %" PRId64 " differ from what was archived",
                  r->opts->slot.seq);
    if (r->opts->file >= r->window.files_n || file->records != r->wanted->records)
        SILT_FAIL(err, CONFLICT,
                  "file %u of slot %" PRId64 " comes out differently (a schema or rule changed?)",
                  r->opts->file, r->opts->slot.seq);
    return SILT_OK;
}

static void abort_upload(struct rebuild *r)
{
    if (!r->made.upload_id) return;
    struct silt_store_req req = {
        .op = SILT_OP_MPU_ABORT, .key = r->key, .upload_id = r->made.upload_id};
    silt_store_call(r->opts->worker->store, &req);
    silt_store_req_done(&req);
}

static SILT_RC put_record(struct rebuild *r, struct silt_err *err)
{
    const struct silt_manifest *slot = &r->opts->slot;
    struct silt_repair repair = {.seq = slot->seq,
                                 .file = r->opts->file,
                                 .k = r->opts->k,
                                 .lost = r->loss.kind != SILT_LOSS_NONE,
                                 .with = r->made};
    struct silt_buf text;
    char key[SILT_KEY_MAX];
    silt_buf_init(&text, SILT_MANIFEST_MAX);
    SILT_TRY(silt_repair_write(&repair, &slot->tp, &text, err));
    silt_key_repair(&slot->tp, slot->seq, r->opts->file, r->opts->k, key);
    struct silt_slice body = silt_buf_slice(&text);
    struct silt_store_req req = {.op = SILT_OP_PUT_NEW,
                                 .key = key,
                                 .body = &body,
                                 .body_n = 1,
                                 .content_type = "application/json"};
    r->put_sent = true;
    silt_store_call(r->opts->worker->store, &req);
    enum silt_store_outcome outcome = req.outcome;
    silt_store_req_done(&req);
    silt_buf_done(&text);
    if (outcome == SILT_STORE_OK || outcome == SILT_STORE_EXISTS) return SILT_OK;
    SILT_FAIL(err, NETWORK, "%s: %s", key, silt_store_outcome_name(outcome));
}

static SILT_RC finish(struct rebuild *r, struct silt_err *err)
{
    judge(r);
    if (r->loss.kind) {
        SILT_TRY(confirm_loss(r, err));
    } else {
        SILT_TRY(check(r, err));
        SILT_TRY(flush_block(r, err));
        if (r->part_bytes.len) SILT_TRY(send_part(r, err));
        const struct silt_window_file *file = &r->window.files[r->opts->file];
        r->made.records = file->records;
        r->made.first = file->first;
        r->made.last = file->last;
    }
    return put_record(r, err);
}

/* ---- life ---- */

static SILT_RC begin_window(struct rebuild *r, struct silt_err *err)
{
    const struct silt_manifest *slot = &r->opts->slot;
    struct silt_cut cut = {.max_files = slot->cut.max_files,
                           .time_from_field = strcmp(slot->cut.time, "field") == 0};
    if (!silt_bucket_unit_parse(slot->cut.unit, &cut.unit))
        SILT_FAIL(err, UNSUPPORTED,
                  "slot %" PRId64 " was cut by \"%s\", which this version does not know", slot->seq,
                  slot->cut.unit);
    struct silt_window_limits limits = {
        .bytes_max = INT64_MAX, .records_max = INT64_MAX, .age_max_ms = INT64_MAX};
    silt_window_init(&r->window, &cut, &limits, slot->start);
    return SILT_OK;
}

static void begin_file(struct rebuild *r)
{
    const struct silt_manifest *slot = &r->opts->slot;
    struct silt_parsed_key old;
    bool parsed = silt_key_parse_data(r->wanted->key, &old);
    SILT_ASSERT(parsed);
    struct silt_data_key data = {.unit = r->window.cut.unit,
                                 .bucket = SILT_BUCKET_MIXED,
                                 .seq = slot->seq,
                                 .start = slot->start,
                                 .role = r->wanted->role,
                                 .is_repair = true,
                                 .repair_file = r->opts->file,
                                 .repair_k = r->opts->k};
    silt_random_hex(data.nonce, SILT_NONCE_LEN - 1);
    silt_key_data(&slot->tp, &data, r->key);
    /* the new object stands in the old one's folder: its time bucket is part of that key alone */
    char folder[SILT_KEY_MAX];
    snprintf(folder, sizeof folder, "%s", r->wanted->key);
    *(strrchr(folder, '/') + 1) = '\0';
    char name[SILT_KEY_MAX];
    snprintf(name, sizeof name, "%s", strrchr(r->key, '/') + 1);
    snprintf(r->key, sizeof r->key, "%.*s%s", (int)(sizeof r->key - strlen(name) - 1), folder,
             name);
    snprintf(r->made.key, sizeof r->made.key, "%s", r->key);
    snprintf(r->made.codec, sizeof r->made.codec, "%s", silt_codec_name(r->codec));
    silt_random_hex(r->made.token, 32);
    silt_random_bytes(r->sync, sizeof r->sync);
    r->made.role = r->wanted->role;
    r->made.schema_id = r->wanted->schema_id;
}

static SILT_RC begin(struct rebuild *r, struct silt_err *err)
{
    const struct silt_worker_opts *worker = r->opts->worker;
    const struct silt_manifest *slot = &r->opts->slot;
    r->codec = worker->codec;
    size_t room = (size_t)worker->block_bytes + worker->decoder.value_max + ((size_t)1 << 20);
    silt_buf_init(&r->raw, room);
    silt_buf_init(&r->spill, room);
    silt_buf_init(&r->part_bytes, 2 * room + (size_t)worker->part_size);
    r->digest = silt_digest_new();
    r->codec_ctx = silt_codec_ctx_new();
    SILT_TRY(begin_window(r, err));
    begin_file(r);
    r->registry_answers = silt_queue_new(64, NULL, NULL);
    struct silt_decoder_opts decoder = worker->decoder;
    decoder.reply_to = r->registry_answers;
    SILT_TRY(silt_decoder_new(&decoder, &r->decoder, err));
    struct silt_consumer_opts consumer = worker->consumer;
    consumer.group = NULL;
    SILT_TRY(silt_consumer_new(&consumer, &r->consumer, err));
    SILT_TRY(silt_consumer_assign_manual(r->consumer, slot->tp.topic, slot->tp.partition,
                                         slot->start, &r->part, err));
    silt_position_start(&r->pos, slot->start);
    r->pos.epoch = r->part->epoch;
    return SILT_OK;
}

static void end(struct rebuild *r)
{
    if (r->consumer && !silt_consumer_close(r->consumer, 10000))
        SILT_LOG(WARN, "close_timeout", "the repair's Kafka client did not close in time");
    silt_decoder_free(r->decoder);
    silt_queue_free(r->registry_answers);
    silt_codec_ctx_free(r->codec_ctx);
    silt_digest_free(r->digest);
    silt_window_done(&r->window);
    silt_buf_done(&r->raw);
    silt_buf_done(&r->spill);
    silt_buf_done(&r->part_bytes);
    silt_free(r->made.upload_id);
    silt_free(r->made.parts);
}

static struct silt_rc run(struct rebuild *r, struct silt_err *err)
{
    SILT_TRY(begin(r, err));
    SILT_TRY(read_window(r, err));
    return finish(r, err);
}

SILT_RC silt_rebuild(const struct silt_rebuild_opts *opts, struct silt_loss *ret_loss,
                     struct silt_err *err)
{
    struct rebuild r = {.opts = opts, .wanted = &opts->slot.files[opts->file]};
    struct silt_rc rc = run(&r, err);
    *ret_loss = r.loss;
    if (!r.put_sent) abort_upload(&r); /* else it is for the collector to decide */
    end(&r);
    return rc;
}
