#include "commit/manifest.h"

#include "base/alloc.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {"data", "gap", "skip", "lineage"};

const char *silt_slot_kind_name(enum silt_slot_kind kind)
{
    return kind_names[kind];
}

static void file_done(struct silt_manifest_file *file)
{
    silt_free(file->upload_id);
    silt_free(file->parts);
    *file = (struct silt_manifest_file){0};
}

void silt_manifest_done(struct silt_manifest *manifest)
{
    if (!manifest) return;
    for (unsigned i = 0; i < manifest->files_n; i++) file_done(&manifest->files[i]);
    silt_free(manifest->files);
    silt_free(manifest->holes);
    silt_free(manifest->unreadable);
    *manifest = (struct silt_manifest){0};
}

void silt_repair_done(struct silt_repair *repair)
{
    if (!repair) return;
    file_done(&repair->with);
    *repair = (struct silt_repair){0};
}

bool silt_offsets_have(const struct silt_offsets *ranges, unsigned n, int64_t offset)
{
    for (unsigned i = 0; i < n; i++)
        if (ranges[i].first <= offset && offset <= ranges[i].last) return true;
    return false;
}

int64_t silt_offsets_sum(const struct silt_offsets *ranges, unsigned n)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < n; i++) sum += ranges[i].last - ranges[i].first + 1;
    return sum;
}

bool silt_manifest_same_parts(const struct silt_manifest_file *file,
                              const struct silt_store_part *have, unsigned have_n)
{
    if (have_n < file->parts_n) return false;
    for (unsigned i = 0; i < file->parts_n; i++) {
        const struct silt_store_part *want = &file->parts[i];
        if (have[i].n != want->n || have[i].size != want->size || have[i].crc32c != want->crc32c)
            return false;
    }
    return true;
}

/* ---- writing ---- */

static json_t *write_ranges(const struct silt_offsets *ranges, unsigned n)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < n; i++)
        json_array_append_new(
            list, json_pack("[I,I]", (json_int_t)ranges[i].first, (json_int_t)ranges[i].last));
    return list;
}

#define CRC_TEXT 9
static void print_crc(uint32_t crc, char ret_text[CRC_TEXT])
{
    snprintf(ret_text, CRC_TEXT, "%08x", crc);
}

static json_t *write_part(const struct silt_store_part *part)
{
    char crc[CRC_TEXT];
    print_crc(part->crc32c, crc);
    return json_pack("{s:i,s:I,s:s,s:s}", "n", (int)part->n, "size", (json_int_t)part->size, "etag",
                     part->etag, "crc32c", crc);
}

/* jansson takes no text that is not UTF-8: it makes NULL of it. Nothing may be left out for that,
 * so whoever puts such a NULL somewhere gives up what it is building and returns NULL too. */
static json_t *give_up(json_t *building)
{
    json_decref(building);
    return NULL;
}

static json_t *write_parts(const struct silt_manifest_file *file)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < file->parts_n; i++)
        if (json_array_append_new(list, write_part(&file->parts[i])) != 0) return give_up(list);
    return list;
}

static json_t *write_file(const struct silt_manifest_file *file)
{
    char crc[CRC_TEXT];
    print_crc(file->crc32c, crc);
    json_t *object =
        json_pack("{s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:I,s:I,s:I}", "key", file->key, "role",
                  silt_role_name(file->role), "upload", file->upload_id ? file->upload_id : "",
                  "token", file->token, "size", (json_int_t)file->size, "crc32c", crc, "codec",
                  file->codec, "records", (json_int_t)file->records, "first",
                  (json_int_t)file->first, "last", (json_int_t)file->last);
    json_t *schemas = file->schema_id >= 0 ? json_pack("[i]", file->schema_id) : json_array();
    bool whole = json_object_set_new(object, "parts", write_parts(file)) == 0;
    json_object_set_new(object, "schemas", schemas);
    return whole ? object : give_up(object);
}

static json_t *write_files(const struct silt_manifest *m)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < m->files_n; i++)
        if (json_array_append_new(list, write_file(&m->files[i])) != 0) return give_up(list);
    return list;
}

