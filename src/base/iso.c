#include "base/iso.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void iso(int64_t wall_ms, char ret_text[SILT_ISO_LEN], bool with_ms)
{
    int64_t ms = ((wall_ms % 1000) + 1000) % 1000;
    time_t seconds = (time_t)(wall_ms / 1000 - (wall_ms % 1000 < 0));
    struct tm tm = {0};
    gmtime_r(&seconds, &tm);
    size_t n = strftime(ret_text, SILT_ISO_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
    if (with_ms)
        snprintf(ret_text + n, SILT_ISO_LEN - n, ".%03dZ", (int)ms);
    else
        snprintf(ret_text + n, SILT_ISO_LEN - n, "Z");
}

void silt_iso_time(int64_t wall_ms, char ret_text[SILT_ISO_LEN])
{
    iso(wall_ms, ret_text, true);
}

void silt_iso_seconds(int64_t wall_ms, char ret_text[SILT_ISO_LEN])
{
    iso(wall_ms, ret_text, false);
}

/* The fraction of a second in ms: ".5" is 500. @return where it ends, NULL when it is none. */
static const char *parse_fraction(const char *at, int64_t *ret_ms)
{
    size_t digits = strspn(at + 1, "0123456789");
    if (digits == 0) return NULL;
    int64_t ms = 0;
    for (size_t i = 0; i < 3; i++) ms = ms * 10 + (i < digits ? at[1 + i] - '0' : 0);
    *ret_ms = ms;
    return at + 1 + digits;
}

int64_t silt_iso_parse(const char *text)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!rest) return -1;
    int64_t ms = 0;
    char again[SILT_ISO_LEN];
    int64_t seconds = (int64_t)timegm(&tm);
    /* strptime takes 30 February, blanks and single digits: what reads back the same counts. */
    iso(seconds * 1000, again, false);
    if (strncmp(text, again, strlen(again) - 1) != 0) return -1;
    if (*rest == '.') rest = parse_fraction(rest, &ms);
    if (!rest || strcmp(rest, "Z") != 0) return -1;
    return seconds * 1000 + ms;
}
