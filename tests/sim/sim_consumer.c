/* The consumer of consume/consumer.h over the simulated cluster. It never waits: when nothing is
 * there, poll says so and the schedule lets time go on. */
#include "sim.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <string.h>

#define BATCH_MAX 48u
#define EVENTS_MAX 4u
#define ASKS_MAX 64u

struct part {
    struct silt_cpart pub;
    bool known;
    bool active; /* assigned, with a start */
    bool paused;
    bool stopped;      /* after an offset error, until the next seek */
    bool no_new_epoch; /* a move failed: what is fetched is of the epoch before */
    int64_t start;
    int32_t start_epoch;
    int64_t at;       /* next to fetch */
    int32_t at_epoch; /* leader epoch of what was before it; -1: unknown */
    int64_t told_end;
};

struct item { /* of a batch */
    struct part *part;
    uint32_t epoch;
    enum silt_polled_kind kind; /* RECORDS, PART_ERROR or PART_EOF */
    struct sim_entry *entry;
    int64_t offset;
    enum silt_code code;
    bool truncated;
    bool out_of_range;
};

struct event {
    enum silt_polled_kind kind;
    int32_t parts[SIM_PARTS_MAX];
    unsigned parts_n;
    bool lost;
    int64_t due_ms;
};

struct ask {
    struct silt_answer answer;
    int64_t due_ms;
    bool fresh; /* tells what is true when it is given */
};

struct silt_consumer {
    struct sim_proc *proc;
    bool in_group;
    struct part parts[SIM_PARTS_MAX];
    struct item batch[BATCH_MAX];
    unsigned batch_n;
    unsigned batch_at;
    struct event events[EVENTS_MAX];
    unsigned events_n;
    bool answering;        /* a rebalance event was delivered and waits for its answer */
    struct event answered; /* which */
    struct silt_cpart *event_parts[SIM_PARTS_MAX];
    struct ask asks[ASKS_MAX];
    unsigned asks_n;
    struct sim_bytes bytes; /* of the record in hand */
};

/* ---- life ---- */

SILT_RC silt_consumer_new(const struct silt_consumer_opts *opts,
                          struct silt_consumer **ret_consumer, struct silt_err *err)
{
    (void)err;
    struct silt_consumer *consumer = SILT_NEW(struct silt_consumer);
    consumer->proc = sim_current;
    consumer->in_group = opts->group != NULL;
    for (int32_t p = 0; p < SIM_PARTS_MAX; p++) {
        struct silt_cpart *pub = &consumer->parts[p].pub;
        snprintf(pub->topic, sizeof pub->topic, "%s", SIM_TOPIC);
        pub->partition = p;
    }
    if (consumer->in_group) sim_group_join(consumer, sim_current);
    *ret_consumer = consumer;
    return SILT_OK;
}

bool silt_consumer_close(struct silt_consumer *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    if (!consumer) return true;
    if (consumer->in_group) sim_group_leave(consumer->proc);
    silt_free(consumer);
    return true;
}

void silt_consumer_wake(struct silt_consumer *consumer)
{
    (void)consumer;
}

const char *silt_consumer_version(void)
{
    return "simulated";
}

/* ---- rebalance ---- */

bool sim_consumer_is_free(const struct silt_consumer *consumer)
{
    return !consumer->answering && !consumer->events_n;
}

static bool event_is_due(const struct silt_consumer *consumer)
{
    return consumer->events_n && (world.calm || consumer->events[0].due_ms <= world.now_ms);
}

bool sim_consumer_is_out(const struct silt_consumer *consumer)
{
    return consumer->events_n && consumer->events[0].lost;
}

void sim_consumer_tell(struct silt_consumer *consumer, enum silt_polled_kind kind,
                       const int32_t *parts, unsigned parts_n, bool lost)
{
    SILT_ASSERT(consumer->events_n < EVENTS_MAX);
    struct event *event = &consumer->events[consumer->events_n++];
    *event = (struct event){.kind = kind, .parts_n = parts_n, .lost = lost, .due_ms = world.now_ms};
    /* The coordinator may be out of its reach, while the partitions' leaders are not. */
    if (lost && sim_fault(SIM_GROUP_ZOMBIE)) event->due_ms += sim_between(1, 3 * HOUR_MS);
    memcpy(event->parts, parts, parts_n * sizeof *parts);
}

