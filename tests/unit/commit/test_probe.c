#include "commit/probe.h"

#include "harness.h"
#include "memory_store.h"

#include <string.h>

#define HOUR_MS ((int64_t)3600000)

static const struct silt_probe_opts four_hours = {.max_upload_age_ms = 4 * HOUR_MS};

/* Probes and frees; the text of a refusal names every `word`. */
static void refused(struct silt_memory_store *mem, enum silt_code code, const char *word,
                    const char *word2)
{
    struct silt_err err = {0};
    CU_ASSERT_FAILS(silt_probe_store(&mem->store, &four_hours, &err));
    CU_ASSERT_EQUAL(err.code, code);
    CU_ASSERT(strlen(err.text) < sizeof err.text - 1); /* nothing was cut off */
    if (!strstr(err.text, word) || !strstr(err.text, word2)) CU_FAIL(err.text);
    silt_store_free(&mem->store);
}

static void accepted(struct silt_memory_store *mem)
{
    struct silt_err err = {0};
    CU_ASSERT_OK(silt_probe_store(&mem->store, &four_hours, &err));
    if (err.code) CU_FAIL(err.text);
    silt_store_free(&mem->store);
}

static void an_honest_store_is_accepted(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_err err;
    CU_ASSERT_OK(silt_probe_store(&mem->store, &four_hours, &err));
    CU_ASSERT_EQUAL(mem->calls[SILT_OP_PUT_NEW], 2 + 8 * 16);
    CU_ASSERT_EQUAL(mem->objects_n, 9);
    for (unsigned i = 0; i < mem->objects_n; i++)
        CU_ASSERT(strncmp(mem->objects[i].key, "_probe/", 7) == 0);
    silt_store_free(&mem->store);
}

static void a_store_without_if_none_match_is_refused(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    mem->puts_per_key = 100;
    refused(mem, SILT_E_UNSUPPORTED, "ignores If-None-Match", "use a store");
}

/* Sequential PUTs behave: only the racers see through it. */
static void a_store_that_is_not_atomic_is_refused(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_memory_fault pair = {.op = SILT_OP_PUT_NEW,
                                     .key_part = "_probe/",
                                     .kind = SILT_FAULT_REFUSED,
                                     .outcome = SILT_STORE_EXISTS,
                                     .times = 2};
    mem->puts_per_key = 2;
    silt_memory_add_fault(mem, &pair);
    refused(mem, SILT_E_UNSUPPORTED, "not atomic: 2 of 16", "use a store");
}

static void a_store_that_reads_another_body_is_refused(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_memory_fault lost = {.op = SILT_OP_PUT_NEW,
                                     .key_part = "_probe/",
                                     .kind = SILT_FAULT_REFUSED,
                                     .outcome = SILT_STORE_EXISTS,
                                     .times = 2};
    silt_memory_add_fault(mem, &lost);
    lost.outcome = SILT_STORE_OK; /* accepted, yet the next one is kept: and says EXISTS */
    lost.times = 1;
    silt_memory_add_fault(mem, &lost);
    lost.kind = SILT_FAULT_ANSWERED;
    lost.outcome = SILT_STORE_EXISTS;
    silt_memory_add_fault(mem, &lost);
    refused(mem, SILT_E_UNSUPPORTED, "returns another body", "consistent");
}

static void a_body_of_nobody_is_refused(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_memory_fault lost = {.op = SILT_OP_PUT_NEW,
                                     .key_part = "",
                                     .kind = SILT_FAULT_REFUSED,
                                     .outcome = SILT_STORE_EXISTS,
                                     .times = 18};
    silt_memory_add_fault(mem, &lost);
    refused(mem, SILT_E_UNSUPPORTED, "0 accepted", "finds nothing");
}

static void a_store_that_forgets_is_refused(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_memory_fault lost = {.op = SILT_OP_GET,
                                     .key_part = "_probe/",
                                     .kind = SILT_FAULT_REFUSED,
                                     .outcome = SILT_STORE_NOT_FOUND,
                                     .times = 2};
    silt_memory_add_fault(mem, &lost);
    refused(mem, SILT_E_UNSUPPORTED, "finds nothing", "consistent");
}

