#include "decode/decoder.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "framing_int.h"
#include "net/http.h"
#include "registry_client_int.h"
#include "schema_cache_int.h"
#include "schema_resolve_int.h"
#include "schema_tree_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define CACHE_MAX_DEFAULT 1000
#define CACHE_BYTES_MAX ((size_t)16 << 20) /* of schema text */
#define NEGATIVE_MS_DEFAULT 60000
#define VALUE_MAX_DEFAULT (16u << 20)

struct silt_decoder {
    enum silt_framing framing;
    silt_schema_prepare_fn *prepare;
    char *sensor_id_field;
    char *time_field;
    struct silt_rules *rules; /* NULL: none */
    struct silt_masks *masks; /* NULL: none */
    struct silt_masker masker;
    struct silt_tree *reader; /* NULL: none */
    int64_t time_max_age_ms;
    int64_t time_max_future_ms;
    uint32_t value_max;
    int64_t negative_ms;
    int64_t (*now_ms)(void);
    struct silt_schema **known; /* from files */
    unsigned known_n;
    /* confluent only; bad ids have a cache of their own, so that inventing ids drops no schema */
    struct silt_registry *registry;
    struct silt_schema_cache *schemas;
    struct silt_schema_cache *bad;
};

/* --- making ---------------------------------------------------------------------------------- */

static SILT_RC read_file(const char *path, struct silt_buf *ret_text, struct silt_err *err)
{
    FILE *file = fopen(path, "rb");
    if (!file) SILT_FAIL(err, CONFIG, "schema file %s: %s", path, strerror(errno));
    uint8_t *room = silt_buf_reserve(ret_text, SILT_SCHEMA_BYTES_MAX + 1);
    ret_text->len = fread(room, 1, SILT_SCHEMA_BYTES_MAX + 1, file);
    int failed = ferror(file) ? errno : 0;
    fclose(file);
    if (failed) SILT_FAIL(err, CONFIG, "schema file %s: %s", path, strerror(failed));
    return SILT_OK;
}

static SILT_RC compile(const struct silt_decoder *decoder, int32_t id, struct silt_slice json,
                       struct silt_schema **ret_schema, struct silt_err *err)
{
    const struct silt_schema_opts opts = {
        .id = id,
        .prepare = decoder->prepare,
        .sensor_id_field = decoder->sensor_id_field,
        .time_field = decoder->time_field,
        .rules = decoder->rules,
        .masks = decoder->masks,
    };
    return silt_schema_new(json, &opts, ret_schema, err);
}

static SILT_RC check_reader(const struct silt_decoder *decoder, struct silt_slice json,
                            struct silt_err *err)
{
    if (!decoder->reader) return SILT_OK;
    struct silt_tree *writer;
    SILT_TRY(silt_tree_new(json, &writer, err));
    struct silt_rc rc = silt_schema_resolve(writer, decoder->reader, err);
    silt_tree_free(writer);
    return rc;
}

static SILT_RC load_file(struct silt_decoder *decoder, const char *path, struct silt_err *err)
{
    struct silt_buf text;
    silt_buf_init(&text, SILT_SCHEMA_BYTES_MAX + 1);
    struct silt_schema *schema = NULL;
    struct silt_rc rc = read_file(path, &text, err);
    if (rc.ok) {
        rc = check_reader(decoder, silt_buf_slice(&text), err);
        if (rc.ok) rc = compile(decoder, SILT_NO_SCHEMA_ID, silt_buf_slice(&text), &schema, err);
        if (!rc.ok) silt_err_context(err, "schema file %s", path);
    }
    silt_buf_done(&text);
    SILT_TRY(rc);
    decoder->known[decoder->known_n++] = schema;
    for (unsigned i = 0; i + 1 < decoder->known_n; i++)
        if (decoder->known[i]->fingerprint == schema->fingerprint)
            SILT_FAIL(err, CONFIG, "schema file %s has the fingerprint of another file: keep one",
                      path);
    return SILT_OK;
}

