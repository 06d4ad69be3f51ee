#include "creds_fetch_int.h"

#include "base/alloc.h"
#include "harness.h"

#include <stdio.h>
#include <string.h>

#define NOW ((int64_t)1767225600000) /* 2026-01-01T00:00:00Z */
#define LATER "2026-01-01T01:00:00Z"
#define STS(a, s, t, e)                                                      \
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>" a     \
    "</AccessKeyId><SecretAccessKey>" s "</SecretAccessKey><SessionToken>" t \
    "</SessionToken><Expiration>" e                                          \
    "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
#define JSON(a, s, t, e)                                                      \
    "{\"AccessKeyId\":\"" a "\",\"SecretAccessKey\":\"" s "\",\"Token\":\"" t \
    "\",\"Expiration\":\"" e "\"}"

static struct silt_creds_plan plan;
static struct silt_creds_fetch fetch;
static struct silt_err err;

static void begin_with(enum silt_creds_source source)
{
    silt_creds_fetch_done(&fetch);
    silt_creds_plan_done(&plan);
    err = (struct silt_err){0};
    plan = (struct silt_creds_plan){.source = source, .origin = silt_strdup("origin")};
    plan.sts_url = silt_strdup("http://sts.test:1");
    plan.region = silt_strdup("eu-west-1");
}

static void done(void)
{
    silt_creds_fetch_done(&fetch);
    silt_creds_plan_done(&plan);
}

static enum silt_creds_act go(void)
{
    silt_creds_fetch_init(&fetch, &plan);
    return silt_creds_fetch_begin(&fetch, NOW, &err);
}

static enum silt_creds_act answer(int status, const char *body)
{
    return silt_creds_fetch_answer(&fetch, status, silt_slice_str(body), NOW, &err);
}

static const char *header_of(const char *name)
{
    for (unsigned i = 0; i < fetch.headers_n; i++)
        if (strcmp(fetch.headers[i].name, name) == 0) return fetch.headers[i].value;
    return "";
}

static bool got(const char *key, const char *secret, const char *token, int64_t expires_ms)
{
    return strcmp(fetch.creds.access_key, key) == 0 &&
           strcmp(silt_secret_reveal(&fetch.creds.secret_key), secret) == 0 &&
           strcmp(silt_secret_reveal(&fetch.creds.session_token), token) == 0 &&
           fetch.creds.expires_ms == expires_ms;
}

static void keys(const char *access_key, const char *secret, const char *token)
{
    begin_with(SILT_CREDS_KEYS);
    plan.access_key = silt_strdup(access_key);
    silt_secret_set(&plan.secret_key, secret);
    silt_secret_set(&plan.session_token, token);
}

static void hop(const char *arn, const char *external_id)
{
    plan.hops[plan.hops_n++] = (struct silt_creds_role){.arn = silt_strdup(arn),
                                                        .session_name = silt_strdup("pod"),
                                                        .external_id = silt_strdup(external_id)};
}

static void web(void)
{
    begin_with(SILT_CREDS_WEB_IDENTITY);
    plan.token_file = silt_strdup("/token");
    plan.web_role = (struct silt_creds_role){.arn = silt_strdup("arn:aws:iam::1:role/a b"),
                                             .session_name = silt_strdup("pod"),
                                             .external_id = silt_strdup("")};
    CU_ASSERT_EQUAL(go(), SILT_CREDS_READ);
}

static void keys_are_there_at_once(void)
{
    keys("AKID", "secret", "");
    CU_ASSERT_EQUAL(go(), SILT_CREDS_DONE);
    CU_ASSERT(got("AKID", "secret", "", 0));
    keys("AKID", "sec ret", "");
    CU_ASSERT_EQUAL(go(), SILT_CREDS_FAILED);
    CU_ASSERT_EQUAL(err.code, SILT_E_CONFIG);
    CU_ASSERT_STRING_EQUAL(err.text, "origin: no usable keys");
    keys("", "secret", "");
    CU_ASSERT_EQUAL(go(), SILT_CREDS_FAILED);
    keys("AKID", "secret", "to\nken");
    CU_ASSERT_EQUAL(go(), SILT_CREDS_FAILED);
    done();
}

static void a_web_identity_is_shown_to_sts(void)
{
    web();
    CU_ASSERT_EQUAL(silt_creds_fetch_read(&fetch, "ey.J.w+/=\n", &err), SILT_CREDS_SEND);
    CU_ASSERT_STRING_EQUAL(fetch.method, "POST");
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&fetch.url), "http://sts.test:1/");
    CU_ASSERT_STRING_EQUAL(header_of("Host"), "sts.test:1");
    CU_ASSERT_STRING_EQUAL(header_of("Authorization"), "");
    CU_ASSERT_STRING_EQUAL(
        silt_buf_str(&fetch.body),
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole"
        "%2Fa%20b&RoleSessionName=pod&WebIdentityToken=ey.J.w%2B%2F%3D");
    CU_ASSERT_EQUAL(answer(200, STS("ASIA", "s", "t", LATER)), SILT_CREDS_DONE);
    CU_ASSERT(got("ASIA", "s", "t", NOW + 3600000));
    done();
}

