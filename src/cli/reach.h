/* The archive of a configuration, opened to be read by a command. */
#ifndef SILT_CLI_REACH_H
#define SILT_CLI_REACH_H

#include "cli/cli.h"
#include "inspect/archive.h"

struct silt_reach {
    struct silt_http *http;
    struct silt_credentials *credentials;
    struct silt_store *store;
};

/* Also keeps the log off stdout, where the command's own output goes: it says itself what failed.
 */
SILT_RC silt_reach_open(const struct silt_config *config, struct silt_reach *ret_reach,
                        struct silt_err *err);
void silt_reach_done(struct silt_reach *reach); /* half-built is fine */

/* The words [TOPIC [PARTITION]] of a command; the topic stays the words'. */
SILT_RC silt_reach_filter(const struct silt_args *args, struct silt_archive_filter *ret_filter,
                          struct silt_err *err);

#endif
