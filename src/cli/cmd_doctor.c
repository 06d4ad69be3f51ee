/* silt doctor: tries everything the configuration names and says how to mend what is wrong. */
#include "cli/cli.h"

#include "app/msk.h"
#include "app/options.h"
#include "base/alloc.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "cli/output.h"
#include "doctor/doctor.h"

#include <string.h>
#include <unistd.h>

#define NAME_WIDTH 20

struct report {
    const struct silt_args *args;
    struct silt_out out;
    unsigned states_n[SILT_DOCTOR_SKIPPED + 1];
    bool only_unreachable; /* of what failed */
};

static void print_json(FILE *out, const struct silt_doctor_result *result)
{
    struct silt_buf line silt_auto(silt_buf_done);
    struct silt_jsonw w;
    silt_buf_init(&line, SILT_BUF_MAX_DEFAULT);
    silt_jsonw_init(&w, &line);
    silt_jsonw_open(&w, '{');
    silt_jsonw_kstr(&w, "check", result->name);
    silt_jsonw_kstr(&w, "state", silt_doctor_state_name(result->state));
    silt_jsonw_kstr(&w, "finding", result->finding);
    if (result->mend[0]) silt_jsonw_kstr(&w, "mend", result->mend);
    silt_jsonw_close(&w, '}');
    fprintf(out, "%s\n", silt_buf_str(&line));
}

static void print_text(const struct silt_out *out, const struct silt_doctor_result *result)
{
    static const enum silt_color colors[] = {[SILT_DOCTOR_OK] = SILT_GREEN,
                                             [SILT_DOCTOR_WARNING] = SILT_YELLOW,
                                             [SILT_DOCTOR_FAILED] = SILT_RED,
                                             [SILT_DOCTOR_SKIPPED] = SILT_DIM};
    fprintf(out->file, "%s%-7s%s  %-*s ", silt_out_color(out, colors[result->state]),
            silt_doctor_state_name(result->state), silt_out_color(out, SILT_PLAIN), NAME_WIDTH,
            result->name);
    silt_out_text(out, result->finding);
    if (result->mend[0]) {
        fputs("\n         to mend: ", out->file);
        silt_out_text(out, result->mend);
    }
    fputc('\n', out->file);
}

static void on_result(void *ctx, const struct silt_doctor_result *result)
{
    struct report *report = ctx;
    report->states_n[result->state]++;
    if (result->state == SILT_DOCTOR_FAILED && silt_exit_of(result->code) != SILT_EXIT_UNREACHABLE)
        report->only_unreachable = false;
    if (report->args->json) print_json(report->out.file, result);
    if (!report->args->json) print_text(&report->out, result);
    fflush(report->out.file);
}

static int print_verdict(const struct report *report)
{
    const unsigned *n = report->states_n;
    if (!report->args->json)
        fprintf(report->out.file, "doctor: %s (%u ok, %u warnings, %u failed, %u skipped)\n",
                n[SILT_DOCTOR_FAILED] ? "FAILED" : "OK", n[SILT_DOCTOR_OK], n[SILT_DOCTOR_WARNING],
                n[SILT_DOCTOR_FAILED], n[SILT_DOCTOR_SKIPPED]);
    if (!n[SILT_DOCTOR_FAILED]) return SILT_EXIT_DONE;
    return report->only_unreachable ? SILT_EXIT_UNREACHABLE : SILT_EXIT_FAILED;
}

/* --- configuration --------------------------------------------------------------------------- */

static SILT_RC load(const struct silt_args *args, struct silt_config **ret_config,
                    struct silt_err *err)
{
    struct silt_config *config;
    SILT_TRY(silt_args_load(args, &config, err));
    if (!silt_ok(silt_config_check_run(config, err))) {
        silt_config_free(config);
        return (struct silt_rc){false};
    }
    *ret_config = config;
    return SILT_OK;
}

static int tell_bad_config(struct report *report, const struct silt_err *err)
{
    struct silt_doctor_result result = {
        .name = "config", .state = SILT_DOCTOR_FAILED, .code = err->code};
    snprintf(result.finding, sizeof result.finding, "%s", err->text);
    snprintf(
        result.mend, sizeof result.mend,
        "correct this first, nothing else was tried; silt config --explain shows who set what");
    on_result(report, &result);
    return SILT_EXIT_USAGE;
}

static SILT_RC visit(const struct silt_config *config, struct report *report, struct silt_err *err)
{
    struct silt_property *properties silt_auto(silt_free_auto) =
        silt_calloc(config->kafka.properties.n + 1, sizeof *properties);
    struct silt_doctor_opts opts = {.only = report->args->words,
                                    .only_n = report->args->words_n,
                                    .dlq_topic = config->dlq.topic,
                                    .needs_credentials = silt_options_need_credentials(config),
                                    .postgres_plaintext = config->metrics.allow_plaintext,
                                    .max_age_ms = config->archive.max_age_ms,
                                    .max_upload_age_ms = config->archive.max_upload_age_ms};
    struct silt_msk msk = {0};
    silt_options_consumer(config, true, properties, &opts.consumer);
    opts.consumer.token = silt_msk_source(&msk, config, NULL);
    if (opts.consumer.token) opts.token_credentials = &msk.credentials;
    silt_options_decoder(config, NULL, &opts.decoder);
    silt_options_credentials(config, NULL, &opts.credentials);
    silt_options_store(config, NULL, NULL, &opts.store);
    silt_options_observe(config, NULL, &opts.observe);
    on_result(report, &(struct silt_doctor_result){.name = "config", .finding = "can be used"});
    return silt_doctor_run(&opts, on_result, report, err);
}

static int run_doctor(const struct silt_args *args)
{
    struct silt_err err;
    struct silt_config *config;
    struct report report = {.args = args, .only_unreachable = true};
    silt_out_init(&report.out, args->cli->out, args->cli->environ);
    silt_log_init(SILT_FATAL, SILT_LOG_TEXT, STDERR_FILENO);
    if (!silt_ok(load(args, &config, &err))) return tell_bad_config(&report, &err);
    struct silt_rc rc = visit(config, &report, &err);
    silt_config_free(config);
    return silt_ok(rc) ? print_verdict(&report) : silt_cli_fail(args, &err);
}

extern const struct silt_command silt_command_doctor;
const struct silt_command silt_command_doctor = {
    .name = "doctor",
    .summary = "tries everything a worker needs and says how to mend what is wrong",
    .usage = "[CHECK ...]",
    .details =
        "A CHECK is the name of one or its beginning (kafka, store.write); without any all are "
        "run.\n"
        "Brokers, topics, group, registry, credentials, store, PostgreSQL, CloudWatch: what is\n"
        "configured. Kafka is only read; the store keeps a few small objects below _probe/.\n"
        "The exit code is 0 when nothing failed (warnings are allowed), 1 when something did,\n"
        "2 when the configuration cannot be used, 3 when all that failed could not be reached.",
    .words_max = 16,
    .config_use = SILT_CONFIG_LATER,
    .fn = run_doctor,
};
