#include "decode/schema.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "schema_compile_int.h"
#include "schema_tree_int.h"

#include <avro/allocation.h>
#include <avro/errors.h>
#include <avro/schema.h>
#include <pthread.h>

/* avro-c keeps its error text in one place for all threads. */
static pthread_mutex_t avro_lock = PTHREAD_MUTEX_INITIALIZER;

/* avro-c is the parser of record: what it refuses is refused. It gets the canonical form, because
 * its JSON reader refuses the \u0000 that defaults of bytes may hold; with a prefix, because the
 * form cannot say "no namespace" inside a namespace. */
#define AVRO_PREFIX "all."

/* avro-c goes on with what it did not get. */
static void *our_memory(void *ctx, void *p, size_t bytes_before, size_t bytes)
{
    (void)ctx, (void)bytes_before;
    if (bytes) return silt_realloc(p, bytes);
    silt_free(p);
    return NULL;
}

static SILT_RC ask_avro(const struct silt_buf *text, struct silt_err *err)
{
    pthread_mutex_lock(&avro_lock);
    avro_schema_t parsed;
    avro_set_allocator(our_memory, NULL);
    bool ok = avro_schema_from_json_length(silt_buf_str(text), text->len, &parsed) == 0;
    char why[120] = "";
    if (ok) avro_schema_decref(parsed);
    if (!ok) strncat(why, avro_strerror(), sizeof why - 1);
    pthread_mutex_unlock(&avro_lock);
    if (!ok) SILT_FAIL(err, SCHEMA, "avro-c refuses the schema: %s", why);
    return SILT_OK;
}

static SILT_RC check(const struct silt_tree *tree, struct silt_err *err)
{
    struct silt_buf text;
    silt_buf_init(&text, SILT_BUF_MAX_DEFAULT);
    struct silt_rc rc = silt_tree_write(tree, AVRO_PREFIX, &text, err);
    if (rc.ok) rc = ask_avro(&text, err);
    silt_buf_done(&text);
    return rc;
}

static SILT_RC fingerprint(const struct silt_tree *tree, uint64_t *ret_fingerprint,
                           struct silt_err *err)
{
    struct silt_buf text;
    silt_buf_init(&text, SILT_BUF_MAX_DEFAULT);
    struct silt_rc rc = silt_tree_write(tree, "", &text, err);
    if (rc.ok) *ret_fingerprint = silt_crc64_avro(text.data, text.len);
    silt_buf_done(&text);
    return rc;
}

SILT_RC silt_schema_new(struct silt_slice json, const struct silt_schema_opts *opts,
                        struct silt_schema **ret_schema, struct silt_err *err)
{
    struct silt_tree *tree;
    SILT_TRY(silt_tree_new(json, &tree, err));
    uint64_t crc = 0;
    struct silt_rc rc = check(tree, err);
    char *prepared = NULL;
    if (rc.ok) rc = fingerprint(tree, &crc, err);
    struct silt_program *program = NULL;
    if (rc.ok) rc = silt_schema_compile(tree, opts, &program, err);
    if (rc.ok && opts->prepare) rc = opts->prepare(json, &prepared, err);
    if (rc.ok) {
        struct silt_schema *schema = SILT_NEW(struct silt_schema);
        schema->id = opts->id;
        schema->fingerprint = crc;
        schema->json = silt_strndup((const char *)json.ptr, json.len);
        schema->program = program;
        schema->prepared = prepared;
        schema->refs = 1;
        *ret_schema = schema;
    } else {
        silt_program_free(program);
    }
    silt_tree_free(tree);
    return rc;
}

const char *silt_schema_unmasked(const struct silt_schema *schema)
{
    return schema->program->unmasked;
}

struct silt_schema *silt_schema_ref(struct silt_schema *schema)
{
    schema->refs++;
    return schema;
}

void silt_schema_unref(struct silt_schema *schema)
{
    if (!schema || --schema->refs > 0) return;
    char *json;
    memcpy(&json, &schema->json, sizeof json);
    silt_free(json);
    silt_free(schema->prepared);
    silt_program_free(schema->program);
    silt_free(schema);
}

SILT_RC silt_schema_canonical(struct silt_slice json, struct silt_buf *ret_text,
                              struct silt_err *err)
{
    struct silt_tree *tree;
    SILT_TRY(silt_tree_new(json, &tree, err));
    struct silt_rc rc = silt_tree_write(tree, "", ret_text, err);
    silt_tree_free(tree);
    return rc;
}
