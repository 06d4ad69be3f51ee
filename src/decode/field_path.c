#include "field_path_int.h"

#include <string.h>

bool silt_field_path_leads(const char *path, const char *whole)
{
    size_t len = strlen(path);
    if (strncmp(whole, path, len) != 0) return false;
    return len == 0 || whole[len] == '\0' || whole[len] == '.';
}
