#include "net/creds_plan_int.h"

#include "base/alloc.h"
#include "net/profile_int.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define ECS_HOST "http://169.254.170.2"
#define INSTANCE_IPV4 "http://169.254.169.254"
#define INSTANCE_IPV6 "http://[fd00:ec2::254]"
#define SESSION_NAME_MAX 64 /* STS API Reference, AssumeRole; the shortest is 2 */
#define ARN_MAX 2048

const char *silt_creds_env(const char *const *environ, const char *name)
{
    size_t len = strlen(name);
    for (; environ && *environ; environ++)
        if (strncmp(*environ, name, len) == 0 && (*environ)[len] == '=') return *environ + len + 1;
    return "";
}

char *silt_creds_path(const char *const *environ, const char *variable, const char *below_home)
{
    const char *path = silt_creds_env(environ, variable);
    const char *home = silt_creds_env(environ, "HOME");
    if (*path || !*home) return silt_strdup(path);
    return silt_asprintf("%s/%s", home, below_home);
}

static void role_done(struct silt_creds_role *role)
{
    silt_free(role->arn);
    silt_free(role->session_name);
    silt_free(role->external_id);
}

void silt_creds_plan_done(struct silt_creds_plan *plan)
{
    silt_free(plan->origin);
    silt_free(plan->access_key);
    silt_secret_done(&plan->secret_key);
    silt_secret_done(&plan->session_token);
    silt_free(plan->token_file);
    role_done(&plan->web_role);
    silt_free(plan->url);
    silt_secret_done(&plan->authorization);
    silt_free(plan->sts_url);
    silt_free(plan->region);
    for (unsigned i = 0; i < plan->hops_n; i++) role_done(&plan->hops[i]);
    *plan = (struct silt_creds_plan){0};
}

/* --- roles ----------------------------------------------------------------------------------- */

/* STS takes letters, digits and =,.@_- : a host name may hold others. */
static char *session_name(const char *wanted)
{
    char *name = silt_strndup(*wanted ? wanted : "silt", SESSION_NAME_MAX);
    for (char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("=,.@_-", *at)) *at = '-';
    if (name[1]) return name;
    silt_free(name);
    return silt_asprintf("silt-%c", isalnum((unsigned char)*wanted) ? *wanted : '-');
}

static SILT_RC make_role(struct silt_creds_role *ret_role, const char *arn, const char *session,
                         const char *external_id, struct silt_err *err)
{
    for (const char *at = arn; *at; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at > '~')
            SILT_FAIL(err, CONFIG, "a role's ARN holds a blank or a control character");
    if (strlen(arn) > ARN_MAX) SILT_FAIL(err, CONFIG, "a role's ARN is too long");
    *ret_role = (struct silt_creds_role){.arn = silt_strdup(arn),
                                         .session_name = session_name(session),
                                         .external_id = silt_strdup(external_id)};
    return SILT_OK;
}

static SILT_RC add_hop(struct silt_creds_plan *plan, const char *arn, const char *session,
                       const char *external_id, struct silt_err *err)
{
    if (plan->hops_n == SILT_CREDS_HOPS_MAX)
        SILT_FAIL(err, CONFIG, "more than %d roles lead from one to the next", SILT_CREDS_HOPS_MAX);
    SILT_TRY(make_role(&plan->hops[plan->hops_n], arn, session, external_id, err));
    plan->hops_n++;
    return SILT_OK;
}

/* --- sources --------------------------------------------------------------------------------- */

static void plan_keys(struct silt_creds_plan *plan, const char *origin, const char *access_key,
                      const char *secret, const char *token)
{
    plan->source = SILT_CREDS_KEYS;
    plan->origin = silt_strdup(origin);
    plan->access_key = silt_strdup(access_key);
    silt_secret_set(&plan->secret_key, secret);
    silt_secret_set(&plan->session_token, token);
}

static SILT_RC plan_web_identity(const struct silt_creds_given *given, struct silt_creds_plan *plan,
                                 const char *token_file, const char *arn, const char *session,
                                 struct silt_err *err)
{
    plan->source = SILT_CREDS_WEB_IDENTITY;
    plan->origin = silt_asprintf("web identity of %s", arn);
    plan->token_file = silt_strdup(token_file);
    return make_role(&plan->web_role, arn, *session ? session : given->session_name, "", err);
}

static bool starts_with(const char *text, const char *front)
{
    return strncmp(text, front, strlen(front)) == 0;
}