static void deliver_event(struct silt_consumer *consumer, struct silt_polled *ret)
{
    consumer->answered = consumer->events[0];
    consumer->events_n--;
    memmove(consumer->events, consumer->events + 1, consumer->events_n * sizeof(struct event));
    const struct event *event = &consumer->answered;
    ret->kind = event->kind;
    ret->lost = event->lost;
    for (unsigned i = 0; i < event->parts_n; i++) {
        struct part *part = &consumer->parts[event->parts[i]];
        if (event->kind == SILT_POLL_ASSIGN && !part->known) {
            struct silt_cpart pub = part->pub;
            *part = (struct part){.pub = pub, .known = true, .start = -1, .start_epoch = -1};
            part->pub.lane = NULL;
        }
        consumer->event_parts[i] = &part->pub;
    }
    ret->parts = consumer->event_parts;
    ret->parts_n = event->parts_n;
    consumer->answering = true;
    sim_trace("%s of %u partitions%s", event->kind == SILT_POLL_ASSIGN ? "assign" : "revoke",
              event->parts_n, event->lost ? ", lost" : "");
}

static struct part *part_of(struct silt_cpart *cpart)
{
    return (struct part *)cpart;
}

static void begin_at(struct part *part, int64_t offset, int32_t leader_epoch)
{
    part->at = offset;
    part->at_epoch = leader_epoch;
    part->told_end = -1;
    part->active = offset >= 0;
    part->stopped = part->no_new_epoch = false;
}

void silt_consumer_assign_at(struct silt_consumer *consumer, struct silt_cpart *cpart,
                             int64_t offset, int32_t leader_epoch)
{
    (void)consumer;
    struct part *part = part_of(cpart);
    part->pub.epoch++;
    part->start = offset;
    part->start_epoch = leader_epoch;
}

SILT_RC silt_consumer_assign_done(struct silt_consumer *consumer, struct silt_err *err)
{
    (void)err;
    sim_seam();
    const struct event *event = &consumer->answered;
    for (unsigned i = 0; i < event->parts_n; i++) {
        struct part *part = &consumer->parts[event->parts[i]];
        begin_at(part, part->start, part->start_epoch);
    }
    consumer->answering = false;
    sim_group_answered(consumer, true, event->parts, event->parts_n);
    return SILT_OK;
}

SILT_RC silt_consumer_revoke_done(struct silt_consumer *consumer, struct silt_err *err)
{
    (void)err;
    sim_seam();
    const struct event *event = &consumer->answered;
    for (unsigned i = 0; i < event->parts_n; i++) {
        struct part *part = &consumer->parts[event->parts[i]];
        part->known = part->active = part->paused = false;
    }
    consumer->answering = false;
    if (!event->lost) sim_group_answered(consumer, false, event->parts, event->parts_n);
    return SILT_OK;
}

SILT_RC silt_consumer_assign_manual(struct silt_consumer *consumer, const char *topic,
                                    int32_t partition, int64_t offset, struct silt_cpart **ret_part,
                                    struct silt_err *err)
{
    (void)topic, (void)err;
    struct part *part = &consumer->parts[partition];
    part->known = true;
    part->pub.epoch++;
    begin_at(part, offset, -1);
    *ret_part = &part->pub;
    return SILT_OK;
}

/* ---- moving ---- */

SILT_RC silt_consumer_seek(struct silt_consumer *consumer, struct silt_cpart *cpart, int64_t offset,
                           int32_t leader_epoch, struct silt_err *err)
{
    struct part *part = part_of(cpart);
    sim_seam();
    silt_consumer_assign_at(consumer, cpart, offset, leader_epoch);
    if (sim_fault(SIM_KAFKA_NO_SEEK)) {
        part->no_new_epoch = true;
        SILT_FAIL(err, TIMEOUT, "seek: timed out");
    }
    begin_at(part, offset, leader_epoch);
    sim_trace("partition %d: seek to %lld, epoch %d", part->pub.partition, (long long)offset,
              leader_epoch);
    return SILT_OK;
}

