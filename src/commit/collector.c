#include "commit/collector.h"

#include "base/alloc.h"
#include "commit/gc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Topic by topic: list, decide all uploads, abort the dead ones, complete the forgotten ones. A
 * topic's uploads are sorted by the object that decides about them, so each such object is read
 * once. */

struct upload {
    char *key;     /* owned */
    char *id;      /* owned */
    char *decider; /* owned: key of the object that decides about it */
    struct silt_parsed_key parsed;
    bool dead;
    struct silt_manifest_file *pending; /* owned; how to complete it; NULL: not for us to do */
    bool relisted;                      /* with the ETags that the store lists */
};

struct silt_collector {
    struct silt_collector_opts opts;
    struct silt_tp *topics; /* owned */
    unsigned topics_n;
    unsigned topic;         /* at hand */
    struct upload *uploads; /* owned; of this topic */
    unsigned uploads_n;
    unsigned asked_n;   /* the first of them: their deciding object was asked for */
    unsigned decided_n; /* so many have an answer */
    unsigned ended_n;   /* the first of them: left alone, or their end was asked for */
    unsigned in_flight;
    bool running;
    bool stopped; /* the store was */
    bool released;
    struct silt_collect_counts counts;
    struct silt_err list_err; /* code NONE: every topic was listed */
};

/* A request in flight. */
struct asked {
    struct silt_store_req req;
    struct silt_collector *collector;
    unsigned first; /* about uploads [first, end) */
    unsigned end;
    char prefix[SILT_KEY_MAX];
};

static void go_on(struct silt_collector *collector);

/* ---- life ---- */

struct silt_collector *silt_collector_new(const struct silt_collector_opts *opts)
{
    struct silt_collector *collector = SILT_NEW(struct silt_collector);
    collector->opts = *opts;
    return collector;
}

static void drop_uploads(struct silt_collector *collector)
{
    for (unsigned i = 0; i < collector->uploads_n; i++) {
        silt_free(collector->uploads[i].key);
        silt_free(collector->uploads[i].id);
        silt_free(collector->uploads[i].decider);
        if (collector->uploads[i].pending) silt_free(collector->uploads[i].pending->parts);
        silt_free(collector->uploads[i].pending);
    }
    silt_free(collector->uploads);
    collector->uploads = NULL;
    collector->uploads_n = collector->asked_n = collector->decided_n = collector->ended_n = 0;
}

static void free_if_done(struct silt_collector *collector)
{
    if (!collector->released || collector->in_flight) return;
    drop_uploads(collector);
    silt_free(collector->topics);
    silt_free(collector);
}

void silt_collector_release(struct silt_collector *collector)
{
    if (!collector) return;
    collector->released = true;
    free_if_done(collector);
}

/* ---- what an upload is, and who decides about it ---- */

static struct silt_tp tp_of(const struct silt_collector *collector,
                            const struct silt_parsed_key *parsed)
{
    struct silt_tp tp = collector->topics[collector->topic];
    memset(tp.topic_id, 0, sizeof tp.topic_id);
    memcpy(tp.topic_id, parsed->tid8, 8); /* perhaps of an older incarnation */
    tp.partition = parsed->partition;
    return tp;
}

static char *decider_of(const struct silt_collector *collector,
                        const struct silt_parsed_key *parsed)
{
    char key[SILT_KEY_MAX];
    struct silt_tp tp = tp_of(collector, parsed);
    if (parsed->is_repair)
        silt_key_repair(&tp, parsed->seq, parsed->repair_file, parsed->repair_k, key);
    else
        silt_key_manifest(&tp, parsed->seq, key);
    return silt_strdup(key);
}

/* Takes key and upload id out of the listing when they are ours. */
static void take_upload(struct silt_collector *collector, const char *topic,
                        struct silt_store_object *object)
{
    struct upload upload = {0};
    if (!object->upload_id || !silt_key_parse_data(object->key, &upload.parsed)) return;
    if (strcmp(upload.parsed.topic, topic) != 0) return;
    upload.decider = decider_of(collector, &upload.parsed);
    upload.key = object->key;
    upload.id = object->upload_id;
    object->key = object->upload_id = NULL;
    collector->uploads[collector->uploads_n++] = upload;
    collector->counts.seen++;
}

static int by_decider(const void *a, const void *b)
{
    return strcmp(((const struct upload *)a)->decider, ((const struct upload *)b)->decider);
}

