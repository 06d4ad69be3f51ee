#include "observe/spool_int.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"

#include <pthread.h>

#define LANES_MAX 4

struct lane {
    struct silt_spool_item *first;
    struct silt_spool_item **last;
    size_t bytes;
    size_t bytes_max;
};

struct silt_spool {
    pthread_cond_t changed;
    unsigned lanes_n;
    struct {
        pthread_mutex_t lock;
        struct lane lanes[LANES_MAX];
        uint64_t rows;
        bool woken;
    } synced;
};

struct silt_spool *silt_spool_new(const size_t *lane_bytes_max, unsigned lanes_n)
{
    SILT_ASSERT(lanes_n <= LANES_MAX);
    struct silt_spool *spool = SILT_NEW(struct silt_spool);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&spool->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&spool->synced.lock, NULL);
    spool->lanes_n = lanes_n;
    for (unsigned i = 0; i < lanes_n; i++) {
        spool->synced.lanes[i].bytes_max = lane_bytes_max[i];
        spool->synced.lanes[i].last = &spool->synced.lanes[i].first;
    }
    return spool;
}

static struct silt_spool_item *pop_synced(struct silt_spool *spool, struct lane *lane)
{
    struct silt_spool_item *item = lane->first;
    lane->first = item->next;
    if (!lane->first) lane->last = &lane->first;
    lane->bytes -= item->bytes;
    spool->synced.rows -= item->rows;
    item->next = NULL;
    return item;
}

void silt_spool_free(struct silt_spool *spool)
{
    if (!spool) return;
    for (unsigned i = 0; i < spool->lanes_n; i++)
        while (spool->synced.lanes[i].first) silt_free(pop_synced(spool, &spool->synced.lanes[i]));
    pthread_mutex_destroy(&spool->synced.lock);
    pthread_cond_destroy(&spool->changed);
    silt_free(spool);
}

static void append_synced(struct silt_spool *spool, struct silt_spool_item *item)
{
    struct lane *lane = &spool->synced.lanes[item->lane];
    item->next = NULL;
    *lane->last = item;
    lane->last = &item->next;
    lane->bytes += item->bytes;
    spool->synced.rows += item->rows;
}

static unsigned drop(struct silt_spool_item *item)
{
    unsigned rows = item->rows;
    silt_free(item);
    return rows;
}

unsigned silt_spool_push(struct silt_spool *spool, struct silt_spool_item *item)
{
    SILT_ASSERT(item->lane < spool->lanes_n);
    pthread_mutex_lock(&spool->synced.lock);
    struct lane *lane = &spool->synced.lanes[item->lane];
    unsigned dropped = 0;
    if (item->bytes > lane->bytes_max) {
        dropped = drop(item);
        item = NULL;
    }
    while (item && lane->bytes + item->bytes > lane->bytes_max)
        dropped += drop(pop_synced(spool, lane));
    if (item) append_synced(spool, item);
    pthread_cond_signal(&spool->changed);
    pthread_mutex_unlock(&spool->synced.lock);
    return dropped;
}

struct silt_spool_item *silt_spool_take(struct silt_spool *spool, unsigned rows_max)
{
    struct silt_spool_item *taken = NULL;
    struct silt_spool_item **last = &taken;
    unsigned rows = 0;
    pthread_mutex_lock(&spool->synced.lock);
    for (unsigned i = 0; i < spool->lanes_n; i++) {
        struct lane *lane = &spool->synced.lanes[i];
        while (lane->first && (rows == 0 || rows + lane->first->rows <= rows_max)) {
            *last = pop_synced(spool, lane);
            rows += (*last)->rows;
            last = &(*last)->next;
        }
    }
    pthread_mutex_unlock(&spool->synced.lock);
    return taken;
}

static bool has_items_synced(const struct silt_spool *spool)
{
    for (unsigned i = 0; i < spool->lanes_n; i++)
        if (spool->synced.lanes[i].first) return true;
    return false;
}

void silt_spool_wait(struct silt_spool *spool, bool for_items, int64_t wait_ms)
{
    struct timespec deadline = silt_mono_deadline(wait_ms);
    pthread_mutex_lock(&spool->synced.lock);
    while (!spool->synced.woken && !(for_items && has_items_synced(spool)))
        if (pthread_cond_timedwait(&spool->changed, &spool->synced.lock, &deadline)) break;
    spool->synced.woken = false;
    pthread_mutex_unlock(&spool->synced.lock);
}

void silt_spool_wake(struct silt_spool *spool)
{
    pthread_mutex_lock(&spool->synced.lock);
    spool->synced.woken = true;
    pthread_cond_signal(&spool->changed);
    pthread_mutex_unlock(&spool->synced.lock);
}

bool silt_spool_is_empty(struct silt_spool *spool)
{
    pthread_mutex_lock(&spool->synced.lock);
    bool empty = !has_items_synced(spool);
    pthread_mutex_unlock(&spool->synced.lock);
    return empty;
}

uint64_t silt_spool_rows(struct silt_spool *spool)
{
    pthread_mutex_lock(&spool->synced.lock);
    uint64_t rows = spool->synced.rows;
    pthread_mutex_unlock(&spool->synced.lock);
    return rows;
}
