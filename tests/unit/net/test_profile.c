#include "profile_int.h"

#include "base/alloc.h"
#include "harness.h"

#include <string.h>

static const char credentials_file[] = "# the first line\n"
                                       "[default]\n"
                                       "aws_access_key_id=AKID\r\n"
                                       "  aws_secret_access_key = nested, so not ours\n"
                                       "aws_secret_access_key = s3cr#t ; a remark\n"
                                       "empty =\n"
                                       "\n"
                                       "[ team ]\n"
                                       "AWS_Access_Key_Id = first\n"
                                       "aws_access_key_id = last\t# wins\n"
                                       "no equals sign\n"
                                       "[broken\n"
                                       "aws_access_key_id = of the broken one\n"
                                       "[profile worded]\n"
                                       "x = in the credentials file the word is part of the name";
static const char config_file[] = "[default]\nregion = eu-west-1\naws_access_key_id = shadowed\n"
                                  "[profile team]\nrole_arn = arn:x\ns3 =\n  endpoint = nested\n"
                                  "; remark\n[profile\tworded ]\nx = y\n[unworded]\nx = y\n"
                                  "[profiled]\nx = y\n[prof]\nx = y";

static bool says(const char *profile, const char *key, const char *wanted)
{
    const struct silt_profiles files = {.credentials = credentials_file, .config = config_file};
    char *value silt_auto(silt_free_auto) = silt_profile_get(&files, profile, key);
    return wanted ? value && strcmp(value, wanted) == 0 : !value;
}

static bool exists(const char *profile)
{
    const struct silt_profiles files = {.credentials = credentials_file, .config = config_file};
    return silt_profile_exists(&files, profile);
}

static void values_are_trimmed_and_remarks_left_out(void)
{
    CU_ASSERT(says("default", "aws_access_key_id", "AKID"));
    CU_ASSERT(says("default", "aws_secret_access_key", "s3cr#t"));
    CU_ASSERT(says("team", "aws_access_key_id", "last"));
}

static void what_is_empty_nested_or_elsewhere_is_absent(void)
{
    CU_ASSERT(says("default", "empty", NULL));
    CU_ASSERT(says("default", "role_arn", NULL));
    CU_ASSERT(says("team", "endpoint", NULL));
    CU_ASSERT(says("broken", "aws_access_key_id", NULL));
    CU_ASSERT(says("team", "aws_access_key", NULL));
}

static void both_files_are_one_profile_and_credentials_come_first(void)
{
    CU_ASSERT(says("default", "region", "eu-west-1"));
    CU_ASSERT(says("team", "role_arn", "arn:x"));
}

static void in_the_config_file_a_profile_is_called_one(void)
{
    CU_ASSERT(says("worded", "x", "y"));
    CU_ASSERT(exists("worded"));
    CU_ASSERT(exists("default"));
    CU_ASSERT(exists("team"));
    CU_ASSERT(exists("profile worded"));
    CU_ASSERT_FALSE(exists("unworded"));
    CU_ASSERT_FALSE(exists("d"));
    CU_ASSERT_FALSE(exists("prof"));
    CU_ASSERT_FALSE(exists(""));
}

SILT_TESTS(
    "profile", {"values are trimmed and remarks left out", values_are_trimmed_and_remarks_left_out},
    {"what is empty, nested or elsewhere is absent", what_is_empty_nested_or_elsewhere_is_absent},
    {"both files are one profile, and credentials come first",
     both_files_are_one_profile_and_credentials_come_first},
    {"in the config file a profile is called one", in_the_config_file_a_profile_is_called_one})
