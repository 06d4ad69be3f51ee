#include "commit/probe.h"

#include "base/clock.h"
#include "base/random.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define RACERS 16u
#define ROUNDS 8u
#define ROUNDS_MAX 16u /* an unclear round is run again */
#define SKEW_MAX_MS ((int64_t)5 * 60 * 1000)
#define HOUR_MS ((int64_t)60 * 60 * 1000)
#define FORMAT "silt-1"
#define FORMAT_KEY "_format.json"
#define FORMAT_MAX ((size_t)4096)
#define PROBE_BODY_MAX 64

static void draw_key(char ret_key[SILT_PROBE_KEY_MAX])
{
    static const char prefix[] = "_probe/";
    memcpy(ret_key, prefix, sizeof prefix);
    silt_random_hex(ret_key + sizeof prefix - 1, 32);
}

/* What no probe can judge: the store did not answer, or not to us. */
static SILT_RC cannot_ask(const struct silt_store *store, const struct silt_store_req *req,
                          struct silt_err *err)
{
    return silt_err_set(err, silt_store_outcome_code(req->outcome), __FILE__, __LINE__,
                        "%.80s: %s of %.48s was answered %s: %.60s", store->url,
                        silt_store_op_name(req->op), req->key,
                        silt_store_outcome_name(req->outcome), req->text);
}

static void get(struct silt_store *store, const char *key, size_t max, struct silt_store_req *req)
{
    *req = (struct silt_store_req){.op = SILT_OP_GET, .key = key, .body_max = max};
    silt_store_call(store, req);
}

static void put(struct silt_store *store, const char *key, const struct silt_slice *body,
                struct silt_store_req *req)
{
    *req = (struct silt_store_req){.op = SILT_OP_PUT_NEW, .key = key, .body = body, .body_n = 1};
    silt_store_call(store, req);
}

/* ---- A6, A7: the clock, and what an absent key looks like ---- */

static SILT_RC judge_clock(const struct silt_store_req *req, struct silt_err *err)
{
    if (!req->server_time_ms) return SILT_OK; /* a store without a clock of its own */
    int64_t skew = req->server_time_ms - silt_wall_ms();
    if (skew <= SKEW_MAX_MS && skew >= -SKEW_MAX_MS) return SILT_OK;
    SILT_FAIL(
        err, CONFIG,
        "this clock is %lld s %s the store's; dates of commits would not be believed (at most "
        "%lld s): set the clock (chrony, NTP) and start again",
        (long long)(skew > 0 ? skew : -skew) / 1000, skew > 0 ? "behind" : "ahead of",
        (long long)SKEW_MAX_MS / 1000);
}

static SILT_RC judge_absent(const struct silt_store *store, const struct silt_store_req *req,
                            struct silt_err *err)
{
    SILT_TRY(judge_clock(req, err));
    switch (req->outcome) {
    case SILT_STORE_NOT_FOUND: return SILT_OK;
    case SILT_STORE_DENIED:
        SILT_FAIL(
            err, DENIED,
            "the store answers 403 for an absent key: \"absent\" and \"not allowed\" look the "
            "same, so no log could be trusted to end; check the credentials and grant "
            "s3:ListBucket on the bucket");
    case SILT_STORE_OK:
        SILT_FAIL(err, UNSUPPORTED,
                  "the store has an object at a key that was never written (%.48s): what it says "
                  "cannot be trusted; use a store, or a way to it, without such a cache or proxy",
                  req->key);
    default: return cannot_ask(store, req, err);
    }
}

SILT_RC silt_probe_absent(struct silt_store *store, struct silt_err *err)
{
    char key[SILT_PROBE_KEY_MAX];
    draw_key(key);
    struct silt_store_req req;
    get(store, key, PROBE_BODY_MAX, &req);
    struct silt_rc rc = judge_absent(store, &req, err);
    silt_store_req_done(&req);
    SILT_TRY(rc);
    req = (struct silt_store_req){.op = SILT_OP_HEAD, .key = key};
    silt_store_call(store, &req);
    rc = judge_absent(store, &req, err);
    silt_store_req_done(&req);
    return rc;
}

