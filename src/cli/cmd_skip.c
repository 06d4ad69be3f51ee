/* silt skip: an operator leaves offsets out. */
#include "cli/cli.h"

#include "app/options.h"
#include "base/jsonw.h"
#include "cli/brokers.h"
#include "cli/reach.h"
#include "commit/probe.h"
#include "config/config.h"
#include "inspect/tails.h"
#include "pipeline/skip.h"

#include <inttypes.h>

#define TIMEOUT_MS 60000

struct order {
    const struct silt_args *args;
    const char *topic;
    int32_t partition;
    int64_t until;
    struct silt_reach reach;
    struct silt_brokers brokers;
    struct silt_bounds bounds;
    int32_t leader_epoch;
};

static SILT_RC read_order(struct order *order, struct silt_err *err)
{
    struct silt_archive_filter filter;
    SILT_TRY(silt_reach_filter(order->args, &filter, err));
    order->topic = filter.topic;
    order->partition = filter.partition;
    order->until = silt_args_int(order->args, "to", -1);
    if (order->until < 0)
        SILT_FAIL(err, USAGE, "up to where? --to OFFSET, the first one that is archived again");
    return SILT_OK;
}

static SILT_RC find_bounds(struct order *order, struct silt_err *err)
{
    SILT_TRY(silt_brokers_partition(&order->brokers, order->topic, order->partition, &order->bounds,
                                    err));
    SILT_TRY(silt_brokers_bounds(&order->brokers, &order->bounds, 1, err));
    if (order->until <= order->bounds.high) return SILT_OK;
    SILT_FAIL(err, INVALID,
              "Kafka's log ends before offset %" PRId64 "; what is not there yet "
              "cannot be left out",
              order->bounds.high);
}

/* The next owner compares it with Kafka's log: behind offsets that nobody read, too. */
static SILT_RC find_epoch(struct order *order, struct silt_err *err)
{
    struct silt_peek peek;
    int64_t from = order->until - 1;
    if (from < order->bounds.log_start) from = order->bounds.log_start;
    SILT_TRY(silt_brokers_peek(&order->brokers, &order->bounds.tp, from, &peek, err));
    order->leader_epoch = peek.leader_epoch;
    return SILT_OK;
}

static SILT_RC ask_kafka(struct order *order, struct silt_err *err)
{
    SILT_TRY(silt_brokers_open(&order->brokers, order->args->config, order->reach.credentials,
                               order->topic, err));
    SILT_TRY(find_bounds(order, err));
    return find_epoch(order, err);
}

static SILT_RC try_out(const struct order *order, struct silt_skipped *ret_skipped,
                       struct silt_err *err)
{
    struct silt_tail tail;
    silt_tails_read(order->reach.store, &order->bounds.tp, 1, &tail);
    if (!tail.known) {
        *err = tail.err;
        return (struct silt_rc){false};
    }
    if (tail.seq < 0) SILT_FAIL(err, NOT_FOUND, "nothing of the partition is archived yet");
    if (tail.durable >= order->until)
        SILT_FAIL(err, INVALID, "the archive is already at offset %" PRId64, tail.durable);
    *ret_skipped =
        (struct silt_skipped){.seq = tail.seq + 1, .first = tail.durable, .last = order->until - 1};
    return SILT_OK;
}

static SILT_RC write_slot(const struct order *order, struct silt_skipped *ret_skipped,
                          struct silt_err *err)
{
    char archive_id[SILT_UUID_LEN];
    struct silt_worker_opts worker;
    silt_options_worker(order->args->config, &worker);
    SILT_TRY(silt_archive_open(order->reach.store, archive_id, err));
    return silt_skip_offsets(&(struct silt_skip_opts){.store = order->reach.store,
                                                      .tp = order->bounds.tp,
                                                      .until = order->until,
                                                      .leader_epoch = order->leader_epoch,
                                                      .archive_id = archive_id,
                                                      .name = "silt skip",
                                                      .limits = worker.slot_limits,
                                                      .timeout_ms = TIMEOUT_MS},
                             ret_skipped, err);
}

static SILT_RC carry_out(struct order *order, struct silt_skipped *ret_skipped,
                         struct silt_err *err)
{
    SILT_TRY(read_order(order, err));
    SILT_TRY(silt_reach_open(order->args->config, &order->reach, err));
    SILT_TRY(ask_kafka(order, err));
    if (silt_args_switch(order->args, "dry-run")) return try_out(order, ret_skipped, err);
    return write_slot(order, ret_skipped, err);
}

static void print_json(const struct order *order, const struct silt_skipped *skipped)
{
    struct silt_buf line;
    struct silt_jsonw w;
    silt_buf_init(&line, SILT_BUF_MAX_DEFAULT);
    silt_jsonw_init(&w, &line);
    silt_jsonw_open(&w, '{');
    silt_jsonw_kstr(&w, "topic", order->topic);
    silt_jsonw_kint(&w, "partition", order->partition);
    silt_jsonw_kint(&w, "seq", skipped->seq);
    silt_jsonw_kint(&w, "first", skipped->first);
    silt_jsonw_kint(&w, "last", skipped->last);
    silt_jsonw_kbool(&w, "dry_run", silt_args_switch(order->args, "dry-run"));
    silt_jsonw_close(&w, '}');
    fprintf(order->args->cli->out, "%s\n", silt_buf_str(&line));
    silt_buf_done(&line);
}

static void print(const struct order *order, const struct silt_skipped *skipped)
{
    if (order->args->json) {
        print_json(order, skipped);
        return;
    }
    fprintf(order->args->cli->out,
            "%s offsets %" PRId64 " to %" PRId64 " of %s [%" PRId32 "] (slot %" PRId64
            "); archiving goes on at %" PRId64 "\n",
            silt_args_switch(order->args, "dry-run") ? "would skip" : "skipped", skipped->first,
            skipped->last, order->topic, order->partition, skipped->seq, order->until);
}

static int run_skip(const struct silt_args *args)
{
    struct silt_err err;
    struct silt_skipped skipped;
    struct order order = {.args = args};
    struct silt_rc rc = carry_out(&order, &skipped, &err);
    if (silt_ok(rc)) print(&order, &skipped);
    silt_brokers_done(&order.brokers);
    silt_reach_done(&order.reach);
    return silt_ok(rc) ? SILT_EXIT_DONE : silt_cli_fail(args, &err);
}

static const struct silt_flag flags[] = {
    {"to", SILT_FLAG_INT, "OFFSET", "the first offset that is archived again"},
    {"dry-run", SILT_FLAG_SWITCH, NULL, "says what it would do"},
    {0},
};

extern const struct silt_command silt_command_skip;
const struct silt_command silt_command_skip = {
    .name = "skip",
    .summary = "leaves offsets out, for good",
    .usage = "TOPIC PARTITION",
    .details =
        "Writes a slot that says so; a running worker goes on behind it. Everything up to there\n"
        "that is not archived yet is left out, and the books show it.",
    .flags = flags,
    .words_min = 2,
    .words_max = 2,
    .config_use = SILT_CONFIG_LOADED,
    .fn = run_skip,
};
