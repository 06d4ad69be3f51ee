#include "config/quantity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t size;
};

/* Both tables: largest first within a family; the first that divides exactly is written. */
static const struct unit byte_units[] = {
    {"TiB", (int64_t)1 << 40},
    {"GiB", (int64_t)1 << 30},
    {"MiB", (int64_t)1 << 20},
    {"KiB", (int64_t)1 << 10},
    {"TB", 1000000000000},
    {"GB", 1000000000},
    {"MB", 1000000},
    {"KB", 1000},
    {"Ti", (int64_t)1 << 40},
    {"Gi", (int64_t)1 << 30},
    {"Mi", (int64_t)1 << 20},
    {"Ki", (int64_t)1 << 10},
    {"B", 1},
    {NULL, 0},
};
static const struct unit time_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits only: strtoll would take signs, spaces and a leading 0x. */
static bool read_digits(const char **at, int64_t *ret_number)
{
    int64_t number = 0;
    const char *c = *at;
    if (!is_digit(*c)) return false;
    for (; is_digit(*c); c++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, *c - '0', &number))
            return false;
    *at = c;
    *ret_number = number;
    return true;
}

static const struct unit *find_unit(const struct unit *units, const char *name, size_t len)
{
    for (; units->name; units++)
        if (strlen(units->name) == len && strncmp(units->name, name, len) == 0) return units;
    return NULL;
}

static size_t letters(const char *text)
{
    return strcspn(text, "0123456789");
}

bool silt_quantity_bytes(const char *text, int64_t *ret_bytes)
{
    int64_t number;
    if (!read_digits(&text, &number)) return false;
    if (text[0] == ' ' && text[1] != '\0') text++;
    const struct unit *unit = find_unit(byte_units, *text ? text : "B", *text ? strlen(text) : 1);
    return unit && !__builtin_mul_overflow(number, unit->size, ret_bytes);
}

bool silt_quantity_duration(const char *text, int64_t *ret_ms)
{
    int64_t sum = 0;
    *ret_ms = 0;
    if (strcmp(text, "0") == 0) return true;
    do {
        int64_t number;
        if (!read_digits(&text, &number)) return false;
        const struct unit *unit = find_unit(time_units, text, letters(text));
        if (!unit || __builtin_mul_overflow(number, unit->size, &number) ||
            __builtin_add_overflow(sum, number, &sum))
            return false;
        text += letters(text);
    } while (*text);
    *ret_ms = sum;
    return true;
}

bool silt_quantity_int(const char *text, int64_t *ret_number)
{
    return read_digits(&text, ret_number) && !*text;
}

bool silt_quantity_double(const char *text, double *ret_number)
{
    char *end;
    if (!is_digit(text[0]) && text[0] != '.') return false;
    *ret_number = strtod(text, &end);
    return !*end && end != text && isfinite(*ret_number);
}

static void write_in_units(struct silt_buf *out, int64_t number, const struct unit *units)
{
    if (number == 0) {
        (void)silt_buf_append_char(out, '0');
        return;
    }
    while (number % units->size) units++;
    (void)silt_buf_printf(out, "%lld%s", (long long)(number / units->size), units->name);
}

void silt_quantity_write_bytes(struct silt_buf *out, int64_t bytes)
{
    write_in_units(out, bytes, byte_units);
}

void silt_quantity_write_duration(struct silt_buf *out, int64_t ms)
{
    write_in_units(out, ms, time_units);
}
