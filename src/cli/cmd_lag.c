/* silt lag: how far the archive is behind Kafka. What is not known is "?" (null), never 0. */
#include "cli/cli.h"

#include "app/msk.h"
#include "app/options.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "cli/output.h"
#include "cli/reach.h"
#include "config/config.h"
#include "consume/consumer.h"
#include "inspect/tails.h"

#include <inttypes.h>
#include <string.h>

#define BROKER_MS 15000
#define POLL_MS 200
#define CLOSE_MS 5000
#define UNKNOWN INT64_MIN

struct line {
    struct silt_tp tp;
    bool has_offsets;
    int64_t log_start;
    int64_t high;
};

struct lag {
    const struct silt_args *args;
    struct silt_consumer *consumer;
    struct silt_msk msk;
    struct line *lines;
    struct silt_tail *tails;
    unsigned n;
    struct silt_err first_err; /* why something is not known */
};

static void note(struct lag *lag, const struct silt_err *err)
{
    if (!lag->first_err.code) lag->first_err = *err;
}

/* ---- Kafka ---- */

static SILT_RC list_partitions(struct lag *lag, struct silt_err *err)
{
    struct silt_topic_info *topics;
    unsigned topics_n;
    char cluster[SILT_CLUSTER_MAX];
    SILT_TRY(silt_consumer_list_topics(lag->consumer, BROKER_MS, &topics, &topics_n, cluster, err));
    for (unsigned t = 0; t < topics_n; t++) {
        unsigned more = (unsigned)topics[t].partitions_n;
        lag->lines = silt_realloc_array(lag->lines, lag->n + more, sizeof *lag->lines);
        for (unsigned p = 0; p < more; p++) {
            struct line *line = &lag->lines[lag->n++];
            *line = (struct line){.tp = {.partition = (int32_t)p}};
            memcpy(line->tp.cluster, cluster, sizeof cluster);
            memcpy(line->tp.topic, topics[t].topic, sizeof line->tp.topic);
            memcpy(line->tp.topic_id, topics[t].topic_id, sizeof line->tp.topic_id);
        }
    }
    silt_free(topics);
    return SILT_OK;
}

static void ask(struct lag *lag)
{
    const char **topics = silt_calloc(lag->n, sizeof *topics);
    int32_t *partitions = silt_calloc(lag->n, sizeof *partitions);
    for (unsigned i = 0; i < lag->n; i++) {
        topics[i] = lag->lines[i].tp.topic;
        partitions[i] = lag->lines[i].tp.partition;
    }
    silt_consumer_ask_offsets(lag->consumer, topics, partitions, lag->n);
    silt_free(partitions);
    silt_free(topics);
}

static void take_answer(struct lag *lag, const struct silt_answer *answer)
{
    if (!answer->ok) note(lag, &answer->err);
    for (unsigned i = 0; answer->ok && i < lag->n; i++) {
        struct line *line = &lag->lines[i];
        if (line->tp.partition != answer->partition || strcmp(line->tp.topic, answer->topic) != 0)
            continue;
        line->has_offsets = answer->high_watermark >= 0;
        line->log_start = answer->log_start;
        line->high = answer->high_watermark;
    }
}

static void wait_for_answers(struct lag *lag)
{
    struct silt_polled polled;
    struct silt_answer answer;
    unsigned left = lag->n;
    for (int64_t end = silt_mono_ms() + BROKER_MS; left && silt_mono_ms() < end;) {
        silt_consumer_poll(lag->consumer, POLL_MS, &polled);
        for (; left && silt_consumer_answer(lag->consumer, &answer); left--)
            take_answer(lag, &answer);
    }
    if (left)
        (void)silt_err_set(&lag->first_err, SILT_E_TIMEOUT, __FILE__, __LINE__,
                           "the brokers did not tell the offsets of %u partitions in time", left);
}

static SILT_RC ask_kafka(struct lag *lag, struct silt_credentials *credentials,
                         struct silt_err *err)
{
    const struct silt_config *config = lag->args->config;
    if (config->kafka.sasl_aws_msk_iam) SILT_TRY(silt_credentials_await(credentials, err));
    struct silt_property *properties = silt_calloc(config->kafka.properties.n, sizeof *properties);
    struct silt_consumer_opts opts;
    silt_options_consumer(config, false, properties, &opts);
    opts.token = silt_msk_source(&lag->msk, config, credentials);
    struct silt_rc rc = silt_consumer_new(&opts, &lag->consumer, err);
    silt_free(properties);
    if (!silt_ok(rc)) return rc;
    rc = list_partitions(lag, err);
    if (!silt_ok(rc)) {
        silt_err_context(err, "brokers %s", config->kafka.brokers);
        return rc;
    }
    ask(lag);
    wait_for_answers(lag);
    return SILT_OK;
}

/* ---- the archive ---- */

