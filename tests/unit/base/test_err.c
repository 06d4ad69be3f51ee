#include "base/err.h"

#include "child.h"
#include "harness.h"

static SILT_RC fails(struct silt_err *err, int part)
{
    SILT_FAIL(err, TIMEOUT, "part %d of %s", part, "a/b");
}

static SILT_RC fails_without_words(struct silt_err *err)
{
    SILT_FAIL(err, THROTTLED, "%s", "");
}

static SILT_RC passes(void)
{
    return SILT_OK;
}

static SILT_RC forwards(int *steps, struct silt_err *err)
{
    SILT_TRY(passes());
    (*steps)++;
    SILT_TRY(fails(err, 3));
    (*steps)++;
    return SILT_OK;
}

static void says_what_and_where(void)
{
    struct silt_err err = {.sys = 5, .retry_after_ms = 9};
    CU_ASSERT_FAILS(fails(&err, 7));
    CU_ASSERT_EQUAL(err.code, SILT_E_TIMEOUT);
    CU_ASSERT_STRING_EQUAL(err.text, "part 7 of a/b");
    CU_ASSERT_PTR_NOT_NULL(strstr(err.file, "test_err.c"));
    CU_ASSERT(err.line > 0);
    CU_ASSERT_EQUAL(err.sys, 0);
    CU_ASSERT_EQUAL(err.retry_after_ms, 0);
}

static void an_empty_text_becomes_the_tables(void)
{
    struct silt_err err;
    CU_ASSERT_FAILS(fails_without_words(&err));
    CU_ASSERT_STRING_EQUAL(err.text, "asked to slow down");
}

static void nobody_needs_to_listen(void)
{
    CU_ASSERT_FAILS(fails(NULL, 1));
    silt_err_context(NULL, "topic %s", "t");
}

static void forwarding_stops_at_the_first_failure(void)
{
    struct silt_err err;
    int steps = 0;
    CU_ASSERT_FAILS(forwards(&steps, &err));
    CU_ASSERT_EQUAL(steps, 1);
    CU_ASSERT_STRING_EQUAL(err.text, "part 3 of a/b");
}

static void context_goes_in_front_and_keeps_the_code(void)
{
    struct silt_err err;
    CU_ASSERT_FAILS(fails(&err, 7));
    silt_err_context(&err, "topic %s", "readings");
    CU_ASSERT_STRING_EQUAL(err.text, "topic readings: part 7 of a/b");
    CU_ASSERT_EQUAL(err.code, SILT_E_TIMEOUT);
}

static void long_texts_are_cut(void)
{
    struct silt_err err;
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    CU_ASSERT_FAILS(silt_err_set(&err, SILT_E_NETWORK, "f", 1, "%s", text));
    CU_ASSERT_EQUAL(strlen(err.text), sizeof err.text - 1);
    silt_err_context(&err, "%s", text);
    CU_ASSERT_EQUAL(strlen(err.text), sizeof err.text - 1);
}

static void an_error_may_quote_itself(void)
{
    struct silt_err err;
    CU_ASSERT_FAILS(fails(&err, 7));
    CU_ASSERT_FAILS(silt_err_set(&err, SILT_E_DENIED, "f", 1, "gave up: %s", err.text));
    CU_ASSERT_STRING_EQUAL(err.text, "gave up: part 7 of a/b");
}

static void the_table_knows_name_type_and_action(void)
{
    CU_ASSERT_STRING_EQUAL(silt_code_name(SILT_E_NONE), "NONE");
    CU_ASSERT_STRING_EQUAL(silt_code_name(SILT_E_TIMEOUT), "TIMEOUT");
    CU_ASSERT_STRING_EQUAL(silt_code_failure_type(SILT_E_TIMEOUT), "timeout");
    CU_ASSERT_STRING_EQUAL(silt_code_failure_type(SILT_E_DENIED), "auth_error");
    CU_ASSERT_EQUAL(silt_code_action(SILT_E_TIMEOUT), SILT_ACT_RETRY);
    CU_ASSERT_EQUAL(silt_code_action(SILT_E_UNAVAILABLE), SILT_ACT_HOLD);
    CU_ASSERT_EQUAL(silt_code_action(SILT_E_INVALID), SILT_ACT_REJECT);
    CU_ASSERT_EQUAL(silt_code_action(SILT_E_FENCED), SILT_ACT_FENCED);
    CU_ASSERT_EQUAL(silt_code_action(SILT_E_CONFIG), SILT_ACT_FATAL);
    CU_ASSERT_EQUAL(silt_code_action(SILT_E_INTERNAL), SILT_ACT_BUG);
}

static void asserts_a_lie(void)
{
    int records = 3;
    SILT_ASSERT(records == 4);
}

static void asserts_the_truth(void)
{
    int records = 4;
    SILT_ASSERT(records == 4);
}

static void an_assertion_names_itself_and_aborts(void)
{
    char text[512];
    int status = child_run(asserts_a_lie, text, sizeof text);
    CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "internal error: records == 4 does not hold at "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "test_err.c:"));
    CU_ASSERT_EQUAL(child_run(asserts_the_truth, text, sizeof text), 0);
}

SILT_TESTS("err", {"says what and where", says_what_and_where},
           {"an empty text becomes the table's", an_empty_text_becomes_the_tables},
           {"nobody needs to listen", nobody_needs_to_listen},
           {"forwarding stops at the first failure", forwarding_stops_at_the_first_failure},
           {"context goes in front and keeps the code", context_goes_in_front_and_keeps_the_code},
           {"long texts are cut", long_texts_are_cut},
           {"an error may quote itself", an_error_may_quote_itself},
           {"the table knows name, failure type and action", the_table_knows_name_type_and_action},
           {"an assertion names itself and aborts", an_assertion_names_itself_and_aborts})