static void lost_answers_are_cleared_up_by_reading(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_memory_fault fault = {.op = SILT_OP_PUT_NEW,
                                      .key_part = "_probe/",
                                      .kind = SILT_FAULT_REFUSED,
                                      .outcome = SILT_STORE_EXISTS,
                                      .times = 2};
    silt_memory_add_fault(mem, &fault); /* the pair */
    fault = (struct silt_memory_fault){.op = SILT_OP_PUT_NEW,
                                       .key_part = "_probe/",
                                       .kind = SILT_FAULT_ANSWERED,
                                       .outcome = SILT_STORE_DOUBT,
                                       .times = 1};
    silt_memory_add_fault(mem, &fault); /* round 1: the winner's answer is lost */
    accepted(mem);
}

static void rounds_of_conflicts_are_run_again(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_memory_fault fault = {.op = SILT_OP_PUT_NEW,
                                      .key_part = "_probe/",
                                      .kind = SILT_FAULT_REFUSED,
                                      .outcome = SILT_STORE_EXISTS,
                                      .times = 2};
    silt_memory_add_fault(mem, &fault);
    fault.outcome = SILT_STORE_CONFLICT;
    fault.times = 8 * 16;
    silt_memory_add_fault(mem, &fault);
    accepted(mem);
}

static void conflicts_without_end_are_refused(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_memory_fault fault = {.op = SILT_OP_PUT_NEW,
                                      .key_part = "_probe/",
                                      .kind = SILT_FAULT_REFUSED,
                                      .outcome = SILT_STORE_EXISTS,
                                      .times = 2};
    silt_memory_add_fault(mem, &fault);
    fault.outcome = SILT_STORE_CONFLICT;
    fault.times = 9 * 16;
    silt_memory_add_fault(mem, &fault);
    refused(mem, SILT_E_UNAVAILABLE, "only 7 had a winner", "16 rounds");
}

static void a_conflict_that_was_carried_out_is_refused(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_memory_fault fault = {.op = SILT_OP_PUT_NEW,
                                      .key_part = "_probe/",
                                      .kind = SILT_FAULT_REFUSED,
                                      .outcome = SILT_STORE_EXISTS,
                                      .times = 2};
    silt_memory_add_fault(mem, &fault);
    fault.kind = SILT_FAULT_ANSWERED;
    fault.outcome = SILT_STORE_CONFLICT;
    fault.times = 1;
    silt_memory_add_fault(mem, &fault);
    refused(mem, SILT_E_UNSUPPORTED, "another body", "0 accepted");
}

static void forbidden_for_absent_means_the_right_to_list_is_missing(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    mem->forbids_absent = true;
    refused(mem, SILT_E_DENIED, "403", "s3:ListBucket");
    mem = silt_memory_store_new();
    struct silt_memory_fault head = {
        .op = SILT_OP_HEAD, .key_part = "", .outcome = SILT_STORE_DENIED, .times = 1};
    silt_memory_add_fault(mem, &head);
    refused(mem, SILT_E_DENIED, "403", "s3:ListBucket");
}

static void an_object_that_was_never_written_is_refused(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    mem->invents = "hello";
    refused(mem, SILT_E_UNSUPPORTED, "never written", "cache or proxy");
}

static void a_clock_off_by_more_than_five_minutes_is_refused(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    mem->has_clock = true;
    mem->skew_ms = 302000;
    refused(mem, SILT_E_CONFIG, "30", "s behind the store's");
    mem = silt_memory_store_new();
    mem->has_clock = true;
    mem->skew_ms = -302000;
    refused(mem, SILT_E_CONFIG, "s ahead of the store's", "set the clock");
    mem = silt_memory_store_new();
    mem->has_clock = true;
    mem->skew_ms = 240000;
    accepted(mem);
    mem = silt_memory_store_new();
    mem->has_clock = true;
    mem->skew_ms = -240000;
    accepted(mem);
}

