#include "consume/token.h"

#include "consumer_int.h"

#include <string.h>

#define TOKEN_MAX ((size_t)1 << 16)
#define PRINCIPAL "silt" /* librdkafka wants a name; the brokers take theirs out of the token */

SILT_RC silt_token_conf(const struct silt_token_source *source, rd_kafka_conf_t *conf,
                        struct silt_err *err)
{
    if (!source) return SILT_OK;
    rd_kafka_conf_enable_sasl_queue(conf, 1);
    SILT_TRY(silt_kafka_set(conf, "security.protocol", "SASL_SSL", err));
    return silt_kafka_set(conf, "sasl.mechanisms", "OAUTHBEARER", err);
}

/* Not where the client is polled: some calls wait for the brokers without that. */
void silt_token_begin(const struct silt_token_source *source, rd_kafka_t *rk)
{
    rd_kafka_error_t *error = source ? rd_kafka_sasl_background_callbacks_enable(rk) : NULL;
    SILT_ASSERT(!error);
}

void silt_token_give(rd_kafka_t *rk, const struct silt_token_source *source)
{
    char text[200];
    int64_t expires_ms = 0;
    struct silt_err err;
    struct silt_buf token;
    silt_buf_init(&token, TOKEN_MAX);
    if (!silt_ok(source->make(source->ctx, &token, &expires_ms, &err)))
        rd_kafka_oauthbearer_set_token_failure(rk, err.text);
    else if (rd_kafka_oauthbearer_set_token(rk, silt_buf_str(&token), expires_ms, PRINCIPAL, NULL,
                                            0, text, sizeof text))
        rd_kafka_oauthbearer_set_token_failure(rk, text);
    if (token.data) explicit_bzero(token.data, token.len);
    silt_buf_done(&token);
}
