#include "inspect/record_json.h"

#include <stdio.h>

/* kafka_partition, kafka_offset, kafka_timestamp, kafka_key, kafka_headers (docs/formats.md) */
#define META_FIELDS 5u

static bool is_text(struct silt_slice bytes)
{
    for (size_t at = 0; at < bytes.len;) {
        unsigned len = silt_utf8_sequence(bytes.ptr + at, bytes.len - at);
        if (len == 0) return false;
        at += len;
    }
    return true;
}

static void write_base64(struct silt_jsonw *w, const char *name, struct silt_slice bytes)
{
    char key[32];
    snprintf(key, sizeof key, "%s_base64", name);
    silt_jsonw_key(w, key);
    silt_avro_json_base64(bytes, w);
}

static void write_bytes(struct silt_jsonw *w, const char *name, bool is_null,
                        struct silt_slice bytes)
{
    if (!is_null && !is_text(bytes)) {
        write_base64(w, name, bytes);
        return;
    }
    silt_jsonw_key(w, name);
    if (is_null) silt_jsonw_null(w);
    if (!is_null) silt_jsonw_bytes(w, bytes);
}

static void write_headers(struct silt_jsonw *w, const struct silt_record *rec)
{
    silt_jsonw_key(w, "headers");
    silt_jsonw_open(w, '[');
    for (unsigned i = 0; i < rec->headers_n; i++) {
        const struct silt_header *header = &rec->headers[i];
        silt_jsonw_open(w, '{');
        write_bytes(w, "key", false, header->key);
        write_bytes(w, "value", header->value_null, header->value);
        silt_jsonw_close(w, '}');
    }
    silt_jsonw_close(w, ']');
}

static void write_meta(struct silt_jsonw *w, const char *topic, const struct silt_record *rec)
{
    silt_jsonw_kstr(w, "topic", topic);
    silt_jsonw_kint(w, "partition", rec->partition);
    silt_jsonw_kint(w, "offset", rec->offset);
    silt_jsonw_key(w, "timestamp");
    if (rec->timestamp_ms == SILT_NO_TIMESTAMP) silt_jsonw_null(w);
    if (rec->timestamp_ms != SILT_NO_TIMESTAMP) silt_jsonw_int(w, rec->timestamp_ms);
    write_bytes(w, "key", rec->key_null, rec->key);
    write_headers(w, rec);
}

static void write_reject(struct silt_jsonw *w, const struct silt_object_row *row)
{
    write_bytes(w, "reason", false, row->reason);
    write_bytes(w, "detail", false, row->detail);
    silt_jsonw_key(w, "schema_id");
    if (row->has_schema_id) silt_jsonw_int(w, row->schema_id);
    if (!row->has_schema_id) silt_jsonw_null(w);
    write_base64(w, "value", row->body);
}

/* Half a value is taken back. */
static bool write_value(struct silt_jsonw *w, const struct silt_object_row *row,
                        const struct silt_avro_json *schema)
{
    const struct silt_jsonw before = *w;
    size_t len = w->buf->len;
    silt_jsonw_key(w, "value");
    if (silt_avro_json_fields(schema, META_FIELDS, row->body, w)) return true;
    *w = before;
    w->buf->len = len;
    write_base64(w, "value", row->body);
    return false;
}

static bool write_content(struct silt_jsonw *w, const struct silt_object_row *row,
                          const struct silt_avro_json *schema)
{
    if (schema) return write_value(w, row, schema);
    if (row->rec.value_null) {
        silt_jsonw_key(w, "value");
        silt_jsonw_null(w);
        return true;
    }
    write_reject(w, row);
    return true;
}

bool silt_record_json(const char *topic, const struct silt_object_row *row,
                      const struct silt_avro_json *schema, struct silt_buf *out)
{
    struct silt_jsonw w;
    silt_jsonw_init(&w, out);
    silt_jsonw_open(&w, '{');
    write_meta(&w, topic, &row->rec);
    bool decoded = write_content(&w, row, schema);
    silt_jsonw_close(&w, '}');
    return decoded;
}
