#include "app/msk.h"

#include "base/clock.h"
#include "net/msk_token.h"

static struct silt_rc make_token(void *ctx, struct silt_buf *ret_token, int64_t *ret_expires_ms,
                                 struct silt_err *err)
{
    const struct silt_msk *msk = ctx;
    char why[200];
    struct silt_creds *creds = silt_credentials_take(msk->credentials);
    if (!creds) {
        silt_credentials_why(msk->credentials, why, sizeof why);
        SILT_FAIL(err, AUTH, "no AWS credentials for MSK: %s", why[0] ? why : "not there yet");
    }
    const int64_t now_ms = silt_wall_ms();
    silt_msk_token(creds, msk->region, now_ms, ret_token);
    *ret_expires_ms = silt_msk_token_expires_ms(creds, now_ms);
    silt_credentials_give(creds);
    return SILT_OK;
}

const struct silt_token_source *silt_msk_source(struct silt_msk *msk,
                                                const struct silt_config *config,
                                                struct silt_credentials *credentials)
{
    if (!config->kafka.sasl_aws_msk_iam) return NULL;
    const char *region = config->kafka.aws_region;
    *msk = (struct silt_msk){.source = {.make = make_token, .ctx = msk},
                             .credentials = credentials,
                             .region = *region ? region : config->s3.region};
    return &msk->source;
}