static void on_listed(struct asked *asked)
{
    struct silt_collector *collector = asked->collector;
    struct silt_store_req *req = &asked->req;
    if (req->outcome != SILT_STORE_OK) {
        collector->counts.failed++;
        (void)silt_err_set(&collector->list_err, silt_store_outcome_code(req->outcome), __FILE__,
                           __LINE__, "%.120s: open uploads cannot be listed (%s): %.60s", req->key,
                           silt_store_outcome_name(req->outcome), req->text);
        return;
    }
    char topic[SILT_COMPONENT_MAX];
    silt_key_component(collector->topics[collector->topic].topic, topic);
    collector->uploads = silt_calloc(req->objects_n, sizeof *collector->uploads);
    for (unsigned i = 0; i < req->objects_n; i++) take_upload(collector, topic, &req->objects[i]);
    if (collector->uploads_n)
        qsort(collector->uploads, collector->uploads_n, sizeof *collector->uploads, by_decider);
}

/* ---- deciding ---- */

/* The slot or repair that was read, when it is the one that was asked for. */
struct decided {
    bool good;
    bool is_repair;
    struct silt_manifest manifest;
    struct silt_repair repair;
};

static bool is_of(const struct silt_manifest *manifest, const struct silt_tp *tp, int64_t seq)
{
    return manifest->seq == seq && manifest->tp.partition == tp->partition &&
           strcmp(manifest->tp.cluster, tp->cluster) == 0 &&
           strcmp(manifest->tp.topic, tp->topic) == 0 &&
           strncmp(manifest->tp.topic_id, tp->topic_id, 8) == 0;
}

static void read_decided(const struct silt_collector *collector,
                         const struct silt_parsed_key *parsed, struct silt_slice bytes,
                         struct decided *ret)
{
    ret->is_repair = parsed->is_repair;
    if (parsed->is_repair) {
        ret->good = silt_ok(silt_repair_parse(bytes, &ret->repair, NULL)) &&
                    ret->repair.seq == parsed->seq && ret->repair.file == parsed->repair_file &&
                    ret->repair.k == parsed->repair_k;
        return;
    }
    struct silt_tp tp = tp_of(collector, parsed);
    ret->good = silt_ok(silt_manifest_parse(bytes, &ret->manifest, NULL)) &&
                is_of(&ret->manifest, &tp, parsed->seq);
}

/* The file that an upload becomes; NULL: it is not listed. */
static const struct silt_manifest_file *listed_file(const struct decided *decided,
                                                    const struct upload *upload)
{
    if (decided->is_repair) return decided->repair.lost ? NULL : &decided->repair.with;
    const struct silt_manifest *manifest = &decided->manifest;
    for (unsigned i = 0; i < manifest->files_n; i++)
        if (strcmp(manifest->files[i].upload_id, upload->id) == 0) return &manifest->files[i];
    return NULL;
}

/* Whoever has the partition now rolls its own tail forward, never that of the topic before. */
static void adopt(const struct silt_collector *collector, const struct decided *decided,
                  struct upload *upload)
{
    const char *topic_id = collector->topics[collector->topic].topic_id;
    const struct silt_manifest_file *file = listed_file(decided, upload);
    if (!file || strncmp(topic_id, upload->parsed.tid8, 8) == 0) return;
    upload->pending = silt_memdup(file, sizeof *file);
    upload->pending->upload_id = NULL;
    upload->pending->parts = silt_memdup(file->parts, file->parts_n * sizeof *file->parts);
}

static void decide(struct silt_collector *collector, const struct decided *decided,
                   struct upload *upload)
{
    enum silt_gc_verdict verdict = decided->is_repair
                                       ? silt_gc_decide_repair(&decided->repair, upload->id)
                                       : silt_gc_decide_slot(&decided->manifest, upload->id);
    upload->dead = verdict == SILT_GC_ABORT;
    if (!upload->dead) adopt(collector, decided, upload);
    collector->counts.kept += !upload->dead;
    collector->counts.aborted += upload->dead && collector->opts.dry_run;
}