void silt_consumer_pause(struct silt_consumer *consumer, struct silt_cpart *cpart, bool pause)
{
    (void)consumer;
    part_of(cpart)->paused = pause;
}

/* ---- fetching ---- */

static struct item *add_item(struct silt_consumer *consumer, struct part *part,
                             enum silt_polled_kind kind)
{
    struct item *item = &consumer->batch[consumer->batch_n++];
    *item = (struct item){
        .part = part, .epoch = part->pub.epoch - part->no_new_epoch, .kind = kind, .offset = -1};
    return item;
}

static bool room_is_left(const struct silt_consumer *consumer)
{
    return consumer->batch_n + 2 < BATCH_MAX;
}

static void add_error(struct silt_consumer *consumer, struct part *part, enum silt_code code,
                      int64_t offset)
{
    struct item *item = add_item(consumer, part, SILT_POLL_PART_ERROR);
    item->code = code;
    item->offset = offset;
}

/* What keeps the whole partition from being fetched. @return true: nothing more of it now. */
static bool fetch_fails(struct silt_consumer *consumer, struct part *part,
                        const struct sim_log *log)
{
    if (sim_cluster.absent || part->pub.partition >= sim_cluster.topic->parts_n) {
        if (sim_chance(100)) add_error(consumer, part, SILT_E_NOT_FOUND, -1);
        return true;
    }
    /* Groups compare an offset out of range with the log's bounds; a repair takes it as it comes.
     */
    bool may_lie = !consumer->in_group && world.faults >> SIM_KAFKA_ERROR & 1;
    bool lies = may_lie && sim_chance(50) && sim_has(SIM_KAFKA_ERROR);
    if (lies || sim_fault(SIM_KAFKA_ERROR)) {
        add_error(consumer, part, SILT_E_NETWORK, -1);
        consumer->batch[consumer->batch_n - 1].out_of_range = lies;
        part->stopped = lies;
        return true;
    }
    int64_t valid = part->at_epoch >= 0 ? sim_log_epoch_end(log, part->at_epoch) : INT64_MAX;
    bool truncated = valid < part->at;
    if (!truncated && part->at >= log->log_start && part->at <= log->end) return false;
    add_error(consumer, part, SILT_E_CONFLICT, truncated && sim_chance(900) ? valid : -1);
    struct item *item = &consumer->batch[consumer->batch_n - 1];
    item->truncated = truncated;
    item->out_of_range = !truncated;
    part->stopped = true;
    return true;
}

/* A batch that cannot be read tells its first offset; what follows may come with it or not. */
static bool fetch_damage(struct silt_consumer *consumer, struct part *part, struct sim_log *log)
{
    int64_t first = part->at;
    int64_t behind = part->at;
    while (first > log->log_start && log->entries[first - 1]->corrupt) first--;
    while (behind < log->end && log->entries[behind]->corrupt) behind++;
    for (int64_t o = first; o < behind; o++) {
        struct sim_entry *entry = log->entries[o];
        if (entry->heals && --entry->heals == 0) entry->corrupt = false;
    }
    add_error(consumer, part, SILT_E_CORRUPT, first);
    if (behind >= sim_log_stable(log) || sim_chance(500)) return false;
    part->at = behind;
    return true;
}

static void fetch_part(struct silt_consumer *consumer, struct part *part)
{
    struct sim_log *log = &sim_cluster.topic->logs[part->pub.partition];
    if (fetch_fails(consumer, part, log)) return;
    int64_t stable = sim_log_stable(log);
    unsigned n = 1 + sim_below(8);
    while (n && part->at < stable && room_is_left(consumer)) {
        struct sim_entry *entry = log->entries[part->at];
        if (entry->corrupt) {
            if (!fetch_damage(consumer, part, log)) return;
            continue;
        }
        part->at++;
        part->at_epoch = entry->epoch;
        if (!sim_entry_visible(entry)) continue;
        struct item *item = add_item(consumer, part, SILT_POLL_RECORDS);
        item->entry = entry;
        item->offset = entry->offset;
        n--;
    }
    if (part->at == stable && part->told_end != stable && room_is_left(consumer)) {
        part->told_end = stable;
        add_item(consumer, part, SILT_POLL_PART_EOF)->offset = stable;
    }
}

