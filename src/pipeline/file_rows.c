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
    return silt_row_reject(out, rec, &why, digest);
}

static SILT_RC file_schema(enum silt_role role, const struct silt_schema *schema,
                           struct silt_buf *room, const char **ret_json, struct silt_err *err)
{
    if (role == SILT_ROLE_REJECTED) *ret_json = silt_file_schema_rejected();
    if (role == SILT_ROLE_TOMBSTONE) *ret_json = silt_file_schema_tombstone();
    if (role != SILT_ROLE_DATA) return SILT_OK;
    SILT_TRY(silt_file_schema_data(silt_slice_str(schema->json), room, err));
    *ret_json = silt_buf_str(room);
    return SILT_OK;
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
    struct silt_buf room;
    const char *json = NULL;
    silt_buf_init(&room, FILE_SCHEMA_MAX);
    struct silt_rc rc = file_schema(role, schema, &room, &json, err);
    if (silt_ok(rc))
        rc = silt_container_header(json, opts->codec, meta, sizeof meta / sizeof meta[0], sync, out,
                                   err);
    silt_buf_done(&room);
    return rc;
}
