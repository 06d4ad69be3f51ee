#include "net/xml.h"

#include "harness.h"

#include <stdio.h>

/* What the scanner says about a document, as text: "<a", ">a=text" per event, "." at the end, "!"
 * when it is bad. */
static const char *said(const char *document)
{
    static char out[4096];
    static struct silt_xml xml;
    size_t n = 0;
    silt_xml_init(&xml, silt_slice_str(document));
    for (;;) {
        enum silt_xml_event event = silt_xml_next(&xml);
        const struct silt_slice *name =
            event == SILT_XML_OPEN ? &xml.names[xml.depth - 1] : &xml.closed;
        if (event == SILT_XML_OPEN)
            n += (size_t)snprintf(out + n, sizeof out - n, "<%.*s ", (int)name->len, name->ptr);
        if (event == SILT_XML_CLOSE)
            n += (size_t)snprintf(out + n, sizeof out - n, ">%.*s=%s ", (int)name->len, name->ptr,
                                  xml.text);
        if (event == SILT_XML_END || event == SILT_XML_BAD) {
            snprintf(out + n, sizeof out - n, event == SILT_XML_END ? "." : "!");
            return out;
        }
    }
}

static void reads_elements_and_their_text(void)
{
    CU_ASSERT_STRING_EQUAL(said("<a>x</a>"), "<a >a=x .");
    CU_ASSERT_STRING_EQUAL(said("<?xml version=\"1.0\"?>\n<a><b>1</b> <b>2</b></a>\n"),
                           "<a <b >b=1 <b >b=2 >a= .");
    CU_ASSERT_STRING_EQUAL(said("<a><b>1</b>tail</a>"), "<a <b >b=1 >a=tail .");
    CU_ASSERT_STRING_EQUAL(said("<a/>"), "<a >a= .");
    CU_ASSERT_STRING_EQUAL(said("\t\r\n<a\tb='c'\r/>\r\n\t "), "<a >a= .");
    CU_ASSERT_STRING_EQUAL(said("<a>1</a\t\r\n>"), "<a >a=1 .");
    CU_ASSERT_STRING_EQUAL(said("<a><b /></a >"), "<a <b >b= >a= .");
    CU_ASSERT_STRING_EQUAL(said("\xEF\xBB\xBF<a></a>"), "<a >a= .");
}

static void ignores_attributes_prefixes_and_comments(void)
{
    CU_ASSERT_STRING_EQUAL(said("<s:a xmlns:s=\"u>/\" b='\"'><s:b>t</s:b></s:a>"),
                           "<a <b >b=t >a= .");
    CU_ASSERT_STRING_EQUAL(said("<!-- <x> --><a>1<!-- -- >2 -->3</a><?pi?>"), "<a >a=13 .");
}

static void decodes_what_stands_for_characters(void)
{
    CU_ASSERT_STRING_EQUAL(said("<a>&lt;&gt;&amp;&quot;&apos;</a>"), "<a >a=<>&\"' .");
    CU_ASSERT_STRING_EQUAL(said("<a>&#65;&#x42;&#xe9;&#x20AC;&#x1F600;</a>"),
                           "<a >a=AB\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 .");
    CU_ASSERT_STRING_EQUAL(said("<a><![CDATA[<b>&amp;]]]></a>"), "<a >a=<b>&amp;] .");
    CU_ASSERT_STRING_EQUAL(said("<a>&#xaF;</a>"), "<a >a=\xC2\xAF .");
}

static void refuses_entities_and_dtds(void)
{
    static const char *const bad[] = {
        "<!DOCTYPE a [<!ENTITY b \"c\">]><a/>",
        "<a>&b;</a>",
        "<a>&;</a>",
        "<a>&#;</a>",
        "<a>&#x;</a>",
        "<a>&#xg;</a>",
        "<a>&#6x;</a>",
        "<a>&#6a;</a>",
        "<a>&#6A;</a>",
        "<a>&#x6G;</a>",
        "<a>&#+6;</a>",
        "<a>&xx;</a>",
        "<a>&#0;</a>",
        "<a>&#xD800;</a>",
        "<a>&#xDFFF;</a>",
        "<a>&#x110000;</a>",
        "<a>&#99999999999;</a>",
        "<a>&amp</a>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *answer = said(bad[i]);
        CU_ASSERT_EQUAL(answer[strlen(answer) - 1], '!');
    }
    CU_ASSERT_STRING_EQUAL(said("<a>&#xD7FF;&#xE000;&#x10FFFF;</a>"),
                           "<a >a=\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF .");
}

