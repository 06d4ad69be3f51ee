#include "cli/table.h"

#include "harness.h"
#include "print_to.h"

static const struct silt_column columns[] = {{"topic", false}, {"lag", true}, {"state", false}};

static void columns_are_as_wide_as_their_widest_cell(void)
{
    struct caught caught;
    struct silt_table *table = silt_table_new(columns, 3);
    silt_table_cell(table, "%s", "sensors-Zürich");
    silt_table_cell(table, "%d", 7);
    silt_table_cell(table, "fill");
    silt_table_cell(table, "a");
    silt_table_cell(table, "%d", 12345);
    silt_table_cell(table, "x\ty");
    catch_begin(&caught, false, false);
    silt_table_print(table, &caught.out);
    CHECK_CAUGHT(&caught, "topic             lag  state\n"
                          "sensors-Zürich      7  fill\n"
                          "a               12345  x?y\n");
    silt_table_free(table);
}

static void colours_do_not_count_as_width(void)
{
    struct caught caught;
    struct silt_table *table = silt_table_new(columns, 3);
    silt_table_cell_color(table, SILT_GREEN, "t");
    silt_table_cell_color(table, SILT_RED, "1");
    silt_table_cell(table, "s");
    catch_begin(&caught, true, true);
    silt_table_print(table, &caught.out);
    CHECK_CAUGHT(&caught, "\033[1mtopic\033[0m  \033[1mlag\033[0m  \033[1mstate\033[0m\n"
                          "\033[32mt\033[0m        \033[31m1\033[0m  s\n");
    silt_table_free(table);
}

static void an_empty_table_is_its_titles(void)
{
    struct caught caught;
    struct silt_table *table = silt_table_new(columns, 3);
    catch_begin(&caught, false, false);
    silt_table_print(table, &caught.out);
    CHECK_CAUGHT(&caught, "topic  lag  state\n");
    silt_table_free(table);
    silt_table_free(NULL);
}

static void a_long_table_keeps_all_rows(void)
{
    struct caught caught;
    struct silt_table *table = silt_table_new(columns, 1);
    for (int i = 0; i < 1000; i++) silt_table_cell(table, "%d", i);
    catch_begin(&caught, false, false);
    silt_table_print(table, &caught.out);
    fclose(caught.out.file);
    CU_ASSERT_PTR_NOT_NULL(strstr(caught.text, "\n999\n"));
    free(caught.text);
    silt_table_free(table);
}

SILT_TESTS("table",
           {"columns are as wide as their widest cell", columns_are_as_wide_as_their_widest_cell},
           {"colours do not count as width", colours_do_not_count_as_width},
           {"an empty table is its titles", an_empty_table_is_its_titles},
           {"a long table keeps all rows", a_long_table_keeps_all_rows})
