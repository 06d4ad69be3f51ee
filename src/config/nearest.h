/* The word that was probably meant. Pure, any thread. */
#ifndef SILT_CONFIG_NEAREST_H
#define SILT_CONFIG_NEAREST_H

#define SILT_WORD_MAX 64 /* longer words are near to nothing */

/* Levenshtein distance: letters to insert, drop or change. Any word longer than SILT_WORD_MAX is
 * SILT_WORD_MAX away. */
unsigned silt_edit_distance(const char *a, const char *b);

/* A search over any list: start with {.word = word}, offer every candidate, read `best`: NULL when
 * none is near. Near is what differs in at most `limit` letters; 0 stands for two, or a third of
 * the word when that is more. */
struct silt_nearest {
    const char *word;
    unsigned limit;
    const char *best;
    unsigned distance;
};
void silt_nearest_offer(struct silt_nearest *nearest, const char *candidate);

#endif
