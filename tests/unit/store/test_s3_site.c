#include "base/alloc.h"
#include "harness.h"
#include "s3_int.h"

#include <stdio.h>
#include <stdlib.h>

static struct silt_s3_opts some_opts(void)
{
    return (struct silt_s3_opts){.region = "eu-west-1"};
}

static bool site_is(const char *root, const char *endpoint, bool path_style, const char *base,
                    const char *host, const char *bucket, const char *prefix)
{
    struct silt_s3_opts opts = some_opts();
    opts.endpoint = endpoint;
    opts.path_style = path_style;
    struct silt_s3_site site;
    if (!silt_s3_site_init(&site, root, &opts, NULL).ok) return false;
    bool same = strcmp(site.base, base) == 0 && strcmp(site.host, host) == 0 &&
                strcmp(site.bucket, bucket) == 0 && strcmp(site.prefix, prefix) == 0;
    silt_s3_site_done(&site);
    return same;
}

static void finds_amazon_by_region(void)
{
    CU_ASSERT(site_is("s3://bucket", NULL, false, "https://bucket.s3.eu-west-1.amazonaws.com",
                      "bucket.s3.eu-west-1.amazonaws.com", "", ""));
    CU_ASSERT(site_is("s3://bucket/a/b/", "", true, "https://s3.eu-west-1.amazonaws.com",
                      "s3.eu-west-1.amazonaws.com", "bucket", "a/b/"));
    struct silt_s3_opts opts = some_opts();
    struct silt_s3_site site;
    opts.region = "cn-north-1";
    CU_ASSERT_OK(silt_s3_site_init(&site, "s3://bucket", &opts, NULL));
    CU_ASSERT_STRING_EQUAL(site.base, "https://bucket.s3.cn-north-1.amazonaws.com.cn");
    silt_s3_site_done(&site);
}

static void a_bucket_with_a_dot_goes_into_the_path(void)
{
    CU_ASSERT(site_is("s3://my.bucket//a", "", false, "https://s3.eu-west-1.amazonaws.com",
                      "s3.eu-west-1.amazonaws.com", "my.bucket", "a/"));
}

static void keeps_a_port_that_the_scheme_does_not_imply(void)
{
    CU_ASSERT(site_is("s3://bucket/", "http://127.0.0.1:9000", true, "http://127.0.0.1:9000",
                      "127.0.0.1:9000", "bucket", ""));
    CU_ASSERT(site_is("s3://bucket", "http://h:80/", true, "http://h:80", "h", "bucket", ""));
    CU_ASSERT(site_is("s3://bucket", "http://h:443", true, "http://h:443", "h:443", "bucket", ""));
    CU_ASSERT(
        site_is("s3://bucket", "https://h:443", false, "https://bucket.h:443", "bucket.h", "", ""));
    CU_ASSERT(site_is("s3://bucket", "http://h", true, "http://h", "h", "bucket", ""));
    CU_ASSERT(site_is("s3://bucket", "http://h", false, "http://bucket.h", "bucket.h", "", ""));
}

static bool refused(const char *root, const struct silt_s3_opts *opts, const char *because)
{
    struct silt_s3_site site;
    struct silt_err err = {0};
    bool failed = !silt_s3_site_init(&site, root, opts, &err).ok;
    silt_s3_site_done(&site);
    if (!strstr(err.text, because)) printf("\n%s\n", err.text);
    return failed && err.code == SILT_E_CONFIG && strstr(err.text, because);
}

static void refuses_what_is_no_root(void)
{
    const struct silt_s3_opts opts = some_opts();
    char long_root[700] = "s3://bucket/";
    memset(long_root + 12, 'x', 600);
    CU_ASSERT(refused("s3://", &opts, "s3://BUCKET/PREFIX"));
    CU_ASSERT(refused("s3:///x", &opts, "s3://BUCKET/PREFIX"));
    CU_ASSERT(refused("s3://ab", &opts, "s3://BUCKET/PREFIX"));
    CU_ASSERT(refused("s3://a$b/c", &opts, "s3://BUCKET/PREFIX"));
    CU_ASSERT(refused("s3://-ab/c", &opts, "s3://BUCKET/PREFIX"));
    CU_ASSERT(refused("s3://ab-/c", &opts, "s3://BUCKET/PREFIX"));
    CU_ASSERT(refused("s3://a234567890123456789012345678901234567890123456789012345678901234",
                      &opts, "s3://BUCKET/PREFIX"));
    CU_ASSERT(refused("s3://bucket/a b", &opts, "' ' cannot"));
    CU_ASSERT(refused("s3://bucket/a\tb", &opts, "' ' cannot"));
    CU_ASSERT(refused("s3://bucket/a?b", &opts, "'?' cannot"));
    CU_ASSERT(refused(long_root, &opts, "longer than 512"));
}

static void refuses_what_is_no_endpoint(void)
{
    struct silt_s3_opts opts = some_opts();
    static const char *const wrong[] = {"http://", "https:///x", "http://h/path", "http://h?x",
                                        "http://u:p@h"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        opts.endpoint = wrong[i];
        CU_ASSERT(refused("s3://bucket", &opts, "scheme, host and port only"));
    }
    opts.endpoint = "h:9000";
    CU_ASSERT(refused("s3://bucket", &opts, "http:// or https://"));
}