static SILT_RC load_files(struct silt_decoder *decoder, const struct silt_decoder_opts *opts,
                          struct silt_err *err)
{
    if (opts->schema_files_n == 0)
        SILT_FAIL(err, CONFIG, "this framing needs a schema file, or the framing confluent");
    if (decoder->framing == SILT_FRAMING_NONE && opts->schema_files_n != 1)
        SILT_FAIL(err, CONFIG, "without framing there is exactly one schema file, not %u",
                  opts->schema_files_n);
    decoder->known = silt_calloc(opts->schema_files_n, sizeof(struct silt_schema *));
    for (unsigned i = 0; i < opts->schema_files_n; i++)
        SILT_TRY(load_file(decoder, opts->schema_files[i], err));
    return SILT_OK;
}

static SILT_RC load_reader(struct silt_decoder *decoder, const char *path, struct silt_err *err)
{
    struct silt_buf text;
    silt_buf_init(&text, SILT_SCHEMA_BYTES_MAX + 1);
    struct silt_rc rc = read_file(path, &text, err);
    if (rc.ok) {
        rc = silt_tree_new(silt_buf_slice(&text), &decoder->reader, err);
        if (!rc.ok) silt_err_context(err, "schema.reader %s", path);
    }
    silt_buf_done(&text);
    return rc;
}

static SILT_RC prepare(struct silt_decoder *decoder, const struct silt_decoder_opts *opts,
                       const struct silt_registry_port *port, struct silt_err *err)
{
    if (opts->rules_n)
        SILT_TRY(silt_rules_new(opts->rule_paths, opts->rule_texts, opts->rules_n, &decoder->rules,
                                err));
    SILT_TRY(silt_masks_new(&opts->masks, &decoder->masks, err));
    silt_masker_init(&decoder->masker, decoder->masks, decoder->value_max);
    if (opts->reader_file && *opts->reader_file)
        SILT_TRY(load_reader(decoder, opts->reader_file, err));
    if (opts->framing == SILT_FRAMING_CONFLUENT)
        return silt_registry_new(opts, port, &decoder->registry, err);
    return load_files(decoder, opts, err);
}

SILT_RC silt_decoder_new_port(const struct silt_decoder_opts *opts,
                              const struct silt_registry_port *port,
                              struct silt_decoder **ret_decoder, struct silt_err *err)
{
    struct silt_decoder *decoder = SILT_NEW(struct silt_decoder);
    unsigned cache_max = opts->cache_max ? opts->cache_max : CACHE_MAX_DEFAULT;
    decoder->framing = opts->framing;
    decoder->prepare = opts->prepare;
    decoder->sensor_id_field = silt_strdup(opts->sensor_id_field ? opts->sensor_id_field : "");
    decoder->time_field = silt_strdup(opts->time_field ? opts->time_field : "");
    decoder->time_max_age_ms = opts->time_max_age_ms;
    decoder->time_max_future_ms = opts->time_max_future_ms;
    decoder->value_max = opts->value_max ? opts->value_max : VALUE_MAX_DEFAULT;
    decoder->negative_ms = opts->negative_ms ? opts->negative_ms : NEGATIVE_MS_DEFAULT;
    decoder->now_ms = port->now_ms;
    decoder->schemas = silt_schema_cache_new(cache_max, CACHE_BYTES_MAX);
    decoder->bad = silt_schema_cache_new(cache_max, CACHE_BYTES_MAX);
    struct silt_rc rc = prepare(decoder, opts, port, err);
    if (!rc.ok) {
        silt_decoder_free(decoder);
        return rc;
    }
    *ret_decoder = decoder;
    return rc;
}

SILT_RC silt_decoder_new(const struct silt_decoder_opts *opts, struct silt_decoder **ret_decoder,
                         struct silt_err *err)
{
    static const struct silt_registry_port port = {.submit = silt_http_submit,
                                                   .call = silt_http_call,
                                                   .timer = silt_http_timer,
                                                   .cancel = silt_http_cancel,
                                                   .now_ms = silt_mono_ms};
    SILT_ASSERT(opts->framing != SILT_FRAMING_CONFLUENT || opts->http);
    return silt_decoder_new_port(opts, &port, ret_decoder, err);
}

