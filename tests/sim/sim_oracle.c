/* What must hold, checked at every change of the store against the cluster's own records. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sim.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 1024u
#define ROW_MAX 2048u
#define WINDOW_MAX 512

struct sim_file {
    struct sim_slot *slot;
    unsigned index;
    struct sim_upload *upload;
    uint32_t crc32c;
    bool complete;
    bool lost;
    unsigned repairs_n;
    struct sim_file *repair; /* the newest */
    struct sim_file *of;     /* what it repairs; NULL: itself in the manifest */
};

struct sim_slot {
    struct silt_manifest m;
    char sha256[SILT_SHA256_HEX];
    struct sim_file *files;
    struct sim_log *log;
    struct sim_topic *topic;
};

struct sim_chain {
    struct sim_slot *slots[SLOTS_MAX];
    unsigned slots_n;
    unsigned lineages;
};

static unsigned slots_n;

void sim_oracle_begin(void)
{
    slots_n = 0;
}

unsigned sim_oracle_slots(void)
{
    return slots_n;
}

/* ---- files: rows, one by one ---- */

struct cursor {
    const char *key; /* of the file */
    struct silt_slice in;
};

static struct silt_slice take(struct cursor *c, int64_t len)
{
    if (len < 0 || (uint64_t)len > c->in.len) sim_fail("%s ends inside a block", c->key);
    struct silt_slice taken = silt_slice_of(c->in.ptr, (size_t)len);
    c->in = silt_slice_of(c->in.ptr + len, c->in.len - (size_t)len);
    return taken;
}

static int64_t take_long(struct cursor *c)
{
    int64_t value = 0;
    size_t len = sim_varint(c->in, &value);
    if (!len) sim_fail("%s holds a broken number", c->key);
    take(c, (int64_t)len);
    return value;
}

static struct silt_slice take_bytes(struct cursor *c)
{
    return take(c, take_long(c));
}

/* Magic, metadata, sync. */
static struct silt_slice take_header(struct cursor *c)
{
    if (memcmp(take(c, 4).ptr, "Obj\1", 4) != 0) sim_fail("%s is no Avro file", c->key);
    for (int64_t n = take_long(c); n; n = take_long(c)) {
        for (; n; n--) {
            (void)take_bytes(c);
            (void)take_bytes(c);
        }
    }
    return take(c, 16);
}

static struct silt_slice bytes_of(const struct sim_upload *upload, unsigned parts_n)
{
    size_t len = 0;
    for (unsigned i = 0; i < parts_n; i++) len += (size_t)upload->parts[i].size;
    uint8_t *bytes = sim_take(len + 1);
    size_t at = 0;
    for (unsigned i = 0; i < parts_n; i++) {
        memcpy(bytes + at, upload->bodies[i], (size_t)upload->parts[i].size);
        at += (size_t)upload->parts[i].size;
    }
    return silt_slice_of(bytes, len);
}

/* All rows of a file, one behind the other. */
static struct silt_slice rows_of(const char *key, struct silt_slice file, int64_t *ret_rows)
{
    struct cursor c = {.key = key, .in = file};
    uint8_t *rows = sim_take(file.len + 1);
    size_t len = 0;
    struct silt_slice sync = take_header(&c);
    *ret_rows = 0;
    while (c.in.len) {
        *ret_rows += take_long(&c);
        struct silt_slice raw = take_bytes(&c);
        memcpy(rows + len, raw.ptr, raw.len);
        len += raw.len;
        if (memcmp(take(&c, 16).ptr, sync.ptr, 16) != 0) sim_fail("%s: sync marker differs", key);
    }
    return silt_slice_of(rows, len);
}

/* ---- a window against the log ---- */

struct window {
    const struct silt_manifest *m;
    struct sim_log *log;
    struct sim_entry *found[WINDOW_MAX]; /* by offset − start; NULL: no row */
    int64_t by_role[3];
};

static enum silt_role role_of(const struct sim_entry *entry)
{
    if (entry->kind == SIM_TOMBSTONE) return SILT_ROLE_TOMBSTONE;
    return entry->kind == SIM_REJECT ? SILT_ROLE_REJECTED : SILT_ROLE_DATA;
}

static struct sim_entry *newest_at(const struct sim_log *log, int64_t offset)
{
    return offset < log->cap ? log->entries[offset] : NULL;
}