/* ---- lifecycle rules ---- */

SILT_RC silt_probe_lifecycle(const struct silt_store_req *req, const struct silt_probe_opts *opts,
                             struct silt_err *err)
{
    if (req->outcome != SILT_STORE_OK) return SILT_OK; /* not told: the operator's own affair */
    if (req->lifecycle_expires_log)
        SILT_FAIL(
            err, CONFIG,
            "a lifecycle rule of the bucket expires objects below _log/: one lost manifest is "
            "enough to archive records twice; limit the rule to prefixes outside _log/");
    if (!req->lifecycle_abort_days) return SILT_OK;
    int64_t hours = (int64_t)req->lifecycle_abort_days * 24;
    if (hours * HOUR_MS >= 4 * opts->max_upload_age_ms) return SILT_OK;
    SILT_FAIL(
        err, CONFIG,
        "a lifecycle rule aborts uploads after %lld h, which is less than 4 times the longest "
        "upload age of %lld min: committed files could vanish; let the rule wait longer (7 "
        "days) or lower the age",
        (long long)hours, (long long)(opts->max_upload_age_ms / 60000));
}

static SILT_RC ask_lifecycle(struct silt_store *store, const struct silt_probe_opts *opts,
                             struct silt_err *err)
{
    struct silt_store_req req = {.op = SILT_OP_LIFECYCLE, .key = ""};
    silt_store_call(store, &req);
    struct silt_rc rc = silt_probe_lifecycle(&req, opts, err);
    silt_store_req_done(&req);
    return rc;
}

/* ---- A1, A2: put-if-absent, one after the other and all at once ---- */

SILT_RC silt_probe_second_put(struct silt_store *store, char ret_key[SILT_PROBE_KEY_MAX],
                              struct silt_err *err)
{
    char key[SILT_PROBE_KEY_MAX];
    draw_key(key);
    ret_key[0] = '\0';
    struct silt_slice bodies[] = {silt_slice_str("first"), silt_slice_str("second")};
    struct silt_store_req req;
    put(store, key, &bodies[0], &req);
    /* EXISTS: an earlier attempt of this very request. */
    bool written = req.outcome == SILT_STORE_OK || req.outcome == SILT_STORE_EXISTS;
    struct silt_rc rc = written ? SILT_OK : cannot_ask(store, &req, err);
    silt_store_req_done(&req);
    SILT_TRY(rc);
    memcpy(ret_key, key, sizeof key);
    put(store, key, &bodies[1], &req);
    rc = req.outcome == SILT_STORE_EXISTS ? SILT_OK : cannot_ask(store, &req, err);
    if (req.outcome == SILT_STORE_OK)
        rc = silt_err_set(err, SILT_E_UNSUPPORTED, __FILE__, __LINE__,
                          "the store ignores If-None-Match: a second PUT to one key was accepted, "
                          "so two workers could both commit one slot; use a store with conditional "
                          "writes (AWS S3, MinIO, R2, Ceph 19 …)");
    silt_store_req_done(&req);
    return rc;
}

struct race {
    char key[SILT_PROBE_KEY_MAX];
    char texts[RACERS][PROBE_BODY_MAX];
    struct silt_slice bodies[RACERS];
    struct silt_store_req reqs[RACERS];
    unsigned won_n;
};

static void note_reply(struct silt_store_req *req)
{
    struct race *race = req->ctx;
    race->won_n += req->outcome == SILT_STORE_OK;
}

static void start_racer(struct silt_store *store, struct race *race, unsigned i,
                        struct silt_queue *queue)
{
    snprintf(race->texts[i], sizeof race->texts[i], "racer %u of %s", i, race->key);
    race->bodies[i] = silt_slice_str(race->texts[i]);
    race->reqs[i] = (struct silt_store_req){.op = SILT_OP_PUT_NEW,
                                            .key = race->key,
                                            .body = &race->bodies[i],
                                            .body_n = 1,
                                            .attempts_max = 1,
                                            .reply_to = queue,
                                            .on_reply = note_reply,
                                            .ctx = race};
    silt_store_submit(store, &race->reqs[i]);
}