void silt_decoder_free(struct silt_decoder *decoder)
{
    if (!decoder) return;
    silt_registry_free(decoder->registry);
    silt_schema_cache_free(decoder->schemas);
    silt_schema_cache_free(decoder->bad);
    for (unsigned i = 0; i < decoder->known_n; i++) silt_schema_unref(decoder->known[i]);
    silt_free(decoder->known);
    silt_rules_free(decoder->rules);
    silt_masks_free(decoder->masks);
    silt_masker_done(&decoder->masker);
    silt_tree_free(decoder->reader);
    silt_free(decoder->sensor_id_field);
    silt_free(decoder->time_field);
    silt_free(decoder);
}

/* --- decoding -------------------------------------------------------------------------------- */

static __attribute__((format(printf, 3, 4))) enum silt_decode_status
reject(struct silt_decoded *ret, enum silt_reason reason, const char *fmt, ...)
{
    ret->verdict.reason = reason;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(ret->detail, sizeof ret->detail, fmt, ap);
    va_end(ap);
    return SILT_DECODE_REJECT;
}

/* Kafka's timestamp is the clock, so that the same record gets the same verdict whenever it is read
 * (a repair depends on that). */
static enum silt_decode_status check_time(const struct silt_decoder *decoder,
                                          const struct silt_record *rec, struct silt_decoded *ret)
{
    int64_t time_ms = ret->verdict.time_ms;
    if (time_ms == SILT_NO_TIMESTAMP || rec->timestamp_ms == SILT_NO_TIMESTAMP)
        return SILT_DECODE_OK;
    int64_t age_ms;
    if (__builtin_sub_overflow(rec->timestamp_ms, time_ms, &age_ms))
        age_ms = time_ms < 0 ? INT64_MAX : -INT64_MAX;
    if (decoder->time_max_age_ms && age_ms > decoder->time_max_age_ms)
        return reject(ret, SILT_REASON_RULE, "%s: older than schema.time_max_age allows",
                      decoder->time_field);
    if (decoder->time_max_future_ms && -age_ms > decoder->time_max_future_ms)
        return reject(ret, SILT_REASON_RULE, "%s: further ahead than schema.time_max_future allows",
                      decoder->time_field);
    return SILT_DECODE_OK;
}

static enum silt_decode_status mask(struct silt_decoder *decoder, const struct silt_record *rec,
                                    struct silt_decoded *ret)
{
    if (!silt_masker_end(&decoder->masker, ret->body, &ret->body))
        return reject(ret, SILT_REASON_TOO_LARGE, "with its hashes it is larger than %u bytes",
                      decoder->value_max);
    return check_time(decoder, rec, ret);
}

/* The position counts in the body; people who look at the whole value add the framing. */
static enum silt_decode_status walk(struct silt_decoder *decoder, const struct silt_record *rec,
                                    struct silt_decoded *ret)
{
    silt_masker_begin(&decoder->masker, ret->body);
    if (silt_walk(ret->schema->program, ret->body, &decoder->masker, &ret->verdict))
        return mask(decoder, rec, ret);
    if (ret->verdict.reason == SILT_REASON_RULE) {
        char rule[sizeof ret->detail];
        silt_rule_describe(ret->verdict.rule, ret->verdict.broken, rule, sizeof rule);
        return reject(ret, SILT_REASON_RULE, "%s", rule);
    }
    return reject(ret, ret->verdict.reason, "%s: byte %u of %zu, after %zu bytes of framing",
                  silt_reason_text(ret->verdict.reason), ret->verdict.at, ret->body.len,
                  ret->framing.len);
}

static enum silt_decode_status decode_known(struct silt_decoder *decoder, uint64_t fingerprint,
                                            const struct silt_record *rec, struct silt_decoded *ret)
{
    for (unsigned i = 0; i < decoder->known_n; i++) {
        if (decoder->known[i]->fingerprint != fingerprint) continue;
        ret->schema = decoder->known[i];
        return walk(decoder, rec, ret);
    }
    return reject(ret, SILT_REASON_UNKNOWN_SCHEMA,
                  "schema fingerprint %016llx is not among the %u schema files",
                  (unsigned long long)fingerprint, decoder->known_n);
}