/* A reject's row tells a detail that is for people; everything else is known. Empty when the row is
 * of another version of the record. */
static struct silt_slice detail_of(const struct silt_record *rec, struct silt_slice rows)
{
    uint8_t meta[ROW_MAX];
    struct silt_slice text = {0};
    size_t at = sim_row(rec, SILT_ROLE_TOMBSTONE, NULL, meta);
    for (unsigned i = 0; i < 2; i++) { /* the reason, then the detail */
        int64_t len = 0;
        if (at >= rows.len) return silt_slice_of(NULL, 0);
        at += sim_varint(silt_slice_of(rows.ptr + at, rows.len - at), &len);
        if (len < 0 || at > rows.len || (uint64_t)len > rows.len - at)
            return silt_slice_of(NULL, 0);
        text = silt_slice_of(rows.ptr + at, (size_t)len);
        at += (size_t)len;
    }
    return text.len < ROW_MAX / 2 ? text : silt_slice_of(NULL, 0);
}

static size_t expected_row(const struct sim_entry *entry, int32_t partition, struct silt_slice rows,
                           uint8_t *out)
{
    struct sim_bytes room;
    struct silt_record rec = sim_entry_record(entry, partition, &room);
    enum silt_role role = role_of(entry);
    struct sim_why why = {.schema_id = sim_entry_schema_id(entry)};
    if (role == SILT_ROLE_REJECTED) {
        why.reason = sim_entry_reason(entry);
        why.detail = detail_of(&rec, rows);
    }
    return sim_row(&rec, role, &why, out);
}

/* Which version of the record at this offset the row is. @return its length. */
static size_t match_row(struct window *w, const struct silt_manifest_file *file, int64_t offset,
                        struct silt_slice rows)
{
    uint8_t expected[ROW_MAX];
    bool twice = false;
    for (struct sim_entry *e = newest_at(w->log, offset); e; e = e->older) {
        if (e->kind == SIM_CONTROL || role_of(e) != file->role) continue;
        size_t len = expected_row(e, w->m->tp.partition, rows, expected);
        if (len > rows.len || memcmp(expected, rows.ptr, len) != 0) continue;
        if (e->open || e->aborted)
            sim_fail("slot %lld holds offset %lld of a transaction that was not committed",
                     (long long)w->m->seq, (long long)offset);
        if (role_of(e) == SILT_ROLE_DATA && file->schema_id != sim_entry_schema_id(e))
            sim_fail("%s is of schema %d, offset %lld is of another", file->key, file->schema_id,
                     (long long)offset);
        twice |= e->archived;
        if (e->archived) continue;
        e->archived = true;
        if (world.calm) e->corrupt = false; /* read before the damage: from a replica */
        w->found[offset - w->m->start] = e;
        return len;
    }
    if (twice) sim_fail("offset %lld is archived twice", (long long)offset);
    sim_fail("%s: the row of offset %lld is not what Kafka had", file->key, (long long)offset);
}

static void check_rows(struct window *w, const struct silt_manifest_file *file,
                       struct silt_slice rows, int64_t rows_n)
{
    struct cursor c = {.key = file->key, .in = rows};
    int64_t last = -1;
    for (int64_t i = 0; i < rows_n; i++) {
        struct cursor row = c;
        int64_t partition = take_long(&row);
        int64_t offset = take_long(&row);
        if (partition != w->m->tp.partition || offset < w->m->start || offset >= w->m->next)
            sim_fail("%s holds offset %lld of partition %lld", file->key, (long long)offset,
                     (long long)partition);
        if (offset <= last) sim_fail("%s is out of order at %lld", file->key, (long long)offset);
        if (i == 0 && offset != file->first) sim_fail("%s: first is wrong", file->key);
        last = offset;
        (void)take(&c, (int64_t)match_row(w, file, offset, c.in));
    }
    if (c.in.len || rows_n != file->records || last != file->last)
        sim_fail("%s: count, last offset or length is wrong", file->key);
    w->by_role[file->role] += rows_n;
}

