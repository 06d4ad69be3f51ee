/* A window in work: its files take rows, blocks are compressed, parts are staged; at the end there
 * is a manifest.
 *
 *   FILLING ─close─▶ SEALING ─every file staged─▶ STAGED (on_staged)
 *
 * batch/window.h decides where a record goes and when to close; this carries it out. Lives on the
 * consume thread. A fill that is released while blocks are being compressed frees itself when they
 * have come back.
 */
#ifndef SILT_PIPELINE_FILL_H
#define SILT_PIPELINE_FILL_H

#include "batch/window.h"
#include "commit/manifest.h"
#include "decode/decoder.h"
#include "pipeline/context_int.h"

struct silt_fill;

struct silt_fill_events {
    void (*on_staged)(void *ctx, struct silt_fill *fill);
    /* An upload is gone at the store: the window has to be read again. */
    void (*on_spoiled)(void *ctx, struct silt_fill *fill);
};

struct silt_fill *silt_fill_new(struct silt_context *context, const struct silt_tp *tp, int64_t seq,
                                int64_t start, const struct silt_fill_events *events, void *ctx);
/* Lets go. `abort`: rule R5 allows aborting what was staged. */
void silt_fill_release(struct silt_fill *fill, bool abort);

/* Books one record with what decoding said of it (decoded NULL: a tombstone). @return false when
 * the window has to be closed first; nothing was booked then. */
bool silt_fill_record(struct silt_fill *fill, const struct silt_record *rec,
                      const struct silt_decoded *decoded, int64_t now_ms);
/* Keeps a copy of the record just booked, a reject, for the dead letter topic. */
void silt_fill_letter(struct silt_fill *fill, const struct silt_record *rec,
                      const struct silt_decoded *decoded);
void silt_fill_send_letters(struct silt_fill *fill); /* its slot was won */
struct silt_window *silt_fill_window(struct silt_fill *fill);

void silt_fill_close(struct silt_fill *fill, enum silt_close_reason reason);
bool silt_fill_is_closed(const struct silt_fill *fill);
int64_t silt_fill_closed_ms(const struct silt_fill *fill); /* monotonic */
/* After on_staged: what the slot will say. seq, prev and lineage are the chain's to fill in. */
void silt_fill_manifest(const struct silt_fill *fill, struct silt_manifest *ret_manifest);
/* What a slot without files says, but for its range. */
void silt_fill_bare_manifest(const struct silt_context *context, const struct silt_tp *tp,
                             enum silt_slot_kind kind, struct silt_manifest *ret_manifest);
int64_t
silt_fill_oldest_upload_ms(const struct silt_fill *fill); /* wall; INT64_MAX without files */
/* What it has of the memory budget, but for blocks at the encoder. */
int64_t silt_fill_memory(const struct silt_fill *fill);

/* What the loop does with a job that came back from the encoder. */
void silt_fill_encoded(struct silt_context *context, struct silt_encode_job *job);

#endif
