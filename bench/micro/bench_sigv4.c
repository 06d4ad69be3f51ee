/* What signing costs: ns per UploadPart request, best of several rounds. Design section 5: SigV4,
 * manifests and metrics together stay below 1 % of CPU. */
#include "base/clock.h"
#include "store/s3_int.h"

#include <stdio.h>

#define REQUESTS 20000
#define ROUNDS 7
#define PART_BYTES ((double)(8 << 20))
/* CPU of the whole pipeline per GB of records, the least that is aimed at. */
#define PIPELINE_NS_PER_BYTE 6.0

static struct silt_sigv4_keys keys;
static struct silt_secret secret;
static const struct silt_secret no_token;

static void sign(const struct silt_s3_site *site, struct silt_s3_wire *wire)
{
    char date[SILT_SIGV4_DATE_LEN];
    uint8_t key[SILT_SHA256_LEN];
    silt_sigv4_date(silt_wall_ms(), date);
    const struct silt_sigv4_req scope = silt_s3_scope(site, "AKIDEXAMPLE", date);
    silt_sigv4_keys_get(&keys, &scope, &secret, key);
    const struct silt_s3_creds creds = {
        .access_key = "AKIDEXAMPLE", .session_token = &no_token, .signing_key = key};
    silt_s3_sign(wire, site, &creds, date);
}

static void build_and_sign(const struct silt_s3_site *site, const struct silt_store_req *req)
{
    struct silt_s3_wire wire;
    silt_s3_build(&wire, site, req, NULL);
    sign(site, &wire);
    silt_s3_wire_done(&wire);
}

static double best_ns(const struct silt_s3_site *site, const struct silt_store_req *req, bool whole)
{
    struct silt_s3_wire wire;
    double best = 1e18;
    silt_s3_build(&wire, site, req, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t start_ns = silt_mono_ns();
        for (int i = 0; i < REQUESTS; i++) {
            if (whole)
                build_and_sign(site, req);
            else
                sign(site, &wire);
        }
        double ns = (double)(silt_mono_ns() - start_ns) / REQUESTS;
        if (ns < best) best = ns;
    }
    silt_s3_wire_done(&wire);
    return best;
}

int main(void)
{
    silt_secret_set(&secret, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    const struct silt_s3_opts opts = {.region = "eu-central-1"};
    struct silt_s3_site site;
    struct silt_err err;
    if (!silt_s3_site_init(&site, "s3://silt-archive/production", &opts, &err).ok) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    const struct silt_store_req part = {
        .op = SILT_OP_MPU_PART,
        .key = "data/topic=sensors/dt=2026-01-01/hh=00/"
               "0123abcd-p00007-s0000000000000042-o00000000000012345678-0123456789abcdef.avro",
        .upload_id = "VXBsb2FkIElEIGZvciBlbHZpbmcncyBteS1tb3ZpZS5tMnRzIHVwbG9hZA",
        .part_number = 17,
        .crc32c = 0xE3069283};
    double sign_ns = best_ns(&site, &part, false);
    double whole_ns = best_ns(&site, &part, true);
    printf("sign             %8.0f ns per UploadPart\n", sign_ns);
    printf("build and sign   %8.0f ns per UploadPart = %.4f ns per byte of an 8 MiB part = %.3f %% "
           "of %.0f ns per byte\n",
           whole_ns, whole_ns / PART_BYTES, 100 * whole_ns / PART_BYTES / PIPELINE_NS_PER_BYTE,
           PIPELINE_NS_PER_BYTE);
    silt_s3_site_done(&site);
    silt_sigv4_keys_done(&keys);
    silt_secret_done(&secret);
    return 0;
}