static void check_file(struct window *w, const struct silt_manifest_file *file,
                       const struct sim_upload *upload)
{
    if (upload->parts_n < file->parts_n) sim_fail("%s: parts are missing (R3)", file->key);
    struct silt_slice bytes = bytes_of(upload, file->parts_n);
    if ((int64_t)bytes.len != file->size || silt_crc32c(0, bytes.ptr, bytes.len) != file->crc32c)
        sim_fail("%s: staged bytes are not what the manifest says", file->key);
    int64_t rows_n;
    struct silt_slice rows = rows_of(file->key, bytes, &rows_n);
    check_rows(w, file, rows, rows_n);
}

static void check_missing(struct window *w, const struct silt_offsets *range, bool unreadable)
{
    for (int64_t o = range->first; o <= range->last; o++) {
        bool true_of_one = false;
        if (w->found[o - w->m->start])
            sim_fail("offset %lld is both a record and missing", (long long)o);
        for (struct sim_entry *e = newest_at(w->log, o); e; e = e->older) {
            true_of_one |= e->kind == SIM_CONTROL || e->aborted || e->compacted;
            e->unreadable |= unreadable && e->was_corrupt;
            true_of_one |= e->unreadable;
        }
        if (!true_of_one)
            sim_fail("slot %lld calls offset %lld %s, but it can be read", (long long)w->m->seq,
                     (long long)o, unreadable ? "unreadable" : "a hole");
    }
}

static void check_digest(const struct window *w)
{
    static uint8_t bytes[WINDOW_MAX * 600];
    size_t len = 0;
    for (int64_t i = 0; i < w->m->next - w->m->start; i++) {
        if (!w->found[i]) continue;
        struct sim_bytes room;
        struct silt_record rec = sim_entry_record(w->found[i], w->m->tp.partition, &room);
        len += sim_digested(&rec, bytes + len);
    }
    XXH128_hash_t hash = XXH3_128bits(bytes, len);
    char text[33];
    snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
    if (strcmp(text, w->m->digest) != 0)
        sim_fail("slot %lld: the digest is wrong", (long long)w->m->seq);
}

static void check_totals(const struct window *w)
{
    const struct silt_manifest *m = w->m;
    int64_t records = w->by_role[SILT_ROLE_DATA] + w->by_role[SILT_ROLE_TOMBSTONE];
    if (records != m->records || w->by_role[SILT_ROLE_REJECTED] != m->rejected ||
        w->by_role[SILT_ROLE_TOMBSTONE] != m->tombstones)
        sim_fail("slot %lld: counts are wrong", (long long)m->seq);
}

static void check_window(struct sim_slot *slot)
{
    struct window w = {.m = &slot->m, .log = slot->log};
    if (w.m->next - w.m->start > WINDOW_MAX || w.m->next <= w.m->start)
        sim_fail("slot %lld covers [%lld, %lld)", (long long)w.m->seq, (long long)w.m->start,
                 (long long)w.m->next);
    for (unsigned i = 0; i < w.m->files_n; i++)
        check_file(&w, &w.m->files[i], slot->files[i].upload);
    for (unsigned i = 0; i < w.m->holes_n; i++) check_missing(&w, &w.m->holes[i], false);
    for (unsigned i = 0; i < w.m->unreadable_n; i++) check_missing(&w, &w.m->unreadable[i], true);
    check_totals(&w);
    check_digest(&w);
}

/* ---- slots ---- */

static bool file_is_settled(const struct sim_file *file)
{
    if (file->complete || file->lost) return true;
    return file->repair && file_is_settled(file->repair);
}

static bool slot_is_settled(const struct sim_slot *slot)
{
    for (unsigned i = 0; i < slot->m.files_n; i++)
        if (!file_is_settled(&slot->files[i])) return false;
    return true;
}

static struct sim_upload *list_upload(struct sim_file *file, const struct silt_manifest_file *with)
{
    struct sim_upload *upload = sim_store_upload(with->upload_id);
    if (!upload || strcmp(upload->key, with->key) != 0 || strcmp(upload->token, with->token) != 0)
        sim_fail("%s: there is no such upload", with->key);
    struct silt_parsed_key parsed;
    if (!silt_key_parse_data(with->key, &parsed) || parsed.seq != file->slot->m.seq)
        sim_fail("%s is listed by slot %lld: its key names another one", with->key,
                 (long long)file->slot->m.seq);
    if (upload->file) sim_fail("%s is listed twice", with->key);
    if (upload->state == SIM_ABORTED)
        sim_fail("%s is committed, but was aborted by a worker", with->key);
    bool may_expire = world.faults >> SIM_STORE_EXPIRY & 1;
    if (upload->state == SIM_EXPIRED && !may_expire)
        sim_fail("%s is committed, but is so old that it has expired (R7)", with->key);
    upload->file = file;
    file->upload = upload;
    file->crc32c = with->crc32c;
    return upload;
}

