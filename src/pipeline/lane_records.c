/* What is fetched: records, ends, damage, errors. */
#include "base/clock.h"
#include "base/log.h"
#include "pipeline/lane_int.h"

#include <inttypes.h>
#include <stdio.h>

#define ERROR_RETRIES 5
#define LATENCY_SAMPLE 64 /* every how many records validation is timed */

/* ---- records ---- */

static void book_range(struct silt_lane *lane, const struct silt_position_verdict *v,
                       int64_t now_ms)
{
    struct silt_window *window = silt_fill_window(silt_lane_filling(lane, v->first));
    if (v->kind == SILT_POS_HOLE) {
        silt_window_hole(window, v->first, v->last, now_ms);
        return;
    }
    char text[120];
    snprintf(text, sizeof text, "offsets %" PRId64 " to %" PRId64 " cannot be read", v->first,
             v->last);
    silt_lane_track(lane, SILT_STAGE_KAFKA_CONSUME, SILT_FAIL_UNKNOWN_ERROR, v->first, text,
                    "recorded as unreadable");
    silt_window_unreadable(window, v->first, v->last, now_ms);
}

/* The record cannot be taken now: it is fetched again when the reason is gone. */
static void put_back(struct silt_lane *lane, const struct silt_record *rec, enum silt_pause why)
{
    lane->back_offset = rec->offset;
    lane->back_epoch = rec->leader_epoch;
    silt_lane_pause(lane, why, true);
    silt_lane_seek(lane, rec->offset);
}

static void note_reject(struct silt_lane *lane, const struct silt_record *rec,
                        const struct silt_decoded *decoded)
{
    enum silt_reason reason = decoded->verdict.reason;
    bool schema = reason == SILT_REASON_UNKNOWN_SCHEMA || reason == SILT_REASON_BAD_SCHEMA ||
                  reason == SILT_REASON_INCOMPATIBLE;
    atomic_fetch_add_explicit(&lane->context->metrics->rejects[reason], 1, memory_order_relaxed);
    char sensor[64];
    char message[200];
    char correlation[SILT_CORRELATION_MAX + 1];
    const bool correlated = silt_record_correlation(rec, correlation);
    snprintf(sensor, sizeof sensor, "%.*s", (int)decoded->verdict.sensor_id.len,
             (const char *)decoded->verdict.sensor_id.ptr);
    snprintf(message, sizeof message, "%s: %s", silt_reason_name(reason), decoded->detail);
    silt_context_failure(
        lane->context,
        &(struct silt_failure){.stage = SILT_STAGE_AVRO_VALIDATE,
                               .type = schema ? SILT_FAIL_SCHEMA_ERROR : SILT_FAIL_VALIDATION_ERROR,
                               .sensor_id = sensor[0] ? sensor : NULL,
                               .topic = lane->part->topic,
                               .partition = rec->partition,
                               .offset = rec->offset,
                               .correlation_id = correlated ? correlation : NULL,
                               .message = message,
                               .action = "to rejects"});
    if (lane->context->observer)
        silt_observer_reject(lane->context->observer,
                             &(struct silt_reject_note){.tp = lane->tp,
                                                        .offset = rec->offset,
                                                        .reason = silt_reason_name(reason),
                                                        .detail = decoded->detail,
                                                        .sensor_id = sensor[0] ? sensor : NULL});
}

static enum silt_decode_status decode(struct silt_lane *lane, const struct silt_record *rec,
                                      struct silt_decoded *ret)
{
    if (++lane->sampled % LATENCY_SAMPLE)
        return silt_decoder_decode(lane->context->decoder, rec, ret);
    int64_t began = silt_mono_ns();
    enum silt_decode_status status = silt_decoder_decode(lane->context->decoder, rec, ret);
    silt_metrics_latency(lane->context->metrics, SILT_STAGE_AVRO_VALIDATE,
                         (silt_mono_ns() - began) / 1000);
    return status;
}

