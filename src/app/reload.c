#include "app/reload.h"

#include "base/log.h"

#include <string.h>

static void set_log_level(const struct silt_config *config, struct silt_worker *worker)
{
    (void)worker;
    enum silt_log_level level = SILT_INFO;
    silt_log_level_parse(config->log.level, &level);
    silt_log_set_level(level);
}

static void set_reject_ratio(const struct silt_config *config, struct silt_worker *worker)
{
    silt_worker_set_reject_ratio(worker, config->schema.max_reject_ratio);
}

/* Everything else is part of what the worker was built from. */
static const struct {
    const char *option;
    void (*set)(const struct silt_config *config, struct silt_worker *worker);
} live[] = {
    {"log.level", set_log_level},
    {"schema.max_reject_ratio", set_reject_ratio},
};
enum { LIVE_N = sizeof live / sizeof live[0] };

static void tell_change(void *ctx, const char *option)
{
    (void)ctx;
    for (unsigned i = 0; i < LIVE_N; i++)
        if (strcmp(live[i].option, option) == 0) return;
    SILT_LOG(WARN, "reload_needs_restart", "the new value counts after a restart",
             SILT_F_STR("option", option));
}

void silt_reload(const struct silt_reload *reload, const struct silt_config *started,
                 struct silt_worker *worker)
{
    struct silt_config *config;
    struct silt_err err;
    if (!silt_ok(reload->load(reload->ctx, &config, &err))) {
        SILT_LOG(ERROR, "reload_failed", err.text,
                 SILT_F_STR("action", "what was in force stays; mend it and send SIGHUP again"));
        return;
    }
    silt_config_changes(started, config, tell_change, NULL); /* while the old level shows it */
    for (unsigned i = 0; i < LIVE_N; i++) live[i].set(config, worker);
    SILT_LOG(INFO, "reloaded", "the configuration was read again",
             SILT_F_STR("log_level", config->log.level),
             SILT_F_DBL("max_reject_ratio", config->schema.max_reject_ratio));
    silt_config_free(config);
}
