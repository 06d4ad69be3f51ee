/* A latency histogram of bounded relative error (≤ 1 %), lock-free to record, mergeable.
 *
 * Log-linear buckets as in HdrHistogram: 128 linear steps per power of two (a bucket's middle is
 * at most 0.4 % off), 0 … 2^37 µs (38 hours); larger values count in the last bucket. Values in
 * microseconds. A bucket's count wraps at 2^32; differences of snapshots are right beyond that.
 */
#ifndef SILT_METRICS_HISTOGRAM_H
#define SILT_METRICS_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define SILT_HISTOGRAM_BUCKETS 3968 /* 128 + 30 * 128: see silt_histogram_bucket */

struct silt_histogram {
    _Atomic uint64_t sum;
    _Atomic uint64_t max;
    _Atomic uint32_t counts[SILT_HISTOGRAM_BUCKETS];
};
struct silt_histogram_snapshot {
    uint64_t count;
    uint64_t sum;
    uint64_t max;
    uint32_t counts[SILT_HISTOGRAM_BUCKETS];
};

unsigned silt_histogram_bucket(uint64_t value);
uint64_t silt_histogram_value(unsigned bucket); /* middle of the bucket */
void silt_histogram_record(struct silt_histogram *h, uint64_t value);
void silt_histogram_snapshot(const struct silt_histogram *h, struct silt_histogram_snapshot *ret);
/* Counts and sum are subtracted; max is the highest non-empty bucket of the difference. */
void silt_histogram_diff(const struct silt_histogram_snapshot *later,
                         const struct silt_histogram_snapshot *earlier,
                         struct silt_histogram_snapshot *ret);
/* The smallest value that at least this share of the values does not exceed; quantile 0…1; 0 when
 * empty. */
uint64_t silt_histogram_quantile(const struct silt_histogram_snapshot *h, double quantile);

#endif
