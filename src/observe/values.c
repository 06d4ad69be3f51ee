#include "observe/values_int.h"

#include <string.h>

static unsigned lower_bound(const struct silt_values *values, uint64_t value)
{
    unsigned low = 0;
    unsigned high = values->n;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (values->values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static unsigned nearest(const struct silt_values *values, unsigned at, uint64_t value)
{
    if (at == values->n) return at - 1;
    if (at == 0) return 0;
    return value - values->values[at - 1] <= values->values[at] - value ? at - 1 : at;
}

void silt_values_add(struct silt_values *values, uint64_t value, uint64_t count)
{
    unsigned at = lower_bound(values, value);
    if (at < values->n && values->values[at] == value) {
        values->counts[at] += count;
        return;
    }
    if (values->n == SILT_VALUES_MAX) {
        values->counts[nearest(values, at, value)] += count;
        return;
    }
    size_t rest = values->n - at;
    memmove(values->values + at + 1, values->values + at, rest * sizeof values->values[0]);
    memmove(values->counts + at + 1, values->counts + at, rest * sizeof values->counts[0]);
    values->values[at] = value;
    values->counts[at] = count;
    values->n++;
}
