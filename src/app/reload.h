/* SIGHUP: the configuration is read again; what can change in a running worker does, and what needs
 * a restart is named. Main thread.
 */
#ifndef SILT_APP_RELOAD_H
#define SILT_APP_RELOAD_H

#include "config/config.h"
#include "pipeline/worker.h"

/* Reads the configuration as at the start. */
struct silt_reload {
    SILT_RC (*load)(void *ctx, struct silt_config **ret_config, struct silt_err *err);
    void *ctx;
};

/* started: what the worker began with. A configuration that cannot be used changes nothing. */
void silt_reload(const struct silt_reload *reload, const struct silt_config *started,
                 struct silt_worker *worker);

#endif