static void check_gap(const struct sim_slot *slot)
{
    const struct silt_manifest *m = &slot->m;
    if (slot->topic->gone && m->next <= slot->log->end) return; /* all of it is lost */
    if (m->next > slot->log->log_start)
        sim_fail("slot %lld calls [%lld, %lld) a gap, but the log starts at %lld",
                 (long long)m->seq, (long long)m->start, (long long)m->next,
                 (long long)slot->log->log_start);
    for (int64_t o = m->start; o < m->next && o < slot->log->end; o++)
        slot->log->entries[o]->in_gap = true;
}

/* Takes back what is archived there. @return whether there was anything that no slot had taken back
 * before. */
static bool disown(const struct sim_slot *slot)
{
    bool any = false;
    for (int64_t o = slot->m.next; o < slot->m.start; o++)
        for (struct sim_entry *e = newest_at(slot->log, o); e; e = e->older) {
            any |= e->archived && !e->disowned;
            e->disowned |= e->archived;
        }
    return any;
}

/* Where the archive ends in a hole, an ordinary change of leaders inside it looks like a
 * truncation: nobody knows of which leader a hole is. Reading it again does no harm. */
static void check_lineage(struct sim_slot *slot, struct sim_chain *chain)
{
    if (disown(slot) && ++chain->lineages > slot->log->truncations)
        sim_fail("slot %lld tells of a truncation that did not happen", (long long)slot->m.seq);
}

static void check_begin(const struct sim_slot *slot, const struct sim_slot *before)
{
    const struct silt_manifest *m = &slot->m;
    if (!before) {
        if (m->start > slot->log->log_start)
            sim_fail("the archive begins at %lld, the log at %lld", (long long)m->start,
                     (long long)slot->log->log_start);
        return;
    }
    if (m->start != before->m.next)
        sim_fail("slot %lld starts at %lld, the one before ends at %lld", (long long)m->seq,
                 (long long)m->start, (long long)before->m.next);
    if (strcmp(m->prev, before->sha256) != 0)
        sim_fail("slot %lld: prev is wrong", (long long)m->seq);
    if (!slot_is_settled(before))
        sim_fail("slot %lld is committed while files of the one before are pending (R4)",
                 (long long)m->seq);
}

static struct sim_chain *chain_of(struct sim_log *log)
{
    if (!log->chain) log->chain = sim_take(sizeof *log->chain);
    return log->chain;
}

static void add_slot(struct sim_slot *slot, const char *key)
{
    struct silt_manifest *m = &slot->m;
    char expected[SILT_KEY_MAX];
    slot->topic = sim_topic_of(m->tp.topic_id);
    if (!slot->topic || m->tp.partition < 0 || m->tp.partition >= SIM_PARTS_MAX)
        sim_fail("%s is of no topic that ever was", key);
    slot->log = &slot->topic->logs[m->tp.partition];
    silt_key_manifest(&m->tp, m->seq, expected);
    if (strcmp(expected, key) != 0) sim_fail("%s holds slot %s", key, expected);
    struct sim_chain *chain = chain_of(slot->log);
    if (m->seq < chain->slots_n) sim_fail("slot %lld is written twice", (long long)m->seq);
    if (m->seq > chain->slots_n)
        sim_fail("slot %lld comes after slot %d", (long long)m->seq, (int)chain->slots_n - 1);
    check_begin(slot, chain->slots_n ? chain->slots[chain->slots_n - 1] : NULL);
    slot->files = sim_take((m->files_n + 1) * sizeof *slot->files);
    for (unsigned i = 0; i < m->files_n; i++) {
        slot->files[i] = (struct sim_file){.slot = slot, .index = i};
        list_upload(&slot->files[i], &m->files[i]);
    }
    if (m->kind == SILT_SLOT_DATA) check_window(slot);
    if (m->kind == SILT_SLOT_GAP) check_gap(slot);
    if (m->kind == SILT_SLOT_LINEAGE) check_lineage(slot, chain);
    SILT_ASSERT(chain->slots_n < SLOTS_MAX);
    chain->slots[chain->slots_n++] = slot;
    slots_n++;
}

