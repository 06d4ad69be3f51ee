#include "creds_plan_int.h"

#include "base/alloc.h"
#include "harness.h"

#include <stdio.h>
#include <string.h>

#define WEB "AWS_WEB_IDENTITY_TOKEN_FILE=/token", "AWS_ROLE_ARN=arn:web"
#define KEYS_DEFAULT "[default]\naws_access_key_id=FILE\naws_secret_access_key=f\n"
#define RELATIVE "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/creds"

static struct silt_secret secret;

static struct silt_creds_given nothing(void)
{
    static const struct silt_secret none;
    return (struct silt_creds_given){.access_key = "",
                                     .secret_key = &none,
                                     .session_token = &none,
                                     .profile = "",
                                     .role_arn = "",
                                     .session_name = "pod 1",
                                     .external_id = "",
                                     .sts_endpoint = "",
                                     .region = "eu-west-1",
                                     .credentials_text = "",
                                     .config_text = ""};
}

static struct silt_creds_given in(const char *const *environ, const char *credentials,
                                  const char *config)
{
    struct silt_creds_given given = nothing();
    given.environ = environ;
    given.credentials_text = credentials;
    given.config_text = config;
    return given;
}

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})

/* In one line what was planned, or the error. */
static const char *planned(const struct silt_creds_given *given)
{
    static char text[600];
    static const char *const sources[] = {"keys", "web", "container", "instance"};
    struct silt_creds_plan plan = {0};
    struct silt_err err = {0};
    if (!silt_creds_plan_make(given, &plan, &err).ok) {
        snprintf(text, sizeof text, "%s %s", silt_code_name(err.code), err.text);
        return text;
    }
    int n = snprintf(text, sizeof text, "%s", sources[plan.source]);
    const struct {
        const char *name;
        const char *value;
    } parts[] = {{"key", plan.access_key},
                 {"secret", silt_secret_reveal(&plan.secret_key)},
                 {"session", silt_secret_reveal(&plan.session_token)},
                 {"file", plan.token_file},
                 {"role", plan.web_role.arn},
                 {"as", plan.web_role.session_name},
                 {"url", plan.url},
                 {"auth", silt_secret_reveal(&plan.authorization)},
                 {"sts", plan.sts_url}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i].value && *parts[i].value)
            n += snprintf(text + n, sizeof text - (size_t)n, " %s=%s", parts[i].name,
                          parts[i].value);
    for (unsigned i = plan.hops_n; i-- > 0;)
        n += snprintf(text + n, sizeof text - (size_t)n, " then %s as %s%s%s", plan.hops[i].arn,
                      plan.hops[i].session_name, *plan.hops[i].external_id ? " for " : "",
                      plan.hops[i].external_id);
    if (plan.fixed) snprintf(text + n, sizeof text - (size_t)n, " fixed");
    silt_creds_plan_done(&plan);
    return text;
}

static void plans(const struct silt_creds_given *given, const char *wanted)
{
    const char *text = planned(given);
    CU_ASSERT_STRING_EQUAL(text, wanted);
    if (strcmp(text, wanted) != 0) printf("\n    planned: %s\n    wanted:  %s\n", text, wanted);
}

static void says(const struct silt_creds_given *given, const char *wanted)
{
    const char *text = planned(given);
    CU_ASSERT(strncmp(text, "CONFIG ", 7) == 0 && strstr(text, wanted));
    if (!strstr(text, wanted)) printf("\n    said:   %s\n    wanted: %s\n", text, wanted);
}

#define PLANS(wanted, ...)                                  \
    do {                                                    \
        const struct silt_creds_given given_ = __VA_ARGS__; \
        plans(&given_, wanted);                             \
    } while (0)
#define SAYS(wanted, ...)                                   \
    do {                                                    \
        const struct silt_creds_given given_ = __VA_ARGS__; \
        says(&given_, wanted);                              \
    } while (0)

#define WEB_PLAN "web file=/token role=arn:web as=pod-1 sts=https://sts.eu-west-1.amazonaws.com"

static void the_first_source_that_is_set_up_decides(void)
{
    silt_secret_set(&secret, "s");
    struct silt_creds_given all = in(ENV(WEB, "AWS_PROFILE=other", RELATIVE), KEYS_DEFAULT, "");
    all.access_key = "OPTION";
    all.secret_key = &secret;
    plans(&all, "keys key=OPTION secret=s fixed");
    all.session_token = &secret;
    plans(&all, "keys key=OPTION secret=s session=s fixed");
    PLANS(WEB_PLAN, in(ENV(WEB, "AWS_PROFILE=other", RELATIVE), KEYS_DEFAULT, ""));
    PLANS("keys key=FILE secret=f", in(ENV(RELATIVE), KEYS_DEFAULT, ""));
    PLANS("container url=http://169.254.170.2/creds", in(ENV(RELATIVE), "", ""));
    PLANS("instance url=http://169.254.169.254", in(NULL, "", ""));
    silt_secret_done(&secret);
}

