#include "registry_json_int.h"

#include "base/alloc.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#define SCHEMA_TEXT_MAX ((size_t)8 << 20) /* schema_scan.c has the real bound, and better words */

static __attribute__((format(printf, 4, 5))) void answer(struct silt_registry_answer *ret_answer,
                                                         enum silt_registry_kind kind,
                                                         enum silt_code code, const char *fmt, ...)
{
    ret_answer->kind = kind;
    ret_answer->code = code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(ret_answer->text, sizeof ret_answer->text, fmt, ap);
    va_end(ap);
    for (char *c = ret_answer->text; *c; c++)
        if (*c < ' ' || *c > '~') *c = '?';
}

void silt_registry_refuse(struct silt_registry_answer *found, const char *why)
{
    silt_registry_answer_done(found);
    answer(found, SILT_REGISTRY_UNUSABLE, SILT_E_SCHEMA, "%s", why);
}

/* The registry's own codes begin with the status: 40403 says that it knows no such id. A plain 404
 * in the same field is what its web server says about a wrong path. */
static void read_not_found(json_t *json, struct silt_registry_answer *ret_answer)
{
    json_int_t code = json_integer_value(json_object_get(json, "error_code"));
    if (code / 100 == 404) {
        answer(ret_answer, SILT_REGISTRY_UNKNOWN, SILT_E_NOT_FOUND,
               "the registry does not know the schema id");
        return;
    }
    answer(ret_answer, SILT_REGISTRY_OUTAGE, SILT_E_PROTOCOL,
           "HTTP 404 without the registry's error code: its address has the wrong path");
}

static bool read_references(json_t *references, struct silt_registry_answer *ret_answer)
{
    const size_t n = json_array_size(references);
    if (!n) return true;
    ret_answer->references = silt_calloc(n, sizeof *ret_answer->references);
    for (size_t i = 0; i < n; i++) {
        json_t *reference = json_array_get(references, i);
        const char *subject = json_string_value(json_object_get(reference, "subject"));
        const json_int_t version = json_integer_value(json_object_get(reference, "version"));
        if (!subject || version < 1 || version > INT32_MAX) return false;
        ret_answer->references[ret_answer->references_n++] =
            (struct silt_reference){.subject = silt_strdup(subject), .version = (int32_t)version};
    }
    return true;
}

static void read_found(json_t *json, struct silt_registry_answer *ret_answer)
{
    json_t *schema = json_object_get(json, "schema");
    json_t *type = json_object_get(json, "schemaType");
    json_t *references = json_object_get(json, "references");
    if (!json_is_string(schema)) {
        answer(ret_answer, SILT_REGISTRY_OUTAGE, SILT_E_PROTOCOL,
               "HTTP 200 without a \"schema\": the address is not that of a schema registry");
        return;
    }
    if (json_is_string(type) && strcmp(json_string_value(type), "AVRO") != 0) {
        answer(ret_answer, SILT_REGISTRY_UNUSABLE, SILT_E_SCHEMA,
               "the schema is of type \"%.40s\", not AVRO", json_string_value(type));
        return;
    }
    if (!read_references(references, ret_answer)) {
        silt_registry_refuse(ret_answer, "the schema has a reference without subject and version");
        return;
    }
    json_t *id = json_object_get(json, "id");
    const json_int_t number = json_is_integer(id) ? json_integer_value(id) : -1;
    ret_answer->id = number >= 0 && number <= INT32_MAX ? (int32_t)number : -1;
    ret_answer->kind = SILT_REGISTRY_FOUND;
    silt_buf_init(&ret_answer->schema, SCHEMA_TEXT_MAX);
    silt_buf_append(&ret_answer->schema, json_string_value(schema), json_string_length(schema));
}

static void read_refused(int status, struct silt_registry_answer *ret_answer)
{
    enum silt_code code = SILT_E_UNAVAILABLE;
    if (status == 401) code = SILT_E_AUTH;
    if (status == 403) code = SILT_E_DENIED;
    if (status == 429) code = SILT_E_THROTTLED;
    answer(ret_answer, SILT_REGISTRY_OUTAGE, code, "the registry answered HTTP %d", status);
}

void silt_registry_read(int status, struct silt_slice body, struct silt_registry_answer *ret_answer)
{
    *ret_answer = (struct silt_registry_answer){0};
    if (status != 200 && status != 404) {
        read_refused(status, ret_answer);
        return;
    }
    json_t *json = json_loadb((const char *)body.ptr, body.len, JSON_ALLOW_NUL, NULL);
    if (status == 404) {
        read_not_found(json, ret_answer);
    } else {
        read_found(json, ret_answer);
    }
    json_decref(json);
}

void silt_registry_answer_done(struct silt_registry_answer *answer)
{
    silt_buf_done(&answer->schema);
    for (unsigned i = 0; i < answer->references_n; i++) silt_free(answer->references[i].subject);
    silt_free(answer->references);
    answer->references = NULL;
    answer->references_n = 0;
}