static json_t *write_head(const struct silt_manifest *m)
{
    return json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:i,s:I,s:s,s:s,s:s}", "v", SILT_MANIFEST_VERSION,
                     "kind", kind_names[m->kind], "archive", m->archive, "cluster", m->tp.cluster,
                     "topic", m->tp.topic, "topic_id", m->tp.topic_id, "partition",
                     (int)m->tp.partition, "seq", (json_int_t)m->seq, "prev", m->prev, "uuid",
                     m->uuid, "created", m->created);
}

static json_t *write_books(const struct silt_manifest *m)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:s,s:[i,i],s:[I,I]}", "start",
                     (json_int_t)m->start, "next", (json_int_t)m->next, "lineage",
                     (json_int_t)m->lineage, "records", (json_int_t)m->records, "tombstones",
                     (json_int_t)m->tombstones, "rejected", (json_int_t)m->rejected, "holes",
                     write_ranges(m->holes, m->holes_n), "unreadable",
                     write_ranges(m->unreadable, m->unreadable_n), "digest", m->digest,
                     "leader_epoch", (int)m->leader_epoch[0], (int)m->leader_epoch[1], "ts",
                     (json_int_t)m->ts[0], (json_int_t)m->ts[1]);
}

static SILT_RC dump(json_t *object, struct silt_buf *out, struct silt_err *err)
{
    char *text = json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(object);
    SILT_ASSERT(text);
    size_t len = strlen(text);
    bool fits = len <= SILT_MANIFEST_MAX && silt_buf_append(out, text, len);
    free(text); /* library memory */
    if (!fits)
        SILT_FAIL(err, LIMIT, "manifest of %zu bytes is larger than %zu; lower archive.max_bytes",
                  len, SILT_MANIFEST_MAX);
    return SILT_OK;
}

SILT_RC silt_manifest_write(const struct silt_manifest *m, struct silt_buf *out,
                            struct silt_err *err)
{
    json_t *object = write_head(m);
    json_t *cut = json_pack("{s:s,s:s,s:i}", "time", m->cut.time, "unit", m->cut.unit, "max_files",
                            (int)m->cut.max_files);
    json_t *writer = json_pack("{s:s,s:s,s:s}", "pod", m->writer_pod, "boot", m->writer_boot,
                               "version", m->writer_version);
    int left_out = json_object_update_new(object, write_books(m));
    left_out |= json_object_set_new(object, "cut", cut);
    left_out |= json_object_set_new(object, "writer", writer);
    left_out |= json_object_set_new(object, "files", write_files(m));
    if (left_out == 0) return dump(object, out, err);
    json_decref(object);
    SILT_FAIL(err, INTERNAL, "manifest of slot %lld holds text that is not UTF-8",
              (long long)m->seq);
}

/* ---- reading: each getter fails by setting `bad` to the member's name ---- */

struct reader {
    const char *bad;
};

static int64_t get_int(struct reader *r, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value)) r->bad = name;
    return json_integer_value(value);
}

static int32_t get_int32(struct reader *r, const json_t *object, const char *name)
{
    int64_t value = get_int(r, object, name);
    if (value < INT32_MIN || value > INT32_MAX) r->bad = name;
    return (int32_t)value;
}

static unsigned get_count(struct reader *r, const json_t *object, const char *name)
{
    int32_t value = get_int32(r, object, name);
    if (value < 0) r->bad = name;
    return (unsigned)value;
}

static void get_str(struct reader *r, const json_t *object, const char *name, char *ret_text,
                    size_t room)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value) || json_string_length(value) >= room) {
        r->bad = name;
        return;
    }
    memcpy(ret_text, json_string_value(value), json_string_length(value) + 1);
}

static uint32_t get_crc(struct reader *r, const json_t *object, const char *name)
{
    char text[9] = "";
    get_str(r, object, name, text, sizeof text);
    if (strlen(text) != 8 || strspn(text, "0123456789abcdef") != 8) r->bad = name;
    return (uint32_t)strtoul(text, NULL, 16);
}

static void read_pair(struct reader *r, const json_t *list, const char *name, int64_t ret[2])
{
    const json_t *first = json_array_get(list, 0);
    const json_t *second = json_array_get(list, 1);
    if (json_array_size(list) != 2 || !json_is_integer(first) || !json_is_integer(second))
        r->bad = name;
    ret[0] = json_integer_value(first);
    ret[1] = json_integer_value(second);
}

