#include "base/map.h"

#include "base/alloc.h"
#include "base/err.h"

#include <string.h>
#include <xxhash.h>

struct entry {
    uint64_t hash;
    void *key; /* NULL: never used; TOMBSTONE: removed */
    size_t key_len;
    void *value;
};

struct silt_map {
    struct entry *entries;
    size_t capacity; /* a power of two */
    size_t used;     /* live and removed entries */
    size_t len;      /* live entries */
};

static char tombstone;

struct silt_map *silt_map_new(void)
{
    struct silt_map *map = SILT_NEW(struct silt_map);
    map->capacity = 16;
    map->entries = silt_calloc(map->capacity, sizeof *map->entries);
    return map;
}

static int is_live(const struct entry *entry)
{
    return entry->key && entry->key != &tombstone;
}

void silt_map_free(struct silt_map *map)
{
    if (!map) return;
    for (size_t i = 0; i < map->capacity; i++)
        if (is_live(&map->entries[i])) silt_free(map->entries[i].key);
    silt_free(map->entries);
    silt_free(map);
}

static struct entry *find(const struct silt_map *map, uint64_t hash, const void *key, size_t len)
{
    for (size_t i = hash & (map->capacity - 1);; i = (i + 1) & (map->capacity - 1)) {
        struct entry *entry = &map->entries[i];
        if (!entry->key) return NULL;
        if (is_live(entry) && entry->hash == hash && entry->key_len == len &&
            (len == 0 || memcmp(entry->key, key, len) == 0))
            return entry;
    }
}

static void insert(struct silt_map *map, struct entry new_entry)
{
    size_t i = new_entry.hash & (map->capacity - 1);
    while (map->entries[i].key) i = (i + 1) & (map->capacity - 1);
    map->entries[i] = new_entry;
    map->used++;
    map->len++;
}

static void grow(struct silt_map *map)
{
    struct entry *old = map->entries;
    size_t old_capacity = map->capacity;
    if (map->len * 2 >= map->capacity) map->capacity *= 2;
    map->entries = silt_calloc(map->capacity, sizeof *map->entries);
    map->used = map->len = 0;
    for (size_t i = 0; i < old_capacity; i++)
        if (is_live(&old[i])) insert(map, old[i]);
    silt_free(old);
}

void *silt_map_get(const struct silt_map *map, const void *key, size_t key_len)
{
    struct entry *entry = find(map, XXH3_64bits(key, key_len), key, key_len);
    return entry ? entry->value : NULL;
}

void *silt_map_put(struct silt_map *map, const void *key, size_t key_len, void *value)
{
    SILT_ASSERT(value);
    uint64_t hash = XXH3_64bits(key, key_len);
    struct entry *entry = find(map, hash, key, key_len);
    if (entry) {
        void *before = entry->value;
        entry->value = value;
        return before;
    }
    if ((map->used + 1) * 10 > map->capacity * 7) grow(map);
    insert(map,
           (struct entry){
               .hash = hash, .key = silt_memdup(key, key_len), .key_len = key_len, .value = value});
    return NULL;
}

void *silt_map_remove(struct silt_map *map, const void *key, size_t key_len)
{
    struct entry *entry = find(map, XXH3_64bits(key, key_len), key, key_len);
    if (!entry) return NULL;
    silt_free(entry->key);
    entry->key = &tombstone;
    map->len--;
    return entry->value;
}

size_t silt_map_len(const struct silt_map *map)
{
    return map->len;
}

void *silt_map_next(const struct silt_map *map, size_t *pos, const void **ret_key,
                    size_t *ret_key_len)
{
    while (*pos < map->capacity) {
        const struct entry *entry = &map->entries[(*pos)++];
        if (!is_live(entry)) continue;
        if (ret_key) *ret_key = entry->key;
        if (ret_key_len) *ret_key_len = entry->key_len;
        return entry->value;
    }
    return NULL;
}