static void refuses_what_does_not_nest(void)
{
    static const char *const bad[] = {
        "",
        " ",
        "x",
        "<a>",
        "<a></b>",
        "</a>",
        "<a></a></a>",
        "<a/><b/>",
        "<a></a>x",
        "x<a/>",
        "<>",
        "< a/>",
        "<a",
        "<a b=\"",
        "<a <b/>",
        "</",
        "<a></a",
        "<a></a b>",
        "<!-- <a/>",
        "<?x <a/>",
        "<a><![CDATA[x</a>",
        "<![CDATA[x]]><a/>",
        "<a></",
        "<a><!x></a>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *answer = said(bad[i]);
        CU_ASSERT_EQUAL(answer[strlen(answer) - 1], '!');
    }
}

static void stays_bad_and_stays_at_the_end(void)
{
    struct silt_xml xml;
    silt_xml_init(&xml, silt_slice_str("x<a/>"));
    CU_ASSERT_EQUAL(silt_xml_next(&xml), SILT_XML_BAD);
    CU_ASSERT_EQUAL(silt_xml_next(&xml), SILT_XML_BAD);
    silt_xml_init(&xml, silt_slice_str("<a/>"));
    for (int i = 0; i < 2; i++) silt_xml_next(&xml);
    CU_ASSERT_EQUAL(silt_xml_next(&xml), SILT_XML_END);
    CU_ASSERT_EQUAL(silt_xml_next(&xml), SILT_XML_END);
    silt_xml_init(&xml, silt_slice_of(NULL, 0));
    CU_ASSERT_EQUAL(silt_xml_next(&xml), SILT_XML_BAD);
}

static void depth_and_text_are_bounded(void)
{
    char document[SILT_XML_TEXT_MAX * 2];
    struct silt_xml xml;
    size_t n = 0;
    for (int i = 0; i < SILT_XML_DEPTH_MAX; i++) n += (size_t)sprintf(document + n, "<a>");
    silt_xml_init(&xml, silt_slice_of(document, n));
    for (int i = 0; i < SILT_XML_DEPTH_MAX; i++)
        CU_ASSERT_EQUAL(silt_xml_next(&xml), SILT_XML_OPEN);
    n += (size_t)sprintf(document + n, "<a>");
    silt_xml_init(&xml, silt_slice_of(document, n));
    for (int i = 0; i < SILT_XML_DEPTH_MAX; i++) silt_xml_next(&xml);
    CU_ASSERT_EQUAL(silt_xml_next(&xml), SILT_XML_BAD);

    for (size_t more = 0; more < 2; more++) {
        n = (size_t)sprintf(document, "<a>");
        memset(document + n, 'x', SILT_XML_TEXT_MAX + more);
        strcpy(document + n + SILT_XML_TEXT_MAX + more, "</a>");
        silt_xml_init(&xml, silt_slice_str(document));
        silt_xml_next(&xml);
        CU_ASSERT_EQUAL(silt_xml_next(&xml), SILT_XML_CLOSE);
        CU_ASSERT_EQUAL(xml.text_len, SILT_XML_TEXT_MAX);
        CU_ASSERT_EQUAL(xml.text_cut, more == 1);
    }
}

static void knows_where_it_is(void)
{
    struct silt_xml xml;
    silt_xml_init(&xml, silt_slice_str("<a><b>1</b></a>"));
    CU_ASSERT_FALSE(silt_xml_inside(&xml, "a"));
    silt_xml_next(&xml);
    CU_ASSERT(silt_xml_inside(&xml, "a"));
    silt_xml_next(&xml);
    CU_ASSERT(silt_xml_inside(&xml, "b"));
    silt_xml_next(&xml);
    CU_ASSERT(silt_xml_inside(&xml, "a"));
    CU_ASSERT(silt_xml_is(xml.closed, "b"));
    CU_ASSERT_FALSE(silt_xml_is(xml.closed, "bb"));
}

static void escapes_what_would_end_text(void)
{
    struct silt_buf buf;
    silt_buf_init(&buf, 100);
    silt_xml_escape(&buf, "\"a<b>&c'\"");
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&buf), "&quot;a&lt;b&gt;&amp;c'&quot;");
    silt_buf_done(&buf);
}

SILT_TESTS("xml", {"reads elements and their text", reads_elements_and_their_text},
           {"ignores attributes, prefixes and comments", ignores_attributes_prefixes_and_comments},
           {"decodes what stands for characters", decodes_what_stands_for_characters},
           {"refuses entities and DTDs", refuses_entities_and_dtds},
           {"refuses what does not nest", refuses_what_does_not_nest},
           {"stays bad and stays at the end", stays_bad_and_stays_at_the_end},
           {"depth and text are bounded", depth_and_text_are_bounded},
           {"knows where it is", knows_where_it_is},
           {"escapes what would end text", escapes_what_would_end_text})
