#include "store/s3_int.h"

#include "base/alloc.h"
#include "base/random.h"
#include "net/xml.h"

#include <inttypes.h>
#include <stdio.h>

#define URL_MAX ((size_t)64 << 10)
/* 10,000 parts, with the longest ETags all of whose characters are escaped. */
#define COMPLETE_MAX ((size_t)8 << 20)
#define ERROR_BODY_MAX ((size_t)64 << 10)
#define LIST_BODY_MAX ((size_t)8 << 20) /* 1,000 keys of 1,024 bytes, escaped */
#define SMALL_TIMEOUT_MS 10000
#define BYTES_PER_MS 256 /* 256 KiB/s, the slowest line that is still worth it */
/* S3 answers Complete with 200 and white space at once and with the result minutes later. */
#define COMPLETE_TIMEOUT_MS 600000

static void append(struct silt_buf *buf, const char *text)
{
    bool fits = silt_buf_append_str(buf, text);
    SILT_ASSERT(fits);
}

/* --- building -------------------------------------------------------------------------------- */

static const char *own(struct silt_s3_wire *wire, char *text)
{
    SILT_ASSERT(wire->owned_n < sizeof wire->owned / sizeof wire->owned[0]);
    wire->owned[wire->owned_n++] = text;
    return text;
}

static void header(struct silt_s3_wire *wire, const char *name, const char *value)
{
    SILT_ASSERT(wire->headers_n < SILT_S3_HEADERS_MAX);
    wire->headers[wire->headers_n++] = (struct silt_http_header){name, value};
}

static void query(struct silt_s3_wire *wire, const char *name, const char *value)
{
    SILT_ASSERT(wire->query_n < SILT_S3_QUERY_MAX);
    wire->query[wire->query_n++] = (struct silt_sigv4_pair){name, value};
}

static void query_number(struct silt_s3_wire *wire, const char *name, unsigned value)
{
    query(wire, name, own(wire, silt_asprintf("%u", value)));
}

static void set_path(struct silt_s3_wire *wire, const struct silt_s3_site *site, const char *key)
{
    append(&wire->path, "/");
    silt_sigv4_encode(&wire->path, site->bucket, false);
    if (!key) return;
    if (site->bucket[0]) append(&wire->path, "/");
    silt_sigv4_encode(&wire->path, site->prefix, true);
    silt_sigv4_encode(&wire->path, key, true);
}

static const char *crc_text(struct silt_s3_wire *wire, uint32_t crc)
{
    uint8_t bytes[4] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
                        (uint8_t)crc};
    char text[SILT_BASE64_LEN(4)];
    silt_base64(bytes, sizeof bytes, text);
    return own(wire, silt_strdup(text));
}

static size_t body_bytes(const struct silt_store_req *req)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < req->body_n; i++) bytes += req->body[i].len;
    return bytes;
}

static void set_body(struct silt_s3_wire *wire, const struct silt_store_req *req)
{
    wire->body = req->body;
    wire->body_n = req->body_n;
    wire->timeout_ms = SMALL_TIMEOUT_MS + (int64_t)(body_bytes(req) / BYTES_PER_MS);
}

static void set_encryption(struct silt_s3_wire *wire, const struct silt_s3_site *site)
{
    if (!site->sse[0]) return;
    header(wire, "x-amz-server-side-encryption", site->sse);
    if (site->kms_key_id[0])
        header(wire, "x-amz-server-side-encryption-aws-kms-key-id", site->kms_key_id);
}

static void set_content_type(struct silt_s3_wire *wire, const struct silt_store_req *req)
{
    header(wire, "content-type",
           req->content_type ? req->content_type : "application/octet-stream");
}

/* The body is hashed as one piece: a manifest is small, and so is copying it. */
static void hash_body(struct silt_s3_wire *wire, const struct silt_store_req *req)
{
    struct silt_buf whole;
    silt_buf_init(&whole, SILT_BUF_MAX_DEFAULT);
    for (unsigned i = 0; i < req->body_n; i++) {
        bool fits = silt_buf_append(&whole, req->body[i].ptr, req->body[i].len);
        SILT_ASSERT(fits);
    }
    uint8_t digest[SILT_SHA256_LEN];
    silt_sha256(silt_buf_str(&whole), whole.len, digest);
    silt_hex(digest, sizeof digest, wire->payload_hash);
    char text[SILT_BASE64_LEN(SILT_SHA256_LEN)];
    silt_base64(digest, sizeof digest, text);
    header(wire, "x-amz-checksum-sha256", own(wire, silt_strdup(text)));
    silt_buf_done(&whole);
}

static void build_put(struct silt_s3_wire *wire, const struct silt_s3_site *site,
                      const struct silt_store_req *req)
{
    wire->method = "PUT";
    header(wire, "if-none-match", "*");
    set_content_type(wire, req);
    set_encryption(wire, site);
    hash_body(wire, req);
    set_body(wire, req);
}

