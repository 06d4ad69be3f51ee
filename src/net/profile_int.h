/* Private to net: the AWS shared files, "config" and "credentials", looked into by profile and key.
 *
 * Pure: works on the files' text. A profile is the union of its sections in both files; a key of
 * the credentials file comes first, and within a file the last one counts. Indented lines (nested
 * settings such as those of "s3 =") are skipped. Names of keys match in any case.
 * Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files", 2026.
 */
#ifndef SILT_NET_PROFILE_INT_H
#define SILT_NET_PROFILE_INT_H

#include <stdbool.h>

struct silt_profiles {
    const char *credentials; /* "" when there is no such file */
    const char *config;
};

bool silt_profile_exists(const struct silt_profiles *profiles, const char *name);
/* @return a new string, NULL when it is absent or empty. */
char *silt_profile_get(const struct silt_profiles *profiles, const char *name, const char *key);

#endif
