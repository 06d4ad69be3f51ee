#include "base/queue.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"

#include <pthread.h>
#include <time.h>

struct silt_queue {
    silt_queue_wake_fn *wake;
    void *wake_ctx;
    size_t capacity;
    struct {
        pthread_mutex_t lock;
        pthread_cond_t not_empty;
        pthread_cond_t not_full;
        void **items;
        size_t head;
        size_t len;
        uint64_t full;
        bool closed;
    } synced;
};

struct silt_queue *silt_queue_new(size_t capacity, silt_queue_wake_fn *wake, void *wake_ctx)
{
    SILT_ASSERT(capacity > 0);
    struct silt_queue *queue = SILT_NEW(struct silt_queue);
    queue->wake = wake;
    queue->wake_ctx = wake_ctx;
    queue->capacity = capacity;
    queue->synced.items = silt_calloc(capacity, sizeof(void *));
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&queue->synced.lock, NULL);
    pthread_cond_init(&queue->synced.not_empty, &attr);
    pthread_cond_init(&queue->synced.not_full, &attr);
    pthread_condattr_destroy(&attr);
    return queue;
}

void silt_queue_free(struct silt_queue *queue)
{
    if (!queue) return;
    pthread_cond_destroy(&queue->synced.not_empty);
    pthread_cond_destroy(&queue->synced.not_full);
    pthread_mutex_destroy(&queue->synced.lock);
    silt_free(queue->synced.items);
    silt_free(queue);
}

static void put_synced(struct silt_queue *queue, void *item)
{
    size_t at = (queue->synced.head + queue->synced.len) % queue->capacity;
    queue->synced.items[at] = item;
    queue->synced.len++;
    pthread_cond_signal(&queue->synced.not_empty);
}

static bool push(struct silt_queue *queue, void *item, bool wait)
{
    SILT_ASSERT(item);
    /* Once the item is out the popper may free the queue: nothing of it is touched behind the lock.
     */
    silt_queue_wake_fn *wake = queue->wake;
    void *wake_ctx = queue->wake_ctx;
    pthread_mutex_lock(&queue->synced.lock);
    if (queue->synced.len == queue->capacity) queue->synced.full++;
    while (wait && queue->synced.len == queue->capacity && !queue->synced.closed)
        pthread_cond_wait(&queue->synced.not_full, &queue->synced.lock);
    bool room = queue->synced.len < queue->capacity && !queue->synced.closed;
    if (room) put_synced(queue, item);
    pthread_mutex_unlock(&queue->synced.lock);
    if (room && wake) wake(wake_ctx);
    return room;
}

bool silt_queue_try_push(struct silt_queue *queue, void *item)
{
    return push(queue, item, false);
}

bool silt_queue_push(struct silt_queue *queue, void *item)
{
    return push(queue, item, true);
}

/* Waits until there is something, the queue is closed, or the time is over. */
static void wait_synced(struct silt_queue *queue, int64_t timeout_ms)
{
    struct timespec until = silt_mono_deadline(timeout_ms < 0 ? 0 : timeout_ms);
    while (queue->synced.len == 0 && !queue->synced.closed) {
        if (timeout_ms < 0)
            pthread_cond_wait(&queue->synced.not_empty, &queue->synced.lock);
        else if (pthread_cond_timedwait(&queue->synced.not_empty, &queue->synced.lock, &until))
            return;
    }
}

void *silt_queue_pop(struct silt_queue *queue, int64_t timeout_ms)
{
    pthread_mutex_lock(&queue->synced.lock);
    if (timeout_ms) wait_synced(queue, timeout_ms);
    void *item = NULL;
    if (queue->synced.len) {
        item = queue->synced.items[queue->synced.head];
        queue->synced.head = (queue->synced.head + 1) % queue->capacity;
        queue->synced.len--;
        pthread_cond_signal(&queue->synced.not_full);
    }
    pthread_mutex_unlock(&queue->synced.lock);
    return item;
}

void silt_queue_close(struct silt_queue *queue)
{
    pthread_mutex_lock(&queue->synced.lock);
    queue->synced.closed = true;
    pthread_cond_broadcast(&queue->synced.not_empty);
    pthread_cond_broadcast(&queue->synced.not_full);
    pthread_mutex_unlock(&queue->synced.lock);
}

size_t silt_queue_len(struct silt_queue *queue)
{
    pthread_mutex_lock(&queue->synced.lock);
    size_t len = queue->synced.len;
    pthread_mutex_unlock(&queue->synced.lock);
    return len;
}

uint64_t silt_queue_full_count(struct silt_queue *queue)
{
    pthread_mutex_lock(&queue->synced.lock);
    uint64_t full = queue->synced.full;
    pthread_mutex_unlock(&queue->synced.lock);
    return full;
}
