#include "app/msk.h"

#include "base/clock.h"
#include "harness.h"
#include "net/http.h"

#include <string.h>

static void tokens_come_from_the_credentials(void)
{
    struct silt_http *http = NULL;
    struct silt_config config = {.kafka.sasl_aws_msk_iam = true,
                                 .kafka.aws_region = (char[]){""},
                                 .s3.region = (char[]){"eu-west-1"}};
    struct silt_msk msk;
    struct silt_buf token;
    struct silt_err err = {0};
    int64_t expires_ms = 0;
    CU_ASSERT_OK(silt_http_start(&(struct silt_http_opts){0}, &http, &err));
    struct silt_credentials_opts opts = {.http = http, .access_key = "AKID"};
    silt_secret_set(&opts.secret_key, "secret");
    struct silt_credentials *credentials = silt_credentials_new(&opts);
    CU_ASSERT_OK(silt_credentials_await(credentials, &err));
    const struct silt_token_source *source = silt_msk_source(&msk, &config, credentials);
    silt_buf_init(&token, 1 << 16);
    CU_ASSERT_STRING_EQUAL(msk.region, "eu-west-1");
    CU_ASSERT_OK(source->make(source->ctx, &token, &expires_ms, &err));
    CU_ASSERT(token.len > 100);
    CU_ASSERT(expires_ms > silt_wall_ms());
    config.kafka.aws_region = (char[]){"us-east-1"};
    silt_msk_source(&msk, &config, credentials);
    CU_ASSERT_STRING_EQUAL(msk.region, "us-east-1");
    config.kafka.sasl_aws_msk_iam = false;
    CU_ASSERT_PTR_NULL(silt_msk_source(&msk, &config, credentials));
    silt_buf_done(&token);
    silt_credentials_free(credentials);
    silt_secret_done(&opts.secret_key);
    silt_http_stop(http);
}

static void without_credentials_there_is_none(void)
{
    static const char *const environment[] = {"AWS_EC2_METADATA_DISABLED=true",
                                              "AWS_SHARED_CREDENTIALS_FILE=/nowhere/credentials",
                                              "AWS_CONFIG_FILE=/nowhere/config", NULL};
    struct silt_http *http = NULL;
    struct silt_config config = {.kafka.sasl_aws_msk_iam = true,
                                 .kafka.aws_region = (char[]){"eu-west-1"}};
    struct silt_msk msk;
    struct silt_buf token;
    struct silt_err err = {0};
    int64_t expires_ms;
    CU_ASSERT_OK(silt_http_start(&(struct silt_http_opts){0}, &http, &err));
    struct silt_credentials *credentials =
        silt_credentials_new(&(struct silt_credentials_opts){.http = http, .environ = environment});
    CU_ASSERT_FAILS(silt_credentials_await(credentials, &err));
    const struct silt_token_source *source = silt_msk_source(&msk, &config, credentials);
    silt_buf_init(&token, 1 << 16);
    CU_ASSERT_FAILS(source->make(source->ctx, &token, &expires_ms, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_AUTH);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no AWS credentials for MSK: "));
    silt_buf_done(&token);
    silt_credentials_free(credentials);
    silt_http_stop(http);
}

SILT_TESTS("msk", {"tokens come from the credentials", tokens_come_from_the_credentials},
           {"without credentials there is none", without_credentials_there_is_none})
