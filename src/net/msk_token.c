#include "net/msk_token.h"

#include "base/alloc.h"
#include "base/random.h"
#include "base/version.h"
#include "net/sigv4.h"

#include <stdio.h>
#include <string.h>

#define URL_MAX ((size_t)1 << 16)

static void presign(const struct silt_creds *creds, const char *region, int64_t wall_ms,
                    struct silt_buf *ret_url)
{
    static const struct silt_sigv4_pair query[] = {{"Action", "kafka-cluster:Connect"}};
    char host[160];
    char date[SILT_SIGV4_DATE_LEN];
    uint8_t key[SILT_SHA256_LEN];
    struct silt_sigv4_keys keys = {0};
    snprintf(host, sizeof host, "kafka.%s.amazonaws.com", region);
    silt_sigv4_date(wall_ms, date);
    const struct silt_http_header headers[] = {{"host", host}};
    const struct silt_sigv4_req req = {.access_key = creds->access_key,
                                       .region = region,
                                       .service = "kafka-cluster",
                                       .date = date,
                                       .method = "GET",
                                       .path = "/",
                                       .query = query,
                                       .query_n = 1,
                                       .headers = headers,
                                       .headers_n = 1,
                                       .payload_hash = SILT_SIGV4_EMPTY};
    silt_sigv4_keys_get(&keys, &req, &creds->secret_key, key);
    (void)silt_buf_printf(ret_url, "https://%s/?", host);
    silt_sigv4_presign(ret_url, &req, key, SILT_MSK_TOKEN_MS / 1000,
                       silt_secret_is_set(&creds->session_token)
                           ? silt_secret_reveal(&creds->session_token)
                           : NULL);
    (void)silt_buf_append_str(ret_url, "&User-Agent=silt%2F" SILT_VERSION);
    silt_sigv4_keys_done(&keys);
    explicit_bzero(key, sizeof key);
}

/* RFC 4648, section 5. */
static void make_url_safe(char *base64)
{
    for (char *c = base64; *c; c++) {
        if (*c == '+') *c = '-';
        if (*c == '/') *c = '_';
        if (*c == '=') *c = '\0';
    }
}

void silt_msk_token(const struct silt_creds *creds, const char *region, int64_t wall_ms,
                    struct silt_buf *ret_token)
{
    struct silt_buf url;
    silt_buf_init(&url, URL_MAX);
    presign(creds, region, wall_ms, &url);
    char *base64 = silt_alloc(SILT_BASE64_LEN(url.len));
    silt_base64(url.data, url.len, base64);
    make_url_safe(base64);
    (void)silt_buf_append_str(ret_token, base64);
    explicit_bzero(base64, strlen(base64));
    explicit_bzero(url.data, url.len);
    silt_free(base64);
    silt_buf_done(&url);
}

int64_t silt_msk_token_expires_ms(const struct silt_creds *creds, int64_t wall_ms)
{
    const int64_t expires_ms = wall_ms + SILT_MSK_TOKEN_MS;
    return creds->expires_ms && creds->expires_ms < expires_ms ? creds->expires_ms : expires_ms;
}
