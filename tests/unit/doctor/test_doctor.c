#include "doctor_int.h"

#include "harness.h"

#include <stdio.h>
#include <string.h>

/* --- what depends on what -------------------------------------------------------------------- */

static void nothing(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    (void)doctor;
    (void)result;
}

static const struct silt_doctor_check free_one = {"free", nothing, NULL};
static const struct silt_doctor_check bound = {"bound", nothing, "second"};

static bool may_run(enum silt_doctor_state second, struct silt_doctor_result *ret_result)
{
    const struct silt_doctor_result before[] = {
        {.name = "first", .state = SILT_DOCTOR_FAILED, .finding = "another one's"},
        {.name = "second", .state = second, .finding = "is off"}};
    return silt_check_may_run(&bound, before, 2, ret_result);
}

static void a_check_without_needs_runs(void)
{
    const struct silt_doctor_result failed = {.name = "second", .state = SILT_DOCTOR_FAILED};
    struct silt_doctor_result result;
    CU_ASSERT(silt_check_may_run(&free_one, &failed, 1, &result));
    CU_ASSERT_STRING_EQUAL(result.name, "free");
    CU_ASSERT_EQUAL(result.state, SILT_DOCTOR_OK);
}

static void a_warning_stops_nobody(void)
{
    struct silt_doctor_result result;
    CU_ASSERT(may_run(SILT_DOCTOR_OK, &result));
    CU_ASSERT(may_run(SILT_DOCTOR_WARNING, &result));
    CU_ASSERT_EQUAL(result.state, SILT_DOCTOR_OK);
}

static void what_failed_is_named_to_those_who_need_it(void)
{
    struct silt_doctor_result result;
    CU_ASSERT(!may_run(SILT_DOCTOR_FAILED, &result));
    CU_ASSERT_EQUAL(result.state, SILT_DOCTOR_SKIPPED);
    CU_ASSERT_STRING_EQUAL(result.finding, "second failed");
    CU_ASSERT_STRING_EQUAL(result.mend, "");
}

static void a_reason_to_skip_is_handed_on(void)
{
    struct silt_doctor_result result;
    CU_ASSERT(!may_run(SILT_DOCTOR_SKIPPED, &result));
    CU_ASSERT_EQUAL(result.state, SILT_DOCTOR_SKIPPED);
    CU_ASSERT_STRING_EQUAL(result.finding, "is off");
}

static void a_chosen_check_brings_what_it_needs(void)
{
    static const struct silt_doctor_check table[] = {{"a.one", nothing, NULL},
                                                     {"a.two", nothing, "a.one"},
                                                     {"b", nothing, NULL},
                                                     {"c", nothing, "a.two"}};
    static const char *const c[] = {"c"};
    static const char *const b_a[] = {"b", "a.o"};
    static const char *const wrong[] = {"b", "d"};
    bool chosen[4];
    CU_ASSERT_PTR_NULL(silt_checks_choose(table, 4, c, 1, chosen));
    CU_ASSERT(chosen[0] && chosen[1] && !chosen[2] && chosen[3]);
    CU_ASSERT_PTR_NULL(silt_checks_choose(table, 4, b_a, 2, chosen));
    CU_ASSERT(chosen[0] && !chosen[1] && chosen[2] && !chosen[3]);
    CU_ASSERT_PTR_NULL(silt_checks_choose(table, 4, NULL, 0, chosen));
    CU_ASSERT(chosen[0] && chosen[1] && chosen[2] && chosen[3]);
    CU_ASSERT_STRING_EQUAL(silt_checks_choose(table, 4, wrong, 2, chosen), "d");
}

/* --- a visit --------------------------------------------------------------------------------- */

struct seen {
    char text[4096];
    unsigned n;
};

static void note(void *ctx, const struct silt_doctor_result *result)
{
    struct seen *seen = ctx;
    const size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof seen->text - len, "%s %s\n", result->name,
             silt_doctor_state_name(result->state));
    seen->n++;
}

static void what_does_not_answer_stops_only_what_needs_it(void)
{
    static const char *const topics[] = {"sensors"};
    char root[300];
    struct seen seen = {0};
    snprintf(root, sizeof root, "file://%s", silt_test_dir());
    const struct silt_doctor_opts opts = {
        .consumer = {.brokers = "127.0.0.1:1", .group = "g", .topics = topics, .topics_n = 1},
        .decoder = {.registry_url = "http://127.0.0.1:1"},
        .store = {.root = root}};
    CU_ASSERT_OK(silt_doctor_run(&opts, note, &seen, NULL));
    CU_ASSERT_STRING_EQUAL(seen.text, "aws.credentials ok\n"
                                      "kafka.brokers failed\n"
                                      "kafka.topics skipped\n"
                                      "kafka.retention skipped\n"
                                      "kafka.group skipped\n"
                                      "kafka.dead_letters skipped\n"
                                      "schema.files ok\n"
                                      "schema.registry failed\n"
                                      "schema.subjects skipped\n"
                                      "store.bucket ok\n"
                                      "store.clock ok\n"
                                      "store.list ok\n"
                                      "store.write ok\n"
                                      "store.read ok\n"
                                      "store.races ok\n"
                                      "store.uploads ok\n"
                                      "store.lifecycle skipped\n"
                                      "postgres.connection skipped\n"
                                      "postgres.rights skipped\n"
                                      "cloudwatch skipped\n");
}

SILT_TESTS("doctor", {"a check without needs runs", a_check_without_needs_runs},
           {"a warning stops nobody", a_warning_stops_nobody},
           {"what failed is named to those who need it", what_failed_is_named_to_those_who_need_it},
           {"a reason to skip is handed on", a_reason_to_skip_is_handed_on},
           {"a chosen check brings what it needs", a_chosen_check_brings_what_it_needs},
           {"what does not answer stops only what needs it",
            what_does_not_answer_stops_only_what_needs_it})
