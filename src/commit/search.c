#include "commit/search.h"

#include "base/backoff.h"

static const struct silt_backoff_opts retry_wait = {.first_ms = 100, .max_ms = 10000};

struct silt_search_action silt_search_again(struct silt_search *search)
{
    return (struct silt_search_action){.kind = SILT_SEARCH_DO_LIST,
                                       .after_seq = search->hint - 1,
                                       .after_last_key = search->paging};
}

struct silt_search_action silt_search_begin(struct silt_search *search, int64_t hint)
{
    *search = (struct silt_search){.hint = hint > 0 ? hint : 0, .best = -1};
    return silt_search_again(search);
}

static bool is_permission(enum silt_store_outcome outcome)
{
    return outcome == SILT_STORE_DENIED || outcome == SILT_STORE_REFUSED ||
           outcome == SILT_STORE_NO_BUCKET || outcome == SILT_STORE_SKEWED;
}

struct silt_search_action silt_search_listed(struct silt_search *search,
                                             const struct silt_search_event *event)
{
    if (event->outcome == SILT_STORE_STOPPED)
        return (struct silt_search_action){.kind = SILT_SEARCH_FORGET};
    if (event->outcome != SILT_STORE_OK) {
        int64_t wait = silt_backoff_ms(&retry_wait, ++search->attempts, 0, 0, event->random);
        bool page = is_permission(event->outcome);
        return (struct silt_search_action){
            .kind = SILT_SEARCH_DO_WAIT, .wait_ms = page ? 30000 : wait, .page = page};
    }
    if (event->max_seq > search->best) search->best = event->max_seq;
    search->paging = event->truncated;
    if (search->paging) return silt_search_again(search);
    if (search->best < search->hint && search->hint > 0) return silt_search_begin(search, 0);
    return (struct silt_search_action){.kind = SILT_SEARCH_FOUND, .seq = search->best};
}