static void a_token_that_is_none_is_not_shown(void)
{
    static const char *const odd[] = {"", "\n", "two\nlines", "a b", "a\x7f"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        web();
        CU_ASSERT_EQUAL(silt_creds_fetch_read(&fetch, odd[i], &err), SILT_CREDS_FAILED);
        CU_ASSERT(strstr(err.text, "token is empty") != NULL);
    }
    done();
}

static void roles_are_assumed_one_with_the_other(void)
{
    keys("AKID", "secret", "");
    hop("arn:last", "x 1");
    hop("arn:first", "");
    CU_ASSERT_EQUAL(go(), SILT_CREDS_SEND);
    CU_ASSERT_STRING_EQUAL(
        silt_buf_str(&fetch.body),
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Afirst&RoleSessionName=pod");
    CU_ASSERT(strstr(header_of("Authorization"),
                     "Credential=AKID/20260101/eu-west-1/sts/aws4_request, "
                     "SignedHeaders=content-type;host;x-amz-date, Signature=") != NULL);
    CU_ASSERT_STRING_EQUAL(header_of("X-Amz-Security-Token"), "");
    CU_ASSERT_EQUAL(answer(200, STS("ASIA1", "s1", "t1", LATER)), SILT_CREDS_SEND);
    CU_ASSERT_STRING_EQUAL(
        silt_buf_str(&fetch.body),
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Alast&RoleSessionName=pod"
        "&ExternalId=x%201");
    CU_ASSERT(strstr(header_of("Authorization"), "Credential=ASIA1/") != NULL);
    CU_ASSERT_STRING_EQUAL(header_of("X-Amz-Security-Token"), "t1");
    CU_ASSERT_EQUAL(answer(200, STS("ASIA2", "s2", "t2", LATER)), SILT_CREDS_DONE);
    CU_ASSERT(got("ASIA2", "s2", "t2", NOW + 3600000));
    done();
}

static void the_signature_covers_the_body(void)
{
    keys("AKID", "secret", "");
    hop("arn:a", "");
    CU_ASSERT_EQUAL(go(), SILT_CREDS_SEND);
    char *first silt_auto(silt_free_auto) = silt_strdup(header_of("Authorization"));
    keys("AKID", "secret", "");
    hop("arn:b", "");
    CU_ASSERT_EQUAL(go(), SILT_CREDS_SEND);
    CU_ASSERT(strcmp(first, header_of("Authorization")) != 0);
    done();
}

static void refused_by_sts(int status, const char *body, enum silt_code code, const char *text)
{
    web();
    (void)silt_creds_fetch_read(&fetch, "token", &err);
    CU_ASSERT_EQUAL(answer(status, body), SILT_CREDS_FAILED);
    CU_ASSERT_EQUAL(err.code, code);
    CU_ASSERT(strstr(err.text, text) != NULL);
    if (!strstr(err.text, text)) printf("\n    said: %s\n", err.text);
}

static void what_sts_refuses_is_told(void)
{
    refused_by_sts(403,
                   "<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not you</Message>"
                   "</Error></ErrorResponse>",
                   SILT_E_AUTH, "origin: http://sts.test:1/ answered 403 AccessDenied: Not you");
    refused_by_sts(400, "garbage", SILT_E_AUTH, "answered 400");
    refused_by_sts(503, "", SILT_E_UNAVAILABLE, "answered 503");
    refused_by_sts(429, "", SILT_E_UNAVAILABLE, "answered 429");
    refused_by_sts(301, "", SILT_E_UNAVAILABLE, "answered 301");
    done();
}

static void what_sts_says_is_checked(void)
{
    refused_by_sts(200, "garbage", SILT_E_UNAVAILABLE, "no XML");
    refused_by_sts(200, "<AssumeRoleResponse><Credentials>", SILT_E_UNAVAILABLE, "no XML");
    refused_by_sts(200, STS("", "s", "t", LATER), SILT_E_UNAVAILABLE, "no usable keys");
    refused_by_sts(200, STS("a", "", "t", LATER), SILT_E_UNAVAILABLE, "no usable keys");
    refused_by_sts(200, STS("a b", "s", "t", LATER), SILT_E_UNAVAILABLE, "no usable keys");
    refused_by_sts(200, STS("a", "s", "t&#10;x", LATER), SILT_E_UNAVAILABLE, "no usable keys");
    refused_by_sts(200, STS("a", "s", "t", ""), SILT_E_UNAVAILABLE, "without an Expiration");
    refused_by_sts(200, STS("a", "s", "t", "soon"), SILT_E_UNAVAILABLE, "is no time");
    refused_by_sts(200, STS("a", "s", "t", "2025-12-31T23:59:59Z"), SILT_E_UNAVAILABLE,
                   "expired already");
    refused_by_sts(200,
                   "<AccessKeyId><AccessKeyId>a</AccessKeyId><Credentials><Expiration>" LATER
                   "</Expiration></Credentials></AccessKeyId>",
                   SILT_E_UNAVAILABLE, "no usable keys");
    static char body[12000];
    snprintf(body, sizeof body,
             "<r><Credentials><AccessKeyId>a</AccessKeyId><SessionToken>%05000d</SessionToken>"
             "</Credentials></r>",
             1);
    refused_by_sts(200, body, SILT_E_UNAVAILABLE, "no XML");
    snprintf(body, sizeof body,
             "<r><Credentials><AccessKeyId>%0300d</AccessKeyId><SecretAccessKey>s"
             "</SecretAccessKey><Expiration>" LATER "</Expiration></Credentials></r>",
             1);
    refused_by_sts(200, body, SILT_E_UNAVAILABLE, "no usable keys");
    done();
}

static void container(const char *authorization, const char *file)
{
    begin_with(SILT_CREDS_CONTAINER);
    plan.url = silt_strdup("http://127.0.0.1/creds");
    silt_secret_set(&plan.authorization, authorization);
    if (file) plan.token_file = silt_strdup(file);
}

static void a_container_endpoint_answers_json(void)
{
    container("Bearer", NULL);
    CU_ASSERT_EQUAL(go(), SILT_CREDS_SEND);
    CU_ASSERT_STRING_EQUAL(fetch.method, "GET");
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&fetch.url), "http://127.0.0.1/creds");
    CU_ASSERT_STRING_EQUAL(header_of("Authorization"), "Bearer");
    CU_ASSERT_EQUAL(answer(200, JSON("ASIA", "s", "t", LATER)), SILT_CREDS_DONE);
    CU_ASSERT(got("ASIA", "s", "t", NOW + 3600000));
    container(NULL, NULL);
    CU_ASSERT_EQUAL(go(), SILT_CREDS_SEND);
    CU_ASSERT_EQUAL(fetch.headers_n, 0);
    CU_ASSERT_EQUAL(answer(200, "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"s\"}"),
                    SILT_CREDS_DONE);
    CU_ASSERT(got("a", "s", "", 0));
    container(NULL, "/t");
    hop("arn:role", "");
    CU_ASSERT_EQUAL(go(), SILT_CREDS_READ);
    CU_ASSERT_EQUAL(silt_creds_fetch_read(&fetch, "word", &err), SILT_CREDS_SEND);
    CU_ASSERT_STRING_EQUAL(header_of("Authorization"), "word");
    CU_ASSERT_EQUAL(answer(200, JSON("ASIA", "s", "t", LATER)), SILT_CREDS_SEND);
    CU_ASSERT_STRING_EQUAL(fetch.method, "POST");
    container(NULL, "/t");
    CU_ASSERT_EQUAL(go(), SILT_CREDS_READ);
    CU_ASSERT_EQUAL(silt_creds_fetch_read(&fetch, "", &err), SILT_CREDS_FAILED);
    container("two words", NULL);
    CU_ASSERT_EQUAL(go(), SILT_CREDS_FAILED);
    done();
}

