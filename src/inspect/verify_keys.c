/* What is below data/, and which of it nobody lists. */
#include "verify_int.h"

#include "base/alloc.h"
#include "parallel_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct data_object {
    int64_t size;
};

static bool is_wanted(const struct silt_verifier *v, const char *key)
{
    struct silt_parsed_key parsed;
    if (v->opts->filter.partition < 0 || !silt_key_parse_data(key, &parsed)) return true;
    return silt_archive_wants(&v->opts->filter, parsed.topic, parsed.partition);
}

static void take_page(struct silt_verifier *v, const struct silt_store_req *page)
{
    for (unsigned i = 0; i < page->objects_n; i++) {
        const char *key = page->objects[i].key;
        if (!is_wanted(v, key)) continue;
        struct data_object *object = SILT_NEW(struct data_object);
        object->size = page->objects[i].size;
        silt_free(silt_map_put(v->keys, key, strlen(key), object));
    }
}

static char *list_page(struct silt_verifier *v, const char *prefix, const char *after,
                       struct silt_rc *ret_rc, struct silt_err *err)
{
    struct silt_store_req page = {.op = SILT_OP_LIST, .key = prefix, .start_after = after};
    char *next = NULL;
    silt_store_call(v->opts->store, &page);
    *ret_rc = SILT_OK;
    if (page.outcome != SILT_STORE_OK) *ret_rc = silt_parallel_fail(&page, prefix, err);
    if (page.outcome == SILT_STORE_OK) take_page(v, &page);
    if (page.truncated && page.objects_n) next = silt_strdup(page.objects[page.objects_n - 1].key);
    silt_store_req_done(&page);
    return next;
}

struct silt_rc silt_verify_list(struct silt_verifier *v, struct silt_err *err)
{
    char topic[SILT_COMPONENT_MAX];
    char prefix[SILT_COMPONENT_MAX + 16] = "data/";
    struct silt_rc rc = SILT_OK;
    v->keys = silt_map_new();
    if (v->opts->filter.topic) {
        silt_key_component(v->opts->filter.topic, topic);
        snprintf(prefix, sizeof prefix, "data/topic=%s/", topic);
    }
    for (char *after = silt_strdup(""); after;) {
        char *next = list_page(v, prefix, after, &rc, err);
        silt_free(after);
        after = next;
    }
    return rc;
}

int64_t silt_verify_take_key(struct silt_verifier *v, const char *key)
{
    struct data_object *object = silt_map_remove(v->keys, key, strlen(key));
    int64_t size = object ? object->size : -2;
    silt_free(object);
    return size;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void silt_verify_foreign(struct silt_verifier *v)
{
    size_t n = 0;
    size_t pos = 0;
    const void *key;
    size_t len;
    char **keys = silt_calloc(silt_map_len(v->keys), sizeof *keys);
    while (silt_map_next(v->keys, &pos, &key, &len)) keys[n++] = silt_strndup(key, len);
    if (n) qsort(keys, n, sizeof *keys, by_text);
    for (size_t i = 0; i < n; i++) {
        silt_verify_say_key(v, SILT_FAULT_FOREIGN, keys[i], "no manifest lists this object");
        silt_free(keys[i]);
    }
    silt_free(keys);
}

void silt_verify_keys_done(struct silt_verifier *v)
{
    size_t pos = 0;
    const void *key;
    size_t len;
    if (!v->keys) return;
    for (void *object; (object = silt_map_next(v->keys, &pos, &key, &len));) silt_free(object);
    silt_map_free(v->keys);
}
