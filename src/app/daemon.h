/* The daemon: a worker with its store, observers and io loop, built from the configuration.
 *
 * start → (runs on threads of its own) → stop. Main thread only.
 */
#ifndef SILT_APP_DAEMON_H
#define SILT_APP_DAEMON_H

#include "app/reload.h"
#include "config/config.h"
#include "metrics/metrics.h"
#include "pipeline/worker.h"

struct silt_daemon;

/* Before any thread starts: signals blocked, no core dumps, log as configured. */
void silt_daemon_prepare(const struct silt_config *config);

/* Probes the store, opens (or begins) the archive, starts everything. `config` must live longer. */
SILT_RC silt_daemon_start(const struct silt_config *config, struct silt_daemon **ret_daemon,
                          struct silt_err *err);
/* The same without a consumer group, for these stretches alone (they must live longer): it ends by
 * itself when they are archived. What retention has taken of them halts it. */
SILT_RC silt_daemon_start_stretches(const struct silt_config *config,
                                    const struct silt_stretch *stretches, unsigned stretches_n,
                                    struct silt_daemon **ret_daemon, struct silt_err *err);

struct silt_daemon_care {
    const struct silt_reload *reload; /* for SIGHUP; NULL: it is ignored */
    void (*look)(void *ctx);          /* a few times a second; may be NULL */
    void *ctx;
};
/* Waits until SIGTERM or SIGINT, or the worker ends by itself. After the signal a second one ends
 * the process at once, as safely as a SIGKILL. SIGHUP meanwhile: app/reload.h. */
void silt_daemon_wait(struct silt_daemon *daemon, const struct silt_daemon_care *care);
/* Cuts and commits what is in hand within the grace time, leaves the group, flushes the metrics,
 * frees.
 * @return failure when the worker had ended by itself. */
SILT_RC silt_daemon_stop(struct silt_daemon *daemon, struct silt_err *err);

bool silt_daemon_has_ended(const struct silt_daemon *daemon);
bool silt_daemon_is_caught_up(const struct silt_daemon *daemon);
int64_t silt_daemon_progress(const struct silt_daemon *daemon); /* offsets of the stretches */
const struct silt_metrics *silt_daemon_metrics(const struct silt_daemon *daemon);
int silt_daemon_port(const struct silt_daemon *daemon); /* of the admin listener; 0 when off */

#endif