/* What was delivered before comes again, as of now or as of before the last move. */
static void fetch_again(struct silt_consumer *consumer, struct part *part)
{
    const struct sim_log *log = &sim_cluster.topic->logs[part->pub.partition];
    uint32_t older = sim_below(2);
    for (int64_t o = part->at > 3 ? part->at - 3 : 0; o < part->at && o < log->end; o++) {
        struct sim_entry *entry = log->entries[o];
        if (o < log->log_start || !sim_entry_visible(entry) || entry->corrupt) continue;
        struct item *item = add_item(consumer, part, SILT_POLL_RECORDS);
        item->entry = entry;
        item->offset = o;
        item->epoch -= older;
    }
}

static void fetch(struct silt_consumer *consumer)
{
    consumer->batch_n = consumer->batch_at = 0;
    int32_t first = (int32_t)sim_below(SIM_PARTS_MAX);
    for (int32_t i = 0; i < SIM_PARTS_MAX; i++) {
        struct part *part = &consumer->parts[(first + i) % SIM_PARTS_MAX];
        if (!part->known || !part->active || part->paused || part->stopped) continue;
        if (consumer->batch_n + 8 > BATCH_MAX) return;
        /* only records that the application has already had: behind them it must stay dense */
        if (!part->no_new_epoch && consumer->batch_n == 0 && sim_fault(SIM_KAFKA_AGAIN))
            fetch_again(consumer, part);
        fetch_part(consumer, part);
    }
}

static void deliver_item(const struct item *item, struct silt_polled *ret)
{
    static const char *const text = "simulated";
    ret->kind = item->kind;
    ret->part = &item->part->pub;
    ret->epoch = item->epoch;
    ret->offset = item->offset;
    ret->truncated = item->truncated;
    ret->out_of_range = item->out_of_range;
    sim_trace("partition %d: %s at %lld%s%s", item->part->pub.partition,
              item->kind == SILT_POLL_PART_EOF ? "end" : silt_code_name(item->code),
              (long long)item->offset, item->truncated ? ", truncated" : "",
              item->out_of_range ? ", out of range" : "");
    if (item->kind == SILT_POLL_PART_ERROR)
        silt_err_set(&ret->err, item->code, __FILE__, __LINE__, "%s", text);
}

void silt_consumer_poll(struct silt_consumer *consumer, int64_t timeout_ms,
                        struct silt_polled *ret_polled)
{
    *ret_polled = (struct silt_polled){.kind = SILT_POLL_NOTHING, .offset = -1};
    sim_seam();
    if (!consumer->in_group && timeout_ms) sim_others(sim_between(1, 50));
    if (consumer->batch_at == consumer->batch_n && !event_is_due(consumer)) fetch(consumer);
    if (consumer->batch_at < consumer->batch_n) {
        const struct item *item = &consumer->batch[consumer->batch_at];
        if (item->kind == SILT_POLL_RECORDS) {
            ret_polled->kind = SILT_POLL_RECORDS;
            return;
        }
        consumer->batch_at++;
        if (item->part->known) deliver_item(item, ret_polled);
        return;
    }
    if (event_is_due(consumer) && !consumer->answering) deliver_event(consumer, ret_polled);
}

bool silt_consumer_next(struct silt_consumer *consumer, struct silt_cpart **ret_part,
                        struct silt_record *ret_rec, uint32_t *ret_epoch)
{
    while (consumer->batch_at < consumer->batch_n) {
        const struct item *item = &consumer->batch[consumer->batch_at];
        if (item->kind != SILT_POLL_RECORDS) return false;
        consumer->batch_at++;
        if (!item->part->known) continue;
        *ret_part = &item->part->pub;
        *ret_epoch = item->epoch;
        *ret_rec = sim_entry_record(item->entry, item->part->pub.partition, &consumer->bytes);
        return true;
    }
    return false;
}

/* ---- the hint ---- */

void silt_consumer_commit(struct silt_consumer *consumer, struct silt_cpart *cpart, int64_t offset,
                          int32_t leader_epoch, const char *metadata)
{
    (void)consumer, (void)leader_epoch;
    struct sim_log *log = &sim_cluster.topic->logs[cpart->partition];
    sim_seam();
    if (sim_has(SIM_KAFKA_OFFSETS) && sim_chance(300)) return; /* commits get lost */
    log->committed = offset;
    snprintf(log->metadata, sizeof log->metadata, "%s", metadata ? metadata : "");
}

