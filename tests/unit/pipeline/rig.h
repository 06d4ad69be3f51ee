/* A whole pipeline for tests: Kafka (librdkafka's mock cluster) and the object store in memory, any
 * number of workers between them, and an audit of what they leave behind.
 *
 * Everything ends within a bound that only a hang reaches. Assertions on the test's thread only.
 */
#ifndef SILT_TEST_RIG_H
#define SILT_TEST_RIG_H

#include "base/alloc.h"
#include "base/hash.h"
#include "base/log.h"
#include "commit/manifest.h"
#include "consume/gen.h"
#include "consume/mock_int.h"
#include "consume/producer.h"
#include "harness.h"
#include "memory_store.h"
#include "pipeline/worker.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RIG_TOPIC "readings"
#define RIG_LOOKS 12000 /* of 10 ms */
#define RIG_LONG_MS 120000
#define RIG_START_MS INT64_C(1700000000000)

struct rig {
    struct silt_mock *mock;
    struct silt_memory_store *mem;
    char *schema_files[SILT_GEN_VERSIONS];
    uint64_t fingerprints[SILT_GEN_VERSIONS];
    struct silt_worker_opts opts; /* for the next worker */
    uint64_t seed;
    char group[16];
    unsigned groups_n;
};

/* ---- life ---- */

static const char *const rig_topics[] = {RIG_TOPIC};
/* The embedded broker lets a rebalance last until a second before the session timeout. */
static const struct silt_property rig_properties[] = {
    {"session.timeout.ms", "2000"},
    {"heartbeat.interval.ms", "100"},
    {"fetch.wait.max.ms", "20"},
    {"fetch.error.backoff.ms", "20"},
    {"topic.metadata.refresh.interval.ms", "200"},
};

static inline void rig_read_schema(struct rig *rig, unsigned version)
{
    char *path = silt_asprintf("%s/schemas/avro/sensor_reading.v%u.avsc", SILT_SOURCE_DIR, version);
    size_t len;
    char *json = silt_test_read(path, &len);
    struct silt_buf canonical;
    struct silt_err err = {0};
    silt_buf_init(&canonical, SILT_BUF_MAX_DEFAULT);
    if (!silt_schema_canonical(silt_slice_of(json, len), &canonical, &err).ok) abort();
    rig->fingerprints[version - 1] = silt_crc64_avro(canonical.data, canonical.len);
    rig->schema_files[version - 1] = path;
    silt_buf_done(&canonical);
    free(json);
}

/* The log is part of what is run, not of what is looked at; SILT_TEST_LOG names a file to keep it.
 */
