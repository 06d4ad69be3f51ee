#include "metrics/histogram.h"

#include <string.h>

/* Values below 128 have a bucket each. Above, the octave [2^k, 2^(k+1)) is cut into 128 equal
 * steps:
 *
 *   bucket = 128 * (k - 6) + (value >> (k - 7)) - 128        k = 7 … 36
 */
#define STEPS 128u
#define STEPS_LOG2 7u
#define OCTAVES (SILT_HISTOGRAM_BUCKETS / STEPS - 1)

static unsigned log2_of(uint64_t value)
{
    return 63u - (unsigned)__builtin_clzll(value);
}

unsigned silt_histogram_bucket(uint64_t value)
{
    if (value < STEPS) return (unsigned)value;
    unsigned octave = log2_of(value) - STEPS_LOG2;
    if (octave >= OCTAVES) return SILT_HISTOGRAM_BUCKETS - 1;
    return STEPS * (octave + 1) + (unsigned)(value >> octave) - STEPS;
}

uint64_t silt_histogram_value(unsigned bucket)
{
    if (bucket < STEPS) return bucket;
    unsigned octave = bucket / STEPS - 1;
    uint64_t low = (uint64_t)(bucket % STEPS + STEPS) << octave;
    return low + ((1ull << octave) >> 1);
}

void silt_histogram_record(struct silt_histogram *h, uint64_t value)
{
    atomic_fetch_add_explicit(&h->counts[silt_histogram_bucket(value)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum, value, memory_order_relaxed);
    uint64_t max = atomic_load_explicit(&h->max, memory_order_relaxed);
    while (value > max && !atomic_compare_exchange_weak_explicit(
                              &h->max, &max, value, memory_order_relaxed, memory_order_relaxed))
        continue;
}

void silt_histogram_snapshot(const struct silt_histogram *h, struct silt_histogram_snapshot *ret)
{
    ret->count = 0;
    ret->sum = atomic_load_explicit(&h->sum, memory_order_relaxed);
    ret->max = atomic_load_explicit(&h->max, memory_order_relaxed);
    for (unsigned i = 0; i < SILT_HISTOGRAM_BUCKETS; i++) {
        ret->counts[i] = atomic_load_explicit(&h->counts[i], memory_order_relaxed);
        ret->count += ret->counts[i];
    }
}

void silt_histogram_diff(const struct silt_histogram_snapshot *later,
                         const struct silt_histogram_snapshot *earlier,
                         struct silt_histogram_snapshot *ret)
{
    uint64_t count = 0;
    uint64_t max = 0;
    for (unsigned i = 0; i < SILT_HISTOGRAM_BUCKETS; i++) {
        ret->counts[i] = later->counts[i] - earlier->counts[i];
        if (ret->counts[i]) max = silt_histogram_value(i);
        count += ret->counts[i];
    }
    ret->count = count;
    ret->sum = later->sum - earlier->sum;
    ret->max = max < later->max ? max : later->max;
}

uint64_t silt_histogram_quantile(const struct silt_histogram_snapshot *h, double quantile)
{
    if (h->count == 0) return 0;
    double wanted = quantile * (double)h->count;
    uint64_t seen = 0;
    for (unsigned i = 0; i < SILT_HISTOGRAM_BUCKETS; i++) {
        seen += h->counts[i];
        if (!h->counts[i] || (double)seen < wanted) continue;
        uint64_t value = silt_histogram_value(i);
        return value < h->max ? value : h->max;
    }
    return h->max;
}
