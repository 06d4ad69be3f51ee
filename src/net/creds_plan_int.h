/* Private to net: from options, environment and shared files to one plan for getting credentials.
 *
 * Pure. The order is told in net/credentials.h. A plan is one source and the roles to assume with
 * it, one after the other. Refused, with the way out: credential_process, SSO, MFA, and container
 * endpoints over plain HTTP anywhere but on this machine and at the addresses that ECS and EKS use.
 * Sources: AWS SDKs and Tools Reference Guide, "Assume role", "Container" and "IMDS credential
 * provider", 2026.
 */
#ifndef SILT_NET_CREDS_PLAN_INT_H
#define SILT_NET_CREDS_PLAN_INT_H

#include "base/err.h"
#include "base/secret.h"

#define SILT_CREDS_HOPS_MAX 5 /* source profiles, and the role of the options */

enum silt_creds_source {
    SILT_CREDS_KEYS,
    SILT_CREDS_WEB_IDENTITY,
    SILT_CREDS_CONTAINER,
    SILT_CREDS_INSTANCE,
};

struct silt_creds_role {
    char *arn;
    char *session_name;
    char *external_id; /* "" = none */
};

struct silt_creds_plan {
    enum silt_creds_source source;
    char *origin; /* for people: "profile x", "web identity" … */
    /* KEYS */
    char *access_key;
    struct silt_secret secret_key;
    struct silt_secret session_token;
    bool fixed; /* the options' own, and no role with them */
    /* WEB_IDENTITY: the token's file and the role; CONTAINER: file of the authorization, or NULL */
    char *token_file;
    struct silt_creds_role web_role;
    /* CONTAINER: the whole URL; INSTANCE: scheme and host */
    char *url;
    struct silt_secret authorization; /* CONTAINER, when there is no file */
    /* STS */
    char *sts_url; /* scheme and host */
    char *region;
    struct silt_creds_role hops[SILT_CREDS_HOPS_MAX]; /* assumed from the last one to the first */
    unsigned hops_n;
};

struct silt_creds_given { /* strings are never NULL; environ may be */
    const char *access_key;
    const struct silt_secret *secret_key;
    const struct silt_secret *session_token;
    const char *profile;
    const char *role_arn;
    const char *session_name;
    const char *external_id;
    const char *sts_endpoint;
    const char *region;
    bool fips;
    const char *const *environ;
    const char *credentials_text; /* of the shared files, "" when there are none */
    const char *config_text;
};

/* The value of a variable, "" when it is not set. */
const char *silt_creds_env(const char *const *environ, const char *name);
/* Where a shared file is: its variable, else below HOME; new string, "" when there is no HOME. */
char *silt_creds_path(const char *const *environ, const char *variable, const char *below_home);

SILT_RC silt_creds_plan_make(const struct silt_creds_given *given, struct silt_creds_plan *ret_plan,
                             struct silt_err *err);
void silt_creds_plan_done(struct silt_creds_plan *plan); /* zeroed is fine */

#endif
