/* When the registry may be asked. Pure: the caller brings clock and random number.
 *
 * Two bounds: a token bucket for all look-ups (schema ids come from the records, so anybody who can
 * write to the topic can invent them), and a growing pause after failures. Both delay, neither
 * refuses. Times are ms of one monotonic clock.
 */
#ifndef SILT_DECODE_REGISTRY_PACE_INT_H
#define SILT_DECODE_REGISTRY_PACE_INT_H

#include <stdint.h>

#define SILT_PACE_BURST 50       /* look-ups at once … */
#define SILT_PACE_INTERVAL_MS 20 /* … and one each 20 ms after that */
#define SILT_PACE_PAUSE_MIN_MS 50
#define SILT_PACE_PAUSE_FIRST_MS 250
#define SILT_PACE_PAUSE_MAX_MS 30000

struct silt_pace {
    int64_t spent_until_ms; /* the bucket's level as a moment: all tokens are back by then */
    int64_t not_before_ms;  /* end of the pause */
    unsigned failures;      /* in a row */
};

/* @return ms to wait before the next look-up starts; its token is taken. */
int64_t silt_pace_delay(struct silt_pace *pace, int64_t now_ms);
/* @return the end of the pause. Failures of look-ups from before the pause count once. */
int64_t silt_pace_failed(struct silt_pace *pace, int64_t now_ms, int64_t retry_after_ms,
                         uint64_t random);
void silt_pace_answered(struct silt_pace *pace);

#endif
