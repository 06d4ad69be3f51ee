/* What waits for an output: lanes bounded by bytes, the oldest goes first when there is no room.
 *
 * A push hands the item over, a take hands it on; what is dropped or left at the end is freed with
 * silt_free, so an item is one allocation that begins with struct silt_spool_item. Any thread.
 */
#ifndef SILT_OBSERVE_SPOOL_INT_H
#define SILT_OBSERVE_SPOOL_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct silt_spool_item {
    struct silt_spool_item *next;
    size_t bytes;  /* of the whole allocation */
    unsigned rows; /* what the item counts as when it is dropped */
    unsigned lane;
};

struct silt_spool;
struct silt_spool *silt_spool_new(const size_t *lane_bytes_max, unsigned lanes_n);
void silt_spool_free(struct silt_spool *spool); /* NULL is fine */

/* @return rows that were dropped for it, or the item's own when it is larger than its lane. */
unsigned silt_spool_push(struct silt_spool *spool, struct silt_spool_item *item);
/* Items oldest first, lane by lane, until rows_max is reached (at least one item). @return NULL
 * when empty. */
struct silt_spool_item *silt_spool_take(struct silt_spool *spool, unsigned rows_max);
/* Waits for a wake, for something to take when for_items, at most wait_ms. */
void silt_spool_wait(struct silt_spool *spool, bool for_items, int64_t wait_ms);
void silt_spool_wake(struct silt_spool *spool);
bool silt_spool_is_empty(struct silt_spool *spool);
uint64_t silt_spool_rows(struct silt_spool *spool); /* waiting */

#endif
