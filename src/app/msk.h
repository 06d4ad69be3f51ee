/* Log-in at Amazon MSK with the credentials that the other AWS services get. */
#ifndef SILT_APP_MSK_H
#define SILT_APP_MSK_H

#include "config/config.h"
#include "consume/token.h"
#include "net/credentials.h"

struct silt_msk {
    struct silt_token_source source;
    struct silt_credentials *credentials;
    const char *region;
};

/* @return NULL when the option is off; else `msk`'s, for as long as that, config and credentials
 * live. */
const struct silt_token_source *silt_msk_source(struct silt_msk *msk,
                                                const struct silt_config *config,
                                                struct silt_credentials *credentials);

#endif
