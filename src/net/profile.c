#include "net/profile_int.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <strings.h>

#define BLANKS " \t\r"

static struct silt_slice trimmed(const char *at, size_t len)
{
    while (len && strchr(BLANKS, at[len - 1])) len--;
    while (len && strchr(BLANKS, *at)) {
        at++;
        len--;
    }
    return silt_slice_of(at, len);
}

static bool is(struct silt_slice text, const char *wanted)
{
    return text.len == strlen(wanted) && memcmp(text.ptr, wanted, text.len) == 0;
}

/* @return whether "[…]" at `line` is the section of the profile. */
static bool is_section(struct silt_slice line, bool config, const char *name)
{
    static const char word[] = "profile";
    const char *begin = (const char *)line.ptr + 1;
    const char *end = memchr(begin, ']', line.len - 1);
    if (!end) return false;
    struct silt_slice title = trimmed(begin, (size_t)(end - begin));
    if (!config || is(title, "default")) return is(title, name);
    size_t n = sizeof word - 1;
    if (title.len <= n || memcmp(title.ptr, word, n) != 0 || !strchr(BLANKS, title.ptr[n]))
        return false;
    return is(trimmed((const char *)title.ptr + n, title.len - n), name);
}

/* "key = value # remark" */
static bool read_value(struct silt_slice line, const char *key, struct silt_slice *ret_value)
{
    const char *begin = (const char *)line.ptr;
    const char *equals = memchr(begin, '=', line.len);
    if (!equals) return false;
    struct silt_slice name = trimmed(begin, (size_t)(equals - begin));
    if (name.len != strlen(key) || strncasecmp((const char *)name.ptr, key, name.len) != 0)
        return false;
    const char *value = equals + 1;
    size_t len = line.len - (size_t)(value - begin);
    for (size_t i = 1; i < len; i++)
        if (strchr("#;", value[i]) && strchr(BLANKS, value[i - 1])) len = i;
    *ret_value = trimmed(value, len);
    return true;
}

/* key NULL: only whether the section is there. */
static bool look(const char *text, bool config, const char *name, const char *key,
                 struct silt_slice *ret_value)
{
    bool inside = false;
    bool found = false;
    while (*text) {
        size_t len = strcspn(text, "\n");
        bool nested = strchr(BLANKS, *text);
        struct silt_slice line = trimmed(text, len);
        text += len + (text[len] == '\n');
        if (!line.len || nested || strchr("#;", line.ptr[0])) continue;
        if (line.ptr[0] == '[')
            inside = is_section(line, config, name);
        else if (inside)
            found |= read_value(line, key, ret_value);
        if (inside && !key) return true;
    }
    return found;
}

bool silt_profile_exists(const struct silt_profiles *profiles, const char *name)
{
    return look(profiles->credentials, false, name, NULL, NULL) ||
           look(profiles->config, true, name, NULL, NULL);
}

char *silt_profile_get(const struct silt_profiles *profiles, const char *name, const char *key)
{
    struct silt_slice value = {0};
    if (!look(profiles->credentials, false, name, key, &value))
        (void)look(profiles->config, true, name, key, &value);
    return value.len ? silt_strndup((const char *)value.ptr, value.len) : NULL;
}
