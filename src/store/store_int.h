/* Private to store: what the two stores share. */
#ifndef SILT_STORE_STORE_INT_H
#define SILT_STORE_STORE_INT_H

#include "store/store.h"
#include "store/store_open.h"

/* Gives an answered request back to its owner; the store must not touch it afterwards. */
void silt_store_deliver(struct silt_store_req *req);

/* The end of a store's own free: gives up the memory, at once or with the last reply. The struct
 * must be the beginning of an allocation. */
void silt_store_drop(struct silt_store *store);

#endif
