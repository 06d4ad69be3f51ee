/* The token that Amazon MSK takes for a log-in by IAM (SASL/OAUTHBEARER): a presigned URL of
 * kafka-cluster:Connect, as base64url without padding.
 *
 * Pure. Source: aws/aws-msk-iam-sasl-signer-python 1.0.2, MSKAuthTokenProvider (2025): GET
 * https://kafka.REGION.amazonaws.com/?Action=kafka-cluster%3AConnect, service kafka-cluster, valid
 * for 900 s, only the host signed, a User-Agent behind the signature.
 */
#ifndef SILT_NET_MSK_TOKEN_H
#define SILT_NET_MSK_TOKEN_H

#include "base/buf.h"
#include "net/credentials.h"

#define SILT_MSK_TOKEN_MS INT64_C(900000)

/* Appends the token. It is a secret: wipe it after use. */
void silt_msk_token(const struct silt_creds *creds, const char *region, int64_t wall_ms,
                    struct silt_buf *ret_token);
/* When it ends: with the credentials at the latest. */
int64_t silt_msk_token_expires_ms(const struct silt_creds *creds, int64_t wall_ms);

#endif
