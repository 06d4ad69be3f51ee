/* One partition's log of manifests in one worker: finds the tail, commits slots, rolls committed
 * files forward.
 *
 * The effects around search.h, slot.h and roll.h: carries out their actions through the store, and
 * tells the owner what became true. Lives on the consume thread; store replies come through the
 * inbox, timers through the owner's loop. Order of calls: recover → (on_ready) → commit → on_won →
 * on_durable → commit …; a commit may be handed in while the slot before it is still rolling: its
 * PUT waits (R4). After on_lost and on_abandon the owner drops its windows and calls recover again.
 * After on_halt the chain does nothing any more until recover; a slot handed in meanwhile is
 * dropped.
 */
#ifndef SILT_COMMIT_CHAIN_H
#define SILT_COMMIT_CHAIN_H

#include "base/queue.h"
#include "base/timers.h"
#include "commit/manifest.h"
#include "commit/slot.h"
#include "store/store.h"

struct silt_chain;

struct silt_chain_events {
    /* The tail is known: NULL for an empty log. Filling may begin; the tail may still be rolling.
     */
    void (*on_ready)(void *ctx, const struct silt_manifest *tail);
    void (*on_won)(void *ctx, const struct silt_manifest *slot);
    /* Every file of the tail is complete; `own` is false for a tail that recovery found. */
    void (*on_durable)(void *ctx, const struct silt_manifest *slot, bool own);
    /* Another worker holds the slot: own uploads of it and of the next window may be aborted (R5b).
     */
    void (*on_lost)(void *ctx, int64_t seq);
    /* No PUT of ours can land any more: own uploads may be aborted (R5a). */
    void (*on_abandon)(void *ctx, int64_t seq);
    /* The log is not what it must be; an operator has to look. */
    void (*on_halt)(void *ctx, const char *why);
    /* File `file` of the tail is gone: re-make it as repair k, then call silt_chain_look_again. */
    void (*on_missing)(void *ctx, const struct silt_manifest *slot, unsigned file, unsigned k);
    /* Something an operator should know; the chain goes on by itself. */
    void (*on_page)(void *ctx, const char *what, const char *text);
};

struct silt_chain_opts {
    struct silt_store *store;
    struct silt_queue *inbox;
    struct silt_timers *timers;
    struct silt_slot_limits limits;
    const struct silt_chain_events *events;
    void *ctx;
};

struct silt_chain *silt_chain_new(const struct silt_chain_opts *opts, const struct silt_tp *tp);
/* Lets go: no event any more; frees itself when the requests in flight have come back. Touches
 * nothing at the store. */
void silt_chain_release(struct silt_chain *chain);

void silt_chain_recover(struct silt_chain *chain, int64_t hint_seq);
/* Takes the manifest (seq, prev and lineage are filled in here). oldest_upload_ms: wall clock,
 * INT64_MAX without files. */
void silt_chain_commit(struct silt_chain *chain, struct silt_manifest *manifest,
                       int64_t oldest_upload_ms);
void silt_chain_look_again(struct silt_chain *chain, unsigned file);

const struct silt_manifest *silt_chain_tail(const struct silt_chain *chain); /* NULL: none known */
int64_t silt_chain_next_seq(const struct silt_chain *chain); /* of the next slot to be committed */
bool silt_chain_is_rolled(const struct silt_chain *chain); /* every file of the tail is complete */
bool silt_chain_is_committing(const struct silt_chain *chain);
/* A PUT of the slot in flight was sent: its uploads must not be aborted by us now (R5). */
bool silt_chain_put_sent(const struct silt_chain *chain);
const char *silt_chain_tail_sha256(const struct silt_chain *chain);

#endif
