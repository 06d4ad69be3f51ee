/* Calls that fail on demand: the k-th of a class returns what its manual says of a failure.
 *
 * Two kinds of calls count. Those of our own code: tests/torture/tortured renames, in copies of the
 * archives of src/, every reference to a name X for which faults.c has silt_torture_X. And what
 * libraries ask of the C library: definitions in the program come before those of any shared one.
 *
 * Counters and what was hit live in memory shared with the parent, so a crash leaves them. Nothing
 * fails before silt_torture_arm and on threads that called silt_torture_spare.
 */
#ifndef SILT_TORTURE_FAULTS_H
#define SILT_TORTURE_FAULTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct silt_worker;
struct silt_observer;
struct silt_metrics;

/* Ours: memory to codec. A library's: libmemory, libsocket, libthread; kafkamemory is librdkafka's
 * own, which ends the process when there is none. */
#define SILT_TORTURE_CLASSES(X) \
    X(memory)                   \
    X(file)                     \
    X(socket)                   \
    X(thread)                   \
    X(random)                   \
    X(kafka)                    \
    X(curl)                     \
    X(postgres) X(admin) X(codec) X(avro) X(libmemory) X(libsocket) X(libthread) X(kafkamemory)

enum silt_torture_class {
#define X(name) SILT_TORTURE_##name,
    SILT_TORTURE_CLASSES(X)
#undef X
        SILT_TORTURE_CLASSES_N
};
const char *silt_torture_class_name(enum silt_torture_class class);

#define SILT_TORTURE_FAULTS_MAX 2

struct silt_torture_fault {
    enum silt_torture_class class;
    uint64_t k; /* from 1 */
};

struct silt_torture_shared {
    _Atomic uint64_t calls[SILT_TORTURE_CLASSES_N];
    struct {
        const char *name; /* the call that failed; NULL: it was not reached */
        void *site;       /* where it returns to */
    } hits[SILT_TORTURE_FAULTS_MAX];
    _Atomic bool died; /* on purpose: silt_torture_die_at_complete */
};

/* Before fork; lives as long as the process. */
struct silt_torture_shared *silt_torture_share(void);
void silt_torture_arm(const struct silt_torture_fault *faults, unsigned faults_n);
void silt_torture_disarm(void);
void silt_torture_spare(void);

/* The answer of every first PUT of a slot gets lost. */
void silt_torture_lose_commits(void);
/* The process ends, as if killed, when the first upload is to be completed. */
void silt_torture_die_at_complete(void);

/* What the program's worker is doing; false while there is none. */
struct silt_torture_look {
    bool caught_up;
    uint64_t consumed;
    int64_t rebalances;
    int port; /* of the admin listener; 0: none */
};
bool silt_torture_look(struct silt_torture_look *ret_look);

#endif
