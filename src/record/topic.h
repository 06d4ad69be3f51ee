/* Which partition of which incarnation of a topic: the noun every stage shares. Plain values,
 * copied freely. */
#ifndef SILT_RECORD_TOPIC_H
#define SILT_RECORD_TOPIC_H

#include <stdint.h>

#define SILT_TOPIC_MAX 250   /* a topic name has at most 249 characters, [A-Za-z0-9._-] */
#define SILT_TOPIC_ID_LEN 33 /* 32 hex digits of the topic id (KIP-516) and the end */
#define SILT_CLUSTER_MAX 65

struct silt_tp {
    char cluster[SILT_CLUSTER_MAX];
    char topic[SILT_TOPIC_MAX];
    char topic_id[SILT_TOPIC_ID_LEN];
    int32_t partition;
};

#endif
