#include "net/xml.h"

#include "base/err.h"

void silt_xml_init(struct silt_xml *xml, struct silt_slice bytes)
{
    static const char bom[] = "\xEF\xBB\xBF";
    memset(xml, 0, sizeof *xml);
    /* An empty slice may have no address, and NULL + 0 has no meaning. */
    xml->at = bytes.len ? (const char *)bytes.ptr : "";
    xml->end = xml->at + bytes.len;
    if (bytes.len >= 3 && memcmp(xml->at, bom, 3) == 0) xml->at += 3;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static enum silt_xml_event bad(struct silt_xml *xml)
{
    xml->bad = true;
    return SILT_XML_BAD;
}

static bool begins(const struct silt_xml *xml, const char *what)
{
    size_t len = strlen(what);
    return (size_t)(xml->end - xml->at) >= len && memcmp(xml->at, what, len) == 0;
}

/* @return where `what` begins from here on, NULL when nowhere. */
static const char *find(const struct silt_xml *xml, const char *what)
{
    return memmem(xml->at, (size_t)(xml->end - xml->at), what, strlen(what));
}

static bool skip_past(struct silt_xml *xml, const char *what)
{
    const char *found = find(xml, what);
    if (found) xml->at = found + strlen(what);
    return found;
}

/* --- text ------------------------------------------------------------------------------------ */

static void keep(struct silt_xml *xml, const char *bytes, size_t len)
{
    size_t room = SILT_XML_TEXT_MAX - xml->text_len;
    if (len > room) {
        len = room;
        xml->text_cut = true;
    }
    memcpy(xml->text + xml->text_len, bytes, len);
    xml->text_len += len;
    xml->text[xml->text_len] = '\0';
}

static void forget_text(struct silt_xml *xml)
{
    xml->text_len = 0;
    xml->text_cut = false;
    xml->text[0] = '\0';
}

static void keep_utf8(struct silt_xml *xml, uint32_t c)
{
    char out[4];
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0x00, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    out[0] = (char)(lead[len] | c);
    keep(xml, out, len);
}

static int digit(char c, unsigned base)
{
    int value = -1;
    if (c >= '0' && c <= '9') value = c - '0';
    if (c >= 'a' && c <= 'f') value = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') value = c - 'A' + 10;
    return value < (int)base ? value : -1;
}

/* "#38" or "#x26", without & and ;. */
static bool keep_reference(struct silt_xml *xml, struct silt_slice name)
{
    const char *at = (const char *)name.ptr + 1;
    const char *end = (const char *)name.ptr + name.len;
    bool hex = at < end && *at == 'x';
    if (hex) at++;
    if (at == end) return false;
    uint32_t c = 0;
    for (; at < end; at++) {
        int value = digit(*at, hex ? 16 : 10);
        if (value < 0) return false;
        c = c * (hex ? 16 : 10) + (uint32_t)value;
        if (c > 0x10FFFF) return false;
    }
    if (c == 0 || (c >= 0xD800 && c <= 0xDFFF)) return false;
    keep_utf8(xml, c);
    return true;
}

static bool keep_entity(struct silt_xml *xml)
{
    static const struct {
        const char *name;
        const char *means;
    } known[] = {{"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}};
    const char *end = find(xml, ";");
    if (!end) return false;
    struct silt_slice name = silt_slice_of(xml->at + 1, (size_t)(end - xml->at - 1));
    xml->at = end + 1;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!silt_xml_is(name, known[i].name)) continue;
        keep(xml, known[i].means, 1);
        return true;
    }
    return name.len > 0 && name.ptr[0] == '#' && keep_reference(xml, name);
}

/* Text up to the next '<'. */
static bool take_text(struct silt_xml *xml)
{
    while (xml->at < xml->end && *xml->at != '<') {
        if (xml->depth == 0 && !blank(*xml->at)) return false;
        if (*xml->at == '&') {
            if (!keep_entity(xml)) return false;
            continue;
        }
        keep(xml, xml->at++, 1);
    }
    return true;
}

static bool take_cdata(struct silt_xml *xml)
{
    xml->at += strlen("<![CDATA[");
    const char *end = find(xml, "]]>");
    if (!end || xml->depth == 0) return false;
    keep(xml, xml->at, (size_t)(end - xml->at));
    xml->at = end + 3;
    return true;
}

/* --- tags ------------------------------------------------------------------------------------ */

/* A name without its prefix; the position stays behind it. */
static struct silt_slice take_name(struct silt_xml *xml)
{
    const char *start = xml->at;
    while (xml->at < xml->end && !blank(*xml->at) && !strchr("/><=\"'&", *xml->at)) {
        if (*xml->at == ':') start = xml->at + 1;
        xml->at++;
    }
    return silt_slice_of(start, (size_t)(xml->at - start));
}

/* Skips attributes. @return false when the tag does not end. */
static bool take_tag_end(struct silt_xml *xml)
{
    char quote = 0;
    for (; xml->at < xml->end; xml->at++) {
        char c = *xml->at;
        if (quote) {
            if (c == quote) quote = 0;
            continue;
        }
        if (c == '"' || c == '\'') quote = c;
        if (c == '<') return false;
        if (c != '>') continue;
        xml->close_next = xml->at[-1] == '/';
        xml->at++;
        return true;
    }
    return false;
}

static enum silt_xml_event take_open(struct silt_xml *xml)
{
    xml->at++;
    struct silt_slice name = take_name(xml);
    if (name.len == 0 || !take_tag_end(xml)) return bad(xml);
    if (xml->depth == SILT_XML_DEPTH_MAX || (xml->depth == 0 && xml->rooted)) return bad(xml);
    xml->rooted = true;
    xml->names[xml->depth++] = name;
    forget_text(xml);
    return SILT_XML_OPEN;
}

static enum silt_xml_event close_element(struct silt_xml *xml)
{
    xml->closed = xml->names[--xml->depth];
    return SILT_XML_CLOSE;
}

static enum silt_xml_event take_close(struct silt_xml *xml)
{
    xml->at += 2;
    struct silt_slice name = take_name(xml);
    while (xml->at < xml->end && blank(*xml->at)) xml->at++;
    if (xml->at == xml->end || *xml->at != '>' || xml->depth == 0) return bad(xml);
    xml->at++;
    if (!silt_slice_eq(name, xml->names[xml->depth - 1])) return bad(xml);
    return close_element(xml);
}

/* Skips what is no element. @return whether there was something, by *ret_ok whether it was well
 * formed. */
static bool take_other(struct silt_xml *xml, bool *ret_ok)
{
    if (begins(xml, "<?"))
        *ret_ok = skip_past(xml, "?>");
    else if (begins(xml, "<!--"))
        *ret_ok = skip_past(xml, "-->");
    else if (begins(xml, "<![CDATA["))
        *ret_ok = take_cdata(xml);
    else if (begins(xml, "<!"))
        *ret_ok = false;
    else
        return false;
    return true;
}

enum silt_xml_event silt_xml_next(struct silt_xml *xml)
{
    if (xml->bad) return SILT_XML_BAD;
    if (xml->close_next) {
        xml->close_next = false;
        return close_element(xml);
    }
    /* What follows a closed element is its parent's text. */
    if (xml->closed.ptr) forget_text(xml);
    xml->closed = (struct silt_slice){0};
    for (bool ok = true; ok;) {
        if (!take_text(xml)) break;
        if (xml->at == xml->end) return xml->rooted && xml->depth == 0 ? SILT_XML_END : bad(xml);
        if (take_other(xml, &ok)) continue;
        return begins(xml, "</") ? take_close(xml) : take_open(xml);
    }
    return bad(xml);
}

bool silt_xml_is(struct silt_slice name, const char *wanted)
{
    return silt_slice_eq(name, silt_slice_str(wanted));
}

bool silt_xml_inside(const struct silt_xml *xml, const char *wanted)
{
    return xml->depth > 0 && silt_xml_is(xml->names[xml->depth - 1], wanted);
}

void silt_xml_escape(struct silt_buf *buf, const char *text)
{
    for (; *text; text++) {
        const char one[2] = {*text, '\0'};
        const char *out = one;
        if (*text == '&') out = "&amp;";
        if (*text == '<') out = "&lt;";
        if (*text == '>') out = "&gt;";
        if (*text == '"') out = "&quot;";
        bool fits = silt_buf_append_str(buf, out);
        SILT_ASSERT(fits);
    }
}
