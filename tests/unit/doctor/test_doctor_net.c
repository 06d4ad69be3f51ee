/* The checks over HTTP and PostgreSQL's protocol, against scripted servers. */
#include "doctor_tool.h"
#include "fakepg.h"
#include "http_server.h"

/* Long-lived keys of the options, and a server that answers once. */
static struct silt_http_server *aws(struct patient *patient, const struct silt_http_step *step)
{
    struct silt_http_server *server = silt_http_server_start(step, 1);
    patient_init(patient);
    patient->opts.needs_credentials = true;
    patient->opts.credentials.access_key = "AKIAEXAMPLE";
    patient->opts.credentials.region = "eu-west-1";
    patient->opts.credentials.sts_endpoint = silt_http_server_url(server);
    silt_secret_set(&patient->opts.credentials.secret_key, "secret");
    patient->opts.observe.cloudwatch_endpoint = silt_http_server_url(server);
    patient->opts.observe.cloudwatch_region = "eu-west-1";
    patient->opts.observe.cloudwatch_namespace = "N";
    return server;
}

static void aws_done(struct patient *patient, struct silt_http_server *server)
{
    patient_done(patient);
    silt_secret_done(&patient->opts.credentials.secret_key);
    silt_http_server_stop(server);
}

static void keys_are_named_with_their_owner(void)
{
    static const struct silt_http_step step = {
        .status = 200,
        .body = "<R><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/u</Arn>"
                "</GetCallerIdentityResult></R>"};
    struct patient patient;
    struct silt_http_server *server = aws(&patient, &step);
    says(&patient, silt_check_credentials, SILT_DOCTOR_OK, "key AKIA…", "");
    CU_ASSERT_PTR_NOT_NULL(
        strstr(silt_http_server_seen(server, 0)->body, "Action=GetCallerIdentity"));
    aws_done(&patient, server);
}

static void keys_of_another_store_are_not_shown_to_aws(void)
{
    static const struct silt_http_step step = {.status = 500};
    struct patient patient;
    struct silt_http_server *server = aws(&patient, &step);
    patient.opts.credentials.sts_endpoint = "";
    patient.opts.store.s3.endpoint = "http://127.0.0.1:1";
    says(&patient, silt_check_credentials, SILT_DOCTOR_OK, "until revoked", "");
    CU_ASSERT_EQUAL(silt_http_server_seen_n(server), 0);
    aws_done(&patient, server);
}

static void no_keys_at_all(void)
{
    static const char *const environ[] = {"AWS_EC2_METADATA_DISABLED=true", NULL};
    struct patient patient;
    patient_init(&patient);
    says(&patient, silt_check_credentials, SILT_DOCTOR_OK, "none needed", "");
    patient.opts.needs_credentials = true;
    patient.opts.credentials.environ = environ;
    says(&patient, silt_check_credentials, SILT_DOCTOR_FAILED, "no AWS credentials",
         "set up one source");
    patient_done(&patient);
}

static void cloudwatch_answers(const struct silt_http_step *step, enum silt_doctor_state state,
                               const char *finding, const char *mend)
{
    struct patient patient;
    struct silt_http_server *server = aws(&patient, step);
    patient.doctor.credentials = silt_credentials_new(&(struct silt_credentials_opts){
        .http = patient.doctor.http,
        .access_key = "AKIAEXAMPLE",
        .secret_key = patient.opts.credentials.secret_key,
        .session_token = patient.opts.credentials.secret_key,
    });
    CU_ASSERT_OK(silt_credentials_await(patient.doctor.credentials, NULL));
    says(&patient, silt_check_cloudwatch, state, finding, mend);
    CU_ASSERT_PTR_NOT_NULL(strstr(silt_http_server_seen(server, 0)->body, "DoctorCheck"));
    aws_done(&patient, server);
}

static void cloudwatch_is_tried_with_one_datum(void)
{
    static const struct silt_http_step good = {.status = 200};
    static const struct silt_http_step denied = {.status = 400, .body = "AccessDenied"};
    static const struct silt_http_step ill = {.status = 503, .body = "later"};
    static const struct silt_http_step cut = {.fault = SILT_FAULT_CLOSE};
    cloudwatch_answers(&good, SILT_DOCTOR_OK, "was accepted", "");
    cloudwatch_answers(&denied, SILT_DOCTOR_FAILED, "AccessDenied", "cloudwatch:PutMetricData");
    cloudwatch_answers(&ill, SILT_DOCTOR_FAILED, "503", "health");
    cloudwatch_answers(&cut, SILT_DOCTOR_FAILED, "http://127.0.0.1", "cloudwatch_endpoint");
}

