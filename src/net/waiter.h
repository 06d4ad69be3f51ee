/* One thread waits until another one says "done", once. Lives on the stack of the one who waits:
 * the other thread does not touch it after silt_waiter_wake returned.
 */
#ifndef SILT_NET_WAITER_H
#define SILT_NET_WAITER_H

#include <pthread.h>
#include <stdbool.h>

struct silt_waiter {
    struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool woken;
    } synced;
};

void silt_waiter_init(struct silt_waiter *waiter);
void silt_waiter_wake(struct silt_waiter *waiter);
void silt_waiter_wait(struct silt_waiter *waiter); /* returns after the wake; ends the waiter */

#endif