static void on_decider_read(struct asked *asked)
{
    struct silt_collector *collector = asked->collector;
    unsigned n = asked->end - asked->first;
    collector->decided_n += n;
    if (asked->req.outcome == SILT_STORE_NOT_FOUND) {
        collector->counts.kept += n; /* undecided */
        return;
    }
    struct decided decided = {0};
    if (asked->req.outcome == SILT_STORE_OK)
        read_decided(collector, &collector->uploads[asked->first].parsed,
                     silt_buf_slice(&asked->req.ret_body), &decided);
    if (!decided.good) collector->counts.failed += n;
    for (unsigned i = asked->first; decided.good && i < asked->end; i++)
        decide(collector, &decided, &collector->uploads[i]);
    silt_manifest_done(&decided.manifest);
    silt_repair_done(&decided.repair);
}

static void on_aborted(struct asked *asked)
{
    enum silt_store_outcome outcome = asked->req.outcome;
    bool gone = outcome == SILT_STORE_OK || outcome == SILT_STORE_NO_UPLOAD ||
                outcome == SILT_STORE_NOT_FOUND;
    asked->collector->counts.aborted += gone;
    asked->collector->counts.failed += !gone;
}

static void ask_complete(struct silt_collector *collector, unsigned i);
static void ask_parts(struct silt_collector *collector, unsigned i);

/* One that cannot be completed now stays for the next run. A part that was stored again has another
 * ETag than the manifest says. */
static void on_completed(struct asked *asked)
{
    struct silt_collector *collector = asked->collector;
    collector->counts.completed += asked->req.outcome == SILT_STORE_OK;
    if (asked->req.outcome == SILT_STORE_INVALID_PART && !collector->uploads[asked->first].relisted)
        ask_parts(collector, asked->first);
}

static void on_parts(struct asked *asked)
{
    const struct silt_store_req *req = &asked->req;
    struct upload *upload = &asked->collector->uploads[asked->first];
    struct silt_manifest_file *file = upload->pending;
    if (req->outcome != SILT_STORE_OK ||
        !silt_manifest_same_parts(file, req->ret_parts, req->ret_parts_n))
        return;
    memcpy(file->parts, req->ret_parts, file->parts_n * sizeof *file->parts);
    upload->relisted = true;
    ask_complete(asked->collector, asked->first);
}

/* ---- requests ---- */

static void on_reply(struct silt_store_req *req)
{
    struct asked *asked = req->ctx;
    struct silt_collector *collector = asked->collector;
    collector->in_flight--;
    if (req->outcome == SILT_STORE_STOPPED) collector->stopped = true;
    if (!collector->released) {
        if (req->op == SILT_OP_MPU_LIST)
            on_listed(asked);
        else if (req->op == SILT_OP_GET)
            on_decider_read(asked);
        else if (req->op == SILT_OP_MPU_COMPLETE)
            on_completed(asked);
        else if (req->op == SILT_OP_MPU_PARTS)
            on_parts(asked);
        else
            on_aborted(asked);
    }
    silt_store_req_done(req);
    silt_free(asked);
    if (collector->released)
        free_if_done(collector);
    else
        go_on(collector);
}

static struct asked *ask(struct silt_collector *collector, enum silt_store_op op)
{
    struct asked *asked = SILT_NEW(struct asked);
    asked->collector = collector;
    asked->req.op = op;
    asked->req.reply_to = collector->opts.inbox;
    asked->req.on_reply = on_reply;
    asked->req.ctx = asked;
    return asked;
}

static void submit(struct asked *asked)
{
    asked->collector->in_flight++;
    silt_store_submit(asked->collector->opts.store, &asked->req);
}

static void ask_list(struct silt_collector *collector)
{
    struct asked *asked = ask(collector, SILT_OP_MPU_LIST);
    char topic[SILT_COMPONENT_MAX];
    silt_key_component(collector->topics[collector->topic].topic, topic);
    snprintf(asked->prefix, sizeof asked->prefix, "data/topic=%s/", topic);
    asked->req.key = asked->prefix;
    submit(asked);
}

static void ask_decider(struct silt_collector *collector)
{
    struct asked *asked = ask(collector, SILT_OP_GET);
    const char *decider = collector->uploads[collector->asked_n].decider;
    asked->first = collector->asked_n;
    while (collector->asked_n < collector->uploads_n &&
           strcmp(collector->uploads[collector->asked_n].decider, decider) == 0)
        collector->asked_n++;
    asked->end = collector->asked_n;
    asked->req.key = decider;
    asked->req.body_max = SILT_MANIFEST_MAX;
    submit(asked);
}

