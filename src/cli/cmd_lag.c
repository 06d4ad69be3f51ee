/* silt lag: how far the archive is behind Kafka. What is not known is "?" (null), never 0. */
#include "cli/cli.h"

#include "base/alloc.h"
#include "base/jsonw.h"
#include "cli/brokers.h"
#include "cli/output.h"
#include "cli/reach.h"
#include "config/config.h"
#include "inspect/tails.h"

#include <inttypes.h>
#include <string.h>

#define UNKNOWN INT64_MIN

struct lag {
    const struct silt_args *args;
    struct silt_brokers brokers;
    struct silt_bounds *lines;
    struct silt_tail *tails;
    unsigned n;
    struct silt_err first_err; /* why something is not known */
};

static void note(struct lag *lag, const struct silt_err *err)
{
    if (!lag->first_err.code) lag->first_err = *err;
}

static SILT_RC ask_kafka(struct lag *lag, struct silt_credentials *credentials,
                         struct silt_err *err)
{
    const struct silt_config *config = lag->args->config;
    struct silt_err unknown;
    SILT_TRY(silt_brokers_open(&lag->brokers, config, credentials, NULL, err));
    struct silt_rc rc = silt_brokers_partitions(&lag->brokers, &lag->lines, &lag->n, err);
    if (!silt_ok(rc)) {
        silt_err_context(err, "brokers %s", config->kafka.brokers);
        return rc;
    }
    if (!silt_ok(silt_brokers_bounds(&lag->brokers, lag->lines, lag->n, &unknown)))
        note(lag, &unknown);
    return SILT_OK;
}

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

static int64_t lag_of(const struct silt_bounds *line, const struct silt_tail *tail)
{
    if (!line->known || !tail->known) return UNKNOWN;
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
        const struct silt_bounds *line = &lag->lines[i];
        const struct silt_tail *tail = &lag->tails[i];
        int64_t behind = lag_of(line, tail);
        silt_table_cell(table, "%s", line->tp.topic);
        silt_table_cell(table, "%" PRId32, line->tp.partition);
        number_cell(table, line->known, line->log_start);
        number_cell(table, tail->known, tail->durable);
        number_cell(table, line->known, line->high);
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
        const struct silt_bounds *line = &lag->lines[i];
        const struct silt_tail *tail = &lag->tails[i];
        int64_t behind = lag_of(line, tail);
        silt_buf_clear(&text);
        silt_jsonw_init(&w, &text);
        silt_jsonw_open(&w, '{');
        silt_jsonw_kstr(&w, "topic", line->tp.topic);
        silt_jsonw_kint(&w, "partition", line->tp.partition);
        knumber(&w, "log_start", line->known, line->log_start);
        knumber(&w, "durable", tail->known, tail->durable);
        knumber(&w, "high_watermark", line->known, line->high);
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
    silt_brokers_done(&lag.brokers);
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