static void on_manifest(const char *key, struct silt_slice body)
{
    struct silt_err err = {0};
    struct sim_slot *slot = sim_take(sizeof *slot);
    sim_manifest_read(key, body, &slot->m);
    if (!silt_manifest_check(&slot->m, &err).ok) sim_fail("%s: %s", key, err.text);
    silt_sha256_hex(body.ptr, body.len, slot->sha256);
    add_slot(slot, key);
    sim_trace("slot %lld of %d: %s [%lld, %lld), %lld records, %lld rejected, %u files",
              (long long)slot->m.seq, slot->m.tp.partition, silt_slot_kind_name(slot->m.kind),
              (long long)slot->m.start, (long long)slot->m.next, (long long)slot->m.records,
              (long long)slot->m.rejected, slot->m.files_n);
}

/* ---- repairs ---- */

static bool are_lost(const struct sim_slot *slot)
{
    for (int64_t o = slot->m.start; o < slot->m.next && o < slot->log->end; o++)
        if (slot->log->entries[o]->compacted) return true;
    return slot->topic->gone || slot->log->log_start > slot->m.start ||
           slot->log->cut_at < slot->m.next;
}

static void check_same_rows(const struct sim_file *original, const struct silt_manifest_file *with,
                            const struct sim_upload *upload)
{
    const struct silt_manifest_file *file = &original->slot->m.files[original->index];
    int64_t want_n;
    int64_t have_n;
    struct silt_slice want = rows_of(file->key, bytes_of(original->upload, file->parts_n), &want_n);
    struct silt_slice have = rows_of(with->key, bytes_of(upload, with->parts_n), &have_n);
    if (want_n != have_n || !silt_slice_eq(want, have))
        sim_fail("%s does not hold what %s held", with->key, file->key);
}

static struct sim_file *file_of_repair(const char *key, const struct silt_repair *repair)
{
    struct silt_tp tp = {.cluster = "sim", .topic = SIM_TOPIC};
    char expected[SILT_KEY_MAX];
    for (struct sim_topic *topic = sim_cluster.topic; topic; topic = topic->older) {
        for (int32_t p = 0; p < SIM_PARTS_MAX; p++) {
            struct sim_chain *chain = topic->logs[p].chain;
            tp.partition = p;
            snprintf(tp.topic_id, sizeof tp.topic_id, "%s", topic->id);
            silt_key_repair(&tp, repair->seq, repair->file, repair->k, expected);
            if (strcmp(expected, key) != 0) continue;
            if (!chain || repair->seq >= chain->slots_n ||
                repair->file >= chain->slots[repair->seq]->m.files_n)
                sim_fail("%s repairs nothing", key);
            return &chain->slots[repair->seq]->files[repair->file];
        }
    }
    sim_fail("%s is not where its record says", key);
}

static bool is_dead(const struct sim_file *file)
{
    enum sim_upload_state state = file->upload->state;
    return state == SIM_EXPIRED || state == SIM_ABORTED;
}

static void on_repair(const char *key, struct silt_slice body)
{
    struct silt_err err = {0};
    struct silt_repair repair;
    if (!silt_repair_parse(body, &repair, &err).ok) sim_fail("%s: %s", key, err.text);
    struct sim_file *original = file_of_repair(key, &repair);
    struct sim_file *before = original->repair ? original->repair : original;
    if (repair.k != original->repairs_n + 1) sim_fail("%s is no next repair", key);
    if (!is_dead(before)) sim_fail("%s repairs a file that is not missing", key);
    original->repairs_n++;
    sim_trace("repair %u of slot %lld, file %u%s", repair.k, (long long)repair.seq, repair.file,
              repair.lost ? ": lost" : "");
    if (repair.lost) {
        if (!are_lost(original->slot)) sim_fail("%s says lost, but Kafka has the records", key);
        original->lost = true;
        return;
    }
    struct sim_file *file = sim_take(sizeof *file);
    *file = (struct sim_file){.slot = original->slot, .index = original->index, .of = original};
    check_same_rows(original, &repair.with, list_upload(file, &repair.with));
    original->repair = file;
}