static bool aws_base_is(struct silt_s3_opts opts, const char *base)
{
    struct silt_s3_site site;
    if (!silt_s3_site_init(&site, "s3://bucket", &opts, NULL).ok) return false;
    bool same = strcmp(site.base, base) == 0;
    silt_s3_site_done(&site);
    return same;
}

static void amazon_has_several_endpoints(void)
{
    struct silt_s3_opts opts = some_opts();
    opts.dualstack = true;
    CU_ASSERT(aws_base_is(opts, "https://bucket.s3.dualstack.eu-west-1.amazonaws.com"));
    opts.fips = true;
    CU_ASSERT(aws_base_is(opts, "https://bucket.s3-fips.dualstack.eu-west-1.amazonaws.com"));
    opts.dualstack = false;
    CU_ASSERT(aws_base_is(opts, "https://bucket.s3-fips.eu-west-1.amazonaws.com"));
    opts.accelerate = true;
    CU_ASSERT(refused("s3://bucket", &opts, "no FIPS endpoint"));
    opts.fips = false;
    CU_ASSERT(aws_base_is(opts, "https://bucket.s3-accelerate.amazonaws.com"));
    opts.dualstack = true;
    CU_ASSERT(aws_base_is(opts, "https://bucket.s3-accelerate.dualstack.amazonaws.com"));
    CU_ASSERT(refused("s3://bucket.dot/x.y", &opts, "wants the bucket in the host name"));
    opts.path_style = true;
    CU_ASSERT(refused("s3://bucket", &opts, "wants the bucket in the host name"));
    opts.endpoint = "http://h";
    CU_ASSERT(refused("s3://bucket", &opts, "remove them or s3.endpoint"));
}

static void tags_are_encoded_and_bounded(void)
{
    static const char *const names[] = {"team", "cost centre", "3", "4", "5", "6",
                                        "7",    "8",           "9", "A", "B"};
    static const char *const values[] = {"a&b", "", "", "", "", "", "", "", "", "", ""};
    struct silt_s3_opts opts = some_opts();
    struct silt_s3_site site;
    opts.tag_names = names;
    opts.tag_values = values;
    opts.tags_n = 2;
    CU_ASSERT_OK(silt_s3_site_init(&site, "s3://bucket", &opts, NULL));
    CU_ASSERT_STRING_EQUAL(site.tags, "cost%20centre=&team=a%26b");
    silt_s3_site_done(&site);
    opts.tags_n = 11;
    CU_ASSERT(refused("s3://bucket", &opts, "has 11 tags"));
    char name[130];
    char value[258];
    memset(name, 'n', sizeof name - 1);
    memset(value, 'v', sizeof value - 1);
    name[sizeof name - 1] = value[sizeof value - 1] = '\0';
    static const char *const empty[] = {""};
    opts.tags_n = 1;
    opts.tag_names = empty;
    CU_ASSERT(refused("s3://bucket", &opts, "1 to 128 bytes"));
    opts.tag_names = (const char *const[]){name};
    CU_ASSERT(refused("s3://bucket", &opts, "1 to 128 bytes"));
    opts.tag_names = names;
    opts.tag_values = (const char *const[]){value};
    CU_ASSERT(refused("s3://bucket", &opts, "up to 256"));
}

static void refuses_options_that_contradict(void)
{
    struct silt_s3_opts opts = some_opts();
    opts.region = NULL;
    CU_ASSERT(refused("s3://bucket", &opts, "s3.region is missing"));
    opts = some_opts();
    opts.checksum = "md5";
    CU_ASSERT(refused("s3://bucket", &opts, "crc32c"));
    opts = some_opts();
    opts.sse = "rot13";
    CU_ASSERT(refused("s3://bucket", &opts, "AES256, aws:kms or empty"));
    opts = some_opts();
    opts.sse = "AES256";
    opts.kms_key_id = "id";
    CU_ASSERT(refused("s3://bucket", &opts, "needs s3.sse: aws:kms"));
    opts.sse = "aws:kms";
    struct silt_s3_site site;
    CU_ASSERT_OK(silt_s3_site_init(&site, "s3://bucket", &opts, NULL));
    silt_s3_site_done(&site);
    silt_s3_site_done(&site);
}

SILT_TESTS("s3_site", {"finds Amazon by region", finds_amazon_by_region},
           {"a bucket with a dot goes into the path", a_bucket_with_a_dot_goes_into_the_path},
           {"keeps a port that the scheme does not imply",
            keeps_a_port_that_the_scheme_does_not_imply},
           {"refuses what is no root", refuses_what_is_no_root},
           {"refuses what is no endpoint", refuses_what_is_no_endpoint},
           {"Amazon has several endpoints", amazon_has_several_endpoints},
           {"tags are encoded and bounded", tags_are_encoded_and_bounded},
           {"refuses options that contradict", refuses_options_that_contradict})
