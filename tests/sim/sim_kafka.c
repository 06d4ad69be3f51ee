/* The simulated cluster: logs of partitions, and what happens to them. */
#include "sim.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "decode/schema.h"

#include <stdlib.h>
#include <string.h>

#define LOG_MAX 220 /* entries; then a log takes no more */
#define VALUE_MAX 200u
#define SCHEMAS_N 2u
#define FIRST_SCHEMA_ID 7 /* in the registry */

struct sim_cluster sim_cluster;

/* ---- records: their bytes follow from their id ---- */

enum shape {
    FIRST_SCHEMA,
    SECOND_SCHEMA,
    EMPTY,
    NOT_FRAMED,
    UNKNOWN,
    TOO_SHORT,
    TOO_LONG,
    NOT_TEXT,
    HUGE_VALUE
};

static const char *const reasons[] = {
    [EMPTY] = "empty",          [NOT_FRAMED] = "bad_framing",  [UNKNOWN] = "unknown_schema",
    [TOO_SHORT] = "bad_length", [TOO_LONG] = "trailing_bytes", [NOT_TEXT] = "bad_utf8",
    [HUGE_VALUE] = "too_large",
};

const char *sim_entry_reason(const struct sim_entry *entry)
{
    return reasons[entry->shape];
}

static const char *const schema_texts[SCHEMAS_N] = {
    "{\"type\":\"record\",\"name\":\"Reading\",\"fields\":[{\"name\":\"ts\",\"type\":\"long\"},"
    "{\"name\":\"text\",\"type\":\"string\"}]}",
    "{\"type\":\"record\",\"name\":\"Reading\",\"fields\":[{\"name\":\"ts\",\"type\":\"long\"},"
    "{\"name\":\"text\",\"type\":\"string\"},{\"name\":\"on\",\"type\":\"boolean\"}]}",
};

const char *sim_schema_text(int id)
{
    int version = id - FIRST_SCHEMA_ID;
    return version >= 0 && version < (int)SCHEMAS_N ? schema_texts[version] : NULL;
}

static uint64_t fingerprint_of(unsigned version)
{
    static uint64_t known[SCHEMAS_N];
    if (known[version]) return known[version];
    struct silt_buf canonical;
    silt_buf_init(&canonical, SILT_BUF_MAX_DEFAULT);
    bool made = silt_schema_canonical(silt_slice_str(schema_texts[version]), &canonical, NULL).ok;
    SILT_ASSERT(made);
    known[version] = silt_crc64_avro(canonical.data, canonical.len);
    silt_buf_done(&canonical);
    return known[version];
}

static size_t put_varint(uint8_t *out, int64_t value)
{
    uint64_t rest = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    size_t len = 0;
    for (; rest > 127; rest >>= 7) out[len++] = (uint8_t)(rest | 128);
    out[len++] = (uint8_t)rest;
    return len;
}

static size_t put_hex(char *out, const char *before, uint64_t value)
{
    size_t len = strlen(before);
    memcpy(out, before, len);
    for (int shift = 60; shift >= 0; shift -= 4)
        if (value >> shift || shift == 0) out[len++] = "0123456789abcdef"[value >> shift & 15];
    out[len] = '\0';
    return len;
}

int32_t sim_entry_schema_id(const struct sim_entry *entry)
{
    bool named = entry->shape != EMPTY && entry->shape != NOT_FRAMED && entry->shape != HUGE_VALUE;
    if (!world.confluent || entry->kind == SIM_TOMBSTONE || !named) return -1;
    if (entry->shape == UNKNOWN) return FIRST_SCHEMA_ID + (int)SCHEMAS_N;
    return FIRST_SCHEMA_ID + (entry->shape == SECOND_SCHEMA);
}

static size_t put_id(uint8_t *out, const struct sim_entry *entry)
{
    memset(out, 0, 5);
    out[0] = entry->shape == NOT_FRAMED;
    out[4] = (uint8_t)sim_entry_schema_id(entry);
    return 5;
}

static size_t put_framing(uint8_t *out, const struct sim_entry *entry)
{
    enum shape shape = (enum shape)entry->shape;
    if (world.confluent) return put_id(out, entry);
    uint64_t fingerprint = fingerprint_of(shape == SECOND_SCHEMA) + (shape == UNKNOWN);
    out[0] = 0xc3;
    out[1] = shape == NOT_FRAMED ? 0x7f : 0x01;
    for (unsigned i = 0; i < 8; i++) out[2 + i] = (uint8_t)(fingerprint >> (8 * i));
    return 10;
}

static size_t put_value(uint8_t *out, const struct sim_entry *entry)
{
    enum shape shape = (enum shape)entry->shape;
    char text[64];
    if (shape == EMPTY) return 0;
    size_t len = put_hex(text, "id-", entry->id);
    memset(text + len, '.', entry->id % 9);
    len += entry->id % 9;
    if (shape == NOT_TEXT) text[0] = (char)0xff;
    size_t at = put_framing(out, entry);
    at += put_varint(out + at, entry->ts);
    at += put_varint(out + at, (int64_t)len + (shape == TOO_SHORT ? 10 : 0));
    memcpy(out + at, text, len);
    at += len;
    if (shape == SECOND_SCHEMA || shape == TOO_LONG) out[at++] = 1;
    if (shape != HUGE_VALUE) return at;
    memset(out + at, 0, VALUE_MAX);
    return at + VALUE_MAX;
}

