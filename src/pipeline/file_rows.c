#include "pipeline/file_rows.h"

#include "base/version.h"
#include "encode/file_schema.h"

#include <stdio.h>

#define FILE_SCHEMA_MAX ((size_t)8 << 20)

enum silt_role silt_rows_role(const struct silt_decoded *decoded)
{
    if (!decoded) return SILT_ROLE_TOMBSTONE;
    return decoded->verdict.reason == SILT_REASON_NONE ? SILT_ROLE_DATA : SILT_ROLE_REJECTED;
}

static struct silt_reject_row reject_of(const struct silt_decoded *decoded)
{
    return (struct silt_reject_row){.reason = silt_reason_name(decoded->verdict.reason),
                                    .detail = decoded->detail,
                                    .has_schema_id = decoded->schema_id != SILT_NO_SCHEMA_ID,
                                    .schema_id = decoded->schema_id};
}

size_t silt_rows_room(const struct silt_record *rec, const struct silt_decoded *decoded)
{
    if (silt_rows_role(decoded) == SILT_ROLE_REJECTED) {
        struct silt_reject_row why = reject_of(decoded);
        return silt_row_reject_size_max(rec, &why);
    }
    return silt_row_size_max(rec, decoded ? decoded->body : silt_slice_of(NULL, 0));
}

size_t silt_rows_write(uint8_t *out, const struct silt_record *rec,
                       const struct silt_decoded *decoded, struct silt_digest *digest)
{
    if (!decoded) return silt_row_tombstone(out, rec, digest);
    if (decoded->verdict.reason == SILT_REASON_NONE)
        return silt_row_data(out, rec, decoded->framing, decoded->body, digest);
    struct silt_reject_row why = reject_of(decoded);
    struct silt_record kept = *rec;
    if (decoded->withheld) kept.value = silt_slice_of(NULL, 0);
    return silt_row_reject(out, &kept, &why, digest);
}

struct silt_rc silt_rows_prepare(struct silt_slice json, char **ret_text, struct silt_err *err)
{
    struct silt_buf text;
    size_t len;
    silt_buf_init(&text, FILE_SCHEMA_MAX);
    struct silt_rc rc = silt_file_schema_data(json, &text, err);
    if (silt_ok(rc)) *ret_text = (char *)silt_buf_take(&text, &len);
    silt_buf_done(&text);
    return rc;
}

static const char *file_schema(enum silt_role role, const struct silt_schema *schema)
{
    if (role == SILT_ROLE_REJECTED) return silt_file_schema_rejected();
    if (role == SILT_ROLE_TOMBSTONE) return silt_file_schema_tombstone();
    SILT_ASSERT(schema->prepared);
    return schema->prepared;
}

SILT_RC silt_rows_header(const struct silt_worker_opts *opts, const struct silt_tp *tp,
                         enum silt_role role, const struct silt_schema *schema,
                         const uint8_t sync[SILT_SYNC_LEN], struct silt_buf *out,
                         struct silt_err *err)
{
    char partition[16];
    char schema_id[16] = "";
    char fingerprint[17] = "";
    snprintf(partition, sizeof partition, "%d", tp->partition);
    if (schema && schema->id != SILT_NO_SCHEMA_ID)
        snprintf(schema_id, sizeof schema_id, "%d", schema->id);
    if (schema)
        snprintf(fingerprint, sizeof fingerprint, "%016llx",
                 (unsigned long long)schema->fingerprint);
    const struct silt_meta meta[] = {
        {"silt.topic", tp->topic},       {"silt.partition", partition},
        {"silt.schema_id", schema_id},   {"silt.fingerprint", fingerprint},
        {"silt.framing", opts->framing}, {"silt.role", silt_role_name(role)},
        {"silt.version", SILT_VERSION},
    };
    return silt_container_header(file_schema(role, schema), opts->codec, meta,
                                 sizeof meta / sizeof meta[0], sync, out, err);
}
