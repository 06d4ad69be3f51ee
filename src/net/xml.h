/* A pull scanner for the small XML that S3, STS and their like answer with.
 *
 * Pure, no recursion, no allocation; depth and text are bounded. Knows elements, text, CDATA, the
 * five predefined entities and character references; comments and processing instructions are
 * skipped, attributes ignored, namespace prefixes dropped. A DTD or any other entity is BAD, and so
 * is whatever does not nest. The bytes belong to the caller and must outlive the scanner.
 * Source: Extensible Markup Language 1.0 (Fifth Edition).
 *
 *   silt_xml_init ─▶ silt_xml_next ─▶ OPEN | CLOSE … ─▶ END | BAD (and stays there)
 */
#ifndef SILT_NET_XML_H
#define SILT_NET_XML_H

#include "base/buf.h"

#define SILT_XML_DEPTH_MAX 16
#define SILT_XML_TEXT_MAX 4096 /* bytes of text kept of one element */

enum silt_xml_event { SILT_XML_OPEN, SILT_XML_CLOSE, SILT_XML_END, SILT_XML_BAD };

struct silt_xml {
    const char *at;
    const char *end;
    struct silt_slice names[SILT_XML_DEPTH_MAX]; /* of the open elements, outermost first */
    unsigned depth;
    bool rooted;     /* the root was opened */
    bool close_next; /* <a/> gives OPEN and then CLOSE */
    bool bad;
    struct silt_slice closed; /* CLOSE: the element's name */
    bool text_cut;            /* the text was longer than what is kept */
    size_t text_len;
    char text[SILT_XML_TEXT_MAX + 1]; /* CLOSE: what stood right before it, decoded */
};

void silt_xml_init(struct silt_xml *xml, struct silt_slice bytes);
/* After OPEN the element is names[depth - 1]; after CLOSE it is `closed` and names[depth - 1] its
 * parent. */
enum silt_xml_event silt_xml_next(struct silt_xml *xml);

bool silt_xml_is(struct silt_slice name, const char *wanted);
/* Whether the innermost open element (after CLOSE: the parent) is called `wanted`. */
bool silt_xml_inside(const struct silt_xml *xml, const char *wanted);

/* Appends text with & < > " escaped. */
void silt_xml_escape(struct silt_buf *buf, const char *text);

#endif