static inline void rig_silence(void)
{
    static int fd = -1;
    const char *path = getenv("SILT_TEST_LOG");
    if (fd < 0)
        fd = open(path ? path : "/dev/null", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    silt_log_init(SILT_DEBUG, SILT_LOG_JSON, fd);
}

static inline struct silt_worker_opts rig_opts(const struct rig *rig)
{
    return (struct silt_worker_opts){
        .consumer = {.brokers = silt_mock_brokers(rig->mock),
                     .group = "g",
                     .topics = rig_topics,
                     .topics_n = 1,
                     .properties = rig_properties,
                     .properties_n = sizeof rig_properties / sizeof rig_properties[0]},
        .decoder = {.framing = SILT_FRAMING_SINGLE_OBJECT,
                    .schema_files = (const char *const *)rig->schema_files,
                    .schema_files_n = SILT_GEN_VERSIONS,
                    .registry_url = "",
                    .registry_user = "",
                    .ca_file = "",
                    .sensor_id_field = "sensor_id",
                    .time_field = "ts",
                    .value_max = 1 << 20},
        .framing = "single_object",
        .store = &rig->mem->store,
        .archive_id = "0123456789abcdef0123456789abcdef",
        .name = "w",
        .genesis = SILT_GENESIS_EARLIEST,
        .cut = {.unit = SILT_BUCKET_HOUR, .max_files = 8},
        .limits = {.bytes_max = INT64_MAX, .records_max = INT64_MAX, .age_max_ms = 100},
        .slot_limits = {.max_upload_age_ms = INT64_C(4) * 3600000, .max_tail_age_ms = 600000},
        .codec = SILT_CODEC_DEFLATE,
        .level = 1,
        .block_bytes = 4096,
        .encode_workers = 1,
        .part_size = 65536,
        .part_parallel = 2,
        .memory = INT64_C(64) << 20,
        .max_reject_ratio = 1.0,
        .lag_interval_ms = 50,
        .gc_interval_ms = 3600000,
        .grace_ms = 30000,
        .revoke_ms = 5000,
    };
}

static inline void rig_open(struct rig *rig, int32_t partitions_n)
{
    struct silt_err err = {0};
    *rig = (struct rig){.seed = 1};
    rig_silence();
    if (!silt_mock_new(1, &rig->mock, &err).ok) abort();
    if (!silt_mock_add_topic(rig->mock, RIG_TOPIC, partitions_n, &err).ok) abort();
    rig->mem = silt_memory_store_new();
    for (unsigned v = 1; v <= SILT_GEN_VERSIONS; v++) rig_read_schema(rig, v);
    rig->opts = rig_opts(rig);
}

static inline void rig_close(struct rig *rig)
{
    if (rig->mem) silt_store_free(&rig->mem->store);
    for (unsigned v = 0; v < SILT_GEN_VERSIONS; v++) silt_free(rig->schema_files[v]);
    silt_mock_free(rig->mock);
}

/* ---- records ---- */

struct rig_made {
    uint64_t n;
    uint64_t bad;
    uint64_t tombstones;
};

static inline struct silt_producer *rig_producer(const struct rig *rig)
{
    struct silt_producer *producer = NULL;
    struct silt_err err = {0};
    const struct silt_producer_opts opts = {.brokers = silt_mock_brokers(rig->mock),
                                            .topic = RIG_TOPIC};
    if (!silt_producer_new(&opts, &producer, &err).ok) abort();
    return producer;
}

/* Sends what the generator makes to one partition. */
static inline struct rig_made rig_send_from(struct silt_producer *producer, int32_t partition,
                                            const struct silt_gen_opts *opts)
{
    struct rig_made made = {0};
    struct silt_err err = {0};
    struct silt_gen gen;
    struct silt_generated one;
    silt_gen_init(&gen, opts);
    while (silt_gen_next(&gen, &one)) {
        one.rec.partition = partition;
        made.n++;
        made.bad += one.reason != SILT_REASON_NONE;
        made.tombstones += one.rec.value_null;
        if (!silt_producer_send(producer, &one.rec, &err).ok) abort();
    }
    CU_ASSERT_OK(silt_producer_flush(producer, RIG_LONG_MS, &err));
    silt_gen_done(&gen);
    return made;
}

static inline struct rig_made rig_send_opts(struct rig *rig, int32_t partition,
                                            const struct silt_gen_opts *opts)
{
    struct silt_producer *producer = rig_producer(rig);
    struct rig_made made = rig_send_from(producer, partition, opts);
    silt_producer_free(producer);
    return made;
}

static inline struct silt_gen_opts rig_gen(struct rig *rig, uint64_t n)
{
    return (struct silt_gen_opts){.seed = rig->seed++,
                                  .records = n,
                                  .sensors = 5,
                                  .schema_versions = 1,
                                  .key = SILT_GEN_KEY_SENSOR_ID,
                                  .framing = SILT_GEN_SINGLE_OBJECT,
                                  .fingerprints = {rig->fingerprints[0], rig->fingerprints[1]},
                                  .start_ms = RIG_START_MS,
                                  .step_ms = 1};
}

static inline struct rig_made rig_send(struct rig *rig, int32_t partition, uint64_t n)
{
    const struct silt_gen_opts opts = rig_gen(rig, n);
    return rig_send_opts(rig, partition, &opts);
}

/* One record of these bytes. */
static inline void rig_send_value(struct rig *rig, int32_t partition, struct silt_slice value)
{
    struct silt_producer *producer = rig_producer(rig);
    struct silt_err err = {0};
    const struct silt_record rec = {
        .partition = partition, .timestamp_ms = RIG_START_MS, .key_null = true, .value = value};
    CU_ASSERT_OK(silt_producer_send(producer, &rec, &err));
    CU_ASSERT_OK(silt_producer_flush(producer, RIG_LONG_MS, &err));
    silt_producer_free(producer);
}

static inline void rig_delete_before(struct rig *rig, int32_t partition, int64_t offset)
{
    CU_ASSERT_EQUAL(
        rd_kafka_mock_partition_delete_records(rig->mock->cluster, RIG_TOPIC, partition, offset),
        0);
}

/* ---- workers ---- */

struct rig_worker {
    struct silt_worker *worker;
    struct silt_metrics *metrics;
};

static inline struct rig_worker rig_start(const struct rig *rig)
{
    struct rig_worker w = {.metrics = silt_metrics_new()};
    struct silt_worker_opts opts = rig->opts;
    struct silt_err err = {0};
    opts.metrics = w.metrics;
    if (!silt_worker_start(&opts, &w.worker, &err).ok) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return w;
}

static inline void rig_join(struct rig_worker *w)
{
    struct silt_err err = {0};
    silt_worker_stop(w->worker);
    CU_ASSERT(silt_worker_join(w->worker, &err));
    CU_ASSERT(silt_worker_has_ended(w->worker));
}

static inline void rig_free(struct rig_worker *w)
{
    silt_worker_free(w->worker);
    silt_metrics_free(w->metrics);
    *w = (struct rig_worker){0};
}

/* The next worker's group: the mock lets nobody into one that was just left for seconds, and where
 * an archive goes on does not depend on it. */
static inline void rig_new_group(struct rig *rig)
{
    snprintf(rig->group, sizeof rig->group, "g%u", ++rig->groups_n);
    rig->opts.consumer.group = rig->group;
}

/* No request may be open any more. */
static inline void rig_end(struct rig_worker *w)
{
    rig_join(w);
    rig_free(w);
}

static inline int64_t rig_gauge(const struct rig_worker *w, enum silt_gauge gauge)
{
    return atomic_load(&w->metrics->gauges[gauge]);
}

static inline uint64_t rig_failures(const struct rig_worker *w, enum silt_stage stage)
{
    uint64_t n = 0;
    for (int i = 0; i < SILT_FAIL_TYPES_N; i++)
        n += atomic_load(&w->metrics->stages[stage].failure[i]);
    return n;
}

static inline void rig_look(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

/* Waits for an expression, looking again and again. */
#define RIG_AWAIT(expr)                                                 \
    do {                                                                \
        unsigned looks_ = 0;                                            \
        while (!(expr) && looks_ < RIG_LOOKS) looks_++, rig_look();     \
        CU_ASSERT(looks_ < RIG_LOOKS);                                  \
        if (looks_ == RIG_LOOKS) fprintf(stderr, "never: %s\n", #expr); \
    } while (0)

static inline int64_t rig_settled(const struct rig_worker *w)
{
    return rig_gauge(w, SILT_GAUGE_RECORDS_ARCHIVED) + rig_gauge(w, SILT_GAUGE_RECORDS_REJECTED);
}

static inline void rig_await_settled(const struct rig_worker *w, uint64_t n)
{
    RIG_AWAIT(rig_settled(w) >= (int64_t)n);
}

static inline void rig_fault(struct rig *rig, enum silt_store_op op, const char *key_part,
                             enum silt_memory_fault_kind kind, enum silt_store_outcome outcome,
                             unsigned times)
{
    silt_memory_add_fault(
        rig->mem,
        &(struct silt_memory_fault){
            .op = op, .key_part = key_part, .kind = kind, .outcome = outcome, .times = times});
}

static inline unsigned rig_calls(struct rig *rig, enum silt_store_op op)
{
    silt_memory_lock(rig->mem);
    unsigned n = rig->mem->calls[op];
    silt_memory_unlock(rig->mem);
    return n;
}

static inline unsigned rig_held(struct rig *rig)
{
    silt_memory_lock(rig->mem);
    unsigned n = rig->mem->held_n;
    silt_memory_unlock(rig->mem);
    return n;
}

/* ---- what is in the archive ---- */

struct rig_books {
    unsigned slots;
    unsigned kinds[4]; /* by enum silt_slot_kind */
    int64_t start;
    int64_t next;
    int64_t records;
    int64_t tombstones;
    int64_t rejected;
    int64_t holes;
    int64_t unreadable;
    unsigned files;
    unsigned files_max; /* of one slot */
    int64_t records_max;
    unsigned absent;   /* files without an object */
    unsigned repaired; /* … and with a repair record and its object */
    unsigned lost;     /* … and with a repair record that says so */
    char unit[8];
    char time[8];
};

static inline const struct silt_memory_object *rig_find(const struct rig *rig, int32_t partition,
                                                        const char *name)
{
    char end[64];
    snprintf(end, sizeof end, "/%05d/%s.json", partition, name);
    for (unsigned i = 0; i < rig->mem->objects_n; i++) {
        const struct silt_memory_object *object = &rig->mem->objects[i];
        size_t len = strlen(object->key);
        if (strncmp(object->key, "_log/", 5) == 0 && len > strlen(end) &&
            strcmp(object->key + len - strlen(end), end) == 0)
            return object;
    }
    return NULL;
}

static inline bool rig_is_whole(struct rig *rig, const struct silt_manifest_file *file)
{
    const struct silt_memory_object *object = silt_memory_find(rig->mem, file->key);
    return object && (int64_t)object->len == file->size &&
           silt_crc32c(0, object->body, object->len) == file->crc32c;
}

static inline void rig_add_absent(struct rig *rig, const struct silt_manifest *m, unsigned file,
                                  struct rig_books *books)
{
    char name[64];
    snprintf(name, sizeof name, "%016lld.f%u.r1", (long long)m->seq, file);
    const struct silt_memory_object *object = rig_find(rig, m->tp.partition, name);
    struct silt_repair repair = {0};
    struct silt_err err = {0};
    books->absent++;
    if (!object) return;
    CU_ASSERT_OK(silt_repair_parse(silt_slice_of(object->body, object->len), &repair, &err));
    books->lost += repair.lost;
    if (!repair.lost && rig_is_whole(rig, &repair.with)) {
        CU_ASSERT_EQUAL(repair.with.records, m->files[file].records);
        CU_ASSERT_EQUAL(repair.with.first, m->files[file].first);
        CU_ASSERT_EQUAL(repair.with.last, m->files[file].last);
        books->repaired++;
    }
    silt_repair_done(&repair);
}

static inline void rig_add_slot(struct rig *rig, const struct silt_manifest *m,
                                struct rig_books *books)
{
    if (!books->slots) books->start = m->start;
    books->slots++;
    books->kinds[m->kind]++;
    books->next = m->next;
    books->records += m->records;
    books->tombstones += m->tombstones;
    books->rejected += m->rejected;
    books->holes += silt_offsets_sum(m->holes, m->holes_n);
    books->unreadable += silt_offsets_sum(m->unreadable, m->unreadable_n);
    books->files += m->files_n;
    if (m->files_n > books->files_max) books->files_max = m->files_n;
    if (m->records > books->records_max) books->records_max = m->records;
    snprintf(books->unit, sizeof books->unit, "%s", m->cut.unit);
    snprintf(books->time, sizeof books->time, "%s", m->cut.time);
    for (unsigned i = 0; i < m->files_n; i++)
        if (!rig_is_whole(rig, &m->files[i])) rig_add_absent(rig, m, i, books);
}

/* Reads the whole chain of a partition, checks its links and each slot's books. */
static inline struct rig_books rig_audit(struct rig *rig, int32_t partition)
{
    struct rig_books books = {.start = -1, .next = -1};
    struct silt_manifest before = {0};
    char before_sha[SILT_SHA256_HEX];
    silt_memory_lock(rig->mem);
    for (int64_t seq = 0;; seq++) {
        char name[32];
        snprintf(name, sizeof name, "%016lld", (long long)seq);
        const struct silt_memory_object *object = rig_find(rig, partition, name);
        if (!object) break;
        struct silt_slice bytes = silt_slice_of(object->body, object->len);
        struct silt_manifest m = {0};
        struct silt_err err = {0};
        CU_ASSERT_OK(silt_manifest_parse(bytes, &m, &err));
        CU_ASSERT_OK(silt_manifest_check(&m, &err));
        CU_ASSERT_OK(silt_manifest_check_link(&m, seq ? &before : NULL, before_sha, &err));
        rig_add_slot(rig, &m, &books);
        silt_manifest_done(&before);
        before = m;
        silt_sha256_hex(bytes.ptr, bytes.len, before_sha);
    }
    silt_manifest_done(&before);
    silt_memory_unlock(rig->mem);
    return books;
}

/* All offsets [0, n) of the partition are archived, and nothing else. */
static inline struct rig_books rig_expect_all(struct rig *rig, int32_t partition, uint64_t n)
{
    struct rig_books books = rig_audit(rig, partition);
    CU_ASSERT_EQUAL(books.start, 0);
    CU_ASSERT_EQUAL(books.next, (int64_t)n);
    CU_ASSERT_EQUAL(books.records + books.rejected, (int64_t)n);
    CU_ASSERT_EQUAL(books.holes + books.unreadable, 0);
    CU_ASSERT_EQUAL(books.absent, 0);
    return books;
}

#endif