static enum silt_decode_status decode_by_id(struct silt_decoder *decoder,
                                            const struct silt_record *rec, struct silt_decoded *ret)
{
    int32_t id = ret->schema_id;
    const struct silt_cached *good = silt_schema_cache_get(decoder->schemas, id, 0);
    if (good) {
        ret->schema = good->schema;
        return walk(decoder, rec, ret);
    }
    if (id < 0)
        return reject(ret, SILT_REASON_UNKNOWN_SCHEMA, "schema id %d: ids are not negative", id);
    const struct silt_cached *bad = silt_schema_cache_get(decoder->bad, id, decoder->now_ms());
    if (bad) return reject(ret, bad->reason, "schema %d: %s", id, bad->detail);
    silt_registry_ask(decoder->registry, id);
    return SILT_DECODE_WANT_SCHEMA;
}

static void clear(struct silt_decoded *ret)
{
    ret->schema = NULL;
    ret->framing = ret->body = silt_slice_of(NULL, 0);
    ret->verdict = (struct silt_verdict){.time_ms = SILT_NO_TIMESTAMP};
    ret->schema_id = SILT_NO_SCHEMA_ID;
    ret->withheld = false;
    ret->detail[0] = '\0';
}

static enum silt_decode_status decode(struct silt_decoder *decoder, const struct silt_record *rec,
                                      struct silt_decoded *ret_decoded)
{
    struct silt_slice value = rec->value;
    ret_decoded->body = value;
    if (value.len == 0)
        return reject(ret_decoded, SILT_REASON_EMPTY, "%s", silt_reason_text(SILT_REASON_EMPTY));
    if (value.len > decoder->value_max)
        return reject(ret_decoded, SILT_REASON_TOO_LARGE, "%zu bytes; the limit is %u", value.len,
                      decoder->value_max);
    struct silt_framed framed;
    const char *bad = silt_framing_read(decoder->framing, value, &framed);
    if (bad) return reject(ret_decoded, SILT_REASON_FRAMING, "%s", bad);
    ret_decoded->framing = framed.framing;
    ret_decoded->body = framed.body;
    ret_decoded->schema_id = framed.schema_id;
    if (decoder->framing == SILT_FRAMING_CONFLUENT) return decode_by_id(decoder, rec, ret_decoded);
    if (decoder->framing == SILT_FRAMING_SINGLE_OBJECT)
        return decode_known(decoder, framed.fingerprint, rec, ret_decoded);
    ret_decoded->schema = decoder->known[0];
    return walk(decoder, rec, ret_decoded);
}

enum silt_decode_status silt_decoder_decode(struct silt_decoder *decoder,
                                            const struct silt_record *rec,
                                            struct silt_decoded *ret_decoded)
{
    clear(ret_decoded);
    enum silt_decode_status status = decode(decoder, rec, ret_decoded);
    ret_decoded->withheld = status == SILT_DECODE_REJECT && decoder->masks;
    return status;
}

void silt_decoder_reject_unknown(const struct silt_decoder *decoder, struct silt_decoded *decoded)
{
    (void)reject(decoded, SILT_REASON_UNKNOWN_SCHEMA,
                 "schema %d was not known when the record was archived", decoded->schema_id);
    decoded->withheld = decoder->masks;
}

/* --- the registry's answers ------------------------------------------------------------------ */

static void remember_bad(struct silt_decoder *decoder, int32_t id, enum silt_reason reason,
                         const char *detail)
{
    silt_schema_cache_add_bad(decoder->bad, id, reason, detail,
                              decoder->now_ms() + decoder->negative_ms);
}

