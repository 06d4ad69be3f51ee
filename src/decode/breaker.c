#include "decode/breaker.h"

void silt_breaker_init(struct silt_breaker *breaker, double ratio_max)
{
    *breaker = (struct silt_breaker){.ratio_max = ratio_max};
}

bool silt_breaker_trips(struct silt_breaker *breaker, bool rejected)
{
    if (breaker->ratio_max >= 1) return false;
    bool *slot = &breaker->was_rejected[breaker->at];
    if (breaker->records == SILT_BREAKER_RECORDS)
        breaker->rejected -= *slot;
    else
        breaker->records++;
    *slot = rejected;
    breaker->rejected += rejected;
    breaker->at = (breaker->at + 1) % SILT_BREAKER_RECORDS;
    return breaker->records >= SILT_BREAKER_MIN &&
           breaker->rejected > breaker->ratio_max * breaker->records;
}
