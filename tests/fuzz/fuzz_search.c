/* The search for the newest slot with any hint, in a log that grows meanwhile: it ends, and finds
 * one that was the newest at some moment since it began.
 */
#include "commit/search.h"

#include "fuzz.h"

#define STEPS_MAX 2000

struct log {
    struct fuzz_in in;
    int64_t slots_n;
    int64_t last_key; /* seq of the last key given; -1: none */
    int64_t page;
    bool stopped;
};

static bool network_fails(struct log *log)
{
    return fuzz_more(&log->in) && fuzz_one_in(&log->in, 3);
}

static struct silt_search_event list(struct log *log, const struct silt_search_action *action)
{
    static const enum silt_store_outcome outcomes[] = {SILT_STORE_DOUBT, SILT_STORE_DENIED,
                                                       SILT_STORE_THROTTLED, SILT_STORE_STOPPED};
    struct silt_search_event event = {.max_seq = -1};
    if (network_fails(log)) {
        event.outcome = outcomes[fuzz_below(&log->in, 4)];
        log->stopped = event.outcome == SILT_STORE_STOPPED;
        return event;
    }
    int64_t after = action->after_last_key ? log->last_key : action->after_seq;
    int64_t left = log->slots_n - 1 - after;
    FUZZ_CHECK(after >= -1);
    if (left <= 0) return event;
    event.truncated = left > log->page;
    event.max_seq = event.truncated ? after + log->page : log->slots_n - 1;
    log->last_key = event.max_seq;
    return event;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log log = {.in = fuzz_in(data, size), .last_key = -1};
    struct silt_search search;
    log.slots_n = (int64_t)fuzz_bits(&log.in, 2) % 500;
    log.page = 1 + fuzz_below(&log.in, 100);
    int64_t before_n = log.slots_n;
    int64_t hint = fuzz_long(&log.in) >> fuzz_below(&log.in, 64);
    struct silt_search_action action = silt_search_begin(&search, hint);
    unsigned steps = 0;
    while (action.kind == SILT_SEARCH_DO_LIST || action.kind == SILT_SEARCH_DO_WAIT) {
        FUZZ_CHECK(steps++ < STEPS_MAX);
        if (fuzz_more(&log.in)) log.slots_n += fuzz_one_in(&log.in, 4);
        if (action.kind == SILT_SEARCH_DO_WAIT) {
            FUZZ_CHECK(action.wait_ms >= 0);
            action = silt_search_again(&search);
            continue;
        }
        struct silt_search_event event = list(&log, &action);
        action = silt_search_listed(&search, &event);
    }
    if (action.kind == SILT_SEARCH_FORGET)
        FUZZ_CHECK(log.stopped);
    else
        FUZZ_CHECK(action.seq >= before_n - 1 && action.seq < log.slots_n);
    return 0;
}