static void lifecycle_rules_must_leave_uploads_and_the_log_alone(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    mem->lifecycle_expires_log = true;
    refused(mem, SILT_E_CONFIG, "_log/", "limit the rule");
    static const struct silt_probe_opts seven = {.max_upload_age_ms = 7 * HOUR_MS};
    mem = silt_memory_store_new();
    mem->lifecycle_abort_days = 1;
    struct silt_err err;
    CU_ASSERT_FAILS(silt_probe_store(&mem->store, &seven, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "24 h"));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "420 min"));
    silt_store_free(&mem->store);
    mem = silt_memory_store_new();
    mem->lifecycle_abort_days = 1; /* 24 h, and 4 × 4 h asked for */
    accepted(mem);
}

static void an_unknown_lifecycle_is_fine(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_memory_fault fault = {
        .op = SILT_OP_LIFECYCLE, .key_part = "", .outcome = SILT_STORE_DENIED, .times = 1};
    mem->lifecycle_expires_log = true;
    silt_memory_add_fault(mem, &fault);
    accepted(mem);
}

static void a_store_that_cannot_be_asked_says_why(void)
{
    static const struct {
        enum silt_store_op op;
        enum silt_store_outcome outcome;
        enum silt_code code;
        unsigned behind; /* PUTs that work before */
    } cases[] = {
        {SILT_OP_GET, SILT_STORE_NO_BUCKET, SILT_E_NOT_FOUND, 0},
        {SILT_OP_HEAD, SILT_STORE_DOUBT, SILT_E_NETWORK, 0},
        {SILT_OP_PUT_NEW, SILT_STORE_DENIED, SILT_E_DENIED, 0},
        {SILT_OP_PUT_NEW, SILT_STORE_DOUBT, SILT_E_NETWORK, 1},
        {SILT_OP_PUT_NEW, SILT_STORE_REFUSED, SILT_E_UNSUPPORTED, 2},
        {SILT_OP_PUT_NEW, SILT_STORE_STOPPED, SILT_E_STOPPED, 2},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct silt_memory_store *mem = silt_memory_store_new();
        struct silt_memory_fault fault = {.op = cases[i].op,
                                          .key_part = "_probe/",
                                          .kind = SILT_FAULT_REFUSED,
                                          .outcome = SILT_STORE_EXISTS,
                                          .times = cases[i].behind};
        silt_memory_add_fault(mem, &fault);
        fault.times = 1;
        fault.outcome = cases[i].outcome;
        silt_memory_add_fault(mem, &fault);
        refused(mem, cases[i].code, silt_store_outcome_name(cases[i].outcome),
                silt_store_op_name(cases[i].op));
    }
}

static void a_race_that_cannot_be_read_back_says_why(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_memory_fault fault = {
        .op = SILT_OP_GET, .key_part = "", .outcome = SILT_STORE_NOT_FOUND, .times = 1};
    silt_memory_add_fault(mem, &fault);
    fault.outcome = SILT_STORE_THROTTLED;
    silt_memory_add_fault(mem, &fault);
    refused(mem, SILT_E_THROTTLED, "throttled", "get");
}

/* ---- the archive's name ---- */

static void an_archive_keeps_its_first_name(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    char first[SILT_UUID_LEN] = "";
    char second[SILT_UUID_LEN] = "";
    CU_ASSERT_OK(silt_archive_open(&mem->store, first, NULL));
    CU_ASSERT_OK(silt_archive_open(&mem->store, second, NULL));
    CU_ASSERT_EQUAL(strlen(first), 32);
    CU_ASSERT_STRING_EQUAL(first, second);
    const struct silt_memory_object *object = silt_memory_find(mem, "_format.json");
    CU_ASSERT_EQUAL(strncmp(object->body, "{\"archive_id\":\"", 15), 0);
    CU_ASSERT_EQUAL(strncmp(object->body + 47, "\",\"created\":\"20", 15), 0);
    static const char end[] = "Z\",\"format\":\"silt-1\"}";
    size_t len = sizeof end - 1;
    CU_ASSERT_EQUAL(strncmp(object->body + object->len - len, end, len), 0);
    silt_store_free(&mem->store);
}

