/* The observers: metrics, failures, lag and slots to Postgres, CloudWatch, /metrics, /api/v1 and
 * the log.
 *
 * Nothing here may stop, slow or corrupt archiving: every call copies into a bounded ring and
 * returns at once; what does not fit is dropped, oldest first, and counted (SPOOL_DROPPED). Outputs
 * that are down are retried with backoff and back-filled with the original times. Threads: `ledger`
 * (libpq), `observe` (samples, CloudWatch's documents), `admin` (HTTP); CloudWatch rides on the io
 * loop. All functions: any thread, but start and stop.
 *
 * One run's numbers are the same everywhere: each sample's difference of the counters becomes rows
 * of silt.stage_metric and datums of CloudWatch, the last one is taken at stop; /metrics shows the
 * counters themselves. So over a run Σ stage_metric = Σ CloudWatch = the last /metrics, except that
 * the ledger's own last statements (stage postgres_write) come after the last sample.
 * The RECORDS_* and SLOTS_* gauges are counted by whoever archives, not here.
 *
 * GET /api/v1/status (unknown numbers are null):
 *   worker boot version uptime_ms ready ready_why live
 *   records_archived records_rejected records_holes records_redelivered slots_committed slots_lost
 *   partitions_assigned partitions_paused partitions_halted windows_open memory_used memory_limit
 *   lag_total      Σ lag; null while nothing is assigned or any assigned partition's lag is unknown
 *   partitions[]   every member of struct silt_lag by its name, tp as cluster topic topic_id
 * partition stages{}       by name: success failure failure_types{} bytes retries latency_us{count
 * sum p50 p95 p99 max} outputs{}      postgres, cloudwatch: state off|connecting|ok|down, since,
 * error, spooled, dropped GET /api/v1/lag: lag_total partitions[]. GET /api/v1/rejects:
 * records_rejected and the last 100 rejects[], newest first: ts topic partition offset reason
 * detail sensor_id. GET /metrics /livez /readyz and / (a page for people).
 */
#ifndef SILT_OBSERVE_OBSERVE_H
#define SILT_OBSERVE_OBSERVE_H

#include "base/err.h"
#include "base/secret.h"
#include "metrics/metrics.h"
#include "record/topic.h"

#include <stdbool.h>
#include <stdint.h>

struct silt_credentials;
struct silt_http;
struct silt_observer;

struct silt_observe_opts {
    struct silt_metrics *metrics;
    const char *worker;  /* pod or host name */
    int64_t interval_ms; /* how often counters are sampled; 0 = 10 s */
    int64_t memory;      /* of the worker: what waits for outputs takes an eighth of it at most, and
                            never more than 30 MiB; 0 = those */
    /* Postgres; dsn unset = off */
    struct silt_secret postgres_dsn;
    int retention_days; /* daily partitions kept; 0 = 30 */
    /* CloudWatch; region "" = off */
    const char *cloudwatch_region;
    const char *cloudwatch_endpoint;      /* "" = AWS */
    const char *cloudwatch_namespace;     /* SensorBackend/DataPipeline */
    bool cloudwatch_partitions;           /* QueueDepth by partition too */
    int sensor_dimension;                 /* 0 off, 1 failures, 2 all */
    unsigned sensor_cap;                  /* distinct sensors a period */
    struct silt_credentials *credentials; /* for CloudWatch; outlives the observer */
    struct silt_http *http;
    const char *ca_file;
    const char *proxy; /* to CloudWatch */
    /* admin HTTP; listen "" = off */
    const char *listen; /* "127.0.0.1:9464" */
};

/* The version of the schema silt that this program writes to. */
int silt_observe_schema_version(void);

SILT_RC silt_observer_start(const struct silt_observe_opts *opts,
                            struct silt_observer **ret_observer, struct silt_err *err);
/* Takes a last sample, flushes for at most timeout_ms, stops the threads, frees. */
void silt_observer_stop(struct silt_observer *observer, int64_t timeout_ms);

