#include "app/daemon.h"

#include "app/msk.h"
#include "app/options.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "base/version.h"
#include "commit/probe.h"
#include "net/http.h"
#include "store/store_open.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define FLUSH_MS 5000
#define LOOK_MS 200
#define ECHO_MS 100
#define LARGE_BLOCK (4 << 20)

struct silt_daemon {
    const struct silt_config *config;
    const struct silt_stretch *stretches;
    unsigned stretches_n;
    char name[64];
    struct silt_http *http;
    struct silt_credentials *credentials; /* NULL: nothing signs */
    struct silt_store *store;
    struct silt_metrics *metrics;
    struct silt_observer *observer;
    struct silt_property *properties;
    struct silt_consumer_part *parts; /* of the stretches */
    struct silt_msk msk;
    struct silt_worker *worker;
};

/* ---- before the first thread ---- */

static void ending_signals(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
}

static void awaited_signals(sigset_t *ret_set)
{
    ending_signals(ret_set);
    sigaddset(ret_set, SIGHUP);
}

/* Large blocks go back to the system when they are freed. Else glibc raises the limit to the
 * largest block it saw freed, and records of some MiB leave a heap of holes: a third more memory.
 */
static void return_large_blocks(void)
{
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
}

void silt_daemon_prepare(const struct silt_config *config)
{
    sigset_t set;
    enum silt_log_level level = SILT_INFO;
    silt_log_level_parse(config->log.level, &level);
    silt_log_init(level, strcmp(config->log.format, "text") == 0 ? SILT_LOG_TEXT : SILT_LOG_JSON,
                  STDOUT_FILENO);
    return_large_blocks();
    awaited_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    struct rlimit none = {0};
    setrlimit(RLIMIT_CORE, &none); /* a core holds secrets */
    prctl(PR_SET_DUMPABLE, 0);
}

/* ---- start ---- */

static void name_worker(struct silt_daemon *daemon)
{
    const char *configured = daemon->config->metrics.worker;
    if (configured && configured[0]) {
        snprintf(daemon->name, sizeof daemon->name, "%s", configured);
        return;
    }
    if (gethostname(daemon->name, sizeof daemon->name - 1) != 0)
        snprintf(daemon->name, sizeof daemon->name, "silt");
}

static void tell_credentials(void *ctx, const struct silt_credentials_news *news)
{
    (void)ctx;
    char until[SILT_ISO_LEN] = "";
    if (news->expires_ms) silt_iso_seconds(news->expires_ms, until);
    if (news->why)
        SILT_LOG(WARN, "credentials_failed", news->why, SILT_F_STR("source", news->origin),
                 SILT_F_INT("again_in_ms", news->again_ms));
    else
        SILT_LOG(INFO, "credentials", "AWS credentials are there",
                 SILT_F_STR("source", news->origin), SILT_F_STR("until", until[0] ? until : NULL));
}

static void open_credentials(struct silt_daemon *daemon)
{
    struct silt_credentials_opts opts;
    if (!silt_options_need_credentials(daemon->config)) return;
    silt_options_credentials(daemon->config, daemon->http, &opts);
    opts.on_news = tell_credentials;
    daemon->credentials = silt_credentials_new(&opts);
}

static SILT_RC open_archive(struct silt_daemon *daemon, char ret_archive_id[33],
                            struct silt_err *err)
{
    struct silt_store_opts opts;
    silt_options_store(daemon->config, daemon->http, daemon->credentials, &opts);
    SILT_TRY(silt_store_open(&opts, &daemon->store, err));
    SILT_TRY(silt_probe_store(
        daemon->store,
        &(struct silt_probe_opts){.max_upload_age_ms = daemon->config->archive.max_upload_age_ms},
        err));
    return silt_archive_open(daemon->store, ret_archive_id, err);
}

static void limit_to_stretches(struct silt_daemon *daemon, struct silt_worker_opts *opts)
{
    unsigned n = daemon->stretches_n;
    daemon->parts = silt_calloc(n, sizeof *daemon->parts);
    for (unsigned i = 0; i < n; i++)
        daemon->parts[i] = (struct silt_consumer_part){.topic = daemon->stretches[i].topic,
                                                       .partition = daemon->stretches[i].partition};
    opts->consumer.parts = daemon->parts;
    opts->consumer.parts_n = n;
    opts->stretches = daemon->stretches;
    opts->stretches_n = n;
    opts->halt_on_gap = true;
    opts->dlq_topic = NULL; /* its copies were sent the first time */
}

static SILT_RC start_worker(struct silt_daemon *daemon, const char *archive_id,
                            struct silt_err *err)
{
    const struct silt_config *config = daemon->config;
    struct silt_worker_opts opts;
    silt_options_worker(config, &opts);
    daemon->properties = silt_calloc(config->kafka.properties.n, sizeof *daemon->properties);
    silt_options_consumer(config, !daemon->stretches_n, daemon->properties, &opts.consumer);
    opts.consumer.token = silt_msk_source(&daemon->msk, config, daemon->credentials);
    silt_options_decoder(config, daemon->http, &opts.decoder);
    opts.store = daemon->store;
    opts.metrics = daemon->metrics;
    opts.observer = daemon->observer;
    opts.name = daemon->name;
    snprintf(opts.archive_id, sizeof opts.archive_id, "%s", archive_id);
    if (daemon->stretches_n) limit_to_stretches(daemon, &opts);
    return silt_worker_start(&opts, &daemon->worker, err);
}

