/* From the configuration to each module's own options: the only place that knows both. */
#ifndef SILT_APP_OPTIONS_H
#define SILT_APP_OPTIONS_H

#include "config/config.h"
#include "net/credentials.h"
#include "observe/observe.h"
#include "pipeline/worker.h"
#include "store/store_open.h"

/* The results borrow strings and secrets from `config`, which must live longer. */
/* @return whether anything that is configured signs its requests. */
bool silt_options_need_credentials(const struct silt_config *config);
void silt_options_credentials(const struct silt_config *config, struct silt_http *http,
                              struct silt_credentials_opts *ret_opts);
void silt_options_store(const struct silt_config *config, struct silt_http *http,
                        struct silt_credentials *credentials, struct silt_store_opts *ret_opts);
/* Everything but metrics, credentials and worker. */
void silt_options_observe(const struct silt_config *config, struct silt_http *http,
                          struct silt_observe_opts *ret_opts);
void silt_options_decoder(const struct silt_config *config, struct silt_http *http,
                          struct silt_decoder_opts *ret_opts);
/* properties: an array the caller provides, of config->kafka.properties.n entries. group false:
 * read without one. */
void silt_options_consumer(const struct silt_config *config, bool group,
                           struct silt_property *properties, struct silt_consumer_opts *ret_opts);
/* What the configuration could not judge alone: PostgreSQL off this machine needs TLS, or an
 * explicit metrics.allow_plaintext. */
SILT_RC silt_options_check_security(const struct silt_config *config, struct silt_err *err);
/* Everything but consumer, decoder, store, metrics, observer, archive_id and name. */
void silt_options_worker(const struct silt_config *config, struct silt_worker_opts *ret_opts);

#endif
