/* Schema files, rules, the registry. */
#include "base/alloc.h"
#include "doctor_int.h"

#include <stdio.h>
#include <string.h>

#define ANY_ID 1

/* A decoder reads the files, the rules and the form of the registry's address. */
void silt_check_schemas(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    struct silt_err err;
    struct silt_decoder_opts opts = doctor->opts->decoder;
    opts.http = doctor->http;
    opts.reply_to = doctor->replies;
    if (!silt_ok(silt_decoder_new(&opts, &doctor->decoder, &err))) {
        silt_fail_err(result, &err, "correct schema.files, schema.rules or schema.registry");
        return;
    }
    if (opts.schema_files_n)
        silt_found(result, "%u schema file%s and %u rule%s", opts.schema_files_n,
                   opts.schema_files_n == 1 ? "" : "s", opts.rules_n, opts.rules_n == 1 ? "" : "s");
    else
        silt_found(result, "none needed; %u rule%s", opts.rules_n, opts.rules_n == 1 ? "" : "s");
}

static const char *mend_of(const struct silt_err *err)
{
    switch (err->code) {
    case SILT_E_AUTH: return "correct schema.registry_user and schema.registry_password";
    case SILT_E_DENIED: return "let this user read schemas and subjects at the registry";
    case SILT_E_CONNECT:
    case SILT_E_TIMEOUT:
    case SILT_E_NETWORK:
        return "check host and port of schema.registry, that the registry runs, and, for https, "
               "that its certificate is of an authority in s3.ca_file or the system's";
    case SILT_E_UNAVAILABLE:
    case SILT_E_THROTTLED: return "look at the health of the registry, or of the proxy before it";
    default:
        return "correct the path of schema.registry: silt appends /schemas/ids/N; for Apicurio it "
               "ends in /apis/ccompat/v7";
    }
}

/* Any id will do: a registry says that it does not know one in words of its own. */
static bool answers(struct silt_decoder *decoder, struct silt_err *err)
{
    struct silt_schema *schema;
    if (!silt_ok(silt_decoder_fetch(decoder, ANY_ID, &schema, err)))
        return err->code == SILT_E_NOT_FOUND || err->code == SILT_E_SCHEMA;
    silt_schema_unref(schema);
    return true;
}

/* The decoder that asks the first good address takes the place of the one that asks all. */
static bool try_address(struct silt_doctor *doctor, const char *address, bool keep,
                        struct silt_err *err)
{
    struct silt_decoder *decoder;
    struct silt_decoder_opts opts = doctor->opts->decoder;
    opts.http = doctor->http;
    opts.reply_to = doctor->replies;
    opts.registry_url = address;
    if (!silt_ok(silt_decoder_new(&opts, &decoder, err))) return false;
    const bool good = answers(decoder, err);
    if (!good) silt_err_context(err, "%.100s", address);
    if (good && keep) {
        struct silt_decoder *before = doctor->decoder;
        doctor->decoder = decoder;
        decoder = before;
    }
    silt_decoder_free(decoder);
    return good;
}

void silt_check_registry(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    struct silt_err err;
    struct silt_err first = {0};
    unsigned good_n = 0;
    unsigned bad_n = 0;
    if (doctor->opts->decoder.framing != SILT_FRAMING_CONFLUENT) {
        silt_skip(result, "schema.framing needs no registry");
        return;
    }
    char *list silt_auto(silt_free_auto) = silt_strdup(doctor->opts->decoder.registry_url);
    char *rest = list;
    for (char *address = strsep(&rest, ","); address; address = strsep(&rest, ",")) {
        const bool good = try_address(doctor, address, !good_n, &err);
        if (!good && !bad_n) first = err;
        good_n += good;
        bad_n += !good;
    }
    silt_found(result, "%s answers", doctor->opts->decoder.registry_url);
    if (!bad_n) return;
    silt_fail_err(result, &first, mend_of(&first));
    if (!good_n) return;
    silt_found(result, "%u of %u addresses do not serve: %s", bad_n, good_n + bad_n, first.text);
    silt_warn(result, mend_of(&first));
}

/* The newest schema of a topic's values, as most producers name it. ret_unmasked: a path of
 * privacy.* that it does not have; NULL: it has all. @return NONE, or what failed. */
static enum silt_code read_subject(struct silt_doctor *doctor, const char *topic, int32_t *ret_id,
                                   const char **ret_unmasked, struct silt_err *err)
{
    char subject[SILT_TOPIC_MAX + 8];
    struct silt_schema *schema;
    snprintf(subject, sizeof subject, "%s-value", topic);
    if (!silt_ok(silt_decoder_latest(doctor->decoder, subject, ret_id, err))) return err->code;
    if (!silt_ok(silt_decoder_fetch(doctor->decoder, *ret_id, &schema, err))) return err->code;
    *ret_unmasked = silt_schema_unmasked(schema);
    silt_schema_unref(schema);
    return SILT_E_NONE;
}

/* A path with a typing error would let through what it should hold back. */
static void warn_unmasked(struct silt_doctor_result *result, const char *path, const char *topic)
{
    silt_found(result, "the newest schema of topic %s has no field %s (privacy.drop, privacy.hash)",
               topic, path);
    silt_warn(result, "nothing to do when another schema has it; else correct the path: what it "
                      "should have named is archived as it is");
}

void silt_check_subjects(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    struct silt_err err;
    int32_t id = -1;
    const char *unmasked;
    if (!doctor->topics_n) {
        silt_skip(result, "kafka.topics found none to ask for, or was not run");
        return;
    }
    for (unsigned i = 0; i < doctor->topics_n; i++) {
        const char *topic = doctor->topics[i].topic;
        enum silt_code code = read_subject(doctor, topic, &id, &unmasked, &err);
        if (!code && unmasked) {
            warn_unmasked(result, unmasked, topic);
            return;
        }
        if (!code) continue;
        silt_found(result, "%s", err.text);
        if (code == SILT_E_NOT_FOUND)
            silt_warn(result, "nothing to do when producers name subjects in another way; else "
                              "register the schema before records arrive");
        else if (code == SILT_E_SCHEMA)
            silt_warn(result, "records of this schema will be rejected: register one that silt "
                              "can read");
        else
            silt_fail(result, code, mend_of(&err));
        return;
    }
    silt_found(result, "each of %u topics has a schema that can be read (last: id %d)",
               doctor->topics_n, id);
}