static void ask_archive(struct lag *lag, struct silt_store *store)
{
    struct silt_tp *tps = silt_calloc(lag->n, sizeof *tps);
    lag->tails = silt_calloc(lag->n, sizeof *lag->tails);
    for (unsigned i = 0; i < lag->n; i++) tps[i] = lag->lines[i].tp;
    silt_tails_read(store, tps, lag->n, lag->tails);
    for (unsigned i = 0; i < lag->n; i++)
        if (!lag->tails[i].known) note(lag, &lag->tails[i].err);
    silt_free(tps);
}

/* ---- output ---- */

static int64_t lag_of(const struct line *line, const struct silt_tail *tail)
{
    if (!line->has_offsets || !tail->known) return UNKNOWN;
    int64_t from = tail->durable > line->log_start ? tail->durable : line->log_start;
    return line->high > from ? line->high - from : 0;
}

static void number_cell(struct silt_table *table, bool known, int64_t number)
{
    if (known) silt_table_cell(table, "%" PRId64, number);
    if (!known) silt_table_cell(table, "?");
}

static void print_table(const struct lag *lag)
{
    static const struct silt_column columns[] = {{"topic", false},    {"partition", true},
                                                 {"log start", true}, {"durable", true},
                                                 {"high", true},      {"lag", true}};
    struct silt_out out;
    struct silt_table *table = silt_table_new(columns, sizeof columns / sizeof columns[0]);
    silt_out_init(&out, lag->args->cli->out, lag->args->cli->environ);
    for (unsigned i = 0; i < lag->n; i++) {
        const struct line *line = &lag->lines[i];
        const struct silt_tail *tail = &lag->tails[i];
        int64_t behind = lag_of(line, tail);
        silt_table_cell(table, "%s", line->tp.topic);
        silt_table_cell(table, "%" PRId32, line->tp.partition);
        number_cell(table, line->has_offsets, line->log_start);
        number_cell(table, tail->known, tail->durable);
        number_cell(table, line->has_offsets, line->high);
        number_cell(table, behind != UNKNOWN, behind);
    }
    silt_table_print(table, &out);
    silt_table_free(table);
}

static void knumber(struct silt_jsonw *w, const char *key, bool known, int64_t number)
{
    silt_jsonw_key(w, key);
    if (known) silt_jsonw_int(w, number);
    if (!known) silt_jsonw_null(w);
}

static void print_json(const struct lag *lag)
{
    struct silt_buf text;
    struct silt_jsonw w;
    silt_buf_init(&text, SILT_BUF_MAX_DEFAULT);
    for (unsigned i = 0; i < lag->n; i++) {
        const struct line *line = &lag->lines[i];
        const struct silt_tail *tail = &lag->tails[i];
        int64_t behind = lag_of(line, tail);
        silt_buf_clear(&text);
        silt_jsonw_init(&w, &text);
        silt_jsonw_open(&w, '{');
        silt_jsonw_kstr(&w, "topic", line->tp.topic);
        silt_jsonw_kint(&w, "partition", line->tp.partition);
        knumber(&w, "log_start", line->has_offsets, line->log_start);
        knumber(&w, "durable", tail->known, tail->durable);
        knumber(&w, "high_watermark", line->has_offsets, line->high);
        knumber(&w, "lag", behind != UNKNOWN, behind);
        silt_jsonw_kbool(&w, "pending", tail->pending);
        silt_jsonw_close(&w, '}');
        fprintf(lag->args->cli->out, "%s\n", silt_buf_str(&text));
    }
    silt_buf_done(&text);
}

static int show(const struct lag *lag)
{
    if (lag->args->json)
        print_json(lag);
    else
        print_table(lag);
    if (!lag->first_err.code) return SILT_EXIT_DONE;
    return silt_cli_fail(lag->args, &lag->first_err);
}

static int run_lag(const struct silt_args *args)
{
    struct silt_err err;
    struct silt_reach reach;
    struct lag lag = {.args = args};
    if (!silt_ok(silt_reach_open(args->config, &reach, &err))) return silt_cli_fail(args, &err);
    struct silt_rc rc = ask_kafka(&lag, reach.credentials, &err);
    if (silt_ok(rc)) ask_archive(&lag, reach.store);
    int code = silt_ok(rc) ? show(&lag) : silt_cli_fail(args, &err);
    silt_consumer_close(lag.consumer, CLOSE_MS);
    silt_reach_done(&reach);
    silt_free(lag.lines);
    silt_free(lag.tails);
    return code;
}

extern const struct silt_command silt_command_lag;
const struct silt_command silt_command_lag = {
    .name = "lag",
    .summary = "says how far the archive is behind Kafka",
    .usage = "",
    .details =
        "For each partition of kafka.topics: where Kafka's log begins, up to where the archive\n"
        "is complete (-1: nothing yet), the high watermark, and what is missing. What cannot\n"
        "be known is ? (--json: null), and the exit code is not 0 then.",
    .config_use = SILT_CONFIG_LOADED,
    .fn = run_lag,
};
