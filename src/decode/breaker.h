/* Whether too many of a partition's last records were rejected: then it is no longer the records'
 * fault, and keeping them as rejects would hide that.
 *
 * Judged over the last SILT_BREAKER_RECORDS records, from SILT_BREAKER_MIN on (fewer say nothing
 * about a share). One breaker for each partition; pure.
 */
#ifndef SILT_DECODE_BREAKER_H
#define SILT_DECODE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define SILT_BREAKER_RECORDS 1000u
#define SILT_BREAKER_MIN 100u

struct silt_breaker {
    double ratio_max; /* 1: never trips */
    unsigned records; /* judged, at most SILT_BREAKER_RECORDS */
    unsigned rejected;
    unsigned at; /* of the oldest one, once there are as many as it holds */
    bool was_rejected[SILT_BREAKER_RECORDS];
};

void silt_breaker_init(struct silt_breaker *breaker, double ratio_max);
/* The next record's verdict. @return true when more of the last ones are rejects than allowed. */
bool silt_breaker_trips(struct silt_breaker *breaker, bool rejected);

#endif
