#include "base/alloc.h"

#include "child.h"
#include "harness.h"

#include <stdint.h>

static void gives_zeroed_memory_when_asked(void)
{
    static const unsigned char zeros[64];
    unsigned char *a = silt_zalloc(64);
    unsigned char *b = silt_calloc(8, 8);
    CU_ASSERT_EQUAL(memcmp(a, zeros, 64), 0);
    CU_ASSERT_EQUAL(memcmp(b, zeros, 64), 0);
    silt_free(a);
    silt_free(b);
}

static void zero_bytes_are_memory_too(void)
{
    void *pointers[] = {silt_alloc(0),     silt_zalloc(0),        silt_calloc(0, 8),
                        silt_calloc(8, 0), silt_realloc(NULL, 0), silt_memdup("", 0)};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        CU_ASSERT_PTR_NOT_NULL(pointers[i]);
        silt_free(pointers[i]);
    }
    silt_free(NULL);
}

static void growing_keeps_the_content(void)
{
    char *text = silt_strdup("offset");
    text = silt_realloc(text, 4096);
    text = silt_realloc_array(text, 100, 100);
    CU_ASSERT_STRING_EQUAL(text, "offset");
    silt_free(text);
}

static void copies_strings_and_bytes(void)
{
    char *whole = silt_strdup("topic");
    char *part = silt_strndup("topic", 3);
    char *shorter = silt_strndup("topic", 99);
    char *bytes = silt_memdup("a\0b", 4);
    char *text = silt_asprintf("%s/%05d", "topic", 7);
    CU_ASSERT_STRING_EQUAL(whole, "topic");
    CU_ASSERT_STRING_EQUAL(part, "top");
    CU_ASSERT_STRING_EQUAL(shorter, "topic");
    CU_ASSERT_EQUAL(memcmp(bytes, "a\0b", 4), 0);
    CU_ASSERT_STRING_EQUAL(text, "topic/00007");
    silt_free(whole);
    silt_free(part);
    silt_free(shorter);
    silt_free(bytes);
    silt_free(text);
}

static void frees_at_the_end_of_the_scope(void)
{
    uint64_t before = silt_alloc_count();
    {
        silt_auto(silt_free_auto) char *text = silt_strdup("gone with the scope");
        silt_auto(silt_free_auto) char *none = NULL;
        CU_ASSERT_PTR_NOT_NULL(text);
        CU_ASSERT_PTR_NULL(none);
    }
    CU_ASSERT_EQUAL(silt_alloc_count() - before, 1);
}

static void third_allocation_fails(void)
{
    silt_alloc_fail_at(3);
    silt_free(silt_alloc(1));
    silt_free(silt_zalloc(1));
    silt_free(silt_alloc(1000));
}

static void asks_for_more_than_a_size_holds(void)
{
    silt_free(silt_realloc_array(NULL, SIZE_MAX / 2, 3));
}

static void a_library_gets_nothing(void)
{
    silt_alloc_expect(true, "libx");
    silt_alloc_expect(false, "liby");
}

static void ends_the_process_when_a_library_has_no_memory(void)
{
    char text[512];
    int status = child_run(a_library_gets_nothing, text, sizeof text);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"event\":\"out_of_memory\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "liby cannot allocate;"));
}

static void switched_off_again(void)
{
    silt_alloc_fail_at(1);
    silt_alloc_fail_at(0);
    silt_free(silt_alloc(1));
}

static void ends_the_process_when_memory_is_gone(void)
{
    char text[512];
    int status = child_run(third_allocation_fails, text, sizeof text);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"event\":\"out_of_memory\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "cannot allocate 1000 bytes"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "}\n"));
}

static void ends_the_process_when_a_size_overflows(void)
{
    char text[512];
    int status = child_run(asks_for_more_than_a_size_holds, text, sizeof text);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "out_of_memory"));
}

static void failing_can_be_switched_off(void)
{
    char text[512];
    CU_ASSERT_EQUAL(child_run(switched_off_again, text, sizeof text), 0);
    CU_ASSERT_STRING_EQUAL(text, "");
}

SILT_TESTS("alloc", {"gives zeroed memory when asked", gives_zeroed_memory_when_asked},
           {"zero bytes are memory too", zero_bytes_are_memory_too},
           {"growing keeps the content", growing_keeps_the_content},
           {"copies strings and bytes", copies_strings_and_bytes},
           {"frees at the end of the scope", frees_at_the_end_of_the_scope},
           {"ends the process in one line when memory is gone",
            ends_the_process_when_memory_is_gone},
           {"ends the process when a size overflows", ends_the_process_when_a_size_overflows},
           {"ends the process when a library has no memory",
            ends_the_process_when_a_library_has_no_memory},
           {"failing can be switched off", failing_can_be_switched_off})
