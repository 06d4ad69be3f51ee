#include "net/waiter.h"

void silt_waiter_init(struct silt_waiter *waiter)
{
    pthread_mutex_init(&waiter->synced.lock, NULL);
    pthread_cond_init(&waiter->synced.changed, NULL);
    waiter->synced.woken = false;
}

void silt_waiter_wake(struct silt_waiter *waiter)
{
    /* Signalled under the lock: whoever waits cannot leave, and so end the waiter, before the
     * unlock. */
    pthread_mutex_lock(&waiter->synced.lock);
    waiter->synced.woken = true;
    pthread_cond_signal(&waiter->synced.changed);
    pthread_mutex_unlock(&waiter->synced.lock);
}

void silt_waiter_wait(struct silt_waiter *waiter)
{
    pthread_mutex_lock(&waiter->synced.lock);
    while (!waiter->synced.woken) pthread_cond_wait(&waiter->synced.changed, &waiter->synced.lock);
    pthread_mutex_unlock(&waiter->synced.lock);
    pthread_cond_destroy(&waiter->synced.changed);
    pthread_mutex_destroy(&waiter->synced.lock);
}
