#include "commit/search.h"

#include "harness.h"

static struct silt_search_event page(int64_t max_seq, bool truncated)
{
    return (struct silt_search_event){
        .outcome = SILT_STORE_OK, .max_seq = max_seq, .truncated = truncated};
}

static struct silt_search_action listed(struct silt_search *search, struct silt_search_event event)
{
    return silt_search_listed(search, &event);
}

static void an_empty_log_is_found_empty(void)
{
    struct silt_search search;
    struct silt_search_action action = silt_search_begin(&search, 0);
    CU_ASSERT_EQUAL(action.kind, SILT_SEARCH_DO_LIST);
    CU_ASSERT_EQUAL(action.after_seq, -1);
    CU_ASSERT_FALSE(action.after_last_key);
    action = listed(&search, page(-1, false));
    CU_ASSERT_EQUAL(action.kind, SILT_SEARCH_FOUND);
    CU_ASSERT_EQUAL(action.seq, -1);
}

static void a_good_hint_needs_one_page(void)
{
    struct silt_search search;
    CU_ASSERT_EQUAL(silt_search_begin(&search, 42).after_seq, 41);
    struct silt_search_action action = listed(&search, page(42, false));
    CU_ASSERT_EQUAL(action.kind, SILT_SEARCH_FOUND);
    CU_ASSERT_EQUAL(action.seq, 42);
}

static void a_negative_hint_is_none(void)
{
    struct silt_search search;
    CU_ASSERT_EQUAL(silt_search_begin(&search, -7).after_seq, -1);
}

static void pages_are_followed_to_the_end(void)
{
    struct silt_search search;
    silt_search_begin(&search, 0);
    struct silt_search_action action = listed(&search, page(999, true));
    CU_ASSERT_EQUAL(action.kind, SILT_SEARCH_DO_LIST);
    CU_ASSERT(action.after_last_key);
    action = listed(&search, page(-1, true)); /* a page of repair records only */
    CU_ASSERT_EQUAL(action.kind, SILT_SEARCH_DO_LIST);
    action = listed(&search, page(1003, false));
    CU_ASSERT_EQUAL(action.seq, 1003);
}

static void a_hint_beyond_the_tail_starts_over_at_the_beginning(void)
{
    struct silt_search search;
    silt_search_begin(&search, 50);
    struct silt_search_action action = listed(&search, page(-1, false));
    CU_ASSERT_EQUAL(action.kind, SILT_SEARCH_DO_LIST);
    CU_ASSERT_EQUAL(action.after_seq, -1);
    action = listed(&search, page(4, false));
    CU_ASSERT_EQUAL(action.kind, SILT_SEARCH_FOUND);
    CU_ASSERT_EQUAL(action.seq, 4);
}

static void failures_are_waited_out(void)
{
    struct silt_search search;
    silt_search_begin(&search, 3);
    struct silt_search_event event = {.outcome = SILT_STORE_DOUBT, .random = UINT64_MAX};
    struct silt_search_action action = listed(&search, event);
    CU_ASSERT_EQUAL(action.kind, SILT_SEARCH_DO_WAIT);
    CU_ASSERT_FALSE(action.page);
    CU_ASSERT(action.wait_ms <= 100);
    CU_ASSERT_EQUAL(silt_search_again(&search).after_seq, 2);
}

static void a_missing_permission_is_told(void)
{
    static const enum silt_store_outcome outcomes[] = {SILT_STORE_DENIED, SILT_STORE_REFUSED,
                                                       SILT_STORE_NO_BUCKET, SILT_STORE_SKEWED};
    for (unsigned i = 0; i < 4; i++) {
        struct silt_search search;
        silt_search_begin(&search, 3);
        struct silt_search_event event = {.outcome = outcomes[i]};
        struct silt_search_action action = listed(&search, event);
        CU_ASSERT_EQUAL(action.kind, SILT_SEARCH_DO_WAIT);
        CU_ASSERT(action.page);
        CU_ASSERT_EQUAL(action.wait_ms, 30000);
    }
}

static void a_stopped_store_ends_the_search(void)
{
    struct silt_search search;
    silt_search_begin(&search, 3);
    struct silt_search_event event = {.outcome = SILT_STORE_STOPPED};
    CU_ASSERT_EQUAL(listed(&search, event).kind, SILT_SEARCH_FORGET);
}

SILT_TESTS("search", {"an empty log is found empty", an_empty_log_is_found_empty},
           {"a good hint needs one page", a_good_hint_needs_one_page},
           {"a negative hint is none", a_negative_hint_is_none},
           {"pages are followed to the end", pages_are_followed_to_the_end},
           {"a hint beyond the tail starts over at the beginning",
            a_hint_beyond_the_tail_starts_over_at_the_beginning},
           {"failures are waited out", failures_are_waited_out},
           {"a missing permission is told", a_missing_permission_is_told},
           {"a stopped store ends the search", a_stopped_store_ends_the_search})