static void build_get(struct silt_s3_wire *wire, const struct silt_store_req *req)
{
    if (req->range_last)
        header(wire, "range",
               own(wire,
                   silt_asprintf("bytes=%" PRId64 "-%" PRId64, req->range_first, req->range_last)));
    if (req->body_max > ERROR_BODY_MAX) wire->response_max = req->body_max;
    wire->timeout_ms += (int64_t)(wire->response_max / BYTES_PER_MS);
}

static void build_list(struct silt_s3_wire *wire, const struct silt_s3_site *site,
                       const struct silt_store_req *req)
{
    bool bounded = req->limit && req->limit < SILT_S3_ROWS_MAX;
    query(wire, "list-type", "2");
    query(wire, "prefix", own(wire, silt_asprintf("%s%s", site->prefix, req->key)));
    query_number(wire, "max-keys", bounded ? req->limit : SILT_S3_ROWS_MAX);
    if (req->start_after && req->start_after[0])
        query(wire, "start-after",
              own(wire, silt_asprintf("%s%s", site->prefix, req->start_after)));
    wire->response_max = LIST_BODY_MAX;
}

static void build_create(struct silt_s3_wire *wire, const struct silt_s3_site *site,
                         const struct silt_store_req *req)
{
    wire->method = "POST";
    query(wire, "uploads", "");
    set_content_type(wire, req);
    set_encryption(wire, site);
    if (site->storage_class[0]) header(wire, "x-amz-storage-class", site->storage_class);
    if (site->tags[0]) header(wire, "x-amz-tagging", site->tags);
    header(wire, "x-amz-checksum-algorithm", "CRC32C");
    header(wire, "x-amz-checksum-type", "FULL_OBJECT");
    if (req->token) header(wire, "x-amz-meta-as-token", req->token);
}

static void build_part(struct silt_s3_wire *wire, const struct silt_store_req *req)
{
    wire->method = "PUT";
    query_number(wire, "partNumber", req->part_number);
    query(wire, "uploadId", req->upload_id);
    header(wire, "x-amz-checksum-crc32c", crc_text(wire, req->crc32c));
    snprintf(wire->payload_hash, sizeof wire->payload_hash, SILT_SIGV4_UNSIGNED);
    set_body(wire, req);
}

static void write_part(struct silt_buf *text, const struct silt_store_part *part)
{
    uint8_t bytes[4] = {(uint8_t)(part->crc32c >> 24), (uint8_t)(part->crc32c >> 16),
                        (uint8_t)(part->crc32c >> 8), (uint8_t)part->crc32c};
    char crc[SILT_BASE64_LEN(4)];
    silt_base64(bytes, sizeof bytes, crc);
    append(text, "<Part><ChecksumCRC32C>");
    append(text, crc);
    append(text, "</ChecksumCRC32C><ETag>");
    silt_xml_escape(text, part->etag);
    bool fits = silt_buf_printf(text, "</ETag><PartNumber>%u</PartNumber></Part>", part->n);
    SILT_ASSERT(fits);
}

/* versitygw and MinIO want each part's checksum in the list; the checksum of the whole makes the
 * store compare what it assembled. */
