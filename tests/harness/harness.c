#include "harness.h"

#include <CUnit/Basic.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char test_dir[64];

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void remove_test_dir(void)
{
    if (test_dir[0]) nftw(test_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *silt_test_dir(void)
{
    if (!test_dir[0]) {
        snprintf(test_dir, sizeof test_dir, "/tmp/silt-test-XXXXXX");
        if (!mkdtemp(test_dir)) abort();
        atexit(remove_test_dir);
    }
    return test_dir;
}

char *silt_test_read(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "cannot read %s\n", path);
        abort();
    }
    fseek(file, 0, SEEK_END);
    size_t len = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(len + 1);
    if (!text || fread(text, 1, len, file) != len) abort();
    text[len] = '\0';
    fclose(file);
    if (ret_len) *ret_len = len;
    return text;
}

int silt_test_main(const char *suite, const struct silt_test *tests, size_t tests_n)
{
    if (CU_initialize_registry() != CUE_SUCCESS) return 2;
    CU_pSuite cu = CU_add_suite(suite, NULL, NULL);
    const char *only = getenv("SILT_TEST_ONLY");
    for (size_t i = 0; i < tests_n; i++)
        if (!only || strstr(tests[i].title, only)) CU_add_test(cu, tests[i].title, tests[i].fn);
    /* So that the last word of one that crashed or hung is the name of the case. */
    setvbuf(stdout, NULL, _IONBF, 0);
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    unsigned failed = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failed ? 1 : 0;
}
