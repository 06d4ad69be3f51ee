#include "net/credentials.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "harness.h"
#include "http_server.h"
#include "net/http.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct silt_http *http;

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    SILT_ASSERT(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* A container's answer whose keys live that long. */
static char *keys_for(const char *key, int64_t life_ms)
{
    char until[SILT_ISO_LEN];
    silt_iso_time(silt_wall_ms() + life_ms, until);
    return silt_asprintf("{\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
                         "\"Expiration\":\"%s\"}",
                         key, until);
}

static char *sts_answer(const char *key)
{
    char until[SILT_ISO_LEN];
    silt_iso_time(silt_wall_ms() + 3600000, until);
    return silt_asprintf("<R><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>s"
                         "</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s"
                         "</Expiration></Credentials></R>",
                         key, until);
}

/* The news of one provider. */
struct told {
    pthread_mutex_t lock;
    unsigned obtained;
    unsigned failed;
    char why[240];
};

static void on_news(void *ctx, const struct silt_credentials_news *news)
{
    struct told *told = ctx;
    pthread_mutex_lock(&told->lock);
    told->obtained += !news->why;
    told->failed += news->why != NULL;
    if (news->why) snprintf(told->why, sizeof told->why, "%s", news->why);
    pthread_mutex_unlock(&told->lock);
}

static struct silt_credentials *start(const char *const *environ,
                                      const struct silt_http_server *sts, struct told *told)
{
    return silt_credentials_new(
        &(struct silt_credentials_opts){.http = http,
                                        .region = "eu-west-1",
                                        .sts_endpoint = sts ? silt_http_server_url(sts) : NULL,
                                        .environ = environ,
                                        .on_news = told ? on_news : NULL,
                                        .ctx = told});
}

static bool key_is(struct silt_credentials *credentials, const char *key)
{
    struct silt_creds *creds = silt_credentials_take(credentials);
    bool is = creds && strcmp(creds->access_key, key) == 0;
    silt_credentials_give(creds);
    return is;
}

/* Waits up to 30 s for what must come. */
static bool soon(struct silt_credentials *credentials, const char *key)
{
    for (int i = 0; i < 3000 && !key_is(credentials, key); i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    return key_is(credentials, key);
}

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})

static char *full_uri(const struct silt_http_server *server)
{
    return silt_asprintf("AWS_CONTAINER_CREDENTIALS_FULL_URI=%s/creds",
                         silt_http_server_url(server));
}

static void keys_of_the_options_need_nobody(void)
{
    struct silt_secret secret = {0};
    silt_secret_set(&secret, "s");
    struct silt_credentials *credentials = silt_credentials_new(
        &(struct silt_credentials_opts){.http = http, .access_key = "AKID", .secret_key = secret});
    silt_secret_done(&secret);
    CU_ASSERT_OK(silt_credentials_await(credentials, NULL));
    struct silt_creds *creds = silt_credentials_take(credentials);
    CU_ASSERT_STRING_EQUAL(creds->access_key, "AKID");
    CU_ASSERT_STRING_EQUAL(silt_secret_reveal(&creds->secret_key), "s");
    CU_ASSERT_FALSE(silt_secret_is_set(&creds->session_token));
    CU_ASSERT_FALSE(silt_credentials_refused(credentials, creds));
    silt_credentials_free(credentials);
    CU_ASSERT_STRING_EQUAL(creds->access_key, "AKID"); /* until it is given back */
    silt_credentials_give(creds);
    silt_credentials_free(NULL);
    silt_credentials_give(NULL);
}

static void a_web_identity_and_a_role_behind_it(void)
{
    char *answers[] = {sts_answer("WEB"), sts_answer("ROLE")};
    const struct silt_http_step steps[] = {{.status = 200, .body = answers[0]},
                                           {.status = 200, .body = answers[1]}};
    struct silt_http_server *sts = silt_http_server_start(steps, 2);
    char *token silt_auto(silt_free_auto) = silt_asprintf("%s/token", silt_test_dir());
    char *file silt_auto(silt_free_auto) = silt_asprintf("AWS_WEB_IDENTITY_TOKEN_FILE=%s", token);
    write_file(token, "ey.web\n");
    struct silt_credentials *credentials = silt_credentials_new(
        &(struct silt_credentials_opts){.http = http,
                                        .region = "eu-west-1",
                                        .role_arn = "arn:behind",
                                        .sts_endpoint = silt_http_server_url(sts),
                                        .environ = ENV(file, "AWS_ROLE_ARN=arn:web")});
    CU_ASSERT_OK(silt_credentials_await(credentials, NULL));
    CU_ASSERT(key_is(credentials, "ROLE"));
    const struct silt_http_seen *first = silt_http_server_seen(sts, 0);
    const struct silt_http_seen *second = silt_http_server_seen(sts, 1);
    CU_ASSERT(strstr(first->body, "WebIdentityToken=ey.web") != NULL);
    CU_ASSERT(strstr(second->body, "RoleArn=arn%3Abehind") != NULL);
    char *signature = silt_http_seen_header(second, "authorization");
    CU_ASSERT(signature && strstr(signature, "Credential=WEB/"));
    free(signature);
    silt_credentials_free(credentials);
    silt_http_server_stop(sts);
    silt_free(answers[0]);
    silt_free(answers[1]);
}

