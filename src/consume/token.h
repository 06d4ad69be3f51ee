/* Where the tokens of a SASL/OAUTHBEARER log-in come from.
 *
 * librdkafka asks for the first one and again after four fifths of each one's life. When there is
 * none it says so as an error of the client and asks again after ten seconds.
 */
#ifndef SILT_CONSUME_TOKEN_H
#define SILT_CONSUME_TOKEN_H

#include "base/buf.h"
#include "base/err.h"

struct silt_token_source {
    /* Any thread; must not wait. The token is wiped after use. */
    struct silt_rc (*make)(void *ctx, struct silt_buf *ret_token, int64_t *ret_expires_ms,
                           struct silt_err *err);
    void *ctx;
};

#endif
