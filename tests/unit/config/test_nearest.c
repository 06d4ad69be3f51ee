#include "config/nearest.h"

#include "harness.h"

#include <string.h>

static void counts_letters_to_change(void)
{
    CU_ASSERT_EQUAL(silt_edit_distance("", ""), 0);
    CU_ASSERT_EQUAL(silt_edit_distance("abc", "abc"), 0);
    CU_ASSERT_EQUAL(silt_edit_distance("", "abc"), 3);
    CU_ASSERT_EQUAL(silt_edit_distance("abc", ""), 3);
    CU_ASSERT_EQUAL(silt_edit_distance("kitten", "sitting"), 3);
    CU_ASSERT_EQUAL(silt_edit_distance("codek", "codec"), 1);
}

static void long_words_are_near_to_nothing(void)
{
    char word[SILT_WORD_MAX + 2];
    memset(word, 'a', sizeof word);
    word[SILT_WORD_MAX + 1] = '\0';
    CU_ASSERT_EQUAL(silt_edit_distance(word, "a"), SILT_WORD_MAX);
    CU_ASSERT_EQUAL(silt_edit_distance("a", word), SILT_WORD_MAX);
    CU_ASSERT_EQUAL(silt_edit_distance(word, word + 2), SILT_WORD_MAX);
    CU_ASSERT_EQUAL(silt_edit_distance(word + 1, word + 1), 0);
}

static const char *best_of(const char *word, unsigned limit)
{
    struct silt_nearest nearest = {.word = word, .limit = limit};
    silt_nearest_offer(&nearest, "config");
    silt_nearest_offer(&nearest, "confirm");
    silt_nearest_offer(&nearest, "ls");
    return nearest.best ? nearest.best : "(none)";
}

static void finds_the_nearest_of_several(void)
{
    CU_ASSERT_STRING_EQUAL(best_of("confgi", 0), "config");
    CU_ASSERT_STRING_EQUAL(best_of("confirn", 0), "confirm");
    CU_ASSERT_STRING_EQUAL(best_of("sl", 0), "(none)");
    CU_ASSERT_STRING_EQUAL(best_of("lss", 0), "ls");
    CU_ASSERT_STRING_EQUAL(best_of("cat", 0), "(none)");
    CU_ASSERT_STRING_EQUAL(best_of("configurat", 0), "(none)");
    CU_ASSERT_STRING_EQUAL(best_of("configur", 0), "config");
    CU_ASSERT_STRING_EQUAL(best_of("configur", 1), "(none)");
}

SILT_TESTS("nearest", {"counts letters to change", counts_letters_to_change},
           {"long words are near to nothing", long_words_are_near_to_nothing},
           {"finds the nearest of several", finds_the_nearest_of_several})
