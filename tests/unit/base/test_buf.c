#include "base/buf.h"

#include "base/alloc.h"
#include "harness.h"

static void appends_and_ends_with_a_zero(void)
{
    struct silt_buf buf;
    silt_buf_init(&buf, 100);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&buf), "");
    CU_ASSERT(silt_buf_append(&buf, "ab\0c", 4));
    CU_ASSERT(silt_buf_append_str(&buf, "def"));
    CU_ASSERT(silt_buf_append_char(&buf, '!'));
    CU_ASSERT(silt_buf_printf(&buf, "%d", 42));
    CU_ASSERT(silt_buf_append(&buf, NULL, 0));
    CU_ASSERT_EQUAL(buf.len, 10);
    CU_ASSERT_EQUAL(memcmp(buf.data, "ab\0cdef!42", 11), 0);
    CU_ASSERT(silt_slice_eq(silt_buf_slice(&buf), silt_slice_of("ab\0cdef!42", 10)));
    silt_buf_done(&buf);
}

static void the_maximum_is_a_border(void)
{
    struct silt_buf buf;
    silt_buf_init(&buf, 4);
    CU_ASSERT(silt_buf_append(&buf, "abcd", 4));
    CU_ASSERT_FALSE(silt_buf_append_char(&buf, 'e'));
    CU_ASSERT_FALSE(silt_buf_append_str(&buf, "efghijkl"));
    CU_ASSERT_FALSE(silt_buf_printf(&buf, "%d", 5));
    CU_ASSERT_PTR_NULL(silt_buf_reserve(&buf, 1));
    CU_ASSERT_PTR_NULL(silt_buf_reserve(&buf, SIZE_MAX));
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&buf), "abcd");
    CU_ASSERT(silt_buf_append(&buf, "", 0));
    silt_buf_done(&buf);
}

static void refused_text_leaves_no_trace(void)
{
    struct silt_buf buf;
    silt_buf_init(&buf, 6);
    CU_ASSERT(silt_buf_append_str(&buf, "abc"));
    CU_ASSERT_FALSE(silt_buf_printf(&buf, "%s", "defg"));
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&buf), "abc");
    CU_ASSERT(silt_buf_printf(&buf, "%s", "def"));
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&buf), "abcdef");
    silt_buf_done(&buf);
}

static void a_format_that_cannot_be_written_is_refused(void)
{
    struct silt_buf buf;
    silt_buf_init(&buf, 100);
    wchar_t surrogate[] = {0xd800, 0};
    CU_ASSERT_FALSE(silt_buf_printf(&buf, "%ls", surrogate));
    CU_ASSERT_EQUAL(buf.len, 0);
    silt_buf_done(&buf);
}

static void grows_over_many_appends(void)
{
    struct silt_buf buf;
    silt_buf_init(&buf, 100000);
    for (int i = 0; i < 100000; i++) CU_ASSERT(silt_buf_append_char(&buf, (char)('a' + i % 26)));
    CU_ASSERT_FALSE(silt_buf_append_char(&buf, 'x'));
    CU_ASSERT_EQUAL(buf.len, 100000);
    CU_ASSERT(buf.cap <= buf.max + 1);
    CU_ASSERT_EQUAL(buf.data[99999], 'a' + 99999 % 26);
    silt_buf_done(&buf);
}

static void an_unlimited_buffer_does_not_overflow(void)
{
    struct silt_buf buf;
    silt_buf_init(&buf, SIZE_MAX);
    CU_ASSERT(silt_buf_append_str(&buf, "x"));
    CU_ASSERT_PTR_NULL(silt_buf_reserve(&buf, SIZE_MAX));
    CU_ASSERT_PTR_NULL(silt_buf_reserve(&buf, SIZE_MAX - 1));
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&buf), "x");
    silt_buf_done(&buf);
}

static void reserved_room_is_terminated_when_read(void)
{
    struct silt_buf buf;
    silt_buf_init(&buf, 100);
    memcpy(silt_buf_reserve(&buf, 50), "wxyzwxyz", 8);
    buf.len += 4;
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&buf), "wxyz");
    size_t len;
    char *text = (char *)silt_buf_take(&buf, &len);
    CU_ASSERT_STRING_EQUAL(text, "wxyz");
    silt_free(text);
}

static void taking_hands_the_bytes_over(void)
{
    struct silt_buf buf;
    silt_buf_init(&buf, 8);
    CU_ASSERT(silt_buf_append_str(&buf, "bytes"));
    size_t len;
    uint8_t *bytes = silt_buf_take(&buf, &len);
    CU_ASSERT_EQUAL(len, 5);
    CU_ASSERT_EQUAL(memcmp(bytes, "bytes", 6), 0);
    CU_ASSERT_EQUAL(buf.len, 0);
    CU_ASSERT_EQUAL(buf.max, 8);
    silt_free(bytes);
    bytes = silt_buf_take(&buf, &len);
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_EQUAL(bytes[0], 0);
    silt_free(bytes);
}

static void clearing_keeps_the_memory(void)
{
    struct silt_buf buf;
    silt_buf_init(&buf, 100);
    silt_buf_clear(&buf);
    CU_ASSERT(silt_buf_append_str(&buf, "text"));
    uint8_t *data = buf.data;
    silt_buf_clear(&buf);
    CU_ASSERT_EQUAL(buf.len, 0);
    CU_ASSERT_PTR_EQUAL(buf.data, data);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&buf), "");
    silt_buf_done(&buf);
}

static void done_takes_anything(void)
{
    struct silt_buf zeroed = {0};
    silt_buf_done(NULL);
    silt_buf_done(&zeroed);
    CU_ASSERT_FALSE(silt_buf_append_char(&zeroed, 'x'));
    struct silt_buf buf;
    silt_buf_init(&buf, 4);
    CU_ASSERT(silt_buf_append_char(&buf, 'x'));
    silt_buf_done(&buf);
    silt_buf_done(&buf);
    CU_ASSERT_PTR_NULL(buf.data);
}

static void slices_are_equal_by_content(void)
{
    CU_ASSERT(silt_slice_eq(silt_slice_str("abc"), silt_slice_of("abcd", 3)));
    CU_ASSERT_FALSE(silt_slice_eq(silt_slice_str("abc"), silt_slice_str("abd")));
    CU_ASSERT_FALSE(silt_slice_eq(silt_slice_str("abc"), silt_slice_str("ab")));
    CU_ASSERT(silt_slice_eq(silt_slice_of(NULL, 0), silt_slice_str("")));
}

SILT_TESTS("buf", {"appends, and ends with a zero", appends_and_ends_with_a_zero},
           {"the maximum is a border", the_maximum_is_a_border},
           {"refused text leaves no trace", refused_text_leaves_no_trace},
           {"a format that cannot be written is refused",
            a_format_that_cannot_be_written_is_refused},
           {"grows over many appends", grows_over_many_appends},
           {"an unlimited buffer does not overflow", an_unlimited_buffer_does_not_overflow},
           {"reserved room is terminated when read", reserved_room_is_terminated_when_read},
           {"taking hands the bytes over", taking_hands_the_bytes_over},
           {"clearing keeps the memory", clearing_keeps_the_memory},
           {"done takes anything", done_takes_anything},
           {"slices are equal by content", slices_are_equal_by_content})