struct silt_record sim_entry_record(const struct sim_entry *entry, int32_t partition,
                                    struct sim_bytes *room)
{
    static const struct silt_header header = {.key = {(const uint8_t *)"h", 1},
                                              .value = {(const uint8_t *)"v", 1}};
    struct silt_record rec = {.partition = partition,
                              .leader_epoch = entry->epoch,
                              .offset = entry->offset,
                              .timestamp_ms = entry->ts,
                              .value_null = entry->kind == SIM_TOMBSTONE};
    if (!rec.value_null) rec.value = silt_slice_of(room->value, put_value(room->value, entry));
    rec.key_null = !rec.value_null && entry->shape != EMPTY && entry->id % 5 == 0;
    size_t key_len = put_hex(room->key, "k", entry->id);
    if (!rec.key_null) rec.key = silt_slice_of(room->key, key_len);
    if (entry->id % 7 == 0) {
        rec.headers = &header;
        rec.headers_n = 1;
    }
    return rec;
}

bool sim_entry_visible(const struct sim_entry *entry)
{
    return entry->kind != SIM_CONTROL && !entry->open && !entry->aborted && !entry->compacted;
}

/* ---- logs ---- */

static struct sim_entry *append(struct sim_log *log, enum sim_kind kind)
{
    if (log->end == log->cap) {
        int64_t cap = log->cap ? 2 * log->cap : 32;
        log->entries = sim_grow(log->entries, (size_t)log->cap * sizeof *log->entries,
                                (size_t)cap * sizeof *log->entries);
        log->cap = cap;
    }
    struct sim_entry *entry = sim_take(sizeof *entry);
    *entry = (struct sim_entry){.id = ++sim_cluster.ids,
                                .offset = log->end,
                                .ts = sim_wall_ms() - sim_between(0, 3 * HOUR_MS),
                                .epoch = log->epoch,
                                .kind = (uint8_t)kind,
                                .shape = (uint8_t)sim_below(2),
                                .older = log->entries[log->end]};
    if (sim_chance(20)) entry->ts = SILT_NO_TIMESTAMP;
    if (sim_chance(10)) entry->ts = 0;
    log->entries[log->end++] = entry;
    return entry;
}

int64_t sim_log_stable(const struct sim_log *log)
{
    for (int64_t o = log->log_start; log->txn && o < log->end; o++)
        if (log->entries[o]->open) return o;
    return log->end;
}

/* Brokers forget the epochs before the log's start: what they knew to end there ends at the start.
 */
int64_t sim_log_epoch_end(const struct sim_log *log, int32_t epoch)
{
    int64_t end = log->end;
    while (end > log->log_start && log->entries[end - 1]->epoch > epoch) end--;
    return end;
}

static void produce(struct sim_log *log)
{
    for (unsigned n = 1 + sim_below(5); n && log->end < LOG_MAX; n--) {
        enum sim_kind kind = SIM_DATA;
        if (sim_chance(60)) kind = SIM_TOMBSTONE;
        if (sim_fault(SIM_KAFKA_REJECTS)) kind = SIM_REJECT;
        struct sim_entry *entry = append(log, kind);
        entry->open = log->txn && sim_chance(600);
        if (kind == SIM_REJECT) entry->shape = (uint8_t)(EMPTY + sim_below(7));
    }
}

static void end_txn(struct sim_log *log)
{
    bool aborts = sim_chance(400);
    for (int64_t o = 0; o < log->end; o++) {
        struct sim_entry *entry = log->entries[o];
        entry->aborted |= entry->open && aborts;
        entry->open = false;
    }
    log->txn = false;
    append(log, SIM_CONTROL);
}

static void move_log_start(struct sim_log *log)
{
    int64_t most = sim_log_stable(log);
    if (sim_chance(700)) most = log->log_start + (most - log->log_start) / 2;
    log->log_start = sim_between(log->log_start, most);
    sim_trace("log start is %lld now", (long long)log->log_start);
}

static void compact(struct sim_log *log)
{
    int64_t stable = sim_log_stable(log);
    for (int64_t o = log->log_start; o + 1 < stable; o++) {
        struct sim_entry *entry = log->entries[o];
        if (entry->kind == SIM_DATA && !entry->corrupt && sim_chance(150)) entry->compacted = true;
    }
}

static void corrupt(struct sim_log *log)
{
    if (log->end == log->log_start) return;
    int64_t first = sim_between(log->log_start, log->end - 1);
    uint8_t heals = (uint8_t)sim_below(4);
    for (int64_t o = first; o < log->end && o < first + 1 + sim_below(3); o++) {
        struct sim_entry *entry = log->entries[o];
        if (entry->archived || !sim_entry_visible(entry)) return;
        entry->corrupt = entry->was_corrupt = true;
        entry->heals = heals;
    }
}