/* @return NONE, or why its records are rejected: err has the details. */
static enum silt_reason remember_found(struct silt_decoder *decoder, int32_t id,
                                       struct silt_slice json, struct silt_schema **ret_schema,
                                       struct silt_err *err)
{
    struct silt_schema *schema;
    if (!silt_ok(compile(decoder, id, json, &schema, err))) return SILT_REASON_BAD_SCHEMA;
    if (!silt_ok(check_reader(decoder, json, err))) {
        silt_schema_unref(schema);
        return SILT_REASON_INCOMPATIBLE;
    }
    silt_schema_cache_add(decoder->schemas, schema);
    *ret_schema = schema;
    return SILT_REASON_NONE;
}

static void remember(struct silt_decoder *decoder, int32_t id,
                     const struct silt_registry_answer *answer)
{
    struct silt_schema *schema;
    struct silt_err err;
    enum silt_reason reason;
    switch (answer->kind) {
    case SILT_REGISTRY_OUTAGE:
    case SILT_REGISTRY_MORE: return;
    case SILT_REGISTRY_UNKNOWN:
        remember_bad(decoder, id, SILT_REASON_UNKNOWN_SCHEMA, answer->text);
        return;
    case SILT_REGISTRY_UNUSABLE:
        remember_bad(decoder, id, SILT_REASON_BAD_SCHEMA, answer->text);
        return;
    case SILT_REGISTRY_FOUND:
        reason = remember_found(decoder, id, silt_buf_slice(&answer->schema), &schema, &err);
        if (reason != SILT_REASON_NONE) remember_bad(decoder, id, reason, err.text);
        return;
    }
}

int64_t silt_decoder_reply(struct silt_decoder *decoder, struct silt_decoder_reply *reply)
{
    int32_t id;
    struct silt_registry_answer answer;
    int64_t wait = silt_registry_take(decoder->registry, reply, &id, &answer);
    remember(decoder, id, &answer);
    silt_registry_answer_done(&answer);
    return wait;
}

static SILT_RC fetch_by_id(struct silt_decoder *decoder, int32_t id,
                           struct silt_schema **ret_schema, struct silt_err *err)
{
    const struct silt_cached *good = silt_schema_cache_get(decoder->schemas, id, 0);
    if (good) {
        *ret_schema = silt_schema_ref(good->schema);
        return SILT_OK;
    }
    struct silt_registry_answer answer;
    struct silt_schema *schema = NULL;
    struct silt_rc rc = silt_registry_call(decoder->registry, id, &answer, err);
    if (rc.ok) {
        rc.ok = remember_found(decoder, id, silt_buf_slice(&answer.schema), &schema, err) ==
                SILT_REASON_NONE;
        if (!rc.ok) silt_err_context(err, "schema %d", id);
    }
    silt_registry_answer_done(&answer);
    if (rc.ok) *ret_schema = silt_schema_ref(schema);
    return rc;
}

SILT_RC silt_decoder_fetch(struct silt_decoder *decoder, int32_t schema_id,
                           struct silt_schema **ret_schema, struct silt_err *err)
{
    if (decoder->registry) return fetch_by_id(decoder, schema_id, ret_schema, err);
    if (decoder->framing != SILT_FRAMING_NONE || schema_id != SILT_NO_SCHEMA_ID)
        SILT_FAIL(err, NOT_FOUND, "schema %d: only a registry has schemas by id", schema_id);
    *ret_schema = silt_schema_ref(decoder->known[0]);
    return SILT_OK;
}

SILT_RC silt_decoder_latest(struct silt_decoder *decoder, const char *subject, int32_t *ret_id,
                            struct silt_err *err)
{
    if (!decoder->registry) SILT_FAIL(err, UNSUPPORTED, "only a registry has subjects");
    return silt_registry_latest(decoder->registry, subject, ret_id, err);
}

void silt_decoder_stats(const struct silt_decoder *decoder, struct silt_decoder_stats *ret)
{
    *ret = (struct silt_decoder_stats){.cached = silt_schema_cache_len(decoder->schemas) +
                                                 decoder->known_n};
    if (decoder->registry) silt_registry_stats(decoder->registry, ret);
}