static void cloudwatch_that_is_off(void)
{
    struct patient patient;
    patient_init(&patient);
    says(&patient, silt_check_cloudwatch, SILT_DOCTOR_SKIPPED, "is off", "");
    patient_done(&patient);
}

/* --- the registry ---------------------------------------------------------------------------- */

#define SCHEMA "{\"schema\":\"\\\"int\\\"\",\"id\":7}"

static struct silt_http_server *registry(struct patient *patient,
                                         const struct silt_http_step *steps, size_t steps_n)
{
    struct silt_http_server *server = silt_http_server_start(steps, steps_n);
    patient_init(patient);
    patient->opts.decoder.registry_url = silt_http_server_url(server);
    says(patient, silt_check_schemas, SILT_DOCTOR_OK, "none needed", "");
    return server;
}

static void registry_answers(int status, const char *body, enum silt_doctor_state state,
                             const char *finding, const char *mend)
{
    const struct silt_http_step step = {.status = status, .body = body};
    struct patient patient;
    struct silt_http_server *server = registry(&patient, &step, 1);
    says(&patient, silt_check_registry, state, finding, mend);
    patient_done(&patient);
    silt_http_server_stop(server);
}

static void a_registry_is_known_by_its_answers(void)
{
    registry_answers(200, SCHEMA, SILT_DOCTOR_OK, "answers", "");
    registry_answers(404, "{\"error_code\":40403}", SILT_DOCTOR_OK, "answers", "");
    registry_answers(404, "<html>", SILT_DOCTOR_FAILED, "wrong path", "path of schema.registry");
    registry_answers(401, "", SILT_DOCTOR_FAILED, "401", "schema.registry_password");
    registry_answers(403, "", SILT_DOCTOR_FAILED, "403", "let this user read");
    registry_answers(503, "", SILT_DOCTOR_FAILED, "503", "health of the registry");
}

static void one_address_of_several_is_enough(void)
{
    static const struct silt_http_step steps[] = {{.status = 200, .body = SCHEMA, .repeat = 2}};
    struct silt_survey_topic topic = {.topic = "t"};
    struct silt_http_server *server = silt_http_server_start(steps, 1);
    struct patient patient;
    char list[200];
    snprintf(list, sizeof list, "http://127.0.0.1:1,%s", silt_http_server_url(server));
    patient_init(&patient);
    patient.opts.decoder.registry_url = list;
    says(&patient, silt_check_schemas, SILT_DOCTOR_OK, "none needed", "");
    says(&patient, silt_check_registry, SILT_DOCTOR_WARNING, "1 of 2 addresses", "host and port");
    patient.doctor.topics = &topic;
    patient.doctor.topics_n = 1;
    says(&patient, silt_check_subjects, SILT_DOCTOR_OK, "id 7", "");
    patient_done(&patient);
    silt_http_server_stop(server);
}

static void subjects_answer(const struct silt_http_step *steps, size_t steps_n,
                            enum silt_doctor_state state, const char *finding, const char *mend)
{
    struct silt_survey_topic topic = {.topic = "a/b"};
    struct patient patient;
    struct silt_http_server *server = registry(&patient, steps, steps_n);
    says(&patient, silt_check_subjects, SILT_DOCTOR_SKIPPED, "kafka.topics found none", "");
    patient.doctor.topics = &topic;
    patient.doctor.topics_n = 1;
    says(&patient, silt_check_subjects, state, finding, mend);
    CU_ASSERT_STRING_EQUAL(silt_http_server_seen(server, 0)->target,
                           "/subjects/a%2Fb-value/versions/latest");
    patient_done(&patient);
    silt_http_server_stop(server);
}

