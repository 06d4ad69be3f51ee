/* How fast a store may be asked: a token bucket that shrinks when the store says "slow down" and
 * grows back by itself.
 *
 * Pure; times are monotonic, in ms. There is no limit until the store asks for one; then it is 7/10
 * of what was being sent, again less with each further complaint (those of one second count as one,
 * because many requests are in flight), and a tenth more with each second without any. Above
 * SILT_RATE_MAX the limit is lifted.
 * Sources: Amazon S3 User Guide, "Optimizing performance" (3,500 writes and 5,500 reads a second
 * for a prefix, 503 while it scales); AWS SDKs and Tools Reference Guide, "Retry behavior"
 * (adaptive mode multiplies by 0.7), 2026.
 */
#ifndef SILT_STORE_RATE_H
#define SILT_STORE_RATE_H

#include <stdint.h>

#define SILT_RATE_MIN 25 /* requests a second */
#define SILT_RATE_MAX 6000

struct silt_rate { /* zeroed: no limit */
    double limit;  /* requests a second; 0 = none */
    double tokens;
    int64_t filled_ms;  /* when tokens were last added */
    int64_t changed_ms; /* when the limit last changed */
    int64_t second_ms;  /* beginning of the second being counted */
    unsigned sent;      /* in it */
    unsigned sent_before;
};

/* @return 0: send now; else ms to wait before asking again. */
int64_t silt_rate_take(struct silt_rate *rate, int64_t now_ms);
/* The store asked to slow down. */
void silt_rate_throttled(struct silt_rate *rate, int64_t now_ms);

#endif