void sim_oracle_put(const char *key, struct silt_slice body)
{
    const char *name = strrchr(key, '/');
    if (strncmp(key, "_log/", 5) != 0 || !name) sim_fail("nobody writes %s", key);
    if (strstr(name, ".f"))
        on_repair(key, body);
    else
        on_manifest(key, body);
}

/* ---- uploads ---- */

/* The next upload that the text lists; NULL: none. */
static struct sim_upload *next_listed(const char **text)
{
    static const char mark[] = "\"upload\":\"";
    char id[SIM_UPLOAD_ID_LEN];
    *text = strstr(*text, mark);
    if (!*text) return NULL;
    *text += sizeof mark - 1;
    snprintf(id, sizeof id, "%.*s", (int)strcspn(*text, "\""), *text);
    struct sim_upload *upload = sim_store_upload(id);
    if (!upload) sim_fail("a PUT lists upload %s, which never was", id);
    return upload;
}

static const char *text_of(struct silt_slice body)
{
    return memcpy(sim_take(body.len + 1), body.ptr, body.len);
}

void sim_oracle_dated(const char *key, struct silt_slice body)
{
    const char *text = text_of(body);
    if (world.plan.bug == SIM_B8) return;        /* found by what it does to files */
    if (strstr(strrchr(key, '/'), ".f")) return; /* a repair may be late: it is repaired, too */
    for (struct sim_upload *upload; (upload = next_listed(&text));)
        if (world.now_ms - upload->created_ms >= world.upload_age_max_ms)
            sim_fail("%s is %lld s old when its manifest is sent (R7)", upload->key,
                     (long long)(world.now_ms - upload->created_ms) / 1000);
}

int64_t sim_oracle_sent(struct silt_slice body, int64_t dead_ms)
{
    int64_t before_ms = 0; /* the same of all: they are listed together or not at all */
    const char *text = text_of(body);
    for (struct sim_upload *upload; (upload = next_listed(&text));) {
        upload->puts++;
        before_ms = upload->put_dead_ms;
        if (dead_ms > upload->put_dead_ms) upload->put_dead_ms = dead_ms;
    }
    return before_ms;
}

void sim_oracle_refused(struct silt_slice body, int64_t dead_before_ms)
{
    const char *text = text_of(body);
    for (struct sim_upload *upload; (upload = next_listed(&text));)
        upload->put_dead_ms = dead_before_ms;
}

void sim_oracle_completed(const struct sim_upload *upload, const struct sim_object *object)
{
    struct sim_file *file = upload->file;
    if (!file) sim_fail("%s is visible, but no manifest lists it", upload->key);
    if (object->crc32c != file->crc32c) sim_fail("%s is not what its manifest says", upload->key);
    file->complete = true;
    if (!file->of && file->repair && file->repair->complete)
        sim_fail("%s is visible beside its repair", upload->key);
}

/* The object that decides about it. */
static bool is_decided(const struct sim_upload *upload)
{
    struct silt_parsed_key parsed;
    char key[SILT_KEY_MAX];
    struct silt_tp tp = {.cluster = "sim", .topic = SIM_TOPIC};
    if (!silt_key_parse_data(upload->key, &parsed)) sim_fail("%s is no key of ours", upload->key);
    memcpy(tp.topic_id, parsed.tid8, 8);
    tp.partition = parsed.partition;
    if (parsed.is_repair)
        silt_key_repair(&tp, parsed.seq, parsed.repair_file, parsed.repair_k, key);
    else
        silt_key_manifest(&tp, parsed.seq, key);
    return sim_store_find(key) != NULL;
}

void sim_oracle_aborted(const struct sim_upload *upload)
{
    if (upload->file) sim_fail("%s is committed and aborted", upload->key);
    if (upload->puts && upload->put_dead_ms >= world.now_ms && !is_decided(upload))
        sim_fail("%s is aborted while a PUT that lists it may land (R5)", upload->key);
}

/* ---- halts, and the end ---- */

void sim_oracle_halted(int32_t partition, const char *why)
{
    bool documented = strstr(why, "but not where") || world.plan.bug == SIM_B9;
    if (!documented) sim_fail("partition %d halts: %s", partition, why);
    sim_cluster.topic->logs[partition].halted = true;
}