static void get_epochs(struct reader *r, const json_t *object, const char *name, int32_t ret[2])
{
    int64_t pair[2];
    read_pair(r, json_object_get(object, name), name, pair);
    for (unsigned i = 0; i < 2; i++) {
        if (pair[i] < -1 || pair[i] > INT32_MAX) r->bad = name;
        ret[i] = (int32_t)pair[i];
    }
}

static struct silt_offsets *get_ranges(struct reader *r, const json_t *object, const char *name,
                                       unsigned *ret_n)
{
    const json_t *list = json_object_get(object, name);
    if (!json_is_array(list)) r->bad = name;
    size_t n = json_array_size(list);
    struct silt_offsets *ranges = silt_calloc(n, sizeof *ranges);
    for (size_t i = 0; i < n; i++) {
        int64_t pair[2];
        read_pair(r, json_array_get(list, i), name, pair);
        ranges[i] = (struct silt_offsets){.first = pair[0], .last = pair[1]};
    }
    *ret_n = (unsigned)n;
    return ranges;
}

static int32_t get_schema_id(struct reader *r, const json_t *object)
{
    static const char name[] = "schemas";
    const json_t *list = json_object_get(object, name);
    const json_t *id = json_array_get(list, 0);
    if (!json_is_array(list)) r->bad = name;
    if (!id) return -1;
    int64_t value = json_integer_value(id);
    if (!json_is_integer(id) || value < 0 || value > INT32_MAX) r->bad = name;
    return (int32_t)value;
}

static enum silt_slot_kind get_kind(struct reader *r, const json_t *object)
{
    const char *name = json_string_value(json_object_get(object, "kind"));
    for (unsigned i = 0; name && i < sizeof kind_names / sizeof kind_names[0]; i++)
        if (strcmp(name, kind_names[i]) == 0) return (enum silt_slot_kind)i;
    r->bad = "kind";
    return SILT_SLOT_DATA;
}

static void read_parts(struct reader *r, const json_t *object, struct silt_manifest_file *file)
{
    const json_t *list = json_object_get(object, "parts");
    size_t n = json_array_size(list);
    if (!json_is_array(list)) r->bad = "parts";
    file->parts = silt_calloc(n, sizeof *file->parts);
    file->parts_n = (unsigned)n;
    for (size_t i = 0; i < n; i++) {
        const json_t *part = json_array_get(list, i);
        file->parts[i].n = get_count(r, part, "n");
        file->parts[i].size = get_int(r, part, "size");
        file->parts[i].crc32c = get_crc(r, part, "crc32c");
        get_str(r, part, "etag", file->parts[i].etag, sizeof file->parts[i].etag);
        if (file->parts[i].n != i + 1) r->bad = "parts.n";
    }
}

static void read_file(struct reader *r, const json_t *object, struct silt_manifest_file *file)
{
    char role[16] = "";
    get_str(r, object, "key", file->key, sizeof file->key);
    get_str(r, object, "role", role, sizeof role);
    if (!silt_role_parse(role, &file->role)) r->bad = "role";
    const char *upload = json_string_value(json_object_get(object, "upload"));
    if (!upload) r->bad = "upload";
    file->upload_id = silt_strdup(upload ? upload : "");
    get_str(r, object, "token", file->token, sizeof file->token);
    file->size = get_int(r, object, "size");
    file->crc32c = get_crc(r, object, "crc32c");
    get_str(r, object, "codec", file->codec, sizeof file->codec);
    file->schema_id = get_schema_id(r, object);
    file->records = get_int(r, object, "records");
    file->first = get_int(r, object, "first");
    file->last = get_int(r, object, "last");
    read_parts(r, object, file);
}

static void read_files(struct reader *r, const json_t *object, struct silt_manifest *m)
{
    const json_t *list = json_object_get(object, "files");
    if (!json_is_array(list)) r->bad = "files";
    m->files_n = (unsigned)json_array_size(list);
    m->files = silt_calloc(m->files_n, sizeof *m->files);
    for (unsigned i = 0; i < m->files_n; i++) read_file(r, json_array_get(list, i), &m->files[i]);
}