/* Dashboards show the live archive: what is archived a second time is none of their business. */
static void silence(struct silt_observe_opts *observe)
{
    observe->postgres_dsn = (struct silt_secret){0};
    observe->cloudwatch_region = "";
    observe->listen = "";
}

static SILT_RC start(struct silt_daemon *daemon, struct silt_err *err)
{
    const struct silt_config *config = daemon->config;
    struct silt_observe_opts observe;
    char archive_id[33];
    SILT_TRY(silt_options_check_security(config, err));
    name_worker(daemon);
    daemon->metrics = silt_metrics_new();
    SILT_TRY(silt_http_start(&(struct silt_http_opts){0}, &daemon->http, err));
    open_credentials(daemon);
    SILT_TRY(open_archive(daemon, archive_id, err));
    silt_options_observe(config, daemon->http, &observe);
    if (daemon->stretches_n) silence(&observe);
    observe.metrics = daemon->metrics;
    observe.credentials = daemon->credentials;
    observe.worker = daemon->name;
    SILT_TRY(silt_observer_start(&observe, &daemon->observer, err));
    SILT_LOG(INFO, "starting", "silt " SILT_VERSION " archives Kafka to an object store",
             SILT_F_STR("worker", daemon->name), SILT_F_STR("root", config->archive.root),
             SILT_F_STR("archive", archive_id), SILT_F_STR("brokers", config->kafka.brokers),
             SILT_F_STR("group", config->kafka.group),
             SILT_F_INT("port", silt_observer_port(daemon->observer)));
    return start_worker(daemon, archive_id, err);
}

/* Last answers of the store and the io loop go to the worker's inboxes, so it is freed after them.
 */
static void release(struct silt_daemon *daemon)
{
    if (daemon->observer) silt_observer_stop(daemon->observer, FLUSH_MS);
    silt_store_free(daemon->store);
    silt_credentials_free(daemon->credentials);
    if (daemon->http) silt_http_stop(daemon->http);
    silt_worker_free(daemon->worker);
    silt_metrics_free(daemon->metrics);
    silt_free(daemon->properties);
    silt_free(daemon->parts);
    silt_free(daemon);
}

SILT_RC silt_daemon_start(const struct silt_config *config, struct silt_daemon **ret_daemon,
                          struct silt_err *err)
{
    return silt_daemon_start_stretches(config, NULL, 0, ret_daemon, err);
}

SILT_RC silt_daemon_start_stretches(const struct silt_config *config,
                                    const struct silt_stretch *stretches, unsigned stretches_n,
                                    struct silt_daemon **ret_daemon, struct silt_err *err)
{
    struct silt_daemon *daemon = SILT_NEW(struct silt_daemon);
    daemon->config = config;
    daemon->stretches = stretches;
    daemon->stretches_n = stretches_n;
    struct silt_rc rc = start(daemon, err);
    if (silt_ok(rc))
        *ret_daemon = daemon;
    else
        release(daemon);
    return rc;
}

/* ---- run and stop ---- */

/* A process group or an impatient supervisor may deliver the same signal twice at once: that is one
 * wish. */
static void absorb_echo(const sigset_t *set)
{
    const struct timespec echo = {.tv_nsec = ECHO_MS * 1000000};
    while (sigtimedwait(set, NULL, &echo) > 0) {}
}

static void begin_end(struct silt_daemon *daemon, int sig)
{
    sigset_t set;
    ending_signals(&set);
    SILT_LOG(INFO, "signal", "asked to end; a second signal ends at once",
             SILT_F_STR("signal", strsignal(sig)));
    silt_worker_stop(daemon->worker);
    absorb_echo(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* whose default action is to end */
}

void silt_daemon_wait(struct silt_daemon *daemon, const struct silt_daemon_care *care)
{
    sigset_t set;
    const struct timespec look = {.tv_nsec = LOOK_MS * 1000000};
    awaited_signals(&set);
    while (!silt_worker_has_ended(daemon->worker)) {
        int sig = sigtimedwait(&set, NULL, &look);
        if (care->look) care->look(care->ctx);
        if (sig == SIGHUP && care->reload)
            silt_reload(care->reload, daemon->config, daemon->worker);
        if (sig <= 0 || sig == SIGHUP) continue;
        begin_end(daemon, sig);
        return;
    }
}

SILT_RC silt_daemon_stop(struct silt_daemon *daemon, struct silt_err *err)
{
    silt_worker_stop(daemon->worker);
    struct silt_err failure;
    bool good = silt_worker_join(daemon->worker, &failure);
    SILT_LOG(INFO, "stopped", good ? "as asked" : "ended by itself",
             SILT_F_STR("worker", daemon->name));
    release(daemon);
    if (good) return SILT_OK;
    *err = failure;
    return (struct silt_rc){false};
}

bool silt_daemon_has_ended(const struct silt_daemon *daemon)
{
    return silt_worker_has_ended(daemon->worker);
}

int64_t silt_daemon_progress(const struct silt_daemon *daemon)
{
    return silt_worker_progress(daemon->worker);
}

bool silt_daemon_is_caught_up(const struct silt_daemon *daemon)
{
    return silt_worker_is_caught_up(daemon->worker);
}

const struct silt_metrics *silt_daemon_metrics(const struct silt_daemon *daemon)
{
    return daemon->metrics;
}

int silt_daemon_port(const struct silt_daemon *daemon)
{
    return daemon->observer ? silt_observer_port(daemon->observer) : 0;
}