static void a_token_file_that_is_missing_is_named(void)
{
    struct told told = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct silt_err err = {0};
    struct silt_credentials *credentials = start(
        ENV("AWS_WEB_IDENTITY_TOKEN_FILE=/nonexistent/token", "AWS_ROLE_ARN=arn:web"), NULL, &told);
    CU_ASSERT_FAILS(silt_credentials_await(credentials, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_UNAVAILABLE);
    CU_ASSERT(strstr(err.text, "/nonexistent/token cannot be read") != NULL);
    CU_ASSERT_PTR_NULL(silt_credentials_take(credentials));
    silt_credentials_free(credentials);
    CU_ASSERT(told.failed >= 3);
    CU_ASSERT(strstr(told.why, "web identity of arn:web") != NULL);
}

static void a_profile_of_the_shared_files_is_found_and_read_again(void)
{
    char *path silt_auto(silt_free_auto) = silt_asprintf("%s/credentials", silt_test_dir());
    char *file silt_auto(silt_free_auto) = silt_asprintf("AWS_SHARED_CREDENTIALS_FILE=%s", path);
    write_file(path, "[p]\naws_access_key_id = OLD\naws_secret_access_key = s\n");
    struct silt_credentials *credentials =
        start(ENV(file, "AWS_CONFIG_FILE=/nonexistent", "AWS_PROFILE=p"), NULL, NULL);
    CU_ASSERT_OK(silt_credentials_await(credentials, NULL));
    struct silt_creds *old = silt_credentials_take(credentials);
    CU_ASSERT_STRING_EQUAL(old->access_key, "OLD");
    write_file(path, "[p]\naws_access_key_id = NEW\naws_secret_access_key = s\n");
    CU_ASSERT(silt_credentials_refused(credentials, old));
    CU_ASSERT(soon(credentials, "NEW"));
    struct silt_creds *new = silt_credentials_take(credentials);
    CU_ASSERT_EQUAL(new->generation, old->generation + 1);
    CU_ASSERT(silt_credentials_refused(credentials, old)); /* known already */
    silt_credentials_give(old);
    silt_credentials_give(new);
    silt_credentials_free(credentials);
}

static void what_cannot_work_ends_the_wait_at_once(void)
{
    struct silt_err err = {0};
    struct told told = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct silt_credentials *credentials =
        start(ENV("AWS_EC2_METADATA_DISABLED=true"), NULL, &told);
    CU_ASSERT_FAILS(silt_credentials_await(credentials, &err));
    CU_ASSERT_EQUAL(err.code, SILT_E_CONFIG);
    CU_ASSERT(strstr(err.text, "no AWS credentials") != NULL);
    char why[240];
    silt_credentials_why(credentials, why, sizeof why);
    CU_ASSERT_STRING_EQUAL(why, err.text);
    CU_ASSERT_FAILS(silt_credentials_await(credentials, NULL));
    silt_credentials_free(credentials);
    CU_ASSERT(told.failed >= 1);
}

static void old_keys_serve_while_a_renewal_fails(void)
{
    char *first = keys_for("FIRST", 6000);
    char *later = keys_for("LATER", 3600000);
    const struct silt_http_step steps[] = {{.status = 200, .body = first},
                                           {.status = 500},
                                           {.status = 200, .body = "{}"},
                                           {.fault = SILT_FAULT_CLOSE},
                                           {.status = 200, .body = later}};
    struct silt_http_server *server = silt_http_server_start(steps, 5);
    char *uri silt_auto(silt_free_auto) = full_uri(server);
    struct told told = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct silt_credentials *credentials = start(ENV(uri), NULL, &told);
    CU_ASSERT_OK(silt_credentials_await(credentials, NULL));
    CU_ASSERT(key_is(credentials, "FIRST"));
    silt_http_server_await(server, 2); /* the renewal before they expire */
    CU_ASSERT(soon(credentials, "LATER"));
    silt_credentials_free(credentials);
    CU_ASSERT_EQUAL(told.obtained, 2);
    CU_ASSERT_EQUAL(told.failed, 3);
    CU_ASSERT_EQUAL(silt_http_server_seen_n(server), 5);
    silt_http_server_stop(server);
    silt_free(first);
    silt_free(later);
}

static void expired_keys_are_not_handed_out(void)
{
    char *first = keys_for("FIRST", 1500);
    const struct silt_http_step steps[] = {{.status = 200, .body = first},
                                           {.status = 500, .repeat = -1}};
    struct silt_http_server *server = silt_http_server_start(steps, 2);
    char *uri silt_auto(silt_free_auto) = full_uri(server);
    struct silt_credentials *credentials = start(ENV(uri), NULL, NULL);
    CU_ASSERT_OK(silt_credentials_await(credentials, NULL));
    while (key_is(credentials, "FIRST")) nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    CU_ASSERT_PTR_NULL(silt_credentials_take(credentials));
    silt_http_server_await(server, 2);
    silt_credentials_free(credentials);
    silt_http_server_stop(server);
    silt_free(first);
}

static void an_instance_gives_keys_and_redirects_are_not_followed(void)
{
    char *keys = keys_for("ROLE", 3600000);
    const struct silt_http_step steps[] = {
        {.status = 200, .body = "SESSION"},
        {.status = 200, .body = "role"},
        {.status = 200, .body = keys},
        {.status = 302, .headers = "Location: http://127.0.0.1:1/\r\n", .repeat = -1}};
    struct silt_http_server *server = silt_http_server_start(steps, 4);
    char *endpoint silt_auto(silt_free_auto) =
        silt_asprintf("AWS_EC2_METADATA_SERVICE_ENDPOINT=%s", silt_http_server_url(server));
    struct silt_credentials *credentials = start(ENV(endpoint), NULL, NULL);
    CU_ASSERT_OK(silt_credentials_await(credentials, NULL));
    CU_ASSERT(key_is(credentials, "ROLE"));
    silt_credentials_free(credentials);
    struct silt_err err = {0};
    struct silt_credentials *again = start(ENV(endpoint), NULL, NULL);
    CU_ASSERT_FAILS(silt_credentials_await(again, &err));
    CU_ASSERT(strstr(err.text, "answered 302") != NULL);
    silt_credentials_free(again);
    CU_ASSERT_STRING_EQUAL(silt_http_server_seen(server, 0)->method, "PUT");
    char *session =
        silt_http_seen_header(silt_http_server_seen(server, 2), "x-aws-ec2-metadata-token");
    CU_ASSERT_STRING_EQUAL(session, "SESSION");
    free(session);
    silt_http_server_stop(server);
    silt_free(keys);
}

static void an_answer_that_never_comes_does_not_hold_up_the_end(void)
{
    static const struct silt_http_step steps[] = {{.fault = SILT_FAULT_HANG, .repeat = -1}};
    struct silt_http_server *server = silt_http_server_start(steps, 1);
    char *uri silt_auto(silt_free_auto) = full_uri(server);
    struct silt_credentials *credentials = start(ENV(uri), NULL, NULL);
    silt_http_server_await(server, 1);
    silt_credentials_free(credentials);
    silt_http_server_stop(server);
}

static void the_loop_may_stop_first(void)
{
    static const struct silt_http_step steps[] = {{.fault = SILT_FAULT_HANG, .repeat = -1}};
    struct silt_http_server *server = silt_http_server_start(steps, 1);
    char *uri silt_auto(silt_free_auto) = full_uri(server);
    struct silt_http *own = NULL;
    CU_ASSERT_OK(silt_http_start(&(struct silt_http_opts){0}, &own, NULL));
    struct silt_credentials *credentials =
        silt_credentials_new(&(struct silt_credentials_opts){.http = own, .environ = ENV(uri)});
    silt_http_server_await(server, 1);
    silt_http_stop(own);
    silt_credentials_free(credentials);
    silt_http_server_stop(server);
}

static const struct silt_test tests[] = {
    {"keys of the options need nobody", keys_of_the_options_need_nobody},
    {"a web identity, and a role behind it", a_web_identity_and_a_role_behind_it},
    {"a token file that is missing is named", a_token_file_that_is_missing_is_named},
    {"a profile of the shared files is found, and read again when it is refused",
     a_profile_of_the_shared_files_is_found_and_read_again},
    {"what cannot work ends the wait at once", what_cannot_work_ends_the_wait_at_once},
    {"old keys serve while a renewal fails", old_keys_serve_while_a_renewal_fails},
    {"expired keys are not handed out", expired_keys_are_not_handed_out},
    {"an instance gives keys, and redirects are not followed",
     an_instance_gives_keys_and_redirects_are_not_followed},
    {"an answer that never comes does not hold up the end",
     an_answer_that_never_comes_does_not_hold_up_the_end},
    {"the loop may stop first", the_loop_may_stop_first},
};

int main(void)
{
    if (!silt_ok(silt_http_start(&(struct silt_http_opts){0}, &http, NULL))) abort();
    int rc = silt_test_main("credentials", tests, sizeof tests / sizeof tests[0]);
    silt_http_stop(http);
    return rc;
}
