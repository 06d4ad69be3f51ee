/* The simulator: the product's own pipeline between a simulated Kafka and a simulated S3, on one
 * thread, driven by a seed.
 *
 * Its objects stand at the link seam: they define the symbols of base/clock, base/alloc, base/log,
 * base/queue, base/thread, getrandom() and consume/consumer, the calls to net/http, and a store
 * behind the port's table of functions. Everything else is the product's own object code. One event
 * at a time:
 *
 *   schedule ─▶ a worker's turn ─▶ requests, calls ─▶ store, kafka
 *            ─▶ a request is carried out or answered ─▶ oracle
 *            ─▶ produce, retention, rebalance, kill … or time goes on
 *
 * A worker that stands still, or a repair that waits, is a frame on the stack under which the
 * others' events go on (sim_others). SIGKILL leaves the frame by longjmp and drops the memory.
 * Everything of a seed is forgotten with the next sim_begin.
 */
#ifndef SILT_SIM_H
#define SILT_SIM_H

#include "base/err.h"
#include "commit/manifest.h"
#include "consume/consumer.h"
#include "pipeline/worker_int.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_PROCS_MAX 4u
#define SIM_PARTS_MAX 3
#define SIM_FILES_MAX 16u      /* of a slot */
#define SIM_FILE_PARTS_MAX 64u /* of an upload */
#define SIM_UPLOAD_ID_LEN 24u
#define SIM_TOPIC "readings"
#define SIM_EPOCH_MS INT64_C(1700000000000) /* wall clock at the beginning of a seed */
#define SIM_A6_MS                                                                  \
    (INT64_C(15) * 60 * 1000) /* the store refuses a date older or newer than that \
                               */
#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (INT64_C(60) * SECOND_MS)
#define HOUR_MS (INT64_C(60) * MINUTE_MS)

/* ---- the seed's own world: chance, time, memory, verdict (sim_world.c) ---- */

enum sim_fault {
#define SIM_FAULT(code, name, rate, text) SIM_##code,
#include "sim_faults.def"
#undef SIM_FAULT
    SIM_FAULTS_N
};

enum sim_bug {
    SIM_NO_BUG,
    SIM_B1, /* starts at the first record there is, not where the tail ends */
    SIM_B2, /* starts at Kafka's committed offset */
    SIM_B3, /* aborts its uploads when it gives up, though the PUT may still land */
    SIM_B4, /* collects uploads by age */
    SIM_B5, /* completes files before the manifest */
    SIM_B6, /* commits slot n + 1 before the files of slot n are complete */
    SIM_B7, /* repairs nothing */
    SIM_B8, /* commits uploads of any age */
    SIM_B9, /* manifests can be deleted */
    SIM_BUGS_N
};

struct sim_plan { /* what is run */
    uint64_t seed;
    enum sim_bug bug;
    uint64_t off;   /* bits of enum sim_fault that never happen */
    unsigned steps; /* of chaos; 0: as the seed says */
    bool trace;
};

struct sim_world {
    struct sim_plan plan;
    uint64_t rng;
    uint64_t product_rng;
    uint64_t faults;           /* bits: classes of this seed */
    int64_t now_ms;            /* virtual time since the beginning */
    int64_t upload_age_max_ms; /* what workers commit is not older (R7) */
    bool confluent;            /* records name their schema by a registry's id */
    int64_t lifecycle_ms;      /* the store may expire an upload that is older */
    bool calm;                 /* faults are over: everything has to be archived now */
    unsigned events;
    unsigned depth; /* of sim_others */
    bool failed;
    const char *kind; /* of failure: the text before its numbers */
    char why[400];
    jmp_buf over; /* sim_fail leaves the seed */
};
extern struct sim_world world;

void sim_begin(const struct sim_plan *plan);
uint64_t sim_draw(void);
unsigned sim_below(unsigned n);
int64_t sim_between(int64_t low, int64_t high); /* closed */
bool sim_chance(unsigned per_mille);
/* Does a fault of this class happen now? Counted when it does. */
bool sim_fault(enum sim_fault fault);
bool sim_has(enum sim_fault fault); /* is the class part of this seed? */
const char *sim_fault_name(enum sim_fault fault);
bool sim_fault_parse(const char *name, enum sim_fault *ret_fault);
int64_t sim_wall_ms(void); /* the right one */
/* Memory of the world: lives until the next seed. Zeroed. */
void *sim_take(size_t bytes);
void *sim_grow(void *from, size_t old_bytes, size_t new_bytes);
char *sim_text(const char *text);
/* The invariant does not hold: the seed has failed. */
_Noreturn void sim_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void sim_trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- workers (sim_proc.c) ---- */

struct sim_block { /* of a worker's memory */
    struct sim_block *prev;
    struct sim_block *next;
    size_t bytes; /* with this */
    size_t align; /* what follows, to 16 */
};

struct sim_consumer;

