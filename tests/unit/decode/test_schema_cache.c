#include "schema_cache_int.h"

#include "decode_tools.h"

static struct silt_schema *schema_of(int32_t id, const char *json)
{
    struct silt_schema *schema = tool_schema(json, "", "");
    schema->id = id;
    return schema;
}

static bool has(struct silt_schema_cache *cache, int32_t id)
{
    return silt_schema_cache_get(cache, id, 0) != NULL;
}

static void the_least_recently_used_goes_first(void)
{
    struct silt_schema_cache *cache = silt_schema_cache_new(3, 1000);
    CU_ASSERT_FALSE(has(cache, 0));
    for (int32_t id = 0; id < 3; id++) silt_schema_cache_add(cache, schema_of(id, "\"int\""));
    CU_ASSERT(has(cache, 0));
    silt_schema_cache_add(cache, schema_of(3, "\"int\""));
    CU_ASSERT_FALSE(has(cache, 1));
    CU_ASSERT(has(cache, 0) && has(cache, 2) && has(cache, 3) && has(cache, 3));
    CU_ASSERT_EQUAL(silt_schema_cache_len(cache), 3);
    silt_schema_cache_free(cache);
    silt_schema_cache_free(NULL);
}

static void bytes_are_bounded_but_the_newest_stays(void)
{
    struct silt_schema_cache *cache = silt_schema_cache_new(100, 12);
    silt_schema_cache_add(cache, schema_of(1, "\"int\""));
    silt_schema_cache_add(cache, schema_of(2, "\"long\""));
    CU_ASSERT(has(cache, 1) && has(cache, 2));
    silt_schema_cache_add(cache, schema_of(3, "\"boolean\""));
    CU_ASSERT_FALSE(has(cache, 1) || has(cache, 2));
    silt_schema_cache_add(cache, schema_of(4, "{\"type\":\"boolean\"}"));
    CU_ASSERT(!has(cache, 3) && has(cache, 4));
    silt_schema_cache_free(cache);
}

static void a_second_schema_of_an_id_replaces_the_first(void)
{
    struct silt_schema_cache *cache = silt_schema_cache_new(10, 1000);
    silt_schema_cache_add(cache, schema_of(1, "\"int\""));
    struct silt_schema *second = schema_of(1, "\"long\"");
    silt_schema_cache_add(cache, second);
    CU_ASSERT_PTR_EQUAL(silt_schema_cache_get(cache, 1, 0)->schema, second);
    CU_ASSERT_EQUAL(silt_schema_cache_len(cache), 1);
    silt_schema_cache_free(cache);
}

static void bad_ids_are_forgotten_after_their_time(void)
{
    struct silt_schema_cache *cache = silt_schema_cache_new(10, 1000);
    silt_schema_cache_add_bad(cache, 5, SILT_REASON_UNKNOWN_SCHEMA, "unknown", 100);
    const struct silt_cached *entry = silt_schema_cache_get(cache, 5, 99);
    CU_ASSERT(entry && entry->reason == SILT_REASON_UNKNOWN_SCHEMA && !entry->schema);
    CU_ASSERT_STRING_EQUAL(entry->detail, "unknown");
    CU_ASSERT_PTR_NULL(silt_schema_cache_get(cache, 5, 100));
    CU_ASSERT_EQUAL(silt_schema_cache_len(cache), 0);
    silt_schema_cache_free(cache);
}

SILT_TESTS("schema_cache",
           {"the least recently used goes first", the_least_recently_used_goes_first},
           {"bytes are bounded but the newest stays", bytes_are_bounded_but_the_newest_stays},
           {"a second schema of an id replaces the first",
            a_second_schema_of_an_id_replaces_the_first},
           {"bad ids are forgotten after their time", bad_ids_are_forgotten_after_their_time})
