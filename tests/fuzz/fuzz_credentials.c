/* Where AWS credentials come from: any shared files and variables make a plan or are refused in
 * words; any answers to its requests (STS, containers, instance metadata) end in keys that can be
 * used or in words; and nothing of them gets into a request's head unchecked.
 *
 *   the credentials and the config file up to a 0 byte each, a profile, a role, variables up to an
 *   empty one, then answers: what came, and its text up to a 0 byte
 */
#include "creds_fetch_int.h"

#include "fuzz.h"

#define WORDS_MAX 6
#define ROUNDS_MAX 16
#define NOW INT64_C(1700000000000)

struct given {
    char credentials[400];
    char config[400];
    char profile[40];
    char role[80];
    char words[WORDS_MAX][120];
    const char *environ[WORDS_MAX + 1];
};

static void take_given(struct fuzz_in *in, struct given *given)
{
    memset(given, 0, sizeof *given);
    fuzz_text(in, given->credentials, sizeof given->credentials);
    fuzz_text(in, given->config, sizeof given->config);
    fuzz_text(in, given->profile, sizeof given->profile);
    fuzz_text(in, given->role, sizeof given->role);
    for (unsigned i = 0; i < WORDS_MAX; i++) {
        fuzz_text(in, given->words[i], sizeof given->words[i]);
        if (!given->words[i][0]) return;
        given->environ[i] = given->words[i];
    }
}

static bool is_harmless(const char *text)
{
    for (; *text; text++)
        if ((uint8_t)*text < ' ' || *text == 0x7F) return false;
    return true;
}

static void check_request(const struct silt_creds_fetch *fetch)
{
    FUZZ_CHECK(strstr(silt_buf_str(&fetch->url), "://") && is_harmless(silt_buf_str(&fetch->url)));
    for (unsigned i = 0; i < fetch->headers_n; i++)
        FUZZ_CHECK(is_harmless(fetch->headers[i].name) && is_harmless(fetch->headers[i].value));
}

static enum silt_creds_act go_on(struct silt_creds_fetch *fetch, enum silt_creds_act act,
                                 struct fuzz_in *in, struct silt_err *err)
{
    static const int statuses[] = {200, 200, 200, 200, 400, 403, 404, 429, 500, 0};
    static char text[1500];
    if (act == SILT_CREDS_READ) {
        fuzz_text(in, text, sizeof text);
        return silt_creds_fetch_read(fetch, text, err);
    }
    check_request(fetch);
    unsigned what = fuzz_byte(in);
    fuzz_text(in, text, sizeof text);
    if (what == 0xFF) return silt_creds_fetch_unanswered(fetch, text, err);
    return silt_creds_fetch_answer(fetch, statuses[what % 10], silt_slice_str(text), NOW, err);
}

static void fetch_keys(const struct silt_creds_plan *plan, struct fuzz_in *in)
{
    struct silt_creds_fetch fetch;
    struct silt_err err = {0};
    silt_creds_fetch_init(&fetch, plan);
    enum silt_creds_act act = silt_creds_fetch_begin(&fetch, NOW, &err);
    for (unsigned i = 0; act == SILT_CREDS_READ || act == SILT_CREDS_SEND; i++) {
        FUZZ_CHECK(i < ROUNDS_MAX);
        act = go_on(&fetch, act, in, &err);
    }
    if (act == SILT_CREDS_DONE) {
        FUZZ_CHECK(fetch.creds.access_key[0] && is_harmless(fetch.creds.access_key));
        FUZZ_CHECK(silt_secret_is_set(&fetch.creds.secret_key));
        FUZZ_CHECK(fetch.creds.expires_ms == 0 || fetch.creds.expires_ms > NOW);
    } else {
        FUZZ_CHECK(err.code != SILT_E_NONE && err.text[0]);
    }
    silt_creds_fetch_done(&fetch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct given words;
    static const struct silt_secret none;
    struct fuzz_in in = fuzz_in(data, size);
    struct silt_creds_plan plan = {0};
    struct silt_err err = {0};
    take_given(&in, &words);
    const struct silt_creds_given given = {.access_key = "",
                                           .secret_key = &none,
                                           .session_token = &none,
                                           .profile = words.profile,
                                           .role_arn = words.role,
                                           .session_name = "silt",
                                           .external_id = "",
                                           .sts_endpoint = "",
                                           .region = "eu-west-1",
                                           .environ = words.environ,
                                           .credentials_text = words.credentials,
                                           .config_text = words.config};
    if (silt_ok(silt_creds_plan_make(&given, &plan, &err)))
        fetch_keys(&plan, &in);
    else
        FUZZ_CHECK(err.code != SILT_E_NONE && err.text[0]);
    silt_creds_plan_done(&plan);
    return 0;
}
