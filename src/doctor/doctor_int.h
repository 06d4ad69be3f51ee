/* Private to doctor: what the checks share, and the checks themselves, one file per neighbour. */
#ifndef SILT_DOCTOR_DOCTOR_INT_H
#define SILT_DOCTOR_DOCTOR_INT_H

#include "commit/probe.h"
#include "consume/survey.h"
#include "doctor/doctor.h"
#include "net/http.h"
#include "pg/pg.h"

#include <pthread.h>

#define SILT_DOCTOR_PATIENCE_MS 8000
#define SILT_DOCTOR_SOURCE_MAX 160

/* What a check found that others need. Made by silt_doctor_run, freed by it. */
struct silt_doctor {
    const struct silt_doctor_opts *opts;
    struct silt_http *http;
    struct silt_survey *survey;
    struct silt_survey_topic *topics;
    unsigned topics_n;
    struct silt_queue *replies; /* the decoder wants one; nothing comes */
    struct silt_decoder *decoder;
    struct silt_credentials *credentials;
    struct silt_store *store;
    struct silt_store_req listed;       /* the first question to the store */
    char probe_key[SILT_PROBE_KEY_MAX]; /* a small object of ours; "" = none */
    struct silt_pg *pg;
    struct {
        pthread_mutex_t lock;
        char source[SILT_DOCTOR_SOURCE_MAX]; /* of the credentials, from the io thread */
    } synced;
};

typedef void silt_check_fn(struct silt_doctor *doctor, struct silt_doctor_result *result);
struct silt_doctor_check {
    const char *name;
    silt_check_fn *fn;
    const char *needs; /* the check that must have passed; NULL: none */
};

/* Pure: @return whether the check may run; else its result says why not. results: of the checks
 * before it. */
bool silt_check_may_run(const struct silt_doctor_check *check,
                        const struct silt_doctor_result *results, unsigned results_n,
                        struct silt_doctor_result *ret_result);

/* Pure: marks the checks to run. @return NULL, or the name that is of no check. */
const char *silt_checks_choose(const struct silt_doctor_check *checks, unsigned checks_n,
                               const char *const *only, unsigned only_n, bool *ret_chosen);

/* Pure: what the topics that were found mean. */
void silt_judge_topics(const struct silt_doctor *doctor, struct silt_doctor_result *result);
void silt_judge_retention(const struct silt_doctor *doctor, struct silt_doctor_result *result);

/* What a check says at its end; a result is OK before. */
void silt_found(struct silt_doctor_result *result, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void silt_mend(struct silt_doctor_result *result, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void silt_warn(struct silt_doctor_result *result, const char *mend);
void silt_fail(struct silt_doctor_result *result, enum silt_code code, const char *mend);
void silt_fail_err(struct silt_doctor_result *result, const struct silt_err *err, const char *mend);
void silt_skip(struct silt_doctor_result *result, const char *why);

silt_check_fn silt_check_brokers, silt_check_topics, silt_check_retention, silt_check_group,
    silt_check_dead_letters;
silt_check_fn silt_check_registry, silt_check_subjects, silt_check_schemas;
silt_check_fn silt_check_credentials, silt_check_cloudwatch;
silt_check_fn silt_check_bucket, silt_check_clock, silt_check_list, silt_check_write,
    silt_check_read, silt_check_races, silt_check_uploads, silt_check_lifecycle;
silt_check_fn silt_check_postgres, silt_check_postgres_rights;

#endif
