/* silt where: what became of one offset. The archive is asked first, Kafka for what it cannot know.
 */
#include "cli/cli.h"

#include "base/alloc.h"
#include "base/jsonw.h"
#include "cli/brokers.h"
#include "cli/output.h"
#include "cli/reach.h"
#include "config/config.h"
#include "inspect/where.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct question {
    const struct silt_args *args;
    const char *topic;
    int32_t partition;
    int64_t offset;
    const char *topic_id; /* --topic-id, or NULL */
    struct silt_reach reach;
    struct silt_brokers brokers;
    struct silt_archive archive;
    /* what Kafka says */
    struct silt_err silent; /* code NONE: it was asked */
    bool exists;            /* it has the partition, of the log that is asked for */
    struct silt_bounds bounds;
    /* what the archive says */
    const struct silt_log_ref *log; /* NULL: it has none of it */
    struct silt_where where;
};

/* What an answer means for the record. */
enum outcome {
    FINE, /* archived, or still to come, or there is no record */
    GONE, /* not in the archive, and it never will be */
    OPEN, /* it is not known */
};

struct verdict {
    enum outcome outcome;
    const char *state; /* for programs */
    char text[SILT_KEY_MAX + 400];
};

/* ---- asking ---- */

static SILT_RC read_words(struct question *question, struct silt_err *err)
{
    const char *word = question->args->words[2];
    struct silt_archive_filter filter;
    char *end;
    SILT_TRY(silt_reach_filter(question->args, &filter, err));
    question->topic = filter.topic;
    question->partition = filter.partition;
    question->offset = strtoll(word, &end, 10);
    if (*word < '0' || *word > '9' || *end || strlen(word) > 18)
        SILT_FAIL(err, USAGE, "\"%.40s\" is no offset", word);
    return SILT_OK;
}

static bool is_of(const char *topic_id, const char *tid8)
{
    return topic_id[0] && strncmp(topic_id, tid8, strlen(tid8)) == 0;
}

/* Kafka may be away: the archive alone knows most of it. */
static SILT_RC ask_kafka(struct question *question, struct silt_err *err)
{
    const struct silt_config *config = question->args->config;
    SILT_TRY(silt_brokers_open(&question->brokers, config, question->reach.credentials,
                               question->topic, err));
    question->brokers.patience_ms =
        silt_args_int(question->args, "timeout", question->brokers.patience_ms);
    struct silt_rc rc = silt_brokers_partition(&question->brokers, question->topic,
                                               question->partition, &question->bounds, err);
    question->exists = silt_ok(rc);
    if (!silt_ok(rc) && err->code == SILT_E_NOT_FOUND) {
        *err = (struct silt_err){0};
        return SILT_OK;
    }
    if (!silt_ok(rc)) return rc;
    return silt_brokers_bounds(&question->brokers, &question->bounds, 1, err);
}

/* Each time a topic is made it has a log of its own. */
static SILT_RC pick_log(struct question *question, struct silt_err *err)
{
    const struct silt_archive *archive = &question->archive;
    const char *id = question->topic_id;
    if (!id && question->exists) id = question->bounds.tp.topic_id;
    for (unsigned i = 0; id && i < archive->logs_n; i++)
        if (is_of(id, archive->logs[i].tid8)) question->log = &archive->logs[i];
    if (question->log || id) return SILT_OK;
    if (archive->logs_n == 1) question->log = &archive->logs[0];
    if (archive->logs_n <= 1) return SILT_OK;
    SILT_FAIL(err, USAGE,
              "the topic was made %u times, and Kafka cannot say which of them it is; say which "
              "with --topic-id (silt ls --json has them)",
              archive->logs_n);
}

static SILT_RC ask_archive(struct question *question, struct silt_err *err)
{
    const struct silt_archive_filter filter = {
        .topic = question->topic, .partition = question->partition, .may_lack_it = true};
    SILT_TRY(silt_archive_read(question->reach.store, &filter, &question->archive, err));
    SILT_TRY(pick_log(question, err));
    question->where = (struct silt_where){.kind = SILT_WHERE_BEHIND, .seq = -1, .next = -1};
    if (!question->log) return SILT_OK;
    return silt_where(question->reach.store, question->log, question->offset, &question->where,
                      err);
}

static SILT_RC ask(struct question *question, struct silt_err *err)
{
    SILT_TRY(silt_reach_open(question->args->config, &question->reach, err));
    if (!silt_ok(ask_kafka(question, &question->silent))) question->bounds.known = false;
    SILT_TRY(ask_archive(question, err));
    const char *id = question->topic_id;
    if (id && strncmp(id, question->bounds.tp.topic_id, 8) != 0) question->exists = false;
    return SILT_OK;
}

