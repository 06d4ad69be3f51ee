#include "config/quantity.h"

#include "harness.h"

#include <string.h>

static void check_bytes(const char *text, int64_t want)
{
    int64_t number = -1;
    CU_ASSERT_EQUAL(silt_quantity_bytes(text, &number), want >= 0);
    if (want >= 0) CU_ASSERT_EQUAL(number, want);
}

static void sizes_take_binary_and_decimal_units(void)
{
    check_bytes("0", 0);
    check_bytes("4096", 4096);
    check_bytes("12B", 12);
    check_bytes("64KiB", 64 << 10);
    check_bytes("64Ki", 64 << 10);
    check_bytes("8MB", 8000000);
    check_bytes("8 MB", 8000000);
    check_bytes("2TiB", (int64_t)2 << 40);
    check_bytes("9223372036854775807", INT64_MAX);
}

static void what_is_no_size_is_refused(void)
{
    static const char *const bad[] = {"",
                                      "MiB",
                                      "-1",
                                      "+1",
                                      "1.5MiB",
                                      "1mib",
                                      "8  MB",
                                      "0x10",
                                      "1 ",
                                      "1KiBs",
                                      " 1MiB",
                                      "8388608TiB",
                                      "9223372036854775808",
                                      "1_000"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) check_bytes(bad[i], -1);
}

static void check_duration(const char *text, int64_t want)
{
    int64_t number = -1;
    CU_ASSERT_EQUAL(silt_quantity_duration(text, &number), want >= 0);
    if (want >= 0) CU_ASSERT_EQUAL(number, want);
}

static void durations_need_a_unit_and_may_be_joined(void)
{
    check_duration("0", 0);
    check_duration("500ms", 500);
    check_duration("10s", 10000);
    check_duration("10m", 600000);
    check_duration("1h30m", 5400000);
    check_duration("7d", 604800000);
    check_duration("10", -1);
    check_duration("", -1);
    check_duration("ms", -1);
    check_duration("10 s", -1);
    check_duration("1h30", -1);
    check_duration("106751991168d", -1);
    check_duration("106751991167d106751991167d", -1);
    check_duration("99999999999999999999s", -1);
}

static void plain_numbers_take_digits_only(void)
{
    int64_t whole;
    double real;
    CU_ASSERT(silt_quantity_int("17", &whole));
    CU_ASSERT_EQUAL(whole, 17);
    CU_ASSERT_FALSE(silt_quantity_int("17 ", &whole));
    CU_ASSERT_FALSE(silt_quantity_int("", &whole));
    CU_ASSERT(silt_quantity_double("0.25", &real));
    CU_ASSERT_DOUBLE_EQUAL(real, 0.25, 0);
    CU_ASSERT(silt_quantity_double(".5", &real));
    CU_ASSERT(silt_quantity_double("1e3", &real));
    CU_ASSERT_FALSE(silt_quantity_double("1e999", &real));
    CU_ASSERT_FALSE(silt_quantity_double(".", &real));
    CU_ASSERT_FALSE(silt_quantity_double("nan", &real));
    CU_ASSERT_FALSE(silt_quantity_double("-1", &real));
    CU_ASSERT_FALSE(silt_quantity_double("1x", &real));
}

static void check_written(void (*write)(struct silt_buf *, int64_t), int64_t number,
                          const char *want)
{
    struct silt_buf out;
    silt_buf_init(&out, SILT_BUF_MAX_DEFAULT);
    write(&out, number);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&out), want);
    silt_buf_done(&out);
}

static void numbers_are_written_with_the_largest_exact_unit(void)
{
    check_written(silt_quantity_write_bytes, 0, "0");
    check_written(silt_quantity_write_bytes, 134217728, "128MiB");
    check_written(silt_quantity_write_bytes, 8000000, "8MB");
    check_written(silt_quantity_write_bytes, 1025, "1025B");
    check_written(silt_quantity_write_duration, 0, "0");
    check_written(silt_quantity_write_duration, 600000, "10m");
    check_written(silt_quantity_write_duration, 90000, "90s");
    check_written(silt_quantity_write_duration, 86400001, "86400001ms");
}

SILT_TESTS("quantity", {"sizes take binary and decimal units", sizes_take_binary_and_decimal_units},
           {"what is no size is refused", what_is_no_size_is_refused},
           {"durations need a unit and may be joined", durations_need_a_unit_and_may_be_joined},
           {"plain numbers take digits only", plain_numbers_take_digits_only},
           {"numbers are written with the largest exact unit",
            numbers_are_written_with_the_largest_exact_unit})
