/* The XML scanner on any bytes: it ends, it nests, it stays inside; what is escaped reads back. */
#include "net/xml.h"

#include "fuzz.h"

static void check_slice(struct silt_slice name, const uint8_t *data, size_t size)
{
    FUZZ_CHECK(name.len > 0 && name.ptr >= data && name.ptr + name.len <= data + size);
}

static void check_scan(const uint8_t *data, size_t size)
{
    static struct silt_xml xml;
    enum silt_xml_event event;
    unsigned depth = 0;
    size_t events = 0;
    silt_xml_init(&xml, silt_slice_of(data, size));
    while ((event = silt_xml_next(&xml)) == SILT_XML_OPEN || event == SILT_XML_CLOSE) {
        FUZZ_CHECK(++events <= 2 * size);
        depth += event == SILT_XML_OPEN ? 1 : -1u;
        FUZZ_CHECK(xml.depth == depth && depth <= SILT_XML_DEPTH_MAX);
        FUZZ_CHECK(xml.text_len <= SILT_XML_TEXT_MAX && !xml.text[xml.text_len]);
        check_slice(event == SILT_XML_OPEN ? xml.names[depth - 1] : xml.closed, data, size);
    }
    if (event == SILT_XML_END) FUZZ_CHECK(depth == 0 && events >= 2);
    FUZZ_CHECK(silt_xml_next(&xml) == event);
}

static void check_escape(const uint8_t *data, size_t size)
{
    static struct silt_xml xml;
    static char text[1024];
    struct fuzz_in in = fuzz_in(data, size);
    struct silt_buf buf;
    fuzz_text(&in, text, sizeof text);
    silt_buf_init(&buf, 16 * sizeof text);
    FUZZ_CHECK(silt_buf_append_str(&buf, "<a>"));
    silt_xml_escape(&buf, text);
    FUZZ_CHECK(silt_buf_append_str(&buf, "</a>"));
    silt_xml_init(&xml, silt_buf_slice(&buf));
    FUZZ_CHECK(silt_xml_next(&xml) == SILT_XML_OPEN && silt_xml_next(&xml) == SILT_XML_CLOSE);
    FUZZ_CHECK(strcmp(xml.text, text) == 0 && silt_xml_next(&xml) == SILT_XML_END);
    silt_buf_done(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_scan(data, size);
    check_escape(data, size);
    return 0;
}
