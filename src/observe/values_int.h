/* A small distribution that fits one CloudWatch datum: at most 150 distinct values with counts.
 * When a new value finds no room it counts at its nearest neighbour. Pure, one owner. Source:
 * PutMetricData, MetricDatum: "up to 150 unique values".
 */
#ifndef SILT_OBSERVE_VALUES_INT_H
#define SILT_OBSERVE_VALUES_INT_H

#include <stdint.h>

#define SILT_VALUES_MAX 150

struct silt_values {
    unsigned n;
    uint64_t values[SILT_VALUES_MAX]; /* ascending */
    uint64_t counts[SILT_VALUES_MAX];
};
void silt_values_add(struct silt_values *values, uint64_t value, uint64_t count);

#endif
