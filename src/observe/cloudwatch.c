#include "observe/cloudwatch_int.h"

#include "base/jsonw.h"

#include <stdio.h>
#include <string.h>

#define DIMENSION_MAX 256

struct dimension {
    const char *name; /* NULL: none */
    const char *value;
};
struct builder {
    const struct silt_cw_input *input;
    silt_cw_emit_fn *emit;
    void *ctx;
    struct silt_buf body;
    struct silt_buf datum;
    struct silt_jsonw w; /* writes into datum */
    unsigned datums_n;
};

static void send(struct builder *b)
{
    if (b->datums_n == 0) return;
    (void)silt_buf_append_str(&b->body, "]}");
    b->emit(b->ctx, silt_buf_slice(&b->body), b->datums_n);
    silt_buf_clear(&b->body);
    b->datums_n = 0;
}

static void begin_body(struct builder *b)
{
    struct silt_jsonw w;
    silt_jsonw_init(&w, &b->body);
    silt_jsonw_open(&w, '{');
    silt_jsonw_kstr(&w, "Namespace", b->input->name_space);
    silt_jsonw_key(&w, "MetricData");
    silt_jsonw_open(&w, '[');
}

/* Moves the finished datum into the document. */
static void end_datum(struct builder *b, const char *unit)
{
    silt_jsonw_kstr(&b->w, "Unit", unit);
    silt_jsonw_close(&b->w, '}');
    size_t need = b->body.len + b->datum.len + sizeof ",]}";
    if (b->datums_n == SILT_CW_DATUMS_MAX || need > SILT_CW_BYTES_MAX) send(b);
    if (b->datums_n == 0) begin_body(b);
    if (b->datums_n++ > 0) (void)silt_buf_append_char(&b->body, ',');
    (void)silt_buf_append(&b->body, b->datum.data, b->datum.len);
}

/* Values are printable ASCII and not blank (MetricDatum, Dimension). What comes from outside is
 * made so. */
static void dimension_value(struct silt_jsonw *w, const char *value)
{
    char clean[DIMENSION_MAX];
    size_t n = 0;
    bool blank = true;
    for (; *value && n < sizeof clean - 1; value++) {
        bool printable = *value >= 0x20 && *value < 0x7f;
        clean[n++] = printable ? *value : '?';
        blank &= *value == ' ';
    }
    clean[n] = 0;
    silt_jsonw_kstr(w, "Value", blank ? "(blank)" : clean);
}

static void begin_datum(struct builder *b, const char *metric, const struct dimension dimensions[3])
{
    silt_buf_clear(&b->datum);
    silt_jsonw_init(&b->w, &b->datum);
    silt_jsonw_open(&b->w, '{');
    silt_jsonw_kstr(&b->w, "MetricName", metric);
    if (dimensions[0].name) {
        silt_jsonw_key(&b->w, "Dimensions");
        silt_jsonw_open(&b->w, '[');
        for (unsigned i = 0; i < 3 && dimensions[i].name; i++) {
            silt_jsonw_open(&b->w, '{');
            silt_jsonw_kstr(&b->w, "Name", dimensions[i].name);
            dimension_value(&b->w, dimensions[i].value);
            silt_jsonw_close(&b->w, '}');
        }
        silt_jsonw_close(&b->w, ']');
    }
    char seconds[32];
    snprintf(seconds, sizeof seconds, "%lld.%03lld", (long long)(b->input->time_ms / 1000),
             (long long)(b->input->time_ms % 1000));
    silt_jsonw_key(&b->w, "Timestamp");
    silt_jsonw_raw(&b->w, seconds);
}

static void number(struct builder *b, const char *metric, const struct dimension dimensions[3],
                   uint64_t value, const char *unit)
{
    begin_datum(b, metric, dimensions);
    silt_jsonw_kuint(&b->w, "Value", value);
    end_datum(b, unit);
}

/* unit_size: how many of our units make one of CloudWatch's. */
static void distribution(struct builder *b, const char *metric,
                         const struct dimension dimensions[3], const struct silt_values *values,
                         double unit_size, const char *unit)
{
    if (values->n == 0) return;
    begin_datum(b, metric, dimensions);
    silt_jsonw_key(&b->w, "Values");
    silt_jsonw_open(&b->w, '[');
    for (unsigned i = 0; i < values->n; i++)
        silt_jsonw_double(&b->w, (double)values->values[i] / unit_size);
    silt_jsonw_close(&b->w, ']');
    silt_jsonw_key(&b->w, "Counts");
    silt_jsonw_open(&b->w, '[');
    for (unsigned i = 0; i < values->n; i++) silt_jsonw_uint(&b->w, values->counts[i]);
    silt_jsonw_close(&b->w, ']');
    end_datum(b, unit);
}

