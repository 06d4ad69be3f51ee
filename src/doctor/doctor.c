#include "doctor_int.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct silt_doctor_check all_checks[] = {
    {"aws.credentials", silt_check_credentials, NULL},
    {"kafka.brokers", silt_check_brokers, NULL},
    {"kafka.topics", silt_check_topics, "kafka.brokers"},
    {"kafka.retention", silt_check_retention, "kafka.topics"},
    {"kafka.group", silt_check_group, "kafka.brokers"},
    {"kafka.dead_letters", silt_check_dead_letters, "kafka.brokers"},
    {"schema.files", silt_check_schemas, NULL},
    {"schema.registry", silt_check_registry, "schema.files"},
    {"schema.subjects", silt_check_subjects, "schema.registry"},
    {"store.bucket", silt_check_bucket, "aws.credentials"},
    {"store.clock", silt_check_clock, "store.bucket"},
    {"store.list", silt_check_list, "store.bucket"},
    {"store.write", silt_check_write, "store.bucket"},
    {"store.read", silt_check_read, "store.bucket"},
    {"store.races", silt_check_races, "store.write"},
    {"store.uploads", silt_check_uploads, "store.bucket"},
    {"store.lifecycle", silt_check_lifecycle, "store.bucket"},
    {"postgres.connection", silt_check_postgres, NULL},
    {"postgres.rights", silt_check_postgres_rights, "postgres.connection"},
    {"cloudwatch", silt_check_cloudwatch, "aws.credentials"},
};
enum { CHECKS_N = sizeof all_checks / sizeof all_checks[0] };

const char *silt_doctor_state_name(enum silt_doctor_state state)
{
    static const char *const names[] = {[SILT_DOCTOR_OK] = "ok",
                                        [SILT_DOCTOR_WARNING] = "warning",
                                        [SILT_DOCTOR_FAILED] = "failed",
                                        [SILT_DOCTOR_SKIPPED] = "skipped"};
    SILT_ASSERT((unsigned)state < sizeof names / sizeof names[0]);
    return names[state];
}

/* --- results --------------------------------------------------------------------------------- */

void silt_found(struct silt_doctor_result *result, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(result->finding, sizeof result->finding, fmt, ap);
    va_end(ap);
}

void silt_mend(struct silt_doctor_result *result, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(result->mend, sizeof result->mend, fmt, ap);
    va_end(ap);
}

void silt_warn(struct silt_doctor_result *result, const char *mend)
{
    result->state = SILT_DOCTOR_WARNING;
    result->code = SILT_E_NONE;
    silt_mend(result, "%s", mend);
}

void silt_fail(struct silt_doctor_result *result, enum silt_code code, const char *mend)
{
    result->state = SILT_DOCTOR_FAILED;
    result->code = code;
    silt_mend(result, "%s", mend);
}

void silt_fail_err(struct silt_doctor_result *result, const struct silt_err *err, const char *mend)
{
    silt_found(result, "%s", err->text);
    silt_fail(result, err->code, mend);
}

void silt_skip(struct silt_doctor_result *result, const char *why)
{
    result->state = SILT_DOCTOR_SKIPPED;
    silt_found(result, "%s", why);
}

bool silt_check_may_run(const struct silt_doctor_check *check,
                        const struct silt_doctor_result *results, unsigned results_n,
                        struct silt_doctor_result *ret_result)
{
    *ret_result = (struct silt_doctor_result){.name = check->name};
    if (!check->needs) return true;
    unsigned i = 0;
    while (i < results_n && (!results[i].name || strcmp(results[i].name, check->needs) != 0)) i++;
    SILT_ASSERT(i < results_n);
    if (results[i].state == SILT_DOCTOR_SKIPPED) silt_skip(ret_result, results[i].finding);
    if (results[i].state != SILT_DOCTOR_FAILED) return results[i].state != SILT_DOCTOR_SKIPPED;
    silt_skip(ret_result, "");
    silt_found(ret_result, "%s failed", check->needs);
    return false;
}

static bool choose(const struct silt_doctor_check *table, unsigned table_n, const char *name,
                   bool *chosen)
{
    bool found = false;
    for (unsigned i = 0; i < table_n; i++) {
        if (strncmp(table[i].name, name, strlen(name)) != 0) continue;
        chosen[i] = found = true;
    }
    return found;
}

const char *silt_checks_choose(const struct silt_doctor_check *table, unsigned table_n,
                               const char *const *only, unsigned only_n, bool *ret_chosen)
{
    for (unsigned i = 0; i < table_n; i++) ret_chosen[i] = only_n == 0;
    for (unsigned k = 0; k < only_n; k++)
        if (!choose(table, table_n, only[k], ret_chosen)) return only[k];
    for (unsigned i = table_n; i-- > 0;) /* what is needed stands before those who need it */
        if (ret_chosen[i] && table[i].needs) choose(table, i, table[i].needs, ret_chosen);
    return NULL;
}

/* --- the visit ------------------------------------------------------------------------------- */

/* The store and the decoder answer to the io loop, which ends last. */
static void doctor_done(struct silt_doctor *doctor)
{
    silt_pg_free(doctor->pg);
    silt_store_req_done(&doctor->listed);
    silt_store_free(doctor->store);
    silt_credentials_free(doctor->credentials);
    silt_decoder_free(doctor->decoder);
    silt_queue_free(doctor->replies);
    silt_free(doctor->topics);
    silt_survey_close(doctor->survey);
    silt_http_stop(doctor->http);
}

/* Where the log-in is by IAM, the brokers are reached with AWS's credentials. */
static void take_checks(const struct silt_doctor_opts *opts,
                        struct silt_doctor_check ret_checks[CHECKS_N])
{
    memcpy(ret_checks, all_checks, sizeof all_checks);
    for (unsigned i = 0; i < CHECKS_N; i++)
        if (ret_checks[i].fn == silt_check_brokers && opts->consumer.needs_token)
            ret_checks[i].needs = "aws.credentials";
}

SILT_RC silt_doctor_run(const struct silt_doctor_opts *opts, silt_doctor_tell_fn *tell, void *ctx,
                        struct silt_err *err)
{
    struct silt_doctor doctor = {.opts = opts, .synced = {.lock = PTHREAD_MUTEX_INITIALIZER}};
    struct silt_doctor_result results[CHECKS_N] = {0};
    struct silt_doctor_check checks[CHECKS_N];
    bool chosen[CHECKS_N];
    take_checks(opts, checks);
    const char *unknown = silt_checks_choose(checks, CHECKS_N, opts->only, opts->only_n, chosen);
    if (unknown)
        SILT_FAIL(err, USAGE,
                  "no check is called \"%.40s\"; the beginning of a name is enough: kafka, schema, "
                  "aws, store, postgres, cloudwatch",
                  unknown);
    SILT_TRY(silt_http_start(&(struct silt_http_opts){0}, &doctor.http, err));
    doctor.replies = silt_queue_new(1, NULL, NULL);
    for (unsigned i = 0; i < CHECKS_N; i++) {
        if (!chosen[i]) continue;
        if (silt_check_may_run(&checks[i], results, i, &results[i]))
            checks[i].fn(&doctor, &results[i]);
        tell(ctx, &results[i]);
    }
    doctor_done(&doctor);
    return SILT_OK;
}