static void read_head(struct reader *r, const json_t *object, struct silt_manifest *m)
{
    m->kind = get_kind(r, object);
    get_str(r, object, "archive", m->archive, sizeof m->archive);
    get_str(r, object, "cluster", m->tp.cluster, sizeof m->tp.cluster);
    get_str(r, object, "topic", m->tp.topic, sizeof m->tp.topic);
    get_str(r, object, "topic_id", m->tp.topic_id, sizeof m->tp.topic_id);
    m->tp.partition = (int32_t)get_count(r, object, "partition");
    m->seq = get_int(r, object, "seq");
    get_str(r, object, "prev", m->prev, sizeof m->prev);
    get_str(r, object, "uuid", m->uuid, sizeof m->uuid);
    get_str(r, object, "created", m->created, sizeof m->created);
}

static void read_books(struct reader *r, const json_t *object, struct silt_manifest *m)
{
    m->start = get_int(r, object, "start");
    m->next = get_int(r, object, "next");
    m->lineage = get_int(r, object, "lineage");
    m->records = get_int(r, object, "records");
    m->tombstones = get_int(r, object, "tombstones");
    m->rejected = get_int(r, object, "rejected");
    m->holes = get_ranges(r, object, "holes", &m->holes_n);
    m->unreadable = get_ranges(r, object, "unreadable", &m->unreadable_n);
    get_str(r, object, "digest", m->digest, sizeof m->digest);
    get_epochs(r, object, "leader_epoch", m->leader_epoch);
    read_pair(r, json_object_get(object, "ts"), "ts", m->ts);
}

static void read_origin(struct reader *r, const json_t *object, struct silt_manifest *m)
{
    const json_t *cut = json_object_get(object, "cut");
    get_str(r, cut, "time", m->cut.time, sizeof m->cut.time);
    get_str(r, cut, "unit", m->cut.unit, sizeof m->cut.unit);
    m->cut.max_files = get_count(r, cut, "max_files");
    const json_t *writer = json_object_get(object, "writer");
    get_str(r, writer, "pod", m->writer_pod, sizeof m->writer_pod);
    get_str(r, writer, "boot", m->writer_boot, sizeof m->writer_boot);
    get_str(r, writer, "version", m->writer_version, sizeof m->writer_version);
}

static SILT_RC load(struct silt_slice bytes, json_t **ret_object, struct silt_err *err)
{
    json_error_t why;
    json_t *object = json_loadb((const char *)bytes.ptr, bytes.len, JSON_REJECT_DUPLICATES, &why);
    if (!object) SILT_FAIL(err, CORRUPT, "no JSON at byte %d: %s", why.position, why.text);
    const json_t *version = json_object_get(object, "v");
    int64_t v = json_integer_value(version);
    bool known = json_is_integer(version) && v == SILT_MANIFEST_VERSION;
    if (known) {
        *ret_object = object;
        return SILT_OK;
    }
    bool newer = json_is_integer(version) && v > SILT_MANIFEST_VERSION;
    json_decref(object);
    if (newer)
        SILT_FAIL(err, UNSUPPORTED,
                  "manifest version %lld is newer than this silt knows (%d); use a newer silt",
                  (long long)v, SILT_MANIFEST_VERSION);
    SILT_FAIL(err, CORRUPT, "not a silt manifest: member \"v\" is missing or wrong");
}

SILT_RC silt_manifest_parse(struct silt_slice bytes, struct silt_manifest *ret_manifest,
                            struct silt_err *err)
{
    json_t *object;
    SILT_TRY(load(bytes, &object, err));
    struct reader r = {0};
    struct silt_manifest m = {0};
    read_head(&r, object, &m);
    read_books(&r, object, &m);
    read_origin(&r, object, &m);
    read_files(&r, object, &m);
    json_decref(object);
    if (r.bad) {
        silt_manifest_done(&m);
        SILT_FAIL(err, CORRUPT, "manifest member \"%s\" is missing or wrong", r.bad);
    }
    *ret_manifest = m;
    return SILT_OK;
}

/* ---- checks ---- */

/* Far beyond what exists, and small enough that no sum below overflows. */
#define OFFSET_MAX (INT64_C(1) << 60)
#define PART_BYTES_MAX (INT64_C(1) << 40)