static bool is_settled(const struct sim_entry *entry)
{
    return entry->archived || entry->unreadable || entry->in_gap || !sim_entry_visible(entry);
}

/* It came in the place of a settled one (archived, or a hole) that was truncated, and retention
 * took it before anybody saw that: nobody can tell any more. */
static bool is_out_of_sight(const struct sim_log *log, const struct sim_entry *entry)
{
    const struct sim_entry *older = entry->older;
    while (older && !is_settled(older)) older = older->older;
    return older && entry->offset < log->log_start;
}

/* The first offset that should be in a slot and is in none; -1: none. */
static int64_t find_missing(const struct sim_log *log)
{
    for (int64_t o = log->chain->slots[0]->m.start; o < sim_log_stable(log); o++) {
        const struct sim_entry *e = log->entries[o];
        if (!is_settled(e) && !is_out_of_sight(log, e)) return o;
    }
    return -1;
}

static bool is_complete(const struct sim_log *log)
{
    const struct sim_chain *chain = log->chain;
    if (log->halted) return true;
    if (!chain) return false;
    const struct sim_slot *tail = chain->slots[chain->slots_n - 1];
    return tail->m.next == sim_log_stable(log) && slot_is_settled(tail) && find_missing(log) < 0;
}

/* A file that is gone with the topic it could be made from again is gone. */
static bool is_settled_or_gone(const struct sim_slot *slot)
{
    for (unsigned i = 0; i < slot->m.files_n; i++) {
        const struct sim_file *file = &slot->files[i];
        const struct sim_file *newest = file->repair ? file->repair : file;
        if (file_is_settled(file) || is_dead(newest)) continue;
        return false;
    }
    return true;
}

/* Pending files of earlier incarnations of the topic too. */
static bool old_tails_are_settled(void)
{
    for (struct sim_topic *topic = sim_cluster.topic->older; topic; topic = topic->older) {
        for (int32_t p = 0; p < SIM_PARTS_MAX; p++) {
            const struct sim_chain *chain = topic->logs[p].chain;
            if (chain && !is_settled_or_gone(chain->slots[chain->slots_n - 1])) return false;
        }
    }
    return true;
}

bool sim_oracle_is_done(void)
{
    const struct sim_topic *topic = sim_cluster.topic;
    for (int32_t p = 0; p < topic->parts_n; p++)
        if (!is_complete(&topic->logs[p])) return false;
    return old_tails_are_settled();
}

/* A letter an offset: what stands there now. */
static void show_slot(const struct sim_slot *slot)
{
    char text[WINDOW_MAX + 1] = "";
    int64_t n = slot->m.next - slot->m.start;
    for (int64_t i = 0; i < n; i++) {
        const struct sim_entry *e = slot->log->entries[slot->m.start + i];
        char mark = e->archived ? 'A' : '-';
        if (e->was_corrupt) mark = e->archived ? 'H' : 'h';
        if (e->corrupt) mark = e->archived ? 'D' : 'd';
        if (e->compacted) mark = e->archived ? 'C' : 'c';
        text[i] = mark;
    }
    sim_trace("slot %lld of %d is pending: %s (archived, damaged, healed, compacted; small: not "
              "archived), %u unreadable ranges",
              (long long)slot->m.seq, slot->m.tp.partition, text, slot->m.unreadable_n);
}

void sim_oracle_show(void)
{
    for (const struct sim_topic *topic = sim_cluster.topic; topic; topic = topic->older) {
        for (int32_t p = 0; p < SIM_PARTS_MAX; p++) {
            const struct sim_log *log = &topic->logs[p];
            const struct sim_chain *chain = log->chain;
            const struct sim_slot *tail = chain ? chain->slots[chain->slots_n - 1] : NULL;
            int64_t missing = chain ? find_missing(log) : -1;
            sim_trace(
                "%.8s/%d: missing %lld, log [%lld, %lld), stable %lld; %u slots, next %lld, %s",
                topic->id, p, (long long)missing, (long long)log->log_start, (long long)log->end,
                (long long)sim_log_stable(log), chain ? chain->slots_n : 0,
                tail ? (long long)tail->m.next : -1,
                tail && !slot_is_settled(tail) ? "pending" : "settled");
            if (tail && !slot_is_settled(tail)) show_slot(tail);
        }
    }
}
