/* Which logs an archive holds: one for each partition of each incarnation of a topic.
 * (docs/formats.md, "Keys")
 *
 * Blocking, for commands; any thread. One LIST a partition, one for each topic that is left out.
 */
#ifndef SILT_INSPECT_ARCHIVE_H
#define SILT_INSPECT_ARCHIVE_H

#include "base/err.h"
#include "record/key.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct silt_archive_filter {
    const char *topic; /* as Kafka has it; NULL: all */
    int32_t partition; /* -1: all */
    bool may_lack_it;  /* it is no error when the archive has nothing of the topic */
};

struct silt_log_ref {
    char *prefix;                   /* "_log/<cluster>/<topic>~<tid8>/<p:05>/"; owned */
    char topic[SILT_COMPONENT_MAX]; /* encoded */
    char tid8[9];
    int32_t partition;
};

struct silt_archive {
    struct silt_log_ref *logs; /* in the order of their keys */
    unsigned logs_n;
    char **strays; /* keys below _log/ that are in no log */
    unsigned strays_n;
};

/* NOT_FOUND: the root holds no archive, or nothing of the topic (or partition) that is asked for.
 */
SILT_RC silt_archive_read(struct silt_store *store, const struct silt_archive_filter *filter,
                          struct silt_archive *ret_archive, struct silt_err *err);
void silt_archive_done(struct silt_archive *archive); /* NULL and zeroed are fine */

bool silt_archive_wants(const struct silt_archive_filter *filter, const char *encoded_topic,
                        int32_t partition);
/* Is `key` below the log of a partition? */
bool silt_log_ref_parse(const char *key,
                        struct silt_log_ref *ret_ref); /* prefix: of `key`, owned */

#endif