/* @return false when the record could not be taken. */
static bool take(struct silt_lane *lane, const struct silt_record *rec,
                 const struct silt_decoded *decoded, int64_t now_ms)
{
    if (silt_fill_record(silt_lane_filling(lane, rec->offset), rec, decoded, now_ms)) return true;
    if (lane->sealing) {
        lane->must_close = SILT_CLOSE_FILES;
        put_back(lane, rec, SILT_PAUSE_BUSY);
        return false;
    }
    silt_lane_close_filling(lane, SILT_CLOSE_FILES);
    bool taken = silt_fill_record(silt_lane_filling(lane, rec->offset), rec, decoded, now_ms);
    SILT_ASSERT(taken); /* an empty window has room for any record */
    return true;
}

void silt_lane_set_reject_ratio(struct silt_lane *lane, double ratio)
{
    lane->breaker.ratio_max = ratio;
}

/* @return false when the partition was halted: then its window is read again one day. */
static bool bears(struct silt_lane *lane, const struct silt_decoded *decoded)
{
    char why[sizeof lane->halted_why];
    struct silt_breaker *breaker = &lane->breaker;
    enum silt_reason reason = decoded->verdict.reason;
    if (!silt_breaker_trips(breaker, reason != SILT_REASON_NONE)) return true;
    snprintf(why, sizeof why,
             "%u of the last %u records are rejects, more than schema.max_reject_ratio allows; %s: "
             "%s",
             breaker->rejected, breaker->records, silt_reason_name(reason), decoded->detail);
    silt_metrics_add(lane->context->metrics, SILT_GAUGE_REJECT_HALTS, 1);
    silt_lane_halt(lane, why);
    return false;
}

static bool archive(struct silt_lane *lane, const struct silt_record *rec, int64_t now_ms)
{
    if (rec->value_null) return take(lane, rec, NULL, now_ms);
    struct silt_decoded decoded;
    switch (decode(lane, rec, &decoded)) {
    case SILT_DECODE_WANT_SCHEMA: put_back(lane, rec, SILT_PAUSE_SCHEMA); return false;
    case SILT_DECODE_REJECT:
        if (lane->context->opts->halt_on_invalid) {
            silt_lane_halt(lane, decoded.detail);
            return false;
        }
        if (!take(lane, rec, &decoded, now_ms)) return false;
        note_reject(lane, rec, &decoded);
        silt_fill_letter(lane->filling, rec, &decoded);
        return bears(lane, &decoded);
    case SILT_DECODE_OK: break;
    }
    if (!take(lane, rec, &decoded, now_ms)) return false;
    silt_metrics_success(lane->context->metrics, SILT_STAGE_AVRO_VALIDATE, 1);
    silt_metrics_bytes(lane->context->metrics, SILT_STAGE_AVRO_VALIDATE, rec->value.len);
    return bears(lane, &decoded);
}

/* While stopping, restarting or waiting for a window nothing is taken: it is fetched again later.
 */
static bool takes_records(const struct silt_lane *lane)
{
    return lane->state == SILT_LANE_RUN && !lane->restart && lane->must_close == SILT_CLOSE_NONE;
}

bool silt_lane_on_record(struct silt_lane *lane, const struct silt_record *rec, uint32_t epoch,
                         int64_t now_ms)
{
    if (!takes_records(lane)) {
        if (lane->state == SILT_LANE_RUN && lane->pos.epoch == epoch && !lane->restart) {
            silt_lane_pause(lane, SILT_PAUSE_BUSY, true);
            silt_lane_seek(lane, lane->pos.expected);
        }
        return false;
    }
    if (rec->offset >= lane->until) {
        silt_lane_on_end(lane, epoch, lane->until, now_ms);
        return false;
    }
    struct silt_position_verdict v = silt_position_message(&lane->pos, epoch, rec->offset);
    if (v.kind == SILT_POS_DROP) {
        silt_metrics_add(lane->context->metrics, SILT_GAUGE_RECORDS_DROPPED, 1);
        return false;
    }
    if (v.kind != SILT_POS_ACCEPT) book_range(lane, &v, now_ms);
    if (!archive(lane, rec, now_ms)) return false;
    if (!lane->oldest_ts[0]) lane->oldest_ts[0] = rec->timestamp_ms;
    silt_lane_check_close(lane, now_ms);
    silt_lane_check_until(lane);
    return true;
}