static void a_profile_of_the_options_comes_before_the_environment(void)
{
    struct silt_creds_given given =
        in(ENV(WEB, "AWS_PROFILE=default"),
           KEYS_DEFAULT "[team]\n"
                        "aws_access_key_id=TEAM\naws_secret_access_key=t\n"
                        "aws_session_token=tt\n",
           "");
    given.profile = "team";
    plans(&given, "keys key=TEAM secret=t session=tt");
    given.profile = "nobody";
    says(&given, "profile nobody is in neither");
}

static void a_default_profile_without_an_identity_is_passed_over(void)
{
    PLANS("instance url=http://169.254.169.254", in(NULL, "", "[default]\nregion=eu-west-1\n"));
    SAYS("has neither aws_access_key_id", in(NULL, "[default]\naws_access_key_id=half\n", ""));
    SAYS("has neither aws_access_key_id",
         in(ENV("AWS_PROFILE=region"), "", "[profile region]\nregion=x\n"));
    SAYS("has neither aws_access_key_id",
         in(ENV("AWS_PROFILE=half"), "[half]\naws_secret_access_key=x\n", ""));
}

static void web_identity_needs_its_role(void)
{
    SAYS("AWS_ROLE_ARN is not", in(ENV("AWS_WEB_IDENTITY_TOKEN_FILE=/token"), "", ""));
    PLANS("web file=/token role=arn:web as=my.own sts=https://sts.eu-west-1.amazonaws.com",
          in(ENV(WEB, "AWS_ROLE_SESSION_NAME=my.own"), "", ""));
    PLANS(
        "web file=/t role=arn:p as=pod-1 sts=https://sts.eu-west-1.amazonaws.com",
        in(ENV("AWS_PROFILE=p"), "", "[profile p]\nrole_arn=arn:p\nweb_identity_token_file=/t\n"));
    SAYS("blank or a control",
         in(ENV("AWS_WEB_IDENTITY_TOKEN_FILE=/t", "AWS_ROLE_ARN=a b"), "", ""));
    SAYS("blank or a control",
         in(ENV("AWS_WEB_IDENTITY_TOKEN_FILE=/t", "AWS_ROLE_ARN=a\x7f"), "", ""));
}

static void roles_lead_from_profile_to_profile(void)
{
    static const char config[] =
        "[profile top]\nrole_arn=arn:top\nsource_profile=middle\nexternal_id=x1\n"
        "[profile middle]\nrole_arn=arn:middle\nsource_profile=base\nrole_session_name=mid\n"
        "[profile own]\nrole_arn=arn:own\nsource_profile=own\naws_access_key_id=OWN\n"
        "aws_secret_access_key=o\n"
        "[profile plain]\nrole_arn=arn:plain\naws_access_key_id=P\naws_secret_access_key=p\n"
        "[profile round]\nrole_arn=arn:r\nsource_profile=about\n"
        "[profile about]\nrole_arn=arn:a\nsource_profile=round\n"
        "[profile lost]\nrole_arn=arn:l\nsource_profile=nobody\n"
        "[profile keyless]\nrole_arn=arn:k\nsource_profile=keyless\n"
        "[profile both]\nsource_profile=base\naws_access_key_id=B\naws_secret_access_key=b\n";
    static const char credentials[] = "[base]\naws_access_key_id=BASE\naws_secret_access_key=b\n";
    PLANS("keys key=BASE secret=b sts=https://sts.eu-west-1.amazonaws.com then arn:middle as mid "
          "then arn:top as pod-1 for x1",
          in(ENV("AWS_PROFILE=top"), credentials, config));
    PLANS("keys key=OWN secret=o sts=https://sts.eu-west-1.amazonaws.com then arn:own as pod-1",
          in(ENV("AWS_PROFILE=own"), credentials, config));
    PLANS("keys key=P secret=p sts=https://sts.eu-west-1.amazonaws.com then arn:plain as pod-1",
          in(ENV("AWS_PROFILE=plain"), credentials, config));
    PLANS("keys key=B secret=b", in(ENV("AWS_PROFILE=both"), credentials, config));
    SAYS("more than 5 roles", in(ENV("AWS_PROFILE=round"), credentials, config));
    SAYS("profile nobody is in neither", in(ENV("AWS_PROFILE=lost"), credentials, config));
    SAYS("profile keyless has neither", in(ENV("AWS_PROFILE=keyless"), credentials, config));
}

