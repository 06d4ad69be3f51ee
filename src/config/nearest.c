#include "config/nearest.h"

#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned silt_edit_distance(const char *a, const char *b)
{
    const size_t a_len = strlen(a);
    const size_t b_len = strlen(b);
    if (a_len > SILT_WORD_MAX || b_len > SILT_WORD_MAX) return SILT_WORD_MAX;
    /* row[j]: distance between the letters of `a` seen so far and the first j letters of `b` */
    unsigned row[SILT_WORD_MAX + 1];
    for (unsigned j = 0; j <= b_len; j++) row[j] = j;
    for (size_t i = 0; i < a_len; i++) {
        unsigned diagonal = row[0]++;
        for (size_t j = 0; j < b_len; j++) {
            const unsigned change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = least(change, least(row[j], row[j + 1]) + 1);
        }
    }
    return row[b_len];
}

static unsigned limit_of(const struct silt_nearest *nearest)
{
    if (nearest->limit > 0) return nearest->limit;
    const unsigned third = (unsigned)(strlen(nearest->word) / 3);
    return third > 2 ? third : 2;
}

void silt_nearest_offer(struct silt_nearest *nearest, const char *candidate)
{
    const unsigned distance = silt_edit_distance(nearest->word, candidate);
    if (distance > limit_of(nearest)) return;
    /* "cat" is not a misspelt "ls" */
    if (distance >= strlen(candidate)) return;
    if (nearest->best && distance >= nearest->distance) return;
    nearest->best = candidate;
    nearest->distance = distance;
}