struct sim_proc {
    struct silt_store store; /* its client of the store */
    unsigned no;
    unsigned life; /* bumped at each start */
    bool alive;
    bool stopping;
    bool doomed; /* killed while a frame of it is on the stack */
    bool in_turn;
    bool in_repair;
    jmp_buf turn_top;
    jmp_buf repair_top;
    struct silt_worker *worker;
    struct sim_block blocks;
    int64_t clock_ms; /* its wall clock − the right one */
    int64_t asleep_until_ms;
    void *(*repair)(void *ctx); /* the thread it started; NULL: none */
    void *repair_ctx;
    jmp_buf parked;
    unsigned seams; /* until the fault inside this turn; 0: none */
    bool seam_kills;
    int64_t turned_ms;
};
extern struct sim_proc sim_procs[SIM_PROCS_MAX];
extern struct sim_proc *sim_current; /* whose code runs; NULL: the world's */

void sim_procs_begin(void);
void sim_proc_start(struct sim_proc *proc);
void sim_proc_turn(struct sim_proc *proc);
void sim_proc_repair(struct sim_proc *proc); /* its repair thread goes on */
void sim_proc_kill(struct sim_proc *proc);
bool sim_proc_can_turn(const struct sim_proc *proc);
bool sim_proc_can_repair(const struct sim_proc *proc);
/* The product calls out: here a worker may stand still or die. */
void sim_seam(void);
/* The others' events go on for so long. */
void sim_others(int64_t ms);
/* sim_memory.c */
void sim_drop_memory(struct sim_proc *proc);
void sim_keep_memory(bool keep); /* is what is taken for ever? */

/* ---- one event (sim_schedule.c) ---- */

void sim_event(void);
void sim_run(const struct sim_plan *plan);

/* ---- Kafka (sim_kafka.c) ---- */

enum sim_kind { SIM_DATA, SIM_REJECT, SIM_TOMBSTONE, SIM_CONTROL };

struct sim_entry {
    uint64_t id;
    int64_t offset;
    int64_t ts;
    int32_t epoch;
    uint8_t kind;  /* enum sim_kind */
    uint8_t shape; /* which schema, or how it is broken */
    bool open;     /* of a transaction that is not decided */
    bool aborted;
    bool compacted;
    bool corrupt;
    bool was_corrupt;
    uint8_t heals; /* errors until it can be read; 0: never */
    bool archived;
    bool disowned;           /* … and taken back by a lineage slot */
    bool in_gap;             /* of a gap slot: retention had taken it */
    bool unreadable;         /* a slot says so, and it was */
    struct sim_entry *older; /* the one that stood here before a truncation */
};

struct sim_log {
    struct sim_entry **entries; /* by offset */
    int64_t end;
    int64_t cap;
    int64_t log_start;
    int32_t epoch;
    unsigned truncations;
    int64_t cut_at;    /* lowest truncation so far; INT64_MAX: none */
    int64_t cut_ms;    /* when the last one was */
    bool txn;          /* one is open */
    bool halted;       /* a worker gave its partition up, and said why */
    int64_t committed; /* of the group; -1: none */
    char metadata[128];
    struct sim_chain *chain; /* the oracle's; NULL: no slot yet */
};

struct sim_topic { /* an incarnation */
    char id[SILT_TOPIC_ID_LEN];
    int32_t parts_n;
    int64_t made_ms;
    bool gone;
    struct sim_log logs[SIM_PARTS_MAX];
    struct sim_topic *older;
};

struct sim_cluster {
    struct sim_topic *topic; /* the newest incarnation */
    bool absent;             /* deleted, not made again yet */
    uint64_t ids;
};
extern struct sim_cluster sim_cluster;

void sim_kafka_begin(void);
void sim_kafka_event(void); /* something happens to the cluster */
void sim_kafka_calm(void);  /* what was begun is ended */
struct sim_topic *sim_topic_of(const char *id);
int64_t sim_log_stable(const struct sim_log *log); /* last stable offset */
bool sim_entry_visible(const struct sim_entry *entry);
/* End offset of the newest epoch that is not newer than this one. */
int64_t sim_log_epoch_end(const struct sim_log *log, int32_t epoch);
struct sim_bytes { /* of one record */
    uint8_t value[400];
    char key[32];
};
struct silt_record sim_entry_record(const struct sim_entry *entry, int32_t partition,
                                    struct sim_bytes *room);
const char *sim_entry_reason(const struct sim_entry *entry); /* of a reject */

/* By registry id; NULL: the registry does not know it. */
const char *sim_schema_text(int id);
/* Of the schema that the record names; -1: none. */
int32_t sim_entry_schema_id(const struct sim_entry *entry);

/* ---- the registry (sim_registry.c) ---- */

void sim_registry_begin(void);
int64_t sim_registry_next_ms(void); /* of the next answer or timer; INT64_MAX: none */
void sim_registry_event(void);      /* of what is due */
void sim_registry_forget(const struct sim_proc *proc);

/* ---- the group (sim_group.c) ---- */

