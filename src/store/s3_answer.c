#include "store/s3_int.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/random.h"
#include "net/xml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The manifests live below this; a rule that reaches them would break the chain (protocol A4). */
#define LOG_FOLDER "_log/"
#define DATA_FOLDER "data/"

const char *const silt_s3_want_headers[] = {"etag",
                                            "date",
                                            "content-length",
                                            "retry-after",
                                            "x-amz-bucket-region",
                                            "x-amz-checksum-crc32c",
                                            "x-amz-checksum-type",
                                            "x-amz-delete-marker",
                                            "x-amz-meta-as-token",
                                            NULL};

/* --- reading XML ----------------------------------------------------------------------------- */

typedef bool close_fn(void *ctx, const struct silt_xml *xml);

/* Calls on_close for every element that ends, with its text. @return false when the document is
 * broken, has another root, or on_close says so. */
static bool walk(struct silt_slice body, const char *root, close_fn *on_close, void *ctx)
{
    struct silt_xml xml;
    silt_xml_init(&xml, body);
    for (;;) {
        enum silt_xml_event event = silt_xml_next(&xml);
        if (event == SILT_XML_BAD) return false;
        if (event == SILT_XML_END) return true;
        if (event == SILT_XML_OPEN && xml.depth == 1 && !silt_xml_is(xml.names[0], root))
            return false;
        if (event == SILT_XML_CLOSE && !on_close(ctx, &xml)) return false;
    }
}

static bool field(const struct silt_xml *xml, const char *parent, const char *name)
{
    return silt_xml_is(xml->closed, name) && silt_xml_inside(xml, parent);
}

static bool number(const char *text, int64_t *ret_value)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < 0) return false;
    *ret_value = value;
    return true;
}