static void run_race(struct silt_store *store, struct race *race)
{
    struct silt_queue *queue = silt_queue_new(RACERS, NULL, NULL);
    *race = (struct race){0};
    draw_key(race->key);
    for (unsigned i = 0; i < RACERS; i++) start_racer(store, race, i, queue);
    for (unsigned i = 0; i < RACERS; i++) silt_store_reply(silt_queue_pop(queue, -1));
    silt_queue_free(queue);
}

static bool is_race_answer(enum silt_store_outcome outcome)
{
    return outcome == SILT_STORE_OK || outcome == SILT_STORE_EXISTS ||
           outcome == SILT_STORE_CONFLICT || outcome == SILT_STORE_DOUBT ||
           outcome == SILT_STORE_THROTTLED;
}

static SILT_RC judge_answers(const struct silt_store *store, const struct race *race,
                             struct silt_err *err)
{
    for (unsigned i = 0; i < RACERS; i++)
        if (!is_race_answer(race->reqs[i].outcome)) return cannot_ask(store, &race->reqs[i], err);
    if (race->won_n <= 1) return SILT_OK;
    SILT_FAIL(err, UNSUPPORTED,
              "the store's If-None-Match is not atomic: %u of %u PUTs at once to one key were "
              "accepted, so two workers could both commit one slot; use a store with atomic "
              "conditional writes (AWS S3, MinIO, R2 …)",
              race->won_n, RACERS);
}

/* Which racer's body the key holds; RACERS: of none. */
static unsigned find_winner(const struct race *race, const struct silt_store_req *got)
{
    unsigned i = 0;
    while (i < RACERS && !silt_slice_eq(race->bodies[i], silt_buf_slice(&got->ret_body))) i++;
    return i;
}

/* The racer that the key holds was told so, or was told nothing clear when nobody was. */
static bool may_be_winner(const struct race *race, unsigned i)
{
    if (i == RACERS) return false;
    enum silt_store_outcome told = race->reqs[i].outcome;
    if (race->won_n) return told == SILT_STORE_OK;
    return told == SILT_STORE_DOUBT || told == SILT_STORE_THROTTLED;
}

static SILT_RC judge_winner(const struct silt_store *store, const struct race *race,
                            const struct silt_store_req *got, bool *ret_clear, struct silt_err *err)
{
    bool absent = got->outcome == SILT_STORE_NOT_FOUND;
    if (got->outcome != SILT_STORE_OK && !absent) return cannot_ask(store, got, err);
    unsigned exists_n = 0;
    for (unsigned i = 0; i < RACERS; i++) exists_n += race->reqs[i].outcome == SILT_STORE_EXISTS;
    bool nobody = absent && !race->won_n && !exists_n; /* all conflicts or lost on their way */
    if (!nobody && (absent || !may_be_winner(race, find_winner(race, got))))
        SILT_FAIL(err, UNSUPPORTED,
                  "after %u PUTs at once to one key (%u accepted) the store's GET %s: it is not "
                  "consistent, so workers could not see each other's commits; use a strongly "
                  "consistent store, without a cache between",
                  RACERS, race->won_n, absent ? "finds nothing" : "returns another body");
    *ret_clear = !nobody;
    return SILT_OK;
}

static SILT_RC probe_race(struct silt_store *store, bool *ret_clear, struct silt_err *err)
{
    struct race race;
    struct silt_store_req got;
    run_race(store, &race);
    struct silt_rc rc = judge_answers(store, &race, err);
    if (rc.ok) {
        get(store, race.key, PROBE_BODY_MAX, &got);
        rc = judge_winner(store, &race, &got, ret_clear, err);
        silt_store_req_done(&got);
    }
    for (unsigned i = 0; i < RACERS; i++) silt_store_req_done(&race.reqs[i]);
    return rc;
}