static void ask_abort(struct silt_collector *collector, const struct upload *upload)
{
    struct asked *asked = ask(collector, SILT_OP_MPU_ABORT);
    asked->req.key = upload->key;
    asked->req.upload_id = upload->id;
    submit(asked);
}

static void ask_complete(struct silt_collector *collector, unsigned i)
{
    const struct upload *upload = &collector->uploads[i];
    struct asked *asked = ask(collector, SILT_OP_MPU_COMPLETE);
    asked->first = i;
    asked->req.key = upload->key;
    asked->req.upload_id = upload->id;
    asked->req.parts = upload->pending->parts;
    asked->req.parts_n = upload->pending->parts_n;
    asked->req.object_size = upload->pending->size;
    asked->req.crc32c = upload->pending->crc32c;
    submit(asked);
}

static void ask_parts(struct silt_collector *collector, unsigned i)
{
    struct asked *asked = ask(collector, SILT_OP_MPU_PARTS);
    asked->first = i;
    asked->req.key = collector->uploads[i].key;
    asked->req.upload_id = collector->uploads[i].id;
    submit(asked);
}

/* @return false when nothing may be asked now. */
static bool ask_next(struct silt_collector *collector)
{
    if (collector->stopped) return false;
    if (collector->asked_n < collector->uploads_n) {
        ask_decider(collector);
        return true;
    }
    if (collector->decided_n < collector->uploads_n || collector->opts.dry_run) return false;
    while (collector->ended_n < collector->uploads_n) {
        unsigned i = collector->ended_n++;
        const struct upload *upload = &collector->uploads[i];
        if (!upload->dead && !upload->pending) continue;
        if (upload->dead)
            ask_abort(collector, upload);
        else
            ask_complete(collector, i);
        return true;
    }
    return false;
}

static void end_run(struct silt_collector *collector)
{
    struct silt_collect_counts counts = collector->counts;
    collector->running = false;
    collector->opts.on_done(collector->opts.ctx, &counts);
}

/* What the store did not live to answer was not decided or not aborted. */
static void fail_the_rest(struct silt_collector *collector)
{
    struct silt_collect_counts *counts = &collector->counts;
    uint64_t settled = counts->kept + counts->aborted;
    counts->failed = counts->seen > settled ? counts->seen - settled : counts->failed;
}

static void go_on(struct silt_collector *collector)
{
    while (collector->in_flight < SILT_COLLECTOR_REQUESTS && ask_next(collector)) continue;
    if (collector->in_flight) return;
    drop_uploads(collector);
    if (collector->stopped) fail_the_rest(collector);
    if (!collector->stopped && ++collector->topic < collector->topics_n)
        ask_list(collector);
    else
        end_run(collector);
}

void silt_collector_run(struct silt_collector *collector, const struct silt_tp *topics,
                        unsigned topics_n)
{
    SILT_ASSERT(!collector->running && !collector->released);
    silt_free(collector->topics);
    collector->topics = topics_n ? silt_memdup(topics, topics_n * sizeof *topics) : NULL;
    collector->topics_n = topics_n;
    collector->topic = 0;
    collector->counts = (struct silt_collect_counts){0};
    collector->list_err = (struct silt_err){0};
    collector->running = true;
    if (topics_n)
        ask_list(collector);
    else
        end_run(collector);
}

/* ---- waiting ---- */

static void keep_counts(void *ctx, const struct silt_collect_counts *counts)
{
    *(struct silt_collect_counts *)ctx = *counts;
}

SILT_RC silt_collect(struct silt_store *store, const struct silt_tp *topics, unsigned topics_n,
                     bool dry_run, struct silt_collect_counts *ret_counts, struct silt_err *err)
{
    struct silt_collect_counts counts;
    struct silt_collector_opts opts = {
        .store = store,
        .inbox = silt_queue_new(SILT_COLLECTOR_REQUESTS, NULL, NULL),
        .on_done = keep_counts,
        .ctx = &counts,
        .dry_run = dry_run,
    };
    struct silt_collector *collector = silt_collector_new(&opts);
    silt_collector_run(collector, topics, topics_n);
    while (collector->running) silt_store_reply(silt_queue_pop(opts.inbox, -1));
    struct silt_err list_err = collector->list_err;
    silt_collector_release(collector);
    silt_queue_free(opts.inbox);
    if (list_err.code != SILT_E_NONE) {
        if (err) *err = list_err;
        return (struct silt_rc){false};
    }
    *ret_counts = counts;
    return SILT_OK;
}