void sim_group_begin(void);
void sim_group_join(struct silt_consumer *consumer, struct sim_proc *proc);
void sim_group_leave(const struct sim_proc *proc); /* left or declared dead */
void sim_group_died(const struct sim_proc *proc);  /* nobody knows yet */
void sim_group_event(void);
void sim_group_expel(struct sim_proc *proc);
void sim_group_answered(struct silt_consumer *consumer, bool assigned, const int32_t *parts,
                        unsigned parts_n);
bool sim_group_settled(void);
/* Of the consumer: a rebalance event for it. */
void sim_consumer_tell(struct silt_consumer *consumer, enum silt_polled_kind kind,
                       const int32_t *parts, unsigned parts_n, bool lost);
bool sim_consumer_is_free(const struct silt_consumer *consumer); /* nothing to answer */
bool sim_consumer_is_out(const struct silt_consumer *consumer);  /* expelled, not told yet */
int64_t sim_consumer_committed(const struct sim_proc *proc, int32_t partition);

/* ---- the store (sim_store.c) ---- */

struct sim_object {
    const char *key;
    const uint8_t *body;
    size_t len;
    uint32_t crc32c;
    const char *token;
    bool deleted;
    int64_t at_ms;
};

enum sim_upload_state { SIM_OPEN, SIM_COMPLETED, SIM_ABORTED, SIM_EXPIRED };
struct sim_upload {
    const char *key;
    char id[SIM_UPLOAD_ID_LEN];
    const char *token;
    int64_t created_ms;
    enum sim_upload_state state;
    struct silt_store_part *parts;
    const uint8_t **bodies;
    unsigned parts_n;
    unsigned puts;         /* PUTs sent that list it */
    int64_t put_dead_ms;   /* none of them can land any more from then on */
    struct sim_file *file; /* of the manifest or repair record that lists it; NULL: none */
};

void sim_store_begin(void);
unsigned sim_store_changes(void);                   /* grows whenever something is kept or let go */
void sim_store_event(void);                         /* a request that is due goes one step on */
void sim_store_fault(void);                         /* something happens to the store by itself */
int64_t sim_store_next_ms(void);                    /* of the next request; INT64_MAX: none */
void sim_store_forget(const struct sim_proc *proc); /* the client is dead */
void sim_store_stop(struct sim_proc *proc); /* the client is freed: open requests are answered */
void sim_store_expire(struct sim_upload *upload);
struct sim_object *sim_store_find(const char *key);
struct sim_upload *sim_store_upload(const char *id);
struct sim_upload *sim_store_uploads(unsigned i); /* NULL behind the last */
void sim_store_complete_later(struct sim_upload *upload,
                              const struct silt_manifest_file *file); /* B6 */
void sim_store_complete_now(const struct silt_manifest_file *file);   /* B5 */
void sim_store_abort_now(struct sim_upload *upload);                  /* B4 */
extern const struct silt_store_vtable sim_store_vtable;

/* ---- the oracle (sim_oracle.c): called at every change of the store ---- */

void sim_oracle_begin(void);
void sim_oracle_dated(const char *key, struct silt_slice body); /* a PUT is about to leave */
/* … has left, and cannot land from dead_ms on. @return since when those before it could not. */
int64_t sim_oracle_sent(struct silt_slice body, int64_t dead_ms);
/* It was refused for its date: it has come, and is gone. */
void sim_oracle_refused(struct silt_slice body, int64_t dead_before_ms);
void sim_oracle_put(const char *key, struct silt_slice body);
void sim_oracle_completed(const struct sim_upload *upload, const struct sim_object *object);
void sim_oracle_aborted(const struct sim_upload *upload);
void sim_oracle_halted(int32_t partition, const char *why);
bool sim_oracle_is_done(void); /* everything that can be archived is */
void sim_oracle_show(void);
unsigned sim_oracle_slots(void);

/* What the object holds, in the world's memory. */
void sim_manifest_read(const char *key, struct silt_slice body, struct silt_manifest *ret);

/* ---- expected bytes (sim_rows.c) ---- */

struct sim_why { /* of a reject */
    const char *reason;
    struct silt_slice detail;
    int32_t schema_id; /* -1: unknown */
};
/* Bytes of the record's row in its file and of its share of the window's digest. */
size_t sim_row(const struct silt_record *rec, enum silt_role role, const struct sim_why *why,
               uint8_t *out);
size_t sim_digested(const struct silt_record *rec, uint8_t *out);
size_t sim_varint(struct silt_slice in, int64_t *ret);

/* ---- coverage (sim_coverage.c) ---- */

struct sim_counts; /* plain numbers, in memory that processes share */
extern struct sim_counts *sim_counts;
size_t sim_counts_size(void);
void sim_counts_add(struct sim_counts *to, const struct sim_counts *from);
void sim_count_seed(void);
void sim_count_fault(enum sim_fault fault);
void sim_count_lane(const char *from, const char *to);
void sim_count_kill(const struct sim_proc *proc);
void sim_count_forget(const struct sim_proc *proc);
/* @return rows without a count. */
unsigned sim_counts_print(const struct sim_counts *counts);

#endif