int64_t sim_consumer_committed(const struct sim_proc *proc, int32_t partition)
{
    (void)proc;
    return sim_cluster.topic->logs[partition].committed;
}

/* ---- questions ---- */

static void fill_answer(struct silt_answer *answer)
{
    const struct sim_topic *topic = sim_cluster.topic;
    struct silt_err *err = &answer->err;
    bool known = !sim_cluster.absent &&
                 (answer->kind == SILT_ASK_TOPIC || answer->partition < topic->parts_n);
    answer->ok = known;
    if (!known) {
        silt_err_set(err, SILT_E_NOT_FOUND, __FILE__, __LINE__, "no such topic");
        return;
    }
    if (answer->kind == SILT_ASK_TOPIC) {
        snprintf(answer->cluster, sizeof answer->cluster, "sim");
        snprintf(answer->topic_id, sizeof answer->topic_id, "%s", topic->id);
        answer->partitions_n = topic->parts_n;
        return;
    }
    const struct sim_log *log = &topic->logs[answer->partition];
    answer->log_start = log->log_start;
    answer->end = sim_log_stable(log);
    answer->high_watermark = log->end;
    answer->end_epoch = log->end ? log->entries[log->end - 1]->epoch : log->epoch;
    answer->committed = log->committed;
    snprintf(answer->metadata, sizeof answer->metadata, "%s", log->metadata);
}

static void ask(struct silt_consumer *consumer, enum silt_ask_kind kind, int32_t partition)
{
    sim_seam();
    SILT_ASSERT(consumer->asks_n < ASKS_MAX);
    struct ask *one = &consumer->asks[consumer->asks_n++];
    *one = (struct ask){.answer = {.kind = kind,
                                   .ok = true,
                                   .asked_ms = silt_mono_ms(),
                                   .topic = SIM_TOPIC,
                                   .partition = partition,
                                   .log_start = -1,
                                   .end = -1,
                                   .high_watermark = -1,
                                   .end_epoch = -1,
                                   .committed = -1},
                        .due_ms = world.now_ms + sim_between(0, 30),
                        .fresh = true};
    if (sim_fault(SIM_KAFKA_NO_ANSWER)) {
        one->answer.ok = one->fresh = false;
        one->due_ms += 5000;
        silt_err_set(&one->answer.err, SILT_E_TIMEOUT, __FILE__, __LINE__, "no answer");
    } else if (sim_fault(SIM_KAFKA_OLD_ANSWER)) {
        one->fresh = false;
        one->due_ms += sim_between(0, 3000);
        fill_answer(&one->answer);
    }
}

void silt_consumer_ask_topic(struct silt_consumer *consumer, const char *topic)
{
    (void)topic;
    ask(consumer, SILT_ASK_TOPIC, -1);
}

void silt_consumer_ask_offsets(struct silt_consumer *consumer, const char *const *topics,
                               const int32_t *partitions, unsigned n)
{
    (void)topics;
    for (unsigned i = 0; i < n; i++) ask(consumer, SILT_ASK_OFFSETS, partitions[i]);
}

void silt_consumer_ask_committed(struct silt_consumer *consumer, const char *const *topics,
                                 const int32_t *partitions, unsigned n)
{
    (void)topics;
    for (unsigned i = 0; i < n; i++) ask(consumer, SILT_ASK_COMMITTED, partitions[i]);
}

bool silt_consumer_answer(struct silt_consumer *consumer, struct silt_answer *ret_answer)
{
    for (unsigned i = 0; i < consumer->asks_n; i++) {
        struct ask one = consumer->asks[i];
        if (one.due_ms > world.now_ms) continue;
        consumer->asks[i] = consumer->asks[--consumer->asks_n];
        if (one.fresh) fill_answer(&one.answer);
        *ret_answer = one.answer;
        return true;
    }
    return false;
}

void silt_consumer_stats(struct silt_consumer *consumer, struct silt_consumer_stats *ret)
{
    (void)consumer;
    *ret = (struct silt_consumer_stats){0};
}
