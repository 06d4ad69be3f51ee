/* Private to net: when credentials are fetched again.
 *
 * Pure; times are wall time in ms. Temporary credentials are renewed 10 to 15 minutes before they
 * expire, short-lived ones when a quarter to three eighths of their life is left; the jitter keeps
 * a fleet that started together from asking together. A failure backs off up to a minute, while the
 * old ones go on to serve until they expire. A service that refuses them makes a fetch due at once,
 * but not twice within five seconds.
 */
#ifndef SILT_NET_CREDS_PACE_INT_H
#define SILT_NET_CREDS_PACE_INT_H

#include <stdint.h>

#define SILT_CREDS_NEVER INT64_MAX

struct silt_creds_pace { /* zeroed: due at once */
    int64_t due_ms;      /* of the next fetch */
    int64_t begun_ms;    /* of the last fetch */
    unsigned failures;   /* in a row */
};

void silt_creds_pace_begun(struct silt_creds_pace *pace, int64_t now_ms);
/* expires_ms 0: they do not. */
void silt_creds_pace_obtained(struct silt_creds_pace *pace, int64_t now_ms, int64_t expires_ms,
                              uint64_t random);
void silt_creds_pace_failed(struct silt_creds_pace *pace, int64_t now_ms, uint64_t random);
/* Somebody who was shown the credentials does not take them. */
void silt_creds_pace_refused(struct silt_creds_pace *pace, int64_t now_ms);

#endif
