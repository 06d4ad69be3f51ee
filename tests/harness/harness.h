/* A test program in one table:
 *
 *   static void a_full_queue_refuses(void) { … CU_ASSERT(…); }
 *   SILT_TESTS("queue", {"a full queue refuses and counts it", a_full_queue_refuses}, …)
 *
 * SILT_TEST_ONLY=full runs those whose title has this part.
 *
 * Titles are sentences. Assert on the test's own thread only (CUnit's registry is one per process),
 * and do not use the FATAL forms while something is held: they longjmp past its cleanup.
 */
#ifndef SILT_TEST_HARNESS_H
#define SILT_TEST_HARNESS_H

#include <CUnit/CUnit.h>
#include <stddef.h>

struct silt_test {
    const char *title;
    void (*fn)(void);
};

int silt_test_main(const char *suite, const struct silt_test *tests, size_t tests_n);

#define SILT_TESTS(suite, ...)                                               \
    int main(void)                                                           \
    {                                                                        \
        static const struct silt_test tests[] = {__VA_ARGS__};               \
        return silt_test_main(suite, tests, sizeof tests / sizeof tests[0]); \
    }

/* A folder of its own under the temporary directory, removed (with what is in it) at exit. */
const char *silt_test_dir(void);
/* Whole file as a C string (free with free()), aborts when it cannot be read. */
char *silt_test_read(const char *path, size_t *ret_len);

#define CU_ASSERT_OK(expr) CU_ASSERT((expr).ok)
#define CU_ASSERT_FAILS(expr) CU_ASSERT(!(expr).ok)

#endif
