/* A doctor with one neighbour, and what a check of it says. */
#ifndef SILT_TEST_DOCTOR_TOOL_H
#define SILT_TEST_DOCTOR_TOOL_H

#include "base/alloc.h"
#include "doctor_int.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct patient {
    struct silt_doctor_opts opts;
    struct silt_doctor doctor;
};

static inline void patient_init(struct patient *patient)
{
    *patient = (struct patient){0};
    patient->doctor.opts = &patient->opts;
    pthread_mutex_init(&patient->doctor.synced.lock, NULL);
    if (!silt_http_start(&(struct silt_http_opts){0}, &patient->doctor.http, NULL).ok) abort();
}

static inline void patient_done(struct patient *patient)
{
    struct silt_doctor *doctor = &patient->doctor;
    silt_pg_free(doctor->pg);
    silt_store_req_done(&doctor->listed);
    silt_store_free(doctor->store);
    silt_credentials_free(doctor->credentials);
    silt_decoder_free(doctor->decoder);
    silt_http_stop(doctor->http);
    pthread_mutex_destroy(&doctor->synced.lock);
}

static inline void says(struct patient *patient, silt_check_fn *check, enum silt_doctor_state state,
                        const char *finding, const char *mend)
{
    struct silt_doctor_result result = {.name = "check"};
    check(&patient->doctor, &result);
    if (result.state != state || !strstr(result.finding, finding) || !strstr(result.mend, mend))
        fprintf(stderr, "\n  %s: %s; %s\n", silt_doctor_state_name(result.state), result.finding,
                result.mend);
    CU_ASSERT_EQUAL(result.state, state);
    CU_ASSERT_PTR_NOT_NULL(strstr(result.finding, finding));
    CU_ASSERT_PTR_NOT_NULL(strstr(result.mend, mend));
    CU_ASSERT((state == SILT_DOCTOR_FAILED) == (result.code != SILT_E_NONE));
}

#endif