/* A tracked failure: counted, logged once as FAILURE_TRACKED (design 4.7), spooled to silt.failure.
 * Strings are copied; NULL is fine for what is not known. Rate-limited per stage and type in the
 * log, never in the counts. */
struct silt_failure {
    enum silt_stage stage;
    enum silt_failure_type type;
    const char *sensor_id;
    const char *topic;
    int32_t partition; /* -1: none */
    int64_t offset;    /* -1: none */
    const char *correlation_id;
    const char *message; /* no record content, no secrets */
    const char *action;  /* what we do now: "retry in 800 ms", "to rejects" */
    const char *bucket;
    const char *key;
    int retry_count;
};
void silt_observer_failure(struct silt_observer *observer, const struct silt_failure *failure);

/* An operation of a stage took this long: recorded, and logged as ProcessingLatency when it was
 * slow (over 5 s) or, now and then, at debug. */
void silt_observer_latency(struct silt_observer *observer, enum silt_stage stage, int64_t us);
/* n operations for one sensor succeeded: CloudWatch by SensorId, when sensor_dimension is 2. */
void silt_observer_sensor(struct silt_observer *observer, enum silt_stage stage,
                          const char *sensor_id, uint64_t n, int64_t us);
/* Lag of one partition, as known now; -1 = unknown (never 0). Times in ms. */
struct silt_lag {
    struct silt_tp tp;
    int64_t log_start;
    int64_t durable;  /* next of the newest slot whose files are complete */
    int64_t position; /* next offset to consume */
    int64_t cut;      /* end of the newest closed window */
    int64_t staged;   /* end of the newest window whose parts are all stored */
    int64_t high;     /* high watermark */
    int64_t lag;      /* high − max(durable, log_start) */
    int64_t lag_ms;   /* age of the oldest record that is not durable; 0 when there is none */
    int64_t retention_ms_left; /* until retention reaches the durable offset at the present rates;
                                  -1 unknown */
    int64_t drain_per_s;       /* records; -1 unknown */
    const char *state;         /* "fill", "commit", "paused:memory" … static string */
};
void silt_observer_lag(struct silt_observer *observer, const struct silt_lag *lags,
                       unsigned lags_n);

/* A durable slot, for the catalogue. */
struct silt_slot_file_row {
    const char *key;
    const char *role;
    const char *codec;
    int64_t size;
    int64_t records;
    int64_t first;
    int64_t last;
    int32_t schema_id;
};
struct silt_slot_row {
    struct silt_tp tp;
    int64_t seq;
    const char *kind;
    int64_t start;
    int64_t next;
    int64_t records; /* tombstones included */
    int64_t tombstones;
    int64_t rejected;
    int64_t holes;      /* offsets */
    int64_t unreadable; /* offsets */
    int64_t ts_min;
    int64_t ts_max;
    int64_t delay_ms; /* newest record's timestamp → durable */
    const char *uuid;
    const struct silt_slot_file_row *files;
    unsigned files_n;
};
void silt_observer_slot(struct silt_observer *observer, const struct silt_slot_row *slot);
/* Forget a revoked partition's lag. */
void silt_observer_unassigned(struct silt_observer *observer, const struct silt_tp *tp);

/* A reject, for /api/v1/rejects and the demo's page: the last 100 are kept. */
struct silt_reject_note {
    struct silt_tp tp;
    int64_t offset;
    const char *reason;
    const char *detail;
    const char *sensor_id;
};
void silt_observer_reject(struct silt_observer *observer, const struct silt_reject_note *note);

/* readyz: true only when assigned or legitimately idle, and nothing waits for an operator; livez:
 * the consume loop came round not too long ago. */
void silt_observer_ready(struct silt_observer *observer, bool ready, const char *why);
void silt_observer_heartbeat(struct silt_observer *observer);
/* The port that `listen` got ("127.0.0.1:0" picks a free one); 0 when off. */
int silt_observer_port(const struct silt_observer *observer);

#endif