static SILT_RC check_ranges(const char *name, const struct silt_offsets *ranges, unsigned n,
                            const struct silt_manifest *m, struct silt_err *err)
{
    int64_t from = m->start;
    for (unsigned i = 0; i < n; i++) {
        if (ranges[i].first < from || ranges[i].last < ranges[i].first || ranges[i].last >= m->next)
            SILT_FAIL(err, CORRUPT, "%s [%lld, %lld] is out of order or outside [%lld, %lld)", name,
                      (long long)ranges[i].first, (long long)ranges[i].last, (long long)m->start,
                      (long long)m->next);
        from = ranges[i].last + 1;
    }
    return SILT_OK;
}

static SILT_RC check_file(const struct silt_manifest_file *file, const struct silt_manifest *m,
                          struct silt_err *err)
{
    int64_t bytes = 0;
    for (unsigned i = 0; i < file->parts_n; i++) {
        if (file->parts[i].size < 1 || file->parts[i].size > PART_BYTES_MAX)
            SILT_FAIL(err, CORRUPT, "%s: part %u cannot hold %lld bytes", file->key, i + 1,
                      (long long)file->parts[i].size);
        bytes += file->parts[i].size;
    }
    if (bytes != file->size)
        SILT_FAIL(err, CORRUPT, "%s: parts hold %lld bytes, the file says %lld", file->key,
                  (long long)bytes, (long long)file->size);
    if (file->records < 1 || file->first < m->start || file->last >= m->next ||
        file->last - file->first + 1 < file->records)
        SILT_FAIL(err, CORRUPT, "%s: %lld records in offsets [%lld, %lld] of a slot [%lld, %lld)",
                  file->key, (long long)file->records, (long long)file->first,
                  (long long)file->last, (long long)m->start, (long long)m->next);
    return SILT_OK;
}

static SILT_RC check_data(const struct silt_manifest *m, struct silt_err *err)
{
    int64_t by_role[3] = {0};
    SILT_TRY(check_ranges("hole", m->holes, m->holes_n, m, err));
    SILT_TRY(check_ranges("unreadable range", m->unreadable, m->unreadable_n, m, err));
    for (unsigned i = 0; i < m->files_n; i++) {
        SILT_TRY(check_file(&m->files[i], m, err));
        int64_t *sum = &by_role[m->files[i].role];
        *sum += m->files[i].records;
        if (*sum > m->next - m->start)
            SILT_FAIL(err, CORRUPT, "files hold more records than the slot has offsets");
    }
    if (m->records < 0 || m->records > OFFSET_MAX || m->rejected < 0 || m->rejected > OFFSET_MAX)
        SILT_FAIL(err, CORRUPT, "%lld records and %lld rejected cannot be counts",
                  (long long)m->records, (long long)m->rejected);
    int64_t missing =
        silt_offsets_sum(m->holes, m->holes_n) + silt_offsets_sum(m->unreadable, m->unreadable_n);
    if (m->records + m->rejected + missing != m->next - m->start)
        SILT_FAIL(err, CORRUPT,
                  "books do not balance: %lld records + %lld rejected + %lld without a record, but "
                  "%lld offsets",
                  (long long)m->records, (long long)m->rejected, (long long)missing,
                  (long long)(m->next - m->start));
    bool agree = by_role[SILT_ROLE_DATA] + by_role[SILT_ROLE_TOMBSTONE] == m->records;
    agree &= by_role[SILT_ROLE_TOMBSTONE] == m->tombstones;
    agree &= by_role[SILT_ROLE_REJECTED] == m->rejected;
    if (!agree) SILT_FAIL(err, CORRUPT, "files do not hold the records that the slot counts");
    return SILT_OK;
}

SILT_RC silt_manifest_check(const struct silt_manifest *m, struct silt_err *err)
{
    bool forward = m->kind == SILT_SLOT_LINEAGE ? m->next <= m->start : m->next > m->start;
    bool inside = m->seq >= 0 && m->start >= 0 && m->next >= 0 && m->seq <= OFFSET_MAX &&
                  m->start <= OFFSET_MAX && m->next <= OFFSET_MAX;
    if (!inside || !forward)
        SILT_FAIL(err, CORRUPT, "slot %lld of kind %s cannot cover [%lld, %lld)", (long long)m->seq,
                  kind_names[m->kind], (long long)m->start, (long long)m->next);
    if (m->kind == SILT_SLOT_DATA) return check_data(m, err);
    if (m->files_n || m->records || m->rejected || m->tombstones)
        SILT_FAIL(err, CORRUPT, "slot %lld of kind %s must not hold records", (long long)m->seq,
                  kind_names[m->kind]);
    return SILT_OK;
}

