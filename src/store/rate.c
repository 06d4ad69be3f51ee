#include "store/rate.h"

#define SECOND_MS 1000
#define LESS 0.7
#define MORE 1.1

/* What a second's requests are: of the last whole one, or of this one when there were more. */
static void count(struct silt_rate *rate, int64_t now_ms)
{
    if (now_ms - rate->second_ms >= SECOND_MS) {
        rate->sent_before = now_ms - rate->second_ms < 2 * SECOND_MS ? rate->sent : 0;
        rate->sent = 0;
        rate->second_ms = now_ms;
    }
    rate->sent++;
}

static void grow(struct silt_rate *rate, int64_t now_ms)
{
    while (rate->limit > 0 && now_ms - rate->changed_ms >= SECOND_MS) {
        rate->limit *= MORE;
        rate->changed_ms += SECOND_MS;
        if (rate->limit > SILT_RATE_MAX) rate->limit = 0;
    }
}

/* Holds at most a tenth of a second's requests, so that a pause does not end in a burst. */
static void fill(struct silt_rate *rate, int64_t now_ms)
{
    double most = rate->limit / 10;
    rate->tokens += rate->limit * (double)(now_ms - rate->filled_ms) / SECOND_MS;
    if (rate->tokens > most) rate->tokens = most;
    rate->filled_ms = now_ms;
}

int64_t silt_rate_take(struct silt_rate *rate, int64_t now_ms)
{
    grow(rate, now_ms);
    if (rate->limit > 0) {
        fill(rate, now_ms);
        if (rate->tokens < 1) return 1 + (int64_t)((1 - rate->tokens) * SECOND_MS / rate->limit);
        rate->tokens -= 1;
    }
    count(rate, now_ms);
    return 0;
}

void silt_rate_throttled(struct silt_rate *rate, int64_t now_ms)
{
    if (rate->limit > 0 && now_ms - rate->changed_ms < SECOND_MS) return;
    double sent = rate->sent > rate->sent_before ? rate->sent : rate->sent_before;
    double now = rate->limit > 0 && rate->limit < sent ? rate->limit : sent;
    rate->limit = now * LESS > SILT_RATE_MIN ? now * LESS : SILT_RATE_MIN;
    rate->tokens = 0;
    rate->filled_ms = rate->changed_ms = now_ms;
}