static void build_complete(struct silt_s3_wire *wire, const struct silt_store_req *req)
{
    wire->method = "POST";
    query(wire, "uploadId", req->upload_id);
    header(wire, "content-type", "application/xml");
    header(wire, "x-amz-checksum-crc32c", crc_text(wire, req->crc32c));
    header(wire, "x-amz-checksum-type", "FULL_OBJECT");
    header(wire, "x-amz-mp-object-size", own(wire, silt_asprintf("%" PRId64, req->object_size)));
    append(&wire->text,
           "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (unsigned i = 0; i < req->parts_n; i++) write_part(&wire->text, &req->parts[i]);
    append(&wire->text, "</CompleteMultipartUpload>");
    wire->text_slice = silt_buf_slice(&wire->text);
    wire->body = &wire->text_slice;
    wire->body_n = 1;
    silt_sha256_hex(wire->text.data, wire->text.len, wire->payload_hash);
    wire->timeout_ms = COMPLETE_TIMEOUT_MS;
    wire->stall_ms = -1;
}

static void build_parts(struct silt_s3_wire *wire, const struct silt_store_req *req,
                        const char *marker)
{
    query(wire, "uploadId", req->upload_id);
    query_number(wire, "max-parts", SILT_S3_ROWS_MAX);
    if (marker) query(wire, "part-number-marker", own(wire, silt_strdup(marker)));
    wire->response_max = LIST_BODY_MAX;
}

/* Without prefix, because MinIO lists nothing below one that is not a whole key; without
 * upload-id-marker, because versitygw refuses it. So of several uploads of one key across the edge
 * of a page all but the first are left out: no key of ours has two. */
static void build_uploads(struct silt_s3_wire *wire, const char *marker)
{
    query(wire, "uploads", "");
    query_number(wire, "max-uploads", SILT_S3_ROWS_MAX);
    if (marker) query(wire, "key-marker", own(wire, silt_strdup(marker)));
    wire->response_max = LIST_BODY_MAX;
}

static bool of_bucket(enum silt_store_op op)
{
    return op == SILT_OP_LIST || op == SILT_OP_MPU_LIST || op == SILT_OP_LIFECYCLE;
}

static void wire_init(struct silt_s3_wire *wire)
{
    *wire = (struct silt_s3_wire){
        .method = "GET", .response_max = ERROR_BODY_MAX, .timeout_ms = SMALL_TIMEOUT_MS};
    silt_buf_init(&wire->path, URL_MAX);
    silt_buf_init(&wire->url, URL_MAX);
    silt_buf_init(&wire->text, COMPLETE_MAX);
    snprintf(wire->payload_hash, sizeof wire->payload_hash, SILT_SIGV4_EMPTY);
}

void silt_s3_build(struct silt_s3_wire *wire, const struct silt_s3_site *site,
                   const struct silt_store_req *req, const char *marker)
{
    wire_init(wire);
    set_path(wire, site, of_bucket(req->op) ? NULL : req->key);
    switch (req->op) {
    case SILT_OP_PUT_NEW: build_put(wire, site, req); break;
    case SILT_OP_GET: build_get(wire, req); break;
    case SILT_OP_HEAD:
        wire->method = "HEAD";
        header(wire, "x-amz-checksum-mode", "ENABLED");
        break;
    case SILT_OP_LIST: build_list(wire, site, req); break;
    case SILT_OP_MPU_CREATE: build_create(wire, site, req); break;
    case SILT_OP_MPU_PART: build_part(wire, req); break;
    case SILT_OP_MPU_COMPLETE: build_complete(wire, req); break;
    case SILT_OP_MPU_ABORT:
        wire->method = "DELETE";
        query(wire, "uploadId", req->upload_id);
        break;
    case SILT_OP_MPU_PARTS: build_parts(wire, req, marker); break;
    case SILT_OP_MPU_LIST: build_uploads(wire, marker); break;
    default: SILT_ASSERT(req->op == SILT_OP_LIFECYCLE); query(wire, "lifecycle", "");
    }
    if (site->requester_pays) header(wire, "x-amz-request-payer", "requester");
    wire->built_n = wire->headers_n;
    wire->owned_built_n = wire->owned_n;
}

/* --- signing --------------------------------------------------------------------------------- */

struct silt_sigv4_req silt_s3_scope(const struct silt_s3_site *site, const char *access_key,
                                    const char *date)
{
    return (struct silt_sigv4_req){
        .access_key = access_key, .region = site->region, .service = "s3", .date = date};
}

static void forget_signature(struct silt_s3_wire *wire)
{
    while (wire->owned_n > wire->owned_built_n) silt_free(wire->owned[--wire->owned_n]);
    wire->headers_n = wire->built_n;
    silt_buf_clear(&wire->url);
}

static void write_url(struct silt_s3_wire *wire, const struct silt_s3_site *site)
{
    append(&wire->url, site->base);
    append(&wire->url, silt_buf_str(&wire->path));
    if (!wire->query_n) return;
    append(&wire->url, "?");
    silt_sigv4_query(&wire->url, wire->query, wire->query_n);
}

void silt_s3_sign(struct silt_s3_wire *wire, const struct silt_s3_site *site,
                  const struct silt_s3_creds *creds, const char *date)
{
    forget_signature(wire);
    write_url(wire, site);
    header(wire, "host", site->host);
    header(wire, "x-amz-date", own(wire, silt_strdup(date)));
    header(wire, "x-amz-content-sha256", wire->payload_hash);
    if (silt_secret_is_set(creds->session_token))
        header(wire, "x-amz-security-token", silt_secret_reveal(creds->session_token));
    struct silt_sigv4_req req = silt_s3_scope(site, creds->access_key, date);
    req.method = wire->method;
    req.path = silt_buf_str(&wire->path);
    req.query = wire->query;
    req.query_n = wire->query_n;
    req.headers = wire->headers;
    req.headers_n = wire->headers_n;
    req.payload_hash = wire->payload_hash;
    struct silt_buf authorization;
    silt_buf_init(&authorization, URL_MAX);
    silt_sigv4_sign(&authorization, &req, creds->signing_key);
    size_t len;
    header(wire, "authorization", own(wire, (char *)silt_buf_take(&authorization, &len)));
}

void silt_s3_wire_done(struct silt_s3_wire *wire)
{
    while (wire->owned_n) silt_free(wire->owned[--wire->owned_n]);
    silt_buf_done(&wire->path);
    silt_buf_done(&wire->url);
    silt_buf_done(&wire->text);
}
