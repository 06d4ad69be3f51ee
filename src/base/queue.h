/* A bounded queue of whole objects between threads.
 *
 * Pushing hands the object over: its owner is whoever pops it. Any number of pushers and poppers. A
 * loop that also waits for something else gives `wake`, called after a push outside the lock, on
 * the pusher's thread. `full` counts refused or delayed pushes: the metric of the bound.
 */
#ifndef SILT_BASE_QUEUE_H
#define SILT_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct silt_queue;
typedef void silt_queue_wake_fn(void *ctx);

struct silt_queue *silt_queue_new(size_t capacity, silt_queue_wake_fn *wake, void *wake_ctx);
void silt_queue_free(struct silt_queue *queue); /* must be empty or hold nothing owned */

/* @return false when full or closed: the caller keeps the object. */
bool silt_queue_try_push(struct silt_queue *queue, void *item);
/* Waits for room. @return false when closed: the caller keeps the object. */
bool silt_queue_push(struct silt_queue *queue, void *item);
/* @return NULL after timeout_ms (0: at once, < 0: never give up) or when closed and empty. */
void *silt_queue_pop(struct silt_queue *queue, int64_t timeout_ms);
void silt_queue_close(struct silt_queue *queue); /* pushes fail, pops drain and then return NULL */

size_t silt_queue_len(struct silt_queue *queue);
uint64_t silt_queue_full_count(struct silt_queue *queue);

#endif
