#include "registry_json_int.h"

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct silt_registry_answer read_text(int status, const char *body)
{
    struct silt_registry_answer answer;
    silt_registry_read(status, silt_slice_str(body), &answer);
    return answer;
}

static void is(int status, const char *body, enum silt_registry_kind kind, const char *word)
{
    struct silt_registry_answer answer = read_text(status, body);
    CU_ASSERT_EQUAL(answer.kind, kind);
    CU_ASSERT_PTR_NOT_NULL(strstr(answer.text, word));
    CU_ASSERT_NOT_EQUAL(answer.code, SILT_E_NONE);
    silt_registry_answer_done(&answer);
}

static void finds(const char *body, const char *schema)
{
    struct silt_registry_answer answer = read_text(200, body);
    CU_ASSERT_EQUAL(answer.kind, SILT_REGISTRY_FOUND);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&answer.schema), schema);
    silt_registry_answer_done(&answer);
}

static void the_schema_is_the_text_in_the_text(void)
{
    finds("{\"schema\":\"\\\"int\\\"\"}", "\"int\"");
    finds("{\"schema\":\"\\\"int\\\"\",\"schemaType\":\"AVRO\",\"references\":[],\"x\":1}",
          "\"int\"");
    finds("{\"schema\":\"\\\"int\\\"\",\"schemaType\":null,\"references\":null}", "\"int\"");
    finds("{\"schema\":\"{\\\"default\\\":\\\"\\\\u0000\\\"}\"}", "{\"default\":\"\\u0000\"}");
}

static void only_its_own_404_makes_an_id_unknown(void)
{
    is(404, "{\"error_code\":40403,\"message\":\"Schema not found\"}", SILT_REGISTRY_UNKNOWN,
       "does not know");
    is(404, "{\"error_code\":40401}", SILT_REGISTRY_UNKNOWN, "does not know");
    is(404, "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}", SILT_REGISTRY_OUTAGE,
       "path");
    is(404, "{\"error_code\":50001}", SILT_REGISTRY_OUTAGE, "path");
    is(404, "{\"error_code\":\"40403\"}", SILT_REGISTRY_OUTAGE, "path");
    is(404, "{}", SILT_REGISTRY_OUTAGE, "path");
    is(404, "[40403]", SILT_REGISTRY_OUTAGE, "path");
    is(404, "<html>40403</html>", SILT_REGISTRY_OUTAGE, "path");
    is(404, "", SILT_REGISTRY_OUTAGE, "path");
    is(503, "{\"error_code\":40403}", SILT_REGISTRY_OUTAGE, "503");
}

static void garbage_with_200_is_an_outage(void)
{
    is(200, "", SILT_REGISTRY_OUTAGE, "without a \"schema\"");
    is(200, "<html>please log in</html>", SILT_REGISTRY_OUTAGE, "without a \"schema\"");
    is(200, "{\"schema\":\"\\\"int", SILT_REGISTRY_OUTAGE, "without a \"schema\"");
    is(200, "{\"schema\":7}", SILT_REGISTRY_OUTAGE, "without a \"schema\"");
    is(200, "[]", SILT_REGISTRY_OUTAGE, "without a \"schema\"");
    is(200, "{\"error_code\":40403}", SILT_REGISTRY_OUTAGE, "without a \"schema\"");
}

static void refusals_are_outages_of_their_kind(void)
{
    is(500, "", SILT_REGISTRY_OUTAGE, "HTTP 500");
    is(302, "", SILT_REGISTRY_OUTAGE, "HTTP 302");
    CU_ASSERT_EQUAL(read_text(500, "").code, SILT_E_UNAVAILABLE);
    CU_ASSERT_EQUAL(read_text(401, "").code, SILT_E_AUTH);
    CU_ASSERT_EQUAL(read_text(403, "").code, SILT_E_DENIED);
    CU_ASSERT_EQUAL(read_text(429, "").code, SILT_E_THROTTLED);
}

static void other_kinds_of_schema_are_unusable(void)
{
    is(200, "{\"schema\":\"syntax\",\"schemaType\":\"PROTOBUF\"}", SILT_REGISTRY_UNUSABLE,
       "PROTOBUF");
    is(200, "{\"schema\":\"s\",\"schemaType\":\"\\u001b[1m\\u00fc\"}", SILT_REGISTRY_UNUSABLE,
       "\"?[1m??\"");
}

static void references_name_subject_and_version(void)
{
    struct silt_registry_answer answer =
        read_text(200, "{\"schema\":\"s\",\"references\":[{\"name\":\"n\",\"subject\":\"a\","
                       "\"version\":1},{\"subject\":\"b\",\"version\":2147483647}]}");
    CU_ASSERT_EQUAL(answer.kind, SILT_REGISTRY_FOUND);
    CU_ASSERT_EQUAL(answer.references_n, 2);
    CU_ASSERT_STRING_EQUAL(answer.references[0].subject, "a");
    CU_ASSERT_EQUAL(answer.references[0].version, 1);
    CU_ASSERT_STRING_EQUAL(answer.references[1].subject, "b");
    CU_ASSERT_EQUAL(answer.references[1].version, 2147483647);
    silt_registry_answer_done(&answer);
    static const char *const bad[] = {
        "{\"name\":\"common.avsc\"}", "7", "{\"subject\":\"a\",\"version\":1},{\"version\":1}",
        "{\"subject\":\"a\",\"version\":0}", "{\"subject\":\"a\",\"version\":2147483648}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char body[200];
        snprintf(body, sizeof body, "{\"schema\":\"s\",\"references\":[%s]}", bad[i]);
        is(200, body, SILT_REGISTRY_UNUSABLE, "a reference without subject and version");
    }
}

static void mutated_answers_never_crash(void)
{
    static const char good[] =
        "{\"schema\":\"\\\"int\\\"\",\"schemaType\":\"AVRO\",\"references\":[{"
        "\"subject\":\"a\",\"version\":1}],\"error_code\":40403}";
    for (int round = 0; round < 20000; round++) {
        char *copy = strdup(good);
        if (!copy) abort();
        for (long n = random() % 4; n > 0; n--)
            copy[(size_t)random() % (sizeof good - 1)] = (char)random();
        struct silt_registry_answer answer;
        silt_registry_read(round % 2 ? 200 : 404,
                           silt_slice_of(copy, (size_t)random() % sizeof good), &answer);
        silt_registry_answer_done(&answer);
        free(copy);
    }
    CU_PASS("no crash");
}

SILT_TESTS("registry_json",
           {"the schema is the text in the text", the_schema_is_the_text_in_the_text},
           {"only its own 404 makes an id unknown", only_its_own_404_makes_an_id_unknown},
           {"garbage with 200 is an outage", garbage_with_200_is_an_outage},
           {"refusals are outages of their kind", refusals_are_outages_of_their_kind},
           {"references name subject and version", references_name_subject_and_version},
           {"other kinds of schema are unusable", other_kinds_of_schema_are_unusable},
           {"mutated answers never crash", mutated_answers_never_crash})
