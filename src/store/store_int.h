/* Private to store: what the two stores share. */
#ifndef SILT_STORE_STORE_INT_H
#define SILT_STORE_STORE_INT_H

#include "store/store.h"
#include "store/store_open.h"

/* Gives an answered request back to its owner; the store must not touch it afterwards. */
void silt_store_deliver(struct silt_store_req *req);

#endif
