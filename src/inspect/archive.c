#include "inspect/archive.h"

#include "base/alloc.h"
#include "parallel_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_ROOT "_log/"
/* Comes after every name below a folder: those begin with a digit. */
#define BEHIND "~"

void silt_archive_done(struct silt_archive *archive)
{
    if (!archive) return;
    for (unsigned i = 0; i < archive->logs_n; i++) silt_free(archive->logs[i].prefix);
    for (unsigned i = 0; i < archive->strays_n; i++) silt_free(archive->strays[i]);
    silt_free(archive->logs);
    silt_free(archive->strays);
    *archive = (struct silt_archive){0};
}

/* "<topic>~<tid8>" of `len` bytes. */
static bool parse_topic(const char *text, size_t len, struct silt_log_ref *ref)
{
    static const char hex[] = "0123456789abcdef";
    if (len < 10 || len - 9 >= sizeof ref->topic || text[len - 9] != '~') return false;
    if (strspn(text + len - 8, hex) < 8) return false;
    memcpy(ref->topic, text, len - 9);
    ref->topic[len - 9] = 0;
    memcpy(ref->tid8, text + len - 8, 8);
    ref->tid8[8] = 0;
    return true;
}

/* "<p:05>/" in front of `text`. */
static bool parse_partition(const char *text, int32_t *ret_partition)
{
    size_t digits = strspn(text, "0123456789");
    if (digits < 5 || digits > 10 || text[digits] != '/' || (digits > 5 && text[0] == '0'))
        return false;
    long long number = strtoll(text, NULL, 10);
    if (number > INT32_MAX) return false;
    *ret_partition = (int32_t)number;
    return true;
}

bool silt_log_ref_parse(const char *key, struct silt_log_ref *ret_ref)
{
    struct silt_log_ref ref = {0};
    if (strncmp(key, LOG_ROOT, strlen(LOG_ROOT)) != 0) return false;
    const char *topic = strchr(key + strlen(LOG_ROOT), '/');
    const char *partition = topic ? strchr(topic + 1, '/') : NULL;
    if (!partition || !parse_topic(topic + 1, (size_t)(partition - topic - 1), &ref)) return false;
    if (!parse_partition(partition + 1, &ref.partition)) return false;
    const char *name = strchr(partition + 1, '/') + 1;
    ref.prefix = silt_strndup(key, (size_t)(name - key));
    *ret_ref = ref;
    return true;
}

bool silt_archive_wants(const struct silt_archive_filter *filter, const char *encoded_topic,
                        int32_t partition)
{
    char topic[SILT_COMPONENT_MAX];
    if (filter->partition >= 0 && filter->partition != partition) return false;
    if (!filter->topic) return true;
    silt_key_component(filter->topic, topic);
    return strcmp(topic, encoded_topic) == 0;
}

static void add_log(struct silt_archive *archive, const struct silt_log_ref *ref)
{
    archive->logs = silt_realloc_array(archive->logs, archive->logs_n + 1, sizeof archive->logs[0]);
    archive->logs[archive->logs_n++] = *ref;
}

static void add_stray(struct silt_archive *archive, const char *key)
{
    archive->strays =
        silt_realloc_array(archive->strays, archive->strays_n + 1, sizeof archive->strays[0]);
    archive->strays[archive->strays_n++] = silt_strdup(key);
}

/* Where the next LIST begins: behind this partition, or behind the whole topic. */
static char *behind(const struct silt_log_ref *ref, bool whole_topic)
{
    size_t len = strlen(ref->prefix);
    if (whole_topic)
        for (len--; ref->prefix[len - 1] != '/'; len--) continue;
    return silt_asprintf("%.*s" BEHIND, (int)len, ref->prefix);
}

static char *take(struct silt_archive *archive, const struct silt_archive_filter *filter,
                  const char *key)
{
    struct silt_log_ref ref;
    const struct silt_archive_filter any_partition = {.topic = filter->topic, .partition = -1};
    if (!silt_log_ref_parse(key, &ref)) {
        add_stray(archive, key);
        return silt_strdup(key);
    }
    char *after = behind(&ref, !silt_archive_wants(&any_partition, ref.topic, ref.partition));
    if (silt_archive_wants(filter, ref.topic, ref.partition))
        add_log(archive, &ref);
    else
        silt_free(ref.prefix);
    return after;
}

/* @return where to go on; NULL at the end and after a failure. */
static char *list_one(struct silt_store *store, const char *after, struct silt_archive *archive,
                      const struct silt_archive_filter *filter, struct silt_rc *ret_rc,
                      struct silt_err *err)
{
    struct silt_store_req req = {
        .op = SILT_OP_LIST, .key = LOG_ROOT, .start_after = after, .limit = 1};
    char *next = NULL;
    silt_store_call(store, &req);
    *ret_rc = SILT_OK;
    if (req.outcome != SILT_STORE_OK) *ret_rc = silt_parallel_fail(&req, LOG_ROOT, err);
    if (req.outcome == SILT_STORE_OK && req.objects_n)
        next = take(archive, filter, req.objects[0].key);
    silt_store_req_done(&req);
    return next;
}

/* A wrong root must not look like an archive without faults. */
static SILT_RC check_root(struct silt_store *store, struct silt_err *err)
{
    struct silt_store_req req = {.op = SILT_OP_HEAD, .key = "_format.json"};
    struct silt_rc rc = SILT_OK;
    silt_store_call(store, &req);
    if (req.outcome == SILT_STORE_NOT_FOUND)
        rc = silt_err_set(err, SILT_E_NOT_FOUND, __FILE__, __LINE__,
                          "%s holds no archive (no _format.json); check archive.root", store->url);
    else if (req.outcome != SILT_STORE_OK)
        rc = silt_parallel_fail(&req, req.key, err);
    silt_store_req_done(&req);
    return rc;
}

static SILT_RC check_wanted(const struct silt_archive *archive,
                            const struct silt_archive_filter *filter, struct silt_err *err)
{
    if (archive->logs_n || !filter->topic || filter->may_lack_it) return SILT_OK;
    if (filter->partition < 0)
        SILT_FAIL(err, NOT_FOUND, "the archive has no topic %.100s", filter->topic);
    SILT_FAIL(err, NOT_FOUND, "the archive has no partition %" PRId32 " of topic %.100s",
              filter->partition, filter->topic);
}

SILT_RC silt_archive_read(struct silt_store *store, const struct silt_archive_filter *filter,
                          struct silt_archive *ret_archive, struct silt_err *err)
{
    struct silt_archive archive = {0};
    struct silt_rc rc = check_root(store, err);
    for (char *after = silt_ok(rc) ? silt_strdup("") : NULL; after;) {
        char *next = list_one(store, after, &archive, filter, &rc, err);
        silt_free(after);
        after = next;
    }
    if (silt_ok(rc)) rc = check_wanted(&archive, filter, err);
    if (silt_ok(rc))
        *ret_archive = archive;
    else
        silt_archive_done(&archive);
    return rc;
}
