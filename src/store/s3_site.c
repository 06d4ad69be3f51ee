#include "store/s3_int.h"

#include "base/alloc.h"

#include <ctype.h>
#include <stdlib.h>

#define TAGS_MAX 10
#define TAG_NAME_MAX 128
#define TAG_VALUE_MAX 256
#define TAGS_BYTES_MAX ((size_t)TAGS_MAX * 3 * (TAG_NAME_MAX + TAG_VALUE_MAX + 2))

/* @return whether text is a bucket name (S3 user guide, "Bucket naming rules"; upper case and '_'
 * pass because other stores allow them). */
static bool bucket_name(const char *text, size_t len)
{
    if (len < 3 || len > 63) return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("-._", text[i])) return false;
    return isalnum((unsigned char)text[0]) && isalnum((unsigned char)text[len - 1]);
}

/* The part behind the bucket: without slashes at its ends, with one at the end when not empty. */
static SILT_RC read_prefix(const char *text, char **ret_prefix, struct silt_err *err)
{
    while (*text == '/') text++;
    size_t len = strlen(text);
    while (len && text[len - 1] == '/') len--;
    if (len > 512) SILT_FAIL(err, CONFIG, "archive.root: the prefix is longer than 512 bytes");
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || strchr("?#%\\", text[i]))
            SILT_FAIL(err, CONFIG,
                      "archive.root: '%c' cannot be in a prefix; use letters, digits, - _ . = /",
                      text[i] < ' ' ? ' ' : text[i]);
    *ret_prefix = len ? silt_asprintf("%.*s/", (int)len, text) : silt_strdup("");
    return SILT_OK;
}

/* An endpoint is scheme and host: nothing behind it is signed or sent. */
static SILT_RC check_endpoint(const char *endpoint, size_t *ret_scheme_len, struct silt_err *err)
{
    size_t scheme_len = strncmp(endpoint, "https://", 8) == 0  ? 8
                        : strncmp(endpoint, "http://", 7) == 0 ? 7
                                                               : 0;
    if (!scheme_len)
        SILT_FAIL(err, CONFIG, "s3.endpoint %s: it must begin with http:// or https://", endpoint);
    const char *host = endpoint + scheme_len;
    size_t host_len = strcspn(host, "/?#@ ");
    if (!host_len || (host[host_len] && strcmp(host + host_len, "/") != 0))
        SILT_FAIL(err, CONFIG,
                  "s3.endpoint %s: give scheme, host and port only, as in http://127.0.0.1:9000",
                  endpoint);
    *ret_scheme_len = scheme_len;
    return SILT_OK;
}

/* Amazon S3 User Guide, "Dual-stack endpoints", "Transfer Acceleration"; AWS General Reference,
 * "FIPS endpoints". */
static char *aws_endpoint(const struct silt_s3_opts *opts)
{
    const char *tail = strncmp(opts->region, "cn-", 3) == 0 ? ".cn" : "";
    const char *stack = opts->dualstack ? ".dualstack" : "";
    if (opts->accelerate) return silt_asprintf("https://s3-accelerate%s.amazonaws.com", stack);
    return silt_asprintf("https://s3%s%s.%s.amazonaws.com%s", opts->fips ? "-fips" : "", stack,
                         opts->region, tail);
}

static SILT_RC check_kind_of_endpoint(const struct silt_s3_opts *opts, const char *bucket,
                                      struct silt_err *err)
{
    if (opts->endpoint[0] && (opts->dualstack || opts->fips || opts->accelerate))
        SILT_FAIL(err, CONFIG,
                  "s3.dualstack, s3.fips and s3.accelerate choose an endpoint of AWS; remove them "
                  "or s3.endpoint");
    if (opts->accelerate && opts->fips)
        SILT_FAIL(err, CONFIG, "s3.accelerate has no FIPS endpoint; remove it or s3.fips");
    if (opts->accelerate && (opts->path_style || memchr(bucket, '.', strcspn(bucket, "/"))))
        SILT_FAIL(err, CONFIG,
                  "s3.accelerate wants the bucket in the host name: no s3.path_style, and no dot "
                  "in the bucket's name");
    return SILT_OK;
}

/* Amazon S3 User Guide, "Categorizing your storage using tags". */
static SILT_RC check_tags(const struct silt_s3_opts *opts, struct silt_err *err)
{
    if (opts->tags_n > TAGS_MAX)
        SILT_FAIL(err, CONFIG, "s3.tags has %u tags, an object can have %d", opts->tags_n,
                  TAGS_MAX);
    for (unsigned i = 0; i < opts->tags_n; i++)
        if (!opts->tag_names[i][0] || strlen(opts->tag_names[i]) > TAG_NAME_MAX ||
            strlen(opts->tag_values[i]) > TAG_VALUE_MAX)
            SILT_FAIL(err, CONFIG, "s3.tags: \"%.40s\" must have 1 to %d bytes, its value up to %d",
                      opts->tag_names[i], TAG_NAME_MAX, TAG_VALUE_MAX);
    return SILT_OK;
}

