#include "cli/human.h"

#include <stdio.h>
#include <string.h>

static const char *unknown(char *ret_text)
{
    memcpy(ret_text, "-", 2);
    return ret_text;
}

const char *silt_human_bytes(int64_t bytes, char ret_text[SILT_HUMAN_LEN])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 0) return unknown(ret_text);
    double number = (double)bytes;
    unsigned unit = 0;
    /* 1023.95 would be rounded to "1024.0" */
    for (; number >= 1023.95 && unit < 6; unit++) number /= 1024;
    const int digits = unit == 0 || number >= 99.95 ? 0 : 1;
    snprintf(ret_text, SILT_HUMAN_LEN, "%.*f %s", digits, number, units[unit]);
    return ret_text;
}

const char *silt_human_count(int64_t n, char ret_text[SILT_HUMAN_LEN])
{
    char digits[SILT_HUMAN_LEN];
    if (n < 0) return unknown(ret_text);
    const int len = snprintf(digits, sizeof digits, "%lld", (long long)n);
    char *to = ret_text;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return ret_text;
}

const char *silt_human_ms(int64_t ms, char ret_text[SILT_HUMAN_LEN])
{
    static const struct {
        int64_t size;
        const char *name;
        int64_t small_size;
        const char *small_name;
    } units[] = {
        {86400000, "d", 3600000, "h"}, {3600000, "h", 60000, "m"}, {60000, "m", 1000, "s"}};
    if (ms < 0) return unknown(ret_text);
    for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (ms < units[i].size) continue;
        snprintf(ret_text, SILT_HUMAN_LEN, "%lld%s %lld%s", (long long)(ms / units[i].size),
                 units[i].name, (long long)(ms % units[i].size / units[i].small_size),
                 units[i].small_name);
        return ret_text;
    }
    if (ms < 1000) snprintf(ret_text, SILT_HUMAN_LEN, "%lldms", (long long)ms);
    if (ms >= 1000)
        snprintf(ret_text, SILT_HUMAN_LEN, "%lld.%llds", (long long)(ms / 1000),
                 (long long)(ms % 1000 / 100));
    return ret_text;
}
