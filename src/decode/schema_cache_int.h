/* Schemas by registry id, the least recently used goes first. Bounded by entries and by bytes of
 * schema text. An entry is a schema, or the reason why the id has none. One owner.
 */
#ifndef SILT_DECODE_SCHEMA_CACHE_INT_H
#define SILT_DECODE_SCHEMA_CACHE_INT_H

#include "decode/schema.h"

struct silt_cached {
    int32_t id;
    struct silt_schema *schema; /* owned reference; NULL: the id is bad */
    enum silt_reason reason;    /* when it is */
    int64_t until_ms;           /* bad ids are asked for again after that */
    char detail[120];
    /* the cache's own */
    size_t bytes;
    struct silt_cached *newer;
    struct silt_cached *older;
};

struct silt_schema_cache;

struct silt_schema_cache *silt_schema_cache_new(unsigned entries_max, size_t bytes_max);
void silt_schema_cache_free(struct silt_schema_cache *cache); /* NULL is fine */

/* @return NULL when absent, or bad and over its time. Valid until the next add. */
const struct silt_cached *silt_schema_cache_get(struct silt_schema_cache *cache, int32_t id,
                                                int64_t now_ms);
/* Takes over the schema's reference. */
void silt_schema_cache_add(struct silt_schema_cache *cache, struct silt_schema *schema);
void silt_schema_cache_add_bad(struct silt_schema_cache *cache, int32_t id, enum silt_reason reason,
                               const char *detail, int64_t until_ms);
unsigned silt_schema_cache_len(const struct silt_schema_cache *cache);

#endif
