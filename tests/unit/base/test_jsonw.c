#include "base/jsonw.h"

#include "harness.h"

#include <float.h>
#include <math.h>
#include <string.h>

static void writes_a_document_with_commas_in_their_places(void)
{
    struct silt_buf buf;
    struct silt_jsonw w;
    silt_buf_init(&buf, 1000);
    silt_jsonw_init(&w, &buf);
    silt_jsonw_open(&w, '{');
    silt_jsonw_kstr(&w, "topic", "t");
    silt_jsonw_kstr(&w, "key", NULL);
    silt_jsonw_kint(&w, "seq", -1);
    silt_jsonw_kuint(&w, "n", UINT64_MAX);
    silt_jsonw_kdouble(&w, "x", 0.5);
    silt_jsonw_kbool(&w, "yes", true);
    silt_jsonw_kbool(&w, "no", false);
    silt_jsonw_key(&w, "list");
    silt_jsonw_open(&w, '[');
    silt_jsonw_open(&w, '[');
    silt_jsonw_close(&w, ']');
    silt_jsonw_int(&w, INT64_MIN);
    silt_jsonw_uint(&w, 7);
    silt_jsonw_bool(&w, true);
    silt_jsonw_null(&w);
    silt_jsonw_raw(&w, "{\"a\":1}");
    silt_jsonw_open(&w, '{');
    silt_jsonw_close(&w, '}');
    silt_jsonw_close(&w, ']');
    silt_jsonw_close(&w, '}');
    CU_ASSERT_STRING_EQUAL(
        silt_buf_str(&buf),
        "{\"topic\":\"t\",\"key\":null,\"seq\":-1,\"n\":18446744073709551615,\"x\":0.5,"
        "\"yes\":true,\"no\":false,\"list\":[[],-9223372036854775808,7,true,null,"
        "{\"a\":1},{}]}");
    silt_buf_done(&buf);
}

static void check_text(struct silt_slice value, const char *wanted)
{
    struct silt_buf buf;
    struct silt_jsonw w;
    silt_buf_init(&buf, 1000);
    silt_jsonw_init(&w, &buf);
    silt_jsonw_bytes(&w, value);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&buf), wanted);
    silt_buf_done(&buf);
}

static void escapes_what_would_break_the_line(void)
{
    check_text(silt_slice_str(""), "\"\"");
    check_text(silt_slice_str("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
    check_text(silt_slice_str("\n\r\t"), "\"\\n\\r\\t\"");
    check_text(silt_slice_of("\0\x01\x1f\x7f", 4), "\"\\u0000\\u0001\\u001f\\u007f\"");
}

static void keeps_utf8_and_marks_what_is_none(void)
{
    check_text(silt_slice_str("Grüße €😀"), "\"Grüße €😀\"");
    check_text(silt_slice_str("a\xff"
                              "b"),
               "\"a\\ufffdb\"");
    check_text(silt_slice_str("\xe2\x82"), "\"\\ufffd\\ufffd\"");
    check_text(silt_slice_of(NULL, 0), "\"\"");
}

static void check_number(double value, const char *wanted)
{
    struct silt_buf buf;
    struct silt_jsonw w;
    silt_buf_init(&buf, 100);
    silt_jsonw_init(&w, &buf);
    silt_jsonw_double(&w, value);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&buf), wanted);
    silt_buf_done(&buf);
}

static void numbers_json_does_not_have_are_null(void)
{
    check_number(0, "0");
    check_number(-1.5, "-1.5");
    check_number(1e300, "1e+300");
    check_number(NAN, "null");
    check_number(INFINITY, "null");
    check_number(-INFINITY, "null");
}

static void a_full_buffer_loses_text_and_nothing_else(void)
{
    struct silt_buf buf;
    struct silt_jsonw w;
    silt_buf_init(&buf, 5);
    silt_jsonw_init(&w, &buf);
    silt_jsonw_str(&w, "0123456789");
    silt_jsonw_int(&w, 123456);
    CU_ASSERT(buf.len <= 5);
    silt_buf_done(&buf);
}

static void check_sequence(const char *bytes, unsigned wanted)
{
    CU_ASSERT_EQUAL(silt_utf8_sequence((const uint8_t *)bytes, strlen(bytes)), wanted);
}

/* RFC 3629, section 4: the borders of every range. */
static void knows_utf8_at_its_borders(void)
{
    CU_ASSERT_EQUAL(silt_utf8_sequence((const uint8_t *)"a", 0), 0);
    CU_ASSERT_EQUAL(silt_utf8_sequence((const uint8_t *)"\0", 1), 1);
    check_sequence("\x7f", 1);
    check_sequence("\x80", 0);
    check_sequence("\xbf", 0);
    check_sequence("\xc1\xbf", 0); /* overlong */
    check_sequence("\xc2\x80", 2);
    check_sequence("\xdf\xbf", 2);
    check_sequence("\xdf", 0);
    check_sequence("\xdf\x7f", 0);
    check_sequence("\xdf\xc0", 0);
    check_sequence("\xe0\x9f\xbf", 0); /* overlong */
    check_sequence("\xe0\xa0\x80", 3);
    check_sequence("\xe1\x80\x7f", 0);
    check_sequence("\xed\x9f\xbf", 3);
    check_sequence("\xed\xa0\x80", 0); /* surrogate */
    check_sequence("\xef\xbf\xbf", 3);
    check_sequence("\xf0\x8f\xbf\xbf", 0); /* overlong */
    check_sequence("\xf0\x90\x80\x80", 4);
    check_sequence("\xf0\x90\x80", 0);
    check_sequence("\xf4\x8f\xbf\xbf", 4);
    check_sequence("\xf4\x90\x80\x80", 0); /* beyond U+10FFFF */
    check_sequence("\xf5\x80\x80\x80", 0);
    check_sequence("\xff", 0);
}

SILT_TESTS("jsonw",
           {"writes a document with commas in their places",
            writes_a_document_with_commas_in_their_places},
           {"escapes what would break the line", escapes_what_would_break_the_line},
           {"keeps UTF-8 and marks what is none", keeps_utf8_and_marks_what_is_none},
           {"numbers that JSON does not have are null", numbers_json_does_not_have_are_null},
           {"a full buffer loses text and nothing else", a_full_buffer_loses_text_and_nothing_else},
           {"knows UTF-8 at its borders", knows_utf8_at_its_borders})