static void refused_by_container(int status, const char *body, const char *text)
{
    container(NULL, NULL);
    (void)go();
    CU_ASSERT_EQUAL(answer(status, body), SILT_CREDS_FAILED);
    CU_ASSERT(strstr(err.text, text) != NULL);
    if (!strstr(err.text, text)) printf("\n    said: %s\n", err.text);
}

static void what_a_container_endpoint_says_is_checked(void)
{
    refused_by_container(200, "", "no usable keys");
    refused_by_container(200, "[]", "no usable keys");
    refused_by_container(200, "{\"AccessKeyId\":1}", "no usable keys");
    refused_by_container(200, "{\"AccessKeyId\":\"a\",\"AccessKeyId\":\"b\"", "no usable keys");
    refused_by_container(200, JSON("a", "s", "t", "never"), "is no time");
    refused_by_container(500, "oops", "answered 500");
    refused_by_container(302, "", "answered 302");
    refused_by_container(403, "{\"Code\":\"Denied\",\"Message\":\"no role\"}",
                         "answered 403 Denied: no role");
    refused_by_container(200, "{\"Code\":\"Failed\",\"Message\":\"later\"}", "Failed: later");
    done();
}

static void instance(void)
{
    begin_with(SILT_CREDS_INSTANCE);
    plan.url = silt_strdup("http://imds");
    CU_ASSERT_EQUAL(go(), SILT_CREDS_SEND);
}

