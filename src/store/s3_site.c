#include "store/s3_int.h"

#include "base/alloc.h"

#include <ctype.h>
#include <stdlib.h>

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

static char *aws_endpoint(const char *region)
{
    const char *tail = strncmp(region, "cn-", 3) == 0 ? ".cn" : "";
    return silt_asprintf("https://s3.%s.amazonaws.com%s", region, tail);
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
    char *endpoint = opts->endpoint[0] ? silt_strdup(opts->endpoint) : aws_endpoint(opts->region);
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
    *site = (struct silt_s3_site){0};
}
