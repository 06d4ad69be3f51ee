#include "net/msk_token.h"

#include "base/random.h"
#include "base/version.h"
#include "harness.h"

#include <string.h>

#define NOW_MS INT64_C(1767323045000)

/* Signatures as botocore 1.44 gives them (SigV4QueryAuth, expires 900). */
static const struct {
    const char *region;
    const char *key;
    const char *secret;
    const char *session; /* NULL: long-lived keys */
    const char *query;
} vectors[] = {
    {"eu-west-1", "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL,
     "X-Amz-Credential=AKIDEXAMPLE%2F20260102%2Feu-west-1%2Fkafka-cluster%2Faws4_request"
     "&X-Amz-Date=20260102T030405Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host"
     "&X-Amz-Signature=7cc178453342e479def8e0e69cbff443ca929b5b0426af0f4b64554172c7195d"},
    {"us-east-1", "ASIAEXAMPLE", "secret", "FwoGZ/token+with=signs==",
     "X-Amz-Credential=ASIAEXAMPLE%2F20260102%2Fus-east-1%2Fkafka-cluster%2Faws4_request"
     "&X-Amz-Date=20260102T030405Z&X-Amz-Expires=900"
     "&X-Amz-Security-Token=FwoGZ%2Ftoken%2Bwith%3Dsigns%3D%3D&X-Amz-SignedHeaders=host"
     "&X-Amz-Signature=e75c59cc97fcefde9b890570a17ae27ae45dd7c1c140bbe84af6a469f70246d7"},
};

/* From base64url without padding. */
static void decode(const struct silt_buf *token, char *ret_url, size_t room)
{
    char text[2000];
    CU_ASSERT(token->len + 4 < sizeof text);
    memcpy(text, token->data, token->len + 1);
    CU_ASSERT_EQUAL(strcspn(text, "+/="), token->len);
    for (char *c = text; *c; c++) {
        if (*c == '-') *c = '+';
        if (*c == '_') *c = '/';
    }
    while (strlen(text) % 4) strcat(text, "=");
    CU_ASSERT(strlen(text) * 3 / 4 < room);
    const long len = silt_base64_decode(text, ret_url);
    CU_ASSERT(len > 0);
    ret_url[len > 0 ? len : 0] = '\0';
}

static void the_url_is_what_botocore_signs(void)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct silt_creds creds = {.access_key = (char *)(uintptr_t)vectors[i].key};
        struct silt_buf token;
        char wanted[1500];
        char url[1500];
        silt_secret_set(&creds.secret_key, vectors[i].secret);
        if (vectors[i].session) silt_secret_set(&creds.session_token, vectors[i].session);
        silt_buf_init(&token, 1 << 16);
        silt_msk_token(&creds, vectors[i].region, NOW_MS, &token);
        decode(&token, url, sizeof url);
        snprintf(wanted, sizeof wanted,
                 "https://kafka.%s.amazonaws.com/?Action=kafka-cluster%%3AConnect"
                 "&X-Amz-Algorithm=AWS4-HMAC-SHA256&%s&User-Agent=silt%%2F" SILT_VERSION,
                 vectors[i].region, vectors[i].query);
        CU_ASSERT_STRING_EQUAL(url, wanted);
        silt_buf_done(&token);
        silt_secret_done(&creds.secret_key);
        silt_secret_done(&creds.session_token);
    }
}

/* Any length of the URL: with and without padding, and every byte of the alphabet. */
static void the_token_is_base64url_whatever_the_length(void)
{
    char session[130];
    for (size_t n = 1; n + 1 < sizeof session; n++) {
        struct silt_creds creds = {.access_key = (char[]){"AKID"}};
        struct silt_buf token;
        char url[1500];
        memset(session, '~', n);
        session[n] = '\0';
        silt_secret_set(&creds.secret_key, "s");
        silt_secret_set(&creds.session_token, session);
        silt_buf_init(&token, 1 << 16);
        silt_msk_token(&creds, "eu-west-1", NOW_MS, &token);
        decode(&token, url, sizeof url);
        CU_ASSERT_PTR_NOT_NULL(strstr(url, session));
        silt_buf_done(&token);
        silt_secret_done(&creds.secret_key);
        silt_secret_done(&creds.session_token);
    }
}

static void it_ends_with_the_credentials_at_the_latest(void)
{
    struct silt_creds creds = {0};
    CU_ASSERT_EQUAL(silt_msk_token_expires_ms(&creds, NOW_MS), NOW_MS + 900000);
    creds.expires_ms = NOW_MS + 900001;
    CU_ASSERT_EQUAL(silt_msk_token_expires_ms(&creds, NOW_MS), NOW_MS + 900000);
    creds.expires_ms = NOW_MS + 5000;
    CU_ASSERT_EQUAL(silt_msk_token_expires_ms(&creds, NOW_MS), NOW_MS + 5000);
}

SILT_TESTS("msk_token", {"the URL is what botocore signs", the_url_is_what_botocore_signs},
           {"the token is base64url, whatever the length",
            the_token_is_base64url_whatever_the_length},
           {"it ends with the credentials at the latest",
            it_ends_with_the_credentials_at_the_latest})
