/* An object store in memory for tests: keeps what the port promises, and breaks it on demand.
 *
 * Requests are carried out when they are submitted, on the submitter's thread, and come back
 * through `reply_to` like those of any store. A fault is taken by the first request that fits it:
 * it is carried out or not, and answered with the fault's outcome. Any thread may submit and call;
 * whoever looks into it while others submit holds silt_memory_lock. Freed with silt_store_free;
 * requests held back are answered STOPPED then.
 */
#ifndef SILT_TEST_MEMORY_STORE_H
#define SILT_TEST_MEMORY_STORE_H

#include "store/store.h"

#include <pthread.h>

enum silt_memory_fault_kind {
    SILT_FAULT_REFUSED,  /* not carried out */
    SILT_FAULT_ANSWERED, /* carried out, the answer got lost */
    SILT_FAULT_HELD,     /* carried out when silt_memory_let_go is called */
};

struct silt_memory_fault {
    enum silt_store_op op;
    const char *key_part; /* "" fits every key */
    enum silt_memory_fault_kind kind;
    enum silt_store_outcome outcome;
    unsigned times;
};

#define SILT_MEMORY_FAULTS_MAX 32u
#define SILT_MEMORY_HELD_MAX 64u

struct silt_memory_store {
    struct silt_store store; /* first */
    pthread_mutex_t lock;    /* recursive */

    /* how it lies */
    unsigned puts_per_key; /* a key takes so many PUT_NEWs; 1 is the truth */
    bool loses_puts;       /* PUT_NEW is answered OK and forgotten */
    bool keeps_last_put;   /* with puts_per_key: the last body stays */
    bool forbids_absent;   /* 403 instead of 404 */
    const char *invents;   /* GET and HEAD of an absent key find this body */
    int64_t skew_ms;       /* its clock − ours */
    bool has_clock;
    int lifecycle_abort_days;
    bool lifecycle_expires_log;
    bool lists_all_uploads; /* MPU_LIST knows no prefix */
    unsigned page_max;      /* keys in a page of a listing; 0: as asked */

    unsigned calls[SILT_OPS_N];
    int64_t last_date_ms; /* of the last PUT_NEW */
    unsigned open_max;    /* most requests that were held at once */

    struct silt_memory_fault faults[SILT_MEMORY_FAULTS_MAX];
    unsigned faults_n;
    struct silt_store_req *held[SILT_MEMORY_HELD_MAX];
    unsigned held_n;
    struct silt_memory_object *objects;
    unsigned objects_n;
    struct silt_memory_upload *uploads;
    unsigned uploads_n;
};

struct silt_memory_object {
    char *key;
    char *body;
    size_t len;
    char token[80];
    unsigned puts;
    bool delete_marker; /* somebody deleted it: answers 404 with a marker */
};

struct silt_memory_upload {
    char *key;
    char *id;
    char token[80];
    struct silt_store_part *parts;
    char **bodies;
    unsigned parts_n;
    bool open;
};

struct silt_memory_store *silt_memory_store_new(void);
void silt_memory_lock(struct silt_memory_store *mem);
void silt_memory_unlock(struct silt_memory_store *mem);
void silt_memory_add_fault(struct silt_memory_store *mem, const struct silt_memory_fault *fault);
void silt_memory_clear_faults(struct silt_memory_store *mem);
/* Carries out and answers what was held, oldest first. */
void silt_memory_let_go(struct silt_memory_store *mem);

/* By hand, past every rule. */
struct silt_memory_object *silt_memory_find(struct silt_memory_store *mem, const char *key);
void silt_memory_put(struct silt_memory_store *mem, const char *key, struct silt_slice body);
void silt_memory_delete(struct silt_memory_store *mem, const char *key);
struct silt_memory_upload *silt_memory_find_upload(struct silt_memory_store *mem, const char *id);
/* Opens an upload with parts of these bytes. */
void silt_memory_stage(struct silt_memory_store *mem, const char *key, const char *id,
                       const char *token, const char *const *bodies, unsigned bodies_n);

#endif
