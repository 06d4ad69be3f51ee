/* What an answer of an S3 store means: the one table.
 *
 * Pure. The text of an answer never decides, only what libcurl said, the status and the error code
 * of the body. `retry` says whether the very same request may be sent again from within the store;
 * the caller's own retries are its own affair.
 * Sources: Amazon S3 API Reference, "Error responses", 2026; answers seen from versitygw 1.8.0 and
 * MinIO (2026-02), named where they differ.
 */
#ifndef SILT_STORE_OUTCOME_H
#define SILT_STORE_OUTCOME_H

#include "net/http.h"
#include "store/store.h"

struct silt_store_answer {
    enum silt_store_op op;
    enum silt_http_outcome http;
    int status;
    const char *code; /* of the <Error> in the body, also below a status 200; "" when none */
};

struct silt_store_verdict {
    enum silt_store_outcome outcome;
    bool retry;
    bool stale; /* the credentials are not, or no longer, known: the same request may go out again
                   with others */
};

struct silt_store_verdict silt_store_judge(const struct silt_store_answer *answer);

#endif
