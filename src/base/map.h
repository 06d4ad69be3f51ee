/* A hash map from byte strings to pointers. Keys are copied; values belong to the caller.
 * One owner, no locking. Open addressing, grows at 70 %.
 */
#ifndef SILT_BASE_MAP_H
#define SILT_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct silt_map;

struct silt_map *silt_map_new(void);
void silt_map_free(struct silt_map *map); /* values are not touched; NULL is fine */

void *silt_map_get(const struct silt_map *map, const void *key, size_t key_len); /* NULL: absent */
/* @return the value that was there before, NULL when none. `value` must not be NULL. */
void *silt_map_put(struct silt_map *map, const void *key, size_t key_len, void *value);
void *silt_map_remove(struct silt_map *map, const void *key, size_t key_len); /* NULL: absent */
size_t silt_map_len(const struct silt_map *map);

static inline void *silt_map_get_u64(const struct silt_map *map, uint64_t key)
{
    return silt_map_get(map, &key, sizeof key);
}
static inline void *silt_map_put_u64(struct silt_map *map, uint64_t key, void *value)
{
    return silt_map_put(map, &key, sizeof key, value);
}

/* Walks all entries in no particular order: start with *pos = 0. @return NULL at the end.
 * The map must not change meanwhile. */
void *silt_map_next(const struct silt_map *map, size_t *pos, const void **ret_key,
                    size_t *ret_key_len);

#endif
