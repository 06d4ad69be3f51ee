/* Finding the newest slot of a partition's log as a pure state machine (protocol section 6). The
 * hint may be any garbage: too low costs pages, too high costs one request more.
 */
#ifndef SILT_COMMIT_SEARCH_H
#define SILT_COMMIT_SEARCH_H

#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

enum silt_search_action_kind {
    SILT_SEARCH_DO_LIST, /* the log prefix, after slot `after_seq` (-1: from the beginning) or after
                            the last key */
    SILT_SEARCH_DO_WAIT,
    SILT_SEARCH_FOUND, /* seq; -1: the log is empty */
    SILT_SEARCH_FORGET,
};
struct silt_search_action {
    enum silt_search_action_kind kind;
    int64_t after_seq;
    bool after_last_key;
    int64_t wait_ms;
    int64_t seq;
    bool page;
};

struct silt_search_event { /* answer to DO_LIST */
    enum silt_store_outcome outcome;
    int64_t max_seq; /* highest manifest in the page; -1 none */
    bool truncated;
    uint64_t random;
};

struct silt_search {
    int64_t hint;
    int64_t best;
    bool paging;
    unsigned attempts;
};

struct silt_search_action silt_search_begin(struct silt_search *search, int64_t hint);
struct silt_search_action silt_search_listed(struct silt_search *search,
                                             const struct silt_search_event *event);
/* After DO_WAIT. */
struct silt_search_action silt_search_again(struct silt_search *search);

#endif