SILT_RC silt_probe_races(struct silt_store *store, struct silt_err *err)
{
    unsigned clear_n = 0;
    for (unsigned round = 0; round < ROUNDS_MAX && clear_n < ROUNDS; round++) {
        bool clear;
        SILT_TRY(probe_race(store, &clear, err));
        clear_n += clear;
    }
    if (clear_n == ROUNDS) return SILT_OK;
    SILT_FAIL(
        err, UNAVAILABLE,
        "of %u rounds of PUTs at once to one key only %u had a winner: the store is overloaded "
        "or cannot decide conflicts, so commits would not go through; look at the store's "
        "health and start again",
        ROUNDS_MAX, clear_n);
}

SILT_RC silt_probe_store(struct silt_store *store, const struct silt_probe_opts *opts,
                         struct silt_err *err)
{
    char key[SILT_PROBE_KEY_MAX];
    SILT_TRY(silt_probe_absent(store, err));
    SILT_TRY(ask_lifecycle(store, opts, err));
    SILT_TRY(silt_probe_second_put(store, key, err));
    return silt_probe_races(store, err);
}

/* ---- the archive's name ---- */

static bool is_archive_id(const char *id)
{
    return id && strlen(id) == SILT_UUID_LEN - 1 &&
           strspn(id, "0123456789abcdef") == SILT_UUID_LEN - 1;
}

static SILT_RC judge_format(const struct silt_store *store, const json_t *object,
                            char ret_archive_id[SILT_UUID_LEN], struct silt_err *err)
{
    const char *format = json_string_value(json_object_get(object, "format"));
    if (!format)
        SILT_FAIL(err, UNSUPPORTED,
                  "%.120s/" FORMAT_KEY
                  " names no format: the root holds something else; use another "
                  "archive root",
                  store->url);
    if (strcmp(format, FORMAT) != 0)
        SILT_FAIL(err, UNSUPPORTED,
                  "%.100s holds an archive of format \"%.24s\", this silt writes \"" FORMAT
                  "\"; use the silt that made it, or another archive root",
                  store->url, format);
    const char *id = json_string_value(json_object_get(object, "archive_id"));
    if (!is_archive_id(id))
        SILT_FAIL(err, CORRUPT,
                  "%.120s/" FORMAT_KEY ": archive_id is not 32 hex digits; restore the object from "
                  "its first version",
                  store->url);
    memcpy(ret_archive_id, id, SILT_UUID_LEN);
    return SILT_OK;
}

static SILT_RC read_format(struct silt_store *store, char ret_archive_id[SILT_UUID_LEN],
                           struct silt_err *err)
{
    struct silt_store_req req;
    get(store, FORMAT_KEY, FORMAT_MAX, &req);
    if (req.outcome != SILT_STORE_OK) {
        struct silt_rc failed = cannot_ask(store, &req, err);
        silt_store_req_done(&req);
        return failed;
    }
    json_t *object = json_loadb(silt_buf_str(&req.ret_body), req.ret_body.len, 0, NULL);
    struct silt_rc rc = judge_format(store, object, ret_archive_id, err);
    json_decref(object);
    silt_store_req_done(&req);
    return rc;
}

SILT_RC silt_archive_open(struct silt_store *store, char ret_archive_id[SILT_UUID_LEN],
                          struct silt_err *err)
{
    char id[SILT_UUID_LEN];
    char created[SILT_ISO_LEN];
    char text[160];
    silt_random_hex(id, sizeof id - 1);
    silt_iso_seconds(silt_wall_ms(), created);
    snprintf(text, sizeof text,
             "{\"archive_id\":\"%s\",\"created\":\"%s\",\"format\":\"" FORMAT "\"}", id, created);
    struct silt_slice body = silt_slice_str(text);
    struct silt_store_req req;
    put(store, FORMAT_KEY, &body, &req);
    enum silt_store_outcome outcome = req.outcome;
    struct silt_rc rc = outcome == SILT_STORE_OK ? SILT_OK : cannot_ask(store, &req, err);
    silt_store_req_done(&req);
    if (outcome == SILT_STORE_EXISTS) return read_format(store, ret_archive_id, err);
    if (rc.ok) memcpy(ret_archive_id, id, sizeof id);
    return rc;
}