static void the_schema_of_a_topic_is_read(void)
{
    static const struct silt_http_step good[] = {{.status = 200, .body = SCHEMA, .repeat = 1}};
    static const struct silt_http_step absent[] = {
        {.status = 404, .body = "{\"error_code\":40401}"}};
    static const struct silt_http_step nameless[] = {
        {.status = 200, .body = "{\"schema\":\"\\\"int\\\"\"}"}};
    static const struct silt_http_step bad[] = {{.status = 200, .body = SCHEMA},
                                                {.status = 200, .body = "{\"schema\":\"{\"}"}};
    static const struct silt_http_step denied[] = {{.status = 403}};
    subjects_answer(good, 1, SILT_DOCTOR_OK, "id 7", "");
    subjects_answer(absent, 1, SILT_DOCTOR_WARNING, "a/b-value", "register the schema");
    subjects_answer(nameless, 1, SILT_DOCTOR_FAILED, "names no id", "path");
    subjects_answer(bad, 2, SILT_DOCTOR_WARNING, "schema 7", "rejected");
    subjects_answer(denied, 1, SILT_DOCTOR_FAILED, "403", "let this user read");
}

static void without_a_registry(void)
{
    static const char *const files[] = {"/nowhere.avsc"};
    struct patient patient;
    patient_init(&patient);
    patient.opts.decoder.framing = SILT_FRAMING_NONE;
    patient.opts.decoder.schema_files = files;
    patient.opts.decoder.schema_files_n = 1;
    says(&patient, silt_check_schemas, SILT_DOCTOR_FAILED, "/nowhere.avsc", "schema.files");
    says(&patient, silt_check_registry, SILT_DOCTOR_SKIPPED, "needs no registry", "");
    patient_done(&patient);
}

/* --- the store's words ----------------------------------------------------------------------- */

static void bucket_answers(int status, const char *body, enum silt_doctor_state state,
                           const char *finding, const char *mend)
{
    const struct silt_http_step step = {.status = status, .body = body, .repeat = 3};
    struct patient patient;
    struct silt_http_server *server = aws(&patient, &step);
    patient.opts.credentials.sts_endpoint = "";
    patient.opts.store.root = "s3://bucket/root";
    patient.opts.store.s3.endpoint = silt_http_server_url(server);
    patient.opts.store.s3.region = "eu-west-1";
    patient.opts.store.s3.path_style = true;
    says(&patient, silt_check_credentials, SILT_DOCTOR_OK, "", "");
    says(&patient, silt_check_bucket, state, finding, mend);
    says(&patient, silt_check_list, status == 200 ? SILT_DOCTOR_OK : SILT_DOCTOR_FAILED, "", "");
    aws_done(&patient, server);
}

#define ERROR(code) "<Error><Code>" code "</Code></Error>"

static void a_refusal_of_the_store_has_its_cause(void)
{
    bucket_answers(200, "<ListBucketResult/>", SILT_DOCTOR_OK, "answers", "");
    bucket_answers(403, ERROR("AccessDenied"), SILT_DOCTOR_OK, "answers", "");
    bucket_answers(403, ERROR("ExpiredToken"), SILT_DOCTOR_FAILED, "ExpiredToken", "new ones");
    bucket_answers(404, ERROR("NoSuchBucket"), SILT_DOCTOR_FAILED, "NoSuchBucket", "create");
    bucket_answers(405, ERROR("MethodNotAllowed"), SILT_DOCTOR_FAILED, "405", "s3.path_style");
    bucket_answers(500, ERROR("InternalError"), SILT_DOCTOR_FAILED, "500", "health");
}

static void a_store_that_hangs_up(void)
{
    static const struct silt_http_step step = {.fault = SILT_FAULT_CLOSE, .repeat = 3};
    struct patient patient;
    struct silt_http_server *server = aws(&patient, &step);
    patient.opts.credentials.sts_endpoint = "";
    patient.opts.store.root = "s3://bucket";
    patient.opts.store.s3.endpoint = silt_http_server_url(server);
    patient.opts.store.s3.region = "eu-west-1";
    patient.opts.store.s3.path_style = true;
    says(&patient, silt_check_credentials, SILT_DOCTOR_OK, "", "");
    says(&patient, silt_check_bucket, SILT_DOCTOR_FAILED, "", "check s3.endpoint");
    aws_done(&patient, server);
}

/* --- PostgreSQL ------------------------------------------------------------------------------ */