/* Never below a control record: what it decided would be open again. */
static void truncate(struct sim_log *log)
{
    int64_t low = log->end > 12 ? log->end - 12 : 0;
    if (low < log->log_start) low = log->log_start;
    for (int64_t o = low; o < log->end; o++)
        if (log->entries[o]->kind == SIM_CONTROL) low = o + 1;
    if (log->txn || low >= log->end) return;
    log->end = sim_between(low, log->end - 1);
    log->truncations++;
    if (log->end < log->cut_at) log->cut_at = log->end;
    log->epoch++;
    log->cut_ms = world.now_ms;
    sim_trace("log truncated to %lld, epoch %d", (long long)log->end, log->epoch);
}

/* ---- the topic ---- */

static void make_topic(int32_t parts_n)
{
    struct sim_topic *topic = sim_take(sizeof *topic);
    snprintf(topic->id, sizeof topic->id, "%016llx%016llx", (unsigned long long)sim_draw(),
             (unsigned long long)sim_draw());
    topic->parts_n = parts_n;
    topic->made_ms = world.now_ms;
    topic->older = sim_cluster.topic;
    for (unsigned i = 0; i < SIM_PARTS_MAX; i++) {
        topic->logs[i].committed = -1;
        topic->logs[i].cut_at = INT64_MAX;
    }
    sim_cluster.topic = topic;
    sim_cluster.absent = false;
    sim_trace("topic made: %.8s, %d partitions", topic->id, parts_n);
}

struct sim_topic *sim_topic_of(const char *id)
{
    struct sim_topic *topic = sim_cluster.topic;
    while (topic && strcmp(topic->id, id) != 0) topic = topic->older;
    return topic;
}

static void delete_topic(void)
{
    sim_cluster.topic->gone = true;
    sim_cluster.absent = true;
    sim_trace("topic deleted");
}

void sim_kafka_begin(void)
{
    sim_cluster = (struct sim_cluster){0};
    for (unsigned i = 0; i < SCHEMAS_N; i++) (void)fingerprint_of(i);
    make_topic((int32_t)sim_between(1, SIM_PARTS_MAX));
    for (int32_t p = 0; p < sim_cluster.topic->parts_n; p++) produce(&sim_cluster.topic->logs[p]);
}

static void reset_offsets(struct sim_log *log)
{
    log->committed = sim_chance(500) ? -1 : sim_between(0, log->end);
    log->metadata[0] = '\0';
    if (sim_chance(300))
        snprintf(log->metadata, sizeof log->metadata, "a1:%d:garbage", (int)sim_below(60));
}

static void happen(struct sim_topic *topic, struct sim_log *log)
{
    if (log->txn ? sim_chance(250) : sim_fault(SIM_KAFKA_TXN)) {
        if (log->txn)
            end_txn(log);
        else
            log->txn = log->end < LOG_MAX;
    }
    if (sim_fault(SIM_KAFKA_RETENTION)) move_log_start(log);
    if (sim_fault(SIM_KAFKA_COMPACTION)) compact(log);
    if (sim_fault(SIM_KAFKA_CORRUPT)) corrupt(log);
    if (sim_fault(SIM_KAFKA_TRUNCATED)) truncate(log);
    if (sim_fault(SIM_KAFKA_OFFSETS)) reset_offsets(log);
    if (sim_chance(10) && !log->txn) log->epoch++; /* an ordinary change of leader */
    if (sim_fault(SIM_KAFKA_GROWS) && topic->parts_n < SIM_PARTS_MAX) topic->parts_n++;
    /* Taken for granted (pipeline/lane_start.c): nobody deletes a topic that was just made again.
     */
    if (world.now_ms - topic->made_ms > 3 * 60000 && sim_fault(SIM_KAFKA_RECREATED)) delete_topic();
}

void sim_kafka_event(void)
{
    if (sim_cluster.absent) {
        if (sim_chance(200)) make_topic((int32_t)sim_between(1, SIM_PARTS_MAX));
        return;
    }
    struct sim_topic *topic = sim_cluster.topic;
    struct sim_log *log = &topic->logs[sim_below((unsigned)topic->parts_n)];
    if (sim_chance(400)) produce(log);
    happen(topic, log);
}

void sim_kafka_calm(void)
{
    if (sim_cluster.absent) make_topic((int32_t)sim_between(1, SIM_PARTS_MAX));
    for (int32_t p = 0; p < sim_cluster.topic->parts_n; p++) {
        struct sim_log *log = &sim_cluster.topic->logs[p];
        if (log->txn) end_txn(log);
        for (int64_t o = 0; o < log->end; o++)
            if (log->entries[o]->archived) log->entries[o]->corrupt = false; /* from a replica */
        append(log, SIM_DATA); /* good batches follow any damage */
    }
}