static void an_instance_is_asked_with_a_session(void)
{
    instance();
    CU_ASSERT_STRING_EQUAL(fetch.method, "PUT");
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&fetch.url), "http://imds/latest/api/token");
    CU_ASSERT_STRING_EQUAL(header_of("X-aws-ec2-metadata-token-ttl-seconds"), "21600");
    CU_ASSERT_EQUAL(answer(200, "SESSION"), SILT_CREDS_SEND);
    CU_ASSERT_STRING_EQUAL(fetch.method, "GET");
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&fetch.url),
                           "http://imds/latest/meta-data/iam/security-credentials/");
    CU_ASSERT_STRING_EQUAL(header_of("X-aws-ec2-metadata-token"), "SESSION");
    CU_ASSERT_EQUAL(answer(200, "role-1\nrole-2"), SILT_CREDS_SEND);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&fetch.url),
                           "http://imds/latest/meta-data/iam/security-credentials/role-1");
    CU_ASSERT_STRING_EQUAL(header_of("X-aws-ec2-metadata-token"), "SESSION");
    CU_ASSERT_EQUAL(answer(200, "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIA\","
                                "\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"" LATER
                                "\"}"),
                    SILT_CREDS_DONE);
    CU_ASSERT(got("ASIA", "s", "t", NOW + 3600000));
    done();
}

static void what_an_instance_refuses_is_told(void)
{
    instance();
    CU_ASSERT_EQUAL(answer(403, ""), SILT_CREDS_FAILED);
    CU_ASSERT(strstr(err.text, "no session for IMDSv2") != NULL);
    instance();
    CU_ASSERT_EQUAL(answer(200, "two words"), SILT_CREDS_FAILED);
    CU_ASSERT(strstr(err.text, "is no token") != NULL);
    instance();
    (void)answer(200, "SESSION");
    CU_ASSERT_EQUAL(answer(404, ""), SILT_CREDS_FAILED);
    CU_ASSERT(strstr(err.text, "has no role; attach one") != NULL);
    instance();
    (void)answer(200, "SESSION");
    CU_ASSERT_EQUAL(answer(500, ""), SILT_CREDS_FAILED);
    CU_ASSERT_EQUAL(err.code, SILT_E_UNAVAILABLE);
    static const char *const odd[] = {"", "../../x", "a b", "a?b", "a#b"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        instance();
        (void)answer(200, "SESSION");
        CU_ASSERT_EQUAL(answer(200, odd[i]), SILT_CREDS_FAILED);
        CU_ASSERT(strstr(err.text, "is no name") != NULL);
    }
    done();
}

static void no_answer_says_where_and_what_to_look_at(void)
{
    instance();
    CU_ASSERT_EQUAL(silt_creds_fetch_unanswered(&fetch, "timed out", &err), SILT_CREDS_FAILED);
    CU_ASSERT_EQUAL(err.code, SILT_E_AUTH);
    CU_ASSERT(strstr(err.text, "no AWS credentials in") && strstr(err.text, "(timed out)") &&
              strstr(err.text, "hop limit to 2"));
    container(NULL, NULL);
    (void)go();
    CU_ASSERT_EQUAL(silt_creds_fetch_unanswered(&fetch, "timed out", &err), SILT_CREDS_FAILED);
    CU_ASSERT_EQUAL(err.code, SILT_E_UNAVAILABLE);
    CU_ASSERT_STRING_EQUAL(err.text, "origin: http://127.0.0.1/creds: timed out");
    done();
}

SILT_TESTS("creds_fetch", {"keys are there at once", keys_are_there_at_once},
           {"a web identity is shown to STS", a_web_identity_is_shown_to_sts},
           {"a token that is none is not shown", a_token_that_is_none_is_not_shown},
           {"roles are assumed one with the other", roles_are_assumed_one_with_the_other},
           {"the signature covers the body", the_signature_covers_the_body},
           {"what STS refuses is told", what_sts_refuses_is_told},
           {"what STS says is checked", what_sts_says_is_checked},
           {"a container endpoint answers JSON", a_container_endpoint_answers_json},
           {"what a container endpoint says is checked", what_a_container_endpoint_says_is_checked},
           {"an instance is asked with a session", an_instance_is_asked_with_a_session},
           {"what an instance refuses is told", what_an_instance_refuses_is_told},
           {"no answer says where, and what to look at", no_answer_says_where_and_what_to_look_at})