static void another_format_is_refused(void)
{
    static const struct {
        const char *body;
        enum silt_code code;
        const char *word;
    } cases[] = {
        {"{\"archive_id\":\"00112233445566778899aabbccddeeff\",\"format\":\"silt-2\"}",
         SILT_E_UNSUPPORTED, "format \"silt-2\", this silt writes \"silt-1\""},
        {"not JSON", SILT_E_UNSUPPORTED, "names no format"},
        {"{}", SILT_E_UNSUPPORTED, "names no format"},
        {"{\"format\":\"silt-1\"}", SILT_E_CORRUPT, "32 hex digits"},
        {"{\"format\":\"silt-1\",\"archive_id\":\"0011\"}", SILT_E_CORRUPT, "32 hex digits"},
        {"{\"format\":\"silt-1\",\"archive_id\":\"0011223344556677-899aabbccddeeff\"}",
         SILT_E_CORRUPT, "32 hex digits"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct silt_memory_store *mem = silt_memory_store_new();
        struct silt_err err = {0};
        char id[SILT_UUID_LEN] = "untouched";
        silt_memory_put(mem, "_format.json", silt_slice_str(cases[i].body));
        CU_ASSERT_FAILS(silt_archive_open(&mem->store, id, &err));
        CU_ASSERT_EQUAL(err.code, cases[i].code);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].word));
        CU_ASSERT_STRING_EQUAL(id, "untouched");
        silt_store_free(&mem->store);
    }
}

static void an_archive_that_cannot_be_opened_says_why(void)
{
    struct silt_memory_store *mem = silt_memory_store_new();
    struct silt_err err = {0};
    char id[SILT_UUID_LEN];
    struct silt_memory_fault fault = {
        .op = SILT_OP_PUT_NEW, .key_part = "", .outcome = SILT_STORE_DENIED, .times = 1};
    silt_memory_add_fault(mem, &fault);
    CU_ASSERT_FAILS(silt_archive_open(&mem->store, id, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_DENIED);
    fault.outcome = SILT_STORE_EXISTS;
    silt_memory_add_fault(mem, &fault);
    CU_ASSERT_FAILS(silt_archive_open(&mem->store, id, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_NOT_FOUND);
    silt_store_free(&mem->store);
}

SILT_TESTS(
    "probe", {"an honest store is accepted", an_honest_store_is_accepted},
    {"a store without If-None-Match is refused", a_store_without_if_none_match_is_refused},
    {"a store that is not atomic is refused", a_store_that_is_not_atomic_is_refused},
    {"a store that reads another body is refused", a_store_that_reads_another_body_is_refused},
    {"a key that exists and holds nothing is refused", a_body_of_nobody_is_refused},
    {"a store that forgets is refused", a_store_that_forgets_is_refused},
    {"lost answers are cleared up by reading", lost_answers_are_cleared_up_by_reading},
    {"rounds of conflicts are run again", rounds_of_conflicts_are_run_again},
    {"conflicts without end are refused", conflicts_without_end_are_refused},
    {"a conflict that was carried out is refused", a_conflict_that_was_carried_out_is_refused},
    {"403 for an absent key means the right to list is missing",
     forbidden_for_absent_means_the_right_to_list_is_missing},
    {"an object that was never written is refused", an_object_that_was_never_written_is_refused},
    {"a clock off by more than five minutes is refused",
     a_clock_off_by_more_than_five_minutes_is_refused},
    {"lifecycle rules must leave uploads and the log alone",
     lifecycle_rules_must_leave_uploads_and_the_log_alone},
    {"an unknown lifecycle is fine", an_unknown_lifecycle_is_fine},
    {"a store that cannot be asked says why", a_store_that_cannot_be_asked_says_why},
    {"a race that cannot be read back says why", a_race_that_cannot_be_read_back_says_why},
    {"an archive keeps its first name", an_archive_keeps_its_first_name},
    {"another format is refused", another_format_is_refused},
    {"an archive that cannot be opened says why", an_archive_that_cannot_be_opened_says_why})
