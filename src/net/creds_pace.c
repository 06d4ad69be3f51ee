#include "net/creds_pace_int.h"

#include "base/backoff.h"

#define LEAD_MAX_MS ((int64_t)10 * 60 * 1000)
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 60000
#define WAIT_MIN_MS 1000
#define AGAIN_MS 5000

void silt_creds_pace_begun(struct silt_creds_pace *pace, int64_t now_ms)
{
    pace->begun_ms = now_ms;
}

void silt_creds_pace_obtained(struct silt_creds_pace *pace, int64_t now_ms, int64_t expires_ms,
                              uint64_t random)
{
    int64_t left_ms = expires_ms - now_ms;
    int64_t lead_ms = left_ms / 4 < LEAD_MAX_MS ? left_ms / 4 : LEAD_MAX_MS;
    pace->failures = 0;
    pace->due_ms = SILT_CREDS_NEVER;
    if (!expires_ms) return;
    int64_t jitter_ms = (int64_t)(random % (uint64_t)(lead_ms / 2 + 1));
    int64_t wait_ms = left_ms - lead_ms - jitter_ms;
    pace->due_ms = now_ms + (wait_ms > WAIT_MIN_MS ? wait_ms : WAIT_MIN_MS);
}

void silt_creds_pace_failed(struct silt_creds_pace *pace, int64_t now_ms, uint64_t random)
{
    const struct silt_backoff_opts opts = {.first_ms = BACKOFF_FIRST_MS, .max_ms = BACKOFF_MAX_MS};
    pace->failures++;
    pace->due_ms = now_ms + silt_backoff_ms(&opts, pace->failures, 0, 0, random);
}

void silt_creds_pace_refused(struct silt_creds_pace *pace, int64_t now_ms)
{
    if (pace->failures) return;
    int64_t again_ms = pace->begun_ms + AGAIN_MS;
    int64_t due_ms = again_ms > now_ms ? again_ms : now_ms;
    if (due_ms < pace->due_ms) pace->due_ms = due_ms;
}