/* ---- what it means ---- */

__attribute__((format(printf, 4, 5))) static void say(struct verdict *verdict, enum outcome outcome,
                                                      const char *state, const char *fmt, ...)
{
    va_list args;
    verdict->outcome = outcome;
    verdict->state = state;
    va_start(args, fmt);
    vsnprintf(verdict->text, sizeof verdict->text, fmt, args);
    va_end(args);
}

static void say_row(const struct silt_where *where, struct verdict *verdict)
{
    char place[SILT_KEY_MAX + 64];
    snprintf(place, sizeof place, "%s, block %" PRIu64 ", row %" PRId64, where->object,
             where->block, where->row);
    if (where->role == SILT_ROLE_REJECTED)
        say(verdict, FINE, "rejected", "rejected: %s%s%s; kept in %s", where->reason,
            where->detail[0] ? ", " : "", where->detail, place);
    else
        say(verdict, FINE, "archived", "archived%s: %s",
            where->role == SILT_ROLE_TOMBSTONE ? " (a tombstone)" : "", place);
}

/* Of an aborted transaction Kafka still has the records, until retention takes them. */
static void say_hole(struct question *question, struct verdict *verdict)
{
    static const char unknown[] = "a transaction's marker, an aborted record, or one that was "
                                  "compacted away; Kafka cannot say any more which";
    const struct silt_bounds *bounds = &question->bounds;
    struct silt_peek peek = {.offset = -1};
    struct silt_err err;
    bool kept = question->exists && bounds->known && question->offset >= bounds->log_start;
    if (kept)
        kept = silt_ok(
            silt_brokers_peek(&question->brokers, &bounds->tp, question->offset, &peek, &err));
    if (peek.offset == question->offset)
        say(verdict, FINE, "aborted", "aborted: a record of a transaction that was aborted");
    else
        say(verdict, FINE, "no_record", "no record: %s",
            kept ? "a transaction's marker, or one that was compacted away" : unknown);
}

static void say_behind(const struct question *question, struct verdict *verdict)
{
    const struct silt_bounds *bounds = &question->bounds;
    char ends[80] = "the archive has nothing of this partition";
    if (question->where.next >= 0)
        snprintf(ends, sizeof ends, "the archive ends before offset %" PRId64,
                 question->where.next);
    if (question->silent.code)
        say(verdict, OPEN, "unknown", "unknown: %s, and Kafka could not be asked: %.300s", ends,
            question->silent.text);
    else if (!question->exists)
        say(verdict, GONE, "lost", "lost: %s, and Kafka has the partition no more", ends);
    else if (question->offset < bounds->log_start)
        say(verdict, GONE, "lost", "lost to retention: %s, and Kafka's log begins at %" PRId64,
            ends, bounds->log_start);
    else if (question->offset >= bounds->high)
        say(verdict, FINE, "not_written",
            "not written yet: Kafka's log ends before offset %" PRId64, bounds->high);
    else
        say(verdict, FINE, "buffered", "buffered: Kafka has it, and no slot yet; %s", ends);
}

static void say_absent(const struct silt_where *where, struct verdict *verdict)
{
    if (where->kind == SILT_WHERE_UPLOADING)
        say(verdict, FINE, "uploading", "uploading: committed; %s is being completed",
            where->object);
    else if (where->kind == SILT_WHERE_LOST)
        say(verdict, GONE, "lost",
            "lost: %s expired before it was completed, and Kafka had the records no more",
            where->object);
    else
        say(verdict, GONE, "missing",
            "missing: %s is gone; a worker repairs the newest slot, silt verify says more",
            where->object);
}

static void say_never_read(const struct silt_where *where, struct verdict *verdict)
{
    char range[80];
    snprintf(range, sizeof range, "with offsets %" PRId64 " to %" PRId64, where->start,
             where->next - 1);
    if (where->kind == SILT_WHERE_UNREADABLE)
        say(verdict, GONE, "unreadable", "unreadable: damaged in Kafka");
    else if (where->kind == SILT_WHERE_GAP)
        say(verdict, GONE, "gap", "gap: deleted from Kafka before it was archived, %s", range);
    else if (where->kind == SILT_WHERE_SKIPPED)
        say(verdict, GONE, "skipped", "skipped by an operator, %s", range);
    else
        say(verdict, GONE, "before", "before the archive, which begins at offset %" PRId64,
            where->start);
}