static void a_profile_may_name_another_source(void)
{
    static const char config[] =
        "[profile env]\nrole_arn=arn:e\ncredential_source=Environment\n"
        "[profile ec2]\nrole_arn=arn:e\ncredential_source=Ec2InstanceMetadata\n"
        "[profile ecs]\nrole_arn=arn:e\ncredential_source=EcsContainer\n"
        "[profile odd]\nrole_arn=arn:e\ncredential_source=Moon\n";
    PLANS("keys key=A secret=b session=c sts=https://sts.eu-west-1.amazonaws.com "
          "then arn:e as pod-1",
          in(ENV("AWS_PROFILE=env", "AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=b",
                 "AWS_SESSION_TOKEN=c"),
             "", config));
    PLANS("instance url=http://169.254.169.254 sts=https://sts.eu-west-1.amazonaws.com "
          "then arn:e as pod-1",
          in(ENV("AWS_PROFILE=ec2"), "", config));
    PLANS("container url=http://169.254.170.2/creds sts=https://sts.eu-west-1.amazonaws.com "
          "then arn:e as pod-1",
          in(ENV("AWS_PROFILE=ecs", RELATIVE), "", config));
    SAYS("credential_source Moon",
         in(ENV("AWS_PROFILE=odd", "AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=b"), "", config));
    SAYS("credential_source Environment", in(ENV("AWS_PROFILE=env"), "", config));
    SAYS("credential_source Environment",
         in(ENV("AWS_PROFILE=env", "AWS_ACCESS_KEY_ID=A"), "", config));
}

static void what_is_not_supported_says_the_way_out(void)
{
    SAYS("credential_process is not supported: silt runs no other programs",
         in(NULL, "", "[default]\ncredential_process=/bin/x\n"));
    SAYS("sso_session is not supported", in(NULL, "", "[default]\nsso_session=x\n"));
    SAYS("sso_start_url is not supported", in(NULL, "", "[default]\nsso_start_url=x\n"));
    SAYS("mfa_serial is not supported", in(NULL, "", "[default]\nrole_arn=a\nmfa_serial=x\n"));
}

static void the_role_of_the_options_is_assumed_last(void)
{
    struct silt_creds_given given = in(ENV(WEB), "", "");
    given.role_arn = "arn:last";
    given.external_id = "x2";
    given.session_name = "";
    given.fips = true;
    plans(&given,
          "web file=/token role=arn:web as=silt sts=https://sts-fips.eu-west-1.amazonaws.com"
          " then arn:last as silt for x2");
    given.role_arn = "arn last";
    says(&given, "blank or a control");
    silt_secret_set(&secret, "s");
    struct silt_creds_given keys = nothing();
    keys.access_key = "A";
    keys.secret_key = &secret;
    keys.role_arn = "arn:last";
    keys.session_name = "x";
    plans(&keys, "keys key=A secret=s sts=https://sts.eu-west-1.amazonaws.com then arn:last as "
                 "silt-x");
    keys.session_name = "!";
    plans(&keys, "keys key=A secret=s sts=https://sts.eu-west-1.amazonaws.com then arn:last as "
                 "silt--");
    char *arn silt_auto(silt_free_auto) = silt_zalloc(3000);
    memset(arn, 'a', 2999);
    keys.role_arn = arn;
    says(&keys, "too long");
    silt_secret_done(&secret);
}

static void sts_is_where_the_region_or_an_endpoint_says(void)
{
    struct silt_creds_given given = in(ENV(WEB), "", "");
    given.region = "cn-north-1";
    plans(&given,
          "web file=/token role=arn:web as=pod-1 sts=https://sts.cn-north-1.amazonaws.com.cn");
    given.sts_endpoint = "http://127.0.0.1:9000/";
    plans(&given, "web file=/token role=arn:web as=pod-1 sts=http://127.0.0.1:9000");
    given.environ = ENV(WEB, "AWS_ENDPOINT_URL_STS=https://sts.internal");
    given.sts_endpoint = "";
    plans(&given, "web file=/token role=arn:web as=pod-1 sts=https://sts.internal");
    static const char *const odd[] = {"https://sts/path", "sts.internal", "https://",
                                      "http://a b",       "https://u@h",  "https://h?x"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        given.sts_endpoint = odd[i];
        says(&given, "give scheme and host only");
    }
    given.sts_endpoint = "";
    given.region = "";
    says(&given, "s3.region is not set");
}