static void latency(struct builder *b, const struct dimension dimensions[3],
                    const struct silt_histogram_snapshot *h)
{
    struct silt_values values = {0};
    for (unsigned i = 0; i < SILT_HISTOGRAM_BUCKETS; i++) {
        if (!h->counts[i]) continue;
        silt_values_add(&values, silt_histogram_value(i), h->counts[i]);
        if (values.n < SILT_VALUES_MAX) continue;
        distribution(b, "ProcessingLatency", dimensions, &values, 1000, "Milliseconds");
        values.n = 0;
    }
    distribution(b, "ProcessingLatency", dimensions, &values, 1000, "Milliseconds");
}

static void stage(struct builder *b, enum silt_stage id, const struct silt_stage_snapshot *counts)
{
    struct dimension d[3] = {{"Stage", silt_stage_name(id)}};
    number(b, "SuccessCount", d, counts->success, "Count");
    number(b, "FailureCount", d, counts->failures, "Count");
    number(b, "RetryAttempts", d, counts->retries, "Count");
    if (counts->bytes) number(b, "DataSize", d, counts->bytes, "Bytes");
    latency(b, d, &counts->latency);
    for (unsigned i = 0; i < SILT_FAIL_TYPES_N; i++) {
        if (!counts->failure[i]) continue;
        d[1] = (struct dimension){"FailureType", silt_failure_type_name((enum silt_failure_type)i)};
        number(b, "FailureCount", d, counts->failure[i], "Count");
    }
}

static void stages(struct builder *b)
{
    uint64_t success = 0;
    uint64_t failures = 0;
    bool active = false;
    for (unsigned i = 0; i < SILT_STAGES_N; i++) {
        const struct silt_stage_snapshot *counts = &b->input->diff->stages[i];
        if (!silt_stage_is_active(counts)) continue;
        stage(b, (enum silt_stage)i, counts);
        success += counts->success;
        failures += counts->failures;
        active = true;
    }
    if (!active) return;
    static const struct dimension none[3];
    number(b, "SuccessCount", none, success, "Count");
    number(b, "FailureCount", none, failures, "Count");
}

static void queues(struct builder *b)
{
    for (unsigned i = 0; i < b->input->depths_n; i++) {
        const struct silt_cw_depth *depth = &b->input->depths[i];
        struct dimension d[3] = {{"Queue", depth->topic}};
        char partition[16];
        snprintf(partition, sizeof partition, "%d", depth->partition);
        if (depth->partition >= 0) d[1] = (struct dimension){"Partition", partition};
        number(b, "QueueDepth", d, (uint64_t)depth->lag, "Count");
    }
    for (unsigned i = 0; i < b->input->delays_n; i++) {
        const struct dimension d[3] = {{"Queue", b->input->delays[i].topic}};
        distribution(b, "ArchiveDelay", d, &b->input->delays[i].ms, 1000, "Seconds");
    }
}

static void sensor(struct builder *b, const struct silt_cw_sensor *s)
{
    const struct dimension id = {"SensorId", s->sensor_id};
    struct dimension d[3] = {{"Stage", silt_stage_name(s->stage)}, id};
    uint64_t failures = 0;
    for (unsigned i = 0; i < SILT_FAIL_TYPES_N; i++) failures += s->failure[i];
    if (s->all) {
        number(b, "SuccessCount", d, s->success, "Count");
        distribution(b, "ProcessingLatency", d, &s->latency_us, 1000, "Milliseconds");
    }
    number(b, "FailureCount", d, failures, "Count");
    d[2] = id;
    for (unsigned i = 0; i < SILT_FAIL_TYPES_N; i++) {
        if (!s->failure[i]) continue;
        d[1] = (struct dimension){"FailureType", silt_failure_type_name((enum silt_failure_type)i)};
        number(b, "FailureCount", d, s->failure[i], "Count");
    }
}

void silt_cw_build(const struct silt_cw_input *input, silt_cw_emit_fn *emit, void *ctx)
{
    struct builder b = {.input = input, .emit = emit, .ctx = ctx};
    silt_buf_init(&b.body, SILT_CW_BYTES_MAX);
    silt_buf_init(&b.datum, SILT_CW_BYTES_MAX);
    stages(&b);
    queues(&b);
    for (unsigned i = 0; i < input->sensors_n; i++) sensor(&b, input->sensors[i]);
    send(&b);
    silt_buf_done(&b.datum);
    silt_buf_done(&b.body);
}

static bool holds(struct silt_slice text, const char *word)
{
    return text.len && memmem(text.ptr, text.len, word, strlen(word));
}

enum silt_cw_verdict silt_cw_judge(int status, struct silt_slice body)
{
    static const char *const passing[] = {"Throttl", "Expired", "RequestLimit", "Unavailable"};
    if (status >= 200 && status < 300) return SILT_CW_SENT;
    if (status == 413) return SILT_CW_REFUSED;
    if (status != 400) return SILT_CW_RETRY;
    for (unsigned i = 0; i < sizeof passing / sizeof passing[0]; i++)
        if (holds(body, passing[i])) return SILT_CW_RETRY;
    return SILT_CW_REFUSED;
}