static void judge(struct question *question, struct verdict *verdict)
{
    const struct silt_where *where = &question->where;
    switch (where->kind) {
    case SILT_WHERE_ROW: say_row(where, verdict); break;
    case SILT_WHERE_HOLE: say_hole(question, verdict); break;
    case SILT_WHERE_BEHIND: say_behind(question, verdict); break;
    case SILT_WHERE_UPLOADING:
    case SILT_WHERE_LOST:
    case SILT_WHERE_MISSING: say_absent(where, verdict); break;
    case SILT_WHERE_UNREADABLE:
    case SILT_WHERE_GAP:
    case SILT_WHERE_SKIPPED:
    case SILT_WHERE_BEFORE: say_never_read(where, verdict); break;
    }
}

/* ---- saying it ---- */

static void print_text(const struct question *question, const struct verdict *verdict)
{
    struct silt_out out;
    const struct silt_where *where = &question->where;
    FILE *to = question->args->cli->out;
    silt_out_init(&out, to, question->args->cli->environ);
    silt_out_text(&out, verdict->text);
    if (where->seq >= 0) fprintf(to, " (slot %" PRId64 ")", where->seq);
    if (where->truncated)
        fprintf(to, "; %u older slot%s a record of this offset that Kafka lost", where->truncated,
                where->truncated == 1 ? " has" : "s have");
    fputc('\n', to);
}

static void print_json(const struct question *question, const struct verdict *verdict)
{
    const struct silt_where *where = &question->where;
    struct silt_buf line;
    struct silt_jsonw w;
    silt_buf_init(&line, SILT_BUF_MAX_DEFAULT);
    silt_jsonw_init(&w, &line);
    silt_jsonw_open(&w, '{');
    silt_jsonw_kstr(&w, "topic", question->topic);
    silt_jsonw_kint(&w, "partition", question->partition);
    silt_jsonw_kint(&w, "offset", question->offset);
    silt_jsonw_kstr(&w, "state", verdict->state);
    if (where->seq >= 0) silt_jsonw_kint(&w, "seq", where->seq);
    if (where->object[0]) silt_jsonw_kstr(&w, "object", where->object);
    if (where->kind == SILT_WHERE_ROW) {
        silt_jsonw_kstr(&w, "role", silt_role_name(where->role));
        silt_jsonw_kint(&w, "block", (int64_t)where->block);
        silt_jsonw_kint(&w, "row", where->row);
    }
    if (where->reason[0]) silt_jsonw_kstr(&w, "reason", where->reason);
    silt_jsonw_kint(&w, "truncated", where->truncated);
    silt_jsonw_kstr(&w, "text", verdict->text);
    silt_jsonw_close(&w, '}');
    fprintf(question->args->cli->out, "%s\n", silt_buf_str(&line));
    silt_buf_done(&line);
}

static int answer(struct question *question)
{
    struct verdict verdict;
    judge(question, &verdict);
    if (question->args->json)
        print_json(question, &verdict);
    else
        print_text(question, &verdict);
    if (question->silent.code && verdict.outcome != OPEN)
        fprintf(question->args->cli->err, "silt where: Kafka could not be asked: %s\n",
                question->silent.text);
    if (verdict.outcome == OPEN) return SILT_EXIT_UNREACHABLE;
    return verdict.outcome == GONE ? SILT_EXIT_FAILED : SILT_EXIT_DONE;
}

static int run_where(const struct silt_args *args)
{
    struct silt_err err;
    struct question question = {.args = args, .topic_id = silt_args_text(args, "topic-id", NULL)};
    struct silt_rc rc = read_words(&question, &err);
    if (silt_ok(rc)) rc = ask(&question, &err);
    int code = silt_ok(rc) ? answer(&question) : silt_cli_fail(args, &err);
    silt_archive_done(&question.archive);
    silt_brokers_done(&question.brokers);
    silt_reach_done(&question.reach);
    return code;
}

static const struct silt_flag flags[] = {
    {"topic-id", SILT_FLAG_TEXT, "ID", "of a topic that was made more than once"},
    {"timeout", SILT_FLAG_DURATION, "TIME", "how long Kafka may take for an answer (15s)"},
    {0},
};

extern const struct silt_command silt_command_where;
const struct silt_command silt_command_where = {
    .name = "where",
    .summary = "says what became of one offset",
    .usage = "TOPIC PARTITION OFFSET",
    .details =
        "One line: archived or rejected (the object, its block and row, from 0), uploading,\n"
        "buffered, aborted, no record, gap, lost, missing, unreadable, skipped, before the\n"
        "archive, or not written yet. The exit code is 1 when the record is not in the archive\n"
        "and never will be, and 3 when only Kafka knows and cannot be asked.",
    .flags = flags,
    .words_min = 3,
    .words_max = 3,
    .config_use = SILT_CONFIG_LOADED,
    .fn = run_where,
};