static bool same_partition(const struct silt_tp *a, const struct silt_tp *b)
{
    return strcmp(a->topic_id, b->topic_id) == 0 && strcmp(a->topic, b->topic) == 0 &&
           strcmp(a->cluster, b->cluster) == 0 && a->partition == b->partition;
}

SILT_RC silt_manifest_check_link(const struct silt_manifest *m, const struct silt_manifest *before,
                                 const char before_sha256[SILT_SHA256_HEX], struct silt_err *err)
{
    if (!before) {
        if (m->seq != 0 || strcmp(m->prev, SILT_NO_PREV) != 0)
            SILT_FAIL(err, CORRUPT, "slot %lld has no slot before it", (long long)m->seq);
        return SILT_OK;
    }
    if (!same_partition(&m->tp, &before->tp) || m->seq != before->seq + 1)
        SILT_FAIL(err, CORRUPT, "slot %lld of %s/%d does not follow slot %lld of %s/%d",
                  (long long)m->seq, m->tp.topic, m->tp.partition, (long long)before->seq,
                  before->tp.topic, before->tp.partition);
    if (strcmp(m->prev, before_sha256) != 0)
        SILT_FAIL(err, CORRUPT, "slot %lld was written after another slot %lld (prev differs)",
                  (long long)m->seq, (long long)before->seq);
    if (m->start != before->next)
        SILT_FAIL(err, CORRUPT, "slot %lld starts at %lld, slot %lld ended at %lld",
                  (long long)m->seq, (long long)m->start, (long long)before->seq,
                  (long long)before->next);
    int64_t lineage = before->lineage + (m->kind == SILT_SLOT_LINEAGE);
    if (m->lineage != lineage)
        SILT_FAIL(err, CORRUPT, "slot %lld has lineage %lld instead of %lld", (long long)m->seq,
                  (long long)m->lineage, (long long)lineage);
    return SILT_OK;
}

/* ---- repair records ---- */

SILT_RC silt_repair_write(const struct silt_repair *repair, const struct silt_tp *tp,
                          struct silt_buf *out, struct silt_err *err)
{
    json_t *object =
        json_pack("{s:i,s:s,s:s,s:s,s:i,s:I,s:i,s:i,s:b}", "v", SILT_MANIFEST_VERSION, "kind",
                  "repair", "topic", tp->topic, "topic_id", tp->topic_id, "partition",
                  (int)tp->partition, "seq", (json_int_t)repair->seq, "file", (int)repair->file,
                  "k", (int)repair->k, "lost", (int)repair->lost);
    int left_out = object ? 0 : -1;
    if (!repair->lost) left_out = json_object_set_new(object, "with", write_file(&repair->with));
    if (left_out == 0) return dump(object, out, err);
    json_decref(object);
    SILT_FAIL(err, INTERNAL, "repair record of slot %lld holds text that is not UTF-8",
              (long long)repair->seq);
}

SILT_RC silt_repair_parse(struct silt_slice bytes, struct silt_repair *ret_repair,
                          struct silt_err *err)
{
    json_t *object;
    SILT_TRY(load(bytes, &object, err));
    struct reader r = {0};
    const json_t *lost = json_object_get(object, "lost");
    struct silt_repair repair = {.seq = get_int(&r, object, "seq"),
                                 .file = get_count(&r, object, "file"),
                                 .k = get_count(&r, object, "k"),
                                 .lost = json_is_true(lost)};
    const char *kind = json_string_value(json_object_get(object, "kind"));
    if (!kind || strcmp(kind, "repair") != 0) r.bad = "kind";
    if (!json_is_boolean(lost)) r.bad = "lost";
    if (!repair.lost) read_file(&r, json_object_get(object, "with"), &repair.with);
    json_decref(object);
    if (r.bad) {
        silt_repair_done(&repair);
        SILT_FAIL(err, CORRUPT, "repair record member \"%s\" is missing or wrong", r.bad);
    }
    *ret_repair = repair;
    return SILT_OK;
}