/* Where plain HTTP may carry credentials: this machine, ECS, EKS Pod Identity. */
static bool is_container_host(const char *host, size_t len)
{
    static const char *const hosts[] = {"localhost", "[::1]", "169.254.170.2", "169.254.170.23",
                                        "[fd00:ec2::23]"};
    for (unsigned i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        if (strlen(hosts[i]) == len && strncasecmp(host, hosts[i], len) == 0) return true;
    if (len < 9 || !starts_with(host, "127.")) return false;
    for (size_t i = 0; i < len; i++)
        if (host[i] != '.' && !isdigit((unsigned char)host[i])) return false;
    return true;
}

static bool is_clean_url(const char *url)
{
    for (; *url; url++)
        if ((unsigned char)*url <= ' ' || (unsigned char)*url > '~') return false;
    return true;
}

static SILT_RC check_container_url(const char *url, struct silt_err *err)
{
    bool https = starts_with(url, "https://");
    if (!is_clean_url(url) || (!https && !starts_with(url, "http://")))
        SILT_FAIL(
            err, CONFIG,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI %.80s: it must begin with http:// or https://",
            url);
    const char *host = strstr(url, "://") + 3;
    size_t authority_len = strcspn(host, "/?#");
    if (!authority_len || memchr(host, '@', authority_len))
        SILT_FAIL(err, CONFIG, "AWS_CONTAINER_CREDENTIALS_FULL_URI names no host, or a user");
    size_t host_len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
    if (https || (host_len <= authority_len && is_container_host(host, host_len))) return SILT_OK;
    SILT_FAIL(err, CONFIG,
              "AWS_CONTAINER_CREDENTIALS_FULL_URI %.80s: plain HTTP is for this machine, "
              "169.254.170.2, 169.254.170.23 and [fd00:ec2::23]; use https",
              url);
}

static SILT_RC plan_container(const struct silt_creds_given *given, struct silt_creds_plan *plan,
                              struct silt_err *err)
{
    const char *const *environ = given->environ;
    const char *relative = silt_creds_env(environ, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = silt_creds_env(environ, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *file = silt_creds_env(environ, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    plan->source = SILT_CREDS_CONTAINER;
    plan->origin = silt_strdup("container credentials");
    if (*relative && (*relative != '/' || !is_clean_url(relative)))
        SILT_FAIL(err, CONFIG,
                  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI %.80s: it must begin with a slash",
                  relative);
    if (!*relative) SILT_TRY(check_container_url(full, err));
    plan->url = *relative ? silt_asprintf(ECS_HOST "%s", relative) : silt_strdup(full);
    if (*file) {
        plan->token_file = silt_strdup(file);
        return SILT_OK;
    }
    silt_secret_set(&plan->authorization,
                    silt_creds_env(environ, "AWS_CONTAINER_AUTHORIZATION_TOKEN"));
    return SILT_OK;
}

/* Scheme and host alone, without a slash behind. @return NULL when it is something else. */
static char *bare_url(const char *url)
{
    size_t scheme_len = starts_with(url, "https://") ? 8 : starts_with(url, "http://") ? 7 : 0;
    size_t host_len = strcspn(url + scheme_len, "/?#@");
    const char *rest = url + scheme_len + host_len;
    if (!scheme_len || !host_len || !is_clean_url(url) || (*rest && strcmp(rest, "/") != 0))
        return NULL;
    return silt_strndup(url, scheme_len + host_len);
}

static SILT_RC plan_instance(const struct silt_creds_given *given, struct silt_creds_plan *plan,
                             struct silt_err *err)
{
    const char *const *environ = given->environ;
    const char *endpoint = silt_creds_env(environ, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = silt_creds_env(environ, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    if (strcasecmp(silt_creds_env(environ, "AWS_EC2_METADATA_DISABLED"), "true") == 0)
        SILT_FAIL(
            err, CONFIG,
            "no AWS credentials: none in s3.access_key_id, the AWS_* variables and the shared "
            "files, and AWS_EC2_METADATA_DISABLED is true");
    plan->source = SILT_CREDS_INSTANCE;
    plan->origin = silt_strdup("instance metadata");
    if (!*endpoint) endpoint = strcasecmp(mode, "IPv6") == 0 ? INSTANCE_IPV6 : INSTANCE_IPV4;
    plan->url = bare_url(endpoint);
    if (plan->url) return SILT_OK;
    SILT_FAIL(err, CONFIG,
              "AWS_EC2_METADATA_SERVICE_ENDPOINT %.80s: give scheme and host only, as in "
              "http://169.254.169.254",
              endpoint);
}

/* --- profiles -------------------------------------------------------------------------------- */

struct profile {
    const struct silt_creds_given *given;
    const struct silt_profiles *files;
    const char *name;
};

static char *value_of(const struct profile *profile, const char *key)
{
    return silt_profile_get(profile->files, profile->name, key);
}

static bool has(const struct profile *profile, const char *key)
{
    char *value = value_of(profile, key);
    silt_free(value);
    return value;
}

static SILT_RC check_supported(const struct profile *profile, struct silt_err *err)
{
    static const struct {
        const char *key;
        const char *way_out;
    } refused[] = {
        {"credential_process", "silt runs no other programs; give the process's keys by a file or "
                               "a container endpoint"},
        {"sso_session", "log in elsewhere and export the keys"},
        {"sso_start_url", "log in elsewhere and export the keys"},
        {"mfa_serial", "a service cannot type a code; use a role without MFA"},
    };
    for (unsigned i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (has(profile, refused[i].key))
            SILT_FAIL(err, CONFIG, "profile %.60s: %s is not supported: %s", profile->name,
                      refused[i].key, refused[i].way_out);
    return SILT_OK;
}

static SILT_RC keys_of_profile(const struct profile *profile, struct silt_creds_plan *plan,
                               struct silt_err *err)
{
    char *access_key silt_auto(silt_free_auto) = value_of(profile, "aws_access_key_id");
    struct silt_secret secret silt_auto(silt_secret_done) = {
        value_of(profile, "aws_secret_access_key")};
    struct silt_secret token silt_auto(silt_secret_done) = {value_of(profile, "aws_session_token")};
    if (!access_key || !silt_secret_is_set(&secret))
        SILT_FAIL(err, CONFIG,
                  "profile %.60s has neither aws_access_key_id with aws_secret_access_key nor "
                  "role_arn with source_profile, credential_source or web_identity_token_file",
                  profile->name);
    char *origin silt_auto(silt_free_auto) = silt_asprintf("profile %s", profile->name);
    plan_keys(plan, origin, access_key, silt_secret_reveal(&secret), silt_secret_reveal(&token));
    return SILT_OK;
}

static SILT_RC plan_named_source(const struct silt_creds_given *given, struct silt_creds_plan *plan,
                                 const char *source, struct silt_err *err)
{
    const char *const *environ = given->environ;
    if (strcasecmp(source, "Ec2InstanceMetadata") == 0) return plan_instance(given, plan, err);
    if (strcasecmp(source, "EcsContainer") == 0) return plan_container(given, plan, err);
    const char *access_key = silt_creds_env(environ, "AWS_ACCESS_KEY_ID");
    const char *secret = silt_creds_env(environ, "AWS_SECRET_ACCESS_KEY");
    if (strcasecmp(source, "Environment") != 0 || !*access_key || !*secret)
        SILT_FAIL(err, CONFIG,
                  "credential_source %.40s: it must be Environment (with AWS_ACCESS_KEY_ID and "
                  "AWS_SECRET_ACCESS_KEY set), Ec2InstanceMetadata or EcsContainer",
                  source);
    plan_keys(plan, "AWS_ACCESS_KEY_ID", access_key, secret,
              silt_creds_env(environ, "AWS_SESSION_TOKEN"));
    return SILT_OK;
}

/* One profile of the way: adds its role, and names the next profile when there is one. */
static SILT_RC follow_profile(const struct profile *profile, struct silt_creds_plan *plan,
                              char **ret_next, struct silt_err *err)
{
    const struct silt_creds_given *given = profile->given;
    if (!silt_profile_exists(profile->files, profile->name))
        SILT_FAIL(err, CONFIG,
                  "profile %.60s is in neither of the shared files (AWS_SHARED_CREDENTIALS_FILE, "
                  "AWS_CONFIG_FILE)",
                  profile->name);
    SILT_TRY(check_supported(profile, err));
    char *arn silt_auto(silt_free_auto) = value_of(profile, "role_arn");
    char *token_file silt_auto(silt_free_auto) = value_of(profile, "web_identity_token_file");
    char *source silt_auto(silt_free_auto) = value_of(profile, "credential_source");
    char *session silt_auto(silt_free_auto) = value_of(profile, "role_session_name");
    char *external silt_auto(silt_free_auto) = value_of(profile, "external_id");
    *ret_next = value_of(profile, "source_profile");
    const char *named = session ? session : given->session_name;
    if (!arn) {
        silt_free(*ret_next);
        *ret_next = NULL;
        return keys_of_profile(profile, plan, err);
    }
    if (token_file) return plan_web_identity(given, plan, token_file, arn, named, err);
    SILT_TRY(add_hop(plan, arn, named, external ? external : "", err));
    if (*ret_next) return SILT_OK;
    if (source) return plan_named_source(given, plan, source, err);
    return keys_of_profile(profile, plan, err);
}

/* A profile whose source is itself assumes its role with its own keys. */
static SILT_RC plan_profile(const struct silt_creds_given *given, struct silt_creds_plan *plan,
                            const struct silt_profiles *files, const char *name,
                            struct silt_err *err)
{
    char *at = silt_strdup(name);
    struct silt_rc rc = SILT_OK;
    while (at && rc.ok) {
        char *next = NULL;
        const struct profile profile = {.given = given, .files = files, .name = at};
        rc = follow_profile(&profile, plan, &next, err);
        if (rc.ok && next && strcmp(next, at) == 0) {
            rc = keys_of_profile(&profile, plan, err);
            silt_free(next);
            next = NULL;
        }
        silt_free(at);
        at = next;
    }
    silt_free(at);
    return rc;
}

/* --- the choice ------------------------------------------------------------------------------ */

static SILT_RC choose_web_identity(const struct silt_creds_given *given,
                                   struct silt_creds_plan *plan, const char *token_file,
                                   struct silt_err *err)
{
    const char *arn = silt_creds_env(given->environ, "AWS_ROLE_ARN");
    if (!*arn)
        SILT_FAIL(err, CONFIG, "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
    return plan_web_identity(given, plan, token_file, arn,
                             silt_creds_env(given->environ, "AWS_ROLE_SESSION_NAME"), err);
}

/* A default profile that holds only a region does not end the search. */
static bool says_who(const struct profile *profile)
{
    static const char *const keys[] = {"aws_access_key_id", "role_arn", "credential_process",
                                       "sso_session", "sso_start_url"};
    for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (has(profile, keys[i])) return true;
    return false;
}

static SILT_RC choose(const struct silt_creds_given *given, struct silt_creds_plan *plan,
                      struct silt_err *err)
{
    const char *const *environ = given->environ;
    const struct silt_profiles files = {.credentials = given->credentials_text,
                                        .config = given->config_text};
    const char *token_file = silt_creds_env(environ, "AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *named = silt_creds_env(environ, "AWS_PROFILE");
    const struct profile preset = {.given = given, .files = &files, .name = "default"};
    if (*given->profile) return plan_profile(given, plan, &files, given->profile, err);
    if (*given->access_key) {
        plan_keys(plan, "s3.access_key_id", given->access_key,
                  silt_secret_reveal(given->secret_key), silt_secret_reveal(given->session_token));
        plan->fixed = plan->hops_n == 0;
        return SILT_OK;
    }
    if (*token_file) return choose_web_identity(given, plan, token_file, err);
    if (*named) return plan_profile(given, plan, &files, named, err);
    if (says_who(&preset)) return plan_profile(given, plan, &files, "default", err);
    if (*silt_creds_env(environ, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
        *silt_creds_env(environ, "AWS_CONTAINER_CREDENTIALS_FULL_URI"))
        return plan_container(given, plan, err);
    return plan_instance(given, plan, err);
}

static SILT_RC set_sts(const struct silt_creds_given *given, struct silt_creds_plan *plan,
                       struct silt_err *err)
{
    const char *endpoint = given->sts_endpoint;
    const char *region = given->region;
    if (plan->source != SILT_CREDS_WEB_IDENTITY && !plan->hops_n) return SILT_OK;
    if (!*endpoint) endpoint = silt_creds_env(given->environ, "AWS_ENDPOINT_URL_STS");
    if (!*region)
        SILT_FAIL(err, CONFIG, "s3.region is not set: the STS endpoint and its signature need it");
    plan->region = silt_strdup(region);
    plan->sts_url =
        *endpoint ? bare_url(endpoint)
                  : silt_asprintf("https://sts%s.%s.amazonaws.com%s", given->fips ? "-fips" : "",
                                  region, starts_with(region, "cn-") ? ".cn" : "");
    if (plan->sts_url) return SILT_OK;
    SILT_FAIL(err, CONFIG, "s3.sts_endpoint %.80s: give scheme and host only, as in %s", endpoint,
              "https://sts.eu-west-1.amazonaws.com");
}

/* The role of the options is assumed last, so it stands first. */
static SILT_RC add_own_role(const struct silt_creds_given *given, struct silt_creds_plan *plan,
                            struct silt_err *err)
{
    if (!*given->role_arn) return SILT_OK;
    return add_hop(plan, given->role_arn, given->session_name, given->external_id, err);
}

SILT_RC silt_creds_plan_make(const struct silt_creds_given *given, struct silt_creds_plan *ret_plan,
                             struct silt_err *err)
{
    struct silt_creds_plan plan = {0};
    struct silt_rc rc = add_own_role(given, &plan, err);
    if (rc.ok) rc = choose(given, &plan, err);
    if (rc.ok) rc = set_sts(given, &plan, err);
    if (rc.ok)
        *ret_plan = plan;
    else
        silt_creds_plan_done(&plan);
    return rc;
}
