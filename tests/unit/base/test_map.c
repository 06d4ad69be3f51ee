#include "base/map.h"

#include "base/random.h"
#include "harness.h"

#include <string.h>

static void finds_what_was_put(void)
{
    struct silt_map *map = silt_map_new();
    int a;
    int b;
    CU_ASSERT_PTR_NULL(silt_map_get(map, "key", 3));
    CU_ASSERT_PTR_NULL(silt_map_put(map, "key", 3, &a));
    CU_ASSERT_PTR_NULL(silt_map_put(map, "kez", 3, &b));
    CU_ASSERT_PTR_EQUAL(silt_map_get(map, "key", 3), &a);
    CU_ASSERT_PTR_EQUAL(silt_map_get(map, "kez", 3), &b);
    CU_ASSERT_PTR_NULL(silt_map_get(map, "ke", 2));
    CU_ASSERT_PTR_NULL(silt_map_get(map, "key\0", 4));
    CU_ASSERT_EQUAL(silt_map_len(map), 2);
    silt_map_free(map);
}

static void putting_again_returns_what_was_there(void)
{
    struct silt_map *map = silt_map_new();
    int a;
    int b;
    CU_ASSERT_PTR_NULL(silt_map_put(map, "key", 3, &a));
    CU_ASSERT_PTR_EQUAL(silt_map_put(map, "key", 3, &b), &a);
    CU_ASSERT_PTR_EQUAL(silt_map_get(map, "key", 3), &b);
    CU_ASSERT_EQUAL(silt_map_len(map), 1);
    silt_map_free(map);
}

static void removing_returns_the_value_once(void)
{
    struct silt_map *map = silt_map_new();
    int a;
    CU_ASSERT_PTR_NULL(silt_map_remove(map, "key", 3));
    CU_ASSERT_PTR_NULL(silt_map_put(map, "key", 3, &a));
    CU_ASSERT_PTR_EQUAL(silt_map_remove(map, "key", 3), &a);
    CU_ASSERT_PTR_NULL(silt_map_remove(map, "key", 3));
    CU_ASSERT_PTR_NULL(silt_map_get(map, "key", 3));
    CU_ASSERT_EQUAL(silt_map_len(map), 0);
    silt_map_free(map);
}

static void keys_are_copied(void)
{
    struct silt_map *map = silt_map_new();
    int a;
    char key[] = "key";
    CU_ASSERT_PTR_NULL(silt_map_put(map, key, 3, &a));
    key[0] = 'x';
    CU_ASSERT_PTR_EQUAL(silt_map_get(map, "key", 3), &a);
    CU_ASSERT_PTR_NULL(silt_map_get(map, key, 3));
    silt_map_free(map);
}

static void the_empty_key_is_a_key(void)
{
    struct silt_map *map = silt_map_new();
    int a;
    CU_ASSERT_PTR_NULL(silt_map_put(map, "", 0, &a));
    CU_ASSERT_PTR_EQUAL(silt_map_get(map, NULL, 0), &a);
    CU_ASSERT_PTR_EQUAL(silt_map_remove(map, NULL, 0), &a);
    silt_map_free(map);
}

static void numbers_are_keys(void)
{
    struct silt_map *map = silt_map_new();
    int a;
    CU_ASSERT_PTR_NULL(silt_map_put_u64(map, 0, &a));
    CU_ASSERT_PTR_EQUAL(silt_map_get_u64(map, 0), &a);
    CU_ASSERT_PTR_NULL(silt_map_get_u64(map, 1));
    silt_map_free(map);
    silt_map_free(NULL);
}

#define KEYS 500

/* The model is an array; what the map holds must be the same after every step. */
static void check_walk(const struct silt_map *map, char *const *model)
{
    size_t found = 0;
    size_t pos = 0;
    const void *key;
    size_t key_len;
    char *value;
    while ((value = silt_map_next(map, &pos, &key, &key_len))) {
        uint16_t n;
        CU_ASSERT_EQUAL(key_len, sizeof n);
        memcpy(&n, key, sizeof n);
        CU_ASSERT(n < KEYS && model[n] == value);
        found++;
    }
    CU_ASSERT_EQUAL(found, silt_map_len(map));
}

static void behaves_like_an_array_under_random_operations(void)
{
    static char values[1000];
    char *model[KEYS] = {0};
    size_t len = 0;
    struct silt_map *map = silt_map_new();
    for (int step = 0; step < 50000; step++) {
        uint64_t random = silt_random_u64();
        uint16_t key = (uint16_t)(random % KEYS);
        char *value = &values[random >> 16 & 511];
        switch (random >> 40 & 3) {
        case 0:
        case 1:
            CU_ASSERT_PTR_EQUAL(silt_map_put(map, &key, sizeof key, value), model[key]);
            len += !model[key];
            model[key] = value;
            break;
        case 2:
            CU_ASSERT_PTR_EQUAL(silt_map_remove(map, &key, sizeof key), model[key]);
            len -= !!model[key];
            model[key] = NULL;
            break;
        default: CU_ASSERT_PTR_EQUAL(silt_map_get(map, &key, sizeof key), model[key]); break;
        }
        CU_ASSERT_EQUAL(silt_map_len(map), len);
        if (step % 1000 == 0) check_walk(map, model);
    }
    check_walk(map, model);
    silt_map_free(map);
}

static void putting_and_removing_for_ever_does_not_grow_without_bound(void)
{
    struct silt_map *map = silt_map_new();
    int a;
    for (uint64_t key = 0; key < 100000; key++) {
        CU_ASSERT_PTR_NULL(silt_map_put_u64(map, key, &a));
        CU_ASSERT_PTR_EQUAL(silt_map_remove(map, &key, sizeof key), &a);
    }
    size_t pos = 0;
    CU_ASSERT_PTR_NULL(silt_map_next(map, &pos, NULL, NULL));
    CU_ASSERT_EQUAL(pos, 16); /* walked the whole table: as small as at the beginning */
    silt_map_free(map);
}

static void walking_needs_no_keys(void)
{
    struct silt_map *map = silt_map_new();
    int a;
    size_t pos = 0;
    CU_ASSERT_PTR_NULL(silt_map_put(map, "key", 3, &a));
    CU_ASSERT_PTR_EQUAL(silt_map_next(map, &pos, NULL, NULL), &a);
    CU_ASSERT_PTR_NULL(silt_map_next(map, &pos, NULL, NULL));
    silt_map_free(map);
}

SILT_TESTS("map", {"finds what was put", finds_what_was_put},
           {"putting again returns what was there", putting_again_returns_what_was_there},
           {"removing returns the value once", removing_returns_the_value_once},
           {"keys are copied", keys_are_copied}, {"the empty key is a key", the_empty_key_is_a_key},
           {"numbers are keys", numbers_are_keys},
           {"behaves like an array under random operations",
            behaves_like_an_array_under_random_operations},
           {"putting and removing for ever does not grow without bound",
            putting_and_removing_for_ever_does_not_grow_without_bound},
           {"walking needs no keys", walking_needs_no_keys})
