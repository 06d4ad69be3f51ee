/* Tries everything a worker needs, without being one: brokers, topics, group, registry,
 * credentials, store, PostgreSQL, CloudWatch.
 *
 * Each check has a name, a finding and, when something is wrong, the way out. Checks do not depend
 * on each other unless one needs what another found; then it is skipped with that reason. Kafka is
 * only read and no group is joined. A store keeps small objects below `_probe/` (silt never
 * deletes) and no upload; CloudWatch gets one datum named DoctorCheck; PostgreSQL is only asked.
 * Blocking, one thread; every wait is bounded.
 */
#ifndef SILT_DOCTOR_DOCTOR_H
#define SILT_DOCTOR_DOCTOR_H

#include "base/err.h"
#include "consume/consumer.h"
#include "decode/decoder.h"
#include "net/credentials.h"
#include "observe/observe.h"
#include "store/store_open.h"

/* As the worker would get them; `http` and credentials are the doctor's own. */
struct silt_doctor_opts {
    const char *const *only; /* names of checks, or their beginnings; what those need is run, too */
    unsigned only_n;         /* 0: all */
    struct silt_consumer_opts consumer;
    const char *dlq_topic; /* NULL or "": none */
    struct silt_decoder_opts decoder;
    struct silt_credentials_opts credentials;
    bool needs_credentials;
    struct silt_credentials **token_credentials; /* set for consumer.token's source; NULL: none */
    struct silt_store_opts store;
    struct silt_observe_opts observe;
    bool postgres_plaintext; /* accepted */
    int64_t max_age_ms;      /* of a window */
    int64_t max_upload_age_ms;
};

enum silt_doctor_state {
    SILT_DOCTOR_OK,
    SILT_DOCTOR_WARNING,
    SILT_DOCTOR_FAILED,
    SILT_DOCTOR_SKIPPED
};

struct silt_doctor_result {
    const char *name; /* "kafka.brokers" */
    enum silt_doctor_state state;
    enum silt_code code; /* FAILED: what kind of failure */
    char finding[400];   /* SKIPPED: the reason */
    char mend[320];      /* "" when there is nothing to do */
};
const char *silt_doctor_state_name(enum silt_doctor_state state); /* "ok", "warning" … */

/* Called after each check, in the order of the table. USAGE: `only` names none. */
typedef void silt_doctor_tell_fn(void *ctx, const struct silt_doctor_result *result);
SILT_RC silt_doctor_run(const struct silt_doctor_opts *opts, silt_doctor_tell_fn *tell, void *ctx,
                        struct silt_err *err);

#endif