static struct silt_fakepg *postgres(struct patient *patient, const char *version,
                                    const char *granted)
{
    struct silt_fakepg *pg = silt_fakepg_start();
    patient_init(patient);
    silt_fakepg_on(pg, "server_version", SILT_FAKEPG_ROW, "15.4", 1);
    silt_fakepg_on(pg, "to_regclass", SILT_FAKEPG_ROW, version ? "1" : "0", 1);
    silt_fakepg_on(pg, "max(version)", SILT_FAKEPG_ROW, version, 1);
    silt_fakepg_on(pg, "_privilege", SILT_FAKEPG_ROW, granted, 1);
    silt_secret_set(&patient->opts.observe.postgres_dsn, silt_fakepg_dsn(pg));
    return pg;
}

static void postgres_done(struct patient *patient, struct silt_fakepg *pg)
{
    patient_done(patient);
    silt_secret_done(&patient->opts.observe.postgres_dsn);
    silt_fakepg_stop(pg);
}

static void schema_is(const char *version, const char *granted, enum silt_doctor_state state,
                      const char *finding, const char *mend)
{
    struct patient patient;
    struct silt_fakepg *pg = postgres(&patient, version, granted);
    says(&patient, silt_check_postgres, SILT_DOCTOR_OK, "PostgreSQL 15.4", "");
    says(&patient, silt_check_postgres_rights, state, finding, mend);
    postgres_done(&patient, pg);
}

static void the_role_may_do_what_the_worker_does(void)
{
    schema_is("1", "t", SILT_DOCTOR_OK, "version 1, this program's is 1", "");
    schema_is(NULL, "t", SILT_DOCTOR_OK, "the worker will bring it there", "");
    schema_is("1", "f", SILT_DOCTOR_FAILED, "may not insert", "grant insert");
    schema_is(NULL, "f", SILT_DOCTOR_FAILED, "may not create", "grant create");
}

static void a_role_that_may_not_even_look(void)
{
    struct patient patient;
    struct silt_fakepg *pg = postgres(&patient, "1", "t");
    silt_fakepg_on(pg, "to_regclass", SILT_FAKEPG_ERROR, "42501 permission denied", 9);
    says(&patient, silt_check_postgres, SILT_DOCTOR_OK, "15.4", "");
    (void)silt_pg_exec(patient.doctor.pg, "select to_regclass", NULL, 0, NULL, NULL).ok;
    says(&patient, silt_check_postgres_rights, SILT_DOCTOR_FAILED, "42501", "grant usage");
    postgres_done(&patient, pg);
}

static void a_dsn_that_cannot_be_used(void)
{
    struct patient patient;
    patient_init(&patient);
    says(&patient, silt_check_postgres, SILT_DOCTOR_SKIPPED, "is not set", "");
    silt_secret_set(&patient.opts.observe.postgres_dsn, "nonsense");
    says(&patient, silt_check_postgres, SILT_DOCTOR_FAILED, "malformed", "metrics.postgres");
    silt_secret_set(&patient.opts.observe.postgres_dsn, "host=127.0.0.1 port=1 user=u");
    says(&patient, silt_check_postgres, SILT_DOCTOR_FAILED, "refused", "pg_hba.conf");
    silt_secret_done(&patient.opts.observe.postgres_dsn);
    patient_done(&patient);
}

SILT_TESTS("doctor_net", {"keys are named with their owner", keys_are_named_with_their_owner},
           {"keys of another store are not shown to AWS",
            keys_of_another_store_are_not_shown_to_aws},
           {"no keys at all", no_keys_at_all},
           {"CloudWatch is tried with one datum", cloudwatch_is_tried_with_one_datum},
           {"CloudWatch that is off", cloudwatch_that_is_off},
           {"a registry is known by its answers", a_registry_is_known_by_its_answers},
           {"one address of several is enough", one_address_of_several_is_enough},
           {"the schema of a topic is read", the_schema_of_a_topic_is_read},
           {"without a registry", without_a_registry},
           {"a refusal of the store has its cause", a_refusal_of_the_store_has_its_cause},
           {"a store that hangs up", a_store_that_hangs_up},
           {"the role may do what the worker does", the_role_may_do_what_the_worker_does},
           {"a role that may not even look", a_role_that_may_not_even_look},
           {"a DSN that cannot be used", a_dsn_that_cannot_be_used})