static char *tags_text(const struct silt_s3_opts *opts)
{
    struct silt_sigv4_pair pairs[TAGS_MAX];
    struct silt_buf text silt_auto(silt_buf_done);
    for (unsigned i = 0; i < opts->tags_n; i++)
        pairs[i] = (struct silt_sigv4_pair){opts->tag_names[i], opts->tag_values[i]};
    silt_buf_init(&text, TAGS_BYTES_MAX);
    silt_sigv4_query(&text, pairs, opts->tags_n);
    return silt_strdup(silt_buf_str(&text));
}

/* Without the port that the scheme implies, as libcurl sends it. */
static char *host_header(const char *scheme, const char *host)
{
    const char *port = strcmp(scheme, "https://") == 0 ? ":443" : ":80";
    size_t len = strlen(host);
    size_t port_len = strlen(port);
    if (len > port_len && strcmp(host + len - port_len, port) == 0) len -= port_len;
    return silt_strndup(host, len);
}

/* @param bucket NULL: in the path. */
static void set_host(struct silt_s3_site *site, const char *endpoint, size_t scheme_len,
                     const char *bucket)
{
    char *scheme = silt_strndup(endpoint, scheme_len);
    char *authority = silt_strndup(endpoint + scheme_len, strcspn(endpoint + scheme_len, "/"));
    char *host = bucket ? silt_asprintf("%s.%s", bucket, authority) : silt_strdup(authority);
    site->base = silt_asprintf("%s%s", scheme, host);
    site->host = host_header(scheme, host);
    silt_free(scheme);
    silt_free(authority);
    silt_free(host);
}

static SILT_RC check_options(const struct silt_s3_opts *opts, struct silt_err *err)
{
    if (!opts->region[0])
        SILT_FAIL(err, CONFIG, "s3.region is missing: the request signature needs it");
    if (opts->checksum[0] && strcmp(opts->checksum, "crc32c") != 0)
        SILT_FAIL(err, CONFIG, "s3.checksum %s: crc32c is what parts are sent with",
                  opts->checksum);
    if (opts->sse[0] && strcmp(opts->sse, "AES256") != 0 && strcmp(opts->sse, "aws:kms") != 0)
        SILT_FAIL(err, CONFIG, "s3.sse %s: it must be AES256, aws:kms or empty", opts->sse);
    if (opts->kms_key_id[0] && strcmp(opts->sse, "aws:kms") != 0)
        SILT_FAIL(err, CONFIG, "s3.kms_key_id needs s3.sse: aws:kms");
    return SILT_OK;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* Options that were left out are empty. */
static struct silt_s3_opts filled(const struct silt_s3_opts *opts)
{
    struct silt_s3_opts out = *opts;
    out.endpoint = or_empty(opts->endpoint);
    out.region = or_empty(opts->region);
    out.checksum = or_empty(opts->checksum);
    out.sse = or_empty(opts->sse);
    out.kms_key_id = or_empty(opts->kms_key_id);
    out.storage_class = or_empty(opts->storage_class);
    return out;
}

SILT_RC silt_s3_site_init(struct silt_s3_site *site, const char *root,
                          const struct silt_s3_opts *given, struct silt_err *err)
{
    const struct silt_s3_opts filled_opts = filled(given);
    const struct silt_s3_opts *opts = &filled_opts;
    *site = (struct silt_s3_site){0};
    const char *bucket = root + strlen("s3://");
    size_t bucket_len = strcspn(bucket, "/");
    if (!bucket_name(bucket, bucket_len))
        SILT_FAIL(err, CONFIG, "archive.root %s: it must be s3://BUCKET/PREFIX", root);
    SILT_TRY(check_options(opts, err));
    SILT_TRY(check_kind_of_endpoint(opts, bucket, err));
    SILT_TRY(check_tags(opts, err));
    char *endpoint = opts->endpoint[0] ? silt_strdup(opts->endpoint) : aws_endpoint(opts);
    size_t scheme_len = 0;
    struct silt_rc rc = check_endpoint(endpoint, &scheme_len, err);
    if (rc.ok) rc = read_prefix(bucket + bucket_len, &site->prefix, err);
    if (!rc.ok) {
        silt_free(endpoint);
        return rc;
    }
    char *name = silt_strndup(bucket, bucket_len);
    /* A dot in the bucket's name is one more label than the certificate's wildcard covers. */
    bool in_path = opts->path_style || strchr(name, '.');
    set_host(site, endpoint, scheme_len, in_path ? NULL : name);
    site->bucket = silt_strdup(in_path ? name : "");
    site->region = silt_strdup(opts->region);
    site->sse = silt_strdup(opts->sse);
    site->kms_key_id = silt_strdup(opts->kms_key_id);
    site->storage_class = silt_strdup(opts->storage_class);
    site->tags = tags_text(opts);
    site->requester_pays = opts->requester_pays;
    silt_free(name);
    silt_free(endpoint);
    return SILT_OK;
}

void silt_s3_site_done(struct silt_s3_site *site)
{
    silt_free(site->base);
    silt_free(site->host);
    silt_free(site->bucket);
    silt_free(site->prefix);
    silt_free(site->region);
    silt_free(site->sse);
    silt_free(site->kms_key_id);
    silt_free(site->storage_class);
    silt_free(site->tags);
    *site = (struct silt_s3_site){0};
}