static bool crc(const char *text, uint32_t *ret_crc)
{
    uint8_t bytes[16];
    if (strlen(text) > 8 || silt_base64_decode(text, bytes) != 4) return false;
    *ret_crc =
        (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    return true;
}

static void copy(char *to, size_t room, const char *text)
{
    snprintf(to, room, "%s", text);
}

/* --- errors ---------------------------------------------------------------------------------- */

static bool on_error_field(void *ctx, const struct silt_xml *xml)
{
    struct silt_s3_error *error = ctx;
    if (field(xml, "Error", "Code")) copy(error->code, sizeof error->code, xml->text);
    if (field(xml, "Error", "Message")) copy(error->message, sizeof error->message, xml->text);
    if (field(xml, "Error", "Region")) copy(error->region, sizeof error->region, xml->text);
    return true;
}

void silt_s3_read_error(struct silt_slice body, struct silt_s3_error *ret_error)
{
    *ret_error = (struct silt_s3_error){0};
    if (!walk(body, "Error", on_error_field, ret_error)) {
        *ret_error = (struct silt_s3_error){0};
        return;
    }
    if (!ret_error->code[0]) copy(ret_error->code, sizeof ret_error->code, "?");
}

/* --- lists ----------------------------------------------------------------------------------- */

struct listing {
    const struct silt_s3_site *site;
    struct silt_store_req *req;
    const char *root;
    const char *row; /* the element of one entry */
    /* the entry being read */
    char *key;
    char *upload_id;
    int64_t size;
    int64_t initiated_ms;
    struct silt_store_part part;
    /* about the page */
    bool truncated;
    char *next;
};

static void listing_forget_row(struct listing *list)
{
    silt_free(list->key);
    silt_free(list->upload_id);
    list->key = list->upload_id = NULL;
    list->size = -1;
    list->initiated_ms = 0;
    list->part = (struct silt_store_part){0};
}

/* Doubles when n is a power of two. */
static void *grown(void *items, unsigned n, size_t bytes)
{
    if (n & (n - 1)) return items;
    return silt_realloc_array(items, n ? (size_t)n * 2 : 1, bytes);
}

/* Takes the entry that was read; those outside of the root or the asked prefix are left out. */
static void take_object(struct listing *list)
{
    struct silt_store_req *req = list->req;
    size_t root_len = strlen(list->site->prefix);
    if (!list->key || strncmp(list->key, list->site->prefix, root_len) != 0) return;
    if (strncmp(list->key + root_len, req->key, strlen(req->key)) != 0) return;
    req->objects = grown(req->objects, req->objects_n, sizeof req->objects[0]);
    req->objects[req->objects_n++] =
        (struct silt_store_object){.key = silt_strdup(list->key + root_len),
                                   .upload_id = list->upload_id,
                                   .size = list->size,
                                   .initiated_ms = list->initiated_ms};
    list->upload_id = NULL;
}

static void take_part(struct listing *list)
{
    struct silt_store_req *req = list->req;
    req->ret_parts = grown(req->ret_parts, req->ret_parts_n, sizeof req->ret_parts[0]);
    req->ret_parts[req->ret_parts_n++] = list->part;
}

static bool read_row_field(struct listing *list, const struct silt_xml *xml)
{
    const char *text = xml->text;
    int64_t n = 0;
    if (silt_xml_is(xml->closed, "Key")) {
        silt_free(list->key);
        list->key = silt_strdup(text);
    }
    if (silt_xml_is(xml->closed, "UploadId")) {
        silt_free(list->upload_id);
        list->upload_id = silt_strdup(text);
    }
    if (silt_xml_is(xml->closed, "Initiated")) list->initiated_ms = silt_iso_parse(text);
    if (silt_xml_is(xml->closed, "ETag")) copy(list->part.etag, sizeof list->part.etag, text);
    if (silt_xml_is(xml->closed, "ChecksumCRC32C")) return crc(text, &list->part.crc32c);
    if (silt_xml_is(xml->closed, "Size")) {
        if (!number(text, &n)) return false;
        list->size = list->part.size = n;
    }
    if (silt_xml_is(xml->closed, "PartNumber")) {
        if (!number(text, &n) || n < 1 || n > 10000) return false;
        list->part.n = (unsigned)n;
    }
    return true;
}

static bool on_list_field(void *ctx, const struct silt_xml *xml)
{
    struct listing *list = ctx;
    if (xml->text_cut) return false;
    if (silt_xml_inside(xml, list->row)) return read_row_field(list, xml);
    if (field(xml, list->root, list->row)) {
        if (list->req->op == SILT_OP_MPU_PARTS)
            take_part(list);
        else
            take_object(list);
        listing_forget_row(list);
    }
    if (field(xml, list->root, "IsTruncated")) list->truncated = strcmp(xml->text, "true") == 0;
    if (field(xml, list->root, "NextKeyMarker") || field(xml, list->root, "NextPartNumberMarker")) {
        silt_free(list->next);
        list->next = silt_strdup(xml->text);
    }
    return true;
}

/* A page that broke off is asked for again: what it gave is taken back. */
static void take_back(struct silt_store_req *req, unsigned objects_n, unsigned parts_n)
{
    while (req->objects_n > objects_n) {
        req->objects_n--;
        silt_free(req->objects[req->objects_n].key);
        silt_free(req->objects[req->objects_n].upload_id);
    }
    req->ret_parts_n = parts_n;
}

static enum silt_store_outcome read_list(const struct silt_s3_site *site,
                                         const struct silt_http_req *http,
                                         struct silt_store_req *req, char **ret_marker)
{
    struct listing list = {.site = site, .req = req, .size = -1};
    list.root = req->op == SILT_OP_LIST        ? "ListBucketResult"
                : req->op == SILT_OP_MPU_PARTS ? "ListPartsResult"
                                               : "ListMultipartUploadsResult";
    list.row = req->op == SILT_OP_LIST        ? "Contents"
               : req->op == SILT_OP_MPU_PARTS ? "Part"
                                              : "Upload";
    unsigned objects_n = req->objects_n;
    unsigned parts_n = req->ret_parts_n;
    bool fine = walk(silt_buf_slice(&http->ret_body), list.root, on_list_field, &list);
    listing_forget_row(&list);
    req->truncated = list.truncated;
    bool more = fine && list.truncated && req->op != SILT_OP_LIST && list.next && list.next[0] &&
                req->objects_n < SILT_S3_UPLOADS_MAX;
    if (more) {
        *ret_marker = list.next;
        list.next = NULL;
    }
    silt_free(list.next);
    if (fine) return SILT_STORE_OK;
    take_back(req, objects_n, parts_n);
    copy(req->text, sizeof req->text, "the listing is no XML of S3's");
    return SILT_STORE_DOUBT;
}

/* --- multipart ------------------------------------------------------------------------------- */

static bool on_created_field(void *ctx, const struct silt_xml *xml)
{
    struct silt_store_req *req = ctx;
    if (!field(xml, "InitiateMultipartUploadResult", "UploadId")) return true;
    silt_free(req->ret_upload_id);
    req->ret_upload_id = silt_strdup(xml->text);
    return !xml->text_cut && xml->text[0];
}

static enum silt_store_outcome read_created(const struct silt_http_req *http,
                                            struct silt_store_req *req)
{
    if (walk(silt_buf_slice(&http->ret_body), "InitiateMultipartUploadResult", on_created_field,
             req) &&
        req->ret_upload_id)
        return SILT_STORE_OK;
    silt_free(req->ret_upload_id);
    req->ret_upload_id = NULL;
    copy(req->text, sizeof req->text, "the answer names no upload");
    return SILT_STORE_DOUBT;
}

static bool on_completed_field(void *ctx, const struct silt_xml *xml)
{
    struct silt_store_req *req = ctx;
    if (field(xml, "CompleteMultipartUploadResult", "ETag"))
        copy(req->etag, sizeof req->etag, xml->text);
    return true;
}

static enum silt_store_outcome read_completed(const struct silt_http_req *http,
                                              struct silt_store_req *req)
{
    if (walk(silt_buf_slice(&http->ret_body), "CompleteMultipartUploadResult", on_completed_field,
             req))
        return SILT_STORE_OK;
    copy(req->text, sizeof req->text, "200 without a result");
    return SILT_STORE_DOUBT;
}

static enum silt_store_outcome read_part(const struct silt_http_req *http,
                                         struct silt_store_req *req)
{
    const char *text = silt_http_answer_header(http, "x-amz-checksum-crc32c");
    uint32_t theirs = 0;
    if (text && (!crc(text, &theirs) || theirs != req->crc32c)) {
        copy(req->text, sizeof req->text, "the store computed another CRC-32C of the part");
        return SILT_STORE_BAD_DIGEST;
    }
    if (req->etag[0]) return SILT_STORE_OK;
    copy(req->text, sizeof req->text, "200 without an ETag");
    return SILT_STORE_DOUBT;
}

/* --- objects --------------------------------------------------------------------------------- */

static enum silt_store_outcome read_put(struct silt_store_req *req)
{
    if (req->etag[0]) return SILT_STORE_OK;
    copy(req->text, sizeof req->text, "200 without an ETag");
    return SILT_STORE_DOUBT;
}

static enum silt_store_outcome read_head(const struct silt_http_req *http,
                                         struct silt_store_req *req)
{
    const char *size = silt_http_answer_header(http, "content-length");
    const char *token = silt_http_answer_header(http, "x-amz-meta-as-token");
    const char *checksum = silt_http_answer_header(http, "x-amz-checksum-crc32c");
    const char *type = silt_http_answer_header(http, "x-amz-checksum-type");
    if (token) copy(req->ret_token, sizeof req->ret_token, token);
    /* A COMPOSITE checksum is one of checksums and says "=-2" at its end. */
    if (checksum && type && strcmp(type, "FULL_OBJECT") == 0)
        req->ret_has_crc32c = crc(checksum, &req->ret_crc32c);
    if (size && number(size, &req->size)) return SILT_STORE_OK;
    copy(req->text, sizeof req->text, "the answer has no size");
    return SILT_STORE_DOUBT;
}

static enum silt_store_outcome read_get(const struct silt_http_req *http,
                                        struct silt_store_req *req)
{
    if (http->ret_body.len > req->body_max) {
        snprintf(req->text, sizeof req->text, "the object has %zu bytes, at most %zu are expected",
                 http->ret_body.len, req->body_max);
        return SILT_STORE_REFUSED;
    }
    if (req->range_last && http->status != 206) {
        copy(req->text, sizeof req->text, "the store ignores Range");
        return SILT_STORE_REFUSED;
    }
    req->size = (int64_t)http->ret_body.len;
    return SILT_STORE_OK;
}

/* --- lifecycle ------------------------------------------------------------------------------- */

struct lifecycle {
    const struct silt_s3_site *site;
    struct silt_store_req *req;
    /* the rule being read */
    char *prefix;
    bool enabled;
    bool tagged; /* applies to tagged objects only, which ours are not */
    bool expires;
    int64_t abort_days;
};

static bool overlaps(const char *rule, const char *root, const char *folder)
{
    char *ours = silt_asprintf("%s%s", root, folder);
    size_t ours_len = strlen(ours);
    size_t rule_len = strlen(rule);
    bool hit = strncmp(ours, rule, ours_len < rule_len ? ours_len : rule_len) == 0;
    silt_free(ours);
    return hit;
}

static void take_rule(struct lifecycle *rule)
{
    struct silt_store_req *req = rule->req;
    const char *prefix = rule->prefix ? rule->prefix : "";
    const char *root = rule->site->prefix;
    if (rule->enabled && rule->abort_days > 0 && overlaps(prefix, root, DATA_FOLDER) &&
        (!req->lifecycle_abort_days || rule->abort_days < req->lifecycle_abort_days))
        req->lifecycle_abort_days =
            (int)(rule->abort_days < INT32_MAX ? rule->abort_days : INT32_MAX);
    if (rule->enabled && rule->expires && !rule->tagged && overlaps(prefix, root, LOG_FOLDER))
        req->lifecycle_expires_log = true;
}

static void lifecycle_forget_rule(struct lifecycle *rule)
{
    silt_free(rule->prefix);
    *rule = (struct lifecycle){.site = rule->site, .req = rule->req};
}

static bool on_lifecycle_field(void *ctx, const struct silt_xml *xml)
{
    struct lifecycle *rule = ctx;
    if (silt_xml_is(xml->closed, "Prefix")) {
        silt_free(rule->prefix);
        rule->prefix = silt_strdup(xml->text);
    }
    if (silt_xml_is(xml->closed, "Tag")) rule->tagged = true;
    if (field(xml, "Rule", "Status")) rule->enabled = strcmp(xml->text, "Enabled") == 0;
    if (field(xml, "Expiration", "Days") || field(xml, "Expiration", "Date") ||
        field(xml, "Rule", "NoncurrentVersionExpiration"))
        rule->expires = true;
    if (field(xml, "AbortIncompleteMultipartUpload", "DaysAfterInitiation") &&
        !number(xml->text, &rule->abort_days))
        return false;
    if (silt_xml_is(xml->closed, "Rule")) {
        take_rule(rule);
        lifecycle_forget_rule(rule);
    }
    return true;
}

static enum silt_store_outcome read_lifecycle(const struct silt_s3_site *site,
                                              const struct silt_http_req *http,
                                              struct silt_store_req *req)
{
    if (http->status != 200) {
        copy(req->text, sizeof req->text,
             http->status == 404 ? "no lifecycle rules"
                                 : "the store does not tell lifecycle rules");
        return SILT_STORE_OK;
    }
    struct lifecycle rule = {.site = site, .req = req};
    bool fine =
        walk(silt_buf_slice(&http->ret_body), "LifecycleConfiguration", on_lifecycle_field, &rule);
    lifecycle_forget_rule(&rule);
    if (fine) return SILT_STORE_OK;
    copy(req->text, sizeof req->text, "the lifecycle rules are no XML of S3's");
    return SILT_STORE_DOUBT;
}

/* --------------------------------------------------------------------------------------------- */

enum silt_store_outcome silt_s3_read_answer(const struct silt_s3_site *site,
                                            const struct silt_http_req *http,
                                            struct silt_store_req *req, char **ret_marker)
{
    const char *etag = silt_http_answer_header(http, "etag");
    if (etag) copy(req->etag, sizeof req->etag, etag);
    switch (req->op) {
    case SILT_OP_PUT_NEW: return read_put(req);
    case SILT_OP_GET: return read_get(http, req);
    case SILT_OP_HEAD: return read_head(http, req);
    case SILT_OP_MPU_CREATE: return read_created(http, req);
    case SILT_OP_MPU_PART: return read_part(http, req);
    case SILT_OP_MPU_COMPLETE: return read_completed(http, req);
    case SILT_OP_LIFECYCLE: return read_lifecycle(site, http, req);
    case SILT_OP_LIST:
    case SILT_OP_MPU_PARTS:
    case SILT_OP_MPU_LIST: return read_list(site, http, req, ret_marker);
    default: return SILT_STORE_OK; /* an abort answers nothing */
    }
}

int64_t silt_s3_http_date(const char *text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = {0};
    char month[4];
    char zone[4];
    if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d %3s", &tm.tm_mday, month, &tm.tm_year,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, zone) != 7 ||
        strcmp(zone, "GMT") != 0 || strlen(month) != 3)
        return 0;
    const char *found = strstr(months, month);
    if (!found || (found - months) % 3) return 0;
    tm.tm_mon = (int)(found - months) / 3;
    tm.tm_year -= 1900;
    return (int64_t)timegm(&tm) * 1000;
}