static void a_container_endpoint_is_on_this_machine_or_encrypted(void)
{
    static const char *const good[] = {
        "http://127.0.0.1:80/x",    "http://127.1.2.3/x",         "http://localhost:1/",
        "http://[::1]:80/x",        "http://169.254.170.23/v1/",  "http://169.254.170.2/x",
        "http://[fd00:ec2::23]/v1", "https://anywhere.example/x", "https://[2001:db8::1]/x"};
    static const char *const bad[] = {"http://10.0.0.1/x",
                                      "http://127.evil.example/x",
                                      "http://localhost.evil/x",
                                      "http://169.254.169.254/x",
                                      "http://127.0.0.1@evil/x",
                                      "ftp://127.0.0.1/",
                                      "http:///x",
                                      "http://127.0.0.1/a b",
                                      "http://[::1",
                                      "http://127.0.0",
                                      "http://127.0.0.1/\x7f"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char *variable silt_auto(silt_free_auto) =
            silt_asprintf("AWS_CONTAINER_CREDENTIALS_FULL_URI=%s", good[i]);
        char *wanted silt_auto(silt_free_auto) = silt_asprintf("container url=%s", good[i]);
        PLANS(wanted, in(ENV(variable), "", ""));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *variable silt_auto(silt_free_auto) =
            silt_asprintf("AWS_CONTAINER_CREDENTIALS_FULL_URI=%s", bad[i]);
        SAYS("AWS_CONTAINER_CREDENTIALS_FULL_URI", in(ENV(variable), "", ""));
    }
    SAYS("must begin with a slash",
         in(ENV("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=@evil/x"), "", ""));
    SAYS("must begin with a slash", in(ENV("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/a b"), "", ""));
}

static void a_container_may_want_an_authorization(void)
{
    PLANS("container url=http://169.254.170.2/creds auth=word",
          in(ENV(RELATIVE, "AWS_CONTAINER_AUTHORIZATION_TOKEN=word"), "", ""));
    PLANS("container file=/t url=http://169.254.170.2/creds",
          in(ENV(RELATIVE, "AWS_CONTAINER_AUTHORIZATION_TOKEN=word",
                 "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/t"),
             "", ""));
}

static void instance_metadata_can_be_moved_and_switched_off(void)
{
    PLANS("instance url=http://[fd00:ec2::254]",
          in(ENV("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=ipv6"), "", ""));
    PLANS("instance url=http://127.0.0.1:8080",
          in(ENV("AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:8080/"), "", ""));
    SAYS("AWS_EC2_METADATA_SERVICE_ENDPOINT host:80",
         in(ENV("AWS_EC2_METADATA_SERVICE_ENDPOINT=host:80"), "", ""));
    SAYS("AWS_EC2_METADATA_DISABLED is true", in(ENV("AWS_EC2_METADATA_DISABLED=TRUE"), "", ""));
}

static void shared_files_are_below_home_or_where_a_variable_says(void)
{
    static const struct {
        const char *const environ[3];
        const char *path;
    } cases[] = {{{"HOME=/h"}, "/h/.aws/config"},
                 {{"HOME=/h", "AWS_CONFIG_FILE=/c"}, "/c"},
                 {{"AWS_CONFIG_FILE=/c"}, "/c"},
                 {{"AWS_CONFIG_FILES=/no", "HOMER=/no"}, ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path silt_auto(silt_free_auto) =
            silt_creds_path(cases[i].environ, "AWS_CONFIG_FILE", ".aws/config");
        CU_ASSERT_STRING_EQUAL(path, cases[i].path);
    }
}

SILT_TESTS("creds_plan",
           {"the first source that is set up decides", the_first_source_that_is_set_up_decides},
           {"a profile of the options comes before the environment",
            a_profile_of_the_options_comes_before_the_environment},
           {"a default profile without an identity is passed over",
            a_default_profile_without_an_identity_is_passed_over},
           {"web identity needs its role", web_identity_needs_its_role},
           {"roles lead from profile to profile", roles_lead_from_profile_to_profile},
           {"a profile may name another source", a_profile_may_name_another_source},
           {"what is not supported says the way out", what_is_not_supported_says_the_way_out},
           {"the role of the options is assumed last", the_role_of_the_options_is_assumed_last},
           {"STS is where the region or an endpoint says",
            sts_is_where_the_region_or_an_endpoint_says},
           {"a container endpoint is on this machine or encrypted",
            a_container_endpoint_is_on_this_machine_or_encrypted},
           {"a container may want an authorization", a_container_may_want_an_authorization},
           {"instance metadata can be moved and switched off",
            instance_metadata_can_be_moved_and_switched_off},
           {"shared files are below HOME or where a variable says",
            shared_files_are_below_home_or_where_a_variable_says})
