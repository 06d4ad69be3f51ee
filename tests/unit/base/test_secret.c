#include "base/secret.h"

#include "harness.h"

static void shows_only_when_revealed(void)
{
    struct silt_secret secret = {0};
    CU_ASSERT_FALSE(silt_secret_is_set(&secret));
    CU_ASSERT_STRING_EQUAL(silt_secret_reveal(&secret), "");
    silt_secret_set(&secret, "hunter2");
    CU_ASSERT(silt_secret_is_set(&secret));
    CU_ASSERT_STRING_EQUAL(silt_secret_reveal(&secret), "hunter2");
    silt_secret_done(&secret);
    CU_ASSERT_FALSE(silt_secret_is_set(&secret));
}

static void an_empty_secret_is_not_set(void)
{
    struct silt_secret secret = {0};
    silt_secret_set(&secret, "");
    CU_ASSERT_FALSE(silt_secret_is_set(&secret));
    silt_secret_done(&secret);
}

static void setting_replaces_and_null_clears(void)
{
    struct silt_secret secret = {0};
    silt_secret_set(&secret, "one");
    silt_secret_set(&secret, "two");
    CU_ASSERT_STRING_EQUAL(silt_secret_reveal(&secret), "two");
    silt_secret_set(&secret, silt_secret_reveal(&secret) + 1);
    CU_ASSERT_STRING_EQUAL(silt_secret_reveal(&secret), "wo");
    silt_secret_set(&secret, NULL);
    CU_ASSERT_FALSE(silt_secret_is_set(&secret));
}

static void a_copy_has_its_own_life(void)
{
    struct silt_secret from = {0};
    struct silt_secret to = {0};
    silt_secret_set(&from, "hunter2");
    silt_secret_copy(&to, &from);
    silt_secret_done(&from);
    CU_ASSERT_STRING_EQUAL(silt_secret_reveal(&to), "hunter2");
    silt_secret_copy(&to, &to);
    CU_ASSERT_STRING_EQUAL(silt_secret_reveal(&to), "hunter2");
    silt_secret_copy(&to, &from);
    CU_ASSERT_FALSE(silt_secret_is_set(&to));
}

static void done_takes_anything(void)
{
    struct silt_secret zeroed = {0};
    silt_secret_done(NULL);
    silt_secret_done(&zeroed);
    silt_secret_set(&zeroed, "x");
    silt_secret_done(&zeroed);
    silt_secret_done(&zeroed);
    CU_ASSERT_PTR_NULL(zeroed.hidden);
}

SILT_TESTS("secret", {"shows only when revealed", shows_only_when_revealed},
           {"an empty secret is not set", an_empty_secret_is_not_set},
           {"setting replaces and NULL clears", setting_replaces_and_null_clears},
           {"a copy has its own life", a_copy_has_its_own_life},
           {"done takes anything", done_takes_anything})