void silt_lane_on_end(struct silt_lane *lane, uint32_t epoch, int64_t offset, int64_t now_ms)
{
    if (!takes_records(lane)) return;
    int64_t end = offset < lane->until ? offset : lane->until;
    struct silt_position_verdict v = silt_position_end(&lane->pos, epoch, end);
    if (v.kind != SILT_POS_HOLE && v.kind != SILT_POS_UNREADABLE) return;
    book_range(lane, &v, now_ms);
    silt_lane_check_close(lane, now_ms);
    silt_lane_check_until(lane);
}

void silt_lane_schema_arrived(struct silt_lane *lane, int64_t retry_at_ms)
{
    if (!(lane->pauses & SILT_PAUSE_SCHEMA)) return;
    lane->schema_retry_ms = retry_at_ms ? retry_at_ms : silt_mono_ms();
}

/* ---- errors ---- */

/* Holes alone hold nothing that Kafka may have lost, and new records may stand in their place. */
static void drop_bare_holes(struct silt_lane *lane)
{
    const struct silt_window *window = lane->filling ? silt_fill_window(lane->filling) : NULL;
    if (window && window->records + window->rejected == 0) silt_lane_drop_filling(lane);
}

/* Kafka no longer has what we want next: finish what is in hand, then look at the bounds again. */
static void begin_restart(struct silt_lane *lane, const char *why)
{
    drop_bare_holes(lane);
    lane->restart = true;
    silt_lane_pause(lane, SILT_PAUSE_MEND, true);
    SILT_LOG(WARN, "partition_restart", why, SILT_F_STR("topic", lane->tp.topic),
             SILT_F_INT("partition", lane->tp.partition), SILT_F_INT("offset", lane->pos.expected),
             SILT_F_STR("action", "what is in hand is committed, then Kafka's bounds are read"));
    if (lane->filling) silt_lane_close_or_wait(lane, SILT_CLOSE_HOLES);
    if (!lane->filling && !lane->sealing) silt_lane_recover(lane, why);
}

/* Nothing came with the damage, so nothing follows by itself: look behind it, offset by offset. */
static void skip_damage(struct silt_lane *lane)
{
    silt_lane_try_seek(lane, silt_position_skip(&lane->pos), -1);
    lane->pos.epoch = lane->part->epoch;
}

static void on_damage(struct silt_lane *lane, const struct silt_polled *polled)
{
    silt_lane_track(lane, SILT_STAGE_KAFKA_CONSUME, SILT_FAIL_UNKNOWN_ERROR, lane->pos.expected,
                    polled->err.text, "read again");
    enum silt_error_verdict verdict = silt_position_error(&lane->pos, polled->epoch, ERROR_RETRIES);
    switch (verdict) {
    case SILT_POS_IGNORE: return;
    case SILT_POS_SEEK: silt_lane_seek_later(lane, 200); return;
    case SILT_POS_GIVE_UP:
    case SILT_POS_SKIP: break;
    }
    if (lane->context->opts->halt_on_unreadable) {
        silt_lane_halt(lane, polled->err.text);
        return;
    }
    if (verdict == SILT_POS_SKIP) skip_damage(lane);
}

void silt_lane_on_error(struct silt_lane *lane, const struct silt_polled *polled)
{
    if (lane->state != SILT_LANE_RUN || polled->epoch != lane->pos.epoch) return;
    if (polled->truncated || polled->out_of_range) {
        lane->truncated |= polled->truncated; /* what follows it may look like anything */
        if (polled->truncated) lane->diverged_from = lane->pos.expected;
        if (polled->truncated) lane->doubted_ms = silt_mono_ms() + 1; /* perhaps another topic */
        if (polled->truncated && polled->offset >= 0) lane->diverged_at = polled->offset;
        if (!lane->restart) begin_restart(lane, polled->err.text);
        return;
    }
    if (polled->held_back) {
        if (silt_position_hold(&lane->pos, polled->epoch)) silt_lane_seek_later(lane, 100);
        return;
    }
    if (polled->err.code == SILT_E_CORRUPT) {
        on_damage(lane, polled);
        return;
    }
    silt_lane_track(lane, SILT_STAGE_KAFKA_CONSUME,
                    silt_failure_type_parse(silt_code_failure_type(polled->err.code)),
                    lane->pos.expected, polled->err.text, "read again in 1 s");
    silt_lane_seek_later(lane, 1000);
}
