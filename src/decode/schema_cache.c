#include "schema_cache_int.h"

#include "base/alloc.h"
#include "base/map.h"

#include <stdio.h>

struct silt_schema_cache {
    struct silt_map *by_id;
    struct silt_cached ring; /* ring.older: the newest entry, ring.newer: the oldest */
    unsigned entries_max;
    size_t bytes_max;
    size_t bytes;
};

struct silt_schema_cache *silt_schema_cache_new(unsigned entries_max, size_t bytes_max)
{
    struct silt_schema_cache *cache = SILT_NEW(struct silt_schema_cache);
    cache->by_id = silt_map_new();
    cache->ring.newer = cache->ring.older = &cache->ring;
    cache->entries_max = entries_max;
    cache->bytes_max = bytes_max;
    return cache;
}

static void unlink_entry(struct silt_cached *entry)
{
    entry->newer->older = entry->older;
    entry->older->newer = entry->newer;
}

static void link_newest(struct silt_schema_cache *cache, struct silt_cached *entry)
{
    entry->newer = &cache->ring;
    entry->older = cache->ring.older;
    entry->older->newer = entry;
    cache->ring.older = entry;
}

static void drop(struct silt_schema_cache *cache, struct silt_cached *entry)
{
    silt_map_remove(cache->by_id, &entry->id, sizeof entry->id);
    unlink_entry(entry);
    cache->bytes -= entry->bytes;
    silt_schema_unref(entry->schema);
    silt_free(entry);
}

void silt_schema_cache_free(struct silt_schema_cache *cache)
{
    if (!cache) return;
    while (cache->ring.newer != &cache->ring) drop(cache, cache->ring.newer);
    silt_map_free(cache->by_id);
    silt_free(cache);
}

const struct silt_cached *silt_schema_cache_get(struct silt_schema_cache *cache, int32_t id,
                                                int64_t now_ms)
{
    struct silt_cached *entry = cache->ring.older; /* records of one schema come in rows */
    if (entry == &cache->ring || entry->id != id)
        entry = silt_map_get(cache->by_id, &id, sizeof id);
    if (!entry) return NULL;
    if (!entry->schema && now_ms >= entry->until_ms) {
        drop(cache, entry);
        return NULL;
    }
    if (entry->newer != &cache->ring) {
        unlink_entry(entry);
        link_newest(cache, entry);
    }
    return entry;
}

/* The entry just added stays, whatever its size. */
static void add(struct silt_schema_cache *cache, struct silt_cached *entry)
{
    struct silt_cached *before = silt_map_get(cache->by_id, &entry->id, sizeof entry->id);
    if (before) drop(cache, before);
    silt_map_put(cache->by_id, &entry->id, sizeof entry->id, entry);
    link_newest(cache, entry);
    cache->bytes += entry->bytes;
    while (cache->ring.newer != entry &&
           (silt_schema_cache_len(cache) > cache->entries_max || cache->bytes > cache->bytes_max))
        drop(cache, cache->ring.newer);
}

void silt_schema_cache_add(struct silt_schema_cache *cache, struct silt_schema *schema)
{
    struct silt_cached *entry = SILT_NEW(struct silt_cached);
    entry->id = schema->id;
    entry->schema = schema;
    entry->bytes = strlen(schema->json);
    add(cache, entry);
}

void silt_schema_cache_add_bad(struct silt_schema_cache *cache, int32_t id, enum silt_reason reason,
                               const char *detail, int64_t until_ms)
{
    struct silt_cached *entry = SILT_NEW(struct silt_cached);
    entry->id = id;
    entry->reason = reason;
    entry->until_ms = until_ms;
    snprintf(entry->detail, sizeof entry->detail, "%s", detail);
    add(cache, entry);
}

unsigned silt_schema_cache_len(const struct silt_schema_cache *cache)
{
    return (unsigned)silt_map_len(cache->by_id);
}
